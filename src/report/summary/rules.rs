//! The lines of the summary on what was looked for: rules, detections and the period.

use std::fmt::Write;

use super::layout::{VALUE_WIDTH, fitted};
use super::{Summary, counted, grouped};
use crate::report::run::{DetectionRecord, IndicatorRecord, RefusedRecord, RuleCounts};

/// The maximum number of detections that a short summary lists. If more ran, only those with
/// matches are listed, also in a full summary.
const MOST_DETECTIONS: usize = 5;
/// The maximum number of refused rules (those that dnsweep cannot run) whose reason a short summary
/// shows. `run.json` has the reasons of all.
const MOST_REFUSED: usize = 3;
/// The width, in columns, to which the summary cuts the reason why dnsweep cannot run a rule.
const REASON_WIDTH: usize = 200;

impl Summary<'_> {
    /// Returns the summary's lines on what the sweep looked for: the rules, detections, exclusions
    /// and period.
    pub(super) fn looked_for(&self) -> Vec<String> {
        let mut lines = self.rules();
        lines.extend(self.lists());
        lines.extend(self.detections());
        lines.extend(self.exclusions());
        lines.extend(self.window().iter().flat_map(|window| self.labelled("Only", window)));
        lines
    }

    /// Returns the summary's lines on rules that did not run, so that nobody mistakes the result of
    /// the sweep for the result of all rules. Returns no line if all rules ran.
    fn rules(&self) -> Vec<String> {
        let RuleCounts { found, run, refused, about_other_data, .. } = self.run().rules;
        if refused == 0 && about_other_data == 0 {
            return Vec::new();
        }
        let mut text = format!("{} of {} ran", grouped(run), counted(found, "rule", "rules"));
        if refused > 0 {
            let _ = write!(text, "; {} refused, so what they would find is unknown", grouped(refused));
        }
        if about_other_data > 0 {
            let _ =
                write!(text, "; {} about other data", counted(about_other_data, "other is", "others are"));
        }
        let mut lines = self.labelled("Rules", &text);
        let listed = &self.run().refused_detections;
        let shown = listed.len().min(self.extent.most(MOST_REFUSED));
        let reason = |refused: &RefusedRecord| self.labelled("", &fitted(&refused.reason, REASON_WIDTH));
        lines.extend(listed.iter().take(shown).flat_map(reason));
        lines.extend(self.more(refused, shown, "refused rules", "run.json"));
        lines
    }

    /// Returns the summary's lines on lists of indicators: how many entries each list has, and how
    /// many of them are left out. A short summary shows only the first few lists.
    fn lists(&self) -> Vec<String> {
        let lists =
            self.run().detections.iter().filter_map(|list| Some((&list.name, list.indicators.as_ref()?)));
        let text = |(name, list): (&String, &IndicatorRecord)| {
            let entries = counted(list.entries(), "entry", "entries");
            let mut text = format!("{}: {entries}", fitted(name, 2 * VALUE_WIDTH));
            if list.not_understood.count > 0 {
                let count = grouped(list.not_understood.count);
                let _ = write!(text, "; {count} not understood, so what they would find is unknown");
            }
            if list.other.count > 0 {
                let _ = write!(text, "; {} left out", grouped(list.other.count));
            }
            self.labelled("List", &text)
        };
        let all = lists.clone().count();
        let shown = all.min(self.extent.most(MOST_DETECTIONS));
        let mut lines: Vec<String> = lists.take(shown).flat_map(text).collect();
        lines.extend(self.more(all as u64, shown, "lists", "run.json"));
        lines
    }

    fn detections(&self) -> Vec<String> {
        let all = self.run().detections.as_slice();
        // A few detections are all listed. If there are many, only those with matches are.
        let is_shown = |detection: &&DetectionRecord| all.len() <= MOST_DETECTIONS || detection.matches > 0;
        let mut listed: Vec<&DetectionRecord> = all.iter().filter(is_shown).collect();
        let silent = (all.len() - listed.len()) as u64;
        if all.len() > MOST_DETECTIONS {
            listed.sort_by_key(|detection| std::cmp::Reverse(detection.unique_matches));
        }
        let shown = listed.len().min(self.extent.most(MOST_DETECTIONS));
        let line = |detection: &&DetectionRecord| self.labelled("Detection", &text(all, detection));
        let mut lines: Vec<String> = listed.iter().take(shown).flat_map(line).collect();
        lines.extend(self.more(listed.len() as u64, shown, "detections with matches", "run.json"));
        if silent > 0 {
            let text = if listed.is_empty() {
                format!("none of {} matched", grouped(silent))
            } else {
                format!("{} without a match", counted(silent, "other", "others"))
            };
            lines.extend(self.labelled("Detection", &text));
        }
        lines
    }
}

/// Returns the name of a detection as the summary shows it. `all` are the detections that ran. If
/// another of them has the same name, the part of the detection's id before the first hyphen is
/// added, or the whole id if that part does not distinguish them.
pub(super) fn distinct_name(all: &[DetectionRecord], id: &str, name: &str) -> String {
    let first = |id: &str| id.split('-').next().map(str::to_owned);
    let others = || all.iter().filter(|other| other.name == name && other.id != id);
    let shown_name = fitted(name, 2 * VALUE_WIDTH);
    if others().next().is_none() {
        return shown_name;
    }
    let part = first(id).filter(|part| others().all(|other| first(&other.id).as_ref() != Some(part)));
    format!("{shown_name} [{}]", fitted(part.as_deref().unwrap_or(id), VALUE_WIDTH))
}

/// Returns the text on a detection in the summary: its name, its version, its number of unique
/// matches and, if its rule states no risk score, a remark on that. `all` are the detections that
/// ran.
fn text(all: &[DetectionRecord], detection: &DetectionRecord) -> String {
    let version = detection.version.as_deref();
    let version =
        version.map(|version| format!(" (version {})", fitted(version, VALUE_WIDTH))).unwrap_or_default();
    let risk = if detection.risk_score.is_none() { "; it states no risk score" } else { "" };
    let name = distinct_name(all, &detection.id, &detection.name);
    format!("{name}{version}: {}{risk}", grouped(detection.unique_matches))
}
