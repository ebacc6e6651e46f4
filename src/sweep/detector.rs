//! Applies detections, and exclusions (the user's descriptions of harmless events), to events:
//! which of Sysmon's DNS queries are matches, and which queries of Windows' own DNS client are
//! leads. This module does not know where events come from, or where rows go.

use std::sync::Arc;

use super::excluded::{ExclusionCounts, excluded_from, excluding};
use super::hits::{DetectionHits, DetectionIndex, EventWithHits, Hit, HitTables, Role, UnitHits};
use super::leads::{lead_conditions, lead_predicate};
use crate::config::{Config, Leads, Queries};
use crate::detect::{Detection, Hits, Predicate, RiskMessage};
use crate::event::{Event, QueriedName, QueryResults};
use crate::evidence::discover::{Discovery, LogFile};
use crate::output::OutputError;
use crate::report::{
    DetectionLabel, ExcludedCounts, Hosts, MatchContext, MatchRow, MatchedEvent, Occurrence, event_hash,
};
use crate::scan::LocatedEvent;

/// A detection of the sweep, with the conditions that make an event a match or a lead. A lead is a
/// query of Windows' own DNS client. With it, only that part of a rule about Sysmon's events is
/// compared that the queried name decides. Of a list of indicators, or of a rule about that
/// client's log, the whole condition is compared.
struct Rule<'a> {
    detection: &'a Detection,
    /// The detection's id and name. All hosts with matches of the detection share this copy.
    label: Arc<DetectionLabel>,
    /// The detection's risk message, a text about each match with values of its event; `None` if
    /// the detection has none.
    message: Option<RiskMessage<'a>>,
    /// The condition that makes a query of Windows' own DNS client a lead; `None` if the detection
    /// has no leads.
    lead_condition: Option<Predicate>,
}

impl Rule<'_> {
    /// Returns the detection's condition for a match, or for a lead (a query of Windows' own DNS
    /// client that a detection describes); `None` if the detection can have no leads.
    fn condition(&self, role: Role) -> Option<&Predicate> {
        match role {
            Role::Match => Some(&self.detection.search.predicate),
            Role::Lead => self.lead_condition.as_ref(),
        }
    }

    fn row<'e>(
        &'e self,
        detected: &'e EventWithHits<'_>,
        patterns: &'e Hits<'_>,
        context: MatchContext<'e>,
    ) -> MatchRow<'e> {
        let LocatedEvent { location, integrity, event } = &detected.located;
        // Of most rules, only the part on the queried name is known to be true of a lead.
        let (risk_score, message) = match detected.role {
            Role::Match => (self.detection.risk_score, self.message.as_ref()),
            Role::Lead => (None, None),
        };
        MatchRow {
            chunk_number: location.chunk_number,
            record_offset: location.record_offset,
            integrity: *integrity,
            event_hash: detected.hash,
            occurrence: detected.occurrence,
            name: QueriedName::new(event.query_name().unwrap_or_default()),
            results: QueryResults::parse(event.query_results().unwrap_or_default()),
            matched_query: &patterns.matched_query,
            matched_query_on_label: &patterns.matched_query_on_label,
            matched_process: &patterns.matched_process,
            matched_answer: &patterns.matched_answer,
            risk_score: risk_score.map(i64::from),
            risk_message: message.map(|message| message.about(event)),
            event,
            context,
        }
    }
}

/// Finds matches (Sysmon's DNS queries that detections describe) and leads (queries of Windows' own
/// DNS client that a detection describes) among events. Makes the counts of both, and the rows of
/// the tables `matches.parquet` and `leads.parquet`.
pub(super) struct Detector<'a> {
    config: &'a Config,
    /// The detections, in the order in which the user gave them.
    rules: Vec<Rule<'a>>,
    discovery: &'a Discovery,
    /// The layouts of the tables of matches and of leads (queries of Windows' own DNS client that a
    /// detection describes); `None` if no tables are written.
    tables: Option<HitTables<'a>>,
}

impl<'a> Detector<'a> {
    /// Makes a detector for the detections and exclusions (the user's descriptions of harmless
    /// events) of a sweep. `tables` are the layouts of the tables of matches and of leads (queries
    /// of Windows' own DNS client that a detection describes). It is `None` if no tables are
    /// written; the detector then makes no rows.
    pub(super) fn new(config: &'a Config, discovery: &'a Discovery, tables: Option<HitTables<'a>>) -> Self {
        let lead_condition =
            |condition| lead_predicate(condition).filter(|_| config.options.leads != Leads::None);
        let rules = config.detections.iter().zip(lead_conditions(config)).map(|(loaded, condition)| Rule {
            detection: &loaded.detection,
            label: Arc::new(DetectionLabel {
                id: loaded.detection.id.clone(),
                name: loaded.detection.name.clone(),
            }),
            message: loaded.detection.message(),
            lead_condition: lead_condition(condition),
        });
        Detector { rules: rules.collect(), config, discovery, tables }
    }

    /// Returns the detection with this index, which the caller takes from a [`Hit`].
    pub(super) fn detection(&self, DetectionIndex(place): DetectionIndex) -> &'a Detection {
        self.rules.get(place).expect("a hit is of one of the sweep's detections").detection
    }

    /// Returns those of `events` that have a hit, in the same order: Sysmon's DNS queries that a
    /// detection describes, and queries of Windows' own DNS client for a name that a detection
    /// describes. If all of Sysmon's DNS queries get a row (`--queries`), those without a hit are
    /// returned too. Events outside the period that the user requested are left out.
    pub(super) fn detect(&self, events: Vec<LocatedEvent>) -> Vec<EventWithHits<'_>> {
        let in_window = events
            .into_iter()
            .filter(|located| self.config.window.may_match(located.event.system.time_created));
        let all_queries = self.config.options.queries == Queries::All;
        let detected = in_window.filter_map(|located| {
            let role = Role::of(&located.event)?;
            let hits = self.hits(role, &located.event);
            let is_kept = !hits.is_empty() || (all_queries && role == Role::Match);
            is_kept.then(|| EventWithHits {
                hash: event_hash(&located.event),
                occurrence: Occurrence::First,
                role,
                hits,
                located,
            })
        });
        detected.collect()
    }

    fn hits(&self, role: Role, event: &Event) -> Vec<Hit<'_>> {
        if role == Role::Lead && event.query_name().is_none_or(str::is_empty) {
            // An event without a name cannot be a lead.
            return Vec::new();
        }
        let hits = self.rules.iter().enumerate().filter_map(|(place, rule)| {
            let patterns = rule.condition(role)?.hits_of_match(event)?;
            let excluded_by = excluding(&self.config.exclusions, event, &rule.detection.id);
            Some(Hit { detection: DetectionIndex(place), patterns, excluded_by })
        });
        hits.collect()
    }

    /// Makes the counts, and the rows of the tables of matches and of leads (queries of Windows'
    /// own DNS client that a detection describes), for a file's events that detections describe.
    /// Each event gets a row for each of these detections, in the order of the detections. If an
    /// exclusion (the user's description of harmless events) applies to the event and a detection,
    /// these get a row only with `--keep-excluded`.
    pub(super) fn reduce(
        &self,
        file: &LogFile,
        detected: &[EventWithHits<'_>],
    ) -> Result<UnitHits, OutputError> {
        let with_hits = || detected.iter().filter(|event| !event.hits.is_empty());
        let leads = with_hits().filter(|event| event.role == Role::Lead).count();
        let matches = with_hits().count() - leads;
        let mut reduced = UnitHits {
            matches: self.tables.map(|tables| tables.matches.rows(matches)),
            leads: self.tables.and_then(|tables| tables.leads).map(|table| table.rows(leads)),
            count: 0,
            hosts: Hosts::default(),
            detections: DetectionHits::none(&self.config.detections),
            excluded: ExclusionCounts::default(),
        };
        let source_path = if matches + leads == 0 { String::new() } else { file.source_path() };
        // One task after the other, each for all events: the processor then has the instructions of
        // a task at hand. For one event after the other, it would have to fetch them each time.
        for event in with_hits() {
            for hit in event.hits.iter().filter(|hit| hit.excluded_by.is_none()) {
                let DetectionIndex(place) = hit.detection;
                let counts = reduced.detections.get_mut(place);
                counts.expect("a hit is of one of the sweep's detections").add(event);
            }
        }
        if self.tables.is_some() {
            let rows = reduced.matches.as_mut().expect("tables are written, so matches have one");
            let hits = self.written(Role::Match, detected);
            rows.extend(MatchRow::COLUMNS, hits.iter().map(|hit| self.row(file, &source_path, hit)))?;
            let hits = self.written(Role::Lead, detected);
            if !hits.is_empty() {
                let rows = reduced.leads.as_mut().expect("there are leads only if they have a table");
                rows.extend(
                    MatchRow::LEAD_COLUMNS,
                    hits.iter().map(|hit| self.row(file, &source_path, hit)),
                )?;
            }
        }
        with_hits().for_each(|event| self.count(event, &mut reduced));
        Ok(reduced)
    }

    /// Counts an event that detections describe, in `reduced`, for the host that logged it. The
    /// event counts once, even if several detections describe it.
    fn count(&self, event: &EventWithHits<'_>, reduced: &mut UnitHits) {
        let computer = &event.located.event.system.computer;
        let mut exclusions = excluded_from(&event.hits).peekable();
        let counts = match event.role {
            Role::Match => {
                if let Some(matched) = self.matched(event) {
                    reduced.count += 1;
                    reduced.hosts.add_match(&matched);
                }
                if exclusions.peek().is_some() {
                    reduced.hosts.add_excluded(computer);
                }
                ExcludedCounts::MATCH
            }
            Role::Lead => {
                if event.hits.iter().any(|hit| hit.excluded_by.is_none()) {
                    reduced.hosts.add_lead(computer, event.occurrence);
                }
                ExcludedCounts::LEAD
            }
        };
        exclusions.for_each(|exclusion| reduced.excluded.add(exclusion, computer, counts));
    }

    /// Returns the hits that get a row in `matches.parquet` or, if `role` is `Role::Lead`, in
    /// `leads.parquet`. Each hit is an event with this role, and a detection that describes it.
    fn written<'e, 'd>(
        &self,
        role: Role,
        detected: &'e [EventWithHits<'d>],
    ) -> Vec<(&'e EventWithHits<'d>, &'e Hit<'d>)> {
        let events = detected.iter().filter(|event| event.role == role);
        let hits = events.flat_map(|event| event.hits.iter().map(move |hit| (event, hit)));
        hits.filter(|(_, hit)| hit.is_written(self.config)).collect()
    }

    /// Makes the row of a hit: an event of the file, and a detection that describes it.
    /// `source_path` is the path of the file from its root (a folder or file that was swept).
    fn row<'e>(
        &'e self,
        file: &'e LogFile,
        source_path: &'e str,
        (event, hit): &(&'e EventWithHits<'_>, &'e Hit<'_>),
    ) -> MatchRow<'e> {
        let DetectionIndex(place) = hit.detection;
        let rule = self.rules.get(place).expect("a hit is of one of the sweep's detections");
        let context = MatchContext {
            evidence: self.discovery.evidence_name(file.evidence),
            source_path,
            origin: file.origin(),
            detection_id: &rule.detection.id,
            detection_name: &rule.detection.name,
            detection_version: rule.detection.version.as_deref(),
            excluded_by: hit.exclusion_name(self.config),
        };
        rule.row(event, &hit.patterns, context)
    }

    /// Returns the event as a match, with the detections that describe it. Detections for which an
    /// exclusion (the user's description of harmless events) removes the event are left out.
    /// Returns `None` if no detection is left, so that the event is not a match.
    fn matched<'e>(&'e self, event: &'e EventWithHits<'_>) -> Option<MatchedEvent<'e>> {
        let hits = event.hits.iter().filter(|hit| hit.excluded_by.is_none());
        let rules = hits.filter_map(|hit| self.rules.get(hit.detection.0));
        let (mut detections, mut risk_score) = (Vec::new(), None);
        for rule in rules {
            detections.push(&rule.label);
            risk_score = risk_score.max(rule.detection.risk_score.map(i64::from));
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
