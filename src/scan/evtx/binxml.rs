//! The pieces of binary XML that several readers of it share.
//!
//! Layouts: [MS-EVEN6] 2.2.12, types: [MS-EVEN6] 2.2.18, both checked against real logs.

use crate::scan::evtx::log::u32_at;

/// What a fragment begins with, at the least in exported logs.
pub(in crate::scan) const FRAGMENT_HEADER: [u8; 4] = [0x0f, 1, 1, 0];

/// No value.
pub(in crate::scan) const NULL: u8 = 0x00;
/// UTF-16 text.
pub(in crate::scan) const TEXT: u8 = 0x01;
/// An unsigned number of 8 bits.
pub(in crate::scan) const U8: u8 = 0x04;
/// An unsigned number of 16 bits.
pub(in crate::scan) const U16: u8 = 0x06;
/// An unsigned number of 32 bits.
pub(in crate::scan) const U32: u8 = 0x08;
/// An unsigned number of 64 bits.
pub(in crate::scan) const U64: u8 = 0x0a;
/// An instant, in 100 ns since 1601.
pub(in crate::scan) const FILETIME: u8 = 0x11;
/// A GUID.
pub(in crate::scan) const GUID: u8 = 0x0f;
/// An unsigned number of 64 bits that is shown in hexadecimal.
pub(in crate::scan) const HEX64: u8 = 0x15;
/// A fragment of binary XML.
pub(in crate::scan) const FRAGMENT: u8 = 0x21;

/// A security identifier: eight bytes and four more for each of its parts, whose number is the
/// second byte.
pub(in crate::scan) const SID: u8 = 0x13;

/// Whether there is such a type: one of the basic ones, a fragment, or an array of a basic one. Of
/// a definition that says another the decoder makes nothing.
pub(in crate::scan) fn is_type(kind: u8) -> bool {
    matches!(kind, NULL..=HEX64 | FRAGMENT | 0x81..=0x95)
}

/// Whether a value of that type can have that size. A decoder reads numbers, GUIDs and times at
/// their own width whatever size is given, and what follows them from there, so with any
/// other size two readers would not mean the same bytes. Types that are not listed are not
/// understood.
pub(in crate::scan) fn is_well_sized(kind: u8, size: usize) -> bool {
    match kind {
        TEXT => size.is_multiple_of(2),
        // In live logs, null values have the size of what could be there. Text of single bytes,
        // bytes, a fragment.
        NULL | 0x02 | 0x0e | FRAGMENT => true,
        0x03 | U8 => size == 1,
        0x05 | U16 => size == 2,
        0x07 | U32 | 0x0b | 0x0d | 0x14 => size == 4,
        0x09 | U64 | 0x0c | FILETIME | HEX64 => size == 8,
        GUID | 0x12 => size == 16,
        0x10 => size == 4 || size == 8,
        SID => size >= 8 && size.is_multiple_of(4),
        _ => false,
    }
}

/// Whether a value of that type is given fewer bytes than its type has: a decoder would read on
/// into the values behind it, and report what no record says.
pub(in crate::scan) fn is_cut_short(kind: u8, size: usize) -> bool {
    let least = match kind {
        0x03 | U8 => 1,
        0x05 | U16 => 2,
        0x07 | U32 | 0x0b | 0x0d | 0x10 | 0x14 => 4,
        0x09 | U64 | 0x0c | FILETIME | SID | HEX64 => 8,
        GUID | 0x12 => 16,
        _ => 0,
    };
    size < least
}

/// Whether a unit of UTF-16 text is NUL. A decoder ends text there.
pub(in crate::scan) fn holds_nul(text: &[u8]) -> bool {
    // Four units at a time: of a number of four units, one is zero if taking 1 from each borrows
    // where none had its highest bit.
    const ONES: u64 = 0x0001_0001_0001_0001;
    let (fours, rest) = text.as_chunks::<8>();
    let zero = |four: &[u8; 8]| {
        let units = u64::from_le_bytes(*four);
        units.wrapping_sub(ONES) & !units & (ONES << 15) != 0
    };
    fours.iter().any(zero) || rest.as_chunks::<2>().0.contains(&[0, 0])
}

/// Whether a UTF-16 unit is an ASCII character, in any case.
pub(in crate::scan) fn is_letter(unit: &[u8], lower: u8) -> bool {
    matches!(unit, [byte, 0] if byte.to_ascii_lowercase() == lower)
}

/// Which substitution, from 0.
pub(in crate::scan) type Index = u16;

/// Bytes of a template definition before its tokens: the next definition's offset, a GUID, the
/// tokens' size.
pub(in crate::scan) const DEFINITION_HEADER_SIZE: usize = 24;
const DEFINITION_SIZE_OFFSET: usize = 20;

/// Where the tokens of the definition at `offset` end. The values of a record that holds the
/// definition itself begin there.
pub(in crate::scan) fn definition_end(chunk: &[u8], offset: usize) -> Option<usize> {
    let size = usize::try_from(u32_at(chunk, offset.checked_add(DEFINITION_SIZE_OFFSET)?)?).ok()?;
    offset.checked_add(DEFINITION_HEADER_SIZE)?.checked_add(size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// The twin: look at each unit.
        #[test]
        fn a_nul_is_found_wherever_it_is(units in prop::collection::vec(prop_oneof![Just(0_u16), Just(0x8000), Just(1), Just(0x0100), 1..=u16::MAX], 0..12)) {
            let text: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            prop_assert_eq!(holds_nul(&text), units.contains(&0));
        }
    }
}
