//! Matches as they are counted for hosts: each event once, with all the detections that describe
//! it.

use std::sync::Arc;

use super::matches::Occurrence;
use crate::event::Event;
use crate::ledger::damage::Integrity;
use crate::table::{Cell, ColumnType, Scalar};

/// The type of the column `detections` in the table of hosts. Each cell of the column lists
/// detections with their numbers of matches (a [`DetectionCounts`]).
pub(super) const DETECTION_COUNTS: ColumnType =
    ColumnType::Records(&[("id", Scalar::Text), ("name", Scalar::Text), ("count", Scalar::Integer)]);

/// The id and name of a detection, as the column `detections` of `hosts.parquet` lists them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct DetectionLabel {
    /// The detection's id.
    pub id: String,
    /// The detection's name.
    pub name: String,
}

/// An event that is a match, with the detections that describe it. Detections are left out if an
/// exclusion (a site's description of harmless events) removes the event from their matches.
#[derive(Debug, Clone)]
pub struct MatchedEvent<'a> {
    /// The event that is a match.
    pub event: &'a Event,
    /// Says whether the event is seen for the first time, is a copy of an earlier one, or was found
    /// in a deleted record only.
    pub occurrence: Occurrence,
    /// How far the bytes of the event's record can be trusted, judging by the checksums of its
    /// chunk.
    pub integrity: Integrity,
    /// The id and name of each detection that describes the event, without those from whose matches
    /// an exclusion removes the event. There is at least one.
    pub detections: Vec<&'a Arc<DetectionLabel>>,
    /// The highest risk score of the detections in `detections`; `None` if none of them states one.
    pub risk_score: Option<i64>,
}

/// How many matches each detection describes. [`merge`](Self::merge) is associative and
/// commutative, so that parts of the evidence can be counted separately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DetectionCounts(
    /// Each detection's id and name with its number of matches, sorted by id. Each detection occurs
    /// once.
    Vec<(Arc<DetectionLabel>, u64)>,
);

impl DetectionCounts {
    /// Adds `count` to the number of matches that a detection describes.
    pub fn add(&mut self, label: &Arc<DetectionLabel>, count: u64) {
        match self.0.binary_search_by(|(known, _)| known.cmp(label)) {
            Ok(place) => {
                if let Some((_, known)) = self.0.get_mut(place) {
                    *known += count;
                }
            }
            Err(place) => {
                // Most hosts have matches of one detection, so a linear search is fast.
                if self.0.is_empty() {
                    self.0.reserve_exact(1);
                }
                self.0.insert(place, (Arc::clone(label), count));
            }
        }
    }

    /// Adds the numbers of matches that each detection describes in another part of the evidence.
    pub fn merge(&mut self, other: &DetectionCounts) {
        for (label, count) in &other.0 {
            self.add(label, *count);
        }
    }

    /// Returns the detections with their numbers of matches, most matches first. Detections with
    /// equal numbers are sorted by id.
    #[must_use]
    pub fn by_count(&self) -> Vec<(&DetectionLabel, u64)> {
        let mut sorted: Vec<(&DetectionLabel, u64)> =
            self.0.iter().map(|(label, count)| (&**label, *count)).collect();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        sorted
    }

    /// Returns the detections with their numbers of matches, as a cell of the column `detections`.
    pub(super) fn cell(&self) -> Cell<'_> {
        let record = |(label, count): (&DetectionLabel, u64)| {
            vec![Cell::text(label.id.clone()), Cell::text(label.name.clone()), Cell::count(count)]
        };
        Cell::Records(self.by_count().into_iter().map(record).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(added: &[(u8, u64)]) -> DetectionCounts {
        let mut counts = DetectionCounts::default();
        for (number, count) in added {
            let label = DetectionLabel { id: number.to_string(), name: String::new() };
            counts.add(&Arc::new(label), *count);
        }
        counts
    }

    proptest! {
        #[test]
        fn merging_is_adding_all(left in prop::collection::vec((0u8..5, 1u64..9), 0..9), right in prop::collection::vec((0u8..5, 1u64..9), 0..9)) {
            let all = counts(&[&left[..], &right[..]].concat());
            let (left, right) = (counts(&left), counts(&right));
            let merged = |mut one: DetectionCounts, other: &DetectionCounts| { one.merge(other); one };
            prop_assert_eq!(merged(left.clone(), &right), all.clone());
            prop_assert_eq!(merged(right, &left), all);
        }
    }

    #[test]
    fn detections_with_most_events_come_first() {
        let counts = counts(&[(3, 1), (2, 1), (1, 1), (2, 4), (3, 0)]);
        let sorted: Vec<(&str, u64)> =
            counts.by_count().iter().map(|(label, count)| (label.id.as_str(), *count)).collect();
        assert_eq!(sorted, [("2", 5), ("1", 1), ("3", 1)]);
    }
}
