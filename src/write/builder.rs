//! Rows of cells to Arrow's columns.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    StructBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;

use super::schema::{TIME_ZONE, item, record_fields, schema};
use crate::error::SweepError;
use crate::table::{Cell, Column, ColumnType, Scalar};

/// What a builder has room for at first: most blocks have few matches, and each collects its own rows.
const ROWS: usize = 16;
const BYTES: usize = 512;

/// The form of a table: its columns, and their schema.
#[derive(Debug, Clone)]
pub struct Table {
    columns: Arc<[ColumnType]>,
    schema: Arc<Schema>,
}

impl Table {
    /// A table with these columns.
    #[must_use]
    pub fn new(columns: &[Column]) -> Self {
        Table {
            columns: columns.iter().map(|column| column.kind).collect(),
            schema: Arc::new(schema(columns)),
        }
    }

    /// No rows yet.
    #[must_use]
    pub fn rows(&self) -> Rows {
        Rows { table: self.clone(), columns: Vec::new(), rows: 0, cells: 0 }
    }

    pub(super) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }
}

/// Rows of a table, collected to be written together. Any thread may collect some.
#[derive(Debug)]
pub struct Rows {
    table: Table,
    /// A builder for each column; none before the first row.
    columns: Vec<ColumnBuilder>,
    rows: usize,
    /// Cells of all rows, those inside lists included: a measure of the memory they take.
    cells: usize,
}

impl Rows {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows
    }

    /// How many cells they have, those inside lists included.
    #[must_use]
    pub fn cells(&self) -> usize {
        self.cells
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Adds a row: one cell for each column, in their order.
    pub fn push(&mut self, row: Vec<Cell<'_>>) -> Result<(), SweepError> {
        let columns = &self.table.columns;
        if row.len() != columns.len() {
            return Err(SweepError::Row(format!("{} cells for {} columns", row.len(), columns.len())));
        }
        if self.columns.is_empty() {
            self.columns = columns.iter().map(|kind| ColumnBuilder::new(*kind)).collect();
        }
        for ((column, cell), field) in self.columns.iter_mut().zip(row).zip(self.table.schema.fields()) {
            self.cells += match &cell {
                Cell::Texts(texts) => 1 + texts.len(),
                Cell::Records(records) => 1 + records.iter().map(Vec::len).sum::<usize>(),
                _ => 1,
            };
            column.push(cell).map_err(|text| SweepError::Row(format!("{}: {text}", field.name())))?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Takes the rows collected so far.
    pub(super) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        (self.rows, self.cells) = (0, 0);
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        RecordBatch::try_new(self.table.schema(), arrays)
    }
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
    fn new(kind: ColumnType) -> Self {
        match kind {
            ColumnType::Text => ColumnBuilder::Text(StringBuilder::with_capacity(ROWS, BYTES)),
            ColumnType::Integer => ColumnBuilder::Integer(Int64Builder::with_capacity(ROWS)),
            ColumnType::Boolean => ColumnBuilder::Boolean(BooleanBuilder::with_capacity(ROWS)),
            ColumnType::Time => ColumnBuilder::Time(time_builder()),
            ColumnType::Texts => ColumnBuilder::Texts(
                ListBuilder::new(StringBuilder::with_capacity(ROWS, BYTES)).with_field(item(DataType::Utf8)),
            ),
            ColumnType::Records(fields) => {
                let builders = fields.iter().map(|(_, kind)| match kind {
                    Scalar::Text => {
                        Box::new(StringBuilder::with_capacity(ROWS, BYTES)) as Box<dyn ArrayBuilder>
                    }
                    Scalar::Integer => Box::new(Int64Builder::with_capacity(ROWS)),
                    Scalar::Time => Box::new(time_builder()),
                });
                let fields = record_fields(fields);
                let records = StructBuilder::new(fields.clone(), builders.collect());
                ColumnBuilder::Records(ListBuilder::new(records).with_field(item(DataType::Struct(fields))))
            }
        }
    }

    fn push(&mut self, cell: Cell<'_>) -> Result<(), String> {
        match (self, cell) {
            (ColumnBuilder::Text(builder), Cell::Text(text)) => builder.append_value(text),
            (ColumnBuilder::Text(builder), Cell::Null) => builder.append_null(),
            (ColumnBuilder::Integer(builder), Cell::Integer(number)) => builder.append_value(number),
            (ColumnBuilder::Integer(builder), Cell::Null) => builder.append_null(),
            (ColumnBuilder::Boolean(builder), Cell::Boolean(truth)) => builder.append_value(truth),
            (ColumnBuilder::Boolean(builder), Cell::Null) => builder.append_null(),
            (ColumnBuilder::Time(builder), Cell::Time(time)) => builder.append_value(time.microseconds()),
            (ColumnBuilder::Time(builder), Cell::Null) => builder.append_null(),
            (ColumnBuilder::Texts(builder), Cell::Texts(texts)) => {
                for text in texts {
                    builder.values().append_value(text);
                }
                builder.append(true);
            }
            (ColumnBuilder::Records(builder), Cell::Records(records)) => {
                records.into_iter().try_for_each(|record| push_record(builder.values(), record))?;
                builder.append(true);
            }
            (_, cell) => return Err(format!("a cell of another type: {cell:?}")),
        }
        Ok(())
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

fn time_builder() -> TimestampMicrosecondBuilder {
    TimestampMicrosecondBuilder::with_capacity(ROWS).with_timezone(TIME_ZONE)
}

fn push_record(builder: &mut StructBuilder, record: Vec<Cell<'_>>) -> Result<(), String> {
    for (field, cell) in record.into_iter().enumerate() {
        match cell {
            Cell::Text(text) => builder
                .field_builder::<StringBuilder>(field)
                .ok_or_else(|| format!("field {field} holds no text"))?
                .append_value(text),
            Cell::Integer(number) => builder
                .field_builder::<Int64Builder>(field)
                .ok_or_else(|| format!("field {field} holds no number"))?
                .append_value(number),
            Cell::Time(_) | Cell::Null => builder
                .field_builder::<TimestampMicrosecondBuilder>(field)
                .ok_or_else(|| format!("field {field} holds no time"))?
                .append_option(if let Cell::Time(time) = cell { Some(time.microseconds()) } else { None }),
            other => return Err(format!("a record with {other:?}")),
        }
    }
    builder.append(true);
    Ok(())
}
