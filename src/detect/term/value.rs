//! Values of a search's fields and expressions: one, several, or none.

use std::borrow::Cow;
use std::cmp::Ordering;

use crate::detect::predicate::field::epoch_seconds;
use crate::detect::predicate::number;
use crate::detect::stats::StatsValue;
use crate::event::EventTime;

/// What separates the values of a field that has several, where they are shown as one text.
const BETWEEN: &str = ", ";

/// Whole numbers below this are exact, and are written without decimals.
const MOST_EXACT: f64 = 9_007_199_254_740_992.0;

/// The value of a term: none, one, or several.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::detect) enum Value<'a> {
    /// There is no value.
    Null,
    Text(Cow<'a, str>),
    Number(f64),
    Time(EventTime),
    /// Several, in their order.
    Many(Vec<Cow<'a, str>>),
}

impl<'a> Value<'a> {
    /// Several texts, or one, or none.
    pub fn many(mut texts: Vec<Cow<'a, str>>) -> Self {
        match texts.pop() {
            None => Value::Null,
            Some(only) if texts.is_empty() => Value::Text(only),
            Some(last) => {
                texts.push(last);
                Value::Many(texts)
            }
        }
    }

    /// A text, or none.
    pub fn text_or_null(text: Option<impl Into<Cow<'a, str>>>) -> Self {
        text.map_or(Value::Null, |text| Value::Text(text.into()))
    }

    pub fn is_null(&self) -> bool {
        *self == Value::Null
    }

    /// Each value as text.
    pub fn texts(self) -> Vec<Cow<'a, str>> {
        match self {
            Value::Null => Vec::new(),
            Value::Text(text) => vec![text],
            Value::Number(number) => vec![Cow::Owned(number_text(number))],
            Value::Time(time) => vec![Cow::Owned(epoch_seconds(time.ticks()))],
            Value::Many(texts) => texts,
        }
    }

    /// All values as one text; none where there is none.
    pub fn text(self) -> Option<Cow<'a, str>> {
        let mut texts = self.texts();
        match texts.pop() {
            Some(only) if texts.is_empty() => Some(only),
            Some(last) => {
                texts.push(last);
                Some(Cow::Owned(texts.join(BETWEEN)))
            }
            None => None,
        }
    }

    /// The value as a number; `None` if it is no number or several values.
    pub fn number(&self) -> Option<f64> {
        match self {
            Value::Number(number) => Some(*number),
            Value::Text(text) => number(text),
            #[expect(clippy::cast_precision_loss, reason = "a time is compared to the microsecond or so")]
            Value::Time(time) => Some(time.ticks() as f64 / 1e7),
            Value::Null | Value::Many(_) => None,
        }
    }

    /// The values, each as a single value.
    pub fn each(self) -> Vec<Value<'a>> {
        match self {
            Value::Null => Vec::new(),
            Value::Many(texts) => texts.into_iter().map(Value::Text).collect(),
            one => vec![one],
        }
    }

    /// The order of two single values, as `where` has it: by number where both are numbers, else by
    /// text, in which case counts.
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
            #[expect(clippy::cast_precision_loss, reason = "as Splunk counts, in floating point")]
            StatsValue::Integer(count) => Value::Number(*count as f64),
            StatsValue::Time(time) => Value::Time(*time),
            StatsValue::List(texts) => {
                Value::many(texts.iter().map(|text| Cow::Borrowed(text.as_str())).collect())
            }
        }
    }
}

/// A number as Splunk writes it: without decimals where it is whole.
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
    fn numbers_are_written_without_idle_decimals() {
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
