//! A sweep from end to end: the only module, with those below it, that knows all stages.
//!
//! discover → (for each block of a log, on many threads) read, decode, detect → (in evidence order,
//! on one) write and reduce.

mod collect;
mod journal;
mod leads;
mod matched;
mod tables;
mod unit;
mod work;

use std::iter;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::in_order::in_order;
use crate::base::path_text::path_text;
use crate::base::platform::{machine, working_directory};
use crate::config::{
    Config, ContentFile, Decoding, ExcludedRows, Hashing, Leads, LoadedDetection, LoadedExclusion, NotRun,
    OnMatch, RefusedDetection, Standing,
};
use crate::detect::LeadCondition;
use crate::error::SweepError;
use crate::event::{EventTime, time_zone};
use crate::evidence::discover::{Discovery, Links, Names, Others, discover};
use crate::exit::Exit;
use crate::output::{Rest, Table};
use crate::report::{
    ContentRecord, DetectionLeads, DetectionRecord, ExclusionRecord, FileReport, FlawedFile, HostRow,
    LEADS_COLUMNS, MATCHES_COLUMNS, NamesAsked, Options, RefusedRecord, RuleCounts, Run, Totals,
};
use crate::scan::{Checksums, Recovery};

use self::collect::{Collected, Collector};
use self::journal::Journal;
use self::leads::{LeadCounts, lead_conditions};
use self::matched::{Excluded, Met};
use self::unit::{Unit, resumed, units};
use self::work::Workshop;

/// Version of the layout of the tables and of `run.json`; changes when a reader must.
pub const SCHEMA_VERSION: u32 = 2;

/// Someone who watches a sweep. Called from the thread that runs it.
pub trait Observer {
    /// The evidence was looked through: so much is to be read.
    fn found(&mut self, discovery: &Discovery);
    /// So many more bytes are done, with so many more matches.
    fn advanced(&mut self, bytes: u64, matches: u64);
    /// A file is done.
    fn file_done(&mut self, evidence: &str, source_path: &str, file: &FileReport);
    /// All files are done, or the sweep was interrupted.
    fn finished(&mut self);
}

/// A finished sweep.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub exit: Exit,
    /// What is in `run.json`.
    pub run: Run,
    /// All hosts.
    pub hosts: Vec<HostRow>,
    /// The files that were not all read and understood, those that lost most first; of many, not
    /// all.
    pub flawed: Vec<FlawedFile>,
    /// Where the tables are.
    pub directory: PathBuf,
}

/// Runs a sweep. `interrupt` may become true at any time: no further block is handed out then.
pub fn sweep(
    mut config: Config,
    arguments: Vec<String>,
    observer: &mut dyn Observer,
    interrupt: &AtomicBool,
) -> Result<Outcome, SweepError> {
    let started = EventTime::now();
    let mut journal = Journal::open(&config.output.journal(), &config.order, config.window)?;
    config.window = journal.window;
    let discovery = discover(&config.search, listers(&config))?;
    observer.found(&discovery);
    let table = Table::new(&MATCHES_COLUMNS);
    let leads = (config.leads == Leads::DnsClient).then(|| Table::new(&LEADS_COLUMNS));
    let mut collector = Collector::new(&config, &discovery, &table, leads.as_ref(), observer)?;
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
    workshop.recover(recovered, &mut met, |matches| collector.add_matches(matches))?;
    // The memory that was read to and searched with goes into the tables, for which the system
    // would have to give as much anew.
    drop((workshop, met));
    let collected = collector.finish()?;
    conclude(config, arguments, discovery, collected, started, resumed_files)
}

/// How many threads list folders: to a disk that seeks, that is reading too.
fn listers(config: &Config) -> NonZeroUsize {
    config.readers.map_or(config.threads, |readers| readers.min(config.threads))
}

/// Decides how the sweep ended, writes `run.json` and gives the output its name.
fn conclude(
    config: Config,
    arguments: Vec<String>,
    discovery: Discovery,
    collected: Collected,
    started: EventTime,
    resumed_files: u64,
) -> Result<Outcome, SweepError> {
    let Collected { hosts, totals, flawed, match_counts, lead_counts, excluded, outputs, mut syncing } =
        collected;
    let exit = exit(&totals, config.on_match);
    let leads = lead_counts.map(|counts| detection_leads(&config, &counts)).unwrap_or_default();
    let leads = leads.into_iter().map(Some).chain(iter::repeat(None));
    let finished = EventTime::now();
    let run = Run {
        dnsweep: env!("CARGO_PKG_VERSION"),
        schema_version: SCHEMA_VERSION,
        arguments,
        working_directory: working_directory(),
        machine: machine(),
        started: started.rfc3339(),
        finished: finished.rfc3339(),
        started_local: started.local(),
        finished_local: finished.local(),
        time_zone: time_zone(),
        interrupted: exit == Exit::Interrupted,
        exit_status: exit.number(),
        resumed_files,
        threads: config.threads.get(),
        since: config.window.since.map(EventTime::rfc3339),
        until: config.window.until.map(EventTime::rfc3339),
        options: options(&config),
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
    syncing.push_back(config.output.write_run(&run.to_json())?);
    let rest = if exit == Exit::Interrupted { Rest::Journal } else { Rest::Nothing };
    let directory = config.output.publish(syncing, rest)?;
    Ok(Outcome { exit, run, hosts, flawed, directory })
}

fn options(config: &Config) -> Options {
    Options {
        evidence_depth: config.search.evidence_depth,
        follow: config.search.links == Links::Follow,
        any_name: config.search.names == Names::Any,
        exhaustive: config.decoding == Decoding::Exhaustive,
        checksums: config.checksums == Checksums::All,
        hash: config.hashing == Hashing::Sha256,
        recover: config.recovery == Recovery::Stale,
        carve: config.search.others == Others::Carve,
        keep_excluded: config.excluded_rows == ExcludedRows::Kept,
        dns_client: config.leads == Leads::DnsClient,
    }
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

fn exit(totals: &Totals, on_match: OnMatch) -> Exit {
    if totals.was_interrupted() {
        Exit::Interrupted
    } else if !totals.read_any_log() {
        Exit::NothingRead
    } else if !totals.all_complete() {
        Exit::Damaged
    } else if totals.matches > 0 && on_match == OnMatch::Fail {
        Exit::Matches
    } else {
        Exit::Complete
    }
}
