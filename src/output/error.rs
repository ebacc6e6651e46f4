//! Errors of the output directory: why an output cannot be begun or completed.

use std::io;
use std::path::PathBuf;

use crate::base::in_order::NoThreads;

/// Why an output cannot be begun or completed.
#[derive(Debug, thiserror::Error)]
pub enum OutputError {
    /// The output directory lies inside the evidence.
    #[error("--out '{}' lies in evidence '{}': nothing is written under evidence; give another directory with --out", out.display(), root.display())]
    InEvidence {
        /// The path of the output directory.
        out: PathBuf,
        /// The root (a folder or file of evidence that the user named) that contains the output
        /// directory.
        root: PathBuf,
    },
    /// The evidence lies inside the output directory, which would be replaced.
    #[error("evidence '{}' lies in --out '{}', which would be replaced", root.display(), out.display())]
    HoldsEvidence {
        /// The path of the output directory.
        out: PathBuf,
        /// The root (a folder or file of evidence that the user named) that the output directory
        /// contains.
        root: PathBuf,
    },
    /// The output directory exists and is not empty, and the sweep was not allowed to replace it.
    /// Contains the directory's path.
    #[error("--out '{}' exists: give another directory, or --force to replace an earlier output of dnsweep", .0.display())]
    Exists(PathBuf),
    /// `--force` was given for a directory that contains something that dnsweep did not write.
    #[error("--out '{}' contains {found}, which dnsweep did not write: --force replaces only outputs of dnsweep; give another directory", path.display())]
    Foreign {
        /// The path of the output directory.
        path: PathBuf,
        /// What the directory contains that dnsweep did not write, in words, for example the quoted
        /// name of a file.
        found: String,
    },
    /// Another sweep is writing to the same output. Contains the path of the partial directory, a
    /// folder next to the output for the unfinished output. The other sweep has locked it.
    #[error("'{}': another sweep is writing to this output: wait for its end, or give another --out", .0.display())]
    Busy(PathBuf),
    /// An earlier sweep to the same output was not finished, and neither `--resume` nor `--force`
    /// was given. Contains the path of the partial directory next to the output, in which that
    /// sweep left what it had read.
    #[error("'{}' contains what an unfinished sweep to this output has read: give --resume to continue from there, or --force to begin anew", .0.display())]
    Unfinished(PathBuf),
    /// Something that no sweep wrote lies at the path of the partial directory, which is the folder
    /// for a sweep's unfinished tables. Contains that path.
    #[error("'{}' is where a sweep to this output keeps unfinished work: expected a folder of files that dnsweep writes there, found other files in it, or no folder; move it, or give another --out", .0.display())]
    PartialForeign(PathBuf),
    /// The partial directory, in which a sweep keeps unfinished tables, belongs to another user, or
    /// others can write to it.
    #[error("'{}' is where a sweep to this output keeps unfinished work: expected a folder of your own that nobody else can write to, found {found}; move it, or give another --out", path.display())]
    PartialShared {
        /// The path of the partial directory.
        path: PathBuf,
        /// The directory's owner and permissions, in words.
        found: String,
    },
    /// The sweep cannot be resumed from the journal, in which the unfinished sweep noted what it
    /// had read.
    #[error("cannot resume from '{}': {reason}", path.display())]
    Resume {
        /// The path of the journal, in which the unfinished sweep noted what it had read.
        path: PathBuf,
        /// Why the sweep cannot be resumed from the journal.
        reason: String,
    },
    /// The place at which the output directory was to be made cannot be used.
    #[error("--out '{}': {source}", path.display())]
    Location {
        /// The path at which the output directory was to be made.
        path: PathBuf,
        /// Why the path cannot be used: the operating system's error.
        source: io::Error,
    },
    /// A plan or a part (files by which several machines share one sweep) cannot be written at the
    /// path that the user named.
    #[error("'{}': {source}", path.display())]
    File {
        /// The path at which the file was to be made, as the user typed it.
        path: PathBuf,
        /// Why no file can be made at the path.
        source: io::Error,
    },
    /// A row does not fit the columns of its table, which is a bug in dnsweep. Contains what does
    /// not fit, in words.
    #[error("a row does not fit the columns of its table, which is a bug in dnsweep: {0}")]
    Row(String),
    /// A file of the output could not be written or completed, or the sweep's journal could not be
    /// written. In the journal, the sweep notes what it has read.
    #[error("cannot write '{}': {reason}", path.display())]
    Write {
        /// The path of the file that could not be written.
        path: PathBuf,
        /// Why the file could not be written.
        reason: String,
    },
    /// The threads that write tables could not be started.
    #[error(transparent)]
    Threads(#[from] NoThreads),
}

impl OutputError {
    /// Returns true if the output was begun but could not be completed, for example because the
    /// disk is full. Other errors are usage errors, except for threads that could not be started.
    #[must_use]
    pub fn is_failed_write(&self) -> bool {
        matches!(self, OutputError::Write { .. } | OutputError::Row(_))
    }
}
