//! What the tables of an output say of one event: its fields, its places in the evidence, and the
//! detections that describe it.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::record_again::RecordAgain;
use super::selection::{SEARCHED, Selected, columns_of, searched};
use crate::event::{EventTime, Guid};
use crate::report::answer::{AnswerError, TreeProcess};
use crate::report::event_columns::PLACE;
use crate::report::export::json_value;
use crate::report::matches::MatchRow;
use crate::table::{Cell, Column, Row, TableId, Tables, Wanted};

/// An event of an output, with all that its tables say of it.
#[derive(Debug)]
pub struct ShownEvent {
    /// The hash of the event's content, as 64 hexadecimal digits.
    pub event_hash: String,
    /// The tables in which the event has rows.
    pub found_in: Vec<TableId<'static>>,
    /// The event's fields, and what is computed from them, such as the registered domain of the
    /// queried name.
    pub fields: FieldsOfEvent,
    /// The places in the evidence where the event was found. The places of copies come last.
    pub places: Vec<EventPlace>,
    /// The detections that describe the event, each with those of its patterns that the event
    /// satisfies.
    pub detections: Vec<ShownDetection>,
    /// What the table of processes says of the process that made the query or, for a process
    /// creation, of the created process. `None` if the table does not have it.
    pub process: Option<FieldsOfEvent>,
    /// The process that made the query or was created, and its ancestors, the oldest first; empty
    /// if nothing is known of them.
    pub process_tree: Vec<TreeProcess>,
    /// The event's record, read again from the evidence at each of its places. Empty if no evidence
    /// was given.
    pub records: Vec<RecordAgain>,
    /// The number of places where the event was found that were not read again, because it has many
    /// copies.
    pub places_not_read: usize,
}

/// A field of an event: a column of a table, and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownField {
    /// The column of the table that has the field.
    pub column: &'static Column,
    /// The column's value in the event's row.
    pub cell: Cell<'static>,
}

/// The columns of a table that are about an event, its place, its process or a detection, with
/// their values, in the order of the table. Columns without a value are included.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FieldsOfEvent(pub Vec<ShownField>);

/// A place in the evidence where an event was found: the columns about its file and its record.
#[derive(Debug, Clone, PartialEq)]
pub struct EventPlace(FieldsOfEvent);

/// A detection that describes an event, with those of its patterns that the event satisfies.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownDetection(FieldsOfEvent);

/// Returns true if a column of a table says where an event lies in the evidence.
fn is_of_place(name: &str) -> bool {
    PLACE.contains(&name) || name == "duplicate"
}

/// Returns true if a column of `matches.parquet` or `leads.parquet` says which detection describes
/// an event, or how. `queries.parquet` does not have these columns.
fn is_of_detection(name: &str) -> bool {
    MatchRow::COLUMNS.iter().skip(MatchRow::QUERY_COLUMNS.len()).any(|of| of.column.name == name)
}

/// Reads the selected events from the tables, in the order in which they were selected.
pub(super) fn read(tables: &dyn Tables, selected: &Selected) -> Result<Vec<ShownEvent>, AnswerError> {
    let mut events: Vec<ShownEvent> = selected.hashes.iter().map(|hash| ShownEvent::new(hash)).collect();
    for (place, table) in searched(tables) {
        // The number of each row, and the event that it belongs to.
        let mut rows: Vec<(u64, usize)> = Vec::new();
        for (at, hash) in selected.hashes.iter().enumerate() {
            let own = selected.rows.get(hash).and_then(|rows| rows.get(place)).into_iter().flatten();
            rows.extend(own.map(|row| (*row, at)));
        }
        rows.sort_unstable();
        let numbers: Vec<u64> = rows.iter().map(|(row, _)| *row).collect();
        let columns = columns_of(table);
        let mut owners = rows.iter().map(|(_, at)| *at);
        let each = &mut |row: &Row<'_>| {
            if let Some(event) = owners.next().and_then(|at| events.get_mut(at)) {
                event.add(table, &columns, row);
            }
        };
        tables.read(table, &columns, Wanted::These(&numbers), each).map_err(AnswerError::of(table))?;
    }
    Ok(events)
}

impl ShownEvent {
    fn new(hash: &str) -> Self {
        ShownEvent {
            event_hash: hash.to_owned(),
            found_in: Vec::new(),
            fields: FieldsOfEvent::default(),
            places: Vec::new(),
            detections: Vec::new(),
            process: None,
            process_tree: Vec::new(),
            records: Vec::new(),
            places_not_read: 0,
        }
    }

    /// Adds what a row of `table` says of the event. The tables must come in the order of
    /// [`SEARCHED`], because the field `fields` is filled only from the first row: its table says
    /// most about the event.
    fn add(&mut self, table: TableId<'static>, columns: &[&'static Column], row: &Row<'_>) {
        debug_assert!(SEARCHED.contains(&table));
        if !self.found_in.contains(&table) {
            self.found_in.push(table);
        }
        let fields = |wanted: &dyn Fn(&str) -> bool| {
            let named = columns.iter().zip(row.cells()).filter(|(column, _)| wanted(&column.name));
            FieldsOfEvent(
                named.map(|(column, cell)| ShownField { column, cell: cell.into_owned() }).collect(),
            )
        };
        if self.fields.0.is_empty() {
            self.fields =
                fields(&|name| name != "event_hash" && !is_of_place(name) && !is_of_detection(name));
        }
        let place = EventPlace(fields(&is_of_place));
        if !self.places.iter().any(|known| known.is_same(&place)) {
            self.places.push(place);
        }
        let detection = ShownDetection(fields(&is_of_detection));
        if !detection.0.0.is_empty() && !self.detections.iter().any(|known| known.is_same(&detection)) {
            self.detections.push(detection);
        }
    }

    /// Returns the name of the computer that logged the event.
    #[must_use]
    pub fn computer(&self) -> &str {
        self.fields.text("computer").unwrap_or_default()
    }

    /// Returns when the event was logged; `None` if its record has no readable time.
    #[must_use]
    pub fn time(&self) -> Option<EventTime> {
        self.fields.time("event_time")
    }

    /// Returns the GUID of the process that made the query or, for a process creation, of the
    /// created process; `None` if the event's table has none, as for leads.
    #[must_use]
    pub fn process_guid(&self) -> Option<Guid> {
        self.fields.text("process_guid").and_then(Guid::parse)
    }
}

impl FieldsOfEvent {
    /// Returns the value of a column; a null cell if there is no column of this name.
    #[must_use]
    pub fn cell(&self, name: &str) -> &Cell<'static> {
        let field = self.0.iter().find(|field| field.column.name == name);
        field.map_or(&Cell::Null, |field| &field.cell)
    }

    /// Returns true if there is a column of this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|field| field.column.name == name)
    }

    /// Returns the text in a column; `None` if the column is null, of another type or absent.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        if let Cell::Text(text) = self.cell(name) { Some(text) } else { None }
    }

    /// Returns the number in a column; `None` if the column is null, of another type or absent.
    #[must_use]
    pub fn integer(&self, name: &str) -> Option<i64> {
        if let Cell::Integer(number) = self.cell(name) { Some(*number) } else { None }
    }

    /// Returns the instant in a column; `None` if the column is null, of another type or absent.
    #[must_use]
    pub fn time(&self, name: &str) -> Option<EventTime> {
        if let Cell::Time(time) = self.cell(name) { Some(*time) } else { None }
    }

    /// Returns true if the column `name` contains true; false if it contains anything else, or is
    /// absent.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        *self.cell(name) == Cell::Boolean(true)
    }

    /// Returns the texts in a column that contains a list of texts; empty for any other column.
    #[must_use]
    pub fn texts(&self, name: &str) -> Vec<&str> {
        if let Cell::Texts(texts) = self.cell(name) {
            texts.iter().map(AsRef::as_ref).collect()
        } else {
            Vec::new()
        }
    }
}

impl EventPlace {
    /// Returns the columns that say where the event lies in the evidence.
    #[must_use]
    pub fn fields(&self) -> &FieldsOfEvent {
        &self.0
    }

    /// Returns the name of the piece of evidence that contains the event's file.
    #[must_use]
    pub fn evidence(&self) -> &str {
        self.0.text("evidence").unwrap_or_default()
    }

    /// Returns the path of the event's file from its root (a folder or file that was swept).
    #[must_use]
    pub fn source_path(&self) -> &str {
        self.0.text("source_path").unwrap_or_default()
    }

    /// Returns the offset of the event's record in its file, in bytes.
    #[must_use]
    pub fn record_offset(&self) -> u64 {
        self.0.integer("record_offset").and_then(|offset| u64::try_from(offset).ok()).unwrap_or_default()
    }

    fn is_same(&self, other: &Self) -> bool {
        let place = |place: &Self| {
            (place.evidence().to_owned(), place.source_path().to_owned(), place.record_offset())
        };
        place(self) == place(other)
    }
}

impl ShownDetection {
    /// Returns the columns that say which detection describes the event, and how.
    #[must_use]
    pub fn fields(&self) -> &FieldsOfEvent {
        &self.0
    }

    fn is_same(&self, other: &Self) -> bool {
        self.0.cell("detection_id") == other.0.cell("detection_id")
    }
}

/// The columns are written as a JSON object, in the form in which `dnsweep export` writes a row as
/// JSON lines.
impl Serialize for FieldsOfEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0
                .iter()
                .map(|field| (&field.column.name, json_value(field.column.kind, field.cell.clone()))),
        )
    }
}

impl JsonSchema for FieldsOfEvent {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Fields".into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        Map::<String, Value>::json_schema(generator)
    }
}
