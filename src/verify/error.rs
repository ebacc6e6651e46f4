//! Errors of a verification.

use std::path::PathBuf;

use crate::base::in_order::NoThreads;
use crate::config::PasswordsError;
use crate::evidence::EvidenceError;

/// Why the output of a sweep cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The directory that the user named is not an output of dnsweep.
    #[error("'{}': expected an output of dnsweep, found {found}", path.display())]
    NotAnOutput {
        /// The path of the output directory, as typed.
        path: PathBuf,
        /// What was found in the directory instead of an output of dnsweep.
        found: String,
    },
    /// The output has a schema version (a version of the layout of tables and `run.json`) that this
    /// version of dnsweep does not know.
    #[error("'{}': expected schema version {known} in run.json, found {found}: verify it with the dnsweep that wrote it", path.display())]
    SchemaVersion {
        /// The path of the output directory, as typed.
        path: PathBuf,
        /// The schema version (of the layout of tables and `run.json`) that this version of dnsweep
        /// knows.
        known: u32,
        /// The schema version that `run.json` states for the output.
        found: String,
    },
    /// The user gave another number of roots of the evidence than the sweep had, so files cannot be
    /// assigned to roots.
    #[error("expected the roots of the evidence in run.json ({recorded}), in the same order, found {given}")]
    RootCount {
        /// The number of roots that `run.json` records.
        recorded: usize,
        /// The number of roots that the user gave.
        given: usize,
    },
    /// The file of passwords for encrypted archives cannot be used.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The evidence cannot be found or listed.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The threads that read the evidence could not be started.
    #[error(transparent)]
    Threads(#[from] NoThreads),
}
