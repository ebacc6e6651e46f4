//! Computes the value of a term for an event or a row of a `stats` table. Also finds the value of a
//! term that is the same for all events, without an event. [`super::TermKind`] lists the kinds of
//! terms.

use std::borrow::Cow;

use super::function::{Function, LONGEST_TEXT};
use super::value::Value;
use super::{Number, Term, TermKind};
use crate::detect::predicate::expression::Expression;
use crate::detect::predicate::field::Field;
use crate::detect::splunk::event_code::common_value;
use crate::detect::stats::StatsValue;
use crate::event::{Event, EventTime};

/// What a [`Term`] or [`Condition`](super::condition::Condition) is evaluated on: an event, or a
/// row of a `stats` table.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) enum EvalInput<'a> {
    /// An event. In it, terms that are fields have values, and terms that are columns have none.
    Event(&'a Event),
    /// A row of a `stats` table, with the values of all columns. In it, terms that are columns have
    /// values, and terms that are fields have none.
    Row(&'a [StatsValue]),
}

/// An assumption about the event that a search is evaluated on. With it, [`Term::known`] and
/// [`Condition::known`](super::condition::Condition::known) find out, without an event, which
/// results do not depend on the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum Assumption {
    /// Nothing is assumed about the event, so only constants are known.
    Nothing,
    /// The lookups of the search find no row of their tables for the event.
    NoLookupFinds,
    /// The event is a DNS query that Sysmon logged.
    DnsQuery,
}

impl Term {
    /// Returns the term's value for an event or a `stats` row.
    pub fn value<'a>(&'a self, input: EvalInput<'a>) -> Value<'a> {
        match self.kind() {
            TermKind::Absent => Value::Null,
            TermKind::Field(field) => match input {
                EvalInput::Event(event) => field_value(*field, event),
                EvalInput::Row(_) => Value::Null,
            },
            TermKind::Column(place) => match input {
                EvalInput::Event(_) => Value::Null,
                EvalInput::Row(values) => values.get(*place).map_or(Value::Null, Value::from),
            },
            TermKind::Text(text) => Value::Text(Cow::Borrowed(text)),
            TermKind::Number(Number(number)) => Value::Number(*number),
            TermKind::FillNull(term, fill) => match term.value(input) {
                Value::Null => Value::Text(Cow::Borrowed(fill)),
                value => value,
            },
            TermKind::FormatTime(term, format) => format_time(term.value(input), format),
            TermKind::Call(function, terms) => {
                function.apply(terms.iter().map(|term| term.value(input)).collect())
            }
            TermKind::Replace(term, expression, with) => replace_matches(term.value(input), expression, with),
            TermKind::Case(branches) => branches
                .iter()
                .find(|(condition, _)| condition.holds(input))
                .map_or(Value::Null, |(_, term)| term.value(input)),
            TermKind::Lookup(found) => found.value(input),
        }
    }

    /// Returns the term's value if it is the same for all events to which an assumption applies;
    /// `None` if the value depends on the event.
    pub fn known(&self, assumption: Assumption) -> Option<Value<'_>> {
        match self.kind() {
            TermKind::Field(field) if assumption == Assumption::DnsQuery => {
                common_value(*field).map(Value::Text)
            }
            TermKind::Field(_) | TermKind::Column(_) => None,
            TermKind::Absent | TermKind::Text(_) | TermKind::Number(_) => {
                Some(self.value(EvalInput::Row(&[])))
            }
            TermKind::FillNull(term, fill) => {
                let value = term.known(assumption)?;
                Some(if value.is_null() { Value::Text(Cow::Borrowed(fill)) } else { value })
            }
            TermKind::FormatTime(term, format) => Some(format_time(term.known(assumption)?, format)),
            TermKind::Call(Function::Coalesce, terms) => {
                for term in terms {
                    let value = term.known(assumption)?;
                    if !value.is_null() {
                        return Some(value);
                    }
                }
                Some(Value::Null)
            }
            TermKind::Call(function, terms) => {
                let values: Option<Vec<Value<'_>>> =
                    terms.iter().map(|term| term.known(assumption)).collect();
                Some(function.apply(values?))
            }
            TermKind::Replace(term, expression, with) => {
                Some(replace_matches(term.known(assumption)?, expression, with))
            }
            TermKind::Case(branches) => {
                for (condition, term) in branches {
                    if condition.known(assumption)? {
                        return term.known(assumption);
                    }
                }
                Some(Value::Null)
            }
            TermKind::Lookup(found) => {
                (assumption == Assumption::NoLookupFinds).then(|| found.nothing_found())
            }
        }
    }
}

/// Returns the value or values that an event has in a field; null if it has none.
fn field_value(field: Field, event: &Event) -> Value<'_> {
    if field == Field::Time {
        return event.system.time_created.map_or(Value::Null, Value::Time);
    }
    if field.is_multivalued() {
        return Value::from_texts(field.values(event).map(Cow::Borrowed).collect());
    }
    Value::text_or_null(field.value(event))
}

/// Formats a time, or a number of seconds since 1970, in a `strftime` format. As in Splunk, a value
/// that is neither stays as it is.
fn format_time<'a>(value: Value<'a>, format: &str) -> Value<'a> {
    let time = match &value {
        Value::Time(time) => Some(*time),
        #[expect(
            clippy::cast_possible_truncation,
            reason = "times out of range become the last one that can be shown"
        )]
        other => other.number().map(|seconds| EventTime::from_ticks((seconds * 1e7) as i64)),
    };
    match time.and_then(|time| time.formatted(format)) {
        Some(text) => Value::Text(Cow::Owned(text)),
        None => value,
    }
}

/// Replaces each match of a regular expression in each text of a value by `with`. A text that would
/// become longer than [`LONGEST_TEXT`] is dropped.
fn replace_matches<'a>(value: Value<'a>, expression: &Expression, with: &str) -> Value<'a> {
    let texts = value.texts().into_iter();
    let texts = texts.filter_map(|text| expression.replaced(&text, with, LONGEST_TEXT).map(Cow::Owned));
    Value::from_texts(texts.collect())
}
