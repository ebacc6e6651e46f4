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
    /// The list of paths for `--files-from` cannot be read.
    #[error("--files-from '{}': {source}", path.display())]
    FilesFrom {
        /// The path of the list.
        path: PathBuf,
        /// Why it cannot be read.
        source: io::Error,
    },
    /// The event for `--event` cannot be read.
    #[error("--event '{}': {reason}", path.display())]
    Event {
        /// The path of the event's file.
        path: PathBuf,
        /// Why the event cannot be read.
        reason: String,
    },
    /// The path of the data sets for `--data` is not a directory.
    #[error("--data '{}': expected a directory", .0.display())]
    Data(PathBuf),
}

/// An error that ends a command.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// An argument cannot be used.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// The sweep cannot begin or finish.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// The output cannot be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Converts errors of a sweep's stages to [`CommandError`], by way of [`SweepError`].
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
