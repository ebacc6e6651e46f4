//! Exclusions and what they took away, as `run.json` records it.

use std::collections::BTreeMap;

use serde::Serialize;

/// An exclusion and what it took away, as `run.json` lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ExclusionRecord {
    /// The exclusion's name.
    pub name: String,
    /// The path of the exclusion's file, as typed.
    pub file: String,
    /// The SHA-256 of the exclusion's file.
    pub sha256: String,
    /// The exclusion's condition, as its file has it.
    pub search: String,
    /// The reason for the exclusion, as its file states it: why events that it describes are no
    /// matches.
    pub reason: String,
    /// The last day (UTC) on which the exclusion applies; `null` if it does not expire.
    pub expires: Option<String>,
    /// Whether the exclusion had expired, so that it was not applied.
    pub expired: bool,
    /// The ids of the detections that the exclusion is limited to; `null` for all detections.
    pub detections: Option<Vec<String>>,
    /// How many matches the exclusion took away, including copies and deleted records. Matches that
    /// an earlier exclusion took away are not counted.
    pub excluded_matches: u64,
    /// How many leads the exclusion took away, including copies of an event.
    pub excluded_leads: u64,
    /// The hosts from which the exclusion took matches or leads away, sorted by name.
    pub hosts: Vec<HostExclusions>,
}

/// What one exclusion took away from one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostExclusions {
    /// The host's Computer, in the case of its records.
    pub computer: String,
    /// How many matches the exclusion took away from the host.
    pub excluded_matches: u64,
    /// How many leads the exclusion took away from the host.
    pub excluded_leads: u64,
}

/// How many matches and leads exclusions took away. `merge` is associative and commutative.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExcludedCounts {
    /// Matches that were taken away.
    pub matches: u64,
    /// Leads that were taken away.
    pub leads: u64,
}

impl ExcludedCounts {
    /// The counts for one match that is taken away.
    pub const MATCH: ExcludedCounts = ExcludedCounts { matches: 1, leads: 0 };
    /// The counts for one lead that is taken away.
    pub const LEAD: ExcludedCounts = ExcludedCounts { matches: 0, leads: 1 };

    /// Adds the counts of another part of the evidence.
    pub fn merge(&mut self, other: ExcludedCounts) {
        self.matches += other.matches;
        self.leads += other.leads;
    }
}

impl ExclusionRecord {
    /// Returns the record with what the exclusion took away from each host, by the host's Computer.
    #[must_use]
    pub fn having_excluded(self, hosts: BTreeMap<String, ExcludedCounts>) -> Self {
        let mut sum = ExcludedCounts::default();
        for counts in hosts.values() {
            sum.merge(*counts);
        }
        let host = |(computer, counts): (String, ExcludedCounts)| HostExclusions {
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
