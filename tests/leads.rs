//! Leads: queries in the log of Windows' own DNS client for names that detections describe, counted
//! apart from all matches.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;

use common::logs::{harmless, log, log_of, matching, styled};
use common::mutation::{SAMPLES, apply, change, config, place};
use common::truth::SEED_ID;
use common::{FinishedSweep, Scene, repository};
use dnsweep::internals::detect::{Detection, LeadCondition, Predicate};
use dnsweep::internals::event::DNS_CLIENT_QUERY;
use dnsweep::internals::ledger::damage::Problem;
use dnsweep::internals::ledger::tally::Tally;
use dnsweep::internals::scan::{
    BLOCK_CHUNKS, Checksums, DnsClient, LocatedEvent, Needle, Scanner, Selection, WantedQueries, blocks,
};
use dnsweep_samples::{DataValue, Event, LogWriter, Sid, Style, damage, event_xml, time};
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};

const NAME: &str = "pastebin.com";
const RESULTS: &str = "type:  5 cdn.example;::ffff:192.0.2.7;";

/// Makes an event of Windows' DNS client: a query for a name that the built-in detection describes
/// was completed.
fn completed(number: u64) -> Event {
    Event::resolver_query(NAME, 0, RESULTS).numbered(number).on("A")
}

/// Makes an event of Windows' DNS client: a query for a name that the built-in detection does not
/// describe was completed.
fn other(number: u64) -> Event {
    Event::resolver_query("example.com", 0, RESULTS).numbered(number).on("A")
}

fn numbers(swept: &FinishedSweep) -> Vec<i64> {
    swept.column("leads", "event_record_id").iter().map(|number| number.as_i64().unwrap()).collect()
}

/// Returns the names and bytes of all tables of a sweep with `--dns-client`.
fn tables(swept: &FinishedSweep) -> Vec<(String, Vec<u8>)> {
    let mut tables = swept.tables();
    tables.push(("leads".to_owned(), fs::read(swept.out.join("leads.parquet")).unwrap()));
    tables
}

/// Makes evidence with a machine without Sysmon. The log of its DNS client has a lead for each kind
/// of event.
fn scene() -> Scene {
    let scene = Scene::new();
    let mut made = Event::resolver_call("www.PASTEBIN.com").numbered(1).on("A");
    made.process_id = 4711;
    made.user = Some(Sid::domain_user(1121));
    let response = Event::resolver_response("t.me", 9003, "", 815).numbered(4).on("A");
    scene.put("A/DNS-Client.evtx", &log(&[made, other(2), completed(3), response, other(5)]));
    scene
}

#[test]
fn each_event_of_a_query_is_a_lead() {
    let scene = scene();
    let swept = scene.sweep(&["--dns-client"]).expect(0);
    let rows = swept.rows("leads");
    assert_eq!(numbers(&swept), [1, 3, 4]);
    let seed = "Suspicious Process DNS Query Known Abuse Web Services";
    let expected = |row: usize, values: Value| {
        for (column, value) in values.as_object().unwrap() {
            assert_eq!(rows[row][column], *value, "row {row}: {column}");
        }
    };
    expected(
        0,
        json!({
            "event_id": 3006, "query_name": "www.PASTEBIN.com", "query_type": 1, "query_status": null,
            "query_status_name": null, "query_results": null, "answers": [], "resolved_ips": [],
            "process_id": 4711, "client_process_id": null, "user_id": Sid::domain_user(1121).to_string(),
            "matched_query": ["*pastebin*"], "detection_id": SEED_ID, "detection_name": seed,
        }),
    );
    expected(
        1,
        json!({
            "event_id": 3008, "query_name": NAME, "query_type": 1, "query_options": "1073741824", "query_status": "0",
            "query_status_name": "ERROR_SUCCESS", "query_results": RESULTS, "resolved_ips": ["192.0.2.7"],
            "answers": [
                { "type": "CNAME", "data": "cdn.example", "cut": false }, { "type": "A", "data": "192.0.2.7", "cut": false },
            ],
            "process_id": 3128, "computer": "A", "evidence": "A", "source_path": "A/DNS-Client.evtx",
            "provider": "Microsoft-Windows-DNS-Client", "channel": "Microsoft-Windows-DNS-Client/Operational",
            "chunk_number": 0, "integrity": "verified", "duplicate": false, "excluded_by": null,
            "event_time_raw": time::time_created(completed(3).time),
        }),
    );
    expected(
        2,
        json!({
            "event_id": 3020, "query_name": "t.me", "query_status": "9003", "query_status_name": "DNS_ERROR_RCODE_NAME_ERROR",
            "query_options": null, "process_id": 3128, "client_process_id": 815, "matched_query": ["*t.me*"],
        }),
    );
    // A record starts at the offset in the row: its signature is there.
    let log = fs::read(scene.evidence().join("A/DNS-Client.evtx")).unwrap();
    for row in &rows {
        let at = usize::try_from(row["record_offset"].as_u64().unwrap()).unwrap();
        assert_eq!(log[at..at + 4], [0x2a, 0x2a, 0, 0]);
    }
}

#[test]
fn event_xml_has_the_leads_of_the_log_that_it_was_rendered_from() {
    let mut made = Event::resolver_call("www.PASTEBIN.com").numbered(1).on("A");
    made.process_id = 4711;
    made.user = Some(Sid::domain_user(1121));
    let response = Event::resolver_response("t.me", 9003, "", 815).numbered(4).on("A");
    let events = [made, other(2), completed(3), response, other(5)];
    let rendered: String = events.iter().map(event_xml).collect();
    let leads = |name: &str, bytes: &[u8]| -> Vec<Value> {
        let scene = Scene::new();
        scene.put(name, bytes);
        let forget = |mut row: Value| {
            for column in ["source_path", "chunk_number", "record_offset", "integrity"] {
                row.as_object_mut().unwrap().remove(column).unwrap();
            }
            row
        };
        scene.sweep(&["--dns-client"]).expect(0).rows("leads").into_iter().map(forget).collect()
    };
    let of_log = leads("A/DNS-Client.evtx", &log(&events));
    assert_eq!(of_log.len(), 3);
    assert_eq!(leads("A/dns.xml", rendered.as_bytes()), of_log);
    // Without the option, these events are like others.
    let scene = Scene::new();
    scene.put("A/dns.xml", rendered.as_bytes());
    assert_eq!(scene.sweep(&[]).expect(0).file("A/dns.xml")["records"], 5);
}

#[test]
fn no_other_event_is_a_lead() {
    let scene = Scene::new();
    let of = |event_id: u16| Event { event_id, ..completed(1) };
    let foreign =
        Event { provider: "Other".to_owned(), channel: "Other/Operational".to_owned(), ..completed(2) };
    let nameless = completed(3).with("QueryName", "");
    let without = completed(4).without("QueryName");
    let sysmon = matching(5).on("A");
    let events = [of(3007), of(3009), of(3018), of(22), foreign, nameless, without, sysmon];
    for style in [Style::Live, Style::Export, Style::Forwarded] {
        scene.put(&format!("A/{style:?}.evtx"), &styled(style, &events));
    }
    for options in [&["--dns-client"][..], &["--dns-client", "--exhaustive", "--force"]] {
        let swept = scene.sweep(options).expect(0);
        assert_eq!(numbers(&swept), [0_i64; 0]);
        assert_eq!(swept.rows("matches").len(), 3);
    }
}

#[test]
fn an_event_without_a_name_is_no_lead_whatever_the_condition_on_names() {
    let scene = Scene::new();
    let events = [completed(1), completed(2).with("QueryName", ""), completed(3).without("QueryName")];
    scene.put("A/x.evtx", &log(&events));
    let [option, path] =
        rule(&scene, "others", "(QueryName=other.example OR NOT QueryName=example.com) Image=x");
    let swept = scene.sweep(&[&option, &path, "--dns-client"]).expect(0);
    assert_eq!(numbers(&swept), [1]);
}

#[test]
fn leads_change_nothing_about_matches() {
    let scene = scene();
    scene.put("B/Sysmon.evtx", &log(&[matching(1).on("B"), harmless(2).on("B"), completed(3).on("B")]));
    let with = scene.sweep(&["--dns-client"]).expect(0);
    let (of_with, hosts, run) = (with.tables(), with.rows("hosts"), with.run());
    let without = scene.sweep(&["--force"]).expect(0);
    for ((name, one), (_, other)) in of_with.iter().zip(&without.tables()) {
        assert!(name == "hosts.parquet" || one == other, "{name}");
    }
    for (mut one, other) in hosts.into_iter().zip(without.rows("hosts")) {
        one["leads"] = json!(0);
        one["unique_leads"] = json!(0);
        assert_eq!(one, other);
    }
    assert_eq!(without.host("A")["verdict"], json!("no Sysmon"));
    for (name, value) in run["totals"].as_object().unwrap() {
        // The checksums of chunks with leads are verified, too.
        let differs = name.contains("leads") || name == "checked_chunks";
        assert!(differs || *value == without.run()["totals"][name], "{name}");
    }
    fs::remove_dir_all(scene.evidence().join("B")).unwrap();
    scene.sweep(&["--dns-client", "--fail-on-match", "--force"]).expect(0);
}

#[test]
fn without_the_option_there_are_none() {
    let scene = scene();
    let swept = scene.sweep(&[]).expect(0);
    assert!(!swept.out.join("leads.parquet").exists());
    assert_eq!(
        (&swept.host("A")["leads"], &swept.run()["options"]["dns_client"]),
        (&json!(0), &json!(false))
    );
    assert_eq!(swept.run()["detections"][0]["leads"], Value::Null);
    assert!(!swept.process.stdout.to_lowercase().contains("lead"), "{}", swept.process.stdout);
}

#[test]
fn hosts_with_leads_are_named_and_counted() {
    let scene = scene();
    scene.put("B/x.evtx", &log(&[completed(7).on("B\u{1b}[2J"), other(8).on("B\u{1b}[2J")]));
    scene.put("C/x.evtx", &log_of("C"));
    let swept = scene.sweep(&["--dns-client"]).expect(0);
    assert_eq!((&swept.host("A")["leads"], &swept.host("A")["unique_leads"]), (&json!(3), &json!(3)));
    assert_eq!(swept.host("C")["leads"], json!(0));
    let run = swept.run();
    let totals = &run["totals"];
    assert_eq!(
        [&totals["leads"], &totals["unique_leads"], &totals["hosts_with_leads"], &totals["matches"]],
        [&json!(4), &json!(4), &json!(2), &json!(1)]
    );
    assert_eq!(run["options"]["dns_client"], json!(true));
    assert_eq!(run["detections"][0]["leads"], json!({ "names": "some", "leads": 4, "unique_leads": 4 }));
    let outputs = run["outputs"].as_array().unwrap();
    let output = outputs.iter().find(|output| output["file"] == "leads.parquet").unwrap();
    assert_eq!(output["rows"], json!(4));
    assert_eq!(output["sha256"], common::sha256_by_another_tool(&swept.out.join("leads.parquet")));
    let summary = &swept.process.stdout;
    // The text is the same however its lines are broken.
    let words = summary.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains(" Leads 4 leads on 2 hosts: "), "{summary}");
    assert!(words.contains(" leads only and no matches A: 3 leads B\\u{1b}[2J: 1 lead "), "{summary}");
    assert!(summary.contains("\n1 match on 1 of 3 hosts; "), "{summary}");
}

fn rule(scene: &Scene, id: &str, search: &str) -> [String; 2] {
    let path = scene.path(&format!("{id}.yml"));
    fs::write(&path, format!("name: Rule {id}\nid: {id}\nsearch: '{search}'\n")).unwrap();
    ["--detection".to_owned(), path.to_str().unwrap().to_owned()]
}

#[test]
fn a_detection_that_could_match_any_name_has_no_leads() {
    let scene = scene();
    let rules = [
        rule(&scene, "process", "`sysmon` EventCode=22 Image=*powershell.exe"),
        rule(&scene, "any", "QueryName=* OR QueryName=pastebin.com"),
        rule(&scene, "never", "NOT QueryName=* Image=x"),
        rule(&scene, "names", "`sysmon` EventCode=22 QueryName=example.com NOT Image=*browser.exe"),
    ];
    let options: Vec<&str> = rules.iter().flatten().map(String::as_str).chain(["--dns-client"]).collect();
    let swept = scene.sweep(&options).expect(0);
    assert_eq!(swept.column("leads", "detection_id"), [json!("names"), json!("names")]);
    let leads: Vec<Value> = (0..4).map(|place| swept.run()["detections"][place]["leads"].clone()).collect();
    let none = |names: &str| json!({ "names": names, "leads": 0, "unique_leads": 0 });
    let of_names = json!({ "names": "some", "leads": 2, "unique_leads": 2 });
    assert_eq!(leads, [none("every"), none("every"), none("none"), of_names]);
    let said: Vec<&str> = swept.process.stdout.lines().filter(|line| line.starts_with("No leads")).collect();
    assert_eq!(
        said,
        [
            "No leads    of Rule process: its condition can be met by every name",
            "No leads    of Rule any: its condition can be met by every name",
            "No leads    of Rule never: its condition can be met by no name",
        ]
    );
}

#[test]
fn exclusions_apply_to_leads_too() {
    let scene = scene();
    let site = scene.path("site.yml");
    // The image of such a query is unknown, so an exclusion with a condition on the image never
    // applies.
    let text = "
- search: QueryName=*pastebin* Image=*
  reason: It needs an image.
- search: QueryName=pastebin.com
  reason: It is ours.
- search: process_id=815 EventCode=3020
  reason: The process that asked.
  detections: [other]
";
    fs::write(&site, text).unwrap();
    let other = rule(&scene, "other", "QueryName=t.me Image=x");
    let seed = repository("src/detect/suspicious_process_dns_query_known_abuse_web_services.yml");
    let options = [
        "--detection",
        seed.to_str().unwrap(),
        &other[0],
        &other[1],
        "--allow",
        site.to_str().unwrap(),
        "--dns-client",
    ];
    let swept = scene.sweep(&options).expect(0);
    assert_eq!(numbers(&swept), [1, 4]);
    assert_eq!(swept.host("A")["leads"], json!(2));
    let run = swept.run();
    let excluded: Vec<Value> =
        (0..3).map(|place| run["exclusions"][place]["excluded_leads"].clone()).collect();
    assert_eq!(excluded, [json!(0), json!(1), json!(1)]);
    assert_eq!(
        run["exclusions"][1]["hosts"],
        json!([{ "computer": "A", "excluded_matches": 0, "excluded_leads": 1 }])
    );
    assert_eq!((&run["totals"]["leads"], &run["totals"]["excluded_leads"]), (&json!(2), &json!(2)));
    assert_eq!(swept.host("A")["excluded_matches"], json!(0));
    assert!(
        swept.process.stdout.contains("site.yml:2: 0 matches, 1 lead on A (1) (It is ours.)"),
        "{}",
        swept.process.stdout
    );
    let kept = scene.sweep(&[&options[..], &["--keep-excluded", "--force"]].concat()).expect(0);
    let marks: Vec<(Value, Value)> = kept
        .rows("leads")
        .iter()
        .map(|row| (row["event_record_id"].clone(), row["excluded_by"].clone()))
        .collect();
    assert_eq!(
        marks,
        [
            (json!(1), Value::Null),
            (json!(3), json!("site.yml:2")),
            (json!(4), Value::Null),
            (json!(4), json!("site.yml:3"))
        ]
    );
    assert_eq!(kept.run()["totals"], run["totals"]);
}

#[test]
fn a_period_applies_to_leads_too() {
    let scene = Scene::new();
    let at = |number: u64, hour| completed(number).at(time::filetime(2024, 5, 6, hour, 0, 0));
    scene.put("A/x.evtx", &log(&[at(1, 8), at(2, 9), at(3, 10), at(4, 11)]));
    let window = ["--since", "2024-05-06T09:00:00Z", "--until", "2024-05-06T10:00:00Z"];
    let swept = scene.sweep(&[&window[..], &["--dns-client"]].concat()).expect(0);
    assert_eq!(numbers(&swept), [2, 3]);
}

#[test]
fn copies_of_a_lead_are_marked() {
    let scene = scene();
    // The copies: the whole of an export of the log, and an event that differs only in the process.
    let another = Event { process_id: 99, ..completed(3) };
    scene.put("A/export.evtx", &styled(Style::Export, &[completed(3), another]));
    scene.put("B/forwarded.evtx", &styled(Style::Forwarded, &[completed(3)]));
    let swept = scene.sweep(&["--dns-client"]).expect(0);
    assert_eq!(numbers(&swept), [1, 3, 4, 3, 3, 3]);
    let duplicates = [false, false, false, true, false, true].map(Value::from);
    assert_eq!(swept.column("leads", "duplicate"), duplicates);
    let host = swept.host("A");
    assert_eq!((&host["leads"], &host["unique_leads"]), (&json!(6), &json!(4)));
    let of_detection = swept.run()["detections"][0]["leads"].clone();
    assert_eq!(of_detection, json!({ "names": "some", "leads": 6, "unique_leads": 4 }));
    assert!(
        swept.process.stdout.contains("4 leads on 1 host; 2 copies of them:"),
        "{}",
        swept.process.stdout
    );
}

#[test]
fn deleted_records_are_no_leads() {
    let scene = Scene::new();
    let mut writer = LogWriter::new(Style::Live);
    writer.push_all(&[other(1)]).unwrap();
    writer.end_chunk_leaving(&[completed(901), matching(902).on("A")]).unwrap();
    scene.put("A/x.evtx", &writer.finish());
    let swept = scene.sweep(&["--dns-client", "--recover"]).expect(0);
    assert_eq!((swept.rows("leads").len(), swept.rows("matches").len()), (0, 1));
}

#[test]
fn tables_are_the_same_however_they_are_made() {
    let scene = scene();
    for machine in 0..20 {
        let name = format!("HOST{machine:02}");
        let style = [Style::Live, Style::Export, Style::Forwarded][machine % 3];
        let events = [completed(1).on(&name), other(2).on(&name), completed(3), matching(4).on(&name)];
        scene.put(&format!("{name}/x.evtx"), &styled(style, &events));
    }
    let sweep = |options: &[&str]| {
        let swept = scene.sweep(&[&["--dns-client", "--force"], options].concat()).expect(0);
        assert_eq!(swept.rows("leads").len(), 43);
        tables(&swept)
    };
    let tables = sweep(&["--threads", "1"]);
    for options in [&["--threads", "4"][..], &["--exhaustive"], &["--exhaustive", "--threads", "3"]] {
        assert!(sweep(options) == tables, "{options:?}");
    }
}

#[test]
fn the_samples_have_the_leads_that_are_in_them() {
    // The samples' truth names only Sysmon's DNS queries. The DNS client's are found by decoding
    // everything.
    let scene = Scene::new();
    let sweep = |options: &[&str]| {
        common::sweep(
            &[&repository("samples/evidence")],
            &scene.out(),
            &[&["--dns-client", "--force"], options].concat(),
        )
        .expect(0)
    };
    let selected = sweep(&[]);
    let (of_selected, leads) = (tables(&selected), selected.rows("leads"));
    assert!(of_selected == tables(&sweep(&["--exhaustive"])));
    assert!(leads.iter().all(|row| row["provider"] == "Microsoft-Windows-DNS-Client"));
}

#[test]
fn an_unfinished_sweep_can_be_resumed() {
    let scene = scene();
    scene.put("B/x.evtx", &log(&[completed(7).on("B"), completed(3)]));
    let whole = tables(&scene.sweep(&["--dns-client"]).expect(0));
    fs::remove_dir_all(scene.out()).unwrap();
    interrupt(&scene, &["--dns-client"]);
    let swept = scene.sweep(&["--resume"]).expect(2);
    assert!(swept.process.stderr.contains("--dns-client"), "{}", swept.process.stderr);
    let resumed = scene.sweep(&["--dns-client", "--resume"]).expect(0);
    assert_eq!(resumed.run()["resumed_files"], json!(2));
    assert!(tables(&resumed) == whole);
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
fn an_earlier_output_with_leads_can_be_replaced_and_verified() {
    let scene = scene();
    let swept = scene.sweep(&["--dns-client", "--hash"]).expect(0);
    let mut command = common::dnsweep();
    let verified = common::run(command.arg("verify").arg(&swept.out).arg(scene.evidence()));
    assert_eq!(verified.status, 0, "{}", verified.stdout);
    assert!(!scene.sweep(&["--force"]).expect(0).out.join("leads.parquet").exists());
}

/// Returns the built-in detection's condition on queried names, which makes a query a lead.
fn names() -> Predicate {
    match LeadCondition::of(&Detection::seed().unwrap().search.predicate) {
        LeadCondition::Names(names) => names,
        other => unreachable!("{other:?}"),
    }
}

/// Returns the texts (literals) that an event must contain to satisfy a condition, in the form in
/// which a sweep gives them to the scanner.
fn wanted(predicate: &Predicate) -> Vec<WantedQueries> {
    let sets = predicate.required_texts().into_iter().map(|set| {
        set.into_iter()
            .map(|required| Needle { data: required.data_name.to_owned(), text: required.text })
            .collect()
    });
    vec![WantedQueries { sets: sets.collect() }]
}

/// Scans a log and decodes either everything, or what the built-in detection needs. Returns the
/// queries of Windows' DNS client, the counts and the problems.
fn scan(log: &Vec<u8>, everything: bool) -> (Vec<LocatedEvent>, Tally, Vec<Problem>) {
    let seed = Detection::seed().unwrap().search.predicate;
    let selection = if everything { Selection::Everything } else { Selection::Wanted(wanted(&seed)) };
    let scanner = Scanner::new(&selection).with_dns_client(&DnsClient::Wanted(wanted(&names())));
    let mut scanner = scanner.verifying(Checksums::All);
    let (mut leads, mut tally, mut problems) = (Vec::new(), Tally::default(), Vec::new());
    let size = log.len() as u64;
    for block in blocks(size, BLOCK_CHUNKS) {
        let scan = scanner.scan(log, block, size);
        leads.extend(scan.events.into_iter().filter(|located| located.event.is(&DNS_CLIENT_QUERY)));
        tally.merge(scan.tally);
        problems.extend(scan.problems.iter());
    }
    (leads, tally, problems)
}

fn matching_leads(leads: &[LocatedEvent]) -> Vec<&LocatedEvent> {
    let names = names();
    leads.iter().filter(|lead| names.evaluate(&lead.event)).collect()
}

#[test]
fn few_events_that_no_detection_needs_are_decoded() {
    let events: Vec<Event> =
        (1..=60).map(|number| if number % 20 == 0 { completed(number) } else { other(number) }).collect();
    for style in [Style::Live, Style::Export] {
        let bytes = styled(style, &events);
        let ((selected, tally, problems), all) = (scan(&bytes, false), scan(&bytes, true));
        assert_eq!((selected.len(), all.0.len()), (3, 60), "{style:?}");
        assert_eq!(matching_leads(&selected), matching_leads(&all.0));
        assert_eq!((tally, problems), (all.1, all.2));
    }
}

#[test]
fn names_in_other_forms_are_found() {
    for style in [Style::Export, Style::Live, Style::Forwarded] {
        let ansi = completed(1).with("QueryName", DataValue::Ansi(NAME.as_bytes().to_vec()));
        let nul = completed(2).with("QueryName", DataValue::Units("xpastebin\0y".encode_utf16().collect()));
        let null = completed(3).with("QueryName", DataValue::Null);
        let bytes = styled(style, &[ansi, nul, null, completed(4).without("QueryStatus")]);
        let (selected, all) = (scan(&bytes, false), scan(&bytes, true));
        assert_eq!(matching_leads(&selected.0), matching_leads(&all.0), "{style:?}");
        assert!(matching_leads(&all.0).len() >= 3, "{style:?}");
        assert_eq!((selected.1, selected.2), (all.1, all.2), "{style:?}");
    }
}

proptest! {
    #![proptest_config(config())]

    /// In damaged logs, and in forged ones whose checksums are right, a scan that decodes only what
    /// a detection needs finds the same leads as one that decodes everything.
    #[test]
    fn damaged_and_forged_logs_give_the_same_leads(
        sample in any::<Index>(),
        changes in prop::collection::vec((place(), change()), 1..4),
        forged in any::<bool>(),
    ) {
        let sample = sample.get(&SAMPLES);
        let mut damaged = sample.bytes.clone();
        for (place, change) in &changes {
            apply(&mut damaged, place.of(sample), change);
        }
        if forged {
            for chunk in 0..damage::chunk_count(&damaged) {
                let _ = damage::repair_chunk_checksums(&mut damaged, chunk);
            }
        }
        let (selected, all) = (scan(&damaged, false), scan(&damaged, true));
        prop_assert_eq!(matching_leads(&selected.0), matching_leads(&all.0));
        if !forged {
            prop_assert_eq!((selected.1, selected.2), (all.1, all.2));
        }
    }
}

/// The samples contain queries of Windows' DNS client. Without any, the tests that compare leads in
/// the samples would compare nothing.
#[test]
fn samples_hold_queries_of_the_resolver() {
    let queries: usize = SAMPLES.iter().map(|sample| scan(&sample.bytes, true).0.len()).sum();
    assert!(queries > 0);
}
