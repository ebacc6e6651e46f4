//! Rules in a sweep: the risk that they state, which of them ran, and what their matches amount to
//! together.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use common::logs::log;
use common::{FinishedProcess, FinishedSweep, Scene, dnsweep, forget_reads, was_read};
use dnsweep_samples::Event;
use serde_json::{Value, json};

const HEAD: &str = "version: 3\nstatus: production\nsearch: '`sysmon` EventCode=22 QueryName=*pastebin*'\n";

/// Makes the text of a rule with this id: the keys in [`HEAD`], and those in `more`.
fn rule(id: &str, more: &str) -> String {
    format!("name: Rule {id}\nid: {id}\n{HEAD}{more}")
}

/// Makes evidence with three DNS queries, two of which query a paste site, and these rules next to
/// it.
fn scene(rules: &[(&str, &str)]) -> Scene {
    let scene = Scene::new();
    let query = |number, name: &str, image: &str| Event::dns_query(name, image).numbered(number).on("A");
    let events = [
        query(1, "pastebin.com", r"C:\tools\a.exe"),
        query(2, "plain.test", r"C:\tools\a.exe"),
        query(3, "raw.pastebin.com", r"C:\tools\b.exe"),
    ];
    scene.put("A/Sysmon.evtx", &log(&events));
    fs::create_dir(scene.path("rules")).unwrap();
    for (name, text) in rules {
        put_rule(&scene, name, text);
    }
    scene
}

fn put_rule(scene: &Scene, name: &str, text: &str) {
    let path = scene.path("rules").join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn directory(scene: &Scene) -> String {
    scene.path("rules").display().to_string()
}

fn sweep(scene: &Scene, options: &[&str]) -> FinishedSweep {
    scene.sweep(&[&["--force", "--detection", &directory(scene)], options].concat())
}

fn detections(arguments: &[&str]) -> FinishedProcess {
    common::run(dnsweep().arg("detections").args(arguments))
}

/// The scores, messages and techniques of two detections in different layouts are those that
/// Splunk's documentation of each layout requires.
#[test]
fn the_risk_is_read_in_each_layout_that_splunk_has_had() {
    let finding = "finding: {title: $process_name$ asked, entity: {field: dvc, type: system, score: 50}}\n\
                   threat_objects: [{field: process_name, type: process_name}]\nmitre_attack_id: [T1059.005]\n\
                   analytic_story: [A Story]\nmodification_date: '2026-05-13'\n";
    let intermediate = "intermediate_findings:\n  entities:\n  - {field: dvc, type: system, score: 20, message: on $dvc$}\n  \
                        - {field: user, type: user, score: 35, message: asked for $QueryName$}\nmitre_attack_id: [T1071.004]\n";
    let rba = "rba: {message: $process_name$ asked, risk_objects: [{field: dvc, type: system, score: 49}], \
               threat_objects: []}\ntags: {mitre_attack_id: [T1059]}\ndate: '2026-03-10'\n";
    let tags = "tags: {confidence: 80, impact: 80, message: $process_name$ asked, analytic_story: [Old], \
                observable: [], mitre_attack_id: [T1059]}\n";
    let scene = scene(&[
        ("a.yml", &rule("finding", finding)),
        ("b.yml", &rule("intermediate", intermediate)),
        ("c.yml", &rule("rba", rba)),
        ("d.yml", &rule("tags", tags)),
        ("e.yml", &rule("none", "type: Hunting\n").replace("version: 3\n", "")),
    ]);
    let swept = sweep(&scene, &[]).expect(0);
    let risk = |row: &Value| ["detection_id", "risk_score", "risk_message"].map(|name| row[name].clone());
    let found: Vec<_> = swept.rows("matches").iter().take(5).map(risk).collect();
    assert_eq!(
        found,
        [
            [json!("finding"), json!(50), json!("a.exe asked")],
            [json!("intermediate"), json!(35), json!("on A; asked for pastebin.com")],
            [json!("rba"), json!(49), json!("a.exe asked")],
            [json!("tags"), json!(64), json!("a.exe asked")],
            [json!("none"), Value::Null, Value::Null],
        ]
    );
    assert_eq!(swept.rows("matches")[4]["detection_version"], Value::Null);
    let run = swept.run();
    let said = |place: usize| {
        ["risk_score", "mitre_attack_id", "analytic_story", "date", "version"]
            .map(|name| run["detections"][place][name].clone())
    };
    let (nothing, none) = (json!([]), Value::Null);
    let version = json!("3");
    assert_eq!(
        said(0),
        [json!(50), json!(["T1059.005"]), json!(["A Story"]), json!("2026-05-13"), version.clone()]
    );
    assert_eq!(said(1), [json!(35), json!(["T1071.004"]), nothing.clone(), none.clone(), version.clone()]);
    assert_eq!(said(2), [json!(49), json!(["T1059"]), nothing.clone(), json!("2026-03-10"), version.clone()]);
    assert_eq!(said(3), [json!(64), json!(["T1059"]), json!(["Old"]), none.clone(), version]);
    assert_eq!(said(4), [none.clone(), nothing.clone(), nothing, none.clone(), none]);
    // The summary says so of the rule that states no risk, and shows no version of it.
    let summary = &swept.process.stdout;
    assert!(summary.contains("Detection   Rule none: 2; it states no risk score"), "{summary}");
    assert!(summary.contains("Rule finding (version 3): 2\n"), "{summary}");
    let shown = detections(&["show", "none", &directory(&scene)]).stdout;
    assert!(shown.contains("Risk score  none in the rule"), "{shown}");
    let shown = detections(&["show", "finding", &directory(&scene)]).stdout;
    assert!(shown.contains("Techniques  T1059.005") && shown.contains("Stories     A Story"), "{shown}");
}

#[test]
fn a_host_whose_rules_state_no_risk_has_no_score() {
    let scene = scene(&[("a.yml", &rule("none", ""))]);
    let swept = sweep(&scene, &[]).expect(0);
    assert_eq!(swept.host("A")["risk_score"], Value::Null);
    let row = |line: &str| line.split_whitespace().take(3).eq(["A", "-", "2"]);
    assert!(swept.process.stdout.lines().any(row), "{}", swept.process.stdout);
}

/// The evidence's second log is a copy of the first, so that each event occurs twice.
#[test]
fn an_event_that_two_rules_match_is_one_event() {
    let every = |id: &str| rule(id, "").replace("*pastebin*", "*");
    let scene = scene(&[("a.yml", &rule("paste", "")), ("b.yml", &every("every"))]);
    fs::copy(scene.evidence().join("A/Sysmon.evtx"), scene.evidence().join("A/Z.evtx")).unwrap();
    let swept = sweep(&scene, &[]).expect(0);
    // Both rules describe two events, and one describes a third: 5 hits of 3 events, each twice.
    assert_eq!(swept.rows("matches").len(), 10);
    let host = swept.host("A");
    let counts = |row: &Value| ["matches", "unique_matches", "hits"].map(|name| row[name].clone());
    assert_eq!(counts(&host), [json!(6), json!(3), json!(10)]);
    assert_eq!(counts(&swept.run()["totals"]), [json!(6), json!(3), json!(10)]);
    assert_eq!(
        host["query_names"],
        json!([
            { "value": "pastebin.com", "count": 1 },
            { "value": "plain.test", "count": 1 },
            { "value": "raw.pastebin.com", "count": 1 },
        ])
    );
    assert_eq!(host["processes"][0], json!({ "value": r"C:\tools\a.exe", "count": 2 }));
    assert_eq!(
        host["detections"],
        json!([
            { "id": "every", "name": "Rule every", "count": 3 },
            { "id": "paste", "name": "Rule paste", "count": 2 },
        ])
    );
    assert_eq!(swept.file("A/Z.evtx")["matches"], json!(3));
    let summary = &swept.process.stdout;
    assert!(summary.contains("\n3 matches on 1 of 1 host; 3 copies of them\n"), "{summary}");
    // Each match says which rules describe it.
    assert_eq!(summary.matches("\n      Rule every: *\n").count(), 3, "{summary}");
    assert_eq!(summary.matches("\n      Rule paste: *pastebin*\n").count(), 2, "{summary}");
    // On more threads, the tables are the same.
    let tables = swept.tables();
    assert!(tables == sweep(&scene, &["--threads", "4"]).tables());
    // If there is one rule, the summary does not say which one hit.
    let one = scene.sweep(&["--force", "--detection", &format!("{}/a.yml", directory(&scene))]).expect(0);
    assert!(!one.process.stdout.contains("\n      Rule "), "{}", one.process.stdout);
}

#[test]
fn an_event_that_is_taken_away_from_two_rules_is_one_event() {
    let scene = scene(&[("a.yml", &rule("one", "")), ("b.yml", &rule("two", ""))]);
    let allow = scene.path("allow.yml");
    let allow_text =
        |more: &str| format!("- {{name: known, search: QueryName=pastebin.com, reason: Ours.{more}}}\n");
    let swept = |more: &str| {
        fs::write(&allow, allow_text(more)).unwrap();
        sweep(&scene, &["--keep-excluded", "--allow", allow.to_str().unwrap()]).expect(0)
    };
    let excluded = |swept: &FinishedSweep| {
        let (host, run) = (swept.host("A"), swept.run());
        let kept = swept.column("matches", "excluded_by").iter().filter(|name| !name.is_null()).count();
        assert_eq!(run["totals"]["excluded_matches"], host["excluded_matches"]);
        let by = run["exclusions"][0]["excluded_matches"].clone();
        (host["matches"].clone(), host["excluded_matches"].clone(), by, kept)
    };
    assert_eq!(excluded(&swept("")), (json!(1), json!(1), json!(1), 2));
    // The exclusion is limited to one rule: the other still describes the event.
    assert_eq!(excluded(&swept(", detections: [one]")), (json!(2), json!(1), json!(1), 1));
}

const JOINED: &str = "name: Joined\nid: joined\nsearch: EventCode=22 | eventstats count\n";
const LOST_SEARCH: &str = "name: Lost\nid: lost\nknown_false_positives: None.\n";
const OTHER_EVENT: &str = "name: Process\nid: process\nsearch: '`sysmon` EventCode=1 Image=*'\n";
const MACRO: &str = "name: sysmon\ndefinition: sourcetype=x\n";
const STORY: &str = "name: A Story\nid: story\nversion: 1\nnarrative: Once.\ntags: {category: [Malware]}\n";

/// Makes evidence and a directory of rules as sites have them: one of three rules about DNS queries
/// runs, and there are other YAML files.
fn mixed() -> Scene {
    scene(&[
        ("run.yml", &rule("run", "")),
        ("refused/joined.yml", JOINED),
        ("refused/lost.yml", LOST_SEARCH),
        ("process.yml", OTHER_EVENT),
        ("macros/sysmon.yml", MACRO),
        ("stories/story.yml", STORY),
        ("lists/list.yml", "- a\n- b\n"),
        ("lists/empty.yml", "# nothing\n"),
    ])
}

#[test]
fn rules_that_did_not_run_are_part_of_the_answer() {
    let scene = mixed();
    let swept = sweep(&scene, &["--quiet"]).expect(0);
    let run = swept.run();
    assert_eq!(
        run["rules"],
        json!({ "found": 3, "run": 1, "refused": 2, "about_other_data": 1, "files_without_a_rule": 4 })
    );
    let sources = |list: &str| -> Vec<String> {
        let sources = run[list].as_array().unwrap().iter().map(|one| one["source"].as_str().unwrap());
        sources.map(|source| source.rsplit('/').next().unwrap().to_owned()).collect()
    };
    assert_eq!(sources("refused_detections"), ["joined.yml", "lost.yml"]);
    assert_eq!(sources("other_data_detections"), ["process.yml"]);
    // The warning is the only line on standard error.
    let errors = &swept.process.stderr;
    assert!(
        errors.contains("warning: 1 of 3 rules run, 2 do not") && errors.lines().count() == 1,
        "{errors}"
    );
    let summary = swept.summary(&[]).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(summary.contains("Rules 1 of 3 rules ran; 2 refused"), "{summary}");
    assert!(summary.contains("1 other is about other data") && summary.contains("'eventstats'"), "{summary}");
    let talk = sweep(&scene, &[]).expect(0).process.stderr;
    for line in
        ["detection refused: ", "eventstats", "not looked for: 1 about other data, 4 files without a rule"]
    {
        assert!(talk.contains(line), "{line}: {talk}");
    }
}

#[test]
fn a_rule_file_that_cannot_be_read_is_refused() {
    let scene = mixed();
    fs::remove_dir_all(scene.path("rules/refused")).unwrap();
    symlink("nowhere.yml", scene.path("rules/link.yml")).unwrap();
    let pipe = scene.path("rules/pipe.yml");
    assert!(Command::new("mkfifo").arg(pipe).status().unwrap().success());
    // Links to rules, and directories with other names, work as usual.
    fs::create_dir(scene.path("rules/folder.yml")).unwrap();
    symlink("run.yml", scene.path("rules/again.yml")).unwrap();
    let ended = sweep(&scene, &["--strict", "--quiet"]).process;
    assert_eq!(ended.status, 2, "{}", ended.stderr);
    for part in [
        "--strict: expected 3 rules that run, found 2 that do not: ",
        "link.yml: No such file",
        "pipe.yml: expected a regular file",
    ] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn one_refused_rule_is_too_many_with_strict() {
    let scene = mixed();
    let log = scene.evidence().join("A/Sysmon.evtx");
    forget_reads(&log);
    let strict = sweep(&scene, &["--strict", "--quiet"]);
    assert_eq!(strict.process.status, 2, "{}", strict.process.stderr);
    for part in ["--strict: expected 3 rules that run, found 2 that do not: ", "eventstats", "lost.yml"] {
        assert!(strict.process.stderr.contains(part), "{part}: {}", strict.process.stderr);
    }
    assert!(!was_read(&log) && !scene.out().exists());
    // Rules about other data, and files without a rule, are no reason to refuse.
    fs::remove_dir_all(scene.path("rules/refused")).unwrap();
    let swept = sweep(&scene, &["--strict", "--quiet"]).expect(0);
    assert_eq!(swept.process.stderr, "");
    assert!(swept.summary(&[]).contains("Rules       1 of 1 rule ran; 1 other is about other data\n"));
    // If all rules run, the summary does not mention it.
    fs::remove_file(scene.path("rules/process.yml")).unwrap();
    assert!(!sweep(&scene, &[]).expect(0).process.stdout.contains("Rules "));
}

#[test]
fn a_check_counts_other_data_and_other_files_apart() {
    let scene = mixed();
    let output = detections(&["check", &directory(&scene)]);
    assert_eq!(output.status, 3, "{}", output.stdout);
    let kinds: Vec<&str> = output.stdout.lines().map(|line| line.get(..8).unwrap().trim_end()).collect();
    assert_eq!(
        kinds,
        ["no rule", "no rule", "no rule", "other", "refused", "refused", "runs", "no rule", "1 of 3 r"]
    );
    let last = "1 of 3 run; 2 refused, 1 about other data, 4 files without a rule\n";
    assert!(output.stdout.ends_with(last), "{}", output.stdout);
    fs::remove_dir_all(scene.path("rules/refused")).unwrap();
    assert_eq!(detections(&["check", &directory(&scene)]).status, 0);
    // If no rule can run, the message names the kind of reason.
    fs::remove_file(scene.path("rules/run.yml")).unwrap();
    let nothing = sweep(&scene, &[]);
    let expected = "found 1 about other data, 4 files without a rule; ";
    assert!(
        nothing.process.status == 2 && nothing.process.stderr.contains(expected),
        "{}",
        nothing.process.stderr
    );
    // A file that was named must contain a rule that runs.
    for name in ["process.yml", "macros/sysmon.yml"] {
        let named = scene.path("rules").join(name).display().to_string();
        let swept = scene.sweep(&["--detection", &named]);
        assert!(swept.process.status == 2 && swept.process.stderr.contains(name), "{}", swept.process.stderr);
    }
}

#[test]
fn a_detection_is_named_by_its_id_its_name_or_a_part_of_either() {
    let scene = scene(&[("a.yml", &rule("paste-1", "")), ("b.yml", &rule("paste-12", ""))]);
    let directory = directory(&scene);
    let shown = |words: &[&str]| detections(&[&["show"], words].concat());
    for (said, id) in [
        ("paste-1", "paste-1"),
        ("paste-12", "paste-12"),
        ("PASTE-12", "paste-12"),
        ("rule paste-1", "paste-1"),
        ("E-12", "paste-12"),
    ] {
        let output = shown(&[said, &directory]);
        assert!(output.stdout.contains(&format!("Id          {id}\n")), "{said}: {output:?}");
        let output = detections(&["explain", "--detection", said, "--query-name", "x", &directory]);
        assert!(output.stdout.starts_with(&format!("Rule {id}\n")), "{said}: {output:?}");
    }
    for (words, part) in [
        (
            &["paste", &directory][..],
            "that only one detection has, found several: paste-1 (Rule paste-1), paste-12",
        ),
        (
            &["nobody", &directory],
            "expected an id, a name or a part of either, found none that has it; there are paste-1",
        ),
        (&[&directory], "because there are several: paste-1 (Rule paste-1), paste-12"),
    ] {
        let output = shown(words);
        assert!(output.status == 2 && output.stderr.contains(part), "{words:?}: {output:?}");
    }
    // If there is one detection, it need not be named: neither that of a file, nor the built-in
    // one.
    let file = format!("{directory}/a.yml");
    assert!(shown(&[&file]).stdout.contains("Id          paste-1\n"));
    assert!(shown(&[]).stdout.contains("Suspicious Process DNS Query"));
    let output = detections(&["explain", "--query-name", "pastebin.com", &file]);
    assert!(output.stdout.contains("The event matches."), "{output:?}");
    // If a path has the name of a detection, the path is meant, unless the option says otherwise.
    fs::create_dir(scene.path("paste-1")).unwrap();
    let output = common::run(dnsweep().current_dir(scene.path("")).args([
        "detections",
        "show",
        "paste-1",
        &directory,
    ]));
    assert_eq!(output.status, 2, "{output:?}");
    let option = ["detections", "show", "--detection", "paste-1", &directory];
    let output = common::run(dnsweep().current_dir(scene.path("")).args(option));
    assert!(output.stdout.contains("Id          paste-1\n"), "{output:?}");
}

#[test]
fn thousands_of_exclusions_do_not_fill_the_screen() {
    let scene = scene(&[("a.yml", &rule("paste", ""))]);
    let entry = |number: u32| {
        let expires = if number.is_multiple_of(2) { ", expires: 2024-01-01" } else { "" };
        let name = if number == 4321 { "raw.pastebin.com".to_owned() } else { format!("{number}.example") };
        format!("- {{search: QueryName={name}, reason: Ours{expires}}}\n")
    };
    let allow = scene.path("allow.yml");
    fs::write(&allow, (1..=10_000).map(entry).collect::<String>()).unwrap();
    let swept = sweep(&scene, &["--allow", allow.to_str().unwrap()]).expect(0);
    assert_eq!(swept.run()["exclusions"].as_array().unwrap().len(), 10_000);
    let (summary, errors) = (&swept.process.stdout, &swept.process.stderr);
    assert!(summary.lines().count() < 100 && errors.lines().count() < 20, "{summary}{errors}");
    assert!(summary.contains("Excluded    allow.yml:4321: 1 match on A (1)"), "{summary}");
    assert!(
        summary.contains("… and 9,995 more: 4,995 took nothing away, 5,000 expired: see run.json"),
        "{summary}"
    );
    assert!(errors.contains("4990 more exclusions that are not applied: run.json lists them"), "{errors}");
}
