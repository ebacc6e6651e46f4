//! One chunk of 64 KiB: its header, its checksums, and the walk over its records' headers.
//! What the records say is not looked at here.
//!
//! Layout: libevtx's format document, "Chunk header" and "Event record", checked against real logs.

use std::ops::Range;

use super::log::{CHUNK_LENGTH, u32_at, u64_at};
use crate::clock::{Clock, Written};
use crate::damage::{Damage, Problem};

pub(super) const CHUNK_SIGNATURE: &[u8; 8] = b"ElfChnk\0";
/// Bytes of a chunk before its first record: header, string table and template table.
pub(super) const CHUNK_HEADER_SIZE: usize = 512;
const FIRST_RECORD_ID_OFFSET: usize = 24;
const LAST_RECORD_ID_OFFSET: usize = 32;
const FREE_SPACE_OFFSET: usize = 48;
const RECORDS_CHECKSUM_OFFSET: usize = 52;
const FLAGS_OFFSET: usize = 120;
/// The flag of a chunk without checksums.
const NO_CHECKSUMS: u32 = 4;
const HEADER_CHECKSUM_OFFSET: usize = 124;
/// The chunk header's checksum covers these two ranges: flags and the checksum itself lie between them.
const HEADER_CHECKED: [Range<usize>; 2] = [0..120, 128..512];

/// The first bytes of every record.
const RECORD_SIGNATURE: &[u8; 4] = &[0x2a, 0x2a, 0, 0];
/// Bytes of a record's header: signature, size, id, time written.
pub(super) const RECORD_HEADER_SIZE: usize = 24;
/// Bytes of the copy of a record's size at its end.
pub(super) const SIZE_COPY_SIZE: usize = 4;
/// The least record: its header and the copy of its size.
pub(super) const LEAST_RECORD_SIZE: usize = RECORD_HEADER_SIZE + SIZE_COPY_SIZE;

/// What the bytes in the place of a chunk are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Never used: nothing but zeros.
    Unused,
    /// A chunk, or the start of one.
    Chunk,
    /// Something else.
    Foreign,
}

/// Tells what lies in the place of a chunk.
pub(super) fn place(bytes: &[u8]) -> Place {
    if bytes.starts_with(CHUNK_SIGNATURE) {
        Place::Chunk
    } else if is_zeros(bytes) {
        Place::Unused
    } else {
        Place::Foreign
    }
}

/// Whether there are only zeros. It is asked of all that a log has reserved and not used: a compiler makes vector instructions of a loop that
/// does not end early.
fn is_zeros(bytes: &[u8]) -> bool {
    bytes.chunks(256).all(|part| part.iter().fold(0, |all, byte| all | byte) == 0)
}

/// Whether the bytes begin with the header of a chunk, and its checksum holds.
pub(super) fn has_sound_header(bytes: &[u8]) -> bool {
    bytes.starts_with(CHUNK_SIGNATURE) && bytes.len() >= CHUNK_HEADER_SIZE && header_damage(bytes).is_none()
}

/// What is wrong with the header of a chunk, if the bytes begin with the signature of one and it is not sound.
pub(super) fn broken_header(bytes: &[u8]) -> Option<Damage> {
    if !bytes.starts_with(CHUNK_SIGNATURE) {
        None
    } else if bytes.len() < CHUNK_HEADER_SIZE {
        Some(Damage::ChunkCutOff { found: bytes.len() as u64 })
    } else {
        header_damage(bytes)
    }
}

/// Makes a decoder take the bytes for a chunk, whatever is left of the chunk's header.
pub(super) fn give_signature(bytes: &mut [u8]) {
    if let Some(start) = bytes.get_mut(..CHUNK_SIGNATURE.len()) {
        start.copy_from_slice(CHUNK_SIGNATURE);
    }
}

/// A record's place in its chunk and what its header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RecordSpan {
    /// Its bytes in the chunk, from its signature to behind the copy of its size.
    pub range: Range<usize>,
    /// The id in its header.
    pub header_id: u64,
    /// How the walk came to it.
    pub reached: Reached,
}

/// How the walk came to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reached {
    /// By the sizes of the records before it, from the first one on.
    InChain,
    /// By its signature, behind bytes that are no record. Readers that stop at damage do not see it.
    BehindDamage,
}

/// The records of a chunk as their headers lead from one to the next, and what is wrong with the chunk.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The live records, in order, without overlap.
    pub records: Vec<RecordSpan>,
    /// Ranges between them that are no record.
    pub gaps: Vec<Range<usize>>,
    /// What is wrong with the chunk; offsets from the chunk's start.
    pub problems: Vec<Problem>,
    /// How many live records there are, those included that were taken out or are counted already.
    pub found: usize,
    /// Whether the chunk says of itself that it has no checksums.
    pub unchecked: bool,
    /// Whether the records were held to their checksum.
    pub checked: bool,
    /// What the headers of the records tell of the clock; offsets from the chunk's start.
    pub clock: Clock,
}

impl Walk {
    /// Forgets the chunk.
    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.gaps.clear();
        self.problems.clear();
        self.found = 0;
        (self.unchecked, self.checked) = (false, false);
        self.clock.clear();
    }

    /// Where the last record or gap ends: the end of what a decoder need look at.
    pub(super) fn end(&self) -> usize {
        let record = self.records.last().map_or(CHUNK_HEADER_SIZE, |record| record.range.end);
        self.gaps.last().map_or(record, |gap| record.max(gap.end))
    }
}

/// Checks a chunk's checksums and walks its live records: from the header to the free space.
///
/// The free-space offset of the chunk header ends the walk, as in every other reader: what lies
/// behind it is a remnant of deleted records. The header's last record id does not end it: in a
/// chunk that was torn while being written that id can lie before records that are whole.
///
/// `bytes` begins with a chunk's signature and is at most 64 KiB; less at the end of a cut file.
///
/// `walk` is made anew; only its memory is used again.
pub(super) fn walk(bytes: &[u8], walk: &mut Walk) {
    walk.clear();
    if bytes.len() < CHUNK_LENGTH {
        walk.problem(0..bytes.len(), Damage::ChunkCutOff { found: bytes.len() as u64 });
    }
    if bytes.len() >= CHUNK_HEADER_SIZE {
        walk.unchecked = u32_at(bytes, FLAGS_OFFSET).is_some_and(|flags| flags & NO_CHECKSUMS != 0);
        let end = records_end(bytes, walk);
        walk_records(bytes, end, walk);
        walk.found = walk.records.len();
    }
}

/// Where the live records end, and what the checksums say of them.
fn records_end(bytes: &[u8], walk: &mut Walk) -> usize {
    let free_space = u32_at(bytes, FREE_SPACE_OFFSET).unwrap_or(0);
    let said =
        usize::try_from(free_space).ok().filter(|end| (CHUNK_HEADER_SIZE..=CHUNK_LENGTH).contains(end));
    let stored = u32_at(bytes, RECORDS_CHECKSUM_OFFSET).unwrap_or(0);
    if walk.unchecked {
        if said.is_none() {
            walk.problem(0..bytes.len(), Damage::FreeSpaceOffset { found: free_space });
        }
        return said.unwrap_or(bytes.len()).min(bytes.len());
    }
    // Of records that are not all there, the checksum says nothing.
    let records = said.and_then(|end| bytes.get(CHUNK_HEADER_SIZE..end)).map(crc32fast::hash);
    walk.checked = records.is_some();
    if let Some(damage) = header_damage(bytes) {
        if records != Some(stored)
            && let Some(end) = checksummed_end(bytes, stored)
        {
            // The offset is what is wrong with the header: up to another one, the records have their checksum.
            walk.problem(0..CHUNK_HEADER_SIZE, damage);
            return end;
        }
        // Where the records end is in doubt, and with it the whole chunk, unless their checksum says that it is right.
        let doubtful = if records == Some(stored) { CHUNK_HEADER_SIZE } else { bytes.len() };
        walk.problem(0..doubtful, damage);
    }
    match (said, records) {
        (Some(end), Some(computed)) if computed != stored => {
            walk.problem(CHUNK_HEADER_SIZE..end, Damage::RecordsChecksum { stored, computed });
        }
        (Some(_), _) => {}
        (None, _) => {
            walk.problem(
                FREE_SPACE_OFFSET..FREE_SPACE_OFFSET + 4,
                Damage::FreeSpaceOffset { found: free_space },
            );
        }
    }
    said.unwrap_or(bytes.len()).min(bytes.len())
}

/// Which chunks' records are held to their checksum.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Checksums {
    /// Those of chunks of which a record is decoded, or which are not in order.
    #[default]
    Needed,
    /// Those of all chunks that have checksums.
    All,
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
pub(super) struct LiveRecords {
    /// Where they end, in the chunk.
    pub end: usize,
    checksum: u32,
}

impl LiveRecords {
    /// Those of a chunk; `None` for any other.
    pub(super) fn of(chunk: &[u8]) -> Option<Self> {
        let end = usize::try_from(u32_at(chunk, FREE_SPACE_OFFSET)?).ok()?;
        let is_sound = chunk.len() == CHUNK_LENGTH
            && (CHUNK_HEADER_SIZE..=CHUNK_LENGTH).contains(&end)
            && u32_at(chunk, FLAGS_OFFSET)? & NO_CHECKSUMS == 0
            && header_damage(chunk).is_none();
        let checksum = u32_at(chunk, RECORDS_CHECKSUM_OFFSET)?;
        is_sound.then_some(LiveRecords { end, checksum })
    }

    /// Whether they have the checksum that the header says.
    pub(super) fn are_as_written(self, chunk: &[u8]) -> bool {
        chunk.get(CHUNK_HEADER_SIZE..self.end).map(crc32fast::hash) == Some(self.checksum)
    }
}

/// The record that begins at `at`, if it is whole: it ends by `end` and with the copy of its size; and what its header says of
/// its writing.
#[inline]
pub(super) fn whole_record(bytes: &[u8], at: usize, end: usize) -> Option<(Range<usize>, Written)> {
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

/// Where a chunk's records end, if its header knows: there is the end of a record with the last id that the header gives, or there
/// are none. A few bytes tell. `None` of a chunk whose records were damaged, or whose header was not brought up to date.
#[inline]
pub(super) fn known_end(chunk: &[u8]) -> Option<usize> {
    let end = usize::try_from(u32_at(chunk, FREE_SPACE_OFFSET)?).ok()?;
    if end == CHUNK_HEADER_SIZE {
        return Some(end);
    }
    let size = usize::try_from(u32_at(chunk, end.checked_sub(SIZE_COPY_SIZE)?)?).ok()?;
    let (last, written) = whole_record(chunk, end.checked_sub(size)?, end)?;
    (last.end == end && u64_at(chunk, LAST_RECORD_ID_OFFSET) == Some(written.header_id)).then_some(end)
}

/// Where the records of a chunk end that follow one another from the first one on, whatever its header says. Where none follows the
/// header, it may be no header: then its signature ends there.
pub(super) fn chain_end(chunk: &[u8]) -> usize {
    let mut end = CHUNK_SIGNATURE.len();
    let mut at = CHUNK_HEADER_SIZE;
    while let Some((record, _)) = whole_record(chunk, at, chunk.len()) {
        at = record.end;
        end = at;
    }
    end
}

fn header_damage(bytes: &[u8]) -> Option<Damage> {
    let mut hasher = crc32fast::Hasher::new();
    for range in HEADER_CHECKED {
        hasher.update(bytes.get(range).unwrap_or_default());
    }
    let (stored, computed) = (u32_at(bytes, HEADER_CHECKSUM_OFFSET).unwrap_or(0), hasher.finalize());
    (stored != computed).then_some(Damage::ChunkHeaderChecksum { stored, computed })
}

/// The end of the record up to which the records have that checksum.
fn checksummed_end(bytes: &[u8], checksum: u32) -> Option<usize> {
    let mut hasher = crc32fast::Hasher::new();
    let mut at = CHUNK_HEADER_SIZE;
    while let Ok(record) = record_at(bytes, at) {
        hasher.update(bytes.get(record.range.clone())?);
        at = record.range.end;
        if hasher.clone().finalize() == checksum {
            return Some(at);
        }
    }
    None
}

fn walk_records(bytes: &[u8], end: usize, walk: &mut Walk) {
    let mut at = CHUNK_HEADER_SIZE;
    while at < end {
        match record_at(bytes, at) {
            Ok(mut record) => {
                if !walk.gaps.is_empty() {
                    record.reached = Reached::BehindDamage;
                }
                if record.range.end > end {
                    // Its tail lies where the header says that there are no records.
                    let (found, left) = (record.range.len(), (end - at) as u64);
                    let found = u32::try_from(found).unwrap_or(u32::MAX);
                    walk.problem(record.range.clone(), Damage::RecordSize { found, left });
                }
                if let Some(damage) = size_copy_damage(bytes, &record) {
                    walk.problem(record.range.clone(), damage);
                }
                at = record.range.end;
                walk.note_written(bytes, record.range.start);
                walk.records.push(record);
            }
            Err(damage) => {
                // The first record of a chunk starts right behind its header, so another one cannot
                // start within its least size; and a gap of that size can be dressed up as a record.
                let step = if walk.records.is_empty() { LEAST_RECORD_SIZE } else { 1 };
                let next = next_record(bytes, at + step, end).unwrap_or(end);
                walk.problem(at..next, damage);
                walk.gaps.push(at..next);
                at = next;
            }
        }
    }
}

/// The record whose header lies at `at`.
fn record_at(bytes: &[u8], at: usize) -> Result<RecordSpan, Damage> {
    let rest = bytes.get(at..).unwrap_or_default();
    let left = rest.len();
    if !rest.starts_with(RECORD_SIGNATURE) {
        return Err(Damage::RecordHeader {
            found: rest.iter().copied().take(RECORD_SIGNATURE.len()).collect(),
        });
    }
    let size = u32_at(rest, 4).unwrap_or(0);
    match usize::try_from(size) {
        Ok(length) if length >= LEAST_RECORD_SIZE && length <= left => {
            let header_id = u64_at(rest, 8).unwrap_or(0);
            Ok(RecordSpan { range: at..at + length, header_id, reached: Reached::InChain })
        }
        _ => Err(Damage::RecordSize { found: size, left: left as u64 }),
    }
}

fn size_copy_damage(bytes: &[u8], record: &RecordSpan) -> Option<Damage> {
    let size = u32_at(bytes, record.range.start + 4)?;
    let copy = u32_at(bytes, record.range.end - 4)?;
    (size != copy).then_some(Damage::RecordSizeCopy { size, copy })
}

/// Where the walk can go on behind bytes that are no record: the next record at or after `from`
/// that is whole, ends before `end`, holds the copy of its size, and has an id in the chunk
/// header's range. The last keeps out records of the log's earlier pass over a chunk that was
/// being reused.
fn next_record(bytes: &[u8], from: usize, end: usize) -> Option<usize> {
    let first_id = u64_at(bytes, FIRST_RECORD_ID_OFFSET)?;
    let last_id = u64_at(bytes, LAST_RECORD_ID_OFFSET)?;
    (from..end).find(|at| {
        record_at(bytes, *at).is_ok_and(|record| {
            record.range.end <= end
                && size_copy_damage(bytes, &record).is_none()
                && (first_id..=last_id).contains(&record.header_id)
        })
    })
}

impl Walk {
    /// Makes gaps of the records that `taken` is true of, and says how many there were.
    pub(super) fn take(&mut self, mut taken: impl FnMut(&RecordSpan) -> bool) -> usize {
        let Walk { records, gaps, .. } = self;
        let before = records.len();
        records.retain(|record| {
            let taken = taken(record);
            match gaps.last_mut() {
                Some(gap) if taken && gap.end == record.range.start => gap.end = record.range.end,
                _ if taken => gaps.push(record.range.clone()),
                _ => {}
            }
            !taken
        });
        let taken = before - records.len();
        if taken > 0 {
            gaps.sort_by_key(|gap| gap.start);
        }
        taken
    }

    /// Notes what the header of the record at `start` says of its writing.
    pub(super) fn note_written(&mut self, bytes: &[u8], start: usize) {
        if let (Some(header_id), Some(filetime)) = (u64_at(bytes, start + 8), u64_at(bytes, start + 16)) {
            self.clock.add(start as u64, Written { header_id, filetime });
        }
    }

    fn problem(&mut self, range: Range<usize>, damage: Damage) {
        self.problems.push(Problem { offset: range.start as u64, length: range.len() as u64, damage });
    }
}
