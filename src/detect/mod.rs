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

mod aggregate;
mod asked;
mod bounds;
mod computed;
mod condition;
mod csv;
mod detection;
mod eval;
mod event_code;
mod exclusion;
mod expansion;
mod expression;
mod field;
mod file_place;
mod function;
mod head;
mod head_origin;
mod head_value;
mod keys;
#[cfg(test)]
mod language_tests;
mod lead;
mod library;
mod lookup;
mod lookup_index;
mod names;
mod nearest;
mod network;
mod origin;
mod other_data;
mod pairs;
mod pattern;
mod pipeline;
mod placeholder;
mod predicate;
mod refining;
mod risk;
mod row_key;
mod rows;
mod rule_id;
mod search;
mod sigma;
mod size;
#[cfg(test)]
mod spelling_tests;
mod splunk_file;
mod stats;
mod summing;
mod term;
mod test;
mod thinning;
mod token;
mod tree;
mod value;
mod yaml;

pub use bounds::{MOST_COMPARISONS, MOST_EXPRESSION_BYTES, too_much};
pub use computed::Computed;
pub use detection::{DataSet, Detection, DetectionError, EventSource, FileRule, Language};
pub use exclusion::{Exclusion, ExclusionError, ExclusionProblem, Expiry};
pub use expression::Expression;
pub use field::Field;
pub use lead::LeadCondition;
pub use library::{Library, Macro, NoLibrary};
pub use lookup::{Lookup, LookupDefinition};
pub use network::Network;
pub use pattern::Pattern;
pub use placeholder::Placeholders;
pub use predicate::{Hits, Order, Predicate, RequiredLiteral};
pub use risk::{RiskObject, ThreatObject};
pub use rule_id::compared as compared_id;
pub use search::Search;
pub use sigma::{LEVEL_SCORES, STATUS_SHARES, sigma_dns_client_fields, sigma_fields, sigma_modifiers};
pub use stats::{Stats, StatsColumn, StatsKind, StatsPart, StatsTable, StatsValue};
pub use test::{Position, Test};
pub use token::{SearchError, SearchReason};
pub use tree::Tree;

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
