//! Rows of a table that one thread collects and another thread writes.
//!
//! Converting rows to columns has a cost per column, however few the rows are, and most parts of
//! the evidence have few rows or none. A few rows are therefore kept as rows until the writer joins
//! them with others. Many rows are converted by the collecting thread, so that threads share the
//! work.

use super::builder::{Columns, Table};
use super::error::OutputError;
use crate::table::Cell;

/// The maximum number of rows of one part of the evidence that the collecting thread hands over as
/// they are. If it collects or expects more rows, it converts them to Arrow columns itself.
const FEW_ROWS: usize = 32;

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
        let rows = match &mut self.buffer {
            RowBuffer::Many(columns) => return columns.push(&row).map(|_| ()),
            RowBuffer::Few(rows) if self.expected.max(rows.len() + 1) <= FEW_ROWS => {
                rows.push(row.into_iter().map(Cell::into_owned).collect());
                return Ok(());
            }
            RowBuffer::Few(rows) => std::mem::take(rows),
        };
        let mut columns = Columns::new(self.table.clone(), self.expected.max(2 * FEW_ROWS));
        rows.iter().chain([&row]).try_for_each(|row| columns.push(row).map(|_| ()))?;
        self.buffer = RowBuffer::Many(columns);
        Ok(())
    }
}
