//! Makes exported events from rows of the tables of matches and leads. The type of exported events,
//! with the values that formats derive from its fields, is in [`super::event`].

use super::event::{AnswerItem, DNS_CLIENT_RESPONSE, ExportedEvent, Origin, Role, TimeKind};
use crate::event::{EventTime, record_type_name};
use crate::table::{Cell, Row};

impl<'a> ExportedEvent<'a> {
    /// Makes the exported event of a row of the table of matches.
    pub(super) fn of_match(row: &Row<'a>, origin: &Origin<'a>) -> Self {
        let event = Self::of_row(row, origin, Role::Match, row.time("utc_time"));
        ExportedEvent {
            process_guid: row.text("process_guid"),
            process_id: row.integer("process_id"),
            image: row.text("image"),
            process_name: row.text("process_name"),
            user: row.text("user"),
            recovered: row.is("recovered"),
            recovered_from: row.text("recovered_from"),
            matched_process: row.texts("matched_process"),
            risk_score: row.integer("risk_score"),
            risk_message: row.text("risk_message"),
            ..event
        }
    }

    /// Makes the exported event of a row of the table of leads. It is assumed that the process and
    /// account that wrote the event made the query, except for event 3020, which a service writes
    /// on behalf of another process.
    pub(super) fn of_lead(row: &Row<'a>, origin: &Origin<'a>) -> Self {
        let event = Self::of_row(row, origin, Role::Lead, None);
        let is_by_a_service = event.event_id == DNS_CLIENT_RESPONSE;
        let writer = row.integer("process_id").filter(|_| !is_by_a_service);
        let query_type = row.integer("query_type").and_then(|number| u32::try_from(number).ok());
        ExportedEvent {
            process_id: row.integer("client_process_id").or(writer),
            user_id: row.text("user_id").filter(|_| !is_by_a_service),
            query_type: query_type.map(record_type_name),
            ..event
        }
    }

    /// Makes an exported event with the values of the columns that the tables of matches and leads
    /// have in common. All other fields are empty.
    fn of_row(row: &Row<'a>, origin: &Origin<'a>, role: Role, utc_time: Option<EventTime>) -> Self {
        let text = |column| row.text(column).unwrap_or_default();
        let (time, time_kind) = TimeKind::of(row.time("event_time"), utc_time);
        let detection_id = text("detection_id");
        ExportedEvent {
            role,
            origin: *origin,
            row: row.number(),
            time,
            time_kind,
            time_raw: text("event_time_raw"),
            utc_time,
            computer: text("computer"),
            evidence: text("evidence"),
            source_path: text("source_path"),
            original_path: row.text("original_path"),
            snapshot_time: row.time("snapshot_time"),
            deleted_file: row.is("deleted_file"),
            provider: text("provider"),
            channel: text("channel"),
            event_id: row.integer("event_id").unwrap_or(0),
            event_record_id: row.integer("event_record_id"),
            query_name: row.text("query_name"),
            query_name_lower: row.text("query_name_lower"),
            query_name_unicode: row.text("query_name_unicode"),
            registered_domain: row.text("registered_domain"),
            public_suffix: row.text("public_suffix"),
            query_status: row.text("query_status"),
            query_status_name: row.text("query_status_name"),
            query_results: row.text("query_results"),
            answers: row.records("answers").into_iter().filter_map(answer).collect(),
            resolved_ips: row.texts("resolved_ips"),
            chunk_number: row.integer("chunk_number").unwrap_or(0),
            record_offset: row.integer("record_offset").unwrap_or(0),
            integrity: text("integrity"),
            event_hash: text("event_hash"),
            duplicate: row.is("duplicate"),
            detection: origin.detections.get(&detection_id),
            detection_name: text("detection_name"),
            matched_query: row.texts("matched_query"),
            matched_query_on_label: row.texts("matched_query_on_label"),
            matched_answer: row.texts("matched_answer"),
            detection_id,
            process_guid: None,
            process_id: None,
            image: None,
            process_name: None,
            user: None,
            user_id: None,
            query_type: None,
            recovered: false,
            recovered_from: None,
            matched_process: Vec::new(),
            risk_score: None,
            risk_message: None,
            process: None,
        }
    }
}

/// Returns an item of the answer to a DNS query. `record` has the item's cells in the table: its
/// type, its data, and whether it was cut off. `None` if it was cut off.
fn answer(record: Vec<Cell<'_>>) -> Option<AnswerItem<'_>> {
    let mut cells = record.into_iter();
    match (cells.next()?, cells.next()?, cells.next()?) {
        (Cell::Text(kind), Cell::Text(data), Cell::Boolean(false)) => {
            Some(AnswerItem { record_type: Some(kind).filter(|kind| kind != "?"), data })
        }
        _ => None,
    }
}
