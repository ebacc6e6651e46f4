//! Evidence that changes between its discovery and the reading of its files.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs::{self, File};
use std::num::NonZeroUsize;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use common::logs::log_of;
use common::{Scene, tables};
use dnsweep::internals::config::{Hashing, Links, NonLogFiles, Options, Sweep};
use dnsweep::internals::evidence::discover::Discovery;
use dnsweep::internals::report::Ending;
use dnsweep::internals::sweep::Observer;
use dnsweep_samples::corpus::{Corpus, Pool};
use dnsweep_samples::{Event, event_xml};
use serde_json::{Value, json};

/// An observer that changes the evidence after its discovery, before any file is opened.
struct FileChanger<F: FnMut()>(F);

impl<F: FnMut()> Observer for FileChanger<F> {
    fn found(&mut self, _: &Discovery) {
        self.0();
    }
}

/// Sweeps a log of one match, `HOST/x.evtx`, to which `change` is applied before it is opened, and
/// returns the log's row in the ledger. Fails unless another log is read as usual.
fn row_after(sweep: &Sweep, change: impl Fn(&Path)) -> Value {
    let scene = Scene::new();
    let path = scene.put("HOST/x.evtx", &log_of("HOST"));
    scene.put("SOUND/y.evtx", &log_of("SOUND"));
    fs::write(scene.path("secret.evtx"), log_of("SECRET")).unwrap();
    let options = Options { hashing: Hashing::Sha256, ..sweep.options.clone() };
    let sweep = Sweep { evidence: vec![scene.evidence()], options, ..sweep.clone() };
    let mut changer = FileChanger(|| change(&path));
    let outcome = sweep.run(sweep.directory(&scene.out()).unwrap(), &mut changer, &Arc::default()).unwrap();
    assert_eq!(outcome.ending, Ending::Damaged);
    let rows = |table: &str| tables::read(&scene.out().join(format!("{table}.parquet"))).rows;
    let computers: Vec<Value> = rows("matches").iter().map(|row| row["computer"].clone()).collect();
    assert_eq!(computers, ["SOUND"]);
    let mut files = rows("files");
    assert_eq!(files[1]["status"], "complete");
    // Nothing is known about the machine, so the host is not cleared.
    let host = rows("hosts").into_iter().find(|row| row["evidence"] == json!(["HOST"])).unwrap();
    assert_eq!(host["verdict"], "unreadable");
    files.remove(0)
}

/// Fails unless a file's row in the ledger says that the file changed, that none of its bytes were
/// read, and, last, `last_problem`.
#[track_caller]
fn assert_lost(row: &Value, last_problem: &str) {
    assert_eq!((&row["status"], &row["sha256"]), (&json!("unreadable"), &Value::Null));
    let size = row["size"].as_u64().unwrap();
    assert!(size > 69_000);
    assert_eq!(row["unread_bytes"], size);
    for column in ["header_bytes", "good_bytes", "damaged_bytes", "trailing_bytes"] {
        assert_eq!(row[column], 0, "{column}");
    }
    let problems = row["problems"].as_array().unwrap();
    assert!(problems[0]["problem"].as_str().unwrap().contains("changed while the sweep read it"), "{row}");
    assert_eq!((&problems[0]["offset"], &problems[0]["length"]), (&json!(0), &json!(size)));
    // The ranges of the problems cover the whole file.
    let missing: u64 = problems[1..].iter().map(|problem| problem["length"].as_u64().unwrap()).sum();
    assert_eq!(missing, size, "{row}");
    let last = problems.last().unwrap()["problem"].as_str().unwrap();
    assert!(last.contains(last_problem), "{last}");
}

fn replace(path: &Path, with: impl FnOnce(&Path)) {
    fs::remove_file(path).unwrap();
    with(path);
}

fn make_pipe(path: &Path) {
    assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[test]
fn a_log_that_was_replaced_by_something_else_is_not_read() {
    let secret = |path: &Path| path.parent().unwrap().join("../../secret.evtx");
    for threads in [NonZeroUsize::new(1), NonZeroUsize::new(3)] {
        for links in [Links::Ignore, Links::Follow] {
            let options = Options { links, ..Options::default() };
            let sweep = Sweep { threads, options, ..Sweep::default() };
            let row = row_after(&sweep, |path| replace(path, make_pipe));
            assert_lost(&row, "found a pipe");
            let row = row_after(&sweep, |path| replace(path, |path| fs::create_dir(path).unwrap()));
            assert_lost(&row, "found a directory");
            let row = row_after(&sweep, |path| replace(path, |path| symlink(secret(path), path).unwrap()));
            assert_lost(
                &row,
                if links == Links::Follow { "found another one" } else { "found a symbolic link" },
            );
            let row = row_after(&sweep, |path| {
                let folder = path.parent().unwrap();
                let elsewhere = folder.join("../../elsewhere");
                fs::create_dir(&elsewhere).unwrap();
                fs::copy(secret(path), elsewhere.join("x.evtx")).unwrap();
                fs::remove_dir_all(folder).unwrap();
                symlink("../elsewhere", folder).unwrap();
            });
            assert_lost(&row, "found another one");
        }
    }
}

#[test]
fn a_log_that_was_truncated_to_nothing_is_reported_as_changed() {
    assert_lost(
        &row_after(&Sweep::default(), |path| fs::write(path, "").unwrap()),
        "longer when it was found",
    );
    let options = Options { non_log_files: NonLogFiles::Carve, ..Options::default() };
    let row = row_after(&Sweep { options, ..Sweep::default() }, |path| fs::write(path, "").unwrap());
    assert_eq!(row["status"], "unreadable");
}

#[test]
fn a_log_that_became_text_is_reported_as_changed() {
    let row = row_after(&Sweep::default(), |path| fs::write(path, "notes\n").unwrap());
    assert_eq!(row["status"], "damaged");
    let problems: Vec<String> =
        row["problems"].as_array().unwrap().iter().map(|problem| problem["problem"].to_string()).collect();
    assert!(problems[0].contains("changed while"), "{problems:?}");
    assert!(problems.iter().any(|problem| problem.contains("longer when it was found")), "{problems:?}");
    // Bytes that no longer exist were not read.
    assert_eq!(row["unread_bytes"], row["size"].as_u64().unwrap() - "notes\n".len() as u64);
}

#[test]
fn bytes_that_a_file_lost_while_it_was_read_are_unread() {
    let log = Pool::new(Corpus::Quiet).unwrap().log(1, 5);
    let events: String =
        (1..=100).map(|number| event_xml(&Event::dns_query("a", "b").numbered(number)) + "\n").collect();
    for (name, bytes, carve, left) in [
        ("x.evtx", &log[..], false, 4096 + 65_536 + 1000),
        ("x.evtx", &log[..], false, 1000),
        ("x.xml", events.as_bytes(), false, 500),
        ("x.raw", &log[..], true, 5),
        ("x.raw", &log[..], true, 4096 + 1000),
    ] {
        let scene = Scene::new();
        let path = scene.put(&format!("HOST/{name}"), bytes);
        let options = Options { non_log_files: carve.into(), ..Options::default() };
        let sweep = Sweep { evidence: vec![scene.evidence()], options, ..Sweep::default() };
        let cut = || File::options().write(true).open(&path).unwrap().set_len(left).unwrap();
        sweep.run(sweep.directory(&scene.out()).unwrap(), &mut FileChanger(cut), &Arc::default()).unwrap();
        let row = tables::read(&scene.out().join("files.parquet")).rows.remove(0);
        assert_eq!(row["unread_bytes"], bytes.len() as u64 - left, "{name} {left}: {row}");
        let lost: Vec<&Value> = row["problems"].as_array().unwrap().iter().collect();
        let shrunk = lost.iter().filter(|lost| lost["problem"].to_string().contains("longer when")).count();
        // A loss in the header is a problem apart from a loss in the chunks.
        assert_eq!(shrunk, if name == "x.evtx" && left == 1000 { 2 } else { 1 }, "{row}");
    }
}

#[test]
fn a_log_that_was_cut_off_keeps_what_is_left() {
    let scene = Scene::new();
    let path = scene.put("HOST/x.evtx", &Pool::new(Corpus::Quiet).unwrap().log(1, 5));
    let sweep = Sweep { evidence: vec![scene.evidence()], ..Sweep::default() };
    let cut = || File::options().write(true).open(&path).unwrap().set_len(4096 + 2 * 65_536).unwrap();
    sweep.run(sweep.directory(&scene.out()).unwrap(), &mut FileChanger(cut), &Arc::default()).unwrap();
    let row = tables::read(&scene.out().join("files.parquet")).rows.remove(0);
    assert_eq!((&row["status"], &row["header_bytes"]), (&json!("damaged"), &json!(4096)));
    let whole = row["good_bytes"].as_u64().unwrap() + row["empty_bytes"].as_u64().unwrap();
    assert_eq!((whole, &row["unread_bytes"]), (2 * 65_536, &json!(3 * 65_536)));
}

#[test]
fn a_file_that_became_a_pipe_during_discovery_blocks_nothing() {
    // Discovery reads the first bytes of such a file.
    let scene = Scene::new();
    scene.put("HOST/x.evtx", &log_of("HOST"));
    let paths: Vec<PathBuf> = ["x.evtx.bak", "._x.evtx", "x.evtx.xml", "notes.txt"]
        .map(|name| scene.evidence().join("HOST").join(name))
        .to_vec();
    for path in &paths {
        symlink("/dev/zero", path).unwrap();
    }
    let swept = scene.sweep(&["--any-name", "--follow"]).expect(0);
    assert_eq!((swept.rows("files").len(), &swept.run()["passed_over"]["special_files"]), (1, &json!(4)));
}
