//! The choice of the gram (adjacent bytes of its literals) under which an index lists a pattern.
//!
//! The fewer texts have the gram, the fewer texts are compared with the pattern. What many patterns
//! of a list have in common, such as `.example.com` or the name of a firm that they imitate, is
//! also in many of the names that machines ask for. So the grams of the patterns are counted, and a
//! pattern is listed under one that is in few of them. Of these, it is one of the longest, and of
//! them the one with the rarest letters.

use std::cmp::Reverse;

use crate::base::rarity::Rarity;
use crate::base::spread::{highest, spread};
use crate::detect::predicate::gram_index::{MARK, UnlistedPatterns};
use crate::detect::predicate::gram_table::{Gram, grams};

/// The maximum number of literals whose grams (adjacent bytes) are counted. If the patterns have
/// more, only those of every second, third, fourth pattern and so on are: what many patterns have
/// in common, many of these have, too.
const MOST_COUNTED: usize = 1 << 14;
/// The least and the most counters, as powers of two. Grams share counters; a counter is a byte, so
/// that all of them fit into the processor's second-level cache.
const COUNTERS: (u32, u32) = (10, 18);
/// Counts below this number are not told apart, because grams share counters.
const FEW: u8 = 4;

/// Says under which gram (adjacent bytes of its literals) a pattern is listed.
#[derive(Debug)]
pub(super) struct GramChoice {
    /// How often grams occur in the patterns. Other grams can have the same counter. A counter that
    /// is full stays full.
    counters: Vec<u8>,
    /// The number of counters, as a power of two.
    bits: u32,
    rarity: Rarity,
}

impl GramChoice {
    /// The numbers of bytes that a gram can have, the greatest first. Few texts have a long gram by
    /// chance.
    pub(super) const LENGTHS: [usize; 2] = [5, 3];

    /// Counts the grams of patterns.
    pub(super) fn of(patterns: &UnlistedPatterns) -> Self {
        let bits = patterns.size().next_power_of_two().ilog2().clamp(COUNTERS.0, COUNTERS.1);
        let mut counters = vec![0_u8; 1 << bits];
        let step = patterns.literal_count() / MOST_COUNTED + 1;
        for (_, literals) in patterns.patterns().step_by(step) {
            for length in Self::LENGTHS {
                for gram in literals.clone().flat_map(|literal| grams(literal, length)) {
                    if let Some(counter) = counters.get_mut(place(gram, length, bits)) {
                        *counter = counter.saturating_add(1);
                    }
                }
            }
        }
        GramChoice { counters, bits, rarity: Rarity::default() }
    }

    /// Returns the gram under which a pattern with these literals is listed, and the place of its
    /// length in [`GramChoice::LENGTHS`]; `None` if all literals are too short.
    pub(super) fn gram<'a>(
        &self,
        literals: &(impl Iterator<Item = &'a [u8]> + Clone),
    ) -> Option<(usize, Gram)> {
        let mut best = None;
        for (number, length) in Self::LENGTHS.into_iter().enumerate() {
            let all = literals.clone().flat_map(|literal| self.ranked(literal, length));
            let Some((count, _, gram)) = all.min_by_key(|(count, rarity, _)| (*count, Reverse(*rarity)))
            else {
                continue;
            };
            if best.is_none_or(|(least, _)| count < least) {
                best = Some((count, (number, gram)));
            }
            if count == 0 {
                break;
            }
        }
        best.map(|(_, chosen)| chosen)
    }

    /// Returns each gram of a literal, after how often it occurs in the patterns, about, and how
    /// rare its letters are.
    fn ranked(&self, literal: &[u8], length: usize) -> impl Iterator<Item = (u8, u32, Gram)> {
        grams(literal, length).zip(self.rarities(literal, length)).map(move |(gram, rarity)| {
            let count = self.counters.get(self.place(gram, length)).copied().unwrap_or(0);
            (count / FEW, rarity, gram)
        })
    }

    /// Returns how rare the letters of each gram of a literal are.
    fn rarities(&self, literal: &[u8], length: usize) -> impl Iterator<Item = u32> {
        // Every text begins and ends with a mark.
        let of = |byte: &u8| if *byte == MARK { 0 } else { self.rarity.of(*byte) };
        let (begin, rest) = literal.split_at_checked(length - 1).unwrap_or((literal, &[]));
        let mut sum: u32 = begin.iter().map(of).sum();
        rest.iter().zip(literal).map(move |(last, first)| {
            sum += of(last);
            let rarity = sum;
            sum -= of(first);
            rarity
        })
    }

    /// Returns the place of a gram's counter.
    fn place(&self, gram: Gram, length: usize) -> usize {
        place(gram, length, self.bits)
    }
}

/// Returns the place of a gram's counter. The number of counters is 2 to the power of `bits`.
fn place(gram: Gram, length: usize, bits: u32) -> usize {
    // The length makes grams of different lengths differ.
    highest(spread(gram ^ (length as u64) << (u64::BITS - u8::BITS)), bits)
}
