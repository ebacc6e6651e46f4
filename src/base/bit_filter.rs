//! A table of bits that says of most keys, with one look at memory, that they are not in a set (a
//! Bloom filter). It is so small that it stays in the processor's caches while evidence flows
//! through them.

/// The least number of bits for each key. With two bits set for each key, at most one in twenty
/// keys that are not in the set passes.
const BITS_PER_KEY: usize = 8;
/// The least and the most bits of a table, as powers of two.
const SIZES: (u32, u32) = (10, 25);
/// The number of bits in a word of the table.
const WORD: usize = u64::BITS as usize;
/// An odd number whose bits are those of the golden ratio. Products with it differ in their highest
/// bits, also for keys that differ little.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// A set of keys as a table of bits (a Bloom filter). It answers "may be in the set" also for a few
/// keys that were not added.
#[derive(Debug, Clone)]
pub(crate) struct BitFilter {
    words: Vec<u64>,
    /// The number of bits by which the product of a key and [`SPREAD`] is shifted right. The result
    /// is the position, in the table of bits, of one of the bits that are set for the key.
    shift: u32,
}

impl BitFilter {
    /// Makes a filter of keys, of which there are about `count`.
    pub(crate) fn of(count: usize, keys: impl Iterator<Item = u64>) -> Self {
        let bits =
            count.saturating_mul(BITS_PER_KEY).checked_next_power_of_two().map_or(SIZES.1, usize::ilog2);
        let bits = bits.clamp(SIZES.0, SIZES.1);
        let mut filter = BitFilter { words: vec![0; (1 << bits) / WORD], shift: u64::BITS - bits };
        for key in keys {
            for (word, bit) in filter.places(key) {
                if let Some(word) = filter.words.get_mut(word) {
                    *word |= bit;
                }
            }
        }
        filter
    }

    /// Returns false if `key` is certainly not in the set. Returns true for every key of the set,
    /// and for a few others.
    #[inline]
    pub(crate) fn may_have(&self, key: u64) -> bool {
        self.places(key)
            .into_iter()
            .all(|(word, bit)| self.words.get(word).is_some_and(|word| word & bit != 0))
    }

    /// The places of a key's two bits: the index of the word with the bit, and a word with only
    /// that bit set.
    #[inline]
    fn places(&self, key: u64) -> [(usize, u64); 2] {
        let first = key.wrapping_mul(SPREAD);
        let second = first.rotate_left(u64::BITS / 2).wrapping_mul(SPREAD);
        [first, second].map(|product| {
            let bit = usize::try_from(product >> self.shift).expect("the shift leaves at most 25 bits");
            (bit / WORD, 1 << (bit % WORD))
        })
    }
}

/// Returns the number by which bytes are added to a [`BitFilter`]. It is made of their length and
/// their first and last eight bytes (all bytes if there are fewer), so other bytes mostly have
/// another number.
#[inline]
pub(crate) fn key_of(bytes: &[u8]) -> u64 {
    let length = (bytes.len() as u64).wrapping_mul(SPREAD);
    match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            let (first, last) = (u64::from_le_bytes(*first), u64::from_le_bytes(*last));
            (first ^ length).wrapping_mul(SPREAD).rotate_left(29) ^ last
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
