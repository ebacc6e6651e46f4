//! What stops a sweep. (What does not is in `damage`.)

use std::io;
use std::path::PathBuf;

use crate::base::in_order::NoThreads;
use crate::exit::Exit;

/// Why a sweep did not begin, or could not end.
#[derive(Debug, thiserror::Error)]
pub enum SweepError {
    /// A root of the evidence that is not there or cannot be looked at.
    #[error("evidence '{}': {source}{hint}", path.display())]
    Root {
        /// The root as typed.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
        /// How far its path leads, if it is not there.
        hint: String,
    },
    /// A root that is neither a directory nor a regular file.
    #[error("evidence '{}': expected a directory or a regular file, found {found}", path.display())]
    RootKind {
        /// The root as typed.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// Two roots of which one holds the other: its events would count twice.
    #[error("evidence '{}' lies in evidence '{}': its events would count twice; name only one of them", inner.display(), outer.display())]
    OverlappingRoots {
        /// The root that lies in the other.
        inner: PathBuf,
        /// The root that holds it.
        outer: PathBuf,
    },
    /// No evidence was named.
    #[error("no evidence was named: give directories or files, or --files-from")]
    NoEvidence,
    /// The list of files could not be read.
    #[error("--files-from '{}': {source}", path.display())]
    FilesFrom {
        /// The list.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
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
    /// An event that could not be read.
    #[error("--event '{}': {reason}", path.display())]
    Event {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Data sets that are in no directory.
    #[error("--data '{}': expected a directory", .0.display())]
    Data(PathBuf),
    /// Exclusions that could not be understood.
    #[error("exclusions {source}")]
    Exclusions {
        /// What is wrong with them.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An output directory inside the evidence.
    #[error("--out '{}' lies in evidence '{}': nothing is written under evidence", out.display(), root.display())]
    OutputInEvidence {
        /// The output directory.
        out: PathBuf,
        /// The root that holds it.
        root: PathBuf,
    },
    /// Evidence inside the output directory, which would be replaced.
    #[error("evidence '{}' lies in --out '{}', which would be replaced", root.display(), out.display())]
    EvidenceInOutput {
        /// The output directory.
        out: PathBuf,
        /// The root in it.
        root: PathBuf,
    },
    /// An output directory that exists.
    #[error("--out '{}' exists: give another directory, or --force to replace an earlier output of dnsweep", .0.display())]
    OutputExists(PathBuf),
    /// `--force` on something that dnsweep did not write.
    #[error("--out '{}' holds {found}: --force replaces only what dnsweep wrote", path.display())]
    OutputForeign {
        /// The output directory.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// Another sweep is writing to the output.
    #[error("'{}': another sweep is writing to this output", .0.display())]
    OutputBusy(PathBuf),
    /// A sweep to the output was not finished, and it was not said what shall become of it.
    #[error("'{}' holds what an unfinished sweep to this output has read: give --resume to go on from there, or --force to begin anew", .0.display())]
    OutputUnfinished(PathBuf),
    /// What lies where a sweep keeps what it has so far is not a sweep's.
    #[error("'{}' is where a sweep to this output keeps what it has so far: expected a folder of files that dnsweep writes there, found other things in it, or no folder; move it, or give another --out", .0.display())]
    PartialForeign(PathBuf),
    /// Somebody else could have put something where a sweep keeps what it has so far.
    #[error("'{}' is where a sweep to this output keeps what it has so far: expected a folder of your own that nobody else can write to, found {found}; move it, or give another --out", path.display())]
    PartialShared {
        /// The folder.
        path: PathBuf,
        /// Whose it is, and who can write to it.
        found: String,
    },
    /// The journal cannot be gone on from.
    #[error("cannot resume from '{}': {reason}", path.display())]
    Resume {
        /// The journal.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// The place for the output cannot be written to.
    #[error("--out '{}': {source}", path.display())]
    OutputPlace {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A directory to verify that is no output.
    #[error("'{}': expected an output of dnsweep, found {found}", path.display())]
    NotAnOutput {
        /// The directory as typed.
        path: PathBuf,
        /// What it holds.
        found: String,
    },
    /// An output to verify that was written by another version.
    #[error("'{}': expected schema version {known} in run.json, found {found}: verify it with the dnsweep that wrote it", path.display())]
    SchemaVersion {
        /// The directory as typed.
        path: PathBuf,
        /// The version that is known.
        known: u32,
        /// The version in `run.json`.
        found: String,
    },
    /// Evidence to verify that is not as many roots as were swept.
    #[error(
        "expected the roots of the evidence that were swept, in their order: run.json has {stated}, {given} were given"
    )]
    RootCount {
        /// How many `run.json` has.
        stated: usize,
        /// How many were given.
        given: usize,
    },
    /// The threads could not be started.
    #[error("threads: {0}")]
    Threads(String),
    /// A row that does not fit its table: a fault of this program.
    #[error("a row that does not fit its table: {0}")]
    Row(String),
    /// An output could not be written.
    #[error("cannot write '{}': {reason}", path.display())]
    Output {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl NoThreads for SweepError {
    fn no_threads(reason: String) -> Self {
        SweepError::Threads(reason)
    }
}

impl SweepError {
    /// The exit status that goes with it.
    #[must_use]
    pub fn exit(&self) -> Exit {
        match self {
            SweepError::Output { .. } | SweepError::Row(_) => Exit::OutputFailed,
            _ => Exit::WrongOrder,
        }
    }
}
