//! The sample evidence: a sweep finds what its makers say is in it, and nothing else.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::BTreeMap;

use common::truth::{self, SEED_ID, microseconds, process_name};
use common::{FinishedSweep, Scene, repository, sweep};
use serde_json::{Value, json};

fn sweep_samples(scene: &Scene, folder: &str, options: &[&str]) -> FinishedSweep {
    sweep(&[&repository("samples").join(folder)], &scene.out(), options)
}

/// Returns the lines of a truth file of the samples that are about files in the folder `folder`.
fn truth_of(file: &str, folder: &str) -> Vec<Value> {
    let prefix = format!("{folder}/");
    let lines = truth::lines(&repository("samples").join(file));
    lines.into_iter().filter(|line| line["file"].as_str().unwrap().starts_with(&prefix)).collect()
}

fn matches_of(folder: &str) -> Vec<Value> {
    let lost = |line: &Value| line.get("lost").is_some_and(|lost| lost == true);
    truth_of("truth.jsonl", folder).into_iter().filter(|line| line["match"] == true && !lost(line)).collect()
}

/// Returns, for a line of a truth file, the path of its file in the folder of the samples, and the
/// name of the piece of evidence, which is the first folder of this path.
fn places(line: &Value) -> (&str, &str) {
    let source_path = line["file"].as_str().unwrap().split_once('/').unwrap().1;
    (source_path, source_path.split_once('/').unwrap().0)
}

/// Returns the row of the table of matches that a line of the truth file describes.
fn expected_row(line: &Value, forwarded: &[String]) -> Value {
    let text = |name: &str| line[name].as_str().unwrap();
    let (source_path, evidence) = places(line);
    let (image, query, computer) = (text("Image"), text("QueryName"), text("Computer"));
    let time = text("TimeCreated");
    let is_forwarded = forwarded.iter().any(|file| file == text("file"));
    json!({
        "computer": computer,
        "event_record_id": line["EventRecordID"],
        // A collector writes nine decimals, and they are kept.
        "event_time_raw": if is_forwarded { time.replace('Z', "00Z") } else { time.to_owned() },
        "event_time": microseconds(time),
        "utc_time": microseconds(text("UtcTime")),
        "provider": "Microsoft-Windows-Sysmon",
        "channel": "Microsoft-Windows-Sysmon/Operational",
        "event_id": 22,
        "event_version": 5,
        "query_name": query,
        "query_status": line["QueryStatus"],
        "query_results": line["QueryResults"],
        "image": image,
        "process_name": process_name(image),
        "user": line["User"],
        "process_guid": line["ProcessGuid"],
        "process_id": line["ProcessId"],
        "chunk_number": line["chunk"],
        "record_offset": line["record_offset"],
        "source_path": source_path,
        "evidence": evidence,
        "recovered": false,
        "duplicate": false,
        "detection_id": SEED_ID,
        "detection_name": "Suspicious Process DNS Query Known Abuse Web Services",
        "detection_version": "7",
        "matched_query": truth::query_hits(query),
        "matched_process": truth::process_hits(image),
        "risk_score": 64,
        "risk_message": truth::risk_message(process_name(image), query, computer),
    })
}

fn check_matches(swept: &FinishedSweep, folder: &str) {
    let forwarded: Vec<String> = truth_of("truth_files.jsonl", folder)
        .iter()
        .filter(|file| file["style"] == "forwarded")
        .map(|file| file["file"].as_str().unwrap().to_owned())
        .collect();
    let lines = matches_of(folder);
    let expected: Vec<Value> = lines.iter().map(|line| expected_row(line, &forwarded)).collect();
    let rows = swept.rows("matches");
    truth::assert_same_rows(&rows, &expected);
    assert!(rows.iter().all(|row| !row["matched_query"].as_array().unwrap().is_empty()));
    assert!(rows.iter().all(|row| !row["matched_process"].as_array().unwrap().is_empty()));
}

/// Compares the counts of each file of a sweep, and of all files together, with those in the truth
/// file.
fn check_files(swept: &FinishedSweep, folder: &str) {
    let files = truth_of("truth_files.jsonl", folder);
    let rows = swept.rows("files");
    assert_eq!(rows.len(), files.len());
    for file in &files {
        let (source_path, evidence) = places(file);
        let row = swept.file(source_path);
        let count = |name: &str| file[name].as_u64().unwrap();
        let found = |name: &str| row[name].as_u64().unwrap();
        assert_eq!(row["evidence"], evidence);
        assert_eq!(found("size"), count("size"), "{source_path}");
        let records = found("records") + found("refound_records");
        assert_eq!(records, count("records") - count("lost_records"), "{source_path}");
        // Only Sysmon's logs are damaged, so only records of Sysmon are lost.
        assert_eq!(found("sysmon_records"), count("sysmon_records") - count("lost_records"), "{source_path}");
        assert_eq!(found("dns_queries"), count("dns_queries") - count("lost_dns_queries"), "{source_path}");
        assert_eq!(found("matches"), count("matches") - count("lost_matches"), "{source_path}");
    }
    let totals = &swept.run()["totals"];
    for name in ["dns_queries", "matches"] {
        let sum: u64 = files
            .iter()
            .map(|f| f[name].as_u64().unwrap() - f[format!("lost_{name}")].as_u64().unwrap())
            .sum();
        assert_eq!(totals[name], sum, "{name}");
    }
}

/// Compares the table that the command `stats` in the detection's search makes with the truth file:
/// one row for each combination of the values by which the search groups.
fn check_stats(swept: &FinishedSweep, folder: &str) {
    const BY: [&str; 6] = ["Image", "QueryName", "QueryStatus", "process_name", "QueryResults", "dest"];
    let mut groups: BTreeMap<Vec<String>, Vec<i64>> = BTreeMap::new();
    let lines = matches_of(folder);
    for line in &lines {
        let text = |name: &str| line[name].as_str().unwrap().to_owned();
        let image = text("Image");
        let name = process_name(&image).to_owned();
        let key =
            vec![image, text("QueryName"), text("QueryStatus"), name, text("QueryResults"), text("Computer")];
        groups.entry(key).or_default().push(truth::ticks(&text("TimeCreated")));
    }
    let second = |ticks: i64| {
        let line = lines.iter().find(|line| truth::ticks(line["TimeCreated"].as_str().unwrap()) == ticks);
        line.unwrap()["TimeCreated"].as_str().unwrap()[..19].to_owned()
    };
    let expected: Vec<Value> = groups
        .into_iter()
        .map(|(key, times)| {
            let mut row: serde_json::Map<String, Value> =
                BY.iter().zip(key).map(|(name, value)| ((*name).to_owned(), value.into())).collect();
            row.insert("count".to_owned(), times.len().into());
            row.insert("firstTime".to_owned(), second(*times.iter().min().unwrap()).into());
            row.insert("lastTime".to_owned(), second(*times.iter().max().unwrap()).into());
            Value::Object(row)
        })
        .collect();
    let table = common::tables::read(&swept.out.join(format!("stats/{SEED_ID}.parquet")));
    assert_eq!(table.columns, [&BY[..], &["count", "firstTime", "lastTime"]].concat());
    truth::assert_same_rows(&table.rows, &expected);
}

#[test]
fn all_of_the_evidence_is_read_and_each_match_found() {
    let scene = Scene::new();
    let swept = sweep_samples(&scene, "evidence", &[]).expect(0);
    check_matches(&swept, "evidence");
    check_files(&swept, "evidence");
    check_stats(&swept, "evidence");
    for row in swept.rows("files") {
        assert_eq!((&row["status"], &row["problems"]), (&json!("complete"), &json!([])), "{row}");
        assert_eq!((&row["damaged_chunks"], &row["damaged_records"]), (&json!(0), &json!(0)), "{row}");
        assert_eq!(row["refound_records"], 0, "{row}");
    }
    assert_eq!(swept.run()["exit_status"], 0);
}

#[test]
fn damaged_logs_lose_nothing_but_what_is_damaged() {
    let scene = Scene::new();
    let swept = sweep_samples(&scene, "damaged", &[]).expect(3);
    check_matches(&swept, "damaged");
    check_files(&swept, "damaged");
    check_stats(&swept, "damaged");
    assert_eq!(swept.run()["exit_status"], 3);
}

#[test]
fn the_compromised_machine_stands_out() {
    let scene = Scene::new();
    let swept = sweep_samples(&scene, "evidence", &[]).expect(0);
    let after_head = |line: &&str| !line.starts_with("host with matches");
    let first = swept.process.stdout.lines().skip_while(after_head).nth(1).unwrap();
    assert!(first.split_whitespace().take(3).eq(["FIN-WS07.corp.example", "64", "14"]), "{first}");
    let most = swept.rows("hosts").into_iter().max_by_key(|row| row["matches"].as_u64()).unwrap();
    assert_eq!((&most["computer"], &most["verdict"]), (&json!("FIN-WS07.corp.example"), &json!("matches")));
}

#[test]
fn tables_are_the_same_to_the_byte_on_any_number_of_threads() {
    for folder in ["evidence", "damaged"] {
        let tables = |threads| sweep_samples(&Scene::new(), folder, &["--threads", threads]).tables();
        let expected = {
            let scene = Scene::new();
            let swept = sweep_samples(&scene, folder, &["--threads", "1"]);
            assert_eq!(swept.run()["threads"], 1);
            swept.tables()
        };
        assert_eq!(expected.len(), 4);
        for threads in ["1", "2", "8"] {
            let found = tables(threads);
            for ((name, bytes), (_, same)) in expected.iter().zip(&found) {
                assert!(bytes == same, "{folder}: {name} differs on {threads} threads");
            }
        }
    }
}
