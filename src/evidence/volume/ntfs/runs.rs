//! Runs (ranges of consecutive clusters), and run lists, in which NTFS stores each run in a few
//! bytes.

/// A run: clusters of a file that are consecutive on the volume; or a hole, whose clusters lie
/// nowhere and read as zeros.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    /// The number of the first cluster of the run (a range of consecutive clusters), counted from
    /// the first cluster of the file.
    pub first: u64,
    /// The number of clusters in the run (a range of consecutive clusters). Its sum with `first`
    /// fits into 64 bits.
    pub count: u64,
    /// The number, on the volume, of the first cluster of the run (a range of consecutive
    /// clusters), or [`Run::HOLE`].
    place: u64,
}

impl Run {
    /// The value of `place` for a hole: a range of a file that has no clusters on the volume and
    /// reads as zeros.
    const HOLE: u64 = u64::MAX;

    /// Returns the number, on the volume, of the first cluster of the run (a range of consecutive
    /// clusters). Returns `None` if the run is a hole, which reads as zeros.
    pub fn place(self) -> Option<u64> {
        Some(self.place).filter(|place| *place != Run::HOLE)
    }

    /// Returns the number of the file's cluster that follows the run (a range of consecutive
    /// clusters), counted from the first cluster of the file.
    pub fn end(self) -> u64 {
        self.first + self.count
    }

    /// Returns the part of the run (a range of consecutive clusters) that lies in the file's
    /// clusters from `start` to before `end`. Returns `None` if no cluster of the run lies in that
    /// range.
    pub fn within(self, start: u64, end: u64) -> Option<Run> {
        let (first, end) = (self.first.max(start), self.end().min(end));
        let count = end.checked_sub(first).filter(|count| *count > 0)?;
        let place = self.place().map_or(Run::HOLE, |place| place + (first - self.first));
        Some(Run { first, count, place })
    }
}

/// The greatest number of clusters of a file or volume that is accepted. The limit is so low that
/// two numbers of clusters can be added without an overflow of 64 bits.
const MOST_CLUSTERS: u64 = 1 << 52;

/// An iterator over the runs in a run list, in which NTFS stores where the clusters of a file lie.
/// It ends at the end of the list or at the first run that is damaged.
#[derive(Debug, Clone)]
pub(super) struct RunList<'l> {
    list: &'l [u8],
    first: u64,
    place: i64,
    is_damaged: bool,
}

impl<'l> RunList<'l> {
    /// Returns an iterator over the runs in `list`, which has the bytes of a run list. The first
    /// run begins with the cluster `first`, counted from the start of the file.
    pub fn new(list: &'l [u8], first: u64) -> Self {
        RunList { list, first, place: 0, is_damaged: first > MOST_CLUSTERS }
    }

    /// Decodes the next run from `rest`, the bytes after `sizes`. `sizes` is the first byte of the
    /// run in the run list. It states the lengths of the run's two numbers: the number of clusters,
    /// and the place on the volume. Returns `None` if the run is damaged.
    fn decode(&mut self, sizes: u8, rest: &'l [u8]) -> Option<Run> {
        let (count, rest) = rest.split_at_checked(usize::from(sizes & 15))?;
        let (offset, rest) = rest.split_at_checked(usize::from(sizes >> 4))?;
        let count = u64::try_from(number(count)?).ok().filter(|count| (1..=MOST_CLUSTERS).contains(count))?;
        let place = if offset.is_empty() {
            Run::HOLE
        } else {
            // The place counts from the place of the run before.
            self.place = self.place.checked_add(number(offset)?)?;
            u64::try_from(self.place).ok().filter(|place| *place <= MOST_CLUSTERS)?
        };
        let run = Run { first: self.first, count, place };
        self.first = Some(run.end()).filter(|end| *end <= MOST_CLUSTERS)?;
        self.list = rest;
        Some(run)
    }
}

impl Iterator for RunList<'_> {
    type Item = Run;

    fn next(&mut self) -> Option<Run> {
        let (sizes, rest) = self.list.split_first().filter(|(sizes, _)| **sizes != 0)?;
        if self.is_damaged {
            return None;
        }
        let run = self.decode(*sizes, rest);
        self.is_damaged = run.is_none();
        run
    }
}

/// Reads a signed little-endian number of one to eight bytes. Returns `None` if `bytes` is empty or
/// has more than eight bytes.
fn number(bytes: &[u8]) -> Option<i64> {
    let sign = if bytes.last()? & 0x80 == 0 { 0 } else { 0xFF };
    let mut whole = [sign; 8];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(i64::from_le_bytes(whole))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn runs(list: &[u8], first: u64) -> (Vec<(u64, u64, Option<u64>)>, bool) {
        let mut list = RunList::new(list, first);
        let runs = list.by_ref().map(|run| (run.first, run.count, run.place())).collect();
        (runs, list.is_damaged)
    }

    #[test]
    fn places_count_from_the_place_before_and_holes_have_none() {
        let list = [0x21, 0x18, 0x34, 0x56, 0x01, 0x10, 0x11, 0x08, 0xF0, 0x00, 0x21];
        let expected = vec![(5, 0x18, Some(0x5634)), (0x1D, 0x10, None), (0x2D, 0x08, Some(0x5624))];
        assert_eq!(runs(&list, 5), (expected, false));
        assert_eq!(runs(&[], 0), (vec![], false));
        // The list ends with the attribute, without a zero.
        assert_eq!(runs(&[0x11, 1, 9], 0), (vec![(0, 1, Some(9))], false));
    }

    #[test]
    fn what_makes_no_sense_ends_the_list() {
        let before = vec![(0, 1, Some(9))];
        for odd in [
            &[0x10, 1][..],
            &[0x11, 1],
            &[0x12, 1],
            &[0x11, 0, 1],
            // Before the volume, a negative count, more than eight bytes, further than any volume.
            &[0x11, 1, 0xF0],
            &[0x11, 0x80, 1],
            &[0x19, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
            &[0x81, 1, 0, 0, 0, 0, 0, 0, 0, 0x7F],
            &[0x18, 0, 0, 0, 0, 0, 0, 0, 0x7F, 1],
        ] {
            assert_eq!(runs(&[&[0x11, 1, 9], odd].concat(), 0), (before.clone(), true), "{odd:x?}");
        }
        assert_eq!(runs(&[0x11, 1, 9], u64::MAX), (vec![], true));
    }

    proptest! {
        #[test]
        fn runs_of_any_bytes_follow_each_other(list: Vec<u8>, first in 0..=2 * MOST_CLUSTERS) {
            let mut end = first;
            for run in RunList::new(&list, first) {
                prop_assert_eq!(run.first, end);
                prop_assert!(run.count > 0 && run.end() <= MOST_CLUSTERS);
                prop_assert!(run.place().is_none_or(|place| place <= MOST_CLUSTERS));
                end = run.end();
            }
        }

        #[test]
        fn a_run_within_a_range_has_the_clusters_of_both(first in 0..50_u64, count in 1..50_u64, start in 0..100_u64, length in 0..100_u64) {
            let run = Run { first, count, place: 1000 };
            let common = (start..start + length).filter(|cluster| (first..first + count).contains(cluster));
            let found = run.within(start, start + length);
            let found = found.into_iter().flat_map(|run| run.first..run.end());
            prop_assert!(found.eq(common));
        }
    }
}
