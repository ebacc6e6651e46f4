//! Rows that one thread collects and another thread writes.
//!
//! Converting rows to columns has a cost per column, however few the rows are, and most parts of
//! the evidence have few rows or none. A few rows are therefore kept as rows until the writer joins
//! them with others. Many rows are converted by the collecting thread, so that threads share the
//! work.

use super::builder::{Columns, Table};
use super::error::OutputError;
use crate::table::Cell;

/// The most rows that are kept as rows, and not converted to columns.
const FEW_ROWS: usize = 32;

/// Rows of a table that one thread collects, to be written by another.
#[derive(Debug)]
pub struct Rows {
    table: Table,
    /// The expected number of rows, for which memory is reserved.
    expected: usize,
    pub(super) form: Form,
}

/// How collected rows are kept: as rows or as columns.
#[derive(Debug)]
pub(super) enum Form {
    Few(Vec<Vec<Cell<'static>>>),
    Many(Columns),
}

impl Table {
    /// No rows yet, with memory reserved for `expected` rows.
    #[must_use]
    pub fn rows(&self, expected: usize) -> Rows {
        Rows { table: self.clone(), expected, form: Form::Few(Vec::new()) }
    }
}

impl Rows {
    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Few(rows) => rows.len(),
            Form::Many(columns) => columns.len(),
        }
    }

    /// Whether there are no rows.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a row: one cell for each column, in the columns' order. A row with wrong cells may be
    /// noticed only when it is converted to columns.
    pub fn push(&mut self, row: Vec<Cell<'_>>) -> Result<(), OutputError> {
        let rows = match &mut self.form {
            Form::Many(columns) => return columns.push(&row).map(|_| ()),
            Form::Few(rows) if self.expected.max(rows.len() + 1) <= FEW_ROWS => {
                rows.push(row.into_iter().map(Cell::into_owned).collect());
                return Ok(());
            }
            Form::Few(rows) => std::mem::take(rows),
        };
        let mut columns = Columns::new(self.table.clone(), self.expected.max(2 * FEW_ROWS));
        rows.iter().chain([&row]).try_for_each(|row| columns.push(row).map(|_| ()))?;
        self.form = Form::Many(columns);
        Ok(())
    }
}
