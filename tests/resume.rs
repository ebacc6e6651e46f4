//! A sweep that was killed or interrupted is gone on from, and ends with the tables of one that was
//! not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs::{self, File, Permissions};
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use common::logs::{self, log_of};
use common::{Scene, dnsweep, forget_reads, start, wait, was_read};
use dnsweep::internals::base::digest::sha256_bytes;
use dnsweep::internals::event::EventTime;
use dnsweep::internals::scan::BLOCK_CHUNKS;
use dnsweep_samples::corpus::{Corpus, Pool};
use dnsweep_samples::event_xml;
use serde_json::{Value, json};

/// How often real sweeps are killed; each time at another moment.
const KILLS: u32 = 60;

/// Machines with logs of one block or two and event XML of several, copies of each other's events
/// among them, and something damaged.
fn scene() -> Scene {
    let scene = Scene::new();
    let pool = Pool::new(Corpus::Chatty).unwrap();
    scene.put("BIG/Sysmon.evtx", &pool.log(98, 40));
    for machine in 0..60 {
        scene.put(&format!("HOST{machine:02}/Sysmon.evtx"), &pool.log(machine, 8));
        scene.put(&format!("HOST{machine:02}/small.evtx"), &log_of("SAME"));
    }
    scene.put("ODD/damaged.evtx", &pool.log(99, 8)[..200_000]);
    scene.put("ODD/empty.evtx", b"");
    // Enough for two blocks.
    let event = |number| if number % 50 == 0 { logs::matching(number) } else { logs::harmless(number) };
    let lines = (0..2400).map(|number| event_xml(&event(number).on("SAME")) + "\n");
    scene.put("ODD/export.xml", lines.collect::<String>().as_bytes());
    scene
}

fn begin(scene: &Scene, options: &[&str]) -> Child {
    let mut command = dnsweep();
    command
        .arg("sweep")
        .arg(scene.evidence())
        .arg("--out")
        .arg(scene.out())
        .args(["--quiet", "--hash"])
        .args(options);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

fn partial(scene: &Scene) -> PathBuf {
    scene.path(".out.partial")
}

/// The whole of a sweep that nothing happened to: its tables, and how long it took.
fn undisturbed(scene: &Scene) -> (Vec<(String, Vec<u8>)>, Duration) {
    let begun = Instant::now();
    let swept = scene.sweep(&["--quiet", "--hash"]).expect(3);
    let took = begun.elapsed();
    let tables = swept.tables();
    fs::remove_dir_all(scene.out()).unwrap();
    (tables, took)
}

/// A number from 0 to 1, another one each time: whatever a moment shows is printed with it.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap()) / f64::from(u32::MAX)
}

#[test]
fn a_killed_sweep_is_gone_on_from_to_the_same_tables() {
    let scene = scene();
    let (tables, took) = undisturbed(&scene);
    let (mut resumed, mut killed) = (0, 0);
    for kill in 0..KILLS {
        // At a random moment of each part of the time that it takes, on one thread or several; and
        // what goes on is killed once, too.
        let threads = ["1", "2", "4"][kill as usize % 3];
        let part = took / KILLS;
        let moment = part * kill + part.mul_f64(random());
        for attempt in [["--threads", threads], ["--threads", threads]] {
            let mut child = begin(&scene, &[&attempt[..], &["--resume"]].concat());
            thread::sleep(moment);
            let _ = child.kill();
            killed += u32::from(!child.wait().unwrap().success());
            assert!(
                !scene.out().exists() || scene.out().join("run.json").exists(),
                "an output is complete or absent"
            );
            if scene.out().exists() {
                fs::remove_dir_all(scene.out()).unwrap();
            }
        }
        let swept = scene.sweep(&["--resume", "--quiet", "--hash"]).expect(3);
        assert!(swept.tables() == tables, "killed after {moment:?}: the tables differ");
        assert!(!partial(&scene).exists());
        resumed += u64::from(swept.run()["resumed_files"].as_u64().unwrap() > 0);
        fs::remove_dir_all(scene.out()).unwrap();
    }
    assert!(killed > KILLS / 2 && resumed > u64::from(KILLS) / 6, "{killed} killed, {resumed} resumed");
}

/// The entries of a journal: each begins with the length of its document, in four bytes, and the
/// document's SHA-256.
fn entries(journal: &[u8]) -> Vec<&[u8]> {
    let (mut entries, mut rest) = (Vec::new(), journal);
    while let Some(length) = rest.first_chunk() {
        let (entry, behind) = rest.split_at(4 + 32 + u32::from_le_bytes(*length) as usize);
        entries.push(entry);
        rest = behind;
    }
    entries
}

/// A scene of which a sweep was interrupted, by a journal that is cut after so many entries.
fn unfinished(scene: &Scene, kept: usize, options: &[&str]) {
    // A run that cannot write its tables any more keeps what it has read.
    let mut child = start(
        Command::new("sh")
            .args([
                "-c",
                r#"trap "" XFSZ; ulimit -f 20; exec "$0" "$@""#,
                env!("CARGO_BIN_EXE_dnsweep"),
                "sweep",
            ])
            .arg(scene.evidence())
            .arg("--out")
            .arg(scene.out())
            .arg("--quiet")
            .args(options),
    );
    drop(child.stdin.take());
    assert_eq!(wait(child).status, 5);
    let journal = partial(scene).join("journal");
    let bytes = fs::read(&journal).unwrap();
    let entries = entries(&bytes);
    assert!(kept < entries.len(), "{} entries", entries.len());
    fs::write(&journal, entries[..kept].concat()).unwrap();
}

/// Six small logs, three of which an unfinished sweep has read.
fn half_done() -> Scene {
    let scene = Scene::new();
    for machine in 0..6 {
        scene.put(&format!("HOST{machine}/x.evtx"), &log_of(&format!("HOST{machine}")));
    }
    unfinished(&scene, 4, &[]);
    scene
}

#[test]
fn what_was_read_is_not_read_again() {
    let scene = half_done();
    let paths: Vec<PathBuf> =
        (0..6).map(|machine| scene.evidence().join(format!("HOST{machine}/x.evtx"))).collect();
    for path in &paths {
        forget_reads(path);
    }
    // Setting the access time leaves the modification time; the size is the same, too.
    let swept = scene.sweep(&["--resume"]).expect(0);
    assert_eq!(swept.run()["resumed_files"], json!(3));
    assert_eq!(swept.run()["totals"]["matches"], json!(6));
    for (machine, path) in paths.iter().enumerate() {
        assert!(machine >= 3 || !was_read(path), "HOST{machine}");
    }
}

#[test]
fn a_file_that_was_begun_twice_is_read_once_more_only() {
    let scene = Scene::new();
    // Three units, and one after them.
    scene.put("BIG/x.evtx", &Pool::new(Corpus::Quiet).unwrap().log(1, 2 * BLOCK_CHUNKS + 9));
    scene.put("SMALL/y.evtx", &log_of("SMALL"));
    let whole = scene.sweep(&["--quiet"]).expect(0).tables();
    unfinished(&scene, 2, &["--force"]);
    // What the sweep noted that began it, and what one noted that read all of it.
    let journal = partial(&scene).join("journal");
    let begun = fs::read(&journal).unwrap();
    fs::remove_file(&journal).unwrap();
    unfinished(&scene, 4, &["--resume", "--force"]);
    let all = fs::read(&journal).unwrap();
    fs::write(&journal, [&begun[..], &entries(&all)[1..].concat()].concat()).unwrap();
    let swept = scene.sweep(&["--resume", "--force"]).expect(0);
    assert_eq!(swept.run()["resumed_files"], json!(1));
    assert!(swept.tables() == whole);
}

#[test]
fn a_file_that_changed_is_read_again() {
    let scene = half_done();
    // Of the same size, and written now.
    scene.put("HOST1/x.evtx", &log_of("HOST9"));
    let swept = scene.sweep(&["--resume"]).expect(0);
    assert_eq!(swept.run()["resumed_files"], json!(2));
    assert_eq!(swept.rows("hosts").len(), 6);
    assert_eq!(swept.host("HOST9")["matches"], json!(1));
}

#[test]
fn an_entry_that_is_not_as_it_was_written_is_not_believed() {
    let scene = half_done();
    let journal = partial(&scene).join("journal");
    let mut bytes = fs::read(&journal).unwrap();
    let name = b"HOST1/x.evtx";
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[place + 4] = b'7';
    fs::write(&journal, [&bytes[..], b"0123 torn"].concat()).unwrap();
    let swept = scene.sweep(&["--resume"]).expect(0);
    // Nothing after the altered entry is, either.
    assert_eq!(swept.run()["resumed_files"], json!(1));
    assert_eq!(swept.rows("matches").len(), 6);
}

#[test]
fn another_order_cannot_go_on() {
    for options in [&["--exhaustive"][..], &["--since", "2020-01-01T00:00:00Z"], &["--any-name"]] {
        let scene = half_done();
        let swept = scene.sweep(&[options, &["--resume"]].concat()).expect(2);
        assert!(
            swept.ended.stderr.contains("cannot resume") && swept.ended.stderr.contains(options[0]),
            "{}",
            swept.ended.stderr
        );
        // What there is to go on from is still there.
        assert_eq!(scene.sweep(&["--resume"]).expect(0).run()["resumed_files"], json!(3));
    }
}

#[test]
fn a_journal_of_another_layout_is_refused_by_its_version() {
    for (layout, found) in
        [(None, "found layout 1;"), (Some(2), "found layout 2;"), (Some(7), "found layout 7;")]
    {
        let scene = half_done();
        let journal = partial(&scene).join("journal");
        let bytes = fs::read(&journal).unwrap();
        let first = entries(&bytes)[0];
        // A name, the version in one byte, and what was asked: the first layout had nothing but
        // that.
        let document = &first[4 + 32..];
        let name = 1 + usize::from(document[0]);
        assert_eq!(document[name], 4);
        let document = match layout {
            None => document[name + 1..].to_vec(),
            Some(layout) => [&document[..name], &[layout], &document[name + 1..]].concat(),
        };
        let length = u32::try_from(document.len()).unwrap().to_le_bytes();
        let sum = sha256_bytes(&document);
        let forged = [&length[..], &sum, &document, &bytes[first.len()..]].concat();
        fs::write(&journal, &forged).unwrap();
        let swept = scene.sweep(&["--resume"]).expect(2);
        assert!(
            swept.ended.stderr.contains("expected a journal of layout 4")
                && swept.ended.stderr.contains(found),
            "{}",
            swept.ended.stderr
        );
        // It is left as it is.
        assert_eq!(fs::read(&journal).unwrap(), forged);
        assert_eq!(scene.sweep(&["--force"]).expect(0).run()["resumed_files"], json!(0));
    }
}

#[test]
fn what_is_known_of_the_period_is_alike_when_a_sweep_is_gone_on_from() {
    let scene = Scene::new();
    for machine in 0..6 {
        scene.put(&format!("HOST{machine}/x.evtx"), &log_of(&format!("HOST{machine}")));
    }
    let bounds = ["--since", "2025-03-04T00:00:00Z"];
    let whole = scene.sweep(&bounds).expect(0).tables();
    unfinished(&scene, 4, &[&bounds[..], &["--force"]].concat());
    let swept = scene.sweep(&[&bounds[..], &["--resume", "--force"]].concat()).expect(0);
    assert_eq!(swept.run()["resumed_files"], json!(3));
    assert!(swept.tables() == whole);
    assert!(swept.column("hosts", "period_coverage").iter().all(Value::is_string));
}

#[test]
fn an_unfinished_sweep_is_neither_taken_up_nor_thrown_away_unasked() {
    let scene = half_done();
    let swept = scene.sweep(&[]).expect(2);
    assert!(swept.ended.stderr.contains("--resume"), "{}", swept.ended.stderr);
    assert!(partial(&scene).exists());
    let swept = scene.sweep(&["--force"]).expect(0);
    assert_eq!(swept.run()["resumed_files"], json!(0));
    assert!(!partial(&scene).exists());
}

#[test]
fn a_sweep_that_was_killed_before_it_read_anything_left_nothing_to_go_on_from() {
    let scene = Scene::new();
    for machine in 0..6 {
        scene.put(&format!("HOST{machine}/x.evtx"), &log_of(&format!("HOST{machine}")));
    }
    unfinished(&scene, 1, &[]);
    scene.sweep(&[]).expect(0);
    assert!(!partial(&scene).exists());
}

#[test]
fn an_output_that_was_being_replaced_is_put_back_over_an_empty_folder() {
    let scene = half_done();
    // Killed between the two renames; and somebody made the folder anew.
    let earlier = partial(&scene).join("replaced");
    fs::create_dir_all(&earlier).unwrap();
    fs::write(earlier.join("run.json"), "{}").unwrap();
    fs::create_dir(scene.out()).unwrap();
    scene.sweep(&[]).expect(2);
    assert_eq!(fs::read_to_string(scene.out().join("run.json")).unwrap(), "{}");
}

#[test]
fn what_no_sweep_made_is_not_taken_for_an_unfinished_one() {
    let scene = half_done();
    fs::remove_dir_all(partial(&scene)).unwrap();
    fs::create_dir(partial(&scene)).unwrap();
    let precious = partial(&scene).join("thesis.txt");
    fs::write(&precious, "years of work").unwrap();
    for options in [&[][..], &["--force"], &["--resume"]] {
        let swept = scene.sweep(options).expect(2);
        assert!(swept.ended.stderr.contains(".out.partial' is where"), "{}", swept.ended.stderr);
        assert_eq!(fs::read_dir(partial(&scene)).unwrap().count(), 1, "{options:?}");
        assert_eq!(fs::read_to_string(&precious).unwrap(), "years of work");
    }
    // Nor is it under the names that a sweep gives.
    fs::remove_file(&precious).unwrap();
    for name in [
        "tables/thesis.txt",
        "tables/stats/of/my.parquet",
        "replaced/thesis.txt",
        "journal",
        "lock/thesis.txt",
    ] {
        let precious = partial(&scene).join(name);
        fs::create_dir_all(precious.parent().unwrap()).unwrap();
        fs::write(&precious, "my own, from years of work and thought").unwrap();
        for options in [&[][..], &["--force"], &["--resume"]] {
            scene.sweep(options).expect(2);
            assert!(precious.exists(), "{name}");
        }
        fs::remove_dir_all(partial(&scene)).unwrap();
        fs::create_dir(partial(&scene)).unwrap();
    }
    fs::write(&precious, "years of work").unwrap();
    // A link to a folder, and a file.
    let elsewhere = scene.path("elsewhere");
    fs::rename(partial(&scene), &elsewhere).unwrap();
    std::os::unix::fs::symlink(&elsewhere, partial(&scene)).unwrap();
    scene.sweep(&["--force"]).expect(2);
    fs::remove_file(partial(&scene)).unwrap();
    fs::write(partial(&scene), "").unwrap();
    scene.sweep(&["--force"]).expect(2);
    fs::remove_file(partial(&scene)).unwrap();
    // An empty one is as good as none.
    fs::create_dir(partial(&scene)).unwrap();
    scene.sweep(&[]).expect(0);
    assert!(!partial(&scene).exists());
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
}

#[test]
fn a_span_back_from_now_stays_what_it_was() {
    let scene = Scene::new();
    for machine in 0..6 {
        scene.put(&format!("HOST{machine}/x.evtx"), &log_of("SAME"));
    }
    let before = EventTime::now();
    unfinished(&scene, 4, &["--last", "90000d"]);
    let after = EventTime::now();
    thread::sleep(Duration::from_millis(2));
    let swept = scene.sweep(&["--resume", "--last", "90000d"]).expect(0);
    let since = EventTime::parse_logged(swept.run()["since"].as_str().unwrap()).unwrap();
    let back = |time: EventTime| time.ticks() - 90_000 * 24 * 3600 * 10_000_000;
    assert!((back(before)..=back(after)).contains(&since.ticks()), "{}", since.rfc3339());
}

#[test]
fn two_sweeps_to_one_output_do_not_mix() {
    let scene = scene();
    let partial = partial(&scene);
    fs::create_dir(&partial).unwrap();
    let lock = File::create(partial.join("lock")).unwrap();
    lock.lock().unwrap();
    for options in [&[][..], &["--force"], &["--resume"]] {
        let swept = scene.sweep(options).expect(2);
        assert!(swept.ended.stderr.contains("another sweep"), "{}", swept.ended.stderr);
    }
    drop(lock);
    scene.sweep(&[]).expect(3);
}

#[test]
fn an_interrupted_sweep_is_gone_on_from() {
    let scene = scene();
    let (tables, took) = undisturbed(&scene);
    for tenth in 1..6 {
        let child = begin(&scene, &["--threads", "1", "--force"]);
        thread::sleep(took * tenth / 10);
        let interrupted = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
        assert!(interrupted.unwrap().success());
        let ended = wait_for(child);
        let swept = scene.sweep(&["--hash", if ended == 130 { "--resume" } else { "--force" }]).expect(3);
        assert!(swept.tables() == tables);
        assert_eq!(swept.run()["interrupted"], json!(false));
        assert!(!partial(&scene).exists());
        fs::remove_dir_all(scene.out()).unwrap();
    }
}

fn wait_for(mut child: Child) -> i32 {
    child.wait().unwrap().code().unwrap_or(-1)
}

#[test]
fn a_second_interruption_ends_at_once_and_tears_nothing() {
    let scene = scene();
    let (tables, took) = undisturbed(&scene);
    for tenth in [1, 4, 7] {
        let child = begin(&scene, &["--threads", "2", "--force"]);
        thread::sleep(took * tenth / 10);
        let line = format!("kill -INT {0}; kill -INT {0}", child.id());
        let _ = Command::new("sh").args(["-c", &line]).stderr(Stdio::null()).status();
        let status = wait_for(child);
        assert!([130, 3].contains(&status), "{status}");
        assert!(!scene.out().exists() || scene.out().join("run.json").exists(), "complete or absent");
        let swept = scene.sweep(&["--hash", "--resume", "--force"]).expect(3);
        assert!(swept.tables() == tables);
        fs::remove_dir_all(scene.out()).unwrap();
    }
}

/// A directory that nothing can be written into, until this is dropped.
struct ReadOnly(PathBuf);

impl ReadOnly {
    /// `None` where the system cannot do that to this user.
    fn make(path: PathBuf) -> Option<Self> {
        fs::set_permissions(&path, Permissions::from_mode(0o555)).unwrap();
        let directory = ReadOnly(path);
        let writable = || File::create(directory.0.join("probe")).is_ok();
        if writable() {
            // Permissions do not bind the superuser; this attribute does, on file systems that have
            // it.
            fs::remove_file(directory.0.join("probe")).unwrap();
            directory.change("+i");
        }
        if writable() { None } else { Some(directory) }
    }

    fn change(&self, attribute: &str) {
        let _ = Command::new("chattr").arg(attribute).arg(&self.0).stderr(Stdio::null()).status();
    }
}

impl Drop for ReadOnly {
    fn drop(&mut self) {
        self.change("-i");
        let _ = fs::set_permissions(&self.0, Permissions::from_mode(0o755));
    }
}

#[test]
fn a_directory_that_turns_read_only_costs_nothing_that_was_read() {
    let scene = scene();
    let (tables, took) = undisturbed(&scene);
    for attempt in 1..10 {
        let child = begin(&scene, &["--resume", "--threads", "1"]);
        thread::sleep(took * attempt / 10);
        // Where the tables are written; if the sweep is done already, there is none.
        if !partial(&scene).join("tables").exists() {
            wait_for(child);
            fs::remove_dir_all(scene.out()).unwrap();
            continue;
        }
        let directory = ReadOnly::make(partial(&scene).join("tables"));
        let status = wait_for(child);
        if directory.is_none() {
            eprintln!("not tested: no directory can be made read-only here");
            return;
        }
        drop(directory);
        if status == 5 {
            assert!(!scene.out().exists(), "an output is complete or absent");
            let swept = scene.sweep(&["--resume", "--quiet", "--hash"]).expect(3);
            assert!(swept.run()["resumed_files"].as_u64().unwrap() > 0);
            assert!(swept.tables() == tables);
            return;
        }
        assert_eq!(status, 3, "it was done before");
        fs::remove_dir_all(scene.out()).unwrap();
    }
    panic!("each time the sweep was over before its directory was read-only");
}
