//! What the answer of a sweep says about a host: a row of `hosts.parquet` and, for hosts that the
//! answer shows in detail, the matches.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use super::groups::HostGroups;
use super::listed::Listed;
use super::matches::{DayCount, Match};
use super::processes::TreeProcess;
use super::uncleared::Uncleared;
use super::values::{LONGEST_VALUE, ValueCount, value_counts};
use crate::event::EventTime;
use crate::report::escape::middle_cut;
use crate::report::renames::folded;
use crate::table::{Cell, Row};

/// An instant in UTC. In JSON, it is RFC 3339 with seven decimals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, JsonSchema)]
#[schemars(with = "String", extend("format" = "date-time"))]
pub struct UtcTime(pub EventTime);

impl Serialize for UtcTime {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.rfc3339())
    }
}

/// The columns of `hosts.parquet` that are read for every host, to make its [`HostFacts`].
pub(super) const FACTS: [&str; 28] = [
    "computer",
    "evidence",
    "verdict",
    "matches",
    "recovered_matches",
    "excluded_matches",
    "dns_queries",
    "dns_queries_in_period",
    "dns_first_time",
    "dns_last_time",
    "period_coverage",
    "sysmon_records",
    "records",
    "log_first_time",
    "log_last_time",
    "unreadable_times",
    "files",
    "damaged_files",
    "not_read_files",
    "missed_containers",
    "record_gap_count",
    "clock_step_count",
    "anomalies",
    "notes",
    "earlier_names",
    "leads",
    "unique_leads",
    "risk_score",
];

/// The columns of `hosts.parquet` that are read in addition to [`FACTS`], to make the
/// [`HostMatches`] of a host.
pub(super) const DETAILS: [&str; 10] = [
    "unique_matches",
    "hits",
    "damaged_matches",
    "first_time",
    "last_time",
    "query_names",
    "processes",
    "users",
    "query_statuses",
    "detections",
];

/// What is known about a host, with matches or without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostFacts {
    /// The host's name (Computer) in its records; `null` for a piece of evidence in which no record
    /// names a machine.
    pub computer: Option<String>,
    /// The names of the pieces of evidence that contain the host's records.
    pub evidence: Listed<String>,
    /// What was seen of the host, in a word: `matches`, `no matches`, `no Sysmon` and so on.
    pub verdict: String,
    /// Why the host is not cleared; `null` if it is cleared, or has matches. A host is cleared if
    /// its DNS queries were seen throughout the requested period, none of them matched, and all of
    /// its logs were read.
    pub uncleared: Option<Uncleared>,
    /// What was seen of the host's logs: numbers and times of DNS queries, records and files.
    pub seen: Seen,
    /// The number of events that an exclusion takes away from at least one detection.
    pub excluded_matches: u64,
    /// What is odd about the host's logs, in sentences, worst first.
    pub anomalies: Listed<String>,
    /// What is usual in the host's logs, but good to know, in sentences.
    pub notes: Listed<String>,
    /// Earlier names of the machine.
    pub earlier_names: Listed<String>,
    /// The number of leads, including copies of an event. A lead is a query that Windows' own DNS
    /// client logged; it is not a match.
    pub leads: u64,
    /// The number of leads (queries of Windows' own DNS client that a detection describes) that are
    /// not copies of an earlier lead.
    pub unique_leads: u64,
}

/// What was seen of a host's logs: numbers and times of DNS queries, records and files.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Seen {
    /// The number of DNS queries (Sysmon event 22), matching or not.
    pub dns_queries: u64,
    /// The number of DNS queries in the requested period; that of all DNS queries if there is no
    /// period.
    pub dns_queries_in_period: u64,
    /// The time of the earliest DNS query in the host's logs.
    pub first_query: Option<UtcTime>,
    /// The time of the latest DNS query in the host's logs.
    pub last_query: Option<UtcTime>,
    /// How much of the requested period the DNS queries cover: `whole`, `part` or `none`; `null`
    /// without a period.
    pub period_coverage: Option<String>,
    /// The number of records that Sysmon wrote on the host.
    pub sysmon_records: u64,
    /// The number of the host's records, whichever program (provider) wrote them.
    pub records: u64,
    /// The time of the earliest record in the host's logs.
    pub first_record: Option<UtcTime>,
    /// The time of the latest record in the host's logs.
    pub last_record: Option<UtcTime>,
    /// The number of records whose time cannot be read.
    pub unreadable_times: u64,
    /// The number of files that contain records of the host.
    pub files: u64,
    /// The number of the host's files that are damaged, empty, unreadable or no event log.
    pub damaged_files: u64,
    /// The number of the host's files that were not read because the sweep was interrupted.
    pub not_read_files: u64,
    /// The number of archives, disk images and volumes in the host's evidence that could not be
    /// read, or only in part.
    pub missed_containers: u64,
    /// The number of gaps in the EventRecordIDs of the logs that the host wrote itself.
    pub record_gaps: u64,
    /// How often the host's clock went back by a minute or more.
    pub clock_steps: u64,
}

/// A host that an answer shows in detail: one with matches, or one whose absence of matches proves
/// nothing (it is not cleared).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostInDetail {
    /// What is known about the host.
    #[serde(flatten)]
    pub facts: HostFacts,
    /// The host's matches: their numbers, and the first of them.
    pub matches: HostMatches,
}

/// The matches of a host: their numbers, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct HostMatches {
    /// The number of matches, including copies of an event. Matches in deleted records are not
    /// counted.
    pub all: u64,
    /// The number of unique matches: matches that are not copies of an earlier match.
    pub unique: u64,
    /// The number of pairs of a match and a detection that describes it. Copies of a match count,
    /// too.
    pub hits: u64,
    /// The number of unique matches whose record lies in a damaged chunk of its log.
    pub damaged: u64,
    /// The number of matches that were found in deleted records only. No other number counts them.
    pub recovered: u64,
    /// The highest risk score (0 to 100) of the detections that describe the host's matches; `null`
    /// if they state none.
    pub risk_score: Option<i64>,
    /// The time of the host's earliest match.
    pub first_time: Option<UtcTime>,
    /// The time of the host's latest match.
    pub last_time: Option<UtcTime>,
    /// The names that the unique matches query, most frequent first.
    pub query_names: Listed<ValueCount>,
    /// The paths of the programs that made the queries of the unique matches, most frequent first.
    pub processes: Listed<ValueCount>,
    /// The accounts under which programs made the queries of the unique matches, most frequent
    /// first.
    pub users: Listed<ValueCount>,
    /// The status codes of the DNS queries of the unique matches, most frequent first.
    pub query_statuses: Listed<ValueCount>,
    /// The detections that describe the matches, those with most matches first.
    pub detections: Listed<RuleCount>,
    /// The first unique matches, in order of time; those without a readable time come last. Matches
    /// in deleted records are listed, too.
    pub listed: Listed<Match>,
    /// The numbers of unique matches on each day (UTC), in order of the days.
    pub days: Listed<DayCount>,
    /// The rows about this host in `stats` tables, which the command `stats` in a detection's
    /// search makes of the detection's matches.
    pub groups: Vec<HostGroups>,
    /// The processes that made the queries of the matches, and their ancestors, as a tree: each
    /// process is followed by those that it started. `null` if processes were not looked for
    /// (`--context`).
    pub process_tree: Option<Listed<TreeProcess>>,
}

/// A detection, and how many unique matches of a host it describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RuleCount {
    /// The detection's id.
    pub id: String,
    /// The detection's name.
    pub name: String,
    /// The number of the host's unique matches that the detection describes.
    pub matches: u64,
}

impl HostFacts {
    /// Returns what a row of `hosts.parquet` says about its host. Each list of texts, such as the
    /// anomalies, has at most `remarks` items.
    pub(super) fn of(row: &Row<'_>, remarks: usize) -> Self {
        HostFacts {
            computer: row.text("computer").map(kept),
            evidence: texts(row, "evidence", remarks),
            verdict: row.text("verdict").map(kept).unwrap_or_default(),
            uncleared: Uncleared::of(row),
            seen: Seen::of(row),
            excluded_matches: row.count("excluded_matches"),
            anomalies: texts(row, "anomalies", remarks),
            notes: texts(row, "notes", remarks),
            earlier_names: texts(row, "earlier_names", remarks),
            leads: row.count("leads"),
            unique_leads: row.count("unique_leads"),
        }
    }
}

impl Seen {
    fn of(row: &Row<'_>) -> Self {
        let time = |column| row.time(column).map(UtcTime);
        Seen {
            dns_queries: row.count("dns_queries"),
            dns_queries_in_period: row.count("dns_queries_in_period"),
            first_query: time("dns_first_time"),
            last_query: time("dns_last_time"),
            period_coverage: row.text("period_coverage").map(kept),
            sysmon_records: row.count("sysmon_records"),
            records: row.count("records"),
            first_record: time("log_first_time"),
            last_record: time("log_last_time"),
            unreadable_times: row.count("unreadable_times"),
            files: row.count("files"),
            damaged_files: row.count("damaged_files"),
            not_read_files: row.count("not_read_files"),
            missed_containers: row.count("missed_containers"),
            record_gaps: row.count("record_gap_count"),
            clock_steps: row.count("clock_step_count"),
        }
    }
}

impl HostMatches {
    /// Returns the numbers of a host's matches from its row of `hosts.parquet`. Lists of values
    /// have at most `values` items. The list of the matches themselves stays empty.
    pub(super) fn of(row: &Row<'_>, values: usize) -> Self {
        let counts = |column| {
            let value = |(value, matches)| ValueCount { value, matches, hosts: 1 };
            Listed::first(value_counts(row, column).map(value), values)
        };
        let time = |column| row.time(column).map(UtcTime);
        HostMatches {
            all: row.count("matches"),
            unique: row.count("unique_matches"),
            hits: row.count("hits"),
            damaged: row.count("damaged_matches"),
            recovered: row.count("recovered_matches"),
            risk_score: row.integer("risk_score"),
            first_time: time("first_time"),
            last_time: time("last_time"),
            query_names: counts("query_names"),
            processes: counts("processes"),
            users: counts("users"),
            query_statuses: counts("query_statuses"),
            detections: Listed::first(
                row.records("detections").iter().filter_map(|record| rule(record)),
                values,
            ),
            ..HostMatches::default()
        }
    }
}

fn rule(record: &[Cell<'_>]) -> Option<RuleCount> {
    match record {
        [Cell::Text(id), Cell::Text(name), Cell::Integer(matches)] => Some(RuleCount {
            id: kept(id.clone()),
            name: kept(name.clone()),
            matches: u64::try_from(*matches).unwrap_or(0),
        }),
        _ => None,
    }
}

/// Returns the first `most` texts of the list in the column `column` of a row, each cut to
/// [`LONGEST_VALUE`] characters, and the number of all texts in the list.
pub(super) fn texts(row: &Row<'_>, column: &str, most: usize) -> Listed<String> {
    Listed::first(row.texts(column).into_iter().map(kept), most)
}

/// Returns the key by which hosts are looked up by name (Computer): the name in lower case. A name
/// of more than [`LONGEST_VALUE`] characters is first cut in the middle, as all texts in an answer
/// are.
pub(in crate::report) fn host_key(name: &str) -> String {
    folded(&middle_cut(name, LONGEST_VALUE))
}

/// Returns a text from a table, as an answer (what a sweep's output says about the hosts) contains
/// it: a text of more than [`LONGEST_VALUE`] characters is cut in the middle.
pub(super) fn kept(text: Cow<'_, str>) -> String {
    match middle_cut(&text, LONGEST_VALUE) {
        Cow::Borrowed(_) => text.into_owned(),
        Cow::Owned(cut) => cut,
    }
}
