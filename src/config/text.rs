//! Reads rule files, and the other files of a request (exclusions, values for placeholders), in the
//! text encodings that editors write.

use std::borrow::Cow;
use std::io;
use std::path::Path;

use crate::base::digest::sha256;
use crate::base::platform::files::{Link, read_at_most, read_named};

/// The greatest size in bytes of a rule file, and of a file with exclusions or values for
/// placeholders. Most rule files have a few KiB; one that lists a hundred thousand names has some
/// MiB.
pub(super) const MOST_BYTES: u64 = 8 << 20;

/// The text of a rule file, or of a file with exclusions or values for placeholders, and the hash
/// of its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FileText {
    /// The text of the rule file or other file, without a byte order mark.
    pub text: String,
    /// The SHA-256 of the bytes of the rule file or other file, in hexadecimal digits. The
    /// description of the sweep in its output (`run.json`) records it.
    pub sha256: String,
}

/// Reads a file that the user named on the command line: a rule file, or one with exclusions or
/// values for placeholders. It may be a pipe.
pub(super) fn read_named_file(path: &Path) -> io::Result<FileText> {
    decoded_file(read_named(path, MOST_BYTES)?.into())
}

/// Reads a rule file that was found in a directory. A pipe is refused, because reading it could
/// wait for ever.
pub(super) fn read_found(path: &Path) -> io::Result<FileText> {
    decoded_file(read_at_most(path, Link::Followed, MOST_BYTES)?.into())
}

/// Decodes the bytes of a rule file, or of a file with exclusions or values for placeholders.
pub(super) fn decoded_file(bytes: Cow<'_, [u8]>) -> io::Result<FileText> {
    let sha256 = sha256(&bytes);
    let text = decoded(bytes).map_err(io::Error::other)?;
    Ok(FileText { text, sha256 })
}

/// Decodes the bytes of a list of indicators. Bytes that are not UTF-8 become U+FFFD, so that only
/// the entries that have them are not understood.
pub(super) fn decoded_list(bytes: Vec<u8>) -> io::Result<String> {
    if is_utf16(&bytes) {
        return decoded(bytes.into()).map_err(io::Error::other);
    }
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned()))
}

/// Returns true if `bytes` are text in UTF-16: if they begin with its byte order mark, or if
/// exactly one of the first two bytes is zero and the other one is ASCII.
fn is_utf16(bytes: &[u8]) -> bool {
    match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        [first, second, ..] => (*first == 0) != (*second == 0) && first.is_ascii() && second.is_ascii(),
        _ => false,
    }
}

/// Decodes the bytes of a rule file or other file as UTF-8 or UTF-16, as their byte order mark
/// says. Without a mark, a zero byte as the first or second byte means UTF-16, because these files
/// begin with ASCII.
fn decoded(bytes: Cow<'_, [u8]>) -> Result<String, String> {
    let utf16 = |bytes: &[u8], unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks::<2>().0.iter().map(|pair| unit(*pair)).collect();
        match (String::from_utf16(&units), bytes.len() % 2) {
            (Ok(text), 0) => Ok(text),
            _ => Err("expected text in UTF-8 or UTF-16, found UTF-16 that is damaged".to_owned()),
        }
    };
    match &*bytes {
        [0xff, 0xfe, text @ ..] => utf16(text, u16::from_le_bytes),
        [0xfe, 0xff, text @ ..] => utf16(text, u16::from_be_bytes),
        [first, 0, ..] if first.is_ascii() && *first != 0 => utf16(&bytes, u16::from_le_bytes),
        [0, second, ..] if second.is_ascii() && *second != 0 => utf16(&bytes, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, text @ ..] => utf8(text.to_vec()),
        _ => utf8(bytes.into_owned()),
    }
}

/// Converts UTF-8 bytes to text without copying them. The error says at which line and column the
/// first byte is that is not UTF-8.
fn utf8(bytes: Vec<u8>) -> Result<String, String> {
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let (before, after) = error.as_bytes().split_at_checked(valid).unwrap_or_default();
        let before = String::from_utf8_lossy(before);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        let byte = after.first().copied().unwrap_or_default();
        format!("line {line}, column {column}: expected text in UTF-8 or UTF-16, found the byte 0x{byte:02x}: save the file as UTF-8")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_in_each_encoding() {
        let utf16 =
            |text: &str, unit: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(unit).collect::<Vec<u8>>();
        for bytes in [
            "id: é\n".as_bytes().to_vec(),
            "\u{feff}id: é\n".as_bytes().to_vec(),
            utf16("\u{feff}id: é\n", u16::to_le_bytes),
            utf16("\u{feff}id: é\n", u16::to_be_bytes),
            utf16("id: é\n", u16::to_le_bytes),
            utf16("id: é\n", u16::to_be_bytes),
        ] {
            assert_eq!(decoded(bytes.as_slice().into()).as_deref(), Ok("id: é\n"), "{bytes:x?}");
        }
        assert_eq!(decoded(Cow::default()).as_deref(), Ok(""));
        assert_eq!(
            decoded(b"a: \xc3\xa9\nb: \xe4x\n".into()).unwrap_err(),
            "line 2, column 4: expected text in UTF-8 or UTF-16, found the byte 0xe4: save the file as UTF-8"
        );
        assert!(decoded(b"\xff\xfea".into()).unwrap_err().contains("damaged"));
    }

    #[test]
    fn a_list_may_have_bytes_of_other_encodings() {
        let list = |bytes: &[u8]| decoded_list(bytes.to_vec()).unwrap();
        assert_eq!(list(b"a.b\n\xe4.b\n"), "a.b\n\u{fffd}.b\n");
        assert_eq!(list(b"\xff\xfea\0\n\0"), "a\n");
        assert_eq!(list(b"a\0\n\0"), "a\n");
        assert_eq!(list(b"\0\0\0"), "\0\0\0");
        assert!(decoded_list(b"\xff\xfea".to_vec()).is_err());
    }
}
