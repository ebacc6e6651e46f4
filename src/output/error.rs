//! Why an output cannot be begun, or not be completed.

use std::io;
use std::path::PathBuf;

use crate::base::in_order::NoThreads;

/// Why an output cannot be begun, or not be completed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// An output directory inside the evidence.
    #[error("--out '{}' lies in evidence '{}': nothing is written under evidence", out.display(), root.display())]
    InEvidence {
        /// The output directory.
        out: PathBuf,
        /// The root that holds it.
        root: PathBuf,
    },
    /// Evidence inside the output directory, which would be replaced.
    #[error("evidence '{}' lies in --out '{}', which would be replaced", root.display(), out.display())]
    HoldsEvidence {
        /// The output directory.
        out: PathBuf,
        /// The root in it.
        root: PathBuf,
    },
    /// An output directory that exists.
    #[error("--out '{}' exists: give another directory, or --force to replace an earlier output of dnsweep", .0.display())]
    Exists(PathBuf),
    /// `--force` on something that dnsweep did not write.
    #[error("--out '{}' holds {found}: --force replaces only what dnsweep wrote", path.display())]
    Foreign {
        /// The output directory.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// Another sweep is writing to the output.
    #[error("'{}': another sweep is writing to this output", .0.display())]
    Busy(PathBuf),
    /// A sweep to the output was not finished, and it was not said what shall become of it.
    #[error("'{}' holds what an unfinished sweep to this output has read: give --resume to go on from there, or --force to begin anew", .0.display())]
    Unfinished(PathBuf),
    /// What lies where a sweep keeps what it has so far is not a sweep's.
    #[error("'{}' is where a sweep to this output keeps what it has so far: expected a folder of files that dnsweep writes there, found other things in it, or no folder; move it, or give another --out", .0.display())]
    PartialForeign(PathBuf),
    /// Somebody else could have put something where a sweep keeps what it has so far.
    #[error("'{}' is where a sweep to this output keeps what it has so far: expected a folder of your own that nobody else can write to, found {found}; move it, or give another --out", path.display())]
    PartialShared {
        /// The folder.
        path: PathBuf,
        /// Whose it is, and who can write to it.
        found: String,
    },
    /// The journal cannot be gone on from.
    #[error("cannot resume from '{}': {reason}", path.display())]
    Resume {
        /// The journal.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The place for the output cannot be written to.
    #[error("--out '{}': {source}", path.display())]
    Location {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A row that does not fit its table: a fault of this program.
    #[error("a row that does not fit its table: {0}")]
    Row(String),
    /// An output could not be written.
    #[error("cannot write '{}': {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The threads that write tables could not be started.
    #[error(transparent)]
    Threads(#[from] NoThreads),
}

impl OutputError {
    /// Whether the output was begun and could not be completed: no usage error, but for example a
    /// full disk.
    #[must_use]
    pub fn is_failed_write(&self) -> bool {
        matches!(self, OutputError::Write { .. } | OutputError::Row(_))
    }
}
