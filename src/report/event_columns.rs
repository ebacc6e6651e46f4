//! The columns that `matches.parquet` and `leads.parquet` have in common: what every event with a hit
//! has, whatever its kind.

use super::matches::MatchRow;
use crate::event::{Answer, query_status_name};
use crate::table::ColumnType::{Integer, Records, Text, Texts, Time};
use crate::table::{Cell, ColumnOf, Scalar};

/// The fields of a record in the column `answers`.
const ANSWER: &[(&str, Scalar)] = &[("type", Scalar::Text), ("data", Scalar::Text), ("cut", Scalar::Boolean)];

impl MatchRow<'_> {
    pub(super) const EVENT_TIME: ColumnOf<Self> = ColumnOf::<Self>::nullable(
        "event_time",
        Time,
        "TimeCreated: when the event was logged; null where the record has no readable time",
        |row| Cell::optional_time(row.event.system.time_created),
    )
    .distinct();
    pub(super) const COMPUTER: ColumnOf<Self> =
        ColumnOf::always("computer", Text, "the machine that logged the event", |row| {
            Cell::text(&row.event.system.computer)
        });
    pub(super) const EVIDENCE: ColumnOf<Self> =
        ColumnOf::always("evidence", Text, "the piece of evidence the file belongs to", |row| {
            Cell::text(row.context.evidence)
        });
    pub(super) const SOURCE_PATH: ColumnOf<Self> =
        ColumnOf::always("source_path", Text, "the file, from its root", |row| {
            Cell::text(row.context.source_path)
        });
    pub(super) const PROVIDER: ColumnOf<Self> =
        ColumnOf::always("provider", Text, "Provider name", |row| Cell::text(&row.event.system.provider));
    pub(super) const CHANNEL: ColumnOf<Self> =
        ColumnOf::always("channel", Text, "Channel", |row| Cell::text(&row.event.system.channel));
    pub(super) const QUERY_STATUS_NAME: ColumnOf<Self> = ColumnOf::<Self>::nullable(
        "query_status_name",
        Text,
        "Windows' own symbol for `query_status` (`DNS_ERROR_RCODE_NAME_ERROR` for 9003), where it is known; added by dnsweep, not logged",
        |row| Cell::optional(row.event.query_status().and_then(query_status_name)),
    );
    pub(super) const ANSWERS: ColumnOf<Self> = ColumnOf::<Self>::always(
        "answers",
        Records(ANSWER),
        "the answer taken apart, in the logged order; `cut`: the value was cut off in this one, which is only its beginning",
        |row| Cell::Records(row.results.answers.iter().map(answer_cells).collect()),
    );
    pub(super) const RESOLVED_IPS: ColumnOf<Self> = ColumnOf::<Self>::always(
        "resolved_ips",
        Texts,
        "the addresses among the answers that are not `cut`",
        |row| Cell::texts(&row.results.resolved_ips),
    );
    pub(super) const RECORD_OFFSET: ColumnOf<Self> = ColumnOf::<Self>::always(
        "record_offset",
        Integer,
        "where the record starts, in bytes from the start of the file",
        |row| Cell::count(row.record_offset),
    )
    .distinct();
    pub(super) const DETECTION_NAME: ColumnOf<Self> =
        ColumnOf::always("detection_name", Text, "its name", |row| Cell::text(row.context.detection_name));
}

/// Returns the cells of one answer, in the order of [`ANSWER`].
fn answer_cells(answer: &Answer) -> Vec<Cell<'_>> {
    vec![Cell::text(&*answer.kind), Cell::text(&answer.data), Cell::Boolean(answer.cut)]
}
