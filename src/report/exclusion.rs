//! What exclusions took away, as `run.json` says it.

use std::collections::BTreeMap;

use serde::Serialize;

/// An exclusion, as `run.json` names it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ExclusionRecord {
    /// Its name.
    pub name: String,
    /// Its file as typed.
    pub file: String,
    /// The SHA-256 of its file.
    pub sha256: String,
    /// Its condition as written.
    pub search: String,
    /// Why the events that it holds for are no matches.
    pub reason: String,
    /// The last day on which it was to be applied, UTC; `null` for ever.
    pub expires: Option<String>,
    /// Whether that day was over, so that it was not applied.
    pub expired: bool,
    /// The ids of the detections that it is limited to; `null` for all.
    pub detections: Option<Vec<String>>,
    /// How many matches it took away, copies of an event and those among deleted records included:
    /// of those that no exclusion before it took away already.
    pub excluded_matches: u64,
    /// How many leads it took away, copies of an event included.
    pub excluded_leads: u64,
    /// The hosts that it took them away from, in the order of their names.
    pub hosts: Vec<ExcludedOn>,
}

/// What an exclusion took away from a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExcludedOn {
    /// The host.
    pub computer: String,
    /// How many matches.
    pub excluded_matches: u64,
    /// How many leads.
    pub excluded_leads: u64,
}

/// How much was taken away. `merge` is associative and commutative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExcludedCounts {
    /// Matches.
    pub matches: u64,
    /// Leads.
    pub leads: u64,
}

impl ExcludedCounts {
    /// One match.
    pub const MATCH: ExcludedCounts = ExcludedCounts { matches: 1, leads: 0 };
    /// One lead.
    pub const LEAD: ExcludedCounts = ExcludedCounts { matches: 0, leads: 1 };

    /// Adds what was taken away elsewhere.
    pub fn merge(&mut self, other: ExcludedCounts) {
        self.matches += other.matches;
        self.leads += other.leads;
    }
}

impl ExclusionRecord {
    /// This exclusion, with what it took away from each host.
    #[must_use]
    pub fn having_excluded(self, hosts: BTreeMap<String, ExcludedCounts>) -> Self {
        let mut sum = ExcludedCounts::default();
        for counts in hosts.values() {
            sum.merge(*counts);
        }
        let host = |(computer, counts): (String, ExcludedCounts)| ExcludedOn {
            computer,
            excluded_matches: counts.matches,
            excluded_leads: counts.leads,
        };
        ExclusionRecord {
            excluded_matches: sum.matches,
            excluded_leads: sum.leads,
            hosts: hosts.into_iter().map(host).collect(),
            ..self
        }
    }
}
