//! Which headers begin a chunk where chunks are sought for wherever they lie. One that is not sound
//! begins none, for where such a chunk's records lie is anyone's guess; nor does one that lies in
//! another chunk, for what an event says can be made to look like a chunk. Both are said.
//!
//! Where they are sought, and what becomes of the chunks, is not this file's.

use std::sync::LazyLock;

use crate::base::byte_search::Sought;
use crate::ledger::damage::Damage;
use crate::scan::evtx::chunk::{
    CHUNK_HEADER_SIZE, CHUNK_SIGNATURE, LiveRecords, RECORD_SIGNATURE, broken_header, whole_record,
};
use crate::scan::evtx::log::CHUNK_LENGTH;

/// What a record begins with.
static RECORD: LazyLock<Sought> = LazyLock::new(|| Sought::new(RECORD_SIGNATURE));

/// What begins at a place.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::scan) enum Header {
    /// No header.
    None,
    /// A chunk.
    Begins,
    /// A header of so many bytes, or a part of another chunk, that begins none.
    Other(usize, Damage),
}

/// Tells of sound headers, in order, which of them lie in another chunk: in its header, among its
/// live records, or in a deleted one that is whole. Live records are those of a chunk only if they
/// have their checksum, so that one which was written over another's is none of these. Each answer
/// follows from the bytes of three chunks before: it is the same wherever reading began.
#[derive(Debug, Default)]
pub(in crate::scan) struct Embedding {
    /// How far those reach that came before.
    any: Reach,
    /// How far those reach that lie in no record: what lies in a record says nothing of what lies
    /// behind it.
    free: Reach,
    /// Where the last deleted record ends in which a header was found.
    deleted_end: usize,
    /// Before it, there are no deleted records in which a header behind it could lie.
    floor: usize,
}

/// How far headers, and the live records behind them, reach.
#[derive(Debug, Default)]
struct Reach {
    header: usize,
    records: usize,
}

impl Embedding {
    /// Forgets what came before `floor`: a chunk in its place begins there.
    pub(in crate::scan) fn restart(&mut self, floor: usize) {
        *self = Embedding { floor, ..Embedding::default() };
    }

    /// Looks for no deleted record that begins before `floor`: what lies before it ends there.
    pub(in crate::scan) fn end_records(&mut self, floor: usize) {
        self.floor = floor;
    }

    /// What begins at `start`, which lies behind all places that were asked for. What an event says
    /// may begin with the signature of a chunk: among live records, that is nothing.
    pub(in crate::scan) fn header(&mut self, bytes: &[u8], start: usize) -> Header {
        let rest = bytes.get(start..).unwrap_or_default();
        if !rest.starts_with(CHUNK_SIGNATURE) {
            Header::None
        } else if let Some(damage) = broken_header(rest) {
            let is_part = start < self.free.header.max(self.free.records);
            if is_part { Header::None } else { Header::Other(rest.len().min(CHUNK_HEADER_SIZE), damage) }
        } else {
            match self.holds(bytes, start) {
                Some(end) => Header::Other(end - start, Damage::ChunkEmbedded),
                None => Header::Begins,
            }
        }
    }

    /// Whether the sound header at `start` lies in a chunk before it, and if so, where that ends of
    /// which it is a part.
    fn holds(&mut self, bytes: &[u8], start: usize) -> Option<usize> {
        // No two headers that overlap were written by one who writes logs; if each were looked at,
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
    fn extend(&mut self, header: usize, records: usize) {
        self.header = self.header.max(header);
        self.records = self.records.max(records);
    }
}

/// Where the whole record ends that begins at or after `from` and reaches over the byte at `at`, if
/// there is one. Records are taken one after the other: what looks like one within another is none.
fn deleted_record_over(bytes: &[u8], from: usize, at: usize) -> Option<usize> {
    let from = from.max(at.saturating_sub(CHUNK_LENGTH));
    let mut next = from;
    for place in RECORD.places(bytes.get(from..at)?) {
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

    /// Which of the whole chunks written at these places, in order, begin none.
    fn held(at: &[usize]) -> Vec<bool> {
        let (chunk, _) = chunk(Style::Live);
        let mut bytes = vec![0; 4 * CHUNK_LENGTH];
        for at in at {
            bytes[*at..at + CHUNK_LENGTH].copy_from_slice(&chunk);
        }
        held_in(&bytes, at)
    }

    fn held_in(bytes: &[u8], at: &[usize]) -> Vec<bool> {
        let mut embedding = Embedding::default();
        let header = |at: &usize| embedding.header(bytes, *at);
        let is_held = |header: Header| match header {
            Header::Begins => Some(false),
            Header::Other(_, Damage::ChunkEmbedded) => Some(true),
            Header::Other(..) | Header::None => None,
        };
        at.iter().map(header).filter_map(is_held).collect()
    }

    /// A record that holds `content`.
    fn record(content: &[u8]) -> Vec<u8> {
        let size = u32::try_from(24 + content.len() + SIZE_COPY_SIZE).unwrap().to_le_bytes();
        [&RECORD_SIGNATURE[..], &size, &[0; 16], content, &size].concat()
    }

    #[test]
    fn a_chunk_written_over_another_begins_one() {
        let (chunk, _) = chunk(Style::Live);
        let end = known_end(&chunk).unwrap();
        // Over the first one's free space, and over its records, which then have not their
        // checksum.
        assert_eq!(held(&[8, 8 + end]), [false, false]);
        assert_eq!(held(&[8, 7 + end]), [false, false]);
    }

    #[test]
    fn headers_that_overlap_begin_one_chunk() {
        let headers = [0, 500, 1000, 1512];
        let mut embedding = Embedding::default();
        let nothing = vec![0; 4 * CHUNK_LENGTH];
        let ends: Vec<Option<usize>> = headers.iter().map(|at| embedding.holds(&nothing, *at)).collect();
        assert_eq!(ends, [None, Some(512), Some(1012), None]);
    }

    #[test]
    fn what_a_record_holds_begins_no_chunk_and_holds_none_behind_the_record() {
        let (chunk, _) = chunk(Style::Live);
        let end = known_end(&chunk).unwrap();
        // A deleted record that holds a chunk, whose records reach to where it ends.
        let small = record(&chunk[..end]);
        let mut bytes = vec![0; 3 * CHUNK_LENGTH];
        bytes[1000..1000 + small.len()].copy_from_slice(&small);
        assert_eq!(held_in(&bytes, &[1024]), [true]);
        // And one of which the header alone lies in a record, with records that reach over the
        // chunk behind it.
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
        // Without the record around it, it is a chunk, and holds the other.
        bytes[1000] = 0;
        assert_eq!(held_in(&bytes, &[1024, 30_000]), [false, true]);
    }
}
