//! YAML, as rule files and their companions are written. The only user of `serde_saphyr`.

use serde::de::DeserializeOwned;

/// Reads a document. The error is what the reader says, with line and column.
pub(super) fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    serde_saphyr::from_str(text).map_err(|error| error.without_snippet().to_string())
}
