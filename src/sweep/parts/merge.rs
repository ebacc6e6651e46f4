//! The merge: makes of parts (files with the results of sweeps or shards) the output that one sweep
//! of all their evidence would have written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use super::merge_units::Group;
use super::part::PartReader;
use super::plan::Plan;
use super::processes::PartsAgain;
use crate::base::platform::allow_open_files;
use crate::config::{CarriedConfig, Context, InputDifference, Local};
use crate::error::SweepError;
use crate::event::EventTime;
use crate::evidence::discover::RecordedEvidence;
use crate::output::{OutputDirectory, PART_FILE, PartsError, size_and_sha256};
use crate::report::MergedPart;
use crate::sweep::conclude::SweepFacts;
use crate::sweep::context::ProcessesFrom;
use crate::sweep::job::{Job, UnitsFrom};
use crate::sweep::{Caller, Observer, Outcome, set_up_spool};

/// Where a merge finds the parts (files with the results of sweeps) from which it makes an output.
#[derive(Debug, Clone)]
pub enum PartSource {
    /// A plan, which divides the evidence of one sweep into shards for several machines, and for
    /// each shard its part, a file with what was found in it.
    Plan {
        /// The path of the plan's file.
        plan: PathBuf,
        /// The paths of the parts, one for each shard of the plan, in any order.
        parts: Vec<PathBuf>,
    },
    /// Outputs of sweeps with `--part`, each with a part (a file with the sweep's results), in the
    /// order in which one sweep would have read their evidence. Instead of an output's path, the
    /// path of its part can be given.
    Outputs(Vec<PathBuf>),
}

/// The number of files that a merge may have open besides the parts that it merges: its tables,
/// those of each detection, and what the system opens for the process.
const OTHER_FILES: u64 = 256;

impl PartSource {
    /// Raises the number of files that this process may open, so that all parts can be open at
    /// once. It is an error if the system allows no more files than there are parts.
    fn allow_open_parts(&self) -> Result<(), PartsError> {
        let (path, parts) = match self {
            PartSource::Plan { plan, parts } => (Some(plan), parts),
            PartSource::Outputs(outputs) => (outputs.first(), outputs),
        };
        let needed = parts.len() as u64 + OTHER_FILES;
        let allowed = allow_open_files(needed);
        if allowed > parts.len() as u64 {
            return Ok(());
        }
        let reason = format!(
            "a merge of {} parts opens them all at once, but this process may open {allowed} files: raise the limit to {needed} (`ulimit -n`)",
            parts.len()
        );
        Err(PartsError { path: path.cloned().unwrap_or_default(), reason })
    }
}

/// Parts (files with the results of sweeps) that belong together, opened and ready to be merged
/// into an output.
pub struct Merge {
    config: CarriedConfig,
    evidence: RecordedEvidence,
    groups: Vec<Group>,
    records: Vec<MergedPart>,
}

impl Merge {
    /// Opens the parts that are merged, and checks that they belong together: that they are of the
    /// same plan and none is missing, or that they are of sweeps that looked for the same in
    /// different evidence. [`Merge::run`] reads the results in the parts.
    pub fn open(source: &PartSource) -> Result<Self, SweepError> {
        source.allow_open_parts()?;
        let opened = match source {
            PartSource::Plan { plan, parts } => vec![of_plan(plan, parts)?],
            PartSource::Outputs(outputs) => {
                outputs.iter().map(|output| of_output(output)).collect::<Result<Vec<_>, _>>()?
            }
        };
        let mut merge: Option<(Merge, PathBuf)> = None;
        for Opened { path, plan, parts, records } in opened {
            match &mut merge {
                None => {
                    let config = plan.config.clone();
                    let mut first = Merge {
                        config,
                        evidence: RecordedEvidence::default(),
                        groups: Vec::new(),
                        records: Vec::new(),
                    };
                    first.add(plan, parts, records)?;
                    merge = Some((first, path));
                }
                Some((merge, first)) => {
                    check_same(&merge.config, &plan.config, (first, &path))?;
                    merge.add(plan, parts, records)?;
                }
            }
        }
        let (merge, _) = merge.expect("the command line has at least one output");
        merge.evidence.check_roots()?;
        Ok(merge)
    }

    /// Returns the roots of the evidence of all parts, as absolute paths.
    #[must_use]
    pub fn roots(&self) -> Vec<PathBuf> {
        self.evidence.roots.iter().map(|root| root.path.clone()).collect()
    }

    fn add(
        &mut self,
        plan: Plan,
        parts: Vec<PartReader>,
        records: Vec<MergedPart>,
    ) -> Result<(), SweepError> {
        let (first_file, first_container) = (self.evidence.files.len(), self.evidence.containers.len());
        let shards = plan.shards_of_files();
        let known = std::mem::take(&mut self.evidence);
        self.evidence = known.join(plan.evidence);
        for part in &parts {
            for hashes in &part.hashes {
                let place = usize::try_from(hashes.container)
                    .ok()
                    .and_then(|place| place.checked_add(first_container));
                let container = place.and_then(|place| self.evidence.containers.get_mut(place));
                let container = container.ok_or_else(|| {
                    part.wrong("it is damaged: it has the hash of a container that its plan does not have")
                })?;
                container.report.sha256.clone_from(&hashes.sha256);
                container.report.parts.clone_from(&hashes.parts);
            }
        }
        self.groups.push(Group { first_file, shards, parts });
        self.records.extend(records);
        Ok(())
    }

    /// Merges the parts into an output directory. `local` has the settings of this process, such as
    /// its number of threads; the roots in `local` are not used. If `leaves_part` is true, the
    /// output also gets a part (a file with its results), so that it can be merged again. Nothing
    /// is written if `interrupt` becomes true.
    pub fn run(
        self,
        local: Local,
        output: OutputDirectory,
        leaves_part: bool,
        caller: Caller,
        observer: &mut dyn Observer,
        interrupt: &Arc<AtomicBool>,
    ) -> Result<Outcome, SweepError> {
        let started = EventTime::now();
        let Merge { config: carried, evidence, mut groups, records } = self;
        let roots = evidence.roots.iter().map(|root| root.path.clone()).collect();
        let mut config = carried.config(Local { roots, ..local })?;
        config.part = leaves_part.then_some(carried);
        let with_processes = config.options.context == Context::Processes;
        let parts = groups.iter_mut().flat_map(|group| &mut group.parts);
        parts.for_each(|part| part.keeps_processes = leaves_part && with_processes);
        let again = if with_processes { groups.iter().map(Group::again).collect() } else { Vec::new() };
        let processes = ProcessesFrom::Parts(PartsAgain(again));
        set_up_spool(&mut config, Some(&output), interrupt);
        let discovery = evidence.into_discovery();
        observer.found(&discovery);
        let (output, source) = (Some(output), UnitsFrom::Parts(groups));
        let job = Job { config, discovery, output, each: None, journal: None, source, processes };
        let facts = SweepFacts { started, resumed_files: 0, merged: records };
        job.run(facts, caller, observer, interrupt)
    }
}

/// The opened parts (files with results) of all shards of one plan, or the opened part of one whole
/// sweep, with the plan.
struct Opened {
    /// The path of the plan, or of the output that contains the part. Error messages name it.
    path: PathBuf,
    plan: Plan,
    parts: Vec<PartReader>,
    records: Vec<MergedPart>,
}

/// The maximum number of shards of a plan that an error message names because the merge has no part
/// (file with results) of them. Further ones are counted.
const MOST_MISSING: usize = 10;

/// Opens the parts (files with the results of shards) at `paths`, and checks that they are of the
/// plan in the file `path` and that there is exactly one for each of the plan's shards.
fn of_plan(path: &Path, paths: &[PathBuf]) -> Result<Opened, PartsError> {
    let (plan, id) = Plan::read(path)?;
    let shards = plan.shards.get();
    let mut found: Vec<Option<(PartReader, MergedPart)>> = (0..shards).map(|_| None).collect();
    for part_path in paths {
        let part = PartReader::open(part_path)?;
        let shard = part.head.shard.get();
        if part.head.plan != id {
            return Err(part.wrong(format!(
                "expected a part of the plan '{}', found one of another plan",
                path.display()
            )));
        }
        let Some(place) = found.get_mut(shard as usize - 1) else {
            return Err(part.wrong(format!("expected a shard from 1 to {shards}, found {shard}")));
        };
        if let Some((_, other)) = place {
            return Err(part.wrong(format!(
                "expected each shard once, found shard {shard} again, which '{}' is, too",
                other.file
            )));
        }
        let record = record(part_path, &id, shard)?;
        *place = Some((part, record));
    }
    let missing = (1_u32..).zip(&found).filter(|(_, part)| part.is_none()).map(|(shard, _)| shard);
    let missing: Vec<String> = missing.map(|shard| shard.to_string()).collect();
    if !missing.is_empty() {
        let named = missing.iter().take(MOST_MISSING).cloned().collect::<Vec<_>>().join(", ");
        let more = match missing.len().saturating_sub(MOST_MISSING) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let reason = format!(
            "the plan has {shards} shards: expected a part of each, found none of shard {named}{more}"
        );
        return Err(PartsError { path: path.to_path_buf(), reason });
    }
    let (parts, records) = found.into_iter().flatten().unzip();
    Ok(Opened { path: path.to_path_buf(), plan, parts, records })
}

/// Opens the part (the file with the results) of a whole sweep. `path` is the path of the sweep's
/// output, or of the part itself.
fn of_output(path: &Path) -> Result<Opened, PartsError> {
    let part_path = if path.is_dir() { path.join(PART_FILE) } else { path.to_path_buf() };
    if path.is_dir() && !part_path.exists() {
        let reason = format!("expected an output with {PART_FILE}, found none: sweep with --part");
        return Err(PartsError { path: path.to_path_buf(), reason });
    }
    let mut part = PartReader::open(&part_path)?;
    let Some((plan, id)) = part.plan.take() else {
        return Err(part
            .wrong("expected the part of a whole sweep, found that of a shard: give its plan with --plan"));
    };
    let records = vec![record(&part_path, &id, 1)?];
    Ok(Opened { path: path.to_path_buf(), plan, parts: vec![part], records })
}

fn record(path: &Path, plan: &str, shard: u32) -> Result<MergedPart, PartsError> {
    let file = size_and_sha256(path)?;
    let name = crate::base::path_text::path_text(path);
    Ok(MergedPart { file: name, bytes: file.bytes, sha256: file.sha256, plan: plan.to_owned(), shard })
}

/// Checks that the sweeps of two plans look for the same events, with the same options. `first` and
/// `other` are the configurations in the plans. The error says what differs, and contains the paths
/// of both.
fn check_same(
    first: &CarriedConfig,
    other: &CarriedConfig,
    (first_path, other_path): (&Path, &Path),
) -> Result<(), SweepError> {
    match other.differs_from(first)? {
        None => Ok(()),
        Some(InputDifference { what, first, second }) => Err(PartsError {
            path: other_path.to_path_buf(),
            reason: format!(
                "{what}: expected '{first}', as in '{}', found '{second}': only sweeps for the same can be merged",
                first_path.display()
            ),
        }
        .into()),
    }
}
