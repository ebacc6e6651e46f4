//! The ledger accounts for every byte, and reports what is odd about a log: missing EventRecordIDs
//! and times that go back.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use common::logs::{log, matching, styled};
use common::{FinishedSweep, Scene, repository, sweep};
use dnsweep_samples::{Event, LogWriter, Style, time};
use serde_json::{Value, json};

/// Fails unless every byte of each file in a ledger is accounted for. Returns the number of files.
fn assert_every_byte_is_accounted_for(swept: &FinishedSweep) -> usize {
    let files = swept.rows("files");
    for file in &files {
        let parts = ["header", "good", "empty", "damaged", "trailing", "other", "unread"]
            .map(|part| file[format!("{part}_bytes")].as_u64().unwrap());
        assert_eq!(parts.iter().sum::<u64>(), file["size"].as_u64().unwrap(), "{file}");
        // The problems of a damaged file lie in it and describe its damaged bytes.
        let is_complete = file["status"] == "complete";
        assert_eq!(is_complete, file["problems"] == json!([]), "{file}");
        if is_complete {
            assert_eq!((parts[3], parts[4], parts[5]), (0, 0, 0), "{file}");
        }
    }
    files.len()
}

/// Returns a host's notes, except the one that logs were in use when they were copied, which most
/// logs of these tests get.
fn notes(host: &Value) -> Value {
    let is_other = |note: &&Value| !note.as_str().unwrap().contains("in use when");
    host["notes"].as_array().unwrap().iter().filter(is_other).cloned().collect()
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

/// The time from which these tests count seconds, as a FILETIME: 2020-01-01T00:00:00Z.
const START: u64 = 132_223_104_000_000_000;

/// Makes a match with this number, which is also the second at which it was logged.
fn at(number: u64) -> Event {
    matching(number).on("A").at(START + number * time::SECOND)
}

/// Returns the time `number` seconds after 2020-01-01T00:00:00Z, in the tables' microseconds.
fn second(number: u64) -> Value {
    json!(1_577_836_800_000_000 + number * 1_000_000)
}

/// Makes a log as the machine itself writes it: the number in each record's header is the event's
/// EventRecordID.
fn own_log(events: &[Event]) -> Vec<u8> {
    let mut writer = LogWriter::new(Style::Live).own_numbers();
    writer.push_all(events).unwrap();
    writer.finish()
}

const SYSMON: &str = "Microsoft-Windows-Sysmon/Operational";

#[test]
fn missing_numbers_are_reported_with_the_events_on_both_sides() {
    for style in [Style::Live, Style::Export, Style::Forwarded] {
        let scene = Scene::new();
        // The log was overwritten from its start: its newest chunk comes first in the file.
        let mut writer = LogWriter::new(style).own_numbers();
        writer.push_all(&[at(20), at(21), at(25)]).unwrap();
        writer.end_chunk();
        writer.push_all(&[at(8), at(9), at(10)]).unwrap();
        scene.put("A/x.evtx", &writer.finish());
        let swept = scene.sweep(&[]).expect(0);
        let gap = |after: u64, before: u64| {
            json!({
                "computer": "A", "channel": SYSMON,
                "after_record_id": after, "after_time": second(after),
                "before_record_id": before, "before_time": second(before),
            })
        };
        let file = swept.file("A/x.evtx");
        assert_eq!(file["record_gaps"], json!([gap(10, 20), gap(21, 25)]), "{style:?}");
        assert_eq!((&file["record_gap_count"], &file["renumbered"]), (&json!(2), &json!(false)));
        let host = swept.host("A");
        assert_eq!(host["record_gap_count"], json!(2));
        assert_eq!(host["record_gaps"][1]["before_record_id"], json!(25));
        let expected = "12 EventRecordIDs of Microsoft-Windows-Sysmon/Operational are missing in 2 places, first 11 to \
                       19 (from 2020-01-01 00:00:10Z to 2020-01-01 00:00:20Z)";
        assert_eq!((&host["anomalies"], notes(&host)), (&json!([expected]), json!([])));
        let line = "Anomaly     A: 12 EventRecordIDs of Microsoft-Windows-Sysmon/Operational are missing in 2 places";
        assert!(
            swept.process.stdout.lines().any(|printed| printed.starts_with(&line[..70])),
            "{}",
            swept.process.stdout
        );
    }
}

#[test]
fn whose_records_a_log_contains_is_in_its_row() {
    let logon =
        |number: u64| Event::logon("user", 3).on("B").numbered(number).at(START + number * time::SECOND);
    let query = |number: u64| at(number).on("B");
    for style in [Style::Live, Style::Export, Style::Forwarded] {
        let scene = Scene::new();
        let mut writer = LogWriter::new(style);
        writer.push_all(&[logon(8), at(3), at(4), query(7), query(1)]).unwrap();
        writer.end_chunk();
        writer.push_all(&[logon(9), logon(12), at(5), query(2), at(5)]).unwrap();
        scene.put("A/x.evtx", &writer.finish());
        let swept = scene.sweep(&[]).expect(0);
        let file = swept.file("A/x.evtx");
        let host = |computer: &str, records: u64, queries: u64, (first, last): (u64, u64)| {
            json!({
                "computer": computer, "records": records, "sysmon_records": queries, "dns_queries": queries,
                "dns_first_time": second(first), "dns_last_time": second(last),
            })
        };
        assert_eq!(file["hosts"], json!([host("A", 4, 4, (3, 5)), host("B", 6, 3, (1, 7))]), "{style:?}");
        let run = |computer: &str, channel: &str, first: u64, last: u64| {
            json!({
                "computer": computer, "channel": channel,
                "first_record_id": first, "first_time": second(first),
                "last_record_id": last, "last_time": second(last),
            })
        };
        let runs = [
            run("A", SYSMON, 3, 5),
            run("B", SYSMON, 1, 2),
            run("B", SYSMON, 7, 7),
            run("B", "Security", 8, 9),
            run("B", "Security", 12, 12),
        ];
        assert_eq!((&file["record_runs"], &file["record_run_count"]), (&json!(runs), &json!(5)), "{style:?}");
    }
}

#[test]
fn gaps_of_an_export_are_a_note() {
    for style in [Style::Live, Style::Export, Style::Forwarded] {
        for exhaustive in [&["--exhaustive"][..], &[]] {
            let scene = Scene::new();
            scene.put("A/x.evtx", &styled(style, &[8, 9, 10, 20, 21, 25].map(at)));
            // In a second channel, nothing is missing.
            let whole = [40, 41].map(|number| Event::logon("user", 3).on("A").numbered(number).at(START));
            scene.put("A/y.evtx", &styled(style, &whole));
            let swept = scene.sweep(exhaustive).expect(0);
            let file = swept.file("A/x.evtx");
            assert_eq!(
                (&file["record_gap_count"], &file["renumbered"]),
                (&json!(2), &json!(true)),
                "{style:?}"
            );
            let host = swept.host("A");
            assert_eq!((&host["record_gap_count"], &host["anomalies"]), (&json!(0), &json!([])));
            let note =
                format!("an export, perhaps of selected events: gaps in the EventRecordIDs of {SYSMON}");
            assert_eq!(notes(&host), json!([note]));
            let printed = &swept.process.stdout;
            assert!(
                printed.contains("Note        A: an export, perhaps of selected events")
                    && !printed.contains("Anomaly"),
                "{printed}"
            );
        }
    }
}

#[test]
fn another_file_may_fill_a_gap() {
    let scene = Scene::new();
    scene.put("A/live.evtx", &own_log(&[at(1), at(2), at(9)]));
    scene.put("A/Archive.evtx", &styled(Style::Export, &(3..=6).map(at).collect::<Vec<_>>()));
    let swept = scene.sweep(&[]).expect(0);
    assert_eq!(swept.file("A/live.evtx")["record_gap_count"], json!(1));
    let host = swept.host("A");
    assert_eq!(host["record_gap_count"], json!(1));
    assert_eq!(
        (&host["record_gaps"][0]["after_record_id"], &host["record_gaps"][0]["before_record_id"]),
        (&json!(6), &json!(9))
    );
    // Another channel has its own numbers.
    scene.put("A/Security.evtx", &log(&[Event::logon("user", 3).on("A").numbered(7).at(START)]));
    let again = scene.sweep(&["--force"]).expect(0);
    assert_eq!(again.host("A")["record_gaps"], host["record_gaps"]);
}

#[test]
fn a_log_of_selected_events_has_more_gaps_than_are_listed() {
    let scene = Scene::new();
    let events: Vec<Event> = (1..=3000).map(|number| at(number * 2)).collect();
    scene.put("A/x.evtx", &own_log(&events));
    let swept = scene.sweep(&[]).expect(0);
    let file = swept.file("A/x.evtx");
    assert_eq!(file["record_gaps"].as_array().unwrap().len(), 100);
    assert_eq!(file["record_gap_count"], json!(1999));
    // The lowest numbers are kept.
    let runs = file["record_runs"].as_array().unwrap();
    assert_eq!((runs.len(), &file["record_run_count"]), (2000, &json!(2000)));
    assert_eq!((&runs[0]["first_record_id"], &runs[1999]["last_time"]), (&json!(2), &second(4000)));
    assert!(swept.host("A")["anomalies"][0].as_str().unwrap().contains("at least"));
}

#[test]
fn a_machine_that_is_renamed_while_it_logs_is_one_machine() {
    for style in [Style::Live, Style::Export] {
        let scene = Scene::new();
        let named = |number: u64| {
            at(number).on(match number {
                1 | 11.. => "WIN-1.corp.example",
                _ => "DESKTOP-2",
            })
        };
        let events: Vec<Event> = (1..=33).map(named).collect();
        scene.put("A/x.evtx", &styled(style, &events));
        // The clock went back, as two logs show: under the old name, and under the new one.
        let back = |first: u64, computer: &str| -> Vec<u8> {
            let event = |number: u64, second: u64| {
                Event::logon("user", 3)
                    .on(computer)
                    .numbered(first + number)
                    .at(START + second * time::SECOND)
            };
            own_log(&[event(0, 5000), event(1, 9000), event(2, 100)])
        };
        scene.put("A/y.evtx", &back(1, "DESKTOP-2"));
        scene.put("A/z.evtx", &back(4, "WIN-1.corp.example"));
        let swept = scene.sweep(&[]).expect(0);
        let file = swept.file("A/x.evtx");
        assert_eq!((&file["record_gaps"], &file["record_gap_count"]), (&json!([]), &json!(0)), "{style:?}");
        let (old, new) = (swept.host("DESKTOP-2"), swept.host("WIN-1.corp.example"));
        assert_eq!((&old["anomalies"], &old["clock_step_count"]), (&json!([]), &json!(0)));
        assert_eq!((&old["record_gap_count"], &new["record_gap_count"]), (&json!(0), &json!(0)));
        assert_eq!((&new["earlier_names"], &new["clock_step_count"]), (&json!(["DESKTOP-2"]), &json!(1)));
        let sentences = [
            "the clock went back once, from 2020-01-01 02:30:00Z to 2020-01-01 00:01:40Z",
            "was called DESKTOP-2 until 2020-01-01 02:30:00Z",
        ];
        assert_eq!(new["anomalies"], json!(sentences));
        let printed = &swept.process.stdout;
        assert_eq!(printed.matches("was called").count(), 1, "{printed}");
        assert!(!printed.contains("also contains"), "{printed}");
    }
}

#[test]
fn names_that_differ_in_case_are_one_host_and_a_qualified_name_is_a_new_one() {
    let scene = Scene::new();
    scene
        .put("A/x.evtx", &own_log(&[at(1).on("pc-7"), at(2).on("PC-7"), at(3).on("Pc-7"), at(4).on("pc-7")]));
    // Only the name itself shows that this is the same machine.
    let later = Event::logon("user", 3).on("pc-7.corp.example").numbered(900).at(START + 5000 * time::SECOND);
    scene.put("A/y.evtx", &own_log(&[later]));
    // A separate piece of evidence says nothing about another one.
    scene.put("B/x.evtx", &own_log(&[at(1).on("PC-7.other.example")]));
    let swept = scene.sweep(&[]).expect(0);
    let shown: Vec<(Value, Value, Value)> = swept
        .rows("hosts")
        .iter()
        .map(|host| (host["computer"].clone(), host["records"].clone(), host["anomalies"].clone()))
        .collect();
    let called = "was called PC-7 until 2020-01-01 00:00:04Z";
    let expected = [
        ("PC-7", 4, json!([])),
        ("PC-7.other.example", 1, json!([])),
        ("pc-7.corp.example", 1, json!([called])),
    ];
    assert_eq!(shown, expected.map(|(name, records, anomalies)| (json!(name), json!(records), anomalies)));
    assert_eq!(swept.file("A/x.evtx")["record_gap_count"], json!(0));
    // Matches keep the name that was logged.
    let mut logged = swept.column("matches", "computer");
    logged.dedup();
    assert_eq!(logged, ["pc-7", "PC-7", "Pc-7", "pc-7", "PC-7.other.example"].map(|name| json!(name)));
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
    assert!(host["anomalies"].to_string().contains("the clock went back once"), "{host}");
    // Among other machines' records, it is unknown whose clock it was. This is reported once.
    let several: Vec<Event> =
        events("A").into_iter().chain([matching(900).on("B").at(START + 4 * 3600 * time::SECOND)]).collect();
    scene.put("A/x.evtx", &log(&several));
    let swept = scene.sweep(&["--force"]).expect(0);
    let sentence = "in logs that it shares with other machines, the clock went back once";
    for (computer, findings) in [("A", json!([sentence])), ("B", json!([]))] {
        let host = swept.host(computer);
        assert_eq!((&host["clock_step_count"], &host["anomalies"]), (&json!(0), &findings), "{computer}");
    }
}

#[test]
fn a_step_of_the_clock_that_several_logs_show_is_one_step() {
    let scene = Scene::new();
    let back = |from: u64, to: u64, first: u64| {
        let event = |number: u64, hour: u64| matching(number).on("A").at(START + hour * 3600 * time::SECOND);
        own_log(&[event(first, from), event(first + 1, to)])
    };
    // The clock was set from 9 to 2; the third log had no events for hours before. The fourth is a
    // copy of the first.
    for (name, bytes) in
        [("w", back(9, 2, 1)), ("x", back(9, 3, 3)), ("y", back(7, 2, 5)), ("z", back(9, 2, 1))]
    {
        scene.put(&format!("A/{name}.evtx"), &bytes);
    }
    let swept = scene.sweep(&[]).expect(0);
    assert_eq!(swept.host("A")["clock_step_count"], json!(1));
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
        let host = swept.host(computer);
        assert_eq!(
            (&host["anomalies"], &host["notes"]),
            (&json!([]), &json!(["a log was in use when it was copied"]))
        );
    }
    assert_eq!(swept.run()["totals"]["files_in_use"], json!(2));
    let printed = &swept.process.stdout;
    assert!(printed.contains("In use      2 of 3 files when copied: `dirty` in files.parquet"), "{printed}");
    assert!(!printed.contains("Anomaly") && !printed.contains("Note"), "{printed}");
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
        host["anomalies"],
        json!(["matches whose UtcTime is more than five minutes from TimeCreated: 1"])
    );
}

#[test]
fn several_machines_in_one_piece_of_evidence_are_reported_once() {
    let scene = Scene::new();
    scene.put("one/x.evtx", &log(&[at(1)]));
    scene.put("two/x.evtx", &log(&[at(2)]));
    scene.put("two/y.evtx", &log(&[matching(1).on("B"), matching(2).on("B")]));
    scene.put("three/z.evtx", &log(&[matching(1).on("C")]));
    // A collector: the other machines' records lie only in a log of several machines. Each machine
    // has its own sequence of numbers.
    scene.put("four/own.evtx", &log(&[matching(1).on("WEC")]));
    let forwarded = [("D", 70), ("E", 900), ("D", 71), ("F", 5), ("E", 901), ("C", 44)]
        .map(|(computer, number)| matching(number).on(computer));
    scene.put("four/ForwardedEvents.evtx", &styled(Style::Forwarded, &forwarded));
    let swept = scene.sweep(&[]).expect(0);
    let found: Vec<(String, Value, Value)> = swept
        .rows("hosts")
        .into_iter()
        .map(|host| (host["computer"].as_str().unwrap().to_owned(), host["anomalies"].clone(), notes(&host)))
        .collect();
    let none = || json!([]);
    let expected = [
        (
            "A",
            json!(["its evidence also contains logs of B"]),
            json!(["in several pieces of evidence: one, two"]),
        ),
        ("B", none(), none()),
        ("C", none(), none()),
        ("D", none(), none()),
        ("E", none(), none()),
        ("F", none(), none()),
        ("WEC", none(), json!(["also contains events of 4 other machines: C, D, E, F"])),
    ];
    assert_eq!(found, expected.map(|(computer, findings, notes)| (computer.to_owned(), findings, notes)));
}
