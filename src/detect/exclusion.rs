//! A site's exclusions: events that a detection describes, but that are known at the site, with the
//! reason.
//!
//! A file of exclusions is to a sweep what Splunk's `…_filter` macro is to a search: it takes
//! matches away and adds none. This module reads one file. The caller checks names across files,
//! the ids of detections, and whether an exclusion has expired.

use serde::Deserialize;

use crate::detect::predicate::Predicate;
use crate::detect::splunk::head;
use crate::detect::splunk::token::SearchError;
use crate::detect::yaml::{Node, NodeKind, YamlProblem, from_node, only_document};
use crate::event::{Event, EventTime, TimeError, parse_end_of_day};

/// A condition on events that are not counted as matches, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The exclusion's name; if the file states none, the file's name with the number of the entry.
    pub name: String,
    /// The condition on the excluded events, as written in SPL.
    pub search: String,
    /// The reason why the excluded events are not matches, as written.
    pub reason: String,
    /// The last day of the exclusion; `None` if it never expires.
    pub expires: Option<Expiry>,
    /// The ids of the detections from which the exclusion takes matches; `None` for all detections.
    pub detections: Option<Vec<String>>,
    predicate: Predicate,
}

/// The last day on which an exclusion is applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// The last day as written, such as `2026-12-31`.
    pub date: String,
    /// The last instant of the last day, in UTC.
    pub end: EventTime,
}

/// The reason why a file of exclusions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionError {
    /// The file is not YAML, or not a list of exclusions.
    #[error(
        "{source_name}: expected a list of exclusions in YAML, each with search and reason, and optionally name, expires \
         and detections: {problem}"
    )]
    Yaml {
        /// The name of the file of exclusions.
        source_name: String,
        /// What was found instead, with its line and column.
        problem: String,
    },
    /// An entry of the list is wrong.
    #[error("{source_name}: entry {entry}: {problem}")]
    Entry {
        /// The name of the file of exclusions.
        source_name: String,
        /// The number of the wrong entry in the file, from 1.
        entry: usize,
        /// What is wrong with the entry.
        problem: ExclusionProblem,
    },
}

/// The reason why an entry of a file of exclusions cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExclusionProblem {
    /// The entry is not a mapping with the keys of an exclusion.
    #[error("{0}")]
    Form(String),
    /// The condition in the key `search` was not understood.
    #[error("search: {0}")]
    Search(SearchError),
    /// The key with this name has an empty text.
    #[error("{0}: expected a text, found an empty one")]
    Empty(&'static str),
    /// The value of the key `expires` is not a date.
    #[error("expires: {0}")]
    Expires(TimeError),
    /// The key `detections` is an empty list.
    #[error(
        "detections: expected the id of at least one detection, found an empty list (leave it out for all)"
    )]
    NoDetections,
}

impl Exclusion {
    /// Parses a file of exclusions. Errors call the file `source_name`; exclusions without a name
    /// are named after `file_name`.
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

    /// Returns true if the exclusion takes away the match of this event and the detection with this
    /// id.
    #[must_use]
    pub fn holds(&self, event: &Event, detection_id: &str) -> bool {
        let concerns = |ids: &Vec<String>| ids.iter().any(|id| id == detection_id);
        self.detections.as_ref().is_none_or(concerns) && self.predicate.evaluate(event)
    }
}

/// An entry of a file, as written. An unknown key is refused: it could be a misspelt limit, and the
/// exclusion would then take away too much.
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
    /// Checks the entry and parses its condition. `default_name` replaces a missing name.
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
    fn an_entry_limits_the_events_and_detections_it_applies_to() {
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
    fn a_file_that_is_not_a_list_is_refused() {
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
