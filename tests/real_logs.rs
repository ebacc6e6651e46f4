//! Real logs: a sweep finds what other readers found in them.
//!
//! The logs do not ship with this repository. `DNSWEEP_EVIDENCE` names a folder that contains them,
//! with the results of other readers next to them: `truth_events.jsonl`,
//! `truth_stats_undamaged.jsonl` and `manifest.json`. Without that variable, the tests are ignored
//! and reported as ignored.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that goes wrong fails loudly, and what is not compared is said"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::OnceLock;

use common::truth::{self, SEED_ID, assert_same_rows, microseconds, process_name, ticks};
use common::{FinishedSweep, Scene, sweep, tables};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};

const VARIABLE: &str = "DNSWEEP_EVIDENCE";

/// Real logs for which other readers, as the manifest records, count differently: the file, the
/// readers that are left out, and why. The other readers have to agree. If no reader is left, the
/// test says so.
const DISAGREEMENTS: [(&str, &[&str], &str); 8] = [
    (
        "dirty/sample_with_a_bad_chunk_magic.evtx",
        &["libevtx"],
        "three records were written up to a sector's end only, so their two sizes differ; libevtx passes over them",
    ),
    (
        "dirty/Microsoft-Windows-HelloForBusiness%4Operational.evtx",
        &["libevtx"],
        "the last record was written up to a sector's end only, so its two sizes differ; libevtx passes over it",
    ),
    (
        "dirty/Microsoft-Windows-LanguagePackSetup%4Operational.evtx",
        &["libevtx", "python-evtx", "rs"],
        "the last record was written up to a sector's end only; libevtx passes over it and python-evtx fails on it, \
         and the third reader is what dnsweep decodes with, which proves nothing",
    ),
    (
        "dirty/dns_log_malformed.evtx",
        &["python-evtx"],
        "four records hold bytes outside ASCII in a string of one byte a character; python-evtx fails on them",
    ),
    ("wec/MSExchange_Management_wec.evtx", &["python-evtx"], "it cannot read records without a template"),
    ("wec/ID1149-RDP success logins to multiple hosts.evtx", &["python-evtx"], "the same"),
    ("wec/ID1116-1117-Defender threat detected.evtx", &["python-evtx"], "the same"),
    ("constructed/dev-wec/ForwardedEvents.evtx", &["python-evtx"], "the same"),
];

fn main() -> ExitCode {
    let ignored = std::env::var_os(VARIABLE).is_none();
    let tests: [(&str, fn()); 9] = [
        ("each_match_of_the_truth_is_found_and_nothing_else", matches),
        ("every_dns_query_is_found", dns_queries),
        ("the_detections_own_table_is_the_truths", stats),
        ("counts_are_those_of_the_other_readers", counts),
        ("hosts_add_up", hosts),
        ("each_file_says_of_which_machines_its_queries_are", contents),
        ("deleted_records_are_those_of_the_manifest", recovered),
        ("deleted_queries_say_what_lies_in_their_records", recovered_texts),
        ("tables_are_the_same_on_any_number_of_threads", threads),
    ];
    let trials = tests.map(|(name, test)| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    });
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials.into());
    // A static is never dropped, so its folder has to be removed here.
    if let Some((scene, _)) = SWEPT.get() {
        fs::remove_dir_all(scene.path("")).unwrap();
    }
    conclusion.exit_code()
}

fn folder() -> PathBuf {
    std::env::var_os(VARIABLE).unwrap_or_else(|| panic!("{VARIABLE} is not set")).into()
}

/// The sweep of all real logs that most tests use.
static SWEPT: OnceLock<(Scene, FinishedSweep)> = OnceLock::new();

fn swept() -> &'static FinishedSweep {
    let (_, swept) = SWEPT.get_or_init(|| {
        let scene = Scene::new();
        // Some of the logs are damaged, as their folder's name says.
        let swept = sweep(&[&folder()], &scene.out(), &[]).expect(3);
        (scene, swept)
    });
    swept
}

fn truth_events() -> Vec<Value> {
    truth::lines(&folder().join("truth_events.jsonl"))
}

fn manifest() -> Vec<Value> {
    serde_json::from_slice(&fs::read(folder().join("manifest.json")).unwrap()).unwrap()
}

fn is_forwarded(file: &str) -> bool {
    let manifest = manifest();
    let entry = manifest.iter().find(|entry| entry["file"] == file).unwrap();
    entry["why"].as_str().unwrap().starts_with("forwarded")
}

fn expected_row(line: &Value) -> Value {
    let text = |name: &str| line[name].as_str().unwrap();
    let (image, query, computer) = (text("Image"), text("QueryName"), text("Computer"));
    let time = text("TimeCreated");
    // The text has nine decimals. A record in its machine's own log stores seven; a forwarded one
    // is text and has all.
    let raw = if is_forwarded(text("file")) { time.to_owned() } else { format!("{}Z", &time[..27]) };
    json!({
        "source_path": text("file"),
        "evidence": text("file").split('/').next().unwrap(),
        "event_time": microseconds(time),
        "event_time_raw": raw,
        "utc_time": microseconds(text("UtcTime")),
        "computer": computer,
        "provider": line["Provider"],
        "channel": line["Channel"],
        "event_id": line["EventID"],
        "event_record_id": line["EventRecordID"],
        "process_guid": line["ProcessGuid"],
        "process_id": line["ProcessId"].as_i64().or_else(|| line["ProcessId"].as_str()?.parse().ok()).unwrap(),
        "image": image,
        "process_name": line["process_name"],
        "user": line["User"],
        "query_name": query,
        "query_status": line["QueryStatus"],
        "query_results": line["QueryResults"],
        "recovered": false,
        "duplicate": false,
        "detection_id": SEED_ID,
        "matched_query": truth::query_hits(query),
        "matched_process": truth::process_hits(image),
        "risk_score": 64,
        "risk_message": truth::risk_message(process_name(image), query, computer),
    })
}

fn matches() {
    let lines: Vec<Value> = truth_events().into_iter().filter(|line| line["match"] == true).collect();
    assert_eq!(lines.len(), 73);
    let expected: Vec<Value> = lines.iter().map(expected_row).collect();
    let rows = swept().rows("matches");
    assert_same_rows(&rows, &expected);
    for row in &rows {
        let place = row["record_offset"].as_u64().unwrap();
        assert_eq!(row["chunk_number"], (place - 4096) / 65_536);
        // The offset is right if a record starts there.
        let bytes = fs::read(folder().join(row["source_path"].as_str().unwrap())).unwrap();
        let start = usize::try_from(place).unwrap();
        assert_eq!(bytes[start..start + 4], [0x2a, 0x2a, 0, 0], "{row}");
    }
    // If the truth names the chunk, it is the same one.
    for line in lines.iter().filter(|line| line.get("chunk").is_some()) {
        let same = |row: &&Value| {
            row["source_path"] == line["file"]
                && row["event_record_id"] == line["EventRecordID"]
                && row["chunk_number"] == line["chunk"]
        };
        assert_eq!(rows.iter().filter(same).count(), 1, "{line}");
    }
}

fn dns_queries() {
    let lines = truth_events();
    assert_eq!(lines.len(), 902);
    let mut expected: BTreeMap<&str, u64> = BTreeMap::new();
    for line in &lines {
        *expected.entry(line["file"].as_str().unwrap()).or_default() += 1;
    }
    for row in swept().rows("files") {
        let path = row["source_path"].as_str().unwrap();
        assert_eq!(row["dns_queries"], expected.remove(path).unwrap_or(0), "{path}");
    }
    assert!(expected.is_empty(), "not swept: {expected:?}");
    assert_eq!(swept().run()["totals"]["dns_queries"], 902);
}

fn stats() {
    let expected: Vec<Value> = truth::lines(&folder().join("truth_stats_undamaged.jsonl"))
        .into_iter()
        .map(|mut line| {
            let row = line.as_object_mut().unwrap();
            for (time, unrounded) in [("firstTime", "min_time"), ("lastTime", "max_time")] {
                let unrounded = row.remove(unrounded).unwrap();
                assert_eq!(row[time], unrounded.as_str().unwrap()[..19], "the truth is one");
            }
            let computer = row.remove("Computer").unwrap();
            row.insert("dest".to_owned(), computer);
            line
        })
        .collect();
    let table = tables::read(&swept().out.join(format!("stats/{SEED_ID}.parquet")));
    assert_eq!(
        table.columns,
        [
            "Image",
            "QueryName",
            "QueryStatus",
            "process_name",
            "QueryResults",
            "dest",
            "count",
            "firstTime",
            "lastTime"
        ]
    );
    assert_same_rows(&table.rows, &expected);
}

/// Returns the count on which other readers agree, as the manifest records it, without the readers
/// that are left out; `None` if no reader is left.
fn agreed(entry: &Value, counted: &str, left_out: &[&str]) -> Option<u64> {
    let readers = entry[counted].as_object().unwrap().iter();
    // The number of records built into a constructed log counts as a reader, too; the number of
    // missing records does not.
    let readers =
        readers.filter(|(reader, _)| *reader != "built_lost" && !left_out.contains(&reader.as_str()));
    let counts: Vec<u64> = readers.map(|(_, count)| count.as_u64().unwrap()).collect();
    let first = *counts.first()?;
    assert!(
        counts.iter().all(|count| *count == first),
        "unexpected disagreement: {}: {counted}: {counts:?}",
        entry["file"]
    );
    Some(first)
}

fn counts() {
    let manifest = manifest();
    assert_eq!(swept().rows("files").len(), manifest.len());
    for entry in &manifest {
        let file = entry["file"].as_str().unwrap();
        let known = DISAGREEMENTS.iter().find(|(path, ..)| *path == file);
        let left_out = known.map_or(&[][..], |(_, left_out, _)| *left_out);
        let row = swept().file(file);
        let records = row["records"].as_u64().unwrap() + row["refound_records"].as_u64().unwrap();
        assert_eq!(row["size"], entry["size"], "{file}");
        let parts = ["header", "good", "empty", "damaged", "trailing", "other", "unread"];
        let parts = parts.map(|part| row[format!("{part}_bytes")].as_u64().unwrap());
        assert_eq!(row["size"], parts.iter().sum::<u64>(), "{file}: every byte is accounted for");
        assert_eq!(row["sysmon_records"], entry["sysmon_records"], "{file}");
        match agreed(entry, "records", left_out) {
            // Other readers stop at bytes that are no record, so what lies after these is not in
            // their counts.
            Some(count) => assert_eq!(row["records"], count, "{file}: {records} with those after damage"),
            None => println!("{file}: not compared: {}", known.unwrap().2),
        }
        if let Some(count) = agreed(entry, "eid22", left_out) {
            assert_eq!(row["dns_queries"], count, "{file}");
        }
        assert_eq!(row["matches"], entry["oracle_matches"], "{file}");
    }
    for (file, left_out, reason) in DISAGREEMENTS {
        let entry = manifest.iter().find(|entry| entry["file"] == file).unwrap();
        let counts = entry["records"].as_object().unwrap();
        let differ = counts.values().any(|count| *count != counts["rs"]);
        assert!(differ, "{file}: {left_out:?} need not be left out any more: {reason}");
    }
}

/// Compares the counts of hosts with those of the files, and the matches of each host and their
/// times with those that other readers found.
fn hosts() {
    let (hosts, files) = (swept().rows("hosts"), swept().rows("files"));
    let sum = |rows: &[Value], name: &str| rows.iter().map(|row| row[name].as_u64().unwrap()).sum::<u64>();
    for name in ["matches", "dns_queries", "sysmon_records"] {
        assert_eq!(sum(&hosts, name), sum(&files, name), "{name}");
    }
    assert_eq!(sum(&hosts, "records"), sum(&files, "records") + sum(&files, "refound_records"));
    let mut times: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for line in truth_events().iter().filter(|line| line["match"] == true) {
        let time = ticks(line["TimeCreated"].as_str().unwrap()).div_euclid(10);
        times.entry(line["Computer"].as_str().unwrap().to_owned()).or_default().push(time);
    }
    for row in &hosts {
        let own = row["computer"].as_str().and_then(|computer| times.remove(computer)).unwrap_or_default();
        assert_eq!(row["matches"], own.len(), "{row}");
        assert_eq!(row["first_time"], json!(own.iter().min()), "{row}");
        assert_eq!(row["last_time"], json!(own.iter().max()), "{row}");
        assert_eq!(row["verdict"] == "matches", !own.is_empty(), "{row}");
    }
    assert!(times.is_empty(), "no host for {times:?}");
}

/// Compares what the ledger says about the machines in each file with the queries that other readers
/// found in it, and with the ledger's other counts.
fn contents() {
    let mut expected: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
    let mut runs: BTreeMap<(String, String, String), Vec<(u64, u64)>> = BTreeMap::new();
    let text = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    for row in swept().rows("files") {
        let file = text(&row, "source_path");
        for run in row["record_runs"].as_array().unwrap() {
            let [first, last] = ["first_record_id", "last_record_id"].map(|id| run[id].as_u64().unwrap());
            let log = (file.clone(), text(run, "computer"), text(run, "channel"));
            runs.entry(log).or_default().push((first, last));
        }
    }
    for line in truth_events() {
        let time = ticks(line["TimeCreated"].as_str().unwrap()).div_euclid(10);
        expected.entry((text(&line, "file"), text(&line, "Computer"))).or_default().push(time);
        let log = (text(&line, "file"), text(&line, "Computer"), text(&line, "Channel"));
        let id = line["EventRecordID"].as_u64().unwrap();
        assert!(runs[&log].iter().any(|(first, last)| (*first..=*last).contains(&id)), "{line}");
    }
    let mut most = 0;
    for row in swept().rows("files") {
        let hosts = row["hosts"].as_array().unwrap();
        most = most.max(hosts.len());
        let names: Vec<&Value> = hosts.iter().map(|host| &host["computer"]).collect();
        assert_eq!(json!(names), row["computers"], "{row}");
        let sum = |name: &str| hosts.iter().map(|host| host[name].as_u64().unwrap()).sum::<u64>();
        let read = row["records"].as_u64().unwrap() + row["refound_records"].as_u64().unwrap();
        assert_eq!((sum("records"), json!(sum("sysmon_records"))), (read, row["sysmon_records"].clone()));
        for host in hosts {
            let key = (text(&row, "source_path"), text(host, "computer"));
            let times = expected.remove(&key).unwrap_or_default();
            assert_eq!(host["dns_queries"], times.len(), "{key:?}");
            assert_eq!(host["dns_first_time"], json!(times.iter().min()), "{key:?}");
            assert_eq!(host["dns_last_time"], json!(times.iter().max()), "{key:?}");
        }
    }
    assert!(expected.is_empty(), "no machine for {expected:?}");
    assert!(most > 1, "no log with records of several machines");
}

/// The number of recovered deleted records is the number that the logs' makers state, or that
/// another reader recovers with the right definitions. Searching for deleted records changes
/// nothing else.
fn recovered() {
    const KNOWN: [(&str, u64); 4] = [
        ("constructed/dev-slack/sysmon.evtx", 90),
        ("slack/9a132afa-654e-11eb-ae93-0242ac130002.evtx", 5),
        // This is the number that `evtx_dump --recover-records` of evtx 0.15 recovers.
        ("slack/proc_creation_win_pua_advanced_port_scanner.evtx", 26),
        // That reader recovers 25 here, with definitions of other events.
        ("non-sysmon/system.evtx", 0),
    ];
    let scene = Scene::new();
    let with = sweep(&[&folder()], &scene.out(), &["--recover"]).expect(3);
    for (file, count) in KNOWN {
        assert_eq!(with.file(file)["recovered_records"], count, "{file}");
    }
    let live = |swept: &FinishedSweep| -> Vec<Value> {
        swept.rows("matches").into_iter().filter(|row| row["recovered"] == false).collect()
    };
    assert!(live(&with) == swept().rows("matches"));
    assert!(with.rows("matches").len() > live(&with).len());
    let table =
        |swept: &FinishedSweep| tables::read(&swept.out.join(format!("stats/{SEED_ID}.parquet"))).rows;
    assert!(table(&with) == table(swept()));
    let without = |swept: &FinishedSweep| -> Vec<Value> {
        let forget = |mut row: Value| {
            row["recovered_records"].take();
            row
        };
        swept.rows("files").into_iter().map(forget).collect()
    };
    assert!(without(&with) == without(swept()));
}

/// A rule that describes every DNS query with a name.
const EVERY_NAME: &str = r#"
name: Every name
id: 00000000-0000-0000-0000-000000000001
version: 1
search: '`sysmon` EventCode=22 QueryName="*" | stats count by dest'
"#;

/// Deleted DNS queries are recovered with their values, all of which lie in their records, even if
/// the names in the template definitions are lost.
fn recovered_texts() {
    let scene = Scene::new();
    let rule = scene.path("rule.yml");
    fs::write(&rule, EVERY_NAME).unwrap();
    let slack = folder().join("slack");
    let swept =
        sweep(&[&slack], &scene.out(), &["--recover", "--detection", rule.to_str().unwrap()]).expect(0);
    let rows = swept.rows("matches");
    let ids: Vec<i64> = rows.iter().map(|row| row["event_record_id"].as_i64().unwrap()).collect();
    // The number is known from the identifiers and the words `QueryName` and `QueryResults` in a
    // dump of the files' bytes.
    assert_eq!(ids, [529_467, 529_468, 529_482, 529_483, 529_490, 650_198]);
    for row in rows {
        let bytes = fs::read(slack.join(row["source_path"].as_str().unwrap())).unwrap();
        let start = usize::try_from(row["record_offset"].as_u64().unwrap()).unwrap();
        let size = u32::from_le_bytes(bytes[start + 4..start + 8].try_into().unwrap()) as usize;
        let record = &bytes[start..start + size];
        for column in ["query_name", "query_results", "image", "user", "query_status", "rule_name"] {
            let text: Vec<u8> =
                row[column].as_str().unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
            assert!(
                !text.is_empty() && record.windows(text.len()).any(|part| part == text),
                "{column} of {row}"
            );
        }
    }
}

fn threads() {
    let tables = |threads| {
        let scene = Scene::new();
        sweep(&[&folder()], &scene.out(), &["--threads", threads]).expect(3).tables()
    };
    let (one, eight) = (tables("1"), tables("8"));
    for ((name, bytes), (_, same)) in one.iter().zip(&eight) {
        assert!(bytes == same, "{name} differs");
    }
    assert_eq!(one.len(), eight.len());
}
