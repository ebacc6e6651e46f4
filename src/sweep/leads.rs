//! What the name parts of detections make of the queries of Windows' own DNS client: leads, as rows
//! and reduced. They never mix with matches.

use super::matched::{Described, Description, DetectionPlace, Excluded, excluded_from, excluding};
use crate::config::Config;
use crate::detect::LeadCondition;
use crate::event::{DnsClientEvent, DnsQueryEvent, QueryResults};
use crate::evidence::discover::{Discovery, LogFile};
use crate::output::{OutputError, Rows, Table};
use crate::report::{ExcludedCounts, Hosts, LeadContext, LeadRow, Occurrence, lead_hash};
use crate::scan::{Located, LocatedLead};

/// The leads of a unit, as rows and reduced.
pub(super) struct Leads {
    /// Rows of `leads.parquet`: of leads, and of excluded ones if these are kept.
    pub rows: Rows,
    /// What they say of their hosts.
    pub hosts: Hosts,
    /// How many there are of each detection.
    pub detections: Vec<LeadCounts>,
    /// How many were excluded.
    pub excluded: Excluded,
}

/// How many leads a detection has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct LeadCounts {
    /// All, copies of an event included.
    pub leads: u64,
    /// Of these, those that are no copies.
    pub unique_leads: u64,
}

impl LeadCounts {
    /// Takes in those of another part of the evidence.
    pub(super) fn merge(&mut self, other: LeadCounts) {
        self.leads += other.leads;
        self.unique_leads += other.unique_leads;
    }
}

impl Leads {
    /// Whether nothing was found, not even what is excluded.
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty() && self.excluded.is_empty()
    }
}

/// What each detection of a sweep says of the name alone, in their order.
pub(super) fn lead_conditions(config: &Config) -> Vec<LeadCondition> {
    config.detections.iter().map(|loaded| loaded.detection.lead_condition()).collect()
}

/// Looks for leads among events.
pub(super) struct LeadFinder<'a> {
    config: &'a Config,
    discovery: &'a Discovery,
    table: &'a Table,
    /// For each detection, in their order.
    conditions: Vec<LeadCondition>,
}

impl<'a> LeadFinder<'a> {
    /// One whose leads are rows of `table`.
    pub(super) fn new(config: &'a Config, discovery: &'a Discovery, table: &'a Table) -> Self {
        LeadFinder { config, discovery, table, conditions: lead_conditions(config) }
    }

    /// The events that are leads, in their order.
    pub(super) fn find(&self, events: Vec<LocatedLead>) -> Vec<Described<DnsClientEvent>> {
        let in_window =
            events.into_iter().filter(|located| self.config.window.holds(located.event.system.time_created));
        let found = in_window.filter_map(|located| {
            located.event.name()?;
            let descriptions = self.descriptions(&located.event.as_dns_query());
            (!descriptions.is_empty()).then(|| Described {
                hash: lead_hash(&located.event),
                occurrence: Occurrence::First,
                descriptions,
                located,
            })
        });
        found.collect()
    }

    fn descriptions(&self, query: &DnsQueryEvent) -> Vec<Description> {
        let detections = self.config.detections.iter().zip(&self.conditions).enumerate();
        let asking = detections.filter(|(_, (_, condition))| match condition {
            LeadCondition::Names(condition) | LeadCondition::Whole(condition) => condition.evaluate(query),
            // Each name that is asked for anywhere would be a lead.
            LeadCondition::EveryName | LeadCondition::NoName => false,
        });
        asking
            .map(|(place, (loaded, _))| Description {
                detection: DetectionPlace(place),
                excluded_by: excluding(&self.config.exclusions, query, &loaded.detection.id),
            })
            .collect()
    }

    /// What events come to: a row for each detection that asks for the name, in the order of the
    /// detections.
    pub(super) fn reduce(
        &self,
        file: &LogFile,
        found: &[Described<DnsClientEvent>],
    ) -> Result<Leads, OutputError> {
        let mut leads = Leads {
            rows: self.table.rows(found.len()),
            hosts: Hosts::default(),
            detections: vec![LeadCounts::default(); self.conditions.len()],
            excluded: Excluded::default(),
        };
        let source_path = if found.is_empty() { String::new() } else { file.source_path() };
        for event in found {
            for description in &event.descriptions {
                self.reduce_one(file, &source_path, event, description, &mut leads)?;
            }
            let computer = &event.located.event.system.computer;
            // However many detections ask for the name, it is one event.
            if event.descriptions.iter().any(|description| description.excluded_by.is_none()) {
                leads.hosts.add_lead(computer, event.occurrence);
            }
            for exclusion in excluded_from(&event.descriptions) {
                leads.excluded.add(exclusion, computer, ExcludedCounts::LEAD);
            }
        }
        Ok(leads)
    }

    fn reduce_one(
        &self,
        file: &LogFile,
        source_path: &str,
        found: &Described<DnsClientEvent>,
        description: &Description,
        leads: &mut Leads,
    ) -> Result<(), OutputError> {
        let DetectionPlace(place) = description.detection;
        let (Some(loaded), Some(condition), Some(counts)) =
            (self.config.detections.get(place), self.conditions.get(place), leads.detections.get_mut(place))
        else {
            return Ok(());
        };
        let Located { location, integrity, event } = &found.located;
        let row = LeadRow {
            chunk_number: location.chunk_number,
            record_offset: location.record_offset,
            integrity: *integrity,
            event,
            event_hash: found.hash,
            occurrence: found.occurrence,
            results: QueryResults::parse(event.query_results.as_deref().unwrap_or_default()),
            matched_query: matched_query(condition, event),
        };
        let context = LeadContext {
            evidence: self.discovery.evidence_name(file.evidence),
            source_path,
            detection_id: &loaded.detection.id,
            detection_name: &loaded.detection.name,
            excluded_by: description.exclusion_name(self.config),
        };
        if description.is_written(self.config) {
            leads.rows.push(row.cells(&context))?;
        }
        if description.excluded_by.is_none() {
            let unique_leads = u64::from(found.occurrence == Occurrence::First);
            counts.merge(LeadCounts { leads: 1, unique_leads });
        }
        Ok(())
    }
}

fn matched_query(condition: &LeadCondition, event: &DnsClientEvent) -> Vec<String> {
    match condition {
        LeadCondition::Names(names) | LeadCondition::Whole(names) => {
            names.hits(&event.as_dns_query()).matched_query
        }
        LeadCondition::EveryName | LeadCondition::NoName => Vec::new(),
    }
}
