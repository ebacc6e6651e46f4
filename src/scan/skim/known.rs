//! What is known of a chunk while it is skimmed: its definitions, the logs that its records belong
//! to, and what was counted of them. Which records are counted is decided elsewhere
//! ([`crate::scan::skim::select`]).

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use crate::event::{DNS_QUERY, EventTime, Span, Window};
use crate::ledger::record_ids::IdRuns;
use crate::ledger::tally::{RecordCounts, RecordIdRange};
use crate::scan::decode::direct::DataPlaces;
use crate::scan::evtx::binxml::TEXT;
use crate::scan::evtx::binxml::text::{is_plain, plain};
use crate::scan::evtx::chunk::CHUNK_HEADER_SIZE;
use crate::scan::evtx::template::{EventTemplate, data_template};
use crate::scan::evtx::value::{Shape, Values};
use crate::scan::skim::needle::{FieldPlaces, Needles, Wanted};
use crate::scan::skim::seen::Seen;

/// What is wanted of the data of a kind of event.
#[derive(Debug)]
pub(in crate::scan) struct WantedData {
    needles: Needles,
    /// The fields without which there is no such event.
    all_have: Vec<&'static str>,
    /// The definitions of `EventData` met so far in the chunk, by their offsets; `None` for one
    /// that is not understood.
    pub data: Vec<(usize, Option<KnownData>)>,
}

/// A definition of `EventData`.
#[derive(Debug)]
pub(in crate::scan) struct KnownData {
    /// Where the fields lie that are looked into.
    fields: FieldPlaces,
    /// What the values were like when they were last looked at one by one.
    shape: Shape,
    /// Where those of a DNS query lie, if it has no others; looked up when the first is wanted.
    query: OnceCell<Option<DataPlaces>>,
}

/// What a look at the data of an event finds.
pub(in crate::scan) enum Finding<'a> {
    /// No detection can want it.
    Unwanted,
    /// One could.
    Wanted(Found<'a>),
}

/// The data of an event that a detection could want.
pub(in crate::scan) struct Found<'a> {
    /// The place of its definition among those known.
    pub definition: usize,
    pub values: Values<'a>,
}

/// A definition of an event, and what was counted of its records.
#[derive(Debug)]
pub(in crate::scan) struct KnownEvent {
    pub template: Arc<EventTemplate>,
    pub counts: Counts,
}

/// A log, and the numbers of its records that were counted.
#[derive(Debug)]
pub(in crate::scan) struct KnownLog {
    pub computer: String,
    pub channel: String,
    pub runs: IdRuns,
}

/// Counts of one definition's records, as plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) struct Counts {
    pub records: u64,
    pub sysmon_records: u64,
    pub queries: QueryCounts,
    pub first_time: EventTime,
    pub last_time: EventTime,
    pub first_id: u64,
    pub last_id: u64,
}

/// Counts of DNS queries, as plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) struct QueryCounts {
    pub queries: u64,
    pub in_period: u64,
    pub first_time: EventTime,
    pub last_time: EventTime,
}

/// The place among the known logs of the one that a record of that definition belongs to.
pub(in crate::scan) fn known_log(
    logs: &mut Vec<KnownLog>,
    template: &EventTemplate,
    values: &Values<'_>,
) -> Option<usize> {
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
    logs.push(KnownLog { computer: template.computer.clone(), channel, runs: IdRuns::default() });
    Some(logs.len() - 1)
}

impl WantedData {
    /// Nothing is known yet of what these want of events that all have those fields.
    pub(in crate::scan) fn new(wanted: &[Wanted], all_have: Vec<&'static str>) -> Self {
        WantedData { needles: Needles::new(wanted), all_have, data: Vec::new() }
    }

    /// Whether no detection can want a DNS query that was seen.
    pub(in crate::scan) fn is_unwanted(&mut self, chunk: &[u8], seen: &Seen, records_end: usize) -> bool {
        let found = seen.data.clone().and_then(|data| self.find(chunk, data, records_end));
        matches!(found, Some(Finding::Unwanted))
    }

    /// Looks at the data of the event whose `EventData` fills `range`. `None` where anything is not
    /// understood.
    pub(in crate::scan) fn find<'c>(
        &mut self,
        chunk: &'c [u8],
        range: Range<usize>,
        records_end: usize,
    ) -> Option<Finding<'c>> {
        let WantedData { needles, all_have, data } = self;
        let values = Values::head(chunk, range.start)?;
        let read = |offset| {
            let fields = needles.places(&data_template(chunk, offset, records_end)?, all_have)?;
            Some(KnownData { fields, shape: Shape::default(), query: OnceCell::new() })
        };
        let definition = known(data, values.definition, read)?;
        let KnownData { fields, shape, .. } = data.get_mut(definition)?.1.as_mut()?;
        if !values.fill_as(range.end, shape) {
            return None;
        }
        let is_wanted = needles.want(fields, &values)?;
        Some(if is_wanted { Finding::Wanted(Found { definition, values }) } else { Finding::Unwanted })
    }
}

/// The place among those known of the definition at `offset`, which is read if it is new. It must
/// lie among the live records, which the chunk's checksum covers.
pub(in crate::scan) fn known<T>(
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

impl Found<'_> {
    /// Where the fields of a DNS query lie in the data, if it has no others.
    pub(in crate::scan) fn places<'k>(
        &self,
        wanted: &'k WantedData,
        chunk: &[u8],
        records_end: usize,
    ) -> Option<&'k DataPlaces> {
        let (offset, known) = wanted.data.get(self.definition)?;
        let places = || DataPlaces::of(&DNS_QUERY, &data_template(chunk, *offset, records_end)?);
        known.as_ref()?.query.get_or_init(places).as_ref()
    }
}

impl KnownEvent {
    /// One of which nothing was counted yet.
    pub(in crate::scan) fn new(template: Arc<EventTemplate>) -> Self {
        KnownEvent { template, counts: Counts::NONE }
    }

    /// The range of the EventRecordIDs that were counted.
    pub(in crate::scan) fn ids(&self) -> RecordIdRange {
        RecordIdRange { first: Some(self.counts.first_id), last: Some(self.counts.last_id) }
    }
}

impl Counts {
    /// Those of no record.
    pub(in crate::scan) const NONE: Counts = Counts {
        records: 0,
        sysmon_records: 0,
        queries: QueryCounts::NONE,
        first_time: EventTime::MAX,
        last_time: EventTime::MIN,
        first_id: u64::MAX,
        last_id: 0,
    };

    /// Counts a record. `window` is the period that was asked for.
    pub(in crate::scan) fn add(&mut self, seen: &Seen, window: &Window) {
        self.records += 1;
        self.sysmon_records += u64::from(seen.sysmon);
        if seen.is_dns_query() {
            self.queries.add(seen.time, window);
        }
        self.first_time = self.first_time.min(seen.time);
        self.last_time = self.last_time.max(seen.time);
        self.first_id = self.first_id.min(seen.event_record_id);
        self.last_id = self.last_id.max(seen.event_record_id);
    }

    /// Adds those of other records.
    pub(in crate::scan) fn merge(&mut self, other: Counts) {
        self.records += other.records;
        self.sysmon_records += other.sysmon_records;
        self.queries.merge(other.queries);
        self.first_time = self.first_time.min(other.first_time);
        self.last_time = self.last_time.max(other.last_time);
        self.first_id = self.first_id.min(other.first_id);
        self.last_id = self.last_id.max(other.last_id);
    }
}

impl QueryCounts {
    /// Those of no query.
    pub(in crate::scan) const NONE: QueryCounts =
        QueryCounts { queries: 0, in_period: 0, first_time: EventTime::MAX, last_time: EventTime::MIN };

    /// Counts a DNS query. Never a part of the loop that calls it: most records are no queries, and
    /// the loop over them shall keep its registers.
    #[inline(never)]
    pub(in crate::scan) fn add(&mut self, time: EventTime, window: &Window) {
        self.queries += 1;
        self.in_period += u64::from(window.contains(time));
        self.first_time = self.first_time.min(time);
        self.last_time = self.last_time.max(time);
    }

    /// Adds those of other queries.
    pub(in crate::scan) fn merge(&mut self, other: QueryCounts) {
        self.queries += other.queries;
        self.in_period += other.in_period;
        self.first_time = self.first_time.min(other.first_time);
        self.last_time = self.last_time.max(other.last_time);
    }

    /// The time of the first and of the last.
    fn span(&self) -> Span {
        if self.queries == 0 {
            return Span::default();
        }
        Span { first: Some(self.first_time), last: Some(self.last_time) }
    }
}

/// For counts of at least one record. Of each that was counted here the time was read: one whose
/// time cannot be is left to the decoder.
impl From<Counts> for RecordCounts {
    fn from(counts: Counts) -> Self {
        RecordCounts {
            records: counts.records,
            sysmon_records: counts.sysmon_records,
            unreadable_times: 0,
            dns_queries: counts.queries.queries,
            dns_queries_in_period: counts.queries.in_period,
            dns_span: counts.queries.span(),
            span: Span { first: Some(counts.first_time), last: Some(counts.last_time) },
        }
    }
}
