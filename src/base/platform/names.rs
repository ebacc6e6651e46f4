//! File names as the bytes that the system stores.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// The bytes of a file name, as the system stores them.
pub(crate) fn name_bytes(name: &OsStr) -> &[u8] {
    name.as_bytes()
}

/// Returns the path that consists of `bytes`, which need not be valid UTF-8.
pub(crate) fn path_of_bytes(bytes: Vec<u8>) -> std::path::PathBuf {
    <std::ffi::OsString as std::os::unix::ffi::OsStringExt>::from_vec(bytes).into()
}

/// Functions for `#[serde(with)]` that serialize and deserialize a path as its bytes, which need
/// not be valid text.
pub(crate) mod path_as_bytes {
    use std::path::{Path, PathBuf};

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Serializes the bytes of a path.
    pub(crate) fn serialize<S: Serializer>(path: &Path, serializer: S) -> Result<S::Ok, S::Error> {
        super::name_bytes(path.as_os_str()).serialize(serializer)
    }

    /// Deserializes a path that was serialized as its bytes.
    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
        Vec::<u8>::deserialize(deserializer).map(super::path_of_bytes)
    }
}
