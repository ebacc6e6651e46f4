//! A log of a shadow copy that is the same in the next newer state of the volume is not read again,
//! and nothing is called unchanged whose bytes differ.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that goes wrong fails loudly")]

mod common;

use std::collections::HashMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;

use common::containers::disk;
use common::{FinishedSweep, Scene, dnsweep, repository, run, sweep};
use dnsweep::internals::evidence::discover::{LogFile, Search, ShadowCopies, discover};
use dnsweep::internals::evidence::source::LogBytes;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::json;

/// The size of a block of shadow copies in bytes.
const BLOCK: usize = 16_384;
/// The offset of the volume on the disk of the samples, in bytes.
const VOLUME: usize = 1 << 20;
/// The bytes with which each structure of shadow copies begins.
const STRUCTURE: [u8; 16] =
    [0x6b, 0x87, 0x08, 0x38, 0x76, 0xc1, 0x48, 0x4e, 0xb7, 0xae, 0x04, 0x04, 0x6e, 0x6c, 0xc7, 0x52];

/// Returns all bytes of a log, or the error with which reading them fails.
fn bytes(file: &LogFile) -> Result<Vec<u8>, String> {
    let log = file.open().map_err(|error| error.to_string())?;
    let mut bytes = vec![0; usize::try_from(file.size).unwrap()];
    let read = log.read_at(0, &mut bytes).map_err(|error| error.to_string())?;
    bytes.truncate(read);
    Ok(bytes)
}

/// Finds the logs on a disk image, and compares each log that is called unchanged with that of the
/// newer state. Returns the paths of the unchanged logs.
fn compare_unchanged(image: &Path) -> Vec<String> {
    let roots = vec![image.to_path_buf()];
    let search = Search { roots, shadow_copies: ShadowCopies::Read, ..Search::default() };
    let files = discover(&search, NonZeroUsize::MIN).unwrap().files;
    let by_path: HashMap<String, &LogFile> = files.iter().map(|file| (file.source_path(), file)).collect();
    let mut unchanged = Vec::new();
    for file in &files {
        if let Some(same_as) = file.same_as() {
            let newer = by_path[same_as];
            assert_eq!(bytes(file), bytes(newer), "{}", file.source_path());
            assert_ne!(newer.source_path(), file.source_path());
            unchanged.push(file.source_path());
        }
    }
    unchanged
}

/// Returns the offsets on a disk, in steps of eight bytes, for which `is_wanted` returns true.
fn places(disk: &[u8], is_wanted: impl Fn(usize) -> bool) -> Vec<usize> {
    (0..disk.len()).step_by(8).filter(|at| is_wanted(*at)).collect()
}

/// The offsets on the disk of the samples at which changes could make a changed log look unchanged.
struct Targets {
    disk: Vec<u8>,
    /// The attributes `$DATA` of logs in the master file table, which state the log's size and
    /// runs.
    streams: Vec<usize>,
    /// Entries of the list of blocks that the shadow copy keeps: four in use, and four that are
    /// not.
    entries: Vec<usize>,
    /// The starts of chunks of logs.
    chunks: Vec<usize>,
}

impl Targets {
    fn new() -> Self {
        let disk = disk();
        let name: Vec<u8> = ".evtx".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let is_of_log = |at: usize| {
            let record = &disk[at / 1024 * 1024..][..1024];
            record.starts_with(b"FILE") && record.windows(name.len()).any(|part| part == name)
        };
        // The attribute $DATA, which lies in clusters.
        let streams = places(&disk, |at| {
            disk[at..].starts_with(&[0x80, 0, 0, 0]) && disk.get(at + 8) == Some(&1) && is_of_log(at)
        });
        let lists = places(&disk, |at| {
            at % BLOCK == 0
                && disk[at..].starts_with(&STRUCTURE)
                && disk[at + 20..].starts_with(&[3, 0, 0, 0])
        });
        let entries = lists.iter().flat_map(|list| (0..8).map(move |entry| list + 128 + 32 * entry));
        let entries = entries.collect();
        let chunks = places(&disk, |at| disk[at..].starts_with(b"ElfChnk\0"));
        Targets { disk, streams, entries, chunks }
    }
}

/// A change of the disk of the samples: its kind, the index of its offset among those for changes
/// of this kind, and a number that decides the new bytes.
type Change = (u8, prop::sample::Index, u32);

fn apply(disk: &mut [u8], targets: &Targets, (kind, place, number): &Change) {
    let bytes = number.to_le_bytes();
    match kind {
        // Another block is kept, often one of a log.
        0 => {
            let chunk = targets.chunks[usize::try_from(*number).unwrap() % targets.chunks.len()];
            let block = (chunk - VOLUME) / BLOCK * BLOCK;
            let at = *place.get(&targets.entries);
            disk[at..at + 8].copy_from_slice(&(block as u64).to_le_bytes());
        }
        1 => {
            let at = *place.get(&targets.entries) + usize::from(bytes[0] % 32);
            disk[at] = bytes[1];
        }
        2 => {
            let at = *place.get(&targets.streams) + 16 + usize::from(bytes[0] % 56);
            disk[at] ^= bytes[1];
        }
        _ => {
            let at = *place.get(&targets.chunks) + usize::from(bytes[0]) * 16;
            disk[at] ^= bytes[1];
        }
    }
}

#[test]
fn whatever_is_changed_on_a_disk_an_unchanged_log_has_the_bytes_of_the_newer_state() {
    let targets = Targets::new();
    let counts = [&targets.streams, &targets.entries, &targets.chunks].map(Vec::len);
    assert!(counts.iter().all(|count| *count >= 8), "{counts:?}");
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("FIN.raw");
    fs::write(&image, &targets.disk).unwrap();
    assert_eq!(compare_unchanged(&image).len(), 3);
    let (mut runner, mut seen) = (TestRunner::deterministic(), HashMap::new());
    let change = (0..4_u8, any::<prop::sample::Index>(), any::<u32>());
    let changes = prop::collection::vec(change, 1..4);
    for _ in 0..64 {
        let changes = changes.new_tree(&mut runner).unwrap().current();
        let mut disk = targets.disk.clone();
        for change in &changes {
            apply(&mut disk, &targets, change);
        }
        fs::write(&image, &disk).unwrap();
        *seen.entry(compare_unchanged(&image).len()).or_insert(0) += 1;
    }
    // The changes turn logs into changed ones, and leave others as they are.
    assert!(seen.len() > 2 && seen.contains_key(&3), "{seen:?}");
}

#[test]
fn unchanged_logs_of_real_volumes_have_the_bytes_of_the_newer_state() {
    assert_eq!(compare_unchanged(&repository("samples/containers/FIN-WS07.E01")).len(), 3);
    let Some(fixtures) = std::env::var_os("DNSWEEP_CONTAINERS") else { return };
    let unchanged = compare_unchanged(&Path::new(&fixtures).join("made/vss-mbr.E01"));
    assert_eq!(unchanged.len(), 1);
    assert!(unchanged[0].ends_with("@vss1/Windows/System32/winevt/Logs/Security.evtx"), "{unchanged:?}");
}

fn statuses(swept: &FinishedSweep) -> Vec<(String, String)> {
    let text = |value: &serde_json::Value| value.as_str().unwrap().to_owned();
    swept.rows("files").iter().map(|row| (text(&row["source_path"]), text(&row["status"]))).collect()
}

#[test]
fn an_unchanged_log_is_one_line_of_the_ledger_and_counts_nowhere_else() {
    let scene = Scene::new();
    fs::write(scene.evidence().join("FIN.raw"), disk()).unwrap();
    let live = sweep(&[&scene.evidence()], &scene.path("live"), &["--hash"]).expect(0);
    let swept = scene.sweep(&["--vss", "--hash"]).expect(0);
    let rows = swept.rows("files");
    let (unchanged, read): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row["status"] == "unchanged");
    assert_eq!((unchanged.len(), read.len()), (3, 7), "{:?}", statuses(&swept));
    for row in &unchanged {
        let path = row["source_path"].as_str().unwrap().replace("@vss1", "");
        assert_eq!(row["unchanged_bytes"], row["size"]);
        assert_eq!(
            (&row["unread_bytes"], &row["records"], &row["matches"]),
            (&json!(0), &json!(0), &json!(0))
        );
        assert_eq!((&row["sha256"], &row["problems"]), (&json!(null), &json!([])));
        assert!(row["notes"][0]["note"].as_str().unwrap().contains(&path), "{row}");
        assert_eq!(row["snapshot_time"], json!(1_741_125_600_000_000_u64));
        assert_eq!(live.file(&path)["status"], "complete");
    }
    let totals = &swept.run()["totals"];
    let bytes: u64 = unchanged.iter().map(|row| row["size"].as_u64().unwrap()).sum();
    assert_eq!((&totals["unchanged_files"], &totals["unchanged_bytes"]), (&json!(3), &json!(bytes)));
    assert_eq!((&totals["files"], &totals["complete_files"]), (&json!(10), &json!(7)));
    let read = totals["bytes_read"].as_u64().unwrap();
    assert_eq!(totals["bytes"].as_u64().unwrap(), read + bytes);
    let summary = &swept.process.stdout;
    assert!(summary.contains("3 logs of shadow copies, 208,896 bytes"), "{summary}");
    let host = swept.host("FIN-WS07.corp.example");
    assert_eq!((&host["files"], &host["damaged_files"]), (&json!(7), &json!(0)));
    let verified = run(dnsweep().arg("verify").arg(&swept.out).arg(scene.evidence()));
    assert_eq!(verified.status, 0, "{}{}", verified.stdout, verified.stderr);
    assert!(!verified.stdout.contains("NOT be compared"), "{}", verified.stdout);
}
