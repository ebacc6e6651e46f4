//! The Parquet file of a table, opened so that the table can be read back. A small file is read
//! into memory at once, because readers of Parquet read each page of each column by itself. This
//! module is the only one that uses the crate `bytes`.

use std::fs::File;
use std::io::{self, Read};

use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;

/// The maximum size in bytes of a table's file that is read into memory as a whole.
const MOST_IN_MEMORY: u64 = 4 << 20;

/// The Parquet file of a table, opened so that the table can be read back: all bytes in memory if
/// the file is small, otherwise the open file.
#[derive(Debug)]
pub(super) enum TableFile {
    Memory(Bytes),
    Disk(File),
}

impl TableFile {
    /// Wraps a table's file that was just opened. If the file has at most [`MOST_IN_MEMORY`] bytes,
    /// reads all of it into memory.
    pub(super) fn new(mut file: File) -> io::Result<Self> {
        if file.metadata()?.len() > MOST_IN_MEMORY {
            return Ok(TableFile::Disk(file));
        }
        let mut bytes = Vec::new();
        // A file that is growing is read only as far as memory is meant to be taken.
        (&mut file).take(MOST_IN_MEMORY).read_to_end(&mut bytes)?;
        Ok(TableFile::Memory(bytes.into()))
    }
}

impl Length for TableFile {
    fn len(&self) -> u64 {
        match self {
            TableFile::Memory(bytes) => bytes.len() as u64,
            TableFile::Disk(file) => Length::len(file),
        }
    }
}

impl ChunkReader for TableFile {
    type T = Box<dyn Read>;

    fn get_read(&self, start: u64) -> Result<Self::T> {
        Ok(match self {
            TableFile::Memory(bytes) => Box::new(bytes.get_read(start)?),
            TableFile::Disk(file) => Box::new(file.get_read(start)?),
        })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes> {
        match self {
            // The file states its offsets, so their sum need not fit into a number.
            TableFile::Memory(bytes) if start.checked_add(length as u64).is_none() => {
                Err(ParquetError::EOF(format!("expected bytes of a file of {} bytes", bytes.len())))
            }
            TableFile::Memory(bytes) => bytes.get_bytes(start, length),
            TableFile::Disk(file) => file.get_bytes(start, length),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_from_memory_as_from_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table");
        let open = || File::open(&path).unwrap();
        let most = usize::try_from(MOST_IN_MEMORY).unwrap();
        for length in [0, 9, most, most + 1] {
            let content: Vec<u8> = (0..length).map(|place| u8::try_from(place % 251).unwrap()).collect();
            std::fs::write(&path, &content).unwrap();
            let file = TableFile::new(open()).unwrap();
            assert_eq!(matches!(file, TableFile::Memory(_)), length <= most, "{length}");
            for file in [file, TableFile::Disk(open())] {
                assert_eq!(file.len(), length as u64);
                let start = length / 2;
                let half = file.get_bytes(start as u64, length - start).unwrap();
                assert_eq!(half, &content[start..]);
                let mut read = Vec::new();
                file.get_read(start as u64).unwrap().read_to_end(&mut read).unwrap();
                assert_eq!(read, &content[start..]);
                let more = file.get_bytes(start as u64, length - start + 1);
                assert!(more.is_err(), "a byte too many");
            }
        }
    }

    #[test]
    fn offsets_that_overflow_are_an_error() {
        let file = TableFile::Memory(Bytes::from_static(b"PAR1"));
        assert!(file.get_bytes(2, usize::MAX).is_err());
        assert!(file.get_bytes(u64::MAX, 2).is_err());
        assert!(file.get_read(5).is_err());
    }
}
