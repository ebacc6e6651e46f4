//! Shows events as text for people; [`super::document`] shows them as JSON. Every column of an
//! event that has a value is a line by itself, without a change here.
//!
//! Values are never cut and stand on one line, however long it is, so that they can be copied.

use super::dump::dump;
use super::event::{FieldsOfEvent, ShownDetection, ShownEvent, ShownField};
use super::record_again::{Comparison, RecordAgain};
use super::{EventPlace, Shown};
use crate::report::answer::INSIDE_LABEL;
use crate::report::escape::escaped;
use crate::report::process::ProcessStatus;
use crate::report::summary::{Colours, Layout, Tone, chain_lines};
use crate::report::wording::{counted, grouped};
use crate::table::{Cell, ColumnType, TableId};

/// The width of the column with the names of fields, in characters.
const NAME_WIDTH: usize = 22;

/// Events of an output that are shown as text for people.
#[derive(Debug)]
pub struct ShowText<'a> {
    /// The events that are shown as text.
    pub shown: &'a Shown,
    /// The width of the text in columns, usually that of the terminal. Only the dump of a record
    /// and sentences are fitted into it.
    pub width: usize,
    /// Whether the text is coloured.
    pub colours: Colours,
}

impl ShowText<'_> {
    /// Returns the events as text, with a blank line between them, and how many requested events
    /// are not shown.
    #[must_use]
    pub fn text(&self) -> String {
        let mut lines = Vec::new();
        for event in &self.shown.events {
            if !lines.is_empty() {
                lines.push(String::new());
            }
            lines.extend(self.event(event));
        }
        if self.shown.further > 0 {
            let further = counted(self.shown.further, "further event", "further events");
            lines.push(String::new());
            lines.push(format!("… and {further}: --full shows all"));
        }
        lines.join("\n") + "\n"
    }

    fn layout(&self) -> Layout {
        Layout { width: self.width, colours: self.colours }
    }

    fn event(&self, event: &ShownEvent) -> Vec<String> {
        let layout = self.layout();
        let mut lines = vec![layout.toned(Tone::Answer, &headline(event))];
        let head = |title: &str| layout.toned(Tone::Head, title);
        lines.push(format!("  {:NAME_WIDTH$}  {}", "event_hash", escaped(&event.event_hash)));
        lines.extend(field_lines(&event.fields, &[]));
        if !event.detections.is_empty() {
            lines.push(head("Detections"));
            lines.extend(event.detections.iter().flat_map(detection_lines));
        }
        if !event.process_tree.is_empty() {
            lines.push(head("Processes, each below the one that started it (* asked for a name)"));
            lines.extend(chain_lines(layout, &event.process_tree));
        }
        let is_creation = event.found_in == [TableId::Processes];
        if let Some(process) = event.process.as_ref().filter(|_| !is_creation) {
            let is_found = process.text("status") == Some(ProcessStatus::Found.name());
            let title = if is_found {
                "Start of the process (Sysmon's event 1)"
            } else {
                "Start of the process: not found"
            };
            lines.push(head(title));
            lines.extend(field_lines(process, &["computer", "process_guid"]));
        } else if !self.shown.has_processes {
            lines.extend(layout.wrapped(
                "What started the process is not known: the sweep did not look for it (sweep --context).",
            ));
        }
        lines.push(head("In the evidence"));
        lines.extend(event.places.iter().flat_map(|place| place_lines(event, place)));
        for record in &event.records {
            lines.extend(self.record(record));
        }
        if event.places_not_read > 0 {
            let places = counted(event.places_not_read as u64, "further place", "further places");
            lines.push(format!("  not read again: {places} of copies"));
        }
        lines
    }

    /// Returns the lines about a record that was read again from the evidence: the comparison with
    /// the output, the XML and a hex dump.
    fn record(&self, record: &RecordAgain) -> Vec<String> {
        let layout = self.layout();
        let title = format!("Record read again from {}, offset {}", escaped(&record.file), record.offset);
        let mut lines = vec![layout.toned(Tone::Head, &title)];
        let tone = |text: &str| {
            if record.is_as_recorded() { text.to_owned() } else { layout.toned(Tone::Gap, text) }
        };
        lines.extend(findings(record).iter().map(|finding| tone(&format!("  {finding}"))));
        let Some(view) = &record.view else { return lines };
        match &view.xml {
            // A value can contain line ends. The bar shows that a line is still part of the XML.
            Ok(xml) => lines.extend(xml.split('\n').map(|line| format!("  | {}", escaped(line)))),
            Err(reason) => lines.push(format!("  not shown as XML: {}", escaped(reason))),
        }
        let length = grouped(view.bytes.len() as u64);
        let chunk = view.chunk_offset.map(|offset| format!(", in the chunk at offset {offset}"));
        lines.push(format!("  {length} bytes{}:", chunk.unwrap_or_default()));
        let room = self.width.saturating_sub(2);
        lines.extend(dump(view, record.offset, room).iter().map(|line| format!("  {line}")));
        lines
    }
}

/// Returns, in sentences, how a record that was read again from the evidence compares with the
/// output: by its hash, its values and its checksums.
fn findings(record: &RecordAgain) -> Vec<String> {
    let mut findings = vec![match &record.comparison {
        Comparison::Same => "The hash of its event is the event_hash above.".to_owned(),
        Comparison::Different(found) => {
            format!("DIFFERENT: the hash of its event is {}, not the one above.", escaped(found))
        }
        Comparison::Missing(reason) => format!("NOT COMPARED: {}.", escaped(reason)),
    }];
    if !record.altered.is_empty() {
        findings.push(format!(
            "DIFFERENT: the record says something else than {} above.",
            record.altered.join(", ")
        ));
    }
    if let Some(now) = record.integrity {
        let before = record.recorded_integrity.as_deref().unwrap_or("nothing");
        findings.push(if before == now {
            format!("Its checksums are as before: {now}.")
        } else {
            format!("DIFFERENT: its checksums are {now} now, and were {} when it was swept.", escaped(before))
        });
    }
    findings
}

/// Returns the line that says what the event is (such as a match or a lead), on which host and when
/// it was logged, and which name was queried.
fn headline(event: &ShownEvent) -> String {
    let is_excluded = |detection: &ShownDetection| *detection.fields().cell("excluded_by") != Cell::Null;
    let kind = match event.found_in.first() {
        Some(TableId::Matches | TableId::Leads) if event.detections.iter().all(is_excluded) => {
            "Excluded query"
        }
        Some(TableId::Matches) => "Match",
        Some(TableId::Leads) => "Lead",
        Some(TableId::Processes) => "Process start",
        _ => "DNS query without a match",
    };
    let time =
        event.time().map_or("at an unknown time".to_owned(), |time| format!("logged {}", time.readable()));
    let what = event.fields.text("query_name").or(event.fields.text("image"));
    let what = what.map(|what| format!(": {}", escaped(what))).unwrap_or_default();
    format!("{kind} on {}, {time}{what}", escaped(event.computer()))
}

/// Returns a line for each field that has a value, except those named in `left_out`; a list has a
/// line for each item.
fn field_lines(fields: &FieldsOfEvent, left_out: &[&str]) -> Vec<String> {
    let named = fields.0.iter().filter(|field| !left_out.contains(&&*field.column.name));
    named.flat_map(|field| named_values(&field.column.name, &values(field))).collect()
}

/// Returns lines with a name and values: the first beside the name, the others below it.
fn named_values(name: &str, values: &[String]) -> Vec<String> {
    let names = std::iter::once(name).chain(std::iter::repeat(""));
    names.zip(values).map(|(name, value)| format!("  {name:NAME_WIDTH$}  {value}")).collect()
}

/// Returns the values of a field as text, escaped: none for null, one for each item of a list.
fn values(field: &ShownField) -> Vec<String> {
    match &field.cell {
        Cell::Null => Vec::new(),
        Cell::Texts(texts) => texts.iter().map(|text| escaped(text).into_owned()).collect(),
        Cell::Records(records) => {
            let ColumnType::Records(names) = field.column.kind else { return Vec::new() };
            let value = |(name, _): &(&str, _), cell: &Cell<'_>| Some(format!("{name} {}", one(cell)?));
            let record = |record: &Vec<Cell<'_>>| {
                let values = names.iter().zip(record).filter_map(|(name, cell)| value(name, cell));
                values.collect::<Vec<_>>().join(", ")
            };
            records.iter().map(record).collect()
        }
        cell => one(cell).into_iter().collect(),
    }
}

/// Returns the text of a cell that is not a list, escaped; `None` for null and lists.
fn one(cell: &Cell<'_>) -> Option<String> {
    match cell {
        Cell::Text(text) => Some(escaped(text).into_owned()),
        Cell::Integer(number) => Some(number.to_string()),
        Cell::Boolean(truth) => Some(if *truth { "yes" } else { "no" }.to_owned()),
        Cell::Time(time) => time.rfc3339_microseconds(),
        Cell::Null | Cell::Texts(_) | Cell::Records(_) => None,
    }
}

/// Returns the lines of a detection: its name, and the patterns that the event satisfies.
fn detection_lines(detection: &ShownDetection) -> Vec<String> {
    let fields = detection.fields();
    let version = fields.text("detection_version").map(|version| format!(", version {}", escaped(version)));
    let id = escaped(fields.text("detection_id").unwrap_or_default()).into_owned();
    let name = escaped(fields.text("detection_name").unwrap_or_default()).into_owned();
    let mut lines = vec![format!("  {name} ({id}{})", version.unwrap_or_default())];
    let on_label = fields.texts("matched_query_on_label");
    let query = |pattern: &str| {
        let place = if on_label.contains(&pattern) { " (on a label boundary)" } else { INSIDE_LABEL };
        format!("{}{place}", escaped(pattern))
    };
    let plain = |pattern: &str| escaped(pattern).into_owned();
    let patterns = |name: &str, shown: &dyn Fn(&str) -> String| {
        fields.texts(name).into_iter().map(shown).collect::<Vec<_>>()
    };
    lines.extend(named_values("name hit by", &patterns("matched_query", &query)));
    lines.extend(named_values("process hit by", &patterns("matched_process", &plain)));
    lines.extend(named_values("answer hit by", &patterns("matched_answer", &plain)));
    let message = fields.text("risk_message").map(|message| escaped(message).into_owned());
    let risk = fields.integer("risk_score").map(|score| {
        let message = message.map(|message| format!(": {message}")).unwrap_or_default();
        format!("{score}{message}")
    });
    lines.extend(named_values("risk", &risk.into_iter().collect::<Vec<_>>()));
    let excluded = fields.text("excluded_by").map(plain);
    lines.extend(named_values("excluded by", &excluded.into_iter().collect::<Vec<_>>()));
    lines
}

/// Returns the lines of a place in the evidence: the file, and where the record lies in it.
fn place_lines(event: &ShownEvent, place: &EventPlace) -> Vec<String> {
    let fields = place.fields();
    let copy = if fields.is("duplicate") { "copy: " } else { "" };
    let mut lines = vec![format!("  {copy}{}: {}", escaped(place.evidence()), escaped(place.source_path()))];
    let number = event.fields.integer("event_record_id").map(|id| format!("EventRecordID {id}, "));
    let chunk = fields.integer("chunk_number").unwrap_or_default();
    let integrity = fields.text("integrity").unwrap_or_default();
    let recovered = if fields.is("recovered") { ", recovered from a deleted record" } else { "" };
    lines.push(format!(
        "    {}offset {}, chunk {chunk}, {}{recovered}",
        number.unwrap_or_default(),
        place.record_offset(),
        escaped(integrity)
    ));
    let original = fields.text("original_path").map(|path| format!("    on the host: {}", escaped(path)));
    lines.extend(original);
    if fields.is("deleted_file") {
        lines.push("    the file was deleted in its volume".to_owned());
    }
    let decoded_from =
        fields.text("recovered_from").map(|from| format!("    decoded from: {}", escaped(from)));
    lines.extend(decoded_from);
    let snapshot =
        fields.time("snapshot_time").map(|time| format!("    in the shadow copy of {}", time.readable()));
    lines.extend(snapshot);
    lines
}
