//! What the ledger (`files.parquet`) says about whose records a file contains: the machines with
//! their counts, and the runs (ranges without a gap) of EventRecordIDs of each log.
//!
//! A log is identified by a Computer and a Channel. One file can contain the records of many logs,
//! such as a collector's log of forwarded events.

use std::cmp::Reverse;

use crate::ledger::logs::Logs;
use crate::ledger::record_ids::{IdRun, MOST_RUNS};
use crate::ledger::tally::{RecordCounts, Tally};
use crate::table::{Cell, Scalar};

/// The maximum size in bytes of a cell that lists the machines of a file, or its runs (ranges
/// without a gap) of EventRecordIDs. A forged log can name a million machines, and can repeat a
/// long name in every run.
const MOST_BYTES: usize = 1 << 20;
/// The size in bytes of each number and each time in a cell, by which the size of the cell is
/// computed.
const NUMBER_BYTES: usize = 8;

/// The fields of an item of the column `hosts` of the ledger (`files.parquet`): a machine that the
/// file's records name, with the numbers of its records and the times of its first and last DNS
/// query.
pub(super) const HOST_FIELDS: &[(&str, Scalar)] = &[
    ("computer", Scalar::Text),
    ("records", Scalar::Integer),
    ("sysmon_records", Scalar::Integer),
    ("dns_queries", Scalar::Integer),
    ("dns_first_time", Scalar::Time),
    ("dns_last_time", Scalar::Time),
];

/// The fields of an item of the column `record_runs` of the ledger (`files.parquet`): a range of
/// consecutive EventRecordIDs of one machine and channel.
pub(super) const RUN_FIELDS: &[(&str, Scalar)] = &[
    ("computer", Scalar::Text),
    ("channel", Scalar::Text),
    ("first_record_id", Scalar::Integer),
    ("first_time", Scalar::Time),
    ("last_record_id", Scalar::Integer),
    ("last_time", Scalar::Time),
];

/// Returns the cell of the column `hosts`: the machines whose records a file contains, sorted by
/// name. If the cell would be larger than [`MOST_BYTES`], it has only the machines with the most
/// records.
pub(super) fn hosts_cell(tally: &Tally) -> Cell<'_> {
    let mut hosts: Vec<(&str, &RecordCounts)> =
        tally.computers.iter().map(|(name, counts)| (name.as_str(), counts)).collect();
    let size = |(name, _): &(&str, &RecordCounts)| name.len() + NUMBER_BYTES * (HOST_FIELDS.len() - 1);
    if hosts.iter().map(size).sum::<usize>() > MOST_BYTES {
        // Machines with as many records stay in the order of their names.
        hosts.sort_by_key(|(_, counts)| Reverse(counts.records));
        hosts.truncate(how_many_fit(hosts.iter().map(size)));
        hosts.sort_by_key(|(name, _)| *name);
    }
    Cell::Records(hosts.into_iter().map(host_cells).collect())
}

/// Returns the cell of the column `record_runs`: the runs of consecutive EventRecordIDs of a file,
/// sorted by Computer, Channel and number. If the cell would be larger than [`MOST_BYTES`], it has
/// only the first runs of each log, at most the same number for every log.
pub(super) fn runs_cell(logs: &Logs) -> Cell<'_> {
    let size = |computer: &str, channel: &str| {
        computer.len() + channel.len() + NUMBER_BYTES * (RUN_FIELDS.len() - 2)
    };
    let first_runs = |most: usize| {
        logs.iter().flat_map(move |(computer, channel, runs)| {
            runs.as_slice().iter().take(most).map(move |run| (computer, channel, run))
        })
    };
    let bytes = |most: usize| -> usize {
        logs.iter().map(|(one, other, runs)| size(one, other) * runs.as_slice().len().min(most)).sum()
    };
    let mut most = MOST_RUNS;
    while most > 1 && bytes(most) > MOST_BYTES {
        most /= 2;
    }
    // Even one run of each log can be too much.
    let fit = how_many_fit(first_runs(most).map(|(computer, channel, _)| size(computer, channel)));
    Cell::Records(first_runs(most).take(fit).map(run_cells).collect())
}

/// Returns the number of runs (ranges of consecutive EventRecordIDs) in all logs of a file,
/// including runs that the column `record_runs` leaves out. At most `MOST_RUNS` runs of each log
/// are known.
pub(super) fn run_count(logs: &Logs) -> u64 {
    logs.iter().map(|(_, _, runs)| runs.as_slice().len() as u64).sum()
}

/// Returns how many items, from the first on, fit into a cell of [`MOST_BYTES`]. `sizes` has the
/// size of each item in bytes.
fn how_many_fit(sizes: impl Iterator<Item = usize>) -> usize {
    let sums = sizes.scan(0_usize, |sum, size| {
        *sum += size;
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= MOST_BYTES).count()
}

fn host_cells<'a>((name, counts): (&'a str, &RecordCounts)) -> Vec<Cell<'a>> {
    vec![
        Cell::text(name),
        Cell::count(counts.records),
        Cell::count(counts.sysmon_records),
        Cell::count(counts.dns_queries),
        Cell::optional_time(counts.dns_span.first),
        Cell::optional_time(counts.dns_span.last),
    ]
}

fn run_cells<'a>((computer, channel, run): (&'a str, &'a str, &IdRun)) -> Vec<Cell<'a>> {
    vec![
        Cell::text(computer),
        Cell::text(channel),
        Cell::count(run.first),
        Cell::optional_time(run.first_time),
        Cell::count(run.last),
        Cell::optional_time(run.last_time),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the texts and numbers of the items in a cell, without the times.
    fn items<'a>(cell: &Cell<'a>) -> Vec<(Vec<String>, Vec<i64>)> {
        let Cell::Records(items) = cell else { panic!("{cell:?}") };
        let item = |cells: &Vec<Cell<'a>>| {
            let (mut texts, mut numbers) = (Vec::new(), Vec::new());
            for cell in cells {
                match cell {
                    Cell::Text(text) => texts.push(text.to_string()),
                    Cell::Integer(number) => numbers.push(*number),
                    _ => {}
                }
            }
            (texts, numbers)
        };
        items.iter().map(item).collect()
    }

    /// Returns the counts of `machines` machines with 20-byte names. The one whose number is
    /// `greatest` has two records, all others have one.
    fn tally(machines: usize, greatest: usize) -> Tally {
        let mut tally = Tally::default();
        for number in 0..machines {
            let records = 1 + u64::from(number == greatest);
            let counts = RecordCounts { records, ..RecordCounts::default() };
            tally.computers.insert(format!("{number:020}"), counts);
        }
        tally
    }

    /// Returns the logs of `machines` machines with one channel each, which has `runs` runs of one
    /// EventRecordID each. All names of the machines have `name` bytes.
    fn logs(machines: u64, name: usize, runs: u64) -> Logs {
        let mut logs = Logs::default();
        for machine in 0..machines {
            for run in 0..runs {
                logs.change(&format!("{machine:0name$}"), "", |ids| ids.add(run * 2, None));
            }
        }
        logs
    }

    #[test]
    fn of_a_million_machines_those_with_the_most_records_are_listed_in_the_order_of_their_names() {
        let of_few = tally(3, 1);
        let few = items(&hosts_cell(&of_few));
        assert_eq!(few.iter().map(|(_, numbers)| numbers[0]).collect::<Vec<_>>(), [1, 2, 1]);
        let of_many = tally(1_000_000, 999_999);
        let many = items(&hosts_cell(&of_many));
        // A name of 20 bytes, and five numbers and times of 8 bytes.
        assert_eq!(many.len(), (1 << 20) / (20 + 5 * 8));
        assert!(many.is_sorted());
        assert_eq!(many.first().unwrap().0, [format!("{:020}", 0)]);
        assert_eq!(many.last().unwrap(), &(vec![format!("{:020}", 999_999)], vec![2, 0, 0]));
    }

    #[test]
    fn of_many_runs_each_log_lists_its_first_ones() {
        // 100 × 2000 runs of 52 bytes are too many, and 100 × 125 are not.
        let of_many = logs(100, 20, 2000);
        let listed = items(&runs_cell(&of_many));
        assert_eq!((listed.len(), run_count(&of_many)), (100 * 125, 100 * 2000));
        for (place, (texts, numbers)) in listed.iter().enumerate() {
            let (machine, run) = (place / 125, i64::try_from(place % 125).unwrap());
            assert_eq!(texts, &[format!("{machine:020}"), String::new()]);
            assert_eq!(numbers, &[run * 2, run * 2]);
        }
    }

    #[test]
    fn no_name_makes_a_cell_of_runs_large() {
        for (machines, name, runs, listed) in [
            // Machines of which one run of each does not fit.
            (30_000, 20, 1, (1 << 20) / (20 + 4 * 8)),
            // A name that one chunk can repeat in every run.
            (1, 60_000, 2000, 15),
        ] {
            let of_many = logs(machines, name, runs);
            assert_eq!(items(&runs_cell(&of_many)).len(), listed, "{machines} {name}");
            assert_eq!(run_count(&of_many), machines * runs);
        }
    }
}
