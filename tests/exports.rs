//! `dnsweep export`: usage errors come before any work, a file is complete or absent, and hostile
//! texts reach other programs as what they are. `tests/judge_exports.py` compares the formats with
//! what their makers publish.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs::{self, File};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::logs::{log, log_of, matching};
use common::tables::{self, Table};
use common::{FinishedProcess, Scene, dnsweep, listing, run, send, start, sweep, wait};
use dnsweep_samples::corpus::{Corpus, Pool};
use serde_json::Value;

const FORMATS: [&str; 6] = ["csv", "jsonl", "timesketch", "ecs", "splunk-hec", "ocsf"];

/// A harmful text: it acts on terminals, begins a formula, breaks lines, and ends fields and texts.
const HARM: &str = "=cmd|'/c calc'!A1\x1b[2J\u{9b}31m\u{202e}\"\r\n,;'\t\u{feff}\u{2028}";

fn export(out: &Path, options: &[&str]) -> FinishedProcess {
    run(dnsweep().arg("export").arg(out).args(options))
}

/// Makes the output of a sweep with one match, without containers and leads.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    scene.sweep(&["--quiet"]).expect(0);
    scene
}

/// Runs an export with these options, which must be refused before anything is done. Returns the
/// error message.
#[track_caller]
fn refused(scene: &Scene, options: &[&str]) -> String {
    let before = scene.listing();
    let ended = export(&scene.out(), options);
    assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{}", ended.stderr);
    assert!(before == scene.listing(), "something was written");
    ended.stderr
}

#[test]
fn usage_errors_come_first_and_say_what_to_do() {
    let scene = scene();
    for (options, part) in [
        (&["--to", "csv", "--table", "leads"][..], "--dns-client"),
        (&["--to", "csv", "--table", "containers"], "no archive or disk image"),
        (&["--to", "csv", "--table", "match"], "expected matches, hosts, leads"),
        (&["--to", "csv", "--table", "stats/x"], "stats/3cf0dc36-484d-11ec-a6bc-acde48001122"),
        (&["--to", "ecs", "--table", "hosts"], "--to csv or --to jsonl"),
        (&["--to", "xml"], "timesketch"),
        (&[], "--to"),
    ] {
        let message = refused(&scene, options);
        assert!(message.contains(part), "expected '{part}' in: {message}");
    }
}

#[test]
fn what_is_no_complete_output_of_this_version_is_refused() {
    let scene = scene();
    let out = scene.out();
    let refused = |path: &Path| {
        let ended = export(path, &["--to", "jsonl"]);
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{}", ended.stderr);
        assert_eq!(ended.stderr.lines().count(), 1);
        ended.stderr
    };
    assert!(refused(&scene.evidence()).contains("expected an output of dnsweep"));
    assert!(refused(&scene.path("missing")).contains("expected an output of dnsweep"));
    let table = out.join("matches.parquet");
    let whole = fs::read(&table).unwrap();
    fs::write(&table, &whole[..whole.len() - 1]).unwrap();
    assert!(refused(&out).contains("dnsweep verify"));
    // The size is right and the content is not.
    fs::write(&table, vec![0; whole.len()]).unwrap();
    assert!(refused(&out).contains("matches.parquet that cannot be read"));
    fs::remove_file(&table).unwrap();
    assert!(refused(&out).contains("expected a complete output"));
    fs::write(&table, whole).unwrap();
    let json = out.join("run.json");
    let run = fs::read_to_string(&json).unwrap();
    let version = run.lines().find(|line| line.contains("schema_version")).unwrap();
    fs::write(&json, run.replace(version, "  \"schema_version\": 999999,")).unwrap();
    assert!(refused(&out).contains("found 999999: use the dnsweep that wrote it"));
}

#[test]
fn a_file_is_written_only_where_it_harms_nothing() {
    let scene = scene();
    let path = |name: &str| scene.path(name).to_str().unwrap().to_owned();
    fs::write(path("mine.csv"), "mine").unwrap();
    symlink("mine.csv", path("link.csv")).unwrap();
    for (file, part) in [
        (path("mine.csv"), "--force"),
        (path("link.csv"), "expected a file"),
        (path("out"), "expected a file"),
        ("/dev/null".to_owned(), "expected a file"),
        (path("missing/a.csv"), "the folder of this file"),
        (path("out/a.csv"), "lies in the output"),
        (path("out/stats/a.csv"), "lies in the output"),
        (path("evidence/a.csv"), "lies in evidence"),
        (path("evidence/HOST/a.csv"), "lies in evidence"),
    ] {
        let message = refused(&scene, &["--to", "csv", "-o", &file]);
        assert!(message.contains(part), "{file}: expected '{part}' in: {message}");
    }
    // Not even with --force.
    let log = path("evidence/HOST/Sysmon.evtx");
    assert!(refused(&scene, &["--to", "csv", "--force", "-o", &log]).contains("lies in evidence"));
}

#[test]
fn a_file_has_what_standard_output_gets_and_is_the_owners() {
    let scene = scene();
    let file = scene.path("export");
    for format in FORMATS {
        let shown = export(&scene.out(), &["--to", format]);
        assert_eq!((shown.status, shown.stderr.as_str()), (0, ""), "{format}");
        let dash = export(&scene.out(), &["--to", format, "-o", "-"]);
        let written = export(&scene.out(), &["--to", format, "--force", "-o", file.to_str().unwrap()]);
        assert_eq!((written.status, written.stdout.as_str()), (0, ""), "{format}: {}", written.stderr);
        assert!(written.stderr.contains("1 row exported to '"), "{}", written.stderr);
        assert!(fs::read_to_string(&file).unwrap() == shown.stdout && dash.stdout == shown.stdout);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let names = fs::read_dir(scene.path("")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(names.count(), 3, "evidence, out and export");
}

#[test]
fn a_full_disk_leaves_no_file_and_the_earlier_one_whole() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log(&(1..200).map(matching).collect::<Vec<_>>()));
    scene.sweep(&["--quiet"]).expect(0);
    let file = scene.path("export");
    for earlier in [None, Some("earlier")] {
        if let Some(text) = earlier {
            fs::write(&file, text).unwrap();
        }
        for format in FORMATS {
            let before = scene.listing();
            let line = r#"ulimit -f 8; exec "$0" export "$1" --to "$2" --force -o "$3""#;
            let mut command = Command::new("sh");
            command.args(["-c", line, env!("CARGO_BIN_EXE_dnsweep")]).arg(scene.out()).arg(format).arg(&file);
            let ended = run(&mut command);
            assert_eq!((ended.status, ended.stderr.lines().count()), (5, 1), "{format}: {}", ended.stderr);
            assert!(ended.stderr.contains("cannot write '"), "{}", ended.stderr);
            assert!(before == scene.listing(), "{format}: something is left");
        }
    }
    for format in FORMATS {
        let full = File::options().write(true).open("/dev/full");
        let Ok(full) = full else { return };
        let mut command = dnsweep();
        command.arg("export").arg(scene.out()).args(["--to", format]).stdin(Stdio::null()).stdout(full);
        let output = command.output().unwrap();
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(5), "{format}: {stderr}");
        assert!(stderr.contains("standard output"), "{stderr}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log(&(1..2000).map(matching).collect::<Vec<_>>()));
    scene.sweep(&["--quiet"]).expect(0);
    for format in FORMATS {
        let line = r#""$0" export "$1" --to "$2" | head -1 > /dev/null; exit "${PIPESTATUS[0]}""#;
        let mut command = Command::new("bash");
        command.args(["-c", line, env!("CARGO_BIN_EXE_dnsweep")]).arg(scene.out()).arg(format);
        let ended = run(&mut command);
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{format}");
    }
}

#[test]
fn an_interrupted_export_leaves_no_file() {
    let scene = Scene::new();
    let pool = Pool::new(Corpus::Dense).unwrap();
    for machine in 0..40 {
        scene.put(&format!("HOST{machine:03}/Sysmon.evtx"), &pool.log(machine, 16));
    }
    let out = scene.out();
    assert_eq!(sweep(&[&scene.evidence()], &out, &["--quiet"]).process.status, 0);
    let before = listing(&scene.path("")).len();
    let file = scene.path("export");
    let mut child = start(dnsweep().arg("export").arg(&out).args(["--to", "ocsf", "-o"]).arg(&file));
    let begun = Instant::now();
    let is_written = || {
        let entries = fs::read_dir(scene.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        entries.into_iter().any(|name| name.to_string_lossy().starts_with(".dnsweep-export-"))
    };
    while !is_written() {
        assert!(begun.elapsed() < Duration::from_secs(60) && child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(1));
    }
    send("INT", &child);
    let ended = wait(child);
    assert_eq!(ended.status, 130, "{}", ended.stderr);
    assert!(ended.stderr.contains("interrupted: no file was written"), "{}", ended.stderr);
    assert_eq!(listing(&scene.path("")).len(), before);
}

/// Returns the header and the rows of CSV, and removes the apostrophes that keep spreadsheets from
/// computing texts.
fn csv_rows(text: &str) -> (Vec<String>, Vec<Vec<String>>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let header = reader.headers().unwrap().iter().map(str::to_owned).collect();
    let given_back = |field: &str| field.strip_prefix('\'').unwrap_or(field).to_owned();
    (header, reader.records().map(|record| record.unwrap().iter().map(given_back).collect()).collect())
}

#[test]
fn every_table_keeps_its_columns_and_rows_and_hostile_texts() {
    let scene = Scene::new();
    let events: Vec<_> = (1..4)
        .map(|number| {
            matching(number)
                .with("QueryName", format!("{HARM}pastebin.com"))
                .with("User", format!("{HARM}\\{}", "x".repeat(10_000)))
                .with("QueryResults", format!("{HARM};192.0.2.1;type: 5 {HARM};"))
                .on(&format!("{HARM}HOST"))
        })
        .collect();
    scene.put(&format!("EVIL{}/a.evtx", HARM.replace('/', "")), &log(&events));
    let swept = scene.sweep(&["--quiet", "--dns-client"]).expect(0);
    for table in ["matches", "hosts", "files", "leads", "stats"] {
        let name =
            if table == "stats" { format!("stats/{}", common::truth::SEED_ID) } else { table.to_owned() };
        let Table { columns, rows } = tables::read(&swept.out.join(format!("{name}.parquet")));
        let csv = export(&swept.out, &["--to", "csv", "--table", table]);
        let (header, fields) = csv_rows(&csv.stdout);
        assert_eq!((&header, fields.len()), (&columns, rows.len()), "{table}");
        let jsonl = export(&swept.out, &["--to", "jsonl", "--table", table]);
        let read: Vec<Value> = jsonl.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(read.len(), rows.len(), "{table}");
        for ((row, line), fields) in rows.iter().zip(&read).zip(&fields) {
            for (column, field) in columns.iter().zip(fields) {
                if let Value::String(text) = &row[column] {
                    assert_eq!((&line[column], field), (&row[column], text), "{table}: {column}");
                }
            }
        }
        let acts = |c: &char| c.is_control() && *c != '\n';
        assert_eq!(jsonl.stdout.chars().filter(acts).count(), 0, "{table}");
    }
    for format in &FORMATS[2..] {
        let ended = export(&swept.out, &["--to", format]);
        assert_eq!(ended.stdout.lines().count(), 3, "{format}");
        let lines = ended.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let name = Value::from(format!("{HARM}pastebin.com"));
        assert!(lines.into_iter().all(|line| holds(&line, &name)), "{format}");
    }
}

/// Returns true if a JSON value is, or contains, `wanted`.
fn holds(value: &Value, wanted: &Value) -> bool {
    value == wanted
        || match value {
            Value::Array(items) => items.iter().any(|item| holds(item, wanted)),
            Value::Object(fields) => fields.values().any(|item| holds(item, wanted)),
            _ => false,
        }
}

#[test]
fn copies_are_left_out_of_events_unless_they_are_wanted() {
    let scene = Scene::new();
    scene.put("HOST/a.evtx", &log_of("HOST"));
    scene.put("HOST/b.evtx", &log_of("HOST"));
    scene.sweep(&["--quiet"]).expect(0);
    let count = |options: &[&str]| {
        let ended = export(&scene.out(), options);
        (ended.stdout.lines().count(), ended.stderr)
    };
    for format in &FORMATS[2..] {
        let (lines, stderr) = count(&["--to", format]);
        assert_eq!(lines, 1, "{format}");
        assert!(stderr.contains("left out: 1 row of copies of an event (--copies exports them)"), "{stderr}");
        assert_eq!(count(&["--to", format, "--quiet"]), (1, String::new()));
        assert_eq!(count(&["--to", format, "--copies"]), (2, String::new()));
    }
    assert_eq!(count(&["--to", "jsonl"]), (2, String::new()));
}

#[test]
fn an_interrupted_sweep_is_exported_with_a_warning() {
    let scene = scene();
    let json = scene.out().join("run.json");
    let run = fs::read_to_string(&json).unwrap();
    fs::write(&json, run.replace("\"interrupted\": false", "\"interrupted\": true")).unwrap();
    let ended = export(&scene.out(), &["--to", "jsonl"]);
    assert_eq!((ended.status, ended.stdout.lines().count()), (0, 1));
    assert!(ended.stderr.contains("warning: the sweep was interrupted"), "{}", ended.stderr);
}
