//! Events with the place where they were found, and what is known of the bytes there.

use crate::event::Event;
use crate::ledger::damage::Integrity;

/// Where a record lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct Location {
    /// Which chunk of the log, from 0 (of one that lies off its place in a log, the place in which
    /// it begins); of a file that was carved, the sector of 512 bytes at which the chunk begins; 0
    /// in event XML.
    pub chunk_number: u64,
    /// Where the record starts, in bytes from the start of the file.
    pub record_offset: u64,
}

/// Which chunk of the file it is, and where it starts there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Start {
    pub number: u64,
    pub offset: u64,
}

impl Start {
    /// The place of the record that starts so many bytes into the chunk.
    pub(super) fn of(self, record: u64) -> Location {
        Location { chunk_number: self.number, record_offset: self.offset + record }
    }
}

/// An event and where it was found.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LocatedEvent {
    /// Its place.
    pub location: Location,
    /// What is known of the bytes there.
    pub integrity: Integrity,
    /// What it says.
    pub event: Event,
}
