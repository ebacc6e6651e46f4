//! Placeholders of Sigma rules (`%name%`), which a site fills with values of its own.

use std::collections::BTreeMap;

use crate::detect::ContentError;
use crate::detect::yaml::from_yaml;

/// More values than this come of no rule but of an attempt at the memory.
const MOST_VALUES: usize = 100_000;

/// The values of placeholders, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Placeholders(BTreeMap<String, Vec<String>>);

/// What becomes of a value with placeholders.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::detect) enum Expansion {
    /// These values.
    Values(Vec<String>),
    /// Nothing is known of the placeholder of that name.
    Unknown(String),
}

impl Placeholders {
    /// Reads a file of them: a mapping of names to lists of values, in YAML.
    pub fn from_yaml(text: &str) -> Result<Self, ContentError> {
        Ok(from_yaml(text).map(Placeholders)?)
    }

    /// Puts the values in the place of each placeholder in `text`. `%` that encloses no name is
    /// itself.
    pub(in crate::detect) fn expand(&self, text: &str) -> Result<Expansion, String> {
        let mut texts = vec![String::new()];
        let mut rest = text;
        while let Some((before, name, after)) = first_placeholder(rest) {
            let Some(values) = self.0.get(name) else { return Ok(Expansion::Unknown(name.to_owned())) };
            if texts.len().saturating_mul(values.len()) > MOST_VALUES {
                return Err(format!("'{}' comes to more than {MOST_VALUES} values", text.escape_debug()));
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

/// What stands before the first placeholder, its name, and what stands behind it.
fn first_placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    loop {
        let open = from + text.get(from..)?.find('%')?;
        let behind = text.get(open + 1..)?;
        let length = behind.find('%')?;
        let name = behind.get(..length)?;
        if !name.is_empty() && name.chars().all(|letter| letter.is_alphanumeric() || "_-.".contains(letter)) {
            return Some((text.get(..open)?, name, behind.get(length + 1..)?));
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
    fn what_comes_to_too_many_is_refused() {
        let many: Vec<String> = (0..400).map(|number| number.to_string()).collect();
        let known = Placeholders(BTreeMap::from([("a".to_owned(), many)]));
        assert!(known.expand("%a%%a%").is_err());
        assert!(known.expand("%a%").is_ok());
    }
}
