//! Applies exclusions (the user's descriptions of harmless events): finds which exclusion applies
//! to an event, and counts the matches, and the leads (queries of Windows' own DNS client that a
//! detection describes), that each exclusion removed from each host.

use std::collections::{BTreeMap, BTreeSet};

use super::hits::Hit;
use crate::config::{ExclusionStatus, LoadedExclusion};
use crate::event::Event;
use crate::report::ExcludedCounts;

/// The 0-based index of an exclusion (the user's description of harmless events) among all
/// exclusions of the sweep, in the order of the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExclusionIndex(pub(super) usize);

/// The number of matches and of leads (queries of Windows' own DNS client that a detection
/// describes) that each exclusion (the user's description of harmless events) removed from each
/// host, including copies and deleted records. Parts of the evidence are counted separately, and
/// can be merged in any order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ExclusionCounts(BTreeMap<ExclusionIndex, BTreeMap<String, ExcludedCounts>>);

impl ExclusionCounts {
    /// Adds `counts`, the numbers of matches and of leads (queries of Windows' own DNS client that
    /// a detection describes) that the exclusion with the index `by` removed from the host
    /// `computer`.
    pub(super) fn add(&mut self, by: ExclusionIndex, computer: &str, counts: ExcludedCounts) {
        self.0.entry(by).or_default().entry(computer.to_owned()).or_default().merge(counts);
    }

    /// Adds the numbers of matches and of leads (queries of Windows' own DNS client that a
    /// detection describes) that exclusions (the user's descriptions of harmless events) removed in
    /// another part of the evidence.
    pub(super) fn merge(&mut self, other: ExclusionCounts) {
        for (exclusion, hosts) in other.0 {
            for (computer, counts) in hosts {
                self.add(exclusion, &computer, counts);
            }
        }
    }

    /// Returns true if no exclusion (the user's description of harmless events) removed any match
    /// or any lead (a query of Windows' own DNS client that a detection describes).
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns how many matches and how many leads (queries of Windows' own DNS client that a
    /// detection describes) all exclusions (the user's descriptions of harmless events) together
    /// removed from all hosts.
    pub(super) fn sum(&self) -> ExcludedCounts {
        let mut sum = ExcludedCounts::default();
        self.0.values().flat_map(BTreeMap::values).for_each(|counts| sum.merge(*counts));
        sum
    }

    /// Returns how many matches and how many leads (queries of Windows' own DNS client that a
    /// detection describes) the exclusion with this 0-based index removed from each host. The keys
    /// are the hosts' names (`Computer` in their events).
    pub(super) fn by(&self, exclusion: usize) -> BTreeMap<String, ExcludedCounts> {
        self.0.get(&ExclusionIndex(exclusion)).cloned().unwrap_or_default()
    }
}

/// Returns the first exclusion (the user's description of harmless events) that applies to an event
/// and to the detection with the id `detection_id`. The event is then neither a match nor a lead of
/// that detection. The detection must describe the event. Expired exclusions do not apply. `None`
/// if no exclusion applies.
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

/// Returns the exclusions (the user's descriptions of harmless events) that apply to any of an
/// event's hits (the detections that describe the event). An exclusion that applies to several hits
/// is returned once. The exclusions are in the order of the command line.
pub(super) fn excluded_from(hits: &[Hit<'_>]) -> impl Iterator<Item = ExclusionIndex> {
    let exclusions: BTreeSet<ExclusionIndex> = hits.iter().filter_map(|hit| hit.excluded_by).collect();
    exclusions.into_iter()
}
