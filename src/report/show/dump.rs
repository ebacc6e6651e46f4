//! A record as a hex dump, with what its bytes mean beside them.

use textwrap::core::display_width;

use crate::base::digest::hexadecimal;
use crate::event::{RecordPart, RecordView};
use crate::report::escape::escaped;

/// The number of a record's bytes in each line of a dump that is less than [`WIDE_FROM`] columns
/// wide.
const NARROW: usize = 8;
/// The number of a record's bytes in each line of a dump that is at least [`WIDE_FROM`] columns
/// wide.
const WIDE: usize = 16;
/// The smallest width of a dump, in columns, at which each of its lines shows [`WIDE`] bytes.
const WIDE_FROM: usize = 120;
/// The width, in columns, of the offset at the start of a line and the two blanks after it.
const OFFSET_WIDTH: usize = 12;
/// The smallest width, in columns, of the text that says what the bytes of a line mean.
const LEAST_MEANING: usize = 24;

/// Returns the lines of a record's dump, `width` columns wide: the offset in the file, the bytes in
/// hexadecimal digits and as characters, and what the bytes mean. `offset` is that of the record in
/// its file. Each part of the record (bytes that mean one thing) begins a line.
pub(super) fn dump(view: &RecordView, offset: u64, width: usize) -> Vec<String> {
    let in_line = if width < WIDE_FROM { NARROW } else { WIDE };
    view.parts.iter().flat_map(|part| part_lines(view, part, offset, (in_line, width))).collect()
}

fn part_lines(
    view: &RecordView,
    part: &RecordPart,
    offset: u64,
    (in_line, width): (usize, usize),
) -> Vec<String> {
    let bytes = view.bytes.get(part.offset..part.offset + part.length).unwrap_or_default();
    // Each byte takes two digits and a blank, and one character.
    let left = OFFSET_WIDTH + 3 * in_line + 1 + in_line + 2;
    let room = width.saturating_sub(left).max(LEAST_MEANING);
    let meaning = meaning(part, room);
    let chunks: Vec<&[u8]> = bytes.chunks(in_line).collect();
    let line = |number: usize| {
        let text = meaning.get(number).map_or("", String::as_str);
        let Some(bytes) = chunks.get(number) else {
            return format!("{:left$}{text}", "");
        };
        let at = offset + (part.offset + number * in_line) as u64;
        let hex = bytes.iter().map(|byte| hexadecimal(&[*byte])).collect::<Vec<_>>().join(" ");
        let shown: String = bytes.iter().map(|byte| shown(*byte)).collect();
        let digits = 3 * in_line;
        let line = format!("{at:010x}  {hex:digits$} {shown:in_line$}  {text}");
        line.trim_end().to_owned()
    };
    (0..chunks.len().max(meaning.len())).map(line).collect()
}

/// Returns what a part of a record (bytes that mean one thing) means, in lines of at most `room`
/// columns. Parts of nested values are indented.
fn meaning(part: &RecordPart, room: usize) -> Vec<String> {
    let indent = " ".repeat((2 * part.depth).min(room / 2));
    let value = part.value.as_deref().map(|value| format!(" = {}", escaped(value)));
    let text = format!("{}{}", escaped(&part.name), value.unwrap_or_default());
    let following = format!("{indent}  ");
    let options = textwrap::Options::new(room.max(display_width(&following) + 8))
        .initial_indent(&indent)
        .subsequent_indent(&following)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .break_words(true)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    textwrap::wrap(&text, options).iter().map(|line| line.trim_end().to_owned()).collect()
}

/// Returns the character by which a dump shows a byte: a dot if the byte is not printable ASCII.
fn shown(byte: u8) -> char {
    if byte.is_ascii_graphic() || byte == b' ' { char::from(byte) } else { '.' }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> RecordView {
        let part = |offset, length, depth, value: Option<&str>| RecordPart {
            offset,
            length,
            depth,
            name: "name".to_owned(),
            value: value.map(str::to_owned),
        };
        RecordView {
            chunk_offset: None,
            bytes: (0x40..0x40 + 20).collect(),
            parts: vec![part(0, 4, 0, None), part(4, 16, 1, Some("a\u{1b}b"))],
            xml: Ok(String::new()),
        }
    }

    #[test]
    fn each_part_begins_a_line_with_its_meaning() {
        let lines = dump(&view(), 0x1000, 80);
        assert_eq!(
            lines,
            [
                "0000001000  40 41 42 43              @ABC      name",
                "0000001004  44 45 46 47 48 49 4a 4b  DEFGHIJK    name = a\\u{1b}b",
                "000000100c  4c 4d 4e 4f 50 51 52 53  LMNOPQRS",
            ]
        );
    }

    #[test]
    fn a_long_value_goes_on_beside_no_bytes() {
        let mut view = view();
        view.parts[1].value = Some("word ".repeat(40));
        let lines = dump(&view, 0, 80);
        assert!(lines.len() > 3 && lines.iter().all(|line| display_width(line) <= 80), "{lines:?}");
        let words: usize = lines.iter().map(|line| line.matches("word").count()).sum();
        assert_eq!(words, 40);
    }
}
