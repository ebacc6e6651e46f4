//! The answer of a sweep (what was found on which hosts) as CSV: a row for each host, match or
//! object at risk. Control characters in texts are escaped. The Parquet tables have every text as
//! it was logged.

use std::collections::HashMap;
use std::io::{self, Write};

use super::answer::{Answer, HostFacts, HostInDetail, Listed, MatchedRule, Risk, TreeProcess, UtcTime};
use super::csv_writer::CsvWriter;
use super::escape::escaped;

/// The maximum number of ancestors of the querying process that the column `started_by` names in
/// the row of a match: the nearest ones. Older ancestors are left out.
const MOST_ANCESTORS: usize = 16;
/// The columns of the CSV that has a row for each host.
const HOST: [&str; 16] = [
    "computer",
    "evidence",
    "verdict",
    "cleared",
    "not_cleared_because",
    "risk_score",
    "matches",
    "first_match",
    "last_match",
    "first_query_name",
    "first_image",
    "dns_queries",
    "first_query",
    "last_query",
    "damaged_files",
    "anomalies",
];
/// The columns of the CSV that has a row for each match.
const MATCH: [&str; 21] = [
    "time",
    "computer",
    "query_name",
    "query_status",
    "answers",
    "image",
    "process_id",
    "user",
    "detections",
    "patterns",
    "patterns_on_label",
    "risk_messages",
    "evidence",
    "source_path",
    "record_offset",
    "event_record_id",
    "integrity",
    "command_line",
    "parent_image",
    "parent_command_line",
    "started_by",
];
/// The columns of the CSV that has a row for each object at risk, which is a host or a user.
const RISK: [&str; 11] = [
    "object",
    "type",
    "score",
    "events",
    "earlier_events",
    "first_time",
    "last_time",
    "detections",
    "mitre_attack_ids",
    "analytic_stories",
    "messages",
];

/// Writes CSV with a row for each host that `answer` lists: first the hosts with matches, then the
/// hosts that are not cleared, then the cleared ones.
pub fn write_hosts(answer: &Answer, to: impl Write) -> io::Result<()> {
    let mut rows = Rows::begin(to, &HOST)?;
    for host in answer.hosts.items.iter().chain(&answer.uncleared.items) {
        rows.push(host_row(&host.facts, Some(host)))?;
    }
    for facts in &answer.cleared.items {
        rows.push(host_row(facts, None))?;
    }
    rows.end()
}

fn host_row(facts: &HostFacts, detail: Option<&HostInDetail>) -> [String; 16] {
    let matches = detail.map(|host| &host.matches);
    let first = matches.and_then(|matches| matches.listed.items.first());
    let seen = &facts.seen;
    let has_matches = matches.is_some_and(|matches| matches.all > 0);
    let is_cleared = facts.uncleared.is_none() && !has_matches;
    [
        optional(facts.computer.as_deref()),
        joined(&facts.evidence.items),
        text(&facts.verdict),
        is_cleared.to_string(),
        facts.uncleared.map(|why| why.text().to_owned()).unwrap_or_default(),
        number(matches.filter(|_| has_matches).and_then(|matches| matches.risk_score)),
        matches.map_or(0, |matches| matches.unique).to_string(),
        time(matches.and_then(|matches| matches.first_time)),
        time(matches.and_then(|matches| matches.last_time)),
        optional(first.and_then(|found| found.query_name.as_deref())),
        optional(first.and_then(|found| found.image.as_deref())),
        seen.dns_queries.to_string(),
        time(seen.first_query),
        time(seen.last_query),
        seen.damaged_files.to_string(),
        joined(&facts.anomalies.items),
    ]
}

/// Writes CSV with a row for each match that `answer` lists, host by host.
pub fn write_matches(answer: &Answer, to: impl Write) -> io::Result<()> {
    let mut rows = Rows::begin(to, &MATCH)?;
    for host in answer.hosts.items.iter().chain(&answer.uncleared.items) {
        let tree = host.matches.process_tree.as_ref().map_or(&[][..], |tree| &tree.items);
        let lines = ancestry(tree);
        for found in &host.matches.listed.items {
            let rules = || found.rules.iter();
            let patterns = rules().flat_map(MatchedRule::patterns).map(|(pattern, _)| pattern);
            let on_label = rules().flat_map(|rule| &rule.query_patterns_on_label);
            let process = found.process_guid.as_deref().and_then(|guid| lines.get(guid));
            let own = process.map(|(process, _)| *process);
            rows.push([
                time(found.time),
                optional(host.facts.computer.as_deref()),
                optional(found.query_name.as_deref()),
                optional(found.query_status.as_deref()),
                joined(&found.answers),
                optional(found.image.as_deref()),
                number(found.process_id),
                optional(found.user.as_deref()),
                joined(rules().map(|rule| &rule.name)),
                joined(patterns),
                joined(on_label),
                joined(rules().filter_map(|rule| rule.risk_message.as_ref())),
                text(&found.place.evidence),
                text(&found.place.source_path),
                found.place.record_offset.to_string(),
                number(found.place.event_record_id),
                text(&found.place.integrity),
                optional(own.and_then(|process| process.command_line.as_deref())),
                optional(own.and_then(|process| process.parent_image.as_deref())),
                optional(own.and_then(|process| process.parent_command_line.as_deref())),
                process.map(|(_, started_by)| text(started_by)).unwrap_or_default(),
            ])?;
        }
    }
    rows.end()
}

/// Returns the processes of a tree by their GUIDs, each with the paths of its nearest
/// [`MOST_ANCESTORS`] ancestors as one text: the oldest first, the parent last, with ` > ` between
/// them.
fn ancestry(tree: &[TreeProcess]) -> HashMap<&str, (&TreeProcess, String)> {
    let mut line: Vec<(u32, &str)> = Vec::new();
    let mut lines = HashMap::new();
    for process in tree {
        while line.last().is_some_and(|(last, _)| *last >= process.level) {
            line.pop();
        }
        // A line has as many processes as the tree has levels, which forged logs can make many.
        let nearest = line.iter().skip(line.len().saturating_sub(MOST_ANCESTORS)).map(|(_, image)| *image);
        let started_by = nearest.collect::<Vec<_>>().join(" > ");
        line.push((process.level, process.image.as_deref().unwrap_or("?")));
        lines.insert(process.process_guid.as_str(), (process, started_by));
    }
    lines
}

/// Writes CSV with a row for each object at risk, which is a host or a user.
pub fn write_risk(risk: &Risk, to: impl Write) -> io::Result<()> {
    let mut rows = Rows::begin(to, &RISK)?;
    let list = |listed: &Listed<String>| joined(&listed.items);
    for object in &risk.objects.items {
        rows.push([
            text(&object.object),
            text(&object.object_type),
            object.score.to_string(),
            object.events.to_string(),
            object.earlier_events.to_string(),
            time(object.first_time),
            time(object.last_time),
            list(&object.detections),
            list(&object.mitre_attack_ids),
            list(&object.analytic_stories),
            list(&object.messages),
        ])?;
    }
    rows.end()
}

/// Writes rows of CSV. Each has exactly `N` cells, as many as there are columns.
struct Rows<W: Write, const N: usize>(CsvWriter<W>);

impl<W: Write, const N: usize> Rows<W, N> {
    fn begin(to: W, columns: &[&str; N]) -> io::Result<Self> {
        let mut rows = Rows(CsvWriter::new(to));
        rows.push(columns.map(str::to_owned))?;
        Ok(rows)
    }

    fn push(&mut self, row: [String; N]) -> io::Result<()> {
        for cell in row {
            self.0.text(&cell)?;
        }
        self.0.end_line()
    }

    fn end(self) -> io::Result<()> {
        self.0.end()
    }
}

/// Returns a text from evidence with its control characters escaped, as a cell of CSV shows it.
fn text(text: &str) -> String {
    escaped(text).into_owned()
}

fn optional(value: Option<&str>) -> String {
    value.map(text).unwrap_or_default()
}

fn joined<'t, T: AsRef<str> + ?Sized + 't>(texts: impl IntoIterator<Item = &'t T>) -> String {
    let all: Vec<&str> = texts.into_iter().map(AsRef::as_ref).collect();
    text(&all.join("; "))
}

fn number(number: Option<i64>) -> String {
    number.map(|number| number.to_string()).unwrap_or_default()
}

fn time(time: Option<UtcTime>) -> String {
    time.map(|UtcTime(time)| time.rfc3339()).unwrap_or_default()
}
