//! Estimates what decoding a record would cost, before it is decoded.
//!
//! The decoder (the `evtx` crate) reads a name anew at each reference to the name, keeps everything
//! in memory until the chunk is done, and reads a broken template definition anew for each record
//! that refers to it. Definitions may overlap, and values may reach out of their records. A crafted
//! chunk of 64 KiB could therefore take six gigabytes, and the seconds to fill them. The decoder
//! limits what it renders, not what it reads, so the reading is limited here. The limit counts
//! bytes and not time, so that the same evidence gives the same answer everywhere.
//!
//! The estimate walks the same tokens as the decoder: [MS-EVEN6] 2.2.12 and libevtx's format
//! document, "Binary XML". At a byte that is not a token, both stop, and the decoder gives up on
//! the record.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::scan::evtx::binxml::descriptor::{DESCRIPTOR_SIZE, size, value_type};
use crate::scan::evtx::binxml::value_type::sid_size;
use crate::scan::evtx::binxml::{
    DEFINITION_HEADER_SIZE, FRAGMENT, SID, TEXT, ValueType, definition_end, token,
};
use crate::scan::evtx::log::{u16_at, u32_at};

/// The approximate memory, in bytes, that the decoder (the `evtx` crate) may take for all records
/// of a chunk. Each record gets an equal share, so that it does not matter which records are
/// decoded. In 230 chunks of real logs and samples, the costliest record times the number of
/// records never reached a quarter of this limit: a template definition with many fields makes
/// records long, so a chunk contains few of them.
const MOST_COST: usize = 64 << 20;
/// The memory, in bytes, that the decoder (the `evtx` crate) can take for one byte of tokens
/// (elements, attributes and values in binary XML).
const PER_TOKEN_BYTE: usize = 16;
/// The memory, in bytes, that the decoder (the `evtx` crate) can take for one byte of a value that
/// is an array.
const PER_ARRAY_BYTE: usize = 16;
/// The memory, in bytes, that the decoder (the `evtx` crate) can take for one UTF-16 unit of the
/// name of an element or attribute.
const PER_NAME_UNIT: usize = 3;
/// The greatest depth to which fragments (self-contained pieces of binary XML) may be nested in one
/// another. It is the limit of the decoder, the `evtx` crate, which does not read deeper ones.
const DEEPEST_NESTING: usize = 64;

/// The limit on what decoding each record of a chunk may cost. The cost is an estimate of the
/// memory, in bytes, that the decoder (the `evtx` crate) would take.
#[derive(Debug)]
pub(in crate::scan) struct DecodingBudget<'a> {
    chunk: &'a [u8],
    /// The greatest cost of one record, in bytes of memory: an equal share of what the decoder (the
    /// `evtx` crate) may take for the chunk.
    most: usize,
    /// The cost of each template definition that was estimated so far, in bytes of memory, by the
    /// definition's offset in the chunk; `None` if the cost exceeds the limit for a record, or
    /// cannot be known.
    definitions: BTreeMap<usize, Option<usize>>,
}

/// The kind of binary XML that consecutive tokens belong to. It matters because only elements in
/// template definitions have a field for their dependency: the index of a value without which the
/// element is left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TokenOwner {
    /// The tokens belong to the content of a record, or to binary XML nested in it.
    Content,
    /// The tokens belong to a template definition.
    Definition,
}

/// The reason why the walk over the tokens of binary XML, which estimates what decoding them costs,
/// stops early.
enum Stop {
    /// The bytes of the chunk end, or the next byte is not a token of binary XML. The decoder (the
    /// `evtx` crate) stops there too.
    End,
    /// Decoding the tokens costs more memory than the limit for a record, or the cost cannot be
    /// known.
    TooMuch,
}

impl<'a> DecodingBudget<'a> {
    /// Returns a budget that gives each of the `records` records of a chunk an equal share of the
    /// memory that the decoder (the `evtx` crate) may take for the chunk.
    pub(in crate::scan) fn new(chunk: &'a [u8], records: usize) -> Self {
        DecodingBudget { chunk, most: MOST_COST / records.max(1), definitions: BTreeMap::new() }
    }

    /// Returns whether decoding a record costs no more memory than the limit for a record; false
    /// also if the cost cannot be known. `content` is the range of the record's content in the
    /// chunk.
    pub(in crate::scan) fn covers(&mut self, content: Range<usize>) -> bool {
        self.stream(content, TokenOwner::Content, 0).is_some()
    }

    /// Returns the cost of decoding the tokens of binary XML that begin in a range of the chunk, in
    /// bytes of memory. `kind` says what the tokens belong to, and `depth` is the number of
    /// fragments (self-contained pieces of binary XML) in which they are nested. `None` if the cost
    /// exceeds the limit for a record, or cannot be known.
    fn stream(&mut self, range: Range<usize>, kind: TokenOwner, depth: usize) -> Option<usize> {
        if depth > DEEPEST_NESTING {
            return None;
        }
        // Content that a record contains once is no larger than the chunk. Only repeated reading
        // adds up.
        let once = depth == 0 && kind == TokenOwner::Content;
        let mut cost = if once { 0 } else { range.len() * PER_TOKEN_BYTE };
        let mut at = range.start;
        while at < range.end && cost <= self.most {
            at = match self.token(at, kind, depth, &mut cost) {
                Ok(next) => next,
                Err(Stop::End) => break,
                Err(Stop::TooMuch) => return None,
            };
        }
        (cost <= self.most).then_some(cost)
    }

    /// Adds to `cost` what decoding the token of binary XML at offset `at` of the chunk costs, in
    /// bytes of memory, and returns the offset after the token. `kind` says what the token belongs
    /// to, and `depth` is the number of fragments (self-contained pieces of binary XML) in which it
    /// is nested. The error says why the walk over the tokens must stop at this one.
    fn token(&mut self, at: usize, kind: TokenOwner, depth: usize, cost: &mut usize) -> Result<usize, Stop> {
        let number = *self.chunk.get(at).ok_or(Stop::End)?;
        let at = at + 1;
        Ok(match number {
            // An element: dependency, size, name, and the size of the attribute list.
            token::ELEMENT | token::ELEMENT_WITH_ATTRIBUTES => {
                let name = at + if kind == TokenOwner::Definition { 6 } else { 4 };
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
            // A template instance in a definition could refer to that same definition. The decoder
            // does not support it.
            token::TEMPLATE_INSTANCE if kind == TokenOwner::Definition => return Err(Stop::TooMuch),
            token::TEMPLATE_INSTANCE => self.instance(at, depth, cost)?,
            token::SUBSTITUTION | token::OPTIONAL_SUBSTITUTION | token::FRAGMENT_HEADER => at + 3,
            _ => return Err(Stop::End),
        })
    }

    /// Adds to `cost` what decoding the name of an element or attribute costs, in bytes of memory.
    /// At offset `at` of the chunk lies a reference to the name: the name's offset in the chunk.
    /// Returns the offset after the reference, or after the name if the name directly follows the
    /// reference. Fails with `Stop::End` if the reference or the name's length lies beyond the
    /// chunk's end.
    fn name(&self, at: usize, cost: &mut usize) -> Result<usize, Stop> {
        let offset = self.long(at)?;
        let units = self.short(offset.saturating_add(6))?;
        *cost += units * PER_NAME_UNIT;
        let at = at + 4;
        Ok(if offset == at { at + 10 + units * 2 } else { at })
    }

    /// Adds to `cost` what decoding a literal value in binary XML costs, in bytes of memory. The
    /// value's type lies at offset `at` of the chunk, before the value. `kind` says what the value
    /// belongs to, and `depth` is the number of fragments (self-contained pieces of binary XML) in
    /// which it is nested. Returns the offset after the value. The error says why the walk over the
    /// tokens must stop here.
    fn literal(
        &mut self,
        at: usize,
        kind: TokenOwner,
        depth: usize,
        cost: &mut usize,
    ) -> Result<usize, Stop> {
        let value = ValueType::of(*self.chunk.get(at).ok_or(Stop::End)?);
        let at = at + 1;
        match value {
            TEXT => Ok(at + 2 + self.short(at)? * 2),
            // A fragment in a definition is refused too, because it could contain an instance.
            FRAGMENT if kind == TokenOwner::Definition => Err(Stop::TooMuch),
            FRAGMENT => {
                let start = at + 2;
                let end = start + self.short(at)?;
                *cost += self.stream(start..end, TokenOwner::Content, depth + 1).ok_or(Stop::TooMuch)?;
                Ok(end)
            }
            _ => width(self.chunk, at, value).map(|width| at + width).ok_or(Stop::End),
        }
    }

    /// Adds to `cost` what decoding a template instance (a reference to a template definition, with
    /// the values for it) costs, in bytes of memory: the cost of its template definition and of its
    /// values. `at` is the offset in the chunk after the instance's token. `depth` is the number of
    /// fragments (self-contained pieces of binary XML) in which the instance is nested. Returns the
    /// offset after the instance. The error says why the walk over the tokens must stop here.
    fn instance(&mut self, at: usize, depth: usize, cost: &mut usize) -> Result<usize, Stop> {
        // An unknown byte and the definition's ID precede the offset.
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
                self.stream(at..end, TokenOwner::Content, depth + 1).ok_or(Stop::TooMuch)?
            } else if kind.is_cut_short(size) || width(self.chunk, at, kind).is_some_and(|width| width > size)
            {
                // The decoder would continue in the bytes that follow, and read the later values
                // from elsewhere.
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

    /// Returns the 16-bit number at offset `at` in the chunk. Fails with [`Stop::End`] if the chunk
    /// ends before the number does.
    fn short(&self, at: usize) -> Result<usize, Stop> {
        u16_at(self.chunk, at).map(usize::from).ok_or(Stop::End)
    }

    /// Returns the 32-bit number at offset `at` in the chunk. Fails with [`Stop::End`] if the chunk
    /// ends before the number does.
    fn long(&self, at: usize) -> Result<usize, Stop> {
        u32_at(self.chunk, at).and_then(|number| usize::try_from(number).ok()).ok_or(Stop::End)
    }

    /// Returns the cost of decoding the template definition at `offset` in the chunk, in bytes of
    /// memory; `None` if the cost exceeds the limit for a record, or cannot be known. Callers add
    /// the cost for each reference to the definition, because the decoder (the `evtx` crate) reads
    /// a broken definition anew each time.
    fn definition(&mut self, offset: usize) -> Option<usize> {
        if let Some(known) = self.definitions.get(&offset) {
            return *known;
        }
        let start = offset.checked_add(DEFINITION_HEADER_SIZE)?;
        let end = definition_end(self.chunk, offset).filter(|end| *end <= self.chunk.len());
        let cost = match end {
            Some(end) => self.stream(start..end, TokenOwner::Definition, 0),
            None => Some(0),
        };
        self.definitions.insert(offset, cost);
        cost
    }
}

/// Returns the size, in bytes, of the value of type `kind` at offset `at` in the chunk; `None` if
/// neither the type nor the value states the size.
fn width(chunk: &[u8], at: usize, kind: ValueType) -> Option<usize> {
    if kind == SID { sid_size(chunk, at) } else { kind.size() }
}
