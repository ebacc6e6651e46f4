//! A block of a log: reads it into a buffer, and gives back what its chunks hold.

use std::ops::Range;

use crate::base::switch::switch;
use crate::event::{DNS_CLIENT_QUERY, DNS_QUERY, EventKind, KindSet, Window};
use crate::evidence::source::LogBytes;
use crate::ledger::clock::Clock;
use crate::ledger::damage::{Damage, Problem};
use crate::ledger::note::Notes;
use crate::ledger::problems::Problems;
use crate::ledger::tally::Tally;
use crate::scan::chunk_scan::scan_chunk;
use crate::scan::evtx::chunk::{Checksums, Place, place};
use crate::scan::evtx::log::{Block, CHUNK_SIZE, FILE_HEADER_SIZE, FileHeader, parts};
use crate::scan::evtx::walk::Walk;
use crate::scan::extent::Extent;
use crate::scan::located::{LocatedEvent, Location};
use crate::scan::read::BlockBuffer;
use crate::scan::salvage::headerless::is_headerless;
use crate::scan::salvage::off_grid::{Before, OffGrid};
use crate::scan::salvage::recover::Recoverer;
use crate::scan::skim::needle::{DnsClient, Selection};
use crate::scan::skim::select::Skimmer;

/// Chunks of a piece: 512 KiB, half of the memory that is read to in turn ([`BlockBuffer`]) and of
/// an AMD EPYC's second cache. A mebibyte took some 4 % longer there, as what is looked at has then
/// left the cache; 128 KiB took a tenth longer.
const PIECE_CHUNKS: u64 = 8;

/// What a block holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BlockScan {
    /// The file's header, if this is the file's first block and could be read.
    pub header: Option<FileHeader>,
    /// Counts of what was seen.
    pub tally: Tally,
    /// What is wrong with it, in the order of the file.
    pub problems: Problems,
    /// What is said of it that is no damage, in the order of the file.
    pub notes: Notes,
    /// How many bytes could be read.
    pub bytes_read: u64,
    /// How many of its chunks begin with the signature of a chunk.
    pub signed_chunks: u64,
    /// Where the last of these ends, or its place does; 0 without any.
    pub chunks_end: u64,
    /// What the headers of its records tell of the clock.
    pub clock: Clock,
    /// Those of its events that were read, by the decoder or without, in the order of the file:
    /// Sysmon's DNS queries and, if these were asked for, queries of Windows' own DNS client and
    /// other kinds.
    pub events: Vec<LocatedEvent>,
    /// The DNS queries among its stale records, if these were asked for, in the order of the file.
    pub recovered: Vec<LocatedEvent>,
}

switch! {
    /// Whether records that are not live any more are looked for.
    pub enum Recovery {
        /// Only live ones count.
        Live,
        /// Stale ones too, apart from the live ones.
        Stale,
    }
}

/// How much of a log is read at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Reads {
    /// A few chunks, which a processor's cache can hold.
    #[default]
    Pieces,
    /// A block, for disks that seek.
    Blocks,
}

/// Scans blocks with one reused buffer. A thread has one.
#[derive(Debug)]
pub struct Scanner {
    reads: Reads,
    pub(super) buffer: BlockBuffer,
    /// Counts what need not be decoded; `None` to decode everything.
    skimmer: Option<Skimmer>,
    /// The kinds of events that are read.
    pub(super) kinds: KindSet,
    /// The period that was asked for: how many DNS queries lie in it is counted.
    pub(super) window: Window,
    walk: Walk,
    recovery: Option<Recoverer>,
}

impl Default for Scanner {
    fn default() -> Self {
        Scanner::new(&Selection::Everything)
    }
}

impl Scanner {
    /// A scanner that decodes what `selection` says.
    #[must_use]
    pub fn new(selection: &Selection) -> Self {
        let skimmer = match selection {
            Selection::Everything => None,
            Selection::Wanted(wanted) => Some(Skimmer::new(wanted)),
        };
        Scanner {
            reads: Reads::default(),
            buffer: BlockBuffer::default(),
            skimmer,
            kinds: KindSet::default().with(&DNS_QUERY),
            window: Window::default(),
            walk: Walk::default(),
            recovery: None,
        }
    }

    /// This scanner, which also decodes those queries of Windows' own DNS client that `dns_client`
    /// asks for.
    #[must_use]
    pub fn with_dns_client(self, dns_client: &DnsClient) -> Self {
        let DnsClient::Wanted(wanted) = dns_client else { return self };
        let skimmer = self.skimmer.map(|skimmer| skimmer.leaving_dns_client(wanted));
        Scanner { skimmer, kinds: self.kinds.with(&DNS_CLIENT_QUERY), ..self }
    }

    /// This scanner, which also reads every event of that kind. The skim knows nothing of it, so
    /// every record is decoded.
    #[must_use]
    pub fn reading_all(self, kind: &EventKind) -> Self {
        Scanner { skimmer: None, kinds: self.kinds.with(kind), ..self }
    }

    /// This scanner, which also counts how many DNS queries lie in a period.
    #[must_use]
    pub fn within(self, window: Window) -> Self {
        Scanner { skimmer: self.skimmer.map(|skimmer| skimmer.within(window)), window, ..self }
    }

    /// This scanner, which reads as much of a log at a time as `reads` says.
    #[must_use]
    pub fn reading(self, reads: Reads) -> Self {
        Scanner { reads, ..self }
    }

    /// This scanner, which verifies the checksums of the records of the chunks that `checksums` names.
    #[must_use]
    pub fn verifying(self, checksums: Checksums) -> Self {
        Scanner { skimmer: self.skimmer.map(|skimmer| skimmer.verifying(checksums)), ..self }
    }

    /// This scanner, which looks for deleted records or does not.
    #[must_use]
    pub fn recovering(self, recovery: Recovery) -> Self {
        Scanner { recovery: (recovery == Recovery::Stale).then(Recoverer::default), ..self }
    }

    /// Reads and decodes all of `block` of a log of `size` bytes, with the chunks that begin in it
    /// off their places. Whatever is wrong with it is in the result.
    pub fn scan(&mut self, log: &dyn LogBytes, block: Block, size: u64) -> BlockScan {
        self.scan_after(log, block, size, |_, _| ())
    }

    /// Scans a block as [`Scanner::scan`] does, and shows `see` the bytes of the block before they are
    /// decoded, which changes them: piece by piece, each with where it starts in the file. Of a piece
    /// that could not be read whole, `see` gets no bytes.
    pub fn scan_after(
        &mut self,
        log: &dyn LogBytes,
        block: Block,
        size: u64,
        mut see: impl FnMut(u64, Option<&[u8]>),
    ) -> BlockScan {
        if is_headerless(log, block) {
            self.scan_headerless(log, block, size, &mut see)
        } else {
            self.scan_pieces(log, block, size, &mut see)
        }
    }

    /// Reads and decodes a block of a log that begins with a header.
    pub(super) fn scan_pieces(
        &mut self,
        log: &dyn LogBytes,
        block: Block,
        size: u64,
        see: &mut dyn FnMut(u64, Option<&[u8]>),
    ) -> BlockScan {
        let mut scan = BlockScan::default();
        let chunks = match self.reads {
            Reads::Pieces => PIECE_CHUNKS,
            Reads::Blocks => block.length().div_ceil(CHUNK_SIZE),
        };
        let mut before = Before::block(block);
        for piece in parts(block, chunks) {
            self.buffer.read(log, piece.start..piece.end);
            see(piece.start, self.buffer.whole(piece.start..piece.end));
            let off_grid = self.find_off_grid(log, piece, size, &mut before);
            self.scan_places(piece, &off_grid, &mut scan);
        }
        scan
    }

    /// Decodes the part of a block that was read, and the chunks off their places that begin in it.
    fn scan_places(&mut self, block: Block, off_grid: &OffGrid, scan: &mut BlockScan) {
        let mut at = block.start;
        if block.is_first() {
            at = block.end.min(FILE_HEADER_SIZE);
            self.scan_header(at, scan);
            let gone = self.buffer.gone(&(0..at));
            scan.tally.extents.header += at - off_grid.covered(&(0..at)) - gone;
            scan.tally.extents.unread += gone;
            self.scan_off_grid(off_grid.beginning_in(0..at), scan);
            push_headers(off_grid, 0..at, scan);
        }
        while at < block.end {
            let place = at..block.end.min(at + CHUNK_SIZE);
            at = place.end;
            let own = off_grid.own_part(place.clone());
            let chunk = ChunkPlace { own_end: off_grid.own_end(&own), ..ChunkPlace::whole(own.clone()) };
            let extent = self.scan_place(&chunk, scan);
            if own.end < place.end {
                self.note_reading(own.end..place.end, scan);
            }
            let gone = self.buffer.gone(&place);
            *extent.of(&mut scan.tally.extents) += place.end - place.start - off_grid.covered(&place) - gone;
            scan.tally.extents.unread += gone;
            self.recover_deleted(off_grid.deleted_in(place.clone()), scan);
            self.scan_off_grid(off_grid.beginning_in(place.clone()), scan);
            push_headers(off_grid, place, scan);
        }
    }

    /// Looks for records in deleted chunks, if deleted records are asked for. Decoding the chunk
    /// that they lie in has not changed them.
    fn recover_deleted<'c>(&mut self, deleted: impl Iterator<Item = &'c Range<u64>>, scan: &mut BlockScan) {
        let Some(recoverer) = &mut self.recovery else { return };
        for range in deleted {
            let at = Start { number: chunk_number(range.start), offset: range.start };
            recoverer.recover_deleted(self.buffer.part(range.clone()).bytes, at, scan);
        }
    }

    /// Notes how much of bytes could be read that are looked at otherwise.
    fn note_reading(&mut self, range: Range<u64>, scan: &mut BlockScan) {
        let read = self.buffer.part(range);
        scan.bytes_read += read.bytes_read();
        for problem in read.problems {
            scan.problems.push(problem);
        }
    }

    fn scan_header(&mut self, length: u64, scan: &mut BlockScan) {
        self.note_reading(0..length, scan);
        let read = self.buffer.part(0..length);
        // A header of which a part cannot be read says nothing for certain, and neither does one
        // that is not there any more.
        if read.unread.is_empty() && (length == 0 || !read.bytes.is_empty()) {
            let header = FileHeader::parse(read.bytes);
            if let Some(problem) = header.problem.clone() {
                scan.problems.push(problem);
            }
            scan.header = Some(header);
        }
        if let Some(problem) = self.moved_into_header(length) {
            scan.problems.push(problem);
        }
    }

    /// Says that a header goes on with something else than zeros, where no chunk follows it: bytes
    /// of the first chunk have moved there. That a sound log has only zeros there was seen in real
    /// logs; it is not documented, so nothing is said of a header that a chunk follows.
    fn moved_into_header(&mut self, length: u64) -> Option<Problem> {
        if place(self.buffer.part(length..length + CHUNK_SIZE).bytes) != Place::Foreign {
            return None;
        }
        let header = self.buffer.part(0..length).bytes;
        let (start, moved) = FileHeader::beyond(header)?;
        let damage = Damage::ChunkSignature { found: moved.iter().copied().take(8).collect() };
        Some(Problem { offset: start as u64, length: moved.len() as u64, damage })
    }

    /// Looks at the place of one chunk, and says what its bytes are; they are not added to the
    /// tally.
    pub(super) fn scan_place(&mut self, chunk: &ChunkPlace, scan: &mut BlockScan) -> Extent {
        let length = chunk.range.end - chunk.range.start;
        let before = scan.tally.damaged_chunks;
        let empty_before = scan.tally.empty_chunks;
        let is_there = length == 0 || self.buffer.reaches(chunk.range.start);
        let is_chunk = self.look_at_place(chunk, scan);
        if !is_there {
            Extent::Absent
        } else if length < CHUNK_SIZE && !is_chunk {
            Extent::Trailing
        } else if scan.tally.damaged_chunks > before {
            Extent::Damaged
        } else if scan.tally.empty_chunks > empty_before {
            Extent::Empty
        } else {
            Extent::Good
        }
    }

    /// Looks at the place of one chunk, and says whether it begins as a chunk does.
    fn look_at_place(&mut self, chunk: &ChunkPlace, scan: &mut BlockScan) -> bool {
        let ChunkPlace { range, number, own_end } = chunk.clone();
        let mut read = self.buffer.part(range.clone());
        scan.tally.chunks += 1;
        scan.bytes_read += read.bytes_read();
        match place(read.bytes) {
            Place::Chunk => {
                scan.signed_chunks += 1;
                scan.chunks_end = scan.chunks_end.max(range.end);
                if let Some(recoverer) = &mut self.recovery {
                    let own = usize::try_from(own_end - range.start).unwrap_or(usize::MAX);
                    recoverer.keep(read.bytes.get(..own).unwrap_or(read.bytes));
                }
                let at = Start { number, offset: range.start };
                let wanted = (self.kinds, &self.window);
                scan_chunk(&mut read, at, &mut self.walk, self.skimmer.as_mut(), wanted, scan);
                if let Some(recoverer) = &mut self.recovery {
                    recoverer.recover(Start { number, offset: range.start }, scan);
                }
                return true;
            }
            // What cannot be read is zeros too, but not a chunk that was never used.
            Place::Unused if read.problems.is_empty() => {
                // Nor is one that was cut off with the file: whether the file's header counts it is
                // asked once all of the log is read.
                scan.tally.empty_chunks += 1;
            }
            Place::Unused => {}
            Place::Foreign => {
                if let Some(recoverer) = &mut self.recovery {
                    recoverer.keep(read.bytes);
                    recoverer.recover(Start { number, offset: range.start }, scan);
                }
                let damage = Damage::ChunkSignature { found: read.bytes.iter().copied().take(8).collect() };
                read.problems.push(Problem { offset: range.start, length: read.bytes.len() as u64, damage });
            }
        }
        scan.tally.damaged_chunks += u64::from(!read.problems.is_empty());
        for problem in read.problems {
            scan.problems.push(problem);
        }
        false
    }
}

/// Notes the headers in that range that begin no chunk, and the chunks that were deleted.
fn push_headers(off_grid: &OffGrid, range: Range<u64>, scan: &mut BlockScan) {
    for header in off_grid.headers_in(range.clone()) {
        scan.problems.push(header.clone());
    }
    for note in off_grid.notes_in(range) {
        scan.notes.push(note.clone());
    }
}

/// The place of a chunk that is to be looked at.
#[derive(Debug, Clone)]
pub(super) struct ChunkPlace {
    /// Where it lies in the file.
    pub range: Range<u64>,
    /// What the chunk is numbered.
    pub number: u64,
    /// Where the first deleted chunk begins in its free space, or its end: from there on, no
    /// deleted record is one of this chunk.
    pub own_end: u64,
}

impl ChunkPlace {
    /// A place in a log without a deleted chunk in it.
    pub(super) fn whole(range: Range<u64>) -> Self {
        ChunkPlace { number: chunk_number(range.start), own_end: range.end, range }
    }
}

/// Which chunk of the file it is, and where it starts there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub number: u64,
    pub offset: u64,
}

impl Start {
    /// The place of the record that starts so many bytes into the chunk.
    pub(super) fn of(self, record: u64) -> Location {
        Location { chunk_number: self.number, record_offset: self.offset + record }
    }
}

/// The number of the chunk of a log that starts there, or of the place in which it does.
pub(super) fn chunk_number(offset: u64) -> u64 {
    offset.saturating_sub(FILE_HEADER_SIZE) / CHUNK_SIZE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::damage::Integrity;
    use crate::scan::evtx::log::{BLOCK_CHUNKS, blocks};
    use dnsweep_samples::{Event, LogWriter, Style};
    use std::io;

    /// A log some of whose pages cannot be read.
    struct BadPages(Vec<u8>, Vec<u64>);

    impl LogBytes for BadPages {
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let end = offset + buffer.len() as u64;
            let bad = self.1.iter().any(|page| page * 4096 < end && offset < (page + 1) * 4096);
            if bad { Err(io::Error::other("bad sector")) } else { self.0.read_at(offset, buffer) }
        }
    }

    fn scan(log: &BadPages) -> BlockScan {
        let size = log.0.len() as u64;
        let block = blocks(size, BLOCK_CHUNKS).next().unwrap();
        Scanner::default().scan(log, block, size)
    }

    #[test]
    fn a_bad_sector_costs_the_records_in_it() {
        let mut writer = LogWriter::new(Style::Export);
        for number in 1..=20 {
            writer.push(&Event::dns_query("example.com", "a.exe").numbered(number)).unwrap();
        }
        let bytes = writer.finish();
        let size = bytes.len() as u64;
        let whole = scan(&BadPages(bytes.clone(), Vec::new()));
        assert_eq!((whole.events.len(), whole.bytes_read), (20, size));
        // The third page of the chunk, and the second and third: one range.
        for (pages, lost) in [(vec![3], 4096), (vec![2, 3], 8192)] {
            let damaged = scan(&BadPages(bytes.clone(), pages.clone()));
            let first = damaged
                .problems
                .iter()
                .find(|problem| matches!(problem.damage, Damage::Read { .. }))
                .unwrap();
            assert_eq!((first.offset, first.length), (pages[0] * 4096, lost));
            assert_eq!(damaged.bytes_read, size - lost);
            assert!((1..20).contains(&damaged.events.len()), "{}", damaged.events.len());
            // Each is one of those that were there, and marked.
            let marked =
                |event: &LocatedEvent| LocatedEvent { integrity: Integrity::Damaged, ..event.clone() };
            let known: Vec<LocatedEvent> = whole.events.iter().map(marked).collect();
            assert!(damaged.events.iter().all(|event| known.contains(event)));
        }
        let none = scan(&BadPages(bytes.clone(), (0..17).collect()));
        assert_eq!((none.bytes_read, none.tally.damaged_chunks, none.header), (0, 1, None));
    }

    #[test]
    fn a_block_is_shown_as_it_was_read_and_only_if_it_is_whole() {
        let mut writer = LogWriter::new(Style::Live);
        for number in 1..=20 {
            writer.push(&Event::dns_query("example.com", "a.exe").numbered(number)).unwrap();
        }
        let bytes = writer.finish();
        let seen = |log: &BadPages, size: usize| {
            let (mut scanner, mut seen) = (Scanner::default(), None);
            let block = blocks(size as u64, BLOCK_CHUNKS).next().unwrap();
            // The buffer held other bytes before.
            scanner.scan(&BadPages(vec![7; 200_000], Vec::new()), Block { start: 0, end: 200_000 }, 200_000);
            scanner.scan_after(log, block, size as u64, |_, bytes| seen = bytes.map(<[u8]>::to_vec));
            seen
        };
        let size = bytes.len();
        assert!(seen(&BadPages(bytes.clone(), Vec::new()), size).as_ref() == Some(&bytes));
        assert_eq!(seen(&BadPages(Vec::new(), Vec::new()), 0), Some(Vec::new()));
        assert_eq!(seen(&BadPages(bytes.clone(), vec![2]), size), None, "a bad sector");
        assert_eq!(seen(&BadPages(bytes.clone(), Vec::new()), size + 1), None, "the file shrank");
        assert!(seen(&BadPages(bytes.clone(), Vec::new()), 5000).as_deref() == Some(&bytes[..5000]));
    }
}
