//! A file that was not all read and understood, for lists of the worst.

use crate::ledger::damage::Problem;
use crate::ledger::file::{Loss, Status};

/// A file that was not all read and understood.
#[derive(Debug, Clone)]
pub struct FlawedFile {
    /// The piece of evidence.
    pub evidence: String,
    /// The file, from its root.
    pub source_path: String,
    /// How it was found to be.
    pub status: Status,
    /// How much of it was lost.
    pub loss: Loss,
    /// Its first problem.
    pub problem: Option<Problem>,
    /// How many problems it has.
    pub problems: u64,
}
