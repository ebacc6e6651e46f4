//! The names of all files that a sweep writes: those of an output, and those of the partial
//! directory next to it. A file with any other name was not written by a sweep.
//!
//! Each table of an output, except those in its folders, is an entry in [`TABLES`], and each other
//! file an entry in [`DOCUMENTS`]. `sweep::conclude` writes the files in [`DOCUMENTS`], and
//! `verify::outputs` compares them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The name of the file in an output that describes the sweep that wrote the output. A directory
/// with this file is an output of dnsweep.
pub const RUN_FILE: &str = "run.json";
/// The name of the file in an output that shows the output to people, as an HTML page. It is made
/// from the tables and from [`RUN_FILE`], and may be left out.
pub const PAGE_FILE: &str = "report.html";
/// The name of the part: a file in an output, from which `dnsweep merge` can merge the output with
/// others. It is written only if the user asks for it (`--part`).
pub const PART_FILE: &str = "part.dnsweep";
/// The names of the files of an output that are not tables.
pub const DOCUMENTS: [&str; 3] = [RUN_FILE, PAGE_FILE, PART_FILE];
/// The file name of the table of matches.
pub const MATCHES_FILE: &str = "matches.parquet";
/// The file name of the table of hosts.
pub const HOSTS_FILE: &str = "hosts.parquet";
/// The file name of the ledger: a table of the evidence's files, and of what was read of each.
pub const FILES_FILE: &str = "files.parquet";
/// The file name of the table of leads (queries in the log of Windows' own DNS client). The table
/// is written only if leads were looked for (`--dns-client`).
pub const LEADS_FILE: &str = "leads.parquet";
/// The file name of the table of containers, which is written only if the evidence has any.
pub const CONTAINERS_FILE: &str = "containers.parquet";
/// The file name of the table of processes, which is written only if the processes of matches were
/// looked for (`--context`).
pub const PROCESSES_FILE: &str = "processes.parquet";
/// The file name of the table of all DNS queries, which is written only if the user asks for it
/// (`--queries`).
pub const QUERIES_FILE: &str = "queries.parquet";
/// The file names of all tables of an output, except the tables in its folder `stats`, which belong
/// to single detections.
pub(super) const TABLES: [&str; 7] =
    [MATCHES_FILE, HOSTS_FILE, FILES_FILE, LEADS_FILE, CONTAINERS_FILE, PROCESSES_FILE, QUERIES_FILE];
/// The folder in an output for the tables that belong to single detections. Each table contains the
/// result of the command `stats` (of Splunk's search language) in the search of one detection.
pub const STATS_FOLDER: &str = "stats";

/// The end of the file name of every table in the folder `stats`.
const TABLE_ENDING: &str = ".parquet";
/// Returns the path, relative to the output directory, of the table in the folder `stats` that
/// belongs to the detection with this id.
#[must_use]
pub fn stats_file(id: &str) -> String {
    format!("{STATS_FOLDER}/{id}{TABLE_ENDING}")
}

/// Returns the id of the detection that a table in the folder `stats` belongs to, from the table's
/// file name; `None` if `name` is not the file name of a table.
pub(super) fn stats_id(name: &str) -> Option<&str> {
    name.strip_suffix(TABLE_ENDING)
}

/// The folder in an output for tables that are divided by host (`--partition-by host`). It has a
/// folder for each table in [`PARTITIONED`], with a folder for each host in it.
pub const PARTITIONS_FOLDER: &str = "by-host";
/// The names of the folders in [`PARTITIONS_FOLDER`]: one for each table that is divided by host.
pub const PARTITIONED: [&str; 2] = ["matches", "leads"];
/// The column by which the tables in [`PARTITIONED`] are divided. The name of each host's folder
/// begins with it, such as `computer=PC-7`.
pub const PARTITION_COLUMN: &str = "computer";
/// The name of the only file in the folder of each host, in a table that is divided by host.
pub(super) const PARTITION_FILE: &str = "part-0.parquet";

/// Returns the path, relative to the output directory, of the folder of one host in a table that is
/// divided by host. `table` is the name of the table's own folder, and `partition` that of the
/// host's folder. If `partition` is empty, returns the path of the table's own folder.
pub(super) fn partition_folder(table: &str, partition: &str) -> String {
    let path = format!("{PARTITIONS_FOLDER}/{table}");
    if partition.is_empty() { path } else { format!("{path}/{partition}") }
}

/// Returns true if the name of a folder has the form of a host's folder in a table that is divided
/// by host, such as `computer=PC-7`.
pub(super) fn is_partition(name: &str) -> bool {
    name.strip_prefix(PARTITION_COLUMN).is_some_and(|value| value.starts_with('='))
}

/// Returns the path of the partial directory of the output `target`. There a sweep keeps its
/// unfinished tables, and the journal from which it can be resumed.
#[must_use]
pub fn partial_directory(target: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    name.push(".partial");
    target.with_file_name(name)
}

/// The name of the lock file in the partial directory, in which a sweep keeps its unfinished
/// output. A sweep locks this file while it writes to the directory.
pub(super) const PARTIAL_LOCK: &str = "lock";
/// The name of the journal in the partial directory, in which a sweep keeps its unfinished output.
/// The journal says what the sweep has read so far.
pub(super) const PARTIAL_JOURNAL: &str = "journal";
/// The name of the folder into which a sweep writes its output until the output is complete. The
/// folder lies in the partial directory next to the output.
pub(super) const PARTIAL_TABLES: &str = "tables";
/// The name of the folder to which an earlier output is moved while a new one takes its place. The
/// folder lies in the partial directory next to the output.
pub(super) const PARTIAL_REPLACED: &str = "replaced";
