//! The spool: unpacked copies of packed files. A packed file, such as a deflated file in a zip
//! archive, can only be read from its start on, but its unpacked copy can be read at any offset.
//!
//! A copy is made when the file is first read. Small copies are in memory. Others are in temporary
//! files without a name, so that no file is left over however the program ends. The memory and the
//! disk space are limited. So before a new copy is made, copies that were read through (reads have
//! reached all their parts) are removed. If there is still too little room, others that no reader
//! uses are removed, too. A removed copy is made again if it is needed. `copy` makes a single copy
//! and reads it. `memory` limits what unpacking itself takes.

mod copy;
mod memory;
#[cfg(test)]
mod tests;

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use self::copy::{Budget, Copy, Flaw, NewCopy, Taken};
use self::memory::Dictionaries;
pub use self::memory::DictionaryMemory;
use super::kept::{Kept, OnDemand};
use super::layer::SharedSource;

/// The size of the largest unpacked copy of a packed file that is kept in memory, in bytes. Larger
/// copies are kept in temporary files.
const MOST_IN_MEMORY: u64 = 32 << 20;
/// The most memory that all unpacked copies of packed files take together, in bytes. If too little
/// of it is left for a copy that is read at once, the copy is kept in a temporary file.
const MEMORY: u64 = 256 << 20;
/// The default of `--spool-limit`: the most disk space that all unpacked copies of packed files
/// take together, in bytes. If the copy of a file does not fit, even after other copies were
/// removed, reads of the file fail.
pub const DISK: u64 = 64 << 30;
/// The number of bytes of a packed file that are unpacked at a time. If they are all zeros, they
/// take no disk space in the temporary file with the unpacked copy.
const STEP: usize = 64 << 10;

/// The folder for the unpacked copies of packed files, the most disk space that the copies may
/// take, and the flag that ends unpacking when the sweep is interrupted.
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

/// A packed file, such as a deflated file in a zip archive. It can only be unpacked from its first
/// byte on.
pub trait Packed: Send + Sync {
    /// Calls `consume` with a reader of the unpacked bytes, beginning at the first byte. Fails if
    /// `consume` fails, or if the file cannot be unpacked at all.
    fn unpack(&self, consume: &mut Consume<'_>) -> io::Result<()>;

    /// Returns the number of bytes of memory that unpacking takes for a dictionary: the last
    /// unpacked bytes, to which packed bytes refer. It is 0 for a method that needs little memory.
    fn memory(&self) -> u64 {
        0
    }
}

/// A function that gets a reader of the unpacked bytes of a packed file, and reads them.
pub type Consume<'a> = dyn FnMut(&mut dyn Read) -> io::Result<()> + 'a;

/// The unpacked copies of packed files, with the memory and the disk space that they take.
pub struct Spool {
    place: SpoolPlace,
    copies: Arc<Kept>,
    memory: Arc<Budget>,
    disk: Arc<Budget>,
    dictionaries: Arc<Dictionaries>,
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
            dictionaries: Arc::default(),
            gave_up: AtomicBool::new(false),
        }
    }

    /// Returns true if an interruption of the sweep kept a file from being unpacked to its end.
    #[must_use]
    pub fn gave_up(&self) -> bool {
        self.gave_up.load(Ordering::Relaxed)
    }

    /// Reserves `bytes` bytes of memory for the dictionary (the last unpacked bytes) of a file that
    /// is to be unpacked. Waits while the dictionaries of other files take too much. The memory
    /// becomes free when the returned value is dropped.
    pub(super) fn dictionary(&self, bytes: u64) -> DictionaryMemory {
        self.dictionaries.take(bytes)
    }

    /// Fails if the sweep was interrupted. [`Spool::gave_up`] returns true from then on.
    pub(super) fn check_interrupt(&self) -> io::Result<()> {
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
    /// If unpacking fails or ends early, the bytes before that point can be read, and reads that
    /// reach beyond it fail. Only the first `size` bytes are unpacked; the source has a flaw if
    /// there are more.
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

    /// Unpacks the packed file `packed` at once, and returns the unpacked bytes as a source. Call
    /// this function for a file that does not state its unpacked size in advance. At most `most`
    /// bytes are unpacked; the source has a flaw if the file has more.
    pub fn unpacked_now(self: &Arc<Self>, most: u64, packed: Arc<dyn Packed>) -> io::Result<SharedSource> {
        let copy = self.copy(&*packed, Size::AtMost(most), Room::ForNow)?;
        let copy = copy.of_unstated_size();
        let (size, spool) = (copy.size, Arc::clone(self));
        let open = move || {
            let copy = spool.copy(&*packed, Size::Stated(size), Room::ForNow)?;
            Ok(Arc::new(copy) as SharedSource)
        };
        Ok(Arc::new(OnDemand::opened(&self.copies, Arc::new(copy), open)))
    }

    /// Makes an unpacked copy of the file `packed`, which has `size` unpacked bytes, for later
    /// reads. Fails if there is not enough memory or disk space for the copy, even after copies
    /// were removed that were read through (reads have reached all their parts).
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
        let _memory = self.dictionary(packed.memory());
        let mut copy = None;
        packed.unpack(&mut |unpacked| {
            copy = Some(self.copy_of(unpacked, size, room)?);
            Ok(())
        })?;
        copy.ok_or_else(|| io::Error::other("nothing was unpacked"))
    }

    /// Makes a copy of the unpacked bytes that `unpacked` returns, up to `size`. If unpacking
    /// fails, that is not an error: the copy ends there and has a flaw. Fails if there is no room
    /// for the copy, or if the sweep is interrupted.
    fn copy_of(&self, unpacked: &mut dyn Read, size: Size, room: Room) -> io::Result<Copy> {
        let mut copy = NewCopy::new(self, size, room)?;
        let longer = size.longer();
        let size = size.most();
        let mut block = vec![0; STEP];
        let mut flaw = None;
        while copy.filled < size && flaw.is_none() {
            self.check_interrupt()?;
            let wanted = usize::try_from(size - copy.filled).unwrap_or(STEP).min(STEP);
            let (read, end) = read_block(unpacked, block.get_mut(..wanted).unwrap_or_default());
            copy.push(block.get(..read).unwrap_or_default())?;
            flaw = match end {
                BlockEnd::MoreToCome => None,
                BlockEnd::OfBytes => Some(Flaw::EarlyEnd { expected: size, found: copy.filled }),
                BlockEnd::Failed(error) => Some(Flaw::Unpacking(error.to_string())),
            };
        }
        if flaw.is_none() {
            // Some readers verify a checksum when they come to the end.
            flaw = match unpacked.read(&mut [0]) {
                Ok(0) => None,
                Ok(_) => Some(longer),
                Err(error) => Some(Flaw::Unpacking(error.to_string())),
            };
        }
        copy.finish(size, flaw)
    }

    /// Reserves `bytes` more bytes of `budget`, which is the memory or the disk space of all
    /// copies, for one copy. `taken` is what that copy has reserved so far, and grows. If too
    /// little is left, removes other copies, as far as `room` allows it. Returns false if even that
    /// frees too little.
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
    /// Returns the maximum number of bytes of the file that are unpacked.
    fn most(self) -> u64 {
        let (Size::Stated(bytes) | Size::AtMost(bytes)) = self;
        bytes
    }

    /// Returns what is wrong with a file that has more bytes than are unpacked.
    fn longer(self) -> Flaw {
        match self {
            Size::Stated(expected) => Flaw::Longer { expected },
            Size::AtMost(most) => Flaw::TooLong { most },
        }
    }
}

/// Whether a new unpacked copy of a file is read at once or later. This decides which other copies
/// may be removed to make room for it.
#[derive(Debug, Clone, Copy)]
enum Room {
    /// The new copy is read at once. Any other copy that no reader uses may be removed. Copies that
    /// were read through, which means that reads have reached all their parts, are removed first.
    ForNow,
    /// The new copy is read later. Only other copies that were read through, which means that reads
    /// have reached all their parts, may be removed.
    ForLater,
}

/// Why `read_block`, which fills a block with unpacked bytes, stopped.
enum BlockEnd {
    /// The block is full, or a read was interrupted ([`io::ErrorKind::Interrupted`]). More bytes
    /// may follow.
    MoreToCome,
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
            // The caller goes on, unless the sweep is interrupted.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => break,
            Err(error) => return (filled, BlockEnd::Failed(error)),
        }
    }
    (filled, BlockEnd::MoreToCome)
}
