//! The names of all that a sweep writes: the files of an output, and those of the directory beside
//! it while the sweep is under way. Whatever else lies there is somebody else's.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The file that makes a directory an output of dnsweep.
pub const RUN_FILE: &str = "run.json";
/// The matches.
pub const MATCHES_FILE: &str = "matches.parquet";
/// The hosts.
pub const HOSTS_FILE: &str = "hosts.parquet";
/// The ledger: what was read of each file of the evidence.
pub const FILES_FILE: &str = "files.parquet";
/// The leads, if they were looked for.
pub const LEADS_FILE: &str = "leads.parquet";
/// All tables but those of the detections.
pub(super) const TABLES: [&str; 4] = [MATCHES_FILE, HOSTS_FILE, FILES_FILE, LEADS_FILE];
/// The folder of the detections' own tables.
pub const STATS_FOLDER: &str = "stats";

/// How the name of a table ends.
const TABLE_ENDING: &str = ".parquet";
/// The longest id of a detection: with `.parquet` it must be a file's name.
pub(crate) const MOST_ID: usize = 200;

/// The own table of the detection with that id, from the output's folder.
#[must_use]
pub fn stats_file(id: &str) -> String {
    format!("{STATS_FOLDER}/{id}{TABLE_ENDING}")
}

/// The id of the detection whose table has that name in the folder of stats.
pub(super) fn stats_id(name: &str) -> Option<&str> {
    name.strip_suffix(TABLE_ENDING)
}

/// Whether an id of a detection can name a file, and none elsewhere.
pub(crate) fn is_plain_id(id: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !id.is_empty() && id.len() <= MOST_ID && !id.starts_with('.') && id.chars().all(plain)
}

/// Where a sweep to an output keeps what it has so far: beside it.
#[must_use]
pub fn partial_directory(target: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".partial");
    target.with_file_name(name)
}

/// In that directory: the file that a sweep locks while it writes there.
pub(super) const PARTIAL_LOCK: &str = "lock";
/// What was read so far.
pub(super) const PARTIAL_JOURNAL: &str = "journal";
/// The output in the making.
pub(super) const PARTIAL_TABLES: &str = "tables";
/// The output that is being replaced.
pub(super) const PARTIAL_REPLACED: &str = "replaced";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_name_a_file_elsewhere_are_not_plain() {
        for id in ["../x", "", ".hidden", "a/b", "a b", "a\u{1b}", &"x".repeat(MOST_ID + 1)] {
            assert!(!is_plain_id(id), "{id}");
        }
        assert!(is_plain_id("3cf0dc36-484d-11ec-a6bc-acde48001122"));
    }
}
