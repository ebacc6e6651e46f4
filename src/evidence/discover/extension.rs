//! Extensions of file names, by which skipped files are counted. Only extensions in a fixed list
//! are counted by name, because names come from the evidence and could be as many as the files.

use crate::base::platform::name_bytes;
use std::ffi::OsStr;

/// The extensions of archives, compressed files and disk images. The content of such files is not
/// searched.
const CONTAINERS: [&str; 40] = [
    "7z",
    "ad1",
    "aff",
    "aff4",
    "avhdx",
    "bz2",
    "cab",
    "dd",
    "dmg",
    "e01",
    "ex01",
    "gz",
    "img",
    "iso",
    "l01",
    "lx01",
    "lz4",
    "lzma",
    "ova",
    "qcow",
    "qcow2",
    "rar",
    "raw",
    "s01",
    "sparseimage",
    "tar",
    "tbz2",
    "tgz",
    "txz",
    "tzst",
    "vdi",
    "vhd",
    "vhdx",
    "vmdk",
    "wim",
    "xva",
    "xz",
    "z",
    "zip",
    "zst",
];
/// Other extensions of files that often lie beside event logs.
const KNOWN: [&str; 36] = [
    "001", "bin", "bmp", "csv", "dat", "db", "dll", "dmp", "docx", "etl", "evt", "exe", "htm", "html", "ini",
    "jpg", "json", "jsonl", "lnk", "log", "md", "md5", "mem", "parquet", "pcap", "pcapng", "pdf", "pf",
    "png", "reg", "sha256", "sqlite", "sys", "txt", "vmem", "xml",
];

/// The extension of a skipped file's name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension {
    /// The extension of an archive or a disk image.
    Container(&'static str),
    /// Another extension of the fixed list.
    Known(&'static str),
    /// No extension, or one that is not in the fixed list.
    Other,
}

impl Extension {
    /// Returns the extension of `name`: the text after its last point, in any letter case.
    pub(super) fn of(name: &OsStr) -> Self {
        let name = name_bytes(name);
        let Some(point) = name.iter().rposition(|byte| *byte == b'.') else { return Extension::Other };
        let extension = name.get(point + 1..).unwrap_or_default();
        let one_of = |list: &[&'static str]| {
            list.iter().copied().find(|known| known.as_bytes().eq_ignore_ascii_case(extension))
        };
        if let Some(container) = one_of(&CONTAINERS) {
            return Extension::Container(container);
        }
        match extension {
            // Parts of an image: x.E01, x.E02, ….
            [b'e' | b'E', b'0'..=b'9', b'0'..=b'9'] => Extension::Container("e01"),
            _ => one_of(&KNOWN).map_or(Extension::Other, Extension::Known),
        }
    }

    /// Returns the extension as it is counted; `None` if it is not in the fixed list.
    pub(super) fn name(self) -> Option<&'static str> {
        match self {
            Extension::Container(name) | Extension::Known(name) => Some(name),
            Extension::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_end_in_any_case() {
        for (name, extension) in [
            ("x.zip", Extension::Container("zip")),
            ("Disk.E01", Extension::Container("e01")),
            ("Disk.e17", Extension::Container("e01")),
            ("a.tar.GZ", Extension::Container("gz")),
            ("x.JSON", Extension::Known("json")),
            ("zip", Extension::Other),
            ("x.zipped", Extension::Other),
            ("x.", Extension::Other),
            ("", Extension::Other),
        ] {
            assert_eq!(Extension::of(OsStr::new(name)), extension, "{name}");
        }
    }
}
