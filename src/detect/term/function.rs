//! The functions and operators of the commands `eval` and `where` that compute a value from values.

use std::borrow::Cow;
use std::collections::HashSet;

use crate::detect::predicate::pattern::fold;
use crate::detect::term::value::Value;

/// The greatest length, in bytes, of each text in the result of a function of `eval`. It limits the
/// memory that a crafted rule or event can take. A longer text is left out of the result, which can
/// have several values; if none is left, the result is null.
pub(in crate::detect) const LONGEST_TEXT: usize = 1 << 20;
/// The largest number of values that the function `mvappend` returns. Further values are dropped,
/// to limit the memory.
const MOST_VALUES: usize = 1 << 16;

/// A function or operator of the commands `eval` and `where`. [`FUNCTIONS`] has its name in SPL,
/// Splunk's search language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum Function {
    /// `coalesce`: the first of the arguments that has a value.
    Coalesce,
    /// `len`: the number of characters of a text.
    Length,
    /// `lower`: the text in lower case.
    Lower,
    /// `upper`: the text in upper case.
    Upper,
    /// `trim`: the text without the given characters at both ends; without blanks and tabs if no
    /// characters are given.
    Trim,
    /// `ltrim`: the text without the given characters at its start; without blanks and tabs if no
    /// characters are given.
    TrimStart,
    /// `rtrim`: the text without the given characters at its end; without blanks and tabs if no
    /// characters are given.
    TrimEnd,
    /// `substr`: the part of a text from a 1-based position on, with an optional length.
    Substring,
    /// `mvcount`: the number of values of a field that can have several values.
    ValueCount,
    /// `mvindex`: the value of a field at a 0-based index, or the values from one index to another.
    ValueAt,
    /// `split`: the parts of a text between separators, as several values.
    Split,
    /// `mvjoin`: the values of a field as one text, with a separator between them.
    Join,
    /// `mvdedup`: the values of a field without duplicates.
    Distinct,
    /// `mvappend`: the values of all arguments together, as several values.
    Append,
    /// `tostring`: the value as a text.
    ToText,
    /// `tonumber`: the value as a number; null if it is not a number.
    ToNumber,
    /// The operator `.`: the first text followed by the second.
    Concatenate,
    /// The operator `+`: the sum of two numbers. If one of the operands is not a number, both are
    /// concatenated as texts.
    Add,
    /// The operator `-`: the difference of two numbers; null if an operand is not a number.
    Subtract,
    /// The operator `*`: the product of two numbers; null if an operand is not a number.
    Multiply,
    /// The operator `/`: the quotient of two numbers; null if an operand is not a number or the
    /// divisor is zero.
    Divide,
    /// The operator `%`: the remainder of a division; null if an operand is not a number or the
    /// divisor is zero.
    Remainder,
}

/// The functions and operators of `eval` and `where`: for each, its name in SPL, its [`Function`],
/// and the least and the largest number of its arguments.
const FUNCTIONS: &[(&str, Function, usize, usize)] = &[
    ("coalesce", Function::Coalesce, 1, 100),
    ("len", Function::Length, 1, 1),
    ("lower", Function::Lower, 1, 1),
    ("upper", Function::Upper, 1, 1),
    ("trim", Function::Trim, 1, 2),
    ("ltrim", Function::TrimStart, 1, 2),
    ("rtrim", Function::TrimEnd, 1, 2),
    ("substr", Function::Substring, 2, 3),
    ("mvcount", Function::ValueCount, 1, 1),
    ("mvindex", Function::ValueAt, 2, 3),
    ("split", Function::Split, 2, 2),
    ("mvjoin", Function::Join, 2, 2),
    ("mvdedup", Function::Distinct, 1, 1),
    ("mvappend", Function::Append, 1, 100),
    ("tostring", Function::ToText, 1, 1),
    ("tonumber", Function::ToNumber, 1, 1),
    // Operators. They cannot be called by these names.
    (".", Function::Concatenate, 2, 2),
    ("+", Function::Add, 2, 2),
    ("-", Function::Subtract, 2, 2),
    ("*", Function::Multiply, 2, 2),
    ("/", Function::Divide, 2, 2),
    ("%", Function::Remainder, 2, 2),
];

impl Function {
    /// Returns the function or operator with this name in SPL, and the least and the largest number
    /// of its arguments; `None` if there is none. Case does not count.
    pub fn named(name: &str) -> Option<(Self, usize, usize)> {
        let found = FUNCTIONS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name));
        found.map(|(_, function, least, most)| (*function, *least, *most))
    }

    /// Returns the name of the function or operator in SPL, such as `len` or `+`.
    pub fn name(self) -> &'static str {
        FUNCTIONS.iter().find(|(_, known, ..)| *known == self).map_or("", |(name, ..)| name)
    }

    /// Returns the names of the functions that a search can call; operators are not included.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FUNCTIONS.iter().map(|(name, ..)| *name).filter(|name| name.len() > 1)
    }

    /// Returns true if the function can return several values even if each argument has only one,
    /// as `split` does.
    pub fn makes_several(self) -> bool {
        matches!(self, Function::Split | Function::Append)
    }

    /// Returns true if the function returns several values when its argument has several.
    pub fn keeps_several(self) -> bool {
        matches!(
            self,
            Function::Coalesce
                | Function::Lower
                | Function::Upper
                | Function::Trim
                | Function::TrimStart
                | Function::TrimEnd
                | Function::ValueAt
                | Function::Distinct
        )
    }

    /// Returns the function's result for the values of its arguments. Their number must lie between
    /// the limits that [`Function::named`] returns.
    pub fn apply(self, arguments: Vec<Value<'_>>) -> Value<'_> {
        match self {
            Function::Coalesce => arguments.into_iter().find(|value| !value.is_null()).unwrap_or(Value::Null),
            Function::Append => {
                let texts: Vec<_> = arguments.into_iter().flat_map(Value::texts).take(MOST_VALUES).collect();
                Value::from_texts(texts)
            }
            _ => {
                let mut arguments = arguments.into_iter();
                let first = arguments.next().unwrap_or(Value::Null);
                self.apply_to(first, arguments.next(), arguments.next().as_ref())
            }
        }
    }

    /// Returns the result of this function, which takes at most three arguments. Absent arguments
    /// are `None`.
    fn apply_to<'a>(
        self,
        first: Value<'a>,
        second: Option<Value<'a>>,
        third: Option<&Value<'a>>,
    ) -> Value<'a> {
        let number = |value: Option<&Value<'a>>| value.and_then(Value::number).and_then(whole);
        match self {
            Function::Lower => map_texts(first, |text| Cow::Owned(fold(&text))),
            Function::Upper => map_texts(first, |text| Cow::Owned(text.to_uppercase())),
            Function::Trim | Function::TrimStart | Function::TrimEnd => {
                let characters =
                    second.and_then(Value::text).map_or_else(|| " \t".to_owned(), Cow::into_owned);
                map_texts(first, |text| Cow::Owned(self.trim(&text, &characters)))
            }
            Function::Length => match first {
                Value::Null | Value::Many(_) => Value::Null,
                one => one.text().map_or(Value::Null, |text| count(text.chars().count())),
            },
            Function::Substring => substring(first, number(second.as_ref()), number(third)),
            Function::ValueCount => match first.texts().len() {
                0 => Value::Null,
                values => count(values),
            },
            Function::ValueAt => values_at(first.texts(), number(second.as_ref()), number(third)),
            Function::Split => match (first.text(), second.and_then(Value::text)) {
                (Some(text), Some(between)) if !between.is_empty() => {
                    Value::from_texts(text.split(&*between).map(|part| Cow::Owned(part.to_owned())).collect())
                }
                (text, _) => Value::text_or_null(text),
            },
            Function::Join => {
                let between = second.and_then(Value::text).unwrap_or_default();
                match first {
                    Value::Many(texts) if texts.len().saturating_mul(between.len()) > LONGEST_TEXT => {
                        Value::Null
                    }
                    Value::Many(texts) => Value::Text(Cow::Owned(texts.join(&between))),
                    other => other,
                }
            }
            Function::Distinct => {
                let mut known = HashSet::new();
                let texts = first.texts().into_iter();
                Value::from_texts(texts.filter(|text| known.insert(text.clone())).collect())
            }
            Function::ToText => Value::text_or_null(first.text()),
            Function::ToNumber => first.number().map_or(Value::Null, Value::Number),
            _ => self.apply_operator(first, second.unwrap_or(Value::Null)),
        }
    }

    /// Removes `characters` from the start, from the end or from both ends of a text, for the
    /// functions `ltrim`, `rtrim` and `trim`.
    fn trim(self, text: &str, characters: &str) -> String {
        let is_cut = |character: char| characters.contains(character);
        let text = if self == Function::TrimEnd { text } else { text.trim_start_matches(is_cut) };
        let text = if self == Function::TrimStart { text } else { text.trim_end_matches(is_cut) };
        text.to_owned()
    }

    /// Returns the result of this operator for two values; null if one of them is null. The
    /// operator `+` concatenates values that are not both numbers.
    fn apply_operator<'a>(self, left: Value<'a>, right: Value<'a>) -> Value<'a> {
        if left.is_null() || right.is_null() {
            return Value::Null;
        }
        match (left.number(), right.number()) {
            (Some(left), Some(right)) if self != Function::Concatenate => {
                let number = match self {
                    Function::Add => left + right,
                    Function::Subtract => left - right,
                    Function::Multiply => left * right,
                    Function::Divide => left / right,
                    _ => left % right,
                };
                if number.is_finite() { Value::Number(number) } else { Value::Null }
            }
            _ if matches!(self, Function::Concatenate | Function::Add) => {
                let (left, right) = (left.text().unwrap_or_default(), right.text().unwrap_or_default());
                if left.len() + right.len() > LONGEST_TEXT {
                    return Value::Null;
                }
                Value::Text(Cow::Owned([left, right].concat()))
            }
            _ => Value::Null,
        }
    }
}

/// Applies `change` to each text of a value, which can have several, and returns the value with the
/// changed texts.
fn map_texts<'a>(value: Value<'a>, change: impl Fn(Cow<'a, str>) -> Cow<'a, str>) -> Value<'a> {
    Value::from_texts(value.texts().into_iter().map(change).collect())
}

/// Converts the length of a text, or the number of a field's values, to a [`Value`].
fn count(many: usize) -> Value<'static> {
    Value::Number(f64::from(u32::try_from(many).unwrap_or(u32::MAX)))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "an index beyond the range of i64 is also beyond every text"
)]
/// Converts a number to an integer; `None` if the number has decimals.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0).then_some(number as i64)
}

/// Converts an index as SPL writes it (0-based; a negative number counts from the end) to a 0-based
/// index in a list or text of this length. `None` if the index lies before the start. The result
/// can lie beyond the end.
fn place(number: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let place = if number < 0 { length.checked_add(number)? } else { number };
    usize::try_from(place).ok()
}

/// Returns the result of `substr`: the characters from the 1-based position `start` on, at most
/// `length` of them. A negative `start` counts from the end. Null if `value` is null or `start` is
/// `None`.
fn substring(value: Value<'_>, start: Option<i64>, length: Option<i64>) -> Value<'_> {
    let (Some(text), Some(start)) = (value.text(), start) else { return Value::Null };
    let all = text.chars().count();
    let skipped = place(if start > 0 { start - 1 } else { start }, all).unwrap_or(0);
    let most = length.map_or(usize::MAX, |length| usize::try_from(length).unwrap_or(0));
    Value::Text(Cow::Owned(text.chars().skip(skipped).take(most).collect()))
}

/// Returns the result of `mvindex`: the value at the 0-based index `start` or, with `end`, the
/// values from `start` to `end`, both included. Negative indexes count from the end. Null if there
/// is no value at these indexes.
fn values_at(texts: Vec<Cow<'_, str>>, start: Option<i64>, end: Option<i64>) -> Value<'_> {
    let length = texts.len();
    let Some(start) = start.and_then(|start| place(start, length)) else { return Value::Null };
    let end = match end {
        None => start,
        Some(end) => match place(end, length) {
            Some(end) => end,
            None => return Value::Null,
        },
    };
    let wanted = end.saturating_add(1).saturating_sub(start);
    Value::from_texts(texts.into_iter().skip(start).take(wanted).collect())
}
