//! What the summary says of detections: what each found, and which risk it states.

use super::{escaped, grouped};
use crate::report::run::DetectionRecord;

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
