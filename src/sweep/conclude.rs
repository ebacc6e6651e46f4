//! The end of a sweep: decides how the sweep ended, writes `run.json`, and gives the output
//! directory its final name.

use std::collections::VecDeque;
use std::path::PathBuf;

use super::collect::SweepResults;
use super::excluded::ExclusionCounts;
use super::leads::{LeadCounts, lead_conditions};
use super::parts::PartWriter;
use super::writing::FinishedTables;
use super::{Outcome, SCHEMA_VERSION};
use crate::base::digest::sha256;
use crate::base::path_text::path_text;
use crate::base::platform::{machine, working_directory};
use crate::config::{
    Config, ContentFile, ExclusionStatus, Leads, LoadedDetection, LoadedExclusion, NotRun, RefusedDetection,
    ReportPage,
};
use crate::detect::{IndicatorCounts, LeadCondition, LeftOut, RiskObject};
use crate::error::SweepError;
use crate::event::{EventTime, PUBLIC_SUFFIX_LIST, time_zone};
use crate::evidence::discover::Discovery;
use crate::output::{
    FinalJournal, OutputDirectory, OutputError, OutputTables, PAGE_FILE, PART_FILE, PendingSync,
};
use crate::report::{
    ContentRecord, DetectionLeads, DetectionRecord, Ending, ExclusionRecord, IndicatorRecord, LeftOutRecord,
    MergedPart, MissedContainer, NameCondition, OutputRecord, RefusedRecord, RiskObjectRecord, RuleCounts,
    Run, Totals, page,
};

/// What called the sweep, as `run.json` describes it: the program `dnsweep`, or another Rust
/// program.
#[derive(Debug, Default)]
pub struct Caller {
    /// The command line, word by word; empty if the sweep was called from Rust.
    pub arguments: Vec<String>,
    /// The function that returns the program's exit status for a sweep with these totals; `None` if
    /// the sweep was called from Rust.
    pub exit_status: Option<fn(&Totals) -> u8>,
}

/// Facts about a sweep or a merge that `run.json` records, and that are known before its work
/// begins.
pub(super) struct SweepFacts {
    /// When the sweep began.
    pub started: EventTime,
    /// The number of files that the sweep did not read again, because an unfinished sweep had read
    /// them and the journal has the results.
    pub resumed_files: u64,
    /// The parts (files with the results of sweeps or shards) from which the output is merged;
    /// empty for a sweep of evidence.
    pub merged: Vec<MergedPart>,
}

/// Decides how the sweep ended, and describes the run. If there is an output directory, writes
/// `run.json` and, if asked for, the page into it, and then gives it its final name.
pub(super) fn conclude(
    config: Config,
    output: Option<OutputDirectory>,
    caller: Caller,
    discovery: Discovery,
    collected: SweepResults,
    (facts, part): (SweepFacts, Option<PartWriter>),
) -> Result<Outcome, SweepError> {
    let SweepResults { hosts, totals, flawed, match_counts, lead_counts, excluded, written } = collected;
    let FinishedTables { outputs, partitions, mut syncing } = written;
    let ending = totals.ending();
    let SweepFacts { started, resumed_files, merged } = facts;
    let part = finish_part(part, output.as_ref(), ending, &mut syncing)?;
    let leads = detection_leads(&config, &lead_counts);
    let rules = rule_counts(&config);
    let missed_containers = missed_containers(&discovery);
    let looked_for_sha256 = config.inputs(&[]).looked_for_sha256();
    let detections = config.detections.into_iter().zip(match_counts).zip(leads);
    let finished = EventTime::now();
    let run = Run {
        dnsweep: env!("CARGO_PKG_VERSION").into(),
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
        merged,
        threads: config.threads.get(),
        since: config.window.since.map(EventTime::rfc3339),
        until: config.window.until.map(EventTime::rfc3339),
        looked_for_sha256,
        public_suffix_list: PUBLIC_SUFFIX_LIST,
        options: config.options.clone(),
        exclusions: exclusion_records(&config.exclusions, &excluded),
        roots: discovery.roots.iter().map(|root| path_text(root)).collect(),
        evidence: discovery.evidence,
        evidence_of_roots: discovery.evidence_of_roots,
        passed_over: discovery.passed_over,
        rules,
        refused_detections: config.not_run.refused.into_iter().map(refused_record).collect(),
        other_data_detections: config.not_run.other_data.into_iter().map(refused_record).collect(),
        detections: detections.map(detection_record).collect(),
        totals,
        flawed_files: flawed,
        missed_containers,
        outputs,
        partitions,
        part,
    };
    let directory = output.map(|output| publish(output, config.page, &run, syncing)).transpose()?;
    Ok(Outcome { ending, run, hosts, directory })
}

/// Ends the part of a sweep (the file from which outputs are merged), and returns its record for
/// `run.json`. A part is complete or absent: the part of an interrupted sweep is removed. Returns
/// `None` if there is no part, or it was removed.
fn finish_part(
    part: Option<PartWriter>,
    output: Option<&OutputDirectory>,
    ending: Ending,
    syncing: &mut VecDeque<PendingSync>,
) -> Result<Option<OutputRecord>, OutputError> {
    let Some((part, output)) = part.zip(output) else { return Ok(None) };
    if ending == Ending::Interrupted {
        drop(part);
        output.discard(PART_FILE)?;
        return Ok(None);
    }
    let (record, pending) = part.finish(PART_FILE)?;
    syncing.push_back(pending);
    Ok(Some(record))
}

/// Returns the containers that could not be read, or not completely, as `run.json` lists them.
fn missed_containers(discovery: &Discovery) -> Vec<MissedContainer> {
    let containers = discovery.containers.iter();
    MissedContainer::among(containers.map(|found| (discovery.evidence_name(found.evidence), &found.report)))
}

/// Writes `run.json` and, if `page` asks for it, the page `report.html`. Then gives the output
/// directory its final name, and returns its path. `syncing` are the tables that are still syncing
/// to the disk.
fn publish(
    output: OutputDirectory,
    page: ReportPage,
    run: &Run,
    mut syncing: VecDeque<PendingSync>,
) -> Result<PathBuf, OutputError> {
    let json = run.to_json();
    syncing.push_back(output.write_run(&json)?);
    if page == ReportPage::Written {
        syncing.push_back(write_page(&output, run, &json)?);
    }
    let journal = if run.interrupted { FinalJournal::Keep } else { FinalJournal::Remove };
    output.publish(syncing, journal)
}

/// Writes `report.html`, the page that shows the output to people. It is made from the tables,
/// which are complete by now, and from `run.json`, whose content is `json`.
fn write_page(output: &OutputDirectory, run: &Run, json: &[u8]) -> Result<PendingSync, OutputError> {
    let page = page(run.clone(), &sha256(json), &OutputTables::new(&output.temporary()));
    let page = page.map_err(|error| {
        let path = output.staged(PAGE_FILE).path;
        OutputError::Write { path, reason: format!("it is made from the tables, and {error}") }
    })?;
    output.write_page(page.as_bytes())
}

fn exclusion_records(exclusions: &[LoadedExclusion], excluded: &ExclusionCounts) -> Vec<ExclusionRecord> {
    let record = |(place, loaded): (usize, &LoadedExclusion)| {
        let LoadedExclusion { exclusion, source, sha256, status } = loaded.clone();
        let record = ExclusionRecord {
            name: exclusion.name,
            file: source,
            sha256,
            search: exclusion.search,
            reason: exclusion.reason,
            expires: exclusion.expires.map(|expiry| expiry.date),
            expired: status == ExclusionStatus::Expired,
            detections: exclusion.detections,
            ..ExclusionRecord::default()
        };
        record.having_excluded(excluded.by(place))
    };
    exclusions.iter().enumerate().map(record).collect()
}

/// Returns the record in `run.json` of each detection's leads (queries of Windows' own DNS client
/// that a detection describes), in the order of the detections; `None` for each if leads were not
/// looked for.
fn detection_leads(config: &Config, counts: &[LeadCounts]) -> Vec<Option<DetectionLeads>> {
    if config.options.leads == Leads::None {
        return vec![None; config.detections.len()];
    }
    let names = lead_conditions(config).into_iter().map(|condition| match condition {
        LeadCondition::Names(_) | LeadCondition::Listed(_) | LeadCondition::Whole(_) => NameCondition::Some,
        LeadCondition::EveryName => NameCondition::Every,
        LeadCondition::NoName => NameCondition::None,
    });
    let counted = names.zip(counts);
    counted
        .map(|(names, LeadCounts { leads, unique_leads })| {
            Some(DetectionLeads { names, leads: *leads, unique_leads: *unique_leads })
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
        language: detection.language.name().into(),
        risk_score: detection.risk_score,
        risk_objects: detection.risk_objects.into_iter().map(risk_object_record).collect(),
        author: detection.author,
        description: detection.description,
        false_positives: detection.false_positives,
        references: detection.references,
        mitre_attack_id: detection.mitre_attack_id,
        analytic_story: detection.analytic_story,
        notes: detection.notes,
        source,
        sha256,
        content: content
            .into_iter()
            .map(|ContentFile { file, sha256, .. }| ContentRecord { file, sha256 })
            .collect(),
        indicators: detection.indicators.map(indicator_record),
        matches,
        unique_matches,
        recovered_matches,
        leads,
    }
}

fn indicator_record(counts: IndicatorCounts) -> IndicatorRecord {
    let left_out = |LeftOut { count, first }: LeftOut| LeftOutRecord { count, first };
    let IndicatorCounts { names, exact_names, patterns, addresses, networks, urls, repeated, .. } = counts;
    let (not_understood, other) = (left_out(counts.not_understood), left_out(counts.other));
    IndicatorRecord {
        names,
        exact_names,
        patterns,
        addresses,
        networks,
        urls,
        repeated,
        not_understood,
        other,
    }
}

fn risk_object_record(object: RiskObject) -> RiskObjectRecord {
    let RiskObject { field, object_type, score } = object;
    RiskObjectRecord { field, object_type, score }
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
