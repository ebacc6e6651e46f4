//! The catalog of shadow copies, which lists the snapshots of a volume.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::io;

use crate::evidence::layer::{Source, read_exact, read_up_to};
use crate::evidence::volume::fields::{length16_at, u64_at};

use super::chain::{Chain, HEADER_SIZE, Kind, record_type};
use super::problem::{Problem, ProblemKind};
use super::{BLOCK_SIZE, Guid, ShadowCopy};

/// The offset on the volume, in bytes, of the header of shadow copies. The header states where the
/// catalog is, which lists the shadow copies.
const VOLUME_HEADER: u64 = 0x1e00;
/// The size in bytes of the header of shadow copies, which a volume has at a fixed place.
const VOLUME_HEADER_SIZE: usize = 512;
/// The record type of the volume's header of shadow copies. A record type is the number that tells
/// apart the structures of shadow copies.
const VOLUME_HEADER_TYPE: u32 = 1;
/// The record type (the number that tells apart the structures of shadow copies) of the header of a
/// snapshot's store. A store keeps the old content of blocks that were overwritten.
const STORE_HEADER_TYPE: u32 = 4;
/// The size of an entry in the catalog of a volume, which lists its shadow copies, in bytes.
const ENTRY_SIZE: usize = 128;
/// The maximum number of blocks of the catalog (the list of a volume's shadow copies) that are
/// read: 16 MiB. Windows writes 64 KiB.
const MOST_BLOCKS: usize = 1024;
/// The maximum number of snapshots (shadow copies) of one volume that are read. Windows makes at
/// most 512.
pub(super) const MOST_SNAPSHOTS: usize = 1024;

/// Where the parts of a snapshot's store lie: offsets on the volume, in bytes. A store keeps the
/// old content of the blocks of 16 KiB that were overwritten after the snapshot was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct StorePlaces {
    /// The offset on the volume of the first block of the block list. The list says for which
    /// blocks (of 16 KiB of the volume) the store has the old content, and where.
    pub block_list: u64,
    /// The offset on the volume of the header of the snapshot's store (where Windows keeps
    /// overwritten blocks). The header states the snapshot's identifier and host.
    pub header: u64,
    /// The offset on the volume of the first block of the bitmap that tells which blocks (of 16 KiB
    /// of the volume) were not in use when the snapshot was taken.
    pub bitmap: u64,
    /// The offset on the volume of the first block of the previous snapshot's bitmap, which marks
    /// the blocks of 16 KiB that were not in use at that time. 0 if there is no bitmap.
    pub previous_bitmap: u64,
}

/// A snapshot (shadow copy) that the catalog of a volume lists, with what the header of its store
/// states. (The store keeps the old content of overwritten blocks.)
#[derive(Debug, Clone)]
pub(super) struct Listed {
    id: Guid,
    created: u64,
    /// The size of the snapshot in bytes, which is at most the size of the volume.
    pub size: u64,
    /// Where the parts of the snapshot's store (where Windows keeps overwritten blocks) are. `None`
    /// if the store lies on another volume.
    pub places: Option<StorePlaces>,
    header: Option<StoreHeader>,
    /// What is wrong with the snapshot's entry in the catalog, and with the header of its store,
    /// which keeps the old content of overwritten blocks.
    pub problems: Vec<Problem>,
}

/// What the header of a snapshot's store (where Windows keeps overwritten blocks) states: the name
/// of the host that took the snapshot, and the identifier that `vssadmin list shadows` shows for
/// the snapshot.
#[derive(Debug, Clone)]
struct StoreHeader {
    copy_id: Guid,
    machine: Option<String>,
}

impl Listed {
    /// Returns the snapshot that the catalog describes with two entries: `entry` is about the
    /// snapshot itself, and `places` is about its store (where Windows keeps overwritten blocks).
    /// `places` is `None` if the store lies on another volume. Reads the header of the store from
    /// `volume`.
    fn new(id: Guid, entry: &SnapshotEntry, places: Option<StorePlaces>, volume: &dyn Source) -> Self {
        let (mut problems, stated, size) = (Vec::new(), entry.size, volume.size());
        if stated == 0 || stated > size {
            let range = if stated == 0 { 0..size } else { size..stated };
            problems.push(Problem { range, kind: ProblemKind::Size { stated } });
        }
        let size = if stated == 0 { size } else { stated.min(size) };
        let header = places.and_then(|places| match StoreHeader::read(volume, places.header) {
            Ok(header) => Some(header),
            Err(found) => {
                let range = places.header..places.header.saturating_add(BLOCK_SIZE);
                problems.push(Problem { range, kind: ProblemKind::StoreHeader { found } });
                None
            }
        });
        Listed { id, created: entry.created, size, places, header, problems }
    }

    /// Returns the description of the snapshot for other modules, without the places of its data.
    /// `number` is the number of the snapshot by age: the oldest one of the volume has number 1.
    pub fn copy(&self, number: usize) -> ShadowCopy {
        ShadowCopy {
            number,
            id: self.id,
            copy_id: self.header.as_ref().map(|header| header.copy_id),
            created: self.created,
            machine: self.header.as_ref().and_then(|header| header.machine.clone()),
            size: self.size,
            is_elsewhere: self.places.is_none(),
        }
    }
}

/// The content of a volume's catalog, which lists the volume's snapshots (shadow copies).
pub(super) struct Catalog {
    /// The snapshots (shadow copies) of the volume that the catalog lists, the oldest first.
    pub listed: Vec<Listed>,
    /// What is wrong with the catalog (the list of a volume's shadow copies) itself, without
    /// problems of single snapshots.
    pub problems: Vec<Problem>,
}

/// The two entries that the catalog has for a snapshot: one about the snapshot itself, and one
/// about its store, which keeps the old content of overwritten blocks.
#[derive(Default)]
struct Entries {
    snapshot: Option<SnapshotEntry>,
    store: Option<StorePlaces>,
}

/// The catalog's entry about a snapshot (shadow copy): its size, and the time at which it was
/// taken.
struct SnapshotEntry {
    /// The size of the snapshot in bytes, as the entry states it. If the entry is damaged, it can
    /// be any number.
    size: u64,
    /// The time at which the snapshot was taken, as a FILETIME (intervals of 100 ns since 1601).
    created: u64,
    /// The offset on the volume of this entry of the catalog, in bytes. A problem with the entry
    /// states it.
    place: u64,
}

impl Catalog {
    /// Reads the catalog of a volume, which lists its shadow copies. Returns `None` if the volume
    /// has no header of shadow copies, or if the header names no catalog. Fails if the header
    /// cannot be read.
    pub fn read(volume: &dyn Source) -> io::Result<Option<Catalog>> {
        let header = read_up_to(volume, VOLUME_HEADER, VOLUME_HEADER_SIZE)?;
        let first = u64_at(&header, 48).filter(|first| *first != 0);
        let Some(first) = first.filter(|_| record_type(&header) == Some(VOLUME_HEADER_TYPE)) else {
            return Ok(None);
        };
        let mut reader = Reader::default();
        for block in Chain::new(volume, Kind::Catalog, first, MOST_BLOCKS) {
            match block {
                Ok(block) => {
                    let places = (block.offset + HEADER_SIZE as u64..).step_by(ENTRY_SIZE);
                    for (entry, place) in block.content().chunks_exact(ENTRY_SIZE).zip(places) {
                        reader.add(entry, place);
                    }
                }
                Err(problem) => reader.problems.push(problem),
            }
        }
        Ok(Some(reader.finish(volume)))
    }
}

/// The entries of the catalog (the list of a volume's shadow copies) that were read so far.
#[derive(Default)]
struct Reader {
    /// The identifiers of the snapshots that were read so far, in the order of their first entries
    /// in the catalog.
    order: Vec<Guid>,
    entries: HashMap<Guid, Entries>,
    problems: Vec<Problem>,
    has_too_many: bool,
}

/// The maximum number of problems with entries of the catalog (the list of a volume's shadow
/// copies) that are kept. Further ones are dropped.
const MOST_PROBLEMS: usize = 100;

impl Reader {
    /// Reads one entry of the catalog (the list of a volume's shadow copies), and keeps what it
    /// states. If the catalog has two entries of a type for a snapshot, the first one is kept.
    /// `entry` has the bytes of the entry, and `place` is its offset on the volume.
    fn add(&mut self, entry: &[u8], place: u64) {
        let number = |offset| u64_at(entry, offset).unwrap_or(0);
        let kind = number(0);
        if kind == 0 || kind == 1 {
            return; // Not in use.
        }
        let id = entry.get(16..).and_then(|rest| rest.first_chunk()).copied().map(Guid);
        let Some(id) = id.filter(|_| kind == 2 || kind == 3) else {
            return self.problem(place, ProblemKind::EntryType { found: kind });
        };
        let entries = match self.entries.entry(id) {
            Entry::Occupied(of) => of.into_mut(),
            // A snapshot has two entries, and a store for another volume's snapshot has one.
            Entry::Vacant(_) if self.order.len() == 2 * MOST_SNAPSHOTS => {
                if !std::mem::replace(&mut self.has_too_many, true) {
                    self.problem(place, ProblemKind::TooManySnapshots { most: MOST_SNAPSHOTS });
                }
                return;
            }
            Entry::Vacant(of) => {
                self.order.push(id);
                of.insert(Entries::default())
            }
        };
        let is_first = if kind == 2 {
            let is_first = entries.snapshot.is_none();
            entries.snapshot.get_or_insert(SnapshotEntry { size: number(8), created: number(48), place });
            is_first
        } else {
            let is_first = entries.store.is_none();
            entries.store.get_or_insert(StorePlaces {
                block_list: number(8),
                header: number(32),
                bitmap: number(48),
                previous_bitmap: number(72),
            });
            is_first
        };
        if !is_first {
            self.problem(place, ProblemKind::ListedTwice);
        }
    }

    fn problem(&mut self, place: u64, kind: ProblemKind) {
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(Problem { range: place..place + ENTRY_SIZE as u64, kind });
        }
    }

    /// Joins the two entries that the catalog has for each snapshot, about the snapshot itself and
    /// about its store (where Windows keeps overwritten blocks). Reads the headers of the stores. A
    /// store without an entry about its snapshot is left out: its snapshot is of another volume.
    fn finish(mut self, volume: &dyn Source) -> Catalog {
        let mut listed = Vec::new();
        for id in std::mem::take(&mut self.order) {
            let Some(Entries { snapshot: Some(entry), store }) = self.entries.remove(&id) else { continue };
            if listed.len() == MOST_SNAPSHOTS {
                if !std::mem::replace(&mut self.has_too_many, true) {
                    self.problem(entry.place, ProblemKind::TooManySnapshots { most: MOST_SNAPSHOTS });
                }
                break;
            }
            listed.push(Listed::new(id, &entry, store, volume));
        }
        listed.sort_by_key(|listed: &Listed| listed.created);
        Catalog { listed, problems: self.problems }
    }
}

impl StoreHeader {
    /// The number of bytes that are read of the header of a snapshot's store (where Windows keeps
    /// overwritten blocks). They include the longest possible name of a host, which has 255
    /// letters.
    const SIZE: usize = 1024;

    /// Reads the header of a snapshot's store (where Windows keeps overwritten blocks) at the
    /// offset `offset` of the volume. The error is a text that says what was found instead.
    fn read(volume: &dyn Source, offset: u64) -> Result<StoreHeader, String> {
        if offset.checked_add(Self::SIZE as u64).is_none_or(|end| end > volume.size()) {
            return Err(format!("the volume's end at {}", volume.size()));
        }
        let bytes = read_exact(volume, offset, Self::SIZE).map_err(|error| error.to_string())?;
        match record_type(&bytes) {
            Some(STORE_HEADER_TYPE) => Ok(StoreHeader {
                copy_id: Guid(
                    bytes.get(144..).and_then(|rest| rest.first_chunk()).copied().unwrap_or_default(),
                ),
                machine: machine(&bytes),
            }),
            Some(found) => Err(format!("a record of type {found}")),
            None => Err("other bytes".into()),
        }
    }
}

/// Returns the name of the host that took the snapshot. `header` has the first bytes of the header
/// of the snapshot's store (where Windows keeps overwritten blocks). Returns `None` if the header
/// has no name, or one that is not text.
fn machine(header: &[u8]) -> Option<String> {
    let units = header.get(194..)?.get(..length16_at(header, 192)?)?.chunks_exact(2);
    let units: Vec<u16> =
        units.filter_map(|unit| unit.first_chunk().copied().map(u16::from_le_bytes)).collect();
    let name = String::from_utf16(&units).ok()?;
    let name = name.trim_end_matches('\0');
    (!name.is_empty()).then(|| name.to_owned())
}
