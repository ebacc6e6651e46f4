//! Columns to Arrow's schema: the one place where types of tables become types of files.
//!
//! The choice of types is what DuckDB, polars, pandas, ClickHouse and Spark all read alike:
//! microseconds and not nanoseconds, signed numbers, plain UTF-8, lists that are never null.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};

use crate::table::{Column, ColumnType, Nulls, Scalar};

/// The time zone of every instant.
pub(super) const TIME_ZONE: &str = "UTC";

/// The schema of a table.
pub(super) fn schema(columns: &[&Column]) -> Schema {
    Schema::new(columns.iter().copied().map(field).collect::<Vec<_>>())
}

fn field(column: &Column) -> Field {
    Field::new(column.name.as_ref(), data_type(column.kind), column.nulls == Nulls::Possible)
}

fn data_type(kind: ColumnType) -> DataType {
    match kind {
        ColumnType::Text => DataType::Utf8,
        ColumnType::Integer => DataType::Int64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::Time => DataType::Timestamp(TimeUnit::Microsecond, Some(TIME_ZONE.into())),
        ColumnType::Texts => DataType::List(item(DataType::Utf8)),
        ColumnType::Records(fields) => DataType::List(item(DataType::Struct(record_fields(fields)))),
    }
}

/// The item of a list: never null.
pub(super) fn item(kind: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", kind, false))
}

/// The fields of a record: null only where it is an instant.
pub(super) fn record_fields(fields: &[(&str, Scalar)]) -> Fields {
    let field = |(name, kind): &(&str, Scalar)| {
        let kind = match kind {
            Scalar::Text => DataType::Utf8,
            Scalar::Integer => DataType::Int64,
            Scalar::Boolean => DataType::Boolean,
            Scalar::Time => return Field::new(*name, data_type(ColumnType::Time), true),
        };
        Field::new(*name, kind, false)
    };
    fields.iter().map(field).collect()
}
