//! Walks a chunk's records from one record header to the next, past anything that is not a record,
//! and reports what is wrong: checksums, the end of the records, and bytes that are not a record.
//! The content of records is not examined. The chunk's header, and the test whether a record is
//! whole, are in [`crate::scan::evtx::chunk`].

use std::ops::Range;

use crate::ledger::clock::{Clock, RecordHeader};
use crate::ledger::damage::{Damage, Problem};
use crate::scan::evtx::chunk::{
    CHUNK_HEADER_SIZE, FIRST_RECORD_ID_OFFSET, FLAGS_OFFSET, FREE_SPACE_OFFSET, LAST_RECORD_ID_OFFSET,
    LEAST_RECORD_SIZE, NO_CHECKSUMS, RECORD_SIGNATURE, RECORDS_CHECKSUM_OFFSET, header_damage,
};
use crate::scan::evtx::log::{CHUNK_LENGTH, u32_at, u64_at};

/// The position of a record in its chunk, the ID in its header, and how it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::scan) struct RecordSpan {
    /// The record's bytes in the chunk, from its signature to the end of the copy of its size.
    pub range: Range<usize>,
    /// The ID in the record's header. In an exported log, it differs from the event's
    /// EventRecordID.
    pub header_id: u64,
    /// How the record was found: by the sizes of the records before it, or by its signature after
    /// damage.
    pub origin: RecordOrigin,
}

/// How a record was found in its chunk: in sequence, or only after damage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum RecordOrigin {
    /// The record was found by the sizes of the records before it, from the chunk's first record
    /// on.
    InChain,
    /// The record was found by its signature, after bytes that are no record. Programs that stop
    /// reading a chunk at damage do not see such a record.
    AfterDamage,
}

/// The result of walking a chunk: the chunk's records, and what is wrong with the chunk.
#[derive(Debug, Default)]
pub(in crate::scan) struct Walk {
    /// The live records (those that are not deleted) of the chunk that must be decoded, in order,
    /// without overlap.
    pub records: Vec<RecordSpan>,
    /// The ranges between the records that must be decoded, as offsets in the chunk: damage, and
    /// records that are counted already or must not be decoded.
    pub gaps: Vec<Range<usize>>,
    /// The damage found in the chunk, such as a wrong checksum, or other bytes where a record
    /// should begin. Offsets are from the chunk's start.
    pub problems: Vec<Problem>,
    /// The number of live records in the chunk, including those that are counted already or must
    /// not be decoded.
    pub found: usize,
    /// True if the chunk's header states that the chunk has no checksums, so that none was
    /// verified.
    pub unchecked: bool,
    /// True if the checksum of the chunk's live records was computed, and compared with the one
    /// that the chunk's header states.
    pub checked: bool,
    /// The places in the chunk where, as the headers of its records show, the clock of the machine
    /// that wrote them went back. Offsets are from the chunk's start.
    pub clock: Clock,
}

impl Walk {
    /// Removes all records, gaps, problems and counts, so that the memory can be used for the next
    /// chunk.
    pub(in crate::scan) fn clear(&mut self) {
        self.records.clear();
        self.gaps.clear();
        self.problems.clear();
        self.found = 0;
        (self.unchecked, self.checked) = (false, false);
        self.clock.clear();
    }

    /// Returns the offset in the chunk at which the last record or gap ends, whichever ends later;
    /// the end of the chunk's header if there is neither. Nothing after this offset needs to be
    /// decoded.
    pub(in crate::scan) fn end(&self) -> usize {
        let record = self.records.last().map_or(CHUNK_HEADER_SIZE, |record| record.range.end);
        self.gaps.last().map_or(record, |gap| record.max(gap.end))
    }
}

/// Verifies a chunk's checksums and walks its live records, from the chunk's header to its free
/// space.
///
/// The walk ends where, according to the chunk's header, the free space starts, as in every other
/// program that reads logs: what follows is left over from deleted records. The last record ID in
/// the header does not end the walk: if writing the chunk was interrupted, records after that ID
/// can be whole.
///
/// `bytes` must begin with a chunk's signature. They are 64 KiB, or fewer at the end of a truncated
/// file.
///
/// The result is stored in `walk`, whose earlier content is lost; only its memory is reused.
pub(in crate::scan) fn walk(bytes: &[u8], walk: &mut Walk) {
    walk.clear();
    if bytes.len() < CHUNK_LENGTH {
        walk.add_problem(0..bytes.len(), Damage::ChunkCutOff { found: bytes.len() as u64 });
    }
    if bytes.len() >= CHUNK_HEADER_SIZE {
        walk.unchecked = u32_at(bytes, FLAGS_OFFSET).is_some_and(|flags| flags & NO_CHECKSUMS != 0);
        let RecordsEnd { end, has_checksum } = records_end(bytes, walk);
        walk_records(bytes, end, walk);
        if !has_checksum && hides_records(bytes, end, walk) {
            let found = u32::try_from(end).unwrap_or(u32::MAX);
            walk.add_problem(end..bytes.len(), Damage::FreeSpaceOffset { found });
            walk_hidden(bytes, end, walk);
        }
        walk.found = walk.records.len();
    }
}

/// The place in a chunk where the live records end. The chunk's header states it or, if the header
/// is wrong, it is the place up to which the records have the checksum that the header states.
struct RecordsEnd {
    /// The offset in the chunk at which the live records end, in bytes.
    end: usize,
    /// True if the records of the chunk, up to the offset at which the live records end, have the
    /// checksum that the chunk's header states.
    has_checksum: bool,
}

/// Determines where the live records of the chunk `bytes` end, and adds a problem to `walk` for
/// each checksum that is wrong.
fn records_end(bytes: &[u8], walk: &mut Walk) -> RecordsEnd {
    let free_space = u32_at(bytes, FREE_SPACE_OFFSET).unwrap_or(0);
    let said =
        usize::try_from(free_space).ok().filter(|end| (CHUNK_HEADER_SIZE..=CHUNK_LENGTH).contains(end));
    let stored = u32_at(bytes, RECORDS_CHECKSUM_OFFSET).unwrap_or(0);
    if walk.unchecked {
        if said.is_none() {
            walk.add_problem(0..bytes.len(), Damage::FreeSpaceOffset { found: free_space });
        }
        let end = said.unwrap_or(bytes.len()).min(bytes.len());
        return RecordsEnd { end, has_checksum: false };
    }
    // The checksum proves nothing about records some of which are missing.
    let records = said.and_then(|end| bytes.get(CHUNK_HEADER_SIZE..end)).map(crc32fast::hash);
    walk.checked = records.is_some();
    if let Some(damage) = header_damage(bytes) {
        if records != Some(stored)
            && let Some(end) = checksummed_end(bytes, stored)
        {
            // Only the free-space offset in the header is wrong: up to a different offset, the
            // records have their checksum.
            walk.add_problem(0..CHUNK_HEADER_SIZE, damage);
            return RecordsEnd { end, has_checksum: true };
        }
        // The end of the records is in doubt, and so is the whole chunk, unless the records'
        // checksum confirms it.
        let doubtful = if records == Some(stored) { CHUNK_HEADER_SIZE } else { bytes.len() };
        walk.add_problem(0..doubtful, damage);
    }
    match (said, records) {
        (Some(end), Some(computed)) if computed != stored => {
            walk.add_problem(CHUNK_HEADER_SIZE..end, Damage::RecordsChecksum { stored, computed });
        }
        (Some(_), _) => {}
        (None, _) => {
            walk.add_problem(
                FREE_SPACE_OFFSET..FREE_SPACE_OFFSET + 4,
                Damage::FreeSpaceOffset { found: free_space },
            );
        }
    }
    let end = said.unwrap_or(bytes.len()).min(bytes.len());
    RecordsEnd { end, has_checksum: records == Some(stored) }
}

/// Walks the records after `end`, the offset at which the live records end according to the chunk's
/// header. Callers do so if the header is wrong, because bytes among the records were lost or
/// inserted. A record counts if its ID is in the range that the header states and is greater than
/// the IDs found before.
fn walk_hidden(bytes: &[u8], end: usize, walk: &mut Walk) {
    let last = walk.records.last().map_or(CHUNK_HEADER_SIZE, |record| record.range.end);
    // A record may lie across the stated end.
    let across = walk.gaps.pop_if(|gap| gap.start >= last && gap.end == end);
    let mut found_end = across.as_ref().map_or(walk.end(), |gap| gap.start);
    let mut at = across.as_ref().map_or(found_end, |gap| gap.start + 1);
    let found_before = walk.records.len();
    while let Some(start) = next_record(bytes, at, bytes.len()) {
        let Ok(record) = record_at(bytes, start) else { break };
        at = record.range.end;
        if walk.records.last().is_some_and(|last| record.header_id <= last.header_id) {
            continue;
        }
        if found_end < start {
            walk.gaps.push(found_end..start);
        }
        found_end = at;
        walk.note_header(bytes, start);
        walk.records.push(RecordSpan { origin: RecordOrigin::AfterDamage, ..record });
    }
    if walk.records.len() == found_before {
        walk.gaps.extend(across);
    }
}

/// Returns whether live records may follow `end`, the offset at which they end according to the
/// chunk's header, because bytes were lost or inserted. That is so if no record ends at `end`, or
/// if a record that the header counts as live starts after it. Callers ask this only if the records
/// up to `end` do not have the checksum that the header states, or the chunk has no checksums.
fn hides_records(bytes: &[u8], end: usize, walk: &Walk) -> bool {
    let last = walk.records.last();
    let is_their_end = end == last.map_or(CHUNK_HEADER_SIZE, |record| record.range.end);
    let counted = next_record(bytes, end, bytes.len());
    let follows = |at| u64_at(bytes, at + 8) > last.map(|record| record.header_id);
    end < bytes.len() && (!is_their_end || counted.is_some_and(follows))
}

/// Returns the first offset in the chunk at which a record ends and up to which the records
/// together have the checksum `checksum`; `None` if there is no such offset.
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

/// Walks the records of a chunk from the end of the chunk's header up to the offset `end`. Records,
/// gaps and problems are added to `walk`: bytes that are no record become a gap and a problem.
fn walk_records(bytes: &[u8], end: usize, walk: &mut Walk) {
    let mut at = CHUNK_HEADER_SIZE;
    let mut is_after_damage = false;
    while at < end {
        match record_at(bytes, at) {
            Ok(mut record) => {
                if is_after_damage || !walk.gaps.is_empty() {
                    record.origin = RecordOrigin::AfterDamage;
                }
                let copy = size_copy_damage(bytes, &record);
                if let Some(next) = copy.as_ref().and_then(|_| hidden_record(bytes, &record, end)) {
                    record.range.end = next;
                    is_after_damage = true;
                }
                if record.range.end > end {
                    // The end of the record lies where, according to the header, there are no
                    // records.
                    let (found, left) = (record.range.len(), (end - at) as u64);
                    let found = u32::try_from(found).unwrap_or(u32::MAX);
                    walk.add_problem(record.range.clone(), Damage::RecordSize { found, left });
                }
                if let Some(damage) = copy {
                    walk.add_problem(record.range.clone(), damage);
                }
                at = record.range.end;
                walk.note_header(bytes, record.range.start);
                walk.records.push(record);
            }
            Err(damage) => {
                // The first record of a chunk follows its header directly, so no other can start
                // within the size of a smallest record; and a gap of that size can be disguised as
                // a record.
                let step = if walk.records.is_empty() { LEAST_RECORD_SIZE } else { 1 };
                let next = next_record(bytes, at + step, end).unwrap_or(end);
                walk.add_problem(at..next, damage);
                walk.gaps.push(at..next);
                at = next;
            }
        }
    }
}

/// Returns the record whose header lies at offset `at` in the chunk, or the damage that explains
/// why no record does.
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
            Ok(RecordSpan { range: at..at + length, header_id, origin: RecordOrigin::InChain })
        }
        _ => Err(Damage::RecordSize { found: size, left: left as u64 }),
    }
}

/// Returns the damage of a record whose size field differs from the copy at the record's end;
/// `None` if the two are equal.
fn size_copy_damage(bytes: &[u8], record: &RecordSpan) -> Option<Damage> {
    let size = u32_at(bytes, record.range.start + 4)?;
    let copy = u32_at(bytes, record.range.end - 4)?;
    (size != copy).then_some(Damage::RecordSizeCopy { size, copy })
}

/// Returns the offset of a whole record that begins inside `record`; `None` if there is none.
/// Callers ask this if the size field of `record` differs from the copy at the record's end: the
/// size field may have been made greater, which would hide the records that follow. `end` is the
/// offset at which the live records end.
fn hidden_record(bytes: &[u8], record: &RecordSpan, end: usize) -> Option<usize> {
    let said = record.range.end;
    let ends_well = said == end || said < end && record_at(bytes, said).is_ok();
    let from = record.range.start + LEAST_RECORD_SIZE;
    next_record(bytes, from, end).filter(|next| !ends_well && *next < said)
}

/// Returns the offset, in the chunk, of the next record after bytes that are no record; `None` if
/// there is none. The record begins at `from` or later, is whole, ends no later than `end` with a
/// copy of its size, and has an ID in the range that the chunk's header states. This range excludes
/// old records in a chunk that was being reused.
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
    /// Removes the records for which `taken` returns true from the list of the chunk's records that
    /// must be decoded, adds their ranges to the gaps, and returns how many were removed.
    pub(in crate::scan) fn remove_records(&mut self, mut taken: impl FnMut(&RecordSpan) -> bool) -> usize {
        let Walk { records, gaps, .. } = self;
        let before = records.len();
        records.retain(|record| {
            let taken = taken(record);
            if taken {
                gaps.push(record.range.clone());
            }
            !taken
        });
        let taken = before - records.len();
        if taken > 0 {
            gaps.sort_by_key(|gap| gap.start);
            gaps.dedup_by(|next, gap| {
                let follows = gap.end == next.start;
                if follows {
                    gap.end = next.end;
                }
                follows
            });
        }
        taken
    }

    /// Passes the ID and the time in the header of the record at offset `start` of the chunk to
    /// `clock`, which compares records to find places where the machine's clock went back.
    pub(in crate::scan) fn note_header(&mut self, bytes: &[u8], start: usize) {
        if let (Some(header_id), Some(filetime)) = (u64_at(bytes, start + 8), u64_at(bytes, start + 16)) {
            self.clock.add(start as u64, RecordHeader { header_id, filetime });
        }
    }

    /// Adds a problem to those of the chunk: the damage `damage` of the bytes in `range` of the
    /// chunk.
    fn add_problem(&mut self, range: Range<usize>, damage: Damage) {
        self.problems.push(Problem { offset: range.start as u64, length: range.len() as u64, damage });
    }
}
