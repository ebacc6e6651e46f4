//! The tables of hosts in the summary: the hosts with matches and, in a full summary, all others.

use super::layout::{Grid, Side, Tone, VALUE_WIDTH, fitted};
use super::{Extent, Summary, grouped, host_name};
use crate::report::answer::{HostFacts, HostInDetail, Listed, UtcTime};

/// The most hosts with matches that a short summary lists. The table `hosts.parquet` has all.
const MOST_HOSTS: usize = 10;
/// The width, in columns, to which a host's name is cut in the summary's tables.
const HOST_WIDTH: usize = 31;

impl Summary<'_> {
    /// Returns the summary's table of hosts with matches, the worst first. Under each host stand
    /// the name that its first match asks for, and the program that asked.
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
        let also = &hosts.items.get(shown..).unwrap_or_default();
        let also: Vec<String> = also.iter().map(|host| host_name(&host.facts, HOST_WIDTH)).collect();
        if !also.is_empty() {
            lines.extend(self.layout().flow("  also ", "  also ".len(), &also));
        }
        lines.extend(self.more(hosts.count, hosts.items.len(), "hosts with matches", "hosts.parquet"));
        lines
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

fn cut<T>(summary: &Summary<'_>, listed: &Listed<T>, what: &str) -> Vec<String> {
    summary.more(listed.count, listed.items.len(), what, "hosts.parquet")
}

/// Returns the cells of a host's row in the table of hosts with matches. The time of the last match
/// is left out if it is that of the first.
fn row(host: &HostInDetail) -> [String; 5] {
    let matches = &host.matches;
    let time = |time: Option<UtcTime>| {
        time.map(|UtcTime(time)| time.readable().trim_end_matches('Z').to_owned()).unwrap_or_default()
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
