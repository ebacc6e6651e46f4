//! Usage errors, and the errors that end a command of the program.

use std::io;
use std::path::PathBuf;

use crate::config::{PeriodError, RequestError, RulesError};
use crate::error::SweepError;
use crate::event::TimeError;
use crate::evidence::EvidenceError;
use crate::output::{OutputError, PartsError};
use crate::report::export::{NoTable, TableName};
use crate::report::show::NotFound;
use crate::sweep::OutputNotRead;
use crate::verify::VerifyError;

/// A usage error: an argument on the command line that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// The file with a list of paths (`--files-from`) cannot be read.
    #[error("--files-from '{}': {source}", path.display())]
    FilesFrom {
        /// The path of the file with the list of paths, as typed.
        path: PathBuf,
        /// The error of the system, which says why the list cannot be read.
        source: io::Error,
    },
    /// The file with an event (`--event`) cannot be read, or is not an event.
    #[error("--event '{}': {reason}", path.display())]
    Event {
        /// The path of the file with the event, as typed.
        path: PathBuf,
        /// Why the file with the event cannot be read, or is not an event.
        reason: String,
    },
    /// The output of a sweep has no host of the name that the user gave (`--host`).
    #[error("--host '{0}': the output has no host of this name; report --format csv lists all hosts")]
    Host(String),
    /// The events that the user asked for (`dnsweep show`) are not in the output, or are not the
    /// only ones that fit what the user typed. Contains the reason.
    #[error(transparent)]
    Events(NotFound),
    /// The text that the user gave for a span of time (`--last`) is not a span of time. A valid one
    /// is `7d`.
    #[error("--last {0}")]
    Span(#[from] TimeError),
    /// The file for a report (`--output`) cannot be written, or lies in the output that is reported
    /// on or in the evidence.
    #[error("--output '{}': {source}", path.display())]
    ReportFile {
        /// The path of the file for the report, as typed.
        path: PathBuf,
        /// Why the file for the report cannot be written.
        source: io::Error,
    },
    /// `--format markdown` was given for a JSON Schema, which is only printed as JSON.
    #[error("--format markdown: expected the subject tables; a JSON Schema is JSON")]
    SchemaFormat,
    /// `--format html` was given with `--host` or `--risk`, but the HTML page always shows the
    /// whole output.
    #[error(
        "--format html: expected neither --host nor --risk: the page shows the whole output, each host with matches in it"
    )]
    PageOfPart,
    /// The table that is to be exported (`--table`) is not in the output.
    #[error("--table {table}: {reason}")]
    Table {
        /// The name of the table to export, as typed.
        table: TableName,
        /// Why the output does not have the table, and what to do.
        reason: NoTable,
    },
    /// The table to export (`--table`) has no events, but the format (`--to`) can only have events.
    /// Contains the table's name.
    #[error(
        "--table {0}: expected matches or leads in this format, which has events: give --to csv or --to jsonl"
    )]
    NoEvents(TableName),
    /// The file to which an export is to be written (`-o`) cannot be used.
    #[error("-o '{}': {reason}", path.display())]
    ExportFile {
        /// The path of the file for the export, as typed.
        path: PathBuf,
        /// Why the file for the export cannot be used, and what to do.
        reason: String,
    },
    /// The path of the directory with data sets (`--data`) does not name a directory.
    #[error("--data '{}': expected a directory", .0.display())]
    Data(PathBuf),
    /// `dnsweep man` was asked for the page of a command that does not exist.
    #[error("'{name}': expected a command, one of {known}")]
    Command {
        /// The name that was typed for a command.
        name: String,
        /// The names of the commands that exist, one of which was expected instead.
        known: String,
    },
    /// `--part FILE`, which names the file for the results of a shard, was given without `--plan`.
    /// Contains the path of the file.
    #[error(
        "--part '{}': expected --plan and --shard with it; without a plan, --part takes no file and leaves part.dnsweep in the output: put it after the evidence",
        .0.display()
    )]
    PartWithoutPlan(PathBuf),
    /// `--plan` was given without `--part FILE`, the file to which the results of the shard are
    /// written.
    #[error("--plan: expected --part FILE, the file to write the part of the shard to; found none")]
    PlanWithoutPart,
    /// `--shard` has a number that is greater than the number of the plan's shards, the portions
    /// into which the plan divides the evidence.
    #[error("--shard {shard}: expected a number from 1 to {shards}, the number of shards of the plan")]
    Shard {
        /// The number of the shard, as typed.
        shard: u32,
        /// The number of the plan's shards.
        shards: u32,
    },
    /// The value of `--remap`, which says that evidence has another path on this machine, does not
    /// have the form `OLD=NEW`. Contains the value as typed.
    #[error("--remap '{0}': expected OLD=NEW: a path in the plan, and the path of the same files here")]
    Remap(String),
    /// No root of the plan begins with the path `OLD` of `--remap OLD=NEW`, which says that
    /// evidence has another path on this machine.
    #[error(
        "--remap '{old}': expected a path that a root of the plan begins with, found none; the plan has {roots}"
    )]
    NoRoot {
        /// The path `OLD` as typed.
        old: String,
        /// The first few roots of the plan (the folders and files of its evidence), separated by
        /// commas.
        roots: String,
    },
    /// `--resume` was given without `--out`, which names the output of the sweep to resume.
    #[error("--resume: expected --out with the output of the unfinished sweep; found none")]
    ResumeWithoutOutput,
}

/// An error that ends a command of the program. Its message is printed to standard error.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// An argument on the command line cannot be used.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A sweep cannot begin or finish.
    #[error(transparent)]
    Sweep(#[from] SweepError),
    /// The output of a sweep cannot be read.
    #[error(transparent)]
    Output(#[from] OutputNotRead),
    /// The output of a sweep cannot be verified.
    #[error(transparent)]
    Verify(#[from] VerifyError),
}

/// Implements the conversion of error types to [`CommandError`], so that commands can use `?`. The
/// types are errors of the stages of a sweep; each is first converted to [`SweepError`].
macro_rules! of_a_sweep {
    ($($error:ty),*) => {
        $(impl From<$error> for CommandError {
            fn from(error: $error) -> Self {
                CommandError::Sweep(error.into())
            }
        })*
    };
}
of_a_sweep!(EvidenceError, OutputError, PartsError, PeriodError, RequestError, RulesError);
