//! The GUID partition table, and its backup at the disk's end.

use super::{Fault, Found, Purpose, SECTOR_SIZES};
use crate::evidence::layer::{Source, read_exact, read_up_to};
use crate::evidence::volume::fields::{length32_at, u32_at, u64_at};

/// The bytes of a GPT header that have a meaning. Its checksum may cover more.
const HEADER: usize = 92;
/// The most bytes of partition entries that are read: the usual 128 entries take 16 KiB.
const MOST_ENTRY_BYTES: usize = 2 << 20;

/// A GPT header and its entries, which may be damaged.
struct Gpt {
    /// The sector size that the table counts in.
    sector: u64,
    /// The offset of the header on the disk.
    header: u64,
    /// The offset of the entries on the disk.
    array: u64,
    /// The sector in which the other header is.
    other: u64,
    entry_size: usize,
    entries: Vec<u8>,
    /// What is wrong with the table: offset, length, and what.
    damage: Option<(u64, u64, Fault)>,
}

/// Adds the partitions of a disk's GPT. Returns false if the disk has none. `is_stated` is true if
/// the disk's MBR says that there is a GPT; without that, the backup alone is not looked for,
/// because a disk that was partitioned anew can still have one of its former table.
pub(super) fn read(found: &mut Found<'_>, is_stated: bool) -> bool {
    let disk = found.disk;
    let tables: Vec<Result<Gpt, Fault>> =
        SECTOR_SIZES.into_iter().map(|sector| Gpt::at(disk, sector, sector)).collect();
    if let Some(whole) = tables.iter().flatten().find(|gpt| gpt.damage.is_none()) {
        whole.add(found);
        return true;
    }
    let first = tables.iter().flatten().next();
    if first.is_none() && !is_stated {
        return false;
    }
    let (offset, length, fault) = match (first.and_then(|gpt| gpt.damage.clone()), tables.first()) {
        (Some(damage), _) => damage,
        (None, Some(Err(fault))) => (SECTOR_SIZES[0], HEADER as u64, fault.clone()),
        (None, _) => (SECTOR_SIZES[0], HEADER as u64, Fault::GptSignature),
    };
    found.problem(offset, length, fault);
    let (used, fault) = match (backup(disk, first), first) {
        (Some(backup), _) => (Some(backup), Fault::BackupUsed),
        (None, Some(_)) => (tables.into_iter().flatten().next(), Fault::DamagedUsed),
        (None, None) => (None, Fault::GptMissing),
    };
    found.problem(used.as_ref().map_or(0, |gpt| gpt.header), HEADER as u64, fault);
    if let Some(gpt) = used {
        gpt.add(found);
    }
    true
}

/// Returns the undamaged backup table: where the first header says, or in the last sector.
fn backup(disk: &dyn Source, first: Option<&Gpt>) -> Option<Gpt> {
    let stated = first.and_then(|gpt| Some((gpt.sector, gpt.other.checked_mul(gpt.sector)?)));
    let last = SECTOR_SIZES.into_iter().filter_map(|sector| Some((sector, last_sector(disk, sector)?)));
    let mut places = stated.into_iter().chain(last);
    places.find_map(|(sector, offset)| Gpt::at(disk, sector, offset).ok().filter(|gpt| gpt.damage.is_none()))
}

/// Returns the offset of the disk's last whole sector.
fn last_sector(disk: &dyn Source, sector: u64) -> Option<u64> {
    (disk.size() / sector).checked_sub(1).map(|last| last * sector)
}

impl Gpt {
    /// Reads the table whose header lies at `offset`. An error means that no header lies there, or
    /// that it cannot be read.
    fn at(disk: &dyn Source, sector: u64, offset: u64) -> Result<Gpt, Fault> {
        let header =
            read_exact(disk, offset, 512).map_err(|error| Fault::Unreadable { error: error.to_string() })?;
        let field = |at| u64_at(&header, at).unwrap_or_default();
        if !header.starts_with(b"EFI PART") {
            return Err(Fault::GptSignature);
        }
        let mut gpt = Gpt {
            sector,
            header: offset,
            array: field(72).saturating_mul(sector),
            other: field(32),
            entry_size: length32_at(&header, 84).unwrap_or_default(),
            entries: Vec::new(),
            damage: header_damage(&header).map(|fault| (offset, HEADER as u64, fault)),
        };
        let count = length32_at(&header, 80).unwrap_or_default();
        let length = count.checked_mul(gpt.entry_size).filter(|length| *length <= MOST_ENTRY_BYTES);
        let Some(length) = length.filter(|_| (128..=4096).contains(&gpt.entry_size)) else {
            gpt.damage = gpt.damage.or(Some((offset, HEADER as u64, Fault::GptSizes)));
            return Ok(gpt);
        };
        gpt.entries = read_up_to(disk, gpt.array, length).unwrap_or_default();
        let stored = u32_at(&header, 88).unwrap_or_default();
        let computed = crc32(&gpt.entries);
        if computed != stored || gpt.entries.len() < length {
            let fault = Fault::GptEntriesChecksum { stored, computed };
            gpt.damage = gpt.damage.or(Some((gpt.array, length as u64, fault)));
        }
        Ok(gpt)
    }

    /// Adds the partitions of the table to `found`.
    fn add(&self, found: &mut Found<'_>) {
        for (place, entry) in self.entries.chunks_exact(self.entry_size.max(1)).enumerate() {
            let Some(kind) = entry.first_chunk::<16>().filter(|kind| **kind != [0; 16]) else { continue };
            let (first, last) =
                (u64_at(entry, 32).unwrap_or_default(), u64_at(entry, 40).unwrap_or_default());
            let bytes = |count: u64| count.checked_mul(self.sector);
            let size = last.checked_sub(first).and_then(|count| bytes(count.checked_add(1)?));
            if let (Some(start), Some(size)) = (bytes(first), size) {
                found.add(place + 1, start, size, purpose(kind));
            } else {
                let offset = self.array.saturating_add((place * self.entry_size) as u64);
                let fault = Fault::EntryRange { name: format!("p{}", place + 1) };
                found.problem(offset, self.entry_size as u64, fault);
            }
        }
    }
}

/// Returns what is wrong with the bytes of a header, if anything.
fn header_damage(header: &[u8]) -> Option<Fault> {
    let size = length32_at(header, 12).filter(|size| (HEADER..=header.len()).contains(size));
    let Some(covered) = size.and_then(|size| header.get(..size)) else { return Some(Fault::GptSizes) };
    let stored = u32_at(header, 16).unwrap_or_default();
    // The checksum counts as zeros in its own computation.
    let mut covered = covered.to_vec();
    covered.get_mut(16..20).unwrap_or_default().fill(0);
    let computed = crc32(&covered);
    (computed != stored).then_some(Fault::GptHeaderChecksum { stored, computed })
}

/// Returns what a partition's type GUID, as its bytes lie on the disk, says that it is for.
fn purpose(kind: &[u8; 16]) -> Purpose {
    match u128::from_be_bytes(*kind) {
        0x28732ac1_1ff8_d211_ba4b_00a0c93ec93b => Purpose::EfiSystem,
        0x16e3c9e3_5c0b_b84d_817d_f92df00215ae => Purpose::MicrosoftReserved,
        0xa4bb94de_d106_404d_a16a_bfd50179d6ac => Purpose::Recovery,
        0xaac80858_8f7e_e042_85d2_e1e90434cfb3 | 0xa0609baf_3114_624f_bc68_3311714a69ad => {
            Purpose::DynamicDisk
        }
        0x8fafc5e7_80f6_ee4c_afa3_b001e56efc2d => Purpose::StorageSpaces,
        _ => Purpose::Data,
    }
}

/// Returns the CRC-32 (IEEE) of some kilobytes, bit by bit.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}
