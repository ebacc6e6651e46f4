//! Which records need decoding: a skim over a chunk's records that counts most of them without.
//!
//! Decoding costs a hundred times what reading costs. All that the ledger needs of a record (who logged it,
//! where, when, as which event) lies in a few bytes whose place its template tells; and a DNS
//! query can match only if its fields hold the literals that the detections cannot do without. The skim errs
//! only towards decoding: a record of which anything that it looks at is not as usual is decoded.
//!
//! It is trusted because it is only given chunks whose checksums hold and whose records follow one
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
    CHUNK_HEADER_SIZE, RECORD_HEADER_SIZE, Reached, RecordSpan, SIZE_COPY_SIZE, Walk, sound_end, whole_record,
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
    needles: Needles,
    /// What is wanted of the queries of Windows' own DNS client; `None` where these are counted only.
    dns_client: Option<Needles>,
    remembered: Remembered,
    /// The logs that counted records belong to.
    logs: Vec<KnownLog>,
}

impl Skimmer {
    /// One that leaves for decoding what these want.
    pub(super) fn new(wanted: &[Wanted]) -> Self {
        Skimmer {
            needles: Needles::new(wanted),
            dns_client: None,
            remembered: Remembered::default(),
            logs: Vec::new(),
        }
    }

    /// The same, which leaves for decoding what these want of the queries of Windows' own DNS client, too.
    pub(super) fn leaving_dns_client(self, wanted: &[Wanted]) -> Self {
        Skimmer { dns_client: Some(Needles::new(wanted)), ..self }
    }

    /// Walks a sound chunk and counts those of its records that need no decoding: they are gaps of the walk. Does nothing and
    /// returns false if the chunk is not sound.
    pub(super) fn skim(&mut self, chunk: &[u8], walk: &mut Walk, tally: &mut Tally) -> bool {
        walk.clear();
        let Some(end) = sound_end(chunk) else { return false };
        let Skimmer { needles, dns_client, remembered, logs } = self;
        forget(logs);
        // Room at once for what chunks mostly have.
        let (events, data) = (Vec::with_capacity(16), Vec::with_capacity(4));
        let layouts = Vec::with_capacity(MOST_LAYOUTS);
        let queries = WantedData { needles, data };
        let dns_client = dns_client.as_mut().map(|needles| WantedData { needles, data: Vec::new() });
        let mut skim = Skim { chunk, end, queries, dns_client, remembered, events, logs, layouts };
        let mut at = CHUNK_HEADER_SIZE;
        // Where the records begin that were counted last.
        let mut counted = at;
        while at < end {
            let Some(range) = whole_record(chunk, at, end) else { return false };
            at = range.end;
            walk.note_written(chunk, range.start);
            walk.found += 1;
            if skim.record(range.clone()) != Some(Verdict::Counted) {
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
        for log in skim.logs.iter().filter(|log| !log.runs.is_empty()) {
            tally.logs.change(&log.computer, &log.channel, |runs| runs.merge(&log.runs));
        }
        for event in skim.events.into_iter().filter_map(|(_, event)| event) {
            if event.counts.records > 0 {
                tally.add_counts(&event.template.computer, event.counts.into(), event.ids());
            }
        }
        true
    }
}

/// A skim over one chunk.
struct Skim<'a> {
    chunk: &'a [u8],
    /// Where the live records end.
    end: usize,
    /// What is wanted of Sysmon's DNS queries.
    queries: WantedData<'a>,
    /// What is wanted of the queries of Windows' own DNS client, if anything is.
    dns_client: Option<WantedData<'a>>,
    remembered: &'a mut Remembered,
    /// The definitions of events met so far, by their offsets; `None` for one that is not understood.
    events: Vec<(usize, Option<KnownEvent>)>,
    /// The logs that counted records belong to.
    logs: &'a mut Vec<KnownLog>,
    /// Layouts of records met so far, the last one met first.
    layouts: Vec<Layout<'a>>,
}

/// What is wanted of the data of a kind of event.
struct WantedData<'a> {
    needles: &'a mut Needles,
    /// The definitions of `EventData` met so far, by their offsets: where the fields lie that are looked into; `None` for one
    /// that is not understood.
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

impl Skim<'_> {
    /// `None` where anything is not understood.
    fn record(&mut self, range: Range<usize>) -> Option<Verdict> {
        let content = range.start + RECORD_HEADER_SIZE..range.end - SIZE_COPY_SIZE;
        let (event, log, seen) = match self.alike(content.clone()) {
            Some(known) => known,
            None => self.value_by_value(content)?,
        };
        let (chunk, end) = (self.chunk, self.end);
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
    fn alike(&mut self, content: Range<usize>) -> Option<(usize, usize, Seen)> {
        for (place, layout) in self.layouts.iter().enumerate() {
            if let Some(seen) = layout.see(self.chunk, content.clone()) {
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
    fn value_by_value(&mut self, content: Range<usize>) -> Option<(usize, usize, Seen)> {
        let Skim { chunk, end, .. } = *self;
        let read = |offset| {
            let template = self.remembered.read(chunk, offset, end)?;
            Some(KnownEvent { template, counts: Counts::NONE })
        };
        let values = Values::head(chunk, content.start)?;
        let place = known(&mut self.events, values.definition, read)?;
        let template = &self.events.get(place)?.1.as_ref()?.template;
        let seen = Seen::read(template, &values, content.end)?;
        let log = known_log(self.logs, template, &values)?;
        if let Some(layout) = Layout::of((place, log, template), chunk, content.start, &values, seen.sysmon)
            && self.layouts.len() < MOST_LAYOUTS
        {
            self.layouts.push(layout);
        }
        Some((place, log, seen))
    }
}

/// Makes the known logs ready for the next chunk.
fn forget(logs: &mut Vec<KnownLog>) {
    if logs.len() > MOST_LOGS {
        logs.clear();
    }
    for log in logs {
        log.runs.clear();
    }
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

impl WantedData<'_> {
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
