//! The arguments of the command `dnsweep sweep`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{LogFormat, exit_statuses};
use crate::cli::exit::EXIT_STATUSES;
use crate::report::Verdict;

/// The arguments of `sweep`.
#[derive(Debug, Clone, Default, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that was typed or not; `config` makes them enums"
)]
#[command(after_help = sweep_help())]
pub struct SweepArguments {
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
    /// repeated [default: the built-in detection]
    #[arg(long, short, value_name = "PATH", help_heading = heading::DETECTIONS)]
    pub detection: Vec<PathBuf>,

    /// Values for the placeholders of Sigma rules (%name%): a YAML file with a list of values for
    /// each name
    #[arg(long, value_name = "FILE", help_heading = heading::DETECTIONS)]
    pub placeholders: Option<PathBuf>,

    /// Exit with 2 without a sweep if a rule in a directory is refused because it cannot be run
    /// (rules about events other than DNS queries are not refused)
    #[arg(long, help_heading = heading::DETECTIONS)]
    pub strict: bool,

    /// YAML file with your own exclusions: events that an exclusion describes are no matches; may
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

    /// Directory to write the results to [default: dnsweep-<time in UTC> in the current directory]
    #[arg(long, short, value_name = "DIR", help_heading = heading::OUTPUT)]
    pub out: Option<PathBuf>,

    /// Write no report.html, the page that shows the output in a browser; `dnsweep report OUT
    /// --format html` makes it later
    #[arg(long, help_heading = heading::OUTPUT)]
    pub no_report: bool,

    /// Replace an earlier output of dnsweep; only files that dnsweep writes are removed
    #[arg(long, help_heading = heading::OUTPUT)]
    pub force: bool,

    /// Resume an unfinished sweep to the same output; files that it has read are not read again if
    /// their size and modification time are the same
    #[arg(long, help_heading = heading::OUTPUT)]
    pub resume: bool,

    /// Let others read the output, as far as the umask allows [default: only you, because evidence
    /// is confidential]
    #[arg(long, help_heading = heading::OUTPUT)]
    pub readable: bool,

    /// Exit with 10 if there are matches
    #[arg(long, help_heading = heading::OUTPUT)]
    pub fail_on_match: bool,

    /// Print no summary, no progress and no messages except errors and the number of rules that do
    /// not run; `dnsweep report OUT` prints the summary later
    #[arg(long, short, help_heading = heading::OUTPUT)]
    pub quiet: bool,

    /// Format of the summary on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", conflicts_with = "quiet", help_heading = heading::OUTPUT)]
    pub format: SummaryFormat,

    /// List everything in the summary, however long it is [default: two screens]
    #[arg(long, conflicts_with = "quiet", help_heading = heading::OUTPUT)]
    pub full: bool,

    /// Format of messages on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = heading::OUTPUT)]
    pub log_format: LogFormat,

    /// How many threads decode records [default: one for each core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = heading::PERFORMANCE)]
    pub threads: Option<u16>,

    /// How many threads may list folders or read at once; 1 for a spinning disk or a network mount
    /// [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = heading::PERFORMANCE)]
    pub readers: Option<u16>,

    /// Disk space for unpacked copies of files in archives, such as 500M, 64G [default: 64G]; the
    /// copies lie beside the output, and are gone when the sweep ends
    #[arg(long, value_name = "SIZE", value_parser = size, help_heading = heading::PERFORMANCE)]
    pub spool_limit: Option<u64>,
}

/// The format of a sweep's summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SummaryFormat {
    /// Text for people
    #[default]
    Text,
    /// One JSON document; `dnsweep schema summary` prints its schema
    Json,
}

/// The headings of the options of `sweep` in its help.
mod heading {
    pub const EVIDENCE: &str = "Evidence";
    pub const DETECTIONS: &str = "Detections";
    pub const TIME: &str = "Time";
    pub const DEPTH: &str = "Depth";
    pub const OUTPUT: &str = "Output";
    pub const PERFORMANCE: &str = "Performance";
}

const SWEEP_EXAMPLES: &str = "Examples:
  dnsweep sweep /mnt/image                 a mounted image, into dnsweep-<time>
  dnsweep sweep CASE/ -o OUT               archives, images and folders
  dnsweep sweep disk.E01 --vss --recover   also shadow copies, deleted records
  dnsweep sweep CASE/ -d rules --last 14d  your own rules, the last two weeks
  dnsweep sweep CASE/ -o OUT --resume      go on with an interrupted sweep";

/// The text at the end of the help for `dnsweep sweep`: examples, its exit statuses, and the
/// verdicts, which say in a word what a sweep saw of a host.
fn sweep_help() -> String {
    let width = Verdict::ALL.iter().map(|verdict| verdict.name().len()).max().unwrap_or(0);
    let line = |verdict: &Verdict| format!("\n  {:width$}  {}", verdict.name(), verdict.seen());
    format!(
        "{SWEEP_EXAMPLES}\n\n{}\n\nVerdicts on hosts (only `no matches` clears a host, and only of what was seen):{}",
        exit_statuses(&EXIT_STATUSES),
        Verdict::ALL.iter().map(line).collect::<String>()
    )
}

/// Parses a size that the user typed, in bytes: a number, and after it K, M, G or T for powers of
/// 1024. The error says what was expected.
fn size(typed: &str) -> Result<u64, String> {
    let digits = typed.trim_end_matches(|unit: char| !unit.is_ascii_digit());
    let shift = match typed.get(digits.len()..).unwrap_or_default() {
        "" => Some(0),
        "K" | "k" => Some(10),
        "M" | "m" => Some(20),
        "G" | "g" => Some(30),
        "T" | "t" => Some(40),
        _ => None,
    };
    let number = digits.parse::<u64>().ok();
    let size = number.zip(shift).and_then(|(number, shift)| number.checked_mul(1 << shift));
    size.ok_or_else(|| "expected a number of bytes, or one with K, M, G or T after it".to_owned())
}
