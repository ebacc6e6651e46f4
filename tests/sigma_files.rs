//! Files of Sigma rules as they are published: each rule runs, or a line says why not.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::fs;

use common::logs::log;
use common::{FinishedProcess, Scene, dnsweep};
use dnsweep_samples::Event;

/// Makes a Sigma rule with this id, log source and selection.
fn rule(id: &str, source: &str, selection: &str) -> String {
    format!(
        "title: Rule\n{id}status: test\nlevel: high\nlogsource:\n  {source}\ndetection:\n  s:\n    {selection}\n  condition: s\n"
    )
}

/// Makes a Sigma rule about paste sites.
fn paste(id: &str) -> String {
    rule(&format!("id: {id}\n"), "category: dns_query", "QueryName|contains: pastebin")
}

/// Makes evidence with two hosts, one with Sysmon's log and one with that of Windows' DNS client,
/// and a directory of these rules. Returns also the path of this directory.
fn scene(rules: &[(&str, Vec<u8>)]) -> (Scene, String) {
    let scene = Scene::new();
    scene.put("A/Sysmon.evtx", &log(&[Event::dns_query("pastebin.com", r"C:\a.exe").numbered(1).on("A")]));
    let client = [
        Event::resolver_query("pastebin.com", 9003, "").numbered(1).on("B"),
        Event::resolver_query("pastebin.com", 0, "192.0.2.1;").numbered(2).on("B"),
        Event::resolver_call("pastebin.com").numbered(3).on("B"),
    ];
    scene.put("B/DNS-Client.evtx", &log(&client));
    let directory = scene.path("rules");
    fs::create_dir(&directory).unwrap();
    for (name, bytes) in rules {
        fs::write(directory.join(name), bytes).unwrap();
    }
    let directory = directory.display().to_string();
    (scene, directory)
}

fn check(directory: &str) -> FinishedProcess {
    common::run(dnsweep().args(["detections", "check", directory]))
}

#[test]
fn files_in_each_encoding_and_of_several_rules_run() {
    let utf16: Vec<u8> =
        format!("\u{feff}{}", paste("utf16")).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let several = format!("{}---\n{}", paste("first"), paste("second"));
    let (scene, directory) = scene(&[
        ("bom.yml", format!("\u{feff}{}", paste("bom")).into_bytes()),
        ("crlf.YML", paste("crlf").replace('\n', "\r\n").into_bytes()),
        ("utf16.sigma", utf16),
        ("several.yaml", several.into_bytes()),
        ("noid.yml", paste("x").replace("id: x\n", "").into_bytes()),
    ]);
    let checked = check(&directory);
    assert_eq!(checked.status, 0, "{}{}", checked.stdout, checked.stderr);
    assert!(checked.stdout.contains("6 of 6 run"), "{}", checked.stdout);
    assert!(checked.stdout.contains("several.yaml, line 12 (sigma, second)"), "{}", checked.stdout);
    let swept = scene.sweep(&["--detection", &directory]).expect(0);
    assert_eq!(swept.rows("matches").len(), 6);
    assert_eq!(check(&directory).stdout, checked.stdout, "the id that is made is the same");
}

#[test]
fn each_line_about_a_rule_names_its_place() {
    let correlation =
        format!("{}---\ntitle: Many\nid: many\ncorrelation: {{type: event_count}}\n", paste("base"));
    let (_scene, directory) = scene(&[
        ("correlation.yml", correlation.into_bytes()),
        ("field.yml", paste("field").replace("QueryName", "QeuryName").into_bytes()),
        ("latin1.yml", b"title: B\xe4se\n".to_vec()),
        ("one.yml", paste("same").into_bytes()),
        ("other.yml", paste("same").into_bytes()),
        ("alias.yml", paste("alias").replace("pastebin", "*pastebin*").into_bytes()),
        ("other_data.yml", paste("other").replace("dns_query", "process_creation").into_bytes()),
    ]);
    let checked = check(&directory);
    assert_eq!(checked.status, 3);
    for expected in [
        "correlation.yml: line 14, column 1: expected a rule that describes events, found a correlation rule",
        "field.yml: line 9, column 5: expected a field of a Sysmon DNS query, found 'QeuryName'; did you mean 'QueryName'?",
        "latin1.yml: line 1, column 9: expected text in UTF-8 or UTF-16, found the byte 0xe4",
        "other.yml: line 2: id same is that of ",
        "one.yml (line 2) too",
        "alias.yml: line 9, column 25: expected a value, found *pastebin*",
        "other_data.yml: line 6, column 13: expected a rule about DNS queries, found one about other data (category process_creation)",
    ] {
        assert!(checked.stdout.contains(expected), "{expected}: {}", checked.stdout);
    }
    assert!(checked.stdout.contains("2 of 7 run"), "{}", checked.stdout);
}

#[test]
fn rules_about_the_log_of_the_dns_client_make_leads() {
    let client = |id: &str, selection: &str| {
        rule(&format!("id: {id}\n"), "service: dns-client", selection).into_bytes()
    };
    let (scene, directory) = scene(&[
        (
            "client.yml",
            client("client", "QueryName|contains: pastebin\n    EventID: 3008\n    QueryStatus: 9003"),
        ),
        ("type.yml", client("type", "QueryType: 1")),
        (
            "sysmon.yml",
            paste("sysmon").replace("contains", "endswith").replace("pastebin", ".nowhere").into_bytes(),
        ),
    ]);
    let checked = check(&directory);
    assert!(
        checked.stdout.contains("client.yml (sigma, client); as leads, with --dns-client"),
        "{}",
        checked.stdout
    );
    let without = scene.sweep(&["--detection", &directory]).expect(0);
    assert_eq!(without.run()["detections"].as_array().unwrap().len(), 1);
    assert!(without.process.stderr.contains("--dns-client"), "{}", without.process.stderr);
    let file = format!("{directory}/client.yml");
    let named = scene.sweep(&["--force", "--detection", &file]);
    assert_eq!(named.process.status, 2);
    assert!(
        named.process.stderr.contains("client.yml: line 1: expected a rule about Sysmon's DNS queries"),
        "{}",
        named.process.stderr
    );
    for options in [&[][..], &["--exhaustive"]] {
        let swept = scene
            .sweep(&[&["--force", "--dns-client", "--detection", &directory], options].concat())
            .expect(0);
        let leads: Vec<(String, u64)> = swept
            .rows("leads")
            .iter()
            .map(|row| {
                (row["detection_id"].as_str().unwrap().to_owned(), row["event_record_id"].as_u64().unwrap())
            })
            .collect();
        let expected = [("client", 1), ("type", 1), ("type", 2), ("type", 3)];
        assert_eq!(leads, expected.map(|(id, number)| (id.to_owned(), number)));
        assert_eq!(swept.rows("matches").len(), 0);
    }
}

#[test]
fn what_is_wrong_with_one_rule_of_a_file_hides_no_other() {
    let wrong = "title: \"x\nid: wrong\n";
    let (scene, directory) = scene(&[
        ("a.yml", format!("{}---\n{wrong}---\n{}", paste("first"), paste("last")).into_bytes()),
        ("b.yml", format!("{wrong}---\n{}---\nid: [\n...\n{}", paste("next"), paste("end")).into_bytes()),
    ]);
    let checked = check(&directory);
    assert_eq!(checked.status, 3, "{}", checked.stdout);
    assert!(checked.stdout.contains("4 of 7 run; 3 refused"), "{}", checked.stdout);
    for expected in [
        "a.yml: line 12, column 8: expected a quote that closes",
        "b.yml: line 1, column 8:",
        "b.yml: line 15, column 5:",
    ] {
        assert!(checked.stdout.contains(expected), "{expected}: {}", checked.stdout);
    }
    let swept = scene.sweep(&["--detection", &directory]).expect(0);
    assert_eq!(swept.rows("matches").len(), 4);
    assert_eq!(swept.run()["rules"]["refused"], 3);
}

#[test]
fn ids_are_named_by_their_lines_and_compared_as_uuids() {
    let uuid = "065CCEEA-77EC-4030-9052-FC0AFFEA7110";
    let after = |id: &str| format!("{}id: {id}\n", paste("x").replace("id: x\n", ""));
    let splunk =
        |id: &str| format!("name: S\nversion: 1\nid: {id}\nsearch: EventCode=22 QueryName=*pastebin*\n");
    let (_scene, directory) = scene(&[
        ("a.yml", after(uuid).into_bytes()),
        ("b.yml", after(&uuid.to_lowercase()).into_bytes()),
        ("c.yml", after(&format!("'{{{uuid}}}'")).into_bytes()),
        ("d.yml", after("my rule").into_bytes()),
        ("e.yml", splunk("my rule").into_bytes()),
        ("f.yml", splunk("''").into_bytes()),
        ("g.yml", splunk("'{S-1}'").into_bytes()),
        ("h.yml", splunk("S-1").into_bytes()),
        ("i.yml", after("''").into_bytes()),
        ("j.yml", after("''").into_bytes()),
    ]);
    let checked = check(&directory);
    for expected in [
        "a.yml (sigma, 065CCEEA-77EC-4030-9052-FC0AFFEA7110)",
        "b.yml: line 10: id 065cceea-77ec-4030-9052-fc0affea7110 is that of ",
        "a.yml (line 10) too",
        "c.yml: line 10: id 065CCEEA-77EC-4030-9052-FC0AFFEA7110 is that of ",
        "d.yml: line 10: id: expected up to 200 letters",
        "e.yml: line 3: id: expected up to 200 letters",
        "f.yml: line 3, column 5: id: expected an id, found none",
        "g.yml (splunk, S-1)",
        "h.yml: line 3: id S-1 is that of ",
        "g.yml (line 3) too",
        "j.yml: line 1: id ",
        "i.yml (line 1) too",
    ] {
        assert!(checked.stdout.contains(expected), "{expected}: {}", checked.stdout);
    }
    assert!(checked.stdout.contains("3 of 10 run"), "{}", checked.stdout);
}

#[test]
fn rules_with_one_name_are_distinguished() {
    let (scene, directory) = scene(&[
        ("a.yml", paste("11111111-0000-4000-8000-000000000001").into_bytes()),
        ("b.yml", paste("22222222-0000-4000-8000-000000000001").into_bytes()),
        ("c.yml", paste("same-1").replace("title: Rule", "title: Other").into_bytes()),
        ("d.yml", paste("same-2").replace("title: Rule", "title: Other").into_bytes()),
        ("e.yml", paste("alone").replace("title: Rule", "title: Alone").into_bytes()),
    ]);
    let swept = scene.sweep(&["--detection", &directory]).expect(0);
    let text = &swept.process.stdout;
    for name in ["Rule [11111111]", "Rule [22222222]", "Alone", "Other [same-1]", "Other [same-2]"] {
        assert!(text.contains(&format!("Detection   {name}: 1")), "{text}");
    }
    // The match names the first rules that describe it, and counts the others.
    let named = text.lines().filter(|line| line.starts_with("      ") && line.contains('[')).count();
    assert!(named >= 2 && text.contains("      and 3 more rules\n"), "{text}");
}
