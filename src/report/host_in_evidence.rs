//! What one piece of evidence contains about a host.

use super::machine_logs::MachineLogs;
use crate::event::Span;
use crate::ledger::clock::MachineClock;

/// What one piece of evidence contains about a host. `merge` is associative and commutative.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostInEvidence {
    /// The times of the host's first and last record in this evidence.
    pub span: Span,
    /// The number of files that contain records of this host alone.
    pub own_files: u64,
    /// The EventRecordIDs of the host's logs.
    pub logs: MachineLogs,
    /// The steps back of the host's clock, known from files that contain its records alone.
    pub clock: MachineClock,
}

impl HostInEvidence {
    /// Adds what another part of the evidence contains about the same host.
    pub(super) fn merge(&mut self, other: HostInEvidence) {
        self.span.merge(other.span);
        self.own_files += other.own_files;
        self.logs.merge(other.logs);
        self.clock.merge(other.clock);
    }
}
