//! The summary of a sweep on standard output, which a person can act on. This module and its
//! submodules are the only users of `comfy-table` and `textwrap`.

mod anomalies;
mod containers;
mod detections;
mod evidence;
mod exclusions;
mod hosts;
mod leads;

use std::fmt::{self, Display};
use std::path::Path;

use super::escape::{escaped, shown};
use super::host::{Host, ValueCounts, by_count};
use super::hosts::NamedHost;
use super::run::{DetectionRecord, Run};
use super::totals::Totals;
use super::wording::{counted, grouped};
use crate::event::Span;
use crate::ledger::container::ContainerReport;

/// The most hosts that one list in the printed summary of a sweep contains, such as the list of
/// hosts with matches. The table `hosts.parquet` lists all hosts.
const MOST_HOSTS: usize = 40;
/// The most detections that a sweep can have for its printed summary to list all of them. If a
/// sweep has more, only those with matches are listed.
const MOST_DETECTIONS: usize = 5;
/// The most detections with matches that the printed summary of a sweep lists if the sweep has more
/// than [`MOST_DETECTIONS`] detections. Detections without matches are then only counted.
const MOST_MATCHING: usize = 20;
/// The most values of one kind that the printed summary of a sweep lists for a host, such as the
/// domain names that the host's matches query. Further values are only counted.
const MOST_VALUES: usize = 8;
/// The most damaged files that the printed summary of a sweep lists, and the most containers that
/// could not be read. The tables `files.parquet` and `containers.parquet` list all.
const MOST_FILES: usize = 20;
/// The width, in columns, of the label with which a line of the printed summary of a sweep starts,
/// such as `Detection`. The line's text begins after it.
const LABEL_WIDTH: usize = 12;

/// Returns the width in columns of the terminal that standard output goes to; 80 if it goes to
/// none.
#[must_use]
pub fn terminal_width() -> usize {
    textwrap::termwidth()
}

/// The summary of a sweep, as the command `sweep` prints it (by `Display`).
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    /// What `run.json` records of the run that the summary describes.
    pub run: &'a Run,
    /// All hosts of the sweep.
    pub hosts: &'a [NamedHost],
    /// All containers of the sweep: archives, disk images, volumes and shadow copies.
    pub containers: &'a [ContainerReport],
    /// The output directory. The summary names it and the tables in it.
    pub directory: &'a Path,
    /// The width of the summary in columns, usually that of the terminal. Longer lines are wrapped.
    pub width: usize,
}

impl Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows = self.hosts;
        self.heading(f)?;
        self.not_cleared(f, rows)?;
        self.looked_for(f)?;
        self.matching_hosts(f, rows)?;
        self.other_hosts(f, rows)?;
        self.leads(f, rows)?;
        self.anomalies(f, rows)?;
        writeln!(f)?;
        self.read(f)?;
        self.containers(f)?;
        self.flawed(f)?;
        self.passed_over(f)?;
        self.tables(f)
    }
}

impl Summary<'_> {
    fn heading(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Totals {
            matches,
            unique_matches,
            damaged_matches,
            recovered_matches,
            hosts,
            hosts_with_matches,
            ..
        } = self.run.totals;
        if self.run.interrupted {
            writeln!(
                f,
                "INTERRUPTED: this is what was found until then; the same command with --resume goes on from there"
            )?;
        }
        writeln!(
            f,
            "{} on {} of {}{}{}{}",
            counted(unique_matches, "match", "matches"),
            grouped(hosts_with_matches),
            counted(hosts, "host", "hosts"),
            damaged(damaged_matches),
            copies(matches - unique_matches),
            recovered(recovered_matches)
        )
    }

    /// Writes what the sweep looked for: the detections, exclusions and period. This is a part of
    /// the summary that the command `sweep` prints.
    fn looked_for(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rules(f)?;
        let all = self.run.detections.as_slice();
        // A few detections are all listed. If there are many, only those with matches are.
        let shown = |detection: &&DetectionRecord| all.len() <= MOST_DETECTIONS || detection.matches > 0;
        let silent = all.len() - all.iter().filter(shown).count();
        let mut listed: Vec<&DetectionRecord> = all.iter().filter(shown).collect();
        if all.len() > MOST_DETECTIONS {
            listed.sort_by_key(|detection| std::cmp::Reverse(detection.unique_matches));
        }
        for detection in listed.iter().take(MOST_MATCHING) {
            self.labelled(f, "Detection", &detections::text(all, detection))?;
        }
        self.more(f, listed.len(), MOST_MATCHING, "detections with matches", "run.json")?;
        if silent > 0 {
            let silent = silent as u64;
            let text = if listed.is_empty() {
                format!("none of {} matched", grouped(silent))
            } else {
                format!("{} without a match", counted(silent, "other", "others"))
            };
            self.labelled(f, "Detection", &text)?;
        }
        self.exclusions(f)?;
        if let Some(window) = self.window() {
            self.labelled(f, "Only", &window)?;
        }
        Ok(())
    }

    fn window(&self) -> Option<String> {
        let parts: Vec<String> = [("from", &self.run.since), ("until", &self.run.until)]
            .into_iter()
            .filter_map(|(word, time)| time.as_ref().map(|time| format!("{word} {time}")))
            .collect();
        (!parts.is_empty()).then(|| format!("matches {}", parts.join(" ")))
    }

    fn matching_hosts(&self, f: &mut fmt::Formatter<'_>, rows: &[NamedHost]) -> fmt::Result {
        let mut matching: Vec<_> = rows.iter().filter(|(_, host)| host.matches > 0).collect();
        matching.sort_by_key(|(_, host)| std::cmp::Reverse((host.risk_score, host.unique_matches)));
        for (computer, host) in matching.iter().take(MOST_HOSTS) {
            writeln!(f)?;
            writeln!(
                f,
                "{}: {}, {}{}{}{}",
                name(computer.as_deref()),
                counted(host.unique_matches, "match", "matches"),
                detections::risk(host.risk_score),
                damaged(host.damaged_matches),
                copies(host.matches - host.unique_matches),
                recovered(host.recovered_matches)
            )?;
            self.labelled(f, "  when", &span(host.match_span))?;
            // Not all logs have all fields: older versions of Sysmon log no user.
            let lists =
                [("domains", &host.query_names), ("processes", &host.processes), ("users", &host.users)];
            for (label, counts) in lists.iter().filter(|(_, counts)| !counts.is_empty()) {
                self.labelled(f, &format!("  {label}"), &values(counts))?;
            }
            self.detections_of(f, host)?;
            self.labelled(f, "  evidence", &evidence_text(host))?;
        }
        self.more(f, matching.len(), MOST_HOSTS, "hosts with matches", "hosts.parquet")
    }

    fn tables(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.labelled(f, "Tables", &escaped(&self.directory.display().to_string()))?;
        let longest = self.run.outputs.iter().map(|output| output.file.len()).max().unwrap_or(0);
        for output in &self.run.outputs {
            let file = &output.file;
            writeln!(f, "{:LABEL_WIDTH$}{file:longest$}  {}", "", counted(output.rows, "row", "rows"))?;
        }
        writeln!(f, "{:LABEL_WIDTH$}run.json", "")
    }

    /// Writes a label such as `Detection`, and next to it a text that is wrapped to the width of
    /// the printed summary.
    fn labelled(&self, f: &mut fmt::Formatter<'_>, label: &str, text: &str) -> fmt::Result {
        let first = format!("{label:LABEL_WIDTH$}");
        let rest = " ".repeat(LABEL_WIDTH);
        let options = textwrap::Options::new(self.width).initial_indent(&first).subsequent_indent(&rest);
        let options = options
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(false)
            .word_separator(textwrap::WordSeparator::AsciiSpace);
        textwrap::wrap(text, options).iter().try_for_each(|line| writeln!(f, "{}", line.trim_end()))
    }

    fn more(
        &self,
        f: &mut fmt::Formatter<'_>,
        all: usize,
        shown: usize,
        what: &str,
        table: &str,
    ) -> fmt::Result {
        match all.saturating_sub(shown) {
            0 => Ok(()),
            more => self.labelled(f, "", &format!("… and {} more {what}: see {table}", grouped(more as u64))),
        }
    }
}

fn name(computer: Option<&str>) -> String {
    match computer {
        None => "(no Computer)".to_owned(),
        Some("") => "(empty Computer)".to_owned(),
        Some(computer) => shown(computer).into_owned(),
    }
}

/// Returns the names of the pieces of evidence that contain a host's records, separated by commas.
/// If there are many, only the first are named, and the others are counted.
fn evidence_text(host: &Host) -> String {
    let all = host.places.len();
    let mut names: Vec<String> =
        host.evidence().take(MOST_VALUES).map(|name| shown(name).into_owned()).collect();
    if all > MOST_VALUES {
        names.push(format!("and {} more", all - MOST_VALUES));
    }
    names.join(", ")
}

fn values(counts: &ValueCounts) -> String {
    let sorted = by_count(counts);
    let mut shown: Vec<String> = sorted
        .iter()
        .take(MOST_VALUES)
        .map(|(value, count)| {
            let value = if value.is_empty() { "(empty)".into() } else { shown(value) };
            format!("{value} ({})", grouped(*count))
        })
        .collect();
    if sorted.len() > MOST_VALUES {
        shown.push(format!("and {} more", sorted.len() - MOST_VALUES));
    }
    shown.join(", ")
}

fn span(span: Span) -> String {
    match (span.first, span.last) {
        (Some(first), Some(last)) if first == last => first.readable(),
        (Some(first), Some(last)) => format!("{} to {}", first.readable(), last.readable()),
        _ => "at no readable time".to_owned(),
    }
}

/// Returns the end of a sentence that says how many matches or leads are copies of an earlier one,
/// such as `; 3 copies of them`. Empty if `copies` is 0.
fn copies(copies: u64) -> String {
    if copies == 0 { String::new() } else { format!("; {} of them", counted(copies, "copy", "copies")) }
}

/// Returns the end of a sentence that says how many matches lie in damaged chunks. Empty if
/// `matches` is 0.
fn damaged(matches: u64) -> String {
    if matches == 0 { String::new() } else { format!("; {} of them in damaged chunks", grouped(matches)) }
}

/// Returns the end of a sentence that says how many matches lie in deleted records. Empty if
/// `matches` is 0.
fn recovered(matches: u64) -> String {
    if matches == 0 {
        String::new()
    } else {
        format!("; {} in deleted records", counted(matches, "match", "matches"))
    }
}

fn columns(width: usize) -> u16 {
    u16::try_from(width).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
