//! Reads the descriptive keys of a Sigma rule, such as `title`, `level` and `tags`, and computes
//! the rule's risk score.

use crate::detect::nearest::{nearest, suggestion};
use crate::detect::yaml::{Node, NodeKind, YamlProblem};

/// The risk score of each `level`, from 0 to 100.
pub const LEVEL_SCORES: [(&str, u32); 5] =
    [("informational", 10), ("low", 25), ("medium", 50), ("high", 75), ("critical", 100)];
/// The percentage of the level's risk score that a rule with each `status` gets.
pub const STATUS_SHARES: [(&str, u32); 5] =
    [("stable", 100), ("test", 90), ("experimental", 70), ("deprecated", 50), ("unsupported", 30)];
/// The percentage for a rule without a `status`.
const UNSTATED_SHARE: u32 = 70;

/// The keys of a rule that dnsweep uses.
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
/// The keys of a rule that are in the specification but that dnsweep does not use.
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

/// The descriptive keys of a Sigma rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RuleHeader {
    /// The rule's title; `None` if it is absent or blank.
    pub title: Option<String>,
    /// The rule's status: a name of [`STATUS_SHARES`].
    pub status: Option<&'static str>,
    /// The rule's level: a name of [`LEVEL_SCORES`].
    pub level: Option<&'static str>,
    /// The rule's description.
    pub description: Option<String>,
    /// The rule's author.
    pub author: Option<String>,
    /// The date on which the rule was last modified, else the date on which it was written; as
    /// text.
    pub date: Option<String>,
    /// The ids of the MITRE ATT&CK techniques in the rule's tags, such as `T1567.002`.
    pub techniques: Vec<String>,
    /// Notes for the user about keys that are probably misspelt.
    pub notes: Vec<String>,
}

impl RuleHeader {
    /// Reads the descriptive keys of a rule.
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

    /// The risk score of a match: the level's score times the status's percentage, rounded. `None`
    /// for a rule without a level.
    pub(super) fn risk(&self) -> Option<u32> {
        self.level.map(|level| score(level, self.status))
    }
}

/// The text of `key`; `None` if the key is absent or its value is null. The items of a list are
/// joined with commas.
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

/// The texts of `key`: the items of a list, or a single value. Empty if the key is absent.
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

/// The text of `key`, which must be one of `names`, in any case; `None` if the key is absent.
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

/// The id of the technique that a tag such as `attack.t1567.002` names; `None` if the tag names no
/// technique.
fn technique(tag: &str) -> Option<String> {
    let tag = tag.trim().to_ascii_lowercase();
    let number = tag.strip_prefix("attack.t")?;
    let is_number = number.starts_with(|digit: char| digit.is_ascii_digit());
    is_number.then(|| format!("T{number}"))
}

/// Notes for the user about unknown keys that are probably misspelt, because their values are not
/// used. Other unknown keys are the author's own.
fn misspelt(document: &Node) -> Vec<String> {
    let known = || KEYS.iter().chain(&OTHER_KEYS).copied();
    let unknown = document.entries().iter().filter(|(key, _)| known().all(|known| known != key.name));
    let note = |name: &str, place| {
        let near = nearest(name, KEYS).filter(|near| document.get(near).is_none())?;
        Some(format!("{place}: the key '{}' is not known; did you mean '{near}'?", name.escape_debug()))
    };
    unknown.filter_map(|(key, _)| note(&key.name, key.place)).collect()
}

/// The score of `level` times the percentage of `status`, rounded.
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
