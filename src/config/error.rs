//! Errors in a user's request for a sweep: in the period, the rules, the exclusions or the values
//! for placeholders.

use std::path::PathBuf;

/// Why rules, exclusions or values for placeholders cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A detection cannot be run.
    #[error("detection {source}")]
    Detection {
        /// The file of the detection, and the reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file with values for placeholders cannot be read.
    #[error("--placeholders '{}': {reason}", path.display())]
    Placeholders {
        /// The path of the file.
        path: PathBuf,
        /// Why it cannot be read.
        reason: String,
    },
    /// No detection has the text that the user typed in its id or name.
    #[error(
        "detection '{wanted}': expected an id, a name or a part of either, found none that has it; there are {known}"
    )]
    NoDetection {
        /// The text that the user typed.
        wanted: String,
        /// The ids and names of the first detections.
        known: String,
    },
    /// Several detections have an id or name that contains what the user typed.
    #[error(
        "detection '{wanted}': expected an id, a name or a part of either that only one detection has, found several: {known}"
    )]
    AmbiguousDetection {
        /// The text that the user typed.
        wanted: String,
        /// The ids and names of the detections that contain the text.
        known: String,
    },
    /// There are several detections, and the user named none of them.
    #[error("expected the id or the name of a detection, because there are several: {known}")]
    WhichDetection {
        /// The ids and names of all detections.
        known: String,
    },
    /// With `--strict`, some rules cannot be run.
    #[error(
        "--strict: expected {rules} rules that run, found {refused} that do not: {reasons}; `dnsweep detections check` lists all"
    )]
    Strict {
        /// The number of rules that cannot be run.
        refused: usize,
        /// The number of all rules, except for those about other data.
        rules: usize,
        /// Why the first of them cannot be run.
        reasons: String,
    },
    /// The exclusions cannot be used.
    #[error("exclusions {source}")]
    Exclusions {
        /// The file of the exclusions, and the reason.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why a period cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeriodError {
    /// A time of the period is not understood.
    #[error("{option}: {source}")]
    Time {
        /// The option with which the time was given, such as `--since`.
        option: &'static str,
        /// What was expected and what was found.
        source: crate::event::TimeError,
    },
    /// The period begins after it ends, so no time is in it.
    #[error("expected --since before --until, found it after: no event can be between them")]
    EmptyWindow,
}

/// Why a file of passwords cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("--passwords '{}': {reason}", path.display())]
pub struct PasswordsError {
    /// The file as typed.
    pub path: PathBuf,
    /// Describes what is wrong.
    pub reason: String,
}

/// Why a sweep cannot be set up as the user requested.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The period cannot be used.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The rules, exclusions or values for placeholders cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The file of passwords cannot be used.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
}
