//! The EventRecordIDs of a machine's logs, joined over all files that contain its records, and the
//! EventRecordIDs that are missing there.

use crate::ledger::logs::Channels;
use crate::ledger::record_ids::{Gap, IdRuns};

/// The EventRecordIDs in one machine's logs, by channel. `merge` is associative and commutative, so
/// that files can be added in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MachineLogs {
    /// EventRecordIDs in logs that the machine wrote itself. Windows numbers the events of a log
    /// consecutively, so none should be missing.
    own: Channels,
    /// EventRecordIDs in exports, event XML and collectors' logs. These usually contain a selection
    /// of the events, so missing numbers prove little.
    selected: Channels,
}

/// The EventRecordIDs that are missing in one channel of a machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MissingIds<'a> {
    /// The channel in which EventRecordIDs are missing.
    pub channel: &'a str,
    /// Gaps in the EventRecordIDs of the channel's log that the machine wrote itself. Gaps that
    /// records in another file fill are left out. Empty if numbers are missing only in an export,
    /// in event XML or in a collector's log.
    pub gaps: Vec<Gap>,
    /// True if the channel may have more gaps than `gaps` lists, because the number of gaps that
    /// are kept in memory is limited.
    pub incomplete: bool,
    /// True if EventRecordIDs of this channel are missing in an export, in event XML or in a
    /// collector's log.
    pub is_selection: bool,
}

impl MachineLogs {
    /// Adds the EventRecordIDs of a file, by channel. If the file is a log that the machine wrote
    /// itself, `own` is the channel that the log belongs to; otherwise `own` is `None`.
    pub(super) fn add(&mut self, channels: Channels, own: Option<&str>) {
        match own {
            None => self.selected.merge(channels),
            Some(own) => self.own.merge(channels.joined(own)),
        }
    }

    /// Adds the EventRecordIDs of the same machine's logs in other files.
    pub(super) fn merge(&mut self, other: MachineLogs) {
        self.own.merge(other.own);
        self.selected.merge(other.selected);
    }

    /// Returns an item for each channel in which EventRecordIDs are missing: first the channels of
    /// logs that the machine wrote itself, then those known only from exports, event XML and
    /// collectors' logs.
    pub(super) fn missing(&self) -> impl Iterator<Item = MissingIds<'_>> {
        let none = IdRuns::default();
        let own = self.own.iter().map(|(channel, own)| (channel, Some(own), self.selected.get(channel)));
        let others = self.selected.iter().filter(|(channel, _)| self.own.get(channel).is_none());
        let others = others.map(|(channel, selected)| (channel, None, Some(selected)));
        own.chain(others).filter_map(move |(channel, own, selected)| {
            let (own, selected) = (own.unwrap_or(&none), selected.unwrap_or(&none));
            // Most logs have no gap, and then there is nothing to look up.
            if own.gap_count() == 0 && selected.gap_count() == 0 && !own.is_incomplete() {
                return None;
            }
            Some(missing(channel, own, selected))
                .filter(|missing| !missing.gaps.is_empty() || missing.is_selection)
        })
    }
}

fn missing<'a>(channel: &'a str, own: &IdRuns, selected: &IdRuns) -> MissingIds<'a> {
    let mut all = own.clone();
    all.merge(selected);
    let range = own.as_slice().first().zip(own.as_slice().last());
    // Below and above the range of the machine's own log, only exports and collectors' logs have
    // numbers.
    let is_own =
        |gap: &Gap| range.is_some_and(|(first, last)| first.first <= gap.after && gap.before <= last.last);
    let (gaps, others): (Vec<Gap>, Vec<Gap>) = all.gaps().partition(is_own);
    let range = selected.as_slice().first().zip(selected.as_slice().last());
    let is_selected =
        |gap: &Gap| range.is_some_and(|(first, last)| first.first <= gap.after && gap.before <= last.last);
    let is_selection = others.iter().any(is_selected);
    MissingIds { channel, gaps, incomplete: own.is_incomplete(), is_selection }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logs(own: &[u64], selected: &[u64]) -> MachineLogs {
        let mut logs = MachineLogs::default();
        for (numbers, is_own) in [(own, true), (selected, false)] {
            let mut channels = Channels::default();
            for number in numbers {
                channels.change("System", |runs| runs.add(*number, None));
            }
            logs.add(channels, is_own.then_some("System"));
        }
        logs
    }

    /// Returns the EventRecordIDs on both sides of each gap in the log that the machine wrote
    /// itself, and whether an export or another selection of its events has gaps.
    fn gaps_of(logs: &MachineLogs) -> (Vec<(u64, u64)>, bool) {
        logs.missing().next().map_or_else(Default::default, |missing| {
            let gaps = missing.gaps.iter().map(|gap| (gap.after, gap.before)).collect();
            (gaps, missing.is_selection)
        })
    }

    #[test]
    fn gaps_are_those_of_the_own_log() {
        for (own, selected, gaps, is_selection) in [
            (&[1, 2, 5][..], &[][..], vec![(2, 5)], false),
            // An export of selected events alone; then beside the log: below it, above it, and on
            // both sides.
            (&[], &[1, 7, 9], vec![], true),
            (&[10, 11], &[1, 4], vec![], true),
            (&[10, 11], &[14, 20], vec![], true),
            (&[10, 13], &[1, 4, 20], vec![(10, 13)], true),
            // Gaps of the log that an archived log fills, wholly or in part.
            (&[1, 2, 5], &[3, 4], vec![], false),
            (&[1, 2, 9], &[4, 5, 6], vec![(2, 4), (6, 9)], false),
            // An export that ends where the log begins, or some numbers before. What was between is
            // unknown.
            (&[10, 11], &[8, 9], vec![], false),
            (&[10, 11], &[6, 7], vec![], false),
        ] {
            assert_eq!(gaps_of(&logs(own, selected)), (gaps, is_selection), "{own:?}, {selected:?}");
        }
    }
}
