//! What one piece of evidence holds about a host.

use super::machine_logs::MachineLogs;
use crate::event::Span;
use crate::ledger::clock::MachineClock;

/// What one piece of evidence holds about a host. `merge` is associative and commutative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostInEvidence {
    /// The times of the host's first and last record in this evidence.
    pub span: Span,
    /// How many files hold records of this host alone.
    pub own_files: u64,
    /// The EventRecordIDs of the host's logs.
    pub logs: MachineLogs,
    /// Where the host's clock went back, by the files that hold its records alone.
    pub clock: MachineClock,
}

impl HostInEvidence {
    /// Adds what another part of the evidence holds about the same host.
    pub(super) fn merge(&mut self, other: HostInEvidence) {
        self.span.merge(other.span);
        self.own_files += other.own_files;
        self.logs.merge(other.logs);
        self.clock.merge(other.clock);
    }
}
