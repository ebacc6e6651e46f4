//! The choice of the gram (adjacent bytes of its literals) under which an index lists a pattern.
//!
//! The fewer texts have the gram, the fewer texts are compared with the pattern. What many patterns
//! of a list have in common, such as `.example.com` or the name of a firm that they imitate, is
//! also in many of the names that machines ask for. So the grams of the patterns are counted, and a
//! pattern is listed under one that is in few of them. Of these, it is one of the longest, and of
//! them the one with the rarest letters.

use crate::base::rarity::Rarity;
use crate::base::spread::{highest, spread};
use crate::detect::predicate::gram_index::{MARK, UnlistedPatterns};
use crate::detect::predicate::gram_table::{Gram, follow, grams, mask};

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
    /// How rare each byte is. A mark is not, because every text begins and ends with one.
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
        GramChoice { counters, bits, rarity: Rarity::default().with_frequent(MARK) }
    }

    /// Returns the gram under which a pattern with these literals is listed, and the place of its
    /// length in [`GramChoice::LENGTHS`]; `None` if all literals are too short.
    pub(super) fn gram<'a>(
        &self,
        literals: &(impl Iterator<Item = &'a [u8]> + Clone),
    ) -> Option<(usize, Gram)> {
        let mut best: Option<(Rank, (usize, Gram))> = None;
        for (number, length) in Self::LENGTHS.into_iter().enumerate() {
            let Some((rank, gram)) = self.best(literals.clone(), length) else { continue };
            if best.is_none_or(|(least, _)| rank.count() < least.count()) {
                best = Some((rank, (number, gram)));
            }
            if rank.count() == 0 {
                break;
            }
        }
        best.map(|(_, chosen)| chosen)
    }

    /// Returns the gram of `length` bytes of literals that is best to list a pattern under, and its
    /// rank; `None` if all literals are shorter. A rule can list a hundred thousand names, and this
    /// goes through each of their bytes.
    fn best<'a>(&self, literals: impl Iterator<Item = &'a [u8]>, length: usize) -> Option<(Rank, Gram)> {
        let mask = mask(length);
        let mut best = (Rank::LAST, 0);
        for literal in literals {
            let Some((begin, rest)) = literal.split_at_checked(length - 1) else { continue };
            let mut gram = begin.iter().copied().fold(0, follow);
            let mut rarity: u32 = begin.iter().map(|byte| self.rarity.of(*byte)).sum();
            for (first, last) in literal.iter().zip(rest) {
                gram = follow(gram, *last) & mask;
                rarity += self.rarity.of(*last);
                let count = self.counters.get(place(gram, length, self.bits)).copied().unwrap_or(0);
                let rank = Rank::of(count / FEW, rarity);
                if rank < best.0 {
                    best = (rank, gram);
                }
                rarity -= self.rarity.of(*first);
            }
        }
        Some(best).filter(|(rank, _)| *rank != Rank::LAST)
    }
}

/// How good a gram (adjacent bytes of a literal) is to list a pattern under. The least rank is the
/// best one: the gram is in few patterns or, among those that are in as few, its letters are rare.
/// It is one number, so that a comparison is one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u64);

impl Rank {
    /// The rank after those of all grams.
    const LAST: Rank = Rank(u64::MAX);

    /// The rank of a gram by how often it occurs in the patterns, about, and by how rare its
    /// letters are.
    fn of(count: u8, rarity: u32) -> Self {
        Rank(u64::from(count) << u32::BITS | u64::from(u32::MAX - rarity))
    }

    /// How often the gram occurs in the patterns, about.
    fn count(self) -> u64 {
        self.0 >> u32::BITS
    }
}

/// Returns the place of a gram's counter. The number of counters is 2 to the power of `bits`.
fn place(gram: Gram, length: usize, bits: u32) -> usize {
    // The length makes grams of different lengths differ.
    highest(spread(gram ^ (length as u64) << (u64::BITS - u8::BITS)), bits)
}
