//! Decides which matches may begin a group (matches that agree in some fields) if there are more
//! matches than the page has room for: the earliest of each host, about the same number for each
//! host.

use std::collections::{BinaryHeap, HashMap};

use crate::event::EventTime;
use crate::report::answer::{AnswerError, HostInDetail, host_key};
use crate::report::matches::MatchRow;
use crate::table::{Cell, ColumnOf, Row, TableId, Tables, Wanted};

/// The key by which matches are sorted: true if the match has no readable time, the time, and the
/// number of the match's row in `matches.parquet`.
pub(super) type Earliest = (bool, Option<EventTime>, u64);

/// Which matches of each host may begin a new group of matches on the page. If the page has no room
/// for all, these are the earliest of each host.
#[derive(Debug, Default)]
pub(super) struct Room {
    /// The key of the latest match that may begin a group, by the index of its host. If a host has
    /// no entry, all of its matches may begin a group.
    latest: HashMap<usize, Earliest>,
}

impl Room {
    /// Finds out which matches of `hosts` may begin a group, so that there are at most about `most`
    /// groups. The table of matches is read only if there are more than `most` matches.
    pub(super) fn read(tables: &dyn Tables, hosts: &[&HostInDetail], most: u64) -> Result<Self, AnswerError> {
        let counts: Vec<u64> = hosts.iter().map(|host| host.matches.hits + host.matches.recovered).collect();
        let Some(level) = level(counts.clone(), most) else { return Ok(Room::default()) };
        let above = hosts.iter().zip(counts).enumerate().filter(|(_, (_, count))| *count > level);
        let mut heaps: HashMap<String, (usize, BinaryHeap<Earliest>)> = above
            .filter_map(|(place, (host, _))| {
                Some((host_key(host.facts.computer.as_deref()?), (place, BinaryHeap::new())))
            })
            .collect();
        let columns = ["duplicate", "excluded_by", "computer", "event_time"];
        let columns = ColumnOf::named(MatchRow::COLUMNS, &columns);
        let each = &mut |row: &Row<'_>| {
            if row.is("duplicate") || row.cell("excluded_by") != Cell::Null {
                return;
            }
            let computer = row.text("computer").unwrap_or_default();
            let Some((_, heap)) = heaps.get_mut(&host_key(&computer)) else { return };
            let time = row.time("event_time");
            heap.push((time.is_none(), time, row.number()));
            if heap.len() as u64 > level {
                heap.pop();
            }
        };
        let failed = AnswerError::of(TableId::Matches);
        tables.read(TableId::Matches, &columns, Wanted::All, each).map_err(failed)?;
        let latest = heaps.into_values().filter_map(|(place, heap)| Some((place, *heap.peek()?)));
        Ok(Room { latest: latest.collect() })
    }

    /// Returns true if a match may begin a new group of matches, because the page has room for it.
    /// `found` is the key by which matches are sorted by time, and `host` the index of the match's
    /// host.
    pub(super) fn has(&self, host: usize, found: Earliest) -> bool {
        self.latest.get(&host).is_none_or(|latest| found <= *latest)
    }
}

/// Returns the number to which each greater number in `counts` must be reduced, so that the sum of
/// `counts` is at most `most`; `None` if none must be reduced.
fn level(mut counts: Vec<u64>, most: u64) -> Option<u64> {
    counts.sort_unstable();
    let mut left = most;
    let all = counts.len() as u64;
    for (count, others) in counts.into_iter().zip((1..=all).rev()) {
        let share = left / others;
        if count > share {
            return Some(share);
        }
        left -= count;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_counts_are_kept_whole() {
        assert_eq!(level(vec![5, 5], 10), None);
        assert_eq!(level(Vec::new(), 0), None);
        assert_eq!(level(vec![100, 3, 100], 43), Some(20));
        assert_eq!(level(vec![1, 2, 3], 0), Some(0));
    }
}
