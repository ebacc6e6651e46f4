//! Disk images: files that contain the bytes of a disk, often packed, or without its ranges of
//! zeros.
//!
//! [`ImageFormat::of`] recognises the format by the file's bytes. [`open`] returns the disk as a
//! [`Source`](crate::evidence::layer::Source). Each format has a file in this module and a row in
//! the table `FORMATS`. Opening an image and reading the disk takes about 10 MiB of memory at most,
//! whatever sizes the image states: tables are read page by page, and few unpacked blocks are kept.

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

/// The size of the largest disk that is read from an image, in bytes: 64 TiB. An image that states
/// a larger disk is taken for damaged.
const LARGEST_DISK: u64 = 64 << 40;

/// The format of a disk image, such as E01 or VHDX.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageFormat {
    /// Expert Witness Format version 1, in one or more files (`.E01`, `.E02` and so on).
    E01,
    /// Expert Witness Format version 2 (`.Ex01`).
    Ex01,
    /// A logical evidence file (`.L01`, `.Lx01`), which contains files and no disk. It is not read.
    L01,
    /// Microsoft Virtual Hard Disk (`.vhd`), of fixed size or dynamic.
    Vhd,
    /// Microsoft Virtual Hard Disk, version 2 (`.vhdx`).
    Vhdx,
    /// VMware Virtual Machine Disk (`.vmdk`), in one or more files.
    Vmdk,
    /// QEMU Copy-On-Write, version 2 or 3 (`.qcow2`).
    Qcow2,
    /// A split raw image: the bytes of a disk as they are, in several files (`.001`, `.002` and so
    /// on).
    SplitRaw,
    /// A raw image: the bytes of a disk as they are, in one file.
    Raw,
}

/// A row of the table of image formats: the format, the word that names it in `containers.parquet`,
/// and the function that opens an image of it.
struct FormatEntry {
    format: ImageFormat,
    /// The word that names the image format in the column `kind` of `containers.parquet`, such as
    /// `ewf`.
    word: &'static str,
    open: fn(&Opening<'_>) -> Result<Image, ImageError>,
}

/// All image formats. Each row has the format, the word that names it in `containers.parquet`, and
/// the function that opens an image of it.
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
    /// Returns the image format of the file `file`, whose name is `name`, by the file's first and
    /// last bytes. A file that has the signature of no format is [`ImageFormat::SplitRaw`] if its
    /// name ends with `.001`, and [`ImageFormat::Raw`] otherwise. The caller has to find out if a
    /// raw file is a disk at all, by looking for volumes in it.
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

    /// Returns the format of the disk image that begins with the bytes `head`: the first 64 bytes
    /// of the file or more, or all bytes of a shorter file. Returns `None` if they have no
    /// signature of an image format.
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

    /// Returns the name of the first file of the image that the file `name` belongs to, judged by
    /// the name: `disk.E01` for `disk.E07`, `disk.001` for `disk.002`, and `disk.vmdk` for
    /// `disk-s003.vmdk`. Returns `None` if `name` is the name of a first file. The listing of the
    /// evidence counts a file as a part of the image if that first file lies in the same folder.
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

    /// Returns the word that names the image format in the column `kind` of `containers.parquet`,
    /// such as `ewf`.
    #[must_use]
    pub fn word(self) -> &'static str {
        self.entry().map_or("image", |entry| entry.word)
    }

    fn entry(self) -> Option<&'static FormatEntry> {
        FORMATS.iter().find(|entry| entry.format == self)
    }
}

/// The folder, on a disk or in an archive, that an image's first file lies in. An image of several
/// files has its further files in the same folder.
pub trait Siblings {
    /// Opens the regular file `name` in the image's folder. Returns `None` if the folder has no
    /// regular file of this name. `name` never contains a path separator.
    fn open(&self, name: &str) -> io::Result<Option<SharedSource>>;
}

/// Opens the disk image whose first file is `first`. `name` is the name of that file without its
/// folder, from which the names of further files are made. `siblings` is the folder.
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

/// An image that is being opened: its first file, the name of that file, and the folder in which
/// the image's further files are looked for.
struct Opening<'a> {
    first: SharedSource,
    name: &'a str,
    siblings: &'a dyn Siblings,
}

impl Opening<'_> {
    /// Opens another file in the folder of the image's first file. Returns `None` if the folder has
    /// no regular file of this name. A name that leads out of the folder is an error, because names
    /// can come from the image, and evidence must not choose which files are read.
    fn sibling(&self, name: &str) -> Result<Option<SharedSource>, ImageError> {
        if matches!(name, "" | "." | "..") || name.contains(['/', '\\', ':', '\0']) {
            let expected = "the name of a file in the same folder";
            return Err(ImageProblem::new(self.name, expected, format!("{name:?}")).into());
        }
        self.siblings.open(name).map_err(|source| ImageError::Read { name: name.to_owned(), source })
    }

    /// Returns the error for a failed read of the image's first file.
    fn failed(&self, source: io::Error) -> ImageError {
        ImageError::Read { name: self.name.to_owned(), source }
    }

    /// Returns a problem in the image's first file: in which `part` of the file, and what was
    /// `expected` and `found`.
    fn problem(&self, part: &str, expected: impl Into<String>, found: impl Into<String>) -> ImageProblem {
        ImageProblem::new(format!("{}, {part}", self.name), expected, found)
    }

    /// Fails if the disk has more bytes than the largest disk that is read ([`LARGEST_DISK`]).
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
