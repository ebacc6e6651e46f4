//! What the user typed, by `clap`; what it means is decided in `config`.

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
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Sweeps evidence: reads every event log in it and writes matches, hosts and a ledger as
    /// Parquet
    Sweep(SweepArguments),
    /// Verifies an output against its run.json, and evidence against the output's ledger; writes
    /// nothing
    Verify(VerifyArguments),
    /// Works with detections: lists, shows, checks, explains and tests them
    #[command(subcommand, after_help = exit_statuses(&crate::cli::exit::DETECTIONS_EXIT_STATUSES))]
    Detections(DetectionsCommand),
    /// Prints a page of the guide: what is read, what the outputs hold, what it all means; without
    /// TOPIC, the list of pages
    Guide(GuideArguments),
}

/// What to do with detections.
#[derive(Debug, Subcommand)]
pub enum DetectionsCommand {
    /// Lists detections: id, name, language, risk, and what a sweep can select by them
    List(CatalogArguments),
    /// Shows a detection: what it says of itself, its condition as a tree, and the literals that a
    /// match must hold
    Show(ShowArguments),
    /// Checks rule files: each runs, or why not; rules about other data and files without a rule
    /// are counted apart
    Check(CheckArguments),
    /// Explains what a detection makes of an event: its condition as a tree, with a verdict for
    /// each leaf
    Explain(ExplainArguments),
    /// Runs the tests of Splunk's rule files on the data sets that they name
    Test(TestArguments),
}

/// Where detections are.
#[derive(Debug, Clone, Default, Args)]
pub struct CatalogArguments {
    /// Rule files, and directories of such [default: the detection built in]
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
    /// The detection's id, its name, or a part of either that no other has; it may be left out
    /// where there is one detection. Then rule files, and directories of such [default: the
    /// detection built in]. What is a file or directory is taken for such
    #[arg(value_name = "DETECTION | PATH")]
    pub words: Vec<PathBuf>,

    /// The detection, also where a file or directory is called so
    #[arg(long, value_name = "DETECTION")]
    pub detection: Option<String>,

    /// Values for the placeholders of Sigma rules (%name%): a YAML file with a list of values for
    /// each name
    #[arg(long, value_name = "FILE")]
    pub placeholders: Option<PathBuf>,
}

impl ShowArguments {
    /// The detection, if one is named, and where to find it.
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
    /// Rule files, and directories of such
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
    /// The detection's id, its name, or a part of either that no other has [default: the only one]
    #[arg(long, value_name = "DETECTION")]
    pub detection: Option<String>,

    /// The name that is asked for
    #[arg(long, value_name = "NAME", required_unless_present = "event", conflicts_with = "event")]
    pub query_name: Option<String>,

    /// Path of the image of the process that asks
    #[arg(long, value_name = "PATH", conflicts_with = "event")]
    pub image: Option<String>,

    /// The event as JSON (- for standard input): an object of fields by their names, or as
    /// evtx_dump writes it
    #[arg(long, value_name = "FILE")]
    pub event: Option<PathBuf>,

    /// Where to find the detection.
    #[command(flatten)]
    pub catalog: CatalogArguments,
}

/// The arguments of `detections test`.
#[derive(Debug, Clone, Args)]
pub struct TestArguments {
    /// Rule files, and directories of such
    #[arg(value_name = "PATH", required = true)]
    pub paths: Vec<PathBuf>,

    /// Directory in which the data sets lie, by the ends of the paths that the rules name
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
    /// Directories and files to read; nothing is ever written there
    #[arg(value_name = "EVIDENCE")]
    pub evidence: Vec<PathBuf>,

    /// Directory to write the results to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,

    /// Read more evidence from the paths in FILE, NUL- or newline-separated (- for standard input)
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,

    /// Detection to look for: a rule file of Splunk's or Sigma's, or a directory of such; may be
    /// repeated [default: the one built in]
    #[arg(long, value_name = "PATH")]
    pub detection: Vec<PathBuf>,

    /// Values for the placeholders of Sigma rules (%name%): a YAML file with a list of values for
    /// each name
    #[arg(long, value_name = "FILE")]
    pub placeholders: Option<PathBuf>,

    /// Do not sweep, but exit with 2, if a rule in a directory of rules is refused (rules about
    /// other data are not)
    #[arg(long)]
    pub strict: bool,

    /// Exclusions of your own, a YAML file: matches that one holds for are no matches; may be
    /// repeated
    #[arg(long, value_name = "FILE")]
    pub allow: Vec<PathBuf>,

    /// Keep the rows of excluded matches, marked in the column excluded_by; they are counted
    /// nowhere as matches
    #[arg(long)]
    pub keep_excluded: bool,

    /// Also look in the log of Windows' own DNS client for names that the detections ask for, and
    /// for what rules about that log describe: leads, which are no matches
    #[arg(long)]
    pub dns_client: bool,

    /// Count only matches whose TimeCreated is not before T: RFC 3339, or a span back from now
    /// (14d). Of each host the tables and the summary say whether its DNS queries cover the period
    #[arg(long, value_name = "T", conflicts_with = "last")]
    pub since: Option<String>,

    /// Count only matches whose TimeCreated is not after T; without it, the period ends for each
    /// host with its last record
    #[arg(long, value_name = "T")]
    pub until: Option<String>,

    /// Count only matches of the last SPAN (14d, 36h); the same as --since SPAN
    #[arg(long, value_name = "SPAN")]
    pub last: Option<String>,

    /// How many threads decode [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// How many threads may list folders or read at once; 1 for a spinning disk or a network mount
    /// [default: all]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub readers: Option<u16>,

    /// How deep below an EVIDENCE directory the folders lie that are one machine's each: 0 the
    /// directory itself, 1 its children
    #[arg(long, value_name = "N")]
    pub evidence_depth: Option<usize>,

    /// Follow symbolic links; each file is then read once, whatever leads to it
    #[arg(long)]
    pub follow: bool,

    /// Also read files of any other name that begin like an event log, like a chunk of one, or like
    /// event XML
    #[arg(long)]
    pub any_name: bool,

    /// Decode every record, also those that cannot match: slower, with the same matches; also finds
    /// records that cannot be decoded in chunks whose checksums are right
    #[arg(long)]
    pub exhaustive: bool,

    /// Verify all checksums: of the records of every chunk, not only of those of which one is
    /// decoded or that are not in order
    #[arg(long)]
    pub checksums: bool,

    /// Add each file's SHA-256 to the ledger, taken of the same bytes that are searched
    #[arg(long)]
    pub hash: bool,

    /// Replace an earlier output of dnsweep; nothing but what dnsweep writes is removed
    #[arg(long)]
    pub force: bool,

    /// Let others read the output, as far as the umask does [default: only you can, as evidence is
    /// confidential]
    #[arg(long)]
    pub readable: bool,

    /// Also look through all other files (disk images, page files, memory dumps, unallocated space)
    /// for chunks of event logs
    #[arg(long)]
    pub carve: bool,

    /// Also look for deleted records, where no live record lies in a chunk; what they say is
    /// marked, and counted apart
    #[arg(long)]
    pub recover: bool,

    /// Go on from where an unfinished sweep to the same output was killed or interrupted; files
    /// that it has read are not read again if they still have their size and modification time
    #[arg(long)]
    pub resume: bool,

    /// Exit with 10 if there are matches
    #[arg(long)]
    pub fail_on_match: bool,

    /// Show neither progress nor talk; errors, and how many rules did not run, are still shown
    #[arg(long, short)]
    pub quiet: bool,

    /// Form of what is written to standard error
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

    /// The evidence that was swept, to be compared with the ledger: the same directories and files
    /// in the same order, wherever they are now
    #[arg(value_name = "EVIDENCE")]
    pub evidence: Vec<PathBuf>,

    /// Read more evidence from the paths in FILE, NUL- or newline-separated (- for standard input)
    #[arg(long, value_name = "FILE")]
    pub files_from: Option<PathBuf>,

    /// How many threads read evidence [default: one for each core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// Print only differences, and what could not be compared
    #[arg(long, short)]
    pub quiet: bool,

    /// Form of what is written to standard error
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

/// Accepts the topics of the guide. Where it meets another word, it names the nearest and lists
/// all.
fn topics() -> PossibleValuesParser {
    PossibleValuesParser::new(PAGES.map(|page| PossibleValue::new(page.topic).help(page.about)))
}

/// The form of what is written to standard error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Lines for people
    #[default]
    Text,
    /// A JSON object a line
    Json,
}

/// What the help of a sweep ends with: its exit statuses, and the verdicts on hosts.
fn sweep_help() -> String {
    let width = Verdict::ALL.iter().map(|verdict| verdict.name().len()).max().unwrap_or(0);
    let line = |verdict: &Verdict| format!("\n  {:width$}  {}", verdict.name(), verdict.seen());
    format!(
        "{}\n\nVerdicts on hosts (only `no matches` says something, and only of what was seen):{}",
        exit_statuses(&crate::cli::exit::EXIT_STATUSES),
        Verdict::ALL.iter().map(line).collect::<String>()
    )
}

fn exit_statuses(statuses: &[(Exit, &str)]) -> String {
    let lines = statuses.iter().map(|(exit, meaning)| format!("\n  {:>3}  {meaning}", exit.number()));
    format!("Exit status:{}", lines.collect::<String>())
}
