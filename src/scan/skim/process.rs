//! Finds Sysmon's process events (event 1, a process was created; event 5, a process ended) among
//! records that are not decoded, by the GUIDs of their processes.
//!
//! In a record that was not forwarded, the GUIDs are 16 bytes each, at positions known from the
//! record's template. Records of any other form are decoded, and callers look at their events.

use std::collections::HashSet;
use std::sync::Arc;

use crate::event::{Event, Guid, PROCESS_CREATION, PROCESS_END};
use crate::scan::evtx::binxml::{GUID, Index};
use crate::scan::evtx::template::data_template;
use crate::scan::evtx::value::Values;
use crate::scan::skim::known::known;
use crate::scan::skim::skimmed_record::SkimmedRecord;

/// Which of Sysmon's process events are looked for, and what is taken of them.
#[derive(Debug, Clone)]
pub struct ProcessSearch {
    /// The processes whose events are looked for; `None` for those of every process.
    pub of: Option<Arc<HashSet<Guid>>>,
    /// What is taken of each process event that is looked for: the whole event, or only its GUIDs.
    pub take: ProcessTake,
}

/// What is taken of each of Sysmon's process events that are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessTake {
    /// Only the GUIDs of the process and of its parent are read. This needs no decoding, except of
    /// unusual records, whose events are read.
    Links,
    /// The process events that are looked for are decoded, and read with their fields.
    Events,
}

/// The GUIDs in one of Sysmon's process events: in event 1, those of the process and of its parent;
/// in event 5, that of the process alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProcessLink {
    /// The GUID of the process.
    pub process: Guid,
    /// The GUID of the process's parent; [`Guid::NIL`] if the event states none.
    pub parent: Guid,
}

impl ProcessSearch {
    /// Returns whether events of the process `guid` are looked for.
    #[must_use]
    pub fn includes(&self, guid: Guid) -> bool {
        self.of.as_ref().is_none_or(|of| of.contains(&guid))
    }
}

impl ProcessLink {
    /// Returns the GUIDs in one of Sysmon's process events; `None` if the event states no GUID of
    /// its process.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        let guid = |name| event.get(name).and_then(Guid::parse);
        let parent = if event.is(&PROCESS_CREATION) { guid("ParentProcessGuid") } else { None };
        let process = guid("ProcessGuid").filter(|process| *process != Guid::NIL)?;
        Some(ProcessLink { process, parent: parent.unwrap_or(Guid::NIL) })
    }
}

/// Looks for Sysmon's process events in one chunk after another.
#[derive(Debug)]
pub(in crate::scan) struct ProcessFinder {
    search: ProcessSearch,
    /// The template definitions of `EventData` found so far in the chunk, each with its offset;
    /// `None` for a definition that is not understood.
    data: Vec<(usize, Option<GuidIndexes>)>,
    /// The GUIDs of the events that were found in the chunk, if only GUIDs are taken.
    links: Vec<ProcessLink>,
}

/// The indexes, among the values of a process event's `EventData`, of those that contain GUIDs.
#[derive(Debug)]
struct GuidIndexes {
    process: Index,
    /// The index of the value that contains the GUID of the parent; `None` if the template
    /// definition has none, as that of event 5.
    parent: Option<Index>,
}

impl ProcessFinder {
    /// Returns a finder that looks for the events that `search` describes.
    pub(in crate::scan) fn new(search: ProcessSearch) -> Self {
        ProcessFinder { search, data: Vec::new(), links: Vec::new() }
    }

    /// Forgets what was found in the chunk before.
    pub(in crate::scan) fn begin(&mut self) {
        self.data.clear();
        self.links.clear();
    }

    /// Removes and returns the GUIDs of the events that were found in the chunk, if only GUIDs are
    /// taken.
    pub(in crate::scan) fn take_links(&mut self) -> impl Iterator<Item = ProcessLink> {
        self.links.drain(..)
    }

    /// Examines a process event, which is a record of the chunk. The chunk's live records end at
    /// offset `end`. Returns true if the event must be read, false if it need not be. `None` if
    /// anything about the event is unusual, so that it must be decoded.
    pub(in crate::scan) fn is_to_be_read(
        &mut self,
        chunk: &[u8],
        skimmed: &SkimmedRecord,
        end: usize,
    ) -> Option<bool> {
        let values = Values::read(chunk, skimmed.data.clone()?)?;
        let place = known(&mut self.data, values.definition, |offset| GuidIndexes::of(chunk, offset, end))?;
        let indexes = self.data.get(place)?.1.as_ref()?;
        let guid = |index| values.bytes(index, GUID)?.first_chunk().map(Guid::from_stored);
        let process = guid(indexes.process)?;
        if process == Guid::NIL || !self.search.includes(process) {
            return Some(false);
        }
        if self.search.take == ProcessTake::Events {
            return Some(true);
        }
        let parent = match indexes.parent {
            Some(index) => guid(index)?,
            // An event 1 without the GUID of the parent has lost a name.
            None if is_creation(skimmed) => return None,
            None => Guid::NIL,
        };
        self.links.push(ProcessLink { process, parent });
        Some(false)
    }
}

fn is_creation(skimmed: &SkimmedRecord) -> bool {
    PROCESS_CREATION.event_ids.contains(&u32::from(skimmed.event_id))
}

impl GuidIndexes {
    /// Finds the values with GUIDs in the template definition of `EventData` at `offset` in the
    /// chunk. All of it must lie before the offset `end`. `None` if the definition is not
    /// understood, or has no GUID of a process.
    fn of(chunk: &[u8], offset: usize, end: usize) -> Option<Self> {
        let template = data_template(chunk, offset, end)?;
        let index = |wanted| template.data.iter().find(|(name, _)| name.is(wanted)).map(|(_, index)| *index);
        Some(GuidIndexes { process: index("ProcessGuid")?, parent: index("ParentProcessGuid") })
    }
}

impl SkimmedRecord {
    /// Returns whether the record is one of Sysmon's process events: event 1 or event 5.
    pub(in crate::scan) fn is_process_event(&self) -> bool {
        let is_of = |ids: &[u32]| ids.contains(&u32::from(self.event_id));
        self.sysmon && (is_of(PROCESS_CREATION.event_ids) || is_of(PROCESS_END.event_ids))
    }
}
