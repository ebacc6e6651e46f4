//! Inputs that encode a log: the first byte says how the rest becomes a log.
//!
//! A fuzzer changes an input blindly, and nearly every change to a log breaks a checksum or the
//! walk over its records, so that most code would never run. Therefore checksums and the sizes of
//! records can be repaired when an input is decoded. An input can also be the records of one chunk
//! alone, which are a few hundred bytes and not 68 KiB.

use dnsweep_samples::{CHUNK_SIZE, Event, FIRST_RECORD, HEADER_SIZE, LogWriter, Style, damage};

/// How an input is turned into a log.
#[derive(Debug, Clone, Copy, Default)]
pub struct InputFormat {
    /// True if the input is the records of one chunk; false if it is a whole log.
    pub records_only: bool,
    /// True if the checksums of the chunks are repaired.
    pub checksums_repaired: bool,
    /// True if the copy of each record's size, at the record's end, is repaired.
    pub sizes_repaired: bool,
    /// The 0-based index of the predicate that selects records, for checks that use one.
    pub predicate: u8,
}

const RECORDS_ONLY: u8 = 1;
const CHECKSUMS_REPAIRED: u8 = 2;
const SIZES_REPAIRED: u8 = 4;
const PREDICATE_SHIFT: u32 = 3;
/// The most bytes of an input. Larger inputs are skipped, because they would show nothing more.
const MOST_BYTES: usize = HEADER_SIZE + 2 * CHUNK_SIZE;

impl InputFormat {
    fn of(byte: u8) -> Self {
        InputFormat {
            records_only: byte & RECORDS_ONLY != 0,
            checksums_repaired: byte & (CHECKSUMS_REPAIRED | RECORDS_ONLY) != 0,
            sizes_repaired: byte & SIZES_REPAIRED != 0,
            predicate: byte >> PREDICATE_SHIFT & 3,
        }
    }

    fn byte(self) -> u8 {
        let flag = |set: bool, bit: u8| if set { bit } else { 0 };
        flag(self.records_only, RECORDS_ONLY)
            | flag(self.checksums_repaired, CHECKSUMS_REPAIRED)
            | flag(self.sizes_repaired, SIZES_REPAIRED)
            | (self.predicate << PREDICATE_SHIFT)
    }
}

/// Encodes `log` as an input in this format. If the format has records only, those of the log's
/// first chunk are taken.
pub fn input(log: &[u8], form: InputFormat) -> Vec<u8> {
    let mut input = vec![form.byte()];
    if form.records_only {
        let first = damage::record_offset(log, 0, 0).unwrap_or(log.len());
        let last = damage::record_offsets(log, 0).last().copied().unwrap_or(first);
        let size =
            log.get(last + 4..last + 8).and_then(|size| size.try_into().ok()).map_or(0, u32::from_le_bytes);
        input.extend_from_slice(log.get(first..last + size as usize).unwrap_or_default());
    } else {
        input.extend_from_slice(log);
    }
    input
}

/// Decodes the log of an input; `None` if the input is empty or too large.
pub(super) fn log(input: &[u8]) -> Option<(InputFormat, Vec<u8>)> {
    let (byte, rest) = input.split_first()?;
    if rest.len() > MOST_BYTES {
        return None;
    }
    let form = InputFormat::of(*byte);
    let mut log = if form.records_only { around(rest) } else { rest.to_vec() };
    for chunk in 0..damage::chunk_count(&log) {
        if form.sizes_repaired {
            repair_sizes(&mut log, chunk);
        }
        if form.checksums_repaired {
            let _ = damage::repair_chunk_checksums(&mut log, chunk);
        }
    }
    Some((form, log))
}

/// Makes a log of one chunk that has these bytes as its records.
fn around(records: &[u8]) -> Vec<u8> {
    let mut writer = LogWriter::new(Style::Export);
    let event = Event::dns_query("", "");
    writer.push(&event).unwrap();
    let mut log = writer.finish();
    let chunk = damage::chunk_offset(0);
    let records = &records[..records.len().min(CHUNK_SIZE - FIRST_RECORD)];
    // The tables of names and templates stay those of the event that is overwritten.
    log[chunk + 128..].fill(0);
    log[chunk + FIRST_RECORD..][..records.len()].copy_from_slice(records);
    let end = u32::try_from(FIRST_RECORD + records.len()).unwrap();
    log[chunk + 48..chunk + 52].copy_from_slice(&end.to_le_bytes());
    log
}

fn repair_sizes(log: &mut [u8], chunk: usize) {
    let end = damage::chunk_offset(chunk + 1);
    for at in damage::record_offsets(log, chunk) {
        let size: [u8; 4] = log[at + 4..at + 8].try_into().unwrap();
        let after = at + u32::from_le_bytes(size) as usize;
        if after <= end && after >= at + 28 {
            log[after - 4..after].copy_from_slice(&size);
        }
    }
}
