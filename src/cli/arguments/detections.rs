//! The arguments of the commands `dnsweep detections`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::request::ListArguments;

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
    /// Rule files, and directories of rule files [default: the built-in detection, without --iocs]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub lists: ListArguments,

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

    #[command(flatten)]
    pub lists: ListArguments,

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
    #[arg(value_name = "PATH", required_unless_present = "iocs")]
    pub paths: Vec<PathBuf>,

    #[command(flatten)]
    pub lists: ListArguments,

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
    #[arg(value_name = "PATH", required_unless_present = "iocs")]
    pub paths: Vec<PathBuf>,

    /// Directory with the data sets (files of recorded events); a data set's file is found by the
    /// end of the path that the rule names
    #[arg(long, value_name = "DIR")]
    pub data: PathBuf,

    #[command(flatten)]
    pub lists: ListArguments,

    /// Values for the placeholders of Sigma rules (%name%): a YAML file with a list of values for
    /// each name
    #[arg(long, value_name = "FILE")]
    pub placeholders: Option<PathBuf>,
}
