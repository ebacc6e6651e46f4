//! What the page says about the sweep itself: the detections that ran with what their rules say,
//! the program, the machine and the tables.

use super::document::{DetectionCard, Fact, Kind, Listing};
use super::sections::line;
use super::words::{joined, prose, text};
use crate::config::Hashing;
use crate::event::PublicSuffixList;
use crate::report::answer::Answer;
use crate::report::run::{DetectionRecord, NameCondition, Run};
use crate::report::wording::{counted, grouped};

/// The maximum number of detections that the page shows with all that their rules say. Those with
/// most matches come first. Further detections are only counted.
const MOST_DETECTIONS: usize = 25;
/// The maximum number of values that the page shows under one name, such as roots of the evidence
/// (the folders and files that were swept).
const MOST_LINES: usize = 12;

/// Returns the text above the detections that ran. It says that their rules' words are not
/// findings.
pub(super) fn detections_intro() -> &'static str {
    "What the rules say of themselves. The techniques, stories and malware that they name are what their authors file them \
     under: they are not findings in this evidence."
}

/// Returns the detections that ran, those with most matches first, and a sentence on how many are
/// left out; empty if all are there.
pub(super) fn detections(run: &Run) -> (Vec<DetectionCard>, String) {
    let mut all: Vec<&DetectionRecord> = run.detections.iter().collect();
    all.sort_by_key(|detection| std::cmp::Reverse((detection.unique_matches, detection.recovered_matches)));
    let cards: Vec<DetectionCard> =
        all.iter().take(MOST_DETECTIONS).map(|detection| card(detection)).collect();
    let silent = all.iter().skip(MOST_DETECTIONS).filter(|detection| detection.matches == 0).count();
    let left_out = match all.len() - cards.len() {
        0 => String::new(),
        more => format!(
            "{}, {} of them without a match: see run.json.",
            counted(more as u64, "more detection ran", "more detections ran"),
            grouped(silent as u64)
        ),
    };
    (cards, left_out)
}

fn card(detection: &DetectionRecord) -> DetectionCard {
    let all = |values: &[String]| vec![joined(values.iter().map(String::as_str), 0)];
    let each = |values: &[String]| -> Vec<String> {
        values.iter().take(MOST_LINES).map(|value| text(value)).collect()
    };
    let version = line(detection.version.as_deref());
    let date = detection.date.as_deref().map(|date| format!("of {}", text(date)));
    let risk =
        detection.risk_score.map_or_else(|| "none in the rule".to_owned(), |score| format!("{score} of 100"));
    let content = detection.content.iter().take(MOST_LINES);
    let facts = vec![
        fact("Matches", matches(detection)),
        fact("Filed under ATT&CK techniques", all(&detection.mitre_attack_id)),
        fact("Filed under stories", all(&detection.analytic_story)),
        fact("Known false positives", each(&detection.false_positives)),
        fact("References", each(&detection.references)),
        fact("Risk score", vec![risk]),
        fact("Leads", leads(detection)),
        fact("Author", line(detection.author.as_deref())),
        fact("Version", vec![version.into_iter().chain(date).collect::<Vec<_>>().join(" ")]),
        fact("Language", vec![text(&detection.language)]),
        fact("Id", vec![text(&detection.id)]),
        fact("Rule", vec![text(&detection.source), format!("SHA-256 {}", text(&detection.sha256))]),
        fact(
            "Uses",
            content.map(|file| format!("{}, SHA-256 {}", text(&file.file), text(&file.sha256))).collect(),
        ),
        fact("Remarks", each(&detection.notes)),
    ];
    let paragraphs = detection.description.as_deref().map(prose).into_iter().collect();
    DetectionCard { name: text(&detection.name), paragraphs, facts: facts.into_iter().flatten().collect() }
}

/// Returns a name with those of its values that are not empty; `None` if all values are empty.
fn fact(name: &'static str, lines: Vec<String>) -> Option<Fact> {
    let lines: Vec<String> = lines.into_iter().filter(|line| !line.is_empty()).collect();
    (!lines.is_empty()).then_some(Fact { name, lines })
}

fn matches(detection: &DetectionRecord) -> Vec<String> {
    let mut lines = vec![counted(detection.unique_matches, "match", "matches")];
    let copies = detection.matches.saturating_sub(detection.unique_matches);
    if copies > 0 {
        lines.push(counted(copies, "copy of them", "copies of them"));
    }
    if detection.recovered_matches > 0 {
        lines.push(format!("{} in deleted records only", grouped(detection.recovered_matches)));
    }
    lines
}

fn leads(detection: &DetectionRecord) -> Vec<String> {
    let line = detection.leads.map(|leads| match leads.names {
        NameCondition::Some => counted(leads.unique_leads, "lead", "leads"),
        NameCondition::Every => "none: its condition can be met by every name".to_owned(),
        NameCondition::None => "none: its condition can be met by no name".to_owned(),
    });
    line.into_iter().collect()
}

/// Returns what ran, each as a name with values: the program, its arguments, the machine and its
/// clock, and the evidence.
pub(super) fn facts(answer: &Answer) -> Vec<Fact> {
    let run = &answer.run;
    let machine = &run.machine;
    let some = |values: &[String]| -> Vec<String> {
        let mut lines: Vec<String> = values.iter().take(MOST_LINES).map(|value| text(value)).collect();
        if values.len() > MOST_LINES {
            lines.push(format!("and {} more: see run.json", grouped((values.len() - MOST_LINES) as u64)));
        }
        lines
    };
    let threads = counted(run.threads as u64, "thread", "threads");
    let resumed = (run.resumed_files > 0)
        .then(|| format!("resumed: {} had been read before", counted(run.resumed_files, "file", "files")));
    let status = run.exit_status.map(|status| format!("exit status {status}"));
    let facts = [
        fact("Program", vec![format!("dnsweep {}, {threads}", text(&run.dnsweep))]),
        fact("Command line", vec![joined_words(&run.arguments)]),
        fact("Working directory", line(run.working_directory.as_deref())),
        fact("Options that are set", vec![options(run)]),
        fact("Started (UTC)", line(Some(&run.started))),
        fact("Finished (UTC)", line(Some(&run.finished))),
        fact("Time zone of the machine", line(run.time_zone.as_deref())),
        fact("How it ended", status.into_iter().chain(resumed).collect()),
        fact(
            "Machine",
            vec![
                text(&machine.name),
                joined([&*machine.system, &machine.release, &machine.version, &machine.architecture], 0),
            ],
        ),
        fact("Roots of the evidence", some(&run.roots)),
        fact("Pieces of evidence", some(&run.evidence)),
        fact("Public suffix list", vec![suffix_list(run)]),
    ];
    facts.into_iter().flatten().collect()
}

/// Returns a text on the public suffix list by which queried names were split: its source, version
/// and date.
fn suffix_list(run: &Run) -> String {
    let PublicSuffixList { source, version, date } = &run.public_suffix_list;
    format!("{} {}, of {}", text(source), text(version), text(date))
}

/// Returns a command line in which words that are empty or contain blanks stand in single quotes.
fn joined_words(words: &[String]) -> String {
    let quoted = words.iter().map(|word| {
        if word.is_empty() || word.contains(char::is_whitespace) { format!("'{word}'") } else { word.clone() }
    });
    text(&quoted.collect::<Vec<_>>().join(" "))
}

/// Returns the names of the options that are set, spelled as in `run.json`, each with its value if
/// that is a number; `none` if no option is set.
fn options(run: &Run) -> String {
    let options = serde_json::to_value(&run.options).unwrap_or_default();
    let set = options.as_object().into_iter().flatten().filter_map(|(name, value)| match value {
        serde_json::Value::Bool(true) => Some(name.clone()),
        serde_json::Value::Number(number) => Some(format!("{name} {number}")),
        _ => None,
    });
    let set: Vec<String> = set.collect();
    if set.is_empty() { "none".to_owned() } else { set.join(", ") }
}

/// Returns the list of the output's tables, each with its rows, bytes and SHA-256.
pub(super) fn outputs(run: &Run) -> Listing {
    let columns =
        [("Table", Kind::Text), ("Rows", Kind::Number), ("Bytes", Kind::Number), ("SHA-256", Kind::Code)];
    let mut list = Listing::new("Tables of this output", &columns, "No table is listed.");
    for output in &run.outputs {
        list.push([text(&output.file), grouped(output.rows), grouped(output.bytes), text(&output.sha256)]);
    }
    let more = (run.outputs.len() - list.rows.len()) as u64;
    list.titled("", super::words::left_out(more, "table", "tables", "run.json"))
}

/// Returns a sentence on how far the evidence can be compared with the ledger (`files.parquet`): by
/// contents, or only by names and sizes.
pub(super) fn comparable(run: &Run) -> &'static str {
    match run.options.hashing {
        Hashing::Sha256 => "It has the SHA-256 of each file that could be read whole.",
        Hashing::None => {
            "This sweep ran without --hash, so that only names and sizes of evidence can be compared, not contents."
        }
    }
}
