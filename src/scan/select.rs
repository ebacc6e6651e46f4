//! Which records need decoding: a skim over a chunk's records that counts most of them without.
//!
//! Decoding costs a hundred times what reading costs. All that the ledger needs of a record (who logged it,
//! where, when, as which event) lies in a few bytes whose place its template tells; and a DNS
//! query can match only if its fields hold the literals that the detections cannot do without. The skim errs
//! only towards decoding: a record of which anything that it looks at is not as usual is decoded.
//!
//! It is trusted because what it makes of a chunk is only kept if its checksums hold and its records follow one
//! another without a gap. Its twin is to decode everything, and a test compares the two: of a log as Windows wrote it,
//! or damaged in any way, they tell the same; of a forged one, whose checksums were made right, they find the same matches,
//! but a record that could not be decoded, and that nothing wants, is counted as if it could.

use std::ops::Range;
use std::sync::Arc;

use crate::event::{EventTime, Span};
use crate::numbering::Runs;
use crate::tally::{RecordCounts, RecordIds, Tally};

use super::binxml::TEXT;
use super::chunk::{
    CHUNK_HEADER_SIZE, RECORD_HEADER_SIZE, Reached, RecordSpan, RecordsChecksum, SIZE_COPY_SIZE, Walk,
    whole_record,
};
use super::layout::Layout;
use super::log::u64_at;
use super::needle::{FieldPlaces, Needles, Wanted};
use super::remembered::Remembered;
use super::seen::{Seen, is_plain, plain};
use super::template::{EventTemplate, data_template};
use super::value::Values;

/// The layouts that are kept of a chunk: more would cost each record that is like none of them a comparison.
const MOST_LAYOUTS: usize = 16;
/// The logs that are kept for the chunks that follow: mostly they hold records of the same one.
const MOST_LOGS: usize = 16;

/// Skims chunks, one after the other.
#[derive(Debug)]
pub(super) struct Skimmer {
    /// What is wanted of Sysmon's DNS queries.
    queries: WantedData,
    /// What is wanted of the queries of Windows' own DNS client; `None` where these are counted only.
    dns_client: Option<WantedData>,
    remembered: Remembered,
    /// The definitions of events met so far in the chunk, by their offsets; `None` for one that is not understood.
    events: Vec<(usize, Option<KnownEvent>)>,
    /// The logs that counted records belong to.
    logs: Vec<KnownLog>,
    /// Layouts of records met so far, the last one met first. Those of the remembered definition are kept from chunk to chunk.
    layouts: Vec<Layout>,
}

impl Skimmer {
    /// One that leaves for decoding what these want.
    pub(super) fn new(wanted: &[Wanted]) -> Self {
        Skimmer {
            queries: WantedData::new(wanted),
            dns_client: None,
            remembered: Remembered::default(),
            events: Vec::new(),
            logs: Vec::new(),
            layouts: Vec::new(),
        }
    }

    /// The same, which leaves for decoding what these want of the queries of Windows' own DNS client, too.
    pub(super) fn leaving_dns_client(self, wanted: &[Wanted]) -> Self {
        Skimmer { dns_client: Some(WantedData::new(wanted)), ..self }
    }

    /// Walks a sound chunk and counts those of its records that need no decoding: they are gaps of the walk. Returns
    /// false, and the walk is of no use, if the chunk is not sound.
    pub(super) fn skim(&mut self, chunk: &[u8], walk: &mut Walk, tally: &mut Tally) -> bool {
        walk.clear();
        let Some(mut checksum) = RecordsChecksum::begin(chunk) else { return false };
        let end = checksum.end();
        self.begin(chunk, end);
        let mut at = CHUNK_HEADER_SIZE;
        // Where the records begin that were counted last.
        let mut counted = at;
        while at < end {
            checksum.run_ahead(at);
            let Some(range) = whole_record(chunk, at, end) else { return false };
            at = range.end;
            walk.note_written(chunk, range.start);
            walk.found += 1;
            if self.record(chunk, end, range.clone()) != Some(Verdict::Counted) {
                if counted < range.start {
                    walk.gaps.push(counted..range.start);
                }
                counted = range.end;
                let header_id = u64_at(chunk, range.start + 8).unwrap_or(0);
                walk.records.push(RecordSpan { range, header_id, reached: Reached::InChain });
            }
        }
        if counted < end {
            walk.gaps.push(counted..end);
        }
        let holds = checksum.holds();
        if holds {
            self.count(tally);
        }
        holds
    }

    /// Gets ready for a chunk whose live records end at `end`.
    fn begin(&mut self, chunk: &[u8], end: usize) {
        self.events.clear();
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
        match self.remembered.again(chunk, end) {
            Some((offset, template)) => {
                self.events.push((offset, Some(KnownEvent { template, counts: Counts::NONE })));
                self.layouts.retain(|layout| layout.is_of(offset));
                for layout in &mut self.layouts {
                    layout.event = 0;
                }
            }
            None => self.layouts.clear(),
        }
    }

    /// Adds what was counted to the tally.
    fn count(&self, tally: &mut Tally) {
        for log in self.logs.iter().filter(|log| !log.runs.is_empty()) {
            tally.logs.change(&log.computer, &log.channel, |runs| runs.merge(&log.runs));
        }
        for event in self.events.iter().filter_map(|(_, event)| event.as_ref()) {
            if event.counts.records > 0 {
                tally.add_counts(&event.template.computer, event.counts.into(), event.ids());
            }
        }
    }

    /// `None` where anything is not understood.
    fn record(&mut self, chunk: &[u8], end: usize, range: Range<usize>) -> Option<Verdict> {
        let content = range.start + RECORD_HEADER_SIZE..range.end - SIZE_COPY_SIZE;
        let (event, log, seen) = match self.alike(chunk, content.clone()) {
            Some(known) => known,
            None => self.value_by_value(chunk, end, content)?,
        };
        if seen.is_dns_query() && self.queries.hold(chunk, seen.data.clone()?, end)? {
            return Some(Verdict::Decode);
        }
        if let Some(dns_client) = &mut self.dns_client
            && seen.may_be_dns_client_query()
            && dns_client.hold(chunk, seen.data.clone()?, end)?
        {
            return Some(Verdict::Decode);
        }
        let runs = &mut self.logs.get_mut(log)?.runs;
        self.events.get_mut(event)?.1.as_mut()?.counts.add(&seen);
        runs.add(seen.event_record_id, Some(seen.time));
        Some(Verdict::Counted)
    }

    /// Looks at a record that is laid out like one before it: which definition it has, which log it belongs to, and what
    /// was seen.
    fn alike(&mut self, chunk: &[u8], content: Range<usize>) -> Option<(usize, usize, Seen)> {
        for (place, layout) in self.layouts.iter().enumerate() {
            if let Some(seen) = layout.see(chunk, content.clone()) {
                let (event, log) = (layout.event, layout.log);
                if place > 0 {
                    // The next record is most likely like this one.
                    self.layouts.swap(0, place);
                }
                return Some((event, log, seen));
            }
        }
        None
    }

    /// Looks at a record of any layout.
    fn value_by_value(
        &mut self,
        chunk: &[u8],
        end: usize,
        content: Range<usize>,
    ) -> Option<(usize, usize, Seen)> {
        let read = |offset| {
            let template = self.remembered.read(chunk, offset, end)?;
            Some(KnownEvent { template, counts: Counts::NONE })
        };
        let values = Values::head(chunk, content.start)?;
        let place = known(&mut self.events, values.definition, read)?;
        let template = &self.events.get(place)?.1.as_ref()?.template;
        let seen = Seen::read(template, &values, content.end)?;
        let log = known_log(&mut self.logs, template, &values)?;
        if self.layouts.len() < MOST_LAYOUTS
            && let Some(layout) =
                Layout::of((place, log, template), chunk, content.start, &values, seen.sysmon)
        {
            self.layouts.push(layout);
        }
        Some((place, log, seen))
    }
}

/// What is wanted of the data of a kind of event.
#[derive(Debug)]
struct WantedData {
    needles: Needles,
    /// The definitions of `EventData` met so far in the chunk, by their offsets: where the fields lie that are looked into; `None`
    /// for one that is not understood.
    data: Vec<(usize, Option<FieldPlaces>)>,
}

/// A definition of an event, and what was counted of its records.
#[derive(Debug)]
struct KnownEvent {
    template: Arc<EventTemplate>,
    counts: Counts,
}

/// A log, and the numbers of its records that were counted.
#[derive(Debug)]
struct KnownLog {
    computer: String,
    channel: String,
    runs: Runs,
}

/// Counts of one definition's records, as plain numbers.
#[derive(Debug, Clone, Copy)]
struct Counts {
    records: u64,
    sysmon_records: u64,
    dns_queries: u64,
    first_time: EventTime,
    last_time: EventTime,
    first_id: u64,
    last_id: u64,
}

/// What the skim makes of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It is counted; there is nothing in it that a detection could want.
    Counted,
    /// It must be decoded.
    Decode,
}

/// The place among the known logs of the one that a record of that definition belongs to.
fn known_log(logs: &mut Vec<KnownLog>, template: &EventTemplate, values: &Values<'_>) -> Option<usize> {
    let substituted = match template.channel {
        None => None,
        Some(index) => Some(values.bytes(index, TEXT)?),
    };
    let is_known = |log: &KnownLog| {
        log.computer == template.computer
            && match substituted {
                None => log.channel == template.channel_text,
                Some(text) => is_plain(text, &log.channel),
            }
    };
    if let Some(known) = logs.iter().position(is_known) {
        return Some(known);
    }
    let channel = match substituted {
        None => template.channel_text.clone(),
        Some(text) => plain(text)?,
    };
    logs.push(KnownLog { computer: template.computer.clone(), channel, runs: Runs::default() });
    Some(logs.len() - 1)
}

impl WantedData {
    fn new(wanted: &[Wanted]) -> Self {
        WantedData { needles: Needles::new(wanted), data: Vec::new() }
    }

    /// Whether a detection could want the event whose `EventData` fills `range`.
    fn hold(&mut self, chunk: &[u8], range: Range<usize>, records_end: usize) -> Option<bool> {
        let WantedData { needles, data } = self;
        let values = Values::read(chunk, range)?;
        let read = |offset| Some(needles.places(&data_template(chunk, offset, records_end)?));
        let place = known(data, values.definition, read)?;
        needles.want(data.get(place)?.1.as_ref()?, &values)
    }
}

/// The place among those known of the definition at `offset`, which is read if it is new. It must lie among the live
/// records, which the chunk's checksum covers.
fn known<T>(
    definitions: &mut Vec<(usize, Option<T>)>,
    offset: usize,
    read: impl FnOnce(usize) -> Option<T>,
) -> Option<usize> {
    let place = match definitions.iter().position(|(known, _)| *known == offset) {
        Some(place) => place,
        None if offset < CHUNK_HEADER_SIZE => return None,
        None => {
            definitions.push((offset, read(offset)));
            definitions.len() - 1
        }
    };
    Some(place)
}

impl KnownEvent {
    fn ids(&self) -> RecordIds {
        RecordIds { first: Some(self.counts.first_id), last: Some(self.counts.last_id) }
    }
}

impl Counts {
    const NONE: Counts = Counts {
        records: 0,
        sysmon_records: 0,
        dns_queries: 0,
        first_time: EventTime::MAX,
        last_time: EventTime::MIN,
        first_id: u64::MAX,
        last_id: 0,
    };

    fn add(&mut self, seen: &Seen) {
        self.records += 1;
        self.sysmon_records += u64::from(seen.sysmon);
        self.dns_queries += u64::from(seen.is_dns_query());
        self.first_time = self.first_time.min(seen.time);
        self.last_time = self.last_time.max(seen.time);
        self.first_id = self.first_id.min(seen.event_record_id);
        self.last_id = self.last_id.max(seen.event_record_id);
    }
}

/// For counts of at least one record.
impl From<Counts> for RecordCounts {
    fn from(counts: Counts) -> Self {
        RecordCounts {
            records: counts.records,
            sysmon_records: counts.sysmon_records,
            dns_queries: counts.dns_queries,
            span: Span { first: Some(counts.first_time), last: Some(counts.last_time) },
        }
    }
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
    fn only_layouts_of_the_remembered_definition_are_kept() {
        let mut skimmer = Skimmer::new(&[]);
        assert!(skimmer.skim(&chunk(&["A", "B", "C"]), &mut Walk::default(), &mut Tally::default()));
        assert_eq!(skimmer.layouts.len(), 3);
        // Whatever place the definition had among those of the chunk before, it is the first of the next.
        for layout in &mut skimmer.layouts {
            layout.event += 1;
        }
        let next = chunk(&["A", "D", "E"]);
        skimmer.begin(&next, next.len());
        let kept: Vec<(usize, bool)> =
            skimmer.layouts.iter().map(|layout| (layout.event, layout.is_of(skimmer.events[0].0))).collect();
        assert_eq!(kept, [(0, true)]);
    }
}
