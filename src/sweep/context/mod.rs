//! Process context (`--context`): which processes made the matching queries, and which started
//! them.
//!
//! While the evidence is read, the GUIDs in Sysmon's process events (event 1, a process was
//! created; event 5, a process ended) are noted: that of each process and of its parent. Once all
//! matches are known, these GUIDs show which events are needed: those of the processes in matches,
//! and of up to 16 ancestors of each. Then the chunks that contain these events are read again.
//!
//! Only the GUIDs in the logs of computers with matches are looked through. If process events of
//! such a log could not be noted, because they must be decoded or the log was not read whole, their
//! blocks are read again first. What is found does not depend on that, or on the order of reading.
//!
//! A sweep that writes a part (a file that is merged with others) cannot know which computers have
//! matches in other parts. It puts all process events of its logs into the part, and a merge reads
//! the parts in place of the logs.
//!
//! In order: `first_reading` collects notes (`watched`: matches and files; `links`: GUIDs) while
//! the evidence is read. Then `search` reads events at the places in these notes (`source`: from
//! logs or parts; `pass`: from logs), `creations` puts them together for each process, and
//! `ancestry` finds ancestors. [`Process`] and `creations` declare what is kept of a process;
//! `report::process` has its row.

mod ancestry;
mod creations;
mod first_reading;
mod links;
mod pass;
mod search;
mod source;
mod watched;

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use self::ancestry::ancestors;
use self::creations::{Account, Creation, Creations, Known};
pub(super) use self::first_reading::UnitLinks;
pub(super) use self::links::{EncodedLinks, LinkSpool, ProcessPlace};
use self::links::{LinkSearch, needed};
pub(super) use self::pass::scan_for_processes;
pub(super) use self::search::{ContextSearch, ProcessesFrom};
pub(super) use self::source::ProcessSource;
use self::watched::{ComputerNumber, Watched, WatchedComputer};
use crate::config::{Config, Recovery};
use crate::error::SweepError;
use crate::event::{EventTime, Guid};
use crate::evidence::discover::Discovery;
use crate::report::{CreationPlace, ProcessRow, ProcessStatus};
use crate::scan::ProcessSearch;

/// A process that made a matching DNS query, or an ancestor of a process that did.
pub(super) struct Process {
    /// The name of the computer that the process ran on.
    pub computer: String,
    pub guid: Guid,
    /// The smallest number of steps, from child to parent, that lead from the process of a match to
    /// this ancestor; 0 for the process of a match.
    pub depth: u32,
    /// Whether Sysmon's event 1 (a process was created) of the process was found, or why not.
    pub status: ProcessStatus,
    /// Sysmon's event 1 (a process was created) of the process; `None` if it was not found.
    pub creation: Option<Creation>,
    /// The time of Sysmon's event 5 (a process ended) of the process; `None` if none was found.
    pub end: Option<EventTime>,
    /// The number of copies of the event in `creation`: other records with the same content.
    pub copies: u64,
    /// The number of further events 1 (a process was created) with the same computer and GUID that
    /// differ in content from the event in `creation`.
    pub conflicts: u64,
}

/// The processes of a sweep's matches and their ancestors.
#[derive(Default)]
pub(super) struct Processes {
    /// The processes, sorted by computer without regard to letter case, and then by GUID.
    pub found: Vec<Process>,
    /// True if an interruption kept logs from being read again for these processes, so that the
    /// events of some processes can be missing.
    pub is_interrupted: bool,
}

impl Processes {
    /// Returns the rows of the table of processes. `discovery` lists all files of the sweep.
    pub(super) fn rows<'p>(&'p self, discovery: &'p Discovery) -> Vec<ProcessRow<'p>> {
        let place = |creation: &'p Creation| {
            let file = discovery.files.get(creation.number).expect("events lie in files of the sweep");
            CreationPlace {
                event: &creation.located.event,
                chunk_number: creation.located.location.chunk_number,
                record_offset: creation.located.location.record_offset,
                integrity: creation.located.integrity,
                hash: creation.hash,
                evidence: discovery.evidence_name(file.evidence),
                source_path: file.source_path().into(),
                origin: file.origin(),
            }
        };
        let row = |process: &'p Process| ProcessRow {
            computer: &process.computer,
            guid: process.guid,
            depth: process.depth,
            status: process.status,
            creation: process.creation.as_ref().map(place),
            end: process.end,
            copies: process.copies,
            conflicts: process.conflicts,
        };
        self.found.iter().map(row).collect()
    }
}

/// Returns the files to search for processes, by their positions among all files of the sweep:
/// those with records of the computers that have matches. If deleted records are searched for, all
/// other files of the same pieces of evidence (usually all that was collected from one machine) are
/// added: a log that was cleared has no record that names its computer.
fn files_to_read(config: &Config, watched: &Watched, discovery: &Discovery) -> Vec<usize> {
    let mut files = watched.files();
    if config.options.recovery == Recovery::Stale {
        let piece = |file: usize| discovery.files.get(file).expect("noted files are of the sweep").evidence;
        let pieces: HashSet<_> = files.iter().map(|file| piece(*file)).collect();
        files.extend((0..discovery.files.len()).filter(|file| pieces.contains(&piece(*file))));
    }
    files.into_iter().collect()
}

/// Finds the processes of the matches that `watched` noted, and their ancestors, in the files of
/// `search`. `links` has the GUIDs of process events that the first reading noted; `source` reads
/// those that it did not note, and the needed events.
fn processes(
    watched: &Watched,
    links: &mut LinkSpool,
    search: &LinkSearch<'_>,
    source: &mut dyn ProcessSource,
) -> Result<Processes, SweepError> {
    if watched.seeds().next().is_none() {
        return Ok(Processes::default());
    }
    source.read_links(links)?;
    let (needed, places) = needed(links, search, watched.seeds().map(|(_, guid)| guid))?;
    let mut known = Creations::default();
    let is_watched = |computer: &str| watched.number(computer).filter(|number| watched.has_seeds(*number));
    let wanted = ProcessSearch::Of(Arc::new(needed.into_iter().collect()));
    source
        .read_events(&wanted, &places, &mut |file, events| known.add((file, events), &wanted, is_watched))?;
    Ok(Processes { found: rows(watched, known, source), is_interrupted: source.is_interrupted() })
}

/// Whether the files with records of one computer may have had events that the sweep could not
/// read. This decides why the event of a process counts as missing.
#[derive(Clone, Copy, Default)]
struct Blind {
    /// True if any file with records of the computer could not be read whole.
    unread: bool,
    /// True if anything is damaged in any file with records of the computer.
    damaged: bool,
}

/// Makes the list of processes: each process of a match, and its ancestors as far as the found
/// events `known` name them. The list is sorted by computer and GUID. `source` says which files
/// could not be read whole, which can be the reason why an event was not found.
fn rows(watched: &Watched, mut known: Creations, source: &dyn ProcessSource) -> Vec<Process> {
    let parent = |(computer, guid): &(ComputerNumber, Guid)| {
        let parent = known.get(*computer, *guid).and_then(Known::parent);
        parent.map(|parent| (*computer, parent)).into_iter().collect()
    };
    let depths: BTreeMap<(ComputerNumber, Guid), u32> = ancestors(watched.seeds().collect(), parent);
    let mut blind: BTreeMap<ComputerNumber, Blind> = BTreeMap::new();
    for (computer, file, damaged) in watched.files_of_matches() {
        let blind = blind.entry(computer).or_default();
        blind.unread |= source.has_not_read(file);
        blind.damaged |= damaged;
    }
    let row = |((number, guid), depth)| {
        let computer = watched.computer(number);
        let Account { creation, copies, conflicts, end } =
            known.take(number, guid).unwrap_or_default().settle();
        let blind = blind.get(&number).copied().unwrap_or_default();
        let status = match &creation {
            Some(_) => ProcessStatus::Found,
            None => missing(computer, guid, blind),
        };
        Process { computer: computer.name.clone(), guid, depth, status, creation, end, copies, conflicts }
    };
    let mut rows: Vec<Process> = depths.into_iter().map(row).collect();
    rows.sort_by_cached_key(|process| (process.computer.to_lowercase(), process.guid));
    rows
}

/// Returns why Sysmon's event 1 (a process was created) of a process was not found. `blind` says
/// what could not be read of the computer's files.
fn missing(computer: &WatchedComputer, guid: Guid, blind: Blind) -> ProcessStatus {
    let is_before = |first: EventTime| guid.start_time().is_some_and(|start| starts_before(start, first));
    if blind.unread {
        ProcessStatus::NotRead
    } else if computer.first_record.is_some_and(is_before) {
        ProcessStatus::LogBeginsLater
    } else if blind.damaged {
        ProcessStatus::Damaged
    } else {
        ProcessStatus::NotLogged
    }
}

/// Returns true if a process certainly started before `first`, the time of the first record that
/// Sysmon logged on its computer. `start` is the start in whole seconds that the process's GUID
/// states. It can be a second too early.
fn starts_before(start: EventTime, first: EventTime) -> bool {
    const SECOND: i64 = 10_000_000;
    start.ticks().div_euclid(SECOND) + 1 < first.ticks().div_euclid(SECOND)
}
