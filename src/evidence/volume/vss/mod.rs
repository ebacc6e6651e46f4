//! Shadow copies: earlier states (snapshots) of an NTFS volume, which Windows keeps on the volume
//! itself.
//!
//! A *catalog* lists the snapshots. Each snapshot has a *store*. It keeps the old content of the
//! blocks of 16 KiB that were overwritten after the snapshot was taken and before the next one was.
//! If a store does not keep a block, its snapshot has the block of the next newer snapshot. The
//! newest snapshot then has the block of the live volume.
//!
//! A store has a *block list* with three kinds of entries. A plain entry tells where the store
//! keeps a block. A *forwarder* tells that the content of a block was moved to another place on the
//! volume. An *overlay* tells which parts of a block the store keeps.
//!
//! The format is the one that libvshadow documents. The tests compare all results with those of
//! libvshadow.
//!
//! In this module, `catalog` reads the list of snapshots, `store` reads the block lists, and
//! `snapshot` reads the bytes of a snapshot. The structures are chains of blocks, which `chain`
//! reads.

mod catalog;
mod chain;
mod problem;
mod snapshot;
mod store;
#[cfg(test)]
mod tests;

use std::fmt;
use std::io;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use crate::evidence::layer::SharedSource;

use self::catalog::{Catalog, Listed};
pub use self::problem::{Problem, ProblemKind};
use self::snapshot::Snapshot;
use self::store::{Store, StoreReader};

/// The size in bytes of a block: the unit in which shadow copies keep the old content of what was
/// overwritten.
pub const BLOCK_SIZE: u64 = BLOCK_LENGTH as u64;
/// The value of [`BLOCK_SIZE`] as the length of a buffer.
const BLOCK_LENGTH: usize = 16 * 1024;

/// An identifier of 16 bytes, in the byte order in which Windows stores it. Displayed as text, it
/// has the form that Windows shows, such as `600f0b69-5bdf-11e3-9d6c-005056c00008`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(pub [u8; 16]);

impl fmt::Display for Guid {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, rest) = self.0.split_at(8);
        // The first three groups are numbers, whose lowest byte comes first.
        for group in [0..4, 4..6, 6..8] {
            for byte in first.get(group).unwrap_or_default().iter().rev() {
                write!(to, "{byte:02x}")?;
            }
            to.write_str("-")?;
        }
        for (index, byte) in rest.iter().enumerate() {
            write!(to, "{}{byte:02x}", if index == 2 { "-" } else { "" })?;
        }
        Ok(())
    }
}

/// A shadow copy of a volume (also called a snapshot), as the catalog lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowCopy {
    /// The number of the snapshot, by age. The oldest snapshot of a volume has number 1.
    pub number: usize,
    /// The identifier of the snapshot's store, where Windows keeps overwritten blocks. The name of
    /// the file that contains the store begins with it:
    /// `System Volume Information\{id}{3808876b-…}`.
    pub id: Guid,
    /// The identifier that `vssadmin list shadows` shows as the shadow copy's ID. `None` if the
    /// store (where Windows keeps overwritten blocks) lies on another volume, or if its header
    /// cannot be read.
    pub copy_id: Option<Guid>,
    /// The time at which the snapshot was taken, as a FILETIME: intervals of 100 ns since 1601, in
    /// UTC.
    pub created: u64,
    /// The name of the host that took the snapshot, such as `FIN-WS07.corp.example`, as the header
    /// of the snapshot's store states it. `None` if the header cannot be read or has no name.
    pub machine: Option<String>,
    /// The size of the snapshot in bytes. It is the size of the volume when the snapshot was taken,
    /// but at most the present size of the volume.
    pub size: u64,
    /// True if the snapshot's store (where Windows keeps overwritten blocks) lies on another volume
    /// (`vssadmin add shadowstorage /on=`), so that the snapshot cannot be read. This is concluded
    /// from a catalog without an entry about the store. In a damaged catalog, the entry can also be
    /// lost: see [`ShadowCopies::catalog_problems`].
    pub is_elsewhere: bool,
}

/// The shadow copies (snapshots) of a volume. Each has a store, where Windows keeps overwritten
/// blocks. A store has a block list, which says which blocks it keeps.
///
/// [`ShadowCopies::read`] reads the catalog of the snapshots and the headers of the stores, at most
/// 17 MiB. The block lists of all stores are read when one of them is first needed, at most 512
/// MiB. They take 16 bytes of memory for each block that a store keeps: at most 330 MiB, and at
/// most 470 MiB while they are read.
pub struct ShadowCopies {
    shared: Arc<Shared>,
    listed: Vec<ShadowCopy>,
}

/// What all snapshots (shadow copies) of a volume share: the live volume, the catalog that lists
/// the snapshots, and their stores, where Windows keeps overwritten blocks.
struct Shared {
    volume: SharedSource,
    listed: Vec<Listed>,
    problems: Vec<Problem>,
    /// The stores of all snapshots, which keep the old content of overwritten blocks; in the order
    /// of `listed`, from the oldest to the newest. They are read when one is first needed.
    stores: OnceLock<Vec<Store>>,
}

impl Shared {
    /// Returns the stores of all snapshots of the volume, which keep the old content of overwritten
    /// blocks. The first call reads them.
    fn stores(&self) -> &[Store] {
        self.stores.get_or_init(|| StoreReader::new(&*self.volume).read_all(&self.listed))
    }
}

impl ShadowCopies {
    /// Reads the catalog of an NTFS volume, which lists its shadow copies. Returns `None` if the
    /// volume has no shadow copies: no header of shadow copies, or one that names no catalog.
    ///
    /// Fails if the header cannot be read from the volume. Anything that is wrong after that is a
    /// [`Problem`] and not an error.
    pub fn read(volume: &SharedSource) -> io::Result<Option<ShadowCopies>> {
        let Some(Catalog { listed, problems }) = Catalog::read(&**volume)? else { return Ok(None) };
        let copies = listed.iter().enumerate().map(|(index, listed)| listed.copy(index + 1)).collect();
        let shared = Shared { volume: volume.clone(), listed, problems, stores: OnceLock::new() };
        Ok(Some(ShadowCopies { shared: Arc::new(shared), listed: copies }))
    }

    /// Returns the snapshots (shadow copies) that the volume's catalog lists, the oldest first.
    #[must_use]
    pub fn listed(&self) -> &[ShadowCopy] {
        &self.listed
    }

    /// Returns what is wrong with the catalog, which lists the shadow copies. If there is a
    /// problem, snapshots can be missing from [`ShadowCopies::listed`].
    #[must_use]
    pub fn catalog_problems(&self) -> &[Problem] {
        &self.shared.problems
    }

    /// Returns what is wrong with the stores (where Windows keeps overwritten blocks) from which
    /// the snapshot with the number `number` is read: its own store and all newer ones. Returns
    /// nothing if there is no such snapshot. Reads the stores if they were not read before.
    #[must_use]
    pub fn problems(&self, number: usize) -> Vec<Problem> {
        let (Some(index), stores) = (number.checked_sub(1), self.shared.stores()) else { return Vec::new() };
        stores.get(index..).unwrap_or_default().iter().flat_map(|store| store.problems.clone()).collect()
    }

    /// Returns the volume as it was when the snapshot with the number `number` was taken. The first
    /// read of it reads the stores (where Windows keeps overwritten blocks), if they were not read
    /// before.
    ///
    /// Fails with [`io::ErrorKind::NotFound`] if there is no such snapshot. Fails with
    /// [`io::ErrorKind::Unsupported`] if the store of the snapshot, or of a newer one, lies on
    /// another volume.
    pub fn snapshot(&self, number: usize) -> io::Result<SharedSource> {
        let index = number.checked_sub(1).filter(|index| *index < self.listed.len());
        let (index, listed) =
            index.and_then(|index| Some((index, self.listed.get(index..)?))).ok_or_else(|| {
                let found = self.listed.len();
                io::Error::new(
                    io::ErrorKind::NotFound,
                    format!("shadow copy {number}: the volume has {found} of them"),
                )
            })?;
        if let Some(elsewhere) = listed.iter().find(|copy| copy.is_elsewhere) {
            let whose = if elsewhere.number == number {
                "its".into()
            } else {
                format!("the newer shadow copy {}'s", elsewhere.number)
            };
            let or_lost = if self.shared.problems.is_empty() {
                ""
            } else {
                ", or its entry is lost with a part of the catalog"
            };
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                format!(
                    "shadow copy {number}: {whose} store ({}) lies on another volume{or_lost}",
                    elsewhere.id
                ),
            ));
        }
        let size = listed.first().map_or(0, |copy| copy.size);
        Ok(Arc::new(Snapshot::new(self.shared.clone(), index, size)))
    }

    /// Returns true if the bytes in a range of the snapshot with the number `number` may differ
    /// from those of the next newer snapshot or, for the newest snapshot, from those of the live
    /// volume. `range` is in bytes from the start of the volume.
    ///
    /// If the result is false, the bytes are equal. The result is also true if this cannot be
    /// known: if there is no such snapshot, if a store (where Windows keeps overwritten blocks)
    /// lies on another volume or cannot be read completely, or if the range extends beyond the end
    /// of one of the two states.
    #[must_use]
    pub fn is_changed(&self, number: usize, range: Range<u64>) -> bool {
        let Some(index) = number.checked_sub(1) else { return true };
        let (Some(listed), stores) = (self.listed.get(index), self.shared.stores()) else { return true };
        let newer = self.listed.get(number);
        let size = newer.map_or(self.shared.volume.size(), |newer| newer.size).min(listed.size);
        if range.is_empty() {
            return false;
        }
        let Some(own) = stores.get(index).filter(|_| range.end <= size) else { return true };
        // Reading an older snapshot leaves out what the next one alone shows: its overlays, and the
        // zeros of its undefined blocks.
        own.has_any(&range) || stores.get(number).unwrap_or(own).is_special(&range)
    }
}
