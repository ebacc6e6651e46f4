//! Anomalies: what is odd about a host's logs, besides damage. An anomaly can mean a cleared or
//! edited log, a changed clock, or a collection that mixes machines.
//!
//! The type `Anomaly` also has notes. A note is a remark on something that is usual, but good to
//! know. Each anomaly and each note is a sentence that an examiner can follow up.

use std::fmt::{self, Display};

use super::escape::cut;
use super::machine_logs::MissingIds;
use crate::event::{Event, EventTime};
use crate::ledger::record_ids::Gap;

/// Something odd about a host's logs (an anomaly), or a remark on something usual (a note). Lists
/// of anomalies are sorted by [`Anomaly::rank`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Anomaly {
    /// Unique matches (copies of an event are left out) whose UtcTime (when Sysmon says that the
    /// query was made) is more than five minutes from their TimeCreated (when the event was
    /// logged). Contains the number of these matches.
    DistantUtcTimes(u64),
    /// The machine's clock went back by a minute or more, as the times in the headers of its log
    /// records show.
    ClockSteps {
        /// How often the machine's clock went back by a minute or more.
        steps: u64,
        /// The earliest clock step, as a pair: the time before the clock went back, and the earlier
        /// time after that. `None` if no clock step with readable times is known.
        first: Option<(EventTime, EventTime)>,
    },
    /// EventRecordIDs are missing in one channel of a log that the machine wrote itself. In such a
    /// log, Windows numbers the events consecutively.
    RecordGaps {
        /// The channel in which EventRecordIDs are missing.
        channel: String,
        /// The number of gaps between EventRecordIDs. If `incomplete` is true, the channel may have
        /// more.
        gaps: u64,
        /// The number of missing EventRecordIDs. If `incomplete` is true, more may be missing.
        missing: u64,
        /// True if the channel has more gaps between EventRecordIDs than are kept in memory.
        incomplete: bool,
        /// The first gap of the channel, with the EventRecordIDs and times of the events on both
        /// sides.
        first: Gap,
    },
    /// EventRecordIDs are missing in further channels of the host. The 20 channels in which most of
    /// them are missing have an anomaly [`RecordGaps`](Anomaly::RecordGaps) each. This anomaly
    /// counts the other channels.
    MoreRecordGaps {
        /// The number of channels in which EventRecordIDs are missing, without the 20 channels that
        /// have an anomaly of their own.
        channels: u64,
    },
    /// A clock went back in logs that also contain records of other machines, so it is not known
    /// whose clock it was. Contains how often a clock went back.
    SharedClockSteps(u64),
    /// Records with a TimeCreated that cannot be read. Contains the number of these records.
    UnreadableTimes(u64),
    /// Unique matches (copies of an event are left out) with a UtcTime that cannot be read.
    /// Contains the number of these matches.
    UnreadableUtcTimes(u64),
    /// The host's evidence also contains other machines' own logs: files with records of one of
    /// these machines alone. Contains the names of these machines.
    OtherMachines(ListedNames),
    /// The machine had another name before: a log continues from one name to the other, or one name
    /// is the other with a domain after it.
    Renamed {
        /// The machine's earlier name.
        name: String,
        /// The time of the last record with the earlier name; `None` if no record with it has a
        /// readable time.
        until: Option<EventTime>,
    },
    /// A note: EventRecordIDs are missing in exports, event XML or a collector's logs. That is
    /// usual, because these contain a selection of events. Contains the names of the channels.
    Selection(ListedNames),
    /// A note: the host's evidence also contains events of other machines. These forwarded the
    /// events, or their events were exported together with those of this host. Contains the
    /// machines' names.
    Forwarded(ListedNames),
    /// A note: files with records of this host alone are in several pieces of evidence. Contains
    /// the names of the pieces. A piece is usually what was collected from one machine.
    SeveralEvidence(ListedNames),
    /// A note: logs were in use when they were copied, as the logs of a running machine are.
    /// Contains the number of these logs.
    InUse(u64),
}

/// The maximum number of names, such as names of machines, that the sentence of an anomaly lists.
/// Further names are only counted.
const MOST_NAMES: usize = 5;
/// The maximum number of channels of a host whose missing EventRecordIDs get an anomaly each.
/// Further channels are only counted. Likewise, at most this many earlier names of a machine get an
/// anomaly each.
pub(super) const MOST_CHANNELS: usize = 20;

/// The names that the sentence of an anomaly lists, such as names of machines: the first five, each
/// shortened, and the number of all names.
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
    /// Adds a name to the list. Only the first five names are kept; later ones are only counted. A
    /// long name is shortened.
    pub(super) fn add(&mut self, name: &str) {
        self.count += 1;
        if self.first.len() < MOST_NAMES {
            self.first.push(if name.is_empty() { "(no name)".to_owned() } else { cut(name).into_owned() });
        }
    }

    /// Returns true if the list has more than one name.
    pub(super) fn are_several(&self) -> bool {
        self.count > 1
    }

    /// Returns true if the list has no name.
    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }
}

impl Anomaly {
    /// Returns the anomaly for the EventRecordIDs that are missing in one channel of a log that the
    /// machine wrote itself; `None` if none are missing.
    pub(super) fn of_gaps(missing: &MissingIds<'_>) -> Option<Self> {
        Some(Anomaly::RecordGaps {
            channel: cut(missing.channel).into_owned(),
            gaps: missing.gaps.len() as u64,
            missing: missing.gaps.iter().fold(0, |sum: u64, gap| sum.saturating_add(gap.missing())),
            incomplete: missing.incomplete,
            first: *missing.gaps.first()?,
        })
    }

    /// Returns true for a note, which is a remark on something usual, and false for an anomaly.
    #[must_use]
    pub fn is_note(&self) -> bool {
        matches!(
            self,
            Anomaly::Selection(_) | Anomaly::Forwarded(_) | Anomaly::SeveralEvidence(_) | Anomaly::InUse(_)
        )
    }

    /// Returns the rank by which anomalies are sorted: 0 is the gravest anomaly, and notes (remarks
    /// on something usual) come last.
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

/// The greatest difference between an event's UtcTime and TimeCreated that is not an anomaly: five
/// minutes, in units of 100 ns. Sysmon logs a query when it is answered, so a few seconds are
/// usual.
const FAR: u64 = 5 * 60 * 10_000_000;

/// What is odd about the UtcTime of an event, the time at which Sysmon says that it happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OddUtcTime {
    /// The UtcTime is more than five minutes from the event's TimeCreated.
    Distant,
    /// The UtcTime cannot be read as a time.
    Unreadable,
}

impl OddUtcTime {
    /// Returns what is odd about an event's UtcTime. `None` if nothing is odd, if the event has no
    /// UtcTime, or if its TimeCreated, with which the UtcTime is compared, is not readable.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let written = event.utc_time().filter(|text| !text.is_empty())?;
        let Some(utc_time) = EventTime::parse_logged(written) else { return Some(OddUtcTime::Unreadable) };
        let created = event.system.time_created?;
        (utc_time.ticks().abs_diff(created.ticks()) > FAR).then_some(OddUtcTime::Distant)
    }
}

impl Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Anomaly::DistantUtcTimes(matches) => {
                write!(f, "matches whose UtcTime is more than five minutes from TimeCreated: {matches}")
            }
            Anomaly::UnreadableTimes(1) => {
                write!(f, "1 event has a time that cannot be read: it counts in every period")
            }
            Anomaly::UnreadableTimes(events) => {
                write!(f, "{events} events have a time that cannot be read: they count in every period")
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
                write!(f, "in logs that it shares with other machines, the clock went back {}", times(*steps))
            }
            Anomaly::OtherMachines(names) => write!(f, "its evidence also contains logs of {names}"),
            Anomaly::Renamed { name, until } => {
                let name = if name.is_empty() { "(no name)" } else { name };
                write!(f, "was called {name} until {}", time(*until))
            }
            Anomaly::Selection(channels) => {
                write!(f, "an export, perhaps of selected events: gaps in the EventRecordIDs of {channels}")
            }
            // The number comes first, because the summary cuts long lines.
            Anomaly::Forwarded(names) if names.count == 1 => {
                write!(f, "also contains events of 1 other machine: {names}")
            }
            Anomaly::Forwarded(names) => {
                write!(f, "also contains events of {} other machines: {names}", names.count)
            }
            Anomaly::SeveralEvidence(names) => write!(f, "in several pieces of evidence: {names}"),
            Anomaly::InUse(1) => f.write_str(IN_USE),
            Anomaly::InUse(logs) => write!(f, "{logs}{IN_USE_MANY}"),
        }
    }
}

/// The note on a log that was in use when it was copied.
const IN_USE: &str = "a log was in use when it was copied";
/// The end of the note on several logs that were in use when they were copied. The note begins with
/// the number of these logs.
const IN_USE_MANY: &str = " logs were in use when they were copied";

/// Returns true if `note`, a text of the column `notes` of `hosts.parquet`, says that logs were in
/// use when they were copied. The logs of a running machine always are.
pub(super) fn is_of_use(note: &str) -> bool {
    let number = note.strip_suffix(IN_USE_MANY);
    note == IN_USE || number.is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Writes which EventRecordIDs are missing in a channel. `gaps` is the number of gaps and `missing`
/// the number of missing EventRecordIDs; both are lower bounds if `incomplete` is true. `first` is
/// the gap with the lowest numbers.
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

/// Writes the range of EventRecordIDs that are missing in a gap, such as `5 to 9`.
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
            let missing =
                MissingIds { channel: "System", gaps: gaps.to_vec(), incomplete, is_selection: false };
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
            "its evidence also contains logs of a, (no name), c, d, e and 2 more"
        );
        let long = "x".repeat(1000);
        let name = Anomaly::Renamed { name: cut(&long).into_owned(), until: time };
        assert!(name.to_string().len() < 300, "{name}");
    }
}
