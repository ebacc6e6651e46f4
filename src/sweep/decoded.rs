//! Which records a sweep decodes, because detections could describe their events. The skim, a fast
//! pass over the records, counts all others without decoding them.

use super::leads::lead_conditions;
use crate::config::{Config, Decoding, Leads, Queries};
use crate::detect::{EventSource, LeadCondition, Predicate, RequiredText};
use crate::scan::{DnsClient, Needle, Selection, WantedQueries};

/// Returns which records of Sysmon need decoding: all of them, all DNS queries if each gets a row,
/// or only those queries that a detection could match.
pub(super) fn selection(config: &Config) -> Selection {
    match config.options.decoding {
        Decoding::Exhaustive => Selection::Everything,
        Decoding::Selected => {
            // Detections for the log of Windows' DNS client match none of Sysmon's events.
            let of_sysmon =
                config.detections.iter().filter(|loaded| loaded.detection.source == EventSource::Sysmon);
            let predicates = of_sysmon.map(|loaded| &loaded.detection.search.predicate);
            // If all queries get a row, no text is required of one.
            let every = (config.options.queries == Queries::All).then(|| WantedQueries { sets: Vec::new() });
            Selection::Wanted(predicates.map(wanted).chain(every).collect())
        }
    }
}

/// Returns which queries of Windows' own DNS client need decoding: those that a detection could
/// describe, so that they can be leads. If leads are not looked for, all are only counted.
pub(super) fn dns_client(config: &Config) -> DnsClient {
    match config.options.leads {
        Leads::None => DnsClient::Counted,
        Leads::DnsClient => {
            let conditions = lead_conditions(config);
            let names = conditions.iter().filter_map(|condition| match condition {
                LeadCondition::Names(condition) | LeadCondition::Listed(condition) => Some(wanted(condition)),
                // In these events only the name is a text under the same field name. Other fields
                // are numbers, or have another name.
                LeadCondition::Whole(condition) => match LeadCondition::of(condition) {
                    LeadCondition::Names(names) => Some(wanted(&names)),
                    LeadCondition::NoName => None,
                    LeadCondition::EveryName | LeadCondition::Listed(_) | LeadCondition::Whole(_) => {
                        Some(WantedQueries { sets: Vec::new() })
                    }
                },
                LeadCondition::EveryName | LeadCondition::NoName => None,
            });
            DnsClient::Wanted(names.collect())
        }
    }
}

/// Returns which texts a DNS query must have to satisfy a predicate, as sets: at least one text of
/// each set. Other queries need not be decoded.
fn wanted(predicate: &Predicate) -> WantedQueries {
    let needle = |required: RequiredText| Needle { data: required.data_name.to_owned(), text: required.text };
    let sets = predicate.required_texts().into_iter();
    WantedQueries { sets: sets.map(|set| set.into_iter().map(needle).collect()).collect() }
}
