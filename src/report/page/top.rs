//! The top of the page: the result of the sweep in a sentence, four key figures, and the first
//! hosts with matches.

use super::document::{KeyFigure, Kind, Listing, Tone, Top};
use super::groups::GroupedMatches;
use super::texts::TextId;
use super::words::{brief, host, left_out, optional_time, text, time};
use crate::report::answer::{Answer, PatternCount, UnclearedCount, UtcTime};
use crate::report::totals::Totals;
use crate::report::wording::{counted, grouped};

/// The maximum number of hosts with matches that the top of the page lists. Further hosts are only
/// counted.
const MOST_HOSTS: usize = 10;

/// The maximum number of patterns that the top of the page lists because their text lies inside a
/// label of a queried name (a part between its dots). Further patterns are only counted.
const MOST_PATTERNS: usize = 3;

/// Returns the top of the page: the result of the sweep in a sentence, four key figures, and the
/// worst hosts.
pub(super) fn top(answer: &Answer, matches: &GroupedMatches) -> Top {
    Top {
        notices: notices(answer),
        headline: headline(&answer.run.totals),
        sentences: sentences(answer, matches),
        figures: vec![
            matching(answer),
            since(answer, matches),
            uncleared(answer),
            unread(&answer.run.totals),
        ],
        worst: worst(answer, matches),
    }
}

/// Returns the result of the sweep in a sentence, such as `3 matches on 2 of 3 hosts`.
pub(super) fn headline(totals: &Totals) -> String {
    let hosts = counted(totals.hosts, "host", "hosts");
    match (totals.unique_matches, totals.records) {
        (0, 0) => format!("No record of an event log was read, of {hosts}"),
        (0, _) => format!("No match on {hosts}"),
        (matches, _) => {
            let matches = counted(matches, "match", "matches");
            format!("{matches} on {} of {hosts}", grouped(totals.hosts_with_matches))
        }
    }
}

fn notices(answer: &Answer) -> Vec<String> {
    let run = &answer.run;
    let mut notices = Vec::new();
    if run.interrupted {
        notices.push(
            "The sweep was INTERRUPTED: this is what was found until then. The same command with --resume goes on from there."
                .to_owned(),
        );
    }
    if run.rules.refused > 0 {
        notices.push(format!(
            "{} of {} could not be run, so what they would find is unknown: see the section on rules.",
            grouped(run.rules.refused),
            counted(run.rules.found, "rule", "rules")
        ));
    }
    notices
}

fn sentences(answer: &Answer, matches: &GroupedMatches) -> Vec<String> {
    let (run, totals) = (&answer.run, &answer.run.totals);
    let mut sentences = Vec::new();
    if let Some(first) = &matches.first {
        let known = |id: TextId, unknown: &str| {
            if id.is_empty() { unknown.to_owned() } else { brief(matches.texts.text(id)) }
        };
        let when = first
            .at
            .1
            .map_or_else(|| "at an unknown time".to_owned(), |at| format!("at {} UTC", time(UtcTime(at))));
        let program = if first.image.is_empty() { first.process } else { first.image };
        let account = known(first.user, "");
        sentences.push(format!(
            "The first match was on {} {when}: {} asked for {}{}.",
            known(first.computer, "a host without a name"),
            known(program, "an unknown program"),
            known(first.name, "an unknown name"),
            if account.is_empty() { account } else { format!(", under the account {account}") }
        ));
        sentences.push(MEANING.to_owned());
    }
    sentences.extend(inside_labels(answer));
    if totals.recovered_matches > 0 {
        let matches = counted(totals.recovered_matches, "more match is", "more matches are");
        sentences.push(format!("{matches} in deleted records only."));
    }
    sentences.extend(not_cleared(answer));
    sentences.push(read(answer));
    let period = [("from", &run.since), ("until", &run.until)];
    let period =
        period.iter().filter_map(|(word, end)| end.as_deref().map(|end| format!("{word} {}", text(end))));
    let period: Vec<String> = period.collect();
    if !period.is_empty() {
        sentences.push(format!("Only matches {} count.", period.join(" ")));
    }
    if totals.excluded_matches > 0 {
        let events = counted(totals.excluded_matches, "event was", "events were");
        sentences.push(format!("{events} taken away by the site's exclusions."));
    }
    sentences
}

/// Returns a sentence on patterns with hits inside labels: hits in which the pattern's text is not
/// whole labels of the queried name (the parts between its dots). `None` if there are none.
fn inside_labels(answer: &Answer) -> Option<String> {
    let patterns = &answer.patterns_inside_labels;
    let shown = patterns.items.iter().take(MOST_PATTERNS).map(|PatternCount { pattern, hits, on_label }| {
        format!("{} of {} of {}", grouped(*on_label), counted(*hits, "hit", "hits"), brief(pattern))
    });
    let shown = listed(shown, patterns.count);
    (patterns.count > 0).then(|| {
        format!("Some hits lie inside a word of the name, which may be another name than the rule means. On a label boundary are {shown}.")
    })
}

/// Returns a sentence on how many hosts without matches are not cleared (their absence of matches
/// proves nothing), and why; `None` if all hosts have matches.
fn not_cleared(answer: &Answer) -> Option<String> {
    let totals = &answer.run.totals;
    let others = totals.hosts.checked_sub(totals.hosts_with_matches).filter(|others| *others > 0)?;
    let hosts = if totals.hosts_with_matches == 0 { "hosts" } else { "hosts without matches" };
    Some(match totals.hosts_not_cleared {
        0 => {
            format!("All {} {hosts} are cleared for the time that their DNS logging covers.", grouped(others))
        }
        uncleared => format!(
            "{} of the {} {hosts} cannot be cleared: {}.{}",
            grouped(uncleared),
            grouped(others),
            uncleared_names(answer),
            if uncleared < others { CLEARED } else { "" }
        ),
    })
}

/// The sentence of the page that says what a match means.
const MEANING: &str = "A match means that a program asked for a name that a detection describes. It does not show what was transferred.";
/// The sentence of the page that says for which time hosts are cleared, so that nobody concludes
/// more from the absence of matches. It comes after the sentence that lists the hosts that are not
/// cleared.
const CLEARED: &str = " The others are cleared only for the time that their DNS logging covers.";
/// The maximum number of hosts, files or containers that are named in a sentence. The sentence only
/// counts the others.
const MOST_NAMES: usize = 3;

/// Returns the reasons why hosts are not cleared as text, each with the names of the first hosts
/// and the number of the others.
fn uncleared_names(answer: &Answer) -> String {
    let reason = |count: &UnclearedCount| {
        let names = count.first.iter().map(|of| match (&of.computer, &of.evidence) {
            (Some(name), _) if !name.is_empty() => brief(name),
            (_, evidence) => {
                format!("a nameless host in {}", brief(evidence.as_deref().unwrap_or("the evidence")))
            }
        });
        format!("{} ({})", listed(names, count.hosts), count.why.text())
    };
    answer.uncleared_counts.iter().map(reason).collect::<Vec<_>>().join("; ")
}

/// Returns the first [`MOST_NAMES`] names of `all` things as text, and how many more there are,
/// such as `a, b and 3 more`.
fn listed(names: impl Iterator<Item = String>, all: u64) -> String {
    let mut names: Vec<String> = names.take(MOST_NAMES).collect();
    let more = all.saturating_sub(names.len() as u64);
    if more > 0 {
        names.push(format!("{} more", grouped(more)));
    }
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
        None => String::new(),
    }
}

fn reasons(answer: &Answer) -> Vec<String> {
    let reason = |count: &UnclearedCount| format!("{} {}", grouped(count.hosts), count.why.text());
    answer.uncleared_counts.iter().map(reason).collect()
}

fn read(answer: &Answer) -> String {
    let (run, totals) = (&answer.run, &answer.run.totals);
    let incomplete = totals.files.saturating_sub(totals.sound_files());
    if incomplete == 0 && totals.missed_containers == 0 {
        return "Everything in the evidence that can hold event logs could be read.".to_owned();
    }
    let place = |evidence: &str, path: &str| match path.rsplit('/').next() {
        Some(file) if !file.is_empty() && file != evidence => {
            format!("{} of {}", brief(file), brief(evidence))
        }
        _ => brief(evidence),
    };
    let mut parts = Vec::new();
    if incomplete > 0 {
        let names = run.flawed_files.iter().map(|file| place(&file.evidence, &file.source_path));
        parts.push(format!("{} ({})", counted(incomplete, "file", "files"), listed(names, incomplete)));
    }
    if totals.missed_containers > 0 {
        let missed = totals.missed_containers;
        let names = run.missed_containers.iter().map(|missed| place(&missed.evidence, &missed.source_path));
        let containers = counted(missed, "archive, image or volume", "archives, images and volumes");
        parts.push(format!("{containers} ({})", listed(names, missed)));
    }
    format!(
        "{} could not be read, or not to the end without a problem: see the section on damage.",
        parts.join(" and ")
    )
}

fn matching(answer: &Answer) -> KeyFigure {
    let totals = &answer.run.totals;
    let mut details = vec![counted(totals.unique_matches, "match", "matches")];
    let copies = totals.matches.saturating_sub(totals.unique_matches);
    if copies > 0 {
        details.push(counted(copies, "copy of them", "copies of them"));
    }
    if totals.damaged_matches > 0 {
        details.push(format!("{} in damaged chunks", grouped(totals.damaged_matches)));
    }
    if let Some(risk) = answer.hosts.items.first().and_then(|host| host.matches.risk_score) {
        details.push(format!("highest risk score {risk}"));
    }
    let value = format!("{} of {}", grouped(totals.hosts_with_matches), grouped(totals.hosts));
    let tone = if totals.hosts_with_matches > 0 { Tone::Bad } else { Tone::Good };
    KeyFigure { label: "Hosts with matches", value, details, tone }
}

fn since(answer: &Answer, matches: &GroupedMatches) -> KeyFigure {
    let first = matches.first.as_ref().and_then(|first| first.at.1).map(UtcTime);
    let last = answer.hosts.items.iter().filter_map(|host| host.matches.last_time).max();
    let tone = if first.is_some() { Tone::Bad } else { Tone::Plain };
    let value = first.map_or_else(|| "none".to_owned(), time);
    let details = last.map(|last| format!("last match {}", time(last))).into_iter().collect();
    KeyFigure { label: "First match (UTC)", value, details, tone }
}

fn uncleared(answer: &Answer) -> KeyFigure {
    let count = answer.run.totals.hosts_not_cleared;
    let mut details = reasons(answer);
    details.push(if answer.run.totals.hosts_with_matches == answer.run.totals.hosts {
        "every host has matches".to_owned()
    } else {
        counted(
            answer.cleared_count,
            "host is cleared for the time logged",
            "hosts are cleared for the time logged",
        )
    });
    let tone = if count > 0 { Tone::Warn } else { Tone::Good };
    KeyFigure { label: "Hosts not cleared", value: grouped(count), details, tone }
}

fn unread(totals: &Totals) -> KeyFigure {
    let incomplete = totals.files.saturating_sub(totals.sound_files());
    let missed = incomplete + totals.missed_containers;
    let mut details = vec![format!(
        "{} of {} read to the end without a problem",
        grouped(totals.complete_files),
        counted(totals.files.saturating_sub(totals.unchanged_files), "file", "files")
    )];
    if totals.missed_containers > 0 {
        details.push(format!(
            "{} not read, or in part",
            counted(totals.missed_containers, "container", "containers")
        ));
    }
    let bytes = totals.bytes.saturating_sub(totals.unchanged_bytes);
    details.push(format!("{} of {} bytes", grouped(totals.bytes_read), grouped(bytes)));
    let value = if missed == 0 { "none".to_owned() } else { grouped(missed) };
    let tone = if missed == 0 { Tone::Good } else { Tone::Warn };
    KeyFigure { label: "Files and containers with a problem", value, details, tone }
}

fn worst(answer: &Answer, matches: &GroupedMatches) -> Listing {
    let mut list = Listing::new(
        "Hosts with matches, and the first query of each",
        &[
            ("Host", Kind::Name),
            ("Risk", Kind::Number),
            ("Matches", Kind::Number),
            ("First query (UTC)", Kind::Time),
            ("Program", Kind::Code),
            ("Asked for", Kind::Code),
            ("Account", Kind::Text),
        ],
        "",
    );
    for (of, matching) in answer.hosts.items.iter().zip(&matches.hosts).take(MOST_HOSTS) {
        let known = |id: Option<TextId>| id.map(|id| brief(matches.texts.text(id))).unwrap_or_default();
        let first = matching.first.as_ref();
        list.push([
            host(&of.facts),
            of.matches.risk_score.map(|risk| risk.to_string()).unwrap_or_default(),
            grouped(of.matches.unique),
            optional_time(first.and_then(|first| first.at.1).map(UtcTime)),
            known(first.map(|first| first.image)),
            known(first.map(|first| first.name)),
            known(first.map(|first| first.user)),
        ]);
    }
    let more = answer.hosts.count.saturating_sub(list.rows.len() as u64);
    let left_out = left_out(more, "host with matches", "hosts with matches", "the list of hosts below");
    list.titled("", left_out)
}
