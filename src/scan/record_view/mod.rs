//! Shows a record as it is stored in its file: its bytes, what each of them means, and the event as
//! XML.
//!
//! This is for people who want to see the evidence of one event, so it need not be fast. It changes
//! nothing about what a scan finds: an event is read by [`crate::scan::Scanner`], never from a
//! view.

mod definition;
mod parts;
mod value_text;

use std::io;
use std::ops::Range;

use self::parts::parts;
use crate::event::{Event, RecordView};
use crate::evidence::source::LogBytes;
use crate::scan::decode::record::record_xml;
use crate::scan::evtx::chunk::{
    CHUNK_HEADER_SIZE, CHUNK_SIGNATURE, LEAST_RECORD_SIZE, RECORD_SIGNATURE, broken_header,
};
use crate::scan::evtx::log::{CHUNK_LENGTH, CHUNK_SIZE, u32_at};

/// The maximum number of chunk signatures before a record that are tried as the beginning of the
/// record's chunk. Forged evidence can have any number.
const MOST_CHUNKS: usize = 16;

/// The chunk that contains a record, as far as it could be read.
struct ChunkOfRecord {
    /// The offset, in its file, of the chunk that has the record, in bytes.
    offset: u64,
    /// The chunk's bytes: 64 KiB, or fewer at the end of the file.
    bytes: Vec<u8>,
}

/// Returns a view of the record at `offset` of a log, in bytes from the log's start. `event` is the
/// event that a scan read there, if any. The view then shows XML only if the templates of a chunk
/// give this event, because a planted chunk can have other templates; otherwise it states why there
/// is no XML. The error is that of reading the log, or states that no record lies there.
pub fn view_record(log: &dyn LogBytes, offset: u64, event: Option<&Event>) -> io::Result<RecordView> {
    let alone = read(log, offset, CHUNK_LENGTH)?;
    let Some(length) = record_length(&alone) else {
        return Err(io::Error::other(format!("expected a record at offset {offset}, found other bytes")));
    };
    let mut reason = "no chunk header precedes it, and the templates lie in the chunk".to_owned();
    for chunk in chunks_before(log, offset)? {
        let at = usize::try_from(offset - chunk.offset).expect("a chunk is at most 64 KiB long");
        let record = at..at + length;
        if record.end > chunk.bytes.len() {
            continue;
        }
        match record_xml(&chunk.bytes, record.clone(), event) {
            Ok(xml) => return Ok(view(Some(chunk.offset), &chunk.bytes, record, Ok(xml))),
            Err(error) => reason = error,
        }
    }
    // Without its chunk, the record stands alone, and nothing is known of its templates.
    let record = 0..length;
    Ok(view(None, alone.get(record.clone()).unwrap_or_default(), record, Err(reason)))
}

fn view(
    chunk_offset: Option<u64>,
    chunk: &[u8],
    record: Range<usize>,
    xml: Result<String, String>,
) -> RecordView {
    let parts = parts(chunk, record.clone());
    let bytes = chunk.get(record).expect("the record lies in the bytes that were read").to_vec();
    RecordView { chunk_offset, bytes, parts, xml }
}

/// Returns the length of the record that the bytes begin with, as its header states it. `None` if
/// they begin with no record, or if it is longer than they are.
fn record_length(bytes: &[u8]) -> Option<usize> {
    let length = usize::try_from(u32_at(bytes, RECORD_SIGNATURE.len())?).ok()?;
    let is_record =
        bytes.starts_with(RECORD_SIGNATURE) && (LEAST_RECORD_SIZE..=bytes.len()).contains(&length);
    is_record.then_some(length)
}

/// Returns the chunks that may contain the byte at `offset` of a log: those whose signature lies in
/// the 64 KiB before it, at most [`MOST_CHUNKS`]. Chunks with a sound header come before those
/// without; within each of the two groups, the nearest chunk comes first.
fn chunks_before(log: &dyn LogBytes, offset: u64) -> io::Result<Vec<ChunkOfRecord>> {
    let first = offset.saturating_sub(CHUNK_SIZE - 1);
    let before = usize::try_from(offset - first).expect("less than 64 KiB");
    let window = read(log, first, before)?;
    let places = window.windows(CHUNK_SIGNATURE.len()).enumerate().rev();
    let mut starts: Vec<usize> = places
        .filter(|(start, bytes)| *bytes == CHUNK_SIGNATURE && window.len() - start >= CHUNK_HEADER_SIZE)
        .map(|(start, _)| start)
        .collect();
    starts.sort_by_key(|start| window.get(*start..).is_none_or(|chunk| broken_header(chunk).is_some()));
    starts.truncate(MOST_CHUNKS);
    let chunk = |start: usize| {
        let offset = first + start as u64;
        Ok(ChunkOfRecord { offset, bytes: read(log, offset, CHUNK_LENGTH)? })
    };
    starts.into_iter().map(chunk).collect()
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
