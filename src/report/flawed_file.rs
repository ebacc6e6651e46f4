//! Flawed files, which could not be read and understood completely. The summary lists those that
//! lost most.

use crate::ledger::damage::Problem;
use crate::ledger::file::{Loss, Status};

/// A file that could not be read and understood completely, as the summary lists it, which a sweep
/// prints when it ends.
#[derive(Debug, Clone)]
pub struct FlawedFile {
    /// The name of the piece of evidence that contains the file.
    pub evidence: String,
    /// The file's path from its root.
    pub source_path: String,
    /// What could be done with the file as a whole: for example, it is damaged or unreadable.
    pub status: Status,
    /// How many bytes and records of the file were lost.
    pub loss: Loss,
    /// The file's first problem; `None` if the file has none in its list, because `status` says all
    /// that is known.
    pub problem: Option<Problem>,
    /// How many problems the file has.
    pub problems: u64,
}
