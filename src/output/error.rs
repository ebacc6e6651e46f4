//! Errors of the output directory: why an output cannot be begun or completed.

use std::io;
use std::path::PathBuf;

use crate::base::in_order::NoThreads;
use crate::base::sentence::sentence;

/// Why an output cannot be begun or completed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The output directory lies inside the evidence.
    #[error("--out '{}' lies in evidence '{}': nothing is written under evidence", out.display(), root.display())]
    InEvidence {
        /// The output directory.
        out: PathBuf,
        /// The root of the evidence that holds it.
        root: PathBuf,
    },
    /// The evidence lies inside the output directory, which would be replaced.
    #[error("evidence '{}' lies in --out '{}', which would be replaced", root.display(), out.display())]
    HoldsEvidence {
        /// The output directory.
        out: PathBuf,
        /// The root of the evidence.
        root: PathBuf,
    },
    /// The output directory exists.
    #[error("--out '{}' exists: give another directory, or --force to replace an earlier output of dnsweep", .0.display())]
    Exists(PathBuf),
    /// `--force` was given for a directory that holds something that dnsweep did not write.
    #[error("--out '{}' holds {found}: --force replaces only what dnsweep wrote", path.display())]
    Foreign {
        /// The output directory.
        path: PathBuf,
        /// The file in it that dnsweep did not write.
        found: String,
    },
    /// Another sweep is writing to the output.
    #[error("'{}': another sweep is writing to this output", .0.display())]
    Busy(PathBuf),
    /// An earlier sweep to the output was not finished, and neither `--resume` nor `--force` was
    /// given.
    #[error("'{}' holds what an unfinished sweep to this output has read: give --resume to go on from there, or --force to begin anew", .0.display())]
    Unfinished(PathBuf),
    /// The partial directory holds something that no sweep wrote.
    #[error("'{}' is where a sweep to this output keeps what it has so far: expected a folder of files that dnsweep writes there, found other things in it, or no folder; move it, or give another --out", .0.display())]
    PartialForeign(PathBuf),
    /// The partial directory belongs to another user, or others can write to it.
    #[error("'{}' is where a sweep to this output keeps what it has so far: expected a folder of your own that nobody else can write to, found {found}; move it, or give another --out", path.display())]
    PartialShared {
        /// The folder.
        path: PathBuf,
        /// Its owner and permissions, in words.
        found: String,
    },
    /// The sweep cannot be resumed from the journal.
    #[error("cannot resume from '{}': {reason}", path.display())]
    Resume {
        /// The journal.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The location of the output cannot be written to.
    #[error("--out '{}': {source}", path.display())]
    Location {
        /// The directory.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// A row does not fit its table: a bug in dnsweep.
    #[error("a row that does not fit its table: {0}")]
    Row(String),
    /// A file of the output could not be written.
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
    /// Whether the output was begun but could not be completed, for example because the disk is
    /// full. All other errors are usage errors.
    #[must_use]
    pub fn is_failed_write(&self) -> bool {
        matches!(self, OutputError::Write { .. } | OutputError::Row(_))
    }
}

sentence! {
    /// Why the rows of a table cannot be read.
    pub struct ReadError;
}
