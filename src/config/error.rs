//! Why what is asked for cannot be done: a period, rules, exclusions, values for placeholders.

use std::path::PathBuf;

/// Why rules, exclusions or values for placeholders cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A detection that could not be understood.
    #[error("detection {source}")]
    Detection {
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Values for placeholders that could not be read.
    #[error("--placeholders '{}': {reason}", path.display())]
    Placeholders {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// No detection has the id or name that was asked for.
    #[error("detection '{said}': expected an id, a name or a part of either; there are {known}")]
    NoDetection {
        /// What was typed.
        said: String,
        /// Those that there are.
        known: String,
    },
    /// Several detections have the name, or the part of it, that was asked for.
    #[error(
        "detection '{said}': expected an id, a name or a part of either that is of one detection only; it is of {known}"
    )]
    AmbiguousDetection {
        /// What was typed.
        said: String,
        /// Those that have it.
        known: String,
    },
    /// There are several detections, and none was named.
    #[error("expected the id or the name of a detection, as there are several: {known}")]
    WhichDetection {
        /// Those that there are.
        known: String,
    },
    /// With `--strict`, a rule that does not run.
    #[error(
        "--strict: {refused} of {rules} rules cannot be looked for: {reasons}; `dnsweep detections check` lists all"
    )]
    Strict {
        /// How many are refused.
        refused: usize,
        /// How many there are, those about other data left out.
        rules: usize,
        /// Why the first of them are.
        reasons: String,
    },
    /// Exclusions that could not be understood.
    #[error("exclusions {source}")]
    Exclusions {
        /// What is wrong with them.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why a period cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeriodError {
    /// A time that could not be understood.
    #[error("{option}: {source}")]
    Time {
        /// The option it was given with.
        option: &'static str,
        /// What is wrong with it.
        source: crate::event::TimeError,
    },
    /// A window of time that holds no instant.
    #[error("--since is after --until: no event can lie between")]
    EmptyWindow,
}

/// Why what is asked for cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The period cannot be used.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The rules, exclusions or values for placeholders cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
}
