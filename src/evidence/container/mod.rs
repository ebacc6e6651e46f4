//! Containers: files that hold files (archives), a disk (images), or one packed file.
//!
//! What a container is, its bytes say. This module lists the files of an archive and opens the disk
//! of an image. It does not decide which of the files are logs.

pub mod image;
mod packed;
mod tar;
mod zip;

use std::io;
use std::sync::Arc;

use self::image::ImageFormat;
pub use self::packed::unpacked_name;
use self::packed::{PackedWhole, Packing};
use super::layer::{SharedSource, Slice, read_up_to};
use super::spool::{Packed, Spool};
use super::volume::{VolumeKind, table};
use crate::ledger::container::ContainerProblem;

/// The most files that an archive may have.
pub const MOST_MEMBERS: usize = 1_000_000;
/// The most bytes that one file may have when it is unpacked.
pub const MOST_UNPACKED: u64 = 256 << 30;

/// The word with which the reason begins why an encrypted file cannot be read.
pub const ENCRYPTED: &str = "encrypted";

/// Passwords to try on encrypted files, in their order.
pub type Passwords = Vec<Vec<u8>>;

/// The format of a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The container holds files, or is one packed file.
    Archive(ArchiveFormat),
    /// The container holds a disk.
    Image,
}

impl Format {
    /// The format of the file that begins with `head`: at least its first 4,104 bytes, or all of
    /// them. `None` if they show no container. Formats that only the last bytes of a file show
    /// count as images.
    #[must_use]
    pub fn of_head(head: &[u8]) -> Option<Self> {
        let image = || (ImageFormat::of_head(head).is_some() || is_disk(head)).then_some(Format::Image);
        ArchiveFormat::of_head(head).map(Format::Archive).or_else(image)
    }
}

/// Returns whether `head` is the start of a disk: of a volume, or of a disk with a partition table.
fn is_disk(head: &[u8]) -> bool {
    VolumeKind::of_head(head) != VolumeKind::Unknown || table::is_at_start(head)
}

/// The format of an archive or of a packed file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// A zip archive.
    Zip,
    /// A tar archive.
    Tar,
    /// A file that gzip packed.
    Gzip,
    /// A file that Zstandard packed.
    Zstandard,
    /// A format that dnsweep does not read.
    Unsupported(&'static str),
}

/// The signatures of formats: where each lies, the bytes, and the format.
const SIGNATURES: &[(usize, &[u8], ArchiveFormat)] = &[
    (0, b"PK\x03\x04", ArchiveFormat::Zip),
    (0, b"PK\x05\x06", ArchiveFormat::Zip),
    (0, b"PK00PK\x03\x04", ArchiveFormat::Zip),
    (257, b"ustar", ArchiveFormat::Tar),
    (0, b"\x1f\x8b\x08", ArchiveFormat::Gzip),
    (0, b"\x28\xb5\x2f\xfd", ArchiveFormat::Zstandard),
    (0, b"7z\xbc\xaf\x27\x1c", ArchiveFormat::Unsupported("7z")),
    (0, b"Rar!\x1a\x07", ArchiveFormat::Unsupported("rar")),
    (0, b"BZh", ArchiveFormat::Unsupported("bzip2")),
    (0, b"\xfd7zXZ\0", ArchiveFormat::Unsupported("xz")),
    (0, b"MSCF", ArchiveFormat::Unsupported("cab")),
    (0, b"MSWIM\0\0\0", ArchiveFormat::Unsupported("wim")),
    (0, b"\x04\x22\x4d\x18", ArchiveFormat::Unsupported("lz4")),
    (0, b"ADSEGMENTEDFILE", ArchiveFormat::Unsupported("AD1")),
];

impl ArchiveFormat {
    /// The format of the archive that begins with `head`; `None` if the bytes are not those of one.
    #[must_use]
    pub fn of_head(head: &[u8]) -> Option<Self> {
        let has = |(offset, signature, _): &&(usize, &[u8], ArchiveFormat)| {
            head.get(*offset..).is_some_and(|at| at.starts_with(signature))
        };
        SIGNATURES.iter().find(has).map(|(.., format)| *format)
    }

    /// The format's name in the table of containers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ArchiveFormat::Zip => "zip",
            ArchiveFormat::Tar => "tar",
            ArchiveFormat::Gzip => "gzip",
            ArchiveFormat::Zstandard => "zstd",
            ArchiveFormat::Unsupported(name) => name,
        }
    }
}

/// A file in an archive.
pub struct Member<'a> {
    /// The path as the archive stores it.
    pub path: &'a [u8],
    /// The size in bytes, as the archive states it.
    pub size: u64,
    /// Finds the file's bytes. Fails if they cannot be read.
    pub content: Box<dyn FnOnce() -> Result<Content, String> + 'a>,
}

/// Where the bytes of a file in an archive are.
pub enum Content {
    /// In a range of the archive.
    Range {
        /// The offset of the first byte in the archive.
        start: u64,
        /// The number of bytes.
        size: u64,
    },
    /// In packed form.
    Packed(Arc<dyn Packed>),
}

impl Content {
    /// The first bytes of the file, up to `length`.
    pub fn head(&self, archive: &SharedSource, length: usize) -> io::Result<Vec<u8>> {
        match self {
            Content::Range { start, size } => {
                let slice = Slice::new(Arc::clone(archive), *start, *size);
                read_up_to(&slice, 0, length)
            }
            Content::Packed(packed) => {
                let mut head = Vec::new();
                packed.unpack(&mut |unpacked| {
                    let read = io::Read::read_to_end(&mut io::Read::take(unpacked, length as u64), &mut head);
                    // What could be unpacked before an error shows the format.
                    read.map(|_| ()).or(Ok(()))
                })?;
                Ok(head)
            }
        }
    }

    /// The file's bytes as a source of `size` bytes.
    #[must_use]
    pub fn source(self, archive: &SharedSource, spool: &Arc<Spool>, size: u64) -> SharedSource {
        match self {
            Content::Range { start, size } => Arc::new(Slice::new(Arc::clone(archive), start, size)),
            Content::Packed(packed) => spool.unpacked(size, packed),
        }
    }
}

/// What listing an archive gave, besides its files.
#[derive(Debug, Default)]
pub struct Members {
    /// The number of files.
    pub files: u64,
    /// What is wrong with the archive.
    pub problems: Vec<ContainerProblem>,
}

/// Why an archive cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum NotListed {
    /// Its bytes cannot be read.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// It is not what its first bytes say, or a part of it is missing.
    #[error("{0}")]
    Broken(String),
    /// It is a form of the format that dnsweep does not read.
    #[error("{0}")]
    Unsupported(String),
    /// It states more files than any real archive has.
    #[error("expected at most {most} files, found {found}")]
    TooMany {
        /// The most files that are listed.
        most: usize,
        /// The number of files that the archive states.
        found: u64,
    },
}

/// Calls `each` for the files in an archive, in the archive's order. Archives in a packed file have to
/// be unpacked first ([`packed`]).
pub fn list(
    format: ArchiveFormat,
    archive: &SharedSource,
    passwords: &Passwords,
    each: &mut dyn FnMut(Member<'_>),
) -> Result<Members, NotListed> {
    match format {
        ArchiveFormat::Zip => zip::list(archive, passwords, each),
        ArchiveFormat::Tar => tar::list(archive, each),
        ArchiveFormat::Gzip | ArchiveFormat::Zstandard => {
            Err(NotListed::Unsupported("a packed file has no list of files".to_owned()))
        }
        ArchiveFormat::Unsupported(_) => Err(NotListed::Unsupported(
            "dnsweep does not read this format: unpack or convert it first".to_owned(),
        )),
    }
}

/// The file in a packed file; `None` if the format is that of an archive.
#[must_use]
pub fn packed(format: ArchiveFormat, source: &SharedSource) -> Option<Arc<dyn Packed>> {
    let packing = match format {
        ArchiveFormat::Gzip => Packing::Gzip,
        ArchiveFormat::Zstandard => Packing::Zstandard,
        ArchiveFormat::Zip | ArchiveFormat::Tar | ArchiveFormat::Unsupported(_) => return None,
    };
    Some(Arc::new(PackedWhole { packing, source: Arc::clone(source) }))
}
