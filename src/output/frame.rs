//! The framing of the entries of a sweep's journal, and of the documents of plans and parts (files
//! by which several machines share one sweep). It shows where an entry ends, and whether it is
//! complete.
//!
//! An entry consists of the length of its document (a little-endian u32), the SHA-256 of the
//! document, and the document, which is the entry's content. This module does not know what a
//! document contains.

use std::fs::File;
use std::io::{self, BufRead, Read};

use crate::base::digest::{hexadecimal, sha256_bytes, sha256_of_all};

/// The size in bytes of the length that begins each entry of a sweep's journal (the file from which
/// the sweep can be resumed). It is the length of the entry's content, which is called its
/// document.
const LENGTH_SIZE: usize = 4;
/// The size in bytes of the SHA-256 in an entry of a sweep's journal (the file from which the sweep
/// can be resumed). It follows the length, and is the SHA-256 of the entry's content.
const DIGEST_SIZE: usize = 32;
/// The size in bytes of what comes before the content of each entry in a sweep's journal (the file
/// from which the sweep can be resumed): the content's length and its SHA-256.
const FRAME_SIZE: usize = LENGTH_SIZE + DIGEST_SIZE;

/// Makes an entry of a sweep's journal (the file from which the sweep can be resumed), or of a plan
/// or part (files for sharing a sweep among machines, or for merging sweeps). An entry consists of
/// the length and the SHA-256 of its content, and the content, which is called the document.
/// `write` is given the bytes of the entry so far, and returns them with the document appended.
/// `expected` is the approximate size of the document in bytes, for which memory is reserved.
pub(crate) fn framed(expected: usize, write: impl FnOnce(Vec<u8>) -> Vec<u8>) -> Vec<u8> {
    let mut entry = Vec::with_capacity(FRAME_SIZE + expected);
    entry.resize(FRAME_SIZE, 0);
    entry = write(entry);
    let Some((frame, document)) = entry.split_at_mut_checked(FRAME_SIZE) else { return entry };
    let (length, digest) = frame.split_at_mut(LENGTH_SIZE);
    // The limits on what a unit's records may expand to keep a document far below 4 GiB.
    length.copy_from_slice(&u32::try_from(document.len()).unwrap_or(u32::MAX).to_le_bytes());
    digest.copy_from_slice(&sha256_bytes(document));
    entry
}

/// Reads the next entry of a sweep's journal (the file from which the sweep can be resumed), or of
/// a plan or part, into `bytes`, which is left empty at the file's end. `left` is the number of
/// bytes from the reader's position to that end, or `u64::MAX` if it is not known (in a plan or
/// part, which are compressed). If the entry states a length that reaches beyond the end, because
/// the file was cut off, only a part of the entry is read; [`document`] then returns `None` for it.
pub(crate) fn read_framed(reader: &mut impl BufRead, bytes: &mut Vec<u8>, left: u64) -> io::Result<()> {
    bytes.clear();
    reader.take(FRAME_SIZE as u64).read_to_end(bytes)?;
    let length = bytes.first_chunk().map_or(0, |length| u64::from(u32::from_le_bytes(*length)));
    if FRAME_SIZE as u64 + length <= left {
        reader.take(length).read_to_end(bytes)?;
    }
    Ok(())
}

/// Returns the content (the document) of an entry of a sweep's journal, or of a plan or part;
/// `None` if the entry is incomplete, or if its content does not have the SHA-256 that the entry
/// states.
pub(crate) fn document(entry: &[u8]) -> Option<&[u8]> {
    let (frame, document) = entry.split_at_checked(FRAME_SIZE)?;
    let (length, digest) = frame.split_first_chunk::<LENGTH_SIZE>()?;
    let is_whole = usize::try_from(u32::from_le_bytes(*length)) == Ok(document.len());
    (is_whole && *digest == sha256_bytes(document)).then_some(document)
}

/// Returns true if a sweep's journal has more than its first entry, so that there is something to
/// resume. The first entry states only the sweep's options; each other entry states what the sweep
/// read in a part of the evidence. It is an error if even the length of the first entry is missing.
pub(super) fn goes_on(mut journal: &File) -> io::Result<bool> {
    let mut length = [0; LENGTH_SIZE];
    journal.read_exact(&mut length)?;
    let first = FRAME_SIZE as u64 + u64::from(u32::from_le_bytes(length));
    Ok(journal.metadata()?.len() > first)
}

/// Returns true if the file may be the journal of a sweep: the file is still empty, or its first
/// entry is complete. Any other file was not written by a sweep.
pub(super) fn begins(mut journal: &File) -> io::Result<bool> {
    if journal.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut frame = [0; FRAME_SIZE];
    let (length, digest) = match journal.read_exact(&mut frame) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        Err(error) => return Err(error),
        Ok(()) => frame.split_at(LENGTH_SIZE),
    };
    let length = u64::from(length.try_into().map_or(0, u32::from_le_bytes));
    let (found, read) = sha256_of_all(journal.take(length))?;
    Ok(read == length && found == hexadecimal(digest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn entry(document: &[u8]) -> Vec<u8> {
        framed(0, |mut entry| {
            entry.extend(document);
            entry
        })
    }

    fn journal(bytes: &[u8]) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file
    }

    #[test]
    fn an_entry_is_read_as_it_was_written_or_not_at_all() {
        let whole = entry(b"first");
        assert_eq!(document(&whole), Some(&b"first"[..]));
        for place in 0..whole.len() {
            assert_eq!(document(whole.get(..place).unwrap()), None, "cut at {place}");
            let mut other = whole.clone();
            *other.get_mut(place).unwrap() ^= 1;
            assert_eq!(document(&other), None, "changed at {place}");
        }
        let all = [entry(b"one"), entry(b""), entry(b"three")].concat();
        let (mut reader, mut bytes, mut documents) = (&all[..], Vec::new(), Vec::new());
        while !reader.is_empty() {
            let left = reader.len() as u64;
            read_framed(&mut reader, &mut bytes, left).unwrap();
            documents.push(document(&bytes).unwrap().to_vec());
        }
        assert_eq!(documents, [&b"one"[..], b"", b"three"]);
    }

    #[test]
    fn a_journal_begins_with_a_whole_entry_and_continues_with_another() {
        let first = entry(b"first");
        let cut = first.get(..first.len() - 1).unwrap();
        for (bytes, expected) in [
            (vec![], (true, None)),
            (b"no".to_vec(), (false, None)),
            (cut.to_vec(), (false, Some(false))),
            (first.clone(), (true, Some(false))),
            ([&first[..], b"x"].concat(), (true, Some(true))),
        ] {
            let open = || journal(&bytes).reopen().unwrap();
            assert_eq!((begins(&open()).unwrap(), goes_on(&open()).ok()), expected, "{bytes:?}");
        }
    }
}
