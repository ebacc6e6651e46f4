//! A Bloom filter: a table of bits that shows, with one access to memory, that most keys outside a
//! set are not in it. The table is small enough to stay in the processor's caches while evidence
//! flows through them.

use crate::base::spread::{highest, spread};

/// The smallest number of bits in the table for each key of the set. Two bits are set for each key,
/// so about one in thirty keys outside the set passes the filter.
const BITS_PER_KEY: usize = 12;
/// The smallest and the greatest number of bits in a table, as exponents of two.
const SIZES: (u32, u32) = (10, 25);
/// The number of bits in a word of the table, as an exponent of two.
const WORD: u32 = 6;

/// A set of keys as a table of bits (a Bloom filter). It answers "may be in the set" also for a few
/// keys that were not added.
#[derive(Debug, Clone)]
pub(crate) struct BitFilter {
    /// The table. Both bits of a key are in the same word, so that one look at memory is enough.
    words: Vec<u64>,
    /// The number of words in the table, as an exponent of two.
    size: u32,
}

impl BitFilter {
    /// Makes a filter that has all of `keys`. `count` is about the number of keys; it decides the
    /// size of the table.
    pub(crate) fn of(count: usize, keys: impl Iterator<Item = u64>) -> Self {
        let bits =
            count.saturating_mul(BITS_PER_KEY).checked_next_power_of_two().map_or(SIZES.1, usize::ilog2);
        let size = bits.clamp(SIZES.0, SIZES.1) - WORD;
        let mut filter = BitFilter { words: vec![0; 1 << size], size };
        for key in keys {
            let (word, bits) = filter.place(key);
            if let Some(word) = filter.words.get_mut(word) {
                *word |= bits;
            }
        }
        filter
    }

    /// Returns false if `key` is certainly not in the set. Returns true for every key of the set,
    /// and for a few others.
    #[inline]
    pub(crate) fn may_have(&self, key: u64) -> bool {
        let (word, bits) = self.place(key);
        self.words.get(word).is_some_and(|word| word & bits == bits)
    }

    /// Returns the place of a key's two bits: the index in `words` of the word that has them, and a
    /// word with only these two bits set.
    #[inline]
    fn place(&self, key: u64) -> (usize, u64) {
        let spread = spread(key);
        // The greatest table takes the highest 19 bits of the number. These are others.
        let bit = |shift: u32| 1 << ((spread >> shift) % u64::from(u64::BITS));
        (highest(spread, self.size), bit(u64::BITS - SIZES.1) | bit(u64::BITS - SIZES.1 - WORD))
    }
}

/// Returns the key by which `bytes` are added to a [`BitFilter`]. It is computed from their length
/// and their first and last eight bytes (from all bytes if there are fewer than eight), so
/// different bytes mostly have different keys.
#[inline]
pub(crate) fn key_of(bytes: &[u8]) -> u64 {
    let length = spread(bytes.len() as u64);
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            spread(first ^ length).rotate_left(29) ^ last
        }
        _ => bytes.iter().fold(length, |key, byte| key.rotate_left(8) ^ u64::from(*byte)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_added_passes_and_most_other_keys_do_not(start in any::<u64>(), count in 0..3000_usize) {
            let texts = |start: u64| (0..count).map(move |number| format!("{}.example", start.wrapping_add(number as u64)));
            let filter = BitFilter::of(count, texts(start).map(|text| key_of(text.as_bytes())));
            prop_assert!(texts(start).all(|text| filter.may_have(key_of(text.as_bytes()))));
            let passed = texts(start.wrapping_add(1 << 40)).filter(|text| filter.may_have(key_of(text.as_bytes()))).count();
            prop_assert!(passed <= 16 + count / 5, "{} of {}", passed, count);
        }
    }
}
