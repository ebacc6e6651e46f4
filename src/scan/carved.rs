//! Carves a block (the part that one thread scans) of a file that is not a log: searches the block
//! for chunks at any sector of 512 bytes. [`crate::scan::salvage::carve`] decides which headers
//! begin a chunk.

use std::iter::Peekable;
use std::ops::Range;

use crate::evidence::source::LogBytes;
use crate::ledger::damage::Problem;
use crate::scan::block_scan::BlockScan;
use crate::scan::evtx::log::{Block, CHUNK_SIZE};
use crate::scan::salvage::carve::{Headers, SECTOR};
use crate::scan::slot::{ChunkSlot, SlotScanner};

/// Reads a block (2 MiB) of a file of `size` bytes that is not a log, and decodes the chunks that
/// begin in the block at any sector of 512 bytes. `see` is called with the block's bytes before
/// decoding changes them, or with `None` if some could not be read.
pub(super) fn carve(
    scanner: &mut SlotScanner,
    log: &dyn LogBytes,
    block: Block,
    size: u64,
    see: impl FnOnce(Option<&[u8]>),
) -> BlockScan {
    let mut scan = BlockScan::default();
    // An earlier chunk that reaches into the block can itself be nested in an even earlier one,
    // which then is nested in none. A chunk that begins in the block's last chunk, up to its last
    // byte, ends that chunk, and is needed whole to decide what lies among its records.
    let start = block.start.saturating_sub(4 * CHUNK_SIZE);
    let end = size.min(block.end.saturating_add(2 * CHUNK_SIZE));
    scanner.buffer.read(log, start..end);
    see(scanner.buffer.whole(block.start..block.end));
    let bytes_read = scanner.buffer.part(block.start..block.end).bytes_read();
    let Headers { starts, others } = Headers::find(scanner.buffer.part(start..end).bytes, start);
    let mut others = others.into_iter().skip_while(|other| other.offset < block.start).peekable();
    let mut at = block.start;
    for (index, start) in starts.iter().enumerate().filter(|(_, start)| **start < block.end) {
        let next = starts.get(index + 1).copied().unwrap_or(end);
        let chunk = *start..next.min(start + CHUNK_SIZE);
        if chunk.start >= block.start {
            push_before(chunk.start, &mut others, &mut scan);
            pass_over(scanner, at..chunk.start, &mut scan);
            let number = start / SECTOR as u64;
            let slot = ChunkSlot { number, ..ChunkSlot::whole(chunk.clone()) };
            let extent = scanner.scan_slot(&slot, &mut scan);
            let gone = scanner.buffer.gone(&chunk);
            *extent.of(&mut scan.tally.extents) += chunk.end - chunk.start - gone;
            scan.tally.extents.unread += gone;
        }
        at = at.max(chunk.end);
    }
    push_before(block.end, &mut others, &mut scan);
    pass_over(scanner, at.min(block.end)..block.end, &mut scan);
    // The bytes of the chunks are not added: they are bytes of the block, or are read again with
    // the next block.
    scan.bytes_read = bytes_read;
    scan
}

/// Counts the bytes in `range` of the file, which belong to no chunk, and reports those among them
/// that could not be read. Counts and problems are added to `scan`.
fn pass_over(scanner: &mut SlotScanner, range: Range<u64>, scan: &mut BlockScan) {
    let gone = scanner.buffer.gone(&range);
    scan.tally.extents.other += range.end - range.start - gone;
    scan.tally.extents.unread += gone;
    for problem in scanner.buffer.part(range).problems {
        scan.problems.push(problem);
    }
}

/// Moves those problems from `others` to `scan` whose offsets in the file lie before `end`.
/// `others` must be sorted by offset. The caller moves them bit by bit, between the problems that
/// it finds itself, so that the problems of `scan` stay in file order.
fn push_before(end: u64, others: &mut Peekable<impl Iterator<Item = Problem>>, scan: &mut BlockScan) {
    while let Some(other) = others.next_if(|other| other.offset < end) {
        scan.problems.push(other);
    }
}
