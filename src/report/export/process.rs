//! What exported matches say about the process that made the query, and about its parent. These
//! values come from the output's table of processes, which exists only after a sweep with
//! `--context`.
//!
//! Matches are streamed, in the order of the evidence; the processes of matches are kept in memory,
//! by computer and GUID. Equal texts are kept once. This memory is bounded ([`MOST_BYTES`]):
//! further processes are left out of the export, and counted.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::json::{Json, object};
use crate::event::{EventTime, Guid};
use crate::report::answer::host_key;
use crate::report::process::{ProcessRow, ProcessStatus};
use crate::table::{Cell, CellSource, Column, ColumnOf, ColumnType, ReadError, Row, TableId, Tables, Wanted};

/// The maximum number of bytes of memory, about, that an export uses for processes and their texts.
/// Processes beyond this limit are only counted.
const MOST_BYTES: usize = 512 << 20;
/// The number of bytes that a process takes, about, without its texts.
const PROCESS_BYTES: usize = 256;

/// A process that made a matching query, with the values that exported events and rows state about
/// it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AskingProcess {
    /// When the process started; `None` if the time is not known.
    pub(super) start_time: Option<EventTime>,
    /// The command line of the process; `None` if it is not known.
    pub(super) command_line: Option<Arc<str>>,
    /// The MD5 of the process's image (the executable file), in lower case; `None` if it was not
    /// logged.
    pub(super) md5: Option<Arc<str>>,
    /// The SHA-1 of the process's image (the executable file), in lower case; `None` if it was not
    /// logged.
    pub(super) sha1: Option<Arc<str>>,
    /// The SHA-256 of the process's image (the executable file), in lower case; `None` if it was
    /// not logged.
    pub(super) sha256: Option<Arc<str>>,
    /// The GUID of the parent, the process that started the querying one; `None` if it is not
    /// known.
    pub(super) parent_process_guid: Option<Guid>,
    /// The ID (PID) of the parent, the process that started the querying one; `None` if it is not
    /// known.
    pub(super) parent_process_id: Option<i64>,
    /// The path of the image of the parent, the process that started the querying one; `None` if it
    /// is not known.
    pub(super) parent_image: Option<Arc<str>>,
    /// The command line of the parent, the process that started the querying one; `None` if it is
    /// not known.
    pub(super) parent_command_line: Option<Arc<str>>,
}

impl AskingProcess {
    /// Returns the GUID of the parent, the process that started the querying one, as text; `None`
    /// if it is not known.
    pub(super) fn parent_guid(&self) -> Option<String> {
        self.parent_process_guid.map(Guid::text)
    }

    /// Returns what is known of the process as an object, for export formats that allow fields of
    /// any name. The fields have the names of the columns in [`ADDITIONS`].
    pub(super) fn fields(&self) -> Json<'_> {
        object! {
            "process_start_time": self.start_time,
            "command_line": self.command_line.as_deref(),
            "md5": self.md5.as_deref(),
            "sha1": self.sha1.as_deref(),
            "sha256": self.sha256.as_deref(),
            "parent_process_guid": self.parent_guid(),
            "parent_process_id": self.parent_process_id,
            "parent_image": self.parent_image.as_deref(),
            "parent_command_line": self.parent_command_line.as_deref(),
        }
    }
}

/// The columns of the table of processes that are read to make an [`AskingProcess`].
const READ: [&str; 13] = [
    "depth",
    "status",
    "computer",
    "process_guid",
    "utc_time",
    "command_line",
    "md5",
    "sha1",
    "sha256",
    "parent_process_guid",
    "parent_process_id",
    "parent_image",
    "parent_command_line",
];

/// The processes that made the matching queries of an output, by computer and GUID. Only processes
/// whose event 1 (process creation) was found are included.
#[derive(Debug, Default)]
pub(super) struct AskingProcesses {
    processes: HashMap<(Arc<str>, Guid), AskingProcess>,
    texts: HashSet<Arc<str>>,
    bytes: usize,
    /// The number of processes that were not kept, because those before them already took all the
    /// memory that an export may use for processes.
    pub(super) left_out: u64,
}

impl AskingProcesses {
    /// Reads the processes that made matching queries from an output's table of processes. `None`
    /// if the output has no such table, because the sweep did not look for processes.
    pub(super) fn read(tables: &dyn Tables) -> Result<Option<Self>, ReadError> {
        Self::read_within(tables, MOST_BYTES)
    }

    /// Reads the processes until they take about `most` bytes of memory, and only counts the
    /// others. `None` if the output has no table of processes.
    pub(super) fn read_within(tables: &dyn Tables, most: usize) -> Result<Option<Self>, ReadError> {
        if !tables.has(TableId::Processes) {
            return Ok(None);
        }
        let mut all = AskingProcesses::default();
        let columns = ColumnOf::named(ProcessRow::COLUMNS, &READ);
        tables.read(TableId::Processes, &columns, Wanted::All, &mut |row| {
            let is_found = row.text("status").as_deref() == Some(ProcessStatus::Found.name());
            if row.count("depth") == 0 && is_found {
                if all.bytes < most { all.add(row) } else { all.left_out += 1 }
            }
        })?;
        all.texts = HashSet::new();
        Ok(Some(all))
    }

    fn add(&mut self, row: &Row<'_>) {
        let computer = self.kept(Some(host_key(&row.text("computer").unwrap_or_default()).into()));
        let guid = row.text("process_guid").as_deref().and_then(Guid::parse);
        let Some(key) = computer.zip(guid) else { return };
        let process = AskingProcess {
            start_time: row.time("utc_time"),
            command_line: self.kept(row.text("command_line")),
            md5: self.kept(row.text("md5")),
            sha1: self.kept(row.text("sha1")),
            sha256: self.kept(row.text("sha256")),
            parent_process_guid: row.text("parent_process_guid").as_deref().and_then(Guid::parse),
            parent_process_id: row.integer("parent_process_id"),
            parent_image: self.kept(row.text("parent_image")),
            parent_command_line: self.kept(row.text("parent_command_line")),
        };
        self.bytes += PROCESS_BYTES;
        self.processes.insert(key, process);
    }

    /// Returns a copy of a text that all equal texts share, so that each text is in memory once.
    fn kept(&mut self, text: Option<Cow<'_, str>>) -> Option<Arc<str>> {
        let text = text?;
        if let Some(known) = self.texts.get(&*text) {
            return Some(Arc::clone(known));
        }
        let new: Arc<str> = Arc::from(&*text);
        self.bytes += text.len() + PROCESS_BYTES / 2;
        self.texts.insert(Arc::clone(&new));
        Some(new)
    }

    /// Returns the process that made the query of a row of the table of matches. `None` if the
    /// process's event 1 (process creation) was not found, or if the process was left out to save
    /// memory.
    pub(super) fn of(&self, row: &Row<'_>) -> Option<&AskingProcess> {
        let guid = row.text("process_guid").as_deref().and_then(Guid::parse)?;
        let computer: Arc<str> = host_key(&row.text("computer")?).into();
        self.processes.get(&(computer, guid))
    }
}

/// A column that an export of matches as CSV or JSON lines has besides those of the table: its name
/// and type, and how to get its cell.
type Addition = (&'static str, ColumnType, fn(&AskingProcess) -> Cell<'_>);

/// The columns about processes that an export of matches as CSV or JSON lines has after those of
/// the table.
const ADDITIONS: [Addition; 9] = [
    ("process_start_time", ColumnType::Time, |process| process.start_time.map_or(Cell::Null, Cell::Time)),
    ("command_line", ColumnType::Text, |process| text(process.command_line.as_ref())),
    ("md5", ColumnType::Text, |process| text(process.md5.as_ref())),
    ("sha1", ColumnType::Text, |process| text(process.sha1.as_ref())),
    ("sha256", ColumnType::Text, |process| text(process.sha256.as_ref())),
    ("parent_process_guid", ColumnType::Text, |process| {
        process.parent_process_guid.map_or(Cell::Null, |guid| Cell::text(guid.text()))
    }),
    ("parent_process_id", ColumnType::Integer, |process| {
        process.parent_process_id.map_or(Cell::Null, Cell::Integer)
    }),
    ("parent_image", ColumnType::Text, |process| text(process.parent_image.as_ref())),
    ("parent_command_line", ColumnType::Text, |process| text(process.parent_command_line.as_ref())),
];

fn text(text: Option<&Arc<str>>) -> Cell<'_> {
    text.map_or(Cell::Null, |text| Cell::text(&**text))
}

/// Returns the columns about processes that an export of matches as CSV or JSON lines has after
/// those of the table. All can be null.
pub(super) fn additional_columns() -> impl Iterator<Item = Column> {
    ADDITIONS.into_iter().map(|(name, kind, _)| Column::nullable(name, kind, ""))
}

/// The cells of a row of the table of matches and, after them, those of the additional columns
/// about the process that made the query.
pub(super) struct WithProcess<'a> {
    /// The row of the table of matches.
    pub(super) row: &'a Row<'a>,
    /// The number of columns of the table of matches. The additional columns have the indexes from
    /// this number on.
    pub(super) columns: usize,
    /// The process that made the query; `None` if the process's event 1 (process creation) was not
    /// found, or if the process was left out to save memory. The additional cells are null then.
    pub(super) process: Option<&'a AskingProcess>,
}

impl CellSource for WithProcess<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        match column.checked_sub(self.columns) {
            None => self.row.cell_at(column),
            Some(addition) => {
                let addition = ADDITIONS.get(addition).zip(self.process);
                addition.map_or(Cell::Null, |((.., cell), process)| cell(process))
            }
        }
    }
}
