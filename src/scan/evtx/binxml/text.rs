//! Reads and compares UTF-16 text in place, in the chunk's bytes.
//!
//! Each function documents how it treats NUL. Texts in a live log end in a NUL, and a decoder ends
//! a text at any NUL.

use crate::base::byte_search::all;

/// UTF-16 text without a NUL that a template definition contains, such as an element's name. It
/// borrows the chunk's bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    /// Wraps the bytes of UTF-16 text. `None` if the text contains a NUL, at which the decoder (the
    /// `evtx` crate) would end it. Callers then have the record decoded, instead of reading it
    /// directly.
    pub(in crate::scan) fn new(bytes: &'a [u8]) -> Option<Self> {
        (!holds_nul(bytes)).then_some(Text(bytes))
    }

    /// Returns whether the text equals `ascii`, in the same letter case.
    pub(in crate::scan) fn is(self, ascii: &str) -> bool {
        self.0.len() == ascii.len() * 2
            && self.0.chunks_exact(2).zip(ascii.bytes()).all(|(unit, byte)| unit == [byte, 0])
    }

    /// Returns whether the text has only ASCII letters and digits, as the names of elements and
    /// attributes do.
    pub(in crate::scan) fn is_letters(self) -> bool {
        self.0.as_chunks::<2>().0.iter().all(|[low, high]| low.is_ascii_alphanumeric() && *high == 0)
    }

    /// Returns whether the text equals `ascii`, ignoring the case of letters.
    pub(in crate::scan) fn is_in_any_case(self, ascii: &str) -> bool {
        self.0.len() == ascii.len() * 2
            && self
                .0
                .chunks_exact(2)
                .zip(ascii.bytes())
                .all(|(unit, byte)| is_letter(unit, byte.to_ascii_lowercase()))
    }

    /// Returns the text as a string; `None` if it is not valid UTF-16. Callers then have the record
    /// decoded, instead of reading it directly.
    pub(in crate::scan) fn decode(self) -> Option<String> {
        decoded(self.0)
    }
}

/// Returns the code units of little-endian UTF-16 text. A single byte at its end is ignored.
#[inline]
pub(in crate::scan) fn units(text: &[u8]) -> impl Iterator<Item = u16> + '_ {
    text.as_chunks::<2>().0.iter().map(|unit| u16::from_le_bytes(*unit))
}

/// Decodes UTF-16 text. A NUL at its end is left out; texts have one in the logs of a running
/// Windows. `None` if the text contains another NUL or is not valid UTF-16.
pub(in crate::scan) fn text(bytes: &[u8]) -> Option<String> {
    let (pairs, []) = bytes.as_chunks::<2>() else { return None };
    let pairs = pairs.strip_suffix(&[[0, 0]]).unwrap_or(pairs);
    if all(pairs, |[low, high]| high == 0 && low.is_ascii() && low != 0) {
        return Some(low_bytes(pairs));
    }
    let text = decoded(pairs.as_flattened())?;
    (!text.contains('\0')).then_some(text)
}

/// Returns whether text is valid UTF-16 that contains no NUL, except for one at its end.
pub(in crate::scan) fn is_whole(text: &[u8]) -> bool {
    let text = text.strip_suffix(&[0, 0]).filter(|_| text.len().is_multiple_of(2)).unwrap_or(text);
    units(text).all(|unit| unit != 0) && char::decode_utf16(units(text)).all(|letter| letter.is_ok())
}

/// Decodes UTF-16 text that has only printable ASCII characters, as all channel names do. `None`
/// for any other text. Callers then have the record decoded, instead of reading it directly.
pub(in crate::scan) fn plain(text: &[u8]) -> Option<String> {
    let (pairs, []) = text.as_chunks::<2>() else { return None };
    all(pairs, |[low, high]| high == 0 && (b' '..=b'~').contains(&low)).then(|| low_bytes(pairs))
}

/// Converts UTF-16 units to a string. All units must be ASCII characters.
fn low_bytes(units: &[[u8; 2]]) -> String {
    let bytes = units.iter().map(|[low, _]| *low).collect();
    String::from_utf8(bytes).expect("ASCII characters are UTF-8")
}

/// Returns whether UTF-16 text equals `ascii`, which must have only ASCII characters, in the same
/// letter case.
pub(in crate::scan) fn is_plain(text: &[u8], ascii: &str) -> bool {
    text.len() == ascii.len() * 2
        && text
            .as_chunks::<2>()
            .0
            .iter()
            .zip(ascii.bytes())
            .all(|(unit, letter)| letter.is_ascii() && *unit == [letter, 0])
}

/// Returns whether UTF-16 text, up to its first NUL, equals `name` in any ASCII letter case. `None`
/// if the text ends inside a code unit. Callers then have the record decoded, instead of reading it
/// directly.
pub(in crate::scan) fn equals(text: &[u8], name: &str) -> Option<bool> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let length = name.len() * 2;
    let begins = text.get(..length).is_some_and(|start| {
        start
            .chunks_exact(2)
            .zip(name.bytes())
            .all(|(unit, letter)| is_letter(unit, letter.to_ascii_lowercase()))
    });
    Some(begins && text.get(length..).is_some_and(|rest| rest.is_empty() || rest.starts_with(&[0, 0])))
}

/// Returns whether UTF-16 text contains a NUL, at which the decoder (the `evtx` crate) would end
/// the text.
pub(in crate::scan) fn holds_nul(text: &[u8]) -> bool {
    // Four units at a time: in a number made of four units, one is zero if subtracting 1 from each
    // borrows where none had its highest bit set.
    const ONES: u64 = 0x0001_0001_0001_0001;
    let (fours, rest) = text.as_chunks::<8>();
    let zero = |four: &[u8; 8]| {
        let units = u64::from_le_bytes(*four);
        units.wrapping_sub(ONES) & !units & (ONES << 15) != 0
    };
    fours.iter().any(zero) || rest.as_chunks::<2>().0.contains(&[0, 0])
}

/// Returns whether a UTF-16 code unit is the ASCII character `lower`, in lower or upper case.
/// `lower` must be in lower case.
fn is_letter(unit: &[u8], lower: u8) -> bool {
    matches!(unit, [byte, 0] if byte.to_ascii_lowercase() == lower)
}

/// Decodes the UTF-16 code units of `text`; `None` if they are not valid UTF-16.
fn decoded(text: &[u8]) -> Option<String> {
    char::decode_utf16(units(text)).collect::<Result<String, _>>().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    proptest! {
        /// Compares `holds_nul` with a simple, slow function that tests each UTF-16 unit.
        #[test]
        fn a_nul_is_found_wherever_it_is(units in prop::collection::vec(prop_oneof![Just(0_u16), Just(0x8000), Just(1), Just(0x0100), 1..=u16::MAX], 0..12)) {
            let text: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
            prop_assert_eq!(holds_nul(&text), units.contains(&0));
        }

        /// Compares `text` with the standard library's decoder of UTF-16, applied to what precedes
        /// a final NUL.
        #[test]
        fn text_is_what_its_units_are(
            units in prop::collection::vec(prop_oneof![0x20_u16..0x7f, Just(0_u16), Just(0xd83d), Just(0xde00), any::<u16>()], 0..6),
            odd in prop::option::of(any::<u8>()),
        ) {
            let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).chain(odd).collect();
            let before_end = units.strip_suffix(&[0]).unwrap_or(&units);
            let expected = String::from_utf16(before_end).ok().filter(|text| !text.contains('\0'));
            prop_assert_eq!(text(&bytes), expected.clone().filter(|_| odd.is_none()));
            prop_assert!(odd.is_some() || is_whole(&bytes) == expected.is_some());
        }
    }

    #[test]
    fn text_with_its_nul_or_without_is_the_same() {
        for (bytes, expected) in [
            (utf16("a.example"), Some("a.example")),
            (utf16("a.example\0"), Some("a.example")),
            (utf16("ü.example\0"), Some("ü.example")),
            (utf16("a\0b"), None),
            (utf16("ü\0\0"), None),
        ] {
            assert_eq!(text(&bytes).as_deref(), expected, "{bytes:?}");
            assert_eq!(is_whole(&bytes), expected.is_some(), "{bytes:?}");
        }
    }
}
