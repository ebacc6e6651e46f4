//! Files that are no whole logs: each gets a row that says why, and the rest of the evidence is
//! read as if they did not exist.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use common::logs::{chunks_of, log, log_of};
use common::{FinishedSweep, Scene, dnsweep, is_root, run};
use dnsweep_samples::damage;
use serde_json::{Value, json};

/// Makes evidence with one log without any damage, of the computer SOUND, with one match.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.put("SOUND/Sysmon.evtx", &log_of("SOUND"));
    scene
}

/// Fails unless the log of the computer SOUND was read as if it were alone. Returns the matches of
/// other logs.
#[track_caller]
fn assert_sound(swept: &FinishedSweep) -> Vec<Value> {
    let row = swept.file("SOUND/Sysmon.evtx");
    assert_eq!(row["status"], "complete");
    assert_eq!((&row["records"], &row["dns_queries"], &row["matches"]), (&json!(3), &json!(3), &json!(1)));
    let (sound, others): (Vec<Value>, Vec<Value>) =
        swept.rows("matches").into_iter().partition(|row| row["computer"] == "SOUND");
    assert_eq!(sound.len(), 1);
    assert_eq!(sound[0]["event_record_id"], 2);
    assert_eq!(swept.host("SOUND")["verdict"], "matches");
    others
}

/// Returns the offset, length and text of each problem in a file's row of the ledger.
fn problems(row: &Value) -> Vec<(u64, u64, String)> {
    let problems = row["problems"].as_array().unwrap().iter();
    problems
        .map(|problem| {
            let number = |name: &str| problem[name].as_u64().unwrap();
            (number("offset"), number("length"), problem["problem"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// Sweeps a file with these bytes next to a log without damage. Fails unless the ledger gives the
/// file this status and this one problem. Returns the file's row.
#[track_caller]
fn assert_one_problem(bytes: &[u8], status: &str, offset: u64, length: u64, text: &str) -> Value {
    let scene = scene();
    scene.put("ODD/x.evtx", bytes);
    let swept = scene.sweep(&[]).expect(3);
    assert_sound(&swept);
    let row = swept.file("ODD/x.evtx");
    assert_eq!(row["status"], status);
    assert_eq!(row["size"], bytes.len());
    let found = problems(&row);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0, found[0].1), (offset, length), "{found:?}");
    assert!(found[0].2.contains(text), "{found:?}");
    row
}

#[test]
fn an_empty_file() {
    let row = assert_one_problem(b"", "empty", 0, 0, "empty file");
    assert_eq!((&row["chunks"], &row["records"]), (&json!(0), &json!(0)));
    assert_eq!((&row["first_time"], &row["last_record_id"]), (&Value::Null, &Value::Null));
}

#[test]
fn text_that_is_called_a_log() {
    assert_one_problem(b"notes\n", "not an event log", 0, 6, "file signature: expected \"ElfFile\\0\"");
    // The text is longer than a header and a chunk, and still is no log and contains no chunks.
    let text = b"The quick brown fox. ".repeat(10_000);
    let row = assert_one_problem(&text, "not an event log", 0, 210_000, "found \"The quic\"");
    assert_eq!((&row["chunks"], &row["damaged_chunks"]), (&json!(0), &json!(0)));
    // An archive, whose first bytes are not all text.
    assert_one_problem(b"PK\x03\x04abcdefgh", "not an event log", 0, 12, "504b0304");
}

#[test]
fn a_log_that_ends_inside_its_header() {
    let whole = log_of("ODD");
    for length in [8, 100, 128, 4095] {
        assert_one_problem(&whole[..length], "damaged", 0, length as u64, "ends inside its header");
    }
    for length in [1, 7] {
        assert_one_problem(&whole[..length], "not an event log", 0, length as u64, "file signature");
    }
}

#[test]
fn a_header_without_chunks_is_a_log_without_records() {
    let scene = scene();
    scene.put("ODD/x.evtx", &log_of("ODD")[..4096]);
    let swept = scene.sweep(&[]).expect(0);
    assert_sound(&swept);
    let row = swept.file("ODD/x.evtx");
    assert_eq!((&row["status"], &row["chunks"]), (&json!("complete"), &json!(0)));
}

#[test]
fn a_log_cut_off_in_a_chunk_keeps_what_lies_before_the_cut() {
    let scene = scene();
    let mut bytes = chunks_of(&[1..=9, 10..=19, 20..=29]);
    let cut = damage::record_offset(&bytes, 1, 4).unwrap() + 100;
    bytes.truncate(cut);
    scene.put("ODD/x.evtx", &bytes);
    let swept = scene.sweep(&[]).expect(3);
    // The cut goes through record 4 of the second chunk. The four records before it are whole.
    let ids: Vec<i64> =
        assert_sound(&swept).iter().map(|row| row["event_record_id"].as_i64().unwrap()).collect();
    assert_eq!(ids, (1..=13).collect::<Vec<_>>());
    let row = swept.file("ODD/x.evtx");
    assert_eq!((&row["status"], &row["records"], &row["chunks"]), (&json!("damaged"), &json!(13), &json!(2)));
    assert_eq!(row["damaged_chunks"], 1);
    let found = problems(&row);
    let (chunk, cut) = (4096 + 65_536, cut as u64);
    let is = |problem: &(u64, u64, String), offset, length, text| {
        problem.0 == offset && problem.1 == length && problem.2.contains(text)
    };
    assert!(is(&found[0], chunk, cut - chunk, "chunk cut off"), "{found:?}");
    assert!(is(&found[1], cut - 100, 100, "record size"), "{found:?}");
}

#[test]
fn every_cut_is_reported() {
    let whole = chunks_of(&[1..=3, 4..=6]);
    let chunk = 4096 + 65_536;
    for cut in
        [chunk + 1, chunk + 7, chunk + 8, chunk + 100, chunk + 511, chunk + 512, chunk + 513, chunk + 65_535]
    {
        let scene = scene();
        scene.put("ODD/x.evtx", &whole[..cut]);
        let swept = scene.sweep(&[]).expect(3);
        let found = problems(&swept.file("ODD/x.evtx"));
        let (offset, length) = (found[0].0, found[0].1);
        assert_eq!((offset, length), (chunk as u64, (cut - chunk) as u64), "cut at {cut}: {found:?}");
        let matches = assert_sound(&swept).len();
        // The records of a chunk take less than half of it here, so the last cut removes none of
        // them.
        assert_eq!(matches, if cut == chunk + 65_535 { 6 } else { 3 }, "cut at {cut}");
    }
}

#[test]
fn a_pipe_and_a_socket_called_logs_are_passed_over() {
    let scene = scene();
    let pipe = scene.evidence().join("SOUND/pipe.evtx");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let _socket = UnixListener::bind(scene.evidence().join("SOUND/socket.evtx")).unwrap();
    for options in [&[][..], &["--any-name", "--force"], &["--follow", "--force"]] {
        let swept = scene.sweep(options).expect(0);
        assert_sound(&swept);
        assert_eq!(swept.rows("files").len(), 1);
        assert_eq!(swept.run()["passed_over"]["special_files"], 2);
        assert!(swept.process.stdout.contains("2 pipes, sockets and devices"), "{}", swept.process.stdout);
    }
}

/// Sweeps as a user who may not read everything.
fn sweep_as_nobody(scene: &Scene, options: &[&str]) -> FinishedSweep {
    // That user must be able to reach the program and the scene.
    let program = scene.path("dnsweep");
    fs::copy(env!("CARGO_BIN_EXE_dnsweep"), &program).unwrap();
    fs::set_permissions(scene.path(""), Permissions::from_mode(0o777)).unwrap();
    let mut command = if is_root() { Command::new(&program) } else { dnsweep() };
    if is_root() {
        command.uid(65_534).gid(65_534);
    }
    command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out()).args(options);
    FinishedSweep { process: run(&mut command), out: scene.out() }
}

fn forbid(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
}

fn allow(path: &Path) {
    fs::set_permissions(path, Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_file_that_cannot_be_opened() {
    let scene = scene();
    let path = scene.put("ODD/x.evtx", &log_of("ODD"));
    forbid(&path);
    let swept = sweep_as_nobody(&scene, &[]).expect(3);
    assert!(assert_sound(&swept).is_empty());
    let row = swept.file("ODD/x.evtx");
    assert_eq!((&row["status"], &row["records"]), (&json!("unreadable"), &json!(0)));
    let size = fs::metadata(&path).unwrap().len();
    assert_eq!(row["size"], size);
    let found = problems(&row);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!((found[0].0, found[0].1), (0, size));
    assert!(found[0].2.contains("Permission denied"), "{found:?}");
    // The only thing known about this machine is that its only log cannot be read.
    let hosts = swept.rows("hosts");
    let odd = hosts.iter().find(|row| row["evidence"] == json!(["ODD"])).unwrap();
    assert_eq!((&odd["computer"], &odd["verdict"]), (&Value::Null, &json!("unreadable")));
    assert_eq!((&odd["files"], &odd["damaged_files"]), (&json!(1), &json!(1)));
}

#[test]
fn a_large_file_that_cannot_be_opened_is_one_problem() {
    let scene = scene();
    let path = scene.put("ODD/x.evtx", &vec![0; 4096 + 40 * 65_536]);
    forbid(&path);
    let swept = sweep_as_nobody(&scene, &[]).expect(3);
    let row = swept.file("ODD/x.evtx");
    assert_eq!(row["status"], "unreadable");
    let found = problems(&row);
    let covered: u64 = found.iter().map(|problem| problem.1).sum();
    assert_eq!(covered, 4096 + 40 * 65_536, "{found:?}");
}

#[test]
fn a_folder_that_cannot_be_listed() {
    let scene = scene();
    scene.put("SHUT/Windows/System32/Security.evtx", &log_of("SHUT"));
    let folder = scene.evidence().join("SHUT/Windows");
    forbid(&folder);
    let swept = sweep_as_nobody(&scene, &[]);
    allow(&folder);
    let swept = swept.expect(3);
    assert!(assert_sound(&swept).is_empty());
    let row = swept.file("SHUT/Windows");
    assert_eq!((&row["status"], &row["evidence"]), (&json!("unreadable"), &json!("SHUT")));
    let found = problems(&row);
    assert!(found.len() == 1 && found[0].2.contains("Permission denied"), "{found:?}");
}

#[test]
fn folders_with_nothing_but_readable_names_are_reported_alike_on_any_number_of_threads() {
    let scene = scene();
    for host in ["SHUT-1", "SHUT-2", "SHUT-3/below"] {
        scene.put(&format!("{host}/Windows/Security.evtx"), &log_of("SHUT"));
    }
    let results = |threads: &str, shut: &str| {
        let folder = scene.evidence().join(shut);
        // The folder's names can be read, but not what they name.
        fs::set_permissions(&folder, Permissions::from_mode(0o644)).unwrap();
        let swept = sweep_as_nobody(&scene, &["--threads", threads, "--force"]);
        allow(&folder);
        (swept.rows("files"), swept.rows("hosts"), swept.run()["evidence"].clone())
    };
    for shut in ["", "SHUT-3", "SHUT-1/Windows"] {
        let (files, hosts, evidence) = results("1", shut);
        assert!(evidence.as_array().unwrap().len() >= 4, "{evidence}");
        assert!(files.iter().any(|file| file["status"] == "unreadable"), "{files:?}");
        for threads in ["2", "5"] {
            assert_eq!(results(threads, shut), (files.clone(), hosts.clone(), evidence.clone()), "{shut}");
        }
    }
}

#[test]
fn no_event_log_is_status_4_and_one_that_cannot_be_read_is_3() {
    let unreadable = Scene::new();
    forbid(&unreadable.put("x.evtx", &log_of("ODD")));
    let swept = sweep_as_nobody(&unreadable, &[]).expect(3);
    assert_eq!(swept.run()["exit_status"], 3);
    assert_eq!(swept.rows("files").len(), 1);
    for bytes in [&b""[..], b"notes"] {
        let scene = Scene::new();
        scene.put("x.evtx", bytes);
        let swept = scene.sweep(&[]).expect(4);
        assert_eq!((swept.rows("files").len(), swept.rows("matches").len()), (1, 0));
    }
    // There is no file at all. Nothing could be read, and the tables say so.
    let scene = Scene::new();
    scene.put("HOST/notes.txt", b"notes");
    let swept = scene.sweep(&[]).expect(4);
    assert_eq!(swept.rows("files").len(), 0);
    assert_eq!(swept.run()["passed_over"]["other_files"], 1);
}

#[test]
fn if_nothing_can_be_read_the_message_says_what_was_found_instead_also_when_quiet() {
    let said = |files: &[&str], options: &[&str], status, outcome: &str| {
        let scene = Scene::new();
        for name in files {
            scene.put(name, b"whatever");
        }
        let swept = scene.sweep(&[options, &["--quiet"]].concat()).expect(status);
        assert_eq!(swept.process.stderr.lines().count(), 1, "{}", swept.process.stderr);
        let begin = format!(
            "dnsweep: error: no event log {outcome} in '{}': found ",
            fs::canonicalize(scene.evidence()).unwrap().display()
        );
        swept.process.stderr.trim_end().strip_prefix(&begin).unwrap().to_owned()
    };
    assert_eq!(said(&[], &[], 4, "found"), "no file at all");
    assert_eq!(
        said(&["a.zip", "b.ZIP", "HOST/c.json", "HOST/d", "x.evtx.gz"], &[], 3, "could be read"),
        "2 files (1 .json, 1 other); 3 archives, disk images and volumes; containers.parquet says what became of each archive and disk image; --any-name tries every file by its first bytes"
    );
    assert_eq!(
        said(&["a.zip", "x.raw"], &["--no-containers"], 4, "found"),
        "2 files (1 .raw, 1 .zip); without --no-containers, archives and disk images are opened"
    );
    assert_eq!(said(&["a.json"], &["--any-name"], 4, "found"), "1 file (1 .json)");
    assert!(
        said(&["a.evtx"], &[], 4, "found")
            .starts_with("1 file opened as an event log, with other content; files.parquet says")
    );
    assert!(
        said(&["a.bin"], &["--carve"], 4, "found")
            .starts_with("1 file searched for chunks of event logs, without any")
    );
    // If another log can be read, the summary lists what was not opened.
    let scene = scene();
    scene.put("SOUND/disc.iso", b"whatever");
    let swept = scene.sweep(&[]).expect(0);
    assert!(
        swept.process.stdout.contains("1 archive or disk image (not opened)"),
        "{}",
        swept.process.stdout
    );
    // An archive that should have been read, and could not be, is no complete sweep.
    scene.put("SOUND/triage.rar", b"Rar!\x1a\x07");
    let swept = scene.sweep(&["--force"]).expect(3);
    assert!(swept.process.stdout.contains("rar, unsupported"), "{}", swept.process.stdout);
}

#[test]
fn a_folder_without_logs_is_a_host_without_logs() {
    let scene = scene();
    scene.put("BARE/Windows/notes.txt", b"notes");
    let swept = scene.sweep(&[]).expect(0);
    assert!(assert_sound(&swept).is_empty());
    let hosts = swept.rows("hosts");
    let bare = hosts.iter().find(|row| row["evidence"] == json!(["BARE"])).unwrap();
    assert_eq!((&bare["computer"], &bare["verdict"]), (&Value::Null, &json!("no event logs")));
    assert_eq!((&bare["files"], &bare["records"]), (&json!(0), &json!(0)));
    assert_eq!(swept.run()["evidence"], json!(["BARE", "SOUND"]));
}

#[test]
fn a_machine_whose_only_log_is_empty_is_unreadable() {
    let scene = scene();
    scene.put("ODD/x.evtx", b"");
    let hosts = scene.sweep(&[]).expect(3).rows("hosts");
    let odd = hosts.iter().find(|row| row["evidence"] == json!(["ODD"])).unwrap();
    assert_eq!((&odd["verdict"], &odd["damaged_files"]), (&json!("unreadable"), &json!(1)));
}

#[test]
fn a_log_without_records_is_complete_and_clears_nobody() {
    let scene = scene();
    scene.put("ODD/x.evtx", &log(&[]));
    let swept = scene.sweep(&[]).expect(0);
    let row = swept.file("ODD/x.evtx");
    assert_eq!((&row["chunks"], &row["empty_chunks"], &row["records"]), (&json!(1), &json!(1), &json!(0)));
    let hosts = swept.rows("hosts");
    let odd = hosts.iter().find(|row| row["evidence"] == json!(["ODD"])).unwrap();
    // It is unknown whose log it is and whether Sysmon ran there.
    assert_eq!(odd["verdict"], "no records");
}

#[test]
fn a_log_in_use_that_ends_with_a_chunk_is_complete() {
    let scene = scene();
    let bytes = chunks_of(&[1..=3, 4..=6]);
    scene.put("ODD/x.evtx", &bytes[..4096 + 65_536]);
    let swept = scene.sweep(&[]).expect(0);
    assert_eq!(assert_sound(&swept).len(), 3);
}
