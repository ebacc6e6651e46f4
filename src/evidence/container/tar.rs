//! Tar archives, read by the crate `tar`.
//!
//! A tar archive has no list of its files: each file follows a header. The files are read where
//! they lie in the archive, without unpacking; only sparse files are put together first. Formats:
//! POSIX.1-2001 (pax), and GNU tar's manual.

use std::io;
use std::sync::Arc;

use tar::{Archive, Entry, EntryType};

use super::{Content, MOST_MEMBERS, Member, Members, NotListed};
use crate::evidence::layer::{Cursor, SharedSource, Slice};
use crate::evidence::spool::{Consume, Packed};
use crate::ledger::container::ContainerProblem;

/// Lists the files in a tar archive, by calling `each` for every regular file, in the archive's
/// order. If a header is damaged, the files after it are not listed, and the result states the
/// problem.
pub(super) fn list(archive: &SharedSource, each: &mut dyn FnMut(Member<'_>)) -> Result<Members, NotListed> {
    let mut tar = Archive::new(Cursor::new(Arc::clone(archive)));
    let mut members = Members::default();
    let mut end = 0;
    for entry in tar.entries_with_seek()? {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let length = archive.size().saturating_sub(end);
                let what =
                    format!("expected the header of a file: {error}; the files after that are not listed");
                members.problems.push(ContainerProblem { offset: end, length, what });
                break;
            }
        };
        let (start, size) = (entry.raw_file_position(), entry.size());
        end = start.saturating_add(entry.header().entry_size().unwrap_or(size)).min(archive.size());
        let kind = entry.header().entry_type();
        if !matches!(kind, EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse) {
            continue;
        }
        members.files += 1;
        if members.files > MOST_MEMBERS as u64 {
            return Err(NotListed::TooMany { most: MOST_MEMBERS, found: members.files });
        }
        let path = entry.path_bytes().into_owned();
        let open = || Ok(content(archive, &entry));
        each(Member { path: &path, size, content: Box::new(open) });
    }
    Ok(members)
}

fn content(archive: &SharedSource, entry: &Entry<'_, Cursor>) -> Content {
    if entry.header().entry_type() == EntryType::GNUSparse {
        let header = entry.raw_header_position();
        return Content::Packed(Arc::new(SparseFile { archive: Arc::clone(archive), header }));
    }
    Content::Range { start: entry.raw_file_position(), size: entry.size() }
}

/// A sparse file in a tar archive: GNU tar leaves out the file's ranges of zeros, so that the file
/// has to be put together on reading.
struct SparseFile {
    archive: SharedSource,
    /// The offset in the tar archive of the header that precedes the sparse file.
    header: u64,
}

impl Packed for SparseFile {
    fn unpack(&self, consume: &mut Consume<'_>) -> io::Result<()> {
        let size = self.archive.size().saturating_sub(self.header);
        let rest = Slice::new(Arc::clone(&self.archive), self.header, size);
        let mut tar = Archive::new(Cursor::new(Arc::new(rest)));
        let first = tar.entries()?.next();
        let mut file =
            first.ok_or_else(|| io::Error::other("expected the file, found the archive's end"))??;
        consume(&mut file)
    }
}
