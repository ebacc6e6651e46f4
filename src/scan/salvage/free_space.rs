//! What lies in the free space of a chunk: deleted data, or the next chunk of a log from which
//! bytes are missing.
//!
//! Windows fills a chunk from its start and does not clear what lies after its records. There can
//! lie whatever the memory held before, an old chunk of any log among it, at any byte. A chunk in
//! its place whose checksums hold is therefore not ended by the header of another one in its free
//! space: that one is deleted data. A log from which bytes were cut looks alike in one respect: its
//! next chunk begins early, within the 64 KiB of the one before. The two differ in what
//! follows:
//!
//! - Deleted data ends with the chunk that it lies in, and the log goes on in its places: with a
//!   chunk whose header is sound, with places that were never used, or with the end of the file.
//!   Where anything else lies in the next place, as the middle of a chunk that begins early does,
//!   nothing is taken for deleted.
//! - A chunk that begins early goes on with the numbers of the records where the chunk before
//!   leaves off, or leads to those of the chunk after. One that does is a part of the log, wherever
//!   it lies. So is one that would end with the file if places were counted from it.
//!
//! So a chunk that nobody forged is never taken for deleted. Who forges a chunk around another one,
//! with checksums, and its numbers, can make it look deleted, as who deletes it can: it stays there
//! to see, as a note in the ledger and, with `--recover`, by its records.

use crate::scan::evtx::chunk::{
    CHUNK_HEADER_SIZE, FIRST_RECORD_ID_OFFSET, LAST_RECORD_ID_OFFSET, LiveRecords, Place, broken_header,
    known_end, place,
};
use crate::scan::evtx::log::{CHUNK_SIZE, u64_at};

/// The free space of a chunk in its place, if that is intact and the log goes on in its places
/// after it.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scan) struct FreeSpace {
    /// Where it begins in the chunk.
    pub start: usize,
    /// The number of the last live record; `None` where there is none.
    last_id: Option<u64>,
    next: Next,
}

/// What follows a chunk.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// The end of the file.
    End,
    /// A chunk, whose first record has this number.
    Chunk { first_id: u64 },
    /// A place that was never used; so many bytes lie between the chunk and the end of the file.
    Unused { left: u64 },
}

impl FreeSpace {
    /// That of a chunk, after which lie `left` bytes of the file; `next` are those of the next
    /// place.
    pub(in crate::scan) fn of(chunk: &[u8], next: &[u8], left: u64) -> Option<Self> {
        let next = match place(next) {
            _ if left == 0 => Next::End,
            _ if next.is_empty() => return None,
            Place::Chunk if next.len() >= CHUNK_HEADER_SIZE && broken_header(next).is_none() => {
                Next::Chunk { first_id: u64_at(next, FIRST_RECORD_ID_OFFSET)? }
            }
            Place::Unused => Next::Unused { left },
            Place::Chunk | Place::Foreign => return None,
        };
        let live = LiveRecords::of(chunk)?;
        // The cheap question first.
        if known_end(chunk) != Some(live.end) || !live.are_as_written(chunk) {
            return None;
        }
        let is_empty = live.end == CHUNK_HEADER_SIZE;
        let last_id = if is_empty { None } else { u64_at(chunk, LAST_RECORD_ID_OFFSET) };
        Some(FreeSpace { start: live.end, last_id, next })
    }

    /// Whether a chunk whose header, `header`, is sound and begins `at` bytes into this one is
    /// deleted data.
    pub(in crate::scan) fn holds(&self, at: usize, header: &[u8]) -> bool {
        let ids = [FIRST_RECORD_ID_OFFSET, LAST_RECORD_ID_OFFSET].map(|id| u64_at(header, id));
        let [Some(first), Some(last)] = ids else { return false };
        let follows = self.last_id.and_then(|id| id.checked_add(1)) == Some(first);
        let is_part_of_log = match self.next {
            Next::End => follows,
            Next::Unused { left } => follows || left % CHUNK_SIZE == at as u64,
            Next::Chunk { first_id } => {
                let is_between = self.last_id.is_none_or(|id| id < first) && last < first_id;
                is_between && (follows || last.checked_add(1) == Some(first_id))
            }
        };
        at >= self.start && !is_part_of_log
    }
}
