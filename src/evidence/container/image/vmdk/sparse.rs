//! Sparse extents of VMDK disk images: blocks of a disk, called grains. A directory lists tables,
//! whose entries say where the grains are.

use std::io;
use std::sync::Arc;

use super::super::blocks::{BlockMap, BlockPlace};
use super::super::cache::Paged;
use super::super::fields::Fields;
use super::super::inflate::{Header, Workers};
use super::super::outcome::{ImageProblem, Problems};
use super::super::{ImageError, LARGEST_DISK};
use super::SECTOR;
use crate::evidence::layer::read_up_to;

/// The size in bytes of the header of a sparse VMDK extent, which is a part of the disk that is
/// stored in blocks.
const HEADER: usize = 512;

/// The value in a VMDK header that says that the valid header is the footer at the end of the file.
/// It stands in the field that otherwise has the sector number of the directory, which lists the
/// tables of grains (blocks of the disk).
const IN_FOOTER: u64 = u64::MAX;

/// The flag in a VMDK header that is set if an entry of 1 in a table of grains (blocks of the disk)
/// means that the grain has only zeros.
const HAS_ZERO_GRAINS: u32 = 1 << 2;
/// The flag in a VMDK header that is set if the grains (blocks of the disk) are deflated.
const DEFLATED_GRAINS: u32 = 1 << 16;

/// The largest grain (block of the disk) of a VMDK that is read, in sectors: 1 MiB, which is
/// sixteen times what VMware writes. A larger grain is taken for damage.
const LARGEST_GRAIN: u64 = 2048;

/// A sparse extent of a VMDK: a part of the disk, stored in blocks that are called grains. A grain
/// whose table entry is 0 is not stored and reads as zeros.
pub(super) struct SparseExtent {
    name: String,
    tables: Paged,
    workers: Workers,
    size: u64,
    grain: u64,
    directory: u64,
    directory_entries: u64,
    per_table: u64,
    zero_grains: bool,
    deflated: bool,
    descriptor: Option<(u64, u64)>,
}

impl SparseExtent {
    /// Opens the sparse extent in the file named `name`, and adds what is wrong with it to
    /// `problems`. `tables` gives access to the file, and to its tables, which say where the grains
    /// (blocks of the disk) are stored.
    pub(super) fn open(tables: Paged, name: &str, problems: &mut Problems) -> Result<Self, ImageError> {
        let file = &Arc::clone(tables.source());
        let failed = |source| ImageError::Read { name: name.to_owned(), source };
        let mut header = read_up_to(file.as_ref(), 0, HEADER).map_err(failed)?;
        let bad =
            |expected: &str, found: String| ImageProblem::new(format!("{name}, header"), expected, found);
        if header.starts_with(b"COWD") {
            return Self::old(tables, name, Fields(&header), problems);
        }
        if !header.starts_with(b"KDMV") {
            return Err(bad("`KDMV` or `COWD`", "other bytes".into()).into());
        }
        if Fields(&header).le64(56) == IN_FOOTER {
            // The footer's marker and the end-of-stream marker take a sector each.
            let at = file.size().saturating_sub(2 * SECTOR);
            header = read_up_to(file.as_ref(), at, HEADER).map_err(failed)?;
            if !header.starts_with(b"KDMV") || Fields(&header).le64(56) == IN_FOOTER {
                return Err(bad("a footer at the end of the file", "other bytes".into()).into());
            }
        }
        let fields = Fields(&header);
        let (flags, algorithm) = (fields.le32(8), fields.le16(77));
        if flags & DEFLATED_GRAINS != 0 && algorithm != 1 {
            return Err(ImageError::Unsupported(format!("a VMDK with compression {algorithm}")));
        }
        let sectors = |at| fields.le64(at).saturating_mul(SECTOR);
        let descriptor = Some((sectors(28), sectors(36))).filter(|(_, length)| *length > 0);
        let extent = SparseExtent {
            name: name.to_owned(),
            tables,
            workers: Workers::default(),
            size: sectors(12),
            grain: sectors(20),
            directory: sectors(56),
            directory_entries: 0,
            per_table: fields.le32(44).into(),
            zero_grains: flags & HAS_ZERO_GRAINS != 0,
            deflated: flags & DEFLATED_GRAINS != 0,
            descriptor,
        };
        extent.check(problems)
    }

    /// Opens a sparse extent in the older form that VMware ESX writes (signature `COWD`), in which
    /// each table of grains (blocks of the disk) has 4,096 entries. `fields` is the header of the
    /// extent.
    fn old(
        tables: Paged,
        name: &str,
        fields: Fields<'_>,
        problems: &mut Problems,
    ) -> Result<Self, ImageError> {
        let sectors = |at| u64::from(fields.le32(at)).saturating_mul(SECTOR);
        let extent = SparseExtent {
            name: name.to_owned(),
            tables,
            workers: Workers::default(),
            size: sectors(12),
            grain: sectors(16),
            directory: sectors(20),
            directory_entries: 0,
            per_table: 4096,
            zero_grains: false,
            deflated: false,
            descriptor: None,
        };
        extent.check(problems)
    }

    /// Checks the sizes that the header of the sparse extent states, and returns the extent. Fails
    /// if a size of the disk, the grains or the tables is out of bounds. If the file ends within
    /// the directory, which lists the tables of grains (blocks of the disk), the directory is taken
    /// to end with the file, and a problem is added.
    fn check(mut self, problems: &mut Problems) -> Result<Self, ImageError> {
        let bad = |expected: &str, found: u64| {
            let place = format!("{}, header", self.name);
            ImageError::from(ImageProblem::new(place, expected, found.to_string()))
        };
        if !(SECTOR..=LARGEST_GRAIN * SECTOR).contains(&self.grain) {
            return Err(bad("grains of 512 to 1048576 bytes", self.grain));
        }
        if !(1..=1 << 20).contains(&self.per_table) {
            return Err(bad("tables of 1 to 1048576 entries", self.per_table));
        }
        if self.size > LARGEST_DISK {
            return Err(bad("a disk of at most 64 TiB", self.size));
        }
        let covered = self.per_table * self.grain;
        let needed = self.size.div_ceil(covered);
        let there = self.tables.source().size().saturating_sub(self.directory) / 4;
        self.directory_entries = needed.min(there);
        if there < needed {
            let place = format!("{}, directory at byte {}", self.name, self.directory);
            let problem = ImageProblem::new(place, format!("{needed} entries"), format!("{there}"));
            problems.push(problem.at((there * covered).min(self.size)..self.size));
        }
        Ok(self)
    }

    /// Returns where the extent's file contains a VMDK descriptor (the text that lists the extents
    /// of the disk): its offset and its size, in bytes. Returns `None` if the file contains none.
    pub(super) fn descriptor_range(&self) -> Option<(u64, u64)> {
        self.descriptor
    }

    /// Returns the table entry for the grain (block of the disk) with the number `grain`: the
    /// sector of the file at which the grain begins. The entry is 0 if the grain is not stored.
    fn entry(&self, grain: u64) -> io::Result<u32> {
        let (table, number) = (grain / self.per_table, grain % self.per_table);
        if table >= self.directory_entries {
            let message = format!("{}: grain {grain} has no entry in the directory", self.name);
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
        let at = u32::from_le_bytes(self.tables.array(self.directory.saturating_add(table * 4))?);
        if at == 0 {
            return Ok(0);
        }
        let at = u64::from(at) * SECTOR + number * 4;
        Ok(u32::from_le_bytes(self.tables.array(at)?))
    }
}

impl BlockMap for SparseExtent {
    fn size(&self) -> u64 {
        self.size
    }

    fn block_size(&self) -> u64 {
        self.grain
    }

    fn locate(&self, block: u64) -> io::Result<BlockPlace<'_>> {
        match self.entry(block)? {
            0 => Ok(BlockPlace::Zeros),
            1 if self.zero_grains => Ok(BlockPlace::Zeros),
            _ if self.deflated => Ok(BlockPlace::Packed),
            sector => Ok(BlockPlace::Plain(self.tables.source(), u64::from(sector) * SECTOR)),
        }
    }

    fn unpack(&self, block: u64, into: &mut [u8]) -> io::Result<()> {
        let at = u64::from(self.entry(block)?) * SECTOR;
        let source = self.tables.source().as_ref();
        let bad = |expected: String, found: String| {
            let place = format!("{}, grain {block} at byte {at}", self.name);
            Err(ImageProblem::new(place, expected, found).into())
        };
        // A marker precedes the stream: the grain's first sector, and the stream's length.
        let mut marker = [0; 12];
        let read = source.read_at(at, &mut marker)?;
        let (sector, length) = (Fields(&marker).le64(0), Fields(&marker).le32(8));
        let due = block.saturating_mul(self.grain / SECTOR);
        if read < marker.len() || sector != due {
            return bad(format!("a marker of sector {due}"), format!("sector {sector}"));
        }
        let full = usize::try_from(self.grain).map_err(io::Error::other)?;
        let length = usize::try_from(length).map_err(io::Error::other)?;
        if length > full + full / 8 + 64 {
            return bad(format!("a stream for {full} bytes"), format!("{length} bytes"));
        }
        let inflated = self.workers.with(|worker| -> io::Result<_> {
            worker.read(source, at + 12, length)?;
            if into.len() == full {
                return Ok(worker.inflate(Header::Zlib, into));
            }
            let mut whole = vec![0; full];
            let inflated = worker.inflate(Header::Zlib, &mut whole);
            into.copy_from_slice(whole.get(..into.len()).unwrap_or_default());
            Ok(inflated)
        })?;
        match inflated {
            Ok(length) if length >= into.len() => Ok(()),
            Ok(length) => bad(format!("{} bytes", into.len()), format!("{length}")),
            Err(found) => bad(format!("a deflated grain of {} bytes", into.len()), found),
        }
    }
}
