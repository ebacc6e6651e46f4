//! An event that is found several times is one event, such as in a live log, its export, and a log
//! that it was forwarded to.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;

use common::Scene;
use common::logs::{harmless, log, matching, styled};

use dnsweep_samples::Style;
use serde_json::{Value, json};

/// Makes evidence with the same two matching events of one machine in three logs, and one more
/// event in the last of these.
fn scene() -> Scene {
    let scene = Scene::new();
    let two = || vec![harmless(1).on("A"), matching(2).on("A"), matching(3).on("A")];
    scene.put("A/live.evtx", &log(&two()));
    scene.put("A/save/exported.evtx", &styled(Style::Export, &two()));
    let forwarded: Vec<_> = two().into_iter().chain([matching(4).on("A")]).collect();
    scene.put("C/ForwardedEvents.evtx", &styled(Style::Forwarded, &forwarded));
    scene
}

#[test]
fn copies_are_marked_and_counted_once() {
    let mut outputs = Vec::new();
    for threads in ["1", "2", "8"] {
        let scene = scene();
        let swept = scene.sweep(&["--threads", threads]).expect(0);
        let rows: Vec<(Value, Value)> = swept
            .rows("matches")
            .into_iter()
            .map(|row| (row["event_record_id"].clone(), row["duplicate"].clone()))
            .collect();
        let expected = [(2, false), (3, false), (2, true), (3, true), (2, true), (3, true), (4, false)];
        assert_eq!(rows, expected.map(|(id, copy)| (json!(id), json!(copy))));
        let host = &swept.rows("hosts")[0];
        assert_eq!((&host["matches"], &host["unique_matches"]), (&json!(7), &json!(3)));
        assert_eq!(host["query_names"], json!([{ "value": "pastebin.com", "count": 3 }]));
        // The detection's own table counts each event once, too.
        let stats = fs::read_dir(swept.out.join("stats")).unwrap().next().unwrap().unwrap().path();
        let counts: i64 =
            common::tables::read(&stats).rows.iter().map(|row| row["count"].as_i64().unwrap()).sum();
        assert_eq!(counts, 3);
        let run = swept.run();
        for totals in [&run["totals"], &run["detections"][0]] {
            assert_eq!((&totals["matches"], &totals["unique_matches"]), (&json!(7), &json!(3)));
        }
        assert!(swept.process.stdout.ends_with("\n3 matches on 1 of 1 host; 4 copies of them\n"));
        outputs.push(
            ["matches", "hosts"].map(|table| fs::read(scene.out().join(format!("{table}.parquet"))).unwrap()),
        );
    }
    assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn what_differs_is_no_copy() {
    let scene = Scene::new();
    let events = [
        matching(2).on("A"),
        matching(3).on("A"),
        matching(2).on("B"),
        matching(2).on("A").with("ProcessId", 4242_u32),
    ];
    scene.put("A/x.evtx", &log(&events));
    let swept = scene.sweep(&[]).expect(0);
    assert!(swept.rows("matches").iter().all(|row| row["duplicate"] == json!(false)));
}
