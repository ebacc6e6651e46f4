//! Notes: remarks on evidence that is in order. Notes travel with the results as problems do, but a
//! log with notes only is not damaged.

use std::fmt;

/// How many notes of one file are listed; the rest are counted.
pub const MAX_LISTED_NOTES: usize = 1_000;

/// A range of a file with a remark that is no damage.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Note {
    /// Where the range starts, in bytes from the start of the file.
    pub offset: u64,
    /// The length of the range in bytes.
    pub length: u64,
    /// The remark.
    pub remark: Remark,
}

/// A remark on a range of a file that is in order.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Remark {
    /// A deleted chunk: it lies in the free space of another chunk whose checksums are right.
    DeletedChunk,
    /// The header of a deleted chunk of which the rest cannot be read.
    DeletedHeader,
    /// Bytes after the last chunk that the file's header counts.
    AfterLastChunk {
        /// How many chunks the header counts.
        counted: u64,
    },
    /// Chunks after the last one that the file's header counts.
    UncountedChunks {
        /// How many chunks the header counts.
        counted: u64,
    },
    /// Notes that are counted, but not listed one by one.
    Further {
        /// How many.
        count: u64,
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
                "no part of the log: the header, which was written when the log was closed, counts {counted} chunks before it"
            ),
            Remark::UncountedChunks { counted } => write!(
                f,
                "chunks that the header does not count, which was written when the log was closed and counts {counted} before them: they are read and counted here"
            ),
            Remark::Further { count } => write!(f, "{count} further notes are counted, not listed"),
        }
    }
}

/// The notes of a file or a part of it, in the order of the file. Appending is associative.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Notes {
    listed: Vec<Note>,
    further: u64,
}

impl Notes {
    /// Adds a note on a range after all ranges added before.
    pub fn push(&mut self, note: Note) {
        if self.listed.len() < MAX_LISTED_NOTES {
            self.listed.push(note);
        } else {
            self.further += 1;
        }
    }

    /// Adds the notes of the part of the file that follows.
    pub fn append(&mut self, later: Notes) {
        later.listed.into_iter().for_each(|note| self.push(note));
        self.further += later.further;
    }

    /// Changes the offset of each listed note with `change`.
    pub fn change_offsets(&mut self, change: impl Fn(&mut u64)) {
        self.listed.iter_mut().for_each(|note| change(&mut note.offset));
    }

    /// The number of all notes, including those that are not listed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.listed.len() as u64 + self.further
    }

    /// The listed notes, and one more that counts the rest, if there is a rest.
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
