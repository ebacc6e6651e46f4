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
    /// The record itself; `None` if it could not be read.
    pub view: Option<RecordView>,
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
