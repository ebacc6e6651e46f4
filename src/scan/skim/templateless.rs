//! Decides whether a record without a template can be read. Many forwarded records have none.
//!
//! Such a record contains its event as nested elements. Only the names of elements and attributes
//! may lie elsewhere in the chunk, each with its hash. The event's meaning is not examined.
//!
//! Tokens and names: [MS-EVEN6] 2.2.12, checked against real logs.

use std::ops::Range;

use crate::scan::evtx::binxml::text::{Text, holds_nul, units};
use crate::scan::evtx::binxml::{FRAGMENT_HEADER, TEXT, ValueType, token};
use crate::scan::evtx::chunk::CHUNK_HEADER_SIZE;
use crate::scan::evtx::log::u16_at;
use crate::scan::evtx::token_reader::LONGEST_NAME;

/// The greatest number of names of elements and attributes that are examined for one chunk, which
/// is several times that of a real chunk. Records with further names count as not readable. The
/// number is limited because a crafted chunk can contain a great many overlapping records.
const MOST_NAMES: usize = 1 << 16;
/// The name of the root element of every event.
const EVENT: &str = "Event";

/// Decides which records without a template can be read. There is one for each chunk, because the
/// number of names that are examined per chunk is limited.
#[derive(Debug)]
pub(in crate::scan) struct TemplatelessRecords<'c> {
    chunk: &'c [u8],
    /// The number of names of elements and attributes that may still be examined in the chunk.
    names_left: usize,
}

impl<'c> TemplatelessRecords<'c> {
    /// Prepares to examine the records of `chunk`, and at most [`MOST_NAMES`] names in them.
    pub(in crate::scan) fn of(chunk: &'c [u8]) -> Self {
        TemplatelessRecords { chunk, names_left: MOST_NAMES }
    }

    /// Returns whether a record's content, which lies at `content` in the chunk, is exactly one
    /// event in nested elements: all elements are closed, and all their names are whole.
    pub(in crate::scan) fn is_readable(&mut self, content: Range<usize>) -> bool {
        let Some(bytes) = self.chunk.get(..content.end) else { return false };
        let mut cursor = Cursor { bytes, at: content.start };
        let is_event = cursor.take::<4>() == Some(FRAGMENT_HEADER) && self.element(&mut cursor).is_some();
        // Records are padded to a multiple of eight bytes.
        is_event
            && cursor.rest().is_some_and(|rest| {
                rest.first() == Some(&token::END_OF_FRAGMENT) && rest.iter().all(|byte| *byte == 0)
            })
    }

    /// Moves the cursor past an event's root element and its content; `None` if the element is not
    /// whole, or contains anything unusual.
    fn element(&mut self, cursor: &mut Cursor<'_>) -> Option<()> {
        let mut open = 0_usize;
        loop {
            let kind = cursor.take::<1>()?[0];
            match kind {
                // The bytes of the start of an element: size, name, and the size of the attribute
                // list.
                token::ELEMENT | token::ELEMENT_WITH_ATTRIBUTES => {
                    cursor.take::<4>()?;
                    let name = self.name(cursor)?;
                    if open == 0 && !Text::new(name)?.is(EVENT) {
                        return None;
                    }
                    if kind == token::ELEMENT_WITH_ATTRIBUTES {
                        cursor.take::<4>()?;
                    }
                    open += 1;
                }
                _ if open == 0 => return None,
                token::END_OF_START_TAG => {}
                token::END_OF_EMPTY_ELEMENT | token::END_OF_ELEMENT => {
                    open -= 1;
                    if open == 0 {
                        return Some(());
                    }
                }
                token::VALUE | token::VALUE_MORE => {
                    let [kind] = cursor.take::<1>()?;
                    let units = u16::from_le_bytes(cursor.take::<2>()?);
                    let size = usize::from(units) * 2;
                    // Text contains no NUL, unless it was overwritten.
                    if ValueType::of(kind) != TEXT || holds_nul(cursor.rest()?.get(..size)?) {
                        return None;
                    }
                    cursor.skip(size)?;
                }
                token::ATTRIBUTE | token::ATTRIBUTE_MORE | token::ENTITY | token::ENTITY_MORE => {
                    self.name(cursor)?;
                }
                token::CHARACTER | token::CHARACTER_MORE => {
                    cursor.take::<2>()?;
                }
                _ => return None,
            }
        }
    }

    /// Moves the cursor past a reference to the name of an element or attribute, and returns the
    /// name's text in UTF-16. The name is stored right after the reference, or elsewhere in the
    /// chunk. `None` if the name is not whole, or does not have the hash that is stored with it.
    fn name(&mut self, cursor: &mut Cursor<'_>) -> Option<&'c [u8]> {
        self.names_left = self.names_left.checked_sub(1)?;
        let offset = usize::try_from(u32::from_le_bytes(cursor.take()?)).ok()?;
        if offset < CHUNK_HEADER_SIZE {
            return None;
        }
        // A stored name: the next name in its hash bucket, the hash, the length, the name itself,
        // and a NUL.
        let hash = u16_at(self.chunk, offset.checked_add(4)?)?;
        let units = u16_at(self.chunk, offset + 6).filter(|units| *units <= LONGEST_NAME)?;
        let text = offset + 8..offset + 8 + usize::from(units) * 2;
        if u16_at(self.chunk, text.end)? != 0 {
            return None;
        }
        if offset == cursor.at {
            cursor.skip(text.end + 2 - offset)?;
        }
        let text = self.chunk.get(text)?;
        (name_hash(text) == hash).then_some(text)
    }
}

/// Returns the hash that a chunk stores with a name: the low half of a sum of the name's UTF-16
/// units, each multiplied by a power of 65,599.
fn name_hash(text: &[u8]) -> u16 {
    let sum = units(text).map(u32::from).fold(0_u32, |sum, unit| sum.wrapping_mul(65_599).wrapping_add(unit));
    u16::try_from(sum & 0xffff).unwrap_or_default()
}

/// A position in the content of a record. The field `at` is the position's offset in the chunk, and
/// the field `bytes` contains the chunk up to the content's end.
struct Cursor<'b> {
    bytes: &'b [u8],
    at: usize,
}

impl<'b> Cursor<'b> {
    /// Reads the next `LENGTH` bytes of the record's content; `None` if the content ends before.
    fn take<const LENGTH: usize>(&mut self) -> Option<[u8; LENGTH]> {
        let taken = self.rest()?.first_chunk().copied()?;
        self.at += LENGTH;
        Some(taken)
    }

    /// Moves past the next `length` bytes of the record's content; `None` if the content ends
    /// before.
    fn skip(&mut self, length: usize) -> Option<()> {
        self.rest()?.get(..length)?;
        self.at += length;
        Some(())
    }

    /// Returns the bytes from the cursor's position to the end of the record's content; `None` if
    /// the position lies beyond the end.
    fn rest(&self) -> Option<&'b [u8]> {
        self.bytes.get(self.at..)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::evtx::log::u32_at;
    use crate::scan::queries::chunk;
    use dnsweep_samples::Style;

    fn readable(chunk: &[u8], contents: &[Range<usize>]) -> Vec<bool> {
        let mut templateless = TemplatelessRecords::of(chunk);
        contents.iter().map(|content| templateless.is_readable(content.clone())).collect()
    }

    #[test]
    fn a_name_has_the_hash_that_real_logs_give_it() {
        let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
        assert_eq!((name_hash(&utf16("Event")), name_hash(&utf16("xmlns"))), (0x0cba, 0x0fbc));
    }

    #[test]
    fn a_record_that_is_whole_is_readable() {
        let (chunk, contents) = chunk(Style::Forwarded);
        assert_eq!(readable(&chunk, &contents), [true; 3]);
    }

    #[test]
    fn a_name_that_was_overwritten_costs_all_that_refer_to_it() {
        let (mut chunk, contents) = chunk(Style::Forwarded);
        // The first letter of the first name, which is the event's.
        let name = u32_at(&chunk, contents[0].start + 4 + 5).unwrap() as usize + 8;
        chunk[name] ^= 1;
        assert_eq!(readable(&chunk, &contents), [false; 3]);
        // With the hash of another element's name, the record is not an event either.
        let utf16: Vec<u8> = "Fvent".encode_utf16().flat_map(u16::to_le_bytes).collect();
        chunk[name..name + 10].copy_from_slice(&utf16);
        chunk[name - 4..name - 2].copy_from_slice(&name_hash(&utf16).to_le_bytes());
        assert_eq!(readable(&chunk, &contents), [false; 3]);
    }

    #[test]
    fn a_record_that_does_not_end_where_it_says_is_not_readable() {
        let (chunk, contents) = chunk(Style::Forwarded);
        let cut = |by: usize| contents[2].start..contents[2].end - by;
        let zeros = chunk[..contents[2].end].iter().rev().take_while(|byte| **byte == 0).count();
        // A record without the end of its last element; without any of its final zeros; and with a
        // byte there that is not zero.
        assert_eq!(readable(&chunk, &[cut(zeros + 1), cut(zeros), cut(zeros - 1)]), [false, false, true]);
        let mut odd = chunk.clone();
        odd[contents[2].end - zeros] = 7;
        assert_eq!(readable(&odd, &contents), [true, true, false]);
        assert!(!TemplatelessRecords::of(&chunk).is_readable(contents[2].start..chunk.len() + 1));
    }

    #[test]
    fn names_are_looked_at_up_to_a_number() {
        let (chunk, contents) = chunk(Style::Forwarded);
        let mut templateless = TemplatelessRecords::of(&chunk);
        let first = (0..MOST_NAMES).position(|_| !templateless.is_readable(contents[1].clone()));
        assert!(first.is_some_and(|first| (1000..10_000).contains(&first)), "{first:?}");
    }
}
