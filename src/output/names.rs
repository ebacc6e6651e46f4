//! The names of all files that a sweep writes: those of an output, and those of the partial
//! directory next to it. A file with any other name was not written by a sweep.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The file that describes the run. A directory with this file is an output of dnsweep.
pub const RUN_FILE: &str = "run.json";
/// The table of matches.
pub const MATCHES_FILE: &str = "matches.parquet";
/// The table of hosts.
pub const HOSTS_FILE: &str = "hosts.parquet";
/// The ledger: a table of the evidence's files, and what was read of each.
pub const FILES_FILE: &str = "files.parquet";
/// The table of leads, written only if leads were looked for (`--dns-client`).
pub const LEADS_FILE: &str = "leads.parquet";
/// The table of containers, written only if there are any.
pub const CONTAINERS_FILE: &str = "containers.parquet";
/// All tables of an output except the detections' own tables in `stats`.
pub(super) const TABLES: [&str; 5] = [MATCHES_FILE, HOSTS_FILE, FILES_FILE, LEADS_FILE, CONTAINERS_FILE];
/// The folder of the detections' own tables, which contain the results of `stats` commands.
pub const STATS_FOLDER: &str = "stats";

/// The end of each table's file name.
const TABLE_ENDING: &str = ".parquet";
/// Returns the path, from the output directory, of the own table of the detection with this id.
#[must_use]
pub fn stats_file(id: &str) -> String {
    format!("{STATS_FOLDER}/{id}{TABLE_ENDING}")
}

/// Returns the detection id in the file name of a table in `stats`; `None` if no table there has
/// such a name.
pub(super) fn stats_id(name: &str) -> Option<&str> {
    name.strip_suffix(TABLE_ENDING)
}

/// Returns the path of the partial directory of the output `target`, in which a sweep keeps its
/// unfinished tables and its journal.
#[must_use]
pub fn partial_directory(target: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".partial");
    target.with_file_name(name)
}

/// The file in the partial directory that a sweep locks while it writes there.
pub(super) const PARTIAL_LOCK: &str = "lock";
/// The journal's file in the partial directory: what the sweep has read so far.
pub(super) const PARTIAL_JOURNAL: &str = "journal";
/// The folder in the partial directory with the unfinished output.
pub(super) const PARTIAL_TABLES: &str = "tables";
/// The folder in the partial directory with an earlier output while it is being replaced.
pub(super) const PARTIAL_REPLACED: &str = "replaced";
