//! Chunks that lie in a log where none begins: behind the file's header there should be one every 64 KiB.
//!
//! A log lost its header or other bytes, or was put together from pieces. Such chunks are found by their signature and the checksum of
//! their header, at any byte of whatever is no chunk in its place: what a program left out or put in need not be whole sectors. Only there
//! are bytes read for this that the places themselves do not ask for. How a chunk is decoded, and what becomes of what is found, is not
//! this file's.

use std::ops::Range;

use super::block::{BlockScan, Scanner, chunk_number};
use super::chunk::{CHUNK_HEADER_SIZE, CHUNK_SIGNATURE, Place, has_sound_header, place};
use super::log::{Block, CHUNK_SIZE, FILE_HEADER_SIZE};
use crate::bytes::{FILE_SIGNATURE, LogBytes};
use crate::damage::{Damage, Problem};
use crate::tally::Tally;

/// What lies before a piece of a log, in the place of a chunk or of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing in which a chunk off its place can begin.
    Sound,
    /// What is neither a chunk nor unused; or it was not looked at.
    Doubtful,
}

impl Before {
    /// What lies before a block, of which nothing is known.
    pub(super) fn block(block: Block) -> Self {
        if block.is_first() { Before::Sound } else { Before::Doubtful }
    }
}

impl Scanner {
    /// Finds the chunks off their places that begin in a piece of a log of `size` bytes or reach into it. The piece has been read; it is
    /// read again with what lies around it if there may be any. `before` it lies what becomes what lies before the next one.
    pub(super) fn find_off_grid(
        &mut self,
        log: &dyn LogBytes,
        piece: Block,
        size: u64,
        before: &mut Before,
    ) -> OffGrid {
        let read = self.buffer.part(piece.start..piece.end);
        let places: Vec<Place> = places(read.bytes, piece.start).map(|(place, _)| place).collect();
        let reached_into = *before == Before::Doubtful && places.first() != Some(&Place::Chunk);
        let is_foreign = |place: Option<&Place>| place == Some(&Place::Foreign);
        *before = if is_foreign(places.last()) { Before::Doubtful } else { Before::Sound };
        if !reached_into && !places.contains(&Place::Foreign) {
            return OffGrid::default();
        }
        let start = piece.start.saturating_sub(if reached_into { CHUNK_SIZE } else { 0 });
        // Up to the last byte of a chunk that begins in the piece another one can begin, of which all of the header is needed.
        let end = size.min(piece.end.saturating_add(CHUNK_SIZE + CHUNK_HEADER_SIZE as u64));
        self.buffer.read(log, start..end);
        OffGrid::find(self.buffer.part(start..end).bytes, start)
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

/// The chunks that lie off their places in a log, in a part of it, in order and apart from each other.
#[derive(Debug, Default)]
pub(super) struct OffGrid(Vec<Range<u64>>);

impl OffGrid {
    /// Finds them in bytes that lie `start` bytes into the log: at its beginning, or in the place of a chunk. A chunk in its
    /// place is not looked into.
    pub(super) fn find(bytes: &[u8], start: u64) -> Self {
        let mut chunks: Vec<Range<u64>> = Vec::new();
        for (place, range) in places(bytes, start) {
            if place == Place::Chunk {
                end_last(&mut chunks, start + range.start as u64);
                continue;
            }
            for chunk in sound_chunks(bytes, range) {
                let from = start + chunk as u64;
                end_last(&mut chunks, from);
                chunks.push(from..from + CHUNK_SIZE);
            }
        }
        end_last(&mut chunks, start + bytes.len() as u64);
        OffGrid(chunks)
    }

    /// How many bytes of that range belong to them.
    pub(super) fn covered(&self, range: &Range<u64>) -> u64 {
        let common =
            |chunk: &Range<u64>| chunk.end.min(range.end).saturating_sub(chunk.start.max(range.start));
        self.0.iter().map(common).sum()
    }

    /// Those that begin in that range.
    pub(super) fn beginning_in(&self, range: Range<u64>) -> impl Iterator<Item = &Range<u64>> {
        self.0.iter().filter(move |chunk| range.contains(&chunk.start))
    }
}

/// The places of a log in bytes that lie `start` bytes into it, at its beginning or in the place of a chunk, from there; and what lies in
/// each. The header has one, too.
fn places(bytes: &[u8], start: u64) -> impl Iterator<Item = (Place, Range<usize>)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let is_header = start == 0 && at == 0;
        let size = if is_header { FILE_HEADER_SIZE } else { CHUNK_SIZE };
        let end = bytes.len().min(at + usize::try_from(size).unwrap_or(usize::MAX));
        let what = if !is_header {
            place(bytes.get(at..end).unwrap_or_default())
        } else if rest.starts_with(FILE_SIGNATURE) {
            Place::Chunk
        } else {
            Place::Foreign
        };
        let range = at..end;
        at = end;
        Some((what, range))
    })
}

/// Where chunks with a sound header begin in that range of the bytes.
fn sound_chunks(bytes: &[u8], range: Range<usize>) -> impl Iterator<Item = usize> {
    let end = bytes.len().min(range.end + CHUNK_SIGNATURE.len() - 1);
    let windows = bytes.get(range.start..end).unwrap_or_default().windows(CHUNK_SIGNATURE.len());
    let signed = windows.enumerate().filter(|(_, window)| window.first_chunk() == Some(CHUNK_SIGNATURE));
    let signed = signed.map(move |(at, _)| range.start + at);
    signed.filter(|at| bytes.get(*at..).is_some_and(has_sound_header))
}

/// Ends the last chunk where something else begins.
fn end_last(chunks: &mut [Range<u64>], at: u64) {
    if let Some(last) = chunks.last_mut() {
        last.end = last.end.min(at);
    }
}
