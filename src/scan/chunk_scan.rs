//! Scans one chunk: walks its records, and counts each from a few of its values (skims it) or
//! decodes it. Decides whether the chunk counts as damaged. [`super::slot`] examines where the
//! chunk lies in its file.

use super::block_scan::BlockScan;
use super::decode::document::Document;
use super::decode::lost_names::NamelessQueries;
use super::decode::record::decode;
use super::decode::undecodable::remove_undecodable;
use super::evtx::walk::{RecordOrigin, Walk, walk as walk_chunk};
use super::located::{ChunkPosition, LocatedEvent};
use super::read::BlockPart;
use super::skim::process::ChunkLinks;
use super::skim::select::Skimmer;
use crate::event::{KindSet, Window};
use crate::ledger::damage::{Damage, Integrity, Problem};

/// Scans the chunk in `read`, which lies at `at` in its file, and adds events, counts and problems
/// to `scan`. The skimmer counts the records that no detection can match, and reads some wanted
/// events, both without decoding. All other records are decoded. Without a skimmer, or if anything
/// is wrong with the chunk, every record is decoded. Events of `kinds` are read with their fields,
/// and `window` is the period that the user requested. `walk` is overwritten: it is only reused
/// memory.
pub(super) fn scan_chunk(
    read: &mut BlockPart<'_>,
    at: ChunkPosition,
    walk: &mut Walk,
    skimmer: Option<&mut Skimmer>,
    (kinds, window): (KindSet, &Window),
    scan: &mut BlockScan,
) {
    let start = at.offset;
    let first = scan.events.len();
    walk_or_skim(read, at, walk, skimmer, scan);
    scan.clock.append(start, &walk.clock);
    let integrity = integrity(walk, read);
    let mut problems = std::mem::take(&mut walk.problems);
    let is_empty = walk.records.is_empty() && walk.gaps.is_empty();
    // Bytes that cannot be read are replaced by zeros, which are not evidence.
    let lacking =
        if read.unread.is_empty() { 0 } else { walk.remove_records(|record| read.has_unread(&record.range)) };
    scan.tally.damaged_records += lacking as u64;
    // A chunk with right checksums has lost no names.
    let is_checked = integrity == Integrity::Verified;
    let mut nameless =
        if is_checked { NamelessQueries::default() } else { NamelessQueries::of(read.bytes, walk) };
    scan.tally.damaged_records += remove_undecodable(read.bytes, walk, &mut problems);
    let BlockScan { tally, events, .. } = scan;
    decode(read.bytes, walk, kinds, |record, document| {
        let offset = record.range.start as u64;
        let (document, names) = nameless.resolve(record.range.start, document);
        if let Some(damage) = names.damage(record.header_id, &document).filter(|_| !is_checked) {
            problems.push(Problem { offset, length: record.range.len() as u64, damage });
        }
        let refound = record.origin == RecordOrigin::AfterDamage && document.is_ok();
        tally.refound_records += u64::from(refound);
        match document {
            Ok(document) => {
                tally.add(document.system(), window);
                tally.note_number(record.header_id, document.system(), integrity != Integrity::Damaged);
                if let Document::Event(event) = document {
                    events.push(LocatedEvent { location: at.of(offset), integrity, event });
                }
            }
            Err(reason) => {
                tally.damaged_records += 1;
                let damage = Damage::Record { header_id: record.header_id, reason };
                problems.push(Problem { offset, length: record.range.len() as u64, damage });
            }
        }
    });
    // Decoded events are merged, by location, with those that the skim read.
    events.get_mut(first..).unwrap_or_default().sort_by_key(|located| located.location);
    if is_empty {
        tally.empty_chunks += 1;
    }
    note_problems(problems, start, read, scan);
}

/// Adds the problems of the chunk at offset `start` of its file to `scan`. `found` are the problems
/// of the chunk's records, with offsets from the chunk's start; `read` contains the problems of
/// reading the chunk's bytes.
fn note_problems(found: Vec<Problem>, start: u64, read: &mut BlockPart<'_>, scan: &mut BlockScan) {
    let located = |problem: Problem| Problem { offset: start + problem.offset, ..problem };
    let mut problems: Vec<Problem> = found.into_iter().map(located).chain(read.problems.drain(..)).collect();
    scan.tally.damaged_chunks += u64::from(!problems.is_empty());
    problems.sort_by_key(|problem| problem.offset);
    for problem in problems {
        scan.problems.push(problem);
    }
}

/// Returns whether the bytes of a chunk are damaged, verified by checksums, or neither, given
/// `walk`, the list of its records and problems. Records that the decoder (the `evtx` crate) cannot
/// decode do not make the chunk damaged, because they may have been written that way.
fn integrity(walk: &Walk, read: &BlockPart<'_>) -> Integrity {
    if !walk.problems.is_empty() || !read.problems.is_empty() {
        Integrity::Damaged
    } else if walk.checked {
        Integrity::Verified
    } else {
        Integrity::Unverified
    }
}

/// Finds the records of a chunk. Adds to `scan` the counts of the records that `skimmer` counts
/// without decoding, and the events that it reads without decoding. Leaves the other records in
/// `walk`; the caller must decode them. Without a skimmer, or if the chunk is not sound, these are
/// all records.
fn walk_or_skim(
    read: &BlockPart<'_>,
    at: ChunkPosition,
    walk: &mut Walk,
    skimmer: Option<&mut Skimmer>,
    scan: &mut BlockScan,
) {
    if let Some(skimmer) = skimmer.filter(|_| read.problems.is_empty())
        && skimmer.skim(read.bytes, walk, &mut scan.tally)
    {
        let located = |(record, event)| {
            let location = at.of(record as u64);
            LocatedEvent { location, integrity: Integrity::Verified, event }
        };
        scan.events.extend(skimmer.take_read().map(located));
        let links = skimmer.take_links();
        if !links.is_empty() {
            scan.links.push(ChunkLinks { chunk: at.offset, links });
        }
        scan.has_unread_processes |= skimmer.has_unread_processes();
    } else {
        walk_chunk(read.bytes, walk);
    }
    scan.tally.checked_chunks += u64::from(walk.checked);
}
