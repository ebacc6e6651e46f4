//! The layout of the summary: lines that are no wider than the terminal, columns that are aligned,
//! values that are never broken inside a word, and colours.

use std::borrow::Cow;

use anstyle::{AnsiColor, Style};
use textwrap::core::display_width;

use crate::report::escape::is_shown_escaped;

/// The width, in columns, of the label with which a line of the summary starts, such as
/// `Detection`. The line's text begins after it.
pub(in crate::report) const LABEL_WIDTH: usize = 12;
/// The width, in columns, to which a value from the evidence, such as a queried name, is cut if its
/// line also has other values. It is cut in the middle.
pub(in crate::report) const VALUE_WIDTH: usize = 60;
/// The width, in columns, to which a path is cut. It is large, because paths are copied: they have
/// a line of their own, even if it is longer than the terminal is wide.
pub(in crate::report) const PATH_WIDTH: usize = 400;

/// Whether the summary is coloured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// The summary is plain text.
    None,
    /// The summary is coloured by ANSI escape sequences, for a terminal that shows colours.
    Ansi,
}

/// The meaning of a part of the summary, which decides the colour of the part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Tone {
    /// This part of the summary is what matters most, such as the line with the result of the
    /// sweep.
    Answer,
    /// This part of the summary is about matches with this risk score, such as the name of a host.
    /// Without a score (`None`), and below 25, it is not coloured.
    Risk(Option<i64>),
    /// This part of the summary says what keeps hosts from being cleared, what could not be read,
    /// or what is not shown.
    Gap,
    /// This part of the summary is the head of a table or a list.
    Head,
}

/// The width of the summary, and its colours.
#[derive(Debug, Clone, Copy)]
pub(in crate::report) struct Layout {
    /// The width of the text in columns, usually that of the terminal.
    pub width: usize,
    pub colours: Colours,
}

impl Layout {
    /// Returns `text` with the colour of its meaning `tone`; without colour if the summary is plain
    /// text.
    pub(in crate::report) fn toned(self, tone: Tone, text: &str) -> String {
        let style = match tone {
            Tone::Answer => Style::new().bold(),
            Tone::Risk(Some(75..)) => Style::new().bold().fg_color(Some(AnsiColor::Red.into())),
            Tone::Risk(Some(50..)) => Style::new().fg_color(Some(AnsiColor::Red.into())),
            Tone::Risk(Some(25..)) | Tone::Gap => Style::new().fg_color(Some(AnsiColor::Yellow.into())),
            Tone::Risk(_) => Style::new(),
            Tone::Head => Style::new().underline(),
        };
        match self.colours {
            Colours::None => text.to_owned(),
            Colours::Ansi => format!("{style}{text}{style:#}"),
        }
    }

    /// Returns lines that begin with a label, such as `Detection`, and have a text after it. The
    /// text is wrapped at blanks, to the width of the summary.
    pub(in crate::report) fn labelled(self, label: &str, text: &str) -> Vec<String> {
        self.beside(&format!("{label:LABEL_WIDTH$}"), text)
    }

    /// Returns lines of `text`, wrapped at blanks to the width of the summary. The first line
    /// begins with `left`. Further lines begin with blanks, as many as `left` is wide.
    pub(in crate::report) fn beside(self, left: &str, text: &str) -> Vec<String> {
        let rest = " ".repeat(display_width(left));
        let options = textwrap::Options::new(self.width)
            .initial_indent(left)
            .subsequent_indent(&rest)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(false)
            .word_separator(textwrap::WordSeparator::AsciiSpace);
        textwrap::wrap(text, options).iter().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Returns the width in columns that is left for a text beside `left`.
    pub(in crate::report) fn room_beside(self, left: &str) -> usize {
        self.width.saturating_sub(display_width(left))
    }

    /// Returns true if `text` fits beside `left` in one line of the summary.
    pub(in crate::report) fn fits_beside(self, left: &str, text: &str) -> bool {
        display_width(text) <= self.room_beside(left)
    }

    /// Returns the lines of a text that is wrapped at blanks, to the width of the summary.
    pub(in crate::report) fn wrapped(self, text: &str) -> Vec<String> {
        let options = textwrap::Options::new(self.width)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(false)
            .word_separator(textwrap::WordSeparator::AsciiSpace);
        textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
    }

    /// Returns lines with a label and, after it, the items, with commas between them. A line is
    /// broken only between two items, or before the parenthesis at the end of an item that is wider
    /// than a line. `indent` is the width of the label in columns, by which further lines are
    /// indented.
    pub(in crate::report) fn flow(self, label: &str, indent: usize, items: &[String]) -> Vec<String> {
        let mut lines = Vec::new();
        let mut line = padded(label, indent);
        let mut is_empty = true;
        for (place, item) in items.iter().enumerate() {
            let item = if place + 1 < items.len() { format!("{item},") } else { item.clone() };
            let needed = display_width(&item) + usize::from(!is_empty);
            if !is_empty && display_width(&line) + needed > self.width {
                lines.push(std::mem::replace(&mut line, " ".repeat(indent)));
                is_empty = true;
            }
            if !is_empty {
                line.push(' ');
            }
            let is_too_wide = display_width(&line) + display_width(&item) > self.width;
            match item.rsplit_once(" (").filter(|_| is_too_wide) {
                Some((value, remark)) => {
                    line.push_str(value);
                    lines.push(std::mem::replace(&mut line, format!("{}({remark}", " ".repeat(indent + 2))));
                }
                None => line.push_str(&item),
            }
            is_empty = false;
        }
        lines.push(line);
        lines.iter().map(|line| line.trim_end().to_owned()).collect()
    }

    /// Returns `indent` and `text` as one line. If the line is wider than the summary, the end of
    /// the text is cut and replaced by an ellipsis.
    pub(in crate::report) fn in_a_line(self, indent: &str, text: &str) -> String {
        let room = self.width.saturating_sub(display_width(indent));
        if display_width(text) <= room {
            return format!("{indent}{text}");
        }
        let mut line = indent.to_owned();
        let mut left = room.saturating_sub(1);
        for character in text.chars() {
            let wide = display_width(character.encode_utf8(&mut [0; 4]));
            if wide > left {
                break;
            }
            left -= wide;
            line.push(character);
        }
        line.push('…');
        line
    }
}

/// Returns a value from evidence, escaped so that it is safe to show, in at most `most` columns. A
/// wider value is cut in the middle, but never inside an escaped character.
pub(in crate::report) fn fitted(text: &str, most: usize) -> String {
    let shown = |character: char| -> Cow<'static, str> {
        if is_shown_escaped(character) {
            character.escape_unicode().to_string().into()
        } else {
            character.to_string().into()
        }
    };
    let width: usize = text.chars().map(|character| display_width(&shown(character))).sum();
    if width <= most {
        return text.chars().map(shown).collect();
    }
    let (begin, end) = (most / 2, most.saturating_sub(most / 2 + 1));
    let within = |room: usize| {
        let mut left = room;
        move |character: &Cow<'static, str>| {
            let wide = display_width(character);
            let fits = wide <= left;
            left = if fits { left - wide } else { 0 };
            fits
        }
    };
    let mut cut: String = text.chars().map(shown).take_while(within(begin)).collect();
    cut.push('…');
    let tail: Vec<Cow<'static, str>> = text.chars().rev().map(shown).take_while(within(end)).collect();
    cut.extend(tail.into_iter().rev());
    cut
}

/// Returns `text` with blanks after it, so that it is `width` columns wide. A wider text stays as
/// it is.
pub(in crate::report) fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(display_width(text))))
}

/// The side of a table's column to which its cells are aligned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::report) enum Side {
    Left,
    Right,
}

/// A text table whose columns are as wide as their widest cell.
pub(in crate::report) struct Grid<const N: usize> {
    sides: [Side; N],
    widths: [usize; N],
}

impl<const N: usize> Grid<N> {
    /// Makes a text table whose columns are wide enough for `rows`. The head of the table must be
    /// among these rows.
    pub(in crate::report) fn of<'r>(sides: [Side; N], rows: impl Iterator<Item = &'r [String; N]>) -> Self {
        let mut widths = [0; N];
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(display_width(cell));
            }
        }
        Grid { sides, widths }
    }

    /// Returns a row of the text table as a line, with two blanks between columns.
    pub(in crate::report) fn line(&self, row: &[String; N]) -> String {
        let cells = row.iter().zip(self.widths).zip(self.sides).map(|((cell, width), side)| {
            let blanks = " ".repeat(width.saturating_sub(display_width(cell)));
            match side {
                Side::Left => format!("{cell}{blanks}"),
                Side::Right => format!("{blanks}{cell}"),
            }
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Layout = Layout { width: 20, colours: Colours::None };

    #[test]
    fn a_wide_value_is_cut_in_the_middle_and_no_escape_is() {
        assert_eq!(fitted("pastebin.com", 12), "pastebin.com");
        assert_eq!(fitted("pastebin.com", 11), "paste…n.com");
        assert_eq!(fitted("日本語日本語", 7), "日…語");
        for most in 1..30 {
            let cut = fitted("a\u{1b}b\u{202e}c\u{1b}d", most);
            assert!(display_width(&cut) <= most && !cut.contains('\u{1b}'), "{cut}");
            assert_eq!(cut.matches("\\u{").count(), cut.matches('}').count(), "{cut}");
        }
    }

    #[test]
    fn items_are_not_broken() {
        let items = ["one two three".to_owned(), "four".to_owned(), "a very long item indeed".to_owned()];
        assert_eq!(
            PLAIN.flow("Label", 6, &items),
            ["Label one two three,", "      four,", "      a very long item indeed"]
        );
    }

    #[test]
    fn a_remark_that_does_not_fit_after_its_value_gets_a_line() {
        let items = ["a path of 16 bytes (on 2 hosts)".to_owned(), "b (1)".to_owned()];
        assert_eq!(PLAIN.flow("P", 2, &items), ["P a path of 16 bytes", "    (on 2 hosts),", "  b (1)"]);
    }

    #[test]
    fn columns_are_aligned() {
        let rows = [["a".to_owned(), "日本".to_owned()], ["bbb".to_owned(), "1".to_owned()]];
        let grid = Grid::of([Side::Left, Side::Right], rows.iter());
        assert_eq!(grid.line(&rows[0]), "a    日本");
        assert_eq!(grid.line(&rows[1]), "bbb     1");
    }

    #[test]
    fn a_text_that_is_too_long_for_a_line_is_cut() {
        let line = |text| Layout { width: 6, ..PLAIN }.in_a_line("  ", text);
        assert_eq!([line("four"), line("fives"), line("日本語")], ["  four", "  fiv…", "  日…"]);
    }

    #[test]
    fn only_a_coloured_layout_has_colours() {
        let risky = |colours| Layout { width: 80, colours }.toned(Tone::Risk(Some(80)), "x");
        assert_eq!(risky(Colours::None), "x");
        assert!(risky(Colours::Ansi).starts_with('\u{1b}') && risky(Colours::Ansi).ends_with("\u{1b}[0m"));
    }
}
