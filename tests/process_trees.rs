//! The process trees that reports show of an output with processes (`--context`): who started whom,
//! as the truth about the samples has it, and what forged and harmful logs make of them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that goes wrong fails loudly"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use common::logs::{POWERSHELL, harmless, log};
use common::{FinishedSweep, Scene, dnsweep, repository, run, sweep, truth};
use dnsweep_samples::{Event, process_guid};
use serde_json::Value;

/// Text made to harm whoever shows it: it clears a terminal, reverses the direction of writing,
/// breaks lines, and looks like markup, a formula and the end of a cell.
const HARM: &str = "=\u{1b}[2J\u{202e}x\n|<b>`a`</td><script>,\u{9b}31m";

fn report(out: &Path, options: &[&str]) -> String {
    let ended = run(dnsweep().arg("report").arg(out).args(options));
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    ended.stdout
}

fn json_of(out: &Path, options: &[&str]) -> Value {
    serde_json::from_str(&report(out, &[&["--format", "json"], options].concat())).unwrap()
}

/// Returns the process tree of the first host with matches in the JSON document of an output.
fn tree_of(document: &Value) -> Vec<Value> {
    document["hosts"]["items"][0]["matches"]["process_tree"]["items"].as_array().unwrap().clone()
}

/// Returns the GUID of the parent of each process of a tree: that of the last process before it
/// that has a lower level.
fn parents(tree: &[Value]) -> BTreeMap<String, Option<String>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let parent = |(at, process): (usize, &Value)| {
        let before = tree[..at].iter().rev();
        let parent = before.clone().find(|other| other["level"].as_u64() < process["level"].as_u64());
        if let Some(parent) = parent {
            assert_eq!(parent["level"].as_u64().unwrap() + 1, process["level"].as_u64().unwrap());
        }
        (text(&process["process_guid"]), parent.map(|parent| text(&parent["process_guid"])))
    };
    tree.iter().enumerate().map(parent).collect()
}

fn swept_samples(folder: &Path, options: &[&str]) -> FinishedSweep {
    sweep(&[&repository("samples/evidence")], &folder.join("out"), options).expect(0)
}

#[test]
fn the_tree_of_a_compromised_machine_is_that_of_the_truth() {
    let folder = tempfile::tempdir().unwrap();
    let swept = swept_samples(folder.path(), &["--context", "--quiet"]);
    let truth: BTreeMap<String, Value> = truth::lines(&repository("samples").join("truth_processes.jsonl"))
        .into_iter()
        .filter(|process| process["Computer"] == "FIN-WS07.corp.example")
        .map(|process| (process["ProcessGuid"].as_str().unwrap().to_owned(), process))
        .collect();
    for options in [&[][..], &["--host", "fin-ws07"], &["--full"]] {
        let document = json_of(&swept.out, options);
        let tree = tree_of(&document);
        let mut found = 0;
        for (guid, parent) in parents(&tree) {
            let process = tree.iter().find(|process| process["process_guid"] == guid.as_str()).unwrap();
            let Some(true_process) = truth.get(&guid) else {
                assert_ne!(process["status"], "found", "{process}");
                continue;
            };
            found += 1;
            let own = ["ProcessId", "Image", "CommandLine", "User", "ParentImage", "ParentCommandLine"];
            let ours = ["process_id", "image", "command_line", "user", "parent_image", "parent_command_line"];
            for (own, ours) in own.iter().zip(ours) {
                assert_eq!(process[ours], true_process[own], "{ours} of {process}");
            }
            let hash = true_process["Hashes"].as_str().unwrap().to_lowercase();
            assert!(hash.contains(&format!("sha256={}", process["sha256"].as_str().unwrap())), "{process}");
            assert_eq!(parent.as_deref(), true_process["ParentProcessGuid"].as_str(), "{process}");
        }
        assert_eq!((found, tree.len()), (6, 8));
        let matches: u64 = tree.iter().map(|process| process["matches"].as_u64().unwrap()).sum();
        assert_eq!(matches, document["hosts"]["items"][0]["matches"]["unique"].as_u64().unwrap());
        // The log begins after Explorer was started: what is known of it is what Outlook's event says.
        assert_eq!(
            (&tree[0]["status"], &tree[0]["known_from"]),
            (&"log begins later".into(), &"child".into())
        );
        assert_eq!(tree[0]["image"], tree[1]["parent_image"]);
    }
}

#[test]
fn each_report_shows_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    let swept = swept_samples(folder.path(), &["--context"]);
    for text in [
        swept.process.stdout.clone(),
        report(&swept.out, &["--host", "FIN-WS07"]),
        report(&swept.out, &["--format", "markdown"]),
        report(&swept.out, &["--format", "markdown", "--host", "FIN-WS07"]),
        report(&swept.out, &["--format", "html"]),
    ] {
        let (_, host) = text.split_once("FIN-WS07.corp.example").unwrap();
        let places: Vec<usize> =
            ["its start is not in the log: the log begins later", "OUTLOOK.EXE", "Invoice.js"]
                .map(|part| host.find(part).unwrap_or_else(|| panic!("{part} is not in {text}")))
                .into();
        assert!(places[1] < places[2], "{text}");
        assert!(host.contains("winsync.exe") && host.contains("its start was not logged"), "{text}");
    }
    let counts =
        "10 processes of matches, with ancestors: 7 found; not found: 2 log begins later, 1 not logged";
    let summary: Vec<&str> = swept.process.stdout.split_whitespace().collect();
    assert!(summary.join(" ").contains(counts), "{}", swept.process.stdout);
    let csv = report(&swept.out, &["--format", "csv", "--host", "FIN-WS07"]);
    let started_by = r"C:\Windows\explorer.exe > C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE > C:\Windows\System32\wscript.exe";
    let powershell = csv.lines().find(|line| line.contains("Xy12Ab34")).unwrap().to_lowercase();
    assert!(powershell.ends_with(&started_by.to_lowercase()), "{powershell}");
}

#[test]
fn a_sweep_without_context_says_nothing_of_processes() {
    let folder = tempfile::tempdir().unwrap();
    let swept = swept_samples(folder.path(), &[]);
    let document = json_of(&swept.out, &[]);
    assert_eq!(document["process_counts"], Value::Null);
    assert_eq!(document["hosts"]["items"][0]["matches"]["process_tree"], Value::Null);
    assert!(!swept.process.stdout.contains("\nProcesses"), "{}", swept.process.stdout);
    assert!(!report(&swept.out, &["--format", "html"]).contains("class=\"tree\""));
    let export = |words: &[&str]| run(dnsweep().arg("export").arg(&swept.out).args(words));
    assert!(!export(&["--to", "csv"]).stdout.contains("command_line"));
    let refused = export(&["--to", "csv", "--table", "processes"]);
    assert_eq!(refused.status, 2);
    assert!(refused.stderr.contains("sweep with --context"), "{}", refused.stderr);
}

/// Makes a log in which each of the processes `1..=most` makes a match, and each is started by the
/// next one. The process with the number `most` is started by the first.
fn circle(most: u32, command_line: &str) -> Vec<u8> {
    let guid = |number: u32| process_guid(1000 + number);
    let events = (1..=most).flat_map(|number| {
        let parent = if number == most { 1 } else { number + 1 };
        let created = Event::process_create(POWERSHELL, &format!("{number} {command_line}"), command_line)
            .with("ProcessGuid", guid(number))
            .with("ProcessId", number)
            .with("User", command_line)
            .with("ParentProcessGuid", guid(parent))
            .numbered(u64::from(2 * number));
        let asked = Event::dns_query("pastebin.com", POWERSHELL)
            .with("ProcessGuid", guid(number))
            .with("ProcessId", number)
            .numbered(u64::from(2 * number + 1));
        [created, asked]
    });
    log(&[vec![harmless(1)], events.collect()].concat())
}

#[test]
fn processes_that_are_their_own_ancestors_are_shown_once() {
    let scene = Scene::new();
    scene.put("PC/a.evtx", &circle(60, "x"));
    let swept = scene.sweep(&["--context"]).expect(0);
    let tree = tree_of(&json_of(&swept.out, &[]));
    let guids: BTreeSet<&str> =
        tree.iter().map(|process| process["process_guid"].as_str().unwrap()).collect();
    assert_eq!((guids.len(), tree.len()), (60, 60));
    let levels: Vec<u64> = tree.iter().map(|process| process["level"].as_u64().unwrap()).collect();
    assert_eq!(levels, (0..60).collect::<Vec<u64>>());
    let page = report(&swept.out, &["--format", "html"]);
    assert!(page.contains("class=\"code l16\"") && !page.contains("class=\"code l17\""));
    let summary = &swept.process.stdout;
    assert!(summary.lines().count() <= 100 && summary.contains("more of the host's processes"), "{summary}");
    for text in [report(&swept.out, &["--full"]), report(&swept.out, &["--format", "markdown"])] {
        assert_eq!((1..=60).filter(|number| text.contains(&format!("{number} x"))).count(), 60, "{text}");
    }
}

#[test]
fn harmful_command_lines_act_nowhere() {
    let scene = Scene::new();
    scene.put("PC/a.evtx", &circle(3, HARM));
    scene.put("LONG/a.evtx", &circle(1, &"L".repeat(5_000)));
    let swept = scene.sweep(&["--context"]).expect(0);
    let is_acting = |letter: char| letter != '\n' && dnsweep::internals::report::is_shown_escaped(letter);
    for options in
        [&[][..], &["--full"], &["--host", "workstation"], &["--format", "markdown"], &["--format", "csv"]]
    {
        let text = report(&swept.out, options);
        let text = if options.contains(&"csv") { text.replace('\r', "") } else { text };
        assert_eq!(text.chars().filter(|letter| is_acting(*letter)).collect::<String>(), "", "{options:?}");
        assert!(text.lines().all(|line| line.chars().count() < 4000), "{options:?}");
    }
    let page = report(&swept.out, &["--format", "html"]);
    assert!(
        page.contains("&lt;script&gt;") || page.contains("&#60;script&#62;"),
        "the harm is shown as text"
    );
    assert!(
        !page.contains("</td><script>") && !page.contains('\u{202e}') && !page.contains(&"L".repeat(1001))
    );
}
