//! What decoding a record would cost, known before it is decoded.
//!
//! The decoder reads a name anew wherever an element refers to it, keeps what it reads until the
//! chunk is done, and reads a definition that is wrong anew for each record that refers to it.
//! Definitions may overlap, and values reach out of their records. So a crafted chunk of 64 KiB
//! could take six gigabytes, and the seconds to fill them. Its bounds are on what it renders, not
//! on what it reads; the bound here is on that, and counts bytes and not time, so that the same
//! evidence gives the same answer everywhere.
//!
//! The walk is the decoder's own, over the same tokens: [MS-EVEN6] 2.2.12 and libevtx's format
//! document, "Binary XML". Where it meets something that is no token, so does the decoder, which
//! then gives up on the record.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::scan::evtx::binxml::descriptor::{DESCRIPTOR_SIZE, size, value_type};
use crate::scan::evtx::binxml::value_type::sid_size;
use crate::scan::evtx::binxml::{
    DEFINITION_HEADER_SIZE, FRAGMENT, SID, TEXT, ValueType, definition_end, token,
};
use crate::scan::evtx::log::{u16_at, u32_at};

/// The most memory that a chunk's records may take to decode, roughly, in bytes: each may take as
/// much of it as every other of them, so that it does not matter which of them are decoded. Of 230
/// chunks of real logs and of samples, none comes to a quarter of it, were each of its records to
/// cost what its costliest does. That is no chance: a definition of many fields makes records long,
/// so that a chunk has few of them.
const MOST_COST: usize = 64 << 20;
/// Bytes of memory that a byte of tokens can come to, a byte of an array, and a unit of a name.
const PER_TOKEN_BYTE: usize = 16;
const PER_ARRAY_BYTE: usize = 16;
const PER_NAME_UNIT: usize = 3;
/// Streams inside each other: the decoder's own limit, behind which it gives up.
const DEEPEST_NESTING: usize = 64;

/// What decoding each record of a chunk may cost.
#[derive(Debug)]
pub(in crate::scan) struct Allowance<'a> {
    chunk: &'a [u8],
    most: usize,
    /// What the definitions cost that were met so far; `None` for more than any record may.
    definitions: BTreeMap<usize, Option<usize>>,
}

/// Where tokens stand: only those of a definition tell what they depend on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Content,
    Definition,
}

/// Why a walk over tokens does not go on.
enum Stop {
    /// They are over, or what is there is no token: the decoder does not go on either.
    End,
    /// They cost more than they may, or what cannot be known.
    TooMuch,
}

impl<'a> Allowance<'a> {
    /// What may be spent on each of that many records of a chunk.
    pub(in crate::scan) fn new(chunk: &'a [u8], records: usize) -> Self {
        Allowance { chunk, most: MOST_COST / records.max(1), definitions: BTreeMap::new() }
    }

    /// Whether decoding a record costs no more than it may. Its content lies in that range.
    pub(in crate::scan) fn covers(&mut self, content: Range<usize>) -> bool {
        self.stream(content, Kind::Content, 0).is_some()
    }

    /// The cost of the tokens that begin in a range; `None` for too much.
    fn stream(&mut self, range: Range<usize>, kind: Kind, depth: usize) -> Option<usize> {
        if depth > DEEPEST_NESTING {
            return None;
        }
        // What lies in records once is no more than the chunk: only what is read again and again
        // adds up.
        let once = depth == 0 && kind == Kind::Content;
        let mut cost = if once { 0 } else { range.len() * PER_TOKEN_BYTE };
        let mut at = range.start;
        while at < range.end && cost <= self.most {
            at = match self.token(at, kind, depth, &mut cost) {
                Ok(behind) => behind,
                Err(Stop::End) => break,
                Err(Stop::TooMuch) => return None,
            };
        }
        (cost <= self.most).then_some(cost)
    }

    /// Adds what a token costs, and says what follows it.
    fn token(&mut self, at: usize, kind: Kind, depth: usize, cost: &mut usize) -> Result<usize, Stop> {
        let number = *self.chunk.get(at).ok_or(Stop::End)?;
        let at = at + 1;
        Ok(match number {
            // An element: what it depends on, its size, its name, and the size of its attributes.
            token::ELEMENT | token::ELEMENT_WITH_ATTRIBUTES => {
                let name = at + if kind == Kind::Definition { 6 } else { 4 };
                self.name(name, cost)? + if number == token::ELEMENT_WITH_ATTRIBUTES { 4 } else { 0 }
            }
            token::END_OF_START_TAG | token::END_OF_EMPTY_ELEMENT | token::END_OF_ELEMENT => at,
            token::VALUE | token::VALUE_MORE => self.literal(at, kind, depth, cost)?,
            token::ATTRIBUTE
            | token::ATTRIBUTE_MORE
            | token::ENTITY
            | token::ENTITY_MORE
            | token::INSTRUCTION_TARGET => self.name(at, cost)?,
            token::CDATA | token::CDATA_MORE | token::INSTRUCTION_DATA => at + 2 + self.short(at)? * 2,
            token::CHARACTER | token::CHARACTER_MORE => at + 2,
            // A definition that holds an instance could hold one of itself. The decoder has none of
            // it.
            token::TEMPLATE_INSTANCE if kind == Kind::Definition => return Err(Stop::TooMuch),
            token::TEMPLATE_INSTANCE => self.instance(at, depth, cost)?,
            token::SUBSTITUTION | token::OPTIONAL_SUBSTITUTION | token::FRAGMENT_HEADER => at + 3,
            _ => return Err(Stop::End),
        })
    }

    /// A reference to a name, which follows the first one.
    fn name(&self, at: usize, cost: &mut usize) -> Result<usize, Stop> {
        let offset = self.long(at)?;
        let units = self.short(offset.saturating_add(6))?;
        *cost += units * PER_NAME_UNIT;
        let at = at + 4;
        Ok(if offset == at { at + 10 + units * 2 } else { at })
    }

    /// A value that is written among the tokens.
    fn literal(&mut self, at: usize, kind: Kind, depth: usize, cost: &mut usize) -> Result<usize, Stop> {
        let value = ValueType::of(*self.chunk.get(at).ok_or(Stop::End)?);
        let at = at + 1;
        match value {
            TEXT => Ok(at + 2 + self.short(at)? * 2),
            // Likewise a fragment, in which there may be an instance.
            FRAGMENT if kind == Kind::Definition => Err(Stop::TooMuch),
            FRAGMENT => {
                let start = at + 2;
                let end = start + self.short(at)?;
                *cost += self.stream(start..end, Kind::Content, depth + 1).ok_or(Stop::TooMuch)?;
                Ok(end)
            }
            _ => width(self.chunk, at, value).map(|width| at + width).ok_or(Stop::End),
        }
    }

    /// An instance of a template: its definition and its values.
    fn instance(&mut self, at: usize, depth: usize, cost: &mut usize) -> Result<usize, Stop> {
        // An unknown byte and the definition's id lie before its offset.
        let definition = self.long(at + 5)?;
        let mut at = at + 9;
        if definition == at {
            at = definition_end(self.chunk, definition).ok_or(Stop::End)?;
        }
        let length = self.long(at)?.checked_mul(DESCRIPTOR_SIZE).ok_or(Stop::End)?;
        at += 4;
        let descriptors = self.chunk.get(at..at.saturating_add(length)).ok_or(Stop::End)?;
        at += length;
        *cost += self.definition(definition).ok_or(Stop::TooMuch)? + length * PER_TOKEN_BYTE;
        for descriptor in descriptors.as_chunks().0 {
            let (kind, size) = (value_type(*descriptor), size(*descriptor));
            let end = at + size;
            *cost += if kind.is_array() {
                size * PER_ARRAY_BYTE
            } else if kind == FRAGMENT {
                self.stream(at..end, Kind::Content, depth + 1).ok_or(Stop::TooMuch)?
            } else if kind.is_cut_short(size) || width(self.chunk, at, kind).is_some_and(|width| width > size)
            {
                // The decoder would take what follows for more of it, and the values behind it from
                // elsewhere.
                return Err(Stop::TooMuch);
            } else {
                size
            };
            if *cost > self.most {
                return Err(Stop::TooMuch);
            }
            at = end;
        }
        Ok(at)
    }

    /// The u16 that lies there.
    fn short(&self, at: usize) -> Result<usize, Stop> {
        u16_at(self.chunk, at).map(usize::from).ok_or(Stop::End)
    }

    /// The u32 that lies there.
    fn long(&self, at: usize) -> Result<usize, Stop> {
        u32_at(self.chunk, at).and_then(|number| usize::try_from(number).ok()).ok_or(Stop::End)
    }

    /// What it costs to read a definition. That is paid for each time, as the decoder forgets one
    /// that is wrong.
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

/// The bytes of the value of that type at `at`; `None` for a type whose values do not tell their
/// size.
fn width(chunk: &[u8], at: usize, kind: ValueType) -> Option<usize> {
    if kind == SID { sid_size(chunk, at) } else { kind.size() }
}
