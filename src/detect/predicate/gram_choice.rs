//! Chooses the gram under which an index lists a pattern: a sequence of adjacent bytes of one of
//! the pattern's literals.
//!
//! The fewer texts contain the gram, the fewer texts are compared with the pattern. What many
//! patterns of a list have in common, such as `.example.com` or the name of a firm that they
//! imitate, is also in many of the names that machines ask for. So the grams of all patterns are
//! counted, and a pattern is listed under a gram that few patterns have. Among equally good grams,
//! a longer one is chosen, and among those of one length, the one with the rarest letters.

use crate::base::rarity::Rarity;
use crate::base::spread::{highest, spread};
use crate::detect::predicate::gram_index::{MARK, UnlistedPatterns};
use crate::detect::predicate::gram_table::{Gram, follow, grams, mask};

/// The maximum number of literals, about, whose grams (adjacent bytes) are counted. If the patterns
/// have more, only every second, third or fourth pattern and so on is counted. What many patterns
/// have in common is then still counted often.
const MOST_COUNTED: usize = 1 << 14;
/// The smallest and the largest number of counters of grams, as exponents of two: 2¹⁰ and 2¹⁸.
/// Several grams can share a counter. A counter is a byte, so that all counters fit into the
/// processor's second-level cache.
const COUNTERS: (u32, u32) = (10, 18);
/// The count of a gram is divided by this number and rounded down before grams are compared, so
/// that all smaller counts are equal (zero). A small count can come from other grams that share the
/// counter.
const FEW: u8 = 4;

/// The counts of the grams (adjacent bytes of literals) of all patterns, by which the gram is
/// chosen under which each pattern is listed.
#[derive(Debug)]
pub(super) struct GramChoice {
    /// How often each gram occurs in the patterns, up to 255. Several grams can share a counter,
    /// which then has their sum.
    counters: Vec<u8>,
    /// The number of counters of grams, as an exponent: there are 2 to the power of `bits`
    /// counters.
    bits: u32,
    /// How rare each byte is in names and paths. A [`MARK`] counts as frequent, because every text
    /// begins and ends with one.
    rarity: Rarity,
}

impl GramChoice {
    /// The lengths that a gram can have, in bytes, the greatest first. Few texts contain a long
    /// gram by chance.
    pub(super) const LENGTHS: [usize; 2] = [5, 3];

    /// Counts the grams of all lengths of [`GramChoice::LENGTHS`] in the literals of `patterns`.
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

    /// Returns the gram under which a pattern with these literals is listed, and the index of its
    /// length in [`GramChoice::LENGTHS`]; `None` if all literals are too short for a gram.
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

    /// Returns the best gram of `length` bytes in the literals to list a pattern under, and its
    /// rank; `None` if all literals are shorter. This must be fast: a rule can list a hundred
    /// thousand names, and each of their bytes is looked at.
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

/// How well a gram (adjacent bytes of a literal) is suited to list a pattern under. The smallest
/// rank is the best: the gram is in few patterns or, among those that are in equally many, its
/// letters are rare. Both are in one number, so that a comparison is one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u64);

impl Rank {
    /// A rank that is worse than that of every gram.
    const LAST: Rank = Rank(u64::MAX);

    /// Makes the rank of a gram. `count` is about how often the gram occurs in the patterns,
    /// divided by [`FEW`]. `rarity` is the sum of the rarities of the gram's bytes: the greater,
    /// the rarer.
    fn of(count: u8, rarity: u32) -> Self {
        Rank(u64::from(count) << u32::BITS | u64::from(u32::MAX - rarity))
    }

    /// Returns about how often the ranked gram occurs in the patterns, divided by [`FEW`].
    fn count(self) -> u64 {
        self.0 >> u32::BITS
    }
}

/// Returns the index of a gram's counter. `length` is the length of the gram in bytes. The number
/// of counters is 2 to the power of `bits`.
fn place(gram: Gram, length: usize, bits: u32) -> usize {
    // The length makes grams of different lengths differ.
    highest(spread(gram ^ (length as u64) << (u64::BITS - u8::BITS)), bits)
}
