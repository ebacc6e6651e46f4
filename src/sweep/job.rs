//! The work of a sweep after discovery, or of a merge: each unit of work (a block of a file) is
//! read by one of many threads, or its result is taken from a part (a file with the results of a
//! sweep or a shard). All results are collected in evidence order.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use super::collect::{Collector, Destination, SweepResults};
use super::conclude::{Caller, SweepFacts, conclude};
use super::context::{ContextSearch, ProcessesFrom};
use super::hits::{HitTables, SeenEvents};
use super::journal::{EntryLocation, FileKey, Journal};
use super::leaves_part::LeavesPart;
use super::parts::{Group, MergeUnits, PART, PartWriter, Plan};
use super::sink::TakeMatch;
use super::unit::{Unit, units};
use super::worker::{FinishedUnit, Worker};
use super::writing::SweepTables;
use super::{Observer, Outcome};
use crate::base::in_order::in_order;
use crate::config::{Config, Context, Leads};
use crate::error::SweepError;
use crate::evidence::discover::Discovery;
use crate::output::{OutputDirectory, OutputError, PART_FILE, PackedWriter, Table};
use crate::report::MatchRow;

/// A sweep, or a merge, that is ready to read: its configuration and the list of its files are
/// known.
pub(super) struct Job<'s> {
    pub config: Config,
    pub discovery: Discovery,
    /// The output directory; `None` if no tables are written.
    pub output: Option<OutputDirectory>,
    /// The function of the caller that takes each match; `None` if there is none.
    pub each: Option<TakeMatch<'s>>,
    /// The journal, in which the sweep keeps what it has read; `None` if it keeps none.
    pub journal: Option<Journal>,
    pub source: UnitsFrom,
    /// Where the processes of matches are searched for.
    pub processes: ProcessesFrom,
}

/// Where the results of the units of work (blocks of files) come from.
pub(super) enum UnitsFrom {
    /// The blocks of files are read from the evidence, except for files that an earlier, unfinished
    /// sweep has read. Contains, by file, where in the journal the results of these files' blocks
    /// lie.
    Evidence(HashMap<FileKey, Vec<EntryLocation>>),
    /// The results of the blocks of files are taken from parts (files with the results of sweeps),
    /// which are merged. Contains the parts in groups: the parts of all shards of one plan are a
    /// group, and so is the one part of a whole sweep.
    Parts(Vec<Group>),
}

/// The files besides the tables to which a sweep adds each finished unit (a block of a file).
struct Kept {
    /// The journal, from which the sweep can be resumed; `None` if the sweep keeps none.
    journal: Option<Journal>,
    /// The part: a file with what the sweep found, which `dnsweep merge` can merge with others;
    /// `None` if the sweep writes none.
    part: Option<PartWriter>,
}

impl Kept {
    fn add(&mut self, done: &FinishedUnit<'_>) -> Result<(), OutputError> {
        if let Some((journal, entry)) = self.journal.as_mut().zip(done.entry.as_deref()) {
            journal.append(entry, done.block)?;
        }
        self.part.as_mut().zip(done.for_part.as_ref()).map_or(Ok(()), |(part, unit)| part.push(unit))
    }
}

impl Job<'_> {
    /// Works on all units (blocks of files) of the sweep, writes what is found, and completes the
    /// output. When `interrupt` becomes true, no further block is started.
    pub(super) fn run(
        self,
        facts: SweepFacts,
        caller: Caller,
        observer: &mut dyn Observer,
        interrupt: &AtomicBool,
    ) -> Result<Outcome, SweepError> {
        let Job { mut config, discovery, output, each, journal, source, processes } = self;
        let part = part_writer(&mut config, output.as_ref(), &discovery)?;
        let table = Table::of(MatchRow::COLUMNS);
        let leads = (config.options.leads == Leads::DnsClient).then(|| Table::of(MatchRow::LEAD_COLUMNS));
        let tables = output.is_some().then_some(HitTables { matches: &table, leads: leads.as_ref() });
        let target = match (output.as_ref().zip(tables), each) {
            (Some((output, tables)), _) => {
                Destination::Tables(SweepTables::begin(&config, output, tables)?.into())
            }
            (None, Some(take)) => Destination::Each(take),
            (None, None) => Destination::Nowhere,
        };
        let collector = Collector::new(&config, &discovery, target, observer);
        let leaves_part = if part.is_some() { LeavesPart::Yes } else { LeavesPart::No };
        let reader = journal.as_ref().map(Journal::reader).transpose()?;
        let worker = Worker::new(&config, &discovery, tables, reader, leaves_part);
        let mut kept = Kept { journal, part };
        let context =
            output.as_ref().filter(|_| config.options.context == Context::Processes).map(|output| {
                ContextSearch { config: &config, discovery: &discovery, output, from: processes, interrupt }
            });
        let results = match source {
            UnitsFrom::Evidence(read_before) => {
                // Units from the journal are still collected after an interruption, if nothing has
                // to be read for them.
                let with_processes = worker.processes.is_for_part();
                let units = units(&discovery, &read_before, &config)
                    .take_while(|unit| unit.is_known(with_processes) || !interrupt.load(Ordering::Relaxed));
                collect(&config, units, worker, collector, &mut kept, context, |_| Ok(()))
            }
            UnitsFrom::Parts(groups) => {
                let units = MergeUnits::new(groups, &discovery, interrupt);
                collect(&config, units, worker, collector, &mut kept, context, MergeUnits::end)
            }
        };
        conclude(config, output, caller, discovery, results?, (facts, kept.part))
    }
}

/// Works on `units`, which are all blocks of files of a sweep in evidence order, and collects what
/// is found in them. Calls `end` when no unit is left; its error means that units are missing.
fn collect<'a, U: Iterator<Item = Unit<'a>>>(
    config: &Config,
    mut units: U,
    worker: Worker<'a>,
    mut collector: Collector<'a>,
    kept: &mut Kept,
    context: Option<ContextSearch<'_>>,
    end: impl FnOnce(&mut U) -> Result<(), SweepError>,
) -> Result<SweepResults, SweepError> {
    let (mut seen, mut recovered) = (SeenEvents::default(), Vec::new());
    let mut first = context.as_ref().map(ContextSearch::first_reading);
    let work = |unit| worker.work(unit);
    in_order(config.threads, units.by_ref(), Unit::weight, work, |mut done| {
        if collector.leaves_out(&done)? {
            return Ok::<(), SweepError>(());
        }
        kept.add(&done)?;
        let number = done.number;
        let with_hits = done.recovered.drain(..).filter(|event| !event.hits.is_empty());
        recovered.extend(with_hits.map(|event| (number, event)));
        let done = worker.mark_copies(done, &mut seen);
        if let Some(first) = &mut first {
            first.add(&done)?;
        }
        collector.add(done, &worker.detector)
    })?;
    end(&mut units)?;
    kept.journal.as_mut().map_or(Ok(()), Journal::flush)?;
    worker.recover(recovered, &mut seen, |number, events, hits| {
        if let Some(first) = &mut first {
            first.add_matches(number, events);
        }
        collector.add_hits(number, events, hits, &worker.detector)
    })?;
    // Frees the memory for reading and searching, so that writing the tables can reuse it.
    drop((worker, seen, units));
    let found = context.zip(first).map(|(context, first)| context.find(first, collector.observer()));
    let processes = found.transpose()?;
    collector.finish(processes.as_ref())
}

/// Begins the part of a sweep (the file from which outputs are merged) in its output directory.
/// Returns `None` if the sweep writes no part, or has no output directory.
fn part_writer(
    config: &mut Config,
    output: Option<&OutputDirectory>,
    discovery: &Discovery,
) -> Result<Option<PartWriter>, OutputError> {
    let Some((carried, output)) = config.part.take().zip(output) else { return Ok(None) };
    let plan = Plan::of_sweep(carried, config.window, discovery);
    let writer = PackedWriter::create(&output.staged(PART_FILE), PART)?;
    PartWriter::of_sweep(writer, &plan, discovery).map(Some)
}
