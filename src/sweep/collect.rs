//! Takes what came of the units, in evidence order: writes the rows and reduces the rest.

use std::collections::VecDeque;
use std::num::NonZeroUsize;

use super::Observer;
use super::excluded::Excluded;
use super::hits::{DetectionHits, UnitHits};
use super::leads::LeadCounts;
use super::tables::{LastTable, metadata, sorted, write_last};
use super::work::Done;
use crate::config::{Config, LoadedDetection};
use crate::event::Window;
use crate::evidence::discover::Discovery;
use crate::output::{
    FILES_FILE, LEADS_FILE, MATCHES_FILE, OutputDirectory, OutputError, Syncing, Table, TableWriter,
};
use crate::report::{FileReport, FileRow, FlawedFile, Hosts, NamedHost, OutputRecord, Status, Totals};
use crate::scan::Checksums;

/// How many flawed files are remembered for the summary, those that lost most; the ledger has all.
const MOST_FLAWED: usize = 100;

/// Takes what came of the units.
pub(super) struct Collector<'a> {
    discovery: &'a Discovery,
    detections: &'a [LoadedDetection],
    checksums: Checksums,
    window: Window,
    threads: NonZeroUsize,
    output: &'a OutputDirectory,
    observer: &'a mut dyn Observer,
    metadata: Vec<(&'static str, String)>,
    matches: TableWriter,
    /// The leads, if they are looked for.
    leads: Option<TableWriter>,
    files: TableWriter,
    hosts: Hosts,
    /// What the hits of each detection come to.
    detection_hits: Vec<DetectionHits>,
    excluded: Excluded,
    totals: Totals,
    flawed: Vec<FlawedFile>,
    /// The file whose blocks are coming in, and how far they have come.
    current: Option<(FileReport, u64)>,
    next_file: usize,
    /// For each piece of evidence, what became of its files.
    pieces: Vec<Piece>,
}

/// What became of the files of a piece of evidence.
#[derive(Debug, Clone, Copy, Default)]
struct Piece {
    /// Whether the sweep came to one of them.
    reached: bool,
    /// Whether it was interrupted before it came to one of them.
    left: bool,
}

/// What the collector has at the end.
pub(super) struct Collected {
    /// All hosts.
    pub hosts: Vec<NamedHost>,
    /// Sums over all files.
    pub totals: Totals,
    /// The files that were not all read and understood, those that lost most first; of many, not
    /// all.
    pub flawed: Vec<FlawedFile>,
    /// For each detection, its matches, how many of them are no copies, and how many there are
    /// among deleted records.
    pub match_counts: Vec<[u64; 3]>,
    /// For each detection, its leads, if they were looked for.
    pub lead_counts: Option<Vec<LeadCounts>>,
    /// The matches that exclusions took away.
    pub excluded: Excluded,
    /// The tables.
    pub outputs: Vec<OutputRecord>,
    /// Those of the tables that are on their way to the disk.
    pub syncing: VecDeque<Syncing>,
}

impl<'a> Collector<'a> {
    /// Opens the tables that are written as the sweep goes on.
    pub(super) fn new(
        config: &'a Config,
        output: &'a OutputDirectory,
        discovery: &'a Discovery,
        table: &Table,
        leads: Option<&Table>,
        observer: &'a mut dyn Observer,
    ) -> Result<Self, OutputError> {
        let metadata = metadata(&config.detections);
        let create = |name: &str, table: &Table, sorted_by: &str| {
            TableWriter::create(&output.staged(name), table, &sorted(&metadata, sorted_by))
        };
        let matches_order =
            "evidence order: file, record_offset, detection; recovered ones last, in the same order";
        let matches = create(MATCHES_FILE, table, matches_order)?;
        let create_leads = |table| {
            let order = "evidence order: file, record_offset, detection";
            create(LEADS_FILE, table, order)
        };
        let leads = leads.map(create_leads).transpose()?;
        let files =
            create(FILES_FILE, &Table::of(FileRow::COLUMNS), "evidence order: root as given, then path")?;
        let mut hosts = Hosts::default();
        for evidence in &discovery.evidence {
            hosts.add_evidence(evidence);
        }
        Ok(Collector {
            detection_hits: DetectionHits::none(&config.detections),
            detections: &config.detections,
            checksums: config.options.checksums,
            window: config.window,
            threads: config.threads,
            output,
            excluded: Excluded::default(),
            totals: Totals::default(),
            flawed: Vec::new(),
            current: None,
            next_file: 0,
            pieces: vec![Piece::default(); discovery.evidence.len()],
            discovery,
            observer,
            metadata,
            matches,
            leads,
            files,
            hosts,
        })
    }

    /// Takes what came of the next unit.
    pub(super) fn add(&mut self, done: Done<'_>) -> Result<(), OutputError> {
        let hits = done.hits?;
        self.observer.advanced(done.block.length(), hits.count);
        self.add_hits(hits)?;
        let (report, end) = self.current.get_or_insert_default();
        report.append(done.part);
        *end = done.block.end;
        if *end >= report.size { self.close_file() } else { Ok(()) }
    }

    /// Takes in hits.
    pub(super) fn add_hits(&mut self, hits: UnitHits) -> Result<(), OutputError> {
        if hits.is_empty() {
            return Ok(());
        }
        self.matches.append(hits.matches)?;
        if let Some((writer, rows)) = self.leads.as_mut().zip(hits.leads) {
            writer.append(rows)?;
        }
        self.hosts.merge(hits.hosts);
        self.excluded.merge(hits.excluded);
        for (known, more) in self.detection_hits.iter_mut().zip(hits.detections) {
            known.merge(more);
        }
        Ok(())
    }

    /// Writes the row of the file whose last block came in, or which was not read because of an
    /// interruption.
    fn close_file(&mut self) -> Result<(), OutputError> {
        let Some(file) = self.discovery.files.get(self.next_file) else { return Ok(()) };
        let unread = || (FileReport { size: file.size, ..FileReport::default() }, None);
        let (mut report, end) = self.current.take().map_or_else(unread, |(report, end)| (report, Some(end)));
        match end {
            Some(end) if end >= file.size => report.complete(),
            end => report.interrupt(end.unwrap_or(0)),
        }
        self.next_file += 1;
        let (evidence, source_path) = (self.discovery.evidence_name(file.evidence), file.source_path());
        self.files.push(&FileRow::new(&report, evidence, &source_path, self.checksums.name()).cells())?;
        self.totals.add(&report);
        self.observer.file_done(evidence, &source_path, &report);
        let status = report.status();
        if let Some(piece) = self.pieces.get_mut(file.evidence.index()) {
            *if status == Status::NotRead { &mut piece.left } else { &mut piece.reached } = true;
        }
        // What an interruption left is not damaged.
        let is_flawed = !matches!(status, Status::Complete | Status::Interrupted | Status::NotRead);
        if is_flawed {
            if self.flawed.len() >= 2 * MOST_FLAWED {
                self.keep_worst();
            }
            self.flawed.push(FlawedFile {
                evidence: evidence.to_owned(),
                source_path,
                status,
                loss: report.loss(),
                problems: report.problem_count(),
                problem: report.problems().into_iter().next(),
            });
        }
        self.hosts.add_file(evidence, report);
        Ok(())
    }

    /// Forgets the flawed files that lost least; of those that lost as much as others, the last in
    /// evidence order.
    fn keep_worst(&mut self) {
        self.flawed.sort_by_key(|file| std::cmp::Reverse(file.loss));
        self.flawed.truncate(MOST_FLAWED);
    }

    /// Closes the tables and writes those that only now are known.
    pub(super) fn finish(mut self) -> Result<Collected, OutputError> {
        while self.next_file < self.discovery.files.len() {
            self.close_file()?;
        }
        self.keep_worst();
        self.observer.finished();
        // Of evidence that an interruption left nothing is known.
        for (piece, evidence) in self.pieces.iter().zip(&self.discovery.evidence) {
            if piece.left && !piece.reached {
                self.totals.evidence_not_reached += 1;
                self.hosts.forget_evidence(evidence);
            }
        }
        let rows = self.hosts.into_rows(&self.window);
        // Those that were begun hold memory, so they come first; and those that take longest, so
        // that no thread waits for one at the end.
        let mut tables = vec![
            LastTable::Begun(MATCHES_FILE, self.matches.into()),
            LastTable::Begun(FILES_FILE, self.files.into()),
            LastTable::Hosts(&rows),
        ];
        let lead_counts =
            self.leads.is_some().then(|| self.detection_hits.iter().map(|hits| hits.leads).collect());
        tables.extend(self.leads.map(|writer| LastTable::Begun(LEADS_FILE, writer.into())));
        let mut match_counts = Vec::with_capacity(self.detection_hits.len());
        for (hits, LoadedDetection { detection, .. }) in self.detection_hits.into_iter().zip(self.detections)
        {
            match_counts.push([hits.matches, hits.unique_matches, hits.recovered_matches]);
            tables.extend(hits.stats.map(|stats| LastTable::Stats(stats, &detection.id)));
        }
        let (mut outputs, syncing) = write_last(tables, self.output, &self.metadata, self.threads)?;
        // They are told in another order: the ledger is the last.
        if let Some(behind_matches) = outputs.get_mut(1..) {
            behind_matches.rotate_left(1);
        }
        self.totals.add_hosts(&rows);
        self.totals.excluded_leads = self.excluded.sum().leads;
        let Collector { totals, flawed, excluded, .. } = self;
        Ok(Collected { hosts: rows, totals, flawed, match_counts, lead_counts, excluded, outputs, syncing })
    }
}
