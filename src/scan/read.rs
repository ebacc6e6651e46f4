//! A block of a log into one buffer, with one read; and with small ones where that fails.

use std::io;
use std::ops::Range;

use crate::bytes::LogBytes;
use crate::damage::{Damage, Problem};

/// The bytes that are tried again by themselves where a range cannot be read: first a chunk's, then a page, the least
/// that file systems and disks read.
const PIECES: [usize; 2] = [65536, 4096];
/// What the buffer is aligned to. The kernel copies from the page cache by whole cache lines where it can: into memory that is
/// not aligned, reading took 1.4 times as long.
const ALIGNMENT: usize = 4096;

/// A buffer for a block, used again for the next.
#[derive(Debug, Default)]
pub(super) struct BlockBuffer {
    memory: Vec<u8>,
    /// Where the block begins in the log.
    start: u64,
    /// Where it begins in `memory`, and how many bytes of it there are.
    aligned: usize,
    found: usize,
    /// Ranges that cannot be read, from the start of the block, in order and apart from each other, each with the reason.
    /// They are zeros.
    unread: Vec<(Range<usize>, io::Error)>,
}

/// What came of reading a part of a block.
#[derive(Debug)]
pub(super) struct Read<'a> {
    /// The bytes, as many as there are. Those that cannot be read are zeros.
    pub bytes: &'a mut [u8],
    /// Which of them cannot be read.
    pub unread: Vec<Range<usize>>,
    /// What is wrong; offsets from the start of the file.
    pub problems: Vec<Problem>,
}

impl Read<'_> {
    /// How many bytes could be read.
    pub(super) fn bytes_read(&self) -> u64 {
        let unread: usize = self.unread.iter().map(ExactSizeIterator::len).sum();
        (self.bytes.len() - unread) as u64
    }

    /// Whether bytes of that range could not be read.
    pub(super) fn lacks(&self, range: &Range<usize>) -> bool {
        self.unread.iter().any(|unread| unread.start < range.end && range.start < unread.end)
    }
}

impl BlockBuffer {
    /// Reads a range of the log.
    pub(super) fn read(&mut self, log: &dyn LogBytes, range: Range<u64>) {
        let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        if self.memory.len() < length.saturating_add(ALIGNMENT) {
            self.memory = vec![0; length.saturating_add(ALIGNMENT)];
            self.aligned = self.memory.as_ptr().align_offset(ALIGNMENT).min(ALIGNMENT);
        }
        self.start = range.start;
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

    /// A part of what was read; `range` counts from the start of the log and lies within the block.
    pub(super) fn part(&mut self, range: Range<u64>) -> Read<'_> {
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
        Read { bytes: block.get_mut(there).unwrap_or_default(), unread, problems }
    }
}

/// A range of the log as one that counts from `start`.
fn between(from: u64, to: u64, start: u64) -> Range<usize> {
    let place = |offset: u64| usize::try_from(offset.saturating_sub(start)).unwrap_or(usize::MAX);
    place(from)..place(to)
}

/// Reads the range that begins `start` bytes into the log and is as long as the buffer, in pieces of the first of those
/// sizes where it cannot be read at once; what cannot be read in pieces of the last is handed to `lost`. Returns how many bytes
/// there are.
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
