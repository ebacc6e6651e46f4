//! The end of the summary: which hosts could not be cleared, what could not be read, the first
//! match, and the result of the sweep in one line.

use textwrap::core::display_width;

use super::layout::{LABEL_WIDTH, PATH_WIDTH, Tone, VALUE_WIDTH, fitted, padded};
use super::{Extent, Room, Summary, computer_name, copies, counted, damaged, grouped, recovered};
use crate::report::answer::{UnclearedCount, UtcTime};
use crate::report::totals::Totals;
use crate::report::verdict::Verdict;

/// The maximum number of hosts that the summary names for each reason why hosts are not cleared.
/// Further hosts are only counted.
const MOST_NAMED: usize = 3;

impl Summary<'_> {
    pub(super) fn headline(&self, room: Room) -> Vec<String> {
        let mut lines = self.not_cleared(room);
        lines.extend(self.gaps());
        lines.extend(self.names_of_hosts());
        lines.extend(self.first_match());
        lines.extend(self.verdicts());
        let answer = self.answer_line();
        lines.extend(answer.iter().map(|line| self.layout().toned(Tone::Answer, line)));
        lines
    }

    /// Returns the summary's lines on hosts without a match that are not cleared (their absence of
    /// matches proves nothing): how many there are and, for each reason, the first few. Returns no
    /// line if all are cleared.
    fn not_cleared(&self, room: Room) -> Vec<String> {
        let answer = self.answer;
        if answer.uncleared_counts.is_empty() {
            return Vec::new();
        }
        let without = answer.uncleared.count + answer.cleared_count;
        let text = format!(
            "{} of {} without matches{}",
            grouped(answer.uncleared.count),
            counted(without, "host", "hosts"),
            if self.extent == Extent::Short { "; --full lists all" } else { "" }
        );
        let mut lines = self.labelled("Not cleared", &text);
        lines.extend(answer.uncleared_counts.iter().flat_map(|count| self.reason(count, room)));
        lines.iter().map(|line| self.layout().toned(Tone::Gap, line)).collect()
    }

    fn reason(&self, count: &UnclearedCount, room: Room) -> Vec<String> {
        let names: Vec<String> = count
            .first
            .iter()
            .take(MOST_NAMED)
            .map(|named| match (&named.computer, &named.evidence) {
                (None, Some(evidence)) => format!("(evidence {})", fitted(evidence, VALUE_WIDTH)),
                (computer, _) => computer_name(computer.as_deref(), VALUE_WIDTH),
            })
            .collect();
        let label = format!("  {} {}: ", grouped(count.hosts), count.why.text());
        // Names are left out in place of being cut, so that each can be copied.
        let fewest = if room == Room::Little { 0 } else { names.len() };
        let in_a_line = (fewest..=names.len()).rev().map(|shown| {
            let items = named(&names, shown, count.hosts);
            format!("{label}{}", items.join(", "))
        });
        if let Some(line) = in_a_line.into_iter().find(|line| display_width(line) <= self.width) {
            return vec![line];
        }
        let indent = label.len().min(LABEL_WIDTH);
        let lines = self.layout().flow("", indent, &named(&names, names.len(), count.hosts));
        [vec![label.trim_end().to_owned()], lines].concat()
    }

    /// Returns a line with the numbers of files, containers and rules that were left out, if there
    /// are any. The summary has the details further up. This line repeats the numbers, so that
    /// nobody misses them.
    fn gaps(&self) -> Vec<String> {
        let totals = &self.run().totals;
        let not_read = totals.not_read_files + totals.interrupted_files;
        let kinds = [
            (totals.flawed_files(), "damaged or unreadable file", "damaged or unreadable files"),
            (not_read, "file left by the interruption", "files left by the interruption"),
            (totals.missed_containers, "container", "containers"),
            (totals.shadow_copies_not_looked_at, "shadow copy", "shadow copies"),
            (self.run().rules.refused, "rule", "rules"),
        ];
        let kinds = kinds.into_iter().filter(|(count, ..)| *count > 0);
        let kinds: Vec<String> = kinds.map(|(count, one, many)| counted(count, one, many)).collect();
        if kinds.is_empty() {
            return Vec::new();
        }
        let lines = self.labelled("Left out", &format!("{}: see above", kinds.join(", ")));
        lines.iter().map(|line| self.layout().toned(Tone::Gap, line)).collect()
    }

    fn first_match(&self) -> Vec<String> {
        let Some(first) = &self.answer.first_match else { return Vec::new() };
        let found = &first.found;
        let time =
            found.time.map_or_else(|| "at no readable time".to_owned(), |UtcTime(time)| time.readable());
        let host = computer_name(Some(&first.computer), VALUE_WIDTH);
        let name = found
            .query_name
            .as_deref()
            .map_or_else(|| "(no name)".to_owned(), |name| fitted(name, VALUE_WIDTH));
        let image = found
            .image
            .as_deref()
            .map_or_else(|| "(no program)".to_owned(), |image| fitted(image, PATH_WIDTH));
        let mut lines = self.labelled("First match", &format!("{time} on {host}"));
        lines.push(format!("{}{name} was asked for by", " ".repeat(LABEL_WIDTH)));
        lines.push(format!("{}{image}", " ".repeat(LABEL_WIDTH)));
        lines
    }

    fn verdicts(&self) -> Vec<String> {
        let cleared = self.answer.cleared_count;
        let verdict = |count: &crate::report::answer::VerdictCount| {
            let text = format!("{} {}", grouped(count.hosts), fitted(&count.verdict, VALUE_WIDTH));
            // Some of these hosts are not cleared for another reason, such as a damaged file.
            let is_part = count.verdict == Verdict::NoMatches.name() && cleared < count.hosts;
            if is_part { format!("{text} ({} cleared)", grouped(cleared)) } else { text }
        };
        let items: Vec<String> = self.answer.verdicts.iter().map(verdict).collect();
        if items.is_empty() {
            return Vec::new();
        }
        self.layout().flow(&padded("Verdicts", LABEL_WIDTH), LABEL_WIDTH, &items)
    }

    /// Returns the result of the sweep in one line, or in a few if one is too short: the numbers of
    /// matches and hosts.
    fn answer_line(&self) -> Vec<String> {
        let Totals {
            matches,
            unique_matches,
            damaged_matches,
            recovered_matches,
            hosts,
            hosts_with_matches,
            hosts_not_cleared,
            ..
        } = self.run().totals;
        let mut lines = Vec::new();
        if self.run().interrupted {
            lines.extend(self.layout().wrapped(
                "INTERRUPTED: this is what was found until then; the same command with --resume goes on from there",
            ));
        }
        let text = format!(
            "{} on {} of {}{}{}{}{}{}",
            counted(unique_matches, "match", "matches"),
            grouped(hosts_with_matches),
            counted(hosts, "host", "hosts"),
            damaged(damaged_matches),
            copies(matches.saturating_sub(unique_matches)),
            recovered(recovered_matches),
            match hosts.saturating_sub(hosts_with_matches) {
                0 => String::new(),
                others => format!("; {} cleared", grouped(others.saturating_sub(hosts_not_cleared))),
            },
            match hosts_not_cleared {
                0 => String::new(),
                others => format!(", {} not cleared", grouped(others)),
            }
        );
        lines.extend(self.layout().wrapped(&text));
        lines
    }
}

/// Returns the first `shown` names of hosts. If `hosts`, the number of all, is greater, adds an
/// item that says how many more there are.
fn named(names: &[String], shown: usize, hosts: u64) -> Vec<String> {
    let mut items: Vec<String> = names.iter().take(shown).cloned().collect();
    match hosts.saturating_sub(shown as u64) {
        0 => {}
        more if items.is_empty() => {
            items.push(format!("{}, see hosts.parquet", counted(more, "host", "hosts")));
        }
        more => items.push(format!("and {} more", grouped(more))),
    }
    items
}
