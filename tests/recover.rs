//! Deleted records are found with `--recover`, are marked, and never count as events of a log.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use common::logs::{harmless, matching};
use common::{FinishedSweep, Scene};
use dnsweep_samples::{Event, LogWriter, Style, damage};
use serde_json::{Value, json};

/// Makes a log of two chunks, each with deleted records after its other records. `left` has the
/// events of the deleted records of each chunk.
fn log(style: Style, left: [&[Event]; 2]) -> Vec<u8> {
    let mut writer = LogWriter::new(style);
    writer.push_all(&[harmless(1).on("A"), matching(2).on("A")]).unwrap();
    writer.end_chunk_leaving(left[0]).unwrap();
    writer.push_all(&[matching(3).on("A")]).unwrap();
    writer.end_chunk_leaving(left[1]).unwrap();
    writer.finish()
}

/// Returns the EventRecordID of each row of the table of matches, and whether the row is recovered.
fn rows(swept: &FinishedSweep) -> Vec<(i64, bool)> {
    let row = |row: Value| (row["event_record_id"].as_i64().unwrap(), row["recovered"].as_bool().unwrap());
    swept.rows("matches").into_iter().map(row).collect()
}

#[test]
fn deleted_records_are_marked_and_counted_apart() {
    for style in [Style::Live, Style::Export, Style::Forwarded] {
        let (first, second) = ([matching(901).on("A"), harmless(902).on("A")], [matching(903).on("A")]);
        let scene = Scene::new();
        scene.put("A/x.evtx", &log(style, [&first, &second]));
        let plain = scene.sweep(&[]).expect(0);
        assert_eq!(rows(&plain), [(2, false), (3, false)], "{style:?}");
        let host = plain.host("A");
        let mut tables = Vec::new();
        for threads in ["1", "4"] {
            let swept = scene.sweep(&["--recover", "--force", "--threads", threads]).expect(0);
            assert_eq!(rows(&swept), [(2, false), (3, false), (901, true), (903, true)], "{style:?}");
            let file = swept.file("A/x.evtx");
            assert_eq!((&file["recovered_records"], &file["records"]), (&json!(3), &json!(3)));
            assert_eq!((&file["matches"], &file["last_record_id"]), (&json!(2), &json!(3)));
            let mut with = swept.host("A");
            assert_eq!(with["recovered_matches"].take(), json!(2));
            let mut without = host.clone();
            without["recovered_matches"].take();
            assert_eq!(with, without, "nothing else is said of the host");
            assert!(
                swept.process.stdout.contains("\n2 matches on 1 of 1 host; 2 matches in deleted records\n")
            );
            let run = swept.run();
            assert_eq!(run["totals"]["recovered_matches"], json!(2));
            assert_eq!(run["detections"][0]["recovered_matches"], json!(2));
            tables.push(swept.tables());
        }
        assert!(tables[0] == tables[1]);
        let stats = |tables: &[(String, Vec<u8>)]| {
            tables.iter().find(|(name, _)| name.starts_with("stats/")).unwrap().1.clone()
        };
        assert!(
            stats(&plain_tables(&scene)) == stats(&tables[0]),
            "the detection's own table is of live events"
        );
    }
}

fn plain_tables(scene: &Scene) -> Vec<(String, Vec<u8>)> {
    scene.sweep(&["--force"]).expect(0).tables()
}

#[test]
fn a_deleted_record_appears_once_and_not_beside_a_live_one() {
    let scene = Scene::new();
    // The same deleted record in both chunks and in another file; and one that is also live in a
    // later file.
    let stale = || [matching(901).on("A"), matching(3).on("A"), matching(50).on("B")];
    scene.put("A/x.evtx", &log(Style::Live, [&stale(), &stale()]));
    scene.put("A/y.evtx", &log(Style::Live, [&stale(), &[]]));
    let mut writer = LogWriter::new(Style::Export);
    writer.push_all(&[matching(50).on("B")]).unwrap();
    scene.put("B/z.evtx", &writer.finish());
    let swept = scene.sweep(&["--recover"]).expect(0);
    let recovered: Vec<i64> =
        rows(&swept).into_iter().filter(|(_, recovered)| *recovered).map(|(id, _)| id).collect();
    assert_eq!(recovered, [901]);
    assert_eq!(swept.host("B")["recovered_matches"], json!(0));
}

#[test]
fn a_host_known_from_deleted_records_alone_is_said_to_be() {
    let mut writer = LogWriter::new(Style::Live);
    writer.push_all(&[harmless(1).on("A")]).unwrap();
    writer.end_chunk_leaving(&[matching(901).on("A")]).unwrap();
    let scene = Scene::new();
    scene.put("A/x.evtx", &writer.finish());
    let swept = scene.sweep(&["--recover"]).expect(0);
    assert_eq!(swept.host("A")["verdict"], json!("recovered matches"));
    assert_eq!(scene.sweep(&["--force"]).expect(0).host("A")["verdict"], json!("no matches"));
}

#[test]
fn what_a_cleared_chunk_held_is_found() {
    let events: Vec<Event> = (1..=5).map(|number| matching(number).on("A")).collect();
    let mut writer = LogWriter::new(Style::Live);
    writer.push_all(&events).unwrap();
    writer.end_chunk();
    writer.push_all(&[harmless(9).on("A")]).unwrap();
    let original = writer.finish();
    let start = damage::chunk_offset(0);
    // A chunk whose free space begins where its records did; and one without a header.
    let mut emptied = original.clone();
    emptied[start + 48..start + 52].copy_from_slice(&512_u32.to_le_bytes());
    damage::repair_chunk_checksums(&mut emptied, 0).unwrap();
    let mut headless = original;
    headless[start..start + 512].fill(0);
    for (bytes, status) in [(emptied, 0), (headless, 3)] {
        let scene = Scene::new();
        scene.put("A/x.evtx", &bytes);
        let swept = scene.sweep(&["--recover"]).expect(status);
        assert_eq!(rows(&swept), [(1, true), (2, true), (3, true), (4, true), (5, true)]);
        assert_eq!(swept.file("A/x.evtx")["records"], json!(1));
    }
}

#[test]
fn nothing_is_made_of_what_was_overwritten() {
    // Another machine's definition is where the record's own was: it has another number, or the
    // record is incomplete.
    let scene = Scene::new();
    let mut bytes = log(Style::Live, [&[matching(901).on("A"), matching(902).on("A")], &[]]);
    let places: Vec<usize> = bytes
        .windows(4)
        .enumerate()
        .filter(|(_, window)| *window == [0x2a, 0x2a, 0, 0])
        .map(|(place, _)| place)
        .collect();
    // The third record of the first chunk is the first stale one. Its middle is gone.
    bytes[places[2] + 100..places[2] + 200].fill(0x41);
    scene.put("A/x.evtx", &bytes);
    let swept = scene.sweep(&["--recover"]).expect(0);
    assert_eq!(rows(&swept), [(2, false), (3, false), (902, true)]);
}

/// Makes a log of one chunk that was cleared: all of its records are deleted.
fn cleared(events: &[Event]) -> Vec<u8> {
    let mut writer = LogWriter::new(Style::Live);
    writer.push_all(events).unwrap();
    let mut log = writer.finish();
    let start = damage::chunk_offset(0);
    log[start + 48..start + 52].copy_from_slice(&512_u32.to_le_bytes());
    log
}

#[test]
fn a_deleted_query_is_read_without_the_names_of_its_elements() {
    // The queries' definition refers to a name in the definition of the event before.
    let other = Event::process_create("a.exe", "a", "b.exe").numbered(900).on("A");
    let log = cleared(&[other, matching(901).on("A"), matching(902).on("A")]);
    // The name's length and letters.
    let name: Vec<u8> = [4].into_iter().chain("Data".encode_utf16()).flat_map(u16::to_le_bytes).collect();
    let place = log.windows(name.len()).position(|bytes| bytes == name).unwrap();
    let swept = |overwrite: &dyn Fn(&mut [u8])| {
        let mut bytes = log.clone();
        overwrite(&mut bytes);
        damage::repair_chunk_checksums(&mut bytes, 0).unwrap();
        let scene = Scene::new();
        scene.put("A/x.evtx", &bytes);
        scene.sweep(&["--recover"]).expect(0).rows("matches")
    };
    let whole = swept(&|_| ());
    assert_eq!(whole.iter().map(|row| row["event_record_id"].clone()).collect::<Vec<_>>(), [901, 902]);
    // Zeros, other letters with a NUL among them, and a length that reaches over everything.
    assert_eq!(swept(&|bytes| bytes[place..place + 10].fill(0)), whole);
    assert_eq!(swept(&|bytes| bytes[place + 2] = b'W'), whole);
    assert_eq!(swept(&|bytes| bytes[place + 4] = 0), whole);
    assert_eq!(swept(&|bytes| bytes[place + 1] = 0x80), whole);
    // If the texts of the definition are gone, too, it cannot be known which value is which.
    let text: Vec<u8> = "QueryName".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let text = log.windows(text.len()).position(|bytes| bytes == text).unwrap();
    let torn = |bytes: &mut [u8]| {
        bytes[place + 2] = b'W';
        bytes[text] = b'X';
    };
    assert_eq!(swept(&torn), Vec::<Value>::new());
}
