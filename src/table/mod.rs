//! Columns and cells of tables, independent of any file format.
//!
//! The columns of a table are declared next to the type of its rows. A column is declared in one
//! place: name, type, meaning, and how to get its cell from a row. Both the code that writes tables
//! and the code that reads them back use these declarations. What else a new column needs is
//! explained at the start of the module `report::matches`.

mod reading;

use std::borrow::Cow;

pub use self::reading::{CellSource, ColumnKey, Place, ReadError, Row, TableId, Tables, Wanted};

use crate::event::EventTime;

/// The type of the values in a column of a table that dnsweep writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColumnType {
    /// A column of text in UTF-8.
    Text,
    /// A column of signed 64-bit integers.
    Integer,
    /// A column whose cells are true or false, never null.
    Boolean,
    /// A column of instants (UTC), stored as microseconds since the start of 1970.
    Time,
    /// A column with a list of texts in each cell. The list can be empty, but is never null.
    Texts,
    /// A column with a list of records (groups of named fields, in Parquet structs) in each cell,
    /// never null. Contains the name and the type of each field of these records.
    Records(&'static [(&'static str, Scalar)]),
}

/// The type of a field of a record. The record is a group of named fields in a cell of a table, not
/// a record of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scalar {
    /// The field (of a record in a cell of a table) is text in UTF-8, and never null.
    Text,
    /// The field (of a record in a cell of a table) is text in UTF-8, or null.
    OptionalText,
    /// The field (of a record in a cell of a table) is a signed 64-bit integer, and never null.
    Integer,
    /// The field (of a record in a cell of a table) is true or false, and never null.
    Boolean,
    /// The field (of a record in a cell of a table) is an instant (UTC), stored as microseconds
    /// since the start of 1970, or null.
    Time,
}

/// Whether the cells of a column can be null (have no value).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nulls {
    /// No cell of the column is null.
    Never,
    /// The column's cell is null in a row that has no value for it.
    Possible,
}

/// Hints for the writer of a Parquet file on how to store a column.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Storage {
    /// True if users look up single values in the column. The column then gets a Bloom filter.
    pub looked_up: bool,
    /// True if nearly every row has a different value in the column. The column then gets no
    /// dictionary, which would take time and space.
    pub distinct: bool,
}

impl Storage {
    /// The storage hints of most columns: users look up no single values, and many rows have the
    /// same value.
    const USUAL: Storage = Storage { looked_up: false, distinct: false };
}

/// A column by which the rows of a table are sorted. Texts are compared byte by byte. Rows in which
/// the column is null come last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortedBy {
    /// The 0-based index of the column among the columns of the table.
    pub column: usize,
    /// True if rows with greater values come first. Rows in which the column is null come last in
    /// either order.
    pub descending: bool,
}

impl SortedBy {
    /// Returns an order by the column with this 0-based index, in which rows with smaller values
    /// come first.
    #[must_use]
    pub const fn ascending(column: usize) -> Self {
        SortedBy { column, descending: false }
    }
}

/// A column of a table: its name, type and meaning. The column's values, called cells, are not part
/// of this type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// The column's name.
    pub name: Cow<'static, str>,
    /// The type of the column's values.
    pub kind: ColumnType,
    /// Whether the column's cells can be null.
    pub nulls: Nulls,
    /// The meaning of the column in one line, as the user guide prints it.
    pub about: &'static str,
    /// Hints for the writer of a Parquet file on how to store the column.
    pub storage: Storage,
}

impl Column {
    /// Returns a column with this name and type whose cells are never null. `about` is the meaning
    /// of the column in one line, for the user guide.
    #[must_use]
    pub const fn always(name: &'static str, kind: ColumnType, about: &'static str) -> Self {
        Column { name: Cow::Borrowed(name), kind, nulls: Nulls::Never, about, storage: Storage::USUAL }
    }

    /// Returns a column with this name and type whose cells can be null. `about` is the meaning of
    /// the column in one line, for the user guide.
    #[must_use]
    pub const fn nullable(name: &'static str, kind: ColumnType, about: &'static str) -> Self {
        Column { name: Cow::Borrowed(name), kind, nulls: Nulls::Possible, about, storage: Storage::USUAL }
    }

    /// Returns the name of the column's type as the user guide prints it, such as `text, nullable`.
    #[must_use]
    pub fn type_name(&self) -> String {
        let scalar = |scalar: Scalar| match scalar {
            Scalar::Text | Scalar::OptionalText => "text",
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

/// A column of a table with rows of type `R`, and the function that gets the column's cell from a
/// row.
#[derive(Debug, Clone)]
pub struct ColumnOf<R> {
    /// The column's name, type and meaning.
    pub column: Column,
    /// The function that makes the column's cell from a row.
    pub cell: fn(&R) -> Cell<'_>,
}

impl<R> ColumnOf<R> {
    /// Returns a column with this name and type whose cells are never null. `about` is the meaning
    /// of the column in one line; `cell` makes the column's cell from a row.
    #[must_use]
    pub const fn always(
        name: &'static str,
        kind: ColumnType,
        about: &'static str,
        cell: fn(&R) -> Cell<'_>,
    ) -> Self {
        ColumnOf { column: Column::always(name, kind, about), cell }
    }

    /// Returns a column with this name and type whose cells can be null. `about` is the meaning of
    /// the column in one line; `cell` makes the column's cell from a row.
    #[must_use]
    pub const fn nullable(
        name: &'static str,
        kind: ColumnType,
        about: &'static str,
        cell: fn(&R) -> Cell<'_>,
    ) -> Self {
        ColumnOf { column: Column::nullable(name, kind, about), cell }
    }

    /// Returns the columns of `all` that have the names `names`, in the order of `names`, so that a
    /// reader can ask for them. Panics if no column has one of the names.
    #[must_use]
    pub fn named<'c>(all: &'c [Self], names: &[&str]) -> Vec<&'c Column> {
        let column = |name: &&str| all.iter().map(|of| &of.column).find(|column| column.name == **name);
        names.iter().map(|name| column(name).expect("readers name declared columns")).collect()
    }

    /// Returns the column, marked as one in which users look up single values. The writer then adds
    /// a Bloom filter.
    #[must_use]
    pub const fn looked_up(mut self) -> Self {
        self.column.storage.looked_up = true;
        self
    }

    /// Returns the column, marked as one in which nearly every row has a different value. The
    /// writer then makes no dictionary.
    #[must_use]
    pub const fn distinct(mut self) -> Self {
        self.column.storage.distinct = true;
        self
    }
}

/// Returns the cells of `row`: one for each of `columns`, in the same order.
#[must_use]
pub fn cells<'r, R>(columns: &[ColumnOf<R>], row: &'r R) -> Vec<Cell<'r>> {
    columns.iter().map(|column| (column.cell)(row)).collect()
}

/// A cell of a table: the value of one column in one row.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Cell<'a> {
    /// Null: the row has no value in this column, for example because the event does not have the
    /// field.
    Null,
    /// A value of a text column.
    Text(Cow<'a, str>),
    /// A value of an integer column.
    Integer(i64),
    /// A value of a boolean column.
    Boolean(bool),
    /// A value of a time column.
    Time(EventTime),
    /// A value of a column of text lists.
    Texts(Vec<Cow<'a, str>>),
    /// A value of a column of records: a list of groups of named fields. Each group has the fields
    /// of the column's type, in the order of that type.
    Records(Vec<Vec<Cell<'a>>>),
}

impl<'a> Cell<'a> {
    /// Returns a text cell.
    pub fn text(text: impl Into<Cow<'a, str>>) -> Self {
        Cell::Text(text.into())
    }

    /// Returns a text cell; `None` becomes null.
    #[must_use]
    pub fn optional(text: Option<&'a str>) -> Self {
        text.map_or(Cell::Null, |text| Cell::Text(Cow::Borrowed(text)))
    }

    /// Returns a cell with a count or an offset. Tables contain signed numbers, because not all
    /// programs that read tables know unsigned ones. A number above `i64::MAX` becomes `i64::MAX`;
    /// no real count is that great.
    #[must_use]
    pub fn count(number: u64) -> Self {
        Cell::Integer(i64::try_from(number).unwrap_or(i64::MAX))
    }

    /// Returns a cell with a number that the evidence states; `None` becomes null. A number that is
    /// too great for a table becomes null too, because damaged evidence can state any number.
    #[must_use]
    pub fn optional_count(number: Option<u64>) -> Self {
        number.and_then(|number| i64::try_from(number).ok()).map_or(Cell::Null, Cell::Integer)
    }

    /// Returns a cell with a signed number; `None` becomes null.
    #[must_use]
    pub fn optional_integer(number: Option<i64>) -> Self {
        number.map_or(Cell::Null, Cell::Integer)
    }

    /// Returns a time cell; `None` becomes null.
    #[must_use]
    pub fn optional_time(time: Option<EventTime>) -> Self {
        time.map_or(Cell::Null, Cell::Time)
    }

    /// Returns the cell with its own copies of the texts that it borrowed, so that it can outlive
    /// its row.
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

    /// Returns a cell with a list of texts.
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
