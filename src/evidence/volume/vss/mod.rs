//! Shadow copies: earlier states of an NTFS volume that Windows keeps in the volume itself.
//!
//! A *catalog* lists the snapshots. Each snapshot has a *store*, which keeps the blocks of 16 KiB
//! that were overwritten after the snapshot was taken and before the next one was. A snapshot reads
//! a block that its store does not keep from the next newer snapshot, and the newest snapshot reads
//! such a block from the live volume.
//!
//! A store's *list of blocks* has three kinds of entries. A plain entry says where the store keeps
//! a block. A *forwarder* says that the block's content was moved to another place of the volume.
//! An *overlay* says which parts of a block the store keeps.
//!
//! The format is the one that libvshadow documents. The tests compare all results with
//! libvshadow's.
//!
//! `catalog` reads what is listed, `store` reads lists of blocks, and `snapshot` reads the volume
//! as it was. The structures are chains of blocks, which `chain` follows.

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

/// The size of a block in bytes. Stores keep what was overwritten in whole blocks.
pub const BLOCK_SIZE: u64 = BLOCK_LENGTH as u64;
/// [`BLOCK_SIZE`] as the length of a buffer.
const BLOCK_LENGTH: usize = 16 * 1024;

/// An identifier of 16 bytes in the order in which Windows stores them. It is shown as Windows
/// shows it, such as `600f0b69-5bdf-11e3-9d6c-005056c00008`.
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

/// A snapshot as the catalog lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShadowCopy {
    /// The snapshot's number by age among the snapshots of its volume. The oldest is number 1.
    pub number: usize,
    /// The identifier of the snapshot's store, which is part of the name of the file that holds the
    /// store: `System Volume Information\{id}{3808876b-…}`.
    pub id: Guid,
    /// The identifier that `vssadmin list shadows` calls the shadow copy's ID. `None` if the store
    /// lies on another volume or its header cannot be read.
    pub copy_id: Option<Guid>,
    /// When the snapshot was taken, as a FILETIME: intervals of 100 ns since 1601, in UTC.
    pub created: u64,
    /// The host that took the snapshot, by the name in the store's header, such as
    /// `FIN-WS07.corp.example`. `None` if the header cannot be read or has no name.
    pub machine: Option<String>,
    /// The snapshot's size in bytes: the volume's when the snapshot was taken, but no more than the
    /// volume has now.
    pub size: u64,
    /// Whether the store lies on another volume (`vssadmin add shadowstorage /on=`), because the
    /// catalog has no place of it. Such a snapshot cannot be read. Where the catalog is damaged,
    /// the place can also be lost: see [`ShadowCopies::catalog_problems`].
    pub is_elsewhere: bool,
}

/// The shadow copies of a volume.
///
/// [`ShadowCopies::read`] reads the catalog and the stores' headers, at most 17 MiB. The stores'
/// lists of blocks are read when one of them is first needed, all together and only once, at most
/// 512 MiB. They take 16 bytes of memory for each block that a store keeps: at most 330 MiB, and at
/// most 470 MiB while they are read.
pub struct ShadowCopies {
    shared: Arc<Shared>,
    listed: Vec<ShadowCopy>,
}

/// What all snapshots of a volume are read from.
struct Shared {
    volume: SharedSource,
    listed: Vec<Listed>,
    problems: Vec<Problem>,
    /// The stores from the oldest to the newest, one for each element of `listed`.
    stores: OnceLock<Vec<Store>>,
}

impl Shared {
    /// Returns all stores of the volume. The first call reads them.
    fn stores(&self) -> &[Store] {
        self.stores.get_or_init(|| StoreReader::new(&*self.volume).read_all(&self.listed))
    }
}

impl ShadowCopies {
    /// Reads the catalog of an NTFS volume. `None` if the volume has no shadow copies, because it
    /// has no header of them or because that header names no catalog.
    ///
    /// Fails if the volume's bytes at the header cannot be read. Everything that is wrong from
    /// there on is a [`Problem`].
    pub fn read(volume: &SharedSource) -> io::Result<Option<ShadowCopies>> {
        let Some(Catalog { listed, problems }) = Catalog::read(&**volume)? else { return Ok(None) };
        let copies = listed.iter().enumerate().map(|(index, listed)| listed.copy(index + 1)).collect();
        let shared = Shared { volume: volume.clone(), listed, problems, stores: OnceLock::new() };
        Ok(Some(ShadowCopies { shared: Arc::new(shared), listed: copies }))
    }

    /// Returns the snapshots that the catalog lists, the oldest first.
    #[must_use]
    pub fn listed(&self) -> &[ShadowCopy] {
        &self.listed
    }

    /// Returns what is wrong with the catalog. Because of such a problem, [`ShadowCopies::listed`]
    /// may lack snapshots.
    #[must_use]
    pub fn catalog_problems(&self) -> &[Problem] {
        &self.shared.problems
    }

    /// Returns what is wrong with the stores that a snapshot is read from: its own one and all
    /// newer ones. Empty if no snapshot has the number. Reads the stores if that was not done
    /// before.
    #[must_use]
    pub fn problems(&self, number: usize) -> Vec<Problem> {
        let (Some(index), stores) = (number.checked_sub(1), self.shared.stores()) else { return Vec::new() };
        stores.get(index..).unwrap_or_default().iter().flat_map(|store| store.problems.clone()).collect()
    }

    /// Returns the volume as it was when a snapshot was taken. Its first read reads the stores if
    /// that was not done before.
    ///
    /// Fails with [`io::ErrorKind::NotFound`] if no snapshot has the number, and with
    /// [`io::ErrorKind::Unsupported`] if the snapshot's store or a newer snapshot's store lies on
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

    /// Returns whether a range of a snapshot can have other bytes than the next newer snapshot has
    /// there or, for the newest snapshot, than the live volume has there. `range` is in bytes from
    /// the volume's start.
    ///
    /// If `false`, the bytes are the same. `true` is also returned where that cannot be known: if
    /// no snapshot has the number, a store lies on another volume or its list of blocks is
    /// incomplete, or the range reaches beyond the end of one of the two states.
    #[cfg_attr(
        not(feature = "internals"),
        allow(dead_code, reason = "tests compare it with the bytes of both states")
    )]
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
