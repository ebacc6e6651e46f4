//! The EventRecordIDs of each log. A log is identified by the Computer and the Channel that its
//! records name.

use std::collections::BTreeMap;

use crate::base::small_map::SmallMap;
use crate::ledger::record_ids::IdRuns;

/// The EventRecordIDs of the logs of one Computer, for each Channel, sorted by the Channel's name.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Channels(SmallMap<Box<str>, IdRuns>);

impl Channels {
    /// Calls the function `change` with the EventRecordIDs of the Channel `channel`, to add to
    /// them. A Channel that is not known yet is added first, without any EventRecordIDs.
    pub fn change(&mut self, channel: &str, change: impl FnOnce(&mut IdRuns)) {
        self.0.change(channel, || channel.into(), change);
    }

    /// Adds the EventRecordIDs of the same Computer from another part of the evidence.
    /// EventRecordIDs are kept as runs of consecutive numbers; for each Channel that this call
    /// changes, at most [`MOST_RUNS`](crate::ledger::record_ids::MOST_RUNS) runs are kept.
    pub fn merge(&mut self, mut other: Channels) {
        other.limit();
        self.0.merge(other.0, |ours, theirs| {
            ours.merge(&theirs);
            ours.limit();
        });
    }

    fn limit(&mut self) {
        self.0.each(IdRuns::limit);
    }

    /// Returns the EventRecordIDs of all Channels, joined under the one name `channel`. This is
    /// right for a log that a machine wrote itself: Windows numbers its records consecutively, even
    /// if its events name different Channels.
    #[must_use]
    pub fn joined(self, channel: &str) -> Self {
        if self.0.len() == 1 && self.0.get(channel).is_some() {
            return self;
        }
        let mut joined = Channels::default();
        self.0.iter().for_each(|(_, runs)| joined.change(channel, |all| all.merge(runs)));
        joined
    }

    /// Returns the EventRecordIDs of one Channel; `None` if no record names that Channel.
    #[must_use]
    pub fn get(&self, channel: &str) -> Option<&IdRuns> {
        self.0.get(channel)
    }

    /// Returns each Channel with its EventRecordIDs, sorted by the Channel's name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &IdRuns)> {
        self.0.iter().map(|(channel, runs)| (&**channel, runs))
    }

    /// Returns true if no Channel is known, so that there are no EventRecordIDs.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The EventRecordIDs of all logs of a part of the evidence, by Computer and then by Channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Logs(BTreeMap<Box<str>, Channels>);

impl Logs {
    /// Calls the function `change` with the EventRecordIDs of one log, which `computer` and
    /// `channel` identify, to add to them. A log that is not known yet is added first, without any
    /// EventRecordIDs.
    pub fn change(&mut self, computer: &str, channel: &str, change: impl FnOnce(&mut IdRuns)) {
        // The look-up comes first, so that a name is copied only once.
        match self.0.get_mut(computer) {
            Some(channels) => channels.change(channel, change),
            None => self.0.entry(computer.into()).or_default().change(channel, change),
        }
    }

    /// Adds the EventRecordIDs of another part of the evidence. EventRecordIDs are kept as runs of
    /// consecutive numbers; for each log that this call changes, at most
    /// [`MOST_RUNS`](crate::ledger::record_ids::MOST_RUNS) runs are kept.
    pub fn merge(&mut self, other: Logs) {
        for (computer, channels) in other.0 {
            self.0.entry(computer).or_default().merge(channels);
        }
    }

    /// Removes and returns the EventRecordIDs of one Computer's logs, by channel. Empty if no
    /// record names that Computer.
    pub fn take(&mut self, computer: &str) -> Channels {
        self.0.remove(computer).unwrap_or_default()
    }

    /// Returns the number of Computers that have logs.
    #[must_use]
    pub fn computers(&self) -> usize {
        self.0.len()
    }

    /// Returns each log's Computer, Channel and EventRecordIDs, sorted by Computer and Channel.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &IdRuns)> {
        self.0.iter().flat_map(|(computer, channels)| {
            channels.iter().map(|(channel, runs)| (&**computer, channel, runs))
        })
    }
}
