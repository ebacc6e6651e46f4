//! Finds misaligned chunks: chunks of a log that do not begin at a multiple of 64 KiB after the
//! file header.
//!
//! A log has such chunks if it lost its header or other bytes, or was joined from pieces. They are
//! found by a chunk's signature and the checksum of its header, at any byte of a slot (64 KiB in
//! which a chunk should lie) that contains no chunk, and after the records of a slot that contains
//! one: lost or inserted bytes need not be whole sectors, and need not lie between chunks.
//! [`crate::scan::salvage::nested`] decides which headers begin a chunk. Bytes beyond the slots
//! themselves are read only if there may be misaligned chunks. Chunks are decoded, and results
//! handled, elsewhere.

use std::ops::Range;
use std::sync::LazyLock;

use crate::base::byte_search::BytePattern;
use crate::evidence::source::{FILE_SIGNATURE, LogBytes};
use crate::ledger::damage::Problem;
use crate::ledger::note::{Note, Remark};
use crate::scan::evtx::chunk::{CHUNK_SIGNATURE, SlotContent, chain_end, known_end, slot_content};
use crate::scan::evtx::log::{Block, CHUNK_SIZE, FILE_HEADER_SIZE};
use crate::scan::read::BlockBuffer;
use crate::scan::salvage::free_space::FreeSpace;
use crate::scan::salvage::nested::{HeaderKind, Nesting};

/// The pattern by which the signature of a chunk is searched for.
static SIGNATURE: LazyLock<BytePattern> = LazyLock::new(|| BytePattern::new(CHUNK_SIGNATURE));

/// What lies before a piece of a log (a part that is read at a time): whether a misaligned chunk
/// (not at a multiple of 64 KiB after the file header) can begin before the piece and extend into
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum Predecessor {
    /// No misaligned chunk (not at a multiple of 64 KiB after the file header) can begin directly
    /// before the searched piece of the log, in the preceding 64 KiB or the file header. Or the
    /// piece is the log's first.
    Sound,
    /// A misaligned chunk (not at a multiple of 64 KiB after the file header) can begin directly
    /// before the searched piece of the log, in the preceding 64 KiB or the file header. Or those
    /// bytes were not examined.
    Doubtful,
}

impl Predecessor {
    /// Returns what lies before a block of a log (the part that one thread scans):
    /// [`Predecessor::Sound`] for the log's first block, and [`Predecessor::Doubtful`] for any
    /// other, because the bytes before it were not examined.
    pub(in crate::scan) fn block(block: Block) -> Self {
        if block.is_first() { Predecessor::Sound } else { Predecessor::Doubtful }
    }
}

/// The result of searching a part of a log for misaligned chunks, which do not begin at a multiple
/// of 64 KiB after the file header: these chunks, in order and without overlap, and the deleted
/// chunks and other chunk headers that were found on the way.
#[derive(Debug, Default)]
pub(in crate::scan) struct MisalignedChunks {
    /// The ranges of the misaligned chunks (those that do not begin at a multiple of 64 KiB after
    /// the file header), in bytes from the start of the log.
    chunks: Vec<Range<u64>>,
    /// The ranges of chunks that begin where they should (at a slot's start), but are cut off
    /// because a misaligned chunk begins within their 64 KiB. Each range ends where the misaligned
    /// chunk begins.
    cut_off: Vec<Range<u64>>,
    /// The chunk headers that begin no chunk because they are damaged, or nested (inside another
    /// chunk's header or record), each as a problem to report.
    headers: Vec<Problem>,
    /// The ranges of deleted chunks, in bytes from the start of the log. They lie in the free space
    /// (the bytes after the live records) of other chunks, and are not part of the log.
    deleted: Vec<Range<u64>>,
    /// Notes (remarks on bytes that are not damage): on deleted chunks, and on headers that begin
    /// no chunk and lie in the free space (the bytes after the live records) of a chunk.
    notes: Vec<Note>,
}

impl MisalignedChunks {
    /// Finds the misaligned chunks (not at a multiple of 64 KiB after the file header) that begin
    /// in `piece` of a log of `size` bytes, or extend into it. The caller must have read the piece
    /// into the buffer. If there may be misaligned chunks, this function reads the piece into the
    /// buffer again, together with the bytes before and after it that the search needs. `before`
    /// says what lies before the piece; on return, it says what lies before the next piece.
    pub(in crate::scan) fn in_piece(
        buffer: &mut BlockBuffer,
        log: &dyn LogBytes,
        piece: Block,
        size: u64,
        before: &mut Predecessor,
    ) -> Self {
        let read = buffer.part(piece.start..piece.end);
        let reached_into = *before == Predecessor::Doubtful && !read.bytes.starts_with(CHUNK_SIGNATURE);
        let (mut any, mut last) = (false, false);
        for (what, range) in slots(read.bytes, piece.start) {
            last = what.doubtful_from(read.bytes.get(range).unwrap_or_default()).is_some();
            any |= last;
        }
        *before = if last { Predecessor::Doubtful } else { Predecessor::Sound };
        if !reached_into && !any {
            return MisalignedChunks::default();
        }
        // An earlier chunk that extends into the piece can itself be nested in an even earlier one,
        // which then is nested in none. A chunk that begins in a chunk of the piece, up to its last
        // byte, ends that chunk, and is needed whole to decide what lies among its records.
        let start = piece.start.saturating_sub(if reached_into { 4 * CHUNK_SIZE } else { 0 });
        let end = size.min(piece.end.saturating_add(2 * CHUNK_SIZE));
        buffer.read(log, start..end);
        MisalignedChunks::find(buffer.part(start..end).bytes, start, size)
    }

    /// Finds the misaligned chunks (not at a multiple of 64 KiB after the file header) in `bytes`,
    /// which lie at offset `start` of a log of `size` bytes. `start` must be the beginning of the
    /// log or of a slot, which is 64 KiB in which a chunk should lie.
    pub(in crate::scan) fn find(bytes: &[u8], start: u64, size: u64) -> Self {
        let mut found = MisalignedChunks::default();
        let mut nesting = Nesting::default();
        for (what, range) in slots(bytes, start) {
            let begin = start + range.start as u64;
            match what {
                SlotKind::Chunk => {
                    end_last(&mut found.chunks, begin);
                    nesting.restart(range.start);
                }
                SlotKind::Foreign => {}
                SlotKind::Header | SlotKind::Unused => nesting.end_records(range.end),
            }
            if let Some(from) = what.doubtful_from(bytes.get(range.clone()).unwrap_or_default()) {
                let first = found.chunks.len();
                let free = free_space(what, bytes, &range, size.saturating_sub(start));
                found.look_through(
                    SlotPart { bytes, start, range: range.clone() },
                    from,
                    free.as_ref(),
                    &mut nesting,
                );
                if let (SlotKind::Chunk, Some(first)) = (what, found.chunks.get(first)) {
                    found.cut_off.push(begin..first.start);
                }
            }
            if what == SlotKind::Chunk {
                nesting.end_records(range.end);
            }
        }
        end_last(&mut found.chunks, start + bytes.len() as u64);
        found
    }

    /// Searches a slot (64 KiB in which a chunk should lie) for chunk headers, from offset `from`
    /// in the slot on, and adds what it finds to this result. If the slot contains an intact chunk,
    /// `free` is the chunk's free space (the bytes after its live records). A chunk that begins in
    /// this free space may be a deleted one. `nesting` decides which headers begin a chunk.
    fn look_through(
        &mut self,
        slot: SlotPart<'_>,
        from: usize,
        free: Option<&FreeSpace>,
        nesting: &mut Nesting,
    ) {
        let SlotPart { bytes, start, range } = slot;
        let end = start + range.end as u64;
        for at in signed(bytes, range.start + from..range.end) {
            let offset = start + at as u64;
            let within = at - range.start;
            let header = nesting.header(bytes, at);
            let deleted = free.filter(|free| within >= free.start);
            match header {
                HeaderKind::BeginsChunk => {
                    end_last(&mut self.deleted, offset);
                    let rest = bytes.get(at..).unwrap_or_default();
                    if deleted.is_some_and(|free| free.is_deleted(within, rest)) {
                        self.deleted.push(offset..end);
                        self.note(offset, end - offset, Remark::DeletedChunk);
                    } else {
                        end_last(&mut self.chunks, offset);
                        self.chunks.push(offset..offset + CHUNK_SIZE);
                    }
                }
                HeaderKind::Other(length, _) if deleted.is_some() => {
                    self.note(offset, (length as u64).min(end - offset), Remark::DeletedHeader);
                }
                HeaderKind::Other(length, damage) => {
                    self.headers.push(Problem { offset, length: length as u64, damage });
                }
                HeaderKind::None => {}
            }
        }
    }

    /// Adds a note (a remark on bytes that is not damage) on `length` bytes at `offset` in the log.
    /// The note added before is shortened so that it ends at `offset` at the latest.
    fn note(&mut self, offset: u64, length: u64, remark: Remark) {
        if let Some(last) = self.notes.last_mut() {
            last.length = last.length.min(offset - last.offset);
        }
        self.notes.push(Note { offset, length, remark });
    }

    /// Returns the part of a slot (64 KiB in which a chunk should lie) that is scanned as the chunk
    /// that begins at the slot's start. It ends where a misaligned chunk begins, if there is one in
    /// the slot.
    pub(in crate::scan) fn own_part(&self, slot: Range<u64>) -> Range<u64> {
        self.cut_off.iter().find(|cut_off| cut_off.start == slot.start).cloned().unwrap_or(slot)
    }

    /// Returns the offset, in the log, of the first deleted chunk (an old chunk in the free space
    /// of another) in a slot, which is 64 KiB in which a chunk should lie; the end of the slot if
    /// it contains no deleted chunk.
    pub(in crate::scan) fn own_end(&self, slot: &Range<u64>) -> u64 {
        self.deleted_in(slot.clone()).next().map_or(slot.end, |first| first.start)
    }

    /// Returns the number of bytes in `range` of the log that belong to misaligned chunks (not at a
    /// multiple of 64 KiB after the file header). Callers subtract it when they count the bytes of
    /// the file header or of the chunks in their regular places, so that no byte is counted twice.
    pub(in crate::scan) fn covered(&self, range: &Range<u64>) -> u64 {
        let common =
            |chunk: &Range<u64>| chunk.end.min(range.end).saturating_sub(chunk.start.max(range.start));
        self.chunks.iter().map(common).sum()
    }

    /// Returns the chunk headers in `range` of the log that begin no chunk because they are
    /// damaged, or nested (inside another chunk's header or record), each as a problem to report.
    pub(in crate::scan) fn headers_in(&self, range: Range<u64>) -> impl Iterator<Item = &Problem> {
        self.headers.iter().filter(move |header| range.contains(&header.offset))
    }

    /// Returns the ranges of the deleted chunks (old chunks in the free space of other chunks) that
    /// begin in `range` of the log.
    pub(in crate::scan) fn deleted_in(&self, range: Range<u64>) -> impl Iterator<Item = &Range<u64>> {
        self.deleted.iter().filter(move |chunk| range.contains(&chunk.start))
    }

    /// Returns the notes whose ranges begin in `range` of the log: on deleted chunks, and on
    /// headers that begin no chunk and lie in the free space (the bytes after the live records) of
    /// a chunk.
    pub(in crate::scan) fn notes_in(&self, range: Range<u64>) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(move |note| range.contains(&note.offset))
    }

    /// Returns the ranges of the misaligned chunks (not at a multiple of 64 KiB after the file
    /// header) that begin in `range` of the log.
    pub(in crate::scan) fn beginning_in(&self, range: Range<u64>) -> impl Iterator<Item = &Range<u64>> {
        self.chunks.iter().filter(move |chunk| range.contains(&chunk.start))
    }
}

/// A slot of a log (64 KiB in which a chunk should lie, or the file header), given by its range in
/// a longer sequence of bytes of the log.
struct SlotPart<'b> {
    /// Consecutive bytes of the log that include the slot (64 KiB in which a chunk should lie).
    bytes: &'b [u8],
    /// The offset, in the log, at which `bytes` (the bytes that include the slot) begin.
    start: u64,
    /// The range of the slot in `bytes`, the bytes of the log that include it.
    range: Range<usize>,
}

/// Returns the free space (the bytes after the live records) of the chunk in a slot, which is 64
/// KiB in which a chunk should lie. `bytes` are bytes of the log, `slot` is the slot's range in
/// them, and `left` is the number of bytes from their start to the end of the log. `None` if the
/// slot contains no intact chunk, or if what follows it is neither a chunk with a sound header, nor
/// 64 KiB of zeros, nor the end of the log.
fn free_space(what: SlotKind, bytes: &[u8], slot: &Range<usize>, left: u64) -> Option<FreeSpace> {
    if what != SlotKind::Chunk {
        return None;
    }
    let size = usize::try_from(CHUNK_SIZE).unwrap_or(usize::MAX);
    let next = bytes.get(slot.end..bytes.len().min(slot.end + size)).unwrap_or_default();
    FreeSpace::of(bytes.get(slot.clone())?, next, left.saturating_sub(slot.end as u64))
}

/// What a slot of a log contains. A slot is 64 KiB in which a chunk should lie; the file header
/// counts as a slot too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SlotKind {
    /// The slot is the file header of a log.
    Header,
    /// The slot (64 KiB in which a chunk should lie) begins with a chunk's signature.
    Chunk,
    /// The slot (64 KiB in which a chunk should lie) contains only zeros, because it was never
    /// used.
    Unused,
    /// The slot (64 KiB in which a chunk should lie) contains neither a chunk nor only zeros. It
    /// may contain, for example, a part of a misaligned chunk.
    Foreign,
}

impl SlotKind {
    /// Returns the position, in the bytes of a slot of this kind, from which on a misaligned chunk
    /// may begin; `None` if none can. In the file header, the position follows the file's
    /// signature. In a slot (64 KiB) with a chunk, it follows the chunk's records.
    fn doubtful_from(self, bytes: &[u8]) -> Option<usize> {
        let from_if_signed = |end: usize| SIGNATURE.may_begin_in(bytes.get(end..)?).then_some(end);
        match self {
            SlotKind::Header => from_if_signed(FILE_SIGNATURE.len()),
            SlotKind::Chunk => from_if_signed(known_end(bytes).unwrap_or_else(|| chain_end(bytes))),
            SlotKind::Unused => None,
            SlotKind::Foreign => Some(0),
        }
    }
}

/// Divides `bytes` into slots (64 KiB in which a chunk should lie; the file header counts as one
/// too). Returns what each slot contains, and its range in `bytes`. The bytes lie at offset `start`
/// of a log, which must be the beginning of the log or of a slot.
fn slots(bytes: &[u8], start: u64) -> impl Iterator<Item = (SlotKind, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let is_header = start == 0 && at == 0;
        let size = if is_header { FILE_HEADER_SIZE } else { CHUNK_SIZE };
        let end = bytes.len().min(at + usize::try_from(size).unwrap_or(usize::MAX));
        let what = if is_header {
            if rest.starts_with(FILE_SIGNATURE) { SlotKind::Header } else { SlotKind::Foreign }
        } else {
            match slot_content(bytes.get(at..end).unwrap_or_default()) {
                SlotContent::Chunk => SlotKind::Chunk,
                SlotContent::Unused => SlotKind::Unused,
                SlotContent::Foreign => SlotKind::Foreign,
            }
        };
        let range = at..end;
        at = end;
        Some((what, range))
    })
}

/// Returns the positions in `range` of `bytes` at which a chunk's signature begins.
fn signed(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = usize> {
    let end = bytes.len().min(range.end + CHUNK_SIGNATURE.len() - 1);
    let signed = SIGNATURE.positions(bytes.get(range.start..end).unwrap_or_default());
    signed.map(move |at| range.start + at)
}

/// Shortens the last of the ranges `chunks` so that it ends at offset `at`, where the next chunk
/// begins or the searched bytes end. Does nothing if the range ends before `at`.
fn end_last(chunks: &mut [Range<u64>], at: u64) {
    if let Some(last) = chunks.last_mut() {
        last.end = last.end.min(at);
    }
}
