//! File names as the bytes that the system stores.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The bytes of a file name, as the system stores them.
pub(crate) fn name_bytes(name: &OsStr) -> &[u8] {
    name.as_bytes()
}

/// The path that consists of these bytes, which need not be valid text.
#[cfg(feature = "cli")]
pub(crate) fn path_of_bytes(bytes: Vec<u8>) -> std::path::PathBuf {
    <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into()
}
