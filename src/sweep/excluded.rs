//! Applies exclusions: finds which exclusion applies to an event, and counts what each took away
//! from each host.

use std::collections::{BTreeMap, BTreeSet};

use super::hits::Hit;
use crate::config::{ExclusionStatus, LoadedExclusion};
use crate::event::Event;
use crate::report::ExcludedCounts;

/// The 0-based index of an exclusion among all exclusions of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExclusionIndex(pub(super) usize);

/// The number of events that each exclusion took away from each host, including copies and deleted
/// records. `merge` is associative and commutative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ExclusionCounts(BTreeMap<ExclusionIndex, BTreeMap<String, ExcludedCounts>>);

impl ExclusionCounts {
    /// Adds what the exclusion `by` took away from a host.
    pub(super) fn add(&mut self, by: ExclusionIndex, computer: &str, counts: ExcludedCounts) {
        self.0.entry(by).or_default().entry(computer.to_owned()).or_default().merge(counts);
    }

    /// Adds the counts of another part of the evidence.
    pub(super) fn merge(&mut self, other: ExclusionCounts) {
        for (exclusion, hosts) in other.0 {
            for (computer, counts) in hosts {
                self.add(exclusion, &computer, counts);
            }
        }
    }

    /// Returns true if nothing was taken away.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the sum over all exclusions and hosts.
    pub(super) fn sum(&self) -> ExcludedCounts {
        let mut sum = ExcludedCounts::default();
        self.0.values().flat_map(BTreeMap::values).for_each(|counts| sum.merge(*counts));
        sum
    }

    /// Returns what the exclusion with this index took away from each host, by the host's Computer.
    pub(super) fn by(&self, exclusion: usize) -> BTreeMap<String, ExcludedCounts> {
        self.0.get(&ExclusionIndex(exclusion)).cloned().unwrap_or_default()
    }
}

/// Returns the first exclusion in force that applies to an event which the detection with this id
/// describes.
pub(super) fn excluding(
    exclusions: &[LoadedExclusion],
    event: &Event,
    detection_id: &str,
) -> Option<ExclusionIndex> {
    let holds = |loaded: &LoadedExclusion| {
        loaded.status == ExclusionStatus::Applied && loaded.exclusion.holds(event, detection_id)
    };
    exclusions.iter().position(holds).map(ExclusionIndex)
}

/// Returns the exclusions that apply to hits of an event, each once.
pub(super) fn excluded_from(hits: &[Hit]) -> impl Iterator<Item = ExclusionIndex> {
    let exclusions: BTreeSet<ExclusionIndex> = hits.iter().filter_map(|hit| hit.excluded_by).collect();
    exclusions.into_iter()
}
