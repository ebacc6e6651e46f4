//! When DNS queries were logged on each host: from the first to the last DNS query in each of the
//! host's log files, read from the ledger (`files.parquet`). Also the periods in which records of
//! Sysmon are missing, read from `hosts.parquet`.

use std::collections::HashMap;

use super::charts::Hour;
use crate::event::EventTime;
use crate::report::answer::{AnswerError, HostFacts, host_key};
use crate::report::file_row::FileRow;
use crate::report::host_row::HostRow;
use crate::table::{Cell, ColumnOf, Row, TableId, Tables, Wanted};

/// The maximum number of periods with DNS logging, and of periods with missing records, that are
/// kept for one host. All later periods are joined with the last one.
const MOST_PERIODS: usize = 60;

/// The first and the last hour of a period. The period includes both.
pub(super) type Hours = (Hour, Hour);

/// The periods in which DNS queries were logged on a host, and those in which Sysmon's records are
/// missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct HostLogging {
    /// The times of the host's first and last DNS query in all logs; `None` if it has none.
    queries: Option<(EventTime, EventTime)>,
    /// The periods in which DNS queries were logged, each from the first to the last DNS query of a
    /// log file. Once all files are read, they are in order of time and do not overlap.
    pub logged: Vec<Hours>,
    /// For each gap in the EventRecordIDs of the host's Sysmon log, the period from the record
    /// before the gap to the record after it. Once all gaps are read, they are in order of time and
    /// do not overlap.
    pub gaps: Vec<Hours>,
}

/// When DNS queries were logged on the hosts that the page lists, by the host's name in lower case.
#[derive(Debug, Default)]
pub(super) struct Logging(HashMap<String, HostLogging>);

impl Logging {
    /// Reads from `files.parquet` and `hosts.parquet` when DNS queries were logged on each of
    /// `hosts`.
    pub(super) fn read<'h>(
        tables: &dyn Tables,
        hosts: impl Iterator<Item = &'h HostFacts>,
    ) -> Result<Self, AnswerError> {
        let named = hosts.filter_map(|host| {
            let queries = host.seen.first_query.zip(host.seen.last_query);
            let queries = queries.map(|(first, last)| (first.0, last.0));
            Some((host_key(host.computer.as_deref()?), HostLogging { queries, ..HostLogging::default() }))
        });
        let mut logging = Logging(named.collect());
        let columns = ColumnOf::named(FileRow::COLUMNS, &["computers", "dns_first_time", "dns_last_time"]);
        let each = &mut |row: &Row<'_>| logging.add_file(row);
        tables.read(TableId::Files, &columns, Wanted::All, each).map_err(AnswerError::of(TableId::Files))?;
        let columns = ColumnOf::named(HostRow::COLUMNS, &["computer", "record_gaps"]);
        let each = &mut |row: &Row<'_>| logging.add_gaps(row);
        tables.read(TableId::Hosts, &columns, Wanted::All, each).map_err(AnswerError::of(TableId::Hosts))?;
        for host in logging.0.values_mut() {
            host.logged = merged(std::mem::take(&mut host.logged));
            host.gaps = merged(std::mem::take(&mut host.gaps));
        }
        Ok(logging)
    }

    /// Returns when DNS queries were logged on a host; `None` if the host has no name, or the page
    /// does not list it.
    pub(super) fn of(&self, host: &HostFacts) -> Option<&HostLogging> {
        self.0.get(&host_key(host.computer.as_deref()?))
    }

    /// Adds the period of DNS logging of a file, a row of the ledger (`files.parquet`), to the
    /// hosts whose records the file contains. The period is limited to the time from the host's own
    /// first DNS query to its last, because the file can also contain queries of other machines.
    fn add_file(&mut self, row: &Row<'_>) {
        let Some((first, last)) = row.time("dns_first_time").zip(row.time("dns_last_time")) else { return };
        for computer in row.texts("computers") {
            let Some(host) = self.0.get_mut(&host_key(&computer)) else { continue };
            let Some((own_first, own_last)) = host.queries else { continue };
            let (first, last) = (first.max(own_first), last.min(own_last));
            if first <= last {
                host.logged.push((Hour::of(first), Hour::of(last)));
            }
            if host.logged.len() > 2 * MOST_PERIODS {
                host.logged = merged(std::mem::take(&mut host.logged));
            }
        }
    }

    fn add_gaps(&mut self, row: &Row<'_>) {
        let Some(host) = row.text("computer").and_then(|name| self.0.get_mut(&host_key(&name))) else {
            return;
        };
        for gap in row.records("record_gaps") {
            if let [Cell::Text(channel), _, Cell::Time(after), _, Cell::Time(before)] = gap.as_slice()
                && channel.to_ascii_lowercase().contains("sysmon")
                && after <= before
            {
                host.gaps.push((Hour::of(*after), Hour::of(*before)));
            }
        }
    }
}

/// Returns the periods in order of time. Those that touch or overlap are joined; if there are more
/// than [`MOST_PERIODS`], all later ones are joined with the last.
fn merged(mut periods: Vec<Hours>) -> Vec<Hours> {
    periods.sort_unstable();
    let mut merged: Vec<Hours> = Vec::new();
    for (first, last) in periods {
        let is_full = merged.len() >= MOST_PERIODS;
        match merged.last_mut() {
            Some(before) if is_full || first.0 <= before.1.0.saturating_add(1) => {
                before.1 = before.1.max(last);
            }
            _ => merged.push((first, last)),
        }
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_that_touch_are_one() {
        let hours = |periods: &[(i64, i64)]| -> Vec<Hours> {
            periods.iter().map(|(first, last)| (Hour(*first), Hour(*last))).collect()
        };
        assert_eq!(
            merged(hours(&[(5, 9), (1, 2), (3, 3), (8, 8), (12, 13)])),
            hours(&[(1, 3), (5, 9), (12, 13)])
        );
        let many: Vec<(i64, i64)> = (0..1000).map(|hour| (10 * hour, 10 * hour)).collect();
        let kept = merged(hours(&many));
        assert_eq!((kept.len(), kept.last().copied()), (MOST_PERIODS, Some((Hour(590), Hour(9990)))));
    }
}
