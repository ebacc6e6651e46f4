//! The process trees of an answer: which processes made the matching queries of a host, and which
//! started them (`--context`).
//!
//! The table of processes is read twice: first a few columns of all rows, to make the trees and to
//! select what is listed, and then more columns of the selected rows. The table is sorted by host,
//! so the memory that a tree needs is that of one host at a time.
//!
//! A further fact that reports show is a name in [`SHOWN`] and a field of [`TreeProcess`], which
//! the page, the summary, Markdown, CSV and `dnsweep show` print.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use super::forest::{above, lines};
use super::host::{HostInDetail, UtcTime, host_key, kept};
use super::listed::Listed;
use super::planting::{PLANTING, Planting};
use super::{AnswerError, Question};
use crate::event::{EventTime, Guid};
use crate::report::matches::MatchRow;
use crate::report::process::{ProcessRow, ProcessStatus};
use crate::table::{Cell, ColumnOf, Row, TableId, Tables, Wanted};

/// The maximum number of queried names that are listed for a process. Further names are left out.
const MOST_NAMES: usize = 8;

/// A process in the process tree of a host: one that made a matching query, or an ancestor of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TreeProcess {
    /// The number of ancestors of the process in the tree: 0 for the oldest known process of a
    /// line. The parent of a process is the last one before it that has a lower level.
    pub level: u32,
    /// The GUID by which Sysmon identifies the process, in lower case, without braces.
    pub process_guid: String,
    /// `found` if the process's event 1 (a process was created) was found, and otherwise why not:
    /// `log begins later`, `not logged`, `damaged` or `not read`.
    pub status: String,
    /// What the image, the command line, the PID and the account are taken from.
    pub known_from: KnownFrom,
    /// When the process started: UtcTime of its event 1 or, without one, the second that its GUID
    /// states. `null` if the GUID states none.
    pub started: Option<UtcTime>,
    /// When the process ended; `null` if no event 5 of it was found.
    pub ended: Option<UtcTime>,
    /// The number of unique matches whose queries the process made; 0 for an ancestor that made
    /// none.
    pub matches: u64,
    /// The first few names that the process's matches ask for.
    pub query_names: Vec<String>,
    /// The path of the process's image.
    pub image: Option<String>,
    /// The command line of the process.
    pub command_line: Option<String>,
    /// The ID (PID) of the process.
    pub process_id: Option<i64>,
    /// The account of the process.
    pub user: Option<String>,
    /// The integrity level of the process, such as `Medium`.
    pub integrity_level: Option<String>,
    /// The SHA-256 of the image, in lower case.
    pub sha256: Option<String>,
    /// The GUID of the process that started this one.
    pub parent_process_guid: Option<String>,
    /// The ID (PID) of the process that started this one.
    pub parent_process_id: Option<i64>,
    /// The path of the image of the process that started this one.
    pub parent_image: Option<String>,
    /// The command line of the process that started this one.
    pub parent_command_line: Option<String>,
    /// The account of the process that started this one; `null` in logs of older versions of
    /// Sysmon.
    pub parent_user: Option<String>,
    /// True if the process's event 1 was found in a deleted record only.
    pub recovered: bool,
    /// The number of other events 1 that name the same computer and GUID but say something else.
    /// Only forged logs should contain any.
    pub conflicts: u64,
}

/// What the image, the command line, the PID and the account of a process are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum KnownFrom {
    /// They are taken from the process's own event 1.
    Event,
    /// They are taken from the event 1 of a process that this one started, which names its parent.
    Child,
    /// They are taken from a matching query of the process. So the command line is not known.
    Match,
    /// Nothing but the GUID is known.
    Nothing,
}

/// A status of processes, such as `found`, and how many processes have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ProcessCount {
    /// The status: `found` if the process's event 1 was found, and otherwise why not.
    pub status: String,
    /// The number of processes with this status.
    pub processes: u64,
}

/// The columns of `processes.parquet` from which a [`TreeProcess`] is made.
pub(in crate::report) const SHOWN: [&str; 18] = [
    "process_guid",
    "status",
    "guid_time",
    "utc_time",
    "end_time",
    "image",
    "command_line",
    "process_id",
    "user",
    "integrity_level",
    "sha256",
    "parent_process_guid",
    "parent_process_id",
    "parent_image",
    "parent_command_line",
    "parent_user",
    "recovered",
    "conflicts",
];
/// The columns of `matches.parquet` that say which process asked for which name.
const ASKED: [&str; 11] = [
    "duplicate",
    "excluded_by",
    "computer",
    "process_guid",
    "evidence",
    "source_path",
    "record_offset",
    "query_name",
    "image",
    "process_id",
    "user",
];

/// Adds to each of `hosts` its process tree. `hosts` must be sorted, the worst first. Returns how
/// many processes have each status (whether their event 1 was found, or why not); `None` if the
/// sweep did not look for processes.
pub(super) fn read(
    tables: &dyn Tables,
    mut hosts: Vec<&mut HostInDetail>,
    question: &Question,
) -> Result<Option<Vec<ProcessCount>>, AnswerError> {
    if !tables.has(TableId::Processes) {
        return Ok(None);
    }
    let mut planting = Planting::new(&hosts, question);
    let failed = AnswerError::of(TableId::Processes);
    let columns = ColumnOf::named(ProcessRow::COLUMNS, &PLANTING);
    tables.read(TableId::Processes, &columns, Wanted::All, &mut |row| planting.add(row)).map_err(&failed)?;
    planting.end_host();
    let Planting { statuses, planted, counts, .. } = planting;
    for (host, count) in hosts.iter_mut().zip(counts) {
        host.matches.process_tree = Some(Listed { items: Vec::new(), count });
    }
    // The rows are read in the order of the table; each has a place in the tree of a host.
    let mut order: Vec<(u64, usize)> =
        planted.iter().zip(0..).map(|(planted, at)| (planted.row, at)).collect();
    order.sort_unstable();
    let rows: Vec<u64> = order.iter().map(|(row, _)| *row).collect();
    let mut read: Vec<Option<TreeProcess>> = Vec::new();
    read.resize_with(planted.len(), || None);
    let mut places = order.iter().map(|(_, at)| *at);
    let columns = ColumnOf::named(ProcessRow::COLUMNS, &SHOWN);
    let each = &mut |row: &Row<'_>| {
        if let Some((planted, read)) =
            places.next().and_then(|at| Some((planted.get(at)?, read.get_mut(at)?)))
        {
            *read = Some(TreeProcess::of(row, planted.level));
        }
    };
    tables.read(TableId::Processes, &columns, Wanted::These(&rows), each).map_err(&failed)?;
    for (planted, process) in planted.iter().zip(read) {
        let tree = hosts.get_mut(planted.host).and_then(|host| host.matches.process_tree.as_mut());
        if let Some(tree) = tree {
            tree.items.extend(process);
        }
    }
    asked(tables, &mut hosts)?;
    for tree in hosts.iter_mut().filter_map(|host| host.matches.process_tree.as_mut()) {
        name_parents(&mut tree.items);
    }
    Ok(Some(statuses))
}

/// Returns when the process of a row of `processes.parquet` started: UtcTime of its event 1 or,
/// without one, the time that its GUID states. `None` if there is neither.
pub(super) fn started(row: &Row<'_>) -> Option<EventTime> {
    row.time("utc_time").or_else(|| row.time("guid_time"))
}

impl TreeProcess {
    /// Makes the process of a row of `processes.parquet`, of which the columns [`SHOWN`] must have
    /// been read. `level` is the number of the process's ancestors in the tree.
    pub(in crate::report) fn of(row: &Row<'_>, level: u32) -> Self {
        let text = |column| row.text(column).map(kept);
        let is_found = row.text("status").as_deref() == Some(ProcessStatus::Found.name());
        TreeProcess {
            level,
            process_guid: text("process_guid").unwrap_or_default(),
            status: text("status").unwrap_or_default(),
            known_from: if is_found { KnownFrom::Event } else { KnownFrom::Nothing },
            started: started(row).map(UtcTime),
            ended: row.time("end_time").map(UtcTime),
            matches: 0,
            query_names: Vec::new(),
            image: text("image"),
            command_line: text("command_line"),
            process_id: row.integer("process_id"),
            user: text("user"),
            integrity_level: text("integrity_level"),
            sha256: text("sha256"),
            parent_process_guid: text("parent_process_guid"),
            parent_process_id: row.integer("parent_process_id"),
            parent_image: text("parent_image"),
            parent_command_line: text("parent_command_line"),
            parent_user: text("parent_user"),
            recovered: row.is("recovered"),
            conflicts: row.count("conflicts"),
        }
    }

    /// Returns the status of the process (whether its event 1 was found, or why not); `None` if
    /// this version of dnsweep does not know the status.
    #[must_use]
    pub fn status(&self) -> Option<ProcessStatus> {
        ProcessStatus::ALL.into_iter().find(|status| status.name() == self.status)
    }
}

impl Listed<TreeProcess> {
    /// Returns at most `most` processes of the tree, for a short view: those that made matching
    /// queries, the earliest first, each with its ancestors. Each comes with its level, the number
    /// of its returned ancestors. They are in the order of the tree.
    #[must_use]
    pub fn beginning(&self, most: usize) -> Vec<(&TreeProcess, u32)> {
        let levels: Vec<u32> = self.items.iter().map(|process| process.level).collect();
        let asked = self.items.iter().enumerate().filter(|(_, process)| process.matches > 0);
        let mut asked: Vec<_> =
            asked.map(|(at, process)| (process.started.is_none(), process.started, at)).collect();
        asked.sort_unstable();
        let chosen = lines(&above(&levels), asked.into_iter().map(|(.., at)| at), most);
        let process = |(at, level)| Some((self.items.get(at)?, level));
        chosen.into_iter().filter_map(process).collect()
    }
}

/// Sets, for each process in the trees of `hosts`, how many unique matches it made, and for which
/// names.
fn asked(tables: &dyn Tables, hosts: &mut [&mut HostInDetail]) -> Result<(), AnswerError> {
    let mut processes = HashMap::new();
    for host in hosts {
        let Some(computer) = host.facts.computer.as_deref().map(host_key) else { continue };
        let tree = host.matches.process_tree.iter_mut().flat_map(|tree| &mut tree.items);
        let named = tree.filter_map(|process| Some((Guid::parse(&process.process_guid)?, process)));
        processes.extend(named.map(|(guid, process)| ((computer.clone(), guid), process)));
    }
    count_matches(tables, processes)
}

/// Sets, for each of `processes`, how many unique matches it made, and for which names. If the
/// process's event 1 was not found, also sets image, PID and account from its first match. The key
/// of a process is its host's name, made by [`host_key`], and its GUID.
pub(in crate::report) fn count_matches(
    tables: &dyn Tables,
    mut processes: HashMap<(String, Guid), &mut TreeProcess>,
) -> Result<(), AnswerError> {
    if processes.is_empty() {
        return Ok(());
    }
    let columns = ColumnOf::named(MatchRow::COLUMNS, &ASKED);
    // The rows of an event, one for each detection that describes it, are neighbours.
    let mut before = (None, None, None);
    let each = &mut |row: &Row<'_>| {
        if row.is("duplicate") || row.cell("excluded_by") != Cell::Null {
            return;
        }
        let Some(guid) = row.text("process_guid").as_deref().and_then(Guid::parse) else { return };
        let [evidence, path] = ["evidence", "source_path"].map(|column| row.text(column).map(String::from));
        let event = (evidence, path, row.integer("record_offset"));
        if before == event {
            return;
        }
        before = event;
        let key = (host_key(&row.text("computer").unwrap_or_default()), guid);
        if let Some(process) = processes.get_mut(&key) {
            process.add_match(row);
        }
    };
    tables.read(TableId::Matches, &columns, Wanted::All, each).map_err(AnswerError::of(TableId::Matches))
}

impl TreeProcess {
    fn add_match(&mut self, row: &Row<'_>) {
        self.matches += 1;
        let name = row.text("query_name").filter(|_| self.query_names.len() < MOST_NAMES).map(kept);
        self.query_names.extend(name.filter(|name| !self.query_names.contains(name)));
        if self.known_from == KnownFrom::Nothing {
            self.known_from = KnownFrom::Match;
            self.image = row.text("image").map(kept);
            self.process_id = row.integer("process_id");
            self.user = row.text("user").map(kept);
        }
    }
}

/// Completes the processes of a tree whose event 1 was not found. Takes their image, command line,
/// PID and account from the event 1 of a child process, which also describes the parent.
pub(in crate::report) fn name_parents(tree: &mut [TreeProcess]) {
    let levels: Vec<u32> = tree.iter().map(|process| process.level).collect();
    for (at, parent) in above(&levels).into_iter().enumerate() {
        let Some(child) = tree.get(at).filter(|child| child.known_from == KnownFrom::Event).cloned() else {
            continue;
        };
        let parent = parent.and_then(|parent| tree.get_mut(parent));
        let is_named =
            |parent: &&mut TreeProcess| matches!(parent.known_from, KnownFrom::Nothing | KnownFrom::Match);
        if let Some(parent) = parent.filter(is_named) {
            parent.known_from = KnownFrom::Child;
            parent.image = child.parent_image;
            parent.command_line = child.parent_command_line;
            parent.process_id = child.parent_process_id;
            parent.user = child.parent_user.or(parent.user.take());
        }
    }
}
