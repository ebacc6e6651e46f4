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
/// The own table of the detection with that id, from the output's folder.
#[must_use]
pub fn stats_file(id: &str) -> String {
    format!("{STATS_FOLDER}/{id}{TABLE_ENDING}")
}

/// The id of the detection whose table has that name in the folder of stats.
pub(super) fn stats_id(name: &str) -> Option<&str> {
    name.strip_suffix(TABLE_ENDING)
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
