//! A user's request for a sweep, and the configuration that results from it: the period, the
//! switches, and the loaded detections and exclusions.

mod carried;
mod content;
mod content_folder;
mod detections;
mod error;
mod exclusions;
mod find_detection;
mod indicators;
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

pub use self::carried::{CarriedConfig, Local};
pub use self::content::ContentFile;
pub use self::detections::{Catalog, LoadedDetection};
pub use self::error::{CarriedError, PasswordsError, PeriodError, RequestError, RulesError};
pub use self::exclusions::{ExclusionStatus, LoadedExclusion};
pub use self::indicators::IndicatorLists;
pub use self::inputs::{InputDifference, SweepInputs};
pub use self::not_run::{NotRun, RefusedDetection};
pub use self::options::{
    Checksums, Containers, Context, Decoding, ExcludedRows, Hashing, Leads, Links, LogNames, NonLogFiles,
    Options, Queries, Recovery, ShadowCopies,
};
pub use self::passwords::passwords;
pub use self::request::{Partitions, Period, Refused, ReportPage, Sweep};

/// Everything that a sweep needs to run, resolved from the user's request ([`Sweep`]), except for
/// where its results go.
#[derive(Debug)]
pub struct Config {
    /// The roots of the evidence: the directories and files that the sweep reads.
    pub roots: Vec<PathBuf>,
    /// The options of the sweep, such as whether deleted records are searched for.
    pub options: Options,
    /// The detections that the sweep runs. There is always at least one: if the user names no
    /// rules, the built-in one.
    pub detections: Vec<LoadedDetection>,
    /// The SHA-256 of the YAML file with values for the placeholders of Sigma rules; empty if the
    /// user named no such file.
    pub placeholders_sha256: String,
    /// The rules, and the files in directories of rules, that the sweep does not run, with the
    /// reasons.
    pub not_run: NotRun,
    /// The exclusions, which describe events that are known to be harmless at a site, in the order
    /// in which the user gave them.
    pub exclusions: Vec<LoadedExclusion>,
    /// How files in archives are unpacked: the passwords to try, and the space for unpacked copies.
    pub unpacking: Unpacking,
    /// The SHA-256 of the file with passwords for encrypted archives; empty if the user named no
    /// such file.
    pub passwords_sha256: String,
    /// The period in which matches count, as points in time. The period can be open at either end.
    pub window: Window,
    /// The period in which matches count, as the user typed it.
    pub period: Period,
    /// Whether an output directory gets `report.html`, an HTML page that shows the results to
    /// people.
    pub page: ReportPage,
    /// Whether an output directory also has the tables of matches and of leads (queries of Windows'
    /// own DNS client that a detection describes), divided by host.
    pub partitions: Partitions,
    /// The configuration that is written to the file `part.dnsweep` of the output, from which
    /// `dnsweep merge` joins outputs; `None` if the output does not get this file.
    pub part: Option<CarriedConfig>,
    /// The number of threads that decode records.
    pub threads: NonZeroUsize,
    /// The number of threads that may list folders or read at the same time; `None` for all
    /// threads.
    pub readers: Option<NonZeroUsize>,
}

impl Config {
    /// Returns the inputs of the sweep: everything that its tables depend on besides the bytes of
    /// the evidence. The sweep writes them to `run.json` and to its journal, the file from which an
    /// interrupted sweep is resumed. `roots` are the roots of the evidence, as absolute paths
    /// without links.
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

    /// Returns an error if the sweep was requested with passwords for encrypted archives, and this
    /// process has none. It could then not read what the other processes that share the sweep can.
    pub fn check_passwords(&self) -> Result<(), CarriedError> {
        let is_missing = self.unpacking.passwords.is_empty() && !self.passwords_sha256.is_empty();
        if is_missing { Err(CarriedError::NoPasswords(self.passwords_sha256.clone())) } else { Ok(()) }
    }

    /// Returns where and how the sweep finds evidence: its roots, and the options that concern
    /// finding files, such as whether links are followed.
    #[must_use]
    pub fn search(&self) -> Search {
        search(self.roots.clone(), &self.options, self.unpacking.clone())
    }
}

/// Returns where and how to find evidence: in `roots`, with the options `options` of a sweep.
/// `dnsweep verify` passes the options of an earlier sweep to find its evidence again. `unpacking`
/// says how files in archives are unpacked.
#[must_use]
pub fn search(roots: Vec<PathBuf>, options: &Options, unpacking: Unpacking) -> Search {
    let Options { evidence_depth, links, names, non_log_files, containers, shadow_copies, .. } = *options;
    Search { roots, links, names, non_log_files, containers, shadow_copies, unpacking, evidence_depth }
}
