//! Damage to logs: each function does one thing to the bytes of a log and leaves the rest
//! unchanged, so that a test can show that a reader loses what is broken and nothing else.
//! Checksums are not repaired unless a function says so.
//!
//! Chunks, and the records of a chunk, are counted from 0.

use crate::chunk::{CHUNK_SIZE, FIRST_RECORD, write_checksums};
use crate::error::Error;
use crate::log::HEADER_SIZE;

/// Returns the offset in the file of the chunk with the index `chunk`, in bytes. The log need not
/// have this chunk.
#[must_use]
pub fn chunk_offset(chunk: usize) -> usize {
    HEADER_SIZE + chunk * CHUNK_SIZE
}

/// Returns how many whole chunks lie in the file, whatever the file's header says.
#[must_use]
pub fn chunk_count(log: &[u8]) -> usize {
    log.len().saturating_sub(HEADER_SIZE) / CHUNK_SIZE
}

/// Returns the offset in the file of each record of a chunk. They are found by walking from one
/// record to the next, up to the free space that the chunk's header states.
#[must_use]
pub fn record_offsets(log: &[u8], chunk: usize) -> Vec<usize> {
    let start = chunk_offset(chunk);
    let end = start + u32_at(log, start + 48).map_or(0, |free| free as usize).min(CHUNK_SIZE);
    let mut offsets = Vec::new();
    let mut at = start + FIRST_RECORD;
    while at < end && log.get(at..).is_some_and(|rest| rest.starts_with(b"**\0\0")) {
        let Some(size) = u32_at(log, at + 4).filter(|size| *size > 0) else { break };
        offsets.push(at);
        at += size as usize;
    }
    offsets
}

/// Returns the offset in the file of record `record` of chunk `chunk`.
pub fn record_offset(log: &[u8], chunk: usize, record: usize) -> Result<usize, Error> {
    let offsets = record_offsets(log, chunk);
    offsets.get(record).copied().ok_or(Error::NoSuchPlace { chunk, record: Some(record) })
}

/// Cuts the file off so that `kept` bytes of chunk `chunk` remain, like a copy that was
/// interrupted.
pub fn truncate_in_chunk(log: &mut Vec<u8>, chunk: usize, kept: usize) -> Result<(), Error> {
    chunk_of(log, chunk)?;
    log.truncate(chunk_offset(chunk) + kept.min(CHUNK_SIZE));
    Ok(())
}

/// Overwrites the signature `ElfChnk` of a chunk. The rest of the chunk stays.
pub fn break_chunk_magic(log: &mut [u8], chunk: usize) -> Result<(), Error> {
    fill(chunk_of(log, chunk)?, 0, b"BadChunk");
    Ok(())
}

/// Makes the header of a chunk fail its checksum without changing anything that a reader needs: one
/// bit of the stored checksum is flipped. All records stay readable.
pub fn break_chunk_header_checksum(log: &mut [u8], chunk: usize) -> Result<(), Error> {
    flip(chunk_of(log, chunk)?, 124)
}

/// Makes the records of a chunk fail their checksum: flips one bit of the record with the index
/// `record`, `at` bytes from the record's start.
pub fn flip_record_byte(log: &mut [u8], chunk: usize, record: usize, at: usize) -> Result<(), Error> {
    let offset = record_offset(log, chunk, record)?;
    flip(log, offset + at)
}

/// Sets the size at the start of a record to zero, and leaves its copy at the record's end. A
/// reader that walks from record to record cannot continue after it.
pub fn zero_record_size(log: &mut [u8], chunk: usize, record: usize) -> Result<(), Error> {
    let offset = record_offset(log, chunk, record)?;
    fill(log, offset + 4, &[0; 4]);
    Ok(())
}

/// Overwrites the first 128 bytes of the file, which are all that its header uses, with zeros. The
/// chunks stay.
pub fn destroy_file_header(log: &mut [u8]) {
    fill(log, 0, &[0; 128]);
}

/// Makes the file header fail its checksum without changing its other fields.
pub fn break_file_header_checksum(log: &mut [u8]) -> Result<(), Error> {
    flip(log, 124)
}

/// Fills a chunk with zeros, like a hole in a file that was pieced together.
pub fn zero_chunk(log: &mut [u8], chunk: usize) -> Result<(), Error> {
    chunk_of(log, chunk)?.fill(0);
    Ok(())
}

/// Makes the checksums of a chunk right again, so that only other damage is seen.
pub fn repair_chunk_checksums(log: &mut [u8], chunk: usize) -> Result<(), Error> {
    write_checksums(chunk_of(log, chunk)?);
    Ok(())
}

fn chunk_of(log: &mut [u8], chunk: usize) -> Result<&mut [u8], Error> {
    let start = chunk_offset(chunk);
    log.get_mut(start..start + CHUNK_SIZE).ok_or(Error::NoSuchPlace { chunk, record: None })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}

fn fill(bytes: &mut [u8], at: usize, new: &[u8]) {
    bytes.iter_mut().skip(at).zip(new).for_each(|(byte, new)| *byte = *new);
}

fn flip(bytes: &mut [u8], at: usize) -> Result<(), Error> {
    let chunk = at.saturating_sub(HEADER_SIZE) / CHUNK_SIZE;
    *bytes.get_mut(at).ok_or(Error::NoSuchPlace { chunk, record: None })? ^= 0x01;
    Ok(())
}
