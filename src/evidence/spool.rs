//! The spool: unpacked copies of files that cannot be read at any offset where they lie, such as a
//! deflated file in a zip archive.
//!
//! A copy is made when the file is first read. Small copies lie in memory. Others lie in temporary
//! files without a name, so that no file is left behind however the program ends. The memory and
//! the disk space are limited. To make room for a new copy, copies that no reader uses are removed;
//! they are made again if they are needed.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::kept::{Kept, OnDemand};
use super::layer::{SharedSource, Source};
use super::source::{FileBytes, LogBytes};

/// The size of the largest unpacked copy of a packed file that is kept in memory, in bytes. Larger
/// copies are kept in temporary files.
const MOST_IN_MEMORY: u64 = 32 << 20;
/// The most memory that all unpacked copies of packed files take together, in bytes.
const MEMORY: u64 = 256 << 20;
/// The default of `--spool-limit`: the most disk space that all unpacked copies of packed files
/// take together, in bytes.
pub const DISK: u64 = 64 << 30;
/// The number of bytes of a packed file that are unpacked at a time. If they are all zeros, they
/// take no disk space in the temporary file with the unpacked copy.
const STEP: usize = 64 << 10;

/// The folder for the unpacked copies of packed files, the most disk space that the copies may take,
/// and the flag that ends unpacking when the sweep is interrupted.
#[derive(Debug, Clone)]
pub struct SpoolPlace {
    /// The folder in which the temporary files with the unpacked copies of packed files are made.
    pub folder: PathBuf,
    /// The most disk space that all unpacked copies of packed files may take together, in bytes.
    pub limit: u64,
    /// Becomes true when the sweep is interrupted. Then no file is unpacked any more, and those
    /// that are being unpacked are given up.
    pub interrupt: Arc<AtomicBool>,
}

impl Default for SpoolPlace {
    fn default() -> Self {
        SpoolPlace { folder: std::env::temp_dir(), limit: DISK, interrupt: Arc::default() }
    }
}

/// A packed file, such as a deflated file in a zip archive, which can be unpacked from its first
/// byte on.
pub trait Packed: Send + Sync {
    /// Calls `consume` with a reader of the unpacked bytes, beginning at the first byte. Fails if
    /// `consume` fails, or if the file cannot be unpacked at all.
    fn unpack(&self, consume: &mut Consume<'_>) -> io::Result<()>;
}

/// A function that gets a reader of the unpacked bytes of a packed file, and reads them.
pub type Consume<'a> = dyn FnMut(&mut dyn Read) -> io::Result<()> + 'a;

/// The unpacked copies of packed files, with the memory and the disk space that they take.
pub struct Spool {
    place: SpoolPlace,
    copies: Arc<Kept>,
    memory: Arc<Budget>,
    disk: Arc<Budget>,
    /// True if an interruption of the sweep kept a file from being unpacked to its end.
    gave_up: AtomicBool,
}

impl Spool {
    /// Returns a spool (a store of unpacked copies of packed files) that has no copies yet. It
    /// stores large copies in `place`.
    #[must_use]
    pub fn new(place: SpoolPlace) -> Self {
        let disk = Budget::new(place.limit);
        Spool {
            place,
            copies: Arc::new(Kept::new(usize::MAX)),
            memory: Budget::new(MEMORY),
            disk,
            gave_up: AtomicBool::new(false),
        }
    }

    /// Returns true if an interruption of the sweep kept a file from being unpacked to its end.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }

    /// Fails once the sweep is interrupted.
    fn check_interrupt(&self) -> io::Result<()> {
        if self.place.interrupt.load(Ordering::Relaxed) {
            self.gave_up.store(true, Ordering::Relaxed);
            // It must not have the kind `Interrupted`, after which reads are repeated.
            return Err(io::Error::other("the sweep was interrupted before this was unpacked"));
        }
        Ok(())
    }

    /// Returns the unpacked bytes of the packed file `packed` as a source of `size` bytes. They are
    /// unpacked when they are first read.
    ///
    /// If unpacking fails or ends early, the bytes before that point can be read, and reads of the
    /// others fail. Bytes after the first `size` are not unpacked.
    pub fn unpacked(self: &Arc<Self>, size: u64, packed: Arc<dyn Packed>) -> SharedSource {
        let spool = Arc::clone(self);
        let open_ahead = {
            let (spool, packed) = (Arc::clone(self), Arc::clone(&packed));
            move || spool.copy_ahead(&*packed, size)
        };
        // A file that does not fit on the disk is not unpacked again for each read.
        let too_large: OnceLock<String> = OnceLock::new();
        let open = move || {
            if let Some(reason) = too_large.get() {
                return Err(io::Error::new(io::ErrorKind::StorageFull, reason.clone()));
            }
            let copy = spool.copy(&*packed, Size::Stated(size), Room::ForNow).inspect_err(|error| {
                if error.kind() == io::ErrorKind::StorageFull {
                    too_large.get_or_init(|| error.to_string());
                }
            });
            copy.map(|copy| Arc::new(copy) as SharedSource)
        };
        Arc::new(OnDemand::new(&self.copies, size, open).opened_ahead_by(open_ahead))
    }

    /// Unpacks the packed file `packed` at once, and returns the unpacked bytes as a source. It is
    /// for files whose unpacked size is not known before. At most `most` bytes are unpacked.
    pub fn unpacked_now(self: &Arc<Self>, most: u64, packed: Arc<dyn Packed>) -> io::Result<SharedSource> {
        let copy = self.copy(&*packed, Size::AtMost(most), Room::ForNow)?;
        let copy = Copy { size: copy.filled, flaw: copy.flaw.filter(|flaw| !flaw.is_early_end()), ..copy };
        let (size, spool) = (copy.size, Arc::clone(self));
        let open = move || {
            let copy = spool.copy(&*packed, Size::Stated(size), Room::ForNow)?;
            Ok(Arc::new(copy) as SharedSource)
        };
        Ok(Arc::new(OnDemand::opened(&self.copies, Arc::new(copy), open)))
    }

    /// Makes an unpacked copy of the file `packed`, which has `size` unpacked bytes, before the
    /// copy is read. Fails if there is not enough memory or disk space for the copy, even without
    /// the copies that were read through.
    fn copy_ahead(&self, packed: &dyn Packed, size: u64) -> io::Result<SharedSource> {
        let budget = if size <= MOST_IN_MEMORY { &self.memory } else { &self.disk };
        // Room for the whole is looked for first, so that no file is unpacked in vain.
        while budget.free() < size {
            if !self.copies.close_read_through() {
                return Err(io::Error::other("there is no room for copies that are read later"));
            }
        }
        Ok(Arc::new(self.copy(packed, Size::Stated(size), Room::ForLater)?))
    }

    fn copy(&self, packed: &dyn Packed, size: Size, room: Room) -> io::Result<Copy> {
        self.check_interrupt()?;
        // Less memory is in use at a time, and the new copy can get that of the old ones.
        while self.copies.close_read_through() {}
        let mut copy = None;
        packed.unpack(&mut |unpacked| {
            copy = Some(self.copy_of(unpacked, size, room)?);
            Ok(())
        })?;
        copy.ok_or_else(|| io::Error::other("nothing was unpacked"))
    }

    /// Makes a copy of the bytes that the reader `unpacked` returns while it unpacks a file, up to
    /// `size`. If unpacking fails, that is no error: the copy ends there and has a flaw.
    fn copy_of(&self, unpacked: &mut dyn Read, size: Size, room: Room) -> io::Result<Copy> {
        let mut copy = NewCopy::new(self, size, room)?;
        let size = size.most();
        let mut block = vec![0; STEP];
        let mut flaw = None;
        while copy.filled < size && flaw.is_none() {
            self.check_interrupt()?;
            let wanted = usize::try_from(size - copy.filled).unwrap_or(STEP).min(STEP);
            let (read, end) = read_block(unpacked, block.get_mut(..wanted).unwrap_or_default());
            copy.push(block.get(..read).unwrap_or_default())?;
            flaw = match end {
                BlockEnd::Full => None,
                BlockEnd::OfBytes => Some(Flaw::EarlyEnd { expected: size, found: copy.filled }),
                BlockEnd::Failed(error) => Some(Flaw::Unpacking(error.to_string())),
            };
        }
        if flaw.is_none() {
            // Some readers verify a checksum when they come to the end.
            flaw = match unpacked.read(&mut [0]) {
                Ok(0) => None,
                Ok(_) => Some(Flaw::Longer { expected: size }),
                Err(error) => Some(Flaw::Unpacking(error.to_string())),
            };
        }
        copy.finish(size, flaw)
    }

    /// Reserves `bytes` more bytes of `budget`, which is the memory or the disk space of all
    /// copies, for the copy whose share is `taken`. If too little is left, removes other copies, as
    /// far as `room` allows it. Returns false if the bytes cannot be reserved even so.
    fn take(&self, budget: &Arc<Budget>, taken: &mut Taken, bytes: u64, room: Room) -> bool {
        loop {
            if budget.take(bytes) {
                taken.bytes += bytes;
                return true;
            }
            let is_made = bytes <= budget.limit
                && match room {
                    Room::ForNow => self.copies.close_read_through() || self.copies.close_unused(),
                    Room::ForLater => self.copies.close_read_through(),
                };
            if !is_made {
                return false;
            }
        }
    }
}

/// What is known about the size of a packed file before it is unpacked.
#[derive(Debug, Clone, Copy)]
enum Size {
    /// The archive states that the unpacked file has this number of bytes.
    Stated(u64),
    /// The size is not known. At most this number of bytes is unpacked.
    AtMost(u64),
}

impl Size {
    /// Returns the most bytes of the file that are unpacked.
    fn most(self) -> u64 {
        let (Size::Stated(bytes) | Size::AtMost(bytes)) = self;
        bytes
    }
}

/// When a new unpacked copy of a file is read, at once or later. This decides which other copies
/// may be removed to make room for it.
#[derive(Debug, Clone, Copy)]
enum Room {
    /// The new copy is read at once. Any other copy that no reader uses may be removed, first those
    /// of which as many bytes were read as they have.
    ForNow,
    /// The new copy is read later. Only copies of which as many bytes were read as they have may be
    /// removed.
    ForLater,
}

/// Why `read_block`, which fills a block with unpacked bytes, stopped.
enum BlockEnd {
    /// The block is full, so that more bytes may follow.
    Full,
    /// The end of the unpacked file was reached.
    OfBytes,
    /// Unpacking the next bytes failed with this error.
    Failed(io::Error),
}

/// Reads unpacked bytes of a file from `reader` into `block`, until `block` is full if possible.
/// Returns the number of bytes that were read, and why reading stopped.
fn read_block(reader: &mut dyn Read, block: &mut [u8]) -> (usize, BlockEnd) {
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match reader.read(rest) {
            Ok(0) => return (filled, BlockEnd::OfBytes),
            Ok(read) => filled += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return (filled, BlockEnd::Failed(error)),
        }
    }
    (filled, BlockEnd::Full)
}

/// What is wrong with the unpacked copy of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
enum Flaw {
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
}

impl Flaw {
    fn is_early_end(&self) -> bool {
        matches!(self, Flaw::EarlyEnd { .. })
    }
}

/// The memory, or the disk space, that all unpacked copies of packed files share: its limit, and
/// how much is reserved.
#[derive(Debug)]
struct Budget {
    limit: u64,
    used: Mutex<u64>,
}

impl Budget {
    fn new(limit: u64) -> Arc<Self> {
        Arc::new(Budget { limit, used: Mutex::new(0) })
    }

    /// Returns the number of bytes of memory or disk space that no copy has reserved.
    fn free(&self) -> u64 {
        self.limit - *self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self, bytes: u64) -> bool {
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        let is_left = used.checked_add(bytes).is_some_and(|used| used <= self.limit);
        *used += if is_left { bytes } else { 0 };
        is_left
    }
}

/// The memory or disk space that one unpacked copy of a file takes. It becomes free when the copy
/// is removed.
#[derive(Debug)]
struct Taken {
    budget: Arc<Budget>,
    bytes: u64,
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
struct NewCopy<'a> {
    spool: &'a Spool,
    room: Room,
    memory: Vec<u8>,
    /// The temporary file with the copy. `None` as long as the copy fits into memory.
    file: Option<File>,
    taken: Taken,
    filled: u64,
}

impl<'a> NewCopy<'a> {
    fn new(spool: &'a Spool, size: Size, room: Room) -> io::Result<Self> {
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

    fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
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

    fn finish(self, size: u64, flaw: Option<Flaw>) -> io::Result<Copy> {
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
struct Copy {
    content: Content,
    /// The size of the unpacked file in bytes, as the archive states it. If the archive states
    /// none, it is the number of bytes that were unpacked.
    size: u64,
    /// The number of bytes of the file that could be unpacked. Reads beyond them fail.
    filled: u64,
    flaw: Option<Flaw>,
    read: ReadSteps,
    _taken: Taken,
}

/// Which steps (pieces of [`STEP`] bytes) of an unpacked copy were read so far, at least in part.
struct ReadSteps {
    /// A bit for each step, from the lowest bit of the first number on: 1 if it was read.
    read: Vec<AtomicU64>,
    /// The number of steps that were not read yet.
    left: AtomicU64,
}

impl ReadSteps {
    /// Returns the steps of a copy of `size` bytes, none of which was read.
    fn of(size: u64) -> Self {
        let steps = size.div_ceil(STEP as u64);
        let read = (0..steps.div_ceil(64)).map(|_| AtomicU64::new(0)).collect();
        ReadSteps { read, left: AtomicU64::new(steps) }
    }

    /// Marks the steps with the `length` bytes at `offset` as read.
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicUsize;

    use super::super::layer::{Slice, read_exact};
    use super::*;

    fn spool(limit: u64) -> (tempfile::TempDir, Arc<Spool>) {
        let folder = tempfile::tempdir().unwrap();
        let place = SpoolPlace { folder: folder.path().to_path_buf(), limit, ..SpoolPlace::default() };
        (folder, Arc::new(Spool::new(place)))
    }

    /// Bytes that differ from block to block, with blocks of zeros between.
    fn pattern(length: usize) -> Vec<u8> {
        let byte = |at: usize| if at / STEP % 3 == 1 { 0 } else { u8::try_from(at / 7 % 251).unwrap() };
        (0..length).map(byte).collect()
    }

    impl<R: Read, F: Fn() -> R + Send + Sync> Packed for F {
        fn unpack(&self, consume: &mut Consume<'_>) -> io::Result<()> {
            consume(&mut self())
        }
    }

    fn used(budget: &Budget) -> u64 {
        *budget.used.lock().unwrap()
    }

    #[test]
    fn copies_lie_in_memory_or_on_disk_and_read_alike() {
        let (folder, spool) = spool(DISK);
        for length in [0, 1, STEP, 3 * STEP + 1, 33 << 20] {
            let bytes = Arc::new(pattern(length));
            let packed = {
                let bytes = Arc::clone(&bytes);
                Arc::new(move || io::Cursor::new(bytes.to_vec()))
            };
            for source in [
                spool.unpacked(length as u64, packed.clone()),
                spool.unpacked_now(1 << 30, packed.clone()).unwrap(),
            ] {
                assert_eq!(source.size(), length as u64);
                assert_eq!(source.flaw(), None);
                assert!(read_exact(&*source, 0, length).unwrap() == *bytes, "{length}");
                let middle = read_exact(&*source, (length / 2) as u64, length / 3).unwrap();
                assert!(middle == bytes[length / 2..length / 2 + length / 3]);
            }
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "files have no names");
        }
        assert_eq!((used(&spool.memory), used(&spool.disk)), (0, 0), "all sources are gone");
    }

    #[test]
    fn what_is_not_read_makes_room_and_comes_back() {
        let (_folder, spool) = spool(0);
        let length = 30_usize << 20;
        let source =
            |byte| spool.unpacked(length as u64, Arc::new(move || io::repeat(byte).take(length as u64)));
        let sources: Vec<SharedSource> = (1..=20).map(source).collect();
        for round in 0..2 {
            for (number, source) in sources.iter().enumerate() {
                let byte = u8::try_from(number + 1).unwrap();
                assert_eq!(read_exact(&**source, 20 << 20, 5).unwrap(), [byte; 5], "{round}");
                assert!(used(&spool.memory) <= MEMORY);
            }
        }
    }

    #[test]
    fn a_copy_goes_when_all_of_it_was_read_and_its_flaw_stays_known() {
        let (_folder, spool) = spool(DISK);
        let unpacked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&unpacked);
        let steps = 3 * STEP as u64 + 5;
        let one = spool.unpacked(
            steps + 1,
            Arc::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
                io::repeat(1).take(steps)
            }),
        );
        let other = || read_exact(&*spool.unpacked(9, Arc::new(|| io::repeat(2).take(9))), 0, 1).unwrap();
        for offset in [0, 5, STEP as u64, 0, 3 * STEP as u64] {
            assert_eq!(read_exact(&*one, offset, 5).unwrap(), [1; 5]);
            other();
        }
        assert_eq!(read_exact(&*one, 0, 1).unwrap(), [1]);
        assert_eq!(unpacked.load(Ordering::Relaxed), 1, "one step was not read yet");
        assert_eq!(read_exact(&*one, 2 * STEP as u64 - 1, 2).unwrap(), [1; 2]);
        other();
        assert!(one.flaw().is_some());
        assert_eq!(unpacked.load(Ordering::Relaxed), 1, "what is wrong is still known");
        assert_eq!(read_exact(&*one, 7, 1).unwrap(), [1]);
        assert_eq!(unpacked.load(Ordering::Relaxed), 2, "it was removed after all steps were read");
    }

    #[test]
    fn a_file_is_unpacked_ahead_only_where_no_copy_is_needed() {
        let (_folder, spool) = spool(50 << 20);
        let large = |byte| spool.unpacked(40 << 20, Arc::new(move || io::repeat(byte).take(40 << 20)));
        let (one, other) = (large(1), large(2));
        assert!(one.make_ready_ahead());
        assert!(!one.make_ready_ahead(), "it is unpacked already");
        assert_eq!(used(&spool.disk), 40 << 20);
        assert_eq!(read_exact(&*one, 9, 20 << 20).unwrap().len(), 20 << 20);
        assert!(!other.make_ready_ahead(), "half of the first file is still to be read");
        assert_eq!(read_exact(&*one, 20 << 20, 20 << 20).unwrap().len(), 20 << 20);
        assert!(other.make_ready_ahead(), "the first file was read through");
        let again = large(3);
        assert_eq!(read_exact(&*again, 5, 1).unwrap(), [3], "a read makes room");
        assert_eq!(read_exact(&*other, 5, 1).unwrap(), [2]);
        assert_eq!(used(&spool.disk), 40 << 20);
        assert_eq!(read_exact(&*one, 5, 1).unwrap(), [1]);
        let small = spool.unpacked(9, Arc::new(|| io::repeat(3).take(9)));
        assert!(Slice::new(Arc::clone(&small), 2, 3).make_ready_ahead(), "a range is ready as its whole");
        assert_eq!(used(&spool.memory), 9);
    }

    #[test]
    fn what_does_not_fit_on_the_disk_fails() {
        let (_folder, spool) = spool(40 << 20);
        let source = spool.unpacked(50 << 20, Arc::new(|| io::repeat(1).take(50 << 20)));
        let error = read_exact(&*source, 0, 1).unwrap_err().to_string();
        assert!(error.contains("--spool-limit"), "{error}");
        assert_eq!(used(&spool.disk), 0);
        let unpacked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&unpacked);
        let source = spool.unpacked(
            50 << 20,
            Arc::new(move || {
                count.fetch_add(1, Ordering::Relaxed);
                io::repeat(1).take(50 << 20)
            }),
        );
        assert!((0..3).all(|_| read_exact(&*source, 0, 1).is_err()));
        assert_eq!(unpacked.load(Ordering::Relaxed), 1, "it is unpacked once");
        let zeros = spool.unpacked(50 << 20, Arc::new(|| io::repeat(0).take(50 << 20)));
        assert_eq!(read_exact(&*zeros, 49 << 20, 3).unwrap(), [0; 3], "zeros take no space");
    }

    #[test]
    fn an_interruption_ends_unpacking_and_leaves_nothing() {
        let (_folder, spool) = spool(DISK);
        let whole = spool.unpacked(100_000, Arc::new(|| io::repeat(7).take(100_000)));
        assert_eq!(read_exact(&*whole, 0, 1000).unwrap(), [7; 1000]);
        // The flag is set while a file of 16 TiB is unpacked.
        let interrupt = Arc::clone(&spool.place.interrupt);
        let endless = move || {
            interrupt.store(true, Ordering::Relaxed);
            io::repeat(0).take(1 << 44)
        };
        let endless: Arc<dyn Packed> = Arc::new(endless);
        let source = spool.unpacked(1 << 44, Arc::clone(&endless));
        assert!(!spool.gave_up());
        let error = read_exact(&*source, 0, 1).unwrap_err();
        assert!(error.to_string().contains("was interrupted") && spool.gave_up(), "{error}");
        assert_ne!(error.kind(), io::ErrorKind::Interrupted, "the read would be repeated");
        assert!(spool.unpacked_now(1 << 44, endless).is_err());
        assert_eq!(read_exact(&*whole, 0, 1000).unwrap(), [7; 1000], "what is there can be read");
        drop(whole);
        assert_eq!((used(&spool.memory), used(&spool.disk)), (0, 0));
    }

    /// A reader that fails at once.
    struct Fails;

    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("bad block"))
        }
    }

    #[test]
    fn bytes_before_a_fault_can_be_read() {
        let (_folder, spool) = spool(DISK);
        let failing = Arc::new(|| io::repeat(7).take(100_000).chain(Fails));
        let source = spool.unpacked(200_000, failing.clone());
        assert_eq!(read_exact(&*source, 99_000, 1000).unwrap(), [7; 1000]);
        let error = read_exact(&*source, 99_500, 1000).unwrap_err().to_string();
        assert_eq!(error, "unpacking failed: bad block");
        assert_eq!(source.flaw().unwrap(), error);
        // A wrong checksum shows at the end, when all bytes are there.
        let source = spool.unpacked(100_000, failing.clone());
        assert_eq!(read_exact(&*source, 0, 100_000).unwrap(), vec![7; 100_000]);
        assert_eq!(source.flaw().unwrap(), error);
        let short = spool.unpacked(100_001, Arc::new(|| io::repeat(7).take(100_000)));
        assert_eq!(read_exact(&*short, 0, 100_000).unwrap(), vec![7; 100_000]);
        assert!(read_exact(&*short, 100_000, 1).unwrap_err().to_string().contains("found 100000"));
        let long = spool.unpacked(99_999, Arc::new(|| io::repeat(7).take(100_000)));
        assert_eq!(read_exact(&*long, 0, 99_999).unwrap(), vec![7; 99_999]);
        assert!(long.flaw().unwrap().contains("found more"));
        let now = spool.unpacked_now(1 << 20, failing).unwrap();
        assert_eq!((now.size(), now.flaw()), (100_000, Some(error)));
    }
}
