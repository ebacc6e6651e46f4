//! A block of a log: reads its chunks one by one into one buffer, and gives back what they hold.

use crate::bytes::LogBytes;
use crate::damage::{Damage, Problem, Problems};
use crate::event::DnsQueryEvent;
use crate::tally::Tally;

use super::chunk::{Place, Reached, place, walk};
use super::document::Document;
use super::log::{Block, CHUNK_LENGTH, CHUNK_SIZE, FILE_HEADER_SIZE, FileHeader};
use super::needle::{Needles, Selection};
use super::record::decode;
use super::select::skim;

/// Where a record lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Location {
    /// Which chunk of the file, from 0.
    pub chunk_number: u64,
    /// Where the record starts, in bytes from the start of the file.
    pub record_offset: u64,
}

/// A DNS query and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedEvent {
    /// Its place.
    pub location: Location,
    /// What it says.
    pub event: DnsQueryEvent,
}

/// What a block holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct BlockScan {
    /// The file's header, if this is the file's first block and could be read.
    pub header: Option<FileHeader>,
    /// Counts of what was seen.
    pub tally: Tally,
    /// What is wrong with it, in the order of the file.
    pub problems: Problems,
    /// How many bytes could be read.
    pub bytes_read: u64,
    /// How many of its chunks begin with the signature of a chunk.
    pub signed_chunks: u64,
    /// Its DNS queries, in the order of the file.
    pub events: Vec<LocatedEvent>,
}

/// Scans blocks with one reused buffer. A thread has one.
#[derive(Debug)]
pub struct Scanner {
    buffer: Vec<u8>,
    /// What to look for in DNS queries; `None` to decode everything.
    needles: Option<Needles>,
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
        let needles = match selection {
            Selection::Everything => None,
            Selection::Wanted(wanted) => Some(Needles::new(wanted)),
        };
        Scanner { buffer: vec![0; CHUNK_LENGTH], needles }
    }

    /// Reads and decodes all of `block`. Whatever is wrong with it is in the result.
    pub fn scan(&mut self, log: &dyn LogBytes, block: Block) -> BlockScan {
        let mut scan = BlockScan::default();
        let mut at = block.start;
        if block.is_first() {
            at = block.end.min(FILE_HEADER_SIZE);
            self.scan_header(log, at, &mut scan);
        }
        while at < block.end {
            let end = block.end.min(at + CHUNK_SIZE);
            self.scan_place(log, at..end, &mut scan);
            at = end;
        }
        scan
    }

    fn scan_header(&mut self, log: &dyn LogBytes, length: u64, scan: &mut BlockScan) {
        if let Some(bytes) = read(log, &mut self.buffer, 0..length, scan) {
            let header = FileHeader::parse(bytes);
            if let Some(problem) = header.problem.clone() {
                scan.problems.push(problem);
            }
            scan.header = Some(header);
        }
    }

    /// Looks at the place of one chunk.
    fn scan_place(&mut self, log: &dyn LogBytes, range: std::ops::Range<u64>, scan: &mut BlockScan) {
        scan.tally.chunks += 1;
        let length = range.end - range.start;
        let Some(bytes) = read(log, &mut self.buffer, range.clone(), scan) else {
            scan.tally.damaged_chunks += 1;
            return;
        };
        match place(bytes) {
            Place::Chunk => {
                scan.signed_chunks += 1;
                scan_chunk(bytes, range.start, self.needles.as_ref(), scan);
            }
            Place::Unused if length == CHUNK_SIZE => scan.tally.empty_chunks += 1,
            Place::Unused => {
                scan.tally.empty_chunks += 1;
                scan.tally.damaged_chunks += 1;
                let damage = Damage::ChunkCutOff { found: length };
                scan.problems.push(Problem { offset: range.start, length, damage });
            }
            Place::Foreign => {
                scan.tally.damaged_chunks += 1;
                let damage = Damage::ChunkSignature { found: bytes.iter().copied().take(8).collect() };
                scan.problems.push(Problem { offset: range.start, length, damage });
            }
        }
    }
}

/// Walks a chunk that starts `start` bytes into the file, and decodes what the skim leaves of it: all
/// where none is wanted, or where anything is wrong with the chunk.
fn scan_chunk(bytes: &mut [u8], start: u64, needles: Option<&Needles>, scan: &mut BlockScan) {
    let mut walk = walk(bytes);
    let mut problems = std::mem::take(&mut walk.problems);
    let is_empty = walk.records.is_empty();
    if problems.is_empty()
        && let Some(needles) = needles
    {
        skim(bytes, &mut walk, needles, &mut scan.tally);
    }
    let chunk_number = (start - FILE_HEADER_SIZE) / CHUNK_SIZE;
    let BlockScan { tally, events, .. } = scan;
    decode(bytes, &walk, |record, document| {
        let offset = record.range.start as u64;
        let refound = record.reached == Reached::BehindDamage && document.is_ok();
        tally.refound_records += u64::from(refound);
        match document {
            Ok(Document::Other(system)) => tally.add(&system),
            Ok(Document::DnsQuery(event)) => {
                tally.add(&event.system);
                let location = Location { chunk_number, record_offset: start + offset };
                events.push(LocatedEvent { location, event: *event });
            }
            Err(reason) => {
                tally.damaged_records += 1;
                let damage = Damage::Record { header_id: record.header_id, reason };
                problems.push(Problem { offset, length: record.range.len() as u64, damage });
            }
        }
    });
    if is_empty {
        tally.empty_chunks += 1;
    }
    tally.damaged_chunks += u64::from(!problems.is_empty());
    problems.sort_by_key(|problem| problem.offset);
    for problem in problems {
        scan.problems.push(Problem { offset: start + problem.offset, ..problem });
    }
}

/// Reads a range of the file into the buffer. What cannot be read is a problem; what can, is returned.
fn read<'a>(
    log: &dyn LogBytes,
    buffer: &'a mut [u8],
    range: std::ops::Range<u64>,
    scan: &mut BlockScan,
) -> Option<&'a mut [u8]> {
    let length = range.end - range.start;
    // A chunk's place is 64 KiB at most, the buffer's size.
    let buffer = buffer.get_mut(..usize::try_from(length).ok()?)?;
    let (found, damage) = match log.read_at(range.start, buffer) {
        Ok(found) if found == buffer.len() => (found, None),
        Ok(found) => (found, Some(Damage::Shrunk)),
        Err(error) => (0, Some(Damage::Read { reason: error.to_string() })),
    };
    scan.bytes_read += found as u64;
    if let Some(damage) = damage {
        let missing = length - found as u64;
        scan.problems.push(Problem { offset: range.start + found as u64, length: missing, damage });
        return if found == 0 { None } else { buffer.get_mut(..found) };
    }
    Some(buffer)
}
