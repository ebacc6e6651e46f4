//! The rows and columns of `hosts.parquet`.

use super::anomaly::Anomaly;
use super::coverage::Coverage;
use super::file_row::{MOST_GAPS, gap_sides};
use super::host::{Host, ValueCounts, by_count};
use super::machine_logs::MissingIds;
use super::matched_event::DETECTION_COUNTS;
use crate::table::{Cell, ColumnOf, ColumnType, Scalar, cells};

const COUNTS: ColumnType = ColumnType::Records(&[("value", Scalar::Text), ("count", Scalar::Integer)]);

/// A row of `hosts.parquet`: a host, with what its columns need.
#[derive(Debug)]
pub struct HostRow<'a> {
    computer: Option<&'a str>,
    host: &'a Host,
    /// Where EventRecordIDs are missing in the host's logs.
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
                "the machine, as its records name it, whatever the case: of several spellings the first in the order of bytes; null for evidence in which no record names one",
                |row| Cell::optional(row.computer),
            ),
            ColumnOf::always("evidence", Texts, "the pieces of evidence that hold its records", |row| {
                Cell::Texts(row.host.evidence().map(Into::into).collect())
            }),
            ColumnOf::always(
                "matches",
                Integer,
                "events that at least one detection describes, each once for all detections; copies of one event included",
                |row| Cell::count(row.host.matches),
            ),
            ColumnOf::always(
                "unique_matches",
                Integer,
                "of these, those that are no copy of an earlier one; the columns on matches below are about these, except `hits`",
                |row| Cell::count(row.host.unique_matches),
            ),
            ColumnOf::always(
                "hits",
                Integer,
                "the same events, copies included, once for each detection that describes one: its rows of `matches.parquet` that are \
             neither `recovered` nor excluded",
                |row| Cell::count(row.host.hits),
            ),
            ColumnOf::always(
                "damaged_matches",
                Integer,
                "of the unique ones, those whose record lies in a damaged chunk (`integrity` in `matches.parquet`)",
                |row| Cell::count(row.host.damaged_matches),
            ),
            ColumnOf::always(
                "recovered_matches",
                Integer,
                "events among deleted records that a detection describes, counted nowhere else",
                |row| Cell::count(row.host.recovered_matches),
            ),
            ColumnOf::always(
                "excluded_matches",
                Integer,
                "events that an exclusion (`--allow`) takes away from at least one detection, copies and deleted records included; one that \
             another detection still describes is a match, too",
                |row| Cell::count(row.host.excluded_matches),
            ),
            ColumnOf::nullable("first_time", Time, "TimeCreated of the first match", |row| {
                Cell::optional_time(row.host.match_span.first)
            }),
            ColumnOf::nullable("last_time", Time, "TimeCreated of the last match", |row| {
                Cell::optional_time(row.host.match_span.last)
            }),
            ColumnOf::always(
                "query_names",
                COUNTS,
                "names asked for in its matches, in lower case, most frequent first; `Example.com` and `example.com` are one",
                |row| count_cells(&row.host.query_names),
            ),
            ColumnOf::always("processes", COUNTS, "images of its matches, most frequent first", |row| {
                count_cells(&row.host.processes)
            }),
            ColumnOf::always("users", COUNTS, "accounts of its matches, most frequent first", |row| {
                count_cells(&row.host.users)
            }),
            ColumnOf::always(
                "query_statuses",
                COUNTS,
                "status codes of its matches, most frequent first",
                |row| count_cells(&row.host.query_statuses),
            ),
            ColumnOf::always(
                "detections",
                DETECTION_COUNTS,
                "the detections that describe its matches, each with how many of them, most first",
                |row| row.host.detections.cell(),
            ),
            ColumnOf::nullable(
                "risk_score",
                Integer,
                "the highest risk score of its matches; 0 without any, null where their detections state none",
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
                "DNS queries (Sysmon event 22) seen, matching or not",
                |row| Cell::count(row.host.counts.dns_queries),
            ),
            ColumnOf::always(
                "dns_queries_in_period",
                Integer,
                "of these, those whose TimeCreated lies in the period (`--since`, `--until`, `--last`); without a period, all",
                |row| Cell::count(row.host.counts.dns_queries_in_period),
            ),
            ColumnOf::nullable("dns_first_time", Time, "earliest TimeCreated of its DNS queries", |row| {
                Cell::optional_time(row.host.counts.dns_span.first)
            }),
            ColumnOf::nullable("dns_last_time", Time, "latest TimeCreated of its DNS queries", |row| {
                Cell::optional_time(row.host.counts.dns_span.last)
            }),
            ColumnOf::nullable(
                "period_coverage",
                Text,
                "`whole`: DNS queries were seen in the period, one at or before its start, and one at or after its end; `part`: in the period, but not up to both ends; `none`: none in the period; null without a period. A period of `--last` ends when the sweep began; one without a start or an end starts with the first or ends with the last of all the host's records; a query within a day of that covers it",
                |row| Cell::optional(row.host.coverage.map(Coverage::name)),
            ),
            ColumnOf::always("sysmon_records", Integer, "records of Sysmon seen", |row| {
                Cell::count(row.host.counts.sysmon_records)
            }),
            ColumnOf::always("records", Integer, "records seen, of every provider", |row| {
                Cell::count(row.host.counts.records)
            }),
            ColumnOf::nullable("log_first_time", Time, "earliest TimeCreated of all its records", |row| {
                Cell::optional_time(row.host.counts.span.first)
            }),
            ColumnOf::nullable("log_last_time", Time, "latest TimeCreated of all its records", |row| {
                Cell::optional_time(row.host.counts.span.last)
            }),
            ColumnOf::always(
                "unreadable_times",
                Integer,
                "records whose TimeCreated cannot be read: they match in every period (`--since`, `--until`), and are counted in none",
                |row| Cell::count(row.host.counts.unreadable_times),
            ),
            ColumnOf::always(
                "files",
                Integer,
                "files with its records, and those of its evidence in which no record names a machine",
                |row| Cell::count(row.host.files.files),
            ),
            ColumnOf::always(
                "damaged_files",
                Integer,
                "of these, those that are not `complete`, but for those in `not_read_files`",
                |row| Cell::count(row.host.files.damaged),
            ),
            ColumnOf::always(
                "not_read_files",
                Integer,
                "of these, those that an interruption left: not begun, or not read to their end",
                |row| Cell::count(row.host.files.not_read),
            ),
            ColumnOf::always(
                "verdict",
                Text,
                "`matches`; `recovered matches`: in deleted records only; `no matches`: DNS queries were seen (in the period, if there is one), and none matches; `no DNS queries in the period`: some were seen, none in it; `no DNS queries logged`: records of Sysmon, but no event 22; `no Sysmon`: records, but none of Sysmon; `no records`: logs without a record; `unreadable`: nothing of its logs could be read; `no event logs`",
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
                "EventRecordIDs that are missing in a log that the machine wrote itself (no export, no collector's log), under whatever name, and that no file holds, and the events on both sides; the first hundred",
                |row| Cell::Records(gap_cells(&row.missing)),
            ),
            ColumnOf::always(
                "record_gap_count",
                Integer,
                "how many of these gaps there are; at most about two thousand are counted in a channel",
                |row| Cell::count(row.missing.iter().map(|missing| missing.gaps.len() as u64).sum()),
            ),
            ColumnOf::always(
                "clock_step_count",
                Integer,
                "how often the clock went back by a minute or more, as shown by files of this machine alone; a step that several logs show counts once",
                |row| Cell::count(row.host.conclusion.clock.step_count()),
            ),
            ColumnOf::always(
                "distant_utc_times",
                Integer,
                "matches whose UtcTime is more than five minutes from TimeCreated",
                |row| Cell::count(row.host.distant_utc_times),
            ),
            ColumnOf::always(
                "unreadable_utc_times",
                Integer,
                "matches whose UtcTime cannot be read, so that it is not compared with TimeCreated",
                |row| Cell::count(row.host.unreadable_utc_times),
            ),
            ColumnOf::always(
                "anomalies",
                Texts,
                "what is odd about its logs, in sentences, worst first: times, gaps, other machines' logs in its evidence, earlier names",
                |row| row.sentences(false),
            ),
            ColumnOf::always(
                "notes",
                Texts,
                "what is usual, but good to know, in sentences: gaps of exports, forwarded events, whether logs were in use",
                |row| row.sentences(true),
            ),
            ColumnOf::always(
                "earlier_names",
                Texts,
                "earlier names of the machine, shown by logs that went on under this name; each earlier name has a row of its own",
                |row| {
                    Cell::Texts(
                        row.host.conclusion.earlier_names.iter().map(|(name, _)| (&**name).into()).collect(),
                    )
                },
            ),
            ColumnOf::always(
                "leads",
                Integer,
                "with `--dns-client`, events that are a lead of at least one detection, each once, copies of one event included; they are no \
             matches",
                |row| Cell::count(row.host.leads),
            ),
            ColumnOf::always(
                "unique_leads",
                Integer,
                "of these, those that are no copy of an earlier one",
                |row| Cell::count(row.host.unique_leads),
            ),
        ]
    };
}

impl<'a> HostRow<'a> {
    /// Makes the row of a host; `computer` is `None` for evidence in which no record names a
    /// Computer.
    #[must_use]
    pub fn new(computer: Option<&'a str>, host: &'a Host) -> Self {
        let missing = host.conclusion.logs.missing().collect();
        HostRow { computer, host, missing, anomalies: host.anomalies() }
    }

    /// The row's cells, in the order of [`HostRow::COLUMNS`].
    #[must_use]
    pub fn cells(&self) -> Vec<Cell<'_>> {
        cells(Self::COLUMNS, self)
    }

    /// Returns the host's notes (if `notes` is true) or its anomalies, as sentences.
    fn sentences(&self, notes: bool) -> Cell<'_> {
        let anomalies = self.anomalies.iter().filter(|anomaly| anomaly.is_note() == notes);
        Cell::Texts(anomalies.map(|anomaly| anomaly.to_string().into()).collect())
    }
}

/// Returns the cells of the column `record_gaps`: the first gaps, channel by channel.
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
