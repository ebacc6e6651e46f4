//! A site's exclusions: conditions on events that detections describe but that are known to be
//! harmless at the site, each with the reason.
//!
//! A file of exclusions is to a sweep what Splunk's `…_filter` macro is to a search: it removes
//! matches and adds none. This module reads one file. Its caller checks what needs more than one
//! file: that no two exclusions have the same name, that the ids of detections exist, and whether
//! an exclusion has expired.

use serde::Deserialize;

use crate::detect::predicate::Predicate;
use crate::detect::splunk::head;
use crate::detect::splunk::search_error::SearchError;
use crate::detect::yaml::{Node, NodeKind, YamlProblem, from_node, only_document};
use crate::event::{Event, EventTime, TimeError, parse_end_of_day};

/// A site's condition on events that do not count as matches although a detection describes them,
/// with the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// The exclusion's name; if the file states none, the file's name with the exclusion's number
    /// in the file, such as `site.yml:2`.
    pub name: String,
    /// The condition on the excluded events, as written in SPL, Splunk's search language.
    pub search: String,
    /// The reason why the excluded events do not count as matches, as the site wrote it.
    pub reason: String,
    /// The last day on which the exclusion is applied; `None` if it never expires.
    pub expires: Option<Expiry>,
    /// The ids of the detections from whose matches the exclusion removes events; `None` if it
    /// concerns all detections.
    pub detections: Option<Vec<String>>,
    predicate: Predicate,
}

/// The last day on which an exclusion is applied, as the site wrote it and as a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// The last day on which the exclusion is applied, as written in its file, such as
    /// `2026-12-31`.
    pub date: String,
    /// The last instant of the exclusion's last day, in UTC. After it, the exclusion has expired.
    pub end: EventTime,
}

/// The reason why a file of exclusions cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ExclusionError {
    /// The file is not YAML, or does not contain a list of exclusions.
    #[error(
        "{source_name}: expected a list of exclusions in YAML, each with search and reason, and optionally name, expires \
         and detections: {problem}"
    )]
    Yaml {
        /// The name of the file of exclusions, for the error message.
        source_name: String,
        /// What was found instead of a list of exclusions, with its line and column.
        problem: String,
    },
    /// One exclusion of the file's list cannot be used.
    #[error("{source_name}: entry {entry}: {problem}")]
    Entry {
        /// The name of the file of exclusions, for the error message.
        source_name: String,
        /// The number of the faulty exclusion in the file, from 1.
        entry: usize,
        /// The reason why the exclusion cannot be used.
        problem: ExclusionProblem,
    },
}

/// The reason why one exclusion in a file of exclusions cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExclusionProblem {
    /// The exclusion is not a mapping with the keys of an exclusion. Contains a text that says what
    /// was expected and what was found.
    #[error("{0}")]
    Form(String),
    /// The SPL condition in the exclusion's key `search` was not understood.
    #[error("search: {0}")]
    Search(SearchError),
    /// The exclusion's `reason` or `name` is an empty text or only white space. Contains the key:
    /// `reason` or `name`.
    #[error("{0}: expected a text, found an empty one")]
    Empty(&'static str),
    /// The value of the exclusion's key `expires` is not a date.
    #[error("expires: {0}")]
    Expires(TimeError),
    /// The exclusion's key `detections` is an empty list, which would exclude nothing.
    #[error(
        "detections: expected the id of at least one detection, found an empty list (leave it out for all)"
    )]
    NoDetections,
}

impl Exclusion {
    /// Parses the YAML text of a file of exclusions. Error messages call the file `source_name`. An
    /// exclusion without a name is named after `file_name` and its number in the file.
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

    /// Returns true if the exclusion removes this event from the matches of the detection
    /// `detection_id`: it concerns the detection, and its condition is true for the event. Whether
    /// the exclusion has expired is not considered.
    #[must_use]
    pub fn holds(&self, event: &Event, detection_id: &str) -> bool {
        let concerns = |ids: &Vec<String>| ids.iter().any(|id| id == detection_id);
        self.detections.as_ref().is_none_or(concerns) && self.predicate.evaluate(event)
    }
}

/// One exclusion as written in the YAML file. An unknown key is refused, because it could be a
/// misspelt `detections` or `expires`, without which the exclusion would remove too many matches.
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
    /// Checks an exclusion as written in the file, and parses its condition. `default_name` is
    /// used if the exclusion states no name.
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
