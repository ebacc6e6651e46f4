//! Finding bytes among others as fast as they can be read. The home of `memchr`.

use memchr::memmem::Finder;

/// A fixed sequence of bytes, prepared once for searches in many buffers.
#[derive(Debug)]
pub(crate) struct BytePattern(Finder<'static>);

impl BytePattern {
    /// Prepares the search for `bytes`.
    pub(crate) fn new(bytes: &'static [u8]) -> Self {
        BytePattern(Finder::new(bytes))
    }

    /// Every position at which the pattern begins in `bytes`. Occurrences may overlap.
    pub(crate) fn positions<'h>(&'h self, bytes: &'h [u8]) -> impl Iterator<Item = usize> + 'h {
        let mut from = 0;
        std::iter::from_fn(move || {
            let at = from + self.0.find(bytes.get(from..)?)?;
            from = at + 1;
            Some(at)
        })
    }

    /// Whether `bytes` contain the pattern, or end with a beginning of it. In the second case the
    /// rest of the pattern may follow in the next buffer.
    pub(crate) fn may_begin_in(&self, bytes: &[u8]) -> bool {
        let sought = self.0.needle();
        let begins_at_end =
            || (1..sought.len()).any(|length| bytes.ends_with(sought.get(..length).unwrap_or_default()));
        self.0.find(bytes).is_some() || begins_at_end()
    }
}

/// The position of the first byte of `bytes` that is `one` or `other`.
pub(crate) fn find_either(one: u8, other: u8, bytes: &[u8]) -> Option<usize> {
    memchr::memchr2(one, other, bytes)
}

/// The position of the first `byte` in `bytes`.
pub(crate) fn find(byte: u8, bytes: &[u8]) -> Option<usize> {
    memchr::memchr(byte, bytes)
}

/// The position of the last `byte` in `bytes`.
pub(crate) fn find_last(byte: u8, bytes: &[u8]) -> Option<usize> {
    memchr::memrchr(byte, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_begins_in_bytes_is_found() {
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
