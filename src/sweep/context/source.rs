//! A source of process events: what can be read for them any number of times, block after block.

use crate::error::SweepError;
use crate::scan::{LocatedEvent, ProcessLink, ProcessSearch};

/// The process events that were found in a block of a file.
pub(in crate::sweep) struct FoundProcesses {
    /// The position of the block among all blocks of the source.
    pub place: u32,
    /// The position of the block's file among all files of the sweep, in evidence order.
    pub number: usize,
    /// The GUIDs in process events, if the search asks for GUIDs only.
    pub links: Vec<ProcessLink>,
    /// Process events that were read with their fields, live ones before deleted ones. If the
    /// search asks for GUIDs only, these are the events of unusual records. Some may be of
    /// processes that are not searched for.
    pub events: Vec<LocatedEvent>,
}

/// Where process events are read: the logs themselves or, in a merge, the parts (files with the
/// results of sweeps).
pub(in crate::sweep) trait ProcessSource {
    /// Reads process events, and calls `found` with what `search` describes in each block, in
    /// evidence order. `blocks` are the positions of the blocks to read, in ascending order; `None`
    /// for all of them.
    fn read(
        &mut self,
        search: &ProcessSearch,
        blocks: Option<&[u32]>,
        found: &mut dyn FnMut(FoundProcesses),
    ) -> Result<(), SweepError>;

    /// Returns whether a file, given by its position among all files of the sweep, could not be
    /// read whole.
    fn has_not_read(&self, file: usize) -> bool;

    /// Returns whether an interruption kept blocks from being read.
    fn is_interrupted(&self) -> bool;
}
