//! The lines of the summary on detections: how many matches each has, and its risk score.

use std::fmt::{self, Write};

use super::{MOST_VALUES, Summary, counted, escaped, grouped, shown};
use crate::report::host::Host;
use crate::report::run::{DetectionRecord, RuleCounts};

/// The most refused rules (those that dnsweep cannot run) of which the printed summary of a sweep
/// shows the reason. `run.json` has the reasons of all.
const MOST_REFUSED: usize = 5;
/// The most characters that the printed summary of a sweep shows of the reason why a rule was
/// refused, which means that dnsweep cannot run it.
const LONGEST_REASON: usize = 400;

impl Summary<'_> {
    /// Writes how many rules ran, if some did not run, so that nobody mistakes the result of the
    /// sweep for the result of all rules. Writes nothing if all rules ran.
    pub(super) fn rules(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RuleCounts { found, run, refused, about_other_data, .. } = self.run.rules;
        if refused == 0 && about_other_data == 0 {
            return Ok(());
        }
        let mut text = format!("{} of {} ran", grouped(run), counted(found, "rule", "rules"));
        if refused > 0 {
            let _ = write!(text, "; {} refused, so what they would find is unknown", grouped(refused));
        }
        if about_other_data > 0 {
            let _ =
                write!(text, "; {} about other data", counted(about_other_data, "other is", "others are"));
        }
        self.labelled(f, "Rules", &text)?;
        for refused in self.run.refused_detections.iter().take(MOST_REFUSED) {
            self.labelled(f, "", &shortened(&refused.reason))?;
        }
        let refused = usize::try_from(refused).unwrap_or(usize::MAX);
        self.more(f, refused, MOST_REFUSED, "refused rules", "run.json")
    }

    /// Writes which detections describe a host's matches, with their numbers of matches. Writes
    /// nothing if the sweep has only one detection.
    pub(super) fn detections_of(&self, f: &mut fmt::Formatter<'_>, host: &Host) -> fmt::Result {
        if self.run.detections.len() < 2 {
            return Ok(());
        }
        let counts = host.detections.by_count();
        let mut rules: Vec<String> = counts
            .iter()
            .take(MOST_VALUES)
            .map(|(label, count)| {
                let name = distinct_name(&self.run.detections, &label.id, &label.name);
                format!("{name} ({})", grouped(*count))
            })
            .collect();
        if counts.len() > MOST_VALUES {
            rules.push(format!("and {} more", counts.len() - MOST_VALUES));
        }
        self.labelled(f, "  rules", &rules.join(", "))
    }
}

/// Returns the name of a detection as the printed summary of a sweep shows it. `all` are the
/// detections that ran. If another of them has the same name, the part of the detection's id before
/// the first hyphen is added, or the whole id if that part does not distinguish them.
pub(super) fn distinct_name(all: &[DetectionRecord], id: &str, name: &str) -> String {
    let first = |id: &str| id.split('-').next().map(str::to_owned);
    let others = || all.iter().filter(|other| other.name == name && other.id != id);
    let shown_name = shown(name);
    if others().next().is_none() {
        return shown_name.into_owned();
    }
    let part = first(id).filter(|part| others().all(|other| first(&other.id).as_ref() != Some(part)));
    format!("{shown_name} [{}]", escaped(part.as_deref().unwrap_or(id)))
}

/// Returns the text on a detection in the printed summary of a sweep: name, version, number of
/// unique matches and, if so, that the detection states no risk score. `all` are the detections
/// that ran.
pub(super) fn text(all: &[DetectionRecord], detection: &DetectionRecord) -> String {
    let version = detection.version.as_deref();
    let version = version.map(|version| format!(" (version {})", shown(version))).unwrap_or_default();
    let risk = if detection.risk_score.is_none() { "; it states no risk score" } else { "" };
    let name = distinct_name(all, &detection.id, &detection.name);
    format!("{name}{version}: {}{risk}", grouped(detection.unique_matches))
}

/// Returns, as text, the risk score of a host's matches. `None` means that no detection of these
/// matches states a risk score.
pub(super) fn risk(score: Option<i64>) -> String {
    score.map_or_else(|| "no risk score stated".to_owned(), |score| format!("risk score {score}"))
}

/// Returns the reason why dnsweep cannot run a rule (refused it), cut to [`LONGEST_REASON`]
/// characters and with control characters escaped, so that a terminal can show it.
fn shortened(reason: &str) -> String {
    let mut letters = reason.chars();
    let shown: String = letters.by_ref().take(LONGEST_REASON).collect();
    let rest = if letters.next().is_some() { "…" } else { "" };
    format!("{}{rest}", escaped(&shown))
}
