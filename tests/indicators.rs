//! Lists of indicators in a sweep: what they match, what is said of their entries, that the records
//! that are skipped for them change nothing, and that lists made to harm do none.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;
use std::net::IpAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use common::logs::{POWERSHELL, log};
use common::{FinishedProcess, FinishedSweep, Scene, dnsweep, repository, run, truth};
use dnsweep_samples::Event;
use proptest::prelude::*;
use serde_json::{Value, json};

/// Writes a list beside the evidence, and returns its path.
fn put_list(scene: &Scene, name: &str, text: impl AsRef<[u8]>) -> String {
    let path = scene.path(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}

/// Sweeps with a list of this text.
fn sweep(scene: &Scene, text: impl AsRef<[u8]>, options: &[&str]) -> FinishedSweep {
    let list = put_list(scene, "list.txt", text);
    scene.sweep(&[&["--force", "--iocs", &list], options].concat())
}

/// Returns the EventRecordID of each row of `matches`, and the entries of the list that made it a
/// match.
fn hits(swept: &FinishedSweep) -> Vec<(i64, Value, Value)> {
    let row = |row: Value| {
        let number = row["event_record_id"].as_i64().unwrap();
        (number, row["matched_query"].clone(), row["matched_answer"].clone())
    };
    swept.rows("matches").into_iter().map(row).collect()
}

fn detections(arguments: &[&str]) -> FinishedProcess {
    run(dnsweep().arg("detections").args(arguments))
}

fn query(number: u64, name: &str, results: &str) -> Event {
    Event::dns_query(name, POWERSHELL).answered("0", results).numbered(number).on("A")
}

fn scene() -> Scene {
    let scene = Scene::new();
    let events = [
        query(1, "evil.example", "-"),
        query(2, "A.Evil.Example.", "192.0.2.1;"),
        query(3, "notevil.example", "192.0.2.1;"),
        query(4, "plain.test", "type:  5 edge.test;::ffff:198.51.100.7;"),
        query(5, "other.test", "2001:db8::7;"),
        query(6, "bücher.test", "-"),
        query(7, "cut.test", "198.51.100.7"),
    ];
    scene.put("A/Sysmon.evtx", &log(&events));
    scene
}

const LIST: &str = "evil[.]example # a comment\n198.51.100.0/24\n2001:db8::7\nbücher.test\nno name\n";

#[test]
fn entries_match_names_and_answers() {
    let scene = scene();
    let swept = sweep(&scene, LIST, &["--ioc-risk", "80"]).expect(0);
    assert_eq!(
        hits(&swept),
        [
            (1, json!(["evil[.]example"]), json!([])),
            (2, json!(["evil[.]example"]), json!([])),
            (4, json!([]), json!(["198.51.100.0/24"])),
            (5, json!([]), json!(["2001:db8::7"])),
            (6, json!(["bücher.test"]), json!([])),
        ]
    );
    assert!(swept.rows("matches").iter().all(|row| row["detection_id"] == "iocs-list.txt"));
    assert!(swept.rows("matches").iter().all(|row| row["risk_score"] == 80));
    let record = &swept.run()["detections"][0];
    assert_eq!(record["language"], "indicators");
    assert_eq!(record["sha256"], json!(common::sha256_by_another_tool(&scene.path("list.txt"))));
    assert_eq!(
        record["indicators"],
        json!({
            "names": 2, "exact_names": 0, "patterns": 0, "addresses": 1, "networks": 1, "urls": 0, "repeated": 0,
            "not_understood": {
                "count": 1,
                "first": ["line 5: expected a domain name, an address, a network or a URL, found 'no name'"],
            },
            "other": { "count": 0, "first": [] },
        })
    );
    let warned = "4 entries are looked for, 1 are not understood";
    assert!(swept.process.stderr.contains(warned), "{}", swept.process.stderr);
    assert!(sweep(&scene, LIST, &["--quiet"]).process.stderr.contains(warned), "also with --quiet");
    let summary = swept.summary(&[]);
    assert!(summary.contains("list.txt: 4 entries; 1 not understood"), "{summary}");
    assert!(summary.contains("198.51.100.0/24 (in the answer)"), "{summary}");
    let page = fs::read_to_string(swept.out.join("report.html")).unwrap();
    assert!(page.contains("list.txt"));
    let network = "by 198.51.100.0/24";
    assert!(page.contains(network), "the card of the host has the network that the answer hit");
    let markdown = swept.summary(&["--host", "A", "--format", "markdown"]);
    for part in ["`A 198.51.100.7` |", "`list.txt` by `198.51.100.0/24` (in the answer) |"] {
        assert!(markdown.contains(part), "{markdown}");
    }
}

/// A public suffix is looked for, and a remark says what it matches.
#[test]
fn public_suffixes_are_remarked_on_and_looked_for() {
    let scene = Scene::new();
    let events = [query(1, "shop.co.uk", "-"), query(2, "a.b.github.io", "-"), query(3, "example.com", "-")];
    scene.put("A/Sysmon.evtx", &log(&events));
    let list = "# why\nevil.example.com\nco[.]uk\n=com\n*.github.io\nhttps://www.ck/x\n";
    let swept = sweep(&scene, list, &["--strict"]).expect(0);
    assert_eq!(hits(&swept), [(1, json!(["co[.]uk"]), json!([])), (2, json!(["*.github.io"]), json!([]))]);
    let notes = [
        "line 3: 'co[.]uk' is a public suffix, so every domain that is registered below it matches",
        "line 5: '*.github.io' is a public suffix, so every domain that is registered below it matches",
    ];
    assert_eq!(swept.run()["detections"][0]["notes"], json!(notes));
    for note in notes {
        let expected = format!("{}: {note}", scene.path("list.txt").display());
        assert!(swept.process.stderr.contains(&expected), "{}", swept.process.stderr);
    }
    let many: Vec<String> = (0..30).map(|number| format!("{number}.kawasaki.jp")).collect();
    let notes = sweep(&scene, many.join("\n"), &[]).expect(0).run()["detections"][0]["notes"].clone();
    let notes = notes.as_array().unwrap();
    assert_eq!((notes.len(), &notes[10]), (11, &json!("20 more entries are public suffixes")));
}

#[test]
fn a_sweep_that_decodes_everything_finds_no_more() {
    let scene = scene();
    for list in [LIST, "evil.example", "198.51.100.0/24", "ev?l.*\n*.evil.example\n=plain.test\n"] {
        let selected = sweep(&scene, list, &[]).expect(0).tables();
        assert!(sweep(&scene, list, &["--exhaustive"]).expect(0).tables() == selected, "{list}");
    }
}

/// Whether a list describes a query, by the name and the addresses in the answer.
type Describes<'a> = &'a dyn Fn(&str, &[IpAddr]) -> bool;

#[test]
fn the_lists_of_the_samples_match_what_is_true_of_the_samples() {
    let scene = Scene::new();
    let samples = repository("samples");
    let evidence = samples.join("evidence");
    let below = |name: &str, list: &str| name == list || name.ends_with(&format!(".{list}"));
    let in_store =
        |address: &IpAddr| matches!(address, IpAddr::V4(v4) if v4.to_bits() >> 2 == 0xcb00_7180 >> 2);
    let text = |name: &str, answers: &[IpAddr]| {
        below(name, "pastebin.com")
            || name == "t.me"
            || below(name, "api.telegram.org")
            || name.strip_suffix(".com").is_some_and(|name| {
                name.split_at_checked(name.len().saturating_sub(1))
                    .is_some_and(|(name, _)| name.ends_with("discord"))
            })
            || answers.iter().any(in_store)
    };
    let control: IpAddr = "203.0.113.220".parse().unwrap();
    let stix = |name: &str, answers: &[IpAddr]| {
        below(name, "api.telegram.org")
            || name.ends_with(".discordapp.com")
            || below(name, "discord.gg")
            || answers.iter().any(|address| *address == control || in_store(address))
    };
    let lists: [(&str, Describes<'_>); 2] = [("winsync.txt", &text), ("winsync.json", &stix)];
    for (list, describes) in lists {
        let path = samples.join("iocs").join(list).display().to_string();
        let swept = common::sweep(&[&evidence], &scene.out(), &["--force", "--iocs", &path]).expect(0);
        let mut expected: Vec<Value> = truth::lines(&samples.join("truth.jsonl"))
            .into_iter()
            .filter(|line| {
                line["file"].as_str().unwrap().starts_with("evidence/") && line.get("lost").is_none()
            })
            .filter(|line| {
                let results = line["QueryResults"].as_str().unwrap_or_default();
                let answers: Vec<IpAddr> = results
                    .split_inclusive(';')
                    .filter_map(|item| item.strip_suffix(';')?.trim_start_matches("::ffff:").parse().ok())
                    .collect();
                describes(&line["QueryName"].as_str().unwrap().to_lowercase(), &answers)
            })
            .map(|line| json!([line["Computer"], line["EventRecordID"]]))
            .collect();
        let rows = swept.rows("matches").into_iter();
        let mut found: Vec<Value> =
            rows.map(|row| json!([row["computer"], row["event_record_id"]])).collect();
        expected.sort_by_key(ToString::to_string);
        found.sort_by_key(ToString::to_string);
        assert!(found.len() > 5, "{list}: {found:?}");
        assert_eq!(found, expected, "{list}");
    }
}

#[test]
fn rules_and_lists_are_looked_for_together() {
    let scene = scene();
    let rule = put_list(&scene, "rule.yml", "name: R\nid: r\nsearch: '`sysmon` QueryName=plain.test'\n");
    let swept = sweep(&scene, LIST, &["--detection", &rule]).expect(0);
    let ids: Vec<Value> =
        swept.run()["detections"].as_array().unwrap().iter().map(|one| one["id"].clone()).collect();
    assert_eq!(ids, ["r", "iocs-list.txt"]);
    let of_event_4: Vec<Value> = swept
        .rows("matches")
        .into_iter()
        .filter(|row| row["event_record_id"] == 4)
        .map(|row| row["detection_id"].clone())
        .collect();
    assert_eq!(of_event_4, ["r", "iocs-list.txt"]);
    let exclusion = put_list(
        &scene,
        "allow.yml",
        "- name: ours\n  search: QueryName=evil.example\n  reason: Ours.\n  detections: [iocs-list.txt]\n",
    );
    assert_eq!(sweep(&scene, LIST, &["--allow", &exclusion]).expect(0).rows("matches").len(), 4);
}

#[test]
fn queries_of_the_dns_client_are_leads() {
    let scene = Scene::new();
    let events = [
        Event::resolver_call("www.evil.example").numbered(1).on("A"),
        Event::resolver_query("plain.test", 0, "type:  5 edge.test;::ffff:198.51.100.7;").numbered(2).on("A"),
        Event::resolver_query("plain.test", 0, "192.0.2.1;").numbered(3).on("A"),
        Event::resolver_response("evil.example", 9003, "", 815).numbered(4).on("A"),
    ];
    scene.put("A/DNS-Client.evtx", &log(&events));
    for options in [&["--dns-client"][..], &["--dns-client", "--exhaustive"]] {
        let swept = sweep(&scene, LIST, options).expect(0);
        let row = |row: Value| {
            (row["event_record_id"].clone(), row["matched_query"].clone(), row["matched_answer"].clone())
        };
        let rows: Vec<_> = swept.rows("leads").into_iter().map(row).collect();
        assert_eq!(
            rows,
            [
                (json!(1), json!(["evil[.]example"]), json!([])),
                (json!(2), json!([]), json!(["198.51.100.0/24"])),
                (json!(4), json!(["evil[.]example"]), json!([])),
            ]
        );
        assert_eq!(swept.run()["detections"][0]["leads"]["names"], "some");
    }
}

#[test]
fn a_plan_carries_lists_and_a_resumed_sweep_compares_them() {
    let scene = scene();
    scene.put("B/Sysmon.evtx", &log(&[query(9, "evil.example", "-").on("B")]));
    let whole = sweep(&scene, LIST, &["--ioc-risk", "7"]).expect(0);
    let list = scene.path("list.txt").display().to_string();
    let path = |name: &str| scene.path(name).display().to_string();
    let evidence = scene.evidence().display().to_string();
    let succeed = |arguments: &[&str]| {
        let ended = run(dnsweep().args(arguments));
        assert_eq!(ended.status, 0, "{arguments:?}: {}", ended.stderr);
    };
    let (plan, one, two, merged) = (path("plan"), path("one"), path("two"), path("merged"));
    succeed(&["plan", &evidence, "--iocs", &list, "--ioc-risk", "7", "--shards", "2", "--out", &plan]);
    // The list is no longer needed.
    fs::remove_file(&list).unwrap();
    succeed(&["sweep", "--plan", &plan, "--shard", "1", "--part", &one]);
    succeed(&["sweep", "--plan", &plan, "--shard", "2", "--part", &two]);
    succeed(&["merge", "--plan", &plan, &one, &two, "--out", &merged]);
    let merged = FinishedSweep { out: scene.path("merged"), process: run(dnsweep().arg("--version")) };
    assert!(merged.tables() == whole.tables());
    assert_eq!(merged.run()["detections"], whole.run()["detections"]);
    succeed(&["verify", &whole.out.display().to_string(), &evidence]);
}

#[test]
fn lists_that_cannot_be_used_are_usage_errors() {
    let scene = scene();
    let list = |name: &str, text: &str| put_list(&scene, name, text);
    let (good, other) = (list("a.txt", "evil.example\n"), scene.path("sub/a.txt"));
    fs::create_dir_all(other.parent().unwrap()).unwrap();
    fs::copy(&good, &other).unwrap();
    let other = other.display().to_string();
    let (empty, bad) = (list("empty.txt", "# nothing\n"), list("bad.txt", "*\n0.0.0.0/0\ncom\n"));
    let (partly, broken) = (list("partly.txt", "evil.example\n*\n"), list("broken.json", "{\"objects\": ["));
    let missing = scene.path("missing.txt").display().to_string();
    for (options, parts) in [
        (&["--iocs", &empty][..], &["empty.txt: expected names or addresses, found none"][..]),
        (
            &["--iocs", &bad],
            &["bad.txt: expected names or addresses, found none; line 1: expected a pattern"],
        ),
        (&["--iocs", &broken], &["broken.json: expected a bundle of STIX 2.1"]),
        (&["--iocs", &missing], &["--iocs", "missing.txt", "No such file"]),
        (&["--iocs", &good, "--iocs", &other], &["expected a file with another name"]),
        (&["--iocs", &partly, "--strict"], &["--strict", "partly.txt", "found 1 that are not", "line 2"]),
        (&["--ioc-risk", "5"], &["--iocs"]),
        (&["--iocs", &good, "--ioc-risk", "101"], &["101"]),
    ] {
        let swept = scene.sweep(options).expect(2);
        assert!(parts.iter().all(|part| swept.process.stderr.contains(part)), "{}", swept.process.stderr);
        assert!(!swept.out.exists());
    }
    scene.sweep(&["--iocs", &partly]).expect(0);
}

#[test]
fn commands_on_detections_show_counts_and_not_entries() {
    let scene = Scene::new();
    let many: Vec<String> = (0..5000).map(|number| format!("name{number}.example")).collect();
    let list = put_list(&scene, "many.txt", format!("{}\n192.0.2.7\n", many.join("\n")));
    let ended = detections(&["list", "--iocs", &list]);
    assert!(ended.stdout.contains("iocs-many.txt  indicators"), "{}", ended.stdout);
    assert!(ended.stdout.contains("one of 5000 entries") && ended.stdout.len() < 500, "{}", ended.stdout);
    let ended = detections(&["show", "--iocs", &list]);
    assert!(ended.stdout.contains("5000 names, 1 address") && ended.stdout.len() < 2000, "{}", ended.stdout);
    let ended = detections(&["explain", "--iocs", &list, "--query-name", "www.NAME7.example"]);
    assert!(
        ended.stdout.contains("The event matches.") && ended.stdout.contains("name7.example"),
        "{}",
        ended.stdout
    );
    let ended = detections(&["explain", "--iocs", &list, "--query-name", "example"]);
    assert!(ended.stdout.contains("The event does not match."), "{}", ended.stdout);
    let ended = detections(&["check", "--iocs", &list]);
    assert_eq!((ended.status, ended.stdout.contains("1 of 1 run")), (0, true), "{}", ended.stdout);
    let bad = put_list(&scene, "bad.txt", "com\n");
    assert_eq!(detections(&["check", "--iocs", &bad]).status, 3);
}

#[test]
fn lists_in_other_encodings_and_with_damage_are_read_line_by_line() {
    let scene = scene();
    let utf16: Vec<u8> = "\u{feff}evil.example\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for (bytes, expected) in [
        (utf16, 0),
        (b"\xef\xbb\xbfevil.example\r\n".to_vec(), 0),
        (b"evil.example\n\xff\xff.example\nx\0y.example\n# \xe4\n".to_vec(), 2),
        ([b"evil.example\n", &vec![0; 1 << 20][..]].concat(), 1),
    ] {
        let swept = sweep(&scene, &bytes, &[]).expect(0);
        assert_eq!(swept.rows("matches").len(), 2);
        let counts = &swept.run()["detections"][0]["indicators"];
        assert_eq!(counts["not_understood"]["count"], expected);
    }
}

#[test]
fn large_and_deep_lists_take_bounded_time() {
    let scene = scene();
    let started = Instant::now();
    let huge = fs::File::create(scene.path("huge.txt")).unwrap();
    huge.set_len(1 << 30).unwrap();
    let huge = scene.path("huge.txt").display().to_string();
    let swept = scene.sweep(&["--iocs", &huge]).expect(2);
    assert!(swept.process.stderr.contains("at most 67108864 bytes"), "{}", swept.process.stderr);
    let line = put_list(&scene, "line.txt", "[.]".repeat(10 << 20));
    let swept = scene.sweep(&["--iocs", &line]).expect(2);
    assert!(swept.process.stderr.len() < 600, "{}", swept.process.stderr.len());
    let deep = put_list(&scene, "deep.json", format!("{{\"objects\": {}", "[{\"a\":".repeat(1 << 20)));
    scene.sweep(&["--iocs", &deep]).expect(2);
    let terms = vec!["domain-name:value = 'evil.example'"; 100_000].join(" OR ");
    let pattern = format!("[{}{terms}{}]", "(".repeat(100_000), ")".repeat(100_000));
    let bundle = json!({ "objects": [{ "type": "indicator", "id": "i", "pattern": pattern }] });
    let long = put_list(&scene, "long.json", bundle.to_string());
    let swept = scene.sweep(&["--iocs", &long]).expect(0);
    assert_eq!(swept.run()["detections"][0]["indicators"]["repeated"], 99_999);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

/// A hundred thousand names are found by lookups. One after the other, they would take minutes on
/// this log.
#[test]
fn a_hundred_thousand_names_are_not_tried_one_after_the_other() {
    let scene = Scene::new();
    let events: Vec<Event> =
        (0..20_000).map(|number| query(number, &format!("host{number}.test"), "192.0.2.1;")).collect();
    scene.put("A/Sysmon.evtx", &log(&events));
    let names: Vec<String> = (0..100_000).map(|number| format!("name{number}.example")).collect();
    let started = Instant::now();
    let swept =
        sweep(&scene, format!("{}\nhost7.test\n192.0.2.7\n", names.join("\n")), &["--exhaustive"]).expect(0);
    assert_eq!(swept.rows("matches").len(), 1);
    let values = format!("      - .{}\n", names.join("\n      - ."));
    let rule = format!(
        "title: Many\nid: many\nlogsource: {{product: windows, category: dns_query}}\ndetection:\n  s:\n    QueryName|endswith:\n{}      - 7.test\n  condition: s\n",
        values.get(..900_000).unwrap().rsplit_once("      - ").unwrap().0
    );
    let rule = put_list(&scene, "rule.yml", rule);
    let swept = scene.sweep(&["--force", "--exhaustive", "--detection", &rule]).expect(0);
    assert_eq!(swept.rows("matches").len(), 2000);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    /// Compares a sweep that selects records by a list with one that decodes everything.
    #[test]
    fn selected_records_are_those_that_match(
        names in prop::collection::vec("[abA]{1,2}(\\.[ab]{1,2}){1,2}\\.?|ä\\.a|", 1..30),
        results in prop::collection::vec("(10\\.0\\.[01]\\.[01];){0,2}(10\\.0)?|-", 30),
        entries in prop::collection::vec(
            "[abA]{1,2}\\.[ab]{1,2}|=[ab]\\.[ab]|\\*\\.[ab]{1,2}|10\\.0\\.[01]\\.[01]|10\\.0\\.0\\.0/24|ä\\.a|\\*[ab]\\?\\.a*", 1..5,
        ),
    ) {
        let scene = Scene::new();
        let events: Vec<Event> = (0..)
            .zip(names.iter().zip(&results))
            .map(|(number, (name, results))| query(number, name, results))
            .collect();
        scene.put("A/Sysmon.evtx", &log(&events));
        let list = format!("{}\nnever.example\n", entries.join("\n"));
        let selected = sweep(&scene, &list, &[]).expect(0).tables();
        let all = sweep(&scene, &list, &["--exhaustive"]).expect(0).tables();
        prop_assert!(selected == all, "{}", Path::new(&scene.out()).display());
    }
}
