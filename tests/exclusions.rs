//! A site's exclusions: what they take away, what the output says about it, and which files of
//! exclusions are refused.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;

use common::logs::{BROWSER, POWERSHELL, harmless, log, matching};
use common::truth::SEED_ID;
use common::{FinishedSweep, Scene, forget_reads, was_read};
use dnsweep_samples::{Event, LogWriter, Sid, Style};
use serde_json::{Value, json};

/// Writes files of exclusions with these texts. Returns the options that name them.
fn allow(scene: &Scene, texts: &[&str]) -> Vec<String> {
    let write = |(number, text): (usize, &&str)| {
        let path = scene.path(&format!("site-{number}.yml"));
        fs::write(&path, text).unwrap();
        ["--allow".to_owned(), path.to_str().unwrap().to_owned()]
    };
    texts.iter().enumerate().flat_map(write).collect()
}

/// Sweeps a test's evidence with files of exclusions with these texts, and other options.
fn sweep(scene: &Scene, texts: &[&str], options: &[&str]) -> FinishedSweep {
    let allow = allow(scene, texts);
    scene.sweep(&allow.iter().map(String::as_str).chain(options.iter().copied()).collect::<Vec<_>>())
}

/// Makes the text of a file with one exclusion, whose condition is `search`.
fn one(search: &str) -> String {
    format!("- name: known\n  search: {search}\n  reason: It is ours.\n")
}

fn numbers(swept: &FinishedSweep) -> Vec<i64> {
    swept.column("matches", "event_record_id").iter().map(|number| number.as_i64().unwrap()).collect()
}

/// Returns the EventRecordID of each row of `matches`, and the exclusion that takes the event away.
fn marks(swept: &FinishedSweep) -> Vec<(i64, Value)> {
    let row = |row: Value| (row["event_record_id"].as_i64().unwrap(), row["excluded_by"].clone());
    swept.rows("matches").into_iter().map(row).collect()
}

/// Makes evidence with two hosts: A with the matches 1, 2 and 4, of which 2 queries another name,
/// and B with the match 5.
fn scene() -> Scene {
    let scene = Scene::new();
    let discord = Event::dns_query("cdn.discordapp.com", POWERSHELL).numbered(2);
    scene.put(
        "A/x.evtx",
        &log(&[matching(1).on("A"), discord.on("A"), harmless(3).on("A"), matching(4).on("A")]),
    );
    scene.put("B/x.evtx", &log(&[matching(5).on("B")]));
    scene
}

#[test]
fn what_an_exclusion_applies_to_counts_nowhere() {
    let scene = scene();
    let exclusion = one("QueryName=pastebin.com Computer=A");
    let swept = sweep(&scene, &[&exclusion], &[]).expect(0);
    assert_eq!(numbers(&swept), [2, 5]);
    let host = swept.host("A");
    assert_eq!(
        (&host["matches"], &host["unique_matches"], &host["excluded_matches"]),
        (&json!(1), &json!(1), &json!(2))
    );
    assert_eq!(host["query_names"], json!([{ "value": "cdn.discordapp.com", "count": 1 }]));
    assert_eq!(swept.host("B")["excluded_matches"], json!(0));
    assert_eq!(swept.file("A/x.evtx")["matches"], json!(1));
    let stats: i64 =
        swept.column(&format!("stats/{SEED_ID}"), "count").iter().map(|count| count.as_i64().unwrap()).sum();
    assert_eq!(stats, 2);
    let run = swept.run();
    let totals = &run["totals"];
    assert_eq!(
        (&totals["matches"], &totals["unique_matches"], &totals["excluded_matches"]),
        (&json!(2), &json!(2), &json!(2))
    );
    assert_eq!(run["detections"][0]["matches"], json!(2));
    assert!(swept.process.stdout.ends_with("\n2 matches on 2 of 2 hosts\n"), "{}", swept.process.stdout);
}

#[test]
fn a_host_without_other_matches_has_none() {
    let scene = scene();
    let swept = sweep(&scene, &[&one("Computer=A")], &["--fail-on-match"]).expect(10);
    assert_eq!(swept.host("A")["verdict"], json!("no matches"));
    let swept = sweep(&scene, &[&one("'*'")], &["--fail-on-match", "--force"]).expect(0);
    assert_eq!(swept.run()["totals"]["hosts_with_matches"], json!(0));
    let kept = sweep(&scene, &[&one("'*'")], &["--fail-on-match", "--keep-excluded", "--force"]).expect(0);
    assert_eq!((kept.rows("matches").len(), kept.run()["totals"]["matches"].clone()), (4, json!(0)));
}

#[test]
fn without_exclusions_there_is_nothing_of_them() {
    let scene = scene();
    let swept = scene.sweep(&[]).expect(0);
    assert!(swept.column("matches", "excluded_by").iter().all(Value::is_null));
    assert_eq!(swept.run()["exclusions"], json!([]));
    assert_eq!(swept.run()["options"]["keep_excluded"], json!(false));
    assert!(!swept.process.stdout.contains("Excluded"), "{}", swept.process.stdout);
}

#[test]
fn kept_rows_are_marked_and_count_nowhere() {
    let scene = scene();
    let exclusion = one("QueryName=pastebin.com Computer=A");
    let others = |swept: &FinishedSweep| -> Vec<(String, Vec<u8>)> {
        swept.tables().into_iter().filter(|(name, _)| name != "matches.parquet").collect()
    };
    let dropped = sweep(&scene, &[&exclusion], &[]).expect(0);
    let (of_dropped, matches, run) = (others(&dropped), dropped.rows("matches"), dropped.run());
    let kept = sweep(&scene, &[&exclusion], &["--keep-excluded", "--force"]).expect(0);
    assert_eq!(marks(&kept), [(1, json!("known")), (2, Value::Null), (4, json!("known")), (5, Value::Null)]);
    // The other rows are those of the sweep that dropped the excluded rows, and nothing else
    // differs.
    let rows = kept.rows("matches").into_iter().filter(|row| row["excluded_by"].is_null());
    assert_eq!(rows.collect::<Vec<_>>(), matches);
    assert!(others(&kept) == of_dropped);
    let kept = kept.run();
    assert_eq!((&kept["totals"], &kept["exclusions"]), (&run["totals"], &run["exclusions"]));
    assert_eq!(
        (&kept["options"]["keep_excluded"], &run["options"]["keep_excluded"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn an_event_counts_for_the_first_exclusion_that_applies() {
    let scene = scene();
    let first = one("QueryName=*discord*");
    let second = "
- search: QueryName=nowhere.example
  reason: Nothing is like this.
- name: all of A
  search: Computer=A
  reason: |
    A is a test
    machine.
";
    let swept = sweep(&scene, &[&first, second], &["--keep-excluded"]).expect(0);
    assert_eq!(
        marks(&swept),
        [(1, json!("all of A")), (2, json!("known")), (4, json!("all of A")), (5, Value::Null)]
    );
    let exclusions = swept.run()["exclusions"].clone();
    let path = |number: usize| scene.path(&format!("site-{number}.yml"));
    let sha256 = |number: usize| common::sha256_by_another_tool(&path(number));
    assert_eq!(
        exclusions,
        json!([
            {
                "name": "known", "file": path(0), "sha256": sha256(0), "search": "QueryName=*discord*",
                "reason": "It is ours.", "expires": null, "expired": false, "detections": null,
                "excluded_matches": 1, "excluded_leads": 0,
                "hosts": [{ "computer": "A", "excluded_matches": 1, "excluded_leads": 0 }],
            },
            {
                "name": "site-1.yml:1", "file": path(1), "sha256": sha256(1), "search": "QueryName=nowhere.example",
                "reason": "Nothing is like this.", "expires": null, "expired": false, "detections": null,
                "excluded_matches": 0, "excluded_leads": 0, "hosts": [],
            },
            {
                "name": "all of A", "file": path(1), "sha256": sha256(1), "search": "Computer=A",
                "reason": "A is a test\nmachine.\n", "expires": null, "expired": false, "detections": null,
                "excluded_matches": 2, "excluded_leads": 0,
                "hosts": [{ "computer": "A", "excluded_matches": 2, "excluded_leads": 0 }],
            },
        ])
    );
    // In the opposite order, the narrower exclusion has nothing left to take away.
    let swept =
        sweep(&scene, &[&one("Computer=A"), "- search: QueryName=*discord*\n  reason: x"], &["--force"]);
    assert_eq!(swept.expect(0).run()["exclusions"][1]["excluded_matches"], json!(0));
}

#[test]
fn the_summary_says_what_was_taken_away() {
    let scene = scene();
    let text = "
- name: \"paste\\e[2J\"
  search: QueryName=pastebin.com
  reason: The administrators' own.
- name: unused
  search: QueryName=nowhere.example
  reason: Nothing is like this.
";
    let swept = sweep(&scene, &[text], &[]).expect(0);
    for line in [
        "Excluded    paste\\u{1b}[2J: 3 matches on A (2), B (1) (The administrators' own.)",
        "Excluded    unused: 0 matches (Nothing is like this.)",
    ] {
        assert!(swept.process.stdout.contains(line), "{}", swept.process.stdout);
    }
}

#[test]
fn an_expired_exclusion_is_not_applied_and_is_reported() {
    let scene = scene();
    let text = "
- name: old
  search: Computer=A
  reason: It was so once.
  expires: 2020-01-31
- name: young
  search: Computer=B
  reason: It is so for long.
  expires: 9000-01-31
";
    let swept = sweep(&scene, &[text], &[]).expect(0);
    assert_eq!(numbers(&swept), [1, 2, 4]);
    let warnings: Vec<&str> = swept.process.stderr.lines().filter(|line| line.contains("warning")).collect();
    assert_eq!(warnings.len(), 1, "{}", swept.process.stderr);
    let file = scene.path("site-0.yml");
    let warning = format!("exclusion 'old' of {} expired on 2020-01-31 and is not applied", file.display());
    assert!(warnings[0].contains(&warning), "{}", warnings[0]);
    let exclusions = &swept.run()["exclusions"];
    assert_eq!((&exclusions[0]["expired"], &exclusions[0]["expires"]), (&json!(true), &json!("2020-01-31")));
    assert_eq!((&exclusions[0]["excluded_matches"], &exclusions[0]["hosts"]), (&json!(0), &json!([])));
    assert_eq!((&exclusions[1]["expired"], &exclusions[1]["excluded_matches"]), (&json!(false), &json!(1)));
    assert!(
        swept.process.stdout.contains("Excluded    old: not applied, because it expired on 2020-01-31\n"),
        "{}",
        swept.process.stdout
    );
}

#[test]
fn an_exclusion_can_be_limited_to_detections() {
    let scene = scene();
    let rule = scene.path("all.yml");
    let search = "`sysmon` EventCode=22 QueryName=*.com | stats count by QueryName";
    fs::write(&rule, format!("name: All\nid: all\nsearch: '{search}'\n")).unwrap();
    let seed = common::repository("src/detect/suspicious_process_dns_query_known_abuse_web_services.yml");
    let detections = ["--detection", seed.to_str().unwrap(), "--detection", rule.to_str().unwrap()];
    let limited = one("QueryName=pastebin.com") + "  detections: [all]\n";
    let swept = sweep(&scene, &[&limited], &[&detections[..], &["--keep-excluded"]].concat()).expect(0);
    let by_detection = |id: &str| -> Vec<(i64, Value)> {
        let rows = swept.rows("matches").into_iter().filter(|row| row["detection_id"] == json!(id));
        rows.map(|row| (row["event_record_id"].as_i64().unwrap(), row["excluded_by"].clone())).collect()
    };
    assert_eq!(by_detection(SEED_ID), [1, 2, 4, 5].map(|number| (number, Value::Null)));
    let known = json!("known");
    assert_eq!(
        by_detection("all"),
        [(1, known.clone()), (2, Value::Null), (3, Value::Null), (4, known.clone()), (5, known)]
    );
    assert_eq!(swept.run()["exclusions"][0]["detections"], json!(["all"]));
    let detections = swept.run()["detections"].clone();
    assert_eq!((&detections[0]["matches"], &detections[1]["matches"]), (&json!(4), &json!(2)));
    assert_eq!(swept.column("stats/all", "QueryName"), [json!("cdn.discordapp.com"), json!("example.com")]);
}

#[test]
fn copies_of_an_excluded_event_are_excluded_too() {
    let scene = scene();
    scene.put("C/archive.evtx", &log(&[matching(1).on("A"), matching(1).on("A")]));
    let swept = sweep(&scene, &[&one("QueryName=pastebin.com")], &["--keep-excluded"]).expect(0);
    let rows: Vec<(i64, bool, Value)> = swept
        .rows("matches")
        .into_iter()
        .map(|row| {
            (
                row["event_record_id"].as_i64().unwrap(),
                row["duplicate"] == json!(true),
                row["excluded_by"].clone(),
            )
        })
        .collect();
    let known = || json!("known");
    assert_eq!(
        rows,
        [
            (1, false, known()),
            (2, false, Value::Null),
            (4, false, known()),
            (5, false, known()),
            (1, true, known()),
            (1, true, known()),
        ]
    );
    // The count is the number of rows.
    assert_eq!(swept.run()["exclusions"][0]["excluded_matches"], json!(5));
    assert_eq!(swept.host("A")["excluded_matches"], json!(4));
    assert_eq!((&swept.host("A")["matches"], &swept.host("A")["unique_matches"]), (&json!(1), &json!(1)));
}

#[test]
fn an_exclusion_of_an_event_applies_to_copies_that_differ_in_who_logged_them() {
    let by = |relative: u32| {
        let mut event = matching(1).on("A");
        event.user = Some(Sid::domain_user(relative));
        event
    };
    let exclusion = one("user_id=*-1121");
    for (first, second, matches) in [(1121, 1122, 0), (1122, 1121, 2)] {
        let scene = Scene::new();
        scene.put("A/1.evtx", &log(&[by(first)]));
        scene.put("A/2.evtx", &log(&[by(second)]));
        let swept = sweep(&scene, &[&exclusion], &[]).expect(0);
        let host = swept.host("A");
        assert_eq!((&host["matches"], &host["unique_matches"]), (&json!(matches), &json!(matches / 2)));
        assert_eq!(host["excluded_matches"], json!(2 - matches));
        assert_eq!(swept.rows("matches").len(), matches);
    }
}

#[test]
fn deleted_records_are_excluded_like_others() {
    let scene = Scene::new();
    let mut writer = LogWriter::new(Style::Live);
    writer.push_all(&[matching(1).on("A")]).unwrap();
    let left = [matching(901).on("A"), Event::dns_query("discord.gg", POWERSHELL).numbered(902).on("A")];
    writer.end_chunk_leaving(&left).unwrap();
    scene.put("A/x.evtx", &writer.finish());
    let exclusion = one("QueryName=pastebin.com");
    let swept = sweep(&scene, &[&exclusion], &["--recover"]).expect(0);
    assert_eq!(numbers(&swept), [902]);
    let host = swept.host("A");
    assert_eq!((&host["matches"], &host["recovered_matches"]), (&json!(0), &json!(1)));
    assert_eq!(host["excluded_matches"], json!(2));
    assert_eq!(swept.run()["totals"]["recovered_matches"], json!(1));
    let kept = sweep(&scene, &[&exclusion], &["--recover", "--keep-excluded", "--force"]).expect(0);
    assert_eq!(marks(&kept), [(1, json!("known")), (901, json!("known")), (902, Value::Null)]);
    assert_eq!(kept.column("matches", "recovered"), [json!(false), json!(true), json!(true)]);
}

/// Returns the error message with which a sweep refuses files of exclusions with these texts.
#[track_caller]
fn refused(texts: &[&str], options: &[&str]) -> String {
    let scene = scene();
    let log = scene.evidence().join("A/x.evtx");
    let allow = allow(&scene, texts);
    let before = scene.listing();
    forget_reads(&log);
    let words: Vec<&str> = allow.iter().map(String::as_str).chain(options.iter().copied()).collect();
    let swept = scene.sweep(&words).expect(2);
    assert!(!was_read(&log), "evidence was opened");
    assert!(before == scene.listing(), "something was written");
    assert_eq!((swept.process.stdout.as_str(), swept.process.stderr.lines().count()), ("", 1));
    swept.process.stderr
}

#[test]
fn what_is_wrong_is_refused_before_any_evidence_is_opened() {
    let good = one("QueryName=a");
    for (texts, parts) in [
        (
            &[good.as_str(), "- search: QueryName=b\n  reason: x\n  until: 2026"][..],
            &["site-1.yml", "entry 1", "until", "detections"][..],
        ),
        (
            &["- search: QueryName=a | stats count\n  reason: x"],
            &["site-0.yml", "entry 1", "expected the end", "'|'"],
        ),
        (
            &["- search: Nonsense=a\n  reason: x"],
            &["site-0.yml", "entry 1", "expected a field", "'Nonsense'"],
        ),
        (&["- search: QueryName=a"], &["site-0.yml", "entry 1", "reason"]),
        (&["- search: QueryName=a\n  reason: ''"], &["site-0.yml", "entry 1", "reason", "expected a text"]),
        (
            &["- search: QueryName=a\n  reason: x\n  expires: 31.12.2026"],
            &["site-0.yml", "entry 1", "expected a date", "'31.12.2026'"],
        ),
        (
            &["- search: QueryName=a\n  reason: x\n  detections: [nowhere]"],
            &["site-0.yml", "entry 1", SEED_ID, "'nowhere'"],
        ),
        (&[&good, &good], &["site-1.yml", "entry 1", "name", "'known'"]),
        (
            &["- {search: QueryName=a, reason: x}\n- {search: QueryName=a, reason: x, name: 'site-0.yml:1'}"],
            &["entry 2", "'site-0.yml:1'"],
        ),
        (&["search: QueryName=a"], &["site-0.yml", "expected a list"]),
        (&[&good, "[]"], &["site-1.yml", "found an empty one"]),
        (&["# all of it lost\n"], &["site-0.yml"]),
    ] {
        let message = refused(texts, &[]);
        for part in parts {
            assert!(message.contains(part), "expected '{part}' in: {message}");
        }
        assert!(message.starts_with("dnsweep: error: exclusions "), "{message}");
    }
    let message = refused(&[], &["--allow", "nowhere/missing.yml"]);
    assert!(message.contains("nowhere/missing.yml"), "{message}");
}

#[test]
fn tables_are_the_same_on_any_number_of_threads() {
    let scene = scene();
    for machine in 0..30 {
        let name = format!("HOST{machine:02}");
        scene.put(
            &format!("{name}/x.evtx"),
            &log(&[
                matching(1).on(&name),
                matching(1).on("SAME"),
                Event::dns_query("t.me", BROWSER).on(&name),
            ]),
        );
    }
    let exclusion = one("QueryName=pastebin.com NOT Computer=A");
    let sweep = |threads: &str| {
        let swept =
            sweep(&scene, &[&exclusion], &["--keep-excluded", "--force", "--threads", threads]).expect(0);
        (swept.tables(), swept.run()["exclusions"].clone())
    };
    let one = sweep("1");
    assert_eq!(one.1[0]["excluded_matches"], json!(61));
    assert!(one == sweep("2") && one == sweep("5"));
}

#[test]
fn only_a_sweep_with_the_same_exclusions_can_resume() {
    let scene = scene();
    let allow = allow(
        &scene,
        &[&one("QueryName=pastebin.com"), &one("QueryName=other.example").replace("known", "other")],
    );
    let allow: Vec<&str> = allow.iter().map(String::as_str).collect();
    let tables = scene.sweep(&allow).expect(0).tables();
    fs::remove_dir_all(scene.out()).unwrap();
    interrupt(&scene, &allow);
    for (options, named) in [
        (&allow[..2], "--allow"),
        (&[], "--allow"),
        (&[&allow[..], &["--keep-excluded"]].concat(), "--keep-excluded"),
    ] {
        let swept = scene.sweep(&[options, &["--resume"]].concat()).expect(2);
        assert!(
            swept.process.stderr.contains("cannot resume") && swept.process.stderr.contains(named),
            "{}",
            swept.process.stderr
        );
    }
    let resumed = scene.sweep(&[&allow[..], &["--resume"]].concat()).expect(0);
    assert_eq!(resumed.run()["resumed_files"], json!(2));
    assert!(resumed.tables() == tables);
}

/// Leaves an unfinished sweep in a test's folder, by limiting the size of files below that of the
/// tables.
fn interrupt(scene: &Scene, options: &[&str]) {
    let mut command = std::process::Command::new("sh");
    command
        .args(["-c", r#"trap "" XFSZ; ulimit -f 20; exec "$0" "$@""#, env!("CARGO_BIN_EXE_dnsweep"), "sweep"])
        .arg(scene.evidence())
        .arg("--out")
        .arg(scene.out())
        .args(options);
    let ended = common::run(&mut command);
    assert_eq!(ended.status, 5, "{}", ended.stderr);
}

#[test]
fn the_example_of_the_guide_is_a_file_of_exclusions() {
    let page = fs::read_to_string(common::repository("src/guide/exclusions.md")).unwrap();
    let (_, example) = page.split_once("```yaml\n").unwrap();
    let (example, _) = example.split_once("```").unwrap();
    // The example's last day is moved far ahead, so that this test never finds it expired.
    let example = &example.replace("2026-", "9000-");
    let scene = scene();
    let ours = matching(6).on("IT.corp.example");
    let backup = Event::dns_query("discord.gg", r"C:\ProgramData\Backup\powershell.exe").numbered(7);
    scene.put("IT/x.evtx", &log(&[ours, backup, matching(8).on("IT")]));
    let swept = sweep(&scene, &[example], &["--keep-excluded"]).expect(0);
    let marked: Vec<(i64, Value)> = marks(&swept).into_iter().filter(|(number, _)| *number > 5).collect();
    assert_eq!(marked, [(6, json!("inventory")), (7, json!("site-0.yml:2")), (8, Value::Null)]);
}
