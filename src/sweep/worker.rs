//! The work on one unit (a block of a file), done by any thread: reads and decodes the block, looks
//! for matches and for leads (queries of Windows' own DNS client that a detection describes), and
//! puts the results together.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::block_reader::BlockReader;
use super::context::{EncodedLinks, UnitLinks};
use super::decoded::{dns_client, selection};
use super::detector::Detector;
use super::entry::{Entry, entry, framed_entry};
use super::hits::{EventWithHits, HitTables, SeenEvents, UnitHits};
use super::journal::JournalReader;
use super::leaves_part::LeavesPart;
use super::parts::ForPart;
use super::queries::UnitQueries;
use super::unit::{Unit, UnitSource, key};
use super::unit_processes::{ProcessTaker, UnitProcesses};
use crate::base::ordered_hash::OrderedHash;
use crate::config::{Config, Queries};
use crate::error::SweepError;
use crate::evidence::discover::{Discovery, FileForm, LogFile, OpenLog};
use crate::evidence::source::OpenError;
use crate::ledger::damage::{Damage, Problem};
use crate::report::{FileReport, Header, Occurrence};
use crate::scan::{Block, BlockScan, LocatedEvent, Scanner};

/// A finished unit of work: everything that was found in a block of a file.
pub(super) struct FinishedUnit<'a> {
    /// The file that the unit's block is a part of.
    pub file: &'a LogFile,
    /// The position of the file among all files to read, in evidence order.
    pub number: usize,
    /// The block of the file that was read.
    pub block: Block,
    /// The account of the block: how many bytes and records it has, and which of them are damaged.
    pub part: FileReport,
    /// The block's events that detections describe, in file order. With `--queries`, also all other
    /// DNS queries of Sysmon.
    pub detected: Vec<EventWithHits<'a>>,
    /// The events from deleted records of the block that detections describe; with `--queries`,
    /// also all other DNS queries of Sysmon. Those that detections describe become matches only
    /// after all units were read, when it is known which of them are copies of events in records
    /// that were not deleted.
    pub recovered: Vec<EventWithHits<'a>>,
    /// The rows and counts for the events in `detected`. An error means a bug in dnsweep, or that
    /// the journal of the sweep that is being resumed, or a part that is being merged, is broken.
    pub hits: Result<UnitHits, SweepError>,
    /// The DNS queries of the unit (a block of a file), encoded for the table of all queries;
    /// `None` if no table of all queries is written.
    pub queries: Option<UnitQueries>,
    /// The unit's entry for the sweep's journal, from which the sweep can be resumed. `None` if no
    /// journal is kept, if the unit came from the journal, or if the block could not be read
    /// completely.
    pub entry: Option<Vec<u8>>,
    /// What the unit adds to the part: a file that a sweep writes, so that `dnsweep merge` can join
    /// its results with others. `None` if the sweep writes no part, or if nothing is read of the
    /// file.
    pub for_part: Option<ForPart>,
    /// The GUIDs in Sysmon's process events (a process was created, a process ended) of the block.
    pub links: UnitLinks,
    /// True if an interruption of the sweep kept the block from being read. The other fields then
    /// mean nothing, except for the file and the block.
    pub interrupted: bool,
}

/// Where a unit of work lies: a block of a file.
#[derive(Clone, Copy)]
pub(super) struct UnitPlace<'u> {
    pub file: &'u LogFile,
    /// The position of the file among all files to read, in evidence order.
    pub number: usize,
    pub block: Block,
}

/// The decoded events of a unit of work (a block of a file), from live and from deleted records.
#[derive(Default)]
struct Events {
    live: Vec<LocatedEvent>,
    recovered: Vec<LocatedEvent>,
}

/// Works on the units of a sweep, each a block of a file. All threads share one worker.
pub(super) struct Worker<'a> {
    config: &'a Config,
    discovery: &'a Discovery,
    pub detector: Detector<'a>,
    reader: BlockReader<'a>,
    /// Collects what is needed of Sysmon's process events (a process was created, a process ended).
    pub processes: ProcessTaker<'a>,
    /// Reads, from the sweep's journal, what an earlier, unfinished sweep has found; `None` if the
    /// sweep keeps no journal.
    journal: Option<JournalReader>,
    /// True if a table of all DNS queries is written.
    keeps_queries: bool,
    /// Whether the sweep writes a part (a file from which outputs are merged), and how it numbers
    /// the files.
    parts: LeavesPart<'a>,
    /// How far threads, instead of waiting, have unpacked files of archives ahead of time: the
    /// position, among all files, of the last file that a thread has unpacked or passed over.
    made_ready: AtomicUsize,
}

impl FinishedUnit<'_> {
    /// Copies the number of the block's matches to the account of the block (`part`).
    fn count(&mut self) {
        self.part.matches = self.hits.as_ref().map_or(0, |hits| hits.count);
    }
}

impl<'a> Worker<'a> {
    /// Makes the worker of a sweep. `tables` is `None` if no tables are written; the worker then
    /// makes no rows.
    pub(super) fn new(
        config: &'a Config,
        discovery: &'a Discovery,
        tables: Option<HitTables<'a>>,
        journal: Option<JournalReader>,
        parts: LeavesPart<'a>,
    ) -> Self {
        let processes = ProcessTaker::new(config, parts != LeavesPart::No, tables.is_some());
        let search = processes.search();
        let (selection, dns_client) = (selection(config), dns_client(config));
        let scanner = move || {
            let scanner = Scanner::new(&selection).with_dns_client(&dns_client).within(config.window);
            search.iter().fold(scanner, Scanner::with_processes)
        };
        Worker {
            processes,
            keeps_queries: tables.is_some() && config.options.queries == Queries::All,
            parts,
            config,
            discovery,
            detector: Detector::new(config, discovery, tables),
            reader: BlockReader::new(config, scanner),
            journal,
            made_ready: AtomicUsize::new(0),
        }
    }

    /// Works on a unit (a block of a file): reads and decodes its block, or takes its events from
    /// the journal of the sweep that is being resumed, or from a part that is being merged. Then
    /// looks for matches and for leads (queries of Windows' own DNS client that a detection
    /// describes) in the events.
    pub(super) fn work<'u>(&'u self, unit: Unit<'u>) -> FinishedUnit<'u> {
        let Unit { file, number, block, source } = unit;
        let place = UnitPlace { file, number, block };
        let known = match source {
            UnitSource::Evidence(chain) => {
                self.make_ready(file, number);
                return self.read(place, chain.as_deref());
            }
            UnitSource::Unchanged => {
                let part = FileReport { size: file.size, ..FileReport::default() };
                let links = UnitLinks::Noted(EncodedLinks::default());
                return FinishedUnit { links, ..self.done(place, part, Events::default()) };
            }
            UnitSource::Journal(at) => {
                let journal = self.journal.as_ref().expect("units of a journal come from one");
                let known = journal.read(&at).map_err(SweepError::from);
                known.map(|entry| (entry, self.processes.read(place)))
            }
            UnitSource::Part(entry) => {
                let known = entry.decode().map_err(SweepError::from);
                known.map(|known| (known, UnitProcesses { for_part: entry.processes, ..Default::default() }))
            }
        };
        match known {
            Ok((Entry { part, events, recovered }, processes)) => {
                let done = self.done(place, part, Events { live: events, recovered });
                self.with_processes(done, processes)
            }
            Err(error) => FinishedUnit {
                hits: Err(error),
                ..self.done(place, FileReport::default(), Events::default())
            },
        }
    }

    /// Adds `processes`, what was kept of the unit's process events, to the finished unit `done`.
    /// If the sweep writes a part (the file from which outputs are merged), also adds what the part
    /// gets of the unit.
    fn with_processes<'u>(&'u self, done: FinishedUnit<'u>, processes: UnitProcesses) -> FinishedUnit<'u> {
        let UnitProcesses { for_part: processes, links } = processes;
        let interrupted = done.interrupted || self.was_cut_short(done.file, processes.is_unread());
        let number = self.parts.number(done.number);
        let for_part = number.map(|file| ForPart { file, entry: entry(&done, file), processes });
        FinishedUnit { for_part, links, interrupted, ..done }
    }

    /// Unpacks a file that lies packed in an archive; `number` is its position among all files. If
    /// another thread is unpacking it, this thread unpacks files that come later, instead of
    /// waiting.
    ///
    /// Does nothing with `--readers`: a file is then unpacked when it is read, by a thread that has
    /// a permit to read.
    fn make_ready(&self, file: &LogFile, number: usize) {
        if self.reader.is_limited() {
            return;
        }
        file.make_ready(&mut || {
            self.made_ready.fetch_max(number, Ordering::Relaxed);
            loop {
                let next = self.made_ready.fetch_add(1, Ordering::Relaxed) + 1;
                match self.discovery.files.get(next) {
                    Some(next) if next.make_ready_ahead() => return true,
                    Some(_) => {}
                    None => return false,
                }
            }
        });
    }

    fn read<'u>(&'u self, place: UnitPlace<'u>, chain: Option<&OrderedHash>) -> FinishedUnit<'u> {
        let UnitPlace { file, block, .. } = place;
        let log = match file.open() {
            Ok(log) => log,
            Err(obstacle) => {
                // The file cannot get a hash any more, so its other blocks need not be kept for
                // hashing.
                hash(chain, block.start, None);
                let done = self.done(place, unreadable(file, block, &obstacle), Events::default());
                return self.with_processes(done, self.processes.read(place));
            }
        };
        let (mut sha256, mut is_whole) = (None, true);
        let see = |start: u64, bytes: Option<&[u8]>| {
            is_whole &= bytes.is_some();
            sha256 = sha256.take().or_else(|| hash(chain, start, bytes));
        };
        let mut scan = self.reader.scan((file, &log), block, see);
        let changed = log.has_changed();
        let processes = self.processes.take((place, &log), &mut scan, is_whole && !changed);
        let (mut part, events) = part(file, scan);
        (part.sha256, part.changed) = (sha256, changed);
        if block.start == 0 {
            container_problems(file, &log)
                .into_iter()
                .rev()
                .for_each(|problem| part.problems.put_first(problem));
        }
        let done = self.done(place, part, events);
        // A block that could not be read gets no entry, so that a resumed sweep tries to read it
        // again.
        let interrupted = self.was_interrupted(file, &done.part);
        let is_kept = self.journal.is_some() && !interrupted && !done.part.is_to_be_read_again();
        let entry = is_kept.then(|| framed_entry(&done, key(self.discovery, file)));
        self.with_processes(FinishedUnit { entry, interrupted, ..done }, processes)
    }

    /// Returns true if an interruption of the sweep may be the reason why a block could not be
    /// read: an interruption stops the unpacking of files in containers. `part` is the account of
    /// the block. A resumed sweep reads the block again, and finds out if it is damaged.
    fn was_interrupted(&self, file: &LogFile, part: &FileReport) -> bool {
        self.was_cut_short(file, part.is_to_be_read_again())
    }

    /// Returns true if an interruption of the sweep may be the reason why a part of a file is
    /// unread. `is_unread` says whether a part is unread; if not, returns false. Also returns false
    /// for a file that does not lie in a container: an interruption only stops the unpacking of
    /// files.
    fn was_cut_short(&self, file: &LogFile, is_unread: bool) -> bool {
        let interrupt = &self.config.unpacking.spool.interrupt;
        file.is_in_container() && is_unread && interrupt.load(Ordering::Relaxed)
    }

    fn done<'u>(&'u self, place: UnitPlace<'u>, part: FileReport, events: Events) -> FinishedUnit<'u> {
        let UnitPlace { file, number, block } = place;
        let detected = self.detector.detect(events.live);
        let recovered = self.detector.detect(events.recovered);
        let mut done = FinishedUnit {
            hits: self.detector.reduce(file, &detected).map_err(SweepError::from),
            queries: self.keeps_queries.then(|| UnitQueries::of(number, &detected, &recovered)),
            recovered,
            file,
            number,
            block,
            part,
            detected,
            entry: None,
            for_part: None,
            links: UnitLinks::default(),
            interrupted: false,
        };
        done.count();
        done
    }

    /// Marks which events of a unit (a block of a file) are copies of earlier events, which `seen`
    /// knows. Must be called in evidence order.
    ///
    /// If there are any copies, the unit's rows and counts are made again. Most units have no
    /// copies, so each thread makes the rows before it is known which events are copies.
    pub(super) fn mark_copies<'u>(
        &self,
        mut done: FinishedUnit<'u>,
        seen: &mut SeenEvents,
    ) -> FinishedUnit<'u> {
        if seen.mark_copies(&mut done.detected) {
            done.hits = self.detector.reduce(done.file, &done.detected).map_err(SweepError::from);
            done.count();
        }
        done
    }

    /// Calls `found` for each event from a deleted record that is not a copy of another event, with
    /// the position of the event's file among all files, and the event's rows and counts. Must be
    /// called after all units were read, because an event in a deleted record can be a copy of any
    /// other event.
    pub(super) fn recover(
        &self,
        recovered: Vec<(usize, EventWithHits<'_>)>,
        seen: &mut SeenEvents,
        mut found: impl FnMut(usize, &[EventWithHits<'_>], UnitHits) -> Result<(), SweepError>,
    ) -> Result<(), SweepError> {
        for (number, event) in recovered {
            if seen.is_new(&event) {
                let file = self.discovery.files.get(number).expect("events lie in files of the sweep");
                let events = [EventWithHits { occurrence: Occurrence::Recovered, ..event }];
                found(number, &events, self.detector.reduce(file, &events)?)?;
            }
        }
        Ok(())
    }
}

/// Adds bytes of a file to the file's hash, if evidence is hashed. `start` is the bytes' offset in
/// the file; `bytes` is `None` if they could not be read, and the file then gets no hash. Returns
/// the file's SHA-256 to the one caller that completes it, and otherwise `None`.
fn hash(chain: Option<&OrderedHash>, start: u64, bytes: Option<&[u8]>) -> Option<String> {
    chain.and_then(|chain| chain.add(start, bytes))
}

/// Returns what is wrong with a file in a container according to that container: for example, the
/// file's bytes do not have the checksum that the container states. Returns nothing for a file in a
/// folder.
fn container_problems(file: &LogFile, log: &OpenLog) -> Vec<Problem> {
    let whole = |what| Problem { offset: 0, length: file.size, damage: Damage::Container { what } };
    log.flaw().map(whole).into_iter().chain(file.problems().iter().cloned()).collect()
}

fn unreadable(file: &LogFile, block: Block, obstacle: &OpenError) -> FileReport {
    let changed = matches!(obstacle, OpenError::Replaced(_));
    let mut part = FileReport { size: file.size, changed, ..FileReport::default() };
    part.tally.extents.unread = block.length();
    let damage = Damage::Read { reason: obstacle.to_string() };
    part.problems.push(Problem { offset: block.start, length: block.length(), damage });
    part
}

fn part(file: &LogFile, scan: BlockScan) -> (FileReport, Events) {
    let promised_chunks = scan.header.as_ref().and_then(|header| header.promised_chunks);
    let counted_chunks =
        promised_chunks.filter(|_| scan.header.as_ref().is_some_and(|header| header.is_checked));
    let header = match scan.header {
        _ if file.form == FileForm::Carved => Header::Carved,
        None if matches!(file.form, FileForm::Xml(_)) && scan.bytes_read > 0 => Header::Xml,
        None => Header::Unread,
        Some(header) if !header.is_event_log => Header::Foreign,
        Some(header) if header.dirty => Header::Dirty,
        Some(_) => Header::Clean,
    };
    let part = FileReport {
        size: file.size,
        header,
        promised_chunks,
        counted_chunks,
        tally: scan.tally,
        problems: scan.problems,
        notes: scan.notes,
        chunks_end: scan.chunks_end,
        bytes_read: scan.bytes_read,
        signed_chunks: scan.signed_chunks,
        clock: scan.clock,
        ..FileReport::default()
    };
    let BlockScan { events: live, recovered, .. } = scan;
    (part, Events { live, recovered })
}
