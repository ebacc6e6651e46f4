//! Scans logs whose file header is missing: files that begin with a chunk, such as those cut from
//! memory or from a disk.
//!
//! In such a file, chunks lie at multiples of 64 KiB from the file's start. The log is read as if a
//! header preceded it, and the offsets of the result are then lowered by the header's size, so that
//! no other module has to know of such logs.

use std::io;

use crate::evidence::source::{FILE_SIGNATURE, LogBytes};
use crate::scan::block_scan::BlockScan;
use crate::scan::evtx::chunk::CHUNK_SIGNATURE;
use crate::scan::evtx::log::{Block, CHUNK_SIZE, FILE_HEADER_SIZE};

/// A log without a file header, which is read as if a file header without content came before it.
struct WithHeader<'a>(&'a dyn LogBytes);

impl LogBytes for WithHeader<'_> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let before = usize::try_from(FILE_HEADER_SIZE.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some((header, rest)) = buffer.split_at_mut_checked(before.min(buffer.len())) else {
            return Ok(0);
        };
        let from = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = FILE_SIGNATURE.iter().copied().chain(std::iter::repeat(0)).skip(from);
        header.iter_mut().zip(bytes).for_each(|(byte, of_header)| *byte = of_header);
        let read = header.len();
        if rest.is_empty() {
            return Ok(read);
        }
        Ok(read + self.0.read_at((offset + read as u64).saturating_sub(FILE_HEADER_SIZE), rest)?)
    }
}

/// Returns whether a log has no file header, so that it begins with a chunk. Callers ask this for
/// each block (consecutive chunks that one thread scans), and divide the log into blocks as if it
/// had a header. If a chunk begins at the start of `block`, and `block` is not the first, the log
/// has a header; its first bytes are then not read.
pub(in crate::scan) fn is_headerless(log: &dyn LogBytes, block: Block) -> bool {
    let begins_at = |offset| {
        let mut bytes = [0; CHUNK_SIGNATURE.len()];
        log.read_at(offset, &mut bytes).is_ok() && bytes == *CHUNK_SIGNATURE
    };
    if block.is_first() { begins_at(0) } else { !begins_at(block.start) && begins_at(0) }
}

/// Scans the chunks that begin in a block of a log of `size` bytes without a file header. `scan` is
/// the function that scans a block of a log with a header, given the log's size. Offsets in the
/// result are from the start of the log as it is, without a header. `see` is called for each piece
/// of the block that is read: with the piece's offset in the log, and its bytes or, if they could
/// not all be read, `None`.
pub(in crate::scan) fn scan_headerless(
    log: &dyn LogBytes,
    (block, size): (Block, u64),
    see: &mut dyn FnMut(u64, Option<&[u8]>),
    scan: impl FnOnce(&dyn LogBytes, (Block, u64), &mut dyn FnMut(u64, Option<&[u8]>)) -> BlockScan,
) -> BlockScan {
    let with_header = size + FILE_HEADER_SIZE;
    // A block of such a log ends a header's size before the end of its last chunk.
    let bound = |offset: u64| match offset {
        0 => 0,
        offset if offset == size => with_header,
        offset => with_header.min(offset + CHUNK_SIZE),
    };
    let moved = Block { start: bound(block.start), end: bound(block.end) };
    if moved.start >= moved.end {
        return BlockScan::default();
    }
    let mut see_moved = |start: u64, bytes: Option<&[u8]>| {
        let header = if start == 0 { FILE_HEADER_SIZE } else { 0 };
        let bytes = bytes.and_then(|bytes| bytes.get(usize::try_from(header).ok()?..));
        see((start + header).saturating_sub(FILE_HEADER_SIZE), bytes);
    };
    let mut found = scan(&WithHeader(log), (moved, with_header), &mut see_moved);
    found.subtract_header_size();
    if block.is_first() {
        found.report_missing_header();
    }
    found
}
