//! Logs that are broken inside, or that have an unusual layout that other readers cannot handle.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::BTreeSet;

use common::logs::{POWERSHELL, chunks_of, harmless, log, log_of, matching, styled};
use common::truth::SEED_ID;
use common::{FinishedSweep, Scene};
use dnsweep_samples::{DataValue, Event, LogWriter, Style, corpus, damage};
use serde_json::{Value, json};

const STYLES: [Style; 3] = [Style::Export, Style::Live, Style::Forwarded];

/// Sweeps a log, `ODD/x.evtx`, next to a log without damage. Fails unless the sweep ends with the
/// exit status `status`.
#[track_caller]
fn sweep_log(bytes: &[u8], status: i32) -> (Scene, FinishedSweep) {
    let scene = Scene::new();
    scene.put("ODD/x.evtx", bytes);
    scene.put("SOUND/Sysmon.evtx", &log_of("SOUND"));
    let swept = scene.sweep(&[]).expect(status);
    let sound = swept.file("SOUND/Sysmon.evtx");
    assert_eq!((&sound["status"], &sound["matches"]), (&json!("complete"), &json!(1)));
    (scene, swept)
}

/// Returns the matches of the log `ODD/x.evtx`.
fn matches(swept: &FinishedSweep) -> Vec<Value> {
    swept.rows("matches").into_iter().filter(|row| row["evidence"] == "ODD").collect()
}

fn ids(swept: &FinishedSweep) -> Vec<i64> {
    matches(swept).iter().map(|row| row["event_record_id"].as_i64().unwrap()).collect()
}

/// Fails unless the ledger's row of the log `ODD/x.evtx` lists a problem with this range and text.
#[track_caller]
fn assert_problem(swept: &FinishedSweep, offset: usize, length: usize, text: &str) {
    let row = swept.file("ODD/x.evtx");
    assert_eq!(row["status"], "damaged");
    let found = row["problems"].as_array().unwrap().iter().any(|problem| {
        problem["offset"] == offset
            && problem["length"] == length
            && problem["problem"].as_str().unwrap().contains(text)
    });
    assert!(found, "{text} at {offset}, {length} bytes: {:#?}", row["problems"]);
}

/// Returns the offset of the free space in the chunk with the index `chunk`, as the chunk's header
/// states it.
fn free_space(bytes: &[u8], chunk: usize) -> usize {
    let at = damage::chunk_offset(chunk) + 48;
    u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap()).try_into().unwrap()
}

/// Makes a log of three chunks with ten matches each, numbered from 1.
fn three_chunks() -> Vec<u8> {
    chunks_of(&[1..=10, 11..=20, 21..=30])
}

#[test]
fn a_chunk_without_signature_is_lost_and_no_other() {
    let mut bytes = three_chunks();
    damage::break_chunk_magic(&mut bytes, 1).unwrap();
    let (_scene, swept) = sweep_log(&bytes, 3);
    assert_eq!(ids(&swept), (1..=10).chain(21..=30).collect::<Vec<_>>());
    assert_problem(&swept, 4096 + 65_536, 65_536, "found \"BadChunk\"");
    let row = swept.file("ODD/x.evtx");
    assert_eq!((&row["chunks"], &row["damaged_chunks"], &row["records"]), (&json!(3), &json!(1), &json!(20)));
}

#[test]
fn neighbouring_chunks_without_signature_are_one_problem() {
    let mut bytes = three_chunks();
    damage::break_chunk_magic(&mut bytes, 1).unwrap();
    damage::break_chunk_magic(&mut bytes, 2).unwrap();
    let (_scene, swept) = sweep_log(&bytes, 3);
    assert_problem(&swept, 4096 + 65_536, 2 * 65_536, "chunk signature");
    assert_eq!(swept.file("ODD/x.evtx")["damaged_chunks"], 2);
}

#[test]
fn bad_checksums_are_reported_and_lose_nothing() {
    let all: Vec<i64> = (1..=30).collect();
    let mut bytes = three_chunks();
    damage::break_chunk_header_checksum(&mut bytes, 1).unwrap();
    let (_scene, swept) = sweep_log(&bytes, 3);
    assert_eq!(ids(&swept), all);
    assert_problem(&swept, 4096 + 65_536, 512, "chunk header checksum");

    let mut bytes = three_chunks();
    // The stored checksum itself changes, 52 bytes into the chunk's header. So the header's own
    // checksum is wrong, too.
    bytes[damage::chunk_offset(2) + 52] ^= 1;
    let (_scene, swept) = sweep_log(&bytes, 3);
    assert_eq!(ids(&swept), all);
    let length = free_space(&bytes, 2) - 512;
    assert_problem(&swept, damage::chunk_offset(2) + 512, length, "checksum of the chunk's records");
    // No end of the records fits that checksum, so only a wrong header states where they end.
    assert_problem(&swept, damage::chunk_offset(2), 65_536, "chunk header checksum");

    let mut bytes = three_chunks();
    damage::break_file_header_checksum(&mut bytes).unwrap();
    let (_scene, swept) = sweep_log(&bytes, 3);
    assert_eq!(ids(&swept), all);
    assert_problem(&swept, 0, 4096, "file header checksum");
    assert_eq!(swept.file("ODD/x.evtx")["damaged_chunks"], 0);
}

#[test]
fn a_destroyed_file_header_loses_nothing() {
    let mut bytes = three_chunks();
    damage::destroy_file_header(&mut bytes);
    let (_scene, swept) = sweep_log(&bytes, 3);
    assert_eq!(ids(&swept), (1..=30).collect::<Vec<_>>());
    assert_problem(&swept, 0, 4096, "file signature");
    assert_eq!(swept.file("ODD/x.evtx")["dirty"], false);
}

#[test]
fn a_record_of_size_zero_hides_no_later_record() {
    for (record, lost) in [(0, 11), (4, 15), (9, 20)] {
        let mut bytes = three_chunks();
        let place = damage::record_offset(&bytes, 1, record).unwrap();
        let next = damage::record_offset(&bytes, 1, record + 1)
            .unwrap_or(damage::chunk_offset(1) + free_space(&bytes, 1));
        damage::zero_record_size(&mut bytes, 1, record).unwrap();
        let (_scene, swept) = sweep_log(&bytes, 3);
        let found: BTreeSet<i64> = ids(&swept).into_iter().collect();
        let missing: Vec<i64> = (1..=30).filter(|id| !found.contains(id)).collect();
        // The first record of a chunk defines the templates of those after it. The definition is
        // still there, so they can be read without the record.
        assert_eq!(missing, [lost], "record {record}");
        assert_problem(&swept, place, next - place, "found 0");
        let row = swept.file("ODD/x.evtx");
        assert_eq!((&row["refound_records"], &row["records"]), (&json!(9 - record), &json!(20 + record)));
    }
}

/// The size in a record's header changes by one bit. A size that became larger reaches over later
/// records; one that became smaller ends within data that later records refer to.
#[test]
fn a_flipped_bit_of_a_records_size_hides_no_record_and_spoils_none() {
    let whole = three_chunks();
    let (_scene, swept) = sweep_log(&whole, 0);
    let marks = |swept: &FinishedSweep| -> Vec<Value> {
        let fields = ["event_record_id", "computer", "event_time", "query_name", "image", "user"];
        matches(swept).iter().map(|row| json!(fields.map(|field| row[field].clone()))).collect()
    };
    let all = marks(&swept);
    for record in [0, 4, 9] {
        let place = damage::record_offset(&whole, 1, record).unwrap();
        let left = damage::chunk_offset(2) - place;
        for bit in 0..16 {
            let mut bytes = whole.clone();
            bytes[place + 4 + bit / 8] ^= 1 << (bit % 8);
            let size = u32::from_le_bytes(bytes[place + 4..][..4].try_into().unwrap()) as usize;
            let (_scene, swept) = sweep_log(&bytes, 3);
            let found = marks(&swept);
            // A size that no record can have is not accepted.
            let is_lost = |row: &Value| !(28..=left).contains(&size) && row[0] == json!(11 + record);
            let expected: Vec<Value> = all.iter().filter(|row| !is_lost(row)).cloned().collect();
            assert_eq!(found, expected, "record {record}, size {size}");
        }
    }
}

#[test]
fn stale_records_after_the_free_space_offset_are_no_events() {
    let mut writer = LogWriter::new(Style::Live);
    writer.push_all(&[harmless(1), harmless(2)]).unwrap();
    writer.end_chunk_leaving(&[matching(900), matching(901)]).unwrap();
    writer.push(&matching(3)).unwrap();
    let (_scene, swept) = sweep_log(&writer.finish(), 0);
    assert_eq!(ids(&swept), [3]);
    let row = swept.file("ODD/x.evtx");
    assert_eq!((&row["records"], &row["last_record_id"]), (&json!(3), &json!(3)));
}

#[test]
fn chunks_beyond_the_headers_count_are_read() {
    // The header of a log in use says one chunk and is dirty. That of a log that was closed says
    // how many chunks there are.
    for (dirty, stale) in [(true, true), (false, true), (true, false), (false, false)] {
        let mut writer = LogWriter::new(Style::Live).dirty(dirty).stale_header(stale);
        for number in 1..=5 {
            writer.push(&matching(number)).unwrap();
            writer.end_chunk();
        }
        writer.add_zeroed_chunks(2);
        let (_scene, swept) = sweep_log(&writer.finish(), 0);
        assert_eq!(ids(&swept), [1, 2, 3, 4, 5]);
        let row = swept.file("ODD/x.evtx");
        assert_eq!(
            (&row["dirty"], &row["chunks"], &row["empty_chunks"]),
            (&json!(dirty), &json!(7), &json!(2))
        );
    }
}

#[test]
fn the_first_record_does_not_decide_what_a_log_is() {
    // A merged or forwarded log begins with other channels, and has Sysmon's events among them.
    for style in STYLES {
        let mut events = vec![Event::logon("user", 3), Event::service_state("a", "running")];
        events.extend([
            matching(3),
            Event::resolver_decoy("pastebin.com", POWERSHELL),
            matching(5),
            harmless(6),
        ]);
        let (_scene, swept) = sweep_log(&styled(style, &events), 0);
        assert_eq!(ids(&swept), [3, 5], "{style:?}");
        let row = swept.file("ODD/x.evtx");
        assert_eq!(
            (&row["records"], &row["sysmon_records"], &row["dns_queries"]),
            (&json!(6), &json!(3), &json!(3))
        );
    }
}

#[test]
fn one_event_reads_the_same_in_every_style() {
    let event = matching(4711).answered("0", "type:  5 a.example;::ffff:192.0.2.7;2001:db8::1;");
    let rows: Vec<Value> = STYLES
        .iter()
        .map(|style| {
            let (_scene, swept) = sweep_log(&styled(*style, std::slice::from_ref(&event)), 0);
            let mut row = matches(&swept).remove(0);
            let raw = row["event_time_raw"].take();
            assert_eq!(raw.as_str().unwrap().len(), if *style == Style::Forwarded { 30 } else { 28 });
            assert_eq!(row["event_hash"].as_str().unwrap().len(), 64);
            row
        })
        .collect();
    assert_eq!(rows[0], rows[1]);
    assert_eq!(rows[0], rows[2]);
    let row = &rows[0];
    assert_eq!(row["image"], POWERSHELL);
    assert_eq!(row["query_status_name"], "ERROR_SUCCESS");
    assert_eq!(row["resolved_ips"], json!(["192.0.2.7", "2001:db8::1"]));
    let answers = json!([
        { "type": "CNAME", "data": "a.example", "cut": false },
        { "type": "A", "data": "192.0.2.7", "cut": false },
        { "type": "AAAA", "data": "2001:db8::1", "cut": false }
    ]);
    assert_eq!(row["answers"], answers);
}

#[test]
fn text_that_markup_splits_comes_out_whole() {
    let image = r"C:\Users\R&D <x> 'y' \AppData\a&b&&c<>.exe";
    let query = "a&b<c>d\"e'.pastebin.com&";
    for style in STYLES {
        let event = Event::dns_query(query, image).with("User", "CORP\\R&D").numbered(1);
        let (_scene, swept) = sweep_log(&styled(style, &[event]), 0);
        let row = matches(&swept).remove(0);
        assert_eq!(
            (row["image"].as_str(), row["query_name"].as_str()),
            (Some(image), Some(query)),
            "{style:?}"
        );
        assert_eq!(row["user"], "CORP\\R&D");
        assert_eq!(row["process_name"], "a&b&&c<>.exe");
    }
}

#[test]
fn values_of_a_log_in_use_end_before_their_nul() {
    // The rule describes the name only if it is exactly cmd.exe; with a NUL after it, it would not
    // match.
    let event = Event::dns_query("pastebin.com", r"C:\Windows\System32\cmd.exe").numbered(1);
    let (_scene, swept) = sweep_log(&log(&[event]), 0);
    let row = matches(&swept).remove(0);
    for (column, value) in
        [("query_name", "pastebin.com"), ("process_name", "cmd.exe"), ("query_status", "0")]
    {
        assert_eq!(row[column], value);
    }
    assert_eq!(row["matched_process"], json!(["cmd.exe"]));
}

#[test]
fn absent_and_empty_values_are_distinguished_where_the_log_does() {
    for style in [Style::Export, Style::Live] {
        let absent = matching(1).without("User").without("QueryResults");
        let empty = matching(2).with("User", "").with("QueryResults", "");
        let (_scene, swept) = sweep_log(&styled(style, &[absent, empty]), 0);
        let rows = matches(&swept);
        assert_eq!((&rows[0]["user"], &rows[0]["query_results"]), (&Value::Null, &Value::Null), "{style:?}");
        assert_eq!((&rows[1]["user"], &rows[1]["query_results"]), (&json!(""), &json!("")), "{style:?}");
        assert!(rows.iter().all(|row| row["answers"] == json!([]) && row["resolved_ips"] == json!([])));
        // An absent or empty column belongs to no row of the detection's own table.
        let stats = swept.rows(&format!("stats/{SEED_ID}"));
        assert_eq!(stats.len(), 1, "only the sound log's");
    }
}

#[test]
fn the_events_own_number_is_reported_and_not_the_records() {
    // An export numbers its records from 1; the events keep their own numbers.
    let mut writer = LogWriter::new(Style::Export);
    writer.push_all(&[matching(30_480), matching(30_481), matching(4_000_000_000_000)]).unwrap();
    let (_scene, swept) = sweep_log(&writer.finish(), 0);
    assert_eq!(ids(&swept), [30_480, 30_481, 4_000_000_000_000]);
    let row = swept.file("ODD/x.evtx");
    assert_eq!(
        (&row["first_record_id"], &row["last_record_id"]),
        (&json!(30_480), &json!(4_000_000_000_000_i64))
    );
}

#[test]
fn several_computers_in_one_log_are_several_hosts() {
    for style in STYLES {
        let events = [
            matching(1).on("A.corp.example"),
            harmless(2).on("B.corp.example"),
            Event::logon("user", 3).on("C.corp.example"),
            matching(4).on(""),
            matching(5).on("A.corp.example"),
        ];
        let (_scene, swept) = sweep_log(&styled(style, &events), 0);
        for (computer, matches, records, verdict) in [
            ("A.corp.example", 2, 2, "matches"),
            ("B.corp.example", 0, 1, "no matches"),
            ("C.corp.example", 0, 1, "no Sysmon"),
            ("", 1, 1, "matches"),
        ] {
            let row = swept.host(computer);
            assert_eq!(
                (&row["matches"], &row["records"]),
                (&json!(matches), &json!(records)),
                "{style:?}: {computer}"
            );
            assert_eq!(
                (&row["verdict"], &row["files"]),
                (&json!(verdict), &json!(1)),
                "{style:?}: {computer}"
            );
            assert_eq!(row["evidence"], json!(["ODD"]));
        }
        let computers = json!(["", "A.corp.example", "B.corp.example", "C.corp.example"]);
        assert_eq!(swept.file("ODD/x.evtx")["computers"], computers);
        assert!(swept.process.stdout.contains("(empty Computer)"), "{}", swept.process.stdout);
    }
}

#[test]
fn one_computer_in_several_pieces_of_evidence_is_one_host() {
    let scene = Scene::new();
    for folder in ["A", "B"] {
        scene.put(&format!("{folder}/x.evtx"), &log_of("SAME"));
    }
    let swept = scene.sweep(&[]).expect(0);
    let row = swept.host("SAME");
    assert_eq!(
        (&row["matches"], &row["files"], &row["evidence"]),
        (&json!(2), &json!(2), &json!(["A", "B"]))
    );
}

#[test]
fn values_that_are_no_plain_text_do_not_stop_a_sweep() {
    let odd = [
        // An unpaired surrogate, such as a program may query.
        matching(1)
            .with("QueryName", DataValue::Units("pastebin".encode_utf16().chain([0xd800, 0x41]).collect())),
        matching(2).with("ProcessId", DataValue::Null),
        matching(3).with("ProcessGuid", DataValue::Null).with("UtcTime", "-"),
        matching(4).with("QueryStatus", DataValue::U32(9003)),
        matching(5).with("ProcessId", "not a number"),
    ];
    let (_scene, swept) = sweep_log(&styled(Style::Export, &odd), 0);
    let rows = matches(&swept);
    assert_eq!(ids(&swept), [1, 2, 3, 4, 5]);
    assert!(rows[0]["query_name"].as_str().unwrap().starts_with("pastebin"));
    assert_eq!((&rows[1]["process_id"], &rows[4]["process_id"]), (&Value::Null, &Value::Null));
    assert_eq!(rows[2]["utc_time"], Value::Null);
    assert_eq!(
        (&rows[3]["query_status"], &rows[3]["query_status_name"]),
        (&json!("9003"), &json!("DNS_ERROR_RCODE_NAME_ERROR"))
    );
}

#[test]
fn a_log_of_several_blocks_is_the_same_on_any_number_of_threads() {
    let scene = Scene::new();
    let pool = corpus::Pool::new(corpus::Corpus::Dense).unwrap();
    let mut bytes = Vec::new();
    let written = pool.write_log(&mut bytes, 7, 300).unwrap();
    damage::break_chunk_magic(&mut bytes, 16).unwrap();
    damage::break_chunk_magic(&mut bytes, 133).unwrap();
    let lost: usize =
        [16, 133].iter().map(|chunk| damage::record_offsets(&pool.log(7, 300), *chunk).len()).sum();
    scene.put("BIG/x.evtx", &bytes);
    scene.put("SMALL/x.evtx", &log_of("SMALL"));
    let one = scene.sweep(&["--threads", "1"]).expect(3).tables();
    let swept = scene.sweep(&["--threads", "8", "--force"]).expect(3);
    assert!(one == swept.tables());
    let row = swept.file("BIG/x.evtx");
    assert_eq!(row["dns_queries"], written.dns_queries - lost as u64);
    assert_eq!(
        (&row["chunks"], &row["damaged_chunks"], &row["empty_chunks"]),
        (&json!(300), &json!(2), &json!(0))
    );
    let offsets: Vec<i64> =
        swept.column("matches", "record_offset").iter().map(|at| at.as_i64().unwrap()).collect();
    let big = &offsets[..offsets.len() - 1];
    assert!(
        big.is_sorted() && big.len() as u64 > written.matches / 2,
        "{} of {}",
        big.len(),
        written.matches
    );
}

#[test]
fn a_detections_own_table_of_many_rows_is_sorted_and_whole_on_any_number_of_threads() {
    // There are several times as many rows as one thread makes at a time. Each query has a row of
    // its own, except two that are equal.
    const QUERIES: u64 = 10_000;
    let name = |number: u64| format!("{:05}.pastebin.com", number * 7_919 % QUERIES);
    let query = |number: u64| Event::dns_query(&name(number), POWERSHELL).numbered(number + 1).on("A");
    let mut events: Vec<Event> = (0..QUERIES).map(query).collect();
    events.push(Event::dns_query(&name(3), POWERSHELL).numbered(QUERIES + 1).on("A"));
    let scene = Scene::new();
    scene.put("A/x.evtx", &log(&events));
    let mut tables = Vec::new();
    for threads in ["1", "3"] {
        let swept = scene.sweep(&["--threads", threads, "--force"]).expect(0);
        let rows = swept.rows(&format!("stats/{SEED_ID}"));
        let names: Vec<String> =
            rows.iter().map(|row| row["QueryName"].as_str().unwrap().to_owned()).collect();
        let expected: Vec<String> = (0..QUERIES).map(|number| format!("{number:05}.pastebin.com")).collect();
        assert!(names == expected);
        let count: u64 = rows.iter().map(|row| row["count"].as_u64().unwrap()).sum();
        assert_eq!(count, QUERIES + 1);
        tables.push(swept.tables());
    }
    assert!(tables[0] == tables[1]);
}
