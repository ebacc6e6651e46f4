//! Sample logs, and changes that can happen to their bytes, for property tests.

use std::path::Path;
use std::sync::LazyLock;

use dnsweep::internals::ledger::damage::Problem;
use dnsweep::internals::ledger::tally::Tally;
use dnsweep::internals::scan::{BLOCK_CHUNKS, LocatedEvent, Scanner, blocks};
use dnsweep_samples::rng::Rng;
use dnsweep_samples::{CHUNK_SIZE, damage};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, FileFailurePersistence, RngSeed};

use super::{repository, truth};

/// The number of cases of a property test if `PROPTEST_CASES` does not state one.
const CASES: u32 = 300;
/// The seed of the ways in which logs are damaged if `PROPTEST_CASES` is not set.
const SEED: u64 = 20_261_129;

/// Returns the configuration of a property test, with the number of logs to damage.
///
/// Without `PROPTEST_CASES`, each run damages the logs in the same ways, so that a run fails because
/// of a change to the code and not by chance. With it, each run tries ways of its own: whoever
/// changes how damage is reported should try some thousands.
pub fn config() -> Config {
    let wanted = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    Config {
        cases: wanted.unwrap_or(CASES),
        rng_seed: wanted.map_or(RngSeed::Fixed(SEED), |_| RngSeed::Random),
        failure_persistence: Some(Box::new(FileFailurePersistence::Off)),
        ..Config::default()
    }
}

/// The result of scanning a log.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScanResult {
    /// The DNS queries of the log that were decoded.
    pub events: Vec<LocatedEvent>,
    /// The problems of the log that the scan reports.
    pub problems: Vec<Problem>,
    /// The counts of the log's bytes, chunks and records.
    pub tally: Tally,
}

impl ScanResult {
    /// Returns the event whose record starts at this offset in the log.
    pub fn at(&self, record_offset: u64) -> Option<&LocatedEvent> {
        self.events.iter().find(|event| event.location.record_offset == record_offset)
    }
}

/// Scans a whole log, block by block.
pub fn scan_with(scanner: &mut Scanner, log: &Vec<u8>) -> ScanResult {
    let mut found = ScanResult::default();
    let size = log.len() as u64;
    for block in blocks(size, BLOCK_CHUNKS) {
        let scan = scanner.scan(log, block, size);
        found.tally.merge(scan.tally);
        found.events.extend(scan.events);
        found.problems.extend(scan.problems.iter());
    }
    found
}

/// A sample log as it ships, and its scan result.
pub struct Sample {
    /// The file name of the sample.
    pub name: String,
    /// The contents of the sample.
    pub bytes: Vec<u8>,
    /// The result of scanning the unchanged sample.
    pub found: ScanResult,
    /// The offset of each record in the sample.
    pub records: Vec<usize>,
}

/// All samples, including the damaged ones.
pub static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(|| {
    let folder = repository("samples");
    let lines = truth::lines(&folder.join("truth.jsonl"));
    let files = truth::lines(&folder.join("truth_files.jsonl"));
    let samples = files.iter().map(|file| sample(&folder, file["file"].as_str().unwrap(), &lines));
    samples.collect()
});

/// Reads a sample log. Fails unless a scan of it finds what the truth file states, because damaged
/// logs are compared with the result of this scan.
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

/// A place in a log at which damage begins. Random indexes choose the chunk, the record and the
/// byte.
#[derive(Debug, Clone)]
pub enum Place {
    Anywhere(Index),
    /// In the log's file header.
    FileHeader(Index),
    /// In the header of a chunk: fields, checksums and tables.
    ChunkHeader(Index, Index),
    /// In the first bytes of a record: its signature, size, number and time, and the beginning of
    /// its content.
    RecordHead(Index, Index),
    /// At the very start of a chunk.
    Chunk(Index),
}

impl Place {
    /// Returns the offset in bytes at which the damage begins in this sample.
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

/// A change of a log's bytes from a certain place on.
#[derive(Debug, Clone)]
pub enum Change {
    /// Bits of one byte change: those that the mask has set.
    Flip(u8),
    /// A number of bytes become zero.
    Zero(usize),
    /// A number of bytes become random, from this seed.
    Random(usize, u64),
    /// The file ends at the place of the change.
    Cut,
    /// A number of bytes, random from this seed, are inserted.
    Insert(usize, u64),
    /// A number of bytes are removed.
    Remove(usize),
}

/// Generates any place in a log. Places where damage has most effects come up more often.
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

/// Generates the length of a change in bytes: mostly a few bytes, sometimes a chunk or more.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 1_usize..40, 3 => 1_usize..2_000, 1 => 1_usize..140_000, 1 => Just(CHUNK_SIZE)]
}

/// Generates any change of bytes; small changes come up more often.
pub fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (1_u8..=255).prop_map(Change::Flip),
        2 => length().prop_map(Change::Zero),
        3 => (length(), any::<u64>()).prop_map(|(length, seed)| Change::Random(length, seed)),
        1 => Just(Change::Cut),
    ]
}

/// Generates an insertion or a removal of bytes.
pub fn shift() -> impl Strategy<Value = Change> {
    prop_oneof![
        (length(), any::<u64>()).prop_map(|(length, seed)| Change::Insert(length, seed)),
        length().prop_map(Change::Remove),
    ]
}

/// Applies a change to the bytes from offset `at` on.
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
            // The inserted bytes are often zeros, such as a file system inserts.
            let fill = || if seed % 3 == 0 { 0 } else { rng.next_u64().to_le_bytes()[0] };
            let inserted: Vec<u8> = std::iter::repeat_with(fill).take(length).collect();
            bytes.splice(at..at, inserted);
        }
        Change::Remove(length) => {
            bytes.drain(at..end(length));
        }
    }
}
