//! The vocabulary of binary XML: tokens, value types, text, and the few fixed layouts. All code
//! that reads binary XML uses these names instead of numbers of its own.
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

/// The bytes at the start of a fragment (a self-contained piece of binary XML): the token, version
/// 1.1, and no flags. In all exported logs that were examined, fragments start with these bytes.
pub(in crate::scan) const FRAGMENT_HEADER: [u8; 4] = [token::FRAGMENT_HEADER, 1, 1, 0];

/// The bytes at the start of a template instance, which is a record's reference to a template with
/// the values for it: the token, and a byte that is always 1. The template definition's number and
/// offset follow, four bytes each.
pub(in crate::scan) const INSTANCE_START: [u8; 2] = [token::TEMPLATE_INSTANCE, 1];

/// The dependency of an element that depends on nothing. Any other dependency is the index of a
/// substitution; if the substituted value is null, the element is left out of the event.
pub(in crate::scan) const NO_DEPENDENCY: u16 = 0xffff;

/// The index of a substitution: the number, from 0, of a record's value that fills a place in the
/// record's template.
pub(in crate::scan) type Index = u16;

/// The size, in bytes, of the header of a template definition: the next definition's offset, a
/// GUID, and the size of the tokens that follow.
pub(in crate::scan) const DEFINITION_HEADER_SIZE: usize = 24;
/// The offset of the GUID in a template definition, in bytes. The first four bytes of the GUID are
/// the template ID, by which records refer to the definition.
pub(in crate::scan) const DEFINITION_GUID_OFFSET: usize = 4;
/// The offset in a template definition, in bytes, of the number that states the size of the
/// definition's tokens (its content in binary XML).
const DEFINITION_SIZE_OFFSET: usize = 20;

/// Returns the offset, in a chunk, at which the template definition at `offset` ends. If the
/// definition lies inside a record, the record's values begin there. `None` if the chunk ends
/// before the number that states the definition's size does.
pub(in crate::scan) fn definition_end(chunk: &[u8], offset: usize) -> Option<usize> {
    let size = usize::try_from(u32_at(chunk, offset.checked_add(DEFINITION_SIZE_OFFSET)?)?).ok()?;
    offset.checked_add(DEFINITION_HEADER_SIZE)?.checked_add(size)
}
