//! Writes names on an NTFS volume as text, so that different names have different texts.

use std::fmt::Write;

/// Appends a name in UTF-16 (little-endian) to `text`. A backslash becomes `\\`. The characters
/// `!`, `/` and `:`, which separate the parts of a path in evidence, become `\xNN`. Half of a
/// surrogate pair, which is not text, becomes `\xNN` for each of the three bytes that it would have
/// in UTF-8.
pub(super) fn push_name(text: &mut String, name: &[u8]) {
    let units =
        name.chunks_exact(2).filter_map(|unit| unit.first_chunk()).map(|unit| u16::from_le_bytes(*unit));
    for letter in char::decode_utf16(units) {
        match letter {
            Ok('\\') => text.push_str("\\\\"),
            Ok(letter @ ('!' | '/' | ':')) => push_byte(text, u32::from(letter)),
            Ok(letter) => text.push(letter),
            Err(error) => {
                let unit = u32::from(error.unpaired_surrogate());
                for byte in [0xE0 | unit >> 12, 0x80 | unit >> 6 & 0x3F, 0x80 | unit & 0x3F] {
                    push_byte(text, byte);
                }
            }
        }
    }
}

/// Returns a name in UTF-16 (little-endian) as text, escaped as [`push_name`] does.
pub(super) fn name_text(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len() / 2);
    push_name(&mut text, name);
    text
}

fn push_byte(text: &mut String, byte: u32) {
    // Writing to a `String` cannot fail.
    let _ = write!(text, "\\x{byte:02X}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_can_be_found_again() {
        let text =
            |units: &[u16]| name_text(&units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>());
        let utf16 = |name: &str| text(&name.encode_utf16().collect::<Vec<_>>());
        assert_eq!(
            utf16("Microsoft-Windows-Sysmon%4Operational.evtx"),
            "Microsoft-Windows-Sysmon%4Operational.evtx"
        );
        assert_eq!(utf16("Größe 😀.evtx"), "Größe 😀.evtx");
        assert_eq!(utf16("a!b\\c/d:e"), "a\\x21b\\\\c\\x2Fd\\x3Ae");
        assert_eq!(text(&[0x61, 0xD83D, 0x62]), "a\\xED\\xA0\\xBDb");
        assert_eq!(text(&[0xDE00, 0xD83D]), "\\xED\\xB8\\x80\\xED\\xA0\\xBD");
        // An odd byte at the end is not a unit.
        assert_eq!(name_text(b"a\0b"), "a");
    }
}
