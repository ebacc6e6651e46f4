//! The table of all DNS queries.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;

use common::Scene;
use common::logs::{harmless, log, matching, styled};
use dnsweep_samples::{Event, LogWriter, Style};
use serde_json::Value;

const SECOND: u64 = 10_000_000;

#[test]
fn each_query_has_a_row_in_the_order_of_computer_and_time() {
    let scene = Scene::new();
    let time = Event::dns_query("a", "a").time;
    let at = |event: Event, seconds: u64| event.at(time + seconds * SECOND);
    let b = [at(harmless(1).on("b"), 5), at(matching(2).on("b"), 3)];
    scene.put("1.evtx", &log(&[b.as_slice(), &[Event::process_create("a", "a", "a").numbered(3)]].concat()));
    // Copies of both, and a query of another computer, in a log that they were forwarded to.
    scene.put("2.evtx", &styled(Style::Forwarded, &[&[at(harmless(7).on("A"), 9)], b.as_slice()].concat()));
    let swept = scene.sweep(&["--queries", "--quiet"]).expect(0);
    let rows = swept.rows("queries");
    let row = |row: &Value| {
        let text = |column: &str| row[column].as_str().unwrap().to_owned();
        (
            text("computer"),
            row["event_record_id"].as_i64().unwrap(),
            text("source_path"),
            row["duplicate"].as_bool().unwrap(),
        )
    };
    let found: Vec<_> = rows.iter().map(row).collect();
    let expected = [
        ("A", 7, "2.evtx", false),
        ("b", 2, "1.evtx", false),
        ("b", 2, "2.evtx", true),
        ("b", 1, "1.evtx", false),
        ("b", 1, "2.evtx", true),
    ];
    let expected =
        expected.map(|(computer, id, path, copy)| (computer.to_owned(), id, path.to_owned(), copy));
    assert_eq!(found, expected);
    // Matches refer to queries by their hash, and are not more than without the table.
    let hashes = swept.column("queries", "event_hash");
    let matches = swept.rows("matches");
    assert_eq!(matches.len(), 2);
    assert!(matches.iter().all(|row| hashes.contains(&row["event_hash"])));
    assert_eq!(swept.run()["totals"]["matches"], 2);
}

#[test]
fn a_deleted_query_has_a_row_unless_it_is_a_copy() {
    let scene = Scene::new();
    let mut writer = LogWriter::new(Style::Live);
    writer.push(&harmless(1)).unwrap();
    writer.end_chunk_leaving(&[harmless(1), harmless(2)]).unwrap();
    scene.put("Sysmon.evtx", &writer.finish());
    let ids = |options: &[&str]| {
        let swept = scene.sweep(&[options, &["--queries", "--quiet", "--force"]].concat()).expect(0);
        let row =
            |row: Value| (row["event_record_id"].as_i64().unwrap(), row["recovered"].as_bool().unwrap());
        let mut ids: Vec<_> = swept.rows("queries").into_iter().map(row).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids(&[]), [(1, false)]);
    assert_eq!(ids(&["--recover"]), [(1, false), (2, true)]);
}

#[test]
fn the_table_does_not_depend_on_threads_and_keeps_to_the_period() {
    let scene = Scene::new();
    let events: Vec<Event> =
        (1..900).map(|number| harmless(number).on(if number % 2 == 0 { "x" } else { "Y" })).collect();
    for name in ["1.evtx", "2.evtx"] {
        scene.put(name, &log(&events));
    }
    let table = |threads: &str| {
        let swept = scene.sweep(&["--queries", "--quiet", "--force", "--threads", threads]).expect(0);
        fs::read(swept.out.join("queries.parquet")).unwrap()
    };
    assert!(table("1") == table("5"));
    let late = scene.sweep(&["--queries", "--quiet", "--force", "--since", "2100-01-01"]).expect(0);
    assert_eq!(late.rows("queries").len(), 0);
}
