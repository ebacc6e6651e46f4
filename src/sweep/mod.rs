//! A sweep from end to end: the only module, with those below it, that knows all stages.
//!
//! discover → (for each block of a log, on many threads) read, decode, detect → (in evidence order,
//! on one) write and reduce.

mod collect;
mod detector;
mod excluded;
mod hits;
mod journal;
mod leads;
mod tables;
mod unit;
mod work;

use std::iter;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::in_order::in_order;
use crate::base::path_text::path_text;
use crate::base::platform::{Access, machine, working_directory};
use crate::config::{
    Config, ContentFile, Leads, LoadedDetection, LoadedExclusion, NotRun, RefusedDetection, Standing, Sweep,
};
use crate::detect::LeadCondition;
use crate::error::SweepError;
use crate::event::{EventTime, time_zone};
use crate::evidence::discover::{Discovery, discover, resolve_roots};
use crate::output::{Earlier, OutputDirectory, Rest, Table, prepare};
use crate::report::{
    ContentRecord, DetectionLeads, DetectionRecord, Ending, ExclusionRecord, FileReport, FlawedFile,
    MatchRow, NamedHost, NamesAsked, RefusedRecord, RuleCounts, Run, Totals,
};

use self::collect::{Collected, Collector};
use self::excluded::Excluded;
use self::hits::Met;
use self::journal::Journal;
use self::leads::{LeadCounts, lead_conditions};
use self::unit::{Unit, resumed, units};
use self::work::Workshop;

/// Version of the layout of the tables and of `run.json`; changes when a reader must.
pub const SCHEMA_VERSION: u32 = 2;

/// Someone who watches a sweep. Called from the thread that runs it. `()` watches nothing.
pub trait Observer {
    /// The evidence was looked through: so much is to be read.
    fn found(&mut self, _discovery: &Discovery) {}
    /// So many more bytes are done, with so many more matches.
    fn advanced(&mut self, _bytes: u64, _matches: u64) {}
    /// A file is done.
    fn file_done(&mut self, _evidence: &str, _source_path: &str, _file: &FileReport) {}
    /// All files are done, or the sweep was interrupted.
    fn finished(&mut self) {}
}

impl Observer for () {}

/// A finished sweep.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub ending: Ending,
    /// What is in `run.json`.
    pub run: Run,
    /// All hosts.
    pub hosts: Vec<NamedHost>,
    /// The files that were not all read and understood, those that lost most first; of many, not
    /// all.
    pub flawed: Vec<FlawedFile>,
    /// Where the tables are.
    pub directory: PathBuf,
}

/// Who runs a sweep: what `run.json` states of the program.
#[derive(Debug, Default)]
pub struct Caller {
    /// The command line, word by word.
    pub arguments: Vec<String>,
    /// The exit status that goes with a sweep of these totals; `None` where the sweep is not all
    /// that a program does.
    pub exit_status: Option<fn(&Totals) -> u8>,
}

impl Sweep {
    /// Runs the sweep and writes its tables into the directory `out`, which must not exist. Spans
    /// count back from now. `interrupt` may become true at any time: then the sweep ends in order.
    pub fn run_into(
        &self,
        out: &Path,
        observer: &mut dyn Observer,
        interrupt: &AtomicBool,
    ) -> Result<Outcome, SweepError> {
        let config = self.resolve(EventTime::now())?;
        let output = prepare(out, &resolve_roots(&config.roots)?, false, Earlier::Refuse, Access::default())?;
        sweep(config, output, Caller::default(), observer, interrupt)
    }
}

/// Runs a sweep into an output. `interrupt` may become true at any time: no further block is handed out then.
pub fn sweep(
    mut config: Config,
    output: OutputDirectory,
    caller: Caller,
    observer: &mut dyn Observer,
    interrupt: &AtomicBool,
) -> Result<Outcome, SweepError> {
    let started = EventTime::now();
    let asked = config.asked(&resolve_roots(&config.roots)?);
    let mut journal = Journal::open(&output.journal(), &asked, config.window)?;
    config.window = journal.window;
    let discovery = discover(&config.search(), listers(&config))?;
    observer.found(&discovery);
    let table = Table::of(MatchRow::COLUMNS);
    let leads = (config.options.leads == Leads::DnsClient).then(|| Table::of(MatchRow::LEAD_COLUMNS));
    let mut collector = Collector::new(&config, &output, &discovery, &table, leads.as_ref(), observer)?;
    let workshop = Workshop::new(&config, &discovery, &table, leads.as_ref(), journal.reader()?);
    let read_before = journal.take_files();
    let resumed_files = resumed(&discovery, &read_before);
    let units = units(&discovery, &read_before, &config);
    // What is known already is handed over even then.
    let units = units.take_while(|unit| unit.is_known() || !interrupt.load(Ordering::Relaxed));
    let (mut met, mut recovered) = (Met::default(), Vec::new());
    in_order(
        config.threads,
        units,
        Unit::weight,
        |unit| workshop.work(unit),
        |mut done| {
            done.entry.as_deref().map_or(Ok(()), |entry| journal.append(entry, done.block))?;
            let file = done.file;
            recovered.extend(done.recovered.drain(..).map(|event| (file, event)));
            collector.add(workshop.settle(done, &mut met))
        },
    )?;
    journal.flush()?;
    workshop.recover(recovered, &mut met, |hits| collector.add_hits(hits))?;
    // The memory that was read to and searched with goes into the tables, for which the system
    // would have to give as much anew.
    drop((workshop, met));
    let collected = collector.finish()?;
    conclude(config, output, caller, discovery, collected, started, resumed_files)
}

/// How many threads list folders: to a disk that seeks, that is reading too.
fn listers(config: &Config) -> NonZeroUsize {
    config.readers.map_or(config.threads, |readers| readers.min(config.threads))
}

/// Decides how the sweep ended, writes `run.json` and gives the output its name.
fn conclude(
    config: Config,
    output: OutputDirectory,
    caller: Caller,
    discovery: Discovery,
    collected: Collected,
    started: EventTime,
    resumed_files: u64,
) -> Result<Outcome, SweepError> {
    let Collected { hosts, totals, flawed, match_counts, lead_counts, excluded, outputs, mut syncing } =
        collected;
    let ending = totals.ending();
    let leads = lead_counts.map(|counts| detection_leads(&config, &counts)).unwrap_or_default();
    let leads = leads.into_iter().map(Some).chain(iter::repeat(None));
    let finished = EventTime::now();
    let run = Run {
        dnsweep: env!("CARGO_PKG_VERSION"),
        schema_version: SCHEMA_VERSION,
        arguments: caller.arguments,
        working_directory: working_directory(),
        machine: machine(),
        started: started.rfc3339(),
        finished: finished.rfc3339(),
        started_local: started.local(),
        finished_local: finished.local(),
        time_zone: time_zone(),
        interrupted: ending == Ending::Interrupted,
        exit_status: caller.exit_status.map(|status| status(&totals)),
        resumed_files,
        threads: config.threads.get(),
        since: config.window.since.map(EventTime::rfc3339),
        until: config.window.until.map(EventTime::rfc3339),
        options: config.options.clone(),
        exclusions: exclusion_records(&config.exclusions, &excluded),
        roots: discovery.roots.iter().map(|root| path_text(root)).collect(),
        evidence: discovery.evidence,
        evidence_of_roots: discovery.evidence_of_roots,
        passed_over: discovery.passed_over,
        rules: rule_counts(&config),
        refused_detections: config.not_run.refused.into_iter().map(refused_record).collect(),
        other_data_detections: config.not_run.other_data.into_iter().map(refused_record).collect(),
        detections: config
            .detections
            .into_iter()
            .zip(match_counts)
            .zip(leads)
            .map(detection_record)
            .collect(),
        totals,
        outputs,
    };
    syncing.push_back(output.write_run(&run.to_json())?);
    let rest = if ending == Ending::Interrupted { Rest::Journal } else { Rest::Nothing };
    let directory = output.publish(syncing, rest)?;
    Ok(Outcome { ending, run, hosts, flawed, directory })
}

fn exclusion_records(exclusions: &[LoadedExclusion], excluded: &Excluded) -> Vec<ExclusionRecord> {
    let record = |(place, loaded): (usize, &LoadedExclusion)| {
        let LoadedExclusion { exclusion, source, sha256, standing } = loaded.clone();
        let record = ExclusionRecord {
            name: exclusion.name,
            file: source,
            sha256,
            search: exclusion.search,
            reason: exclusion.reason,
            expires: exclusion.expires.map(|expiry| expiry.date),
            expired: standing == Standing::Expired,
            detections: exclusion.detections,
            ..ExclusionRecord::default()
        };
        record.having_excluded(excluded.by(place))
    };
    exclusions.iter().enumerate().map(record).collect()
}

fn detection_leads(config: &Config, counts: &[LeadCounts]) -> Vec<DetectionLeads> {
    let names = lead_conditions(config).into_iter().map(|condition| match condition {
        LeadCondition::Names(_) | LeadCondition::Whole(_) => NamesAsked::Some,
        LeadCondition::EveryName => NamesAsked::Every,
        LeadCondition::NoName => NamesAsked::None,
    });
    let counted = names.zip(counts);
    counted
        .map(|(names, LeadCounts { leads, unique_leads })| DetectionLeads {
            names,
            leads: *leads,
            unique_leads: *unique_leads,
        })
        .collect()
}

fn detection_record(
    ((loaded, counts), leads): ((LoadedDetection, [u64; 3]), Option<DetectionLeads>),
) -> DetectionRecord {
    let [matches, unique_matches, recovered_matches] = counts;
    let LoadedDetection { detection, source, sha256, content, .. } = loaded;
    DetectionRecord {
        id: detection.id,
        name: detection.name,
        version: detection.version,
        date: detection.date,
        language: detection.language.name(),
        risk_score: detection.risk_score,
        mitre_attack_id: detection.mitre_attack_id,
        analytic_story: detection.analytic_story,
        notes: detection.notes,
        source,
        sha256,
        content: content
            .into_iter()
            .map(|ContentFile { file, sha256 }| ContentRecord { file, sha256 })
            .collect(),
        matches,
        unique_matches,
        recovered_matches,
        leads,
    }
}

fn rule_counts(config: &Config) -> RuleCounts {
    let NotRun { refused, other_data, no_rules } = &config.not_run;
    let (run, refused) = (config.detections.len() as u64, refused.len() as u64);
    RuleCounts {
        found: run + refused,
        run,
        refused,
        about_other_data: other_data.len() as u64,
        files_without_a_rule: no_rules.len() as u64,
    }
}

fn refused_record(refused: RefusedDetection) -> RefusedRecord {
    let RefusedDetection { source, reason } = refused;
    RefusedRecord { source, reason }
}
