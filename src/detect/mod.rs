//! Detections: the rules that events are compared with, and the tables that their matches are
//! reduced to.
//!
//! A rule file contains a [`Search`] in Splunk's SPL or a Sigma rule; each becomes a [`Detection`].
//! A list of indicators becomes a [`Detection`], too. Both languages are compiled to a
//! [`Predicate`], a tree that does not depend on the language. A new language is a new parser. The
//! `stats` command of a search becomes a [`Stats`], which reduces the matches to the rule's own
//! table ([`StatsTable`]). What is not understood in a rule is an error with its place: a rule is
//! never obeyed in part.
//!
//! A site's [`Exclusion`]s select the events that a detection describes but that are known to be
//! harmless at the site.
//!
//! This stage knows only events: not where they come from, nor what is done with matches.
//!
//! - `splunk`, `sigma`: the languages of rules, and their rule files
//! - `predicate`: conditions on an event, in one form for all rule languages
//! - `term`: values that a search computes from an event or a row, and conditions on them
//! - `lookup`: a site's lookup tables
//! - `indicator`: lists of names and addresses; each list becomes a detection
//! - `stats`: the table that matches are reduced to
//! - `yaml`: YAML documents, with the place of each value
//! - `detection`: one rule, of any language
//! - `rule_file`: the rules of a file
//! - `risk`: the risk that a rule states
//! - `risk_message`: what a rule says about a match
//! - `lead`: the part of a rule that the query name alone decides
//! - `exclusion`: events that are known to be harmless at a site

mod bounds;
mod detection;
mod exclusion;
mod indicator;
mod lead;
mod lookup;
mod nearest;
mod predicate;
mod risk;
mod risk_message;
mod rule_file;
mod rule_id;
mod sigma;
mod splunk;
mod stats;
mod term;
#[cfg(test)]
mod tests;
mod yaml;

pub use bounds::{MOST_COMPARISONS, MOST_EXPRESSION_BYTES, memory_limit_error};
pub use detection::{DataSet, Detection, DetectionError, EventSource, Language};
pub use exclusion::{Exclusion, ExclusionError, ExclusionProblem, Expiry};
pub use indicator::{IndicatorCounts, LeftOut, MOST_INDICATORS, MOST_LEFT_OUT};
pub use lead::LeadCondition;
pub use lookup::{Lookup, LookupDefinition};
pub use predicate::expression::Expression;
pub use predicate::field::Field;
pub use predicate::listed::{AddressList, NameList};
pub use predicate::network::Network;
pub use predicate::pattern::Pattern;
pub use predicate::pattern_set::PatternSet;
pub use predicate::test::{FieldTest, Position};
pub use predicate::tree::ConditionTree;
pub use predicate::{Hits, Inequality, Predicate, RequiredText};
pub use risk::{RiskObject, ThreatObject};
pub use risk_message::RiskMessage;
pub use rule_file::FileRule;
pub use rule_id::canonical_id;
pub use sigma::placeholder::Placeholders;
pub use sigma::{LEVEL_SCORES, STATUS_SHARES, sigma_dns_client_fields, sigma_fields, sigma_modifiers};
pub use splunk::library::{ContentError, Library, Macro, NoLibrary};
pub use splunk::search::Search;
pub use splunk::search_error::{SearchError, SearchReason};
pub use stats::{Stats, StatsColumn, StatsKind, StatsPart, StatsTable, StatsValue};
pub use term::computed::Computed;

/// Events for the tests of several modules of `detect`.
#[cfg(test)]
mod testing {
    use crate::event::{DNS_QUERY, Event, EventTime, System};

    /// Returns a DNS query of Sysmon (event 22) for tests, in which every field has a value.
    pub fn event(image: &str, query_name: &str) -> Event {
        let system = System {
            version: Some(5),
            event_record_id: Some(7),
            computer: "PC1.corp.example".to_owned(),
            time_created: EventTime::parse_logged("2024-01-31T10:15:31.5Z"),
            time_created_raw: "2024-01-31T10:15:31.5000000Z".to_owned(),
            user_id: Some("S-1-5-18".to_owned()),
            ..DNS_QUERY.system()
        };
        Event::new(&DNS_QUERY, system)
            .with("RuleName", "-")
            .with("UtcTime", "2024-01-31 10:15:30.123")
            .with("ProcessGuid", "f20b227d-c5d4-640f-3005-000000000700")
            .with("ProcessId", "740")
            .with("QueryName", query_name)
            .with("QueryStatus", "0")
            .with("QueryResults", "::ffff:192.0.2.1;")
            .with("Image", image)
            .with("User", r"CORP\alice")
    }

    /// Returns an event for tests that has no field and no provider.
    pub fn nothing() -> Event {
        Event::new(&DNS_QUERY, System::default())
    }
}
