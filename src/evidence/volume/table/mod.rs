//! Partition tables: which bytes of a disk are volumes, and which lie between them.

mod gpt;
mod mbr;
mod problem;

use std::io;
use std::ops::Range;

pub use self::problem::{Fault, Problem};
use super::VolumeKind;
use crate::evidence::layer::{SharedSource, Source, read_up_to};

/// The number of bytes in a sector of most disks. MBR tables count in sectors.
const SECTOR: u64 = 512;
/// Sector sizes of disks: 512 bytes, or 4096 on "4K native" ones.
const SECTOR_SIZES: [u64; 2] = [SECTOR, 4096];

/// The kinds of partition tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableKind {
    /// There is no table: the disk is one volume, or holds nothing that is known.
    None,
    /// A master boot record, with logical partitions in extended ones.
    Mbr,
    /// A GUID partition table.
    Gpt,
}

/// What the partition table says that a partition is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Data, or something that has no name here. The partition's volume says what it holds.
    Data,
    /// The EFI system partition of boot loaders (FAT).
    EfiSystem,
    /// Space that Microsoft reserves on GPT disks. It contains no volume.
    MicrosoftReserved,
    /// A Windows recovery environment (NTFS).
    Recovery,
    /// A part of a dynamic disk (Logical Disk Manager). Its volumes are not read.
    DynamicDisk,
    /// A part of a Storage Spaces pool. Its volumes are not read.
    StorageSpaces,
}

impl Purpose {
    /// Returns the name of the purpose as users read it.
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

/// A range of a disk that a partition table names, or a whole disk without a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// `p1`, `p2` … by the partition's place in the table, logical partitions from `p5` on; empty
    /// for a disk without a table.
    pub name: String,
    /// The offset of the partition's first byte on the disk.
    pub start: u64,
    /// How many bytes of the partition lie on the disk. This is less than the table says if the
    /// partition reaches out of the disk, which is a [`Fault::OutOfDisk`].
    pub size: u64,
    /// What the table says that the partition is for.
    pub purpose: Purpose,
    /// What the partition's first bytes say; `None` if they cannot be read.
    pub kind: Option<VolumeKind>,
}

impl Partition {
    /// Returns the offset after the partition's last byte on the disk.
    #[must_use]
    pub fn end(&self) -> u64 {
        self.start.saturating_add(self.size)
    }
}

/// Returns whether `head`, the first 4,104 bytes of a file or all of a shorter one, has a partition
/// table. Boot sectors of other systems end like an MBR, so its entries must make sense too.
#[must_use]
pub fn is_at_start(head: &[u8]) -> bool {
    let has_gpt = |sector: &u64| {
        let start = usize::try_from(*sector).ok();
        start.and_then(|start| head.get(start..)).is_some_and(|rest| rest.starts_with(b"EFI PART"))
    };
    SECTOR_SIZES.iter().any(has_gpt) || head.get(..512).is_some_and(mbr::is_plausible)
}

/// The partitions of a disk, and the bytes between them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The kind of partition table that the disk has.
    pub kind: TableKind,
    /// The partitions, in the order of their numbers. At most 16,384.
    pub partitions: Vec<Partition>,
    /// The ranges of the disk that belong to no partition, in bytes, in their order. They include
    /// the partition tables themselves.
    pub gaps: Vec<Range<u64>>,
    /// What is wrong with the tables.
    pub problems: Vec<Problem>,
}

impl Table {
    /// Reads the partition tables of a disk. A disk that is itself a volume, or has no table, is
    /// one partition with an empty name. An error means that the disk's first bytes cannot be read;
    /// anything else that is wrong is a [`Problem`].
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

    /// Makes a table of its partitions: finds the gaps between them, and says where they overlap.
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

/// What has been found so far of a disk's tables.
struct Found<'d> {
    disk: &'d dyn Source,
    partitions: Vec<Partition>,
    problems: Vec<Problem>,
}

impl Found<'_> {
    /// Records that something is wrong with the `length` bytes of the disk from `offset` on.
    fn problem(&mut self, offset: u64, length: u64, fault: Fault) {
        self.problems.push(Problem { offset, length, fault });
    }

    /// Adds a partition of `size` bytes from `start` on. If it reaches out of the disk, it is kept
    /// as far as the disk goes, and a problem says so.
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
