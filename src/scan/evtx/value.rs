//! The values of a template instance: their types and positions. A record's own values and those of
//! the `EventData` nested in them have the same layout.
//!
//! Layout: [MS-EVEN6] 2.2.12, "TemplateInstanceData": a count, a descriptor of four bytes for each
//! value (size, type, zero), then the values without padding.

use std::ops::Range;

use crate::scan::evtx::binxml::descriptor::{SIZE_BITS, TYPE_BITS, size, sizes, value_type};
use crate::scan::evtx::binxml::token::END_OF_FRAGMENT;
use crate::scan::evtx::binxml::value_type::sid_size;
use crate::scan::evtx::binxml::{
    FRAGMENT, FRAGMENT_HEADER, INSTANCE_START, Index, NULL, SID, TEXT, ValueType, definition_end,
};
use crate::scan::evtx::log::u32_at;

/// The shape of a record's values: the types of all values, and the sizes of all except texts,
/// nested binary XML (fragments) and nulls. Most records of one template definition have the same
/// shape, so that it need not be examined anew for each.
#[derive(Debug, Default)]
pub(in crate::scan) struct Shape {
    /// For the descriptor (size and type) of each of a record's values, read as a number: a mask of
    /// the bits in which records of the same shape agree, and what these bits must be. Empty if no
    /// shape is known.
    descriptors: Vec<(u32, u32)>,
}

impl Shape {
    /// Stores the shape of the values that have these descriptors (their sizes and types). Each
    /// size must be right for its type. The shape becomes empty if there is a security identifier
    /// among the values: descriptors alone do not say whether its size is right.
    fn learn(&mut self, descriptors: &[u8]) {
        let descriptors = descriptors.as_chunks::<4>().0;
        self.descriptors.clear();
        if descriptors.iter().any(|descriptor| value_type(*descriptor) == SID) {
            return;
        }
        self.descriptors.extend(descriptors.iter().map(|descriptor| {
            let bits = match value_type(*descriptor) {
                NULL | FRAGMENT => TYPE_BITS,
                // A text's size must be even.
                TEXT => TYPE_BITS | 1,
                _ => TYPE_BITS | SIZE_BITS,
            };
            (bits, u32::from_le_bytes(*descriptor) & bits)
        }));
    }

    /// Returns the total size, in bytes, of the values that have these descriptors (their sizes and
    /// types); `None` if the values do not have this shape.
    fn size(&self, descriptors: &[u8]) -> Option<usize> {
        let descriptors = descriptors.as_chunks::<4>().0;
        if descriptors.len() != self.descriptors.len() || descriptors.is_empty() {
            return None;
        }
        let (mut unlike, mut size) = (0, 0);
        for (descriptor, (bits, known)) in descriptors.iter().zip(&self.descriptors) {
            let descriptor = u32::from_le_bytes(*descriptor);
            unlike |= (descriptor & bits) ^ known;
            size += descriptor & SIZE_BITS;
        }
        if unlike == 0 { usize::try_from(size).ok() } else { None }
    }
}

/// The values that fill the substitutions of a template: a record's own values, or those of the
/// `EventData` nested in them. Only their positions in the chunk are kept, not copies.
#[derive(Debug, Clone, Copy)]
pub(in crate::scan) struct Values<'a> {
    chunk: &'a [u8],
    /// The offset, in the chunk, of the template definition whose substitutions the values fill.
    pub definition: usize,
    /// True if the template definition itself precedes the values, as in the first record that uses
    /// it.
    pub holds_definition: bool,
    /// The descriptors of the values, four bytes each: the size and the type of a value.
    descriptors: &'a [u8],
    /// The offset in the chunk at which the first value starts, in bytes.
    start: usize,
}

impl<'a> Values<'a> {
    /// Reads the descriptors of the template instance (a reference to a template definition, with
    /// the values for it) that fills `range` of the chunk, with or without the four bytes that
    /// start a fragment of binary XML before it. `None` if the bytes are no template instance, or
    /// its values do not fill the range.
    pub(in crate::scan) fn read(chunk: &'a [u8], range: Range<usize>) -> Option<Self> {
        let values = Self::head(chunk, range.start)?;
        values.fill(range.end).then_some(values)
    }

    /// Reads the descriptors of the template instance (a reference to a template definition, with
    /// the values for it) at offset `at` in the chunk, with or without the four bytes that start a
    /// fragment of binary XML before it. The values themselves are not examined. `None` if the
    /// bytes are no template instance.
    pub(in crate::scan) fn head(chunk: &'a [u8], mut at: usize) -> Option<Self> {
        if chunk.get(at..at + 4)? == FRAGMENT_HEADER {
            at += 4;
        }
        // The definition's number and offset follow.
        if chunk.get(at..at + 2)? != INSTANCE_START {
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

    /// Returns the number by which the template instance (a reference to a template definition,
    /// with the values for it) at offset `at` of the chunk refers to its definition: the first four
    /// bytes of the definition's GUID. The four bytes that start a fragment of binary XML may
    /// precede the instance. `None` if the chunk ends before the number.
    pub(in crate::scan) fn definition_number(chunk: &[u8], mut at: usize) -> Option<u32> {
        if chunk.get(at..at + 4)? == FRAGMENT_HEADER {
            at += 4;
        }
        u32_at(chunk, at + 2)
    }

    /// Returns whether each value has a size that its type allows, and all values together fill the
    /// piece of binary XML that ends at offset `end` in the chunk: they end at `end`, or earlier
    /// with an end token after them.
    pub(in crate::scan) fn fill(&self, end: usize) -> bool {
        let mut at = self.start;
        for descriptor in self.descriptors.as_chunks::<4>().0 {
            let (kind, size) = (value_type(*descriptor), size(*descriptor));
            if !kind.is_well_sized(size) || (kind == SID && sid_size(self.chunk, at) != Some(size)) {
                return false;
            }
            at += size;
        }
        at == end || (at < end && self.chunk.get(at) == Some(&END_OF_FRAGMENT))
    }

    /// Returns what [`Values::fill`] returns: whether the values have sizes that their types allow,
    /// and fill the piece of binary XML that ends at offset `end` in the chunk. It is faster if the
    /// values have the shape `known` of earlier values. If they have another shape and the result
    /// is true, `known` becomes their shape.
    #[inline]
    pub(in crate::scan) fn fill_as(&self, end: usize, known: &mut Shape) -> bool {
        if let Some(size) = known.size(self.descriptors) {
            let at = self.start + size;
            return at == end || (at < end && self.chunk.get(at) == Some(&END_OF_FRAGMENT));
        }
        let fills = self.fill(end);
        if fills {
            known.learn(self.descriptors);
        }
        fills
    }

    /// Returns whether any value has fewer bytes than its type needs. Values in nested binary XML
    /// are examined too.
    pub(in crate::scan) fn is_cut_short(&self) -> bool {
        let mut at = self.start;
        self.descriptors.as_chunks::<4>().0.iter().any(|descriptor| {
            let (kind, size) = (value_type(*descriptor), size(*descriptor));
            let start = at;
            at += size;
            let nested = || {
                let values = Self::head(self.chunk, start)?;
                // Deeper nesting than that of an event's data in its fragment is left to the
                // decoder.
                Some(
                    values
                        .descriptors
                        .as_chunks::<4>()
                        .0
                        .iter()
                        .any(|inner| value_type(*inner).is_cut_short(self::size(*inner))),
                )
            };
            kind.is_cut_short(size)
                || (kind == SID && sid_size(self.chunk, start).is_some_and(|said| said > size))
                || (kind == FRAGMENT && nested().unwrap_or(false))
        })
    }

    /// Returns whether the value at `index` is null; empty nested binary XML (a fragment) counts as
    /// null. `None` if no value has that index.
    pub(in crate::scan) fn is_null(&self, index: Index) -> Option<bool> {
        let descriptor = self.descriptors.as_chunks::<4>().0.get(usize::from(index))?;
        Some(is_null(value_type(*descriptor), size(*descriptor)))
    }

    /// Returns, for each value of type `kind`, its offset from the start of the first value, and
    /// its size, both in bytes.
    pub(in crate::scan) fn places(&self, kind: ValueType) -> impl Iterator<Item = (usize, usize)> + 'a {
        let mut at = 0;
        let descriptors = self.descriptors.as_chunks::<4>().0.iter();
        descriptors.filter_map(move |descriptor| {
            let place = (at, size(*descriptor));
            at += place.1;
            (value_type(*descriptor) == kind).then_some(place)
        })
    }

    /// Returns the types of all values, in the order of their indexes.
    pub(in crate::scan) fn kinds(&self) -> impl Iterator<Item = ValueType> + 'a {
        self.descriptors.as_chunks::<4>().0.iter().copied().map(value_type)
    }

    /// Returns the offset in the chunk at which the first value starts, in bytes.
    pub(in crate::scan) fn start(&self) -> usize {
        self.start
    }

    /// Returns the offset in the chunk at which the value at `index` starts, in bytes; `None` if no
    /// value has that index.
    pub(in crate::scan) fn start_of(&self, index: usize) -> Option<usize> {
        Some(self.start + sizes(self.descriptors.get(..index * 4)?))
    }

    /// Returns the index, the type and the size in bytes of the last value; `None` if there are no
    /// values.
    pub(in crate::scan) fn last(&self) -> Option<(usize, ValueType, usize)> {
        let index = (self.descriptors.len() / 4).checked_sub(1)?;
        let descriptor = *self.descriptors.last_chunk::<4>()?;
        Some((index, value_type(descriptor), size(descriptor)))
    }

    /// Returns the type of the value at `index`; `None` if no value has that index.
    pub(in crate::scan) fn kind(&self, index: Index) -> Option<ValueType> {
        self.descriptors.get(usize::from(index) * 4 + 2).copied().map(ValueType::of)
    }

    /// Returns the range, in the chunk, of the value at `index`; `None` if no value has that index,
    /// or the value is not of type `kind`.
    pub(in crate::scan) fn range(&self, index: Index, kind: ValueType) -> Option<Range<usize>> {
        let at = usize::from(index) * 4;
        let descriptor = *self.descriptors.get(at..)?.first_chunk::<4>()?;
        let start = self.start + sizes(self.descriptors.get(..at)?);
        (value_type(descriptor) == kind).then(|| start..start + size(descriptor))
    }

    /// Returns the bytes of the value at `index`; `None` if no value has that index, or the value
    /// is not of type `kind`.
    pub(in crate::scan) fn bytes(&self, index: Index, kind: ValueType) -> Option<&'a [u8]> {
        self.chunk.get(self.range(index, kind)?)
    }
}

/// Returns whether a value of this type and size (in bytes) is null. An element of a template that
/// depends on a null value is left out of the event.
pub(in crate::scan) fn is_null(kind: ValueType, size: usize) -> bool {
    kind == NULL || (kind == FRAGMENT && size == 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::evtx::binxml::value_type::{ANSI_TEXT, SIZE};
    use crate::scan::evtx::binxml::{GUID, U32};
    use proptest::prelude::*;

    /// Returns a template instance (a reference to a template definition, with the values for it)
    /// whose values have these types and sizes and are all zeros, with a few zeros after them. Also
    /// returns the end of the values.
    fn instance(descriptors: &[(ValueType, u16)]) -> (Vec<u8>, usize) {
        let mut chunk = [&INSTANCE_START[..], &[0, 0, 0, 0, 0xff, 0xff, 0, 0]].concat();
        chunk.extend(u32::try_from(descriptors.len()).unwrap().to_le_bytes());
        for (kind, size) in descriptors {
            let [low, high] = size.to_le_bytes();
            chunk.extend([low, high, kind.number(), 0]);
        }
        let end = chunk.len() + descriptors.iter().map(|(_, size)| usize::from(*size)).sum::<usize>();
        chunk.resize(end + 4, 0);
        (chunk, end)
    }

    fn descriptor() -> impl Strategy<Value = (ValueType, u16)> {
        let kind = prop_oneof![
            Just(TEXT),
            Just(NULL),
            Just(GUID),
            Just(U32),
            Just(SID),
            Just(FRAGMENT),
            Just(ANSI_TEXT),
            Just(SIZE),
            any::<u8>().prop_map(ValueType::of)
        ];
        (kind, prop_oneof![Just(0_u16), Just(2), Just(4), Just(8), Just(16), 0..20_u16])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn values_of_a_shape_fill_what_they_fill_one_by_one(
            first in prop::collection::vec(descriptor(), 0..4),
            changes in prop::collection::vec((any::<prop::sample::Index>(), descriptor(), any::<bool>()), 0..4),
            ends in prop::collection::vec(-1_isize..3, 5),
        ) {
            let mut descriptors = first;
            let mut known = Shape::default();
            for (turn, behind) in ends.into_iter().enumerate() {
                let (chunk, end) = instance(&descriptors);
                let values = Values::head(&chunk, 0).unwrap();
                let end = end.checked_add_signed(behind).unwrap();
                prop_assert_eq!(values.fill_as(end, &mut known), values.fill(end));
                // The next instance is like this one, or differs in one descriptor, or only in the
                // size of a value.
                if let Some((place, other, size_only)) = changes.get(turn) && !descriptors.is_empty() {
                    let place = place.index(descriptors.len());
                    descriptors[place] = if *size_only { (descriptors[place].0, other.1) } else { *other };
                }
            }
        }
    }

    #[test]
    fn texts_of_other_lengths_are_of_one_shape() {
        let mut known = Shape::default();
        for length in [4, 10, 0] {
            let (chunk, end) = instance(&[(TEXT, length), (GUID, 16)]);
            let values = Values::head(&chunk, 0).unwrap();
            assert_eq!(known.size(values.descriptors).is_some(), length != 4);
            assert!(values.fill_as(end, &mut known));
        }
    }
}
