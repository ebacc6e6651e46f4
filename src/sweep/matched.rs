//! What detections and exclusions make of Sysmon's DNS queries: which are matches, which were met
//! before, and what they come to, as rows and reduced. Where events come from, and where rows go,
//! is not known here.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use crate::base::digest::Sha256Digest;
use crate::config::{Config, ExcludedRows, LoadedDetection, LoadedExclusion, Standing};
use crate::detect::{Detection, StatsTable};
use crate::event::{DnsQueryEvent, QueryResults};
use crate::evidence::discover::{Discovery, LogFile};
use crate::output::{OutputError, Rows, Table};
use crate::report::{
    DetectionLabel, ExcludedCounts, Hosts, MatchContext, MatchRow, MatchedEvent, Occurrence, event_hash,
};
use crate::scan::{Located, LocatedEvent};

/// Which detection it is, by its place among all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct DetectionPlace(pub(super) usize);

/// Which exclusion it is, likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ExclusionPlace(usize);

/// An event that at least one detection describes, or of which its name part asks.
pub(super) struct Described<E = DnsQueryEvent> {
    pub located: Located<E>,
    pub hash: Sha256Digest,
    pub occurrence: Occurrence,
    pub descriptions: Vec<Description>,
}

/// That a detection describes an event.
#[derive(Debug, Clone, Copy)]
pub(super) struct Description {
    pub detection: DetectionPlace,
    /// The first exclusion that holds for it: then it is no match.
    pub excluded_by: Option<ExclusionPlace>,
}

impl Description {
    /// Whether there is a row of it.
    pub(super) fn is_written(&self, config: &Config) -> bool {
        self.excluded_by.is_none() || config.options.excluded_rows == ExcludedRows::Kept
    }

    /// What the exclusion is called.
    pub(super) fn exclusion_name<'c>(&self, config: &'c Config) -> Option<&'c str> {
        let ExclusionPlace(place) = self.excluded_by?;
        config.exclusions.get(place).map(|loaded| loaded.exclusion.name.as_str())
    }
}

/// The matches of a unit, as rows and reduced.
pub(super) struct Matches {
    /// Rows of `matches.parquet`: of matches, and of excluded ones if these are kept.
    pub rows: Rows,
    /// How many events are matches.
    pub count: u64,
    /// What they say of their hosts.
    pub hosts: Hosts,
    /// What those of each detection come to.
    pub detections: Vec<Reduced>,
    /// How many were excluded.
    pub excluded: Excluded,
}

/// What the matches of one detection come to. `merge` is associative and commutative.
pub(super) struct Reduced {
    /// How many there are, copies of an event included.
    pub matches: u64,
    /// How many are no copies.
    pub unique_matches: u64,
    /// How many are among deleted records. They are counted nowhere else.
    pub recovered_matches: u64,
    /// The detection's own table, if it has one: of events that are no copies.
    pub stats: Option<StatsTable>,
}

/// How many events each exclusion took away from each host, copies and deleted records included.
/// `merge` is associative and commutative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Excluded(BTreeMap<ExclusionPlace, BTreeMap<String, ExcludedCounts>>);

/// The events that were met, in evidence order.
#[derive(Debug, Default)]
pub(super) struct Met {
    hashes: HashSet<Sha256Digest>,
    /// What was decided of those that an exclusion holds for.
    excluded: HashMap<(Sha256Digest, DetectionPlace), ExclusionPlace>,
}

impl Reduced {
    fn new(loaded: &LoadedDetection) -> Self {
        let stats = loaded.detection.search.stats.as_ref().map(StatsTable::new);
        Reduced { matches: 0, unique_matches: 0, recovered_matches: 0, stats }
    }

    fn add(&mut self, described: &Described) {
        if described.occurrence == Occurrence::Recovered {
            self.recovered_matches += 1;
            return;
        }
        self.matches += 1;
        if described.occurrence == Occurrence::First {
            self.unique_matches += 1;
            if let Some(stats) = &mut self.stats {
                stats.add(&described.located.event);
            }
        }
    }

    /// Takes in what other matches come to.
    pub(super) fn merge(&mut self, other: Reduced) {
        self.matches += other.matches;
        self.unique_matches += other.unique_matches;
        self.recovered_matches += other.recovered_matches;
        if let (Some(ours), Some(theirs)) = (&mut self.stats, other.stats) {
            ours.merge(theirs);
        }
    }
}

impl Excluded {
    /// Counts what an exclusion took away from a host.
    pub(super) fn add(&mut self, by: ExclusionPlace, computer: &str, counts: ExcludedCounts) {
        self.0.entry(by).or_default().entry(computer.to_owned()).or_default().merge(counts);
    }

    /// Takes in those of another part of the evidence.
    pub(super) fn merge(&mut self, other: Excluded) {
        for (exclusion, hosts) in other.0 {
            for (computer, counts) in hosts {
                self.add(exclusion, &computer, counts);
            }
        }
    }

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What all of them took away from all hosts.
    pub(super) fn sum(&self) -> ExcludedCounts {
        let mut sum = ExcludedCounts::default();
        self.0.values().flat_map(BTreeMap::values).for_each(|counts| sum.merge(*counts));
        sum
    }

    /// What an exclusion, by its place among all, took away from each host.
    pub(super) fn by(&self, exclusion: usize) -> BTreeMap<String, ExcludedCounts> {
        self.0.get(&ExclusionPlace(exclusion)).cloned().unwrap_or_default()
    }
}

impl Matches {
    /// None yet; so many are expected.
    pub(super) fn none(table: &Table, detections: &[LoadedDetection], expected: usize) -> Self {
        Matches {
            rows: table.rows(expected),
            count: 0,
            hosts: Hosts::default(),
            detections: detections.iter().map(Reduced::new).collect(),
            excluded: Excluded::default(),
        }
    }

    /// Whether nothing was found, not even what is excluded.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.excluded.is_empty()
    }
}

impl Met {
    /// Settles which of these events are copies, all before them being settled. Whether there are
    /// any.
    ///
    /// What was decided of an event goes for its copies. They say the same, save who logged them
    /// (`Security/UserID`, which is not part of the hash): an exclusion that asks for that shall
    /// not take away one of two copies and leave a copy of nothing.
    pub(super) fn settle<E>(&mut self, events: &mut [Described<E>]) -> bool {
        let mut copies = false;
        for event in events {
            if !self.hashes.insert(event.hash) {
                event.occurrence = Occurrence::Copy;
                copies = true;
                for description in &mut event.descriptions {
                    description.excluded_by =
                        self.excluded.get(&(event.hash, description.detection)).copied();
                }
                continue;
            }
            for Description { detection, excluded_by } in &event.descriptions {
                if let Some(exclusion) = excluded_by {
                    self.excluded.insert((event.hash, *detection), *exclusion);
                }
            }
        }
        copies
    }

    /// Notes an event among stale records, and says whether it was not met before.
    pub(super) fn is_new(&mut self, event: &Described) -> bool {
        self.hashes.insert(event.hash)
    }
}

/// Looks for matches among events.
pub(super) struct Detector<'a> {
    config: &'a Config,
    /// What hosts call the detections, in their order.
    labels: Vec<Arc<DetectionLabel>>,
    discovery: &'a Discovery,
    table: &'a Table,
}

impl<'a> Detector<'a> {
    /// One whose matches are rows of `table`.
    pub(super) fn new(config: &'a Config, discovery: &'a Discovery, table: &'a Table) -> Self {
        let label = |LoadedDetection { detection, .. }: &LoadedDetection| {
            Arc::new(DetectionLabel { id: detection.id.clone(), name: detection.name.clone() })
        };
        Detector { labels: config.detections.iter().map(label).collect(), config, discovery, table }
    }

    /// The events that a detection describes, in their order.
    pub(super) fn detect(&self, events: Vec<LocatedEvent>) -> Vec<Described> {
        let in_window =
            events.into_iter().filter(|located| self.config.window.holds(located.event.system.time_created));
        let described = in_window.filter_map(|located| {
            let descriptions = self.descriptions(&located.event);
            (!descriptions.is_empty()).then(|| Described {
                hash: event_hash(&located.event),
                occurrence: Occurrence::First,
                descriptions,
                located,
            })
        });
        described.collect()
    }

    fn descriptions(&self, event: &DnsQueryEvent) -> Vec<Description> {
        let detections = self.config.detections.iter().map(|loaded| &loaded.detection).enumerate();
        let describing = detections.filter(|(_, detection)| detection.search.predicate.evaluate(event));
        let description = |(place, detection): (usize, &Detection)| Description {
            detection: DetectionPlace(place),
            excluded_by: excluding(&self.config.exclusions, event, &detection.id),
        };
        describing.map(description).collect()
    }

    /// What events come to: a row for each detection that describes one, in the order of the
    /// detections.
    pub(super) fn reduce(&self, file: &LogFile, described: &[Described]) -> Result<Matches, OutputError> {
        let mut matches = Matches::none(self.table, &self.config.detections, described.len());
        let source_path = if described.is_empty() { String::new() } else { file.source_path() };
        for event in described {
            for description in &event.descriptions {
                self.reduce_one(file, &source_path, event, description, &mut matches)?;
            }
            let computer = &event.located.event.system.computer;
            // However many detections describe it, it is one event.
            if let Some(matched) = self.matched(event) {
                matches.count += 1;
                matches.hosts.add_match(&matched);
            }
            let mut exclusions = excluded_from(&event.descriptions).peekable();
            if exclusions.peek().is_some() {
                matches.hosts.add_excluded(computer);
            }
            exclusions.for_each(|exclusion| matches.excluded.add(exclusion, computer, ExcludedCounts::MATCH));
        }
        Ok(matches)
    }

    /// What one detection's description of an event comes to, but for the counts of events.
    fn reduce_one(
        &self,
        file: &LogFile,
        source_path: &str,
        event: &Described,
        description: &Description,
        matches: &mut Matches,
    ) -> Result<(), OutputError> {
        let DetectionPlace(place) = description.detection;
        let (Some(LoadedDetection { detection, .. }), Some(reduced)) =
            (self.config.detections.get(place), matches.detections.get_mut(place))
        else {
            return Ok(());
        };
        if description.is_written(self.config) {
            let context = MatchContext {
                evidence: self.discovery.evidence_name(file.evidence),
                source_path,
                detection_id: &detection.id,
                detection_name: &detection.name,
                detection_version: detection.version.as_deref(),
                excluded_by: description.exclusion_name(self.config),
            };
            matches.rows.push(match_row(event, detection).cells(&context))?;
        }
        if description.excluded_by.is_none() {
            reduced.add(event);
        }
        Ok(())
    }

    /// The event with the detections that describe it and that no exclusion takes it away from;
    /// `None` if there is none.
    fn matched<'e>(&'e self, event: &'e Described) -> Option<MatchedEvent<'e>> {
        let hits = event.descriptions.iter().filter(|description| description.excluded_by.is_none());
        let places = hits.map(|description| description.detection);
        let (mut detections, mut risk_score) = (Vec::new(), None);
        for DetectionPlace(place) in places {
            detections.extend(self.labels.get(place));
            let loaded = self.config.detections.get(place);
            risk_score = risk_score.max(loaded.and_then(|loaded| loaded.detection.risk_score).map(i64::from));
        }
        let LocatedEvent { integrity, event: query, .. } = &event.located;
        (!detections.is_empty()).then_some(MatchedEvent {
            event: query,
            occurrence: event.occurrence,
            integrity: *integrity,
            detections,
            risk_score,
        })
    }
}

/// The exclusions that take an event away from a detection, each once.
pub(super) fn excluded_from(descriptions: &[Description]) -> impl Iterator<Item = ExclusionPlace> {
    let exclusions: BTreeSet<ExclusionPlace> =
        descriptions.iter().filter_map(|description| description.excluded_by).collect();
    exclusions.into_iter()
}

/// The first exclusion that is applied and holds for an event that the detection of this id
/// describes.
pub(super) fn excluding(
    exclusions: &[LoadedExclusion],
    event: &DnsQueryEvent,
    detection_id: &str,
) -> Option<ExclusionPlace> {
    let holds = |loaded: &LoadedExclusion| {
        loaded.standing == Standing::Applied && loaded.exclusion.holds(event, detection_id)
    };
    exclusions.iter().position(holds).map(ExclusionPlace)
}

fn match_row<'a>(described: &'a Described, detection: &Detection) -> MatchRow<'a> {
    let LocatedEvent { location, integrity, event } = &described.located;
    let hits = detection.search.predicate.hits_of_match(event);
    MatchRow {
        chunk_number: location.chunk_number,
        record_offset: location.record_offset,
        integrity: *integrity,
        event_hash: described.hash,
        occurrence: described.occurrence,
        results: QueryResults::parse(event.query_results.as_deref().unwrap_or_default()),
        matched_query: hits.matched_query,
        matched_process: hits.matched_process,
        risk_score: detection.risk_score.map(i64::from),
        risk_message: detection.risk_message(event),
        event,
    }
}
