//! Collects the finished units of a sweep (each a block of a file) in evidence order: passes
//! matches and the rows of other tables to the sink, and adds up hosts, totals and all other
//! counts.

use super::Observer;
use super::context::{Process, Processes};
use super::detector::Detector;
use super::excluded::ExclusionCounts;
use super::hits::{DetectionHits, EventWithHits, UnitHits};
use super::leads::LeadCounts;
use super::sink::{TakeMatch, hand_over};
use super::worker::FinishedUnit;
use super::writing::{FinishedTables, LastResults, SweepTables};
use crate::config::{Config, LoadedDetection};
use crate::error::SweepError;
use crate::event::Window;
use crate::evidence::discover::{Discovery, FoundContainer};
use crate::ledger::container::ContainerStatus;
use crate::report::{
    FileReport, FileRow, FlawedFile, Hosts, MOST_FLAWED, NamedHost, ProcessStatus, Status, Totals,
};
use crate::scan::Checksums;

/// Where the matches of a sweep go, and with them the rows of all other tables.
pub(super) enum Destination<'a> {
    /// The matches and the rows of the other tables go into the files of an output directory.
    Tables(Box<SweepTables<'a>>),
    /// The matches go to a function of the caller, one by one.
    Each(TakeMatch<'a>),
    /// The matches go nowhere: only the counts are kept.
    Nowhere,
}

/// Collects the finished units of a sweep (each a block of a file), in evidence order.
pub(super) struct Collector<'a> {
    discovery: &'a Discovery,
    detections: &'a [LoadedDetection],
    checksums: Checksums,
    window: Window,
    observer: &'a mut dyn Observer,
    target: Destination<'a>,
    hosts: Hosts,
    /// The counts of hits (events that a detection describes) for each detection, in the order in
    /// which the user gave the detections.
    detection_hits: Vec<DetectionHits>,
    excluded: ExclusionCounts,
    totals: Totals,
    flawed: Vec<FlawedFile>,
    /// The account of the file whose blocks are being added (what was read of it, and what is
    /// damaged), and the offset in bytes up to which its blocks were added. `None` between two
    /// files.
    current: Option<(FileReport, u64)>,
    next_file: usize,
    /// How far the sweep came in each piece of evidence (usually the files of one machine), in the
    /// order of the pieces.
    pieces: Vec<PieceProgress>,
}

/// How far the sweep came in one piece of evidence, which is usually what was collected from one
/// machine.
#[derive(Debug, Clone, Copy, Default)]
struct PieceProgress {
    /// True if the sweep read any file of the piece of evidence (usually what was collected from
    /// one machine), at least in part.
    reached: bool,
    /// True if an interruption of the sweep left any file or container of the piece of evidence
    /// (usually what was collected from one machine) unread.
    left: bool,
}

/// The results of a sweep, added up over all of its files.
pub(super) struct SweepResults {
    /// All hosts of the sweep.
    pub hosts: Vec<NamedHost>,
    /// The sweep's totals over all files and hosts, such as the number of bytes read and of
    /// matches.
    pub totals: Totals,
    /// The files that could not be read and understood completely: those that lost most data first,
    /// and at most [`MOST_FLAWED`].
    pub flawed: Vec<FlawedFile>,
    /// Three numbers for each detection, in the order of the detections: all matches, the matches
    /// that are not copies of an earlier match, and the matches among deleted records.
    pub match_counts: Vec<[u64; 3]>,
    /// The number of leads (queries that Windows' own DNS client logged for a name that a detection
    /// describes) for each detection, in the order of the detections.
    pub lead_counts: Vec<LeadCounts>,
    /// How many matches and how many leads (queries of Windows' own DNS client that a detection
    /// describes) each exclusion (the user's description of harmless events) removed from each
    /// host.
    pub excluded: ExclusionCounts,
    /// The tables that were written; empty if the matches do not go to an output directory.
    pub written: FinishedTables,
}

impl<'a> Collector<'a> {
    /// Makes a collector that passes matches and the rows of other tables to `target`. The pieces
    /// of evidence and the containers in `discovery` are counted at once, and the files as they are
    /// read.
    pub(super) fn new(
        config: &'a Config,
        discovery: &'a Discovery,
        target: Destination<'a>,
        observer: &'a mut dyn Observer,
    ) -> Self {
        let (mut hosts, mut totals) = (Hosts::default(), Totals::default());
        for evidence in &discovery.evidence {
            hosts.add_evidence(evidence);
        }
        let mut pieces = vec![PieceProgress::default(); discovery.evidence.len()];
        for FoundContainer { evidence, report, .. } in &discovery.containers {
            let piece = pieces.get_mut(evidence.index()).expect("each container is of a piece of evidence");
            piece.left |= report.status == ContainerStatus::NotRead;
            hosts.add_container(discovery.evidence_name(*evidence), report);
            totals.add_container(report);
        }
        Collector {
            detection_hits: DetectionHits::none(&config.detections),
            detections: &config.detections,
            checksums: config.options.checksums,
            window: config.window,
            excluded: ExclusionCounts::default(),
            totals,
            flawed: Vec::new(),
            current: None,
            next_file: 0,
            pieces,
            discovery,
            observer,
            target,
            hosts,
        }
    }

    /// Returns the observer, which receives the progress of the sweep.
    pub(super) fn observer(&mut self) -> &mut dyn Observer {
        self.observer
    }

    /// Returns true if a finished unit (a block of a file) must be left out: an interruption of the
    /// sweep kept the block, or an earlier block of its file, from being read. In that case, also
    /// closes the account of the file, if it is still open; the account then ends where the first
    /// unread block begins. Must be called in evidence order.
    pub(super) fn leaves_out(&mut self, done: &FinishedUnit<'_>) -> Result<bool, SweepError> {
        let next = self.discovery.files.get(self.next_file);
        if !next.is_some_and(|next| std::ptr::eq(next, done.file)) {
            return Ok(true);
        }
        if done.interrupted {
            self.close_file()?;
        }
        Ok(done.interrupted)
    }

    /// Adds the next finished unit (a block of a file), in evidence order. `detector` is the
    /// detector that searched the unit's events.
    pub(super) fn add(&mut self, done: FinishedUnit<'_>, detector: &Detector<'_>) -> Result<(), SweepError> {
        let hits = done.hits?;
        if let (Destination::Tables(tables), Some(queries)) = (&mut self.target, &done.queries) {
            tables.add_queries(queries)?;
        }
        self.observer.advanced(done.block.length(), hits.count);
        self.add_hits(done.number, &done.detected, hits, detector)?;
        let (report, end) = self.current.get_or_insert_default();
        report.append(done.part);
        *end = done.block.end;
        if *end >= report.size { self.close_file() } else { Ok(()) }
    }

    /// Adds `hits`, the rows and counts that were made of `events`. These are the events of one
    /// file that detections describe. `file` is the file's position among all files of the sweep.
    /// If the matches go to a function of the caller ([`Destination::Each`]), passes the matches
    /// among `events` to it.
    pub(super) fn add_hits(
        &mut self,
        file: usize,
        events: &[EventWithHits<'_>],
        mut hits: UnitHits,
        detector: &Detector<'_>,
    ) -> Result<(), SweepError> {
        if hits.is_empty() {
            return Ok(());
        }
        match &mut self.target {
            Destination::Tables(tables) => tables.add_hits(&mut hits)?,
            Destination::Each(take) => {
                let file = self.discovery.files.get(file).expect("events lie in files of the sweep");
                let place = (self.discovery.evidence_name(file.evidence), file.source_path());
                hand_over(take, detector, (place.0, &place.1), events)?;
            }
            Destination::Nowhere => {}
        }
        self.hosts.merge(hits.hosts);
        self.excluded.merge(hits.excluded);
        for (known, more) in self.detection_hits.iter_mut().zip(hits.detections) {
            known.merge(more);
        }
        Ok(())
    }

    /// Completes the account of the current file: writes its row to the ledger (`files.parquet`),
    /// and adds it to the totals and hosts. No block of the file can be added afterwards. If an
    /// interruption left the file, or the rest of it, unread, the row says so.
    fn close_file(&mut self) -> Result<(), SweepError> {
        let files = &self.discovery.files;
        let file = files.get(self.next_file).expect("each block is of a file, in the order of the files");
        let unread = || (FileReport { size: file.size, ..FileReport::default() }, None);
        let (mut report, end) = self.current.take().map_or_else(unread, |(report, end)| (report, Some(end)));
        match end {
            Some(end) if end >= file.size => report.complete(),
            end => report.interrupt(end.unwrap_or(0)),
        }
        report.deleted = file.origin().deleted;
        if let Some(same_as) = file.same_as().filter(|_| report.interrupted_at.is_none()) {
            report.set_unchanged(same_as);
        }
        self.next_file += 1;
        let (evidence, source_path) = (self.discovery.evidence_name(file.evidence), file.source_path());
        if let Destination::Tables(tables) = &mut self.target {
            tables.add_file(&FileRow::new(
                &report,
                (evidence, &source_path),
                file.origin(),
                self.checksums.name(),
            ))?;
        }
        self.totals.add(&report);
        self.observer.file_done(evidence, &source_path, &report);
        let status = report.status();
        // A file that an interruption left unread is not flawed.
        let piece = self.pieces.get_mut(file.evidence.index()).expect("each file is of a piece of evidence");
        *if status == Status::NotRead { &mut piece.left } else { &mut piece.reached } = true;
        if report.is_flawed() {
            if self.flawed.len() >= 2 * MOST_FLAWED {
                FlawedFile::keep_worst(&mut self.flawed);
            }
            self.flawed.push(FlawedFile::new(evidence, source_path, &report));
        }
        self.hosts.add_file(evidence, report);
        Ok(())
    }

    /// Ends the collection: adds the files that were not read, closes the tables, and writes the
    /// tables that are known only at the end, such as that of the hosts.
    /// `processes` are the processes of matches and their ancestors; `None` if they were not looked
    /// for.
    pub(super) fn finish(mut self, processes: Option<&Processes>) -> Result<SweepResults, SweepError> {
        while self.next_file < self.discovery.files.len() {
            self.close_file()?;
        }
        FlawedFile::keep_worst(&mut self.flawed);
        // Nothing is known about evidence that an interruption left unread, so it does not become a
        // host.
        for (piece, evidence) in self.pieces.iter().zip(&self.discovery.evidence) {
            if piece.left && !piece.reached {
                self.totals.evidence_not_reached += 1;
                self.hosts.forget_evidence(evidence);
            }
        }
        let rows = self.hosts.into_rows(&self.window);
        let lead_counts = self.detection_hits.iter().map(|hits| hits.leads).collect();
        let mut match_counts = Vec::with_capacity(self.detection_hits.len());
        let mut stats = Vec::new();
        for (hits, LoadedDetection { detection, .. }) in self.detection_hits.into_iter().zip(self.detections)
        {
            match_counts.push([hits.matches, hits.unique_matches, hits.recovered_matches]);
            stats.extend(hits.stats.map(|stats| (stats, detection.id.as_str())));
        }
        let containers = self.discovery.containers.iter();
        let containers: Vec<_> =
            containers.map(|found| (self.discovery.evidence_name(found.evidence), &found.report)).collect();
        if let Some(Processes { found, is_interrupted }) = processes {
            let is_found = |process: &&Process| process.status == ProcessStatus::Found;
            self.totals.processes = found.len() as u64;
            self.totals.processes_found = found.iter().filter(is_found).count() as u64;
            self.totals.processes_interrupted = *is_interrupted;
        }
        let processes = processes.map(|processes| processes.rows(self.discovery));
        let written = match self.target {
            Destination::Tables(tables) => {
                let last =
                    LastResults { hosts: &rows, containers: &containers, processes: processes.as_deref() };
                tables.finish(self.discovery, &last, stats.into_iter(), self.observer)
            }
            Destination::Each(_) | Destination::Nowhere => Ok(FinishedTables::default()),
        };
        self.observer.finished();
        let written = written?;
        self.totals.add_hosts(&rows);
        self.totals.excluded_leads = self.excluded.sum().leads;
        let Collector { totals, flawed, excluded, .. } = self;
        Ok(SweepResults { hosts: rows, totals, flawed, match_counts, lead_counts, excluded, written })
    }
}
