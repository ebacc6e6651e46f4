//! How records are laid out, so that the next one laid out alike is seen at a glance.
//!
//! Most records of a log differ only in what their fixed places hold and in the size of their last value, which
//! is the event's data. Such a record is told by two comparisons of bytes. A record that is not alike is no worse
//! off: it is looked at value by value, which is this file's twin.

use std::ops::Range;

use crate::event::{EventTime, SYSMON_PROVIDER};

use super::binxml::{
    FILETIME, FILETIME_OF_9999, FRAGMENT, Index, SID, TEXT, U16, U64, is_letter, is_well_sized,
};
use super::definition::EventDefinition;
use super::log::{u16_at, u64_at};
use super::value::{Values, is_null};

/// 100 ns intervals between 1601-01-01 and 1970-01-01.
const FILETIME_OF_1970: i64 = 116_444_736_000_000_000;

/// What the skim sees of a record.
pub(super) struct Seen {
    pub event_id: u16,
    pub sysmon: bool,
    pub time: EventTime,
    pub event_record_id: u64,
    /// Where the event's data lies in the chunk, if that is a fragment.
    pub data: Option<Range<usize>>,
}

/// The layout of a record. Places are from the first value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout<'a> {
    /// Which of the known definitions the record has.
    pub event: usize,
    /// What lies before the last value's descriptor: which definition it is, and the descriptors of all other values.
    head: &'a [u8],
    /// Where the content of a record would begin that is not alike though it has this head: it would hold the
    /// definition itself, and its head would be a part of that.
    defining: Option<usize>,
    event_id: usize,
    time_created: usize,
    event_record_id: usize,
    last: usize,
    /// Whether the last value must not be null, and whether it is the event's data.
    last_required: bool,
    last_is_data: bool,
    /// The security identifier: where its number of parts lies, and the number.
    sid: Option<(usize, u8)>,
    /// What lies from the first text that tells whether the event is Sysmon's to the last: where, and the bytes.
    names: (usize, &'a [u8]),
    sysmon: bool,
}

impl<'a> Layout<'a> {
    /// The layout of a record that was looked at value by value, and whose content begins at `content`. `None` if
    /// records like it differ in more than a layout tells.
    pub(super) fn of(
        (event, definition): (usize, &EventDefinition),
        chunk: &'a [u8],
        content: usize,
        values: &Values<'a>,
        sysmon: bool,
    ) -> Option<Self> {
        let (last, _, _) = values.last()?;
        let text = |index: Option<Index>| values.range(index?, TEXT);
        let provider = text(definition.provider);
        // The provider alone makes an event Sysmon's, whatever its channel.
        let decides = |range: &Range<usize>| {
            chunk.get(range.clone()).and_then(|name| equals(name, SYSMON_PROVIDER)) == Some(true)
        };
        let texts = match provider {
            Some(provider) if decides(&provider) => [Some(provider), None],
            provider => [provider, text(definition.channel)],
        };
        let start = texts.iter().flatten().map(|range| range.start).min().unwrap_or(values.start());
        let end = texts.iter().flatten().map(|range| range.end).max().unwrap_or(start);
        let event_id = values.range(definition.event_id, U16)?;
        let time_created = values.range(definition.time_created, FILETIME)?;
        let event_record_id = values.range(definition.event_record_id, U64)?;
        let last_start = values.start_of(last)?;
        if [end, event_id.end, time_created.end, event_record_id.end].iter().any(|end| *end > last_start) {
            return None;
        }
        let mut sids = values.places(SID);
        let sid = sids.next().map(|(at, _)| at + 1);
        // With several of them, or with the last value as one, each record is looked at value by value.
        if sids.next().is_some() || sid.is_some_and(|at| at >= last_start - values.start()) {
            return None;
        }
        // So is each whose data is not its last value.
        let data = definition.event_data.map(usize::from);
        if data.is_some_and(|index| index != last) || values.holds_definition {
            return None;
        }
        let head = chunk.get(content..values.start().checked_sub(4)?)?;
        let place = |range: Range<usize>| range.start - values.start();
        Some(Layout {
            event,
            head,
            defining: head
                .len()
                .checked_sub(4 * (last + 1))
                .and_then(|before| values.definition.checked_sub(before)),
            event_id: place(event_id),
            time_created: place(time_created),
            event_record_id: place(event_record_id),
            last: last_start - values.start(),
            last_required: definition.required.iter().any(|index| usize::from(*index) == last),
            last_is_data: data.is_some(),
            sid: match sid {
                Some(at) => Some((at, *chunk.get(values.start() + at)?)),
                None => None,
            },
            names: (start - values.start(), chunk.get(start..end)?),
            sysmon,
        })
    }

    /// Looks at the record whose content fills that range, if it is laid out so and of the same provider and channel.
    pub(super) fn see(&self, chunk: &[u8], content: Range<usize>) -> Option<Seen> {
        let record = chunk.get(content.clone())?;
        let (head, rest) = record.split_at_checked(self.head.len())?;
        let (descriptor, values) = rest.split_first_chunk::<4>()?;
        let [low, high, kind, _] = *descriptor;
        let size = usize::from(u16::from_le_bytes([low, high]));
        let end = self.last + size;
        let fills = end == values.len() || values.get(end) == Some(&0);
        let (names_at, names) = self.names;
        let alike = self.defining != Some(content.start)
            && head == self.head
            && fills
            && is_well_sized(kind, size)
            && kind != SID
            && !(self.last_required && is_null(kind, size))
            && self.sid.is_none_or(|(at, parts)| values.get(at) == Some(&parts))
            && values.get(names_at..)?.starts_with(names);
        if !alike {
            return None;
        }
        let data = content.end - values.len() + self.last;
        Some(Seen {
            event_id: u16_at(values, self.event_id)?,
            sysmon: self.sysmon,
            time: instant(u64_at(values, self.time_created)?)?,
            event_record_id: u64_at(values, self.event_record_id)?,
            data: (self.last_is_data && kind == FRAGMENT).then(|| data..data + size),
        })
    }
}

/// The instant of a FILETIME; `None` for one that the decoder has rules of its own for.
pub(super) fn instant(filetime: u64) -> Option<EventTime> {
    let ticks = i64::try_from(filetime).ok().filter(|_| filetime < FILETIME_OF_9999)?;
    Some(EventTime::from_ticks(ticks - FILETIME_OF_1970))
}

/// Whether UTF-16 text, up to its first NUL, is `name` in any ASCII case. `None` for text that is
/// cut in the middle of a unit: about that the decoder shall decide.
pub(super) fn equals(text: &[u8], name: &str) -> Option<bool> {
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
