//! Finds tags in event XML: where events begin and end, and what is allowed around them.
//!
//! An event begins at every tag `<Event`, and ends at the first `</Event>` after it. In XML that
//! Windows renders, these tags occur nowhere else, because every `<` in a value is escaped. If
//! other text contains one, the result still does not depend on the division into blocks: only the
//! text after a `<` decides if it begins a tag, not the text before it.

use std::ops::Range;

use super::text::{XmlText, is_space};
use super::{MOST_EVENT_BYTES, MOST_TAG_BYTES};
use crate::evidence::event_xml::{Encoding, is_prefix_character, local_name};
use crate::scan::evtx::log::Block;

/// The greatest length of a namespace prefix before the name `Event`, with its colon, in
/// characters. A tag with a longer prefix does not count as a tag of an event.
const MOST_PREFIX: usize = 32;
/// The number of bytes at the end of a file in which the end tag of the element around the file's
/// events is searched for.
const LONGEST_END_TAG: u64 = 512;

/// A tag in event XML that begins or ends an event, or is allowed around events. Positions are in
/// bytes from the start of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// The start tag of an event, which is where the event begins.
    Start,
    /// The end tag of an event, with the position after the tag.
    End(u64),
    /// A start or end tag of the element `Events`, which surrounds the events, or an XML
    /// declaration. The value is the position after the tag.
    Around(u64),
}

/// How an event in XML ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// The event ends with its end tag, as it should.
    Whole,
    /// The event has no end tag before another event starts. Its range ends where the other one
    /// starts.
    Another,
    /// The event has no end tag before the end of the file. Its range ends with the file.
    File,
    /// The event has no end tag within the greatest size of an event. Its range ends at that size.
    TooLong,
}

/// The range of an event in a file of event XML, and how the event ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventSpan {
    /// The range of the event, in bytes from the start of the file.
    pub range: Range<u64>,
    /// How the event ends: with its end tag, or why it has none.
    pub ending: Ending,
}

impl<'a> XmlText<'a> {
    /// Returns the positions of each `<` in a range of the file.
    fn tag_starts(&self, range: Range<u64>) -> impl Iterator<Item = u64> + use<'a> {
        self.places_of(b'<', range)
    }

    /// Returns the position after the text at `at` that is allowed around events: the byte order
    /// mark, a tag of the element `Events`, or an XML declaration. `None` if none of them begins at
    /// `at`.
    pub(super) fn around(&self, at: u64) -> Option<u64> {
        match self.tag(at) {
            Some(Tag::Around(end)) => Some(end),
            _ => Some(self.mark_end()).filter(|end| at == 0 && *end > 0),
        }
    }

    /// Returns whether the last tag before `end` is the end tag of an element `Events`.
    pub(super) fn ends_with_events(&self, end: u64) -> bool {
        let start =
            end.saturating_sub(LONGEST_END_TAG).next_multiple_of(self.unit_size() as u64).max(self.start);
        let bytes = self.part(start..end);
        let text = match self.encoding {
            // The first character may be cut off.
            Encoding::Utf8 => String::from_utf8_lossy(bytes),
            _ => self.encoding.decode(bytes.get(..bytes.len() & !1).unwrap_or_default()).unwrap_or_default(),
        };
        let last = text.trim_end().strip_suffix('>').and_then(|text| text.rsplit_once("</"));
        last.is_some_and(|(_, name)| local_name(name.trim_end()) == "Events")
    }

    /// Returns the position at which the stray text at the start of `range` ends. Stray text is
    /// text between events that must not be there. It ends before the white space that precedes the
    /// next tag or lead-in (what a tool writes before an event, such as a syslog header), or with
    /// `range`.
    pub(super) fn stray(&self, range: Range<u64>) -> u64 {
        let step = self.step();
        let mut from = range.start + step;
        // The search goes line by line, so that nothing is examined twice, however much of the text
        // is stray.
        let mut end = loop {
            let newline = self.places_of(b'\n', from..range.end).next();
            let mut starts = self.tag_starts(from..newline.unwrap_or(range.end));
            if let Some(tag) = starts.find(|at| self.around(*at).is_some()) {
                break tag;
            }
            let Some(newline) = newline else { break range.end };
            from = self.space(newline..range.end).unwrap_or(newline + step);
            if self.lead_in(from).is_some() {
                break from;
            }
        };
        while end > range.start + step && is_space(self.ascii(end - step)) {
            end -= step;
        }
        end
    }

    /// Returns the tag whose `<` is at position `at`: a tag of an event or of the element `Events`,
    /// or an XML declaration. `None` if none of them begins at `at`.
    fn tag(&self, at: u64) -> Option<Tag> {
        let step = self.step();
        if self.ascii(at) != b'<' {
            return None;
        }
        let is_end = self.ascii(at + step) == b'/';
        let name = at + if is_end { 2 * step } else { step };
        if let Some(name_end) = self.after_event(name) {
            return if is_end { self.end_tag(name_end) } else { self.start_tag(name_end) };
        }
        let name = self.reads(at, b"<?xml").then(|| at + 5 * step)?;
        if is_space(self.ascii(name)) { self.close(name, b"?>").map(Tag::Around) } else { None }
    }

    /// Returns the position after the word `Event` in the tag name that begins at position `name`.
    /// A namespace prefix may precede the word. `None` if the name does not begin with the word or
    /// with a prefix and the word.
    fn after_event(&self, name: u64) -> Option<u64> {
        const EVENT: &[u8] = b"Event";
        let name_end = |name: u64| self.reads(name, EVENT).then(|| name + EVENT.len() as u64 * self.step());
        name_end(name).or_else(|| name_end(self.after_prefix(name)?))
    }

    /// Returns the position after the namespace prefix, with its colon, that begins at position
    /// `name`; `None` if no prefix begins at `name`.
    fn after_prefix(&self, name: u64) -> Option<u64> {
        let mut places = (name..).step_by(self.unit_size()).take(MOST_PREFIX);
        let end = places.find(|at| !is_prefix_character(self.ascii(*at)))?;
        (end > name && self.ascii(end) == b':').then(|| end + self.step())
    }

    /// Returns the start tag of an event, or of the element `Events` around the events. The word
    /// `Event` in the tag's name ends at position `name_end`. `None` if the tag has another name,
    /// such as `EventData`.
    fn start_tag(&self, name_end: u64) -> Option<Tag> {
        let next = self.ascii(name_end);
        if next == b's' && ends_name(self.ascii(name_end + self.step())) {
            return self.close(name_end, b">").map(Tag::Around);
        }
        ends_name(next).then_some(Tag::Start)
    }

    /// Returns the end tag of an event, or of the element `Events` around the events. The word
    /// `Event` in the tag's name ends at position `name_end`. `None` if the tag has another name,
    /// such as `EventData`.
    fn end_tag(&self, name_end: u64) -> Option<Tag> {
        let is_around = self.ascii(name_end) == b's';
        let name = if is_around { name_end + self.step() } else { name_end };
        let space = self.space(name..self.end().min(name + MOST_TAG_BYTES)).unwrap_or(name);
        let end = (self.ascii(space) == b'>').then(|| space + self.step())?;
        Some(if is_around { Tag::Around(end) } else { Tag::End(end) })
    }

    /// Returns the position after a tag. `name` is a position at which the tag's name, or the
    /// beginning of the name, ends. `None` unless the tag ends with the characters `last`, before
    /// another tag begins and within the greatest size of a tag.
    fn close(&self, name: u64, last: &[u8]) -> Option<u64> {
        let step = self.step();
        let mut places = (name..self.end().min(name + MOST_TAG_BYTES)).step_by(self.unit_size());
        let at = places.find(|at| matches!(self.ascii(*at), b'<' | b'>'))?;
        let first = (at + step).checked_sub(last.len() as u64 * step)?;
        (first >= name && self.reads(first, last)).then_some(at + step)
    }

    /// Returns the range of the event that begins at position `start`, and how it ends; `None` if
    /// the event extends beyond the part of the file that was read.
    fn event(&self, start: u64) -> Option<EventSpan> {
        let limit = start + MOST_EVENT_BYTES;
        for at in self.tag_starts(start + self.step()..limit.min(self.end())) {
            let (end, ending) = match self.tag(at) {
                Some(Tag::Start) => (at, Ending::Another),
                Some(Tag::End(end)) if end <= limit => (end, Ending::Whole),
                _ => continue,
            };
            return Some(EventSpan { range: start..end, ending });
        }
        if self.is_end && self.end() <= limit {
            Some(EventSpan { range: start..self.end(), ending: Ending::File })
        } else if self.is_end || limit + MOST_TAG_BYTES <= self.end() {
            Some(EventSpan { range: start..limit, ending: Ending::TooLong })
        } else {
            None
        }
    }

    /// Returns the ranges of the events that begin in a range of the file, in order; `None` if the
    /// last event extends beyond the part of the file that was read.
    pub(super) fn spans(&self, range: Range<u64>) -> Option<Vec<EventSpan>> {
        let mut spans = Vec::new();
        let mut at = range.start;
        while let Some(start) = self.tag_starts(at..range.end).find(|at| self.tag(*at) == Some(Tag::Start)) {
            let span = self.event(start)?;
            at = span.range.end;
            spans.push(span);
        }
        Some(spans)
    }

    /// Returns the position from which on text is scanned with `block`, the part of the file that
    /// one thread scans: the block's start. If an event, tag or lead-in (what a tool writes before
    /// an event) that begins before the block extends into it, the position is its end. `None` if
    /// more bytes before the block are needed to decide. `is_enough` states that further bytes
    /// before the block cannot matter.
    pub(super) fn start_of(&self, block: Block, is_enough: bool) -> Option<u64> {
        if block.is_first() {
            return Some(block.start);
        }
        let (mut last_tag, mut start) = (None, None);
        for at in self.tag_starts(self.start..block.start) {
            last_tag = Some(at);
            if self.tag(at) == Some(Tag::Start) {
                start = last_tag;
            }
        }
        let event_end = match start {
            Some(start) => self.event(start)?.range.end,
            None if self.start > 0 && !is_enough => return None,
            None => 0,
        };
        // No other tag has a `<` in it.
        let tag_end = match last_tag.filter(|at| *at >= event_end).and_then(|at| self.tag(at)) {
            Some(Tag::Around(end)) => end,
            _ => 0,
        };
        let start = block.start.max(event_end).max(tag_end).max(self.mark_end());
        Some(start.max(self.lead_in_across(block.start, event_end).unwrap_or(0)))
    }
}

/// Returns whether a character that follows a tag's name ends the name: white space, `>` or `/`.
fn ends_name(character: u8) -> bool {
    is_space(character) || matches!(character, b'>' | b'/')
}
