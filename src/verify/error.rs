//! Why an output cannot be verified.

use std::path::PathBuf;

use crate::base::in_order::NoThreads;
use crate::evidence::EvidenceError;

/// Why an output cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A directory to verify that is no output.
    #[error("'{}': expected an output of dnsweep, found {found}", path.display())]
    NotAnOutput {
        /// The directory as typed.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// An output to verify that was written by another version.
    #[error("'{}': expected schema version {known} in run.json, found {found}: verify it with the dnsweep that wrote it", path.display())]
    SchemaVersion {
        /// The directory as typed.
        path: PathBuf,
        /// The version that is known.
        known: u32,
        /// The version in `run.json`.
        found: String,
    },
    /// Evidence to verify that is not as many roots as were swept.
    #[error(
        "expected the roots of the evidence that were swept, in their order: run.json has {recorded}, {given} were given"
    )]
    RootCount {
        /// How many `run.json` has.
        recorded: usize,
        /// How many were given.
        given: usize,
    },
    /// The evidence cannot be looked for.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The threads that read evidence could not be started.
    #[error(transparent)]
    Threads(#[from] NoThreads),
}
