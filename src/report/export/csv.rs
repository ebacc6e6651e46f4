//! Tables as CSV: a header, and a line for each row.
//!
//! CSV has neither null nor lists: null is an empty field like an empty text, and the items of a
//! list are joined. NUL cannot be in CSV, so it is written as `\u{0}`. A text that begins like a
//! formula of a spreadsheet gets an apostrophe in front (`report::csv_writer`).

use std::borrow::Cow;
use std::io::{self, Write};

use super::Characters;
use crate::event::EventTime;
use crate::report::csv_writer::CsvWriter;
use crate::report::escape::escaped;
use crate::table::{Cell, Column, ColumnType, Row, Scalar};

/// The text between the items of a list in a field of CSV.
const BETWEEN_ITEMS: &str = "; ";
/// The text between the named values of a struct (an item of a list) in a field of CSV.
const BETWEEN_FIELDS: &str = ", ";
/// Writes the rows of a table as CSV.
pub(in crate::report) struct CsvRows<'a> {
    writer: CsvWriter<&'a mut dyn Write>,
    columns: &'a [Column],
    characters: Characters,
}

impl<'a> CsvRows<'a> {
    /// Begins to write a table to `to`, with a header that has the columns' names.
    pub(in crate::report) fn begin(
        columns: &'a [Column],
        characters: Characters,
        to: &'a mut dyn Write,
    ) -> io::Result<Self> {
        let mut rows = CsvRows { writer: CsvWriter::new(to), columns, characters };
        for column in columns {
            rows.push_text(&column.name)?;
        }
        rows.writer.end_line()?;
        Ok(rows)
    }

    /// Writes a row of the table as a line of CSV.
    pub(in crate::report) fn push(&mut self, row: &Row<'_>) -> io::Result<()> {
        for (column, cell) in self.columns.iter().zip(row.cells()) {
            match cell {
                Cell::Null => self.writer.field("")?,
                Cell::Text(text) => self.push_text(&text)?,
                Cell::Texts(texts) => self.push_text(&texts.join(BETWEEN_ITEMS))?,
                Cell::Records(records) => self.push_text(&joined(column.kind, &records))?,
                // Numbers, times and truth values begin no formula.
                cell => self.writer.field(&plain(&cell))?,
            }
        }
        self.writer.end_line()
    }

    /// Writes the lines that are still buffered.
    pub(in crate::report) fn end(self) -> io::Result<()> {
        self.writer.end()
    }

    fn push_text(&mut self, text: &str) -> io::Result<()> {
        let text = match self.characters {
            Characters::AsTheyAre if text.contains('\0') => Cow::Owned(text.replace('\0', "\\u{0}")),
            Characters::AsTheyAre => Cow::Borrowed(text),
            Characters::Escaped => escaped(text),
        };
        self.writer.text(&text)
    }
}

/// Returns a list of structs as a text, such as `type=A, data=192.0.2.1; type=…`. Fields of a
/// struct without a value are left out.
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

/// Returns the text of a cell with a single value, for a field of CSV; an empty text for a list or
/// null.
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
