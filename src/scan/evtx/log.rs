//! The file around the chunks: its header, and its division into blocks, the units of work.
//!
//! Layout of the file header: libevtx's format document, "File header", checked against real
//! logs. A log is a header of 4096 bytes and then chunks of 64 KiB each, to the file's end: the
//! header's own count of chunks is stale in logs taken from a running machine, so what is read does
//! not depend on it.

use std::ops::Range;

use crate::evidence::event_form::event_form;
use crate::evidence::source::FILE_SIGNATURE;
use crate::ledger::damage::{Damage, Problem};

pub use crate::evidence::source::{CHUNK_SIZE, FILE_HEADER_SIZE};

/// Bytes of a chunk, as the length of a buffer.
pub(in crate::scan) const CHUNK_LENGTH: usize = 65536;
/// Chunks of a block: 8 MiB, enough that the work on a block outweighs handing it out, and little
/// enough that one large log fills all cores.
pub const BLOCK_CHUNKS: u64 = 128;
/// Chunks of a block that is held in memory as a whole: 2 MiB.
pub const HELD_BLOCK_CHUNKS: u64 = 32;

/// Bytes of the file header that its checksum covers, and where its flags, its count of chunks and
/// the checksum lie.
const CHECKED: Range<usize> = 0..120;
const FLAGS_OFFSET: usize = 120;
const CHUNK_COUNT_OFFSET: usize = 42;
const CHECKSUM_OFFSET: usize = 124;
/// Where the fields end. Zeros fill the rest of the 4096 bytes.
const FIELDS_END: usize = 128;
/// The flags of a log that was not closed cleanly, and of one without checksums.
const DIRTY: u32 = 1;
const NO_CHECKSUMS: u32 = 4;

/// What a file's header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileHeader {
    /// Whether the file begins as an event log does.
    pub is_event_log: bool,
    /// Whether the log was in use when it was copied.
    pub dirty: bool,
    /// How many chunks it says there are, if it was closed cleanly: a log in use has more than
    /// that.
    pub promised_chunks: Option<u64>,
    /// Whether that number has a checksum, which holds.
    pub is_checked: bool,
    /// What is wrong with the header.
    pub problem: Option<Problem>,
}

impl FileHeader {
    /// Reads the header from the first bytes of a file (as many as there are, up to 4096).
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

    /// What lies after the fields of a sound header: the bytes from the first one that is not zero,
    /// and where that is. `None` where there are only zeros, or where the header is not sound.
    pub(in crate::scan) fn beyond(bytes: &[u8]) -> Option<(usize, &[u8])> {
        let start = FIELDS_END + bytes.get(FIELDS_END..)?.iter().position(|byte| *byte != 0)?;
        let is_sound = FileHeader::parse(bytes).problem.is_none();
        bytes.get(start..).filter(|_| is_sound).map(|beyond| (start, beyond))
    }
}

fn checksum_damage(bytes: &[u8]) -> Option<Damage> {
    if u32_at(bytes, FLAGS_OFFSET)? & NO_CHECKSUMS != 0 {
        return None;
    }
    let stored = u32_at(bytes, CHECKSUM_OFFSET)?;
    let computed = crc32fast::hash(bytes.get(CHECKED)?);
    (stored != computed).then_some(Damage::FileHeaderChecksum { stored, computed })
}

/// A run of neighbouring chunks of one file: what one thread reads and decodes at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Block {
    /// Where the block starts, in bytes from the file's start. The first block starts at the file
    /// header, every other one at a chunk.
    pub start: u64,
    /// Where it ends: at a chunk's end or the file's.
    pub end: u64,
}

impl Block {
    /// Bytes of the block.
    #[must_use]
    pub fn length(&self) -> u64 {
        self.end - self.start
    }

    /// Whether this is the block with the file's header.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.start == 0
    }
}

/// The blocks of so many chunks of a file of `size` bytes, in order; at least one, so that an empty
/// file is looked at too.
pub fn blocks(size: u64, chunks: u64) -> impl Iterator<Item = Block> {
    parts(Block { start: 0, end: size }, chunks)
}

/// The parts of so many chunks, at least one, of a block, in order; at least one.
pub(in crate::scan) fn parts(block: Block, chunks: u64) -> impl Iterator<Item = Block> {
    let length = chunks.max(1).saturating_mul(CHUNK_SIZE);
    let header = if block.is_first() { FILE_HEADER_SIZE } else { 0 };
    let part =
        move |start: u64, length: u64| Block { start, end: block.end.min(start.saturating_add(length)) };
    let next = move |last: &Block| (last.end < block.end).then(|| part(last.end, length));
    std::iter::successors(Some(part(block.start, header.saturating_add(length))), next)
}

/// The little-endian u16 that lies `offset` bytes into `bytes`.
pub(in crate::scan) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().copied().map(u16::from_le_bytes)
}

/// The little-endian u32 that lies `offset` bytes into `bytes`.
pub(in crate::scan) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().copied().map(u32::from_le_bytes)
}

/// The little-endian u64 that lies `offset` bytes into `bytes`.
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
