//! Finds tags in event XML: where events begin and end, and what may stand around them.
//!
//! An event begins at every tag `<Event`, and ends at the first `</Event>` after it. In XML that
//! Windows renders these can stand nowhere else, as every `<` in a value is escaped. If other text
//! contains one, the result still does not depend on the division into blocks: what follows a `<`
//! makes it a tag, whatever precedes it.

use std::borrow::Cow;
use std::io::BufRead;
use std::ops::Range;

use super::{MOST_EVENT_BYTES, MOST_TAG_BYTES};
use crate::evidence::event_xml::{
    Encoding, MOST_LEAD_IN, NotText, is_prefix_character, lead_in, local_name, may_begin_lead_in,
};
use crate::scan::evtx::log::Block;

/// The greatest length of a namespace prefix with its colon, in characters.
const MOST_PREFIX: usize = 32;
/// The greatest number of blanks at the start of a line before a lead-in.
const MOST_INDENT: usize = 64;
/// The number of bytes at the end of a file that are searched for the end tag of the element around
/// its events.
const LONGEST_END_TAG: u64 = 512;

/// A tag that matters here. Positions are bytes from the start of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    /// The start of an event.
    Start,
    /// The end of an event, with the position after it.
    End(u64),
    /// A start or end tag of the element `Events` around the events, or an XML declaration, with
    /// the position after it.
    Around(u64),
}

/// How an event ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// With its end tag.
    Whole,
    /// At the start of another event.
    Another,
    /// At the end of the file.
    File,
    /// Not within the greatest size of an event; there it is cut off.
    TooLong,
}

/// The bytes of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventSpan {
    /// The range of the event, in bytes from the start of the file.
    pub range: Range<u64>,
    /// How the event ends.
    pub ending: Ending,
}

/// A part of a file, as text.
#[derive(Debug, Clone, Copy)]
pub(super) struct XmlText<'a> {
    bytes: &'a [u8],
    /// The offset of the part in the file.
    start: u64,
    encoding: Encoding,
    /// Whether the part reaches to the end of the file.
    is_end: bool,
}

impl<'a> XmlText<'a> {
    /// The part of a file that begins at offset `start`.
    pub(super) fn new(bytes: &'a [u8], start: u64, encoding: Encoding, is_end: bool) -> Self {
        XmlText { bytes, start, encoding, is_end }
    }

    /// The end of the part in the file.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Converts a range of the file to a range of this part's bytes.
    pub(super) fn places(&self, range: Range<u64>) -> Range<usize> {
        let place = |at: u64| usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        place(range.start)..place(range.end).min(self.bytes.len())
    }

    fn part(&self, range: Range<u64>) -> &'a [u8] {
        self.bytes.get(self.places(range)).unwrap_or_default()
    }

    /// Decodes the text in a range of the file.
    pub(super) fn decoded(&self, range: Range<u64>) -> Result<Cow<'a, str>, NotText> {
        self.encoding.decode(self.part(range))
    }

    /// The first bytes of the text in a range, in UTF-8, at most `most`.
    pub(super) fn shown(&self, range: Range<u64>, most: usize) -> Vec<u8> {
        let bytes = self.part(range);
        let bytes = bytes.get(..most * self.unit_size()).unwrap_or(bytes);
        match self.encoding {
            Encoding::Utf8 => bytes.to_vec(),
            _ => self
                .encoding
                .decode(bytes)
                .map_or_else(|_| bytes.to_vec(), |text| text.into_owned().into_bytes()),
        }
    }

    fn unit_size(&self) -> usize {
        self.encoding.unit_size()
    }

    fn step(&self) -> u64 {
        self.unit_size() as u64
    }

    /// The ASCII character at a position; 0 for any other character, and outside of the part.
    fn ascii(&self, at: u64) -> u8 {
        let bytes = self.part(at..at + self.step());
        match (self.encoding, bytes) {
            (Encoding::Utf8, [byte]) | (Encoding::Utf16Le, [byte, 0]) | (Encoding::Utf16Be, [0, byte]) => {
                *byte
            }
            _ => 0,
        }
    }

    /// The positions of each `<` in a range.
    fn angles(&self, range: Range<u64>) -> impl Iterator<Item = u64> + use<'a> {
        self.places_of(b'<', range)
    }

    /// The positions of an ASCII character in a range.
    fn places_of(&self, character: u8, range: Range<u64>) -> impl Iterator<Item = u64> + use<'a> {
        let (text, start) = (*self, range.start.max(self.start));
        let mut rest = self.part(start..range.end.max(start));
        let (mut next, step) = (start, self.step());
        std::iter::from_fn(move || {
            loop {
                // The standard library's fastest search for a byte; after the last one it returns
                // the end.
                let passed = rest.skip_until(character).ok().filter(|passed| *passed > 0)?;
                next += passed as u64;
                if text.part(next - 1..next) != [character] {
                    return None;
                }
                // The byte is the first or second of its unit, and may belong to another character.
                let at = next - 1 - (next - 1 - start) % step;
                if text.ascii(at) == character {
                    return Some(at);
                }
            }
        })
    }

    /// Whether these characters stand at a position.
    fn reads(&self, at: u64, characters: &[u8]) -> bool {
        let mut places = (at..).step_by(self.unit_size()).zip(characters);
        places.all(|(at, character)| self.ascii(at) == *character)
    }

    /// The end of the white space that begins `range`; `None` if there is none.
    pub(super) fn space(&self, range: Range<u64>) -> Option<u64> {
        let places = (range.start..range.end).step_by(self.unit_size());
        let end = places.into_iter().find(|at| !is_space(self.ascii(*at))).unwrap_or(range.end);
        (end > range.start).then_some(end)
    }

    /// The end of something that may stand around events and begins at `at`: the file's byte order
    /// mark, or a tag.
    pub(super) fn around(&self, at: u64) -> Option<u64> {
        match self.tag(at) {
            Some(Tag::Around(end)) => Some(end),
            _ => Some(self.mark_end()).filter(|end| at == 0 && *end > 0),
        }
    }

    /// Whether the last tag before `end` is the end tag of an element `Events`.
    pub(super) fn ends_with_events(&self, end: u64) -> bool {
        let start =
            end.saturating_sub(LONGEST_END_TAG).next_multiple_of(self.unit_size() as u64).max(self.start);
        let bytes = self.part(start..end);
        let text = match self.encoding {
            // The first character may be cut.
            Encoding::Utf8 => String::from_utf8_lossy(bytes),
            _ => self.encoding.decode(bytes.get(..bytes.len() & !1).unwrap_or_default()).unwrap_or_default(),
        };
        let last = text.trim_end().strip_suffix('>').and_then(|text| text.rsplit_once("</"));
        last.is_some_and(|(_, name)| local_name(name.trim_end()) == "Events")
    }

    /// The end of the file's byte order mark; 0 if the file has none, or this part does not contain
    /// it.
    fn mark_end(&self) -> u64 {
        let mark = self.encoding.mark();
        if self.start == 0 && self.bytes.starts_with(mark) { mark.len() as u64 } else { 0 }
    }

    /// The end of a tool's lead-in that begins at `at`.
    pub(super) fn lead_in(&self, at: u64) -> Option<u64> {
        if !may_begin_lead_in(self.ascii(at)) || !self.begins_line(at) {
            return None;
        }
        let places = (at..self.end()).step_by(self.unit_size()).take(MOST_LEAD_IN);
        let characters = places.map(|at| self.ascii(at)).take_while(|character| *character != b'\n');
        // One byte for each unit, so that the length counts units.
        let line: String = characters
            .map(|character| if character.is_ascii() { char::from(character) } else { '\0' })
            .collect();
        Some(at + lead_in(&line)? as u64 * self.step())
    }

    /// Whether only blanks precede a position on its line.
    fn begins_line(&self, at: u64) -> bool {
        let step = self.step();
        let before = (1..=MOST_INDENT as u64).map_while(|units| at.checked_sub(units * step));
        let first =
            before.map(|at| (at, self.ascii(at))).find(|(_, character)| !matches!(character, b' ' | b'\t'));
        match first {
            Some((before, character)) => character == b'\n' || before + step == self.mark_end(),
            None => at <= MOST_INDENT as u64 * step,
        }
    }

    /// The end of stray text that begins `range`: the start of the next thing that may stand there,
    /// without white space before it.
    pub(super) fn stray(&self, range: Range<u64>) -> u64 {
        let step = self.step();
        let mut from = range.start + step;
        // It goes line by line, so that nothing is examined twice, however much of the text is
        // stray.
        let mut end = loop {
            let newline = self.places_of(b'\n', from..range.end).next();
            let mut angles = self.angles(from..newline.unwrap_or(range.end));
            if let Some(tag) = angles.find(|at| self.around(*at).is_some()) {
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

    /// The tag whose `<` is at a position.
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

    /// The end of the word `Event` at a position, with or without a namespace prefix before it.
    fn after_event(&self, name: u64) -> Option<u64> {
        const EVENT: &[u8] = b"Event";
        let name_end = |name: u64| self.reads(name, EVENT).then(|| name + EVENT.len() as u64 * self.step());
        name_end(name).or_else(|| name_end(self.after_prefix(name)?))
    }

    /// The end of the namespace prefix at a position, with its colon.
    fn after_prefix(&self, name: u64) -> Option<u64> {
        let mut places = (name..).step_by(self.unit_size()).take(MOST_PREFIX);
        let end = places.find(|at| !is_prefix_character(self.ascii(*at)))?;
        (end > name && self.ascii(end) == b':').then(|| end + self.step())
    }

    /// The start tag of an event, or of the element around them. The word `Event` in its name ends
    /// at `name_end`.
    fn start_tag(&self, name_end: u64) -> Option<Tag> {
        let next = self.ascii(name_end);
        if next == b's' && ends_name(self.ascii(name_end + self.step())) {
            return self.close(name_end, b">").map(Tag::Around);
        }
        ends_name(next).then_some(Tag::Start)
    }

    /// The end tag of an event, or of the element around them. The word `Event` in its name ends at
    /// `name_end`.
    fn end_tag(&self, name_end: u64) -> Option<Tag> {
        let is_around = self.ascii(name_end) == b's';
        let name = if is_around { name_end + self.step() } else { name_end };
        let space = self.space(name..self.end().min(name + MOST_TAG_BYTES)).unwrap_or(name);
        let end = (self.ascii(space) == b'>').then(|| space + self.step())?;
        Some(if is_around { Tag::Around(end) } else { Tag::End(end) })
    }

    /// The end of a tag whose name ends at `name`; `None` if another tag begins before.
    fn close(&self, name: u64, last: &[u8]) -> Option<u64> {
        let step = self.step();
        let mut places = (name..self.end().min(name + MOST_TAG_BYTES)).step_by(self.unit_size());
        let at = places.find(|at| matches!(self.ascii(*at), b'<' | b'>'))?;
        let first = (at + step).checked_sub(last.len() as u64 * step)?;
        (first >= name && self.reads(first, last)).then_some(at + step)
    }

    /// The event that begins at `start`; `None` if its end lies after this part.
    fn event(&self, start: u64) -> Option<EventSpan> {
        let limit = start + MOST_EVENT_BYTES;
        for at in self.angles(start + self.step()..limit.min(self.end())) {
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

    /// The events that begin in a range, in order; `None` if the last one's end lies after this
    /// part.
    pub(super) fn pieces(&self, range: Range<u64>) -> Option<Vec<EventSpan>> {
        let mut pieces = Vec::new();
        let mut at = range.start;
        while let Some(start) = self.angles(at..range.end).find(|at| self.tag(*at) == Some(Tag::Start)) {
            let piece = self.event(start)?;
            at = piece.range.end;
            pieces.push(piece);
        }
        Some(pieces)
    }

    /// The position at which the content of a block begins: its start, or the end of what began
    /// before it. `None` if more bytes before the block are needed to decide; with `as_ever`, as
    /// many as can matter are there.
    pub(super) fn start_of(&self, block: Block, as_ever: bool) -> Option<u64> {
        if block.is_first() {
            return Some(block.start);
        }
        let (mut angle, mut start) = (None, None);
        for at in self.angles(self.start..block.start) {
            angle = Some(at);
            if self.tag(at) == Some(Tag::Start) {
                start = angle;
            }
        }
        let event_end = match start {
            Some(start) => self.event(start)?.range.end,
            None if self.start > 0 && !as_ever => return None,
            None => 0,
        };
        // Of the other tags, none has a `<` in it.
        let tag_end = match angle.filter(|at| *at >= event_end).and_then(|at| self.tag(at)) {
            Some(Tag::Around(end)) => end,
            _ => 0,
        };
        let start = block.start.max(event_end).max(tag_end).max(self.mark_end());
        Some(start.max(self.lead_in_across(block.start, event_end).unwrap_or(0)))
    }

    /// The end of a lead-in that begins before `place`, but not before `from`, and ends after
    /// `place`.
    fn lead_in_across(&self, place: u64, from: u64) -> Option<u64> {
        let longest = (MOST_LEAD_IN + MOST_INDENT) as u64 * self.step();
        let from = place.saturating_sub(longest).max(from).max(self.start);
        let newline = self.places_of(b'\n', from..place).last();
        let line = newline.or_else(|| (from == 0).then(|| self.mark_end()))?;
        let first = self.space(line..place).unwrap_or(line);
        self.lead_in(first).filter(|end| first < place && *end > place)
    }
}

fn is_space(character: u8) -> bool {
    matches!(character, b' ' | b'\t' | b'\r' | b'\n')
}

/// Whether a tag's name ends before this character.
fn ends_name(character: u8) -> bool {
    is_space(character) || matches!(character, b'>' | b'/')
}
