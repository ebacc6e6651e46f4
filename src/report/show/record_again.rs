//! A record that was read again from the evidence, to show it and to compare its event with the
//! hash in the output.

use crate::event::RecordView;

/// A record that was read again from one place in the evidence.
#[derive(Debug, Clone)]
pub struct RecordAgain {
    /// The path of the file from which the record was read, as far as it is known: the root's path,
    /// and the path in the root.
    pub file: String,
    /// The record's offset in the file, in bytes.
    pub offset: u64,
    /// Whether the hash of the record's event is the one that the output states.
    pub comparison: Comparison,
    /// The names of the columns of the event's row whose values differ from the record. They show
    /// that a table was altered. The hash alone does not show this, because it is itself a column
    /// of that table. Empty if no value differs.
    pub altered: Vec<&'static str>,
    /// How far checksums confirm the record now: `verified`, `damaged` or `unverified`. `None` if
    /// no event was read.
    pub integrity: Option<&'static str>,
    /// How far checksums confirmed the record when it was swept, as the output states it; `None` if
    /// it does not.
    pub recorded_integrity: Option<String>,
    /// The record's bytes and what they mean; `None` if the record could not be read.
    pub view: Option<RecordView>,
}

impl RecordAgain {
    /// Returns true if the record is as the output describes it: its event has the same hash and
    /// the same values as in the table, and checksums confirm the record as far as they did in the
    /// sweep.
    #[must_use]
    pub fn is_as_recorded(&self) -> bool {
        let is_sound = self.recorded_integrity.as_deref() == self.integrity;
        self.comparison == Comparison::Same && self.altered.is_empty() && is_sound
    }
}

/// The result of comparing the hash of a record's event with the hash that the output states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Comparison {
    /// The event in the record has the hash that the output states.
    Same,
    /// The event in the record has another hash. Contains this hash, in hexadecimal digits.
    Different(String),
    /// No event was found at the place of the record. Contains the reason.
    Missing(String),
}
