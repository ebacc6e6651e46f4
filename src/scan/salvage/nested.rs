//! Decides which chunk headers begin a chunk, if chunks are searched for at any position. A header
//! that is not sound begins no chunk, because the place of its records is uncertain. A header that
//! is nested in another chunk begins no chunk either, because an event's text can be made to look
//! like a chunk. Both are reported.
//!
//! Searching for headers, and handling the chunks, are done elsewhere.

use std::sync::LazyLock;

use crate::base::byte_search::BytePattern;
use crate::ledger::damage::Damage;
use crate::scan::evtx::chunk::{
    CHUNK_HEADER_SIZE, CHUNK_SIGNATURE, LiveRecords, RECORD_SIGNATURE, broken_header, whole_record,
};
use crate::scan::evtx::log::CHUNK_LENGTH;

/// The pattern by which the signature of a record is searched for.
static RECORD: LazyLock<BytePattern> = LazyLock::new(|| BytePattern::new(RECORD_SIGNATURE));

/// What begins at a position of a file: a chunk, a chunk header that begins no chunk, or neither.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scan) enum HeaderKind {
    /// No chunk header begins at the examined position of the file.
    None,
    /// The header of a chunk that counts as a chunk of its own begins at the examined position of
    /// the file.
    BeginsChunk,
    /// A chunk header that begins no chunk, because it is damaged or nested in another chunk. The
    /// first value is the number of bytes to report as a problem. For a damaged header, these are
    /// the header itself; for a nested one, the bytes up to the end of the header, records or
    /// deleted record in which it lies. The second value is the reason.
    Other(usize, Damage),
}

/// Decides for the chunk headers of a file, in order, whether they are nested in an earlier chunk:
/// in its header, among its live records, or in one of its deleted records that is whole. Live
/// records count only if their checksum is right, so that a chunk written over another one's
/// records is not nested. Each decision depends only on the bytes of the three chunks before, so
/// that it does not matter where reading began.
#[derive(Debug, Default)]
pub(in crate::scan) struct Nesting {
    /// How far all earlier chunk headers, and the live records that follow them, reach: the
    /// greatest positions at which any of them ends.
    any: Reach,
    /// How far earlier chunk headers and their live records reach, without those headers that lie
    /// in a record. A header within a record proves nothing about the bytes that follow the record.
    free: Reach,
    /// The end of the last deleted record in which a chunk header was found, as a position in the
    /// searched bytes; 0 if there is none.
    deleted_end: usize,
    /// The position in the searched bytes from which on deleted records are searched for. Records
    /// that begin earlier end before any chunk header that is still to be examined.
    floor: usize,
}

/// How far chunk headers that were found, and the live records that follow them, reach: the
/// greatest position at which a header ends, and the greatest at which live records end.
#[derive(Debug, Default)]
struct Reach {
    /// The greatest position at which one of the chunk headers found so far ends.
    header: usize,
    /// The greatest position at which the live records of one of the chunk headers found so far
    /// end. Records with a wrong checksum do not count.
    records: usize,
}

impl Nesting {
    /// Forgets all earlier chunks and records, because at position `floor`, a chunk begins where
    /// chunks of a log regularly lie. Later chunk headers can be nested only in this chunk or the
    /// ones after it.
    pub(in crate::scan) fn restart(&mut self, floor: usize) {
        *self = Nesting { floor, ..Nesting::default() };
    }

    /// Ignores, from now on, deleted records that begin before position `floor`, because no later
    /// chunk header can be nested in them. At `floor`, a chunk in its regular place, 64 KiB of
    /// zeros or the file header ends, and a deleted record does not extend beyond that end.
    pub(in crate::scan) fn end_records(&mut self, floor: usize) {
        self.floor = floor;
    }

    /// Decides what begins at position `start` of `bytes`. Positions must be passed in ascending
    /// order. A damaged header within the header or the live records of another chunk counts as no
    /// header, because an event's text may contain a chunk's signature.
    pub(in crate::scan) fn header(&mut self, bytes: &[u8], start: usize) -> HeaderKind {
        let rest = bytes.get(start..).unwrap_or_default();
        if !rest.starts_with(CHUNK_SIGNATURE) {
            HeaderKind::None
        } else if let Some(damage) = broken_header(rest) {
            let is_part = start < self.free.header.max(self.free.records);
            if is_part {
                HeaderKind::None
            } else {
                HeaderKind::Other(rest.len().min(CHUNK_HEADER_SIZE), damage)
            }
        } else {
            match self.nested_end(bytes, start) {
                Some(end) => HeaderKind::Other(end - start, Damage::ChunkEmbedded),
                None => HeaderKind::BeginsChunk,
            }
        }
    }

    /// Returns the end of the part of an earlier chunk (header, live records or deleted record) in
    /// which the sound header at `start` lies; `None` if the header is not nested in an earlier
    /// chunk.
    fn nested_end(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        // Programs that write logs never write two overlapping headers. If each were examined,
        // crafted bytes would cost a great many checksums.
        let overlaps = start < self.any.header;
        if start >= self.deleted_end
            && !overlaps
            && let Some(end) = deleted_record_over(bytes, self.floor.max(self.free.records), start)
        {
            self.deleted_end = end;
        }
        let is_deleted = start < self.deleted_end;
        let is_free = start >= self.any.records && !is_deleted;
        let held = [self.deleted_end, self.free.header, self.free.records].into_iter().max();
        let chunk = bytes.get(start..).and_then(|rest| rest.get(..CHUNK_LENGTH)).unwrap_or_default();
        let live = LiveRecords::of(chunk).filter(|live| !overlaps && live.are_as_written(chunk));
        let (header, records) = (start + CHUNK_HEADER_SIZE, live.map_or(0, |live| start + live.end));
        self.any.extend(header, records);
        if is_free {
            self.free.extend(header, records);
        }
        held.filter(|end| start < *end)
    }
}

impl Reach {
    /// Extends the reach to another chunk header, which ends at position `header`, and to its live
    /// records, which end at position `records` (0 if there are none with the right checksum).
    fn extend(&mut self, header: usize, records: usize) {
        self.header = self.header.max(header);
        self.records = self.records.max(records);
    }
}

/// Returns the end of a whole record that begins at position `from` or later, and contains the byte
/// at position `at`; `None` if there is none. Records are examined in sequence: what looks like a
/// record within another record does not count.
fn deleted_record_over(bytes: &[u8], from: usize, at: usize) -> Option<usize> {
    let from = from.max(at.saturating_sub(CHUNK_LENGTH));
    let mut next = from;
    for place in RECORD.positions(bytes.get(from..at)?) {
        let place = from + place;
        if place >= next
            && let Some((record, _)) = whole_record(bytes, place, bytes.len().min(place + CHUNK_LENGTH))
        {
            next = record.end;
        }
    }
    (next > at).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::evtx::chunk::{RECORDS_CHECKSUM_OFFSET, SIZE_COPY_SIZE, known_end};
    use crate::scan::evtx::log::u32_at;
    use crate::scan::queries::chunk;
    use dnsweep_samples::Style;

    /// Writes a whole chunk at each of these positions, in order, into zeros. Returns for each
    /// chunk whether it is nested in an earlier one, so that it does not count as a chunk.
    fn held(at: &[usize]) -> Vec<bool> {
        let (chunk, _) = chunk(Style::Live);
        let mut bytes = vec![0; 4 * CHUNK_LENGTH];
        for at in at {
            bytes[*at..at + CHUNK_LENGTH].copy_from_slice(&chunk);
        }
        held_in(&bytes, at)
    }

    fn held_in(bytes: &[u8], at: &[usize]) -> Vec<bool> {
        let mut nesting = Nesting::default();
        let header = |at: &usize| nesting.header(bytes, *at);
        let is_held = |header: HeaderKind| match header {
            HeaderKind::BeginsChunk => Some(false),
            HeaderKind::Other(_, Damage::ChunkEmbedded) => Some(true),
            HeaderKind::Other(..) | HeaderKind::None => None,
        };
        at.iter().map(header).filter_map(is_held).collect()
    }

    /// Returns a whole record with this content, for tests.
    fn record(content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(24 + content.len() + SIZE_COPY_SIZE).unwrap().to_le_bytes();
        [&RECORD_SIGNATURE[..], &size, &[0; 16], content, &size].concat()
    }

    #[test]
    fn a_chunk_written_over_another_begins_one() {
        let (chunk, _) = chunk(Style::Live);
        let end = known_end(&chunk).unwrap();
        // A chunk over the first chunk's free space; and one over the first chunk's records, whose
        // checksum is then wrong.
        assert_eq!(held(&[8, 8 + end]), [false, false]);
        assert_eq!(held(&[8, 7 + end]), [false, false]);
    }

    #[test]
    fn headers_that_overlap_begin_one_chunk() {
        let headers = [0, 500, 1000, 1512];
        let mut nesting = Nesting::default();
        let nothing = vec![0; 4 * CHUNK_LENGTH];
        let ends: Vec<Option<usize>> = headers.iter().map(|at| nesting.nested_end(&nothing, *at)).collect();
        assert_eq!(ends, [None, Some(512), Some(1012), None]);
    }

    #[test]
    fn what_a_record_holds_begins_no_chunk_and_holds_none_after_the_record() {
        let (chunk, _) = chunk(Style::Live);
        let end = known_end(&chunk).unwrap();
        // A deleted record that contains a chunk, whose records reach to the record's end.
        let small = record(&chunk[..end]);
        let mut bytes = vec![0; 3 * CHUNK_LENGTH];
        bytes[1000..1000 + small.len()].copy_from_slice(&small);
        assert_eq!(held_in(&bytes, &[1024]), [true]);
        // A chunk whose header alone lies in a record, and whose stated records reach over the next
        // chunk.
        let mut header = chunk[..CHUNK_HEADER_SIZE].to_vec();
        header[48..52].copy_from_slice(&60_000_u32.to_le_bytes());
        let forged = record(&header);
        bytes[1000..1000 + small.len()].fill(0);
        bytes[1000..1000 + forged.len()].copy_from_slice(&forged);
        bytes[30_000..30_000 + CHUNK_LENGTH].copy_from_slice(&chunk);
        let records = crc32fast::hash(&bytes[1024 + CHUNK_HEADER_SIZE..1024 + 60_000]);
        header[RECORDS_CHECKSUM_OFFSET..][..4].copy_from_slice(&records.to_le_bytes());
        let sum = crc32fast::hash(&[&header[..120], &header[128..]].concat());
        header[124..128].copy_from_slice(&sum.to_le_bytes());
        bytes[1024..1024 + CHUNK_HEADER_SIZE].copy_from_slice(&header);
        assert_eq!(u32_at(&bytes, 1024 + 48), Some(60_000));
        assert_eq!(held_in(&bytes, &[1024, 30_000]), [true, false]);
        // Without the record around it, the first is a chunk, and the other is nested in it.
        bytes[1000] = 0;
        assert_eq!(held_in(&bytes, &[1024, 30_000]), [false, true]);
    }
}
