//! Compares records with the layout of an earlier record, which is faster than reading their
//! values.
//!
//! Most records of a log differ only in the content of fixed positions and in the size of their
//! last value, the event's data. A few comparisons of bytes recognise a similar record. Any other
//! record is examined value by value ([`SkimmedRecord::read`]), which gives the same result, but
//! slowly. A layout is valid only while the template definition of its records is unchanged at its
//! position. The code that keeps the layout must ensure that.

use std::ops::Range;

use crate::event::{EventTime, SYSMON_CHANNEL};
use crate::scan::evtx::binxml::descriptor::{self, DESCRIPTOR_SIZE};
use crate::scan::evtx::binxml::text::equals;
use crate::scan::evtx::binxml::token::END_OF_FRAGMENT;
use crate::scan::evtx::binxml::{FILETIME, FRAGMENT, Index, SID, TEXT, U16, U64, definition_end};
use crate::scan::evtx::log::{u16_at, u64_at};
use crate::scan::evtx::template::EventTemplate;
use crate::scan::evtx::value::{Values, is_null};
use crate::scan::skim::skimmed_record::SkimmedRecord;

/// The layout of a record: the bytes that similar records share, and the positions of what differs.
/// Positions are counted in bytes from the record's first value. A layout borrows nothing from the
/// chunk.
#[derive(Debug, Clone)]
pub(in crate::scan) struct Layout {
    /// The index of the template definition that records with this layout refer to, among the
    /// definitions that were found so far in the chunk.
    pub event: usize,
    /// The index of the log (computer and channel) that records with this layout belong to, among
    /// the logs that were found so far.
    pub log: usize,
    /// The first bytes of the content of a record with this layout, up to the last value's
    /// descriptor (a value's type and size): the reference to the template definition, the number
    /// of values, and the descriptors of all values but the last.
    head: Box<[u8]>,
    /// The length of the part of `head` (the first bytes of a record's content) that refers to the
    /// template definition, in bytes.
    reference: usize,
    /// The range of the template definition in the chunk. If a record with this layout contains the
    /// definition itself, the definition follows the reference to it.
    definition: Range<usize>,
    /// The position of the value of `EventID` in a record with this layout, in bytes from the
    /// record's first value.
    event_id: usize,
    /// The position of the value of `TimeCreated` in a record with this layout, in bytes from the
    /// record's first value.
    time_created: usize,
    /// The position of the value of `EventRecordID` in a record with this layout, in bytes from the
    /// record's first value.
    event_record_id: usize,
    /// The position of the last value in a record with this layout, in bytes from the record's
    /// first value.
    last: usize,
    /// True if the last value of a record with this layout must not be null, because an element
    /// would then be left out of the event.
    last_required: bool,
    /// True if the last value of a record with this layout is the event's `EventData`.
    last_is_data: bool,
    /// The position, in bytes from the record's first value, of the byte that states the number of
    /// sub-authorities of the record's security identifier, and that number. The number determines
    /// the identifier's size. `None` if the record has no security identifier.
    sid: Option<(usize, u8)>,
    /// The position of the first of the values that determine whether the event is Sysmon's and
    /// which log it belongs to, in bytes from the record's first value.
    names_at: usize,
    /// The bytes of the values that determine whether the event is Sysmon's and which log it
    /// belongs to, from the first of these values to the last.
    names: Box<[u8]>,
    /// True if events whose records have this layout are Sysmon's.
    pub sysmon: bool,
}

impl Layout {
    /// Returns the layout of a record that was examined value by value, and whose content begins at
    /// offset `content` in the chunk. `event` and `log` are the indexes of the record's template
    /// definition and log among those that were found so far; `sysmon` says whether the event is
    /// Sysmon's. `None` if the record is of a form that a layout does not cover, for example with
    /// several security identifiers.
    pub(in crate::scan) fn of(
        (event, log, template): (usize, usize, &EventTemplate),
        chunk: &[u8],
        content: usize,
        values: &Values<'_>,
        sysmon: bool,
    ) -> Option<Self> {
        let (last, _, _) = values.last()?;
        let names = names(template, values);
        let event_id = values.range(template.event_id, U16)?;
        let time_created = values.range(template.time_created, FILETIME)?;
        let event_record_id = values.range(template.event_record_id, U64)?;
        let last_start = values.start_of(last)?;
        if [names.end, event_id.end, time_created.end, event_record_id.end]
            .iter()
            .any(|end| *end > last_start)
        {
            return None;
        }
        let mut sids = values.places(SID);
        let sid = sids.next().map(|(at, _)| at + 1);
        // Records with several security identifiers, or with one as the last value, are examined
        // value by value.
        if sids.next().is_some() || sid.is_some_and(|at| at >= last_start - values.start()) {
            return None;
        }
        // Records whose last value is not the event's data are too.
        let data = template.event_data.map(usize::from);
        if data.is_some_and(|index| index != last) || values.holds_definition {
            return None;
        }
        let last_descriptor = values.start().checked_sub(DESCRIPTOR_SIZE)?;
        let descriptors = last_descriptor.checked_sub(DESCRIPTOR_SIZE * (last + 1))?;
        let place = |range: Range<usize>| range.start - values.start();
        Some(Layout {
            event,
            log,
            head: chunk.get(content..last_descriptor)?.into(),
            reference: descriptors - content,
            definition: values.definition..definition_end(chunk, values.definition)?,
            event_id: place(event_id),
            time_created: place(time_created),
            event_record_id: place(event_record_id),
            last: last_start - values.start(),
            last_required: template.required.iter().any(|index| usize::from(*index) == last),
            last_is_data: data.is_some(),
            sid: match sid {
                Some(at) => Some((at, *chunk.get(values.start() + at)?)),
                None => None,
            },
            names_at: names.start - values.start(),
            names: chunk.get(names)?.into(),
            sysmon,
        })
    }

    /// Returns whether this is a layout of records whose template definition lies at `offset` in
    /// the chunk.
    pub(in crate::scan) fn is_of(&self, offset: usize) -> bool {
        self.definition.start == offset
    }

    /// Reads the record whose content fills the range `content` of the chunk. `None` if the record
    /// does not have this layout, or has another provider or channel than records of this layout;
    /// callers then examine the record value by value.
    #[expect(
        clippy::inline_always,
        reason = "returning the record by value from a call would take longer than reading it"
    )]
    #[inline(always)]
    pub(in crate::scan) fn read(&self, chunk: &[u8], content: Range<usize>) -> Option<SkimmedRecord> {
        let record = chunk.get(content.clone())?;
        let rest = if content.start + self.reference == self.definition.start {
            self.after_definition(record)?
        } else {
            let (head, rest) = record.split_at_checked(self.head.len())?;
            if *head != *self.head {
                return None;
            }
            rest
        };
        let (descriptor, values) = rest.split_first_chunk()?;
        let (kind, size) = (descriptor::value_type(*descriptor), descriptor::size(*descriptor));
        let end = self.last + size;
        let fills = end == values.len() || values.get(end) == Some(&END_OF_FRAGMENT);
        let alike = fills
            && (kind == FRAGMENT || (kind.is_well_sized(size) && kind != SID))
            && !(self.last_required && is_null(kind, size))
            && self.sid.is_none_or(|(at, parts)| values.get(at) == Some(&parts))
            && values.get(self.names_at..)?.starts_with(&self.names);
        if !alike {
            return None;
        }
        let data = content.end - values.len() + self.last;
        Some(SkimmedRecord {
            event_id: u16_at(values, self.event_id)?,
            sysmon: self.sysmon,
            time: EventTime::from_filetime(u64_at(values, self.time_created)?)?,
            event_record_id: u64_at(values, self.event_record_id)?,
            data: (self.last_is_data && kind == FRAGMENT).then(|| data..data + size),
        })
    }

    /// Returns the bytes of a record's content that follow the descriptors (types and sizes) of all
    /// values but the last. The record must contain its template definition; `None` if it does not
    /// have this layout.
    #[cold]
    fn after_definition<'r>(&self, record: &'r [u8]) -> Option<&'r [u8]> {
        let (reference, descriptors) = self.head.split_at_checked(self.reference)?;
        record.strip_prefix(reference)?.get(self.definition.len()..)?.strip_prefix(descriptors)
    }
}

/// Returns the range of bytes, in the chunk, that has the values that determine whether a record is
/// Sysmon's and which log it belongs to: the provider and the channel. The provider is left out if
/// the template definition or the channel already shows that the record is Sysmon's. The range is
/// empty if neither is a value of the record.
fn names(template: &EventTemplate, values: &Values<'_>) -> Range<usize> {
    let text = |index: Option<Index>| values.range(index?, TEXT);
    let is_known = template.sysmon || is_sysmon_channel(template, values);
    let texts = [if is_known { None } else { text(template.provider) }, text(template.channel)];
    let start = texts.iter().flatten().map(|range| range.start).min().unwrap_or(values.start());
    start..texts.iter().flatten().map(|range| range.end).max().unwrap_or(start)
}

/// Returns whether the record's channel is one of its values (not a text in the template
/// definition) and is Sysmon's.
fn is_sysmon_channel(template: &EventTemplate, values: &Values<'_>) -> bool {
    let channel = template.channel.and_then(|index| values.bytes(index, TEXT));
    channel.and_then(|channel| equals(channel, SYSMON_CHANNEL)) == Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::evtx::binxml::NULL;
    use crate::scan::evtx::template::event_template;
    use crate::scan::queries::{chunk, chunk_in};
    use dnsweep_samples::Style;
    use proptest::prelude::*;

    /// Returns the offset of the template definition of the record with the content `content`, and
    /// two variants of the definition: in the first, the event's `EventData` may be null; in the
    /// second, it must not be.
    fn templates(chunk: &[u8], content: &Range<usize>) -> (usize, [EventTemplate; 2]) {
        let offset = Values::head(chunk, content.start).unwrap().definition;
        let [mut lax, mut strict] = [(); 2].map(|()| event_template(chunk, offset, chunk.len()).unwrap());
        lax.required.retain(|index| Some(*index) != lax.event_data);
        strict.required.extend(strict.event_data);
        (offset, [lax, strict])
    }

    fn layout(template: &EventTemplate, chunk: &[u8], content: &Range<usize>) -> Option<Layout> {
        let values = Values::head(chunk, content.start)?;
        let skimmed = SkimmedRecord::read(template, &values, content.end)?;
        Layout::of((0, 0, template), chunk, content.start, &values, skimmed.sysmon)
    }

    /// Reads a record value by value. Tests compare the faster [`Layout::read`] with it.
    fn value_by_value(
        template: &EventTemplate,
        offset: usize,
        chunk: &[u8],
        content: &Range<usize>,
    ) -> Option<SkimmedRecord> {
        let values = Values::head(chunk, content.start).filter(|values| values.definition == offset)?;
        SkimmedRecord::read(template, &values, content.end)
    }

    /// The index, in the chunk of a test, of the record that contains the template definition.
    const HOLDER: usize = 0;
    /// The index, in the chunk of a test, of a record that only refers to the template definition,
    /// which lies in the record [`HOLDER`].
    const REFERRER: usize = 2;

    #[test]
    fn a_record_like_another_is_seen() {
        for style in [Style::Export, Style::Live] {
            let (chunk, contents) = chunk(style);
            let (offset, [template, _]) = templates(&chunk, &contents[1]);
            let layout = layout(&template, &chunk, &contents[1]).unwrap();
            for (which, number) in [(HOLDER, 1), (REFERRER, 3)] {
                let skimmed = layout.read(&chunk, contents[which].clone());
                assert_eq!(skimmed, value_by_value(&template, offset, &chunk, &contents[which]));
                assert_eq!(
                    skimmed.map(|skimmed| (skimmed.event_id, skimmed.sysmon, skimmed.event_record_id)),
                    Some((22, true, number))
                );
            }
        }
    }

    /// Returns the positions in a record's content at which the tests change bytes. The template
    /// definition is excluded, because a layout is used only if the definition is unchanged.
    fn places(chunk: &[u8], content: &Range<usize>) -> Vec<usize> {
        let values = Values::head(chunk, content.start).unwrap();
        let (last, _, _) = values.last().unwrap();
        let last_descriptor = values.start() - content.start - 4;
        let sid = values.places(SID).next().unwrap().0 + values.start() - content.start;
        let definition = values.definition..definition_end(chunk, values.definition).unwrap();
        let mut places: Vec<usize> = (0..values.start_of(last).unwrap() - content.start)
            .filter(|place| !definition.contains(&(content.start + place)))
            .collect();
        // The last descriptor and the security identifier are few bytes among many.
        for _ in 0..20 {
            places.extend([last_descriptor, last_descriptor + 1, last_descriptor + 2, sid + 1]);
        }
        places
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// Whatever [`Layout::read`] reads from a changed record, reading the record value by value
        /// gives the same.
        #[test]
        fn a_record_made_different_is_not_taken_for_alike(
            style in prop_oneof![Just(Style::Export), Just(Style::Live)],
            strict in 0_usize..2,
            channel in prop_oneof![Just(SYSMON_CHANNEL), Just("ForwardedEvents")],
            which in prop_oneof![Just(HOLDER), Just(REFERRER)],
            changes in prop::collection::vec((any::<prop::sample::Index>(), prop_oneof![any::<u8>(), Just(0), Just(1), Just(6), Just(SID.number()), Just(FRAGMENT.number())]), 1..4),
            shorter in prop_oneof![Just(0_usize), 0_usize..8],
        ) {
            let (mut chunk, contents) = chunk_in(style, channel);
            let original = chunk.clone();
            let (offset, templates) = templates(&original, &contents[1]);
            let places = places(&chunk, &contents[which]);
            for (place, byte) in changes {
                chunk[contents[which].start + place.get(&places)] = byte;
            }
            let content = contents[which].start..contents[which].end - shorter;
            let layout = layout(&templates[strict], &original, &contents[1]).unwrap();
            if let Some(skimmed) = layout.read(&chunk, content.clone()) {
                prop_assert_eq!(Some(skimmed), value_by_value(&templates[strict], offset, &chunk, &content));
            }
        }
    }

    #[test]
    fn the_provider_must_be_the_same_where_only_it_tells_that_an_event_is_sysmons() {
        for (channel, is_seen) in [(SYSMON_CHANNEL, true), ("ForwardedEvents", false)] {
            let (mut chunk, contents) = chunk_in(Style::Export, channel);
            let (offset, [template, _]) = templates(&chunk, &contents[1]);
            let layout = layout(&template, &chunk, &contents[1]).unwrap();
            let values = Values::head(&chunk, contents[REFERRER].start).unwrap();
            let provider = values.range(template.provider.unwrap(), TEXT).unwrap();
            chunk[provider.start] = b'X';
            let skimmed = layout.read(&chunk, contents[REFERRER].clone());
            let twin = value_by_value(&template, offset, &chunk, &contents[REFERRER]);
            assert_eq!(skimmed.as_ref().map(|skimmed| skimmed.sysmon), is_seen.then_some(true), "{channel}");
            assert_eq!(twin.map(|skimmed| skimmed.sysmon), Some(is_seen), "{channel}");
        }
    }

    #[test]
    fn a_null_in_the_place_of_required_data_is_seen_by_none() {
        let (mut chunk, contents) = chunk(Style::Export);
        let original = chunk.clone();
        let (offset, [template, strict]) = templates(&original, &contents[1]);
        let kind = Values::head(&chunk, contents[2].start).unwrap().start() - 2;
        chunk[kind] = NULL.number();
        for (template, is_seen) in [(template, true), (strict, false)] {
            let layout = layout(&template, &original, &contents[1]).unwrap();
            assert_eq!(layout.read(&chunk, contents[2].clone()).is_some(), is_seen);
            assert_eq!(value_by_value(&template, offset, &chunk, &contents[2]).is_some(), is_seen);
        }
    }

    #[test]
    fn a_security_identifier_in_the_last_place_is_left_to_the_twin() {
        let (mut chunk, contents) = chunk(Style::Export);
        let original = chunk.clone();
        let (offset, [template, _]) = templates(&original, &contents[1]);
        let values = Values::head(&original, contents[2].start).unwrap();
        let (start, descriptor) = (values.start_of(17).unwrap(), values.start() - 4);
        // A size that an identifier can have, but not with the number of sub-authorities there;
        // and, after it, a byte that ends the content.
        let parts = u16::from(original[start + 1]);
        let mut sizes = (8..u16::MAX).step_by(4).filter(|size| *size != 8 + 4 * parts);
        let size = sizes.find(|size| original[start + usize::from(*size)] == 0).unwrap();
        chunk[descriptor..descriptor + 2].copy_from_slice(&size.to_le_bytes());
        chunk[descriptor + 2] = SID.number();
        assert_eq!(value_by_value(&template, offset, &chunk, &contents[2]), None);
        let layout = layout(&template, &original, &contents[1]).unwrap();
        assert_eq!(layout.read(&chunk, contents[2].clone()), None);
    }

    #[test]
    fn a_record_with_the_definition_in_it_is_no_example() {
        let (chunk, contents) = chunk(Style::Export);
        let (_, [template, _]) = templates(&chunk, &contents[1]);
        assert!(value_by_value(&template, 550, &chunk, &contents[0]).is_some());
        assert!(layout(&template, &chunk, &contents[0]).is_none());
    }

    #[test]
    fn a_record_with_another_definition_in_it_is_not_alike() {
        let (mut chunk, contents) = chunk(Style::Export);
        let original = chunk.clone();
        let (offset, [template, _]) = templates(&original, &contents[1]);
        let layout = layout(&template, &original, &contents[1]).unwrap();
        // The second record once more, placed so that the definition to which it refers would lie
        // in it.
        let content = offset - layout.reference..offset - layout.reference + contents[1].len();
        chunk.copy_within(contents[1].clone(), content.start);
        assert!(chunk[content.start..].starts_with(&layout.head[..layout.reference]));
        assert_eq!(value_by_value(&template, offset, &chunk, &content), None);
        assert_eq!(layout.read(&chunk, content), None);
    }
}
