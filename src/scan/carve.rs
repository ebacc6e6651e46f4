//! Carving: chunks of event logs wherever they lie in the bytes of a file that is none, such as a disk image, a page file, a memory
//! dump or unallocated space.
//!
//! A chunk is taken at every 512th byte, the least unit in which disks are written, at which its signature stands and the checksum
//! of its header holds. Its bytes end where the next such chunk begins: what was overwritten is not read as a part of it. A
//! signature whose header's checksum does not hold is a problem that is reported: where such a chunk's records lie is anyone's guess.
//!
//! A log is carved, too, where no chunk lies in the place of one: it may have lost sectors, or have been put together from pieces.

use std::ops::Range;

use super::block::{BlockScan, Scanner, chunk_number};
use super::chunk::{CHUNK_HEADER_SIZE, broken_header, has_sound_header};
use super::log::{Block, CHUNK_SIZE};
use super::off_grid::{OffGrid, SECTOR};
use crate::bytes::LogBytes;
use crate::damage::{Damage, Problem};
use crate::tally::Tally;

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
        // The last chunk that begins in the block may end a chunk's length behind it.
        let end = size.min(block.end.saturating_add(CHUNK_SIZE));
        self.buffer.read(log, block.start..end);
        see(self.buffer.whole(block.start..block.end));
        let bytes_read = self.buffer.part(block.start..block.end).bytes_read();
        let starts = chunk_starts(self.buffer.part(block.start..end).bytes, block.start);
        let mut at = block.start;
        for (place, start) in starts.iter().enumerate().filter(|(_, start)| **start < block.end) {
            let next = starts.get(place + 1).copied().unwrap_or(end);
            let chunk = *start..next.min(start + CHUNK_SIZE);
            self.pass_over(at..*start, &mut scan);
            at = chunk.end;
            let extent = self.scan_place(chunk.clone(), start / SECTOR as u64, &mut scan);
            *extent.of(&mut scan.tally.extents) += chunk.end - chunk.start;
        }
        self.pass_over(at.min(block.end)..block.end, &mut scan);
        // Not those of the chunks, which lie among them or are read again with the next block.
        scan.bytes_read = bytes_read;
        scan
    }

    /// Reads a block of a log of `size` bytes as [`Scanner::scan_after`] does, and decodes the chunks, too, that begin in it
    /// off their places.
    pub fn scan_and_carve_after(
        &mut self,
        log: &dyn LogBytes,
        block: Block,
        size: u64,
        see: impl FnOnce(Option<&[u8]>),
    ) -> BlockScan {
        // A chunk that begins within a chunk's length before the block may reach into it, and one of the block's behind it.
        let start = block.start.saturating_sub(if block.is_first() { 0 } else { CHUNK_SIZE });
        let end = size.min(block.end.saturating_add(CHUNK_SIZE));
        self.buffer.read(log, start..end);
        see(self.buffer.whole(block.start..block.end));
        let off_grid = OffGrid::find(self.buffer.part(start..end).bytes, start);
        let mut scan = BlockScan::default();
        self.scan_places(block, &off_grid, &mut scan);
        scan
    }

    /// Decodes chunks of a log that lie off their places, and says that they do.
    pub(super) fn scan_off_grid<'c>(
        &mut self,
        chunks: impl Iterator<Item = &'c Range<u64>>,
        scan: &mut BlockScan,
    ) {
        for chunk in chunks {
            // What lies behind the chunk's beginning is looked at once more, as the places that it lies in.
            let bytes = self.buffer.part(chunk.clone()).bytes.to_vec();
            let mut found = BlockScan::default();
            let extent = self.scan_place(chunk.clone(), chunk_number(chunk.start), &mut found);
            self.buffer.part(chunk.clone()).bytes.copy_from_slice(&bytes);
            let length = chunk.end - chunk.start;
            *extent.of(&mut found.tally.extents) += length;
            scan.problems.push(Problem { offset: chunk.start, length, damage: Damage::ChunkOffGrid });
            add_off_grid(found, scan);
        }
    }

    /// Notes what could not be read of bytes in which no chunk lies, and where one seems to have begun.
    fn pass_over(&mut self, range: Range<u64>, scan: &mut BlockScan) {
        let start = range.start;
        let read = self.buffer.part(range);
        for problem in broken_headers(read.bytes, start) {
            scan.problems.push(problem);
        }
        for problem in read.problems {
            scan.problems.push(problem);
        }
    }
}

/// Adds what was found in a chunk off its place. The places that it lies in count as such, and as read, by themselves.
fn add_off_grid(found: BlockScan, scan: &mut BlockScan) {
    scan.tally.merge(Tally {
        chunks: 0,
        empty_chunks: 0,
        damaged_chunks: 0,
        checked_chunks: 0,
        ..found.tally
    });
    for problem in found.problems.iter() {
        // What could not be read of it is said of its places.
        if !matches!(problem.damage, Damage::Read { .. } | Damage::Shrunk) {
            scan.problems.push(problem);
        }
    }
    scan.signed_chunks += found.signed_chunks;
    scan.clock.append(0, &found.clock);
    scan.events.extend(found.events);
    scan.dns_client.extend(found.dns_client);
    scan.recovered.extend(found.recovered);
}

/// Where chunks begin in bytes that lie `start` bytes into their file, from there.
fn chunk_starts(bytes: &[u8], start: u64) -> Vec<u64> {
    let sectors = (0..bytes.len()).step_by(SECTOR);
    sectors.filter(|at| bytes.get(*at..).is_some_and(has_sound_header)).map(|at| start + at as u64).collect()
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
