//! Which part of a log the bytes in the place of a chunk are. What is counted as which is decided
//! elsewhere ([`crate::scan::block`], [`crate::scan::carved`]).

use crate::ledger::tally::Extents;

/// What the bytes in the place of a chunk are: see [`Extents`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Good,
    Empty,
    Damaged,
    Trailing,
    /// They were there when the file was found, and not when it was read.
    Absent,
}

impl Extent {
    /// The sum that they belong to.
    pub(super) fn of(self, extents: &mut Extents) -> &mut u64 {
        match self {
            Extent::Good => &mut extents.good,
            Extent::Empty => &mut extents.empty,
            Extent::Damaged => &mut extents.damaged,
            Extent::Trailing => &mut extents.trailing,
            Extent::Absent => &mut extents.unread,
        }
    }
}
