//! Tests of what all formats of exports have in common: which rows they have, and how they end.

use std::ops::ControlFlow;

use super::*;
use crate::report::run::DetectionRecord;
use crate::table::CellSource;

/// A table in memory. For each row, it has the names of the columns and their cells.
struct Made(Vec<Vec<(&'static str, Cell<'static>)>>);

struct MadeRow<'a>(&'a [&'a Column], &'a [(&'static str, Cell<'static>)]);

impl CellSource for MadeRow<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        let cell = self.1.iter().find(|(name, _)| *name == self.0[column].name);
        cell.map_or(Cell::Null, |(_, cell)| cell.clone())
    }
}

impl Tables for Made {
    fn has(&self, _: TableId<'_>) -> bool {
        true
    }

    fn columns(&self, _: TableId<'_>) -> Result<Vec<Column>, ReadError> {
        Ok(Vec::new())
    }

    fn read_while(
        &self,
        _: TableId<'_>,
        columns: &[&Column],
        _: Wanted<'_>,
        each: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        for (cells, number) in self.0.iter().zip(0..) {
            if each(&Row::new(columns, &MadeRow(columns, cells), number)).is_break() {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// Returns a text that harms whoever shows it, parses it carelessly or keeps it in a buffer of
/// fixed size.
fn hostile() -> String {
    format!("=cmd|'/c calc'!A1,\"\r\n\0\x1b[2J\u{9b}31m\u{202e}\u{2028}{}", "x".repeat(100_000))
}

fn row(query: String) -> Vec<(&'static str, Cell<'static>)> {
    let answer = vec![Cell::text("A"), Cell::text("192.0.2.1"), Cell::Boolean(false)];
    let cut = vec![Cell::text("?"), Cell::text("192.0"), Cell::Boolean(true)];
    vec![
        ("query_name", Cell::text(query.clone())),
        ("user", Cell::text(query.clone())),
        ("computer", Cell::text(query)),
        ("answers", Cell::Records(vec![answer, cut])),
        ("resolved_ips", Cell::Texts(vec!["192.0.2.1".into(), "no address".into()])),
        ("detection_id", Cell::text("d")),
        ("event_hash", Cell::text("h")),
        ("process_id", Cell::Integer(7)),
        ("query_status", Cell::text("9003")),
        ("risk_score", Cell::Integer(64)),
    ]
}

fn run() -> Run {
    let detection = DetectionRecord {
        id: "d".to_owned(),
        name: "D".to_owned(),
        version: Some("7".to_owned()),
        date: None,
        language: "splunk".into(),
        risk_score: Some(64),
        risk_objects: Vec::new(),
        author: None,
        description: None,
        false_positives: Vec::new(),
        references: Vec::new(),
        mitre_attack_id: vec!["T1059.005".to_owned(), "T1071".to_owned()],
        analytic_story: Vec::new(),
        notes: Vec::new(),
        source: String::new(),
        sha256: String::new(),
        content: Vec::new(),
        indicators: None,
        matches: 0,
        unique_matches: 0,
        recovered_matches: 0,
        leads: None,
    };
    Run { dnsweep: "9".into(), detections: vec![detection], ..Run::default() }
}

fn export(format: Format, table: TableId<'_>, tables: &Made) -> (Exported, String) {
    let export = Export { table, format, copies: Copies::LeftOut, characters: Characters::AsTheyAre };
    let mut bytes = Vec::new();
    let (run, stop) = (run(), AtomicBool::new(false));
    let source = Source { run: &run, run_sha256: "abc", tables };
    let exported = export.write(&source, &mut bytes, &stop).expect("memory takes all that is written");
    (exported, String::from_utf8(bytes).expect("exports are UTF-8"))
}

const EVENTS: [Format; 4] = [Format::Timesketch, Format::Ecs, Format::SplunkHec, Format::Ocsf];

fn parsed(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
}

#[test]
fn copies_and_excluded_rows_are_left_out_of_events_and_counted() {
    let with = |name: &'static str, cell: Cell<'static>| {
        let mut row = row("x".to_owned());
        row.push((name, cell));
        row
    };
    let made = Made(vec![
        row("a".to_owned()),
        with("duplicate", Cell::Boolean(true)),
        with("excluded_by", Cell::text("known")),
        row("b".to_owned()),
    ]);
    for format in EVENTS {
        for table in [TableId::Matches, TableId::Leads] {
            let (exported, text) = export(format, table, &made);
            assert_eq!(exported, Exported { rows: 2, copies: 1, excluded: 1, ..Exported::default() });
            assert_eq!(parsed(&text).len(), 2, "{format:?}");
        }
    }
    let (exported, text) = export(Format::Jsonl, TableId::Matches, &made);
    assert_eq!((exported.rows, parsed(&text).len()), (4, 4));
}

#[test]
fn hostile_texts_stay_what_they_are_in_every_format() {
    let made = Made(vec![row(hostile())]);
    for (format, pointer) in [
        (Format::Jsonl, "/query_name"),
        (Format::Timesketch, "/query_name"),
        (Format::Ecs, "/dns/question/name"),
        (Format::SplunkHec, "/event/query"),
        (Format::Ocsf, "/evidences/0/query/hostname"),
    ] {
        let (_, text) = export(format, TableId::Matches, &made);
        let acts = |c: char| c != '\n' && (c.is_control() || ['\u{202e}', '\u{2028}'].contains(&c));
        assert!(!text.contains(acts), "{format:?}");
        assert_eq!(text.lines().count(), 1, "{format:?}");
        assert_eq!(
            parsed(&text)[0].pointer(pointer).and_then(|name| name.as_str()),
            Some(&*hostile()),
            "{format:?}"
        );
    }
    let (_, text) = export(Format::Csv, TableId::Matches, &made);
    let mut reader = ::csv::Reader::from_reader(text.as_bytes());
    let headers = reader.headers().expect("the first line has the names of the columns");
    let place = headers.iter().position(|name| name == "query_name").expect("the name has a column");
    let records: Vec<_> = reader.records().map(|record| record.expect("the lines are CSV")).collect();
    let expected = format!("'{}", hostile().replace('\0', "\\u{0}"));
    assert_eq!((records.len(), &records[0][place]), (1, &*expected));
    assert!(text.ends_with("\r\n") && text.starts_with("event_time,"));
}

#[test]
fn a_terminal_is_shown_csv_that_does_not_act() {
    let made = Made(vec![row(hostile())]);
    let export = Export {
        table: TableId::Matches,
        format: Format::Csv,
        copies: Copies::LeftOut,
        characters: Characters::Escaped,
    };
    let mut bytes = Vec::new();
    let source = Source { run: &run(), run_sha256: "", tables: &made };
    let written = export.write(&source, &mut bytes, &AtomicBool::new(false));
    written.expect("memory takes all that is written");
    let text = String::from_utf8(bytes).expect("exports are UTF-8");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n' && c != '\r'));
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn only_valid_addresses_and_complete_answers_are_given_to_tools() {
    let (_, text) = export(Format::Ecs, TableId::Matches, &Made(vec![row("a".to_owned())]));
    let document = &parsed(&text)[0];
    assert_eq!(document["dns"]["resolved_ip"], serde_json::json!(["192.0.2.1"]));
    assert_eq!(document["dns"]["answers"], serde_json::json!([{"type": "A", "data": "192.0.2.1"}]));
    assert_eq!(document["dns"]["response_code"], "NXDOMAIN");
    assert_eq!(document["threat"]["technique"]["id"], serde_json::json!(["T1059", "T1071"]));
    assert_eq!(document["threat"]["technique"]["subtechnique"]["id"], serde_json::json!(["T1059.005"]));
}

#[test]
fn an_event_without_a_time_says_so_in_every_format() {
    let made = Made(vec![row("a".to_owned())]);
    let line = |format| parsed(&export(format, TableId::Matches, &made).1).remove(0);
    let (timesketch, ecs) = (line(Format::Timesketch), line(Format::Ecs));
    assert_eq!(timesketch["timestamp_desc"], "Not a time");
    assert_eq!(
        (&timesketch["timestamp"], &timesketch["datetime"]),
        (&0.into(), &"1970-01-01T00:00:00.000000Z".into())
    );
    assert_eq!(ecs["tags"], serde_json::json!(["time-unknown"]));
    assert_eq!(line(Format::SplunkHec)["event"]["time_kind"], "unknown");
    assert_eq!(line(Format::Ocsf)["unmapped"]["time_kind"], "unknown");
}

#[test]
fn times_have_the_unit_of_each_format() {
    let mut row = row("a".to_owned());
    row.push(("event_time", Cell::Time(crate::event::EventTime::from_microseconds(1_741_077_290_123_456))));
    let made = Made(vec![row]);
    let line = |format| parsed(&export(format, TableId::Matches, &made).1).remove(0);
    assert_eq!(line(Format::Timesketch)["timestamp"], 1_741_077_290_123_456_i64);
    assert_eq!(line(Format::Ecs)["@timestamp"], "2025-03-04T08:34:50.123456Z");
    assert_eq!(line(Format::Ocsf)["time"], 1_741_077_290_123_i64);
    let (_, hec) = export(Format::SplunkHec, TableId::Matches, &made);
    assert!(hec.starts_with("{\"time\":1741077290.123456,"), "{hec}");
}

/// A writer that takes a few bytes and then fails.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(bytes.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn an_export_ends_where_it_cannot_be_written_or_is_not_wanted() {
    let made = Made((0..100).map(|number| row(number.to_string())).collect());
    let run = run();
    let source = Source { run: &run, run_sha256: "", tables: &made };
    for format in [Format::Csv, Format::Jsonl].into_iter().chain(EVENTS) {
        let export = Export {
            table: TableId::Matches,
            format,
            copies: Copies::LeftOut,
            characters: Characters::AsTheyAre,
        };
        let ended = export.write(&source, &mut Full(2000), &AtomicBool::new(false));
        assert!(matches!(ended, Err(ExportError::Write(_))), "{format:?}: {ended:?}");
        let stopped = export.write(&source, &mut Full(10_000), &AtomicBool::new(true));
        let stopped = stopped.expect("what is stopped at once writes little");
        assert_eq!((stopped.rows, stopped.is_cut_short), (0, true));
    }
}

/// Returns a row that has the columns of a match and those of its process, for a table in memory
/// that stands for both tables.
fn match_with_process(number: u8) -> Vec<(&'static str, Cell<'static>)> {
    let process = [
        ("process_guid", Cell::text(format!("00000000-0000-0000-0000-0000000000{number:02x}"))),
        ("depth", Cell::Integer(0)),
        ("status", Cell::text("found")),
        ("command_line", Cell::text(format!("\"a\" /{number}"))),
        ("parent_process_id", Cell::Integer(815)),
    ];
    [row("a".to_owned()), process.into()].concat()
}

#[test]
fn rows_and_events_of_matches_have_their_process() {
    let made = Made(vec![match_with_process(1), match_with_process(2)]);
    let lines = parsed(&export(Format::Jsonl, TableId::Matches, &made).1);
    assert_eq!(
        (&lines[1]["command_line"], &lines[1]["parent_process_id"]),
        (&"\"a\" /2".into(), &815.into())
    );
    assert_eq!(lines[1]["sha256"], serde_json::Value::Null);
    let (_, text) = export(Format::Ecs, TableId::Matches, &made);
    assert_eq!(parsed(&text)[0]["process"]["command_line"], "\"a\" /1");
    let (_, text) = export(Format::Jsonl, TableId::Hosts, &made);
    assert!(!text.contains("command_line"), "{text}");
}

#[test]
fn processes_without_room_are_counted() {
    let made = Made(vec![match_with_process(1), match_with_process(2), match_with_process(3)]);
    let left_out = |most| {
        AskingProcesses::read_within(&made, most)
            .expect("the tables can be read")
            .expect("there are processes")
            .left_out
    };
    assert_eq!([0, 1, usize::MAX].map(left_out), [3, 2, 0]);
}
