//! Tests of rules by other authors: each runs or is about other data than DNS queries, and finds
//! what another evaluator finds.
//!
//! The rules do not ship with this repository. They lie in folders `detections` and `facts` next to
//! the one that `DNSWEEP_EVIDENCE` names (see `real_logs.rs`). Without that variable, the tests are
//! ignored and reported as ignored.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that goes wrong fails loudly"
)]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use common::{Scene, dnsweep, repository, run, sweep};
use dnsweep::internals::detect::{Detection, Placeholders, Predicate};
use dnsweep::internals::event::{Event, SYSMON_PROVIDER};
use libtest_mimic::{Arguments, Trial};
use rsigma_eval::Engine;
use rsigma_eval::event::JsonEvent;
use rsigma_parser::{SigmaCollection, parse_sigma_yaml};
use serde_json::{Value, json};

const VARIABLE: &str = "DNSWEEP_EVIDENCE";

fn main() -> ExitCode {
    let ignored = std::env::var_os(VARIABLE).is_none();
    let tests: [(&str, fn()); 4] = [
        ("each_rule_runs_or_is_about_other_data", runs_or_not),
        ("another_evaluator_agrees_on_each_sigma_rule", evaluators_agree),
        ("sweeps_find_what_another_evaluator_finds_in_the_truth", swept),
        ("selected_and_exhaustive_sweeps_agree_for_all_rules", selected),
    ];
    let trials = tests.map(|(name, test)| {
        let run = move || {
            test();
            Ok(())
        };
        Trial::test(name, run).with_ignored_flag(ignored)
    });
    libtest_mimic::run(&Arguments::from_args(), trials.into()).exit_code()
}

fn evidence() -> PathBuf {
    PathBuf::from(std::env::var_os(VARIABLE).unwrap())
}

fn beside(name: &str) -> PathBuf {
    evidence().parent().unwrap().join(name)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn load(path: &Path) -> Result<Detection, String> {
    let text = fs::read_to_string(path).unwrap();
    Detection::from_yaml(&text, &path.display().to_string(), &Placeholders::default())
        .map_err(|error| error.to_string())
}

/// Loads all rules at once, as a site does. A rule that does not run is about other data than DNS
/// queries, and the message says so.
fn runs_or_not() {
    let ended = run(dnsweep().args(["detections", "check"]).arg(beside("detections")));
    assert_eq!(ended.status, 0, "{}{}", ended.stdout, ended.stderr);
    let count = |word: &str| ended.stdout.lines().filter(|line| line.starts_with(word)).count();
    assert!(count("runs ") > 30, "{}", ended.stdout);
    assert_eq!((count("refused "), count("other ")), (0, 1), "{}", ended.stdout);
}

/// A rule, and the same rule in another evaluator. Placeholders have no values in either, so that
/// filters with placeholders exclude nothing.
struct ComparedRule {
    detection: Detection,
    engine: Engine,
}

impl ComparedRule {
    fn all() -> Vec<ComparedRule> {
        let judged = |path: PathBuf| {
            let mut engine = Engine::new();
            engine.add_collection(&without_placeholders(&fs::read_to_string(&path).unwrap())).unwrap();
            ComparedRule { detection: load(&path).unwrap(), engine }
        };
        files(&beside("detections/sigma")).into_iter().map(judged).collect()
    }

    fn matches(&self, fields: &Value) -> bool {
        !self.engine.evaluate(&JsonEvent::borrow(fields)).is_empty()
    }
}

/// Returns a rule in which each placeholder is replaced by a text that no event contains.
fn without_placeholders(text: &str) -> SigmaCollection {
    let mut text = text.to_owned();
    while let Some(start) = text.find("'%") {
        let end = start + 2 + text[start + 2..].find("%'").unwrap() + 2;
        text.replace_range(start..end, "'no such name'");
    }
    parse_sigma_yaml(&text.replace("|expand", "")).unwrap()
}

/// Returns the fields of an event as the other evaluator reads them.
fn fields(event: &Event) -> Value {
    let mut fields = serde_json::Map::new();
    let named = [
        ("QueryName", event.query_name()),
        ("Image", event.image()),
        ("User", event.user()),
        ("QueryStatus", event.query_status()),
    ];
    for (name, value) in named {
        if let Some(value) = value {
            fields.insert(name.to_owned(), json!(value));
        }
    }
    fields.into()
}

fn event(query_name: Option<&str>, image: Option<&str>) -> Event {
    let mut event = Event::dns_query();
    event.set("QueryName", query_name.map(str::to_owned));
    event.set("Image", image.map(str::to_owned));
    event
}

/// Collects texts that match the rule's patterns for query name and image, because real events
/// seldom do.
fn crafted(predicate: &Predicate, texts: &mut BTreeSet<String>) {
    match predicate {
        Predicate::And(children) | Predicate::Or(children) => {
            for child in children {
                crafted(child, texts);
            }
        }
        Predicate::Not(child) => crafted(child, texts),
        Predicate::Matches { pattern, .. } => crafted_of(pattern.text(), texts),
        Predicate::OneOf { patterns, .. } => {
            patterns.texts().for_each(|pattern| crafted_of(pattern, texts));
        }
        _ => {}
    }
}

fn crafted_of(pattern: &str, texts: &mut BTreeSet<String>) {
    for filler in ["", "x", r"C:\a\"] {
        texts.insert(pattern.replace('*', filler).to_uppercase());
    }
}

fn evaluators_agree() {
    let text = fs::read_to_string(beside("facts/real_dns_fields.jsonl")).unwrap();
    let real: Vec<Event> = text
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            event(line["QueryName"].as_str(), line["Image"].as_str())
        })
        .collect();
    for ComparedRule { detection, engine } in ComparedRule::all() {
        let mut texts = BTreeSet::from(["dead01.a.example.org".to_owned()]);
        crafted(&detection.search.predicate, &mut texts);
        let texts: Vec<Option<&str>> =
            texts.iter().map(|text| Some(text.as_str())).chain([None, Some("")]).collect();
        let crafted = texts.iter().flat_map(|query| texts.iter().map(|image| event(*query, *image)));
        let mut matches = 0;
        for event in real.iter().cloned().chain(crafted) {
            let ours = detection.search.predicate.evaluate(&event);
            let theirs = !engine.evaluate(&JsonEvent::borrow(&fields(&event))).is_empty();
            assert_eq!(ours, theirs, "{} on {:?} {:?}", detection.name, event.query_name(), event.image());
            matches += u32::from(ours);
        }
        assert!(matches > 0, "{} matches nothing", detection.name);
    }
}

fn swept() {
    let truth = fs::read_to_string(evidence().join("truth_events.jsonl")).unwrap();
    let truth: Vec<Value> = truth.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut expected = BTreeSet::new();
    for judged in ComparedRule::all() {
        for event in &truth {
            let mut fields = event.clone();
            // For a record without the field, the truth has a null.
            fields.as_object_mut().unwrap().retain(|_, value| !value.is_null());
            if event["EventID"] == 22 && event["Provider"] == SYSMON_PROVIDER && judged.matches(&fields) {
                expected.insert((
                    event["file"].as_str().unwrap().to_owned(),
                    event["EventRecordID"].as_u64().unwrap(),
                    judged.detection.id.clone(),
                ));
            }
        }
    }
    let scene = Scene::new();
    let rules = beside("detections/sigma").display().to_string();
    let swept =
        sweep(&[&evidence()], &scene.out(), &["--quiet", "--evidence-depth", "0", "--detection", &rules]);
    let found: BTreeSet<(String, u64, String)> = swept
        .rows("matches")
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            (text("source_path"), row["event_record_id"].as_u64().unwrap(), text("detection_id"))
        })
        .collect();
    assert!(expected.len() > 5, "{}", expected.len());
    assert_eq!(found, expected);
}

fn selected() {
    let rules = beside("detections").display().to_string();
    for root in [evidence(), repository("samples/evidence"), repository("samples/damaged")] {
        let tables = |more: &[&str]| {
            let scene = Scene::new();
            let options = [&["--quiet", "--detection", &rules], more].concat();
            let swept = sweep(&[&root], &scene.out(), &options);
            assert!([0, 3].contains(&swept.process.status), "{}", swept.process.stderr);
            assert!(swept.run()["detections"].as_array().unwrap().len() > 20);
            swept.tables()
        };
        assert!(tables(&["--checksums"]) == tables(&["--checksums", "--exhaustive"]), "{}", root.display());
    }
}
