//! Which clusters of a volume are in use, and the bytes of those that are not.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::stream::Stream;
use crate::evidence::layer::{SharedSource, Source, read_up_to};
use crate::evidence::source::LogBytes;

/// How many bytes of the bitmap are read at a time.
const STEP: u64 = 16 << 10;

/// The volume's `$Bitmap`: a bit for each cluster, set if a file has it.
pub(super) struct Bitmap {
    bits: Stream,
    /// The number of the file system's clusters.
    clusters: u64,
}

impl Bitmap {
    /// Makes the bitmap of a volume of its stream.
    pub fn new(bits: Stream, clusters: u64) -> Self {
        Bitmap { bits, clusters }
    }

    /// Calls `visit` with each run of clusters that are alike, and with true if they are allocated,
    /// until `visit` returns false. Clusters after the file system's last one are not allocated.
    /// Clusters of the file system that the bitmap has no bit for count as allocated. A run can be
    /// split where a read of the bitmap ends.
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

/// A volume of which only the clusters that no file has can be seen: those that files have read as
/// zeros. Offsets are those of the volume. What follows the file system belongs to no file.
pub struct Unallocated {
    volume: SharedSource,
    bitmap: Arc<Bitmap>,
    cluster: u64,
}

impl Unallocated {
    /// The bytes of `volume` in clusters that `bitmap` says are free.
    pub(super) fn new(volume: SharedSource, bitmap: Arc<Bitmap>, cluster: u64) -> Self {
        Unallocated { volume, bitmap, cluster }
    }

    /// Calls `visit` with each range of bytes that no file has, until it returns false. Ranges that
    /// follow each other can be parts of one.
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
