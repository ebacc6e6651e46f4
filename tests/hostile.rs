//! Harmful strings: the tables contain them unchanged, and a terminal gets them as text that has no
//! effect.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;

use common::logs::{harmless, log, matching};
use common::{FinishedSweep, Scene, run, start, wait};
use dnsweep_samples::Event;
use serde_json::{Value, json};

/// A harmful string: it clears the screen, changes colours, rings, and sets the title, with 7-bit
/// and with 8-bit escapes; goes back, starts new lines, changes the direction of writing, hides
/// characters.
const HARM: &str = "\x1b[2J\x1b[31m\x07\x1b]0;t\x07\u{9b}31m\u{7f}\r\u{8}\n\t\u{202e}txt\u{200b}\u{2066}\u{feff}\u{85}\u{2028}";
const HTML: &str = "<script>alert(\"1\")</script>&amp;<img src=x onerror=alert(2)>";
const FORMULA: &str = "=HYPERLINK(\"http://example.com\",\"pastebin\")";

/// Makes three matches with harmful strings in every field of an event.
fn events() -> Vec<Event> {
    [HARM, HTML, FORMULA]
        .iter()
        .zip(1..)
        .map(|(harm, number)| {
            matching(number)
                .with("QueryName", format!("{harm}pastebin.com"))
                .with("Image", format!(r"C:\Users\Public\{}.exe", harm.replace('\\', "")))
                .with("User", format!(r"CORP\{harm}"))
                .with("QueryStatus", *harm)
                .with("QueryResults", *harm)
                .on(&format!("HOST{harm}"))
        })
        .collect()
}

/// Makes evidence with a machine whose folder, file and content have harmful names and texts, and a
/// damaged file next to it.
fn scene() -> Scene {
    let scene = Scene::new();
    let folder = format!("EVIL{}", HARM.replace('/', ""));
    scene.put(&format!("{folder}/a{HARM}.evtx"), &log(&events()));
    scene.put(&format!("{folder}/b{HARM}.evtx"), b"\x1b[31mno log\n");
    scene.put("CALM/c.evtx", &log(&[harmless(1).on(&format!("QUIET{HARM}"))]));
    scene
}

/// Returns the characters that act on a terminal or are not seen as they are: control characters
/// except line feed, and those that change the direction of writing or take no space.
fn acting(text: &str) -> Vec<char> {
    let acts = |character: &char| {
        (character.is_control() && *character != '\n')
            || matches!(*character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
    };
    text.chars().filter(acts).collect()
}

#[test]
fn tables_hold_the_strings_as_they_are() {
    let scene = scene();
    let swept = scene.sweep(&[]).expect(3);
    let rows = swept.rows("matches");
    assert_eq!(rows.len(), 3);
    for (row, harm) in rows.iter().zip([HARM, HTML, FORMULA]) {
        assert_eq!(row["query_name"], format!("{harm}pastebin.com"));
        assert_eq!(row["image"], format!(r"C:\Users\Public\{harm}.exe"));
        assert_eq!(row["process_name"], format!("{harm}.exe"));
        assert_eq!(row["user"], format!(r"CORP\{harm}"));
        assert_eq!((&row["query_status"], &row["query_results"]), (&json!(harm), &json!(harm)));
        assert_eq!(row["computer"], format!("HOST{harm}"));
        assert_eq!(
            row["risk_message"],
            common::truth::risk_message(
                &format!("{harm}.exe"),
                &format!("{harm}pastebin.com"),
                &format!("HOST{harm}")
            )
        );
        // The file's name is valid text, so it stays unchanged.
        assert_eq!(row["source_path"], format!("EVIL{HARM}/a{HARM}.evtx"));
    }
    let stats = swept.rows(&format!("stats/{}", common::truth::SEED_ID));
    let mut names: Vec<Value> = stats.iter().map(|row| row["QueryName"].clone()).collect();
    let mut expected: Vec<Value> =
        [HARM, HTML, FORMULA].iter().map(|harm| json!(format!("{harm}pastebin.com"))).collect();
    names.sort_by_key(Value::to_string);
    expected.sort_by_key(Value::to_string);
    assert_eq!(names, expected);
    swept.host(&format!("HOST{HARM}"));
}

#[track_caller]
fn assert_calm(swept: &FinishedSweep) {
    for (name, text) in
        [("standard output", &swept.process.stdout), ("standard error", &swept.process.stderr)]
    {
        assert_eq!(acting(text), [] as [char; 0], "{name}: {}", text.escape_debug());
    }
}

#[test]
fn nothing_that_acts_reaches_the_terminal() {
    let swept = scene().sweep(&[]).expect(3);
    assert_calm(&swept);
    // The strings are shown in a form that has no effect.
    for shown in ["\\u{1b}[2J", "\\u{9b}31m", "\\u{202e}txt", "<script>"] {
        assert!(swept.process.stdout.contains(shown), "{shown}: {}", swept.process.stdout);
    }
    assert!(swept.process.stderr.contains("\\u{1b}"), "{}", swept.process.stderr);
}

#[test]
fn nor_in_json() {
    let swept = scene().sweep(&["--log-format", "json"]).expect(3);
    assert_calm(&swept);
    // The text itself is complete: a program that parses the line gets it back.
    let messages: Vec<Value> =
        swept.process.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let name = format!("b{HARM}.evtx");
    assert!(messages.iter().any(|line| line["message"].as_str().unwrap().contains(&name)), "{messages:#?}");
}

#[test]
fn nor_in_a_usage_error() {
    let scene = scene();
    let path = scene.path(&format!("missing{}", HARM.replace('/', "")));
    let mut command = common::dnsweep();
    let ended = run(command.arg("sweep").arg(&path).arg("--out").arg(scene.out()));
    assert_eq!((ended.status, ended.stderr.lines().count()), (2, 1), "{:?}", ended.stderr);
    assert_eq!(acting(&ended.stderr), [] as [char; 0], "{:?}", ended.stderr);
}

#[test]
fn nor_from_a_detection() {
    let scene = scene();
    let rule = scene.path("rule.yml");
    let name = "a\\e[31m\\u202e";
    fs::write(
        &rule,
        format!("name: \"{name}\"\nid: a\nsearch: \"`sysmon` EventCode=22 QueryName=*pastebin*\"\n"),
    )
    .unwrap();
    let swept = scene.sweep(&["--detection", rule.to_str().unwrap()]).expect(3);
    assert_eq!(swept.run()["detections"][0]["name"], "a\x1b[31m\u{202e}");
    assert_calm(&swept);
    fs::write(&rule, "name: x\nid: a\nsearch: \"`sysmon` | \\e[31mwipe\"\n").unwrap();
    let swept = scene.sweep(&["--detection", rule.to_str().unwrap(), "--force"]).expect(2);
    assert_calm(&swept);
}

#[test]
fn a_sweep_needs_no_text_in_its_arguments() {
    use std::os::unix::ffi::OsStrExt;
    let scene = Scene::new();
    let name = std::ffi::OsStr::from_bytes(b"R\xffOOT");
    let root = scene.evidence().join(name);
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.evtx"), log(&events())).unwrap();
    let out = scene.path("").join(std::ffi::OsStr::from_bytes(b"\xfeout"));
    let child = start(common::dnsweep().arg("sweep").arg(&root).arg("--out").arg(&out));
    let swept = FinishedSweep { process: wait(child), out }.expect(0);
    assert_eq!(swept.column("files", "evidence"), [json!("R\\xFFOOT")]);
    assert_calm(&swept);
}
