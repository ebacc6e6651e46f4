//! A host: what the evidence says of a Computer, and what it cannot say.

use std::borrow::Cow;
use std::sync::Arc;

use super::coverage::Coverage;
use super::escape::cut;
use super::finding::{Finding, MOST_CHANNELS, Names, is_utc_time_distant, is_utc_time_unreadable};
use super::ledger::{MOST_GAPS, Status, gap_sides};
use super::machine_logs::{MachineLogs, Missing};
use super::matched_event::{DETECTION_COUNTS, DetectionCounts, MatchedEvent};
use super::matches::Occurrence;
use super::presence::Presence;
use super::verdict::Verdict;
use crate::base::few::FewMap;
use crate::event::{EventTime, Span};
use crate::ledger::clock::MachineClock;
use crate::ledger::damage::Integrity;
use crate::ledger::tally::RecordCounts;
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

/// Files by how they were found to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// All files.
    pub files: u64,
    /// Of these, those that are not complete.
    pub damaged: u64,
    /// Of all, those that an interruption left.
    pub not_read: u64,
}

impl FileCounts {
    /// Adds those of other files.
    pub fn merge(&mut self, other: FileCounts) {
        self.files += other.files;
        self.damaged += other.damaged;
        self.not_read += other.not_read;
    }

    /// One file with this status.
    #[must_use]
    pub fn of(status: Status) -> Self {
        let one = FileCounts { files: 1, ..FileCounts::default() };
        match status {
            Status::Complete => one,
            Status::Interrupted | Status::NotRead => FileCounts { not_read: 1, ..one },
            _ => FileCounts { damaged: 1, ..one },
        }
    }

    /// How many were not read to their end without a problem.
    #[must_use]
    pub fn incomplete(&self) -> u64 {
        self.damaged + self.not_read
    }
}

/// What was seen of one host. `merge` is associative and commutative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// How its records spell its name; of several spellings the first in the order of bytes.
    pub name: Box<str>,
    /// What each piece of evidence holds of it.
    pub places: FewMap<Arc<str>, Presence>,
    /// Events that a detection describes, each once whatever the number of detections; copies of an
    /// event included.
    pub matches: u64,
    /// Matches that are no copies. All that follows of matches is of these, but the hits.
    pub unique_matches: u64,
    /// The matches, copies included, once for each detection that describes one.
    pub hits: u64,
    /// Of these, those whose record lies in a chunk with which something is wrong.
    pub damaged_matches: u64,
    /// Matches among deleted records. They are counted nowhere else.
    pub recovered_matches: u64,
    /// Events that an exclusion takes away from a detection, copies and those among deleted records
    /// included.
    pub excluded_matches: u64,
    /// Span of its matches.
    pub match_span: Span,
    /// Names asked for in matches, in lower case.
    pub query_names: ValueCounts,
    /// Images of matches.
    pub processes: ValueCounts,
    /// Accounts of matches.
    pub users: ValueCounts,
    /// Status codes of matches.
    pub query_statuses: ValueCounts,
    /// The detections that describe matches.
    pub detections: DetectionCounts,
    /// Highest risk score of its matches; `None` where none of their detections states one.
    pub risk_score: Option<i64>,
    /// Counts of its records.
    pub counts: RecordCounts,
    /// Its files.
    pub files: FileCounts,
    /// Files with its records that were in use when they were copied.
    pub files_in_use: u64,
    /// Matches whose UtcTime is far from TimeCreated.
    pub distant_utc_times: u64,
    /// Matches whose UtcTime is there and cannot be read.
    pub unreadable_utc_times: u64,
    /// Events that are a lead of some detection, copies of an event included. They are no matches.
    pub leads: u64,
    /// Leads that are no copies.
    pub unique_leads: u64,
    /// How much of the period its DNS queries cover. Known in the end, when all its records are
    /// counted; `None` without a period.
    pub coverage: Option<Coverage>,
    /// What is known of its logs when all evidence was read.
    pub conclusion: Conclusion,
}

impl Conclusion {
    /// Adds what the machine was called before, as one piece of evidence shows.
    pub(super) fn add_earlier_names(&mut self, names: Vec<(Box<str>, Option<EventTime>)>) {
        for (name, until) in names {
            match self.earlier_names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = (*known).max(until),
                None => self.earlier_names.push((name, until)),
            }
        }
    }
}

/// Values with their counts.
pub type ValueCounts = FewMap<Box<str>, u64>;

/// What is known of a host's logs when all evidence was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conclusion {
    /// The EventRecordIDs of its logs, under whatever name.
    pub logs: MachineLogs,
    /// Its clock.
    pub clock: MachineClock,
    /// What the machine was called before, each with the last time of a record of that name.
    pub earlier_names: Vec<(Box<str>, Option<EventTime>)>,
    /// What there is besides in its pieces of evidence.
    pub beside: Vec<Finding>,
}

impl Host {
    /// Counts a match.
    pub fn add_match(&mut self, matched: &MatchedEvent<'_>) {
        let event = matched.event;
        if matched.occurrence == Occurrence::Recovered {
            self.recovered_matches += 1;
            return;
        }
        self.matches += 1;
        self.hits += matched.detections.len() as u64;
        if matched.occurrence == Occurrence::Copy {
            return;
        }
        self.unique_matches += 1;
        self.damaged_matches += u64::from(matched.integrity == Integrity::Damaged);
        self.match_span.add(event.system.time_created);
        self.risk_score = self.risk_score.max(matched.risk_score);
        matched.detections.iter().for_each(|label| self.detections.add(label, 1));
        self.distant_utc_times += u64::from(is_utc_time_distant(event));
        self.unreadable_utc_times += u64::from(is_utc_time_unreadable(event));
        if let Some(name) = &event.query_name {
            count(&mut self.query_names, &without_case(name));
        }
        for (counts, value) in [
            (&mut self.processes, &event.image),
            (&mut self.users, &event.user),
            (&mut self.query_statuses, &event.query_status),
        ] {
            if let Some(value) = value {
                count(counts, value);
            }
        }
    }

    /// Counts a lead.
    pub fn add_lead(&mut self, occurrence: Occurrence) {
        self.leads += 1;
        self.unique_leads += u64::from(occurrence == Occurrence::First);
    }

    /// Adds what was seen of the same host elsewhere.
    pub fn merge(&mut self, other: Host) {
        self.add_spelling(&other.name);
        self.places.merge(other.places, Presence::merge);
        self.matches += other.matches;
        self.unique_matches += other.unique_matches;
        self.hits += other.hits;
        self.detections.merge(&other.detections);
        self.damaged_matches += other.damaged_matches;
        self.recovered_matches += other.recovered_matches;
        self.excluded_matches += other.excluded_matches;
        self.match_span.merge(other.match_span);
        for (counts, others) in [
            (&mut self.query_names, other.query_names),
            (&mut self.processes, other.processes),
            (&mut self.users, other.users),
            (&mut self.query_statuses, other.query_statuses),
        ] {
            counts.merge(others, |ours, theirs| *ours += theirs);
        }
        self.risk_score = self.risk_score.max(other.risk_score);
        self.counts.merge(other.counts);
        self.files.merge(other.files);
        self.files_in_use += other.files_in_use;
        self.distant_utc_times += other.distant_utc_times;
        self.unreadable_utc_times += other.unreadable_utc_times;
        self.leads += other.leads;
        self.unique_leads += other.unique_leads;
    }

    /// Takes a name that a record spells so.
    pub(super) fn add_spelling(&mut self, name: &str) {
        if !name.is_empty() && (self.name.is_empty() || *name < *self.name) {
            self.name = name.into();
        }
    }

    /// The pieces of evidence with its records.
    pub fn evidence(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|(evidence, _)| &**evidence)
    }

    /// What is odd about its logs, and what is to be noted; what weighs most comes first.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let Conclusion { logs, clock, earlier_names, beside } = &self.conclusion;
        let mut findings = gap_findings(logs);
        findings.extend(beside.iter().cloned());
        if self.distant_utc_times > 0 {
            findings.push(Finding::DistantUtcTimes(self.distant_utc_times));
        }
        if self.counts.unreadable_times > 0 {
            findings.push(Finding::UnreadableTimes(self.counts.unreadable_times));
        }
        if self.unreadable_utc_times > 0 {
            findings.push(Finding::UnreadableUtcTimes(self.unreadable_utc_times));
        }
        if clock.step_count() > 0 {
            findings.push(Finding::ClockSteps { steps: clock.step_count(), first: clock.first_step() });
        }
        let renamed = |(name, until): &(Box<str>, Option<EventTime>)| Finding::Renamed {
            name: cut(name).into_owned(),
            until: *until,
        };
        findings.extend(earlier_names.iter().take(MOST_CHANNELS).map(renamed));
        let own: Names = self
            .places
            .iter()
            .filter(|(_, presence)| presence.own_files > 0)
            .map(|(evidence, _)| &**evidence)
            .collect();
        if own.are_several() {
            findings.push(Finding::SeveralEvidence(own));
        }
        if self.files_in_use > 0 {
            findings.push(Finding::InUse(self.files_in_use));
        }
        findings.sort_by_key(Finding::rank);
        findings
    }

    /// What can be said of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.matches > 0 {
            Verdict::Matches
        } else if self.recovered_matches > 0 {
            Verdict::RecoveredMatches
        } else if self.counts.dns_queries_in_period > 0 {
            Verdict::NoMatches
        } else if self.counts.dns_queries > 0 {
            Verdict::NoDnsQueriesInPeriod
        } else if self.counts.sysmon_records > 0 {
            Verdict::NoDnsQueriesLogged
        } else if self.counts.records > 0 {
            Verdict::NoSysmon
        } else if self.files.files > self.files.incomplete() {
            Verdict::NoRecords
        } else if self.files.files > 0 {
            Verdict::Unreadable
        } else {
            Verdict::NoEventLogs
        }
    }

    /// Whether nothing speaks against it that it has no match: DNS queries were seen, none matched,
    /// and all its files were read; and, if a period was asked for, they cover it whole, and of
    /// each record it is known whether it lies in it.
    #[must_use]
    pub fn is_cleared(&self) -> bool {
        let covers_period = match self.coverage {
            None => true,
            Some(coverage) => coverage == Coverage::Whole && self.counts.unreadable_times == 0,
        };
        self.verdict() == Verdict::NoMatches && covers_period && self.files.incomplete() == 0
    }

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

/// Counts a value, which is copied only if it is new.
fn count(counts: &mut ValueCounts, value: &str) {
    counts.change(value, || value.into(), |count| *count += 1);
}

/// A domain's name in lower case: names that differ in case are one.
fn without_case(name: &str) -> Cow<'_, str> {
    let is_lower = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if name.bytes().all(is_lower) { Cow::Borrowed(name) } else { Cow::Owned(name.to_lowercase()) }
}

/// The gaps of each channel, those of the most missing numbers first, and one note for all exports.
fn gap_findings(logs: &MachineLogs) -> Vec<Finding> {
    let (mut gaps, mut selected) = (Vec::new(), Names::default());
    for missing in logs.missing() {
        if missing.is_selection {
            selected.add(missing.channel);
        }
        let numbers = missing.gaps.iter().fold(0, |sum: u64, gap| sum.saturating_add(gap.missing()));
        gaps.extend(Finding::of_gaps(&missing).map(|finding| (numbers, finding)));
    }
    gaps.sort_by_key(|(numbers, _)| std::cmp::Reverse(*numbers));
    let more = gaps.len().saturating_sub(MOST_CHANNELS) as u64;
    let mut findings: Vec<Finding> =
        gaps.into_iter().take(MOST_CHANNELS).map(|(_, finding)| finding).collect();
    if more > 0 {
        findings.push(Finding::MoreRecordGaps { channels: more });
    }
    if !selected.is_empty() {
        findings.push(Finding::Selection(selected));
    }
    findings
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

/// Values with their counts, the most frequent first, equally frequent ones in the order of their
/// bytes.
pub(super) fn by_count(counts: &ValueCounts) -> Vec<(&str, u64)> {
    let mut sorted: Vec<(&str, u64)> = counts.iter().map(|(value, count)| (&**value, *count)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}
