//! Single hosts as Markdown: their matches, their rows in detections' `stats` tables (matches,
//! grouped and counted), and their process trees.

use std::fmt::Write;

use super::value::{code, more, name, optional, span, time};
use crate::report::answer::{
    Answer, GroupValue, HostGroups, HostInDetail, Match, MatchedRule, PatternPlace, TreeProcess,
};
use crate::report::process_wording::missing_start;
use crate::report::wording::counted;

/// The maximum number of levels by which the Markdown indents a process tree. Deeper processes have
/// the same indent.
const DEEPEST: u32 = 20;
/// The maximum number of DNS answers, and of patterns of a rule, that the Markdown shows for a
/// match. Further ones are marked by an ellipsis.
const MOST_IN_A_CELL: usize = 8;

/// Returns what is known of each host that `answer` lists, as Markdown with a heading for each
/// host.
#[must_use]
pub fn hosts(answer: &Answer) -> String {
    let mut text = String::new();
    for host in answer.hosts.items.iter().chain(&answer.uncleared.items) {
        one_host(&mut text, host);
    }
    for facts in &answer.cleared.items {
        let _ = writeln!(text, "# {}\n\nVerdict: {}, cleared.\n", name(facts), code(&facts.verdict));
    }
    text
}

fn one_host(text: &mut String, host: &HostInDetail) {
    let matches = counted(host.matches.unique, "match", "matches");
    let verdict = code(&host.facts.verdict);
    let _ = writeln!(text, "# {}\n\nVerdict: {verdict}; {matches}.\n", name(&host.facts));
    for remark in host.facts.anomalies.items.iter().chain(&host.facts.notes.items) {
        let _ = writeln!(text, "- {}", code(remark));
    }
    for groups in &host.matches.groups {
        group_table(text, groups);
    }
    if host.matches.listed.items.is_empty() {
        return;
    }
    text.push_str(
        "\n## Matches\n\n| time (UTC) | name | program | user | answer | rules | file | record |\n",
    );
    text.push_str("|---|---|---|---|---|---|---|---|\n");
    for found in &host.matches.listed.items {
        match_row(text, found);
    }
    more(text, &host.matches.listed);
    process_tree(text, host);
}

/// Writes the process tree of a host as nested lists: each process is below the one that started
/// it. Writes nothing if the host has no process tree, or an empty one.
pub(super) fn process_tree(text: &mut String, host: &HostInDetail) {
    let Some(tree) = host.matches.process_tree.as_ref().filter(|tree| !tree.items.is_empty()) else { return };
    let _ = writeln!(text, "## Processes of {}\n", name(&host.facts));
    for process in &tree.items {
        let indent = "  ".repeat(process.level.min(DEEPEST) as usize);
        let _ = writeln!(text, "{indent}- {}", process_item(process));
    }
    more(text, tree);
}

fn process_item(process: &TreeProcess) -> String {
    let mut parts = vec![time(process.started)];
    parts.extend(process.process_id.map(|id| format!("PID {id}")));
    let program = process.command_line.as_deref().or(process.image.as_deref());
    parts.extend([process.user.as_deref(), program].into_iter().flatten().map(span));
    if process.matches > 0 {
        let names: Vec<String> = process.query_names.iter().map(|name| span(name)).collect();
        let matches = counted(process.matches, "match", "matches");
        parts.push(format!("**asked for {}** ({matches})", names.join(", ")));
    }
    parts.extend(missing_start(process).map(str::to_owned));
    parts.retain(|part| !part.is_empty());
    parts.join(", ")
}

fn match_row(text: &mut String, found: &Match) {
    let answers = cell(found.answers.iter().map(|answer| code(answer)));
    let rules: Vec<String> = found.rules.iter().map(rule).collect();
    let record = found.place.event_record_id.map(|id| id.to_string()).unwrap_or_default();
    let _ = writeln!(
        text,
        "| {} | {} | {} | {} | {} | {} | {} | {record} at {} |",
        time(found.time),
        optional(found.query_name.as_deref()),
        optional(found.image.as_deref()),
        optional(found.user.as_deref()),
        answers,
        rules.join(", "),
        code(&found.place.source_path),
        found.place.record_offset
    );
}

/// Returns the name of a rule, and the first [`MOST_IN_A_CELL`] of its patterns that an event
/// satisfies, as Markdown.
fn rule(rule: &MatchedRule) -> String {
    let pattern = |(pattern, place): (&str, PatternPlace)| format!("{}{}", code(pattern), place.remark());
    let patterns = cell(rule.patterns().map(pattern));
    let by = if patterns.is_empty() { "" } else { " by " };
    format!("{}{by}{patterns}", code(&rule.name))
}

/// Returns the first [`MOST_IN_A_CELL`] texts with commas between them, and an ellipsis if there
/// are more.
fn cell(mut texts: impl Iterator<Item = String>) -> String {
    let mut shown: Vec<String> = texts.by_ref().take(MOST_IN_A_CELL).collect();
    shown.extend(texts.next().map(|_| "…".to_owned()));
    shown.join(", ")
}

fn group_table(text: &mut String, groups: &HostGroups) {
    let columns: Vec<String> = groups.columns.iter().map(|column| code(column)).collect();
    let _ = writeln!(text, "\n## Groups of {}\n\n| {} |", code(&groups.detection_id), columns.join(" | "));
    let _ = writeln!(text, "|{}", "---|".repeat(columns.len()));
    for row in &groups.rows.items {
        let cells: Vec<String> = row.iter().map(group_cell).collect();
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    more(text, &groups.rows);
}

fn group_cell(value: &GroupValue) -> String {
    match value {
        GroupValue::Null => String::new(),
        GroupValue::Number(number) => number.to_string(),
        GroupValue::Time(found) => time(Some(*found)),
        GroupValue::Text(text) => code(text),
        GroupValue::Texts(texts) => texts.iter().map(|text| code(text)).collect::<Vec<_>>().join(", "),
    }
}
