//! The summary of a sweep as text, which a person can act on. It shows an [`Answer`]: what the
//! output of the sweep says about the hosts. This module and its submodules are the only users of
//! `anstyle` and `textwrap`.
//!
//! The result comes last, because a reader looks at the end after the command ends. The order is:
//! what was read, what is odd, the first matches, the hosts with matches, what cannot be cleared,
//! and the result in one line. A short summary fits on two screens, however many hosts there are.

mod containers;
mod evidence;
mod exclusions;
mod headline;
mod hosts;
pub(in crate::report) mod layout;
mod matches;
mod one_host;
mod processes;
mod remarks;
mod risks;
mod rules;

use std::fmt::Write;

pub use self::layout::Colours;
pub(in crate::report) use self::layout::{Layout, Tone};
use self::layout::{VALUE_WIDTH, fitted};
pub use self::one_host::HostsInDetail;
pub(in crate::report) use self::processes::chain_lines;
pub use self::risks::RiskTable;
use super::answer::{Answer, HostFacts};
use super::run::Run;
use super::wording::{counted, grouped};

/// The maximum number of lines of a short summary: two screens.
const SCREENS: usize = 98;
/// The number of lines that a short summary reserves for the first matches of one host.
const ONE_HOST: usize = 18;
/// The maximum number of lines of each of the first four parts of a short summary, if the summary
/// would otherwise be longer than two screens: on the evidence, on what was looked for, on leads
/// and anomalies, and on what could not be read.
const MOST_LINES: [usize; 4] = [8, 9, 7, 10];

/// Returns the width in columns of the terminal that standard output goes to; 80 if it goes to
/// none.
#[must_use]
pub fn terminal_width() -> usize {
    textwrap::termwidth()
}

/// How much a summary shows of the data that was read for it (the answer): the beginning of each
/// list, or all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// The summary shows the beginning of each list, on at most two screens. Items that are left
    /// out are counted.
    Short,
    /// The summary shows every item that its data (the answer) lists.
    Full,
}

impl Extent {
    /// Returns the maximum number of items of a list that a summary of this extent shows: `short`
    /// for a short summary; no limit for a full one.
    #[must_use]
    pub fn most(self, short: usize) -> usize {
        match self {
            Extent::Short => short,
            Extent::Full => usize::MAX,
        }
    }
}

/// How many lines the summary may use for each reason why hosts are not cleared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Room {
    /// A reason takes as many lines as the names of its first hosts need.
    Enough,
    /// A reason takes one line if possible, with as many names of hosts as fit. The other hosts are
    /// only counted.
    Little,
}

/// The summary of a sweep as text.
#[derive(Debug, Clone, Copy)]
pub struct Summary<'a> {
    /// What the output of the sweep says about the hosts. The summary shows it.
    pub answer: &'a Answer,
    /// The path of the output directory. The summary names it and the tables in it.
    pub directory: &'a str,
    /// The file name of the page in the output directory; `None` if there is no page.
    pub page: Option<&'a str>,
    /// The width of the summary in columns, usually that of the terminal. Longer lines are wrapped.
    pub width: usize,
    /// Whether the summary is coloured.
    pub colours: Colours,
    /// How much the summary shows.
    pub extent: Extent,
}

impl Summary<'_> {
    /// Returns the text of the summary.
    #[must_use]
    pub fn text(&self) -> String {
        let mut before = [self.evidence(), self.looked_for(), self.remarks(), self.not_read()];
        let mut after =
            [self.most_frequent(), self.matching_hosts(), self.others(), self.headline(Room::Enough)];
        let lines = |blocks: &[Vec<String>]| blocks.iter().map(|block| block.len() + 1).sum::<usize>();
        if self.extent == Extent::Short && lines(&before) + lines(&after) > SCREENS - ONE_HOST {
            for (block, most) in before.iter_mut().zip(MOST_LINES) {
                self.shorten(block, most);
            }
            if let Some(headline) = after.last_mut() {
                *headline = self.headline(Room::Little);
            }
        }
        let used = lines(&before) + lines(&after);
        let matches = self.first_matches(SCREENS.saturating_sub(used));
        let blocks = before.into_iter().chain([matches]).chain(after).filter(|block| !block.is_empty());
        let blocks: Vec<String> = blocks.map(|block| block.join("\n") + "\n").collect();
        blocks.join("\n")
    }

    /// Cuts a part of the summary (a block of lines) to `most` lines. The last of these says how
    /// many lines are left out.
    fn shorten(&self, block: &mut Vec<String>, most: usize) {
        if block.len() > most {
            let more = counted((block.len() + 1 - most) as u64, "more line", "more lines");
            block.truncate(most.saturating_sub(1));
            block.push(self.layout().toned(Tone::Gap, &format!("… and {more}: --full shows all")));
        }
    }

    fn run(&self) -> &Run {
        &self.answer.run
    }

    fn layout(&self) -> Layout {
        Layout { width: self.width, colours: self.colours }
    }

    fn labelled(&self, label: &str, text: &str) -> Vec<String> {
        self.layout().labelled(label, text)
    }

    /// Returns a line that says how many of `all` items are not among the `shown` ones, and which
    /// table lists them; no line if all are shown. `what` names the items.
    fn more(&self, all: u64, shown: usize, what: &str, table: &str) -> Vec<String> {
        match all.saturating_sub(shown as u64) {
            0 => Vec::new(),
            more => self.labelled("", &format!("… and {} more {what}: see {table}", grouped(more))),
        }
    }

    fn window(&self) -> Option<String> {
        let parts: Vec<String> = [("from", &self.run().since), ("until", &self.run().until)]
            .into_iter()
            .filter_map(|(word, time)| time.as_ref().map(|time| format!("{word} {time}")))
            .collect();
        (!parts.is_empty()).then(|| format!("matches {}", parts.join(" ")))
    }
}

/// Returns a host's name as the summary shows it, in at most `most` columns. A piece of evidence in
/// which no record names a machine is shown by its own name.
fn host_name(facts: &HostFacts, most: usize) -> String {
    match facts.evidence.items.first() {
        Some(evidence) if facts.computer.is_none() => {
            format!("(evidence {})", fitted(evidence, most.saturating_sub("(evidence )".len())))
        }
        _ => computer_name(facts.computer.as_deref(), most),
    }
}

/// Returns a host's name (Computer) as the summary shows it, in at most `most` columns. A missing
/// or empty name is replaced by a remark in parentheses.
fn computer_name(computer: Option<&str>, most: usize) -> String {
    match computer {
        None => "(no Computer)".to_owned(),
        Some("") => "(empty Computer)".to_owned(),
        Some(computer) => fitted(computer, most),
    }
}

/// Returns, as text, the names of the first `most` pieces of evidence that contain a host's
/// records, and how many more there are.
fn evidence_text(facts: &HostFacts, most: usize) -> String {
    let names = facts.evidence.items.iter().take(most);
    let mut text = names.map(|name| fitted(name, VALUE_WIDTH)).collect::<Vec<_>>().join(", ");
    if facts.evidence.count > most as u64 {
        // Writing into a string does not fail.
        let _ = write!(text, " and {} more", grouped(facts.evidence.count - most as u64));
    }
    text
}

/// Returns the end of a sentence with a number of unique matches or leads, which says how many
/// copies of them were found in addition: `; 3 copies of them`. Empty if `copies` is 0.
fn copies(copies: u64) -> String {
    if copies == 0 { String::new() } else { format!("; {} of them", counted(copies, "copy", "copies")) }
}

/// Returns the end of a sentence that says how many matches lie in damaged chunks of logs. Empty if
/// `matches` is 0.
fn damaged(matches: u64) -> String {
    if matches == 0 { String::new() } else { format!("; {} of them in damaged chunks", grouped(matches)) }
}

/// Returns the end of a sentence that says how many matches lie in deleted records. Empty if
/// `matches` is 0.
fn recovered(matches: u64) -> String {
    if matches == 0 {
        String::new()
    } else {
        format!("; {} in deleted records", counted(matches, "match", "matches"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
