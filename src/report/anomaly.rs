//! Anomalies: what is odd about a host's logs, besides damage. An anomaly can mean a cleared or
//! edited log, a changed clock, or a collection that mixes machines. Notes, on what is usual but
//! good to know, are of the same type. Each is a sentence that an examiner can follow up.

use std::fmt::{self, Display};

use super::escape::cut;
use super::machine_logs::Missing;
use crate::event::{Event, EventTime};
use crate::ledger::record_ids::Gap;

/// Something odd about a host's logs, or a note on something usual. The gravest kinds come first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anomaly {
    /// How many matches have a UtcTime more than five minutes from their TimeCreated.
    DistantUtcTimes(u64),
    /// The clock went back.
    ClockSteps {
        /// How often.
        steps: u64,
        /// The first time: from when to when.
        first: Option<(EventTime, EventTime)>,
    },
    /// EventRecordIDs of a channel are missing.
    RecordGaps {
        /// The channel.
        channel: String,
        /// In how many places, at the least.
        gaps: u64,
        /// How many in all, at the least.
        missing: u64,
        /// Whether there may be more than was kept.
        incomplete: bool,
        /// The first gap.
        first: Gap,
    },
    /// EventRecordIDs are missing in more channels than are listed one by one.
    MoreRecordGaps {
        /// How many channels these are.
        channels: u64,
    },
    /// The clock went back in logs that also hold records of other machines, so that it is not
    /// known whose clock it was. Holds how often.
    SharedClockSteps(u64),
    /// How many records have a TimeCreated that cannot be read.
    UnreadableTimes(u64),
    /// How many matches have a UtcTime that cannot be read.
    UnreadableUtcTimes(u64),
    /// The host's evidence also holds logs of other machines, with these names.
    OtherMachines(ListedNames),
    /// The machine had another name before.
    Renamed {
        /// The name.
        name: String,
        /// The time of the last record with this name.
        until: Option<EventTime>,
    },
    /// A note: EventRecordIDs are missing in exports, renderings or a collector's logs of these
    /// channels, which usually hold a selection of events.
    Selection(ListedNames),
    /// A note: the host's evidence also holds events of these other machines, which forwarded them
    /// or were exported together with this host.
    Forwarded(ListedNames),
    /// A note: logs of this host alone lie in several pieces of evidence, with these names.
    SeveralEvidence(ListedNames),
    /// A note: how many logs were in use when they were copied, as on a running machine.
    InUse(u64),
}

/// How many names an anomaly lists.
const MOST_NAMES: usize = 5;
/// How many channels of a host get an anomaly of their own; the rest are counted.
pub(super) const MOST_CHANNELS: usize = 20;

/// Names to be listed in a sentence: the first few, each shortened, and how many there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedNames {
    first: Vec<String>,
    count: usize,
}

impl<'a> FromIterator<&'a str> for ListedNames {
    fn from_iter<T: IntoIterator<Item = &'a str>>(names: T) -> Self {
        names.into_iter().fold(ListedNames::default(), |mut listed, name| {
            listed.add(name);
            listed
        })
    }
}

impl ListedNames {
    /// Adds a name to the list. Only the first few are kept; the others are counted.
    pub(super) fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < MOST_NAMES {
            self.first.push(if name.is_empty() { "(no name)".to_owned() } else { cut(name).into_owned() });
        }
    }

    /// Whether the list has more than one name.
    pub(super) fn are_several(&self) -> bool {
        self.count > 1
    }

    /// Whether the list has no name.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Anomaly {
    /// The anomaly for the EventRecordIDs that are missing in a machine's own log; `None` if none
    /// are.
    pub(super) fn of_gaps(missing: &Missing<'_>) -> Option<Self> {
        Some(Anomaly::RecordGaps {
            channel: cut(missing.channel).into_owned(),
            gaps: missing.gaps.len() as u64,
            missing: missing.gaps.iter().fold(0, |sum: u64, gap| sum.saturating_add(gap.missing())),
            incomplete: missing.incomplete,
            first: *missing.gaps.first()?,
        })
    }

    /// Whether this is a note on something usual, and no anomaly.
    #[must_use]
    pub fn is_note(&self) -> bool {
        matches!(
            self,
            Anomaly::Selection(_) | Anomaly::Forwarded(_) | Anomaly::SeveralEvidence(_) | Anomaly::InUse(_)
        )
    }

    /// The rank by which anomalies are sorted: 0 is the gravest.
    #[must_use]
    pub fn rank(&self) -> u8 {
        match self {
            Anomaly::DistantUtcTimes(_) => 0,
            Anomaly::ClockSteps { .. } => 1,
            Anomaly::RecordGaps { .. } => 2,
            Anomaly::MoreRecordGaps { .. } => 3,
            Anomaly::UnreadableTimes(_) => 4,
            Anomaly::UnreadableUtcTimes(_) => 5,
            Anomaly::SharedClockSteps(_) => 6,
            Anomaly::OtherMachines(_) => 7,
            Anomaly::Renamed { .. } => 8,
            Anomaly::Selection(_) => 9,
            Anomaly::Forwarded(_) => 10,
            Anomaly::SeveralEvidence(_) => 11,
            Anomaly::InUse(_) => 12,
        }
    }
}

/// The most that UtcTime and TimeCreated may differ without being an anomaly, in units of 100 ns:
/// five minutes. Sysmon logs a query when it is answered, so a few seconds are usual.
const FAR: u64 = 5 * 60 * 10_000_000;

/// Whether the event's UtcTime is more than five minutes from its TimeCreated.
pub(super) fn is_utc_time_distant(event: &Event) -> bool {
    let utc_time = event.utc_time().and_then(EventTime::parse_logged);
    utc_time
        .zip(event.system.time_created)
        .is_some_and(|(utc_time, created)| utc_time.ticks().abs_diff(created.ticks()) > FAR)
}

/// Whether the event has a UtcTime that cannot be read as a time.
pub(super) fn is_utc_time_unreadable(event: &Event) -> bool {
    let written = event.utc_time().filter(|text| !text.is_empty());
    written.is_some_and(|text| EventTime::parse_logged(text).is_none())
}

impl Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Anomaly::DistantUtcTimes(matches) => {
                write!(f, "matches whose UtcTime is more than five minutes from TimeCreated: {matches}")
            }
            Anomaly::UnreadableTimes(1) => {
                write!(f, "1 event has a time that cannot be read: it passes every period")
            }
            Anomaly::UnreadableTimes(events) => {
                write!(f, "{events} events have a time that cannot be read: they pass every period")
            }
            Anomaly::UnreadableUtcTimes(matches) => {
                write!(f, "matches whose UtcTime cannot be read: {matches}")
            }
            Anomaly::ClockSteps { steps, first } => {
                write!(f, "the clock went back {}", times(*steps))?;
                match first {
                    None => Ok(()),
                    Some((from, to)) => {
                        let word = if *steps == 1 { "" } else { "first " };
                        write!(f, ", {word}from {} to {}", from.readable(), to.readable())
                    }
                }
            }
            Anomaly::RecordGaps { channel, gaps, missing, incomplete, first } => {
                let missing = (*gaps, *missing, *incomplete);
                write_gaps(f, channel, missing, first)
            }
            Anomaly::MoreRecordGaps { channels } => {
                write!(f, "EventRecordIDs are missing in {channels} more channels")
            }
            Anomaly::SharedClockSteps(steps) => {
                write!(f, "in logs with other machines' records, too, the clock went back {}", times(*steps))
            }
            Anomaly::OtherMachines(names) => write!(f, "its evidence also holds logs of {names}"),
            Anomaly::Renamed { name, until } => {
                let name = if name.is_empty() { "(no name)" } else { name };
                write!(f, "was called {name} until {}", time(*until))
            }
            Anomaly::Selection(channels) => {
                write!(f, "an export, perhaps of selected events: gaps in the EventRecordIDs of {channels}")
            }
            // The number comes first, because the summary cuts long lines.
            Anomaly::Forwarded(names) if names.count == 1 => {
                write!(f, "also holds events of 1 other machine: {names}")
            }
            Anomaly::Forwarded(names) => {
                write!(f, "also holds events of {} other machines: {names}", names.count)
            }
            Anomaly::SeveralEvidence(names) => write!(f, "in several pieces of evidence: {names}"),
            Anomaly::InUse(1) => write!(f, "a log was in use when it was copied"),
            Anomaly::InUse(logs) => write!(f, "{logs} logs were in use when they were copied"),
        }
    }
}

/// Writes which EventRecordIDs are missing in a channel: in how many places, how many, and whether
/// there may be more.
fn write_gaps(
    f: &mut fmt::Formatter<'_>,
    channel: &str,
    (gaps, missing, incomplete): (u64, u64, bool),
    first: &Gap,
) -> fmt::Result {
    let channel = if channel.is_empty() { "(no channel)" } else { channel };
    if gaps > 1 || incomplete {
        let least = if incomplete { "at least " } else { "" };
        let places = if gaps == 1 { "place" } else { "places" };
        write!(f, "{least}{missing} EventRecordIDs of {channel} are missing in {gaps} {places}, first ")?;
        range(f, first)?;
    } else if missing == 1 {
        write!(f, "EventRecordID ")?;
        range(f, first)?;
        write!(f, " of {channel} is missing")?;
    } else {
        write!(f, "EventRecordIDs ")?;
        range(f, first)?;
        write!(f, " of {channel} are missing")?;
    }
    write!(f, " (from {} to {})", time(first.after_time), time(first.before_time))
}

/// Writes the range of EventRecordIDs that are missing in a gap.
fn range(f: &mut fmt::Formatter<'_>, gap: &Gap) -> fmt::Result {
    let (first, last) = (gap.after.saturating_add(1), gap.before.saturating_sub(1));
    if first == last { write!(f, "{first}") } else { write!(f, "{first} to {last}") }
}

fn times(number: u64) -> String {
    if number == 1 { "once".to_owned() } else { format!("{number} times") }
}

fn time(time: Option<EventTime>) -> String {
    time.map_or_else(|| "an unknown time".to_owned(), EventTime::readable)
}

impl Display for ListedNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.first.join(", "))?;
        match self.count - self.first.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anomaly_is_a_sentence() {
        let time = EventTime::parse_logged("2024-05-06T07:08:09Z");
        let gap = |after, before| Gap { after, after_time: time, before, before_time: None };
        let gaps = |gaps: &[Gap], incomplete| {
            let missing = Missing { channel: "System", gaps: gaps.to_vec(), incomplete, is_selection: false };
            Anomaly::of_gaps(&missing).map(|anomaly| anomaly.to_string()).unwrap_or_default()
        };
        let sides = "(from 2024-05-06 07:08:09Z to an unknown time)";
        assert_eq!(
            gaps(&[gap(4, 10)], false),
            format!("EventRecordIDs 5 to 9 of System are missing {sides}")
        );
        assert_eq!(gaps(&[gap(4, 6)], false), format!("EventRecordID 5 of System is missing {sides}"));
        assert_eq!(
            gaps(&[gap(1, 4), gap(4, 9)], false),
            format!("6 EventRecordIDs of System are missing in 2 places, first 2 to 3 {sides}")
        );
        assert!(
            gaps(&[gap(1, 4)], true)
                .starts_with("at least 2 EventRecordIDs of System are missing in 1 place,")
        );
        assert_eq!(gaps(&[], false), "");
        let names: ListedNames = ["a", "", "c", "d", "e", "f", "g"].into_iter().collect();
        assert_eq!(
            Anomaly::OtherMachines(names).to_string(),
            "its evidence also holds logs of a, (no name), c, d, e and 2 more"
        );
        let long = "x".repeat(1000);
        let name = Anomaly::Renamed { name: cut(&long).into_owned(), until: time };
        assert!(name.to_string().len() < 300, "{name}");
    }
}
