//! How tables are read back, independent of any file format: row by row, in the order of the table,
//! and only the columns and rows that are wanted.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::ops::ControlFlow;

use super::{Cell, Column};
use crate::base::constant_text::is_same_text;
use crate::base::sentence::sentence;
use crate::event::EventTime;

sentence! {
    /// The error that a table of an output cannot be read. Contains the reason as a sentence.
    pub struct ReadError;
}

/// A table of an output (the directory that a sweep writes). It is displayed as the path of its
/// file, relative to the output directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableId<'a> {
    /// `matches.parquet`: the DNS queries that a detection describes and that no exclusion (a
    /// site's description of harmless events) removes.
    Matches,
    /// `leads.parquet`: queries of Windows' own DNS client that a detection could match by their
    /// name, but that prove less than a match.
    Leads,
    /// `hosts.parquet`: what the evidence contains about each host. A host is a computer that is
    /// named in records.
    Hosts,
    /// `files.parquet`, the ledger: every file of the evidence, and how far it could be read.
    Files,
    /// `containers.parquet`: every archive, disk image, volume and shadow copy in the evidence.
    Containers,
    /// `processes.parquet`: the processes that made matching queries, and their ancestors.
    Processes,
    /// `queries.parquet`: every DNS query that Sysmon logged, matched or not.
    Queries,
    /// `stats/ID.parquet`: the result of the command `stats` in the search of a detection. Contains
    /// the detection's id, which is also `ID` in the path.
    Stats(&'a str),
}

impl Display for TableId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TableId::Matches => f.write_str("matches.parquet"),
            TableId::Leads => f.write_str("leads.parquet"),
            TableId::Hosts => f.write_str("hosts.parquet"),
            TableId::Files => f.write_str("files.parquet"),
            TableId::Containers => f.write_str("containers.parquet"),
            TableId::Processes => f.write_str("processes.parquet"),
            TableId::Queries => f.write_str("queries.parquet"),
            TableId::Stats(id) => write!(f, "stats/{id}.parquet"),
        }
    }
}

/// The rows of a table that a reader wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted<'a> {
    /// All rows of the table.
    All,
    /// The rows with these numbers. They count from 0 and must be in ascending order.
    These(&'a [u64]),
}

/// Access to the tables of an output, the directory that a sweep writes.
pub trait Tables {
    /// Returns true if the output has the table.
    fn has(&self, table: TableId<'_>) -> bool;

    /// Returns the columns of a table, except columns with lists of records. Readers need this
    /// method for the tables of `stats`, whose columns depend on the detection.
    fn columns(&self, table: TableId<'_>) -> Result<Vec<Column>, ReadError>;

    /// Reads the columns `columns` of a table, and calls `each` for every wanted row, in the order
    /// of the table, until `each` returns [`ControlFlow::Break`]. Memory does not grow with the
    /// number of rows. It is an error if the table does not have one of `columns`, with the same
    /// name and type.
    fn read_while(
        &self,
        table: TableId<'_>,
        columns: &[&Column],
        rows: Wanted<'_>,
        each: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError>;

    /// Reads the columns `columns` of a table, and calls `each` for every wanted row, in the order
    /// of the table. Memory does not grow with the number of rows. It is an error if the table does
    /// not have one of `columns`, with the same name and type.
    fn read(
        &self,
        table: TableId<'_>,
        columns: &[&Column],
        rows: Wanted<'_>,
        each: &mut dyn FnMut(&Row<'_>),
    ) -> Result<(), ReadError> {
        self.read_while(table, columns, rows, &mut |row| {
            each(row);
            ControlFlow::Continue(())
        })
    }
}

/// Makes the cells of one row of a table, each only when the reader asks for it.
pub trait CellSource {
    /// Returns the row's cell in a column. `column` is the 0-based index of the column among the
    /// columns that are read.
    fn cell(&self, column: usize) -> Cell<'_>;
}

/// How the reader of a table names one of the columns that it reads: by the column's name, or by
/// its [`Place`].
pub trait ColumnKey: Copy {
    /// Returns the 0-based index of the column in `columns`, which are the columns that are read.
    /// Panics if a column is given by a name that `columns` do not have.
    fn place(self, columns: &[&Column]) -> usize;
}

impl ColumnKey for &str {
    fn place(self, columns: &[&Column]) -> usize {
        let place = columns.iter().position(|column| column.name == self);
        place.expect("readers get cells of the columns that they read")
    }
}

/// The 0-based index of a column among the columns that a reader of a table reads. With it, a
/// reader of all rows need not look for the column's name in each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place(usize);

impl Place {
    /// Returns the place of the column `name`. `names` must be the names of the first columns that
    /// are read, in the same order. Meant for constants: if `names` does not have the name,
    /// compilation fails.
    #[must_use]
    #[expect(clippy::panic, reason = "it ends the compilation, not the program")]
    pub const fn of(names: &[&str], name: &str) -> Self {
        let mut left = names;
        while let [before @ .., last] = left {
            if is_same_text(last, name) {
                return Place(before.len());
            }
            left = before;
        }
        panic!("expected the name of a column that is read")
    }
}

impl ColumnKey for Place {
    fn place(self, _: &[&Column]) -> usize {
        self.0
    }
}

/// A row of a table that is read: the cells of the columns that the reader asked for.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    columns: &'a [&'a Column],
    cells: &'a dyn CellSource,
    number: u64,
}

impl<'a> Row<'a> {
    /// Makes a row. `columns` are the columns that are read, `cells` makes their cells, and
    /// `number` is the row's number in its table, from 0.
    #[must_use]
    pub fn new(columns: &'a [&'a Column], cells: &'a dyn CellSource, number: u64) -> Self {
        Row { columns, cells, number }
    }

    /// Returns the row's number in its table, from 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns the row's cells, in the order of the columns that are read.
    pub fn cells(&self) -> impl Iterator<Item = Cell<'a>> {
        let cells = self.cells;
        (0..self.columns.len()).map(move |column| cells.cell(column))
    }

    /// Returns the row's cell in a column. `column` is the 0-based index of the column among the
    /// columns that are read.
    #[must_use]
    pub fn cell_at(&self, column: usize) -> Cell<'a> {
        self.cells.cell(column)
    }

    /// Returns the row's cell in a column, which must be among the columns that are read. Panics if
    /// they have no column of a given name.
    #[must_use]
    pub fn cell(&self, column: impl ColumnKey) -> Cell<'a> {
        self.cells.cell(column.place(self.columns))
    }

    /// Returns the text in a text column; `None` if the cell is null.
    #[must_use]
    pub fn text(&self, column: impl ColumnKey) -> Option<Cow<'a, str>> {
        if let Cell::Text(text) = self.cell(column) { Some(text) } else { None }
    }

    /// Returns the number in an integer column; `None` if the cell is null.
    #[must_use]
    pub fn integer(&self, column: impl ColumnKey) -> Option<i64> {
        if let Cell::Integer(number) = self.cell(column) { Some(number) } else { None }
    }

    /// Returns the count in an integer column. A cell that is null or negative counts as 0.
    #[must_use]
    pub fn count(&self, column: impl ColumnKey) -> u64 {
        self.integer(column).and_then(|number| u64::try_from(number).ok()).unwrap_or(0)
    }

    /// Returns true if the cell in a boolean column is true.
    #[must_use]
    pub fn is(&self, column: impl ColumnKey) -> bool {
        matches!(self.cell(column), Cell::Boolean(true))
    }

    /// Returns the instant in a time column; `None` if the cell is null.
    #[must_use]
    pub fn time(&self, column: impl ColumnKey) -> Option<EventTime> {
        if let Cell::Time(time) = self.cell(column) { Some(time) } else { None }
    }

    /// Returns the list of texts in a column of text lists.
    #[must_use]
    pub fn texts(&self, column: impl ColumnKey) -> Vec<Cow<'a, str>> {
        if let Cell::Texts(texts) = self.cell(column) { texts } else { Vec::new() }
    }

    /// Returns the list of records in a column of records. Each record has the fields of the
    /// column's type, in the order of that type.
    #[must_use]
    pub fn records(&self, column: impl ColumnKey) -> Vec<Vec<Cell<'a>>> {
        if let Cell::Records(records) = self.cell(column) { records } else { Vec::new() }
    }
}
