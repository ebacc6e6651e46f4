//! The table of a search's `stats` command: events are added to its rows, tables are merged, and
//! the rows of the finished table are returned in parts.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::base::fast_map::RandomState;
use crate::detect::stats::Stats;
use crate::detect::stats::aggregate::Aggregate;
use crate::detect::stats::column::{StatsColumn, StatsValue};
use crate::detect::stats::row_key::RowKey;
use crate::detect::stats::rows::{RowStep, apply_steps};
use crate::event::Event;
use crate::table::SortedBy;

/// The table of a search's `stats` command while events are added. Tables of the same [`Stats`],
/// such as those of several threads, can be merged in any order and in any grouping; an empty table
/// changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsTable {
    stats: Arc<Stats>,
    /// The aggregates of each row, by the key of the row's `by` values. There can be as many rows
    /// as matches, so each row is kept small, and rows are sorted only once, at the end. The
    /// hasher, of the crate `ahash`, is faster than that of the standard library. Like that one it
    /// has a random key, because evidence can be crafted to have values with the same hash.
    rows: HashMap<RowKey, Box<[Aggregate]>, RandomState>,
}

impl StatsTable {
    /// Creates a `stats` table to which no event has been added.
    #[must_use]
    pub fn new(stats: &Arc<Stats>) -> Self {
        StatsTable { stats: Arc::clone(stats), rows: HashMap::default() }
    }

    /// Adds a matching event to the `stats` table. If a `by` field has several values, the event is
    /// added to a row for each of them. If a `by` field is absent, or the values of several fields
    /// make too many combinations, the event is added to no row.
    pub fn add(&mut self, event: &Event) {
        if self.stats.empty_because.is_some() {
            return;
        }
        let stats = Arc::clone(&self.stats);
        match stats.only_key(event) {
            Some(key) => self.add_to(&key, event),
            None => stats.keys_of_values(event).iter().for_each(|key| self.add_to(key, event)),
        }
    }

    /// Adds an event to the row with this key.
    fn add_to(&mut self, key: &RowKey, event: &Event) {
        let aggregates = match self.rows.get_mut(key) {
            Some(aggregates) => aggregates,
            None => self.rows.entry(key.compact_copy()).or_insert_with(|| self.stats.aggregates()),
        };
        for (aggregate, source) in aggregates.iter_mut().zip(self.stats.aggregate_sources()) {
            aggregate.add(source, event);
        }
    }

    /// Adds the events of another `stats` table, which must be of the same [`Stats`].
    pub fn merge(&mut self, other: StatsTable) {
        debug_assert_eq!(self.stats, other.stats, "only tables of the same detection merge");
        for (key, theirs) in other.rows {
            match self.rows.entry(key) {
                Entry::Vacant(row) => _ = row.insert(theirs),
                Entry::Occupied(mut row) => {
                    for (our, their) in row.get_mut().iter_mut().zip(theirs) {
                        our.merge(their);
                    }
                }
            }
        }
    }

    /// Returns the number of rows of the `stats` table so far, before commands such as `where` and
    /// `dedup` remove some.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// Returns the columns that the finished `stats` table shows, in order.
    pub fn columns(&self) -> impl Iterator<Item = &StatsColumn> {
        self.stats.columns()
    }

    /// Returns the reason why the `stats` table can never have rows, such as a `by` field that no
    /// DNS query has; `None` if it can have rows.
    #[must_use]
    pub fn empty_because(&self) -> Option<&str> {
        self.stats.empty_because()
    }

    /// Returns in words how the rows of the `stats` table are sorted. The text becomes metadata of
    /// the Parquet file that the table is written to.
    #[must_use]
    pub fn row_order(&self) -> &'static str {
        self.stats.row_order()
    }

    /// Returns the columns by which the rows of the finished table are sorted, the first sort key
    /// first. [`Stats::sorted_by`] says where the list ends.
    #[must_use]
    pub fn sorted_by(&self) -> Vec<SortedBy> {
        self.stats.sorted_by()
    }

    /// Finishes the `stats` table, and returns its rows: in the order in which the search sorts
    /// them, and rows that are equal in this order, or that the search does not sort, by the `by`
    /// columns. Each row has a value for every shown column. As in Splunk, a `stats` without `by`
    /// has one row even if there were no events.
    #[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "tests compare it with another reader"))]
    pub fn into_rows(self) -> impl Iterator<Item = Vec<StatsValue>> {
        self.into_parts(usize::MAX).flat_map(StatsPart::into_rows)
    }

    /// Finishes the `stats` table, and returns its rows in parts of at most `rows` rows, so that
    /// several threads can encode the parts for the output file.
    pub fn into_parts(mut self, rows: usize) -> impl Iterator<Item = StatsPart> {
        if self.rows.is_empty() && !self.stats.has_by() && self.stats.empty_because.is_none() {
            self.rows.insert(RowKey::default(), self.stats.aggregates());
        }
        let stats = self.stats;
        let mut sorted: Vec<(RowKey, Box<[Aggregate]>)> = self.rows.into_iter().collect();
        sorted.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        // Steps that need all rows are applied before the first part is returned.
        let (mut unfinished, mut finished) = (Vec::new().into_iter(), Vec::new().into_iter());
        if stats.steps.iter().any(RowStep::is_of_table) {
            let all = sorted.into_iter().map(|(key, aggregates)| stats.row(&key, aggregates)).collect();
            finished = apply_steps(&stats.steps, all).into_iter();
        } else {
            unfinished = sorted.into_iter();
        }
        std::iter::from_fn(move || {
            let unfinished: Vec<_> = unfinished.by_ref().take(rows).collect();
            let finished: Vec<_> = finished.by_ref().take(rows).collect();
            let any = !unfinished.is_empty() || !finished.is_empty();
            any.then(|| StatsPart { stats: Arc::clone(&stats), unfinished, finished })
        })
    }
}

/// Some rows of a finished `stats` table, in order. [`StatsTable::into_parts`] splits a table into
/// parts.
#[derive(Debug)]
pub struct StatsPart {
    stats: Arc<Stats>,
    /// Rows of this part to which the later commands of the search (which compute columns and
    /// filter rows) are not applied yet; [`StatsPart::into_rows`] applies them. Empty if the search
    /// has a command that needs all rows at once, such as `sort`: the rows are then in `finished`.
    unfinished: Vec<(RowKey, Box<[Aggregate]>)>,
    /// Rows of this part to which all commands of the search were applied. Each has the values of
    /// all columns, shown or not. Empty if no command of the search needs all rows at once: the
    /// rows are then in `unfinished`.
    finished: Vec<Vec<StatsValue>>,
}

impl StatsPart {
    /// Returns the rows of this part of the `stats` table. Each row has a value for every column
    /// that the table shows.
    #[must_use]
    pub fn into_rows(self) -> impl ExactSizeIterator<Item = Vec<StatsValue>> {
        let StatsPart { stats, unfinished, mut finished } = self;
        let all: Vec<_> =
            unfinished.into_iter().map(|(key, aggregates)| stats.row(&key, aggregates)).collect();
        finished.extend(apply_steps(&stats.steps, all));
        finished.into_iter().map(move |row| stats.shown(row))
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use proptest::prelude::*;

    use super::*;
    use crate::detect::splunk::search::Search;
    use crate::detect::testing::event;
    use crate::event::EventTime;

    fn table(pipeline: &str) -> StatsTable {
        let search =
            Search::parse(&format!("* | {pipeline}")).unwrap_or_else(|error| panic!("{pipeline}: {error}"));
        StatsTable::new(search.stats.as_ref().unwrap())
    }

    /// Returns the rows of the table that a search's commands make of events, each row with its
    /// values joined by blanks.
    fn rows(pipeline: &str, events: &[Event]) -> Vec<String> {
        let mut table = table(pipeline);
        for event in events {
            table.add(event);
        }
        let text = |value: StatsValue| match value {
            StatsValue::Null => "null".to_owned(),
            StatsValue::Text(text) => text,
            StatsValue::Integer(number) => number.to_string(),
            StatsValue::Time(time) => time.rfc3339(),
            StatsValue::List(list) => format!("[{}]", list.join(",")),
        };
        table.into_rows().map(|row| row.into_iter().map(text).collect::<Vec<_>>().join(" ")).collect()
    }

    fn at(second: i64, query_name: &str, process_id: &str) -> Event {
        let mut event = event(r"C:\a.exe", query_name);
        event.system.time_created = Some(EventTime::from_ticks(second * 10_000_000 + 5));
        event.set("ProcessId", Some(process_id.to_owned()));
        event
    }

    #[test]
    fn a_table_has_the_columns_of_the_search_and_a_row_for_each_combination() {
        let events = [event("a.exe", "x"), event("a.exe", "y"), event("b.exe", "x")];
        assert_eq!(rows("stats count by Image query", &events), ["a.exe x 1", "a.exe y 1", "b.exe x 1"]);
        assert_eq!(
            rows("stats count by Image query | table count Image", &events),
            ["1 a.exe", "1 a.exe", "1 b.exe"]
        );
        assert_eq!(rows("stats count by Image | fields - Image", &events), ["2", "1"]);
        assert_eq!(
            rows("stats count values(query) by Image | fields Image | rename Image as x", &events),
            ["a.exe", "b.exe"]
        );
    }

    #[test]
    fn aggregates() {
        let mut blank = at(9, "", "-");
        blank.system.time_created = None;
        let events = [at(3, "b", "10"), at(1, "a", "9"), at(2, "b", "100")];
        let with_blank = [&events[..], &[blank]].concat();
        for (pipeline, events, expected) in [
            ("stats count", &events[..], &["3"][..]),
            ("stats count", &[], &["0"]),
            ("stats count min(_time) values(query) max(query)", &[], &["0 null [] null"]),
            ("stats count by query", &[], &[]),
            ("stats count as n by query", &events, &["a 1", "b 2"]),
            ("stats count by query", &with_blank, &["a 1", "b 2"]),
            ("fillnull | stats count by query", &with_blank, &["0 1", "a 1", "b 2"]),
            (
                "fillnull value=\"none at all\" query | stats count by query",
                &with_blank,
                &["a 1", "b 2", "none at all 1"],
            ),
            ("stats count count(query) dc(query) values(query)", &with_blank, &["4 3 2 [a,b]"]),
            // By number if all values are numbers, otherwise by bytes.
            ("stats min(ProcessId) max(ProcessId)", &events, &["9 100"]),
            ("stats min(ProcessId) max(ProcessId)", &with_blank, &["- 9"]),
            ("stats min(query) max(query)", &events, &["a b"]),
            ("stats earliest(query) latest(query) latest(ProcessId)", &with_blank, &["a b 10"]),
            (
                "stats min(_time) as t max(_time)",
                &with_blank,
                &["1970-01-01T00:00:01.0000005Z 1970-01-01T00:00:03.0000005Z"],
            ),
            (
                "stats min(_time) as t latest(_time) as u \
                 | `security_content_ctime(t)` | `security_content_ctime(u)`",
                &with_blank,
                &["1970-01-01T00:00:01 1970-01-01T00:00:03"],
            ),
            (
                "stats count by _time | `security_content_ctime(_time)`",
                &with_blank,
                &["1970-01-01T00:00:01 1", "1970-01-01T00:00:02 1", "1970-01-01T00:00:03 1"],
            ),
        ] {
            assert_eq!(rows(pipeline, events), expected, "{pipeline}");
        }
    }

    #[test]
    fn rows_are_sorted_by_the_bytes_of_the_by_columns() {
        let events = [at(1, "b", "1"), at(1, "é", "1"), at(1, "Z", "1"), at(1, "b", "-")];
        assert_eq!(rows("stats count by query ProcessId", &events), ["Z 1 1", "b - 1", "b 1 1", "é 1 1"]);
    }

    /// Returns the order of two rows by these columns, with null last.
    fn compare(by: &[SortedBy], left: &[StatsValue], right: &[StatsValue]) -> Ordering {
        let orders = by.iter().map(|by| {
            let (left, right) = (&left[by.column], &right[by.column]);
            let is_null = |value| value == &StatsValue::Null;
            let order = left.cmp(right);
            let order = if by.descending { order.reverse() } else { order };
            is_null(left).cmp(&is_null(right)).then(order)
        });
        orders.fold(Ordering::Equal, Ordering::then)
    }

    #[test]
    fn rows_are_sorted_as_the_table_says() {
        const UP: bool = false;
        const DOWN: bool = true;
        let mut events: Vec<Event> = ["10", "9", "a", "B", "b"].map(|id| at(1, "x", id)).into();
        events.extend([at(1, "y", "9"), at(2, "y", "10"), at(2, "z", "9"), at(3, "z", "9")]);
        for (pipeline, expected) in [
            ("stats count by query ProcessId", &[(0, UP), (1, UP)][..]),
            ("stats count by query ProcessId | table count ProcessId query", &[(2, UP), (1, UP)]),
            ("stats count by query ProcessId | rename query as x | where count > 0", &[(0, UP), (1, UP)]),
            // A column that is not shown, or shows something else, ends the order.
            ("stats count by query ProcessId | fields - query", &[]),
            ("stats count by query ProcessId | fields - ProcessId", &[(0, UP)]),
            ("stats count by query ProcessId | eval query=upper(ProcessId)", &[]),
            // A time in the table has fewer decimals than the time by which rows are sorted.
            ("stats count by query _time ProcessId", &[(0, UP), (1, UP)]),
            ("stats count by query ProcessId | sort - count", &[(2, DOWN), (0, UP), (1, UP)]),
            (
                "stats count by query ProcessId | sort num(count), - str(ProcessId)",
                &[(2, UP), (1, DOWN), (0, UP)],
            ),
            // Numbers come before other texts, so 9 before 10.
            ("stats count by query ProcessId | sort count ProcessId", &[(2, UP)]),
            ("stats count by query ProcessId | sort ProcessId | sort query", &[]),
            ("stats min(_time) as t by query | sort t", &[]),
            (
                "stats values(ProcessId) as ids count by query | sort 2 - count | dedup count",
                &[(2, DOWN), (0, UP)],
            ),
            ("stats count", &[]),
        ] {
            let mut table = table(pipeline);
            for event in &events {
                table.add(event);
            }
            let by = table.sorted_by();
            let found: Vec<_> = by.iter().map(|by| (by.column, by.descending)).collect();
            assert_eq!(found, expected, "{pipeline}");
            let rows: Vec<_> = table.into_rows().collect();
            assert!(rows.is_sorted_by(|one, next| compare(&by, one, next).is_le()), "{pipeline}: {rows:?}");
        }
    }

    /// Commands of a Splunk search for tests, with every aggregate of `stats`, and a `by` field
    /// that events need not have.
    const ALL: &str = "stats count count(User) dc(ProcessId) values(ProcessId) min(ProcessId) max(ProcessId) \
                       min(_time) max(_time) earliest(ProcessId) latest(ProcessId) earliest(_time) by query";

    fn any_events() -> impl Strategy<Value = Vec<Event>> {
        let one = (
            0..4_i64,
            "[ab]?",
            prop::sample::select(&["1", "1.0", "01", "2", "10", "-", ""][..]),
            any::<bool>(),
        );
        let make = |(second, query, process_id, timed): (i64, String, &str, bool)| {
            let mut event = at(second, &query, process_id);
            event.system.time_created = event.system.time_created.filter(|_| timed);
            event
        };
        prop::collection::vec(one.prop_map(make), 0..8)
    }

    fn table_of(events: &[Event]) -> StatsTable {
        let mut table = table(ALL);
        for event in events {
            table.add(event);
        }
        table
    }

    fn merged(left: &StatsTable, right: &StatsTable) -> StatsTable {
        let mut both = left.clone();
        both.merge(right.clone());
        both
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn merging_is_commutative_and_associative(a in any_events(), b in any_events(), c in any_events()) {
            let (ta, tb, tc) = (table_of(&a), table_of(&b), table_of(&c));
            prop_assert_eq!(merged(&ta, &tb), merged(&tb, &ta), "commutative");
            prop_assert_eq!(merged(&merged(&ta, &tb), &tc), merged(&ta, &merged(&tb, &tc)), "associative");
            prop_assert_eq!(&merged(&ta, &table_of(&[])), &ta, "empty is the identity");
            let together = table_of(&[a, b].concat());
            let rows = |table: StatsTable| table.into_rows().collect::<Vec<_>>();
            prop_assert_eq!(rows(merged(&ta, &tb)), rows(together), "as if read together");
        }

        #[test]
        fn the_key_of_single_values_is_that_of_all_values(events in any_events()) {
            for pipeline in [ALL, "stats count by Computer query _time", "fillnull | stats count by query"] {
                let stats = &table(pipeline).stats;
                for event in &events {
                    if let Some(key) = stats.only_key(event) {
                        prop_assert_eq!(stats.keys_of_values(event), [key], "{}", pipeline);
                    }
                }
            }
        }
    }
}
