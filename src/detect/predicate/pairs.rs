//! A fast test that rules out most patterns for a field's value, by the pairs of neighbouring bytes
//! in both.
//!
//! A rule can have a hundred thousand patterns, and most have nothing in common with a value. Each
//! pair of neighbouring bytes, in lower case, sets one of 64 bits. If a pattern's literals set a
//! bit that the value does not set, the value cannot match. Otherwise the value is compared with
//! the pattern ([`Pattern::matches`](crate::detect::predicate::pattern::Pattern::matches)).

/// The multiplier of the hash of a byte pair (two neighbouring bytes of a text): 2³² divided by the
/// golden ratio (Fibonacci hashing). Similar pairs get hashes that are far apart.
const SPREAD: u32 = 0x9e37_79b1;
/// The number of bits in the hash of a byte pair (two neighbouring bytes of a text). The hash is
/// the number, from 0 to 63, of the bit that the pair sets in [`BytePairs`]. It consists of the
/// highest bits of the pair's product with [`SPREAD`].
const BITS: u32 = 6;

/// The set of pairs of neighbouring bytes in a text, as a Bloom filter of 64 bits: each pair sets
/// one bit, which other pairs may share.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::detect) struct BytePairs(u64);

impl BytePairs {
    /// The set of all pairs of neighbouring bytes in `bytes`. The case of ASCII letters does not
    /// matter.
    pub(in crate::detect) fn of(bytes: &[u8]) -> Self {
        let mut marks = 0;
        let mut before = None;
        for byte in bytes.iter().map(u8::to_ascii_lowercase) {
            if let Some(before) = before.replace(byte) {
                let pair = u32::from(before) << 8 | u32::from(byte);
                marks |= 1 << (pair.wrapping_mul(SPREAD) >> (u32::BITS - BITS));
            }
        }
        BytePairs(marks)
    }

    /// The set of the byte pairs that are in this set, in `others`, or in both.
    pub(in crate::detect) fn union(self, others: BytePairs) -> Self {
        BytePairs(self.0 | others.0)
    }

    /// Returns true if at least one of the `wanted` byte pairs is surely not in this set. A value
    /// with this set of pairs then cannot contain the text that has the wanted pairs. If the result
    /// is false, the value may or may not contain the text.
    pub(in crate::detect) fn misses_any_of(self, wanted: BytePairs) -> bool {
        wanted.0 & !self.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn most_values_miss_pairs_of_most_literals() {
        let value = BytePairs::of(br"C:\Program Files\Vendor\Updater\updater.exe");
        assert!(
            !value.misses_any_of(BytePairs::of(b"UPDATER.exe")) && !value.misses_any_of(BytePairs::of(b"u"))
        );
        for literal in ["powershell", "discord", "api.telegram", "\\temp\\", "mshta", "rundll32"] {
            assert!(value.misses_any_of(BytePairs::of(literal.as_bytes())), "{literal}");
        }
        assert!(BytePairs::default().misses_any_of(BytePairs::of(b"ab").union(BytePairs::of(b""))));
    }

    proptest! {
        #[test]
        fn no_value_misses_pairs_of_its_own(before in any::<Vec<u8>>(), literal in "[a-zA-Z.\\\\]{0,9}", after in any::<Vec<u8>>()) {
            let value = [&before, literal.to_ascii_uppercase().as_bytes(), &after].concat();
            prop_assert!(!BytePairs::of(&value).misses_any_of(BytePairs::of(literal.as_bytes())));
        }
    }
}
