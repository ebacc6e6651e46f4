//! The kinds of bytes that the ledger (`files.parquet`) counts for a file, such as intact or
//! damaged ones. [`crate::scan::block`] and [`crate::scan::carved`] decide which bytes are of which
//! kind.

use crate::ledger::tally::Extents;

/// The kind of a slot's bytes, by which the ledger (`files.parquet`) counts them. A slot is 64 KiB
/// of a file in which a chunk can lie. Each kind has a sum in [`Extents`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtentKind {
    /// Bytes of a chunk with records and without a problem.
    Good,
    /// Bytes without a problem that contain no records: a chunk without records, or zeros in the
    /// place of a chunk.
    Empty,
    /// Bytes of a chunk with a problem, or something else than a chunk in the place of a chunk.
    Damaged,
    /// Bytes at the end of a file that are fewer than the 64 KiB of a chunk, and not the beginning
    /// of one.
    Trailing,
    /// Bytes of a slot (64 KiB in which a chunk can lie) that existed when the file was listed, but
    /// no longer when it was read.
    Absent,
}

impl ExtentKind {
    /// Returns the field of `extents` that counts bytes of this kind, so that the caller can add to
    /// it.
    pub(super) fn of(self, extents: &mut Extents) -> &mut u64 {
        match self {
            ExtentKind::Good => &mut extents.good,
            ExtentKind::Empty => &mut extents.empty,
            ExtentKind::Damaged => &mut extents.damaged,
            ExtentKind::Trailing => &mut extents.trailing,
            ExtentKind::Absent => &mut extents.unread,
        }
    }
}
