//! The arguments of `dnsweep show`.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueEnum};

use super::{LogFormat, exit_statuses};
use crate::cli::exit::SHOW_EXIT_STATUSES;
use crate::report::show::EventId;

/// The arguments of `show`.
#[derive(Debug, Clone, Args)]
#[command(after_help = show_help())]
#[command(
    override_usage = "dnsweep show [OPTIONS] <OUT> <ID>...\n       dnsweep show [OPTIONS] <OUT> --host <NAME> [--process <PROCESS>]\n       dnsweep show [OPTIONS] <OUT> --process <PROCESS>"
)]
#[command(group = ArgGroup::new("events").required(true).multiple(true).args(["ids", "host", "process"]))]
pub struct ShowEventsArguments {
    /// Directory that a sweep wrote
    #[arg(value_name = "OUT")]
    pub out: PathBuf,

    /// The events: for each the event_hash that a table has, or its first characters, at least four
    #[arg(value_name = "ID", conflicts_with_all = ["host", "process"])]
    pub ids: Vec<EventId>,

    /// Show the matches and leads of a host. The name in any case, with its domain or without
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,

    /// Show all events of a process: its start, matches, leads, and its queries if the output has
    /// them. Its GUID, its ID (PID), or the file name of its image; with --host, on this host only
    #[arg(long, value_name = "PROCESS")]
    pub process: Option<String>,

    /// Read each record again from ROOT: show it as XML and as a hex dump with its structure, and
    /// compare its event with event_hash. A root of the sweep, wherever it is now; may be repeated
    #[arg(long, value_name = "ROOT")]
    pub evidence: Vec<PathBuf>,

    /// File with passwords for encrypted files in archives, one a line, as for the sweep
    #[arg(long, value_name = "FILE", requires = "evidence")]
    pub passwords: Option<PathBuf>,

    /// Format of what is shown
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: ShowFormat,

    /// Show all events of the host or process [default: the first 20]
    #[arg(long)]
    pub full: bool,

    /// Write to FILE instead of standard output; a file that exists is replaced
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// How many threads list evidence [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// Format of messages on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// The format in which events are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// Text for people
    #[default]
    Text,
    /// One JSON document; `dnsweep schema show` prints its schema
    Json,
}

const SHOW_EXAMPLES: &str = "Examples:
  dnsweep show OUT 3f9a04c1                        one event, by the start of its event_hash
  dnsweep show OUT 3f9a04c1 --evidence CASE/       with its record, read again and compared
  dnsweep show OUT --host FIN-WS07 --process winsync.exe";

/// The text at the end of the help for `dnsweep show`: examples, and its exit statuses.
fn show_help() -> String {
    format!("{SHOW_EXAMPLES}\n\n{}", exit_statuses(&SHOW_EXIT_STATUSES))
}
