//! Detections: what is looked for in the decoded events, and how the matches are summed up.
//!
//! A rule file ([`Detection`]) holds a [`Search`] of Splunk's or a rule of Sigma's. Either becomes
//! a [`Predicate`], a tree that knows nothing of the language the rule was written in; another
//! language is another parser. A search's `stats` becomes a [`Stats`], which reduces the matches to
//! the rule's own table ([`StatsTable`]). Whatever in a rule is not understood is an error that
//! says where it stands: a rule is never half obeyed.
//!
//! A site's own [`Exclusion`]s say which of the events that a detection describes are known and
//! harmless there.
//!
//! This stage sees events only. Where they came from and where matches go is not known here.
//!
//! - `splunk`, `sigma`: the languages of rules, and the files that hold rules
//! - `predicate`: conditions on an event, in no language
//! - `term`: what a search computes of an event or of a row, and conditions on it
//! - `lookup`: a site's tables
//! - `stats`: the table that matches are summed up in
//! - `yaml`: documents, with the place of each value
//! - `detection`: one rule of a file; `risk`: whom it concerns, how much; `lead`: what it says of a
//!   name alone; `exclusion`: what a site knows to be harmless

mod bounds;
mod detection;
mod exclusion;
mod lead;
mod lookup;
mod nearest;
mod predicate;
mod risk;
mod rule_id;
mod sigma;
mod splunk;
mod stats;
mod term;
#[cfg(test)]
mod tests;
mod yaml;

pub use bounds::{MOST_COMPARISONS, MOST_EXPRESSION_BYTES, memory_limit_error};
pub use detection::{DataSet, Detection, DetectionError, EventSource, FileRule, Language};
pub use exclusion::{Exclusion, ExclusionError, ExclusionProblem, Expiry};
pub use lead::LeadCondition;
pub use lookup::{Lookup, LookupDefinition};
pub use predicate::expression::Expression;
pub use predicate::field::Field;
pub use predicate::network::Network;
pub use predicate::pattern::Pattern;
pub use predicate::test::{FieldTest, Position};
pub use predicate::tree::ConditionTree;
pub use predicate::{Hits, Inequality, Predicate, RequiredLiteral};
pub use risk::{RiskObject, ThreatObject};
pub use rule_id::canonical_id;
pub use sigma::placeholder::Placeholders;
pub use sigma::{LEVEL_SCORES, STATUS_SHARES, sigma_dns_client_fields, sigma_fields, sigma_modifiers};
pub use splunk::library::{ContentError, Library, Macro, NoLibrary};
pub use splunk::search::Search;
pub use splunk::token::{SearchError, SearchReason};
pub use stats::{Stats, StatsColumn, StatsKind, StatsPart, StatsTable, StatsValue};
pub use term::computed::Computed;

/// What tests of several modules need.
#[cfg(test)]
mod testing {
    use crate::event::{DNS_QUERY, Event, EventTime, System};

    /// A Sysmon event 22 with every field set.
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

    /// An event of which nothing is known, not even who logged it.
    pub fn nothing() -> Event {
        Event::new(&DNS_QUERY, System::default())
    }
}
