//! The aggregates of a row of a `stats` table while events are still added: counts, distinct values
//! and extremes. Two aggregates of the same column can be merged in any order and in any grouping.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::detect::predicate::number;
use crate::detect::stats::column::{ColumnSource, StatsValue};
use crate::detect::term::value::Value;
use crate::detect::term::{EvalInput, Term};
use crate::event::{Event, EventTime};

/// The intermediate result of one aggregate, such as `count`, for one row of a `stats` table. There
/// are many of them, because a table has one for each row and column, so large or rare contents are
/// boxed.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::detect) enum Aggregate {
    /// `count`: the number of events. `count(term)`: the number of values that the events have for
    /// the term, which is a field or a computed value.
    Count(i64),
    /// `dc(term)`: the distinct values of the term, which is a field or a computed value. The
    /// finished table shows only their number.
    DistinctCount(BTreeSet<String>),
    /// `values(term)`: the distinct values of the term, which is a field or a computed value. The
    /// finished table shows them.
    Values(BTreeSet<String>),
    /// `min(_time)` or `max(_time)`: the time of the first or last event; `None` until an event has
    /// a time.
    Time(Extremum, Option<EventTime>),
    /// `min` or `max` of a field other than `_time` or of a computed value: the candidates for the
    /// least or greatest value.
    Extreme(Extremum, Box<ExtremeValues>),
    /// `earliest(term)` or `latest(term)`: the time of the first or last event, and the event's
    /// value of the term, which is a field or a computed value. Events without a time or a value
    /// are ignored; `None` until an event has both.
    InTime(Extremum, Option<Box<(EventTime, StatsValue)>>),
}

/// Which value an aggregate of `stats` keeps: the least (or first) one, or the greatest (or last)
/// one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum Extremum {
    /// The least value (`min`), or the value of the first event in time (`earliest`).
    Least,
    /// The greatest value (`max`), or the value of the last event in time (`latest`).
    Greatest,
}

/// The candidates for the result of `min` or `max`. Values are compared as numbers only if all of
/// them are numbers, which is known only after the last event. So the best number and the best text
/// are both kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::detect) struct ExtremeValues {
    /// The least or greatest value as a number, and its text as logged; `None` if no value is a
    /// number.
    by_number: Option<(f64, String)>,
    /// The least or greatest value if all values are compared as texts, by their bytes; `None`
    /// until there is a value.
    by_order: Option<StatsValue>,
    /// True if at least one of the values of `min` or `max` is not a number. If so, the result is
    /// `by_order`, for which all values are compared as texts.
    not_all_numbers: bool,
}

impl Aggregate {
    /// Returns the aggregate of a column of a `stats` table before its first event; `None` for a
    /// column that does not aggregate events: a `by` column, or one that is computed from other
    /// columns.
    pub(in crate::detect) fn new(source: &ColumnSource) -> Option<Self> {
        let extreme = |term: &Term, extremum: Extremum| {
            if term.is_time() {
                Aggregate::Time(extremum, None)
            } else {
                Aggregate::Extreme(extremum, Box::default())
            }
        };
        Some(match source {
            ColumnSource::By(_) | ColumnSource::Computed(_) => return None,
            ColumnSource::Count | ColumnSource::CountOf(_) => Aggregate::Count(0),
            ColumnSource::DistinctCount(_) => Aggregate::DistinctCount(BTreeSet::new()),
            ColumnSource::Values(_) => Aggregate::Values(BTreeSet::new()),
            ColumnSource::Min(term) => extreme(term, Extremum::Least),
            ColumnSource::Max(term) => extreme(term, Extremum::Greatest),
            ColumnSource::Earliest(_) => Aggregate::InTime(Extremum::Least, None),
            ColumnSource::Latest(_) => Aggregate::InTime(Extremum::Greatest, None),
        })
    }

    /// Adds an event to the aggregate. `source` says what the aggregate's column is computed from.
    pub(in crate::detect) fn add(&mut self, source: &ColumnSource, event: &Event) {
        let term = source.input();
        let texts = || term.map(|term| term.value(EvalInput::Event(event)).texts()).unwrap_or_default();
        match self {
            Aggregate::Count(count) => {
                *count += term.map_or(1, |_| i64::try_from(texts().len()).unwrap_or(i64::MAX));
            }
            Aggregate::DistinctCount(values) | Aggregate::Values(values) => {
                for value in texts() {
                    if !values.contains(&*value) {
                        values.insert(value.into_owned());
                    }
                }
            }
            Aggregate::Time(extremum, best) => {
                take_better(best, event.system.time_created, *extremum, Ord::cmp);
            }
            Aggregate::Extreme(extremum, extreme) => {
                for value in texts() {
                    extreme.merge(*extremum, ExtremeValues::of(StatsValue::Text(value.into_owned())));
                }
            }
            Aggregate::InTime(extremum, best) => {
                let value = term.and_then(|term| match term.value(EvalInput::Event(event)) {
                    Value::Time(time) => Some(StatsValue::Time(time)),
                    other => other.text().map(|text| StatsValue::Text(text.into_owned())),
                });
                let new = event.system.time_created.zip(value).map(Box::new);
                take_better(best, new, *extremum, Ord::cmp);
            }
        }
    }

    /// Adds the events of another aggregate of the same column and row of a `stats` table, such as
    /// one from another thread.
    pub(in crate::detect) fn merge(&mut self, other: Aggregate) {
        match (self, other) {
            (Aggregate::Count(ours), Aggregate::Count(theirs)) => *ours += theirs,
            (Aggregate::DistinctCount(ours), Aggregate::DistinctCount(theirs))
            | (Aggregate::Values(ours), Aggregate::Values(theirs)) => ours.extend(theirs),
            (Aggregate::Time(extremum, ours), Aggregate::Time(_, theirs)) => {
                take_better(ours, theirs, *extremum, Ord::cmp);
            }
            (Aggregate::Extreme(extremum, ours), Aggregate::Extreme(_, theirs)) => {
                ours.merge(*extremum, *theirs);
            }
            (Aggregate::InTime(extremum, ours), Aggregate::InTime(_, theirs)) => {
                take_better(ours, theirs, *extremum, Ord::cmp);
            }
            _ => debug_assert!(false, "the same Stats has the same aggregates"),
        }
    }

    /// Returns the result of the aggregate: the value that the finished `stats` table shows in its
    /// row and column.
    pub(in crate::detect) fn finish(self) -> StatsValue {
        match self {
            Aggregate::Count(count) => StatsValue::Integer(count),
            Aggregate::DistinctCount(values) => {
                StatsValue::Integer(i64::try_from(values.len()).unwrap_or(i64::MAX))
            }
            Aggregate::Values(values) => StatsValue::List(values.into_iter().collect()),
            Aggregate::Time(_, best) => best.map_or(StatsValue::Null, StatsValue::Time),
            Aggregate::Extreme(_, extreme) => extreme.finish(),
            // Among values of the same instant, the least or greatest was kept. Any choice would do
            // that does not depend on the order in which events are read.
            Aggregate::InTime(_, best) => best.map_or(StatsValue::Null, |best| best.1),
        }
    }
}

impl ExtremeValues {
    /// Returns the candidates for the result of `min` or `max` when `value` is the only value so
    /// far.
    fn of(value: StatsValue) -> Self {
        let by_number = match &value {
            StatsValue::Text(text) => number(text).map(|number| (number, text.clone())),
            _ => None,
        };
        ExtremeValues { not_all_numbers: by_number.is_none(), by_number, by_order: Some(value) }
    }

    /// Merges the candidates of `other`, which come from other values, into these. Of the two
    /// numbers, and of the two values that are best as texts, the lesser or the greater one is
    /// kept, as `extremum` says.
    fn merge(&mut self, extremum: Extremum, other: ExtremeValues) {
        // Equal numbers in different notations (1, 1.0) are ordered by their text.
        take_better(&mut self.by_number, other.by_number, extremum, |a, b| {
            a.0.total_cmp(&b.0).then_with(|| a.1.cmp(&b.1))
        });
        take_better(&mut self.by_order, other.by_order, extremum, Ord::cmp);
        self.not_all_numbers |= other.not_all_numbers;
    }

    fn finish(self) -> StatsValue {
        match self.by_number {
            Some((_, text)) if !self.not_all_numbers => StatsValue::Text(text),
            _ => self.by_order.unwrap_or(StatsValue::Null),
        }
    }
}

/// Replaces `ours` by `theirs` if `theirs` is the lesser or the greater one, as `extremum` says, or
/// if `ours` is `None`. `compare` gives the order of two values.
fn take_better<T>(
    ours: &mut Option<T>,
    theirs: Option<T>,
    extremum: Extremum,
    compare: impl Fn(&T, &T) -> Ordering,
) {
    let Some(new) = theirs else { return };
    let better = ours.as_ref().is_none_or(|old| {
        let ordering = compare(&new, old);
        match extremum {
            Extremum::Least => ordering.is_lt(),
            Extremum::Greatest => ordering.is_gt(),
        }
    });
    if better {
        *ours = Some(new);
    }
}
