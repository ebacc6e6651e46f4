//! Where an E01 image stores its EWF chunks (blocks of the disk), and where they lie on the disk.
//! Each table of the image lists a group of chunks.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::super::blocks::{BlockMap, BlockPlace};
use super::super::cache::{BlockCache, PAGES_LIMIT, Paged};
use super::super::fields::Fields;
use super::super::inflate::Workers;
use super::super::outcome::{ImageProblem, Problems};
use super::contents::{Contents, Group, GroupOrGap, Media};
use super::sections::DEFLATED;
use super::segments::{SegmentFile, Segments};
use super::stored::{ChunkPacking, StoredChunk};

/// Where the EWF chunks (blocks of the disk) of an E01 image lie on the disk. Each table of the
/// image lists a group of chunks. Also contains the chunks that are missing.
#[derive(Default)]
pub(super) struct Layout {
    /// The groups of EWF chunks (blocks of the disk) whose place on the disk is known. Each comes
    /// with the number of its first chunk, counted from the start of the disk. The groups are in
    /// ascending order of this number.
    groups: Vec<(u64, Group)>,
    /// The ranges of EWF chunks (blocks of the disk) that are missing from the image, as numbers of
    /// chunks, with the reason for each.
    missing: Vec<(Range<u64>, ImageProblem)>,
}

impl Layout {
    /// Returns where the groups of EWF chunks (blocks of the disk) lie on the disk. The image does
    /// not state it: it follows from the number of chunks before a group. Groups before the first
    /// gap, at which chunks are missing, are counted from the disk's start. Groups after the last
    /// gap are counted back from the disk's end, if the section that ends the image was found.
    /// Groups between two gaps have no known place, and are not read. Adds a problem for each gap
    /// and each damaged group. `name` is the name of the image's first file.
    pub(super) fn new(contents: &Contents, media: &Media, name: &str, problems: &mut Problems) -> Self {
        let all = &contents.groups;
        let is_gap = |entry: &GroupOrGap| matches!(entry, GroupOrGap::Gap(_));
        let front = all.iter().position(is_gap).unwrap_or(all.len());
        let back = all.iter().rposition(is_gap).map_or(all.len(), |last| last + 1);
        let back = if contents.ended { back } else { all.len() };
        let count = |entries: &[GroupOrGap]| groups(entries).map(|group| u64::from(group.count)).sum::<u64>();
        let (before, after) = all.split_at(front);
        let after = after.get(back - front..).unwrap_or_default();
        let gap_end = media.chunks.saturating_sub(count(after));
        let mut layout = Layout::default();
        layout.place(before, 0);
        layout.place(after, gap_end.max(count(before)));
        layout.note_missing(contents, count(before)..gap_end, media, name, problems);
        for (first, group) in &layout.groups {
            if let Some(problem) = &group.unreadable {
                let chunks = *first..first + u64::from(group.count);
                problems.push(problem.clone().at(media.bytes(&chunks)));
            }
        }
        layout
    }

    fn place(&mut self, entries: &[GroupOrGap], mut first: u64) {
        for group in groups(entries).filter(|group| group.count > 0) {
            self.groups.push((first, group.clone()));
            first += u64::from(group.count);
        }
    }

    /// Adds a problem for each gap, at which EWF chunks (blocks of the disk) are missing. `missing`
    /// is the range of chunk numbers between the groups before the first gap and those after the
    /// last one. If it is not empty, the problems state its range of the disk, and reads of this
    /// range fail. If there is no gap, but `missing` is not empty, one problem says that the tables
    /// list too few or too many chunks. `name` is the name of the image's first file.
    fn note_missing(
        &mut self,
        contents: &Contents,
        missing: Range<u64>,
        media: &Media,
        name: &str,
        problems: &mut Problems,
    ) {
        let mut reasons: Vec<ImageProblem> = contents
            .groups
            .iter()
            .filter_map(|entry| match entry {
                GroupOrGap::Gap(problem) => Some(problem.clone()),
                GroupOrGap::Group(_) => None,
            })
            .collect();
        if reasons.is_empty() && missing.start != missing.end {
            let expected = format!("{} chunks", media.chunks);
            let found = format!("tables of {} chunks", missing.start + (media.chunks - missing.end));
            reasons.push(ImageProblem::new(name, expected, found));
        }
        for problem in reasons {
            if missing.start < missing.end {
                problems.push(problem.clone().at(media.bytes(&missing)));
                self.missing.push((missing.clone(), problem));
            } else {
                problems.push(problem);
            }
        }
    }
}

fn groups(entries: &[GroupOrGap]) -> impl Iterator<Item = &Group> {
    entries.iter().filter_map(|entry| match entry {
        GroupOrGap::Group(group) => Some(group),
        GroupOrGap::Gap(_) => None,
    })
}

impl Media {
    /// Returns the range of the disk's bytes that the EWF chunks (blocks of the disk) with the
    /// numbers `chunks` contain.
    pub(super) fn bytes(&self, chunks: &Range<u64>) -> Range<u64> {
        let byte = |chunk: u64| chunk.saturating_mul(self.chunk).min(self.size);
        byte(chunks.start)..byte(chunks.end)
    }

    /// Returns the range of the disk's bytes in the `count` sectors from the sector `first` on,
    /// which the imaging tool could not read. Returns `None` if no byte of the disk lies in them.
    /// Adds a problem if they do not all lie on the disk. `place` names the section that lists
    /// them, for that problem.
    pub(super) fn unread(
        &self,
        (first, count): (u64, u64),
        place: &str,
        problems: &mut Problems,
    ) -> Option<Range<u64>> {
        let byte = |sector: u64| sector.saturating_mul(self.sector);
        let end = byte(first.saturating_add(count));
        if end > self.size {
            let expected = format!("unread sectors of a disk of {} bytes", self.size);
            problems.push(ImageProblem::new(place, expected, format!("{count} from sector {first} on")));
        }
        Some(byte(first).min(self.size)..end.min(self.size)).filter(|range| !range.is_empty())
    }
}

/// The disk of an E01 image, as a map from the EWF chunks (blocks of the disk) to the places in the
/// image's files at which they are stored.
pub(super) struct Chunks {
    media: Media,
    layout: Layout,
    segments: Vec<(String, Paged)>,
    workers: Workers,
}

impl Chunks {
    pub(super) fn new(media: &Media, layout: Layout, segments: &Segments) -> Self {
        let pages = Arc::new(BlockCache::new(PAGES_LIMIT));
        let reader = |(number, file): (usize, &SegmentFile)| {
            let tables = Paged::new(Arc::clone(&file.source), number, Arc::clone(&pages));
            (file.name.clone(), tables)
        };
        let segments = segments.files.iter().enumerate().map(reader).collect();
        Chunks { media: *media, layout, segments, workers: Workers::default() }
    }

    /// Returns the group that contains the EWF chunk (block of the disk) with the number `chunk`,
    /// and the number of the chunk in the group, counted from 0. A group is what one table of the
    /// image lists. Fails if the chunk is missing or its group cannot be read.
    fn group(&self, chunk: u64) -> io::Result<(&Group, u32)> {
        let after = self.layout.groups.partition_point(|(first, _)| *first <= chunk);
        let group = self.layout.groups.get(..after).and_then(<[_]>::last).and_then(|(first, group)| {
            let number = u32::try_from(chunk - first).ok()?;
            (number < group.count).then_some((group, number))
        });
        let (group, number) = group.ok_or_else(|| self.absent(chunk))?;
        match &group.unreadable {
            Some(problem) => Err(self.damaged(chunk, problem.clone())),
            None => Ok((group, number)),
        }
    }

    fn absent(&self, chunk: u64) -> io::Error {
        let missing = self.layout.missing.iter().find(|(chunks, _)| chunks.contains(&chunk));
        let unknown = || ImageProblem::new(format!("chunk {chunk}"), "a table that has it", "none");
        self.damaged(chunk, missing.map_or_else(unknown, |(_, problem)| problem.clone()))
    }

    /// Returns the error for a read of the EWF chunk (block of the disk) with the number `chunk`:
    /// `problem`, with the bytes of the disk that cannot be read.
    fn damaged(&self, chunk: u64, problem: ImageProblem) -> io::Error {
        problem.at(self.media.bytes(&(chunk..chunk.saturating_add(1)))).into()
    }

    fn stored(&self, chunk: u64) -> io::Result<StoredChunk<'_>> {
        let (group, number) = self.group(chunk)?;
        let (name, file) = self.segments.get(group.segment).ok_or_else(|| self.absent(chunk))?;
        let at = group.entries + u64::from(number) * 4;
        let last = number + 1 == group.count;
        let (entry, next) = if last {
            (u32::from_le_bytes(file.array(at)?), None)
        } else {
            let both: [u8; 8] = file.array(at)?;
            (Fields(&both).le32(0), Some(Fields(&both).le32(4)))
        };
        let wide = number >= group.wide_from;
        let offset = |entry: u32, wide: bool| {
            let offset = if wide { entry } else { entry & !DEFLATED };
            group.base.saturating_add(offset.into())
        };
        let start = offset(entry, wide);
        let end = next.map_or(group.end, |next| offset(next, number + 1 >= group.wide_from));
        let deflated = !wide && entry & DEFLATED != 0;
        // Deflating makes a chunk longer by a thousandth at most. What is beyond is not a part of
        // it.
        let most = self.media.chunk + self.media.chunk / 8 + 64;
        let length = end.saturating_sub(start).min(most);
        if length <= 4 {
            let expected = format!("chunk {chunk} at bytes {start} to {end}");
            return Err(self.damaged(chunk, ImageProblem::new(name, expected, "no such range")));
        }
        Ok(StoredChunk {
            number: chunk,
            range: self.media.bytes(&(chunk..chunk.saturating_add(1))),
            full: self.media.chunk,
            name,
            source: file.source().as_ref(),
            offset: start,
            length,
            packing: if deflated { ChunkPacking::Deflated } else { ChunkPacking::PlainWithSum },
        })
    }
}

impl BlockMap for Chunks {
    fn size(&self) -> u64 {
        self.media.size
    }

    fn block_size(&self) -> u64 {
        self.media.chunk
    }

    fn locate(&self, block: u64) -> io::Result<BlockPlace<'_>> {
        self.group(block).map(|_| BlockPlace::Packed)
    }

    fn unpack(&self, block: u64, into: &mut [u8]) -> io::Result<()> {
        self.stored(block)?.read(&self.workers, into)
    }
}
