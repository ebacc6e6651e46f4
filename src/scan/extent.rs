//! The kinds as which the bytes of a slot are counted. What is counted as which kind is decided
//! elsewhere ([`crate::scan::block`], [`crate::scan::carved`]).

use crate::ledger::tally::Extents;

/// The kind as which the bytes of a slot are counted. Each kind has a sum in [`Extents`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ExtentKind {
    Good,
    Empty,
    Damaged,
    Trailing,
    /// Bytes that existed when the file was listed, but not when it was read.
    Absent,
}

impl ExtentKind {
    /// Returns the sum in `extents` to which bytes of this kind are added.
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
