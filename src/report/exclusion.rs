//! Exclusions (a site's descriptions of harmless events), and how many matches and leads they
//! removed from the results, as `run.json` records it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// An exclusion (a site's description of harmless events) and how many matches and leads it
/// removed, as `run.json` (the file in an output that describes the sweep) lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExclusionRecord {
    /// The exclusion's name.
    pub name: String,
    /// The path of the file that defines the exclusion, as the user typed it.
    pub file: String,
    /// The SHA-256 of the file that defines the exclusion.
    pub sha256: String,
    /// The exclusion's condition: which events it removes from the results, as its file states it.
    pub search: String,
    /// Why events that the exclusion describes are not matches, as the exclusion's file states it.
    pub reason: String,
    /// The last day (UTC) on which the exclusion applies; `null` if it does not expire.
    pub expires: Option<String>,
    /// True if the exclusion had expired when the sweep ran, so that it was not applied.
    pub expired: bool,
    /// The ids of the detections that the exclusion is limited to; `null` for all detections.
    pub detections: Option<Vec<String>>,
    /// The number of DNS queries that the exclusion removed from the matches of at least one
    /// detection, including copies and deleted records. If several exclusions apply to a query and
    /// a detection, only the first in the order of the command line counts.
    pub excluded_matches: u64,
    /// The number of leads that the exclusion removed from those of at least one detection,
    /// including copies of an event. A lead is a query that Windows' own DNS client logged.
    pub excluded_leads: u64,
    /// The hosts of which the exclusion removed matches or leads, sorted by name.
    pub hosts: Vec<HostExclusions>,
}

/// How many matches and leads (queries of Windows' own DNS client that a detection describes) of
/// one host an exclusion (a site's description of harmless events) removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostExclusions {
    /// The host's name (Computer), with upper and lower case as in its records.
    pub computer: String,
    /// The number of the host's matches that the exclusion removed.
    pub excluded_matches: u64,
    /// The number of the host's leads (queries of Windows' own DNS client that a detection
    /// describes) that the exclusion removed.
    pub excluded_leads: u64,
}

/// How many matches and leads (queries of Windows' own DNS client that a detection describes) were
/// removed by exclusions. [`merge`](Self::merge) is associative and commutative, so that parts of
/// the evidence can be counted separately.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExcludedCounts {
    /// The number of matches that exclusions removed.
    pub matches: u64,
    /// The number of leads (queries of Windows' own DNS client that a detection describes) that
    /// exclusions removed.
    pub leads: u64,
}

impl ExcludedCounts {
    /// The counts for a single match that an exclusion removes.
    pub const MATCH: ExcludedCounts = ExcludedCounts { matches: 1, leads: 0 };
    /// The counts for a single lead (a query of Windows' own DNS client that a detection describes)
    /// that an exclusion removes.
    pub const LEAD: ExcludedCounts = ExcludedCounts { matches: 0, leads: 1 };

    /// Adds the counts of what exclusions removed in another part of the evidence.
    pub fn merge(&mut self, other: ExcludedCounts) {
        self.matches += other.matches;
        self.leads += other.leads;
    }
}

impl ExclusionRecord {
    /// Returns this record with the numbers of matches and leads that the exclusion removed: in
    /// all, and for each host. `hosts` has these numbers by the host's name (Computer).
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
