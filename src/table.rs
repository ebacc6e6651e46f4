//! What tables are made of, without any knowledge of a file format: columns and cells.
//!
//! Each table's columns are a list beside the type of its rows: a column is its name, its type,
//! what it means and how to get its cell, in one place. The writer takes them as they are.

use std::borrow::Cow;

use crate::event::EventTime;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// Text, UTF-8.
    Text,
    /// A signed number of 64 bits.
    Integer,
    /// True or false.
    Boolean,
    /// An instant, in microseconds, UTC.
    Time,
    /// A list of texts, never null.
    Texts,
    /// A list of records with these fields, never null.
    Records(&'static [(&'static str, Scalar)]),
}

/// What a field of a record holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// Text, UTF-8.
    Text,
    /// A signed number of 64 bits.
    Integer,
    /// True or false.
    Boolean,
    /// An instant, in microseconds, UTC. It alone can be null.
    Time,
}

/// Whether a column's cells can be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// Every row has a value.
    Never,
    /// A row without a value is null.
    Possible,
}

/// How a column is stored, where that is not as usual.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Storage {
    /// It is looked up by single values: it gets a bloom filter.
    pub looked_up: bool,
    /// Nearly each row has a value of its own: a dictionary of these would take time and room.
    pub distinct: bool,
}

impl Storage {
    /// As usual.
    const USUAL: Storage = Storage { looked_up: false, distinct: false };
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: Cow<'static, str>,
    /// What it holds.
    pub kind: ColumnType,
    /// Whether it can be null.
    pub nulls: Nulls,
    /// What it means, in a line: the guide's words.
    pub about: &'static str,
    /// How it is stored.
    pub storage: Storage,
}

impl Column {
    /// A column in which every row has a value.
    #[must_use]
    pub const fn always(name: &'static str, kind: ColumnType, about: &'static str) -> Self {
        Column { name: Cow::Borrowed(name), kind, nulls: Nulls::Never, about, storage: Storage::USUAL }
    }

    /// A column that can be null.
    #[must_use]
    pub const fn nullable(name: &'static str, kind: ColumnType, about: &'static str) -> Self {
        Column { name: Cow::Borrowed(name), kind, nulls: Nulls::Possible, about, storage: Storage::USUAL }
    }

    /// The type, as the guide names it.
    #[must_use]
    pub fn type_name(&self) -> String {
        let scalar = |scalar: Scalar| match scalar {
            Scalar::Text => "text",
            Scalar::Integer => "integer",
            Scalar::Boolean => "boolean",
            Scalar::Time => "timestamp",
        };
        let name = match self.kind {
            ColumnType::Text => "text".to_owned(),
            ColumnType::Integer => "integer".to_owned(),
            ColumnType::Boolean => "boolean".to_owned(),
            ColumnType::Time => "timestamp, µs UTC".to_owned(),
            ColumnType::Texts => "list of text".to_owned(),
            ColumnType::Records(fields) => {
                let fields: Vec<String> =
                    fields.iter().map(|(name, kind)| format!("`{name}` {}", scalar(*kind))).collect();
                format!("list of struct {}", fields.join(", "))
            }
        };
        if self.nulls == Nulls::Possible { name + ", nullable" } else { name }
    }
}

/// A column of a table whose rows are of the type `R`: what it is, and how to get a row's cell.
#[derive(Debug, Clone)]
pub struct ColumnOf<R> {
    /// What it is.
    pub column: Column,
    /// The cell of a row.
    pub cell: fn(&R) -> Cell<'_>,
}

impl<R> ColumnOf<R> {
    /// A column in which every row has a value.
    #[must_use]
    pub const fn always(
        name: &'static str,
        kind: ColumnType,
        about: &'static str,
        cell: fn(&R) -> Cell<'_>,
    ) -> Self {
        ColumnOf { column: Column::always(name, kind, about), cell }
    }

    /// A column that can be null.
    #[must_use]
    pub const fn nullable(
        name: &'static str,
        kind: ColumnType,
        about: &'static str,
        cell: fn(&R) -> Cell<'_>,
    ) -> Self {
        ColumnOf { column: Column::nullable(name, kind, about), cell }
    }

    /// This column, which is looked up by single values.
    #[must_use]
    pub const fn looked_up(mut self) -> Self {
        self.column.storage.looked_up = true;
        self
    }

    /// This column, of which nearly each row has a value of its own.
    #[must_use]
    pub const fn distinct(mut self) -> Self {
        self.column.storage.distinct = true;
        self
    }
}

/// The cells of a row, in the order of the columns.
#[must_use]
pub fn cells<'r, R>(columns: &[ColumnOf<R>], row: &'r R) -> Vec<Cell<'r>> {
    columns.iter().map(|column| (column.cell)(row)).collect()
}

/// A value of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell<'a> {
    /// No value.
    Null,
    /// For a text column.
    Text(Cow<'a, str>),
    /// For an integer column.
    Integer(i64),
    /// For a boolean column.
    Boolean(bool),
    /// For a time column.
    Time(EventTime),
    /// For a column of texts.
    Texts(Vec<Cow<'a, str>>),
    /// For a column of records: each has the column's fields in their order.
    Records(Vec<Vec<Cell<'a>>>),
}

impl<'a> Cell<'a> {
    /// A text.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Cell::Text(text.into())
    }

    /// A text, or null.
    #[must_use]
    pub fn optional(text: Option<&'a str>) -> Self {
        text.map_or(Cell::Null, |text| Cell::Text(Cow::Borrowed(text)))
    }

    /// A count or offset. Tables hold signed numbers, as not all readers know unsigned ones;
    /// what does not fit (no count of this world does not) is the greatest number.
    #[must_use]
    pub fn count(number: u64) -> Self {
        Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// A number of the evidence, or null: also where it is greater than tables can hold.
    #[must_use]
    pub fn optional_count(number: Option<u64>) -> Self {
        number.and_then(|number| i64::try_from(number).ok()).map_or(Cell::Null, Cell::Integer)
    }

    /// A number that can be negative, or null.
    #[must_use]
    pub fn optional_integer(number: Option<i64>) -> Self {
        number.map_or(Cell::Null, Cell::Integer)
    }

    /// A time, or null.
    #[must_use]
    pub fn optional_time(time: Option<EventTime>) -> Self {
        time.map_or(Cell::Null, Cell::Time)
    }

    /// This cell, which owns all of its texts.
    #[must_use]
    pub fn into_owned(self) -> Cell<'static> {
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        match self {
            Cell::Null => Cell::Null,
            Cell::Text(text) => Cell::Text(owned(text)),
            Cell::Integer(number) => Cell::Integer(number),
            Cell::Boolean(truth) => Cell::Boolean(truth),
            Cell::Time(time) => Cell::Time(time),
            Cell::Texts(texts) => Cell::Texts(texts.into_iter().map(owned).collect()),
            Cell::Records(records) => {
                let record = |record: Vec<Cell<'a>>| record.into_iter().map(Cell::into_owned).collect();
                Cell::Records(records.into_iter().map(record).collect())
            }
        }
    }

    /// Texts.
    pub fn texts<T: AsRef<str>>(texts: &'a [T]) -> Self {
        Cell::Texts(texts.iter().map(|text| Cow::Borrowed(text.as_ref())).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_does_not_fit_is_not_another_one() {
        assert_eq!(Cell::optional_count(Some(7)), Cell::Integer(7));
        assert_eq!(Cell::optional_count(Some(u64::MAX)), Cell::Null);
        assert_eq!(Cell::optional_count(None), Cell::Null);
    }
}
