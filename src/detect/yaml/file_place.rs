//! Converts a place within a value of a YAML file to a line and a column of the file, so that a
//! message about a search in a rule can name them. YAML can write a value in several styles, which
//! fold white space and escape some characters. All other characters are in the file in the same
//! sequence as in the value.

use std::str::Chars;

use crate::detect::yaml::LineColumn;

/// Returns the place in the text `file` of the character at byte `at` of the YAML value `value`.
/// For white space, it is the place of the next other character. `start` is the place in the file
/// where the value begins. `None` if the file does not have the text of the value there, for
/// example because an alias (`*name`) stands for it.
pub(in crate::detect) fn place_in_file(
    file: &str,
    start: LineColumn,
    value: &str,
    at: usize,
) -> Option<LineColumn> {
    let cursor = TextCursor::at(file, start)?;
    let wanted: Vec<char> = value.chars().filter(|letter| !letter.is_whitespace()).collect();
    let before = value.get(..at)?.chars().filter(|letter| !letter.is_whitespace()).count();
    let styles: &[Style] = match cursor.clone().next()?.1 {
        '"' => &[Style::DoublyQuoted],
        '\'' => &[Style::Quoted],
        '|' | '>' => &[Style::Block, Style::Plain],
        _ => &[Style::Plain],
    };
    let places = styles.iter().find_map(|style| places(cursor.clone(), *style, &wanted))?;
    let behind_last = || places.last().map(|last| LineColumn { column: last.column + 1, ..*last });
    places.get(before).copied().or_else(behind_last).or(Some(start))
}

/// The style in which a value of a YAML file is written, which decides how its characters are
/// escaped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    /// The YAML value has no quotes.
    Plain,
    /// The YAML value is in single quotes.
    Quoted,
    /// The YAML value is in double quotes.
    DoublyQuoted,
    /// The YAML value is on the lines after a line with `|` or `>`.
    Block,
}

/// Returns the places in a YAML file of the characters `wanted`, which are all characters of a
/// value except white space. The value begins at `cursor` and is written in the given style. `None`
/// if the file has other characters there.
fn places(mut cursor: TextCursor<'_>, style: Style, wanted: &[char]) -> Option<Vec<LineColumn>> {
    match style {
        Style::Plain => {}
        Style::Quoted | Style::DoublyQuoted => _ = cursor.next(),
        Style::Block => while cursor.next().is_some_and(|(_, letter)| letter != '\n' && letter != '\r') {},
    }
    let mut places = Vec::with_capacity(wanted.len());
    for wanted in wanted {
        let (place, letter) = loop {
            let (place, letter) = cursor.decoded(style)?;
            if !letter.is_whitespace() {
                break (place, letter);
            }
        };
        if letter != *wanted {
            return None;
        }
        places.push(place);
    }
    Some(places)
}

/// A position in the text of a YAML file, and the rest of the text from this position on.
#[derive(Clone)]
struct TextCursor<'t> {
    rest: Chars<'t>,
    place: LineColumn,
}

impl<'t> TextCursor<'t> {
    fn at(text: &'t str, place: LineColumn) -> Option<Self> {
        let mut cursor = TextCursor { rest: text.chars(), place: LineColumn { line: 1, column: 1 } };
        while cursor.place < place {
            cursor.next()?;
        }
        (cursor.place == place).then_some(cursor)
    }

    fn next(&mut self) -> Option<(LineColumn, char)> {
        let (place, letter) = (self.place, self.rest.next()?);
        let ends_line = letter == '\n' || (letter == '\r' && !self.rest.as_str().starts_with('\n'));
        self.place = if ends_line {
            LineColumn { line: place.line + 1, column: 1 }
        } else {
            LineColumn { column: place.column + 1, ..place }
        };
        Some((place, letter))
    }

    /// Reads the next character of a YAML value, with its escape resolved, and its place in the
    /// file. An escape for white space, or for a line that continues, becomes a blank. `None` at
    /// the closing quote, at the end of the file, and for a wrong hexadecimal escape.
    fn decoded(&mut self, style: Style) -> Option<(LineColumn, char)> {
        let (place, letter) = self.next()?;
        let decoded = match (style, letter) {
            (Style::Quoted, '\'') => (self.next()?.1 == '\'').then_some('\'')?,
            (Style::DoublyQuoted, '"') => return None,
            (Style::DoublyQuoted, '\\') => match self.next()?.1 {
                'x' => self.of_digits(2)?,
                'u' => self.of_digits(4)?,
                'U' => self.of_digits(8)?,
                '0' => '\0',
                'a' => '\u{7}',
                'b' => '\u{8}',
                'e' => '\u{1b}',
                't' | 'n' | 'v' | 'f' | 'r' | 'N' | '_' | 'L' | 'P' | '\n' | '\r' => ' ',
                itself => itself,
            },
            (_, letter) => letter,
        };
        Some((place, decoded))
    }

    /// Reads a character of a YAML value that is escaped as `count` hexadecimal digits (`\x41`,
    /// `\u0041`), from the first digit on. `None` if the digits stand for no character.
    fn of_digits(&mut self, count: usize) -> Option<char> {
        let mut code = 0_u32;
        for _ in 0..count {
            code = code * 16 + self.next()?.1.to_digit(16)?;
        }
        char::from_u32(code)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::yaml::only_document;

    /// Returns the line and the column that are found for the letter `é` in the value of the key
    /// `a`; `None` if none are found.
    fn found(yaml: &str) -> Option<(usize, usize)> {
        let document = only_document(yaml).unwrap();
        let node = document.get("a").unwrap();
        let value = &node.scalar().unwrap().text;
        let place = place_in_file(yaml, node.place, value, value.find('é').unwrap_or(value.len()))?;
        Some((place.line, place.column))
    }

    #[test]
    fn each_style() {
        for yaml in [
            "a: x é",
            "b: 1\r\na: x\r\n  y é\r\n",
            "a:\n  x | y\n\n  z é z",
            "a: 'it''s\n\n  x é'",
            r#"a: "\t\"x\" \\ \x41 \u00e4 \U0001F600 é y""#,
            "a: \"x \\\n  \\  y é\"",
            "a: |\n  | tstats x\n\n    y é\n",
            "a: >-\n  x\n  y é\nb: c",
            "a: |2- # why\n   x\n  y é\n",
            "a: >\r\n  x\r\n  é\r\n",
            "# 😀\na: 😀 é",
        ] {
            let before = yaml.split('é').next().unwrap();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            assert_eq!(found(yaml), Some((line, column)), "{yaml:?}");
        }
        // The end of a value is after its last character.
        assert_eq!(found("a: 'b c'"), Some((1, 8)));
        assert_eq!(found("a: ''"), Some((1, 4)));
    }

    #[test]
    fn a_value_that_is_not_at_the_place_has_none() {
        assert_eq!(found("b: &x é\na: *x"), None);
        assert_eq!(place_in_file("a: b", LineColumn { line: 7, column: 1 }, "b", 0), None);
        assert_eq!(place_in_file("a: b", LineColumn { line: 1, column: 4 }, "c", 0), None);
    }

    proptest! {
        /// Tests that the place that is returned for each character of a value is the character's
        /// place in the file.
        #[test]
        fn a_place_holds_its_character(words in prop::collection::vec("[a-z|=]{1,4}", 1..8), style in 0..4_usize) {
            let text = words.join(" ");
            let yaml = match style {
                0 => format!("k: 1\na: >\n  {}\n", words.join("\n  ")),
                1 => format!("k: 1\na: |\n   {}\n", words.join("\n   ")),
                2 => format!("k: 1\na: '{}'\n", words.join("\n   ")),
                _ => format!("k: 1\na: \"{text}\"\n"),
            };
            let document = only_document(&yaml).unwrap();
            let node = document.get("a").unwrap();
            let value = &node.scalar().unwrap().text;
            for (at, letter) in value.char_indices().filter(|(_, letter)| !letter.is_whitespace()) {
                let place = place_in_file(&yaml, node.place, value, at).unwrap();
                let line = yaml.lines().nth(place.line - 1).unwrap();
                prop_assert_eq!(line.chars().nth(place.column - 1), Some(letter), "{}", yaml);
            }
        }
    }
}
