//! The process tree of a host in the summary: who started whom, a line for each process, from the
//! oldest known ancestor down to the process that asked.

use super::layout::{Layout, PATH_WIDTH, Tone, VALUE_WIDTH, fitted};
use super::{Extent, Summary, grouped};
use crate::report::answer::{HostInDetail, Listed, TreeProcess};
use crate::report::process_wording::{missing_start, process_counts};
use textwrap::core::display_width;

/// The maximum number of processes of a host that a short summary lists. Further processes are only
/// counted.
const MOST_PROCESSES: usize = 12;
/// The minimum number of lines that are reserved for a process tree in a short summary.
const LEAST_LINES: usize = 6;
/// The width, in columns, of the time of a process's start at the beginning of a line.
const TIME_WIDTH: usize = 20;
/// The smallest width, in columns, of the text on a process, even if it is deep in the tree and its
/// line is indented far.
const LEAST_WIDTH: usize = 30;

impl Summary<'_> {
    /// Returns the summary's line on how many processes were found, and why others were not; no
    /// line if the sweep did not look for processes.
    pub(super) fn processes_found(&self) -> Vec<String> {
        let counts = self.answer.process_counts.as_deref();
        counts.map(|counts| self.labelled("Processes", &process_counts(counts))).unwrap_or_default()
    }

    /// Returns the lines with the process tree of a host. In a short summary, only as many
    /// processes are shown as fit into `room` lines, but at least one.
    pub(super) fn processes_of(&self, host: &HostInDetail, room: usize) -> Vec<String> {
        let room = room.max(LEAST_LINES);
        let lines = |most| tree_lines(self.layout(), host, self.extent, most);
        let mut most = self.extent.most(MOST_PROCESSES);
        let mut shown = lines(most);
        while self.extent == Extent::Short && shown.len() > room && most > 1 {
            most -= 1;
            shown = lines(most);
        }
        shown
    }
}

/// Returns the lines with the process tree of a host, with at most `most` processes; no line if the
/// host has no process tree.
pub(super) fn tree_lines(layout: Layout, host: &HostInDetail, extent: Extent, most: usize) -> Vec<String> {
    let Some(tree) = host.matches.process_tree.as_ref().filter(|tree| !tree.items.is_empty()) else {
        return Vec::new();
    };
    let shown = tree.beginning(most);
    let mut lines = vec!["  processes, each below the one that started it (* asked for a name):".to_owned()];
    lines.extend(lines_of(layout, &shown, host.matches.risk_score, extent));
    lines.extend(more(tree, shown.len()));
    lines
}

/// Returns the lines with a process and its ancestors. `chain` must have the oldest ancestor first.
/// Each line has the whole command line.
pub(in crate::report) fn chain_lines(layout: Layout, chain: &[TreeProcess]) -> Vec<String> {
    let shown: Vec<(&TreeProcess, u32)> = chain.iter().zip(0..).collect();
    lines_of(layout, &shown, None, Extent::Full)
}

/// Returns the lines of processes in the order of a tree, each with its level (the number of its
/// ancestors). `risk` is the risk score by which the processes that asked for a name are coloured.
fn lines_of(layout: Layout, shown: &[(&TreeProcess, u32)], risk: Option<i64>, extent: Extent) -> Vec<String> {
    let deepest = shown.iter().map(|(_, level)| *level).max().unwrap_or(0);
    let room = layout.width.saturating_sub(TIME_WIDTH + 4);
    // Two columns for each level, if that leaves room for the text.
    let step = if 2 * deepest as usize + LEAST_WIDTH <= room { 2 } else { 1 };
    let mut lines = Vec::new();
    // The account of the process at each level of the line that leads to the current process.
    let mut accounts: Vec<Option<&str>> = Vec::new();
    for (process, level) in shown {
        accounts.truncate(*level as usize);
        let before = accounts.last().copied().flatten();
        let user = process.user.as_deref();
        accounts.push(user.or(before));
        let account = user.filter(|user| Some(*user) != before);
        let indent = (step * *level as usize).min(room.saturating_sub(LEAST_WIDTH));
        let room = if extent == Extent::Full { PATH_WIDTH } else { room.saturating_sub(indent) };
        let line = process_line(process, account, indent, room);
        let tone = Tone::Risk(risk.filter(|_| process.matches > 0));
        lines.push(layout.toned(tone, &line));
        let reason = missing_start(process).map(|reason| format!("({reason})"));
        lines.extend(reason.map(|reason| format!("{}{reason}", " ".repeat(TIME_WIDTH + 4 + indent))));
    }
    lines
}

fn more(tree: &Listed<TreeProcess>, shown: usize) -> Option<String> {
    let more = tree.count.saturating_sub(shown as u64);
    (more > 0)
        .then(|| format!("  … and {} more of the host's processes: see processes.parquet", grouped(more)))
}

/// Returns the line of a process: a mark if it asked for a name, when it started, its command line
/// or image, its PID, and `account`, which is its account if the process above has another one. The
/// text after the time is indented by `indent` columns, and has `room` columns.
fn process_line(process: &TreeProcess, account: Option<&str>, indent: usize, room: usize) -> String {
    let mark = if process.matches > 0 { '*' } else { ' ' };
    let started = process.started.map(|time| time.0.readable()).unwrap_or_default();
    let id = process.process_id.map(|id| format!("PID {id}"));
    let account = account.filter(|user| !user.is_empty()).map(|user| fitted(user, VALUE_WIDTH / 2));
    let about: Vec<String> = id.into_iter().chain(account).collect();
    let about = if about.is_empty() { String::new() } else { format!(" ({})", about.join(", ")) };
    let text = started_as(process, room.saturating_sub(display_width(&about)).max(LEAST_WIDTH / 2));
    format!("{mark} {started:TIME_WIDTH$}  {}{text}{about}", " ".repeat(indent))
}

/// Returns the command line of a process or, if it is not known, its image, in at most `room`
/// columns. If the command line is longer and begins with the path of the image, the folders of
/// that path are left out first, so that the file's name and the arguments are seen.
fn started_as(process: &TreeProcess, room: usize) -> String {
    let image = process.image.as_deref().filter(|image| !image.is_empty());
    let Some(line) = process.command_line.as_deref().filter(|line| !line.is_empty()).or(image) else {
        return "(unknown program)".to_owned();
    };
    let whole = fitted(line, PATH_WIDTH);
    if display_width(&whole) <= room {
        return whole;
    }
    let short = image.and_then(|image| without_folders(line, image));
    fitted(short.as_deref().unwrap_or(line), room)
}

/// Returns a command line that begins with the path `image`, without the folders of the path but
/// with its drive: `C:\…\wscript.exe //B a.js`. `None` if it does not begin with `image`, or if the
/// path has no drive.
fn without_folders(line: &str, image: &str) -> Option<String> {
    let line = line.trim_start();
    let quoted = line.strip_prefix('"');
    let bare = quoted.unwrap_or(line);
    let (begin, rest) = bare.split_at_checked(image.len())?;
    let rest = if quoted.is_some() { rest.strip_prefix('"')? } else { rest };
    let is_word = rest.is_empty() || rest.starts_with([' ', '\t']);
    if !is_word || !begin.eq_ignore_ascii_case(image) {
        return None;
    }
    let (folders, name) = begin.rsplit_once('\\')?;
    let drive = folders.split('\\').next().filter(|drive| drive.len() == 2)?;
    Some(format!("{drive}\\…\\{name}{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_left_out_only_of_the_image_that_the_line_begins_with() {
        let image = r"C:\Windows\System32\wscript.exe";
        for (line, short) in [
            (r#""C:\Windows\System32\WScript.exe" //B a.js"#, Some(r"C:\…\WScript.exe //B a.js")),
            (r"C:\Windows\System32\wscript.exe a.js", Some(r"C:\…\wscript.exe a.js")),
            (r"C:\Windows\System32\wscript.exe", Some(r"C:\…\wscript.exe")),
            (r"C:\Windows\System32\wscript.exes a.js", None),
            (r"wscript.exe a.js", None),
            (r#""C:\Windows\System32\wscript.exe a.js"#, None),
            ("", None),
            ("日本語日本語日本語日本語日本語日本語", None),
        ] {
            assert_eq!(without_folders(line, image).as_deref(), short, "{line}");
        }
        assert_eq!(without_folders("a.exe b", "a.exe"), None);
    }
}
