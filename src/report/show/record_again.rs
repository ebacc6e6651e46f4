//! A record that was read again from the evidence, to show it and to hold it to its hash.

use crate::event::RecordView;

/// A record that was read again from one place in the evidence.
#[derive(Debug, Clone)]
pub struct RecordAgain {
    /// The path of the file from which the record was read, as far as it is known: the root's path,
    /// and the path in the root.
    pub file: String,
    /// The record's offset in the file, in bytes.
    pub offset: u64,
    /// Whether the event has the hash that the output has.
    pub comparison: Comparison,
    /// The columns of the event's row that say something else than the record does. The hash does
    /// not show that a table was altered, because it is a column as well.
    pub altered: Vec<&'static str>,
    /// How far checksums confirm the record now: `verified`, `damaged` or `unverified`. `None` if
    /// no event was read.
    pub integrity: Option<&'static str>,
    /// How far checksums confirmed the record when it was swept, as the output has it.
    pub recorded_integrity: Option<String>,
    /// The record itself; `None` if it could not be read.
    pub view: Option<RecordView>,
}

impl RecordAgain {
    /// Returns true if the record is as the output has it: its event has the same hash and says
    /// what the table says, and checksums confirm it as far as before.
    #[must_use]
    pub fn is_as_recorded(&self) -> bool {
        let is_sound = self.recorded_integrity.as_deref() == self.integrity;
        self.comparison == Comparison::Same && self.altered.is_empty() && is_sound
    }
}

/// The result of comparing a record in the evidence with what an output has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// The event in the record has the hash that the output has.
    Same,
    /// The record has an event with another hash, which is in the variant, in hexadecimal digits.
    Different(String),
    /// No event was found at the record's place. Contains the reason.
    Missing(String),
}
