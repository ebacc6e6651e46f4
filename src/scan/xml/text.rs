//! A part of a file of event XML that was read. It finds characters in any encoding, by their
//! positions in the file, and lead-ins. A lead-in is what a tool writes before an event, such as a
//! syslog header.

use std::borrow::Cow;
use std::io::BufRead;
use std::ops::Range;

use crate::evidence::event_xml::{Encoding, MOST_LEAD_IN, NotText, lead_in, may_begin_lead_in};

/// The number of characters before a lead-in (what a tool writes before an event, such as a syslog
/// header) that are searched for the end of the previous line. Only blanks may follow that end;
/// otherwise no lead-in begins there.
const MOST_INDENT: usize = 64;

/// A part of a file of event XML that was read. Positions in its functions are in bytes from the
/// start of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct XmlText<'a> {
    bytes: &'a [u8],
    /// The offset, in the file of event XML, at which the part that was read begins, in bytes.
    pub(super) start: u64,
    pub(super) encoding: Encoding,
    /// True if the part that was read reaches to the end of the file of event XML; false if more of
    /// the file follows.
    pub(super) is_end: bool,
}

impl<'a> XmlText<'a> {
    /// Wraps `bytes`, the part of a file of event XML that begins at offset `start`. `is_end`
    /// states whether the part reaches to the end of the file.
    pub(super) fn new(bytes: &'a [u8], start: u64, encoding: Encoding, is_end: bool) -> Self {
        XmlText { bytes, start, encoding, is_end }
    }

    /// Returns the offset in the file at which this part of it ends, in bytes.
    pub(super) fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Converts a range of the file to a range in the bytes of the part of the file that was read.
    /// A range that extends beyond the part is cut off.
    pub(super) fn byte_range(&self, range: Range<u64>) -> Range<usize> {
        let place = |at: u64| usize::try_from(at.saturating_sub(self.start)).unwrap_or(usize::MAX);
        place(range.start)..place(range.end).min(self.bytes.len())
    }

    /// Returns the bytes in a range of the file, as far as they lie in the part of the file that
    /// was read; empty if none does.
    pub(super) fn part(&self, range: Range<u64>) -> &'a [u8] {
        self.bytes.get(self.byte_range(range)).unwrap_or_default()
    }

    /// Decodes the text in a range of the file; fails if the bytes are not text in the file's
    /// encoding.
    pub(super) fn decoded(&self, range: Range<u64>) -> Result<Cow<'a, str>, NotText> {
        self.encoding.decode(self.part(range))
    }

    /// Returns the beginning of the text in a range of the file, in UTF-8: its first `most` code
    /// units. A message about text that is not an event shows it.
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

    /// Returns the size of a code unit of the file's encoding in bytes, for lengths in memory.
    pub(super) fn unit_size(&self) -> usize {
        self.encoding.unit_size()
    }

    /// Returns the size of a code unit of the file's encoding in bytes, for positions in the file.
    pub(super) fn step(&self) -> u64 {
        self.unit_size() as u64
    }

    /// Returns the ASCII character at position `at` of the file. Returns 0 for any other character,
    /// and outside of the part of the file that was read.
    pub(super) fn ascii(&self, at: u64) -> u8 {
        let bytes = self.part(at..at + self.step());
        match (self.encoding, bytes) {
            (Encoding::Utf8, [byte]) | (Encoding::Utf16Le, [byte, 0]) | (Encoding::Utf16Be, [0, byte]) => {
                *byte
            }
            _ => 0,
        }
    }

    /// Returns the positions of an ASCII character in a range of the file, in order.
    pub(super) fn places_of(&self, character: u8, range: Range<u64>) -> impl Iterator<Item = u64> + use<'a> {
        let (text, start) = (*self, range.start.max(self.start));
        let mut rest = self.part(start..range.end.max(start));
        let (mut next, step) = (start, self.step());
        std::iter::from_fn(move || {
            loop {
                // This is the standard library's fastest search for a byte. If it finds none, it
                // goes to the end.
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

    /// Returns whether the text at position `at` of the file begins with these ASCII characters.
    pub(super) fn reads(&self, at: u64, characters: &[u8]) -> bool {
        let mut places = (at..).step_by(self.unit_size()).zip(characters);
        places.all(|(at, character)| self.ascii(at) == *character)
    }

    /// Returns the position at which the white space at the start of `range` ends; `None` if the
    /// range does not begin with white space.
    pub(super) fn space(&self, range: Range<u64>) -> Option<u64> {
        let places = (range.start..range.end).step_by(self.unit_size());
        let end = places.into_iter().find(|at| !is_space(self.ascii(*at))).unwrap_or(range.end);
        (end > range.start).then_some(end)
    }

    /// Returns the position at which the file's byte order mark ends; 0 if the file has none, or if
    /// the part of the file that was read does not contain it.
    pub(super) fn mark_end(&self) -> u64 {
        let mark = self.encoding.mark();
        if self.start == 0 && self.bytes.starts_with(mark) { mark.len() as u64 } else { 0 }
    }

    /// Returns the position at which the lead-in that begins at `at` ends; `None` if none begins at
    /// `at`. A lead-in is what a tool writes before an event, such as a syslog header.
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

    /// Returns whether a line begins at position `at`, or a limited number of blanks
    /// ([`MOST_INDENT`]) before it.
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

    /// If position `place` lies in a lead-in (what a tool writes before an event, such as a syslog
    /// header), returns the position at which the lead-in ends. The lead-in must begin at `from` or
    /// later, but before `place`, and end after `place`. `None` if there is none.
    pub(super) fn lead_in_across(&self, place: u64, from: u64) -> Option<u64> {
        let longest = (MOST_LEAD_IN + MOST_INDENT) as u64 * self.step();
        let from = place.saturating_sub(longest).max(from).max(self.start);
        let newline = self.places_of(b'\n', from..place).last();
        let line = newline.or_else(|| (from == 0).then(|| self.mark_end()))?;
        let first = self.space(line..place).unwrap_or(line);
        self.lead_in(first).filter(|end| first < place && *end > place)
    }
}

/// Returns whether a character is white space in XML.
pub(super) fn is_space(character: u8) -> bool {
    matches!(character, b' ' | b'\t' | b'\r' | b'\n')
}
