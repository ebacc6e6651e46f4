//! Names that can stand in the name of a file, and lead nowhere else.

/// The longest plain name, in bytes: with the ending of a table it is a file's name everywhere.
pub(crate) const MOST_PLAIN_NAME: usize = 200;

/// Whether a text can name a file, and none elsewhere: ASCII letters, digits, `-`, `_` and `.`, the
/// last not at its beginning.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && name.len() <= MOST_PLAIN_NAME && !name.starts_with('.') && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_not_plain() {
        for name in ["../x", "", ".hidden", "a/b", "a b", "a\u{1b}", &"x".repeat(MOST_PLAIN_NAME + 1)] {
            assert!(!is_plain_name(name), "{name}");
        }
        assert!(is_plain_name("3cf0dc36-484d-11ec-a6bc-acde48001122"));
    }
}
