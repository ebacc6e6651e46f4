//! How a rule file becomes detections: which of its documents are rules, in which language each is
//! written, and why one cannot be used. Each language's own parser reads the rules themselves.

use crate::detect::bounds;
use crate::detect::detection::{Detection, DetectionError};
use crate::detect::sigma::placeholder::Placeholders;
use crate::detect::sigma::{self, Refusal, SigmaDocument, SigmaFile, is_sigma};
use crate::detect::splunk::file::{RuleFile, check_keys, has_misspelt_search};
use crate::detect::splunk::library::{Library, NoLibrary};
use crate::detect::splunk::search::Search;
use crate::detect::yaml::file_place::place_in_file;
use crate::detect::yaml::{Node, Scalar, YamlProblem, documents, from_node};

/// The result of reading one rule of a rule file: the detection, or the error with which the rule
/// was refused.
#[derive(Debug)]
pub struct FileRule {
    /// The line of the rule file on which the rule begins, from 1.
    pub line: usize,
    /// The line of the rule file that has the rule's id, from 1; the rule's first line if the rule
    /// has no id.
    pub id_line: usize,
    /// The compiled rule, or the reason why the rule cannot be used.
    pub rule: Result<Detection, DetectionError>,
}

impl Detection {
    /// Parses a rule file that contains exactly one rule, in Splunk's or Sigma's form; it is an
    /// error if there is none or a second one. The rule can use Splunk's built-in macros, but no
    /// other macros and no lookups. Error messages call the file `source_name`. `placeholders` has
    /// a site's values for the placeholders of Sigma rules, such as `%servers%`.
    pub fn from_yaml(
        text: &str,
        source_name: &str,
        placeholders: &Placeholders,
    ) -> Result<Self, DetectionError> {
        let mut rules = Self::all_from_yaml(text, source_name, placeholders, &NoLibrary).into_iter();
        match (rules.next(), rules.next()) {
            (Some(only), None) => only.rule,
            (_, second) => {
                let line = second.map_or(1, |second| second.line);
                let problem = format!("line {line}: expected one rule, found a second one");
                Err(DetectionError::Yaml { source_name: source_name.to_owned(), problem })
            }
        }
    }

    /// Parses all rules of a rule file, in Splunk's or Sigma's form. Splunk rules can use the
    /// macros and lookups of `library`. `placeholders` has a site's values for the placeholders of
    /// Sigma rules, such as `%servers%`. Error messages call the file `source_name`. For a file
    /// without rules, the result is a single [`DetectionError::NoRule`].
    #[must_use]
    pub fn all_from_yaml(
        text: &str,
        source_name: &str,
        placeholders: &Placeholders,
        library: &dyn Library,
    ) -> Vec<FileRule> {
        let mut sigma = SigmaFile::default();
        let mut rules = Vec::new();
        for document in documents(text) {
            let (line, id_line, rule) = match document {
                Err(problem) => {
                    sigma.add_unreadable();
                    let (line, problem) = (problem.line(), problem.to_string());
                    (line, line, Err(DetectionError::Yaml { source_name: source_name.to_owned(), problem }))
                }
                Ok(document) if sigma.is_open() || is_sigma(&document) => {
                    let Some(document) = sigma.add(document) else { continue };
                    let (line, id_line) = (document.line(), document.id_line());
                    (line, id_line, Self::from_sigma(document, source_name, placeholders))
                }
                Ok(document) if is_no_rule(&document) => continue,
                Ok(document) => {
                    let line = document.place.line;
                    let id_line = document.get("id").map_or(line, |id| id.place.line);
                    (line, id_line, Self::from_splunk(text, &document, source_name, library))
                }
            };
            let rule = rule.and_then(|detection| detection.with_compiled_expressions(source_name));
            rules.push(FileRule { line, id_line, rule });
        }
        if rules.is_empty() {
            let error = DetectionError::NoRule { source_name: source_name.to_owned() };
            rules.push(FileRule { line: 1, id_line: 1, rule: Err(error) });
        }
        rules
    }

    /// Compiles the detection's regular expressions, joins many patterns for one field to a set
    /// that finds a value by one lookup, and returns the changed detection. Fails if the
    /// expressions take too much memory or cannot be compiled. Error messages call the rule file
    /// `source_name`.
    fn with_compiled_expressions(self, source_name: &str) -> Result<Self, DetectionError> {
        match bounds::compile_expressions(&self.search) {
            Ok(()) => Ok(Detection { search: self.search.with_sets(), ..self }),
            Err(problem) => Err(DetectionError::TooMuch { source_name: source_name.to_owned(), problem }),
        }
    }

    /// Converts a Sigma rule, which is one YAML document of a rule file, to a detection. Error
    /// messages call the file `source_name`. `placeholders` has a site's values for the
    /// placeholders of Sigma rules, such as `%servers%`.
    fn from_sigma(
        document: SigmaDocument,
        source_name: &str,
        placeholders: &Placeholders,
    ) -> Result<Self, DetectionError> {
        let source_name = source_name.to_owned();
        sigma::detection(document, placeholders).map_err(|refusal| match refusal {
            Refusal::NotUnderstood(problem) => {
                DetectionError::Sigma { source_name, problem: problem.to_string() }
            }
            Refusal::OtherData(about) => DetectionError::OtherData { source_name, about: about.to_string() },
        })
    }

    /// Converts a Splunk rule, which is one YAML document of a rule file, to a detection. `text` is
    /// the whole file, in which an error's line and column are found; error messages call the file
    /// `source_name`. `library` has the macros and lookups that the rule can use.
    fn from_splunk(
        text: &str,
        document: &Node,
        source_name: &str,
        library: &dyn Library,
    ) -> Result<Self, DetectionError> {
        let source_name = source_name.to_owned();
        let read = || Ok((check_keys(document)?, from_node::<RuleFile>(document)?));
        let (notes, file) = match read() {
            Ok(read) => read,
            Err(problem) => {
                let problem: YamlProblem = problem;
                return Err(DetectionError::Yaml { source_name, problem: problem.to_string() });
            }
        };
        let Some(file) = file.with_id() else {
            let place = document.get("id").map_or(document.place, |id| id.place);
            let problem = YamlProblem::at(place, "id: expected an id, found none").to_string();
            return Err(DetectionError::Yaml { source_name, problem });
        };
        let search = match Search::parse_with(&file.search, library) {
            Ok(search) => search,
            Err(problem) => {
                let start = document.get("search").map_or(document.place, |value| value.place);
                let place = place_in_file(text, start, &file.search, problem.offset).unwrap_or(start);
                return Err(DetectionError::Search { source_name, problem: problem.in_file(place) });
            }
        };
        let false_positives = document.texts_of("known_false_positives");
        let references = document.texts_of("references");
        Ok(Detection { false_positives, references, ..file.into_detection(search, notes) })
    }
}

/// The keys that mark a YAML document as a Splunk rule, because Splunk's macros, analytic stories
/// and lists do not have them. One of them is enough: a document without the key `search`, but with
/// another of these keys, is reported as a faulty rule.
const SPLUNK_KEYS: [&str; 5] = ["search", "rba", "finding", "intermediate_findings", "known_false_positives"];

/// Returns true if a YAML document is not a Splunk rule, but a macro, an analytic story or a list,
/// for example. The caller skips it. False for a document that is a single value, which is then
/// reported as a faulty rule.
fn is_no_rule(document: &Node) -> bool {
    let has_value =
        |key: &str| document.get(key).is_some_and(|node| !node.scalar().is_some_and(Scalar::is_null));
    let is_rule = SPLUNK_KEYS.iter().any(|key| has_value(key)) || has_misspelt_search(document);
    document.scalar().is_none() && !is_rule
}
