//! Whether the text of a rule's pattern lies on label boundaries in a queried name: whether it is
//! one or more whole labels, which are the parts between the name's dots. The text of `*t.me*` does
//! so in `cdn.t.me`, but not in `client.medium.com`, where it is a part of other words.
//!
//! A pattern's text reaches from the first to the last character that the pattern states, and
//! includes what wildcards between them stand for. It lies on label boundaries if what is before it
//! is the name's start or a dot, and what is after it is a dot or the name's end; the dot can also
//! be the text's own. If the text occurs in several places of a name, one of them is enough.

use crate::base::letter_case::fold_char;
use crate::detect::predicate::expression::{Case, PatternPart};

/// What a pattern states between two of its wildcards for any number of characters, or before the
/// first or after the last one. It may be empty.
pub(in crate::detect) trait Piece {
    /// Returns true if this piece of a pattern has no characters, for example because two wildcards
    /// of the pattern are next to each other.
    fn is_empty(&self) -> bool;

    /// Returns the length in bytes of the text at the start of `text` that this piece of a pattern
    /// matches; `None` if the piece matches none there. All texts that a piece matches have the
    /// same number of characters.
    fn length_at_start(&self, text: &str) -> Option<usize>;
}

/// A literal in lower case. It matches texts in any case.
impl<S: AsRef<str>> Piece for S {
    fn is_empty(&self) -> bool {
        self.as_ref().is_empty()
    }

    fn length_at_start(&self, text: &str) -> Option<usize> {
        let mut left = text.chars();
        self.as_ref()
            .chars()
            .all(|letter| left.next().map(fold_char) == Some(letter))
            .then(|| text.len() - left.as_str().len())
    }
}

/// The part of a pattern between two wildcards for any number of characters, if it can contain a
/// wildcard for exactly one character, or if the case of its letters can matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) struct Letters {
    /// The characters of this piece of a pattern, in lower case unless case matters. `None` is the
    /// wildcard for one character.
    letters: Vec<Option<char>>,
    case: Case,
}

impl Piece for Letters {
    fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    fn length_at_start(&self, text: &str) -> Option<usize> {
        let mut left = text.chars();
        let fits = |letter: &Option<char>| {
            let Some(found) = left.next() else { return false };
            letter.is_none_or(|letter| letter == cased(found, self.case))
        };
        self.letters.iter().all(fits).then(|| text.len() - left.as_str().len())
    }
}

impl Letters {
    /// Splits a pattern at its wildcards for any number of characters, and returns the pieces
    /// between them, of which some can be empty. `parts` are the literals and wildcards of the
    /// pattern.
    pub(in crate::detect) fn pieces(parts: &[PatternPart], case: Case) -> Vec<Letters> {
        let mut pieces = vec![Letters { letters: Vec::new(), case }];
        for part in parts {
            let Some(Letters { letters, .. }) = pieces.last_mut() else { break };
            match part {
                PatternPart::Literal(literal) => {
                    letters.extend(literal.chars().map(|letter| Some(cased(letter, case))));
                }
                PatternPart::One => letters.push(None),
                PatternPart::Any => pieces.push(Letters { letters: Vec::new(), case }),
            }
        }
        pieces
    }
}

fn cased(letter: char, case: Case) -> char {
    match case {
        Case::Folded => fold_char(letter),
        Case::Kept => letter,
    }
}

/// Returns true if the text of a pattern lies on label boundaries (is one or more whole labels) in
/// `name`, which the pattern matches; false if the text begins or ends inside a label. `pieces` are
/// what the pattern states between its wildcards for any number of characters; there is one more
/// than there are wildcards. For a pattern that states nothing, the result is true.
pub(in crate::detect) fn is_on_label<P: Piece>(pieces: &[P], name: &str) -> bool {
    let stated = |piece: &P| !piece.is_empty();
    let (Some(first), Some(last)) = (pieces.iter().position(stated), pieces.iter().rposition(stated)) else {
        return true;
    };
    let (Some(begin), Some(end)) = (pieces.get(first), pieces.get(last)) else { return true };
    let (is_at_start, is_at_end) = (first == 0, last + 1 == pieces.len());
    let may_start = |place: usize| if is_at_start { place == 0 } else { is_boundary(name, place) };
    let may_end = |place: usize| if is_at_end { place == name.len() } else { is_boundary(name, place) };
    let starts = places(name, 0).filter(|place| may_start(*place));
    let mut begins = starts.filter_map(|place| end_of(begin, name, place));
    if first == last {
        return begins.any(may_end);
    }
    // A piece matches texts of one length, so its first occurrence leaves most room for the others.
    let Some(mut place) = begins.next() else { return false };
    for piece in pieces.get(first + 1..last).unwrap_or_default() {
        match places(name, place).find_map(|place| end_of(piece, name, place)) {
            Some(end) => place = end,
            None => return false,
        }
    }
    places(name, place).filter_map(|place| end_of(end, name, place)).any(may_end)
}

/// Returns the offset in bytes of each character of a name, beginning with the character at the
/// offset `from`.
fn places(name: &str, from: usize) -> impl Iterator<Item = usize> {
    name.get(from..).unwrap_or_default().char_indices().map(move |(place, _)| from + place)
}

/// Returns the end of the text in a name that begins at the offset `place` and that `piece`
/// matches; `None` if the piece matches no text there. Offsets are in bytes. The piece is what a
/// pattern states between its wildcards.
fn end_of<P: Piece>(piece: &P, name: &str, place: usize) -> Option<usize> {
    name.get(place..).and_then(|rest| piece.length_at_start(rest)).map(|length| place + length)
}

/// Returns true if the offset `place` in a name, in bytes, is a label boundary: the name's start or
/// end, or the place before or after a dot.
fn is_boundary(name: &str, place: usize) -> bool {
    let is_dot = |place: usize| name.as_bytes().get(place) == Some(&b'.');
    place == 0 || place == name.len() || is_dot(place) || is_dot(place - 1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::predicate::expression::{Expression, Flags};
    use crate::detect::predicate::pattern::Pattern;
    use crate::detect::predicate::pattern::tests::naive_match;

    /// Decides by the definition, slowly: some part of the name that begins and ends at label
    /// boundaries matches the pattern without the wildcards at its ends.
    fn slow(pattern: &str, name: &str, matches: impl Fn(&str, &str) -> bool) -> bool {
        let text = pattern.trim_matches('*');
        let length = name.chars().count();
        let part = |from: usize, to: usize| name.chars().skip(from).take(to - from).collect::<String>();
        let is_boundary = |place: usize| {
            let (before, after) = (part(0, place), part(place, length));
            before.is_empty() || after.is_empty() || before.ends_with('.') || after.starts_with('.')
        };
        let fits = |from: usize, to: usize| {
            (pattern.starts_with('*') || from == 0)
                && (pattern.ends_with('*') || to == length)
                && is_boundary(from)
                && is_boundary(to)
                && matches(text, &part(from, to))
        };
        text.is_empty() || (0..=length).any(|from| (from..=length).any(|to| fits(from, to)))
    }

    /// Matches by the definition a pattern in which `?` is any character.
    fn naive(pattern: &[char], value: &[char], case: Case) -> bool {
        match (pattern.first(), value.first()) {
            (None, None) => true,
            (Some('*'), None) => naive(&pattern[1..], value, case),
            (Some('*'), Some(_)) => naive(&pattern[1..], value, case) || naive(pattern, &value[1..], case),
            (Some(p), Some(v)) => {
                (*p == '?' || cased(*p, case) == cased(*v, case)) && naive(&pattern[1..], &value[1..], case)
            }
            _ => false,
        }
    }

    fn parts(pattern: &str) -> Vec<PatternPart> {
        let part = |letter: char| match letter {
            '*' => PatternPart::Any,
            '?' => PatternPart::One,
            letter => PatternPart::Literal(letter.to_string()),
        };
        pattern.chars().map(part).collect()
    }

    #[test]
    fn text_is_on_label_boundaries_or_inside_a_label() {
        for (pattern, name, expected) in [
            ("*t.me*", "t.me", true),
            ("*t.me*", "T.ME.", true),
            ("*t.me*", "cdn.t.me", true),
            ("*t.me*", "client.medium.com", false),
            ("*t.me*", "t.me.evil.com", true),
            ("*t.me*", "bot.me", false),
            ("*t.me*", "t.media", false),
            // One of several places is enough.
            ("*t.me*", "bot.me.t.me", true),
            ("*t.me*", "t.medium.t.me.com", true),
            ("*pastebin*", "pastebin.com", true),
            ("*pastebin*", "mypastebin.com", false),
            ("*discord*", "cdn.discordapp.com", false),
            // The dot is the pattern's own.
            ("*.example.net", "a.example.net", true),
            ("*.duckdns.*", "a.duckdns.org", true),
            ("*.duck*", "a.duckdns.org", false),
            ("api.*", "api.telegram.org", true),
            // Without a wildcard, the name's start and end are the text's.
            ("pastebin.com", "pastebin.com", true),
            ("pastebin*", "pastebin.com", true),
            ("pastebin*", "pastebins.com", false),
            ("*bin.com", "pastebin.com", false),
            // What an inner wildcard stands for is part of the text.
            ("*paste*bin*", "paste-bin.com", true),
            ("*paste*bin*", "paste.the.bin.com", true),
            ("*paste*bin*", "paste.bins.com", false),
            ("*paste*bin*", "xpaste.bin.com", false),
            ("*paste*bin*", "xpaste.paste.bins.bin", true),
            ("*a*a*", "a.a", true),
            ("*a*a*", "a", false),
            ("a*b*c", "a.xbx.c", true),
            // Nothing is stated.
            ("*", "a.b", true),
            ("**", "ab", true),
            ("*é*", "a.É.b", true),
            ("*é*", "aÉ.b", false),
        ] {
            assert_eq!(Pattern::new(pattern).is_on_label(name), expected, "{pattern} on {name}");
        }
    }

    #[test]
    fn a_regular_expression_is_always_on_label_boundaries() {
        let expression = Expression::new(r"t\.me", Flags::default()).unwrap();
        assert!(expression.is_on_label("client.medium.com"));
        let case = Expression::of_parts("*T.me*", &parts("*T.me*"), Case::Kept).unwrap();
        assert!(case.is_on_label("bot.T.me") && !case.is_on_label("t.me.boT.me"));
        let one = Expression::of_parts("*t?me*", &parts("*t?me*"), Case::Folded).unwrap();
        assert!(one.is_on_label("cdn.T.me") && !one.is_on_label("client.medium.com"));
    }

    #[test]
    fn a_long_name_takes_little_time() {
        let start = std::time::Instant::now();
        for name in ["a.".repeat(50_000), "a".repeat(100_000), ".".repeat(100_000)] {
            for pattern in ["*a.b*", "*a*b*a*", "*.*.*.*x", "*aaaaaaaaaaaaaaaaaaaaaaaaaaaaab*"] {
                let _ = Pattern::new(pattern).is_on_label(&name);
            }
        }
        assert!(start.elapsed() < std::time::Duration::from_secs(5), "{:?}", start.elapsed());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(8192))]
        #[test]
        fn patterns_agree_with_the_definition(pattern in "[ab.*é]{0,7}", name in "[aBb.É\u{212a}]{0,9}") {
            let compiled = Pattern::new(&pattern);
            if compiled.matches(&name) {
                prop_assert_eq!(compiled.is_on_label(&name), slow(&pattern, &name, naive_match), "{} {}", pattern, name);
            }
        }

        #[test]
        fn single_wildcards_agree_with_the_definition(pattern in "[aB.*?é]{0,7}", name in "[aAb.É]{0,9}", kept in any::<bool>()) {
            let case = if kept { Case::Kept } else { Case::Folded };
            let compiled = Expression::of_parts(&pattern, &parts(&pattern), case).unwrap();
            if compiled.matches(&name) {
                let characters = |text: &str| text.chars().collect::<Vec<_>>();
                let expected = slow(&pattern, &name, |pattern, part| naive(&characters(pattern), &characters(part), case));
                prop_assert_eq!(compiled.is_on_label(&name), expected, "{} {}", pattern, name);
            }
        }
    }
}
