//! Metadata of files that the standard library offers only on Unix: file numbers, owners, and times
//! in nanoseconds.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// The device number and inode number of a file, which together identify the file.
pub(crate) fn number(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// The time at which a file's content was last changed (`mtime`), as seconds since 1970 and
/// nanoseconds. Programs can set this time.
pub(crate) fn modified(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

/// The time at which a file's content, name or attributes were last changed (`ctime`), as seconds
/// since 1970 and nanoseconds. Programs cannot set this time.
pub(crate) fn touched(metadata: &Metadata) -> (i64, i64) {
    (metadata.ctime(), metadata.ctime_nsec())
}

/// The number of the user who owns a file (the user ID).
pub(crate) fn owner(metadata: &Metadata) -> u32 {
    metadata.uid()
}

/// A file's type and permissions, in one number, as Unix encodes them (`st_mode`).
pub(crate) fn mode(metadata: &Metadata) -> u32 {
    metadata.mode()
}
