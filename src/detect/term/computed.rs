//! Conditions on events that no other leaf of a [`crate::detect::predicate::Predicate`] can say: on
//! what functions make of fields, on what lookups find, and on the rows that an event makes.

use std::fmt;

use crate::detect::lookup::LookupOutput;
use crate::detect::predicate::expression::Expression;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::{Hits, RequiredLiteral};
use crate::detect::stats::StatsValue;
use crate::detect::term::condition::{Condition, fields_of};
use crate::detect::term::value::Value;
use crate::detect::term::{Assumption, EvalInput, Term, TermKind};
use crate::event::Event;

/// The most rows of one event that a condition on rows looks at.
const MOST_ROWS: usize = 1 << 16;

/// A condition that is worked out for each event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Computed {
    condition: Condition,
    /// The `by` columns that the condition looks at, by their places, if it is one on the rows that
    /// an event makes.
    by: Vec<(usize, Term)>,
    /// How rows have it in the search, where it is one on rows.
    text: Option<String>,
}

impl Computed {
    /// A condition on the event itself.
    pub(in crate::detect) fn of(condition: Condition) -> Self {
        Computed { condition, by: Vec::new(), text: None }
    }

    /// A condition that holds for an event if it holds for at least one of the rows that the event
    /// makes with these `by` columns.
    pub(in crate::detect) fn of_rows(condition: Condition, by: Vec<(usize, Term)>, text: String) -> Self {
        Computed { condition, by, text: Some(text) }
    }

    /// Whether the condition holds for an event.
    pub(in crate::detect) fn holds(&self, event: &Event) -> bool {
        if self.by.is_empty() {
            return self.condition.holds(EvalInput::Event(event));
        }
        let values: Vec<Vec<StatsValue>> =
            self.by.iter().map(|(_, term)| single_values(term.value(EvalInput::Event(event)))).collect();
        let width = self.by.iter().map(|(place, _)| place + 1).max().unwrap_or(0);
        let mut row = vec![StatsValue::Null; width];
        // A field that is absent makes no row.
        combinations(&values).take(MOST_ROWS).any(|chosen| {
            for ((place, _), value) in self.by.iter().zip(chosen) {
                if let Some(cell) = row.get_mut(*place) {
                    value.clone_into(cell);
                }
            }
            self.condition.holds(EvalInput::Row(&row))
        })
    }

    /// Calls `see` with each of the condition's regular expressions.
    pub(in crate::detect) fn each_expression(&self, see: &mut dyn FnMut(&Expression)) {
        self.condition.each_expression(see);
        self.by.iter().for_each(|(_, term)| term.each_expression(see));
    }

    /// The fields that the condition reads.
    pub(in crate::detect) fn fields(&self) -> Vec<Field> {
        let mut fields = fields_of(&self.condition);
        for (_, term) in &self.by {
            term.visit(&mut |term| fields.extend(term.as_field()));
        }
        fields
    }

    /// See [`crate::detect::predicate::Predicate::required_literals`]: what does not hold where no
    /// lookup finds anything needs one of the rows of its lookups.
    pub(in crate::detect) fn required_literals(&self) -> Vec<Vec<RequiredLiteral>> {
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
        let sets: Option<Vec<Vec<RequiredLiteral>>> = lookups.iter().map(|found| found.literals()).collect();
        sets.map(|sets| vec![sets.concat()]).unwrap_or_default()
    }

    /// Adds the cells of lookups that matched the event.
    pub(in crate::detect) fn add_hits(&self, event: &Event, hits: &mut Hits) {
        self.condition.visit(&mut |term| {
            if let TermKind::Lookup(found) = term.kind() {
                for (field, text) in found.hits(event) {
                    hits.add(field, text);
                }
            }
        });
    }
}

impl fmt::Display for Computed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.text {
            Some(text) => write!(formatter, "one of its rows fits: {text}"),
            None => self.condition.fmt(formatter),
        }
    }
}

/// The values of a term, each by itself, as a row has them.
pub(in crate::detect) fn single_values(value: Value<'_>) -> Vec<StatsValue> {
    match value {
        Value::Time(time) => vec![StatsValue::Time(time)],
        other => other.texts().into_iter().map(|text| StatsValue::Text(text.into_owned())).collect(),
    }
}

/// Each combination of one value of each, in order; none if one has none.
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
