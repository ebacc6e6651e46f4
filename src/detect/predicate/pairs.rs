//! A quick look at whether a value can match a pattern: the bytes that stand side by side in it.
//!
//! A rule lists dozens of patterns, or a hundred thousand, and most have nothing in common with a
//! value. Each pair of neighbouring bytes, in lower case, is marked by one of 64 bits. A value
//! without a mark that a pattern's literals have does not match it; of one that has them all, the
//! twin has to tell: the comparison with the pattern,
//! [`crate::detect::predicate::pattern::Pattern::matches`].

/// 2³² divided by the golden ratio: multiplied by it, pairs that differ little get marks that lie
/// far apart.
const SPREAD: u32 = 0x9e37_79b1;
/// Marks are numbered by so many of the product's highest bits.
const BITS: u32 = 6;

/// The marks of some pairs of bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::detect) struct BytePairs(u64);

impl BytePairs {
    /// The marks of all pairs of neighbouring bytes, regardless of the case of ASCII letters.
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

    /// The union of two sets of marks.
    pub(in crate::detect) fn union(self, others: BytePairs) -> Self {
        BytePairs(self.0 | others.0)
    }

    /// Whether at least one of the `wanted` marks is missing from this set.
    pub(in crate::detect) fn misses_any_of(self, wanted: BytePairs) -> bool {
        wanted.0 & !self.0 != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn most_values_lack_most_literals() {
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
        fn no_value_lacks_what_it_holds(before in any::<Vec<u8>>(), literal in "[a-zA-Z.\\\\]{0,9}", behind in any::<Vec<u8>>()) {
            let value = [&before, literal.to_ascii_uppercase().as_bytes(), &behind].concat();
            prop_assert!(!BytePairs::of(&value).misses_any_of(BytePairs::of(literal.as_bytes())));
        }
    }
}
