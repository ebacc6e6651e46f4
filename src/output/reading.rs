//! Reads the tables of an output back: Parquet files as rows of cells.

use std::borrow::Cow;
use std::fs::File;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ArrowReaderOptions, ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use ::parquet::file::metadata::PageIndexPolicy;
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, BooleanArray, Int64Array, ListArray, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use arrow_schema::{DataType, Field, TimeUnit};

use super::table_file::TableFile;
use crate::base::platform::files::{self, Link};
use crate::event::EventTime;
use crate::table::{
    Cell, CellSource, Column, ColumnType, Nulls, ReadError, Row, Scalar, Storage, TableId, Tables, Wanted,
};

/// The number of rows of a Parquet file that are decoded at once.
const BATCH_ROWS: usize = 1024;

/// Returns the number of rows in a Parquet file, as the file's metadata states it.
pub fn row_count(file: File) -> Result<u64, ReadError> {
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| error.to_string())?;
    let rows = builder.metadata().file_metadata().num_rows();
    u64::try_from(rows).map_err(|_| format!("expected a number of rows, found {rows}").into())
}

/// The tables in an output directory. The sweep that writes them may be finished or not.
#[derive(Debug, Clone)]
pub struct OutputTables {
    directory: PathBuf,
}

impl OutputTables {
    /// Returns the tables in the output directory `directory`. No file is opened until a table is
    /// read.
    #[must_use]
    pub fn new(directory: &Path) -> Self {
        OutputTables { directory: directory.to_path_buf() }
    }

    /// Opens the file of a table. `index` says whether to read the Parquet page index, which states
    /// where the pages of each column lie.
    fn open(
        &self,
        table: TableId<'_>,
        index: PageIndexPolicy,
    ) -> Result<ParquetRecordBatchReaderBuilder<TableFile>, ReadError> {
        let options = ArrowReaderOptions::new().with_page_index_policy(index);
        let path = self.directory.join(table.to_string());
        let file = files::open(&path, Link::Refused).map_err(|error| error.to_string())?;
        let file = TableFile::new(file).map_err(|error| error.to_string())?;
        Ok(ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .map_err(|error| error.to_string())?)
    }

    fn reader(
        &self,
        table: TableId<'_>,
        columns: &[&Column],
        rows: Wanted<'_>,
    ) -> Result<ParquetRecordBatchReader, ReadError> {
        let index = match rows {
            Wanted::All => PageIndexPolicy::Skip,
            // Pages without wanted rows are then not even read.
            Wanted::These(_) => PageIndexPolicy::Optional,
        };
        let builder = self.open(table, index)?;
        let all = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let fields = builder.schema().fields();
        let place = |column: &&Column| fields.iter().position(|field| *field.name() == column.name);
        let projection = ProjectionMask::roots(builder.parquet_schema(), columns.iter().filter_map(place));
        let builder = builder.with_projection(projection).with_batch_size(BATCH_ROWS);
        let builder = match rows {
            Wanted::All => builder,
            Wanted::These(rows) => builder.with_row_selection(selection(rows, all)),
        };
        Ok(builder.build().map_err(|error| error.to_string())?)
    }
}

impl Tables for OutputTables {
    fn has(&self, table: TableId<'_>) -> bool {
        self.directory.join(table.to_string()).is_file()
    }

    fn columns(&self, table: TableId<'_>) -> Result<Vec<Column>, ReadError> {
        let builder = self.open(table, PageIndexPolicy::Skip)?;
        let column = |field: &Field| {
            let kind = simple_kind(field.data_type())?;
            let nulls = if field.is_nullable() { Nulls::Possible } else { Nulls::Never };
            let name = Cow::Owned(field.name().clone());
            Some(Column { name, kind, nulls, about: "", storage: Storage::default() })
        };
        Ok(builder.schema().fields().iter().filter_map(|field| column(field)).collect())
    }

    fn read_while(
        &self,
        table: TableId<'_>,
        columns: &[&Column],
        rows: Wanted<'_>,
        each: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        let mut wanted = match rows {
            Wanted::All => None,
            Wanted::These(rows) => Some(rows.iter()),
        };
        let mut number = 0;
        for batch in self.reader(table, columns, rows)? {
            let batch = batch.map_err(|error| error.to_string())?;
            let values: Vec<Values<'_>> =
                columns.iter().map(|column| values(&batch, column)).collect::<Result<_, _>>()?;
            for row in 0..batch.num_rows() {
                let wanted = wanted.as_mut().and_then(Iterator::next);
                let own = wanted.copied().unwrap_or(number);
                if each(&Row::new(columns, &BatchRow { columns: &values, row }, own)).is_break() {
                    return Ok(());
                }
                number += 1;
            }
        }
        Ok(())
    }
}

/// Returns the selection with which the Parquet reader decodes only the rows with the 0-based
/// numbers `rows`, which must be in ascending order. `all` is the number of rows in the table.
fn selection(rows: &[u64], all: usize) -> RowSelection {
    let places = rows.iter().filter_map(|row| usize::try_from(*row).ok()).filter(|row| *row < all);
    RowSelection::from_consecutive_ranges(places.map(|row| row..row + 1), all)
}

/// A row of a table that is read back from its Parquet file: the decoded columns of a batch of
/// rows, and the row's index in this batch.
struct BatchRow<'a> {
    columns: &'a [Values<'a>],
    row: usize,
}

impl CellSource for BatchRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        self.columns.get(column).map_or(Cell::Null, |values| values.cell(self.row))
    }
}

/// The values of a column in a batch of rows.
enum Values<'a> {
    Text(&'a StringArray),
    Integer(&'a Int64Array),
    Boolean(&'a BooleanArray),
    Time(&'a TimestampMicrosecondArray),
    /// A list of texts in each row. Contains the lists, and the texts of all rows.
    Texts(&'a ListArray, &'a StringArray),
    /// A list of structs (groups of named fields) in each row. Contains the lists, and for each
    /// field, its values in the structs of all rows.
    Records(&'a ListArray, Vec<Values<'a>>),
}

impl<'a> Values<'a> {
    /// Returns the values in an Arrow array; `None` if dnsweep writes no arrays of this type.
    fn of(array: &'a dyn Array) -> Option<Self> {
        Some(match array.data_type() {
            DataType::Utf8 => Values::Text(array.as_string()),
            DataType::Int64 => Values::Integer(array.as_primitive()),
            DataType::Boolean => Values::Boolean(array.as_boolean()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Values::Time(array.as_primitive()),
            DataType::List(_) => {
                let lists = array.as_list();
                if let Some(records) = lists.values().as_struct_opt() {
                    let fields = records.columns().iter().map(|field| Values::of(field));
                    Values::Records(lists, fields.collect::<Option<_>>()?)
                } else {
                    Values::Texts(lists, lists.values().as_string_opt()?)
                }
            }
            _ => return None,
        })
    }

    /// Returns the cell of the column in one row. `row` is the row's 0-based index in the batch.
    fn cell(&self, row: usize) -> Cell<'a> {
        let valid = |array: &dyn Array| array.is_valid(row);
        match self {
            Values::Text(texts) if valid(texts) => Cell::Text(Cow::Borrowed(texts.value(row))),
            Values::Integer(numbers) if valid(numbers) => Cell::Integer(numbers.value(row)),
            Values::Boolean(truths) if valid(truths) => Cell::Boolean(truths.value(row)),
            Values::Time(times) if valid(times) => Cell::Time(EventTime::from_microseconds(times.value(row))),
            Values::Texts(lists, texts) if valid(lists) => {
                Cell::Texts(items(lists, row).map(|item| Cow::Borrowed(texts.value(item))).collect())
            }
            Values::Records(lists, fields) if valid(lists) => {
                let record = |item| fields.iter().map(|field| field.cell(item)).collect();
                Cell::Records(items(lists, row).map(record).collect())
            }
            _ => Cell::Null,
        }
    }
}

/// Returns the range of 0-based indices that the items of a row's list have among the items of all
/// rows. `row` is the row's 0-based index in the batch.
fn items(lists: &ListArray, row: usize) -> Range<usize> {
    let offset = |row: usize| {
        let offset = lists.value_offsets().get(row).expect("there is one offset more than rows");
        usize::try_from(*offset).expect("offsets are not negative")
    };
    offset(row)..offset(row + 1)
}

/// Returns the values of a column in a batch of rows. It is an error if there is no such column, or
/// if it has another type.
fn values<'a>(batch: &'a RecordBatch, column: &Column) -> Result<Values<'a>, String> {
    let name = &column.name;
    let found =
        batch.column_by_name(name).ok_or_else(|| format!("expected a column '{name}', found none"))?;
    let is_expected = is_of_kind(found.data_type(), column.kind);
    Values::of(found).filter(|_| is_expected).ok_or_else(|| {
        format!("column '{name}': expected {}, found {}", column.type_name(), found.data_type())
    })
}

/// Returns the column type that corresponds to an Arrow type; `None` for lists of structs (groups
/// of named fields), and for types that dnsweep does not write.
fn simple_kind(found: &DataType) -> Option<ColumnType> {
    match found {
        DataType::Utf8 => Some(ColumnType::Text),
        DataType::Int64 => Some(ColumnType::Integer),
        DataType::Boolean => Some(ColumnType::Boolean),
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => Some(ColumnType::Time),
        DataType::List(item) if *item.data_type() == DataType::Utf8 => Some(ColumnType::Texts),
        _ => None,
    }
}

fn is_of_kind(found: &DataType, kind: ColumnType) -> bool {
    let ColumnType::Records(expected) = kind else { return simple_kind(found) == Some(kind) };
    let DataType::List(item) = found else { return false };
    let DataType::Struct(fields) = item.data_type() else { return false };
    let is_field = |(field, (name, kind)): (&Field, &(&str, Scalar))| {
        let kind = match kind {
            Scalar::Text | Scalar::OptionalText => ColumnType::Text,
            Scalar::Integer => ColumnType::Integer,
            Scalar::Boolean => ColumnType::Boolean,
            Scalar::Time => ColumnType::Time,
        };
        field.name() == name && simple_kind(field.data_type()) == Some(kind)
    };
    fields.len() == expected.len() && fields.iter().map(AsRef::as_ref).zip(expected).all(is_field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::platform::Access;
    use crate::output::{HOSTS_FILE, NewFile, Table, TableWriter};

    const RECORD: ColumnType = ColumnType::Records(&[
        ("e", Scalar::Text),
        ("f", Scalar::OptionalText),
        ("g", Scalar::Integer),
        ("h", Scalar::Time),
    ]);

    fn columns() -> [Column; 6] {
        [
            Column::nullable("a", ColumnType::Text, ""),
            Column::always("b", ColumnType::Boolean, ""),
            Column::nullable("c", ColumnType::Integer, ""),
            Column::always("d", RECORD, ""),
            Column::nullable("t", ColumnType::Time, ""),
            Column::always("l", ColumnType::Texts, ""),
        ]
    }

    fn rows() -> [Vec<Cell<'static>>; 2] {
        let time = EventTime::from_ticks(-70);
        let record = |number| vec![Cell::text("y"), Cell::Null, Cell::Integer(number), Cell::Time(time)];
        [
            vec![
                Cell::text("x"),
                Cell::Boolean(true),
                Cell::Null,
                Cell::Records(vec![record(1), record(2)]),
                Cell::Time(time),
                Cell::Texts(vec!["m".into(), "".into()]),
            ],
            vec![
                Cell::Null,
                Cell::Boolean(false),
                Cell::Integer(-7),
                Cell::Records(Vec::new()),
                Cell::Null,
                Cell::Texts(Vec::new()),
            ],
        ]
    }

    /// Writes a table of hosts that has each row of [`rows`] `times` times.
    fn written(folder: &Path, times: usize) {
        let new = NewFile { path: folder.join(HOSTS_FILE), access: Access::Owner };
        let mut writer = TableWriter::create(&new, &Table::new(&columns()), &[]).unwrap();
        for _ in 0..times {
            for row in rows() {
                writer.push(&row).unwrap();
            }
        }
        writer.finish().unwrap().1.wait().unwrap();
    }

    fn read(
        tables: &OutputTables,
        columns: &[&Column],
        wanted: Wanted<'_>,
    ) -> Vec<(u64, Vec<Cell<'static>>)> {
        let mut read = Vec::new();
        let each = &mut |row: &Row<'_>| {
            read.push((row.number(), row.cells().map(Cell::into_owned).collect()));
        };
        tables.read(TableId::Hosts, columns, wanted, each).unwrap();
        read
    }

    #[test]
    fn rows_are_read_as_they_were_written() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), 1);
        let (tables, columns) = (OutputTables::new(folder.path()), columns());
        let in_order = [2, 0, 3, 5, 4, 1].map(|place: usize| &columns[place]);
        let expected = rows().map(|row| [2, 0, 3, 5, 4, 1].map(|place: usize| row[place].clone()).to_vec());
        let found: Vec<_> = read(&tables, &in_order, Wanted::All);
        assert_eq!(found, [(0, expected[0].clone()), (1, expected[1].clone())]);
        assert_eq!(row_count(File::open(folder.path().join(HOSTS_FILE)).unwrap()), Ok(2));
        let names: Vec<_> = tables.columns(TableId::Hosts).unwrap();
        let known: Vec<_> = names.iter().map(|column| (column.name.as_ref(), column.kind)).collect();
        let simple = [0, 1, 2, 4, 5].map(|place: usize| &columns[place]);
        assert_eq!(known, simple.map(|column| (column.name.as_ref(), column.kind)));
        assert!(tables.has(TableId::Hosts) && !tables.has(TableId::Files));
    }

    #[test]
    fn only_wanted_rows_are_read_and_keep_their_numbers() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), 3000);
        let tables = OutputTables::new(folder.path());
        let [_, b, ..] = columns();
        let wanted = [0, 1, 1023, 1024, 4097, 5999, 6000];
        let found = read(&tables, &[&b], Wanted::These(&wanted));
        let expected = wanted[..6].iter().map(|row| (*row, vec![Cell::Boolean(row % 2 == 0)]));
        assert_eq!(found, expected.collect::<Vec<_>>());
    }

    #[test]
    fn reading_ends_when_the_reader_wants_no_more() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), 3000);
        let (tables, [_, b, ..]) = (OutputTables::new(folder.path()), columns());
        let mut read = 0;
        let each = &mut |_: &Row<'_>| {
            read += 1;
            if read < 1500 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        tables.read_while(TableId::Hosts, &[&b], Wanted::All, each).unwrap();
        assert_eq!(read, 1500);
    }

    #[test]
    fn another_column_type_or_file_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), 1);
        let tables = OutputTables::new(folder.path());
        let error = |column: Column| {
            let error = tables.read(TableId::Hosts, &[&column], Wanted::All, &mut |_| ()).unwrap_err();
            error.to_string()
        };
        let missing = error(Column::always("h", ColumnType::Text, ""));
        assert!(missing.contains("found none"), "{missing}");
        let other = error(Column::always("b", ColumnType::Text, ""));
        assert!(other.contains("expected text, found Boolean"), "{other}");
        let record = ColumnType::Records(&[("e", Scalar::Text)]);
        assert!(error(Column::always("d", record, "")).contains("expected list of struct"));
        let path = folder.path().join(HOSTS_FILE);
        std::fs::write(&path, "PAR1").unwrap();
        assert!(row_count(File::open(&path).unwrap()).is_err());
        assert!(!error(columns()[0].clone()).is_empty());
        assert!(tables.read(TableId::Stats("x"), &[], Wanted::All, &mut |_| ()).is_err());
    }
}
