//! The rows and columns of `hosts.parquet`, the table of the hosts in the evidence.

use super::anomaly::Anomaly;
use super::coverage::Coverage;
use super::file_row::{MOST_GAPS, gap_sides};
use super::host::{Host, ValueCounts, by_count};
use super::machine_logs::MissingIds;
use super::matched_event::DETECTION_COUNTS;
use crate::table::{Cell, ColumnOf, ColumnType, Scalar, cells};

const COUNTS: ColumnType = ColumnType::Records(&[("value", Scalar::Text), ("count", Scalar::Integer)]);

/// A row of `hosts.parquet`: a host, or a piece of evidence in which no record names a machine.
#[derive(Debug)]
pub struct HostRow<'a> {
    computer: Option<&'a str>,
    host: &'a Host,
    /// The EventRecordIDs that are missing in the host's logs, with an item for each channel.
    missing: Vec<MissingIds<'a>>,
    anomalies: Vec<Anomaly>,
}

impl<'a> HostRow<'a> {
    /// The columns of `hosts.parquet`.
    pub const COLUMNS: &'a [ColumnOf<Self>] = {
        use ColumnType::{Integer, Text, Texts, Time};
        &[
            ColumnOf::nullable(
                "computer",
                Text,
                "name of the machine (Computer) in its records; of spellings that differ in case, the first in byte order; null for evidence in which no record names a machine",
                |row| Cell::optional(row.computer),
            ),
            ColumnOf::always(
                "evidence",
                Texts,
                "names of the pieces of evidence that contain the machine's records",
                |row| Cell::Texts(row.host.evidence().map(Into::into).collect()),
            ),
            ColumnOf::always(
                "matches",
                Integer,
                "number of matches: events that at least one detection describes, including copies of an event",
                |row| Cell::count(row.host.matches),
            ),
            ColumnOf::always(
                "unique_matches",
                Integer,
                "number of matches that are no copy of an earlier one; the columns from `first_time` to `risk_score` are about these",
                |row| Cell::count(row.host.unique_matches),
            ),
            ColumnOf::always(
                "hits",
                Integer,
                "number of pairs of a match and a detection that describes it, including copies: the host's rows of `matches.parquet` that are neither `recovered` nor excluded",
                |row| Cell::count(row.host.hits),
            ),
            ColumnOf::always(
                "damaged_matches",
                Integer,
                "number of unique matches whose record lies in a damaged chunk (`integrity` in `matches.parquet`)",
                |row| Cell::count(row.host.damaged_matches),
            ),
            ColumnOf::always(
                "recovered_matches",
                Integer,
                "number of events in deleted records that a detection describes; no other column counts them",
                |row| Cell::count(row.host.recovered_matches),
            ),
            ColumnOf::always(
                "excluded_matches",
                Integer,
                "number of events that an exclusion (`--allow`) takes away from at least one detection, including copies and deleted records; such an event is still a match if another detection describes it",
                |row| Cell::count(row.host.excluded_matches),
            ),
            ColumnOf::nullable("first_time", Time, "earliest TimeCreated of the unique matches", |row| {
                Cell::optional_time(row.host.match_span.first)
            }),
            ColumnOf::nullable("last_time", Time, "latest TimeCreated of the unique matches", |row| {
                Cell::optional_time(row.host.match_span.last)
            }),
            ColumnOf::always(
                "query_names",
                COUNTS,
                "queried names of the unique matches, in lower case, most frequent first",
                |row| count_cells(&row.host.query_names),
            ),
            ColumnOf::always(
                "processes",
                COUNTS,
                "process images (paths) of the unique matches, most frequent first",
                |row| count_cells(&row.host.processes),
            ),
            ColumnOf::always("users", COUNTS, "accounts of the unique matches, most frequent first", |row| {
                count_cells(&row.host.users)
            }),
            ColumnOf::always(
                "query_statuses",
                COUNTS,
                "status codes (`query_status`) of the unique matches, most frequent first",
                |row| count_cells(&row.host.query_statuses),
            ),
            ColumnOf::always(
                "detections",
                DETECTION_COUNTS,
                "detections that describe the unique matches, each with the number of matches, most matches first",
                |row| row.host.detections.cell(),
            ),
            ColumnOf::nullable(
                "risk_score",
                Integer,
                "highest risk score of the unique matches; 0 without matches, null if their detections state none",
                |row| {
                    if row.host.matches == 0 {
                        Cell::Integer(0)
                    } else {
                        Cell::optional_integer(row.host.risk_score)
                    }
                },
            ),
            ColumnOf::always(
                "dns_queries",
                Integer,
                "number of DNS queries (Sysmon event 22) seen, matching or not",
                |row| Cell::count(row.host.counts.dns_queries),
            ),
            ColumnOf::always(
                "dns_queries_in_period",
                Integer,
                "number of DNS queries whose TimeCreated lies in the period (`--since`, `--until`, `--last`); all DNS queries if there is no period",
                |row| Cell::count(row.host.counts.dns_queries_in_period),
            ),
            ColumnOf::nullable(
                "dns_first_time",
                Time,
                "earliest TimeCreated of the host's DNS queries",
                |row| Cell::optional_time(row.host.counts.dns_span.first),
            ),
            ColumnOf::nullable(
                "dns_last_time",
                Time,
                "latest TimeCreated of the host's DNS queries",
                |row| Cell::optional_time(row.host.counts.dns_span.last),
            ),
            ColumnOf::nullable(
                "period_coverage",
                Text,
                "`whole`: DNS queries were seen in the period, from its start (or before) to its end (or after); `part`: in the period, but not up to both ends; `none`: not in the period; null without a period. A period of `--last` ends when the sweep began. A period without a start (or end) starts with the host's first (or ends with its last) record of any log. At such a start or end, a query less than a day away is enough",
                |row| Cell::optional(row.host.coverage.map(Coverage::name)),
            ),
            ColumnOf::always("sysmon_records", Integer, "number of Sysmon's records seen", |row| {
                Cell::count(row.host.counts.sysmon_records)
            }),
            ColumnOf::always("records", Integer, "number of records seen, of every provider", |row| {
                Cell::count(row.host.counts.records)
            }),
            ColumnOf::nullable(
                "log_first_time",
                Time,
                "earliest TimeCreated of all the host's records",
                |row| Cell::optional_time(row.host.counts.span.first),
            ),
            ColumnOf::nullable(
                "log_last_time",
                Time,
                "latest TimeCreated of all the host's records",
                |row| Cell::optional_time(row.host.counts.span.last),
            ),
            ColumnOf::always(
                "unreadable_times",
                Integer,
                "number of records whose TimeCreated cannot be read: a period does not leave out their matches, but `dns_queries_in_period` does not count them",
                |row| Cell::count(row.host.counts.unreadable_times),
            ),
            ColumnOf::always(
                "files",
                Integer,
                "number of files with the host's records, and of files in the same evidence in which no record names a machine; without `unchanged` logs of shadow copies",
                |row| Cell::count(row.host.files.files),
            ),
            ColumnOf::always(
                "damaged_files",
                Integer,
                "number of these files that are neither `complete` nor in `not_read_files`, without files that were deleted in their volume",
                |row| Cell::count(row.host.files.damaged),
            ),
            ColumnOf::always(
                "not_read_files",
                Integer,
                "number of these files that an interruption left unread: not begun, or not read to their end",
                |row| Cell::count(row.host.files.not_read),
            ),
            ColumnOf::always(
                "missed_containers",
                Integer,
                "number of archives, disk images and volumes of its evidence that could not be read, or only in part: `containers.parquet` says why",
                |row| Cell::count(row.host.files.containers),
            ),
            ColumnOf::always(
                "verdict",
                Text,
                "`matches`; `recovered matches`: matches in deleted records only; `no matches`: DNS queries were seen (in the period, if there is one), and none matches; `no DNS queries in the period`: DNS queries were seen, but none in the period; `no DNS queries logged`: records of Sysmon were seen, but no event 22; `no Sysmon`: records were seen, but none of Sysmon; `no records`: the logs contain no record; `unreadable`: no part of the logs could be read; `no event logs`",
                |row| Cell::text(row.host.verdict().name()),
            ),
            ColumnOf::always(
                "record_gaps",
                ColumnType::Records(&[
                    ("channel", Scalar::Text),
                    ("after_record_id", Scalar::Integer),
                    ("after_time", Scalar::Time),
                    ("before_record_id", Scalar::Integer),
                    ("before_time", Scalar::Time),
                ]),
                "gaps in the EventRecordIDs of logs that the machine wrote itself, under any of its names (not of exports or collectors' logs), that no other file fills: the events on both sides of each; at most a hundred",
                |row| Cell::Records(gap_cells(&row.missing)),
            ),
            ColumnOf::always(
                "record_gap_count",
                Integer,
                "number of these gaps; at most about two thousand are counted in a channel",
                |row| Cell::count(row.missing.iter().map(|missing| missing.gaps.len() as u64).sum()),
            ),
            ColumnOf::always(
                "clock_step_count",
                Integer,
                "how often the machine's clock went back by a minute or more, as files show that contain records of this machine alone; a step that several logs show counts once",
                |row| Cell::count(row.host.conclusion.clock.step_count()),
            ),
            ColumnOf::always(
                "distant_utc_times",
                Integer,
                "number of unique matches whose UtcTime is more than five minutes from TimeCreated",
                |row| Cell::count(row.host.distant_utc_times),
            ),
            ColumnOf::always(
                "unreadable_utc_times",
                Integer,
                "number of unique matches whose UtcTime cannot be read, and so is not compared with TimeCreated",
                |row| Cell::count(row.host.unreadable_utc_times),
            ),
            ColumnOf::always(
                "anomalies",
                Texts,
                "what is odd about the host's logs, in sentences, worst first: times, gaps, other machines' logs in the same evidence, earlier names",
                |row| row.sentences(false),
            ),
            ColumnOf::always(
                "notes",
                Texts,
                "what is usual in the host's logs, but good to know, in sentences: gaps of exports, forwarded events, logs that were in use",
                |row| row.sentences(true),
            ),
            ColumnOf::always(
                "earlier_names",
                Texts,
                "earlier names of the machine, known from logs that continue under this name; each earlier name also has a row of its own",
                |row| {
                    Cell::Texts(
                        row.host.conclusion.earlier_names.iter().map(|(name, _)| (&**name).into()).collect(),
                    )
                },
            ),
            ColumnOf::always(
                "leads",
                Integer,
                "with `--dns-client`, number of events that are a lead of at least one detection, including copies of an event; leads are no matches",
                |row| Cell::count(row.host.leads),
            ),
            ColumnOf::always(
                "unique_leads",
                Integer,
                "number of leads that are no copy of an earlier one",
                |row| Cell::count(row.host.unique_leads),
            ),
        ]
    };
}

impl<'a> HostRow<'a> {
    /// Makes the row of a host. `computer` is the host's name; `None` for a piece of evidence in
    /// which no record names a Computer.
    #[must_use]
    pub fn new(computer: Option<&'a str>, host: &'a Host) -> Self {
        let missing = host.conclusion.logs.missing().collect();
        HostRow { computer, host, missing, anomalies: host.anomalies() }
    }

    /// Returns the row's cells, in the order of [`HostRow::COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> Vec<Cell<'_>> {
        cells(Self::COLUMNS, self)
    }

    /// Returns a cell with the host's notes if `notes` is true, and with its anomalies otherwise,
    /// each as a sentence.
    fn sentences(&self, notes: bool) -> Cell<'_> {
        let anomalies = self.anomalies.iter().filter(|anomaly| anomaly.is_note() == notes);
        Cell::Texts(anomalies.map(|anomaly| anomaly.to_string().into()).collect())
    }
}

/// Returns the items of the column `record_gaps`: the first [`MOST_GAPS`] gaps in the
/// EventRecordIDs of a host, channel by channel.
fn gap_cells<'a>(missing: &[MissingIds<'a>]) -> Vec<Vec<Cell<'a>>> {
    let gaps = missing.iter().flat_map(|missing| {
        let channel = missing.channel;
        missing.gaps.iter().map(move |gap| [Cell::text(channel)].into_iter().chain(gap_sides(gap)).collect())
    });
    gaps.take(MOST_GAPS).collect()
}

fn count_cells(counts: &ValueCounts) -> Cell<'_> {
    Cell::Records(
        by_count(counts)
            .into_iter()
            .map(|(value, count)| vec![Cell::text(value), Cell::count(count)])
            .collect(),
    )
}
