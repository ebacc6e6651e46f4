//! The pieces of binary XML that several readers of it share.
//!
//! Layouts: [MS-EVEN6] 2.2.12, types: [MS-EVEN6] 2.2.18, both checked against real logs.

use super::log::u32_at;

/// What a fragment begins with, at the least in exported logs.
pub(super) const FRAGMENT_HEADER: [u8; 4] = [0x0f, 1, 1, 0];

/// No value.
pub(super) const NULL: u8 = 0x00;
/// UTF-16 text.
pub(super) const TEXT: u8 = 0x01;
/// An unsigned number of 16 bits.
pub(super) const U16: u8 = 0x06;
/// An unsigned number of 64 bits.
pub(super) const U64: u8 = 0x0a;
/// An instant, in 100 ns since 1601.
pub(super) const FILETIME: u8 = 0x11;
/// A fragment of binary XML.
pub(super) const FRAGMENT: u8 = 0x21;

/// Which substitution, from 0.
pub(super) type Index = u16;

/// Bytes of a template definition before its tokens: the next definition's offset, a GUID, the tokens' size.
pub(super) const DEFINITION_HEADER_SIZE: usize = 24;
const DEFINITION_SIZE_OFFSET: usize = 20;

/// Where the tokens of the definition at `offset` end. The values of a record that holds the definition itself begin there.
pub(super) fn definition_end(chunk: &[u8], offset: usize) -> Option<usize> {
    let size = usize::try_from(u32_at(chunk, offset.checked_add(DEFINITION_SIZE_OFFSET)?)?).ok()?;
    offset.checked_add(DEFINITION_HEADER_SIZE)?.checked_add(size)
}
