//! Loads a site's exclusions, which describe harmless events, from files. Checks that their names
//! differ, that the detections they name are loaded, and whether they have expired.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::detections::LoadedDetection;
use super::error::RulesError;
use super::not_run::first_of;
use super::text::{FileText, read_named_file};
use crate::base::path_text::escaped_name;
use crate::detect::{Exclusion, Expiry};
use crate::event::EventTime;

/// The maximum number of ids of detections that an error message lists if an exclusion names a
/// detection that is not loaded.
const MOST_IDS: usize = 10;

/// An exclusion (a site's description of harmless events) that was loaded, and the file that it
/// came from.
#[derive(Debug, Clone)]
pub struct LoadedExclusion {
    /// The compiled exclusion.
    pub exclusion: Exclusion,
    /// The path of the exclusion's file, as typed.
    pub source: String,
    /// The SHA-256 of the exclusion's file, in hexadecimal digits.
    pub sha256: String,
    /// Whether the exclusion is applied, or has expired.
    pub status: ExclusionStatus,
}

/// Whether an exclusion (a site's description of harmless events) is applied in a sweep, or has
/// expired.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExclusionStatus {
    /// The exclusion is applied: events that it describes are not matches.
    Applied,
    /// The exclusion is not applied, because the last day for which its author allowed it is over.
    Expired,
}

impl LoadedExclusion {
    /// A warning for the user that the exclusion has expired; `None` if it is applied.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let Exclusion { name, expires, .. } = &self.exclusion;
        let Expiry { date, .. } = expires.as_ref().filter(|_| self.status == ExclusionStatus::Expired)?;
        Some(format!("exclusion '{name}' of {} expired on {date} and is not applied", self.source))
    }

    /// The exclusion's name, the SHA-256 of its file, and whether it is applied, as one text. Two
    /// sweeps whose exclusions have equal texts exclude the same events, so one can continue the
    /// other (`--resume`).
    pub(super) fn identity(&self) -> String {
        let status = match self.status {
            ExclusionStatus::Applied => "applied",
            ExclusionStatus::Expired => "expired",
        };
        format!("{} {} {status}", self.exclusion.name, self.sha256)
    }
}

/// The text of a file with exclusions.
#[derive(Debug, Clone)]
pub(super) struct ExclusionFile {
    /// The path of the file with exclusions, as typed.
    pub source: String,
    /// The text of the file with exclusions, and the hash of its bytes.
    pub text: FileText,
}

impl ExclusionFile {
    /// Reads the file with exclusions at `path`, which the user named (`--allow`).
    pub(super) fn read(path: &Path) -> Result<Self, RulesError> {
        let source = path.display().to_string();
        let text = read_named_file(path).map_err(|error| wrong(format!("{source}: {error}")))?;
        Ok(ExclusionFile { source, text })
    }
}

fn wrong(source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> RulesError {
    RulesError::Exclusions { source: source.into() }
}

/// Compiles the exclusions in `files`, in the order of the files. It is an error if an exclusion
/// names a detection that is not in `detections`. `status` returns whether an exclusion, which it
/// gets with its 0-based position among all exclusions, is applied or has expired.
pub(super) fn exclusions(
    files: Vec<ExclusionFile>,
    detections: &[LoadedDetection],
    status: impl Fn(usize, &Exclusion) -> ExclusionStatus,
) -> Result<Vec<LoadedExclusion>, RulesError> {
    let mut loaded = Vec::new();
    for ExclusionFile { source, text: FileText { text, sha256 } } in files {
        let name = file_name(Path::new(&source));
        let exclusions = Exclusion::list_from_yaml(&text, &source, &name).map_err(wrong)?;
        if exclusions.is_empty() {
            // An empty list is refused: it may be the rest of a file that was cut off.
            return Err(wrong(format!("{source}: expected a list of exclusions, found an empty one")));
        }
        for (number, exclusion) in (1..).zip(exclusions) {
            check_detections(&exclusion, detections)
                .map_err(|problem| wrong(format!("{source}: entry {number}: {problem}")))?;
            let (source, sha256, status) = (source.clone(), sha256.clone(), status(loaded.len(), &exclusion));
            loaded.push((number, LoadedExclusion { exclusion, source, sha256, status }));
        }
    }
    check_names(&loaded).map_err(wrong)?;
    Ok(loaded.into_iter().map(|(_, exclusion)| exclusion).collect())
}

fn file_name(path: &Path) -> String {
    path.file_name().map(escaped_name).unwrap_or_default()
}

/// Returns whether an exclusion is applied at `now`, or has expired because its last day is over.
pub(super) fn status_at(exclusion: &Exclusion, now: EventTime) -> ExclusionStatus {
    match &exclusion.expires {
        Some(expiry) if now > expiry.end => ExclusionStatus::Expired,
        _ => ExclusionStatus::Applied,
    }
}

/// Refuses an exclusion that names a detection that is not in `detections`: the id is probably
/// misspelt, and the exclusion would have no effect.
fn check_detections(exclusion: &Exclusion, detections: &[LoadedDetection]) -> Result<(), String> {
    let is_known = |id: &&String| detections.iter().any(|loaded| loaded.detection.id == **id);
    match exclusion.detections.iter().flatten().find(|id| !is_known(id)) {
        None => Ok(()),
        Some(id) => {
            let known: Vec<&str> = detections.iter().map(|loaded| loaded.detection.id.as_str()).collect();
            Err(format!(
                "detections: expected ids of detections that are looked for ({}), found '{id}'",
                first_of(&known, MOST_IDS, ", ")
            ))
        }
    }
}

/// Refuses two exclusions with the same name, because excluded matches are counted by name. Each
/// exclusion comes with its number in its file, from 1, for the error message.
fn check_names(loaded: &[(usize, LoadedExclusion)]) -> Result<(), String> {
    let mut names = HashSet::new();
    match loaded.iter().find(|(_, loaded)| !names.insert(&loaded.exclusion.name)) {
        None => Ok(()),
        Some((number, LoadedExclusion { exclusion, source, .. })) => Err(format!(
            "{source}: entry {number}: name: expected one that no exclusion before has, found '{}' again",
            exclusion.name
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exclusion_applies_to_the_end_of_its_last_day() {
        let text = "- search: QueryName=a\n  reason: b\n  expires: 2026-12-31";
        let exclusion = Exclusion::list_from_yaml(text, "a.yml", "a.yml").unwrap().remove(0);
        let at = |time: &str| status_at(&exclusion, EventTime::parse_logged(time).unwrap());
        assert_eq!(at("2026-12-31T23:59:59.9999999Z"), ExclusionStatus::Applied);
        assert_eq!(at("2027-01-01T00:00:00Z"), ExclusionStatus::Expired);
    }
}
