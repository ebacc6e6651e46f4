//! Hits: events with the detections that describe them, which of them came before, and what they
//! come to, as rows and reduced. A hit of a Sysmon DNS query is a match; one of a query of Windows'
//! own DNS client is a lead, which is no match: each has a table of its own, and neither counts as
//! the other.

use std::collections::{HashMap, HashSet};

use super::excluded::{Excluded, ExclusionIndex};
use super::leads::LeadCounts;
use crate::base::digest::Sha256Digest;
use crate::config::{Config, ExcludedRows, LoadedDetection};
use crate::detect::StatsTable;
use crate::event::{DNS_QUERY, Event};
use crate::output::{Rows, Table};
use crate::report::{Hosts, Occurrence};
use crate::scan::LocatedEvent;

/// Which detection it is, by its place among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DetectionIndex(pub(super) usize);

/// An event with its hits: at least one.
pub(super) struct Detected {
    pub located: LocatedEvent,
    pub hash: Sha256Digest,
    pub occurrence: Occurrence,
    pub hits: Vec<Hit>,
}

/// That a detection describes an event or, of a lead, its name.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub detection: DetectionIndex,
    /// The first exclusion that holds for it: then it is neither a match nor a lead.
    pub excluded_by: Option<ExclusionIndex>,
}

/// Whether an event with a hit that no exclusion takes away is a match or a lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Match,
    Lead,
}

impl Role {
    pub(super) fn of(event: &Event) -> Self {
        if event.is(&DNS_QUERY) { Role::Match } else { Role::Lead }
    }
}

impl Hit {
    /// Whether there is a row of it.
    pub(super) fn is_written(self, config: &Config) -> bool {
        self.excluded_by.is_none() || config.options.excluded_rows == ExcludedRows::Kept
    }

    /// What the exclusion is called.
    pub(super) fn exclusion_name(self, config: &Config) -> Option<&str> {
        let ExclusionIndex(place) = self.excluded_by?;
        config.exclusions.get(place).map(|loaded| loaded.exclusion.name.as_str())
    }
}

/// The tables that hits are rows of.
#[derive(Debug, Clone, Copy)]
pub(super) struct HitTables<'a> {
    /// That of the matches.
    pub matches: &'a Table,
    /// That of the leads, if they are looked for.
    pub leads: Option<&'a Table>,
}

/// The hits of a unit, as rows and reduced.
pub(super) struct UnitHits {
    /// Rows of `matches.parquet`, if there is one: of matches, and of excluded ones if these are
    /// kept.
    pub matches: Option<Rows>,
    /// Rows of `leads.parquet`: of leads, and of excluded ones if these are kept. `None` unless
    /// leads are looked for.
    pub leads: Option<Rows>,
    /// How many events are matches.
    pub count: u64,
    /// What they say of their hosts.
    pub hosts: Hosts,
    /// What those of each detection come to.
    pub detections: Vec<DetectionHits>,
    /// How many were excluded.
    pub excluded: Excluded,
}

/// What the hits of one detection come to. `merge` is associative and commutative.
pub(super) struct DetectionHits {
    /// How many matches there are, copies of an event included.
    pub matches: u64,
    /// How many are no copies.
    pub unique_matches: u64,
    /// How many are among deleted records. They are counted nowhere else.
    pub recovered_matches: u64,
    /// How many leads there are.
    pub leads: LeadCounts,
    /// The detection's own table, if it has one: of matches that are no copies.
    pub stats: Option<StatsTable>,
}

/// The events that were met, in evidence order.
#[derive(Debug, Default)]
pub(super) struct SeenEvents {
    hashes: HashSet<Sha256Digest>,
    /// What was decided of those that an exclusion holds for.
    excluded: HashMap<(Sha256Digest, DetectionIndex), ExclusionIndex>,
}

impl DetectionHits {
    /// For each of these detections, none yet.
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

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.matches + self.recovered_matches + self.leads.leads == 0
    }

    /// Counts a hit of an event that no exclusion takes away.
    pub(super) fn add(&mut self, detected: &Detected) {
        let event = &detected.located.event;
        match (Role::of(event), detected.occurrence) {
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

    /// Takes in what other hits come to.
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
    /// Whether nothing was found, not even what is excluded.
    pub(super) fn is_empty(&self) -> bool {
        let is_empty = |rows: &Option<Rows>| rows.as_ref().is_none_or(Rows::is_empty);
        let is_any = self.count > 0 || self.detections.iter().any(|hits| !hits.is_empty());
        !is_any && is_empty(&self.matches) && is_empty(&self.leads) && self.excluded.is_empty()
    }
}

impl SeenEvents {
    /// Settles which of these events are copies, all before them being settled. Whether there are
    /// any.
    ///
    /// What was decided of an event holds for its copies. They say the same, save who logged them
    /// (`Security/UserID`, which is not part of a match's hash): an exclusion that asks for that
    /// shall not take away one of two copies and leave a copy of nothing.
    pub(super) fn mark_copies(&mut self, events: &mut [Detected]) -> bool {
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

    /// Notes an event among stale records, and says whether it was not met before.
    pub(super) fn is_new(&mut self, event: &Detected) -> bool {
        self.hashes.insert(event.hash)
    }
}
