//! Reads a range of a log into memory: all of it at once or, if that fails, in small pieces.

use std::io;
use std::ops::Range;

use crate::evidence::source::{LogBytes, PAGE};
use crate::ledger::damage::{Damage, Problem};

/// The sizes, in bytes, of the pieces in which a range is read again if it cannot be read at once:
/// first the size of chunks, then that of pages, the least unit in which file systems and disks are
/// read.
const PIECES: [usize; 2] = [65536, 4096];
/// The number of bytes by which reads are shifted in memory. Without a shift, each byte would lie
/// as far from the start of its page (4096 bytes) in memory as in the file. On an AMD EPYC, reading
/// from the page cache took 1.4 to 6 times as long with a shift of 1 to 31 bytes. On an Intel Xeon,
/// it took 1.1 times as long without a shift.
const AFTER_PAGE: usize = 32;
/// The amount of memory, in bytes, that successive reads fill one after another before they use its
/// start again: room for 1 MiB of chunks and a file's header. On an AMD EPYC with a second-level
/// cache of 1 MiB, the kernel took 1.2 times as long to copy into memory that was still in the
/// cache, 64 KiB or 256 KiB at a time, as into memory that had left it. When reads move through 1
/// MiB, the bytes that the next read overwrites have left the cache.
const RING_SIZE: usize = (1 << 20) + PAGE;

/// A buffer for a block of a log (a run of consecutive chunks), or another range of a file. It is
/// reused for the next block.
#[derive(Debug, Default)]
pub(super) struct BlockBuffer {
    /// The memory that successive reads fill one after another.
    memory: Vec<u8>,
    /// The position in the buffer's memory at which the first read begins, chosen for fast copying.
    first: usize,
    /// The position in the buffer's memory at which the last read ends. The next read begins after
    /// it or, if its bytes do not fit into what is left of the memory, at `first` again.
    next: usize,
    /// The offset, in the log, of the block (range of the log) that was read last, in bytes.
    start: u64,
    /// The number of bytes that the caller requested when the buffer was filled last.
    asked: u64,
    /// The position in the buffer's memory at which the bytes that were read last begin.
    aligned: usize,
    /// The number of the requested bytes that exist in the log: fewer than the caller requested if
    /// the log has become shorter.
    found: usize,
    /// The ranges of the block that could not be read, with the reasons, in order and without
    /// touching one another. Offsets are from the start of the block. The block's bytes in these
    /// ranges are zeros.
    unread: Vec<(Range<usize>, io::Error)>,
}

/// A part of a block of a log, as it was read: its bytes in a buffer, and which of them could not
/// be read.
#[derive(Debug)]
pub(super) struct BlockPart<'a> {
    /// The bytes of this part of the log. They are fewer than were requested if the log ends before
    /// the part does. In place of bytes that could not be read, there are zeros.
    pub bytes: &'a mut [u8],
    /// The ranges of this part of the log that could not be read and contain zeros instead. Offsets
    /// are from the start of the part.
    pub unread: Vec<Range<usize>>,
    /// The problems of reading this part of the log: ranges that could not be read or no longer
    /// exist. Offsets are from the start of the file.
    pub problems: Vec<Problem>,
}

impl BlockPart<'_> {
    /// Returns the number of bytes of this part of the log that could be read.
    pub(super) fn bytes_read(&self) -> u64 {
        let unread: usize = self.unread.iter().map(ExactSizeIterator::len).sum();
        (self.bytes.len() - unread) as u64
    }

    /// Returns whether any byte in `range`, whose offsets are from the start of this part of the
    /// log, could not be read.
    pub(super) fn has_unread(&self, range: &Range<usize>) -> bool {
        self.unread.iter().any(|unread| unread.start < range.end && range.start < unread.end)
    }
}

impl BlockBuffer {
    /// Reads a range of the log into the buffer, as its new block. The block that the buffer
    /// contained before is lost.
    pub(super) fn read(&mut self, log: &dyn LogBytes, range: Range<u64>) {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        let range_start =
            usize::try_from(range.start % PAGE as u64).expect("a remainder is less than a page");
        self.turn_to((log.offset_in_page() + range_start) % PAGE, length);
        (self.start, self.asked) = (range.start, range.end - range.start);
        self.unread.clear();
        let block = self.memory.get_mut(self.aligned..self.aligned + length).unwrap_or_default();
        self.found = read(log, block, range.start, &PIECES, &mut |unread, error| {
            let unread = between(unread.start, unread.end, range.start);
            match self.unread.last_mut() {
                Some((last, _)) if last.end == unread.start => last.end = unread.end,
                _ => self.unread.push((unread, error)),
            }
        });
    }

    /// Chooses the position in memory that the next read of `length` bytes fills: after the last
    /// read or, if too little memory is left there, at the first position again. `offset_in_page`
    /// is the offset of the read's first byte in its page of the file.
    fn turn_to(&mut self, offset_in_page: usize, length: usize) {
        let with_alignment = length.max(RING_SIZE).saturating_add(2 * PAGE + AFTER_PAGE);
        if self.memory.len() < with_alignment {
            self.memory = vec![0; with_alignment];
            self.first = self.memory.as_ptr().align_offset(PAGE).min(PAGE) + AFTER_PAGE;
            self.next = self.first;
        }
        let lowest = self.first + offset_in_page;
        let after_last = lowest + self.next.saturating_sub(lowest).next_multiple_of(PAGE);
        let fits = after_last + length <= self.first + RING_SIZE + PAGE;
        self.aligned = if fits { after_last } else { lowest };
        self.next = self.aligned + length;
    }

    /// Returns whether the log had a byte at `offset` (from the log's start) when the buffer was
    /// filled. The offset must lie within the block that is in the buffer.
    pub(super) fn reaches(&self, offset: u64) -> bool {
        between(offset, offset, self.start).start < self.found
    }

    /// Returns the number of bytes in `range` of the log that existed when the file was listed but
    /// not when the buffer was filled. The range must lie within the block that is in the buffer.
    pub(super) fn gone(&self, range: &Range<u64>) -> u64 {
        let asked = between(range.start, range.end, self.start);
        (asked.end - asked.start.max(self.found).min(asked.end)) as u64
    }

    /// Returns the bytes in `range` of the log, which must lie within the block that is in the
    /// buffer. `None` if any byte of the block, even outside `range`, could not be read.
    pub(super) fn whole(&self, range: Range<u64>) -> Option<&[u8]> {
        let is_whole = self.unread.is_empty() && self.found as u64 == self.asked;
        let part = between(range.start, range.end, self.start);
        self.memory.get(self.aligned + part.start..self.aligned + part.end).filter(|_| is_whole)
    }

    /// Returns the part of the block in the buffer that lies in `range` of the log. The range must
    /// lie within the block.
    pub(super) fn part(&mut self, range: Range<u64>) -> BlockPart<'_> {
        let asked = between(range.start, range.end, self.start);
        let there = asked.start.min(self.found)..asked.end.min(self.found);
        let (mut unread, mut problems) = (Vec::new(), Vec::new());
        for (lost, error) in &self.unread {
            let lost = lost.start.max(there.start)..lost.end.min(there.end);
            if !lost.is_empty() {
                let damage = Damage::Read { reason: error.to_string() };
                let (offset, length) = (self.start + lost.start as u64, lost.len() as u64);
                problems.push(Problem { offset, length, damage });
                unread.push(lost.start - there.start..lost.end - there.start);
            }
        }
        if there.len() < asked.len() {
            let length = (asked.len() - there.len()) as u64;
            problems.push(Problem { offset: range.end - length, length, damage: Damage::Shrunk });
        }
        let block = self.memory.get_mut(self.aligned..).unwrap_or_default();
        BlockPart { bytes: block.get_mut(there).unwrap_or_default(), unread, problems }
    }
}

/// Converts the range from `from` to `to` of a log to offsets from `start`. All three are offsets
/// from the log's start.
fn between(from: u64, to: u64, start: u64) -> Range<usize> {
    let place = |offset: u64| usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
    place(from)..place(to)
}

/// Fills `buffer` with the bytes at offset `start` of the log, and returns how many of them exist.
/// If reading fails, the range is read again in pieces of the first size in `pieces`, and each
/// piece that fails in pieces of the next size. A piece of the last size that cannot be read is
/// filled with zeros, and `lost` is called with its range in the log and the error.
fn read(
    log: &dyn LogBytes,
    buffer: &mut [u8],
    start: u64,
    pieces: &[usize],
    lost: &mut impl FnMut(Range<u64>, io::Error),
) -> usize {
    let error = match log.read_at(start, buffer) {
        Ok(found) => return found,
        Err(error) => error,
    };
    let Some((size, smaller)) = pieces.split_first() else {
        buffer.fill(0);
        lost(start..start + buffer.len() as u64, error);
        return buffer.len();
    };
    let mut end = 0;
    for piece in buffer.chunks_mut(*size) {
        let found = read(log, piece, start + end as u64, smaller, lost);
        end += found;
        if found < piece.len() {
            break;
        }
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A log for tests. Each byte follows from its offset, so that misplaced bytes are noticed. The
    /// pages in `bad`, numbered from 0, cannot be read.
    struct Log {
        bytes: Vec<u8>,
        bad: Vec<u64>,
    }

    impl LogBytes for Log {
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let end = (offset + buffer.len() as u64).min(self.bytes.len() as u64);
            let is_bad = self.bad.iter().any(|page| page * 4096 < end && offset < (page + 1) * 4096);
            if is_bad { Err(io::Error::other("bad sector")) } else { self.bytes.read_at(offset, buffer) }
        }
    }

    fn log(length: u64, bad: Vec<u64>) -> Log {
        let bytes = (0..length).map(|at| u8::try_from((at / 512 + at) % 251).unwrap() + 1).collect();
        Log { bytes, bad }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        /// Compares the parts of a block, as they are read, with the log's bytes one by one. The
        /// buffer contains another block before, of which nothing may remain visible.
        #[test]
        fn a_part_holds_what_can_be_read(length in 0_u64..300_000, bad in prop::collection::vec(0_u64..80, 0..4), start in 0_u64..40) {
            // If a page cannot be read, nobody can know that the log ends in it.
            let whole = bad.into_iter().filter(|page| (page + 1) * 4096 <= length);
            let log = log(length, whole.collect());
            let mut buffer = BlockBuffer::default();
            buffer.read(&self::log(270_336, vec![3]), 0..270_336);
            let block = start * 4096..start * 4096 + 135_168;
            buffer.read(&log, block.clone());
            for part in [block.start..block.start + 4096, block.start + 4096..block.start + 69_632, block.start + 69_632..block.end] {
                let read = buffer.part(part.clone());
                let there = part.end.min(length).saturating_sub(part.start);
                prop_assert_eq!(read.bytes.len() as u64, there);
                for (place, byte) in read.bytes.iter().enumerate() {
                    let at = part.start + place as u64;
                    let is_lost = log.bad.contains(&(at / 4096));
                    prop_assert_eq!(read.has_unread(&(place..place + 1)), is_lost, "{}", at);
                    prop_assert_eq!(*byte, if is_lost { 0 } else { log.bytes[usize::try_from(at).unwrap()] });
                }
                let lost: u64 = read.problems.iter().map(|problem| problem.length).sum();
                prop_assert_eq!(lost + read.bytes_read(), part.end - part.start);
                prop_assert!(read.problems.iter().all(|problem| problem.offset >= part.start && problem.offset + problem.length <= part.end));
            }
        }
    }

    /// A log that an archive stores as it is. The number is the position of the log's first byte in
    /// its page of the archive's file.
    struct Stored(Log, usize);

    impl LogBytes for Stored {
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read_at(offset, buffer)
        }

        fn offset_in_page(&self) -> usize {
            self.1
        }
    }

    #[test]
    fn a_block_lies_in_memory_as_in_the_file() {
        for offset in [0, 1, 37, 4095] {
            let stored = Stored(log(3_000_000, Vec::new()), offset);
            let mut buffer = BlockBuffer::default();
            for (start, length) in
                [(0, 100), (100, 5000), (5100, 300_000), (3, 1_052_672), (0, 2_000_000), (9, 7)]
            {
                buffer.read(&stored, start..start + length);
                let expected = (AFTER_PAGE + offset + usize::try_from(start).unwrap()) % PAGE;
                let bytes = buffer.part(start..start + length).bytes;
                assert_eq!(bytes.as_ptr().addr() % PAGE, expected, "{start} {length}");
                assert_eq!(bytes.len() as u64, length);
            }
        }
    }

    #[test]
    fn what_is_read_next_lies_elsewhere_until_all_of_the_memory_was_used() {
        let mut buffer = BlockBuffer::default();
        let mut place = |length: u64| {
            buffer.read(&log(length, Vec::new()), 0..length);
            buffer.part(0..length).bytes.as_ptr().addr()
        };
        let lengths = [300_000, 500_000, 4096, 200_000, 200_000, 5_000_000, 100, 1_000_000, 1_000_000];
        let places: Vec<usize> = lengths.into_iter().map(&mut place).collect();
        let from_first: Vec<usize> = places.iter().take(5).map(|place| place - places[0]).collect();
        // Each block begins on the page after the one before. The fifth does not fit after the
        // fourth.
        assert_eq!(from_first, [0, 303_104, 806_912, 811_008, 0]);
        // A range larger than the memory gets more memory; later reads do not use that in turn.
        let behind: Vec<usize> = places.iter().skip(6).map(|place| place - places[5]).collect();
        assert_eq!(behind, [0, 4096, 0]);
    }
}
