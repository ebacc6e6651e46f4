//! Carving: chunks of event logs wherever they lie in the bytes of a file that is none, such as a
//! disk image, a page file, a memory dump or unallocated space.
//!
//! A chunk is taken at every 512th byte, the least unit in which disks are written, at which its
//! signature stands and the checksum of its header holds, but among the records of another. Its
//! bytes end where the next such chunk begins: what was overwritten is not read as a part of it. A
//! signature whose header's checksum does not hold is a problem that is reported, unless it is
//! among the live records of a chunk: where such a chunk's records lie is anyone's guess. So is a
//! sound header that lies in another chunk, which begins none.

use std::iter::Peekable;
use std::ops::Range;

use crate::evidence::source::LogBytes;
use crate::ledger::damage::Problem;
use crate::scan::block::{BlockScan, ChunkPlace, Scanner};
use crate::scan::evtx::log::{Block, CHUNK_SIZE};
use crate::scan::salvage::embedding::{Embedding, Header};

/// Bytes of a sector: the least unit in which disks are written.
const SECTOR: usize = 512;

impl Scanner {
    /// Reads a block of a file of `size` bytes, and decodes the chunks that begin in it. `see` is
    /// shown the block's bytes, or nothing if some could not be read.
    pub fn carve_after(
        &mut self,
        log: &dyn LogBytes,
        block: Block,
        size: u64,
        see: impl FnOnce(Option<&[u8]>),
    ) -> BlockScan {
        let mut scan = BlockScan::default();
        // A chunk that reaches into the block can lie in one before it, if that lies in none
        // itself; and one that begins up to the last byte of the last chunk ends that one, and is
        // needed whole to tell what lies among its records.
        let start = block.start.saturating_sub(4 * CHUNK_SIZE);
        let end = size.min(block.end.saturating_add(2 * CHUNK_SIZE));
        self.buffer.read(log, start..end);
        see(self.buffer.whole(block.start..block.end));
        let bytes_read = self.buffer.part(block.start..block.end).bytes_read();
        let Headers { starts, others } = Headers::find(self.buffer.part(start..end).bytes, start);
        let mut others = others.into_iter().skip_while(|other| other.offset < block.start).peekable();
        let mut at = block.start;
        for (place, start) in starts.iter().enumerate().filter(|(_, start)| **start < block.end) {
            let next = starts.get(place + 1).copied().unwrap_or(end);
            let chunk = *start..next.min(start + CHUNK_SIZE);
            if chunk.start >= block.start {
                push_before(chunk.start, &mut others, &mut scan);
                self.pass_over(at..chunk.start, &mut scan);
                let number = start / SECTOR as u64;
                let place = ChunkPlace { number, ..ChunkPlace::whole(chunk.clone()) };
                let extent = self.scan_place(&place, &mut scan);
                let gone = self.buffer.gone(&chunk);
                *extent.of(&mut scan.tally.extents) += chunk.end - chunk.start - gone;
                scan.tally.extents.unread += gone;
            }
            at = at.max(chunk.end);
        }
        push_before(block.end, &mut others, &mut scan);
        self.pass_over(at.min(block.end)..block.end, &mut scan);
        // Not those of the chunks, which lie among them or are read again with the next block.
        scan.bytes_read = bytes_read;
        scan
    }

    /// Notes how many bytes there are in which no chunk lies, and what could not be read of them.
    fn pass_over(&mut self, range: Range<u64>, scan: &mut BlockScan) {
        let gone = self.buffer.gone(&range);
        scan.tally.extents.other += range.end - range.start - gone;
        scan.tally.extents.unread += gone;
        for problem in self.buffer.part(range).problems {
            scan.problems.push(problem);
        }
    }
}

/// Adds those that lie before `end`.
fn push_before(end: u64, others: &mut Peekable<impl Iterator<Item = Problem>>, scan: &mut BlockScan) {
    while let Some(other) = others.next_if(|other| other.offset < end) {
        scan.problems.push(other);
    }
}

/// What begins at sectors as chunks do.
#[derive(Debug, Default)]
struct Headers {
    /// Where chunks begin.
    starts: Vec<u64>,
    /// Headers that begin none.
    others: Vec<Problem>,
}

impl Headers {
    /// Those in bytes that lie `start` bytes into their file, from there.
    fn find(bytes: &[u8], start: u64) -> Self {
        let mut found = Headers::default();
        let mut embedding = Embedding::default();
        for at in (0..bytes.len()).step_by(SECTOR) {
            let offset = start + at as u64;
            match embedding.header(bytes, at) {
                Header::Begins => found.starts.push(offset),
                Header::Other(length, damage) => {
                    found.others.push(Problem { offset, length: length as u64, damage });
                }
                Header::None => {}
            }
        }
        found
    }
}
