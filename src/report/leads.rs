//! A lead: a query of Windows' own DNS client for a name that a detection asks for, as a row of
//! `leads.parquet`. It is no match: which program asked is not known.

use super::matches::{ANSWER, Occurrence, answer_cells, hash_of_event};
use crate::base::digest::Sha256Digest;
use crate::event::{DnsClientEvent, QueryResults, query_status_name};
use crate::ledger::damage::Integrity;
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

/// A lead, complete but for the names of its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeadRow<'a> {
    /// Which chunk of the file holds the record, from 0.
    pub chunk_number: u64,
    /// Where the record starts, in bytes from the start of the file.
    pub record_offset: u64,
    /// What is known of the bytes there.
    pub integrity: Integrity,
    /// The event.
    pub event: &'a DnsClientEvent,
    /// [`lead_hash`] of the event.
    pub event_hash: Sha256Digest,
    /// Whether the event was met before.
    pub occurrence: Occurrence,
    /// The event's answers.
    pub results: QueryResults,
    /// The patterns for the query's name that hit.
    pub matched_query: Vec<String>,
}

/// What a row says of its file and its detection: the same for many rows.
#[derive(Debug, Clone, Copy)]
pub struct LeadContext<'a> {
    /// The piece of evidence.
    pub evidence: &'a str,
    /// The file, from its root.
    pub source_path: &'a str,
    /// The detection's id.
    pub detection_id: &'a str,
    /// The detection's name.
    pub detection_name: &'a str,
    /// The exclusion that holds for it; `None` for a lead.
    pub excluded_by: Option<&'a str>,
}

impl LeadRow<'_> {
    /// The row's cells, in the order of [`LEADS_COLUMNS`].
    #[must_use]
    pub fn cells<'a>(&'a self, context: &LeadContext<'a>) -> Vec<Cell<'a>> {
        let event = self.event;
        let system = &event.system;
        let number =
            |text: &Option<String>| Cell::optional_count(text.as_deref().and_then(|text| text.parse().ok()));
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
            Cell::text(event.query_name.as_deref().unwrap_or_default()),
            number(&event.query_type),
            Cell::optional(event.query_options.as_deref()),
            Cell::optional(event.query_status.as_deref()),
            Cell::optional(event.query_status.as_deref().and_then(query_status_name)),
            Cell::optional(event.query_results.as_deref()),
            Cell::Records(self.results.answers.iter().map(answer_cells).collect()),
            Cell::texts(&self.results.resolved_ips),
            Cell::optional(system.user_id.as_deref()),
            number(&event.process_id),
            number(&event.client_process_id),
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

/// A hash of what the event says: equal for a live log, an export of it and a forwarded copy.
///
/// SHA-256 (as of a match: [`super::event_hash`]) of, in this order: provider and channel in lower
/// case, computer in lower case, EventID, EventRecordID, TimeCreated in units of 100 ns since 1970
/// (the text as logged where it is no time), Execution/ProcessID, Security/UserID, ClientPID,
/// QueryName, QueryType, QueryOptions, QueryStatus (or Status), QueryResults. Numbers are decimal;
/// a field that is absent or empty is absent.
#[must_use]
pub fn lead_hash(event: &DnsClientEvent) -> Sha256Digest {
    let data = [
        &event.process_id,
        &event.system.user_id,
        &event.client_process_id,
        &event.query_name,
        &event.query_type,
        &event.query_options,
        &event.query_status,
        &event.query_results,
    ];
    hash_of_event(&event.system, &data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_has_a_cell_for_every_column() {
        let event = DnsClientEvent::default();
        let row = LeadRow {
            chunk_number: 0,
            record_offset: 0,
            integrity: Integrity::Verified,
            event: &event,
            event_hash: lead_hash(&event),
            occurrence: Occurrence::First,
            results: QueryResults::default(),
            matched_query: Vec::new(),
        };
        let context = LeadContext {
            evidence: "",
            source_path: "",
            detection_id: "",
            detection_name: "",
            excluded_by: None,
        };
        assert_eq!(row.cells(&context).len(), LEADS_COLUMNS.len());
    }

    #[test]
    fn each_field_is_part_of_the_hash() {
        let plain = lead_hash(&DnsClientEvent::default());
        let fields: [fn(&mut DnsClientEvent) -> &mut Option<String>; 8] = [
            |event| &mut event.process_id,
            |event| &mut event.client_process_id,
            |event| &mut event.query_name,
            |event| &mut event.query_type,
            |event| &mut event.query_options,
            |event| &mut event.query_status,
            |event| &mut event.query_results,
            |event| &mut event.system.user_id,
        ];
        let hash = |field: &fn(&mut DnsClientEvent) -> &mut Option<String>, text: &str| {
            let mut event = DnsClientEvent::default();
            *field(&mut event) = Some(text.to_owned());
            lead_hash(&event)
        };
        let hashes: Vec<Sha256Digest> = fields.iter().map(|field| hash(field, "1")).collect();
        for (place, found) in hashes.iter().enumerate() {
            assert!(*found != plain && hashes.iter().skip(place + 1).all(|other| other != found), "{place}");
        }
        assert!(fields.iter().all(|field| hash(field, "") == plain), "empty is absent");
    }
}
