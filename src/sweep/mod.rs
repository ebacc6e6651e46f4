//! A sweep from end to end. Only this module and its submodules use the modules of all stages.
//!
//! First the evidence is listed (discovery). Then many threads read, decode and search the blocks
//! of the logs. One thread writes and adds up the results, in evidence order.

mod block_reader;
mod collect;
mod conclude;
mod container_hashes;
mod context;
mod decoded;
mod detector;
mod entry;
mod excluded;
mod hits;
mod job;
mod journal;
mod leads;
mod leaves_part;
mod log_events;
mod parts;
mod queries;
mod recorded;
mod sink;
mod tables;
mod unit;
mod unit_processes;
mod worker;
mod writing;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::base::platform::Access;
use crate::config::{Config, Hashing, Sweep};
use crate::error::SweepError;
use crate::event::EventTime;
use crate::evidence::discover::{Discovery, FoundSoFar, discover_observed, resolve_roots};
use crate::output::{OutputDirectory, UnfinishedPolicy, prepare};
use crate::report::{Ending, FileReport, NamedHost, Run};

pub use self::conclude::Caller;
use self::conclude::SweepFacts;
use self::container_hashes::hash_containers;
use self::context::ProcessesFrom;
use self::job::{Job, UnitsFrom};
use self::journal::Journal;
pub use self::log_events::LogEvents;
#[cfg(feature = "cli")]
pub(crate) use self::log_events::events_at;
pub use self::parts::{Merge, PartSource, Plan, PlanSummary, ShardSweep, sweep_shard};
pub use self::recorded::{CompleteOutput, OutputNotRead, RecordedOutput};
pub use self::sink::{Match, Sink, TakeMatch};
use self::unit::resumed;

/// The version of the layout of the tables and of `run.json`. It is raised once for all changes
/// since the last release, if any column or field was added, removed or changed.
pub const SCHEMA_VERSION: u32 = 3;

/// Receives the progress of a sweep, on the thread that runs the sweep. The type `()` implements
/// this trait and ignores everything.
pub trait Observer {
    /// Called many times while the evidence is listed, with what was found so far.
    fn listing(&mut self, _found: FoundSoFar) {}
    /// Called once, when the evidence was listed. `discovery` contains the files that will be read.
    fn found(&mut self, _discovery: &Discovery) {}
    /// Called when another part of the evidence was read, with the number of bytes that were read
    /// and of matches that were found in this part.
    fn advanced(&mut self, _bytes: u64, _matches: u64) {}
    /// Called when a file was read to its end, or as far as possible. `evidence` is the name of its
    /// piece of evidence (usually what was collected from one machine), `source_path` its path from
    /// its root (the folder or file that the user named), and `file` the account of what was read.
    fn file_done(&mut self, _evidence: &str, _source_path: &str, _file: &FileReport) {}
    /// Called before parts of logs are read again to find the processes of matches, after all files
    /// were read. `bytes` is the number of bytes that will be read. Called at most twice.
    fn reading_again(&mut self, _bytes: u64) {}
    /// Called when another part of the evidence was read again to find the processes of matches.
    /// `bytes` is the number of bytes of that part.
    fn advanced_again(&mut self, _bytes: u64) {}
    /// Called many times while the table of all DNS queries is written, after all files were read:
    /// with the number of queries that were written so far, and the number of all queries.
    fn writing(&mut self, _queries: u64, _all_queries: u64) {}
    /// Called once, at the end: when the tables are complete, or cannot be completed.
    fn finished(&mut self) {}
}

impl Observer for () {}

/// The result of a finished sweep.
#[derive(Debug)]
pub struct Outcome {
    /// How the sweep ended: complete, with damage, without any log, or interrupted.
    pub ending: Ending,
    /// The description of the run that `run.json` contains. It is returned even if no file is
    /// written.
    pub run: Run,
    /// All hosts of the sweep, sorted by name, each with its matches and what is known about its
    /// logs.
    pub hosts: Vec<NamedHost>,
    /// The path of the output directory; `None` if the sweep's [`Sink`] writes to none.
    pub directory: Option<PathBuf>,
}

impl Sweep {
    /// Runs the sweep. A period such as the last 14 days counts back from now.
    ///
    /// When `interrupt` becomes true, the sweep finishes the blocks of files that it is reading,
    /// gives up files that it is unpacking, starts no further block, and returns what it has found
    /// so far.
    pub fn run(
        &self,
        sink: Sink<'_>,
        observer: &mut dyn Observer,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<Outcome, SweepError> {
        sweep(self.resolve(EventTime::now())?, sink, Caller::default(), observer, interrupt)
    }

    /// Returns a sink that writes the sweep's tables to the output directory `out`. If the
    /// directory exists, it must be empty. It must not lie in the evidence. Only the user who runs
    /// the sweep can read the tables.
    pub fn directory(&self, out: &Path) -> Result<Sink<'static>, SweepError> {
        let roots = resolve_roots(&self.evidence)?;
        Ok(Sink::Directory(prepare(out, &roots, false, UnfinishedPolicy::Refuse, Access::Owner)?))
    }
}

/// Runs a sweep whose matches go to `sink`. When `interrupt` becomes true, no further block of a
/// file is started.
pub(crate) fn sweep(
    mut config: Config,
    sink: Sink<'_>,
    caller: Caller,
    observer: &mut dyn Observer,
    interrupt: &Arc<AtomicBool>,
) -> Result<Outcome, SweepError> {
    let started = EventTime::now();
    let roots = resolve_roots(&config.roots)?;
    let (output, each) = sink.parts();
    let inputs = config.inputs(&roots);
    let open = |output: &OutputDirectory| Journal::open(&output.journal(), &inputs, config.window);
    let mut journal = output.as_ref().map(open).transpose()?;
    config.window = journal.as_ref().map_or(config.window, |journal| journal.window);
    set_up_spool(&mut config, output.as_ref(), interrupt);
    let discovery = find_evidence(&config, observer, interrupt)?;
    let read_before = journal.as_mut().map(Journal::take_files).unwrap_or_default();
    let resumed_files = resumed(&discovery, &read_before);
    let source = UnitsFrom::Evidence(read_before);
    let facts = SweepFacts { started, resumed_files, merged: Vec::new() };
    Job { config, discovery, output, each, journal, source, processes: ProcessesFrom::Evidence }
        .run(facts, caller, observer, interrupt)
}

/// Sets the folder in which files of archives are unpacked: beside the output, if there is one.
/// Otherwise the folder of `config` stays. Unpacking stops when `interrupt` becomes true.
fn set_up_spool(config: &mut Config, output: Option<&OutputDirectory>, interrupt: &Arc<AtomicBool>) {
    let spool = &mut config.unpacking.spool;
    if let Some(output) = output {
        spool.folder = output.temporary();
    }
    spool.interrupt = Arc::clone(interrupt);
}

/// Lists the files to read and the containers, and notifies `observer` of them. Then hashes the
/// containers, if evidence is hashed.
fn find_evidence(
    config: &Config,
    observer: &mut dyn Observer,
    interrupt: &AtomicBool,
) -> Result<Discovery, SweepError> {
    let mut discovery =
        discover_observed(&config.search(), listers(config), &mut |found| observer.listing(found))?;
    let hashes_containers = config.options.hashing == Hashing::Sha256;
    discovery.hashed_bytes = if hashes_containers { discovery.container_bytes() } else { 0 };
    observer.found(&discovery);
    if hashes_containers {
        hash_containers(&mut discovery, listers(config), observer, interrupt)?;
    }
    Ok(discovery)
}

/// Returns how many threads list the folders of the evidence. `--readers` limits these threads too,
/// because listing a folder makes a disk seek, as reading a file does.
fn listers(config: &Config) -> NonZeroUsize {
    config.readers.map_or(config.threads, |readers| readers.min(config.threads))
}
