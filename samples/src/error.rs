//! Why a log cannot be written or damaged. Every fallible function of this crate returns [`Error`].

use std::fmt;
use std::io;

/// Why a log cannot be written or damaged. Every fallible function of this crate returns this type.
#[derive(Debug)]
pub enum Error {
    /// The record does not fit into an empty chunk. Contains its EventRecordID.
    RecordTooLarge(u64),
    /// A value is longer than 65,535 bytes or characters, the most that its length field can state.
    ValueTooLong(String),
    /// The log does not have the chunk or record that was to be damaged.
    NoSuchPlace {
        /// The 0-based index of the chunk.
        chunk: usize,
        /// The 0-based index of the record in the chunk; `None` if only a chunk was named.
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
