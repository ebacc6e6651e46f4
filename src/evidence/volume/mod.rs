//! Volumes: the partitions of a disk, and the file systems in them.
//!
//! A volume is a partition, or a disk without a partition table. [`table`] finds the volumes of a
//! disk. [`VolumeKind`] tells the file system of a volume by its first bytes. [`ntfs`] reads the
//! files of an NTFS volume, and [`vss`] reads its shadow copies.

mod fields;
pub mod ntfs;
pub mod table;
pub mod vss;

use std::io;

use self::fields::u16_at;
use super::layer::{Source, read_up_to};

/// The number of bytes at the start of a volume by which its file system or encryption is
/// recognised.
pub const VOLUME_HEAD: usize = 512;

/// The file system or encryption of a volume, judged by its first bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum VolumeKind {
    /// NTFS, the only file system whose files are read.
    Ntfs,
    /// A volume that BitLocker has encrypted, which cannot be read.
    BitLocker,
    /// The file system exFAT, whose files are not read.
    ExFat,
    /// The file system ReFS, whose files are not read.
    ReFs,
    /// The file system FAT with 12-bit cluster numbers, whose files are not read.
    Fat12,
    /// The file system FAT with 16-bit cluster numbers, whose files are not read.
    Fat16,
    /// The file system FAT with 32-bit cluster numbers, whose files are not read.
    Fat32,
    /// A volume with a file system that is not recognised, or bytes that are not a volume.
    Unknown,
}

/// The bytes at offset 424 of a volume that BitLocker To Go encrypts, which otherwise looks like
/// FAT32: the GUID 4967d63b-2e29-4ad8-8399-f6a339e3d001.
const BITLOCKER_TO_GO: [u8; 16] =
    [0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a, 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01];

impl VolumeKind {
    /// Returns the file system or encryption of the volume whose first bytes are `head`. Only the
    /// first [`VOLUME_HEAD`] bytes matter. If `head` has fewer, the result may be
    /// [`VolumeKind::Unknown`].
    #[must_use]
    pub fn of_head(head: &[u8]) -> Self {
        let has = |offset: usize, text: &[u8]| head.get(offset..).is_some_and(|rest| rest.starts_with(text));
        // Every FAT volume begins with a jump, and has sectors of 512 to 4096 bytes.
        let is_fat = || {
            matches!(head.first(), Some(0xEB | 0xE9))
                && u16_at(head, 11)
                    .is_some_and(|sector| (512..=4096).contains(&sector) && sector.is_power_of_two())
        };
        if has(3, b"NTFS    ") {
            VolumeKind::Ntfs
        } else if has(3, b"-FVE-FS-") || has(424, &BITLOCKER_TO_GO) {
            VolumeKind::BitLocker
        } else if has(3, b"EXFAT   ") {
            VolumeKind::ExFat
        } else if has(3, b"ReFS\0\0\0\0") {
            VolumeKind::ReFs
        } else if has(82, b"FAT32   ") && is_fat() {
            VolumeKind::Fat32
        } else if has(54, b"FAT16   ") && is_fat() {
            VolumeKind::Fat16
        } else if has(54, b"FAT12   ") && is_fat() {
            VolumeKind::Fat12
        } else {
            VolumeKind::Unknown
        }
    }

    /// Returns the file system or encryption of the volume that begins at the offset `offset` of a
    /// disk, in bytes. Fails if the first sector of the volume cannot be read.
    pub fn at(disk: &dyn Source, offset: u64) -> io::Result<Self> {
        read_up_to(disk, offset, VOLUME_HEAD).map(|head| VolumeKind::of_head(&head))
    }

    /// Returns the name of the file system or encryption for users, such as `NTFS`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            VolumeKind::Ntfs => "NTFS",
            VolumeKind::BitLocker => "BitLocker",
            VolumeKind::ExFat => "exFAT",
            VolumeKind::ReFs => "ReFS",
            VolumeKind::Fat12 => "FAT12",
            VolumeKind::Fat16 => "FAT16",
            VolumeKind::Fat32 => "FAT32",
            VolumeKind::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the first sector of a volume for a test. The first byte is `jump`, and `text` is at
    /// `offset`.
    fn head(jump: u8, offset: usize, text: &[u8]) -> Vec<u8> {
        let mut head = vec![0; VOLUME_HEAD];
        head[0] = jump;
        head[12] = 2;
        head[offset..offset + text.len()].copy_from_slice(text);
        head
    }

    #[test]
    fn volumes_are_known_by_their_first_bytes() {
        for (offset, text, name) in [
            (3, &b"NTFS    "[..], "NTFS"),
            (3, b"-FVE-FS-", "BitLocker"),
            (424, &BITLOCKER_TO_GO, "BitLocker"),
            (3, b"EXFAT   ", "exFAT"),
            (3, b"ReFS\0\0\0\0", "ReFS"),
            (82, b"FAT32   ", "FAT32"),
            (54, b"FAT16   ", "FAT16"),
            (54, b"FAT12   ", "FAT12"),
            (54, b"FAT99   ", "unknown"),
        ] {
            assert_eq!(VolumeKind::of_head(&head(0xEB, offset, text)).name(), name);
            let found = VolumeKind::of_head(&head(0x33, offset, text)).name();
            assert_eq!(found, if name.starts_with("FAT") { "unknown" } else { name });
        }
        for length in 0..VOLUME_HEAD {
            assert!(VolumeKind::of_head(&vec![0; length]) == VolumeKind::Unknown);
        }
    }
}
