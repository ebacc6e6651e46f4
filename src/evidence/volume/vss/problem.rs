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
    /// next block of a chain.
    pub range: Range<u64>,
    /// What is wrong with the bytes that the problem concerns.
    pub kind: ProblemKind,
}

/// What is wrong with a structure or a snapshot of shadow copies. A chain of blocks is one of three
/// structures: `catalog`, `block list` or `bitmap`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProblemKind {
    /// A block of a chain cannot be read from the volume. The blocks after it are lost.
    Unread {
        /// The structure that the chain is: `catalog`, `block list` or `bitmap`.
        chain: &'static str,
        /// The error with which reading the block failed.
        error: String,
    },
    /// A block of a chain names a next block that lies outside of the volume. The blocks from there
    /// on are lost.
    OutOfVolume {
        /// The structure that the chain is: `catalog`, `block list` or `bitmap`.
        chain: &'static str,
        /// The size of the volume in bytes.
        size: u64,
    },
    /// A block of a chain names a next block that is one of the chain's earlier blocks. The blocks
    /// from there on are lost.
    Loop {
        /// The structure that the chain is: `catalog`, `block list` or `bitmap`.
        chain: &'static str,
    },
    /// A block of a chain names a next block, but in its place there are other bytes. The blocks
    /// from there on are lost.
    NoBlock {
        /// The structure that the chain is: `catalog`, `block list` or `bitmap`.
        chain: &'static str,
        /// The record type of what was found instead of the block. `None` if it is no structure of
        /// shadow copies.
        found: Option<u32>,
    },
    /// A chain has more blocks, or a block list has more forwarders, than are read. The rest is
    /// lost.
    TooLong {
        /// The structure that the chain is: `catalog`, `block list` or `bitmap`.
        chain: &'static str,
        /// The most blocks that are read or, if a block list has too many forwarders, the most
        /// forwarders.
        most: usize,
    },
    /// The catalog of shadow copies lists more snapshots than are read. The rest is ignored.
    TooManySnapshots {
        /// The most snapshots of one volume that are read.
        most: usize,
    },
    /// The catalog has an entry of a type that is not known. The entry is ignored.
    EntryType {
        /// The type that the unknown entry of the catalog states.
        found: u64,
    },
    /// The catalog has two entries of the same type for one snapshot. The first one is used.
    ListedTwice,
    /// The header of a snapshot's store cannot be read. So the identifier and the host in that
    /// header are not known ([`ShadowCopy::copy_id`](super::ShadowCopy::copy_id) and
    /// [`ShadowCopy::machine`](super::ShadowCopy::machine)). The snapshot can be read nevertheless.
    StoreHeader {
        /// What was found instead of the header of a store.
        found: String,
    },
    /// By the catalog, a snapshot is larger than the present volume, or has no bytes. It is read as
    /// if it had the size of the volume.
    Size {
        /// The size of the snapshot that the catalog states, in bytes.
        stated: u64,
    },
    /// A store has an entry for a block that the snapshot does not have: it begins beyond the
    /// snapshot's end or not at the start of a block, or a forwarder leads to such a block. The
    /// entry is ignored.
    Misplaced,
    /// A store keeps bytes of the snapshot at a place beyond the end of the live volume. Reads of
    /// these bytes fail.
    StoredOutOfVolume {
        /// The offset on the volume at which the first block of the range is kept, in bytes.
        stored: u64,
    },
    /// More blocks of the store have the problem [`ProblemKind::Misplaced`] or
    /// [`ProblemKind::StoredOutOfVolume`]. They are only counted, and the range covers all of them.
    Further {
        /// The number of blocks with problems that were only counted.
        blocks: u64,
    },
}

impl Problem {
    /// Returns true if entries of a store are lost because of the problem. Then any bytes of the
    /// snapshot, and of older snapshots, may be those of a newer state.
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

/// The problems with blocks of one store that were found so far. Problems of one kind with adjacent
/// blocks are joined. After [`MOST_PROBLEMS`] problems, further ones are only counted.
#[derive(Default)]
pub(super) struct BlockProblems {
    found: Vec<Problem>,
    further: Option<(Range<u64>, u64)>,
}

/// The most problems with blocks of one store that are kept.
const MOST_PROBLEMS: usize = 100;

impl BlockProblems {
    /// Adds a problem with one block of the store.
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

    /// Returns all problems. If there were more than are kept, the last one tells how many.
    pub fn into_problems(self) -> Vec<Problem> {
        let further =
            self.further.map(|(range, blocks)| Problem { range, kind: ProblemKind::Further { blocks } });
        self.found.into_iter().chain(further).collect()
    }
}
