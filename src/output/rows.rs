//! Rows that one thread collects and another writes.
//!
//! To make columns of rows costs something for every column however few the rows, and most parts of
//! the evidence have few or none: a few rows stay as they are until the writer puts them together
//! with others. Of many, columns are made where they are collected, which any number of threads can
//! do at once.

use super::builder::{Columns, Table};
use super::error::OutputError;
use crate::table::Cell;

/// The most rows that stay as they are.
const FEW_ROWS: usize = 32;

/// Rows of a table, collected to be written together. Any thread may collect some.
#[derive(Debug)]
pub struct Rows {
    table: Table,
    /// How many there may be: what memory is set aside for.
    expected: usize,
    pub(super) form: Form,
}

/// What collected rows are kept as.
#[derive(Debug)]
pub(super) enum Form {
    Few(Vec<Vec<Cell<'static>>>),
    Many(Columns),
}

impl Table {
    /// No rows yet; so many are expected.
    #[must_use]
    pub fn rows(&self, expected: usize) -> Rows {
        Rows { table: self.clone(), expected, form: Form::Few(Vec::new()) }
    }
}

impl Rows {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.form {
            Form::Few(rows) => rows.len(),
            Form::Many(columns) => columns.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a row: one cell for each column, in their order. Whether it has them is known when
    /// columns are made of it.
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
