//! The logs that records belong to, by what the records themselves name: a Computer and a Channel.

use std::collections::BTreeMap;

use crate::base::few::FewMap;
use crate::ledger::record_ids::IdRuns;

/// The logs of one Computer by their Channel, in the order of the names.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Channels(FewMap<Box<str>, IdRuns>);

impl Channels {
    /// Changes the runs of a log.
    pub fn change(&mut self, channel: &str, change: impl FnOnce(&mut IdRuns)) {
        self.0.change(channel, || channel.into(), change);
    }

    /// Adds what was seen elsewhere, and keeps of each log that this changes what a ledger can
    /// hold.
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

    /// All of them as one, under that channel.
    #[must_use]
    pub fn joined(self, channel: &str) -> Self {
        if self.0.len() == 1 && self.0.get(channel).is_some() {
            return self;
        }
        let mut joined = Channels::default();
        self.0.iter().for_each(|(_, runs)| joined.change(channel, |all| all.merge(runs)));
        joined
    }

    /// The runs of a log.
    #[must_use]
    pub fn get(&self, channel: &str) -> Option<&IdRuns> {
        self.0.get(channel)
    }

    /// Channel and runs, in the order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &IdRuns)> {
        self.0.iter().map(|(channel, runs)| (&**channel, runs))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The logs that records belong to: by the Computer, then by the Channel that they name.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Logs(BTreeMap<Box<str>, Channels>);

impl Logs {
    /// Changes the runs of a log.
    pub fn change(&mut self, computer: &str, channel: &str, change: impl FnOnce(&mut IdRuns)) {
        // Looked up first, so that a name is copied only once.
        match self.0.get_mut(computer) {
            Some(channels) => channels.change(channel, change),
            None => self.0.entry(computer.into()).or_default().change(channel, change),
        }
    }

    /// Adds what was seen elsewhere, and keeps of each log that this changes what a ledger can
    /// hold.
    pub fn merge(&mut self, other: Logs) {
        for (computer, channels) in other.0 {
            self.0.entry(computer).or_default().merge(channels);
        }
    }

    /// Takes the logs of a Computer out.
    pub fn take(&mut self, computer: &str) -> Channels {
        self.0.remove(computer).unwrap_or_default()
    }

    /// How many Computers there are.
    #[must_use]
    pub fn computers(&self) -> usize {
        self.0.len()
    }

    /// Computer, Channel and runs, in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &IdRuns)> {
        self.0.iter().flat_map(|(computer, channels)| {
            channels.iter().map(|(channel, runs)| (&**computer, channel, runs))
        })
    }
}
