//! The options of a sweep. The command line sets them, `run.json` records them, `--resume` compares
//! them with those in the journal of the unfinished sweep, and `verify` reads them. All use the
//! same struct.

use serde::{Deserialize, Serialize};

use crate::base::switch::switch;
pub use crate::evidence::discover::{Containers, Links, LogNames, NonLogFiles, ShadowCopies};
pub use crate::scan::{Checksums, Recovery};

switch! {
    /// Which records of a log a sweep decodes. The matches do not depend on it.
    pub enum Decoding {
        /// The sweep decodes only records that could match, and records that it cannot count
        /// without decoding. All others are counted by a fast look at their bytes.
        Selected,
        /// The sweep decodes every record (`--exhaustive`), which also finds records that cannot be
        /// decoded.
        Exhaustive,
    }
}

switch! {
    /// Whether a sweep computes the SHA-256 of the files of the evidence, for the table that lists
    /// every file.
    pub enum Hashing {
        /// No file of the evidence is hashed.
        None,
        /// The SHA-256 of each file of the evidence is computed (`--hash`).
        Sha256,
    }
}

switch! {
    /// Where a sweep searches for leads, which are queries outside Sysmon's log with a name or, for
    /// some rules, an answer that a detection describes.
    pub enum Leads {
        /// The sweep does not search for leads (queries outside Sysmon's log that a detection
        /// describes).
        None,
        /// The sweep searches the log of Windows' own DNS client for leads, which are queries that
        /// a detection describes (`--dns-client`).
        DnsClient,
    }
}

switch! {
    /// Whether the table of matches has rows for matches that an exclusion (a site's description of
    /// harmless events) removes.
    pub enum ExcludedRows {
        /// The rows of matches that an exclusion removes are not written.
        Dropped,
        /// The rows of matches that an exclusion removes are written, and marked in the column
        /// `excluded_by` (`--keep-excluded`).
        Kept,
    }
}

switch! {
    /// Whether a sweep writes a table of all DNS queries.
    pub enum Queries {
        /// The sweep writes no table of all DNS queries. Those that a detection describes can have
        /// rows in other tables, such as that of the matches.
        Matches,
        /// The sweep also writes a table of every DNS query that Sysmon logged in the period,
        /// matched or not (`--queries`).
        All,
    }
}

switch! {
    /// Whether a sweep finds the processes that made the matching queries, and their ancestors.
    pub enum Context {
        /// The sweep does not look for processes.
        None,
        /// The sweep finds the processes of matches and their ancestors (`--context`). For that, it
        /// reads parts of the logs of hosts with matches again.
        Processes,
    }
}

/// The options of a sweep: everything that the user chooses besides the evidence, the rules, the
/// exclusions and the period, if the tables depend on it. In JSON, each field has the name of its
/// option on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The depth below a root of the evidence at which each folder counts as the evidence of one
    /// machine; 0 means the root itself. `None` to decide by the folders' contents.
    pub evidence_depth: Option<usize>,
    /// Whether symbolic links in the evidence are followed.
    #[serde(rename = "follow")]
    pub links: Links,
    /// Which files are read as event logs: only files with `.evtx` in their names, or also others
    /// that begin like an event log.
    #[serde(rename = "any_name")]
    pub names: LogNames,
    /// Which records are decoded: only those that could match, or all.
    #[serde(rename = "exhaustive")]
    pub decoding: Decoding,
    /// The chunks (the 64 KiB parts of an event log) in which the checksum of the records is
    /// verified. (Outputs of older versions, which verified all chunks, do not record this option.)
    #[serde(default)]
    pub checksums: Checksums,
    /// Whether the SHA-256 of the files of the evidence is computed.
    #[serde(rename = "hash")]
    pub hashing: Hashing,
    /// Whether the sweep searches for deleted records.
    #[serde(rename = "recover")]
    pub recovery: Recovery,
    /// Whether files that are not event logs, such as memory dumps, are searched for chunks, which
    /// are the 64 KiB parts of event logs.
    #[serde(rename = "carve")]
    pub non_log_files: NonLogFiles,
    /// Whether archives and disk images are opened and searched, or only counted.
    #[serde(rename = "no_containers")]
    pub containers: Containers,
    /// Whether the logs in the shadow copies of volumes are read, or the shadow copies only listed.
    #[serde(rename = "vss")]
    pub shadow_copies: ShadowCopies,
    /// Whether the rows of matches that an exclusion removes are written. (Outputs of versions
    /// without exclusions do not record this option.)
    #[serde(rename = "keep_excluded", default)]
    pub excluded_rows: ExcludedRows,
    /// Where the sweep searches for leads, which are queries outside Sysmon's log that a detection
    /// describes. (Outputs of versions without leads do not record this option.)
    #[serde(rename = "dns_client", default)]
    pub leads: Leads,
    /// Whether the processes of matches and their ancestors are found. (Outputs of versions without
    /// process context do not record this option.)
    #[serde(default)]
    pub context: Context,
    /// Whether a table of all DNS queries is written. (Outputs of versions without that table do
    /// not record this option.)
    #[serde(default)]
    pub queries: Queries,
}
