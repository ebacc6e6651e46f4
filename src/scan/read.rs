//! Ranges of a log into a buffer, also where parts of them cannot be read.

use std::ops::Range;

use crate::bytes::LogBytes;
use crate::damage::{Damage, Problem};

/// The bytes that are tried again by themselves where a whole range cannot be read: a page, the least
/// that file systems and disks read.
const PIECE: usize = 4096;

/// What came of reading a range.
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

/// Reads the range of a log that begins `start` bytes into it and is as long as the buffer.
pub(super) fn read<'a>(log: &dyn LogBytes, buffer: &'a mut [u8], start: u64) -> Read<'a> {
    let (mut unread, mut problems) = (Vec::new(), Vec::new());
    let found = log
        .read_at(start, buffer)
        .unwrap_or_else(|_| read_pieces(log, buffer, start, &mut unread, &mut problems));
    if found < buffer.len() {
        let length = (buffer.len() - found) as u64;
        problems.push(Problem { offset: start + found as u64, length, damage: Damage::Shrunk });
    }
    Read { bytes: buffer.get_mut(..found).unwrap_or_default(), unread, problems }
}

/// Reads piece by piece, and returns how many bytes there are.
fn read_pieces(
    log: &dyn LogBytes,
    buffer: &mut [u8],
    start: u64,
    unread: &mut Vec<Range<usize>>,
    problems: &mut Vec<Problem>,
) -> usize {
    let mut end = 0;
    for piece in buffer.chunks_mut(PIECE) {
        let offset = start + end as u64;
        match log.read_at(offset, piece) {
            Ok(found) => {
                end += found;
                if found < piece.len() {
                    break;
                }
            }
            Err(error) => {
                piece.fill(0);
                let range = end..end + piece.len();
                end = range.end;
                match (unread.last_mut(), problems.last_mut()) {
                    (Some(last), Some(problem)) if last.end == range.start => {
                        last.end = range.end;
                        problem.length += range.len() as u64;
                    }
                    _ => {
                        let damage = Damage::Read { reason: error.to_string() };
                        problems.push(Problem { offset, length: range.len() as u64, damage });
                        unread.push(range);
                    }
                }
            }
        }
    }
    end
}
