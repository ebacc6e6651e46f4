//! Errors in what a user asks for: the period, rules, exclusions, values for placeholders.

use std::path::PathBuf;

/// Why rules, exclusions or values for placeholders cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A detection that could not be understood.
    #[error("detection {source}")]
    Detection {
        /// Describes what is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Values for placeholders that could not be read.
    #[error("--placeholders '{}': {reason}", path.display())]
    Placeholders {
        /// The file.
        path: PathBuf,
        /// Describes what is wrong.
        reason: String,
    },
    /// No detection has the id or name that the user typed.
    #[error("detection '{wanted}': expected an id, a name or a part of either; there are {known}")]
    NoDetection {
        /// What was typed.
        wanted: String,
        /// The ids and names of all detections.
        known: String,
    },
    /// Several detections have an id or name that contains what the user typed.
    #[error(
        "detection '{wanted}': expected an id, a name or a part of either that is of one detection only; it is of {known}"
    )]
    AmbiguousDetection {
        /// What was typed.
        wanted: String,
        /// The ids and names of the detections that fit.
        known: String,
    },
    /// There are several detections, and the user named none of them.
    #[error("expected the id or the name of a detection, as there are several: {known}")]
    WhichDetection {
        /// The ids and names of all detections.
        known: String,
    },
    /// With `--strict`, a rule that does not run.
    #[error(
        "--strict: {refused} of {rules} rules cannot be looked for: {reasons}; `dnsweep detections check` lists all"
    )]
    Strict {
        /// The number of refused rules.
        refused: usize,
        /// The number of all rules, except for those about other data.
        rules: usize,
        /// The reasons for the first refused rules.
        reasons: String,
    },
    /// Exclusions that could not be understood.
    #[error("exclusions {source}")]
    Exclusions {
        /// Describes what is wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why a period cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeriodError {
    /// A time that could not be understood.
    #[error("{option}: {source}")]
    Time {
        /// The option with which the time was given.
        option: &'static str,
        /// Describes what is wrong.
        source: crate::event::TimeError,
    },
    /// A window of time that holds no instant.
    #[error("--since is after --until: no event can lie between")]
    EmptyWindow,
}

/// Why a sweep cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The period cannot be used.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The rules, exclusions or values for placeholders cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
}
