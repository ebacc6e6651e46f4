//! What is wrong with what was typed, and what ends a command.

use std::io;
use std::path::PathBuf;

use crate::config::{PeriodError, RequestError, RulesError};
use crate::error::SweepError;
use crate::evidence::EvidenceError;
use crate::output::OutputError;
use crate::verify::VerifyError;

/// What is wrong with what was typed.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The list of files could not be read.
    #[error("--files-from '{}': {source}", path.display())]
    FilesFrom {
        /// The list.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// An event that could not be read.
    #[error("--event '{}': {reason}", path.display())]
    Event {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Data sets that are in no directory.
    #[error("--data '{}': expected a directory", .0.display())]
    Data(PathBuf),
}

/// What ends a command before it has an answer.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// What was typed is wrong.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The sweep did not begin, or did not end.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// The output cannot be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Errors of a stage end a command as they end a sweep.
macro_rules! of_a_sweep {
    ($($error:ty),*) => {
        $(impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                CommandError::Sweep(error.into())
            }
        })*
    };
}
of_a_sweep!(EvidenceError, OutputError, PeriodError, RequestError, RulesError);
