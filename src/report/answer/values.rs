//! The most frequent values of a field, over the matches of all hosts.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::escape::middle_cut;
use crate::table::{Cell, Row};

/// The maximum number of characters of a value from evidence in an answer (what a sweep's output
/// says about the hosts). Longer values are cut in the middle; the tables have the whole value.
pub const LONGEST_VALUE: usize = 1000;
/// The maximum number of distinct values of a field that are counted. Further values are not
/// counted, because evidence can be crafted to have any number of them.
const MOST_DISTINCT: usize = 50_000;

/// A value of a field, and how many unique matches have it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ValueCount {
    /// The value, as it was logged.
    pub value: String,
    /// The number of unique matches with the value.
    pub matches: u64,
    /// The number of hosts that have a unique match with the value.
    pub hosts: u64,
}

/// The most frequent values of a field, such as the queried name, over the matches of all hosts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct TopValues {
    /// The most frequent values of the field, those with most matches first.
    pub items: Vec<ValueCount>,
    /// The number of distinct values. If `incomplete` is true, there can be more.
    pub count: u64,
    /// True if there are so many distinct values that some were not counted one by one.
    pub incomplete: bool,
}

/// Adds up, host by host, how many unique matches have each value of a field, such as the queried
/// name.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counts: HashMap<String, (u64, u64)>,
    incomplete: bool,
}

impl Tally {
    /// Adds the values of a host from the column `column` of `hosts.parquet`. Each item of the
    /// column has a value and the number of unique matches that have it.
    pub(super) fn add(&mut self, row: &Row<'_>, column: &str) {
        for (value, matches) in value_counts(row, column) {
            let has_room = self.counts.len() < MOST_DISTINCT;
            match self.counts.get_mut(&*value) {
                Some((all, hosts)) => (*all, *hosts) = (*all + matches, *hosts + 1),
                None if has_room => _ = self.counts.insert(value, (matches, 1)),
                None => self.incomplete = true,
            }
        }
    }

    pub(super) fn top(self, most: usize) -> TopValues {
        let count = self.counts.len() as u64;
        let value = |(value, (matches, hosts))| ValueCount { value, matches, hosts };
        let mut items: Vec<ValueCount> = self.counts.into_iter().map(value).collect();
        items.sort_by(|one, other| (other.matches, &one.value).cmp(&(one.matches, &other.value)));
        items.truncate(most);
        TopValues { items, count, incomplete: self.incomplete }
    }
}

/// Returns the values in a column of `hosts.parquet`, each with the number of unique matches that
/// have it.
pub(super) fn value_counts(row: &Row<'_>, column: &str) -> impl Iterator<Item = (String, u64)> {
    row.records(column).into_iter().filter_map(|record| match record.as_slice() {
        [Cell::Text(value), Cell::Integer(count)] => {
            Some((middle_cut(value, LONGEST_VALUE).into_owned(), u64::try_from(*count).unwrap_or(0)))
        }
        _ => None,
    })
}
