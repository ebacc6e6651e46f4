//! The columns of `leads.parquet`. A lead is a query of Windows' own DNS client whose name (or, for
//! some rules, whose answer) a detection describes. It is not a match, because the querying program
//! is not known.

use super::matches::{MatchRow, Occurrence};
use super::name_columns::NameColumns;
use crate::table::{Cell, ColumnOf, ColumnType};

impl<'a> MatchRow<'a> {
    /// The columns of `leads.parquet`.
    pub const LEAD_COLUMNS: &'a [ColumnOf<Self>] = {
        use ColumnType::{Boolean, Integer, Text, Texts};
        &[
            Self::EVENT_TIME,
            ColumnOf::<Self>::always(
                "event_time_raw",
                Text,
                "TimeCreated as the record has it, with all decimals",
                |row| Cell::text(&row.event.system.time_created_raw),
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
            ColumnOf::always(
                "event_id",
                Integer,
                "EventID: 3006 if a query is made, 3008 if it is completed, 3020 if a server responds",
                |row| Cell::count(u64::from(row.event.system.event_id)),
            ),
            ColumnOf::<Self>::nullable(
                "event_record_id",
                Integer,
                "EventRecordID: number of the event in its log, which an export keeps",
                |row| Cell::optional_count(row.event.system.event_record_id),
            )
            .distinct(),
            ColumnOf::<Self>::always("query_name", Text, "the queried domain name", |row| {
                Cell::text(row.event.query_name().unwrap_or_default())
            })
            .looked_up(),
            Self::QUERY_NAME_LOWER,
            Self::QUERY_NAME_UNICODE,
            Self::REGISTERED_DOMAIN,
            Self::PUBLIC_SUFFIX,
            ColumnOf::nullable(
                "query_type",
                Integer,
                "type of the queried DNS records, such as 1 for A and 28 for AAAA",
                |row| row.number("QueryType"),
            ),
            ColumnOf::nullable("query_options", Text, "options of the query, as a decimal number", |row| {
                Cell::optional(row.event.get("QueryOptions"))
            }),
            ColumnOf::nullable(
                "query_status",
                Text,
                "Windows error code of the query, as a decimal number; null in event 3006",
                |row| Cell::optional(row.event.query_status()),
            ),
            Self::QUERY_STATUS_NAME,
            ColumnOf::nullable(
                "query_results",
                Text,
                "the answer to the query, as logged; null in event 3006",
                |row| Cell::optional(row.event.query_results()),
            ),
            Self::ANSWERS,
            Self::RESOLVED_IPS,
            ColumnOf::nullable(
                "user_id",
                Text,
                "SID of the account of the process that wrote the event: the querying process, or a service's process in event 3020",
                |row| Cell::optional(row.event.system.user_id.as_deref()),
            ),
            ColumnOf::nullable(
                "process_id",
                Integer,
                "ID (PID) of the process that wrote the event: the querying process, or a service's process in event 3020",
                |row| row.number("Execution/@ProcessID"),
            ),
            ColumnOf::nullable(
                "client_process_id",
                Integer,
                "ID (PID) of the querying process, if a service wrote the event and names that process",
                |row| row.number("ClientPID"),
            ),
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
                "how far the bytes of the record can be trusted: `verified`, `damaged` or `unverified`, as in `matches.parquet`",
                |row| Cell::text(row.integrity.name()),
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
                "true if the event is a copy of one in an earlier row",
                |row| Cell::Boolean(row.occurrence == Occurrence::Copy),
            ),
            ColumnOf::always("detection_id", Text, "id of the detection that describes the name", |row| {
                Cell::text(row.context.detection_id)
            }),
            Self::DETECTION_NAME,
            ColumnOf::always(
                "matched_query",
                Texts,
                "the detection's patterns for the queried name that the event satisfies",
                |row| Cell::texts(row.matched_query),
            ),
            Self::MATCHED_QUERY_ON_LABEL,
            Self::MATCHED_ANSWER,
            ColumnOf::nullable(
                "excluded_by",
                Text,
                "name of the exclusion that takes the event away from this detection, so that the row is no lead; null for a lead (excluded rows are written only with `--keep-excluded`)",
                |row| Cell::optional(row.context.excluded_by),
            ),
        ]
    };
}

impl MatchRow<'_> {
    /// Returns the cell for a field of the event that contains a number; a null cell if the event
    /// has no such field, or the field's text is not a number.
    fn number(&self, field: &str) -> Cell<'_> {
        Cell::optional_count(self.event.get(field).and_then(|text| text.parse().ok()))
    }
}

#[cfg(test)]
mod tests {
    use super::super::event_hash;
    use crate::base::digest::Sha256Digest;
    use crate::event::{DNS_CLIENT_QUERY, Event, System};

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
