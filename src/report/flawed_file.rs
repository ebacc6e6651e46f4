//! Flawed files, which could not be read and understood completely. The summary lists those that
//! lost most.

use crate::ledger::damage::Problem;
use crate::ledger::file::{Loss, Status};

/// A file that could not be read and understood completely.
#[derive(Debug, Clone)]
pub struct FlawedFile {
    /// The name of the piece of evidence that contains the file.
    pub evidence: String,
    /// The file's path from its root.
    pub source_path: String,
    /// The status of the file.
    pub status: Status,
    /// How much of the file was lost.
    pub loss: Loss,
    /// The file's first problem; `None` if the file has none in its list, because `status` says all
    /// that is known.
    pub problem: Option<Problem>,
    /// How many problems the file has.
    pub problems: u64,
}
