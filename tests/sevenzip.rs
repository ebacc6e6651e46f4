//! Tests of 7z archives: logs in them are read like those in folders, whatever the methods of
//! packing, and what cannot be read is reported.
//!
//! 7-Zip makes the archives (`7zz`, Debian's 7zip). Where it is not installed, the tests are listed
//! as ignored.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use common::logs::log_of;
use common::{FinishedSweep, Scene, dnsweep, repository, run, sweep};
use libtest_mimic::{Arguments, Trial};
use serde_json::{Value, json};

/// The ways in which 7-Zip makes the archives of the tests: the name of a way, and its options for
/// 7-Zip.
const METHODS: [(&str, &[&str]); 11] = [
    ("solid", &["-m0=lzma2"]),
    ("lzma", &["-m0=lzma", "-mx=9"]),
    ("each file by itself", &["-ms=off"]),
    ("stored", &["-m0=copy"]),
    ("branches of x86", &["-m0=bcj", "-m1=lzma2"]),
    ("branches of ARM64", &["-m0=arm64", "-m1=lzma2"]),
    ("delta", &["-m0=delta:4", "-m1=lzma"]),
    ("deflate", &["-m0=deflate"]),
    ("bzip2", &["-m0=bzip2"]),
    ("a header that is not packed", &["-mhc=off"]),
    ("small blocks", &["-ms=3f"]),
];

fn main() -> ExitCode {
    let tests: [(&str, fn()); 9] = [
        ("archives_of_hosts_are_read_like_their_folders", hosts),
        ("passwords_open_encrypted_archives", passwords),
        ("the_right_password_is_found_for_a_large_log_that_is_only_stored", stored_with_password),
        ("methods_that_are_not_read_are_named", unread_methods),
        ("damage_loses_the_files_after_it_in_its_block", flipped),
        ("a_wrong_checksum_is_said_of_its_file", wrong_checksum),
        ("containers_in_a_block_are_read", nested),
        ("an_archive_that_is_cut_off_is_unreadable", cut_off),
        ("only_what_is_read_takes_room", room),
    ];
    let is_ignored = !is_installed("7zz");
    let reason = if is_ignored { " (not installed: 7zz)" } else { "" };
    let trials = tests.map(|(name, test)| {
        let trial = Trial::test(format!("{name}{reason}"), move || {
            test();
            Ok(())
        });
        trial.with_ignored_flag(is_ignored)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn is_installed(program: &str) -> bool {
    Command::new(program).stdin(Stdio::null()).stdout(Stdio::null()).status().is_ok()
}

/// Runs 7-Zip to make the archive `target` of `files`, which are paths in `folder`.
#[track_caller]
fn pack(folder: &Path, target: &Path, files: &[&str], options: &[&str]) {
    let mut command = Command::new("7zz");
    command.args(["a", "-bd", "-t7z"]).args(options).arg(target).args(files).current_dir(folder);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{options:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes evidence with a 7z archive of each host of the samples.
fn archives(options: &[&str]) -> Scene {
    let scene = Scene::new();
    for host in fs::read_dir(repository("samples/evidence")).unwrap() {
        let host = host.unwrap();
        if host.file_type().unwrap().is_dir() {
            let name = format!("{}.7z", host.file_name().to_str().unwrap());
            pack(&host.path(), &scene.evidence().join(name), &["."], options);
        }
    }
    scene
}

/// Makes evidence that is a 7z archive of three logs of different hosts, each with one match. The
/// logs are packed together, in one block of the archive, in the order `A`, `B`, `C`.
fn three_logs(options: &[&str]) -> Scene {
    let scene = Scene::new();
    let folder = scene.path("folder");
    fs::create_dir(&folder).unwrap();
    for host in ["A", "B", "C"] {
        fs::write(folder.join(format!("{host}.evtx")), log_of(host)).unwrap();
    }
    pack(&folder, &scene.evidence().join("H.7z"), &["A.evtx", "B.evtx", "C.evtx"], options);
    scene
}

/// Returns the rows of a table of the output without the columns with the path of the file, so that
/// rows from archives can be compared with those from folders.
fn rows(swept: &FinishedSweep, table: &str) -> Vec<Value> {
    let mut rows = swept.rows(table);
    for row in &mut rows {
        for column in ["source_path", "original_path"] {
            row.as_object_mut().unwrap().remove(column);
        }
    }
    rows.sort_by_key(ToString::to_string);
    rows
}

/// Returns what the ledger states of a file: its status, and its problems as JSON.
fn state(swept: &FinishedSweep, path: &str) -> (String, String) {
    let file = swept.file(path);
    (file["status"].as_str().unwrap().to_owned(), file["problems"].to_string())
}

fn hosts() {
    let scene = Scene::new();
    let folders = sweep(&[&repository("samples/evidence")], &scene.out(), &["--hash"]).expect(0);
    for (name, options) in METHODS {
        let scene = archives(options);
        let mut tables = Vec::new();
        for threads in ["1", "2", "8"] {
            let out = scene.path(threads);
            let swept = sweep(&[&scene.evidence()], &out, &["--hash", "--threads", threads]).expect(0);
            for table in ["matches", "hosts", "files"] {
                // 7-Zip sorts files by their extension, so that the order of rows is its own.
                assert_eq!(rows(&swept, table), rows(&folders, table), "{name}: {table}");
            }
            assert!(swept.column("containers", "status").iter().all(|status| status == "read"), "{name}");
            assert!(swept.column("containers", "kind").iter().all(|kind| kind == "7z"), "{name}");
            let verified = run(dnsweep().arg("verify").arg(&out).arg(scene.evidence()));
            assert_eq!(verified.status, 0, "{name}: {}{}", verified.stdout, verified.stderr);
            tables.push(swept.tables());
        }
        assert!(tables.windows(2).all(|pair| pair[0] == pair[1]), "{name}: depends on threads");
    }
}

fn passwords() {
    for (options, is_listed) in [
        (&["-pgrün 1"][..], true),
        (&["-pgrün 1", "-m0=copy"], true),
        (&["-pgrün 1", "-ms=off"], true),
        (&["-pgrün 1", "-mhe=on"], false),
    ] {
        let scene = three_logs(options);
        let list = |words: &str| {
            let path = scene.path("passwords");
            fs::write(&path, words).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let wrong = list("wrong\nfalse\n");
        for (out, given, reason) in [
            ("none", &[][..], "encrypted: give its password in a file (--passwords)"),
            ("wrong", &["--passwords", &wrong], "none of the passwords (--passwords) opens it"),
        ] {
            let swept = sweep(&[&scene.evidence()], &scene.path(out), given).expect(3);
            assert_eq!(swept.column("containers", "status"), ["encrypted"], "{options:?}");
            let problems = swept.column("containers", "problems")[0].to_string();
            assert!(problems.contains(reason), "{options:?}: {problems}");
            assert_eq!(swept.rows("files").len(), if is_listed { 3 } else { 0 }, "{options:?}");
        }
        let right = list("wrong\ngrün 1\n");
        let swept = scene.sweep(&["--passwords", &right]).expect(0);
        assert_eq!(swept.rows("matches").len(), 3, "{options:?}");
    }
}

fn stored_with_password() {
    let scene = Scene::new();
    // The log is larger than what is unpacked to try a password.
    let log = [log_of("PC"), vec![0; 17 << 20]].concat();
    let folder = scene.path("plain");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("x.evtx"), log).unwrap();
    pack(&folder, &scene.evidence().join("x.7z"), &["x.evtx"], &["-m0=copy", "-pright"]);
    let passwords = scene.path("passwords");
    fs::write(&passwords, "wrong\nright\n").unwrap();
    let swept = scene.sweep(&["--passwords", passwords.to_str().unwrap()]);
    assert_eq!(swept.file("x.7z!x.evtx")["records"], json!(3));
}

fn unread_methods() {
    for (method, name) in [("ppmd", "PPMd"), ("deflate64", "Deflate64")] {
        let scene = three_logs(&[&format!("-m0={method}")]);
        scene.put("OTHER/x.evtx", &log_of("OTHER"));
        let swept = scene.sweep(&[]).expect(3);
        let (status, problems) = state(&swept, "H.7z!A.evtx");
        assert_eq!(status, "unreadable");
        assert!(
            problems.contains(&format!("it is packed by {name}, which dnsweep does not read")),
            "{problems}"
        );
    }
}

fn flipped() {
    let scene = three_logs(&["-m0=deflate"]);
    let path = scene.evidence().join("H.7z");
    let mut bytes = fs::read(&path).unwrap();
    // The packed bytes begin at byte 32. The second log's lie about here.
    let place = 32 + (bytes.len() - 32) / 2;
    bytes[place..place + 16].fill(0xFF);
    fs::write(&path, bytes).unwrap();
    let swept = scene.sweep(&[]).expect(3);
    assert_eq!(state(&swept, "H.7z!A.evtx").0, "complete");
    let (status, problems) = state(&swept, "H.7z!C.evtx");
    assert!(status == "damaged" || status == "unreadable", "{status}");
    assert!(problems.contains("unpacking failed") || problems.contains("CRC-32"), "{problems}");
    assert_eq!(swept.host("A")["matches"], json!(1));
}

fn wrong_checksum() {
    // What is stored is read where it lies, so a byte of it can be changed. It is encrypted here so
    // that it is unpacked, and its checksum compared.
    let scene = three_logs(&["-m0=copy", "-pPW"]);
    let path = scene.evidence().join("H.7z");
    let mut bytes = fs::read(&path).unwrap();
    let size = log_of("A").len();
    // A block of AES in the slack of the second log's chunk.
    bytes[32 + size + size - 160] ^= 1;
    fs::write(&path, bytes).unwrap();
    let passwords = scene.path("passwords");
    fs::write(&passwords, "PW\n").unwrap();
    let swept = scene.sweep(&["--passwords", passwords.to_str().unwrap()]).expect(3);
    assert_eq!(state(&swept, "H.7z!A.evtx").0, "complete");
    assert_eq!(state(&swept, "H.7z!C.evtx").0, "complete");
    let (status, problems) = state(&swept, "H.7z!B.evtx");
    assert_eq!(status, "damaged", "{problems}");
    assert!(problems.contains("the CRC-32 that the archive states"), "{problems}");
}

fn nested() {
    let scene = Scene::new();
    let folder = scene.path("folder");
    fs::create_dir(&folder).unwrap();
    for host in ["A", "B"] {
        fs::write(folder.join(format!("{host}.evtx")), log_of(host)).unwrap();
    }
    // An archive in the block is explored while the files after it are not listed yet.
    pack(&folder, &folder.join("in.7z"), &["A.evtx"], &[]);
    let zip = Command::new("7zz").args(["a", "-tzip", "in.zip", "B.evtx"]).current_dir(&folder).output();
    assert!(zip.unwrap().status.success());
    fs::copy(repository("samples/containers/FIN-WS07.E01"), folder.join("disk.E01")).unwrap();
    fs::write(folder.join("notes.txt"), "not a log".repeat(100_000)).unwrap();
    fs::write(folder.join("z.evtx"), log_of("Z")).unwrap();
    let files = ["disk.E01", "in.7z", "in.zip", "notes.txt", "z.evtx"];
    pack(&folder, &scene.evidence().join("H.7z"), &files, &["-ms=on", "-mqs=off"]);
    for options in [&["--threads", "1"][..], &["--threads", "2", "--spool-limit", "100M"]] {
        let swept = sweep(&[&scene.evidence()], &scene.path(options[1]), options).expect(0);
        for host in ["A", "B", "Z"] {
            assert_eq!(swept.host(host)["matches"], json!(1), "{host}");
        }
        let status = swept.column("containers", "status");
        assert!(status.iter().all(|status| status == "read" || status == "not looked at"), "{status:?}");
        assert!(swept.rows("matches").len() > 3, "those of the disk, too");
    }
}

fn cut_off() {
    let scene = three_logs(&[]);
    let path = scene.evidence().join("H.7z");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() / 2]).unwrap();
    let swept = scene.sweep(&[]).expect(3);
    assert_eq!(swept.column("containers", "status"), ["unreadable"]);
    let problems = swept.column("containers", "problems")[0].to_string();
    assert!(problems.contains("found the archive's end"), "{problems}");
}

fn room() {
    let scene = Scene::new();
    let folder = scene.path("folder");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("a.evtx"), log_of("A")).unwrap();
    fs::write(
        folder.join("memory.dmp"),
        (0..40_000_000_u32).map(|at| (at.wrapping_mul(at) >> 13).to_le_bytes()[0]).collect::<Vec<_>>(),
    )
    .unwrap();
    pack(
        &folder,
        &scene.evidence().join("H.7z"),
        &["memory.dmp", "a.evtx"],
        &["-mx=1", "-mqs=off", "-ms=on"],
    );
    // The dump of 40 MB does not fit, and is not needed.
    let swept = scene.sweep(&["--spool-limit", "1M"]).expect(0);
    assert_eq!(swept.host("A")["matches"], json!(1));
}
