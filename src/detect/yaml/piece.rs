//! A text of YAML in pieces of one document each, so that what is wrong with one hides no other.

use granit_parser::Marker;

use super::LineColumn;

/// A part of a text in which a document stands, with the marks before and after it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Piece<'t> {
    /// The text.
    pub text: &'t str,
    /// How many lines of the file stand before it.
    lines_before: usize,
}

impl<'t> Piece<'t> {
    /// Converts a place in this piece to the place in the whole file.
    pub(super) fn place(&self, marker: Marker) -> LineColumn {
        LineColumn { line: marker.line() + self.lines_before, column: marker.col() + 1 }
    }

    /// A line of the file, without its end; empty if it is not one of the piece's.
    pub(super) fn line(&self, number: usize) -> &'t str {
        let place = number.checked_sub(self.lines_before + 1);
        place.and_then(|place| lines(self.text).nth(place)).map_or("", without_end)
    }

    /// The lines of the piece up to one, from it backwards, with their numbers.
    pub(super) fn lines_up_to(&self, number: usize) -> impl Iterator<Item = (usize, &'t str)> {
        let before = self.lines_before;
        let count = (number + 1).saturating_sub(before + 1);
        let lines: Vec<&str> = lines(self.text).take(count).map(without_end).collect();
        lines.into_iter().enumerate().rev().map(move |(place, line)| (place + before + 1, line))
    }

    /// The lines of the piece from one on, with their numbers.
    pub(super) fn lines_from(&self, number: usize) -> impl Iterator<Item = (usize, &'t str)> {
        let skipped = number.saturating_sub(self.lines_before + 1);
        let first = self.lines_before + skipped + 1;
        lines(self.text)
            .skip(skipped)
            .enumerate()
            .map(move |(place, line)| (first + place, without_end(line)))
    }
}

/// The pieces of a text. `---` and `...` at the beginning of a line are no part of any value, not
/// even of one in quotes, so that each stands between documents.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let (mut begin, mut lines_before) = (0, 0);
    let (mut at, mut has_content) = (0, false);
    for (number, line) in lines(text).enumerate() {
        if has_content && is_mark(line, "---") {
            pieces.extend(text.get(begin..at).map(|text| Piece { text, lines_before }));
            (begin, lines_before, has_content) = (at, number, false);
        }
        at += line.len();
        if is_mark(line, "...") {
            pieces.extend(text.get(begin..at).map(|text| Piece { text, lines_before }));
            (begin, lines_before, has_content) = (at, number + 1, false);
        } else {
            // Remarks and directives belong to the document that follows.
            has_content |=
                !line.starts_with('%') && !matches!(line.trim_start().chars().next(), None | Some('#'));
        }
    }
    pieces.extend(text.get(begin..).map(|text| Piece { text, lines_before }));
    pieces
}

fn is_mark(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark).is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

/// Lines with their ends, which are a line feed, a carriage return, or both.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let end = match rest.find(['\r', '\n']) {
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
            pieces(text).iter().map(|piece| (piece.text, piece.lines_before)).collect()
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
        let pieces = pieces("a\n---\nb\r\nc\n");
        let last = pieces[1];
        assert_eq!(
            (last.line(2), last.line(3), last.line(4), last.line(5), last.line(1)),
            ("---", "b", "c", "", "")
        );
        assert_eq!(last.lines_up_to(3).collect::<Vec<_>>(), [(3, "b"), (2, "---")]);
        assert_eq!(last.lines_from(3).collect::<Vec<_>>(), [(3, "b"), (4, "c")]);
    }
}
