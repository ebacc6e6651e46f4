//! The switches of a sweep: one field each, for the command line that fills it, `run.json` that
//! states it, the journal that compares it, and `verify` that reads it.

use serde::{Deserialize, Serialize};

use crate::base::switch::switch;
pub use crate::evidence::discover::{Links, LogNames, NonLogFiles};
pub use crate::scan::{Checksums, Recovery};

switch! {
    /// What is decoded. The matches are the same either way.
    pub enum Decoding {
        /// Records that could match, and records that the skim cannot read without decoding.
        Selected,
        /// Every record.
        Exhaustive,
    }
}

switch! {
    /// Whether the evidence is hashed.
    pub enum Hashing {
        /// No file is hashed.
        None,
        /// Each file is hashed by SHA-256.
        Sha256,
    }
}

switch! {
    /// Where leads are looked for.
    pub enum Leads {
        /// Nowhere.
        None,
        /// In the log of Windows' own DNS client.
        DnsClient,
    }
}

switch! {
    /// What becomes of the rows of excluded matches.
    pub enum ExcludedRows {
        /// They are not written.
        Dropped,
        /// They are written, and marked.
        Kept,
    }
}

/// The switches of a sweep: everything the user chooses besides the evidence, the rules and the
/// period. The tables depend on all of them. In JSON, each field has the name of its option on the
/// command line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// The depth below a root at which each folder is a piece of evidence of its own; `None` to
    /// decide by the folders' contents.
    pub evidence_depth: Option<usize>,
    /// What becomes of symbolic links.
    #[serde(rename = "follow")]
    pub links: Links,
    /// Which file names event logs may have.
    #[serde(rename = "any_name")]
    pub names: LogNames,
    /// What is decoded.
    #[serde(rename = "exhaustive")]
    pub decoding: Decoding,
    /// The chunks whose records' checksum is verified. (Outputs of older versions, which verified
    /// all chunks, do not state it.)
    #[serde(default)]
    pub checksums: Checksums,
    /// Whether the evidence is hashed.
    #[serde(rename = "hash")]
    pub hashing: Hashing,
    /// Whether deleted records are looked for.
    #[serde(rename = "recover")]
    pub recovery: Recovery,
    /// What becomes of files that are no event logs.
    #[serde(rename = "carve")]
    pub non_log_files: NonLogFiles,
    /// What becomes of the rows of excluded matches. (Outputs of versions without exclusions do not
    /// state it.)
    #[serde(rename = "keep_excluded", default)]
    pub excluded_rows: ExcludedRows,
    /// Where leads are looked for. (Outputs of versions without leads do not state it.)
    #[serde(rename = "dns_client", default)]
    pub leads: Leads,
}
