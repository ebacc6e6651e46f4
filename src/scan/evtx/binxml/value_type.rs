//! The value types of binary XML, and the sizes of their values.
//!
//! [MS-EVEN6] 2.2.18, checked against real logs.

/// The type of a value in binary XML, by its number. A descriptor, a substitution or a literal
/// value states this number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) struct ValueType(u8);

/// The value type, in binary XML, of a value that is null: the value is absent.
pub(in crate::scan) const NULL: ValueType = ValueType(0x00);
/// The value type, in binary XML, of UTF-16 text.
pub(in crate::scan) const TEXT: ValueType = ValueType(0x01);
/// The value type, in binary XML, of text whose characters are single bytes.
pub(in crate::scan) const ANSI_TEXT: ValueType = ValueType(0x02);
/// The value type, in binary XML, of a signed 8-bit integer.
pub(in crate::scan) const I8: ValueType = ValueType(0x03);
/// The value type, in binary XML, of an unsigned 8-bit integer.
pub(in crate::scan) const U8: ValueType = ValueType(0x04);
/// The value type, in binary XML, of a signed 16-bit integer.
pub(in crate::scan) const I16: ValueType = ValueType(0x05);
/// The value type, in binary XML, of an unsigned 16-bit integer.
pub(in crate::scan) const U16: ValueType = ValueType(0x06);
/// The value type, in binary XML, of a signed 32-bit integer.
pub(in crate::scan) const I32: ValueType = ValueType(0x07);
/// The value type, in binary XML, of an unsigned 32-bit integer.
pub(in crate::scan) const U32: ValueType = ValueType(0x08);
/// The value type, in binary XML, of a signed 64-bit integer.
pub(in crate::scan) const I64: ValueType = ValueType(0x09);
/// The value type, in binary XML, of an unsigned 64-bit integer.
pub(in crate::scan) const U64: ValueType = ValueType(0x0a);
/// The value type, in binary XML, of a 32-bit floating-point number.
pub(in crate::scan) const F32: ValueType = ValueType(0x0b);
/// The value type, in binary XML, of a 64-bit floating-point number.
pub(in crate::scan) const F64: ValueType = ValueType(0x0c);
/// The value type, in binary XML, of a truth value, which is stored in 32 bits.
pub(in crate::scan) const BOOLEAN: ValueType = ValueType(0x0d);
/// The value type, in binary XML, of arbitrary bytes.
pub(in crate::scan) const BINARY: ValueType = ValueType(0x0e);
/// The value type, in binary XML, of a GUID, which is stored in 16 bytes.
pub(in crate::scan) const GUID: ValueType = ValueType(0x0f);
/// The value type, in binary XML, of a size, which is stored in 32 or 64 bits.
pub(in crate::scan) const SIZE: ValueType = ValueType(0x10);
/// The value type, in binary XML, of an instant in units of 100 ns since 1601 (FILETIME).
pub(in crate::scan) const FILETIME: ValueType = ValueType(0x11);
/// The value type, in binary XML, of an instant that is stored as eight 16-bit numbers, from year
/// to millisecond (SYSTEMTIME).
pub(in crate::scan) const SYSTEMTIME: ValueType = ValueType(0x12);
/// The value type, in binary XML, of a security identifier: eight bytes, and four more for each
/// sub-authority. The second byte is the number of sub-authorities.
pub(in crate::scan) const SID: ValueType = ValueType(0x13);
/// The value type, in binary XML, of an unsigned 32-bit integer that is shown in hexadecimal.
pub(in crate::scan) const HEX32: ValueType = ValueType(0x14);
/// The value type, in binary XML, of an unsigned 64-bit integer that is shown in hexadecimal.
pub(in crate::scan) const HEX64: ValueType = ValueType(0x15);
/// The value type, in binary XML, of a value that is itself binary XML (a fragment), such as an
/// event's `EventData`.
pub(in crate::scan) const FRAGMENT: ValueType = ValueType(0x21);

/// The bit in the number of a value type that makes it the type of an array. The other bits are the
/// number of the type of the array's items.
const ARRAY: u8 = 0x80;
/// The smallest number of an array type that exists: an array of texts.
const FIRST_ARRAY: u8 = ARRAY | TEXT.0;
/// The greatest number of an array type that exists: an array of 64-bit hexadecimal integers.
const LAST_ARRAY: u8 = ARRAY | HEX64.0;

impl ValueType {
    /// Returns the value type with this number. The number need not be that of a type that exists.
    #[inline]
    pub(in crate::scan) const fn of(number: u8) -> Self {
        ValueType(number)
    }

    /// Returns the number by which binary XML states the type.
    #[inline]
    pub(in crate::scan) const fn number(self) -> u8 {
        self.0
    }

    /// Returns whether the type exists: a basic type, a fragment (nested binary XML), or an array
    /// of a basic type. The decoder (the `evtx` crate) cannot read a template definition with any
    /// other type.
    #[inline]
    pub(in crate::scan) fn exists(self) -> bool {
        self.0 <= HEX64.0 || self == FRAGMENT || matches!(self.0, FIRST_ARRAY..=LAST_ARRAY)
    }

    /// Returns whether the type is that of an array of values, which the highest bit of its number
    /// says.
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

    /// Returns whether a value of the type can have `size` bytes. If not, the value cannot be read
    /// directly: for numbers, GUIDs and times, the decoder (the `evtx` crate) ignores the size in
    /// the descriptor, reads as many bytes as the type has, and continues after them. The result is
    /// false for arrays and unknown types.
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

    /// Returns whether `size`, in bytes, is less than a value of the type needs. The decoder (the
    /// `evtx` crate) would then read on into the values that follow, and report content that the
    /// record does not have.
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
/// identifier's second byte states it. `None` if the chunk ends before that byte.
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
