//! What is wrong with the shadow copies of a volume.

use std::fmt;
use std::ops::Range;

/// Something that is wrong with shadow copies: a structure that is damaged or cannot be read, or
/// bytes of a snapshot that cannot be read for that reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The range of bytes that the problem concerns. For the kinds [`ProblemKind::Size`],
    /// `Misplaced`, `StoredOutOfVolume` and `Further`, they are bytes of the snapshot. For all
    /// other kinds, they are bytes of the volume in which a structure was expected, such as the
    /// next block of a list.
    pub range: Range<u64>,
    /// What is wrong with the bytes in `range`: with a structure of shadow copies, or with a
    /// snapshot.
    pub kind: ProblemKind,
}

/// What is wrong with a structure or a snapshot of shadow copies. A chain is a list that shadow
/// copies keep in linked blocks, each of which states where the next one is. There are three kinds:
/// `catalog`, `block list` and `bitmap`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A block of a chain (a list that shadow copies keep in linked blocks) cannot be read from the
    /// volume. The blocks after it are lost.
    Unread {
        /// What the chain of blocks is: the `catalog` of shadow copies, a `block list` or a
        /// `bitmap`.
        chain: &'static str,
        /// The error with which reading the block failed.
        error: String,
    },
    /// A block of a chain (a list that shadow copies keep in linked blocks) states that the next
    /// block lies at an offset beyond the end of the volume. The rest of the chain is lost.
    OutOfVolume {
        /// What the chain of blocks is: the `catalog` of shadow copies, a `block list` or a
        /// `bitmap`.
        chain: &'static str,
        /// The size of the volume in bytes.
        size: u64,
    },
    /// A block of a chain (a list that shadow copies keep in linked blocks) states that the next
    /// block is one that was read before. The rest of the chain is lost.
    Loop {
        /// What the chain of blocks is: the `catalog` of shadow copies, a `block list` or a
        /// `bitmap`.
        chain: &'static str,
    },
    /// A block of a chain (a list that shadow copies keep in linked blocks) states where the next
    /// block is, but there are other bytes in that place. The rest of the chain is lost.
    NoBlock {
        /// What the chain of blocks is: the `catalog` of shadow copies, a `block list` or a
        /// `bitmap`.
        chain: &'static str,
        /// The record type (the number that tells apart the structures of shadow copies) of what
        /// was found instead of the block. `None` if that is not a structure of shadow copies.
        found: Option<u32>,
    },
    /// A chain (a list that shadow copies keep in linked blocks) has more blocks than are read; or
    /// a block list has more forwarders (entries about blocks whose content was moved) than are
    /// read. The rest of the chain is lost.
    TooLong {
        /// What the chain of blocks is: the `catalog` of shadow copies, a `block list` or a
        /// `bitmap`.
        chain: &'static str,
        /// The maximum number of blocks of the chain that are read. If a block list has too many
        /// forwarders (entries about blocks whose content was moved), the maximum number of
        /// forwarders that are read.
        most: usize,
    },
    /// The catalog of a volume lists more snapshots (shadow copies) than are read. The rest is
    /// ignored.
    TooManySnapshots {
        /// The maximum number of snapshots of one volume that are read.
        most: usize,
    },
    /// The catalog of a volume, which lists its shadow copies, has an entry of a type that is not
    /// known. The entry is ignored.
    EntryType {
        /// The number of the type, as the entry in the catalog of shadow copies states it.
        found: u64,
    },
    /// The catalog of a volume, which lists its shadow copies, has two entries of the same type for
    /// one snapshot. The first one is used.
    ListedTwice,
    /// The header of a snapshot's store (where Windows keeps overwritten blocks) cannot be read. So
    /// the identifier and the host in that header are not known
    /// ([`ShadowCopy::copy_id`](super::ShadowCopy::copy_id) and
    /// [`ShadowCopy::machine`](super::ShadowCopy::machine)). The snapshot can be read nevertheless.
    StoreHeader {
        /// What was found instead of the header of the snapshot's store, in words.
        found: String,
    },
    /// The catalog of a volume's shadow copies states that a snapshot is larger than the present
    /// volume, or has no bytes. The snapshot is read as if it had the size of the volume.
    Size {
        /// The size of the snapshot that the catalog states, in bytes.
        stated: u64,
    },
    /// A store (where a snapshot keeps overwritten blocks) has an entry with an impossible offset:
    /// that of a block beyond the snapshot's end, a place beyond the volume's end to which a
    /// block's content was moved, or an offset at which no block begins. The entry is ignored.
    Misplaced,
    /// A store (where a snapshot keeps overwritten blocks) has an entry that states that it keeps
    /// bytes of the snapshot at a place beyond the end of the live volume. Reads of these bytes
    /// fail.
    StoredOutOfVolume {
        /// The offset on the volume, in bytes, at which the first block of the problem's range
        /// should be kept.
        stored: u64,
    },
    /// Further entries of a snapshot's store have a problem of the kind [`ProblemKind::Misplaced`]
    /// or [`ProblemKind::StoredOutOfVolume`], but are not listed one by one. This problem stands
    /// for all of them. Its range of bytes reaches from the first to the last.
    Further {
        /// The number of blocks with problems that are only counted, and not listed one by one.
        blocks: u64,
    },
}

impl ProblemKind {
    /// Returns whose bytes the range of a problem of this kind is, in words: those of the volume,
    /// or of the shadow copy.
    fn subject(&self) -> &'static str {
        match self {
            ProblemKind::Size { .. }
            | ProblemKind::Misplaced
            | ProblemKind::StoredOutOfVolume { .. }
            | ProblemKind::Further { .. } => "shadow copy",
            ProblemKind::Unread { .. }
            | ProblemKind::OutOfVolume { .. }
            | ProblemKind::Loop { .. }
            | ProblemKind::NoBlock { .. }
            | ProblemKind::TooLong { .. }
            | ProblemKind::TooManySnapshots { .. }
            | ProblemKind::EntryType { .. }
            | ProblemKind::ListedTwice
            | ProblemKind::StoreHeader { .. } => "volume",
        }
    }
}

impl Problem {
    /// Returns true if the problem means that entries of a snapshot's store (where Windows keeps
    /// overwritten blocks) are lost, so that not all of the overwritten blocks are known. Then any
    /// bytes of the snapshot, and of older snapshots, may be those of a newer state.
    #[must_use]
    pub fn leaves_store_incomplete(&self) -> bool {
        use ProblemKind::{Loop, NoBlock, OutOfVolume, TooLong, Unread};
        match &self.kind {
            Unread { chain, .. }
            | OutOfVolume { chain, .. }
            | Loop { chain }
            | NoBlock { chain, .. }
            | TooLong { chain, .. } => *chain == super::chain::Kind::BlockList.name(),
            ProblemKind::Misplaced | ProblemKind::Further { .. } => true,
            _ => false,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        use ProblemKind as Kind;
        let Range { start, end } = self.range;
        write!(to, "bytes {start} to {end} of the {}: ", self.kind.subject())?;
        match &self.kind {
            Kind::Unread { chain, error } => {
                write!(to, "the shadow copies' {chain} cannot be read on: {error}")
            }
            Kind::OutOfVolume { chain, size } => {
                write!(to, "the shadow copies' {chain} goes on here, but the volume has {size} bytes")
            }
            Kind::Loop { chain } => {
                write!(to, "the shadow copies' {chain} comes back here, so it has no end")
            }
            Kind::NoBlock { chain, found: None } => {
                write!(to, "expected a block of the shadow copies' {chain}, found other bytes")
            }
            Kind::NoBlock { chain, found: Some(found) } => {
                write!(to, "expected a block of the shadow copies' {chain}, found a record of type {found}")
            }
            Kind::TooLong { chain, most } => {
                write!(
                    to,
                    "the shadow copies' {chain} goes on here and is not read further: it has more than {most} elements"
                )
            }
            Kind::TooManySnapshots { most } => {
                write!(to, "more than {most} shadow copies are listed; the further ones are not read")
            }
            Kind::EntryType { found } => {
                write!(to, "the catalog has an entry of type {found}, which is not known")
            }
            Kind::ListedTwice => write!(to, "the catalog lists a shadow copy twice; the first entry is used"),
            Kind::StoreHeader { found } => write!(to, "expected a shadow copy's header, found {found}"),
            Kind::Size { stated } => {
                write!(
                    to,
                    "the shadow copy has {stated} bytes by its catalog; it is read as far as the volume reaches"
                )
            }
            Kind::Misplaced => {
                write!(to, "a shadow copy keeps a block that the volume does not have; its entry is ignored")
            }
            Kind::StoredOutOfVolume { stored } => {
                write!(to, "the shadow copy keeps these bytes at {stored}, beyond the volume's end")
            }
            Kind::Further { blocks } => {
                write!(to, "{blocks} further blocks of the shadow copy have such problems")
            }
        }
    }
}

/// The problems that were found so far with blocks of one store, in which a snapshot keeps
/// overwritten blocks. Problems of one kind with adjacent blocks are joined. After
/// [`MOST_PROBLEMS`] problems, further ones are only counted.
#[derive(Default)]
pub(super) struct BlockProblems {
    found: Vec<Problem>,
    further: Option<(Range<u64>, u64)>,
}

/// The maximum number of problems with blocks of one snapshot's store (where Windows keeps
/// overwritten blocks) that are listed. Further ones are only counted.
const MOST_PROBLEMS: usize = 100;

impl BlockProblems {
    /// Adds a problem with one block of the snapshot's store, where Windows keeps overwritten
    /// blocks.
    pub fn add(&mut self, problem: Problem) {
        if let Some(last) = self.found.last_mut() {
            let is_same = std::mem::discriminant(&last.kind) == std::mem::discriminant(&problem.kind);
            if is_same && last.range.end == problem.range.start {
                last.range.end = problem.range.end;
                return;
            }
        }
        if self.found.len() < MOST_PROBLEMS {
            self.found.push(problem);
            return;
        }
        let (range, blocks) = self.further.get_or_insert((problem.range.clone(), 0));
        *range = range.start.min(problem.range.start)..range.end.max(problem.range.end);
        *blocks += 1;
    }

    /// Returns the problems that were added, at most [`MOST_PROBLEMS`]. If there were more, one is
    /// appended that says how many.
    pub fn into_problems(self) -> Vec<Problem> {
        let further =
            self.further.map(|(range, blocks)| Problem { range, kind: ProblemKind::Further { blocks } });
        self.found.into_iter().chain(further).collect()
    }
}
