//! The entries of matches and leads (queries of Windows' own DNS client that a detection describes)
//! in a timeline: one for each event, even if several detections describe it.

use std::borrow::Cow;
use std::io;

use super::columns::{Copied, EntryCells};
use super::entry::{Entries, EntryKind, entry_time};
use super::processes::Orphans;
use super::{Reading, TimelineError};
use crate::table::{Cell, Column, Row, TableId};

/// Those columns of the table of matches or leads that contain a list of patterns: the patterns of
/// the row's detection that the event satisfies.
const PATTERNS: [&str; 4] = ["matched_query", "matched_query_on_label", "matched_process", "matched_answer"];

/// A table of events that detections describe: that of matches, or that of leads (queries of
/// Windows' own DNS client that a detection describes).
#[derive(Debug, Clone, Copy)]
pub(super) struct EventTable<'t> {
    pub id: TableId<'static>,
    pub columns: &'t [&'t Column],
    /// The kind of the entries of this table's events, and their kind if exclusions remove the
    /// event from all detections.
    pub kinds: [EntryKind; 2],
}

/// A match or lead whose rows in its table, one for each detection, are being read.
struct Current {
    /// The number of the event's first row in its table.
    row: u64,
    cells: EntryCells,
    detections: Vec<Described>,
}

/// What a row of the table of matches or leads says of the detection that describes its event.
struct Described {
    /// What the row adds to the column `detections` of the timeline: the detection's ID, name and
    /// version, and the exclusion, if any, that removes the event from the detection's matches.
    record: Vec<Cell<'static>>,
    is_excluded: bool,
    risk_score: Option<i64>,
    risk_message: Option<Cow<'static, str>>,
    /// The lists in the row's columns [`PATTERNS`], in that order: the patterns of the detection
    /// that the event satisfies.
    patterns: [Vec<Cow<'static, str>>; PATTERNS.len()],
}

/// Adds an entry to `entries` for each event of the table of matches or leads. The first match of a
/// process in `orphans` (a process whose end was found, but not its start) gives the program of
/// that process. Returns the number of rows that are left out because their event is a copy of an
/// earlier one.
pub(super) fn read(
    reading: &Reading<'_>,
    table: EventTable<'_>,
    entries: &mut Entries<'_>,
    orphans: &mut Orphans,
) -> Result<u64, TimelineError> {
    let origins = Copied::new(reading.columns, table.columns);
    let (mut copies, mut current) = (0, None::<Current>);
    reading.rows(table.id, table.columns, &mut |row| {
        if !entries.is_wanted(&row.text("computer").unwrap_or_default()) {
            return Ok(());
        }
        if row.is("duplicate") {
            copies += 1;
            return Ok(());
        }
        if let Some(known) = current.as_mut().filter(|known| known.has(row)) {
            known.detections.push(Described::of(row, table));
            return Ok(());
        }
        if let Some(known) = current.take() {
            known.end(table, entries, orphans)?;
        }
        let cells = origins.cells(row);
        current = Some(Current { row: row.number(), cells, detections: vec![Described::of(row, table)] });
        Ok(())
    })?;
    if let Some(known) = current {
        known.end(table, entries, orphans).map_err(TimelineError::Sort)?;
    }
    Ok(copies)
}

impl Current {
    /// Returns true if `row` is a row of this match or lead. The rows of an event, one for each
    /// detection, are adjacent in the table.
    fn has(&self, row: &Row<'_>) -> bool {
        ["record_offset", "source_path", "evidence", "event_hash"]
            .iter()
            .all(|column| *self.cells.get(column) == row.cell(*column))
    }

    /// Adds the entry of the event. All rows of the event must have been read. If the event is a
    /// match of a process in `orphans`, the match gives the program of that process.
    fn end(self, table: EventTable<'_>, entries: &mut Entries<'_>, orphans: &mut Orphans) -> io::Result<()> {
        let Current { row, mut cells, detections } = self;
        let [kind, excluded] = table.kinds;
        let is_excluded = detections.iter().all(|known| known.is_excluded);
        let kind = if is_excluded { excluded } else { kind };
        // What excluded detections say counts only if there are no others.
        let counted = || detections.iter().filter(|known| is_excluded || !known.is_excluded);
        let score = counted().filter_map(|known| known.risk_score).max();
        cells.set("risk_score", Cell::optional_integer(score));
        let messages = distinct(counted().filter_map(|known| known.risk_message.as_ref()));
        cells.set("risk_messages", Cell::Texts(messages));
        for (place, column) in PATTERNS.iter().enumerate() {
            let lists = counted().filter_map(|known| known.patterns.get(place));
            cells.set(column, Cell::Texts(distinct(lists.flatten())));
        }
        if kind == EntryKind::Match {
            orphans.name_by_match(&cells);
        }
        let time = entry_time(cells.time("utc_time"), cells.time("event_time"));
        cells.set("detections", Cell::Records(detections.into_iter().map(|known| known.record).collect()));
        entries.push(kind, time, row, cells)
    }
}

impl Described {
    fn of(row: &Row<'_>, table: EventTable<'_>) -> Self {
        let has = |name: &str| table.columns.iter().any(|column| column.name == name);
        let cell = |name| if has(name) { row.cell(name).into_owned() } else { Cell::Null };
        let text = |name| if let Cell::Text(text) = cell(name) { Some(text) } else { None };
        let texts = |name| if let Cell::Texts(texts) = cell(name) { texts } else { Vec::new() };
        Described {
            record: ["detection_id", "detection_name", "detection_version", "excluded_by"].map(cell).to_vec(),
            is_excluded: cell("excluded_by") != Cell::Null,
            risk_score: if has("risk_score") { row.integer("risk_score") } else { None },
            risk_message: text("risk_message"),
            patterns: PATTERNS.map(texts),
        }
    }
}

/// Returns the distinct texts, in the order in which each comes first.
fn distinct<'t>(texts: impl Iterator<Item = &'t Cow<'static, str>>) -> Vec<Cow<'static, str>> {
    let mut known: Vec<Cow<'static, str>> = Vec::new();
    for text in texts {
        if !known.contains(text) {
            known.push(text.clone());
        }
    }
    known
}
