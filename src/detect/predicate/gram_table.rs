//! A table that finds patterns by grams, which are sequences of adjacent bytes. Each pattern is
//! listed under one gram of its literals, and all grams of a text are looked up.
//!
//! The table is made at once and never changes. So the patterns of each slot are adjacent in one
//! flat list, which takes a fraction of the memory and time of a hash map of lists.

use crate::base::bit_filter::BitFilter;
use crate::base::spread::{highest, spread};
use crate::detect::predicate::gram_index::MARK;

/// A gram (adjacent bytes of a text) as a number, in which the last byte is the lowest. It has at
/// most seven bytes.
pub(super) type Gram = u64;

/// A hash table of patterns. The key of each pattern is a gram, which is a sequence of adjacent
/// bytes of its literals. All grams have the same length.
#[derive(Debug, Clone)]
pub(super) struct GramTable {
    /// The number of bytes of each gram.
    length: usize,
    /// A Bloom filter of the grams of the table. It rules out most grams of a text that are not in
    /// the table, each with one access to memory.
    filter: BitFilter,
    /// The number of slots of the hash table, as an exponent: there are 2 to the power of `bits`
    /// slots. Each gram belongs to one slot; most slots have one gram or none.
    bits: u32,
    /// For each slot, the index in `entries` at which the slot's entries begin. One more element,
    /// after that of the last slot, is the number of all entries.
    starts: Vec<u32>,
    /// The gram and the number of each pattern, ordered by the slot of the gram.
    entries: Vec<(Gram, u32)>,
}

impl GramTable {
    /// Makes a table of patterns. Each has the gram under which it is listed, of `length` bytes,
    /// and a number that [`GramTable::any_in`] passes to its caller.
    pub(super) fn of(length: usize, patterns: &[(Gram, u32)]) -> Self {
        let bits = patterns.len().next_power_of_two().ilog2() + 1;
        let mut starts = vec![0_u32; (1 << bits) + 1];
        for (gram, _) in patterns {
            if let Some(count) = starts.get_mut(slot(*gram, bits)) {
                *count += 1;
            }
        }
        // Each slot's start is at first its end, from which the slot is filled backwards.
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        let filter = BitFilter::of(patterns.len(), patterns.iter().map(|(gram, _)| *gram));
        let mut entries = vec![(0, 0); patterns.len()];
        for (gram, number) in patterns.iter().copied().rev() {
            let Some(start) = starts.get_mut(slot(gram, bits)) else { continue };
            *start -= 1;
            if let Some(entry) = entries.get_mut(*start as usize) {
                *entry = (gram, number);
            }
        }
        GramTable { length, filter, bits, starts, entries }
    }

    /// Calls `may_match` with the number of each pattern whose gram is in a text, until `may_match`
    /// returns true. Returns true if it did so. The text counts as having a [`MARK`] before and
    /// after it.
    pub(super) fn any_in(&self, text: &str, mut may_match: impl FnMut(u32) -> bool) -> bool {
        let Some((begin, rest)) = text.as_bytes().split_at_checked(self.length - 2) else {
            // The text with its marks is shorter than a gram.
            return false;
        };
        let mask = mask(self.length);
        let mut gram = begin.iter().copied().fold(Gram::from(MARK), follow);
        for byte in rest {
            gram = follow(gram, *byte) & mask;
            if self.filter.may_have(gram) && self.listed(gram).any(&mut may_match) {
                return true;
            }
        }
        let last = follow(gram, MARK) & mask;
        self.filter.may_have(last) && self.listed(last).any(&mut may_match)
    }

    /// Returns the numbers of all patterns that are listed under a gram.
    fn listed(&self, gram: Gram) -> impl Iterator<Item = u32> {
        let slot = slot(gram, self.bits);
        let place = |slot: usize| self.starts.get(slot).map_or(0, |place| *place as usize);
        let entries = self.entries.get(place(slot)..place(slot + 1)).unwrap_or_default();
        entries.iter().filter(move |(listed, _)| *listed == gram).map(|(_, number)| *number)
    }
}

/// Returns the slot of a gram in a table that has 2 to the power of `bits` slots.
fn slot(gram: Gram, bits: u32) -> usize {
    // The filter uses other bits, so grams that pass it by chance have any slot.
    highest(spread(spread(gram).rotate_left(u64::BITS / 2)), bits)
}

/// Returns every sequence of `length` adjacent bytes of a text as a gram; none if the text is
/// shorter.
pub(super) fn grams(text: &[u8], length: usize) -> impl Iterator<Item = Gram> {
    let (begin, rest) = text.split_at_checked(length - 1).unwrap_or((text, &[]));
    let mut gram = begin.iter().copied().fold(0, follow);
    rest.iter().map(move |byte| {
        gram = follow(gram, *byte) & mask(length);
        gram
    })
}

/// Returns a mask of the bits that a gram of `length` bytes uses.
pub(super) fn mask(length: usize) -> Gram {
    (1 << (u8::BITS as usize * length)) - 1
}

/// Appends `byte` to the gram `before`. The first byte of `before` stays in the higher bits, so the
/// caller must apply [`mask`] to get a gram of the same length.
#[inline]
pub(super) fn follow(before: Gram, byte: u8) -> Gram {
    before << u8::BITS | Gram::from(byte)
}
