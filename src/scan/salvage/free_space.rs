//! Decides what lies in the free space of a chunk: deleted data, or the next chunk of a log from
//! which bytes are missing.
//!
//! Windows fills a chunk from its start and does not clear what follows the records. The free space
//! can contain anything that the memory contained before, such as an old chunk of any log, at any
//! byte. So a chunk that lies in its slot and has right checksums does not end at another chunk's
//! header in its free space: that header is deleted data. A log from which bytes were cut looks
//! similar: its next chunk begins early, within the 64 KiB of the one before. What follows
//! distinguishes the two:
//!
//! - Deleted data ends with the chunk that it lies in, and the log continues in its slots: with a
//!   chunk whose header is sound, with unused slots, or with the end of the file. If the next slot
//!   contains anything else, such as the middle of a chunk that began early, nothing counts as
//!   deleted.
//! - A chunk that begins early continues the record numbers of the chunk before, or precedes those
//!   of the chunk after. A chunk whose numbers do so is part of the log, wherever it lies. So is a
//!   chunk that would end with the file if slots were counted from it.
//!
//! In a log that nobody forged, a chunk of the log therefore never counts as deleted. Someone who
//! forges a surrounding chunk, with checksums and record numbers, can make a chunk look deleted;
//! they could as well delete it. It stays visible: as a note in the ledger and, with `--recover`,
//! by its records.

use crate::scan::evtx::chunk::{
    CHUNK_HEADER_SIZE, FIRST_RECORD_ID_OFFSET, LAST_RECORD_ID_OFFSET, LiveRecords, SlotContent,
    broken_header, known_end, slot_content,
};
use crate::scan::evtx::log::{CHUNK_SIZE, u64_at};

/// The free space of a chunk: the bytes after its live records, which can contain deleted data. A
/// value of this type exists only for a chunk that is intact and begins at a multiple of 64 KiB
/// after the file header, if the end of the log, a sound chunk or 64 KiB of zeros follow.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scan) struct FreeSpace {
    /// The offset in the chunk at which its free space (the bytes after its live records) starts,
    /// in bytes.
    pub start: usize,
    /// The ID of the chunk's last live record; `None` if the chunk has no live record.
    last_id: Option<u64>,
    /// What follows the chunk in the log: the end of the log, another chunk, or zeros in a chunk's
    /// place.
    next: NextSlot,
}

/// What follows a chunk in the log. If anything else follows, bytes of the log may be missing, and
/// the chunk has no [`FreeSpace`].
#[derive(Debug, PartialEq, Eq)]
enum NextSlot {
    /// The log ends with the chunk: no other chunk follows it.
    End,
    /// Another chunk follows, whose first record has the ID `first_id`.
    Chunk { first_id: u64 },
    /// Zeros in the place of a chunk follow, because the place was never used. From the end of the
    /// chunk to the end of the file, there are `left` bytes.
    Unused { left: u64 },
}

impl FreeSpace {
    /// Returns the free space of `chunk`. `next` are the 64 KiB that follow the chunk in the log
    /// (the next slot), and `left` is the number of bytes of the file that follow the chunk. `None`
    /// if the chunk is not intact, or if the next slot contains neither a sound chunk nor only
    /// zeros: bytes of the log may then be missing, so that headers in the free space may begin
    /// chunks of the log.
    pub(in crate::scan) fn of(chunk: &[u8], next: &[u8], left: u64) -> Option<Self> {
        let next = match slot_content(next) {
            _ if left == 0 => NextSlot::End,
            _ if next.is_empty() => return None,
            SlotContent::Chunk if next.len() >= CHUNK_HEADER_SIZE && broken_header(next).is_none() => {
                NextSlot::Chunk { first_id: u64_at(next, FIRST_RECORD_ID_OFFSET)? }
            }
            SlotContent::Unused => NextSlot::Unused { left },
            SlotContent::Chunk | SlotContent::Foreign => return None,
        };
        let live = LiveRecords::of(chunk)?;
        // The test that costs less comes first.
        if known_end(chunk) != Some(live.end) || !live.are_as_written(chunk) {
            return None;
        }
        let is_empty = live.end == CHUNK_HEADER_SIZE;
        let last_id = if is_empty { None } else { u64_at(chunk, LAST_RECORD_ID_OFFSET) };
        Some(FreeSpace { start: live.end, last_id, next })
    }

    /// Returns whether an inner chunk, which begins at offset `at` in this free space's chunk, is
    /// deleted data. `header` are the first bytes of the inner chunk; its header must be sound. The
    /// result is false if the inner chunk begins before the free space, or is part of the log, as
    /// the IDs of its records or its distance from the end of the log show.
    pub(in crate::scan) fn is_deleted(&self, at: usize, header: &[u8]) -> bool {
        let ids = [FIRST_RECORD_ID_OFFSET, LAST_RECORD_ID_OFFSET].map(|id| u64_at(header, id));
        let [Some(first), Some(last)] = ids else { return false };
        let follows = self.last_id.and_then(|id| id.checked_add(1)) == Some(first);
        let is_part_of_log = match self.next {
            NextSlot::End => follows,
            NextSlot::Unused { left } => follows || left % CHUNK_SIZE == at as u64,
            NextSlot::Chunk { first_id } => {
                let is_between = self.last_id.is_none_or(|id| id < first) && last < first_id;
                is_between && (follows || last.checked_add(1) == Some(first_id))
            }
        };
        at >= self.start && !is_part_of_log
    }
}
