//! The entries of a timeline: collected in any order, and then sorted by time. Entries that do not
//! fit into memory are kept in temporary files.

use std::io;
use std::path::Path;

use super::columns::EntryCells;
use crate::base::external_sort::{ExternalSorter, SortedRecord, SortedRecords};
use crate::event::EventTime;
use crate::report::answer::is_host_named;
use crate::table::Cell;

/// What an entry of a timeline says that happened. Entries with the same time are sorted in the
/// order of [`EntryKind::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A process was created: Sysmon's event 1.
    ProcessStart,
    /// A lead: a query that Windows' own DNS client logged, for a name that a detection describes.
    Lead,
    /// A query that Windows' own DNS client logged and that would be a lead, but exclusions (a
    /// site's descriptions of harmless events) remove it from all detections.
    ExcludedLead,
    /// A match: a DNS query that a detection describes.
    Match,
    /// An event that would be a match, but exclusions (a site's descriptions of harmless events)
    /// remove it from all detections that describe it.
    ExcludedMatch,
    /// A process ended: Sysmon's event 5.
    ProcessEnd,
}

impl EntryKind {
    /// All kinds of entries. Entries with the same time are sorted in this order.
    pub const ALL: [EntryKind; 6] = [
        EntryKind::ProcessStart,
        EntryKind::Lead,
        EntryKind::ExcludedLead,
        EntryKind::Match,
        EntryKind::ExcludedMatch,
        EntryKind::ProcessEnd,
    ];

    /// Returns the words for the kind in the column `kind` of a timeline, such as `process start`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            EntryKind::ProcessStart => "process start",
            EntryKind::Lead => "lead",
            EntryKind::ExcludedLead => "excluded lead",
            EntryKind::Match => "match",
            EntryKind::ExcludedMatch => "excluded match",
            EntryKind::ProcessEnd => "process end",
        }
    }

    /// Returns the words for several entries of the kind, such as `process starts`.
    #[must_use]
    pub fn plural(self) -> &'static str {
        match self {
            EntryKind::ProcessStart => "process starts",
            EntryKind::Lead => "leads",
            EntryKind::ExcludedLead => "excluded leads",
            EntryKind::Match => "matches",
            EntryKind::ExcludedMatch => "excluded matches",
            EntryKind::ProcessEnd => "process ends",
        }
    }
}

/// Which of the two times of an event is the time of its entry in the timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeKind {
    /// The time of the entry is Sysmon's UtcTime: when the event happened.
    UtcTime,
    /// The time of the entry is the event's TimeCreated: when the event was logged.
    TimeCreated,
}

/// The time of an entry of a timeline, and which of the event's two times it is; `None` if neither
/// of the two can be read.
pub(super) type EntryTime = Option<(EventTime, TimeKind)>;

/// Returns the time of an entry: `utc_time` or, if that is not known, `time_created`.
pub(super) fn entry_time(utc_time: Option<EventTime>, time_created: Option<EventTime>) -> EntryTime {
    let utc_time = utc_time.map(|time| (time, TimeKind::UtcTime));
    utc_time.or(time_created.map(|time| (time, TimeKind::TimeCreated)))
}

/// The entries of a timeline while they are collected.
pub(super) struct Entries<'q> {
    sorter: ExternalSorter,
    /// The names, as the user typed them, of the hosts whose entries belong to the timeline; empty
    /// for all hosts.
    hosts: &'q [String],
    /// The number of entries of each kind, in the order of [`EntryKind::ALL`].
    pub counts: [u64; EntryKind::ALL.len()],
    /// The number of entries whose time cannot be read.
    pub without_time: u64,
    /// The number of characters of the longest name of a computer among the entries.
    pub longest_computer: usize,
}

impl<'q> Entries<'q> {
    /// Makes an empty collection of entries of the hosts named `hosts`; of all hosts if `hosts` is
    /// empty. Temporary files are written to `folder`.
    pub(super) fn new(hosts: &'q [String], folder: &Path) -> Self {
        let sorter = ExternalSorter::new(folder);
        Entries { sorter, hosts, counts: [0; _], without_time: 0, longest_computer: 0 }
    }

    /// Returns true if the entries of this computer belong to the timeline: if all hosts are
    /// wanted, or one of the wanted names means this computer.
    pub(super) fn is_wanted(&self, computer: &str) -> bool {
        self.hosts.is_empty() || self.hosts.iter().any(|wanted| is_host_named(wanted, computer))
    }

    /// Adds an entry with these cells, and sets its columns `kind`, `time` and `time_kind`. `row`
    /// is the number of the entry's first row in its table, by which entries with the same time and
    /// kind are sorted. Fails if a temporary file cannot be written.
    pub(super) fn push(
        &mut self,
        kind: EntryKind,
        time: EntryTime,
        row: u64,
        mut cells: EntryCells,
    ) -> io::Result<()> {
        cells.set("kind", Cell::text(kind.name()));
        cells.set("time", Cell::optional_time(time.map(|(time, _)| time)));
        let time_kind = time.map(|(_, kind)| match kind {
            TimeKind::UtcTime => "UtcTime",
            TimeKind::TimeCreated => "TimeCreated",
        });
        cells.set("time_kind", Cell::optional(time_kind));
        if let Cell::Text(computer) = cells.get("computer") {
            self.longest_computer = self.longest_computer.max(computer.chars().count());
        }
        self.without_time += u64::from(time.is_none());
        let rank = EntryKind::ALL.iter().position(|known| *known == kind).expect("ALL has each kind");
        *self.counts.get_mut(rank).expect("there is a count for each kind") += 1;
        // With the sign bit turned over, the order of the bytes is that of the numbers.
        let ticks = time.map_or(0, |(time, _)| time.ticks()) ^ i64::MIN;
        let mut key = vec![u8::from(time.is_none())];
        key.extend_from_slice(&ticks.to_be_bytes());
        key.push(u8::try_from(rank).expect("there are few kinds"));
        key.extend_from_slice(&row.to_be_bytes());
        let value = serde_json::to_vec(&cells.0).expect("cells can be written to memory");
        self.sorter.push(&key, &value)
    }

    /// Sorts the entries by time, by kind and by row. Fails if a temporary file cannot be written
    /// or read.
    pub(super) fn finish(self) -> io::Result<SortedEntries> {
        Ok(SortedEntries(self.sorter.finish()?))
    }
}

/// The entries of a timeline, in order of time. Entries without a time come last.
pub(super) struct SortedEntries(SortedRecords);

impl Iterator for SortedEntries {
    type Item = io::Result<EntryCells>;

    fn next(&mut self) -> Option<io::Result<EntryCells>> {
        let cells = |record: SortedRecord| serde_json::from_slice(record.value()).map(EntryCells);
        let decoded = |record| cells(record).expect("the cells were written by this process");
        Some(self.0.next()?.map(decoded))
    }
}
