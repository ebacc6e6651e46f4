//! Converts rows of cells to Arrow's columns, which are then encoded as Parquet. [`super::rows`]
//! and [`super::parquet`] decide which rows are converted together.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Int64Builder, ListBuilder, StringBuilder, StructBuilder,
    TimestampMicrosecondBuilder,
};
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{ArrowError, DataType, Field, Schema};

use super::error::OutputError;
use super::schema::{TIME_ZONE, item, record_fields, schema};
use crate::table::{Cell, Column, ColumnOf, ColumnType, Scalar, SortedBy, Storage};

/// The number of bytes of text for which a text column initially reserves memory, for each expected
/// row.
const BYTES_PER_ROW: usize = 64;

/// The layout of a table of the output: its columns, and the Arrow schema that they give.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Arc<[ColumnType]>,
    schema: Arc<Schema>,
    /// Hints on how to store each column in a Parquet file, such as with a Bloom filter, in the
    /// order of the columns.
    storage: Arc<[Storage]>,
    /// The columns by which the rows are sorted: rows that are equal in the first one are sorted by
    /// the second, and so on. Empty if the rows are in another order.
    sorted_by: Arc<[SortedBy]>,
}

impl Table {
    /// Makes the layout of a table that has these columns.
    #[must_use]
    pub fn new<'c>(columns: impl IntoIterator<Item = &'c Column>) -> Self {
        let columns: Vec<&Column> = columns.into_iter().collect();
        Table {
            columns: columns.iter().map(|column| column.kind).collect(),
            schema: Arc::new(schema(&columns)),
            storage: columns.iter().map(|column| column.storage).collect(),
            sorted_by: Arc::new([]),
        }
    }

    /// Returns the layout of a table whose rows are sorted by these columns: rows that are equal in
    /// the first one are sorted by the second, and so on. The Parquet file says so, so that readers
    /// can skip rows, and need not sort them.
    #[must_use]
    pub fn sorted_by(self, columns: &[SortedBy]) -> Self {
        Table { sorted_by: columns.into(), ..self }
    }

    /// Returns the columns by which the rows are sorted, each with its 0-based index among the leaf
    /// columns of the Parquet file. Each field of a struct is a leaf column of its own.
    pub(super) fn sorted_values(&self) -> impl Iterator<Item = (usize, SortedBy)> {
        let values = |kind: &ColumnType| match kind {
            ColumnType::Records(fields) => fields.len(),
            _ => 1,
        };
        self.sorted_by.iter().map(move |by| (self.columns.iter().take(by.column).map(values).sum(), *by))
    }

    /// Makes the layout of a table whose rows have the type `R`, from the columns declared for that
    /// type.
    #[must_use]
    pub fn of<R>(columns: &[ColumnOf<R>]) -> Self {
        Table::new(columns.iter().map(|of| &of.column))
    }

    pub(super) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    /// Returns the name of each column, with the hints on how to store it in a Parquet file, such
    /// as with a Bloom filter.
    pub(super) fn storage(&self) -> impl Iterator<Item = (&str, Storage)> {
        self.schema.fields().iter().map(|field| field.name().as_str()).zip(self.storage.iter().copied())
    }
}

/// Rows of a table that are being collected as Arrow columns.
#[derive(Debug)]
pub(super) struct Columns {
    table: Table,
    /// The expected number of rows, for which memory is reserved when the first row is added.
    expected: usize,
    /// The Arrow builder of each column; empty before the first row, because many collections get
    /// no row.
    builders: Vec<ColumnBuilder>,
    /// For each collected row, the number of bytes of text in it. The table's writer adds these
    /// numbers up, and ends a batch of rows when the batch has enough text.
    weights: Vec<usize>,
}

impl Columns {
    /// Makes an empty collection of rows. Memory is reserved for `expected` rows once the first row
    /// is added.
    pub(super) fn new(table: Table, expected: usize) -> Self {
        Columns { table, expected, builders: Vec::new(), weights: Vec::new() }
    }

    /// Returns the number of rows that were collected.
    pub(super) fn len(&self) -> usize {
        self.weights.len()
    }

    /// Adds a row: one cell for each column, in the columns' order. Returns the number of bytes of
    /// text in the row. The row is borrowed, not taken over, because moving each cell took longer
    /// than everything else in this function.
    pub(super) fn push(&mut self, row: &[Cell<'_>]) -> Result<usize, OutputError> {
        self.begin(row.len())?;
        let mut weight = 0;
        for ((builder, cell), field) in self.builders.iter_mut().zip(row).zip(self.table.schema.fields()) {
            weight += builder.push(cell).map_err(|text| misfit(field, &text))?;
        }
        self.weights.push(weight);
        Ok(weight)
    }

    /// Adds a table row for each item of `rows`. `of` must be the columns of the table; each makes
    /// its cell from the item. All cells of a column are added before those of the next one, so
    /// that the processor has the instructions for a column at hand. The collected rows are the
    /// same as after [`Columns::push`] with each row.
    pub(super) fn extend<R>(&mut self, of: &[ColumnOf<R>], rows: &[R]) -> Result<(), OutputError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.begin(of.len())?;
        let first = self.weights.len();
        self.weights.resize(first + rows.len(), 0);
        let weights = self.weights.get_mut(first..).expect("the weights grew");
        for ((builder, column), field) in self.builders.iter_mut().zip(of).zip(self.table.schema.fields()) {
            for (row, weight) in rows.iter().zip(weights.iter_mut()) {
                *weight += builder.push(&(column.cell)(row)).map_err(|text| misfit(field, &text))?;
            }
        }
        Ok(())
    }

    /// Makes the Arrow builders, if there are none yet. Must be called before a row is added.
    /// `cells` is the number of cells in a row; it is an error if the table has another number of
    /// columns.
    fn begin(&mut self, cells: usize) -> Result<(), OutputError> {
        let columns = &self.table.columns;
        if cells != columns.len() {
            return Err(OutputError::Row(format!("{cells} cells for {} columns", columns.len())));
        }
        if self.builders.is_empty() {
            self.builders = columns.iter().map(|kind| ColumnBuilder::new(*kind, self.expected)).collect();
        }
        Ok(())
    }

    /// Removes the collected rows and returns them as Arrow columns, with the number of bytes of
    /// text in each row. More rows can be added afterwards.
    pub(super) fn take(&mut self) -> Result<(RecordBatch, Vec<usize>), ArrowError> {
        let mut builders = std::mem::take(&mut self.builders);
        let arrays = builders.iter_mut().map(ColumnBuilder::finish).collect();
        let batch = RecordBatch::try_new(self.table.schema(), arrays)?;
        Ok((batch, std::mem::take(&mut self.weights)))
    }
}

/// Returns the error that a cell does not fit the column `field`. `reason` says why.
fn misfit(field: &Field, reason: &str) -> OutputError {
    OutputError::Row(format!("{}: {reason}", field.name()))
}

#[derive(Debug)]
enum ColumnBuilder {
    Text(StringBuilder),
    Integer(Int64Builder),
    Boolean(BooleanBuilder),
    Time(TimestampMicrosecondBuilder),
    Texts(ListBuilder<StringBuilder>),
    Records(ListBuilder<StructBuilder>),
}

impl ColumnBuilder {
    fn new(kind: ColumnType, rows: usize) -> Self {
        let text = || StringBuilder::with_capacity(rows, rows.saturating_mul(BYTES_PER_ROW));
        let time = || TimestampMicrosecondBuilder::with_capacity(rows).with_timezone(TIME_ZONE);
        match kind {
            ColumnType::Text => ColumnBuilder::Text(text()),
            ColumnType::Integer => ColumnBuilder::Integer(Int64Builder::with_capacity(rows)),
            ColumnType::Boolean => ColumnBuilder::Boolean(BooleanBuilder::with_capacity(rows)),
            ColumnType::Time => ColumnBuilder::Time(time()),
            ColumnType::Texts => ColumnBuilder::Texts(
                ListBuilder::with_capacity(text(), rows).with_field(item(DataType::Utf8)),
            ),
            ColumnType::Records(fields) => {
                let builders = fields.iter().map(|(_, kind)| match kind {
                    Scalar::Text | Scalar::OptionalText => Box::new(text()) as Box<dyn ArrayBuilder>,
                    Scalar::Integer => Box::new(Int64Builder::with_capacity(rows)),
                    Scalar::Boolean => Box::new(BooleanBuilder::with_capacity(rows)),
                    Scalar::Time => Box::new(time()),
                });
                let fields = record_fields(fields);
                let records = StructBuilder::new(fields.clone(), builders.collect());
                let list = ListBuilder::with_capacity(records, rows);
                ColumnBuilder::Records(list.with_field(item(DataType::Struct(fields))))
            }
        }
    }

    /// Adds the cell of a row to the column. Returns the number of bytes of text in the cell,
    /// including the texts in a list or in structs (groups of named fields) in the cell.
    fn push(&mut self, cell: &Cell<'_>) -> Result<usize, String> {
        let mut bytes = 0;
        match (self, cell) {
            (ColumnBuilder::Text(builder), Cell::Text(text)) => {
                bytes = text.len();
                builder.append_value(text);
            }
            (ColumnBuilder::Text(builder), Cell::Null) => builder.append_null(),
            (ColumnBuilder::Integer(builder), Cell::Integer(number)) => builder.append_value(*number),
            (ColumnBuilder::Integer(builder), Cell::Null) => builder.append_null(),
            (ColumnBuilder::Boolean(builder), Cell::Boolean(truth)) => builder.append_value(*truth),
            (ColumnBuilder::Boolean(builder), Cell::Null) => builder.append_null(),
            (ColumnBuilder::Time(builder), Cell::Time(time)) => builder.append_value(time.microseconds()),
            (ColumnBuilder::Time(builder), Cell::Null) => builder.append_null(),
            (ColumnBuilder::Texts(builder), Cell::Texts(texts)) => {
                for text in texts {
                    bytes += text.len();
                    builder.values().append_value(text);
                }
                builder.append(true);
            }
            (ColumnBuilder::Records(builder), Cell::Records(records)) => {
                for record in records {
                    bytes += push_record(builder.values(), record)?;
                }
                builder.append(true);
            }
            (_, cell) => return Err(format!("a cell of another type: {cell:?}")),
        }
        Ok(bytes)
    }

    fn finish(&mut self) -> ArrayRef {
        match self {
            ColumnBuilder::Text(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Integer(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Boolean(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Time(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Texts(builder) => Arc::new(builder.finish()),
            ColumnBuilder::Records(builder) => Arc::new(builder.finish()),
        }
    }
}

/// Adds a struct (a group of named fields) to a column of structs. `record` has the cells of its
/// fields, in their order. Returns the number of bytes of text in the struct.
fn push_record(builder: &mut StructBuilder, record: &[Cell<'_>]) -> Result<usize, String> {
    let mut bytes = 0;
    for (field, cell) in record.iter().enumerate() {
        match cell {
            Cell::Text(text) => {
                bytes += text.len();
                builder
                    .field_builder::<StringBuilder>(field)
                    .ok_or_else(|| format!("field {field}: expected text"))?
                    .append_value(text);
            }
            Cell::Integer(number) => builder
                .field_builder::<Int64Builder>(field)
                .ok_or_else(|| format!("field {field}: expected a number"))?
                .append_value(*number),
            Cell::Boolean(truth) => builder
                .field_builder::<BooleanBuilder>(field)
                .ok_or_else(|| format!("field {field}: expected true or false"))?
                .append_value(*truth),
            Cell::Time(time) => builder
                .field_builder::<TimestampMicrosecondBuilder>(field)
                .ok_or_else(|| format!("field {field}: expected a time"))?
                .append_value(time.microseconds()),
            Cell::Null => push_null(builder, field)?,
            other => return Err(format!("a record with {other:?}")),
        }
    }
    builder.append(true);
    Ok(bytes)
}

fn push_null(builder: &mut StructBuilder, field: usize) -> Result<(), String> {
    if let Some(times) = builder.field_builder::<TimestampMicrosecondBuilder>(field) {
        times.append_null();
    } else {
        let texts = builder.field_builder::<StringBuilder>(field);
        texts.ok_or_else(|| format!("field {field}: expected a value"))?.append_null();
    }
    Ok(())
}
