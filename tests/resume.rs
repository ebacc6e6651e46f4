//! A sweep that was killed or interrupted can be resumed, and then ends with the tables of an
//! uninterrupted one.

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

/// The number of times that a test kills a sweep, each time at another moment.
const KILLS: u32 = 30;

/// Makes evidence with logs of one or two blocks and event XML of several, with copies of events
/// among them, and a damaged log.
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
    // These are enough for two blocks.
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

/// Runs a sweep to its end. Returns its tables, and how long it took.
fn undisturbed(scene: &Scene) -> (Vec<(String, Vec<u8>)>, Duration) {
    let begun = Instant::now();
    let swept = scene.sweep(&["--quiet", "--hash"]).expect(3);
    let took = begun.elapsed();
    let tables = swept.tables();
    fs::remove_dir_all(scene.out()).unwrap();
    (tables, took)
}

/// Returns a random number from 0 to 1. A failing test prints the moment that it chose.
fn random() -> f64 {
    f64::from(u32::try_from(RandomState::new().hash_one(0) >> 32).unwrap()) / f64::from(u32::MAX)
}

#[test]
fn a_sweep_killed_on_one_thread_is_resumed_and_ends_with_the_same_tables() {
    a_killed_sweep_is_resumed_and_ends_with_the_same_tables(&["1"]);
}

#[test]
fn a_sweep_killed_on_several_threads_is_resumed_and_ends_with_the_same_tables() {
    a_killed_sweep_is_resumed_and_ends_with_the_same_tables(&["2", "4"]);
}

fn a_killed_sweep_is_resumed_and_ends_with_the_same_tables(threads: &[&str]) {
    let scene = scene();
    let (tables, took) = undisturbed(&scene);
    let (mut resumed, mut killed) = (0, 0);
    for kill in 0..KILLS {
        // Each sweep is killed at a random moment, spread over the time that it takes. The resumed
        // sweep is killed once, too.
        let threads = threads[kill as usize % threads.len()];
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

/// Returns the entries of a sweep's journal. Each begins with the length of its content, in four
/// bytes, and the content's SHA-256.
fn entries(journal: &[u8]) -> Vec<&[u8]> {
    let (mut entries, mut rest) = (Vec::new(), journal);
    while let Some(length) = rest.first_chunk() {
        let (entry, after) = rest.split_at(4 + 32 + u32::from_le_bytes(*length) as usize);
        entries.push(entry);
        rest = after;
    }
    entries
}

/// Leaves an unfinished sweep in a test's folder. Its journal is cut after the first `kept`
/// entries.
fn unfinished(scene: &Scene, kept: usize, options: &[&str]) {
    // A sweep that cannot write its tables any more keeps what it has read.
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

/// Makes evidence with six small logs, three of which an unfinished sweep has read.
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
    // Setting the access time leaves the modification time, and the size is the same, too.
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
    // The log has three units, and there is one after them.
    scene.put("BIG/x.evtx", &Pool::new(Corpus::Quiet).unwrap().log(1, 2 * BLOCK_CHUNKS + 9));
    scene.put("SMALL/y.evtx", &log_of("SMALL"));
    let whole = scene.sweep(&["--quiet"]).expect(0).tables();
    unfinished(&scene, 2, &["--force"]);
    // The journal has the entries of the sweep that began the log, and those of one that read all
    // of it.
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
    // The file has the same size, and was written now.
    scene.put("HOST1/x.evtx", &log_of("HOST9"));
    let swept = scene.sweep(&["--resume"]).expect(0);
    assert_eq!(swept.run()["resumed_files"], json!(2));
    assert_eq!(swept.rows("hosts").len(), 6);
    assert_eq!(swept.host("HOST9")["matches"], json!(1));
}

#[test]
fn an_altered_entry_is_not_used() {
    let scene = half_done();
    let journal = partial(&scene).join("journal");
    let mut bytes = fs::read(&journal).unwrap();
    let name = b"HOST1/x.evtx";
    let place = bytes.windows(name.len()).position(|window| window == name).unwrap();
    bytes[place + 4] = b'7';
    fs::write(&journal, [&bytes[..], b"0123 torn"].concat()).unwrap();
    let swept = scene.sweep(&["--resume"]).expect(0);
    // Entries after the altered one are not used either.
    assert_eq!(swept.run()["resumed_files"], json!(1));
    assert_eq!(swept.rows("matches").len(), 6);
}

#[test]
fn a_sweep_with_other_options_cannot_resume() {
    for options in [&["--exhaustive"][..], &["--since", "2020-01-01T00:00:00Z"], &["--any-name"]] {
        let scene = half_done();
        let swept = scene.sweep(&[options, &["--resume"]].concat()).expect(2);
        assert!(
            swept.process.stderr.contains("cannot resume") && swept.process.stderr.contains(options[0]),
            "{}",
            swept.process.stderr
        );
        // The journal is still there.
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
        // The first entry begins with a name, the version in one byte, and the options. In the
        // first layout it had only the options.
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
            swept.process.stderr.contains("expected a journal of layout 4")
                && swept.process.stderr.contains(found),
            "{}",
            swept.process.stderr
        );
        // The journal is left unchanged.
        assert_eq!(fs::read(&journal).unwrap(), forged);
        assert_eq!(scene.sweep(&["--force"]).expect(0).run()["resumed_files"], json!(0));
    }
}

#[test]
fn a_resumed_sweep_has_the_same_period() {
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
fn an_unfinished_sweep_is_neither_resumed_nor_discarded_without_an_option() {
    let scene = half_done();
    let swept = scene.sweep(&[]).expect(2);
    assert!(swept.process.stderr.contains("--resume"), "{}", swept.process.stderr);
    assert!(partial(&scene).exists());
    let swept = scene.sweep(&["--force"]).expect(0);
    assert_eq!(swept.run()["resumed_files"], json!(0));
    assert!(!partial(&scene).exists());
}

#[test]
fn a_sweep_that_was_killed_before_it_read_anything_leaves_nothing_to_resume() {
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
    // The sweep was killed between the two renames, and then somebody made the folder anew.
    let earlier = partial(&scene).join("replaced");
    fs::create_dir_all(&earlier).unwrap();
    fs::write(earlier.join("run.json"), "{}").unwrap();
    fs::create_dir(scene.out()).unwrap();
    scene.sweep(&[]).expect(2);
    assert_eq!(fs::read_to_string(scene.out().join("run.json")).unwrap(), "{}");
}

#[test]
fn what_no_sweep_made_is_not_taken_for_an_unfinished_sweep() {
    let scene = half_done();
    fs::remove_dir_all(partial(&scene)).unwrap();
    fs::create_dir(partial(&scene)).unwrap();
    let precious = partial(&scene).join("thesis.txt");
    fs::write(&precious, "years of work").unwrap();
    for options in [&[][..], &["--force"], &["--resume"]] {
        let swept = scene.sweep(options).expect(2);
        assert!(swept.process.stderr.contains(".out.partial' is where"), "{}", swept.process.stderr);
        assert_eq!(fs::read_dir(partial(&scene)).unwrap().count(), 1, "{options:?}");
        assert_eq!(fs::read_to_string(&precious).unwrap(), "years of work");
    }
    // Somebody else's file under a name that a sweep uses is not taken for one, either.
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
    // An empty folder is accepted.
    fs::create_dir(partial(&scene)).unwrap();
    scene.sweep(&[]).expect(0);
    assert!(!partial(&scene).exists());
    assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 1);
}

#[test]
fn a_resumed_sweep_keeps_its_period_back_from_now() {
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
        assert!(swept.process.stderr.contains("another sweep"), "{}", swept.process.stderr);
    }
    drop(lock);
    scene.sweep(&[]).expect(3);
}

#[test]
fn an_interrupted_sweep_is_resumed() {
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
fn a_second_interruption_ends_at_once_and_damages_nothing() {
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

/// A directory that nothing can be written into, until this value is dropped.
struct ReadOnly(PathBuf);

impl ReadOnly {
    /// Makes a directory read-only; `None` if the system cannot do that to this user.
    fn make(path: PathBuf) -> Option<Self> {
        fs::set_permissions(&path, Permissions::from_mode(0o555)).unwrap();
        let directory = ReadOnly(path);
        let writable = || File::create(directory.0.join("probe")).is_ok();
        if writable() {
            // Permissions do not bind the superuser. This attribute does, on file systems that
            // support it.
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
fn a_directory_that_becomes_read_only_loses_nothing_that_was_read() {
    let scene = scene();
    let (tables, took) = undisturbed(&scene);
    for attempt in 1..10 {
        let child = begin(&scene, &["--resume", "--threads", "1"]);
        thread::sleep(took * attempt / 10);
        // The tables are written to this folder. If the sweep has already ended, it does not exist.
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
