//! The ledger accounts for every byte, and says what is odd about a log: numbers that lack, times that go back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use common::logs::{log, matching, styled};
use common::{Scene, Swept, repository, sweep};
use dnsweep_samples::{Event, LogWriter, Style, time};
use serde_json::{Value, json};

/// Every file of a ledger is accounted for to the byte. Returns how many there are.
fn assert_every_byte_is_accounted_for(swept: &Swept) -> usize {
    let files = swept.rows("files");
    for file in &files {
        let parts = ["header", "good", "empty", "damaged", "trailing", "other", "unread"]
            .map(|part| file[format!("{part}_bytes")].as_u64().unwrap());
        assert_eq!(parts.iter().sum::<u64>(), file["size"].as_u64().unwrap(), "{file}");
        // What is damaged is described by problems that lie in it.
        let is_complete = file["status"] == "complete";
        assert_eq!(is_complete, file["problems"] == json!([]), "{file}");
        if is_complete {
            assert_eq!((parts[3], parts[4], parts[5]), (0, 0, 0), "{file}");
        }
    }
    files.len()
}

/// What is odd about a host, but that its logs were in use: those that are written here as live ones are.
fn findings(host: &Value) -> Value {
    let is_other = |finding: &&Value| !finding.as_str().unwrap().contains("in use when");
    host["findings"].as_array().unwrap().iter().filter(is_other).cloned().collect()
}

#[test]
fn every_byte_of_the_samples_is_accounted_for() {
    for (folder, status) in [("samples/evidence", 0), ("samples/damaged", 3)] {
        let scene = Scene::new();
        let swept = sweep(&[&repository(folder)], &scene.out(), &[]).expect(status);
        assert!(assert_every_byte_is_accounted_for(&swept) > 5);
    }
}

#[test]
fn every_part_of_a_file_has_its_name() {
    let scene = Scene::new();
    let good = log(&[matching(1), matching(2)]);
    let mut parts = good.clone();
    parts.extend(vec![0; 65_536]);
    parts.extend(b"rubbish".iter().cycle().take(65_536));
    parts.extend(&good[4096..4096 + 65_536]);
    parts.extend(&good[4096..4096 + 1000]);
    scene.put("A/parts.evtx", &parts);
    parts.truncate(good.len() + 3 * 65_536);
    parts.extend(b"the end");
    scene.put("A/trailing.evtx", &parts);
    scene.put("A/text.evtx", &[b'x'; 10_000]);
    scene.put("A/empty.evtx", b"");
    scene.put("A/header.evtx", &good[..4096]);
    scene.put("A/short.evtx", &good[..100]);
    let swept = scene.sweep(&[]).expect(3);
    assert_eq!(assert_every_byte_is_accounted_for(&swept), 6);
    let parts = |name: &str| {
        let file = swept.file(&format!("A/{name}.evtx"));
        ["header", "good", "empty", "damaged", "trailing"]
            .map(|part| file[format!("{part}_bytes")].as_u64().unwrap())
    };
    assert_eq!(parts("parts"), [4096, 2 * 65_536, 65_536, 65_536 + 1000, 0]);
    assert_eq!(parts("trailing"), [4096, 2 * 65_536, 65_536, 65_536, 7]);
    assert_eq!(parts("text"), [0, 0, 0, 10_000, 0]);
    assert_eq!(parts("empty"), [0; 5]);
    assert_eq!(parts("header"), [4096, 0, 0, 0, 0]);
    assert_eq!(parts("short")[0], 100);
}

/// 2020-01-01T00:00:00Z.
const START: u64 = 132_223_104_000_000_000;

/// A match with that number, which is also the second it was logged in.
fn at(number: u64) -> Event {
    matching(number).on("A").at(START + number * time::SECOND)
}

/// 2020-01-01T00:00:00Z in the tables' microseconds, and so many seconds later.
fn second(number: u64) -> Value {
    json!(1_577_836_800_000_000 + number * 1_000_000)
}

#[test]
fn numbers_that_lack_are_reported_with_the_events_on_both_sides() {
    for style in [Style::Live, Style::Export, Style::Forwarded] {
        let scene = Scene::new();
        // What a log lacks that was used round: its newest chunk comes first in the file.
        let mut writer = LogWriter::new(style);
        writer.push_all(&[at(20), at(21), at(25)]).unwrap();
        writer.end_chunk();
        writer.push_all(&[at(8), at(9), at(10)]).unwrap();
        scene.put("A/x.evtx", &writer.finish());
        let swept = scene.sweep(&[]).expect(0);
        let gap = |after: u64, before: u64| {
            json!({
                "computer": "A", "channel": "Microsoft-Windows-Sysmon/Operational",
                "after_record_id": after, "after_time": second(after),
                "before_record_id": before, "before_time": second(before),
            })
        };
        let file = swept.file("A/x.evtx");
        assert_eq!(file["record_gaps"], json!([gap(10, 20), gap(21, 25)]), "{style:?}");
        assert_eq!(file["record_gap_count"], json!(2));
        let host = swept.host("A");
        assert_eq!(host["record_gap_count"], json!(2));
        assert_eq!(host["record_gaps"][1]["before_record_id"], json!(25));
        let finding = "Microsoft-Windows-Sysmon/Operational: 12 EventRecordIDs lack in 2 places, the first between \
                       the events of 2020-01-01 00:00:10Z and 2020-01-01 00:00:20Z";
        assert_eq!(findings(&host), json!([finding]));
        let printed = swept.ended.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(printed.contains(&format!("Odd A: {finding}")), "{printed}");
    }
}

#[test]
fn what_one_file_lacks_another_may_hold() {
    let scene = Scene::new();
    scene.put("A/live.evtx", &log(&[at(1), at(2), at(9)]));
    scene.put("A/Archive.evtx", &styled(Style::Export, &(3..=6).map(at).collect::<Vec<_>>()));
    let swept = scene.sweep(&[]).expect(0);
    assert_eq!(swept.file("A/live.evtx")["record_gap_count"], json!(1));
    let host = swept.host("A");
    assert_eq!(host["record_gap_count"], json!(1));
    assert_eq!(
        (&host["record_gaps"][0]["after_record_id"], &host["record_gaps"][0]["before_record_id"]),
        (&json!(6), &json!(9))
    );
    // And another channel's numbers are its own.
    scene.put("A/Security.evtx", &log(&[Event::logon("user", 3).on("A").numbered(7).at(START)]));
    let again = scene.sweep(&["--force"]).expect(0);
    assert_eq!(again.host("A")["record_gaps"], host["record_gaps"]);
}

#[test]
fn a_log_of_selected_events_has_more_gaps_than_are_listed() {
    let scene = Scene::new();
    let events: Vec<Event> = (1..=3000).map(|number| at(number * 2)).collect();
    scene.put("A/x.evtx", &log(&events));
    let swept = scene.sweep(&[]).expect(0);
    let file = swept.file("A/x.evtx");
    assert_eq!(file["record_gaps"].as_array().unwrap().len(), 100);
    assert_eq!(file["record_gap_count"], json!(1999));
    assert!(swept.host("A")["findings"][0].as_str().unwrap().contains("at least"));
}

#[test]
fn a_clock_that_goes_back_is_reported() {
    let scene = Scene::new();
    let hours = [5, 6, 2, 3, 3];
    let events = |computer: &str| -> Vec<Event> {
        (1..)
            .zip(hours)
            .map(|(number, hour)| matching(number).on(computer).at(START + hour * 3600 * time::SECOND))
            .collect()
    };
    let mut writer = LogWriter::new(Style::Live);
    let places: Vec<_> = events("A").iter().map(|event| writer.push(event).unwrap()).collect();
    scene.put("A/x.evtx", &writer.finish());
    let swept = scene.sweep(&[]).expect(0);
    let step = json!({
        "offset": places[2].offset, "from_time": second(6 * 3600), "to_time": second(2 * 3600),
    });
    let file = swept.file("A/x.evtx");
    assert_eq!((&file["clock_steps"], &file["clock_step_count"]), (&json!([step]), &json!(1)));
    let host = swept.host("A");
    assert_eq!(host["clock_step_count"], json!(1));
    assert!(host["findings"].to_string().contains("the clock went back once"), "{host}");
    // Among other machines' records, nobody can tell whose clock it was: each of them may have to be asked.
    let several: Vec<Event> =
        events("A").into_iter().chain([matching(6).on("B").at(START + 4 * 3600 * time::SECOND)]).collect();
    scene.put("A/x.evtx", &log(&several));
    let swept = scene.sweep(&["--force"]).expect(0);
    for computer in ["A", "B"] {
        let host = swept.host(computer);
        assert_eq!(host["clock_step_count"], json!(0));
        let sentence = "in logs with other machines' records, too, the clock went back once";
        assert!(host["findings"].as_array().unwrap().contains(&json!(sentence)), "{host}");
    }
}

#[test]
fn a_log_that_was_in_use_is_reported() {
    let scene = Scene::new();
    for (name, number, is_in_use) in [("x", 1, true), ("y", 2, false), ("z", 3, true)] {
        let mut writer = LogWriter::new(Style::Live).dirty(is_in_use);
        writer.push(&matching(number).on(if number == 3 { "B" } else { "A" })).unwrap();
        scene.put(&format!("{}/{name}.evtx", if number == 3 { "B" } else { "A" }), &writer.finish());
    }
    let swept = scene.sweep(&[]).expect(0);
    for computer in ["A", "B"] {
        assert_eq!(swept.host(computer)["findings"], json!(["a log was in use when it was copied"]));
    }
    assert_eq!(swept.run()["totals"]["files_in_use"], json!(2));
    let printed = &swept.ended.stdout;
    assert!(printed.contains("In use      2 of 3 files when copied: `dirty` in files.parquet"), "{printed}");
    assert!(!printed.contains("Odd "), "{printed}");
}

#[test]
fn a_time_of_the_query_far_from_that_of_the_event_is_reported() {
    let scene = Scene::new();
    let far = |number: u64| matching(number).on("A").at(START).with("UtcTime", "2019-12-31 23:54:59.000");
    let near = |number: u64| matching(number).on("A").at(START).with("UtcTime", "2019-12-31 23:55:01.000");
    scene.put("A/x.evtx", &log(&[far(1), near(2), near(3)]));
    let host = scene.sweep(&[]).expect(0).host("A");
    assert_eq!(host["distant_utc_times"], json!(1));
    assert_eq!(
        findings(&host),
        json!(["matches whose UtcTime is more than five minutes from TimeCreated: 1"])
    );
}

#[test]
fn hosts_whose_logs_do_not_lie_by_themselves_are_flagged() {
    let scene = Scene::new();
    scene.put("one/x.evtx", &log(&[at(1)]));
    scene.put("two/x.evtx", &log(&[at(2)]));
    scene.put("two/y.evtx", &log(&[matching(1).on("B"), matching(2).on("")]));
    scene.put("three/z.evtx", &log(&[matching(1).on("C")]));
    let swept = scene.sweep(&[]).expect(0);
    let found: Vec<(String, Value)> = swept
        .rows("hosts")
        .into_iter()
        .map(|host| (host["computer"].as_str().unwrap().to_owned(), findings(&host)))
        .collect();
    let expected = [
        ("", json!(["its evidence also holds records of A, B"])),
        (
            "A",
            json!([
                "in several pieces of evidence: one, two",
                "its evidence also holds records of (no name), B"
            ]),
        ),
        ("B", json!(["its evidence also holds records of (no name), A"])),
        ("C", json!([])),
    ];
    assert_eq!(found, expected.map(|(computer, findings)| (computer.to_owned(), findings)));
}
