//! A match: a DNS query that a detection describes, as a row of `matches.parquet`.

use std::borrow::Cow;

use crate::base::digest::{Sha256Digest, sha256_of_texts};
use crate::event::{Answer, Event, EventTime, QueryResults, query_status_name};
use crate::ledger::damage::Integrity;
use crate::table::{Cell, Column, ColumnType, Scalar, Storage};

/// The fields of an answer.
pub(super) const ANSWER: &[(&str, Scalar)] =
    &[("type", Scalar::Text), ("data", Scalar::Text), ("cut", Scalar::Boolean)];

/// The columns of `matches.parquet`.
pub const MATCHES_COLUMNS: [Column; 38] = {
    use ColumnType::{Boolean, Integer, Records, Text, Texts, Time};
    [
        Column::nullable(
            "event_time",
            Time,
            "TimeCreated: when the event was logged; null where the record has no readable time",
        ),
        Column::always(
            "event_time_raw",
            Text,
            "TimeCreated as the record has it, with all its decimals (seven for a record that was not forwarded)",
        ),
        Column::nullable("utc_time", Time, "Sysmon's UtcTime: when the query happened"),
        Column::always("computer", Text, "the machine that logged the event"),
        Column::always("evidence", Text, "the piece of evidence the file belongs to"),
        Column::always("source_path", Text, "the file, from its root"),
        Column::always("provider", Text, "Provider name"),
        Column::always("channel", Text, "Channel"),
        Column::always("event_id", Integer, "EventID: 22"),
        Column::nullable("event_version", Integer, "Version of the event's layout"),
        Column::nullable(
            "event_record_id",
            Integer,
            "EventRecordID: the event's own number, which an export keeps",
        ),
        Column::nullable("rule_name", Text, "the Sysmon rule that logged it, `-` for none"),
        Column::nullable("process_guid", Text, "the process's GUID, lower case, without braces"),
        Column::nullable("process_id", Integer, "the querying process's number"),
        Column::nullable("image", Text, "path of the process's image"),
        Column::nullable("process_name", Text, "what follows the last backslash of `image`"),
        Column::nullable("user", Text, "account of the process; null in logs of older Sysmon"),
        Column::nullable("query_name", Text, "the name asked for"),
        Column::nullable("query_status", Text, "Windows error code of the query, decimal"),
        Column::nullable(
            "query_status_name",
            Text,
            "Windows' own symbol for `query_status` (`DNS_ERROR_RCODE_NAME_ERROR` for 9003), where it is known; added by dnsweep, not logged",
        ),
        Column::nullable("query_results", Text, "the answer as logged"),
        Column::always(
            "answers",
            Records(ANSWER),
            "the answer taken apart, in the logged order; `cut`: the value was cut off in this one, which is only its beginning",
        ),
        Column::always("resolved_ips", Texts, "the addresses among the answers that are not `cut`"),
        Column::always(
            "chunk_number",
            Integer,
            "the chunk of the file that holds the record, from 0; 0 in event XML",
        ),
        Column::always(
            "record_offset",
            Integer,
            "where the record starts, in bytes from the start of the file",
        ),
        Column::always(
            "integrity",
            Text,
            "`verified`: the chunk that holds the record has the checksums it was written with; `damaged`: something is wrong \
             with the chunk (the file's `problems` say what); `unverified`: a deleted record, event XML, or a chunk without checksums",
        ),
        Column::always(
            "recovered",
            Boolean,
            "whether the record had been deleted and no live one says the same (with `--recover`); such rows come last",
        ),
        Column::nullable(
            "recovered_from",
            Text,
            "of a recovered row, what it rests on: `deleted chunk`, whose checksums hold; `own values`, which have no checksum, read by \
             definitions that have one; `unverified definitions`: computer, and which value is which, may be another record's by now",
        ),
        Column::always(
            "event_hash",
            Text,
            "SHA-256 of what the event says, wherever and however it is stored",
        ),
        Column::always(
            "duplicate",
            Boolean,
            "whether it is a copy of an event in an earlier row: one of an archive, a backup, a forwarded log",
        ),
        Column::always("detection_id", Text, "the detection's id"),
        Column::always("detection_name", Text, "its name"),
        Column::nullable("detection_version", Text, "its version; null where the rule has none"),
        Column::always("matched_query", Texts, "the patterns for the query's name that hit"),
        Column::always("matched_process", Texts, "the patterns for process_name and Image that hit"),
        Column::nullable(
            "risk_score",
            Integer,
            "the detection's risk score, 0 to 100; null where the rule states none",
        ),
        Column::nullable(
            "risk_message",
            Text,
            "the detection's message about this event; null where the rule has none",
        ),
        Column::nullable(
            "excluded_by",
            Text,
            "name of the exclusion that holds for it, so that it counts nowhere as a match; null for a match \
             (such rows are there with `--keep-excluded` only)",
        ),
    ]
};

/// How they are stored.
pub const MATCHES_STORAGE: Storage = Storage {
    looked_up: &["query_name", "process_guid", "event_hash"],
    distinct: &["event_time", "event_time_raw", "utc_time", "event_record_id", "record_offset", "event_hash"],
};

/// A match or a lead, complete but for the names of its evidence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchRow<'a> {
    /// Which chunk of the file holds the record, from 0.
    pub chunk_number: u64,
    /// Where the record starts, in bytes from the start of the file.
    pub record_offset: u64,
    /// What is known of the bytes there.
    pub integrity: Integrity,
    /// The event.
    pub event: &'a Event,
    /// [`event_hash`] of the event.
    pub event_hash: Sha256Digest,
    /// Whether the event was met before.
    pub occurrence: Occurrence,
    /// The event's answers.
    pub results: QueryResults,
    /// The patterns for the query's name that hit.
    pub matched_query: Vec<String>,
    /// The patterns for the process's name and image that hit.
    pub matched_process: Vec<String>,
    /// The detection's risk score; `None` where the rule states none.
    pub risk_score: Option<i64>,
    /// The detection's message about this event; `None` where the rule has none.
    pub risk_message: Option<String>,
}

/// Which time an event is met, in evidence order. One event can lie in a live log, in its archive,
/// in a shadow copy, and in a log that it was forwarded to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Occurrence {
    /// The first time.
    #[default]
    First,
    /// It is a copy of one that was met before.
    Copy,
    /// It is no event of any log any more: it was found among what is left of deleted records, and
    /// nowhere else.
    Recovered,
}

/// What a row says of its file and its detection: the same for many rows.
#[derive(Debug, Clone, Copy)]
pub struct MatchContext<'a> {
    /// The piece of evidence.
    pub evidence: &'a str,
    /// The file, from its root.
    pub source_path: &'a str,
    /// The detection's id.
    pub detection_id: &'a str,
    /// The detection's name.
    pub detection_name: &'a str,
    /// The detection's version; `None` where the rule has none.
    pub detection_version: Option<&'a str>,
    /// The exclusion that holds for it; `None` for a match.
    pub excluded_by: Option<&'a str>,
}

impl MatchRow<'_> {
    /// The row's cells, in the order of [`MATCHES_COLUMNS`].
    #[must_use]
    pub fn cells<'a>(&'a self, context: &MatchContext<'a>) -> Vec<Cell<'a>> {
        let event = self.event;
        let system = &event.system;
        let utc_time = event.utc_time().and_then(EventTime::parse_logged);
        let status_name = event.query_status().and_then(query_status_name);
        vec![
            Cell::optional_time(system.time_created),
            Cell::text(&system.time_created_raw),
            Cell::optional_time(utc_time),
            Cell::text(&system.computer),
            Cell::text(context.evidence),
            Cell::text(context.source_path),
            Cell::text(&system.provider),
            Cell::text(&system.channel),
            Cell::count(u64::from(system.event_id)),
            Cell::optional_count(system.version.map(u64::from)),
            Cell::optional_count(system.event_record_id),
            Cell::optional(event.get("RuleName")),
            Cell::optional(event.get("ProcessGuid")),
            Cell::optional_count(event.process_id().and_then(|id| id.parse().ok())),
            Cell::optional(event.image()),
            Cell::optional(event.process_name()),
            Cell::optional(event.user()),
            Cell::optional(event.query_name()),
            Cell::optional(event.query_status()),
            Cell::optional(status_name),
            Cell::optional(event.query_results()),
            Cell::Records(self.results.answers.iter().map(answer_cells).collect()),
            Cell::texts(&self.results.resolved_ips),
            Cell::count(self.chunk_number),
            Cell::count(self.record_offset),
            Cell::text(self.integrity.name()),
            Cell::Boolean(self.occurrence == Occurrence::Recovered),
            Cell::optional(self.integrity.recovered_from()),
            Cell::text(self.event_hash.to_string()),
            Cell::Boolean(self.occurrence == Occurrence::Copy),
            Cell::text(context.detection_id),
            Cell::text(context.detection_name),
            Cell::optional(context.detection_version),
            Cell::texts(&self.matched_query),
            Cell::texts(&self.matched_process),
            Cell::optional_integer(self.risk_score),
            Cell::optional(self.risk_message.as_deref()),
            Cell::optional(context.excluded_by),
        ]
    }
}

/// What an answer is in a table.
pub(super) fn answer_cells(answer: &Answer) -> Vec<Cell<'_>> {
    vec![Cell::text(&*answer.kind), Cell::text(&answer.data), Cell::Boolean(answer.cut)]
}

/// A hash of what the event says: equal for a live log, an export of it and a forwarded copy.
///
/// SHA-256 ([`sha256_of_texts`]) of, in this order: provider and channel in lower case, computer in
/// lower case, EventID, EventRecordID, TimeCreated in units of 100 ns since 1970 (the text as
/// logged where it is no time), and the fields of the event's kind in the order of its table: of a
/// Sysmon DNS query, RuleName, UtcTime, ProcessGuid in lower case without braces, ProcessId,
/// QueryName, QueryStatus, QueryResults, Image, User; of a query of Windows' own DNS client,
/// Execution/ProcessID, Security/UserID, ClientPID, QueryName, QueryType, QueryOptions, QueryStatus
/// (or Status), QueryResults. Numbers are decimal; a field that is absent or empty is absent, as
/// forwarding does not keep the two apart.
#[must_use]
pub fn event_hash(event: &Event) -> Sha256Digest {
    let system = &event.system;
    let time =
        system.time_created.map_or_else(|| system.time_created_raw.clone(), |time| time.ticks().to_string());
    let record_id = system.event_record_id.map(|id| id.to_string());
    let written: [Option<Cow<'_, str>>; 6] = [
        Some(system.provider.to_ascii_lowercase().into()),
        Some(system.channel.to_ascii_lowercase().into()),
        Some(system.computer.to_ascii_lowercase().into()),
        Some(system.event_id.to_string().into()),
        record_id.map(Cow::Owned),
        Some(time.into()),
    ];
    let data = event.fields().filter(|(field, _)| field.hashed).map(|(_, value)| value);
    let texts = written.iter().map(Option::as_deref).chain(data);
    sha256_of_texts(texts.map(|text| text.filter(|text| !text.is_empty())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{DNS_QUERY, System};

    fn event() -> Event {
        let system = System {
            provider: "Microsoft-Windows-Sysmon".to_owned(),
            time_created_raw: "2024-01-31T10:15:30.1234567Z".to_owned(),
            time_created: EventTime::parse_logged("2024-01-31T10:15:30.1234567Z"),
            ..System::default()
        };
        Event::new(&DNS_QUERY, system).with("QueryName", "example.com")
    }

    #[test]
    fn storage_does_not_change_the_hash_and_content_does() {
        let original = event_hash(&event());
        let mut forwarded = event();
        forwarded.system.time_created_raw = "2024-01-31T10:15:30.123456700Z".to_owned();
        forwarded.system.provider = "Microsoft-Windows-SYSMON".to_owned();
        forwarded.set("User", Some(String::new()));
        assert_eq!(event_hash(&forwarded), original);
        let mut other = event();
        other.set("QueryName", None);
        other.set("Image", Some("example.com".to_owned()));
        assert_ne!(event_hash(&other), original);
    }

    #[test]
    fn a_row_has_a_cell_for_every_column() {
        let event = event();
        let row = MatchRow {
            chunk_number: 0,
            record_offset: 0,
            integrity: Integrity::Verified,
            event_hash: Sha256Digest::default(),
            occurrence: Occurrence::First,
            event: &event,
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
        assert_eq!(row.cells(&context).len(), MATCHES_COLUMNS.len());
    }

    #[test]
    fn what_is_stored_in_another_way_is_a_column() {
        for name in MATCHES_STORAGE.looked_up.iter().chain(MATCHES_STORAGE.distinct) {
            assert!(MATCHES_COLUMNS.iter().any(|column| column.name == *name), "{name}");
        }
    }
}
