//! What a Sigma rule says of itself.

use crate::detect::nearest::{nearest, suggestion};
use crate::detect::yaml::{Node, NodeKind, YamlProblem};

/// What a level says of the risk, 0 to 100.
pub const LEVEL_SCORES: [(&str, u32); 5] =
    [("informational", 10), ("low", 25), ("medium", 50), ("high", 75), ("critical", 100)];
/// How much of that a rule of some status may claim, in percent.
pub const STATUS_SHARES: [(&str, u32); 5] =
    [("stable", 100), ("test", 90), ("experimental", 70), ("deprecated", 50), ("unsupported", 30)];
/// The share of a rule that states none.
const UNSTATED_SHARE: u32 = 70;

/// The keys of a rule that decide something here.
const KEYS: [&str; 12] = [
    "title",
    "id",
    "status",
    "level",
    "description",
    "author",
    "date",
    "modified",
    "tags",
    "logsource",
    "detection",
    "name",
];
/// The other keys of the specification.
const OTHER_KEYS: [&str; 9] = [
    "related",
    "references",
    "fields",
    "falsepositives",
    "license",
    "scope",
    "taxonomy",
    "sigma-version",
    "action",
];

/// What a rule says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RuleHeader {
    pub title: Option<String>,
    pub status: Option<&'static str>,
    pub level: Option<&'static str>,
    pub description: Option<String>,
    pub author: Option<String>,
    pub date: Option<String>,
    pub techniques: Vec<String>,
    /// What its author should know of.
    pub notes: Vec<String>,
}

impl RuleHeader {
    /// Reads it from a rule's document.
    pub(super) fn of(document: &Node) -> Result<Self, YamlProblem> {
        let names = |table: &'static [(&str, u32)]| table.iter().map(|(name, _)| *name);
        let tags = texts(document, "tags")?;
        Ok(RuleHeader {
            title: text(document, "title")?.filter(|title| !title.trim().is_empty()),
            status: one_of(document, "status", names(&STATUS_SHARES))?,
            level: one_of(document, "level", names(&LEVEL_SCORES))?,
            description: text(document, "description")?,
            author: text(document, "author")?,
            date: text(document, "modified")?.or(text(document, "date")?),
            techniques: tags.iter().filter_map(|tag| technique(tag)).collect(),
            notes: misspelt(document),
        })
    }

    /// The risk of a match: the level's score times the status's share, rounded. A rule without a
    /// level states none.
    pub(super) fn risk(&self) -> Option<u32> {
        self.level.map(|level| score(level, self.status))
    }
}

/// The text of a key; of a list, its items with commas between them.
pub(super) fn text(document: &Node, key: &str) -> Result<Option<String>, YamlProblem> {
    let Some(node) = document.get(key) else { return Ok(None) };
    match &node.kind {
        NodeKind::Scalar(scalar) if scalar.is_null() => Ok(None),
        NodeKind::Scalar(scalar) => Ok(Some(scalar.text.clone())),
        NodeKind::List(_) => texts(document, key).map(|texts| Some(texts.join(", "))),
        NodeKind::Map(_) => {
            Err(YamlProblem::at(node.place, format!("{key}: expected text, found a mapping")))
        }
    }
}

/// The texts of a key: of a list, or of a single value.
fn texts(document: &Node, key: &str) -> Result<Vec<String>, YamlProblem> {
    let Some(node) = document.get(key) else { return Ok(Vec::new()) };
    let items = match &node.kind {
        NodeKind::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let mut texts = Vec::new();
    for item in items {
        match item.scalar() {
            Some(scalar) if scalar.is_null() => {}
            Some(scalar) => texts.push(scalar.text.clone()),
            None => {
                return Err(YamlProblem::at(
                    item.place,
                    format!("{key}: expected text, found {}", item.description()),
                ));
            }
        }
    }
    Ok(texts)
}

/// The text of a key as one of the names that it can have, in any case of letters.
fn one_of(
    document: &Node,
    key: &str,
    names: impl Iterator<Item = &'static str> + Clone,
) -> Result<Option<&'static str>, YamlProblem> {
    let Some(found) = text(document, key)? else { return Ok(None) };
    let place = document.get(key).map_or(document.place, |node| node.place);
    let known = names.clone().find(|name| name.eq_ignore_ascii_case(found.trim()));
    known.map(Some).ok_or_else(|| {
        let all: Vec<&str> = names.clone().collect();
        let near = suggestion(&found, names);
        let found = found.escape_debug();
        YamlProblem::at(place, format!("{key}: expected one of {}, found '{found}'{near}", all.join(", ")))
    })
}

/// The technique that a tag such as `attack.t1567.002` names.
fn technique(tag: &str) -> Option<String> {
    let tag = tag.trim().to_ascii_lowercase();
    let number = tag.strip_prefix("attack.t")?;
    let is_number = number.starts_with(|digit: char| digit.is_ascii_digit());
    is_number.then(|| format!("T{number}"))
}

/// Notes of keys that are not known but almost are: what they say is lost. Any other key is the
/// author's own.
fn misspelt(document: &Node) -> Vec<String> {
    let known = || KEYS.iter().chain(&OTHER_KEYS).copied();
    let unknown = document.entries().iter().filter(|(key, _)| known().all(|known| known != key.name));
    let note = |name: &str, place| {
        let near = nearest(name, KEYS).filter(|near| document.get(near).is_none())?;
        Some(format!("{place}: the key '{}' is not known; did you mean '{near}'?", name.escape_debug()))
    };
    unknown.filter_map(|(key, _)| note(&key.name, key.place)).collect()
}

/// The level's score times the status's share, rounded.
fn score(level: &str, status: Option<&str>) -> u32 {
    let of = |table: &[(&str, u32)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    };
    let full = of(&LEVEL_SCORES, level).unwrap_or_default();
    let share = status.and_then(|status| of(&STATUS_SHARES, status)).unwrap_or(UNSTATED_SHARE);
    (full * share + 50) / 100
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn risk_of_level_and_status() {
        for (level, status, expected) in
            [("critical", None, 70), ("low", Some("stable"), 25), ("informational", Some("unsupported"), 3)]
        {
            assert_eq!(score(level, status), expected, "{level} {status:?}");
        }
    }

    #[test]
    fn tags_that_name_techniques() {
        for (tag, expected) in [
            ("attack.t1567.002", Some("T1567.002")),
            ("attack.T1071", Some("T1071")),
            ("attack.ta0002", None),
            ("attack.command-and-control", None),
            ("cve.2024-1", None),
        ] {
            assert_eq!(technique(tag).as_deref(), expected, "{tag}");
        }
    }
}
