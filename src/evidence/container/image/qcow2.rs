//! QCOW2: a disk in clusters, found by way of a table of tables. All numbers are big-endian.

use std::io;
use std::sync::Arc;

use super::blocks::{BlockDisk, BlockMap, BlockPlace};
use super::cache::Paged;
use super::fields::Fields;
use super::inflate::{Header, Workers};
use super::outcome::Problems;
use super::{Image, ImageError, Opening};
use crate::evidence::layer::read_up_to;

/// Bytes of the header of version 3, as far as it is read.
const HEADER: usize = 112;

/// Sizes of clusters as powers of two: 512 bytes to 2 MiB.
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;

/// The bits of an entry that are an offset in the file.
const OFFSET_BITS: u64 = 0x00ff_ffff_ffff_fe00;

/// Bit of an entry of the second table for a cluster that is packed.
const PACKED: u64 = 1 << 62;

/// Bits of features that a reader must know.
const CORRUPT: u64 = 1 << 1;
const EXTERNAL_DATA: u64 = 1 << 2;
const EXTENDED_ENTRIES: u64 = 1 << 4;
const KNOWN_FEATURES: u64 = (1 << 5) - 1;

pub(super) fn open(opening: &Opening<'_>) -> Result<Image, ImageError> {
    let mut problems = Problems::default();
    let header = read_up_to(opening.first.as_ref(), 0, HEADER).map_err(|error| opening.failed(error))?;
    let fields = Fields(&header);
    let features = check_header(opening, fields)?;
    if features & CORRUPT != 0 {
        let found = "the mark of damage that QEMU found";
        problems.push(opening.problem("header", "a disk that is not marked as damaged", found));
    }
    let (bits, size) = (fields.be32(20), fields.be64(24));
    opening.check_size(size)?;
    let packing = match fields.byte(104) {
        _ if features & (1 << 3) == 0 => Packing::Deflate,
        0 => Packing::Deflate,
        1 => Packing::Zstandard,
        other => return Err(ImageError::Unsupported(format!("QCOW2 with compression type {other}"))),
    };
    let mut map = Clusters {
        tables: Paged::only(Arc::clone(&opening.first)),
        workers: Workers::default(),
        size,
        bits,
        first_table: fields.be64(40),
        first_entries: fields.be32(36).into(),
        packing,
    };
    let there = opening.first.size().saturating_sub(map.first_table) / 8;
    map.first_entries = map.first_entries.min(there);
    let covered = map.first_entries.saturating_mul(map.entries_per_table() << bits);
    if covered < size {
        let expected = format!("a first table for {size} bytes at byte {}", map.first_table);
        let found = format!("{} entries, for {covered} bytes", map.first_entries);
        problems.push(opening.problem("first table", expected, found).at(covered..size));
    }
    let mut image = Image::of(Arc::new(BlockDisk::new(map)));
    image.problems = problems.finish(opening.name);
    Ok(image)
}

/// Checks that the disk is of a kind that is read. Returns the bits of its features.
fn check_header(opening: &Opening<'_>, fields: Fields<'_>) -> Result<u64, ImageError> {
    let unsupported = |what: &str| Err(ImageError::Unsupported(what.to_owned()));
    let version = fields.be32(4);
    if version != 2 && version != 3 {
        return unsupported(&format!("QCOW version {version}"));
    }
    let features = if version == 3 { fields.be64(72) } else { 0 };
    match fields.be32(32) {
        0 => {}
        1 => return Err(ImageError::Encrypted("QCOW2 with AES".into())),
        2 => return Err(ImageError::Encrypted("QCOW2 with LUKS".into())),
        other => return Err(ImageError::Encrypted(format!("QCOW2 with method {other}"))),
    }
    if fields.be64(8) != 0 {
        return unsupported("a QCOW2 with a backing file, which needs that file,");
    }
    if features & EXTERNAL_DATA != 0 {
        return unsupported("a QCOW2 with its data in another file");
    }
    if features & EXTENDED_ENTRIES != 0 {
        return unsupported("a QCOW2 with subclusters");
    }
    if features & !KNOWN_FEATURES != 0 {
        return unsupported(&format!("a QCOW2 with unknown features ({features:#x})"));
    }
    let bits = fields.be32(20);
    if !CLUSTER_BITS.contains(&bits) {
        let expected = "clusters of 2^9 to 2^21 bytes";
        return Err(opening.problem("header", expected, format!("2^{bits}")).into());
    }
    Ok(features)
}

/// How clusters are packed.
#[derive(Clone, Copy)]
enum Packing {
    Deflate,
    Zstandard,
}

/// A disk whose first table has offsets of second tables, each of one cluster.
struct Clusters {
    tables: Paged,
    workers: Workers,
    size: u64,
    bits: u32,
    first_table: u64,
    first_entries: u64,
    packing: Packing,
}

impl Clusters {
    fn entries_per_table(&self) -> u64 {
        self.block_size() / 8
    }

    /// The entry for a cluster; 0 if the cluster has none, which means zeros.
    fn entry(&self, cluster: u64) -> io::Result<u64> {
        let (table, number) = (cluster / self.entries_per_table(), cluster % self.entries_per_table());
        if table >= self.first_entries {
            let message = format!("cluster {cluster} has no entry in the first table");
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let at = self.first_table.saturating_add(table * 8);
        let second = u64::from_be_bytes(self.tables.array(at)?) & OFFSET_BITS;
        if second == 0 {
            return Ok(0);
        }
        Ok(u64::from_be_bytes(self.tables.array(second + number * 8)?))
    }

    /// Where a packed cluster begins, and how many bytes it has at most: what follows its stream is
    /// not part of it.
    fn packed_range(&self, entry: u64) -> (u64, usize) {
        // The number of further sectors takes the bits from this one up to bit 61.
        let split = 62 - (self.bits - 8);
        let start = entry & ((1 << split) - 1);
        let further = (entry & (PACKED - 1)) >> split;
        let end = (start / 512 + further + 1) * 512;
        let end = end.min(self.tables.source().size()).max(start);
        // Packing makes a cluster longer by less than a sector, or it is not packed.
        let most = self.block_size() + 1024;
        (start, usize::try_from((end - start).min(most)).unwrap_or(0))
    }
}

impl BlockMap for Clusters {
    fn size(&self) -> u64 {
        self.size
    }

    fn block_size(&self) -> u64 {
        1 << self.bits
    }

    fn locate(&self, block: u64) -> io::Result<BlockPlace<'_>> {
        let entry = self.entry(block)?;
        if entry & PACKED != 0 {
            return Ok(BlockPlace::Packed);
        }
        let start = entry & OFFSET_BITS;
        if entry & 1 != 0 || start == 0 {
            return Ok(BlockPlace::Zeros);
        }
        Ok(BlockPlace::Plain(self.tables.source(), start))
    }

    fn unpack(&self, block: u64, into: &mut [u8]) -> io::Result<()> {
        let (start, length) = self.packed_range(self.entry(block)?);
        let full = usize::try_from(self.block_size()).map_err(io::Error::other)?;
        let unpacked = self.workers.with(|worker| -> io::Result<_> {
            worker.read(self.tables.source().as_ref(), start, length)?;
            if into.len() == full {
                return Ok(unpack(self.packing, worker, into));
            }
            let mut whole = vec![0; full];
            let unpacked = unpack(self.packing, worker, &mut whole);
            into.copy_from_slice(whole.get(..into.len()).unwrap_or_default());
            Ok(unpacked)
        })?;
        let found = match unpacked {
            Ok(length) if length == full => return Ok(()),
            Ok(length) => format!("{length} bytes"),
            Err(found) => found,
        };
        let message =
            format!("cluster {block}, packed at byte {start}: expected {full} bytes, found {found}");
        Err(io::Error::new(io::ErrorKind::InvalidData, message))
    }
}

/// Unpacks what `worker` read last into `into`. Returns how many bytes were filled.
fn unpack(packing: Packing, worker: &mut super::inflate::Worker, into: &mut [u8]) -> Result<usize, String> {
    match packing {
        Packing::Deflate => worker.inflate(Header::None, into),
        Packing::Zstandard => worker.unpack_zstandard(into),
    }
}
