//! What is odd about a host's logs, besides damage: it can mean a cleared or edited log, a changed clock, or a collection that
//! mixes machines. Each finding is a sentence that an examiner can follow up.

use std::fmt::{self, Display};

use crate::event::{DnsQueryEvent, EventTime};
use crate::numbering::Runs;

/// Something odd about a host's logs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// EventRecordIDs of a channel are lacking.
    RecordGaps {
        /// The channel.
        channel: String,
        /// In how many places, at the least.
        gaps: u64,
        /// How many in all, at the least.
        missing: u64,
        /// Whether there may be more than was kept.
        incomplete: bool,
        /// The times of the events on both sides of the first gap.
        first: (Option<EventTime>, Option<EventTime>),
    },
    /// The clock went back.
    ClockSteps(u64),
    /// The clock went back in logs that hold other machines' records, too: whose clock it was is not known.
    SharedClockSteps(u64),
    /// Records whose TimeCreated cannot be read.
    UnreadableTimes(u64),
    /// Matches whose UtcTime is far from their TimeCreated.
    DistantUtcTimes(u64),
    /// Matches whose UtcTime cannot be read.
    UnreadableUtcTimes(u64),
    /// Logs that were in use when they were copied, as those of a running machine are.
    InUse(u64),
    /// Its records lie in several pieces of evidence.
    SeveralEvidence(Vec<String>),
    /// Its evidence holds records of other machines.
    OtherComputers(Vec<String>),
}

impl Finding {
    /// The gaps of a channel; none if its numbers are one run.
    pub(super) fn of_gaps(channel: &str, runs: &Runs) -> Option<Self> {
        let first = runs.gaps().next()?;
        Some(Finding::RecordGaps {
            channel: channel.to_owned(),
            gaps: runs.gap_count(),
            missing: runs.gaps().fold(0, |missing: u64, gap| missing.saturating_add(gap.missing())),
            incomplete: runs.is_incomplete(),
            first: (first.after_time, first.before_time),
        })
    }
}

/// 100 ns intervals between UtcTime and TimeCreated that are far: five minutes. Sysmon logs a query when it is answered, so
/// seconds are usual.
const FAR: u64 = 5 * 60 * 10_000_000;

/// Whether the event says two times for the query that are far apart.
pub(super) fn is_utc_time_distant(event: &DnsQueryEvent) -> bool {
    let utc_time = event.utc_time.as_deref().and_then(EventTime::parse_logged);
    utc_time
        .zip(event.system.time_created)
        .is_some_and(|(utc_time, created)| utc_time.ticks().abs_diff(created.ticks()) > FAR)
}

/// Whether the event has a UtcTime that is no time.
pub(super) fn is_utc_time_unreadable(event: &DnsQueryEvent) -> bool {
    let written = event.utc_time.as_deref().filter(|text| !text.is_empty());
    written.is_some_and(|text| EventTime::parse_logged(text).is_none())
}

/// How many names a finding lists.
const MOST_NAMES: usize = 5;

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::RecordGaps { channel, gaps, missing, incomplete, first } => {
                let channel = if channel.is_empty() { "records without a channel" } else { channel };
                let least = if *incomplete { "at least " } else { "" };
                let places = if *gaps == 1 { "place, " } else { "places, the first " };
                let ids = if *missing == 1 { "EventRecordID lacks" } else { "EventRecordIDs lack" };
                write!(f, "{channel}: {least}{missing} {ids} in {gaps} {places}")?;
                write!(f, "between the events of {} and {}", time(first.0), time(first.1))
            }
            Finding::ClockSteps(1) => write!(f, "the clock went back once"),
            Finding::ClockSteps(steps) => write!(f, "the clock went back {steps} times"),
            Finding::SharedClockSteps(steps) => {
                let times = if *steps == 1 { "once".to_owned() } else { format!("{steps} times") };
                write!(f, "in logs with other machines' records, too, the clock went back {times}")
            }
            Finding::InUse(1) => write!(f, "a log was in use when it was copied"),
            Finding::InUse(logs) => write!(f, "{logs} logs were in use when they were copied"),
            Finding::DistantUtcTimes(matches) => {
                write!(f, "matches whose UtcTime is more than five minutes from TimeCreated: {matches}")
            }
            Finding::UnreadableTimes(1) => {
                write!(f, "1 event has a time that cannot be read: it passes every period")
            }
            Finding::UnreadableTimes(events) => {
                write!(f, "{events} events have a time that cannot be read: they pass every period")
            }
            Finding::UnreadableUtcTimes(matches) => {
                write!(f, "matches whose UtcTime cannot be read: {matches}")
            }
            Finding::SeveralEvidence(names) => write!(f, "in several pieces of evidence: {}", list(names)),
            Finding::OtherComputers(names) => {
                write!(f, "its evidence also holds records of {}", list(names))
            }
        }
    }
}

fn time(time: Option<EventTime>) -> String {
    time.map_or_else(|| "an unknown time".to_owned(), EventTime::readable)
}

fn list(names: &[String]) -> String {
    let shown: Vec<&str> = names
        .iter()
        .take(MOST_NAMES)
        .map(|name| if name.is_empty() { "(no name)" } else { name.as_str() })
        .collect();
    let more = names.len().saturating_sub(MOST_NAMES);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_is_a_sentence() {
        let mut runs = Runs::default();
        let time = EventTime::parse_logged("2024-05-06T07:08:09Z");
        runs.add(1, time);
        runs.add(4, None);
        let gaps = |runs: &Runs| Finding::of_gaps("System", runs).map(|finding| finding.to_string());
        assert_eq!(
            gaps(&runs).as_deref(),
            Some(
                "System: 2 EventRecordIDs lack in 1 place, between the events of 2024-05-06 07:08:09Z and an unknown time"
            )
        );
        runs.add(9, time);
        assert!(
            gaps(&runs).unwrap().starts_with("System: 6 EventRecordIDs lack in 2 places, the first between")
        );
        assert_eq!(gaps(&Runs::default()), None);
        let names: Vec<String> = ["a", "", "c", "d", "e", "f", "g"].map(str::to_owned).to_vec();
        assert_eq!(
            Finding::OtherComputers(names).to_string(),
            "its evidence also holds records of a, (no name), c, d, e and 2 more"
        );
    }
}
