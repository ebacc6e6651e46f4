//! Regular expressions of rules. They also take the place of patterns that a
//! [`Pattern`](crate::detect::predicate::pattern::Pattern) cannot express: with a wildcard for one
//! character, or with case that matters. This module is the only user of the crate `regex`.

use std::fmt::Write;
use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};

use crate::detect::predicate::on_label::{Letters, is_on_label};
use crate::detect::predicate::pattern::fold;
use crate::detect::predicate::size::{Estimate, estimate, last_line};

/// The most memory that one regular expression may take once compiled, as estimated before it is
/// compiled, in bytes. A larger one is an attack on the memory, not a rule.
const MOST_MEMORY: usize = 1 << 20;
/// The limit on the size of a compiled regular expression that the crate `regex` is given, in
/// bytes. It is never reached, because an expression whose estimated size is above the much lower
/// [`MOST_MEMORY`] is refused before.
const MOST_COMPILED: usize = 32 * MOST_MEMORY;
/// The maximum number of bytes that the crate `regex` may use, for an expression in each thread, to
/// cache states of the automaton that it compiles the expression to. Without a limit, crafted
/// values could fill the memory, because they make an expression go through very many states.
const MOST_STATES: usize = 64 << 10;

/// A regular expression that a rule compares a field's value with. It is compiled at its first use
/// or by [`Expression::make_ready`], so that the sizes of all expressions can be checked before any
/// of them takes memory.
#[derive(Debug, Clone)]
pub struct Expression {
    /// The regular expression or pattern as the rule's author wrote it.
    text: String,
    /// The regular expression that the crate `regex` compiles. It differs from `text` if the rule
    /// has a pattern with wildcards instead, or syntax that the crate does not know.
    source: String,
    flags: Flags,
    /// What is known of the regular expression before it is compiled, such as the memory that it
    /// will take.
    estimate: Estimate,
    regex: OnceLock<Regex>,
    /// Literals that each matching value contains, in any case, by which a sweep selects the
    /// records that it decodes. They are in the lower case that
    /// [`Pattern`](crate::detect::predicate::pattern::Pattern) defines. Only an expression that was
    /// made from a pattern with wildcards has any.
    literals: Vec<String>,
    /// The pattern with wildcards that the expression was made from, split at the wildcards for any
    /// number of characters. [`Expression::is_on_label`] compares the pieces with a name. Empty for
    /// a regular expression of a rule.
    pieces: Vec<Letters>,
}

/// Two expressions are equal if their texts and flags are equal, whether they are compiled or not.
impl PartialEq for Expression {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.source == other.source && self.flags == other.flags
    }
}

impl Eq for Expression {}

/// A part of a pattern with wildcards: a literal text, or one wildcard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PatternPart {
    /// Literal text, which the field's value must have at this place of the pattern.
    Literal(String),
    /// A wildcard of the pattern for any number of characters, including none (`*`).
    Any,
    /// A wildcard of the pattern for exactly one character (`?`).
    One,
}

/// Whether the case of letters matters when a rule's value is compared with an event's value of a
/// field.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Case {
    /// Case does not matter: letters are compared in lower case. A letter outside ASCII never
    /// equals an ASCII letter, as [`Pattern`](crate::detect::predicate::pattern::Pattern)
    /// describes.
    #[default]
    Folded,
    /// Case matters: `a` is not `A`.
    Kept,
}

/// The flags of a regular expression, which change the meaning of its text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Flags {
    /// True if the case of letters does not matter when the regular expression is matched (the flag
    /// `i`).
    pub ignore_case: bool,
    /// True if `^` and `$` of the regular expression also match at the beginning and end of each
    /// line in the value (the flag `m`); false if only at the beginning and end of the whole value.
    pub multi_line: bool,
    /// True if `.` of the regular expression also matches a line end (the flag `s`).
    pub dot_all: bool,
}

impl Expression {
    /// Makes a regular expression that may match anywhere in a value. The error says what in `text`
    /// is not understood. Look-around and back-references are not supported, so that each value is
    /// read only once.
    pub fn new(text: &str, flags: Flags) -> Result<Self, String> {
        Self::of_source(text, with_ends(text), flags)
    }

    /// Makes a regular expression for a pattern with wildcards, which must match the whole value.
    /// `text` is the pattern as the rule's author wrote it, and `parts` are its literals and
    /// wildcards.
    pub fn of_parts(text: &str, parts: &[PatternPart], case: Case) -> Result<Self, String> {
        let mut regex = String::from(r"\A");
        let mut literals = Vec::new();
        for part in parts {
            match part {
                PatternPart::Any => regex.push_str(".*"),
                PatternPart::One => regex.push('.'),
                PatternPart::Literal(literal) => {
                    literals.push(fold(literal));
                    match case {
                        Case::Kept => regex.push_str(&regex::escape(literal)),
                        Case::Folded => literal.chars().for_each(|letter| push_folded(&mut regex, letter)),
                    }
                }
            }
        }
        regex.push_str(r"\z");
        let expression = Self::of_source(text, regex, Flags { dot_all: true, ..Flags::default() })?;
        Ok(Expression { literals, pieces: Letters::pieces(parts, case), ..expression })
    }

    fn of_source(text: &str, source: String, flags: Flags) -> Result<Self, String> {
        let estimate = estimate(&source, flags)?;
        if estimate.size > MOST_MEMORY {
            return Err(format!(
                "expected an expression that takes at most {MOST_MEMORY} bytes once compiled, found one of about {}",
                estimate.size
            ));
        }
        Ok(Expression {
            text: text.to_owned(),
            source,
            flags,
            estimate,
            regex: OnceLock::new(),
            literals: Vec::new(),
            pieces: Vec::new(),
        })
    }

    /// Returns the estimated memory that the regular expression takes once compiled, in bytes. It
    /// is known before the expression is compiled.
    #[must_use]
    pub fn size(&self) -> usize {
        self.estimate.size
    }

    /// Compiles the regular expression, unless it is compiled already. The error says what in it is
    /// not understood.
    pub fn make_ready(&self) -> Result<(), String> {
        if self.regex.get().is_none() {
            let _ = self.regex.set(self.compiled().map_err(|error| last_line(&error.to_string()))?);
        }
        Ok(())
    }

    fn compiled(&self) -> Result<Regex, regex::Error> {
        RegexBuilder::new(&self.source)
            .case_insensitive(self.flags.ignore_case)
            .multi_line(self.flags.multi_line)
            .dot_matches_new_line(self.flags.dot_all)
            .size_limit(MOST_COMPILED)
            .dfa_size_limit(MOST_STATES)
            .build()
    }

    /// The regular expression or pattern as the rule's author wrote it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns true if the regular expression matches a field's value. Compiles the expression at
    /// its first use.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        // The compiler of rules matches the empty text, before the expression may be compiled.
        if value.is_empty() { self.estimate.matches_empty } else { self.ready().is_match(value) }
    }

    /// Returns true if the text of the pattern that the expression was made from lies on label
    /// boundaries in `name`, as [`is_on_label`] decides. `name` must be a queried name that the
    /// expression matches. Always true for a regular expression of a rule, because it states itself
    /// what may be before and after a text.
    #[must_use]
    pub fn is_on_label(&self, name: &str) -> bool {
        is_on_label(&self.pieces, name)
    }

    fn ready(&self) -> &Regex {
        self.regex.get_or_init(|| {
            self.compiled().expect("the compiler's own parser read it, and what it takes was estimated")
        })
    }

    /// Returns `value` with each match of the expression replaced by `with`, in which `\1` stands
    /// for the text that the first group of the expression matched, and so on up to `\9`; `\0`
    /// stands for the whole match. `None` if the result is longer than `most` bytes.
    #[must_use]
    pub fn replaced(&self, value: &str, with: &str, most: usize) -> Option<String> {
        let mut text = String::new();
        let mut end = 0;
        for groups in self.ready().captures_iter(value) {
            let whole = groups.get(0)?;
            text.push_str(value.get(end..whole.start())?);
            let mut characters = with.chars().peekable();
            while let Some(character) = characters.next() {
                let group =
                    characters.peek().filter(|_| character == '\\').and_then(|next| next.to_digit(10));
                if let Some(group) = group {
                    characters.next();
                    text.push_str(
                        groups.get(usize::try_from(group).ok()?).map_or("", |group| group.as_str()),
                    );
                } else {
                    text.push(character);
                }
            }
            end = whole.end();
            if text.len() > most {
                return None;
            }
        }
        text.push_str(value.get(end..)?);
        Some(text).filter(|text| text.len() <= most)
    }

    /// Returns literals in lower case that every value matched by the expression contains; the
    /// value can have them in any case. Empty if none are known.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.literals.iter().map(String::as_str)
    }
}

/// Replaces each `\Z` in a regular expression by an equivalent that the crate `regex` knows. In
/// Perl's syntax, `\Z` matches at the end of the value, and before a line end that ends the value.
fn with_ends(text: &str) -> String {
    let mut known = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\\' && letters.next_if_eq(&'Z').is_some() {
            known.push_str(r"(?:\n?\z)");
            continue;
        }
        known.push(letter);
        if letter == '\\' {
            known.extend(letters.next());
        }
    }
    known
}

/// Adds to `regex`, the text of a regular expression, an expression that matches a letter in any
/// case. An ASCII letter and one outside ASCII are never the same letter, such as `k` and the
/// Kelvin sign (U+212A); a [`Pattern`](crate::detect::predicate::pattern::Pattern) does the same.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::predicate::pattern::Pattern;

    fn parts(text: &str) -> Vec<PatternPart> {
        let part = |letter: char| match letter {
            '*' => PatternPart::Any,
            '?' => PatternPart::One,
            letter => PatternPart::Literal(letter.to_string()),
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
    fn the_end_as_perl_writes_it() {
        for (text, value, expected) in [
            (r"\.com\Z", "a.com", true),
            (r"\.com\Z", "a.com\n", true),
            (r"\.com\Z", "a.com.example", false),
            (r"a\\Z", r"a\Z", true),
            (r"paste\/bin", "paste/bin", true),
        ] {
            let expression = Expression::new(text, Flags::default()).unwrap();
            assert_eq!(expression.matches(value), expected, "{text} on {value:?}");
            assert_eq!(expression.text(), text);
        }
    }

    #[test]
    fn errors_say_what_is_not_understood() {
        for (text, expected) in
            [("(a", "unclosed group"), (r"(?=a)", "look-around"), (r"(a)\1", "backreferences")]
        {
            let error = Expression::new(text, Flags::default()).expect_err(text);
            assert!(error.contains(expected), "{text}: {error}");
        }
        let huge = Expression::new("(a{1000}){1000}", Flags::default()).expect_err("huge");
        assert!(huge.contains("at most 1048576 bytes"), "{huge}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// Tests that an expression that is made from a pattern with wildcards matches the same
        /// values as the [`Pattern`] itself, which is evaluated by other code.
        #[test]
        fn folded_wildcards_are_a_pattern(pattern in "[abB*.éÉ\u{212a}k]{0,7}", value in "[abAB.eéÉ\u{212a}K]{0,9}") {
            let expression = Expression::of_parts(&pattern, &parts(&pattern), Case::Folded).unwrap();
            prop_assert_eq!(expression.matches(&value), Pattern::new(&pattern).matches(&value));
        }
    }
}
