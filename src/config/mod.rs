//! What is asked of a sweep, and what will be done: the period, the switches, the detections and
//! the exclusions that were loaded.

mod content;
mod detections;
mod error;
mod exclusions;
mod find_detection;
mod inputs;
mod not_run;
mod options;
mod request;
mod text;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::event::Window;
use crate::evidence::discover::Search;

pub use self::content::ContentFile;
pub use self::detections::{Catalog, LoadedDetection};
pub use self::error::{PeriodError, RequestError, RulesError};
use self::exclusions::exclusions;
pub use self::exclusions::{ExclusionStatus, LoadedExclusion};
pub use self::inputs::{InputDifference, SweepInputs};
pub use self::not_run::{NotRun, RefusedDetection};
pub use self::options::{
    Checksums, Decoding, ExcludedRows, Hashing, Leads, Links, LogNames, Options, Others, Recovery,
};
pub use self::request::{Period, Refused, Sweep};

/// A sweep, ready to run. Where its results go is not part of it.
#[derive(Debug)]
pub struct Config {
    /// Where to look: directories and files.
    pub roots: Vec<PathBuf>,
    /// What is asked besides.
    pub options: Options,
    /// What to look for; at least one.
    pub detections: Vec<LoadedDetection>,
    /// The SHA-256 of the file of placeholders' values; empty without one.
    pub placeholders_sha256: String,
    /// What was found in directories of detections and is not looked for.
    pub not_run: NotRun,
    /// What is known at the site and no match, in the order in which it was given.
    pub exclusions: Vec<LoadedExclusion>,
    /// When.
    pub window: Window,
    /// When, as it was asked for.
    pub period: Period,
    /// How many threads decode.
    pub threads: NonZeroUsize,
    /// How many of them may read at once; `None` for all.
    pub readers: Option<NonZeroUsize>,
}

impl Config {
    /// What the tables depend on besides what the evidence holds, of which these are the roots
    /// without links.
    #[must_use]
    pub fn inputs(&self, roots: &[PathBuf]) -> SweepInputs {
        SweepInputs::new(
            roots,
            &self.detections,
            &self.placeholders_sha256,
            &self.exclusions,
            self.period.clone(),
            self.options.clone(),
        )
    }

    /// Where to look for evidence, and how.
    #[must_use]
    pub fn search(&self) -> Search {
        search(self.roots.clone(), &self.options)
    }
}

/// How evidence in these roots is found with these options.
#[must_use]
pub fn search(roots: Vec<PathBuf>, options: &Options) -> Search {
    let Options { evidence_depth, links, names, others, .. } = *options;
    Search { roots, links, names, others, evidence_depth }
}
