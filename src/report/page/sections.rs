//! The sections of the page that consist of paragraphs and lists: hosts that are not cleared, files
//! and containers that could not be read, anomalies of logs, leads, exclusions, and rules that did
//! not run.
//!
//! A new section of this form begins here, in [`sections`]; the page gets a link to it by itself. A
//! section of another form needs a field of `document::Document`, and a place in `page.html`.

use super::document::{Kind, Listing, Section};
use super::hosts::verdict;
use super::words::{evidence, host, joined, left_out, named, optional, optional_time, path, text};
use crate::config::Leads;
use crate::report::answer::{Answer, HostRemark, Listed, Uncleared};
use crate::report::exclusion::ExclusionRecord;
use crate::report::flawed_file::{FirstProblem, FlawedFile, MissedContainer};
use crate::report::process_wording::process_counts;
use crate::report::run::RefusedRecord;
use crate::report::wording::{counted, grouped};

/// The maximum number of rows of each of these lists: hosts that are not cleared, exclusions, and
/// rules that did not run. Further rows are only counted.
const MOST_ROWS: usize = 500;
/// The maximum number of hosts that the page names for an exclusion, among those on which it
/// removed events. Further hosts are only counted.
const MOST_HOSTS: usize = 20;

/// Returns the page's sections that consist of paragraphs and lists, in the order of the page.
pub(super) fn sections(answer: &Answer) -> Vec<Section> {
    let mut sections = vec![not_cleared(answer), unread(answer), odd(answer)];
    sections.extend(leads(answer));
    sections.extend(exclusions(answer));
    sections.push(rules(answer));
    sections
}

/// Returns a section without facts: its id, the text of the link to it, and what it shows.
fn section(
    (id, link): (&'static str, &'static str),
    title: &'static str,
    paragraphs: Vec<String>,
    tables: Vec<Listing>,
) -> Section {
    Section { id, link, title, paragraphs, facts: Vec::new(), tables }
}

fn not_cleared(answer: &Answer) -> Section {
    let mut list = Listing::new(
        "Hosts that are not cleared",
        &[
            ("Host", Kind::Name),
            ("Why it is not cleared", Kind::Wide),
            ("Records", Kind::Number),
            ("Of Sysmon", Kind::Number),
            ("DNS queries", Kind::Number),
            ("First record (UTC)", Kind::Time),
            ("Last record (UTC)", Kind::Time),
            ("Evidence", Kind::Text),
        ],
        "Every host without matches is cleared.",
    );
    for of in answer.uncleared.items.iter().take(MOST_ROWS) {
        let facts = &of.facts;
        let mut why = vec![verdict(facts)];
        why.extend(facts.uncleared.map(|reason| explanation(reason).to_owned()));
        list.push_lines([
            vec![host(facts)],
            why,
            vec![grouped(facts.seen.records)],
            vec![grouped(facts.seen.sysmon_records)],
            vec![grouped(facts.seen.dns_queries)],
            vec![optional_time(facts.seen.first_record)],
            vec![optional_time(facts.seen.last_record)],
            vec![evidence(facts)],
        ]);
    }
    let more = answer.uncleared.count.saturating_sub(list.rows.len() as u64);
    let list = list.titled("", left_out(more, "host", "hosts", "hosts.parquet"));
    let about = match answer.uncleared.count {
        0 => Vec::new(),
        _ => vec![
            "No match was found on these hosts, and that proves nothing: what they asked for is not, or not wholly, known. \
             Those of which least is known come first."
                .to_owned(),
        ],
    };
    section(("uncleared", "Not cleared"), "Hosts not cleared, and why", about, vec![list])
}

/// Returns an explanation of a reason why hosts are not cleared (why their absence of matches
/// proves nothing): what the reason means, and what could be done about it.
fn explanation(reason: Uncleared) -> &'static str {
    match reason {
        Uncleared::UnreadableTimes => {
            "Some records have no readable time, so that they may lie in the period."
        }
        Uncleared::PeriodCoveredInPart => {
            "Its DNS queries do not reach from the start to the end of the period: look for older or newer logs of it."
        }
        Uncleared::Incomplete => {
            "A log or container of its evidence could not be read whole: see the section on damage."
        }
        Uncleared::NoDnsQueriesInPeriod => "It logged DNS queries, but none in the period.",
        Uncleared::NoDnsQueriesLogged => {
            "Sysmon ran, but its configuration logs no DNS queries, or they were overwritten."
        }
        Uncleared::NoSysmon => {
            "Records of other logs were seen: Sysmon did not run, or its log was not collected."
        }
        Uncleared::NoRecords => "Its logs have no record: they were cleared, or are new.",
        Uncleared::Unreadable => "No part of its logs could be read: collect them again.",
        Uncleared::NoEventLogs => "No event log was collected of it.",
        Uncleared::RecoveredMatches => {
            "Detections describe events in its deleted records: see the matches. Its live records have none."
        }
    }
}

fn unread(answer: &Answer) -> Section {
    let totals = &answer.run.totals;
    let mut files = Listing::new(
        "Files with a problem",
        &[
            ("Evidence", Kind::Text),
            ("File", Kind::Code),
            ("Status", Kind::Text),
            ("Lost bytes", Kind::Number),
            ("Lost records", Kind::Number),
            ("First problem", Kind::Wide),
        ],
        "No file has a problem: each one that can hold event logs was read to its end.",
    );
    answer.run.flawed_files.iter().for_each(|file| files.push_lines(flawed(file)));
    let of_files =
        totals.damaged_files + totals.unreadable_files + totals.empty_files + totals.not_event_logs;
    let more = left_out(of_files.saturating_sub(files.rows.len() as u64), "file", "files", "files.parquet");
    let mut containers = Listing::new(
        "Containers that were not read whole",
        &[
            ("Evidence", Kind::Text),
            ("Container", Kind::Code),
            ("Kind", Kind::Text),
            ("Status", Kind::Text),
            ("First problem", Kind::Wide),
        ],
        "No archive, disk image, volume or shadow copy was missed.",
    );
    answer.run.missed_containers.iter().for_each(|container| containers.push_lines(missed(container)));
    let missed = totals.missed_containers.saturating_sub(containers.rows.len() as u64);
    let missed = left_out(missed, "container", "containers", "containers.parquet");
    let tables = vec![files.titled("Files", more), containers.titled("Containers not read", missed)];
    section(("damage", "Damage"), "Damage, and what could not be read", what_was_read(answer), tables)
}

fn what_was_read(answer: &Answer) -> Vec<String> {
    let totals = &answer.run.totals;
    let mut paragraphs = vec![format!(
        "Read: {}, {} of Sysmon, {}.",
        counted(totals.records, "record", "records"),
        grouped(totals.sysmon_records),
        counted(totals.dns_queries, "DNS query", "DNS queries")
    )];
    if let Some(counts) = &answer.process_counts {
        paragraphs.push(format!("{}.", process_counts(counts)));
    }
    let not_begun = totals.interrupted_files + totals.not_read_files;
    if not_begun > 0 || totals.evidence_not_reached > 0 || totals.not_read_containers > 0 {
        paragraphs.push(format!(
            "The interruption left {}, {} and {} unread.",
            counted(not_begun, "file", "files"),
            counted(totals.not_read_containers, "container", "containers"),
            counted(totals.evidence_not_reached, "whole piece of evidence", "whole pieces of evidence")
        ));
    }
    if totals.partial_deleted_files > 0 {
        let files = counted(totals.partial_deleted_files, "deleted file is", "deleted files are");
        paragraphs.push(format!("Only a part of {files} left in its volume."));
    }
    if totals.shadow_copies_not_looked_at > 0 {
        let copies = counted(totals.shadow_copies_not_looked_at, "shadow copy was", "shadow copies were");
        paragraphs.push(format!("{copies} listed and not read: --vss reads their logs."));
    }
    let passed = &answer.run.passed_over;
    let others =
        passed.other_files + passed.side_files + passed.containers + passed.links + passed.special_files;
    if others > 0 {
        let files = counted(others, "file was", "files were");
        paragraphs.push(format!(
            "{files} passed over, because they are no event logs or are links: see passed_over in run.json."
        ));
    }
    for (form, files) in &passed.event_forms {
        let count = counted(files.files, "file has", "files have");
        paragraphs.push(format!(
            "{count} events as {}, which is not read (first {}).",
            form.name(),
            text(&files.first)
        ));
    }
    paragraphs
}

fn flawed(file: &FlawedFile) -> [Vec<String>; 6] {
    [
        vec![text(&file.evidence)],
        vec![path(&file.source_path)],
        vec![text(&file.status)],
        vec![grouped(file.lost_bytes)],
        vec![grouped(file.lost_records)],
        problem(file.first_problem.as_ref(), file.problems),
    ]
}

fn missed(container: &MissedContainer) -> [Vec<String>; 5] {
    [
        vec![text(&container.evidence)],
        vec![path(&container.source_path)],
        vec![text(&container.kind)],
        vec![text(&container.status)],
        problem(container.first_problem.as_ref(), container.problems),
    ]
}

/// Returns lines with the first problem of a file or container, and with the number of its other
/// problems. `all` is the number of all its problems.
fn problem(first: Option<&FirstProblem>, all: u64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    if let Some(first) = first {
        let place =
            if first.length > 0 { format!("at byte {}: ", grouped(first.offset)) } else { String::new() };
        lines.push(format!("{place}{}", text(&first.problem)));
    }
    if all > 1 {
        lines.push(counted(all - 1, "more problem", "more problems"));
    }
    lines
}

fn odd(answer: &Answer) -> Section {
    let remarks =
        |remarks: &Listed<HostRemark>, caption: &'static str, column: &'static str, none: &'static str| {
            let mut list = Listing::new(caption, &[("Host", Kind::Name), (column, Kind::Wide)], none);
            for remark in &remarks.items {
                list.push([named(remark.computer.as_deref()), text(&remark.remark)]);
            }
            list
        };
    let none = "Apart from damage and the notes below, nothing is odd about the logs themselves. Odd values in events are said with the matches.";
    let odd = remarks(&answer.anomalies, "Anomalies of hosts' logs", "What is odd", none);
    let mut notes = remarks(&answer.notes, "Notes on hosts' logs", "Note", "No other remarks.");
    let totals = &answer.run.totals;
    if totals.files_in_use > 0 {
        let all = counted(totals.files, "file was", "files were");
        let in_use = format!(
            "{} of {all} in use when copied, as logs of a running machine are",
            grouped(totals.files_in_use)
        );
        notes.push(["(all)".to_owned(), in_use]);
    }
    let about = match answer.anomalies.count {
        0 => Vec::new(),
        _ => vec![
            "What is odd about the logs themselves, besides damage. It can mean a cleared or edited log, a changed clock, or \
             a collection that mixes machines."
                .to_owned(),
        ],
    };
    let left_out = |of: &Listed<HostRemark>, column| left_out(of.cut(), "remark", "remarks", column);
    let tables = vec![
        odd.titled("", left_out(&answer.anomalies, "anomalies in hosts.parquet")),
        notes.titled("Usual, but good to know", left_out(&answer.notes, "notes in hosts.parquet")),
    ];
    section(("anomalies", "Anomalies"), "Anomalies in the logs", about, tables)
}

fn leads(answer: &Answer) -> Option<Section> {
    let leads = answer.leads.as_ref().filter(|_| answer.run.options.leads == Leads::DnsClient)?;
    let mut list = Listing::new(
        "Hosts with leads",
        &[("Host", Kind::Name), ("Leads", Kind::Number), ("With copies", Kind::Number)],
        "No lead was found.",
    );
    for host in &leads.items {
        list.push([named(host.computer.as_deref()), grouped(host.unique_leads), grouped(host.leads)]);
    }
    let about = "Queries for names that detections describe, in the log of Windows' own DNS client. Which program made \
                 them is not known, so these are leads and no matches. leads.parquet has each.";
    let list = list.titled("", left_out(leads.cut(), "host with leads", "hosts with leads", "hosts.parquet"));
    Some(section(("leads", "Leads"), "Leads", vec![about.to_owned()], vec![list]))
}

fn exclusions(answer: &Answer) -> Option<Section> {
    let all = &answer.run.exclusions;
    let mut list = Listing::new(
        "Exclusions",
        &[
            ("Exclusion", Kind::Name),
            ("Why", Kind::Wide),
            ("What it describes", Kind::Code),
            ("Took away", Kind::Number),
            ("On", Kind::Text),
            ("File", Kind::Code),
        ],
        "",
    );
    all.iter().take(MOST_ROWS).for_each(|exclusion| list.push_lines(excluded(exclusion)));
    let more = left_out((all.len() - list.rows.len()) as u64, "exclusion", "exclusions", "run.json");
    let about = "Events that the site says are known. They are no matches.";
    let list = list.titled("", more);
    (!all.is_empty())
        .then(|| section(("exclusions", "Exclusions"), "Exclusions", vec![about.to_owned()], vec![list]))
}

fn excluded(exclusion: &ExclusionRecord) -> [Vec<String>; 6] {
    let expiry = match (&exclusion.expires, exclusion.expired) {
        (Some(day), true) => format!("expired on {}, so it was not applied", text(day)),
        (Some(day), false) => format!("expires on {}", text(day)),
        (None, _) => "does not expire".to_owned(),
    };
    let hosts = exclusion.hosts.iter().take(MOST_HOSTS).map(|host| host.computer.as_str());
    let more = exclusion.hosts.len().saturating_sub(MOST_HOSTS) as u64;
    let only = exclusion
        .detections
        .as_deref()
        .map(|ids| format!("only for {}", joined(ids.iter().map(String::as_str), 0)));
    [
        vec![text(&exclusion.name), expiry],
        vec![text(&exclusion.reason)],
        std::iter::once(text(&exclusion.search)).chain(only).collect(),
        vec![grouped(exclusion.excluded_matches), counted(exclusion.excluded_leads, "lead", "leads")],
        vec![joined(hosts, more)],
        vec![text(&exclusion.file), text(&exclusion.sha256)],
    ]
}

fn rules(answer: &Answer) -> Section {
    let counts = &answer.run.rules;
    let mut about = vec![format!("{} ran.", counted(counts.run, "rule", "rules"))];
    if counts.refused > 0 {
        let refused = counted(counts.refused, "rule was refused", "rules were refused");
        about.push(format!("{refused}: what they would find is unknown."));
    } else {
        about.push("No rule about DNS queries was refused.".to_owned());
    }
    if counts.files_without_a_rule > 0 {
        let files = counted(counts.files_without_a_rule, "file contains", "files contain");
        about.push(format!("{files} no rule."));
    }
    let list = |rules: &[RefusedRecord], title: &'static str| {
        let columns = [("File", Kind::Code), ("Why it did not run", Kind::Wide)];
        let mut list = Listing::new(title, &columns, "");
        rules.iter().take(MOST_ROWS).for_each(|rule| list.push([text(&rule.source), text(&rule.reason)]));
        let more = (rules.len() - list.rows.len()) as u64;
        list.titled(title, left_out(more, "rule", "rules", "run.json"))
    };
    let refused = list(&answer.run.refused_detections, "Refused");
    let others = list(&answer.run.other_data_detections, "About other data than DNS queries");
    section(
        ("rules", "Rules"),
        "Rules that ran, and that did not",
        vec![about.join(" ")],
        vec![refused, others],
    )
}

/// Returns an optional text of `run.json` as a list of one line; an empty list if there is no text.
pub(super) fn line(value: Option<&str>) -> Vec<String> {
    let line = optional(value);
    if line.is_empty() { Vec::new() } else { vec![line] }
}
