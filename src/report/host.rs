//! A host: what the evidence says about one machine (Computer), and what can be concluded from it.

use std::borrow::Cow;
use std::sync::Arc;

use super::anomaly::{Anomaly, ListedNames, MOST_CHANNELS, OddUtcTime};
use super::coverage::Coverage;
use super::escape::cut;
use super::host_in_evidence::HostInEvidence;
use super::machine_logs::MachineLogs;
use super::matched_event::{DetectionCounts, MatchedEvent};
use super::matches::Occurrence;
use super::verdict::Verdict;
use crate::base::small_map::SmallMap;
use crate::event::{EventTime, Span};
use crate::ledger::clock::MachineClock;
use crate::ledger::damage::Integrity;
use crate::ledger::file::{FileReport, Status};
use crate::ledger::tally::RecordCounts;

/// Counts of files and containers, for example those of one host: how many there are, and how many
/// of them could not be read completely.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FileCounts {
    /// The number of files, including those that `damaged` and `not_read` count.
    pub files: u64,
    /// The number of files that are damaged, empty, unreadable or not event logs. Files that were
    /// deleted in their volume are left out.
    pub damaged: u64,
    /// The number of files that an interrupted sweep did not begin or did not finish.
    pub not_read: u64,
    /// The number of archives and disk images that could not be read, or not completely. `files`
    /// does not count them.
    pub containers: u64,
}

impl FileCounts {
    /// Adds the counts of other files and containers.
    pub fn merge(&mut self, other: FileCounts) {
        self.files += other.files;
        self.damaged += other.damaged;
        self.not_read += other.not_read;
        self.containers += other.containers;
    }

    /// Returns the counts for a single file.
    #[must_use]
    pub fn of(file: &FileReport) -> Self {
        let not_read = u64::from(matches!(file.status(), Status::Interrupted | Status::NotRead));
        FileCounts { files: 1, damaged: u64::from(file.is_flawed()), not_read, containers: 0 }
    }

    /// Returns how many files and containers have a problem, or were not read to their end. If
    /// there are any, a host without matches is not cleared: its absence of matches proves nothing.
    #[must_use]
    pub fn incomplete(&self) -> u64 {
        self.damaged + self.not_read + self.containers
    }
}

/// Everything that was seen of one host. [`merge`](Self::merge) is associative and commutative, so
/// that parts of the evidence can be counted separately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Host {
    /// The host's name as its records spell it; of several spellings, the first in byte order.
    pub name: Box<str>,
    /// What each piece of evidence contains about this host, by the name of the piece.
    pub places: SmallMap<Arc<str>, HostInEvidence>,
    /// The number of matches in records that were not deleted. A DNS query counts once, however
    /// many detections describe it. Copies of a query count too.
    pub matches: u64,
    /// The number of unique matches: those that are not copies of an earlier match. The fields from
    /// `match_span` to `risk_score` are about unique matches.
    pub unique_matches: u64,
    /// The number of hits: pairs of a match (copies included) and a detection that describes it.
    pub hits: u64,
    /// The number of unique matches whose record lies in a damaged chunk of its log.
    pub damaged_matches: u64,
    /// The number of matches among deleted records. No other field of this type counts them.
    pub recovered_matches: u64,
    /// The number of DNS queries that an exclusion (a site's description of harmless events)
    /// removes from the matches of at least one detection, including copies and deleted records.
    pub excluded_matches: u64,
    /// The times (TimeCreated) of the earliest and the latest unique match of the host.
    pub match_span: Span,
    /// The domain names that the unique matches query, in lower case, each with the number of
    /// matches.
    pub query_names: ValueCounts,
    /// The paths of the programs that made the unique matches' queries (process images), each with
    /// the number of matches.
    pub processes: ValueCounts,
    /// The user accounts of the unique matches, each with the number of matches.
    pub users: ValueCounts,
    /// The status codes (QueryStatus) of the unique matches, each with the number of matches.
    pub query_statuses: ValueCounts,
    /// For each detection, the number of the host's unique matches that it describes.
    pub detections: DetectionCounts,
    /// The highest risk score of the unique matches; `None` if their detections state none.
    pub risk_score: Option<i64>,
    /// The counts of the host's records that were not deleted: all, those of Sysmon, and DNS
    /// queries, with their times.
    pub counts: RecordCounts,
    /// The counts of the files that contain the host's records. Files of the same pieces of
    /// evidence in which no record names a machine, and containers there that could not be read,
    /// count as well, because they may contain records of the host.
    pub files: FileCounts,
    /// The number of files with the host's records that were in use when they were copied.
    pub files_in_use: u64,
    /// The number of unique matches whose UtcTime (when the query was made) is more than five
    /// minutes from TimeCreated (when it was logged).
    pub distant_utc_times: u64,
    /// The number of unique matches whose UtcTime (when Sysmon says that the query was made) cannot
    /// be read.
    pub unreadable_utc_times: u64,
    /// The number of leads: events of Windows' own DNS client with a name that a detection
    /// describes, including copies of an event. They are not matches.
    pub leads: u64,
    /// The number of leads (queries of Windows' own DNS client that a detection describes) that are
    /// not copies of an earlier one.
    pub unique_leads: u64,
    /// How much of the requested period is covered by the host's DNS queries. `None` if no period
    /// was requested, and until all evidence was read.
    pub coverage: Option<Coverage>,
    /// What can be concluded about the host's logs, such as earlier names of the machine. It is
    /// empty until all evidence was read.
    pub conclusion: Conclusion,
}

impl Conclusion {
    /// Adds earlier names of the machine that one piece of evidence shows, each with the time of
    /// the last record under that name (`None` if that time is not readable). If a name was added
    /// before, the later of its two times is kept.
    pub(super) fn add_earlier_names(&mut self, names: Vec<(Box<str>, Option<EventTime>)>) {
        for (name, until) in names {
            match self.earlier_names.iter_mut().find(|(known, _)| *known == name) {
                Some((_, known)) => *known = (*known).max(until),
                None => self.earlier_names.push((name, until)),
            }
        }
    }
}

/// Distinct values of a field of a host's matches, each with the number of matches that have it.
pub type ValueCounts = SmallMap<Box<str>, u64>;

/// What can be concluded about a host's logs once all evidence was read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conclusion {
    /// The EventRecordIDs in the host's logs, including those under the machine's earlier names.
    pub logs: MachineLogs,
    /// The times at which the host's clock went back.
    pub clock: MachineClock,
    /// The machine's earlier names, each with the time of the last record under that name (`None`
    /// if that time is not readable).
    pub earlier_names: Vec<(Box<str>, Option<EventTime>)>,
    /// What is odd about the pieces of evidence that contain the host's records, such as logs of
    /// other machines or forwarded events in the same piece.
    pub about_evidence: Vec<Anomaly>,
}

impl Host {
    /// Counts a match of this host. If the match is not a copy and does not lie in a deleted
    /// record, also counts its domain name, process, user, status and detections.
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
        match OddUtcTime::of(event) {
            Some(OddUtcTime::Distant) => self.distant_utc_times += 1,
            Some(OddUtcTime::Unreadable) => self.unreadable_utc_times += 1,
            None => {}
        }
        if let Some(name) = event.query_name() {
            count(&mut self.query_names, &without_case(name));
        }
        for (counts, value) in [
            (&mut self.processes, event.image()),
            (&mut self.users, event.user()),
            (&mut self.query_statuses, event.query_status()),
        ] {
            if let Some(value) = value {
                count(counts, value);
            }
        }
    }

    /// Counts a lead (a query of Windows' own DNS client that a detection describes) of this host.
    /// `occurrence` says whether the event is a copy of an earlier one.
    pub fn add_lead(&mut self, occurrence: Occurrence) {
        self.leads += 1;
        self.unique_leads += u64::from(occurrence == Occurrence::First);
    }

    /// Adds what was seen of the same host in another part of the evidence. Leaves `conclusion` and
    /// `coverage` unchanged, because they are computed only after all evidence was read.
    pub fn merge(&mut self, other: Host) {
        self.add_spelling(&other.name);
        self.places.merge(other.places, HostInEvidence::merge);
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

    /// Adds a spelling of the host's name, which may differ from other spellings in case. The first
    /// in byte order becomes the name.
    pub(super) fn add_spelling(&mut self, name: &str) {
        if !name.is_empty() && (self.name.is_empty() || *name < *self.name) {
            self.name = name.into();
        }
    }

    /// Returns the names of the pieces of evidence that contain the host's records.
    pub fn evidence(&self) -> impl Iterator<Item = &str> {
        self.places.iter().map(|(evidence, _)| &**evidence)
    }

    /// Returns the anomalies of the host's logs, the gravest first, and then the notes.
    #[must_use]
    pub fn anomalies(&self) -> Vec<Anomaly> {
        let Conclusion { logs, clock, earlier_names, about_evidence } = &self.conclusion;
        let mut anomalies = gap_anomalies(logs);
        anomalies.extend(about_evidence.iter().cloned());
        if self.distant_utc_times > 0 {
            anomalies.push(Anomaly::DistantUtcTimes(self.distant_utc_times));
        }
        if self.counts.unreadable_times > 0 {
            anomalies.push(Anomaly::UnreadableTimes(self.counts.unreadable_times));
        }
        if self.unreadable_utc_times > 0 {
            anomalies.push(Anomaly::UnreadableUtcTimes(self.unreadable_utc_times));
        }
        if clock.step_count() > 0 {
            anomalies.push(Anomaly::ClockSteps { steps: clock.step_count(), first: clock.first_step() });
        }
        let renamed = |(name, until): &(Box<str>, Option<EventTime>)| Anomaly::Renamed {
            name: cut(name).into_owned(),
            until: *until,
        };
        anomalies.extend(earlier_names.iter().take(MOST_CHANNELS).map(renamed));
        let own: ListedNames = self
            .places
            .iter()
            .filter(|(_, found)| found.own_files > 0)
            .map(|(evidence, _)| &**evidence)
            .collect();
        if own.are_several() {
            anomalies.push(Anomaly::SeveralEvidence(own));
        }
        if self.files_in_use > 0 {
            anomalies.push(Anomaly::InUse(self.files_in_use));
        }
        anomalies.sort_by_key(Anomaly::rank);
        anomalies
    }

    /// Returns the host's verdict: what was found of it in a few words, for example matches,
    /// no matches or no records of Sysmon.
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
        } else if self.files.files > self.files.damaged + self.files.not_read {
            Verdict::NoRecords
        } else if self.files.files + self.files.containers > 0 {
            Verdict::Unreadable
        } else {
            Verdict::NoEventLogs
        }
    }

    /// Returns true if the absence of matches can be relied on: DNS queries were seen, none
    /// matched, and all files were read. If the user requested a period, the queries must also
    /// cover all of the period, and the time of every record must be readable.
    #[must_use]
    pub fn is_cleared(&self) -> bool {
        let covers_period = match self.coverage {
            None => true,
            Some(coverage) => coverage == Coverage::Whole && self.counts.unreadable_times == 0,
        };
        self.verdict() == Verdict::NoMatches && covers_period && self.files.incomplete() == 0
    }
}

/// Adds one to the count of a value. The value is copied only if it was not counted before.
fn count(counts: &mut ValueCounts, value: &str) {
    counts.change(value, || value.into(), |count| *count += 1);
}

/// Returns a domain name in lower case, because DNS does not distinguish case.
fn without_case(name: &str) -> Cow<'_, str> {
    let is_lower = |byte: u8| byte.is_ascii() && !byte.is_ascii_uppercase();
    if name.bytes().all(is_lower) { Cow::Borrowed(name) } else { Cow::Owned(name.to_lowercase()) }
}

/// Returns the anomalies for EventRecordIDs that are missing in a machine's logs. Each of the
/// [`MOST_CHANNELS`] channels in which most are missing has an anomaly of its own; if there are
/// further channels, one more anomaly counts them. The last item is a note on exports, event XML
/// and collectors' logs in which EventRecordIDs are missing.
fn gap_anomalies(logs: &MachineLogs) -> Vec<Anomaly> {
    let (mut gaps, mut selected) = (Vec::new(), ListedNames::default());
    for missing in logs.missing() {
        if missing.is_selection {
            selected.add(missing.channel);
        }
        let numbers = missing.gaps.iter().fold(0, |sum: u64, gap| sum.saturating_add(gap.missing()));
        gaps.extend(Anomaly::of_gaps(&missing).map(|anomaly| (numbers, anomaly)));
    }
    gaps.sort_by_key(|(numbers, _)| std::cmp::Reverse(*numbers));
    let more = gaps.len().saturating_sub(MOST_CHANNELS) as u64;
    let mut anomalies: Vec<Anomaly> =
        gaps.into_iter().take(MOST_CHANNELS).map(|(_, anomaly)| anomaly).collect();
    if more > 0 {
        anomalies.push(Anomaly::MoreRecordGaps { channels: more });
    }
    if !selected.is_empty() {
        anomalies.push(Anomaly::Selection(selected));
    }
    anomalies
}

/// Returns values with their counts, the most frequent value first. Equally frequent values are in
/// byte order.
pub(super) fn by_count(counts: &ValueCounts) -> Vec<(&str, u64)> {
    let mut sorted: Vec<(&str, u64)> = counts.iter().map(|(value, count)| (&**value, *count)).collect();
    sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    sorted
}
