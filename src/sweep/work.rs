//! What one thread does at a time: reads, decodes and detects a block of a log, and reduces what
//! comes of it.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use super::journal::{Entry, JournalReader, NewEntry, line};
use super::unit::{Source, Unit, key};
use crate::bytes::LogBytes;
use crate::config::{Config, Decoding, LoadedDetection};
use crate::damage::{Damage, Problem};
use crate::detect::{Predicate, RequiredLiteral, StatsTable};
use crate::digest::Sha256Digest;
use crate::discover::{Discovery, Form, LogFile};
use crate::error::SweepError;
use crate::event::QueryResults;
use crate::hash_chain::HashChain;
use crate::readers::Readers;
use crate::report::{FileReport, Header, Hosts, MatchContext, MatchRow, Occurrence, event_hash};
use crate::scan::{Block, BlockScan, LocatedEvent, Needle, Scanner, Selection, Wanted, XmlFile};
use crate::write::{Rows, Table};

/// What came of a unit.
pub(super) struct Done<'a> {
    /// The file.
    pub file: &'a LogFile,
    /// Which part of it it was.
    pub block: Block,
    /// What was seen of it.
    pub part: FileReport,
    /// The events that a detection describes, in the order of the file.
    pub described: Vec<Described>,
    /// Those among stale records. Whether one of them is an event of its own is known when all live ones are.
    pub recovered: Vec<Described>,
    /// What they come to; an error is a fault of this program, or of the journal.
    pub matches: Result<Matches, SweepError>,
    /// Its line for the journal; `None` of what is there already, or could not all be read.
    pub line: Option<Vec<u8>>,
}

/// An event that at least one detection describes.
pub(super) struct Described {
    pub located: LocatedEvent,
    pub hash: Sha256Digest,
    pub occurrence: Occurrence,
    /// Which detections, by their place among all.
    pub detections: Vec<usize>,
}

/// The matches of a unit, as rows and reduced.
pub(super) struct Matches {
    /// Rows of `matches.parquet`.
    pub rows: Rows,
    /// What they say of their hosts.
    pub hosts: Hosts,
    /// What those of each detection come to.
    pub detections: Vec<Reduced>,
}

/// What the matches of one detection come to. `merge` is associative and commutative.
pub(super) struct Reduced {
    /// How many there are, copies of an event included.
    pub matches: u64,
    /// How many are no copies.
    pub unique_matches: u64,
    /// How many are among deleted records. They are counted nowhere else.
    pub recovered_matches: u64,
    /// The detection's own table, if it has one: of events that are no copies.
    pub stats: Option<StatsTable>,
}

impl Reduced {
    fn new(loaded: &LoadedDetection) -> Self {
        let stats = loaded.detection.search.stats.as_ref().map(StatsTable::new);
        Reduced { matches: 0, unique_matches: 0, recovered_matches: 0, stats }
    }

    fn add(&mut self, described: &Described) {
        if described.occurrence == Occurrence::Recovered {
            self.recovered_matches += 1;
            return;
        }
        self.matches += 1;
        if described.occurrence == Occurrence::First {
            self.unique_matches += 1;
            if let Some(stats) = &mut self.stats {
                stats.add(&described.located.event);
            }
        }
    }

    /// Takes in what other matches come to.
    pub(super) fn merge(&mut self, other: Reduced) {
        self.matches += other.matches;
        self.unique_matches += other.unique_matches;
        self.recovered_matches += other.recovered_matches;
        if let (Some(ours), Some(theirs)) = (&mut self.stats, other.stats) {
            ours.merge(theirs);
        }
    }
}

impl Matches {
    /// None yet.
    pub(super) fn none(table: &Table, detections: &[LoadedDetection]) -> Self {
        Matches {
            rows: table.rows(),
            hosts: Hosts::default(),
            detections: detections.iter().map(Reduced::new).collect(),
        }
    }
}

/// All that the threads share.
pub(super) struct Workshop<'a> {
    config: &'a Config,
    discovery: &'a Discovery,
    table: &'a Table,
    selection: Selection,
    journal: JournalReader,
    /// Who may read, if not all may.
    readers: Option<Readers>,
    /// The scanners that no thread is using. Each has a buffer that is worth keeping.
    idle: Mutex<Vec<Scanner>>,
}

impl<'a> Workshop<'a> {
    /// A workshop whose matches are rows of `table`.
    pub(super) fn new(
        config: &'a Config,
        discovery: &'a Discovery,
        table: &'a Table,
        journal: JournalReader,
    ) -> Self {
        let (selection, readers) = (selection(config), config.readers.map(Readers::new));
        Workshop { config, discovery, table, selection, journal, readers, idle: Mutex::default() }
    }

    /// Reads, decodes and detects; or takes what was read from the journal.
    pub(super) fn work<'u>(&self, unit: Unit<'u>) -> Done<'u> {
        let Unit { file, block, source } = unit;
        let at = match source {
            Source::Evidence(chain) => return self.read(file, block, chain.as_deref()),
            Source::Journal(at) => at,
        };
        match self.journal.read(&at) {
            Ok(Entry { part, events, recovered }) => {
                let recovered = self.detect(recovered);
                Done { recovered, ..self.done(file, block, part, self.detect(events)) }
            }
            Err(error) => {
                Done { matches: Err(error), ..self.done(file, block, FileReport::default(), Vec::new()) }
            }
        }
    }

    fn read<'u>(&self, file: &'u LogFile, block: Block, chain: Option<&HashChain>) -> Done<'u> {
        // The list is whole whatever happened to a thread that held it.
        let idle = || self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let log = match open(file) {
            Ok(log) => log,
            Err(reason) => {
                // There will be no hash: nothing need be kept for it.
                hash(chain, block, None);
                return self.done(file, block, unreadable(file, block, reason), Vec::new());
            }
        };
        let scanner = idle().pop();
        let mut scanner =
            scanner.unwrap_or_else(|| Scanner::new(&self.selection).recovering(self.config.recovery));
        let mut sha256 = None;
        let see = |bytes: Option<&[u8]>| sha256 = hash(chain, block, bytes);
        let (mut part, events, stale) = part(file, self.scan(&mut scanner, log.as_ref(), file, block, see));
        part.sha256 = sha256;
        idle().push(scanner);
        let recovered = self.detect(stale);
        let done = Done { recovered, ..self.done(file, block, part, self.detect(events)) };
        // What could not be read now shall be tried again when the sweep is resumed.
        let line = (!done.part.problems.lack_bytes()).then(|| self.line(&done));
        Done { line, ..done }
    }

    /// What the journal keeps of a unit.
    fn line(&self, done: &Done<'_>) -> Vec<u8> {
        line(&NewEntry {
            file: key(self.discovery, done.file),
            block: done.block,
            part: &done.part,
            events: done.described.iter().map(|described| &described.located).collect(),
            recovered: done.recovered.iter().map(|described| &described.located).collect(),
        })
    }

    fn done<'u>(
        &self,
        file: &'u LogFile,
        block: Block,
        mut part: FileReport,
        described: Vec<Described>,
    ) -> Done<'u> {
        let matches = self.reduce(file, &described);
        part.matches = matches.as_ref().map_or(0, |matches| matches.rows.len() as u64);
        Done { file, block, part, described, recovered: Vec::new(), matches, line: None }
    }

    /// Settles which events of a unit are copies, all units before it being settled; what they come to is reduced again if
    /// there are any. Most units have none, so the reduction need not wait for this.
    pub(super) fn settle<'u>(&self, mut done: Done<'u>, met: &mut HashSet<Sha256Digest>) -> Done<'u> {
        let mut copies = false;
        for event in &mut done.described {
            if !met.insert(event.hash) {
                event.occurrence = Occurrence::Copy;
                copies = true;
            }
        }
        if copies {
            Done {
                line: done.line,
                recovered: done.recovered,
                ..self.done(done.file, done.block, done.part, done.described)
            }
        } else {
            done
        }
    }

    /// What the events among stale records come to, all live ones being settled: those that are no copy of a live one, nor of
    /// another one here.
    pub(super) fn recover(
        &self,
        recovered: Vec<(&LogFile, Described)>,
        met: &mut HashSet<Sha256Digest>,
        mut found: impl FnMut(Matches) -> Result<(), SweepError>,
    ) -> Result<(), SweepError> {
        for (file, event) in recovered {
            if met.insert(event.hash) {
                found(self.reduce(file, &[Described { occurrence: Occurrence::Recovered, ..event }])?)?;
            }
        }
        Ok(())
    }

    fn scan(
        &self,
        scanner: &mut Scanner,
        log: &dyn LogBytes,
        file: &LogFile,
        block: Block,
        see: impl FnOnce(Option<&[u8]>),
    ) -> BlockScan {
        let scan = |log: &dyn LogBytes| match file.form {
            Form::Log => scanner.scan_after(log, block, see),
            Form::Carved => scanner.carve_after(log, block, file.size, see),
            Form::Xml(encoding) => scanner.xml_after(log, block, XmlFile { size: file.size, encoding }, see),
        };
        match &self.readers {
            None => scan(log),
            Some(readers) => scan(&readers.in_turn(log)),
        }
    }

    /// The events that a detection describes, in their order.
    fn detect(&self, events: Vec<LocatedEvent>) -> Vec<Described> {
        let in_window =
            events.into_iter().filter(|located| self.config.window.holds(located.event.system.time_created));
        let described = in_window.filter_map(|located| {
            let detections = self.config.detections.iter().enumerate();
            let describing: Vec<usize> = detections
                .filter(|(_, loaded)| loaded.detection.search.predicate.evaluate(&located.event))
                .map(|(place, _)| place)
                .collect();
            (!describing.is_empty()).then(|| Described {
                hash: event_hash(&located.event),
                occurrence: Occurrence::First,
                detections: describing,
                located,
            })
        });
        described.collect()
    }

    /// What events come to: a row for each detection that describes one, in the order of the detections.
    fn reduce(&self, file: &LogFile, described: &[Described]) -> Result<Matches, SweepError> {
        let mut matches = Matches::none(self.table, &self.config.detections);
        let source_path = if described.is_empty() { String::new() } else { file.source_path() };
        for event in described {
            for place in &event.detections {
                let (Some(LoadedDetection { detection, .. }), Some(reduced)) =
                    (self.config.detections.get(*place), matches.detections.get_mut(*place))
                else {
                    continue;
                };
                let row = match_row(event, detection);
                let context = MatchContext {
                    evidence: self.discovery.evidence_name(file.evidence),
                    source_path: &source_path,
                    detection_id: &detection.id,
                    detection_name: &detection.name,
                    detection_version: detection.version.as_deref().unwrap_or_default(),
                };
                matches.rows.push(row.cells(&context))?;
                matches.hosts.add_match(&row);
                reduced.add(event);
            }
        }
        Ok(matches)
    }
}

fn match_row<'a>(described: &'a Described, detection: &crate::detect::Detection) -> MatchRow<'a> {
    let LocatedEvent { location, event } = &described.located;
    let hits = detection.search.predicate.hits(event);
    MatchRow {
        chunk_number: location.chunk_number,
        record_offset: location.record_offset,
        event_hash: described.hash,
        occurrence: described.occurrence,
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

/// Adds a block to its file's hash, if there is one; returns the file's SHA-256 if that is complete now.
fn hash(chain: Option<&HashChain>, block: Block, bytes: Option<&[u8]>) -> Option<String> {
    chain.and_then(|chain| chain.add(block.start, bytes))
}

fn open(file: &LogFile) -> Result<Box<dyn LogBytes>, String> {
    match &file.obstacle {
        Some(reason) => Err(reason.clone()),
        None => file.open().map_err(|error| error.to_string()),
    }
}

fn unreadable(file: &LogFile, block: Block, reason: String) -> FileReport {
    let mut part = FileReport { size: file.size, ..FileReport::default() };
    part.tally.extents.unread = block.length();
    part.problems.push(Problem {
        offset: block.start,
        length: block.length(),
        damage: Damage::Read { reason },
    });
    part
}

fn part(file: &LogFile, scan: BlockScan) -> (FileReport, Vec<LocatedEvent>, Vec<LocatedEvent>) {
    let promised_chunks = scan.header.as_ref().and_then(|header| header.promised_chunks);
    let header = match scan.header {
        _ if file.form == Form::Carved => Header::Carved,
        None if matches!(file.form, Form::Xml(_)) && scan.bytes_read > 0 => Header::Xml,
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
        clock: scan.clock,
        ..FileReport::default()
    };
    (part, scan.events, scan.recovered)
}
