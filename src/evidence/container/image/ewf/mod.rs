//! E01 disk images: the Expert Witness Format, version 1. The disk is stored in blocks called
//! chunks, each of which is deflated or followed by an Adler-32. An image consists of segments,
//! each of which is a file. All numbers are little-endian.
//!
//! [`segments`] finds the files, [`sections`] reads the sections in them, [`chunks`] finds the
//! place of each chunk on the disk, and [`header`] reads what the examiner typed.

mod chunks;
mod contents;
pub(super) mod ex01;
mod header;
mod sections;
mod segments;
mod stored;

use std::sync::Arc;

use self::chunks::{Chunks, Layout};
use self::contents::Contents;
pub(super) use self::segments::first_name;
use super::blocks::BlockDisk;
use super::outcome::Problems;
use super::{Image, ImageError, Opening};

pub(super) fn open(opening: &Opening<'_>) -> Result<Image, ImageError> {
    let mut problems = Problems::default();
    let mut contents = Contents::default();
    let segments = segments::read_all(opening, &mut contents, &mut problems)?;
    let Some(media) = contents.media else {
        return Err(opening.problem("sections", "a volume section that describes the disk", "none").into());
    };
    opening.check_size(media.size)?;
    let layout = Layout::new(&contents, &media, opening.name, &mut problems);
    let map = Chunks::new(&media, layout, &segments);
    let mut image = Image::of(Arc::new(BlockDisk::new(map)));
    image.facts = contents.facts;
    image.facts.missing_segments = segments.missing;
    image.parts = segments.files.into_iter().skip(1).map(|file| file.name).collect();
    image.problems = problems.finish(opening.name);
    Ok(image)
}
