//! Detections given as files: those that cannot be understood are refused before any evidence is
//! opened, the others are looked for, each by itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::logs::{harmless, log_of, matching};
use common::truth::SEED_ID;
use common::{Scene, Swept, forget_reads, repository, tables, was_read};
use serde_json::json;

const SEED: &str = "src/detect/suspicious_process_dns_query_known_abuse_web_services.yml";

fn rule(id: &str, search: &str) -> String {
    format!(
        "name: A rule\nid: {id}\nversion: 1\nsearch: >-\n  {search}\ntags:\n  risk_score: 25\n  message: seen $QueryName$\n"
    )
}

/// Sweeps with these files as detections.
fn sweep_with(scene: &Scene, files: &[PathBuf]) -> Swept {
    let options: Vec<&str> = files.iter().flat_map(|file| ["--detection", file.to_str().unwrap()]).collect();
    scene.sweep(&options)
}

/// The line that refuses these texts as detections.
#[track_caller]
fn refused(texts: &[&str]) -> String {
    let scene = Scene::new();
    let log = scene.put("Sysmon.evtx", &log_of("HOST"));
    let files: Vec<PathBuf> = texts
        .iter()
        .enumerate()
        .map(|(number, text)| {
            let path = scene.path(&format!("rule-{number}.yml"));
            fs::write(&path, text).unwrap();
            path
        })
        .collect();
    let before = scene.listing();
    forget_reads(&log);
    let swept = sweep_with(&scene, &files);
    assert!(!was_read(&log), "evidence was opened");
    assert!(before == scene.listing(), "something was written");
    assert_eq!((swept.ended.status, swept.ended.stdout.as_str()), (2, ""), "{}", swept.ended.stderr);
    assert_eq!(swept.ended.stderr.lines().count(), 1, "{}", swept.ended.stderr);
    swept.ended.stderr
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "expected '{part}' in: {message}");
    }
}

#[test]
fn a_file_that_cannot_be_read_is_refused() {
    let scene = Scene::new();
    let log = scene.put("Sysmon.evtx", &log_of("HOST"));
    forget_reads(&log);
    for path in [scene.path("missing.yml"), scene.evidence()] {
        let swept = sweep_with(&scene, &[path]).expect(2);
        assert_eq!(swept.ended.stderr.lines().count(), 1);
        assert_says(&swept.ended.stderr, &["detection", scene.path("").to_str().unwrap()]);
    }
    assert!(!was_read(&log) && !scene.out().exists());
}

#[test]
fn what_is_no_detection_is_refused() {
    for text in ["", "{", "name: x", "- a\n- b", "\u{1}\u{2}", "name: x\nid: y\nsearch: [1, 2]"] {
        assert_says(&refused(&[text]), &["rule-0.yml"]);
    }
}

#[test]
fn what_a_search_says_and_is_not_understood_is_quoted_with_its_position() {
    let start = "`sysmon` EventCode=22 QueryName=*x* ";
    for (rest, quoted) in [
        ("| eval y=1", "eval"),
        ("| transaction Image", "transaction"),
        ("| stats count by Nonsense", "Nonsense"),
        ("| `unheard_of`", "unheard_of"),
        ("Nonsense=7", "Nonsense"),
    ] {
        let search = format!("{start}{rest}");
        let message = refused(&[&rule("a", &search)]);
        let start_of_quote = search.find(quoted).unwrap();
        // A macro's place is that of its first backtick.
        let column = start_of_quote + usize::from(!rest.contains('`'));
        assert_says(&message, &["rule-0.yml", quoted, &format!("line 1, column {column} ")]);
    }
    assert_says(&refused(&[&rule("a", "`sysmon` EventCode=22 (QueryName=*x*")]), &["rule-0.yml", "line 1"]);
}

#[test]
fn ids_must_differ_and_can_name_a_file() {
    let search = "`sysmon` EventCode=22 QueryName=*x*";
    let (one, other) = (rule("same", search), rule("same", search));
    assert_says(&refused(&[&one, &other]), &["rule-1.yml", "rule-0.yml", "same"]);
    for id in ["../../etc/x", "'a b'", "''", ".hidden", "a/b"] {
        assert_says(&refused(&[&rule(id, search)]), &["rule-0.yml", "id"]);
    }
}

#[test]
fn a_later_wrong_detection_is_refused_too() {
    let good = rule("a", "`sysmon` EventCode=22 QueryName=*x*");
    assert_says(&refused(&[&good, &rule("b", "`sysmon` | eval x=1")]), &["rule-1.yml", "eval"]);
}

#[test]
fn the_seed_as_a_file_finds_what_the_built_in_one_finds() {
    let scene = Scene::new();
    scene.put("Sysmon.evtx", &log_of("HOST"));
    let file = sweep_with(&scene, &[repository(SEED)]).expect(0);
    let (tables, run) = (file.tables(), file.run());
    let built_in = scene.sweep(&["--force"]).expect(0);
    assert_eq!(tables, built_in.tables());
    assert_eq!(run["detections"][0]["sha256"], built_in.run()["detections"][0]["sha256"]);
    assert_eq!(built_in.run()["detections"][0]["source"], "built in");
}

#[test]
fn several_detections_are_each_looked_for() {
    let scene = Scene::new();
    scene.put("Sysmon.evtx", &common::logs::log(&[matching(1), harmless(2), harmless(3)]));
    let browser = scene.path("browser.yml");
    let search = "`sysmon` EventCode=22 Image=*browser.exe | stats count by Computer QueryName | rename Computer as dest";
    fs::write(&browser, rule("browser", search)).unwrap();
    let all = scene.path("all.yml");
    fs::write(&all, rule("all", "`sysmon` EventCode=22 QueryName=*.com")).unwrap();
    let swept = sweep_with(&scene, &[repository(SEED), browser, all]).expect(0);
    let mut found: Vec<(i64, String)> = swept
        .rows("matches")
        .iter()
        .map(|row| {
            (row["event_record_id"].as_i64().unwrap(), row["detection_id"].as_str().unwrap().to_owned())
        })
        .collect();
    // In the order of the events, and for each in that of the detections.
    let pair = |number: i64, id: &str| (number, id.to_owned());
    let expected = [
        pair(1, SEED_ID),
        pair(1, "all"),
        pair(2, "browser"),
        pair(2, "all"),
        pair(3, "browser"),
        pair(3, "all"),
    ];
    assert_eq!(found, expected);
    found.dedup_by_key(|(number, _)| *number);
    let counts: Vec<_> = swept.run()["detections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|detection| detection["matches"].clone())
        .collect();
    assert_eq!(counts, [json!(1), json!(2), json!(3)]);
    // A table for each detection that sums up, none for one that does not.
    assert!(!swept.out.join("stats/all.parquet").exists());
    let table = tables::read(&swept.out.join("stats/browser.parquet"));
    assert_eq!(table.columns, ["dest", "QueryName", "count"]);
    let computer = matching(1).computer;
    assert_eq!(table.rows, [json!({ "dest": computer, "QueryName": "example.com", "count": 2 })]);
    let row = &swept.rows("matches")[1];
    assert_eq!((&row["risk_score"], &row["risk_message"]), (&json!(25), &json!("seen pastebin.com")));
    assert_eq!(row["matched_query"], json!(["*.com"]));
    assert_eq!(row["matched_process"], json!([]));
}
