//! Extensions of file names: which of them are those of archives and disk images, and by which skipped
//! files are counted. Only extensions in a fixed list are counted by name, because names come from
//! the evidence and could be as many as the files.

/// Extensions of archives, compressed files and disk images, whether or not dnsweep reads them.
const CONTAINERS: [&str; 41] = [
    "001",
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
/// The extensions in [`CONTAINERS`] of formats that dnsweep does not read. A format that becomes
/// readable must leave this list. Files of some of them begin like a format that dnsweep does read:
/// AFF4 images are zip archives.
const UNREAD_CONTAINERS: [&str; 16] = [
    "7z", "ad1", "aff4", "bz2", "cab", "l01", "lx01", "lz4", "rar", "s01", "tbz2", "txz", "vdi", "wim",
    "xva", "xz",
];
/// The extensions in [`CONTAINERS`] that say little: files of the format need not begin with a
/// signature, or other files have the extension too.
const UNSIGNED_CONTAINERS: [&str; 10] =
    ["001", "aff", "dd", "dmg", "img", "iso", "lzma", "raw", "sparseimage", "z"];
/// Other extensions that are common beside event logs.
const KNOWN: [&str; 35] = [
    "bin", "bmp", "csv", "dat", "db", "dll", "dmp", "docx", "etl", "evt", "exe", "htm", "html", "ini", "jpg",
    "json", "jsonl", "lnk", "log", "md", "md5", "mem", "parquet", "pcap", "pcapng", "pdf", "pf", "png",
    "reg", "sha256", "sqlite", "sys", "txt", "vmem", "xml",
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
    /// The extension of `name`: what follows its last point, in any letter case.
    pub(super) fn of(name: &[u8]) -> Self {
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

    /// Returns the format that the extension promises, if it is one that dnsweep does not read and
    /// whose bytes could be taken for another format.
    pub(super) fn unread_container(self) -> Option<&'static str> {
        match self {
            Extension::Container(name) if UNREAD_CONTAINERS.contains(&name) => Some(name),
            _ => None,
        }
    }

    /// The format that the extension promises, if every file of that format has a signature.
    pub(super) fn signed_container(self) -> Option<&'static str> {
        match self {
            Extension::Container(name) if !UNSIGNED_CONTAINERS.contains(&name) => Some(name),
            _ => None,
        }
    }

    /// The extension, if it is one of those in the list.
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
            assert_eq!(Extension::of(name.as_bytes()), extension, "{name}");
        }
    }
}
