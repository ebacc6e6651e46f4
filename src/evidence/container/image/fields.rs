//! Numbers in the fixed-length headers of disk images.

/// Bytes of a header. A number outside these bytes is 0, so that callers, who read headers of a
/// fixed length, need no error for a position that cannot occur.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    /// The `N` bytes from byte `at` on.
    pub(super) fn array<const N: usize>(self, at: usize) -> [u8; N] {
        self.0.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
    }

    /// The byte at `at`.
    pub(super) fn byte(self, at: usize) -> u8 {
        u8::from_le_bytes(self.array(at))
    }

    /// The little-endian 16-bit number at byte `at`.
    pub(super) fn le16(self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    /// The little-endian 32-bit number at byte `at`.
    pub(super) fn le32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    /// The little-endian 64-bit number at byte `at`.
    pub(super) fn le64(self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }

    /// The big-endian 32-bit number at byte `at`.
    pub(super) fn be32(self, at: usize) -> u32 {
        u32::from_be_bytes(self.array(at))
    }

    /// The big-endian 64-bit number at byte `at`.
    pub(super) fn be64(self, at: usize) -> u64 {
        u64::from_be_bytes(self.array(at))
    }
}
