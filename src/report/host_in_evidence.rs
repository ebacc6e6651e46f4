//! What one piece of evidence contains about a host.

use super::machine_logs::MachineLogs;
use crate::event::Span;
use crate::ledger::clock::MachineClock;

/// What one piece of evidence (usually what was collected from one machine) contains about a host.
/// `merge` is associative and commutative, so that parts of the piece can be counted separately.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostInEvidence {
    /// The times (TimeCreated) of the host's earliest and latest record in this piece of evidence.
    pub span: Span,
    /// The number of files in this piece of evidence that contain records of this host alone.
    pub own_files: u64,
    /// The EventRecordIDs of the host's logs in this piece of evidence.
    pub logs: MachineLogs,
    /// The times at which the host's clock went back, as seen in files that contain records of this
    /// host alone.
    pub clock: MachineClock,
}

impl HostInEvidence {
    /// Adds what another part of the same piece of evidence contains about the host.
    pub(super) fn merge(&mut self, other: HostInEvidence) {
        self.span.merge(other.span);
        self.own_files += other.own_files;
        self.logs.merge(other.logs);
        self.clock.merge(other.clock);
    }
}
