//! Finds the detection that a user names on the command line, by its id, its name, or a part of
//! either.

use super::detections::{Catalog, LoadedDetection};
use super::error::RulesError;
use super::not_run::first_of;

/// The maximum number of detections that an error message lists if it is not clear which detection
/// the user means.
const MOST_LISTED: usize = 10;

impl Catalog {
    /// Finds the detection that a user means by `wanted`, regardless of case. Whole ids and names
    /// are compared first. If none is equal, exactly one detection must have `wanted` as a part of
    /// its id or name. `wanted` may be `None` if only one detection is loaded.
    pub fn find(&self, wanted: Option<&str>) -> Result<&LoadedDetection, RulesError> {
        let all: Vec<&LoadedDetection> = self.detections.iter().collect();
        let Some(wanted) = wanted else { return only(&all, None) };
        let lower = wanted.to_lowercase();
        let id = |loaded: &LoadedDetection| loaded.detection.id.to_lowercase();
        let name = |loaded: &LoadedDetection| loaded.detection.name.to_lowercase();
        let ways: [&dyn Fn(&LoadedDetection) -> bool; 4] = [
            &|loaded| loaded.detection.id == wanted,
            &|loaded| id(loaded) == lower,
            &|loaded| name(loaded) == lower,
            &|loaded| id(loaded).contains(&lower) || name(loaded).contains(&lower),
        ];
        for means in ways {
            let meant: Vec<&LoadedDetection> = all.iter().copied().filter(|loaded| means(loaded)).collect();
            if !meant.is_empty() {
                return only(&meant, Some(wanted));
            }
        }
        Err(RulesError::NoDetection { wanted: wanted.to_owned(), known: listed(&all) })
    }
}

/// Returns the detection in `meant`, the detections that fit the user's text, if there is only one.
/// Otherwise returns an error that lists them. `wanted` is what the user typed; `None` if nothing.
fn only<'a>(meant: &[&'a LoadedDetection], wanted: Option<&str>) -> Result<&'a LoadedDetection, RulesError> {
    match (meant, wanted) {
        ([only], _) => Ok(only),
        (several, None) => Err(RulesError::WhichDetection { known: listed(several) }),
        (several, Some(wanted)) => {
            Err(RulesError::AmbiguousDetection { wanted: wanted.to_owned(), known: listed(several) })
        }
    }
}

fn listed(detections: &[&LoadedDetection]) -> String {
    let one = |loaded: &&LoadedDetection| format!("{} ({})", loaded.detection.id, loaded.detection.name);
    let all: Vec<String> = detections.iter().map(one).collect();
    first_of(&all.iter().map(String::as_str).collect::<Vec<_>>(), MOST_LISTED, ", ")
}
