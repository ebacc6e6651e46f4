//! Reads Parquet files as rows of cells, as far as `verify` needs it.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, RecordBatch, StructArray};
use arrow_schema::DataType;

use super::error::ReadError;
use crate::base::platform::files::{self, Link};
use crate::table::Cell;

/// Returns the number of rows in a Parquet file, as the file's metadata states it.
pub fn row_count(file: File) -> Result<u64, ReadError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let rows = builder.metadata().file_metadata().num_rows();
    u64::try_from(rows).map_err(|_| format!("expected a number of rows, found {rows}").into())
}

/// Reads the columns `columns` of a Parquet file, which must contain text, integers or lists of
/// records of these. Calls `each`
/// for each row, with the row's cells in the order of `columns`.
pub fn read_rows(path: &Path, columns: &[&str], mut each: impl FnMut(&[Cell<'_>])) -> Result<(), ReadError> {
    let file = files::open(path, Link::Refused).map_err(|error| error.to_string())?;
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let projection = ProjectionMask::columns(builder.parquet_schema(), columns.iter().copied());
    let reader = builder.with_projection(projection).build().map_err(|error| error.to_string())?;
    for batch in reader {
        let batch = batch.map_err(|error| error.to_string())?;
        let arrays: Vec<&ArrayRef> =
            columns.iter().map(|name| column(&batch, name)).collect::<Result<_, _>>()?;
        for row in 0..batch.num_rows() {
            let cells: Vec<Cell<'_>> = arrays.iter().map(|array| cell(array, row)).collect();
            each(&cells);
        }
    }
    Ok(())
}

/// Returns the column `name` of a batch of rows. It is an error if there is no such column, or if
/// it contains something other than text, integers and lists of records.
fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ReadError> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| ReadError::from(format!("expected a column '{name}', found none")))?;
    match column.data_type() {
        DataType::Utf8 | DataType::Int64 => Ok(column),
        DataType::List(item) if matches!(item.data_type(), DataType::Struct(_)) => Ok(column),
        other => {
            Err(format!("column '{name}': expected text, integers or lists of records, found {other}").into())
        }
    }
}

fn cell(array: &ArrayRef, row: usize) -> Cell<'_> {
    if array.is_null(row) {
        return Cell::Null;
    }
    if let Some(lists) = array.as_list_opt::<i32>() {
        let list = lists.value(row);
        return Cell::Records(list.as_struct_opt().map(records).unwrap_or_default());
    }
    match (array.as_string_opt::<i32>(), array.as_primitive_opt::<Int64Type>()) {
        (Some(texts), _) => Cell::Text(Cow::Borrowed(texts.value(row))),
        (None, Some(numbers)) => Cell::Integer(numbers.value(row)),
        (None, None) => Cell::Null,
    }
}

/// Returns the records of a list. A field that is neither text nor an integer is null.
fn records(list: &StructArray) -> Vec<Vec<Cell<'static>>> {
    let field = |array: &ArrayRef, row| match cell(array, row) {
        Cell::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
        Cell::Integer(number) => Cell::Integer(number),
        _ => Cell::Null,
    };
    (0..list.len()).map(|row| list.columns().iter().map(|array| field(array, row)).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::platform::Access;
    use crate::output::{NewFile, Table, TableWriter};
    use crate::table::{Column, ColumnType, Scalar};

    #[test]
    fn rows_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let new = NewFile { path: path.clone(), access: Access::Owner };
        let table = Table::new(&[
            Column::nullable("a", ColumnType::Text, ""),
            Column::always("b", ColumnType::Boolean, ""),
            Column::nullable("c", ColumnType::Integer, ""),
            Column::always(
                "d",
                ColumnType::Records(&[
                    ("e", Scalar::Text),
                    ("f", Scalar::OptionalText),
                    ("g", Scalar::Integer),
                ]),
                "",
            ),
        ]);
        let record = |number| vec![Cell::text("y"), Cell::Null, Cell::Integer(number)];
        let rows = [
            [Cell::text("x"), Cell::Boolean(true), Cell::Null, Cell::Records(vec![record(1), record(2)])],
            [Cell::Null, Cell::Boolean(false), Cell::Integer(-7), Cell::Records(Vec::new())],
        ];
        let mut writer = TableWriter::create(&new, &table, &[]).unwrap();
        for row in &rows {
            writer.push(row).unwrap();
        }
        writer.finish().unwrap().1.wait().unwrap();
        let mut read = Vec::new();
        read_rows(&path, &["c", "a", "d"], |row| {
            read.push(row.iter().map(|cell| format!("{cell:?}")).collect::<Vec<_>>());
        })
        .unwrap();
        let expected = rows.map(|[a, _, c, d]| [c, a, d].map(|cell| format!("{cell:?}")).to_vec());
        assert_eq!(read, expected);
        assert_eq!(row_count(File::open(&path).unwrap()), Ok(2));
        for (column, part) in [("h", "found none"), ("b", "found Boolean")] {
            let error = read_rows(&path, &[column], |_| ()).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
        std::fs::write(&path, "PAR1").unwrap();
        assert!(row_count(File::open(&path).unwrap()).is_err());
    }
}
