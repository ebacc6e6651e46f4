//! What the skim knows of a chunk: its template definitions, the logs of its records, and the
//! counts. [`crate::scan::skim::select`] decides which records are counted.

use std::cell::OnceCell;
use std::ops::Range;
use std::sync::Arc;

use crate::event::{DNS_QUERY, EventTime, Span, Window};
use crate::ledger::record_ids::IdRuns;
use crate::ledger::tally::{RecordCounts, RecordIdRange};
use crate::scan::decode::direct::DataIndexes;
use crate::scan::evtx::binxml::TEXT;
use crate::scan::evtx::binxml::text::{is_plain, plain};
use crate::scan::evtx::chunk::CHUNK_HEADER_SIZE;
use crate::scan::evtx::template::{EventTemplate, data_template};
use crate::scan::evtx::value::{Shape, Values};
use crate::scan::skim::needle::{FieldIndexes, Needles, WantedQueries};
use crate::scan::skim::skimmed_record::SkimmedRecord;

/// The literals that detections search for in events of one kind, and the definitions of such
/// events' data in the current chunk.
#[derive(Debug)]
pub(in crate::scan) struct WantedData {
    /// The literals, with the fields in which they are searched for.
    needles: Needles,
    /// The names of the fields that every event of the kind has.
    all_have: Vec<&'static str>,
    /// The definitions of `EventData` found so far in the chunk, by their offsets; `None` for a
    /// definition that is not understood.
    pub data: Vec<(usize, Option<KnownData>)>,
}

/// A definition of `EventData`, with what was found out about it.
#[derive(Debug)]
pub(in crate::scan) struct KnownData {
    /// The substitutions that contain the fields which are searched.
    fields: FieldIndexes,
    /// The shape (types and sizes) that the values had when they were last examined one by one.
    shape: Shape,
    /// The substitutions that contain a DNS query's fields, looked up at the first wanted query;
    /// `None` if the definition has other fields.
    query: OnceCell<Option<DataIndexes>>,
}

/// The result of searching an event's data for what detections want.
pub(in crate::scan) enum DataCheck<'a> {
    /// No detection can want the event.
    Unwanted,
    /// A detection could want the event, which has these values.
    Wanted(WantedValues<'a>),
}

/// The values of an event's data that a detection could want.
pub(in crate::scan) struct WantedValues<'a> {
    /// The index of the data's definition in [`WantedData::data`].
    pub definition: usize,
    pub values: Values<'a>,
}

/// A template definition of events, and the counts of its records.
#[derive(Debug)]
pub(in crate::scan) struct KnownEvent {
    pub template: Arc<EventTemplate>,
    pub counts: Counts,
}

/// A log, and the EventRecordIDs of its counted records.
#[derive(Debug)]
pub(in crate::scan) struct KnownLog {
    pub computer: String,
    pub channel: String,
    pub runs: IdRuns,
}

/// Counts of one definition's records, as plain numbers, which are faster to update than
/// [`RecordCounts`].
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

/// Counts of one definition's DNS queries, as plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) struct QueryCounts {
    pub queries: u64,
    pub in_period: u64,
    pub first_time: EventTime,
    pub last_time: EventTime,
}

/// Returns the index, among the known logs, of the log that a record with this definition and
/// values belongs to. A new log is added. `None` if the record's channel cannot be read.
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
    /// Prepares a search for what detections want from events that all have the fields `all_have`.
    /// No definition is known yet.
    pub(in crate::scan) fn new(wanted: &[WantedQueries], all_have: Vec<&'static str>) -> Self {
        WantedData { needles: Needles::new(wanted), all_have, data: Vec::new() }
    }

    /// Returns whether no detection can want this DNS query.
    pub(in crate::scan) fn is_unwanted(
        &mut self,
        chunk: &[u8],
        skimmed: &SkimmedRecord,
        records_end: usize,
    ) -> bool {
        let found = skimmed.data.clone().and_then(|data| self.find(chunk, data, records_end));
        matches!(found, Some(DataCheck::Unwanted))
    }

    /// Searches the data of the event whose `EventData` fills `range`. `None` if anything about it
    /// is not understood.
    pub(in crate::scan) fn find<'c>(
        &mut self,
        chunk: &'c [u8],
        range: Range<usize>,
        records_end: usize,
    ) -> Option<DataCheck<'c>> {
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
        Some(if is_wanted {
            DataCheck::Wanted(WantedValues { definition, values })
        } else {
            DataCheck::Unwanted
        })
    }
}

/// Returns the index, among the known definitions, of the definition at `offset`, which is read if
/// it is new. `None` if it is not understood. `read` must accept only definitions that lie among
/// the live records, which the chunk's checksum covers.
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

impl WantedValues<'_> {
    /// Returns the substitutions that contain a DNS query's fields; `None` if the definition has
    /// other fields.
    pub(in crate::scan) fn places<'k>(
        &self,
        wanted: &'k WantedData,
        chunk: &[u8],
        records_end: usize,
    ) -> Option<&'k DataIndexes> {
        let (offset, known) = wanted.data.get(self.definition)?;
        let places = || DataIndexes::of(&DNS_QUERY, &data_template(chunk, *offset, records_end)?);
        known.as_ref()?.query.get_or_init(places).as_ref()
    }
}

impl KnownEvent {
    /// Returns a definition of which no record is counted yet.
    pub(in crate::scan) fn new(template: Arc<EventTemplate>) -> Self {
        KnownEvent { template, counts: Counts::NONE }
    }

    /// Returns the range of the counted EventRecordIDs.
    pub(in crate::scan) fn ids(&self) -> RecordIdRange {
        RecordIdRange { first: Some(self.counts.first_id), last: Some(self.counts.last_id) }
    }
}

impl Counts {
    /// The counts of no records.
    pub(in crate::scan) const NONE: Counts = Counts {
        records: 0,
        sysmon_records: 0,
        queries: QueryCounts::NONE,
        first_time: EventTime::MAX,
        last_time: EventTime::MIN,
        first_id: u64::MAX,
        last_id: 0,
    };

    /// Counts a record. `window` is the requested period.
    pub(in crate::scan) fn add(&mut self, skimmed: &SkimmedRecord, window: &Window) {
        self.records += 1;
        self.sysmon_records += u64::from(skimmed.sysmon);
        if skimmed.is_dns_query() {
            self.queries.add(skimmed.time, window);
        }
        self.first_time = self.first_time.min(skimmed.time);
        self.last_time = self.last_time.max(skimmed.time);
        self.first_id = self.first_id.min(skimmed.event_record_id);
        self.last_id = self.last_id.max(skimmed.event_record_id);
    }

    /// Adds the counts of other records of the same definition.
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
    /// The counts of no queries.
    pub(in crate::scan) const NONE: QueryCounts =
        QueryCounts { queries: 0, in_period: 0, first_time: EventTime::MAX, last_time: EventTime::MIN };

    /// Counts a DNS query. `window` is the requested period. The function is never inlined into the
    /// calling loop: most records are not queries, and the loop over them must keep its registers.
    #[inline(never)]
    pub(in crate::scan) fn add(&mut self, time: EventTime, window: &Window) {
        self.queries += 1;
        self.in_period += u64::from(window.contains(time));
        self.first_time = self.first_time.min(time);
        self.last_time = self.last_time.max(time);
    }

    /// Adds the counts of other queries of the same definition.
    pub(in crate::scan) fn merge(&mut self, other: QueryCounts) {
        self.queries += other.queries;
        self.in_period += other.in_period;
        self.first_time = self.first_time.min(other.first_time);
        self.last_time = self.last_time.max(other.last_time);
    }

    /// Returns the times of the first and the last query.
    fn span(&self) -> Span {
        if self.queries == 0 {
            return Span::default();
        }
        Span { first: Some(self.first_time), last: Some(self.last_time) }
    }
}

/// Converts the counts of at least one record. Every record counted here has a readable time:
/// others are left to the decoder.
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
