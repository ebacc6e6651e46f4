//! A source of process events: what is read for them after the first reading of the evidence.

use super::links::{LinkSpool, ProcessPlace};
use crate::error::SweepError;
use crate::scan::{LocatedEvent, ProcessSearch};

/// Where process events are read: the logs themselves or, in a merge, the parts (files with the
/// results of sweeps).
pub(in crate::sweep) trait ProcessSource {
    /// Reads the GUIDs in those process events whose GUIDs the first reading did not note, and adds
    /// them to `links`.
    fn read_links(&mut self, links: &mut LinkSpool) -> Result<(), SweepError>;

    /// Reads the process events that `search` describes at these places, which are in ascending
    /// order. Calls `found` for each place, in this order, with its file (by its position among all
    /// files of the sweep) and the events: live ones, then deleted ones. Some may be of processes
    /// that are not searched for.
    fn read_events(
        &mut self,
        search: &ProcessSearch,
        places: &[ProcessPlace],
        found: &mut dyn FnMut(usize, Vec<LocatedEvent>),
    ) -> Result<(), SweepError>;

    /// Returns whether a file, given by its position among all files of the sweep, could not be
    /// read whole.
    fn has_not_read(&self, file: usize) -> bool;

    /// Returns whether an interruption kept places from being read.
    fn is_interrupted(&self) -> bool;
}
