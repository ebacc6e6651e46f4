//! A source of process events. After the first reading of the evidence, those process events that
//! are needed to find the processes of matches are read from it.

use super::links::{LinkSpool, ProcessPlace};
use crate::error::SweepError;
use crate::scan::{LocatedEvent, ProcessSearch};

/// Where process events are read: the logs themselves or, in a merge, the parts (files with the
/// results of sweeps).
pub(in crate::sweep) trait ProcessSource {
    /// Reads the GUIDs in those process events whose GUIDs the first reading did not note, and adds
    /// them to `links`.
    fn read_links(&mut self, links: &mut LinkSpool) -> Result<(), SweepError>;

    /// Reads the process events that `search` describes at these places (parts of files), which
    /// must be in ascending order. Calls `found` for each place, in this order, with its file (by
    /// its position among all files of the sweep) and the events: live ones, then deleted ones.
    /// Some of the events may be of processes that are not searched for.
    fn read_events(
        &mut self,
        search: &ProcessSearch,
        places: &[ProcessPlace],
        found: &mut dyn FnMut(usize, Vec<LocatedEvent>),
    ) -> Result<(), SweepError>;

    /// Returns true if a file was not read whole: because that failed, or because the sweep was
    /// interrupted. `file` is its position among all files of the sweep.
    fn has_not_read(&self, file: usize) -> bool;

    /// Returns true if an interruption of the sweep kept process events at some places (parts of
    /// files) from being read.
    fn is_interrupted(&self) -> bool;
}
