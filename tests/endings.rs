//! How a sweep ends, and what it writes to which stream: exit statuses, the two streams,
//! interruption, an output that cannot be written.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use common::logs::{harmless, log, log_of};
use common::{FinishedProcess, FinishedSweep, Scene, dnsweep, run, send, start, wait, wait_for_line};
use dnsweep::internals::report::Verdict;
use dnsweep_samples::corpus::{Corpus, Pool};
use serde_json::{Value, json};

/// Makes evidence with one match.
fn scene() -> Scene {
    let scene = Scene::new();
    scene.put("HOST/Sysmon.evtx", &log_of("HOST"));
    scene
}

fn damaged_scene() -> Scene {
    let scene = scene();
    scene.put("ODD/x.evtx", b"notes");
    scene
}

#[test]
fn matches_decide_the_status_only_with_the_option_and_damage_comes_first() {
    let quiet = Scene::new();
    quiet.put("HOST/Sysmon.evtx", &log(&[harmless(1)]));
    let empty = Scene::new();
    for (scene, plain, with_option) in
        [(&scene(), 0, 10), (&damaged_scene(), 3, 3), (&quiet, 0, 0), (&empty, 4, 4)]
    {
        assert_eq!(scene.sweep(&[]).expect(plain).run()["exit_status"], plain);
        let swept = scene.sweep(&["--fail-on-match", "--force"]).expect(with_option);
        assert_eq!(swept.run()["exit_status"], with_option);
    }
}

#[test]
fn the_summary_is_all_that_standard_output_gets() {
    let swept = damaged_scene().sweep(&[]).expect(3);
    let FinishedProcess { stdout, stderr, .. } = &swept.process;
    assert!(stdout.ends_with("\n1 match on 1 of 2 hosts; 0 cleared, 1 not cleared\n"), "{stdout}");
    assert!(stdout.starts_with("Tables "), "{stdout}");
    assert!(!stdout.contains("dnsweep:"), "{stdout}");
    for part in [
        "HOST: 1 match, in evidence HOST\n",
        "pastebin.com (1)",
        "Tables",
        "matches.parquet",
        "x.evtx",
        "Left out",
    ] {
        assert!(stdout.contains(part), "{part}: {stdout}");
    }
    assert!(stderr.lines().all(|line| line.starts_with("dnsweep: ")), "{stderr}");
    assert!(stderr.contains("dnsweep: warning: ODD: ODD/x.evtx: not an event log"), "{stderr}");
    // Progress is not shown if standard error is no terminal.
    assert!(!stderr.contains(['\r', '\x1b']), "{stderr:?}");
}

#[test]
fn quiet_says_nothing_at_all() {
    let scene = damaged_scene();
    for option in ["--quiet", "-q"] {
        let swept = scene.sweep(&[option, "--force"]).expect(3);
        assert_eq!((swept.process.stdout.as_str(), swept.process.stderr.as_str()), ("", ""));
    }
}

#[test]
fn json_messages_are_one_object_per_line() {
    let swept = damaged_scene().sweep(&["--log-format", "json"]).expect(3);
    let lines: Vec<Value> =
        swept.process.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 2);
    for line in &lines {
        let keys: BTreeSet<&str> = line.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["level", "message", "time"].into());
        assert!(["info", "warning", "error"].contains(&line["level"].as_str().unwrap()));
        assert_eq!(line["time"].as_str().unwrap().len(), "2025-03-04T12:00:00.0000000Z".len());
    }
    assert!(lines.iter().any(|line| line["level"] == "warning"));
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let scene = scene();
    let mut child = start(dnsweep().arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out()));
    drop(child.stdout.take());
    let ended = wait(child);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(!ended.stderr.contains("error"), "{}", ended.stderr);
    // The reader goes away, as in `dnsweep … | head -1`.
    let line = r#""$0" sweep "$1" --out "$2" --force 2>/dev/null | head -1; exit "${PIPESTATUS[0]}""#;
    let mut command = Command::new("bash");
    command.args(["-c", line, env!("CARGO_BIN_EXE_dnsweep")]).arg(scene.evidence()).arg(scene.out());
    let ended = run(&mut command);
    assert_eq!((ended.status, ended.stdout.lines().count()), (0, 1), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("Tables "), "{}", ended.stdout);
    let swept = FinishedSweep { process: ended, out: scene.out() };
    assert_eq!(swept.rows("matches").len(), 1);
    // It is no failure either if standard error is closed.
    let arguments = ["--force"];
    let mut child =
        start(dnsweep().arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out()).args(arguments));
    drop(child.stderr.take());
    assert_eq!(wait(child).status, 0);
}

/// Makes evidence that takes a while to sweep: `machines` machines, each with a log of one block.
fn large_scene(machines: u64) -> Scene {
    let scene = Scene::new();
    let pool = Pool::new(Corpus::Dense).unwrap();
    for machine in 0..machines {
        scene.put(&format!("HOST{machine:03}/Sysmon.evtx"), &pool.log(machine, 16));
    }
    scene
}

#[test]
fn an_interrupted_sweep_writes_what_it_has() {
    const MACHINES: u64 = 60;
    let scene = large_scene(MACHINES);
    for (signal, threads) in [("INT", "1"), ("INT", "4"), ("TERM", "2")] {
        let mut command = dnsweep();
        command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out());
        let mut child = start(command.args(["--threads", threads, "--fail-on-match", "--force"]));
        wait_for_line(&mut child);
        send(signal, &child);
        let swept = FinishedSweep { process: wait(child), out: scene.out() }.expect(130);
        let run = swept.run();
        assert_eq!((&run["interrupted"], &run["exit_status"]), (&json!(true), &json!(130)));
        // It stands above the last line, which is the answer.
        let above = swept.process.stdout.lines().rev().nth(1).unwrap();
        assert!(above.starts_with("INTERRUPTED"), "{}", swept.process.stdout);
        let files = swept.rows("files");
        assert_eq!(files.len() as u64, MACHINES);
        let (mut interrupted, mut matches) = (0, 0);
        for row in &files {
            matches += row["matches"].as_u64().unwrap();
            if row["status"] == "complete" {
                assert_eq!(row["problems"], json!([]));
                continue;
            }
            // The rest is accounted for: the bytes that were not read are counted. No log has two
            // blocks, so none is left unfinished.
            assert_eq!(row["status"], "not read");
            assert_eq!(row["unread_bytes"], row["size"]);
            interrupted += 1;
            let last = row["problems"].as_array().unwrap().last().unwrap();
            let end = last["offset"].as_u64().unwrap() + last["length"].as_u64().unwrap();
            assert_eq!(Some(end), row["size"].as_u64(), "{last}");
            assert!(last["problem"].as_str().unwrap().contains("interrupted"), "{last}");
        }
        assert!(interrupted > 0);
        assert_eq!(run["totals"]["not_read_files"], interrupted);
        assert_eq!(run["totals"]["interrupted_files"], 0);
        // A folder of which nothing was read is no host, and nothing is reported as damaged.
        assert_eq!(run["totals"]["evidence_not_reached"], interrupted);
        let hosts = swept.rows("hosts");
        assert_eq!(hosts.len() as u64, MACHINES - interrupted);
        assert!(hosts.iter().all(|row| row["damaged_files"] == 0 && row["verdict"] != "unreadable"));
        let stdout = swept.process.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        let files = if interrupted == 1 { "file" } else { "files" };
        assert!(
            stdout.contains(&format!("Not read {interrupted} {files} not begun, {interrupted} piece")),
            "{stdout}"
        );
        assert!(stdout.contains("Damaged nothing"), "{stdout}");
        assert_eq!(swept.rows("matches").len() as u64, matches);
        assert_eq!(
            swept.rows("hosts").iter().map(|row| row["matches"].as_u64().unwrap()).sum::<u64>(),
            matches
        );
        // What was read is kept for a resumed sweep, if anything was.
        let kept = if run["totals"]["bytes_read"] == json!(0) { &[][..] } else { &[".out.partial"] };
        assert_eq!(beside(&scene), [kept, &["evidence", "out"]].concat());
    }
}

#[test]
fn a_log_that_was_begun_is_interrupted_and_its_evidence_is_reached() {
    let scene = Scene::new();
    // The log has many blocks. The first is read before the flag is seen.
    let log = Pool::new(Corpus::Dense).unwrap().log(1, 128 * 12);
    scene.put("A/big.evtx", &log);
    scene.put("A/small.evtx", &log_of("A"));
    scene.put("B/small.evtx", &log_of("B"));
    // How long a block takes depends on the machine: the first log must be interrupted after its
    // first block, and before its last one.
    let interrupted = [1500, 900, 500, 300, 150, 75].into_iter().find_map(|pause| {
        let mut command = dnsweep();
        command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out());
        let mut child = start(command.args(["--threads", "1", "--log-format", "json", "--force"]));
        wait_for_line(&mut child);
        thread::sleep(Duration::from_millis(pause));
        send("INT", &child);
        let swept = FinishedSweep { process: wait(child), out: scene.out() };
        let is_begun = |swept: &FinishedSweep| swept.column("files", "status")[0] == "interrupted";
        Some(swept).filter(|swept| swept.process.status == 130 && is_begun(swept))
    });
    let swept = interrupted.expect("a moment within the first log");
    assert!(swept.process.stderr.contains("a second signal stops at once"), "{}", swept.process.stderr);
    let statuses = swept.column("files", "status");
    assert_eq!(statuses, ["interrupted", "not read", "not read"].map(Value::from));
    let run = swept.run();
    assert_eq!(run["totals"]["evidence_not_reached"], 1);
    let hosts = swept.rows("hosts");
    assert!(!hosts.is_empty() && hosts.iter().all(|row| row["evidence"] == json!(["A"])), "{hosts:?}");
    let counts = |row: &Value| (row["damaged_files"].clone(), row["not_read_files"].as_u64() > Some(0));
    assert!(hosts.iter().all(|row| counts(row) == (json!(0), true)), "{hosts:?}");
}

/// Starts a sweep that takes several seconds. Sends it an interrupt signal after `start_ms`
/// milliseconds, while it reads the first log, and a termination signal `pause_ms` milliseconds
/// later. Returns how the sweep ended, and how long that took after the second signal. Returns
/// `None` if the sweep ended before the second signal, because it was about to finish the block
/// that it was reading.
fn interrupt_twice(
    scene: &Scene,
    options: &[&str],
    start_ms: u64,
    pause_ms: u64,
) -> Option<(FinishedProcess, Duration)> {
    let mut command = dnsweep();
    command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out()).args(options);
    let child = start(command.args(["--force", "--exhaustive", "--threads", "1"]));
    thread::sleep(Duration::from_millis(start_ms));
    send("INT", &child);
    thread::sleep(Duration::from_millis(pause_ms));
    send("TERM", &child);
    let begun = Instant::now();
    let ended = wait(child);
    if scene.out().exists() {
        fs::remove_dir_all(scene.out()).unwrap();
        return None;
    }
    Some((ended, begun.elapsed()))
}

#[test]
fn a_second_signal_stops_at_once_and_says_what_that_leaves() {
    let scene = Scene::new();
    let log = Pool::new(Corpus::Dense).unwrap().log(1, 128 * 12);
    scene.put("A/a.evtx", &log);
    for (options, is_json, pause_ms) in [
        (&["--quiet"][..], false, 0),
        // The second signal arrives while the thread that writes messages is waiting.
        (&["--quiet"], false, 100),
        (&["--log-format", "json"], true, 100),
    ] {
        // The sweep finishes a block after the first signal. Where the signal comes at a block's
        // end, the sweep ends by itself during the pause. The next attempt comes at another point.
        let mut attempts = (0..20).map(|attempt| 1500 + attempt * 170);
        let (ended, took) = attempts
            .find_map(|start_ms| interrupt_twice(&scene, options, start_ms, pause_ms))
            .expect("one of 20 second signals comes before the sweep ends");
        assert!(took < Duration::from_secs(5));
        assert_eq!((ended.status, ended.stdout.as_str()), (130, ""), "{}", ended.stderr);
        let last = ended.stderr.lines().last().unwrap();
        let message = if is_json {
            serde_json::from_str::<Value>(last).unwrap()["message"].as_str().unwrap().to_owned()
        } else {
            assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
            last.to_owned()
        };
        assert!(message.contains("stopped at once: this sweep wrote nothing to"), "{message}");
        assert!(message.contains(".out.partial': the same command with --resume"), "{message}");
    }
}

/// Returns the names of the entries in a test's folder, in which the output directory lies.
fn beside(scene: &Scene) -> Vec<String> {
    let entries = fs::read_dir(scene.path("")).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Sweeps with the size of files limited to a few thousand bytes, so that no table can be written.
fn sweep_without_room(scene: &Scene, options: &[&str]) -> FinishedProcess {
    let line = r#"ulimit -f 8; exec "$0" "$@""#;
    let mut command = Command::new("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_dnsweep"), "sweep"]).arg(scene.evidence());
    run(command.arg("--out").arg(scene.out()).args(options))
}

#[test]
fn an_output_that_cannot_be_written_is_absent() {
    let scene = scene();
    let ended = sweep_without_room(&scene, &["--quiet"]);
    assert_eq!(ended.status, 5, "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot write") && ended.stderr.contains(".parquet"), "{}", ended.stderr);
    assert_eq!(beside(&scene), [".out.partial", "evidence"], "no output is left, but what was read");
    scene.sweep(&["--resume"]).expect(0);
    assert_eq!(beside(&scene), ["evidence", "out"]);
}

#[test]
fn an_earlier_output_survives_one_that_cannot_be_written() {
    let scene = scene();
    let swept = scene.sweep(&[]).expect(0);
    let (before, tables) = (common::listing(&scene.out()), swept.tables());
    assert_eq!(sweep_without_room(&scene, &["--force"]).status, 5);
    assert!(before == common::listing(&scene.out()));
    assert_eq!(swept.tables(), tables);
    // The unfinished sweep is of no use, because the next one replaces the output anew.
    scene.sweep(&["--force"]).expect(0);
    assert_eq!(beside(&scene), ["evidence", "out"]);
}

#[test]
fn help_and_version_go_to_standard_output() {
    for (arguments, part) in [
        (&["--help"][..], "sweep"),
        (&["sweep", "--help"], "Exit status"),
        (&["--version"], env!("CARGO_PKG_VERSION")),
    ] {
        let ended = run(dnsweep().args(arguments));
        assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
        assert!(ended.stdout.contains(part), "{}", ended.stdout);
    }
    let help = run(dnsweep().args(["sweep", "--help"])).stdout;
    for status in ["0", "2", "3", "4", "5", "10", "130"] {
        assert!(
            help.lines().any(|line| line.trim_start().starts_with(&format!("{status}  "))),
            "{status}: {help}"
        );
    }
    for verdict in Verdict::ALL {
        assert!(help.contains(&format!("\n  {}  ", verdict.name())), "{verdict:?}: {help}");
    }
}
