//! The vocabulary of binary XML: tokens, types of values, text, and the few fixed layouts. All
//! readers of it (the skim, the estimate of what decoding costs, the direct reader, the search for
//! deleted records) use these names, and write no number of their own.
//!
//! Layouts: [MS-EVEN6] 2.2.12, checked against real logs.

pub(in crate::scan) mod descriptor;
pub(in crate::scan) mod text;
pub(in crate::scan) mod token;
pub(in crate::scan) mod value_type;

pub(in crate::scan) use value_type::{
    FILETIME, FRAGMENT, GUID, HEX64, NULL, SID, TEXT, U8, U16, U32, U64, ValueType,
};

use crate::scan::evtx::log::u32_at;

/// What a fragment begins with, at the least in exported logs: its token, the version 1.1, and no
/// flags.
pub(in crate::scan) const FRAGMENT_HEADER: [u8; 4] = [token::FRAGMENT_HEADER, 1, 1, 0];

/// What a template instance begins with: its token, and a byte that is always 1. The number of the
/// definition and its offset follow, of four bytes each.
pub(in crate::scan) const INSTANCE_START: [u8; 2] = [token::TEMPLATE_INSTANCE, 1];

/// The dependency of an element that depends on nothing. The element of any other dependency is
/// left out where the value of that index is null.
pub(in crate::scan) const NO_DEPENDENCY: u16 = 0xffff;

/// Which substitution, from 0.
pub(in crate::scan) type Index = u16;

/// Bytes of a template definition before its tokens: the next definition's offset, a GUID, the
/// tokens' size.
pub(in crate::scan) const DEFINITION_HEADER_SIZE: usize = 24;
/// Where a definition's GUID lies in it. Its first four bytes are the number by which template
/// instances know the definition.
pub(in crate::scan) const DEFINITION_GUID_OFFSET: usize = 4;
const DEFINITION_SIZE_OFFSET: usize = 20;

/// Where the tokens of the definition at `offset` end. The values of a record that holds the
/// definition itself begin there.
pub(in crate::scan) fn definition_end(chunk: &[u8], offset: usize) -> Option<usize> {
    let size = usize::try_from(u32_at(chunk, offset.checked_add(DEFINITION_SIZE_OFFSET)?)?).ok()?;
    offset.checked_add(DEFINITION_HEADER_SIZE)?.checked_add(size)
}
