//! The command `report`, and the summary that `sweep` prints: both are read back from an output.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that goes wrong fails loudly"
)]

mod common;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use common::logs::{harmless, log, matching};
use common::truth::SEED_ID;
use common::{FinishedProcess, FinishedSweep, Scene, dnsweep, repository, run};
use dnsweep::internals::report::answer::{Limits, Question};
use dnsweep::internals::report::{Colours, Extent, HostsInDetail, Summary};
use dnsweep::internals::sweep::RecordedOutput;
use dnsweep_samples::{Event, time};
use serde_json::{Value, json};

/// Text made to harm whoever shows it: it clears a terminal, reverses the direction of writing,
/// breaks lines, and looks like markup, a formula and the end of a cell.
const HARM: &str = "\u{1b}[2J\u{202e}x\n|<b>`a`,日本\u{9b}31m";
const POWERSHELL: &str = r"C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe";

/// Returns the time at which the events of these tests start.
fn start() -> u64 {
    time::filetime(2025, 3, 1, 0, 0, 0)
}

fn report(out: &Path, options: &[&str]) -> FinishedProcess {
    run(dnsweep().arg("report").arg(out).args(options))
}

fn json_of(out: &Path, options: &[&str]) -> Value {
    let ended = report(out, &[&["--format", "json"], options].concat());
    assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
    serde_json::from_str(&ended.stdout).unwrap()
}

/// Makes evidence with harmful text in every field that is shown.
fn hostile_scene() -> Scene {
    let scene = Scene::new();
    let event = |number: u64, harm: &str| {
        let image = format!(r"C:\Users\Public\{harm}.exe");
        let query = format!("{harm}pastebin.com");
        Event { channel: harm.to_owned(), ..Event::dns_query(&query, &image).numbered(number) }
            .on(&format!("HOST{harm}"))
            .with("User", format!(r"CORP\{harm}"))
            .with("QueryResults", harm.to_owned())
            .with("QueryStatus", harm.to_owned())
    };
    scene.put(&format!("EVIL{HARM}/a.evtx"), &log(&[event(1, HARM), event(2, HARM), event(9, HARM)]));
    scene.put("FORMULA/=1+1.evtx", &log(&[event(1, "=1+1")]));
    scene.put(&format!("ODD{HARM}/{HARM}.evtx"), b"no log");
    scene
}

/// Makes evidence of many hosts, every hundredth of which is compromised, and every fiftieth of
/// which has no readable log.
fn many_hosts(hosts: u64) -> Scene {
    let scene = Scene::new();
    for host in 0..hosts {
        let name = format!("WS-{host:03}.corp.example");
        let begin = 5 * 86_400 + (hosts - host) * 3600;
        let at = |event: Event, second: u64| event.on(&name).at(start() + second * time::SECOND);
        let mut events: Vec<Event> =
            (0..3).map(|number| at(harmless(number + 1), begin + number * 60)).collect();
        if host % 100 == 17 {
            let program = format!(r"C:\Users\u{host}\AppData\Roaming\Sync\sync{host}.exe");
            let paste = Event::dns_query("paste.pastebin.com", POWERSHELL).numbered(4);
            let beacon = |number| Event::dns_query("api.telegram.org", &program).numbered(number);
            events.push(at(paste, begin + 300));
            events.extend((5..9).map(|number| at(beacon(number), begin + number * 600)));
        }
        let bytes = if host % 50 == 3 { b"no log".to_vec() } else { log(&events) };
        scene.put(&format!("{name}/Sysmon.evtx"), &bytes);
    }
    scene
}

fn summary(out: &Path, width: usize, extent: Extent) -> String {
    let limits = if extent == Extent::Full { Limits::FULL } else { Limits::SUMMARY };
    let answer = RecordedOutput::open(out).unwrap().answer(&Question { host: None, limits }).unwrap();
    let page = Some("report.html");
    Summary { answer: &answer, directory: "/cases/out", page, width, colours: Colours::None, extent }.text()
}

/// Returns the characters of a text that act on a terminal.
fn acting(text: &str) -> Vec<char> {
    text.chars()
        .filter(|letter| *letter != '\n' && dnsweep::internals::report::is_shown_escaped(*letter))
        .collect()
}

#[test]
fn report_prints_what_the_sweep_printed() {
    let scenes = [(hostile_scene(), 3), (many_hosts(120), 3), (Scene::new(), 4)];
    for (scene, status) in scenes {
        let swept = scene.sweep(&["--dns-client"]).expect(status);
        for out in [scene.out(), scene.out().join("../out")] {
            let ended = report(&out, &[]);
            assert_eq!((ended.status, ended.stderr.as_str()), (0, ""));
            assert_eq!(ended.stdout, swept.process.stdout);
        }
        let full = scene.sweep(&["--force", "--dns-client", "--full"]).expect(status);
        assert_eq!(report(&scene.out(), &["--full"]).stdout, full.process.stdout);
        let json = scene.sweep(&["--force", "--dns-client", "--format", "json"]).expect(status);
        assert_eq!(report(&scene.out(), &["--format", "json"]).stdout, json.process.stdout);
    }
}

#[test]
fn lines_are_no_wider_than_the_terminal_and_words_are_whole() {
    for (scene, status) in [(hostile_scene(), 3), (many_hosts(400), 3)] {
        let swept = scene.sweep(&["--quiet"]).expect(status);
        let names: Vec<String> = swept
            .column("matches", "process_name")
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        for width in [80, 160] {
            let text = summary(&swept.out, width, Extent::Short);
            assert!(text.lines().count() <= 100, "{} lines", text.lines().count());
            for line in text.lines() {
                // A path has a line of its own, and cannot be broken.
                let is_path = line.contains(['\\', '/']) && !line.contains(", ");
                assert!(is_path || textwrap_width(line) <= width, "{width}: {line}");
                assert_eq!(line, line.trim_end());
            }
            assert_eq!(acting(&text), [] as [char; 0]);
            for name in names.iter().filter(|name| name.starts_with("sync")) {
                let broken = |line: &str| line.trim_start().len() < name.len() && name.ends_with(line.trim());
                assert!(!text.lines().any(|line| !line.trim().is_empty() && broken(line)), "{name}\n{text}");
            }
            assert_aligned(&text);
        }
    }
}

/// Makes evidence in which everything that a summary lists occurs more often than it can list.
/// Returns also the options with which to sweep it.
fn crowded_scene() -> (Scene, Vec<String>) {
    let scene = many_hosts(400);
    let long = "long-name-of-a-folder/".repeat(4);
    for number in 0..30 {
        scene.put(&format!("ODD-{number}/{long}{number}.evtx"), format!("odd {number}").as_bytes());
        scene.put(&format!("BROKEN-{number}/{long}{number}.zip"), b"PK\x03\x04 and no more");
        scene.put(&format!("FORM-{number}/{number}.evtx.json"), b"{}");
        let name = format!("GAPS-{number}");
        let event = |place: u64| matching(place * 7 + 1).on(&name).at(start() - place * 3600 * time::SECOND);
        scene.put(&format!("{name}/x.evtx"), &log(&[event(1), event(2), event(5)]));
    }
    let rules = scene.path("rules");
    fs::create_dir(&rules).unwrap();
    for number in 0..20 {
        let search = if number < 10 { "eventstats count" } else { "stats count by Computer" };
        let rule = format!(
            "name: A rule with a name that is not short, number {number}\nid: rule-{number}\nsearch: '`sysmon` \
             EventCode=22 QueryName IN (\"*pastebin*\", \"*telegram*\") | {search}'\n"
        );
        fs::write(rules.join(format!("{number}.yml")), rule).unwrap();
    }
    let exclusion = |number: u32| {
        format!(
            "- {{search: QueryName={number}.example, reason: {}}}\n",
            "A reason of many words. ".repeat(5)
        )
    };
    fs::write(scene.path("allow.yml"), (0..30).map(exclusion).collect::<String>()).unwrap();
    let [rules, allow] = [rules, scene.path("allow.yml")].map(|path| path.to_str().unwrap().to_owned());
    let options =
        ["--detection", &rules, "--allow", &allow, "--dns-client", "--since", "2025-02-01T00:00:00Z"];
    let options = options.map(str::to_owned).to_vec();
    (scene, options)
}

#[test]
fn a_crowded_summary_takes_two_screens_and_counts_what_it_cuts() {
    let (scene, options) = crowded_scene();
    let options: Vec<&str> = options.iter().map(String::as_str).chain(["--quiet"]).collect();
    let swept = scene.sweep(&options).expect(3);
    for width in [80, 160] {
        let text = summary(&swept.out, width, Extent::Short);
        assert!(text.lines().count() <= 100, "{} lines\n{text}", text.lines().count());
        let totals = &swept.run()["totals"];
        let left_out = format!(
            "Left out {} damaged or unreadable files, {} containers, 10 rules: see above",
            totals["damaged_files"].as_u64().unwrap() + totals["not_event_logs"].as_u64().unwrap(),
            totals["missed_containers"],
        );
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(&left_out), "{left_out}\n{text}");
        assert!(words.contains("Rules 10 of 20 rules ran; 10 refused"), "{text}");
        assert!(words.contains(" matches on 34 of "), "{text}");
        // All hosts with matches are named.
        for number in 0..30 {
            assert!(text.contains(&format!("GAPS-{number}")), "{number}\n{text}");
        }
    }
    let full = summary(&swept.out, 80, Extent::Full);
    for number in 0..30 {
        assert!(
            full.contains(&format!("ODD-{number}/")) && full.contains(&format!("{number}.zip")),
            "{number}"
        );
    }
}

/// Returns the width of a line in columns. Of the letters in these tests, the wide ones take two.
fn textwrap_width(line: &str) -> usize {
    line.chars().map(|letter| if ('\u{2e80}'..'\u{a000}').contains(&letter) { 2 } else { 1 }).sum()
}

/// Fails the test unless the columns of the table of hosts with matches are aligned: the times of
/// all rows begin where their head does.
#[track_caller]
fn assert_aligned(text: &str) {
    let head = text.lines().find(|line| line.starts_with("host with matches")).unwrap();
    let columns = |line: &str, at: usize| {
        let mut width = 0;
        line.chars()
            .skip_while(|letter| {
                width += textwrap_width(&letter.to_string());
                width <= at
            })
            .collect::<String>()
    };
    let first = textwrap_width(&head[..head.find("first (UTC)").unwrap()]);
    let end = textwrap_width(&head[..head.find("matches  first").unwrap() + "matches".len()]);
    let rows = text.lines().skip_while(|line| *line != head).skip(1).step_by(2);
    let rows: Vec<&str> = rows.take_while(|line| line.contains(':') && line.contains("20")).collect();
    assert!(!rows.is_empty(), "{text}");
    for row in rows {
        assert!(columns(row, first).starts_with("20"), "{head}\n{row}");
        assert!(columns(row, end).starts_with("  "), "{head}\n{row}");
        assert!(columns(row, end - 1).starts_with(|digit: char| digit.is_ascii_digit()), "{head}\n{row}");
    }
}

#[test]
fn the_last_screen_has_the_answer() {
    let scene = many_hosts(400);
    let swept = scene.sweep(&["--quiet"]).expect(3);
    let text = summary(&swept.out, 80, Extent::Short);
    let lines: Vec<&str> = text.lines().collect();
    let screen = lines[lines.len() - 24..].join("\n");
    // The host with the highest number has the earliest times.
    for part in [
        "WS-017.corp.example",
        "WS-117.corp.example",
        "WS-217.corp.example",
        "WS-317.corp.example",
        "paste.pastebin.com was asked for by",
        POWERSHELL,
        "Not cleared 8 of 396 hosts without matches",
        "  8 unreadable:\n            (evidence WS-003.corp.example), ",
        "and 5 more",
        "Left out    8 damaged or unreadable files",
        "20 matches on 4 of 400 hosts; 388 cleared, 8 not cleared",
    ] {
        assert!(screen.contains(part), "{part}\n{screen}");
    }
    let first = screen.lines().find(|line| line.starts_with("First match")).unwrap();
    assert!(first.ends_with("on WS-317.corp.example"), "{first}");
}

#[test]
fn no_field_harms_in_any_format() {
    let scene = hostile_scene();
    let swept = scene.sweep(&[]).expect(3);
    let host = format!("HOST{HARM}");
    for options in [&[][..], &["--full"], &["--host", &host], &["--risk"], &["--host", &host, "--full"]] {
        for format in ["text", "markdown", "csv", "json"] {
            let ended = report(&swept.out, &[options, &["--format", format]].concat());
            assert_eq!((ended.status, ended.stderr.as_str()), (0, ""), "{options:?} {format}");
            let text = ended.stdout.replace("\r\n", "\n");
            assert_eq!(acting(&text), [] as [char; 0], "{options:?} {format}");
            assert!(
                text.contains("\\u{1b}[2J") || text.contains("\\u001b[2J"),
                "{options:?} {format}: {text}"
            );
            if format == "markdown" {
                // Markup and the ends of cells lie in code spans, which are longer than those inside.
                let spans = text.split("``").skip(1).step_by(2);
                let within: usize = spans.map(|span| span.matches("<b>").count()).sum();
                assert_eq!(within, text.matches("<b>").count(), "{text}");
                assert_eq!(text.matches('|').count() - text.matches("\\|").count(), cells(&text), "{text}");
            }
        }
    }
    let json = json_of(&swept.out, &[]);
    assert_eq!(json["hosts"]["items"][0]["computer"], host);
    let csv = report(&swept.out, &["--format", "csv", "--host", "HOST=1+1"]).stdout;
    assert!(csv.contains(",'=1+1pastebin.com,") && !csv.contains(",=1+1"), "{csv}");
}

/// Returns how many bars (`|`) the tables of a Markdown text must have: in each row as many as in
/// its head.
fn cells(text: &str) -> usize {
    let rows = |line: &&str| line.starts_with('|');
    let mut bars = 0;
    let mut head = 0;
    for line in text.lines() {
        if !rows(&line) {
            head = 0;
            continue;
        }
        if head == 0 {
            head = line.matches('|').count() - line.matches("\\|").count();
        }
        bars += head;
    }
    bars
}

#[test]
fn the_document_says_what_the_tables_say() {
    for (scene, status) in [(hostile_scene(), 3), (many_hosts(120), 3)] {
        let swept = scene.sweep(&["--quiet"]).expect(status);
        let json = json_of(&swept.out, &[]);
        let hosts = swept.rows("hosts");
        let mut verdicts: BTreeMap<String, u64> = BTreeMap::new();
        for host in &hosts {
            *verdicts.entry(host["verdict"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let said: BTreeMap<String, u64> = json["verdicts"]
            .as_array()
            .unwrap()
            .iter()
            .map(|count| (count["verdict"].as_str().unwrap().to_owned(), count["hosts"].as_u64().unwrap()))
            .collect();
        assert_eq!(said, verdicts);
        let with_matches = hosts.iter().filter(|host| host["matches"] != 0).count();
        assert_eq!(json["hosts"]["count"], with_matches);
        assert_eq!(
            json["uncleared"]["count"].as_u64().unwrap() + json["cleared_count"].as_u64().unwrap(),
            (hosts.len() - with_matches) as u64
        );
        assert_eq!(json["totals"], swept.run()["totals"]);
        let listed = json["hosts"]["items"].as_array().unwrap();
        let order: Vec<_> = listed
            .iter()
            .map(|host| (host["matches"]["risk_score"].as_i64(), host["matches"]["unique"].as_u64()))
            .collect();
        assert!(order.is_sorted_by(|one, next| one >= next), "{order:?}");
        for host in listed {
            assert_matches(&swept, host);
        }
        let earliest = swept.rows("matches").into_iter().map(|row| row["event_time"].as_i64()).min().unwrap();
        let first = &json["first_match"]["match"]["time"];
        assert_eq!(micros(first), earliest);
    }
}

/// Fails the test unless the matches that a report's JSON lists for a host are those of the table
/// of matches, in order of time.
fn assert_matches(swept: &FinishedSweep, host: &Value) {
    let mut rows: Vec<Value> = swept.rows("matches");
    rows.retain(|row| row["computer"] == host["computer"] && row["duplicate"] == false);
    rows.sort_by_key(|row| row["event_time"].as_i64());
    let listed = host["matches"]["listed"]["items"].as_array().unwrap();
    assert_eq!(host["matches"]["listed"]["count"], rows.len());
    assert_eq!(listed.len(), rows.len());
    for (found, row) in listed.iter().zip(&rows) {
        assert_eq!(micros(&found["time"]), row["event_time"].as_i64());
        for name in ["query_name", "image", "process_name", "user", "query_status", "process_id"] {
            assert_eq!(found[name], row[name], "{name}");
        }
        for name in ["source_path", "record_offset", "event_record_id", "event_hash", "integrity"] {
            assert_eq!(found["place"][name], row[name], "{name}");
        }
        assert_eq!(found["rules"][0]["query_patterns"], row["matched_query"]);
        assert_eq!(found["rules"][0]["query_patterns_on_label"], row["matched_query_on_label"]);
        assert_eq!(found["rules"][0]["process_patterns"], row["matched_process"]);
        assert_eq!(found["rules"][0]["risk_message"], row["risk_message"]);
    }
}

/// Returns a time in RFC 3339 with seven decimals as microseconds since 1970.
fn micros(time: &Value) -> Option<i64> {
    let time = dnsweep::EventTime::parse_logged(time.as_str()?).unwrap();
    Some(time.microseconds())
}

#[test]
fn hits_inside_labels_are_told_from_others_in_each_format() {
    let scene = Scene::new();
    let asked = |number: u64, name: &str| Event::dns_query(name, POWERSHELL).numbered(number).on("A");
    let names = ["t.me", "client.medium.com", "Client.Medium.com", "pastebin.com"];
    let events: Vec<Event> = (1..).zip(names).map(|(number, name)| asked(number, name)).collect();
    scene.put("A/a.evtx", &log(&events));
    // Copies count once.
    scene.put("A/b.evtx", &log(&events));
    scene.put("B/b.evtx", &log(&[Event::dns_query("pastebin.com", POWERSHELL).on("B")]));
    let swept = scene.sweep(&[]).expect(0);
    let patterns = json!([{"pattern": "*t.me*", "hits": 3, "on_label": 1}]);
    for options in [&[][..], &["--host", "a"]] {
        let json = json_of(&swept.out, options);
        assert_eq!(json["patterns_inside_labels"], json!({"items": patterns, "count": 1}));
    }
    assert_eq!(json_of(&swept.out, &["--host", "b"])["patterns_inside_labels"]["count"], 0);
    let shown = |options: &[&str]| report(&swept.out, options).stdout;
    let text = shown(&[]);
    for expected in [
        "\nPatterns    *t.me*: 1 of 3 hits on a label boundary\n",
        " *t.me* (inside a label), *pow",
        " *pastebin*, ",
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    assert!(shown(&["--host", "a"]).contains(" *t.me* (inside a label), *pow"));
    assert!(shown(&["--format", "markdown"]).contains("| `*t.me*` | 3 | 1 |\n"));
    let page = shown(&["--format", "html"]);
    assert!(
        page.contains("On a label boundary are 1 of 3 hits of *t.me*.")
            && page.contains("by *t.me* (inside a label)")
    );
    let csv = shown(&["--host", "a", "--format", "csv"]);
    let mut rows = csv::Reader::from_reader(csv.as_bytes());
    let place = rows.headers().unwrap().iter().position(|name| name == "patterns_on_label").unwrap();
    let found: Vec<String> = rows.records().map(|row| row.unwrap()[place].to_owned()).collect();
    assert_eq!(found, ["*t.me*", "", "", "*pastebin*"]);
}

#[test]
fn no_format_speaks_of_labels_if_all_hits_are_on_their_boundaries() {
    let scene = Scene::new();
    scene.put("A/a.evtx", &log(&[Event::dns_query("cdn.t.me.example", POWERSHELL).on("A")]));
    let swept = scene.sweep(&[]).expect(0);
    for format in ["text", "markdown", "html"] {
        let text = report(&swept.out, &["--format", format]).stdout;
        assert!(text.contains("*t.me*") || format == "markdown");
        assert!(!text.contains("label boundary") && !text.contains("inside a label"), "{format}");
    }
}

#[test]
fn a_host_has_the_groups_of_its_detection() {
    let scene = many_hosts(120);
    let swept = scene.sweep(&["--quiet"]).expect(3);
    let json = json_of(&swept.out, &["--host", "ws-017"]);
    let host = &json["hosts"]["items"][0];
    assert_eq!((&json["hosts"]["count"], &host["computer"]), (&json!(1), &json!("WS-017.corp.example")));
    let stats = swept.rows(&format!("stats/{SEED_ID}"));
    let own: Vec<&Value> = stats.iter().filter(|row| row["dest"] == "WS-017.corp.example").collect();
    assert!(own.len() >= 2 && own.len() < stats.len());
    let groups = &host["matches"]["groups"][0];
    assert_eq!((&groups["detection_id"], &groups["rows"]["count"]), (&json!(SEED_ID), &json!(own.len())));
    for (row, expected) in groups["rows"]["items"].as_array().unwrap().iter().zip(own) {
        for (column, value) in groups["columns"].as_array().unwrap().iter().zip(row.as_array().unwrap()) {
            assert_eq!(*value, expected[column.as_str().unwrap()], "{column}");
        }
    }
    let text = report(&swept.out, &["--host", "ws-017"]).stdout;
    let groups = text.lines().filter(|line| line.trim_start().starts_with("QueryName ")).count();
    assert_eq!(groups, 2, "{text}");
    // Any other host is known, too, by its name or that of its evidence.
    let cleared = report(&swept.out, &["--host", "WS-001.corp.example"]).stdout;
    assert!(cleared.contains("no matches: cleared"), "{cleared}");
    let unread = report(&swept.out, &["--host", "WS-003"]).stdout;
    assert!(unread.contains("unreadable: not cleared") || unread.contains("not cleared"), "{unread}");
    let unknown = report(&swept.out, &["--host", "nowhere"]);
    assert_eq!((unknown.status, unknown.stdout.as_str()), (2, ""));
    assert!(unknown.stderr.contains("no host of this name"), "{}", unknown.stderr);
}

#[test]
fn what_is_asked_of_a_host_fits_a_terminal() {
    let scene = hostile_scene();
    let swept = scene.sweep(&["--quiet"]).expect(3);
    let question = Question { host: Some(format!("HOST{HARM}")), limits: Limits::HOST };
    let answer = RecordedOutput::open(&swept.out).unwrap().answer(&question).unwrap();
    for width in [80, 160] {
        let text =
            HostsInDetail { answer: &answer, width, colours: Colours::None, extent: Extent::Short }.text();
        for line in text.lines() {
            let is_path = line.contains(['\\', '/']) && !line.contains(", ");
            assert!(is_path || textwrap_width(line) <= width, "{width}: {line}");
        }
        assert_eq!(acting(&text), [] as [char; 0]);
    }
}

#[test]
fn risk_is_summed_up_in_the_days_before_the_last_event() {
    let scene = Scene::new();
    let at = |number: u64, days: u64| {
        let seconds = days * 86_400 * time::SECOND;
        matching(number).on("A").at(start() + seconds)
    };
    scene.put("A/x.evtx", &log(&[at(1, 0), at(2, 10), at(3, 14), at(4, 17)]));
    let swept = scene.sweep(&["--quiet"]).expect(0);
    let object = |options: &[&str]| {
        let json = json_of(&swept.out, &[&["--risk"], options].concat());
        assert_eq!(json["objects"]["count"], 1);
        let object = &json["objects"]["items"][0];
        assert_eq!((&object["object"], &object["object_type"]), (&json!("A"), &json!("system")));
        assert_eq!(object["mitre_attack_ids"]["items"], json!(["T1059.005", "T1059"]));
        assert_eq!(object["messages"]["items"][0], swept.rows("matches")[0]["risk_message"]);
        ["score", "events", "earlier_events"].map(|name| object[name].as_u64().unwrap())
    };
    assert_eq!(object(&[]), [3 * 64, 3, 1]);
    assert_eq!(object(&["--last", "6d"]), [2 * 64, 2, 2]);
    assert_eq!(object(&["--last", "17d"]), [4 * 64, 4, 0]);
    let wrong = report(&swept.out, &["--risk", "--last", "soon"]);
    assert_eq!((wrong.status, wrong.stdout.as_str()), (2, ""));
    assert!(wrong.stderr.contains("--last 'soon'"), "{}", wrong.stderr);
    assert_eq!(report(&swept.out, &["--risk", "--host", "B"]).stdout, "no risk events\n");
}

#[test]
fn a_table_of_hosts_has_a_row_for_each() {
    let scene = many_hosts(120);
    let swept = scene.sweep(&["--quiet"]).expect(3);
    let csv = report(&swept.out, &["--format", "csv"]).stdout;
    assert_eq!(csv.lines().count(), 1 + swept.rows("hosts").len());
    let cleared = swept.rows("hosts").iter().filter(|row| row["verdict"] == "no matches").count();
    assert_eq!(csv.lines().filter(|line| line.contains(",no matches,true,")).count(), cleared);
}

#[test]
fn what_is_no_complete_output_is_refused() {
    let scene = many_hosts(20);
    let swept = scene.sweep(&["--quiet"]).expect(3);
    let refused = |part: &str| {
        let ended = report(&swept.out, &[]);
        assert_eq!((ended.status, ended.stdout.as_str()), (2, ""));
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    };
    let hosts = swept.out.join("hosts.parquet");
    let bytes = fs::read(&hosts).unwrap();
    fs::remove_file(&hosts).unwrap();
    refused("expected a complete output, found no hosts.parquet");
    fs::write(&hosts, &bytes[1..]).unwrap();
    refused(&format!("found a hosts.parquet of {} bytes instead of {}", bytes.len() - 1, bytes.len()));
    // Nothing is verified, but what cannot be read is an error.
    fs::write(&hosts, vec![0; bytes.len()]).unwrap();
    refused("hosts.parquet cannot be read");
    fs::write(&hosts, &bytes).unwrap();
    let run_json = swept.out.join("run.json");
    let json = fs::read_to_string(&run_json).unwrap();
    fs::write(&run_json, json.replace("\"schema_version\": ", "\"schema_version\": 9")).unwrap();
    refused("expected schema version");
    fs::write(&run_json, &json[..json.len() / 2]).unwrap();
    refused("run.json that cannot be read");
    fs::write(&run_json, "{}").unwrap();
    refused("expected an output of dnsweep");
    let ended = report(&repository("src"), &[]);
    assert_eq!((ended.status, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("expected an output of dnsweep, found no run.json"), "{}", ended.stderr);
}

#[test]
fn a_summary_and_quiet_exclude_each_other() {
    let scene = Scene::new();
    for options in [&["--quiet", "--format", "json"][..], &["--quiet", "--full"]] {
        let ended = scene.sweep(options).expect(2);
        assert!(ended.process.stderr.contains("cannot be used with"), "{}", ended.process.stderr);
    }
}
