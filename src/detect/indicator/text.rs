//! Lists of indicators as plain text: one indicator a line, with comments after `#`.

use super::list::ListBuilder;

/// Reads a list that has one indicator on each line. A comment begins with `#` at the start of a
/// line or after white space. Lines without an indicator are skipped.
pub(super) fn read(text: &str, list: &mut ListBuilder) {
    let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    list.reserve(lines, text.len());
    for (line, text) in (1_usize..).zip(text.lines()) {
        let entry = uncommented(text).trim();
        if list.is_overfull() {
            return;
        }
        if !entry.is_empty() {
            list.add(entry, || format!("line {line}"));
        }
    }
}

/// Returns a line of a list without the comment at its end.
pub(super) fn uncommented(line: &str) -> &str {
    let is_comment = |(at, _): &(usize, &str)| {
        let before = line.get(..*at).and_then(|before| before.chars().next_back());
        before.is_none_or(char::is_whitespace)
    };
    match line.match_indices('#').find(is_comment) {
        Some((at, _)) => line.get(..at).unwrap_or_default(),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_begin_after_white_space() {
        for (line, expected) in [
            ("evil.com # why", "evil.com "),
            ("evil.com\t#why", "evil.com\t"),
            ("# evil.com", ""),
            (" # evil.com", " "),
            ("http://evil.com/#top", "http://evil.com/#top"),
            ("http://evil.com/#top # why", "http://evil.com/#top "),
        ] {
            assert_eq!(uncommented(line), expected, "{line}");
        }
    }
}
