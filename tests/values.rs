//! Values as Windows, Sysmon and the tools that render events write them: answers that were cut
//! off, status codes, times.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;

use common::Scene;
use common::logs::{log, matching, styled};
use common::truth::microseconds_of_filetime;
use dnsweep_samples::{Event, Style, event_xml, time};
use serde_json::{Value, json};

/// Answers to DNS queries that were cut off when they were logged, each with the addresses that
/// were logged whole, and the type and data of the last, incomplete item.
const CUT: [(&str, &[&str], &str, &str); 7] = [
    ("type:  5 edge.example;::ffff:192.0.2.130;::ff", &["192.0.2.130"], "?", "::ff"),
    ("::ffff:192.0.2.130;::ffff:198.51.100.2", &["192.0.2.130"], "?", "::ffff:198.51.100.2"),
    ("192.0.2.130;192.0.2.131;52", &["192.0.2.130", "192.0.2.131"], "?", "52"),
    ("2001:db8::1;2001:db8:0:1", &["2001:db8::1"], "?", "2001:db8:0:1"),
    ("type:  5 edge.example;type:  5 ver", &[], "CNAME", "ver"),
    ("::ffff:192.0.2.130;::", &["192.0.2.130"], "?", "::"),
    ("198.51.100.2", &[], "?", "198.51.100.2"),
];

fn put_rule(scene: &Scene, name: &str, selection: &str) -> String {
    let path = scene.path(name);
    let rule = format!(
        "title: {name}\nid: 00000000-0000-4000-8000-{:012x}\nstatus: test\nlevel: high\n\
         logsource:\n  product: windows\n  category: dns_query\n\
         detection:\n  selection:\n    {selection}\n  condition: selection\n",
        name.len()
    );
    fs::write(&path, rule).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_answer_that_was_cut_off_is_marked_and_is_no_address() {
    let scene = Scene::new();
    let events: Vec<Event> =
        CUT.iter().zip(1..).map(|((results, ..), id)| matching(id).answered("0", results)).collect();
    scene.put("A/Sysmon.evtx", &log(&events));
    let text: String = events.iter().map(event_xml).collect();
    scene.put("B/sysmon.xml", text.as_bytes());
    let responses: Vec<Event> = CUT
        .iter()
        .zip(1..)
        .map(|((results, ..), id)| Event::resolver_response("pastebin.com", 0, results, 7).numbered(id))
        .collect();
    scene.put("C/DNS-Client.evtx", &log(&responses));
    let swept = scene.sweep(&["--dns-client"]).expect(0);
    let (matches, leads) = (swept.rows("matches"), swept.rows("leads"));
    assert_eq!((matches.len(), leads.len()), (2 * CUT.len(), CUT.len()));
    for (row, (results, whole, kind, data)) in matches.iter().chain(&leads).zip(CUT.iter().cycle()) {
        assert_eq!((&row["query_results"], &row["resolved_ips"]), (&json!(results), &json!(whole)));
        let answers = row["answers"].as_array().unwrap();
        let (last, before) = answers.split_last().unwrap();
        assert_eq!(*last, json!({ "type": kind, "data": data, "cut": true }), "{results}");
        assert!(before.iter().all(|answer| answer["cut"] == false), "{results}");
    }
}

#[test]
fn an_address_that_was_cut_off_is_compared_with_no_network() {
    let scene = Scene::new();
    let cut: Vec<Event> =
        CUT.iter().zip(1..).map(|((results, ..), id)| matching(id).answered("0", results)).collect();
    let whole = matching(99).answered("0", "192.0.2.1;::ffff:198.51.100.2;");
    scene.put("A/Sysmon.evtx", &log(&[cut, vec![whole]].concat()));
    let network = put_rule(&scene, "cidr.yml", "QueryResults|cidr: [198.51.100.0/29, '::/96']");
    let swept = scene.sweep(&["--detection", &network]).expect(0);
    assert_eq!(swept.column("matches", "event_record_id"), [json!(99)]);
    // The logged text is still found.
    let text = put_rule(&scene, "contains.yml", "QueryResults|contains: ':198.51.100.2'");
    let swept = scene.sweep(&["--force", "--detection", &text]).expect(0);
    assert_eq!(swept.column("matches", "event_record_id"), [json!(2), json!(99)]);
}

#[test]
fn status_codes_have_the_symbols_of_windows() {
    let scene = Scene::new();
    let codes = [
        ("0", json!("ERROR_SUCCESS")),
        ("9003", json!("DNS_ERROR_RCODE_NAME_ERROR")),
        ("9714", json!("DNS_ERROR_NAME_DOES_NOT_EXIST")),
        ("10054", json!("WSAECONNRESET")),
        ("11001", json!("WSAHOST_NOT_FOUND")),
        ("1168", json!("ERROR_NOT_FOUND")),
        ("Success", Value::Null),
        ("9999", Value::Null),
    ];
    let events: Vec<Event> =
        codes.iter().zip(1..).map(|((code, _), id)| matching(id).answered(code, "-")).collect();
    scene.put("A/Sysmon.evtx", &log(&events));
    let rows = scene.sweep(&[]).expect(0).rows("matches");
    for (row, (code, name)) in rows.iter().zip(codes) {
        assert_eq!((&row["query_status"], &row["query_status_name"]), (&json!(code), &name));
        assert_eq!((&row["answers"], &row["resolved_ips"]), (&json!([]), &json!([])));
    }
}

#[test]
fn events_in_forms_that_are_not_read_are_called_what_they_are() {
    let files = [
        (
            "A/windows-sysmon.log",
            "03/04/2025 10:00:00 AM\nLogName=x\nEventCode=22\nMessage=Dns query:\n",
            "text",
            "text for people",
        ),
        ("B/sysmon.json", r#"{"Event":{"System":{"EventID":22,"Channel":"x"}}}"#, "json", "JSON"),
        ("B/x.evtx.json", r#"{"Event":{"System":{"EventID":22,"Channel":"x"}}}"#, "", ""),
        ("C/s.csv", "_time,_raw\n\"1\",\"<Event xmlns=\"\"x\"\">\"\n", "csv", "CSV"),
        (
            "D/output.xml",
            "<Objs xmlns='x'><Obj><T>System.Diagnostics.Eventing.Reader.EventLogRecord</T></Obj></Objs>",
            "clixml",
            "PowerShell objects (Export-Clixml)",
        ),
        ("E/notes.json", "{}", "", ""),
    ];
    let scene = Scene::new();
    for (name, text, ..) in files {
        scene.put(name, text.as_bytes());
    }
    // There is no log at all, and the message says what was found instead.
    let swept = scene.sweep(&[]).expect(4);
    let passed = &swept.run()["passed_over"];
    for (name, _, form, called) in files.iter().filter(|(_, _, form, _)| !form.is_empty()) {
        assert_eq!(passed["event_forms"][form]["files"], 1, "{name}");
        assert!(passed["event_forms"][form]["first"].as_str().unwrap().ends_with(name), "{name}");
        let summary: String = swept.process.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(summary.contains(&format!("1 file of events as {called} (")), "{called}: {summary}");
        assert!(
            swept.process.stderr.contains(&format!("1 file of events as {called} (")),
            "{}",
            swept.process.stderr
        );
    }
    assert!(swept.process.stderr.contains("wevtutil"), "{}", swept.process.stderr);
    // Next to a log, these files do not make a sweep incomplete.
    scene.put("A/Sysmon.evtx", &log(&[matching(1)]));
    let swept = scene.sweep(&["--force"]).expect(0);
    assert_eq!(swept.rows("files").len(), 1);
    // A file that is named on the command line has a row in the ledger.
    let path = scene.evidence().join("B/sysmon.json");
    let swept = common::sweep(&[&path], &scene.out(), &["--force"]).expect(4);
    let row = swept.file("sysmon.json");
    assert_eq!(row["status"], "not an event log");
    let problem = row["problems"][0]["problem"].as_str().unwrap();
    assert!(problem.contains("found events as JSON") && problem.contains("wevtutil"), "{problem}");
}

/// Returns an event as XML, as a tool renders it that writes TimeCreated in the form of
/// `system_time`.
fn rendered_at(event: &Event, system_time: &str) -> String {
    let xml = event_xml(event);
    let (before, after) = xml.split_once("SystemTime='").unwrap();
    let (_, after) = after.split_once('\'').unwrap();
    format!("{before}SystemTime='{system_time}'{after}\n")
}

#[test]
fn event_xml_has_its_times_whatever_tool_rendered_it() {
    let at = time::filetime(2025, 3, 4, 10, 0, 0) + 1_234_567;
    let event = |id| matching(id).at(at);
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &styled(Style::Export, &[event(1)]));
    let full = [
        "2025-03-04 10:00:00.1234567",
        "2025-03-04T10:00:00.123456700 UTC",
        "2025-03-04T11:00:00.1234567+01:00",
    ];
    let copies: String = full.iter().map(|text| rendered_at(&event(1), text)).collect();
    scene.put("B/copies.xml", copies.as_bytes());
    let rounded =
        ["2025-03-04 10:00:00.123456", "2025-03-04 10:00:00.123456 UTC", "2025-03-04T10:00:00.123456Z"];
    let others: String = rounded.iter().map(|text| rendered_at(&event(1), text)).collect();
    scene.put("C/others.xml", others.as_bytes());
    let swept = scene.sweep(&[]).expect(0);
    let rows = swept.rows("matches");
    let micros = json!(microseconds_of_filetime(at));
    assert!(rows.iter().all(|row| row["event_time"] == micros), "{rows:#?}");
    // With all its decimals, a rendering is a copy of the log's event. In microseconds it has
    // another time, but the same as others in microseconds.
    let marks: Vec<&Value> = rows.iter().map(|row| &row["duplicate"]).collect();
    assert_eq!(marks, [false, true, true, true, false, true, true]);
    assert_eq!(swept.run()["totals"]["unreadable_times"], 0);
    assert!(!swept.process.stdout.contains("cannot be read"), "{}", swept.process.stdout);
    // These times are compared with a period.
    let swept = scene.sweep(&["--force", "--since", "2025-03-04T10:00:01Z"]).expect(0);
    assert_eq!(swept.rows("matches").len(), 0);
}

#[test]
fn times_that_cannot_be_read_are_counted_and_reported() {
    let scene = Scene::new();
    // From the year 9999 on, a number counts as no time; such a record need not match.
    let far = time::filetime(9999, 1, 1, 0, 0, 0);
    let events = [
        matching(1).on("A"),
        matching(2).on("A").at(far),
        Event::process_create("a", "b", "c").on("A").at(far),
    ];
    scene.put("A/Sysmon.evtx", &log(&events));
    let ambiguous = rendered_at(&matching(1).on("B"), "03/04/2025 10:00:00");
    let none = event_xml(&matching(2).on("B")).replace("<TimeCreated ", "<Other ");
    let odd = event_xml(&matching(3).on("B").with("UtcTime", "03/04/2025 10:00:00"));
    scene.put("B/sysmon.xml", [ambiguous, none, odd].concat().as_bytes());
    let swept =
        scene.sweep(&["--until", "2026-01-01T00:00:00Z", "--since", "2026-01-01T00:00:00Z"]).expect(0);
    assert_eq!(swept.column("matches", "event_record_id"), [json!(2), json!(1), json!(2)]);
    assert_eq!(swept.column("matches", "event_time"), [Value::Null, Value::Null, Value::Null]);
    for (host, file) in [("A", "A/Sysmon.evtx"), ("B", "B/sysmon.xml")] {
        let row = swept.host(host);
        assert_eq!(
            (&row["unreadable_times"], &swept.file(file)["unreadable_times"]),
            (&json!(2), &json!(2)),
            "{host}"
        );
        let said = "2 events have a time that cannot be read: they count in every period";
        assert!(row["anomalies"].as_array().unwrap().contains(&json!(said)), "{}", row["anomalies"]);
    }
    assert_eq!(swept.run()["totals"]["unreadable_times"], 4);
    assert!(
        swept.process.stdout.contains("4 events with a time that cannot be read"),
        "{}",
        swept.process.stdout
    );
    // The UtcTime of matches, which is compared with TimeCreated. One of them could be two
    // different days.
    let swept = scene.sweep(&["--force"]).expect(0);
    assert_eq!(
        (&swept.host("A")["unreadable_utc_times"], &swept.host("B")["unreadable_utc_times"]),
        (&json!(0), &json!(1))
    );
    let anomalies = swept.host("B")["anomalies"].to_string();
    assert!(anomalies.contains("matches whose UtcTime cannot be read: 1"), "{anomalies}");
}
