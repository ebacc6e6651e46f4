//! A chunk with holes: where its record numbers, times and Computer lie, so that copies of it can
//! be given others.
//!
//! The chunk is encoded once with values that occur nowhere else; looking for them in its bytes
//! finds every hole.

use crate::chunk::{CHUNK_SIZE, write_checksums};
use crate::corpus::computer;
use crate::damage::chunk_offset;
use crate::error::Error;
use crate::event::Event;
use crate::log::{HEADER_SIZE, LogWriter, Place};
use crate::record::Style;
use crate::rng::Rng;
use crate::time;
use crate::truth::{is_dns_query, matches_seed};

/// EventRecordIDs while encoding: eight bytes that no other value has.
const PLACEHOLDER_ID: u64 = 0xA5C3_F10E_0000_0000;
/// Sysmon logs a query later than it happens; see `event`.
const LOGGING_DELAY: u64 = 14_500_000;
/// Where a chunk's header has the numbers of its first and last record, twice each.
const HEADER_NUMBERS: usize = 8;

/// What to put into the holes.
#[derive(Debug)]
pub(super) struct Filling {
    pub(super) computer: String,
    pub(super) first_number: u64,
    pub(super) first_record_id: u64,
    pub(super) first_time: u64,
    pub(super) pause: u64,
}

impl Filling {
    /// Goes on to what comes after `records` records.
    pub(super) fn advance(&mut self, records: u64) {
        self.first_number += records;
        self.first_record_id += records;
        self.first_time += records * self.pause;
    }
}

/// Where one record has its holes, from the start of the chunk.
#[derive(Debug)]
struct Holes {
    number: usize,
    record_id: Vec<usize>,
    time: Vec<usize>,
    utc_time: Vec<usize>,
}

/// A chunk and its holes.
#[derive(Debug)]
pub(super) struct Stencil {
    bytes: Vec<u8>,
    records: Vec<Holes>,
    computer: Vec<usize>,
    pub(super) dns_queries: u64,
    pub(super) matches: u64,
}

impl Stencil {
    /// Encodes one chunk of the events that `event` makes of their number in the chunk, until it is
    /// full, and the header of a log that it could be the first chunk of.
    pub(super) fn new(event: impl Fn(u64, &mut Rng) -> Event, seed: u64) -> Result<(Vec<u8>, Self), Error> {
        let mut rng = Rng::new(seed);
        let mut log = LogWriter::new(Style::Live);
        let mut placed: Vec<(Event, Place)> = Vec::new();
        let first_time = time::filetime(1999, 12, 31, 0, 0, 0);
        for record in 0.. {
            // Times differ by more than a millisecond, so that the texts differ too.
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

    /// Makes `chunk` a copy with the holes filled.
    pub(super) fn fill(&self, filling: &Filling, chunk: &mut [u8]) {
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

/// Where `wanted` occurs in `bytes`, which start at `base`.
fn find_all(bytes: &[u8], base: usize, wanted: &[u8]) -> Vec<usize> {
    let hits = bytes.windows(wanted.len()).enumerate().filter(|(_, window)| *window == wanted);
    hits.map(|(at, _)| base + at).collect()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// Overwrites bytes; the holes were found in a chunk of the same size.
fn put(chunk: &mut [u8], at: usize, bytes: &[u8]) {
    if let Some(hole) = chunk.get_mut(at..at + bytes.len()) {
        hole.copy_from_slice(bytes);
    }
}
