//! JSON values that borrow their texts and keep the order of their fields, and functions that write
//! them as lines.

use std::borrow::Cow;
use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::ser::Formatter;
use serde_json::value::RawValue;

use crate::event::EventTime;
use crate::report::escape::escaped_json;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::report) enum Json<'a> {
    /// `null`. [`object_of`] leaves out a field, and [`list`] an item, with this value.
    Null,
    /// A text.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A number with decimals, given as its digits, because a floating-point number could differ
    /// slightly.
    Decimal(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A list.
    List(Vec<Json<'a>>),
    /// An object: the names and values of its fields, in order.
    Object(Vec<(&'a str, Json<'a>)>),
}

/// Makes a JSON object of names and values. Each value is anything that converts to [`Json`].
/// Fields without a value are left out.
macro_rules! object {
    ($($name:literal: $value:expr),* $(,)?) => {
        $crate::report::export::json::object_of([$(($name, $crate::report::export::json::Json::from($value))),*])
    };
}
pub(super) use object;

/// Returns an object with the fields whose values are not null; null if all values are null.
pub(super) fn object_of<'a>(fields: impl IntoIterator<Item = (&'a str, Json<'a>)>) -> Json<'a> {
    let fields: Vec<_> = fields.into_iter().filter(|(_, value)| *value != Json::Null).collect();
    if fields.is_empty() { Json::Null } else { Json::Object(fields) }
}

/// Returns a list of the items that are not null; null if all items are null.
pub(super) fn list<'a, T: Into<Json<'a>>>(items: impl IntoIterator<Item = T>) -> Json<'a> {
    let items: Vec<_> = items.into_iter().map(Into::into).filter(|item| *item != Json::Null).collect();
    if items.is_empty() { Json::Null } else { Json::List(items) }
}

impl<'a> Json<'a> {
    /// Returns this object with the fields of the object `more` after its own. The two must have no
    /// field in common. If one of them is null, returns the other one.
    pub(super) fn with(self, more: Json<'a>) -> Json<'a> {
        match (self, more) {
            (Json::Object(mut fields), Json::Object(more)) => {
                fields.extend(more);
                Json::Object(fields)
            }
            (Json::Null, other) | (other, _) => other,
        }
    }
}

impl<'a> From<&'a str> for Json<'a> {
    fn from(text: &'a str) -> Self {
        Json::Text(Cow::Borrowed(text))
    }
}

impl<'a> From<&'a Cow<'_, str>> for Json<'a> {
    fn from(text: &'a Cow<'_, str>) -> Self {
        Json::Text(Cow::Borrowed(text))
    }
}

impl From<String> for Json<'_> {
    fn from(text: String) -> Self {
        Json::Text(Cow::Owned(text))
    }
}

impl From<i64> for Json<'_> {
    fn from(number: i64) -> Self {
        Json::Integer(number)
    }
}

impl From<bool> for Json<'_> {
    fn from(truth: bool) -> Self {
        Json::Boolean(truth)
    }
}

/// A time is written as RFC 3339 in UTC, with six decimals.
impl From<EventTime> for Json<'_> {
    fn from(time: EventTime) -> Self {
        time.rfc3339_microseconds().map_or(Json::Null, Json::from)
    }
}

impl<'a, T: Into<Json<'a>>> From<Option<T>> for Json<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Json::Null, Into::into)
    }
}

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Json::Null => serializer.serialize_unit(),
            Json::Text(text) => serializer.serialize_str(text),
            Json::Integer(number) => serializer.serialize_i64(*number),
            Json::Boolean(truth) => serializer.serialize_bool(*truth),
            Json::List(items) => items.serialize(serializer),
            Json::Decimal(digits) => {
                let number = RawValue::from_string(digits.clone()).map_err(serde::ser::Error::custom)?;
                number.serialize(serializer)
            }
            Json::Object(fields) => {
                let mut map = serializer.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

/// Writes a value as a line of JSON. Characters that act on a terminal, or that a reader would not
/// see, are written as `\uXXXX`, which JSON readers turn into the same character.
pub(in crate::report) fn write_line(value: &Json<'_>, mut to: &mut dyn Write) -> io::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(&mut to, Safe))?;
    to.write_all(b"\n")
}

/// Formats JSON without spaces. Characters that a reader would not see, or that act on a terminal,
/// are written as `\uXXXX`.
struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        // Characters below the blank are never part of a fragment.
        let is_harmless = fragment.bytes().all(|byte| byte < 0x7f);
        let safe = if is_harmless { Cow::Borrowed(fragment) } else { Cow::Owned(escaped_json(fragment)) };
        writer.write_all(safe.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(value: &Json<'_>) -> String {
        let mut bytes = Vec::new();
        write_line(value, &mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn fields_keep_their_order_and_those_without_a_value_are_left_out() {
        let empty: [&str; 0] = [];
        let value = object! {
            "b": "x",
            "a": -7,
            "none": None::<&str>,
            "empty": list(empty),
            "nothing": object! { "none": None::<i64> },
            "list": list([Some(1), None, Some(2)]),
            "decimal": Json::Decimal("1741077290.123456".to_owned()),
            "is": true,
        };
        assert_eq!(
            line(&value),
            "{\"b\":\"x\",\"a\":-7,\"list\":[1,2],\"decimal\":1741077290.123456,\"is\":true}\n"
        );
    }

    #[test]
    fn a_hostile_text_is_one_calm_line_that_means_the_same() {
        let text = "a\"b\\c\n\r\t\0\x1b[31m\u{7f}\u{9b}\u{202e}\u{2028}\u{feff}\u{e0001}é日";
        let written = line(&Json::from(text));
        assert_eq!(written.lines().count(), 1);
        assert!(written.trim_end().chars().all(|c| !c.is_control()), "{written:?}");
        assert!(
            !written.contains(['\u{202e}', '\u{2028}', '\u{feff}', '\u{e0001}']) && written.contains("é日")
        );
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
