//! Events with their location in the file.

use crate::event::Event;
use crate::ledger::damage::Integrity;

/// The location of a record in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Location {
    /// The number of the record's chunk, from 0. A misaligned chunk in a log has the number of the
    /// slot in which it begins; a chunk in a carved file has the number of the 512-byte sector at
    /// which it begins. The number is 0 in event XML.
    pub chunk_number: u64,
    /// The offset of the record in the file, in bytes.
    pub record_offset: u64,
}

/// The position of a chunk in its file.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkPosition {
    /// The chunk's number, as [`Location::chunk_number`] states it.
    pub number: u64,
    /// The chunk's offset in the file, in bytes.
    pub offset: u64,
}

impl ChunkPosition {
    /// Returns the location of the record at offset `record` in the chunk.
    pub(super) fn of(self, record: u64) -> Location {
        Location { chunk_number: self.number, record_offset: self.offset + record }
    }
}

/// An event, with its location and how far its bytes are verified.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LocatedEvent {
    /// The location at which the event was found.
    pub location: Location,
    /// How far the event's bytes are verified.
    pub integrity: Integrity,
    /// The event: its `System` part and the values of its fields.
    pub event: Event,
}
