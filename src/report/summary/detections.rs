//! What the summary says of detections: what each found, and which risk it states.

use std::fmt;

use super::{MOST_VALUES, Summary, escaped, grouped};
use crate::report::host::Host;
use crate::report::run::DetectionRecord;

impl Summary<'_> {
    /// Which detections describe a host's matches, if it could be one of several.
    pub(super) fn detections_of(&self, f: &mut fmt::Formatter<'_>, host: &Host) -> fmt::Result {
        if self.run.detections.len() < 2 {
            return Ok(());
        }
        let counts = host.detections.by_count();
        let mut shown: Vec<String> = counts
            .iter()
            .take(MOST_VALUES)
            .map(|(label, count)| format!("{} ({})", escaped(&label.name), grouped(*count)))
            .collect();
        if counts.len() > MOST_VALUES {
            shown.push(format!("and {} more", counts.len() - MOST_VALUES));
        }
        self.labelled(f, "  rules", &shown.join(", "))
    }
}

/// A detection with its version, if it has one, and its matches.
pub(super) fn text(detection: &DetectionRecord) -> String {
    let version = detection.version.as_deref();
    let version = version.map(|version| format!(" (version {})", escaped(version))).unwrap_or_default();
    let risk = if detection.risk_score.is_none() { "; it states no risk score" } else { "" };
    format!("{}{version}: {}{risk}", escaped(&detection.name), grouped(detection.unique_matches))
}

/// The risk score of a host's matches.
pub(super) fn risk(score: Option<i64>) -> String {
    score.map_or_else(|| "no risk score stated".to_owned(), |score| format!("risk score {score}"))
}
