//! Disk images: files that contain the bytes of a disk, packed or with holes.
//!
//! [`ImageFormat::of`] tells the format by the file's bytes, [`open`] gives the disk as a
//! [`Source`](crate::evidence::layer::Source). Each format is a file of this module and a line of
//! the table `FORMATS`. Memory for an image is bounded by some 10 MiB whatever its headers
//! state: tables are read page by page, and few unpacked blocks are kept.

mod blocks;
mod cache;
mod ewf;
mod fields;
mod inflate;
mod outcome;
mod qcow2;
mod split;
mod vhd;
mod vhdx;
mod vmdk;

use std::io;
use std::sync::Arc;

pub use self::outcome::{Image, ImageError, ImageFacts, ImageProblem};
use crate::evidence::layer::{SharedSource, Source, read_up_to};

/// The largest disk that is read, in bytes. Larger sizes are taken for damage.
const LARGEST_DISK: u64 = 64 << 40;

/// The format of a disk image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// Expert Witness Format version 1, in segments (`.E01`, `.E02` and so on).
    E01,
    /// Expert Witness Format version 2 (`.Ex01`).
    Ex01,
    /// Logical evidence files (`.L01`, `.Lx01`), which contain files and no disk.
    L01,
    /// Microsoft Virtual Hard Disk.
    Vhd,
    /// Microsoft Virtual Hard Disk, version 2.
    Vhdx,
    /// VMware Virtual Machine Disk.
    Vmdk,
    /// QEMU Copy-On-Write, version 2 or 3.
    Qcow2,
    /// The bytes of a disk in files of equal length (`.001`, `.002` and so on).
    SplitRaw,
    /// The bytes of a disk as they are.
    Raw,
}

/// What the program knows about a format.
struct FormatEntry {
    format: ImageFormat,
    /// The word in tables that users read.
    word: &'static str,
    open: fn(&Opening<'_>) -> Result<Image, ImageError>,
}

/// All formats.
const FORMATS: &[FormatEntry] = &[
    FormatEntry { format: ImageFormat::E01, word: "ewf", open: ewf::open },
    FormatEntry { format: ImageFormat::Ex01, word: "ewf2", open: ewf::ex01::open },
    FormatEntry { format: ImageFormat::L01, word: "l01", open: unsupported_l01 },
    FormatEntry { format: ImageFormat::Vhd, word: "vhd", open: vhd::open },
    FormatEntry { format: ImageFormat::Vhdx, word: "vhdx", open: vhdx::open },
    FormatEntry { format: ImageFormat::Vmdk, word: "vmdk", open: vmdk::open },
    FormatEntry { format: ImageFormat::Qcow2, word: "qcow2", open: qcow2::open },
    FormatEntry { format: ImageFormat::SplitRaw, word: "split raw", open: split::open },
    FormatEntry { format: ImageFormat::Raw, word: "raw", open: open_raw },
];

impl ImageFormat {
    /// The format of the file `file`, whose name is `name`, by its first and last bytes. A file
    /// that nothing else fits is [`ImageFormat::SplitRaw`] if its name ends with `.001`, and
    /// [`ImageFormat::Raw`] otherwise: whether a raw file is a disk, its volumes decide.
    pub fn of(file: &dyn Source, name: &str) -> io::Result<Self> {
        if let Some(format) = Self::of_head(&read_up_to(file, 0, 64)?) {
            return Ok(format);
        }
        let tail = read_up_to(file, file.size().saturating_sub(vhd::FOOTER), vhd::COOKIE.len())?;
        if tail == vhd::COOKIE {
            return Ok(ImageFormat::Vhd);
        }
        Ok(if split::is_first(name) { ImageFormat::SplitRaw } else { ImageFormat::Raw })
    }

    /// The format of the file that begins with `head`, at least 64 bytes; `None` if they have no
    /// signature of an image.
    #[must_use]
    pub fn of_head(head: &[u8]) -> Option<Self> {
        let by_head: &[(&[u8], ImageFormat)] = &[
            (b"EVF\x09\x0d\x0a\xff\x00", ImageFormat::E01),
            (b"EVF2\x0d\x0a\x81\x00", ImageFormat::Ex01),
            (b"LVF\x09\x0d\x0a\xff\x00", ImageFormat::L01),
            (b"LEF2\x0d\x0a\x81\x00", ImageFormat::L01),
            (b"vhdxfile", ImageFormat::Vhdx),
            (b"KDMV", ImageFormat::Vmdk),
            (b"COWD", ImageFormat::Vmdk),
            (b"# Disk DescriptorFile", ImageFormat::Vmdk),
            (b"QFI\xfb", ImageFormat::Qcow2),
            (vhd::COOKIE, ImageFormat::Vhd),
        ];
        by_head.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, format)| *format)
    }

    /// The name of the first file of the image that a file named `name` belongs to by its name, such
    /// as `disk.E01` for `disk.E07`, `disk.001` for `disk.002` and `disk.vmdk` for
    /// `disk-s003.vmdk`; `None` if the file is a first one itself. A caller lists a file whose first
    /// file is in the same folder as a part of that image.
    #[must_use]
    pub fn first_name(self, name: &str) -> Option<String> {
        let first = match self {
            ImageFormat::E01 | ImageFormat::Ex01 => ewf::first_name(name),
            ImageFormat::Raw | ImageFormat::SplitRaw => {
                split::first_name(name).or_else(|| vmdk::first_name(name))
            }
            ImageFormat::Vmdk => vmdk::first_name(name),
            _ => None,
        };
        first.filter(|first| first != name)
    }

    /// The word for the format in the table of containers, such as `ewf`.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.entry().map_or("image", |entry| entry.word)
    }

    fn entry(self) -> Option<&'static FormatEntry> {
        FORMATS.iter().find(|entry| entry.format == self)
    }
}

/// The folder, on a disk or in an archive, that an image lies in. Images of several files find
/// their further files there.
pub trait Siblings {
    /// Opens the regular file `name` of the folder; `None` if the folder has no regular file of
    /// this name. `name` never contains a separator.
    fn open(&self, name: &str) -> io::Result<Option<SharedSource>>;
}

/// Opens the image `first` of format `format`. `name` is its file's name without its folder, by
/// which the names of further segments are made; `siblings` is the folder.
pub fn open(
    format: ImageFormat,
    first: SharedSource,
    name: &str,
    siblings: &dyn Siblings,
) -> Result<Image, ImageError> {
    let opening = Opening { first, name, siblings };
    match format.entry() {
        Some(entry) => (entry.open)(&opening),
        None => Err(ImageError::Unsupported(format!("{format:?}"))),
    }
}

/// An image that is being opened.
struct Opening<'a> {
    first: SharedSource,
    name: &'a str,
    siblings: &'a dyn Siblings,
}

impl Opening<'_> {
    /// Opens another file of the image's folder. A name that leaves the folder is refused; `None`
    /// if there is no regular file of this name.
    fn sibling(&self, name: &str) -> Result<Option<SharedSource>, ImageError> {
        if matches!(name, "" | "." | "..") || name.contains(['/', '\\', ':', '\0']) {
            let expected = "the name of a file in the same folder";
            return Err(ImageProblem::new(self.name, expected, format!("{name:?}")).into());
        }
        self.siblings.open(name).map_err(|source| ImageError::Read { name: name.to_owned(), source })
    }

    /// The error of a read of the image's first file.
    fn failed(&self, source: io::Error) -> ImageError {
        ImageError::Read { name: self.name.to_owned(), source }
    }

    /// A problem in the image's first file.
    fn problem(&self, part: &str, expected: impl Into<String>, found: impl Into<String>) -> ImageProblem {
        ImageProblem::new(format!("{}, {part}", self.name), expected, found)
    }

    /// Refuses a disk of more bytes than are read.
    fn check_size(&self, size: u64) -> Result<(), ImageError> {
        if size > LARGEST_DISK {
            let expected = format!("a disk of at most {LARGEST_DISK} bytes");
            return Err(self.problem("size of the disk", expected, size.to_string()).into());
        }
        Ok(())
    }
}

fn open_raw(opening: &Opening<'_>) -> Result<Image, ImageError> {
    opening.check_size(opening.first.size())?;
    Ok(Image::of(Arc::clone(&opening.first)))
}

fn unsupported_l01(_: &Opening<'_>) -> Result<Image, ImageError> {
    Err(ImageError::Unsupported("a logical evidence file (L01), which contains files and no disk,".into()))
}

#[cfg(test)]
mod tests;
