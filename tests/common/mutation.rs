//! Sample logs, and everything that can happen to their bytes.

use std::path::Path;
use std::sync::LazyLock;

use dnsweep::internals::ledger::damage::Problem;
use dnsweep::internals::ledger::tally::Tally;
use dnsweep::internals::scan::{BLOCK_CHUNKS, LocatedEvent, Scanner, blocks};
use dnsweep_samples::rng::Rng;
use dnsweep_samples::{CHUNK_SIZE, damage};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, FileFailurePersistence};

use super::{repository, truth};

/// Cases where `PROPTEST_CASES` does not say how many.
const CASES: u32 = 300;

/// How many logs are damaged.
pub fn config() -> Config {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    Config { cases, failure_persistence: Some(Box::new(FileFailurePersistence::Off)), ..Config::default() }
}

/// What scanning a log gave.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Found {
    /// Its DNS queries that were decoded.
    pub events: Vec<LocatedEvent>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
    /// What was counted.
    pub tally: Tally,
}

impl Found {
    /// The event of the record that starts there.
    pub fn at(&self, record_offset: u64) -> Option<&LocatedEvent> {
        self.events.iter().find(|event| event.location.record_offset == record_offset)
    }
}

/// Scans all of a log.
pub fn scan_with(scanner: &mut Scanner, log: &Vec<u8>) -> Found {
    let mut found = Found::default();
    let size = log.len() as u64;
    for block in blocks(size, BLOCK_CHUNKS) {
        let scan = scanner.scan(log, block, size);
        found.tally.merge(scan.tally);
        found.events.extend(scan.events);
        found.problems.extend(scan.problems.iter());
    }
    found
}

/// A sample as it ships, and what is in it.
pub struct Sample {
    /// Its file.
    pub name: String,
    /// All its bytes.
    pub bytes: Vec<u8>,
    /// What is in it.
    pub found: Found,
    /// Where each record starts.
    pub records: Vec<usize>,
}

/// All samples, the damaged ones too.
pub static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let folder = repository("samples");
    let lines = truth::lines(&folder.join("truth.jsonl"));
    let files = truth::lines(&folder.join("truth_files.jsonl"));
    let samples = files.iter().map(|file| sample(&folder, file["file"].as_str().unwrap(), &lines));
    samples.collect()
});

/// Reads a sample. What is found in it undamaged is what the truth says: only then is it worth
/// comparing with.
fn sample(folder: &Path, name: &str, lines: &[serde_json::Value]) -> Sample {
    let bytes = std::fs::read(folder.join(name)).unwrap();
    let found = scan_with(&mut Scanner::default(), &bytes);
    let expected: Vec<u64> = lines
        .iter()
        .filter(|line| line["file"] == name && line.get("lost").is_none())
        .map(|line| line["record_offset"].as_u64().unwrap())
        .collect();
    let offsets: Vec<u64> = found.events.iter().map(|event| event.location.record_offset).collect();
    assert_eq!(offsets, expected, "{name}");
    let records =
        (0..damage::chunk_count(&bytes)).flat_map(|chunk| damage::record_offsets(&bytes, chunk)).collect();
    Sample { name: name.to_owned(), bytes, found, records }
}

/// Where damage begins.
#[derive(Debug, Clone)]
pub enum Place {
    Anywhere(Index),
    /// In the file's header.
    FileHeader(Index),
    /// In the header of a chunk: fields, checksums and tables.
    ChunkHeader(Index, Index),
    /// In the first bytes of a record: its signature, size, number and time, and what its content
    /// begins with.
    RecordHead(Index, Index),
    /// At the very start of a chunk.
    Chunk(Index),
}

impl Place {
    /// The byte that is meant.
    pub fn of(&self, sample: &Sample) -> usize {
        let chunk =
            |index: &Index| damage::chunk_offset(index.index(damage::chunk_count(&sample.bytes).max(1)));
        match self {
            Place::Anywhere(at) => at.index(sample.bytes.len().max(1)),
            Place::FileHeader(at) => at.index(128),
            Place::ChunkHeader(number, at) => chunk(number) + at.index(512),
            Place::RecordHead(record, at) => {
                let start = if sample.records.is_empty() { 0 } else { *record.get(&sample.records) };
                start + at.index(64)
            }
            Place::Chunk(number) => chunk(number),
        }
    }
}

/// What happens there.
#[derive(Debug, Clone)]
pub enum Change {
    /// Bits of one byte change.
    Flip(u8),
    /// Bytes become zero.
    Zero(usize),
    /// Bytes become anything, by that seed.
    Random(usize, u64),
    /// The file ends.
    Cut,
    /// So many bytes are put in, by that seed; what follows moves back.
    Insert(usize, u64),
    /// So many bytes are taken out; what follows moves up.
    Remove(usize),
}

/// Any place, the telling ones more often.
pub fn place() -> impl Strategy<Value = Place> {
    let index = any::<Index>;
    prop_oneof![
        4 => index().prop_map(Place::Anywhere),
        1 => index().prop_map(Place::FileHeader),
        3 => (index(), index()).prop_map(|(chunk, at)| Place::ChunkHeader(chunk, at)),
        3 => (index(), index()).prop_map(|(record, at)| Place::RecordHead(record, at)),
        1 => index().prop_map(Place::Chunk),
    ]
}

/// Mostly a few bytes, sometimes a chunk or more.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 1_usize..40, 3 => 1_usize..2_000, 1 => 1_usize..140_000, 1 => Just(CHUNK_SIZE)]
}

/// Any change, small ones more often.
pub fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (1_u8..=255).prop_map(Change::Flip),
        2 => length().prop_map(Change::Zero),
        3 => (length(), any::<u64>()).prop_map(|(length, seed)| Change::Random(length, seed)),
        1 => Just(Change::Cut),
    ]
}

/// Bytes that are put in or taken out.
pub fn shift() -> impl Strategy<Value = Change> {
    prop_oneof![
        (length(), any::<u64>()).prop_map(|(length, seed)| Change::Insert(length, seed)),
        length().prop_map(Change::Remove),
    ]
}

/// Changes the bytes from `at` on.
pub fn apply(bytes: &mut Vec<u8>, at: usize, change: &Change) {
    let end = |length: usize| bytes.len().min(at.saturating_add(length));
    match *change {
        _ if at >= bytes.len() => {}
        Change::Flip(mask) => bytes[at] ^= mask,
        Change::Zero(length) => {
            let end = end(length);
            bytes[at..end].fill(0);
        }
        Change::Random(length, seed) => {
            let mut rng = Rng::new(seed);
            let end = end(length);
            bytes[at..end].fill_with(|| rng.next_u64().to_le_bytes()[0]);
        }
        Change::Cut => bytes.truncate(at),
        Change::Insert(length, seed) => {
            let mut rng = Rng::new(seed);
            // Often zeros, as a file system puts in.
            let fill = || if seed % 3 == 0 { 0 } else { rng.next_u64().to_le_bytes()[0] };
            let inserted: Vec<u8> = std::iter::repeat_with(fill).take(length).collect();
            bytes.splice(at..at, inserted);
        }
        Change::Remove(length) => {
            bytes.drain(at..end(length));
        }
    }
}
