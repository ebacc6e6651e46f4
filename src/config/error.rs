//! Errors in a user's request for a sweep: in the period, the rules, the exclusions or the values
//! for placeholders.

use std::path::PathBuf;

/// Why rules, exclusions or the values for placeholders in Sigma rules cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    /// A rule cannot be run as a detection.
    #[error("detection {source}")]
    Detection {
        /// The path of the rule file, and the reason why the rule cannot be run, as one text.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file with values for the placeholders (`%name%`) in Sigma rules (`--placeholders`)
    /// cannot be read.
    #[error("--placeholders '{}': {reason}", path.display())]
    Placeholders {
        /// The path of the file with values for placeholders, as typed.
        path: PathBuf,
        /// Why the file with values for placeholders cannot be read, with the place in the file.
        reason: String,
    },
    /// The user named a detection, but no detection has the typed text in its id or name.
    #[error(
        "detection '{wanted}': expected an id, a name or a part of either, found none that has it; there are {known}"
    )]
    NoDetection {
        /// The text that the user typed to name a detection.
        wanted: String,
        /// The ids and names of the first few detections that are loaded.
        known: String,
    },
    /// The user named a detection, but several detections have the typed text in their id or name.
    #[error(
        "detection '{wanted}': expected an id, a name or a part of either that only one detection has, found several: {known}"
    )]
    AmbiguousDetection {
        /// The text that the user typed to name a detection.
        wanted: String,
        /// The ids and names of the first few detections that have the typed text in their id or
        /// name.
        known: String,
    },
    /// Several detections are loaded, and the user named none of them to a command that is about
    /// one.
    #[error("expected the id or the name of a detection, because there are several: {known}")]
    WhichDetection {
        /// The ids and names of the first few detections that are loaded.
        known: String,
    },
    /// With `--strict`, a sweep does not run because some rules cannot be run.
    #[error(
        "--strict: expected {rules} rules that run, found {refused} that do not: {reasons}; `dnsweep detections check` lists all"
    )]
    Strict {
        /// The number of rules that cannot be run although they may be about DNS queries.
        refused: usize,
        /// The number of all rules that were found, except for those about events other than DNS
        /// queries.
        rules: usize,
        /// The reasons why rules were refused, for the first few of them.
        reasons: String,
    },
    /// A list of indicators (`--iocs`) cannot be used.
    #[error("--iocs {source}")]
    Indicators {
        /// The path of the list's file, and the reason why the list cannot be used, as one text.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// With `--strict`, a sweep does not run because a list of indicators (`--iocs`) has entries
    /// that are not understood.
    #[error(
        "--strict: {list}: expected entries that are all understood, found {count} that are not; the first: {first}"
    )]
    StrictList {
        /// The path of the file with the list of indicators, as typed.
        list: String,
        /// The number of entries of the list of indicators that are not understood.
        count: u64,
        /// The first entry of the list of indicators that is not understood: where it is, what was
        /// expected there and what was found.
        first: String,
    },
    /// The exclusions that the user gave (`--allow`) cannot be used.
    #[error("exclusions {source}")]
    Exclusions {
        /// The path of the file with exclusions, and the reason why they cannot be used, as one
        /// text.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Why the period that the user requested cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeriodError {
    /// A time or span that the user typed for the period is not understood.
    #[error("{option}: {source}")]
    Time {
        /// The option with which the user gave the time, such as `--since`.
        option: &'static str,
        /// What was expected as a time or span, and what was found.
        source: crate::event::TimeError,
    },
    /// The first time of the period is after its last time, so no event can be in it.
    #[error("expected --since before --until, found it after: no event can be between them")]
    EmptyWindow,
}

/// Why the file of passwords for encrypted archives (`--passwords`) cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("--passwords '{}': {reason}", path.display())]
pub struct PasswordsError {
    /// The path of the file of passwords, as typed.
    pub path: PathBuf,
    /// What was expected of the file of passwords, and what was found.
    pub reason: String,
}

/// Why the configuration in a plan cannot be made or used. By a plan, several machines share one
/// sweep.
#[derive(Debug, thiserror::Error)]
pub enum CarriedError {
    /// Another version of dnsweep made the plan, and may look for something else. Contains that
    /// version.
    #[error("the plan: expected one of dnsweep {own}, found one of {0}: use that version, or make the plan anew", own = env!("CARGO_PKG_VERSION"))]
    Version(String),
    /// The configuration that this process makes of the plan has another input, such as other
    /// passwords, than the sweep for which the plan was made. Contains the first input that
    /// differs.
    #[error("the plan: {}: expected '{}', found '{}': make the plan anew", .0.what, .0.first, .0.second)]
    Difference(super::InputDifference),
    /// The plan was made with passwords for encrypted archives, and none are given. Contains the
    /// SHA-256 of the file with the passwords.
    #[error(
        "the plan was made with passwords, which it does not carry: give --passwords with the same file (SHA-256 {0})"
    )]
    NoPasswords(String),
    /// A file that the user named, such as a rule file, cannot be read for a plan, or cannot be
    /// read from the plan, which carries its text.
    #[error("'{source_name}', for the plan: {reason}")]
    File {
        /// The path of the file, as typed.
        source_name: String,
        /// Why the file cannot be read, or what is wrong with its text.
        reason: String,
    },
}

impl CarriedError {
    /// Returns the error that a file cannot be read for a plan or from a plan. Its message calls
    /// the file `source_name`, and quotes `reason`.
    pub(super) fn file(source_name: &str, reason: &dyn std::fmt::Display) -> Self {
        CarriedError::File { source_name: source_name.to_owned(), reason: reason.to_string() }
    }
}

/// Why a sweep cannot be set up as the user requested.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The period that the user requested cannot be used.
    #[error(transparent)]
    Period(#[from] PeriodError),
    /// The rules, the exclusions, or the values for the placeholders of Sigma rules cannot be used.
    #[error(transparent)]
    Rules(#[from] RulesError),
    /// The file of passwords for encrypted archives cannot be used.
    #[error(transparent)]
    Passwords(#[from] PasswordsError),
    /// The configuration in a plan, by which several machines share one sweep, cannot be made or
    /// used.
    #[error(transparent)]
    Carried(#[from] CarriedError),
}
