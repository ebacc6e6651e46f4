//! Makes text from evidence safe to show on a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns `text` with every character escaped that could act on a terminal or hide what is shown:
/// control characters (`\u{1b}` begins an escape sequence), and characters that take no space, look
/// like space or change the direction of writing. Everything else stays, including backslashes.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_shown_escaped) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if is_shown_escaped(character) {
            // Writing into a string does not fail.
            let _ = write!(safe, "{}", character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// The maximum number of characters of one value from evidence that are shown in messages and in
/// the summary, which a sweep prints when it ends. The tables contain the whole value.
const MOST_SHOWN: usize = 200;

/// Returns a value from evidence, short enough to show. If it is longer than [`MOST_SHOWN`]
/// characters, only its beginning and its length are returned, because a value can be as long as
/// the evidence.
#[must_use]
pub fn cut(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MOST_SHOWN) {
        None => Cow::Borrowed(text),
        Some((end, _)) => {
            let begin = text.get(..end).unwrap_or_default();
            Cow::Owned(format!("{begin}… ({} characters)", text.chars().count()))
        }
    }
}

/// Returns `text` if it has at most `most` characters. Otherwise returns its beginning and its end,
/// with an ellipsis between them, in at most `most` characters.
#[must_use]
pub fn middle_cut(text: &str, most: usize) -> Cow<'_, str> {
    let begin = most / 2;
    let end = most.saturating_sub(begin + 1);
    // A text has no more characters than bytes, so most texts need not be counted.
    if text.len() <= most || text.chars().nth(most).is_none() {
        return Cow::Borrowed(text);
    }
    let begin: String = text.chars().take(begin).collect();
    let tail = text.char_indices().rev().take(end).last().map_or(text.len(), |(place, _)| place);
    Cow::Owned(format!("{begin}…{}", text.get(tail..).unwrap_or_default()))
}

/// Returns JSON in which the characters that [`escaped`] replaces are written as `\uXXXX`. The JSON
/// means the same as before.
#[must_use]
pub fn escaped_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if is_shown_escaped(character) {
            for unit in character.encode_utf16(&mut [0; 2]) {
                // Writing into a string does not fail.
                let _ = write!(safe, "\\u{unit:04x}");
            }
        } else {
            safe.push(character);
        }
    }
    safe
}

/// Characters that are shown escaped, because a reader would not see them: the fillers of Hangul
/// syllables, and the Braille pattern without a dot. Unicode counts them as letters or symbols, so
/// Rust's debug format does not escape them.
const BLANKS: [char; 5] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}', '\u{2800}'];

/// Returns true if a reader would not see the character as it is, so that it must be escaped:
/// Rust's debug format escapes it, or it is one of [`BLANKS`]. Quotes and backslashes are not
/// escaped.
#[must_use]
pub fn is_shown_escaped(character: char) -> bool {
    let is_plain = matches!(character, '\\' | '\'' | '"') || character.escape_debug().len() == 1;
    !is_plain || BLANKS.contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_value_is_cut_in_the_middle() {
        assert_eq!(middle_cut("abcdef", 6), "abcdef");
        assert_eq!(middle_cut("äöüabc", 6), "äöüabc");
        assert_eq!(middle_cut("abcdefg", 6), "abc…fg");
        assert_eq!(middle_cut("äöüabcd", 6), "äöü…cd");
        assert_eq!(middle_cut("abc", 1), "…");
    }

    #[test]
    fn characters_that_act_are_escaped_and_others_are_kept() {
        assert_eq!(escaped("a\x1b[31mb"), "a\\u{1b}[31mb");
        assert_eq!(escaped("a\nb\u{202e}c\u{200b}"), "a\\u{a}b\\u{202e}c\\u{200b}");
        assert_eq!(escaped("\u{9b}31m\u{7f}"), "\\u{9b}31m\\u{7f}");
        assert_eq!(escaped_json("\"a\u{9b}\u{e0001}\""), r#""a\u009b\udb40\udc01""#);
        assert_eq!(escaped("a\u{3164}\u{2800}\u{a0}\u{3000}b"), "a\\u{3164}\\u{2800}\\u{a0}\\u{3000}b");
        let kept = r#"C:\Users\Größe\"x".exe 日本"#;
        assert_eq!(escaped(kept), kept);
    }
}
