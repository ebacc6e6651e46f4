//! Splits the text of a YAML file into one text per document, so that a syntax error in one
//! document does not hide the others.

use granit_parser::Marker;

use super::LineColumn;
use crate::base::byte_search::find_either;

/// The part of a YAML file's text that contains one document, with the marks `---` and `...` that
/// separate it from its neighbours.
#[derive(Debug, Clone, Copy)]
pub(super) struct DocumentText<'t> {
    /// The text of the YAML document, a part of the file's text.
    pub text: &'t str,
    /// The number of lines of the YAML file before this document's text.
    lines_before: usize,
}

impl<'t> DocumentText<'t> {
    /// Converts a place within the text of this YAML document, as the parser reports it, to the
    /// place in the whole file.
    pub(super) fn place(&self, marker: Marker) -> LineColumn {
        self.in_file(LineColumn { line: marker.line(), column: marker.col() + 1 })
    }

    /// Converts a place within the text of this YAML document to the place in the whole file.
    pub(super) fn in_file(&self, place: LineColumn) -> LineColumn {
        LineColumn { line: place.line + self.lines_before, ..place }
    }

    /// Returns the line `number` of the YAML file (counted from 1), without its line end; an empty
    /// text if the line is outside the document's text.
    pub(super) fn line(&self, number: usize) -> &'t str {
        let place = number.checked_sub(self.lines_before + 1);
        place.and_then(|place| lines(self.text).nth(place)).map_or("", without_end)
    }

    /// Returns lines of the YAML document's text, from the file's line `number` backwards to the
    /// document's first line, each with its number in the file. Messages about errors use them, for
    /// example to find the line before an error.
    pub(super) fn lines_up_to(&self, number: usize) -> impl Iterator<Item = (usize, &'t str)> {
        let before = self.lines_before;
        let count = (number + 1).saturating_sub(before + 1);
        let lines: Vec<&str> = lines(self.text).take(count).map(without_end).collect();
        lines.into_iter().enumerate().rev().map(move |(place, line)| (place + before + 1, line))
    }

    /// Returns lines of the YAML document's text, from the file's line `number` to the document's
    /// last line, each with its number in the file.
    pub(super) fn lines_from(&self, number: usize) -> impl Iterator<Item = (usize, &'t str)> {
        let skipped = number.saturating_sub(self.lines_before + 1);
        let first = self.lines_before + skipped + 1;
        lines(self.text)
            .skip(skipped)
            .enumerate()
            .map(move |(place, line)| (first + place, without_end(line)))
    }
}

/// Splits the text of a YAML file into the texts of its documents. A `---` or `...` at the
/// beginning of a line always separates documents: YAML allows neither within a value, not even in
/// quotes.
pub(super) fn document_texts(text: &str) -> Vec<DocumentText<'_>> {
    let mut document_texts = Vec::new();
    let (mut begin, mut lines_before) = (0, 0);
    let (mut at, mut has_content) = (0, false);
    for (number, line) in lines(text).enumerate() {
        if has_content && is_mark(line, "---") {
            document_texts.extend(text.get(begin..at).map(|text| DocumentText { text, lines_before }));
            (begin, lines_before, has_content) = (at, number, false);
        }
        at += line.len();
        if is_mark(line, "...") {
            document_texts.extend(text.get(begin..at).map(|text| DocumentText { text, lines_before }));
            (begin, lines_before, has_content) = (at, number + 1, false);
        } else {
            // Comments and directives belong to the document that follows.
            has_content = has_content
                || !line.starts_with('%') && !matches!(line.trim_start().chars().next(), None | Some('#'));
        }
    }
    document_texts.extend(text.get(begin..).map(|text| DocumentText { text, lines_before }));
    document_texts
}

fn is_mark(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Splits a text into lines, each with its line end: a line feed, a carriage return, or both.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = match find_either(b'\r', b'\n', rest.as_bytes()) {
            None => rest.len(),
            Some(end) if rest.get(end..).is_some_and(|end| end.starts_with("\r\n")) => end + 2,
            Some(end) => end + 1,
        };
        let (line, behind) = rest.split_at(end);
        rest = behind;
        Some(line)
    })
}

fn without_end(line: &str) -> &str {
    line.trim_end_matches(['\r', '\n'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_piece_is_of_one_document() {
        let split = |text| -> Vec<(&str, usize)> {
            document_texts(text)
                .iter()
                .map(|document_text| (document_text.text, document_text.lines_before))
                .collect()
        };
        assert_eq!(split("a\n---\nb\n"), [("a\n", 0), ("---\nb\n", 1)]);
        assert_eq!(split("a\r---\rb\r\n--- c"), [("a\r", 0), ("---\rb\r\n", 1), ("--- c", 3)]);
        assert_eq!(
            split("# x\n%YAML 1.2\n---\na\n...\n# y\n---\nb"),
            [("# x\n%YAML 1.2\n---\na\n...\n", 0), ("# y\n---\nb", 5)]
        );
        assert_eq!(split("---\n---\na"), [("---\n", 0), ("---\na", 1)]);
        assert_eq!(split("a: |\n ---\n---x\n----\n"), [("a: |\n ---\n---x\n----\n", 0)]);
        assert_eq!(split(""), [("", 0)]);
    }

    #[test]
    fn lines_are_those_of_the_file() {
        let document_texts = document_texts("a\n---\nb\r\nc\n");
        let last = document_texts[1];
        assert_eq!(
            (last.line(2), last.line(3), last.line(4), last.line(5), last.line(1)),
            ("---", "b", "c", "", "")
        );
        assert_eq!(last.lines_up_to(3).collect::<Vec<_>>(), [(3, "b"), (2, "---")]);
        assert_eq!(last.lines_from(3).collect::<Vec<_>>(), [(3, "b"), (4, "c")]);
    }
}
