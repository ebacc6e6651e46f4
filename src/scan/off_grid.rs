//! Chunks that lie in a log where none begins: behind the file's header there should be one every 64 KiB.
//!
//! They are found by their signature at the beginning of a sector and the checksum of their header, in whatever is no chunk in its
//! place. What is in them is not looked at here.

use std::ops::Range;

use super::chunk::{CHUNK_SIGNATURE, has_sound_header};
use super::log::{CHUNK_SIZE, FILE_HEADER_SIZE};
use crate::bytes::FILE_SIGNATURE;

/// Bytes of a sector: the least unit in which disks are written.
pub(super) const SECTOR: usize = 512;

/// The chunks that lie off their places in a log, in a part of it, in order and apart from each other.
#[derive(Debug, Default)]
pub(super) struct OffGrid(Vec<Range<u64>>);

impl OffGrid {
    /// Finds them in bytes that lie `start` bytes into the log: at its beginning, or in the place of a chunk. A chunk in its
    /// place is not looked into.
    pub(super) fn find(bytes: &[u8], start: u64) -> Self {
        let mut chunks: Vec<Range<u64>> = Vec::new();
        let mut at = 0;
        while at < bytes.len() {
            let is_header = start == 0 && at == 0;
            let (size, signature): (u64, &[u8]) =
                if is_header { (FILE_HEADER_SIZE, FILE_SIGNATURE) } else { (CHUNK_SIZE, CHUNK_SIGNATURE) };
            let end = bytes.len().min(at + usize::try_from(size).unwrap_or(usize::MAX));
            if bytes.get(at..).is_some_and(|place| place.starts_with(signature)) {
                end_last(&mut chunks, start + at as u64);
            } else {
                let sectors = (at..end).step_by(SECTOR);
                for sector in sectors.filter(|at| bytes.get(*at..).is_some_and(has_sound_header)) {
                    let from = start + sector as u64;
                    end_last(&mut chunks, from);
                    chunks.push(from..from + CHUNK_SIZE);
                }
            }
            at = end;
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

/// Ends the last chunk where something else begins.
fn end_last(chunks: &mut [Range<u64>], at: u64) {
    if let Some(last) = chunks.last_mut() {
        last.end = last.end.min(at);
    }
}
