//! Conditions on events that no other variant of [`crate::detect::predicate::Predicate`] can
//! express: on the results of functions and lookups, and on the rows of a `stats` table that an
//! event makes.

use std::fmt;

use crate::detect::lookup::LookupOutput;
use crate::detect::predicate::expression::Expression;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::{Hits, RequiredText};
use crate::detect::stats::StatsValue;
use crate::detect::term::condition::{Condition, fields_of};
use crate::detect::term::value::Value;
use crate::detect::term::{Assumption, EvalInput, Term, TermKind};
use crate::event::Event;

/// The largest number of `stats` rows of one event on which a condition is evaluated. Further rows
/// are ignored, because only an event that was crafted to take time makes more.
const MOST_ROWS: usize = 1 << 16;

/// A condition of a search that is evaluated for each event: on values that the search computes
/// from the event, or on the `stats` rows that the event makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    /// The condition on an event. It reads fields and computed values of the event or, if `by` is
    /// not empty, columns of the `stats` rows that the event makes.
    condition: Condition,
    /// The `by` columns of `stats` that a condition on rows reads: for each, its 0-based index
    /// among the columns of the table, and the field or computed value by which it groups events.
    /// Empty if the condition is on the event itself.
    by: Vec<(usize, Term)>,
    /// The text of a condition on `stats` rows, as written in the search, for messages; `None` if
    /// the condition is on the event itself.
    text: Option<String>,
}

impl Computed {
    /// Creates a condition that is evaluated on the event itself, and not on its `stats` rows.
    pub(in crate::detect) fn of(condition: Condition) -> Self {
        Computed { condition, by: Vec::new(), text: None }
    }

    /// Creates a condition on the `stats` rows that an event makes. It is true for an event if
    /// `condition` is true for at least one of its rows. `by` are the columns that `condition`
    /// reads: for each, its 0-based index among the columns of the table, and the field or computed
    /// value by which it groups events. `text` is the condition as written in the search.
    pub(in crate::detect) fn of_rows(condition: Condition, by: Vec<(usize, Term)>, text: String) -> Self {
        Computed { condition, by, text: Some(text) }
    }

    /// Returns true if the condition is true for the event, or for one of the `stats` rows that the
    /// event makes.
    pub(in crate::detect) fn holds(&self, event: &Event) -> bool {
        if self.by.is_empty() {
            return self.condition.holds(EvalInput::Event(event));
        }
        let values: Vec<Vec<StatsValue>> =
            self.by.iter().map(|(_, term)| single_values(term.value(EvalInput::Event(event)))).collect();
        let width = self.by.iter().map(|(place, _)| place + 1).max().unwrap_or(0);
        let mut row = vec![StatsValue::Null; width];
        // If a `by` field is absent, the event makes no row, so the condition is false.
        combinations(&values).take(MOST_ROWS).any(|chosen| {
            for ((place, _), value) in self.by.iter().zip(chosen) {
                if let Some(cell) = row.get_mut(*place) {
                    value.clone_into(cell);
                }
            }
            self.condition.holds(EvalInput::Row(&row))
        })
    }

    /// Calls `see` with each regular expression in the condition, and in the `by` columns of
    /// `stats` that the condition reads.
    pub(in crate::detect) fn each_expression(&self, see: &mut dyn FnMut(&Expression)) {
        self.condition.each_expression(see);
        self.by.iter().for_each(|(_, term)| term.each_expression(see));
    }

    /// Returns the event fields that the condition reads, in no particular order.
    pub(in crate::detect) fn fields(&self) -> Vec<Field> {
        let mut fields = fields_of(&self.condition);
        for (_, term) in &self.by {
            term.visit(&mut |term| fields.extend(term.as_field()));
        }
        fields
    }

    /// Returns sets of texts that a sweep searches for in a record before it decodes the record. An
    /// event for which the condition is true contains at least one text of each set (see
    /// [`crate::detect::predicate::Predicate::required_texts`]). There is a set only if the
    /// condition is false whenever its lookups in tables of the site find no row; the set's texts
    /// come from the rows that a lookup can find. Without a set, any event may satisfy the
    /// condition.
    pub(in crate::detect) fn required_texts(&self) -> Vec<Vec<RequiredText>> {
        if !self.by.is_empty() || self.condition.known(Assumption::NoLookupFinds) != Some(false) {
            return Vec::new();
        }
        let mut lookups: Vec<&LookupOutput> = Vec::new();
        self.condition.visit(&mut |term| {
            if let TermKind::Lookup(found) = term.kind()
                && !lookups.iter().any(|known| known.finds_same_rows(found))
            {
                lookups.push(found);
            }
        });
        let sets: Option<Vec<Vec<RequiredText>>> = lookups.iter().map(|found| found.literals()).collect();
        sets.map(|sets| vec![sets.concat()]).unwrap_or_default()
    }

    /// Adds to `hits` the cells of the condition's lookup tables (tables of the site) that match
    /// the event's fields. The table of matches shows these cells, so that the user sees which
    /// entries of the lookup tables made the event match.
    pub(in crate::detect) fn add_hits<'p>(&'p self, event: &Event, hits: &mut Hits<'p>) {
        self.condition.visit(&mut |term| {
            if let TermKind::Lookup(found) = term.kind() {
                for hit in found.hits(event) {
                    hits.add(event, hit.field, hit.cell, |name| hit.is_on_label(name));
                }
            }
        });
    }
}

impl fmt::Display for Computed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(formatter, "one of its rows in `stats` meets: {text}"),
            None => self.condition.fmt(formatter),
        }
    }
}

/// Splits a value into single values, because a row of a `stats` table has one value in each `by`
/// column. The result is empty for a null value.
pub(in crate::detect) fn single_values(value: Value<'_>) -> Vec<StatsValue> {
    match value {
        Value::Time(time) => vec![StatsValue::Time(time)],
        other => other.texts().into_iter().map(|text| StatsValue::Text(text.into_owned())).collect(),
    }
}

/// Returns every combination of one element from each of the lists. The element of the last list
/// varies fastest. There is no combination if a list is empty.
pub(in crate::detect) fn combinations<T>(values: &[Vec<T>]) -> impl Iterator<Item = Vec<&T>> {
    let mut places = vec![0_usize; values.len()];
    let mut ended = values.iter().any(Vec::is_empty);
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let chosen = values.iter().zip(&places).filter_map(|(values, place)| values.get(*place)).collect();
        ended = true;
        for (place, values) in places.iter_mut().zip(values).rev() {
            *place += 1;
            if *place < values.len() {
                ended = false;
                break;
            }
            *place = 0;
        }
        Some(chosen)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_combinations_once_and_in_order() {
        let all = |values: &[Vec<u8>]| -> Vec<Vec<u8>> {
            combinations(values).map(|chosen| chosen.into_iter().copied().collect()).collect()
        };
        assert_eq!(all(&[vec![1, 2], vec![3], vec![4, 5]]), [[1, 3, 4], [1, 3, 5], [2, 3, 4], [2, 3, 5]]);
        assert!(all(&[vec![1], vec![]]).is_empty());
        assert_eq!(all(&[]), [vec![]; 1] as [Vec<u8>; 1]);
    }
}
