//! Loads detections, which are compiled rules of Splunk or Sigma, from the rule files and
//! directories that a user names.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::content::{ContentCache, ContentFile, SiteContent};
use super::content_folder::CarriedFolder;
use super::error::RulesError;
use super::indicators::IndicatorLists;
use super::not_run::{NotRun, NotRunReason, first_of};
use super::text::{FileText, decoded_file, read_found, read_named_file};
use crate::base::digest::sha256;
use crate::base::plain_name::{MOST_PLAIN_NAME, is_plain_name};
use crate::detect::{
    Detection, EventSource, FileRule, MOST_COMPARISONS, MOST_EXPRESSION_BYTES, Placeholders, canonical_id,
    memory_limit_error,
};

/// The greatest depth, below the directory that the user named, to which directories are searched
/// for rule files. A deeper directory is an error. The limit ends the search in a directory that
/// contains itself through a link.
const DEEPEST_DIRECTORY: usize = 32;
/// The maximum number of paths that the error message lists if no rule can be run. They are the
/// paths of rule files and of directories of rule files that the user named.
const MOST_NAMED: usize = 10;
/// The file extensions of rule files. Files with other extensions in a directory of rules
/// are ignored.
const EXTENSIONS: [&str; 3] = ["yml", "yaml", "sigma"];

/// A detection that was loaded, and the rule file from which it was loaded.
#[derive(Debug, Clone)]
pub struct LoadedDetection {
    /// The compiled rule.
    pub detection: Detection,
    /// The path of the rule file as typed, or `built in`.
    pub source: String,
    /// The line of the rule file on which the rule begins, counted from 1.
    pub line: usize,
    /// The line of the rule file that has the rule's id, counted from 1; the line on which the rule
    /// begins if it has no id.
    pub id_line: usize,
    /// The SHA-256 of the rule file, in hexadecimal digits.
    pub sha256: String,
    /// The files of the Splunk macros and lookups that the rule uses. The rule's results depend on
    /// these files.
    pub content: Vec<ContentFile>,
}

impl LoadedDetection {
    /// Returns the rule's id, the SHA-256 of each file that its results depend on and, for a list
    /// of indicators, the risk score, as one text. Two sweeps whose rules have equal texts look for
    /// the same events, so one can continue the other (`--resume`).
    pub(super) fn identity(&self) -> String {
        let content = self.content.iter().map(|file| format!(" {} {}", file.file, file.sha256));
        // The risk score of a rule is in its file. That of a list is typed.
        let typed = self.detection.risk_score.filter(|_| self.detection.indicators.is_some());
        let typed = typed.map(|score| format!(" --ioc-risk {score}")).unwrap_or_default();
        format!("{} {}{}{typed}", self.detection.id, self.sha256, content.collect::<String>())
    }
}

/// The detections that were loaded for a command, and the rule files that yielded none.
#[derive(Debug, Default)]
pub struct Catalog {
    /// The detections that were loaded, which a sweep can run, in the order of their rule files.
    pub detections: Vec<LoadedDetection>,
    /// The rules and files in directories of rules that are not run, with the reasons.
    pub not_run: NotRun,
    /// The SHA-256 of the YAML file with values for the placeholders of Sigma rules; empty if the
    /// user named no such file.
    pub placeholders_sha256: String,
    /// The estimated memory, in bytes, of the regular expressions of all detections together. It is
    /// limited, so that many rules cannot fill the memory.
    expression_bytes: usize,
    /// The number of comparisons of a field with a value, in the conditions of all detections
    /// together. It is limited, because each comparison takes memory.
    comparisons: usize,
    /// The number of entries of all lists of indicators together. It is limited, because each takes
    /// memory.
    pub(super) indicators: u64,
    /// The index of each detection in the field `detections` of this catalog, by its id (a UUID in
    /// lower case, any other id as written). It finds rules that have the same id.
    places: HashMap<String, usize>,
    content: ContentCache,
}

/// How a rule file was found, which decides whether it is an error that the file cannot be run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum FileOrigin {
    /// The user named the rule file itself. If it cannot be run, that is an error.
    Named,
    /// The rule file is in a directory that the user named. If it cannot be run, it is only listed
    /// with the reason, because the directory may contain other files.
    InDirectory,
}

impl Catalog {
    /// Loads the detections that a sweep runs: the rule files and directories in `paths`, and the
    /// lists of indicators; if there are neither, the built-in detection. Returns an error if a
    /// file that `paths` or `lists` name cannot be run, or if nothing can be run. `placeholders` is
    /// the file with values for the placeholders of Sigma rules; `None` if the user named none.
    pub fn load(
        paths: &[PathBuf],
        lists: &IndicatorLists,
        placeholders: Option<&Path>,
    ) -> Result<Self, RulesError> {
        let (placeholders, placeholders_sha256) =
            placeholders.map_or_else(|| Ok((Placeholders::default(), String::new())), placeholders_in)?;
        let mut catalog = Catalog { placeholders_sha256, ..Catalog::default() };
        if paths.is_empty() && lists.files.is_empty() {
            let detection = Detection::seed().map_err(|error| detection_error(error.to_string()))?;
            let sha256 = sha256(Detection::seed_text().as_bytes());
            catalog.push(LoadedDetection {
                detection,
                source: "built in".to_owned(),
                line: 1,
                id_line: 1,
                sha256,
                content: Vec::new(),
            });
        }
        for path in paths {
            catalog.add_path(path, FileOrigin::Named, &placeholders)?;
        }
        catalog.add_lists(lists)?;
        if catalog.detections.is_empty() {
            return Err(detection_error(catalog.nothing_to_look_for(paths)));
        }
        Ok(catalog)
    }

    /// Makes the error message for the case that no rule in `paths` can be run. The message has the
    /// reason why the first of these rules cannot be run.
    fn nothing_to_look_for(&self, paths: &[PathBuf]) -> String {
        let names: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let found = match self.not_run.counted() {
            nothing if nothing.is_empty() => "no .yml, .yaml or .sigma".to_owned(),
            counted => counted,
        };
        let first = match (self.not_run.refused.first(), self.not_run.other_data.first()) {
            (Some(first), _) | (None, Some(first)) => format!("; {}", first.reason),
            (None, None) => String::new(),
        };
        format!(
            "{}: expected a rule file that can be run, found {found}{first}",
            first_of(&names, MOST_NAMED, ", ")
        )
    }

    /// Adds a detection. The catalog must not have a detection with the same id yet.
    pub(super) fn push(&mut self, loaded: LoadedDetection) {
        self.places.insert(canonical_id(&loaded.detection.id), self.detections.len());
        self.detections.push(loaded);
    }

    /// Loads the rule files and directories in `paths` and the lists of indicators only to check
    /// them. A file that cannot be run is not an error, even if the user named it; it is listed in
    /// [`Catalog::not_run`]. `placeholders` is the file with values for the placeholders of Sigma
    /// rules; `None` if the user named none.
    pub fn check(
        paths: &[PathBuf],
        lists: &IndicatorLists,
        placeholders: Option<&Path>,
    ) -> Result<Self, RulesError> {
        let (placeholders, placeholders_sha256) =
            placeholders.map_or_else(|| Ok((Placeholders::default(), String::new())), placeholders_in)?;
        let mut catalog = Catalog { placeholders_sha256, ..Catalog::default() };
        for path in paths {
            catalog.add_path(path, FileOrigin::InDirectory, &placeholders)?;
        }
        for path in &lists.files {
            if let Err(error) = catalog.add_list(path, lists.risk_score) {
                let why = NotRunReason::Refused(error.to_string());
                catalog.not_run.add(path.display().to_string(), why);
            }
        }
        Ok(catalog)
    }

    /// Adds a rule file, or all rule files of a directory. `found` says whether a file that cannot
    /// be run is an error or is only listed.
    fn add_path(
        &mut self,
        path: &Path,
        found: FileOrigin,
        placeholders: &Placeholders,
    ) -> Result<(), RulesError> {
        let source = path.display().to_string();
        let metadata = fs::metadata(path).map_err(|error| detection_error(format!("{source}: {error}")))?;
        if !metadata.is_dir() {
            return match (self.add_file(path, found, placeholders), found) {
                (Err(why), FileOrigin::Named) => Err(detection_error(why.reason())),
                (Err(why), FileOrigin::InDirectory) => {
                    self.not_run.add(source, why);
                    Ok(())
                }
                (Ok(()), _) => Ok(()),
            };
        }
        for file in rule_files(path, 0)
            .map_err(|(path, error)| detection_error(format!("{}: {error}", path.display())))?
        {
            if let Err(why) = self.add_file(&file, FileOrigin::InDirectory, placeholders) {
                self.not_run.add(file.display().to_string(), why);
            }
        }
        Ok(())
    }

    /// Adds the rules of one rule file. If a rule cannot be run, this is an error for a file that
    /// the user named. For a file in a directory, the rule is listed in [`Catalog::not_run`].
    fn add_file(
        &mut self,
        path: &Path,
        found: FileOrigin,
        placeholders: &Placeholders,
    ) -> Result<(), NotRunReason> {
        let source = path.display().to_string();
        let read = match found {
            FileOrigin::Named => read_named_file(path),
            FileOrigin::InDirectory => read_found(path),
        };
        let FileText { text, sha256 } =
            read.map_err(|error| NotRunReason::Refused(format!("{source}: {error}")))?;
        let content = SiteContent::above(path, &self.content);
        let rules = Detection::all_from_yaml(&text, &source, placeholders, &content);
        let content = content.into_files();
        for rule in rules {
            match (self.add_rule(path, &sha256, &content, found, rule), found) {
                (Ok(()), _) => {}
                (Err(why), FileOrigin::Named) => return Err(why),
                (Err(why), FileOrigin::InDirectory) => self.not_run.add(source.clone(), why),
            }
        }
        Ok(())
    }

    /// Returns the detection with this id (a UUID in any case, any other id as written); `None` if
    /// none has been added.
    pub(super) fn with_id(&self, id: &str) -> Option<&LoadedDetection> {
        self.places.get(&canonical_id(id)).and_then(|place| self.detections.get(*place))
    }

    /// Adds one rule of a rule file to the detections. The error says why the rule cannot be run;
    /// for example, because another rule has the same id.
    fn add_rule(
        &mut self,
        path: &Path,
        sha256: &str,
        content: &[ContentFile],
        found: FileOrigin,
        FileRule { line, id_line, rule }: FileRule,
    ) -> Result<(), NotRunReason> {
        let source = path.display().to_string();
        let detection = rule?;
        check_id(&detection.id, &format!("{source}: line {id_line}")).map_err(NotRunReason::Refused)?;
        if let Some(other) = self.with_id(&detection.id) {
            // A file that was named by itself and again through its directory is loaded once.
            let is_same = line == other.line && is_same_file(path, Path::new(&other.source));
            if found == FileOrigin::InDirectory && is_same {
                return Ok(());
            }
            return Err(NotRunReason::Refused(format!(
                "{source}: line {id_line}: id {} is that of {} (line {}) too",
                detection.id, other.source, other.id_line
            )));
        }
        let size = self.expression_bytes.saturating_add(detection.expression_bytes());
        if size > MOST_EXPRESSION_BYTES {
            let problem =
                memory_limit_error("the regular expressions of this rule and those before it", size);
            return Err(NotRunReason::Refused(format!("{source}: line {line}: {problem}")));
        }
        let comparisons = self.comparisons.saturating_add(detection.comparisons());
        if comparisons > MOST_COMPARISONS {
            return Err(NotRunReason::Refused(format!(
                "{source}: line {line}: expected this rule and those before it to have at most {MOST_COMPARISONS} comparisons \
                 together, found {comparisons}"
            )));
        }
        (self.expression_bytes, self.comparisons) = (size, comparisons);
        let (sha256, content) = (sha256.to_owned(), content.to_vec());
        self.push(LoadedDetection { detection, source, line, id_line, sha256, content });
        Ok(())
    }

    /// Compiles rules of a rule file that a plan contains. (By a plan, several machines share one
    /// sweep.) `source` is the path that the file had. `places` has, for each rule to compile, its
    /// id, the line on which it begins, and the line of its id. The rules use the macros and
    /// lookups in `folder`; there are none if `folder` is `None`. It is an error if the file has no
    /// rule with one of the ids.
    pub(super) fn carried<'i>(
        (source, bytes): (&str, &[u8]),
        (folder, cache): (Option<&CarriedFolder>, &ContentCache),
        placeholders: &Placeholders,
        places: impl Iterator<Item = (&'i str, [usize; 2])>,
    ) -> Result<Vec<LoadedDetection>, RulesError> {
        let wrong = |problem: &dyn std::fmt::Display| detection_error(format!("{source}: {problem}"));
        let FileText { text, sha256 } = decoded_file(bytes.into()).map_err(|error| wrong(&error))?;
        let content = SiteContent::carried(folder, cache);
        let mut rules: Vec<Detection> = Detection::all_from_yaml(&text, source, placeholders, &content)
            .into_iter()
            .filter_map(|rule| rule.rule.ok())
            .collect();
        let content = content.into_files();
        let detection = |(id, [line, id_line]): (&str, [usize; 2])| {
            let place = rules.iter().position(|rule| rule.id == id);
            let place =
                place.ok_or_else(|| wrong(&format!("expected a rule with the id {id}, found none")))?;
            let (source, sha256, content) = (source.to_owned(), sha256.clone(), content.clone());
            Ok(LoadedDetection { detection: rules.remove(place), source, line, id_line, sha256, content })
        };
        places.map(detection).collect()
    }

    /// Removes the detections about the log of Windows' own DNS client, for a sweep that does not
    /// read that log, and lists them as refused. `paths` are the rule files and directories that
    /// the user named. Returns an error if one of `paths` is itself the file of a removed
    /// detection, or if no detection is left.
    pub(crate) fn without_dns_client(&mut self, paths: &[PathBuf]) -> Result<(), RulesError> {
        let (kept, aside): (Vec<_>, Vec<_>) =
            self.detections.drain(..).partition(|loaded| loaded.detection.source == EventSource::Sysmon);
        self.places.clear();
        for loaded in kept {
            self.push(loaded);
        }
        for LoadedDetection { source, line, .. } in aside {
            let reason = format!(
                "{source}: line {line}: expected a rule about Sysmon's DNS queries, found one about the log of Windows' DNS client: \
                 give --dns-client to look for its leads"
            );
            let is_named = paths.iter().any(|path| path.display().to_string() == source);
            if is_named || self.detections.is_empty() {
                return Err(detection_error(reason));
            }
            self.not_run.add(source, NotRunReason::Refused(reason));
        }
        Ok(())
    }
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    fs::canonicalize(one).ok().is_some_and(|one| fs::canonicalize(other).is_ok_and(|other| one == other))
}

fn detection_error(problem: String) -> RulesError {
    RulesError::Detection { source: problem.into() }
}

fn placeholders_in(path: &Path) -> Result<(Placeholders, String), RulesError> {
    let problem = |reason: String| RulesError::Placeholders { path: path.to_path_buf(), reason };
    let FileText { text, sha256 } = read_named_file(path).map_err(|error| problem(error.to_string()))?;
    Ok((Placeholders::from_yaml(&text).map_err(|error| problem(error.to_string()))?, sha256))
}

/// Finds the rule files in a directory and in its subdirectories, sorted by path. `depth` is the
/// directory's depth below the one that the user named; 0 for that one. The error has the path of
/// the directory that cannot be read, and the reason.
pub(crate) fn rule_files(directory: &Path, depth: usize) -> Result<Vec<PathBuf>, (PathBuf, io::Error)> {
    let at = |error: io::Error| (directory.to_path_buf(), error);
    if depth > DEEPEST_DIRECTORY {
        return Err(at(io::Error::other(format!(
            "expected at most {DEEPEST_DIRECTORY} directories inside each other"
        ))));
    }
    let entries: io::Result<Vec<_>> = fs::read_dir(directory).and_then(Iterator::collect);
    let mut paths: Vec<PathBuf> = entries.map_err(at)?.into_iter().map(|entry| entry.path()).collect();
    paths.sort();
    let mut files = Vec::new();
    for path in paths {
        let is_named = |own: &OsStr| EXTENSIONS.iter().any(|name| own.eq_ignore_ascii_case(name));
        if path.is_dir() {
            files.extend(rule_files(&path, depth + 1)?);
        } else if path.extension().is_some_and(is_named) {
            // An entry that cannot be read, such as a broken link, is kept: it must be refused, not
            // ignored.
            files.push(path);
        }
    }
    Ok(files)
}

/// Refuses the id of a rule if it cannot be part of a file's name, because a table with the rule's
/// statistics is named after the id. `source` is the rule's place (its file and line), with which
/// the error message begins.
fn check_id(id: &str, source: &str) -> Result<(), String> {
    if !is_plain_name(id) {
        return Err(format!(
            "{source}: id: expected up to {MOST_PLAIN_NAME} letters, digits, '-', '_' and '.', found '{}'",
            id.escape_debug()
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_names_the_content_that_a_rule_uses() {
        let folder = tempfile::tempdir().unwrap();
        let write = |file: &str, text: &str| {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "rules/a.yml",
            "name: a\nid: a\nsearch: EventCode=22 | lookup names.csv name as query OUTPUT bad | search bad=1\n",
        );
        let identity = |csv: &str| {
            write("lookups/names.csv", csv);
            let rules = [folder.path().join("rules/a.yml")];
            Catalog::load(&rules, &IndicatorLists::default(), None).unwrap().detections[0].identity()
        };
        let first = identity("name,bad\nx,1\n");
        assert!(first.contains(" lookups/names.csv "), "{first}");
        assert_eq!(identity("name,bad\nx,1\n"), first);
        assert_ne!(identity("name,bad\ny,1\n"), first);
    }

    #[test]
    fn ids_that_name_no_file_are_refused() {
        for id in ["../x", "", ".hidden", "a/b", "a b", "a\u{1b}"] {
            assert!(check_id(id, "x.yml").is_err(), "{id}");
        }
        assert!(check_id("3cf0dc36-484d-11ec-a6bc-acde48001122", "x.yml").is_ok());
    }
}
