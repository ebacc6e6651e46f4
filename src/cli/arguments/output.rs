//! The arguments of the commands that read what a sweep wrote, or print what its output looks like:
//! `verify`, `report`, `timeline`, `export` and `schema`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{LogFormat, exit_statuses};
use crate::cli::exit::{
    EXPORT_EXIT_STATUSES, REPORT_EXIT_STATUSES, TIMELINE_EXIT_STATUSES, VERIFY_EXIT_STATUSES,
};
use crate::report::export::TableName;

/// The arguments of `verify`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = exit_statuses(&VERIFY_EXIT_STATUSES))]
pub struct VerifyArguments {
    /// Directory that a sweep wrote
    #[arg(value_name = "OUT")]
    pub out: PathBuf,

    /// The evidence that was swept, to compare with the ledger: the same directories and files in
    /// the same order, wherever they are now
    #[arg(value_name = "EVIDENCE")]
    pub evidence: Vec<PathBuf>,

    /// Read more evidence from the paths in FILE, NUL- or newline-separated (- for standard input)
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,

    /// File with passwords for encrypted files in archives, one a line, as for the sweep
    #[arg(long, value_name = "FILE")]
    pub passwords: Option<PathBuf>,

    /// How many threads read evidence [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// Print only what differs from run.json or the ledger, and what could not be compared
    #[arg(long, short)]
    pub quiet: bool,

    /// Format of messages on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// The arguments of `report`.
#[derive(Debug, Clone, Args)]
#[command(after_help = exit_statuses(&REPORT_EXIT_STATUSES))]
pub struct ReportArguments {
    /// Directory that a sweep wrote
    #[arg(value_name = "OUT")]
    pub out: PathBuf,

    /// Format of the report
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: ReportFormat,

    /// Report one host: its matches, grouped as the detection groups them and one by one, and what
    /// is known of its logs. The name in any case, with its domain or without
    #[arg(long, value_name = "NAME")]
    pub host: Option<String>,

    /// Report the risk of each host and user (or with --host of one): their risk events in a
    /// period, with score, messages, stories and ATT&CK techniques
    #[arg(long)]
    pub risk: bool,

    /// The period for --risk: this SPAN (7d, 36h) up to the last risk event of each host and user
    #[arg(long, value_name = "SPAN", requires = "risk", default_value = "7d")]
    pub last: String,

    /// List everything, however long it is [default: two screens]
    #[arg(long)]
    pub full: bool,

    /// Write the report to FILE instead of standard output; a file that exists is replaced
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Format of messages on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Text for people: what the sweep printed
    #[default]
    Text,
    /// Markdown, for a wiki, a ticket or a case file
    Markdown,
    /// One JSON document; `dnsweep schema` prints its schema
    Json,
    /// Comma-separated values: a row for each host; with --host, for each match; with --risk, for
    /// each host and user at risk
    Csv,
    /// The page that a sweep writes as report.html: one HTML file for a browser
    Html,
}

/// The arguments of `timeline`.
#[derive(Debug, Clone, Args)]
#[command(after_help = timeline_help())]
pub struct TimelineArguments {
    /// Directory that a sweep wrote
    #[arg(value_name = "OUT")]
    pub out: PathBuf,

    /// Only what happened on this host; can be given several times. The name in any case, with its
    /// domain or without
    #[arg(long, value_name = "NAME")]
    pub host: Vec<String>,

    /// Format of the timeline
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: TimelineFormat,

    /// File to write, which is then complete or absent (- for standard output)
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,

    /// Replace FILE if it exists
    #[arg(long)]
    pub force: bool,

    /// Print no messages except warnings and errors
    #[arg(long, short)]
    pub quiet: bool,

    /// Format of messages on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// The format of a timeline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum TimelineFormat {
    /// Text for people: a line for each entry or, on a narrow terminal, a few lines
    #[default]
    Text,
    /// Comma-separated values (RFC 4180) with all columns, safe to open in a spreadsheet
    Csv,
    /// A JSON object a line for each entry, with all columns
    Jsonl,
}

const TIMELINE_EXAMPLES: &str = "Examples:
  dnsweep timeline OUT                            all hosts
  dnsweep timeline OUT --host FIN-WS07 | less     one host
  dnsweep timeline OUT --format csv -o case.csv   for a spreadsheet
  dnsweep guide timeline                          which times, and what is left out";

/// The text at the end of the help for `dnsweep timeline`: examples, and its exit statuses.
fn timeline_help() -> String {
    format!("{TIMELINE_EXAMPLES}\n\n{}", exit_statuses(&TIMELINE_EXIT_STATUSES))
}

/// The arguments of `export`.
#[derive(Debug, Clone, Args)]
#[command(after_help = export_help())]
pub struct ExportArguments {
    /// Directory that a sweep wrote
    #[arg(value_name = "OUT")]
    pub out: PathBuf,

    /// Format of the export
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub to: ExportFormat,

    /// The table: matches, hosts, leads, files, containers, processes, queries, stats, or stats/ID
    /// for the stats of one detection; csv and jsonl can have all, the other formats matches and
    /// leads
    #[arg(long, value_name = "NAME", default_value = "matches", value_parser = TableName::parse)]
    pub table: TableName,

    /// File to write, which is then complete or absent (- for standard output)
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    pub output: PathBuf,

    /// Replace FILE if it exists
    #[arg(long)]
    pub force: bool,

    /// Also export events that are copies of others, marked as copies; csv and jsonl have every row
    /// of the table anyway
    #[arg(long)]
    pub copies: bool,

    /// Print no messages except warnings and errors
    #[arg(long, short)]
    pub quiet: bool,

    /// Format of messages on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
}

/// The format of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExportFormat {
    /// Comma-separated values (RFC 4180), safe to open in a spreadsheet
    Csv,
    /// A JSON object a line for each row, with all that the table has
    Jsonl,
    /// Events of a timeline in Timesketch (JSON lines)
    Timesketch,
    /// Documents in the Elastic Common Schema 9.4 (JSON lines)
    Ecs,
    /// Events for Splunk's HTTP Event Collector (JSON lines)
    SplunkHec,
    /// Detection Findings of the Open Cybersecurity Schema Framework 1.8.0; of leads, DNS
    /// Activities (JSON lines)
    Ocsf,
}

const EXPORT_EXAMPLES: &str = "Examples:
  dnsweep export OUT --to csv -o matches.csv            for a spreadsheet
  dnsweep export OUT --to jsonl --table hosts           every host
  dnsweep export OUT --to timesketch -o matches.jsonl   a timeline
  dnsweep guide exports                                 how tools load them";

/// The text at the end of the help for `dnsweep export`: examples, and its exit statuses.
fn export_help() -> String {
    format!("{EXPORT_EXAMPLES}\n\n{}", exit_statuses(&EXPORT_EXIT_STATUSES))
}

/// The arguments of `schema`.
#[derive(Debug, Clone, Args)]
pub struct SchemaArguments {
    /// The tables or document whose schema is printed
    #[arg(value_enum, value_name = "SUBJECT", default_value_t)]
    pub subject: SchemaSubject,

    /// Format of the schema; Markdown only for tables
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub format: SchemaFormat,
}

/// Something that dnsweep writes, and that has a schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaSubject {
    /// The tables that a sweep writes: each column with its type and meaning
    #[default]
    Tables,
    /// The summary that `sweep` and `report` print with `--format json`, as a JSON Schema
    Summary,
    /// The events that `show --format json` prints, as a JSON Schema
    Show,
    /// The risk that `report --risk --format json` prints, as a JSON Schema
    Risk,
}

/// The format of a schema.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum SchemaFormat {
    /// JSON, for programs
    #[default]
    Json,
    /// Markdown, for people
    Markdown,
}
