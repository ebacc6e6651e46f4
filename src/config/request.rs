//! A user's request for a sweep as plain data, and its conversion to a configuration, which has
//! everything that the request names loaded.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use super::error::{PeriodError, RequestError, RulesError};
use super::exclusions::{ExclusionFile, exclusions, status_at};
use super::indicators::{IndicatorLists, check_that_all_are_understood};
use super::{Catalog, Config, LoadedDetection, NotRun, Options, passwords};
use crate::base::switch::switch;
use crate::event::{EventTime, Window, parse_since, parse_span_back, parse_until};
use crate::evidence::discover::Unpacking;
use crate::evidence::spool::{DISK, SpoolPlace};

/// The maximum number of refused rules for which the error message of `--strict` lists the reasons.
const MOST_REASONS: usize = 3;

switch! {
    /// Whether a sweep runs if a rule in a directory of rules is refused, because it cannot be run
    /// although it may be about DNS queries.
    pub enum Refused {
        /// The sweep runs all rules except the refused ones, which the description of the sweep in
        /// its output (`run.json`) lists.
        LeftOut,
        /// The sweep does not run, and returns an error that lists the refused rules (`--strict`).
        /// An entry of a list of indicators that is not understood counts as a refused rule.
        Error,
    }
}

switch! {
    /// Whether an output directory gets `report.html`, an HTML page that shows the results to
    /// people.
    pub enum ReportPage {
        /// The output directory gets the page `report.html`.
        Written,
        /// The output directory does not get the page `report.html` (`--no-report`).
        LeftOut,
    }
}

switch! {
    /// Whether an output also has the tables of matches and of leads (queries of Windows' own DNS
    /// client that a detection describes), divided by host.
    pub enum Partitions {
        /// The output has each table in one file only.
        None,
        /// The output also has the matches and the leads (queries of Windows' own DNS client that a
        /// detection describes) in a folder for each host (`--partition-by host`).
        ByHost,
    }
}

/// A request for a sweep: what evidence to read, what to look for in it, and how. Every field
/// except the evidence may be left at its default.
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    /// The folders and files that the sweep reads as evidence. Nothing is ever written to them.
    pub evidence: Vec<PathBuf>,
    /// Rule files, and folders of rules. If there are none and no lists of indicators, the built-in
    /// detection is run.
    pub rules: Vec<PathBuf>,
    /// Lists of indicators (names and addresses) to look for, and the risk score of their matches.
    /// Each list is one detection.
    pub indicators: IndicatorLists,
    /// A YAML file with values for the placeholders (`%name%`) in Sigma rules.
    pub placeholders: Option<PathBuf>,
    /// Whether the sweep runs if a rule in a folder of rules is refused because it cannot be run.
    pub refused: Refused,
    /// YAML files of exclusions. An exclusion describes events that the site knows to be harmless;
    /// these are not matches.
    pub exclusions: Vec<PathBuf>,
    /// The period in which matches count; open at both ends by default.
    pub period: Period,
    /// How evidence is found and read, and what the sweep searches for besides matches, such as
    /// deleted records.
    pub options: Options,
    /// A file with passwords for encrypted files in archives, one a line.
    pub passwords: Option<PathBuf>,
    /// The disk space for unpacked copies of files in archives, in bytes; `None` for 64 GiB.
    pub spool_limit: Option<u64>,
    /// Whether an output directory gets `report.html`, an HTML page that shows the results to
    /// people.
    pub page: ReportPage,
    /// Whether an output directory also has the tables of matches and of leads (queries of Windows'
    /// own DNS client that a detection describes), divided by host.
    pub partitions: Partitions,
    /// The number of threads that decode records; `None` for one on each core.
    pub threads: Option<NonZeroUsize>,
    /// The number of threads that may list folders or read at the same time; `None` for all
    /// threads.
    pub readers: Option<NonZeroUsize>,
}

/// The period in which matches count, as texts. A text is a time in RFC 3339
/// (`2026-11-01T00:00:00Z`), a date in UTC (`2026-11-01`), a span back from now (`14d`, `2weeks`),
/// `today` or `yesterday`. An end of the period without a text is open.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Period {
    /// The first time of the period in which matches count, as text, such as `2026-11-01`; `None`
    /// if the period has no beginning.
    pub since: Option<String>,
    /// The last time of the period in which matches count, as text, such as `2026-11-01`; `None` if
    /// the period has no end.
    pub until: Option<String>,
    /// How long before now the period begins, as text, such as `14d`; an alternative to `since`.
    /// Matches count only in this period. `None` if the user gave no span.
    pub last: Option<String>,
}

impl Period {
    /// Returns the period as points in time. Spans count back from `now`. The error says which time
    /// is not understood, or that the period begins after its end.
    pub fn window(&self, now: EventTime) -> Result<Window, PeriodError> {
        let time = |option, text: &Option<String>, parse: fn(&str, EventTime) -> _| {
            let parsed = text.as_deref().map(|text| parse(text, now)).transpose();
            parsed.map_err(|source| PeriodError::Time { option, source })
        };
        let since = time("--since", &self.since, parse_since)?;
        let last = time("--last", &self.last, parse_span_back)?;
        let until = time("--until", &self.until, parse_until)?;
        let ends = last.filter(|_| until.is_none()).map(|_| now);
        match (Window { since: since.or(last), until, ends }) {
            Window { since: Some(since), until: Some(until), .. } if since > until => {
                Err(PeriodError::EmptyWindow)
            }
            window => Ok(window),
        }
    }
}

impl Sweep {
    /// Converts the request to a configuration: reads rules and exclusions, and resolves times.
    /// Spans count back from `now`, and the expiry dates of exclusions are compared with `now`.
    pub fn resolve(&self, now: EventTime) -> Result<Config, RequestError> {
        let window = self.period.window(now)?;
        let mut catalog = Catalog::load(&self.rules, &self.indicators, self.placeholders.as_deref())?;
        if self.options.leads == super::Leads::None {
            catalog.without_dns_client(&self.rules)?;
        }
        let Catalog { detections, not_run, placeholders_sha256, .. } = catalog;
        if self.refused == Refused::Error {
            check_that_all_run(&detections, &not_run)?;
            check_that_all_are_understood(&detections)?;
        }
        let files: Vec<_> =
            self.exclusions.iter().map(|path| ExclusionFile::read(path)).collect::<Result<_, _>>()?;
        let exclusions = exclusions(files, &detections, |_, exclusion| status_at(exclusion, now))?;
        let read = self.passwords.as_deref().map(passwords).transpose()?;
        let (passwords, passwords_sha256) = read.unwrap_or_default();
        let spool = SpoolPlace { limit: self.spool_limit.unwrap_or(DISK), ..SpoolPlace::default() };
        let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(Config {
            roots: self.evidence.clone(),
            options: self.options.clone(),
            detections,
            placeholders_sha256,
            not_run,
            exclusions,
            unpacking: Unpacking { passwords, spool },
            passwords_sha256,
            window,
            period: self.period.clone(),
            page: self.page,
            partitions: self.partitions,
            part: None,
            threads: self.threads.unwrap_or_else(cores),
            readers: self.readers,
        })
    }
}

/// Returns an error if `not_run` lists refused rules, which may be about DNS queries but cannot be
/// run: a sweep with `--strict` does not accept them. `detections` are the rules that run.
fn check_that_all_run(detections: &[LoadedDetection], not_run: &NotRun) -> Result<(), RulesError> {
    match not_run.refused.len() {
        0 => Ok(()),
        refused => Err(RulesError::Strict {
            refused,
            rules: detections.len() + refused,
            reasons: not_run.first_reasons(MOST_REASONS),
        }),
    }
}
