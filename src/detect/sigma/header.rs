//! Reads the descriptive keys of a Sigma rule, such as `title`, `level` and `tags`, and computes
//! the rule's risk score.

use crate::detect::nearest::{nearest, suggestion};
use crate::detect::yaml::{Node, NodeKind, YamlProblem};

/// The risk score for each value of a Sigma rule's key `level`, from 0 to 100. Sigma has no scores;
/// these are dnsweep's own.
pub const LEVEL_SCORES: [(&str, u32); 5] =
    [("informational", 10), ("low", 25), ("medium", 50), ("high", 75), ("critical", 100)];
/// For each value of a Sigma rule's key `status`, the percentage of the score of the rule's `level`
/// that becomes the rule's risk score. A rule that its author has tested little should count for
/// less.
pub const STATUS_SHARES: [(&str, u32); 5] =
    [("stable", 100), ("test", 90), ("experimental", 70), ("deprecated", 50), ("unsupported", 30)];
/// The percentage of the score of its `level` that becomes the risk score of a Sigma rule without
/// the key `status`. It is that of an experimental rule.
const UNSTATED_SHARE: u32 = 70;

/// The keys of a Sigma rule that dnsweep uses. The user is warned of an unknown key that is similar
/// to one of them, because it is probably misspelt.
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
/// The keys of a Sigma rule that the specification defines but dnsweep does not use. They cause no
/// warning.
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

/// The values of the keys that describe a Sigma rule to people, such as `title` and `level`,
/// checked and converted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RuleHeader {
    /// The Sigma rule's title; `None` if it is absent or blank.
    pub title: Option<String>,
    /// The Sigma rule's status, which is one of the names in [`STATUS_SHARES`]; `None` if it is
    /// absent.
    pub status: Option<&'static str>,
    /// The Sigma rule's level of severity, which is one of the names in [`LEVEL_SCORES`]; `None` if
    /// it is absent.
    pub level: Option<&'static str>,
    /// The Sigma rule's description; `None` if it is absent.
    pub description: Option<String>,
    /// The Sigma rule's author; `None` if it is absent.
    pub author: Option<String>,
    /// The date on which the Sigma rule was last modified, or else the date on which it was
    /// written, as the rule's author wrote it. `None` if the rule has neither.
    pub date: Option<String>,
    /// The ids of the MITRE ATT&CK techniques in the Sigma rule's tags, such as `T1567.002`; empty
    /// if it has none.
    pub techniques: Vec<String>,
    /// Notes for the user about keys of the Sigma rule that are unknown and probably misspelt.
    pub notes: Vec<String>,
}

impl RuleHeader {
    /// Reads the keys that describe a Sigma rule. The error says which key has a value that is not
    /// allowed.
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

    /// The risk score of a match of the Sigma rule: the score of its level times the percentage of
    /// its status, rounded. `None` for a rule without a level.
    pub(super) fn risk(&self) -> Option<u32> {
        self.level.map(|level| score(level, self.status))
    }
}

/// The value of `key` in a Sigma rule, as text; `None` if the key is absent or its value is null.
/// The items of a list are joined with commas. A mapping is an error.
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

/// The value of `key` in a Sigma rule, as a list of texts: the items of a list, or a single value.
/// Empty if the key is absent. A list or mapping inside the list is an error.
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

/// The value of `key` in a Sigma rule, which must be one of `names`, in upper or lower case; `None`
/// if the key is absent. Returns it as spelled in `names`. The error lists the names.
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

/// The id of the MITRE ATT&CK technique that a tag of a Sigma rule names: `T1567.002` for
/// `attack.t1567.002`. `None` if the tag names no technique.
fn technique(tag: &str) -> Option<String> {
    let tag = tag.trim().to_ascii_lowercase();
    let number = tag.strip_prefix("attack.t")?;
    let is_number = number.starts_with(|digit: char| digit.is_ascii_digit());
    is_number.then(|| format!("T{number}"))
}

/// Returns notes for the user about keys of a Sigma rule that are unknown and probably misspelt.
/// The values of these keys are not used. Any other unknown key is the author's own and gets no
/// note.
fn misspelt(document: &Node) -> Vec<String> {
    let known = || KEYS.iter().chain(&OTHER_KEYS).copied();
    let unknown = document.entries().iter().filter(|(key, _)| known().all(|known| known != key.name));
    let note = |name: &str, place| {
        let near = nearest(name, KEYS).filter(|near| document.get(near).is_none())?;
        Some(format!("{place}: the key '{}' is not known; did you mean '{near}'?", name.escape_debug()))
    };
    unknown.filter_map(|(key, _)| note(&key.name, key.place)).collect()
}

/// The risk score of a Sigma rule: the score of `level` times the percentage for `status`, rounded.
/// A rule without a status (`None`) gets the percentage [`UNSTATED_SHARE`].
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
