//! Ex01 disk images: the Expert Witness Format, version 2. Unlike in E01, the descriptor of a
//! section follows its data, and each table of EWF chunks (blocks of the disk) states the number of
//! its first chunk. All numbers are little-endian.

mod chunks;
mod sections;

use std::sync::Arc;

use self::chunks::{Chunks, Table};
use self::sections::Sections;
use super::super::blocks::BlockDisk;
use super::super::cache::{BlockCache, PAGES_LIMIT, Paged};
use super::super::fields::Fields;
use super::super::inflate::Workers;
use super::super::outcome::{ImageFacts, ImageProblem, Problems};
use super::super::{Image, ImageError, Opening};
use super::contents::Media;
use super::sections::LARGEST_CHUNK;
use super::segments::{LOOK_AHEAD, segment_name};
use crate::evidence::layer::{SharedSource, read_up_to};

/// The size of the header of an Ex01 segment (a file of the image), in bytes.
const SEGMENT_HEADER: usize = 32;

/// What has been read so far from the segments (files) of an Ex01 image while the image is opened.
#[derive(Default)]
struct Contents {
    segments: Vec<(String, SharedSource)>,
    tables: Vec<Table>,
    facts: ImageFacts,
    /// The number of sectors of the imaged disk. `None` until a section of the image states it.
    sectors: Option<u64>,
    /// The size of a sector of the imaged disk, in bytes. `None` until a section of the image
    /// states it.
    sector: Option<u64>,
    sectors_per_chunk: Option<u64>,
    /// The ranges of the disk's sectors that the imaging tool could not read when the image was
    /// taken: the first sector and the number of sectors of each.
    unread: Vec<(u64, u64)>,
    /// The number of sections of the image that were read so far. At most `MOST_SECTIONS` are read.
    sections: u32,
    /// True if the section that ends an image was found, so that no segment (file) is missing at
    /// the end.
    ended: bool,
}

pub(in super::super) fn open(opening: &Opening<'_>) -> Result<Image, ImageError> {
    let (mut contents, mut problems) = (Contents::default(), Problems::default());
    read_segments(opening, &mut contents, &mut problems)?;
    let media = media(opening, &contents)?;
    opening.check_size(media.size)?;
    contents.tables.sort_by_key(|table| table.first);
    note_missing(&contents, &media, opening.name, &mut problems);
    let place = format!("{}, section of unread sectors", opening.name);
    let unread = contents.unread.iter().filter_map(|sectors| media.unread(*sectors, &place, &mut problems));
    contents.facts.unread_at_acquisition = unread.collect();
    let pages = Arc::new(BlockCache::new(PAGES_LIMIT));
    let reader = |(number, (name, source)): (usize, &(String, SharedSource))| {
        (name.clone(), Paged::new(Arc::clone(source), number, Arc::clone(&pages)))
    };
    let segments = contents.segments.iter().enumerate().map(reader).collect();
    let map = Chunks { media, tables: contents.tables, segments, workers: Workers::default() };
    let mut image = Image::of(Arc::new(BlockDisk::new(map)));
    image.parts = contents.segments.into_iter().skip(1).map(|(name, _)| name).collect();
    image.facts = contents.facts;
    image.problems = problems.finish(opening.name);
    Ok(image)
}

/// Reads all segments (files) of an Ex01 image into `contents`, up to the segment that ends the
/// image. Adds a problem for each missing segment. The problem states no range of the disk, which
/// is not known yet: later, [`note_missing`] adds further problems with the ranges whose chunks are
/// in no table.
fn read_segments(
    opening: &Opening<'_>,
    contents: &mut Contents,
    problems: &mut Problems,
) -> Result<(), ImageError> {
    let first = Arc::clone(&opening.first);
    read_segment(opening.name.to_owned(), first, 1, contents, problems)?;
    let mut absent: Vec<(u32, String)> = Vec::new();
    for number in 2.. {
        let name = segment_name(opening.name, number).filter(|_| !contents.ended);
        let Some(name) = name.filter(|_| absent.len() < LOOK_AHEAD) else { break };
        match opening.sibling(&name)? {
            Some(source) => {
                for (number, name) in absent.drain(..) {
                    contents.facts.missing_segments.push(number);
                    problems.push(ImageProblem::new(name, "a segment of the image", "no file"));
                }
                read_segment(name, source, number, contents, problems)?;
            }
            None => absent.push((number, name)),
        }
    }
    if let Some((number, name)) = absent.into_iter().next().filter(|_| !contents.ended) {
        contents.facts.missing_segments.push(number);
        problems.push(ImageProblem::new(name, "the segment that ends the image", "no file"));
    }
    Ok(())
}

fn read_segment(
    name: String,
    source: SharedSource,
    number: u32,
    contents: &mut Contents,
    problems: &mut Problems,
) -> Result<(), ImageError> {
    let failed = |source| ImageError::Read { name: name.clone(), source };
    let head = read_up_to(source.as_ref(), 0, SEGMENT_HEADER).map_err(failed)?;
    let (fields, stated) = (Fields(&head), Fields(&head).le32(12));
    if fields.le16(10) == 2 {
        return Err(ImageError::Unsupported("Ex01 packed with bzip2".into()));
    }
    if !head.starts_with(b"EVF2\x0d\x0a\x81\x00") || stated != number {
        let found =
            if head.starts_with(b"EVF2") { format!("segment {stated}") } else { "other bytes".into() };
        let problem = ImageProblem::new(&name, format!("the header of Ex01 segment {number}"), found);
        if number == 1 {
            return Err(problem.into());
        }
        problems.push(problem);
    } else {
        let segment = contents.segments.len();
        contents.segments.push((name.clone(), Arc::clone(&source)));
        let sections = Sections { name: &name, source: &source, segment };
        sections.read(contents, problems).map_err(failed)?.map_or(Ok(()), Err)?;
        return Ok(());
    }
    contents.segments.push((name, source));
    Ok(())
}

fn media(opening: &Opening<'_>, contents: &Contents) -> Result<Media, ImageError> {
    let (Some(sectors), Some(sector), Some(per_chunk)) =
        (contents.sectors, contents.sector, contents.sectors_per_chunk)
    else {
        let expected = "the number of sectors, their size and the size of chunks";
        return Err(opening.problem("device and case", expected, "not all of them").into());
    };
    let chunk = sector.saturating_mul(per_chunk);
    if !(1..=LARGEST_CHUNK).contains(&chunk) {
        let expected = format!("chunks of 1 to {LARGEST_CHUNK} bytes");
        return Err(opening.problem("device and case", expected, format!("{chunk} bytes")).into());
    }
    let size = sectors.saturating_mul(sector);
    Ok(Media { size, chunk, sector, chunks: size.div_ceil(chunk) })
}

/// Adds a problem for each range of EWF chunks (blocks of the disk) that no table of an Ex01 image
/// lists, or whose table is damaged. Must be called after all tables were read and sorted. `name`
/// is the name of the image's first file.
fn note_missing(contents: &Contents, media: &Media, name: &str, problems: &mut Problems) {
    let mut next = 0;
    let mut gap = |from: u64, to: u64| {
        if from < to.min(media.chunks) {
            let expected = format!("a table of chunks {from} to {to}");
            problems.push(ImageProblem::new(name, expected, "none").at(media.bytes(&(from..to))));
        }
    };
    for table in &contents.tables {
        gap(next, table.first);
        next = next.max(table.first.saturating_add(table.count.into()));
    }
    gap(next, media.chunks);
    for table in &contents.tables {
        if let Some(problem) = &table.unreadable {
            let chunks = table.first..table.first.saturating_add(table.count.into());
            problems.push(problem.clone().at(media.bytes(&chunks)));
        }
    }
}
