//! What commands after `stats` do to the rows of its table: which are left, and in which order.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::IpAddr;

use crate::detect::stats::StatsValue;
use crate::detect::term::EvalInput;
use crate::detect::term::condition::Condition;
use crate::detect::term::value::Value;

/// A step that the rows take. Columns are given by their places among all columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) enum RowStep {
    /// Rows are left for which the condition holds.
    Filter(Condition),
    /// Rows are sorted, and the first so many are left.
    Sort { keys: Vec<SortKey>, most: Option<usize> },
    /// Of rows with the same values in these columns, the first so many are left; none of a row
    /// without a value, unless it is kept. They may have to follow one another.
    Dedup { columns: Vec<usize>, most: usize, keep_empty: bool, consecutive: bool },
    /// Only this many rows, the first ones, are left.
    Head(usize),
}

/// A column to sort by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) struct SortKey {
    pub column: usize,
    pub descending: bool,
    pub by: SortBy,
}

/// The type as which values are sorted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::detect) enum SortBy {
    /// As addresses or numbers where both are, else as texts.
    #[default]
    Automatic,
    Text,
    Number,
    Address,
}

impl RowStep {
    /// Whether the step needs all rows of the table at once.
    pub fn is_of_table(&self) -> bool {
        !matches!(self, RowStep::Filter(_))
    }

    pub fn sorts(&self) -> bool {
        matches!(self, RowStep::Sort { .. })
    }

    fn take(&self, rows: &mut Vec<Vec<StatsValue>>) {
        match self {
            RowStep::Filter(condition) => rows.retain(|row| condition.holds(EvalInput::Row(row))),
            RowStep::Sort { keys, most } => {
                // Rows that are alike stay in the order that they had.
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
    fn compare(&self, left: &[StatsValue], right: &[StatsValue]) -> Ordering {
        let value = |row| <[StatsValue]>::get(row, self.column).unwrap_or(&StatsValue::Null);
        let (left, right) = (value(left), value(right));
        // Rows without a value come last, whatever the direction.
        match (left == &StatsValue::Null, right == &StatsValue::Null) {
            (false, false) => {}
            (left, right) => return left.cmp(&right),
        }
        let ordering = self.by.compare(&Value::from(left), &Value::from(right));
        if self.descending { ordering.reverse() } else { ordering }
    }
}

impl SortBy {
    /// A total order: numbers come before addresses, and these before texts.
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

/// The rows that are left after all steps.
pub(in crate::detect) fn apply_steps(
    steps: &[RowStep],
    mut rows: Vec<Vec<StatsValue>>,
) -> Vec<Vec<StatsValue>> {
    for step in steps {
        step.take(&mut rows);
    }
    rows
}
