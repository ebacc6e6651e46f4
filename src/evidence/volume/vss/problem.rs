//! What is wrong with shadow copies, as data.

use std::fmt;
use std::ops::Range;

/// A structure of shadow copies that cannot be read or is damaged, or bytes of a snapshot that
/// cannot be read because of that.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The bytes concerned, from the volume's start. For [`ProblemKind::Size`], `Misplaced`,
    /// `StoredOutOfVolume` and `Further` they are the snapshot's bytes; for all other kinds, the
    /// bytes that were expected to be a structure, such as the next block of a chain.
    pub range: Range<u64>,
    /// What is wrong with the bytes of `range`.
    pub kind: ProblemKind,
}

/// The ways in which shadow copies can be damaged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A block of a chain of blocks cannot be read from the volume. The chain ends there.
    Unread {
        /// The kind of chain: `catalog`, `block list` or `bitmap`.
        chain: &'static str,
        /// The error that reading gave.
        error: String,
    },
    /// A chain of blocks goes on at a place that is not within the volume. The chain ends there.
    OutOfVolume {
        /// The kind of chain: `catalog`, `block list` or `bitmap`.
        chain: &'static str,
        /// The volume's size in bytes.
        size: u64,
    },
    /// A chain of blocks goes on at one of its own earlier blocks. The chain ends there.
    Loop {
        /// The kind of chain: `catalog`, `block list` or `bitmap`.
        chain: &'static str,
    },
    /// A chain of blocks goes on at bytes that are not a block of that kind of chain. The chain
    /// ends there.
    NoBlock {
        /// The kind of chain: `catalog`, `block list` or `bitmap`.
        chain: &'static str,
        /// The type of record that was found. `None` if the bytes are no structure of shadow
        /// copies.
        found: Option<u32>,
    },
    /// A chain of blocks is longer than what is read of it.
    TooLong {
        /// The kind of chain: `catalog`, `block list` or `bitmap`.
        chain: &'static str,
        /// The number of blocks that are read at most or, where a block list has too many
        /// forwarders, the number of forwarders.
        most: usize,
    },
    /// The catalog lists more snapshots than are read.
    TooManySnapshots {
        /// The number of snapshots that are listed at most.
        most: usize,
    },
    /// The catalog has an entry of a type that is not known.
    EntryType {
        /// The type that the entry states.
        found: u64,
    },
    /// The catalog has a second entry of the same type for a snapshot. The first entry is used.
    ListedTwice,
    /// A store's header cannot be read, so [`ShadowCopy::copy_id`](super::ShadowCopy::copy_id) and
    /// [`ShadowCopy::machine`](super::ShadowCopy::machine) are not known. The snapshot's bytes are.
    StoreHeader {
        /// What was found instead of a header.
        found: String,
    },
    /// A snapshot is larger than the volume is now, or has no bytes, by the catalog. The snapshot
    /// is read as if it had the volume's size.
    Size {
        /// The size in bytes that the catalog states.
        stated: u64,
    },
    /// A store has an entry of a block that the snapshot does not have, because it begins beyond
    /// the end or between two blocks, or a forwarder that leads to such a block. The entry is
    /// ignored.
    Misplaced,
    /// A store keeps bytes of the snapshot at a place beyond the live volume's end. Reading the
    /// bytes fails.
    StoredOutOfVolume {
        /// The place of the first block of the range, in bytes from the volume's start.
        stored: u64,
    },
    /// Further blocks of the same store are [`ProblemKind::Misplaced`] or
    /// [`ProblemKind::StoredOutOfVolume`]. They are only counted; the range reaches over all of
    /// them.
    Further {
        /// The number of further blocks.
        blocks: u64,
    },
}

impl Problem {
    /// Returns whether entries of a store are not known because of the problem. If so, all bytes of
    /// the snapshot and of older snapshots may be those of a newer state.
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
        write!(to, "bytes {start} to {end} of the volume: ")?;
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

/// Collects the problems with blocks of one store. Problems of one kind with neighbouring blocks
/// become one, and after [`MOST_PROBLEMS`] problems, further ones are only counted.
#[derive(Default)]
pub(super) struct BlockProblems {
    found: Vec<Problem>,
    further: Option<(Range<u64>, u64)>,
}

/// The number of problems with blocks that are collected of each store.
const MOST_PROBLEMS: usize = 100;

impl BlockProblems {
    /// Adds a problem with one block.
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

    /// Returns all problems. The count of further ones is the last of them.
    pub fn into_problems(self) -> Vec<Problem> {
        let further =
            self.further.map(|(range, blocks)| Problem { range, kind: ProblemKind::Further { blocks } });
        self.found.into_iter().chain(further).collect()
    }
}
