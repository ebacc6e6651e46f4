//! Why a file's bytes cannot be read, although its record can.

use std::fmt;

/// The reason why the bytes of a file's stream cannot be read at all. Its text names the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// The Encrypting File System encrypts the stream.
    #[error("the file is encrypted by Windows (EFS)")]
    Encrypted,
    /// The stream is compressed by a method other than LZNT1.
    #[error("the file is compressed by method {0}: only LZNT1 (1) is read")]
    Compression(u8),
    /// A driver stores the file's bytes elsewhere, or in another form.
    #[error("the file's bytes are {0}, which is not read")]
    Elsewhere(ReparsePoint),
    /// The file's records have no such stream.
    #[error("no record of the file says where its bytes lie")]
    NoData,
    /// The record that states the stream's size is lost.
    #[error("the record that states the file's size is lost")]
    NoSize,
    /// The stream has more runs than are read.
    #[error("the file has more than {limit} runs of clusters")]
    Runs {
        /// The most runs that are read.
        limit: usize,
    },
    /// The stream is larger than any log.
    #[error("the file has {size} bytes: at most {limit} are read")]
    Size {
        /// The stream's size in bytes.
        size: u64,
        /// The largest size that is read.
        limit: u64,
    },
    /// The file's first record cannot be read.
    #[error("the file's record {0} cannot be read")]
    Record(u64),
}

/// The tag of a reparse point: the driver that gives a file another meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ReparsePoint(pub u32);

/// Where the bytes of files with known tags are.
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
    /// The bits that all tags of cloud providers have in common; four more bits number providers.
    const CLOUD: u32 = 0x9000_001A;

    /// True for the files of a cloud provider, such as OneDrive, which may or may not be on disk.
    pub(super) fn is_cloud(self) -> bool {
        self.0 & 0xFFFF_0FFF == Self::CLOUD
    }

    /// True if the bytes on disk are not the file's.
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
