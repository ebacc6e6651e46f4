//! Reads the log source of a Sigma rule, which says which events the rule is about.

use super::Refusal;
use super::header::text;
use crate::detect::nearest::nearest;
use crate::detect::yaml::{Key, Node, YamlProblem};
use crate::event::{DNS_CLIENT_QUERY, DNS_QUERY, Event, EventKind, System};

/// The log source of a rule: the events that the rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogSource {
    /// The category `dns_query`: Sysmon's event 22.
    Category,
    /// The service `sysmon`: all events of Sysmon.
    Sysmon,
    /// The product `windows` alone: all events of Windows.
    Windows,
    /// The service `dns-client`: the log of Windows' own DNS client.
    DnsClient,
}

/// The keys of a log source.
const KEYS: [&str; 4] = ["category", "product", "service", "definition"];
/// For each key of a log source, the values that mean events that a sweep reads.
const READ_VALUES: [(&str, &[&str]); 3] = [
    ("category", &["dns_query", "sysmon"]),
    ("product", &["windows"]),
    ("service", &["sysmon", "dns-client", "dns-client-operational"]),
];
/// Values that mean other events, although they are similar to those in [`READ_VALUES`].
const OTHER_VALUES: [&str; 5] =
    ["dns", "dns-server", "dns-server-analytic", "dns-server-audit", "bits-client"];

/// The least number of letters of a value that is taken for the beginning of a known name, such as
/// `win` for `windows`.
const SHORTEST_ABBREVIATION: usize = 3;

/// What a value of a log source means.
enum Meaning {
    /// Events that a sweep reads.
    Read,
    /// Events that a sweep does not read.
    NotRead,
    /// A value that is probably a misspelt form of this known one.
    Misspelt(&'static str),
}

impl LogSource {
    /// Reads the mapping `logsource` of a rule. Known values may be in any case.
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

    /// Sample events of the log source: one for each EventID, with only the fields that have the
    /// same value in all events with that EventID.
    pub(super) fn prototypes(self) -> Vec<Event> {
        let kind = self.kind();
        let system = |number: &u32| System { event_id: *number, ..kind.system() };
        kind.event_ids.iter().map(|number| Event::new(kind, system(number))).collect()
    }

    /// The kind of event of this log source that a sweep reads.
    pub(super) fn kind(self) -> &'static EventKind {
        match self {
            LogSource::DnsClient => &DNS_CLIENT_QUERY,
            LogSource::Category | LogSource::Sysmon | LogSource::Windows => &DNS_QUERY,
        }
    }

    /// A sentence for messages: which events of this log source a sweep reads.
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

/// What the value of a key of a log source means.
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

/// The problem that an unknown key of a log source is probably a misspelt form of a key that the
/// log source does not have; `None` if there is no such key. Other unknown keys are the author's
/// own.
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

/// The problem that a log source has none of the known keys, or only empty values for them.
fn unknown(node: &Node) -> YamlProblem {
    let first = node.entries().iter().map(|(key, _)| key).find(|key| !KEYS.contains(&key.name.as_str()));
    let found = first.map_or_else(|| "none".to_owned(), |key| format!("'{}'", key.name.escape_debug()));
    let place = first.map_or(node.place, |key| key.place);
    YamlProblem::at(place, format!("logsource: expected a category, a product or a service, found {found}"))
}
