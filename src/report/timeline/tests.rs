//! Tests of timelines over tables in memory.

use super::*;
use crate::event::EventTime;
use crate::report::export::json::write_line;
use crate::table::{Cell, CellSource};

/// The cells of a row, by the names of the columns. Other columns are null.
type MadeRow = Vec<(&'static str, Cell<'static>)>;

/// The kind of an entry, and its time in seconds.
type KindAndTime = (String, Option<i64>);

/// Tables in memory.
#[derive(Default)]
struct Made {
    hosts: Vec<MadeRow>,
    matches: Vec<MadeRow>,
    leads: Option<Vec<MadeRow>>,
    processes: Option<Vec<MadeRow>>,
}

struct Cells<'a>(&'a [&'a Column], &'a MadeRow);

impl CellSource for Cells<'_> {
    fn cell(&self, column: usize) -> Cell<'_> {
        let cell = self.1.iter().find(|(name, _)| *name == self.0[column].name);
        cell.map_or(Cell::Null, |(_, cell)| cell.clone())
    }
}

impl Made {
    fn rows(&self, table: TableId<'_>) -> Option<&Vec<MadeRow>> {
        match table {
            TableId::Hosts => Some(&self.hosts),
            TableId::Matches => Some(&self.matches),
            TableId::Leads => self.leads.as_ref(),
            TableId::Processes => self.processes.as_ref(),
            _ => None,
        }
    }

    /// Returns the kinds and times of the timeline's entries, in order, and the whole rows as JSON.
    fn timeline(&self, hosts: &[&str]) -> (Vec<KindAndTime>, Vec<serde_json::Value>, Vec<String>) {
        let hosts: Vec<String> = hosts.iter().map(|name| (*name).to_owned()).collect();
        let stop = AtomicBool::new(false);
        let timeline =
            Timeline::read(self, &hosts, &std::env::temp_dir(), &stop).expect("made tables can be read");
        let columns = columns();
        let shown: Vec<&Column> = columns.iter().collect();
        let (mut entries, mut lines) = (Vec::new(), Vec::new());
        for cells in timeline.entries {
            let cells = cells.expect("sorted entries can be read");
            entries.push((
                cells.text("kind").expect("each entry has a kind").to_owned(),
                cells.time("time").map(seconds),
            ));
            let mut bytes = Vec::new();
            write_line(&jsonl::line(&columns, &Row::new(&shown, &cells, 0)), &mut bytes)
                .expect("memory can be written");
            lines.push(serde_json::from_slice(&bytes).expect("a line is JSON"));
        }
        (entries, lines, timeline.remarks.sentences())
    }

    fn text(&self, width: usize) -> String {
        let stop = AtomicBool::new(false);
        let timeline =
            Timeline::read(self, &[], &std::env::temp_dir(), &stop).expect("made tables can be read");
        let mut bytes = Vec::new();
        let format = TimelineFormat::Text { width, colours: Colours::None };
        timeline.write(format, &mut bytes, &stop).expect("memory can be written");
        String::from_utf8(bytes).expect("a timeline is text")
    }
}

impl Tables for Made {
    fn has(&self, table: TableId<'_>) -> bool {
        self.rows(table).is_some()
    }

    fn columns(&self, _: TableId<'_>) -> Result<Vec<Column>, ReadError> {
        Ok(Vec::new())
    }

    fn read_while(
        &self,
        table: TableId<'_>,
        columns: &[&Column],
        _: Wanted<'_>,
        each: &mut dyn FnMut(&Row<'_>) -> ControlFlow<()>,
    ) -> Result<(), ReadError> {
        for (cells, number) in self.rows(table).into_iter().flatten().zip(0..) {
            if each(&Row::new(columns, &Cells(columns, cells), number)).is_break() {
                break;
            }
        }
        Ok(())
    }
}

fn at(seconds: i64) -> Cell<'static> {
    Cell::Time(EventTime::from_ticks(seconds * 10_000_000))
}

fn seconds(time: EventTime) -> i64 {
    time.ticks() / 10_000_000
}

/// Makes a row of the table of matches: the record at `offset`, described by the detection `id`.
fn found(offset: i64, utc_time: Cell<'static>, created: Cell<'static>, id: &'static str) -> MadeRow {
    vec![
        ("computer", Cell::text("PC-7.corp.example")),
        ("record_offset", Cell::Integer(offset)),
        ("utc_time", utc_time),
        ("event_time", created),
        ("detection_id", Cell::text(id)),
        ("detection_name", Cell::text(id)),
        ("matched_query", Cell::Texts(vec!["*both*".into(), id.into()])),
        ("risk_score", Cell::Integer(offset)),
        ("event_hash", Cell::text(format!("{offset:064x}"))),
        ("query_name", Cell::text("paste.example")),
        ("process_guid", Cell::text("01020304-0000-0000-0000-000000000001")),
        ("image", Cell::text(r"C:\a.exe")),
    ]
}

fn with(mut row: MadeRow, name: &'static str, cell: Cell<'static>) -> MadeRow {
    row.retain(|(known, _)| *known != name);
    row.push((name, cell));
    row
}

fn kinds(entries: &[KindAndTime]) -> Vec<(&str, Option<i64>)> {
    entries.iter().map(|(kind, time)| (kind.as_str(), *time)).collect()
}

#[test]
fn each_column_of_the_tables_is_one_of_the_timeline_with_the_same_type() {
    /// The columns that entries of several rows have in another form, and the one that is false in
    /// each row that becomes an entry.
    const IN_OTHER_FORM: [&str; 6] =
        ["detection_id", "detection_name", "detection_version", "excluded_by", "risk_message", "duplicate"];
    let columns = columns();
    let tables = columns::of_table(MatchRow::COLUMNS)
        .chain(columns::of_table(MatchRow::LEAD_COLUMNS))
        .chain(columns::of_table(crate::report::process::ProcessRow::COLUMNS));
    for column in tables {
        let known = columns.iter().find(|known| known.name == column.name);
        match known {
            Some(known) => assert_eq!(known.kind, column.kind, "{}", column.name),
            None => assert!(IN_OTHER_FORM.contains(&&*column.name), "{}", column.name),
        }
    }
    let mut names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
    assert!(OWN_COLUMNS.iter().all(|own| names.contains(&&*own.name)));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), columns.len(), "each column is there once");
}

#[test]
fn entries_are_in_order_of_utc_time_and_those_without_a_time_come_last() {
    let made = Made {
        matches: vec![
            found(1, Cell::Null, Cell::Null, "d"),
            found(2, at(30), at(31), "d"),
            found(3, at(10), at(99), "d"),
            found(4, Cell::Null, at(20), "d"),
        ],
        ..Made::default()
    };
    let (entries, lines, remarks) = made.timeline(&[]);
    assert_eq!(
        kinds(&entries),
        [("match", Some(10)), ("match", Some(20)), ("match", Some(30)), ("match", None)]
    );
    let time_kinds: Vec<&serde_json::Value> = lines.iter().map(|line| &line["time_kind"]).collect();
    assert_eq!(
        time_kinds,
        ["UtcTime", "TimeCreated", "UtcTime"]
            .map(Into::into)
            .iter()
            .chain([&serde_json::Value::Null])
            .collect::<Vec<_>>()
    );
    assert_eq!(remarks, ["4 entries: 4 matches", "1 entry without a time that can be read, at the end"]);
    assert!(
        made.text(80).contains("\nat no readable time       match           000000000000"),
        "{}",
        made.text(80)
    );
}

#[test]
fn entries_of_the_same_time_begin_with_the_start_of_the_process_and_end_with_its_end() {
    let process = |guid: &'static str| -> MadeRow {
        vec![
            ("computer", Cell::text("PC-7.corp.example")),
            ("process_guid", Cell::text(guid)),
            ("status", Cell::text("found")),
            ("utc_time", at(10)),
            ("end_time", at(10)),
            ("image", Cell::text(r"C:\a.exe")),
            ("source_path", Cell::text("Sysmon.evtx")),
            ("event_hash", Cell::text("ab".repeat(32))),
        ]
    };
    let guid = "01020304-0000-0000-0000-000000000001";
    let made = Made {
        matches: vec![found(1, at(10), at(10), "d"), found(2, at(10), at(10), "d")],
        leads: Some(vec![found(3, Cell::Null, at(10), "d")]),
        processes: Some(vec![process(guid)]),
        ..Made::default()
    };
    let (entries, lines, _) = made.timeline(&[]);
    let expected = ["process start", "lead", "match", "match", "process end"];
    assert_eq!(kinds(&entries), expected.map(|kind| (kind, Some(10))));
    let offsets: Vec<&serde_json::Value> = lines.iter().map(|line| &line["record_offset"]).collect();
    assert_eq!((offsets[2], offsets[3]), (&1.into(), &2.into()), "in the order of the table");
    let [start, .., end] = lines.as_slice() else { unreachable!() };
    assert_eq!((&start["event_id"], &end["event_id"]), (&1.into(), &5.into()));
    assert_eq!(
        (&start["source_path"], &end["source_path"]),
        (&"Sysmon.evtx".into(), &serde_json::Value::Null)
    );
    assert_eq!(start["event_hash"], end["event_hash"]);
}

#[test]
fn an_event_is_one_entry_however_many_detections_describe_it_and_a_copy_is_none() {
    let excluded = |row| with(row, "excluded_by", Cell::text("known tool"));
    let made = Made {
        matches: vec![
            found(5, at(1), at(1), "a"),
            excluded(with(found(5, at(1), at(1), "b"), "risk_score", Cell::Integer(90))),
            found(5, at(1), at(1), "c"),
            excluded(found(6, at(2), at(2), "b")),
            with(found(7, at(3), at(3), "a"), "duplicate", Cell::Boolean(true)),
        ],
        ..Made::default()
    };
    let (entries, lines, remarks) = made.timeline(&[]);
    assert_eq!(kinds(&entries), [("match", Some(1)), ("excluded match", Some(2))]);
    let [first, second] = lines.as_slice() else { unreachable!() };
    let ids = |line: &serde_json::Value| -> Vec<(String, Option<String>)> {
        let text = |value: &serde_json::Value| value.as_str().map(str::to_owned);
        let detections = line["detections"].as_array().expect("detections are a list").iter();
        detections
            .map(|known| (text(&known["id"]).expect("a detection has an id"), text(&known["excluded_by"])))
            .collect()
    };
    let by = Some("known tool".to_owned());
    assert_eq!(ids(first), [("a".to_owned(), None), ("b".to_owned(), by.clone()), ("c".to_owned(), None)]);
    assert_eq!(ids(second), [("b".to_owned(), by)]);
    assert_eq!(first["risk_score"], 5, "not that of the excluded detection");
    assert_eq!(first["matched_query"], serde_json::json!(["*both*", "a", "c"]));
    assert_eq!(remarks, ["2 entries: 1 match, 1 excluded match", "left out: 1 row of copies of an event"]);
    assert!(made.text(100).contains("b (excluded by known tool)"), "{}", made.text(100));
}

#[test]
fn a_process_without_a_start_is_counted_and_its_end_names_the_program_that_others_name() {
    let missing = |last: char, end: Cell<'static>| -> MadeRow {
        vec![
            ("computer", Cell::text("PC-7.corp.example")),
            ("process_guid", Cell::text(format!("01020304-0000-0000-0000-00000000000{last}"))),
            ("status", Cell::text("not logged")),
            ("end_time", end),
        ]
    };
    let child = vec![
        ("computer", Cell::text("pc-7.CORP.example")),
        ("process_guid", Cell::text("01020304-0000-0000-0000-000000000009")),
        ("status", Cell::text("found")),
        ("utc_time", at(5)),
        ("parent_process_guid", Cell::text("01020304-0000-0000-0000-000000000002")),
        ("parent_image", Cell::text(r"C:\parent.exe")),
        ("parent_command_line", Cell::text("parent.exe -x")),
    ];
    let processes = vec![
        missing('1', at(20)),
        missing('2', at(30)),
        missing('3', at(40)),
        missing('4', Cell::Null),
        child,
    ];
    let made =
        Made { matches: vec![found(1, at(10), at(10), "d")], processes: Some(processes), ..Made::default() };
    let (entries, lines, remarks) = made.timeline(&[]);
    let ends = [("process end", Some(20)), ("process end", Some(30)), ("process end", Some(40))];
    assert_eq!(kinds(&entries)[2..], ends);
    let known: Vec<_> = lines[2..].iter().map(|line| (&line["known_from"], &line["image"])).collect();
    let null = serde_json::Value::Null;
    let expected: [(serde_json::Value, serde_json::Value); 3] = [
        ("match".into(), r"C:\a.exe".into()),
        ("child".into(), r"C:\parent.exe".into()),
        (null.clone(), null),
    ];
    assert_eq!(known, expected.iter().map(|(from, image)| (from, image)).collect::<Vec<_>>());
    assert_eq!(lines[3]["command_line"], "parent.exe -x");
    assert_eq!(
        remarks,
        [
            "5 entries: 1 process start, 1 match, 3 process ends",
            "4 process starts not found, so not shown: 4 not logged"
        ]
    );
    assert!(made.text(80).contains("(unknown program)\n    process 01020304-"), "{}", made.text(80));
}

#[test]
fn only_wanted_hosts_are_shown_and_unknown_names_are_refused() {
    let host = |name: &'static str| vec![("computer", Cell::text(name))];
    let of = |name: &'static str, offset| {
        with(found(offset, at(offset), at(offset), "d"), "computer", Cell::text(name))
    };
    let made = Made {
        hosts: vec![host("PC-7.corp.example"), host("PC-8.corp.example"), host("PC-9.corp.example")],
        matches: vec![of("PC-7.corp.example", 1), of("pc-8.CORP.example", 2), of("PC-9.corp.example", 3)],
        ..Made::default()
    };
    let times = |hosts: &[&str]| {
        made.timeline(hosts).0.into_iter().filter_map(|(_, time)| time).collect::<Vec<i64>>()
    };
    assert_eq!(times(&[]), [1, 2, 3]);
    assert_eq!(times(&["pc-8"]), [2]);
    assert_eq!(times(&["PC-9.corp.example", "PC-7"]), [1, 3]);
    let refused = |hosts: &[&str]| {
        let hosts: Vec<String> = hosts.iter().map(|name| (*name).to_owned()).collect();
        let read = Timeline::read(&made, &hosts, &std::env::temp_dir(), &AtomicBool::new(false));
        matches!(read, Err(TimelineError::NoHost(name)) if name == *hosts.last().expect("a host was asked for"))
    };
    assert!(refused(&["PC-7", "PC-1"]) && refused(&["PC-7.other.example"]) && refused(&[""]));
}

#[test]
fn a_caller_who_wants_no_more_gets_no_timeline() {
    let made = Made { matches: vec![found(1, at(1), at(1), "d")], ..Made::default() };
    let read = |stop: bool| Timeline::read(&made, &[], &std::env::temp_dir(), &AtomicBool::new(stop));
    assert!(matches!(read(true), Err(TimelineError::Interrupted)));
    let timeline = read(false).expect("made tables can be read");
    let written = timeline.write(TimelineFormat::Jsonl, &mut Vec::new(), &AtomicBool::new(true));
    assert!(matches!(written, Err(TimelineError::Interrupted)));
}

#[test]
fn lines_are_as_wide_as_the_terminal_and_hostile_texts_stay_in_their_lines() {
    let harm = "x\r\n2025-01-01 00:00:00.000Z  match\u{1b}[2J\u{202e}";
    let row = ["query_name", "image", "user", "computer", "detection_name", "event_hash"]
        .into_iter()
        .fold(found(1, at(1), at(1000), "d"), |row, name| with(row, name, Cell::text(harm.to_owned())));
    let row = with(row, "deleted_file", Cell::Boolean(true));
    let made = Made { matches: vec![row], ..Made::default() };
    for width in [60, 80, 100, 160, 200] {
        let text = made.text(width);
        assert!(!text.chars().any(|c| c != '\n' && crate::report::is_shown_escaped(c)), "{text}");
        let entry: Vec<&str> = text.lines().take_while(|line| !line.is_empty()).collect();
        assert!(entry.len() > 1 && entry[1..].iter().all(|line| line.starts_with("    ")), "{text}");
        assert!(text.contains("logged at 1970-01-01 00:16:40.000Z"), "{text}");
        let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains("[from a deleted file]"), "{text}");
    }
    // The query's name stands beside the time where there is room for it.
    let made = Made { matches: vec![found(1, at(1), at(1), "d")], ..Made::default() };
    assert!(made.text(160).contains("PC-7.corp.example  paste.example\n    C:\\a.exe"), "{}", made.text(160));
    assert!(made.text(80).contains("PC-7.corp.example\n    paste.example\n"), "{}", made.text(80));
    assert!(made.text(80).lines().all(|line| line.chars().count() <= 80));
}
