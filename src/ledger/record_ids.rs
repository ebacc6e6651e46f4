//! The EventRecordIDs that were seen in a log, kept as runs of consecutive numbers. The gaps
//! between the runs are the missing numbers.
//!
//! Windows numbers the events of a channel consecutively. A log that was not cleared, cut or
//! edited, and that lost nothing, has one run. `merge` is associative, commutative and idempotent:
//! neither the order of a log's parts matters, nor whether a part is added twice.

use crate::event::EventTime;

/// The greatest number of runs of consecutive EventRecordIDs that are kept for one log. An export
/// of selected events can have as many runs as events, so memory needs a limit.
pub const MOST_RUNS: usize = 2_000;

/// A run: a range of consecutive EventRecordIDs of one log, without a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IdRun {
    /// The lowest EventRecordID of the run (a range of consecutive EventRecordIDs).
    pub first: u64,
    /// The highest EventRecordID of the run (a range of consecutive EventRecordIDs).
    pub last: u64,
    /// TimeCreated of the event with the lowest EventRecordID (the earliest, if several events have
    /// it); `None` if no time is readable.
    pub first_time: Option<EventTime>,
    /// TimeCreated of the event with the highest EventRecordID (the latest, if several events have
    /// it); `None` if no time is readable.
    pub last_time: Option<EventTime>,
}

impl IdRun {
    /// Returns the run (consecutive EventRecordIDs) of a single event, given its EventRecordID and
    /// its TimeCreated.
    #[must_use]
    pub fn of(id: u64, time: Option<EventTime>) -> Self {
        IdRun { first: id, last: id, first_time: time, last_time: time }
    }

    /// Returns the number of EventRecordIDs in the run. They are consecutive.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.last.saturating_sub(self.first).saturating_add(1)
    }

    /// Joins the run `other` (consecutive EventRecordIDs) to this run. `other` must not begin at a
    /// lower number than this run, and must overlap it or begin directly after its last number.
    fn join(&mut self, other: IdRun) {
        if other.first == self.first {
            self.first_time = earliest(self.first_time, other.first_time);
        }
        if other.last >= self.last {
            let same = if other.last == self.last { self.last_time } else { None };
            self.last_time = same.max(other.last_time);
            self.last = other.last;
        }
    }
}

/// Returns the earlier of two times. If one is not readable (`None`), returns the other.
fn earliest(one: Option<EventTime>, other: Option<EventTime>) -> Option<EventTime> {
    [one, other].into_iter().flatten().min()
}

/// A gap in the EventRecordIDs of a log: numbers that no record has, with the events on both sides
/// of the gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gap {
    /// The last EventRecordID before the gap. The next number is missing.
    pub after: u64,
    /// TimeCreated of the event before the gap; `None` if no time is readable.
    pub after_time: Option<EventTime>,
    /// The first EventRecordID after the gap. The number before it is missing.
    pub before: u64,
    /// TimeCreated of the event after the gap; `None` if no time is readable.
    pub before_time: Option<EventTime>,
}

impl Gap {
    /// Returns the number of EventRecordIDs that are missing in the gap.
    #[must_use]
    pub fn missing(&self) -> u64 {
        self.before - self.after - 1
    }
}

/// The EventRecordIDs of one log, as sorted runs of consecutive numbers. Between each run and the
/// next, numbers are missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IdRuns {
    runs: Vec<IdRun>,
    /// True if runs (consecutive EventRecordIDs) were dropped because the log has more than
    /// [`MOST_RUNS`] of them.
    incomplete: bool,
}

impl IdRuns {
    /// Adds an event's EventRecordID and TimeCreated.
    #[inline]
    pub fn add(&mut self, id: u64, time: Option<EventTime>) {
        match self.runs.last_mut() {
            // Nearly always, the next number follows.
            Some(last) if last.last.checked_add(1) == Some(id) => {
                last.last = id;
                last.last_time = time;
            }
            _ => self.add_apart(id, time),
        }
    }

    /// Adds an event whose EventRecordID does not directly follow the highest one that was added
    /// before.
    fn add_apart(&mut self, id: u64, time: Option<EventTime>) {
        match self.runs.last() {
            Some(last) if id <= last.last => self.insert(IdRun::of(id, time)),
            _ => self.push_apart(IdRun::of(id, time)),
        }
    }

    /// Adds a run (consecutive EventRecordIDs) whose numbers lie above those of all other runs. If
    /// there are already twice [`MOST_RUNS`] runs, all but the lowest [`MOST_RUNS`] are dropped
    /// before the run is added, so that inserting a run always takes a bounded time.
    fn push_apart(&mut self, run: IdRun) {
        if self.runs.len() >= 2 * MOST_RUNS {
            self.limit();
        }
        // Most logs have a single run, so only one place is reserved.
        if self.runs.is_empty() {
            self.runs.reserve_exact(1);
        }
        self.runs.push(run);
    }

    /// Adds a run of consecutive EventRecordIDs to those of the log.
    pub fn add_run(&mut self, run: IdRun) {
        match self.runs.last_mut() {
            // Nearly always: the numbers that follow.
            Some(last) if last.last.checked_add(1) == Some(run.first) => {
                (last.last, last.last_time) = (run.last, run.last_time);
            }
            Some(last) if run.first <= last.last.saturating_add(1) => self.insert(run),
            _ => self.push_apart(run),
        }
    }

    /// Adds the EventRecordIDs of the same log from another part of the evidence.
    pub fn merge(&mut self, other: &IdRuns) {
        self.incomplete |= other.incomplete;
        match other.runs.as_slice() {
            [] => {}
            [run] => self.add_run(*run),
            runs if self.runs.is_empty() => self.runs = runs.to_vec(),
            runs => self.merge_many(runs),
        }
    }

    /// Merges other sorted runs (each of consecutive EventRecordIDs) into the runs of this log. One
    /// pass goes over both lists, because either list can be long.
    fn merge_many(&mut self, others: &[IdRun]) {
        let mut merged: Vec<IdRun> = Vec::with_capacity(self.runs.len() + others.len());
        let (mut ours, mut others) = (self.runs.iter().peekable(), others.iter().peekable());
        while let Some(next) = match (ours.peek(), others.peek()) {
            (Some(one), Some(other)) if other.first < one.first => others.next(),
            (None, _) => others.next(),
            _ => ours.next(),
        } {
            match merged.last_mut() {
                Some(last) if next.first <= last.last.saturating_add(1) => last.join(*next),
                _ => merged.push(*next),
            }
        }
        self.runs = merged;
    }

    /// Inserts a run (consecutive EventRecordIDs) at its place among the sorted runs, and joins it
    /// with the runs that it touches or overlaps.
    fn insert(&mut self, run: IdRun) {
        if self.runs.len() >= 2 * MOST_RUNS {
            self.limit();
        }
        let start = self.runs.partition_point(|other| other.last.saturating_add(1) < run.first);
        let end = self.runs.partition_point(|other| other.first <= run.last.saturating_add(1));
        let mut touched: Vec<IdRun> = self.runs.get(start..end).unwrap_or_default().to_vec();
        touched.push(run);
        touched.sort_by_key(|run| run.first);
        let joined = touched.into_iter().reduce(|mut joined, next| {
            joined.join(next);
            joined
        });
        self.runs.splice(start..end, joined);
    }

    /// Removes all EventRecordIDs, so that the memory can be used for another log.
    pub fn clear(&mut self) {
        self.runs.clear();
        self.incomplete = false;
    }

    /// Returns true if no event with an EventRecordID was added.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Drops the runs (consecutive EventRecordIDs) with the highest numbers, so that at most
    /// [`MOST_RUNS`] runs are left.
    pub fn limit(&mut self) {
        self.incomplete |= self.runs.len() > MOST_RUNS;
        self.runs.truncate(MOST_RUNS);
    }

    /// Returns the gaps in the known EventRecordIDs, from the lowest numbers to the highest.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> {
        self.runs.windows(2).filter_map(|pair| match pair {
            [one, next] => Some(Gap {
                after: one.last,
                after_time: one.last_time,
                before: next.first,
                before_time: next.first_time,
            }),
            _ => None,
        })
    }

    /// Returns the known runs (each of consecutive EventRecordIDs), from the lowest numbers to the
    /// highest.
    #[must_use]
    pub fn as_slice(&self) -> &[IdRun] {
        &self.runs
    }

    /// Returns the number of gaps in the known EventRecordIDs. The log has more gaps if
    /// [`is_incomplete`](Self::is_incomplete) is true.
    #[must_use]
    pub fn gap_count(&self) -> u64 {
        self.runs.len().saturating_sub(1) as u64
    }

    /// Returns true if runs (consecutive EventRecordIDs) were dropped because the log has more than
    /// [`MOST_RUNS`] of them. The log then has more gaps than are known.
    #[must_use]
    pub fn is_incomplete(&self) -> bool {
        self.incomplete
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn events() -> impl Strategy<Value = Vec<(u64, Option<EventTime>)>> {
        let id = prop_oneof![0..20_u64, u64::MAX - 3..=u64::MAX];
        prop::collection::vec((id, prop::option::of((0..9_i64).prop_map(EventTime::from_ticks))), 0..12)
    }

    fn runs(events: &[(u64, Option<EventTime>)]) -> IdRuns {
        let mut runs = IdRuns::default();
        for (id, time) in events {
            runs.add(*id, *time);
        }
        runs
    }

    fn merged(left: &IdRuns, right: &IdRuns) -> IdRuns {
        let mut both = left.clone();
        both.merge(right);
        both
    }

    /// Returns the runs of the events' EventRecordIDs in a simple, slow way: through a map of each
    /// EventRecordID to its times. Tests compare [`IdRuns`] with it.
    fn plainly(events: &[(u64, Option<EventTime>)]) -> Vec<IdRun> {
        let mut ids: BTreeMap<u64, Vec<Option<EventTime>>> = BTreeMap::new();
        for (id, time) in events {
            ids.entry(*id).or_default().push(*time);
        }
        let mut runs: Vec<IdRun> = Vec::new();
        for (id, times) in ids {
            let (first_time, last_time) = (times.iter().flatten().min(), times.iter().flatten().max());
            match runs.last_mut() {
                Some(run) if run.last + 1 == id => (run.last, run.last_time) = (id, last_time.copied()),
                _ => runs.push(IdRun {
                    first: id,
                    last: id,
                    first_time: first_time.copied(),
                    last_time: last_time.copied(),
                }),
            }
        }
        runs
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn runs_are_what_a_map_tells(left in events(), right in events()) {
            let (one, other) = (runs(&left), runs(&right));
            prop_assert_eq!(&one.runs, &plainly(&left));
            let all = runs(&[left, right].concat());
            prop_assert_eq!(merged(&one, &other), all.clone());
            prop_assert_eq!(merged(&other, &one), all.clone());
            prop_assert_eq!(merged(&all, &one), all);
        }
    }

    #[test]
    fn gaps_lie_between_runs() {
        let time = |ticks| Some(EventTime::from_ticks(ticks));
        let seen = runs(&[(5, time(50)), (1, time(10)), (2, time(20)), (9, None)]);
        let gaps: Vec<Gap> = seen.gaps().collect();
        assert_eq!(
            gaps,
            [
                Gap { after: 2, after_time: time(20), before: 5, before_time: time(50) },
                Gap { after: 5, after_time: time(50), before: 9, before_time: None },
            ]
        );
        assert_eq!(gaps.iter().map(Gap::missing).collect::<Vec<_>>(), [2, 3]);
        assert_eq!((seen.gap_count(), seen.is_incomplete()), (2, false));
    }

    #[test]
    fn more_runs_than_a_ledger_holds_are_said_to_be_more() {
        let mut seen = IdRuns::default();
        (0..=MOST_RUNS as u64).for_each(|number| seen.add(number * 2, None));
        seen.limit();
        assert_eq!((seen.gap_count(), seen.is_incomplete()), (MOST_RUNS as u64 - 1, true));
    }
}
