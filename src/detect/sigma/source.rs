//! Reads the key `logsource` of a Sigma rule, which says which events the rule is about.

use super::Refusal;
use super::header::text;
use crate::detect::nearest::nearest;
use crate::detect::yaml::{Key, Node, YamlProblem};
use crate::event::{DNS_CLIENT_QUERY, DNS_QUERY, Event, EventKind, System};

/// The log source of a Sigma rule (its key `logsource`): the events that the rule is about. Only
/// log sources that include DNS queries of Windows can be represented.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogSource {
    /// The Sigma rule has the category `dns_query`: it is about Sysmon's event 22.
    Category,
    /// The Sigma rule has the service `sysmon`: it is about all events of Sysmon.
    Sysmon,
    /// The Sigma rule has the product `windows`, and no category or service: it is about all events
    /// of Windows.
    Windows,
    /// The Sigma rule has the service `dns-client`: it is about the log of Windows' own DNS client.
    DnsClient,
}

/// The keys that a Sigma rule's `logsource` may have by the specification. Any other key that is
/// similar to one of them is probably misspelt.
const KEYS: [&str; 4] = ["category", "product", "service", "definition"];
/// For each key of a Sigma rule's `logsource`, the values that stand for events that a sweep reads.
const READ_VALUES: [(&str, &[&str]); 3] = [
    ("category", &["dns_query", "sysmon"]),
    ("product", &["windows"]),
    ("service", &["sysmon", "dns-client", "dns-client-operational"]),
];
/// Values of a Sigma rule's `logsource` that are similar to those in [`READ_VALUES`], but stand for
/// events that a sweep does not read. They must not be taken for misspelt values.
const OTHER_VALUES: [&str; 5] =
    ["dns", "dns-server", "dns-server-analytic", "dns-server-audit", "bits-client"];

/// The smallest number of letters with which a value of a Sigma rule's `logsource` counts as a
/// shortened known value, such as `win` for `windows`. A shortened value is an error, with a
/// suggestion.
const SHORTEST_ABBREVIATION: usize = 3;

/// What a value in a Sigma rule's `logsource`, such as `category: dns_query`, says about the events
/// of the rule.
enum Meaning {
    /// The value in the rule's `logsource` stands for events that a sweep reads, such as the
    /// category `dns_query`.
    Read,
    /// The value in the rule's `logsource` stands for events that a sweep does not read, such as
    /// the category `network_connection`. The rule is refused as one about other data.
    NotRead,
    /// The value in the rule's `logsource` is probably a misspelt form of this known value. The
    /// rule is refused, and the error suggests the known value.
    Misspelt(&'static str),
}

impl LogSource {
    /// Reads the mapping `logsource` of a Sigma rule. Its values may be in upper or lower case. The
    /// error says that the rule is about events that a sweep does not read, or which key or value
    /// is not known.
    pub(super) fn of(node: &Node) -> Result<Self, Refusal> {
        if node.entries().is_empty() {
            let found = node.description();
            return Err(YamlProblem::at(
                node.place,
                format!("logsource: expected a category, a product or a service, found {found}"),
            )
            .into());
        }
        let part = |key| {
            let text = text(node, key)?.map(|text| text.trim().to_lowercase());
            Ok::<_, YamlProblem>(text.filter(|text| !text.is_empty()))
        };
        let (category, product, service) = (part("category")?, part("product")?, part("service")?);
        let values = [("product", &product), ("category", &category), ("service", &service)];
        let values = values.into_iter().filter_map(|(key, value)| Some((key, value.as_deref()?)));
        let at = |key: &str| node.get(key).map_or(node.place, |value| value.place);
        let mut slip = misspelt_key(node);
        for (key, value) in values {
            let shown = value.escape_debug();
            match meaning(key, value) {
                Meaning::Read => {}
                Meaning::NotRead => {
                    return Err(Refusal::other_data(YamlProblem::at(at(key), format!("{key} {shown}"))));
                }
                Meaning::Misspelt(near) => {
                    let text = format!(
                        "logsource: {key}: expected a known {key}, found '{shown}'; did you mean '{near}'?"
                    );
                    slip = slip.or_else(|| Some(YamlProblem::at(at(key), text)));
                }
            }
        }
        if let Some(slip) = slip {
            return Err(slip.into());
        }
        match (category.as_deref(), service.as_deref()) {
            (Some("dns_query"), None | Some("sysmon")) => Ok(LogSource::Category),
            (Some("sysmon"), None) | (_, Some("sysmon")) => Ok(LogSource::Sysmon),
            (None | Some("dns_query"), Some(_)) => Ok(LogSource::DnsClient),
            (Some(_), Some(service)) => {
                Err(Refusal::other_data(YamlProblem::at(at("service"), format!("service {service}"))))
            }
            (None, None) if product.is_some() => Ok(LogSource::Windows),
            (None | Some(_), None) => Err(unknown(node).into()),
        }
    }

    /// Sample events of the log source: one for each EventID that a sweep reads. A sample has only
    /// the fields that are the same in all events with its EventID, such as the channel. A
    /// condition on these fields that is false of every sample is false of every event.
    pub(super) fn prototypes(self) -> Vec<Event> {
        let kind = self.kind();
        let system = |number: &u32| System { event_id: *number, ..kind.system() };
        kind.event_ids.iter().map(|number| Event::new(kind, system(number))).collect()
    }

    /// The kind of event that a sweep reads for rules on this log source: Sysmon's DNS queries, or
    /// those of Windows' own DNS client.
    pub(super) fn kind(self) -> &'static EventKind {
        match self {
            LogSource::DnsClient => &DNS_CLIENT_QUERY,
            LogSource::Category | LogSource::Sysmon | LogSource::Windows => &DNS_QUERY,
        }
    }

    /// Returns a clause for error messages that says which events of this log source a sweep reads.
    /// It explains why a rule on other events is refused.
    pub(super) fn read_events(self) -> &'static str {
        match self {
            LogSource::DnsClient => {
                "Windows' DNS client logs its queries as the events 3006, 3008 and 3020, which are read with --dns-client"
            }
            LogSource::Category | LogSource::Sysmon | LogSource::Windows => {
                "of Sysmon's events, a sweep reads only event 22"
            }
        }
    }
}

/// Decides whether a value in a Sigma rule's `logsource` stands for events that a sweep reads or
/// for other events, or is probably misspelt. `key` is `category`, `product` or `service`; `value`
/// is in lower case.
fn meaning(key: &str, value: &str) -> Meaning {
    let known = READ_VALUES.iter().find(|(known, _)| *known == key).map_or(&[][..], |(_, values)| *values);
    if known.contains(&value) {
        return Meaning::Read;
    }
    if OTHER_VALUES.contains(&value) {
        return Meaning::NotRead;
    }
    // Different categories can have the same beginning, such as `sysmon` and `sysmon_status`.
    let is_longer_or_shorter = |known: &&str| {
        key != "category"
            && (value.contains(known) || (value.len() >= SHORTEST_ABBREVIATION && known.starts_with(value)))
    };
    let near = nearest(value, known.iter().copied());
    near.or_else(|| known.iter().copied().find(is_longer_or_shorter))
        .map_or(Meaning::NotRead, Meaning::Misspelt)
}

/// The problem that a Sigma rule's `logsource` has an unknown key that is probably misspelt: it is
/// similar to a known key that is absent. `None` if there is no such key. Any other unknown key is
/// the author's own, and is ignored.
fn misspelt_key(node: &Node) -> Option<YamlProblem> {
    let mut unknown = node.entries().iter().filter(|(key, _)| !KEYS.contains(&key.name.as_str()));
    let slip = |key: &Key| {
        let near = nearest(&key.name, KEYS).filter(|near| node.get(near).is_none())?;
        let found = key.name.escape_debug();
        let text = format!(
            "logsource: expected category, product or service, found '{found}'; did you mean '{near}'?"
        );
        Some(YamlProblem::at(key.place, text))
    };
    unknown.find_map(|(key, _)| slip(key))
}

/// The problem that a Sigma rule's `logsource` has no category, product or service, or that they
/// are not enough to say which events are meant. The message names the first unknown key.
fn unknown(node: &Node) -> YamlProblem {
    let first = node.entries().iter().map(|(key, _)| key).find(|key| !KEYS.contains(&key.name.as_str()));
    let found = first.map_or_else(|| "none".to_owned(), |key| format!("'{}'", key.name.escape_debug()));
    let place = first.map_or(node.place, |key| key.place);
    YamlProblem::at(place, format!("logsource: expected a category, a product or a service, found {found}"))
}
