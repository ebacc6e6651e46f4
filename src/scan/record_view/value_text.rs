//! The names of value types in binary XML, and values as text for people.
//!
//! Types: [MS-EVEN6] 2.2.18.

use crate::event::{EventTime, Guid};
use crate::scan::decode::direct::sid;
use crate::scan::evtx::binxml::text::units;
use crate::scan::evtx::binxml::value_type::{
    ANSI_TEXT, BINARY, BOOLEAN, F32, F64, HEX32, I8, I16, I32, I64, SIZE, SYSTEMTIME,
};
use crate::scan::evtx::binxml::{
    FILETIME, FRAGMENT, GUID, HEX64, NULL, SID, TEXT, U8, U16, U32, U64, ValueType,
};

/// The value types that are not arrays, with their names for people.
const NAMES: [(ValueType, &str); 23] = [
    (NULL, "null"),
    (TEXT, "text"),
    (ANSI_TEXT, "text in single bytes"),
    (I8, "signed 8-bit integer"),
    (U8, "8-bit integer"),
    (I16, "signed 16-bit integer"),
    (U16, "16-bit integer"),
    (I32, "signed 32-bit integer"),
    (U32, "32-bit integer"),
    (I64, "signed 64-bit integer"),
    (U64, "64-bit integer"),
    (F32, "32-bit float"),
    (F64, "64-bit float"),
    (BOOLEAN, "truth value"),
    (BINARY, "bytes"),
    (GUID, "GUID"),
    (SIZE, "size"),
    (FILETIME, "FILETIME"),
    (SYSTEMTIME, "SYSTEMTIME"),
    (SID, "SID"),
    (HEX32, "32-bit hexadecimal"),
    (HEX64, "64-bit hexadecimal"),
    (FRAGMENT, "binary XML"),
];

/// Returns the name of a value type for people, such as `64-bit integer`.
pub(super) fn type_name(kind: ValueType) -> String {
    let item = if kind.is_array() { ValueType::of(kind.number() & 0x7f) } else { kind };
    let name = NAMES.iter().find(|(known, _)| *known == item).map(|(_, name)| *name);
    match name {
        Some(name) if kind.is_array() => format!("array of {name}"),
        Some(name) => name.to_owned(),
        None => format!("unknown type {:#04x}", kind.number()),
    }
}

/// Returns a value as text, without the NUL at its end that texts of live logs have. `None` if the
/// value has another size than its type, or a type whose values are not shown as text: null, bytes,
/// nested binary XML, SYSTEMTIME, floating-point numbers and arrays.
pub(super) fn value_text(kind: ValueType, bytes: &[u8]) -> Option<String> {
    let unsigned = || number(bytes).to_string();
    match kind {
        TEXT => Some(utf16(bytes.strip_suffix(&[0, 0]).unwrap_or(bytes))),
        ANSI_TEXT => Some(bytes.iter().copied().map(char::from).collect()),
        _ if kind.size().is_some_and(|size| size != bytes.len()) => None,
        U8 | U16 | U32 | U64 => Some(unsigned()),
        I8 | I16 | I32 | I64 => Some(signed(bytes).to_string()),
        SIZE | HEX32 | HEX64 => Some(format!("{:#x}", number(bytes))),
        BOOLEAN => Some(if number(bytes) == 0 { "false" } else { "true" }.to_owned()),
        FILETIME => EventTime::from_filetime(number(bytes)).and_then(EventTime::system_time),
        GUID => bytes.first_chunk().map(|stored| Guid::from_stored(stored).text()),
        SID => sid(bytes),
        _ => None,
    }
}

/// Returns the unsigned number in at most eight bytes, the least significant byte first.
pub(super) fn number(bytes: &[u8]) -> u64 {
    bytes.iter().take(8).rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// Returns the signed number in at most eight bytes, the least significant byte first.
fn signed(bytes: &[u8]) -> i64 {
    let unused = 64 - 8 * u32::try_from(bytes.len().clamp(1, 8)).expect("at most eight");
    (number(bytes) << unused).cast_signed() >> unused
}

/// Decodes UTF-16 text. A surrogate that is not part of a pair becomes U+FFFD.
fn utf16(bytes: &[u8]) -> String {
    char::decode_utf16(units(bytes)).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_exists_has_a_name() {
        for number in 0..=u8::MAX {
            let kind = ValueType::of(number);
            assert_eq!(
                type_name(kind).contains("unknown"),
                !kind.exists() && number != 0x80 && number != 0xa1,
                "{number:#x}"
            );
        }
    }

    #[test]
    fn numbers_are_shown_with_their_sign() {
        for (kind, bytes, text) in [
            (I8, &[0xff][..], "-1"),
            (I16, &[0, 0x80], "-32768"),
            (I32, &[1, 0, 0, 0], "1"),
            (I64, &[0xff; 8], "-1"),
            (U8, &[0xff], "255"),
            (U64, &[0xff; 8], "18446744073709551615"),
            (HEX32, &[0x10, 0, 0, 0], "0x10"),
            (BOOLEAN, &[1, 0, 0, 0], "true"),
        ] {
            assert_eq!(value_text(kind, bytes).as_deref(), Some(text), "{kind:?}");
        }
        assert_eq!(value_text(U32, &[1, 0]), None);
        assert_eq!(value_text(TEXT, &[0x41, 0, 0, 0xd8]).as_deref(), Some("A\u{fffd}"));
    }
}
