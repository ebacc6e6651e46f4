//! A sweep from end to end: the only module that knows all stages.
//!
//! discover → (for each block of a log, on many threads) read, decode, detect → (in evidence order,
//! on one) write and reduce.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::config::{Config, Decoding, LoadedDetection, OnMatch, Window};
use crate::damage::{Damage, Problem};
use crate::detect::{Predicate, RequiredLiteral, StatsColumn, StatsKind, StatsTable, StatsValue};
use crate::discover::{Discovery, LogFile, discover};
use crate::error::SweepError;
use crate::event::{EventTime, QueryResults};
use crate::exit::Exit;
use crate::in_order::in_order;
use crate::report::{
    DetectionRecord, FILES_COLUMNS, FileReport, FlawedFile, HOSTS_COLUMNS, Header, Hosts, MATCHES_BLOOM,
    MATCHES_COLUMNS, MatchContext, MatchRow, OutputRecord, Run, Status, Totals, event_hash,
};
use crate::scan::{Block, BlockScan, LocatedEvent, Needle, Scanner, Selection, blocks};
use crate::table::{Cell, Column, ColumnType, Nulls};
use crate::write::{OutputDirectory, TableWriter};

/// Version of the layout of the tables and of `run.json`; changes when a reader must.
pub const SCHEMA_VERSION: u32 = 1;

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
    pub hosts: Hosts,
    /// The files that were not all read and understood, in evidence order; the first of many.
    pub flawed: Vec<FlawedFile>,
    /// Where the tables are.
    pub directory: std::path::PathBuf,
}

/// How many flawed files are remembered for the summary; the ledger has all.
const MOST_FLAWED: usize = 100;

/// Runs a sweep. `interrupt` may become true at any time: no further block is begun then.
pub fn sweep(
    config: Config,
    arguments: Vec<String>,
    observer: &mut dyn Observer,
    interrupt: &AtomicBool,
) -> Result<Outcome, SweepError> {
    let started = EventTime::now();
    let discovery = discover(&config.search)?;
    observer.found(&discovery);
    let mut collector = Collector::new(&config, &discovery, observer)?;
    let scanners = Scanners::new(selection(&config));
    let units = units(&discovery.files).take_while(|_| !interrupt.load(Ordering::Relaxed));
    in_order(
        config.threads,
        units,
        |unit| scanners.with(|scanner| work(unit, scanner, &config.detections, config.window)),
        |done| collector.add(done),
    )?;
    let finished = collector.finish()?;
    conclude(config, arguments, discovery, finished, started)
}

/// A block of a file: what one thread does at a time.
#[derive(Debug, Clone, Copy)]
struct Unit<'a> {
    file_number: usize,
    file: &'a LogFile,
    block: Block,
}

/// The units of all files, in evidence order.
fn units(files: &[LogFile]) -> impl Iterator<Item = Unit<'_>> {
    files
        .iter()
        .enumerate()
        .flat_map(|(file_number, file)| blocks(file.size).map(move |block| Unit { file_number, file, block }))
}

/// What came of a unit.
struct Done {
    file_number: usize,
    block: Block,
    part: FileReport,
    matches: Vec<MatchRow>,
}

/// What needs decoding: what the detections cannot do without, if there is such for all of them.
fn selection(config: &Config) -> Selection {
    let predicates = config.detections.iter().map(|loaded| &loaded.detection.search.predicate);
    let needles: Option<Vec<Vec<Needle>>> = predicates.map(needles).collect();
    match (config.decoding, needles) {
        (Decoding::Selected, Some(needles)) => Selection::Needles(needles.concat()),
        _ => Selection::Everything,
    }
}

/// The literals of a predicate, each with the `Data` element that must hold it. `None` if it can do without.
fn needles(predicate: &Predicate) -> Option<Vec<Needle>> {
    let literals = predicate.required_literals()?;
    let needle =
        |required: RequiredLiteral| Needle { data: required.data_name.to_owned(), literal: required.literal };
    Some(literals.into_iter().map(needle).collect())
}

/// The scanners that no thread is using. Each has a buffer that is worth keeping.
struct Scanners {
    selection: Selection,
    idle: Mutex<Vec<Scanner>>,
}

impl Scanners {
    fn new(selection: Selection) -> Self {
        Scanners { selection, idle: Mutex::default() }
    }

    fn with<R>(&self, work: impl FnOnce(&mut Scanner) -> R) -> R {
        // The list is whole whatever happened to a thread that held it.
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let mut scanner = idle().pop().unwrap_or_else(|| Scanner::new(self.selection.clone()));
        let result = work(&mut scanner);
        idle().push(scanner);
        result
    }
}

/// Reads, decodes and detects.
fn work(unit: Unit<'_>, scanner: &mut Scanner, detections: &[LoadedDetection], window: Window) -> Done {
    let Unit { file_number, file, block } = unit;
    let (part, events) = match open(file) {
        Ok(log) => part(file, scanner.scan(log.as_ref(), block)),
        Err(reason) => {
            let mut part = FileReport { size: file.size, ..FileReport::default() };
            part.problems.push(Problem {
                offset: block.start,
                length: block.length(),
                damage: Damage::Read { reason },
            });
            (part, Vec::new())
        }
    };
    let matches = detect(events, detections, window);
    let part = FileReport { matches: matches.len() as u64, ..part };
    Done { file_number, block, part, matches }
}

fn open(file: &LogFile) -> Result<Box<dyn crate::bytes::LogBytes>, String> {
    match &file.obstacle {
        Some(reason) => Err(reason.clone()),
        None => file.open().map_err(|error| error.to_string()),
    }
}

fn part(file: &LogFile, scan: BlockScan) -> (FileReport, Vec<LocatedEvent>) {
    let header = match scan.header {
        None => Header::Unread,
        Some(header) if !header.is_event_log => Header::Foreign,
        Some(header) if header.dirty => Header::Dirty,
        Some(_) => Header::Clean,
    };
    let part = FileReport {
        size: file.size,
        header,
        tally: scan.tally,
        problems: scan.problems,
        bytes_read: scan.bytes_read,
        signed_chunks: scan.signed_chunks,
        ..FileReport::default()
    };
    (part, scan.events)
}

/// The matches among the events: in their order, and for each in the order of the detections.
fn detect(events: Vec<LocatedEvent>, detections: &[LoadedDetection], window: Window) -> Vec<MatchRow> {
    let mut matches = Vec::new();
    for LocatedEvent { location, event } in events {
        if !window.holds(event.system.time_created) {
            continue;
        }
        for (number, LoadedDetection { detection, .. }) in detections.iter().enumerate() {
            let predicate = &detection.search.predicate;
            if predicate.evaluate(&event) {
                let hits = predicate.hits(&event);
                matches.push(MatchRow {
                    chunk_number: location.chunk_number,
                    record_offset: location.record_offset,
                    event_hash: event_hash(&event),
                    results: QueryResults::parse(event.query_results.as_deref().unwrap_or_default()),
                    detection: number,
                    matched_query: hits.matched_query,
                    matched_process: hits.matched_process,
                    risk_score: i64::from(detection.risk_score.unwrap_or(0)),
                    risk_message: detection.risk_message(&event),
                    event: event.clone(),
                });
            }
        }
    }
    matches
}

/// Takes what came of the units, in order: writes the rows and reduces the rest.
struct Collector<'a> {
    discovery: &'a Discovery,
    detections: &'a [LoadedDetection],
    output: &'a OutputDirectory,
    observer: &'a mut dyn Observer,
    metadata: Vec<(&'static str, String)>,
    matches: TableWriter,
    files: TableWriter,
    hosts: Hosts,
    stats: Vec<Option<StatsTable>>,
    match_counts: Vec<u64>,
    totals: Totals,
    flawed: Vec<FlawedFile>,
    /// The file whose blocks are coming in, and how far they have come.
    current: Option<(FileReport, u64)>,
    next_file: usize,
}

/// What the collector has at the end.
struct Collected {
    hosts: Hosts,
    totals: Totals,
    flawed: Vec<FlawedFile>,
    match_counts: Vec<u64>,
    outputs: Vec<OutputRecord>,
}

impl<'a> Collector<'a> {
    fn new(
        config: &'a Config,
        discovery: &'a Discovery,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, SweepError> {
        let metadata = metadata(&config.detections);
        let create = |name: &str, columns: &[Column], bloom: &[&str], sorted: &str| {
            let mut metadata = metadata.clone();
            metadata.push(("dnsweep.sorted_by", sorted.to_owned()));
            TableWriter::create(&config.output.staged(name), columns, bloom, &metadata)
        };
        let matches = create(
            "matches.parquet",
            &MATCHES_COLUMNS,
            &MATCHES_BLOOM,
            "evidence order: file, record_offset, detection",
        )?;
        let files = create("files.parquet", &FILES_COLUMNS, &[], "evidence order: root as given, then path")?;
        let mut hosts = Hosts::default();
        discovery.evidence.iter().for_each(|evidence| hosts.add_evidence(evidence));
        Ok(Collector {
            stats: config
                .detections
                .iter()
                .map(|loaded| loaded.detection.search.stats.as_ref().map(StatsTable::new))
                .collect(),
            match_counts: vec![0; config.detections.len()],
            detections: &config.detections,
            output: &config.output,
            totals: Totals::default(),
            flawed: Vec::new(),
            current: None,
            next_file: 0,
            discovery,
            observer,
            metadata,
            matches,
            files,
            hosts,
        })
    }

    /// Takes what came of the next unit.
    fn add(&mut self, done: Done) -> Result<(), SweepError> {
        let Some(file) = self.discovery.files.get(done.file_number) else { return Ok(()) };
        self.add_matches(file, &done.matches)?;
        self.observer.advanced(done.block.length(), done.matches.len() as u64);
        let (report, end) = self.current.get_or_insert_default();
        report.append(done.part);
        *end = done.block.end;
        if *end >= file.size { self.close_file() } else { Ok(()) }
    }

    fn add_matches(&mut self, file: &LogFile, rows: &[MatchRow]) -> Result<(), SweepError> {
        if rows.is_empty() {
            return Ok(());
        }
        let source_path = file.source_path();
        for row in rows {
            let Some(LoadedDetection { detection, .. }) = self.detections.get(row.detection) else {
                continue;
            };
            let context = MatchContext {
                evidence: self.discovery.evidence_name(file.evidence),
                source_path: &source_path,
                detection_id: &detection.id,
                detection_name: &detection.name,
                detection_version: detection.version.as_deref().unwrap_or_default(),
            };
            self.matches.push(row.cells(&context))?;
            self.hosts.add_match(row);
            if let Some(Some(table)) = self.stats.get_mut(row.detection) {
                table.add(&row.event);
            }
            if let Some(count) = self.match_counts.get_mut(row.detection) {
                *count += 1;
            }
        }
        Ok(())
    }

    /// Writes the row of the file whose last block came in, or which was not read because of an interruption.
    fn close_file(&mut self) -> Result<(), SweepError> {
        let Some(file) = self.discovery.files.get(self.next_file) else { return Ok(()) };
        let (mut report, end) = self
            .current
            .take()
            .unwrap_or_else(|| (FileReport { size: file.size, ..FileReport::default() }, 0));
        if end < file.size {
            report.interrupt(end);
        }
        self.next_file += 1;
        let (evidence, source_path) = (self.discovery.evidence_name(file.evidence), file.source_path());
        self.files.push(report.cells(evidence, &source_path))?;
        self.hosts.add_file(evidence, &report);
        self.totals.add(&report);
        self.observer.file_done(evidence, &source_path, &report);
        if report.status() != Status::Complete && self.flawed.len() < MOST_FLAWED {
            let problems = report.problems();
            self.flawed.push(FlawedFile {
                evidence: evidence.to_owned(),
                source_path,
                status: report.status(),
                problems: problems.len(),
                problem: problems.into_iter().next(),
            });
        }
        Ok(())
    }

    /// Closes the tables and writes those that only now are known.
    fn finish(mut self) -> Result<Collected, SweepError> {
        while self.next_file < self.discovery.files.len() {
            self.close_file()?;
        }
        self.observer.finished();
        let mut outputs = vec![
            OutputRecord { file: "matches.parquet".to_owned(), written: self.matches.finish()? },
            write_hosts(self.output, &self.hosts, &self.metadata)?,
        ];
        for (table, LoadedDetection { detection, .. }) in self.stats.into_iter().zip(self.detections) {
            if let Some(table) = table {
                outputs.push(write_stats(self.output, table, &detection.id, &self.metadata)?);
            }
        }
        outputs.push(OutputRecord { file: "files.parquet".to_owned(), written: self.files.finish()? });
        let rows = self.hosts.rows();
        self.totals.hosts = rows.len() as u64;
        self.totals.hosts_with_matches = rows.iter().filter(|(_, host)| host.matches > 0).count() as u64;
        Ok(Collected {
            hosts: self.hosts,
            totals: self.totals,
            flawed: self.flawed,
            match_counts: self.match_counts,
            outputs,
        })
    }
}

/// What every table says of itself.
fn metadata(detections: &[LoadedDetection]) -> Vec<(&'static str, String)> {
    let ids: Vec<&str> = detections.iter().map(|loaded| loaded.detection.id.as_str()).collect();
    vec![
        ("dnsweep.schema_version", SCHEMA_VERSION.to_string()),
        ("dnsweep.version", env!("CARGO_PKG_VERSION").to_owned()),
        ("dnsweep.detection_ids", ids.join(" ")),
    ]
}

fn write_hosts(
    output: &OutputDirectory,
    hosts: &Hosts,
    metadata: &[(&'static str, String)],
) -> Result<OutputRecord, SweepError> {
    let mut metadata = metadata.to_vec();
    metadata.push(("dnsweep.sorted_by", "computer, without a name last".to_owned()));
    let mut writer = TableWriter::create(&output.staged("hosts.parquet"), &HOSTS_COLUMNS, &[], &metadata)?;
    for (computer, host) in hosts.rows() {
        writer.push(host.cells(computer))?;
    }
    Ok(OutputRecord { file: "hosts.parquet".to_owned(), written: writer.finish()? })
}

fn write_stats(
    output: &OutputDirectory,
    table: StatsTable,
    detection_id: &str,
    metadata: &[(&'static str, String)],
) -> Result<OutputRecord, SweepError> {
    let rows = table.finish();
    let columns: Vec<Column> = rows.columns.iter().map(stats_column).collect();
    let file = format!("stats/{detection_id}.parquet");
    let mut metadata = metadata.to_vec();
    metadata.push(("dnsweep.sorted_by", "the columns of 'by', in their order".to_owned()));
    let mut writer = TableWriter::create(&output.staged(&file), &columns, &[], &metadata)?;
    for row in rows.rows {
        writer.push(row.into_iter().map(stats_cell).collect())?;
    }
    Ok(OutputRecord { file, written: writer.finish()? })
}

fn stats_column(column: &StatsColumn) -> Column {
    let (kind, nulls) = match column.kind() {
        StatsKind::Text => (ColumnType::Text, Nulls::Possible),
        StatsKind::Integer => (ColumnType::Integer, Nulls::Possible),
        StatsKind::Time => (ColumnType::Time, Nulls::Possible),
        StatsKind::TextList => (ColumnType::Texts, Nulls::Never),
    };
    Column { name: column.name().to_owned().into(), kind, nulls, about: "" }
}

fn stats_cell(value: StatsValue) -> Cell<'static> {
    match value {
        StatsValue::Null => Cell::Null,
        StatsValue::Text(text) => Cell::text(text),
        StatsValue::Integer(number) => Cell::Integer(number),
        StatsValue::Time(time) => Cell::Time(time),
        StatsValue::List(texts) => Cell::Texts(texts.into_iter().map(Into::into).collect()),
    }
}

/// Decides how the sweep ended, writes `run.json` and gives the output its name.
fn conclude(
    config: Config,
    arguments: Vec<String>,
    discovery: Discovery,
    collected: Collected,
    started: EventTime,
) -> Result<Outcome, SweepError> {
    let Collected { hosts, totals, flawed, match_counts, outputs } = collected;
    let exit = exit(&totals, config.on_match);
    let run = Run {
        dnsweep: env!("CARGO_PKG_VERSION"),
        schema_version: SCHEMA_VERSION,
        arguments,
        started: started.rfc3339(),
        finished: EventTime::now().rfc3339(),
        interrupted: exit == Exit::Interrupted,
        exit_status: exit.number(),
        threads: config.threads.get(),
        since: config.window.since.map(EventTime::rfc3339),
        until: config.window.until.map(EventTime::rfc3339),
        roots: discovery.roots.iter().map(|root| root.display().to_string()).collect(),
        evidence: discovery.evidence,
        passed_over: discovery.passed_over,
        detections: config.detections.into_iter().zip(match_counts).map(detection_record).collect(),
        totals,
        outputs,
    };
    let json = serde_json::to_vec_pretty(&run).map_err(|error| SweepError::Output {
        path: config.output.staged("run.json"),
        reason: error.to_string(),
    })?;
    config.output.write_run(&json)?;
    let directory = config.output.publish()?;
    Ok(Outcome { exit, run, hosts, flawed, directory })
}

fn detection_record((loaded, matches): (LoadedDetection, u64)) -> DetectionRecord {
    let LoadedDetection { detection, source, sha256 } = loaded;
    DetectionRecord {
        id: detection.id,
        name: detection.name,
        version: detection.version.unwrap_or_default(),
        source,
        sha256,
        matches,
    }
}

fn exit(totals: &Totals, on_match: OnMatch) -> Exit {
    if totals.interrupted_files > 0 {
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
