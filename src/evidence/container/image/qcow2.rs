//! QCOW2 disk images: a disk in blocks, called clusters. The first table lists second tables, whose
//! entries say where the clusters are. All numbers are big-endian.

use std::io;
use std::sync::Arc;

use super::blocks::{BlockDisk, BlockMap, BlockPlace};
use super::cache::Paged;
use super::fields::Fields;
use super::inflate::{Header, Workers};
use super::outcome::Problems;
use super::{Image, ImageError, Opening};
use crate::evidence::layer::read_up_to;

/// The number of bytes of a QCOW2 header (version 3) that are read.
const HEADER: usize = 112;

/// The cluster sizes that QCOW2 allows, as powers of two: 512 bytes to 2 MiB. A cluster is a block
/// of the disk.
const CLUSTER_BITS: std::ops::RangeInclusive<u32> = 9..=21;

/// The bits of an entry in QCOW2's tables that are an offset in the image's file. An entry of the
/// first-level table (L1) has the offset of a second-level table (L2), whose entries have the
/// offsets of clusters (blocks of the disk).
const OFFSET_BITS: u64 = 0x00ff_ffff_ffff_fe00;

/// The bit of an entry in QCOW2's second-level tables (L2) that is set if the entry's cluster
/// (block of the disk) is packed.
const PACKED: u64 = 1 << 62;

/// The bit of a QCOW2 header's features with which QEMU marks a disk in which it found damage.
const CORRUPT: u64 = 1 << 1;
/// The bit of a QCOW2 header's features that is set if another file contains the disk's bytes. Such
/// images are not read.
const EXTERNAL_DATA: u64 = 1 << 2;
/// The bit of a QCOW2 header's features that is set if clusters are divided into subclusters. Such
/// images are not read.
const EXTENDED_ENTRIES: u64 = 1 << 4;
/// The bits of a QCOW2 header's features whose meaning dnsweep knows. An image with any other bit
/// set is refused, because it cannot be read right without knowing what the bit means.
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

/// Returns the bits of the features that the QCOW2 header `fields` states. Fails if the image is of
/// a kind that is not read: for example, if it is encrypted, needs another file, or states a size
/// of clusters that QCOW2 does not allow.
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

/// The compression of the packed clusters (blocks of the disk) of a QCOW2 image.
#[derive(Clone, Copy)]
enum Packing {
    Deflate,
    Zstandard,
}

/// The map of a QCOW2 disk, which says where the clusters (blocks of the disk) are stored. The
/// first-level table (L1) has the offsets of second-level tables (L2). Each second-level table is
/// one cluster long, and has the entries of consecutive clusters.
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

    /// Returns the entry that QCOW2's second-level tables (L2) have for the cluster (block of the
    /// disk) with the number `cluster`, counted from the start of the disk. The entry is 0 if the
    /// cluster is not stored and reads as zeros.
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

    /// Returns the offset of a packed cluster (block of the disk) in the image's file, and the
    /// greatest number of bytes that it can have there. `entry` is the cluster's entry in a
    /// second-level table (L2) of QCOW2. The packed stream marks its own end; the bytes after that
    /// are not part of the cluster.
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

/// Unpacks a cluster (block of a QCOW2 disk) into `into`, and returns how many bytes were filled.
/// The cluster's packed bytes must already be in the buffer of `worker`. The error is a text that
/// says what is wrong with them.
fn unpack(packing: Packing, worker: &mut super::inflate::Worker, into: &mut [u8]) -> Result<usize, String> {
    match packing {
        Packing::Deflate => worker.inflate(Header::None, into),
        Packing::Zstandard => worker.unpack_zstandard(into),
    }
}
