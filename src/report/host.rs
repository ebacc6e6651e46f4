//! Hosts: what the evidence says of each Computer, and what it cannot say.

use std::collections::{BTreeMap, BTreeSet};

use super::finding::{Finding, is_utc_time_distant};
use super::ledger::{FileReport, MOST_GAPS, gap_sides};
use super::matches::{MatchRow, Occurrence};
use super::verdict::Verdict;
use crate::event::Span;
use crate::numbering::Runs;
use crate::table::{Cell, Column, ColumnType, Scalar};
use crate::tally::RecordCounts;

const COUNTS: ColumnType = ColumnType::Records(&[("value", Scalar::Text), ("count", Scalar::Integer)]);

/// The columns of `hosts.parquet`.
pub const HOSTS_COLUMNS: [Column; 25] = {
    use ColumnType::{Integer, Text, Texts, Time};
    [
        Column::nullable(
            "computer",
            Text,
            "the machine, as its records name it; null for evidence in which no record names one",
        ),
        Column::always("evidence", Texts, "the pieces of evidence that hold its records"),
        Column::always("matches", Integer, "matches of all detections, copies of one event included"),
        Column::always(
            "unique_matches",
            Integer,
            "of these, those that are no copy of one before; what follows of matches is said of these",
        ),
        Column::always("recovered_matches", Integer, "matches among deleted records, counted nowhere else"),
        Column::nullable("first_time", Time, "TimeCreated of the first match"),
        Column::nullable("last_time", Time, "TimeCreated of the last match"),
        Column::always("query_names", COUNTS, "names asked for in its matches, most frequent first"),
        Column::always("processes", COUNTS, "images of its matches, most frequent first"),
        Column::always("users", COUNTS, "accounts of its matches, most frequent first"),
        Column::always("query_statuses", COUNTS, "status codes of its matches, most frequent first"),
        Column::always("risk_score", Integer, "the highest risk score of its matches, 0 without any"),
        Column::always("dns_queries", Integer, "DNS queries (Sysmon event 22) seen, matching or not"),
        Column::always("sysmon_records", Integer, "records of Sysmon seen"),
        Column::always("records", Integer, "records seen, of every provider"),
        Column::nullable("log_first_time", Time, "earliest TimeCreated of all its records"),
        Column::nullable("log_last_time", Time, "latest TimeCreated of all its records"),
        Column::always(
            "files",
            Integer,
            "files with its records, and those of its evidence in which no record names a machine",
        ),
        Column::always("damaged_files", Integer, "of these, those that are not `complete`"),
        Column::always(
            "verdict",
            Text,
            "`matches`, `recovered matches`, `no matches`, `no DNS queries logged`, `unreadable`, or `no event logs`",
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
            "EventRecordIDs of a channel that no file holds, and the events on both sides; the first hundred",
        ),
        Column::always(
            "record_gap_count",
            Integer,
            "how many such gaps there are; of more than two thousand in a channel, so many",
        ),
        Column::always(
            "clock_step_count",
            Integer,
            "how often the clock went back by a minute or more, in files of this machine alone",
        ),
        Column::always(
            "distant_utc_times",
            Integer,
            "matches whose UtcTime is more than five minutes from TimeCreated",
        ),
        Column::always(
            "findings",
            Texts,
            "what is odd about its logs, in sentences: gaps, times, and where they lie",
        ),
    ]
};

/// Files by how they were found to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// All files.
    pub files: u64,
    /// Of these, those that are not complete.
    pub damaged: u64,
}

impl FileCounts {
    fn merge(&mut self, other: FileCounts) {
        self.files += other.files;
        self.damaged += other.damaged;
    }
}

/// What was seen of one host. `merge` is associative and commutative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// Pieces of evidence with its records.
    pub evidence: BTreeSet<String>,
    /// Matches of all detections, copies of an event included.
    pub matches: u64,
    /// Matches that are no copies. All that follows of matches is of these.
    pub unique_matches: u64,
    /// Matches among deleted records. They are counted nowhere else.
    pub recovered_matches: u64,
    /// Span of its matches.
    pub match_span: Span,
    /// Names asked for in matches.
    pub query_names: BTreeMap<String, u64>,
    /// Images of matches.
    pub processes: BTreeMap<String, u64>,
    /// Accounts of matches.
    pub users: BTreeMap<String, u64>,
    /// Status codes of matches.
    pub query_statuses: BTreeMap<String, u64>,
    /// Highest risk score of its matches.
    pub risk_score: i64,
    /// Counts of its records.
    pub counts: RecordCounts,
    /// Its files.
    pub files: FileCounts,
    /// EventRecordIDs by channel.
    pub channels: BTreeMap<String, Runs>,
    /// How often the clock went back, in files that hold no other machine's records.
    pub clock_steps: u64,
    /// Matches whose UtcTime is far from TimeCreated.
    pub distant_utc_times: u64,
    /// Machines whose records lie in the same pieces of evidence.
    pub neighbours: BTreeSet<String>,
}

impl Host {
    /// Counts a match.
    pub fn add_match(&mut self, row: &MatchRow<'_>) {
        let event = row.event;
        if row.occurrence == Occurrence::Recovered {
            self.recovered_matches += 1;
            return;
        }
        self.matches += 1;
        if row.occurrence == Occurrence::Copy {
            return;
        }
        self.unique_matches += 1;
        self.match_span.add(event.system.time_created);
        self.risk_score = self.risk_score.max(row.risk_score);
        self.distant_utc_times += u64::from(is_utc_time_distant(event));
        for (counts, value) in [
            (&mut self.query_names, &event.query_name),
            (&mut self.processes, &event.image),
            (&mut self.users, &event.user),
            (&mut self.query_statuses, &event.query_status),
        ] {
            if let Some(value) = value {
                *counts.entry(value.clone()).or_default() += 1;
            }
        }
    }

    /// Adds what was seen of the same host elsewhere.
    pub fn merge(&mut self, other: Host) {
        self.evidence.extend(other.evidence);
        self.matches += other.matches;
        self.unique_matches += other.unique_matches;
        self.recovered_matches += other.recovered_matches;
        self.match_span.merge(other.match_span);
        for (counts, others) in [
            (&mut self.query_names, other.query_names),
            (&mut self.processes, other.processes),
            (&mut self.users, other.users),
            (&mut self.query_statuses, other.query_statuses),
        ] {
            for (value, count) in others {
                *counts.entry(value).or_default() += count;
            }
        }
        self.risk_score = self.risk_score.max(other.risk_score);
        self.counts.merge(other.counts);
        self.files.merge(other.files);
        for (channel, runs) in &other.channels {
            self.channels.entry(channel.clone()).or_default().merge(runs);
        }
        self.clock_steps += other.clock_steps;
        self.distant_utc_times += other.distant_utc_times;
        self.neighbours.extend(other.neighbours);
    }

    /// What is odd about its logs.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings: Vec<Finding> =
            self.channels.iter().filter_map(|(channel, runs)| Finding::of_gaps(channel, runs)).collect();
        if self.clock_steps > 0 {
            findings.push(Finding::ClockSteps(self.clock_steps));
        }
        if self.distant_utc_times > 0 {
            findings.push(Finding::DistantUtcTimes(self.distant_utc_times));
        }
        if self.evidence.len() > 1 {
            findings.push(Finding::SeveralEvidence(self.evidence.iter().cloned().collect()));
        }
        if !self.neighbours.is_empty() {
            findings.push(Finding::OtherComputers(self.neighbours.iter().cloned().collect()));
        }
        findings
    }

    /// What can be said of it.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        if self.matches > 0 {
            Verdict::Matches
        } else if self.recovered_matches > 0 {
            Verdict::RecoveredMatches
        } else if self.counts.dns_queries > 0 {
            Verdict::NoMatches
        } else if self.counts.records > 0 || self.files.files > self.files.damaged {
            Verdict::NoDnsQueriesLogged
        } else if self.files.files > 0 {
            Verdict::Unreadable
        } else {
            Verdict::NoEventLogs
        }
    }

    /// The first gaps of all channels, in their order.
    fn gap_cells(&self) -> Vec<Vec<Cell<'_>>> {
        let gaps = self.channels.iter().flat_map(|(channel, runs)| {
            runs.gaps().map(move |gap| [Cell::text(channel)].into_iter().chain(gap_sides(&gap)).collect())
        });
        gaps.take(MOST_GAPS).collect()
    }

    /// The host's row, in the order of [`HOSTS_COLUMNS`].
    #[must_use]
    pub fn cells<'a>(&'a self, computer: Option<&'a str>) -> Vec<Cell<'a>> {
        vec![
            Cell::optional(computer),
            Cell::Texts(self.evidence.iter().map(Into::into).collect()),
            Cell::count(self.matches),
            Cell::count(self.unique_matches),
            Cell::count(self.recovered_matches),
            Cell::optional_time(self.match_span.first),
            Cell::optional_time(self.match_span.last),
            count_cells(&self.query_names),
            count_cells(&self.processes),
            count_cells(&self.users),
            count_cells(&self.query_statuses),
            Cell::Integer(self.risk_score),
            Cell::count(self.counts.dns_queries),
            Cell::count(self.counts.sysmon_records),
            Cell::count(self.counts.records),
            Cell::optional_time(self.counts.span.first),
            Cell::optional_time(self.counts.span.last),
            Cell::count(self.files.files),
            Cell::count(self.files.damaged),
            Cell::text(self.verdict().name()),
            Cell::Records(self.gap_cells()),
            Cell::count(self.channels.values().map(Runs::gap_count).sum()),
            Cell::count(self.clock_steps),
            Cell::count(self.distant_utc_times),
            Cell::Texts(self.findings().iter().map(|finding| finding.to_string().into()).collect()),
        ]
    }
}

fn count_cells(counts: &BTreeMap<String, u64>) -> Cell<'_> {
    Cell::Records(
        by_count(counts)
            .into_iter()
            .map(|(value, count)| vec![Cell::text(value), Cell::count(count)])
            .collect(),
    )
}

/// Machines of the same evidence that are named with each: of a collector's logs, with thousands of them, not all.
const MOST_NEIGHBOURS: usize = 20;

/// Values with their counts, the most frequent first, equally frequent ones in the order of their bytes.
pub(super) fn by_count(counts: &BTreeMap<String, u64>) -> Vec<(&str, u64)> {
    let mut sorted: Vec<(&str, u64)> = counts.iter().map(|(value, count)| (value.as_str(), *count)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}

/// All hosts, and the files that could not be given to one. `merge` is associative and commutative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hosts {
    /// By Computer; one that is empty is a host of its own.
    computers: BTreeMap<String, Host>,
    /// By evidence: files in which no record names a Computer.
    nameless: BTreeMap<String, FileCounts>,
}

impl Hosts {
    /// Makes a piece of evidence known, even if no file is found in it.
    pub fn add_evidence(&mut self, evidence: &str) {
        self.nameless.entry(evidence.to_owned()).or_default();
    }

    /// Adds what a file says of its hosts.
    pub fn add_file(&mut self, evidence: &str, file: &FileReport) {
        let status = file.status();
        let counts = FileCounts { files: 1, damaged: u64::from(status != super::Status::Complete) };
        // Of the many files that are looked through for chunks, those without any say nothing of a host.
        let says_nothing = file.header == super::Header::Carved && file.tally.chunks == 0;
        if file.tally.computers.is_empty() && !says_nothing {
            self.nameless.entry(evidence.to_owned()).or_default().merge(counts);
        }
        for (computer, records) in &file.tally.computers {
            let host = self.computers.entry(computer.clone()).or_default();
            host.evidence.insert(evidence.to_owned());
            host.counts.merge(*records);
            host.files.merge(counts);
            if file.tally.computers.len() == 1 {
                host.clock_steps += file.clock.step_count();
            }
        }
        for (computer, channel, runs) in file.tally.logs.iter() {
            let host = self.computers.entry(computer.to_owned()).or_default();
            let channel = host.channels.entry(channel.to_owned()).or_default();
            channel.merge(runs);
            channel.limit();
        }
    }

    /// Counts a match.
    pub fn add_match(&mut self, row: &MatchRow<'_>) {
        self.computers.entry(row.event.system.computer.clone()).or_default().add_match(row);
    }

    /// Adds what was seen in another part of the evidence.
    pub fn merge(&mut self, other: Hosts) {
        for (computer, host) in other.computers {
            self.computers.entry(computer).or_default().merge(host);
        }
        for (evidence, files) in other.nameless {
            self.nameless.entry(evidence).or_default().merge(files);
        }
    }

    /// The hosts in the order of their names, and behind them, without a name, the evidence in
    /// which no record names a Computer. Files that name none are counted with every host of their evidence.
    #[must_use]
    pub fn rows(&self) -> Vec<(Option<&str>, Host)> {
        let mut rows: Vec<(Option<&str>, Host)> =
            self.computers.iter().map(|(computer, host)| (Some(computer.as_str()), host.clone())).collect();
        let mut owners: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (row, host) in self.computers.values().enumerate() {
            host.evidence.iter().for_each(|evidence| owners.entry(evidence).or_default().push(row));
        }
        let names: Vec<&String> = self.computers.keys().collect();
        for together in owners.values().filter(|together| together.len() > 1) {
            for row in together {
                let Some((_, host)) = rows.get_mut(*row) else { continue };
                let others = together.iter().filter(|other| *other != row).take(MOST_NEIGHBOURS);
                host.neighbours
                    .extend(others.filter_map(|other| names.get(*other)).map(|name| (*name).clone()));
            }
        }
        for (evidence, files) in &self.nameless {
            match owners.get(evidence.as_str()) {
                Some(owners) => {
                    for row in owners {
                        if let Some((_, host)) = rows.get_mut(*row) {
                            host.files.merge(*files);
                        }
                    }
                }
                None => rows.push((
                    None,
                    Host { evidence: [evidence.clone()].into(), files: *files, ..Host::default() },
                )),
            }
        }
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::ledger::Header;
    use proptest::prelude::*;

    /// Files with up to three computers, some of them damaged, in one of two pieces of evidence.
    fn file() -> impl Strategy<Value = (&'static str, FileReport)> {
        let computers = prop::collection::btree_map(prop::sample::select(vec!["a", "b", ""]), 1u64..9, 0..3);
        (prop::sample::select(vec!["left", "right"]), computers, any::<bool>()).prop_map(
            |(evidence, computers, complete)| {
                let mut report =
                    FileReport { size: 1, bytes_read: 1, header: Header::Clean, ..FileReport::default() };
                report.interrupted_at = (!complete).then_some(0);
                for (computer, records) in computers {
                    report
                        .tally
                        .computers
                        .insert(computer.to_owned(), RecordCounts { records, ..RecordCounts::default() });
                }
                (evidence, report)
            },
        )
    }

    fn hosts(files: &[(&str, FileReport)]) -> Hosts {
        let mut hosts = Hosts::default();
        for (evidence, file) in files {
            hosts.add_file(evidence, file);
        }
        hosts
    }

    fn merged(mut left: Hosts, right: Hosts) -> Hosts {
        left.merge(right);
        left
    }

    proptest! {
        #[test]
        fn merging_hosts_is_adding_all_files(left in prop::collection::vec(file(), 0..6), right in prop::collection::vec(file(), 0..6)) {
            let all: Vec<_> = left.iter().chain(&right).cloned().collect();
            let (left, right) = (hosts(&left), hosts(&right));
            prop_assert_eq!(merged(left.clone(), right.clone()), hosts(&all));
            prop_assert_eq!(merged(right, left.clone()), hosts(&all));
            prop_assert_eq!(merged(Hosts::default(), left.clone()), left);
        }
    }

    #[test]
    fn files_without_a_computer_count_for_the_hosts_of_their_evidence() {
        let mut named = FileReport { size: 1, bytes_read: 1, header: Header::Clean, ..FileReport::default() };
        named.tally.computers.insert("a".to_owned(), RecordCounts { records: 1, ..RecordCounts::default() });
        let unreadable = FileReport { size: 1, ..FileReport::default() };
        let mut all = hosts(&[("one", named), ("one", unreadable.clone()), ("two", unreadable)]);
        all.add_evidence("three");
        let rows: Vec<_> = all
            .rows()
            .into_iter()
            .map(|(computer, host)| {
                (computer.map(str::to_owned), host.files.files, host.files.damaged, host.verdict())
            })
            .collect();
        assert_eq!(
            rows,
            [
                (Some("a".to_owned()), 2, 1, Verdict::NoDnsQueriesLogged),
                (None, 0, 0, Verdict::NoEventLogs),
                (None, 1, 1, Verdict::Unreadable),
            ]
        );
        assert_eq!(Host::default().cells(None).len(), HOSTS_COLUMNS.len());
    }
}
