//! An unpacked copy of a packed file: how it is made in memory or in a temporary file, what it
//! takes of the memory and the disk space that all copies share, and how it is read.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::{MOST_IN_MEMORY, Room, STEP, Size, Spool};
use crate::evidence::layer::Source;
use crate::evidence::source::{FileBytes, LogBytes};

/// What is wrong with the unpacked copy of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    /// The packed bytes are damaged, or their checksum is wrong. Contains the error message of
    /// unpacking.
    #[error("unpacking failed: {0}")]
    Unpacking(String),
    /// The file has fewer unpacked bytes than the archive states.
    #[error("expected {expected} bytes, as the archive states, found {found}")]
    EarlyEnd { expected: u64, found: u64 },
    /// The file has more unpacked bytes than the archive states.
    #[error("expected {expected} bytes, as the archive states, found more; they are not read")]
    Longer { expected: u64 },
    /// The archive does not state the file's size, and the file has more than `most` unpacked
    /// bytes. That is the maximum that is unpacked of a file whose size is not stated.
    #[error("expected at most {most} bytes, found more; they are not read")]
    TooLong { most: u64 },
}

impl Flaw {
    pub(super) fn is_early_end(&self) -> bool {
        matches!(self, Flaw::EarlyEnd { .. })
    }
}

/// The memory, or the disk space, that all unpacked copies of packed files share: its limit, and
/// how much is reserved.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) limit: u64,
    pub(super) used: Mutex<u64>,
}

impl Budget {
    pub(super) fn new(limit: u64) -> Arc<Self> {
        Arc::new(Budget { limit, used: Mutex::new(0) })
    }

    /// Returns the number of bytes of memory or disk space that no copy has reserved.
    pub(super) fn free(&self) -> u64 {
        self.limit - *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn take(&self, bytes: u64) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let is_left = used.checked_add(bytes).is_some_and(|used| used <= self.limit);
        *used += if is_left { bytes } else { 0 };
        is_left
    }
}

/// The memory or disk space that one unpacked copy of a file takes. It becomes free when the copy
/// is removed.
#[derive(Debug)]
pub(super) struct Taken {
    budget: Arc<Budget>,
    pub(super) bytes: u64,
}

impl Drop for Taken {
    fn drop(&mut self) {
        *self.budget.used.lock().unwrap_or_else(PoisonError::into_inner) -= self.bytes;
    }
}

/// Where the bytes of an unpacked copy of a file lie: in memory or in a temporary file.
enum Content {
    Memory(Vec<u8>),
    Disk(FileBytes),
}

/// An unpacked copy of a file while it is being made.
pub(super) struct NewCopy<'a> {
    spool: &'a Spool,
    room: Room,
    memory: Vec<u8>,
    /// The temporary file with the copy. `None` while the copy is in memory.
    file: Option<File>,
    taken: Taken,
    pub(super) filled: u64,
}

impl<'a> NewCopy<'a> {
    pub(super) fn new(spool: &'a Spool, size: Size, room: Room) -> io::Result<Self> {
        let taken = Taken { budget: Arc::clone(&spool.memory), bytes: 0 };
        let mut copy = NewCopy { spool, room, memory: Vec::new(), file: None, taken, filled: 0 };
        match size {
            // Memory of the right size need not grow, which would copy what was unpacked before.
            // The system provides a page of it when the page is first written.
            Size::Stated(size) if size <= MOST_IN_MEMORY => {
                copy.memory = Vec::with_capacity(usize::try_from(size).expect("a few MiB fit"));
            }
            Size::Stated(_) => copy.move_to_disk()?,
            Size::AtMost(_) => {}
        }
        Ok(copy)
    }

    pub(super) fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        let length = bytes.len() as u64;
        if self.file.is_none() {
            let fits = self.filled + length <= MOST_IN_MEMORY
                && self.spool.take(&self.spool.memory, &mut self.taken, length, self.room);
            if fits {
                self.memory.extend_from_slice(bytes);
                self.filled += length;
                return Ok(());
            }
            self.move_to_disk()?;
        }
        self.append(bytes)
    }

    fn move_to_disk(&mut self) -> io::Result<()> {
        self.file = Some(tempfile::tempfile_in(&self.spool.place.folder)?);
        self.taken = Taken { budget: Arc::clone(&self.spool.disk), bytes: 0 };
        self.filled = 0;
        let memory = std::mem::take(&mut self.memory);
        memory.chunks(STEP).try_for_each(|block| self.append(block))
    }

    /// Appends the unpacked bytes `block` to the temporary file with the copy. If they are all
    /// zeros, they become a hole, which takes no disk space.
    fn append(&mut self, block: &[u8]) -> io::Result<()> {
        let file = self.file.as_mut().expect("the caller made the file");
        if block.iter().any(|byte| *byte != 0) {
            if !self.spool.take(&self.spool.disk, &mut self.taken, block.len() as u64, self.room) {
                let limit = self.spool.place.limit;
                let never_fits = self.taken.bytes + block.len() as u64 > limit;
                let kind = if never_fits { io::ErrorKind::StorageFull } else { io::ErrorKind::Other };
                let reason = "unpacking needs more disk space than the";
                return Err(io::Error::new(kind, format!("{reason} {limit} bytes of --spool-limit")));
            }
            file.seek(SeekFrom::Start(self.filled))?;
            file.write_all(block)?;
        }
        self.filled += block.len() as u64;
        Ok(())
    }

    pub(super) fn finish(self, size: u64, flaw: Option<Flaw>) -> io::Result<Copy> {
        let NewCopy { mut memory, file, taken, filled, .. } = self;
        let content = if let Some(file) = file {
            file.set_len(filled)?;
            Content::Disk(FileBytes::from(file))
        } else {
            memory.shrink_to_fit();
            Content::Memory(memory)
        };
        Ok(Copy { content, size, filled, flaw, read: ReadSteps::of(filled), _taken: taken })
    }
}

/// The unpacked bytes of a packed file, in memory or in a temporary file.
pub(super) struct Copy {
    content: Content,
    /// The size of the unpacked file in bytes, as the archive states it. If the archive states
    /// none, it is the number of bytes that were unpacked.
    pub(super) size: u64,
    /// The number of bytes of the file that could be unpacked. Reads beyond them fail.
    pub(super) filled: u64,
    flaw: Option<Flaw>,
    read: ReadSteps,
    _taken: Taken,
}

/// Which steps of an unpacked copy of a file were read so far, at least in part. A step is a piece
/// of [`STEP`] bytes.
struct ReadSteps {
    /// A bit for each step (a piece of [`STEP`] bytes) of the unpacked copy, from the lowest bit of
    /// the first number on. The bit is 1 if at least one byte of the step was read.
    read: Vec<AtomicU64>,
    /// The number of steps (pieces of [`STEP`] bytes) of the unpacked copy of which no byte was
    /// read yet.
    left: AtomicU64,
}

impl ReadSteps {
    /// Returns the steps (pieces of [`STEP`] bytes) of an unpacked copy of `size` bytes, none of
    /// which was read yet.
    fn of(size: u64) -> Self {
        let steps = size.div_ceil(STEP as u64);
        let read = (0..steps.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        ReadSteps { read, left: AtomicU64::new(steps) }
    }

    /// Marks the steps (pieces of [`STEP`] bytes) of the unpacked copy that contain the `length`
    /// bytes at `offset` as read.
    fn add(&self, offset: u64, length: usize) {
        let end = offset.saturating_add(length as u64).div_ceil(STEP as u64);
        for step in offset / STEP as u64..end {
            let word = usize::try_from(step / 64).ok().and_then(|word| self.read.get(word));
            let bit = 1 << (step % 64);
            if word.is_some_and(|word| word.fetch_or(bit, Ordering::Relaxed) & bit == 0) {
                self.left.fetch_sub(1, Ordering::Relaxed);
            }
        }
    }
}

impl Copy {
    /// Returns this copy, with the number of bytes that could be unpacked as the size of the file.
    /// Call this method if the archive does not state the file's size. That unpacking ended before
    /// the maximum size is then not a flaw.
    pub(super) fn of_unstated_size(self) -> Self {
        Copy { size: self.filled, flaw: self.flaw.filter(|flaw| !flaw.is_early_end()), ..self }
    }
}

impl LogBytes for Copy {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let end = offset.saturating_add(buffer.len() as u64).min(self.size);
        if let Some(flaw) = self.flaw.as_ref().filter(|_| end > self.filled) {
            return Err(io::Error::other(flaw.clone()));
        }
        let read = match &self.content {
            Content::Memory(bytes) => bytes.read_at(offset, buffer),
            Content::Disk(file) => file.read_at(offset, buffer),
        }?;
        self.read.add(offset, read);
        Ok(read)
    }
}

impl Source for Copy {
    fn size(&self) -> u64 {
        self.size
    }

    fn flaw(&self) -> Option<String> {
        self.flaw.as_ref().map(ToString::to_string)
    }

    fn is_read_through(&self) -> bool {
        self.read.left.load(Ordering::Relaxed) == 0
    }
}
