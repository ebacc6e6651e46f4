//! Placeholders in Sigma rules (`%name%`). The user's site provides values for them, such as the
//! names of its own servers, and each value takes the placeholder's place.

use std::collections::BTreeMap;

use crate::detect::ContentError;
use crate::detect::yaml::from_yaml;

/// The maximum number of texts that one value of a Sigma rule may become when its placeholders are
/// replaced. More are an attack on the memory, not a rule.
const MOST_VALUES: usize = 100_000;
/// The greatest size, in bytes, of all texts together that one value of a Sigma rule may become
/// when its placeholders are replaced. A long value would fill the memory if a placeholder in it
/// had many values.
const MOST_BYTES: usize = 64 << 20;

/// The values that the user's site has for the placeholders (`%name%`) in Sigma rules, by the names
/// of the placeholders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placeholders(BTreeMap<String, Vec<String>>);

/// The result of replacing the placeholders (`%name%`) in a value of a Sigma rule.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::detect) enum Expansion {
    /// All placeholders in the value of the Sigma rule could be replaced. These are the texts that
    /// the value becomes: one for each combination of the placeholders' values.
    Values(Vec<String>),
    /// The site has no values for the placeholder of this name, so nothing in the value of the
    /// Sigma rule was replaced.
    Unknown(String),
}

impl Placeholders {
    /// Reads a site's values for placeholders from the text of a YAML file: a mapping from the
    /// names of placeholders to lists of values.
    pub fn from_yaml(text: &str) -> Result<Self, ContentError> {
        Ok(from_yaml(text).map(Placeholders)?)
    }

    /// Replaces each placeholder in `text`, a value of a Sigma rule, by each of the placeholder's
    /// values. A `%` that does not begin or end a placeholder stays. The error says that `text`
    /// becomes too many texts, or that these are too long together.
    pub(in crate::detect) fn expand(&self, text: &str) -> Result<Expansion, String> {
        let mut texts = vec![String::new()];
        let mut rest = text;
        while let Some((before, name, after)) = first_placeholder(rest) {
            let Some(values) = self.0.get(name) else { return Ok(Expansion::Unknown(name.to_owned())) };
            if texts.len().saturating_mul(values.len()) > MOST_VALUES {
                return Err(format!(
                    "expected placeholders that come to at most {MOST_VALUES} values, found more in '{}'",
                    text.escape_debug()
                ));
            }
            let bytes = |texts: &[String]| texts.iter().map(String::len).sum::<usize>();
            let added = bytes(values).saturating_add(values.len().saturating_mul(before.len() + after.len()));
            let all =
                bytes(&texts).saturating_mul(values.len()).saturating_add(added.saturating_mul(texts.len()));
            if all > MOST_BYTES {
                return Err(format!(
                    "expected placeholders with which a value comes to at most {MOST_BYTES} bytes, found about {all}"
                ));
            }
            let with = |start: &String| {
                values.iter().map(|value| format!("{start}{before}{value}")).collect::<Vec<_>>()
            };
            texts = texts.iter().flat_map(with).collect();
            rest = after;
        }
        for start in &mut texts {
            start.push_str(rest);
        }
        Ok(Expansion::Values(texts))
    }
}

/// Finds the first placeholder in `text`, such as `%name%`. Returns the text before it, its name,
/// and the text after it; `None` if `text` has no placeholder.
fn first_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text.get(from..)?.find('%')?;
        let after = text.get(open + 1..)?;
        let length = after.find('%')?;
        let name = after.get(..length)?;
        if !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter)) {
            return Some((text.get(..open)?, name, after.get(length + 1..)?));
        }
        from = open + 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_in_each_place() {
        let known = Placeholders::from_yaml("a: [x, y]\nb: ['1', '2']\nnone: []\n").unwrap();
        let values = |text: &str| match known.expand(text).unwrap() {
            Expansion::Values(values) => values.join(" "),
            Expansion::Unknown(name) => format!("unknown {name}"),
        };
        for (text, expected) in [
            ("plain", "plain"),
            ("%a%", "x y"),
            ("*.%a%*", "*.x* *.y*"),
            ("%a%-%b%", "x-1 x-2 y-1 y-2"),
            ("%none%", ""),
            ("%c%", "unknown c"),
            ("100% of %a%", "100% of x 100% of y"),
            ("%", "%"),
            ("%%a%", "%x %y"),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
    }

    #[test]
    fn too_many_values_are_refused() {
        let many: Vec<String> = (0..400).map(|number| number.to_string()).collect();
        let known = Placeholders(BTreeMap::from([("a".to_owned(), many)]));
        assert!(known.expand("%a%%a%").is_err());
        assert!(known.expand("%a%").is_ok());
        // 400 copies of a text come to 80 MB, whether the text is before or after the placeholder.
        let long = "x".repeat(200_000);
        for text in [format!("{long}%a%"), format!("%a%{long}")] {
            assert!(known.expand(&text).unwrap_err().contains("at most 67108864 bytes"));
        }
        assert!(known.expand(&format!("{}%a%", "x".repeat(100_000))).is_ok());
    }
}
