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
    /// How many matches it took away, copies of an event and those among deleted records included: of those that no exclusion
    /// before it took away already.
    pub excluded_matches: u64,
    /// The hosts that it took them away from, in the order of their names.
    pub hosts: Vec<ExcludedOn>,
}

/// How many matches an exclusion took away from a host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExcludedOn {
    /// The host.
    pub computer: String,
    /// How many.
    pub excluded_matches: u64,
}

impl ExclusionRecord {
    /// The same, with what it took away from each host.
    #[must_use]
    pub fn having_excluded(self, hosts: BTreeMap<String, u64>) -> Self {
        let excluded_matches = hosts.values().sum();
        let hosts = hosts.into_iter();
        let hosts =
            hosts.map(|(computer, excluded_matches)| ExcludedOn { computer, excluded_matches }).collect();
        ExclusionRecord { excluded_matches, hosts, ..self }
    }
}
