//! Errors of a verification.

use crate::base::in_order::NoThreads;
use crate::config::PasswordsError;
use crate::evidence::EvidenceError;
use crate::sweep::OutputNotRead;

/// Why the output of a sweep cannot be verified.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The directory that the user named is not an output of dnsweep, is incomplete, or has a
    /// schema version that this dnsweep does not read.
    #[error(transparent)]
    Output(#[from] OutputNotRead),
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
