//! The names that Sigma rules use for the fields of a DNS query, and guesses at which field a
//! misspelt name means.

use super::source::LogSource;
use crate::detect::nearest::nearest;
use crate::detect::predicate::field::Field;
use crate::detect::yaml::{Key, Node, NodeKind, Scalar};
use crate::event::FieldSpec;

/// The fields in an event's `System` element, by their names in Sigma rules.
const SYSTEM: [(&str, Field); 4] = [
    ("Channel", Field::Channel),
    ("Computer", Field::Computer),
    ("EventID", Field::EventId),
    ("Provider_Name", Field::Provider),
];

/// Names of fields in other rule languages, each with the name that Sigma has for the field. A
/// Sigma rule must not use them; the error suggests Sigma's name.
const OTHER_NAMES: [(&str, &str); 1] = [("EventCode", "EventID")];
/// The names of fields that only DNS queries have. A Sigma rule that names one of them is about DNS
/// queries, even if the name is misspelt.
const OF_DNS_QUERIES: [&str; 3] = ["QueryName", "QueryResults", "QueryStatus"];

/// The names of the fields that a Sigma rule on Sysmon's DNS queries may use, sorted. A test
/// compares them with the list in the guide for users.
#[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "the guide is held to it by a test"))]
pub fn sigma_fields() -> impl Iterator<Item = &'static str> {
    fields(LogSource::Category).map(|(name, _)| name)
}

/// The names of the fields that a Sigma rule on the queries of Windows' own DNS client may use,
/// sorted.
#[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "the guide is held to it by a test"))]
pub fn sigma_dns_client_fields() -> impl Iterator<Item = &'static str> {
    fields(LogSource::DnsClient).map(|(name, _)| name)
}

/// Returns the fields that a Sigma rule on this log source may use, with their names in Sigma
/// rules, sorted by name. A field in a `Data` element of the event's XML has the name of the
/// element.
fn fields(source: LogSource) -> impl Iterator<Item = (&'static str, Field)> {
    let names = |field: &'static FieldSpec| field.data_names().map(|name| (name, Field::Data(field.meaning)));
    let data = source.kind().fields.iter().flat_map(names);
    let mut fields: Vec<(&str, Field)> = data.chain(SYSTEM).collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    fields.into_iter()
}

/// The field that a key in a Sigma rule names, such as `QueryName` or `QueryName|contains`; `None`
/// if the events of the log source have no field of this name. Modifiers after the name are
/// ignored.
pub(super) fn field_of_key(key: &Key, source: LogSource) -> Option<Field> {
    known(key.name.split('|').next().unwrap_or_default().trim(), source)
}

fn known(name: &str, source: LogSource) -> Option<Field> {
    fields(source).find(|(known, _)| *known == name).map(|(_, field)| field)
}

/// Returns the field with this name in Sigma rules, if events of the rule's log source have it. The
/// error suggests a similar name, or lists all names.
pub(super) fn field_named(name: &str, source: LogSource) -> Result<Field, String> {
    known(name, source).ok_or_else(|| {
        let names = || fields(source).map(|(name, _)| name);
        let whose = if source == LogSource::DnsClient {
            "a query of Windows' DNS client"
        } else {
            "a Sysmon DNS query"
        };
        let name_shown = name.escape_debug();
        if name.split_once(':').is_some_and(|(name, _)| meant(name).is_some()) {
            return without_blank(name);
        }
        match near(name, names()) {
            Some(near) => {
                format!("expected a field of {whose}, found '{name_shown}'; did you mean '{near}'?")
            }
            None => format!(
                "expected a field of {whose} (one of {}), found '{name_shown}'",
                names().collect::<Vec<_>>().join(", ")
            ),
        }
    })
}

/// Returns the name in `known` that is most similar to `name`, which is probably misspelt. If
/// `name` is a field's name in another rule language, returns Sigma's name for the field instead.
/// `None` if no name is similar.
fn near(name: &str, known: impl Iterator<Item = &'static str>) -> Option<&'static str> {
    let near = nearest(name, known.chain(OTHER_NAMES.map(|(other, _)| other)))?;
    let own = OTHER_NAMES.iter().find(|(other, _)| *other == near);
    Some(own.map_or(near, |(_, name)| *name))
}

/// Returns true if a line of a Sigma rule, which has a field (`key`) and its values (`value`),
/// describes DNS queries: by a field that only DNS queries have, or by the EventID 22. The field's
/// name and the modifiers may be misspelt.
pub(super) fn asks_for_dns(key: &Key, value: &Node) -> bool {
    let is_number = |node: &Node| node.scalar().is_some_and(|scalar| is_number_of_dns(&scalar.text));
    match (meant(key.name.split('|').next().unwrap_or_default()), &value.kind) {
        (Some("EventID"), NodeKind::List(values)) => values.iter().any(is_number),
        (Some("EventID"), _) => is_number(value),
        (Some(field), _) => OF_DNS_QUERIES.contains(&field),
        (None, _) => text_asks_for_dns(&key.name),
    }
}

/// Returns true if a text would be a line of a Sigma rule that describes DNS queries if it had a
/// blank after its colon. An example is `QueryName:x`, which YAML reads as one text.
pub(super) fn text_asks_for_dns(text: &str) -> bool {
    let Some((name, value)) = text.split_once([':', '=']) else { return false };
    match meant(name.split('|').next().unwrap_or_default()) {
        Some("EventID") => is_number_of_dns(value),
        Some(field) => OF_DNS_QUERIES.contains(&field),
        None => false,
    }
}

/// Returns the message for a line of a Sigma rule (a field with values) that has no blank after its
/// colon, so that YAML reads it as one text.
pub(super) fn without_blank(text: &str) -> String {
    format!(
        "expected ': ' between a field and its value, found '{}': put a blank after ':'",
        text.escape_debug()
    )
}

/// Returns the name of the field that a Sigma rule probably means by `name`, which may be misspelt.
/// The fields of all log sources are considered. `None` if no field's name is similar.
fn meant(name: &str) -> Option<&'static str> {
    let name = name.trim();
    let mut names: Vec<&str> = [LogSource::Category, LogSource::DnsClient]
        .into_iter()
        .flat_map(fields)
        .map(|(known, _)| known)
        .collect();
    names.sort_unstable();
    names.iter().copied().find(|known| *known == name).or_else(|| near(name, names.into_iter()))
}

fn is_number_of_dns(value: &str) -> bool {
    let scalar = Scalar { text: value.trim().to_owned(), is_plain: true };
    scalar.integer() == Some(22)
}
