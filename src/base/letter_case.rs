//! Converts names and the texts of rules to lower case, because they are compared regardless of
//! case.

/// Returns the text in lower case, by which texts are compared without regard to case. Each
/// character is converted by itself to its simple lower case. The exception is a character outside
/// ASCII whose lower case is ASCII, which is kept: U+212A KELVIN SIGN is not `k`, and U+0130 is not
/// `i`. Windows' own table for file names does the same.
pub(crate) fn fold(text: &str) -> String {
    text.chars().map(fold_char).collect()
}

/// Returns a character in lower case, as [`fold`] does.
pub(crate) fn fold_char(character: char) -> char {
    if character.is_ascii() {
        return character.to_ascii_lowercase();
    }
    // U+0130 is the only character whose full lower case is longer than one character; its first is
    // ASCII.
    character.to_lowercase().next().filter(|lower| !lower.is_ascii()).unwrap_or(character)
}
