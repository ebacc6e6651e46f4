//! What the system says of a file beyond the standard library: numbers, owners, times to the
//! nanosecond.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// The file system's device, and the file's number there.
pub(crate) fn number(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

/// When the content was last changed: seconds since 1970 and nanoseconds.
pub(crate) fn modified(metadata: &Metadata) -> (i64, i64) {
    (metadata.mtime(), metadata.mtime_nsec())
}

/// When anything of the file was last changed, its name included: seconds since 1970 and
/// nanoseconds.
pub(crate) fn touched(metadata: &Metadata) -> (i64, i64) {
    (metadata.ctime(), metadata.ctime_nsec())
}

/// The user that owns the file, by number.
pub(crate) fn owner(metadata: &Metadata) -> u32 {
    metadata.uid()
}

/// Kind and permissions, as the system's number.
pub(crate) fn mode(metadata: &Metadata) -> u32 {
    metadata.mode()
}
