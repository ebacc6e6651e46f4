//! The arguments of the command `dnsweep sweep`.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::request::{RequestArguments, heading};
use super::{LogFormat, exit_statuses};
use crate::cli::exit::EXIT_STATUSES;
use crate::report::Verdict;

/// The options of `sweep` that a plan decides, or that only a sweep with tables has.
const IN_A_PLAN: [&str; 30] = [
    "evidence",
    "files_from",
    "evidence_depth",
    "any_name",
    "follow",
    "no_containers",
    "vss",
    "detection",
    "iocs",
    "ioc_risk",
    "placeholders",
    "strict",
    "allow",
    "keep_excluded",
    "dns_client",
    "context",
    "queries",
    "since",
    "until",
    "last",
    "recover",
    "carve",
    "exhaustive",
    "checksums",
    "hash",
    "out",
    "force",
    "resume",
    "full",
    "partition_by",
];

/// The arguments of `sweep`.
#[derive(Debug, Clone, Default, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that was typed or not; `config` makes them enums"
)]
#[command(after_help = sweep_help())]
pub struct SweepArguments {
    #[command(flatten)]
    pub request: RequestArguments,

    /// Sweep one shard of PLAN, a plan that `dnsweep plan` made, and write only its part (--shard,
    /// --part); the plan says what is read and what is looked for
    #[arg(long, value_name = "PLAN", requires = "shard", conflicts_with_all = IN_A_PLAN, help_heading = heading::PARTS)]
    pub plan: Option<PathBuf>,

    /// The number of the shard, from 1
    #[arg(long, value_name = "I", requires = "plan", value_parser = clap::value_parser!(u32).range(1..), help_heading = heading::PARTS)]
    pub shard: Option<u32>,

    /// With --plan: the file to write the part of the shard to, complete or not at all. Without:
    /// leave part.dnsweep in the output, from which `dnsweep merge` joins outputs
    #[arg(long, value_name = "FILE", num_args = 0..=1, help_heading = heading::PARTS)]
    #[expect(clippy::option_option, reason = "not typed, typed without a file, typed with one")]
    pub part: Option<Option<PathBuf>>,

    /// Read evidence that the plan has under OLD from NEW, another path of the same files; may be
    /// repeated
    #[arg(long, value_name = "OLD=NEW", requires = "plan", help_heading = heading::PARTS)]
    pub remap: Vec<OsString>,

    /// Directory to write the results to [default: dnsweep-<time in UTC> in the current directory]
    #[arg(long, short, value_name = "DIR", help_heading = heading::OUTPUT)]
    pub out: Option<PathBuf>,

    /// Write no report.html, the page that shows the output in a browser; `dnsweep report OUT
    /// --format html` makes it later
    #[arg(long, help_heading = heading::OUTPUT)]
    pub no_report: bool,

    /// Also write the matches and leads in a folder for each host, as Hive partitions:
    /// by-host/matches/computer=NAME/part-0.parquet
    #[arg(long, value_enum, value_name = "WHAT", help_heading = heading::OUTPUT)]
    pub partition_by: Option<PartitionBy>,

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

/// By what the tables of matches and leads are divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum PartitionBy {
    /// By host, under its name in hosts.parquet
    Host,
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
