//! What `run.json` records of the detections, by their ids. Exported events state some of it about
//! the detections that describe them.

use std::collections::HashMap;

use crate::report::run::{DetectionRecord, Run};

/// What `run.json` records of each detection of a sweep, by the detection's id.
#[derive(Debug)]
pub(super) struct Detections<'a>(HashMap<&'a str, &'a DetectionRecord>);

impl<'a> Detections<'a> {
    /// Returns what `run.json` records of the detections, by their ids.
    pub(super) fn of(run: &'a Run) -> Self {
        Detections(run.detections.iter().map(|record| (record.id.as_str(), record)).collect())
    }

    /// Returns what `run.json` records of the detection with this id; `None` if `run.json` lists no
    /// detection with it.
    pub(super) fn get(&self, id: &str) -> Option<&'a DetectionRecord> {
        self.0.get(id).copied()
    }
}

/// A technique of MITRE ATT&CK, and the sub-technique if a rule names one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Technique<'a> {
    /// The id of the technique, such as `T1059`.
    pub(super) id: &'a str,
    /// The id of the sub-technique, such as `T1059.005`; `None` if the rule names the technique as
    /// a whole.
    pub(super) sub_technique: Option<&'a str>,
}

impl<'a> Technique<'a> {
    /// Splits the id of an ATT&CK technique, as a rule names it, into the technique and the
    /// sub-technique.
    pub(super) fn of(id: &'a str) -> Self {
        match id.split_once('.') {
            Some((technique, _)) => Technique { id: technique, sub_technique: Some(id) },
            None => Technique { id, sub_technique: None },
        }
    }
}

/// How severe an event is that a detection describes, by the detection's risk score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// The severity of the event is unknown, because the rule states no risk score.
    Unknown,
    /// The event is only good to know: the lowest severity that a risk score gives.
    Informational,
    /// The event is of low severity.
    Low,
    /// The event is of medium severity.
    Medium,
    /// The event is of high severity.
    High,
    /// The event is of critical severity.
    Critical,
}

impl Severity {
    /// Returns the severity for a risk score: the level of Sigma's rules whose score (10, 25, 50,
    /// 75 or 100, see `detect::LEVEL_SCORES`) is nearest. Without a score, it is
    /// [`Severity::Unknown`].
    pub(super) fn of_score(score: Option<i64>) -> Self {
        match score {
            None => Severity::Unknown,
            Some(..=17) => Severity::Informational,
            Some(..=37) => Severity::Low,
            Some(..=62) => Severity::Medium,
            Some(..=87) => Severity::High,
            Some(_) => Severity::Critical,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sub_technique_has_its_technique() {
        assert_eq!(Technique::of("T1059.005"), Technique { id: "T1059", sub_technique: Some("T1059.005") });
        assert_eq!(Technique::of("T1059"), Technique { id: "T1059", sub_technique: None });
    }

    #[test]
    fn scores_have_the_nearest_severity() {
        use Severity::{Critical, High, Informational, Low, Medium, Unknown};
        let expected = [(10, Informational), (25, Low), (50, Medium), (75, High), (100, Critical)];
        for (score, severity) in expected {
            for near in [score - 7, score, score + 7] {
                assert_eq!(Severity::of_score(Some(near)), severity, "{near}");
            }
        }
        assert_eq!(Severity::of_score(Some(i64::MIN)), Informational);
        assert_eq!(Severity::of_score(None), Unknown);
    }
}
