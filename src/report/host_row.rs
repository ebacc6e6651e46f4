//! The rows of `hosts.parquet`: a host as its columns say it.

use super::coverage::Coverage;
use super::host::{Host, ValueCounts, by_count};
use super::ledger::{MOST_GAPS, gap_sides};
use super::machine_logs::Missing;
use super::matched_event::DETECTION_COUNTS;
use crate::table::{Cell, Column, ColumnType, Scalar};

const COUNTS: ColumnType = ColumnType::Records(&[("value", Scalar::Text), ("count", Scalar::Integer)]);

/// The columns of `hosts.parquet`.
pub const HOSTS_COLUMNS: [Column; 40] = {
    use ColumnType::{Integer, Text, Texts, Time};
    [
        Column::nullable(
            "computer",
            Text,
            "the machine, as its records name it, whatever the case: of several spellings the first in the order of bytes; null for evidence in which no record names one",
        ),
        Column::always("evidence", Texts, "the pieces of evidence that hold its records"),
        Column::always(
            "matches",
            Integer,
            "events that at least one detection describes, each once for all detections; copies of one event included",
        ),
        Column::always(
            "unique_matches",
            Integer,
            "of these, those that are no copy of one before; what follows of matches is said of these",
        ),
        Column::always(
            "hits",
            Integer,
            "the same events, copies included, once for each detection that describes one: its rows of `matches.parquet` that are \
             neither `recovered` nor excluded",
        ),
        Column::always(
            "damaged_matches",
            Integer,
            "of the unique ones, those whose record lies in a chunk with which something is wrong (`integrity` in `matches.parquet`)",
        ),
        Column::always(
            "recovered_matches",
            Integer,
            "events among deleted records that a detection describes, counted nowhere else",
        ),
        Column::always(
            "excluded_matches",
            Integer,
            "events that an exclusion (`--allow`) takes away from at least one detection, copies and deleted records included; one that \
             another detection still describes is a match, too",
        ),
        Column::nullable("first_time", Time, "TimeCreated of the first match"),
        Column::nullable("last_time", Time, "TimeCreated of the last match"),
        Column::always(
            "query_names",
            COUNTS,
            "names asked for in its matches, in lower case, most frequent first; `Example.com` and `example.com` are one",
        ),
        Column::always("processes", COUNTS, "images of its matches, most frequent first"),
        Column::always("users", COUNTS, "accounts of its matches, most frequent first"),
        Column::always("query_statuses", COUNTS, "status codes of its matches, most frequent first"),
        Column::always(
            "detections",
            DETECTION_COUNTS,
            "the detections that describe its matches, each with how many of them, most first",
        ),
        Column::nullable(
            "risk_score",
            Integer,
            "the highest risk score of its matches; 0 without any, null where their detections state none",
        ),
        Column::always("dns_queries", Integer, "DNS queries (Sysmon event 22) seen, matching or not"),
        Column::always(
            "dns_queries_in_period",
            Integer,
            "of these, those whose TimeCreated lies in the period (`--since`, `--until`, `--last`); without a period, all",
        ),
        Column::nullable("dns_first_time", Time, "earliest TimeCreated of its DNS queries"),
        Column::nullable("dns_last_time", Time, "latest TimeCreated of its DNS queries"),
        Column::nullable(
            "period_coverage",
            Text,
            "`whole`: DNS queries were seen in the period, one at or before its start, and one at or after its end; `part`: in the period, but not up to both ends; `none`: none in the period; null without a period. A period of `--last` ends when the sweep began; one without a start or an end starts with the first or ends with the last of all the host's records; a query within a day of that covers it",
        ),
        Column::always("sysmon_records", Integer, "records of Sysmon seen"),
        Column::always("records", Integer, "records seen, of every provider"),
        Column::nullable("log_first_time", Time, "earliest TimeCreated of all its records"),
        Column::nullable("log_last_time", Time, "latest TimeCreated of all its records"),
        Column::always(
            "unreadable_times",
            Integer,
            "records whose TimeCreated cannot be read: they match in every period (`--since`, `--until`), and are counted in none",
        ),
        Column::always(
            "files",
            Integer,
            "files with its records, and those of its evidence in which no record names a machine",
        ),
        Column::always(
            "damaged_files",
            Integer,
            "of these, those that are not `complete`, but for those in `not_read_files`",
        ),
        Column::always(
            "not_read_files",
            Integer,
            "of these, those that an interruption left: not begun, or not read to their end",
        ),
        Column::always(
            "verdict",
            Text,
            "`matches`; `recovered matches`: in deleted records only; `no matches`: DNS queries were seen (in the period, if there is one), and none matches; `no DNS queries in the period`: some were seen, none in it; `no DNS queries logged`: records of Sysmon, but no event 22; `no Sysmon`: records, but none of Sysmon; `no records`: logs without a record; `unreadable`: nothing of its logs could be read; `no event logs`",
        ),
        Column::always(
            "record_gaps",
            ColumnType::Records(&[
                ("channel", Scalar::Text),
                ("after_record_id", Scalar::Integer),
                ("after_time", Scalar::Time),
                ("before_record_id", Scalar::Integer),
                ("before_time", Scalar::Time),
            ]),
            "EventRecordIDs that are missing in a log that the machine wrote itself (no export, no collector's log), under whatever name, and that no file holds, and the events on both sides; the first hundred",
        ),
        Column::always(
            "record_gap_count",
            Integer,
            "how many such gaps there are; of more than two thousand in a channel, so many",
        ),
        Column::always(
            "clock_step_count",
            Integer,
            "how often the clock went back by a minute or more, as files of this machine alone show; what several logs show at once counts once",
        ),
        Column::always(
            "distant_utc_times",
            Integer,
            "matches whose UtcTime is more than five minutes from TimeCreated",
        ),
        Column::always(
            "unreadable_utc_times",
            Integer,
            "matches whose UtcTime cannot be read, so that it is not compared with TimeCreated",
        ),
        Column::always(
            "findings",
            Texts,
            "what is odd about its logs, in sentences, worst first: times, gaps, other machines' logs in its evidence, earlier names",
        ),
        Column::always(
            "notes",
            Texts,
            "what is usual, but good to know, in sentences: gaps of exports, forwarded events, whether logs were in use",
        ),
        Column::always(
            "earlier_names",
            Texts,
            "what the machine was called before, as logs show that went on under this name; these names have rows of their own",
        ),
        Column::always(
            "leads",
            Integer,
            "with `--dns-client`, events that are a lead of at least one detection, each once, copies of one event included; they are no \
             matches",
        ),
        Column::always("unique_leads", Integer, "of these, those that are no copy of one before"),
    ]
};

impl Host {
    /// The host's row, in the order of [`HOSTS_COLUMNS`].
    #[must_use]
    pub fn cells<'a>(&'a self, computer: Option<&'a str>) -> Vec<Cell<'a>> {
        let missing: Vec<Missing<'_>> = self.conclusion.logs.missing().collect();
        let findings = self.findings();
        let sentences = |notes: bool| {
            let told = findings.iter().filter(|finding| finding.is_note() == notes);
            Cell::Texts(told.map(|finding| finding.to_string().into()).collect())
        };
        vec![
            Cell::optional(computer),
            Cell::Texts(self.evidence().map(Into::into).collect()),
            Cell::count(self.matches),
            Cell::count(self.unique_matches),
            Cell::count(self.hits),
            Cell::count(self.damaged_matches),
            Cell::count(self.recovered_matches),
            Cell::count(self.excluded_matches),
            Cell::optional_time(self.match_span.first),
            Cell::optional_time(self.match_span.last),
            count_cells(&self.query_names),
            count_cells(&self.processes),
            count_cells(&self.users),
            count_cells(&self.query_statuses),
            self.detections.cell(),
            if self.matches == 0 { Cell::Integer(0) } else { Cell::optional_integer(self.risk_score) },
            Cell::count(self.counts.dns_queries),
            Cell::count(self.counts.dns_queries_in_period),
            Cell::optional_time(self.counts.dns_span.first),
            Cell::optional_time(self.counts.dns_span.last),
            Cell::optional(self.coverage.map(Coverage::name)),
            Cell::count(self.counts.sysmon_records),
            Cell::count(self.counts.records),
            Cell::optional_time(self.counts.span.first),
            Cell::optional_time(self.counts.span.last),
            Cell::count(self.counts.unreadable_times),
            Cell::count(self.files.files),
            Cell::count(self.files.damaged),
            Cell::count(self.files.not_read),
            Cell::text(self.verdict().name()),
            Cell::Records(gap_cells(&missing)),
            Cell::count(missing.iter().map(|missing| missing.gaps.len() as u64).sum()),
            Cell::count(self.conclusion.clock.step_count()),
            Cell::count(self.distant_utc_times),
            Cell::count(self.unreadable_utc_times),
            sentences(false),
            sentences(true),
            Cell::Texts(self.conclusion.earlier_names.iter().map(|(name, _)| (&**name).into()).collect()),
            Cell::count(self.leads),
            Cell::count(self.unique_leads),
        ]
    }
}

/// The first gaps of all channels, in their order.
fn gap_cells<'a>(missing: &[Missing<'a>]) -> Vec<Vec<Cell<'a>>> {
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
