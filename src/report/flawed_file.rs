//! Files that could not be read and understood completely, for the summary's list of the worst.

use crate::ledger::damage::Problem;
use crate::ledger::file::{Loss, Status};

/// A file that could not be read and understood completely.
#[derive(Debug, Clone)]
pub struct FlawedFile {
    /// The piece of evidence.
    pub evidence: String,
    /// The file's path from its root.
    pub source_path: String,
    /// The status of the file.
    pub status: Status,
    /// How much of the file was lost.
    pub loss: Loss,
    /// The file's first problem; `None` if the status says all that is known.
    pub problem: Option<Problem>,
    /// How many problems the file has.
    pub problems: u64,
}
