//! Zip archives, read by the crate `zip`.
//!
//! The central directory at the end of a zip archive lists its files. Files that are not compressed
//! are read where they lie in the archive; others are unpacked into the spool, which keeps unpacked
//! copies. Format: PKWARE's APPNOTE.TXT.

use std::collections::BTreeMap;
use std::io::{self, Read};
use std::ops::Range;
use std::sync::Arc;

use zip::ZipReadOptions;
use zip::read::{Config, OwnedZipFileEntry, ZipFileEntry};
use zip::result::ZipError;
// The version of `zip` is pinned exactly. Its stable reader holds all entries in memory, and leaves
// out all but one of those that have the same name.
use zip::unstable::read::ZipIterable;

use super::{Content, MOST_MEMBERS, Member, Members, NotListed, Passwords, no_password};
use crate::evidence::layer::{Cursor, SharedSource};
use crate::evidence::spool::{Consume, Packed};
use crate::ledger::container::ContainerProblem;

/// The number of bytes that are unpacked to find out if a password is the right one. The archive's
/// own check of a password can be a single byte, which a wrong password passes by chance.
const TRIED: u64 = 4096;

/// Lists the files in a zip archive, by calling `each` for every file in the order of the central
/// directory, which is the archive's own list of files. If an entry of the directory is damaged,
/// the files after it are not listed, and the result states the problem.
pub(super) fn list(
    archive: &SharedSource,
    passwords: &Passwords,
    each: &mut dyn FnMut(Member<'_>),
) -> Result<Members, NotListed> {
    let mut zip = ZipIterable::try_new(Cursor::new(Arc::clone(archive)), Config::default())?;
    let mut members = Members::default();
    if zip.len() > MOST_MEMBERS {
        return Err(NotListed::TooMany { most: MOST_MEMBERS, found: zip.len() as u64 });
    }
    let mut ranges = Ranges::default();
    for entry in zip.files()? {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                members.problems.push(ContainerProblem::whole(format!(
                    "the central directory ends early: {error}; the files after that are not listed"
                )));
                break;
            }
        };
        members.files += u64::from(entry.is_file());
        if !entry.is_file() {
            continue;
        }
        let path = entry.name_raw().to_vec();
        let size = entry.size();
        let entry = OwnedZipFileEntry::from(entry);
        let open = || content(archive, passwords, entry, &mut ranges);
        each(Member { path: &path, size, content: Box::new(open) });
    }
    Ok(members)
}

/// The ranges of a zip archive that contain the files whose bytes were requested so far. A key of
/// the map is the offset at which a range starts, the value is the offset at which it ends. No
/// range is empty, and none overlaps another.
#[derive(Default)]
struct Ranges(BTreeMap<u64, u64>);

impl Ranges {
    /// Adds the range of the archive that contains a file's bytes. Fails if it overlaps the range
    /// of another file. Overlapping files are a sign of a zip bomb: an archive that lists the same
    /// bytes as many files, to fill the disk of whoever unpacks it. An empty range is ignored.
    fn add(&mut self, range: Range<u64>) -> Result<(), String> {
        if range.is_empty() {
            return Ok(());
        }
        // No range in the map overlaps another, so only the last one that begins before this one's
        // end can reach into it.
        if self.0.range(..range.end).next_back().is_some_and(|(_, end)| *end > range.start) {
            return Err(format!(
                "its bytes at offset {} of the archive are also another file's: expected files that do not overlap",
                range.start
            ));
        }
        self.0.insert(range.start, range.end);
        Ok(())
    }
}

fn content(
    archive: &SharedSource,
    passwords: &Passwords,
    entry: OwnedZipFileEntry,
    ranges: &mut Ranges,
) -> Result<Content, String> {
    let password = password(archive, passwords, &entry)?;
    let mut cursor = Cursor::new(Arc::clone(archive));
    let file = reader(entry.as_ref(), &mut cursor, password.as_deref()).map_err(|error| error.to_string())?;
    let start = file.data_start().ok_or("its bytes cannot be found in the archive")?;
    let end =
        start.checked_add(entry.compressed_size()).filter(|end| *end <= archive.size()).ok_or_else(|| {
            format!("expected {} bytes at offset {start}, found the archive's end", entry.compressed_size())
        })?;
    drop(file);
    ranges.add(start..end)?;
    let is_stored = entry.compression() == zip::CompressionMethod::Stored && !entry.encrypted();
    if is_stored && entry.compressed_size() == entry.size() {
        return Ok(Content::Range { start, size: entry.size() });
    }
    Ok(Content::Packed(Arc::new(PackedFile { archive: Arc::clone(archive), entry, password })))
}

/// Returns the first of the `passwords` that opens an encrypted file of a zip archive. Returns
/// `None` if the file is not encrypted, and an error if none of the passwords opens it.
fn password(
    archive: &SharedSource,
    passwords: &Passwords,
    entry: &OwnedZipFileEntry,
) -> Result<Option<Vec<u8>>, String> {
    if !entry.encrypted() {
        return Ok(None);
    }
    let fits = |password: &&Vec<u8>| {
        let mut cursor = Cursor::new(Arc::clone(archive));
        let file = reader(entry.as_ref(), &mut cursor, Some(password));
        file.is_ok_and(|file| io::copy(&mut file.take(TRIED), &mut io::sink()).is_ok())
    };
    match passwords.iter().find(fits) {
        Some(password) => Ok(Some(password.clone())),
        None => Err(no_password(passwords.is_empty())),
    }
}

fn reader<'a>(
    entry: ZipFileEntry<'a>,
    cursor: &'a mut Cursor,
    password: Option<&[u8]>,
) -> Result<zip::read::ZipFile<'a, Cursor>, ZipError> {
    entry.with_reader(cursor, ZipReadOptions::new().password(password))
}

/// A file in a zip archive that has to be unpacked or decrypted on reading.
struct PackedFile {
    archive: SharedSource,
    entry: OwnedZipFileEntry,
    password: Option<Vec<u8>>,
}

impl Packed for PackedFile {
    fn unpack(&self, consume: &mut Consume<'_>) -> io::Result<()> {
        let mut cursor = Cursor::new(Arc::clone(&self.archive));
        let file = reader(self.entry.as_ref(), &mut cursor, self.password.as_deref())?;
        consume(&mut PlainErrors(file))
    }
}

/// A reader that unpacks a file of a zip archive. It replaces two errors of the crate `zip`, about
/// the checksum and about the size, by messages that say what is wrong with the archive.
struct PlainErrors<R>(R);

impl<R: Read> Read for PlainErrors<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| {
            let text = error.to_string();
            let what = if text.contains("checksum") {
                "the CRC-32 that the archive states is not that of the unpacked bytes"
            } else if text.contains("declared uncompressed size") {
                "the packed bytes give more bytes than the archive states"
            } else {
                return error;
            };
            io::Error::new(error.kind(), what)
        })
    }
}

impl From<ZipError> for NotListed {
    fn from(error: ZipError) -> Self {
        match error {
            ZipError::Io(error) => NotListed::Read(error),
            ZipError::UnsupportedArchive(what) => NotListed::Unsupported(what.to_owned()),
            other => NotListed::Broken(other.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn ranges_are_taken_that_overlap_none_of_those_before(
            ranges in prop::collection::vec((0..40_u64, 0..8_u64), 0..20),
        ) {
            let (mut taken, mut added) = (Vec::<Range<u64>>::new(), Ranges::default());
            for (start, length) in ranges {
                let range = start..start + length;
                let overlaps = |other: &Range<u64>| other.start < range.end && range.start < other.end;
                let is_free = range.is_empty() || !taken.iter().any(overlaps);
                prop_assert_eq!(added.add(range.clone()).is_ok(), is_free, "{:?} after {:?}", range, taken);
                if is_free && !range.is_empty() {
                    taken.push(range);
                }
            }
        }
    }
}
