//! Kinds of byte ranges in a log, for the account of all its bytes. What is counted as which kind
//! is decided elsewhere ([`crate::scan::block`], [`crate::scan::carved`]).

use crate::ledger::tally::Extents;

/// What the bytes of a slot are counted as: see [`Extents`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    Good,
    Empty,
    Damaged,
    Trailing,
    /// The bytes existed when the file was listed, but not when it was read.
    Absent,
}

impl Extent {
    /// The sum in `extents` to which these bytes are added.
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
