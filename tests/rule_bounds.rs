//! The memory that a rule file can take is bounded, whatever it contains: each of these is refused,
//! or runs in a small part of the memory that it would take otherwise.

#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fmt::Write;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use common::{FinishedProcess, Scene};

/// The address space in KiB that a check of rules may take. The program itself, unoptimised and
/// with its threads, takes a third of it.
const MOST_KIB: u64 = 768 << 10;

/// Runs `dnsweep detections check` on a test's rules, with at most [`MOST_KIB`] of memory. A
/// process that needs more is aborted, so it does not end with an exit status of the command.
fn check(scene: &Scene) -> FinishedProcess {
    let line = format!("ulimit -v {MOST_KIB} && exec \"$0\" detections check \"$1\"");
    let program = env!("CARGO_BIN_EXE_dnsweep");
    common::run(Command::new("sh").args(["-c", &line, program]).arg(scene.path("rules")))
}

fn scene(files: &[(&str, &str)]) -> Scene {
    let scene = Scene::new();
    fs::create_dir(scene.path("rules")).unwrap();
    for (name, text) in files {
        fs::write(scene.path("rules").join(name), text).unwrap();
    }
    scene
}

/// Makes a Sigma rule with this id and, as YAML, this section `detection`.
fn sigma(id: &str, detection: &str) -> String {
    let source = "logsource: {category: dns_query, product: windows}";
    format!("title: T\nid: {id}\nstatus: test\nlevel: high\n{source}\ndetection:\n{detection}")
}

/// Makes the section `detection` of a Sigma rule with a list of regular expressions, each of which
/// ends in another number.
fn expressions(count: u32, expression: &str) -> String {
    let mut detection = "  s:\n    QueryName|re:\n".to_owned();
    for number in 0..count {
        writeln!(detection, "    - '{expression}{number}'").unwrap();
    }
    detection + "  condition: s\n"
}

/// Checks a rule with this text. Fails unless the exit status is `status` and the message contains
/// `expected`.
#[track_caller]
fn hold(text: &str, status: i32, expected: &str) {
    let ended = check(&scene(&[("a.yml", text)]));
    assert!(
        ended.status == status && ended.stdout.contains(expected),
        "{expected}: {} {:.600}{:.600}",
        ended.status,
        ended.stdout,
        ended.stderr
    );
}

#[test]
fn expressions_of_a_rule_are_bounded_together() {
    // Each of these expressions takes half a megabyte when compiled.
    let expected = "to take at most 67108864 bytes together, found about";
    hold(&sigma("t", &expressions(150, r"\w{8}")), 3, expected);
    // A plain expression takes little, but there can be many.
    hold(&sigma("t", &expressions(9_000, "a")), 3, expected);
    hold(&sigma("t", &expressions(200, "a")), 0, "1 of 1 run");
}

#[test]
fn expressions_of_all_rules_are_bounded_together() {
    // Each expression is estimated to take more than half a megabyte, so a hundred are too much.
    let rule = |number: u32| sigma(&format!("t{number}"), &expressions(1, &"a".repeat(12_000)));
    let rules: Vec<(String, String)> =
        (0..120).map(|number| (format!("{number:03}.yml"), rule(number))).collect();
    let files: Vec<(&str, &str)> = rules.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let ended = check(&scene(&files));
    assert_eq!(ended.status, 3, "{}{}", ended.stdout, ended.stderr);
    let refused = ended.stdout.lines().filter(|line| line.starts_with("refused  ")).count();
    assert!((10..60).contains(&refused), "{refused}: {:.600}", ended.stdout);
    let expected = "of this rule and those before it to take at most 67108864";
    assert!(ended.stdout.contains(expected), "{:.600}", ended.stdout);
}

/// Makes the section `detection` of a Sigma rule, with `count` parts and this condition.
fn parts(count: u32, condition: &str) -> String {
    let mut detection = String::new();
    for number in 0..count {
        writeln!(detection, "  s{number}: {{QueryName: a{number}}}").unwrap();
    }
    format!("{detection}  condition: {condition}\n")
}

/// Makes a YAML list of `count` values.
fn listed(count: u32, value: impl Fn(u32) -> String) -> String {
    let mut list = String::new();
    for number in 0..count {
        writeln!(list, "    - {}", value(number)).unwrap();
    }
    list
}

#[test]
fn what_a_condition_comes_to_is_bounded() {
    hold(&sigma("t", &parts(15_000, "7500 of s*")), 3, "expected at most 1000 parts, found 15000");
    hold(&sigma("t", &parts(900, "1 of s*")), 0, "1 of 1 run");
    hold(&sigma("t", &parts(900, "450 of s*")), 3, "at most 1000 combinations of parts");
    hold(&sigma("t", &parts(40, "2 of s*")), 0, "1 of 1 run");
    // Each of 900 choices contains 899 parts.
    hold(&sigma("t", &parts(900, "899 of s*")), 3, "comes to at most 200000 conditions");
    // A part that is named again counts again.
    let values = listed(4_000, |number| format!("a{number}"));
    let named = |times: usize| {
        format!("  s0:\n    QueryName:\n{values}  condition: {}\n", vec!["s0"; times].join(" or "))
    };
    hold(&sigma("t", &named(600)), 3, "comes to at most 200000 conditions");
    hold(&sigma("t", &named(10)), 0, "1 of 1 run");
    // Each value has 625 variants.
    let dashes = listed(2_000, |number| format!("' -a -b -c -d{number}'"));
    let windash = format!("  s:\n    QueryName|windash:\n{dashes}  condition: s\n");
    hold(&sigma("t", &windash), 3, "comes to at most 200000 conditions");
}

#[test]
fn files_and_nesting_are_bounded() {
    let long = format!(
        "{}description: {}\n",
        sigma("t", "  s: {QueryName: a}\n  condition: s\n"),
        "x".repeat(2 << 20)
    );
    hold(&long, 3, "expected a value of at most 1048576 bytes, found 2097152");
    hold(&long.repeat(5), 3, "expected at most 8388608 bytes");
    // What the documents of a file have together counts, and not what one of them has.
    let list = format!("a: [{}]\n---\n", "x, ".repeat(300_000));
    hold(&list.repeat(7), 3, "expected at most 500000 values in a file");
    hold(&"!x y\n---\n".repeat(900_000), 3, "expected at most 20000 documents");
    let deep = format!("  s: {}{}\n  condition: s\n", "[".repeat(100_000), "]".repeat(100_000));
    hold(&sigma("t", &deep), 3, "refused  ");
    let mut aliases = "  a: &a [x, x, x, x, x, x, x, x, x]\n".to_owned();
    let mut before = "a".to_owned();
    for number in 0..9 {
        let name = format!("a{number}");
        writeln!(aliases, "  {name}: &{name} [{}]", vec![format!("*{before}"); 9].join(", ")).unwrap();
        before = name;
    }
    hold(&sigma("t", &format!("{aliases}  s: {{QueryName: *a8}}\n  condition: s\n")), 3, "refused  ");
}

#[test]
fn a_hundred_thousand_names_are_a_rule() {
    let names = |number| format!("host-{number}.a-long-name-of-a-zone.example.com");
    let rule =
        sigma("t", &format!("  s:\n    QueryName|endswith:\n{}  condition: s\n", listed(100_000, names)));
    assert!(rule.len() > 4 << 20);
    hold(&rule, 0, "1 of 1 run");
}

#[test]
fn comparisons_have_a_bound_over_all_rules() {
    let values = listed(45_000, |number| format!("a{number}"));
    // There are three comparisons for each value.
    let rule = |id: &str| {
        let detection = format!("  s:\n    QueryName|base64offset|contains:\n{values}  condition: s\n");
        sigma(id, &detection)
    };
    let rules = ["a", "b", "c", "d"].map(|id| (format!("{id}.yml"), rule(&format!("0000000{id}"))));
    let files: Vec<(&str, &str)> = rules.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let ended = check(&scene(&files));
    assert_eq!(ended.status, 3, "{:.600}{:.600}", ended.stdout, ended.stderr);
    let refused: Vec<&str> =
        ended.stdout.lines().filter(|line| line.contains("comparisons together")).collect();
    assert_eq!(refused.len(), 2, "{:.2000}", ended.stdout);
}

/// A rule has 50,000 lines that are not understood, and its condition names their part 600 times.
/// Each of these lines is compared with all known names, which must happen only once.
#[test]
fn parts_that_are_not_understood_cost_no_more_by_being_named_often() {
    let condition = ["s"; 600].join(" or ");
    let listed = |one: fn(u32) -> String| (0..50_000).map(one).collect::<Vec<_>>().join(", ");
    let lines = format!("{{{}}}", listed(|number| format!("k{number}: 1")));
    let words = format!("[{}]", listed(|number| format!("word{number}:x")));
    for part in [lines, words] {
        let text = sigma("a", &format!("  s: {part}\n  condition: {condition}\n"));
        let begun = Instant::now();
        hold(&text, 3, "expected ");
        assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    }
}
