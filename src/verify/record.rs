//! Reads the records of single events of an output again from the evidence, and compares the hash
//! of each event with the hash in the output.
//!
//! The evidence may have moved, and only a part of it may be at hand. A file is recognised by its
//! path in its root and, if several files have that path, by the name of its piece of evidence. The
//! choice cannot falsify the result: a record counts as the same only if its event has the same
//! hash.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use super::VerifyError;
use crate::base::path_text::path_text;
use crate::config::{self, search};
use crate::event::{DNS_CLIENT_QUERY, Event, EventTime, RecordView};
use crate::evidence::discover::{Discovery, FileForm, LogFile, OpenLog, Unpacking, discover, resolve_roots};
use crate::report::show::{Comparison, EventPlace, RecordAgain, ShownEvent};
use crate::report::{Run, event_hash};
use crate::scan::{LocatedEvent, Recovery, XmlFile, view_record, view_xml_event};
use crate::sweep::events_at;
use crate::table::Cell;

/// The maximum number of places of an event (where its record or a copy of it lies) that are read
/// again from the evidence. Copies say little that is new.
const MOST_PLACES: usize = 8;

/// Reads the records of events of an output again from the evidence, and compares them with the
/// output.
pub(crate) struct RecordReader {
    discovery: Discovery,
    recovery: Recovery,
}

impl RecordReader {
    /// Lists the evidence in `roots`, the present paths of all or some roots of the sweep that
    /// `recorded` describes. `passwords` is a file with passwords for encrypted files in archives,
    /// one a line. `threads` is the number of threads that list the evidence.
    pub(crate) fn new(
        roots: Vec<PathBuf>,
        recorded: &Run,
        passwords: Option<&Path>,
        threads: NonZeroUsize,
    ) -> Result<Self, VerifyError> {
        resolve_roots(&roots)?;
        let passwords = passwords.map(config::passwords).transpose()?;
        let passwords = passwords.map(|(passwords, _)| passwords).unwrap_or_default();
        let search = search(roots, &recorded.options, Unpacking { passwords, ..Unpacking::default() });
        Ok(RecordReader { discovery: discover(&search, threads)?, recovery: recorded.options.recovery })
    }

    /// Reads the record of an event again at each of its first `MOST_PLACES` places. Stores the
    /// results in the event, with the number of places that were not read.
    pub(crate) fn read(&self, event: &mut ShownEvent) {
        let records: Vec<RecordAgain> =
            event.places.iter().take(MOST_PLACES).flat_map(|place| self.records(event, place)).collect();
        event.records = records;
        event.places_not_read = event.places.len().saturating_sub(MOST_PLACES);
    }

    /// Reads the record of an event at one of its places. If no file in the place's piece of
    /// evidence has the event, the files with the same path in other pieces are tried. There is
    /// more than one result only if a file in the right piece does not have the event, and a file
    /// in another piece does.
    fn records(&self, event: &ShownEvent, place: &EventPlace) -> Vec<RecordAgain> {
        let same_path = self.discovery.files.iter().filter(|file| file.source_path() == place.source_path());
        let is_named = |file: &&LogFile| self.discovery.evidence_name(file.evidence) == place.evidence();
        let (named, others): (Vec<&LogFile>, Vec<&LogFile>) = same_path.partition(is_named);
        let is_same = |record: &RecordAgain| record.comparison == Comparison::Same;
        let read = |file: &LogFile| self.record_in(file, event, place);
        let mut records: Vec<RecordAgain> = named.into_iter().map(read).collect();
        if !records.iter().any(is_same) {
            let mut elsewhere = others.into_iter().map(read).peekable();
            // If none of the others has the event either, one of them says so for all.
            let first = elsewhere.peek().cloned().filter(|_| records.is_empty());
            records.extend(elsewhere.find(is_same).or(first));
        }
        if records.is_empty() {
            records.push(not_there(place));
        }
        records
    }

    fn record_in(&self, file: &LogFile, event: &ShownEvent, place: &EventPlace) -> RecordAgain {
        let offset = place.record_offset();
        let mut record = RecordAgain { file: self.path_of(file), offset, ..not_there(place) };
        let log = match file.open() {
            Ok(log) => log,
            Err(error) => {
                record.comparison = Comparison::Missing(error.to_string());
                return record;
            }
        };
        let (comparison, located) = self.comparison(file, &log, offset, &event.event_hash);
        record.comparison = comparison;
        if let Some(located) = &located {
            record.altered = altered_columns(&located.event, event);
            record.integrity = Some(located.integrity.name());
            record.recorded_integrity = place.fields().text("integrity").map(str::to_owned);
        }
        match view(file, &log, offset, located.as_ref().map(|located| &located.event)) {
            Ok(view) => record.view = Some(view),
            // What was found instead of a record says more than that no event was found.
            Err(reason) if located.is_none() => record.comparison = Comparison::Missing(reason),
            Err(_) => {}
        }
        record
    }

    /// Returns the path at which a file of the evidence is now: the path of its root, joined with
    /// the file's path in the root.
    fn path_of(&self, file: &LogFile) -> String {
        let root = self.discovery.roots.get(self.discovery.root_of(file.evidence));
        let root = root.map(|root| path_text(root)).unwrap_or_default();
        let source_path = file.source_path();
        // A root that is itself the file, or the container of the file, begins the path.
        let first = source_path.split('!').next().unwrap_or_default();
        match root.rsplit_once('/') {
            Some((folder, name)) if name == first => format!("{folder}/{source_path}"),
            _ => format!("{}/{source_path}", root.trim_end_matches('/')),
        }
    }

    /// Reads the event at `offset` of a file in the same way as the sweep, and compares its hash
    /// with `hash`. Also returns the event that was read; `None` if no event begins there.
    fn comparison(
        &self,
        file: &LogFile,
        log: &OpenLog,
        offset: u64,
        hash: &str,
    ) -> (Comparison, Option<LocatedEvent>) {
        let mut events = events_at(file, log, offset, self.recovery);
        let hash_of = |found: &LocatedEvent| event_hash(&found.event).to_string();
        if let Some(same) = events.iter().position(|found| hash_of(found) == hash) {
            return (Comparison::Same, Some(events.swap_remove(same)));
        }
        match events.into_iter().next() {
            Some(found) => (Comparison::Different(hash_of(&found)), Some(found)),
            None => (Comparison::Missing("no event that dnsweep reads begins there".to_owned()), None),
        }
    }
}

/// Returns the result for a place of an event if the evidence does not have the place's file.
fn not_there(place: &EventPlace) -> RecordAgain {
    let reason = "no file of this path is in the evidence that was given: give a root of the sweep";
    RecordAgain {
        file: format!("{}: {}", place.evidence(), place.source_path()),
        offset: place.record_offset(),
        comparison: Comparison::Missing(reason.to_owned()),
        altered: Vec::new(),
        integrity: None,
        recorded_integrity: None,
        view: None,
    }
}

/// The columns of tables that contain the unchanged value of an event's field, each as the column's
/// name and the field's name.
const FIELDS: [(&str, &str); 28] = [
    ("rule_name", "RuleName"),
    ("process_guid", "ProcessGuid"),
    ("process_id", "ProcessId"),
    ("image", "Image"),
    ("user", "User"),
    ("query_name", "QueryName"),
    ("query_type", "QueryType"),
    ("query_options", "QueryOptions"),
    ("query_status", "QueryStatus"),
    ("query_results", "QueryResults"),
    ("client_process_id", "ClientPID"),
    ("file_version", "FileVersion"),
    ("description", "Description"),
    ("product", "Product"),
    ("company", "Company"),
    ("original_file_name", "OriginalFileName"),
    ("command_line", "CommandLine"),
    ("current_directory", "CurrentDirectory"),
    ("logon_guid", "LogonGuid"),
    ("logon_id", "LogonId"),
    ("terminal_session_id", "TerminalSessionId"),
    ("integrity_level", "IntegrityLevel"),
    ("hashes", "Hashes"),
    ("parent_process_guid", "ParentProcessGuid"),
    ("parent_process_id", "ParentProcessId"),
    ("parent_image", "ParentImage"),
    ("parent_command_line", "ParentCommandLine"),
    ("parent_user", "ParentUser"),
];

/// The columns with the names of computers, providers and channels. Copies of an event can differ
/// in the letter case of these names, so they are compared regardless of the case of ASCII letters.
const NAMES: [&str; 3] = ["computer", "provider", "channel"];

/// Returns the names of the columns whose cells in the row of `shown` differ from `event`, which
/// was read again. Only columns that have a value of a field of the event, or of its `System` part,
/// are compared.
fn altered_columns(event: &Event, shown: &ShownEvent) -> Vec<&'static str> {
    let system = &event.system;
    let number = |number: Option<u64>| number.map(|number| number.to_string());
    let mut said: Vec<(&'static str, Option<String>)> = vec![
        ("computer", Some(system.computer.clone())),
        ("provider", Some(system.provider.clone())),
        ("channel", Some(system.channel.clone())),
        ("event_id", number(Some(system.event_id.into()))),
        ("event_record_id", number(system.event_record_id)),
        ("process_name", event.process_name().map(str::to_owned)),
    ];
    let is_lead = event.is(&DNS_CLIENT_QUERY);
    let fields = FIELDS.iter().filter(|(column, _)| !(is_lead && *column == "process_id"));
    said.extend(fields.map(|(column, field)| (*column, event.get(field).map(str::to_owned))));
    // Copies of an event can differ in the case of names, and an empty field counts as absent.
    let is_same = |one: &str, other: &str| one.eq_ignore_ascii_case(other);
    let differs = |(column, said): (&'static str, Option<String>)| {
        let said = said.filter(|said| !said.is_empty());
        let is_other = match shown.fields.cell(column) {
            Cell::Text(text) if NAMES.contains(&column) => {
                !is_same(text, said.as_deref().unwrap_or_default())
            }
            Cell::Text(text) => said.as_deref().unwrap_or_default() != text,
            Cell::Integer(shown) => said.and_then(|said| said.parse::<i64>().ok()) != Some(*shown),
            // A column that the table does not have is null as well. Numbers that do not fit are
            // null.
            Cell::Null if shown.fields.has(column) => said.is_some_and(|said| said.parse::<u64>().is_err()),
            _ => false,
        };
        is_other.then_some(column)
    };
    let time = system.time_created.map(EventTime::microseconds);
    let is_other_time = shown.fields.time("event_time").map(EventTime::microseconds) != time;
    said.into_iter().filter_map(differs).chain(is_other_time.then_some("event_time")).collect()
}

/// Returns a view of the record at `offset` of a file: its bytes, their meaning, and the event as
/// XML. `event` is the event that was read there, if any. The error says why there is no view.
fn view(file: &LogFile, log: &OpenLog, offset: u64, event: Option<&Event>) -> Result<RecordView, String> {
    let view = match file.form {
        FileForm::Xml(encoding) => view_xml_event(log, offset, XmlFile { size: file.size, encoding }),
        FileForm::Log | FileForm::Carved => view_record(log, offset, event),
    };
    view.map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{DNS_QUERY, System};
    use crate::report::MatchRow;
    use crate::report::show::{FieldsOfEvent, ShownField};

    /// Returns an event whose row has these cells.
    fn shown(cells: &[(&str, Cell<'static>)]) -> ShownEvent {
        let field = |(name, cell): &(&str, Cell<'static>)| {
            let column = MatchRow::COLUMNS.iter().map(|of| &of.column).find(|column| column.name == *name);
            ShownField { column: column.unwrap(), cell: cell.clone() }
        };
        ShownEvent {
            event_hash: String::new(),
            found_in: Vec::new(),
            fields: FieldsOfEvent(cells.iter().map(field).collect()),
            places: Vec::new(),
            detections: Vec::new(),
            process: None,
            process_tree: Vec::new(),
            records: Vec::new(),
            places_not_read: 0,
        }
    }

    #[test]
    fn columns_that_differ_from_the_event_are_named() {
        let time = EventTime::parse_logged("2024-01-31T10:15:30.1234567Z");
        let system = System { computer: "PC".to_owned(), time_created: time, ..System::default() };
        let event = Event::new(&DNS_QUERY, system)
            .with("QueryName", "a.example")
            .with("ProcessId", "7")
            .with("User", "");
        let row = [
            ("event_time", Cell::optional_time(time)),
            ("computer", Cell::text("pc")),
            ("query_name", Cell::text("a.example")),
            ("process_id", Cell::Integer(7)),
            ("user", Cell::Null),
            ("image", Cell::Null),
        ];
        assert_eq!(altered_columns(&event, &shown(&row)), [""; 0]);
        for (column, cell) in [
            ("event_time", Cell::Null),
            ("computer", Cell::text("other")),
            ("query_name", Cell::text("A.example")),
            ("query_name", Cell::Null),
            ("process_id", Cell::Integer(8)),
            ("user", Cell::text("x")),
            ("image", Cell::text("a.exe")),
        ] {
            let altered =
                row.clone().map(|(name, own)| (name, if name == column { cell.clone() } else { own }));
            assert_eq!(altered_columns(&event, &shown(&altered)), [column], "{column} {cell:?}");
        }
    }
}
