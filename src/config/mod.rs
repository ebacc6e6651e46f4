//! A user's request for a sweep, and the configuration that results from it: the period, the
//! switches, and the loaded detections and exclusions.

mod content;
mod detections;
mod error;
mod exclusions;
mod find_detection;
mod inputs;
mod not_run;
mod options;
mod passwords;
mod request;
mod text;

use std::num::NonZeroUsize;
use std::path::PathBuf;

use crate::event::Window;
use crate::evidence::discover::{Search, Unpacking};

pub use self::content::ContentFile;
pub use self::detections::{Catalog, LoadedDetection};
pub use self::error::{PasswordsError, PeriodError, RequestError, RulesError};
use self::exclusions::exclusions;
pub use self::exclusions::{ExclusionStatus, LoadedExclusion};
pub use self::inputs::{InputDifference, SweepInputs};
pub use self::not_run::{NotRun, RefusedDetection};
pub use self::options::{
    Checksums, Containers, Decoding, ExcludedRows, Hashing, Leads, Links, LogNames, NonLogFiles, Options,
    Recovery, ShadowCopies,
};
pub use self::passwords::passwords;
pub use self::request::{Period, Refused, Sweep};

/// The configuration of a sweep that is ready to run, except for where its results go.
#[derive(Debug)]
pub struct Config {
    /// The roots of the evidence: directories and files.
    pub roots: Vec<PathBuf>,
    /// The switches of the sweep.
    pub options: Options,
    /// The detections to run; at least one.
    pub detections: Vec<LoadedDetection>,
    /// The SHA-256 of the file with values for placeholders; empty if there is no such file.
    pub placeholders_sha256: String,
    /// The files in directories of rules that are not run, with the reasons.
    pub not_run: NotRun,
    /// The exclusions, in the order in which the user gave them.
    pub exclusions: Vec<LoadedExclusion>,
    /// How files in archives are unpacked.
    pub unpacking: Unpacking,
    /// The SHA-256 of the file with passwords; empty if there is no such file.
    pub passwords_sha256: String,
    /// The period in which matches count, as instants.
    pub window: Window,
    /// The period in which matches count, as the user typed it.
    pub period: Period,
    /// The number of threads that decode.
    pub threads: NonZeroUsize,
    /// The number of threads that may read at the same time; `None` for all threads.
    pub readers: Option<NonZeroUsize>,
}

impl Config {
    /// The inputs of the sweep, for `run.json` and the journal. `roots` are the roots of the
    /// evidence with their links resolved.
    #[must_use]
    pub fn inputs(&self, roots: &[PathBuf]) -> SweepInputs {
        SweepInputs::new(
            roots,
            &self.detections,
            [&self.placeholders_sha256, &self.passwords_sha256],
            &self.exclusions,
            self.period.clone(),
            self.options.clone(),
        )
    }

    /// Where and how the sweep finds evidence.
    #[must_use]
    pub fn search(&self) -> Search {
        search(self.roots.clone(), &self.options, self.unpacking.clone())
    }
}

/// Where and how evidence is found: in `roots`, by the options of a sweep.
#[must_use]
pub fn search(roots: Vec<PathBuf>, options: &Options, unpacking: Unpacking) -> Search {
    let Options { evidence_depth, links, names, non_log_files, containers, shadow_copies, .. } = *options;
    Search { roots, links, names, non_log_files, containers, shadow_copies, unpacking, evidence_depth }
}
