//! What becomes of rules in a sweep: what they state of the risk, which of them ran, and what their matches come to together.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;

use common::logs::log;
use common::{Ended, Scene, Swept, dnsweep};
use dnsweep_samples::Event;
use serde_json::{Value, json};

const HEAD: &str = "version: 3\nstatus: production\nsearch: '`sysmon` EventCode=22 QueryName=*pastebin*'\n";

/// A rule with these keys besides those that each has.
fn rule(id: &str, more: &str) -> String {
    format!("name: Rule {id}\nid: {id}\n{HEAD}{more}")
}

/// Evidence with three DNS queries, two of which ask for a paste site, and these rules beside it.
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

fn sweep(scene: &Scene, options: &[&str]) -> Swept {
    scene.sweep(&[&["--force", "--detection", &directory(scene)], options].concat())
}

fn detections(arguments: &[&str]) -> Ended {
    common::run(dnsweep().arg("detections").args(arguments))
}

/// The two detections' scores, messages and techniques are what Splunk's documentation of each layout says.
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
    // The one that states none is said to, and shows no version.
    let summary = &swept.ended.stdout;
    assert!(summary.contains("Detection   Rule none: 2; it states no risk score"), "{summary}");
    assert!(summary.contains("Rule finding (version 3): 2\n"), "{summary}");
    let shown = detections(&["show", "none", &directory(&scene)]).stdout;
    assert!(shown.contains("Risk score  none: the rule states none"), "{shown}");
    let shown = detections(&["show", "finding", &directory(&scene)]).stdout;
    assert!(shown.contains("Techniques  T1059.005") && shown.contains("Stories     A Story"), "{shown}");
}

#[test]
fn a_host_whose_rules_state_no_risk_has_no_score() {
    let scene = scene(&[("a.yml", &rule("none", ""))]);
    let swept = sweep(&scene, &[]).expect(0);
    assert_eq!(swept.host("A")["risk_score"], Value::Null);
    assert!(swept.ended.stdout.contains("A: 2 matches, no risk score stated"), "{}", swept.ended.stdout);
}

/// The evidence's second log is a copy of the first, so that each event lies there twice.
#[test]
fn an_event_that_two_rules_match_is_one_event() {
    let every = |id: &str| rule(id, "").replace("*pastebin*", "*");
    let scene = scene(&[("a.yml", &rule("paste", "")), ("b.yml", &every("every"))]);
    fs::copy(scene.evidence().join("A/Sysmon.evtx"), scene.evidence().join("A/Z.evtx")).unwrap();
    let swept = sweep(&scene, &[]).expect(0);
    // Two events that both describe, one that one does: 5 hits of 3 events, each twice.
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
    let summary = &swept.ended.stdout;
    assert!(summary.starts_with("3 matches on 1 of 1 host; 3 copies of them\n"), "{summary}");
    assert!(summary.contains("  rules     Rule every (3), Rule paste (2)\n"), "{summary}");
    // On more threads, the tables are the same.
    let tables = swept.tables();
    assert!(tables == sweep(&scene, &["--threads", "4"]).tables());
    // Where there is one rule, nobody asks which one hit.
    let one = scene.sweep(&["--force", "--detection", &format!("{}/a.yml", directory(&scene))]).expect(0);
    assert!(!one.ended.stdout.contains("  rules "), "{}", one.ended.stdout);
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
    let excluded = |swept: &Swept| {
        let (host, run) = (swept.host("A"), swept.run());
        let kept = swept.column("matches", "excluded_by").iter().filter(|name| !name.is_null()).count();
        assert_eq!(run["totals"]["excluded_matches"], host["excluded_matches"]);
        let by = run["exclusions"][0]["excluded_matches"].clone();
        (host["matches"].clone(), host["excluded_matches"].clone(), by, kept)
    };
    assert_eq!(excluded(&swept("")), (json!(1), json!(1), json!(1), 2));
    // Of one rule only: the other still describes it.
    assert_eq!(excluded(&swept(", detections: [one]")), (json!(2), json!(1), json!(1), 1));
}
