//! Converts nodes of a YAML document to values of Rust types with `serde`. A field of type text
//! takes any single value as it is written: a version `1.10` does not become a number.

use std::fmt::Display;

use serde::de::value::StrDeserializer;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error, Expected, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, Visitor,
};

use super::YamlProblem;
use super::node::{Key, Node, NodeKind, Scalar};
use crate::detect::nearest::suggestion;

/// Converts a YAML node to a value of type `T`. The error says where the node does not fit the
/// type.
pub(in crate::detect) fn from_node<T: DeserializeOwned>(node: &Node) -> Result<T, YamlProblem> {
    T::deserialize(NodeDeserializer(node)).map_err(|problem| problem.or_at(node.place))
}

impl Error for YamlProblem {
    fn custom<T: Display>(message: T) -> Self {
        let message = message.to_string();
        // serde's message for a value that fits no variant of an untagged enum.
        let is_of_none = message.starts_with("data did not match any variant");
        YamlProblem::without_place(if is_of_none {
            "expected a value of another type".to_owned()
        } else {
            message
        })
    }

    fn invalid_type(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let found = match unexpected {
            Unexpected::Unit | Unexpected::Option => "nothing".to_owned(),
            Unexpected::Seq => "a list".to_owned(),
            Unexpected::Map => "a mapping".to_owned(),
            Unexpected::Str(text) => format!("'{}'", text.escape_debug()),
            Unexpected::Bool(truth) => truth.to_string(),
            Unexpected::Signed(number) => number.to_string(),
            Unexpected::Unsigned(number) => number.to_string(),
            Unexpected::Float(number) => number.to_string(),
            _ => "a value of another type".to_owned(),
        };
        YamlProblem::without_place(format!("expected {}, found {found}", in_words(expected)))
    }

    fn invalid_length(length: usize, expected: &dyn Expected) -> Self {
        YamlProblem::without_place(format!("expected {}, found a list of {length}", in_words(expected)))
    }

    fn duplicate_field(field: &'static str) -> Self {
        YamlProblem::without_place(format!("expected the key '{field}' once, found it again"))
    }

    fn invalid_value(unexpected: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::invalid_type(unexpected, expected)
    }

    fn missing_field(field: &'static str) -> Self {
        YamlProblem::without_place(format!("expected the key '{field}', found none"))
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        YamlProblem::without_place(format!(
            "expected one of the keys {}, found '{}'{}",
            expected.join(", "),
            field.escape_debug(),
            suggestion(field, expected.iter().copied())
        ))
    }

    fn unknown_variant(variant: &str, expected: &'static [&'static str]) -> Self {
        YamlProblem::without_place(format!(
            "expected one of {}, found '{}'{}",
            expected.join(", "),
            variant.escape_debug(),
            suggestion(variant, expected.iter().copied())
        ))
    }
}

/// Returns the type that `serde` expected, for messages: in YAML's words (`a list`) instead of
/// Rust's (`a sequence`).
fn in_words(expected: &dyn Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "a string" | "str" | "string" => "text".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a mapping".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" | "f32" | "f64" => "a number".to_owned(),
        text if text.starts_with("struct ") => "a mapping".to_owned(),
        _ => text,
    }
}

/// Deserializes a value of a Rust type from a YAML node.
#[derive(Clone, Copy)]
struct NodeDeserializer<'n>(&'n Node);

impl<'n> NodeDeserializer<'n> {
    /// Returns the single value of the YAML node; `None` for a list, a mapping or null.
    fn non_null_scalar(self) -> Option<&'n Scalar> {
        self.0.scalar().filter(|scalar| !scalar.is_null())
    }

    /// Passes the YAML node to `visitor` as an integer, even if the number is in quotes. A node
    /// that is not an integer is passed as what it is, so that the error names it.
    fn integer<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem>
    where
        'n: 'de,
    {
        let integer = self.non_null_scalar().and_then(Scalar::integer);
        if let Some(number) = integer.and_then(|number| u64::try_from(number).ok()) {
            return visitor.visit_u64(number);
        }
        match integer.and_then(|number| i64::try_from(number).ok()) {
            Some(number) => visitor.visit_i64(number),
            None => self.deserialize_any(visitor),
        }
    }
}

impl<'de> Deserializer<'de> for NodeDeserializer<'de> {
    type Error = YamlProblem;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        match &self.0.kind {
            NodeKind::List(items) => visitor.visit_seq(Items(items.iter())),
            NodeKind::Map(entries) => visitor.visit_map(Entries { rest: entries.iter(), value: None }),
            NodeKind::Scalar(scalar) if scalar.is_null() => visitor.visit_unit(),
            NodeKind::Scalar(Scalar { text, is_plain }) => match text.as_str() {
                "true" | "True" | "TRUE" if *is_plain => visitor.visit_bool(true),
                "false" | "False" | "FALSE" if *is_plain => visitor.visit_bool(false),
                text => visitor.visit_borrowed_str(text),
            },
        }
        .map_err(|problem| problem.or_at(self.0.place))
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        match self.non_null_scalar() {
            Some(scalar) => visitor.visit_borrowed_str(&scalar.text),
            None => self.deserialize_any(visitor),
        }
        .map_err(|problem| problem.or_at(self.0.place))
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        if self.0.scalar().is_some_and(Scalar::is_null) {
            visitor.visit_none()
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        match self.non_null_scalar().and_then(Scalar::truth) {
            Some(truth) => visitor.visit_bool(truth),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        self.integer(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        self.integer(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        self.integer(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        match self.non_null_scalar().and_then(|scalar| scalar.text.parse().ok()) {
            Some(number) => visitor.visit_f64(number),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, YamlProblem> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, YamlProblem> {
        let text = self.non_null_scalar().map(|scalar| scalar.text.as_str());
        let text = text.ok_or_else(|| {
            YamlProblem::at(self.0.place, format!("expected text, found {}", self.0.description()))
        })?;
        let named: StrDeserializer<'_, YamlProblem> = text.into_deserializer();
        visitor.visit_enum(named).map_err(|problem: YamlProblem| problem.or_at(self.0.place))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, YamlProblem> {
        match self.0.kind {
            NodeKind::Map(_) => self.deserialize_any(visitor),
            _ => Err(YamlProblem::at(
                self.0.place,
                format!("expected a mapping, found {}", self.0.description()),
            )),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, YamlProblem> {
        visitor.visit_unit()
    }

    serde::forward_to_deserialize_any! {
        i8 i16 i32 i128 u8 u16 u128 f32 char bytes byte_buf unit unit_struct seq tuple tuple_struct map
    }
}

/// Deserializes the items of a YAML list, one after the other.
struct Items<'n>(std::slice::Iter<'n, Node>);

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = YamlProblem;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, YamlProblem> {
        let Some(node) = self.0.next() else { return Ok(None) };
        seed.deserialize(NodeDeserializer(node)).map(Some).map_err(|problem| problem.or_at(node.place))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// Deserializes the keys and values of a YAML mapping, one after the other.
struct Entries<'n> {
    /// The entries of the YAML mapping that `serde` has not visited yet.
    rest: std::slice::Iter<'n, (Key, Node)>,
    /// The entry of the YAML mapping whose key `serde` has visited and whose value it has not;
    /// `None` between two entries.
    value: Option<&'n (Key, Node)>,
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = YamlProblem;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, YamlProblem> {
        self.value = self.rest.next();
        let Some((key, _)) = self.value else { return Ok(None) };
        let name: StrDeserializer<'_, YamlProblem> = key.name.as_str().into_deserializer();
        seed.deserialize(name).map(Some).map_err(|problem| problem.or_at(key.place))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, YamlProblem> {
        let Some((key, value)) = self.value.take() else {
            return Err(YamlProblem::without_place("expected a value"));
        };
        seed.deserialize(NodeDeserializer(value)).map_err(|problem| {
            // The name of the key helps more than the place alone.
            let YamlProblem { place, text } = problem.or_at(value.place);
            YamlProblem {
                place,
                text: if text.contains(": ") { text } else { format!("{}: {text}", key.name) },
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::from_yaml;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        name: String,
        version: Option<String>,
        score: Option<u32>,
        list: Option<Vec<String>>,
        inner: Option<Inner>,
        either: Option<Either>,
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    struct Inner {
        text: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(untagged)]
    enum Either {
        One(String),
        Several(Vec<String>),
    }

    #[test]
    fn values_of_each_type() {
        let file: File = from_yaml(
            "name: 7\nversion: 1.10\nscore: '42'\nlist: [a, true, 2024-01-31]\ninner: {text: ~x, more: []}\neither: [a]",
        )
        .unwrap();
        assert_eq!((file.name.as_str(), file.version.as_deref(), file.score), ("7", Some("1.10"), Some(42)));
        assert_eq!(file.list.unwrap(), ["a", "true", "2024-01-31"]);
        assert_eq!(
            (file.inner.unwrap().text.as_str(), file.either),
            ("~x", Some(Either::Several(vec!["a".into()])))
        );
        let file: File = from_yaml("name: a\nversion:\nscore: null\nlist: ~\neither: b").unwrap();
        assert_eq!((file.version, file.score, file.list), (None, None, None));
        assert_eq!(file.either, Some(Either::One("b".into())));
    }

    #[test]
    fn problems_say_where_and_what() {
        for (text, expected) in [
            ("version: 1", "line 1, column 1: expected the key 'name', found none"),
            (
                "name: a\nvresion: 1",
                "line 2, column 1: expected one of the keys name, version, score, list, inner, either, found 'vresion'; did you mean 'version'?",
            ),
            ("name: [a]", "line 1, column 7: name: expected text, found a list"),
            ("name:\n", "name: expected text, found nothing"),
            ("name: a\nscore: much", "line 2, column 8: score: expected a whole number, found 'much'"),
            ("name: a\nscore: -1", "line 2, column 8: score: expected a whole number, found -1"),
            ("name: a\nlist: b", "line 2, column 7: list: expected a list, found 'b'"),
            ("name: a\ninner:\n  text: [b]", "line 3, column 9: text: expected text, found a list"),
            ("[a]", "line 1, column 1: expected a mapping, found a list"),
            (
                "name: a\n---\nname: b",
                "line 3, column 1: expected one document in the file, found a second one",
            ),
            ("", "expected a document, found an empty file"),
        ] {
            let problem = from_yaml::<File>(text).unwrap_err();
            assert!(problem.contains(expected), "{text:?}: {problem}");
        }
    }
}
