//! What one thread does at a time: reads, decodes and detects a block of a log, and reduces what
//! comes of it.

use std::sync::{Arc, Mutex, PoisonError};

use crate::bytes::LogBytes;
use crate::config::{Config, Decoding, Hashing, LoadedDetection};
use crate::damage::{Damage, Problem};
use crate::detect::{Predicate, RequiredLiteral, StatsTable};
use crate::discover::{Discovery, LogFile};
use crate::error::SweepError;
use crate::event::{DnsQueryEvent, QueryResults};
use crate::hash_chain::HashChain;
use crate::readers::Readers;
use crate::report::{FileReport, Header, Hosts, MatchContext, MatchRow, event_hash};
use crate::scan::{Block, BlockScan, LocatedEvent, Location, Needle, Scanner, Selection, Wanted, blocks};
use crate::write::{Rows, Table};

/// A block of a file.
#[derive(Debug, Clone)]
pub(super) struct Unit<'a> {
    file: &'a LogFile,
    block: Block,
    /// What the blocks of the file are hashed by, if they are.
    chain: Option<Arc<HashChain>>,
}

/// The units of all files, in evidence order.
pub(super) fn units(files: &[LogFile], hashing: Hashing) -> impl Iterator<Item = Unit<'_>> {
    files.iter().flat_map(move |file| {
        let chain = (hashing == Hashing::Sha256).then(|| Arc::new(HashChain::new(file.size)));
        blocks(file.size).map(move |block| Unit { file, block, chain: chain.clone() })
    })
}

/// What came of a unit.
pub(super) struct Done {
    /// Which part of its file it was.
    pub block: Block,
    /// What was seen of the file.
    pub part: FileReport,
    /// Its matches; an error is a fault of this program.
    pub matches: Result<Matches, SweepError>,
}

/// The matches of a unit, as rows and reduced.
pub(super) struct Matches {
    /// Rows of `matches.parquet`.
    pub rows: Rows,
    /// What they say of their hosts.
    pub hosts: Hosts,
    /// For each detection, how many there are, and its own table if it has one.
    pub detections: Vec<(u64, Option<StatsTable>)>,
}

impl Matches {
    /// None yet.
    pub(super) fn none(table: &Table, detections: &[LoadedDetection]) -> Self {
        let stats = |loaded: &LoadedDetection| loaded.detection.search.stats.as_ref().map(StatsTable::new);
        Matches {
            rows: table.rows(),
            hosts: Hosts::default(),
            detections: detections.iter().map(|loaded| (0, stats(loaded))).collect(),
        }
    }
}

/// All that the threads share.
pub(super) struct Workshop<'a> {
    config: &'a Config,
    discovery: &'a Discovery,
    table: &'a Table,
    selection: Selection,
    /// Who may read, if not all may.
    readers: Option<Readers>,
    /// The scanners that no thread is using. Each has a buffer that is worth keeping.
    idle: Mutex<Vec<Scanner>>,
}

impl<'a> Workshop<'a> {
    /// A workshop whose matches are rows of `table`.
    pub(super) fn new(config: &'a Config, discovery: &'a Discovery, table: &'a Table) -> Self {
        let readers = config.readers.map(Readers::new);
        Workshop { config, discovery, table, selection: selection(config), readers, idle: Mutex::default() }
    }

    /// Reads, decodes and detects.
    pub(super) fn work(&self, unit: &Unit<'_>) -> Done {
        let Unit { file, block, chain } = unit;
        // The list is whole whatever happened to a thread that held it.
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let scanner = idle().pop();
        let mut scanner = scanner.unwrap_or_else(|| Scanner::new(&self.selection));
        let (mut part, events) = match open(file) {
            Ok(log) => self.scan(&mut scanner, log.as_ref(), unit),
            Err(reason) => {
                // There will be no hash: nothing need be kept for it.
                hash(chain.as_deref(), *block, None);
                (unreadable(file, *block, reason), Vec::new())
            }
        };
        idle().push(scanner);
        let matches = self.detect(file, events);
        part.matches = matches.as_ref().map_or(0, |matches| matches.rows.len() as u64);
        Done { block: *block, part, matches }
    }

    fn scan(
        &self,
        scanner: &mut Scanner,
        log: &dyn LogBytes,
        unit: &Unit<'_>,
    ) -> (FileReport, Vec<LocatedEvent>) {
        let (block, mut sha256) = (unit.block, None);
        let see = |bytes: Option<&[u8]>| sha256 = hash(unit.chain.as_deref(), block, bytes);
        let scan = match &self.readers {
            None => scanner.scan_after(log, block, see),
            Some(readers) => scanner.scan_after(&readers.in_turn(log), block, see),
        };
        let (mut part, events) = part(unit.file, scan);
        part.sha256 = sha256;
        (part, events)
    }

    /// The matches among the events: in their order, and for each in the order of the detections.
    fn detect(&self, file: &LogFile, events: Vec<LocatedEvent>) -> Result<Matches, SweepError> {
        let detections = &self.config.detections;
        let mut matches = Matches::none(self.table, detections);
        let source_path = if events.is_empty() { String::new() } else { file.source_path() };
        for LocatedEvent { location, event } in events {
            if !self.config.window.holds(event.system.time_created) {
                continue;
            }
            for (LoadedDetection { detection, .. }, (count, stats)) in
                detections.iter().zip(&mut matches.detections)
            {
                if !detection.search.predicate.evaluate(&event) {
                    continue;
                }
                let row = match_row(location, &event, detection);
                let context = MatchContext {
                    evidence: self.discovery.evidence_name(file.evidence),
                    source_path: &source_path,
                    detection_id: &detection.id,
                    detection_name: &detection.name,
                    detection_version: detection.version.as_deref().unwrap_or_default(),
                };
                matches.rows.push(row.cells(&context))?;
                matches.hosts.add_match(&row);
                *count += 1;
                if let Some(stats) = stats {
                    stats.add(&event);
                }
            }
        }
        Ok(matches)
    }
}

/// Adds a block to its file's hash, if there is one; returns the file's SHA-256 if that is complete now.
fn hash(chain: Option<&HashChain>, block: Block, bytes: Option<&[u8]>) -> Option<String> {
    chain.and_then(|chain| chain.add(block.start, bytes))
}

fn match_row<'a>(
    location: Location,
    event: &'a DnsQueryEvent,
    detection: &crate::detect::Detection,
) -> MatchRow<'a> {
    let hits = detection.search.predicate.hits(event);
    MatchRow {
        chunk_number: location.chunk_number,
        record_offset: location.record_offset,
        event_hash: event_hash(event),
        results: QueryResults::parse(event.query_results.as_deref().unwrap_or_default()),
        matched_query: hits.matched_query,
        matched_process: hits.matched_process,
        risk_score: i64::from(detection.risk_score.unwrap_or(0)),
        risk_message: detection.risk_message(event),
        event,
    }
}

/// What needs decoding.
fn selection(config: &Config) -> Selection {
    match config.decoding {
        Decoding::Exhaustive => Selection::Everything,
        Decoding::Selected => {
            let predicates = config.detections.iter().map(|loaded| &loaded.detection.search.predicate);
            Selection::Wanted(predicates.map(wanted).collect())
        }
    }
}

/// What a predicate cannot do without.
fn wanted(predicate: &Predicate) -> Wanted {
    let needle =
        |required: RequiredLiteral| Needle { data: required.data_name.to_owned(), literal: required.literal };
    let sets = predicate.required_literals().into_iter();
    Wanted { sets: sets.map(|set| set.into_iter().map(needle).collect()).collect() }
}

fn open(file: &LogFile) -> Result<Box<dyn LogBytes>, String> {
    match &file.obstacle {
        Some(reason) => Err(reason.clone()),
        None => file.open().map_err(|error| error.to_string()),
    }
}

fn unreadable(file: &LogFile, block: Block, reason: String) -> FileReport {
    let mut part = FileReport { size: file.size, ..FileReport::default() };
    part.problems.push(Problem {
        offset: block.start,
        length: block.length(),
        damage: Damage::Read { reason },
    });
    part
}

fn part(file: &LogFile, scan: BlockScan) -> (FileReport, Vec<LocatedEvent>) {
    let promised_chunks = scan.header.as_ref().and_then(|header| header.promised_chunks);
    let header = match scan.header {
        None => Header::Unread,
        Some(header) if !header.is_event_log => Header::Foreign,
        Some(header) if header.dirty => Header::Dirty,
        Some(_) => Header::Clean,
    };
    let part = FileReport {
        size: file.size,
        header,
        promised_chunks,
        tally: scan.tally,
        problems: scan.problems,
        bytes_read: scan.bytes_read,
        signed_chunks: scan.signed_chunks,
        ..FileReport::default()
    };
    (part, scan.events)
}
