//! Decodes records with the `evtx` crate. This module alone imports it.
//!
//! `evtx` walks a chunk's records by itself, starting at the chunk header. It must decode exactly
//! the records that our own walk from record to record ([`Walk`]) found, so the chunk's bytes are
//! first changed until both walks agree: the limits in the chunk header are set to those of our
//! walk, and every gap between records is added to the record before it or, if there is none, made
//! to look like a record without content. Only then is it certain to which position a result
//! belongs.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use evtx::{EvtxChunk, EvtxChunkHeader, EvtxRecord, ParserSettings};

use crate::event::{Event, FILETIME_OF_9999, KindSet};
use crate::scan::decode::document::{Document, parse, read_event};
use crate::scan::decode::undecodable::remove_undecodable;
use crate::scan::evtx::binxml::FILETIME;
use crate::scan::evtx::chunk::{CHUNK_HEADER_SIZE, LEAST_RECORD_SIZE, RECORD_HEADER_SIZE, RECORD_SIGNATURE};
use crate::scan::evtx::log::u64_at;
use crate::scan::evtx::value::Values;
use crate::scan::evtx::walk::{RecordOrigin, RecordSpan, Walk};

/// The range of the string table in a chunk, in bytes from the chunk's start. The table contains
/// the offsets of names, from which the decoder (the `evtx` crate) would read all names in advance.
/// It is set to zero, so that the decoder reads each name where it is used, and a damaged table
/// does no harm.
const STRING_TABLE: Range<usize> = 128..384;
/// The range of the ID and the time in a record, in bytes from the record's start. They are set to
/// zero before a record is decoded. Otherwise some IDs and times would make the decoder (the `evtx`
/// crate) reject the record or end its walk over the chunk.
const ID_AND_TIME: Range<usize> = 8..24;
/// The greatest amount of text, in bytes of JSON, to which the events of a chunk may expand. A real
/// chunk cannot come near this limit: its 64 KiB contain 32 thousand characters, each at most six
/// bytes in JSON, and the names around the values add less than 1 KiB per record. A crafted chunk
/// whose template repeats a value could be a thousand times as large.
///
/// The DNS queries of a chunk share this amount. Each process event has a limit of its own, so that
/// it does not matter which of these events are decoded: [`MOST_TEXT_PER_BYTE`] for each byte of
/// its record, and in addition this amount divided by the number of the chunk's records.
const MOST_CHUNK_TEXT: usize = 2 << 20;
/// The bytes of JSON to which each byte of a process event's record may expand. A character takes
/// two bytes in a record and at most six in JSON; a byte of an array takes at most five.
const MOST_TEXT_PER_BYTE: usize = 6;

/// Decodes the records of the chunk `bytes` that `walk` lists, in order. Events of `kinds` are read
/// with their fields. `found` is called for each record, with its event or the reason why it could
/// not be decoded.
///
/// The chunk's bytes are changed, so they must be a copy that is not used afterwards.
pub(in crate::scan) fn decode(
    bytes: &mut [u8],
    walk: &Walk,
    kinds: KindSet,
    mut found: impl FnMut(&RecordSpan, Result<Document, String>),
) {
    if walk.records.is_empty() {
        return;
    }
    let end = walk.end();
    align_with(bytes, walk);
    let mut decoded = 0;
    let mut text = TextBudget { shared: MOST_CHUNK_TEXT, share: MOST_CHUNK_TEXT / walk.found.max(1) };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        each_record(bytes, end, walk, ParserSettings::new().indent(false), |span, record| {
            decoded += 1;
            found(span, record.and_then(|record| document(record, span, kinds, &mut text)));
        })
    }));
    let reason = match outcome {
        Ok(Ok(())) => "the decoder skipped it".to_owned(),
        Ok(Err(reason)) => reason,
        // The decoder is not known to panic, but a chunk that makes it panic must not end the
        // sweep.
        Err(_) => "the decoder failed on its chunk".to_owned(),
    };
    for record in walk.records.get(decoded..).unwrap_or_default() {
        found(record, Err(reason.clone()));
    }
}

/// Returns whether a record of the chunk `bytes` has a value with fewer bytes than the value's type
/// needs. The result is false for a record without a template.
pub(in crate::scan) fn has_value_cut_short(bytes: &[u8], record: &RecordSpan) -> bool {
    Values::head(bytes, record.range.start + RECORD_HEADER_SIZE).is_some_and(|values| values.is_cut_short())
}

/// Changes the chunk so that the decoder (the `evtx` crate), which finds the records of a chunk by
/// itself, finds the records that `walk` lists and no others.
fn align_with(bytes: &mut [u8], walk: &Walk) {
    fill(bytes, STRING_TABLE, 0);
    for record in &walk.records {
        // A time from the year 9999 on would make the decoder reject the record for its header, and
        // a certain ID would end the decoder's walk.
        let start = record.range.start;
        fill(bytes, start + ID_AND_TIME.start..start + ID_AND_TIME.end, 0);
        // Our walk may end a record elsewhere than the record's size field says.
        put(bytes, start + 4, &size_bytes(record.range.len()));
    }
    for gap in &walk.gaps {
        hide_gap(bytes, gap, walk);
    }
}

/// Hides from the decoder (the `evtx` crate) a gap: bytes between the records that are to be
/// decoded. The record before the gap is extended over it: if that record's size field is wrong,
/// the gap's bytes may belong to the record, and other records may refer to them. A gap without a
/// record before it is made to look like a record without content.
fn hide_gap(bytes: &mut [u8], gap: &Range<usize>, walk: &Walk) {
    if let Some(before) = walk.records.iter().rev().find(|record| record.range.end == gap.start) {
        put(bytes, before.range.start + 4, &size_bytes(gap.end - before.range.start));
    } else if gap.len() >= LEAST_RECORD_SIZE {
        fill(bytes, gap.start..gap.start + LEAST_RECORD_SIZE, 0);
        put(bytes, gap.start, RECORD_SIGNATURE);
        put(bytes, gap.start + 4, &size_bytes(gap.len()));
    }
}

/// Returns a size in bytes in the form in which records store it: four bytes, little-endian.
fn size_bytes(size: usize) -> [u8; 4] {
    // Sizes in a chunk are at most 65536.
    u32::try_from(size).unwrap_or(u32::MAX).to_le_bytes()
}

/// Sets the bytes in `range` of the chunk to `value`; does nothing if the chunk ends before the end
/// of the range.
fn fill(bytes: &mut [u8], range: Range<usize>, value: u8) {
    if let Some(bytes) = bytes.get_mut(range) {
        bytes.fill(value);
    }
}

/// Writes `value` at offset `at` of the chunk; does nothing if it does not fit into the chunk.
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(bytes) = bytes.get_mut(at..at + value.len()) {
        bytes.copy_from_slice(value);
    }
}

/// Walks a chunk that was prepared by [`align_with`], so that the decoder (the `evtx` crate) finds
/// the records that `walk` lists and no others. The records end at offset `end` of the chunk.
/// `found` is called for each record, with what the decoder found or the reason why it failed.
/// Fails if the decoder does not accept the chunk.
fn each_record(
    bytes: &[u8],
    end: usize,
    walk: &Walk,
    settings: ParserSettings,
    mut found: impl FnMut(&RecordSpan, Result<EvtxRecord<'_>, String>),
) -> Result<(), String> {
    let mut header = EvtxChunkHeader::from_bytes(bytes).map_err(|error| causes(&error))?;
    header.free_space_offset = u32::try_from(end).unwrap_or(u32::MAX);
    header.last_event_record_id = u64::MAX;
    header.last_event_record_data_offset = 0;
    let mut chunk = EvtxChunk::new(bytes, &header, Arc::new(settings)).map_err(|error| causes(&error))?;
    let mut spans = walk.records.iter();
    let mut gaps = walk.gaps.iter().peekable();
    let mut at = CHUNK_HEADER_SIZE;
    for item in chunk.iter() {
        if let Some(gap) = gaps.next_if(|gap| gap.start == at) {
            at = gap.end;
            continue;
        }
        let Some(span) = spans.next() else { break };
        at = span.range.end;
        if let Some(gap) = gaps.next_if(|gap| gap.start == at) {
            at = gap.end;
        }
        let record = item.map_err(|error| causes(&error)).and_then(|record| at_place(record, span));
        found(span, record);
    }
    Ok(())
}

/// Returns `record`, which the decoder (the `evtx` crate) found, if it begins where `span` does.
/// Otherwise returns an error, because a record must not be reported at the position of another.
fn at_place<'r>(record: EvtxRecord<'r>, span: &RecordSpan) -> Result<EvtxRecord<'r>, String> {
    if record.binxml_offset == (span.range.start + RECORD_HEADER_SIZE) as u64 {
        Ok(record)
    } else {
        Err("the decoder returned another record instead".to_owned())
    }
}

/// Returns the event of the record in the range `record` of a chunk as XML, indented, as the
/// decoder (the `evtx` crate) renders it. The error says why the record cannot be rendered.
///
/// `event` is the event that a scan read from the record, if any. It is an error if the decoder
/// reads another event with this chunk, because the XML would then show something else.
pub(in crate::scan) fn record_xml(
    chunk: &[u8],
    record: Range<usize>,
    event: Option<&Event>,
) -> Result<String, String> {
    let mut walk = Walk { found: 1, ..Walk::default() };
    if record.start > CHUNK_HEADER_SIZE {
        walk.gaps.push(CHUNK_HEADER_SIZE..record.start);
    }
    let end = record.end;
    let span = RecordSpan { range: record, header_id: 0, origin: RecordOrigin::InChain };
    if time_beyond_9999(chunk, &span).is_some() {
        return Err("the decoder writes a time from the year 9999 on wrongly".to_owned());
    }
    walk.records.push(span);
    let mut problems = Vec::new();
    if remove_undecodable(chunk, &mut walk, &mut problems) > 0 {
        return Err(problems.first().map(|problem| problem.damage.to_string()).unwrap_or_default());
    }
    if let Some(event) = event {
        let mut is_same = false;
        decode(&mut chunk.to_vec(), &walk, KindSet::default().with(event.kind()), |_, document| {
            is_same = matches!(&document, Ok(Document::Event(found)) if found == event);
        });
        if !is_same {
            return Err("the decoder reads another event from it than dnsweep does".to_owned());
        }
    }
    let mut bytes = chunk.to_vec();
    align_with(&mut bytes, &walk);
    let mut rendered = Err("the decoder skipped it".to_owned());
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        each_record(&bytes, end, &walk, ParserSettings::new().indent(true), |_, record| {
            rendered = record.and_then(|record| record.into_xml().map_err(|error| causes(&error)));
        })
    }));
    match outcome {
        Ok(Ok(())) => {}
        Ok(Err(reason)) => return Err(reason),
        Err(_) => return Err("the decoder failed on its chunk".to_owned()),
    }
    let xml = rendered?.data;
    if xml.len() > MOST_CHUNK_TEXT {
        return Err(format!("it expands to more than {MOST_CHUNK_TEXT} bytes of text"));
    }
    Ok(xml)
}

/// The bytes of JSON to which the events of a chunk may still expand.
struct TextBudget {
    /// The bytes of JSON to which all further DNS queries of the chunk may expand together.
    shared: usize,
    /// The bytes of JSON to which each process event of the chunk may expand, in addition to
    /// [`MOST_TEXT_PER_BYTE`] for each byte of its record.
    share: usize,
}

impl TextBudget {
    /// Checks that `event`, which takes `size` bytes of JSON and has the record `span`, does not
    /// exceed its limit. A DNS query lowers what is left for the other DNS queries of the chunk.
    /// The error states the limit that is exceeded.
    fn take(&mut self, event: &Event, size: usize, span: &RecordSpan) -> Result<(), String> {
        if event.is_process_event() {
            let most = self.share + span.range.len() * MOST_TEXT_PER_BYTE;
            let is_covered = size <= most;
            return is_covered
                .then_some(())
                .ok_or_else(|| format!("it expands to more than {most} bytes of text"));
        }
        let left = self.shared.checked_sub(size);
        self.shared =
            left.ok_or_else(|| format!("the chunk expands to more than {MOST_CHUNK_TEXT} bytes of text"))?;
        Ok(())
    }
}

/// Parses the JSON that the decoder (the `evtx` crate) makes of `record`. `span` is the record's
/// position in its chunk. An event whose kind is in `kinds` is read with its fields. `text` limits
/// the bytes of JSON to which the event may expand. The error says why the record cannot be read,
/// or which limit it exceeds.
fn document(
    record: EvtxRecord<'_>,
    span: &RecordSpan,
    kinds: KindSet,
    text: &mut TextBudget,
) -> Result<Document, String> {
    let record_bytes = record.chunk.data;
    let json = record.into_json_bytes().map_err(|error| causes(&error))?;
    let mut document = read_event(kinds, |kinds| {
        let document = parse(&json.data, kinds).map_err(|error| causes(&error))?;
        if let Document::Event(event) = &document {
            text.take(event, json.data.len(), span)?;
        }
        Ok::<_, String>(document)
    })?;
    if let Some(time) = time_beyond_9999(record_bytes, span) {
        // The decoder writes only the last four digits of such a year.
        let system = match &mut document {
            Document::Event(event) => &mut event.system,
            Document::Other(system) => system,
        };
        system.time_created = None;
        system.time_created_raw = format!("FILETIME {time}");
    }
    Ok(document)
}

/// Returns a FILETIME from the year 9999 on among the values of the record `span`, because the
/// decoder (the `evtx` crate) writes such a year wrongly; `None` if there is none.
fn time_beyond_9999(chunk: &[u8], span: &RecordSpan) -> Option<u64> {
    let values = Values::head(chunk, span.range.start + RECORD_HEADER_SIZE)?;
    let mut places = values.places(FILETIME);
    places.find_map(|(at, _)| u64_at(chunk, values.start() + at).filter(|time| *time >= FILETIME_OF_9999))
}

/// The greatest length, in characters, of the reason why a record could not be decoded. A reason
/// can quote a value that a crafted record inflates to megabytes.
const MOST_REASON: usize = 300;

/// Returns an error's message, followed by the messages of its causes and shortened to a few
/// hundred characters.
pub(in crate::scan) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    match text.char_indices().nth(MOST_REASON) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
