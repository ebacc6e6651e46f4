//! Notes: remarks on ranges of a file of the evidence that are not damage. The results list them,
//! as they list problems, but a log that has only notes is not damaged.

use std::fmt;

/// The greatest number of notes that are listed for one file of the evidence. Further notes are
/// only counted.
pub const MAX_LISTED_NOTES: usize = 1_000;

/// A range of bytes of a file of the evidence, and a remark on it. The remark is not damage.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Note {
    /// The offset at which the range that the note is about starts, in bytes from the start of the
    /// file.
    pub offset: u64,
    /// The length of the range that the note is about, in bytes.
    pub length: u64,
    /// The remark on the range of bytes, such as that it is a deleted chunk.
    pub remark: Remark,
}

/// A remark on a range of a file of the evidence that is in order, but good to know about.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Remark {
    /// A deleted chunk: an old chunk in the free space (the bytes after the live records) of
    /// another chunk. The checksums of that other chunk are right.
    DeletedChunk,
    /// What is left of a deleted chunk: its header, which lies in the free space (the bytes after
    /// the live records) of another chunk. The rest of the deleted chunk was overwritten.
    DeletedHeader,
    /// Bytes after the last chunk that the file's header counts. They are what the disk contained
    /// before, and no part of the log.
    AfterLastChunk {
        /// The number of chunks that the file's header counts.
        counted: u64,
    },
    /// Chunks after the last one that the file's header counts. Their records are read all the
    /// same.
    UncountedChunks {
        /// The number of chunks that the file's header counts.
        counted: u64,
    },
    /// The last note in a file's list, if the list is full: further notes are counted, but not
    /// listed one by one.
    Further {
        /// The number of notes that are not listed.
        count: u64,
    },
    /// The log lies in a shadow copy. In the next newer state of the volume, it has the same bytes,
    /// and was read there.
    Unchanged {
        /// The path of the log with the same bytes in the newer state of the volume. It begins at
        /// the root, the folder or file of evidence that the user named.
        same_as: String,
    },
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Remark::DeletedChunk => f.write_str(
                "deleted chunk: it lies in the free space of a chunk whose checksums hold; --recover reads its records",
            ),
            Remark::DeletedHeader => f.write_str(
                "rest of a deleted chunk: its header lies in the free space of a chunk whose checksums hold",
            ),
            Remark::AfterLastChunk { counted } => write!(
                f,
                "no part of the log: these bytes follow the {counted} chunks that the header counts, which was written when the log was closed"
            ),
            Remark::UncountedChunks { counted } => write!(
                f,
                "chunks after the {counted} that the header counts, which was written when the log was closed: they are read, and their records count"
            ),
            Remark::Unchanged { same_as } => {
                write!(f, "the same bytes as {same_as}, so that they are not read again")
            }
            Remark::Further { count } => write!(f, "{count} further notes are counted, not listed"),
        }
    }
}

/// The notes on a file of the evidence, or on a part of it, in the order of the file. Appending is
/// associative.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Notes {
    listed: Vec<Note>,
    further: u64,
}

impl Notes {
    /// Adds a note. Its range must lie after the ranges of all notes that were added before. If the
    /// list is full, the note is only counted.
    pub fn push(&mut self, note: Note) {
        if self.listed.len() < MAX_LISTED_NOTES {
            self.listed.push(note);
        } else {
            self.further += 1;
        }
    }

    /// Adds the notes of the next part of the file.
    pub fn append(&mut self, later: Notes) {
        later.listed.into_iter().for_each(|note| self.push(note));
        self.further += later.further;
    }

    /// Applies `change` to the offset of each note in the list. Notes beyond the list's limit are
    /// only counted and have no offset. This corrects the offsets in a file without a file header
    /// that was read as if it had one.
    pub fn change_offsets(&mut self, change: impl Fn(&mut u64)) {
        self.listed.iter_mut().for_each(|note| change(&mut note.offset));
    }

    /// Returns the number of all notes, including those that are not listed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.listed.len() as u64 + self.further
    }

    /// Returns the listed notes. If there are more than are listed, a last note
    /// ([`Remark::Further`]) counts the rest.
    pub fn iter(&self) -> impl Iterator<Item = Note> + '_ {
        let end = self.listed.last().map_or(0, |last| last.offset + last.length);
        let further = (self.further > 0).then_some(Note {
            offset: end,
            length: 0,
            remark: Remark::Further { count: self.further },
        });
        self.listed.iter().cloned().chain(further)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn notes(first: u64, count: u64) -> Notes {
        let mut notes = Notes::default();
        for offset in first..first + count {
            notes.push(Note { offset, length: 1, remark: Remark::DeletedChunk });
        }
        notes
    }

    proptest! {
        #[test]
        fn appending_is_associative(a in 0_u64..700, b in 0_u64..700, c in 0_u64..700) {
            let parts = || (notes(0, a), notes(a, b), notes(a + b, c));
            let ((mut left, one, two), (mut right, mut rest, last)) = (parts(), parts());
            left.append(one);
            left.append(two);
            rest.append(last);
            right.append(rest);
            prop_assert_eq!(&left, &right);
            prop_assert_eq!(left.count(), a + b + c);
            prop_assert!(left.iter().count() <= MAX_LISTED_NOTES + 1);
        }
    }
}
