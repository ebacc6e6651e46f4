//! The aggregates of an unfinished `stats` row: counts, distinct values, extremes. Aggregates of
//! the same column can be merged in any order and in any grouping.

use std::cmp::Ordering;
use std::collections::BTreeSet;

use crate::detect::predicate::number;
use crate::detect::stats::{ColumnSource, StatsValue};
use crate::detect::term::value::Value;
use crate::detect::term::{EvalInput, Term};
use crate::event::{Event, EventTime};

/// An aggregate of one unfinished row. There are as many aggregates as rows, so large or rare
/// contents are boxed.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::detect) enum Aggregate {
    /// The number of events, or of the values that they have for a term.
    Count(i64),
    /// The distinct values of a term. The table shows only their number.
    DistinctCount(BTreeSet<String>),
    /// The distinct values of a term.
    Values(BTreeSet<String>),
    /// The first or last time of the events; `None` until an event has a time.
    Time(Extremum, Option<EventTime>),
    /// The least or greatest value of a term, which is not a time.
    Extreme(Extremum, Box<ExtremeValues>),
    /// The time and the value of the first or last event that has both; `None` until one has.
    InTime(Extremum, Option<Box<(EventTime, StatsValue)>>),
}

/// The direction of an aggregate: the least (first) or the greatest (last) value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum Extremum {
    /// The least value, or the value of the first event in time.
    Least,
    /// The greatest value, or the value of the last event in time.
    Greatest,
}

/// The candidates for the least or greatest value. Values are compared by number only if all of
/// them are numbers, which is known only at the end, so both candidates are kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::detect) struct ExtremeValues {
    /// The least or greatest number, and its text as logged; `None` if no value is a number.
    by_number: Option<(f64, String)>,
    /// The extreme value when values are compared by their bytes.
    by_order: Option<StatsValue>,
    /// True if at least one of the values is not a number.
    not_all_numbers: bool,
}

impl Aggregate {
    /// Returns the aggregate of a column before its first event; `None` for columns that do not
    /// aggregate events.
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

    /// Adds an event. `source` is that of the aggregate's column.
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

    /// Adds the events of another aggregate of the same column.
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

    /// Returns the aggregate's final value, which the table shows.
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
    /// Returns the candidates when there is only this one value.
    fn of(value: StatsValue) -> Self {
        let by_number = match &value {
            StatsValue::Text(text) => number(text).map(|number| (number, text.clone())),
            _ => None,
        };
        ExtremeValues { not_all_numbers: by_number.is_none(), by_number, by_order: Some(value) }
    }

    /// Adds the candidates of another group of values.
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

/// Replaces `ours` if `theirs` is further in the wanted direction, or if `ours` is `None`.
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
