//! The tree of values that a YAML document is read into.

use super::LineColumn;

/// A value in a YAML document, and its place in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The place in the YAML file where this value begins.
    pub place: LineColumn,
    /// The content of this YAML value: a single value, a list or a mapping.
    pub kind: NodeKind,
}

/// The content of a value in a YAML document: a single value, a list or a mapping.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A single YAML value, such as a text, a number or null.
    Scalar(Scalar),
    /// A list of YAML values.
    List(Vec<Node>),
    /// A YAML mapping from keys to values, in the order of the document. Each key occurs once.
    Map(Vec<(Key, Node)>),
}

/// A single value of a YAML document, such as a text, a number or null, as it is written in the
/// document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text of the YAML value, with escapes resolved and without quotes.
    pub text: String,
    /// Whether the YAML value is plain: written without quotes, not as a block (`|`, `>`), and
    /// without the tag `!!str`. In YAML, only a plain value can be a number, a truth value or null.
    pub is_plain: bool,
}

/// A key of a YAML mapping, with its place in the file for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// The place in the YAML file where this key of a mapping begins.
    pub place: LineColumn,
    /// The key of the YAML mapping as text, with escapes resolved.
    pub name: String,
}

impl Scalar {
    /// Returns true if the value is YAML's null: empty, `~` or `null`, without quotes.
    pub(in crate::detect) fn is_null(&self) -> bool {
        self.is_plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }

    /// Returns the YAML value as true (`true`, `yes` or `on`) or false (`false`, `no` or `off`).
    /// The words can be in upper or lower case, with or without quotes. `None` for any other value.
    pub(in crate::detect) fn truth(&self) -> Option<bool> {
        match self.text.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// Returns the YAML value as a whole number: decimal (also with leading zeros), hexadecimal
    /// (`0x`) or octal (`0o`), with or without a sign and quotes. `None` for any other value, and
    /// for a number outside the range of `i128`.
    pub(in crate::detect) fn integer(&self) -> Option<i128> {
        let (sign, digits) = match self.text.strip_prefix('-') {
            Some(digits) => (-1, digits),
            None => (1, self.text.strip_prefix('+').unwrap_or(&self.text)),
        };
        let (radix, digits) = match digits.get(..2) {
            Some("0x") => (16, digits.get(2..)?),
            Some("0o") => (8, digits.get(2..)?),
            _ => (10, digits),
        };
        let is_number = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
        is_number.then(|| i128::from_str_radix(digits, radix).ok().map(|number| sign * number)).flatten()
    }
}

impl Node {
    /// A description of the YAML value in a word or two, for messages, such as `a list`.
    pub(in crate::detect) fn description(&self) -> String {
        match &self.kind {
            NodeKind::Scalar(scalar) if scalar.is_null() => "nothing".to_owned(),
            NodeKind::Scalar(scalar) => format!("'{}'", shortened(&scalar.text)),
            NodeKind::List(items) => if items.is_empty() { "an empty list" } else { "a list" }.to_owned(),
            NodeKind::Map(entries) => {
                if entries.is_empty() { "an empty mapping" } else { "a mapping" }.to_owned()
            }
        }
    }

    /// Returns the YAML value as a [`Scalar`] (a single value); `None` if it is a list or a
    /// mapping.
    pub(in crate::detect) fn scalar(&self) -> Option<&Scalar> {
        match &self.kind {
            NodeKind::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    /// The keys and values of a YAML mapping; empty if the node is not a mapping.
    pub(in crate::detect) fn entries(&self) -> &[(Key, Node)] {
        match &self.kind {
            NodeKind::Map(entries) => entries,
            _ => &[],
        }
    }

    /// The value of the key `name` in a YAML mapping; `None` if the key is absent or the node is
    /// not a mapping.
    pub(in crate::detect) fn get(&self, name: &str) -> Option<&Node> {
        self.entries().iter().find(|(key, _)| key.name == name).map(|(_, value)| value)
    }

    /// Returns the texts that the key `name` of a YAML mapping has: its value, or the items of its
    /// list, without the blanks around them. Null, empty texts, lists in lists and mappings are
    /// left out. This is for keys that only people read: a wrong value there must not be a reason
    /// to refuse a rule.
    pub(in crate::detect) fn texts_of(&self, name: &str) -> Vec<String> {
        let value = self.get(name);
        let items = value.map_or(&[][..], |value| match &value.kind {
            NodeKind::List(items) => items,
            _ => std::slice::from_ref(value),
        });
        let texts = items.iter().filter_map(Node::scalar).filter(|scalar| !scalar.is_null());
        texts.map(|scalar| scalar.text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
    }
}

/// The maximum number of characters of a YAML value that a message quotes.
const MOST_QUOTED: usize = 60;

fn shortened(text: &str) -> String {
    let escaped = text.escape_debug().to_string();
    match escaped.char_indices().nth(MOST_QUOTED) {
        Some((end, _)) => format!("{}…", escaped.get(..end).unwrap_or_default()),
        None => escaped,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(text: &str) -> Scalar {
        Scalar { text: text.to_owned(), is_plain: true }
    }

    #[test]
    fn whole_numbers_in_their_forms() {
        for (text, expected) in [
            ("22", Some(22)),
            ("022", Some(22)),
            ("0x1092", Some(4242)),
            ("0o26", Some(22)),
            ("-7", Some(-7)),
            ("+7", Some(7)),
            ("99999999999999999999", Some(99_999_999_999_999_999_999)),
            ("1e3", None),
            ("1.0", None),
            ("0x", None),
            ("", None),
            ("é2", None),
            ("--7", None),
        ] {
            assert_eq!(plain(text).integer(), expected, "{text}");
        }
    }

    #[test]
    fn long_values_are_quoted_in_part() {
        let node = |text: &str| Node {
            place: LineColumn { line: 1, column: 1 },
            kind: NodeKind::Scalar(plain(text)),
        };
        assert_eq!(node("a\nb").description(), r"'a\nb'");
        assert_eq!(node(&"é".repeat(61)).description(), format!("'{}…'", "é".repeat(60)));
        assert_eq!(node("~").description(), "nothing");
    }
}
