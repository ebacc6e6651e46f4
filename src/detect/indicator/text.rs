//! Lists of indicators as plain text: one indicator a line, with comments after `#`.

use super::list::ListBuilder;
use crate::base::byte_search::find;
use crate::detect::predicate::text_index::PREPARED;

/// Adds the indicators of a plain text, one on each line, to `list`. Stops once `list` alone has
/// more entries than all lists of a sweep can have together (`MOST_INDICATORS`). A comment begins
/// with `#` at the start of a line or after white space. Lines without an indicator are skipped.
pub(super) fn read(text: &str, list: &mut ListBuilder) {
    let lines = text.bytes().filter(|byte| *byte == b'\n').count() + 1;
    list.reserve(lines, text.len());
    let entries = (1_usize..).zip(text.lines()).map(|(line, text)| (line, uncommented(text).trim()));
    let mut entries = entries.filter(|(_, entry)| !entry.is_empty());
    let mut read = Vec::with_capacity(PREPARED);
    while !list.is_overfull() {
        read.clear();
        read.extend(entries.by_ref().take(PREPARED));
        if read.is_empty() {
            return;
        }
        list.add_lines(&read);
    }
}

/// Returns a line of a list without its comment, which begins with `#` at the start of the line or
/// after white space.
pub(super) fn uncommented(line: &str) -> &str {
    if find(b'#', line.as_bytes()).is_none() {
        return line;
    }
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
