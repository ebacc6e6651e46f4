//! Hits: finds which events with hits are copies, and makes rows and counts of them. A hit of a
//! Sysmon DNS query is a match. A hit of a query of Windows' own DNS client is a lead. Matches and
//! leads have a table each, and are counted apart.

use std::collections::{HashMap, HashSet};

use super::excluded::{ExclusionCounts, ExclusionIndex};
use super::leads::LeadCounts;
use crate::base::digest::Sha256Digest;
use crate::config::{Config, ExcludedRows, LoadedDetection};
use crate::detect::StatsTable;
use crate::event::{DNS_CLIENT_QUERY, DNS_QUERY, Event};
use crate::output::{Rows, Table};
use crate::report::{Hosts, Occurrence};
use crate::scan::LocatedEvent;

/// The 0-based index of a detection among all detections of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DetectionIndex(pub(super) usize);

/// An event with at least one hit.
pub(super) struct EventWithHits {
    pub located: LocatedEvent,
    pub hash: Sha256Digest,
    pub occurrence: Occurrence,
    pub role: Role,
    pub hits: Vec<Hit>,
}

/// A hit: a detection that describes an event or, for a lead, the name that the event queries.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub detection: DetectionIndex,
    /// The first exclusion that applies to the hit, which is then neither a match nor a lead;
    /// `None` if no exclusion applies.
    pub excluded_by: Option<ExclusionIndex>,
}

/// What a hit makes of an event: a match or a lead. It depends on the kind of the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Match,
    Lead,
}

impl Role {
    /// Returns the role of an event with a hit; `None` for events of other kinds, because rules are
    /// about DNS queries.
    pub(super) fn of(event: &Event) -> Option<Self> {
        if event.is(&DNS_QUERY) {
            Some(Role::Match)
        } else if event.is(&DNS_CLIENT_QUERY) {
            Some(Role::Lead)
        } else {
            None
        }
    }
}

impl Hit {
    /// Returns true if the hit gets a row: always, unless it is excluded and excluded rows are not
    /// kept.
    pub(super) fn is_written(self, config: &Config) -> bool {
        self.excluded_by.is_none() || config.options.excluded_rows == ExcludedRows::Kept
    }

    /// Returns the name of the exclusion that applies to the hit; `None` if no exclusion applies.
    pub(super) fn exclusion_name(self, config: &Config) -> Option<&str> {
        let ExclusionIndex(place) = self.excluded_by?;
        let loaded = config.exclusions.get(place).expect("an exclusion that applies is one of the sweep's");
        Some(&loaded.exclusion.name)
    }
}

/// The tables that get a row for each hit.
#[derive(Debug, Clone, Copy)]
pub(super) struct HitTables<'a> {
    /// The table of matches.
    pub matches: &'a Table,
    /// The table of leads; `None` if leads are not looked for.
    pub leads: Option<&'a Table>,
}

/// The rows and counts made of the hits of a unit.
pub(super) struct UnitHits {
    /// Rows of `matches.parquet`: matches, and excluded events if these are kept. `None` if no
    /// tables are written.
    pub matches: Option<Rows>,
    /// Rows of `leads.parquet`: leads, and excluded events if these are kept. `None` if no tables
    /// are written or leads are not looked for.
    pub leads: Option<Rows>,
    /// The number of events that are matches.
    pub count: u64,
    /// The counts of matches and leads for each host.
    pub hosts: Hosts,
    /// The counts for each detection, in the order of the detections.
    pub detections: Vec<DetectionHits>,
    /// What each exclusion took away.
    pub excluded: ExclusionCounts,
}

/// The counts for the hits of one detection. `merge` is associative and commutative.
pub(super) struct DetectionHits {
    /// The number of matches, including copies of an event.
    pub matches: u64,
    /// The number of matches that are no copies of an earlier one.
    pub unique_matches: u64,
    /// The number of matches among deleted records. No other field counts them.
    pub recovered_matches: u64,
    /// The number of leads.
    pub leads: LeadCounts,
    /// The detection's own `stats` table, made of matches that are no copies; `None` if its search
    /// has no `stats`.
    pub stats: Option<StatsTable>,
}

/// The events with hits that were seen so far, in evidence order, by their hash.
#[derive(Debug, Default)]
pub(super) struct SeenEvents {
    hashes: HashSet<Sha256Digest>,
    /// The exclusion that took each excluded event away from a detection.
    excluded: HashMap<(Sha256Digest, DetectionIndex), ExclusionIndex>,
}

impl DetectionHits {
    /// Returns counts of zero for each of these detections.
    pub(super) fn none(detections: &[LoadedDetection]) -> Vec<Self> {
        let none = |loaded: &LoadedDetection| DetectionHits {
            matches: 0,
            unique_matches: 0,
            recovered_matches: 0,
            leads: LeadCounts::default(),
            stats: loaded.detection.search.stats.as_ref().map(StatsTable::new),
        };
        detections.iter().map(none).collect()
    }

    /// Returns true if there are no hits.
    fn is_empty(&self) -> bool {
        self.matches + self.recovered_matches + self.leads.leads == 0
    }

    /// Counts a hit that is not excluded.
    pub(super) fn add(&mut self, detected: &EventWithHits) {
        let event = &detected.located.event;
        match (detected.role, detected.occurrence) {
            (Role::Lead, occurrence) => self.leads.add(occurrence),
            (Role::Match, Occurrence::Recovered) => self.recovered_matches += 1,
            (Role::Match, Occurrence::Copy) => self.matches += 1,
            (Role::Match, Occurrence::First) => {
                self.matches += 1;
                self.unique_matches += 1;
                if let Some(stats) = &mut self.stats {
                    stats.add(event);
                }
            }
        }
    }

    /// Adds the counts of other hits of the same detection.
    pub(super) fn merge(&mut self, other: DetectionHits) {
        self.matches += other.matches;
        self.unique_matches += other.unique_matches;
        self.recovered_matches += other.recovered_matches;
        self.leads.merge(other.leads);
        if let (Some(ours), Some(theirs)) = (&mut self.stats, other.stats) {
            ours.merge(theirs);
        }
    }
}

impl UnitHits {
    /// Returns true if there are no hits at all, not even excluded ones.
    pub(super) fn is_empty(&self) -> bool {
        let is_empty = |rows: &Option<Rows>| rows.as_ref().is_none_or(Rows::is_empty);
        let is_any = self.count > 0 || self.detections.iter().any(|hits| !hits.is_empty());
        !is_any && is_empty(&self.matches) && is_empty(&self.leads) && self.excluded.is_empty()
    }
}

impl SeenEvents {
    /// Marks the events that are copies of earlier ones, and returns true if any is. Must be called
    /// in evidence order.
    ///
    /// An exclusion that applies to an event also applies to its copies. Copies can differ in who
    /// logged them (`Security/UserID`, which is not part of a match's hash). An exclusion with a
    /// condition on this field must not take away the first copy and leave the second as a copy of
    /// nothing.
    pub(super) fn mark_copies(&mut self, events: &mut [EventWithHits]) -> bool {
        let mut copies = false;
        for event in events {
            if !self.hashes.insert(event.hash) {
                event.occurrence = Occurrence::Copy;
                copies = true;
                for hit in &mut event.hits {
                    hit.excluded_by = self.excluded.get(&(event.hash, hit.detection)).copied();
                }
                continue;
            }
            for Hit { detection, excluded_by } in &event.hits {
                if let Some(exclusion) = excluded_by {
                    self.excluded.insert((event.hash, *detection), *exclusion);
                }
            }
        }
        copies
    }

    /// Adds an event from a deleted record, and returns true if it was not seen before.
    pub(super) fn is_new(&mut self, event: &EventWithHits) -> bool {
        self.hashes.insert(event.hash)
    }
}
