//! Selects the events that are shown: those with certain hashes, or those of a host or a process.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::str::FromStr;

use super::{ShowError, ShowQuestion};
use crate::base::sentence::sentence;
use crate::event::{EventTime, Guid, process_name_of};
use crate::report::answer::{AnswerError, is_host_named};
use crate::report::matches::MatchRow;
use crate::report::process::ProcessRow;
use crate::report::renames::folded;
use crate::table::{Column, Row, TableId, Tables, Wanted};

/// The smallest number of first characters of an event's hash by which a user can request the
/// event.
const LEAST_CHARACTERS: usize = 4;
/// The number of characters of an event's hash: a SHA-256 in hexadecimal digits.
const HASH_CHARACTERS: usize = 64;
/// The maximum number of events that a message names if several hashes begin with the characters
/// that the user gave.
const MOST_NAMED: usize = 5;

/// Which events of an output the user wants to see.
#[derive(Debug, Clone)]
pub enum Wish {
    /// The user wants the events with these hashes, each given by its first characters.
    Ids(Vec<EventId>),
    /// The user wants the events of a host, of a process, or of a process on a host.
    Of {
        /// The name of the host, in any case, with its domain or without; `None` for all hosts.
        host: Option<String>,
        /// The process whose events the user wants; `None` for matches and leads of all processes.
        /// A lead is a query that Windows' own DNS client logged.
        process: Option<ProcessName>,
    },
}

/// The first characters of an event's hash, in lower case: at least four hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventId(String);

sentence! {
    /// The reason why a text is no [`EventId`].
    pub struct NoEventId;
}

impl FromStr for EventId {
    type Err = NoEventId;

    fn from_str(text: &str) -> Result<Self, NoEventId> {
        let is_digits = text.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_digits && (LEAST_CHARACTERS..=HASH_CHARACTERS).contains(&text.len()) {
            return Ok(EventId(text.to_ascii_lowercase()));
        }
        Err(format!(
            "expected an event_hash or at least its first {LEAST_CHARACTERS} characters, in hexadecimal digits"
        )
        .into())
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How a user names the process whose events are to be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProcessName {
    /// The user means the process with this GUID.
    Guid(Guid),
    /// The user means all processes with this ID (PID).
    Id(i64),
    /// The user means all processes whose image has this file name. Contains the name in lower
    /// case.
    FileName(String),
}

impl fmt::Display for ProcessName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ProcessName::Guid(guid) => f.write_str(&guid.text()),
            ProcessName::Id(id) => write!(f, "{id}"),
            ProcessName::FileName(name) => f.write_str(name),
        }
    }
}

impl From<&str> for ProcessName {
    /// Reads a GUID (with braces or without), a number (the PID), or else a file name. A path
    /// before the file name is ignored.
    fn from(text: &str) -> Self {
        match (Guid::parse(text), text.parse()) {
            (Some(guid), _) => ProcessName::Guid(guid),
            (None, Ok(id)) => ProcessName::Id(id),
            (None, Err(_)) => ProcessName::FileName(folded(process_name_of(text))),
        }
    }
}

/// Why the requested events cannot be shown.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotFound {
    /// No event has a hash with these first characters.
    #[error(
        "'{0}': no event of the output has an event_hash that begins so; processes are in it only after sweep --context, and all DNS queries only after sweep --queries"
    )]
    Id(EventId),
    /// Several events have hashes with these first characters.
    #[error(
        "'{id}': expected the event_hash of one event, found {count} that begin so: {first}; give more characters"
    )]
    Ambiguous {
        /// The first characters of a hash that the user gave, in lower case.
        id: EventId,
        /// The number of events whose hashes begin with these characters.
        count: usize,
        /// The hashes of the first of these events, at most five, with commas between them.
        first: String,
    },
    /// The requested host or process has no events. Contains the host and process as options of the
    /// command line (`--host`, `--process`).
    #[error(
        "{0}: expected matches or leads of a host, or events of a process, found none; report --format csv lists all hosts"
    )]
    NoEvents(String),
}

/// The events that were selected: their hashes, and their rows in the tables.
#[derive(Debug, Default)]
pub(super) struct Selected {
    /// The hashes of the selected events, in the order in which they are shown.
    pub hashes: Vec<String>,
    /// The number of requested events that are not in `hashes`, because there are too many.
    pub further: u64,
    /// By the hash of each selected event, the numbers of its rows in each table. The tables are in
    /// the order of [`SEARCHED`].
    pub rows: BTreeMap<String, [Vec<u64>; SEARCHED.len()]>,
}

/// The tables in which events are looked for. The table that says most about an event comes first.
pub(super) const SEARCHED: [TableId<'static>; 4] =
    [TableId::Matches, TableId::Leads, TableId::Queries, TableId::Processes];

/// Returns all columns of a table, which must be one of those in [`SEARCHED`].
pub(super) fn columns_of(table: TableId<'_>) -> Vec<&'static Column> {
    match table {
        TableId::Leads => MatchRow::LEAD_COLUMNS.iter().map(|of| &of.column).collect(),
        TableId::Queries => MatchRow::QUERY_COLUMNS.iter().map(|of| &of.column).collect(),
        TableId::Processes => ProcessRow::COLUMNS.iter().map(|of| &of.column).collect(),
        _ => MatchRow::COLUMNS.iter().map(|of| &of.column).collect(),
    }
}

/// Selects the events that `question` requests, and finds their rows in the tables of the output.
pub(super) fn select(tables: &dyn Tables, question: &ShowQuestion) -> Result<Selected, ShowError> {
    let (hashes, further) = match &question.wish {
        Wish::Ids(ids) => (of_ids(tables, ids)?, 0),
        Wish::Of { host, process } => {
            let (hashes, all) = of_place(tables, host.as_deref(), process.as_ref(), question.most)?;
            let further = all - hashes.len() as u64;
            (hashes, further)
        }
    };
    let mut rows: BTreeMap<String, [Vec<u64>; SEARCHED.len()]> =
        hashes.iter().map(|hash| (hash.clone(), Default::default())).collect();
    for (place, table) in searched(tables) {
        read(tables, table, &["event_hash"], |row| {
            let own = row.text("event_hash").and_then(|hash| rows.get_mut(&*hash));
            if let Some(own) = own.and_then(|rows| rows.get_mut(place)) {
                own.push(row.number());
            }
        })?;
    }
    Ok(Selected { hashes, further, rows })
}

/// Returns those tables of [`SEARCHED`] that the output has, each with its index in [`SEARCHED`].
pub(super) fn searched(tables: &dyn Tables) -> impl Iterator<Item = (usize, TableId<'static>)> {
    SEARCHED.into_iter().enumerate().filter(|(_, table)| tables.has(*table))
}

/// Returns the whole hash of the event that each ID stands for; a hash that several IDs stand for
/// comes once. Fails if an ID stands for no event, or for several.
fn of_ids(tables: &dyn Tables, ids: &[EventId]) -> Result<Vec<String>, ShowError> {
    let mut found: Vec<BTreeSet<String>> = vec![BTreeSet::new(); ids.len()];
    for (_, table) in searched(tables) {
        read(tables, table, &["event_hash"], |row| {
            let Some(hash) = row.text("event_hash") else { return };
            for (id, found) in ids.iter().zip(&mut found) {
                if hash.starts_with(&id.0) && !found.contains(&*hash) {
                    found.insert(hash.to_string());
                }
            }
        })?;
    }
    let mut hashes: Vec<String> = Vec::new();
    for (id, found) in ids.iter().zip(found) {
        let mut all = found.iter();
        let Some(hash) = all.next() else { return Err(NotFound::Id(id.clone()).into()) };
        if found.len() > 1 {
            let first: Vec<&str> = found.iter().take(MOST_NAMED).map(String::as_str).collect();
            let first = first.join(", ");
            return Err(NotFound::Ambiguous { id: id.clone(), count: found.len(), first }.into());
        }
        if !hashes.contains(hash) {
            hashes.push(hash.clone());
        }
    }
    Ok(hashes)
}

/// Returns the hashes of the first `most` events of a host or a process, in order of time, and the
/// number of all of its events. Without a process, only matches and leads count. Fails if there are
/// no events.
fn of_place(
    tables: &dyn Tables,
    host: Option<&str>,
    process: Option<&ProcessName>,
    most: usize,
) -> Result<(Vec<String>, u64), ShowError> {
    let mut first: BTreeSet<(bool, Option<EventTime>, String)> = BTreeSet::new();
    // Half of a hash is enough to tell events apart, and takes little memory.
    let mut all: HashSet<u128> = HashSet::new();
    for (_, table) in searched(tables) {
        let is_of_all = matches!(table, TableId::Matches | TableId::Leads);
        if process.is_none() && !is_of_all {
            continue;
        }
        read(tables, table, columns_to_select(table), |row| {
            let is_of_host =
                host.is_none_or(|host| is_host_named(host, &row.text("computer").unwrap_or_default()));
            if !is_of_host || process.is_some_and(|process| !process.is_of(table, row)) {
                return;
            }
            let Some(hash) = row.text("event_hash") else { return };
            if all.insert(half(&hash)) {
                let time = row.time("event_time");
                first.insert((time.is_none(), time, hash.into_owned()));
                if first.len() > most {
                    first.pop_last();
                }
            }
        })?;
    }
    if all.is_empty() {
        let host = host.map(|host| format!("--host '{host}'"));
        let process = process.map(|process| format!("--process '{process}'"));
        let asked: Vec<String> = host.into_iter().chain(process).collect();
        return Err(NotFound::NoEvents(asked.join(" ")).into());
    }
    Ok((first.into_iter().map(|(.., hash)| hash).collect(), all.len() as u64))
}

/// Returns the number in the first half of a hash of 64 hexadecimal digits; 0 if it cannot be read.
fn half(hash: &str) -> u128 {
    hash.get(..HASH_CHARACTERS / 2).and_then(|half| u128::from_str_radix(half, 16).ok()).unwrap_or_default()
}

/// Returns the names of the columns of `table` that say which host and which process an event
/// belongs to.
fn columns_to_select(table: TableId<'_>) -> &'static [&'static str] {
    match table {
        TableId::Leads => &["event_hash", "computer", "event_time", "process_id"],
        _ => &["event_hash", "computer", "event_time", "process_id", "process_guid", "process_name"],
    }
}

impl ProcessName {
    /// Returns true if the event in a row is one of this process. A lead has only a PID, so a GUID
    /// or a file name never fits a lead.
    fn is_of(&self, table: TableId<'_>, row: &Row<'_>) -> bool {
        let is_lead = table == TableId::Leads;
        match self {
            ProcessName::Id(id) => row.integer("process_id") == Some(*id),
            ProcessName::Guid(_) | ProcessName::FileName(_) if is_lead => false,
            ProcessName::Guid(guid) => {
                row.text("process_guid").as_deref().and_then(Guid::parse) == Some(*guid)
            }
            ProcessName::FileName(name) => row.text("process_name").is_some_and(|own| folded(&own) == *name),
        }
    }
}

/// Reads the named columns of all rows of a table.
fn read(
    tables: &dyn Tables,
    table: TableId<'_>,
    names: &[&str],
    mut each: impl FnMut(&Row<'_>),
) -> Result<(), AnswerError> {
    let all = columns_of(table);
    let column = |name: &&str| all.iter().copied().find(|column| column.name == **name);
    let columns: Vec<&Column> =
        names.iter().map(|name| column(name).expect("readers name declared columns")).collect();
    tables.read(table, &columns, Wanted::All, &mut each).map_err(AnswerError::of(table))
}
