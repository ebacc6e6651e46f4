//! Rows of cells to Arrow's columns.

use std::sync::Arc;

use arrow::array::{
    ArrayBuilder, ArrayRef, BooleanBuilder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    StructBuilder, TimestampMicrosecondBuilder,
};
use arrow::datatypes::{DataType, Schema};
use arrow::error::ArrowError;

use super::schema::{TIME_ZONE, item, record_fields, schema};
use crate::table::{Cell, Column, ColumnType, Scalar};

/// Collects rows until they are taken as a batch.
#[derive(Debug)]
pub(super) struct BatchBuilder {
    schema: Arc<Schema>,
    columns: Vec<ColumnBuilder>,
    rows: usize,
}

impl BatchBuilder {
    pub(super) fn new(columns: &[Column]) -> Self {
        BatchBuilder {
            schema: Arc::new(schema(columns)),
            columns: columns.iter().map(|column| ColumnBuilder::new(column.kind)).collect(),
            rows: 0,
        }
    }

    pub(super) fn schema(&self) -> Arc<Schema> {
        Arc::clone(&self.schema)
    }

    pub(super) fn rows(&self) -> usize {
        self.rows
    }

    /// Adds a row: one cell for each column, in their order.
    pub(super) fn push(&mut self, row: Vec<Cell<'_>>) -> Result<(), ArrowError> {
        if row.len() != self.columns.len() {
            let text = format!("a row of {} cells for {} columns", row.len(), self.columns.len());
            return Err(ArrowError::InvalidArgumentError(text));
        }
        for ((column, cell), field) in self.columns.iter_mut().zip(row).zip(self.schema.fields()) {
            column
                .push(cell)
                .map_err(|text| ArrowError::InvalidArgumentError(format!("{}: {text}", field.name())))?;
        }
        self.rows += 1;
        Ok(())
    }

    /// Takes the rows collected so far.
    pub(super) fn take(&mut self) -> Result<RecordBatch, ArrowError> {
        self.rows = 0;
        let arrays = self.columns.iter_mut().map(ColumnBuilder::finish).collect();
        RecordBatch::try_new(self.schema(), arrays)
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
            ColumnType::Text => ColumnBuilder::Text(StringBuilder::new()),
            ColumnType::Integer => ColumnBuilder::Integer(Int64Builder::new()),
            ColumnType::Boolean => ColumnBuilder::Boolean(BooleanBuilder::new()),
            ColumnType::Time => {
                ColumnBuilder::Time(TimestampMicrosecondBuilder::new().with_timezone(TIME_ZONE))
            }
            ColumnType::Texts => {
                ColumnBuilder::Texts(ListBuilder::new(StringBuilder::new()).with_field(item(DataType::Utf8)))
            }
            ColumnType::Records(fields) => {
                let builders = fields.iter().map(|(_, kind)| match kind {
                    Scalar::Text => Box::new(StringBuilder::new()) as Box<dyn ArrayBuilder>,
                    Scalar::Integer => Box::new(Int64Builder::new()),
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
            other => return Err(format!("a record with {other:?}")),
        }
    }
    builder.append(true);
    Ok(())
}
