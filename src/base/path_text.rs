//! Paths as text, from which each can be found again.

use std::ffi::OsStr;
use std::fmt::Write;
use std::path::Path;

use super::platform::name_bytes;

/// A path as text, with `/`: every byte that is no text as `\xNN` and every backslash as `\\`, so
/// that it can be found again.
#[must_use]
pub fn path_text(path: &Path) -> String {
    let names: Vec<String> = path.iter().map(escaped_name).filter(|name| name != "/").collect();
    format!("{}{}", if path.is_absolute() { "/" } else { "" }, names.join("/"))
}

/// A name as text, likewise.
#[must_use]
pub fn escaped_name(name: &OsStr) -> String {
    let mut text = String::with_capacity(name.len());
    for part in name_bytes(name).utf8_chunks() {
        text.push_str(&part.valid().replace('\\', "\\\\"));
        for byte in part.invalid() {
            // Writing into a string does not fail.
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
    fn names_that_are_no_text_can_be_found_again() {
        assert_eq!(escaped_name(OsStr::from_bytes(b"a\xff\xfe.evtx")), "a\\xFF\\xFE.evtx");
        assert_eq!(escaped_name(OsStr::new("a\\xFF.evtx")), "a\\\\xFF.evtx");
        assert_eq!(escaped_name(OsStr::new("Größe.evtx")), "Größe.evtx");
    }
}
