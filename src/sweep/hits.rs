//! Hits: an event, and a detection that describes it. This module finds out which events with hits
//! are copies of earlier events, and counts the hits of each detection.
//!
//! A hit of a Sysmon DNS query is a match. A hit of a query of Windows' own DNS client is a lead.
//! Matches and leads have a table each, and are counted apart.

use std::collections::{HashMap, HashSet};

use super::excluded::{ExclusionCounts, ExclusionIndex};
use super::leads::LeadCounts;
use crate::base::digest::Sha256Digest;
use crate::config::{Config, ExcludedRows, LoadedDetection};
use crate::detect::{Hits, StatsTable};
use crate::event::{DNS_CLIENT_QUERY, DNS_QUERY, Event};
use crate::output::{Rows, Table};
use crate::report::{Hosts, Occurrence};
use crate::scan::LocatedEvent;

/// The 0-based index of a detection (a rule that describes suspicious events) among all detections
/// of the sweep, in the order in which the user gave them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DetectionIndex(pub(super) usize);

/// An event with its hits, which are the detections that describe the event. Exclusions can apply
/// to some or all of the hits. An event without hits is kept only if all DNS queries get a row
/// (`--queries`).
pub(super) struct EventWithHits<'d> {
    pub located: LocatedEvent,
    pub hash: Sha256Digest,
    pub occurrence: Occurrence,
    pub role: Role,
    pub hits: Vec<Hit<'d>>,
}

/// A hit: a detection that describes an event. If the event is a lead (a query of Windows' own DNS
/// client that a detection describes), the detection usually describes only the queried name.
#[derive(Debug)]
pub(super) struct Hit<'d> {
    pub detection: DetectionIndex,
    /// The detection's patterns that the event satisfies.
    pub patterns: Hits<'d>,
    /// The first exclusion (the user's description of harmless events) that applies to the hit (an
    /// event and a detection that describes it). The hit is then neither a match nor a lead. `None`
    /// if no exclusion applies.
    pub excluded_by: Option<ExclusionIndex>,
}

/// What an event becomes if a detection describes it: a match if Sysmon logged it, or a lead if
/// Windows' own DNS client did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Match,
    Lead,
}

impl Role {
    /// Returns what an event becomes if a detection describes it: a match if Sysmon logged the DNS
    /// query, and a lead if Windows' own DNS client did. `None` for all other events, because
    /// detections are about DNS queries.
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

impl Hit<'_> {
    /// Returns true if the hit (an event and a detection that describes it) gets a row in
    /// `matches.parquet` or `leads.parquet`. A hit to which an exclusion (the user's description of
    /// harmless events) applies gets a row only with `--keep-excluded`.
    pub(super) fn is_written(&self, config: &Config) -> bool {
        self.excluded_by.is_none() || config.options.excluded_rows == ExcludedRows::Kept
    }

    /// Returns the name of the exclusion (the user's description of harmless events) that applies
    /// to the hit (an event and a detection that describes it); `None` if no exclusion applies.
    pub(super) fn exclusion_name<'c>(&self, config: &'c Config) -> Option<&'c str> {
        let ExclusionIndex(place) = self.excluded_by?;
        let loaded = config.exclusions.get(place).expect("an exclusion that applies is one of the sweep's");
        Some(&loaded.exclusion.name)
    }
}

/// The layouts of the tables of matches and of leads (queries of Windows' own DNS client that a
/// detection describes). In these tables, each hit (an event that a detection describes) gets a
/// row.
#[derive(Debug, Clone, Copy)]
pub(super) struct HitTables<'a> {
    /// The layout of `matches.parquet`.
    pub matches: &'a Table,
    /// The layout of `leads.parquet`, the table of leads (queries of Windows' own DNS client that a
    /// detection describes); `None` if leads are not looked for.
    pub leads: Option<&'a Table>,
}

/// The counts, and the rows of the tables of matches and of leads (queries of Windows' own DNS
/// client that a detection describes), for one unit of work (a block of a file). They are made of
/// the unit's hits: events that detections describe.
pub(super) struct UnitHits {
    /// Rows of `matches.parquet`: matches and, with `--keep-excluded`, events that an exclusion
    /// (the user's description of harmless events) removes from the matches. `None` if no tables
    /// are written.
    pub matches: Option<Rows>,
    /// Rows of `leads.parquet`: leads (queries of Windows' own DNS client that a detection
    /// describes) and, with `--keep-excluded`, events that an exclusion removes from the leads.
    /// `None` if no tables are written, or leads are not looked for.
    pub leads: Option<Rows>,
    /// The number of events that are matches, each counted once, however many detections describe
    /// it.
    pub count: u64,
    /// The counts of the block's matches and of its leads (queries of Windows' own DNS client that
    /// a detection describes) for each host.
    pub hosts: Hosts,
    /// The counts of the block's matches and of its leads (queries of Windows' own DNS client that
    /// a detection describes) for each detection, in the order of the detections.
    pub detections: Vec<DetectionHits>,
    /// How many matches and how many leads (queries of Windows' own DNS client that a detection
    /// describes) of the block each exclusion (the user's description of harmless events) removed
    /// from each host.
    pub excluded: ExclusionCounts,
}

/// The counts of one detection's hits (events that it describes): matches, and leads (queries of
/// Windows' own DNS client that a detection describes). Parts of the evidence are counted
/// separately, and can be merged in any order.
pub(super) struct DetectionHits {
    /// The number of the detection's matches, including copies of an event.
    pub matches: u64,
    /// The number of the detection's matches that are not copies of an earlier match.
    pub unique_matches: u64,
    /// The number of the detection's matches among deleted records. No other field of this type
    /// counts them.
    pub recovered_matches: u64,
    /// The number of the detection's leads: all, and those that are not copies of an earlier one. A
    /// lead is a query that Windows' own DNS client logged for a name that the detection describes.
    pub leads: LeadCounts,
    /// The result of the command `stats` (of Splunk's search language) in the detection's search,
    /// over the detection's matches without copies; `None` if the search has no `stats`.
    pub stats: Option<StatsTable>,
}

/// The hashes of the content of those events that detections describe and that were seen so far.
/// Events are added in evidence order. A later event with the same hash is a copy.
#[derive(Debug, Default)]
pub(super) struct SeenEvents {
    hashes: HashSet<Sha256Digest>,
    /// For the hash of an event and a detection that describes it: the exclusion (the user's
    /// description of harmless events) that applies to the two. There is no entry if none applies.
    /// Copies of the event get the same exclusion.
    excluded: HashMap<(Sha256Digest, DetectionIndex), ExclusionIndex>,
}

impl DetectionHits {
    /// Returns counts of zero for each of these detections, in the same order.
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

    /// Returns true if the detection has no matches and no leads (queries of Windows' own DNS
    /// client that a detection describes). Those that an exclusion (the user's description of
    /// harmless events) removes do not count.
    fn is_empty(&self) -> bool {
        self.matches + self.recovered_matches + self.leads.leads == 0
    }

    /// Counts an event that the detection describes, as a match or as a lead (a query of Windows'
    /// own DNS client that a detection describes). The caller must leave out events to which an
    /// exclusion (the user's description of harmless events) applies for this detection.
    pub(super) fn add(&mut self, detected: &EventWithHits<'_>) {
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

    /// Adds the counts of the same detection's matches and of its leads (queries of Windows' own
    /// DNS client that a detection describes) in another part of the evidence.
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
    /// Returns true if no event of the unit (a block of a file) has a hit (a detection that
    /// describes the event). Hits to which an exclusion (the user's description of harmless events)
    /// applies count, too.
    pub(super) fn is_empty(&self) -> bool {
        let is_empty = |rows: &Option<Rows>| rows.as_ref().is_none_or(Rows::is_empty);
        let is_any = self.count > 0 || self.detections.iter().any(|hits| !hits.is_empty());
        !is_any && is_empty(&self.matches) && is_empty(&self.leads) && self.excluded.is_empty()
    }
}

impl SeenEvents {
    /// Marks those of `events` that are copies of events seen earlier, and returns true if there
    /// are any. Must be called in evidence order. Events that no detection describes are ignored.
    ///
    /// An exclusion (the user's description of harmless events) applies to an event and all of its
    /// copies, or to none of them: the event that comes first decides. This matters because copies
    /// can differ in who logged them (`Security/UserID`, which is not part of a match's hash). If
    /// an exclusion with a condition on that field applied to the first event alone, the others
    /// would count as copies of an event that is not a match.
    pub(super) fn mark_copies(&mut self, events: &mut [EventWithHits<'_>]) -> bool {
        let mut copies = false;
        for event in events.iter_mut().filter(|event| !event.hits.is_empty()) {
            if !self.hashes.insert(event.hash) {
                event.occurrence = Occurrence::Copy;
                copies = true;
                for hit in &mut event.hits {
                    hit.excluded_by = self.excluded.get(&(event.hash, hit.detection)).copied();
                }
                continue;
            }
            for Hit { detection, excluded_by, .. } in &event.hits {
                if let Some(exclusion) = excluded_by {
                    self.excluded.insert((event.hash, *detection), *exclusion);
                }
            }
        }
        copies
    }

    /// Adds an event from a deleted record. Returns true if the event was not seen before, neither
    /// in a live record nor in another deleted record.
    pub(super) fn is_new(&mut self, event: &EventWithHits<'_>) -> bool {
        self.hashes.insert(event.hash)
    }
}
