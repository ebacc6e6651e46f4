//! The lines of the summary on hosts without matches: which of them can be cleared, and what is
//! known about the others.

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};

use super::{MOST_HOSTS, NamedHost, Summary, columns, counted, grouped, name};
use crate::event::EventTime;
use crate::report::coverage::Coverage;
use crate::report::escape;
use crate::report::host::Host;
use crate::report::verdict::Verdict;

impl Summary<'_> {
    /// Writes how many hosts without a match cannot be cleared, and why. Writes nothing if all of
    /// them can be cleared.
    pub(super) fn not_cleared(&self, f: &mut fmt::Formatter<'_>, rows: &[NamedHost]) -> fmt::Result {
        let others = rows.iter().filter(|(_, host)| host.matches == 0);
        let mut reasons: BTreeMap<Reason, u64> = BTreeMap::new();
        for (_, host) in others.clone().filter(|(_, host)| !host.is_cleared()) {
            *reasons.entry(Reason::of(host)).or_default() += 1;
        }
        if reasons.is_empty() {
            return Ok(());
        }
        // The hosts about which least is known come first, as in the table.
        let reasons: Vec<String> = reasons
            .iter()
            .rev()
            .map(|(reason, hosts)| format!("{} {}", grouped(*hosts), reason.text()))
            .collect();
        let text = format!(
            "{} of {} without matches: {}",
            grouped(self.run.totals.hosts_not_cleared),
            counted(others.count() as u64, "host", "hosts"),
            reasons.join(", ")
        );
        self.labelled(f, "Not cleared", &text)
    }

    pub(super) fn other_hosts(&self, f: &mut fmt::Formatter<'_>, rows: &[NamedHost]) -> fmt::Result {
        let mut others: Vec<_> = rows.iter().filter(|(_, host)| host.matches == 0).collect();
        if others.is_empty() {
            return Ok(());
        }
        // The hosts about which least is known come first.
        others.sort_by_key(|(_, host)| {
            std::cmp::Reverse((host.verdict(), host.coverage, host.files.incomplete() > 0))
        });
        let has_period = self.window().is_some();
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Dynamic)
            .set_width(columns(self.width));
        let queries = if has_period { "DNS queries\nin period" } else { "DNS queries" };
        table.set_header(["host without matches", "verdict", queries, "first query", "last query"]);
        for (computer, host) in others.iter().take(MOST_HOSTS) {
            table.add_row(other_row(computer.as_deref(), host, has_period));
        }
        if let Some(column) = table.column_mut(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        writeln!(f)?;
        for line in table.lines() {
            writeln!(f, "{}", line.strip_prefix(' ').unwrap_or(&line).trim_end())?;
        }
        self.more(f, others.len(), MOST_HOSTS, "hosts without matches", "hosts.parquet")
    }
}

/// The main reason why a host without matches cannot be cleared, so that its lack of matches proves
/// nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reason {
    /// The host's DNS queries cover the requested period, but some of its records have no readable
    /// time.
    UnreadableTimes,
    /// The host's DNS queries cover only a part of the requested period.
    NotCovered,
    /// Not all of the host's files and containers could be read completely.
    Incomplete,
    /// The host has a verdict other than `no matches`, which says why it cannot be cleared.
    /// Contains the verdict.
    Verdict(Verdict),
}

impl Reason {
    fn of(host: &Host) -> Self {
        match host.verdict() {
            Verdict::NoMatches if host.files.incomplete() > 0 => Reason::Incomplete,
            Verdict::NoMatches if host.coverage == Some(Coverage::Part) => Reason::NotCovered,
            Verdict::NoMatches => Reason::UnreadableTimes,
            verdict => Reason::Verdict(verdict),
        }
    }

    fn text(self) -> &'static str {
        match self {
            Reason::UnreadableTimes => "with times that cannot be read",
            Reason::NotCovered => "period covered in part",
            Reason::Incomplete => "with incomplete files",
            Reason::Verdict(verdict) => verdict.name(),
        }
    }
}

fn other_row(computer: Option<&str>, host: &Host, has_period: bool) -> [String; 5] {
    let shown = match computer {
        None => host
            .evidence()
            .next()
            .map(|evidence| format!("(evidence {})", escape::shown(evidence)))
            .unwrap_or_default(),
        computer => name(computer),
    };
    let day = |time: Option<EventTime>| {
        time.map(|time| time.readable().chars().take(10).collect()).unwrap_or_default()
    };
    let counts = host.counts;
    let queries = grouped(counts.dns_queries);
    let queries =
        if has_period { format!("{} of {queries}", grouped(counts.dns_queries_in_period)) } else { queries };
    [shown, verdict(host), queries, day(counts.dns_span.first), day(counts.dns_span.last)]
}

/// Returns the verdict on a host without matches as text, followed by what limits the verdict, such
/// as incomplete files.
fn verdict(host: &Host) -> String {
    let verdict = host.verdict();
    let mut text = verdict.name().to_owned();
    match (verdict, host.coverage) {
        (Verdict::NoMatches | Verdict::RecoveredMatches, Some(Coverage::Part)) => {
            text.push_str("; period covered in part");
        }
        (Verdict::RecoveredMatches, Some(Coverage::Nothing)) => text.push_str("; period not covered"),
        _ => {}
    }
    let parts = [
        (host.files.damaged + host.files.not_read, "file", "files"),
        (host.files.containers, "container", "containers"),
    ];
    for (incomplete, one, many) in parts {
        if incomplete > 0 && !matches!(verdict, Verdict::Unreadable | Verdict::NoEventLogs) {
            // Writing into a string does not fail.
            let _ = write!(text, "; {} incomplete", counted(incomplete, one, many));
        }
    }
    text
}
