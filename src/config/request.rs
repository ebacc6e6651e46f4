//! What is asked for: a sweep as plain data, and how it becomes what will be done.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread::available_parallelism;

use super::error::{PeriodError, RequestError, RulesError};
use super::{Catalog, Config, LoadedDetection, NotRun, Options, exclusions};
use crate::base::switch::switch;
use crate::event::{EventTime, Window, parse_instant, parse_span_back};

/// The number of refused rules whose reasons a message lists.
const MOST_REASONS: usize = 3;

switch! {
    /// What becomes of a sweep if a rule in a folder of rules is refused.
    pub enum Refused {
        /// The other rules are run; `run.json` lists the refused ones.
        LeftOut,
        /// The sweep does not begin.
        Error,
    }
}

/// A sweep that is asked for. Every field but the evidence may be left at its default.
#[derive(Debug, Clone, Default)]
pub struct Sweep {
    /// Folders and files to read. Nothing is ever written there.
    pub evidence: Vec<PathBuf>,
    /// Rule files, and folders of rules; none for the detection that is built in.
    pub rules: Vec<PathBuf>,
    /// A YAML file with values for the placeholders of Sigma rules.
    pub placeholders: Option<PathBuf>,
    /// What becomes of the sweep if a rule in a folder is refused.
    pub refused: Refused,
    /// YAML files of exclusions: events that the site knows to be harmless, which are no matches.
    pub exclusions: Vec<PathBuf>,
    /// The period in which matches count; open at both ends by default.
    pub period: Period,
    /// How evidence is found and read, and what else is looked for.
    pub options: Options,
    /// How many threads decode; `None` for one on each core.
    pub threads: Option<NonZeroUsize>,
    /// How many threads may list folders or read at once; `None` for all of them.
    pub readers: Option<NonZeroUsize>,
}

/// The period in which matches count, as text: times in RFC 3339 (`2026-11-01T00:00:00Z`), or spans
/// back from now (`14d`, `36h`). Both ends may be open.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Period {
    /// The first instant.
    pub since: Option<String>,
    /// The last instant.
    pub until: Option<String>,
    /// A span back from now, in place of `since`.
    pub last: Option<String>,
}

impl Period {
    /// The period as instants. Spans count back from `now`.
    pub fn window(&self, now: EventTime) -> Result<Window, PeriodError> {
        let time = |option, text: &Option<String>, parse: fn(&str, EventTime) -> _| {
            let parsed = text.as_deref().map(|text| parse(text, now)).transpose();
            parsed.map_err(|source| PeriodError::Time { option, source })
        };
        let since = time("--since", &self.since, parse_instant)?;
        let last = time("--last", &self.last, parse_span_back)?;
        let until = time("--until", &self.until, parse_instant)?;
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
    /// The configuration for this request: reads rules and exclusions, and resolves times. Spans
    /// count back from `now`, and the expiry dates of exclusions are compared with it.
    pub fn resolve(&self, now: EventTime) -> Result<Config, RequestError> {
        let window = self.period.window(now)?;
        let mut catalog = Catalog::load(&self.rules, self.placeholders.as_deref())?;
        if self.options.leads == super::Leads::None {
            catalog.without_dns_client(&self.rules)?;
        }
        let Catalog { detections, not_run, placeholders_sha256, .. } = catalog;
        if self.refused == Refused::Error {
            check_that_all_run(&detections, &not_run)?;
        }
        let exclusions = exclusions(&self.exclusions, &detections, now)?;
        let cores = || available_parallelism().unwrap_or(NonZeroUsize::MIN);
        Ok(Config {
            roots: self.evidence.clone(),
            options: self.options.clone(),
            detections,
            placeholders_sha256,
            not_run,
            exclusions,
            window,
            period: self.period.clone(),
            threads: self.threads.unwrap_or_else(cores),
            readers: self.readers,
        })
    }
}

/// Refuses a sweep in which some rules cannot be run, for `--strict`.
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
