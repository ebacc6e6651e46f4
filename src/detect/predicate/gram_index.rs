//! An index of literals that finds which of them may be in a text, without looking for each. It is
//! for patterns with wildcards, of which a list or a rule can have a hundred thousand.
//!
//! Each pattern is listed under one gram, which is a sequence of adjacent bytes of its literals:
//! the gram under which the fewest patterns are listed so far. A text that matches the pattern
//! contains the gram, so only patterns under grams of the text need be compared with it.

use crate::base::bit_filter::BitFilter;
use crate::base::fast_map::FastMap;

/// The number of bytes of a gram, if the pattern has a literal of at least this length. A gram is a
/// sequence of adjacent bytes of a literal, under which [`GramIndex`] lists the pattern. Few texts
/// have a gram of this length by chance.
const LONG: usize = 6;
/// The number of bytes of a gram (adjacent bytes of a literal, under which [`GramIndex`] lists a
/// pattern) if the pattern's literals are all shorter than [`LONG`].
const SHORT: usize = 3;

/// A gram (adjacent bytes of a text) as a number. The bits above its bytes state how many bytes it
/// has, so that grams of different lengths differ.
type Gram = u64;

/// An index that finds the patterns that may match a text. Each pattern is listed under a gram
/// (adjacent bytes) of its literals, which every matching text contains. Patterns whose literals
/// are too short for a gram may match any text.
#[derive(Debug, Default, Clone)]
pub(in crate::detect) struct GramIndex {
    /// For each gram (adjacent bytes of a text), the numbers of the patterns that are listed under
    /// it. The caller knows the patterns by these numbers.
    by_gram: FastMap<Gram, Vec<u32>>,
    /// The numbers of the patterns that have no literal of at least [`SHORT`] bytes. They may match
    /// any text.
    others: Vec<u32>,
    /// Whether any pattern is listed under a gram (adjacent bytes of its literals) of [`LONG`]
    /// bytes. If none is, grams of this length need not be looked up.
    has_long: bool,
    /// Whether any pattern is listed under a gram (adjacent bytes of its literals) of [`SHORT`]
    /// bytes. If none is, grams of this length need not be looked up.
    has_short: bool,
    /// The grams under which patterns are listed; `None` if patterns were added after it was made.
    filter: Option<BitFilter>,
}

impl GramIndex {
    /// Adds a pattern, of which only the literals are given: every text that it matches contains
    /// all of them. `number` is what [`GramIndex::any`] passes to its caller for the pattern.
    pub(in crate::detect) fn add<'a>(
        &mut self,
        literals: impl Iterator<Item = &'a str> + Clone,
        number: u32,
    ) {
        let length = if literals.clone().any(|literal| literal.len() >= LONG) { LONG } else { SHORT };
        let grams = literals.flat_map(|literal| grams(literal, length));
        match grams.min_by_key(|gram| self.by_gram.get(gram).map_or(0, Vec::len)) {
            Some(gram) => {
                self.by_gram.entry(gram).or_default().push(number);
                self.filter = None;
                *(if length == LONG { &mut self.has_long } else { &mut self.has_short }) = true;
            }
            None => self.others.push(number),
        }
    }

    /// Makes ready for searches, after all patterns were added. Without it, searches are slower.
    pub(in crate::detect) fn seal(&mut self) {
        self.filter = Some(BitFilter::of(self.by_gram.len(), self.by_gram.keys().copied()));
    }

    /// Calls `may_match` with the number of each pattern that may match a text, in any order. A
    /// number can come more than once. Stops once `may_match` returns true, and returns true then.
    pub(in crate::detect) fn any(&self, text: &str, mut may_match: impl FnMut(u32) -> bool) -> bool {
        // Each byte is shifted into the grams that end with it, which is faster than to make each
        // gram anew.
        let mut last = 0_u64;
        for (before, byte) in text.bytes().enumerate() {
            last = last << 8 | u64::from(byte);
            for (is_used, length) in [(self.has_long, LONG), (self.has_short, SHORT)] {
                let gram = (length as u64) << (8 * length) | (last & ((1 << (8 * length)) - 1));
                let may_list = || self.filter.as_ref().is_none_or(|filter| filter.may_have(gram));
                if is_used
                    && before + 1 >= length
                    && may_list()
                    && self.by_gram.get(&gram).into_iter().flatten().any(|number| may_match(*number))
                {
                    return true;
                }
            }
        }
        self.others.iter().any(|number| may_match(*number))
    }
}

/// Returns every sequence of `length` adjacent bytes of a text, each as a [`Gram`].
fn grams(text: &str, length: usize) -> impl Iterator<Item = Gram> {
    let gram =
        move |bytes: &[u8]| bytes.iter().fold(length as u64, |gram, byte| gram << 8 | u64::from(*byte));
    text.as_bytes().windows(length).map(gram)
}
