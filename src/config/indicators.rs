//! Loads lists of indicators, which are names and addresses that somebody published, as detections.

use std::io;
use std::path::{Path, PathBuf};

use super::detections::{Catalog, LoadedDetection};
use super::error::RulesError;
use super::text::decoded_list;
use crate::base::digest::sha256;
use crate::base::path_text::escaped_name;
use crate::base::platform::files::read_named;
use crate::detect::{Detection, IndicatorCounts, MOST_INDICATORS};

/// The greatest size of a list of indicators, in bytes. It has room for three million names.
pub(super) const MOST_LIST_BYTES: u64 = 64 << 20;

/// The lists of indicators (published names and addresses) that a user names, and the risk score of
/// their matches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IndicatorLists {
    /// The files of the lists of indicators: plain text, CSV or STIX.
    pub files: Vec<PathBuf>,
    /// The risk score of a match of a list, from 0 to 100; `None` if matches of lists have none.
    pub risk_score: Option<u32>,
}

impl Catalog {
    /// Loads lists of indicators. Returns an error for the first list that cannot be used.
    pub(super) fn add_lists(&mut self, lists: &IndicatorLists) -> Result<(), RulesError> {
        lists.files.iter().try_for_each(|path| self.add_list(path, lists.risk_score))
    }

    /// Loads the list of indicators in the file at `path`, and adds it to the detections.
    /// `risk_score` is the risk score of its matches; `None` if they have none.
    pub(super) fn add_list(&mut self, path: &Path, risk_score: Option<u32>) -> Result<(), RulesError> {
        let source = path.display().to_string();
        let bytes = read_named(path, MOST_LIST_BYTES);
        let bytes = bytes.map_err(|error| wrong(format!("{source}: {error}")))?;
        let loaded = list(&source, bytes, risk_score)?;
        if let Some(other) = self.with_id(&loaded.detection.id) {
            return Err(wrong(format!(
                "{source}: expected a file with another name than that of {}, because a list is known by its file's name",
                other.source
            )));
        }
        self.indicators += loaded.detection.indicators.as_ref().map_or(0, IndicatorCounts::entries);
        if self.indicators > MOST_INDICATORS {
            return Err(wrong(format!(
                "{source}: expected at most {MOST_INDICATORS} indicators in all lists together, found {}",
                self.indicators
            )));
        }
        self.push(loaded);
        Ok(())
    }
}

/// Makes a detection of a list of indicators. `source` is the path of its file, `bytes` are the
/// bytes of the file, and `risk_score` is the risk score of its matches, if they have one.
pub(super) fn list(
    source: &str,
    bytes: Vec<u8>,
    risk_score: Option<u32>,
) -> Result<LoadedDetection, RulesError> {
    let sha256 = sha256(&bytes);
    let text = decoded_list(bytes).map_err(|error: io::Error| wrong(format!("{source}: {error}")))?;
    let name = Path::new(source).file_name().map(escaped_name).unwrap_or_default();
    let detection = Detection::from_indicators(&text, &name, source, risk_score);
    let detection = detection.map_err(|error| wrong(error.to_string()))?;
    Ok(LoadedDetection {
        detection,
        source: source.to_owned(),
        line: 1,
        id_line: 1,
        sha256,
        content: Vec::new(),
    })
}

/// Returns an error if a list of indicators has entries that are not understood, because a sweep
/// with `--strict` does not accept them. `detections` are the detections made of the lists, and
/// others.
pub(super) fn check_that_all_are_understood(detections: &[LoadedDetection]) -> Result<(), RulesError> {
    for LoadedDetection { detection, source, .. } in detections {
        let left_out = detection.indicators.as_ref().map(|counts| &counts.not_understood);
        if let Some(left_out) = left_out.filter(|left_out| left_out.count > 0) {
            let (list, count) = (source.clone(), left_out.count);
            let first = left_out.first.first().cloned().unwrap_or_default();
            return Err(RulesError::StrictList { list, count, first });
        }
    }
    Ok(())
}

fn wrong(problem: String) -> RulesError {
    RulesError::Indicators { source: problem.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_of_a_list_names_its_bytes_and_its_score() {
        let identity = |text: &str, risk_score: Option<u32>| {
            list("a/list.txt", text.as_bytes().to_vec(), risk_score).unwrap().identity()
        };
        let plain = identity("evil.example\n", None);
        assert_eq!(identity("evil.example\n", None), plain);
        for (text, risk_score) in
            [("evil.example", None), ("evil.example\n", Some(0)), ("evil.example\n", Some(7))]
        {
            assert_ne!(identity(text, risk_score), plain, "{text:?} {risk_score:?}");
        }
    }
}
