//! The GUID partition table (GPT), and its backup at the end of the disk.

use super::{Fault, Found, Purpose, SECTOR_SIZES};
use crate::evidence::layer::{Source, read_exact, read_up_to};
use crate::evidence::volume::fields::{length32_at, u32_at, u64_at};

/// The number of bytes of a GPT header that have a meaning. The header's checksum may cover more.
const HEADER: usize = 92;
/// The maximum number of bytes of GPT entries that are read. A disk usually has 128 entries, which
/// take 16 KiB.
const MOST_ENTRY_BYTES: usize = 2 << 20;

/// A GUID partition table (GPT): its header, its entries, and what is wrong with them.
struct Gpt {
    /// The size of a sector in bytes. A GPT states offsets and sizes as numbers of sectors.
    sector: u64,
    /// The offset on the disk of the GPT's header, in bytes.
    header: u64,
    /// The offset on the disk of the GPT's partition entries, in bytes.
    array: u64,
    /// The number of the sector with the header of the disk's other GPT, as this GPT's header
    /// states it. A disk has one GPT at its start, and a backup at its end.
    other: u64,
    entry_size: usize,
    entries: Vec<u8>,
    /// What is wrong with the GPT: the offset and the length of the damaged part in bytes, and the
    /// fault. `None` if the table is sound.
    damage: Option<(u64, u64, Fault)>,
}

/// Adds the partitions of a disk's GPT to `found`. Returns false if there is no GPT at the start of
/// the disk and `is_stated` is false.
///
/// `is_stated` is true if the disk's MBR states that there is a GPT. If it is false, the backup GPT
/// at the end of the disk is ignored unless there is a GPT at the start. That backup may be left
/// from before the disk was partitioned anew.
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

/// Returns the backup GPT if it is sound. `first` is the GPT at the start of the disk, if that is
/// found but damaged. The backup lies where `first` states, or in the last sector of the disk.
fn backup(disk: &dyn Source, first: Option<&Gpt>) -> Option<Gpt> {
    let stated = first.and_then(|gpt| Some((gpt.sector, gpt.other.checked_mul(gpt.sector)?)));
    let last = SECTOR_SIZES.into_iter().filter_map(|sector| Some((sector, last_sector(disk, sector)?)));
    let mut places = stated.into_iter().chain(last);
    places.find_map(|(sector, offset)| Gpt::at(disk, sector, offset).ok().filter(|gpt| gpt.damage.is_none()))
}

/// Returns the offset of the last whole sector of the disk, in bytes. `sector` is the size of a
/// sector in bytes. Returns `None` if the disk is smaller than a sector.
fn last_sector(disk: &dyn Source, sector: u64) -> Option<u64> {
    (disk.size() / sector).checked_sub(1).map(|last| last * sector)
}

impl Gpt {
    /// Reads the GPT whose header is at the offset `offset` of the disk, in bytes. `sector` is the
    /// size of a sector in bytes. Fails if there is no header, or if it cannot be read. A damaged
    /// table is not an error: see [`Gpt::damage`].
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

    /// Adds the partitions of this GPT to `found`.
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

/// Returns what is wrong with a GPT header: an impossible size, or a wrong checksum. Returns `None`
/// if the header is sound.
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

/// Returns what a partition is for, by its type. `kind` is the GUID of the type, in the order in
/// which its bytes are stored.
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

/// Returns the CRC-32 (IEEE) of `bytes`. It is computed bit by bit, because headers and entries are
/// short.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    let step = |sum: u32| if sum & 1 == 1 { (sum >> 1) ^ 0xEDB8_8320 } else { sum >> 1 };
    !bytes.iter().fold(u32::MAX, |sum, byte| (0..8).fold(sum ^ u32::from(*byte), |sum, _| step(sum)))
}
