//! A sweep reads event XML as it reads the log that it was rendered from.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use common::logs::{BROWSER, POWERSHELL, harmless, log, matching, styled};
use common::truth::SEED_ID;
use common::{FinishedSweep, Scene, sweep};
use dnsweep_samples::{Event, LogWriter, Style, event_xml, time};
use serde_json::{Value, json};

/// The tables that do not say where events lie, so that they are the same for a log and its
/// rendering as event XML.
const SAME: [&str; 2] = ["hosts.parquet", "stats/3cf0dc36-484d-11ec-a6bc-acde48001122.parquet"];

/// Makes events of several kinds, with odd texts among them, a gap in their EventRecordIDs, and a
/// clock that goes back.
fn events() -> Vec<Event> {
    let start = time::filetime(2024, 5, 6, 8, 0, 0);
    let odd = [
        Event::dns_query("a&b<c>d\"e'.pastebin.com&", r"C:\Users\R&D <x> 'y' \AppData\a&b.exe"),
        Event::dns_query("\u{1b}[2J\u{1b}[31mpastebin.com\u{7}", POWERSHELL),
        Event::dns_query(" pastebin.com\r\n\tß\u{1F4A9}\u{85}\u{2028}", POWERSHELL),
        Event::dns_query("&lt;Event&gt;pastebin.com&#65;<![CDATA[x]]>", POWERSHELL),
        Event::dns_query("pastebin.com", POWERSHELL).without("User").without("QueryResults"),
        Event::dns_query("pastebin.com", POWERSHELL).with("User", "").with("QueryResults", ""),
        Event::dns_query("pastebin.com", POWERSHELL)
            .answered("0", "type:  5 a.example;::ffff:192.0.2.7;2001:db8::1;"),
        Event::process_create(POWERSHELL, "powershell -enc \"<&>\"", BROWSER),
        Event::network_connection(POWERSHELL, "192.0.2.1", 443),
        Event::new(&dnsweep_samples::SECURITY, 4624),
        Event::dns_query("pastebin.com", BROWSER).with("", "no name").with("Other", "x"),
    ];
    let plain = (0..40).map(|number| if number % 5 == 0 { matching(0) } else { harmless(0) });
    let all = odd.into_iter().chain(plain).enumerate();
    all.map(|(place, event)| {
        let number = place as u64;
        // Some numbers are missing, and once the clock goes back by an hour.
        let id = if number > 20 { number + 7 } else { number };
        let time = if number > 30 { start - time::HOUR } else { start };
        event.numbered(100 + id).on("A").at(time + number * time::SECOND + number * 1_234_567)
    })
    .collect()
}

fn lines(events: &[Event]) -> String {
    events.iter().map(|event| event_xml(event) + "\n").collect()
}

fn document(events: &[Event], declaration: &str, separator: &str) -> String {
    let events: Vec<String> = events.iter().map(event_xml).collect();
    format!("{declaration}<Events>{separator}{}{separator}</Events>{separator}", events.join(separator))
}

fn utf16(text: &str, mark: u16, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    std::iter::once(mark).chain(text.encode_utf16()).flat_map(bytes).collect()
}

/// Makes files of event XML in all forms that dnsweep reads, each with its file name.
fn forms(events: &[Event]) -> Vec<(&'static str, Vec<u8>)> {
    let declared =
        |encoding: &str| format!("<?xml version=\"1.0\" encoding=\"{encoding}\" standalone=\"yes\"?>\r\n");
    let one_line = document(events, &declared("utf-16"), "");
    vec![
        ("lines.log", lines(events).into_bytes()),
        ("crlf.txt", lines(events).replace("</Event>\n", "</Event>\r\n").into_bytes()),
        ("no-end.xml", lines(events).trim_end().as_bytes().to_vec()),
        ("one-line.xml", document(events, "", "").into_bytes()),
        ("declared.xml", document(events, &declared("utf-8"), "\r\n  ").into_bytes()),
        (
            "marked.evtx.xml",
            [b"\xef\xbb\xbf", document(events, &declared("utf-8"), "\n").as_bytes()].concat(),
        ),
        ("little.xml", utf16(&one_line, 0xfeff, u16::to_le_bytes)),
        ("big.XML", utf16(&one_line, 0xfeff, u16::to_be_bytes)),
        ("little-lines.Log", utf16(&lines(events), 0xfeff, u16::to_le_bytes)),
        ("prefix.xml", prefixed(&document(events, "", "\n")).into_bytes()),
        ("prefix-little.xml", utf16(&prefixed(&lines(events)), 0xfeff, u16::to_le_bytes)),
        // The forms of Event Viewer's details, of evtx_dump, and of syslog lines with and without
        // priority.
        ("viewer.xml", led_in(events, "- ").replace("<System>", "\r\n- <System>\r\n").into_bytes()),
        (
            "evtx_dump.xml",
            led_in(events, "Record 17\n<?xml version=\"1.0\" encoding=\"utf-8\"?>\n").into_bytes(),
        ),
        ("syslog.log", led_in(events, "<14>Mar  4 10:00:00 A Sysmon[7]: ").into_bytes()),
        ("rsyslog.log", led_in(events, "2025-03-04T10:00:00+00:00 A - ").into_bytes()),
        (
            "syslog-little.log",
            utf16(&led_in(events, "<14>Mar  4 10:00:00 \u{e4} "), 0xfeff, u16::to_le_bytes),
        ),
    ]
}

/// Adds a namespace prefix to every element, as some libraries do.
fn prefixed(xml: &str) -> String {
    let ends = xml.replace("</", "\u{e000}").replace('<', "<ns0:");
    ends.replace('\u{e000}', "</ns0:").replace("xmlns=", "xmlns:ns0=")
}

/// Makes lines of event XML. Each event follows the text `text`.
fn led_in(events: &[Event], text: &str) -> String {
    events.iter().flat_map(|event| [text.to_owned(), event_xml(event), "\n".to_owned()]).collect()
}

/// Returns the rows of the table of matches, without the columns that say where a record lies.
fn matches(swept: &FinishedSweep) -> Vec<Value> {
    let forget = |mut row: Value| {
        for column in ["source_path", "chunk_number", "record_offset", "integrity"] {
            row.as_object_mut().unwrap().remove(column).unwrap();
        }
        row
    };
    swept.rows("matches").into_iter().map(forget).collect()
}

/// Returns what a row of the ledger says about records.
fn counts(file: &Value) -> Vec<Value> {
    let columns = [
        "status",
        "records",
        "refound_records",
        "damaged_records",
        "sysmon_records",
        "dns_queries",
        "matches",
        "computers",
        "first_time",
        "last_time",
        "first_record_id",
        "last_record_id",
        "record_gaps",
        "record_gap_count",
        "clock_step_count",
    ];
    columns.map(|column| file[column].clone()).to_vec()
}

const PARTS: [&str; 7] = ["header", "good", "empty", "damaged", "trailing", "other", "unread"];

fn parts(file: &Value) -> [u64; 7] {
    PARTS.map(|part| file[format!("{part}_bytes")].as_u64().unwrap())
}

/// Fails unless all bytes of a file are accounted for in its row of the ledger.
fn assert_sum(file: &Value) {
    assert_eq!(file["size"], json!(parts(file).iter().sum::<u64>()), "{file}");
}

fn problems(file: &Value) -> Vec<(u64, u64, String)> {
    let number = |problem: &Value, name: &str| problem[name].as_u64().unwrap();
    let text = |problem: &Value| problem["problem"].as_str().unwrap().to_owned();
    let all = file["problems"].as_array().unwrap().iter();
    all.map(|problem| (number(problem, "offset"), number(problem, "length"), text(problem))).collect()
}

#[test]
fn a_log_and_its_rendering_give_the_same() {
    let events = events();
    let scene = Scene::new();
    // The log was closed: a rendering does not show whether a log was in use.
    let mut writer = LogWriter::new(Style::Live).dirty(false);
    writer.push_all(&events).unwrap();
    scene.put("A/Sysmon.evtx", &writer.finish());
    let of_log = scene.sweep(&["--evidence-depth", "1"]).expect(0);
    let (expected, ledger) = (matches(&of_log), of_log.file("A/Sysmon.evtx"));
    assert_eq!((expected.len(), &ledger["event_xml"]), (15, &json!(false)));
    assert_eq!((&ledger["record_gap_count"], &ledger["clock_step_count"]), (&json!(2), &json!(1)));
    for (name, bytes) in forms(&events) {
        let scene = Scene::new();
        scene.put(&format!("A/{name}"), &bytes);
        let swept = scene.sweep(&["--evidence-depth", "1"]).expect(0);
        assert_eq!(matches(&swept), expected, "{name}");
        let file = swept.file(&format!("A/{name}"));
        assert_eq!(counts(&file), counts(&ledger), "{name}");
        assert_eq!(
            (&file["event_xml"], &file["chunks"], &file["carved"]),
            (&json!(true), &json!(0), &json!(false))
        );
        assert_sum(&file);
        assert_eq!(parts(&file)[3..], [0; 4], "{name}");
        let same = |swept: &FinishedSweep| {
            swept.tables().into_iter().filter(|(name, _)| SAME.contains(&name.as_str())).collect::<Vec<_>>()
        };
        assert_eq!(same(&swept).len(), SAME.len());
        assert!(same(&swept) == same(&of_log), "{name}");
        // The event stands at the offset in its row.
        for row in swept.rows("matches") {
            let at = usize::try_from(row["record_offset"].as_u64().unwrap()).unwrap();
            let text: String = bytes[at..]
                .iter()
                .filter(|byte| **byte != 0)
                .take(11)
                .map(|byte| char::from(*byte))
                .collect();
            let is_event = text.starts_with("<Event ") || text == "<ns0:Event ";
            assert_eq!((is_event, &row["chunk_number"]), (true, &json!(0)), "{name}: {text}");
        }
    }
}

#[test]
fn white_space_that_sets_elements_apart_changes_nothing() {
    let events = [matching(1).on("A"), matching(2).on("A"), harmless(3).on("A")];
    let scene = Scene::new();
    scene.put("A/1.evtx", &styled(Style::Export, &events));
    let apart = lines(&events).replace('>', ">\n      ").replace("</", "\n    </");
    assert!(apart.contains("<EventID>\n      22\n    </EventID>"), "{apart}");
    scene.put("A/2.xml", apart.as_bytes());
    let swept = scene.sweep(&["--evidence-depth", "1"]).expect(0);
    assert_eq!(swept.column("matches", "duplicate"), [false, false, true, true].map(Value::from));
    let rows = matches(&swept);
    for (of_log, of_xml) in rows[..2].iter().zip(&rows[2..]) {
        let but_copy = |row: &Value| {
            let mut row = row.clone();
            row.as_object_mut().unwrap().remove("duplicate").unwrap();
            row
        };
        assert_eq!(but_copy(of_log), but_copy(of_xml));
    }
    assert_eq!(swept.rows("hosts").len(), 1);
}

#[test]
fn a_query_whose_fields_have_no_names_is_a_problem() {
    let event = event_xml(&matching(1).on("A"));
    let nameless: String = event.split(" Name='").enumerate().fold(String::new(), |text, (place, part)| {
        // The first element without a name is the provider's.
        if place < 2 {
            [text, if place == 1 { " Name='" } else { "" }.to_owned(), part.to_owned()].concat()
        } else {
            text + part.split_once('\'').unwrap().1
        }
    });
    assert!(nameless.contains("<Data>pastebin.com</Data>"), "{nameless}");
    let moved = event.replace("EventData>", "UserData>");
    let scene = Scene::new();
    scene.put("A/a.xml", format!("{nameless}\n{moved}\n{}", event_xml(&matching(2).on("A"))).as_bytes());
    let swept = scene.sweep(&[]).expect(3);
    assert_eq!(swept.column("matches", "event_record_id"), [json!(2)]);
    let file = swept.file("A/a.xml");
    assert_eq!(
        (&file["status"], &file["records"], &file["damaged_records"]),
        (&json!("damaged"), &json!(1), &json!(2))
    );
    let found = problems(&file);
    assert_eq!(found.len(), 2);
    assert!(
        found[0].2.contains("a DNS query without any known field")
            && found[0].2.ends_with("Data without a Name"),
        "{found:?}"
    );
    assert!(found[1].2.ends_with("found none of these"), "{found:?}");
    assert!(swept.process.stdout.contains("a DNS query without any known field"), "{}", swept.process.stdout);
}

#[test]
fn an_event_in_both_is_one_event() {
    let events = events();
    let scene = Scene::new();
    scene.put("A/1.evtx", &styled(Style::Export, &events));
    scene.put("A/2.xml", document(&events, "", "\n").as_bytes());
    scene.put("B/Forwarded.evtx", &styled(Style::Forwarded, &events));
    let swept = scene.sweep(&[]).expect(0);
    let copies: Vec<bool> =
        swept.column("matches", "duplicate").iter().map(|copy| copy.as_bool().unwrap()).collect();
    assert_eq!(copies.len(), 45);
    assert!(copies[..15].iter().all(|copy| !copy) && copies[15..].iter().all(|copy| *copy));
    assert_eq!(swept.host("A")["unique_matches"], json!(15));
}

#[test]
fn event_xml_is_recognised_by_its_content() {
    let xml = lines(&[matching(1).on("A")]);
    let scene = Scene::new();
    for name in ["a.xml", "b.log", "c.txt", "d.evtx.xml"] {
        scene.put(&format!("A/{name}"), xml.as_bytes());
    }
    // These are not opened, whatever they begin with.
    scene.put("A/e.json", xml.as_bytes());
    scene.put("A/f", xml.as_bytes());
    // These are opened, and are no event XML.
    scene.put("A/g.log", b"2024-05-06 INFO <Event>");
    scene.put("A/h.xml", b"<?xml version='1.0'?><EventData/>");
    scene.put("A/i.txt", b"");
    scene.put("A/j.log", &log(&[matching(2).on("A")]));
    let names = |swept: &FinishedSweep| swept.column("files", "source_path");
    let swept = scene.sweep(&[]).expect(0);
    assert_eq!(names(&swept), [json!("A/a.xml"), json!("A/b.log"), json!("A/c.txt"), json!("A/d.evtx.xml")]);
    assert_eq!(swept.run()["passed_over"]["other_files"], json!(6));
    let swept = scene.sweep(&["--any-name", "--force"]).expect(0);
    let rows: Vec<(Value, Value)> =
        names(&swept).into_iter().zip(swept.column("files", "event_xml")).collect();
    let expected =
        [("a.xml", true), ("b.log", true), ("c.txt", true), ("d.evtx.xml", true), ("e.json", true)];
    let expected = expected.into_iter().chain([("f", true), ("j.log", false)]);
    assert_eq!(rows, expected.map(|(name, is)| (json!(format!("A/{name}")), json!(is))).collect::<Vec<_>>());
    // A file that is no event XML is carved if carving was requested. A file with the name of a log
    // is read as a log.
    let swept = scene.sweep(&["--carve", "--force"]).expect(0);
    let carved = swept.column("files", "carved");
    assert_eq!(carved, [false, false, false, false, true, true, true, true, true, true].map(Value::from));
    assert_eq!(swept.column("matches", "source_path").last(), Some(&json!("A/j.log")));
}

#[test]
fn the_ending_of_a_log_decides_and_a_name_in_a_name_is_decided_by_content() {
    let scene = Scene::new();
    scene.put("A/a.evtx", lines(&[matching(1)]).as_bytes());
    scene.put("A/b.evtx.log", lines(&[matching(1)]).as_bytes());
    scene.put("A/c.evtx.xml", &log(&[matching(2)]));
    for options in [&["--force"][..], &["--force", "--any-name"], &["--force", "--carve"]] {
        let swept = scene.sweep(options).expect(3);
        let statuses = swept.column("files", "status");
        assert_eq!(statuses, ["not an event log", "complete", "complete"].map(Value::from));
        assert_eq!(swept.column("files", "event_xml"), [false, true, false].map(Value::from));
    }
    let swept = sweep(&[&scene.path("evidence/A/a.evtx")], &scene.out(), &["--force"]).expect(4);
    assert_eq!(swept.column("files", "event_xml"), [Value::from(false)]);
}

#[test]
fn a_file_given_directly_is_tried_whatever_its_name() {
    let scene = Scene::new();
    let path = scene.put("A/export.dat", lines(&[matching(1).on("A")]).as_bytes());
    let swept = sweep(&[&path], &scene.out(), &[]).expect(0);
    assert_eq!((swept.rows("matches").len(), &swept.file("export.dat")["event_xml"]), (1, &json!(true)));
}

/// Makes event XML with enough lines for several blocks, so that blocks end within lines.
fn many() -> Vec<u8> {
    let events = (0..4000).map(|number| {
        let event = if number % 9 == 0 { matching(number) } else { harmless(number) };
        event
            .on(&format!("PC-{}", number % 3))
            .with("QueryResults", "192.0.2.1;".repeat(usize::try_from(number).unwrap() % 200))
    });
    lines(&events.collect::<Vec<_>>()).into_bytes()
}

#[test]
fn a_file_of_several_blocks_is_the_same_on_any_number_of_threads() {
    let bytes = many();
    let scene = Scene::new();
    scene.put("A/a.log", &bytes);
    scene.put("B/b.xml", &utf16(&String::from_utf8(bytes.clone()).unwrap(), 0xfeff, u16::to_be_bytes));
    let mut all = Vec::new();
    for options in [&["--threads", "1"][..], &["--threads", "5"], &["--threads", "3", "--readers", "1"]] {
        let swept = scene.sweep(&[options, &["--hash", "--force"]].concat()).expect(0);
        all.push(swept.tables());
        if all.len() == 1 {
            for name in ["A/a.log", "B/b.xml"] {
                let file = swept.file(name);
                assert!(file["size"].as_u64().unwrap() > 5 << 20);
                assert_eq!((&file["records"], &file["matches"]), (&json!(4000), &json!(445)), "{name}");
                assert_sum(&file);
            }
            assert_eq!(
                swept.file("A/a.log")["sha256"],
                json!(dnsweep::internals::base::digest::sha256(&bytes))
            );
            assert_eq!(swept.run()["totals"]["bytes_read"], swept.run()["totals"]["bytes"]);
        }
    }
    assert!(all.iter().all(|tables| *tables == all[0]));
}

#[test]
fn damage_costs_only_the_event_it_is_in() {
    let good = |number| event_xml(&matching(number).on("A"));
    let no_id = good(3).replace("<EventID>22</EventID>", "<EventID>x</EventID>");
    let nested = good(4).replace("pastebin.com", "<b>pastebin.com</b>");
    let cut = good(5)[..300].to_owned();
    let unclosed = good(6).replace("</System>", "");
    let bad = format!("{}{}", good(7), "\u{fffd}");
    let mut bytes = format!("{}\n{no_id}\n{nested}\n{cut}\n{unclosed}\n", good(1)).into_bytes();
    let not_text = bytes.len();
    bytes.extend(bad.bytes());
    let place = bytes[not_text..].windows(8).position(|part| part == b"pastebin").unwrap();
    bytes[not_text + place] = 0xff;
    bytes.extend(format!("\n words \n{}\n{}", good(8), &good(9)[..400]).bytes());
    let scene = Scene::new();
    scene.put("A/a.log", &bytes);
    let swept = scene.sweep(&[]).expect(3);
    assert_eq!(swept.column("matches", "event_record_id"), [json!(1), json!(8)]);
    let file = swept.file("A/a.log");
    assert_eq!(
        (&file["status"], &file["records"], &file["damaged_records"]),
        (&json!("damaged"), &json!(2), &json!(6))
    );
    assert_sum(&file);
    let found = problems(&file);
    let expected = [
        "EventID: expected a number, found 'x'",
        "expected text, found an element 'b'",
        "expected its end tag, found the start of another event",
        "</System>",
        "expected UTF-8, found other bytes",
        "expected an event, found",
        "expected its end tag, found the end of the file",
    ];
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((offset, length, problem), part) in found.iter().zip(expected) {
        assert!(problem.contains(part), "{problem}: {part}");
        let range = usize::try_from(*offset).unwrap()..usize::try_from(offset + length).unwrap();
        let is_event = bytes[range.clone()].starts_with(b"<Event ");
        assert_eq!(is_event, !part.starts_with("expected an event"), "{problem}");
    }
    let damaged: u64 = found.iter().map(|(_, length, _)| length).sum();
    assert_eq!(parts(&file)[3], damaged);
}

#[test]
fn references_are_never_expanded() {
    let declared = "<!DOCTYPE Events [<!ENTITY a 'pastebin.com'><!ENTITY b '&a;&a;&a;'>]>";
    let using =
        |number, reference: &str| event_xml(&matching(number).on("A")).replace("pastebin.com", reference);
    let inside = event_xml(&matching(4).on("A")).replace("<System>", &format!("{declared}<System>"));
    let text = format!(
        "{declared}\n<Events>{}{}{}{inside}{}{}{}</Events>",
        using(1, "&b;"),
        using(2, "&nbsp;pastebin.com"),
        using(3, "&#0;pastebin.com"),
        using(5, "pastebin&#46;c&#x6F;m&amp;"),
        using(6, "pastebin.com").replace("Name='Image'", "Name='Image' x='&a;'"),
        using(7, "pastebin.com"),
    );
    let scene = Scene::new();
    scene.put("A/a.xml", text.as_bytes());
    let swept = scene.sweep(&[]).expect(3);
    assert_eq!(swept.column("matches", "query_name"), [json!("pastebin.com&"), json!("pastebin.com")]);
    let file = swept.file("A/a.xml");
    assert_eq!(file["damaged_records"], json!(5));
    assert_sum(&file);
    let found: Vec<String> = problems(&file).into_iter().map(|(_, _, problem)| problem).collect();
    for (problem, part) in found.iter().zip(["<!DOCTYPE", "'&b;'", "'&nbsp;'", "&#0;", "document type", "a"])
    {
        assert!(problem.contains(part) || part == "&#0;", "{problem}: {part}");
    }
    assert_eq!(found.len(), 6, "{found:#?}");
}

#[test]
fn an_event_that_does_not_end_is_bounded() {
    let mut text = lines(&[matching(1).on("A")]);
    let start = text.len();
    text.push_str(&event_xml(&matching(2).on("A")).replace("pastebin.com", &"x".repeat(3 << 20)));
    text.push_str(&lines(&[matching(3).on("A")]));
    let scene = Scene::new();
    scene.put("A/a.log", text.as_bytes());
    let swept = scene.sweep(&[]).expect(3);
    assert_eq!(swept.column("matches", "event_record_id"), [json!(1), json!(3)]);
    let file = swept.file("A/a.log");
    assert_eq!(file["damaged_records"], json!(1));
    assert_sum(&file);
    let found = problems(&file);
    assert_eq!((found[0].0, found[0].1), (start as u64, 1 << 20), "{found:?}");
    assert!(found[0].2.contains("expected its end tag within 1048576 bytes, found none"));
    // The bytes after it are no event. They lie in two blocks and are one problem.
    assert_eq!(found.len(), 2, "{found:?}");
    assert_eq!(found[1].0, start as u64 + (1 << 20));
}

#[test]
fn parts_that_are_not_read_do_not_matter() {
    let event = event_xml(&matching(1).on("A").rendered("m <b> &", "t"))
        .replace("<EventID>", "<EventID Qualifiers='0'>")
        .replace(
            "<EventData>",
            "<!-- c --><UserData><Data Name='QueryName'>t.me</Data><System/></UserData><EventData>",
        )
        .replace("<Data Name='User'>", "<Data Name='QueryName'>t.me</Data><x:Data xmlns:x='y' Name='User'>")
        .replace("user</Data>", "user</x:Data>")
        .replace("00Z'/>", "Z'/>");
    assert!(event.contains(".0000000Z'/>"), "seven decimals");
    let scene = Scene::new();
    scene.put("A/a.xml", event.as_bytes());
    scene.put("A/b.evtx", &log(&[matching(1).on("A")]));
    let swept = scene.sweep(&[]).expect(0);
    let rows = matches(&swept);
    assert_eq!(rows.len(), 2);
    assert_eq!((&rows[1]["duplicate"], &rows[0]["event_hash"]), (&json!(true), &rows[1]["event_hash"]));
    assert_eq!(rows[0]["event_time_raw"], rows[1]["event_time_raw"]);
    assert!(swept.out.join(format!("stats/{SEED_ID}.parquet")).exists());
}

#[test]
fn event_xml_without_events_is_read_to_its_end() {
    let scene = Scene::new();
    scene.put("A/a.xml", b"<?xml version='1.0'?>\r\n<Events xmlns='x'>\r\n</Events >\r\n");
    let swept = scene.sweep(&[]).expect(0);
    let file = swept.file("A/a.xml");
    assert_eq!((&file["status"], &file["records"]), (&json!("complete"), &json!(0)));
    assert_eq!(parts(&file), [49, 0, 6, 0, 0, 0, 0]);
}

#[test]
fn a_document_that_ends_between_its_events_is_cut_off() {
    let events = events();
    for (encoded, size) in [
        (document(&events, "", "\r\n").into_bytes(), 1),
        (utf16(&document(&events, "", "\r\n"), 0xfeff, u16::to_le_bytes), 2),
        (utf16(&document(&events, "", "\r\n"), 0xfeff, u16::to_be_bytes), 2),
    ] {
        let scene = Scene::new();
        let without_end = &encoded[..encoded.len() - "</Events>\r\n".len() * size];
        scene.put("A/whole.xml", &encoded);
        scene.put("A/cut.xml", without_end);
        let swept = scene.sweep(&[]).expect(3);
        assert_eq!(swept.file("A/whole.xml")["status"], "complete");
        let cut = swept.file("A/cut.xml");
        assert_eq!((&cut["status"], &cut["records"]), (&json!("damaged"), &json!(events.len())));
        let problems = cut["problems"].as_array().unwrap();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!((&problems[0]["offset"], &problems[0]["length"]), (&json!(without_end.len()), &json!(0)));
        assert!(problems[0]["problem"].as_str().unwrap().contains("the end of the element Events"));
    }
    // Other spellings of the end of the element, and lines, which have no element around them.
    let scene = Scene::new();
    let start = lines(&events[..2]);
    for (name, text) in [
        ("spaced.xml", format!("<Events>{start}</Events >\n\n")),
        ("lines.xml", start.clone()),
        ("none.xml", "<Events/>".to_owned()),
    ] {
        scene.put(&format!("A/{name}"), text.as_bytes());
    }
    assert_eq!(scene.sweep(&[]).expect(0).column("files", "status"), ["complete", "complete", "complete"]);
}
