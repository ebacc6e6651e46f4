//! The options of a sweep. The command line sets them, `run.json` records them, the journal
//! compares them, and `verify` reads them; all use the same struct.

use serde::{Deserialize, Serialize};

use crate::base::switch::switch;
pub use crate::evidence::discover::{Containers, Links, LogNames, NonLogFiles, ShadowCopies};
pub use crate::scan::{Checksums, Recovery};

switch! {
    /// Which records of a log a sweep decodes. The matches are the same either way.
    pub enum Decoding {
        /// The sweep decodes only records that could match, and records that the skim cannot count
        /// without decoding.
        Selected,
        /// The sweep decodes every record (`--exhaustive`), which also finds records that cannot be
        /// decoded.
        Exhaustive,
    }
}

switch! {
    /// Whether a sweep computes the SHA-256 of the files of the evidence, for the ledger.
    pub enum Hashing {
        /// No file of the evidence is hashed.
        None,
        /// The SHA-256 of each file of the evidence is computed (`--hash`).
        Sha256,
    }
}

switch! {
    /// Where a sweep searches for leads, which are queries outside Sysmon's log with a name that a
    /// detection describes.
    pub enum Leads {
        /// The sweep does not search for leads.
        None,
        /// The sweep searches for leads in the log of Windows' own DNS client (`--dns-client`).
        DnsClient,
    }
}

switch! {
    /// Whether a sweep writes rows to the table of matches for matches that an exclusion takes
    /// away.
    pub enum ExcludedRows {
        /// Rows of excluded matches are not written.
        Dropped,
        /// Rows of excluded matches are written, and marked in the column `excluded_by`
        /// (`--keep-excluded`).
        Kept,
    }
}

/// The options of a sweep: everything that the user chooses besides the evidence, the rules, the
/// exclusions and the period, if the tables depend on it. In JSON, each field has the name of its
/// option on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The depth below a root at which each folder is a piece of evidence of its own; 0 for the
    /// root itself. `None` to decide by the folders' contents.
    pub evidence_depth: Option<usize>,
    /// Whether symbolic links in the evidence are followed.
    #[serde(rename = "follow")]
    pub links: Links,
    /// Which files are read as event logs: only those that are named like one, or also others that
    /// begin like one.
    #[serde(rename = "any_name")]
    pub names: LogNames,
    /// Which records are decoded: only those that could match, or all.
    #[serde(rename = "exhaustive")]
    pub decoding: Decoding,
    /// The chunks for which the checksum of the records is verified. (Outputs of older versions,
    /// which verified all chunks, do not record this option.)
    #[serde(default)]
    pub checksums: Checksums,
    /// Whether the SHA-256 of the files of the evidence is computed.
    #[serde(rename = "hash")]
    pub hashing: Hashing,
    /// Whether the sweep searches for deleted records.
    #[serde(rename = "recover")]
    pub recovery: Recovery,
    /// Whether files that are no event logs, such as memory dumps, are searched for chunks of event
    /// logs.
    #[serde(rename = "carve")]
    pub non_log_files: NonLogFiles,
    /// Whether archives and disk images are opened and searched, or only counted.
    #[serde(rename = "no_containers")]
    pub containers: Containers,
    /// Whether the logs in the shadow copies of volumes are read, or the shadow copies only listed.
    #[serde(rename = "vss")]
    pub shadow_copies: ShadowCopies,
    /// Whether the rows of excluded matches are written. (Outputs of versions without exclusions do
    /// not record this option.)
    #[serde(rename = "keep_excluded", default)]
    pub excluded_rows: ExcludedRows,
    /// Where the sweep searches for leads. (Outputs of versions without leads do not record this
    /// option.)
    #[serde(rename = "dns_client", default)]
    pub leads: Leads,
}
