//! Which hosts can be cleared: whether their DNS queries cover the period that was asked for, and
//! which verdict a host without matches gets.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use common::logs::{harmless, log, matching};
use common::truth::microseconds_of_filetime;
use common::{FinishedSweep, Scene, repository, sweep};
use dnsweep_samples::{Event, event_xml, time};
use serde_json::{Value, json};

const SYSMON: &str = "Microsoft-Windows-Sysmon%4Operational.evtx";

/// Returns the time `days` days after noon of the first of March 2025.
fn day(days: u64) -> u64 {
    time::filetime(2025, 3, 1, 12, 0, 0) + days * time::DAY
}

/// Makes a DNS query of this machine that no detection describes.
fn query(computer: &str, time: u64) -> Event {
    harmless(1).on(computer).at(time)
}

/// Makes an event of Sysmon that is no DNS query.
fn process(computer: &str, time: u64) -> Event {
    Event::process_create(r"C:\a.exe", "a.exe", r"C:\b.exe").on(computer).at(time)
}

/// Makes an event that Sysmon did not log: a logon.
fn logon(computer: &str, time: u64) -> Event {
    Event::logon("user", 3).on(computer).at(time)
}

/// Numbers events consecutively: gives each its EventRecordID, from 1.
fn numbered(events: &[Event]) -> Vec<Event> {
    events.iter().zip(1..).map(|(event, number)| event.clone().numbered(number)).collect()
}

/// Makes evidence of machines that differ in the days of March on which they have DNS queries,
/// other events of Sysmon, and logons.
fn machines() -> Scene {
    let scene = Scene::new();
    for (machine, queries, others, logons) in [
        ("ALL-THROUGH", &[0, 5, 10, 15, 20][..], &[][..], &[0, 20][..]),
        ("BEFORE-AND-AFTER", &[0, 20], &[10], &[10]),
        ("FROM-WITHIN", &[7, 20], &[0], &[0, 20]),
        ("UP-TO-WITHIN", &[0, 12], &[20], &[0, 20]),
        ("ONLY-BEFORE", &[0, 4], &[10], &[10, 20]),
        ("NO-QUERIES", &[], &[0, 10, 20], &[0, 20]),
        ("NO-SYSMON", &[], &[], &[0, 10, 20]),
    ] {
        let sysmon: Vec<Event> = queries
            .iter()
            .map(|days| query(machine, day(*days)))
            .chain(others.iter().map(|days| process(machine, day(*days))))
            .collect();
        if !sysmon.is_empty() {
            scene.put(&format!("{machine}/{SYSMON}"), &log(&numbered(&sysmon)));
        }
        let logons: Vec<Event> = logons.iter().map(|days| logon(machine, day(*days))).collect();
        if !logons.is_empty() {
            scene.put(&format!("{machine}/Security.evtx"), &log(&numbered(&logons)));
        }
    }
    scene.put("NO-RECORDS/Security.evtx", &log(&[]));
    scene.put("UNREADABLE/Security.evtx", b"no log");
    std::fs::create_dir_all(scene.evidence().join("NO-LOGS")).unwrap();
    scene
}

/// Returns what the output says of each host: verdict, coverage, and the number of its queries in
/// the period.
fn said(swept: &FinishedSweep) -> Vec<(String, String, Option<String>, u64)> {
    let text = |value: &Value| value.as_str().map(str::to_owned);
    swept
        .rows("hosts")
        .iter()
        .map(|row| {
            let name = text(&row["computer"]).or_else(|| text(&row["evidence"][0])).unwrap();
            let queries = row["dns_queries_in_period"].as_u64().unwrap();
            (name, text(&row["verdict"]).unwrap(), text(&row["period_coverage"]), queries)
        })
        .collect()
}

#[track_caller]
fn assert_said(swept: &FinishedSweep, expected: &[(&str, &str, Option<&str>, u64)]) {
    let said = said(swept);
    let said: Vec<_> = said
        .iter()
        .map(|(name, verdict, coverage, queries)| {
            (name.as_str(), verdict.as_str(), coverage.as_deref(), *queries)
        })
        .collect();
    assert_eq!(said, expected);
}

const NOTHING_KNOWN: [(&str, &str); 5] = [
    ("NO-QUERIES", "no DNS queries logged"),
    ("NO-SYSMON", "no Sysmon"),
    ("NO-LOGS", "no event logs"),
    ("NO-RECORDS", "no records"),
    ("UNREADABLE", "unreadable"),
];

/// Returns what the table of hosts must say, in its order: `known`, and the hosts about which
/// nothing is known, whatever the period.
fn with_unknown<'a>(
    known: &[(&'a str, &'a str, Option<&'a str>, u64); 5],
    coverage: Option<&'a str>,
) -> Vec<(&'a str, &'a str, Option<&'a str>, u64)> {
    let [all, before_and_after, from, only, up_to] = *known;
    let [queries, sysmon, rest @ ..] = NOTHING_KNOWN.map(|(name, verdict)| (name, verdict, coverage, 0));
    [&[all, before_and_after, from, queries, sysmon, only, up_to], &rest[..]].concat()
}

#[test]
fn a_period_with_both_ends_is_compared_with_the_queries_alone() {
    let scene = machines();
    let (since, until) = (time::time_created(day(5)), time::time_created(day(15)));
    let swept = scene.sweep(&["--since", &since, "--until", &until]).expect(3);
    let expected = with_unknown(
        &[
            ("ALL-THROUGH", "no matches", Some("whole"), 3),
            ("BEFORE-AND-AFTER", "no DNS queries in the period", Some("none"), 0),
            ("FROM-WITHIN", "no matches", Some("part"), 1),
            ("ONLY-BEFORE", "no DNS queries in the period", Some("none"), 0),
            ("UP-TO-WITHIN", "no matches", Some("part"), 1),
        ],
        Some("none"),
    );
    assert_said(&swept, &expected);
    let totals = &swept.run()["totals"];
    assert_eq!((&totals["dns_queries"], &totals["dns_queries_in_period"]), (&json!(13), &json!(5)));
    let host = swept.host("UP-TO-WITHIN");
    let micros = |days| json!(microseconds_of_filetime(day(days)));
    assert_eq!((&host["dns_first_time"], &host["dns_last_time"]), (&micros(0), &micros(12)));
    assert_eq!((&host["log_first_time"], &host["log_last_time"]), (&micros(0), &micros(20)));
    let file = swept.file(&format!("UP-TO-WITHIN/{SYSMON}"));
    assert_eq!((&file["dns_first_time"], &file["dns_last_time"]), (&micros(0), &micros(12)));
    assert_eq!((&file["dns_queries"], &file["dns_queries_in_period"]), (&json!(2), &json!(1)));
    assert_eq!(swept.file("UP-TO-WITHIN/Security.evtx")["dns_first_time"], Value::Null);
}

#[test]
fn a_period_without_an_end_ends_where_the_hosts_logs_do() {
    let scene = machines();
    let swept = scene.sweep(&["--since", &time::time_created(day(5))]).expect(3);
    let expected = with_unknown(
        &[
            ("ALL-THROUGH", "no matches", Some("whole"), 4),
            ("BEFORE-AND-AFTER", "no matches", Some("whole"), 1),
            ("FROM-WITHIN", "no matches", Some("part"), 2),
            ("ONLY-BEFORE", "no DNS queries in the period", Some("none"), 0),
            // The host's other logs continue for eight days.
            ("UP-TO-WITHIN", "no matches", Some("part"), 1),
        ],
        Some("none"),
    );
    assert_said(&swept, &expected);
    let swept = scene.sweep(&["--until", &time::time_created(day(12)), "--force"]).expect(3);
    let expected = with_unknown(
        &[
            ("ALL-THROUGH", "no matches", Some("whole"), 3),
            ("BEFORE-AND-AFTER", "no matches", Some("whole"), 1),
            ("FROM-WITHIN", "no matches", Some("part"), 1),
            ("ONLY-BEFORE", "no matches", Some("part"), 2),
            ("UP-TO-WITHIN", "no matches", Some("whole"), 2),
        ],
        Some("none"),
    );
    assert_said(&swept, &expected);
}

#[test]
fn without_a_period_all_queries_count() {
    let scene = machines();
    let swept = scene.sweep(&[]).expect(3);
    let expected = with_unknown(
        &[
            ("ALL-THROUGH", "no matches", None, 5),
            ("BEFORE-AND-AFTER", "no matches", None, 2),
            ("FROM-WITHIN", "no matches", None, 2),
            ("ONLY-BEFORE", "no matches", None, 2),
            ("UP-TO-WITHIN", "no matches", None, 2),
        ],
        None,
    );
    assert_said(&swept, &expected);
    assert_eq!(swept.run()["totals"]["hosts_not_cleared"], 5);
}

/// Returns the rows that the guide's query for hosts that cannot be cleared finds.
fn not_cleared(swept: &FinishedSweep) -> Vec<Value> {
    let stands_against = |row: &Value| {
        row["matches"] == 0
            && (row["verdict"] != "no matches"
                || row["period_coverage"].as_str().is_some_and(|coverage| coverage != "whole")
                || (!row["period_coverage"].is_null() && row["unreadable_times"] != 0)
                || row["damaged_files"] != 0
                || row["not_read_files"] != 0)
    };
    swept.rows("hosts").into_iter().filter(stands_against).collect()
}

#[test]
fn the_summary_says_which_hosts_cannot_be_cleared_and_why() {
    let scene = machines();
    // Adds a host with matches, and one whose logs could not all be read.
    let found = [matching(1).on("FOUND").at(day(10))];
    scene.put(&format!("FOUND/{SYSMON}"), &log(&found));
    let whole: Vec<Event> = [0, 10, 20].map(|days| query("INCOMPLETE", day(days))).to_vec();
    scene.put(&format!("INCOMPLETE/{SYSMON}"), &log(&numbered(&whole)));
    scene.put("INCOMPLETE/Security.evtx", b"no log");
    let (since, until) = (time::time_created(day(5)), time::time_created(day(15)));
    let swept = scene.sweep(&["--since", &since, "--until", &until]).expect(3);
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let full = words(&swept.summary(&["--full"]));
    for part in [
        "not cleared verdict queries in period first query last query",
        "FROM-WITHIN no matches 1 of 2 2025-03-08 2025-03-21",
        "ONLY-BEFORE no DNS queries in the period 0 of 2 2025-03-01 2025-03-05",
        "NO-SYSMON no Sysmon 0 of 0 NO-QUERIES no DNS queries logged 0 of 0",
        "INCOMPLETE no matches 1 of 3 2025-03-01 2025-03-21",
        "cleared verdict queries in period first query last query ALL-THROUGH no matches 3 of 5 2025-03-01 2025-03-21",
    ] {
        assert!(full.contains(part), "{part}\n{full}");
    }
    let text = words(&swept.process.stdout);
    for part in [
        "1 match on 1 of 12 hosts; 1 cleared, 10 not cleared",
        "Not cleared 10 of 11 hosts without matches; --full lists all 1 no event logs: (evidence NO-LOGS) 1 unreadable: \
         (evidence UNREADABLE) 1 no records: (evidence NO-RECORDS) 1 no Sysmon: NO-SYSMON 1 no DNS queries \
         logged: NO-QUERIES 2 no DNS queries in the period: BEFORE-AND-AFTER, ONLY-BEFORE 1 with incomplete files: \
         INCOMPLETE 2 period covered in part: ",
        "17 DNS queries, 7 of them in the period",
        "Only matches from 2025-03-06T12:00:00.0000000Z until 2025-03-16T12:00:00.0000000Z",
    ] {
        assert!(text.contains(part), "{part}\n{}", swept.process.stdout);
    }
    // The hosts about which least is known come first.
    let place = |name: &str| text.rfind(name).unwrap();
    let order = ["(evidence NO-LOGS)", "(evidence UNREADABLE)", "(evidence NO-RECORDS)", "NO-SYSMON"];
    assert!(order.windows(2).all(|pair| place(pair[0]) < place(pair[1])), "{}", swept.process.stdout);
    assert_eq!(swept.run()["totals"]["hosts_not_cleared"], not_cleared(&swept).len());
    // Without a period, the summary does not mention one.
    let swept = scene.sweep(&["--force"]).expect(3);
    assert!(!swept.process.stdout.contains("period"), "{}", swept.process.stdout);
    assert_eq!(swept.run()["totals"]["hosts_not_cleared"], not_cleared(&swept).len());
}

#[test]
fn if_all_hosts_can_be_cleared_the_summary_does_not_mention_it() {
    let scene = Scene::new();
    scene.put(&format!("HOST/{SYSMON}"), &log(&[query("HOST", day(0))]));
    let swept = scene.sweep(&[]).expect(0);
    assert!(!swept.process.stdout.contains("ot cleared"), "{}", swept.process.stdout);
    assert!(swept.process.stdout.ends_with("\n0 matches on 0 of 1 host; 1 cleared\n"));
    assert_eq!(swept.run()["totals"]["hosts_not_cleared"], 0);
}

/// Returns, for each host and file, the columns that say which DNS queries were seen.
fn seen(swept: &FinishedSweep) -> Vec<Value> {
    let columns =
        ["dns_queries", "dns_queries_in_period", "dns_first_time", "dns_last_time", "period_coverage"];
    let rows = swept.rows("hosts").into_iter().chain(swept.rows("files"));
    rows.map(|row| json!(columns.map(|column| row[column].clone()))).collect()
}

#[test]
fn queries_are_counted_alike_whether_records_are_decoded_or_not() {
    // Long stretches of queries, with other events among them, on two machines. Both ends of the
    // period lie within them.
    let scene = Scene::new();
    let events: Vec<Event> = (0..3000_u64)
        .map(|minute| {
            let time = day(0) + minute * 60 * time::SECOND;
            let computer = if minute % 1000 < 700 { "ONE" } else { "TWO" };
            match minute % 50 {
                17 => matching(minute + 1).on(computer).at(time),
                18 | 19 => process(computer, time).numbered(minute + 1),
                _ => query(computer, time).numbered(minute + 1),
            }
        })
        .collect();
    scene.put(&format!("HOST/{SYSMON}"), &log(&events));
    let is_query = |minute: &u64| !matches!(minute % 50, 18 | 19);
    let of = |one: bool| (0..3000_u64).filter(move |minute| (minute % 1000 < 700) == one);
    let at = |minute: u64| day(0) + minute * 60 * time::SECOND;
    let expected = |one: bool| {
        let queries: Vec<u64> = of(one).filter(is_query).collect();
        let micros = |minute: &u64| microseconds_of_filetime(at(*minute));
        let in_period = queries.iter().filter(|minute| (400..=2345).contains(*minute)).count();
        json!([
            queries.len(),
            in_period,
            queries.first().map(micros),
            queries.last().map(micros),
            if one { "whole" } else { "part" }
        ])
    };
    let (since, until) = (time::time_created(at(400)), time::time_created(at(2345)));
    let bounds = ["--since", &since, "--until", &until, "--force"];
    let first = scene.sweep(&[&bounds[..], &["--threads", "1"]].concat()).expect(0);
    let (tables, counts) = (first.tables(), seen(&first));
    let (one, two) = (expected(true), expected(false));
    assert_eq!((&counts[0], &counts[1]), (&one, &two));
    for options in [&["--threads", "3"][..], &["--checksums"], &["--exhaustive"]] {
        let swept = scene.sweep(&[&bounds[..], options].concat()).expect(0);
        assert_eq!(seen(&swept), counts, "{options:?}");
        assert!(options[0] != "--threads" || swept.tables() == tables);
    }
}

#[test]
fn an_event_without_a_readable_time_may_match_and_covers_nothing() {
    let scene = Scene::new();
    let unreadable = |event: Event| {
        let text = event_xml(&event);
        let start = text.find("SystemTime=").unwrap() + "SystemTime='".len();
        let length = text[start..].find(['\'', '"']).unwrap();
        format!("{}some time{}", &text[..start], &text[start + length..])
    };
    let text = unreadable(matching(1).on("A").at(day(10))) + &unreadable(harmless(1).on("B").at(day(10)));
    // The other queries of this host cover the period.
    let around = [0, 10].map(|days| event_xml(&query("C", day(days)))).concat();
    let text = text + &around + &unreadable(harmless(1).on("C").at(day(5)));
    scene.put("HOST/events.xml", text.as_bytes());
    let since = time::time_created(day(5));
    let swept = scene.sweep(&["--since", &since]).expect(0);
    assert_said(
        &swept,
        &[
            ("A", "matches", Some("none"), 0),
            ("B", "no DNS queries in the period", Some("none"), 0),
            ("C", "no matches", Some("whole"), 1),
        ],
    );
    let text = "\nNot cleared 2 of 2 hosts without matches; --full lists all\n  1 no DNS queries in the period: B\n  \
                1 with times that cannot be read: C\n";
    assert!(swept.process.stdout.contains(text), "{}", swept.process.stdout);
    assert_eq!(not_cleared(&swept).len(), 2);
    // Without a period, the query counts like any other.
    let swept = scene.sweep(&["--force"]).expect(0);
    let said = [("A", "matches", None, 1), ("B", "no matches", None, 1), ("C", "no matches", None, 3)];
    assert_said(&swept, &said);
    assert_eq!((&swept.run()["totals"]["hosts_not_cleared"], not_cleared(&swept).len()), (&json!(0), 0));
}

#[test]
fn domains_are_counted_without_regard_to_case() {
    let scene = Scene::new();
    let names = ["Pastebin.com", "pastebin.com", "PASTEBIN.COM", "T.me"];
    let events: Vec<Event> = names.iter().map(|name| matching(1).with("QueryName", *name)).collect();
    scene.put(&format!("HOST/{SYSMON}"), &log(&numbered(&events)));
    let swept = scene.sweep(&[]).expect(0);
    assert_eq!(
        swept.rows("hosts")[0]["query_names"],
        json!([{ "value": "pastebin.com", "count": 3 }, { "value": "t.me", "count": 1 }])
    );
    assert!(swept.process.stdout.contains("pastebin.com (3), t.me (1)"), "{}", swept.process.stdout);
    assert_eq!(swept.column("matches", "query_name"), names);
}

#[test]
fn a_compromised_host_whose_logs_end_before_the_period_is_not_without_matches() {
    let scene = Scene::new();
    let swept = sweep(&[&repository("samples/evidence")], &scene.out(), &["--last", "2weeks"]).expect(0);
    let host = swept.host("FIN-WS07.corp.example");
    assert_eq!((&host["matches"], &host["dns_queries_in_period"]), (&json!(0), &json!(0)));
    assert_eq!(host["verdict"], "no DNS queries in the period");
    assert_eq!(host["period_coverage"], "none");
    let verdicts = swept.column("hosts", "verdict");
    assert!(!verdicts.contains(&json!("no matches")), "{verdicts:?}");
    assert_eq!(swept.run()["totals"]["hosts_not_cleared"], 9);
}
