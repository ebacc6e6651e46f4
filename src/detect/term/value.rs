//! The values that the fields and expressions of a search have for one event, or for one row of a
//! `stats` table.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::detect::predicate::field::epoch_seconds;
use crate::detect::predicate::number;
use crate::detect::stats::StatsValue;
use crate::event::EventTime;

/// The separator between the values of a field with several values when they are shown as one text.
const BETWEEN: &str = ", ";

/// The limit below which every whole number is exact in an `f64` (2⁵³). Whole numbers below it are
/// written without decimals.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The value of a [`Term`](super::Term) (a field or an expression) for one event or `stats` row:
/// none, a single one, or several texts.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::detect) enum Value<'a> {
    /// There is no value: the event does not have the field, or the function has no result.
    Null,
    /// The value is a single text, which the event contains or a function computed.
    Text(Cow<'a, str>),
    /// The value is a single number, which a function computed or which is written in the search.
    Number(f64),
    /// The value is a single instant, such as the value of the field `_time`.
    Time(EventTime),
    /// Two or more texts, of a field or function with several values, in the order in which the
    /// event contains them.
    Many(Vec<Cow<'a, str>>),
}

impl<'a> Value<'a> {
    /// Creates the value that has these texts: [`Value::Null`] for none, [`Value::Text`] for one,
    /// and [`Value::Many`] for more.
    pub fn from_texts(mut texts: Vec<Cow<'a, str>>) -> Self {
        match texts.pop() {
            None => Value::Null,
            Some(only) if texts.is_empty() => Value::Text(only),
            Some(last) => {
                texts.push(last);
                Value::Many(texts)
            }
        }
    }

    /// Returns the text as a [`Value`]; [`Value::Null`] for `None`.
    pub fn text_or_null(text: Option<impl Into<Cow<'a, str>>>) -> Self {
        text.map_or(Value::Null, |text| Value::Text(text.into()))
    }

    /// Returns true if the value is [`Value::Null`].
    pub fn is_null(&self) -> bool {
        *self == Value::Null
    }

    /// Returns the texts of the value, in their order; several only for `Value::Many`. A time
    /// becomes the text of the seconds since 1970. The result is empty for [`Value::Null`].
    pub fn texts(self) -> Vec<Cow<'a, str>> {
        match self {
            Value::Null => Vec::new(),
            Value::Text(text) => vec![text],
            Value::Number(number) => vec![Cow::Owned(number_text(number))],
            Value::Time(time) => vec![Cow::Owned(epoch_seconds(time.ticks()))],
            Value::Many(texts) => texts,
        }
    }

    /// Returns the value as one text, in which [`BETWEEN`] separates several values; `None` for
    /// [`Value::Null`].
    pub fn text(self) -> Option<Cow<'a, str>> {
        match self {
            // Nearly all values are single texts, which need no list.
            Value::Text(text) => Some(text),
            Value::Many(texts) => Some(Cow::Owned(texts.join(BETWEEN))),
            other => other.texts().pop(),
        }
    }

    /// Returns the value as a number; a time as the seconds since 1970. `None` for a text that is
    /// not a number, for several values and for [`Value::Null`].
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(text) => number(text),
            #[expect(
                clippy::cast_precision_loss,
                reason = "a precision of about a microsecond is enough to compare times"
            )]
            Value::Time(time) => Some(time.ticks() as f64 / 1e7),
            Value::Null | Value::Many(_) => None,
        }
    }

    /// Splits a value with several texts into single values. The result is empty for
    /// [`Value::Null`].
    pub fn into_single_values(self) -> Vec<Value<'a>> {
        match self {
            Value::Null => Vec::new(),
            Value::Many(texts) => texts.into_iter().map(Value::Text).collect(),
            one => vec![one],
        }
    }

    /// Compares two single values as Splunk's command `where` does: by number if both are numbers,
    /// otherwise by text, in which upper and lower case differ.
    pub fn compare(&self, other: &Value<'_>) -> Ordering {
        match (self.number(), other.number()) {
            (Some(left), Some(right)) => (left + 0.0).total_cmp(&(right + 0.0)),
            _ => self.clone().text().cmp(&other.clone().text()),
        }
    }
}

impl<'a> From<&'a StatsValue> for Value<'a> {
    fn from(value: &'a StatsValue) -> Self {
        match value {
            StatsValue::Null => Value::Null,
            StatsValue::Text(text) => Value::Text(Cow::Borrowed(text)),
            #[expect(clippy::cast_precision_loss, reason = "Splunk also computes in floating point")]
            StatsValue::Integer(count) => Value::Number(*count as f64),
            StatsValue::Time(time) => Value::Time(*time),
            StatsValue::List(texts) => {
                Value::from_texts(texts.iter().map(|text| Cow::Borrowed(text.as_str())).collect())
            }
        }
    }
}

/// Returns a number as text in Splunk's notation: without decimals if the number is whole.
pub(in crate::detect) fn number_text(number: f64) -> String {
    if number.fract() == 0.0 && number.abs() < MOST_EXACT {
        format!("{:.0}", number + 0.0)
    } else {
        number.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_written_without_decimals() {
        for (number, text) in [(7.0, "7"), (-0.0, "0"), (0.5, "0.5"), (1e15, "1000000000000000")] {
            assert_eq!(number_text(number), text);
        }
    }

    #[test]
    fn numbers_are_compared_as_numbers_and_texts_by_case() {
        let text = |text: &'static str| Value::Text(Cow::Borrowed(text));
        for (left, right, expected) in [
            (text("9"), text("10"), Ordering::Less),
            (text("9"), text("10a"), Ordering::Greater),
            (text("A"), text("a"), Ordering::Less),
            (Value::Number(3.0), text("3.0"), Ordering::Equal),
            (Value::Time(EventTime::from_ticks(25_000_000)), Value::Number(2.5), Ordering::Equal),
        ] {
            assert_eq!(left.compare(&right), expected, "{left:?} {right:?}");
        }
    }
}
