//! One table to one Parquet file.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use ::parquet::arrow::ArrowWriter;
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::KeyValue;
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::schema::types::ColumnPath;
use arrow::array::RecordBatch;
use arrow::compute::concat_batches;

use super::builder::{Rows, Table};
use crate::digest::HashingWriter;
use crate::error::SweepError;
use crate::table::Cell;

/// Rows of a row group: large enough for a good ratio, small enough that several fit into memory.
pub const ROW_GROUP_ROWS: usize = 122_880;
/// Cells that are collected before they are encoded: some ten thousand rows, or fewer with long lists.
const BATCH_CELLS: usize = 1 << 18;
/// Bytes of parts with rows that are collected before they are encoded. To encode costs something for every column however few
/// the rows; and as much text as crafted evidence can hold must not come together in one array.
const WAITING_BYTES: usize = 4 << 20;
/// Encoded bytes after which a row group is closed, however few rows it has.
const ROW_GROUP_BYTES: usize = 64 << 20;
/// zstd's own default: higher levels cost much time for little space here.
const COMPRESSION_LEVEL: i32 = 3;

/// Writes one table, row by row, into a file that must not exist yet.
pub struct TableWriter {
    path: PathBuf,
    writer: ArrowWriter<HashingWriter<BufWriter<File>>>,
    table: Table,
    /// Rows that were pushed one by one.
    pending: Rows,
    /// Rows that were collected elsewhere, and the memory they take.
    waiting: Vec<RecordBatch>,
    waiting_bytes: usize,
    rows: u64,
}

/// A table that was written and synced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenTable {
    /// Its rows.
    pub rows: u64,
    /// Its bytes.
    pub bytes: u64,
    /// The SHA-256 of the file.
    pub sha256: String,
}

impl TableWriter {
    /// Creates the file. `bloom` names the columns that get a bloom filter, `metadata` is stored
    /// in the file's key-value metadata.
    pub fn create(
        path: &Path,
        table: &Table,
        bloom: &[&str],
        metadata: &[(&str, String)],
    ) -> Result<Self, SweepError> {
        let create = || -> Result<_, ParquetError> {
            let file = File::options().write(true).create_new(true).open(path)?;
            let sink = HashingWriter::new(BufWriter::with_capacity(1 << 20, file));
            ArrowWriter::try_new(sink, table.schema(), Some(properties(bloom, metadata)?))
        };
        let writer = create().map_err(|error| failed(path, &error))?;
        Ok(TableWriter {
            path: path.to_path_buf(),
            writer,
            table: table.clone(),
            pending: table.rows(),
            waiting: Vec::new(),
            waiting_bytes: 0,
            rows: 0,
        })
    }

    /// Adds a row: one cell for each column, in their order.
    pub fn push(&mut self, row: Vec<Cell<'_>>) -> Result<(), SweepError> {
        self.pending.push(row)?;
        if self.pending.cells() >= BATCH_CELLS { self.flush() } else { Ok(()) }
    }

    /// Adds rows that were collected elsewhere.
    pub fn append(&mut self, mut rows: Rows) -> Result<(), SweepError> {
        if !self.pending.is_empty() {
            self.flush()?;
        }
        self.wait(&mut rows)?;
        if self.waiting_bytes >= WAITING_BYTES { self.write() } else { Ok(()) }
    }

    /// Writes what is left, closes the file and waits until it is on the disk.
    pub fn finish(mut self) -> Result<WrittenTable, SweepError> {
        self.flush()?;
        let path = self.path;
        let close = || -> Result<_, ParquetError> {
            let (buffered, sha256, bytes) = self.writer.into_inner()?.finish();
            let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
            file.sync_all()?;
            Ok(WrittenTable { rows: self.rows, bytes, sha256 })
        };
        close().map_err(|error| failed(&path, &error))
    }

    /// Encodes all rows there are.
    fn flush(&mut self) -> Result<(), SweepError> {
        let mut pending = std::mem::replace(&mut self.pending, self.table.rows());
        self.wait(&mut pending)?;
        self.write()
    }

    fn wait(&mut self, rows: &mut Rows) -> Result<(), SweepError> {
        if rows.is_empty() {
            return Ok(());
        }
        self.rows += rows.len() as u64;
        let batch = rows.take().map_err(|error| failed(&self.path, &error.into()))?;
        self.waiting_bytes += batch.get_array_memory_size();
        self.waiting.push(batch);
        Ok(())
    }

    /// Encodes the rows that wait.
    fn write(&mut self) -> Result<(), SweepError> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        if waiting.is_empty() {
            return Ok(());
        }
        let mut write = || -> Result<(), ParquetError> {
            self.writer.write(&concat_batches(&self.table.schema(), &waiting)?)?;
            if self.writer.in_progress_size() > ROW_GROUP_BYTES { self.writer.flush() } else { Ok(()) }
        };
        write().map_err(|error| failed(&self.path, &error))
    }
}

fn properties(bloom: &[&str], metadata: &[(&str, String)]) -> Result<WriterProperties, ParquetError> {
    let metadata =
        metadata.iter().map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone())).collect();
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(COMPRESSION_LEVEL)?))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_key_value_metadata(Some(metadata));
    for column in bloom {
        properties = properties.set_column_bloom_filter_enabled(ColumnPath::from(*column), true);
    }
    Ok(properties.build())
}

fn failed(path: &Path, error: &ParquetError) -> SweepError {
    SweepError::Output { path: path.to_path_buf(), reason: error.to_string() }
}
