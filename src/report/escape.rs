//! Makes text from evidence safe to show on a terminal.

use std::borrow::Cow;
use std::fmt::Write;

/// Returns `text` with every character escaped that could act on a terminal or hide what is shown:
/// control characters (`\u{1b}` begins an escape sequence), and characters that take no space, look
/// like space or change the direction of writing. Everything else stays, including backslashes.
#[must_use]
pub fn escaped(text: &str) -> Cow<'_, str> {
    if !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for character in text.chars() {
        if acts(character) {
            // Writing into a string does not fail.
            let _ = write!(safe, "{}", character.escape_unicode());
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// The greatest number of characters of one value from evidence that are shown in messages and in
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

/// Returns a value from evidence, made safe to show to people: first shortened by [`cut`], then
/// [`escaped`].
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    match cut(text) {
        Cow::Borrowed(text) => escaped(text),
        Cow::Owned(text) => Cow::Owned(escaped(&text).into_owned()),
    }
}

/// Returns JSON in which the characters that [`escaped`] replaces are written as `\uXXXX`. The JSON
/// means the same as before.
#[must_use]
pub fn escaped_json(json: &str) -> String {
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if acts(character) {
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
/// Rust's debug format escapes it, or it is one of [`BLANKS`].
fn acts(character: char) -> bool {
    let is_plain = matches!(character, '\\' | '\'' | '"') || character.escape_debug().len() == 1;
    !is_plain || BLANKS.contains(&character)
}

#[cfg(test)]
mod tests {
    use super::*;

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
