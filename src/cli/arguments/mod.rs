//! The command line's arguments, parsed by `clap`. Their meaning is decided in `config`. The larger
//! commands have a file each.

mod detections;
mod output;
mod parts;
mod request;
mod show;
mod sweep;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

pub use self::detections::{
    CatalogArguments, CheckArguments, DetectionsCommand, ExplainArguments, ShowArguments, TestArguments,
};
pub use self::output::{
    ExportArguments, ExportFormat, ReportArguments, ReportFormat, SchemaArguments, SchemaFormat,
    SchemaSubject, TimelineArguments, TimelineFormat, VerifyArguments,
};
pub use self::parts::{MergeArguments, PlanArguments};
pub use self::request::RequestArguments;
pub use self::show::{ShowEventsArguments, ShowFormat};
pub use self::sweep::{SummaryFormat, SweepArguments};
use crate::cli::exit::Exit;
use crate::guide::PAGES;

/// Finds the Sysmon DNS queries that a detection describes, in Windows event logs of one host or of
/// ten thousand.
#[derive(Debug, Parser)]
#[command(name = "dnsweep", after_help = EXAMPLES)]
pub struct CommandLine {
    /// The command to run.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands of the program.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sweeps evidence: reads every event log in it and writes matches, hosts and a ledger as
    /// Parquet
    Sweep(SweepArguments),
    /// Plans a sweep by many processes or machines: lists the evidence once, divides it into
    /// shards, and freezes what all of them look for
    Plan(PlanArguments),
    /// Merges the parts of a plan's shards, or the outputs of other days and sites, into what one
    /// sweep would have written
    Merge(MergeArguments),
    /// Verifies the output of a sweep against its run.json, and evidence against the output's
    /// ledger; writes nothing
    Verify(VerifyArguments),
    /// Reports what the output of a sweep says: the summary again, in several formats, what is
    /// known of one host, or the risk of each host and user; verifies nothing
    Report(ReportArguments),
    /// Shows single events of an output: all fields, what started the process, the rules that hit
    /// and, read again from evidence, the record itself
    Show(ShowEventsArguments),
    /// Prints what the tables of an output say happened, in order of time: matches, leads, and
    /// starts and ends of processes
    Timeline(TimelineArguments),
    /// Exports a table of an output for other programs: as CSV or JSON lines, or its matches in the
    /// form that Timesketch, Elasticsearch, Splunk or a lake of OCSF events takes
    Export(ExportArguments),
    /// Prints the schema of the tables, or of a document that dnsweep prints
    Schema(SchemaArguments),
    /// Lists, shows, checks, explains and tests detections
    #[command(subcommand, after_help = exit_statuses(&crate::cli::exit::DETECTIONS_EXIT_STATUSES))]
    Detections(DetectionsCommand),
    /// Prints a page of the guide: what is read, what the outputs contain and what they mean;
    /// without TOPIC, the list of pages
    Guide(GuideArguments),
    /// Prints a script that completes commands and options in a shell
    Completions(CompletionsArguments),
    /// Prints a page for the program `man`
    Man(ManArguments),
}

/// The arguments of `guide`.
#[derive(Debug, Clone, Default, Args)]
pub struct GuideArguments {
    /// The page to print
    #[arg(value_name = "TOPIC", value_parser = topics())]
    pub topic: Option<String>,
}

/// The arguments of `completions`.
#[derive(Debug, Clone, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub struct CompletionsArguments {
    /// The shell that runs the script
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

/// The arguments of `man`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub struct ManArguments {
    /// The command whose page is printed, such as `sweep` or `detections check` [default: dnsweep
    /// itself]
    #[arg(value_name = "COMMAND")]
    pub command: Vec<String>,
}

const EXAMPLES: &str = "Examples:
  dnsweep sweep CASE/ -o OUT   find matches in archives, disk images and folders
  dnsweep verify OUT CASE/     compare output and evidence with what was recorded
  dnsweep guide                what the outputs mean";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  dnsweep completions bash > ~/.local/share/bash-completion/completions/dnsweep
  dnsweep completions zsh > \"${fpath[1]}/_dnsweep\"
  dnsweep completions fish > ~/.config/fish/completions/dnsweep.fish";

const MAN_EXAMPLES: &str = "Examples:
  dnsweep man sweep | man -l -
  dnsweep man > /usr/local/share/man/man1/dnsweep.1";

/// Makes a parser for the argument of `dnsweep guide`, which accepts the topics of the guide's
/// pages. For any other word, the parser's error suggests the nearest topic and lists all topics.
fn topics() -> PossibleValuesParser {
    PossibleValuesParser::new(PAGES.map(|page| PossibleValue::new(page.topic).help(page.about)))
}

/// The format of messages on standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// One JSON object per line
    Json,
}

fn exit_statuses(statuses: &[(Exit, &str)]) -> String {
    let lines = statuses.iter().map(|(exit, meaning)| format!("\n  {:>3}  {meaning}", exit.number()));
    format!("Exit status:{}", lines.collect::<String>())
}
