//! What is counted of the names of files that are passed over: how they end, as far as that is
//! known. Names are evidence, and could be as many as files; what is counted is one of a list.

use crate::base::platform::name_bytes;
use std::ffi::OsStr;

/// Archives, compressed files and disk images: what they hold was not looked at.
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
/// What else is often found where logs were expected.
const KNOWN: [&str; 36] = [
    "001", "bin", "bmp", "csv", "dat", "db", "dll", "dmp", "docx", "etl", "evt", "exe", "htm", "html", "ini",
    "jpg", "json", "jsonl", "lnk", "log", "md", "md5", "mem", "parquet", "pcap", "pcapng", "pdf", "pf",
    "png", "reg", "sha256", "sqlite", "sys", "txt", "vmem", "xml",
];

/// How a name ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension {
    /// As that of an archive or a disk image.
    Container(&'static str),
    /// As that of something else that is known.
    Known(&'static str),
    /// As nothing that is known.
    Other,
}

impl Extension {
    /// What stands behind the last point of a name, in any case.
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
            // The parts of an image: x.E01, x.E02, ….
            [b'e' | b'E', b'0'..=b'9', b'0'..=b'9'] => Extension::Container("e01"),
            _ => one_of(&KNOWN).map_or(Extension::Other, Extension::Known),
        }
    }

    /// The extension, if it is one of the list.
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
