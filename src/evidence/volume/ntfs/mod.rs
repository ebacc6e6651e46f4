//! NTFS: files by the master file table alone.
//!
//! The table (`$MFT`) is read in its order; folders are not walked. That finds deleted files and
//! files whose folder is lost, and needs no directory index. A file is one record of the table, and
//! further ones if its attributes do not fit into one.
//!
//! Evidence is hostile: every number is checked before memory is taken for it, and every chain ends
//! by a count.

mod attribute;
mod bitmap;
mod boot;
mod budget;
mod file;
mod files;
mod folders;
mod lznt1;
mod name;
mod obstacle;
mod problem;
mod record;
mod runs;
mod stream;

use std::io;
use std::sync::{Arc, OnceLock};

use self::bitmap::Bitmap;
use self::boot::Geometry;
use self::budget::Budget;
use self::file::File;
use self::record::{RecordState, restore};
use self::stream::Stream;
use super::VolumeKind;
use crate::evidence::layer::{SharedSource, read_exact};

pub use self::bitmap::Unallocated;
pub use self::files::{Counts, Files, NtfsFile, Wanted};
pub use self::obstacle::{Obstacle, ReparsePoint};
pub use self::problem::{FileFault, FileProblem, VolumeProblem};

/// The record of the master file table itself.
const TABLE: u64 = 0;
/// The record of the bitmap of clusters in use.
const BITMAP: u64 = 6;
/// How often the table's own records are looked for with what is known of it.
const MOST_ROUNDS: usize = 64;

/// Why a volume cannot be read as NTFS.
#[derive(Debug, thiserror::Error)]
pub enum NtfsError {
    /// The source that the volume lies in cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The boot sector has a size that no volume has.
    #[error(
        "the boot sector of the NTFS volume is damaged at byte {offset}: expected {expected}, found {found}"
    )]
    BootSector {
        /// The offset in the boot sector, in bytes.
        offset: u64,
        /// What is expected at that offset of the boot sector.
        expected: &'static str,
        /// The number that was found, in bytes.
        found: u64,
    },
    /// Neither the first record of the master file table nor its copy can be read.
    #[error(
        "the first record of the NTFS volume's master file table is damaged, expected at byte {table}, and so is its copy, expected at byte {mirror}"
    )]
    Table {
        /// The offset of the master file table in the volume.
        table: u64,
        /// The offset in the volume of the copy of the master file table's first records.
        mirror: u64,
    },
}

/// An NTFS volume. Several threads can read its files.
pub struct Ntfs {
    volume: SharedSource,
    geometry: Geometry,
    table: Stream,
    is_boot_copy_used: bool,
    is_mirror_used: bool,
    bitmap: OnceLock<Option<Arc<Bitmap>>>,
}

impl Ntfs {
    /// Opens a volume: reads its boot sector, and finds out where the master file table lies.
    pub fn open(volume: SharedSource) -> Result<Ntfs, NtfsError> {
        let first = Geometry::parse(&read_exact(&*volume, 0, 512)?);
        let is_boot_copy_used = first.is_err();
        let geometry = first.or_else(|damage| boot_copy(&volume).ok_or(damage))?;
        let place = |cluster: u64| cluster.saturating_mul(geometry.cluster);
        let (table, mirror) = (place(geometry.table), place(geometry.mirror));
        let damaged = NtfsError::Table { table, mirror };
        let first = first_record(&volume, &geometry, table);
        let (first, is_mirror_used) = match first {
            Some(first) => (first, false),
            None => (first_record(&volume, &geometry, mirror).ok_or(damaged)?, true),
        };
        let data = record::Record(&first)
            .attributes()
            .filter(|attribute| attribute.kind() == attribute::DATA && attribute.name().is_empty());
        let table = Stream::new(volume.clone(), geometry.cluster, data.collect())
            .map_err(|_| NtfsError::Table { table, mirror: place(geometry.mirror) })?;
        let bitmap = OnceLock::new();
        let mut ntfs = Ntfs { volume, geometry, table, is_boot_copy_used, is_mirror_used, bitmap };
        ntfs.extend_table();
        Ok(ntfs)
    }

    /// Adds to what is known of the table's place what records say that lie in the known part.
    fn extend_table(&mut self) {
        for _ in 0..MOST_ROUNDS {
            let Ok(table) = self.stream(TABLE, None) else { return };
            if table.runs().len() <= self.table.runs().len() {
                return;
            }
            self.table = table;
        }
    }

    /// The size of a cluster in bytes.
    #[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "tests compare it with sleuthkit's"))]
    #[must_use]
    pub fn cluster_size(&self) -> u64 {
        self.geometry.cluster
    }

    /// The size in bytes that the boot sector states for the volume. It is larger than the
    /// partition if the volume was cut off.
    #[must_use]
    pub fn stated_size(&self) -> u64 {
        self.geometry.sectors.saturating_mul(self.geometry.sector)
    }

    /// What is wrong with the volume as a whole. What is wrong with records of the master file
    /// table is found by [`Ntfs::files`], and is in [`Counts::problems`].
    #[must_use]
    pub fn problems(&self) -> Vec<VolumeProblem> {
        let mut problems = Vec::new();
        let (expected, found) = (self.stated_size(), self.volume.size());
        if found < expected {
            problems.push(VolumeProblem::CutOff { expected, found });
        }
        if self.is_boot_copy_used {
            problems.push(VolumeProblem::BootSector);
        }
        if self.is_mirror_used {
            let expected = self.geometry.table.saturating_mul(self.geometry.cluster);
            problems.push(VolumeProblem::FirstRecord { expected });
        }
        problems
    }

    /// The number of runs of clusters that the master file table is known to lie in.
    #[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "tests compare it with sleuthkit's"))]
    #[must_use]
    pub fn table_runs(&self) -> usize {
        self.table.run_count()
    }

    /// The number of the clusters that lie on the volume whole.
    fn clusters(&self) -> u64 {
        self.volume.size() / self.geometry.cluster
    }

    /// Reads a record; `None` if it cannot be read, or is damaged.
    fn record(&self, number: u64) -> Option<Vec<u8>> {
        let size = self.geometry.record;
        let mut record = read_exact(&self.table, number.checked_mul(size as u64)?, size).ok()?;
        (restore(&mut record, self.geometry.sector) == RecordState::Good).then_some(record)
    }

    /// The bitmap of clusters in use; `None` if it cannot be read.
    fn bitmap(&self) -> Option<&Arc<Bitmap>> {
        let open = || {
            let bits = self.stream(BITMAP, None).ok()?;
            Some(Arc::new(Bitmap::new(bits, self.stated_size() / self.geometry.cluster)))
        };
        self.bitmap.get_or_init(open).as_ref()
    }

    /// Finds the files and streams whose name `wanted` returns true for, deleted ones included, by
    /// one pass over the master file table. What of the table cannot be read is counted in
    /// [`Files::counts`].
    pub fn files<'n>(&'n self, wanted: &'n Wanted<'n>) -> Files<'n> {
        Files::read(self, wanted)
    }

    /// Opens a stream of a file.
    fn stream(&self, record: u64, name: Option<&str>) -> Result<Stream, Obstacle> {
        File::read(self, record, &mut Budget::of_file())?.stream(self, name)
    }

    /// Opens a stream of the file whose first record has this number: the main stream, or the one
    /// with this name, escaped as in [`NtfsFile::stream`]. Reads fail where a
    /// [`FileProblem`] says that the bytes cannot be read, and where compressed bytes are damaged.
    pub fn open_stream(&self, record: u64, name: Option<&str>) -> io::Result<SharedSource> {
        let stream = self.stream(record, name);
        Ok(Arc::new(stream.map_err(|obstacle| io::Error::new(io::ErrorKind::Unsupported, obstacle))?))
    }

    /// Returns the volume with the clusters of files as zeros; `None` if the bitmap of clusters in
    /// use cannot be read.
    #[must_use]
    pub fn unallocated(&self) -> Option<Unallocated> {
        let bitmap = Arc::clone(self.bitmap()?);
        Some(Unallocated::new(self.volume.clone(), bitmap, self.geometry.cluster))
    }
}

/// Reads the copy of the boot sector in the volume's last sector.
fn boot_copy(volume: &SharedSource) -> Option<Geometry> {
    let copy = |sector: u64| {
        let bytes = read_exact(&**volume, (volume.size() / sector).checked_sub(1)? * sector, 512).ok()?;
        let is_boot = VolumeKind::of_head(&bytes) == VolumeKind::Ntfs;
        Geometry::parse(&bytes).ok().filter(|geometry| is_boot && geometry.sector == sector)
    };
    copy(512).or_else(|| copy(4096))
}

/// Reads the table's first record at an offset of the volume.
fn first_record(volume: &SharedSource, geometry: &Geometry, offset: u64) -> Option<Vec<u8>> {
    let mut record = read_exact(&**volume, offset, geometry.record).ok()?;
    (restore(&mut record, geometry.sector) == RecordState::Good).then_some(record)
}

#[cfg(test)]
mod tests;
