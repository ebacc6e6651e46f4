//! Partition tables: which ranges of a disk are volumes, and which lie between them. A GUID
//! partition table (`gpt`) is looked for first, then a master boot record (`mbr`).
//!
//! A table of another kind needs a module here, a [`TableKind`], a branch in [`Table::read`], and a
//! look in [`is_at_start`], by which a file is recognised as a disk.

mod gpt;
mod mbr;
mod problem;

use std::io;
use std::ops::Range;

pub use self::problem::{Fault, Problem};
use super::VolumeKind;
use crate::evidence::layer::{SharedSource, Source, read_up_to};

/// The size of a sector in bytes on most disks. MBR partition tables state offsets and sizes as
/// numbers of sectors.
const SECTOR: u64 = 512;
/// The possible sizes of a disk's sectors, in bytes: 512, or 4096 on "4K native" disks.
const SECTOR_SIZES: [u64; 2] = [SECTOR, 4096];

/// The kind of a disk's partition table: none, MBR or GPT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// The disk has no partition table: it is one volume, or has nothing that is recognised.
    None,
    /// A master boot record (MBR), which can have further tables for logical partitions.
    Mbr,
    /// A GUID partition table (GPT).
    Gpt,
}

/// What a partition is for, as the partition table states it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The partition is for data, or for something that dnsweep does not know. The first bytes of
    /// the volume tell its file system.
    Data,
    /// The EFI system partition, which has boot loaders on a FAT volume.
    EfiSystem,
    /// A partition that Microsoft reserves on GPT disks. It contains no volume.
    MicrosoftReserved,
    /// A Windows recovery environment, which is an NTFS volume.
    Recovery,
    /// A part of a dynamic disk (Logical Disk Manager), whose volumes are not read.
    DynamicDisk,
    /// A part of a Storage Spaces pool, whose volumes are not read.
    StorageSpaces,
}

impl Purpose {
    /// Returns the name of the partition's purpose for users, such as `EFI system partition`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Purpose::Data => "data",
            Purpose::EfiSystem => "EFI system partition",
            Purpose::MicrosoftReserved => "Microsoft reserved partition",
            Purpose::Recovery => "Windows recovery environment",
            Purpose::DynamicDisk => "dynamic disk",
            Purpose::StorageSpaces => "Storage Spaces",
        }
    }
}

/// A partition of a disk, or a whole disk without a partition table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// The name of the partition: `p` and its number in the table, such as `p1`. Logical partitions
    /// begin with `p5`. Empty for a disk without a partition table.
    pub name: String,
    /// The offset of the partition's first byte on the disk, in bytes.
    pub start: u64,
    /// The number of bytes of the partition that lie on the disk. If the partition extends beyond
    /// the disk's end, this is less than the table states, and there is a [`Fault::OutOfDisk`].
    pub size: u64,
    /// What the partition is for, as the table states it.
    pub purpose: Purpose,
    /// The file system or encryption that the partition's first bytes show. `None` if they cannot
    /// be read.
    pub kind: Option<VolumeKind>,
}

impl Partition {
    /// Returns the offset on the disk at which the partition ends, in bytes.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.size)
    }
}

/// Returns true if a disk has a partition table. `head` must be the first 4,104 bytes of the disk,
/// or all bytes of a smaller one. Boot sectors of volumes end with the same bytes as an MBR. So an
/// MBR is accepted only if its entries make sense.
#[must_use]
pub fn is_at_start(head: &[u8]) -> bool {
    let has_gpt = |sector: &u64| {
        let start = usize::try_from(*sector).ok();
        start.and_then(|start| head.get(start..)).is_some_and(|rest| rest.starts_with(b"EFI PART"))
    };
    SECTOR_SIZES.iter().any(has_gpt) || head.get(..512).is_some_and(mbr::is_plausible)
}

/// The partitions of a disk, and the ranges of bytes that belong to none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The kind of the disk's partition table.
    pub kind: TableKind,
    /// The partitions, in the order of their numbers, at most 16,384. A disk without a partition
    /// table has one, with an empty name, which is the whole disk.
    pub partitions: Vec<Partition>,
    /// The ranges of the disk that belong to no partition, in bytes, in ascending order. They
    /// include the partition tables themselves.
    pub gaps: Vec<Range<u64>>,
    /// What is wrong with the disk's partition tables.
    pub problems: Vec<Problem>,
}

impl Table {
    /// Reads the partition tables of a disk. A disk that has none counts as one partition with an
    /// empty name. Fails if the disk's first bytes cannot be read. Anything else that is wrong is a
    /// [`Problem`] and not an error.
    pub fn read(disk: &SharedSource) -> io::Result<Table> {
        let disk: &dyn Source = &**disk;
        let head = read_up_to(disk, 0, 512)?;
        let whole = || Partition {
            name: String::new(),
            start: 0,
            size: disk.size(),
            purpose: Purpose::Data,
            kind: Some(VolumeKind::of_head(&head)),
        };
        if VolumeKind::of_head(&head) != VolumeKind::Unknown {
            return Ok(Table::new(TableKind::None, vec![whole()], Vec::new(), disk.size()));
        }
        let mut found = Found { disk, partitions: Vec::new(), problems: Vec::new() };
        let kind = if gpt::read(&mut found, mbr::is_protective(&head)) {
            TableKind::Gpt
        } else if mbr::read(&mut found, &head) {
            TableKind::Mbr
        } else {
            found.partitions.push(whole());
            TableKind::None
        };
        Ok(Table::new(kind, found.partitions, found.problems, disk.size()))
    }

    /// Returns the result of reading a disk's partition table: the given partitions and problems,
    /// the gaps between the partitions, and a further problem for each overlap of partitions.
    /// `size` is the size of the disk in bytes.
    fn new(kind: TableKind, partitions: Vec<Partition>, mut problems: Vec<Problem>, size: u64) -> Table {
        let mut order: Vec<&Partition> = partitions.iter().collect();
        order.sort_by_key(|partition| partition.start);
        let (mut gaps, mut end) = (Vec::new(), 0);
        for partition in order {
            if partition.start > end && end < size {
                gaps.push(end..partition.start.min(size));
            }
            if partition.start < end && partition.size > 0 {
                let fault = Fault::Overlap { name: partition.name.clone() };
                let length = partition.end().min(end) - partition.start;
                problems.push(Problem { offset: partition.start, length, fault });
            }
            end = end.max(partition.end());
        }
        if end < size {
            gaps.push(end..size);
        }
        Table { kind, partitions, gaps, problems }
    }
}

/// The partitions of a disk that were found so far, and the problems of its partition table.
struct Found<'d> {
    disk: &'d dyn Source,
    partitions: Vec<Partition>,
    problems: Vec<Problem>,
}

impl Found<'_> {
    /// Adds a problem with the `length` bytes of the disk at the offset `offset`.
    fn problem(&mut self, offset: u64, length: u64, fault: Fault) {
        self.problems.push(Problem { offset, length, fault });
    }

    /// Adds the partition with the number `number`, which has `size` bytes and begins at the offset
    /// `start` of the disk. If it extends beyond the disk's end, only the part on the disk is kept,
    /// and a problem is added.
    fn add(&mut self, number: usize, start: u64, size: u64, purpose: Purpose) {
        let name = format!("p{number}");
        let on_disk = size.min(self.disk.size().saturating_sub(start));
        if on_disk < size {
            let fault = Fault::OutOfDisk { name: name.clone(), disk: self.disk.size() };
            self.problem(start, size, fault);
        }
        let kind = if on_disk == 0 { None } else { VolumeKind::at(self.disk, start).ok() };
        self.partitions.push(Partition { name, start, size: on_disk, purpose, kind });
    }
}

#[cfg(test)]
mod tests;
