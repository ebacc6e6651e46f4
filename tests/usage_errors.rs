//! Usage errors: each ends with status 2 and one clear line, writes nothing, and opens no evidence.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use common::logs::log_of;
use common::{FinishedProcess, Scene, forget_reads, listing, sweep, was_read};

/// Makes evidence with a log of one host, and returns that log's path, too.
fn scene() -> (Scene, PathBuf) {
    let scene = Scene::new();
    let log = scene.put("HOST/Windows/System32/winevt/Logs/Sysmon.evtx", &log_of("HOST"));
    (scene, log)
}

/// Sweeps `roots` into `out`, which must be refused. Returns the error message.
#[track_caller]
fn refused(scene: &Scene, log: &Path, roots: &[&Path], out: &Path, options: &[&str]) -> String {
    let (ended, unread) = give(scene, log, roots, out, options);
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("dnsweep: error: "), "{}", ended.stderr);
    assert!(unread, "evidence was opened");
    ended.stderr
}

/// Runs a sweep that must write nothing. Returns how it ended, and whether the log was left unread.
#[track_caller]
fn give(scene: &Scene, log: &Path, roots: &[&Path], out: &Path, options: &[&str]) -> (FinishedProcess, bool) {
    let before = scene.listing();
    forget_reads(log);
    let ended = sweep(roots, out, options).process;
    let unread = !was_read(log);
    assert_eq!(ended.stdout, "");
    assert!(before == scene.listing(), "something was written");
    (ended, unread)
}

/// Sweeps evidence with these options, which must be refused. Returns the error message.
#[track_caller]
fn refused_with(options: &[&str]) -> String {
    let (scene, log) = scene();
    refused(&scene, &log, &[&scene.evidence()], &scene.out(), options)
}

/// Sweeps a test's evidence into `out` with these options, which must be refused. Returns the error
/// message.
#[track_caller]
fn refused_out(scene: &Scene, log: &Path, out: &Path, options: &[&str]) -> String {
    refused(scene, log, &[&scene.evidence()], out, options)
}

/// Sweeps the paths in the file `list`, which must be refused. Returns the error message.
#[track_caller]
fn refused_list(scene: &Scene, log: &Path, list: &Path) -> String {
    refused(scene, log, &[], &scene.out(), &["--files-from", list.to_str().unwrap()])
}

#[track_caller]
fn assert_says(message: &str, parts: &[&str]) {
    for part in parts {
        assert!(message.contains(part), "expected '{part}' in: {message}");
    }
}

#[test]
fn reads_are_noticed() {
    // Without this, the other tests could not show that nothing was read. They cannot either on a
    // system that keeps no access times.
    let (scene, log) = scene();
    forget_reads(&log);
    assert!(!was_read(&log));
    fs::read(&log).unwrap();
    let noticed = was_read(&log);
    forget_reads(&log);
    scene.sweep(&[]).expect(0);
    assert_eq!(was_read(&log), noticed);
}

#[test]
fn evidence_that_is_not_there() {
    let (scene, log) = scene();
    let missing = scene.path("missing");
    let message = refused(&scene, &log, &[&scene.evidence(), &missing], &scene.out(), &[]);
    assert_says(&message, &[missing.to_str().unwrap(), "No such file"]);
    // The message says how much of a mistyped path exists.
    let message = refused(&scene, &log, &[&scene.evidence().join("HOTS/Windows")], &scene.out(), &[]);
    assert_says(&message, &[&format!("of its path, only '{}' exists", scene.evidence().display())]);
}

#[test]
fn no_evidence_at_all() {
    let (scene, log) = scene();
    let message = refused(&scene, &log, &[], &scene.out(), &[]);
    assert_says(&message, &["no evidence"]);
    let list = scene.path("list");
    fs::write(&list, "\n\n").unwrap();
    let message = refused_list(&scene, &log, &list);
    assert_says(&message, &["no evidence"]);
}

#[test]
fn an_output_inside_the_evidence() {
    let (scene, log) = scene();
    let evidence = scene.evidence();
    let link = scene.path("link");
    symlink(&evidence, &link).unwrap();
    let inner_link = scene.path("inner-link");
    symlink(evidence.join("HOST"), &inner_link).unwrap();
    for out in [
        evidence.clone(),
        evidence.join("out"),
        evidence.join("HOST/out"),
        evidence.join("HOST/../out"),
        link.join("out"),
        link.clone(),
        inner_link.join("out"),
    ] {
        for options in [&[][..], &["--force"]] {
            let message = refused_out(&scene, &log, &out, options);
            assert_says(&message, &["evidence"]);
        }
    }
    // The evidence itself is reached through a link.
    let message = refused(&scene, &log, &[&link], &evidence.join("out"), &[]);
    assert_says(&message, &["nothing is written under evidence"]);
}

#[test]
fn an_output_that_exists() {
    let (scene, log) = scene();
    scene.sweep(&[]).expect(0);
    let message = refused_out(&scene, &log, &scene.out(), &[]);
    assert_says(&message, &["exists", "--force"]);
}

#[test]
fn force_replaces_an_earlier_output() {
    let (scene, _) = scene();
    scene.sweep(&[]).expect(0);
    scene.put("HOST2/Sysmon.evtx", &log_of("HOST2"));
    let swept = scene.sweep(&["--force"]).expect(0);
    assert_eq!(swept.rows("matches").len(), 2);
    let beside: Vec<OsString> =
        fs::read_dir(scene.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(beside.len(), 2, "{beside:?}");
}

#[test]
fn an_empty_directory_may_become_the_output() {
    let (scene, _) = scene();
    fs::create_dir(scene.out()).unwrap();
    scene.sweep(&[]).expect(0);
}

#[test]
fn force_does_not_replace_what_dnsweep_did_not_write() {
    type Change = (&'static str, fn(&Path));
    let changes: [Change; 8] = [
        ("a table in the folder of stats that no run names", |out| {
            fs::write(out.join("stats/mine.parquet"), "mine").unwrap();
        }),
        ("a file beside the tables", |out| fs::write(out.join("notes.txt"), "mine").unwrap()),
        ("a hidden file", |out| fs::write(out.join(".notes"), "mine").unwrap()),
        ("a folder", |out| fs::create_dir(out.join("case")).unwrap()),
        ("a file in the folder of stats", |out| fs::write(out.join("stats/notes.txt"), "mine").unwrap()),
        ("tables without a run", |out| fs::remove_file(out.join("run.json")).unwrap()),
        ("the run of another program", |out| {
            fs::remove_dir_all(out).unwrap();
            fs::create_dir(out).unwrap();
            fs::write(out.join("run.json"), r#"{"tool": "another", "result": 42}"#).unwrap();
        }),
        ("a folder called run.json", |out| {
            fs::remove_file(out.join("run.json")).unwrap();
            fs::create_dir(out.join("run.json")).unwrap();
            fs::write(out.join("run.json/notes.txt"), "mine").unwrap();
        }),
    ];
    let replaced: Vec<&str> =
        changes.iter().filter(|(_, change)| is_replaced(*change)).map(|(what, _)| *what).collect();
    assert!(replaced.is_empty(), "{replaced:?}");
}

/// Returns true if `--force` replaces an earlier output to which `change` was applied. If it does
/// not, fails unless the sweep is refused.
fn is_replaced(change: fn(&Path)) -> bool {
    let (scene, log) = scene();
    scene.sweep(&[]).expect(0);
    change(&scene.out());
    let before = listing(&scene.out());
    scene.sweep(&["--force"]);
    if before != listing(&scene.out()) {
        return true;
    }
    let message = refused_out(&scene, &log, &scene.out(), &["--force"]);
    assert_says(&message, &["--force replaces only outputs of dnsweep"]);
    false
}

#[test]
fn force_does_not_replace_an_output_that_holds_the_evidence() {
    let scene = Scene::new();
    scene.put("Sysmon.evtx", &log_of("HOST"));
    scene.sweep(&[]).expect(0);
    let log = scene.out().join("stats/Sysmon.evtx.parquet");
    fs::write(&log, log_of("HOST")).unwrap();
    let before = listing(&scene.out());
    for root in [scene.out().join("stats"), log.clone()] {
        let swept = sweep(&[&root], &scene.out(), &["--force"]);
        assert!(before == listing(&scene.out()), "evidence was removed");
        assert_eq!(swept.process.status, 2);
    }
}

#[test]
fn an_output_that_cannot_be_there() {
    let (scene, log) = scene();
    let message = refused_out(&scene, &log, &scene.path("missing/out"), &[]);
    assert_says(&message, &["missing/out", "No such file"]);
    let file = scene.path("file");
    fs::write(&file, "mine").unwrap();
    let dangling = scene.path("dangling");
    symlink("nowhere", &dangling).unwrap();
    for options in [&[][..], &["--force"]] {
        for out in [&file, &dangling] {
            refused_out(&scene, &log, out, options);
        }
        let message = refused_out(&scene, &log, &file.join("out"), options);
        assert_says(&message, &["ot a directory"]);
    }
}

#[test]
fn invalid_times() {
    for (option, text) in [
        ("--since", "tomorrow"),
        ("--last", "yesterday"),
        ("--since", "2025-13-01T00:00:00Z"),
        ("--since", "2025-03-04T09:00:00"),
        ("--since", ""),
        ("--until", "soon"),
        ("--until", "2025-03-32"),
        ("--until", "03/04/2025"),
        ("--last", "14"),
        ("--last", "a fortnight"),
        ("--last", "99999999999999w"),
    ] {
        let message = refused_with(&[option, text]);
        assert_says(&message, &[option, &format!("'{text}'")]);
    }
    assert_says(&refused_with(&["--last=-14d"]), &["--last", "-14d"]);
    let message = refused_with(&["--since", "2025-03-05T00:00:00Z", "--until", "2025-03-04T00:00:00Z"]);
    assert_says(&message, &["--since", "--until"]);
    let message = refused_with(&["--last", "1h", "--until", "2020-01-01T00:00:00Z"]);
    assert_says(&message, &["--until"]);
}

#[test]
fn invalid_options() {
    for options in [
        &["--unknown"][..],
        &["--threads", "0"],
        &["--threads", "many"],
        &["--threads", "70000"],
        &["--since", "1h", "--last", "1h"],
        &["--log-format", "xml"],
        &["--evidence-depth", "-1"],
        &["--out", "elsewhere"],
    ] {
        let (scene, log) = scene();
        let (ended, unread) = give(&scene, &log, &[&scene.evidence()], &scene.out(), options);
        assert_eq!(ended.status, 2, "{options:?}");
        assert!(!ended.stderr.is_empty() && unread, "{options:?}");
    }
}

#[test]
fn words_that_would_act_on_a_terminal_are_shown_escaped() {
    let (scene, log) = scene();
    for (word, shown) in [("--bad\u{9b}31m", "--bad\\u{9b}31m"), ("--threads=\u{202e}1", "\\u{202e}1")] {
        let (ended, _) = give(&scene, &log, &[&scene.evidence()], &scene.out(), &[word]);
        assert_eq!(ended.status, 2);
        assert!(ended.stderr.contains(shown), "{}", ended.stderr);
    }
}

#[test]
fn roots_that_overlap() {
    let (scene, log) = scene();
    let link = scene.path("link");
    symlink(scene.evidence(), &link).unwrap();
    let elsewhere = Scene::new();
    let new = elsewhere.out();
    for other in [scene.evidence(), scene.evidence().join("HOST"), log.clone(), link, scene.path("")] {
        let message = refused(&scene, &log, &[&scene.evidence(), &other], &new, &[]);
        assert_says(&message, &["count twice"]);
    }
}

#[test]
fn a_pipe_as_evidence() {
    let (scene, log) = scene();
    let pipe = scene.path("pipe.evtx");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let message = refused(&scene, &log, &[&pipe], &scene.out(), &[]);
    assert_says(&message, &["pipe.evtx", "expected a directory or a regular file"]);
    let message = refused(&scene, &log, &[Path::new("/dev/null")], &scene.out(), &[]);
    assert_says(&message, &["/dev/null", "expected a directory or a regular file"]);
}

#[test]
fn lists_that_cannot_be_read() {
    let (scene, log) = scene();
    for list in [scene.path("missing"), scene.evidence()] {
        let message = refused_list(&scene, &log, &list);
        assert_says(&message, &["--files-from", list.to_str().unwrap()]);
    }
    let list = scene.path("list");
    fs::write(&list, format!("{}\n{}\n", log.display(), scene.path("gone").display())).unwrap();
    let message = refused_list(&scene, &log, &list);
    assert_says(&message, &["gone", "No such file"]);
    fs::write(&list, format!("{}\n{}\n", log.display(), "x".repeat(5000))).unwrap();
    let message = refused_list(&scene, &log, &list);
    assert_says(&message, &["path 2 of the list", "at most 4096 bytes, found 5000"]);
    assert!(message.len() < 1000);
}

#[test]
fn errors_in_json_are_one_object() {
    let (scene, log) = scene();
    let missing = scene.path("missing");
    let options = ["--log-format", "json", "--quiet"];
    let (ended, _) = give(&scene, &log, &[&missing], &scene.out(), &options);
    assert_eq!((ended.status, ended.stderr.lines().count()), (2, 1));
    let line: serde_json::Value = serde_json::from_str(&ended.stderr).unwrap();
    assert_eq!(line["level"], "error");
    assert_says(line["message"].as_str().unwrap(), &["missing", "No such file"]);
}
