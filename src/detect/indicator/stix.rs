//! Lists of indicators as STIX 2.1: a bundle of objects in JSON.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::entry::{Form, Indicator, expected, indicator};
use super::list::ListBuilder;
use super::stix_pattern::{Comparison, Operator, comparisons};

/// The types of STIX objects that DNS queries can show: names, addresses, and URLs, whose host is a
/// name or an address.
const SEEN_OBJECTS: [&str; 4] = ["domain-name", "ipv4-addr", "ipv6-addr", "url"];
/// The types of STIX objects that can be observed, but not in DNS queries.
const OTHER_OBJECTS: [&str; 14] = [
    "artifact",
    "autonomous-system",
    "directory",
    "email-addr",
    "email-message",
    "file",
    "mac-addr",
    "mutex",
    "network-traffic",
    "process",
    "software",
    "user-account",
    "windows-registry-key",
    "x509-certificate",
];
/// The maximum number of characters of an object's id that a message shows.
const MOST_SHOWN: usize = 80;

/// A STIX bundle, or any other JSON document with a list `objects`.
#[derive(Debug, Deserialize)]
struct Bundle {
    objects: Vec<Object>,
}

/// A STIX object, with the properties that are read. A property can have a value of any type, so
/// that one with a wrong type makes only its own object unusable, and not the whole list.
#[derive(Debug, Deserialize)]
struct Object {
    #[serde(rename = "type", default)]
    kind: Value,
    #[serde(default)]
    id: Value,
    #[serde(default)]
    pattern: Value,
    #[serde(default)]
    pattern_type: Value,
    #[serde(default)]
    revoked: Value,
    #[serde(default)]
    value: Value,
}

/// Adds the indicators of a STIX bundle, or of a JSON array of STIX objects, to `list`. The error
/// says why the text is neither.
pub(super) fn read(text: &str, list: &mut ListBuilder) -> Result<(), String> {
    let bundle = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map(|objects| Bundle { objects })
    } else {
        serde_json::from_str(text)
    };
    let bundle: Bundle =
        bundle.map_err(|error| format!("expected a bundle of STIX 2.1 in JSON, found: {error}"))?;
    for (number, object) in (1_usize..).zip(&bundle.objects) {
        if list.is_overfull() {
            return Ok(());
        }
        object.read(number, list);
    }
    Ok(())
}

/// A STIX object and its number in its bundle, from 1. A message shows the object's id, or its
/// number if it has no id.
struct Place<'o>(&'o Object, usize);

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.id.as_str() {
            Some(id) => id
                .chars()
                .take(MOST_SHOWN)
                .flat_map(char::escape_debug)
                .try_for_each(|letter| write!(formatter, "{letter}")),
            None => write!(formatter, "object {}", self.1),
        }
    }
}

impl Object {
    /// Adds the names and addresses that the object describes to the list. Objects of types that
    /// are not observed, such as `malware`, are skipped. `number` is the object's place in the
    /// bundle, from 1.
    fn read(&self, number: usize, list: &mut ListBuilder) {
        let place = Place(self, number);
        let kind = self.kind.as_str().unwrap_or_default();
        let is_indicator = kind == "indicator";
        if !is_indicator && !SEEN_OBJECTS.contains(&kind) {
            if OTHER_OBJECTS.contains(&kind) {
                list.other(|| format!("{place}: an object {kind}, which no DNS query shows"));
            }
            return;
        }
        if self.revoked == Value::Bool(true) {
            list.other(|| format!("{place}: revoked"));
            return;
        }
        if !is_indicator {
            match self.value.as_str() {
                Some(value) => add_value(value, &place, list),
                None => list.not_understood(|| format!("{place}: expected a text as value, found none")),
            }
            return;
        }
        let language = self.pattern_type.as_str().unwrap_or("stix");
        match self.pattern.as_str().filter(|_| language == "stix") {
            Some(pattern) => add_pattern(pattern, &place, list),
            None => list.not_understood(|| format!("{place}: {}", expected("a pattern of STIX", language))),
        }
    }
}

/// Adds the names and addresses in the pattern of a STIX indicator to `list`. Comparisons in the
/// pattern that cannot be used are counted as left out, with a reason that begins with `place`.
fn add_pattern(pattern: &str, place: &Place<'_>, list: &mut ListBuilder) {
    let found = match comparisons(pattern) {
        Ok(found) => found,
        Err(problem) => {
            list.not_understood(|| format!("{place}: {problem}"));
            return;
        }
    };
    for Comparison { object, operator, values } in &found {
        let kind = object.split(':').next().unwrap_or_default();
        let is_value = object.strip_prefix(kind) == Some(":value");
        if !SEEN_OBJECTS.contains(&kind) || !is_value {
            let shown = object.get(..MOST_SHOWN).unwrap_or(object).escape_debug();
            if OTHER_OBJECTS.contains(&kind) && kind != "network-traffic" {
                list.other(|| format!("{place}: a comparison of {shown}, which no DNS query shows"));
            } else {
                list.not_understood(|| {
                    format!("{place}: {}", expected("a comparison of domain-name:value, ipv4-addr:value, ipv6-addr:value or url:value", object))
                });
            }
            continue;
        }
        for value in values {
            match operator {
                Operator::Like => add_like(value, place, list),
                Operator::Equal | Operator::In | Operator::IsSubset => add_value(value, place, list),
            }
        }
    }
}

/// Adds `value`, a name, address or URL of a STIX object or pattern, to `list`. In it, `*` and `?`
/// are not wildcards: a value that would be read as a pattern, or that begins with `=`, is counted
/// as not understood. Messages begin with `place`.
fn add_value(value: &str, place: &Place<'_>, list: &mut ListBuilder) {
    match indicator(value.trim()) {
        Ok((Indicator::Pattern(_) | Indicator::Below(_) | Indicator::ExactName(_), Form::Plain)) => {
            list.not_understood(|| format!("{place}: {}", expected("a value without wildcards", value)));
        }
        Ok((found, form)) => list.add_indicator(value.trim(), found, form, || place.to_string()),
        Err(problem) => list.not_understood(|| format!("{place}: {problem}")),
    }
}

/// Adds the indicator that a STIX comparison with the operator `LIKE` describes to `list`. `value`
/// is the operand of `LIKE`, in which `%` stands for any characters, and `_` for one. Messages
/// begin with `place`.
fn add_like(value: &str, place: &Place<'_>, list: &mut ListBuilder) {
    let translated: String = value
        .trim()
        .chars()
        .map(|letter| match letter {
            '%' => '*',
            '_' => '?',
            other => other,
        })
        .collect();
    // The scheme of a URL may be a wildcard.
    let host = translated.split_once("://").map_or(translated.as_str(), |(_, after)| after);
    match indicator(host) {
        Ok((found, form)) => {
            let form = if host.len() < translated.len() { Form::Url } else { form };
            list.add_indicator(value.trim(), found, form, || place.to_string());
        }
        Err(problem) => list.not_understood(|| format!("{place}: {problem}")),
    }
}
