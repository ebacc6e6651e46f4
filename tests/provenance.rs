//! Provenance of results: the hashes of the evidence, and what run.json says about the run.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use common::logs::log_of;
use common::{
    FinishedSweep, Scene, dnsweep, is_root, repository, run, send, sha256_by_another_tool, start, sweep,
    wait, wait_for_line,
};
use dnsweep_samples::corpus::{Corpus, Pool};
use serde_json::{Value, json};

/// The SHA-256 of no bytes, according to FIPS 180-4.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// Makes evidence with files of all kinds, among them one of several blocks.
fn scene() -> Scene {
    let scene = Scene::new();
    // The file has enough blocks that eight threads work on it at once, and its last block is cut
    // off inside a chunk.
    let large = Pool::new(Corpus::Quiet).unwrap().log(1, 170);
    scene.put("LARGE/Sysmon.evtx", &large[..large.len() - 1000]);
    scene.put("LARGE/block.evtx", &large[..4096 + 32 * 65536]);
    scene.put("LARGE/and-one.evtx", &large[..4097 + 32 * 65536]);
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    scene.put("ODD/empty.evtx", b"");
    scene.put("ODD/notes.evtx", b"notes");
    scene.put("ODD/a\u{1b}[31m.evtx", b"x");
    let notes: Vec<u8> = (0..5_000_000_u32).map(|at| u8::try_from(at % 251).unwrap()).collect();
    scene.put("ODD/large-notes.evtx", &notes);
    scene
}

/// Returns the path of the file that a row of the ledger describes.
fn path_of(roots: &[&Path], row: &Value) -> PathBuf {
    let source_path = row["source_path"].as_str().unwrap();
    let mut found = roots.iter().map(|root| root.join(source_path)).filter(|path| path.exists());
    let path = found.next().unwrap();
    assert_eq!(found.next(), None, "{source_path} lies in several roots");
    path
}

#[test]
fn hashes_are_those_of_another_tool() {
    let scene = scene();
    let (evidence, sound, damaged) =
        (scene.evidence(), repository("samples/evidence"), repository("samples/damaged"));
    let real = env::var_os("DNSWEEP_EVIDENCE").map(PathBuf::from);
    let mut roots = vec![evidence.as_path(), &sound, &damaged];
    roots.extend(real.as_deref());
    let mut first: Option<Vec<(String, Vec<u8>)>> = None;
    for options in [&["--threads", "1"][..], &["--threads", "2"], &["--threads", "8"], &["--readers", "1"]] {
        let swept =
            sweep(&roots, &scene.out(), &[options, &["--hash", "--force", "--quiet"]].concat()).expect(3);
        let tables = swept.tables();
        if let Some(first) = &first {
            assert!(tables == *first, "{options:?}");
            continue;
        }
        first = Some(tables);
        let rows = swept.rows("files");
        for row in &rows {
            let expected = sha256_by_another_tool(&path_of(&roots, row));
            assert_eq!(row["sha256"], expected.as_str(), "{} {options:?}", row["source_path"]);
        }
        assert_eq!(swept.run()["totals"]["hashed_files"], rows.len());
        assert_eq!(swept.file("ODD/empty.evtx")["sha256"], OF_NOTHING);
        assert!(swept.file("LARGE/Sysmon.evtx")["size"].as_u64().unwrap() > 5 * 32 * 65536);
    }
}

#[test]
fn hashing_changes_nothing_but_the_ledger() {
    let scene = scene();
    let plain = sweep(&[&scene.evidence()], &scene.path("plain"), &[]).expect(3);
    let hashed = scene.sweep(&["--hash"]).expect(3);
    for ((name, plain), (_, hashed)) in plain.tables().into_iter().zip(hashed.tables()) {
        assert_eq!(plain == hashed, name != "files.parquet", "{name}");
    }
    let mut rows = hashed.rows("files");
    for row in &mut rows {
        assert_eq!(row["sha256"].as_str().map(str::len), Some(64));
        row["sha256"] = Value::Null;
    }
    assert_eq!(plain.rows("files"), rows);
    assert_eq!(plain.run()["totals"]["hashed_files"], 0);
}

#[test]
fn files_that_cannot_be_read_have_no_hash() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    symlink("gone", scene.evidence().join("HOST/gone.evtx")).unwrap();
    let mut unreadable = vec!["HOST/gone.evtx"];
    if !is_root() {
        let path = scene.put("HOST/secret.evtx", &log_of("HOST"));
        fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
        unreadable.push("HOST/secret.evtx");
    }
    let swept = scene.sweep(&["--hash", "--follow"]).expect(3);
    for name in unreadable {
        let row = swept.file(name);
        assert_eq!((&row["status"], &row["sha256"]), (&json!("unreadable"), &Value::Null), "{name}");
    }
    assert_ne!(swept.file("HOST/Sysmon.evtx")["sha256"], Value::Null);
    assert_eq!(swept.run()["totals"]["hashed_files"], 1);
}

#[test]
fn a_file_that_changes_while_it_is_read_is_reported_and_has_no_hash() {
    let scene = Scene::new();
    let pool = Pool::new(Corpus::Dense).unwrap();
    let calm = scene.put("CALM/Sysmon.evtx", &pool.log(1, 16));
    let busy = scene.put("HOST/Sysmon.evtx", &pool.log(2, 1200));
    let mut command = dnsweep();
    command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out());
    let mut child = start(command.args(["--threads", "1", "--hash"]));
    // The log's modification time changes again and again, so the last block is read after at least
    // one change.
    let file = fs::File::options().append(true).open(&busy).unwrap();
    let mut second = 0;
    while child.try_wait().unwrap().is_none() {
        second += 1;
        file.set_modified(std::time::UNIX_EPOCH + std::time::Duration::from_secs(second)).unwrap();
    }
    let swept = FinishedSweep { process: wait(child), out: scene.out() }.expect(3);
    let row = swept.file("HOST/Sysmon.evtx");
    assert_eq!((&row["status"], &row["sha256"]), (&json!("damaged"), &Value::Null));
    assert!(row["problems"][0]["problem"].as_str().unwrap().contains("changed while"), "{}", row["problems"]);
    let row = swept.file("CALM/Sysmon.evtx");
    assert_eq!((&row["status"], &row["sha256"]), (&json!("complete"), &json!(sha256_by_another_tool(&calm))));
}

#[test]
fn an_interruption_leaves_no_wrong_hash() {
    let scene = Scene::new();
    let pool = Pool::new(Corpus::Dense).unwrap();
    // There are more machines than are read at once.
    for machine in 0..30 {
        scene.put(&format!("HOST{machine:03}/Sysmon.evtx"), &pool.log(machine, 70));
    }
    for threads in ["1", "4"] {
        let mut command = dnsweep();
        command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out());
        let mut child = start(command.args(["--threads", threads, "--hash", "--force"]));
        wait_for_line(&mut child);
        send("INT", &child);
        let swept = FinishedSweep { process: wait(child), out: scene.out() }.expect(130);
        let rows = swept.rows("files");
        let is_left = |row: &Value| row["status"] == "interrupted" || row["status"] == "not read";
        assert!(rows.iter().any(is_left));
        for row in rows {
            if is_left(&row) {
                assert_eq!(row["sha256"], Value::Null);
            } else {
                let path = scene.evidence().join(row["source_path"].as_str().unwrap());
                assert_eq!(row["sha256"], sha256_by_another_tool(&path).as_str());
            }
        }
    }
}

/// Returns what a program prints with this option, without the end of the line.
fn says(program: &str, option: &str) -> String {
    let ended = run(Command::new(program).arg(option));
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    ended.stdout.trim_end().to_owned()
}

#[test]
fn run_json_says_where_and_when() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    let mut command = dnsweep();
    // A time zone with an unusual offset. In this form, a positive sign means west.
    command.current_dir(scene.path("")).env("TZ", "XST-5:45");
    command.args([
        "sweep",
        "evidence",
        "--out",
        "out",
        "--any-name",
        "--evidence-depth",
        "1",
        "--exhaustive",
    ]);
    let run = FinishedSweep { process: run(&mut command), out: scene.out() }.expect(0).run();
    let folder = fs::canonicalize(scene.path("")).unwrap();
    assert_eq!(run["working_directory"], folder.to_str().unwrap());
    assert_eq!(run["arguments"][2], "evidence");
    assert_eq!(run["roots"], json!([folder.join("evidence")]));
    assert_eq!(run["evidence_of_roots"], json!([1]));
    let machine = &run["machine"];
    for (field, option) in
        [("name", "-n"), ("system", "-s"), ("release", "-r"), ("version", "-v"), ("architecture", "-m")]
    {
        assert_eq!(machine[field], says("uname", option), "{field}");
    }
    let expected = json!({"evidence_depth": 1, "follow": false, "any_name": true, "exhaustive": true, "checksums": false, "hash": false, "recover": false, "carve": false, "no_containers": false, "vss": false, "keep_excluded": false, "dns_client": false, "context": false, "queries": false});
    assert_eq!(run["options"], expected);
    for time in ["started", "finished"] {
        let utc = run[time].as_str().unwrap();
        let local = run[format!("{time}_local")].as_str().unwrap();
        let clock = local.strip_suffix("+05:45").unwrap();
        let seconds = |text: &str| -> u64 {
            let day: Vec<u64> = text[11..19].split(':').map(|part| part.parse().unwrap()).collect();
            day[0] * 3600 + day[1] * 60 + day[2]
        };
        assert_eq!((seconds(utc) + 5 * 3600 + 45 * 60) % 86_400, seconds(clock), "{utc} {local}");
        assert_eq!(utc[19..27], clock[19..27]);
    }
    assert_eq!(run["time_zone"], Value::Null);
}

#[test]
fn the_time_zone_is_named_and_switches_are_noted() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    let mut command = dnsweep();
    command.env("TZ", "UTC").arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out());
    let run = FinishedSweep { process: run(command.args(["--follow", "--hash"])), out: scene.out() }
        .expect(0)
        .run();
    assert!(run["time_zone"].as_str().unwrap().contains("UTC"), "{}", run["time_zone"]);
    assert!(run["started_local"].as_str().unwrap().ends_with("+00:00"));
    let expected = json!({"evidence_depth": null, "follow": true, "any_name": false, "exhaustive": false, "checksums": false, "hash": true, "recover": false, "carve": false, "no_containers": false, "vss": false, "keep_excluded": false, "dns_client": false, "context": false, "queries": false});
    assert_eq!(run["options"], expected);
}

#[test]
fn a_working_directory_is_named_so_that_it_can_be_found_again() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    let folder = scene.path("").join(std::ffi::OsStr::from_bytes(b"a\xff\\"));
    if fs::create_dir(&folder).is_err() {
        // This file system accepts names only if they are valid text.
        return;
    }
    let mut command = dnsweep();
    command.current_dir(&folder).arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out());
    let run = FinishedSweep { process: run(&mut command), out: scene.out() }.expect(0).run();
    assert!(run["working_directory"].as_str().unwrap().ends_with("/a\\xFF\\\\"), "{run}");
}
