//! The columns that `matches.parquet` and `leads.parquet` have in common. They apply to every event
//! that a detection describes, of any kind. A column that is declared in this file belongs to a
//! table only if the table's list of columns names it.

use super::matches::MatchRow;
use crate::event::{Answer, query_status_name};
use crate::table::ColumnType::{Boolean, Integer, Records, Text, Texts, Time};
use crate::table::{Cell, ColumnOf, Scalar};

/// The fields of each record in the column `answers`, which lists the items of the answer to a DNS
/// query: the item's type (such as A), its data, and whether it was cut off when it was logged.
const ANSWER: &[(&str, Scalar)] = &[("type", Scalar::Text), ("data", Scalar::Text), ("cut", Scalar::Boolean)];

/// The names of the columns that say where the record of an event lies in the evidence, and how far
/// the record can be trusted. `processes.parquet` has them too, for Sysmon's event 1 (process
/// creation) of each process.
#[cfg(feature = "cli")]
pub(super) const PLACE: [&str; 10] = [
    "evidence",
    "source_path",
    "original_path",
    "snapshot_time",
    "deleted_file",
    "chunk_number",
    "record_offset",
    "integrity",
    "recovered",
    "recovered_from",
];

impl MatchRow<'_> {
    pub(super) const EVENT_TIME: ColumnOf<Self> = ColumnOf::<Self>::nullable(
        "event_time",
        Time,
        "TimeCreated: when the event was logged; null where the record has no readable time",
        |row| Cell::optional_time(row.event.system.time_created),
    )
    .distinct();
    pub(super) const COMPUTER: ColumnOf<Self> =
        ColumnOf::always("computer", Text, "name of the machine that logged the event", |row| {
            Cell::text(&row.event.system.computer)
        });
    pub(super) const EVIDENCE: ColumnOf<Self> =
        ColumnOf::always("evidence", Text, "name of the piece of evidence that contains the file", |row| {
            Cell::text(row.context.evidence)
        });
    pub(super) const SOURCE_PATH: ColumnOf<Self> =
        ColumnOf::always("source_path", Text, "path of the file from its root", |row| {
            Cell::text(row.context.source_path)
        });
    pub(super) const ORIGINAL_PATH: ColumnOf<Self> = ColumnOf::nullable(
        "original_path",
        Text,
        "path of the file on its host, as the volume that contains it or the names in an archive state it; null for a file in a folder",
        |row| Cell::optional(row.context.origin.original_path.as_deref()),
    );
    pub(super) const SNAPSHOT_TIME: ColumnOf<Self> = ColumnOf::nullable(
        "snapshot_time",
        Time,
        "time at which the shadow copy was made that the file, or the archive or image that contains it, comes from; null for any other file",
        |row| Cell::optional_time(row.context.origin.snapshot_time),
    );
    pub(super) const DELETED_FILE: ColumnOf<Self> = ColumnOf::always(
        "deleted_file",
        Boolean,
        "true if the file, or the archive or image that contains it, was deleted in its volume, and is read from where its bytes still lie",
        |row| Cell::Boolean(row.context.origin.deleted),
    );
    pub(super) const PROVIDER: ColumnOf<Self> =
        ColumnOf::always("provider", Text, "name of the provider that logged the event", |row| {
            Cell::text(&row.event.system.provider)
        });
    pub(super) const CHANNEL: ColumnOf<Self> =
        ColumnOf::always("channel", Text, "channel (log) that the event was written to", |row| {
            Cell::text(&row.event.system.channel)
        });
    pub(super) const QUERY_STATUS_NAME: ColumnOf<Self> = ColumnOf::<Self>::nullable(
        "query_status_name",
        Text,
        "Windows' symbol for `query_status`, such as `DNS_ERROR_RCODE_NAME_ERROR` for 9003; null if it is not known; added by dnsweep, not logged",
        |row| Cell::optional(row.event.query_status().and_then(query_status_name)),
    );
    pub(super) const ANSWERS: ColumnOf<Self> = ColumnOf::<Self>::always(
        "answers",
        Records(ANSWER),
        "the items of the answer, in the logged order; `cut` is true if the item was cut off when it was logged, so that `data` is only its beginning",
        |row| Cell::Records(row.results.answers.iter().map(answer_cells).collect()),
    );
    pub(super) const RESOLVED_IPS: ColumnOf<Self> = ColumnOf::<Self>::always(
        "resolved_ips",
        Texts,
        "IP addresses in `answers`, without those that are `cut`",
        |row| Cell::texts(&row.results.resolved_ips),
    );
    pub(super) const RECORD_OFFSET: ColumnOf<Self> = ColumnOf::<Self>::always(
        "record_offset",
        Integer,
        "offset of the record in bytes from the start of the file",
        |row| Cell::count(row.record_offset),
    )
    .distinct();
    pub(super) const MATCHED_QUERY_ON_LABEL: ColumnOf<Self> = ColumnOf::<Self>::always(
        "matched_query_on_label",
        Texts,
        "those of `matched_query` whose text is whole labels of the name (the parts between its dots): `*t.me*` in `cdn.t.me` and `t.me.evil.com`, but not in `client.medium.com`; a pattern's text reaches from the first to the last character that it states; a regular expression, and a pattern that states no text, are always listed",
        |row| Cell::texts(row.matched_query_on_label),
    );
    pub(super) const MATCHED_ANSWER: ColumnOf<Self> = ColumnOf::<Self>::always(
        "matched_answer",
        Texts,
        "the detection's patterns, networks and addresses for the answer that the event satisfies",
        |row| Cell::texts(row.matched_answer),
    );
    pub(super) const DETECTION_NAME: ColumnOf<Self> =
        ColumnOf::always("detection_name", Text, "name of the detection", |row| {
            Cell::text(row.context.detection_name)
        });
}

/// Returns the cells of one item of the answer to a DNS query, in the order of [`ANSWER`].
fn answer_cells<'a>(answer: &'a Answer<'_>) -> Vec<Cell<'a>> {
    vec![Cell::text(&*answer.kind), Cell::text(&*answer.data), Cell::Boolean(answer.cut)]
}
