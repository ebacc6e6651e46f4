//! Reasons why the bytes of a file on an NTFS volume cannot be read, although its record can.

use std::fmt;

/// The reason why nothing of a stream of an NTFS file can be read. Displayed as text, it names the
/// reason for users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// Windows has encrypted the stream (Encrypting File System).
    #[error("encrypted by Windows (EFS)")]
    Encrypted,
    /// The stream is compressed by a method other than LZNT1, the usual compression of NTFS.
    /// Contains the number of the method.
    #[error("the file is compressed by method {0}: only LZNT1 (1) is read")]
    Compression(u8),
    /// The bytes of the file are elsewhere or in another form, because the file is a link or a
    /// driver stores it. Contains the tag of the file's reparse point, which says where.
    #[error("the file's bytes are {0}, which is not read")]
    Elsewhere(ReparsePoint),
    /// The file does not have the stream that was asked for: no record of the file in the master
    /// file table has an attribute for it.
    #[error("no record of the file says where its bytes lie")]
    NoData,
    /// The record of the master file table that states the size of the stream is lost.
    #[error("the record that states the file's size is lost")]
    NoSize,
    /// The stream lies in more runs (ranges of consecutive clusters) than are read.
    #[error("the file has more than {limit} runs of clusters")]
    Runs {
        /// The maximum number of runs (ranges of consecutive clusters) of a stream that are read.
        limit: usize,
    },
    /// The stream is larger than the largest stream that is read. No event log is that large.
    #[error("the file has {size} bytes: at most {limit} are read")]
    Size {
        /// The size of the stream in bytes.
        size: u64,
        /// The size of the largest stream that is read, in bytes.
        limit: u64,
    },
    /// The file's first record in the master file table cannot be read. Contains its number.
    #[error("the file's record {0} cannot be read")]
    Record(u64),
}

/// The tag of a reparse point. It says which link or driver Windows uses when the file is opened,
/// instead of reading the file's own bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReparsePoint(pub u32);

/// The tags of reparse points that are known to mean that the file's bytes are elsewhere. Each has
/// a text that says where, and completes the message "the file's bytes are …".
const KNOWN: [(u32, &str); 11] = [
    (0x8000_0017, "compressed by the Windows Overlay Filter (WOF, CompactOS)"),
    (0x8000_0013, "in a store of Windows Server deduplication"),
    (0x8000_0007, "in a single-instance store"),
    (0xC000_0004, "on other media (hierarchical storage)"),
    (0x8000_0006, "on other media (hierarchical storage)"),
    (0x8000_0008, "in a Windows image (WIM)"),
    (0xA000_0003, "behind a mount point"),
    (0xA000_000C, "in another file (symbolic link)"),
    (0xA000_001D, "in another file (Linux symbolic link)"),
    (0x8000_001B, "in another file (app execution alias)"),
    (0x8000_0014, "on another machine (NFS)"),
];

impl ReparsePoint {
    /// The tag of a reparse point of a cloud provider, without the four bits that tell the
    /// providers apart.
    const CLOUD: u32 = 0x9000_001A;

    /// Returns true if the file belongs to a cloud provider, such as OneDrive. Its bytes can be on
    /// the volume, or only with the provider.
    pub(super) fn is_cloud(self) -> bool {
        self.0 & 0xFFFF_0FFF == Self::CLOUD
    }

    /// Returns true if the tag is known to mean that the bytes on the volume are not the file's
    /// content. Returns false for the tags of cloud providers, whose files may be on the volume,
    /// and for unknown tags.
    pub(super) fn is_elsewhere(self) -> bool {
        KNOWN.iter().any(|(tag, _)| *tag == self.0)
    }
}

impl fmt::Display for ReparsePoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match KNOWN.iter().find(|(tag, _)| *tag == self.0) {
            Some((_, text)) => f.write_str(text),
            None if self.is_cloud() => f.write_str("with a cloud provider, such as OneDrive"),
            None => write!(f, "under a driver that is not known (reparse tag {:08x})", self.0),
        }
    }
}
