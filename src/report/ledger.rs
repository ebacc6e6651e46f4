//! The rows of `files.parquet`, the ledger as people read it: for each file of the evidence what was
//! read, what was empty and what was damaged.

use super::renames::{Names, is_own_log};
use crate::ledger::clock::ClockStep;
use crate::ledger::damage::Problem;
use crate::ledger::file::{FileReport, Header, Status};
use crate::ledger::note::Note;
use crate::ledger::numbering::{Gap, Runs};
use crate::table::{Cell, Column, ColumnType, Scalar};

/// How many gaps of one file, or of one host, are listed.
pub(super) const MOST_GAPS: usize = 100;

/// The columns of `files.parquet`.
pub const FILES_COLUMNS: [Column; 42] = {
    use ColumnType::{Boolean, Integer, Records, Text, Texts, Time};
    [
        Column::always("evidence", Text, "the piece of evidence the file belongs to"),
        Column::always("source_path", Text, "the file, from its root"),
        Column::always("size", Integer, "its size in bytes"),
        Column::nullable(
            "sha256",
            Text,
            "with `--hash`, the SHA-256 of these bytes; null without, where they could not all be read, and where they changed meanwhile",
        ),
        Column::always(
            "status",
            Text,
            "`complete`, `damaged`, `not an event log`, `empty`, `unreadable`, `interrupted` (begun, and not read to its end), or `not read` (the sweep was interrupted before it came to it)",
        ),
        Column::always(
            "problems",
            Records(&[("offset", Scalar::Integer), ("length", Scalar::Integer), ("problem", Scalar::Text)]),
            "what is wrong with it: a range of bytes, what was expected there and what was found; the first thousand",
        ),
        Column::always(
            "notes",
            Records(&[("offset", Scalar::Integer), ("length", Scalar::Integer), ("note", Scalar::Text)]),
            "what is to be known of it and is no damage, so that it can be `complete`: deleted chunks, bytes after the last chunk; the first thousand",
        ),
        Column::always(
            "header_bytes",
            Integer,
            "bytes of its header, or of what lies in its place; of event XML, those of what may stand around or before events",
        ),
        Column::always(
            "good_bytes",
            Integer,
            "bytes of chunks with records and without a problem, but that some lie off their place; of event XML, of events",
        ),
        Column::always(
            "empty_bytes",
            Integer,
            "bytes of chunks without a record and without a problem; of event XML, of white space",
        ),
        Column::always(
            "damaged_bytes",
            Integer,
            "bytes of chunks with a problem, and of what is no chunk in the place of one; of event XML, of what is no event and of events with a problem",
        ),
        Column::always(
            "trailing_bytes",
            Integer,
            "bytes after the last chunk that do not begin as one, of a place that is not whole or that the header does not count",
        ),
        Column::always("other_bytes", Integer, "bytes of a carved file that belong to no chunk"),
        Column::always(
            "unread_bytes",
            Integer,
            "bytes that were not looked at: the file cannot be opened, changed before it was read, or the sweep was interrupted; with the six before, its size",
        ),
        Column::always("chunks", Integer, "places for a chunk of 64 KiB, one cut off at the end included"),
        Column::always("empty_chunks", Integer, "of these, those without a record"),
        Column::always("damaged_chunks", Integer, "of these, those with a problem"),
        Column::nullable(
            "checksums",
            Text,
            "which chunks' records were held to their checksum: `all` (with `--checksums`), or `decoded`: those of which a record was decoded, and those that are not in order; null for event XML",
        ),
        Column::always("records", Integer, "records that were read, each reached from the one before it"),
        Column::always(
            "refound_records",
            Integer,
            "records that were read behind bytes that are no record: readers that stop at damage do not see them",
        ),
        Column::always("damaged_records", Integer, "records that could not be decoded"),
        Column::always(
            "recovered_records",
            Integer,
            "deleted records that could be decoded (with `--recover`), counted nowhere else",
        ),
        Column::always("sysmon_records", Integer, "of both, those that Sysmon wrote"),
        Column::always("dns_queries", Integer, "of these, DNS queries (event 22)"),
        Column::always(
            "dns_queries_in_period",
            Integer,
            "of these, those whose TimeCreated lies in the period (`--since`, `--until`, `--last`); without a period, all",
        ),
        Column::nullable("dns_first_time", Time, "earliest TimeCreated of its DNS queries"),
        Column::nullable("dns_last_time", Time, "latest TimeCreated of its DNS queries"),
        Column::always("matches", Integer, "matches of all detections"),
        Column::always("computers", Texts, "the machines that its records name"),
        Column::nullable("first_time", Time, "earliest TimeCreated"),
        Column::nullable("last_time", Time, "latest TimeCreated"),
        Column::always("unreadable_times", Integer, "records whose TimeCreated cannot be read"),
        Column::nullable("first_record_id", Integer, "lowest EventRecordID"),
        Column::nullable("last_record_id", Integer, "highest EventRecordID"),
        Column::always("dirty", Boolean, "whether the log was in use when it was copied"),
        Column::always(
            "carved",
            Boolean,
            "whether it is no event log, but was looked through for chunks (with `--carve`)",
        ),
        Column::always("event_xml", Boolean, "whether it is no event log, but event XML; it has no chunks"),
        Column::always(
            "record_gaps",
            Records(&[
                ("computer", Scalar::Text),
                ("channel", Scalar::Text),
                ("after_record_id", Scalar::Integer),
                ("after_time", Scalar::Time),
                ("before_record_id", Scalar::Integer),
                ("before_time", Scalar::Time),
            ]),
            "EventRecordIDs that are missing between its lowest and highest of one channel and machine, whatever that was called meanwhile, and the events on both sides; the first hundred",
        ),
        Column::always(
            "record_gap_count",
            Integer,
            "how many such gaps it has; of more than two thousand in a channel, so many",
        ),
        Column::always(
            "renumbered",
            Boolean,
            "whether more than one in ten of its records have another number in their header than their EventRecordID, as in an export or a collector's log, where gaps are usual; also of event XML and carved files, which say nothing of it",
        ),
        Column::always(
            "clock_steps",
            Records(&[("offset", Scalar::Integer), ("from_time", Scalar::Time), ("to_time", Scalar::Time)]),
            "where the time in the header of a record is a minute or more before that of the record before it; the first hundred; a time from the year 9999 on is null",
        ),
        Column::always("clock_step_count", Integer, "how many such steps it has"),
    ]
};

impl FileReport {
    /// The file's row, in the order of [`FILES_COLUMNS`]. `checksums` says which were verified.
    #[must_use]
    pub fn cells<'a>(&'a self, evidence: &'a str, source_path: &'a str, checksums: &'a str) -> Vec<Cell<'a>> {
        let tally = &self.tally;
        let is_log = self.status() != Status::NotAnEventLog;
        let (gaps, gap_count) = gap_cells(self);
        let extents = self.extents();
        let computers: Vec<&str> = tally.computers.keys().map(String::as_str).collect();
        vec![
            Cell::text(evidence),
            Cell::text(source_path),
            Cell::count(self.size),
            Cell::optional(self.sha256.as_deref()),
            Cell::text(self.status().name()),
            Cell::Records(self.problems().iter().map(problem_cells).collect()),
            Cell::Records(self.notes.iter().map(|note| note_cells(&note)).collect()),
            Cell::count(extents.header),
            Cell::count(extents.good),
            Cell::count(extents.empty),
            Cell::count(extents.damaged),
            Cell::count(extents.trailing),
            Cell::count(extents.other),
            Cell::count(extents.unread),
            Cell::count(if is_log { tally.chunks } else { 0 }),
            Cell::count(if is_log { tally.empty_chunks } else { 0 }),
            Cell::count(if is_log { tally.damaged_chunks } else { 0 }),
            Cell::optional((self.header != Header::Xml).then_some(checksums)),
            Cell::count(tally.counts.records - tally.refound_records),
            Cell::count(tally.refound_records),
            Cell::count(tally.damaged_records),
            Cell::count(tally.recovered_records),
            Cell::count(tally.counts.sysmon_records),
            Cell::count(tally.counts.dns_queries),
            Cell::count(tally.counts.dns_queries_in_period),
            Cell::optional_time(tally.counts.dns_span.first),
            Cell::optional_time(tally.counts.dns_span.last),
            Cell::count(self.matches),
            Cell::Texts(computers.into_iter().map(Into::into).collect()),
            Cell::optional_time(tally.counts.span.first),
            Cell::optional_time(tally.counts.span.last),
            Cell::count(tally.counts.unreadable_times),
            Cell::optional_count(tally.record_ids.first),
            Cell::optional_count(tally.record_ids.last),
            Cell::Boolean(self.header == Header::Dirty),
            Cell::Boolean(self.header == Header::Carved),
            Cell::Boolean(self.header == Header::Xml),
            Cell::Records(gaps),
            Cell::count(gap_count),
            Cell::Boolean(!is_own_log(self)),
            Cell::Records(self.clock.steps().iter().map(step_cells).collect()),
            Cell::count(self.clock.step_count()),
        ]
    }
}

/// The first gaps of all logs, in their order, and how many there are.
fn gap_cells(file: &FileReport) -> (Vec<Vec<Cell<'_>>>, u64) {
    let gaps_of = |computer, channel, runs: &Runs| -> Vec<Vec<Cell<'_>>> {
        let cells =
            |gap| [Cell::text(computer), Cell::text(channel)].into_iter().chain(gap_sides(&gap)).collect();
        runs.gaps().take(MOST_GAPS).map(cells).collect()
    };
    let (mut cells, mut count) = (Vec::new(), 0);
    let mut add = |computer, channel, runs: &Runs| {
        count += runs.gap_count();
        if cells.len() < MOST_GAPS {
            cells.extend(gaps_of(computer, channel, runs));
        }
    };
    match Names::of(file).joined_logs(file) {
        Some(logs) => logs.iter().for_each(|(computer, channel, runs)| add(*computer, *channel, runs)),
        None => file.tally.logs.iter().for_each(|(computer, channel, runs)| add(computer, channel, runs)),
    }
    cells.truncate(MOST_GAPS);
    (cells, count)
}

/// The events on both sides of a gap.
pub(super) fn gap_sides(gap: &Gap) -> [Cell<'static>; 4] {
    [
        Cell::count(gap.after),
        Cell::optional_time(gap.after_time),
        Cell::count(gap.before),
        Cell::optional_time(gap.before_time),
    ]
}

fn step_cells(step: &ClockStep) -> Vec<Cell<'static>> {
    vec![Cell::count(step.offset), Cell::optional_time(step.from), Cell::optional_time(step.to)]
}

fn note_cells(note: &Note) -> Vec<Cell<'static>> {
    vec![Cell::count(note.offset), Cell::count(note.length), Cell::text(note.remark.to_string())]
}

fn problem_cells(problem: &Problem) -> Vec<Cell<'static>> {
    vec![Cell::count(problem.offset), Cell::count(problem.length), Cell::text(problem.damage.to_string())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_cell_for_every_column() {
        for file in [FileReport::default(), FileReport { header: Header::Carved, ..FileReport::default() }] {
            assert_eq!(file.cells("", "", "").len(), FILES_COLUMNS.len());
        }
    }
}
