//! Plain names: texts that are safe as part of a file's name, because they cannot lead to another
//! folder. Ids of rules must be plain names, because tables are named after them.

/// The greatest length of a plain name (a text that is safe as part of a file's name), in bytes.
/// With the file extension of an output table added, a name of this length is still a valid file
/// name on every system.
pub(crate) const MOST_PLAIN_NAME: usize = 200;

/// Returns true if `name` is safe as part of a file's name: it has only ASCII letters, digits, `-`,
/// `_` and `.`, does not begin with `.`, and is neither empty nor longer than [`MOST_PLAIN_NAME`].
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
