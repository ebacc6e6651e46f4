//! The command line's arguments, parsed by `clap`. Their meaning is decided in `config`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use crate::cli::exit::Exit;
use crate::guide::PAGES;
use crate::report::Verdict;
use crate::report::export::TableName;

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
    /// Verifies the output of a sweep against its run.json, and evidence against the output's
    /// ledger; writes nothing
    Verify(VerifyArguments),
    /// Reports what the output of a sweep says: the summary again, in several formats, what is known
    /// of one host, or the risk of each host and user; verifies nothing
    Report(ReportArguments),
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

/// The commands on detections.
#[derive(Debug, Subcommand)]
pub enum DetectionsCommand {
    /// Lists detections: id, name, language, risk, and the literals by which a sweep selects the
    /// records that it decodes
    List(CatalogArguments),
    /// Shows a detection: its description, its condition as a tree, and the literals that a match
    /// must contain
    Show(ShowArguments),
    /// Checks rule files: whether each runs, or why not; rules about events other than DNS queries
    /// and files without a rule are counted separately
    Check(CheckArguments),
    /// Explains whether and why a detection matches an event: its condition as a tree, with the
    /// result of each part
    Explain(ExplainArguments),
    /// Runs the tests in Splunk's rule files on the data sets (files of recorded events) that they
    /// name
    Test(TestArguments),
}

/// The arguments that say where detections are.
#[derive(Debug, Clone, Default, Args)]
pub struct CatalogArguments {
    /// Rule files, and directories of rule files [default: the built-in detection]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    /// Values for the placeholders of Sigma rules (%name%): a YAML file with a list of values for
    /// each name
    #[arg(long, value_name = "FILE")]
    pub placeholders: Option<PathBuf>,
}

/// The arguments of `detections show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArguments {
    /// The detection: its id, its name, or a part of either that no other detection has. The
    /// detection may be left out if there is only one. Then rule files, and directories of rule
    /// files [default: the built-in detection]. A word that names a file or directory is a path
    #[arg(value_name = "DETECTION | PATH")]
    pub words: Vec<PathBuf>,

    /// The detection, even if a file or directory has this name
    #[arg(long, value_name = "DETECTION")]
    pub detection: Option<String>,

    /// Values for the placeholders of Sigma rules (%name%): a YAML file with a list of values for
    /// each name
    #[arg(long, value_name = "FILE")]
    pub placeholders: Option<PathBuf>,
}

impl ShowArguments {
    /// The detection that the user named, and the paths of the rule files to search for it. Without
    /// `--detection`, the first word is the detection, unless it names a file or directory. `None`
    /// if the user named no detection.
    #[must_use]
    pub fn resolved(&self) -> (Option<String>, &[PathBuf]) {
        match self.words.split_first() {
            Some((first, paths)) if self.detection.is_none() && !first.exists() => {
                (Some(first.to_string_lossy().into_owned()), paths)
            }
            _ => (self.detection.clone(), &self.words),
        }
    }
}

/// The arguments of `detections check`.
#[derive(Debug, Clone, Args)]
pub struct CheckArguments {
    /// Rule files, and directories of rule files
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// Values for the placeholders of Sigma rules (%name%): a YAML file with a list of values for
    /// each name
    #[arg(long, value_name = "FILE")]
    pub placeholders: Option<PathBuf>,
}

/// The arguments of `detections explain`.
#[derive(Debug, Clone, Args)]
pub struct ExplainArguments {
    /// The detection: its id, its name, or a part of either that no other detection has [default:
    /// the only one]
    #[arg(long, value_name = "DETECTION")]
    pub detection: Option<String>,

    /// The name that the event's DNS query asks for (QueryName)
    #[arg(long, value_name = "NAME", required_unless_present = "event", conflicts_with = "event")]
    pub query_name: Option<String>,

    /// The path of the executable of the process that made the query (Image)
    #[arg(long, value_name = "PATH", conflicts_with = "event")]
    pub image: Option<String>,

    /// The event as JSON (- for standard input): an object whose keys are names of fields, or the
    /// event as the program evtx_dump writes it
    #[arg(long, value_name = "FILE")]
    pub event: Option<PathBuf>,

    /// The arguments that say where the detection is: rule files and directories of rule files.
    #[command(flatten)]
    pub catalog: CatalogArguments,
}

/// The arguments of `detections test`.
#[derive(Debug, Clone, Args)]
pub struct TestArguments {
    /// Rule files, and directories of rule files
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// Directory with the data sets (files of recorded events); a data set's file is found by the
    /// end of the path that the rule names
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    /// Values for the placeholders of Sigma rules (%name%): a YAML file with a list of values for
    /// each name
    #[arg(long, value_name = "FILE")]
    pub placeholders: Option<PathBuf>,
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

/// The arguments of `verify`.
#[derive(Debug, Clone, Default, Args)]
#[command(after_help = exit_statuses(&crate::cli::exit::VERIFY_EXIT_STATUSES))]
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
#[command(after_help = exit_statuses(&crate::cli::exit::REPORT_EXIT_STATUSES))]
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

    /// Report the risk of each host and user (or with --host of one): their risk events in a period,
    /// with score, messages, stories and ATT&CK techniques
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

    /// The table: matches, hosts, leads, files, containers, stats, or stats/ID for the stats of one
    /// detection; csv and jsonl can have all, the other formats matches and leads
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
    /// Detection Findings of the Open Cybersecurity Schema Framework 1.8.0; of leads, DNS Activities
    /// (JSON lines)
    Ocsf,
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
    /// The summary as JSON, which `sweep` and `report` print with `--format json`: a JSON Schema
    Summary,
    /// The risk as JSON, which `report --risk --format json` prints: a JSON Schema
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

const EXPORT_EXAMPLES: &str = "Examples:
  dnsweep export OUT --to csv -o matches.csv            for a spreadsheet
  dnsweep export OUT --to jsonl --table hosts           every host
  dnsweep export OUT --to timesketch -o matches.jsonl   a timeline
  dnsweep guide exports                                 how tools load them";

const COMPLETIONS_EXAMPLES: &str = "Examples:
  dnsweep completions bash > ~/.local/share/bash-completion/completions/dnsweep
  dnsweep completions zsh > \"${fpath[1]}/_dnsweep\"
  dnsweep completions fish > ~/.config/fish/completions/dnsweep.fish";

const MAN_EXAMPLES: &str = "Examples:
  dnsweep man sweep | man -l -
  dnsweep man > /usr/local/share/man/man1/dnsweep.1";

const SWEEP_EXAMPLES: &str = "Examples:
  dnsweep sweep /mnt/image                 a mounted image, into dnsweep-<time>
  dnsweep sweep CASE/ -o OUT               archives, images and folders
  dnsweep sweep disk.E01 --vss --recover   also shadow copies, deleted records
  dnsweep sweep CASE/ -d rules --last 14d  your own rules, the last two weeks
  dnsweep sweep CASE/ -o OUT --resume      go on with an interrupted sweep";

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

/// The text at the end of the help for `dnsweep export`: examples, and its exit statuses.
fn export_help() -> String {
    format!("{EXPORT_EXAMPLES}\n\n{}", exit_statuses(&crate::cli::exit::EXPORT_EXIT_STATUSES))
}

/// The text at the end of the help for `dnsweep sweep`: examples, its exit statuses, and the
/// verdicts, which say in a word what a sweep saw of a host.
fn sweep_help() -> String {
    let width = Verdict::ALL.iter().map(|verdict| verdict.name().len()).max().unwrap_or(0);
    let line = |verdict: &Verdict| format!("\n  {:width$}  {}", verdict.name(), verdict.seen());
    format!(
        "{SWEEP_EXAMPLES}\n\n{}\n\nVerdicts on hosts (only `no matches` clears a host, and only of what was seen):{}",
        exit_statuses(&crate::cli::exit::EXIT_STATUSES),
        Verdict::ALL.iter().map(line).collect::<String>()
    )
}

fn exit_statuses(statuses: &[(Exit, &str)]) -> String {
    let lines = statuses.iter().map(|(exit, meaning)| format!("\n  {:>3}  {meaning}", exit.number()));
    format!("Exit status:{}", lines.collect::<String>())
}
