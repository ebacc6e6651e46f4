//! Kinds of events other than DNS queries: every Sysmon event 1 (a process was created) is read by
//! the table of its kind, in every form of log, with the result of another reader.
//!
//! `DNSWEEP_EVIDENCE` names a folder of real logs, which do not ship with this repository. Without
//! that variable, the test on them is ignored and reported as ignored.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test that goes wrong fails loudly, and says how much it has compared"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::logs::log;
use dnsweep::internals::event::{Event, FieldLocation, FieldType, PROCESS_CREATION};
use dnsweep::internals::evidence::event_xml::Encoding;
use dnsweep::internals::scan::{BLOCK_CHUNKS, Block, LocatedEvent, Scanner, Selection, XmlFile, blocks};
use dnsweep_samples::{Event as Sample, LogWriter, Style, event_xml};
use evtx::EvtxParser;
use libtest_mimic::{Arguments, Trial};
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event as XmlEvent};

const VARIABLE: &str = "DNSWEEP_EVIDENCE";

fn main() -> ExitCode {
    let ignored = std::env::var_os(VARIABLE).is_none();
    let tests: [(&str, fn(), bool); 4] = [
        ("process_creations_are_read_in_every_form", every_form, false),
        ("event_xml_says_the_same", rendered, false),
        ("no_other_kind_is_read_unless_it_is_asked_for", not_asked_for, false),
        ("process_creations_of_real_logs_are_what_another_reader_reads", real, ignored),
    ];
    let trials = tests.map(|(name, test, is_ignored)| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(is_ignored)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn scanner() -> Scanner {
    Scanner::new(&Selection::Wanted(Vec::new())).reading_all(&PROCESS_CREATION)
}

fn scan(scanner: &mut Scanner, log: &Vec<u8>) -> (Vec<LocatedEvent>, bool) {
    let size = log.len() as u64;
    let (mut events, mut is_sound) = (Vec::new(), true);
    for block in blocks(size, BLOCK_CHUNKS) {
        let scan = scanner.scan(log, block, size);
        events.extend(scan.events);
        is_sound &= scan.problems.iter().next().is_none();
    }
    (events, is_sound)
}

/// Makes events of created processes whose texts are hard to read right, such as markup and control
/// characters, among events of other kinds.
fn samples() -> Vec<Sample> {
    let lines = ["cmd /c \"echo <&> %PATH%\"", "", "ein \u{fc}ber\u{1F4A9}", "\u{1b}[2J a\r\nb", "]]>"];
    let mut events = Vec::new();
    for (line, number) in lines.into_iter().zip(1..) {
        let process =
            Sample::process_create(r"C:\Windows\System32\cmd.exe", line, r"C:\Windows\explorer.exe");
        events.push(process.on("PC").numbered(10 * number));
        events.push(Sample::dns_query("a.example", r"C:\a.exe").on("PC").numbered(10 * number + 1));
    }
    // Older versions of Sysmon write fewer fields.
    let old = Sample::process_create("a.exe", "a", "b.exe").on("PC").numbered(99);
    let fields = ["RuleName", "FileVersion", "Description", "Product", "Company", "OriginalFileName"];
    events.push(fields.into_iter().chain(["ParentUser"]).fold(old, Sample::without));
    events
}

/// Returns a text as an event has it for a field of this type: GUIDs are in lower case, without
/// braces.
fn in_form(field_type: FieldType, text: &str) -> String {
    match field_type {
        FieldType::Guid => text.trim_matches(['{', '}']).to_lowercase(),
        _ => text.to_owned(),
    }
}

fn assert_says(event: &Event, said: &BTreeMap<String, String>, what: &str) {
    assert!(event.is(&PROCESS_CREATION), "{what}");
    let known: BTreeSet<&str> = PROCESS_CREATION.fields.iter().map(|field| field.name).collect();
    for name in said.keys() {
        assert!(known.contains(name.as_str()), "{what}: no field of the table is called {name}");
    }
    for (field, value) in event.fields() {
        assert_eq!(field.location, FieldLocation::Data);
        let expected = said.get(field.name).map(|text| in_form(field.field_type, text));
        assert_eq!(value, expected.as_deref(), "{what}: {}", field.name);
    }
}

fn assert_are(events: &[LocatedEvent], samples: &[Sample], what: &str) {
    let read: Vec<&Event> =
        events.iter().map(|located| &located.event).filter(|event| event.is(&PROCESS_CREATION)).collect();
    let begun: Vec<&Sample> = samples.iter().filter(|sample| sample.event_id == 1).collect();
    assert_eq!(read.len(), begun.len(), "{what}");
    for (event, sample) in read.into_iter().zip(begun) {
        assert_eq!(event.system.event_record_id, Some(sample.record_id), "{what}");
        let said = sample.data.iter().map(|(name, value)| (name.clone(), value.text())).collect();
        assert_says(event, &said, what);
    }
}

fn every_form() {
    for style in [Style::Live, Style::Export, Style::Forwarded] {
        let mut writer = LogWriter::new(style);
        writer.push_all(&samples()).unwrap();
        let (events, is_sound) = scan(&mut scanner(), &writer.finish());
        assert!(is_sound, "{style:?}");
        assert_are(&events, &samples(), &format!("{style:?}"));
        let queries = events.iter().filter(|located| located.event.query_name().is_some()).count();
        assert_eq!(queries, 5, "DNS queries are read all the same");
        assert!(events.is_sorted_by_key(|located| located.location), "in the order of the file");
    }
}

fn rendered() {
    // Windows does not render characters that XML does not have.
    let samples: Vec<Sample> = samples().into_iter().filter(|sample| sample.record_id != 40).collect();
    let text: String = samples.iter().map(event_xml).collect();
    let (log, size) = (text.clone().into_bytes(), text.len() as u64);
    let file = XmlFile { size, encoding: Encoding::Utf8 };
    let scan = scanner().xml_after(&log, Block { start: 0, end: size }, file, |_| ());
    assert_eq!(scan.problems.iter().next(), None);
    assert_are(&scan.events, &samples, "event XML");
}

fn not_asked_for() {
    let log = log(&samples());
    let (events, _) = scan(&mut Scanner::new(&Selection::Everything), &log);
    assert_eq!(events.len(), 5);
    assert!(events.iter().all(|located| located.event.query_name().is_some()));
}

/// Returns every log in a folder and its subfolders.
fn logs(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(logs(&path));
        } else if path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("evtx")) {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Returns the EventRecordID and the data, by name, of a Sysmon event 1 in XML; `None` for any
/// other event.
fn said(xml: &str) -> Option<(u64, BTreeMap<String, String>)> {
    let mut reader = Reader::from_str(xml);
    let (mut open, mut data) = (Vec::new(), BTreeMap::new());
    let (mut is_sysmon, mut id, mut number, mut name) = (false, String::new(), String::new(), None);
    let attribute = |start: &BytesStart<'_>, wanted: &str| {
        let attribute = start.try_get_attribute(wanted).unwrap()?;
        Some(quick_xml::escape::unescape(&attribute.value).unwrap().into_owned())
    };
    loop {
        let event = reader.read_event().unwrap();
        if let XmlEvent::Start(start) | XmlEvent::Empty(start) = &event {
            match start.local_name().into_inner() {
                "Provider" => is_sysmon |= attribute(start, "Name")? == "Microsoft-Windows-Sysmon",
                "Data" => {
                    name = attribute(start, "Name");
                    data.insert(name.clone()?, String::new());
                }
                _ => {}
            }
        }
        match event {
            XmlEvent::Start(start) => open.push(start.local_name().into_inner().to_owned()),
            XmlEvent::End(_) => {
                open.pop();
            }
            XmlEvent::Text(text) => add(&open, &text, (&mut id, &mut number), name.as_ref(), &mut data),
            XmlEvent::GeneralRef(reference) => {
                let text = format!("&{};", &*reference);
                let text = quick_xml::escape::unescape(&text).unwrap();
                add(&open, &text, (&mut id, &mut number), name.as_ref(), &mut data);
            }
            XmlEvent::Eof => break,
            _ => {}
        }
    }
    (is_sysmon && id == "1").then(|| (number.parse().unwrap(), data))
}

/// Adds a text of event XML to the value that the innermost open element has: the EventID, the
/// EventRecordID or a field of the event's data.
fn add(
    open: &[String],
    text: &str,
    (id, number): (&mut String, &mut String),
    name: Option<&String>,
    data: &mut BTreeMap<String, String>,
) {
    match open.last().map(String::as_str) {
        Some("EventID") => id.push_str(text.trim()),
        Some("EventRecordID") => number.push_str(text.trim()),
        Some("Data") => data.get_mut(name.unwrap()).unwrap().push_str(text),
        _ => {}
    }
}

fn real() {
    let folder = std::env::var_os(VARIABLE).unwrap_or_else(|| panic!("{VARIABLE} is not set"));
    let (mut compared, mut files) = (0, 0);
    for path in logs(Path::new(&folder)) {
        let bytes = fs::read(&path).unwrap();
        let (events, is_sound) = scan(&mut scanner(), &bytes);
        let read: Vec<&Event> =
            events.iter().map(|located| &located.event).filter(|event| event.is(&PROCESS_CREATION)).collect();
        let Ok(mut other) = EvtxParser::from_buffer(bytes) else { continue };
        let xml: Vec<String> = other.records().filter_map(Result::ok).map(|record| record.data).collect();
        let expected: Vec<(u64, BTreeMap<String, String>)> = xml.iter().filter_map(|xml| said(xml)).collect();
        let shown = path.display();
        if is_sound {
            assert_eq!(read.len(), expected.len(), "{shown}");
            for (event, (number, said)) in read.iter().zip(&expected) {
                assert_eq!(event.system.event_record_id, Some(*number), "{shown}");
                assert_says(event, said, &format!("{shown}, event {number}"));
            }
        } else {
            // Each reader recovers what it can from a damaged log. The events that both have must
            // be the same.
            for (number, said) in &expected {
                for event in read.iter().filter(|event| event.system.event_record_id == Some(*number)) {
                    assert_says(event, said, &format!("{shown}, event {number}"));
                }
            }
        }
        compared += expected.len();
        files += usize::from(!expected.is_empty());
    }
    println!("{compared} process creations in {files} logs compared");
    assert!(compared > 0, "no event 1 in any log");
}
