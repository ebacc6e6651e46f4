//! `dnsweep timeline`: what happened, in order of time. What has to be in it follows from the truth
//! files of the samples and the descriptions of their events, which dnsweep did not make.
//! `tests/judge_timeline.py` compares the values with the tables.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use common::logs::{log, log_of, matching};
use common::truth::{self, microseconds};
use common::{FinishedProcess, Scene, dnsweep, repository, run, sweep};
use dnsweep_samples::truth::SampleFile;
use dnsweep_samples::{Event, LogWriter, Style, story};
use serde_json::Value;

fn timeline(out: &Path, options: &[&str]) -> FinishedProcess {
    run(dnsweep().arg("timeline").arg(out).args(options))
}

/// Returns the entries of a timeline, as its JSON lines have them.
#[track_caller]
fn entries(out: &Path, options: &[&str]) -> Vec<Value> {
    let ended = timeline(out, &[&["--format", "jsonl", "--quiet"], options].concat());
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A process by its computer and its GUID.
type Key = (String, String);

/// What has to be in a timeline: the time in microseconds, the kind, the computer, the GUID of the
/// process, what happened, and the file and the offset of the record (`None` for the end of a
/// process, of which the tables keep no record).
type Entry = (i64, &'static str, String, String, String, Option<(String, u64)>);

fn text(line: &Value, name: &str) -> String {
    line[name].as_str().unwrap().to_owned()
}

fn lines_of(file: &str, folder: &str) -> Vec<Value> {
    let lost = |line: &Value| line.get("lost").is_some_and(|lost| lost == true);
    let of_folder = |line: &Value| text(line, "file").starts_with(&format!("{folder}/")) && !lost(line);
    truth::lines(&repository("samples").join(file)).into_iter().filter(of_folder).collect()
}

/// Returns the path of a line's file below the folder of the samples that was swept, and the offset
/// of its record.
fn place(line: &Value) -> (String, u64) {
    let (_, path) = line["file"].as_str().unwrap().split_once('/').unwrap();
    (path.to_owned(), line["record_offset"].as_u64().unwrap())
}

/// Returns the ends of processes in the files of the samples: UtcTime and Image of each event 5.
fn ends(files: &[SampleFile]) -> BTreeMap<Key, (String, String)> {
    let records = files.iter().flat_map(|file| &file.records).filter(|record| !record.lost);
    let ends = records
        .map(|record| &record.event)
        .filter(|event| event.provider == dnsweep_samples::SYSMON.name && event.event_id == 5);
    let value = |event: &Event, name: &str| event.value(name).unwrap().text();
    ends.map(|event| {
        let guid = value(event, "ProcessGuid").trim_matches(['{', '}']).to_lowercase();
        ((event.computer.clone(), guid), (value(event, "UtcTime"), value(event, "Image")))
    })
    .collect()
}

/// Returns the entries that a timeline of a folder of the samples has to have, in any order: the
/// matches, and the starts and ends of their processes and of the ancestors of these.
fn expected(folder: &str, files: &[SampleFile]) -> Vec<Entry> {
    let matches: Vec<Value> =
        lines_of("truth.jsonl", folder).into_iter().filter(|line| line["match"] == true).collect();
    let creations: BTreeMap<Key, Value> = lines_of("truth_processes.jsonl", folder)
        .into_iter()
        .map(|line| ((text(&line, "Computer"), text(&line, "ProcessGuid")), line))
        .collect();
    let mut processes: BTreeSet<Key> = BTreeSet::new();
    for line in &matches {
        let mut next = Some(text(line, "ProcessGuid"));
        while let Some(guid) = next {
            let key = (text(line, "Computer"), guid);
            next = creations.get(&key).map(|creation| text(creation, "ParentProcessGuid"));
            processes.insert(key);
        }
    }
    let mut entries: Vec<Entry> = matches
        .iter()
        .map(|line| {
            let time = microseconds(&text(line, "UtcTime"));
            let [computer, guid, name] =
                ["Computer", "ProcessGuid", "QueryName"].map(|name| text(line, name));
            (time, "match", computer, guid, name, Some(place(line)))
        })
        .collect();
    let ends = ends(files);
    for key in processes {
        let (computer, guid) = key.clone();
        if let Some(line) = creations.get(&key) {
            let time = microseconds(&text(line, "UtcTime"));
            let happened = text(line, "CommandLine");
            entries.push((
                time,
                "process start",
                computer.clone(),
                guid.clone(),
                happened,
                Some(place(line)),
            ));
        }
        if let Some((time, image)) = ends.get(&key) {
            entries.push((microseconds(time), "process end", computer, guid, image.clone(), None));
        }
    }
    entries
}

/// Returns an entry of a timeline in the form of [`expected`].
fn shown(line: &Value) -> Entry {
    let kinds = ["match", "process start", "process end"];
    let kind = kinds.into_iter().find(|kind| line["kind"] == *kind).unwrap();
    let happened = match kind {
        "match" => "query_name",
        "process start" => "command_line",
        _ => "image",
    };
    let place =
        line["source_path"].as_str().map(|path| (path.to_owned(), line["record_offset"].as_u64().unwrap()));
    let time = microseconds(&text(line, "time"));
    (time, kind, text(line, "computer"), text(line, "process_guid"), text(line, happened), place)
}

#[track_caller]
fn check(folder: &str, files: &[SampleFile], status: i32, least: usize) {
    let scene = Scene::new();
    let samples = repository("samples").join(folder);
    sweep(&[&samples], &scene.out(), &["--context", "--quiet", "--no-report"]).expect(status);
    let found: Vec<Entry> = entries(&scene.out(), &[]).iter().map(shown).collect();
    assert!(found.iter().map(|entry| entry.0).is_sorted(), "{found:#?}");
    let (mut sorted, mut expected) = (found, expected(folder, files));
    sorted.sort();
    expected.sort();
    assert_eq!(sorted, expected);
    assert!(expected.len() >= least, "{}", expected.len());
}

#[test]
fn what_happened_in_the_samples_is_shown_in_order() {
    check("evidence", &story::evidence().unwrap(), 0, 28);
}

#[test]
fn what_is_left_of_damaged_logs_is_shown_in_order() {
    check("damaged", &story::damaged().unwrap(), 3, 30);
}

/// Sweeps the samples with all tables that a timeline reads.
fn samples(scene: &Scene) {
    let options = ["--context", "--dns-client", "--quiet", "--no-report"];
    sweep(&[&repository("samples/evidence")], &scene.out(), &options).expect(0);
}

#[test]
fn all_formats_have_the_same_entries_and_no_character_that_acts() {
    let scene = Scene::new();
    samples(&scene);
    let lines = entries(&scene.out(), &[]);
    let csv = timeline(&scene.out(), &["--format", "csv"]).stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), lines.len());
    for (row, line) in rows.iter().zip(&lines) {
        assert_eq!(header, line.as_object().unwrap().keys().cloned().collect::<Vec<_>>());
        for (name, field) in header.iter().zip(row) {
            let given_back = field.strip_prefix('\'').unwrap_or(field);
            match &line[name] {
                Value::String(text) => assert_eq!(given_back, text, "{name}"),
                Value::Null => assert_eq!(field, "", "{name}"),
                Value::Array(_) => {}
                other => assert_eq!(field, other.to_string(), "{name}"),
            }
            assert!(!field.starts_with(['=', '+', '@', '\t', '\r', '\n']), "{name}: {field}");
        }
    }
    let ended = timeline(&scene.out(), &[]);
    let heads: Vec<&str> = ended.stdout.lines().filter(|line| line.starts_with("2025-")).collect();
    assert_eq!(heads.len(), lines.len());
    for (head, line) in heads.iter().zip(&lines) {
        let time = text(line, "time").replace('T', " ");
        assert!(head.starts_with(&format!("{}Z  {}", &time[..23], text(line, "kind"))), "{head}: {line}");
        let hash = line["event_hash"].as_str().map_or("", |hash| &hash[..12]);
        assert!(head.contains(hash) && head.ends_with(&text(line, "computer")), "{head}: {line}");
    }
    assert!(ended.stdout.contains(r"\u{1b}[2J\u{1b}[31mpastebin.com\u{7}"));
    assert!(ended.stdout.chars().all(|c| c == '\n' || !c.is_control()));
    assert!(
        ended.stdout.contains("3 process starts not found, so not shown: 2 log begins later, 1 not logged")
    );
    assert_eq!(ended.stderr, "");
}

#[test]
fn several_hosts_can_be_chosen_and_an_unknown_one_is_a_usage_error() {
    let scene = Scene::new();
    samples(&scene);
    let all = entries(&scene.out(), &[]);
    let of = |names: &[&str]| -> Vec<Value> {
        all.iter().filter(|line| names.contains(&line["computer"].as_str().unwrap())).cloned().collect()
    };
    let chosen = entries(&scene.out(), &["--host", "sales-ws21", "--host", "FIN-WS07.corp.example"]);
    assert_eq!(chosen, of(&["SALES-WS21.corp.example", "FIN-WS07.corp.example"]));
    assert!(chosen.len() < all.len() && chosen.len() > of(&["FIN-WS07.corp.example"]).len());
    assert_eq!(entries(&scene.out(), &["--host", "LAB-PC05"]), [Value::Null; 0]);
    let before = scene.listing();
    let file = scene.path("t.csv");
    let refused =
        timeline(&scene.out(), &["--host", "FIN-WS07", "--host", "FIN", "-o", file.to_str().unwrap()]);
    assert_eq!((refused.status, refused.stdout.as_str()), (2, ""));
    assert!(refused.stderr.contains("--host 'FIN': the output has no host"), "{}", refused.stderr);
    assert!(before == scene.listing(), "something was written");
}

#[test]
fn what_the_output_does_not_have_is_said() {
    let scene = Scene::new();
    scene.put("HOST/a.evtx", &log_of("HOST"));
    scene.put("HOST/b.evtx", &log_of("HOST"));
    scene.sweep(&["--quiet", "--no-report"]).expect(0);
    let ended = timeline(&scene.out(), &[]);
    assert_eq!(ended.status, 0);
    assert!(
        ended.stderr.contains("starts and ends of processes, which need sweep --context"),
        "{}",
        ended.stderr
    );
    assert!(ended.stderr.contains("leads, which need sweep --dns-client"), "{}", ended.stderr);
    assert!(
        ended.stdout.ends_with("\n1 entry: 1 match\nleft out: 1 row of copies of an event\n"),
        "{}",
        ended.stdout
    );
    assert_eq!(timeline(&scene.out(), &["--quiet"]).stderr, "");
    let csv = timeline(&scene.out(), &["--format", "csv"]);
    assert!(csv.stderr.contains("left out: 1 row of copies"), "{}", csv.stderr);
    let json = scene.out().join("run.json");
    let run = fs::read_to_string(&json).unwrap();
    fs::write(&json, run.replace("\"interrupted\": false", "\"interrupted\": true")).unwrap();
    let ended = timeline(&scene.out(), &["--quiet"]);
    assert_eq!(ended.status, 0);
    assert!(ended.stderr.contains("warning: the sweep was interrupted"), "{}", ended.stderr);
}

#[test]
fn entries_from_deleted_records_are_marked() {
    let scene = Scene::new();
    let mut writer = LogWriter::new(Style::Live);
    writer.push(&matching(1)).unwrap();
    writer.end_chunk_leaving(&[matching(2)]).unwrap();
    scene.put("HOST/Sysmon.evtx", &writer.finish());
    scene.sweep(&["--recover", "--quiet", "--no-report"]).expect(0);
    let recovered: Vec<(u64, bool)> = entries(&scene.out(), &[])
        .iter()
        .map(|line| (line["event_record_id"].as_u64().unwrap(), line["recovered"] == true))
        .collect();
    assert_eq!(BTreeSet::from_iter(recovered), BTreeSet::from([(1, false), (2, true)]));
    let shown = timeline(&scene.out(), &["--quiet"]).stdout;
    assert_eq!(shown.matches("[from a deleted record: ").count(), 1, "{shown}");
}

#[test]
fn a_file_is_complete_or_absent_and_has_what_standard_output_gets() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    scene.sweep(&["--quiet"]).expect(0);
    let file = scene.path("timeline");
    for format in ["text", "csv", "jsonl"] {
        let shown = timeline(&scene.out(), &["--format", format, "--quiet"]);
        let options = ["--format", format, "--quiet", "--force", "-o", file.to_str().unwrap()];
        let written = timeline(&scene.out(), &options);
        assert_eq!((written.status, written.stdout.as_str(), written.stderr.as_str()), (0, "", ""));
        assert_eq!(fs::read_to_string(&file).unwrap(), shown.stdout, "{format}");
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let said = timeline(&scene.out(), &["--force", "-o", file.to_str().unwrap()]).stderr;
    assert!(said.contains("timeline written to '"), "{said}");
    let path = |name: &str| scene.path(name).to_str().unwrap().to_owned();
    let before = scene.listing();
    for (file, part) in [
        (path("timeline"), "--force"),
        (path("out/t"), "lies in the output"),
        (path("evidence/t"), "lies in evidence"),
    ] {
        let refused = timeline(&scene.out(), &["-o", &file]);
        assert_eq!(refused.status, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains(part), "{}", refused.stderr);
    }
    assert!(before == scene.listing(), "something was written");
}

#[test]
fn what_is_no_complete_output_is_refused() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    scene.sweep(&["--quiet", "--no-report"]).expect(0);
    let refused = |path: &Path| {
        let ended = timeline(path, &[]);
        assert_eq!((ended.status, ended.stdout.as_str(), ended.stderr.lines().count()), (2, "", 1));
        ended.stderr
    };
    assert!(refused(&scene.evidence()).contains("expected an output of dnsweep"));
    let table = scene.out().join("matches.parquet");
    let whole = fs::read(&table).unwrap();
    fs::write(&table, vec![0; whole.len()]).unwrap();
    assert!(refused(&scene.out()).contains("matches.parquet that cannot be read"));
    fs::remove_file(&table).unwrap();
    assert!(refused(&scene.out()).contains("expected a complete output"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure_and_a_full_disk_is_one() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log(&(1..500).map(matching).collect::<Vec<_>>()));
    scene.sweep(&["--quiet", "--no-report"]).expect(0);
    for format in ["text", "csv", "jsonl"] {
        let line =
            r#""$0" timeline "$1" --quiet --format "$2" | head -1 > /dev/null; exit "${PIPESTATUS[0]}""#;
        let mut command = Command::new("bash");
        command.args(["-c", line, env!("CARGO_BIN_EXE_dnsweep")]).arg(scene.out()).arg(format);
        let ended = run(&mut command);
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{format}");
        let Ok(full) = File::options().write(true).open("/dev/full") else { continue };
        let mut command = dnsweep();
        command.arg("timeline").arg(scene.out()).args(["--format", format]).stdin(Stdio::null()).stdout(full);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(5), "{format}: {stderr}");
        assert!(stderr.contains("standard output"), "{stderr}");
    }
}
