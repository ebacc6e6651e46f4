//! Writes one table to one Parquet file, and decides about row groups, compression, statistics and
//! Bloom filters. [`super::rows`] keeps rows until they are written, [`super::builder`] makes Arrow
//! arrays of their cells, and [`super::schema`] has the types.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{KeyValue, SortingColumn};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::schema::types::ColumnPath;
use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;

use super::builder::{Columns, Table};
use super::directory::NewFile;
use super::error::OutputError;
use super::rows::{RowBuffer, Rows};
use super::syncing::PendingSync;
use crate::base::digest::HashingWriter;
use crate::table::{Cell, SortedBy, Storage};

/// The number of rows in a row group of a Parquet file: enough to compress well, and few enough
/// that several row groups fit into memory.
pub const ROW_GROUP_ROWS: usize = 122_880;
/// The number of rows in a batch: the rows of a table that are encoded together.
///
/// Encoding has a cost per column, however few the rows are. The rows are always divided into the
/// same batches, however they were added, so that the bytes of the file are always the same. Larger
/// batches are no faster, but need memory: with eight times as many rows per batch, a sweep took as
/// long, and its memory grew twice as much when the evidence was made four times as large.
const BATCH_ROWS: usize = 512;
/// The number of bytes of text after which a batch of rows is encoded, even if it has fewer rows
/// than usual. Crafted evidence can contain more text than should be in one Arrow array.
const BATCH_BYTES: usize = 4 << 20;
/// The number of rows, of those that are added to a table one by one, for which the table's writer
/// initially reserves memory.
const PUSHED_ROWS: usize = 64;
/// The number of encoded bytes after which a row group of a Parquet file is closed, however few
/// rows it has. Until then, the row group is kept in memory.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// The number of rows after which a page of a column in a Parquet file is encoded.
///
/// Until then, each value takes eight bytes of memory, in each of some fifty columns of a table.
/// With the usual limit of twenty thousand rows, a sweep's memory grew by a fifth when the evidence
/// was made four times as large. With this limit, tables are an eighth larger than with the usual
/// one, and a sweep takes as long.
const PAGE_ROWS: usize = 1024;
/// The size in bytes of the buffer between a table's writer and the table's file, so that each
/// write to the file is large.
const FILE_BUFFER: usize = 128 << 10;
/// The compression level of tables: zstd's fastest ordinary one. With zstd's default level, tables
/// were 4 % smaller, but compression took 7 % of the sweep's processor time when every tenth record
/// matched.
const COMPRESSION_LEVEL: i32 = 1;

/// The file of a table that is being written. The SHA-256 of what is written is computed on the
/// way.
type Sink = HashingWriter<BufWriter<File>>;

/// Writes one table, row by row, into a new Parquet file.
pub struct TableWriter {
    path: PathBuf,
    /// The file of the table, until the first rows are encoded; then `None`.
    sink: Option<Sink>,
    /// Encodes rows and writes them to the file; `None` until the first rows are encoded.
    encoder: Option<ArrowWriter<Sink>>,
    table: Table,
    /// The file's key-value metadata.
    metadata: Vec<KeyValue>,
    /// Rows that were added one by one and wait to be encoded. They come after the rows in
    /// `waiting`, which are older.
    pushed: Columns,
    /// Finished batches of rows that wait to be encoded.
    waiting: Vec<RecordBatch>,
    /// The number of all rows that wait to be encoded, including those in `pushed`.
    waiting_rows: usize,
    /// The number of bytes of text in all rows that wait to be encoded.
    waiting_bytes: usize,
    rows: u64,
}

/// A finished table: the number of its rows, and the size and hash of its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenTable {
    /// The number of rows in the table.
    pub rows: u64,
    /// The size of the table's file in bytes.
    pub bytes: u64,
    /// The SHA-256 of the table's file.
    pub sha256: String,
}

impl TableWriter {
    /// Creates the Parquet file of a table. `metadata` is stored as the file's key-value metadata.
    pub fn create(new: &NewFile, table: &Table, metadata: &[(&str, String)]) -> Result<Self, OutputError> {
        let file = new.create().map_err(|error| failed(&new.path, &error.into()))?;
        let entry = |(key, value): &(&str, String)| KeyValue::new((*key).to_owned(), value.clone());
        Ok(TableWriter {
            path: new.path.clone(),
            sink: Some(HashingWriter::new(BufWriter::with_capacity(FILE_BUFFER, file))),
            encoder: None,
            table: table.clone(),
            metadata: metadata.iter().map(entry).collect(),
            pushed: Columns::new(table.clone(), PUSHED_ROWS),
            waiting: Vec::new(),
            waiting_rows: 0,
            waiting_bytes: 0,
            rows: 0,
        })
    }

    /// Adds a row to the table: one cell for each column, in the columns' order.
    pub fn push(&mut self, row: &[Cell<'_>]) -> Result<(), OutputError> {
        let weight = self.pushed.push(row)?;
        if self.note_waiting(weight) { self.write() } else { Ok(()) }
    }

    /// Adds rows that another thread collected. They become the next rows of the table.
    pub fn append(&mut self, rows: Rows) -> Result<(), OutputError> {
        match rows.buffer {
            RowBuffer::Few(rows) => rows.iter().try_for_each(|row| self.push(row)),
            RowBuffer::Many(columns) => self.append_columns(columns),
        }
    }

    /// Encodes the rows that still wait to be encoded, closes the file, and starts to sync it to
    /// the disk. Returns the table's number of rows, size and hash, and the pending sync, on which
    /// the caller must wait.
    pub fn finish(mut self) -> Result<(WrittenTable, PendingSync), OutputError> {
        // A table of one batch is not compressed. Each column has a compressor of its own, and a
        // reader of the column has another one. To make them took longer than to write the rows, in
        // a sweep with 480 matches on 102 hosts.
        self.begin(Compression::UNCOMPRESSED)?;
        self.write()?;
        let path = self.path;
        let encoder = self.encoder.expect("encoding was begun");
        let close = || -> Result<_, ParquetError> {
            let (buffered, sha256, bytes) = encoder.into_inner()?.finish();
            let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
            Ok((WrittenTable { rows: self.rows, bytes, sha256 }, file))
        };
        let (written, file) = close().map_err(|error| failed(&path, &error))?;
        Ok((written, PendingSync::new(path, file)))
    }

    /// Begins to encode rows with this compression, unless encoding was begun before.
    fn begin(&mut self, compression: Compression) -> Result<(), OutputError> {
        let Some(sink) = self.sink.take() else { return Ok(()) };
        let properties = properties(&self.table, std::mem::take(&mut self.metadata), compression);
        let encoder = ArrowWriter::try_new(sink, self.table.schema(), Some(properties));
        self.encoder = Some(encoder.map_err(|error| failed(&self.path, &error))?);
        Ok(())
    }

    /// Adds rows that were already converted to Arrow columns, as the next rows of the table.
    fn append_columns(&mut self, mut columns: Columns) -> Result<(), OutputError> {
        self.end_pushed()?;
        let (batch, weights) = columns.take().map_err(|error| failed(&self.path, &error.into()))?;
        self.append_weighed(&batch, weights.into_iter())
    }

    /// Adds rows that were read from another table, as the next rows of this table. Both tables
    /// must have the same columns.
    pub(super) fn append_batch(&mut self, batch: &RecordBatch) -> Result<(), OutputError> {
        self.end_pushed()?;
        self.append_weighed(batch, (0..batch.num_rows()).map(|_| 0))
    }

    /// Adds the rows of a batch, as the next rows of the table. `weights` has the number of bytes
    /// of text of each row.
    fn append_weighed(
        &mut self,
        batch: &RecordBatch,
        weights: impl Iterator<Item = usize>,
    ) -> Result<(), OutputError> {
        let mut start = 0;
        for (row, weight) in weights.enumerate() {
            if self.note_waiting(weight) {
                self.waiting.push(batch.slice(start, row + 1 - start));
                self.write()?;
                start = row + 1;
            }
        }
        if start < batch.num_rows() {
            self.waiting.push(batch.slice(start, batch.num_rows() - start));
        }
        Ok(())
    }

    /// Counts a row that waits to be encoded and has `weight` bytes of text. Returns true if enough
    /// rows or bytes wait, so that the caller must encode them.
    fn note_waiting(&mut self, weight: usize) -> bool {
        self.rows += 1;
        self.waiting_rows += 1;
        self.waiting_bytes += weight;
        self.waiting_rows == BATCH_ROWS || self.waiting_bytes >= BATCH_BYTES
    }

    /// Makes a batch of the rows that were added one by one, and puts it after the batches that
    /// wait to be encoded. A batch that another thread collected can then be added after it, so
    /// that the rows keep their order.
    fn end_pushed(&mut self) -> Result<(), OutputError> {
        if self.pushed.len() > 0 {
            let (batch, _) = self.pushed.take().map_err(|error| failed(&self.path, &error.into()))?;
            self.waiting.push(batch);
        }
        Ok(())
    }

    /// Encodes all rows that wait to be encoded, as one batch. Then closes the row group of the
    /// Parquet file if it has become large.
    fn write(&mut self) -> Result<(), OutputError> {
        self.end_pushed()?;
        self.begin(zstd())?;
        let encoder = self.encoder.as_mut().expect("encoding was begun");
        let waiting = std::mem::take(&mut self.waiting);
        (self.waiting_rows, self.waiting_bytes) = (0, 0);
        let mut write = || -> Result<(), ParquetError> {
            match waiting.as_slice() {
                [] => return Ok(()),
                [batch] => encoder.write(batch)?,
                batches => encoder.write(&concat_batches(&self.table.schema(), batches)?)?,
            }
            if encoder.in_progress_size() > ROW_GROUP_BYTES { encoder.flush() } else { Ok(()) }
        };
        write().map_err(|error| failed(&self.path, &error))
    }
}

/// Returns the compression of tables that are larger than one batch.
fn zstd() -> Compression {
    Compression::ZSTD(ZstdLevel::try_new(COMPRESSION_LEVEL).expect("zstd has this level"))
}

fn properties(table: &Table, metadata: Vec<KeyValue>, compression: Compression) -> WriterProperties {
    let mut properties = WriterProperties::builder()
        .set_compression(compression)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_key_value_metadata(Some(metadata));
    let sorted_by: Vec<SortingColumn> = table.sorted_values().map(sorting_column).collect();
    if !sorted_by.is_empty() {
        properties = properties.set_sorting_columns(Some(sorted_by));
    }
    for (column, Storage { looked_up, distinct }) in table.storage() {
        let path = || ColumnPath::from(column);
        if looked_up {
            properties = properties.set_column_bloom_filter_enabled(path(), true);
        }
        if distinct {
            properties = properties.set_column_dictionary_enabled(path(), false);
        }
    }
    properties.build()
}

/// Returns the entry in a Parquet file's metadata for a column by which its rows are sorted.
/// `place` is the column's 0-based index among the leaf columns of the file.
fn sorting_column((place, SortedBy { descending, .. }): (usize, SortedBy)) -> SortingColumn {
    let column_idx = i32::try_from(place).expect("a table has fewer columns");
    SortingColumn { column_idx, descending, nulls_first: false }
}

fn failed(path: &Path, error: &ParquetError) -> OutputError {
    // The library's message adds whose fault an error is; the system's own message is enough.
    let reason = match error {
        ParquetError::External(source) => source.to_string(),
        error => error.to_string(),
    };
    OutputError::Write { path: path.to_path_buf(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::platform::Access;
    use crate::table::{Column, ColumnType, Scalar};
    use ::parquet::file::reader::{FileReader, SerializedFileReader};
    use proptest::prelude::*;
    use std::fs;

    const FIELDS: &[(&str, Scalar)] = &[("value", Scalar::Text), ("count", Scalar::Integer)];

    /// Returns the cells of row `number`. Some rows have so much text that a few of them are
    /// encoded together.
    fn row(number: usize) -> Vec<Cell<'static>> {
        let text = "x".repeat(if number % 97 == 96 { BATCH_BYTES / 3 } else { number % 7 });
        let record = vec![Cell::text(format!("{number}")), Cell::Integer(7)];
        vec![
            Cell::text(text),
            if number.is_multiple_of(5) { Cell::Null } else { Cell::Integer(3) },
            Cell::Texts(vec!["a".into(); number % 3]),
            Cell::Records(vec![record; number % 2]),
        ]
    }

    /// Returns the bytes of a table whose rows are added in parts of these sizes. A part of 0 is a
    /// row that is added by itself.
    fn written(folder: &Path, parts: &[usize]) -> Vec<u8> {
        let path = folder.join("table.parquet");
        let columns = [
            Column::always("text", ColumnType::Text, ""),
            Column::nullable("number", ColumnType::Integer, ""),
            Column::always("texts", ColumnType::Texts, ""),
            Column::always("records", ColumnType::Records(FIELDS), ""),
        ];
        let table = Table::new(&columns);
        let new = NewFile { path: path.clone(), access: Access::Owner };
        let mut writer = TableWriter::create(&new, &table, &[]).unwrap();
        let mut numbers = 0..;
        for part in parts {
            if *part == 0 {
                writer.push(&row(numbers.next().unwrap())).unwrap();
                continue;
            }
            // The actual number of rows may differ from the expected number.
            let mut rows = table.rows(part % 50);
            numbers.by_ref().take(*part).for_each(|number| rows.push(row(number)).unwrap());
            writer.append(rows).unwrap();
        }
        let (table, syncing) = writer.finish().unwrap();
        syncing.wait().unwrap();
        assert_eq!(table.rows, parts.iter().map(|part| (*part).max(1) as u64).sum::<u64>());
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        bytes
    }

    #[test]
    fn a_file_says_by_which_columns_it_is_sorted() {
        let columns = [
            Column::always("records", ColumnType::Records(FIELDS), ""),
            Column::nullable("number", ColumnType::Integer, ""),
            Column::always("text", ColumnType::Text, ""),
        ];
        let by = [SortedBy { column: 1, descending: true }, SortedBy::ascending(2)];
        let table = Table::new(&columns).sorted_by(&by);
        let folder = tempfile::tempdir().unwrap();
        let new = NewFile { path: folder.path().join("table.parquet"), access: Access::Owner };
        let mut writer = TableWriter::create(&new, &table, &[]).unwrap();
        writer.push(&[Cell::Records(vec![]), Cell::Null, Cell::text("x")]).unwrap();
        writer.finish().unwrap().1.wait().unwrap();
        let file = SerializedFileReader::new(File::open(&new.path).unwrap()).unwrap();
        let said = |column_idx, descending| SortingColumn { column_idx, descending, nulls_first: false };
        // The two fields of a record are two columns of the file.
        let expected = vec![said(2, true), said(3, false)];
        assert_eq!(file.metadata().row_group(0).sorting_columns(), Some(&expected));
    }

    #[test]
    fn tables_of_one_batch_are_not_compressed() {
        for (rows, expected) in [(0, None), (BATCH_ROWS - 1, Some(false)), (BATCH_ROWS, Some(true))] {
            let table = Table::new(&[Column::always("number", ColumnType::Integer, "")]);
            let folder = tempfile::tempdir().unwrap();
            let new = NewFile { path: folder.path().join("table.parquet"), access: Access::Owner };
            let mut writer = TableWriter::create(&new, &table, &[]).unwrap();
            for _ in 0..rows {
                writer.push(&[Cell::Integer(7)]).unwrap();
            }
            writer.finish().unwrap().1.wait().unwrap();
            let file = SerializedFileReader::new(File::open(&new.path).unwrap()).unwrap();
            let groups = file.metadata().row_groups().iter();
            let compressed = groups.map(|group| group.column(0).compression() != Compression::UNCOMPRESSED);
            assert_eq!(compressed.collect::<Vec<_>>(), expected.into_iter().collect::<Vec<_>>(), "{rows}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_file_does_not_depend_on_how_its_rows_came_in(
            parts in prop::collection::vec(prop_oneof![Just(0), 1..40_usize, 30..600_usize], 0..9),
        ) {
            let folder = tempfile::tempdir().unwrap();
            let rows: usize = parts.iter().map(|part| (*part).max(1)).sum();
            prop_assert_eq!(written(folder.path(), &parts), written(folder.path(), &vec![0; rows]));
        }
    }
}
