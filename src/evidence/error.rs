//! Errors because of which dnsweep cannot search the evidence at all. (Damage inside the evidence
//! is data, not an error: see `ledger::damage`.)

use std::io;
use std::path::{Path, PathBuf};

use crate::base::in_order::NoThreads;

/// The reason why the evidence cannot be searched. A root is a folder or a file of evidence that
/// the user names.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A root (a folder or file of evidence that the user named), or the path of one log that a
    /// caller of the library named, does not exist or cannot be accessed.
    #[error("evidence '{}': {source}{hint}", path.display())]
    Root {
        /// The path of the root that cannot be accessed, as the user typed it.
        path: PathBuf,
        /// The error that the operating system reported for the root.
        source: io::Error,
        /// The end of the error message that the user reads. If the root does not exist, it says
        /// how much of the root's path exists. Empty for any other error.
        hint: String,
    },
    /// A root (a folder or file of evidence that the user named) is neither a folder nor a regular
    /// file.
    #[error("evidence '{}': expected a directory or a regular file, found {found}", path.display())]
    RootKind {
        /// The path of the root that is of the wrong kind, as the user typed it.
        path: PathBuf,
        /// What the root is, for example `a pipe, socket or device`.
        found: &'static str,
    },
    /// A caller of the library asked for the events of one log, and the path is not that of a log.
    #[error("'{}': expected an event log or a file of event XML, found {found}", path.display())]
    NotALog {
        /// The path that the caller of the library gave as that of a log.
        path: PathBuf,
        /// What lies at the path instead of a log, for example `a directory`.
        found: &'static str,
    },
    /// A root (a folder or file of evidence that the user named) lies in another root, or is named
    /// twice. Its events would count twice.
    #[error("{}", overlap(inner, outer))]
    OverlappingRoots {
        /// The path of the root that lies in the root `outer`. It is equal to `outer` if a root is
        /// named twice.
        inner: PathBuf,
        /// The path of the root that contains the root `inner`, or is equal to it.
        outer: PathBuf,
    },
    /// None of the files that a plan lists in a root was found there. A plan is a file that lists
    /// what a divided sweep reads. A root is a folder or file of evidence that the user names.
    #[error("evidence '{}': expected {files} files or containers that the plan lists, found none of them: is the evidence mounted there?", root.display())]
    Absent {
        /// The path of the root (a named folder or file of evidence) in which none of the files
        /// that the plan lists was found.
        root: PathBuf,
        /// The number of files and outermost containers from the plan that were looked for in the
        /// root. None of them was found.
        files: u64,
    },
    /// The user named no evidence.
    #[error("no evidence was named: give directories or files, or --files-from")]
    NoEvidence,
    /// The threads that list the folders could not be started.
    #[error(transparent)]
    Threads(#[from] NoThreads),
}

/// Returns the error message for a root `inner` that lies in the root `outer`, or has the same
/// path. A root is a folder or file of evidence.
fn overlap(inner: &Path, outer: &Path) -> String {
    let (inner, outer, is_same) = (inner.display(), outer.display(), inner == outer);
    if is_same {
        // A merge finds this, too, where two machines had their evidence mounted at the same path.
        format!(
            "evidence '{inner}' is named twice: its events would count twice; name it once. To merge outputs of different evidence \
             that lay at one path, sweep one of them again at another path"
        )
    } else {
        format!(
            "evidence '{inner}' lies in evidence '{outer}': its events would count twice; name only one of them"
        )
    }
}
