//! The columns of a timeline: columns that only a timeline has, and all columns of the tables from
//! which its entries are made, so that an entry has every value of its rows.

use crate::event::EventTime;
use crate::report::matches::MatchRow;
use crate::report::process::ProcessRow;
use crate::table::{Cell, CellSource, Column, ColumnOf, ColumnType, Nulls, Row, Scalar};

/// The fields of each record in the column `detections` of a timeline: a detection that describes
/// the entry's event, and the exclusion, if any, that removes the event from its matches.
const DETECTION: &[(&str, Scalar)] = &[
    ("id", Scalar::Text),
    ("name", Scalar::Text),
    ("version", Scalar::OptionalText),
    ("excluded_by", Scalar::OptionalText),
];

/// The columns that only a timeline has. A cell of these columns is computed from several columns
/// or several rows of the tables.
pub const OWN_COLUMNS: &[Column] = &[
    Column::nullable(
        "time",
        ColumnType::Time,
        "when it happened, by which entries are sorted: Sysmon's UtcTime or, where there is none that can be read, TimeCreated; null if neither can be read",
    ),
    Column::nullable(
        "time_kind",
        ColumnType::Text,
        "which of the event's times `time` is: `UtcTime` or `TimeCreated`",
    ),
    Column::always(
        "kind",
        ColumnType::Text,
        "`match`, `lead`, `process start` or `process end`; `excluded match` and `excluded lead` if exclusions take the event away from all detections, so that it is none",
    ),
    Column::always(
        "detections",
        ColumnType::Records(DETECTION),
        "the detections that describe the event; `excluded_by` is the exclusion that takes the event away from the detection",
    ),
    Column::nullable(
        "risk_score",
        ColumnType::Integer,
        "greatest risk score of the detections, 0 to 100; null if none states one",
    ),
    Column::always("risk_messages", ColumnType::Texts, "the detections' messages about the event"),
    Column::nullable(
        "event_hash",
        ColumnType::Text,
        "SHA-256 of the event's content; of a process end, that of the event 1 of the process, because the tables do not keep the record of the event 5; null if the event 1 was not found",
    ),
    Column::always(
        "event_id",
        ColumnType::Integer,
        "EventID: 22 of a match, 1 of a process start, 5 of a process end; 3006, 3008 or 3020 of a lead",
    ),
    Column::nullable(
        "known_from",
        ColumnType::Text,
        "what the program of a process end is taken from if the event 1 of the process was not found: `child`, the event 1 of a process that it started, or `match`, one of its queries; null if nothing names the program, and for other entries",
    ),
];

/// The names of all columns of a timeline, in order: first what a reader looks at, then where the
/// record lies, then the rest.
const ORDER: &[&str] = &[
    "time",
    "time_kind",
    "kind",
    "computer",
    "query_name",
    "query_status_name",
    "resolved_ips",
    "image",
    "command_line",
    "process_id",
    "user",
    "parent_image",
    "parent_process_id",
    "detections",
    "risk_score",
    "event_hash",
    "evidence",
    "source_path",
    "record_offset",
    "event_record_id",
    "integrity",
    "recovered",
    "recovered_from",
    "risk_messages",
    "matched_query",
    "matched_query_on_label",
    "matched_process",
    "matched_answer",
    "query_name_lower",
    "query_name_unicode",
    "registered_domain",
    "public_suffix",
    "query_type",
    "query_options",
    "query_status",
    "query_results",
    "answers",
    "process_guid",
    "process_name",
    "client_process_id",
    "user_id",
    "known_from",
    "parent_process_guid",
    "parent_command_line",
    "parent_user",
    "integrity_level",
    "logon_guid",
    "logon_id",
    "terminal_session_id",
    "current_directory",
    "hashes",
    "md5",
    "sha1",
    "sha256",
    "imphash",
    "file_version",
    "description",
    "product",
    "company",
    "original_file_name",
    "event_time",
    "event_time_raw",
    "utc_time",
    "end_time",
    "guid_time",
    "provider",
    "channel",
    "event_id",
    "event_version",
    "rule_name",
    "original_path",
    "snapshot_time",
    "deleted_file",
    "chunk_number",
    "depth",
    "status",
    "copies",
    "conflicts",
];

/// Returns all columns of a timeline, in order. A column that is not in [`OWN_COLUMNS`] is copied
/// from the tables that have a column of this name. In entries from other tables, it is null, or an
/// empty list.
#[must_use]
pub fn columns() -> Vec<Column> {
    let tables = || {
        of_table(MatchRow::COLUMNS)
            .chain(of_table(MatchRow::LEAD_COLUMNS))
            .chain(of_table(ProcessRow::COLUMNS))
    };
    let of_tables = |column: &Column| {
        let is_list = matches!(column.kind, ColumnType::Texts | ColumnType::Records(_));
        Column { nulls: if is_list { Nulls::Never } else { Nulls::Possible }, ..column.clone() }
    };
    let column = |name: &&str| {
        let is_named = |column: &&Column| column.name == **name;
        let own = OWN_COLUMNS.iter().find(is_named).cloned();
        own.or_else(|| tables().find(is_named).map(of_tables)).expect("ORDER names these columns")
    };
    ORDER.iter().map(column).collect()
}

/// Returns the columns that a table declares, without the functions that compute their cells.
pub(super) fn of_table<R>(columns: &[ColumnOf<R>]) -> impl Iterator<Item = &Column> {
    columns.iter().map(|of| &of.column)
}

/// Where the cells of a new entry of a timeline are copied from: for each column of the timeline, a
/// column of the table that is being read, or nothing.
#[derive(Debug)]
pub(super) struct Copied(Vec<Origin>);

/// Where a cell of a new entry of a timeline is copied from.
#[derive(Debug)]
enum Origin {
    /// The cell is copied from the table's column with this index among the columns that are read.
    Column(usize),
    /// The table does not have the column of the timeline. Contains the cell of the entry: null or
    /// an empty list.
    Absent(Cell<'static>),
}

impl Copied {
    /// Prepares to copy entries from a table: finds, for each of `columns` (those of the timeline),
    /// the column of the same name among `read`, the columns that are read from the table.
    pub(super) fn new(columns: &[Column], read: &[&Column]) -> Self {
        let origin = |column: &Column| match read.iter().position(|known| known.name == column.name) {
            Some(place) => Origin::Column(place),
            None => Origin::Absent(match column.kind {
                ColumnType::Texts => Cell::Texts(Vec::new()),
                ColumnType::Records(_) => Cell::Records(Vec::new()),
                _ => Cell::Null,
            }),
        };
        Copied(columns.iter().map(origin).collect())
    }

    /// Returns the cells of a new entry, copied from a row of the table.
    pub(super) fn cells(&self, row: &Row<'_>) -> EntryCells {
        let cell = |origin: &Origin| match origin {
            Origin::Column(place) => row.cell_at(*place).into_owned(),
            Origin::Absent(cell) => cell.clone(),
        };
        EntryCells(self.0.iter().map(cell).collect())
    }
}

/// The cells of an entry of a timeline, one for each column.
#[derive(Debug, Clone)]
pub(super) struct EntryCells(pub(super) Vec<Cell<'static>>);

impl EntryCells {
    /// Returns the cell of the column `name`, which must be a column of a timeline.
    pub(super) fn get(&self, name: &str) -> &Cell<'static> {
        let place = ORDER.iter().position(|known| *known == name);
        place.and_then(|place| self.0.get(place)).expect("entries have a cell for each column")
    }

    /// Returns the time in the column `name`; `None` if the cell is null or contains something
    /// else.
    pub(super) fn time(&self, name: &str) -> Option<EventTime> {
        if let Cell::Time(time) = self.get(name) { Some(*time) } else { None }
    }

    /// Returns the text in the column `name`; `None` if the cell is null or contains something
    /// else.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        if let Cell::Text(text) = self.get(name) { Some(text) } else { None }
    }

    /// Replaces the cell of the column `name`, which must be a column of a timeline.
    pub(super) fn set(&mut self, name: &str, cell: Cell<'_>) {
        let place = ORDER.iter().position(|known| *known == name);
        let known = place.and_then(|place| self.0.get_mut(place));
        *known.expect("entries have a cell for each column") = cell.into_owned();
    }
}

impl CellSource for EntryCells {
    fn cell(&self, column: usize) -> Cell<'_> {
        // The copy borrows nothing, because the cells own their texts.
        self.0.get(column).cloned().unwrap_or(Cell::Null)
    }
}
