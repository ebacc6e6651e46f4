//! The answer of a sweep (what was found on which hosts) as Markdown, for a wiki, a ticket or a
//! case file. Every text from the evidence is a code span, so that none of it is read as Markdown
//! or HTML, or becomes a link.

mod hosts;
mod value;

use std::fmt::Write;

pub use self::hosts::hosts;
use self::hosts::process_tree;
use self::value::{code, more, name, optional, time};
use super::answer::{Answer, Listed, Risk, TopValues};
use super::flawed_file::FirstProblem;
use super::process_wording::process_counts;
use super::wording::{counted, grouped};

/// The maximum number of hosts whose process trees the Markdown summary of a sweep contains: the
/// first hosts, which are the worst.
const MOST_TREES: usize = 4;
/// The maximum number of detections, and of exclusions, that the Markdown lists. If there are more,
/// it refers to `run.json`.
const MOST_LISTED: usize = 100;

/// Returns the summary of a sweep as Markdown. `directory` is the path of the output directory.
#[must_use]
pub fn summary(answer: &Answer, directory: &str) -> String {
    let totals = &answer.run.totals;
    let mut text = String::from("# Summary of a sweep\n\n");
    if answer.run.interrupted {
        text.push_str("**INTERRUPTED**: this is what was found until then.\n\n");
    }
    let matches = counted(totals.unique_matches, "match", "matches");
    let hosts = counted(totals.hosts, "host", "hosts");
    let _ = writeln!(
        text,
        "**{matches} on {} of {hosts}**; {} cleared, {} not cleared.\n",
        grouped(totals.hosts_with_matches),
        grouped(answer.cleared_count),
        grouped(answer.uncleared.count)
    );
    if let Some(first) = &answer.first_match {
        let _ = writeln!(
            text,
            "First match: {} on {}: {} was asked for by {}.\n",
            time(first.found.time),
            code(&first.computer),
            optional(first.found.query_name.as_deref()),
            optional(first.found.image.as_deref())
        );
    }
    left_out(&mut text, answer);
    matching_hosts(&mut text, answer);
    for host in answer.hosts.items.iter().take(MOST_TREES) {
        process_tree(&mut text, host);
    }
    not_cleared(&mut text, answer);
    for (head, values) in
        [("Names", &answer.query_names), ("Programs", &answer.processes), ("Users", &answer.users)]
    {
        top_values(&mut text, head, values);
    }
    patterns_inside_labels(&mut text, answer);
    let remarks = [("Anomalies", &answer.anomalies), ("Notes", &answer.notes)];
    for (head, remarks) in remarks.into_iter().filter(|(_, remarks)| remarks.count > 0) {
        let _ = writeln!(text, "## {head}\n");
        for remark in &remarks.items {
            let _ = writeln!(text, "- {}: {}", optional(remark.computer.as_deref()), code(&remark.remark));
        }
        more(&mut text, remarks);
    }
    looked_for(&mut text, answer);
    let _ = writeln!(text, "\nOutput: {}, complete {}", code(directory), code(&answer.run.finished));
    text
}

/// Writes which files, containers and rules were left out, because they could not be read or run.
/// Writes nothing if there are none.
fn left_out(text: &mut String, answer: &Answer) {
    let run = &answer.run;
    let mut lines: Vec<String> = Vec::new();
    for file in &run.flawed_files {
        let place = format!("{}: {}", code(&file.evidence), code(&file.source_path));
        lines.push(format!("{place}: {}{}", code(&file.status), problem(file.first_problem.as_ref())));
    }
    let files = run.totals.flawed_files().saturating_sub(run.flawed_files.len() as u64);
    for container in &run.missed_containers {
        let place = code(&container.source_path);
        let problem = problem(container.first_problem.as_ref());
        lines.push(format!("{place}: {}{problem}", code(&container.status)));
    }
    let containers = run.totals.missed_containers.saturating_sub(run.missed_containers.len() as u64);
    let left = run.totals.not_read_files + run.totals.interrupted_files;
    for (count, what) in [
        (files, "further damaged or unreadable files"),
        (containers, "further containers"),
        (left, "files that the interruption left unread"),
        (run.totals.evidence_not_reached, "pieces of evidence that the interruption left unread"),
        (run.totals.shadow_copies_not_looked_at, "shadow copies that were not looked at"),
        (run.rules.refused, "rules that dnsweep cannot run, so what they would find is unknown"),
    ] {
        if count > 0 {
            lines.push(format!("{} {what}", grouped(count)));
        }
    }
    if !lines.is_empty() {
        let _ = writeln!(text, "## Not read\n\n- {}\n", lines.join("\n- "));
    }
}

/// Returns a text with the first problem of a file or container, to be written after its status;
/// empty if there is no problem.
fn problem(first: Option<&FirstProblem>) -> String {
    first.map(|first| format!(": {}", code(&first.problem))).unwrap_or_default()
}

/// Writes what was looked for: the period, the detections and the exclusions. Then writes how many
/// processes and leads (queries of Windows' own DNS client that a detection describes) were found.
fn looked_for(text: &mut String, answer: &Answer) {
    let run = &answer.run;
    text.push_str("## What was looked for\n\n");
    for (word, time) in [("from", &run.since), ("until", &run.until)] {
        if let Some(time) = time {
            let _ = writeln!(text, "- only matches {word} {}", code(time));
        }
    }
    for detection in run.detections.iter().take(MOST_LISTED) {
        let matches = counted(detection.unique_matches, "match", "matches");
        let _ = writeln!(text, "- {}: {matches}", code(&detection.name));
    }
    for exclusion in run.exclusions.iter().take(MOST_LISTED) {
        let taken = counted(exclusion.excluded_matches, "match", "matches");
        let (name, reason) = (code(&exclusion.name), code(&exclusion.reason));
        let state = if exclusion.expired { "expired" } else { "takes away" };
        let _ = writeln!(text, "- exclusion {name}: {state}, {taken} ({reason})");
    }
    if run.detections.len().max(run.exclusions.len()) > MOST_LISTED {
        let _ = writeln!(text, "- … and more: see run.json");
    }
    if let Some(counts) = &answer.process_counts {
        let _ = writeln!(text, "- {}", process_counts(counts));
    }
    let Some(leads) = &answer.leads else { return };
    let (all, hosts) = (run.totals.unique_leads, leads.count);
    let (all, hosts) = (counted(all, "lead", "leads"), counted(hosts, "host", "hosts"));
    let _ = writeln!(text, "- {all} on {hosts}, which are no matches");
}

fn matching_hosts(text: &mut String, answer: &Answer) {
    if answer.hosts.count == 0 {
        return;
    }
    text.push_str("## Hosts with matches\n\n");
    text.push_str("| host | risk | matches | first (UTC) | last (UTC) | first asks for | by |\n");
    text.push_str("|---|---:|---:|---|---|---|---|\n");
    for host in &answer.hosts.items {
        let first = host.matches.listed.items.first();
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} |",
            name(&host.facts),
            host.matches.risk_score.map_or_else(|| "-".to_owned(), |score| score.to_string()),
            grouped(host.matches.unique),
            time(host.matches.first_time),
            time(host.matches.last_time),
            optional(first.and_then(|found| found.query_name.as_deref())),
            optional(first.and_then(|found| found.image.as_deref()))
        );
    }
    more(text, &answer.hosts);
}

fn not_cleared(text: &mut String, answer: &Answer) {
    if answer.uncleared.count == 0 {
        return;
    }
    text.push_str("## Not cleared\n\n");
    for reason in &answer.uncleared_counts {
        let _ = writeln!(text, "- {} {}", grouped(reason.hosts), reason.why.text());
    }
    text.push_str("\n| host | verdict | DNS queries | first (UTC) | last (UTC) |\n|---|---|---:|---|---|\n");
    for host in &answer.uncleared.items {
        let seen = &host.facts.seen;
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} |",
            name(&host.facts),
            code(&host.facts.verdict),
            grouped(seen.dns_queries),
            time(seen.first_query),
            time(seen.last_query)
        );
    }
    more(text, &answer.uncleared);
}

fn top_values(text: &mut String, head: &str, values: &TopValues) {
    if values.items.is_empty() {
        return;
    }
    let _ = writeln!(text, "## {head}\n\n| | matches | hosts |\n|---|---:|---:|");
    for value in &values.items {
        let (matches, hosts) = (grouped(value.matches), grouped(value.hosts));
        let _ = writeln!(text, "| {} | {matches} | {hosts} |", code(&value.value));
    }
    text.push('\n');
}

/// Writes the patterns with hits inside labels: hits in which the pattern's text is not whole
/// labels of the queried name (the parts between its dots). Writes nothing if there are none.
fn patterns_inside_labels(text: &mut String, answer: &Answer) {
    let patterns = &answer.patterns_inside_labels;
    if patterns.count == 0 {
        return;
    }
    text.push_str(
        "## Patterns with hits inside labels\n\n| pattern | hits | on a label boundary |\n|---|---:|---:|\n",
    );
    for found in &patterns.items {
        let (pattern, hits, on_label) = (code(&found.pattern), grouped(found.hits), grouped(found.on_label));
        let _ = writeln!(text, "| {pattern} | {hits} | {on_label} |");
    }
    more(text, patterns);
}

/// Returns the risk of hosts and users as Markdown: a table with a row for each of them.
#[must_use]
pub fn risk(risk: &Risk) -> String {
    let mut text = format!(
        "# Risk\n\nOf each host and user, the risk events in the {} hours that end with its last one.\n\n",
        risk.window_hours
    );
    text.push_str(
        "| at risk | type | score | events | first (UTC) | last (UTC) | rules | ATT&CK | messages |\n",
    );
    text.push_str("|---|---|---:|---:|---|---|---|---|---|\n");
    let joined =
        |listed: &Listed<String>| listed.items.iter().map(|text| code(text)).collect::<Vec<_>>().join(", ");
    for object in &risk.objects.items {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
            code(&object.object),
            code(&object.object_type),
            grouped(object.score),
            grouped(object.events),
            time(object.first_time),
            time(object.last_time),
            joined(&object.detections),
            joined(&object.mitre_attack_ids),
            joined(&object.messages)
        );
    }
    more(&mut text, &risk.objects);
    text
}
