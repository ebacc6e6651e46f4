//! Property: whatever happens to the bytes of a log, scanning it ends, gives the same result each
//! time, loses nothing that it does not report, and invents nothing.
//!
//! `PROPTEST_CASES` sets how many logs are damaged.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use common::mutation::{Change, SAMPLES, Sample, ScanResult, apply, change, config, place, scan_with, shift};
use dnsweep::internals::ledger::damage::{Damage, Integrity, Problem};
use dnsweep::internals::scan::{LocatedEvent, Scanner};
use dnsweep_samples::{CHUNK_SIZE, HEADER_SIZE, damage};
use proptest::prelude::*;
use proptest::sample::Index;

/// The size of a chunk's header, after which its records begin.
const CHUNK_HEADER_SIZE: usize = 512;
/// The time after which a scan counts as endless. No scan of a sample takes nearly as long.
const PATIENCE: Duration = Duration::from_secs(60);

/// Scans twice, the second time with a buffer that was used for the log `before`. Fails if either
/// scan takes too long.
fn scan(log: Vec<u8>, before: Vec<u8>) -> Result<(ScanResult, ScanResult), TestCaseError> {
    let (sender, results) = channel();
    thread::spawn(move || {
        let fresh = scan_with(&mut Scanner::default(), &log);
        let mut scanner = Scanner::default();
        scan_with(&mut scanner, &before);
        // If the scan took too long, nobody waits for its result.
        let _ = sender.send((fresh, scan_with(&mut scanner, &log)));
    });
    results.recv_timeout(PATIENCE).map_err(|error| TestCaseError::fail(format!("panic or hang: {error}")))
}

/// Returns the bytes of the 64 KiB place for the chunk with this number, as many as exist.
fn chunk_bytes(log: &[u8], chunk: usize) -> &[u8] {
    let start = damage::chunk_offset(chunk).min(log.len());
    &log[start..log.len().min(start + CHUNK_SIZE)]
}

fn overlaps(problem: &Problem, start: u64, end: u64) -> bool {
    problem.offset < end && start < problem.offset + problem.length
}

/// Returns the size of the record that starts at `start`, as the record's header states it.
fn record_size(log: &[u8], start: u64) -> u64 {
    let at = usize::try_from(start).unwrap() + 4;
    u64::from(u32::from_le_bytes(log[at..at + 4].try_into().unwrap()))
}

/// Returns the least offset at which the record that starts at `start` ends: where the size in its
/// header says or, if the copy of the size at its end differs, directly after its header.
fn least_end(log: &[u8], start: u64) -> u64 {
    let size = record_size(log, start);
    let copy = usize::try_from(start + size).unwrap() - 4;
    start
        + if log.get(copy..copy + 4) == Some(&u32::try_from(size).unwrap().to_le_bytes()) { size } else { 28 }
}

/// Returns why the loss of an event in the log `damaged` is not accounted for; `None` if a problem
/// in `found` covers it, or the log looks as if it never had the event.
fn unaccounted(sample: &Sample, damaged: &[u8], found: &ScanResult, event: &LocatedEvent) -> Option<String> {
    let start = event.location.record_offset;
    let end = start + record_size(&sample.bytes, start);
    let chunk = usize::try_from(event.location.chunk_number).unwrap();
    let length = damaged.len();
    if end > length as u64 {
        // The event lies after the cut. A file that ends with a chunk may always have ended there;
        // so may one that ends with zeros, because some programs add a few.
        let last_place = length.checked_sub(HEADER_SIZE).map(|chunks| length - chunks % CHUNK_SIZE);
        let at_boundary = last_place.is_some_and(|last| damaged[last..].iter().all(|byte| *byte == 0));
        let reported = found.problems.iter().any(|problem| {
            let is_cut = matches!(
                problem.damage,
                Damage::ChunkCutOff { .. }
                    | Damage::ChunkSignature { .. }
                    | Damage::FileHeaderCutOff
                    | Damage::FileSignature { .. }
                    | Damage::EmptyFile
            );
            is_cut && problem.offset + problem.length == length as u64
        });
        return (!at_boundary && !reported).then(|| format!("the cut at {length} is not reported"));
    }
    // A chunk of zeros was never used: it is counted as empty, which is no problem.
    let is_unused = chunk_bytes(damaged, chunk).iter().all(|byte| *byte == 0);
    let reported = found.problems.iter().any(|problem| overlaps(problem, start, end));
    (!is_unused && !reported).then(|| format!("the record at {start} is lost or altered"))
}

/// Returns true if a scan found an event at the same offset and with the same content.
fn is_found(found: &ScanResult, event: &LocatedEvent) -> bool {
    found.at(event.location.record_offset).is_some_and(|there| there.event == event.event)
}

/// Returns true if a problem concerns any byte of the chunk that contains an event.
fn is_within_chunk(problem: &Problem, event: &LocatedEvent) -> bool {
    let start = HEADER_SIZE as u64 + event.location.chunk_number * CHUNK_SIZE as u64;
    overlaps(problem, start, start + CHUNK_SIZE as u64)
}

fn check(sample: &Sample, damaged: &[u8], found: &ScanResult) -> Result<(), TestCaseError> {
    let touched = |chunk: u64| {
        let chunk = usize::try_from(chunk).unwrap();
        chunk_bytes(&sample.bytes, chunk) != chunk_bytes(damaged, chunk)
    };
    for event in &sample.found.events {
        if is_found(found, event) {
            continue;
        }
        prop_assert!(
            touched(event.location.chunk_number),
            "lost or altered in an untouched chunk: {event:?}"
        );
        let reason = unaccounted(sample, damaged, found, event);
        prop_assert!(
            reason.is_none(),
            "{}: {}: {:#?}",
            sample.name,
            reason.unwrap_or_default(),
            found.problems
        );
    }
    for event in &found.events {
        let known = is_found(&sample.found, event);
        prop_assert!(known || touched(event.location.chunk_number), "invented: {event:?}");
        prop_assert!(known || event.integrity != Integrity::Verified, "altered and not marked: {event:?}");
        let damaged = found.problems.iter().any(|problem| is_within_chunk(problem, event));
        prop_assert!(
            damaged || event.integrity != Integrity::Damaged,
            "marked, and nobody says why: {event:?}"
        );
    }
    for problem in &found.problems {
        prop_assert!(
            problem.offset + problem.length <= damaged.len() as u64,
            "outside the file: {problem:?}"
        );
    }
    prop_assert_eq!(found.tally.extents.sum(), damaged.len() as u64, "every byte is accounted for");
    // No record is found twice, and no two records overlap.
    let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
    for event in &found.events {
        let start = event.location.record_offset;
        prop_assert!(ends.insert(start, least_end(damaged, start)).is_none(), "twice: {event:?}");
    }
    let overlap = ends.iter().zip(ends.iter().skip(1)).find(|((_, end), (next, _))| end > next);
    prop_assert!(overlap.is_none(), "records overlap: {overlap:?}");
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_lost_is_reported_and_nothing_is_invented(
        sample in any::<Index>(),
        changes in prop::collection::vec((place(), change()), 1..4),
    ) {
        let sample = sample.get(&SAMPLES);
        let mut damaged = sample.bytes.clone();
        for (place, change) in &changes {
            apply(&mut damaged, place.of(sample), change);
        }
        let (found, again) = scan(damaged.clone(), sample.bytes.clone())?;
        prop_assert!(found == again, "the second scan of the same bytes differs");
        check(sample, &damaged, &found)?;
    }
}

/// Returns the new offset of the byte that was at offset `at` before bytes were inserted or removed
/// at offset `from`; `None` if the byte was removed.
fn moved(at: usize, from: usize, change: &Change) -> Option<usize> {
    match *change {
        Change::Insert(length, _) if at >= from => Some(at + length),
        Change::Remove(length) if at >= from => (at >= from + length).then(|| at - length),
        _ => Some(at),
    }
}

/// Returns the new offset of a range of bytes, after bytes were inserted or removed at offset
/// `from`; `None` if the range is no longer in one piece.
fn moved_together(range: std::ops::Range<usize>, from: usize, change: &Change) -> Option<usize> {
    let (start, last) = (moved(range.start, from, change)?, moved(range.end - 1, from, change)?);
    (last - start == range.len() - 1).then_some(start)
}

/// Returns true if the header of a chunk has the right checksum, computed here by the rules of the
/// format.
fn has_sound_header(log: &[u8], chunk: usize) -> bool {
    let header = &log[damage::chunk_offset(chunk)..][..512];
    let stored = u32::from_le_bytes(header[124..128].try_into().unwrap());
    header.starts_with(b"ElfChnk\0") && crc32fast::hash(&[&header[..120], &header[128..]].concat()) == stored
}

/// Returns true if the bytes from `first` to `last` lie in a chunk's free space, and a problem is
/// reported at the place of the next chunk.
///
/// Healthy logs keep old records in free space, which is not read without `--recover`. Records that
/// a change moved into free space look alike. The place that they came from no longer begins with a
/// chunk, and that must be reported.
fn are_in_free_space_before_reported_place(
    damaged: &[u8],
    found: &ScanResult,
    (first, last): (usize, usize),
) -> bool {
    let Some(after_header) = first.checked_sub(HEADER_SIZE) else { return false };
    let next_place = first - after_header % CHUNK_SIZE + CHUNK_SIZE;
    is_free_space(damaged, first)
        && last < next_place
        && found.problems.iter().any(|problem| problem.offset == next_place as u64)
}

/// Returns true if the loss of a record is reported: a problem covers what is left of the record
/// or, if nothing is left, the offset at which it was removed.
fn is_loss_reported(
    damaged: &[u8],
    found: &ScanResult,
    record: std::ops::Range<usize>,
    (from, change): (usize, &Change),
) -> bool {
    let left: Vec<usize> = record.filter_map(|at| moved(at, from, change)).collect();
    // If nothing of the record is left, the loss is where the bytes were. If that is in a header, and
    // the rest of a chunk follows, the loss shows in the rest of the header or after it.
    let after_place = from.checked_sub(HEADER_SIZE).map(|after_header| after_header % CHUNK_SIZE);
    let (first, last) = match (left.first(), left.last(), after_place) {
        (Some(first), Some(last), _) => (*first, *last),
        (.., None) => (from.saturating_sub(1), HEADER_SIZE),
        (.., Some(after_place)) if after_place < CHUNK_HEADER_SIZE => {
            (from - after_place, from - after_place + CHUNK_HEADER_SIZE)
        }
        _ => (from.saturating_sub(1), from),
    };
    if are_in_free_space_before_reported_place(damaged, found, (first, last)) {
        return true;
    }
    let (start, end) = (first as u64, last as u64 + 1);
    found.problems.iter().any(|problem| overlaps(problem, start, end))
}

/// Returns true if the removal of bytes leaves a log that looks as if it never had them: whole
/// chunks are gone, or only zeros follow, as in chunks that were never used.
fn leaves_no_trace(sample: &Sample, damaged: &[u8], from: usize, change: &Change) -> bool {
    let Change::Remove(length) = *change else { return false };
    let is_place = |at: usize| at >= HEADER_SIZE && (at - HEADER_SIZE).is_multiple_of(CHUNK_SIZE);
    let end = from + length;
    let are_places = is_place(from) && (end >= sample.bytes.len() || is_place(end));
    // After its fields, a file's header is filled with zeros. Other bytes in their place are not
    // examined if a chunk follows.
    let is_header = (128..HEADER_SIZE).contains(&from);
    let is_free_space = is_free_space(&sample.bytes, from);
    let next_place = HEADER_SIZE + from.saturating_sub(HEADER_SIZE).next_multiple_of(CHUNK_SIZE);
    let rest = damaged.get(next_place..).unwrap_or_default();
    let only_zeros_follow = !rest.is_empty() && rest.iter().all(|byte| *byte == 0);
    are_places
        || (is_place(from) || is_header || is_free_space) && only_zeros_follow
        || is_header && length.is_multiple_of(CHUNK_SIZE)
        || is_free_space && length.is_multiple_of(CHUNK_SIZE) && end < sample.bytes.len()
}

/// Returns true if a byte lies after the records of its chunk, as the chunk's header states them.
fn is_free_space(log: &[u8], at: usize) -> bool {
    let Some(after_header) = at.checked_sub(HEADER_SIZE) else { return false };
    let start = at - after_header % CHUNK_SIZE;
    let free_space =
        log.get(start + 48..start + 52).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()));
    free_space.is_some_and(|end| start + usize::try_from(end).unwrap() <= at)
}

fn check_shifted(
    sample: &Sample,
    damaged: &[u8],
    found: &ScanResult,
    (from, change): (usize, &Change),
) -> Result<(), TestCaseError> {
    for event in &sample.found.events {
        let start = usize::try_from(event.location.record_offset).unwrap();
        let record = start..start + usize::try_from(record_size(&sample.bytes, start as u64)).unwrap();
        let place = moved_together(record.clone(), from, change);
        if place.and_then(|place| found.at(place as u64)).is_some_and(|there| there.event == event.event) {
            continue;
        }
        let chunk = usize::try_from(event.location.chunk_number).unwrap();
        let whole = damage::chunk_offset(chunk)..damage::chunk_offset(chunk) + CHUNK_SIZE;
        let is_touched = whole.end > sample.bytes.len()
            || moved_together(whole, from, change).is_none()
            || !has_sound_header(&sample.bytes, chunk);
        prop_assert!(is_touched, "{}: lost in a chunk that is whole: {event:?}", sample.name);
        prop_assert!(
            leaves_no_trace(sample, damaged, from, change)
                || is_loss_reported(damaged, found, record, (from, change)),
            "{}: the record at {start} is lost: {:#?}",
            sample.name,
            found.problems
        );
    }
    for event in &found.events {
        let known = sample.found.events.iter().any(|known| {
            let start = usize::try_from(known.location.record_offset).unwrap();
            moved(start, from, change) == usize::try_from(event.location.record_offset).ok()
                && known.event == event.event
        });
        prop_assert!(known || event.integrity != Integrity::Verified, "altered and not marked: {event:?}");
    }
    prop_assert_eq!(found.tally.extents.sum(), damaged.len() as u64, "every byte is accounted for");
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_is_lost_is_reported_where_bytes_were_put_in_or_taken_out(
        sample in any::<Index>(),
        place in place(),
        change in shift(),
    ) {
        let sample = sample.get(&SAMPLES);
        let from = place.of(sample);
        let mut damaged = sample.bytes.clone();
        apply(&mut damaged, from, &change);
        let (found, again) = scan(damaged.clone(), sample.bytes.clone())?;
        prop_assert!(found == again, "the second scan of the same bytes differs");
        check_shifted(sample, &damaged, &found, (from, &change))?;
    }
}

/// Bytes are removed from within the first chunk's free space to within a later chunk. So records
/// of the later chunk now lie in that free space, or are gone, and the second chunk's place does
/// not begin with a chunk's signature.
#[test]
fn records_that_move_into_free_space_leave_a_reported_place() {
    for (name, from, length) in [("DMG-WS04", 55_264, 14_369), ("DMG-WS02", 66_185, 83_103)] {
        let sample = SAMPLES.iter().find(|sample| sample.name.contains(name)).unwrap();
        let change = Change::Remove(length);
        let mut damaged = sample.bytes.clone();
        apply(&mut damaged, from, &change);
        let found = scan_with(&mut Scanner::default(), &damaged);
        check_shifted(sample, &damaged, &found, (from, &change)).unwrap();
        let mut silent = found;
        silent.problems.retain(|problem| problem.offset != damage::chunk_offset(1) as u64);
        assert!(check_shifted(sample, &damaged, &silent, (from, &change)).is_err(), "{name}");
    }
}

#[test]
fn the_check_notices_unreported_losses() {
    let sample = SAMPLES.iter().max_by_key(|sample| sample.found.events.len()).unwrap();
    let found = || scan_with(&mut Scanner::default(), &sample.bytes);
    assert!(check(sample, &sample.bytes, &found()).is_ok());
    let mut lost = found();
    lost.events.remove(3);
    assert!(check(sample, &sample.bytes, &lost).is_err());
    let mut altered = found();
    altered.events[3].event.set("QueryName", Some("other.example".to_owned()));
    assert!(check(sample, &sample.bytes, &altered).is_err());
    let mut unfounded = found();
    unfounded.events[3].integrity = Integrity::Damaged;
    assert!(check(sample, &sample.bytes, &unfounded).is_err());
    let mut twice = found();
    twice.events.push(twice.events[0].clone());
    assert!(check(sample, &sample.bytes, &twice).is_err());
    // In a chunk that was changed, a loss must be reported; this one is not.
    let mut damaged = sample.bytes.clone();
    let start = lost.events[3].location.record_offset;
    damaged[usize::try_from(start).unwrap() + 30] ^= 1;
    let mut silent = scan_with(&mut Scanner::default(), &damaged);
    // The check also fails if an altered event is not marked as such.
    let mut marked = scan_with(&mut Scanner::default(), &damaged);
    let altered = marked.events.iter_mut().find(|event| event.location.record_offset != start).unwrap();
    altered.event.set("QueryName", Some("other.example".to_owned()));
    assert_eq!(altered.integrity, Integrity::Damaged);
    let mut unmarked = marked.clone();
    assert!(check(sample, &damaged, &marked).is_ok());
    unmarked.events.iter_mut().for_each(|event| event.integrity = Integrity::Verified);
    assert!(check(sample, &damaged, &unmarked).is_err());
    silent.events.retain(|event| event.location.record_offset != start);
    assert!(check(sample, &damaged, &silent).is_ok());
    silent.problems.clear();
    assert!(check(sample, &damaged, &silent).is_err());
    assert!(SAMPLES.iter().map(|sample| &sample.name).collect::<BTreeSet<_>>().len() > 20);
}

/// One bit flips in the field that states where a chunk's records end. All records stay as they
/// were.
#[test]
fn a_wrong_end_of_the_records_loses_no_record() {
    let sample = SAMPLES.iter().max_by_key(|sample| sample.found.events.len()).unwrap();
    let mut lost = Vec::new();
    for bit in 0..17 {
        let mut damaged = sample.bytes.clone();
        damaged[damage::chunk_offset(1) + 48 + bit / 8] ^= 1 << (bit % 8);
        let found = scan_with(&mut Scanner::default(), &damaged);
        let missing = sample.found.events.iter().filter(|event| !is_found(&found, event)).count();
        if missing > 0 {
            lost.push(format!("bit {bit}: {missing}"));
        }
    }
    assert!(lost.is_empty(), "DNS queries whose records are intact are lost: {lost:?}");
}
