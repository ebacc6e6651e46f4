//! Finds bytes in buffers as fast as memory can be read. This module is the only user of the crate
//! `memchr`.

use memchr::memmem::Finder;

/// A sequence of bytes to search for, prepared once for searches in many buffers.
#[derive(Debug)]
pub(crate) struct BytePattern(Finder<'static>);

impl BytePattern {
    /// Prepares searches for the sequence `bytes` in buffers.
    pub(crate) fn new(bytes: &'static [u8]) -> Self {
        BytePattern(Finder::new(bytes))
    }

    /// Every offset in `bytes` at which the pattern begins, in ascending order. Occurrences may
    /// overlap.
    pub(crate) fn positions<'h>(&'h self, bytes: &'h [u8]) -> impl Iterator<Item = usize> + 'h {
        let mut from = 0;
        std::iter::from_fn(move || {
            let at = from + self.0.find(bytes.get(from..)?)?;
            from = at + 1;
            Some(at)
        })
    }

    /// Returns true if `bytes` contain the pattern, or end with the first bytes of the pattern. In
    /// the second case, the rest of the pattern may be in the next buffer.
    pub(crate) fn may_begin_in(&self, bytes: &[u8]) -> bool {
        let sought = self.0.needle();
        let begins_at_end =
            || (1..sought.len()).any(|length| bytes.ends_with(sought.get(..length).unwrap_or_default()));
        self.0.find(bytes).is_some() || begins_at_end()
    }
}

/// The offset in `bytes` of the first byte that is `one` or `other`, such as a letter in lower or
/// upper case; `None` if no byte is either.
pub(crate) fn find_either(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    memchr::memchr2(one, other, bytes)
}

/// The offset of the first `byte` in `bytes`; `None` if `bytes` do not contain it.
pub(crate) fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    memchr::memchr(byte, bytes)
}

/// The offset of the last `byte` in `bytes`; `None` if `bytes` do not contain it.
pub(crate) fn find_last(byte: u8, bytes: &[u8]) -> Option<usize> {
    memchr::memrchr(byte, bytes)
}

/// Returns true if `is` returns true for each item, which is a byte or a few bytes. `is` is called
/// for all items, even after it has returned false, so that the processor compares many at a time.
#[inline]
pub(crate) fn all<T: Copy>(items: &[T], is: impl Fn(T) -> bool) -> bool {
    items.iter().fold(true, |all, item| all & is(*item))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_found_whole_and_cut_off_at_the_end() {
        let sought = BytePattern::new(b"aab");
        assert_eq!(sought.positions(b"aabaaab").collect::<Vec<_>>(), [0, 4]);
        assert_eq!(BytePattern::new(b"aa").positions(b"aaa").collect::<Vec<_>>(), [0, 1]);
        for (bytes, expected) in [
            (&b"xaabx"[..], true),
            (b"xa", true),
            (b"xaa", true),
            (b"aax", false),
            (b"", false),
            (b"a", true),
        ] {
            assert_eq!(sought.may_begin_in(bytes), expected, "{bytes:?}");
        }
    }
}
