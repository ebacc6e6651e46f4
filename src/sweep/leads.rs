//! Leads: queries that Windows' own DNS client logged for a name that a detection describes. This
//! module reduces a detection's condition to one that a queried name alone can satisfy, and counts
//! leads.

use crate::config::Config;
use crate::detect::{LeadCondition, Predicate};
use crate::report::Occurrence;

/// The number of a detection's leads: queries that Windows' own DNS client logged for a name that
/// the detection describes. Parts of the evidence are counted separately, and can be merged in any
/// order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeadCounts {
    /// The number of all leads (queries of Windows' own DNS client that a detection describes),
    /// including copies of an event.
    pub leads: u64,
    /// The number of leads (queries of Windows' own DNS client that a detection describes) that are
    /// not copies of an earlier one.
    pub unique_leads: u64,
}

impl LeadCounts {
    /// Counts a lead (a query of Windows' own DNS client that a detection describes). `occurrence`
    /// says whether its event is a copy of an earlier one.
    pub(super) fn add(&mut self, occurrence: Occurrence) {
        let unique_leads = u64::from(occurrence == Occurrence::First);
        self.merge(LeadCounts { leads: 1, unique_leads });
    }

    /// Adds the number of the same detection's leads (queries of Windows' own DNS client that a
    /// detection describes) in another part of the evidence.
    pub(super) fn merge(&mut self, other: LeadCounts) {
        self.leads += other.leads;
        self.unique_leads += other.unique_leads;
    }
}

/// Returns, for each detection of a sweep, the condition under which a query of Windows' own DNS
/// client is its lead. They are in the order of the detections.
pub(super) fn lead_conditions(config: &Config) -> Vec<LeadCondition> {
    config.detections.iter().map(|loaded| loaded.detection.lead_condition()).collect()
}

/// Returns the predicate that a query of Windows' own DNS client must satisfy to be a lead under
/// this condition. `None` if the detection can have no leads: if no name can satisfy its condition,
/// or if every name can, because every query would then be a lead.
pub(super) fn lead_predicate(condition: LeadCondition) -> Option<Predicate> {
    match condition {
        LeadCondition::Names(condition)
        | LeadCondition::Listed(condition)
        | LeadCondition::Whole(condition) => Some(condition),
        LeadCondition::EveryName | LeadCondition::NoName => None,
    }
}
