//! A stencil: a chunk of a log with the offsets of its record numbers, times and Computer (the
//! holes), so that copies of the chunk can be given other values.
//!
//! The chunk is encoded once with values that occur nowhere else. Searching its bytes for these
//! values finds every hole.

use crate::chunk::{CHUNK_SIZE, write_checksums};
use crate::corpus::computer;
use crate::damage::chunk_offset;
use crate::error::Error;
use crate::event::{Event, LOGGING_DELAY};
use crate::log::{HEADER_SIZE, LogWriter, Place};
use crate::record::Style;
use crate::rng::Rng;
use crate::time;
use crate::truth::{is_dns_query, matches_seed};

/// The first EventRecordID with which a stencil's chunk is encoded. Its eight bytes occur nowhere
/// else in the chunk, so that a search finds where EventRecordIDs lie.
const PLACEHOLDER_ID: u64 = 0xA5C3_F10E_0000_0000;
/// The offset in a chunk's header of the numbers of its first and last record, each twice.
const HEADER_NUMBERS: usize = 8;

/// The values that a copy of a stencil's chunk gets in its holes: the record numbers, times and
/// Computer.
#[derive(Debug)]
pub(super) struct HoleValues {
    pub(super) computer: String,
    pub(super) first_number: u64,
    pub(super) first_record_id: u64,
    pub(super) first_time: u64,
    pub(super) pause: u64,
}

impl HoleValues {
    /// Advances the values by `records` records, for the chunk that follows in the log.
    pub(super) fn advance(&mut self, records: u64) {
        self.first_number += records;
        self.first_record_id += records;
        self.first_time += records * self.pause;
    }
}

/// The holes of one record (where its number, EventRecordID and times lie), as offsets from the
/// start of the chunk.
#[derive(Debug)]
struct Holes {
    number: usize,
    record_id: Vec<usize>,
    time: Vec<usize>,
    utc_time: Vec<usize>,
}

/// A chunk of a log, and the offsets of its holes: the places of its record numbers, times and
/// Computer.
#[derive(Debug)]
pub(super) struct Stencil {
    bytes: Vec<u8>,
    records: Vec<Holes>,
    computer: Vec<usize>,
    pub(super) dns_queries: u64,
    pub(super) matches: u64,
}

impl Stencil {
    /// Encodes one chunk, and the header of a log that it could be the first chunk of. `event`
    /// makes an event from its index in the chunk; events are added until the chunk is full.
    pub(super) fn new(event: impl Fn(u64, &mut Rng) -> Event, seed: u64) -> Result<(Vec<u8>, Self), Error> {
        let mut rng = Rng::new(seed);
        let mut log = LogWriter::new(Style::Live);
        let mut placed: Vec<(Event, Place)> = Vec::new();
        let first_time = time::filetime(1999, 12, 31, 0, 0, 0);
        for record in 0.. {
            // The times of two events differ by more than a millisecond, so their texts differ,
            // too.
            let event = event(record, &mut rng)
                .on(&computer(0))
                .numbered(PLACEHOLDER_ID + record)
                .at(first_time + record * 12_345_678);
            let place = log.push(&event)?;
            if place.chunk > 0 {
                break;
            }
            placed.push((event, place));
        }
        let mut header = log.finish();
        let mut bytes = header.split_off(HEADER_SIZE);
        bytes.truncate(CHUNK_SIZE);
        let count =
            |wanted: fn(&Event) -> bool| placed.iter().filter(|(event, _)| wanted(event)).count() as u64;
        let stencil = Self {
            records: placed.iter().map(|(event, place)| holes(&bytes, event, *place)).collect(),
            computer: find_all(&bytes, 0, &utf16(&computer(0))),
            dns_queries: count(is_dns_query),
            matches: count(matches_seed),
            bytes,
        };
        Ok((header, stencil))
    }

    pub(super) fn records(&self) -> u64 {
        self.records.len() as u64
    }

    /// Makes `chunk` a copy of the stencil's chunk with the record numbers, times and Computer of
    /// `filling`.
    pub(super) fn fill(&self, filling: &HoleValues, chunk: &mut [u8]) {
        chunk.copy_from_slice(&self.bytes);
        let computer = utf16(&filling.computer);
        self.computer.iter().for_each(|at| put(chunk, *at, &computer));
        for (index, holes) in (0_u64..).zip(&self.records) {
            let time = filling.first_time + index * filling.pause;
            put(chunk, holes.number, &(filling.first_number + index).to_le_bytes());
            let record_id = (filling.first_record_id + index).to_le_bytes();
            holes.record_id.iter().for_each(|at| put(chunk, *at, &record_id));
            holes.time.iter().for_each(|at| put(chunk, *at, &time.to_le_bytes()));
            let utc_time = utf16(&time::utc_time(time - LOGGING_DELAY));
            holes.utc_time.iter().for_each(|at| put(chunk, *at, &utc_time));
        }
        let last_number = filling.first_number + self.records().saturating_sub(1);
        for (index, number) in [filling.first_number, last_number].iter().cycle().take(4).enumerate() {
            put(chunk, HEADER_NUMBERS + 8 * index, &number.to_le_bytes());
        }
        write_checksums(chunk);
    }
}

fn holes(chunk: &[u8], event: &Event, place: Place) -> Holes {
    let start = place.offset - chunk_offset(0);
    let record = chunk.get(start..start + place.size).unwrap_or_default();
    let utc_time = event.value("UtcTime").map(|text| utf16(&text.text()));
    Holes {
        number: start + 8,
        record_id: find_all(record, start, &event.record_id.to_le_bytes()),
        time: find_all(record, start, &event.time.to_le_bytes()),
        utc_time: utc_time.map(|text| find_all(record, start, &text)).unwrap_or_default(),
    }
}

/// Returns the offsets of `wanted` in a chunk. `bytes` is the part of the chunk that is searched,
/// which starts at the chunk's offset `base`.
fn find_all(bytes: &[u8], base: usize, wanted: &[u8]) -> Vec<usize> {
    let hits = bytes.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted);
    hits.map(|(at, _)| base + at).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Overwrites bytes of a chunk at the offset `at`. The offset was found in a chunk of the same
/// size, so it is never too large.
fn put(chunk: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(hole) = chunk.get_mut(at..at + bytes.len()) {
        hole.copy_from_slice(bytes);
    }
}
