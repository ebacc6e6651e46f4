//! The command line's arguments, parsed by `clap`. Their meaning is decided in `config`.

use std::path::PathBuf;

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::cli::exit::Exit;
use crate::guide::PAGES;
use crate::report::Verdict;

/// Finds the Sysmon DNS queries that a detection describes, in Windows event logs of one host or of
/// ten thousand.
#[derive(Debug, Parser)]
#[command(name = "dnsweep", version, propagate_version = true)]
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
    /// Lists, shows, checks, explains and tests detections
    #[command(subcommand, after_help = exit_statuses(&crate::cli::exit::DETECTIONS_EXIT_STATUSES))]
    Detections(DetectionsCommand),
    /// Prints a page of the guide: what is read, what the outputs contain and what they mean;
    /// without TOPIC, the list of pages
    Guide(GuideArguments),
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

    /// Directory to write the results to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Read more evidence from the paths in FILE, NUL- or newline-separated (- for standard input)
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,

    /// Detection to look for: a Splunk or Sigma rule file, or a directory of rule files; may be
    /// repeated [default: the built-in detection]
    #[arg(long, value_name = "PATH")]
    pub detection: Vec<PathBuf>,

    /// Values for the placeholders of Sigma rules (%name%): a YAML file with a list of values for
    /// each name
    #[arg(long, value_name = "FILE")]
    pub placeholders: Option<PathBuf>,

    /// Exit with 2 without a sweep if a rule in a directory is refused because it cannot be run
    /// (rules about events other than DNS queries are not refused)
    #[arg(long)]
    pub strict: bool,

    /// YAML file with your own exclusions: events that an exclusion describes are no matches; may
    /// be repeated
    #[arg(long, value_name = "FILE")]
    pub allow: Vec<PathBuf>,

    /// Keep the rows of excluded matches, marked in the column excluded_by; they are not counted as
    /// matches
    #[arg(long)]
    pub keep_excluded: bool,

    /// Also search the log of Windows' own DNS client, for names that the detections describe
    /// and for events that rules about that log describe; the results are leads, not matches
    #[arg(long)]
    pub dns_client: bool,

    /// Count only matches whose TimeCreated is not before T: RFC 3339, or a span back from now
    /// (14d). The tables and the summary say for each host whether its DNS queries cover the period
    #[arg(long, value_name = "T", conflicts_with = "last")]
    pub since: Option<String>,

    /// Count only matches whose TimeCreated is not after T; without it, the period ends for each
    /// host with its last record
    #[arg(long, value_name = "T")]
    pub until: Option<String>,

    /// Count only matches of the last SPAN (14d, 36h); the same as --since SPAN
    #[arg(long, value_name = "SPAN")]
    pub last: Option<String>,

    /// How many threads decode records [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// How many threads may list folders or read at once; 1 for a spinning disk or a network mount
    /// [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub readers: Option<u16>,

    /// How deep below an EVIDENCE directory the folders lie that each belong to one machine: 0
    /// means the directory itself, 1 its children
    #[arg(long, value_name = "N")]
    pub evidence_depth: Option<usize>,

    /// Follow symbolic links; each file is still read only once
    #[arg(long)]
    pub follow: bool,

    /// Do not look into archives and disk images; they are only counted
    #[arg(long)]
    pub no_containers: bool,

    /// Also read the logs in shadow copies of volumes in disk images [default: shadow copies are
    /// listed with their dates]
    #[arg(long)]
    pub vss: bool,

    /// File with passwords for encrypted files in archives, one a line; at most 64
    #[arg(long, value_name = "FILE")]
    pub passwords: Option<PathBuf>,

    /// Disk space for unpacked copies of files in archives, such as 500M, 64G [default: 64G]; the
    /// copies lie beside the output, and are gone when the sweep ends
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub spool_limit: Option<u64>,

    /// Also read files without .evtx in their names, if they begin like an event log, a chunk or
    /// event XML
    #[arg(long)]
    pub any_name: bool,

    /// Decode every record, even those that cannot match: slower, with the same matches; also
    /// finds, in chunks with correct checksums, records that cannot be decoded
    #[arg(long)]
    pub exhaustive: bool,

    /// Verify the checksum of every chunk's records, not only of chunks with a decoded record or a
    /// problem
    #[arg(long)]
    pub checksums: bool,

    /// Add each file's SHA-256 to the ledger, computed from the bytes that are searched
    #[arg(long)]
    pub hash: bool,

    /// Replace an earlier output of dnsweep; only files that dnsweep writes are removed
    #[arg(long)]
    pub force: bool,

    /// Let others read the output, as far as the umask allows [default: only you, because evidence
    /// is confidential]
    #[arg(long)]
    pub readable: bool,

    /// Also search files that are no event logs (disk images, page files, memory dumps, unallocated
    /// space) for chunks of event logs
    #[arg(long)]
    pub carve: bool,

    /// Also look for deleted records, in the free space of chunks; their events are marked and
    /// counted separately
    #[arg(long)]
    pub recover: bool,

    /// Resume an unfinished sweep to the same output; files that it has read are not read again if
    /// their size and modification time are the same
    #[arg(long)]
    pub resume: bool,

    /// Exit with 10 if there are matches
    #[arg(long)]
    pub fail_on_match: bool,

    /// Show no progress and no messages except errors and the number of rules that do not run
    #[arg(long, short)]
    pub quiet: bool,

    /// Format of messages on standard error
    #[arg(long, value_enum, default_value_t, value_name = "FORMAT")]
    pub log_format: LogFormat,
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

/// The arguments of `guide`.
#[derive(Debug, Clone, Default, Args)]
pub struct GuideArguments {
    /// The page to print
    #[arg(value_name = "TOPIC", value_parser = topics())]
    pub topic: Option<String>,
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

/// The text at the end of the help for `dnsweep sweep`: its exit statuses, and the verdicts, which
/// say in a word what a sweep saw of a host.
fn sweep_help() -> String {
    let width = Verdict::ALL.iter().map(|verdict| verdict.name().len()).max().unwrap_or(0);
    let line = |verdict: &Verdict| format!("\n  {:width$}  {}", verdict.name(), verdict.seen());
    format!(
        "{}\n\nVerdicts on hosts (only `no matches` clears a host, and only of what was seen):{}",
        exit_statuses(&crate::cli::exit::EXIT_STATUSES),
        Verdict::ALL.iter().map(line).collect::<String>()
    )
}

fn exit_statuses(statuses: &[(Exit, &str)]) -> String {
    let lines = statuses.iter().map(|(exit, meaning)| format!("\n  {:>3}  {meaning}", exit.number()));
    format!("Exit status:{}", lines.collect::<String>())
}
