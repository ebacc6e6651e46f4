//! Chunks that lie in a log where none begins: behind the file's header there should be one every
//! 64 KiB.
//!
//! A log lost its header or other bytes, or was put together from pieces. Such chunks are found by
//! their signature and the checksum of their header, at any byte of whatever is no chunk in its
//! place, and behind the records of whatever is one: what a program left out or put in need not be
//! whole sectors, and need not be missing between chunks. Which headers begin one is
//! [`crate::scan::salvage::embedding`]'s. Bytes that the places themselves do not ask for are read
//! only where there may be such chunks. How a chunk is decoded, and what becomes of what is found,
//! is not this file's.

use std::ops::Range;
use std::sync::LazyLock;

use crate::base::byte_search::Sought;
use crate::evidence::source::{FILE_SIGNATURE, LogBytes};
use crate::ledger::damage::Problem;
use crate::ledger::note::{Note, Remark};
use crate::scan::evtx::chunk::{CHUNK_SIGNATURE, Place, chain_end, known_end, place};
use crate::scan::evtx::log::{Block, CHUNK_SIZE, FILE_HEADER_SIZE};
use crate::scan::read::BlockBuffer;
use crate::scan::salvage::embedding::{Embedding, Header};
use crate::scan::salvage::free_space::FreeSpace;

/// What a chunk begins with.
static SIGNATURE: LazyLock<Sought> = LazyLock::new(|| Sought::new(CHUNK_SIGNATURE));

/// What lies before a piece of a log, in the place of a chunk or of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum Before {
    /// Nothing in which a chunk off its place can begin.
    Sound,
    /// Something in which one can; or it was not looked at.
    Doubtful,
}

impl Before {
    /// What lies before a block, of which nothing is known.
    pub(in crate::scan) fn block(block: Block) -> Self {
        if block.is_first() { Before::Sound } else { Before::Doubtful }
    }
}

/// The chunks that lie off their places in a log, in a part of it, in order and apart from each
/// other.
#[derive(Debug, Default)]
pub(in crate::scan) struct OffGrid {
    chunks: Vec<Range<u64>>,
    /// What is left of chunks in their places in which others begin.
    cut_off: Vec<Range<u64>>,
    /// Headers that begin none.
    headers: Vec<Problem>,
    /// Chunks in the free space of others: deleted data.
    deleted: Vec<Range<u64>>,
    /// What is said of these, and of headers there that begin none.
    notes: Vec<Note>,
}

impl OffGrid {
    /// Finds the chunks off their places that begin in a piece of a log of `size` bytes or reach
    /// into it. The piece has been read; it is read again with what lies around it if there may be
    /// any. `before` it lies what becomes what lies before the next one.
    pub(in crate::scan) fn in_piece(
        buffer: &mut BlockBuffer,
        log: &dyn LogBytes,
        piece: Block,
        size: u64,
        before: &mut Before,
    ) -> Self {
        let read = buffer.part(piece.start..piece.end);
        let reached_into = *before == Before::Doubtful && !read.bytes.starts_with(CHUNK_SIGNATURE);
        let (mut any, mut last) = (false, false);
        for (what, range) in places(read.bytes, piece.start) {
            last = what.doubtful_from(read.bytes.get(range).unwrap_or_default()).is_some();
            any |= last;
        }
        *before = if last { Before::Doubtful } else { Before::Sound };
        if !reached_into && !any {
            return OffGrid::default();
        }
        // A chunk that reaches into the piece can lie in one before it, if that lies in none
        // itself; and one that begins up to the last byte of a chunk in the piece ends that one,
        // and is needed whole to tell what lies among its records.
        let start = piece.start.saturating_sub(if reached_into { 4 * CHUNK_SIZE } else { 0 });
        let end = size.min(piece.end.saturating_add(2 * CHUNK_SIZE));
        buffer.read(log, start..end);
        OffGrid::find(buffer.part(start..end).bytes, start, size)
    }

    /// Finds them in bytes that lie `start` bytes into a log of `size` bytes: at its beginning, or
    /// in the place of a chunk.
    pub(in crate::scan) fn find(bytes: &[u8], start: u64, size: u64) -> Self {
        let mut found = OffGrid::default();
        let mut embedding = Embedding::default();
        for (what, range) in places(bytes, start) {
            let begin = start + range.start as u64;
            match what {
                Content::Chunk => {
                    end_last(&mut found.chunks, begin);
                    embedding.restart(range.start);
                }
                Content::Foreign => {}
                Content::Header | Content::Unused => embedding.end_records(range.end),
            }
            if let Some(from) = what.doubtful_from(bytes.get(range.clone()).unwrap_or_default()) {
                let first = found.chunks.len();
                let free = free_space(what, bytes, &range, size.saturating_sub(start));
                found.look_through(
                    Part { bytes, start, range: range.clone() },
                    from,
                    free.as_ref(),
                    &mut embedding,
                );
                if let (Content::Chunk, Some(first)) = (what, found.chunks.get(first)) {
                    found.cut_off.push(begin..first.start);
                }
            }
            if what == Content::Chunk {
                embedding.end_records(range.end);
            }
        }
        end_last(&mut found.chunks, start + bytes.len() as u64);
        found
    }

    /// Looks for headers in a place, from `from` on in it; those in the free space of an intact
    /// chunk begin deleted chunks.
    fn look_through(
        &mut self,
        place: Part<'_>,
        from: usize,
        free: Option<&FreeSpace>,
        embedding: &mut Embedding,
    ) {
        let Part { bytes, start, range } = place;
        let end = start + range.end as u64;
        for at in signed(bytes, range.start + from..range.end) {
            let offset = start + at as u64;
            let within = at - range.start;
            let header = embedding.header(bytes, at);
            let deleted = free.filter(|free| within >= free.start);
            match header {
                Header::Begins => {
                    end_last(&mut self.deleted, offset);
                    let rest = bytes.get(at..).unwrap_or_default();
                    if deleted.is_some_and(|free| free.holds(within, rest)) {
                        self.deleted.push(offset..end);
                        self.note(offset, end - offset, Remark::DeletedChunk);
                    } else {
                        end_last(&mut self.chunks, offset);
                        self.chunks.push(offset..offset + CHUNK_SIZE);
                    }
                }
                Header::Other(length, _) if deleted.is_some() => {
                    self.note(offset, (length as u64).min(end - offset), Remark::DeletedHeader);
                }
                Header::Other(length, damage) => {
                    self.headers.push(Problem { offset, length: length as u64, damage });
                }
                Header::None => {}
            }
        }
    }

    fn note(&mut self, offset: u64, length: u64, remark: Remark) {
        if let Some(last) = self.notes.last_mut() {
            last.length = last.length.min(offset - last.offset);
        }
        self.notes.push(Note { offset, length, remark });
    }

    /// What of the place of a chunk is to be looked at as such: a chunk in its place ends where
    /// another one begins.
    pub(in crate::scan) fn own_part(&self, place: Range<u64>) -> Range<u64> {
        self.cut_off.iter().find(|cut_off| cut_off.start == place.start).cloned().unwrap_or(place)
    }

    /// Where the first deleted chunk begins in the place of a chunk, or that place ends.
    pub(in crate::scan) fn own_end(&self, place: &Range<u64>) -> u64 {
        self.deleted_in(place.clone()).next().map_or(place.end, |first| first.start)
    }

    /// How many bytes of that range belong to them.
    pub(in crate::scan) fn covered(&self, range: &Range<u64>) -> u64 {
        let common =
            |chunk: &Range<u64>| chunk.end.min(range.end).saturating_sub(chunk.start.max(range.start));
        self.chunks.iter().map(common).sum()
    }

    /// Headers in that range that begin none.
    pub(in crate::scan) fn headers_in(&self, range: Range<u64>) -> impl Iterator<Item = &Problem> {
        self.headers.iter().filter(move |header| range.contains(&header.offset))
    }

    /// Deleted chunks that begin in that range.
    pub(in crate::scan) fn deleted_in(&self, range: Range<u64>) -> impl Iterator<Item = &Range<u64>> {
        self.deleted.iter().filter(move |chunk| range.contains(&chunk.start))
    }

    /// What is said of deleted chunks that begin in that range.
    pub(in crate::scan) fn notes_in(&self, range: Range<u64>) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(move |note| range.contains(&note.offset))
    }

    /// Those that begin in that range.
    pub(in crate::scan) fn beginning_in(&self, range: Range<u64>) -> impl Iterator<Item = &Range<u64>> {
        self.chunks.iter().filter(move |chunk| range.contains(&chunk.start))
    }
}

/// A place among bytes of a log.
struct Part<'b> {
    bytes: &'b [u8],
    /// Where the bytes lie in the log.
    start: u64,
    /// Where the place lies among the bytes.
    range: Range<usize>,
}

/// The free space of what lies in a place, if that is an intact chunk and the log goes on in its
/// places; `left` bytes of the log lie from the start of the bytes on.
fn free_space(what: Content, bytes: &[u8], place: &Range<usize>, left: u64) -> Option<FreeSpace> {
    if what != Content::Chunk {
        return None;
    }
    let size = usize::try_from(CHUNK_SIZE).unwrap_or(usize::MAX);
    let next = bytes.get(place.end..bytes.len().min(place.end + size)).unwrap_or_default();
    FreeSpace::of(bytes.get(place.clone())?, next, left.saturating_sub(place.end as u64))
}

/// What lies in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Content {
    /// The header of a log.
    Header,
    /// A chunk, or the start of one.
    Chunk,
    /// Never used: nothing but zeros.
    Unused,
    /// Something else.
    Foreign,
}

impl Content {
    /// From where on in the bytes of such a place a chunk off its place may begin; `None` if none
    /// can. Of the header, behind its signature: nothing in it looks like a chunk. Of a chunk,
    /// behind its records.
    fn doubtful_from(self, bytes: &[u8]) -> Option<usize> {
        let held_behind = |end: usize| SIGNATURE.may_begin_in(bytes.get(end..)?).then_some(end);
        match self {
            Content::Header => held_behind(FILE_SIGNATURE.len()),
            Content::Chunk => held_behind(known_end(bytes).unwrap_or_else(|| chain_end(bytes))),
            Content::Unused => None,
            Content::Foreign => Some(0),
        }
    }
}

/// The places of a log in bytes that lie `start` bytes into it, at its beginning or in the place of
/// a chunk, from there; and what lies in each. The header has one, too.
fn places(bytes: &[u8], start: u64) -> impl Iterator<Item = (Content, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let is_header = start == 0 && at == 0;
        let size = if is_header { FILE_HEADER_SIZE } else { CHUNK_SIZE };
        let end = bytes.len().min(at + usize::try_from(size).unwrap_or(usize::MAX));
        let what = if is_header {
            if rest.starts_with(FILE_SIGNATURE) { Content::Header } else { Content::Foreign }
        } else {
            match place(bytes.get(at..end).unwrap_or_default()) {
                Place::Chunk => Content::Chunk,
                Place::Unused => Content::Unused,
                Place::Foreign => Content::Foreign,
            }
        };
        let range = at..end;
        at = end;
        Some((what, range))
    })
}

/// Where the signature of a chunk begins in that range of the bytes.
fn signed(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = usize> {
    let end = bytes.len().min(range.end + CHUNK_SIGNATURE.len() - 1);
    let signed = SIGNATURE.places(bytes.get(range.start..end).unwrap_or_default());
    signed.map(move |at| range.start + at)
}

/// Ends the last chunk where something else begins.
fn end_last(chunks: &mut [Range<u64>], at: u64) {
    if let Some(last) = chunks.last_mut() {
        last.end = last.end.min(at);
    }
}
