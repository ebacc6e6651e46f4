//! The commands after `stats` that filter, sort or limit the rows of the `stats` table.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;

use crate::detect::stats::column::StatsValue;
use crate::detect::term::EvalInput;
use crate::detect::term::condition::Condition;
use crate::detect::term::value::Value;

/// A command after `stats` that filters, sorts or limits the rows of the `stats` table. Columns are
/// given by their 0-based indexes among all columns of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) enum RowStep {
    /// `where`, `search` or `regex`: keeps the rows of the `stats` table for which the condition is
    /// true.
    Filter(Condition),
    /// `sort`: sorts the rows of the `stats` table by these keys, the first key first, and then
    /// keeps the first `most` rows; `None` keeps all.
    Sort { keys: Vec<SortKey>, most: Option<usize> },
    /// `dedup`: of rows of the `stats` table with the same values in `columns`, keeps the first
    /// `most`. All rows without a value in one of the columns are removed, or kept if `keep_empty`.
    /// With `consecutive`, rows count as the same only if they are adjacent.
    Dedup { columns: Vec<usize>, most: usize, keep_empty: bool, consecutive: bool },
    /// `head`: keeps this number of rows from the start of the `stats` table.
    Head(usize),
}

/// A column by which Splunk's command `sort` compares rows, with the direction and the type of the
/// comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) struct SortKey {
    /// The column of the `stats` table by which rows are compared, as its 0-based index among all
    /// columns.
    pub column: usize,
    /// True if rows with greater values in the compared column come first. Rows without a value
    /// there always come last.
    pub descending: bool,
    /// How the values of the compared column are compared: as texts, numbers or IP addresses.
    pub by: SortBy,
}

/// How `sort` compares the values of a column: as texts, numbers or IP addresses.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::detect) enum SortBy {
    /// The type `auto` of Splunk's command `sort`: numbers come first, then IP addresses, then
    /// other texts.
    #[default]
    Automatic,
    /// The type `str` of Splunk's command `sort`: values are compared as texts, by their bytes.
    Text,
    /// The type `num` of Splunk's command `sort`: values are compared as numbers; other values come
    /// after all numbers.
    Number,
    /// The type `ip` of Splunk's command `sort`: values are compared as IP addresses; other values
    /// come after all addresses.
    Address,
}

impl RowStep {
    /// Returns true if the command needs all rows of the `stats` table at once. Returns false only
    /// for a filter, which can be applied row by row.
    pub fn is_of_table(&self) -> bool {
        !matches!(self, RowStep::Filter(_))
    }

    /// Returns true if the command changes the order of the rows of the `stats` table.
    pub fn sorts(&self) -> bool {
        matches!(self, RowStep::Sort { .. })
    }

    /// Applies the command to rows of the `stats` table, each of which has the values of all
    /// columns.
    fn take(&self, rows: &mut Vec<Vec<StatsValue>>) {
        match self {
            RowStep::Filter(condition) => rows.retain(|row| condition.holds(EvalInput::Row(row))),
            RowStep::Sort { keys, most } => {
                // The sort is stable: equal rows keep their order.
                rows.sort_by(|left, right| {
                    let orders = keys.iter().map(|key| key.compare(left, right));
                    orders.fold(Ordering::Equal, Ordering::then)
                });
                rows.truncate(most.unwrap_or(usize::MAX));
            }
            RowStep::Dedup { columns, most, keep_empty, consecutive } => {
                let mut met: HashMap<Vec<StatsValue>, usize> = HashMap::new();
                rows.retain(|row| {
                    let key: Vec<StatsValue> =
                        columns.iter().filter_map(|place| row.get(*place).cloned()).collect();
                    if *consecutive && !met.contains_key(&key) {
                        met.clear();
                    }
                    if key.contains(&StatsValue::Null) {
                        return *keep_empty;
                    }
                    let count = met.entry(key).or_default();
                    *count += 1;
                    *count <= *most
                });
            }
            RowStep::Head(most) => rows.truncate(*most),
        }
    }
}

impl SortKey {
    /// Compares two rows of the `stats` table by the key's column. A row without a value there
    /// comes after all others.
    fn compare(&self, left: &[StatsValue], right: &[StatsValue]) -> Ordering {
        let value = |row| <[StatsValue]>::get(row, self.column).unwrap_or(&StatsValue::Null);
        let (left, right) = (value(left), value(right));
        // Rows without a value come last in both directions.
        match (left == &StatsValue::Null, right == &StatsValue::Null) {
            (false, false) => {}
            (left, right) => return left.cmp(&right),
        }
        let ordering = self.by.compare(&Value::from(left), &Value::from(right));
        if self.descending { ordering.reverse() } else { ordering }
    }
}

impl SortBy {
    /// Compares two values in the way that `self` says: as texts, numbers or IP addresses. With
    /// [`SortBy::Automatic`], numbers come before IP addresses, and addresses before other texts.
    fn compare(self, left: &Value<'_>, right: &Value<'_>) -> Ordering {
        let text = |value: &Value<'_>| value.clone().text().map(Cow::into_owned);
        let number = |value: &Value<'_>| value.number().map_or(f64::INFINITY, |number| number + 0.0);
        let address = |value: &Value<'_>| {
            text(value).and_then(|text| text.parse::<IpAddr>().ok()).map_or((1, None), |ip| (0, Some(ip)))
        };
        let by_number = number(left).total_cmp(&number(right));
        let by_address = || address(left).cmp(&address(right));
        let by_text = || text(left).cmp(&text(right));
        match self {
            SortBy::Text => by_text(),
            SortBy::Number => by_number,
            SortBy::Address => by_address(),
            SortBy::Automatic => by_number.then_with(by_address).then_with(by_text),
        }
    }
}

/// Applies the commands after `stats` to the rows of the `stats` table, in the order of the search,
/// and returns the rows that are left. Each row has the values of all columns.
pub(in crate::detect) fn apply_steps(
    steps: &[RowStep],
    mut rows: Vec<Vec<StatsValue>>,
) -> Vec<Vec<StatsValue>> {
    for step in steps {
        step.take(&mut rows);
    }
    rows
}
