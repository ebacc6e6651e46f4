//! What an output says about single hosts, as text: the matches as detections group them (`stats`),
//! each match with its place in the evidence, and what is known of the host's logs.

use std::fmt::Write;

use super::layout::{Colours, LABEL_WIDTH, Layout, PATH_WIDTH, Tone, VALUE_WIDTH, fitted, padded};
use super::processes::tree_lines;
use super::{Extent, copies, counted, damaged, evidence_text, grouped, host_name, recovered};
use crate::report::answer::{
    Answer, GroupValue, HostFacts, HostGroups, HostInDetail, Match, PatternPlace, RecordPlace, Seen, UtcTime,
};

/// The maximum number of rows of a detection's `stats` table (groups of matches) about a host that
/// are shown in a short text. Further rows are only counted.
const MOST_GROUPS: usize = 20;
/// The maximum number of matches of a host that are shown in a short text. Further matches are only
/// counted.
const MOST_MATCHES: usize = 50;
/// The maximum number of processes of a host's process tree that are shown in a short text. Further
/// processes are only counted.
const MOST_TREE: usize = 40;
/// The maximum number of items of each list about a host that are shown, such as pieces of
/// evidence, programs and anomalies.
const MOST_LISTED: usize = 10;
/// The indent of the lines below the first line of a match, or of a group of matches.
const INDENT: &str = "    ";

/// What an output says about hosts, as text, host by host (`dnsweep report --host`).
#[derive(Debug, Clone, Copy)]
pub struct HostsInDetail<'a> {
    /// The answer (the data that was read from an output) whose hosts are shown.
    pub answer: &'a Answer,
    /// The width of the text in columns. Longer lines are wrapped.
    pub width: usize,
    /// Whether the text is coloured.
    pub colours: Colours,
    /// How much is shown of each host: the beginning of long lists, or all.
    pub extent: Extent,
}

impl HostsInDetail<'_> {
    /// Returns what the answer says about its hosts, as text, with a block of lines for each host.
    #[must_use]
    pub fn text(&self) -> String {
        let in_detail = self.answer.hosts.items.iter().chain(&self.answer.uncleared.items);
        let mut blocks: Vec<Vec<String>> = in_detail.map(|host| self.host(host)).collect();
        blocks.extend(self.answer.cleared.items.iter().map(|facts| {
            let head = self.layout().toned(Tone::Answer, &host_name(facts, PATH_WIDTH));
            [vec![head], self.labelled("Verdict", &verdict(facts)), self.logs(facts)].concat()
        }));
        let blocks: Vec<String> = blocks.into_iter().map(|block| block.join("\n") + "\n").collect();
        blocks.join("\n")
    }

    fn layout(&self) -> Layout {
        Layout { width: self.width, colours: self.colours }
    }

    fn labelled(&self, label: &str, text: &str) -> Vec<String> {
        self.layout().labelled(label, text)
    }

    fn host(&self, host: &HostInDetail) -> Vec<String> {
        let matches = &host.matches;
        let head = self.layout().toned(Tone::Risk(matches.risk_score), &host_name(&host.facts, PATH_WIDTH));
        let mut lines = vec![head];
        lines.extend(self.labelled("Verdict", &verdict(&host.facts)));
        if matches.all + matches.recovered > 0 {
            let risk = match matches.risk_score {
                Some(score) => format!("risk score {score}"),
                None => "no risk score stated".to_owned(),
            };
            let text = format!(
                "{}, {risk}{}{}{}",
                counted(matches.unique, "match", "matches"),
                damaged(matches.damaged),
                copies(matches.all.saturating_sub(matches.unique)),
                recovered(matches.recovered)
            );
            lines.extend(self.labelled("Matches", &text));
            lines.extend(self.values(host));
        }
        lines.extend(self.logs(&host.facts));
        for group in &matches.groups {
            lines.extend(self.groups(group));
        }
        lines.extend(self.matches(host));
        let most = self.extent.most(MOST_TREE);
        let tree = tree_lines(self.layout(), host, self.extent, most);
        lines.extend((!tree.is_empty()).then(String::new).into_iter().chain(tree));
        lines
    }

    /// Returns lines with the times, queried names, programs, accounts and detections of a host's
    /// matches.
    fn values(&self, host: &HostInDetail) -> Vec<String> {
        let matches = &host.matches;
        let mut lines = Vec::new();
        if let (Some(first), Some(last)) = (matches.first_time, matches.last_time) {
            let text = format!("{} to {}", first.0.readable(), last.0.readable());
            lines.extend(self.labelled("When", &text));
        }
        for (label, values) in [("Names", &matches.query_names), ("Users", &matches.users)] {
            let shown = values.items.iter().take(MOST_LISTED);
            let mut items: Vec<String> = shown
                .map(|value| format!("{} ({})", fitted(&value.value, VALUE_WIDTH), value.matches))
                .collect();
            items.extend(more(values.count, items.len()));
            if !items.is_empty() {
                lines.extend(self.layout().flow(label, LABEL_WIDTH, &items));
            }
        }
        let programs = &matches.processes;
        let shown = programs.items.iter().take(MOST_LISTED);
        let mut items: Vec<String> =
            shown.map(|value| format!("{} ({})", fitted(&value.value, PATH_WIDTH), value.matches)).collect();
        items.extend(more(programs.count, items.len()));
        for (place, item) in items.iter().enumerate() {
            lines.push(format!("{}{item}", padded(if place == 0 { "Programs" } else { "" }, LABEL_WIDTH)));
        }
        for rule in matches.detections.items.iter().take(MOST_LISTED) {
            let text = format!("{} ({})", fitted(&rule.name, 2 * VALUE_WIDTH), grouped(rule.matches));
            lines.extend(self.labelled("Detection", &text));
        }
        lines
    }

    /// Returns lines on a host's logs: the evidence, the numbers of DNS queries and records,
    /// anomalies and notes.
    fn logs(&self, facts: &HostFacts) -> Vec<String> {
        let mut lines = self.labelled("Evidence", &evidence_text(facts, MOST_LISTED));
        lines.extend(self.labelled("Queries", &queries(&facts.seen)));
        lines.extend(self.labelled("Logs", &logs(&facts.seen)));
        if facts.excluded_matches > 0 {
            let text = counted(facts.excluded_matches, "match", "matches");
            lines.extend(self.labelled("Excluded", &text));
        }
        if facts.leads > 0 {
            lines.extend(self.labelled("Leads", &grouped(facts.unique_leads)));
        }
        for (label, remarks) in [("Anomaly", &facts.anomalies), ("Note", &facts.notes)] {
            let shown = remarks.items.iter().take(self.extent.most(MOST_LISTED));
            lines.extend(shown.flat_map(|remark| self.labelled(label, &fitted(remark, PATH_WIDTH))));
            lines.extend(more(remarks.count, remarks.items.len().min(self.extent.most(MOST_LISTED))));
        }
        lines
    }

    /// Returns lines with the rows of a detection's `stats` table (groups of matches) about a host.
    /// Each row has a line for each column, so that values can be copied.
    fn groups(&self, groups: &HostGroups) -> Vec<String> {
        let detections = self.answer.run.detections.iter();
        let name =
            detections.clone().find(|record| record.id == groups.detection_id).map(|record| &record.name);
        let name = fitted(name.unwrap_or(&groups.detection_id), 2 * VALUE_WIDTH);
        let all = counted(groups.rows.count, "group", "groups");
        let mut lines = vec![String::new()];
        lines.extend(self.layout().wrapped(&format!("Grouped as {name} groups its matches: {all}")));
        let widest = groups.columns.iter().map(|column| column.chars().count()).max().unwrap_or(0).min(24);
        let shown = groups.rows.items.len().min(self.extent.most(MOST_GROUPS));
        for (place, row) in groups.rows.items.iter().take(shown).enumerate() {
            lines.push(format!("  {}", grouped(place as u64 + 1)));
            for (column, value) in groups.columns.iter().zip(row) {
                let column = padded(&fitted(column, widest), widest);
                lines.push(format!("{INDENT}{column}  {}", group_value(value)).trim_end().to_owned());
            }
        }
        lines.extend(more(groups.rows.count, shown));
        lines
    }

    fn matches(&self, host: &HostInDetail) -> Vec<String> {
        let matches = &host.matches.listed;
        if matches.items.is_empty() {
            return Vec::new();
        }
        let all = counted(matches.count, "match", "matches");
        let mut lines = vec![String::new(), format!("{all} in order of time")];
        let shown = matches.items.len().min(self.extent.most(MOST_MATCHES));
        lines.extend(matches.items.iter().take(shown).flat_map(|found| self.found(found)));
        lines.extend(more(matches.count, shown));
        lines
    }

    /// Returns the lines on a match. The paths of the program and of the file have lines of their
    /// own, so that they can be copied.
    fn found(&self, found: &Match) -> Vec<String> {
        let time =
            found.time.map_or_else(|| "at no readable time".to_owned(), |UtcTime(time)| time.readable());
        let text = |text: &Option<String>, most| text.as_deref().map(|text| fitted(text, most));
        let name = text(&found.query_name, VALUE_WIDTH).unwrap_or_else(|| "(no name)".to_owned());
        let mut lines = vec![format!("  {time}  {name}")];
        let program = text(&found.image, PATH_WIDTH).unwrap_or_else(|| "(no program)".to_owned());
        lines.push(format!("{INDENT}{program}"));
        let process = found.process_id.map(|id| format!("process {id}"));
        let user = text(&found.user, VALUE_WIDTH);
        let status = found.query_status.as_deref().filter(|status| *status != "0");
        let status = status.map(|code| {
            let name = text(&found.query_status_name, VALUE_WIDTH);
            format!("status {}", name.unwrap_or_else(|| fitted(code, VALUE_WIDTH)))
        });
        let answers = found.answers.iter().take(MOST_LISTED).map(|answer| fitted(answer, VALUE_WIDTH));
        let answers: Vec<String> = answers.chain(more(found.answers.len() as u64, MOST_LISTED)).collect();
        let parts = [user, process, status].into_iter().flatten().chain(answers);
        lines.push(self.layout().in_a_line(INDENT, &parts.collect::<Vec<_>>().join(", ")));
        for rule in found.rules.iter().take(MOST_LISTED) {
            let text = |(pattern, place): (&str, PatternPlace)| fitted(pattern, VALUE_WIDTH) + place.remark();
            let patterns: Vec<String> = rule.patterns().take(MOST_LISTED).map(text).collect();
            let name = fitted(&rule.name, 2 * VALUE_WIDTH);
            let text = if patterns.is_empty() { name } else { format!("{} ({name})", patterns.join(", ")) };
            lines.push(self.layout().in_a_line(INDENT, &text));
        }
        lines.extend(more(found.rules.len() as u64, MOST_LISTED).map(|more| format!("{INDENT}{more}")));
        lines.push(format!("{INDENT}{}", fitted(&found.place.source_path, PATH_WIDTH)));
        lines.push(self.layout().in_a_line(INDENT, &place(&found.place)));
        lines
    }
}

/// Returns a text on how many of `count` items are left out if `shown` are shown, such as
/// `… and 3 more`; `None` if none are left out.
fn more(count: u64, shown: usize) -> Option<String> {
    let more = count.saturating_sub(shown as u64);
    (more > 0).then(|| format!("… and {} more", grouped(more)))
}

/// Returns, as text, a host's verdict, and whether the host is cleared (its absence of matches can
/// be relied on) or why it is not.
fn verdict(facts: &HostFacts) -> String {
    let verdict = fitted(&facts.verdict, VALUE_WIDTH);
    match facts.uncleared {
        Some(why) if why.text() == verdict => format!("{verdict}: not cleared"),
        Some(why) => format!("{verdict}: not cleared, {}", why.text()),
        None if facts.verdict == "matches" => verdict,
        None => format!("{verdict}: cleared"),
    }
}

fn queries(seen: &Seen) -> String {
    let mut text = counted(seen.dns_queries, "DNS query", "DNS queries");
    // Writing into a string does not fail.
    if let (Some(first), Some(last)) = (seen.first_query, seen.last_query) {
        let _ = write!(text, " from {} to {}", first.0.readable(), last.0.readable());
    }
    if let Some(coverage) = &seen.period_coverage {
        let covered = fitted(coverage, VALUE_WIDTH);
        let _ = write!(text, "; {} in the period, covered: {covered}", grouped(seen.dns_queries_in_period));
    }
    text
}

fn logs(seen: &Seen) -> String {
    let mut text = format!(
        "{} in {}, {} of Sysmon",
        counted(seen.records, "record", "records"),
        counted(seen.files, "file", "files"),
        grouped(seen.sysmon_records)
    );
    for (count, what) in [
        (seen.damaged_files, "damaged"),
        (seen.not_read_files, "not read"),
        (seen.missed_containers, "containers not read"),
        (seen.record_gaps, "gaps in EventRecordIDs"),
        (seen.clock_steps, "steps of the clock"),
        (seen.unreadable_times, "times that cannot be read"),
    ] {
        if count > 0 {
            let _ = write!(text, "; {} {what}", grouped(count));
        }
    }
    text
}

fn group_value(value: &GroupValue) -> String {
    match value {
        GroupValue::Null => String::new(),
        GroupValue::Number(number) => number.to_string(),
        GroupValue::Time(time) => time.0.readable(),
        GroupValue::Text(text) => fitted(text, PATH_WIDTH),
        GroupValue::Texts(texts) => {
            let shown = texts.iter().take(MOST_LISTED).map(|text| fitted(text, VALUE_WIDTH));
            shown.chain(more(texts.len() as u64, MOST_LISTED)).collect::<Vec<_>>().join(", ")
        }
    }
}

/// Returns, as text, where a record lies in its file, how far the record can be trusted, and
/// whether the record or its file was deleted.
fn place(place: &RecordPlace) -> String {
    let mut text = format!("byte {} of the file", grouped_signed(place.record_offset));
    if let Some(id) = place.event_record_id {
        let _ = write!(text, ", EventRecordID {id}");
    }
    let _ = write!(text, ", {}", fitted(&place.integrity, VALUE_WIDTH));
    if let Some(from) = &place.recovered_from {
        let _ = write!(text, ", from a deleted record: {}", fitted(from, VALUE_WIDTH));
    }
    if let Some(time) = place.snapshot_time {
        let _ = write!(text, ", shadow copy of {}", time.0.readable());
    }
    if place.deleted_file {
        text.push_str(", deleted file");
    }
    text
}

fn grouped_signed(number: i64) -> String {
    u64::try_from(number).map_or_else(|_| number.to_string(), grouped)
}
