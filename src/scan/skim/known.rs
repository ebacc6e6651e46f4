//! What is known of a chunk while its records are counted without being decoded (the skim): its
//! template definitions, the logs of its records, and the counts. [`crate::scan::skim::select`]
//! decides which records are counted.

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

/// The search of events of one kind for literals (fixed texts) that detections require. It keeps
/// the template definitions of the events' `EventData` that were found so far in the current chunk.
#[derive(Debug)]
pub(in crate::scan) struct WantedData {
    /// The literals that detections require, with the fields in which they are searched for.
    needles: Needles,
    /// The names of the fields that every event of the searched kind has. If a template definition
    /// of `EventData` does not have one of them that is to be searched, the field's name may be
    /// damaged; the definition then counts as not understood.
    all_have: Vec<&'static str>,
    /// The template definitions of `EventData` found so far in the chunk, each with its offset;
    /// `None` for a definition that is not understood.
    pub data: Vec<(usize, Option<KnownData>)>,
}

/// A template definition of `EventData`, with what was found out about it: which values are
/// searched, and which are the fields of a DNS query.
#[derive(Debug)]
pub(in crate::scan) struct KnownData {
    /// The indexes of those values of an event's `EventData` that are searched for the literals
    /// that detections require.
    fields: FieldIndexes,
    /// The shape (types and sizes) of the values of the last event of this template definition that
    /// was examined value by value. Events with the same shape need no such examination.
    shape: Shape,
    /// The indexes of the values that contain a DNS query's fields, for this template definition of
    /// `EventData`. They are looked up at the first DNS query of this definition that a detection
    /// wants. `None` if the definition has fields that a DNS query does not have.
    query: OnceCell<Option<DataIndexes>>,
}

/// The result of searching an event's data for the literals that detections require.
pub(in crate::scan) enum DataCheck<'a> {
    /// The event contains the required literals of no detection, so it is only counted.
    Unwanted,
    /// The event contains the literals that at least one detection requires. The values are those
    /// of the event's `EventData`.
    Wanted(WantedValues<'a>),
}

/// The `EventData` values of an event that contains the literals which some detection requires, so
/// that the event must be read with its fields.
pub(in crate::scan) struct WantedValues<'a> {
    /// The index of the template definition of the event's `EventData` in [`WantedData::data`].
    pub definition: usize,
    /// The values of the event's `EventData`, as positions in the chunk.
    pub values: Values<'a>,
}

/// A template definition of events in the current chunk, with the counts of those of its records
/// that were not decoded.
#[derive(Debug)]
pub(in crate::scan) struct KnownEvent {
    /// The template definition: which value of a record fills which element of the event.
    pub template: Arc<EventTemplate>,
    /// The counts of the records of this template definition that were counted without being
    /// decoded.
    pub counts: Counts,
}

/// A log that has records in the current chunk, by its computer and channel, with the
/// EventRecordIDs of these records. They show which records of the log are missing.
#[derive(Debug)]
pub(in crate::scan) struct KnownLog {
    pub computer: String,
    pub channel: String,
    pub runs: IdRuns,
}

/// The counts of one template definition's records, as plain numbers, which are faster to update
/// than [`RecordCounts`].
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

/// The counts of one template definition's DNS queries, as plain numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) struct QueryCounts {
    pub queries: u64,
    pub in_period: u64,
    pub first_time: EventTime,
    pub last_time: EventTime,
}

/// Returns the index, among `logs`, of the log that a record with this template definition and
/// these values belongs to. A log that is not known yet is added. `None` if the record's channel
/// cannot be read; callers then have the record decoded.
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
    /// Prepares a search for the literals that the descriptions `wanted` require, in events of a
    /// kind that always has the fields `all_have`. No template definition is known yet.
    pub(in crate::scan) fn new(wanted: &[WantedQueries], all_have: Vec<&'static str>) -> Self {
        WantedData { needles: Needles::new(wanted), all_have, data: Vec::new() }
    }

    /// Returns whether it is certain that no detection can match the DNS query `skimmed`; false
    /// also if its data is not understood. The chunk's live records end at offset `records_end`.
    pub(in crate::scan) fn is_unwanted(
        &mut self,
        chunk: &[u8],
        skimmed: &SkimmedRecord,
        records_end: usize,
    ) -> bool {
        let found = skimmed.data.clone().and_then(|data| self.find(chunk, data, records_end));
        matches!(found, Some(DataCheck::Unwanted))
    }

    /// Searches the data of an event, whose `EventData` fills `range` of the chunk, for the
    /// literals that detections require. The chunk's live records end at `records_end`. `None` if
    /// anything about the data is not understood; callers then have the record decoded.
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

/// Returns the index, among `definitions`, of the template definition at `offset` in the chunk. A
/// definition that is not among them is read by `read` and added. `None` if the offset cannot be
/// that of a definition. `read` must accept only definitions that lie among the live records, which
/// the chunk's checksum covers.
#[inline]
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
    /// Returns the indexes of the values that contain a DNS query's fields. The chunk's live
    /// records end at `records_end`. `None` if the template definition has fields that a DNS query
    /// does not have; callers then have the record decoded.
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
    /// Returns a template definition with counts of zero, because none of its records is counted
    /// yet.
    pub(in crate::scan) fn new(template: Arc<EventTemplate>) -> Self {
        KnownEvent { template, counts: Counts::NONE }
    }

    /// Returns the least and the greatest EventRecordID of the records of this template definition
    /// that were counted in the chunk without being decoded. The numbers mean nothing if there are
    /// no such records.
    pub(in crate::scan) fn ids(&self) -> RecordIdRange {
        RecordIdRange { first: Some(self.counts.first_id), last: Some(self.counts.last_id) }
    }
}

impl Counts {
    /// The counts before any record is counted. The greatest time and ID stand in for the first
    /// ones, and the least for the last ones, so that any record replaces them.
    pub(in crate::scan) const NONE: Counts = Counts {
        records: 0,
        sysmon_records: 0,
        queries: QueryCounts::NONE,
        first_time: EventTime::MAX,
        last_time: EventTime::MIN,
        first_id: u64::MAX,
        last_id: 0,
    };

    /// Counts a record. DNS queries in the requested period `window` are counted separately too.
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

    /// Adds the counts of other records of the same template definition.
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
    /// The counts before any DNS query is counted. The greatest time stands in for the first one,
    /// and the least for the last one, so that any query replaces them.
    pub(in crate::scan) const NONE: QueryCounts =
        QueryCounts { queries: 0, in_period: 0, first_time: EventTime::MAX, last_time: EventTime::MIN };

    /// Counts a DNS query, in the total and, if its time lies in the requested period `window`,
    /// among those of the period. The function is never inlined into the calling loop: most records
    /// are not queries, and the loop over them must keep its registers.
    #[inline(never)]
    pub(in crate::scan) fn add(&mut self, time: EventTime, window: &Window) {
        self.queries += 1;
        self.in_period += u64::from(window.contains(time));
        self.first_time = self.first_time.min(time);
        self.last_time = self.last_time.max(time);
    }

    /// Adds the counts of other DNS queries of the same template definition.
    pub(in crate::scan) fn merge(&mut self, other: QueryCounts) {
        self.queries += other.queries;
        self.in_period += other.in_period;
        self.first_time = self.first_time.min(other.first_time);
        self.last_time = self.last_time.max(other.last_time);
    }

    /// Returns the times of the first and the last DNS query counted; an empty span if none is
    /// counted.
    fn span(&self) -> Span {
        if self.queries == 0 {
            return Span::default();
        }
        Span { first: Some(self.first_time), last: Some(self.last_time) }
    }
}

/// Converts the counts of records that were not decoded, of which there must be at least one. Every
/// such record has a readable time: records without one are decoded instead.
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
