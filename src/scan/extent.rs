//! The kinds as which the bytes of a slot are counted. What is counted as which kind is decided
//! elsewhere ([`crate::scan::block`], [`crate::scan::carved`]).

use crate::ledger::tally::Extents;

/// The kind as which the bytes of a slot are counted in the ledger. Each kind has a sum in
/// [`Extents`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtentKind {
    /// Bytes of a chunk with records and without a problem.
    Good,
    /// Bytes without a problem that contain no records: a chunk without records, or an unused slot.
    Empty,
    /// Bytes of a chunk with a problem, or of a slot that contains something else than a chunk.
    Damaged,
    /// Bytes at the end of a file that do not fill a slot and are not the beginning of a chunk.
    Trailing,
    /// Bytes that existed when the file was listed, but no longer when it was read.
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
