//! NTFS volumes: lists files and reads their bytes, by the master file table (`$MFT`) alone.
//!
//! The table is read from its start to its end; folders are not walked. Thus deleted files and
//! files whose folder is lost are found, too, and the indexes of folders are not needed. A file has
//! one record in the table, and further records if its attributes do not fit into one.
//!
//! Evidence can be hostile. So every number is checked before memory is taken for it, and the
//! number of steps of every chain is limited.

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
mod places;
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
pub use self::places::StreamPlaces;
pub use self::problem::{FileFault, FileProblem, VolumeProblem};

/// The number of the record, in the master file table, that describes the table itself.
const TABLE: u64 = 0;
/// The number of the record, in the master file table, of the bitmap, which tells the clusters in
/// use.
const BITMAP: u64 = 6;
/// The maximum number of attempts to find all parts of the master file table. Each attempt reads,
/// in the parts that are known, records that state where other parts are.
const MOST_ROUNDS: usize = 64;

/// The reason why a volume cannot be read as NTFS.
#[derive(Debug, thiserror::Error)]
pub enum NtfsError {
    /// The bytes of the volume cannot be read from the disk or image that it lies in.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The boot sector states a size that no NTFS volume has, and there is no valid copy of it in
    /// the last sector of the volume.
    #[error(
        "the boot sector of the NTFS volume is damaged at byte {offset}: expected {expected}, found {found}"
    )]
    BootSector {
        /// The offset of the wrong number in the boot sector, in bytes.
        offset: u64,
        /// What a valid boot sector has at the offset of the wrong number.
        expected: &'static str,
        /// The size in bytes that the damaged boot sector states.
        found: u64,
    },
    /// Neither the first record of the master file table nor its copy can be read, so that no file
    /// can be found.
    #[error(
        "the first record of the NTFS volume's master file table is damaged, expected at byte {table}, and so is its copy, expected at byte {mirror}"
    )]
    Table {
        /// The offset of the master file table in the volume, in bytes.
        table: u64,
        /// The offset in the volume of the copy of the master file table's first records, in bytes.
        mirror: u64,
    },
}

/// An NTFS volume, which is open for reading. Several threads can read its files at the same time.
pub struct Ntfs {
    volume: SharedSource,
    geometry: Geometry,
    table: Stream,
    is_boot_copy_used: bool,
    is_mirror_used: bool,
    bitmap: OnceLock<Option<Arc<Bitmap>>>,
}

impl Ntfs {
    /// Opens an NTFS volume: reads its boot sector, and finds the parts of the master file table.
    /// If the boot sector is damaged, or the table's first record is damaged or unreadable, uses
    /// its copy, which `Ntfs::problems` reports. Fails if the copy is of no use either, if the boot
    /// sector cannot be read, or if the first record does not say where the table lies.
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

    /// Finds further parts of the master file table. Records in the known parts state where other
    /// parts lie. So the search is repeated until it finds no further part, at most [`MOST_ROUNDS`]
    /// times.
    fn extend_table(&mut self) {
        for _ in 0..MOST_ROUNDS {
            let Ok(table) = self.stream(TABLE, None) else { return };
            if table.runs().len() <= self.table.runs().len() {
                return;
            }
            self.table = table;
        }
    }

    /// Returns the size of a cluster of the volume, in bytes.
    #[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "tests compare it with sleuthkit's"))]
    #[must_use]
    pub fn cluster_size(&self) -> u64 {
        self.geometry.cluster
    }

    /// Returns the size in bytes that the boot sector states for the volume. If the volume was cut
    /// off, it has fewer bytes.
    #[must_use]
    pub fn stated_size(&self) -> u64 {
        self.geometry.sectors.saturating_mul(self.geometry.sector)
    }

    /// Returns what is wrong with the volume as a whole. What is wrong with records of the master
    /// file table is found by [`Ntfs::files`], and returned by [`Counts::problems`].
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

    /// Returns the number of runs (ranges of consecutive clusters) in which the known parts of the
    /// master file table lie.
    #[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "tests compare it with sleuthkit's"))]
    #[must_use]
    pub fn table_runs(&self) -> usize {
        self.table.run_count()
    }

    /// Returns the number of clusters of which the volume has all bytes.
    fn clusters(&self) -> u64 {
        self.volume.size() / self.geometry.cluster
    }

    /// Returns the record of the master file table with the number `number`. Returns `None` if it
    /// cannot be read or is damaged.
    fn record(&self, number: u64) -> Option<Vec<u8>> {
        let size = self.geometry.record;
        let mut record = read_exact(&self.table, number.checked_mul(size as u64)?, size).ok()?;
        (restore(&mut record, self.geometry.sector) == RecordState::Good).then_some(record)
    }

    /// Returns the bitmap of clusters in use. Returns `None` if it cannot be read.
    fn bitmap(&self) -> Option<&Arc<Bitmap>> {
        let open = || {
            let bits = self.stream(BITMAP, None).ok()?;
            Some(Arc::new(Bitmap::new(bits, self.stated_size() / self.geometry.cluster)))
        };
        self.bitmap.get_or_init(open).as_ref()
    }

    /// Returns the files and streams for whose names `wanted` returns true, including deleted
    /// files, by one pass over the master file table. [`Files::counts`] returns how many records of
    /// the table cannot be read.
    pub fn files<'n>(&'n self, wanted: &'n Wanted<'n>) -> Files<'n> {
        Files::read(self, wanted)
    }

    /// Opens the stream named `name`, or the main stream if `name` is `None`, of the file whose
    /// first record in the master file table has the number `record`.
    fn stream(&self, record: u64, name: Option<&str>) -> Result<Stream, Obstacle> {
        File::read(self, record, &mut Budget::of_file())?.stream(self, name)
    }

    /// Opens a stream of the file whose first record has the number `record`: the stream named
    /// `name`, escaped as in [`NtfsFile::stream`], or the main stream if `name` is `None`. Reads
    /// fail where a [`FileProblem`] tells that bytes cannot be read, and where compressed bytes are
    /// damaged.
    pub fn open_stream(&self, record: u64, name: Option<&str>) -> io::Result<SharedSource> {
        let stream = self.stream(record, name);
        Ok(Arc::new(stream.map_err(|obstacle| io::Error::new(io::ErrorKind::Unsupported, obstacle))?))
    }

    /// Returns the volume with zeros in place of the clusters of files, so that only free clusters
    /// can be read. Returns `None` if the bitmap of clusters in use cannot be read.
    #[must_use]
    pub fn unallocated(&self) -> Option<Unallocated> {
        let bitmap = Arc::clone(self.bitmap()?);
        Some(Unallocated::new(self.volume.clone(), bitmap, self.geometry.cluster))
    }
}

/// Reads the copy of the boot sector in the last sector of the volume. Returns `None` if there is
/// no valid copy.
fn boot_copy(volume: &SharedSource) -> Option<Geometry> {
    let copy = |sector: u64| {
        let bytes = read_exact(&**volume, (volume.size() / sector).checked_sub(1)? * sector, 512).ok()?;
        let is_boot = VolumeKind::of_head(&bytes) == VolumeKind::Ntfs;
        Geometry::parse(&bytes).ok().filter(|geometry| is_boot && geometry.sector == sector)
    };
    copy(512).or_else(|| copy(4096))
}

/// Reads the first record of the master file table at the offset `offset` of the volume. Returns
/// `None` if it cannot be read or is damaged.
fn first_record(volume: &SharedSource, geometry: &Geometry, offset: u64) -> Option<Vec<u8>> {
    let mut record = read_exact(&**volume, offset, geometry.record).ok()?;
    (restore(&mut record, geometry.sector) == RecordState::Good).then_some(record)
}

#[cfg(test)]
mod tests;
