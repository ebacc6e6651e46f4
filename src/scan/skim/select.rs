//! Selects the records that must be decoded. A skim over a chunk counts most records without
//! decoding them.
//!
//! Decoding costs a hundred times as much as reading. What is counted of a record (who logged it,
//! where, when, with which event ID) lies in a few bytes, at positions known from the record's
//! template. And a DNS query can match only if its fields contain the literals that the detections
//! require. The skim errs only towards decoding: a record is decoded if anything that the skim
//! reads is unusual.
//!
//! The skim's result for a chunk counts only if the checksum of the chunk's header is right and the
//! records are contiguous. If a record is to be decoded, or all checksums are to be verified, the
//! checksum of the records must be right too.
//!
//! Tests compare the skim with decoding everything. Both agree for a log as Windows wrote it and,
//! with all checksums verified, for a log damaged in any way. For a log forged with right
//! checksums, or damaged where checksums were not verified, they find the same matches; but a
//! record that cannot be decoded, and that no detection wants, is counted as if it could be.

use std::ops::Range;
use std::sync::Arc;

use crate::event::{DNS_QUERY, Event, Window};
use crate::ledger::clock::RecordHeader;
use crate::ledger::tally::Tally;
use crate::scan::decode::direct;
use crate::scan::evtx::chunk::{CHUNK_HEADER_SIZE, Checksums, LiveRecords, content_of, whole_record};
use crate::scan::evtx::value::Values;
use crate::scan::evtx::walk::{RecordOrigin, RecordSpan, Walk};
use crate::scan::skim::beside::ProcessesBeside;
use crate::scan::skim::first_template::FirstTemplate;
use crate::scan::skim::known::{DataCheck, KnownEvent, KnownLog, WantedData, WantedValues, known, known_log};
use crate::scan::skim::layout::Layout;
use crate::scan::skim::needle::WantedQueries;
use crate::scan::skim::other_events::OtherEvents;
use crate::scan::skim::process::{ProcessFinder, ProcessLink, ProcessRecord, ProcessSearch};
use crate::scan::skim::read_events::ReadEvents;
use crate::scan::skim::record_batch::RecordBatch;
use crate::scan::skim::skimmed_record::SkimmedRecord;

/// The greatest number of record layouts (fixed bytes and positions by which similar records are
/// recognised) that are kept for a chunk. Each further layout would cost a comparison for every
/// record that has none of the kept ones.
const MOST_LAYOUTS: usize = 16;
/// The greatest number of logs (computer and channel) that a skimmer remembers for the next chunk,
/// which mostly has records of the same log. If it knows more when that begins, it forgets all.
const MOST_LOGS: usize = 16;

/// Skims one chunk after another: counts the records that no detection can match, and leaves the
/// others to be decoded.
#[derive(Debug)]
pub(in crate::scan) struct Skimmer {
    /// In which chunks the checksum of the records is verified.
    checksums: Checksums,
    /// The period that the user requests matches for. DNS queries in it are counted separately too.
    window: Window,
    /// The search for the literals that detections require of Sysmon's DNS queries.
    queries: WantedData,
    /// The search for queries of Windows' own DNS client or for Sysmon's process events, if the
    /// skimmer is set to look for either.
    others: OtherEvents,
    /// The search for process events beside DNS queries, which does not change what is counted;
    /// `None` if process events are not looked for in this way.
    beside: Option<ProcessesBeside>,
    /// The events of the chunk that are wanted, and that could be read without the decoder (the
    /// `evtx` crate).
    read: ReadEvents,
    /// The template definition that lies first in most chunks, remembered from earlier chunks so
    /// that it need not be read again in each.
    remembered: FirstTemplate,
    /// The template definitions of events that were found so far in the chunk, each with its
    /// offset; `None` for a definition that is not understood.
    events: Vec<(usize, Option<KnownEvent>)>,
    /// The logs (computer and channel) of the records that were counted without being decoded, each
    /// with the EventRecordIDs of those records.
    logs: Vec<KnownLog>,
    /// The number of records in the chunk that were counted without being decoded, and whose header
    /// has another ID than the EventRecordID, as in an exported log.
    renumbered: u64,
    /// The layouts of records found so far: fixed bytes and positions by which similar records are
    /// recognised. Those for the remembered template definition, which lies first in most chunks,
    /// are kept from chunk to chunk.
    layouts: Vec<Layout>,
    /// The index, in `layouts` (the layouts of records found so far), of the layout of the last
    /// record that had one of them. The next record most likely has it too.
    last_layout: usize,
}

impl Skimmer {
    /// Returns a skimmer that decides by `wanted` which DNS queries a detection could match, so
    /// that they must be read. It counts all other records that it understands.
    pub(in crate::scan) fn new(wanted: &[WantedQueries]) -> Self {
        Skimmer {
            checksums: Checksums::default(),
            window: Window::default(),
            queries: WantedData::new(wanted, DNS_QUERY.required().collect()),
            others: OtherEvents::Counted,
            beside: None,
            read: ReadEvents::default(),
            remembered: FirstTemplate::default(),
            events: Vec::new(),
            logs: Vec::new(),
            renumbered: 0,
            layouts: Vec::new(),
            last_layout: 0,
        }
    }

    /// Returns the skimmer, set to also choose for decoding those queries of Windows' own DNS
    /// client that `wanted` describes.
    pub(in crate::scan) fn leaving_dns_client(self, wanted: &[WantedQueries]) -> Self {
        Skimmer { others: OtherEvents::DnsClient(WantedData::new(wanted, Vec::new())), ..self }
    }

    /// Returns the skimmer, set to look for those of Sysmon's process events that `search`
    /// describes, in place of queries of Windows' own DNS client. Events that must be read are read
    /// directly or, if they are unusual, chosen for decoding.
    pub(in crate::scan) fn finding_processes(self, search: &ProcessSearch) -> Self {
        Skimmer { others: OtherEvents::Processes(ProcessFinder::new(search.clone())), ..self }
    }

    /// Returns the skimmer, set to also look for those of Sysmon's process events that `search`
    /// describes. What it counts and which records it chooses for decoding does not change.
    pub(in crate::scan) fn finding_processes_beside(self, search: &ProcessSearch) -> Self {
        Skimmer { beside: Some(ProcessesBeside::new(search.clone())), ..self }
    }

    /// Returns the skimmer, set to verify the records' checksum in chunks that `checksums` chooses.
    pub(in crate::scan) fn verifying(self, checksums: Checksums) -> Self {
        Skimmer { checksums, ..self }
    }

    /// Returns the skimmer, set to also count the DNS queries in the requested period `window`.
    pub(in crate::scan) fn within(self, window: Window) -> Self {
        Skimmer { window, ..self }
    }

    /// Counts, in `tally`, the records of a chunk that need no decoding. Sets `walk`, the list of
    /// the chunk's records that are to be decoded: the counted ones become its gaps. Returns false,
    /// without counting anything, if the chunk is not sound or its events have too much text.
    /// `walk` is then of no use, and callers decode the whole chunk instead.
    pub(in crate::scan) fn skim(&mut self, chunk: &[u8], walk: &mut Walk, tally: &mut Tally) -> bool {
        walk.clear();
        let Some(live) = LiveRecords::of(chunk) else { return false };
        let end = live.end;
        self.begin(chunk, end);
        let mut at = CHUNK_HEADER_SIZE;
        // Where the current sequence of counted records starts.
        let mut counted = at;
        loop {
            at = self.batch(chunk, at, end, walk);
            if at >= end {
                break;
            }
            let Some((range, header)) = whole_record(chunk, at, end) else { return false };
            at = range.end;
            walk.clock.add(range.start as u64, header);
            walk.found += 1;
            if self.record(chunk, end, range.clone(), header) != Some(RecordOutcome::Counted) {
                if counted < range.start {
                    walk.gaps.push(counted..range.start);
                }
                counted = range.end;
                let header_id = header.header_id;
                walk.records.push(RecordSpan { range, header_id, origin: RecordOrigin::InChain });
            }
            if self.read.has_too_much_text() {
                return false;
            }
        }
        if counted < end {
            walk.gaps.push(counted..end);
        }
        walk.checked = self.checksums == Checksums::All || !walk.records.is_empty() || !self.read.is_empty();
        let holds = !walk.checked || live.are_as_written(chunk);
        if holds {
            self.count(tally);
            let is_as_written = || walk.checked || live.are_as_written(chunk);
            self.beside.iter_mut().for_each(|beside| beside.end(chunk, end, is_as_written));
        }
        holds
    }

    /// Removes and returns the events that were read directly, without the decoder (the `evtx`
    /// crate), from the chunk that was passed to [`Skimmer::skim`] last, each with the offset of
    /// its record. Only valid if [`Skimmer::skim`] returned true.
    pub(in crate::scan) fn take_read(&mut self) -> impl Iterator<Item = (usize, Event)> {
        let beside = self.beside.iter_mut().flat_map(ProcessesBeside::take_read);
        self.read.take().chain(beside)
    }

    /// Removes and returns the GUIDs in the process events of the chunk that was passed to
    /// [`Skimmer::skim`] last; empty unless the skimmer is set to read only the GUIDs of process
    /// events. Only valid if [`Skimmer::skim`] returned true.
    pub(in crate::scan) fn take_links(&mut self) -> Vec<ProcessLink> {
        match &mut self.beside {
            Some(beside) => beside.take_links(),
            None => self.others.take_links(),
        }
    }

    /// Returns whether process events are looked for beside DNS queries, but could not all be read
    /// in the chunk that was passed to [`Skimmer::skim`] last. Only valid if [`Skimmer::skim`]
    /// returned true.
    pub(in crate::scan) fn has_unread_processes(&self) -> bool {
        self.beside.as_ref().is_some_and(ProcessesBeside::is_incomplete)
    }

    /// Prepares the skimmer for `chunk`, whose live records end at offset `end`: forgets what is
    /// known only of the chunk before, such as its counts.
    fn begin(&mut self, chunk: &[u8], end: usize) {
        self.read.clear();
        self.renumbered = 0;
        self.last_layout = 0;
        self.queries.data.clear();
        self.others.begin();
        self.beside.iter_mut().for_each(ProcessesBeside::begin);
        if self.logs.len() > MOST_LOGS {
            self.logs.clear();
            self.layouts.clear();
        }
        for log in &mut self.logs {
            log.runs.clear();
        }
        let remembered = self.remembered.find(chunk, end);
        let Some((offset, template)) = remembered else {
            self.layouts.clear();
            self.events.clear();
            return;
        };
        // Another definition may have been at the same position in the chunk before.
        let events = &self.events;
        let is_remembered = |event: &KnownEvent| Arc::ptr_eq(&event.template, &template);
        self.layouts.retain(|layout| {
            let event = events.get(layout.event).and_then(|(_, event)| event.as_ref());
            layout.is_of(offset) && event.is_some_and(is_remembered)
        });
        for layout in &mut self.layouts {
            layout.event = 0;
        }
        self.events.clear();
        self.events.push((offset, Some(KnownEvent::new(template))));
    }

    /// Adds the counts of those records of the chunk that were not decoded to `tally`.
    fn count(&self, tally: &mut Tally) {
        tally.renumbered_records += self.renumbered;
        for log in self.logs.iter().filter(|log| !log.runs.is_empty()) {
            tally.logs.change(&log.computer, &log.channel, |runs| runs.merge(&log.runs));
        }
        for event in self.events.iter().filter_map(|(_, event)| event.as_ref()) {
            if event.counts.records > 0 {
                tally.add_counts(&event.template.computer, event.counts.into(), event.ids());
            }
        }
    }

    /// Counts records from offset `at` in the chunk on, until one has another layout than the last
    /// record (`last_layout`), a detection may want it, or the clock may have gone back before it.
    /// The chunk's live records end at offset `end`. Returns the offset of the first record that
    /// was not counted. This is a function of its own, so that the processor's registers serve its
    /// loop alone.
    #[inline(never)]
    fn batch(&mut self, chunk: &[u8], mut at: usize, end: usize, walk: &mut Walk) -> usize {
        let Skimmer {
            layouts, last_layout, queries, others, beside, events, logs, renumbered, window, ..
        } = self;
        let Some(layout) = layouts.get(*last_layout) else { return at };
        let (Some(log), Some((_, Some(event)))) = (logs.get_mut(layout.log), events.get_mut(layout.event))
        else {
            return at;
        };
        // Either all records of a layout are Sysmon's or none.
        let mut beside = beside.as_mut().filter(|_| layout.sysmon);
        let mut batch = RecordBatch::new(at);
        while let Some((range, header)) = whole_record(chunk, at, end) {
            let Some(skimmed) = layout.read(chunk, content_of(&range)) else { break };
            let may_be_wanted = (skimmed.is_dns_query() && !queries.is_unwanted(chunk, &skimmed, end))
                || others.may_want(&skimmed);
            let counts = &mut event.counts.queries;
            if may_be_wanted || !batch.take(&skimmed, header, &mut log.runs, counts, window) {
                break;
            }
            at = range.end;
            if let Some(beside) = &mut beside {
                let record = ProcessRecord { chunk, end, template: &event.template, skimmed: &skimmed };
                beside.add(record, content_of(&range));
            }
        }
        walk.found += usize::try_from(batch.records()).unwrap_or(usize::MAX);
        *renumbered += batch.end(layout.sysmon, &mut event.counts, &mut log.runs, &mut walk.clock);
        at
    }

    /// Examines one record by itself: counts it, reads it if it is a wanted event, or chooses
    /// it for decoding. `None` if anything about the record is not understood; it is then decoded.
    fn record(
        &mut self,
        chunk: &[u8],
        end: usize,
        range: Range<usize>,
        header: RecordHeader,
    ) -> Option<RecordOutcome> {
        let content = content_of(&range);
        let (event, log, skimmed) = match self.by_layout(chunk, &content) {
            Some(known) => known,
            None => self.value_by_value(chunk, end, content.clone())?,
        };
        if skimmed.is_dns_query()
            && let DataCheck::Wanted(found) = self.queries.find(chunk, skimmed.data.clone()?, end)?
        {
            let Some(query) = self.read_query(chunk, end, content.start, event, &skimmed, &found) else {
                return Some(RecordOutcome::Decode);
            };
            self.read.push(range.start, query);
        }
        if self.others.may_want(&skimmed) && self.others.want(chunk, &skimmed, end)? {
            let template = &self.events.get(event)?.1.as_ref()?.template;
            let record = ProcessRecord { chunk, end, template, skimmed: &skimmed };
            let Some(read) = self.others.read(record, content.clone()) else {
                return Some(RecordOutcome::Decode);
            };
            self.read.push(range.start, read);
        }
        let runs = &mut self.logs.get_mut(log)?.runs;
        let event = self.events.get_mut(event)?.1.as_mut()?;
        event.counts.add(&skimmed, &self.window);
        if let Some(beside) = self.beside.as_mut().filter(|_| skimmed.sysmon) {
            let record = ProcessRecord { chunk, end, template: &event.template, skimmed: &skimmed };
            beside.add(record, content);
        }
        runs.add(skimmed.event_record_id, Some(skimmed.time));
        self.renumbered += u64::from(header.header_id != skimmed.event_record_id);
        Some(RecordOutcome::Counted)
    }

    /// Reads a DNS query that a detection wants, without the decoder (the `evtx` crate). The
    /// content of its record begins at offset `content` in the chunk, `event` is the index of its
    /// template definition among those found in the chunk, and the chunk's live records end at
    /// offset `end`. `None` if anything about the query is unusual, so that it must be decoded.
    fn read_query(
        &self,
        chunk: &[u8],
        end: usize,
        content: usize,
        event: usize,
        skimmed: &SkimmedRecord,
        found: &WantedValues<'_>,
    ) -> Option<Event> {
        let template = &self.events.get(event)?.1.as_ref()?.template;
        let places = found.places(&self.queries, chunk, end)?;
        direct::event(template, &Values::head(chunk, content)?, skimmed, places, &found.values)
    }

    /// Reads a record by the layout of an earlier record. Returns the index of its template
    /// definition among those found in the chunk, the index of its log among the known logs, and
    /// what was read. `None` if the record has no known layout.
    fn by_layout(&mut self, chunk: &[u8], content: &Range<usize>) -> Option<(usize, usize, SkimmedRecord)> {
        let mut layouts = self.layouts.iter().enumerate();
        let (place, layout, skimmed) = layouts
            .find_map(|(place, layout)| Some((place, layout, layout.read(chunk, content.clone())?)))?;
        self.last_layout = place;
        Some((layout.event, layout.log, skimmed))
    }

    /// Reads a record of any layout, and keeps its layout for the records that follow. Returns the
    /// index of its template definition among those found in the chunk, the index of its log among
    /// the known logs, and what was read. `None` if anything about the record is not understood.
    fn value_by_value(
        &mut self,
        chunk: &[u8],
        end: usize,
        content: Range<usize>,
    ) -> Option<(usize, usize, SkimmedRecord)> {
        let read = |offset| self.remembered.read(chunk, offset, end).map(KnownEvent::new);
        let values = Values::head(chunk, content.start)?;
        let place = known(&mut self.events, values.definition, read)?;
        let template = &self.events.get(place)?.1.as_ref()?.template;
        let skimmed = SkimmedRecord::read(template, &values, content.end)?;
        let log = known_log(&mut self.logs, template, &values)?;
        if self.layouts.len() < MOST_LAYOUTS
            && let Some(layout) =
                Layout::of((place, log, template), chunk, content.start, &values, skimmed.sysmon)
        {
            self.last_layout = self.layouts.len();
            self.layouts.push(layout);
        }
        Some((place, log, skimmed))
    }
}

/// The result of examining one record without decoding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RecordOutcome {
    /// The record is counted and need not be decoded. If it is an event that is wanted,
    /// its fields have been read directly.
    Counted,
    /// The record must be decoded: its event is wanted, and could not be read directly.
    Decode,
}

#[cfg(test)]
mod tests {
    use super::*;
    use dnsweep_samples::{Event, LogWriter, Style};

    /// Returns a chunk with two DNS queries of each of these computers.
    fn chunk(computers: &[&str]) -> Vec<u8> {
        let mut writer = LogWriter::new(Style::Export);
        for computer in computers {
            for _ in 0..2 {
                writer.push(&Event::dns_query("example.com", "a.exe").on(computer)).unwrap();
            }
        }
        writer.finish().split_off(4096)
    }

    #[test]
    fn what_is_as_usual_needs_no_decoder() {
        for style in [Style::Export, Style::Live] {
            let mut writer = LogWriter::new(style);
            for name in ["a.example", "b.example", "c.example"] {
                writer.push(&Event::dns_query(name, "a.exe")).unwrap();
            }
            let chunk = writer.finish().split_off(4096);
            // Every query is wanted.
            let mut skimmer = Skimmer::new(&[WantedQueries::default()]);
            let mut walk = Walk::default();
            assert!(skimmer.skim(&chunk[..65536], &mut walk, &mut Tally::default()));
            assert!(walk.records.is_empty() && walk.checked, "{style:?}");
            let read: Vec<_> =
                skimmer.take_read().map(|(_, query)| query.query_name().unwrap().to_owned()).collect();
            assert_eq!(read, ["a.example", "b.example", "c.example"]);
        }
    }

    #[test]
    fn only_layouts_of_the_remembered_definition_are_kept() {
        let mut skimmer = Skimmer::new(&[]);
        assert!(skimmer.skim(&chunk(&["A", "B", "C"]), &mut Walk::default(), &mut Tally::default()));
        assert_eq!(skimmer.layouts.len(), 3);
        // Whatever index the definition had in the chunk before, it is the first in the next one.
        skimmer.events.insert(0, (0, None));
        for layout in &mut skimmer.layouts {
            layout.event += 1;
        }
        let next = chunk(&["A", "D", "E"]);
        skimmer.begin(&next, next.len());
        let kept: Vec<(usize, bool)> =
            skimmer.layouts.iter().map(|layout| (layout.event, layout.is_of(skimmer.events[0].0))).collect();
        assert_eq!(kept, [(0, true)]);
    }

    #[test]
    fn layouts_of_another_definition_at_the_same_place_are_not_kept() {
        let mut skimmer = Skimmer::new(&[]);
        let chunk = chunk(&["A"]);
        assert!(skimmer.skim(&chunk, &mut Walk::default(), &mut Tally::default()));
        skimmer.begin(&chunk, chunk.len());
        assert_eq!(skimmer.layouts.len(), 1, "the same definition");
        // A definition that was not remembered, as its names lie elsewhere.
        let (offset, event) = &mut skimmer.events[0];
        assert!(skimmer.layouts[0].is_of(*offset));
        *event = Some(KnownEvent::new(Arc::default()));
        skimmer.begin(&chunk, chunk.len());
        assert!(skimmer.layouts.is_empty());
    }
}
