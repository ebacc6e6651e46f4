//! Exports a table of a sweep's output for other programs: the rows of any table as CSV or JSON
//! lines, or the events of the table of matches (or leads) in the format of another tool.
//!
//! Rows are streamed from the table to the writer, so memory does not grow with their number. Only
//! the processes of matches are kept in memory, if the output has a table of them. A new format is
//! a file in this folder, a variant of [`Format`] and, if it has events, a line in
//! [`Format::event_line`].

pub(in crate::report) mod csv;
mod detection;
mod ecs;
mod event;
mod event_of_row;
pub(in crate::report) mod json;
pub(in crate::report) mod jsonl;
mod ocsf;
mod process;
mod provenance;
mod splunk_hec;
mod table_name;
mod timesketch;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, Ordering};

use self::csv::CsvRows;
use self::detection::Detections;
pub(in crate::report) use self::event::DNS_CLIENT_RESPONSE;
use self::event::{ExportedEvent, Origin};
use self::json::write_line;
use self::process::{AskingProcesses, WithProcess, additional_columns};
use super::container_row::ContainerRow;
use super::file_row::FileRow;
use super::host_row::HostRow;
use super::matches::MatchRow;
use super::process::ProcessRow;
use super::run::Run;
use crate::base::switch::switch;
use crate::table::{Cell, Column, ColumnOf, ColumnType, ReadError, Row, TableId, Tables, Wanted};

pub use self::table_name::{NoTable, TableName};

/// A format in which a table can be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values, as RFC 4180 describes them: a header, then a line for each row.
    Csv,
    /// A JSON object on a line for each row.
    Jsonl,
    /// Events for a timeline in Timesketch, as JSON lines.
    Timesketch,
    /// Documents in the Elastic Common Schema, as JSON lines.
    Ecs,
    /// Events for Splunk's HTTP Event Collector, as JSON lines.
    SplunkHec,
    /// Events in the Open Cybersecurity Schema Framework, as JSON lines.
    Ocsf,
}

switch! {
    /// Whether an export of events includes copies. A copy is an event that is found again in
    /// another place of the evidence.
    pub enum Copies {
        /// Each event is exported only where it is seen first, once for each detection that
        /// describes it.
        LeftOut,
        /// Copies of events are exported too, and marked as copies (`--copies`).
        Exported,
    }
}

switch! {
    /// How an export as CSV writes characters that act on a terminal, or that a reader would not
    /// see. In the other formats, JSON always escapes them.
    pub enum Characters {
        /// Texts are written as they are, except that NUL is written as `\u{0}`.
        AsTheyAre,
        /// Characters that act on a terminal, or that a reader would not see, are written as
        /// `\u{…}`.
        Escaped,
    }
}

/// Which table is exported from the output of a sweep, and how.
#[derive(Debug, Clone, Copy)]
pub struct Export<'a> {
    /// The table whose rows are exported.
    pub table: TableId<'a>,
    /// The format in which the rows are written.
    pub format: Format,
    /// Whether events are exported that are copies: events that were found again in another place
    /// of the evidence.
    pub copies: Copies,
    /// How an export as CSV writes characters that act on a terminal, or that a reader would not
    /// see.
    pub characters: Characters,
}

/// The output of a sweep, from which an export reads a table.
#[derive(Clone, Copy)]
pub struct Source<'a> {
    /// What `run.json` records of the sweep.
    pub run: &'a Run,
    /// The SHA-256 of `run.json`, by which exported events name the sweep.
    pub run_sha256: &'a str,
    /// The tables of the output.
    pub tables: &'a dyn Tables,
}

/// How many rows of a table were exported, and how many were left out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Exported {
    /// The number of rows that were exported.
    pub rows: u64,
    /// The number of rows that were left out because their events are copies of events in earlier
    /// rows.
    pub copies: u64,
    /// The number of rows that were left out because an exclusion (a site's description of harmless
    /// events) concerns their events, so that these are not matches or leads.
    pub excluded: u64,
    /// The number of processes that made matching queries but are missing in the export, because
    /// there are more of them than it keeps in memory.
    pub processes_left_out: u64,
    /// True if the caller ended the export before the last row.
    pub is_cut_short: bool,
}

/// Why an export cannot be completed.
#[derive(Debug)]
pub enum ExportError {
    /// The table cannot be read. Contains the reason.
    Read(ReadError),
    /// The export cannot be written. Contains the error of the system.
    Write(io::Error),
}

/// Returns the JSON value of a cell in a column of type `kind`, in the form that an export as JSON
/// lines has: times as texts, lists as arrays, and structs as objects.
pub(in crate::report) fn json_value(kind: ColumnType, cell: Cell<'_>) -> serde_json::Value {
    serde_json::to_value(jsonl::value(kind, cell)).expect("texts, numbers and lists of them are JSON")
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> Self {
        ExportError::Write(error)
    }
}

/// A function that writes an event as one line, with the line end.
type WriteEvent = fn(&ExportedEvent<'_>, &mut dyn Write) -> io::Result<()>;

impl Format {
    /// Returns true if the table can be exported in this format. Every table can be exported as CSV
    /// and as JSON lines; the other formats are for events, which only the tables of matches and
    /// leads have.
    #[must_use]
    pub fn can_have(self, table: &TableName) -> bool {
        self.event_line().is_none() || matches!(table, TableName::Matches | TableName::Leads)
    }

    /// Returns the function that writes an event as a line in this format; `None` for CSV and JSON
    /// lines, in which the rows of any table are exported and not events.
    fn event_line(self) -> Option<WriteEvent> {
        /// Makes a function that writes an event as a line. `$format` is the module of the format.
        /// Its function `line` makes the JSON object that is written.
        macro_rules! line {
            ($format:ident) => {{
                fn written(event: &ExportedEvent<'_>, to: &mut dyn Write) -> io::Result<()> {
                    write_line(&$format::line(event), to)
                }
                Some(written)
            }};
        }
        match self {
            Format::Csv | Format::Jsonl => None,
            Format::Timesketch => line!(timesketch),
            Format::Ecs => line!(ecs),
            Format::SplunkHec => line!(splunk_hec),
            Format::Ocsf => line!(ocsf),
        }
    }
}

impl Export<'_> {
    /// Writes the table's rows, or the events of its rows, to `to`, in the order of the table.
    /// Returns how many were written and left out. Stops early if `stop` becomes true.
    pub fn write(
        &self,
        source: &Source<'_>,
        to: &mut dyn Write,
        stop: &AtomicBool,
    ) -> Result<Exported, ExportError> {
        let columns = columns(source.tables, self.table).map_err(ExportError::Read)?;
        let processes = match self.table {
            TableId::Matches => AskingProcesses::read(source.tables).map_err(ExportError::Read)?,
            _ => None,
        };
        let processes_left_out = processes.as_ref().map_or(0, |processes| processes.left_out);
        let processes = processes.as_ref();
        let exported = match (self.format, self.format.event_line()) {
            (_, Some(line)) => {
                self.write_events(source, &columns, processes, stop, |event| line(event, to))?
            }
            (Format::Csv, None) => {
                let shown = shown(&columns, processes);
                let mut rows = CsvRows::begin(&shown, self.characters, to).map_err(ExportError::Write)?;
                let exported = self.write_rows(source, &columns, stop, |row| {
                    with_process(row, &columns, &shown, processes, |row| rows.push(row))
                })?;
                rows.end().map_err(ExportError::Write)?;
                exported
            }
            (_, None) => {
                let shown = shown(&columns, processes);
                self.write_rows(source, &columns, stop, |row| {
                    let write = |row: &Row<'_>| write_line(&jsonl::line(&shown, row), to);
                    with_process(row, &columns, &shown, processes, write)
                })?
            }
        };
        Ok(Exported { processes_left_out, ..exported })
    }

    /// Calls `write` for every row of the exported table, and counts the rows. Stops early if
    /// `stop` becomes true.
    fn write_rows(
        &self,
        source: &Source<'_>,
        columns: &[Column],
        stop: &AtomicBool,
        mut write: impl FnMut(&Row<'_>) -> io::Result<()>,
    ) -> Result<Exported, ExportError> {
        let columns: Vec<&Column> = columns.iter().collect();
        let mut exported = Exported::default();
        let mut failed = None;
        let each = &mut |row: &Row<'_>| {
            if stop.load(Ordering::Relaxed) {
                exported.is_cut_short = true;
                return ControlFlow::Break(());
            }
            if let Err(error) = write(row) {
                failed = Some(error);
                return ControlFlow::Break(());
            }
            exported.rows += 1;
            ControlFlow::Continue(())
        };
        let read = source.tables.read_while(self.table, &columns, Wanted::All, each);
        failed.map_or(Ok(()), |error| Err(ExportError::Write(error)))?;
        read.map_err(ExportError::Read)?;
        Ok(exported)
    }

    /// Calls `write` for the event of every row of the exported table. Leaves out events that an
    /// exclusion (a site's description of harmless events) concerns and, unless copies are wanted,
    /// events that are copies. Counts both. Stops early if `stop` becomes true.
    fn write_events(
        &self,
        source: &Source<'_>,
        columns: &[Column],
        processes: Option<&AskingProcesses>,
        stop: &AtomicBool,
        mut write: impl FnMut(&ExportedEvent<'_>) -> io::Result<()>,
    ) -> Result<Exported, ExportError> {
        let detections = Detections::of(source.run);
        let origin = Origin { run: source.run, run_sha256: source.run_sha256, detections: &detections };
        let (mut copies, mut excluded) = (0, 0);
        let all = self.write_rows(source, columns, stop, |row| {
            if row.cell("excluded_by") != Cell::Null {
                excluded += 1;
            } else if self.copies == Copies::LeftOut && row.is("duplicate") {
                copies += 1;
            } else {
                let event = if self.table == TableId::Leads {
                    ExportedEvent::of_lead(row, &origin)
                } else {
                    let process = processes.and_then(|processes| processes.of(row));
                    ExportedEvent { process, ..ExportedEvent::of_match(row, &origin) }
                };
                write(&event)?;
            }
            Ok(())
        })?;
        Ok(Exported { rows: all.rows - copies - excluded, copies, excluded, ..all })
    }
}

/// Returns the columns of an export as CSV or JSON lines: `columns`, which are those of the table,
/// and, if there are `processes`, the additional columns about them.
fn shown(columns: &[Column], processes: Option<&AskingProcesses>) -> Vec<Column> {
    let additional = processes.into_iter().flat_map(|_| additional_columns());
    columns.iter().cloned().chain(additional).collect()
}

/// Calls `write` for a row of the exported table. If there are `processes`, the row must be of the
/// table of matches, and is extended by what is known of the process that made the query. `columns`
/// are the columns of the table, and `shown` those of the extended row.
fn with_process(
    row: &Row<'_>,
    columns: &[Column],
    shown: &[Column],
    processes: Option<&AskingProcesses>,
    write: impl FnOnce(&Row<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let Some(processes) = processes else { return write(row) };
    let cells = WithProcess { row, columns: columns.len(), process: processes.of(row) };
    let shown: Vec<&Column> = shown.iter().collect();
    write(&Row::new(&shown, &cells, row.number()))
}

/// Returns all columns of a table of an output, in the table's order.
fn columns(tables: &dyn Tables, table: TableId<'_>) -> Result<Vec<Column>, ReadError> {
    fn declared<R>(columns: &[ColumnOf<R>]) -> Vec<Column> {
        columns.iter().map(|of| of.column.clone()).collect()
    }
    Ok(match table {
        TableId::Matches => declared(MatchRow::COLUMNS),
        TableId::Leads => declared(MatchRow::LEAD_COLUMNS),
        TableId::Hosts => declared(HostRow::COLUMNS),
        TableId::Files => declared(FileRow::COLUMNS),
        TableId::Containers => declared(ContainerRow::COLUMNS),
        TableId::Processes => declared(ProcessRow::COLUMNS),
        TableId::Queries => declared(MatchRow::QUERY_COLUMNS),
        TableId::Stats(_) => tables.columns(table)?,
    })
}

#[cfg(test)]
mod tests;
