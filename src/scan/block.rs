//! Scans a block of a log, which is the part that one thread scans: reads a few chunks at a time,
//! and returns what they contain.

use std::ops::Range;

use crate::evidence::source::LogBytes;
use crate::ledger::damage::{Damage, Problem};
use crate::scan::block_scan::BlockScan;
use crate::scan::evtx::chunk::{SlotContent, slot_content};
use crate::scan::evtx::log::{Block, CHUNK_SIZE, FILE_HEADER_SIZE, FileHeader, parts};
use crate::scan::salvage::misaligned::{MisalignedChunks, Predecessor};
use crate::scan::slot::{ChunkSlot, SlotScanner};

/// The number of chunks that a scanner reads at a time: 512 KiB. Successive reads fill 1 MiB of
/// memory, one after another, before they use its start again, so a read fills half of it. The
/// second-level cache of an AMD EPYC is as large as that memory. On that processor, reading 1 MiB
/// at a time took about 4 % longer, because the bytes had left the cache before they were examined;
/// reading 128 KiB at a time took a tenth longer.
const PIECE_CHUNKS: u64 = 8;

/// The amount of a log that a scanner reads at a time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ReadSize {
    /// A scanner reads a few chunks at a time, which fit into a processor's cache.
    #[default]
    Pieces,
    /// A scanner reads a whole block at a time: 8 MiB, the part of a log that one thread scans.
    /// This suits disks that seek.
    Blocks,
}

/// Reads and decodes a block (a run of consecutive chunks) of a log of `size` bytes that has a file
/// header. `see` is called for each piece that is read, before decoding changes its bytes: with the
/// piece's offset in the log, and its bytes or, if they could not all be read, `None`.
pub(super) fn scan_pieces(
    scanner: &mut SlotScanner,
    reads: ReadSize,
    log: &dyn LogBytes,
    (block, size): (Block, u64),
    see: &mut dyn FnMut(u64, Option<&[u8]>),
) -> BlockScan {
    let mut scan = BlockScan::default();
    let chunks = match reads {
        ReadSize::Pieces => PIECE_CHUNKS,
        ReadSize::Blocks => block.length().div_ceil(CHUNK_SIZE),
    };
    let mut before = Predecessor::block(block);
    for piece in parts(block, chunks) {
        scanner.buffer.read(log, piece.start..piece.end);
        see(piece.start, scanner.buffer.whole(piece.start..piece.end));
        let misaligned = MisalignedChunks::in_piece(&mut scanner.buffer, log, piece, size, &mut before);
        scan_slots(scanner, piece, &misaligned, &mut scan);
    }
    scan
}

/// Decodes the chunks in the slots of a block (consecutive slots, each of 64 KiB for a chunk), and
/// the misaligned chunks (those that do not begin with a slot) that begin in the block. The block's
/// bytes must be in the scanner's buffer. The result is added to `scan`.
fn scan_slots(scanner: &mut SlotScanner, block: Block, misaligned: &MisalignedChunks, scan: &mut BlockScan) {
    let mut at = block.start;
    if block.is_first() {
        at = block.end.min(FILE_HEADER_SIZE);
        scan_header(scanner, at, scan);
        let gone = scanner.buffer.gone(&(0..at));
        scan.tally.extents.header += at - misaligned.covered(&(0..at)) - gone;
        scan.tally.extents.unread += gone;
        scanner.scan_misaligned(misaligned.beginning_in(0..at), scan);
        push_headers(misaligned, 0..at, scan);
    }
    while at < block.end {
        let slot = at..block.end.min(at + CHUNK_SIZE);
        at = slot.end;
        let own = misaligned.own_part(slot.clone());
        let chunk = ChunkSlot { own_end: misaligned.own_end(&own), ..ChunkSlot::whole(own.clone()) };
        let extent = scanner.scan_slot(&chunk, scan);
        if own.end < slot.end {
            scanner.note_reading(own.end..slot.end, scan);
        }
        let gone = scanner.buffer.gone(&slot);
        *extent.of(&mut scan.tally.extents) += slot.end - slot.start - misaligned.covered(&slot) - gone;
        scan.tally.extents.unread += gone;
        scanner.recover_deleted(misaligned.deleted_in(slot.clone()), scan);
        scanner.scan_misaligned(misaligned.beginning_in(slot.clone()), scan);
        push_headers(misaligned, slot, scan);
    }
}

/// Examines a log's file header, and adds it and its problems to `scan`. The header is the first
/// `length` bytes in the scanner's buffer, fewer than 4096 if the log is shorter.
fn scan_header(scanner: &mut SlotScanner, length: u64, scan: &mut BlockScan) {
    scanner.note_reading(0..length, scan);
    let read = scanner.buffer.part(0..length);
    // A header that could be read only in part, or that no longer exists, proves nothing.
    if read.unread.is_empty() && (length == 0 || !read.bytes.is_empty()) {
        let header = FileHeader::parse(read.bytes);
        if let Some(problem) = header.problem.clone() {
            scan.problems.push(problem);
        }
        scan.header = Some(header);
    }
    if let Some(problem) = moved_into_header(scanner, length) {
        scan.problems.push(problem);
    }
}

/// Returns the problem of a file header into which bytes of the first chunk have moved, because
/// bytes before them were lost; `None` if nothing shows that. It shows in two ways together: the
/// unused part of the header is not all zeros, and no chunk follows the header. Sound logs were
/// observed to have only zeros in that part, but this is not documented, so a header that a chunk
/// follows is not reported. `length` is the size of the header in the scanner's buffer, in bytes.
fn moved_into_header(scanner: &mut SlotScanner, length: u64) -> Option<Problem> {
    if slot_content(scanner.buffer.part(length..length + CHUNK_SIZE).bytes) != SlotContent::Foreign {
        return None;
    }
    let header = scanner.buffer.part(0..length).bytes;
    let (start, moved) = FileHeader::beyond(header)?;
    let damage = Damage::ChunkSignature { found: moved.iter().copied().take(8).collect() };
    Some(Problem { offset: start as u64, length: moved.len() as u64, damage })
}

/// Adds two things to `scan`: each chunk header in `range` of the log that begins no chunk because
/// it is damaged, or nested (inside another chunk's header or record), as a problem; and the notes
/// on deleted chunks in `range`.
fn push_headers(misaligned: &MisalignedChunks, range: Range<u64>, scan: &mut BlockScan) {
    for header in misaligned.headers_in(range.clone()) {
        scan.problems.push(header.clone());
    }
    for note in misaligned.notes_in(range) {
        scan.notes.push(note.clone());
    }
}
