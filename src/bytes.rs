//! How a log's bytes are reached: a length and positioned reads.
//!
//! Everything after discovery reads a log through this trait alone, so that it does not matter
//! whether the bytes lie in a plain file or, later, inside an archive or a disk image.

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// The first bytes of every event log.
pub const FILE_SIGNATURE: &[u8; 8] = b"ElfFile\0";
/// Bytes from the start of a log to its first chunk.
pub const FILE_HEADER_SIZE: u64 = 4096;
/// Bytes of a chunk.
pub const CHUNK_SIZE: u64 = 65536;

/// A log's bytes. Positioned reads share no cursor, so several threads may read one log.
pub trait LogBytes: Send + Sync {
    /// Reads up to `buffer.len()` bytes that lie `offset` bytes into the log; returns how many
    /// were read, which is less than asked for only at the log's end.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;

    /// What tells whether it is still as it was; `None` if that is not known.
    fn state(&self) -> Option<FileState> {
        None
    }
}

/// What changes of a file when it is written to, or when another one takes its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileState {
    /// Its size in bytes.
    pub size: u64,
    /// When it was last changed: seconds since 1970 and nanoseconds.
    pub modified: (i64, i64),
}

impl FileState {
    /// What the system says of a file.
    pub(crate) fn of(metadata: &Metadata) -> Self {
        FileState { size: metadata.len(), modified: (metadata.mtime(), metadata.mtime_nsec()) }
    }
}

/// The bytes of a regular file, opened for reading only.
#[derive(Debug)]
pub struct FileBytes(File);

impl FileBytes {
    /// Opens `path` for reading.
    pub fn open(path: &Path) -> io::Result<Self> {
        File::open(path).map(FileBytes)
    }
}

impl LogBytes for FileBytes {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match self.0.read_at(rest, offset + filled as u64) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }

    fn state(&self) -> Option<FileState> {
        self.0.metadata().ok().map(|metadata| FileState::of(&metadata))
    }
}

impl LogBytes for Vec<u8> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        let read = buffer.len().min(self.len() - start);
        if let (Some(to), Some(from)) = (buffer.get_mut(..read), self.get(start..start + read)) {
            to.copy_from_slice(from);
        }
        Ok(read)
    }
}
