//! E01: the Expert Witness Format, version 1. A disk in chunks, each deflated or followed by an
//! Adler-32, in segments that are files of their own. All numbers are little-endian.
//!
//! [`segments`] finds the files, [`sections`] reads what they consist of, [`chunks`] places the
//! chunks on the disk, [`header`] reads what the examiner typed.

mod chunks;
pub(super) mod ex01;
mod header;
mod sections;
mod segments;
mod stored;

use std::sync::Arc;

use self::chunks::{Chunks, Layout};
use self::sections::Contents;
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
