//! Process context: which processes made the matching queries, and which started them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use common::logs::{POWERSHELL, log, styled};
use common::{FinishedSweep, Scene, dnsweep, repository, run, sweep};
use dnsweep::internals::config::{Context, Options, Sweep};
use dnsweep::internals::report::Ending;
use dnsweep::internals::sweep::Observer;
use dnsweep_samples::{Event, LogWriter, Style, event_xml};
use dnsweep_samples::{process_guid, started_process_guid};
use proptest::prelude::*;
use serde_json::Value;

/// The time 2025-03-04 03:05:47 UTC, at which the processes of [`process_guid`] start, in units of
/// 100 ns since 1601.
const START: u64 = 133_855_311_470_000_000;
const SECOND: u64 = 10_000_000;

/// A process event in a generated log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Logged {
    /// The process makes a query that matches.
    Query { process: u32 },
    /// The process is created. `variant` tells events of one process apart.
    Creation { process: u32, parent: u32, variant: u32 },
}

/// A generated log: its style, and its events, each of one of two computers.
type GeneratedLog = (Style, Vec<(bool, Logged)>);

fn computer(second: bool) -> &'static str {
    if second { "b-pc" } else { "A-PC" }
}

/// Makes the event. Equal ones are copies of each other, because they have the same number.
fn event((second, logged): (bool, Logged)) -> Event {
    let (event, process, number) = match logged {
        Logged::Query { process } => (Event::dns_query("pastebin.com", POWERSHELL), process, process),
        Logged::Creation { process, parent, variant } => {
            let event = Event::process_create("a.exe", &format!("a.exe {variant}"), "b.exe");
            let number = 100 + (process * 10 + parent) * 10 + variant;
            (event.with("ParentProcessGuid", process_guid(parent)), process, number)
        }
    };
    event.on(computer(second)).of_process(process).numbered(number.into())
}

/// What is known of a process: the parent and the variant of the event that is shown, and how many
/// other events are copies of it and contradict it.
type Shown = (Option<(u32, u32)>, i64, i64);

/// Finds the processes of matches and their ancestors by looking at each event again and again.
fn expected(logs: &[GeneratedLog]) -> BTreeMap<(String, String), (i64, Shown)> {
    let events: Vec<(bool, Logged)> = logs.iter().flat_map(|(_, events)| events).copied().collect();
    let shown = |of: (bool, u32)| -> Shown {
        let creations: Vec<(u32, u32)> = events
            .iter()
            .filter_map(|(second, logged)| match logged {
                Logged::Creation { process, parent, variant } if (*second, *process) == of => {
                    Some((*parent, *variant))
                }
                _ => None,
            })
            .collect();
        let count = |count: usize| i64::try_from(count).unwrap();
        let same = creations.iter().filter(|creation| Some(*creation) == creations.first()).count();
        (creations.first().copied(), count(same.saturating_sub(1)), count(creations.len() - same))
    };
    let queries = events.iter().filter_map(|(second, logged)| match logged {
        Logged::Query { process } => Some((*second, *process)),
        Logged::Creation { .. } => None,
    });
    let mut generation: BTreeSet<(bool, u32)> = queries.collect();
    let mut found = BTreeMap::new();
    for depth in 0..=16 {
        let mut parents = BTreeSet::new();
        for of in generation {
            if let Entry::Vacant(new) = found.entry(of) {
                let (_, shown) = new.insert((depth, shown(of)));
                parents.extend(shown.0.map(|(parent, _)| (of.0, parent)));
            }
        }
        generation = parents;
    }
    let named = |((second, process), row)| ((computer(second).to_lowercase(), guid(process)), row);
    found.into_iter().map(named).collect()
}

fn guid(process: u32) -> String {
    process_guid(process).to_string().trim_matches(['{', '}']).to_lowercase()
}

/// Returns the same of the table of processes.
fn found(sweep: &FinishedSweep) -> BTreeMap<(String, String), (i64, Shown)> {
    let row = |row: Value| {
        let text = |column: &str| row[column].as_str().unwrap().to_owned();
        let creation = (row["status"] == "found").then(|| {
            let parent = (0..8).find(|process| guid(*process) == text("parent_process_guid")).unwrap();
            (parent, text("command_line").strip_prefix("a.exe ").unwrap().parse().unwrap())
        });
        assert_eq!(creation.is_none(), row["command_line"].is_null());
        let shown = (creation, row["copies"].as_i64().unwrap(), row["conflicts"].as_i64().unwrap());
        ((text("computer").to_lowercase(), text("process_guid")), (row["depth"].as_i64().unwrap(), shown))
    };
    sweep.rows("processes").into_iter().map(row).collect()
}

fn logs() -> impl Strategy<Value = Vec<GeneratedLog>> {
    let style = prop::sample::select(vec![Style::Live, Style::Export, Style::Forwarded]);
    let logged = prop_oneof![
        1 => (0..8_u32).prop_map(|process| Logged::Query { process }),
        4 => (0..8_u32, 0..8_u32, 0..2_u32)
            .prop_map(|(process, parent, variant)| Logged::Creation { process, parent, variant }),
    ];
    let events = prop::collection::vec((prop::bool::weighted(0.3), logged), 1..12);
    prop::collection::vec((style, events), 1..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn what_is_found_is_what_a_look_at_each_event_finds(logs in logs()) {
        let scene = Scene::new();
        for (place, (style, events)) in logs.iter().enumerate() {
            let events: Vec<Event> = events.iter().copied().map(event).collect();
            scene.put(&format!("{place}.evtx"), &styled(*style, &events));
        }
        let swept = scene.sweep(&["--context", "--quiet", "--no-report"]).expect(0);
        prop_assert_eq!(found(&swept), expected(&logs));
        let table = |sweep: &FinishedSweep| fs::read(sweep.out.join("processes.parquet")).unwrap();
        let fast = table(&swept);
        // A sweep that decodes every record finds the same queries.
        let slow = scene.sweep(&["--context", "--exhaustive", "--quiet", "--no-report", "--force"]).expect(0);
        prop_assert_eq!(fast, table(&slow));
    }
}

/// Makes the event 1 of a process with this number, which was started by the one before it.
fn link(process: u32) -> Event {
    let event = Event::process_create("a.exe", &format!("a.exe {process}"), "b.exe");
    let event = event.of_process(process).with("ParentProcessGuid", process_guid(process - 1));
    event.numbered((1000 + process).into())
}

fn query(process: u32) -> Event {
    Event::dns_query("pastebin.com", POWERSHELL).of_process(process).numbered(5000)
}

#[test]
fn a_line_of_ancestors_is_followed_sixteen_steps() {
    let scene = Scene::new();
    let events: Vec<Event> = (1..=40).map(link).chain([query(40)]).collect();
    scene.put("Sysmon.evtx", &log(&events));
    let swept = scene.sweep(&["--context", "--quiet"]).expect(0);
    let mut depths: Vec<i64> =
        swept.column("processes", "depth").iter().map(|depth| depth.as_i64().unwrap()).collect();
    depths.sort_unstable();
    assert_eq!(depths, (0..=16).collect::<Vec<i64>>());
}

#[test]
fn a_missing_process_says_why_it_is_missing() {
    let machine = 0x1234_5678;
    let at = |seconds: u64| started_process_guid(machine, START + seconds * SECOND, 1, 2);
    let with_guid = |event: Event, seconds: u64| event.with("ProcessGuid", at(seconds));
    let scene = Scene::new();
    // The log begins ten seconds after the first process started.
    let events = [
        with_guid(Event::dns_query("pastebin.com", POWERSHELL), 0).numbered(1).at(START + 10 * SECOND),
        with_guid(Event::dns_query("pastebin.com", POWERSHELL), 11).numbered(2).at(START + 12 * SECOND),
    ];
    scene.put("Sysmon.evtx", &log(&events));
    let swept = scene.sweep(&["--context", "--quiet"]).expect(0);
    let mut statuses = swept.column("processes", "status");
    statuses.sort_by_key(Value::to_string);
    assert_eq!(statuses, ["log begins later", "not logged"]);
    assert_eq!(swept.run()["totals"]["processes"], 2);
    assert_eq!(swept.run()["totals"]["processes_found"], 0);
}

#[test]
fn a_deleted_event_is_found_only_with_recovery_and_says_so() {
    let scene = Scene::new();
    let mut writer = LogWriter::new(Style::Live);
    writer.push(&query(7)).unwrap();
    writer.end_chunk_leaving(&[link(7)]).unwrap();
    scene.put("Sysmon.evtx", &writer.finish());
    let rows = |options: &[&str]| {
        scene.sweep(&[options, &["--context", "--quiet", "--force"]].concat()).rows("processes")
    };
    let live = rows(&[]);
    assert_eq!((live.len(), &live[0]["recovered"]), (1, &Value::Null));
    let recovered = rows(&["--recover"]);
    let shown = recovered.iter().find(|row| row["process_guid"] == guid(7).as_str()).unwrap();
    assert_eq!((&shown["status"], &shown["recovered"]), (&"found".into(), &true.into()));
    assert_eq!(shown["command_line"], "a.exe 7");
    assert_eq!(recovered.len(), 2, "and its parent, which is missing");
}

#[test]
fn an_end_is_found_and_processes_of_harmless_queries_are_not() {
    let scene = Scene::new();
    let end = Event::process_terminate("a.exe").of_process(7).numbered(6000).at(START + 90 * SECOND);
    let logged = end.value("UtcTime").unwrap().text().replace(' ', "T") + "Z";
    let ended = common::truth::microseconds(&logged);
    let harmless = Event::dns_query("example.com", "a.exe").of_process(9).numbered(6001);
    scene.put("Sysmon.evtx", &log(&[link(9), link(7), query(7), harmless, end]));
    let swept = scene.sweep(&["--context", "--quiet"]).expect(0);
    let rows = swept.rows("processes");
    let shown = rows.iter().find(|row| row["process_guid"] == guid(7).as_str()).unwrap();
    assert_eq!(shown["end_time"].as_i64().unwrap(), ended);
    assert!(!rows.iter().any(|row| row["process_guid"] == guid(9).as_str()));
}

/// Plans and sweeps the evidence of a scene in two shards, and removes the evidence. Returns the
/// bytes of the table of processes that the merge of the parts makes.
fn merged(scene: &Scene, options: &[&str]) -> Vec<u8> {
    let step = |words: &[&str], paths: &[&str]| {
        let ended = run(dnsweep().args(words).args(paths.iter().map(|name| scene.path(name))));
        assert!([0, 3].contains(&ended.status), "{}", ended.stderr);
    };
    let plan = scene.path("plan");
    let plan = plan.to_str().unwrap();
    step(&[&["plan", "--context", "--quiet", "-n", "2", "-o", plan], options].concat(), &["evidence"]);
    for shard in ["1", "2"] {
        step(&["sweep", "--quiet", "--plan", plan, "--shard", shard, "--part"], &[shard]);
    }
    fs::remove_dir_all(scene.evidence()).unwrap();
    let out = scene.path("merged");
    step(&["merge", "--quiet", "--no-report", "--plan", plan, "-o", out.to_str().unwrap()], &["1", "2"]);
    fs::read(out.join("processes.parquet")).unwrap()
}

fn processes(sweep: &FinishedSweep) -> Vec<u8> {
    fs::read(sweep.out.join("processes.parquet")).unwrap()
}

#[test]
fn a_merge_finds_processes_in_the_parts_of_other_shards() {
    let scene = Scene::new();
    // The process, its parent and its query lie in different files, which different shards sweep.
    scene.put("a/Sysmon.evtx", &log(&[link(7)]));
    scene.put("b/Sysmon.evtx", &log(&[link(6), query(7)]));
    scene.put("c/Sysmon.evtx", &log(&[link(6), link(7), Event::process_terminate("a.exe").of_process(7)]));
    let one = scene.sweep(&["--context", "--quiet", "--no-report"]).expect(0);
    let rows = one.rows("processes");
    let shown = |process| rows.iter().find(|row| row["process_guid"] == guid(process).as_str()).unwrap();
    assert_eq!((&shown(7)["copies"], &shown(6)["copies"]), (&1.into(), &1.into()));
    assert!(!shown(7)["end_time"].is_null());
    assert!(merged(&scene, &[]) == processes(&one));
}

#[test]
fn a_merge_says_of_what_is_missing_what_one_sweep_says() {
    let scene = Scene::new();
    let at = |seconds: u64| started_process_guid(0x1234_5678, START + seconds * SECOND, 1, 2);
    let asked = |computer: &str, seconds: u64, number: u64| {
        let query = Event::dns_query("pastebin.com", POWERSHELL).on(computer).numbered(number);
        query.with("ProcessGuid", at(seconds)).at(START + (10 + seconds) * SECOND)
    };
    let both = |computer| [asked(computer, 0, 1), asked(computer, 20, 2)];
    scene.put("whole/Sysmon.evtx", &log(&both("whole")));
    scene.put("damaged/Sysmon.evtx", &log(&both("damaged")));
    let more = log(&[asked("damaged", 30, 3)]);
    scene.put("damaged/more.evtx", &more[..more.len() - 5000]);
    // Each event of these files matches, but no file of this computer is whole.
    let mut writer = LogWriter::new(Style::Live);
    writer.push(&link(7)).unwrap();
    writer.end_chunk_leaving(&[query(7), link(6)]).unwrap();
    scene.put("deleted/Sysmon.evtx", &writer.finish());
    let one = scene.sweep(&["--context", "--recover", "--quiet", "--no-report"]).expect(3);
    let statuses: BTreeSet<String> =
        one.column("processes", "status").iter().map(|status| status.as_str().unwrap().to_owned()).collect();
    assert_eq!(
        statuses.iter().map(String::as_str).collect::<Vec<_>>(),
        ["damaged", "found", "log begins later", "not logged"]
    );
    assert!(one.column("processes", "recovered").contains(&true.into()));
    assert!(merged(&scene, &["--recover"]) == processes(&one));
}

#[test]
fn a_log_that_a_shard_could_not_read_is_not_read_for_processes() {
    let scene = Scene::new();
    scene.put("a/Sysmon.evtx", &log(&[query(7)]));
    scene.put("a/Archive.evtx", &log(&[link(7), query(9)]));
    let plan = scene.path("plan");
    let (plan, part, out) = (plan.to_str().unwrap(), scene.path("part"), scene.path("merged"));
    let step = |words: &[&str], paths: &[&std::path::Path], status: i32| {
        let ended = run(dnsweep().args(words).args(paths));
        assert_eq!(ended.status, status, "{}", ended.stderr);
    };
    step(&["plan", "--quiet", "--context", "-n", "1", "-o", plan], &[&scene.evidence()], 0);
    // What is left of the log no longer has the process.
    let path = scene.evidence().join("a/Archive.evtx");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, [&whole[..4096], &log(&[query(9)])[4096..60_000]].concat()).unwrap();
    step(&["sweep", "--quiet", "--plan", plan, "--shard", "1", "--part"], &[&part], 3);
    step(&["merge", "--quiet", "--no-report", "--plan", plan, "-o", out.to_str().unwrap()], &[&part], 3);
    let rows = common::tables::read(&out.join("processes.parquet")).rows;
    let statuses: Vec<&Value> = rows.iter().map(|row| &row["status"]).collect();
    assert_eq!(statuses, ["not read", "not read"]);
}

/// Interrupts a sweep when it has read some of the logs again.
struct Interrupter {
    interrupt: Arc<AtomicBool>,
    /// How often logs are read again before the sweep is interrupted.
    readings: u32,
    /// How many parts of the logs are read again in the last reading.
    parts: u32,
}

impl Interrupter {
    fn interrupt_at_the_end(&self) {
        self.interrupt.store(self.readings + self.parts == 0, Ordering::Relaxed);
    }
}

impl Observer for Interrupter {
    fn advanced(&mut self, _: u64, _: u64) {
        self.interrupt_at_the_end();
    }

    fn reading_again(&mut self, _: u64) {
        self.readings = self.readings.saturating_sub(1);
        self.interrupt_at_the_end();
    }

    fn advanced_again(&mut self, _: u64) {
        if self.readings == 0 {
            self.parts = self.parts.saturating_sub(1);
            self.interrupt_at_the_end();
        }
    }
}

#[test]
fn a_sweep_that_is_interrupted_says_so_and_is_resumed() {
    let scene = Scene::new();
    let events = |file| [link(file), query(file), link(file + 1), query(file + 1)];
    for file in 10..21 {
        scene.put(&format!("{file}/Sysmon.evtx"), &log(&events(file)));
    }
    // A log with such an event is read again for its GUIDs.
    let odd = link(30).with("ProcessGuid", "no GUID");
    scene.put("21/Sysmon.evtx", &log(&[&events(21)[..], &[odd]].concat()));
    let whole = scene.sweep(&["--context", "--quiet", "--no-report"]).expect(0);
    let (tables, rows) = (whole.tables(), whole.rows("processes"));
    let matches = whole.run()["totals"]["matches"].clone();
    assert!(rows.iter().any(|row| row["status"] == "found"));
    for (readings, parts) in [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 3)] {
        fs::remove_dir_all(scene.out()).unwrap();
        let interrupt: Arc<AtomicBool> = Arc::default();
        let options = Options { context: Context::Processes, ..Options::default() };
        let threads = std::num::NonZeroUsize::new(1);
        let request = Sweep { evidence: vec![scene.evidence()], options, threads, ..Sweep::default() };
        let mut observer = Interrupter { interrupt: Arc::clone(&interrupt), readings, parts };
        let outcome =
            request.run(request.directory(&scene.out()).unwrap(), &mut observer, &interrupt).unwrap();
        assert_eq!(outcome.ending, Ending::Interrupted, "{readings} {parts}");
        let interrupted = FinishedSweep { out: scene.out(), process: run(&mut dnsweep()) };
        assert_eq!(interrupted.run()["interrupted"], true);
        let is_whole = interrupted.run()["totals"]["matches"] == matches;
        assert_eq!(is_whole, readings > 0);
        assert!(interrupted.column("processes", "status").contains(&"not read".into()));
        let resumed = scene.sweep(&["--context", "--quiet", "--no-report", "--resume"]).expect(0);
        let files = resumed.run()["resumed_files"].as_u64().unwrap();
        assert!(if is_whole { files == 12 } else { (1..12).contains(&files) }, "{files}");
        assert!(resumed.tables() == tables, "{readings} {parts}");
    }
}

/// Returns the rows of the table of processes without what says where the event lies.
fn without_places(sweep: &FinishedSweep) -> Vec<Value> {
    let places = [
        "evidence",
        "source_path",
        "original_path",
        "snapshot_time",
        "deleted_file",
        "chunk_number",
        "record_offset",
        "integrity",
    ];
    let row = |mut row: Value| {
        for column in places {
            row.as_object_mut().unwrap().remove(column).unwrap();
        }
        row
    };
    sweep.rows("processes").into_iter().map(row).collect()
}

#[test]
fn processes_in_event_xml_are_those_of_the_log() {
    let end = Event::process_terminate("a.exe").of_process(7).numbered(6000).at(START + 90 * SECOND);
    let odd = link(5).with("CommandLine", "a <&>\"' \u{1b}[2J \u{df}\u{1F4A9}").without("ParentUser");
    let events = [odd, link(6), link(7), query(7), end, link(7)];
    let logs = Scene::new();
    logs.put("a.evtx", &log(&events));
    let expected = without_places(&logs.sweep(&["--context", "--quiet"]).expect(0));
    assert_eq!(expected.iter().filter(|row| row["status"] == "found").count(), 3);
    assert!(expected.iter().any(|row| !row["end_time"].is_null() && row["copies"] == 1));
    let xml: String = events.iter().map(|event| event_xml(event) + "\n").collect();
    let utf16: Vec<u8> = std::iter::once(0xfeff)
        .chain(format!("<Events>{xml}</Events>").encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    for bytes in [xml.as_bytes(), &utf16] {
        let scene = Scene::new();
        scene.put("a.xml", bytes);
        assert_eq!(without_places(&scene.sweep(&["--context", "--quiet"]).expect(0)), expected);
    }
}

#[test]
fn processes_in_containers_are_those_of_the_folder() {
    for (machine, container) in [
        ("COL-SRV02", "2025-03-05T091240_KapeTriage_COL-SRV02.zip"),
        // The image has one of the logs in a deleted file.
        ("FIN-WS07", "FIN-WS07.E01"),
    ] {
        let scene = Scene::new();
        let folder = repository(&format!("samples/evidence/{machine}"));
        let container = repository(&format!("samples/containers/{container}"));
        let plain = sweep(&[&folder], &scene.path("folder"), &["--context", "--quiet"]).expect(0);
        let packed = sweep(&[&container], &scene.path("packed"), &["--context", "--quiet"]).expect(0);
        let expected = without_places(&plain);
        assert!(expected.iter().any(|row| row["status"] == "found"));
        assert_eq!(without_places(&packed), expected);
        // With shadow copies, which the image has, each event of a changed log is there twice.
        let options = ["--context", "--vss", "--quiet"];
        let with_copies = without_places(&sweep(&[&container], &scene.path("copies"), &options).expect(0));
        let copies = i64::from(machine == "FIN-WS07");
        let is_found = |row: &&Value| row["status"] == "found";
        assert!(with_copies.iter().filter(is_found).all(|row| row["copies"] == copies), "{machine}");
        let without_copies = |rows: &[Value]| {
            let mut rows = rows.to_vec();
            for row in &mut rows {
                row.as_object_mut().unwrap().remove("copies");
            }
            rows
        };
        assert_eq!(without_copies(&with_copies), without_copies(&expected));
    }
}
