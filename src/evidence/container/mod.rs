//! Containers in evidence: archives, which contain files; disk images, which contain a disk; and
//! packed files, which contain one file.
//!
//! The format of a container is recognised by its bytes, not by its name. This module lists the
//! files of an archive and opens the disk of an image. It does not decide which of the files are
//! logs.
//!
//! A new archive format needs a file in this module, a variant of [`ArchiveFormat`], and an entry
//! in the list of signatures. (Formats that are recognised but not read, such as rar, are in that
//! list already.) Its extension must be moved from the list of unread formats in
//! `discover::extension` to the endings in `collector::archive_name`. The code that searches
//! archives (`discover::explorer`) needs no change. For a new image format, see [`image`].

pub mod image;
mod packed;
mod sevenzip;
mod tar;
mod zip;

use std::io;
use std::sync::Arc;

use self::image::ImageFormat;
pub use self::packed::unpacked_name;
use self::packed::{PackedWhole, Packing};
use self::sevenzip::PackedPart;
use super::layer::{SharedSource, Slice, read_up_to};
use super::spool::{Packed, Spool};
use super::volume::{VolumeKind, table};
use crate::ledger::container::ContainerProblem;

/// The maximum number of files that one archive may have. An archive with more is refused, because
/// no real archive has as many.
pub const MOST_MEMBERS: usize = 1_000_000;
/// The largest dictionary that is accepted for unpacking, in bytes: 256 MiB. A dictionary is memory
/// with unpacked bytes, to which packed bytes refer. A file that needs a larger one cannot be read.
/// The largest dictionary that 7-Zip and xz usually use has this size.
const MOST_DICTIONARY: u64 = 256 << 20;
/// The maximum number of bytes that are unpacked of a packed file such as a gzip file, which does
/// not state its unpacked size in advance: 256 GiB. Bytes beyond them are not read, which is
/// reported as a problem. This number also limits the unpacked size of a block of a 7z archive, in
/// which files are packed together: the files in a larger block cannot be read.
pub const MOST_UNPACKED: u64 = 256 << 30;

/// The word at the start of every message that says that an encrypted file of a container cannot be
/// read. Callers recognise such messages by the word.
pub const ENCRYPTED: &str = "encrypted";

/// The passwords for encrypted files in archives, in the order in which they are tried.
pub type Passwords = Vec<Vec<u8>>;

/// Returns the message that says why an encrypted file of a container cannot be read.
/// `are_none_given` must be true if the user gave no passwords.
fn no_password(are_none_given: bool) -> String {
    if are_none_given {
        format!("{ENCRYPTED}: give its password in a file (--passwords)")
    } else {
        format!("{ENCRYPTED}, and none of the passwords (--passwords) opens it")
    }
}

/// What kind of container a file is: an archive (or a packed file) with its format, or a disk
/// image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The container is an archive, which contains files, or a packed file, which contains one
    /// file.
    Archive(ArchiveFormat),
    /// The container is a disk image. Its bytes contain a disk, with volumes and files in it.
    Image,
}

impl Format {
    /// Returns the format of the container that begins with the bytes `head`: at least the first
    /// 4,104 bytes of the file, or the whole of a shorter file. Returns `None` if these bytes are
    /// not the start of a container. An image with a signature only at its end, such as a fixed
    /// VHD, is recognised by the start of the disk in it: a known file system or a partition table.
    #[must_use]
    pub fn of_head(head: &[u8]) -> Option<Self> {
        let image = || (ImageFormat::of_head(head).is_some() || is_disk(head)).then_some(Format::Image);
        ArchiveFormat::of_head(head).map(Format::Archive).or_else(image)
    }
}

/// Returns true if `head`, the first bytes of a file, is the start of a disk: of a volume with a
/// known file system, or of a disk with a partition table.
fn is_disk(head: &[u8]) -> bool {
    VolumeKind::of_head(head) != VolumeKind::Unknown || table::is_at_start(head)
}

/// The format of an archive, which contains files, or of a packed file, which contains one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveFormat {
    /// A zip archive.
    Zip,
    /// A tar archive.
    Tar,
    /// A file that gzip packed (RFC 1952).
    Gzip,
    /// A file that Zstandard packed (RFC 8878).
    Zstandard,
    /// A file that bzip2 packed.
    Bzip2,
    /// A file that xz packed.
    Xz,
    /// A 7z archive.
    SevenZip,
    /// An archive format that dnsweep recognises but does not read, such as rar. Contains the name
    /// of the format.
    Unsupported(&'static str),
}

/// The bytes by which the formats of archives are recognised. Each entry has the offset of the
/// bytes in the file, the bytes, and the format. Discovery examines only the first 4,104 bytes of a
/// file, so the bytes must lie there.
const SIGNATURES: &[(usize, &[u8], ArchiveFormat)] = &[
    (0, b"PK\x03\x04", ArchiveFormat::Zip),
    (0, b"PK\x05\x06", ArchiveFormat::Zip),
    (0, b"PK00PK\x03\x04", ArchiveFormat::Zip),
    (257, b"ustar", ArchiveFormat::Tar),
    (0, b"\x1f\x8b\x08", ArchiveFormat::Gzip),
    (0, b"\x28\xb5\x2f\xfd", ArchiveFormat::Zstandard),
    (0, b"7z\xbc\xaf\x27\x1c", ArchiveFormat::SevenZip),
    (0, b"Rar!\x1a\x07", ArchiveFormat::Unsupported("rar")),
    (0, b"BZh", ArchiveFormat::Bzip2),
    (0, b"\xfd7zXZ\0", ArchiveFormat::Xz),
    (0, b"MSCF", ArchiveFormat::Unsupported("cab")),
    (0, b"MSWIM\0\0\0", ArchiveFormat::Unsupported("wim")),
    (0, b"\x04\x22\x4d\x18", ArchiveFormat::Unsupported("lz4")),
    (0, b"ADSEGMENTEDFILE", ArchiveFormat::Unsupported("AD1")),
];

impl ArchiveFormat {
    /// Returns the format of the archive or packed file that begins with the bytes `head`. Returns
    /// `None` if they do not have the signature of a known format.
    #[must_use]
    pub fn of_head(head: &[u8]) -> Option<Self> {
        let has = |(offset, signature, _): &&(usize, &[u8], ArchiveFormat)| {
            head.get(*offset..).is_some_and(|at| at.starts_with(signature))
        };
        SIGNATURES.iter().find(has).map(|(.., format)| *format)
    }

    /// Returns the word that names the archive format in the column `kind` of `containers.parquet`,
    /// such as `zip`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ArchiveFormat::Zip => "zip",
            ArchiveFormat::Tar => "tar",
            ArchiveFormat::Gzip => "gzip",
            ArchiveFormat::Zstandard => "zstd",
            ArchiveFormat::Bzip2 => "bzip2",
            ArchiveFormat::Xz => "xz",
            ArchiveFormat::SevenZip => "7z",
            ArchiveFormat::Unsupported(name) => name,
        }
    }
}

/// A file in an archive, as [`list`] finds it.
pub struct Member<'a> {
    /// The path of the file in the archive, as the archive states it. It is bytes, because its
    /// encoding is not known.
    pub path: &'a [u8],
    /// The size of the unpacked file in bytes, as the archive states it.
    pub size: u64,
    /// A function that finds the bytes of the file. It fails if they cannot be read, for example
    /// because no password opens the file. The error says why.
    pub content: Box<dyn FnOnce() -> Result<Content, String> + 'a>,
}

/// Where the bytes of a file in an archive are: in a range of the archive, or packed.
pub enum Content {
    /// The file is stored as it is, in a range of bytes of the archive.
    Range {
        /// The offset in the archive of the first byte of a file that is stored there unpacked.
        start: u64,
        /// The size in bytes of the file that is stored in the archive.
        size: u64,
    },
    /// The file is stored in packed form, and has to be unpacked to read it.
    Packed(Arc<dyn Packed>),
    /// The file is packed together with other files in a block of a 7z archive.
    Part(PackedPart),
}

impl Content {
    /// Returns the first `length` bytes of the file in the archive, or fewer if the file is shorter
    /// or if unpacking fails after fewer bytes. Fails if unpacking fails before the first byte. The
    /// caller recognises the format of the file by these bytes.
    pub fn head(&self, archive: &SharedSource, spool: &Arc<Spool>, length: usize) -> io::Result<Vec<u8>> {
        match self {
            Content::Range { start, size } => {
                let slice = Slice::new(Arc::clone(archive), *start, *size);
                read_up_to(&slice, 0, length)
            }
            Content::Part(part) => part.head(spool, length),
            Content::Packed(packed) => {
                let _memory = spool.dictionary(packed.memory());
                let mut head = Vec::new();
                packed.unpack(&mut |unpacked| {
                    let read = io::Read::read_to_end(&mut io::Read::take(unpacked, length as u64), &mut head);
                    // What could be unpacked before an error shows the format.
                    if head.is_empty() { read.map(|_| ()) } else { Ok(()) }
                })?;
                Ok(head)
            }
        }
    }

    /// Returns the bytes of the file in the archive as a source. `size` is the size of the unpacked
    /// file, as the archive states it. A packed file is unpacked when it is read. `spool`, the
    /// store of unpacked copies, keeps the copy in memory or in a temporary file. It can remove the
    /// copy if all of it was read, or if another copy needs the space. A later read then unpacks
    /// the file again.
    #[must_use]
    pub fn source(self, archive: &SharedSource, spool: &Arc<Spool>, size: u64) -> SharedSource {
        match self {
            Content::Range { start, size } => Arc::new(Slice::new(Arc::clone(archive), start, size)),
            Content::Packed(packed) => spool.unpacked(size, packed),
            Content::Part(part) => part.source(spool),
        }
    }
}

/// The result of listing an archive: how many files it has, and what is wrong with it. It does not
/// contain the files: `list` passes each of them to a function of the caller.
#[derive(Debug, Default)]
pub struct Members {
    /// The number of files in the archive.
    pub files: u64,
    /// What is wrong with the archive, such as a damaged header after which no files are listed.
    pub problems: Vec<ContainerProblem>,
}

/// The reason why the files of an archive cannot be listed.
#[derive(Debug, thiserror::Error)]
pub enum NotListed {
    /// The bytes of the archive cannot be read, because of this error.
    #[error(transparent)]
    Read(#[from] io::Error),
    /// The archive is damaged or cut off, so that its list of files cannot be read. Contains what
    /// is wrong.
    #[error("{0}")]
    Broken(String),
    /// dnsweep does not read archives of this format, or of this variant of the format. Contains
    /// the reason.
    #[error("{0}")]
    Unsupported(String),
    /// The list of files is encrypted, and no password opens it. Contains the reason.
    #[error("{0}")]
    Encrypted(String),
    /// The archive states more files than any real archive has ([`MOST_MEMBERS`]).
    #[error("expected at most {most} files, found {found}")]
    TooMany {
        /// The maximum number of files that an archive may have.
        most: usize,
        /// The number of files that the archive states.
        found: u64,
    },
}

/// Lists the files in an archive, by calling `each` for every file, in the archive's order. Fails
/// for a packed file such as `logs.tar.gz`, which is not an archive: [`packed()`] returns the one
/// file in it.
pub fn list(
    format: ArchiveFormat,
    archive: &SharedSource,
    passwords: &Passwords,
    each: &mut dyn FnMut(Member<'_>),
) -> Result<Members, NotListed> {
    match format {
        ArchiveFormat::Zip => zip::list(archive, passwords, each),
        ArchiveFormat::Tar => tar::list(archive, each),
        ArchiveFormat::SevenZip => sevenzip::list(archive, passwords, each),
        ArchiveFormat::Gzip | ArchiveFormat::Zstandard | ArchiveFormat::Bzip2 | ArchiveFormat::Xz => {
            Err(NotListed::Unsupported("a packed file has no list of files".to_owned()))
        }
        ArchiveFormat::Unsupported(_) => Err(NotListed::Unsupported(
            "dnsweep does not read this format: unpack or convert it first".to_owned(),
        )),
    }
}

/// Returns the one file in the packed file `source`, which is unpacked when it is read. Returns
/// `None` if `format` is the format of an archive; use [`list`] for its files.
#[must_use]
pub fn packed(format: ArchiveFormat, source: &SharedSource) -> Option<Arc<dyn Packed>> {
    let packing = match format {
        ArchiveFormat::Gzip => Packing::Gzip,
        ArchiveFormat::Zstandard => Packing::Zstandard,
        ArchiveFormat::Bzip2 => Packing::Bzip2,
        ArchiveFormat::Xz => Packing::Xz,
        ArchiveFormat::Zip | ArchiveFormat::Tar | ArchiveFormat::SevenZip | ArchiveFormat::Unsupported(_) => {
            return None;
        }
    };
    Some(Arc::new(PackedWhole { packing, source: Arc::clone(source) }))
}
