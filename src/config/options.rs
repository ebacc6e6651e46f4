//! The switches of a sweep: one field each, for the command line that fills it, `run.json` that
//! states it, the journal that compares it, and `verify` that reads it.

use serde::{Deserialize, Serialize};

use crate::base::switch::switch;
pub use crate::evidence::discover::{Links, LogNames, Others};
pub use crate::scan::{Checksums, Recovery};

switch! {
    /// What is decoded. The matches are the same either way.
    pub enum Decoding {
        /// What could match, and what is not understood without.
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

/// What is asked of a sweep besides its evidence, its rules and its period. The tables depend on
/// all of it. In JSON, each field has the name of its option on the command line.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// How deep below a root the folders lie that are one piece of evidence each; `None` to decide
    /// by what it holds.
    pub evidence_depth: Option<usize>,
    /// What becomes of symbolic links.
    #[serde(rename = "follow")]
    pub links: Links,
    /// By which names files are taken for event logs.
    #[serde(rename = "any_name")]
    pub names: LogNames,
    /// What is decoded.
    #[serde(rename = "exhaustive")]
    pub decoding: Decoding,
    /// Which chunks' records are held to their checksum. (Outputs from when all were do not state
    /// it.)
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
    pub others: Others,
    /// What becomes of the rows of excluded matches. (Outputs from before there were exclusions do
    /// not state it.)
    #[serde(rename = "keep_excluded", default)]
    pub excluded_rows: ExcludedRows,
    /// Where leads are looked for. (Outputs from before there were leads do not state it.)
    #[serde(rename = "dns_client", default)]
    pub leads: Leads,
}
