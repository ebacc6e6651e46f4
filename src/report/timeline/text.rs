//! A timeline as text: each entry is one line or a few lines, wrapped at blanks to the width of the
//! terminal.

use super::entry::EntryKind;
use crate::event::{EventTime, record_type_name};
use crate::ledger::damage::Integrity;
use crate::report::escape::escaped;
use crate::report::export::DNS_CLIENT_RESPONSE;
use crate::report::summary::Colours;
use crate::report::summary::layout::{Layout, PATH_WIDTH, Tone, VALUE_WIDTH, fitted, padded};
use crate::report::wording::counted;
use crate::table::{Cell, Row};

/// The width, in columns, of the time of an entry, such as `2025-03-04 08:35:10.000Z`.
const TIME_WIDTH: usize = 24;
/// The width, in columns, of the kind of an entry, such as `process start`.
const KIND_WIDTH: usize = 14;
/// The number of digits of an event's hash that are shown. With these digits, `dnsweep show` finds
/// the event.
const HASH_DIGITS: usize = 12;
/// The maximum width, in columns, to which the names of computers are padded.
const MOST_COMPUTER: usize = 32;
/// The minimum width, in columns, beside time, kind, hash and computer, at which the queried name
/// or the command line is written in the same line. If there is less room, or if the text is longer
/// than the room, it is written in the line below.
const LEAST_BESIDE: usize = 60;
/// The indent of the lines below the first line of an entry.
const INDENT: &str = "    ";
/// The maximum number of answers to a query, and of detections, that are shown for an entry.
const MOST_LISTED: usize = 4;
/// The maximum difference between UtcTime and TimeCreated, in units of 100 ns, at which the text of
/// an entry shows UtcTime alone: five minutes. If they differ by more, it shows both.
const FAR: u64 = 5 * 60 * 10_000_000;
/// The text for a program that no event names.
const UNKNOWN: &str = "(unknown program)";

/// Formats the entries of a timeline as plain or coloured text, for a terminal or a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text {
    layout: Layout,
    /// The width, in characters, to which the name of the computer is padded.
    computer: usize,
}

impl Text {
    /// Makes a formatter for lines of `width` columns. `longest_computer` is the number of
    /// characters of the longest name of a computer in the timeline.
    pub(super) fn new(width: usize, colours: Colours, longest_computer: usize) -> Self {
        Text { layout: Layout { width, colours }, computer: longest_computer.min(MOST_COMPUTER) }
    }

    /// Returns the lines of an entry: its time and kind, the first digits of the event's hash, the
    /// computer, and what happened, such as the queried name and the program.
    pub(super) fn entry(&self, row: &Row<'_>) -> Vec<String> {
        let time = row.time("time").map_or_else(|| "at no readable time".to_owned(), readable);
        let kind = row.text("kind").unwrap_or_default();
        let hash = row.text("event_hash").unwrap_or_default();
        let hash: String = escaped(&hash).chars().take(HASH_DIGITS).collect();
        let begin = format!("{time:TIME_WIDTH$}  {kind:KIND_WIDTH$}  {hash:HASH_DIGITS$}  ");
        let computer = fitted(&row.text("computer").unwrap_or_default(), PATH_WIDTH);
        let Words { first, more } = Words::of(row, &kind);
        let beside = format!("{begin}{}  ", padded(&computer, self.computer));
        let has_room = self.layout.room_beside(&beside) >= LEAST_BESIDE;
        let mut lines = if has_room && self.layout.fits_beside(&beside, &first) {
            vec![format!("{beside}{first}")]
        } else {
            let below = self.layout.beside(INDENT, &first);
            [format!("{begin}{computer}").trim_end().to_owned()].into_iter().chain(below).collect()
        };
        if let Some(head) = lines.first_mut().filter(|_| kind == EntryKind::Match.name()) {
            *head = self.layout.toned(Tone::Risk(row.integer("risk_score")), head);
        }
        if !more.is_empty() {
            lines.extend(self.layout.flow("", INDENT.len(), &more));
        }
        lines
    }

    /// Returns the lines at the end of a timeline: a blank line, and `sentences`, which are about
    /// the whole timeline.
    pub(super) fn end(&self, sentences: &[String]) -> Vec<String> {
        let lines = sentences.iter().flat_map(|sentence| self.layout.wrapped(sentence));
        [String::new()].into_iter().chain(lines).collect()
    }
}

/// Returns the time in UTC with milliseconds, the precision of Sysmon's UtcTime.
fn readable(time: EventTime) -> String {
    time.formatted("%Y-%m-%d %H:%M:%S.%3fZ").unwrap_or_else(|| time.readable())
}

/// The words in an entry of the timeline that say what happened.
struct Words {
    /// What a reader looks for: the queried name, or the command line or program of a process.
    first: String,
    /// What else is known of the event, in short texts, such as the account of the process and the
    /// detections that describe the event.
    more: Vec<String>,
}

impl Words {
    fn of(row: &Row<'_>, kind: &str) -> Self {
        let known = EntryKind::ALL.into_iter().find(|known| known.name() == kind);
        let mut words = match known {
            Some(EntryKind::ProcessStart) => start_words(row),
            Some(EntryKind::ProcessEnd) => end_words(row),
            Some(EntryKind::Lead | EntryKind::ExcludedLead) => {
                Words { first: question(row), more: asked_by(row) }
            }
            Some(EntryKind::Match | EntryKind::ExcludedMatch) | None => {
                let program = [program(row)].into_iter().chain(account(row));
                Words { first: question(row), more: program.collect() }
            }
        };
        words.more.extend(detections(row));
        words.more.extend(marks(row));
        words
    }
}

/// Returns the text in a column of an entry, escaped and cut to at most `most` columns; `None` if
/// the column has no text, or an empty one.
fn value(row: &Row<'_>, column: &str, most: usize) -> Option<String> {
    row.text(column).filter(|text| !text.is_empty()).map(|text| fitted(&text, most))
}

/// Returns the words on the start of a process: the command line, the image if the command line
/// does not begin with it, the PID and account, and the parent.
fn start_words(row: &Row<'_>) -> Words {
    let line = row.text("command_line").filter(|line| !line.is_empty());
    let image = row.text("image").filter(|image| !image.is_empty());
    let begins_with = |line: &str, image: &str| {
        let line = line.trim_start_matches([' ', '"']);
        line.get(..image.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(image))
    };
    let is_seen = line.as_deref().zip(image.as_deref()).is_some_and(|(line, image)| begins_with(line, image));
    let (first, image) = match line {
        Some(line) => (fitted(&line, PATH_WIDTH), image.filter(|_| !is_seen)),
        None => (program(row), None),
    };
    let image = image.map(|image| fitted(&image, PATH_WIDTH));
    let parent = value(row, "parent_image", PATH_WIDTH).map(|parent| {
        let id = row.integer("parent_process_id").map(|id| format!(" (PID {id})"));
        format!("started by {parent}{}", id.unwrap_or_default())
    });
    Words { first, more: image.into_iter().chain(account(row)).chain(parent).collect() }
}

/// Returns the words on the end of a process: its program, its GUID if the program is not known,
/// its PID and account, and when it had started.
fn end_words(row: &Row<'_>) -> Words {
    let started = row.time("guid_time").map(|time| format!("started {}", time.readable()));
    let guid = value(row, "process_guid", VALUE_WIDTH).filter(|_| row.text("image").is_none());
    let guid = guid.map(|guid| format!("process {guid}"));
    Words { first: program(row), more: guid.into_iter().chain(account(row)).chain(started).collect() }
}

/// Returns the path of the program of an entry; [`UNKNOWN`] if no event names the program.
fn program(row: &Row<'_>) -> String {
    value(row, "image", PATH_WIDTH).unwrap_or_else(|| UNKNOWN.to_owned())
}

/// Returns the words on the process of an entry: its ID and its account, each only if it is known.
fn account(row: &Row<'_>) -> impl Iterator<Item = String> {
    let id = row.integer("process_id").map(|id| format!("PID {id}"));
    id.into_iter().chain(value(row, "user", VALUE_WIDTH))
}

/// Returns the words on who made the query of a lead: the PID and the account of the process that
/// wrote the event, unless that is a service that writes on behalf of another process; and the
/// event's number.
fn asked_by(row: &Row<'_>) -> Vec<String> {
    let event = row.integer("event_id").unwrap_or_default();
    let is_by_a_service = event == DNS_CLIENT_RESPONSE;
    let writer = row.integer("process_id").filter(|_| !is_by_a_service);
    let id = row.integer("client_process_id").or(writer).map(|id| format!("PID {id}"));
    let user = value(row, "user_id", VALUE_WIDTH).filter(|_| !is_by_a_service);
    let event = format!("event {event} of Windows' DNS client");
    id.into_iter().chain(user).chain([event]).collect()
}

/// Returns the queried name, followed by its Unicode form in brackets, the type of the query, and
/// in parentheses its status (unless that is 0) and its answers, each only if it is known.
fn question(row: &Row<'_>) -> String {
    let name = value(row, "query_name", PATH_WIDTH).unwrap_or_else(|| "(no name)".to_owned());
    let unicode = value(row, "query_name_unicode", PATH_WIDTH).map(|name| format!(" [{name}]"));
    let kind = row.integer("query_type").and_then(|number| u32::try_from(number).ok());
    let kind = kind.map(|number| format!(" {}", record_type_name(number)));
    let status = row.text("query_status").filter(|status| !status.is_empty() && status != "0");
    let status = status.map(|code| {
        let symbol = value(row, "query_status_name", VALUE_WIDTH);
        format!("status {}", symbol.unwrap_or_else(|| fitted(&code, VALUE_WIDTH)))
    });
    let data = |answer: Vec<Cell<'_>>| match answer.get(1) {
        Some(Cell::Text(data)) => Some(fitted(data, VALUE_WIDTH)),
        _ => None,
    };
    let answers = row.records("answers").into_iter().filter_map(data);
    let answers = shortened(status.into_iter().chain(answers).collect()).join(", ");
    let answers = if answers.is_empty() { String::new() } else { format!(" ({answers})") };
    format!("{name}{}{}{answers}", unicode.unwrap_or_default(), kind.unwrap_or_default())
}

/// Returns the names of the detections that describe the event, and the greatest risk score;
/// nothing for the start or end of a process.
fn detections(row: &Row<'_>) -> Vec<String> {
    let text = |cell: Option<&Cell<'_>>| match cell {
        Some(Cell::Text(text)) => Some(fitted(text, VALUE_WIDTH * 2)),
        _ => None,
    };
    let name = |record: Vec<Cell<'_>>| {
        let excluded = text(record.get(3)).map(|by| format!(" (excluded by {by})"));
        format!("{}{}", text(record.get(1)).unwrap_or_default(), excluded.unwrap_or_default())
    };
    let names = shortened(row.records("detections").into_iter().map(name).collect());
    let score = row.integer("risk_score").map(|score| format!("risk {score}"));
    names.into_iter().chain(score).collect()
}

/// Returns the first [`MOST_LISTED`] items, and an item that says how many more there are, if any.
fn shortened(items: Vec<String>) -> Vec<String> {
    let more = items.len().saturating_sub(MOST_LISTED);
    let more = (more > 0).then(|| format!("… and {more} more"));
    items.into_iter().take(MOST_LISTED).chain(more).collect()
}

/// Returns the remarks, in brackets, on how far an entry can be trusted: its record was deleted,
/// lies in a deleted file or a damaged chunk, or has times that are far apart, or other events
/// contradict it.
fn marks(row: &Row<'_>) -> impl Iterator<Item = String> {
    let recovered = row.is("recovered").then(|| {
        let from = value(row, "recovered_from", VALUE_WIDTH).map(|from| format!(": {from}"));
        format!("[from a deleted record{}]", from.unwrap_or_default())
    });
    let damaged = row.text("integrity").is_some_and(|integrity| integrity == Integrity::Damaged.name());
    let damaged = damaged.then(|| "[its chunk of the log is damaged]".to_owned());
    let deleted = row.is("deleted_file").then(|| "[from a deleted file]".to_owned());
    let logged = row.time("event_time").zip(row.time("utc_time"));
    let logged = logged.filter(|(logged, utc_time)| logged.ticks().abs_diff(utc_time.ticks()) > FAR);
    let logged = logged.map(|(logged, _)| format!("[logged at {}: compare the clock]", readable(logged)));
    let conflicts = (row.count("conflicts") > 0).then(|| {
        let count = counted(row.count("conflicts"), "other event 1 says", "other events 1 say");
        format!("[{count} something else of this process]")
    });
    [recovered, damaged, deleted, logged, conflicts].into_iter().flatten()
}
