//! Rows of a table that one thread collects and another thread writes.
//!
//! Converting rows to columns has a cost per column, however few the rows are, and most parts of
//! the evidence have few rows or none. A few rows are therefore kept as rows until the writer joins
//! them with others. Many rows are converted by the collecting thread, so that threads share the
//! work.

use super::builder::{Columns, Table};
use super::error::OutputError;
use crate::table::{Cell, ColumnOf, cells};

/// The maximum number of rows that the thread that collects them hands over as rows. If it collects
/// or expects more rows from one part of the evidence, it converts them to Arrow columns itself.
const FEW_ROWS: usize = 32;
/// The number of rows that are made at once when many rows are added to a collection of Arrow
/// columns. Only these rows are in memory as rows.
const ROWS_AT_ONCE: usize = 256;

/// Rows of a table that one thread collects, so that another thread can write them.
#[derive(Debug)]
pub struct Rows {
    table: Table,
    /// The expected number of rows. It decides whether rows are kept as rows or converted to Arrow
    /// columns at once, and for how many rows memory is reserved.
    expected: usize,
    pub(super) buffer: RowBuffer,
}

/// The collected rows: a few are kept as rows, which the writing thread converts later. Many are
/// converted to Arrow columns by the collecting thread.
#[derive(Debug)]
pub(super) enum RowBuffer {
    Few(Vec<Vec<Cell<'static>>>),
    Many(Columns),
}

impl Table {
    /// Makes an empty collection of rows of this table, for about `expected` rows.
    #[must_use]
    pub fn rows(&self, expected: usize) -> Rows {
        Rows { table: self.clone(), expected, buffer: RowBuffer::Few(Vec::new()) }
    }
}

impl Rows {
    /// Returns the number of rows that were collected.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.buffer {
            RowBuffer::Few(rows) => rows.len(),
            RowBuffer::Many(columns) => columns.len(),
        }
    }

    /// Returns true if no row was collected.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a row to the collection: one cell for each column, in the columns' order. If the cells
    /// do not fit the columns, the error may be returned only later, when the rows are converted to
    /// columns.
    pub fn push(&mut self, row: Vec<Cell<'_>>) -> Result<(), OutputError> {
        match self.room_for(1)? {
            RowBuffer::Few(rows) => rows.push(row.into_iter().map(Cell::into_owned).collect()),
            RowBuffer::Many(columns) => _ = columns.push(&row)?,
        }
        Ok(())
    }

    /// Adds a table row for each item of `rows`, faster than one by one. `of` must be the columns
    /// of the table; each makes its cell from the item. If the cells do not fit the columns, the
    /// error may be returned only later, when the rows are converted to columns.
    pub fn extend<R>(
        &mut self,
        of: &[ColumnOf<R>],
        mut rows: impl ExactSizeIterator<Item = R>,
    ) -> Result<(), OutputError> {
        match self.room_for(rows.len())? {
            RowBuffer::Few(few) => {
                few.extend(rows.map(|row| cells(of, &row).into_iter().map(Cell::into_owned).collect()));
            }
            RowBuffer::Many(columns) => {
                while rows.len() > 0 {
                    columns.extend(of, &rows.by_ref().take(ROWS_AT_ONCE).collect::<Vec<_>>())?;
                }
            }
        }
        Ok(())
    }

    /// Returns the buffer of the collected rows, to which the caller adds `more` rows. If they then
    /// become too many to be kept as rows, converts the collected ones to Arrow columns first.
    fn room_for(&mut self, more: usize) -> Result<&mut RowBuffer, OutputError> {
        if let RowBuffer::Few(rows) = &mut self.buffer
            && self.expected.max(rows.len() + more) > FEW_ROWS
        {
            let rows = std::mem::take(rows);
            let mut columns = Columns::new(self.table.clone(), self.expected.max(2 * FEW_ROWS));
            rows.iter().try_for_each(|row| columns.push(row).map(|_| ()))?;
            self.buffer = RowBuffer::Many(columns);
        }
        Ok(&mut self.buffer)
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::RecordBatch;
    use proptest::prelude::*;

    use super::*;
    use crate::table::ColumnType;

    type Row = (String, Option<i64>, Vec<String>);

    const COLUMNS: &[ColumnOf<Row>] = &[
        ColumnOf::always("text", ColumnType::Text, "", |(text, ..)| Cell::text(text.as_str())),
        ColumnOf::nullable("number", ColumnType::Integer, "", |(_, number, _)| {
            Cell::optional_integer(*number)
        }),
        ColumnOf::always("texts", ColumnType::Texts, "", |(.., texts)| Cell::texts(texts)),
    ];

    /// Takes the collected rows out as columns, with the number of bytes of text in each row.
    fn taken(rows: Rows) -> (RecordBatch, Vec<usize>) {
        let mut columns = match rows.buffer {
            RowBuffer::Many(columns) => columns,
            RowBuffer::Few(few) => {
                let mut columns = Columns::new(rows.table, few.len());
                for row in &few {
                    columns.push(row).unwrap();
                }
                columns
            }
        };
        columns.push(&cells(COLUMNS, &Row::default())).unwrap();
        columns.take().unwrap()
    }

    proptest! {
        /// Compares rows that are added together, column by column, with rows added one by one.
        #[test]
        fn rows_that_are_added_together_are_those_added_one_by_one(
            parts in prop::collection::vec(
                prop::collection::vec(("[a-c]{0,3}", any::<Option<i64>>(), prop::collection::vec("[a-cé]{0,2}", 0..3)), 0..2 * ROWS_AT_ONCE),
                0..4,
            ),
            expected in 0..2 * FEW_ROWS,
        ) {
            let table = Table::of(COLUMNS);
            let (mut together, mut single) = (table.rows(expected), table.rows(expected));
            for part in &parts {
                together.extend(COLUMNS, part.iter().cloned()).unwrap();
                for row in part {
                    single.push(cells(COLUMNS, row)).unwrap();
                }
            }
            prop_assert_eq!(together.len(), single.len());
            prop_assert_eq!(taken(together), taken(single));
        }
    }

    #[test]
    fn cells_that_do_not_fit_are_an_error() {
        let table = Table::of(COLUMNS);
        let few: &[ColumnOf<Row>] = COLUMNS.get(..2).unwrap();
        let others = [COLUMNS[1].clone(), COLUMNS[0].clone(), COLUMNS[2].clone()];
        let error = |of: &[ColumnOf<Row>]| {
            table.rows(FEW_ROWS + 1).extend(of, [Row::default()].into_iter()).unwrap_err().to_string()
        };
        assert!(error(few).contains("2 cells for 3 columns"), "{}", error(few));
        assert!(error(&others).contains("number: a cell of another type"), "{}", error(&others));
    }
}
