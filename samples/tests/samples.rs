//! The sample files on disk are what the generator writes, byte for byte. No other file lies next
//! to them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use dnsweep_samples::truth::{self, SampleFile, matches_seed};
use dnsweep_samples::{Error, story};

fn fresh() -> Result<Vec<SampleFile>, Error> {
    let mut files = story::evidence()?;
    files.extend(story::damaged()?);
    Ok(files)
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() { files_below(&path, found) } else { found.push(path) }
    }
}

#[test]
fn the_files_on_disk_are_a_fresh_generation() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR"));
    let files = fresh().unwrap();
    let mut on_disk = Vec::new();
    files_below(&samples.join("evidence"), &mut on_disk);
    files_below(&samples.join("damaged"), &mut on_disk);
    on_disk.sort();
    let mut expected: Vec<PathBuf> = files.iter().map(|file| samples.join(&file.path)).collect();
    expected.sort();
    assert_eq!(on_disk, expected, "run: cargo run -p dnsweep-samples -- samples");
    for file in &files {
        let same = fs::read(samples.join(&file.path)).unwrap() == file.bytes;
        assert!(same, "{} differs; run: cargo run -p dnsweep-samples -- samples", file.path);
    }
    let read = |name: &str| fs::read_to_string(samples.join(name)).unwrap();
    assert_eq!(read("truth.jsonl"), truth::events_jsonl(&files));
    assert_eq!(read("truth_processes.jsonl"), truth::processes_jsonl(&files));
    assert_eq!(read("truth_files.jsonl"), truth::files_jsonl(&files));
}

#[test]
fn the_samples_stay_small() {
    let bytes: usize = fresh().unwrap().iter().map(|file| file.bytes.len()).sum();
    assert!(bytes < 3_000_000, "{bytes} bytes");
}

#[test]
fn one_machine_is_compromised_and_one_more_match_was_forwarded() {
    let mut matches = BTreeMap::new();
    for file in story::evidence().unwrap() {
        for record in file.records.iter().filter(|record| matches_seed(&record.event)) {
            *matches.entry(record.event.computer.clone()).or_insert(0) += 1;
        }
    }
    let expected = [("FIN-WS07.corp.example", 14), ("SALES-WS21.corp.example", 1)];
    assert_eq!(matches, expected.map(|(computer, count)| (computer.to_owned(), count)).into());
}

#[test]
fn damage_takes_a_few_matches_and_leaves_most() {
    let files = story::damaged().unwrap();
    let count = |lost: bool| {
        let records = files.iter().flat_map(|file| &file.records);
        records.filter(|record| record.lost == lost && matches_seed(&record.event)).count()
    };
    assert_eq!((count(false), count(true)), (20, 4));
}

#[test]
fn record_ids_of_one_computer_are_never_given_twice() {
    let mut ids = BTreeSet::new();
    for file in story::evidence().unwrap() {
        for record in &file.records {
            let event = &record.event;
            let key = (event.computer.clone(), event.channel.clone(), event.record_id);
            assert!(ids.insert(key), "{} {}", file.path, event.record_id);
        }
    }
}
