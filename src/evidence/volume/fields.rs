//! Reads little-endian numbers in structures of volumes and partition tables.

/// Reads the little-endian 16-bit number at `offset`. Returns `None` if the bytes end before the
/// number does.
pub(super) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|field| u16::from_le_bytes(*field))
}

/// Reads the little-endian 32-bit number at `offset`. Returns `None` if the bytes end before the
/// number does.
pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|field| u32::from_le_bytes(*field))
}

/// Reads the little-endian 64-bit number at `offset`. Returns `None` if the bytes end before the
/// number does.
pub(super) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|field| u64::from_le_bytes(*field))
}

/// Reads the little-endian 16-bit number at `offset` as a `usize`, for numbers that are lengths or
/// offsets. Returns `None` if the bytes end before the number does.
pub(super) fn length16_at(bytes: &[u8], offset: usize) -> Option<usize> {
    u16_at(bytes, offset).map(usize::from)
}

/// Reads the little-endian 32-bit number at `offset` as a `usize`, for numbers that are lengths or
/// offsets. Returns `None` if the bytes end before the number does.
pub(super) fn length32_at(bytes: &[u8], offset: usize) -> Option<usize> {
    usize::try_from(u32_at(bytes, offset)?).ok()
}
