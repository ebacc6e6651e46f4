//! Looks for Sysmon's process events beside the DNS queries that a skim looks for. What the skim
//! counts, and which records and checksums it examines for that, does not depend on it.
//!
//! So a process event that is unusual is not decoded, and a checksum that is wrong is not reported.
//! Instead, it is noted that process events are lacking, and callers scan for process events alone.

use std::ops::Range;

use crate::event::Event;
use crate::scan::evtx::chunk::RECORD_HEADER_SIZE;
use crate::scan::skim::process::{ProcessFinder, ProcessLink, ProcessRecord, ProcessSearch};

/// The greatest amount of text, in bytes, in the process events that are read from a chunk. It is
/// several times that of a real chunk of 64 KiB.
const MOST_TEXT: usize = 1 << 18;

/// Looks for Sysmon's process events in one chunk after another, beside the DNS queries that a skim
/// looks for.
#[derive(Debug)]
pub(in crate::scan) struct ProcessesBeside {
    finder: ProcessFinder,
    /// The events that were read from the chunk, each with the offset of its record in the chunk.
    /// Empty if only GUIDs are taken.
    read: Vec<(usize, Event)>,
    /// The total length, in bytes, of the texts of the events that were read from the chunk.
    text: usize,
    /// True if the chunk has process events that could not be read here.
    is_lacking: bool,
}

impl ProcessesBeside {
    /// Returns a search for the process events that `search` describes.
    pub(in crate::scan) fn new(search: ProcessSearch) -> Self {
        ProcessesBeside { finder: ProcessFinder::new(search), read: Vec::new(), text: 0, is_lacking: false }
    }

    /// Forgets what was found in the chunk before.
    pub(in crate::scan) fn begin(&mut self) {
        self.finder.begin();
        self.read.clear();
        (self.text, self.is_lacking) = (0, false);
    }

    /// Examines a process event, whose record's content fills the range `content` of the chunk, and
    /// takes what is looked for. The function is never inlined into the loop over records, which
    /// must keep its registers.
    #[inline(never)]
    pub(in crate::scan) fn examine(&mut self, record: ProcessRecord<'_>, content: Range<usize>) {
        let ProcessRecord { chunk, end, skimmed, .. } = record;
        let start = content.start - RECORD_HEADER_SIZE;
        let event = match self.finder.is_to_be_read(chunk, skimmed, end) {
            Some(false) => return,
            Some(true) if self.text <= MOST_TEXT => self.finder.read(record, content),
            Some(true) | None => None,
        };
        match event {
            Some(event) => {
                self.text += event.text_length();
                self.read.push((start, event));
            }
            None => self.is_lacking = true,
        }
    }

    /// Ends the search of a chunk. `is_as_written` returns whether the chunk's records have the
    /// checksum that its header states; events are taken only from such a chunk. It is called only
    /// if events were read.
    pub(in crate::scan) fn end(&mut self, is_as_written: impl FnOnce() -> bool) {
        if !self.read.is_empty() && !is_as_written() {
            self.is_lacking = true;
        }
        if self.is_lacking {
            self.read.clear();
        }
    }

    /// Removes and returns the events that were read from the chunk, each with the offset of its
    /// record in the chunk.
    pub(in crate::scan) fn take_read(&mut self) -> impl Iterator<Item = (usize, Event)> {
        self.read.drain(..)
    }

    /// Removes and returns the GUIDs of the process events in the chunk, if only GUIDs are taken.
    pub(in crate::scan) fn take_links(&mut self) -> Vec<ProcessLink> {
        self.finder.take_links()
    }

    /// Returns whether the chunk has process events that could not be read here.
    pub(in crate::scan) fn is_lacking(&self) -> bool {
        self.is_lacking
    }
}
