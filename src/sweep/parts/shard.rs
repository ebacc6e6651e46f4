//! The sweep of one shard (a portion of a plan's evidence), which writes a part, the file with the
//! shard's results.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::part::{Head, PART, PartWriter, hashes};
use super::plan::{Plan, ShardNumber};
use crate::base::in_order::in_order;
use crate::config::{Hashing, Local};
use crate::error::SweepError;
use crate::evidence::discover::{RecordedEvidence, Relisted, resolve_roots};
use crate::output::{PackedFile, WrittenFile};
use crate::report::{Ending, Totals};
use crate::sweep::collect::{Collector, Destination};
use crate::sweep::container_hashes::hash_containers;
use crate::sweep::leaves_part::LeavesPart;
use crate::sweep::unit::{Unit, units};
use crate::sweep::worker::Worker;
use crate::sweep::{Observer, listers};

/// The sweep of one shard (a portion of a plan's evidence) by one process: which shard it is, where
/// the evidence lies on this machine, and where the part (the file with the results) is written.
#[derive(Debug, Clone)]
pub struct ShardSweep<'p> {
    /// The plan, and the SHA-256 that identifies it, in hexadecimal digits.
    pub plan: (&'p Plan, &'p str),
    /// The number of the shard that is swept, from 1.
    pub shard: ShardNumber,
    /// Evidence that has another path on this machine, as pairs: the path on the machine where the
    /// plan was made, and the path here. The first path is that of a root, or of a folder that
    /// contains roots.
    pub remapped: Vec<(PathBuf, PathBuf)>,
    /// The settings that the plan leaves to this process, such as its number of threads. The roots
    /// in it are not used.
    pub local: Local,
    /// The path of the part, which is the file with the shard's results. The file appears when it
    /// is complete.
    pub part: PathBuf,
}

/// Reads the evidence of one shard of a plan, and writes its part, the file with its results.
/// Returns the totals of the shard, and the size and SHA-256 of the part. If `interrupt` became
/// true, no part is written, and `None` is returned in place of its size and SHA-256.
pub fn sweep_shard(
    request: ShardSweep<'_>,
    observer: &mut dyn Observer,
    interrupt: &Arc<AtomicBool>,
) -> Result<(Totals, Option<WrittenFile>), SweepError> {
    let ShardSweep { plan: (plan, id), shard, remapped, local, part } = request;
    let roots = resolve_roots(&roots_here(&plan.evidence, &remapped))?;
    let mut config = plan.config.config(Local { roots: roots.clone(), ..local })?;
    config.check_passwords()?;
    let (file, writer) = PackedFile::create(&part, &roots, PART)?;
    let spool = tempfile::Builder::new().prefix(".dnsweep-").tempdir_in(file.folder());
    let spool =
        spool.map_err(|source| crate::output::OutputError::Location { path: part.clone(), source })?;
    config.unpacking.spool.folder = spool.path().to_path_buf();
    config.unpacking.spool.interrupt = Arc::clone(interrupt);
    let search = crate::evidence::discover::Search { roots, ..config.search() };
    let items = plan.items_of(shard);
    let relisted = plan.evidence.list_again(&search, &items, listers(&config))?;
    relisted.check_presence()?;
    let Relisted { mut discovery, files, containers, .. } = relisted;
    let hashes_containers = config.options.hashing == Hashing::Sha256;
    discovery.hashed_bytes = if hashes_containers { discovery.container_bytes() } else { 0 };
    observer.found(&discovery);
    if hashes_containers {
        hash_containers(&mut discovery, listers(&config), observer, interrupt)?;
    }
    let head = Head { plan: id.to_owned(), shard };
    let mut part = PartWriter::of_shard(writer, &head, &hashes(&discovery, &containers))?;
    let mut collector = Collector::new(&config, &discovery, Destination::Nowhere, observer);
    let worker = Worker::new(&config, &discovery, None, None, LeavesPart::OfShard(&files));
    let known = std::collections::HashMap::new();
    let units = units(&discovery, &known, &config).take_while(|_| !interrupt.load(Ordering::Relaxed));
    in_order(
        config.threads,
        units,
        Unit::weight,
        |unit| worker.work(unit),
        |done| {
            if collector.leaves_out(&done)? {
                return Ok::<(), SweepError>(());
            }
            if let Some(unit) = &done.for_part {
                part.push(unit)?;
            }
            collector.add(done, &worker.detector)
        },
    )?;
    drop(worker);
    let totals = collector.finish(None)?.totals;
    if totals.ending() == Ending::Interrupted || interrupt.load(Ordering::Relaxed) {
        return Ok((totals, None));
    }
    let written = part.complete(file)?;
    Ok((totals, Some(written)))
}

/// Returns the paths that the roots of a plan have on this machine. `remapped` has pairs of a path
/// in the plan and the path here. If a root lies in several of the paths in the plan, the longest
/// one decides.
fn roots_here(evidence: &RecordedEvidence, remapped: &[(PathBuf, PathBuf)]) -> Vec<PathBuf> {
    let here = |root: &Path| {
        let longest = remapped.iter().filter(|(there, _)| root.starts_with(there));
        let longest = longest.max_by_key(|(there, _)| there.as_os_str().len());
        let moved = longest.map(|(there, here)| {
            let rest = root.strip_prefix(there).expect("the root begins with this path");
            if rest.as_os_str().is_empty() { here.clone() } else { here.join(rest) }
        });
        moved.unwrap_or_else(|| root.to_path_buf())
    };
    evidence.roots.iter().map(|root| here(&root.path)).collect()
}
