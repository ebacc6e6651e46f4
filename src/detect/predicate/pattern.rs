//! Patterns of rules: text in which `*` stands for any number of characters. They are the same for
//! all rule languages: the parser of each language has already resolved quotes and escapes.

use crate::base::byte_search::find_either;
pub(in crate::detect) use crate::base::letter_case::fold;
use crate::detect::predicate::on_label::is_on_label;
use crate::detect::predicate::pairs::BytePairs;

/// A pattern with wildcards (`*`) that is compared with a field's whole value, without regard to
/// case.
///
/// Texts are compared in lower case, as [`fold`] makes it. An ASCII letter and one outside ASCII
/// never have the same lower case. So an ASCII literal matches only ASCII text, and
/// [`Pattern::literals`] can be searched for in the bytes of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// The text of the pattern as the rule's author wrote it, with escapes resolved.
    text: String,
    /// The literals before, between and after the pattern's wildcards, in lower case. There is
    /// always one more than there are wildcards, so some may be empty.
    pieces: Vec<String>,
    /// Whether all literals of the pattern are ASCII. If so, a value can be compared with the
    /// pattern without a copy of the value in lower case.
    is_ascii: bool,
    /// The pairs of neighbouring bytes in the pattern's literals. They rule out most values fast,
    /// because a matching value has all of these pairs. There are none if a literal is not ASCII,
    /// because a value is then compared in lower case, which has other pairs.
    pairs: BytePairs,
}

impl Pattern {
    /// Makes a pattern from its text, in which every `*` is a wildcard and everything else is
    /// literal.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self::from_pieces(text, text.split('*'))
    }

    /// Makes a pattern from its literals, with a wildcard between each two. This is for rule
    /// languages in which a `*` can be literal. `text` is the pattern as the rule's author wrote
    /// it. Without literals, the pattern matches only an empty value.
    #[must_use]
    pub fn from_pieces<'a>(text: &str, pieces: impl IntoIterator<Item = &'a str>) -> Self {
        let mut pieces: Vec<String> = pieces.into_iter().map(fold).collect();
        if pieces.is_empty() {
            pieces.push(String::new());
        }
        let is_ascii = pieces.iter().all(|piece| piece.is_ascii());
        let marked = pieces.iter().filter(|_| is_ascii);
        let pairs =
            marked.map(|piece| BytePairs::of(piece.as_bytes())).fold(BytePairs::default(), BytePairs::union);
        Pattern { text: text.to_owned(), pieces, is_ascii, pairs }
    }

    /// Returns the text of the pattern as the rule's author wrote it, with quotes and escapes
    /// resolved.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The pattern's literals that are not empty, in sequence and in lower case. A value that
    /// matches contains all of them, in any case.
    pub fn literals(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().map(String::as_str).filter(|piece| !piece.is_empty())
    }

    /// Returns true if the pattern's text lies on label boundaries in `name`, a queried name that
    /// the pattern matches, as [`is_on_label`] decides.
    #[must_use]
    pub fn is_on_label(&self, name: &str) -> bool {
        is_on_label(&self.pieces, name)
    }

    /// The literals before, between and after the pattern's wildcards, in lower case; some may be
    /// empty. There is always one more than there are wildcards.
    pub(in crate::detect) fn pieces(&self) -> &[String] {
        &self.pieces
    }

    /// Returns true if the pattern consists only of `*` wildcards, so that it matches every value.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.pieces.len() > 1 && self.literals().next().is_none()
    }

    /// Returns true if the pattern matches the whole of `value`, like [`Pattern::matches`], but
    /// faster. `pairs` must be the pairs of neighbouring bytes in the value. They rule out most
    /// patterns, because most have a literal with a pair that the value does not have.
    #[must_use]
    pub(in crate::detect) fn matches_with(&self, value: &str, pairs: BytePairs) -> bool {
        !pairs.misses_any_of(self.pairs) && self.matches(value)
    }

    /// Returns true if the pattern matches the whole of `value`.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        // ASCII literals never match part of a non-ASCII character, so the value need not be
        // folded.
        if self.is_ascii {
            matches_pieces(&self.pieces, value.as_bytes())
        } else {
            matches_pieces(&self.pieces, fold(value).as_bytes())
        }
    }
}

/// Returns true if `value` matches the pattern with the literals `pieces`: it begins with the first
/// piece, ends with the last, and has the middle pieces in sequence between them. Each middle piece
/// is matched at its first occurrence, which leaves the most room for the next ones. The case of
/// ASCII letters does not matter.
pub(in crate::detect) fn matches_pieces<S: AsRef<str>>(pieces: &[S], value: &[u8]) -> bool {
    let Some((first, others)) = pieces.split_first() else { return value.is_empty() };
    let first = first.as_ref().as_bytes();
    let Some((last, middle)) = others.split_last() else { return value.eq_ignore_ascii_case(first) };
    let last = last.as_ref().as_bytes();
    let Some((start, rest)) = value.split_at_checked(first.len()) else { return false };
    let Some(middle_length) = rest.len().checked_sub(last.len()) else { return false };
    let Some((mut rest, end)) = rest.split_at_checked(middle_length) else { return false };
    if !start.eq_ignore_ascii_case(first) || !end.eq_ignore_ascii_case(last) {
        return false;
    }
    for piece in middle {
        let Some(after) = after_first(rest, piece.as_ref().as_bytes()) else { return false };
        rest = after;
    }
    true
}

/// The part of `haystack` after the first occurrence of `needle`, regardless of ASCII case; `None`
/// if `needle` does not occur.
fn after_first<'a>(haystack: &'a [u8], needle: &[u8]) -> Option<&'a [u8]> {
    let Some((first, others)) = needle.split_first() else { return Some(haystack) };
    let mut rest = haystack;
    while let Some(at) = find_either(first.to_ascii_lowercase(), first.to_ascii_uppercase(), rest) {
        rest = rest.get(at + 1..)?;
        let (begins, after) = rest.split_at_checked(others.len())?;
        if begins.eq_ignore_ascii_case(others) {
            return Some(after);
        }
    }
    None
}

#[cfg(test)]
pub(in crate::detect) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Matches a value with a pattern by the definition, to test [`Pattern::matches`]: slowly, by
    /// recursion over the characters of both.
    pub fn naive_match(pattern: &str, value: &str) -> bool {
        fn same(a: char, b: char) -> bool {
            a == b || (a.is_ascii() == b.is_ascii() && a.to_lowercase().eq(b.to_lowercase()))
        }
        fn go(pattern: &[char], value: &[char]) -> bool {
            match (pattern.first(), value.first()) {
                (None, None) => true,
                (Some('*'), None) => go(&pattern[1..], value),
                (Some('*'), Some(_)) => go(&pattern[1..], value) || go(pattern, &value[1..]),
                (Some(p), Some(v)) => same(*p, *v) && go(&pattern[1..], &value[1..]),
                _ => false,
            }
        }
        go(&pattern.chars().collect::<Vec<_>>(), &value.chars().collect::<Vec<_>>())
    }

    #[test]
    fn cases() {
        for (pattern, value, expected) in [
            ("cmd.exe", "CMD.EXE", true),
            ("cmd.exe", "acmd.exe", false),
            ("cmd.exe", "cmd.exe ", false),
            ("cmd.exe", "cmdxexe", false),
            ("c?d", "cmd", false),
            ("c?d", "c?d", true),
            ("*powershell*", "PowerShell.exe", true),
            ("*powershell*", "powershell", true),
            ("*powershell*", "powershel", false),
            ("*t.me*", "client.medium.com", true),
            ("*t.me*", "t.me", true),
            ("*t.me*", "tame", false),
            (r"*\temp\*", r"C:\Windows\TEMP\x.exe", true),
            (r"*\temp\*", r"C:\Windows\temporary\x.exe", false),
            ("*", "anything", true),
            ("**", "x", true),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("a*b*c", "axxbxxbc", true),
            ("a*bc*bc", "abcbc", true),
            ("a*bc*bc", "abc", false),
            ("*é*", "CAFÉ", true),
            ("*é*", "cafe", false),
            ("*k*", "\u{212a}", false),
            ("*\u{212a}*", "k", false),
            ("*i*", "\u{130}", false),
            ("", "", true),
            ("", "x", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(value), expected, "{pattern} on {value}");
            assert_eq!(naive_match(pattern, value), expected, "naive: {pattern} on {value}");
        }
    }

    #[test]
    fn a_star_can_be_literal_where_the_language_says_so() {
        let pattern = Pattern::from_pieces(r"\**", ["*", ""]);
        assert!(pattern.matches("*x"));
        assert!(!pattern.matches("x"));
    }

    #[test]
    fn literals_are_the_folded_runs() {
        let literals = |text: &str| Pattern::new(text).literals().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(literals("*Api.Telegram*"), ["api.telegram"]);
        assert_eq!(literals("a*BC**d"), ["a", "bc", "d"]);
        assert!(literals("*").is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        #[test]
        fn agrees_with_the_definition(
            pattern in "[abB*.éÉ\u{212a}k]{0,7}",
            value in "[abAB.eéÉ\u{212a}K]{0,9}",
        ) {
            let expected = naive_match(&pattern, &value);
            let pattern = Pattern::new(&pattern);
            prop_assert_eq!(pattern.matches(&value), expected);
            prop_assert_eq!(pattern.matches_with(&value, BytePairs::of(value.as_bytes())), expected);
        }

        #[test]
        fn a_match_holds_every_literal(pattern in "[abAB*]{0,6}", value in "[abAB]{0,8}") {
            let pattern = Pattern::new(&pattern);
            if pattern.matches(&value) {
                for literal in pattern.literals() {
                    prop_assert!(value.to_ascii_lowercase().contains(literal));
                }
            }
        }
    }
}
