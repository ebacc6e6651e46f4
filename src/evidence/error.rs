//! Errors that prevent the search for evidence. (Problems inside evidence are data, in
//! `ledger::damage`.)

use std::io;
use std::path::PathBuf;

use crate::base::in_order::NoThreads;

/// The reason why evidence cannot be searched for.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A root does not exist or cannot be accessed.
    #[error("evidence '{}': {source}{hint}", path.display())]
    Root {
        /// The root as typed.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
        /// A hint that says how far the root's path exists; empty if it exists whole.
        hint: String,
    },
    /// A root is neither a directory nor a regular file.
    #[error("evidence '{}': expected a directory or a regular file, found {found}", path.display())]
    RootKind {
        /// The root as typed.
        path: PathBuf,
        /// The kind of file that the root is.
        found: &'static str,
    },
    /// One root contains another, so that events would count twice.
    #[error("evidence '{}' lies in evidence '{}': its events would count twice; name only one of them", inner.display(), outer.display())]
    OverlappingRoots {
        /// The root that lies in the other.
        inner: PathBuf,
        /// The root that contains the other.
        outer: PathBuf,
    },
    /// The user named no evidence.
    #[error("no evidence was named: give directories or files, or --files-from")]
    NoEvidence,
    /// The threads that list folders could not be started.
    #[error(transparent)]
    Threads(#[from] NoThreads),
}
