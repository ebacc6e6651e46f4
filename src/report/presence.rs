//! What one piece of evidence holds of a host.

use super::machine_logs::MachineLogs;
use crate::event::Span;
use crate::ledger::clock::MachineClock;

/// What one piece of evidence holds of a host. `merge` is associative and commutative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Presence {
    /// Span of its records there.
    pub span: Span,
    /// Files there that hold records of this machine alone.
    pub own_files: u64,
    /// The EventRecordIDs of its logs.
    pub logs: MachineLogs,
    /// What these files tell of its clock.
    pub clock: MachineClock,
}

impl Presence {
    /// Adds what another part of the evidence holds.
    pub(super) fn merge(&mut self, other: Presence) {
        self.span.merge(other.span);
        self.own_files += other.own_files;
        self.logs.merge(other.logs);
        self.clock.merge(other.clock);
    }
}
