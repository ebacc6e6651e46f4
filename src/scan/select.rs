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

use crate::event::{EventTime, Span};
use crate::tally::{RecordCounts, RecordIds, Tally};

use super::binxml::{FILETIME, FILETIME_OF_9999, FRAGMENT, SID, TEXT, U16, U64, is_letter, is_well_sized};
use super::chunk::{CHUNK_HEADER_SIZE, RECORD_HEADER_SIZE, RecordSpan, SIZE_COPY_SIZE, Walk};
use super::log::{u16_at, u64_at};
use super::needle::{FieldPlaces, Needles};
use super::template::{EventTemplate, Value, data_template, event_template};
use super::value::{Values, is_null, is_sid};

/// 100 ns intervals between 1601-01-01 and 1970-01-01.
const FILETIME_OF_1970: i64 = 116_444_736_000_000_000;
/// Sysmon's event number for a DNS query, and what tells that an event is Sysmon's: its provider or its channel.
const DNS_QUERY: u16 = 22;
const SYSMON: [&str; 2] = [crate::event::SYSMON_PROVIDER, crate::event::SYSMON_CHANNEL];

/// Counts the records of a chunk that need no decoding, and makes them gaps of the walk.
pub(super) fn skim(chunk: &[u8], walk: &mut Walk, needles: &Needles, tally: &mut Tally) {
    let end = walk.end();
    let mut skim = Skim { chunk, end, needles, events: Vec::with_capacity(8), data: Vec::new() };
    walk.take(|record| skim.record(record) == Some(Verdict::Counted));
    for event in skim.events.into_iter().filter_map(|(_, event)| event) {
        if event.counts.records > 0 {
            tally.add_counts(&event.computer, event.counts.into(), event.ids());
        }
    }
}

/// A skim over one chunk.
struct Skim<'a> {
    chunk: &'a [u8],
    /// Where the live records end.
    end: usize,
    needles: &'a Needles,
    /// The definitions of events met so far, by their offsets; `None` for one that is not understood.
    events: Vec<(usize, Option<KnownEvent<'a>>)>,
    /// Likewise those of `EventData` in DNS queries: where the fields lie that are looked into.
    data: Vec<(usize, Option<FieldPlaces>)>,
}

/// A definition of an event, and what was counted of its records.
#[derive(Debug)]
struct KnownEvent<'a> {
    template: EventTemplate<'a>,
    computer: String,
    /// Whether what is written of provider and channel in the definition says that it is Sysmon's.
    sysmon: bool,
    counts: Counts,
    /// How the last record was laid out that was looked at value by value.
    layout: Option<Layout<'a>>,
}

/// How records are laid out whose values but the last have the same types and sizes. Most records of a definition do,
/// so this spares adding up sizes for each.
#[derive(Debug, Clone, Copy)]
struct Layout<'a> {
    /// The descriptors of all values but the last.
    descriptors: &'a [u8],
    /// From the first value to each of these, and to the last value.
    event_id: usize,
    time_created: usize,
    event_record_id: usize,
    last: usize,
    /// Whether the last value must not be null.
    last_required: bool,
    /// The security identifier, from the first value: where and how long it is.
    sid: Option<(usize, usize)>,
    /// What lies from the first text that tells whether the event is Sysmon's to the last: where, from the first value,
    /// and the bytes.
    names: (usize, &'a [u8]),
    sysmon: bool,
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
    fn record(&mut self, record: &RecordSpan) -> Option<Verdict> {
        let end = record.range.end - SIZE_COPY_SIZE;
        let values = Values::head(self.chunk, record.range.start + RECORD_HEADER_SIZE)?;
        let (chunk, records_end) = (self.chunk, self.end);
        let event = known(&mut self.events, values.definition, |offset| {
            KnownEvent::read(chunk, offset, records_end)
        })?;
        let seen = event.see(chunk, &values, end)?;
        if seen.is_dns_query() {
            let data = values.range(event.template.event_data?, FRAGMENT)?;
            if is_wanted(&mut self.data, chunk, data, records_end, self.needles)? {
                return Some(Verdict::Decode);
            }
        }
        event.counts.add(&seen);
        Some(Verdict::Counted)
    }
}

/// Whether a detection could want a DNS query, whose `EventData` fills `range`.
fn is_wanted(
    data: &mut Vec<(usize, Option<FieldPlaces>)>,
    chunk: &[u8],
    range: Range<usize>,
    records_end: usize,
    needles: &Needles,
) -> Option<bool> {
    let values = Values::read(chunk, range)?;
    let read = |offset| Some(needles.places(&data_template(chunk, offset, records_end)?));
    needles.want(known(data, values.definition, read)?, &values)
}

/// The definition at `offset`, which is read if it is new; `None` if it is not understood. It must
/// lie among the live records, which the chunk's checksum covers.
fn known<T>(
    definitions: &mut Vec<(usize, Option<T>)>,
    offset: usize,
    read: impl FnOnce(usize) -> Option<T>,
) -> Option<&mut T> {
    let place = match definitions.iter().position(|(known, _)| *known == offset) {
        Some(place) => place,
        None if offset < CHUNK_HEADER_SIZE => return None,
        None => {
            definitions.push((offset, read(offset)));
            definitions.len() - 1
        }
    };
    definitions.get_mut(place)?.1.as_mut()
}

impl<'a> KnownEvent<'a> {
    fn read(chunk: &'a [u8], offset: usize, end: usize) -> Option<Self> {
        let template = event_template(chunk, offset, end)?;
        let literals = [template.provider, template.channel];
        let sysmon = literals
            .into_iter()
            .zip(SYSMON)
            .any(|(value, name)| matches!(value, Value::Literal(text) if text.is_in_any_case(name)));
        let computer = template.computer.decode()?;
        Some(KnownEvent { template, computer, sysmon, counts: Counts::NONE, layout: None })
    }

    /// Looks at a record of this definition, whose content ends at `end`.
    fn see(&mut self, chunk: &'a [u8], values: &Values<'a>, end: usize) -> Option<Seen> {
        let alike = self.layout.as_ref().and_then(|layout| layout.see(chunk, values, end));
        if alike.is_some() {
            return alike;
        }
        if !values.fill(end) {
            return None;
        }
        let seen = Seen::read(self, values)?;
        self.layout = Layout::of(&self.template, chunk, values, seen.sysmon);
        Some(seen)
    }

    fn ids(&self) -> RecordIds {
        RecordIds { first: Some(self.counts.first_id), last: Some(self.counts.last_id) }
    }
}

impl<'a> Layout<'a> {
    /// The layout of a record that was looked at value by value. `None` if its last value is one of
    /// those that are looked at: then records differ in it.
    fn of(template: &EventTemplate<'_>, chunk: &'a [u8], values: &Values<'a>, sysmon: bool) -> Option<Self> {
        let (last, _, _) = values.last()?;
        let texts = [template.provider, template.channel].map(|value| match value {
            Value::Substitution(index) => values.range(index, TEXT),
            _ => None,
        });
        let start = texts.iter().flatten().map(|range| range.start).min().unwrap_or(values.start());
        let end = texts.iter().flatten().map(|range| range.end).max().unwrap_or(start);
        let fixed =
            [(template.event_id, U16), (template.time_created, FILETIME), (template.event_record_id, U64)];
        let ranges = fixed.map(|(index, kind)| values.range(index, kind));
        let [Some(event_id), Some(time_created), Some(event_record_id)] = ranges else { return None };
        let last_start = values.start_of(last)?;
        if [end, event_id.end, time_created.end, event_record_id.end].iter().any(|end| *end > last_start) {
            return None;
        }
        let mut sids = values.places(SID);
        let sid = sids.next();
        // With several of them, or with the last value as one, each record is looked at value by value.
        if sids.next().is_some() || sid.is_some_and(|(at, _)| at >= last_start - values.start()) {
            return None;
        }
        Some(Layout {
            sid,
            descriptors: values.layout(),
            event_id: event_id.start - values.start(),
            time_created: time_created.start - values.start(),
            event_record_id: event_record_id.start - values.start(),
            last: last_start - values.start(),
            last_required: template.required.iter().any(|index| usize::from(*index) == last),
            names: (start - values.start(), chunk.get(start..end)?),
            sysmon,
        })
    }

    /// Looks at a record if it is laid out so and of the same provider and channel.
    fn see(&self, chunk: &[u8], values: &Values<'_>, end: usize) -> Option<Seen> {
        let (_, kind, size) = values.last()?;
        let start = values.start();
        let found_end = start + self.last + size;
        let fills = found_end == end || (found_end < end && chunk.get(found_end) == Some(&0));
        let (names_at, names) = self.names;
        let alike = values.layout() == self.descriptors
            && fills
            && is_well_sized(kind, size)
            && kind != SID
            && !(self.last_required && is_null(kind, size))
            && self.sid.is_none_or(|(at, size)| is_sid(chunk, start + at, size))
            && chunk.get(start + names_at..start + names_at + names.len()) == Some(names);
        if !alike {
            return None;
        }
        let time = filetime(u64_at(chunk, start + self.time_created)?)?;
        let event_record_id = u64_at(chunk, start + self.event_record_id)?;
        Some(Seen {
            event_id: u16_at(chunk, start + self.event_id)?,
            sysmon: self.sysmon,
            time,
            event_record_id,
        })
    }
}

/// The instant of a FILETIME; `None` for one that the decoder has rules of its own for.
fn filetime(time: u64) -> Option<EventTime> {
    let ticks = i64::try_from(time).ok().filter(|_| time < FILETIME_OF_9999)?;
    Some(EventTime::from_ticks(ticks - FILETIME_OF_1970))
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

/// What the skim sees of a record.
struct Seen {
    event_id: u16,
    sysmon: bool,
    time: EventTime,
    event_record_id: u64,
}

impl Seen {
    fn read(event: &KnownEvent<'_>, values: &Values<'_>) -> Option<Self> {
        let template = &event.template;
        if template.required.iter().any(|index| values.is_null(*index) != Some(false)) {
            return None;
        }
        let event_id = values.bytes(template.event_id, U16)?.try_into().ok().map(u16::from_le_bytes)?;
        let time = values.bytes(template.time_created, FILETIME)?.try_into().ok().map(u64::from_le_bytes)?;
        let event_record_id =
            values.bytes(template.event_record_id, U64)?.try_into().ok().map(u64::from_le_bytes)?;
        let mut sysmon = event.sysmon;
        for (value, name) in [template.provider, template.channel].into_iter().zip(SYSMON) {
            if let Value::Substitution(index) = value
                && !sysmon
            {
                sysmon = equals(values.bytes(index, TEXT)?, name)?;
            }
        }
        Some(Seen { event_id, sysmon, time: filetime(time)?, event_record_id })
    }

    fn is_dns_query(&self) -> bool {
        self.sysmon && self.event_id == DNS_QUERY
    }
}

/// Whether UTF-16 text, up to its first NUL, is `name` in any ASCII case. `None` for text that is
/// cut in the middle of a unit: about that the decoder shall decide.
fn equals(text: &[u8], name: &str) -> Option<bool> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let length = name.len() * 2;
    let begins = text.get(..length).is_some_and(|start| {
        start
            .chunks_exact(2)
            .zip(name.bytes())
            .all(|(unit, letter)| is_letter(unit, letter.to_ascii_lowercase()))
    });
    Some(begins && text.get(length..).is_some_and(|rest| rest.is_empty() || rest.starts_with(&[0, 0])))
}
