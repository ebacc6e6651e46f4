//! Names of files as the bytes that the system keeps.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The bytes of a name.
pub(crate) fn name_bytes(name: &OsStr) -> &[u8] {
    name.as_bytes()
}

/// The path of these bytes.
#[cfg(feature = "cli")]
pub(crate) fn path_of_bytes(bytes: Vec<u8>) -> std::path::PathBuf {
    <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into()
}
