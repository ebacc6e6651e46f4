//! The rows and columns of `files.parquet`, the ledger: for each file of the evidence, how many of
//! its bytes were read, empty or damaged, and what its records are.

use super::file_logs::{HOST_FIELDS, RUN_FIELDS, hosts_cell, run_count, runs_cell};
use super::renames::{MachineNames, is_own_log};
use crate::ledger::clock::ClockStep;
use crate::ledger::container::Origin;
use crate::ledger::damage::Problem;
use crate::ledger::file::{FileReport, Header, Status};
use crate::ledger::note::Note;
use crate::ledger::record_ids::{Gap, IdRuns};
use crate::ledger::tally::Extents;
use crate::table::{Cell, ColumnOf, ColumnType, Scalar, cells};

/// The maximum number of gaps in EventRecordIDs that one row of `files.parquet` or `hosts.parquet`
/// lists. Further gaps are only counted.
pub(super) const MOST_GAPS: usize = 100;

/// A row of `files.parquet`: a file of the evidence, with what its columns need.
#[derive(Debug)]
pub struct FileRow<'a> {
    evidence: &'a str,
    source_path: &'a str,
    origin: &'a Origin,
    /// The value of the column `checksums`: `all` if the records of all chunks were compared with
    /// their checksum; `decoded` if only those of chunks in which a record was decoded, and of
    /// chunks with a problem.
    checksums: &'a str,
    file: &'a FileReport,
    extents: Extents,
    /// The first [`MOST_GAPS`] gaps in EventRecordIDs, log by log, each with the log's computer and
    /// channel.
    gaps: Vec<(&'a str, &'a str, Gap)>,
    /// The number of all gaps in EventRecordIDs, including those that `gaps` does not list.
    gap_count: u64,
}

impl<'a> FileRow<'a> {
    /// The columns of `files.parquet`.
    pub const COLUMNS: &'a [ColumnOf<Self>] = {
        use ColumnType::{Boolean, Integer, Records, Text, Texts, Time};
        &[
            ColumnOf::always(
                "evidence",
                Text,
                "name of the piece of evidence that contains the file",
                |row| Cell::text(row.evidence),
            ),
            ColumnOf::always("source_path", Text, "path of the file from its root", |row| {
                Cell::text(row.source_path)
            }),
            ColumnOf::nullable(
                "original_path",
                Text,
                "path of the file on its host, as the volume that contains it or the names in an archive state it; null for a file in a folder",
                |row| Cell::optional(row.origin.original_path.as_deref()),
            ),
            ColumnOf::nullable(
                "snapshot_time",
                Time,
                "time at which the shadow copy was made that the file, or the archive or image that contains it, comes from; null for any other file",
                |row| Cell::optional_time(row.origin.snapshot_time),
            ),
            ColumnOf::always(
                "deleted_file",
                Boolean,
                "true if the file, or the archive or image that contains it, was deleted in its volume, and is read from where its bytes still lie",
                |row| Cell::Boolean(row.origin.deleted),
            ),
            ColumnOf::always("size", Integer, "size of the file in bytes", |row| Cell::count(row.file.size)),
            ColumnOf::nullable(
                "sha256",
                Text,
                "SHA-256 of the file, with `--hash`; null without `--hash`, if not all of the file could be read, if it changed while it was read, or if its status is `unchanged`",
                |row| Cell::optional(row.file.sha256.as_deref()),
            ),
            ColumnOf::always(
                "status",
                Text,
                "`complete`, `damaged`, `not an event log`, `empty`, `unreadable`, `interrupted` (the sweep was interrupted while it read the file), `not read` (the sweep was interrupted before it began to read the file), or `unchanged` (a log of a shadow copy that has the same bytes in the next newer state of its volume, and is read there; `notes` names it)",
                |row| Cell::text(row.file.status().name()),
            ),
            ColumnOf::always(
                "problems",
                Records(&[
                    ("offset", Scalar::Integer),
                    ("length", Scalar::Integer),
                    ("problem", Scalar::Text),
                ]),
                "what is wrong with the file: for each problem a range of bytes, what was expected there and what was found; at most a thousand",
                |row| Cell::Records(row.file.problems().iter().map(problem_cells).collect()),
            ),
            ColumnOf::always(
                "notes",
                Records(&[("offset", Scalar::Integer), ("length", Scalar::Integer), ("note", Scalar::Text)]),
                "what is good to know about the file and is no damage, such as deleted chunks or bytes after the last chunk; at most a thousand",
                |row| Cell::Records(row.file.notes.iter().map(|note| note_cells(&note)).collect()),
            ),
            ColumnOf::always(
                "header_bytes",
                Integer,
                "number of bytes of the file header, or of what is in its place; in event XML, of what may be around or before events",
                |row| Cell::count(row.extents.header),
            ),
            ColumnOf::always(
                "good_bytes",
                Integer,
                "number of bytes of chunks with records and without a problem, or whose only problem is that they are misaligned; in event XML, of events",
                |row| Cell::count(row.extents.good),
            ),
            ColumnOf::always(
                "empty_bytes",
                Integer,
                "number of bytes of chunks without a record and without a problem; in event XML, of white space",
                |row| Cell::count(row.extents.empty),
            ),
            ColumnOf::always(
                "damaged_bytes",
                Integer,
                "number of bytes of chunks with a problem, and of other content where a chunk is expected; in event XML, of events with a problem and of anything else",
                |row| Cell::count(row.extents.damaged),
            ),
            ColumnOf::always(
                "trailing_bytes",
                Integer,
                "number of bytes after the last chunk that do not begin like a chunk: part of a chunk, or space that the file header does not count",
                |row| Cell::count(row.extents.trailing),
            ),
            ColumnOf::always(
                "other_bytes",
                Integer,
                "number of bytes of a carved file that belong to no chunk",
                |row| Cell::count(row.extents.other),
            ),
            ColumnOf::always(
                "unchanged_bytes",
                Integer,
                "number of bytes of a log with the status `unchanged`; no other column counts them, and those of its records are 0",
                |row| Cell::count(row.extents.unchanged),
            ),
            ColumnOf::always(
                "unread_bytes",
                Integer,
                "number of bytes that were not read: the file could not be opened, changed before it was read, or the sweep was interrupted; the sum of this column and the seven before is `size`",
                |row| Cell::count(row.extents.unread),
            ),
            ColumnOf::always(
                "chunks",
                Integer,
                "number of places for chunks of 64 KiB, including one that is cut off at the end",
                |row| Cell::count(row.of_log(row.file.tally.chunks)),
            ),
            ColumnOf::always("empty_chunks", Integer, "number of chunks without a record", |row| {
                Cell::count(row.of_log(row.file.tally.empty_chunks))
            }),
            ColumnOf::always("damaged_chunks", Integer, "number of chunks with a problem", |row| {
                Cell::count(row.of_log(row.file.tally.damaged_chunks))
            }),
            ColumnOf::nullable(
                "checksums",
                Text,
                "which chunks' records were verified against their checksum: `all` (with `--checksums`), or `decoded`: those of chunks in which a record was decoded, and of chunks with a problem; null for event XML",
                |row| Cell::optional((row.file.header != Header::Xml).then_some(row.checksums)),
            ),
            ColumnOf::always(
                "records",
                Integer,
                "number of records that were read, each directly after the one before it",
                |row| Cell::count(row.file.tally.counts.records - row.file.tally.refound_records),
            ),
            ColumnOf::always(
                "refound_records",
                Integer,
                "number of records that were read after bytes of their chunk that are no record: readers that stop at damage miss them",
                |row| Cell::count(row.file.tally.refound_records),
            ),
            ColumnOf::always(
                "damaged_records",
                Integer,
                "number of records that could not be decoded",
                |row| Cell::count(row.file.tally.damaged_records),
            ),
            ColumnOf::always(
                "recovered_records",
                Integer,
                "number of deleted records that could be decoded (with `--recover`); no other column counts them",
                |row| Cell::count(row.file.tally.recovered_records),
            ),
            ColumnOf::always(
                "sysmon_records",
                Integer,
                "number of records and refound records that Sysmon wrote",
                |row| Cell::count(row.file.tally.counts.sysmon_records),
            ),
            ColumnOf::always("dns_queries", Integer, "number of Sysmon's DNS queries (event 22)", |row| {
                Cell::count(row.file.tally.counts.dns_queries)
            }),
            ColumnOf::always(
                "dns_queries_in_period",
                Integer,
                "number of DNS queries whose TimeCreated lies in the period (`--since`, `--until`, `--last`); all DNS queries if there is no period",
                |row| Cell::count(row.file.tally.counts.dns_queries_in_period),
            ),
            ColumnOf::nullable(
                "dns_first_time",
                Time,
                "earliest TimeCreated of the file's DNS queries",
                |row| Cell::optional_time(row.file.tally.counts.dns_span.first),
            ),
            ColumnOf::nullable(
                "dns_last_time",
                Time,
                "latest TimeCreated of the file's DNS queries",
                |row| Cell::optional_time(row.file.tally.counts.dns_span.last),
            ),
            ColumnOf::always(
                "matches",
                Integer,
                "number of matches: events that at least one detection describes, including copies of an event",
                |row| Cell::count(row.file.matches),
            ),
            ColumnOf::always(
                "computers",
                Texts,
                "names of the machines (Computers) in the file's records",
                |row| Cell::Texts(row.file.tally.computers.keys().map(|name| name.as_str().into()).collect()),
            ),
            ColumnOf::always(
                "hosts",
                Records(HOST_FIELDS),
                "for each machine (Computer) that the records name, by name: the number of its `records` and refound records, how many of them Sysmon wrote, how many are DNS queries, and from when to when; if these are more than a mebibyte, only those with the most records",
                |row| hosts_cell(&row.file.tally),
            ),
            ColumnOf::nullable("first_time", Time, "earliest TimeCreated of the file's records", |row| {
                Cell::optional_time(row.file.tally.counts.span.first)
            }),
            ColumnOf::nullable("last_time", Time, "latest TimeCreated of the file's records", |row| {
                Cell::optional_time(row.file.tally.counts.span.last)
            }),
            ColumnOf::always(
                "unreadable_times",
                Integer,
                "number of records whose TimeCreated cannot be read",
                |row| Cell::count(row.file.tally.counts.unreadable_times),
            ),
            ColumnOf::nullable(
                "first_record_id",
                Integer,
                "lowest EventRecordID of the file's records",
                |row| Cell::optional_count(row.file.tally.record_ids.first),
            ),
            ColumnOf::nullable(
                "last_record_id",
                Integer,
                "highest EventRecordID of the file's records",
                |row| Cell::optional_count(row.file.tally.record_ids.last),
            ),
            ColumnOf::always(
                "record_runs",
                Records(RUN_FIELDS),
                "runs of consecutive EventRecordIDs of each channel and machine, by computer, channel and number: the lowest and the highest number of each run, and TimeCreated of their events; if these are more than a mebibyte, only the first runs of each channel and machine",
                |row| runs_cell(&row.file.tally.logs),
            ),
            ColumnOf::always(
                "record_run_count",
                Integer,
                "number of these runs, including those that are not listed; at most about two thousand are counted in a channel",
                |row| Cell::count(run_count(&row.file.tally.logs)),
            ),
            ColumnOf::always("dirty", Boolean, "true if the log was in use when it was copied", |row| {
                Cell::Boolean(row.file.header == Header::Dirty)
            }),
            ColumnOf::always(
                "carved",
                Boolean,
                "true if the file is no event log, but was searched for chunks (with `--carve`)",
                |row| Cell::Boolean(row.file.header == Header::Carved),
            ),
            ColumnOf::always(
                "event_xml",
                Boolean,
                "true if the file is event XML, which has no chunks",
                |row| Cell::Boolean(row.file.header == Header::Xml),
            ),
            ColumnOf::always(
                "record_gaps",
                Records(&[
                    ("computer", Scalar::Text),
                    ("channel", Scalar::Text),
                    ("after_record_id", Scalar::Integer),
                    ("after_time", Scalar::Time),
                    ("before_record_id", Scalar::Integer),
                    ("before_time", Scalar::Time),
                ]),
                "gaps in the EventRecordIDs of each channel and machine (under any of the machine's names): the events on both sides of each gap; at most a hundred",
                |row| Cell::Records(row.gaps.iter().map(gap_cells).collect()),
            ),
            ColumnOf::always(
                "record_gap_count",
                Integer,
                "number of these gaps; at most about two thousand are counted in a channel",
                |row| Cell::count(row.gap_count),
            ),
            ColumnOf::always(
                "renumbered",
                Boolean,
                "true if more than one in ten records have a header number other than their EventRecordID, such as in an export or a collector's log, where gaps are usual; also true for event XML and carved files, whose headers are not compared",
                |row| Cell::Boolean(!is_own_log(row.file)),
            ),
            ColumnOf::always(
                "clock_steps",
                Records(&[
                    ("offset", Scalar::Integer),
                    ("from_time", Scalar::Time),
                    ("to_time", Scalar::Time),
                ]),
                "places where the time in a record's header is a minute or more before that of the previous record; at most a hundred; a time from the year 9999 on is null",
                |row| Cell::Records(row.file.clock.steps().iter().map(step_cells).collect()),
            ),
            ColumnOf::always("clock_step_count", Integer, "number of these places", |row| {
                Cell::count(row.file.clock.step_count())
            }),
        ]
    };
}

impl<'a> FileRow<'a> {
    /// Makes the row of a file. `evidence` is the name of the file's piece of evidence, and
    /// `source_path` the file's path from its root (a folder or file that was swept). `checksums`
    /// is `all` if the records of all chunks were compared with their checksum, or `decoded` if
    /// only those of chunks in which a record was decoded, and of chunks with a problem.
    #[must_use]
    pub fn new(
        file: &'a FileReport,
        (evidence, source_path): (&'a str, &'a str),
        origin: &'a Origin,
        checksums: &'a str,
    ) -> Self {
        let (gaps, gap_count) = gaps(file);
        FileRow { evidence, source_path, origin, checksums, extents: file.extents(), file, gaps, gap_count }
    }

    /// Returns the row's cells, in the order of [`FileRow::COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> Vec<Cell<'_>> {
        cells(Self::COLUMNS, self)
    }

    /// Returns `chunks`, a count of the file's chunks, or 0 if the file's status is
    /// `not an event log`: the file then has no chunks, although the sweep may have counted some.
    fn of_log(&self, chunks: u64) -> u64 {
        if self.file.status() == Status::NotAnEventLog { 0 } else { chunks }
    }
}

/// Returns the first [`MOST_GAPS`] gaps in the EventRecordIDs of a file, log by log, each with the
/// log's computer and channel; and the number of all gaps.
fn gaps(file: &FileReport) -> (Vec<(&str, &str, Gap)>, u64) {
    let (mut listed, mut count) = (Vec::new(), 0);
    let mut add = |computer, channel, runs: &IdRuns| {
        count += runs.gap_count();
        let left = MOST_GAPS - listed.len();
        listed.extend(runs.gaps().take(left).map(|gap| (computer, channel, gap)));
    };
    match MachineNames::of(file).joined_logs(file) {
        Some(logs) => logs.iter().for_each(|(computer, channel, runs)| add(*computer, *channel, runs)),
        None => file.tally.logs.iter().for_each(|(computer, channel, runs)| add(computer, channel, runs)),
    }
    (listed, count)
}

fn gap_cells<'a>((computer, channel, gap): &(&'a str, &'a str, Gap)) -> Vec<Cell<'a>> {
    [Cell::text(*computer), Cell::text(*channel)].into_iter().chain(gap_sides(gap)).collect()
}

/// Returns four cells for the events on both sides of a gap in EventRecordIDs: EventRecordID and
/// time before the gap, then EventRecordID and time after it.
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
