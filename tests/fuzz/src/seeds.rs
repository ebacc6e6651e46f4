//! The inputs that fuzzing begins with, made by the encoder of the samples. The small ones are
//! committed.
//!
//! This module is also compiled in `tests/fuzz_replay.rs` of the main workspace, which writes the
//! seeds and compares them.

use dnsweep::internals::detect::Detection;
use dnsweep_samples::{CHUNK_SIZE, DataValue, Event, LogWriter, Style, damage, event_xml, time};

use crate::checks::{InputFormat, image_seeds, input, volume_seeds};

#[path = "seeds/container.rs"]
mod container;
#[path = "seeds/vss.rs"]
mod vss;

/// The size in bytes of the largest seed that is committed.
pub const SMALL: usize = 12 * 1024;

/// An input with which fuzzing begins, and the folder and name of its file.
pub struct Seed {
    /// The name of the folder for the input, which is [`crate::checks::Target::seeds`].
    pub folder: &'static str,
    /// The name of the input's file.
    pub name: String,
    /// The bytes of the input.
    pub bytes: Vec<u8>,
}

/// Returns all inputs with which fuzzing begins, including the large ones.
pub fn seeds() -> Vec<Seed> {
    let text = |folder, number: usize, text: &str| Seed {
        folder,
        name: number.to_string(),
        bytes: text.as_bytes().to_vec(),
    };
    let logs = logs().into_iter().map(|(name, bytes)| Seed { folder: "log", name, bytes });
    let xml = xml().into_iter().map(|(name, bytes)| Seed { folder: "event_xml", name, bytes });
    let named = |(folder, name, bytes): (_, &str, _)| Seed { folder, name: name.to_owned(), bytes };
    let disks = volume_seeds().into_iter().chain(image_seeds()).chain(container::seeds()).map(named);
    let snapshots = vss::seeds().into_iter().map(|(name, bytes)| Seed { folder: "vss", name, bytes });
    let logs = logs.chain(xml).chain(disks).chain(snapshots);
    let searches = SEARCHES.iter().enumerate().map(|(number, search)| text("search", number, search));
    let rules = RULES.iter().copied().chain([Detection::seed_text()]).enumerate();
    logs.chain(searches).chain(rules.map(|(number, rule)| text("detection", number, rule))).collect()
}

/// Returns inputs that encode logs of every style with unusual contents, each with a name. Some are
/// records alone, some are whole files.
fn logs() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (number, style) in [Style::Export, Style::Live, Style::Forwarded].into_iter().enumerate() {
        for (name, events) in groups() {
            let log = written(style, &events);
            let records = InputFormat { records_only: true, sizes_repaired: true, ..InputFormat::default() };
            all.push((format!("{name}-{number}"), input(&log, records)));
        }
        let everything: Vec<Event> = groups().into_iter().flat_map(|(_, events)| events).collect();
        let log = written(style, &everything);
        for (form, name) in [
            (InputFormat::default(), "as-is"),
            (
                InputFormat { checksums_repaired: true, sizes_repaired: true, ..InputFormat::default() },
                "repaired",
            ),
            (
                InputFormat {
                    records_only: true,
                    sizes_repaired: true,
                    predicate: 1,
                    ..InputFormat::default()
                },
                "records",
            ),
        ] {
            all.push((format!("all-{name}-{number}"), input(&log, form)));
        }
        let mut damaged = log.clone();
        let _ = damage::zero_record_size(&mut damaged, 0, 2);
        let _ = damage::flip_record_byte(&mut damaged, 0, 5, 40);
        damaged.truncate(damage::chunk_offset(0) + CHUNK_SIZE * 3 / 4);
        all.push((format!("all-damaged-{number}"), input(&damaged, InputFormat::default())));
    }
    all
}

/// Returns inputs with event XML in each of its encodings, each with a name. The first byte selects
/// the encoding.
fn xml() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (name, events) in groups() {
        let lines: String = events.iter().map(|event| event_xml(event) + "\n").collect();
        all.push((format!("{name}-lines"), [&[0], lines.as_bytes()].concat()));
        let document = format!("<?xml version='1.0'?>\r\n<Events>{}</Events>", lines.replace('\n', ""));
        for (byte, bytes) in [(2, u16::to_le_bytes as fn(u16) -> [u8; 2]), (3, u16::to_be_bytes)] {
            let units = std::iter::once(0xfeff).chain(document.encode_utf16()).flat_map(bytes);
            all.push((format!("{name}-{byte}"), std::iter::once(byte).chain(units).collect()));
        }
    }
    all
}

/// Returns groups of events, each with a name. Each group becomes a log.
fn groups() -> Vec<(&'static str, Vec<Event>)> {
    let query = |number: u64| {
        Event::dns_query("pastebin.com", r"C:\Windows\System32\cmd.exe")
            .on("PC")
            .numbered(number)
            .at(time::filetime(2024, 5, 6, 8, 0, 0) + number * time::SECOND)
    };
    let browser = |number| query(number).with("Image", r"C:\Program Files\Browser\browser.exe");
    vec![
        ("one", vec![query(1)]),
        ("two", vec![browser(1), query(2)]),
        (
            "same",
            vec![query(1).with("QueryName", "example.com"), query(2).with("QueryName", "t.me"), query(3)],
        ),
        (
            "odd-text",
            vec![
                query(1).with("QueryName", DataValue::Ansi(b"pastebin.com".to_vec())),
                query(2).with("QueryName", DataValue::Units("xpastebin\0y".encode_utf16().collect())),
                query(3).with(
                    "QueryName",
                    DataValue::Units([0xd800].into_iter().chain("t.me".encode_utf16()).collect()),
                ),
                query(4).with("Image", r"C:\Users\Public\R&D\<x>\a.exe"),
            ],
        ),
        (
            "odd-values",
            vec![
                query(1).with("QueryName", DataValue::Null),
                query(2).without("User").with("RuleName", DataValue::Null),
                query(3).at(3_289_550_760_000_000_000),
                query(4).on("OTHER"),
            ],
        ),
        (
            "others",
            vec![
                Event::process_create(r"C:\a.exe", "a.exe -x", r"C:\b.exe").numbered(1),
                Event::logon("alice", 3).numbered(2),
                Event::service_state("Spooler", "running").numbered(3),
                Event::resolver_decoy("pastebin.com", r"C:\Windows\System32\cmd.exe").numbered(4),
                Event::restart_session(1, time::filetime(2024, 5, 6, 8, 0, 0)).numbered(5),
            ],
        ),
    ]
}

fn written(style: Style, events: &[Event]) -> Vec<u8> {
    let mut writer = LogWriter::new(style);
    writer.push_all(events).unwrap();
    writer.finish()
}

const SEARCHES: [&str; 14] = [
    "EventCode=22",
    "`sysmon` EventCode=22 QueryName IN (\"*pastebin*\", t.me, *x*) process_name=cmd.exe OR Image=\"*\\\\temp\\\\*\"",
    "search NOT (QueryName=a OR NOT QueryName=*b*c*) Image!=x",
    "NOT NOT NOT ((((EventID=22))))",
    "ProcessId>=740 ProcessId<800 UtcTime>\"2024-01-01\" _time<=1706696131.5",
    "* | stats count",
    "QueryName=\"a\\\"b\\\\c\" OR (User=\"CORP\\\\alice\" AND RuleName=\"-\" vendor_product=\"Microsoft Sysmon\")",
    "EventCode=22 | stats count min(_time) as firstTime max(_time) as lastTime values(query) as names by Computer, user",
    "EventCode=22 | rename Computer as machine, User as \"my account\" | fillnull value=none RuleName | stats dc(Image) by machine",
    "EventCode=22 | stats count min(_time) as t by host | rename host as dest | `security_content_ctime(t)` | `x_filter`",
    "EventCode=22 | fillnull | stats earliest(query) latest(answer) max(ProcessId) count(user)",
    "query=*\u{e9}*plain* OR reply_code_id=9003 process_guid=\"{F20B227D-C5D4-640F-3005-000000000700}\"",
    "source_name=Microsoft-Windows-Sysmon signature_id=22 dvc=* src=* user_id=S-1-5-18 Channel=*Operational",
    "EventCode=22\n  Bogus=1\n| stats count",
];

const RULES: [&str; 9] = [
    "name: a\nid: 1\nsearch: EventCode=22\n",
    "name: a\nid: 1\nsearch: >-\n  EventCode=22\n  | stats count by Image\ntags:\n  {confidence: 50, impact: 75, message: $Image$ $x, observable: [{name: user, type: User, role: [Victim]}]}\n",
    "name: a\nid: 1\nsearch: |\n  `sysmon` QueryName=*a*\nrba:\n  message: m $dest$\n  risk_objects:\n  - {field: dest, type: system, score: 40}\n  threat_objects:\n  - {field: query, type: domain}\n",
    "name: &a x\nid: *a\nsearch: EventCode=22\nunknown: [*a, *a, {b: *a}]\n",
    "a: &a [x, x, x]\nb: &b [*a, *a, *a]\nname: n\nid: i\nsearch: EventCode=22\nc: [*b, *b, *b]\n",
    "%YAML 1.2\n---\n? name\n: !!str a\n'id': \"\\u0041\"\nsearch: 'Image=''x'''\n<<: {version: 3}\n...\n",
    include_str!("../../../samples/rules/messenger_from_user_folder.yml"),
    include_str!("../../../samples/rules/paste_site_from_script_host.yml"),
    SIGMA,
];

/// A Sigma rule that uses all of the supported language.
const SIGMA: &str = r"title: All
id: all
status: test
level: low
modified: 2026-01-01
tags: [attack.t1071.004]
logsource: {product: windows, category: dns_query, service: sysmon}
detection:
  s1: {QueryName|contains|all: [a, '*b?'], Image|endswith|cased: '\x.exe'}
  s2: [{QueryName|re|i: '^[a-z]{3,9}\.'}, {User: null}, {QueryStatus: 0}]
  f1: {QueryResults|cidr: ['192.0.2.0/24', '2001:db8::/32'], RuleName|exists: true}
  f2: {QueryName|startswith|windash: '-a', Computer|expand: '%names%'}
  condition: (1 of s* or all of s1) and not (2 of f* or f1)
";
