//! What decides the bytes of a stream of an NTFS file, above all its places on the volume. By this,
//! two states of a volume are compared without reading the stream: if both have the stream in the
//! same clusters, and the bytes of these clusters have not changed, the stream has the same bytes.

use std::ops::Range;

use super::Ntfs;
use super::budget::Budget;
use super::file::File;
use super::runs::Run;
use super::stream::Stream;

/// Everything that decides the bytes of a stream, except for the bytes in its clusters. If two
/// streams have equal [`StreamPlaces`], and equal bytes in these clusters, they have the same
/// bytes.
#[derive(Debug, PartialEq, Eq)]
pub struct StreamPlaces {
    /// The sequence number of the file's first record in the master file table: how often the
    /// record was used again for another file.
    sequence: u16,
    /// The size of a cluster of the volume, in bytes.
    cluster: u64,
    /// The size of the stream in bytes.
    size: u64,
    /// The offset in the stream from which on all bytes read as zeros.
    valid: u64,
    /// The number of clusters that are compressed together. `None` if the stream is not compressed.
    unit: Option<u64>,
    /// The runs (ranges of consecutive clusters) in which the stream lies, and its holes, which
    /// read as zeros; in the order of the stream.
    runs: Vec<Run>,
    /// The bytes of the stream if they lie in the file's record in the master file table. `None` if
    /// they lie in clusters.
    resident: Option<Vec<u8>>,
}

impl StreamPlaces {
    /// Returns the ranges of bytes of the volume in which the bytes of the stream lie, in the order
    /// of the stream. Clusters after the valid data length are left out, because nothing reads
    /// them.
    pub fn ranges(&self) -> impl Iterator<Item = Range<u64>> {
        let clusters = self.valid.div_ceil(self.cluster.max(1)).next_multiple_of(self.unit.unwrap_or(1));
        let read = self.runs.iter().map_while(move |run| run.within(0, clusters));
        read.filter_map(|run| {
            let start = run.place()?.saturating_mul(self.cluster);
            Some(start..start.saturating_add(run.count.saturating_mul(self.cluster)))
        })
    }
}

impl Ntfs {
    /// Returns where the bytes of a stream lie, and everything else that decides the bytes. The
    /// first record of the file has the number `record`. The stream is the one named `name`,
    /// escaped as in [`NtfsFile::stream`], or the main stream if `name` is `None`. Returns `None`
    /// if the stream cannot be opened.
    ///
    /// [`NtfsFile::stream`]: super::NtfsFile::stream
    #[must_use]
    pub fn places(&self, record: u64, name: Option<&str>) -> Option<StreamPlaces> {
        let file = File::read(self, record, &mut Budget::of_file()).ok()?;
        let Stream { cluster, runs, size, valid, compression, resident, .. } =
            file.stream(self, name).ok()?;
        let unit = compression.map(|compression| compression.clusters);
        Some(StreamPlaces { sequence: file.first().sequence(), cluster, size, valid, unit, runs, resident })
    }
}
