//! The arguments that say what a sweep reads and what it looks for. `sweep` and `plan` have them.

use std::path::PathBuf;

use clap::Args;

use crate::config::IndicatorLists;

/// What a sweep reads, what it looks for, in which period, and how deep.
#[derive(Debug, Clone, Default, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that was typed or not; `config` makes them enums"
)]
pub struct RequestArguments {
    /// Directories and files to read; nothing is ever written to them
    #[arg(value_name = "EVIDENCE")]
    pub evidence: Vec<PathBuf>,

    /// Read more evidence from the paths in FILE, NUL- or newline-separated (- for standard input)
    #[arg(long, value_name = "FILE", help_heading = heading::EVIDENCE)]
    pub files_from: Option<PathBuf>,

    /// How deep below an EVIDENCE directory the folders lie that each belong to one machine: 0
    /// means the directory itself, 1 its children
    #[arg(long, value_name = "N", help_heading = heading::EVIDENCE)]
    pub evidence_depth: Option<usize>,

    /// Also read files without .evtx in their names, if they begin like an event log, a chunk or
    /// event XML
    #[arg(long, help_heading = heading::EVIDENCE)]
    pub any_name: bool,

    /// Follow symbolic links; each file is still read only once
    #[arg(long, help_heading = heading::EVIDENCE)]
    pub follow: bool,

    /// Do not look into archives and disk images; they are only counted
    #[arg(long, help_heading = heading::EVIDENCE)]
    pub no_containers: bool,

    /// Also read the logs in shadow copies of volumes in disk images [default: shadow copies are
    /// listed with their dates]
    #[arg(long, help_heading = heading::EVIDENCE)]
    pub vss: bool,

    /// File with passwords for encrypted files in archives, one a line; at most 64
    #[arg(long, value_name = "FILE", help_heading = heading::EVIDENCE)]
    pub passwords: Option<PathBuf>,

    /// Detection to look for: a Splunk or Sigma rule file, or a directory of rule files; may be
    /// repeated [default: the built-in detection, without --iocs]
    #[arg(long, short, value_name = "PATH", help_heading = heading::DETECTIONS)]
    pub detection: Vec<PathBuf>,

    #[command(flatten)]
    pub lists: ListArguments,

    /// Values for the placeholders of Sigma rules (%name%): a YAML file with a list of values for
    /// each name
    #[arg(long, value_name = "FILE", help_heading = heading::DETECTIONS)]
    pub placeholders: Option<PathBuf>,

    /// Exit with 2 without a sweep if a rule in a directory is refused because it cannot be run, or
    /// an entry of a list (--iocs) is not understood (rules about events other than DNS queries are
    /// not refused)
    #[arg(long, help_heading = heading::DETECTIONS)]
    pub strict: bool,

    /// YAML file with your own exclusions: events that an exclusion describes are not matches; may
    /// be repeated
    #[arg(long, value_name = "FILE", help_heading = heading::DETECTIONS)]
    pub allow: Vec<PathBuf>,

    /// Keep the rows of excluded matches, marked in the column excluded_by; they are not counted as
    /// matches
    #[arg(long, help_heading = heading::DETECTIONS)]
    pub keep_excluded: bool,

    /// Also search the log of Windows' own DNS client, for names that the detections describe
    /// and for events that rules about that log describe; the results are leads, not matches
    #[arg(long, help_heading = heading::DETECTIONS)]
    pub dns_client: bool,

    /// Count only matches whose TimeCreated is not before T: a date (2025-03-04, in UTC), a time
    /// (2025-03-04T12:00:00Z), a span back from now (14d, 2weeks), today or yesterday. The tables
    /// and the summary say for each host whether its DNS queries cover the period
    #[arg(long, value_name = "T", conflicts_with = "last", help_heading = heading::TIME)]
    pub since: Option<String>,

    /// Count only matches whose TimeCreated is not after T; the whole day if T is a date. Without
    /// it, the period ends for each host with its last record
    #[arg(long, value_name = "T", help_heading = heading::TIME)]
    pub until: Option<String>,

    /// Count only matches of the last SPAN (14d, 36h, 2weeks)
    #[arg(long, value_name = "SPAN", help_heading = heading::TIME)]
    pub last: Option<String>,

    /// Also look for deleted records, in the free space of chunks; their events are marked and
    /// counted separately
    #[arg(long, help_heading = heading::DEPTH)]
    pub recover: bool,

    /// Also search files that are no event logs (disk images, page files, memory dumps, unallocated
    /// space) for chunks of event logs
    #[arg(long, help_heading = heading::DEPTH)]
    pub carve: bool,

    /// Decode every record, even those that cannot match: slower, with the same matches; also
    /// finds, in chunks with correct checksums, records that cannot be decoded
    #[arg(long, help_heading = heading::DEPTH)]
    pub exhaustive: bool,

    /// Verify the checksum of every chunk's records, not only of chunks with a decoded record or a
    /// problem
    #[arg(long, help_heading = heading::DEPTH)]
    pub checksums: bool,

    /// Add each file's SHA-256 to the ledger, computed from the bytes that are searched
    #[arg(long, help_heading = heading::DEPTH)]
    pub hash: bool,

    /// Find the processes that made the matching queries, and up to 16 ancestors of each: who
    /// started them, with which command line. Reads parts of the logs of hosts with matches again,
    /// and writes processes.parquet
    #[arg(long, help_heading = heading::DEPTH)]
    pub context: bool,

    /// Also write queries.parquet: every DNS query that Sysmon logged (in the period, if one is
    /// given), matched or not
    #[arg(long, help_heading = heading::DEPTH)]
    pub queries: bool,
}

/// Which lists of indicators are detections, too. `sweep`, `plan` and the commands on detections
/// have these arguments.
#[derive(Debug, Clone, Default, Args)]
pub struct ListArguments {
    /// List of indicators to look for: domain names, also of URLs, wildcards, IP addresses and
    /// networks (of the answers), as text with one a line, CSV or STIX 2.1; may be repeated. A name
    /// also means all names below it
    #[arg(long, value_name = "FILE", help_heading = heading::DETECTIONS)]
    pub iocs: Vec<PathBuf>,

    /// The risk score of a match of a list, 0 to 100 [default: none]
    #[arg(long, value_name = "N", requires = "iocs", value_parser = clap::value_parser!(u32).range(0..=100), help_heading = heading::DETECTIONS)]
    pub ioc_risk: Option<u32>,
}

impl ListArguments {
    /// The lists of indicators that the user named, and their risk score.
    #[must_use]
    pub fn resolved(&self) -> IndicatorLists {
        IndicatorLists { files: self.iocs.clone(), risk_score: self.ioc_risk }
    }
}

/// The headings of the options of `sweep` and `plan` in their help.
pub(super) mod heading {
    pub const EVIDENCE: &str = "Evidence";
    pub const DETECTIONS: &str = "Detections";
    pub const TIME: &str = "Time";
    pub const DEPTH: &str = "Depth";
    pub const PARTS: &str = "Plans and parts";
    pub const OUTPUT: &str = "Output";
    pub const PERFORMANCE: &str = "Performance";
}
