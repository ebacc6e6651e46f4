//! Numbers in the fixed-length headers of disk images.

/// The bytes of a header of a disk image, with methods that read numbers. A number outside the
/// header reads as 0, not as an error: callers read headers of a fixed length, so that this does
/// not happen.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    /// Returns the `N` bytes of the header from the offset `at` on, or zeros if the header is
    /// shorter.
    pub(super) fn array<const N: usize>(self, at: usize) -> [u8; N] {
        self.0.get(at..).and_then(<[u8]>::first_chunk).copied().unwrap_or([0; N])
    }

    /// Returns the byte at the offset `at` of the header, or 0 if the header is shorter.
    pub(super) fn byte(self, at: usize) -> u8 {
        u8::from_le_bytes(self.array(at))
    }

    /// Returns the little-endian 16-bit number at the offset `at` of the header.
    pub(super) fn le16(self, at: usize) -> u16 {
        u16::from_le_bytes(self.array(at))
    }

    /// Returns the little-endian 32-bit number at the offset `at` of the header.
    pub(super) fn le32(self, at: usize) -> u32 {
        u32::from_le_bytes(self.array(at))
    }

    /// Returns the little-endian 64-bit number at the offset `at` of the header.
    pub(super) fn le64(self, at: usize) -> u64 {
        u64::from_le_bytes(self.array(at))
    }

    /// Returns the big-endian 32-bit number at the offset `at` of the header.
    pub(super) fn be32(self, at: usize) -> u32 {
        u32::from_be_bytes(self.array(at))
    }

    /// Returns the big-endian 64-bit number at the offset `at` of the header.
    pub(super) fn be64(self, at: usize) -> u64 {
        u64::from_be_bytes(self.array(at))
    }
}
