//! What can keep a log from being written or damaged as asked. Every fallible function of this
//! crate returns it.

use std::fmt;
use std::io;

/// The one error type of this crate.
#[derive(Debug)]
pub enum Error {
    /// The record does not fit into a chunk of its own; the number is its EventRecordID.
    RecordTooLarge(u64),
    /// A value is longer than the 65,535 bytes or characters that its length field can say.
    ValueTooLong(String),
    /// The log has no such chunk or record to damage.
    NoSuchPlace {
        /// Chunk number asked for, from 0.
        chunk: usize,
        /// Record asked for within that chunk, from 0, where one was.
        record: Option<usize>,
    },
    /// A file could not be written.
    Io(io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RecordTooLarge(record_id) => {
                write!(formatter, "the event with EventRecordID {record_id} does not fit into one chunk")
            }
            Self::ValueTooLong(name) => {
                write!(
                    formatter,
                    "the value of {name} is longer than 65,535, which its length field cannot say"
                )
            }
            Self::NoSuchPlace { chunk, record: None } => write!(formatter, "the log has no chunk {chunk}"),
            Self::NoSuchPlace { chunk, record: Some(record) } => {
                write!(formatter, "the log has no record {record} in chunk {chunk}")
            }
            Self::Io(error) => write!(formatter, "cannot write: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
