//! Each kind of damage does what its documentation says, and nothing else.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that goes wrong fails loudly")]

use dnsweep_samples::damage::{
    break_chunk_header_checksum, break_chunk_magic, break_file_header_checksum, chunk_count, chunk_offset,
    destroy_file_header, flip_record_byte, record_offset, record_offsets, repair_chunk_checksums,
    truncate_in_chunk, zero_chunk, zero_record_size,
};
use dnsweep_samples::{CHUNK_SIZE, Event, FIRST_RECORD, HEADER_SIZE, LogWriter, Style};

/// Makes a log of three chunks with four records each.
fn log() -> Vec<u8> {
    let mut writer = LogWriter::new(Style::Live);
    for record in 0..12 {
        let event = Event::dns_query("example.com", r"C:\a.exe").numbered(record);
        assert!(writer.push(&event).is_ok());
        if record % 4 == 3 {
            writer.end_chunk();
        }
    }
    writer.finish()
}

/// Returns the offsets of the bytes that differ between a log before and after damage.
fn changed(before: &[u8], after: &[u8]) -> Vec<usize> {
    assert_eq!(before.len(), after.len());
    before.iter().zip(after).enumerate().filter(|(_, (one, other))| one != other).map(|(at, _)| at).collect()
}

fn checksums_hold(log: &[u8], chunk: usize) -> (bool, bool) {
    let chunk = &log[chunk_offset(chunk)..][..CHUNK_SIZE];
    let number = |at: usize| u32::from_le_bytes(chunk[at..at + 4].try_into().unwrap());
    let header = [&chunk[..120], &chunk[128..512]].concat();
    let free = usize::try_from(number(48)).unwrap();
    (crc32fast::hash(&header) == number(124), crc32fast::hash(&chunk[FIRST_RECORD..free]) == number(52))
}

#[test]
fn a_sound_log_is_found_sound() {
    let log = log();
    assert_eq!(chunk_count(&log), 3);
    for chunk in 0..3 {
        assert_eq!(record_offsets(&log, chunk).len(), 4);
        assert_eq!(checksums_hold(&log, chunk), (true, true));
    }
}

#[test]
fn truncation_keeps_the_stated_bytes() {
    let (before, mut after) = (log(), log());
    truncate_in_chunk(&mut after, 1, 1000).unwrap();
    assert_eq!(after.len(), HEADER_SIZE + CHUNK_SIZE + 1000);
    assert!(before.starts_with(&after));
    assert!(truncate_in_chunk(&mut after, 1, 10).is_err(), "the chunk is not whole any more");
}

#[test]
fn a_broken_signature_is_eight_bytes() {
    let (before, mut after) = (log(), log());
    break_chunk_magic(&mut after, 1).unwrap();
    let start = chunk_offset(1);
    assert!(changed(&before, &after).iter().all(|at| (start..start + 8).contains(at)));
    assert_ne!(&after[start..start + 8], b"ElfChnk\0");
    assert!(break_chunk_magic(&mut after, 3).is_err());
}

#[test]
fn a_broken_header_checksum_leaves_the_records_sound() {
    let (before, mut after) = (log(), log());
    break_chunk_header_checksum(&mut after, 2).unwrap();
    assert_eq!(changed(&before, &after), [chunk_offset(2) + 124]);
    assert_eq!(checksums_hold(&after, 2), (false, true));
    break_file_header_checksum(&mut after).unwrap();
    assert_eq!(changed(&before, &after), [124, chunk_offset(2) + 124]);
}

#[test]
fn a_flipped_byte_breaks_the_checksum_of_the_records_until_repaired() {
    let (before, mut after) = (log(), log());
    flip_record_byte(&mut after, 1, 2, 40).unwrap();
    assert_eq!(changed(&before, &after), [record_offset(&before, 1, 2).unwrap() + 40]);
    assert_eq!(checksums_hold(&after, 1), (true, false));
    repair_chunk_checksums(&mut after, 1).unwrap();
    assert_eq!(checksums_hold(&after, 1), (true, true));
}

#[test]
fn a_size_of_zero_ends_the_walk() {
    let mut log = log();
    zero_record_size(&mut log, 0, 2).unwrap();
    assert_eq!(record_offsets(&log, 0).len(), 2);
    assert_eq!(record_offsets(&log, 1).len(), 4);
    assert!(zero_record_size(&mut log, 0, 4).is_err());
}

#[test]
fn a_destroyed_file_header_says_nothing() {
    let (before, mut after) = (log(), log());
    destroy_file_header(&mut after);
    assert!(after[..HEADER_SIZE].iter().all(|byte| *byte == 0));
    assert_eq!(before[HEADER_SIZE..], after[HEADER_SIZE..]);
}

#[test]
fn a_zeroed_chunk_is_all_zeros() {
    let (before, mut after) = (log(), log());
    zero_chunk(&mut after, 1).unwrap();
    assert!(after[chunk_offset(1)..chunk_offset(2)].iter().all(|byte| *byte == 0));
    assert_eq!(before[..chunk_offset(1)], after[..chunk_offset(1)]);
    assert_eq!(before[chunk_offset(2)..], after[chunk_offset(2)..]);
}
