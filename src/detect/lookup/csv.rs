//! Reads CSV files (comma-separated values) as Splunk writes lookup tables. A cell that contains a
//! comma, a quote or a line end is in quotes; a quote inside such a cell is doubled.

/// A row of a CSV text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) struct CsvRow {
    /// The line on which the row begins, from 1.
    pub line: usize,
    pub cells: Vec<String>,
}

/// Returns the rows of a CSV text, including the header. Rows in which all cells are empty are
/// skipped. If a quote is not closed, the last item is an error with the line on which its row
/// begins.
pub(in crate::detect) fn csv_rows(text: &str) -> impl Iterator<Item = Result<CsvRow, String>> {
    let mut rest = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut line = 1_usize;
    std::iter::from_fn(move || {
        loop {
            if rest.is_empty() {
                return None;
            }
            let Some((row, behind)) = row(rest) else {
                rest = "";
                return Some(Err(format!(
                    "line {line}: expected a closing quote, found the end of the file"
                )));
            };
            let read = rest.len() - behind.len();
            let begins = line;
            line += rest.get(..read).unwrap_or_default().matches('\n').count();
            rest = behind;
            if row.iter().any(|cell| !cell.is_empty()) {
                return Some(Ok(CsvRow { line: begins, cells: row }));
            }
        }
    })
}

/// Returns the cells of the first row of a CSV text, and the text after the row; `None` if a quote
/// is not closed.
fn row(mut text: &str) -> Option<(Vec<String>, &str)> {
    let mut cells = Vec::new();
    loop {
        let (cell, behind) = cell(text)?;
        cells.push(cell);
        let Some(next) = behind.strip_prefix(',') else {
            let behind = behind.strip_prefix('\r').unwrap_or(behind);
            return Some((cells, behind.strip_prefix('\n').unwrap_or(behind)));
        };
        text = next;
    }
}

/// Returns the first cell of a CSV text, and the text after the cell, which begins with a comma or
/// a line end, or is empty. `None` if a quote is not closed.
fn cell(text: &str) -> Option<(String, &str)> {
    let is_end = |character: char| matches!(character, ',' | '\n' | '\r');
    let start = text.trim_start_matches([' ', '\t']);
    let Some(mut quoted) = start.strip_prefix('"') else {
        let end = text.find(is_end).unwrap_or(text.len());
        let (cell, behind) = text.split_at(end);
        return Some((cell.to_owned(), behind));
    };
    let mut cell = String::new();
    loop {
        let (before, behind) = quoted.split_once('"')?;
        cell.push_str(before);
        let Some(next) = behind.strip_prefix('"') else {
            // Text between the closing quote and the comma belongs to the cell.
            let end = behind.find(is_end).unwrap_or(behind.len());
            let (more, behind) = behind.split_at(end);
            cell.push_str(more.trim_end());
            return Some((cell, behind));
        };
        cell.push('"');
        quoted = next;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_and_cells() {
        let rows =
            |text: &str| csv_rows(text).map(|row| row.map(|row| row.cells)).collect::<Result<Vec<_>, _>>();
        for (text, expected) in [
            ("", vec![]),
            ("a,b\r\n1,2\r\n", vec![vec!["a", "b"], vec!["1", "2"]]),
            ("\u{feff}a\n\n\nb", vec![vec!["a"], vec!["b"]]),
            ("a,\n,b", vec![vec!["a", ""], vec!["", "b"]]),
            ("\"x,\"\"y\"\"\nz\",2", vec![vec!["x,\"y\"\nz", "2"]]),
            ("a, True\n", vec![vec!["a", " True"]]),
        ] {
            assert_eq!(rows(text).unwrap(), expected, "{text:?}");
        }
        assert!(rows("a\n\"b").unwrap_err().starts_with("line 2: expected a closing quote"));
        let lines: Vec<usize> = csv_rows("a\n\n\"b\nc\"\nd").map(|row| row.unwrap().line).collect();
        assert_eq!(lines, [1, 3, 5]);
    }
}
