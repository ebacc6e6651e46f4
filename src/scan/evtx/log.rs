//! The header of a log file, and the division of the file into blocks, the parts that one thread
//! scans.
//!
//! Layout of the file header: libevtx's format document, "File header", checked against real logs.
//! A log is a header of 4096 bytes, followed by chunks of 64 KiB each to the file's end. The
//! header's count of chunks is out of date in logs copied from a running machine, so reading does
//! not depend on it.

use std::ops::Range;

use crate::evidence::event_form::event_form;
use crate::evidence::source::FILE_SIGNATURE;
use crate::ledger::damage::{Damage, Problem};

pub use crate::evidence::source::{CHUNK_SIZE, FILE_HEADER_SIZE};

/// The size of a chunk in bytes, 64 KiB, in the type that lengths of buffers have (`usize`).
pub(in crate::scan) const CHUNK_LENGTH: usize = 65536;
/// The number of chunks in a block of a log. A block, 8 MiB, is the unit of work of a thread:
/// enough to outweigh the cost of handing it to a thread, and small enough for one large log to
/// occupy all cores.
pub const BLOCK_CHUNKS: u64 = 128;
/// The size of a block of event XML, or of a carved file (one that is not a log, but is searched
/// for chunks), in units of 64 KiB: 2 MiB. Such a block is smaller than that of a log, because a
/// scanner keeps all of it in memory.
pub const HELD_BLOCK_CHUNKS: u64 = 32;

/// The range of a log's file header that the header's checksum covers, in bytes from the start of
/// the file.
const CHECKED: Range<usize> = 0..120;
/// The offset of the flags ([`DIRTY`], [`NO_CHECKSUMS`]) in a log's file header, in bytes.
const FLAGS_OFFSET: usize = 120;
/// The offset, in bytes, at which a log's file header states the number of chunks.
const CHUNK_COUNT_OFFSET: usize = 42;
/// The offset of the checksum in a log's file header, in bytes.
const CHECKSUM_OFFSET: usize = 124;
/// The offset in a log's file header at which its fields end, in bytes. Zeros fill the rest of the
/// 4096 bytes.
const FIELDS_END: usize = 128;
/// The flag in the file header of a log that was not closed cleanly, such as a log copied from a
/// running machine.
const DIRTY: u32 = 1;
/// The flag in the file header of a log without checksums.
const NO_CHECKSUMS: u32 = 4;

/// The file header of an event log: what its first 4096 bytes say about the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHeader {
    /// True if the file begins with the signature of an event log. If not, the other fields say
    /// nothing about the file, except `problem`.
    pub is_event_log: bool,
    /// True if the log was not closed cleanly, usually because it was in use when it was copied.
    pub dirty: bool,
    /// The number of chunks that the header states; `None` if the log was not closed cleanly,
    /// because such a log can have more chunks, or if the header is damaged.
    pub promised_chunks: Option<u64>,
    /// True if the header has a checksum, and the checksum is right.
    pub is_checked: bool,
    /// What is wrong with the file header; `None` if nothing is.
    pub problem: Option<Problem>,
}

impl FileHeader {
    /// Parses the file header from the first bytes of a file: 4096, or fewer if the file is
    /// shorter.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> Self {
        let is_event_log = bytes.starts_with(FILE_SIGNATURE);
        let flags = u32_at(bytes, FLAGS_OFFSET);
        let damage = if bytes.is_empty() {
            Some(Damage::EmptyFile)
        } else if !is_event_log {
            let found = || bytes.iter().copied().take(FILE_SIGNATURE.len()).collect();
            let form = event_form(bytes).map(|form| Damage::OtherForm { form });
            Some(form.unwrap_or_else(|| Damage::FileSignature { found: found() }))
        } else if (bytes.len() as u64) < FILE_HEADER_SIZE {
            Some(Damage::FileHeaderCutOff)
        } else {
            checksum_damage(bytes)
        };
        let has_checksum = flags.is_some_and(|flags| flags & NO_CHECKSUMS == 0);
        let dirty = is_event_log && flags.is_some_and(|flags| flags & DIRTY != 0);
        let promised_chunks = u16_at(bytes, CHUNK_COUNT_OFFSET).map(u64::from);
        FileHeader {
            is_event_log,
            dirty,
            promised_chunks: promised_chunks.filter(|_| !dirty && damage.is_none()),
            is_checked: has_checksum && damage.is_none(),
            problem: damage.map(|damage| Problem { offset: 0, length: bytes.len() as u64, damage }),
        }
    }

    /// Returns the part of a file header that begins with the first nonzero byte after the header's
    /// fields, and the offset of that byte. In a sound log, all bytes after the fields are zero.
    /// `None` if they are all zero, or if the header is not sound.
    pub(in crate::scan) fn beyond(bytes: &[u8]) -> Option<(usize, &[u8])> {
        let start = FIELDS_END + bytes.get(FIELDS_END..)?.iter().position(|byte| *byte != 0)?;
        let is_sound = FileHeader::parse(bytes).problem.is_none();
        bytes.get(start..).filter(|_| is_sound).map(|beyond| (start, beyond))
    }
}

/// Returns the damage of a file header whose checksum is wrong; `None` if it is right, or the
/// header has no checksum.
fn checksum_damage(bytes: &[u8]) -> Option<Damage> {
    if u32_at(bytes, FLAGS_OFFSET)? & NO_CHECKSUMS != 0 {
        return None;
    }
    let stored = u32_at(bytes, CHECKSUM_OFFSET)?;
    let computed = crc32fast::hash(bytes.get(CHECKED)?);
    (stored != computed).then_some(Damage::FileHeaderChecksum { stored, computed })
}

/// A block of a file: a run of consecutive chunks, which one thread reads and decodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Block {
    /// The offset of the block in the file, in bytes. The first block of a log starts with the file
    /// header, any other block with a chunk.
    pub start: u64,
    /// The offset in the file at which the block ends, in bytes. Either the 64 KiB of a chunk end
    /// there, or the file does.
    pub end: u64,
}

impl Block {
    /// Returns the length of the block (the part of a file that one thread scans), in bytes.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.end - self.start
    }

    /// Returns whether the block (the part of a file that one thread scans) begins with the file's
    /// header.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.start == 0
    }
}

/// Divides a file of `size` bytes into blocks (the parts that one thread scans) of `chunks` chunks
/// (64 KiB each), in order. The first block has the file header in addition. An empty file has one
/// block, so that it is examined too.
pub fn blocks(size: u64, chunks: u64) -> impl Iterator<Item = Block> {
    parts(Block { start: 0, end: size }, chunks)
}

/// Divides a block into parts of `chunks` chunks (64 KiB each; 0 counts as 1), in order. The first
/// part of a file has the file header in addition. There is at least one part.
pub(in crate::scan) fn parts(block: Block, chunks: u64) -> impl Iterator<Item = Block> {
    let length = chunks.max(1).saturating_mul(CHUNK_SIZE);
    let header = if block.is_first() { FILE_HEADER_SIZE } else { 0 };
    let part =
        move |start: u64, length: u64| Block { start, end: block.end.min(start.saturating_add(length)) };
    let next = move |last: &Block| (last.end < block.end).then(|| part(last.end, length));
    std::iter::successors(Some(part(block.start, header.saturating_add(length))), next)
}

/// Returns the little-endian u16 at `offset` in `bytes`; `None` if the bytes end before it does.
pub(in crate::scan) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().copied().map(u16::from_le_bytes)
}

/// Returns the little-endian u32 at `offset` in `bytes`; `None` if the bytes end before it does.
pub(in crate::scan) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// Returns the little-endian u64 at `offset` in `bytes`; `None` if the bytes end before it does.
pub(in crate::scan) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().copied().map(u64::from_le_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_cover_a_file_without_gap() {
        for size in [0, 1, 4095, 4096, 4097, 69_632, 4096 + 16 * 65536, 4096 + 16 * 65536 + 1, 50_000_000] {
            let all: Vec<Block> = blocks(size, 16).collect();
            assert_eq!(all.first().map(|block| block.start), Some(0));
            assert_eq!(all.last().map(|block| block.end), Some(size));
            assert!(all.windows(2).all(|pair| pair[0].end == pair[1].start), "{size}");
            for block in &all {
                let parts: Vec<Block> = parts(*block, 3).collect();
                assert_eq!((parts[0].start, parts[parts.len() - 1].end), (block.start, block.end));
                assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start), "{size}");
            }
            assert!(all.iter().skip(1).all(
                |block| (block.start - FILE_HEADER_SIZE).is_multiple_of(CHUNK_SIZE) && block.length() > 0
            ));
        }
    }
}
