//! `verify` reports nothing about what is unchanged, and names everything that is not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use common::containers::disk;
use common::logs::log_of;
use common::{
    FinishedProcess, FinishedSweep, Scene, copy, dnsweep, is_root, repository, run, run_with_input,
    sha256_by_another_tool, sweep,
};
use dnsweep_samples::corpus::{Corpus, Pool};
use serde_json::{Value, json};

const SOUND: &str = "No difference found in what was compared\n";
const TABLES: [&str; 4] = [
    "matches.parquet",
    "hosts.parquet",
    "stats/3cf0dc36-484d-11ec-a6bc-acde48001122.parquet",
    "files.parquet",
];

/// Runs `verify` on an output. Fails if it writes to standard error, unless the arguments are
/// refused.
#[track_caller]
fn verify(out: &Path, evidence: &[&Path], options: &[&str]) -> FinishedProcess {
    let ended = run(dnsweep().arg("verify").arg(out).args(evidence).args(options));
    if ended.status != 2 {
        assert_eq!(ended.stderr, "");
    }
    ended
}

/// Returns the discrepancies that `verify --quiet` prints, a line each.
#[track_caller]
fn discrepancies(out: &Path, evidence: &[&Path]) -> Vec<String> {
    let ended = verify(out, evidence, &["--quiet"]);
    let lines: Vec<String> = ended.stdout.lines().map(str::to_owned).collect();
    let found =
        lines.iter().filter(|line| line.starts_with("output ") || line.starts_with("evidence ")).count();
    assert_eq!(ended.status, if found > 0 { 3 } else { 0 }, "{}", ended.stdout);
    let loud = verify(out, evidence, &[]);
    assert_eq!(loud.status, ended.status);
    let heading = match found {
        0 => SOUND.to_owned(),
        1 => "DIFFERENT: 1 difference\n".to_owned(),
        _ => format!("DIFFERENT: {found} differences\n"),
    };
    assert!(loud.stdout.starts_with(&heading), "{}", loud.stdout);
    assert!(lines.iter().all(|line| loud.stdout.lines().any(|other| other == line)), "{}", loud.stdout);
    lines
}

/// Makes evidence with two logs, each with a match, and sweeps it with hashes. Returns also the
/// path of the first log.
fn scene() -> (Scene, FinishedSweep, PathBuf) {
    let scene = Scene::new();
    let log = scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    scene.put("OTHER/Sysmon.evtx", &log_of("OTHER"));
    let swept = scene.sweep(&["--hash"]).expect(0);
    (scene, swept, log)
}

/// Flips a bit of the byte at offset `at` in a file.
fn flip(path: &Path, at: usize) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    fs::write(path, bytes).unwrap();
}

/// Changes the `run.json` of an output, as only forgery would.
fn forge(out: &Path, change: impl FnOnce(&mut Value)) {
    let path = out.join("run.json");
    let mut run = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut run);
    fs::write(path, serde_json::to_vec(&run).unwrap()).unwrap();
}

#[test]
fn unchanged_files_are_verified_wherever_they_lie_now() {
    let scene = Scene::new();
    let (sound, damaged) = (repository("samples/evidence"), repository("samples/damaged"));
    // Two roots of one name, one of which is a single piece of evidence, and a root that is a file.
    let twin = scene.path("twin/evidence");
    copy(&damaged, &twin);
    let log = scene.path("single.evtx");
    fs::write(&log, log_of("SINGLE")).unwrap();
    let large = scene.put("LARGE/Sysmon.evtx", &Pool::new(Corpus::Quiet).unwrap().log(1, 40));
    let evidence = scene.evidence();
    let roots = [sound.as_path(), &twin, &evidence, &log];
    let swept = sweep(&roots, &scene.out(), &["--hash"]).expect(3);
    let before = scene.listing();
    assert_eq!(verify(&scene.out(), &[], &["--quiet"]).stdout, "");
    assert_eq!(discrepancies(&scene.out(), &roots), [""; 0]);
    assert!(before == scene.listing(), "something was written");
    // The roots lie elsewhere, under other names.
    let (moved, twin_moved) = (scene.path("moved/a"), scene.path("moved/b/c"));
    copy(&sound, &moved);
    copy(&twin, &twin_moved);
    let folder = scene.path("moved/logs");
    fs::create_dir(&folder).unwrap();
    fs::copy(&log, folder.join("single.evtx")).unwrap();
    let out = scene.path("moved/out");
    copy(&scene.out(), &out);
    let roots = [moved.as_path(), &twin_moved, &evidence, &folder.join("single.evtx")];
    assert_eq!(discrepancies(&out, &roots), [""; 0]);
    for threads in ["1", "2", "8"] {
        let ended = verify(&out, &roots, &["--threads", threads]);
        let files = swept.rows("files").len();
        assert!(ended.stdout.contains(&format!("{files} of {files} files unchanged")), "{}", ended.stdout);
    }
    // The last byte of the last block counts, too.
    flip(&large, usize::try_from(fs::metadata(&large).unwrap().len()).unwrap() - 1);
    assert_eq!(discrepancies(&out, &roots).len(), 1);
}

#[test]
fn roots_can_come_from_a_list() {
    let (scene, ..) = scene();
    let list = format!("{}\n", scene.evidence().display());
    let mut command = dnsweep();
    command.arg("verify").arg(scene.out()).args(["--files-from", "-"]);
    let ended = run_with_input(&mut command, list.as_bytes());
    assert!(ended.stdout.contains("2 of 2 files unchanged"), "{}", ended.stdout);
}

#[test]
fn the_summary_names_the_run() {
    let (scene, swept, _) = scene();
    let text = verify(&scene.out(), &[], &[]).stdout;
    let run = swept.run();
    let sha256 = sha256_by_another_tool(&scene.out().join("run.json"));
    let finished = run["finished"].as_str().unwrap();
    for part in [SOUND, "4 of 4 tables unchanged", &sha256, finished, "Evidence    not compared"] {
        assert!(text.contains(part), "{part}: {text}");
    }
}

#[test]
fn a_changed_byte_of_a_table_is_found() {
    let (scene, swept, _) = scene();
    for table in TABLES {
        let path = scene.out().join(table);
        let (bytes, stated) = (fs::read(&path).unwrap(), sha256_by_another_tool(&path));
        for at in [0, bytes.len() / 2, bytes.len() - 1] {
            flip(&path, at);
            let found = sha256_by_another_tool(&path);
            let expected = format!("output {table}: expected SHA-256 {stated}, found {found}");
            assert_eq!(discrepancies(&scene.out(), &[]), [expected], "byte {at}");
            fs::write(&path, &bytes).unwrap();
        }
        fs::write(&path, &bytes[1..]).unwrap();
        let expected = format!("output {table}: expected {} bytes, found {}", bytes.len(), bytes.len() - 1);
        assert_eq!(discrepancies(&scene.out(), &[]), [expected]);
        fs::write(&path, &bytes).unwrap();
    }
    assert_eq!(swept.tables().len(), TABLES.len());
    assert_eq!(discrepancies(&scene.out(), &[]), [""; 0]);
}

#[test]
fn a_table_that_is_gone_or_something_else_is_found() {
    let (scene, ..) = scene();
    for table in TABLES {
        let (path, aside) = (scene.out().join(table), scene.path("aside"));
        fs::rename(&path, &aside).unwrap();
        assert_eq!(
            discrepancies(&scene.out(), &[]),
            [format!("output {table}: missing: expected a regular file, found none")]
        );
        symlink(&aside, &path).unwrap();
        let expected = format!("output {table}: expected a regular file, found something else");
        assert_eq!(discrepancies(&scene.out(), &[]), [expected]);
        fs::remove_file(&path).unwrap();
        fs::rename(&aside, &path).unwrap();
    }
    fs::remove_dir_all(scene.out().join("stats")).unwrap();
    assert_eq!(
        discrepancies(&scene.out(), &[]),
        [format!("output {}: missing: expected a regular file, found none", TABLES[2])]
    );
}

#[test]
fn what_no_sweep_wrote_is_found() {
    let (scene, ..) = scene();
    fs::write(scene.out().join("a\u{1b}[2J"), "").unwrap();
    fs::write(scene.out().join("stats/run.json"), "{}").unwrap();
    fs::create_dir_all(scene.out().join("notes/stats")).unwrap();
    let expected = ["a\\u{1b}[2J", "notes", "stats/run.json"];
    let expected = expected.map(|name| format!("output {name}: not listed in run.json"));
    assert_eq!(discrepancies(&scene.out(), &[]), expected);
}

#[test]
fn a_damaged_run_json_is_found() {
    let (scene, ..) = scene();
    let path = scene.out().join("run.json");
    let bytes = fs::read(&path).unwrap();
    for length in [0, 1, bytes.len() / 2, bytes.len() - 2] {
        fs::write(&path, &bytes[..length]).unwrap();
        let found = discrepancies(&scene.out(), &[&scene.evidence()]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with("output run.json: cannot be read: "), "{}", found[0]);
    }
    fs::write(&path, &bytes).unwrap();
    forge(&scene.out(), |run| {
        run.as_object_mut().unwrap().remove("outputs");
    });
    assert_eq!(
        discrepancies(&scene.out(), &[]),
        ["output run.json: cannot be read: missing field `outputs`"]
    );
}

#[test]
fn a_forged_run_json_is_compared_with_the_tables() {
    let (scene, ..) = scene();
    // The page would differ from every forged run.json.
    fs::remove_file(scene.out().join("report.html")).unwrap();
    let json = fs::read(scene.out().join("run.json")).unwrap();
    for (field, forged, expected) in [
        ("rows", json!(3), "output matches.parquet: expected 3 rows, found 2"),
        ("bytes", json!(3), "output matches.parquet: expected 3 bytes, found "),
        ("sha256", json!("\u{1b}"), "output matches.parquet: expected SHA-256 \\u{1b}, found "),
    ] {
        forge(&scene.out(), |run| run["outputs"][0][field] = forged);
        let found = discrepancies(&scene.out(), &[]);
        assert_eq!(found.len(), 1);
        assert!(found[0].starts_with(expected), "{}", found[0]);
        fs::write(scene.out().join("run.json"), &json).unwrap();
    }
    // Nothing outside of the output is opened, whatever `run.json` names.
    for name in ["../evidence/HOST/Sysmon.evtx", "/dev/zero", "stats/../../evidence/HOST/Sysmon.evtx"] {
        forge(&scene.out(), |run| run["outputs"][0]["file"] = json!(name));
        let expected = [
            format!("output {name}: expected a file of the output, found a name that leads out of it"),
            "output matches.parquet: not listed in run.json".to_owned(),
        ];
        assert_eq!(discrepancies(&scene.out(), &[]), expected);
    }
}

#[test]
fn evidence_that_changed_is_found() {
    let (scene, _, log) = scene();
    let (evidence, out) = (scene.evidence(), scene.out());
    let (bytes, stated) = (fs::read(&log).unwrap(), sha256_by_another_tool(&log));
    for at in [0, bytes.len() / 2, bytes.len() - 1] {
        flip(&log, at);
        let found = sha256_by_another_tool(&log);
        let expected = format!("evidence HOST: HOST/Sysmon.evtx: expected SHA-256 {stated}, found {found}");
        assert_eq!(discrepancies(&out, &[&evidence]), [expected]);
        assert_eq!(discrepancies(&out, &[]), [""; 0], "evidence is opened only if it is named");
        fs::write(&log, &bytes).unwrap();
    }
    fs::write(&log, [bytes.as_slice(), b"x"].concat()).unwrap();
    let expected =
        format!("evidence HOST: HOST/Sysmon.evtx: expected {} bytes, found {}", bytes.len(), bytes.len() + 1);
    assert_eq!(discrepancies(&out, &[&evidence]), [expected]);
    fs::rename(&log, log.with_file_name("a\u{1b}.evtx")).unwrap();
    scene.put("HOST/notes.txt", b"none of a sweep's business");
    let expected = [
        "evidence HOST: HOST/Sysmon.evtx: missing: expected a regular file, found none",
        "evidence HOST: HOST/a\\u{1b}.evtx: not listed in the ledger",
    ];
    assert_eq!(discrepancies(&out, &[&evidence]), expected);
}

#[test]
fn evidence_that_cannot_be_read_any_more_is_found() {
    let (scene, _, log) = scene();
    fs::remove_file(&log).unwrap();
    symlink("gone", &log).unwrap();
    let swept = scene.sweep(&["--hash", "--follow", "--force"]).expect(3);
    assert_eq!(swept.file("HOST/Sysmon.evtx")["status"], "unreadable");
    // The file could not be read when it was swept either: nothing is different, but nothing was
    // compared.
    let lines = discrepancies(&scene.out(), &[&scene.evidence()]);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("The content of 1 file could NOT be compared"), "{}", lines[0]);
    if !is_root() {
        fs::set_permissions(scene.evidence().join("OTHER/Sysmon.evtx"), Permissions::from_mode(0o000))
            .unwrap();
        let lines = discrepancies(&scene.out(), &[&scene.evidence()]);
        assert!(lines[0].starts_with("evidence OTHER: OTHER/Sysmon.evtx: cannot be read: "), "{}", lines[0]);
    }
    // A file that could be read when it was swept, and cannot be read now.
    let (scene, _, log) = self::scene();
    scene.sweep(&["--hash", "--follow", "--force"]).expect(0);
    fs::remove_file(&log).unwrap();
    symlink("gone", &log).unwrap();
    let lines = discrepancies(&scene.out(), &[&scene.evidence()]);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("evidence HOST: HOST/Sysmon.evtx: cannot be read: "), "{}", lines[0]);
}

#[test]
fn without_hashes_it_says_that_content_was_not_compared() {
    let (scene, _, log) = scene();
    scene.sweep(&["--force"]).expect(0);
    flip(&log, 5000);
    let lines = discrepancies(&scene.out(), &[&scene.evidence()]);
    assert_eq!(lines.len(), 1);
    assert!(lines[0].starts_with("The content of evidence could NOT be compared"), "{}", lines[0]);
    fs::write(&log, b"short").unwrap();
    fs::remove_file(scene.evidence().join("OTHER/Sysmon.evtx")).unwrap();
    let lines = discrepancies(&scene.out(), &[&scene.evidence()]);
    assert_eq!(lines.len(), 3, "{lines:?}");
    assert!(lines[0].ends_with("HOST/Sysmon.evtx: expected 69632 bytes, found 5"), "{}", lines[0]);
    assert!(
        lines[1].ends_with("OTHER/Sysmon.evtx: missing: expected a regular file, found none"),
        "{}",
        lines[1]
    );
}

#[test]
fn evidence_is_not_compared_with_a_ledger_other_than_the_recorded_one() {
    let (scene, ..) = scene();
    flip(&scene.out().join("files.parquet"), 100);
    let lines = discrepancies(&scene.out(), &[&scene.evidence()]);
    assert_eq!(lines.len(), 2);
    assert_eq!(
        lines[1],
        "output files.parquet: differs from run.json, so that the evidence was not compared with it"
    );
}

#[test]
fn evidence_is_found_as_it_was_then() {
    let scene = Scene::new();
    let root = scene.evidence();
    scene.put("HOST/plain", &log_of("HOST"));
    scene.put("HOST/notes.txt", b"notes");
    let target = scene.path("target.evtx");
    fs::write(&target, log_of("LINKED")).unwrap();
    symlink(&target, root.join("HOST/link.evtx")).unwrap();
    for options in [&["--any-name"][..], &["--follow"], &["--any-name", "--follow", "--evidence-depth", "0"]]
    {
        let swept = scene.sweep(&[options, &["--hash", "--force"]].concat()).expect(0);
        assert_eq!(swept.rows("files").len(), options.len().min(2), "{options:?}");
        assert_eq!(discrepancies(&scene.out(), &[&root]), [""; 0], "{options:?}");
    }
    fs::remove_file(root.join("HOST/link.evtx")).unwrap();
    scene.put("HOST/other", &log_of("OTHER"));
    let expected = [
        "evidence evidence: HOST/link.evtx: missing: expected a regular file, found none",
        "evidence evidence: HOST/other: not listed in the ledger",
    ];
    assert_eq!(discrepancies(&scene.out(), &[&root]), expected);
}

/// Makes evidence with an archive, a disk image in two files and a file that is no archive in spite
/// of its name.
fn containers() -> Scene {
    let scene = Scene::new();
    scene.put(
        "A/a!b.zip",
        &fs::read(repository("samples/containers/2025-03-05T091240_KapeTriage_COL-SRV02.zip")).unwrap(),
    );
    let disk = disk();
    let (first, second) = disk.split_at(disk.len() / 2);
    scene.put("B/disk.001", first);
    scene.put("B/disk.002", second);
    scene.put("B/broken!.zip", b"This is no archive.");
    scene.put("B/Sysmon.evtx", &log_of("B"));
    scene
}

#[test]
fn files_of_containers_that_changed_are_found() {
    let scene = containers();
    let evidence = scene.evidence();
    scene.sweep(&["--hash"]).expect(3);
    assert_eq!(discrepancies(&scene.out(), &[&evidence]), [""; 0]);
    let text = verify(&scene.out(), &[&evidence], &[]).stdout;
    let bytes: u64 = ["A/a!b.zip", "B/disk.001", "B/disk.002", "B/broken!.zip"]
        .iter()
        .map(|name| fs::metadata(evidence.join(name)).unwrap().len())
        .sum();
    assert!(
        text.replace(',', "").contains(&format!(
            "\n            4 of 4 files of archives and disk images unchanged {bytes} bytes by SHA-256\n"
        )),
        "{text}"
    );
    // The last byte of each file is in no log.
    for (name, shown) in [
        ("A/a!b.zip", "evidence A: A/a\\x21b.zip"),
        ("B/disk.001", "evidence B: B/disk.001"),
        ("B/disk.002", "evidence B: B/disk.002"),
        ("B/broken!.zip", "evidence B: B/broken\\x21.zip"),
    ] {
        let path = evidence.join(name);
        let (bytes, stated) = (fs::read(&path).unwrap(), sha256_by_another_tool(&path));
        flip(&path, bytes.len() - 1);
        let expected = format!("{shown}: expected SHA-256 {stated}, found {}", sha256_by_another_tool(&path));
        let found = discrepancies(&scene.out(), &[&evidence]);
        assert!(found.contains(&expected), "{found:?}");
        fs::write(&path, bytes).unwrap();
    }
    assert_eq!(discrepancies(&scene.out(), &[&evidence]), [""; 0]);
}

#[test]
fn files_of_containers_that_are_gone_or_new_are_found() {
    let scene = containers();
    let evidence = scene.evidence();
    for options in [&["--hash"][..], &["--force"]] {
        scene.sweep(options).expect(3);
        let (second, aside) = (evidence.join("B/disk.002"), scene.path("aside"));
        fs::rename(&second, &aside).unwrap();
        let found = discrepancies(&scene.out(), &[&evidence]);
        let gone = "evidence B: B/disk.002: missing: expected a regular file, found none".to_owned();
        assert!(found.contains(&gone), "{found:?}");
        fs::rename(&aside, &second).unwrap();
        scene.put("B/disk.003", b"more");
        scene.put("A/new.7z", b"7z\xbc\xaf\x27\x1c");
        let found = discrepancies(&scene.out(), &[&evidence]);
        for new in ["evidence A: A/new.7z", "evidence B: B/disk.003"] {
            assert!(found.contains(&format!("{new}: not listed in the ledger")), "{found:?}");
        }
        fs::remove_file(evidence.join("B/disk.003")).unwrap();
        fs::remove_file(evidence.join("A/new.7z")).unwrap();
        flip(&scene.out().join("containers.parquet"), 100);
        let lines = discrepancies(&scene.out(), &[&evidence]);
        let expected =
            "output containers.parquet: differs from run.json, so that the evidence was not compared with it";
        assert_eq!(lines[1], expected, "{lines:?}");
    }
    // Without hashes, the size is all that can be compared.
    scene.sweep(&["--force"]).expect(3);
    fs::write(evidence.join("B/broken!.zip"), b"This is shorter.").unwrap();
    let lines = discrepancies(&scene.out(), &[&evidence]);
    assert_eq!(lines[0], "evidence B: B/broken\\x21.zip: expected 19 bytes, found 16", "{lines:?}");
}

/// Runs `verify` with arguments that must be refused. Returns the line that says why.
#[track_caller]
fn refused(out: &Path, evidence: &[&Path]) -> String {
    let ended = verify(out, evidence, &[]);
    assert_eq!((ended.status, ended.stdout.as_str()), (2, ""), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    ended.stderr
}

#[test]
fn usage_errors_are_refused() {
    let (scene, ..) = scene();
    let (out, evidence) = (scene.out(), scene.evidence());
    let message = refused(&scene.path("missing"), &[]);
    assert!(message.contains("missing': expected an output of dnsweep, found no run.json"), "{message}");
    let message = refused(&evidence, &[]);
    assert!(message.contains("no run.json"), "{message}");
    let message = refused(&out, &[&scene.path("missing")]);
    assert!(message.contains("No such file"), "{message}");
    let message = refused(&out, &[&evidence.join("HOST"), &evidence.join("OTHER")]);
    assert!(
        message.contains("expected the roots of the evidence in run.json (1), in the same order, found 2"),
        "{message}"
    );
    let versions = [(1, "expected schema version 3 in run.json, found 1: "), (9, "found 9: ")];
    for (version, found) in versions {
        forge(&out, |run| run["schema_version"] = json!(version));
        let message = refused(&out, &[&evidence]);
        assert!(message.contains(found) && message.contains("dnsweep that wrote it"), "{message}");
    }
    forge(&out, |run| drop(run.as_object_mut().unwrap().remove("dnsweep")));
    let message = refused(&out, &[&evidence]);
    assert!(message.contains("not of dnsweep"), "{message}");
    fs::remove_file(out.join("run.json")).unwrap();
    symlink("/dev/zero", out.join("run.json")).unwrap();
    let message = refused(&out, &[]);
    assert!(message.contains("expected a regular file, found a symbolic link"), "{message}");
    assert_eq!(run(dnsweep().arg("verify")).status, 2);
}
