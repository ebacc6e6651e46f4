//! Converts paths to text from which the path's bytes can be recovered exactly.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::Path;

use super::platform::name_bytes;

/// A path as text, with `/` between its parts. A byte that is not valid UTF-8 becomes `\xNN` and a
/// backslash becomes `\\`, so that the path can be recovered exactly.
#[must_use]
pub fn path_text(path: &Path) -> String {
    let names: Vec<String> = path.iter().map(escaped_name).filter(|name| name != "/").collect();
    format!("{}{}", if path.is_absolute() { "/" } else { "" }, names.join("/"))
}

/// A file name as text. A byte that is not valid UTF-8 becomes `\xNN` and a backslash becomes `\\`,
/// so that the name can be recovered exactly. The text may still contain control characters.
#[must_use]
pub fn escaped_name(name: &OsStr) -> String {
    escaped_bytes(name_bytes(name))
}

/// The text of a file name or a path that is given in bytes. A byte that is not valid UTF-8 becomes
/// `\xNN` and a backslash becomes `\\`, so that the bytes can be recovered exactly.
#[must_use]
pub fn escaped_bytes(name: &[u8]) -> String {
    let mut text = String::with_capacity(name.len());
    for part in name.utf8_chunks() {
        text.push_str(&part.valid().replace('\\', "\\\\"));
        for byte in part.invalid() {
            // Writing to a `String` cannot fail.
            let _ = write!(text, "\\x{byte:02X}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn names_that_are_no_text_can_be_recovered() {
        assert_eq!(escaped_name(OsStr::from_bytes(b"a\xff\xfe.evtx")), "a\\xFF\\xFE.evtx");
        assert_eq!(escaped_name(OsStr::new("a\\xFF.evtx")), "a\\\\xFF.evtx");
        assert_eq!(escaped_name(OsStr::new("Größe.evtx")), "Größe.evtx");
    }
}
