//! Arrow schemas of tables: the one place where column types become types of Parquet files.
//!
//! Only types that DuckDB, polars, pandas, ClickHouse and Spark all read alike are used: times in
//! microseconds, signed integers, plain UTF-8, and lists that are never null.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};

use crate::table::{Column, ColumnType, Nulls, Scalar};

/// The time zone of every time column in the Arrow schemas.
pub(super) const TIME_ZONE: &str = "UTC";

/// Returns the Arrow schema of a table that has these columns.
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

/// Returns the Arrow field for the items of a list in a table's cell. `kind` is the type of the
/// items. Items are never null.
pub(super) fn item(kind: DataType) -> Arc<Field> {
    Arc::new(Field::new("element", kind, false))
}

/// Returns the Arrow fields of structs: groups of named fields in the cells of a column. `fields`
/// has the name and type of each field. Only times and optional text can be null.
pub(super) fn record_fields(fields: &[(&str, Scalar)]) -> Fields {
    let field = |(name, kind): &(&str, Scalar)| {
        let kind = match kind {
            Scalar::Text => DataType::Utf8,
            Scalar::OptionalText => return Field::new(*name, DataType::Utf8, true),
            Scalar::Integer => DataType::Int64,
            Scalar::Boolean => DataType::Boolean,
            Scalar::Time => return Field::new(*name, data_type(ColumnType::Time), true),
        };
        Field::new(*name, kind, false)
    };
    fields.iter().map(field).collect()
}
