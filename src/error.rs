//! What ends a sweep: the errors of the stages, joined. (What is wrong with evidence does not end a
//! sweep: it is data, in `ledger::damage`.)

use crate::base::in_order::NoThreads;
use crate::config::{PeriodError, RequestError, RulesError};
use crate::evidence::EvidenceError;
use crate::output::OutputError;

/// Why a caller cannot take a match.
pub type SinkError = Box<dyn std::error::Error + Send + Sync>;

/// Why a sweep did not begin, or did not end.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// The period cannot be used.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The evidence cannot be looked for.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The rules, exclusions or values for placeholders cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The output cannot be begun, or not be completed.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The caller cannot take a match.
    #[error("a match cannot be taken: {0}")]
    Sink(#[source] SinkError),
    /// The threads that read evidence could not be started.
    #[error(transparent)]
    Threads(#[from] NoThreads),
}

impl From<RequestError> for SweepError {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Period(error) => error.into(),
            RequestError::Rules(error) => error.into(),
        }
    }
}
