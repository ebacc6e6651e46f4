//! The value types of binary XML, and the sizes of their values.
//!
//! [MS-EVEN6] 2.2.18, checked against real logs.

/// The type of a value, as numbered in a descriptor, a substitution or a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) struct ValueType(u8);

/// No value.
pub(in crate::scan) const NULL: ValueType = ValueType(0x00);
/// UTF-16 text.
pub(in crate::scan) const TEXT: ValueType = ValueType(0x01);
/// Text of single bytes.
pub(in crate::scan) const ANSI_TEXT: ValueType = ValueType(0x02);
/// A signed 8-bit integer.
pub(in crate::scan) const I8: ValueType = ValueType(0x03);
/// An unsigned 8-bit integer.
pub(in crate::scan) const U8: ValueType = ValueType(0x04);
/// A signed 16-bit integer.
pub(in crate::scan) const I16: ValueType = ValueType(0x05);
/// An unsigned 16-bit integer.
pub(in crate::scan) const U16: ValueType = ValueType(0x06);
/// A signed 32-bit integer.
pub(in crate::scan) const I32: ValueType = ValueType(0x07);
/// An unsigned 32-bit integer.
pub(in crate::scan) const U32: ValueType = ValueType(0x08);
/// A signed 64-bit integer.
pub(in crate::scan) const I64: ValueType = ValueType(0x09);
/// An unsigned 64-bit integer.
pub(in crate::scan) const U64: ValueType = ValueType(0x0a);
/// A 32-bit floating-point number.
pub(in crate::scan) const F32: ValueType = ValueType(0x0b);
/// A 64-bit floating-point number.
pub(in crate::scan) const F64: ValueType = ValueType(0x0c);
/// True or false, in 32 bits.
pub(in crate::scan) const BOOLEAN: ValueType = ValueType(0x0d);
/// Arbitrary bytes.
pub(in crate::scan) const BINARY: ValueType = ValueType(0x0e);
/// A GUID, in 16 bytes.
pub(in crate::scan) const GUID: ValueType = ValueType(0x0f);
/// A size of 32 or 64 bits.
pub(in crate::scan) const SIZE: ValueType = ValueType(0x10);
/// An instant in units of 100 ns since 1601 (FILETIME).
pub(in crate::scan) const FILETIME: ValueType = ValueType(0x11);
/// An instant as eight 16-bit numbers, from year to millisecond (SYSTEMTIME).
pub(in crate::scan) const SYSTEMTIME: ValueType = ValueType(0x12);
/// A security identifier: eight bytes, and four for each of its sub-authorities. Their number is
/// the second byte.
pub(in crate::scan) const SID: ValueType = ValueType(0x13);
/// An unsigned 32-bit integer, shown in hexadecimal.
pub(in crate::scan) const HEX32: ValueType = ValueType(0x14);
/// An unsigned 64-bit integer, shown in hexadecimal.
pub(in crate::scan) const HEX64: ValueType = ValueType(0x15);
/// A fragment of binary XML.
pub(in crate::scan) const FRAGMENT: ValueType = ValueType(0x21);

/// The bit that makes an array type of a basic type.
const ARRAY: u8 = 0x80;
const FIRST_ARRAY: u8 = ARRAY | TEXT.0;
const LAST_ARRAY: u8 = ARRAY | HEX64.0;

impl ValueType {
    /// Returns the type with this number, which need not be the number of an existing type.
    #[inline]
    pub(in crate::scan) const fn of(number: u8) -> Self {
        ValueType(number)
    }

    /// Returns the type's number.
    #[inline]
    pub(in crate::scan) const fn number(self) -> u8 {
        self.0
    }

    /// Returns whether the type exists: a basic type, a fragment, or an array of a basic type. A
    /// decoder cannot read a definition with any other type.
    #[inline]
    pub(in crate::scan) fn exists(self) -> bool {
        self.0 <= HEX64.0 || self == FRAGMENT || matches!(self.0, FIRST_ARRAY..=LAST_ARRAY)
    }

    /// Returns whether the type is an array type.
    #[inline]
    pub(in crate::scan) fn is_array(self) -> bool {
        self.0 & ARRAY != 0
    }

    /// Returns the size in bytes of every value of the type; `None` if values have different sizes
    /// or their size is unknown.
    #[inline]
    pub(in crate::scan) fn size(self) -> Option<usize> {
        match self {
            NULL => Some(0),
            I8 | U8 => Some(1),
            I16 | U16 => Some(2),
            I32 | U32 | F32 | BOOLEAN | HEX32 => Some(4),
            I64 | U64 | F64 | FILETIME | HEX64 => Some(8),
            GUID | SYSTEMTIME => Some(16),
            _ => None,
        }
    }

    /// Returns whether a value of the type can have `size` bytes. A decoder reads numbers, GUIDs
    /// and times at their own width, whatever size is stated, and continues after that. With a
    /// different size, two readers would read different bytes. Types that are not listed are
    /// refused.
    #[inline]
    pub(in crate::scan) fn is_well_sized(self, size: usize) -> bool {
        match self {
            TEXT => size.is_multiple_of(2),
            // In live logs, a null value can have the size of the value that is missing.
            NULL | ANSI_TEXT | BINARY | FRAGMENT => true,
            SIZE => size == 4 || size == 8,
            SID => size >= LEAST_SID && size.is_multiple_of(4),
            _ => self.size() == Some(size),
        }
    }

    /// Returns whether `size` is less than a value of the type needs. A decoder would read on into
    /// the next values, and report what no record says.
    pub(in crate::scan) fn is_cut_short(self, size: usize) -> bool {
        let least = match self {
            SIZE => 4,
            SID => LEAST_SID,
            _ => self.size().unwrap_or(0),
        };
        size < least
    }
}

/// The size, in bytes, of a security identifier without sub-authorities.
const LEAST_SID: usize = 8;

/// Returns the size, in bytes, of the security identifier at offset `at` in a chunk, as the
/// identifier's second byte states it.
#[inline]
pub(in crate::scan) fn sid_size(chunk: &[u8], at: usize) -> Option<usize> {
    chunk.get(at + 1).map(|parts| LEAST_SID + usize::from(*parts) * 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_those_of_the_specification() {
        let basic = |number: u8| number <= 0x15;
        for number in 0..=u8::MAX {
            let array = number.checked_sub(0x80).is_some_and(|of| of > 0 && basic(of));
            let value_type = ValueType::of(number);
            assert_eq!(value_type.exists(), basic(number) || number == 0x21 || array, "{number:#x}");
            assert_eq!(value_type.is_array(), number >= 0x80, "{number:#x}");
        }
    }

    #[test]
    fn a_value_has_the_size_of_its_type_and_no_other() {
        // [MS-EVEN6] 2.2.18: the size of each type from 0x03 on; 0 for bytes and for types with
        // several sizes.
        let sizes = [1, 1, 2, 2, 4, 4, 8, 8, 4, 8, 4, 0, 16, 0, 8, 16, 0, 4, 8];
        for (number, expected) in (0x03..=0x15).zip(sizes) {
            let value_type = ValueType::of(number);
            assert_eq!(value_type.size().unwrap_or(0), expected, "{number:#x}");
            for size in 0..40 {
                if expected > 0 {
                    assert_eq!(value_type.is_well_sized(size), size == expected, "{number:#x} {size}");
                    assert_eq!(value_type.is_cut_short(size), size < expected, "{number:#x} {size}");
                }
            }
        }
        let of = |value_type: ValueType| (0..17).filter(move |size| value_type.is_well_sized(*size));
        assert!(of(SIZE).eq([4, 8]) && of(SID).eq([8, 12, 16]));
        assert!(of(TEXT).all(|size| size % 2 == 0) && of(BINARY).eq(0..17));
        assert!(SIZE.is_cut_short(3) && !SIZE.is_cut_short(4) && SID.is_cut_short(7) && !SID.is_cut_short(8));
    }
}
