//! Events with their location in the file.

use crate::event::Event;
use crate::ledger::damage::Integrity;

/// The location of an event's record in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Location {
    /// The number, from 0, of the chunk that contains the record. In a log, it is the number of the
    /// slot (64 KiB after the file header) in which the chunk begins. In a carved file (one that is
    /// not a log, but is searched for chunks), it is the number of the 512-byte sector at which the
    /// chunk begins. In event XML, which has no chunks, it is 0.
    pub chunk_number: u64,
    /// The offset of the record in its file, in bytes. In event XML, it is the offset of the
    /// event's start tag.
    pub record_offset: u64,
}

/// The position of a chunk in its file: its number and its offset.
#[derive(Debug, Clone, Copy)]
pub(super) struct ChunkPosition {
    /// The number of the chunk in its file, as [`Location::chunk_number`] states it.
    pub number: u64,
    /// The chunk's offset in the file, in bytes.
    pub offset: u64,
}

impl ChunkPosition {
    /// Returns the location of the record at offset `record` (in bytes from the chunk's start) in
    /// the chunk.
    pub(super) fn of(self, record: u64) -> Location {
        Location { chunk_number: self.number, record_offset: self.offset + record }
    }
}

/// An event that was read from a file, with its location in the file and how far its bytes are
/// verified.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LocatedEvent {
    /// The location of the event's record in its file.
    pub location: Location,
    /// How far checksums verify the bytes that the event was read from.
    pub integrity: Integrity,
    /// The event: its `System` part and the values of its fields.
    pub event: Event,
}
