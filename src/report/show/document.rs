//! Shows events of an output as one JSON document (`--format json`). [`super::text`] shows them as
//! text. A new value must first be in [`ShownEvent`] or [`RecordAgain`]; a new column of a table is
//! in the document by itself.

use std::io::{self, Write};

use schemars::JsonSchema;
use serde::Serialize;

use super::Shown;

use super::event::{FieldsOfEvent, ShownEvent};
use super::record_again::{Comparison, RecordAgain};
use crate::base::digest::hexadecimal;
use crate::report::answer::{TreeProcess, schema, write_json};

/// The version of the layout of the JSON document that `dnsweep show` prints.
const FORMAT_VERSION: u32 = 1;

/// Events of an output as one JSON document, which `dnsweep show --format json` prints.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(title = "dnsweep show")]
pub struct ShowDocument<'a> {
    /// The version of the layout of this document.
    format_version: u32,
    /// The path of the output directory.
    output: &'a str,
    /// The SHA-256 of the output's `run.json`, which identifies the run.
    run_sha256: &'a str,
    /// The events.
    events: Vec<EventDocument<'a>>,
    /// The number of events that were asked for and are left out, because there are too many.
    further: u64,
}

/// An event of an output, with all that the output says of it.
#[derive(Debug, Serialize, JsonSchema)]
struct EventDocument<'a> {
    /// The SHA-256 of the event's content.
    event_hash: &'a str,
    /// The tables in which the event has rows, such as `matches.parquet`.
    found_in: Vec<String>,
    /// The columns about the event itself, such as its fields, in the first table of `found_in`.
    fields: &'a FieldsOfEvent,
    /// The detections that describe the event: the columns of matches or leads that are about them.
    detections: Vec<&'a FieldsOfEvent>,
    /// Where the event lies in the evidence, its copies last.
    places: Vec<&'a FieldsOfEvent>,
    /// The row of `processes.parquet` of the process that made the query, or that was created;
    /// `null` if there is none.
    process: Option<&'a FieldsOfEvent>,
    /// The process and its ancestors, the oldest first; empty if nothing is known of them.
    process_tree: &'a [TreeProcess],
    /// The record, at each place that was read again; empty if no evidence was given.
    records: Vec<RecordDocument<'a>>,
    /// The number of places that were not read again, because the event has many copies.
    places_not_read: usize,
}

/// A record that was read again from the evidence.
#[derive(Debug, Serialize, JsonSchema)]
struct RecordDocument<'a> {
    /// The path of the file from which the record was read.
    file: &'a str,
    /// The record's offset in the file, in bytes.
    offset: u64,
    /// `same` if the event has the hash that the output has; `different`; or `missing` if no event
    /// was found there.
    comparison: &'static str,
    /// The hash that the event has instead, or the reason why no event was found; `null` if the
    /// hash is the same.
    found: Option<&'a str>,
    /// The columns of `fields` that say something else than the record does.
    altered: &'a [&'static str],
    /// How far checksums confirm the record now, as in `places`; `null` if no event was read.
    integrity: Option<&'static str>,
    /// The event as XML; `null` if the record cannot be rendered.
    xml: Option<&'a str>,
    /// Why the record cannot be rendered as XML; `null` if it can.
    xml_error: Option<&'a str>,
    /// The offset of the chunk that contains the record, in bytes from the start of the file;
    /// `null` in event XML.
    chunk_offset: Option<u64>,
    /// The record's bytes, in hexadecimal digits; `null` if they could not be read.
    bytes: Option<String>,
    /// What the bytes mean, in order.
    parts: Vec<PartDocument<'a>>,
}

/// Some bytes of a record that mean one thing.
#[derive(Debug, Serialize, JsonSchema)]
struct PartDocument<'a> {
    /// The offset of the first byte, from the start of the record.
    offset: usize,
    /// The number of bytes.
    length: usize,
    /// The number of values that the part lies in: 0 in the record itself, 1 in the values of its
    /// `EventData`.
    depth: usize,
    /// What the bytes are, such as `size of the record in bytes`.
    name: &'a str,
    /// What the bytes say, such as `1208`; `null` if they say nothing else.
    value: Option<&'a str>,
}

impl<'a> ShowDocument<'a> {
    /// Makes the JSON document of the events in `shown`. `output` is the path of the output
    /// directory, and `run_sha256` the SHA-256 of its `run.json`.
    #[must_use]
    pub fn new(shown: &'a Shown, output: &'a str, run_sha256: &'a str) -> Self {
        let events = shown.events.iter().map(EventDocument::new).collect();
        ShowDocument { format_version: FORMAT_VERSION, output, run_sha256, events, further: shown.further }
    }

    /// Writes the document as indented JSON. Characters that a reader would not see, or that act on
    /// a terminal, are written as `\uXXXX`.
    pub fn write(&self, to: &mut dyn Write) -> io::Result<()> {
        write_json(self, to)
    }
}

impl<'a> EventDocument<'a> {
    fn new(event: &'a ShownEvent) -> Self {
        EventDocument {
            event_hash: &event.event_hash,
            found_in: event.found_in.iter().map(ToString::to_string).collect(),
            fields: &event.fields,
            detections: event.detections.iter().map(super::ShownDetection::fields).collect(),
            places: event.places.iter().map(super::EventPlace::fields).collect(),
            process: event.process.as_ref(),
            process_tree: &event.process_tree,
            records: event.records.iter().map(RecordDocument::new).collect(),
            places_not_read: event.places_not_read,
        }
    }
}

impl<'a> RecordDocument<'a> {
    fn new(record: &'a RecordAgain) -> Self {
        let (comparison, found) = match &record.comparison {
            Comparison::Same => ("same", None),
            Comparison::Different(hash) => ("different", Some(hash.as_str())),
            Comparison::Missing(reason) => ("missing", Some(reason.as_str())),
        };
        let view = record.view.as_ref();
        let xml = view.map(|view| view.xml.as_ref());
        let parts = view.into_iter().flat_map(|view| &view.parts);
        let part = |part: &'a crate::event::RecordPart| PartDocument {
            offset: part.offset,
            length: part.length,
            depth: part.depth,
            name: &part.name,
            value: part.value.as_deref(),
        };
        RecordDocument {
            file: &record.file,
            offset: record.offset,
            comparison,
            found,
            altered: &record.altered,
            integrity: record.integrity,
            xml: xml.and_then(Result::ok).map(String::as_str),
            xml_error: xml.and_then(Result::err).map(String::as_str),
            chunk_offset: view.and_then(|view| view.chunk_offset),
            bytes: view.map(|view| hexadecimal(&view.bytes)),
            parts: parts.map(part).collect(),
        }
    }
}

/// Returns the JSON Schema of a [`ShowDocument`], as indented JSON.
#[must_use]
pub fn show_schema() -> String {
    schema::<ShowDocument<'static>>()
}
