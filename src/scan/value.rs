//! Values of a template instance: their types, and where each lies. A record's own values and
//! those of the `EventData` nested in them are laid out alike.
//!
//! Layout: [MS-EVEN6] 2.2.12, "TemplateInstanceData": a count, a descriptor of four bytes for each
//! value (size, type, zero), then the values without any padding.

use std::ops::Range;

use super::binxml::{
    FRAGMENT, FRAGMENT_HEADER, Index, NULL, SID, definition_end, is_cut_short, is_well_sized,
};
use super::log::u32_at;

/// The values of a template instance.
#[derive(Debug, Clone, Copy)]
pub(super) struct Values<'a> {
    chunk: &'a [u8],
    /// Where the definition lies in the chunk.
    pub definition: usize,
    /// Whether it lies in the instance itself, before the number of values.
    pub holds_definition: bool,
    /// The descriptors, four bytes each.
    descriptors: &'a [u8],
    /// Where the first value starts, in the chunk.
    start: usize,
}

impl<'a> Values<'a> {
    /// Reads the head of a template instance that begins `range` of the chunk, with or without a
    /// fragment header before it. `None` if it is anything else, or its values do not fill the range.
    pub(super) fn read(chunk: &'a [u8], range: Range<usize>) -> Option<Self> {
        let values = Self::head(chunk, range.start)?;
        values.fill(range.end).then_some(values)
    }

    /// Reads the head of a template instance, without a look at its values.
    pub(super) fn head(chunk: &'a [u8], mut at: usize) -> Option<Self> {
        if chunk.get(at..at + 4)? == FRAGMENT_HEADER {
            at += 4;
        }
        // The token, an unknown byte that is always 1, the definition's id, and its offset.
        if chunk.get(at..at + 2)? != [0x0c, 1] {
            return None;
        }
        let definition = usize::try_from(u32_at(chunk, at + 6)?).ok()?;
        at += 10;
        let holds_definition = definition == at;
        if holds_definition {
            at = definition_end(chunk, definition)?;
        }
        let count = usize::try_from(u32_at(chunk, at)?).ok()?;
        let start = count.checked_mul(4)?.checked_add(at + 4)?;
        Some(Values { chunk, definition, holds_definition, descriptors: chunk.get(at + 4..start)?, start })
    }

    /// The number that the template instance at `at` knows its definition by.
    pub(super) fn definition_number(chunk: &[u8], mut at: usize) -> Option<u32> {
        if chunk.get(at..at + 4)? == FRAGMENT_HEADER {
            at += 4;
        }
        u32_at(chunk, at + 2)
    }

    /// Whether each value has the size that its type has, and all fill the fragment they are in, which
    /// ends at `end`: with its last byte, or with a token behind them that says so.
    pub(super) fn fill(&self, end: usize) -> bool {
        let mut at = self.start;
        for descriptor in self.descriptors.as_chunks::<4>().0 {
            let (kind, size) = (descriptor[2], size(*descriptor));
            if !is_well_sized(kind, size) || (kind == SID && !is_sid(self.chunk, at, size)) {
                return false;
            }
            at += size;
        }
        at == end || (at < end && self.chunk.get(at) == Some(&0))
    }

    /// Whether a value, or one of those nested in it, has fewer bytes than its type.
    pub(super) fn is_cut_short(&self) -> bool {
        let mut at = self.start;
        self.descriptors.as_chunks::<4>().0.iter().any(|descriptor| {
            let (kind, size) = (descriptor[2], size(*descriptor));
            let start = at;
            at += size;
            let nested = || {
                let values = Self::head(self.chunk, start)?;
                // What nests deeper than an event's data in its fragment is left to the decoder.
                Some(
                    values
                        .descriptors
                        .as_chunks::<4>()
                        .0
                        .iter()
                        .any(|inner| is_cut_short(inner[2], self::size(*inner))),
                )
            };
            is_cut_short(kind, size)
                || (kind == SID
                    && self.chunk.get(start + 1).is_some_and(|parts| 8 + usize::from(*parts) * 4 > size))
                || (kind == FRAGMENT && nested().unwrap_or(false))
        })
    }

    /// Whether a value is null, as an empty fragment is too; `None` if there is no such value.
    pub(super) fn is_null(&self, index: Index) -> Option<bool> {
        let descriptor = self.descriptors.as_chunks::<4>().0.get(usize::from(index))?;
        Some(is_null(descriptor[2], size(*descriptor)))
    }

    /// The places of the values of that type, from the first value: each with its size.
    pub(super) fn places(&self, kind: u8) -> impl Iterator<Item = (usize, usize)> + 'a {
        let mut at = 0;
        let descriptors = self.descriptors.as_chunks::<4>().0.iter();
        descriptors.filter_map(move |descriptor| {
            let place = (at, size(*descriptor));
            at += place.1;
            (descriptor[2] == kind).then_some(place)
        })
    }

    /// The types of all values, in their order.
    pub(super) fn kinds(&self) -> impl Iterator<Item = u8> + 'a {
        self.descriptors.as_chunks::<4>().0.iter().map(|descriptor| descriptor[2])
    }

    /// Where the first value starts, in the chunk.
    pub(super) fn start(&self) -> usize {
        self.start
    }

    /// Where a value starts, in the chunk.
    pub(super) fn start_of(&self, index: usize) -> Option<usize> {
        Some(self.start + sizes(self.descriptors.get(..index * 4)?))
    }

    /// The index of the last value, its type and its size; `None` where there is no value.
    pub(super) fn last(&self) -> Option<(usize, u8, usize)> {
        let index = (self.descriptors.len() / 4).checked_sub(1)?;
        let [low, high, kind, _] = *self.descriptors.last_chunk::<4>()?;
        Some((index, kind, usize::from(u16::from_le_bytes([low, high]))))
    }

    /// The type of a value; `None` if there is no such value.
    pub(super) fn kind(&self, index: Index) -> Option<u8> {
        self.descriptors.get(usize::from(index) * 4 + 2).copied()
    }

    /// Where a value of the type `kind` lies in the chunk; `None` if the value is of another.
    pub(super) fn range(&self, index: Index, kind: u8) -> Option<Range<usize>> {
        let at = usize::from(index) * 4;
        let [low, high, found, _] = *self.descriptors.get(at..)?.first_chunk::<4>()?;
        let start = self.start + sizes(self.descriptors.get(..at)?);
        (found == kind).then(|| start..start + usize::from(u16::from_le_bytes([low, high])))
    }

    /// The bytes of a value of the type `kind`.
    pub(super) fn bytes(&self, index: Index, kind: u8) -> Option<&'a [u8]> {
        self.chunk.get(self.range(index, kind)?)
    }
}

/// Whether a value of that type and size is null: an element that depends on it is left out.
pub(super) fn is_null(kind: u8, size: usize) -> bool {
    kind == NULL || (kind == FRAGMENT && size == 0)
}

/// Whether the security identifier at `at` of a chunk is as long as it says itself.
fn is_sid(chunk: &[u8], at: usize, size: usize) -> bool {
    chunk.get(at + 1).is_some_and(|parts| 8 + usize::from(*parts) * 4 == size)
}

/// The size in a descriptor.
fn size(descriptor: [u8; 4]) -> usize {
    usize::from(u16::from_le_bytes([descriptor[0], descriptor[1]]))
}

/// The sum of the sizes in descriptors.
fn sizes(descriptors: &[u8]) -> usize {
    descriptors.as_chunks().0.iter().copied().map(size).sum()
}
