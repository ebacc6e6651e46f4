//! The extensions of file names: those of archives and disk images, those of them that dnsweep does
//! not read, and those by which skipped files are counted. Only extensions in fixed lists are
//! counted by name. Evidence chooses its file names, and could otherwise make the counts as long as
//! the list of files.

/// The extensions of archives, packed files and disk images, including formats that dnsweep does
/// not read.
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
/// The extensions in [`CONTAINERS`] whose formats dnsweep does not read. If dnsweep learns to read
/// a format, its extension must leave this list. The list is needed because some of the formats
/// begin like a format that dnsweep reads: AFF4 images are zip archives.
const UNREAD_CONTAINERS: [&str; 11] =
    ["ad1", "aff4", "cab", "l01", "lx01", "lz4", "rar", "s01", "vdi", "wim", "xva"];
/// The extensions in [`CONTAINERS`] that do not prove that a file should have a signature: files of
/// the format need not begin with one, or files with other content have the extension, too. If a
/// file with one of these extensions has no signature, it is not reported as a broken container.
const UNSIGNED_CONTAINERS: [&str; 10] =
    ["001", "aff", "dd", "dmg", "img", "iso", "lzma", "raw", "sparseimage", "z"];
/// Extensions of files that often lie beside event logs and are neither archives nor disk images.
/// Skipped files are counted by these extensions and by those in [`CONTAINERS`].
const KNOWN: [&str; 35] = [
    "bin", "bmp", "csv", "dat", "db", "dll", "dmp", "docx", "etl", "evt", "exe", "htm", "html", "ini", "jpg",
    "json", "jsonl", "lnk", "log", "md", "md5", "mem", "parquet", "pcap", "pcapng", "pdf", "pf", "png",
    "reg", "sha256", "sqlite", "sys", "txt", "vmem", "xml",
];

/// The extension of a file's name, if it is in one of two fixed lists: the extensions of
/// containers, and those of other files that often lie beside event logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension {
    /// The extension of an archive, a packed file or a disk image, in lower case without the dot.
    Container(&'static str),
    /// An extension that is in the fixed list of files that often lie beside event logs and are not
    /// containers, in lower case without the dot. Skipped files are counted by it.
    Known(&'static str),
    /// The name has no extension, or one that is in neither of the fixed lists: that of containers
    /// and that of other well-known files.
    Other,
}

impl Extension {
    /// Returns the extension of the file name `name`, which is what follows the last dot. The
    /// case of letters does not matter. `E01`, `E02` and so on all count as `e01`.
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

    /// Returns the extension if it is the extension of an archive or image format that dnsweep does
    /// not read. Returns `None` otherwise.
    pub(super) fn unread_container(self) -> Option<&'static str> {
        match self {
            Extension::Container(name) if UNREAD_CONTAINERS.contains(&name) => Some(name),
            _ => None,
        }
    }

    /// Returns the extension if it is the extension of an archive or image format in which every
    /// file begins with a signature. A file with this extension and without a signature is broken.
    /// Returns `None` otherwise.
    pub(super) fn signed_container(self) -> Option<&'static str> {
        match self {
            Extension::Container(name) if !UNSIGNED_CONTAINERS.contains(&name) => Some(name),
            _ => None,
        }
    }

    /// Returns the extension in lower case without the dot. Returns `None` for
    /// [`Extension::Other`].
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
