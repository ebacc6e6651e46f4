//! Reads an event directly from its record's values, if they have the types that the event's kind
//! (`EventKind`) states for its fields. DNS queries and Sysmon's process events are read in this
//! way; events of other kinds are always decoded.
//!
//! A decoder reads a chunk's definitions, renders a record as text, and leaves the text to be
//! parsed. That costs about ten times as much as reading a DNS query's nine values where they are
//! stored. Anything unusual is left to the decoder ([`crate::scan::decode::record`]), which reads
//! the same event from a record, but slowly. Only a record whose definition has lost its names is
//! read more completely by this module.

use std::fmt::Write;
use std::ops::Range;

use crate::event::{DNS_QUERY, Event, EventKind, FieldLocation, FieldType, Guid, System};
use crate::scan::decode::document::canonical_guid;
use crate::scan::evtx::binxml::text::{plain, text};
use crate::scan::evtx::binxml::{FILETIME, FRAGMENT, GUID, HEX64, Index, NULL, SID, TEXT, U8, U16, U32, U64};
use crate::scan::evtx::template::{DataTemplate, EventTemplate, data_template_by_texts, event_template};
use crate::scan::evtx::value::Values;
use crate::scan::skim::skimmed_record::SkimmedRecord;

/// Which of the values that fill one template definition of `EventData` contain the fields of a
/// kind of event.
#[derive(Debug)]
pub(in crate::scan) struct DataIndexes {
    /// The kind of event whose fields were looked for in the template definition of `EventData`.
    kind: &'static EventKind,
    /// For each field of the kind of event, the index, among the values of the `EventData`, of the
    /// value that contains the field; `None` if the template definition does not have the field.
    indexes: Box<[Option<Index>]>,
}

impl DataIndexes {
    /// Finds the fields of `kind` in a template definition of `EventData`. `None` if the definition
    /// has a field that the kind does not have, or if the kind has fields outside `EventData`.
    /// Callers then have records with this definition decoded, instead of reading them directly.
    pub(in crate::scan) fn of(kind: &'static EventKind, template: &DataTemplate<'_>) -> Option<Self> {
        if kind.fields.iter().any(|field| field.location != FieldLocation::Data) {
            return None;
        }
        let mut indexes = vec![None; kind.fields.len()].into_boxed_slice();
        for (name, index) in &template.data {
            let place = kind.fields.iter().position(|field| name.is(field.name))?;
            *indexes.get_mut(place)? = Some(*index);
        }
        Some(DataIndexes { kind, indexes })
    }

    /// Returns whether the template definition has the field `name`.
    fn has(&self, name: &str) -> bool {
        self.kind.fields.iter().zip(&self.indexes).any(|(field, index)| field.name == name && index.is_some())
    }
}

/// Returns the event in a record, read directly from the record's values; `None` if anything about
/// the record is unusual, so that it must be decoded.
///
/// `template` is the record's template definition, and `system` are the record's values, from which
/// `skimmed` was read. `data` are the values of its `EventData`, and `places` says which of them
/// are the fields of the event's kind.
pub(in crate::scan) fn event(
    template: &EventTemplate,
    system: &Values<'_>,
    skimmed: &SkimmedRecord,
    places: &DataIndexes,
    data: &Values<'_>,
) -> Option<Event> {
    if !is_usual_system(template, system) || !is_usual_data(data) {
        return None;
    }
    with_data(system_of(template, system, skimmed)?, places, data)
}

/// Returns whether the `System` part of an event can be read directly from the record's values,
/// with the result that the decoder (the `evtx` crate) would give. For this,
/// [`EventTemplate::is_plain`] must be true, and all of the record's values must have usual types,
/// exactly one of them a time and one nested binary XML. The decoder reads even values that are not
/// used, and may reject the record because of a value of another type.
fn is_usual_system(template: &EventTemplate, values: &Values<'_>) -> bool {
    let is_usual =
        |kind| matches!(kind, NULL | TEXT | U8 | U16 | U32 | U64 | HEX64 | FILETIME | GUID | SID | FRAGMENT);
    let once = |wanted| values.kinds().filter(|kind| *kind == wanted).count() == 1;
    template.is_plain && values.kinds().all(is_usual) && once(FILETIME) && once(FRAGMENT)
}

/// Returns whether all values of an event's `EventData` have types that can be read directly,
/// without the decoder (the `evtx` crate): text, GUID, 32-bit number or 64-bit hexadecimal number.
fn is_usual_data(values: &Values<'_>) -> bool {
    values.kinds().all(|kind| matches!(kind, TEXT | GUID | U32 | HEX64))
}

/// Returns the event with the `System` part `system`, and with the fields that `places` finds in
/// the values `data`. `None` if a field that the template definition has cannot be read.
fn with_data(system: System, places: &DataIndexes, data: &Values<'_>) -> Option<Event> {
    let mut event = Event::new(places.kind, system);
    // A missing field has no value. A field that cannot be read leaves the record to the decoder.
    for (place, (field, index)) in places.kind.fields.iter().zip(&places.indexes).enumerate() {
        if let Some(index) = index {
            event.set_at(place, Some(value(field.field_type, data, *index)?));
        }
    }
    Some(event)
}

/// Returns the text of a field, from its value at `index` in `data`. The value must be stored as
/// text or, if `field_type` has a binary form (a GUID, a 32-bit number or a 64-bit number), in this
/// form. `None` if it is stored in another way or cannot be read.
fn value(field_type: FieldType, data: &Values<'_>, index: Index) -> Option<String> {
    match (field_type, data.kind(index)?) {
        (FieldType::Guid, GUID) => Some(Guid::from_stored(data.bytes(index, GUID)?.first_chunk()?).text()),
        (FieldType::Guid, TEXT) => Some(canonical_guid(&text(data.bytes(index, TEXT)?)?)),
        (FieldType::Number, U32) => {
            Some(u32::from_le_bytes(*data.bytes(index, U32)?.first_chunk()?).to_string())
        }
        (FieldType::Hexadecimal, HEX64) => {
            Some(format!("{:#x}", u64::from_le_bytes(*data.bytes(index, HEX64)?.first_chunk()?)))
        }
        (_, TEXT) => text(data.bytes(index, TEXT)?),
        _ => None,
    }
}

/// What can still be read of a DNS query whose template definition has lost the names of its
/// elements.
pub(in crate::scan) struct NamelessQuery {
    /// The DNS query with its fields. Its `System` part is empty if that part could not be read.
    pub event: Event,
    /// True if the `System` part of the DNS query could be read, because the template definition of
    /// that part is whole.
    pub has_system: bool,
}

/// Reads the DNS query in the record whose content lies in the range `content` of the chunk. The
/// names of elements in the template definition of its `EventData` may be overwritten, so the
/// fields are recognised by the texts in the definition, such as `QueryName`. `None` if one of
/// these texts is not the name of a DNS query's field, or the record cannot be read for another
/// reason.
pub(in crate::scan) fn nameless_query(chunk: &[u8], content: Range<usize>) -> Option<NamelessQuery> {
    let values = Values::head(chunk, content.start)?;
    let mut fragments = values.places(FRAGMENT);
    let (Some((at, size)), None) = (fragments.next(), fragments.next()) else { return None };
    let start = values.start() + at;
    let data = Values::read(chunk, start..start + size)?;
    let places = DataIndexes::of(&DNS_QUERY, &data_template_by_texts(chunk, data.definition)?)?;
    if !places.has("QueryName") || !is_usual_data(&data) {
        return None;
    }
    let system = || {
        let template = event_template(chunk, values.definition, chunk.len())?;
        let skimmed = SkimmedRecord::read(&template, &values, content.end)?;
        let is_read = skimmed.is_dns_query() && is_usual_system(&template, &values);
        is_read.then(|| system_of(&template, &values, &skimmed)).flatten()
    };
    let system = system();
    let has_system = system.is_some();
    Some(NamelessQuery { event: with_data(system.unwrap_or_default(), &places, &data)?, has_system })
}

/// Returns the `System` part of the event in a record that has the template definition `template`
/// and the values `values`, from which `skimmed` was read. `None` if anything about this part is
/// unusual, so that the record must be decoded.
fn system_of(template: &EventTemplate, values: &Values<'_>, skimmed: &SkimmedRecord) -> Option<System> {
    let [version] = *values.bytes(template.version?, U8)?.first_chunk()?;
    Some(System {
        provider: plain(values.bytes(template.provider?, TEXT)?)?,
        channel: match template.channel {
            Some(index) => plain(values.bytes(index, TEXT)?)?,
            None => template.channel_text.clone(),
        },
        event_id: u32::from(skimmed.event_id),
        version: Some(u32::from(version)),
        event_record_id: Some(skimmed.event_record_id),
        computer: template.computer.clone(),
        time_created: Some(skimmed.time),
        time_created_raw: skimmed.time.system_time()?,
        user_id: Some(sid(values.bytes(template.user_id?, SID)?)?),
    })
}

/// Returns a stored security identifier as text, as Windows writes it (`S-1-5-18`). `None` if its
/// revision is not 1 or its authority needs more than 32 bits, because no identifier is of that
/// form.
pub(in crate::scan) fn sid(bytes: &[u8]) -> Option<String> {
    let (&[1, _, 0, 0, a0, a1, a2, a3], parts) = bytes.split_first_chunk::<8>()? else { return None };
    let mut text = format!("S-1-{}", u32::from_be_bytes([a0, a1, a2, a3]));
    for part in parts.as_chunks::<4>().0 {
        write!(text, "-{}", u32::from_le_bytes(*part)).expect("memory takes all that is written");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use dnsweep_samples::{Event as Sample, LogWriter, Style};

    use super::*;
    use crate::event::{KindSet, PROCESS_CREATION};
    use crate::scan::decode::document::Document;
    use crate::scan::decode::record::decode;
    use crate::scan::evtx::chunk::{RECORD_HEADER_SIZE, SIZE_COPY_SIZE};
    use crate::scan::evtx::template::data_template;
    use crate::scan::evtx::walk::{Walk, walk};

    /// Reads an event of `kind` directly from the record with this content; `None` if anything
    /// about the record is unusual.
    fn read(chunk: &[u8], content: Range<usize>, kind: &'static EventKind) -> Option<Event> {
        let system = Values::head(chunk, content.start)?;
        let template = event_template(chunk, system.definition, chunk.len())?;
        let skimmed = SkimmedRecord::read(&template, &system, content.end)?;
        let data = Values::read(chunk, skimmed.data.clone()?)?;
        let places = DataIndexes::of(kind, &data_template(chunk, data.definition, chunk.len())?)?;
        event(&template, &system, &skimmed, &places, &data)
    }

    #[test]
    fn events_of_any_kind_are_read_as_the_decoder_reads_them() {
        for style in [Style::Live, Style::Export] {
            for (sample, kind) in [
                (Sample::dns_query("a&b.example", "a.exe"), &DNS_QUERY),
                (Sample::process_create("a.exe", "a <b> \u{fc}", "c.exe"), &PROCESS_CREATION),
            ] {
                let mut writer = LogWriter::new(style);
                for number in 1..=3 {
                    writer.push(&sample.clone().numbered(number)).unwrap();
                }
                let mut chunk = writer.finish()[4096..4096 + 65536].to_vec();
                let mut walked = Walk::default();
                walk(&chunk, &mut walked);
                let contents = walked
                    .records
                    .iter()
                    .map(|record| record.range.start + RECORD_HEADER_SIZE..record.range.end - SIZE_COPY_SIZE);
                let direct: Vec<Event> =
                    contents.map(|content| read(&chunk, content, kind).unwrap()).collect();
                let mut decoded = Vec::new();
                decode(&mut chunk, &walked, KindSet::default().with(kind), |_, document| match document {
                    Ok(Document::Event(event)) => decoded.push(event),
                    other => panic!("{other:?}"),
                });
                assert_eq!(direct, decoded, "{style:?} {}", kind.name);
                assert_eq!(direct.len(), 3);
                assert_eq!(direct[0].missing_fields(), [""; 0]);
            }
        }
    }
}
