//! Detections as files: directories of them, both rule languages in one sweep, and the commands
//! that work with them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;
use std::path::PathBuf;

use common::logs::log;
use common::{FinishedProcess, Scene, dnsweep};
use dnsweep_samples::{Event, event_xml};
use serde_json::{Value, json};

const SIGMA: &str = r"title: Odd updater
id: sigma-updater
status: stable
level: medium
logsource: {category: dns_query, product: windows}
detection:
    selection:
        QueryName|endswith: ['.example.net', '.example.org']
        Image|contains: '\updater'
    filter_main_known:
        QueryName|expand: '%known_hosts%'
    condition: selection and not 1 of filter_*
";

const SPLUNK: &str = r#"name: Any example
id: splunk-example
version: 2
search: '`sysmon` EventCode=22 query="*.example.*" | stats count by dest query | table count query | `x_filter`'
tags: {confidence: 50, impact: 50, message: $process_name$ asked, observable: []}
tests:
- name: It finds one
  attack_data:
  - {data: https://data.example/sets/one/sysmon.evtx, source: "XmlWinEventLog:Microsoft-Windows-Sysmon/Operational"}
- name: It finds none
  attack_data:
  - {data: https://data.example/sets/none/sysmon.evtx}
- name: It is not there
  attack_data:
  - {data: https://data.example/sets/absent/sysmon.evtx}
"#;

const REFUSED: &str = "name: Joined\nid: joined\nsearch: EventCode=22 | eventstats count\n";

/// Makes evidence with four DNS queries, and a directory of rules next to it.
fn scene() -> Scene {
    let scene = Scene::new();
    let query = |number, name: &str, image: &str| Event::dns_query(name, image).numbered(number).on("A");
    let events = [
        query(1, "cdn.example.net", r"C:\tools\updater.exe"),
        query(2, "in.example.org", r"C:\tools\updater.exe"),
        query(3, "cdn.example.net", r"C:\tools\other.exe"),
        query(4, "plain.test", r"C:\tools\updater.exe"),
    ];
    scene.put("A/Sysmon.evtx", &log(&events));
    for (name, text) in
        [("a/sigma.yml", SIGMA), ("splunk.YAML", SPLUNK), ("joined.yml", REFUSED), ("notes.txt", "no rule")]
    {
        let path = rules(&scene).join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    scene
}

fn rules(scene: &Scene) -> PathBuf {
    scene.path("rules")
}

fn run(arguments: &[&str]) -> FinishedProcess {
    common::run(dnsweep().arg("detections").args(arguments))
}

#[test]
fn a_directory_of_rules_is_one_sweep() {
    let scene = scene();
    let directory = rules(&scene).display().to_string();
    let swept = scene.sweep(&["--detection", &directory]).expect(0);
    let found: Vec<(String, u64)> = swept
        .rows("matches")
        .iter()
        .map(|row| {
            (row["detection_id"].as_str().unwrap().to_owned(), row["event_record_id"].as_u64().unwrap())
        })
        .collect();
    let expected = [
        ("sigma-updater", 1),
        ("splunk-example", 1),
        ("sigma-updater", 2),
        ("splunk-example", 2),
        ("splunk-example", 3),
    ];
    assert_eq!(found, expected.map(|(id, number)| (id.to_owned(), number)));
    let row = &swept.rows("matches")[0];
    assert_eq!(row["matched_query"], json!(["*.example.net"]));
    assert_eq!(row["matched_process"], json!([r"*\updater*"]));
    assert_eq!((&row["risk_score"], &row["detection_version"]), (&json!(50), &Value::Null));
    assert_eq!(
        row["risk_message"],
        json!(r"Odd updater: C:\tools\updater.exe asked for cdn.example.net on A")
    );
    // The table has one row for each dest and query. The search shows two columns.
    assert_eq!(
        swept.rows("stats/splunk-example"),
        [json!({"count": 2, "query": "cdn.example.net"}), json!({"count": 1, "query": "in.example.org"})]
    );
    let run = swept.run();
    let refused = run["refused_detections"].as_array().unwrap();
    assert_eq!(refused.len(), 1);
    assert!(refused[0]["source"].as_str().unwrap().ends_with("joined.yml"));
    assert!(refused[0]["reason"].as_str().unwrap().contains("found 'eventstats'"));
    assert_eq!(run["detections"][0]["language"], "sigma");
    assert!(run["detections"][0]["notes"][0].as_str().unwrap().contains("%known_hosts%"));
    let errors = &swept.process.stderr;
    assert!(errors.contains("detection refused") && errors.contains("%known_hosts%"), "{errors}");
}

#[test]
fn placeholders_have_the_values_of_the_site() {
    let scene = scene();
    let (directory, values) = (rules(&scene).display().to_string(), scene.path("values.yml"));
    fs::write(&values, "known_hosts: ['in.*']\n").unwrap();
    let values = values.display().to_string();
    let swept = scene.sweep(&["--detection", &directory, "--placeholders", &values]).expect(0);
    assert_eq!(swept.run()["detections"][0]["matches"], 1);
    assert_eq!(swept.run()["detections"][0]["notes"], json!([]));
    // A few detections are each named in the summary, even those that found nothing.
    fs::write(scene.path("values.yml"), "known_hosts: ['*']\n").unwrap();
    let swept = scene.sweep(&["--force", "--detection", &directory, "--placeholders", &values]).expect(0);
    assert!(swept.process.stdout.contains("Detection   Odd updater"), "{}", swept.process.stdout);
}

#[test]
fn a_rule_that_was_named_must_run() {
    let scene = scene();
    let named = rules(&scene).join("joined.yml").display().to_string();
    let before = scene.sweep(&["--detection", &named]);
    assert_eq!(before.process.status, 2);
    assert!(before.process.stderr.contains("eventstats"), "{}", before.process.stderr);
    let empty = scene.path("empty");
    fs::create_dir(&empty).unwrap();
    let nothing = scene.sweep(&["--detection", &empty.display().to_string()]);
    assert_eq!(nothing.process.status, 2);
    assert!(nothing.process.stderr.contains("expected a rule file"), "{}", nothing.process.stderr);
    // A directory in itself has no end, and a rule that is named twice is a mistake.
    let endless = scene.path("endless");
    fs::create_dir(&endless).unwrap();
    std::os::unix::fs::symlink(&endless, endless.join("again")).unwrap();
    let output = run(&["check", &endless.display().to_string()]);
    assert!(
        output.status == 2 && output.stderr.contains("directories inside each other"),
        "{}",
        output.stderr
    );
    let splunk = rules(&scene).join("splunk.YAML").display().to_string();
    assert_eq!(scene.sweep(&["--detection", &splunk, "--detection", &splunk]).process.status, 2);
    // A rule that is named by itself and with its directory counts once. A second file with its id
    // is a second rule.
    scene.sweep(&["--detection", &splunk, "--detection", &rules(&scene).display().to_string()]).expect(0);
    fs::write(rules(&scene).join("z.yml"), SPLUNK).unwrap();
    let output = run(&["check", &rules(&scene).display().to_string()]);
    assert!(output.stdout.contains("id splunk-example is that of"), "{}", output.stdout);
}

#[test]
fn rules_are_listed_shown_and_checked() {
    let scene = scene();
    let directory = rules(&scene).display().to_string();
    let list = run(&["list", &directory]).stdout;
    assert!(
        list.contains("sigma-updater") && list.contains(".example.net") && list.contains("refused: "),
        "{list}"
    );
    let show = run(&["show", "splunk-example", &directory]).stdout;
    for line in [
        "Risk score  25",
        "Table       count, query",
        "    QueryName = \"*.example.*\"",
        "  QueryName contains .example.",
    ] {
        assert!(show.contains(line), "{line}: {show}");
    }
    let output = run(&["check", &directory]);
    assert_eq!(output.status, 3);
    let lines = output.stdout;
    assert!(lines.contains("2 of 3 run") && lines.contains("refused  "), "{lines}");
    let output = run(&["check", &format!("{directory}/a")]);
    assert_eq!((output.status, output.stdout.contains("1 of 1 run")), (0, true));
    assert_eq!(run(&["show", "nobody", &directory]).status, 2);
    // A rule about other events would never match.
    let other = rules(&scene).join("other.yml");
    for (text, expected) in [
        (
            SPLUNK.replace("EventCode=22", "EventCode=3"),
            "other.yml: line 4, column 29: expected 22, because only DNS queries are searched, found '3'",
        ),
        (
            SIGMA.replace("'\\updater'", "'x'\n        EventID: 3"),
            "found one about other data (EventID 3; of Sysmon's events, a sweep reads only event 22)",
        ),
    ] {
        fs::write(&other, text).unwrap();
        let output = run(&["check", &other.display().to_string()]);
        let is_other = output.stdout.starts_with("other    ");
        assert!(output.status == 0 && is_other && output.stdout.contains(expected), "{}", output.stdout);
    }
    fs::remove_file(&other).unwrap();
    assert_eq!(run(&["check", "/nowhere/at/all"]).status, 2);
    // Without a path, the built-in detection is listed.
    assert!(run(&["list"]).stdout.contains("Suspicious Process DNS Query"));
}

#[test]
fn an_event_is_explained() {
    let scene = scene();
    let directory = rules(&scene).display().to_string();
    let explain = |more: &[&str]| {
        let fixed = ["explain", "--detection", "sigma-updater", &directory];
        run(&[&fixed[..], more].concat())
    };
    let matching = explain(&["--query-name", "a.example.net", "--image", r"C:\updater.exe"]).stdout;
    assert!(
        matching.contains("The event matches.") && matching.contains("Odd updater: C:\\updater.exe"),
        "{matching}"
    );
    let other = explain(&["--query-name", "a.example.net", "--image", r"C:\x.exe"]).stdout;
    assert!(other.contains(r#"no       Image = "*\updater*" (it is "C:\x.exe")"#), "{other}");
    assert!(other.contains("The event does not match."), "{other}");
    let event = scene.path("event.json");
    for (json, expected) in [
        (r#"{"QueryName": "a.example.net", "Image": "C:\\updater.exe"}"#, "The event matches."),
        (r#"{"QueryName": "a.example.net", "Image": "C:\\updater.exe", "EventID": 3}"#, "does not match"),
        (
            r##"{"Event": {"System": {"Provider": {"#attributes": {"Name": "Microsoft-Windows-Sysmon"}}, "EventID": 22,
                "Channel": "Microsoft-Windows-Sysmon/Operational", "Computer": "B"},
                "EventData": {"QueryName": "a.example.org", "Image": "C:\\updater2.exe"}}}"##,
            "asked for a.example.org on B",
        ),
    ] {
        fs::write(&event, json).unwrap();
        let output = explain(&["--event", &event.display().to_string()]);
        assert!(output.stdout.contains(expected), "{json}: {output:?}");
    }
    fs::write(&event, r#"{"queryname": "x"}"#).unwrap();
    assert_eq!(explain(&["--event", &event.display().to_string()]).status, 2);
    assert_eq!(explain(&[]).status, 2);
}

#[test]
fn a_rule_runs_its_own_tests() {
    let scene = scene();
    let data = scene.path("data");
    for (name, query) in [("one", "a.example.com"), ("none", "plain.test")] {
        let directory = data.join("sets").join(name);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("sysmon.evtx"), log(&[Event::dns_query(query, "x.exe").numbered(1)]))
            .unwrap();
    }
    let rule = rules(&scene).join("splunk.YAML").display().to_string();
    let arguments = ["test", &rule, "--data", &data.display().to_string()];
    let output = run(&arguments);
    let lines = output.stdout;
    assert_eq!(output.status, 3, "{lines}");
    for line in [
        "It finds one: 1 matches in 1 DNS queries",
        "It finds none: no match in 1 DNS queries",
        "1 passed, 1 failed, 1 without data",
    ] {
        assert!(lines.contains(line), "{line}: {lines}");
    }
    // Splunk ships its data sets in this form: an event rendered as XML in each line.
    let lines: String = ["plain.test", "b.example.com"]
        .map(|query| event_xml(&Event::dns_query(query, "x.exe").numbered(1)) + "\n")
        .concat();
    fs::create_dir_all(data.join("sets/absent")).unwrap();
    fs::write(data.join("sets/absent/sysmon.log"), lines).unwrap();
    let text = fs::read_to_string(&rule).unwrap();
    fs::write(&rule, text.replace("absent/sysmon.evtx", "absent/sysmon.log")).unwrap();
    let rendered = run(&arguments).stdout;
    assert!(rendered.contains("It is not there: 1 matches in 2 DNS queries"), "{rendered}");
    fs::write(&rule, text).unwrap();
    // If no test failed, the status shows that data is missing.
    fs::remove_dir_all(data.join("sets/none")).unwrap();
    assert_eq!(run(&arguments).status, 4);
    // A file of the same name in another folder is another data set.
    fs::write(data.join("sysmon.evtx"), log(&[])).unwrap();
    assert!(run(&arguments).stdout.contains("2 without data"));
}
