//! Tests that values which evidence can have in any number cost in proportion: time and memory of a
//! sweep grow linearly with the number of different values, and what is shown of one value is
//! limited.
//!
//! Each kind of value is measured at two sizes of evidence. The measures are processor time,
//! because other processes disturb it least, and the peak memory of the process.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fmt::Write as _;
use std::fs;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use common::logs::{POWERSHELL, harmless, matching};
use common::{Scene, dnsweep};
use dnsweep_samples::{Event, SECURITY, event_xml};
use serde_json::json;

/// The factor by which the larger evidence has more values than the smaller. When one step of the
/// work took quadratic time, as it once did for channels, the sweep of the larger evidence took
/// eight times as long.
const GROWTH: u64 = 4;
/// The factor by which the sweep of the larger evidence may take longer.
const MOST_GROWTH: f64 = 6.0;
/// The most bytes of memory that one more event may cost in a sweep, if the event is no match.
const MOST_BYTES: u64 = 2_000;
/// The most bytes of memory that one more match may cost: its rows, its host and its values.
const MOST_BYTES_OF_MATCH: u64 = 6_000;

/// The processor time and memory that a sweep used.
#[derive(Debug, Clone, Copy)]
struct ResourceUse {
    /// The processor time of the sweep in seconds.
    seconds: f64,
    /// The peak memory of the sweep's process in bytes.
    memory: u64,
}

/// Returns the number after a word in a file of `/proc`; `None` if the word is missing.
fn number(text: &str, word: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(word)?.split_whitespace().next()?.parse().ok())
}

/// Waits for the end of a sweep's process, and returns what it used. The process's times can still
/// be read when it is a zombie, so it is observed until then.
fn wait(child: &mut Child) -> ResourceUse {
    let folder = format!("/proc/{}", child.id());
    let mut memory = 0;
    loop {
        let status = fs::read_to_string(format!("{folder}/status")).unwrap();
        memory = number(&status, "VmHWM:").unwrap_or(memory);
        if status.contains("State:\tZ") {
            break;
        }
        thread::sleep(Duration::from_millis(1));
    }
    let stat = fs::read_to_string(format!("{folder}/stat")).unwrap();
    // After the name in parentheses, the twelfth and the thirteenth number are the process's times
    // in hundredths of a second.
    let times = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    let hundredths: f64 = times.map(|time| time.parse::<f64>().unwrap()).sum();
    assert!(child.wait().unwrap().success());
    ResourceUse { seconds: hundredths / 100.0, memory: memory * 1024 }
}

/// Sweeps a test's evidence. The page is not written: the number of hosts in it is bounded, and
/// these tests stay below that bound.
fn sweep(scene: &Scene) -> ResourceUse {
    let mut command: Command = dnsweep();
    command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out()).args([
        "--quiet",
        "--no-report",
        "--threads",
        "2",
    ]);
    wait(&mut command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// Makes evidence of `count` events in one file.
fn events(count: u64, event: impl Fn(u64) -> Event) -> Scene {
    let scene = Scene::new();
    let mut text = String::new();
    for number in 0..count {
        writeln!(text, "{}", event_xml(&event(number))).unwrap();
    }
    scene.put("A/x.xml", text.as_bytes());
    scene
}

/// Fails unless the cost of one more value is bounded, as measured with `count` values and four
/// times as many. `evidence` makes evidence with a number of values.
#[track_caller]
fn assert_linear(what: &str, count: u64, most_bytes: u64, evidence: impl Fn(u64) -> Scene) {
    let [little, much] = [count, GROWTH * count].map(|count| sweep(&evidence(count)));
    let growth = much.seconds / little.seconds.max(0.05);
    let bytes = much.memory.saturating_sub(little.memory) / ((GROWTH - 1) * count);
    assert!(growth < MOST_GROWTH, "{what}: {little:?}, {much:?}: {growth} times as long");
    assert!(bytes < most_bytes, "{what}: {little:?}, {much:?}: {bytes} bytes each");
}

/// Returns a different name for each number. The names come in descending order, which is the worst
/// case for a sorted list.
fn name(number: u64) -> String {
    format!("N{:08}", 99_999_999 - number)
}

#[test]
fn events_of_many_logs_and_machines() {
    type Change = fn(u64, Event) -> Event;
    let kinds: [(&str, Change); 4] = [
        ("channels", |number, event| Event { channel: name(number), ..event }),
        ("computers", |number, event| event.on(&name(number))),
        ("providers", |number, event| Event { provider: name(number), ..event }),
        ("record ids", |number, event| event.numbered(2 * (99_999 - number))),
    ];
    for (what, change) in kinds {
        // The events have few other values, so that only the value in question is measured.
        let event = |number: u64| Event::new(&SECURITY, 4624).numbered(number).on("A");
        assert_linear(what, 12_000, MOST_BYTES, |count| {
            events(count, |number| change(number, event(number)))
        });
    }
}

#[test]
fn matches_that_differ_in_what_is_counted() {
    type Make = fn(u64) -> Event;
    let kinds: [(&str, Make); 4] = [
        ("users", |number| matching(number).with("User", name(number))),
        ("names", |number| {
            Event::dns_query(&format!("{}.pastebin.com", name(number)), POWERSHELL).numbered(number)
        }),
        ("images", |number| {
            Event::dns_query("pastebin.com", &format!(r"C:\Users\Public\{}.exe", name(number)))
                .numbered(number)
        }),
        ("hosts", |number| matching(number).on(&name(number))),
    ];
    for (what, event) in kinds {
        assert_linear(what, 1_500, MOST_BYTES_OF_MATCH, |count| events(count, event));
    }
}

#[test]
fn many_files_and_folders() {
    let files = |count: u64, path: fn(u64) -> String| {
        let scene = Scene::new();
        for number in 0..count {
            scene.put(&path(number), event_xml(&harmless(number).on("A")).as_bytes());
        }
        scene
    };
    assert_linear("files", 500, MOST_BYTES_OF_MATCH, |count| {
        files(count, |number| format!("A/{number}.xml"))
    });
    assert_linear("folders", 500, MOST_BYTES_OF_MATCH, |count| {
        files(count, |number| format!("{}/x.xml", name(number)))
    });
}

#[test]
fn what_is_shown_of_one_value_has_an_end() {
    // An event has at most a mebibyte.
    const LENGTH: usize = 150_000;
    let long = |number: u64| format!("{number}{}", "x".repeat(LENGTH));
    let scene = events(12, |number| {
        let event = Event::dns_query(&format!("{}.pastebin.com", long(number)), POWERSHELL).numbered(number);
        Event { channel: long(number), ..event.on(&long(number)).with("User", long(number)) }
    });
    let swept = scene.sweep(&[]).expect(0);
    assert!(swept.process.stdout.len() < 20_000, "{} bytes are shown", swept.process.stdout.len());
    // Long values are cut in the middle.
    assert!(swept.process.stdout.contains("xxx…xxx"), "{}", swept.process.stdout);
    assert!(swept.process.stderr.len() < 20_000, "{} bytes of messages", swept.process.stderr.len());
    // The tables contain the whole value.
    assert_eq!(swept.host(&long(7))["users"], json!([{ "value": long(7), "count": 1 }]));
}
