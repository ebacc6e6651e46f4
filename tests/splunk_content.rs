//! Tests of Splunk's searches with their content: macros and lookups in folders above the rules,
//! and tables by fields of Splunk's add-on for Sysmon.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;

use common::logs::log;
use common::{Scene, dnsweep};
use dnsweep_samples::Event;
use serde_json::json;

const DYNAMIC: &str = "name: Dynamic names
id: dynamic
search: '| tstats `security_content_summariesonly` count values(DNS.answer) as answer from datamodel=Network_Resolution
  by DNS.query host | `drop_dm_object_name(\"DNS\")` | `dynamic_names` | `dynamic_filter`'
";
const MACRO: &str = "definition: lookup update=true dynamic names as query OUTPUTNEW isDynamic
  | search isDynamic=True | fields - isDynamic
";
const LOOKUP: &str =
    "filename: dynamic2026.csv\nmatch_type: WILDCARD(names)\ncase_sensitive_match: 'false'\n";
const NAMES: &str = "names, isDynamic\n*.dyn.example*, True\n";
const ADDON: &str = "name: Fields of the add-on
id: addon
search: '``` a comment ``` `sysmon` EventCode=22 | stats count by answer answer_count query query_count signature vendor_product'
";
const UNKNOWN: &str = "name: No such field
id: unknown
search: '`sysmon` EventCode=22 | stats count by query direction'
";
const OTHER: &str = "name: Other\nid: other\nsearch: '`powershell` EventCode=4104 | stats count'\n";

/// Makes evidence with three DNS queries, and next to it rules in folders as Splunk's content has
/// them.
fn scene() -> Scene {
    let scene = Scene::new();
    let query = |number, name: &str| Event::dns_query(name, r"C:\a.exe").numbered(number).on("A");
    scene.put(
        "A/Sysmon.evtx",
        &log(&[query(1, "x.DYN.example"), query(2, "www.test"), query(3, "y.dyn.example.org")]),
    );
    for (name, text) in [
        ("content/detections/network/dynamic.yml", DYNAMIC),
        ("content/detections/addon.yml", ADDON),
        ("content/detections/unknown.yml", UNKNOWN),
        ("content/detections/other.yml", OTHER),
        ("content/macros/dynamic_names.yml", MACRO),
        ("content/macros/never_used.yml", MACRO),
        ("content/lookups/dynamic.yml", LOOKUP),
        ("content/lookups/dynamic2026.csv", NAMES),
    ] {
        let path = scene.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    scene
}

#[test]
fn rules_use_the_macros_and_lookups_above_them() {
    let scene = scene();
    let rules = scene.path("content/detections").display().to_string();
    let swept = scene.sweep(&["--detection", &rules]).expect(0);
    let found: Vec<u64> = swept
        .rows("matches")
        .iter()
        .filter(|row| row["detection_id"] == "dynamic")
        .map(|row| row["event_record_id"].as_u64().unwrap())
        .collect();
    assert_eq!(found, [1, 3]);
    let exhaustive = common::sweep(
        &[&scene.evidence()],
        &scene.path("exhaustive"),
        &["--detection", &rules, "--exhaustive"],
    );
    assert_eq!(exhaustive.expect(0).rows("matches"), swept.rows("matches"));
    let rows = swept.rows("stats/dynamic");
    let names: Vec<_> =
        rows.iter().map(|row| (row["query"].clone(), row["host"].clone(), row["count"].clone())).collect();
    assert_eq!(
        names,
        [(json!("x.DYN.example"), json!("A"), json!(1)), (json!("y.dyn.example.org"), json!("A"), json!(1))]
    );
    assert_eq!(rows[0].as_object().unwrap().len(), 4, "{rows:?}");
    let run = swept.run();
    let record = |id: &str| {
        run["detections"].as_array().unwrap().iter().find(|record| record["id"] == id).unwrap().clone()
    };
    let files: Vec<String> = record("dynamic")["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["file"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(files, ["lookups/dynamic.yml", "lookups/dynamic2026.csv", "macros/dynamic_names.yml"]);
    assert_eq!(record("addon")["content"], json!([]));
    // The table of a rule with an unknown by-field is empty, and the matches are kept.
    assert_eq!(swept.rows("stats/unknown"), [json!(null); 0]);
    assert_eq!(record("unknown")["matches"], 3);
    let note = record("unknown")["notes"][0].as_str().unwrap().to_owned();
    assert!(note.contains("has no rows") && note.contains("'direction'"), "{note}");
    assert!(swept.process.stderr.contains(&note), "{}", swept.process.stderr);
    let shown = common::run(dnsweep().args(["detections", "show", "dynamic"]).arg(&rules));
    assert!(shown.stdout.contains("lookups/dynamic2026.csv"), "{}", shown.stdout);
    assert!(shown.stdout.contains("QueryName contains .dyn.example"), "{}", shown.stdout);
}

#[test]
fn tables_have_a_row_for_each_answer() {
    let scene = scene();
    let rule = scene.path("content/detections/addon.yml").display().to_string();
    let swept = scene.sweep(&["--detection", &rule]).expect(0);
    let rows = swept.rows("stats/addon");
    assert!(!rows.is_empty());
    for row in rows {
        assert_eq!(row["query_count"], "1");
        assert_eq!(row["signature"], "DNS Query");
        assert_eq!(row["vendor_product"], "Microsoft Sysmon");
        assert!(!row["answer"].as_str().unwrap().contains([';', ' ']), "{row}");
    }
    let threads =
        common::sweep(&[&scene.evidence()], &scene.path("one"), &["--detection", &rule, "--threads", "1"]);
    assert_eq!(threads.expect(0).tables(), swept.tables());
}

#[test]
fn a_sweep_with_a_changed_lookup_cannot_resume() {
    let scene = scene();
    let rule = scene.path("content/detections/network/dynamic.yml").display().to_string();
    let begun = scene.sweep(&["--detection", &rule]).expect(0);
    let sha256 = |run: serde_json::Value| run["detections"][0]["content"][1]["sha256"].clone();
    let before = sha256(begun.run());
    fs::write(scene.path("content/lookups/dynamic2026.csv"), "names,isDynamic\nwww.test,True\n").unwrap();
    let changed = scene.sweep(&["--detection", &rule, "--force"]).expect(0);
    assert_ne!(sha256(changed.run()), before);
    assert_eq!(changed.rows("matches").len(), 1);
}

#[test]
fn what_is_missing_is_named() {
    let scene = scene();
    fs::remove_file(scene.path("content/lookups/dynamic2026.csv")).unwrap();
    fs::remove_file(scene.path("content/macros/never_used.yml")).unwrap();
    let rules = scene.path("content/detections").display().to_string();
    let checked = common::run(dnsweep().args(["detections", "check", &rules]));
    assert!(checked.stdout.contains("dynamic2026.csv"), "{}", checked.stdout);
    fs::remove_file(scene.path("content/macros/dynamic_names.yml")).unwrap();
    let checked = common::run(dnsweep().args(["detections", "check", &rules]));
    assert!(checked.stdout.contains("found '`dynamic_names`'"), "{}", checked.stdout);
}

#[test]
fn content_may_lie_in_folders_inside_its_folders() {
    let scene = scene();
    fs::write(
        scene.path("content/lookups/dynamic.yml"),
        LOOKUP.replace("filename: dynamic2026.csv", "lookup_type: csv"),
    )
    .unwrap();
    for (from, to) in [
        ("lookups/dynamic.yml", "lookups/csv/dynamic.yml"),
        ("lookups/dynamic2026.csv", "lookups/csv/dynamic.csv"),
        ("macros/dynamic_names.yml", "macros/network/dynamic_names.yml"),
    ] {
        let to = scene.path("content").join(to);
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::rename(scene.path("content").join(from), to).unwrap();
    }
    let rule = scene.path("content/detections/network/dynamic.yml").display().to_string();
    let swept = scene.sweep(&["--detection", &rule]).expect(0);
    assert_eq!(swept.rows("matches").len(), 2);
    let run = swept.run();
    let files: Vec<&str> = run["detections"][0]["content"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file["file"].as_str().unwrap())
        .collect();
    assert_eq!(
        files,
        ["lookups/csv/dynamic.csv", "lookups/csv/dynamic.yml", "macros/network/dynamic_names.yml"]
    );
}

#[test]
fn the_exclusions_in_a_search_clear_no_host() {
    let scene = scene();
    let rule = scene.path("content/detections/excluding.yml");
    for excluded in [
        "NOT index=_internal",
        "NOT index=_*",
        "NOT (index=a OR index=b)",
        "NOT index IN (a, b)",
        "NOT earliest=-1d",
        "NOT sourcetype=stash",
        "NOT sourcetype=XmlWinEventLog",
    ] {
        let search =
            format!("id: excluding\nsearch: 'index=* {excluded} `sysmon` EventCode=22 QueryName=*.DYN.*'\n");
        fs::write(&rule, search).unwrap();
        let swept = scene.sweep(&["--detection", &rule.display().to_string(), "--force"]).expect(0);
        let found: Vec<u64> =
            swept.rows("matches").iter().map(|row| row["event_record_id"].as_u64().unwrap()).collect();
        assert_eq!(found, [1, 3], "{excluded}");
        assert_eq!(swept.rows("hosts")[0]["verdict"], "matches", "{excluded}");
    }
}

#[test]
fn misspelt_keys_are_shown_wherever_notes_are() {
    let scene = scene();
    let rule = scene.path("content/detections/misspelt.yml");
    let findings = "findings: {title: x, entity: {field: dvc, type: system, score: 50}}";
    fs::write(&rule, format!("id: misspelt\nname: Misspelt\nsearch: EventCode=22\n{findings}\n")).unwrap();
    let note =
        "line 4, column 1: the key 'findings' is not known and is passed over; did you mean 'finding'?";
    let rule = rule.display().to_string();
    for command in ["check", "show"] {
        let shown = common::run(dnsweep().args(["detections", command, &rule])).stdout;
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(note), "{command}: {shown}");
    }
    let swept = scene.sweep(&["--detection", &rule]).expect(0);
    assert_eq!(swept.run()["detections"][0]["notes"], json!([note]));
}
