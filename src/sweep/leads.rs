//! What detections say of a name alone, which makes a query of Windows' own DNS client a lead; and
//! how many leads there are.

use crate::config::Config;
use crate::detect::{LeadCondition, Predicate};
use crate::report::Occurrence;

/// How many leads a detection has. `merge` is associative and commutative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeadCounts {
    /// All, copies of an event included.
    pub leads: u64,
    /// Of these, those that are no copies.
    pub unique_leads: u64,
}

impl LeadCounts {
    /// Counts a lead.
    pub(super) fn add(&mut self, occurrence: Occurrence) {
        let unique_leads = u64::from(occurrence == Occurrence::First);
        self.merge(LeadCounts { leads: 1, unique_leads });
    }

    /// Takes in those of another part of the evidence.
    pub(super) fn merge(&mut self, other: LeadCounts) {
        self.leads += other.leads;
        self.unique_leads += other.unique_leads;
    }
}

/// What each detection of a sweep says of the name alone, in their order.
pub(super) fn lead_conditions(config: &Config) -> Vec<LeadCondition> {
    config.detections.iter().map(|loaded| loaded.detection.lead_condition()).collect()
}

/// What an event must meet to be a lead; `None` where none is: if any name would do, each query
/// would be one.
pub(super) fn asked(condition: LeadCondition) -> Option<Predicate> {
    match condition {
        LeadCondition::Names(condition) | LeadCondition::Whole(condition) => Some(condition),
        LeadCondition::EveryName | LeadCondition::NoName => None,
    }
}
