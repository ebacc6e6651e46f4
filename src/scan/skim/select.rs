//! Which records need decoding: a skim over a chunk's records that counts most of them without.
//!
//! Decoding costs a hundred times what reading costs. All that the ledger needs of a record (who
//! logged it, where, when, as which event) lies in a few bytes whose place its template tells; and
//! a DNS query can match only if its fields hold the literals that the detections cannot do
//! without. The skim errs only towards decoding: a record of which anything that it looks at is not
//! as usual is decoded.
//!
//! What it makes of a chunk is only kept if the checksum of the chunk's header holds, its records
//! follow one another without a gap and, where any of them is to be decoded or all checksums are to
//! be verified, that of the records holds too. Its twin is to decode everything, and tests compare
//! the two: of a log as Windows wrote it they tell the same, and with all checksums verified, of
//! one that was damaged in any way, too. Of a forged one, whose checksums were made right, and of a
//! damaged one whose checksums were not looked at, they find the same matches, but a record that
//! could not be decoded, and that nothing wants, is counted as if it could.

use std::ops::Range;
use std::sync::Arc;

use crate::event::{DNS_QUERY, Event, Window};
use crate::ledger::clock::Written;
use crate::ledger::tally::Tally;
use crate::scan::decode::direct;
use crate::scan::evtx::chunk::{
    CHUNK_HEADER_SIZE, Checksums, LiveRecords, RECORD_HEADER_SIZE, SIZE_COPY_SIZE, whole_record,
};
use crate::scan::evtx::value::Values;
use crate::scan::evtx::walk::{Reached, RecordSpan, Walk};
use crate::scan::skim::known::{Finding, Found, KnownEvent, KnownLog, WantedData, known, known_log};
use crate::scan::skim::layout::Layout;
use crate::scan::skim::needle::Wanted;
use crate::scan::skim::remembered::Remembered;
use crate::scan::skim::seen::Seen;
use crate::scan::skim::stretch::Stretch;

/// The layouts that are kept of a chunk: more would cost each record that is like none of them a
/// comparison.
const MOST_LAYOUTS: usize = 16;
/// Bytes of text of a chunk's queries that are read without the decoder: several times what the 64
/// KiB of a real one say. A definition can say the same text for each of a chunk's records: where
/// there is more, all of the chunk is decoded, within the decoder's bound.
const MOST_TOLD_TEXT: usize = 1 << 18;
/// The logs that are kept for the chunks that follow: mostly they hold records of the same one.
const MOST_LOGS: usize = 16;

/// Skims chunks, one after the other.
#[derive(Debug)]
pub(in crate::scan) struct Skimmer {
    checksums: Checksums,
    /// The period that was asked for.
    window: Window,
    /// What is wanted of Sysmon's DNS queries.
    queries: WantedData,
    /// What is wanted of the queries of Windows' own DNS client; `None` where these are counted
    /// only.
    dns_client: Option<WantedData>,
    /// The DNS queries that are wanted and could be read without the decoder, with the places of
    /// their records in the chunk.
    told: Vec<(usize, Event)>,
    /// How many bytes of text these have.
    told_text: usize,
    remembered: Remembered,
    /// The definitions of events met so far in the chunk, by their offsets; `None` for one that is
    /// not understood.
    events: Vec<(usize, Option<KnownEvent>)>,
    /// The logs that counted records belong to.
    logs: Vec<KnownLog>,
    /// How many counted records of the chunk have headers that were numbered anew.
    renumbered: u64,
    /// Layouts of records met so far. Those of the remembered definition are kept from chunk to
    /// chunk.
    layouts: Vec<Layout>,
    /// The place of the one that the last record had: the next record most likely has it too.
    last_layout: usize,
}

impl Skimmer {
    /// One that leaves for decoding what these want.
    pub(in crate::scan) fn new(wanted: &[Wanted]) -> Self {
        Skimmer {
            checksums: Checksums::default(),
            window: Window::default(),
            queries: WantedData::new(wanted, DNS_QUERY.required().collect()),
            dns_client: None,
            told: Vec::new(),
            told_text: 0,
            remembered: Remembered::default(),
            events: Vec::new(),
            logs: Vec::new(),
            renumbered: 0,
            layouts: Vec::new(),
            last_layout: 0,
        }
    }

    /// This skimmer, which also leaves those queries of Windows' own DNS client for decoding that
    /// `wanted` describes.
    pub(in crate::scan) fn leaving_dns_client(self, wanted: &[Wanted]) -> Self {
        Skimmer { dns_client: Some(WantedData::new(wanted, Vec::new())), ..self }
    }

    /// This skimmer, which verifies the checksums of the records of the chunks that `checksums`
    /// names.
    pub(in crate::scan) fn verifying(self, checksums: Checksums) -> Self {
        Skimmer { checksums, ..self }
    }

    /// This skimmer, which also counts how many DNS queries lie in a period.
    pub(in crate::scan) fn within(self, window: Window) -> Self {
        Skimmer { window, ..self }
    }

    /// Walks a sound chunk and counts those of its records that need no decoding: they are gaps of
    /// the walk. Returns false, and the walk is of no use, if the chunk is not sound.
    pub(in crate::scan) fn skim(&mut self, chunk: &[u8], walk: &mut Walk, tally: &mut Tally) -> bool {
        walk.clear();
        let Some(live) = LiveRecords::of(chunk) else { return false };
        let end = live.end;
        self.begin(chunk, end);
        let mut at = CHUNK_HEADER_SIZE;
        // Where the records begin that were counted last.
        let mut counted = at;
        loop {
            at = self.stretch(chunk, at, end, walk);
            if at >= end {
                break;
            }
            let Some((range, written)) = whole_record(chunk, at, end) else { return false };
            at = range.end;
            walk.clock.add(range.start as u64, written);
            walk.found += 1;
            if self.record(chunk, end, range.clone(), written) != Some(Verdict::Counted) {
                if counted < range.start {
                    walk.gaps.push(counted..range.start);
                }
                counted = range.end;
                let header_id = written.header_id;
                walk.records.push(RecordSpan { range, header_id, reached: Reached::InChain });
            }
            if self.told_text > MOST_TOLD_TEXT {
                return false;
            }
        }
        if counted < end {
            walk.gaps.push(counted..end);
        }
        walk.checked = self.checksums == Checksums::All || !walk.records.is_empty() || !self.told.is_empty();
        let holds = !walk.checked || live.are_as_written(chunk);
        if holds {
            self.count(tally);
        }
        holds
    }

    /// The DNS queries of the chunk that was skimmed last, if it is sound, that need no decoding
    /// any more, with the places of their records.
    pub(in crate::scan) fn take_told(&mut self) -> impl Iterator<Item = (usize, Event)> {
        self.told.drain(..)
    }

    /// Gets ready for a chunk whose live records end at `end`.
    fn begin(&mut self, chunk: &[u8], end: usize) {
        self.told.clear();
        self.told_text = 0;
        self.renumbered = 0;
        self.last_layout = 0;
        self.queries.data.clear();
        if let Some(dns_client) = &mut self.dns_client {
            dns_client.data.clear();
        }
        if self.logs.len() > MOST_LOGS {
            self.logs.clear();
            self.layouts.clear();
        }
        for log in &mut self.logs {
            log.runs.clear();
        }
        let remembered = self.remembered.again(chunk, end);
        let Some((offset, template)) = remembered else {
            self.layouts.clear();
            self.events.clear();
            return;
        };
        // Another definition may have lain at the same place in the chunk before.
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

    /// Adds what was counted to the tally.
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

    /// Counts records from `at` on for as long as each is laid out like the last one, and nothing
    /// can want it. Returns where the next record begins. By itself, so that the processor's
    /// registers are this loop's alone.
    #[inline(never)]
    fn stretch(&mut self, chunk: &[u8], mut at: usize, end: usize, walk: &mut Walk) -> usize {
        let Skimmer { layouts, last_layout, queries, dns_client, events, logs, renumbered, window, .. } =
            self;
        let Some(layout) = layouts.get(*last_layout) else { return at };
        let (Some(log), Some((_, Some(event)))) = (logs.get_mut(layout.log), events.get_mut(layout.event))
        else {
            return at;
        };
        let mut stretch = Stretch::new(at);
        while let Some((range, written)) = whole_record(chunk, at, end) {
            let Some(seen) = layout.see(chunk, content(&range)) else { break };
            let may_be_wanted = (seen.is_dns_query() && !queries.is_unwanted(chunk, &seen, end))
                || (dns_client.is_some() && seen.may_be_dns_client_query());
            let counts = &mut event.counts.queries;
            if may_be_wanted || !stretch.take(&seen, written, &mut log.runs, counts, window) {
                break;
            }
            at = range.end;
        }
        walk.found += usize::try_from(stretch.records()).unwrap_or(usize::MAX);
        *renumbered += stretch.end(layout.sysmon, &mut event.counts, &mut log.runs, &mut walk.clock);
        at
    }

    /// Looks at a record by itself. `None` where anything is not understood.
    fn record(&mut self, chunk: &[u8], end: usize, range: Range<usize>, written: Written) -> Option<Verdict> {
        let content = content(&range);
        let (event, log, seen) = match self.alike(chunk, &content) {
            Some(known) => known,
            None => self.value_by_value(chunk, end, content.clone())?,
        };
        if seen.is_dns_query()
            && let Finding::Wanted(found) = self.queries.find(chunk, seen.data.clone()?, end)?
        {
            let Some(query) = self.tell(chunk, end, content.start, event, &seen, &found) else {
                return Some(Verdict::Decode);
            };
            self.told_text += query.text_length();
            self.told.push((range.start, query));
        }
        if let Some(dns_client) = &mut self.dns_client
            && seen.may_be_dns_client_query()
            && matches!(dns_client.find(chunk, seen.data.clone()?, end)?, Finding::Wanted(_))
        {
            return Some(Verdict::Decode);
        }
        let runs = &mut self.logs.get_mut(log)?.runs;
        self.events.get_mut(event)?.1.as_mut()?.counts.add(&seen, &self.window);
        runs.add(seen.event_record_id, Some(seen.time));
        self.renumbered += u64::from(written.header_id != seen.event_record_id);
        Some(Verdict::Counted)
    }

    /// Reads a wanted DNS query, if it is as usual.
    fn tell(
        &self,
        chunk: &[u8],
        end: usize,
        content: usize,
        event: usize,
        seen: &Seen,
        found: &Found<'_>,
    ) -> Option<Event> {
        let template = &self.events.get(event)?.1.as_ref()?.template;
        let places = found.places(&self.queries, chunk, end)?;
        direct::event(template, &Values::head(chunk, content)?, seen, places, &found.values)
    }

    /// Looks at a record that is laid out like one before it: which definition it has, which log it
    /// belongs to, and what was seen.
    fn alike(&mut self, chunk: &[u8], content: &Range<usize>) -> Option<(usize, usize, Seen)> {
        let mut layouts = self.layouts.iter().enumerate();
        let (place, layout, seen) =
            layouts.find_map(|(place, layout)| Some((place, layout, layout.see(chunk, content.clone())?)))?;
        self.last_layout = place;
        Some((layout.event, layout.log, seen))
    }

    /// Looks at a record of any layout.
    fn value_by_value(
        &mut self,
        chunk: &[u8],
        end: usize,
        content: Range<usize>,
    ) -> Option<(usize, usize, Seen)> {
        let read = |offset| self.remembered.read(chunk, offset, end).map(KnownEvent::new);
        let values = Values::head(chunk, content.start)?;
        let place = known(&mut self.events, values.definition, read)?;
        let template = &self.events.get(place)?.1.as_ref()?.template;
        let seen = Seen::read(template, &values, content.end)?;
        let log = known_log(&mut self.logs, template, &values)?;
        if self.layouts.len() < MOST_LAYOUTS
            && let Some(layout) =
                Layout::of((place, log, template), chunk, content.start, &values, seen.sysmon)
        {
            self.last_layout = self.layouts.len();
            self.layouts.push(layout);
        }
        Some((place, log, seen))
    }
}

/// Where the content of a record lies.
fn content(record: &Range<usize>) -> Range<usize> {
    record.start + RECORD_HEADER_SIZE..record.end - SIZE_COPY_SIZE
}

/// What the skim makes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is counted; there is nothing in it that a detection could want.
    Counted,
    /// It must be decoded.
    Decode,
}

#[cfg(test)]
mod tests {
    use super::*;
    use dnsweep_samples::{Event, LogWriter, Style};

    /// A chunk with two records of each of these computers.
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
            let mut skimmer = Skimmer::new(&[Wanted::default()]);
            let mut walk = Walk::default();
            assert!(skimmer.skim(&chunk[..65536], &mut walk, &mut Tally::default()));
            assert!(walk.records.is_empty() && walk.checked, "{style:?}");
            let told: Vec<_> =
                skimmer.take_told().map(|(_, query)| query.query_name().unwrap().to_owned()).collect();
            assert_eq!(told, ["a.example", "b.example", "c.example"]);
        }
    }

    #[test]
    fn only_layouts_of_the_remembered_definition_are_kept() {
        let mut skimmer = Skimmer::new(&[]);
        assert!(skimmer.skim(&chunk(&["A", "B", "C"]), &mut Walk::default(), &mut Tally::default()));
        assert_eq!(skimmer.layouts.len(), 3);
        // Whatever place the definition had among those of the chunk before, it is the first of the
        // next.
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
        // One that was not remembered, as its names lie elsewhere.
        let (offset, event) = &mut skimmer.events[0];
        assert!(skimmer.layouts[0].is_of(*offset));
        *event = Some(KnownEvent::new(Arc::default()));
        skimmer.begin(&chunk, chunk.len());
        assert!(skimmer.layouts.is_empty());
    }
}
