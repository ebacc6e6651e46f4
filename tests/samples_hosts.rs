//! The sample evidence by host and by file, computed here from the descriptions of its events.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::{BTreeMap, BTreeSet};

use common::truth::{assert_same_rows, microseconds_of_filetime};
use common::{FinishedSweep, Scene, repository, sweep};
use dnsweep_samples::truth::{SampleFile, SampleRecord, is_dns_query, matches_seed};
use dnsweep_samples::{CHUNK_SIZE, HEADER_SIZE, damage, story};
use serde_json::{Value, json};

fn sweep_samples(scene: &Scene, folder: &str, status: i32) -> FinishedSweep {
    sweep(&[&repository("samples").join(folder)], &scene.out(), &[]).expect(status)
}

/// Returns the records of a sample file that damage did not destroy.
fn left(file: &SampleFile) -> impl Iterator<Item = &SampleRecord> {
    file.records.iter().filter(|record| !record.lost)
}

fn is_sysmon(record: &SampleRecord) -> bool {
    record.event.provider == dnsweep_samples::SYSMON.name
}

fn evidence_of(file: &SampleFile) -> &str {
    file.path.split('/').nth(1).unwrap()
}

fn source_path(file: &SampleFile) -> &str {
    file.path.split_once('/').unwrap().1
}

/// Returns values with their counts: the most frequent first, then in byte order.
fn counted<'a>(values: impl Iterator<Item = &'a str>) -> Value {
    let mut counts: BTreeMap<&str, i64> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<(&str, i64)> = counts.into_iter().collect();
    counts.sort_by_key(|(_, count)| -count);
    counts.into_iter().map(|(value, count)| json!({ "value": value, "count": count })).collect()
}

fn first_and_last(records: &[&SampleRecord]) -> (Option<i64>, Option<i64>) {
    let times = || records.iter().map(|record| microseconds_of_filetime(record.event.time));
    (times().min(), times().max())
}

/// Returns the expected row of each host in the table of hosts. `is_whole` says which files are
/// read without a problem.
fn hosts(files: &[SampleFile], is_whole: impl Fn(&SampleFile) -> bool) -> Vec<Value> {
    let computers: BTreeSet<&str> =
        files.iter().flat_map(left).map(|record| record.event.computer.as_str()).collect();
    computers
        .into_iter()
        .map(|computer| {
            let names = |file: &&SampleFile| left(file).any(|record| record.event.computer == computer);
            let evidence: BTreeSet<&str> = files.iter().filter(names).map(evidence_of).collect();
            // Files that name no machine count for all hosts of their evidence.
            let own = |file: &&SampleFile| {
                names(file) || (left(file).next().is_none() && evidence.contains(evidence_of(file)))
            };
            let own: Vec<&SampleFile> = files.iter().filter(own).collect();
            let records: Vec<&SampleRecord> = own
                .iter()
                .flat_map(|file| left(file))
                .filter(|record| record.event.computer == computer)
                .collect();
            let matches: Vec<&SampleRecord> =
                records.iter().copied().filter(|record| matches_seed(&record.event)).collect();
            let texts = |name: &str| -> Vec<String> {
                matches.iter().filter_map(|record| Some(record.event.value(name)?.text())).collect()
            };
            let counts = |name: &str| counted(texts(name).iter().map(String::as_str));
            let names: Vec<String> = texts("QueryName").iter().map(|name| name.to_lowercase()).collect();
            let queries: Vec<&SampleRecord> =
                records.iter().copied().filter(|record| is_dns_query(&record.event)).collect();
            let (dns_first, dns_last) = first_and_last(&queries);
            let sysmon = records.iter().filter(|record| is_sysmon(record)).count();
            let ((first, last), (log_first, log_last)) = (first_and_last(&matches), first_and_last(&records));
            json!({
                "computer": computer,
                "evidence": evidence,
                "matches": matches.len(),
                "unique_matches": matches.len(),
                "first_time": first,
                "last_time": last,
                "query_names": counted(names.iter().map(String::as_str)),
                "processes": counts("Image"),
                "users": counts("User"),
                "query_statuses": counts("QueryStatus"),
                "risk_score": if matches.is_empty() { 0 } else { 64 },
                "dns_queries": queries.len(),
                "dns_queries_in_period": queries.len(),
                "dns_first_time": dns_first,
                "dns_last_time": dns_last,
                "period_coverage": null,
                "sysmon_records": sysmon,
                "records": records.len(),
                "log_first_time": log_first,
                "log_last_time": log_last,
                "files": own.len(),
                "damaged_files": own.iter().filter(|file| !is_whole(file)).count(),
                "not_read_files": 0,
                "verdict": match (matches.len(), queries.len(), sysmon) {
                    (0, 0, 0) => "no Sysmon",
                    (0, 0, _) => "no DNS queries logged",
                    (0, ..) => "no matches",
                    _ => "matches",
                },
            })
        })
        .collect()
}

#[test]
fn hosts_are_what_their_events_add_up_to() {
    let scene = Scene::new();
    let expected = hosts(&story::evidence().unwrap(), |_| true);
    let found = sweep_samples(&scene, "evidence", 0).rows("hosts");
    assert_same_rows(&found, &expected);
    // The hosts are sorted by name.
    assert_eq!(found.iter().map(|row| &row["computer"]).collect::<Vec<_>>(), {
        expected.iter().map(|row| &row["computer"]).collect::<Vec<_>>()
    });
    let verdict = |computer: &str| &found.iter().find(|row| row["computer"] == computer).unwrap()["verdict"];
    for (computer, expected) in [
        ("FIN-WS07.corp.example", "matches"),
        ("SALES-WS21.corp.example", "matches"),
        ("FIN-WS12.corp.example", "no matches"),
        ("LAB-PC05.corp.example", "no DNS queries logged"),
        ("SRV-FILE01.corp.example", "no Sysmon"),
    ] {
        assert_eq!(verdict(computer), expected, "{computer}");
    }
}

#[test]
fn hosts_with_damaged_logs_say_so() {
    let scene = Scene::new();
    // Among the damaged samples, only the log of the healthy neighbour is whole.
    let whole = |file: &SampleFile| evidence_of(file) == "DMG-WS06" && !file.records.is_empty();
    let expected = hosts(&story::damaged().unwrap(), whole);
    assert_same_rows(&sweep_samples(&scene, "damaged", 3).rows("hosts"), &expected);
}

/// Returns what the ledger must say about a file's records and chunks.
fn ledger_row(file: &SampleFile) -> Value {
    let records: Vec<&SampleRecord> = left(file).collect();
    let ids = || records.iter().map(|record| record.event.record_id);
    let computers: BTreeSet<&str> = records.iter().map(|record| record.event.computer.as_str()).collect();
    let (first, last) = first_and_last(&records);
    let is_log = file.style.is_some();
    let places = if is_log { file.bytes.len().saturating_sub(HEADER_SIZE).div_ceil(CHUNK_SIZE) } else { 0 };
    let used: BTreeSet<usize> = records.iter().map(|record| record.place.chunk).collect();
    // A chunk without a signature does not count as empty, because its contents are unknown.
    let foreign =
        (0..places).filter(|chunk| file.bytes[damage::chunk_offset(*chunk)..].starts_with(b"BadChunk"));
    json!({
        "source_path": source_path(file),
        "evidence": evidence_of(file),
        "size": file.bytes.len(),
        "computers": computers,
        "first_time": first,
        "last_time": last,
        "first_record_id": ids().min(),
        "last_record_id": ids().max(),
        "chunks": places,
        "empty_chunks": places - used.len() - foreign.count(),
        "dirty": file.bytes.starts_with(b"ElfFile") && file.bytes[120] & 1 == 1,
    })
}

#[test]
fn the_ledger_describes_each_file() {
    for (folder, files, status) in
        [("evidence", story::evidence().unwrap(), 0), ("damaged", story::damaged().unwrap(), 3)]
    {
        let scene = Scene::new();
        let found = sweep_samples(&scene, folder, status).rows("files");
        let expected: Vec<Value> = files.iter().map(ledger_row).collect();
        assert_same_rows(&found, &expected);
        let paths = |rows: &[Value]| rows.iter().map(|row| row["source_path"].clone()).collect::<Vec<_>>();
        assert_eq!(paths(&found), paths(&expected), "the ledger is in the order of the paths");
    }
}

/// A damaged sample: its folder, file and status, and the problem that is reported for the damage:
/// offset, length, a part of its text.
type Damage = (&'static str, &'static str, &'static str, u64, u64, &'static str);

const SYSMON_LOG: &str = "Microsoft-Windows-Sysmon%4Operational.evtx";

/// The damage that was done to each of the damaged samples, as their README describes it.
const DAMAGES: [Damage; 6] = [
    ("DMG-WS01", SYSMON_LOG, "damaged", 4096 + 65_536, 30_000, "expected 65536 bytes, found 30000"),
    (
        "DMG-WS02",
        SYSMON_LOG,
        "damaged",
        4096 + 65_536,
        65_536,
        "chunk signature: expected \"ElfChnk\\0\", found \"BadChunk\"",
    ),
    ("DMG-WS05", SYSMON_LOG, "damaged", 0, 4096, "file signature"),
    ("DMG-WS06", "Security.evtx", "empty", 0, 0, "empty file"),
    ("DMG-WS06", "Application.evtx", "not an event log", 0, 59, "found \"This is \""),
    // The bytes from the first record to the free space. The test reads their number from the
    // chunk's header.
    ("DMG-WS03", SYSMON_LOG, "damaged", 4096 + 512, 0, "checksum of the chunk's records"),
];

#[test]
fn each_damage_is_reported_with_its_kind_and_place() {
    let scene = Scene::new();
    let swept = sweep_samples(&scene, "damaged", 3);
    for (folder, name, status, offset, length, text) in DAMAGES {
        let path = format!("{folder}/Windows/System32/winevt/Logs/{name}");
        let length = if text.starts_with("checksum") {
            let bytes = std::fs::read(repository("samples/damaged").join(&path)).unwrap();
            u64::from(u32::from_le_bytes(bytes[4096 + 48..4096 + 52].try_into().unwrap())) - 512
        } else {
            length
        };
        let row = swept.file(&path);
        assert_eq!(row["status"], status, "{path}");
        let problems = row["problems"].as_array().unwrap();
        let found = problems.iter().any(|problem| {
            problem["offset"] == offset
                && problem["length"] == length
                && problem["problem"].as_str().unwrap().contains(text)
        });
        assert!(found, "{path}: {problems:#?}");
    }
    assert_eq!(
        swept.file(&format!("DMG-WS06/Windows/System32/winevt/Logs/{SYSMON_LOG}"))["status"],
        "complete"
    );
}

#[test]
fn a_record_of_size_zero_is_one_problem_and_the_records_after_it_are_found() {
    let scene = Scene::new();
    let swept = sweep_samples(&scene, "damaged", 3);
    let files = story::damaged().unwrap();
    let file = files.iter().find(|file| evidence_of(file) == "DMG-WS04").unwrap();
    let lost = file.records.iter().find(|record| record.lost).unwrap();
    let row = swept.file(source_path(file));
    let at = (lost.place.offset as u64, lost.place.size as u64);
    let problems = row["problems"].as_array().unwrap();
    let found = problems.iter().any(|problem| {
        (problem["offset"].as_u64(), problem["length"].as_u64()) == (Some(at.0), Some(at.1))
            && problem["problem"].as_str().unwrap().contains("found 0")
    });
    assert!(found, "{problems:#?}");
    // A walk from size to size cannot reach the records of the same chunk that lie after it.
    let after = left(file)
        .filter(|record| record.place.chunk == lost.place.chunk && record.place.offset > lost.place.offset)
        .count();
    assert_eq!(row["refound_records"], after);
    assert_eq!(row["records"], left(file).count() - after);
}
