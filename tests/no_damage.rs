//! What is no damage is not called damage, such as old chunks in the free space of others or bytes
//! after the last chunk. What is damage is still called so.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use common::logs::{log, matching};
use common::{FinishedSweep, Scene};
use dnsweep_samples::{Event, LogWriter, Style, damage};
use serde_json::{Value, json};

const CHUNK: usize = 65_536;
const HEADER: usize = 4096;

/// Makes an exported log that was closed cleanly. It has `count` chunks with one match in each,
/// numbered from 1.
fn log_of_chunks(count: u64) -> Vec<u8> {
    let mut writer = LogWriter::new(Style::Export);
    for number in 1..=count {
        writer.push(&matching(number).on("A")).unwrap();
        writer.end_chunk();
    }
    writer.finish()
}

/// Makes a 64 KiB chunk of a log with matches of these numbers. The header of the first record has
/// the number `first_number`.
fn chunk(first_number: u64, numbers: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    let events: Vec<Event> = numbers.map(|number| matching(number).on("A")).collect();
    let mut writer = LogWriter::new(Style::Live).first_number(first_number);
    writer.push_all(&events).unwrap();
    writer.finish()[HEADER..HEADER + CHUNK].to_vec()
}

/// Makes a log of four chunks. In the chunk with the index `place`, the bytes from offset `at` on
/// are replaced by the start of `old`, an old chunk, which then lies in free space.
fn log_with_old_chunk(place: usize, at: usize, old: &[u8]) -> Vec<u8> {
    let mut bytes = log_of_chunks(4);
    let start = damage::chunk_offset(place);
    bytes[start + at..start + CHUNK].copy_from_slice(&old[..CHUNK - at]);
    bytes
}

fn numbers(swept: &FinishedSweep, recovered: bool) -> Vec<u64> {
    let rows = swept.rows("matches").into_iter().filter(|row| row["recovered"] == recovered);
    rows.map(|row| row["event_record_id"].as_u64().unwrap()).collect()
}

/// Returns, for each note that the ledger has on a file, the offset, the length and the first
/// words.
fn notes(file: &Value) -> Vec<(usize, usize, String)> {
    let number = |note: &Value, name: &str| usize::try_from(note[name].as_u64().unwrap()).unwrap();
    let of = |note: &Value| {
        let text: Vec<&str> = note["note"].as_str().unwrap().split([':', ' ']).take(2).collect();
        (number(note, "offset"), number(note, "length"), text.join(" "))
    };
    file["notes"].as_array().unwrap().iter().map(of).collect()
}

/// Returns the sizes in bytes of the parts of a log, as the ledger states them: good, empty,
/// damaged, trailing. With the file header, they are the whole file.
#[track_caller]
fn parts(file: &Value) -> [usize; 4] {
    let part = |name: &str| usize::try_from(file[format!("{name}_bytes")].as_u64().unwrap()).unwrap();
    let parts = ["good", "empty", "damaged", "trailing"].map(part);
    assert_eq!(file["size"], json!(part("header") + parts.iter().sum::<usize>()));
    parts
}

/// Sweeps one log in several ways, which must give the same result and end with the exit status
/// `status`.
#[track_caller]
fn sweep(bytes: &[u8], status: i32) -> (Scene, FinishedSweep) {
    let scene = Scene::new();
    scene.put("A/x.evtx", bytes);
    let swept = |options: &[&str]| scene.sweep(&[&["--force", "--recover"], options].concat()).expect(status);
    let first = swept(&["--readers", "1"]).tables();
    let swept = swept(&["--threads", "3"]);
    assert!(swept.tables() == first);
    (scene, swept)
}

#[test]
fn an_old_chunk_in_the_free_space_of_an_intact_one_is_deleted_data() {
    let old = chunk(1, 501..=530);
    // The old chunk lies at any byte, in any chunk including the last.
    for (place, at) in [(0, 32_784), (1, 30_001), (2, 20_000), (3, 32_784)] {
        let (scene, swept) = sweep(&log_with_old_chunk(place, at, &old), 0);
        let file = swept.file("A/x.evtx");
        assert_eq!((&file["status"], &file["problems"]), (&json!("complete"), &json!([])), "{place}");
        assert_eq!(parts(&file), [4 * CHUNK, 0, 0, 0]);
        let expected = (damage::chunk_offset(place) + at, CHUNK - at, "deleted chunk".to_owned());
        assert_eq!(notes(&file), [expected]);
        assert_eq!((numbers(&swept, false), &file["records"]), (vec![1, 2, 3, 4], &json!(4)), "{place}");
        // All its records lie before the end of the chunk that contains it.
        assert_eq!(numbers(&swept, true), (501..=530).collect::<Vec<_>>(), "{place}");
        let rows = swept.rows("matches").into_iter().filter(|row| row["recovered"] == true);
        assert!(rows.clone().all(|row| row["chunk_number"] == place));
        assert!(rows.clone().all(|row| row["record_offset"].as_u64() > Some(expected_start(place, at))));
        let plain = scene.sweep(&["--force"]).expect(0);
        assert_eq!(notes(&plain.file("A/x.evtx")), notes(&file), "without --recover, too");
        assert_eq!(plain.rows("matches").len(), 4);
    }
}

fn expected_start(place: usize, at: usize) -> u64 {
    (damage::chunk_offset(place) + at) as u64
}

#[test]
fn an_old_chunk_before_places_that_were_never_used_is_deleted_data() {
    let mut bytes = log_with_old_chunk(3, 32_784, &chunk(1, 501..=530));
    for zeros in [2 * CHUNK, 61_440] {
        bytes.resize(bytes.len() + zeros, 0);
        let (_scene, swept) = sweep(&bytes, 0);
        assert_eq!(numbers(&swept, false), [1, 2, 3, 4]);
        assert_eq!(numbers(&swept, true).len(), 30, "{zeros}");
    }
}

#[test]
fn several_old_chunks_in_one_free_space_are_distinguished() {
    let mut bytes = log_with_old_chunk(1, 10_000, &chunk(1, 501..=510));
    let start = damage::chunk_offset(1) + 40_000;
    bytes[start..damage::chunk_offset(2)].copy_from_slice(&chunk(1, 601..=604)[..CHUNK - 40_000]);
    // There is also the header of a third chunk, which is not complete.
    let last = damage::chunk_offset(1) + 60_000;
    bytes[last..last + 8].copy_from_slice(b"ElfChnk\0");
    let (_scene, swept) = sweep(&bytes, 0);
    assert_eq!(numbers(&swept, true), (501..=510).chain(601..=604).collect::<Vec<_>>());
    let places: Vec<(usize, usize)> =
        notes(&swept.file("A/x.evtx")).into_iter().map(|(start, length, _)| (start, length)).collect();
    assert_eq!(places, [(damage::chunk_offset(1) + 10_000, 30_000), (start, 20_000), (last, 512)]);
}

#[test]
fn a_chunk_that_begins_early_is_a_part_of_the_log() {
    // Bytes were removed from the free space of a chunk, all of whose records remain. So the next
    // chunk begins inside the place of this one.
    for chunks in [2, 3, 6] {
        for (place, lost) in [(0, 40_000), (0, 3), (0, 4096), (chunks - 2, 30_000)] {
            let mut bytes = log_of_chunks(chunks as u64);
            let end = damage::chunk_offset(place + 1);
            bytes.drain(end - lost..end);
            let (_scene, swept) = sweep(&bytes, 3);
            assert_eq!(
                numbers(&swept, false),
                (1..=chunks as u64).collect::<Vec<_>>(),
                "{chunks} {place} {lost}"
            );
            assert_eq!(notes(&swept.file("A/x.evtx")), []);
        }
    }
}

#[test]
fn a_chunk_with_which_the_log_continues_is_a_part_of_it_wherever_it_lies() {
    // 64 KiB were removed, so that the chunks after the gap lie in their places again. In the
    // second case, the log ends after the chunk.
    for chunks in [4, 2] {
        let mut bytes = log_of_chunks(chunks);
        let second = damage::chunk_offset(1);
        bytes.drain(second - 40_000..second + CHUNK - 40_000);
        let moved = log_of_chunks(chunks)[second..second + 40_000].to_vec();
        bytes[second - 40_000..second].copy_from_slice(&moved);
        let (_scene, swept) = sweep(&bytes, 3);
        assert_eq!(numbers(&swept, false), (1..=chunks).collect::<Vec<_>>());
        // Whoever forges its numbers can make the chunk look deleted, as they could overwrite it.
        // The note still says where it lies.
        for id in [8, 16, 24, 32] {
            bytes[second - 40_000 + id..][..8].copy_from_slice(&900_u64.to_le_bytes());
        }
        let header = bytes[second - 40_000..second - 40_000 + 512].to_vec();
        let sum = crc32fast::hash(&[&header[..120], &header[128..]].concat());
        bytes[second - 40_000 + 124..][..4].copy_from_slice(&sum.to_le_bytes());
        // The file's header still counts all chunks.
        let (_scene, swept) = sweep(&bytes, 3);
        assert_eq!(numbers(&swept, true), [2]);
        assert_eq!(notes(&swept.file("A/x.evtx")).len(), 1);
    }
}

#[test]
fn a_chunk_whose_checksums_do_not_hold_is_ended_by_another() {
    let mut bytes = log_with_old_chunk(1, 30_001, &chunk(1, 501..=505));
    bytes[damage::chunk_offset(1) + 600] ^= 1;
    let (_scene, swept) = sweep(&bytes, 3);
    assert!(numbers(&swept, false).ends_with(&[501, 502, 503, 504, 505, 3, 4]));
    assert_eq!(notes(&swept.file("A/x.evtx")), []);
}

#[test]
fn zeros_after_the_last_chunk_are_not_a_chunk_that_was_cut_off() {
    for style in [Style::Export, Style::Live] {
        let mut writer = LogWriter::new(style);
        writer.push(&matching(1)).unwrap();
        let mut bytes = writer.finish();
        bytes.resize(bytes.len() + 2 * CHUNK + 61_440, 0);
        let (_scene, swept) = sweep(&bytes, 0);
        let file = swept.file("A/x.evtx");
        assert_eq!((&file["status"], &file["problems"]), (&json!("complete"), &json!([])));
        assert_eq!(parts(&file), [CHUNK, 2 * CHUNK, 0, 61_440]);
    }
    // If the header of a log that was closed cleanly counts that chunk, it is missing.
    let mut bytes = log_of_chunks(3);
    let cut = damage::chunk_offset(2);
    bytes.truncate(cut + 5000);
    bytes[cut..].fill(0);
    let (_scene, swept) = sweep(&bytes, 3);
    let problems = &swept.file("A/x.evtx")["problems"];
    assert_eq!(problems.as_array().unwrap().len(), 1);
    assert!(problems[0]["problem"].as_str().unwrap().contains("3 chunks, found 2"), "{problems}");
}

/// Makes bytes that are no part of a log.
fn foreign(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at % 251 + 1).unwrap()).collect()
}

#[test]
fn bytes_after_the_chunks_that_a_clean_header_counts_are_no_damage() {
    for (zeros, length) in [(0, CHUNK), (0, 3 * CHUNK), (0, 700), (CHUNK, 2 * CHUNK + 5), (0, 130 * CHUNK)] {
        let mut bytes = log_of_chunks(3);
        bytes.resize(bytes.len() + zeros, 0);
        let start = bytes.len();
        bytes.extend(foreign(length));
        let (_scene, swept) = sweep(&bytes, 0);
        let file = swept.file("A/x.evtx");
        assert_eq!((&file["status"], &file["damaged_chunks"]), (&json!("complete"), &json!(0)), "{length}");
        assert_eq!(parts(&file), [3 * CHUNK, zeros, 0, length]);
        assert_eq!(notes(&file), [(start, length, "no part".to_owned())]);
    }
}

#[test]
fn a_chunk_after_those_that_a_clean_header_counts_is_read_and_reported() {
    let mut bytes = log_of_chunks(3);
    bytes.extend(chunk(1, 7..=7));
    let (_scene, swept) = sweep(&bytes, 0);
    assert_eq!(numbers(&swept, false), [1, 2, 3, 7]);
    let after = damage::chunk_offset(3);
    assert_eq!(notes(&swept.file("A/x.evtx")), [(after, CHUNK, "chunks after".to_owned())]);
}

#[test]
fn bytes_after_the_chunks_of_a_header_that_cannot_know_are_damage() {
    let log = |dirty: bool| {
        let mut writer = LogWriter::new(Style::Export).dirty(dirty);
        for number in 1..=3 {
            writer.push(&matching(number)).unwrap();
            writer.end_chunk();
        }
        let mut bytes = writer.finish();
        bytes.extend(foreign(CHUNK));
        bytes
    };
    // The logs: one that was in use, one whose header has a wrong checksum, and one whose header
    // has none.
    let mut broken = log(false);
    broken[42] ^= 7;
    let mut unchecked = log(false);
    unchecked[120] |= 4;
    // The last chunk that the header counts has a destroyed signature; and there is a chunk that it
    // does not count.
    let mut lost = log(false);
    lost[damage::chunk_offset(2)] ^= 1;
    let mut more = log(false);
    more.extend(chunk(1, 7..=7));
    let mut off_grid = log(false);
    off_grid.extend(foreign(CHUNK));
    let at = damage::chunk_offset(3) + 777;
    off_grid[at..at + CHUNK].copy_from_slice(&chunk(1, 7..=7));
    for (bytes, found, damaged) in [
        (log(true), vec![1, 2, 3], CHUNK),
        (broken, vec![1, 2, 3], CHUNK),
        (unchecked, vec![1, 2, 3], CHUNK),
        (lost, vec![1, 2], CHUNK),
        (more, vec![1, 2, 3, 7], CHUNK),
        (off_grid, vec![1, 2, 3, 7], CHUNK),
    ] {
        let (_scene, swept) = sweep(&bytes, 3);
        assert_eq!(numbers(&swept, false), found);
        assert_eq!(parts(&swept.file("A/x.evtx"))[2], damaged);
    }
}

#[test]
fn a_record_after_bytes_that_were_put_in_is_found_up_to_the_last_one_that_the_header_counts() {
    let events: Vec<Event> = (1..=60).map(|number| matching(number).on("A")).collect();
    let whole = log(&events);
    let records = damage::record_offsets(&whole, 0);
    for (record, bytes) in [(20, 4096), (3, 1), (30, 20_000), (58, 700)] {
        let mut damaged = whole.clone();
        let at = records[record] + 40;
        damaged.splice(at..at, foreign(bytes));
        let (_scene, swept) = sweep(&damaged, 3);
        let expected: Vec<u64> = (1..=60).filter(|number| *number != record as u64 + 1).collect();
        assert_eq!(numbers(&swept, false), expected, "{record}");
        // The reported ranges cover all of the chunk after that record, except what was read as
        // records.
        let problems = swept.file("A/x.evtx")["problems"].as_array().unwrap().clone();
        let end = |problem: &Value| problem["offset"].as_u64().unwrap() + problem["length"].as_u64().unwrap();
        let chunk_end = (HEADER + CHUNK) as u64;
        assert!(problems.iter().any(|problem| end(problem) == chunk_end), "{problems:?}");
    }
}
