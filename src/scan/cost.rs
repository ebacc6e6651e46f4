//! What decoding a record would cost, known before it is decoded.
//!
//! The decoder reads a name anew wherever an element refers to it, keeps what it reads until the chunk is done, and reads
//! a definition that is wrong anew for each record that refers to it. Definitions may overlap, and values reach out of
//! their records. So a crafted chunk of 64 KiB could take six gigabytes, and the seconds to fill them. Its bounds are on what
//! it renders, not on what it reads; the bound here is on that, and counts bytes and not time, so that the same evidence
//! gives the same answer everywhere.
//!
//! The walk is the decoder's own, over the same tokens: [MS-EVEN6] 2.2.12 and libevtx's format document, "Binary XML". Where
//! it meets something that is no token, so does the decoder, which then gives up on the record.

use std::collections::HashMap;
use std::ops::Range;

use super::binxml::{DEFINITION_HEADER_SIZE, FRAGMENT, SID, TEXT, definition_end, is_cut_short};
use super::log::{u16_at, u32_at};

/// The most memory that a chunk's records may take to decode, roughly, in bytes: each may take as much of it as every other
/// of them, so that it does not matter which of them are decoded. Of 230 chunks of real logs and of samples, the costliest
/// would come to a twelfth of it, if each of its records cost what its costliest does.
const MOST_COST: usize = 128 << 20;
/// Bytes of memory that a byte of tokens can come to, a byte of an array, and a unit of a name.
const PER_TOKEN_BYTE: usize = 8;
const PER_ARRAY_BYTE: usize = 16;
const PER_NAME_UNIT: usize = 3;
/// The bit of an array's type.
const ARRAY: u8 = 0x80;
/// Streams inside each other: the decoder's own limit, behind which it gives up.
const DEEPEST_NESTING: usize = 64;

/// What decoding each record of a chunk may cost.
#[derive(Debug)]
pub(super) struct Allowance<'a> {
    chunk: &'a [u8],
    most: usize,
    /// What the definitions cost that were met so far; `None` for more than any record may.
    definitions: HashMap<usize, Option<usize>>,
}

/// Where tokens stand: only those of a definition tell what they depend on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Content,
    Definition,
}

impl<'a> Allowance<'a> {
    /// What may be spent on each of that many records of a chunk.
    pub(super) fn new(chunk: &'a [u8], records: usize) -> Self {
        Allowance { chunk, most: MOST_COST / records.max(1), definitions: HashMap::new() }
    }

    /// Whether decoding a record costs no more than it may. Its content lies in that range.
    pub(super) fn covers(&mut self, content: Range<usize>) -> bool {
        self.stream(content, Kind::Content, 0).is_some()
    }

    /// The cost of the tokens that begin in a range; `None` for too much.
    fn stream(&mut self, range: Range<usize>, kind: Kind, depth: usize) -> Option<usize> {
        let mut cost = range.len() * PER_TOKEN_BYTE;
        let mut at = range.start;
        if depth > DEEPEST_NESTING {
            return None;
        }
        while at < range.end {
            let Some(token) = self.chunk.get(at).copied() else { break };
            at += 1;
            let behind = match token {
                0x01 | 0x41 => {
                    // What it depends on, its size and, behind the name, the size of its attributes.
                    at += if kind == Kind::Definition { 6 } else { 4 };
                    self.name(at, &mut cost).map(|behind| behind + if token == 0x41 { 4 } else { 0 })
                }
                0x02..=0x04 => Some(at),
                0x05 | 0x45 => self.literal(at, kind, depth, &mut cost)?,
                0x06 | 0x46 | 0x09 | 0x49 | 0x0a => self.name(at, &mut cost),
                0x07 | 0x47 | 0x0b => self.text(at),
                0x08 | 0x48 => Some(at + 2),
                0x0c => self.instance(at, depth, &mut cost)?,
                0x0d..=0x0f => Some(at + 3),
                _ => None,
            };
            // The end, or no token: the decoder does not go on either.
            let Some(behind) = behind else { break };
            at = behind;
            if cost > self.most {
                return None;
            }
        }
        (cost <= self.most).then_some(cost)
    }

    /// A reference to a name: adds what the name costs, and says what follows; `None` where there is no such name.
    fn name(&self, at: usize, cost: &mut usize) -> Option<usize> {
        let offset = usize::try_from(u32_at(self.chunk, at)?).ok()?;
        let units = usize::from(u16_at(self.chunk, offset.checked_add(6)?)?);
        *cost += units * PER_NAME_UNIT;
        let at = at + 4;
        Some(if offset == at { at + 10 + units * 2 } else { at })
    }

    /// What follows a text with its length before it.
    fn text(&self, at: usize) -> Option<usize> {
        Some(at + 2 + usize::from(u16_at(self.chunk, at)?) * 2)
    }

    /// A value that is written among the tokens: adds what it costs, and says what follows. `None` for too much,
    /// `Some(None)` where the decoder does not go on.
    fn literal(&mut self, at: usize, kind: Kind, depth: usize, cost: &mut usize) -> Option<Option<usize>> {
        let Some(value) = self.chunk.get(at).copied() else { return Some(None) };
        let at = at + 1;
        if value == TEXT {
            return Some(self.text(at));
        }
        if value != FRAGMENT {
            return Some(width(self.chunk, at, value).map(|width| at + width));
        }
        // A definition that holds another instance could hold one of itself.
        if kind == Kind::Definition {
            return None;
        }
        let Some(length) = u16_at(self.chunk, at) else { return Some(None) };
        let (start, end) = (at + 2, at + 2 + usize::from(length));
        *cost += self.stream(start..end, Kind::Content, depth + 1)?;
        Some(Some(end))
    }

    /// An instance of a template behind its token: adds what it costs, and says what follows. `None` for too much,
    /// `Some(None)` where the decoder does not go on.
    fn instance(&mut self, at: usize, depth: usize, cost: &mut usize) -> Option<Option<usize>> {
        let definition = |at| usize::try_from(u32_at(self.chunk, at)?).ok();
        // An unknown byte and the definition's id lie before its offset.
        let Some(definition) = definition(at + 5) else { return Some(None) };
        let mut at = at + 9;
        if definition == at {
            let Some(end) = definition_end(self.chunk, definition) else { return Some(None) };
            at = end;
        }
        let Some(count) = u32_at(self.chunk, at).and_then(|count| usize::try_from(count).ok()) else {
            return Some(None);
        };
        at += 4;
        let end = count.checked_mul(4).and_then(|length| at.checked_add(length));
        let Some(descriptors) = end.and_then(|end| self.chunk.get(at..end)) else { return Some(None) };
        at += descriptors.len();
        *cost += self.definition(definition)? + descriptors.len() * PER_TOKEN_BYTE;
        for [low, high, kind, _] in descriptors.as_chunks::<4>().0.iter().copied() {
            let size = usize::from(u16::from_le_bytes([low, high]));
            let end = at + size;
            if kind & ARRAY != 0 {
                *cost += size * PER_ARRAY_BYTE;
            } else if kind == FRAGMENT {
                *cost += self.stream(at..end, Kind::Content, depth + 1)?;
            } else if is_cut_short(kind, size)
                || width(self.chunk, at, kind).is_some_and(|width| width > size)
            {
                // The decoder would take what follows for more of it, and all values behind it from elsewhere.
                return None;
            } else {
                *cost += size;
            }
            if *cost > self.most {
                return None;
            }
            at = end;
        }
        Some(Some(at))
    }

    /// What it costs to read a definition. That is paid for each time, as the decoder forgets one that is wrong.
    fn definition(&mut self, offset: usize) -> Option<usize> {
        if let Some(known) = self.definitions.get(&offset) {
            return *known;
        }
        let start = offset.checked_add(DEFINITION_HEADER_SIZE)?;
        let end = definition_end(self.chunk, offset).filter(|end| *end <= self.chunk.len());
        let cost = match end {
            Some(end) => self.stream(start..end, Kind::Definition, 0),
            None => Some(0),
        };
        self.definitions.insert(offset, cost);
        cost
    }
}

/// The bytes of a value of a type that has a size of its own; `None` for any other.
fn width(chunk: &[u8], at: usize, kind: u8) -> Option<usize> {
    Some(match kind {
        0x00 => 0,
        0x03 | 0x04 => 1,
        0x05 | 0x06 => 2,
        0x07 | 0x08 | 0x0b | 0x0d | 0x14 => 4,
        0x09 | 0x0a | 0x0c | 0x11 | 0x15 => 8,
        0x0f | 0x12 => 16,
        SID => 8 + usize::from(*chunk.get(at + 1)?) * 4,
        _ => return None,
    })
}
