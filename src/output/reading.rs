//! Reads Parquet files as rows of cells, as far as `verify` needs it.

use std::borrow::Cow;
use std::fs::File;
use std::path::Path;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, RecordBatch};
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

/// Reads the columns `columns` of a Parquet file, which must contain text or integers. Calls `each`
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
/// it contains neither text nor integers.
fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef, ReadError> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| ReadError::from(format!("expected a column '{name}', found none")))?;
    match column.data_type() {
        DataType::Utf8 | DataType::Int64 => Ok(column),
        other => Err(format!("column '{name}': expected text or integers, found {other}").into()),
    }
}

fn cell(array: &ArrayRef, row: usize) -> Cell<'_> {
    if array.is_null(row) {
        return Cell::Null;
    }
    match (array.as_string_opt::<i32>(), array.as_primitive_opt::<Int64Type>()) {
        (Some(texts), _) => Cell::Text(Cow::Borrowed(texts.value(row))),
        (None, Some(numbers)) => Cell::Integer(numbers.value(row)),
        (None, None) => Cell::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::platform::Access;
    use crate::output::{NewFile, Table, TableWriter};
    use crate::table::{Column, ColumnType};

    #[test]
    fn rows_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.parquet");
        let new = NewFile { path: path.clone(), access: Access::Owner };
        let table = Table::new(&[
            Column::nullable("a", ColumnType::Text, ""),
            Column::always("b", ColumnType::Boolean, ""),
            Column::nullable("c", ColumnType::Integer, ""),
        ]);
        let rows = [
            [Cell::text("x"), Cell::Boolean(true), Cell::Null],
            [Cell::Null, Cell::Boolean(false), Cell::Integer(-7)],
        ];
        let mut writer = TableWriter::create(&new, &table, &[]).unwrap();
        for row in &rows {
            writer.push(row).unwrap();
        }
        writer.finish().unwrap().1.wait().unwrap();
        let mut read = Vec::new();
        read_rows(&path, &["c", "a"], |row| {
            read.push(row.iter().map(|cell| format!("{cell:?}")).collect::<Vec<_>>());
        })
        .unwrap();
        let expected = rows.map(|[a, _, c]| vec![format!("{c:?}"), format!("{a:?}")]);
        assert_eq!(read, expected);
        assert_eq!(row_count(File::open(&path).unwrap()), Ok(2));
        for (column, part) in [("d", "found none"), ("b", "found Boolean")] {
            let error = read_rows(&path, &[column], |_| ()).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
        std::fs::write(&path, "PAR1").unwrap();
        assert!(row_count(File::open(&path).unwrap()).is_err());
    }
}
