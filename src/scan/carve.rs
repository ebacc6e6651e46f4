//! Carving: chunks of event logs wherever they lie in the bytes of a file that is none, such as a disk image, a page file, a memory
//! dump or unallocated space.
//!
//! A chunk is taken at every 512th byte, the least unit in which disks are written, at which its signature stands and the checksum
//! of its header holds, but among the records of another. Its bytes end where the next such chunk begins: what was overwritten is not read
//! as a part of it. A
//! signature whose header's checksum does not hold is a problem that is reported: where such a chunk's records lie is anyone's guess.

use std::ops::Range;

use super::block::{BlockScan, Scanner};
use super::chunk::{CHUNK_HEADER_SIZE, Embedding, broken_header, has_sound_header};
use super::log::{Block, CHUNK_SIZE};
use crate::bytes::LogBytes;
use crate::damage::Problem;

/// Bytes of a sector: the least unit in which disks are written.
const SECTOR: usize = 512;

impl Scanner {
    /// Reads a block of a file of `size` bytes, and decodes the chunks that begin in it. `see` is shown the block's bytes, or nothing if
    /// some could not be read.
    pub fn carve_after(
        &mut self,
        log: &dyn LogBytes,
        block: Block,
        size: u64,
        see: impl FnOnce(Option<&[u8]>),
    ) -> BlockScan {
        let mut scan = BlockScan::default();
        // A chunk that reaches into the block can lie among the records of one before it; and one that begins up to the last byte of the last
        // chunk ends that one, and is needed whole to tell what lies among its records.
        let start = block.start.saturating_sub(2 * CHUNK_SIZE);
        let end = size.min(block.end.saturating_add(2 * CHUNK_SIZE));
        self.buffer.read(log, start..end);
        see(self.buffer.whole(block.start..block.end));
        let bytes_read = self.buffer.part(block.start..block.end).bytes_read();
        let starts = chunk_starts(self.buffer.part(start..end).bytes, start);
        let mut at = block.start;
        for (place, start) in starts.iter().enumerate().filter(|(_, start)| **start < block.end) {
            let next = starts.get(place + 1).copied().unwrap_or(end);
            let chunk = *start..next.min(start + CHUNK_SIZE);
            if chunk.start >= block.start {
                self.pass_over(at..chunk.start, &mut scan);
                let extent = self.scan_place(chunk.clone(), start / SECTOR as u64, &mut scan);
                *extent.of(&mut scan.tally.extents) += chunk.end - chunk.start;
            }
            at = at.max(chunk.end);
        }
        self.pass_over(at.min(block.end)..block.end, &mut scan);
        // Not those of the chunks, which lie among them or are read again with the next block.
        scan.bytes_read = bytes_read;
        scan
    }

    /// Notes how many bytes there are in which no chunk lies, what could not be read of them, and where a chunk seems to have begun.
    fn pass_over(&mut self, range: Range<u64>, scan: &mut BlockScan) {
        let start = range.start;
        scan.tally.extents.other += range.end - range.start;
        let read = self.buffer.part(range);
        for problem in broken_headers(read.bytes, start) {
            scan.problems.push(problem);
        }
        for problem in read.problems {
            scan.problems.push(problem);
        }
    }
}

/// Where chunks begin in bytes that lie `start` bytes into their file, from there.
fn chunk_starts(bytes: &[u8], start: u64) -> Vec<u64> {
    let mut embedding = Embedding::default();
    let sectors = (0..bytes.len()).step_by(SECTOR);
    let sound = sectors.filter(|at| bytes.get(*at..).is_some_and(has_sound_header));
    sound.filter(|at| !embedding.holds(bytes, *at)).map(|at| start + at as u64).collect()
}

/// Where the header of a chunk stands that is not sound, in bytes that lie `start` bytes into their file, from there.
fn broken_headers(bytes: &[u8], start: u64) -> impl Iterator<Item = Problem> {
    // The first sector that begins in the bytes: behind a chunk that was cut off they can begin anywhere.
    let first = start.next_multiple_of(SECTOR as u64) - start;
    let sectors = (usize::try_from(first).unwrap_or(usize::MAX)..bytes.len()).step_by(SECTOR);
    sectors.filter_map(move |at| {
        let rest = bytes.get(at..)?;
        let damage = broken_header(rest)?;
        let length = rest.len().min(CHUNK_HEADER_SIZE) as u64;
        Some(Problem { offset: start + at as u64, length, damage })
    })
}
