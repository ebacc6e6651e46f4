//! Looks for Sysmon's process events beside DNS queries, during a skim (which counts a chunk's
//! records without decoding them). What the skim counts, and which records and checksums it
//! examines for that, does not depend on this search.
//!
//! So a process event that is unusual is not decoded, and a checksum that is wrong is not reported.
//! Instead, `ProcessesBeside::is_incomplete` states that not all process events were found, and
//! callers scan again for process events alone.

use std::ops::Range;

use crate::event::{Event, PROCESS_CREATION, PROCESS_END};
use crate::scan::evtx::chunk::RECORD_HEADER_SIZE;
use crate::scan::skim::process::{ProcessFinder, ProcessLink, ProcessRecord, ProcessSearch};
use crate::scan::skim::read_events::ReadEvents;

/// The number of entries by which the list of noted events (process events that are examined once
/// the chunk's records are counted) grows at a time.
const MORE_NOTED: usize = 128;

/// Looks for Sysmon's process events in one chunk after another, beside DNS queries, while a skim
/// counts the records without decoding them.
#[derive(Debug)]
pub(in crate::scan) struct ProcessesBeside {
    finder: ProcessFinder,
    /// True if only the GUIDs in the process events are read; false if the events are read with
    /// their fields.
    takes_links: bool,
    /// The chunk's events 1 (a process was created) whose GUIDs are read once the records are
    /// counted.
    creations: NotedEvents,
    /// The chunk's events 5 (a process ended) whose GUIDs are read once the records are counted.
    ends: NotedEvents,
    /// The process events that were read from the chunk with their fields. Empty if only the GUIDs
    /// in them are read.
    read: ReadEvents,
    /// True if not all process events of the chunk could be examined or read, for example because
    /// one is unusual.
    is_incomplete: bool,
}

/// Process events of a chunk that are examined together, after the chunk's records were counted.
#[derive(Debug, Default)]
struct NotedEvents {
    /// The range of each event's `EventData` in the chunk; `None` if it is not stored as usual.
    /// Only the first `noted` entries mean anything.
    data: Vec<Option<Range<usize>>>,
    noted: usize,
}

impl NotedEvents {
    /// Notes an event if `is_wanted` is true. `data` is the range of its `EventData` in the chunk.
    ///
    /// `data` is written in any case, and the next event overwrites it if this one is not wanted.
    /// Which records are process events cannot be predicted, and a branch that is predicted wrongly
    /// takes more time.
    #[inline]
    fn note_if(&mut self, is_wanted: bool, data: Option<Range<usize>>) {
        if self.noted == self.data.len() {
            self.grow();
        }
        if let Some(place) = self.data.get_mut(self.noted) {
            *place = data;
        }
        self.noted += usize::from(is_wanted);
    }

    #[cold]
    fn grow(&mut self) {
        self.data.resize(self.noted + MORE_NOTED, None);
    }
}

impl ProcessesBeside {
    /// Returns a search for the process events that `search` describes.
    pub(in crate::scan) fn new(search: ProcessSearch) -> Self {
        ProcessesBeside {
            takes_links: matches!(search, ProcessSearch::Links),
            finder: ProcessFinder::new(search),
            creations: NotedEvents::default(),
            ends: NotedEvents::default(),
            read: ReadEvents::default(),
            is_incomplete: false,
        }
    }

    /// Prepares the search of the next chunk: forgets the events and GUIDs that were found in the
    /// previous chunk.
    pub(in crate::scan) fn begin(&mut self) {
        self.finder.begin();
        self.read.clear();
        (self.creations.noted, self.ends.noted) = (0, 0);
        self.is_incomplete = false;
    }

    /// Examines a counted record of Sysmon. If it is a process event, it is read at once or, if
    /// only its GUIDs are to be read, noted to be examined at the end of the chunk. The record's
    /// content fills the range `content` of the chunk.
    #[inline]
    pub(in crate::scan) fn add(&mut self, record: ProcessRecord<'_>, content: Range<usize>) {
        if self.takes_links {
            let id = u32::from(record.skimmed.event_id);
            let data = record.skimmed.data.clone();
            self.creations.note_if(PROCESS_CREATION.event_ids.contains(&id), data.clone());
            self.ends.note_if(PROCESS_END.event_ids.contains(&id), data);
        } else if record.skimmed.is_process_event() {
            self.read(record, content);
        }
    }

    /// Reads a process event if it is looked for; if it is unusual, only notes that the search of
    /// the chunk is incomplete. The function is never inlined into the loop over records, which
    /// must keep its registers.
    #[inline(never)]
    fn read(&mut self, record: ProcessRecord<'_>, content: Range<usize>) {
        let ProcessRecord { chunk, end, skimmed, .. } = record;
        let start = content.start - RECORD_HEADER_SIZE;
        let event = match self.finder.is_to_be_read(chunk, skimmed, end) {
            Some(false) => return,
            Some(true) if !self.read.has_too_much_text() => self.finder.read(record, content),
            Some(true) | None => None,
        };
        match event {
            Some(event) => self.read.push(start, event),
            None => self.is_incomplete = true,
        }
    }

    /// Ends the search of a chunk for process events. The chunk's live records end at offset `end`.
    /// Reads the GUIDs of the events that were noted in this chunk. The search is incomplete if one
    /// of them cannot be read, or if events were read whole and the live records do not have the
    /// checksum that the chunk's header states. `is_as_written` returns whether they have it, and
    /// is called only if events were read whole. If the search is incomplete, removes these events.
    pub(in crate::scan) fn end(&mut self, chunk: &[u8], end: usize, is_as_written: impl FnOnce() -> bool) {
        let ProcessesBeside { finder, creations, ends, .. } = self;
        for (NotedEvents { data, noted }, is_creation) in [(creations, true), (ends, false)] {
            for data in data.iter_mut().take(*noted) {
                let examined = data.take().and_then(|data| finder.examine(chunk, data, is_creation, end));
                self.is_incomplete |= examined.is_none();
            }
        }
        if !self.read.is_empty() && !is_as_written() {
            self.is_incomplete = true;
        }
        if self.is_incomplete {
            self.read.clear();
        }
    }

    /// Removes and returns the events that were read from the chunk, each with the offset of its
    /// record in the chunk.
    pub(in crate::scan) fn take_read(&mut self) -> impl Iterator<Item = (usize, Event)> {
        self.read.take()
    }

    /// Removes and returns the GUIDs in the chunk's process events; empty if the events are read
    /// with their fields instead.
    pub(in crate::scan) fn take_links(&mut self) -> Vec<ProcessLink> {
        self.finder.take_links()
    }

    /// Returns whether the chunk has process events that could not be examined or read, for example
    /// because one is unusual.
    pub(in crate::scan) fn is_incomplete(&self) -> bool {
        self.is_incomplete
    }
}
