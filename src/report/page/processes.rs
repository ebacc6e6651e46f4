//! The process trees on the page: who started whom, in the box of each host with matches.

use super::document::html_length;
use super::words::{optional_time, path, text};
use crate::report::answer::{HostInDetail, KnownFrom, TreeProcess};
use crate::report::process_wording::missing_start;
use crate::report::wording::counted;

/// The maximum number of processes in the tree of one host. Further processes are only counted.
const MOST_ROWS: usize = 60;
/// The greatest indent of a process in a tree, in levels. Deeper processes have the same indent,
/// because in forged logs a process can have any number of ancestors.
const DEEPEST: u32 = 16;
/// The approximate number of bytes of HTML markup of a row, without its texts.
const ROW_BYTES: usize = 400;

/// The process tree of a host.
#[derive(Default)]
pub(super) struct Tree {
    /// The rows of the processes. Each process is followed by those that it started.
    pub rows: Vec<TreeRow>,
    /// A sentence on how many processes the tree leaves out; empty if it has all.
    pub left_out: String,
}

/// A process in a process tree, as the page shows it.
pub(super) struct TreeRow {
    /// The number of the process's ancestors in the tree, at most [`DEEPEST`], by which the row is
    /// indented.
    pub level: u32,
    /// When the process started, and in a second line when it ended, if that is known, as text in
    /// UTC.
    pub times: Vec<String>,
    /// The ID (PID) of the process; empty if it is not known.
    pub id: String,
    /// The command line of the process or, if it is not known, the path of its image.
    pub command_line: String,
    /// The names that the process asked for, with the number of its matches; empty for an ancestor
    /// that made no matching query.
    pub asked: String,
    /// What else is known of the process, a line each: its image, its hash, its parent, and why its
    /// start was not found.
    pub details: Vec<String>,
    /// The account and the integrity level of the process, a line each. What is not known is left
    /// out.
    pub account: Vec<String>,
}

/// Returns the process tree of a host; without rows if the host has none. The rows may take `room`
/// bytes of HTML. Also returns how many of these bytes are left.
pub(super) fn tree(host: &HostInDetail, room: usize) -> (Tree, usize) {
    let mut tree = Tree::default();
    let Some(processes) = &host.matches.process_tree else { return (tree, room) };
    let mut left = room;
    for (process, level) in processes.beginning(MOST_ROWS) {
        let row = row(process, level.min(DEEPEST));
        let Some(rest) = left.checked_sub(row.bytes()) else {
            left = 0;
            break;
        };
        left = rest;
        tree.rows.push(row);
    }
    let more = processes.count.saturating_sub(tree.rows.len() as u64);
    if more > 0 {
        let more = counted(more, "more process", "more processes");
        tree.left_out =
            format!("{more} of this host's matches, and of what started them: see processes.parquet.");
    }
    (tree, left)
}

impl TreeRow {
    fn bytes(&self) -> usize {
        let lines = self.times.iter().chain(&self.details).chain(&self.account);
        let texts = [&self.id, &self.command_line, &self.asked];
        ROW_BYTES + lines.chain(texts).map(|line| html_length(line)).sum::<usize>()
    }
}

fn row(process: &TreeProcess, level: u32) -> TreeRow {
    let times = [process.started, process.ended].map(optional_time);
    let [started, ended] = times;
    let mut times = vec![if started.is_empty() { "not known".to_owned() } else { started }];
    times.extend((!ended.is_empty()).then(|| format!("to {ended}")));
    let image = process.image.as_deref().map(path).unwrap_or_default();
    let line = process.command_line.as_deref().map(path).filter(|line| !line.is_empty());
    let account = process.user.as_deref().map(text).into_iter();
    let level_of = process.integrity_level.as_deref().map(text);
    TreeRow {
        level,
        times,
        id: process.process_id.map(|id| id.to_string()).unwrap_or_default(),
        asked: asked(process),
        details: details(process, line.as_ref().map(|_| image.as_str())),
        command_line: line.unwrap_or(if image.is_empty() { "(unknown program)".to_owned() } else { image }),
        account: account.chain(level_of).filter(|line| !line.is_empty()).collect(),
    }
}

fn asked(process: &TreeProcess) -> String {
    if process.matches == 0 {
        return String::new();
    }
    let names: Vec<String> = process.query_names.iter().map(|name| text(name)).collect();
    format!("asked for {} ({})", names.join(", "), counted(process.matches, "match", "matches"))
}

/// Returns what else is known of a process, a line each. `image` must be the path of its image if
/// the row shows the command line, and `None` otherwise.
fn details(process: &TreeProcess, image: Option<&str>) -> Vec<String> {
    let mut lines: Vec<String> =
        image.filter(|image| !image.is_empty()).map(str::to_owned).into_iter().collect();
    lines.extend(process.sha256.as_deref().map(|hash| format!("SHA-256 {}", text(hash))));
    if let Some(parent) = process.parent_image.as_deref().filter(|parent| !matches!(*parent, "" | "-")) {
        let id = process.parent_process_id.map(|id| format!(", PID {id}")).unwrap_or_default();
        lines.push(format!("started by {}{id}", path(parent)));
    }
    if let Some(reason) = missing_start(process) {
        lines.push(match process.known_from {
            KnownFrom::Child => format!("{reason}. What is shown is what the process below says of it."),
            KnownFrom::Match => format!("{reason}. What is shown is what its DNS query says of it."),
            KnownFrom::Event | KnownFrom::Nothing => format!("{reason}."),
        });
    }
    if process.recovered {
        lines.push("found in a deleted record only".to_owned());
    }
    if process.conflicts > 0 {
        lines.push(format!(
            "{} say something else of this process: the logs may be forged",
            counted(process.conflicts, "further event", "further events")
        ));
    }
    lines
}
