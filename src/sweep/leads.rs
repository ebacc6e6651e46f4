//! Leads: the part of a detection's condition that a queried name alone can satisfy. It makes a
//! query of Windows' own DNS client a lead. Also counts leads.

use crate::config::Config;
use crate::detect::{LeadCondition, Predicate};
use crate::report::Occurrence;

/// The number of leads of a detection. `merge` is associative and commutative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeadCounts {
    /// All leads, including copies of an event.
    pub leads: u64,
    /// Leads that are no copies of an earlier one.
    pub unique_leads: u64,
}

impl LeadCounts {
    /// Counts a lead.
    pub(super) fn add(&mut self, occurrence: Occurrence) {
        let unique_leads = u64::from(occurrence == Occurrence::First);
        self.merge(LeadCounts { leads: 1, unique_leads });
    }

    /// Adds the counts of another part of the evidence.
    pub(super) fn merge(&mut self, other: LeadCounts) {
        self.leads += other.leads;
        self.unique_leads += other.unique_leads;
    }
}

/// Returns what each detection of a sweep demands of the queried name alone, in the order of the
/// detections.
pub(super) fn lead_conditions(config: &Config) -> Vec<LeadCondition> {
    config.detections.iter().map(|loaded| loaded.detection.lead_condition()).collect()
}

/// Returns the predicate that makes an event a lead; `None` if the detection has no leads. It has
/// none if every name would satisfy the condition, because every query would be a lead.
pub(super) fn lead_predicate(condition: LeadCondition) -> Option<Predicate> {
    match condition {
        LeadCondition::Names(condition) | LeadCondition::Whole(condition) => Some(condition),
        LeadCondition::EveryName | LeadCondition::NoName => None,
    }
}
