//! The tables of hosts in the summary: the hosts with matches and, in a full summary, all others.

use std::collections::BTreeSet;

use super::layout::{Grid, LABEL_WIDTH, Side, Tone, VALUE_WIDTH, fitted, padded};
use super::{Extent, Summary, grouped, host_name};
use crate::report::answer::{HostFacts, HostInDetail, Listed, UtcTime};

/// The maximum number of hosts with matches that a short summary lists. The table `hosts.parquet`
/// has all.
const MOST_HOSTS: usize = 10;
/// The maximum number of hosts with matches that the summary names near its end, in addition to its
/// table of hosts. Further hosts are only counted.
const MOST_NAMED: usize = 40;
/// The width, in columns, to which a host's name is cut in the summary's tables, so that a row fits
/// into 80 columns.
const HOST_WIDTH: usize = 29;
/// The number of characters of a time up to its minutes, such as `2025-03-03 19:05`.
const MINUTES: usize = 16;

impl Summary<'_> {
    /// Returns the summary's table of hosts with matches, the worst first. The line below each host
    /// has the name that its first match asks for, and the program that asked.
    pub(super) fn matching_hosts(&self) -> Vec<String> {
        let hosts = &self.answer.hosts;
        if hosts.count == 0 {
            return Vec::new();
        }
        let shown = hosts.items.len().min(self.extent.most(MOST_HOSTS));
        let head = ["host with matches", "risk", "matches", "first (UTC)", "last"].map(str::to_owned);
        let rows: Vec<[String; 5]> = hosts.items.iter().take(shown).map(row).collect();
        let sides = [Side::Left, Side::Right, Side::Right, Side::Left, Side::Left];
        let grid = Grid::of(sides, [&head].into_iter().chain(&rows));
        let mut lines = vec![self.layout().toned(Tone::Head, &grid.line(&head))];
        for (host, row) in hosts.items.iter().zip(&rows) {
            lines.push(self.layout().toned(Tone::Risk(host.matches.risk_score), &grid.line(row)));
            lines.extend(host.matches.listed.items.first().map(|first| {
                let name = first.query_name.as_deref().unwrap_or("(no name)");
                let program = first.process_name.as_deref().unwrap_or("(no program)");
                let room = self.width.saturating_sub("  first:  by ".len()) / 2;
                format!("  first: {} by {}", fitted(name, room), fitted(program, room))
            }));
        }
        lines.extend(self.more(hosts.count, shown, "hosts with matches", "below and in hosts.parquet"));
        lines
    }

    /// Returns the names of all hosts with matches, each with its number of matches, if the table
    /// of hosts does not list all of them. The summary shows them near its end, where they are seen
    /// without scrolling. At most [`MOST_NAMED`] are named.
    pub(super) fn names_of_hosts(&self) -> Vec<String> {
        let hosts = &self.answer.hosts;
        let shown = hosts.items.len().min(MOST_NAMED);
        if hosts.count <= self.extent.most(MOST_HOSTS) as u64 {
            return Vec::new();
        }
        let (names, domain) = without_domain(hosts.items.iter().take(shown).map(|host| &host.facts));
        let counted = names.iter().zip(&hosts.items);
        let mut items: Vec<String> =
            counted.map(|(name, host)| format!("{name} ({})", grouped(host.matches.unique))).collect();
        if let Some(more @ 1..) = hosts.count.checked_sub(shown as u64) {
            items.push(format!("and {} more: see hosts.parquet", grouped(more)));
        }
        let label =
            domain.map_or_else(|| "Matches on".to_owned(), |domain| format!("Matches on, in {domain}:"));
        if label.len() < LABEL_WIDTH {
            return self.layout().flow(&padded(&label, LABEL_WIDTH), LABEL_WIDTH, &items);
        }
        let lines = self.layout().flow("", LABEL_WIDTH, &items);
        std::iter::once(label).chain(lines).collect()
    }

    /// Returns the full summary's tables of all hosts without matches: those that are not cleared,
    /// and those that are. Returns no line for a short summary.
    pub(super) fn others(&self) -> Vec<String> {
        if self.extent == Extent::Short {
            return Vec::new();
        }
        let uncleared: Vec<&HostFacts> = self.answer.uncleared.items.iter().map(|host| &host.facts).collect();
        let cleared: Vec<&HostFacts> = self.answer.cleared.items.iter().collect();
        let mut lines = self.table_of("not cleared", &uncleared);
        lines.extend(cut(self, &self.answer.uncleared, "hosts that are not cleared"));
        lines.extend(self.table_of("cleared", &cleared));
        lines.extend(cut(self, &self.answer.cleared, "cleared hosts"));
        lines
    }

    fn table_of(&self, what: &str, hosts: &[&HostFacts]) -> Vec<String> {
        if hosts.is_empty() {
            return Vec::new();
        }
        let queries = if self.window().is_some() { "queries in period" } else { "DNS queries" };
        let head = [what, "verdict", queries, "first query", "last query"].map(str::to_owned);
        let day = |time: Option<UtcTime>| {
            time.map(|time| time.0.readable().chars().take(10).collect()).unwrap_or_default()
        };
        let row = |host: &&HostFacts| {
            let seen = &host.seen;
            let queries = match self.window() {
                Some(_) => {
                    format!("{} of {}", grouped(seen.dns_queries_in_period), grouped(seen.dns_queries))
                }
                None => grouped(seen.dns_queries),
            };
            let verdict = fitted(&host.verdict, VALUE_WIDTH);
            [host_name(host, HOST_WIDTH), verdict, queries, day(seen.first_query), day(seen.last_query)]
        };
        let rows: Vec<[String; 5]> = hosts.iter().map(row).collect();
        let sides = [Side::Left, Side::Left, Side::Right, Side::Left, Side::Left];
        let grid = Grid::of(sides, [&head].into_iter().chain(&rows));
        let head = self.layout().toned(Tone::Head, &grid.line(&head));
        [head].into_iter().chain(rows.iter().map(|row| grid.line(row))).collect()
    }
}

/// Returns the names of hosts as the summary shows them. If all of them have the same DNS domain,
/// and differ before it, the names are without the domain, and the domain is returned as well.
fn without_domain<'h>(hosts: impl Iterator<Item = &'h HostFacts>) -> (Vec<String>, Option<String>) {
    let names: Vec<String> = hosts.map(|facts| host_name(facts, HOST_WIDTH)).collect();
    let parts: Option<Vec<(&str, &str)>> = names.iter().map(|name| name.split_once('.')).collect();
    let short = parts.filter(|parts| {
        let firsts: BTreeSet<&str> = parts.iter().map(|(first, _)| *first).collect();
        let domains: BTreeSet<&str> = parts.iter().map(|(_, domain)| *domain).collect();
        // A name that is cut has no domain that is known.
        firsts.len() == parts.len() && domains.len() == 1 && names.iter().all(|name| !name.contains('…'))
    });
    match short {
        Some(parts) => {
            let domain = parts.first().map(|(_, domain)| (*domain).to_owned());
            (parts.iter().map(|(first, _)| (*first).to_owned()).collect(), domain)
        }
        None => (names, None),
    }
}

fn cut<T>(summary: &Summary<'_>, listed: &Listed<T>, what: &str) -> Vec<String> {
    summary.more(listed.count, listed.items.len(), what, "hosts.parquet")
}

/// Returns the cells of a host's row in the summary's table of hosts with matches. The time of the
/// last match is left out if it equals that of the first.
fn row(host: &HostInDetail) -> [String; 5] {
    let matches = &host.matches;
    let time = |time: Option<UtcTime>| {
        time.map(|UtcTime(time)| time.readable().chars().take(MINUTES).collect()).unwrap_or_default()
    };
    let last = matches.last_time.filter(|last| Some(*last) != matches.first_time);
    [
        host_name(&host.facts, HOST_WIDTH),
        matches.risk_score.map_or_else(|| "-".to_owned(), |score| score.to_string()),
        grouped(matches.unique),
        time(matches.first_time),
        time(last),
    ]
}
