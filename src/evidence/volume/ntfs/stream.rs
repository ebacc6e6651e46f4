//! Reads the bytes of a stream of an NTFS file, wherever they lie on the volume.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use super::attribute::Attribute;
use super::lznt1;
use super::obstacle::Obstacle;
use super::runs::Run;
use crate::evidence::layer::{SharedSource, Source};
use crate::evidence::source::LogBytes;

/// The maximum number of runs (ranges of consecutive clusters) of one stream that are read. Each
/// takes 24 bytes of memory.
pub(super) const MOST_RUNS: usize = 1 << 20;
/// The greatest number of clusters that can be compressed together, as the exponent of a power of
/// two: 5 means 32 clusters. NTFS itself uses 4, which means 16 clusters.
const MOST_UNIT_SHIFT: u8 = 5;

/// The bytes of a stream of an NTFS file, which is open for reading. Several threads can read it at
/// the same time.
///
/// It takes 24 bytes of memory for each run of clusters, at most 24 MiB. If the stream is
/// compressed, the 16 clusters that were decompressed last are in memory, too. A read fails if it
/// touches bytes that lie outside of the volume, whose run is lost, or that cannot be decompressed.
pub(super) struct Stream {
    volume: SharedSource,
    /// The size of a cluster of the volume, in bytes.
    pub(super) cluster: u64,
    /// The runs (ranges of consecutive clusters) in which the stream lies, and its holes, which
    /// read as zeros; in the order of the stream.
    pub(super) runs: Vec<Run>,
    /// The size of the stream in bytes.
    pub(super) size: u64,
    /// The offset in the stream from which on all bytes read as zeros.
    pub(super) valid: u64,
    /// What is known about the compression of the stream. `None` if it is not compressed.
    pub(super) compression: Option<Compression>,
    /// The bytes of the stream if they lie in the file's record in the master file table. `None` if
    /// they lie in clusters.
    pub(super) resident: Option<Vec<u8>>,
}

/// What is known about the compression of a compressed stream.
pub(super) struct Compression {
    /// The number of clusters that are compressed together as one unit.
    pub(super) clusters: u64,
    last: Mutex<Option<Arc<Unit>>>,
}

/// A compression unit of a stream: clusters that are compressed together, after decompression.
struct Unit {
    number: u64,
    bytes: Vec<u8>,
    /// The number of bytes of the compression unit that could be decompressed. The bytes after them
    /// are damaged.
    right: usize,
}

impl Stream {
    /// Opens the stream that the attributes `parts` describe: a single attribute, or the parts of
    /// an attribute in several records, in any order. `cluster` is the size of a cluster in bytes.
    /// Fails with the reason why nothing of the stream can be read.
    pub fn new(volume: SharedSource, cluster: u64, mut parts: Vec<Attribute<'_>>) -> Result<Self, Obstacle> {
        parts.sort_by_key(|part| part.clusters().map_or(0, |clusters| clusters.first));
        let first = parts.first().ok_or(Obstacle::NoData)?;
        let flags = first.flags();
        if flags & 0x4000 != 0 {
            return Err(Obstacle::Encrypted);
        }
        if let Some(bytes) = first.resident() {
            let (size, resident) = (bytes.len() as u64, Some(bytes.to_vec()));
            return Ok(Stream {
                volume,
                cluster,
                runs: vec![],
                size,
                valid: size,
                compression: None,
                resident,
            });
        }
        let head = first.clusters().filter(|head| head.first == 0).ok_or(Obstacle::NoSize)?;
        let compression = match (flags & 0xFF, head.unit_shift) {
            (0, _) | (_, 0) => None,
            (1, shift @ ..=MOST_UNIT_SHIFT) => {
                Some(Compression { clusters: 1 << shift, last: Mutex::new(None) })
            }
            (method, _) => return Err(Obstacle::Compression(u8::try_from(method).unwrap_or(u8::MAX))),
        };
        let mut runs: Vec<Run> = Vec::new();
        for part in parts.iter().filter_map(|part| part.clusters()) {
            let end = runs.last().map_or(0, |run| run.end());
            // Parts that describe the same clusters again come from damaged records.
            if part.first < end {
                continue;
            }
            for run in part.runs() {
                if runs.len() >= MOST_RUNS {
                    return Err(Obstacle::Runs { limit: MOST_RUNS });
                }
                runs.push(run);
            }
        }
        runs.shrink_to_fit();
        let valid = head.valid.min(head.size);
        Ok(Stream { volume, cluster, runs, size: head.size, valid, compression, resident: None })
    }

    /// Returns the number of runs (ranges of consecutive clusters) of the stream, without holes.
    #[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "tests compare it with sleuthkit's"))]
    pub fn run_count(&self) -> usize {
        self.runs.iter().filter(|run| run.place().is_some()).count()
    }

    /// Returns the runs of the stream (ranges of consecutive clusters, and holes, which read as
    /// zeros) in the order of the stream.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// Returns the offset in the stream from which on nothing is stored, so that all bytes read as
    /// zeros.
    pub fn stored(&self) -> u64 {
        if self.resident.is_some() {
            return self.size;
        }
        let stored = self.runs.iter().rev().find(|run| run.place().is_some());
        let mut end = stored.map_or(0, |run| run.end());
        if let Some(compression) = &self.compression {
            end = end.next_multiple_of(compression.clusters);
        }
        // A lost run may have bytes: what follows the last known run is not known to be zeros.
        let known = self.runs.last().map_or(0, |run| run.end());
        if known < self.valid.div_ceil(self.cluster) {
            self.valid
        } else {
            self.valid.min(end.saturating_mul(self.cluster))
        }
    }

    /// Returns the ranges of the stream's bytes that lie in the first `clusters` clusters of the
    /// volume, in the order of the stream.
    pub fn on_volume(&self, clusters: u64) -> impl Iterator<Item = Range<u64>> {
        self.runs.iter().filter_map(move |run| {
            let count = clusters.saturating_sub(run.place()?).min(run.count);
            Some(self.bytes_of(run.first..run.first + count)).filter(|bytes| !bytes.is_empty())
        })
    }

    /// Returns the range of the stream's bytes that lie in its clusters `clusters`, counted from
    /// the start of the stream. Bytes after the valid data length are left out, because they read
    /// as zeros even if the clusters contain other bytes.
    pub fn bytes_of(&self, clusters: Range<u64>) -> Range<u64> {
        let offset = |cluster: u64| cluster.saturating_mul(self.cluster).min(self.valid);
        offset(clusters.start)..offset(clusters.end)
    }

    /// Returns the valid data length of the stream: the offset from which on all bytes read as
    /// zeros.
    pub fn valid(&self) -> u64 {
        self.valid
    }

    /// Returns how many of the stream's clusters contain the bytes before the valid data length.
    /// Returns 0 if the bytes lie in the file's record in the master file table.
    pub fn valid_clusters(&self) -> u64 {
        if self.resident.is_some() { 0 } else { self.valid.div_ceil(self.cluster) }
    }

    /// Fills `buffer` with bytes of the stream from `offset` on, as they are stored in its
    /// clusters. Compressed bytes are not decompressed. Fails if no run tells where one of the
    /// bytes lies, or if it lies outside of the volume.
    fn read_plain(&self, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        while !buffer.is_empty() {
            let cluster = offset / self.cluster;
            let place = self.runs.partition_point(|run| run.end() <= cluster);
            let run = self.runs.get(place).filter(|run| run.first <= cluster);
            let Some(run) = run else {
                let text =
                    format!("no record says where the file's cluster {cluster} lies (offset {offset})");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            };
            let left = run.end().saturating_mul(self.cluster) - offset;
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            let (piece, rest) = buffer.split_at_mut(wanted);
            match run.place() {
                None => piece.fill(0),
                Some(place) => self.read_clusters(place, offset - run.first * self.cluster, piece)?,
            }
            (offset, buffer) = (offset + wanted as u64, rest);
        }
        Ok(())
    }

    /// Fills `piece` with bytes of the volume. They begin `offset` bytes after the start of the
    /// volume's cluster `place`. Fails if the volume ends before the last of these bytes.
    fn read_clusters(&self, place: u64, offset: u64, piece: &mut [u8]) -> io::Result<()> {
        let at = place.checked_mul(self.cluster).and_then(|start| start.checked_add(offset));
        let read = at.map_or(Ok(0), |at| self.volume.read_at(at, piece))?;
        if read < piece.len() {
            let text = format!(
                "cluster {} of the volume lies out of it: the volume has {} bytes",
                place.saturating_add(offset / self.cluster),
                self.volume.size()
            );
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
        }
        Ok(())
    }

    /// Returns the compression unit with the number `number`, decompressed. The first unit of the
    /// stream has number 0.
    fn unit(&self, compression: &Compression, number: u64) -> io::Result<Arc<Unit>> {
        let last = compression.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(unit) = last.filter(|unit| unit.number == number) {
            return Ok(unit);
        }
        let unit = Arc::new(self.decompress(compression.clusters, number)?);
        *compression.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&unit));
        Ok(unit)
    }

    /// Decompresses the compression unit with the number `number`, which has `clusters` clusters.
    /// The first unit of the stream has number 0. A unit without holes is not compressed. A unit
    /// that is one hole reads as zeros.
    fn decompress(&self, clusters: u64, number: u64) -> io::Result<Unit> {
        let start = number * clusters;
        let first = self.runs.partition_point(|run| run.end() <= start);
        let within = |run: &Run| run.within(start, start + clusters);
        let runs = self.runs.iter().skip(first).map_while(within);
        let allocated: u64 = runs.filter(|run| run.place().is_some()).map(|run| run.count).sum();
        let length = |clusters: u64| usize::try_from(clusters * self.cluster).unwrap_or(0);
        let mut bytes = vec![0; length(clusters)];
        let mut right = bytes.len();
        if allocated == clusters {
            self.read_plain(start * self.cluster, &mut bytes)?;
        } else if allocated > 0 {
            let mut data = vec![0; length(allocated)];
            self.read_plain(start * self.cluster, &mut data)?;
            if let Err(first_damaged) = lznt1::decompress(&data, &mut bytes) {
                right = first_damaged;
            }
        } else {
            // Holes read as zeros; a lost run is an error.
            self.read_plain(start * self.cluster, bytes.get_mut(..1).unwrap_or_default())?;
        }
        Ok(Unit { number, bytes, right })
    }

    /// Fills `buffer` with bytes of a compressed stream from `offset` on. Decompresses the
    /// compression units (clusters that are compressed together) in which these bytes lie.
    fn read_compressed(
        &self,
        compression: &Compression,
        mut offset: u64,
        mut buffer: &mut [u8],
    ) -> io::Result<()> {
        let size = compression.clusters * self.cluster;
        while !buffer.is_empty() {
            let unit = self.unit(compression, offset / size)?;
            let from = usize::try_from(offset % size).unwrap_or(usize::MAX);
            let bytes = unit.bytes.get(from..).unwrap_or_default();
            let wanted = bytes.len().min(buffer.len());
            if from + wanted > unit.right {
                let place = unit.number * size + unit.right as u64;
                let text = format!("the file's compressed bytes (LZNT1) are damaged from offset {place} on");
                return Err(io::Error::new(io::ErrorKind::InvalidData, text));
            }
            let (piece, rest) = buffer.split_at_mut(wanted);
            piece.copy_from_slice(bytes.get(..wanted).unwrap_or_default());
            (offset, buffer) = (offset + wanted as u64, rest);
        }
        Ok(())
    }
}

impl LogBytes for Stream {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let length = |size: u64| usize::try_from(size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let total = length(self.size).min(buffer.len());
        let (stored, zeros) =
            buffer.get_mut(..total).unwrap_or_default().split_at_mut(length(self.valid).min(total));
        zeros.fill(0);
        if let Some(bytes) = &self.resident {
            bytes.read_at(offset, stored)?;
        } else if let Some(compression) = &self.compression {
            self.read_compressed(compression, offset, stored)?;
        } else {
            self.read_plain(offset, stored)?;
        }
        Ok(total)
    }
}

impl Source for Stream {
    fn size(&self) -> u64 {
        self.size
    }
}
