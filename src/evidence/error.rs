//! Why evidence cannot be looked for. (What is wrong inside evidence is data: `ledger::damage`.)

use std::io;
use std::path::PathBuf;

use crate::base::in_order::NoThreads;

/// Why evidence cannot be looked for.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A root of the evidence that is not there or cannot be looked at.
    #[error("evidence '{}': {source}{hint}", path.display())]
    Root {
        /// The root as typed.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
        /// How far its path leads, if it is not there.
        hint: String,
    },
    /// A root that is neither a directory nor a regular file.
    #[error("evidence '{}': expected a directory or a regular file, found {found}", path.display())]
    RootKind {
        /// The root as typed.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// Two roots of which one holds the other: its events would count twice.
    #[error("evidence '{}' lies in evidence '{}': its events would count twice; name only one of them", inner.display(), outer.display())]
    OverlappingRoots {
        /// The root that lies in the other.
        inner: PathBuf,
        /// The root that holds it.
        outer: PathBuf,
    },
    /// No evidence was named.
    #[error("no evidence was named: give directories or files, or --files-from")]
    NoEvidence,
    /// The threads that list folders could not be started.
    #[error(transparent)]
    Threads(#[from] NoThreads),
}
