//! Divides a finished table among folders, one for each value of a column, as Hive does
//! (`computer=PC-7/part-0.parquet`).
//!
//! The rows of one value can lie anywhere in the table, and there can be tens of thousands of
//! values. So the table is read back several times, each time for as many values as fit into memory
//! together, and one file is written after the other.

use std::collections::{HashMap, VecDeque};
use std::fmt::Write;
use std::fs::File;
use std::io;
use std::ops::Range;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::{
    ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder, RowSelection,
};
use arrow_array::cast::AsArray;
use arrow_array::{RecordBatch, StringArray, UInt64Array};
use arrow_select::interleave::interleave_record_batch;
use arrow_select::take::take_record_batch;

use super::builder::Table;
use super::directory::OutputDirectory;
use super::error::OutputError;
use super::names::{PARTITION_FILE, partition_folder};
use super::parquet::{TableWriter, WrittenTable};
use super::syncing::PendingSync;
use crate::base::platform::files::{self, Link, open_directory};

/// The text that replaces a value in the name of a folder, as in Hive: the folder
/// `computer=__HIVE_DEFAULT_PARTITION__` has the rows whose value is empty, or cannot be a part of
/// a folder's name.
const WITHOUT_VALUE: &str = "__HIVE_DEFAULT_PARTITION__";
/// The longest name of a folder, in bytes, that every file system accepts.
const MOST_NAME: usize = 255;
/// The maximum number of rows of several folders that are kept in memory together while a table is
/// divided among folders. The rows of a folder with more are written by themselves, as they are
/// read.
const MOST_ROWS: u64 = 1 << 16;
/// The most memory in bytes that the rows of several folders take together while a table is divided
/// among folders. If they would take more, fewer folders are written at a time.
const MOST_BYTES: usize = 128 << 20;
/// The number of rows of a Parquet file that are decoded at once, and that are written at once.
const BATCH_ROWS: usize = 512;
/// The number of files that may be syncing to the disk while the next file is written.
const MOST_SYNCING: usize = 8;

/// A table that is to be divided among folders by the values of one of its columns.
pub struct Partitioned<'a> {
    /// The file name of the table. The table must be finished.
    pub table: &'a str,
    /// The name of the folder that gets the files of this table, for example `matches`. It lies in
    /// the output's folder of divided tables.
    pub folder: &'a str,
    /// The name of the column by which the table is divided. The column must contain texts and no
    /// nulls.
    pub column: &'a str,
    /// The layout of the files in the folders: all columns of the table except `column`. Readers
    /// take the value of that column from the name of the folder.
    pub layout: &'a Table,
    /// The key-value metadata of the files in the folders.
    pub metadata: &'a [(&'static str, String)],
    /// The function that returns, from a row's cell in `column`, the value that names the row's
    /// folder. Rows with the same value share a folder. An empty text means that the row has no
    /// value.
    pub value: &'a dyn Fn(&str) -> String,
}

/// A partition: the rows of a table that have the same value in the column by which the table is
/// divided. They are written to the same folder.
struct Partition {
    /// The path of the folder for the rows of this partition, relative to the output directory.
    folder: String,
    rows: u64,
    /// The 0-based numbers of the table's rows from the first to the last row of this partition.
    /// Rows of other partitions can lie between them.
    range: Range<usize>,
}

/// The partitions of a table (each the rows that go into one folder), in the order of their first
/// rows. The maps give the index of a partition in `all`: `by_folder` for the folder's name,
/// `by_cell` for a cell of its rows in the column by which the table is divided.
#[derive(Default)]
struct Partitions {
    all: Vec<Partition>,
    by_folder: HashMap<String, usize>,
    by_cell: HashMap<String, usize>,
}

/// Divides tables among folders, and syncs the written files to the disk. All rows of a table that
/// have the same value in one column are written to one folder, and are called a partition.
pub struct PartitionWriter<'a> {
    output: &'a OutputDirectory,
    /// The maximum number of rows of several folders that are kept in memory together:
    /// [`MOST_ROWS`], except in tests.
    most_rows: u64,
    /// The most memory in bytes that the rows of several folders take together: [`MOST_BYTES`],
    /// except in tests.
    most_bytes: usize,
    syncing: VecDeque<PendingSync>,
    written: Vec<(String, WrittenTable)>,
}

impl<'a> PartitionWriter<'a> {
    /// Makes a writer that divides tables among folders of an output directory. Writes nothing yet.
    #[must_use]
    pub fn new(output: &'a OutputDirectory) -> Self {
        PartitionWriter {
            output,
            most_rows: MOST_ROWS,
            most_bytes: MOST_BYTES,
            syncing: VecDeque::new(),
            written: Vec::new(),
        }
    }

    /// Divides the rows of a table among folders, and writes a Parquet file for each folder.
    pub fn add(&mut self, table: &Partitioned<'_>) -> Result<(), OutputError> {
        self.output.make_folders(&partition_folder(table.folder, ""))?;
        let partitions = self.find(table)?;
        let mut start = 0;
        while let Some(first) = partitions.all.get(start) {
            let (mut end, mut rows) = (start + 1, first.rows);
            while let Some(next) = partitions.all.get(end).filter(|next| rows + next.rows <= self.most_rows) {
                (end, rows) = (end + 1, rows + next.rows);
            }
            while !self.write(table, &partitions, start..end)? {
                end = start + (end - start) / 2;
            }
            start = end;
        }
        Ok(())
    }

    /// Waits until all files are on the disk. Returns each written file: its path relative to the
    /// output directory, and its number of rows, size and hash.
    pub fn finish(self) -> Result<Vec<(String, WrittenTable)>, OutputError> {
        self.syncing.into_iter().try_for_each(PendingSync::wait)?;
        Ok(self.written)
    }

    /// Finds the partitions of a table (each the rows that go into one folder), and makes the
    /// folders.
    fn find(&self, table: &Partitioned<'_>) -> Result<Partitions, OutputError> {
        let mut found = Partitions::default();
        let mut number = 0;
        for batch in self.read(table, None, Columns::Divided)? {
            let batch = batch.map_err(|error| self.unreadable(table, &error))?;
            for cell in cells(&batch, table.column) {
                let cell = cell.unwrap_or_default();
                let place = match found.by_cell.get(cell) {
                    Some(place) => *place,
                    None => self.new_cell(table, &mut found, cell, number)?,
                };
                let partition = found.all.get_mut(place).expect("it was found or made");
                partition.rows += 1;
                partition.range.end = number + 1;
                number += 1;
            }
        }
        Ok(found)
    }

    /// Returns the partition (the rows in one folder) for a cell that was not seen before, as its
    /// 0-based index in `found.all`. Makes the partition and its folder if there is none yet.
    /// `number` is the 0-based number of the cell's row in the table.
    fn new_cell(
        &self,
        table: &Partitioned<'_>,
        found: &mut Partitions,
        cell: &str,
        number: usize,
    ) -> Result<usize, OutputError> {
        let name = |value: &str| format!("{}={value}", table.column);
        let own = escaped(&(table.value)(cell)).map(|value| name(&value));
        let own = own.filter(|own| own.len() <= MOST_NAME);
        let mut place = None;
        for folder in own.into_iter().chain([name(WITHOUT_VALUE)]) {
            place = found.by_folder.get(&folder).copied();
            let path = partition_folder(table.folder, &folder);
            // A file system can take two names for one, such as names that differ in case.
            if place.is_none() && self.output.make_folder(&path)? {
                place = Some(found.all.len());
                found.all.push(Partition { folder: path, rows: 0, range: number..number });
                found.by_folder.insert(folder, found.all.len() - 1);
            }
            if place.is_some() {
                break;
            }
        }
        let place = place.ok_or_else(|| {
            let path = self.output.staged(&partition_folder(table.folder, &name(WITHOUT_VALUE))).path;
            OutputError::Write { path, reason: io::Error::from(io::ErrorKind::AlreadyExists).to_string() }
        })?;
        found.by_cell.insert(cell.to_owned(), place);
        Ok(place)
    }

    /// Writes the partitions with the indices `which`, and returns true. A partition is the rows of
    /// the table that are written to one folder. If there are several, and their rows take too much
    /// memory together, returns false and writes nothing; the caller then writes fewer at a time.
    fn write(
        &mut self,
        table: &Partitioned<'_>,
        partitions: &Partitions,
        which: Range<usize>,
    ) -> Result<bool, OutputError> {
        let group = partitions.all.get(which.clone()).unwrap_or_default();
        if let [only] = group {
            return self.write_one(table, partitions, only, which.start).map(|()| true);
        }
        let start = group.iter().map(|partition| partition.range.start).min().unwrap_or_default();
        let end = group.iter().map(|partition| partition.range.end).max().unwrap_or_default();
        let (mut batches, mut bytes) = (Vec::new(), 0);
        let mut rows: Vec<Vec<(usize, usize)>> = vec![Vec::new(); group.len()];
        for batch in self.read(table, Some(start..end), Columns::All)? {
            let batch = batch.map_err(|error| self.unreadable(table, &error))?;
            let mut wanted = Vec::new();
            for (row, cell) in (0..).zip(cells(&batch, table.column).iter()) {
                let place = partitions.place(cell);
                if let Some(rows) = place.checked_sub(which.start).and_then(|own| rows.get_mut(own)) {
                    rows.push((batches.len(), wanted.len()));
                    wanted.push(row);
                }
            }
            let taken = take_record_batch(&batch, &UInt64Array::from(wanted));
            let taken = taken.map_err(|error| self.unreadable(table, &error))?;
            bytes += taken.get_array_memory_size();
            if bytes > self.most_bytes {
                return Ok(false);
            }
            batches.push(taken);
        }
        let batches: Vec<&RecordBatch> = batches.iter().collect();
        for (partition, rows) in group.iter().zip(rows) {
            let parts = rows.chunks(BATCH_ROWS).map(|rows| interleave_record_batch(&batches, rows));
            let parts = parts.map(|part| part.map_err(|error| self.unreadable(table, &error)));
            let parts: Vec<RecordBatch> = parts.collect::<Result<_, _>>()?;
            self.write_file(table, partition, parts.into_iter().map(Ok))?;
        }
        Ok(true)
    }

    /// Writes one partition (the rows in one folder), batch by batch as its rows are read, so that
    /// they need not fit into memory. `place` is the partition's 0-based index in `partitions`.
    fn write_one(
        &mut self,
        table: &Partitioned<'_>,
        partitions: &Partitions,
        partition: &Partition,
        place: usize,
    ) -> Result<(), OutputError> {
        let output = self.output;
        let unreadable = |error: &dyn std::fmt::Display| unreadable(output, table, error);
        let batches = self.read(table, Some(partition.range.clone()), Columns::All)?.map(|batch| {
            let batch = batch.map_err(|error| unreadable(&error))?;
            let rows = (0..).zip(cells(&batch, table.column).iter());
            let own: Vec<u64> =
                rows.filter(|(_, cell)| partitions.place(*cell) == place).map(|(row, _)| row).collect();
            take_record_batch(&batch, &UInt64Array::from(own)).map_err(|error| unreadable(&error))
        });
        self.write_file(table, partition, batches)
    }

    fn write_file(
        &mut self,
        table: &Partitioned<'_>,
        partition: &Partition,
        batches: impl Iterator<Item = Result<RecordBatch, OutputError>>,
    ) -> Result<(), OutputError> {
        let file = format!("{}/{PARTITION_FILE}", partition.folder);
        let mut writer = TableWriter::create(&self.output.staged(&file), table.layout, table.metadata)?;
        for batch in batches {
            let mut batch = batch?;
            let divided = batch.schema().index_of(table.column);
            batch.remove_column(divided.map_err(|error| self.unreadable(table, &error))?);
            writer.append_batch(&batch)?;
        }
        let (written, syncing) = writer.finish()?;
        let folder = self.output.staged(&partition.folder).path;
        let opened = open_directory(&folder)
            .map_err(|error| OutputError::Write { path: folder.clone(), reason: error.to_string() })?;
        self.syncing.extend([syncing, PendingSync::new(folder, opened)]);
        while self.syncing.len() > MOST_SYNCING {
            self.syncing.pop_front().map_or(Ok(()), PendingSync::wait)?;
        }
        self.written.push((file, written));
        Ok(())
    }

    /// Returns a reader of the table's rows with the 0-based numbers in `rows`, or of all rows if
    /// `rows` is `None`.
    fn read(
        &self,
        table: &Partitioned<'_>,
        rows: Option<Range<usize>>,
        columns: Columns,
    ) -> Result<ParquetRecordBatchReader, OutputError> {
        let failed = |error: &dyn std::fmt::Display| self.unreadable(table, error);
        let path = self.output.staged(table.table).path;
        let file: File = files::open(&path, Link::Refused).map_err(|error| failed(&error))?;
        let builder = ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| failed(&error))?;
        let all = usize::try_from(builder.metadata().file_metadata().num_rows()).unwrap_or(0);
        let builder = match columns {
            Columns::All => builder,
            Columns::Divided => {
                let place = builder.schema().index_of(table.column).map_err(|error| failed(&error))?;
                let mask = ProjectionMask::roots(builder.parquet_schema(), [place]);
                builder.with_projection(mask)
            }
        };
        let selection = RowSelection::from_consecutive_ranges(rows.into_iter(), all);
        let builder = if selection.selects_any() { builder.with_row_selection(selection) } else { builder };
        builder.with_batch_size(BATCH_ROWS).build().map_err(|error| failed(&error))
    }

    fn unreadable(&self, table: &Partitioned<'_>, error: &dyn std::fmt::Display) -> OutputError {
        unreadable(self.output, table, error)
    }
}

/// Which columns of a table are read: all, or the one by which it is divided.
#[derive(Clone, Copy)]
enum Columns {
    All,
    Divided,
}

impl Partitions {
    /// Returns the 0-based index of the partition (the rows in one folder) to which a row belongs.
    /// `cell` is the row's cell in the column by which the table is divided, and must have been
    /// seen before.
    fn place(&self, cell: Option<&str>) -> usize {
        *self.by_cell.get(cell.unwrap_or_default()).expect("all cells were seen before")
    }
}

fn unreadable(
    output: &OutputDirectory,
    table: &Partitioned<'_>,
    error: &dyn std::fmt::Display,
) -> OutputError {
    let reason = format!("its rows are divided among folders, and it cannot be read back: {error}");
    OutputError::Write { path: output.staged(table.table).path, reason }
}

/// Returns the cells of the column `column` in a batch of rows. The batch must have this column,
/// and it must contain texts.
fn cells<'b>(batch: &'b RecordBatch, column: &str) -> &'b StringArray {
    batch.column_by_name(column).expect("the table has the column").as_string()
}

/// Returns a value in the form in which the name of a folder contains it. ASCII characters other
/// than letters, digits, `-`, `_` and `.` become `%` and two hexadecimal digits, as in Hive; so
/// does a `.` at the end. Returns `None` if the value is empty, or has a character outside ASCII
/// that is neither a letter nor a digit: Hive has no way to write it that all readers understand.
fn escaped(value: &str) -> Option<String> {
    let mut escaped = String::with_capacity(value.len());
    for (at, letter) in value.char_indices() {
        // Windows drops a point at the end of a name.
        let is_last = at + letter.len_utf8() == value.len();
        match letter {
            '.' if is_last => escaped.push_str("%2E"),
            '-' | '_' | '.' => escaped.push(letter),
            _ if letter.is_alphanumeric() => escaped.push(letter),
            _ if letter.is_ascii() => {
                write!(escaped, "%{:02X}", u32::from(letter)).expect("a text takes all");
            }
            _ => return None,
        }
    }
    Some(escaped).filter(|escaped| !escaped.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::platform::Access;
    use crate::output::{OutputTables, UnfinishedPolicy, prepare};
    use crate::table::{Cell, Column, ColumnType, Scalar, TableId, Tables, Wanted};
    use std::collections::BTreeMap;
    use std::path::Path;

    const RECORD: ColumnType = ColumnType::Records(&[("e", Scalar::Text), ("f", Scalar::Time)]);

    fn columns() -> [Column; 4] {
        [
            Column::always("number", ColumnType::Integer, ""),
            Column::always("computer", ColumnType::Text, ""),
            Column::nullable("text", ColumnType::Text, ""),
            Column::always("records", RECORD, ""),
        ]
    }

    /// Returns the Computer of a row: some are in few rows, some in many, and all are mixed.
    fn computer(number: usize) -> String {
        let host = if number.is_multiple_of(3) { 0 } else { (number * 7919) % 83 };
        format!("{}{host}", if number.is_multiple_of(2) { "PC-" } else { "pc-" })
    }

    fn row(number: usize) -> Vec<Cell<'static>> {
        vec![
            Cell::Integer(i64::try_from(number).unwrap()),
            Cell::text(computer(number)),
            if number.is_multiple_of(5) { Cell::Null } else { Cell::text("x".repeat(number % 40)) },
            Cell::Records(vec![vec![Cell::text("y"), Cell::Null]; number % 3]),
        ]
    }

    /// Divides a table of `rows` rows by computer, with at most so many rows and bytes in memory.
    /// Returns the contents of each file.
    fn divided(out: &Path, rows: usize, most_rows: u64, most_bytes: usize) -> BTreeMap<String, Vec<u8>> {
        let output = prepare(out, &[], false, UnfinishedPolicy::Refuse, Access::Owner).unwrap();
        let columns = columns();
        let table = Table::new(&columns);
        let mut writer = TableWriter::create(&output.staged("matches.parquet"), &table, &[]).unwrap();
        (0..rows).for_each(|number| writer.push(&row(number)).unwrap());
        writer.finish().unwrap().1.wait().unwrap();
        let mut writer = PartitionWriter { most_rows, most_bytes, ..PartitionWriter::new(&output) };
        let layout = Table::new(columns.iter().filter(|column| column.name != "computer"));
        writer
            .add(&Partitioned {
                table: "matches.parquet",
                folder: "matches",
                column: "computer",
                layout: &layout,
                metadata: &[],
                value: &str::to_uppercase,
            })
            .unwrap();
        let files = writer.finish().unwrap().into_iter().map(|(file, written)| {
            let bytes = std::fs::read(output.staged(&file).path).unwrap();
            assert_eq!(written.bytes, bytes.len() as u64);
            (file, bytes)
        });
        files.collect()
    }

    #[test]
    fn each_row_lies_in_the_file_of_its_host_in_the_order_of_the_table() {
        let folder = tempfile::tempdir().unwrap();
        let files = divided(&folder.path().join("out"), 3000, MOST_ROWS, MOST_BYTES);
        let mut expected: BTreeMap<String, Vec<Vec<Cell<'_>>>> = BTreeMap::new();
        for number in 0..3000 {
            let host = computer(number).to_uppercase();
            let file = format!("by-host/matches/computer={host}/part-0.parquet");
            let [id, _, rest @ ..] = &row(number)[..] else { panic!("four cells") };
            expected.entry(file).or_default().push([std::slice::from_ref(id), rest].concat());
        }
        assert!(files.keys().eq(expected.keys()) && files.len() == 83);
        let [id, _, text, records] = columns();
        for (file, expected) in expected {
            std::fs::write(folder.path().join("matches.parquet"), &files[&file]).unwrap();
            let (tables, mut rows) = (OutputTables::new(folder.path()), Vec::new());
            let mut each = |row: &crate::table::Row<'_>| {
                rows.push(row.cells().map(Cell::into_owned).collect::<Vec<_>>());
            };
            tables.read(TableId::Matches, &[&id, &text, &records], Wanted::All, &mut each).unwrap();
            assert_eq!(rows, expected, "{file}");
        }
    }

    #[test]
    fn files_do_not_depend_on_how_many_rows_fit_into_memory() {
        let folder = tempfile::tempdir().unwrap();
        let whole = divided(&folder.path().join("out"), 3000, MOST_ROWS, MOST_BYTES);
        for (most_rows, most_bytes) in
            [(0, MOST_BYTES), (100, MOST_BYTES), (MOST_ROWS, 0), (MOST_ROWS, 1 << 18)]
        {
            let found = divided(&folder.path().join("out"), 3000, most_rows, most_bytes);
            assert!(found == whole, "{most_rows} rows, {most_bytes} bytes");
        }
    }

    #[test]
    fn a_value_is_a_safe_name_that_other_programs_understand() {
        for (value, name) in [
            ("PC-7.corp.example", Some("PC-7.corp.example")),
            ("a/../b", Some("a%2F..%2Fb")),
            ("x=%41 y.", Some("x%3D%2541%20y%2E")),
            ("ПК-1", Some("ПК-1")),
            ("a\u{202e}b", None),
            ("", None),
            (".", Some("%2E")),
            ("\0", Some("%00")),
        ] {
            assert_eq!(escaped(value).as_deref(), name, "{value}");
        }
    }
}
