//! Estimates the memory that a regular expression takes once compiled from its text, without
//! compiling it. This module is the only user of the crate `regex_syntax`.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind, Look};

use crate::detect::predicate::expression::Flags;

/// The estimated bytes of the smallest compiled regular expression, including the caches for
/// searches.
const BASE: usize = 8 << 10;
/// The estimated bytes of a compiled regular expression for each byte of a literal in it. It is
/// large because an expression is compiled for searches in both directions.
const LITERAL_BYTE: usize = 64;
/// The estimated bytes of a compiled regular expression for each character class in it (`[a-z]`),
/// without the ranges of the class.
const CLASS: usize = 1 << 10;
/// The estimated bytes of a compiled regular expression for each range of a character class in it.
/// Most ranges become several sequences of UTF-8 bytes.
const CLASS_RANGE: usize = 96;
/// The estimated bytes of a compiled regular expression for each connection between parts of it,
/// such as the branches of `a|b`.
const JOINT: usize = 64;

/// What is known of a regular expression before it is compiled: how much memory it will take, and
/// whether it matches the empty text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) struct Estimate {
    /// An estimate of the memory that the compiled expression takes, in bytes.
    pub size: usize,
    /// True if the regular expression matches the empty text. In Sigma, an expression that does
    /// also matches an empty field.
    pub matches_empty: bool,
}

/// Estimates the memory that a regular expression takes once compiled, and finds out whether it
/// matches the empty text. The error says what in the text is not understood.
pub(in crate::detect) fn estimate(text: &str, flags: Flags) -> Result<Estimate, String> {
    let mut parser = ParserBuilder::new()
        .case_insensitive(flags.ignore_case)
        .multi_line(flags.multi_line)
        .dot_matches_new_line(flags.dot_all)
        .build();
    let expression = parser.parse(text).map_err(|error| last_line(&error.to_string()))?;
    Ok(Estimate { size: BASE.saturating_add(size(&expression)), matches_empty: matches_empty(&expression) })
}

/// Returns true if a regular expression matches the empty text. Assertions such as `^` and `$` are
/// true in the empty text, because its only position is both its start and its end. Assertions that
/// need a letter beside them, such as `\b`, are false.
fn matches_empty(expression: &Hir) -> bool {
    match expression.kind() {
        HirKind::Empty => true,
        HirKind::Look(look) => !matches!(
            look,
            Look::WordAscii
                | Look::WordUnicode
                | Look::WordStartAscii
                | Look::WordStartUnicode
                | Look::WordEndAscii
                | Look::WordEndUnicode
        ),
        HirKind::Literal(_) | HirKind::Class(_) => false,
        HirKind::Repetition(repetition) => repetition.min == 0 || matches_empty(&repetition.sub),
        HirKind::Capture(capture) => matches_empty(&capture.sub),
        HirKind::Concat(parts) => parts.iter().all(matches_empty),
        HirKind::Alternation(parts) => parts.iter().any(matches_empty),
    }
}

/// Estimates the bytes that a parsed regular expression takes once compiled. The recursion is
/// bounded, because the parser limits how deeply an expression nests.
fn size(expression: &Hir) -> usize {
    let of_all = |parts: &[Hir]| {
        parts.iter().fold(JOINT, |sum, part| sum.saturating_add(JOINT).saturating_add(size(part)))
    };
    match expression.kind() {
        HirKind::Empty | HirKind::Look(_) => JOINT,
        HirKind::Literal(literal) => literal.0.len().saturating_mul(LITERAL_BYTE),
        HirKind::Class(Class::Unicode(class)) => CLASS + class.ranges().len().saturating_mul(CLASS_RANGE),
        HirKind::Class(Class::Bytes(class)) => CLASS + class.ranges().len().saturating_mul(CLASS_RANGE),
        HirKind::Repetition(repetition) => {
            let times = repetition.max.unwrap_or(repetition.min.saturating_add(1)).max(1);
            let times = usize::try_from(times).unwrap_or(usize::MAX);
            size(&repetition.sub).saturating_add(JOINT).saturating_mul(times)
        }
        HirKind::Capture(capture) => size(&capture.sub).saturating_add(JOINT),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => of_all(parts),
    }
}

/// The last line of `text`, an error message of the crate `regex_syntax`: it says what is wrong.
/// The lines before it show where in the expression the error is.
pub(in crate::detect) fn last_line(text: &str) -> String {
    let last = text.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

#[cfg(test)]
mod tests {
    use regex::RegexBuilder;

    use super::*;

    /// Compares the estimate with the size limit at which the compiler of `regex` refuses an
    /// expression. The compiler counts only a part of the memory, so the comparison is rough.
    #[test]
    fn the_estimate_is_near_what_the_compiler_takes() {
        for text in [
            r"\w{3}",
            r"\w{30}",
            r"\pL{40}",
            r".{300}",
            r"(?i)abcdefgh",
            r"(foo|bar|baz){200}",
            r"[a-z]{1,900}",
            r"(a{30}){30}",
            r"\d+\.\d+",
            r"[^x]{200}",
            r"(?s).{0,500}x",
        ] {
            let estimate = estimate(text, Flags::default()).unwrap().size;
            let fits = |limit: usize| RegexBuilder::new(text).size_limit(limit).build().is_ok();
            assert!(fits(estimate * 2), "{text}: more than twice {estimate}");
            assert!(estimate < 64 << 10 || !fits(estimate / 32), "{text}: less than a part of {estimate}");
        }
    }

    #[test]
    fn repeated_parts_count_for_each_repetition() {
        let huge = estimate("((a{1000}){1000}){1000}", Flags::default()).unwrap().size;
        assert!(huge > 1 << 30, "{huge}");
        assert_eq!(estimate("(a", Flags::default()), Err("unclosed group".to_owned()));
    }

    #[test]
    fn the_compiler_agrees_on_the_empty_text() {
        for text in [
            "",
            "a",
            "a*",
            "a+",
            "(a|)",
            "(a|b)",
            "^$",
            r"\A\z",
            r"\b",
            r"\B",
            "a{0,3}b*",
            "[ab]?",
            "(^a|b*)$",
            "(?m)^$",
            r"\b{start}",
            r"\b{end}",
            r"\b{start-half}",
            r"\b{end-half}",
            r"(?-u)\b",
            r"(?-u)\B",
            "()+",
            "(a*)+",
            r"[^\s\S]*",
        ] {
            let expected = RegexBuilder::new(text).build().unwrap().is_match("");
            assert_eq!(estimate(text, Flags::default()).unwrap().matches_empty, expected, "{text}");
        }
    }
}
