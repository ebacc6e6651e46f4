//! The bitmap of an NTFS volume, which tells the clusters in use, and the bytes of the clusters
//! that are not in use.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::stream::Stream;
use crate::evidence::layer::{SharedSource, Source, read_up_to};
use crate::evidence::source::LogBytes;

/// The number of bytes of an NTFS volume's bitmap that are read at a time.
const STEP: u64 = 16 << 10;

/// The bitmap of an NTFS volume (`$Bitmap`). It has a bit for each cluster, which is set if the
/// cluster belongs to a file.
pub(super) struct Bitmap {
    bits: Stream,
    /// The number of clusters of the NTFS file system, by its boot sector.
    clusters: u64,
}

impl Bitmap {
    /// Returns the bitmap of a file system that has `clusters` clusters. `bits` is the stream with
    /// the bytes of the bitmap.
    pub fn new(bits: Stream, clusters: u64) -> Self {
        Bitmap { bits, clusters }
    }

    /// Splits `clusters` into ranges of adjacent clusters that are all in use or all free. Calls
    /// `visit` with each range, and with true if its clusters are in use. Stops when `visit`
    /// returns false. A range can come in several parts, because the bitmap is read in parts.
    ///
    /// Clusters after the end of the file system are free. Clusters of the file system without a
    /// bit in the bitmap, which is then cut off, count as in use.
    pub fn runs(
        &self,
        clusters: Range<u64>,
        visit: &mut dyn FnMut(Range<u64>, bool) -> bool,
    ) -> io::Result<()> {
        let mut at = clusters.start;
        while at < clusters.end {
            let (first, end) = (at / 8, clusters.end.div_ceil(8).min(at / 8 + STEP));
            let bytes = read_up_to(&self.bits, first, usize::try_from(end - first).unwrap_or(0))?;
            let end = clusters.end.min(end * 8);
            while at < end {
                let is_allocated = |cluster: u64| {
                    let byte = usize::try_from(cluster / 8 - first).ok().and_then(|place| bytes.get(place));
                    cluster < self.clusters && byte.is_none_or(|byte| byte >> (cluster % 8) & 1 == 1)
                };
                let (start, state) = (at, is_allocated(at));
                while at < end && is_allocated(at) == state {
                    at += 1;
                }
                if !visit(start..at, state) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

/// An NTFS volume as a source with the free clusters only: the clusters of files read as zeros. It
/// has the size and offsets of the volume. Bytes after the end of the file system count as free.
pub struct Unallocated {
    volume: SharedSource,
    bitmap: Arc<Bitmap>,
    cluster: u64,
}

impl Unallocated {
    /// Returns a source with the bytes of `volume` in the clusters that are free by `bitmap`.
    /// `cluster` is the size of a cluster in bytes.
    pub(super) fn new(volume: SharedSource, bitmap: Arc<Bitmap>, cluster: u64) -> Self {
        Unallocated { volume, bitmap, cluster }
    }

    /// Calls `visit` with each range of bytes that belongs to no file, until `visit` returns false.
    /// Two of the ranges can be adjacent.
    #[cfg_attr(not(feature = "internals"), allow(dead_code, reason = "tests compare it with sleuthkit's"))]
    pub fn ranges(&self, visit: &mut dyn FnMut(Range<u64>) -> bool) -> io::Result<()> {
        let size = self.size();
        self.bitmap.runs(0..size.div_ceil(self.cluster), &mut |run, is_allocated| {
            is_allocated || visit(run.start * self.cluster..(run.end * self.cluster).min(size))
        })
    }
}

impl LogBytes for Unallocated {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let length =
            usize::try_from(self.size().saturating_sub(offset)).unwrap_or(usize::MAX).min(buffer.len());
        if length == 0 {
            // A place after the end can be in a cluster whose last byte has no number.
            return Ok(0);
        }
        let buffer = buffer.get_mut(..length).unwrap_or_default();
        buffer.fill(0);
        let end = offset + length as u64;
        let (mut free, clusters) = (Vec::new(), offset / self.cluster..end.div_ceil(self.cluster));
        self.bitmap.runs(clusters, &mut |run, is_allocated| {
            if !is_allocated {
                free.push((run.start * self.cluster).max(offset)..(run.end * self.cluster).min(end));
            }
            true
        })?;
        let place = |at: u64| usize::try_from(at - offset).unwrap_or(usize::MAX);
        for range in free {
            let piece = buffer.get_mut(place(range.start)..place(range.end)).unwrap_or_default();
            let read = self.volume.read_at(range.start, piece)?;
            piece.get_mut(read..).unwrap_or_default().fill(0);
        }
        Ok(length)
    }
}

impl Source for Unallocated {
    fn size(&self) -> u64 {
        self.volume.size()
    }
}
