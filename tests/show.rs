//! `dnsweep show`: single events of an output, with their processes, rules, places and records.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use common::logs::{BROWSER, POWERSHELL, harmless, log, matching};
use common::{FinishedProcess, FinishedSweep, Scene, dnsweep, repository, run, sweep};
use dnsweep_samples::{Event, event_xml, process_guid, time};
use serde_json::Value;

/// Runs `dnsweep show` on an output.
fn show(out: &Path, arguments: &[&str]) -> FinishedProcess {
    run(dnsweep().arg("show").arg(out).args(arguments))
}

/// Returns the document that `dnsweep show --format json` prints. Fails the test unless it ends
/// with `status`.
#[track_caller]
fn document(out: &Path, arguments: &[&str], status: i32) -> Value {
    let shown = show(out, &[arguments, &["--format", "json"]].concat());
    assert_eq!(shown.status, status, "{}", shown.stderr);
    serde_json::from_str(&shown.stdout).unwrap()
}

/// Returns the values of `event_hash` in a table of the output, each once.
fn hashes(swept: &FinishedSweep, table: &str) -> BTreeSet<String> {
    let hashes = swept.column(table, "event_hash").into_iter();
    hashes.filter_map(|hash| hash.as_str().map(str::to_owned)).collect()
}

/// Returns the hash of the only match that asks for `name`.
fn hash_of(swept: &FinishedSweep, name: &str) -> String {
    let rows = swept.rows("matches");
    let row = rows.iter().find(|row| row["query_name"] == name).unwrap();
    row["event_hash"].as_str().unwrap().to_owned()
}

/// A log in which an office program starts a shell, and the shell a program that asks.
fn story() -> Scene {
    let start = |process: u32, parent: u32, image: &str, line: &str| {
        Event::process_create(image, line, "unknown.exe")
            .of_process(process)
            .with("ParentProcessGuid", process_guid(parent))
            .numbered(u64::from(process))
    };
    let scene = Scene::new();
    let events = [
        start(2, 1, r"C:\Office\winword.exe", "winword.exe  /n \"a  letter.docm\""),
        start(3, 2, POWERSHELL, "powershell.exe -enc \u{1b}[2J"),
        Event::dns_query("cdn.pastebin.com", POWERSHELL).of_process(3).numbered(4),
        Event::dns_query("mypastebin.com", POWERSHELL).of_process(3).numbered(5),
        Event::dns_query("example.com", POWERSHELL).of_process(3).numbered(6),
        Event::dns_query("pastebin.com", r"C:\Temp\b.exe").of_process(7).numbered(7),
        harmless(8).of_process(9),
    ];
    let start = time::filetime(2025, 3, 4, 9, 0, 0);
    let timed = (1..).zip(events).map(|(second, event)| event.on("A-PC").at(start + second * time::SECOND));
    scene.put("H/Sysmon.evtx", &log(&timed.collect::<Vec<_>>()));
    scene
}

#[test]
fn an_event_is_shown_with_its_processes_rules_and_record() {
    let scene = story();
    let swept = scene.sweep(&["--context", "--queries", "--quiet"]).expect(0);
    let hash = hash_of(&swept, "cdn.pastebin.com");
    let evidence = scene.evidence();
    let shown = show(&swept.out, &[&hash[..8], "--evidence", evidence.to_str().unwrap()]);
    assert_eq!((shown.status, shown.stderr.as_str()), (0, ""));
    let order = [
        "Match on A-PC, ",
        &*hash,
        "cdn.pastebin.com",
        "*pastebin* (on a label boundary)",
        "winword.exe  /n \"a  letter.docm\"",
        "powershell.exe -enc \\u{1b}[2J",
        "Sysmon.evtx",
        "The hash of its event is the event_hash above.",
        "<Data Name=\"QueryName\">cdn.pastebin.com</Data>",
        "EventData/Data[QueryName] =",
        "copy of the size",
    ];
    let mut rest = shown.stdout.as_str();
    for text in order {
        let at = rest.find(text).unwrap_or_else(|| panic!("{text} is not in the rest: {rest}"));
        rest = &rest[at + text.len()..];
    }
    assert!(!shown.stdout.contains('\u{1b}'));
    let inside = show(&swept.out, &[&hash_of(&swept, "mypastebin.com")]);
    assert!(inside.stdout.contains("*pastebin* (inside a label)"), "{}", inside.stdout);
    assert!(!inside.stdout.contains("Record read again"));
}

#[test]
fn what_says_where_an_event_lies_is_shown_of_its_place_alone() {
    const OF_PLACE: [&str; 11] = [
        "chunk_number",
        "deleted_file",
        "duplicate",
        "evidence",
        "integrity",
        "original_path",
        "record_offset",
        "recovered",
        "recovered_from",
        "snapshot_time",
        "source_path",
    ];
    let scene = story();
    let swept = scene.sweep(&["--context", "--quiet"]).expect(0);
    let shown = document(&swept.out, &[&hash_of(&swept, "cdn.pastebin.com")], 0);
    let columns = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<String>>();
    let event = &shown["events"][0];
    assert_eq!(columns(&event["places"][0]), OF_PLACE.map(str::to_owned).into());
    let fields = columns(&event["fields"]);
    assert!(fields.contains("query_name"));
    assert!(OF_PLACE.iter().all(|column| !fields.contains(*column)), "{fields:?}");
}

#[test]
fn a_host_or_process_is_shown_with_its_events() {
    let scene = story();
    let swept = scene.sweep(&["--context", "--queries", "--quiet"]).expect(0);
    let names = |arguments: &[&str]| -> Vec<String> {
        let events = document(&swept.out, arguments, 0)["events"].take();
        let name = |event: &Value| {
            let fields = &event["fields"];
            fields["query_name"].as_str().or(fields["command_line"].as_str()).unwrap().to_owned()
        };
        events.as_array().unwrap().iter().map(name).collect()
    };
    let matches = ["cdn.pastebin.com", "mypastebin.com", "pastebin.com"];
    assert_eq!(names(&["--host", "a-pc"]), matches);
    let guid = process_guid(3).to_string();
    let own = ["powershell.exe -enc \u{1b}[2J", "cdn.pastebin.com", "mypastebin.com", "example.com"];
    for process in [&*guid, guid.trim_matches(['{', '}']), "PowerShell.exe"] {
        assert_eq!(names(&["--process", process, "--host", "A-PC"]), own, "{process}");
    }
    let id = swept.rows("matches")[0]["process_id"].to_string();
    assert!(names(&["--process", &id]).len() >= 3);
    for nobody in [
        &["--host", "B-PC"][..],
        &["--process", "nobody.exe"],
        &["--process", "powershell.exe", "--host", "b"],
    ] {
        let shown = show(&swept.out, nobody);
        assert_eq!((shown.status, shown.stdout.as_str()), (2, ""), "{nobody:?}");
        assert!(
            shown.stderr.contains("expected matches or leads of a host, or events of a process, found none"),
            "{}",
            shown.stderr
        );
    }
}

#[test]
fn what_is_too_much_is_counted() {
    let scene = Scene::new();
    scene.put("Sysmon.evtx", &log(&(1..=25).map(matching).collect::<Vec<_>>()));
    let swept = scene.sweep(&["--quiet"]).expect(0);
    let computer = swept.rows("matches")[0]["computer"].as_str().unwrap().to_owned();
    let shown = document(&swept.out, &["--host", &computer], 0);
    assert_eq!((shown["events"].as_array().unwrap().len(), &shown["further"]), (20, &Value::from(5)));
    let text = show(&swept.out, &["--host", &computer]).stdout;
    assert!(text.ends_with("… and 5 further events: --full shows all\n"), "{text}");
    assert!(text.contains("the sweep did not look for it"), "{text}");
    let all = document(&swept.out, &["--host", &computer, "--full"], 0);
    assert_eq!((all["events"].as_array().unwrap().len(), &all["further"]), (25, &Value::from(0)));
    assert_eq!(
        shown["events"].as_array().unwrap()[..],
        all["events"].as_array().unwrap()[..20],
        "the first ones"
    );
}

#[test]
fn an_id_stands_for_one_event() {
    let scene = Scene::new();
    scene.put("Sysmon.evtx", &log(&(1..=1500).map(matching).collect::<Vec<_>>()));
    let swept = scene.sweep(&["--quiet", "--no-report"]).expect(0);
    let all = hashes(&swept, "matches");
    let both: Vec<&String> = all.iter().collect();
    // Of 1,500 hashes, some begin with the same four digits.
    let pair = both.windows(2).find(|pair| pair[0][..4] == pair[1][..4]).unwrap();
    let shown = show(&swept.out, &[&pair[0][..4]]);
    assert_eq!((shown.status, shown.stdout.as_str()), (2, ""));
    assert!(pair.iter().all(|hash| shown.stderr.contains(hash.as_str())), "{}", shown.stderr);
    let events = document(&swept.out, &[pair[1], &pair[0].to_uppercase(), pair[1]], 0)["events"].take();
    let found: Vec<&str> =
        events.as_array().unwrap().iter().map(|event| event["event_hash"].as_str().unwrap()).collect();
    assert_eq!(found, [pair[1], pair[0]]);
    let unknown = (0..u32::from(u16::MAX)).map(|number| format!("{number:04x}"));
    let unknown =
        unknown.into_iter().find(|id| !all.iter().any(|hash| hash.starts_with(id.as_str()))).unwrap();
    for (id, message) in
        [(&*unknown, "no event of the output"), ("abc", "at least its first 4"), ("xyzw", "hexadecimal")]
    {
        let shown = show(&swept.out, &[id]);
        assert_eq!((shown.status, shown.stdout.as_str()), (2, ""), "{id}");
        assert!(shown.stderr.contains(message), "{}", shown.stderr);
    }
    let nothing_named = show(&swept.out, &[]);
    assert_eq!(nothing_named.status, 2);
    assert!(
        nothing_named.stderr.contains("<ID|--host <NAME>|--process <PROCESS>>"),
        "{}",
        nothing_named.stderr
    );
}

#[test]
fn a_value_cannot_look_like_a_sentence_about_its_record() {
    let scene = Scene::new();
    let forged = matching(1).with("QueryResults", "a;\n  The hash of its event is forged\r\n  1 byte:;");
    scene.put("Sysmon.evtx", &log(&[forged]));
    let swept = scene.sweep(&["--quiet", "--no-report"]).expect(0);
    let hash = hashes(&swept, "matches").into_iter().next().unwrap();
    let shown = show(&swept.out, &[&hash, "--evidence", scene.evidence().to_str().unwrap()]);
    let forged: Vec<&str> = shown.stdout.lines().filter(|line| line.starts_with("  The hash of")).collect();
    assert_eq!(forged, ["  The hash of its event is the event_hash above."]);
    assert!(shown.stdout.contains("\n  |   The hash of its event is forged"), "{}", shown.stdout);
}

/// Sweeps the evidence in `root`, and shows every event of the output's tables. Fails the test if a
/// record that is read again does not have its hash. Returns the number of records.
fn all_are_the_same(root: &Path, options: &[&str]) -> usize {
    let scene = Scene::new();
    let swept = sweep(&[root], &scene.out(), &[&["--quiet", "--no-report"], options].concat());
    assert!([0, 3].contains(&swept.process.status), "{}", swept.process.stderr);
    let mut ids = BTreeSet::new();
    for table in ["matches", "leads", "queries", "processes"] {
        if swept.out.join(format!("{table}.parquet")).exists() {
            ids.extend(hashes(&swept, table));
        }
    }
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let evidence = ["--evidence", root.to_str().unwrap()];
    let document = document(&swept.out, &[&ids, &evidence[..]].concat(), 0);
    let events = document["events"].as_array().unwrap();
    assert_eq!(events.len(), ids.len());
    let records: Vec<&Value> = events.iter().flat_map(|event| event["records"].as_array().unwrap()).collect();
    for record in &records {
        let covered: u64 =
            record["parts"].as_array().unwrap().iter().map(|part| part["length"].as_u64().unwrap()).sum();
        assert_eq!(record["bytes"].as_str().unwrap().len() as u64, covered * 2, "{record}");
    }
    records.len()
}

#[test]
fn records_are_read_again_from_any_evidence() {
    let all = ["--context", "--queries", "--dns-client", "--recover"];
    for (folder, options, least) in [
        ("samples/evidence", &all[..], 50),
        ("samples/damaged", &all, 10),
        ("samples/damaged", &["--carve"], 1),
        ("samples/containers", &["--vss"], 10),
    ] {
        let records = all_are_the_same(&repository(folder), options);
        assert!(records >= least, "{folder} {options:?}: {records}");
    }
    let scene = Scene::new();
    let xml: String = (1..=3).map(|number| event_xml(&matching(number))).collect();
    scene.put("events.xml", format!("<Events>{xml}</Events>").as_bytes());
    assert_eq!(all_are_the_same(&scene.evidence(), &["--queries"]), 3);
    assert_eq!(all_are_the_same(&scene.path("evidence/events.xml"), &[]), 3);
}

#[test]
fn evidence_may_have_moved_and_changed() {
    let scene = Scene::new();
    let path = scene.put("H/Sysmon.evtx", &log(&[matching(1), matching(2)]));
    let swept = scene.sweep(&["--quiet"]).expect(0);
    let hash = swept.rows("matches")[1]["event_hash"].as_str().unwrap().to_owned();
    let offset = usize::try_from(swept.rows("matches")[1]["record_offset"].as_u64().unwrap()).unwrap();
    let moved = scene.path("moved");
    fs::rename(scene.evidence(), &moved).unwrap();
    let path = moved.join(path.strip_prefix(scene.evidence()).unwrap());
    let bytes = fs::read(&path).unwrap();
    let comparison = |status: i32| {
        let document = document(&swept.out, &[&hash, "--evidence", moved.to_str().unwrap()], status);
        let record = &document["events"][0]["records"][0];
        (
            record["comparison"].as_str().unwrap().to_owned(),
            record["found"].as_str().unwrap_or_default().to_owned(),
        )
    };
    assert_eq!(comparison(0).0, "same");
    let name: Vec<u8> = "pastebin".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let at = offset + bytes[offset..].windows(name.len()).position(|part| part == name).unwrap();
    let mut changed = bytes.clone();
    changed[at] = b'q';
    fs::write(&path, &changed).unwrap();
    let (word, found) = comparison(3);
    assert!(word == "different" && found.len() == 64 && found != hash, "{word} {found}");
    changed[offset] = 0;
    fs::write(&path, &changed).unwrap();
    let (word, found) = comparison(3);
    assert!(word == "missing" && found.contains("expected a record at offset"), "{word} {found}");
    fs::write(&path, &bytes[..4096]).unwrap();
    assert_eq!(comparison(3).0, "missing");
    fs::remove_file(&path).unwrap();
    fs::write(moved.join("other.evtx"), &bytes).unwrap();
    let (word, found) = comparison(3);
    assert!(word == "missing" && found.contains("no file of this path"), "{word} {found}");
    let text = show(&swept.out, &[&hash, "--evidence", moved.to_str().unwrap()]);
    assert!(text.status == 3 && text.stdout.contains("NOT COMPARED"), "{}", text.stdout);
}

#[test]
fn forged_processes_end() {
    let scene = Scene::new();
    let start = |process: u32, parent: u32| {
        Event::process_create(BROWSER, "b", "c")
            .of_process(process)
            .with("ParentProcessGuid", process_guid(parent))
    };
    // Each of the two is the parent of the other.
    let circle = [start(1, 2).numbered(1), start(2, 1).numbered(2), matching(3).of_process(1)];
    scene.put("Sysmon.evtx", &log(&circle));
    let swept = scene.sweep(&["--context", "--quiet"]).expect(0);
    let hash = swept.rows("matches")[0]["event_hash"].as_str().unwrap().to_owned();
    let tree = document(&swept.out, &[&hash], 0)["events"][0]["process_tree"].take();
    assert_eq!(tree.as_array().unwrap().len(), 2);
}

#[test]
fn bytes_that_no_hash_covers_are_held_to_the_checksums() {
    let scene = Scene::new();
    let path = scene.put("H/Sysmon.evtx", &log(&[matching(1), matching(2)]));
    let swept = scene.sweep(&["--quiet"]).expect(0);
    let row = swept.rows("matches")[0].clone();
    let hash = row["event_hash"].as_str().unwrap();
    // The level of the event is no part of the hash, but of the chunk's checksums.
    let mut bytes = fs::read(&path).unwrap();
    let evidence = scene.evidence();
    let arguments = [hash, "--evidence", evidence.to_str().unwrap()];
    let shown = document(&swept.out, &arguments, 0);
    let record = &shown["events"][0]["records"][0];
    let parts = record["parts"].as_array().unwrap();
    let level = parts.iter().find(|part| part["name"].as_str().unwrap().ends_with("System/Level")).unwrap();
    let at = row["record_offset"].as_u64().unwrap() + level["offset"].as_u64().unwrap();
    bytes[usize::try_from(at).unwrap()] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let changed = document(&swept.out, &arguments, 3);
    let record = &changed["events"][0]["records"][0];
    assert_eq!((&record["comparison"], &record["integrity"]), (&"same".into(), &"damaged".into()));
    let text = show(&swept.out, &arguments).stdout;
    assert!(text.contains("DIFFERENT: its checksums are damaged now, and were verified"), "{text}");
}

#[test]
fn a_planted_chunk_does_not_give_the_record_its_templates() {
    let scene = Scene::new();
    let mut bytes = log(&(1..=40).map(matching).collect::<Vec<_>>());
    let swept = {
        scene.put("Sysmon.evtx", &bytes);
        scene.sweep(&["--quiet"]).expect(0)
    };
    let rows = swept.rows("matches");
    let row = rows.last().unwrap();
    let offset = usize::try_from(row["record_offset"].as_u64().unwrap()).unwrap();
    // A whole header of another chunk lies in the records before, with its checksum.
    let other = log(&[matching(90)]);
    bytes[offset - 1200..offset - 1200 + 512].copy_from_slice(&other[4096..4096 + 512]);
    scene.put("Sysmon.evtx", &bytes);
    let evidence = scene.evidence();
    let shown = document(
        &swept.out,
        &[row["event_hash"].as_str().unwrap(), "--evidence", evidence.to_str().unwrap()],
        3,
    );
    let record = &shown["events"][0]["records"][0];
    assert_eq!((&record["comparison"], &record["chunk_offset"]), (&"same".into(), &4096.into()), "{record}");
    assert!(record["xml"].as_str().unwrap().contains("pastebin.com"));
}

#[test]
fn nothing_is_written_into_an_output_or_evidence() {
    let scene = Scene::new();
    scene.put("H/Sysmon.evtx", &log(&[matching(1)]));
    let swept = scene.sweep(&["--quiet"]).expect(0);
    let hash = swept.rows("matches")[0]["event_hash"].as_str().unwrap().to_owned();
    let moved = scene.path("moved");
    fs::rename(scene.evidence(), &moved).unwrap();
    std::os::unix::fs::symlink("nowhere", scene.path("link")).unwrap();
    let before = scene.listing();
    let (table, moved_to) = (swept.out.join("matches.parquet"), moved.join("x.txt"));
    for file in [table.as_path(), &moved_to, &scene.path("link"), &scene.path("missing/x.txt")] {
        let arguments = [&hash, "--evidence", moved.to_str().unwrap(), "-o", file.to_str().unwrap()];
        let shown = show(&swept.out, &arguments);
        assert_eq!((shown.status, shown.stdout.as_str()), (2, ""), "{}: {}", file.display(), shown.stderr);
        assert!(scene.listing() == before, "{}", file.display());
    }
    let written = scene.path("shown.txt");
    let shown = show(&swept.out, &[&hash, "-o", written.to_str().unwrap()]);
    assert_eq!((shown.status, shown.stdout.as_str()), (0, ""));
    assert_eq!(fs::read_to_string(written).unwrap(), show(&swept.out, &[&hash, "-o", "-"]).stdout);
}
