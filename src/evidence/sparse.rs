//! Sparse files: files with ranges of zeros that a collector (a tool that copies evidence from a
//! host) left out. They are read here as they were on their host, with the zeros.

use std::io;

use super::collector::{CollectedRange, SparseIndex};
use super::layer::{SharedSource, Source};
use super::source::LogBytes;

/// A sparse file, which is read as it was on its host. Only some of its ranges were collected.
/// Bytes outside of these ranges read as zeros.
pub struct SparseFile {
    collected: SharedSource,
    index: SparseIndex,
}

impl SparseFile {
    /// Returns a sparse file. `collected` has its collected ranges, one directly after the other.
    /// `index` is the text of the index in which Velociraptor states these ranges. Fails if the
    /// index is not valid, or if the lengths of its ranges do not add up to the size of
    /// `collected`.
    pub fn new(collected: SharedSource, index: &[u8]) -> Result<Self, String> {
        let index = SparseIndex::parse(index, collected.size())?;
        Ok(SparseFile { collected, index })
    }

    /// Returns the first collected range that ends after the offset `at` of the file on its host.
    /// Returns `None` if no range does.
    fn range_from(&self, at: u64) -> Option<&CollectedRange> {
        let ranges = &self.index.ranges;
        ranges.get(ranges.partition_point(|range| range.original + range.length <= at))
    }
}

impl LogBytes for SparseFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.index.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = left.min(buffer.len());
        let mut filled = 0;
        while filled < wanted {
            let at = offset + filled as u64;
            let range = self.range_from(at);
            let start = range.map_or(self.index.size, |range| range.original.max(at));
            let until = |end: u64| usize::try_from(end - at).unwrap_or(usize::MAX).min(wanted - filled);
            if let Some(range) = range.filter(|_| start == at) {
                let length = until(range.original + range.length);
                let piece = buffer.get_mut(filled..filled + length).unwrap_or_default();
                let read = self.collected.read_at(range.stored + (at - range.original), piece)?;
                filled += read;
                if read < length {
                    break;
                }
            } else {
                let length = until(start);
                buffer.get_mut(filled..filled + length).unwrap_or_default().fill(0);
                filled += length;
            }
        }
        Ok(filled)
    }
}

impl Source for SparseFile {
    fn size(&self) -> u64 {
        self.index.size
    }

    fn flaw(&self) -> Option<String> {
        self.collected.flaw()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::super::layer::read_up_to;
    use super::*;

    proptest! {
        #[test]
        fn a_sparse_file_reads_like_the_whole_one(
            parts in prop::collection::vec((0..20_u8, 0..40_u64, 0..3_u64), 0..8),
            offset in 0..300_u64,
            length in 0..300_usize,
        ) {
            let (mut whole, mut stored, mut ranges) = (Vec::new(), Vec::new(), Vec::new());
            for (byte, length, zeros) in parts {
                let bytes = vec![byte; usize::try_from(length).unwrap()];
                let file_length = if byte == 0 { 0 } else { length };
                ranges.push(format!(
                    r#"{{"original_offset":{},"file_offset":{},"file_length":{file_length},"length":{}}}"#,
                    whole.len(), stored.len(), length + zeros
                ));
                stored.extend(bytes.iter().filter(|byte| **byte != 0));
                whole.extend(bytes);
                whole.resize(whole.len() + usize::try_from(zeros).unwrap(), 0);
            }
            let index = format!(r#"{{"ranges":[{}]}}"#, ranges.join(","));
            let sparse = SparseFile::new(Arc::new(stored), index.as_bytes()).unwrap();
            prop_assert_eq!(sparse.size(), whole.len() as u64);
            let first = whole.len().min(usize::try_from(offset).unwrap());
            let end = whole.len().min(first + length);
            prop_assert_eq!(read_up_to(&sparse, offset, length).unwrap(), &whole[first..end]);
        }
    }
}
