//! The arguments of the commands `dnsweep plan` and `dnsweep merge`.

use std::path::PathBuf;

use clap::Args;

use super::request::{RequestArguments, heading};
use super::sweep::{PartitionBy, SummaryFormat};
use super::{LogFormat, exit_statuses};
use crate::cli::exit::{MERGE_EXIT_STATUSES, PLAN_EXIT_STATUSES};

/// The arguments of `plan`.
#[derive(Debug, Clone, Args)]
#[command(after_help = format!("{PLAN_EXAMPLES}\n\n{}", exit_statuses(&PLAN_EXIT_STATUSES)))]
pub struct PlanArguments {
    #[command(flatten)]
    pub request: RequestArguments,

    /// How many shards to divide the evidence into; each is swept by one process
    #[arg(long, short = 'n', value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MOST_SHARDS), help_heading = heading::OUTPUT)]
    pub shards: u32,

    /// File to write the plan to; it must not lie in evidence
    #[arg(long, short, value_name = "PLAN", help_heading = heading::OUTPUT)]
    pub out: PathBuf,

    /// Print no progress and no messages except errors
    #[arg(long, short, help_heading = heading::OUTPUT)]
    pub quiet: bool,

    /// Format of messages on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", help_heading = heading::OUTPUT)]
    pub log_format: LogFormat,

    /// How many threads list folders and containers [default: one for each core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = heading::PERFORMANCE)]
    pub threads: Option<u16>,
}

/// The maximum number of shards of a plan. A merge opens all parts at once.
const MOST_SHARDS: i64 = 100_000;

/// The arguments of `merge`.
#[derive(Debug, Clone, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch that was typed or not; `config` makes them enums"
)]
#[command(after_help = format!("{MERGE_EXAMPLES}\n\n{}", exit_statuses(&MERGE_EXIT_STATUSES)))]
pub struct MergeArguments {
    /// With --plan: the parts of its shards, in any order. Without: outputs of sweeps with --part,
    /// in the order in which one sweep would have read their evidence
    #[arg(value_name = "PART", required = true)]
    pub parts: Vec<PathBuf>,

    /// The plan whose parts are merged
    #[arg(long, value_name = "PLAN")]
    pub plan: Option<PathBuf>,

    /// Directory to write the results to
    #[arg(long, short, value_name = "DIR")]
    pub out: PathBuf,

    /// Write no report.html, the page that shows the output in a browser
    #[arg(long)]
    pub no_report: bool,

    /// Also write the matches and leads in a folder for each host, as Hive partitions:
    /// by-host/matches/computer=NAME/part-0.parquet
    #[arg(long, value_enum, value_name = "WHAT")]
    pub partition_by: Option<PartitionBy>,

    /// Leave part.dnsweep in the output, so that it can be merged again
    #[arg(long)]
    pub part: bool,

    /// Replace an earlier output of dnsweep; only files that dnsweep writes are removed
    #[arg(long)]
    pub force: bool,

    /// Let others read the output, as far as the umask allows [default: only you, because evidence
    /// is confidential]
    #[arg(long)]
    pub readable: bool,

    /// Print no summary, no progress and no messages except errors
    #[arg(long, short)]
    pub quiet: bool,

    /// Format of the summary on standard output
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT", conflicts_with = "quiet")]
    pub format: SummaryFormat,

    /// List everything in the summary, however long it is [default: two screens]
    #[arg(long, conflicts_with = "quiet")]
    pub full: bool,

    /// Format of messages on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,

    /// How many threads make the tables [default: one for each core]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

const PLAN_EXAMPLES: &str = "Examples:
  dnsweep plan CASE/ -n 4 -o case.plan
  seq 4 | xargs -P 4 -I{} dnsweep sweep --plan case.plan --shard {} --part part-{}
  dnsweep merge --plan case.plan part-* -o OUT";

const MERGE_EXAMPLES: &str = "Examples:
  dnsweep merge --plan case.plan part-* -o OUT   the parts of a plan
  dnsweep merge monday/ tuesday/ -o week         outputs of sweeps with --part";
