//! A site's own exclusions: which of the events that a detection describes are known there, and
//! why.
//!
//! What Splunk's `…_filter` macro is to a search, a file of exclusions is to a sweep: it takes
//! matches away and adds none. It knows nothing of the other files of a sweep, nor of what the date
//! is: whether two names are alike, whether a detection of that id is looked for, and whether an
//! exclusion has expired is decided by whoever loads it.

use serde::Deserialize;

use crate::detect::predicate::Predicate;
use crate::detect::splunk::head;
use crate::detect::splunk::token::SearchError;
use crate::detect::yaml::{Node, NodeKind, YamlProblem, from_node, only_document};
use crate::event::{Event, EventTime, TimeError, parse_end_of_day};

/// An exclusion: which events are no matches, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The exclusion's name: its own, or the file's name with the number of the entry.
    pub name: String,
    /// The condition as written.
    pub search: String,
    /// Why these events are no matches.
    pub reason: String,
    /// Until when the exclusion is applied; `None` for ever.
    pub expires: Option<Expiry>,
    /// The ids of the detections that it is limited to; `None` for all.
    pub detections: Option<Vec<String>>,
    predicate: Predicate,
}

/// How long an exclusion is to be applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// The last day, as written: `2026-12-31`.
    pub date: String,
    /// The last instant of that day, UTC.
    pub end: EventTime,
}

/// A file of exclusions that was not understood.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionError {
    /// Not YAML, or not a list of exclusions.
    #[error(
        "{source_name}: expected a list of exclusions in YAML, each with search and reason and, where wanted, name, expires and \
         detections: {problem}"
    )]
    Yaml {
        /// The file's name.
        source_name: String,
        /// What was found instead, with line and column.
        problem: String,
    },
    /// An entry that is wrong.
    #[error("{source_name}: entry {entry}: {problem}")]
    Entry {
        /// The file's name.
        source_name: String,
        /// Which entry of the file, from 1.
        entry: usize,
        /// What is wrong with it.
        problem: ExclusionProblem,
    },
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExclusionProblem {
    /// It is no mapping with the keys of an exclusion.
    #[error("{0}")]
    Form(String),
    /// The search was not understood.
    #[error("search: {0}")]
    Search(SearchError),
    /// A key that must have text has none.
    #[error("{0}: expected a text, found an empty one")]
    Empty(&'static str),
    /// The expiry date is not a date.
    #[error("expires: {0}")]
    Expires(TimeError),
    /// A list of detections that names none.
    #[error(
        "detections: expected the id of at least one detection, found an empty list (leave it out for all)"
    )]
    NoDetections,
}

impl Exclusion {
    /// Reads a file of exclusions. `source_name` is what errors call it, `file_name` what
    /// exclusions without a name are called.
    pub fn list_from_yaml(
        text: &str,
        source_name: &str,
        file_name: &str,
    ) -> Result<Vec<Self>, ExclusionError> {
        let wrong = |problem: YamlProblem| ExclusionError::Yaml {
            source_name: source_name.to_owned(),
            problem: problem.to_string(),
        };
        let document = only_document(text).map_err(wrong)?;
        let NodeKind::List(entries) = &document.kind else {
            return Err(wrong(YamlProblem::at(document.place, format!("found {}", document.description()))));
        };
        let exclusion = |(entry, node): (usize, &Node)| {
            let written: Result<Entry, _> = from_node(node);
            let read = written.map_err(|problem| ExclusionProblem::Form(problem.to_string()));
            read.and_then(|written| written.into_exclusion(format!("{file_name}:{entry}"))).map_err(
                |problem| ExclusionError::Entry { source_name: source_name.to_owned(), entry, problem },
            )
        };
        (1..).zip(entries).map(exclusion).collect()
    }

    /// Whether the exclusion takes away the match of this event and the detection with this id.
    #[must_use]
    pub fn holds(&self, event: &Event, detection_id: &str) -> bool {
        let concerns = |ids: &Vec<String>| ids.iter().any(|id| id == detection_id);
        self.detections.as_ref().is_none_or(concerns) && self.predicate.evaluate(event)
    }
}

/// An entry as written. An unknown key is refused: it could be a misspelt limit, and the exclusion
/// would then take away too much.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    name: Option<String>,
    search: String,
    reason: String,
    expires: Option<String>,
    detections: Option<Vec<String>>,
}

impl Entry {
    fn into_exclusion(self, default_name: String) -> Result<Exclusion, ExclusionProblem> {
        let Entry { name, search, reason, expires, detections } = self;
        let predicate = head::parse_alone(&search).map_err(ExclusionProblem::Search)?;
        let is_empty = |text: &str| text.trim().is_empty();
        if is_empty(&reason) {
            return Err(ExclusionProblem::Empty("reason"));
        }
        if name.as_deref().is_some_and(is_empty) {
            return Err(ExclusionProblem::Empty("name"));
        }
        if detections.as_ref().is_some_and(Vec::is_empty) {
            return Err(ExclusionProblem::NoDetections);
        }
        let expiry = |date: String| parse_end_of_day(&date).map(|end| Expiry { date, end });
        let expires = expires.map(expiry).transpose().map_err(ExclusionProblem::Expires)?;
        Ok(Exclusion { name: name.unwrap_or(default_name), search, reason, expires, detections, predicate })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::testing::event;

    fn list(text: &str) -> Result<Vec<Exclusion>, ExclusionError> {
        Exclusion::list_from_yaml(text, "dir/site.yml", "site.yml")
    }

    fn error(text: &str) -> String {
        list(text).expect_err(text).to_string()
    }

    #[test]
    fn an_entry_says_what_it_holds_for() {
        let text = "
- search: QueryName=*.corp.example process_name=backup.exe
  reason: The backup asks for its server.
- name: lab
  search: Computer=LAB-* OR Computer=TEST-*
  reason: Machines without users.
  expires: 2026-12-31
  detections: [one, two]
";
        let exclusions = list(text).unwrap();
        let [backup, lab] = &exclusions[..] else { panic!("{exclusions:?}") };
        assert_eq!((backup.name.as_str(), &backup.expires, &backup.detections), ("site.yml:1", &None, &None));
        assert_eq!(backup.search, "QueryName=*.corp.example process_name=backup.exe");
        assert_eq!(backup.reason, "The backup asks for its server.");
        assert!(backup.holds(&event(r"C:\backup.exe", "a.CORP.example"), "any"));
        assert!(!backup.holds(&event(r"C:\backup.exe", "a.example"), "any"));
        assert!(!backup.holds(&event(r"C:\other.exe", "a.corp.example"), "any"));
        let mut event = event("", "");
        event.system.computer = "lab-3".to_owned();
        assert!(lab.holds(&event, "two") && !lab.holds(&event, "three"));
        assert_eq!(lab.expires.as_ref().unwrap().date, "2026-12-31");
    }

    #[test]
    fn an_error_says_which_entry_and_what_was_found() {
        let good = "- search: QueryName=a\n  reason: b\n";
        for (text, parts) in [
            ("- search: QueryName=a\n  reason: b\n  serach: c", &["entry 2", "serach", "line 5"][..]),
            ("- search: QueryName=a", &["entry 2", "reason"]),
            ("- reason: b", &["entry 2", "search"]),
            ("- search: QueryName=a\n  reason: ' '", &["entry 2: reason", "found an empty"]),
            ("- search: QueryName=a\n  reason: b\n  name: ''", &["entry 2: name", "found an empty"]),
            (
                "- search: Nonsense=a\n  reason: b",
                &["entry 2: search", "line 1, column 1", "found 'Nonsense'"],
            ),
            (
                "- search: QueryName=a | stats count\n  reason: b",
                &["entry 2: search", "the end of the search", "'|'"],
            ),
            ("- search: QueryName=a)\n  reason: b", &["entry 2: search", "found ')'"]),
            ("- search: ''\n  reason: b", &["entry 2: search", "found the end of the search"]),
            (
                "- search: QueryName=a\n  reason: b\n  expires: soon",
                &["entry 2: expires", "2026-12-31", "'soon'"],
            ),
            (
                "- search: QueryName=a\n  reason: b\n  detections: []",
                &["entry 2: detections", "an empty list"],
            ),
            ("- search: [QueryName=a]\n  reason: b", &["entry 2"]),
            (
                "- search: QueryName=a\n  search: QueryName=b\n  reason: b",
                &["line 4, column 3", "'search' again"],
            ),
            ("- just text", &["entry 2"]),
        ] {
            let message = error(&format!("{good}{text}"));
            for part in ["dir/site.yml", "expected"].iter().chain(parts) {
                assert!(message.contains(part), "expected '{part}' in: {message}");
            }
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["search: QueryName=a\nreason: b", "text", "{", "\u{1}"] {
            assert!(
                error(text).starts_with("dir/site.yml: expected a list of exclusions"),
                "{}",
                error(text)
            );
        }
        assert_eq!(list("[]").unwrap(), []);
    }
}
