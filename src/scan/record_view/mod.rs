//! Shows a record as it lies in its file: its bytes, what each of them means, and the event as XML.
//!
//! This is for people who want to see the evidence of one event, so it need not be fast. It changes
//! nothing about what a scan finds: an event is read by [`crate::scan::Scanner`], never from a view.

mod definition;
mod parts;
mod value_text;

use std::io;

use self::parts::parts;
use crate::event::RecordView;
use crate::evidence::source::LogBytes;
use crate::scan::decode::record::record_xml;
use crate::scan::evtx::chunk::{
    CHUNK_HEADER_SIZE, CHUNK_SIGNATURE, LEAST_RECORD_SIZE, RECORD_SIGNATURE, broken_header,
};
use crate::scan::evtx::log::{CHUNK_LENGTH, CHUNK_SIZE, u32_at};

/// The chunk that contains a record, as far as it could be read.
struct ChunkOfRecord {
    /// The offset of the chunk in its file, in bytes.
    offset: u64,
    /// The chunk's bytes: 64 KiB, or fewer at the end of the file.
    bytes: Vec<u8>,
}

/// Returns a view of the record at `offset` of a log, in bytes from the log's start. The error is
/// that of reading the log, or says that no record lies there.
pub fn view_record(log: &dyn LogBytes, offset: u64) -> io::Result<RecordView> {
    let chunk = chunk_of(log, offset)?;
    // Without a chunk, the record alone takes its place. Then nothing is known of its template.
    let (chunk_offset, bytes, at) = match chunk {
        Some(chunk) => {
            let at = usize::try_from(offset - chunk.offset).expect("a chunk is at most 64 KiB long");
            (Some(chunk.offset), chunk.bytes, at)
        }
        None => (None, read(log, offset, CHUNK_LENGTH)?, 0),
    };
    let Some(length) = record_length(&bytes, at) else {
        return Err(io::Error::other(format!("expected a record at offset {offset}, found other bytes")));
    };
    let record = at..at + length;
    let xml = match chunk_offset {
        Some(_) => record_xml(&bytes, record.clone()),
        None => {
            Err("no chunk header precedes the record, and without it nothing is known of templates".into())
        }
    };
    let parts = parts(&bytes, record.clone());
    let bytes = bytes.get(record).expect("the record lies in the bytes that were read").to_vec();
    Ok(RecordView { chunk_offset, bytes, parts, xml })
}

/// Returns the length of the record at offset `at` of the bytes, as its header states it. `None` if
/// no record begins there, or if it is longer than what was read.
fn record_length(bytes: &[u8], at: usize) -> Option<usize> {
    let record = bytes.get(at..)?;
    let length = usize::try_from(u32_at(record, RECORD_SIGNATURE.len())?).ok()?;
    let is_record =
        record.starts_with(RECORD_SIGNATURE) && (LEAST_RECORD_SIZE..=record.len()).contains(&length);
    is_record.then_some(length)
}

/// Returns the chunk that contains the byte at `offset` of a log: of the signatures in the 64 KiB
/// before, the nearest that begins a sound header, or else the nearest. `None` if there is none.
fn chunk_of(log: &dyn LogBytes, offset: u64) -> io::Result<Option<ChunkOfRecord>> {
    let first = offset.saturating_sub(CHUNK_SIZE - 1);
    let before = usize::try_from(offset - first).expect("less than 64 KiB");
    let window = read(log, first, before)?;
    let places = window.windows(CHUNK_SIGNATURE.len()).enumerate().rev();
    let starts: Vec<usize> = places
        .filter(|(start, bytes)| *bytes == CHUNK_SIGNATURE && window.len() - start >= CHUNK_HEADER_SIZE)
        .map(|(start, _)| start)
        .collect();
    let is_sound = |start: &&usize| window.get(**start..).is_some_and(|chunk| broken_header(chunk).is_none());
    let Some(start) = starts.iter().find(is_sound).or(starts.first()) else { return Ok(None) };
    let offset = first + *start as u64;
    Ok(Some(ChunkOfRecord { offset, bytes: read(log, offset, CHUNK_LENGTH)? }))
}

/// Returns the bytes at `offset` of a log: `length` bytes, or fewer if the log ends before.
fn read(log: &dyn LogBytes, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let found = log.read_at(offset, &mut bytes)?;
    bytes.truncate(found);
    Ok(bytes)
}

#[cfg(test)]
mod tests;
