//! Finds Sysmon's process events (event 1, a process was created; event 5, a process ended) among
//! records that are not decoded, by the GUIDs of their processes.
//!
//! In a record that was not forwarded, the GUIDs are 16 bytes each, at positions known from the
//! record's template, and the event can be read directly from the record's values. Records of any
//! other form are decoded, and callers look at their events.

use std::cell::OnceCell;
use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use crate::event::{Event, Guid, PROCESS_CREATION, PROCESS_END};
use crate::scan::decode::direct::{self, DataIndexes};
use crate::scan::evtx::binxml::{GUID, Index};
use crate::scan::evtx::template::{EventTemplate, data_template, data_template_with_names};
use crate::scan::evtx::value::{Shape, Values};
use crate::scan::skim::known::known;
use crate::scan::skim::remembered_data::RememberedData;
use crate::scan::skim::skimmed_record::SkimmedRecord;

/// Which of Sysmon's process events are looked for, and what is read of them.
#[derive(Debug, Clone)]
pub enum ProcessSearch {
    /// All process events are looked for. Only the GUIDs of the process and of its parent are read.
    /// This needs no decoding, except of unusual records, whose events are read.
    Links,
    /// All process events are read with their fields.
    Every,
    /// Only the process events of the processes with these GUIDs are read, with their fields.
    Of(Arc<HashSet<Guid>>),
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

/// The GUIDs in those process events of a chunk that were not decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChunkLinks {
    /// The offset of the chunk in its file, in bytes.
    pub chunk: u64,
    /// The GUIDs in each event, in the order of the events.
    pub links: Vec<ProcessLink>,
}

impl ProcessSearch {
    /// Returns whether events of the process `guid` are looked for.
    #[must_use]
    pub fn includes(&self, guid: Guid) -> bool {
        match self {
            ProcessSearch::Links | ProcessSearch::Every => true,
            ProcessSearch::Of(processes) => processes.contains(&guid),
        }
    }
}

impl ProcessLink {
    /// Returns the GUIDs in one of Sysmon's process events; `None` if the event is not a process
    /// event, or states no GUID of its process.
    #[must_use]
    pub fn of(event: &Event) -> Option<Self> {
        if !event.is_process_event() {
            return None;
        }
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
    data: Vec<(usize, Option<ProcessData>)>,
    /// Template definitions of `EventData` that were read in earlier chunks, the newest first, each
    /// with the indexes of the values that contain GUIDs.
    remembered: VecDeque<(RememberedData, GuidIndexes)>,
    /// The GUIDs of the process events that were found in the chunk; empty if the events are read
    /// with their fields instead.
    links: Vec<ProcessLink>,
}

/// The maximum number of bytes of text in a process event that is read directly, for each byte of
/// its record. A character takes two bytes in a record and at most three as UTF-8. An event with
/// more text is not read directly: a crafted template can repeat a text, and the decoder (the
/// `evtx` crate) has limits for that.
const MOST_TEXT_PER_BYTE: usize = 2;

/// The greatest number of template definitions that are remembered from chunk to chunk: one of
/// event 1 and one of event 5, for two versions of Sysmon. A further definition replaces the
/// oldest.
const MOST_REMEMBERED: usize = 4;

/// Which values of a process event's `EventData` contain GUIDs.
#[derive(Debug, Clone, Copy)]
struct GuidIndexes {
    /// The index, among the values of the `EventData`, of the value that contains the GUID of the
    /// process.
    process: Index,
    /// The index of the value that contains the GUID of the parent; `None` if the template
    /// definition has none, as that of event 5.
    parent: Option<Index>,
}

/// A template definition of a process event's `EventData`, with what was found out about it: which
/// values contain the GUIDs and the fields.
#[derive(Debug)]
struct ProcessData {
    guids: GuidIndexes,
    /// The shape (types and sizes) of the values of the last event of this template definition that
    /// was examined value by value. Events with the same shape need no such examination.
    shape: Shape,
    /// The indexes of the values that contain the event's fields. They are looked up at the first
    /// event that is read. `None` if the definition has fields that the kind of event does not
    /// have.
    fields: OnceCell<Option<DataIndexes>>,
}

impl ProcessFinder {
    /// Returns a finder that looks for the events that `search` describes.
    pub(in crate::scan) fn new(search: ProcessSearch) -> Self {
        ProcessFinder { search, data: Vec::new(), remembered: VecDeque::new(), links: Vec::new() }
    }

    /// Prepares the finder for the next chunk: forgets what belongs to the previous one, which is
    /// its list of template definitions and the GUIDs in its process events.
    pub(in crate::scan) fn begin(&mut self) {
        self.data.clear();
        self.links.clear();
    }

    /// Removes and returns the GUIDs in the process events of the chunk; empty if the events are
    /// read with their fields instead.
    pub(in crate::scan) fn take_links(&mut self) -> Vec<ProcessLink> {
        // The next chunk most likely has about as many.
        let next = Vec::with_capacity(self.links.len());
        std::mem::replace(&mut self.links, next)
    }

    /// Examines a process event. The chunk's live records end at offset `end`. Returns true if the
    /// event must be read with its fields; false if it is not looked for, or if only its GUIDs are
    /// to be read, which the finder then keeps. `None` if anything about the event is unusual, so
    /// that it must be decoded.
    pub(in crate::scan) fn is_to_be_read(
        &mut self,
        chunk: &[u8],
        skimmed: &SkimmedRecord,
        end: usize,
    ) -> Option<bool> {
        self.examine(chunk, skimmed.data.clone()?, is_creation(skimmed), end)
    }

    /// Examines a process event as [`ProcessFinder::is_to_be_read`] does. Its `EventData` fills the
    /// range `data` of the chunk, and `is_creation` says whether it is an event 1.
    pub(in crate::scan) fn examine(
        &mut self,
        chunk: &[u8],
        data: Range<usize>,
        is_creation: bool,
        end: usize,
    ) -> Option<bool> {
        let Range { start, end: data_end } = data;
        let values = Values::head(chunk, start)?;
        let read = |offset| ProcessData::of(&mut self.remembered, chunk, offset, end);
        let place = known(&mut self.data, values.definition, read)?;
        let ProcessData { guids, shape, .. } = self.data.get_mut(place)?.1.as_mut()?;
        if !values.fill_as(data_end, shape) {
            return None;
        }
        let guid = |index| values.bytes(index, GUID)?.first_chunk().map(Guid::from_stored);
        let process = guid(guids.process)?;
        if process == Guid::NIL || !self.search.includes(process) {
            return Some(false);
        }
        if !matches!(self.search, ProcessSearch::Links) {
            return Some(true);
        }
        let parent = match guids.parent {
            Some(index) => guid(index)?,
            // An event 1 without the GUID of the parent has lost a name.
            None if is_creation => return None,
            None => Guid::NIL,
        };
        self.links.push(ProcessLink { process, parent });
        Some(false)
    }
}

/// The record of a process event, with the chunk and the template definition that reading it
/// requires.
#[derive(Clone, Copy)]
pub(in crate::scan) struct ProcessRecord<'a> {
    /// The chunk that contains the record.
    pub chunk: &'a [u8],
    /// The offset at which the chunk's live records end, in bytes.
    pub end: usize,
    /// The template definition of the event.
    pub template: &'a EventTemplate,
    /// What was read of the record without decoding it.
    pub skimmed: &'a SkimmedRecord,
}

impl ProcessFinder {
    /// Reads a process event directly from the values of its record, whose content fills the range
    /// `content` of the chunk. [`ProcessFinder::is_to_be_read`] must have returned true for it.
    /// `None` if anything about the event is unusual, so that it must be decoded.
    pub(in crate::scan) fn read(&self, record: ProcessRecord<'_>, content: Range<usize>) -> Option<Event> {
        let ProcessRecord { chunk, end, template, skimmed } = record;
        let kind = if is_creation(skimmed) { &PROCESS_CREATION } else { &PROCESS_END };
        let values = Values::read(chunk, skimmed.data.clone()?)?;
        let (offset, known) = self.data.iter().find(|(offset, _)| *offset == values.definition)?;
        let fields = || DataIndexes::of(kind, &data_template(chunk, *offset, end)?);
        let fields = known.as_ref()?.fields.get_or_init(fields).as_ref()?;
        let system = Values::head(chunk, content.start)?;
        let event = direct::event(template, &system, skimmed, fields, &values)?;
        let is_usual = event.is(kind) && event.text_length() <= content.len() * MOST_TEXT_PER_BYTE;
        is_usual.then_some(event)
    }
}

fn is_creation(skimmed: &SkimmedRecord) -> bool {
    PROCESS_CREATION.event_ids.contains(&u32::from(skimmed.event_id))
}

impl ProcessData {
    /// Finds the values with GUIDs in the template definition of `EventData` at `offset` in the
    /// chunk. All of it must lie before the offset `end`. `None` if the definition is not
    /// understood, or has no GUID of a process. A definition that is not among those in
    /// `remembered` is read, and added to them if it can be recognised in later chunks.
    fn of(
        remembered: &mut VecDeque<(RememberedData, GuidIndexes)>,
        chunk: &[u8],
        offset: usize,
        end: usize,
    ) -> Option<Self> {
        let with = |guids| ProcessData { guids, shape: Shape::default(), fields: OnceCell::new() };
        if let Some((_, guids)) = remembered.iter().find(|(known, _)| known.is_at(chunk, offset, end)) {
            return Some(with(*guids));
        }
        let (template, names) = data_template_with_names(chunk, offset, end)?;
        let index = |wanted| template.data.iter().find(|(name, _)| name.is(wanted)).map(|(_, index)| *index);
        let guids = GuidIndexes { process: index("ProcessGuid")?, parent: index("ParentProcessGuid") };
        if let Some(new) = names.and_then(|names| RememberedData::new(chunk, offset, &names)) {
            remembered.truncate(MOST_REMEMBERED - 1);
            remembered.push_front((new, guids));
        }
        Some(with(guids))
    }
}

impl SkimmedRecord {
    /// Returns whether the record is one of Sysmon's process events: event 1 or event 5.
    pub(in crate::scan) fn is_process_event(&self) -> bool {
        let is_of = |ids: &[u32]| ids.contains(&u32::from(self.event_id));
        self.sysmon && (is_of(PROCESS_CREATION.event_ids) || is_of(PROCESS_END.event_ids))
    }
}

#[cfg(test)]
mod tests {
    use dnsweep_samples::{Event as Sample, LogWriter, Style};

    use super::*;
    use crate::event::KindSet;
    use crate::ledger::tally::Tally;
    use crate::scan::decode::document::Document;
    use crate::scan::decode::record::decode;
    use crate::scan::evtx::walk::{Walk, walk};
    use crate::scan::skim::select::Skimmer;

    fn chunk(style: Style) -> Vec<u8> {
        let mut writer = LogWriter::new(style);
        for process in 1..=4 {
            let line = format!("a.exe \u{fc} {process} \u{1b}[2J");
            let start = Sample::process_create("a.exe", &line, "b.exe").of_process(process);
            let end = Sample::process_terminate(r"C:\a.exe").of_process(process);
            let query = Sample::dns_query("a.example", "a.exe").of_process(process);
            for (event, number) in [start, query, end].into_iter().zip(0..) {
                writer.push(&event.numbered(u64::from(process) * 10 + number)).unwrap();
            }
        }
        let mut log = writer.finish().split_off(4096);
        log.truncate(65536);
        log
    }

    #[test]
    fn process_events_are_read_directly_as_the_decoder_reads_them() {
        let kinds = KindSet::default().with(&PROCESS_CREATION).with(&PROCESS_END);
        for style in [Style::Live, Style::Export] {
            let mut chunk = chunk(style);
            let search = ProcessSearch::Every;
            let mut skimmer = Skimmer::new(&[]).finding_processes(&search);
            let mut left = Walk::default();
            assert!(skimmer.skim(&chunk, &mut left, &mut Tally::default()));
            assert_eq!(left.records, [], "nothing is left to the decoder");
            let read: Vec<(usize, Event)> = skimmer.take_read().collect();
            let (mut walked, mut decoded) = (Walk::default(), Vec::new());
            walk(&chunk, &mut walked);
            decode(&mut chunk, &walked, kinds, |span, document| match document.unwrap() {
                Document::Event(event) => decoded.push((span.range.start, event)),
                Document::Other(_) => {}
            });
            assert_eq!(read, decoded, "{style:?}");
            assert_eq!(read.len(), 8);
        }
    }

    #[test]
    fn the_texts_of_an_event_stay_far_below_the_limit() {
        let chunk = chunk(Style::Live);
        let search = ProcessSearch::Every;
        let mut skimmer = Skimmer::new(&[]).finding_processes(&search);
        let mut walk = Walk::default();
        assert!(skimmer.skim(&chunk, &mut walk, &mut Tally::default()));
        for (start, event) in skimmer.take_read() {
            let size = chunk.get(start + 4..start + 8).and_then(|size| size.first_chunk()).unwrap();
            let size = usize::try_from(u32::from_le_bytes(*size)).unwrap();
            assert!(event.text_length() < size, "{} {size}", event.text_length());
        }
    }
}
