//! Each match has an integrity: whether the checksums of its chunk are right.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use common::logs::{harmless, matching};
use common::{FinishedSweep, Scene};
use dnsweep_samples::{CHUNK_SIZE, Event, LogWriter, Style, damage, event_xml};
use serde_json::{Value, json};

/// The offset, in a chunk's header, of the flags.
const FLAGS: usize = 120;
/// The flag in a chunk's header that says that the chunk has no checksums.
const NO_CHECKSUMS: u8 = 4;

/// Makes a log of this number of chunks. Each has three records, of which the second is a match,
/// numbered from 2 in steps of ten. Deleted records lie after those of the last chunk.
fn log(chunks: u64) -> Vec<u8> {
    let mut writer = LogWriter::new(Style::Export);
    for chunk in 0..chunks {
        let number = 10 * chunk;
        let events = [harmless(number + 1), matching(number + 2), harmless(number + 3)];
        writer.push_all(&events.map(|event| event.on("A"))).unwrap();
        if chunk + 1 < chunks {
            writer.end_chunk();
        } else {
            writer.end_chunk_leaving(&[matching(number + 4).on("A")]).unwrap();
        }
    }
    writer.finish()
}

/// Returns the EventRecordID and the integrity of each match.
fn marks(swept: &FinishedSweep) -> Vec<(u64, String)> {
    let mark = |row: Value| {
        (row["event_record_id"].as_u64().unwrap(), row["integrity"].as_str().unwrap().to_owned())
    };
    swept.rows("matches").into_iter().map(mark).collect()
}

fn marked(marks: &[(u64, &str)]) -> Vec<(u64, String)> {
    marks.iter().map(|(number, mark)| (*number, (*mark).to_owned())).collect()
}

#[test]
fn a_match_is_marked_if_anything_is_wrong_with_its_chunk() {
    let mut bytes = log(6);
    // What is changed: a byte of another record, a byte of the header, the size of the record
    // before, and the flag that the chunk has no checksums.
    damage::flip_record_byte(&mut bytes, 1, 2, 90).unwrap();
    damage::break_chunk_header_checksum(&mut bytes, 2).unwrap();
    damage::zero_record_size(&mut bytes, 3, 0).unwrap();
    damage::repair_chunk_checksums(&mut bytes, 3).unwrap();
    bytes[damage::chunk_offset(4) + FLAGS] |= NO_CHECKSUMS;
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &bytes);
    for options in [&[][..], &["--checksums"], &["--exhaustive"], &["--recover"], &["--readers", "1"]] {
        let swept = scene.sweep(&[options, &["--force"]].concat()).expect(3);
        let mut expected = marked(&[
            (2, "verified"),
            (12, "damaged"),
            (22, "damaged"),
            (32, "damaged"),
            (42, "unverified"),
            (52, "verified"),
        ]);
        if options == ["--recover"] {
            expected.extend(marked(&[(54, "unverified")]));
        }
        assert_eq!(marks(&swept), expected, "{options:?}");
        assert_eq!(swept.host("A")["damaged_matches"], json!(3));
        assert_eq!(swept.run()["totals"]["damaged_matches"], json!(3));
        let stdout = &swept.process.stdout;
        assert!(stdout.contains("6 matches on 1 of 1 host; 3 of them in damaged chunks"), "{stdout}");
    }
}

/// In a chunk without checksums, only the chunk's header states where the records end. It is a
/// problem if that is before records that the chunk has.
#[test]
fn an_end_of_unchecked_records_before_other_records_is_reported() {
    let whole = log(2);
    let chunk = damage::chunk_offset(0);
    let starts = damage::record_offsets(&whole, 0);
    // The offset and length of the bytes that are reported after a wrong end.
    let ending_at = |end: usize, code| {
        let mut bytes = whole.clone();
        bytes[chunk + FLAGS] |= NO_CHECKSUMS;
        bytes[chunk + 48..][..4].copy_from_slice(&u32::try_from(end - chunk).unwrap().to_le_bytes());
        let scene = Scene::new();
        scene.put("A/Sysmon.evtx", &bytes);
        let file = scene.sweep(&[]).expect(code).file("A/Sysmon.evtx");
        let is_of_the_end = |problem: &&Value| {
            problem["problem"].as_str().unwrap().contains("expected the last record's end")
        };
        let problem = file["problems"].as_array().unwrap().iter().find(is_of_the_end).cloned();
        problem.map(|problem| (problem["offset"].as_u64().unwrap(), problem["length"].as_u64().unwrap()))
    };
    // The wrong end lies within each record, at the end of each but the last, and before the first.
    for end in [starts[0] + 100, starts[1] + 100, starts[2] + 100, starts[2], starts[1], starts[0]] {
        let rest = (end as u64, (chunk + CHUNK_SIZE - end) as u64);
        assert_eq!(ending_at(end, 3), Some(rest), "{end}");
    }
    let right = u32::from_le_bytes(whole[chunk + 48..][..4].try_into().unwrap());
    assert_eq!(ending_at(chunk + right as usize, 0), None);
}

#[test]
fn a_chunk_with_missing_bytes_is_damaged_and_a_misaligned_one_is_not() {
    let whole = log(3);
    let scene = Scene::new();
    scene.put("A/cut.evtx", &whole[..whole.len() - 20_000]);
    scene.put("B/shifted.evtx", &whole[4096..]);
    let swept = scene.sweep(&[]).expect(3);
    let cut = [(2, "verified"), (12, "verified"), (22, "damaged")];
    assert_eq!(marks(&swept)[..3], marked(&cut));
    assert_eq!(marks(&swept)[3..], marked(&[(2, "verified"), (12, "verified"), (22, "verified")]));
    // The damaged event is the first of its copies.
    assert_eq!(swept.host("A")["damaged_matches"], json!(1));
    assert_eq!(swept.host("A")["unique_matches"], json!(3));
}

#[test]
fn no_checksum_says_anything_of_event_xml() {
    let scene = Scene::new();
    let lines = [harmless(1), matching(2)].map(|event| event_xml(&event.on("A")) + "\n");
    scene.put("A/events.xml", lines.concat().as_bytes());
    let swept = scene.sweep(&[]).expect(0);
    assert_eq!(marks(&swept), marked(&[(2, "unverified")]));
    assert_eq!(swept.run()["totals"]["damaged_matches"], json!(0));
}

/// Makes a log of one chunk whose first event is no DNS query, and defines the name `Data` that the
/// DNS queries after it refer to. Returns also the offset of that name's text.
fn log_with_a_shared_name() -> (Vec<u8>, usize) {
    let other = Event::process_create("a.exe", "a", "b.exe").numbered(1).on("A");
    let mut writer = LogWriter::new(Style::Live);
    writer.push_all(&[other, matching(2).on("A"), harmless(3).on("A"), matching(4).on("A")]).unwrap();
    let bytes = writer.finish();
    let name: Vec<u8> = [4].into_iter().chain("Data".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let place = bytes.windows(name.len()).position(|bytes| bytes == name).unwrap();
    (bytes, place)
}

#[test]
fn a_query_is_recognised_without_the_names_of_its_elements_and_that_is_reported() {
    let (whole, place) = log_with_a_shared_name();
    // The matches, the number of problems with a text, and the number of queries in the ledger.
    let swept = |overwrite: &dyn Fn(&mut [u8]), options: &[&str], text: &str| {
        let mut bytes = whole.clone();
        overwrite(&mut bytes);
        let scene = Scene::new();
        scene.put("A/Sysmon.evtx", &bytes);
        let swept = scene.sweep(options).expect(3);
        let file = swept.file("A/Sysmon.evtx");
        let problems = file["problems"].as_array().unwrap();
        let said =
            problems.iter().filter(|problem| problem["problem"].as_str().unwrap().contains(text)).count();
        (marks(&swept), said, file["dns_queries"].as_u64().unwrap())
    };
    for options in [&[][..], &["--exhaustive"]] {
        // Other letters, a NUL among them, and a length that reaches over everything.
        for (at, byte) in [(2, b'W'), (4, 0), (1, 0x80)] {
            let swept =
                swept(&|bytes| bytes[place + at] = byte, options, "identified its values by the texts");
            assert_eq!(swept, (marked(&[(2, "damaged"), (4, "damaged")]), 3, 3), "{at} {options:?}");
        }
        // The same happens in a chunk without checksums.
        let unchecked = |bytes: &mut [u8]| {
            bytes[place + 2] = b'W';
            bytes[damage::chunk_offset(0) + FLAGS] |= NO_CHECKSUMS;
        };
        let swept = swept(&unchecked, options, "identified its values by the texts");
        assert_eq!(swept, (marked(&[(2, "unverified"), (4, "unverified")]), 3, 3));
    }
    // If the texts are gone, too, or only one of them, it cannot be known which value is which, and
    // that is reported.
    let text: Vec<u8> = "QueryName".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let text = whole.windows(text.len()).position(|bytes| bytes == text).unwrap();
    let torn = |bytes: &mut [u8]| {
        bytes[place + 2] = b'W';
        bytes[text] = b'X';
    };
    assert_eq!(
        swept(&torn, &[], "found none called UtcTime, ProcessGuid, ProcessId, QueryName, "),
        (vec![], 3, 3)
    );
    assert_eq!(swept(&|bytes| bytes[text] = b'X', &[], "found none called QueryName"), (vec![], 3, 3));
}
