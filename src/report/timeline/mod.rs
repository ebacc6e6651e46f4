//! The timeline of an output: its matches and leads (queries of Windows' own DNS client that a
//! detection describes), and the starts and ends of the processes that made the matching queries
//! and of their ancestors, in order of time.
//!
//! An event that several detections describe is one entry. Copies of an event are left out. The
//! tables are streamed and entries are sorted with temporary files, so that memory does not grow
//! with the number of entries. Only the ends of processes whose start was not found are kept until
//! all tables were read.

mod columns;
mod entry;
mod events;
mod processes;
mod text;

use std::io::{self, Write};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

pub use self::columns::{OWN_COLUMNS, columns};
pub use self::entry::EntryKind;
use self::entry::{Entries, SortedEntries};
use self::events::EventTable;
use self::processes::{MissingStarts, Orphans};
use self::text::Text;
use super::answer::{AnswerError, host_name_in, is_host_named};
use super::export::csv::CsvRows;
use super::export::json::write_line;
use super::export::{Characters, jsonl};
use super::host_row::HostRow;
use super::matches::MatchRow;
use super::process::ProcessStatus;
use super::summary::Colours;
use super::wording::{counted, grouped};
use crate::table::{Column, ColumnOf, ReadError, Row, TableId, Tables, Wanted};

/// A format in which a timeline is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimelineFormat {
    /// Text for people, in lines of `width` columns.
    Text {
        /// The width of the text in columns, usually that of the terminal.
        width: usize,
        /// Whether the text is coloured.
        colours: Colours,
    },
    /// Comma-separated values, with a header.
    Csv(Characters),
    /// A JSON object on a line for each entry.
    Jsonl,
}

/// Why a timeline cannot be written.
#[derive(Debug)]
pub enum TimelineError {
    /// The output (the directory that a sweep writes) has no host of the requested name. Contains
    /// the name.
    NoHost(String),
    /// A table of the output (the directory that a sweep writes) cannot be read.
    Table(AnswerError),
    /// A temporary file, in which entries are sorted, cannot be written or read.
    Sort(io::Error),
    /// The timeline cannot be written to its destination.
    Write(io::Error),
    /// The caller stopped the reading or writing of the timeline (by setting `stop`).
    Interrupted,
}

impl From<io::Error> for TimelineError {
    fn from(error: io::Error) -> Self {
        TimelineError::Write(error)
    }
}

/// The sorted entries of a timeline, and the numbers of what it contains and leaves out.
pub struct Timeline {
    columns: Vec<Column>,
    entries: SortedEntries,
    longest_computer: usize,
    remarks: Remarks,
}

/// The numbers of what a timeline contains and of what it leaves out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Remarks {
    /// The number of entries of each kind, in the order of [`EntryKind::ALL`].
    counts: [u64; EntryKind::ALL.len()],
    /// The number of entries whose time cannot be read.
    without_time: u64,
    /// The number of rows of the tables that are left out because their event is a copy of an
    /// earlier one.
    copies: u64,
    /// The number of processes whose start was not found, for each status (the reason why not), in
    /// the order of [`ProcessStatus::ALL`].
    missing: MissingStarts,
}

/// The tables of an output that are being read for a timeline.
struct Reading<'a> {
    tables: &'a dyn Tables,
    /// The columns of the timeline.
    columns: &'a [Column],
    stop: &'a AtomicBool,
}

impl Reading<'_> {
    /// Calls `each` for every row of a table, of which the columns `columns` are read. Fails with
    /// [`TimelineError::Interrupted`] if `stop` becomes true, and with [`TimelineError::Sort`] if
    /// `each` fails.
    fn rows(
        &self,
        table: TableId<'_>,
        columns: &[&Column],
        each: &mut dyn FnMut(&Row<'_>) -> io::Result<()>,
    ) -> Result<(), TimelineError> {
        let mut ended = Ok(());
        let mut row = |row: &Row<'_>| {
            ended = if self.stop.load(Ordering::Relaxed) {
                Err(TimelineError::Interrupted)
            } else {
                each(row).map_err(TimelineError::Sort)
            };
            if ended.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        self.tables.read_while(table, columns, Wanted::All, &mut row).map_err(failed(table))?;
        ended
    }
}

fn failed(table: TableId<'_>) -> impl Fn(ReadError) -> TimelineError {
    move |reason| TimelineError::Table(AnswerError::of(table)(reason))
}

impl Timeline {
    /// Reads the timeline of an output: of all its hosts if `hosts` is empty, or else of the hosts
    /// with these names, in any letter case and with or without their domain. Temporary files are
    /// written to `folder`. Fails if the caller sets `stop` to true, or if one of the names is that
    /// of no host of the output.
    pub fn read(
        tables: &dyn Tables,
        hosts: &[String],
        folder: &Path,
        stop: &AtomicBool,
    ) -> Result<Self, TimelineError> {
        find_hosts(tables, hosts)?;
        let columns = columns();
        let reading = Reading { tables, columns: &columns, stop };
        let mut entries = Entries::new(hosts, folder);
        let (mut orphans, mut remarks) = (Orphans::default(), Remarks::default());
        if tables.has(TableId::Processes) {
            remarks.missing = processes::read(&reading, &mut entries, &mut orphans)?;
        }
        let of_matches: Vec<&Column> = columns::of_table(MatchRow::COLUMNS).collect();
        let kinds = [EntryKind::Match, EntryKind::ExcludedMatch];
        let table = EventTable { id: TableId::Matches, columns: &of_matches, kinds };
        remarks.copies += events::read(&reading, table, &mut entries, &mut orphans)?;
        if tables.has(TableId::Leads) {
            let of_leads: Vec<&Column> = columns::of_table(MatchRow::LEAD_COLUMNS).collect();
            let kinds = [EntryKind::Lead, EntryKind::ExcludedLead];
            let table = EventTable { id: TableId::Leads, columns: &of_leads, kinds };
            remarks.copies += events::read(&reading, table, &mut entries, &mut orphans)?;
        }
        orphans.finish(&mut entries).map_err(TimelineError::Sort)?;
        remarks.counts = entries.counts;
        remarks.without_time = entries.without_time;
        let longest_computer = entries.longest_computer;
        let entries = entries.finish().map_err(TimelineError::Sort)?;
        Ok(Timeline { columns, entries, longest_computer, remarks })
    }

    /// Writes the timeline to `to`. Fails if `stop` becomes true. Returns sentences on what the
    /// timeline contains and what it leaves out. In the text format, the sentences are written at
    /// the end of the text instead, and the returned list is empty.
    pub fn write(
        self,
        format: TimelineFormat,
        to: &mut dyn Write,
        stop: &AtomicBool,
    ) -> Result<Vec<String>, TimelineError> {
        let Timeline { columns, mut entries, longest_computer, remarks } = self;
        let mut each = |write: &mut dyn FnMut(&Row<'_>) -> io::Result<()>| {
            let shown: Vec<&Column> = columns.iter().collect();
            entries.by_ref().zip(0..).try_for_each(|(cells, number)| {
                if stop.load(Ordering::Relaxed) {
                    return Err(TimelineError::Interrupted);
                }
                let cells = cells.map_err(TimelineError::Sort)?;
                write(&Row::new(&shown, &cells, number)).map_err(TimelineError::Write)
            })
        };
        match format {
            TimelineFormat::Text { width, colours } => {
                let text = Text::new(width, colours, longest_computer);
                each(&mut |row| text.entry(row).iter().try_for_each(|line| writeln!(to, "{line}")))?;
                text.end(&remarks.sentences()).iter().try_for_each(|line| writeln!(to, "{line}"))?;
                return Ok(Vec::new());
            }
            TimelineFormat::Csv(characters) => {
                let mut rows = CsvRows::begin(&columns, characters, to)?;
                each(&mut |row| rows.push(row))?;
                rows.end()?;
            }
            TimelineFormat::Jsonl => each(&mut |row| write_line(&jsonl::line(&columns, row), to))?,
        }
        Ok(remarks.sentences())
    }
}

/// Fails with [`TimelineError::NoHost`] if a name in `wanted`, as a user types it, means no host in
/// the output.
fn find_hosts(tables: &dyn Tables, wanted: &[String]) -> Result<(), TimelineError> {
    if wanted.is_empty() {
        return Ok(());
    }
    let mut missing: Vec<&String> = wanted.iter().collect();
    let columns = ColumnOf::named(HostRow::COLUMNS, &["computer", "evidence"]);
    let each = &mut |row: &Row<'_>| {
        if let Some(name) = host_name_in(row) {
            missing.retain(|wanted| !is_host_named(wanted, &name));
        }
    };
    tables.read(TableId::Hosts, &columns, Wanted::All, each).map_err(failed(TableId::Hosts))?;
    missing.first().map_or(Ok(()), |name| Err(TimelineError::NoHost((*name).clone())))
}

impl Remarks {
    /// Returns sentences on what the timeline contains and what it leaves out, with numbers.
    fn sentences(&self) -> Vec<String> {
        let all: u64 = self.counts.iter().sum();
        let named = EntryKind::ALL.iter().zip(self.counts).filter(|(_, count)| *count > 0);
        let named: Vec<String> =
            named.map(|(kind, count)| counted(count, kind.name(), kind.plural())).collect();
        let named = if named.is_empty() { String::new() } else { format!(": {}", named.join(", ")) };
        let mut sentences = vec![format!("{}{named}", counted(all, "entry", "entries"))];
        if self.without_time > 0 {
            let entries = counted(self.without_time, "entry", "entries");
            sentences.push(format!("{entries} without a time that can be read, at the end"));
        }
        let missing: u64 = self.missing.iter().sum();
        if missing > 0 {
            let by_status = ProcessStatus::ALL.iter().zip(self.missing).filter(|(_, count)| *count > 0);
            let reasons: Vec<String> =
                by_status.map(|(status, count)| format!("{} {}", grouped(count), status.name())).collect();
            let starts = counted(missing, "process start", "process starts");
            sentences.push(format!("{starts} not found, so not shown: {}", reasons.join(", ")));
        }
        if self.copies > 0 {
            sentences
                .push(format!("left out: {} of copies of an event", counted(self.copies, "row", "rows")));
        }
        sentences
    }
}

#[cfg(test)]
mod tests;
