//! Little-endian numbers in on-disk structures.

/// Reads the 16-bit number at `offset`; `None` if the bytes end before it does.
pub(super) fn u16_at(bytes: &[u8], offset: usize) -> Option<u16> {
    bytes.get(offset..)?.first_chunk().map(|field| u16::from_le_bytes(*field))
}

/// Reads the 32-bit number at `offset`; `None` if the bytes end before it does.
pub(super) fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().map(|field| u32::from_le_bytes(*field))
}

/// Reads the 64-bit number at `offset`; `None` if the bytes end before it does.
pub(super) fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    bytes.get(offset..)?.first_chunk().map(|field| u64::from_le_bytes(*field))
}

/// Reads the 16-bit number at `offset` as a length or an offset in memory.
pub(super) fn length16_at(bytes: &[u8], offset: usize) -> Option<usize> {
    u16_at(bytes, offset).map(usize::from)
}

/// Reads the 32-bit number at `offset` as a length or an offset in memory.
pub(super) fn length32_at(bytes: &[u8], offset: usize) -> Option<usize> {
    usize::try_from(u32_at(bytes, offset)?).ok()
}
