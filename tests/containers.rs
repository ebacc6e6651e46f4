//! Logs in archives and disk images are read like those in folders, and what cannot be read is
//! said.
//!
//! Python makes the archives, so that no library is compared with itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::containers::{disk, make};
use common::logs::log_of;
use common::{
    FinishedSweep, Scene, dnsweep, repository, run, send, sha256_by_another_tool, start, sweep, wait,
    wait_for_line,
};
use serde_json::{Value, json};

/// Columns that say where a record was found.
const PLACE: [&str; 6] =
    ["evidence", "source_path", "original_path", "snapshot_time", "deleted_file", "duplicate"];

/// Makes evidence that is an archive of a log with one match. `case` is the name of the kind of
/// archive in the script that makes it, and `name` the archive's file name.
fn scene(case: &str, name: &str) -> Scene {
    let scene = Scene::new();
    let log = scene.path("log");
    fs::write(&log, log_of("HOST")).unwrap();
    make(&[case, log.to_str().unwrap(), scene.evidence().join(name).to_str().unwrap()]);
    scene
}

/// Makes evidence with an archive of the format `kind` for each host of the samples.
fn archives(kind: &str) -> Scene {
    let scene = Scene::new();
    let hosts = repository("samples/evidence");
    make(&["hosts", hosts.to_str().unwrap(), scene.evidence().to_str().unwrap(), kind]);
    scene
}

/// Returns the rows of a table without the columns `columns`, in the order of the table.
fn rows_without(swept: &FinishedSweep, table: &str, columns: &[&str]) -> Vec<Value> {
    let mut rows = swept.rows(table);
    for row in &mut rows {
        for column in columns {
            row.as_object_mut().unwrap().remove(*column);
        }
    }
    rows
}

fn stats(swept: &FinishedSweep) -> String {
    let stats = fs::read_dir(swept.out.join("stats")).unwrap().next().unwrap().unwrap();
    format!("stats/{}", stats.path().file_stem().unwrap().to_str().unwrap())
}

/// Returns the values of two columns of a table, row by row.
fn pairs(swept: &FinishedSweep, table: &str, columns: [&str; 2]) -> Vec<[String; 2]> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    swept.rows(table).iter().map(|row| columns.map(|column| text(&row[column]))).collect()
}

/// Returns the text of all problems of a table's rows.
fn problems(swept: &FinishedSweep, table: &str) -> String {
    swept.column(table, "problems").iter().map(Value::to_string).collect()
}

#[track_caller]
fn verify(swept: &FinishedSweep, roots: &[&Path], options: &[&str]) {
    let verified = run(dnsweep().arg("verify").arg(&swept.out).args(roots).args(options));
    assert_eq!(verified.status, 0, "{}{}", verified.stdout, verified.stderr);
}

#[test]
fn archives_of_hosts_are_read_like_their_folders() {
    let scene = Scene::new();
    let folders = sweep(&[&repository("samples/evidence")], &scene.out(), &["--hash"]).expect(0);
    for kind in ["zip", "stored", "tar.gz", "tar.xz", "tar.bz2"] {
        let scene = archives(kind);
        let mut outputs = Vec::new();
        for threads in ["1", "2", "8"] {
            let out = scene.path(threads);
            let swept = sweep(&[&scene.evidence()], &out, &["--hash", "--threads", threads]).expect(0);
            outputs.push((swept.tables(), fs::read(out.join("containers.parquet")).unwrap()));
            if threads == "2" {
                let place = ["source_path", "original_path"];
                for table in ["matches", "hosts", "files", &stats(&folders)] {
                    let [found, expected] =
                        [&swept, &folders].map(|sweep| rows_without(sweep, table, &place));
                    assert_eq!(found, expected, "{kind}: {table}");
                }
                assert!(swept.column("containers", "status").iter().all(|status| status == "read"));
                verify(&swept, &[&scene.evidence()], &[]);
            }
        }
        assert!(outputs.windows(2).all(|pair| pair[0] == pair[1]), "{kind}: depends on threads");
    }
}

#[test]
fn the_sample_containers_have_the_events_of_their_hosts() {
    let scene = Scene::new();
    let hosts = ["COL-SRV02", "FIN-WS07"].map(|host| repository("samples/evidence").join(host));
    let folders = sweep(&[&hosts[0], &hosts[1]], &scene.path("folders"), &[]).expect(0);
    let containers = repository("samples/containers");
    let mut outputs = Vec::new();
    for options in [&[][..], &["--vss"]] {
        let swept = sweep(&[&containers], &scene.path(&format!("out{}", options.len())), options).expect(0);
        let mut matches = [&swept, &folders].map(|sweep| {
            let unique = sweep.rows("matches").into_iter().filter(|row| row["duplicate"] == json!(false));
            let key = |mut row: Value| {
                for column in PLACE {
                    row.as_object_mut().unwrap().remove(column);
                }
                row.to_string()
            };
            unique.map(key).collect::<Vec<_>>()
        });
        for rows in &mut matches {
            rows.sort();
        }
        assert_eq!(matches[0].len(), 15);
        assert!(matches[0] == matches[1], "{options:?}: {:?}", matches[0]);
        let [found, expected] = [&swept, &folders].map(|sweep| rows_without(sweep, &stats(sweep), &[]));
        assert_eq!(found, expected);
        outputs.push(swept);
    }
    let [live, with_snapshot] = &outputs[..] else { unreachable!() };
    // Each log is in the live volume once, so all counts of the hosts are those of the folders.
    let [found, expected] = [live, &folders].map(|sweep| rows_without(sweep, "hosts", &["evidence"]));
    assert_eq!(found, expected);
    let deleted = |sweep: &FinishedSweep| {
        let rows = sweep.rows("matches");
        rows.iter().filter(|row| row["deleted_file"] == json!(true)).count()
    };
    assert_eq!((deleted(live), deleted(with_snapshot)), (1, 1));
    assert_eq!((live.rows("matches").len(), with_snapshot.rows("matches").len()), (15, 29));
    let unchanged = |sweep: &FinishedSweep| {
        sweep.column("files", "status").iter().filter(|status| **status == "unchanged").count()
    };
    assert_eq!((unchanged(live), unchanged(with_snapshot)), (0, 3));
    let snapshot = |sweep: &FinishedSweep| {
        let rows = sweep.rows("containers");
        rows.iter().find(|row| row["kind"] == "shadow copy").unwrap()["status"].clone()
    };
    assert_eq!((snapshot(live), snapshot(with_snapshot)), (json!("not looked at"), json!("read")));
    for threads in ["1", "8"] {
        let out = scene.path(threads);
        let again = sweep(&[&containers], &out, &["--vss", "--threads", threads]).expect(0);
        assert!(again.tables() == with_snapshot.tables(), "depends on threads");
        verify(&again, &[&containers], &[]);
    }
}

/// A container that is damaged or odd, and what a sweep says of it.
struct Case {
    name: &'static str,
    /// The file name of the container in the evidence.
    file: &'static str,
    exit: i32,
    /// The container's status that the table of containers must have.
    status: &'static str,
    /// The path in the container and the status of each log that the ledger must list.
    logs: &'static [[&'static str; 2]],
    matches: usize,
    /// A text that a problem of the container or of a log must contain.
    problem: &'static str,
}

#[rustfmt::skip]
const CASES: &[Case] = &[
    Case { name: "plain", file: "H.zip", exit: 0, status: "read", logs: &[["x.evtx", "complete"]], matches: 1, problem: "" },
    Case { name: "nested4", file: "H.zip", exit: 0, status: "read", logs: &[["in.zip!in.zip!in.zip!x.evtx", "complete"]], matches: 1, problem: "" },
    Case { name: "nested5", file: "H.zip", exit: 3, status: "read", logs: &[], matches: 0, problem: "at most 4 containers" },
    Case { name: "broken beginning", file: "H.zip", exit: 3, status: "read", logs: &[["x.evtx.bak", "unreadable"]], matches: 0, problem: "unpacking failed" },
    Case { name: "wrong checksum", file: "H.zip", exit: 3, status: "read", logs: &[["x.evtx", "damaged"]], matches: 1, problem: "the CRC-32 that the archive states" },
    Case { name: "truncated", file: "H.zip", exit: 3, status: "unreadable", logs: &[], matches: 0, problem: "invalid Zip archive" },
    Case { name: "no end", file: "H.zip", exit: 3, status: "unreadable", logs: &[], matches: 0, problem: "invalid Zip archive" },
    Case { name: "too small", file: "H.zip", exit: 3, status: "read", logs: &[["x.evtx", "damaged"]], matches: 1, problem: "more bytes than the archive states" },
    Case { name: "too large", file: "H.zip", exit: 3, status: "read", logs: &[["x.evtx", "damaged"]], matches: 1, problem: "expected 74632 bytes, as the archive states, found 69632" },
    Case { name: "half encrypted", file: "H.zip", exit: 3, status: "partly", logs: &[["Sysmon.evtx", "unreadable"], ["x.evtx", "complete"]], matches: 1, problem: "Sysmon.evtx: encrypted: give its password" },
    Case { name: "encrypted beside an archive", file: "H.zip", exit: 3, status: "partly", logs: &[["Sysmon.evtx", "unreadable"], ["in.zip!x.evtx", "complete"]], matches: 1, problem: "encrypted: give its password" },
    Case { name: "overlapping", file: "H.zip", exit: 3, status: "partly", logs: &[["x.evtx", "complete"], ["x.evtx@2", "unreadable"]], matches: 1, problem: "do not overlap" },
    Case { name: "no zip", file: "H.zip", exit: 3, status: "unreadable", logs: &[], matches: 0, problem: "expected the signature of a zip file" },
    Case { name: "empty", file: "H.zip", exit: 3, status: "unreadable", logs: &[], matches: 0, problem: "expected the signature of a zip file" },
    Case { name: "no files", file: "H.zip", exit: 4, status: "read", logs: &[], matches: 0, problem: "" },
    Case { name: "names", file: "H.zip", exit: 0, status: "read", logs: &[["a\\x21b/x.evtx", "complete"], ["../../up.evtx", "complete"], ["/abs/x.evtx", "complete"], ["C:\\\\w\\\\x.evtx", "complete"], ["é.evtx", "complete"]], matches: 5, problem: "" },
    Case { name: "not text", file: "H.zip", exit: 0, status: "read", logs: &[["\\xFF\\xFE.evtx", "complete"]], matches: 1, problem: "" },
    Case { name: "same name", file: "H.zip", exit: 0, status: "read", logs: &[["x.evtx", "complete"], ["x.evtx@2", "complete"]], matches: 2, problem: "" },
    Case { name: "tar.gz cut", file: "H.tar.gz", exit: 3, status: "partly", logs: &[["x.evtx", "damaged"]], matches: 0, problem: "unpacking failed" },
    Case { name: "gzip", file: "x.evtx.gz", exit: 0, status: "read", logs: &[["x.evtx", "complete"]], matches: 1, problem: "" },
];

#[test]
fn what_is_odd_or_damaged_is_said() {
    for case in CASES {
        let scene = scene(case.name, case.file);
        let swept = scene.sweep(&["--hash"]).expect(case.exit);
        let name = case.name;
        let container = &pairs(&swept, "containers", ["source_path", "status"])[0];
        assert_eq!(*container, [case.file, case.status], "{name}");
        let logs = pairs(&swept, "files", ["source_path", "status"]);
        let expected: Vec<_> = case
            .logs
            .iter()
            .map(|[path, status]| [format!("{}!{path}", case.file), (*status).to_owned()])
            .collect();
        assert_eq!(logs, expected, "{name}");
        assert_eq!(swept.rows("matches").len(), case.matches, "{name}");
        let said = problems(&swept, "containers") + &problems(&swept, "files");
        assert!(said.contains(case.problem), "{name}: {said}");
        assert_eq!(case.problem.is_empty(), said == "[]".repeat(said.len() / 2), "{name}: {said}");
        // What cannot be read cannot be compared, either.
        if case.logs.iter().all(|[_, status]| *status != "unreadable") {
            verify(&swept, &[&scene.evidence()], &[]);
        }
        let without = sweep(&[&scene.evidence()], &scene.path("without"), &["--no-containers"]).expect(4);
        assert!(without.rows("files").is_empty(), "{name}");
    }
}

#[test]
fn a_flipped_byte_damages_one_log() {
    let scene = scene("flipped", "H.zip");
    scene.put("OTHER/x.evtx", &log_of("OTHER"));
    let swept = scene.sweep(&[]).expect(3);
    assert_eq!(swept.file("H.zip!x.evtx")["status"], "damaged");
    assert!(problems(&swept, "files").contains("unpacking failed"));
    assert_eq!(swept.host("OTHER")["matches"], json!(1));
}

#[test]
fn passwords_open_encrypted_archives() {
    for name in ["zipcrypto.zip", "aes256.zip"] {
        let scene = Scene::new();
        scene.put("H.zip", &fs::read(repository("tests/containers").join(name)).unwrap());
        let passwords = |words: &str| {
            let path = scene.path("passwords");
            fs::write(&path, words).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let refused = |out: &str, options: &[&str], reason: &str| {
            let swept = sweep(&[&scene.evidence()], &scene.path(out), options).expect(3);
            assert_eq!(swept.column("containers", "status"), ["encrypted"], "{name}");
            assert_eq!(swept.column("hosts", "missed_containers"), [json!(1)], "{name}");
            assert!(swept.process.stderr.contains("no event log could be read in"), "{name}");
            assert_eq!(
                pairs(&swept, "files", ["source_path", "status"]),
                [["H.zip!Sysmon.evtx", "unreadable"]]
            );
            assert!(problems(&swept, "files").contains(reason), "{name}");
        };
        refused("none", &[], "encrypted: give its password in a file (--passwords)");
        refused(
            "wrong",
            &["--passwords", &passwords("wrong\n")],
            "none of the passwords (--passwords) opens it",
        );
        let right = passwords("wrong\ninfected\n");
        let swept = scene.sweep(&["--hash", "--passwords", &right]).expect(0);
        assert_eq!(swept.rows("matches").len(), 1, "{name}");
        let hash = swept.file("H.zip!Sysmon.evtx")["sha256"].clone();
        assert_eq!(hash, sha256_by_another_tool(&encrypted_log()), "{name}");
        verify(&swept, &[&scene.evidence()], &["--passwords", &right]);
    }
}

/// Returns the path of the log that the encrypted archives contain.
fn encrypted_log() -> PathBuf {
    let logs = repository("samples/evidence/FIN-WS07/Windows/System32/winevt/Logs");
    logs.join("Archive-Microsoft-Windows-Sysmon%4Operational-2025-03-03-19-40-12-501.evtx")
}

#[test]
fn what_the_spool_has_no_room_for_is_said_at_once() {
    let scene = scene("large", "H.zip");
    let begun = Instant::now();
    let swept = scene.sweep(&["--spool-limit", "1M"]).expect(3);
    assert!(swept.process.stderr.contains("no event log could be read in"), "{}", swept.process.stderr);
    assert_eq!(swept.file("H.zip!x.evtx")["status"], "unreadable");
    assert!(problems(&swept, "files").contains("--spool-limit"));
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}

#[test]
fn an_interruption_does_not_wait_until_a_log_is_unpacked() {
    let scene = scene("endless", "H.zip");
    for (options, resumed) in [(&["--threads", "1"][..], 0), (&["--threads", "3", "--resume"], 1)] {
        let mut command = dnsweep();
        command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out()).args(options);
        let mut child = start(&mut command);
        wait_for_line(&mut child);
        thread::sleep(Duration::from_secs(3));
        send("INT", &child);
        let begun = Instant::now();
        let swept = FinishedSweep { process: wait(child), out: scene.out() }.expect(130);
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        assert_eq!(
            pairs(&swept, "files", ["source_path", "status"]),
            [["H.zip!x.evtx", "complete"], ["H.zip!y.evtx", "not read"]]
        );
        assert_eq!(swept.rows("matches").len(), 1);
        assert_eq!(swept.host("HOST")["damaged_files"], json!(0));
        assert_eq!(swept.host("HOST")["not_read_files"], json!(1));
        // What was read before is not read again, and what was given up was not taken for read.
        assert_eq!(swept.run()["resumed_files"], json!(resumed));
        fs::remove_dir_all(scene.out()).unwrap();
    }
}

#[test]
fn a_packed_archive_that_an_interruption_gives_up_is_not_read() {
    let scene = scene("endless gzip", "H.tar.gz");
    scene.put("OTHER/x.evtx", &log_of("OTHER"));
    let mut command = dnsweep();
    command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out());
    let child = start(&mut command);
    thread::sleep(Duration::from_secs(3));
    send("INT", &child);
    let begun = Instant::now();
    let swept = FinishedSweep { process: wait(child), out: scene.out() }.expect(130);
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    assert_eq!(swept.column("containers", "status"), ["not read"]);
    assert!(problems(&swept, "containers").contains("interrupted while this was listed"));
    assert_eq!(swept.run()["totals"]["not_read_containers"], json!(1));
    // Nothing is known of the archive's machine, so it is no host.
    assert_eq!(swept.run()["totals"]["evidence_not_reached"], json!(2));
    assert_eq!(swept.rows("hosts"), [] as [Value; 0]);
}

/// The path of the sparse log in a collection by Velociraptor.
const SPARSE: &str = "uploads/ntfs/%5C%5C.%5CC%3A/Logs/Sysmon%254Operational.evtx";

#[test]
fn sparse_files_of_velociraptor_are_read_as_they_were() {
    let whole = scene("sparse whole", "x.evtx");
    let expected = whole.sweep(&["--hash"]).expect(0).file("x.evtx");
    assert!(expected["size"].as_u64() > Some(200_000), "{expected}");
    let scene = scene("velociraptor", "Collection-H-2025.zip");
    let swept = scene.sweep(&["--hash"]).expect(0);
    let file = swept.file(&format!("Collection-H-2025.zip!{SPARSE}"));
    for column in ["size", "sha256", "records", "chunks", "empty_chunks", "matches", "problems"] {
        assert_eq!(file[column], expected[column], "{column}");
    }
    assert_eq!(file["original_path"], r"C:\Logs\Sysmon%4Operational.evtx");
    assert_eq!(swept.column("containers", "logs"), [json!(1)]);
    // The index of a file that is not there is no part of another file.
    assert_eq!(swept.run()["passed_over"]["side_files"], json!(1));
    verify(&swept, &[&scene.evidence()], &[]);
    // The same collection, unpacked.
    let folder = Scene::new();
    let unpack = ["-m", "zipfile", "-e"];
    let zip = scene.evidence().join("Collection-H-2025.zip");
    assert!(
        Command::new("python3").args(unpack).arg(&zip).arg(folder.evidence()).status().unwrap().success()
    );
    for threads in ["1", "3"] {
        let swept = folder.sweep(&["--hash", "--force", "--threads", threads]).expect(0);
        let file = swept.file(SPARSE);
        for column in ["size", "sha256", "records", "matches", "problems"] {
            assert_eq!(file[column], expected[column], "{column}");
        }
        assert_eq!(swept.rows("files").len(), 1);
        verify(&swept, &[&folder.evidence()], &[]);
    }
}

#[test]
fn an_index_that_does_not_fit_is_said_and_its_file_is_read_as_it_lies() {
    let scene = scene("velociraptor broken", "H.zip");
    let log = scene.path("log");
    for (case, name) in [("sparse stored", "x.evtx"), ("sparse index", "x.evtx.idx")] {
        make(&[case, log.to_str().unwrap(), scene.evidence().join(name).to_str().unwrap()]);
    }
    fs::write(scene.evidence().join("x.evtx.idx"), "{").unwrap();
    let stored = fs::metadata(scene.evidence().join("x.evtx")).unwrap().len();
    let swept = scene.sweep(&[]).expect(3);
    for (path, said) in [
        (
            format!("H.zip!{SPARSE}"),
            format!(
                "Sysmon%254Operational.evtx.idx: expected ranges of {stored} bytes, which the file has, found 9; the file is read as it lies"
            ),
        ),
        ("x.evtx".to_owned(), "x.evtx.idx: expected JSON with the ranges of a file".to_owned()),
    ] {
        let file = swept.file(&path);
        assert_eq!((&file["size"], &file["status"]), (&json!(stored), &json!("damaged")), "{path}");
        assert!(file["problems"].to_string().contains(&said), "{}", file["problems"]);
        assert!(file["matches"].as_u64() > Some(0), "{path}");
    }
}

#[test]
fn a_zip_by_two_links_is_read_once() {
    let scene = scene("plain", "H.zip");
    symlink("H.zip", scene.evidence().join("I.zip")).unwrap();
    let swept = scene.sweep(&["--follow"]).expect(0);
    assert_eq!((swept.rows("files").len(), swept.rows("containers").len()), (1, 1));
    assert_eq!(swept.rows("matches").len(), 1);
}

#[test]
fn a_cut_image_is_said_to_be_incomplete() {
    let image = fs::read(repository("samples/containers/FIN-WS07.E01")).unwrap();
    let scene = Scene::new();
    scene.put("H.E01", &image[..image.len() / 2]);
    scene.put("OTHER/x.evtx", &log_of("OTHER"));
    let swept = scene.sweep(&[]).expect(3);
    let container = &swept.rows("containers")[0];
    assert_ne!(container["status"], "read");
    assert_ne!(container["problems"], json!([]));
    assert_eq!(swept.host("OTHER")["matches"], json!(1));
}

#[test]
fn a_killed_sweep_of_archives_is_resumed() {
    let scene = archives("zip");
    let log = scene.path("log");
    fs::write(&log, log_of("HOST")).unwrap();
    let twice = scene.evidence().join("TWICE.zip");
    make(&["same name", log.to_str().unwrap(), twice.to_str().unwrap()]);
    // It has a shadow copy with unchanged logs.
    scene.put("DISK.raw", &disk());
    let begun = Instant::now();
    let expected = scene.sweep(&["--quiet", "--hash", "--vss"]).expect(0).tables();
    let took = begun.elapsed();
    for kill in 1..10 {
        fs::remove_dir_all(scene.out()).unwrap();
        let mut command = dnsweep();
        command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out());
        let mut child = start(command.args(["--quiet", "--hash", "--vss", "--threads", "1"]));
        thread::sleep(took * kill / 8);
        let _ = child.kill();
        let _ = child.wait().unwrap();
        if !scene.out().exists() {
            let swept = scene.sweep(&["--quiet", "--hash", "--vss", "--resume"]).expect(0);
            assert!(swept.tables() == expected, "killed after {kill} eighths");
        }
    }
}

#[test]
fn a_split_image_is_read_like_a_whole_one_and_missing_parts_are_said() {
    let disk = disk();
    let parts: Vec<&[u8]> = disk.chunks(disk.len() / 3 + 1).collect();
    let whole = Scene::new();
    whole.put("FIN.raw", &disk);
    let whole = whole.sweep(&["--vss"]).expect(0);
    assert_eq!(whole.rows("matches").len(), 28);
    for missing in [None, Some(1), Some(2)] {
        let scene = Scene::new();
        for (number, part) in parts.iter().enumerate().filter(|(number, _)| missing != Some(*number)) {
            scene.put(&format!("FIN.{:03}", number + 1), part);
        }
        scene.put("OTHER/x.evtx", &log_of("OTHER"));
        for options in [&["--vss"][..], &["--vss", "--hash"]] {
            let out = scene.path(&format!("out{}", options.len()));
            let swept =
                sweep(&[&scene.evidence()], &out, options).expect(if missing.is_some() { 3 } else { 0 });
            let container = swept.rows("containers").remove(0);
            assert_eq!(container["source_path"], "FIN.001");
            let complete = swept.column("containers", "status").iter().all(|status| status == "read");
            assert_eq!(complete, missing.is_none(), "{:?}", swept.rows("containers"));
            let listed = container["parts"].as_array().unwrap().len();
            assert_eq!(listed, if missing.is_some() { 1 } else { 2 }, "{container}");
            assert_eq!(swept.host("OTHER")["matches"], json!(1));
            if missing.is_none() {
                assert_eq!(swept.rows("matches").len(), 29);
            }
        }
    }
}
