//! The entries of processes in a timeline: their starts and ends, read from `processes.parquet`
//! (`--context`).

use std::collections::BTreeMap;
use std::io;

use super::columns::{Copied, EntryCells, of_table};
use super::entry::{Entries, EntryKind, EntryTime, TimeKind, entry_time};
use super::{Reading, TimelineError};
use crate::event::Guid;
use crate::report::answer::host_key;
use crate::report::event_columns::PLACE;
use crate::report::process::{ProcessRow, ProcessStatus};
use crate::table::{Cell, Column, ColumnOf, Row, TableId};

/// The columns of `processes.parquet` that have a value although the event 1 (Sysmon's process
/// creation) of the process was not found.
const WITHOUT_START: [&str; 8] =
    ["computer", "process_guid", "depth", "status", "guid_time", "end_time", "copies", "conflicts"];
/// The columns of an entry that are about the event 1 (the creation) of a process and its record,
/// besides those of the record's place ([`PLACE`]). `processes.parquet` has no columns for the
/// event 5 (the end), so these columns are null in the entry of an end.
const OF_START: [&str; 4] = ["event_time", "utc_time", "event_record_id", "rule_name"];
/// How the event 1 of a child process describes a parent whose own event 1 was not found: pairs of
/// a column of the parent's entry, and the column of the child from which it is filled.
const BY_CHILD: [(&str, &str); 4] = [
    ("image", "parent_image"),
    ("command_line", "parent_command_line"),
    ("process_id", "parent_process_id"),
    ("user", "parent_user"),
];
/// How a match describes a process whose event 1 was not found: pairs of a column of the process's
/// entry, and the column of the match from which it is filled.
const BY_MATCH: [(&str, &str); 4] =
    [("image", "image"), ("process_name", "process_name"), ("process_id", "process_id"), ("user", "user")];

/// The number of processes whose event 1 (creation) was not found, for each status (the reason why
/// not), in the order of [`ProcessStatus::ALL`].
pub(super) type MissingStarts = [u64; ProcessStatus::ALL.len()];

/// Adds the entries for starts and ends of processes to `entries`. The ends of processes whose
/// start was not found are added to `orphans` instead. Returns how many starts were not found, by
/// the reason why not.
pub(super) fn read(
    reading: &Reading<'_>,
    entries: &mut Entries<'_>,
    orphans: &mut Orphans,
) -> Result<MissingStarts, TimelineError> {
    let mut missing = MissingStarts::default();
    let columns = ColumnOf::named(ProcessRow::COLUMNS, &WITHOUT_START);
    let copied = Copied::new(reading.columns, &columns);
    reading.rows(TableId::Processes, &columns, &mut |row| {
        let status = row.text("status").unwrap_or_default();
        let place = ProcessStatus::ALL.iter().position(|known| known.name() == status);
        if status == ProcessStatus::Found.name() || !is_wanted(entries, row) {
            return Ok(());
        }
        if let Some(count) = place.and_then(|place| missing.get_mut(place)) {
            *count += 1;
        }
        if row.time("end_time").is_some() {
            orphans.add(row.number(), copied.cells(row));
        }
        Ok(())
    })?;
    let columns: Vec<&Column> = of_table(ProcessRow::COLUMNS).collect();
    let copied = Copied::new(reading.columns, &columns);
    reading.rows(TableId::Processes, &columns, &mut |row| {
        let is_found = row.text("status").as_deref() == Some(ProcessStatus::Found.name());
        if !is_found || !is_wanted(entries, row) {
            return Ok(());
        }
        let mut start = copied.cells(row);
        orphans.name_by_child(&start);
        let end = row.time("end_time").map(|time| (time, TimeKind::UtcTime));
        if end.is_some() {
            entries.push(EntryKind::ProcessEnd, end, row.number(), end_of(start.clone()))?;
        }
        start.set("event_id", Cell::Integer(1));
        let time = entry_time(row.time("utc_time"), row.time("event_time"));
        entries.push(EntryKind::ProcessStart, time, row.number(), start)
    })?;
    Ok(missing)
}

fn is_wanted(entries: &Entries<'_>, row: &Row<'_>) -> bool {
    entries.is_wanted(&row.text("computer").unwrap_or_default())
}

/// Makes the cells of the entry for a process's end from those of the entry for its start.
fn end_of(mut cells: EntryCells) -> EntryCells {
    for column in OF_START.into_iter().chain(PLACE) {
        cells.set(column, Cell::Null);
    }
    cells.set("event_id", Cell::Integer(5));
    cells
}

/// Identifies a process: by its computer's name, as made by [`host_key`], and its GUID.
type ProcessKey = (String, Guid);

fn process_key(cells: &EntryCells, guid: &str) -> Option<ProcessKey> {
    let guid = Guid::parse(cells.text(guid)?)?;
    Some((host_key(cells.text("computer").unwrap_or_default()), guid))
}

/// The ends of processes whose event 5 (the end) was found and whose event 1 (the creation) was
/// not. They are kept in memory until the events of other processes and the matches were read,
/// because these say which programs the processes ran.
#[derive(Debug, Default)]
pub(super) struct Orphans(BTreeMap<ProcessKey, Orphan>);

/// The entry for the end of a process whose event 1 (creation) was not found.
#[derive(Debug)]
struct Orphan {
    /// The number of the process's row in `processes.parquet`.
    row: u64,
    cells: EntryCells,
}

impl Orphans {
    fn add(&mut self, row: u64, cells: EntryCells) {
        let key = process_key(&cells, "process_guid");
        self.0.extend(key.map(|key| (key, Orphan { row, cells: end_of(cells) })));
    }

    /// Fills in program, PID and account of the process that started `child`, from the event 1 of
    /// `child`. Does nothing if this collection (of processes whose event 1 was not found) does not
    /// have that process, or if another event already filled it in.
    fn name_by_child(&mut self, child: &EntryCells) {
        if !self.0.is_empty() {
            self.name(process_key(child, "parent_process_guid"), "child", &BY_CHILD, child);
        }
    }

    /// Fills in program, PID and account of the process that made the query of a match, from the
    /// match. Does nothing if this collection (of processes whose event 1 was not found) does not
    /// have that process, or if another event already filled it in.
    pub(super) fn name_by_match(&mut self, of_match: &EntryCells) {
        if !self.0.is_empty() {
            self.name(process_key(of_match, "process_guid"), "match", &BY_MATCH, of_match);
        }
    }

    fn name(&mut self, of: Option<ProcessKey>, from: &str, columns: &[(&str, &str)], source: &EntryCells) {
        let orphan = of.and_then(|key| self.0.get_mut(&key));
        let Some(Orphan { cells, .. }) = orphan.filter(|orphan| orphan.cells.text("known_from").is_none())
        else {
            return;
        };
        cells.set("known_from", Cell::text(from.to_owned()));
        for (column, of_source) in columns {
            cells.set(column, source.get(of_source).clone());
        }
    }

    /// Adds an entry for the end of each process in this collection (of processes whose event 1 was
    /// not found) to `entries`. Fails if a temporary file cannot be written.
    pub(super) fn finish(self, entries: &mut Entries<'_>) -> io::Result<()> {
        for Orphan { row, cells } in self.0.into_values() {
            let time: EntryTime = cells.time("end_time").map(|time| (time, TimeKind::UtcTime));
            entries.push(EntryKind::ProcessEnd, time, row, cells)?;
        }
        Ok(())
    }
}
