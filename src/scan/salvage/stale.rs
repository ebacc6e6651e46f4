//! Finds stale records in the parts of a chunk without live records: records that were written
//! before the log wrapped around or was cleared, and that were not overwritten yet.
//!
//! Windows fills a chunk anew from its start and leaves the rest as it was. A stale record refers
//! to template definitions at positions that may have been overwritten, so its content is known
//! only if the definitions there are those that it was written for. A record therefore counts only
//! if it is whole, its values fill it, and each definition has the number by which the record
//! refers to it (the first four bytes of the definition's GUID). A record without a template refers
//! only to names, each of which must have its hash ([`crate::scan::skim::templateless`]). An
//! altered record is left out; nothing is guessed.

use std::ops::Range;

use crate::ledger::clock::RecordHeader;
use crate::scan::evtx::binxml::{DEFINITION_GUID_OFFSET, FRAGMENT};
use crate::scan::evtx::chunk::{CHUNK_HEADER_SIZE, RECORD_SIGNATURE, content_of, whole_record};
use crate::scan::evtx::log::u32_at;
use crate::scan::evtx::value::Values;
use crate::scan::evtx::walk::{RecordOrigin, RecordSpan, Walk};
use crate::scan::skim::templateless::TemplatelessRecords;

/// Finds the stale (deleted) records in `ranges` of a chunk, in order. The ranges must not contain
/// a live record.
///
/// `walk` is overwritten with the result: its records are those that were found, and its gaps are
/// the bytes between them. For a deleted chunk, the contiguous records before offset `whole`, which
/// precede the ranges and which a checksum confirms, belong to the result too.
pub(in crate::scan) fn walk(chunk: &[u8], whole: usize, ranges: &[Range<usize>], walk: &mut Walk) {
    walk.clear();
    let mut templateless = TemplatelessRecords::of(chunk);
    let mut end = CHUNK_HEADER_SIZE;
    while let Some((record, RecordHeader { header_id, .. })) = whole_record(chunk, end, whole.max(end)) {
        end = record.end;
        walk.records.push(RecordSpan { range: record, header_id, origin: RecordOrigin::InChain });
    }
    for range in ranges {
        let mut at = range.start.max(end);
        while let Some(start) = next_signature(chunk, at..range.end) {
            let Some((record, header)) = whole_record(chunk, start, range.end)
                .filter(|(record, _)| is_readable(chunk, record, &mut templateless))
            else {
                at = start + 1;
                continue;
            };
            if end < start {
                walk.gaps.push(end..start);
            }
            (at, end) = (record.end, record.end);
            let RecordHeader { header_id, .. } = header;
            walk.records.push(RecordSpan { range: record, header_id, origin: RecordOrigin::AfterDamage });
        }
    }
    walk.found = walk.records.len();
}

/// Returns the offset, in the chunk, of the first record signature in `range`; `None` if there is
/// none.
fn next_signature(chunk: &[u8], range: Range<usize>) -> Option<usize> {
    let bytes = chunk.get(range.clone())?;
    let place = bytes.windows(RECORD_SIGNATURE.len()).position(|window| window == RECORD_SIGNATURE)?;
    Some(range.start + place)
}

/// Returns whether a stale (deleted) record can be read, because the template definitions or names
/// to which it refers still exist in the chunk.
fn is_readable(chunk: &[u8], record: &Range<usize>, templateless: &mut TemplatelessRecords<'_>) -> bool {
    let content = content_of(record);
    let read = |content: Range<usize>| {
        Values::read(chunk, content.clone())
            .filter(|values| is_known_by_its_number(chunk, content.start, values))
    };
    let Some(values) = read(content.clone()) else { return templateless.is_readable(content) };
    values.places(FRAGMENT).all(|(at, size)| {
        let start = values.start() + at;
        size == 0 || read(start..start + size).is_some()
    })
}

/// Returns whether the template definition that a record refers to is the one that the record was
/// written for. The reference lies at offset `instance` in the chunk, and contains a number: the
/// first four bytes of the definition's GUID. If the definition has another number, it was
/// overwritten by another definition.
fn is_known_by_its_number(chunk: &[u8], instance: usize, values: &Values<'_>) -> bool {
    let number = Values::definition_number(chunk, instance);
    number.is_some()
        && number == values.definition.checked_add(DEFINITION_GUID_OFFSET).and_then(|at| u32_at(chunk, at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::evtx::chunk::RECORD_HEADER_SIZE;
    use dnsweep_samples::{Event, LogWriter, Style};

    /// Returns a chunk of two live records followed by three stale (deleted) ones, and the offset
    /// at which the live records end.
    fn chunk(style: Style) -> (Vec<u8>, usize) {
        let query = |number: u64| Event::dns_query("example.com", "a.exe").numbered(number);
        let mut writer = LogWriter::new(style);
        writer.push_all(&[query(1), query(2)]).unwrap();
        writer.end_chunk_leaving(&[query(11), query(12), query(13)]).unwrap();
        let chunk = writer.finish()[4096..4096 + 65_536].to_vec();
        let end = usize::try_from(u32_at(&chunk, 48).unwrap()).unwrap();
        (chunk, end)
    }

    fn found(chunk: &[u8], end: usize) -> Vec<u64> {
        let mut walked = Walk::default();
        walk(chunk, 0, std::slice::from_ref(&(end..chunk.len())), &mut walked);
        walked.records.iter().map(|record| record.header_id).collect()
    }

    #[test]
    fn stale_records_are_found_after_the_live_ones() {
        for style in [Style::Live, Style::Export, Style::Forwarded] {
            let (chunk, end) = chunk(style);
            let whole = found(&chunk, end);
            assert_eq!(whole.len(), 3, "{style:?}");
            // In a chunk that was cleared, all records are stale.
            assert_eq!(found(&chunk, CHUNK_HEADER_SIZE).len(), 5, "{style:?}");
        }
    }

    #[test]
    fn a_record_whose_definition_was_overwritten_is_left_alone() {
        let (mut chunk, end) = chunk(Style::Live);
        let values = Values::head(&chunk, 512 + RECORD_HEADER_SIZE).unwrap();
        let guid = values.definition + DEFINITION_GUID_OFFSET;
        chunk[guid] ^= 1;
        assert_eq!(found(&chunk, end).len(), 0);
    }

    #[test]
    fn a_record_that_was_altered_is_left_alone() {
        let (original, end) = chunk(Style::Live);
        let mut walked = Walk::default();
        walk(&original, 0, std::slice::from_ref(&(end..original.len())), &mut walked);
        let second = walked.records[1].range.clone();
        let values = Values::head(&original, second.start + RECORD_HEADER_SIZE).unwrap();
        // Positions in the record's end, the copy of its size, the size of its first value, and the
        // definition of its data.
        let data = values.places(FRAGMENT).next().unwrap().0 + values.start();
        for at in [second.start + 4, second.end - 4, second.start + RECORD_HEADER_SIZE + 14, data + 2] {
            let mut chunk = original.clone();
            chunk[at] ^= 1;
            assert_eq!(found(&chunk, end).len(), 2, "{at}");
        }
    }
}
