//! One chunk of 64 KiB: its header, its checksums, and where a record is whole. What the records
//! say is not looked at here, nor what is to be made of damage among them (that is
//! [`crate::scan::evtx::walk`]'s).
//!
//! Layout: libevtx's format document, "Chunk header" and "Event record", checked against real logs.

use std::ops::Range;

use crate::base::switch::switch;
use crate::ledger::clock::Written;
use crate::ledger::damage::Damage;
use crate::scan::evtx::log::{CHUNK_LENGTH, u32_at, u64_at};

pub(in crate::scan) const CHUNK_SIGNATURE: &[u8; 8] = b"ElfChnk\0";
/// Bytes of a chunk before its first record: header, string table and template table.
pub(in crate::scan) const CHUNK_HEADER_SIZE: usize = 512;
pub(in crate::scan) const FIRST_RECORD_ID_OFFSET: usize = 24;
pub(in crate::scan) const LAST_RECORD_ID_OFFSET: usize = 32;
pub(in crate::scan) const FREE_SPACE_OFFSET: usize = 48;
pub(in crate::scan) const RECORDS_CHECKSUM_OFFSET: usize = 52;
pub(in crate::scan) const FLAGS_OFFSET: usize = 120;
/// The flag of a chunk without checksums.
pub(in crate::scan) const NO_CHECKSUMS: u32 = 4;
const HEADER_CHECKSUM_OFFSET: usize = 124;
/// The chunk header's checksum covers these two ranges: flags and the checksum itself lie between
/// them.
const HEADER_CHECKED: [Range<usize>; 2] = [0..120, 128..512];

/// The first bytes of every record.
pub(in crate::scan) const RECORD_SIGNATURE: &[u8; 4] = &[0x2a, 0x2a, 0, 0];
/// Bytes of a record's header: signature, size, id, time written.
pub(in crate::scan) const RECORD_HEADER_SIZE: usize = 24;
/// Bytes of the copy of a record's size at its end.
pub(in crate::scan) const SIZE_COPY_SIZE: usize = 4;
/// The least record: its header and the copy of its size.
pub(in crate::scan) const LEAST_RECORD_SIZE: usize = RECORD_HEADER_SIZE + SIZE_COPY_SIZE;

/// What the bytes in the place of a chunk are.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scan) enum Place {
    /// Never used: nothing but zeros.
    Unused,
    /// A chunk, or the start of one.
    Chunk,
    /// Something else.
    Foreign,
}

/// Tells what lies in the place of a chunk.
pub(in crate::scan) fn place(bytes: &[u8]) -> Place {
    if bytes.starts_with(CHUNK_SIGNATURE) {
        Place::Chunk
    } else if is_zeros(bytes) {
        Place::Unused
    } else {
        Place::Foreign
    }
}

/// Whether there are only zeros. It is asked of all that a log has reserved and not used: a
/// compiler makes vector instructions of a loop that does not end early.
fn is_zeros(bytes: &[u8]) -> bool {
    bytes.chunks(256).all(|part| part.iter().fold(0, |all, byte| all | byte) == 0)
}

/// What is wrong with the header of a chunk, if the bytes begin with the signature of one and it is
/// not sound.
pub(in crate::scan) fn broken_header(bytes: &[u8]) -> Option<Damage> {
    if !bytes.starts_with(CHUNK_SIGNATURE) {
        None
    } else if bytes.len() < CHUNK_HEADER_SIZE {
        Some(Damage::ChunkCutOff { found: bytes.len() as u64 })
    } else {
        header_damage(bytes)
    }
}

/// Makes a decoder take the bytes for a chunk, whatever is left of the chunk's header.
pub(in crate::scan) fn give_signature(bytes: &mut [u8]) {
    if let Some(start) = bytes.get_mut(..CHUNK_SIGNATURE.len()) {
        start.copy_from_slice(CHUNK_SIGNATURE);
    }
}

switch! {
    /// Which chunks' records are held to their checksum.
    pub enum Checksums {
        /// Those of chunks of which a record is decoded, or which are not in order.
        Needed,
        /// Those of all chunks that have checksums.
        All,
    }
}

impl Checksums {
    /// The word in the ledger.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Checksums::Needed => "decoded",
            Checksums::All => "all",
        }
    }
}

/// The live records of a chunk that is whole and has checksums, that of its header holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) struct LiveRecords {
    /// Where they end, in the chunk.
    pub end: usize,
    checksum: u32,
}

impl LiveRecords {
    /// Those of a chunk; `None` for any other.
    pub(in crate::scan) fn of(chunk: &[u8]) -> Option<Self> {
        let end = usize::try_from(u32_at(chunk, FREE_SPACE_OFFSET)?).ok()?;
        let is_sound = chunk.len() == CHUNK_LENGTH
            && (CHUNK_HEADER_SIZE..=CHUNK_LENGTH).contains(&end)
            && u32_at(chunk, FLAGS_OFFSET)? & NO_CHECKSUMS == 0
            && header_damage(chunk).is_none();
        let checksum = u32_at(chunk, RECORDS_CHECKSUM_OFFSET)?;
        is_sound.then_some(LiveRecords { end, checksum })
    }

    /// Whether they have the checksum that the header says.
    pub(in crate::scan) fn are_as_written(self, chunk: &[u8]) -> bool {
        chunk.get(CHUNK_HEADER_SIZE..self.end).map(crc32fast::hash) == Some(self.checksum)
    }
}

/// The record that begins at `at`, if it is whole: it ends by `end` and with the copy of its size;
/// and what its header says of its writing.
#[inline]
pub(in crate::scan) fn whole_record(bytes: &[u8], at: usize, end: usize) -> Option<(Range<usize>, Written)> {
    let rest = bytes.get(at..end)?;
    let (head, _) = rest.split_first_chunk::<RECORD_HEADER_SIZE>()?;
    let (signature, head) = head.split_first_chunk::<4>()?;
    let (size, head) = head.split_first_chunk::<4>()?;
    let (header_id, filetime) = head.split_first_chunk::<8>()?;
    let length = usize::try_from(u32::from_le_bytes(*size)).ok()?;
    let is_whole = signature == RECORD_SIGNATURE
        && length >= LEAST_RECORD_SIZE
        && rest.get(..length)?.last_chunk::<SIZE_COPY_SIZE>() == Some(size);
    let header_id = u64::from_le_bytes(*header_id);
    let filetime = u64::from_le_bytes(*filetime.first_chunk()?);
    is_whole.then_some((at..at + length, Written { header_id, filetime }))
}

/// Where a chunk's records end, if its header knows: there is the end of a record with the last id
/// that the header gives, or there are none. A few bytes tell. `None` of a chunk whose records were
/// damaged, or whose header was not brought up to date.
#[inline]
pub(in crate::scan) fn known_end(chunk: &[u8]) -> Option<usize> {
    let end = usize::try_from(u32_at(chunk, FREE_SPACE_OFFSET)?).ok()?;
    if end == CHUNK_HEADER_SIZE {
        return Some(end);
    }
    let size = usize::try_from(u32_at(chunk, end.checked_sub(SIZE_COPY_SIZE)?)?).ok()?;
    let (last, written) = whole_record(chunk, end.checked_sub(size)?, end)?;
    (last.end == end && u64_at(chunk, LAST_RECORD_ID_OFFSET) == Some(written.header_id)).then_some(end)
}

/// Where the records of a chunk end that follow one another from the first one on, whatever its
/// header says. Where none follows the header, it may be no header: then its signature ends there.
pub(in crate::scan) fn chain_end(chunk: &[u8]) -> usize {
    let mut end = CHUNK_SIGNATURE.len();
    let mut at = CHUNK_HEADER_SIZE;
    while let Some((record, _)) = whole_record(chunk, at, chunk.len()) {
        at = record.end;
        end = at;
    }
    end
}

/// What is wrong with the header of a chunk.
pub(in crate::scan) fn header_damage(bytes: &[u8]) -> Option<Damage> {
    let mut hasher = crc32fast::Hasher::new();
    for range in HEADER_CHECKED {
        hasher.update(bytes.get(range).unwrap_or_default());
    }
    let (stored, computed) = (u32_at(bytes, HEADER_CHECKSUM_OFFSET).unwrap_or(0), hasher.finalize());
    (stored != computed).then_some(Damage::ChunkHeaderChecksum { stored, computed })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::queries::chunk;
    use dnsweep_samples::Style;

    #[test]
    fn records_end_behind_the_last_one() {
        let (chunk, contents) = chunk(Style::Live);
        let end = contents.last().unwrap().end + SIZE_COPY_SIZE;
        assert_eq!(known_end(&chunk), Some(end));
        assert_eq!(chain_end(&chunk), end);
    }
}
