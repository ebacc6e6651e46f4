//! Reads Parquet files as rows of JSON, so that tests compare values and not Arrow arrays.

use std::fs::File;
use std::path::Path;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::{Int64Type, TimestampMicrosecondType};
use arrow_schema::{DataType, TimeUnit};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde_json::{Map, Value};

/// A table that was read from a Parquet file.
#[derive(Debug)]
pub struct Table {
    /// The names of the columns, in file order.
    pub columns: Vec<String>,
    /// The rows: an object each, with every column, and null if there is no value. A time is a
    /// number of microseconds since 1970.
    pub rows: Vec<Value>,
}

/// Reads a Parquet file. Fails the test on a type that no table of dnsweep may have.
pub fn read(path: &Path) -> Table {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let columns = builder.schema().fields().iter().map(|field| field.name().clone()).collect();
    let mut rows = Vec::new();
    for batch in builder.build().unwrap() {
        let batch = batch.unwrap();
        let schema = batch.schema();
        for row in 0..batch.num_rows() {
            let cells = schema.fields().iter().zip(batch.columns());
            let object = cells.map(|(field, column)| (field.name().clone(), value(column.as_ref(), row)));
            rows.push(Value::Object(object.collect()));
        }
    }
    Table { columns, rows }
}

fn value(array: &dyn Array, row: usize) -> Value {
    if array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if zone.as_ref() == "UTC" => {
            array.as_primitive::<TimestampMicrosecondType>().value(row).into()
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            (0..items.len()).map(|item| value(items.as_ref(), item)).collect()
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let cells = fields.iter().zip(columns);
            cells
                .map(|(field, column)| (field.name().clone(), value(column.as_ref(), row)))
                .collect::<Map<_, _>>()
                .into()
        }
        other => panic!("a column of type {other}"),
    }
}
