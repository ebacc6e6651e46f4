//! What evidence can name without end costs in proportion: time and memory of a sweep grow with the
//! number of different values, and no faster; and what people are shown of one value has an end.
//!
//! Each kind of value is measured at two sizes. Time is that of the processor, which other
//! processes disturb least, and memory the most that the process ever held.

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

/// How many times more values the greater evidence has, and how many times as long a sweep of it
/// may take. Where one step of the work took time that grows with the square of the values, as it
/// once did for channels, it was eight times.
const GROWTH: u64 = 4;
const MOST_GROWTH: f64 = 6.0;
/// Bytes of memory that an event more may cost, beside a match of it, and with one: its rows, its
/// host, and what it says.
const MOST_BYTES: u64 = 2_000;
const MOST_BYTES_OF_MATCH: u64 = 6_000;

/// What a sweep took.
#[derive(Debug, Clone, Copy)]
struct Cost {
    /// Seconds of the processor.
    seconds: f64,
    /// The most memory, in bytes.
    memory: u64,
}

/// The number after a word of a file of `/proc`.
fn number(text: &str, word: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(word)?.split_whitespace().next()?.parse().ok())
}

/// Waits for the end of a process, and says what it took. It is looked at until it is a zombie:
/// that still knows its times.
fn wait(child: &mut Child) -> Cost {
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
    // Behind the name, in parentheses, the twelfth and the thirteenth number are hundredths of a
    // second.
    let times = stat.rsplit_once(')').unwrap().1.split_whitespace().skip(11).take(2);
    let hundredths: f64 = times.map(|time| time.parse::<f64>().unwrap()).sum();
    assert!(child.wait().unwrap().success());
    Cost { seconds: hundredths / 100.0, memory: memory * 1024 }
}

/// Sweeps the evidence of a scene.
fn sweep(scene: &Scene) -> Cost {
    let mut command: Command = dnsweep();
    command.arg("sweep").arg(scene.evidence()).arg("--out").arg(scene.out()).args([
        "--quiet",
        "--threads",
        "2",
    ]);
    wait(&mut command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
}

/// Evidence of so many events, one file of them.
fn events(count: u64, event: impl Fn(u64) -> Event) -> Scene {
    let scene = Scene::new();
    let mut text = String::new();
    for number in 0..count {
        writeln!(text, "{}", event_xml(&event(number))).unwrap();
    }
    scene.put("A/x.xml", text.as_bytes());
    scene
}

/// Fails unless what a value more costs is bounded, as a count of values and four times as many
/// show.
#[track_caller]
fn assert_linear(what: &str, count: u64, most_bytes: u64, evidence: impl Fn(u64) -> Scene) {
    let [little, much] = [count, GROWTH * count].map(|count| sweep(&evidence(count)));
    let growth = much.seconds / little.seconds.max(0.05);
    let bytes = much.memory.saturating_sub(little.memory) / ((GROWTH - 1) * count);
    assert!(growth < MOST_GROWTH, "{what}: {little:?}, {much:?}: {growth} times as long");
    assert!(bytes < most_bytes, "{what}: {little:?}, {much:?}: {bytes} bytes each");
}

/// A name that is another for each number. They come in descending order, in which a sorted list is
/// moved most.
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
        // Events that say little, so that what is measured is the value.
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
    assert!(swept.ended.stdout.len() < 20_000, "{} bytes are shown", swept.ended.stdout.len());
    assert!(swept.ended.stdout.contains("… (150001 characters)"));
    assert!(swept.ended.stderr.len() < 20_000, "{} bytes of messages", swept.ended.stderr.len());
    // The tables have the whole.
    assert_eq!(swept.host(&long(7))["users"], json!([{ "value": long(7), "count": 1 }]));
}
