//! Writes CSV as RFC 4180 describes it: lines that end in CRLF, and quotes around fields that need
//! them. This module is the only user of the crate `csv`.
//!
//! Sources: RFC 4180, and OWASP's page on CSV injection,
//! <https://owasp.org/www-community/attacks/CSV_Injection>. Spreadsheets compute a field that
//! begins like a formula, and an attacker can make texts in evidence begin so. Such a text gets an
//! apostrophe in front, and so does a text that begins with an apostrophe, so that removing the
//! first apostrophe of a field gives the text back.

use std::borrow::Cow;
use std::io::{self, Write};

/// The characters with which a formula begins in a spreadsheet, and their wide forms, which some
/// languages' keyboards have. OWASP's page lists both. A tab or a line break can hide the start of
/// a formula.
const DANGEROUS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Writes lines of CSV, field by field.
pub(super) struct CsvWriter<W: Write>(csv::Writer<W>);

impl<W: Write> CsvWriter<W> {
    /// Makes a writer that writes CSV to `to`.
    pub(super) fn new(to: W) -> Self {
        CsvWriter(csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(to))
    }

    /// Writes a field with a text from evidence. A text that a spreadsheet could compute as a
    /// formula gets an apostrophe in front.
    pub(super) fn text(&mut self, text: &str) -> io::Result<()> {
        self.field(&defused(text))
    }

    /// Writes a field as it is. Its text must not come from evidence, because a spreadsheet could
    /// compute it as a formula.
    pub(super) fn field(&mut self, field: &str) -> io::Result<()> {
        self.0.write_field(field).map_err(own)
    }

    /// Ends the current line of CSV.
    pub(super) fn end_line(&mut self) -> io::Result<()> {
        self.0.write_record(None::<&[u8]>).map_err(own)
    }

    /// Writes the lines that are still buffered.
    pub(super) fn end(mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Returns the `io::Error` that an error of the crate `csv` contains, so that callers recognise a
/// closed pipe. Any other error becomes an `io::Error` with a text about it.
fn own(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// Returns a text as a field that no spreadsheet computes: with an apostrophe in front if it begins
/// with one of [`DANGEROUS`], also after blanks, or with an apostrophe. The text `-` stays as it
/// is: event logs use it for an absent value, and it is not a formula.
fn defused(text: &str) -> Cow<'_, str> {
    let is_passed_over =
        |c: char| !DANGEROUS.contains(&c) && (c.is_whitespace() || c.is_control() || c == '\u{feff}');
    let is_dangerous = text.trim_start_matches(is_passed_over).starts_with(DANGEROUS) && text != "-";
    if is_dangerous || text.starts_with('\'') { Cow::Owned(format!("'{text}")) } else { text.into() }
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
            assert_eq!(defused(text).strip_prefix('\''), Some(text), "{text:?}");
        }
        for text in ["", "-", "a=1", "1", "C:\\x", "pastebin.com", "\u{202e}=1", "\"=1\"", " x"] {
            assert_eq!(defused(text), text);
        }
    }

    #[test]
    fn a_closed_pipe_is_known_as_one() {
        struct Closed;
        impl Write for Closed {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
        }
        let mut writer = CsvWriter::new(Closed);
        let ended = (0..10_000).try_for_each(|_| writer.text("text").and_then(|()| writer.end_line()));
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
