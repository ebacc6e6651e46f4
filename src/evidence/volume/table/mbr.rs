//! The master boot record (MBR), and the chain of tables for logical partitions.

use std::collections::BTreeSet;

use super::{Fault, Found, Purpose, SECTOR, SECTOR_SIZES};
use crate::evidence::layer::read_exact;
use crate::evidence::volume::VolumeKind;
use crate::evidence::volume::fields::u32_at;

/// The partition type with which the MBR of a GPT disk states that there is a GPT.
const TYPE_GPT: u8 = 0xEE;
/// The partition type, in an MBR, of a part of a dynamic disk.
const TYPE_DYNAMIC: u8 = 0x42;
/// The partition type, in an MBR, of a Windows recovery environment.
const TYPE_RECOVERY: u8 = 0x27;
/// The number of the first logical partition (a partition inside of an extended partition). The MBR
/// itself has partitions 1 to 4.
const FIRST_LOGICAL: usize = 5;
/// The maximum number of tables of logical partitions (those inside of an extended partition) that
/// are read. Windows makes at most 128.
const MOST_TABLES: usize = 1024;

/// One of the four partition entries of an MBR, or of a table of logical partitions. `kind` is the
/// type of the partition. `start` and `count` are numbers of sectors. In an MBR, `start` counts
/// from the start of the disk. In a table of logical partitions, it counts from that table if the
/// entry is of a partition, and from the first table of the chain if the entry states where the
/// next table is.
struct Entry {
    kind: u8,
    start: u64,
    count: u64,
}

impl Entry {
    fn is_extended(&self) -> bool {
        matches!(self.kind, 0x05 | 0x0F | 0x85)
    }

    fn is_used(&self) -> bool {
        self.kind != 0 && self.count > 0
    }

    fn purpose(&self) -> Purpose {
        match self.kind {
            TYPE_DYNAMIC => Purpose::DynamicDisk,
            TYPE_RECOVERY => Purpose::Recovery,
            0xEF => Purpose::EfiSystem,
            _ => Purpose::Data,
        }
    }
}

/// Returns the four partition entries of a sector that is an MBR, or a table of logical partitions,
/// which has the form of an MBR. Returns `None` if the sector does not end with the bytes 55 AA.
fn entries(sector: &[u8]) -> Option<Vec<Entry>> {
    if sector.get(510..512)? != [0x55, 0xAA] {
        return None;
    }
    let entries = sector.get(446..510)?.chunks_exact(16).filter_map(|entry| {
        let (start, count) = (u32_at(entry, 8)?, u32_at(entry, 12)?);
        Some(Entry { kind: *entry.get(4)?, start: start.into(), count: count.into() })
    });
    Some(entries.collect())
}

/// Returns true if a sector is plausible as an MBR: if it ends with the bytes 55 AA, has at least
/// one partition, and each of its four entries begins with 00 or 80, the only valid boot
/// indicators.
pub(super) fn is_plausible(sector: &[u8]) -> bool {
    let indicators = sector.get(446..510).into_iter().flat_map(|table| table.iter().step_by(16));
    let are_indicators = indicators.into_iter().all(|byte| matches!(byte, 0x00 | 0x80));
    let is_partition = |entry: &Entry| entry.is_used() && entry.start > 0;
    are_indicators && entries(sector).is_some_and(|entries| entries.iter().any(is_partition))
}

/// Returns true if the first sector of a disk is an MBR with an entry that states that the disk has
/// a GPT.
pub(super) fn is_protective(sector: &[u8]) -> bool {
    entries(sector).is_some_and(|entries| entries.iter().any(|entry| entry.kind == TYPE_GPT))
}

/// Adds the partitions of the MBR in `head`, the first sector of a disk, to `found`. Returns false
/// if `head` is not an MBR, or if none of its partitions begins on the disk.
pub(super) fn read(found: &mut Found<'_>, head: &[u8]) -> bool {
    let entries = entries(head).unwrap_or_default();
    let sector = sector_size(found, &entries);
    let is_on_disk =
        |entry: &Entry| entry.is_used() && entry.start > 0 && entry.start * sector < found.disk.size();
    if !entries.iter().any(is_on_disk) {
        return false;
    }
    let mut logical = FIRST_LOGICAL;
    let mut chain = Chain { sector, seen: BTreeSet::new() };
    let mut extended = Vec::new();
    for (place, entry) in entries.iter().enumerate().filter(|(_, entry)| entry.is_used()) {
        if entry.is_extended() {
            extended.push(entry.start);
        } else {
            found.add(place + 1, entry.start * sector, entry.count * sector, entry.purpose());
        }
    }
    for start in extended {
        chain.follow(found, start, &mut logical);
    }
    true
}

/// Returns the size in bytes of the sectors in which an MBR's entries count. It is 512, unless no
/// entry leads to a volume that is recognised with this size, and one does with a size of 4096.
fn sector_size(found: &Found<'_>, entries: &[Entry]) -> u64 {
    let is_volume = |sector: u64| {
        entries.iter().filter(|entry| entry.is_used() && !entry.is_extended()).any(|entry| {
            VolumeKind::at(found.disk, entry.start * sector).is_ok_and(|kind| kind != VolumeKind::Unknown)
        })
    };
    SECTOR_SIZES.into_iter().find(|sector| is_volume(*sector)).unwrap_or(SECTOR)
}

/// The chain of tables of logical partitions in the extended partitions of an MBR disk. Each table
/// has one partition, and states where the next table is.
struct Chain {
    sector: u64,
    /// The numbers of the sectors with the tables that were read, by which a chain that loops is
    /// noticed.
    seen: BTreeSet<u64>,
}

impl Chain {
    /// Adds the logical partitions of the extended partition that begins at sector `first` to
    /// `found`. `logical` is the number that the next logical partition gets. It is increased for
    /// each partition that is added.
    fn follow(&mut self, found: &mut Found<'_>, first: u64, logical: &mut usize) {
        let mut at = first;
        loop {
            let offset = at * self.sector;
            if !self.seen.insert(at) {
                return found.problem(offset, SECTOR, Fault::ExtendedLoop);
            }
            if self.seen.len() > MOST_TABLES {
                return found.problem(offset, SECTOR, Fault::ExtendedLength { limit: MOST_TABLES });
            }
            let table = match read_exact(found.disk, offset, 512) {
                Ok(table) => table,
                Err(error) => {
                    return found.problem(offset, SECTOR, Fault::Unreadable { error: error.to_string() });
                }
            };
            let Some(entries) = entries(&table) else {
                return found.problem(offset, SECTOR, Fault::ExtendedSignature);
            };
            // A partition's offset counts from its own table, the next table's from the first one.
            for entry in entries.iter().filter(|entry| entry.is_used() && !entry.is_extended()) {
                let start = (at + entry.start) * self.sector;
                found.add(*logical, start, entry.count * self.sector, entry.purpose());
                *logical += 1;
            }
            match entries.iter().find(|entry| entry.is_used() && entry.is_extended()) {
                Some(next) => at = first + next.start,
                None => return,
            }
        }
    }
}
