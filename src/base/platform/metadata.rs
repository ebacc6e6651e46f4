//! Facts about a file from the operating system that the standard library does not offer on every
//! system: numbers, owners, times to the nanosecond.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// The device and inode number, which together identify a file.
pub(crate) fn number(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// When the file's content was last changed, as seconds since 1970 and nanoseconds.
pub(crate) fn modified(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

/// When the file's content, name or attributes were last changed, as seconds since 1970 and
/// nanoseconds.
pub(crate) fn touched(metadata: &Metadata) -> (i64, i64) {
    (metadata.ctime(), metadata.ctime_nsec())
}

/// The user ID of the file's owner.
pub(crate) fn owner(metadata: &Metadata) -> u32 {
    metadata.uid()
}

/// The file's type and permissions, as Unix encodes them.
pub(crate) fn mode(metadata: &Metadata) -> u32 {
    metadata.mode()
}
