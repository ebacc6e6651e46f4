//! The lines of the summary on the first matches of the worst hosts, and on the most frequent
//! names, programs and accounts of all matches.

use super::layout::{LABEL_WIDTH, PATH_WIDTH, Tone, VALUE_WIDTH, fitted, padded};
use super::rules::distinct_name;
use super::{Summary, counted, evidence_text, grouped, host_name};
use crate::report::answer::{
    HostInDetail, Match, MatchedRule, PatternCount, PatternPlace, TopValues, UtcTime,
};

/// The maximum number of hosts whose matches a short summary lists.
const MOST_HOSTS: usize = 4;
/// The maximum number of matches of one host that a short summary lists. Further matches are only
/// counted.
const MOST_MATCHES: usize = 5;
/// The number of lines before the matches of a host: one with the host's name and evidence, and one
/// with the detection's name.
const HEAD_LINES: usize = 2;
/// The number of lines of a match that a single detection describes: time and name, program,
/// patterns.
const MATCH_LINES: usize = 3;
/// The minimum number of lines that a short summary has for the matches of the worst host.
const LEAST_LINES: usize = 8;
/// The maximum number of pieces of evidence that the summary names for a host. Further pieces are
/// only counted.
const MOST_EVIDENCE: usize = 3;
/// The maximum number of detections that a short summary names for a match. Further detections are
/// only counted.
const MOST_RULES: usize = 2;
/// The maximum number of patterns of a detection that the summary shows for a match. Further
/// patterns are only counted.
const MOST_PATTERNS: usize = 3;
/// The maximum number of queried names, and of accounts, that a short summary lists among the most
/// frequent of all matches.
const MOST_NAMES: usize = 6;
/// The maximum number of programs that a short summary lists among the most frequent of all
/// matches.
const MOST_PROCESSES: usize = 3;
/// The maximum number of patterns that a short summary lists because their text lies inside a label
/// of a queried name (a part between its dots).
const MOST_INSIDE_LABELS: usize = 3;
/// The indent of the lines under the first line of a match.
const UNDER_MATCH: &str = "      ";

impl Summary<'_> {
    /// Returns the summary's lines on the first matches of the worst hosts, in order of time. A
    /// short summary lists the matches of as many hosts as fit into `room` lines, but of at least
    /// one.
    pub(super) fn first_matches(&self, room: usize) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        let hosts = self.answer.hosts.items.iter().filter(|host| !host.matches.listed.items.is_empty());
        for host in hosts.take(self.extent.most(MOST_HOSTS)) {
            let left = self.extent.most(room.saturating_sub(lines.len()));
            let block = self.matches_of(host, if lines.is_empty() { left.max(LEAST_LINES) } else { left });
            if block.len() > left && !lines.is_empty() {
                break;
            }
            lines.extend(block);
        }
        lines
    }

    /// Returns the summary's lines on the first matches of a host: as many matches as fit into
    /// `room` lines, but at least one. After the matches come the processes that made the queries,
    /// and the ancestors of these processes.
    fn matches_of(&self, host: &HostInDetail, room: usize) -> Vec<String> {
        let matches = &host.matches.listed;
        let mut found = Vec::new();
        let mut shown: u64 = 0;
        let processes = self.processes_of(host, room.saturating_sub(HEAD_LINES + MATCH_LINES));
        let room = room.saturating_sub(processes.len());
        for one in matches.items.iter().take(self.extent.most(MOST_MATCHES)) {
            let lines = self.match_lines(one);
            if shown > 0 && found.len() + lines.len() + HEAD_LINES > room {
                break;
            }
            found.extend(lines);
            shown += 1;
        }
        let name = host_name(&host.facts, VALUE_WIDTH);
        let name = self.layout().toned(Tone::Risk(host.matches.risk_score), &name);
        let all = counted(matches.count, "match", "matches");
        let which = if shown == matches.count { all } else { format!("the first {shown} of {all}") };
        let evidence = evidence_text(&host.facts, MOST_EVIDENCE);
        let mut lines = self.layout().wrapped(&format!("{name}: {which}, in evidence {evidence}"));
        // If several rules ran, each match names its own.
        if let [detection] = self.run().detections.as_slice() {
            let rule = format!("rule {}", fitted(&detection.name, 2 * VALUE_WIDTH));
            lines.push(self.layout().in_a_line("  ", &rule));
        }
        lines.extend(found);
        lines.extend(processes);
        lines
    }

    /// Returns the summary's lines on a match: its time and queried name; the program, whose path
    /// has a line of its own, so that it can be copied; and which patterns of which rule it
    /// satisfies.
    fn match_lines(&self, found: &Match) -> Vec<String> {
        let time =
            found.time.map_or_else(|| "at no readable time".to_owned(), |UtcTime(time)| time.readable());
        let name = found.query_name.as_deref().map_or_else(|| "(no name)".to_owned(), named);
        let deleted = if found.place.recovered_from.is_some() { "  (deleted record)" } else { "" };
        let mut lines = vec![format!("  {time:20}  {name}{deleted}")];
        let image = found.image.as_deref().map_or_else(|| "(no program)".to_owned(), path);
        lines.push(format!("{UNDER_MATCH}{image}"));
        let all = &self.run().detections;
        let most = self.extent.most(MOST_RULES);
        let rules = found.rules.iter().take(most).map(|rule| {
            let patterns = patterns(rule);
            match all.len() {
                0 | 1 => patterns,
                _ if patterns.is_empty() => distinct_name(all, &rule.id, &rule.name),
                _ => format!("{}: {patterns}", distinct_name(all, &rule.id, &rule.name)),
            }
        });
        let more = found.rules.len().saturating_sub(most);
        let more = (more > 0).then(|| format!("and {}", counted(more as u64, "more rule", "more rules")));
        for rule in rules.chain(more).filter(|rule| !rule.is_empty()) {
            lines.push(self.layout().in_a_line(UNDER_MATCH, &rule));
        }
        lines
    }

    /// Returns the summary's lines on the most frequent queried names, programs and accounts of all
    /// matches.
    pub(super) fn most_frequent(&self) -> Vec<String> {
        if self.answer.hosts.count == 0 {
            return Vec::new();
        }
        let answer = self.answer;
        let mut lines = self.values("Names", &answer.query_names);
        let processes = &answer.processes;
        let shown = processes.items.len().min(self.extent.most(MOST_PROCESSES));
        for (place, value) in processes.items.iter().take(shown).enumerate() {
            let label = padded(if place == 0 { "Programs" } else { "" }, LABEL_WIDTH);
            lines.push(format!("{label}{} ({})", path(&value.value), on_hosts(value.matches, value.hosts)));
        }
        lines.extend(self.more(processes.count, shown, "programs", "hosts.parquet"));
        lines.extend(self.values("Users", &answer.users));
        lines.extend(self.patterns_inside_labels());
        lines
    }

    /// Returns the summary's lines on patterns with hits inside labels: hits in which the pattern's
    /// text is not whole labels of the queried name (the parts between its dots). Returns no line
    /// if there are none.
    fn patterns_inside_labels(&self) -> Vec<String> {
        let patterns = &self.answer.patterns_inside_labels;
        let shown = patterns.items.len().min(self.extent.most(MOST_INSIDE_LABELS));
        let mut lines = Vec::new();
        for (place, PatternCount { pattern, hits, on_label }) in patterns.items.iter().take(shown).enumerate()
        {
            let label = if place == 0 { "Patterns" } else { "" };
            let hits = counted(*hits, "hit", "hits");
            let text = format!("{}: {} of {hits} on a label boundary", named(pattern), grouped(*on_label));
            lines.extend(self.labelled(label, &text));
        }
        lines.extend(self.more(patterns.count, shown, "patterns", "matches.parquet"));
        lines
    }

    fn values(&self, label: &str, values: &TopValues) -> Vec<String> {
        if values.items.is_empty() {
            return Vec::new();
        }
        let shown = values.items.len().min(self.extent.most(MOST_NAMES));
        let item = |value: &crate::report::answer::ValueCount| {
            format!("{} ({})", named(&value.value), on_hosts(value.matches, value.hosts))
        };
        let mut items: Vec<String> = values.items.iter().take(shown).map(item).collect();
        if let Some(more @ 1..) = values.count.checked_sub(shown as u64) {
            items.push(format!("and {} more", grouped(more)));
        }
        self.layout().flow(label, LABEL_WIDTH, &items)
    }
}

/// Returns a queried name or an account as the summary shows it: escaped and, if it is long, cut.
fn named(value: &str) -> String {
    if value.is_empty() { "(empty)".to_owned() } else { fitted(value, VALUE_WIDTH) }
}

/// Returns a path as the summary shows it: escaped and, if it is very long, cut.
fn path(path: &str) -> String {
    if path.is_empty() { "(empty)".to_owned() } else { fitted(path, PATH_WIDTH) }
}

/// Returns the number of a value's matches as text and, if they are on several hosts, the number of
/// hosts: `1,234 on 5 hosts`.
fn on_hosts(matches: u64, hosts: u64) -> String {
    if hosts > 1 { format!("{} on {} hosts", grouped(matches), grouped(hosts)) } else { grouped(matches) }
}

/// Returns, as text, the first [`MOST_PATTERNS`] patterns of a rule that an event satisfies, with a
/// remark on those whose text lies inside a label of the queried name, and the number of further
/// patterns.
fn patterns(rule: &MatchedRule) -> String {
    let text = |(pattern, place): (&str, PatternPlace)| fitted(pattern, VALUE_WIDTH) + place.remark();
    let mut shown: Vec<String> = rule.patterns().take(MOST_PATTERNS).map(text).collect();
    let more = rule.patterns().count().saturating_sub(MOST_PATTERNS);
    if more > 0 {
        shown.push(format!("and {}", counted(more as u64, "more pattern", "more patterns")));
    }
    shown.join(", ")
}
