//! A chunk of 64 KiB: its header with the header's checksum, and the test whether a record is
//! whole. The content of records is not examined. [`crate::scan::evtx::walk`] compares the checksum
//! of the records and the end of the records with the header, and reports damage.
//!
//! Layout: libevtx's format document, "Chunk header" and "Event record", checked against real logs.

use std::ops::Range;

use crate::base::switch::switch;
use crate::ledger::clock::RecordHeader;
use crate::ledger::damage::Damage;
use crate::scan::evtx::log::{CHUNK_LENGTH, u32_at, u64_at};

/// The signature with which every chunk of an event log begins.
pub(in crate::scan) const CHUNK_SIGNATURE: &[u8; 8] = b"ElfChnk\0";
/// The size, in bytes, of what precedes the first record of a chunk: the chunk's header with its
/// tables of strings and templates.
pub(in crate::scan) const CHUNK_HEADER_SIZE: usize = 512;
/// The offset in a chunk, in bytes, of the header field that states the ID of the chunk's first
/// record.
pub(in crate::scan) const FIRST_RECORD_ID_OFFSET: usize = 24;
/// The offset in a chunk, in bytes, of the header field that states the ID of the chunk's last
/// record.
pub(in crate::scan) const LAST_RECORD_ID_OFFSET: usize = 32;
/// The offset in a chunk, in bytes, of the header field that states where the chunk's live records
/// (those that are not deleted) end and its free space starts.
pub(in crate::scan) const FREE_SPACE_OFFSET: usize = 48;
/// The offset in a chunk, in bytes, of the header field that contains the checksum of the chunk's
/// live records (those that are not deleted).
pub(in crate::scan) const RECORDS_CHECKSUM_OFFSET: usize = 52;
/// The offset in a chunk, in bytes, of the header's flags. One of the flags is [`NO_CHECKSUMS`].
pub(in crate::scan) const FLAGS_OFFSET: usize = 120;
/// The flag in a chunk's header that states that the chunk has no checksums.
pub(in crate::scan) const NO_CHECKSUMS: u32 = 4;
/// The offset in a chunk, in bytes, of the checksum of the chunk's header.
const HEADER_CHECKSUM_OFFSET: usize = 124;
/// The two ranges of a chunk's header that the header's checksum covers, in bytes. The flags and
/// the checksum itself lie between them.
const HEADER_CHECKED: [Range<usize>; 2] = [0..120, 128..512];

/// The signature with which every record of an event log begins.
pub(in crate::scan) const RECORD_SIGNATURE: &[u8; 4] = &[0x2a, 0x2a, 0, 0];
/// The size of a record's header, in bytes: signature, size, ID, time written.
pub(in crate::scan) const RECORD_HEADER_SIZE: usize = 24;
/// The size, in bytes, of the field at the end of a record that repeats the record's size. A record
/// is whole only if both sizes are equal.
pub(in crate::scan) const SIZE_COPY_SIZE: usize = 4;
/// The size, in bytes, of the smallest possible record: a record's header, and the copy of its
/// size.
pub(in crate::scan) const LEAST_RECORD_SIZE: usize = RECORD_HEADER_SIZE + SIZE_COPY_SIZE;

/// What a slot contains, judged by its first bytes and by whether it is all zeros. A slot is 64 KiB
/// of a log in which a chunk could lie.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scan) enum SlotContent {
    /// The slot (64 KiB of a log in which a chunk could lie) contains only zeros, because it was
    /// never used.
    Unused,
    /// The slot (64 KiB of a log in which a chunk could lie) begins with a chunk's signature: it
    /// contains a chunk, or the beginning of one.
    Chunk,
    /// The slot (64 KiB of a log in which a chunk could lie) contains anything but a chunk or
    /// zeros, such as the middle of a chunk that begins elsewhere.
    Foreign,
}

/// Determines what a slot contains, given its bytes. A slot is 64 KiB of a log in which a chunk
/// could lie.
pub(in crate::scan) fn slot_content(bytes: &[u8]) -> SlotContent {
    if bytes.starts_with(CHUNK_SIGNATURE) {
        SlotContent::Chunk
    } else if is_zeros(bytes) {
        SlotContent::Unused
    } else {
        SlotContent::Foreign
    }
}

/// Returns whether all bytes are zero. All unused space of a log is tested, so the inner loop has
/// no early exit: it is then compiled to vector instructions.
fn is_zeros(bytes: &[u8]) -> bool {
    bytes.chunks(256).all(|part| part.iter().fold(0, |all, byte| all | byte) == 0)
}

/// Returns the damage of a chunk's header, if the bytes begin with a chunk's signature and the
/// header is cut off or has a wrong checksum. `None` if the header is sound, or if the bytes do not
/// begin as a chunk does.
pub(in crate::scan) fn broken_header(bytes: &[u8]) -> Option<Damage> {
    if !bytes.starts_with(CHUNK_SIGNATURE) {
        None
    } else if bytes.len() < CHUNK_HEADER_SIZE {
        Some(Damage::ChunkCutOff { found: bytes.len() as u64 })
    } else {
        header_damage(bytes)
    }
}

/// Writes a chunk's signature at the start of the bytes, because the decoder (the `evtx` crate)
/// accepts only bytes that begin with it. The bytes may be those of a damaged chunk.
pub(in crate::scan) fn give_signature(bytes: &mut [u8]) {
    if let Some(start) = bytes.get_mut(..CHUNK_SIGNATURE.len()) {
        start.copy_from_slice(CHUNK_SIGNATURE);
    }
}

switch! {
    /// In which chunks the checksum of the records is verified. The checksum of a chunk's header is
    /// always verified, unless the chunk has no checksums.
    pub enum Checksums {
        /// The checksum of a chunk's records is verified if any record of the chunk is read with
        /// its fields (not only counted), or if the chunk is damaged.
        Needed,
        /// The checksum of a chunk's records is verified in all chunks that have checksums.
        All,
    }
}

impl Checksums {
    /// Returns the word that the output uses for the setting: `decoded` if the records' checksum
    /// was verified only in chunks with records to be decoded or with damage, or `all`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Checksums::Needed => "decoded",
            Checksums::All => "all",
        }
    }
}

/// The extent of the live records of a chunk (those that are not deleted), as the chunk's header
/// states it. A value of this type exists only for a chunk that is whole, has checksums, and has
/// the right checksum of its header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) struct LiveRecords {
    /// The offset in the chunk at which the live records end, in bytes.
    pub end: usize,
    /// The checksum of the live records that the chunk's header states.
    checksum: u32,
}

impl LiveRecords {
    /// Returns the end and the checksum of the live records, as the header of `chunk` states them;
    /// `None` if the chunk is not whole or has no checksums, or if its header is damaged.
    pub(in crate::scan) fn of(chunk: &[u8]) -> Option<Self> {
        let end = usize::try_from(u32_at(chunk, FREE_SPACE_OFFSET)?).ok()?;
        let is_sound = chunk.len() == CHUNK_LENGTH
            && (CHUNK_HEADER_SIZE..=CHUNK_LENGTH).contains(&end)
            && u32_at(chunk, FLAGS_OFFSET)? & NO_CHECKSUMS == 0
            && header_damage(chunk).is_none();
        let checksum = u32_at(chunk, RECORDS_CHECKSUM_OFFSET)?;
        is_sound.then_some(LiveRecords { end, checksum })
    }

    /// Returns whether the live records of `chunk` have the checksum that the chunk's header
    /// states.
    pub(in crate::scan) fn are_as_written(self, chunk: &[u8]) -> bool {
        chunk.get(CHUNK_HEADER_SIZE..self.end).map(crc32fast::hash) == Some(self.checksum)
    }
}

/// Returns the range of a record's content in its chunk, given the range of the whole record:
/// without its header and the copy of its size.
#[inline]
pub(in crate::scan) fn content_of(record: &Range<usize>) -> Range<usize> {
    record.start + RECORD_HEADER_SIZE..record.end - SIZE_COPY_SIZE
}

/// Returns the range of the record at offset `at` of the chunk `bytes`, and the ID and time in the
/// record's header. `None` if the record is not whole: it must lie before the offset `end`, and end
/// with a copy of its size.
#[inline]
pub(in crate::scan) fn whole_record(
    bytes: &[u8],
    at: usize,
    end: usize,
) -> Option<(Range<usize>, RecordHeader)> {
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
    is_whole.then_some((at..at + length, RecordHeader { header_id, filetime }))
}

/// Returns the offset in the chunk at which its live records end, if the chunk's header states it
/// correctly: the record that ends there has the last ID that the header states, or there are no
/// records. Only a few bytes are examined. `None` if the records are damaged, or the header was not
/// brought up to date.
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

/// Returns the offset at which the unbroken sequence of records after the chunk's header ends. What
/// the header states is ignored. If no record follows the header, perhaps the bytes are not those
/// of a chunk; the result is then the end of the chunk's signature.
pub(in crate::scan) fn chain_end(chunk: &[u8]) -> usize {
    let mut end = CHUNK_SIGNATURE.len();
    let mut at = CHUNK_HEADER_SIZE;
    while let Some((record, _)) = whole_record(chunk, at, chunk.len()) {
        at = record.end;
        end = at;
    }
    end
}

/// Returns the damage of a chunk's header: a checksum that is not that of the header's bytes.
/// `None` if the checksum is right.
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
    fn records_end_after_the_last_one() {
        let (chunk, contents) = chunk(Style::Live);
        let end = contents.last().unwrap().end + SIZE_COPY_SIZE;
        assert_eq!(known_end(&chunk), Some(end));
        assert_eq!(chain_end(&chunk), end);
    }
}
