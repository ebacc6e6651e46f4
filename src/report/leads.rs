//! A lead: a query of Windows' own DNS client for a name that a detection asks for, as a row of
//! `leads.parquet`. It is no match: which program asked is not known.

use super::matches::{ANSWER, MatchContext, MatchRow, Occurrence, answer_cells};
use crate::event::query_status_name;
use crate::table::{Cell, Column, ColumnType, Storage};

/// The columns of `leads.parquet`.
pub const LEADS_COLUMNS: [Column; 29] = {
    use ColumnType::{Boolean, Integer, Records, Text, Texts, Time};
    [
        Column::nullable(
            "event_time",
            Time,
            "TimeCreated: when the event was logged; null where the record has no readable time",
        ),
        Column::always("event_time_raw", Text, "TimeCreated as the record has it"),
        Column::always("computer", Text, "the machine that logged the event"),
        Column::always("evidence", Text, "the piece of evidence the file belongs to"),
        Column::always("source_path", Text, "the file, from its root"),
        Column::always("provider", Text, "Provider name"),
        Column::always("channel", Text, "Channel"),
        Column::always(
            "event_id",
            Integer,
            "EventID: 3006, a query is made; 3008, it is completed; 3020, a server's response",
        ),
        Column::nullable("event_record_id", Integer, "EventRecordID"),
        Column::always("query_name", Text, "the name asked for"),
        Column::nullable("query_type", Integer, "the type of record asked for: 1 for A, 28 for AAAA"),
        Column::nullable("query_options", Text, "options of the query, as a decimal number"),
        Column::nullable("query_status", Text, "Windows error code of the query, decimal; not in event 3006"),
        Column::nullable(
            "query_status_name",
            Text,
            "Windows' own symbol for `query_status` (`DNS_ERROR_RCODE_NAME_ERROR` for 9003), where it is known; added by dnsweep, not logged",
        ),
        Column::nullable("query_results", Text, "the answer as logged; not in event 3006"),
        Column::always(
            "answers",
            Records(ANSWER),
            "the answer taken apart, in the logged order; `cut`: the value was cut off in this one, which is only its beginning",
        ),
        Column::always("resolved_ips", Texts, "the addresses among the answers that are not `cut`"),
        Column::nullable(
            "user_id",
            Text,
            "SID of the account of the process that wrote the event: the one that asks, but a service's in event 3020",
        ),
        Column::nullable("process_id", Integer, "number of the process that wrote the event, likewise"),
        Column::nullable(
            "client_process_id",
            Integer,
            "number of the process that asks, where a service wrote the event and says it",
        ),
        Column::always("chunk_number", Integer, "the chunk of the file that holds the record, from 0"),
        Column::always(
            "record_offset",
            Integer,
            "where the record starts, in bytes from the start of the file",
        ),
        Column::always(
            "integrity",
            Text,
            "what is known of the bytes of the record, as in `matches.parquet`",
        ),
        Column::always("event_hash", Text, "SHA-256 of what the event says"),
        Column::always("duplicate", Boolean, "whether it is a copy of an event in an earlier row"),
        Column::always("detection_id", Text, "id of the detection that asks for the name"),
        Column::always("detection_name", Text, "its name"),
        Column::always("matched_query", Texts, "the detection's patterns for the name that hit"),
        Column::nullable(
            "excluded_by",
            Text,
            "name of the exclusion that holds for it; null for a lead (such rows are there with `--keep-excluded` only)",
        ),
    ]
};

/// How they are stored.
pub const LEADS_STORAGE: Storage = Storage {
    looked_up: &["query_name", "event_hash"],
    distinct: &["event_time", "event_time_raw", "event_record_id", "record_offset", "event_hash"],
};

impl MatchRow<'_> {
    /// The cells of a lead's row, in the order of [`LEADS_COLUMNS`].
    #[must_use]
    pub fn lead_cells<'a>(&'a self, context: &MatchContext<'a>) -> Vec<Cell<'a>> {
        let event = self.event;
        let system = &event.system;
        let number = |name: &str| Cell::optional_count(event.get(name).and_then(|text| text.parse().ok()));
        vec![
            Cell::optional_time(system.time_created),
            Cell::text(&system.time_created_raw),
            Cell::text(&system.computer),
            Cell::text(context.evidence),
            Cell::text(context.source_path),
            Cell::text(&system.provider),
            Cell::text(&system.channel),
            Cell::count(u64::from(system.event_id)),
            Cell::optional_count(system.event_record_id),
            Cell::text(event.query_name().unwrap_or_default()),
            number("QueryType"),
            Cell::optional(event.get("QueryOptions")),
            Cell::optional(event.query_status()),
            Cell::optional(event.query_status().and_then(query_status_name)),
            Cell::optional(event.query_results()),
            Cell::Records(self.results.answers.iter().map(answer_cells).collect()),
            Cell::texts(&self.results.resolved_ips),
            Cell::optional(system.user_id.as_deref()),
            number("Execution/@ProcessID"),
            number("ClientPID"),
            Cell::count(self.chunk_number),
            Cell::count(self.record_offset),
            Cell::text(self.integrity.name()),
            Cell::text(self.event_hash.to_string()),
            Cell::Boolean(self.occurrence == Occurrence::Copy),
            Cell::text(context.detection_id),
            Cell::text(context.detection_name),
            Cell::texts(&self.matched_query),
            Cell::optional(context.excluded_by),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::super::event_hash;
    use super::*;
    use crate::base::digest::Sha256Digest;
    use crate::event::{DNS_CLIENT_QUERY, Event, QueryResults, System};
    use crate::ledger::damage::Integrity;

    #[test]
    fn a_row_has_a_cell_for_every_column() {
        let event = Event::new(&DNS_CLIENT_QUERY, System::default());
        let row = MatchRow {
            chunk_number: 0,
            record_offset: 0,
            integrity: Integrity::Verified,
            event: &event,
            event_hash: event_hash(&event),
            occurrence: Occurrence::First,
            results: QueryResults::default(),
            matched_query: Vec::new(),
            matched_process: Vec::new(),
            risk_score: None,
            risk_message: None,
        };
        let context = MatchContext {
            evidence: "",
            source_path: "",
            detection_id: "",
            detection_name: "",
            detection_version: None,
            excluded_by: None,
        };
        assert_eq!(row.lead_cells(&context).len(), LEADS_COLUMNS.len());
    }

    #[test]
    fn each_field_is_part_of_the_hash() {
        let event = || Event::new(&DNS_CLIENT_QUERY, System::default());
        let plain = event_hash(&event());
        let fields = [
            "Execution/@ProcessID",
            "ClientPID",
            "QueryName",
            "QueryType",
            "QueryOptions",
            "QueryStatus",
            "QueryResults",
            "Security/@UserID",
        ];
        let hash = |field: &str, text: &str| event_hash(&event().with(field, text));
        let hashes: Vec<Sha256Digest> = fields.iter().map(|field| hash(field, "1")).collect();
        for (place, found) in hashes.iter().enumerate() {
            assert!(*found != plain && hashes.iter().skip(place + 1).all(|other| other != found), "{place}");
        }
        assert!(fields.iter().all(|field| hash(field, "") == plain), "empty is absent");
    }
}
