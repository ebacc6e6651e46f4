//! The rows and columns of `matches.parquet` and `leads.parquet`. A match is a DNS query that a
//! detection describes.
//!
//! A new column is a line in [`MatchRow::COLUMNS`]. A value that the event itself does not contain
//! also needs a field of [`MatchRow`], which `sweep::detector` and `sweep::queries` fill. A column
//! that leads have too is declared in `event_columns`, and one about the queried name in
//! `name_columns`. The columns about the detection are the last [`DETECTION_COLUMNS`] ones. A
//! change of columns must also change `SCHEMA_VERSION`, the digest in `sweep::tables`, the list in
//! `tests/judge_outputs.py`, the guide's tables (`UPDATE_README=1 cargo test --test readme`), and
//! the number of columns in README.

use std::borrow::Cow;

use super::name_columns::NameColumns;
use crate::base::digest::{HashedTexts, Sha256Digest};
use crate::event::{Event, EventTime, QueriedName, QueryResults};
use crate::ledger::container::Origin;
use crate::ledger::damage::Integrity;
use crate::table::{Cell, ColumnOf, ColumnType, cells};

/// A row of `matches.parquet` or `leads.parquet`: a match (a Sysmon DNS query that a detection
/// describes) or a lead (a query of Windows' own DNS client that a detection describes).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MatchRow<'a> {
    /// The number, from 0, of the 64 KiB chunk that contains the event's record: the number of the
    /// place for a chunk (slot) in which the chunk begins. In a file that is not an event log but
    /// is searched for chunks (`--carve`), the number of the 512-byte sector at which the chunk
    /// begins. In event XML, 0.
    pub chunk_number: u64,
    /// The offset of the event's record, in bytes from the start of the file.
    pub record_offset: u64,
    /// How far the bytes of the event's record can be trusted, by the checksums of its chunk.
    pub integrity: Integrity,
    /// The event that is a match or a lead (a query of Windows' own DNS client that a detection
    /// describes).
    pub event: &'a Event,
    /// The hash of the event's content, made by [`event_hash`]. All copies of the event have the
    /// same hash.
    pub event_hash: Sha256Digest,
    /// Says whether the event is seen for the first time, is a copy of an earlier one, or was found
    /// in a deleted record only.
    pub occurrence: Occurrence,
    /// The name that the DNS query asked for, split into its parts.
    pub name: QueriedName<'a>,
    /// The answer to the DNS query, split into its items.
    pub results: QueryResults<'a>,
    /// Those of the detection's patterns for the queried name that the event satisfies.
    pub matched_query: &'a [&'a str],
    /// Those of `matched_query` whose text is one or more whole labels of the queried name, the
    /// parts between its dots. Regular expressions, and patterns that state no text, are always
    /// among them.
    pub matched_query_on_label: &'a [&'a str],
    /// Those of the detection's patterns for the name or the path of the querying program that the
    /// event satisfies.
    pub matched_process: &'a [&'a str],
    /// Those of the detection's patterns, networks and addresses for the answer that the event
    /// satisfies.
    pub matched_answer: &'a [Cow<'a, str>],
    /// The detection's risk score, 0 to 100. `None` if the detection's rule states none, and for a
    /// lead.
    pub risk_score: Option<i64>,
    /// The detection's message about this event. `None` if the detection's rule has none, and for a
    /// lead.
    pub risk_message: Option<String>,
    /// What the rows of a file and a detection have in common: the file that contains the event,
    /// and the detection that describes it.
    pub context: MatchContext<'a>,
}

/// Says whether an event that a detection describes is seen for the first time, is a copy of an
/// earlier one, or was found in deleted records only. Events are seen in evidence order: by the
/// roots (folders and files to sweep) as the user gave them, then file by file. Copies of one event
/// can lie in a live log, in its archive, in a shadow copy, and in a log that the event was
/// forwarded to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Occurrence {
    /// The event's record was not deleted, and the event is seen for the first time.
    #[default]
    First,
    /// The event's record was not deleted, and the event is a copy: an event with the same content
    /// was seen before.
    Copy,
    /// The event was found in deleted records only.
    Recovered,
}

/// What many rows of `matches.parquet` have in common: the file that contains the event, and the
/// detection that describes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MatchContext<'a> {
    /// The name of the piece of evidence that contains the event's file.
    pub evidence: &'a str,
    /// The path, from its root (a folder or file that was swept), of the file that contains the
    /// event.
    pub source_path: &'a str,
    /// What is known about where the event's file comes from: its path on the collected machine,
    /// the time of the shadow copy that it lies in, and whether it was deleted.
    pub origin: &'a Origin,
    /// The detection's id.
    pub detection_id: &'a str,
    /// The detection's name.
    pub detection_name: &'a str,
    /// The detection's version; `None` if the detection's rule has none.
    pub detection_version: Option<&'a str>,
    /// The name of the exclusion (a site's description of harmless events) that applies to the
    /// event and the detection, so that the row is not a match or lead. `None` if no exclusion
    /// applies.
    pub excluded_by: Option<&'a str>,
}

impl<'a> MatchRow<'a> {
    /// The columns of `matches.parquet`.
    pub const COLUMNS: &'a [ColumnOf<Self>] = {
        use ColumnType::{Boolean, Integer, Text, Texts, Time};
        &[
            Self::EVENT_TIME,
            ColumnOf::<Self>::always(
                "event_time_raw",
                Text,
                "TimeCreated as the record has it, with all decimals (seven in a record that was not forwarded)",
                |row| Cell::text(&row.event.system.time_created_raw),
            )
            .distinct(),
            ColumnOf::<Self>::nullable(
                "utc_time",
                Time,
                "Sysmon's UtcTime: when the query was made; null if the event has no readable UtcTime",
                |row| Cell::optional_time(row.event.utc_time().and_then(EventTime::parse_logged)),
            )
            .distinct(),
            Self::COMPUTER,
            Self::EVIDENCE,
            Self::SOURCE_PATH,
            Self::ORIGINAL_PATH,
            Self::SNAPSHOT_TIME,
            Self::DELETED_FILE,
            Self::PROVIDER,
            Self::CHANNEL,
            ColumnOf::always("event_id", Integer, "EventID: always 22", |row| {
                Cell::count(u64::from(row.event.system.event_id))
            }),
            ColumnOf::nullable("event_version", Integer, "Version: which layout the event has", |row| {
                Cell::optional_count(row.event.system.version.map(u64::from))
            }),
            ColumnOf::<Self>::nullable(
                "event_record_id",
                Integer,
                "EventRecordID: number of the event in its log, which an export keeps",
                |row| Cell::optional_count(row.event.system.event_record_id),
            )
            .distinct(),
            ColumnOf::nullable("rule_name", Text, "name of the Sysmon configuration rule that had the event logged; `-` if the rule has no name", |row| {
                Cell::optional(row.event.rule_name())
            }),
            ColumnOf::<Self>::nullable(
                "process_guid",
                Text,
                "GUID of the querying process, in lower case, without braces",
                |row| Cell::optional(row.event.process_guid()),
            )
            .looked_up(),
            ColumnOf::nullable("process_id", Integer, "ID (PID) of the querying process", |row| {
                Cell::optional_count(row.event.process_id().and_then(|id| id.parse().ok()))
            }),
            ColumnOf::nullable("image", Text, "path of the querying process's image", |row| {
                Cell::optional(row.event.image())
            }),
            ColumnOf::nullable("process_name", Text, "file name of the image: what follows the last backslash in `image`", |row| {
                Cell::optional(row.event.process_name())
            }),
            ColumnOf::nullable("user", Text, "account of the querying process; null in logs of older versions of Sysmon", |row| {
                Cell::optional(row.event.user())
            }),
            ColumnOf::<Self>::nullable("query_name", Text, "the queried domain name", |row| {
                Cell::optional(row.event.query_name())
            })
            .looked_up(),
            Self::QUERY_NAME_LOWER,
            Self::QUERY_NAME_UNICODE,
            Self::REGISTERED_DOMAIN,
            Self::PUBLIC_SUFFIX,
            ColumnOf::nullable("query_status", Text, "Windows error code of the query, as a decimal number", |row| {
                Cell::optional(row.event.query_status())
            }),
            Self::QUERY_STATUS_NAME,
            ColumnOf::nullable("query_results", Text, "the answer to the query, as logged", |row| {
                Cell::optional(row.event.query_results())
            }),
            Self::ANSWERS,
            Self::RESOLVED_IPS,
            ColumnOf::always(
                "chunk_number",
                Integer,
                "0-based index of the chunk that contains the record; 0 in event XML",
                |row| Cell::count(row.chunk_number),
            ),
            Self::RECORD_OFFSET,
            ColumnOf::always(
                "integrity",
                Text,
                "`verified`: the checksums of the chunk that contains the record are right; `damaged`: something is wrong with the chunk (`problems` in `files.parquet` says what); `unverified`: a deleted record, event XML, or a chunk without checksums",
                |row| Cell::text(row.integrity.name()),
            ),
            ColumnOf::always(
                "recovered",
                Boolean,
                "true if the event was found in a deleted record only, and in no live one (with `--recover`); these rows come last",
                |row| Cell::Boolean(row.occurrence == Occurrence::Recovered),
            ),
            ColumnOf::nullable(
                "recovered_from",
                Text,
                "what a recovered event was decoded from: `deleted chunk`: a whole deleted chunk whose checksums are right; `own values`: the record's values, which no checksum covers, read by a template that a checksum covers; `unverified definitions`: as before, but no checksum covers the template, so the computer and the assignment of values to fields may be wrong; null if `recovered` is false",
                |row| Cell::optional(row.integrity.recovered_from()),
            ),
            ColumnOf::<Self>::always(
                "event_hash",
                Text,
                "SHA-256 of the event's content; all copies of an event have the same",
                |row| Cell::text(row.event_hash.to_string()),
            )
            .looked_up()
            .distinct(),
            ColumnOf::always(
                "duplicate",
                Boolean,
                "true if the event is a copy of one in an earlier row, such as from an archived log, a backup or a forwarded log",
                |row| Cell::Boolean(row.occurrence == Occurrence::Copy),
            ),
            ColumnOf::always("detection_id", Text, "id of the detection that describes the event", |row| {
                Cell::text(row.context.detection_id)
            }),
            Self::DETECTION_NAME,
            ColumnOf::nullable(
                "detection_version",
                Text,
                "version of the detection; null if the rule has none",
                |row| Cell::optional(row.context.detection_version),
            ),
            ColumnOf::always("matched_query", Texts, "the detection's patterns for the queried name that the event satisfies", |row| {
                Cell::texts(row.matched_query)
            }),
            Self::MATCHED_QUERY_ON_LABEL,
            ColumnOf::always(
                "matched_process",
                Texts,
                "the detection's patterns for `process_name` and `Image` that the event satisfies",
                |row| Cell::texts(row.matched_process),
            ),
            Self::MATCHED_ANSWER,
            ColumnOf::nullable(
                "risk_score",
                Integer,
                "risk score of the detection, 0 to 100; null if the rule states none",
                |row| Cell::optional_integer(row.risk_score),
            ),
            ColumnOf::nullable(
                "risk_message",
                Text,
                "the detection's message about this event; null if the rule has none",
                |row| Cell::optional(row.risk_message.as_deref()),
            ),
            ColumnOf::nullable(
                "excluded_by",
                Text,
                "name of the exclusion that takes the event away from this detection, so that the row is no match; null for a match (excluded rows are written only with `--keep-excluded`)",
                |row| Cell::optional(row.context.excluded_by),
            ),
        ]
    };
}

/// The number of columns at the end of [`MatchRow::COLUMNS`] that are about the detection. A query
/// that is not a match has no detection, so `queries.parquet` leaves them out.
const DETECTION_COLUMNS: usize = 10;

impl<'a> MatchRow<'a> {
    /// The columns of `queries.parquet`, in which every DNS query has a row: those of
    /// `matches.parquet` that are about the event and its place.
    pub const QUERY_COLUMNS: &'a [ColumnOf<Self>] =
        Self::COLUMNS.split_at(Self::COLUMNS.len() - DETECTION_COLUMNS).0;
}

impl MatchRow<'_> {
    /// Returns the cells of a row of `queries.parquet`, in the order of
    /// [`MatchRow::QUERY_COLUMNS`].
    #[must_use]
    pub fn query_cells(&self) -> Vec<Cell<'_>> {
        cells(Self::QUERY_COLUMNS, self)
    }
}

impl NameColumns for MatchRow<'_> {
    fn queried_name(&self) -> &QueriedName<'_> {
        &self.name
    }
}

/// Returns a hash of an event's content. All copies of the event have the same hash: in a live log,
/// in an export and in a log that the event was forwarded to.
///
/// The hash is the SHA-256 of a list ([`HashedTexts`]) of these texts, in this order:
///
/// - provider, channel and computer, in lower case;
/// - EventID and EventRecordID;
/// - TimeCreated in units of 100 ns since 1970 (the text as logged if it is not a time);
/// - the fields below, which depend on the kind of event.
///
/// For a Sysmon DNS query, the fields are RuleName, UtcTime, ProcessGuid in lower case without
/// braces, ProcessId, QueryName, QueryStatus, QueryResults, Image, User. For a query of Windows'
/// own DNS client, they are Execution/ProcessID, Security/UserID, ClientPID, QueryName, QueryType,
/// QueryOptions, QueryStatus (or Status), QueryResults. For a process creation, they are all fields
/// of [`PROCESS_CREATION`](crate::event::PROCESS_CREATION), in the order of Sysmon's manifest.
///
/// Numbers are decimal. An empty field counts as absent, because forwarding does not keep the two
/// apart.
#[must_use]
pub fn event_hash(event: &Event) -> Sha256Digest {
    fn filled(text: &str) -> Option<&str> {
        Some(text).filter(|text| !text.is_empty())
    }
    let system = &event.system;
    let mut texts = HashedTexts::default();
    texts.push_in_lower_case(filled(&system.provider));
    texts.push_in_lower_case(filled(&system.channel));
    texts.push_in_lower_case(filled(&system.computer));
    texts.push_shown(system.event_id);
    match system.event_record_id {
        Some(id) => texts.push_shown(id),
        None => texts.push(None),
    }
    match system.time_created {
        Some(time) => texts.push_shown(time.ticks()),
        None => texts.push(filled(&system.time_created_raw)),
    }
    for (_, value) in event.fields().filter(|(field, _)| field.hashed) {
        texts.push(value.and_then(filled));
    }
    texts.sha256()
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
    fn the_columns_of_a_query_are_those_before_the_first_of_the_detection() {
        let next = &MatchRow::COLUMNS[MatchRow::QUERY_COLUMNS.len()];
        assert_eq!(next.column.name, "detection_id");
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
}
