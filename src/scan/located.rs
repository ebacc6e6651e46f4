//! Events with their location, and how far the bytes there are verified.

use crate::event::Event;
use crate::ledger::damage::Integrity;

/// The location of a record in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Location {
    /// The number of the chunk, from 0. For a misaligned chunk in a log, it is the number of the
    /// slot in which the chunk begins; in a carved file, the 512-byte sector at which it begins. It
    /// is 0 in event XML.
    pub chunk_number: u64,
    /// The offset of the record in the file, in bytes.
    pub record_offset: u64,
}

/// A chunk's number and offset in its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkPosition {
    pub number: u64,
    pub offset: u64,
}

impl ChunkPosition {
    /// The location of the record at offset `record` in the chunk.
    pub(super) fn of(self, record: u64) -> Location {
        Location { chunk_number: self.number, record_offset: self.offset + record }
    }
}

/// An event, where it was found, and how far its bytes are verified.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LocatedEvent {
    /// Where the event was found.
    pub location: Location,
    /// How far the event's bytes are verified.
    pub integrity: Integrity,
    /// The event's content.
    pub event: Event,
}
