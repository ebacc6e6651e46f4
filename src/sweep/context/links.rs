//! The GUIDs in Sysmon's process events: that of the process and that of its parent, with the place
//! of the event. They show which events are needed to find the processes of matches, and where
//! these events lie.
//!
//! All evidence is read before it is known which computers have matches, and its process events can
//! be more than memory holds. So their GUIDs lie in a temporary file if they are many. The file is
//! looked through once for each generation of ancestors.

use std::io::{self, BufReader, BufWriter, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use tempfile::{SpooledTempFile, spooled_tempfile_in};

use super::ancestry::MOST_ANCESTORS;
use crate::base::fast_map::FastSet;
use crate::error::SweepError;
use crate::event::Guid;
use crate::evidence::discover::{FileForm, LogFile};
use crate::output::OutputError;
use crate::scan::{Block, BlockScan, CHUNK_SIZE, ChunkLinks, FILE_HEADER_SIZE, ProcessLink};

/// The maximum number of bytes of GUIDs from process events that are kept in memory. If there are
/// more, all of them are written to a temporary file.
const MOST_IN_MEMORY: usize = 8 << 20;
/// The number of bytes that are read at a time when the GUIDs from process events are looked
/// through.
const READ_BYTES: usize = 256 << 10;
/// The number of bytes of GUIDs that are collected before they are written to those in memory or in
/// the temporary file.
const WRITE_BYTES: usize = 32 << 10;
/// The size in bytes of a GUID.
const GUID_BYTES: usize = 16;
/// The size in bytes of what comes before the encoded GUIDs of a place (a part of a file with
/// process events): the place, and how many events follow.
const HEAD_BYTES: usize = 4 + 8 + 8 + 4 + 4;

/// A place with process events: a part of a file that can be read by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sweep) struct ProcessPlace {
    /// The position of the file among all files of the sweep, in evidence order.
    pub file: u32,
    /// Where the part of the file begins: the offset of its first byte. If the events are read from
    /// a part (a file with the results of a sweep), it is the number of their document (an encoded
    /// item of the part) among those of the file.
    pub start: u64,
    /// Where the part of the file ends: the offset after its last byte. If the events are read from
    /// a part (a file with the results of a sweep), the number after that of their document.
    pub end: u64,
}

impl ProcessPlace {
    /// Returns the place (a part of a file) from the offset `start` to the offset `end`. `file` is
    /// the position of the file among all files of the sweep.
    pub(in crate::sweep) fn new(file: usize, start: u64, end: u64) -> Self {
        let file = u32::try_from(file).expect("a sweep lists fewer files than fit into memory");
        ProcessPlace { file, start, end }
    }

    /// Returns the position of the file among all files of the sweep.
    pub(in crate::sweep) fn file(self) -> usize {
        self.file as usize
    }

    /// Returns the place (a part of a file) as a block of its file.
    pub(super) fn block(self) -> Block {
        Block { start: self.start, end: self.end }
    }
}

/// The GUIDs in process events, encoded as they are kept in memory or in a temporary file.
///
/// For each place (a part of a file) come its file, start and end, the number of events with the
/// GUID of a parent, and the number of other events. Then come two GUIDs for each event with a
/// parent, and one for each other event.
#[derive(Debug, Default)]
pub(in crate::sweep) struct EncodedLinks(Vec<u8>);

impl EncodedLinks {
    /// Encodes the GUIDs in all process events that `scan` found in a block of a file. `number` is
    /// the position of the file among all files of the sweep.
    pub(in crate::sweep) fn of((number, file): (usize, &LogFile), block: Block, scan: &BlockScan) -> Self {
        let whole = ProcessPlace::new(number, block.start, block.end);
        let can_be_divided = has_regular_chunks(file, scan);
        let place = |offset| {
            let chunk = if can_be_divided { chunk_at(block, offset) } else { None };
            chunk.map_or(whole, |chunk| ProcessPlace::new(number, chunk.start, chunk.end))
        };
        let size = |of_chunk: &ChunkLinks| HEAD_BYTES + of_chunk.links.len() * 2 * GUID_BYTES;
        let mut encoded = EncodedLinks(Vec::with_capacity(scan.links.iter().map(size).sum()));
        for ChunkLinks { chunk, links } in &scan.links {
            encoded.push(place(*chunk), links.iter().copied());
        }
        let live = scan
            .events
            .iter()
            .filter_map(|found| Some((place(found.location.record_offset), ProcessLink::of(&found.event)?)));
        let deleted = scan.recovered.iter().filter_map(|found| Some((whole, ProcessLink::of(&found.event)?)));
        let decoded: Vec<(ProcessPlace, ProcessLink)> = live.chain(deleted).collect();
        for of_place in decoded.chunk_by(|(one, _), (other, _)| one == other) {
            if let Some((place, _)) = of_place.first() {
                encoded.push(*place, of_place.iter().map(|(_, link)| *link));
            }
        }
        encoded
    }

    /// Adds the GUIDs in the process events of a place (a part of a file).
    pub(in crate::sweep) fn push(
        &mut self,
        place: ProcessPlace,
        links: impl Iterator<Item = ProcessLink> + Clone,
    ) {
        let EncodedLinks(bytes) = self;
        bytes.extend_from_slice(&place.file.to_le_bytes());
        bytes.extend_from_slice(&place.start.to_le_bytes());
        bytes.extend_from_slice(&place.end.to_le_bytes());
        let counts = links.clone().fold([0_u32; 2], |[with_parent, alone], link| {
            let is_alone = u32::from(link.parent == Guid::NIL);
            [with_parent + 1 - is_alone, alone + is_alone]
        });
        for count in counts {
            bytes.extend_from_slice(&count.to_le_bytes());
        }
        for ProcessLink { process, parent } in links.clone().filter(|link| link.parent != Guid::NIL) {
            bytes.extend_from_slice(&process.bytes());
            bytes.extend_from_slice(&parent.bytes());
        }
        for ProcessLink { process, .. } in links.filter(|link| link.parent == Guid::NIL) {
            bytes.extend_from_slice(&process.bytes());
        }
    }
}

/// Returns true if each chunk of a scanned block lies where it should in a log with a file header,
/// and the scan found no problem and made no note. Scanning one of these chunks alone then finds
/// the live events that scanning the block finds in the chunk.
fn has_regular_chunks(file: &LogFile, scan: &BlockScan) -> bool {
    let is_at_its_place =
        scan.chunks_end.checked_sub(FILE_HEADER_SIZE).is_some_and(|end| end.is_multiple_of(CHUNK_SIZE));
    file.form == FileForm::Log && scan.problems.is_empty() && scan.notes.count() == 0 && is_at_its_place
}

/// Returns the range of the chunk that contains the byte at `offset` of a log with a file header;
/// `None` if the chunk does not lie in `block`.
fn chunk_at(block: Block, offset: u64) -> Option<Block> {
    let start = offset - offset.checked_sub(FILE_HEADER_SIZE)? % CHUNK_SIZE;
    let end = start + CHUNK_SIZE;
    (start >= block.start && end <= block.end).then_some(Block { start, end })
}

/// The GUIDs in process events, and the places (parts of files) of these events: in memory or, if
/// they are many, in a temporary file, which has no name and is gone with the process.
#[derive(Debug)]
pub(in crate::sweep) struct LinkSpool {
    file: BufWriter<SpooledTempFile>,
    /// The folder of the temporary file. Errors name it.
    folder: PathBuf,
}

impl LinkSpool {
    /// Makes an empty collection for the GUIDs in process events. If they become too many for
    /// memory, they are written to a temporary file in `folder`.
    pub(in crate::sweep) fn new(folder: &Path) -> Self {
        Self::with_limit(folder, MOST_IN_MEMORY)
    }

    fn with_limit(folder: &Path, most_in_memory: usize) -> Self {
        let file = spooled_tempfile_in(most_in_memory, folder);
        LinkSpool { file: BufWriter::with_capacity(WRITE_BYTES, file), folder: folder.to_path_buf() }
    }

    /// Adds encoded GUIDs of process events after those that were added before.
    pub(in crate::sweep) fn add(&mut self, links: &EncodedLinks) -> Result<(), SweepError> {
        self.file.write_all(&links.0).map_err(|error| self.failed(&error))
    }

    /// Calls `found` for each process event in the files of `search`, with its place (a part of a
    /// file) and its GUIDs. Stops early, without an error, if the search is interrupted.
    fn each(
        &mut self,
        search: &LinkSearch<'_>,
        mut found: impl FnMut(ProcessPlace, ProcessLink),
    ) -> Result<(), SweepError> {
        self.read(search, &mut found).map_err(|error| self.failed(&error))
    }

    fn read(
        &mut self,
        search: &LinkSearch<'_>,
        found: &mut impl FnMut(ProcessPlace, ProcessLink),
    ) -> io::Result<()> {
        self.file.flush()?;
        let file = self.file.get_mut();
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::with_capacity(READ_BYTES, &mut *file);
        let mut guids = Vec::new();
        while !search.interrupt.load(Ordering::Relaxed)
            && let Some(Head { place, with_parent, alone }) = read_head(&mut reader)?
        {
            let (pairs, single) = (with_parent * 2 * GUID_BYTES, alone * GUID_BYTES);
            if search.files.binary_search(&place.file()).is_err() {
                reader.seek_relative(i64::try_from(pairs + single).map_err(io::Error::other)?)?;
                continue;
            }
            guids.resize(pairs + single, 0);
            reader.read_exact(&mut guids)?;
            let (pairs, single) = guids.split_at(pairs);
            for [process, parent] in pairs.as_chunks::<GUID_BYTES>().0.as_chunks::<2>().0 {
                let (process, parent) = (Guid::from_bytes(*process), Guid::from_bytes(*parent));
                found(place, ProcessLink { process, parent });
            }
            for process in single.as_chunks::<GUID_BYTES>().0 {
                found(place, ProcessLink { process: Guid::from_bytes(*process), parent: Guid::NIL });
            }
        }
        // More can be added after what is there.
        file.seek(SeekFrom::End(0)).map(|_| ())
    }

    fn failed(&self, error: &io::Error) -> SweepError {
        let reason = format!("the temporary file for process events: {error}");
        OutputError::Write { path: self.folder.clone(), reason }.into()
    }
}

/// What comes before the encoded GUIDs of a place (a part of a file with process events).
struct Head {
    place: ProcessPlace,
    /// The number of process events of the place that state the GUID of a parent. Each has two
    /// GUIDs.
    with_parent: usize,
    /// The number of process events of the place without the GUID of a parent. Each has one GUID.
    alone: usize,
}

/// Reads what comes before the encoded GUIDs of the next place (a part of a file with process
/// events); `None` at the end of the file.
fn read_head(reader: &mut impl Read) -> io::Result<Option<Head>> {
    let mut head = [0; HEAD_BYTES];
    let (first, rest) = head.split_at_mut(1);
    if reader.read(first)? == 0 {
        return Ok(None);
    }
    reader.read_exact(rest)?;
    let (file, rest) = head.split_first_chunk::<4>().ok_or(ErrorKind::UnexpectedEof)?;
    let (start, rest) = rest.split_first_chunk::<8>().ok_or(ErrorKind::UnexpectedEof)?;
    let (end, rest) = rest.split_first_chunk::<8>().ok_or(ErrorKind::UnexpectedEof)?;
    let (with_parent, rest) = rest.split_first_chunk::<4>().ok_or(ErrorKind::UnexpectedEof)?;
    let alone = rest.first_chunk::<4>().ok_or(ErrorKind::UnexpectedEof)?;
    let count = |bytes| usize::try_from(u32::from_le_bytes(bytes)).map_err(io::Error::other);
    let (start, end) = (u64::from_le_bytes(*start), u64::from_le_bytes(*end));
    let place = ProcessPlace { file: u32::from_le_bytes(*file), start, end };
    Ok(Some(Head { place, with_parent: count(*with_parent)?, alone: count(*alone)? }))
}

/// In which files the needed process events are looked for, and when the search ends early.
#[derive(Clone, Copy)]
pub(super) struct LinkSearch<'s> {
    /// The files with process events of the computers that have matches, by their positions among
    /// all files of the sweep, in ascending order.
    pub files: &'s [usize],
    /// When this becomes true, the search ends early.
    pub interrupt: &'s AtomicBool,
}

/// Returns the processes whose events are needed: `seeds` (the processes of matches), and all that
/// may be their ancestors, up to [`MOST_ANCESTORS`] generations. Also returns the places of these
/// events (file and range) in those files of the evidence that `search` looks through, in ascending
/// order.
pub(super) fn needed(
    links: &mut LinkSpool,
    search: &LinkSearch<'_>,
    seeds: impl Iterator<Item = Guid>,
) -> Result<(FastSet<Guid>, Vec<ProcessPlace>), SweepError> {
    let (mut needed, mut places) = (FastSet::default(), Vec::new());
    let mut generation: FastSet<Guid> = seeds.collect();
    for _ in 0..=MOST_ANCESTORS {
        needed.extend(&generation);
        let mut parents = FastSet::default();
        links.each(search, |place, link| {
            if generation.contains(&link.process) {
                if places.last() != Some(&place) {
                    places.push(place);
                }
                if link.parent != Guid::NIL && !needed.contains(&link.parent) {
                    parents.insert(link.parent);
                }
            }
        })?;
        places.sort_unstable();
        places.dedup();
        generation = parents;
        if generation.is_empty() {
            break;
        }
    }
    Ok((needed, places))
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};
    use std::sync::Arc;

    use dnsweep_samples::{Event, LogWriter, Style, process_guid};
    use proptest::prelude::*;

    use super::super::ancestry::ancestors;
    use super::*;
    use crate::evidence::discover::{Search, discover};
    use crate::scan::{ProcessSearch, Scanner, blocks};

    fn guid(process: u32) -> Guid {
        Guid::parse(&process_guid(process).to_string()).unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn what_is_needed_is_what_a_look_at_all_links_finds(
            logged in prop::collection::vec((0..4_usize, 0..3_u64, 1..30_u32, 0..30_u32), 0..40),
            wanted in prop::collection::btree_set(0..4_usize, 0..4),
            seeds in prop::collection::vec(1..30_u32, 1..4),
            most_in_memory in prop_oneof![Just(0), Just(100), Just(1 << 20)],
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut spool = LinkSpool::with_limit(folder.path(), most_in_memory);
            let mut links = Vec::new();
            for (file, start, process, parent) in logged {
                let place = ProcessPlace::new(file, start, start + 1);
                // A process that is started by no process has ended.
                let parent = if parent == 0 { Guid::NIL } else { guid(parent) };
                let link = ProcessLink { process: guid(process), parent };
                let mut encoded = EncodedLinks::default();
                encoded.push(place, std::iter::once(link));
                spool.add(&encoded).unwrap();
                links.extend(wanted.contains(&file).then_some((place, link)));
            }
            let wanted: Vec<usize> = wanted.into_iter().collect();
            let seeds: Vec<Guid> = seeds.into_iter().map(guid).collect();
            let parents = |process: &Guid| {
                let of = links.iter().filter(|(_, link)| link.process == *process);
                of.map(|(_, link)| link.parent).filter(|parent| *parent != Guid::NIL).collect()
            };
            let expected: FastSet<Guid> = ancestors(seeds.clone(), parents).into_keys().collect();
            let of_needed = links.iter().filter(|(_, link)| expected.contains(&link.process));
            let places: BTreeSet<ProcessPlace> = of_needed.map(|(place, _)| *place).collect();
            // A second look finds the same.
            for _ in 0..2 {
                let search = LinkSearch { files: &wanted, interrupt: &AtomicBool::new(false) };
                let found = needed(&mut spool, &search, seeds.iter().copied()).unwrap();
                prop_assert_eq!(&found.0, &expected);
                prop_assert_eq!(&found.1, &places.iter().copied().collect::<Vec<_>>());
            }
            prop_assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
        }
    }

    /// Makes a log of some chunks in which each process was started by the one with half its
    /// number.
    fn log(style: Style) -> Vec<u8> {
        let mut writer = LogWriter::new(style);
        for process in 1..300 {
            let event = Event::process_create("a.exe", "a.exe", "b.exe").of_process(process);
            let event = event.with("ParentProcessGuid", process_guid(process / 2)).numbered(process.into());
            writer.push(&event).unwrap();
        }
        writer.finish()
    }

    #[test]
    fn what_is_read_at_each_place_is_what_the_block_has_there() {
        let whole = log(Style::Live);
        assert!(whole.len() > 4096 + 3 * 65536);
        let damaged = |at: usize| {
            let mut damaged = whole.clone();
            damaged[4096 + 65536 + at] ^= 0xff;
            damaged
        };
        let mut shifted = whole.clone();
        shifted.splice(4096 + 65536..4096 + 65536, [7; 100]);
        let logs = [
            (whole.clone(), true),
            (log(Style::Export), true),
            (log(Style::Forwarded), true),
            // Without its header, the log has its chunks elsewhere.
            (whole[4096..].to_vec(), false),
            // A damaged record is noticed only when it is decoded.
            (damaged(700), true),
            (damaged(100), false),
            (shifted, false),
        ];
        for (number, (bytes, is_divided)) in logs.into_iter().enumerate() {
            let folder = tempfile::tempdir().unwrap();
            std::fs::write(folder.path().join("a.evtx"), &bytes).unwrap();
            let search = Search { roots: vec![folder.path().to_path_buf()], ..Search::default() };
            let discovery = discover(&search, std::num::NonZeroUsize::MIN).unwrap();
            let (file, size) = (&discovery.files[0], bytes.len() as u64);
            let block = blocks(size, 128).next().unwrap();
            let links = Scanner::for_processes(&ProcessSearch::Links).scan(&bytes, block, size);
            let mut spool = LinkSpool::new(folder.path());
            spool.add(&EncodedLinks::of((0, file), block, &links)).unwrap();
            for seed in [1, 77, 299] {
                let search = LinkSearch { files: &[0], interrupt: &AtomicBool::new(false) };
                let (needed, places) = needed(&mut spool, &search, std::iter::once(guid(seed))).unwrap();
                let is_part = |place: &ProcessPlace| place.block() != block;
                assert_eq!(places.iter().all(is_part), is_divided, "{number} {places:?}");
                let of: HashSet<Guid> = needed.into_iter().collect();
                let mut scanner = Scanner::for_processes(&ProcessSearch::Of(Arc::new(of.clone())));
                let mut read = |block| {
                    let mut events = scanner.scan(&bytes, block, size).events;
                    events.retain(|found| {
                        ProcessLink::of(&found.event).is_some_and(|link| of.contains(&link.process))
                    });
                    events
                };
                let at_places: Vec<_> = places.iter().flat_map(|place| read(place.block())).collect();
                assert!(!at_places.is_empty());
                assert_eq!(at_places, read(block), "{number}");
            }
        }
    }
}
