//! Discovery: which files are found in evidence, in which order, to which piece of evidence they
//! belong, and what is passed over.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use common::logs::log_of;
use common::{FinishedSweep, Scene, dnsweep, forget_reads, run_with_input, sweep, was_read};
use serde_json::{Value, json};

/// Returns the name of the piece of evidence and the path of each file of the ledger, in the
/// ledger's order.
fn files(swept: &FinishedSweep) -> Vec<(String, String)> {
    let text = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    swept.rows("files").iter().map(|row| (text(row, "evidence"), text(row, "source_path"))).collect()
}

fn paths(swept: &FinishedSweep) -> Vec<String> {
    files(swept).into_iter().map(|(_, path)| path).collect()
}

/// Returns how many matches the sweep found. Each log has one.
fn matches(swept: &FinishedSweep) -> usize {
    swept.rows("matches").len()
}

fn passed_over(swept: &FinishedSweep, kind: &str) -> u64 {
    swept.run()["passed_over"][kind].as_u64().unwrap()
}

#[test]
fn logs_are_recognised_by_their_names() {
    let scene = Scene::new();
    let named = ["a/A.EVTX", "a/Security.evtx", "a/b.Evtx", "a/x.evtx.bak", "a/y.evtx (1)", "a/z.EVTX.old"];
    for name in named {
        scene.put(name, &log_of(name));
    }
    for name in ["a/x.evt", "a/evtx", "a/log.evt.x", "a/notes.txt"] {
        scene.put(name, &log_of(name));
    }
    let swept = scene.sweep(&[]).expect(0);
    // Files are sorted by the bytes of their names.
    assert_eq!(paths(&swept), named);
    assert_eq!((matches(&swept), passed_over(&swept, "other_files")), (6, 4));
    // By their first bytes, the other four files are logs, too; the notes are not.
    scene.put("a/plain.txt", b"ElfFil");
    scene.put("a/none", b"");
    let swept = scene.sweep(&["--any-name", "--force"]).expect(0);
    assert_eq!((matches(&swept), passed_over(&swept, "other_files")), (10, 2));
}

/// Writes files that have the name of a log in their own name and are no logs, and two that are
/// read: event XML, and slack that begins with a chunk.
fn put_side_files(scene: &Scene, host: &str) {
    let put = |name: &str, bytes: &[u8]| _ = scene.put(&format!("{host}/{name}"), bytes);
    put("x.evtx.sha256", b"e3b0c44298fc1c14  x.evtx\n");
    put("x.evtx.json", b"{}\n");
    put("X.EVTX.txt", b"notes");
    put("x.evtx.lnk", b"L\0\0\0\x01\x14\x02\0");
    put("x.evtx:Zone.Identifier", b"[ZoneTransfer]\r\nZoneId=3");
    put("x.evtx.FileSlack", &[0; 4096]);
    put("._x.evtx", b"\0\x05\x16\x07\0\x02\0\0Mac OS X        ");
    put("Evtx.csproj", b"<Project/>");
    put("old.evtx.iso", &[0; 4096]);
}

#[test]
fn files_beside_a_log_are_no_logs_and_are_counted() {
    let scene = Scene::new();
    scene.put("HOST/x.evtx", &log_of("HOST"));
    put_side_files(&scene, "HOST");
    for options in [&["--force"][..], &["--force", "--threads", "3"], &["--force", "--any-name"]] {
        let swept = scene.sweep(options).expect(0);
        assert_eq!(paths(&swept), ["HOST/x.evtx"]);
        assert_eq!(swept.host("HOST")["damaged_files"], 0);
        let passed = &swept.run()["passed_over"];
        let counts = ["side_files", "containers", "other_files"].map(|kind| passed[kind].as_u64().unwrap());
        assert_eq!(counts, [7, 1, 1]);
        assert_eq!(passed["extensions"], json!({"iso": 1, "json": 1, "lnk": 1, "sha256": 1, "txt": 1}));
        let stdout = swept.process.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            stdout.contains("1 archive or disk image (not opened), 7 files that have .evtx in their names"),
            "{stdout}"
        );
    }
    // A folder of such files does not count as one that directly contains event logs.
    put_side_files(&scene, "");
    scene.put("OTHER/y.evtx", &log_of("OTHER"));
    assert_eq!(evidence_of(&scene, &[""], &[]), ["HOST", "OTHER"]);
}

#[test]
fn a_file_next_to_a_log_is_a_log_if_its_first_bytes_say_so() {
    let scene = Scene::new();
    let log = log_of("HOST");
    scene.put("HOST/a.evtx.bak", &log);
    scene.put("HOST/b.evtx.FileSlack", &log[4096..]);
    // The log's header is lost.
    scene.put("HOST/c.evtx.old", &[&[0; 4096], &log[4096..]].concat());
    scene.put("HOST/d.evtx", b"notes");
    scene.put("HOST/memory", &log[4096..]);
    let swept = scene.sweep(&[]).expect(3);
    assert_eq!(paths(&swept), ["HOST/a.evtx.bak", "HOST/b.evtx.FileSlack", "HOST/c.evtx.old", "HOST/d.evtx"]);
    assert_eq!(matches(&swept), 3);
    assert_eq!(swept.file("HOST/d.evtx")["status"], "not an event log");
    let swept = scene.sweep(&["--any-name", "--force"]).expect(3);
    assert_eq!(paths(&swept).last().unwrap(), "HOST/memory");
    assert_eq!(matches(&swept), 4);
}

#[test]
fn only_files_whose_names_do_not_decide_are_opened() {
    let scene = Scene::new();
    scene.put("HOST/x.evtx", &log_of("HOST"));
    let closed = ["a.zip", "b.dat", "c", "d.E01"].map(|name| scene.put(&format!("HOST/{name}"), b"whatever"));
    for path in &closed {
        forget_reads(path);
    }
    let swept = scene.sweep(&["--no-containers"]).expect(0);
    assert!(closed.iter().all(|path| !was_read(path)));
    assert_eq!((passed_over(&swept, "containers"), passed_over(&swept, "other_files")), (2, 2));
}

#[test]
fn a_folder_named_like_a_log_is_a_folder() {
    let scene = Scene::new();
    scene.put("HOST/logs.evtx/Security.evtx", &log_of("HOST"));
    let swept = scene.sweep(&[]).expect(0);
    assert_eq!(paths(&swept), ["HOST/logs.evtx/Security.evtx"]);
}

#[test]
fn a_file_given_directly_is_read_whatever_its_name() {
    let scene = Scene::new();
    let path = scene.put("HOST/notes.txt", &log_of("HOST"));
    let swept = sweep(&[&path], &scene.out(), &[]).expect(0);
    assert_eq!(files(&swept), [("notes.txt".to_owned(), "notes.txt".to_owned())]);
    assert_eq!(matches(&swept), 1);
}

#[test]
fn links_are_counted_and_followed_only_with_the_option() {
    let scene = Scene::new();
    let log = scene.put("HOST/logs/Sysmon.evtx", &log_of("HOST"));
    let outside = scene.path("outside");
    fs::create_dir(&outside).unwrap();
    fs::write(outside.join("far.evtx"), log_of("FAR")).unwrap();
    // The links: a loop to the parent folder, one to the folder itself, a second path to the log,
    // and one that leads out of the evidence.
    symlink("..", log.parent().unwrap().join("up")).unwrap();
    symlink(".", log.parent().unwrap().join("here")).unwrap();
    symlink(&log, scene.evidence().join("HOST/again.evtx")).unwrap();
    symlink(log.parent().unwrap(), scene.evidence().join("HOST/logs2")).unwrap();
    symlink(&outside, scene.evidence().join("HOST/out")).unwrap();

    let swept = scene.sweep(&[]).expect(0);
    assert_eq!(paths(&swept), ["HOST/logs/Sysmon.evtx"]);
    assert_eq!((matches(&swept), passed_over(&swept, "links")), (1, 5));
    assert!(swept.process.stdout.contains("5 symbolic links"), "{}", swept.process.stdout);

    let swept = scene.sweep(&["--follow", "--force"]).expect(0);
    // Each file is read once, by the first name that leads to it.
    assert_eq!(paths(&swept), ["HOST/again.evtx", "HOST/out/far.evtx"]);
    assert_eq!((matches(&swept), passed_over(&swept, "links")), (2, 0));
    assert!(passed_over(&swept, "seen_before") >= 3);
}

#[test]
fn a_link_that_leads_nowhere_has_a_row_when_it_is_followed() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    symlink("nowhere", scene.evidence().join("HOST/gone.evtx")).unwrap();
    symlink("self.evtx", scene.evidence().join("HOST/self.evtx")).unwrap();
    let swept = scene.sweep(&[]).expect(0);
    assert_eq!((matches(&swept), passed_over(&swept, "links")), (1, 2));
    let swept = scene.sweep(&["--follow", "--force"]).expect(3);
    assert_eq!(matches(&swept), 1);
    for name in ["HOST/gone.evtx", "HOST/self.evtx"] {
        assert_eq!(swept.file(name)["status"], "unreadable");
    }
}

#[test]
fn with_follow_a_file_with_several_names_is_read_once() {
    let scene = Scene::new();
    let log = scene.put("B/Sysmon.evtx", &log_of("HOST"));
    fs::create_dir(scene.evidence().join("A")).unwrap();
    fs::hard_link(&log, scene.evidence().join("A/copy.evtx")).unwrap();
    let swept = scene.sweep(&["--follow"]).expect(0);
    assert_eq!(paths(&swept), ["A/copy.evtx"]);
    assert_eq!((matches(&swept), passed_over(&swept, "seen_before")), (1, 1));
    // Two files with the same content are two files.
    scene.put("C/Sysmon.evtx", &log_of("HOST"));
    assert_eq!(matches(&scene.sweep(&["--follow", "--force"]).expect(0)), 2);
}

#[test]
fn a_root_may_be_a_link() {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    let link = scene.path("link");
    symlink(scene.evidence(), &link).unwrap();
    let swept = sweep(&[&link], &scene.out(), &[]).expect(0);
    assert_eq!(files(&swept), [("HOST".to_owned(), "HOST/Sysmon.evtx".to_owned())]);
    assert_eq!(swept.run()["roots"], json!([fs::canonicalize(scene.evidence()).unwrap()]));
}

/// Writes a log with one match to each of these paths in the evidence.
fn put_all(scene: &Scene, names: &[&str]) {
    for name in names {
        scene.put(name, &log_of(name));
    }
}

/// Sweeps these roots, which lie in the folder of evidence. Returns, for each file, the name of its
/// piece of evidence.
#[track_caller]
fn evidence_of(scene: &Scene, roots: &[&str], options: &[&str]) -> Vec<String> {
    let roots: Vec<PathBuf> = roots.iter().map(|root| scene.evidence().join(root)).collect();
    let roots: Vec<&Path> = roots.iter().map(PathBuf::as_path).collect();
    let out = tempfile::tempdir().unwrap();
    let swept = sweep(&roots, out.path(), options).expect(0);
    files(&swept).into_iter().map(|(evidence, _)| evidence).collect()
}

#[test]
fn a_root_with_a_windows_folder_is_one_piece_of_evidence() {
    let scene = Scene::new();
    put_all(&scene, &["ONE/wINDOWS/System32/a.evtx", "ONE/Users/b.evtx"]);
    assert_eq!(evidence_of(&scene, &["ONE"], &[]), ["ONE", "ONE"]);
    // A root that contains logs is one piece of evidence, too. Any other root is divided into its
    // children.
    put_all(&scene, &["TWO/a.evtx", "TWO/deep/b.evtx"]);
    assert_eq!(evidence_of(&scene, &["TWO"], &[]), ["TWO", "TWO"]);
    assert_eq!(evidence_of(&scene, &[""], &[]), ["ONE", "ONE", "TWO", "TWO"]);
}

#[test]
fn the_depth_of_evidence_can_be_given() {
    let scene = Scene::new();
    put_all(&scene, &["a/x/one.evtx", "a/y/z/two.evtx", "b/three.evtx"]);
    assert_eq!(evidence_of(&scene, &[""], &["--evidence-depth", "0"]), ["evidence"; 3]);
    assert_eq!(evidence_of(&scene, &[""], &["--evidence-depth", "1"]), ["a", "a", "b"]);
    assert_eq!(evidence_of(&scene, &[""], &["--evidence-depth", "2"]), ["x", "y", "b"]);
    assert_eq!(evidence_of(&scene, &[""], &["--evidence-depth", "9"]), ["x", "z", "b"]);
}

#[test]
fn names_of_evidence_that_collide_are_lengthened() {
    let scene = Scene::new();
    put_all(&scene, &["case1/HOST/a.evtx", "case2/HOST/b.evtx", "case2/OTHER/c.evtx"]);
    assert_eq!(evidence_of(&scene, &["case1", "case2"], &[]), ["case1/HOST", "case2/HOST", "OTHER"]);
    put_all(&scene, &["x/case1/HOST/d.evtx"]);
    assert_eq!(
        evidence_of(&scene, &["case1", "x/case1"], &[]),
        ["evidence/case1/HOST", "x/case1/HOST"],
        "until they differ"
    );
    // Files that are given directly are pieces of evidence with the files' names.
    put_all(&scene, &["p/s.evtx", "q/s.evtx"]);
    assert_eq!(evidence_of(&scene, &["p/s.evtx", "q/s.evtx"], &[]), ["p/s.evtx", "q/s.evtx"]);
}

#[test]
fn roots_are_read_in_the_order_given() {
    let scene = Scene::new();
    put_all(&scene, &["B/b.evtx", "A/a.evtx", "A/Z.evtx"]);
    assert_eq!(evidence_of(&scene, &["B", "A"], &[]), ["B", "A", "A"]);
    assert_eq!(evidence_of(&scene, &["A", "B"], &[]), ["A", "A", "B"]);
    let swept = scene.sweep(&[]).expect(0);
    // Within a root, files are sorted by name; capital letters come first.
    assert_eq!(paths(&swept), ["A/Z.evtx", "A/a.evtx", "B/b.evtx"]);
}

/// Sweeps the paths in a list. The list is given to `--files-from` as a file or on standard input.
fn sweep_list(scene: &Scene, list: &[u8], from_standard_input: bool) -> FinishedSweep {
    let path = scene.path("list");
    fs::write(&path, list).unwrap();
    let name = if from_standard_input { Path::new("-") } else { &path };
    let mut command = dnsweep();
    command.args(["sweep", "--force", "--files-from"]).arg(name).arg("--out").arg(scene.out());
    let input = if from_standard_input { list } else { b"" };
    FinishedSweep { process: run_with_input(&mut command, input), out: scene.out() }
}

#[test]
fn lists_are_read_in_every_form() {
    let scene = Scene::new();
    let odd_name = scene.evidence().join("b\nb.evtx");
    let logs = [scene.evidence().join("a a.evtx"), scene.evidence().join("c.evtx")];
    for log in logs.iter().chain([&odd_name]) {
        fs::write(log, log_of("HOST")).unwrap();
    }
    let join = |separator: &str| {
        logs.iter().map(|log| log.to_str().unwrap()).collect::<Vec<_>>().join(separator).into_bytes()
    };
    let mut ended = join("\n");
    ended.push(b'\n');
    for list in [join("\n"), ended, join("\r\n"), join("\n\n"), join("\0")] {
        for from_standard_input in [false, true] {
            let swept = sweep_list(&scene, &list, from_standard_input).expect(0);
            assert_eq!(paths(&swept), ["a a.evtx", "c.evtx"], "{}", list.escape_ascii());
        }
    }
    // Only in a list separated by NULs can a name contain a line feed.
    let mut list = join("\0");
    list.push(0);
    list.extend(odd_name.as_os_str().as_bytes());
    list.push(0);
    assert_eq!(matches(&sweep_list(&scene, &list, true).expect(0)), 3);
}

#[test]
fn a_list_adds_to_what_is_named() {
    let scene = Scene::new();
    put_all(&scene, &["A/a.evtx", "B/b.evtx"]);
    let list = scene.path("list");
    fs::write(&list, scene.evidence().join("B").as_os_str().as_bytes()).unwrap();
    let options = ["--files-from", list.to_str().unwrap()];
    let swept = sweep(&[&scene.evidence().join("A")], &scene.out(), &options).expect(0);
    assert_eq!(files(&swept), [("A".into(), "a.evtx".into()), ("B".into(), "b.evtx".into())]);
}

/// Returns the file name that a `source_path` encodes: `\\` is a backslash, `\xNN` a byte.
fn decoded_name(source_path: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = source_path.as_bytes();
    while let [first, others @ ..] = rest {
        rest = match (first, others) {
            (b'\\', [b'\\', others @ ..]) => {
                bytes.push(b'\\');
                others
            }
            (b'\\', [b'x', high, low, others @ ..]) => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
                others
            }
            _ => {
                bytes.push(*first);
                others
            }
        };
    }
    bytes
}

#[test]
fn names_that_are_no_text_can_be_found_again() {
    let scene = Scene::new();
    let names: [&[u8]; 6] = [
        b"H\xffST/a.evtx",
        b"HOST/a\xfe\xff.evtx",
        b"HOST/a\\xFE.evtx",
        b"HOST/back\\slash.evtx",
        b"HOST/line\nend.evtx",
        "HOST/Größe 日本.evtx".as_bytes(),
    ];
    for name in names {
        let path = scene.evidence().join(OsStr::from_bytes(name));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, log_of("HOST")).unwrap();
    }
    let swept = scene.sweep(&[]).expect(0);
    let mut found: Vec<Vec<u8>> = paths(&swept).iter().map(|path| decoded_name(path)).collect();
    found.sort();
    let mut expected: Vec<Vec<u8>> = names.iter().map(|name| name.to_vec()).collect();
    expected.sort();
    assert_eq!(found, expected);
    assert_eq!(matches(&swept), 6);
    // A match has the same path as the ledger, and the evidence is named after the folder.
    assert_eq!(swept.column("matches", "source_path"), swept.column("files", "source_path"));
    assert!(swept.column("files", "evidence").contains(&json!("H\\xFFST")));
}
