//! The errors that end a sweep, joined from the errors of the stages. Damaged evidence is not an
//! error: it is data (`crate::ledger`) and does not end a sweep.

use crate::base::in_order::NoThreads;
use crate::config::{CarriedError, PasswordsError, PeriodError, RequestError, RulesError};
use crate::evidence::EvidenceError;
use crate::output::{OutputError, PartsError};

/// The error type of a function that the caller of a sweep passes to take the matches one by one
/// ([`Sink::Each`](crate::Sink::Each)). An error of that function ends the sweep.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Why a sweep could not begin or finish.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The period that matches must lie in is not valid.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The files and folders of the evidence cannot be listed.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The rules, the exclusions, or the values for the placeholders of Sigma rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The file of passwords for archives and volumes cannot be used.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The configuration that a plan carries (the rules and options for the sweeps of its shards)
    /// cannot be made or used.
    #[error(transparent)]
    Carried(#[from] CarriedError),
    /// The output directory cannot be used, or its files cannot be written completely.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The caller's function that takes the matches of the sweep one by one
    /// ([`Sink::Each`](crate::Sink::Each)) returned an error. Contains that error.
    #[error("a match cannot be taken: {0}")]
    Sink(#[source] SinkError),
    /// A plan (a file by which several machines share one sweep) or a part (the file with what a
    /// sweep or a shard found, which `dnsweep merge` reads) cannot be used, or parts do not belong
    /// together.
    #[error(transparent)]
    Parts(#[from] PartsError),
    /// The work was interrupted, and nothing was written.
    #[error("interrupted: nothing was written")]
    Interrupted,
    /// The threads that read evidence could not be started.
    #[error(transparent)]
    Threads(#[from] NoThreads),
}

impl From<RequestError> for SweepError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Period(error) => error.into(),
            RequestError::Rules(error) => error.into(),
            RequestError::Passwords(error) => error.into(),
            RequestError::Carried(error) => error.into(),
        }
    }
}
