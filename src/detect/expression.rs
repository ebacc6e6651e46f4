//! Regular expressions, and what only they can say of the wildcards of a rule: one character, or a case that counts. The only
//! user of `regex`.

use std::fmt::Write;

use regex::{Regex, RegexBuilder};

use super::pattern::fold;

/// Bytes that a compiled expression may take: one that takes more is no rule but an attempt at the memory.
const MOST_MEMORY: usize = 1 << 20;

/// A regular expression for a field's value, made ready.
#[derive(Debug, Clone)]
pub struct Expression {
    /// As the rule's author wrote it.
    text: String,
    regex: Regex,
    /// Literals that each matching value holds, folded as those of a [`super::pattern::Pattern`].
    literals: Vec<String>,
}

/// Expressions are the same if they are written the same.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.regex.as_str() == other.regex.as_str()
    }
}

impl Eq for Expression {}

/// A part of a pattern with wildcards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// This text.
    Literal(String),
    /// Any run of characters, the empty one too.
    Any,
    /// One character.
    One,
}

/// Whether the case of letters counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Case {
    /// It does not: letters are compared as a [`super::pattern::Pattern`] does.
    #[default]
    Folded,
    /// It does.
    Kept,
}

/// Flags of a regular expression.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// The case of letters does not count.
    pub ignore_case: bool,
    /// `^` and `$` are ends of lines.
    pub multi_line: bool,
    /// `.` is a line's end, too.
    pub dot_all: bool,
}

impl Expression {
    /// An expression that may hold anywhere in a value. The error says what is not understood: lookaround and references to groups
    /// are not, so that each value is read once only.
    pub fn new(text: &str, flags: Flags) -> Result<Self, String> {
        let regex = RegexBuilder::new(text)
            .case_insensitive(flags.ignore_case)
            .multi_line(flags.multi_line)
            .dot_matches_new_line(flags.dot_all)
            .size_limit(MOST_MEMORY)
            .build()
            .map_err(|error| problem(&error))?;
        Ok(Expression { text: text.to_owned(), regex, literals: Vec::new() })
    }

    /// A pattern for the whole of a value. `text` is what to call it.
    pub fn of_parts(text: &str, parts: &[Part], case: Case) -> Result<Self, String> {
        let mut regex = String::from(r"\A");
        let mut literals = Vec::new();
        for part in parts {
            match part {
                Part::Any => regex.push_str(".*"),
                Part::One => regex.push('.'),
                Part::Literal(literal) => {
                    literals.push(fold(literal));
                    match case {
                        Case::Kept => regex.push_str(&regex::escape(literal)),
                        Case::Folded => literal.chars().for_each(|letter| push_folded(&mut regex, letter)),
                    }
                }
            }
        }
        regex.push_str(r"\z");
        let built = RegexBuilder::new(&regex).dot_matches_new_line(true).size_limit(MOST_MEMORY).build();
        Ok(Expression { text: text.to_owned(), regex: built.map_err(|error| problem(&error))?, literals })
    }

    /// The expression as its author wrote it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it holds for a value.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        self.regex.is_match(value)
    }

    /// Literals in lower case that each matching value holds, in some case.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.literals.iter().map(String::as_str)
    }
}

/// A letter in any case, as a [`super::pattern::Pattern`] takes it: letters outside ASCII are none of ASCII's.
fn push_folded(regex: &mut String, letter: char) {
    let mut cases: Vec<char> = vec![letter];
    for other in letter.to_lowercase().chain(letter.to_uppercase()) {
        if other.is_ascii() == letter.is_ascii()
            && !cases.contains(&other)
            && fold(&other.to_string()) == fold(&letter.to_string())
        {
            cases.push(other);
        }
    }
    if let [only] = cases.as_slice() {
        regex.push_str(&regex::escape(&only.to_string()));
    } else {
        regex.push('[');
        for case in cases {
            let _ = write!(regex, r"\x{{{:x}}}", u32::from(case));
        }
        regex.push(']');
    }
}

/// The last line of what the library says: the lines before it draw where.
fn problem(error: &regex::Error) -> String {
    let text = error.to_string();
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::pattern::Pattern;
    use super::*;

    fn parts(text: &str) -> Vec<Part> {
        let part = |letter: char| match letter {
            '*' => Part::Any,
            '?' => Part::One,
            letter => Part::Literal(letter.to_string()),
        };
        text.chars().map(part).collect()
    }

    #[test]
    fn wildcards_and_case() {
        for (pattern, value, folded, kept) in [
            ("a?c", "ABC", true, false),
            ("a?c", "abc", true, true),
            ("a?c", "ac", false, false),
            ("?", "é", true, true),
            ("a.c", "abc", false, false),
            ("*[x]*", "a[X]b", true, false),
            ("É?", "éx", true, false),
            ("k?", "\u{212a}x", false, false),
            ("a*b", "a\nb", true, true),
            ("a?b", "a\nb", true, true),
        ] {
            for (case, expected) in [(Case::Folded, folded), (Case::Kept, kept)] {
                let expression = Expression::of_parts(pattern, &parts(pattern), case).unwrap();
                assert_eq!(expression.matches(value), expected, "{pattern} on {value}, {case:?}");
            }
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        for (text, expected) in
            [("(a", "unclosed group"), (r"(?=a)", "look-around"), (r"(a)\1", "backreferences")]
        {
            let error = Expression::new(text, Flags::default()).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
        let huge = Expression::new("(a{1000}){1000}", Flags::default()).expect_err("huge");
        assert!(huge.contains("size limit"), "{huge}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// The twin: what a pattern says, where it can say it.
        #[test]
        fn folded_wildcards_are_a_pattern(pattern in "[abB*.éÉ\u{212a}k]{0,7}", value in "[abAB.eéÉ\u{212a}K]{0,9}") {
            let expression = Expression::of_parts(&pattern, &parts(&pattern), Case::Folded).unwrap();
            prop_assert_eq!(expression.matches(&value), Pattern::new(&pattern).matches(&value));
        }
    }
}
