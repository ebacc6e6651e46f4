//! CSV as RFC 4180 describes it: a header, lines that end in CRLF, and quotes around fields that
//! need them.
//!
//! Sources: RFC 4180, and OWASP's page on CSV injection,
//! <https://owasp.org/www-community/attacks/CSV_Injection>. Spreadsheets compute a field that begins
//! like a formula, and texts from evidence can be made to. Such a text gets an apostrophe in front
//! ([`defused`]), and so does a text that begins with an apostrophe, so that removing the first
//! apostrophe of a field gives the text back.
//!
//! CSV has neither null nor lists: null is an empty field like an empty text, and the items of a
//! list are joined. CSV cannot have NUL: it is written as `\u{0}`.

use std::borrow::Cow;
use std::io::{self, Write};

use super::Characters;
use crate::event::EventTime;
use crate::report::escape::escaped;
use crate::table::{Cell, Column, ColumnType, Row, Scalar};

/// What stands between the items of a list.
const BETWEEN_ITEMS: &str = "; ";
/// What stands between the fields of a record in a list.
const BETWEEN_FIELDS: &str = ", ";
/// The characters with which a formula begins in a spreadsheet, and their wide forms, which some
/// languages' keyboards have. OWASP's page lists both. A tab or a line break can hide the start of a
/// formula.
const DANGEROUS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Writes the rows of a table as CSV.
pub(super) struct CsvRows<'a> {
    writer: csv::Writer<&'a mut dyn Write>,
    columns: &'a [Column],
    characters: Characters,
}

impl<'a> CsvRows<'a> {
    /// Begins a table, with its header.
    pub(super) fn begin(
        columns: &'a [Column],
        characters: Characters,
        to: &'a mut dyn Write,
    ) -> io::Result<Self> {
        let writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(to);
        let mut rows = CsvRows { writer, columns, characters };
        for column in columns {
            rows.push_text(&column.name)?;
        }
        rows.end_line()?;
        Ok(rows)
    }

    /// Writes a row.
    pub(super) fn push(&mut self, row: &Row<'_>) -> io::Result<()> {
        for (column, cell) in self.columns.iter().zip(row.cells()) {
            match cell {
                Cell::Null => self.push_field("")?,
                Cell::Text(text) => self.push_text(&text)?,
                Cell::Texts(texts) => self.push_text(&texts.join(BETWEEN_ITEMS))?,
                Cell::Records(records) => self.push_text(&joined(column.kind, &records))?,
                // Numbers, times and truth values begin no formula.
                cell => self.push_field(&plain(&cell))?,
            }
        }
        self.end_line()
    }

    /// Writes what is still buffered.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.writer.flush()
    }

    fn push_text(&mut self, text: &str) -> io::Result<()> {
        let text = match self.characters {
            Characters::AsTheyAre if text.contains('\0') => Cow::Owned(text.replace('\0', "\\u{0}")),
            Characters::AsTheyAre => Cow::Borrowed(text),
            Characters::Escaped => escaped(text),
        };
        self.push_field(&defused(&text))
    }

    fn push_field(&mut self, field: &str) -> io::Result<()> {
        self.writer.write_field(field).map_err(own)
    }

    fn end_line(&mut self) -> io::Result<()> {
        self.writer.write_record(None::<&[u8]>).map_err(own)
    }
}

/// Returns the error of the system in an error of the crate `csv`, so that a closed pipe is known as
/// one.
fn own(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Returns a text as a field that no spreadsheet computes: with an apostrophe in front if it begins
/// with one of [`DANGEROUS`], also after blanks, or with an apostrophe. The text `-`, which event
/// logs have for no value, is no formula.
pub(in crate::report) fn defused(text: &str) -> Cow<'_, str> {
    let begin = text.trim_start_matches(|c: char| {
        !DANGEROUS.contains(&c) && (c.is_whitespace() || c.is_control() || c == '\u{feff}')
    });
    let is_dangerous = begin.starts_with(DANGEROUS) && text != "-";
    if is_dangerous || text.starts_with('\'') { Cow::Owned(format!("'{text}")) } else { text.into() }
}

/// Returns the records of a list, each with the names of its fields. Fields without a value are left
/// out.
fn joined(kind: ColumnType, records: &[Vec<Cell<'_>>]) -> String {
    let ColumnType::Records(fields) = kind else { return String::new() };
    let record = |record: &Vec<Cell<'_>>| {
        let fields = fields.iter().zip(record).filter(|(_, cell)| **cell != Cell::Null);
        let fields: Vec<String> =
            fields.map(|((name, _), cell): (&(&str, Scalar), _)| format!("{name}={}", plain(cell))).collect();
        fields.join(BETWEEN_FIELDS)
    };
    records.iter().map(record).collect::<Vec<_>>().join(BETWEEN_ITEMS)
}

/// Returns the text of a cell that is no list.
fn plain<'c>(cell: &'c Cell<'_>) -> Cow<'c, str> {
    match cell {
        Cell::Text(text) => Cow::Borrowed(text),
        Cell::Integer(number) => Cow::Owned(number.to_string()),
        Cell::Boolean(truth) => Cow::Borrowed(if *truth { "true" } else { "false" }),
        Cell::Time(time) => Cow::Owned(time_text(*time)),
        Cell::Null | Cell::Texts(_) | Cell::Records(_) => Cow::Borrowed(""),
    }
}

fn time_text(time: EventTime) -> String {
    time.rfc3339_microseconds().unwrap_or_else(|| time.microseconds().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_like_a_formula_is_defused_and_can_be_given_back() {
        let texts = [
            "=1+1",
            "+1",
            "-1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "\u{a0}\u{feff}=1",
            "\u{b}@x",
            "＝1",
            "－1",
            "'",
            "'=1",
            "--",
            "-x",
            "- ",
        ];
        for text in texts {
            let field = defused(text);
            assert_eq!(field.strip_prefix('\''), Some(text), "{text:?}");
        }
        for text in ["", "-", "a=1", "1", "C:\\x", "pastebin.com", "\u{202e}=1", "\"=1\"", " x"] {
            assert_eq!(defused(text), text);
        }
    }
}
