//! Usage errors, and the errors that end a command.

use std::io;
use std::path::PathBuf;

use crate::config::{PeriodError, RequestError, RulesError};
use crate::error::SweepError;
use crate::evidence::EvidenceError;
use crate::output::OutputError;
use crate::verify::VerifyError;

/// A usage error: an argument that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The list of files could not be read.
    #[error("--files-from '{}': {source}", path.display())]
    FilesFrom {
        /// The list.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// The event in a file could not be read.
    #[error("--event '{}': {reason}", path.display())]
    Event {
        /// The file.
        path: PathBuf,
        /// The reason.
        reason: String,
    },
    /// The path of the data sets is not a directory.
    #[error("--data '{}': expected a directory", .0.display())]
    Data(PathBuf),
}

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// An argument cannot be used.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The sweep could not begin or finish.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// The output cannot be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Converts errors of a stage, by way of [`SweepError`].
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
