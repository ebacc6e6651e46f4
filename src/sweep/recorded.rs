//! The output of a finished sweep, opened again: its `run.json` and its tables.

use std::fs;
use std::path::{Path, PathBuf};

use super::SCHEMA_VERSION;
use crate::base::digest::sha256;
use crate::base::path_text::path_text;
use crate::base::platform::files::{Link, MOST_LIST_BYTES, read_at_most};
use crate::output::{OutputTables, RUN_FILE, partial_directory};
use crate::report::answer::{Answer, AnswerError, Question, Risk, RiskQuestion};
use crate::report::{OutputRecord, Run, RunNotRead, page};

/// The output of a sweep: the directory, and what its `run.json` says.
#[derive(Debug)]
pub struct RecordedOutput {
    /// The path of the output directory, with symbolic links resolved.
    pub directory: PathBuf,
    /// The SHA-256 of `run.json`, in hexadecimal digits.
    pub run_sha256: String,
    /// What `run.json` records of the sweep, or the reason why it is damaged.
    pub run: Result<Run, String>,
}

/// Why the output of a sweep cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum OutputNotRead {
    /// The directory is not an output of dnsweep.
    #[error("'{}': expected an output of dnsweep, found {found}", path.display())]
    NotAnOutput {
        /// The path of the directory, as typed.
        path: PathBuf,
        /// What was found in the directory instead of an output of dnsweep.
        found: String,
    },
    /// The output has a schema version (a version of the layout of tables and `run.json`) that this
    /// dnsweep does not read.
    #[error("'{}': expected schema version {known} in run.json, found {found}: use the dnsweep that wrote it", path.display())]
    SchemaVersion {
        /// The path of the output directory, as typed.
        path: PathBuf,
        /// The schema version of this dnsweep.
        known: u32,
        /// The schema version that the output's `run.json` states.
        found: String,
    },
    /// A file of the output is missing or damaged.
    #[error("'{}': expected a complete output, found {found}: dnsweep verify says what differs", path.display())]
    Incomplete {
        /// The path of the output directory.
        path: PathBuf,
        /// Which file of the output is missing or damaged, and what is wrong with it.
        found: String,
    },
}

impl RecordedOutput {
    /// Reads the `run.json` of the output `out`. If it is damaged, that is not an error: the field
    /// `run` then has the reason.
    pub fn open(out: &Path) -> Result<Self, OutputNotRead> {
        let json = run_json(out)?;
        let run = match Run::parse(&json, SCHEMA_VERSION) {
            Ok(run) => Ok(run),
            Err(RunNotRead::Damaged(reason)) => Err(reason),
            Err(RunNotRead::Foreign) => return Err(not_an_output(out, "a run.json that is not of dnsweep")),
            Err(RunNotRead::Version(found)) => {
                let path = out.to_path_buf();
                return Err(OutputNotRead::SchemaVersion { path, known: SCHEMA_VERSION, found });
            }
        };
        // The path without links, as in the messages of a sweep. The directory exists, because its
        // run.json was read.
        let directory = fs::canonicalize(out).unwrap_or_else(|_| out.to_path_buf());
        Ok(RecordedOutput { directory, run_sha256: sha256(&json), run })
    }

    /// Reads the answer to `question` from the tables of the output. It is an error if a table of
    /// the output is missing or has another size than `run.json` records. The contents of the
    /// tables are not verified.
    pub fn answer(self, question: &Question) -> Result<Answer, OutputNotRead> {
        self.read(|run, _, tables| Answer::read(run, tables, question))
    }

    /// Reads the risk of hosts and users from the tables of the output, and returns it with what
    /// `run.json` records. The errors are those of [`RecordedOutput::answer`].
    pub fn risk(self, question: RiskQuestion<'_>) -> Result<(Run, Risk), OutputNotRead> {
        self.read(|run, _, tables| Risk::read(&run, tables, question).map(|risk| (run, risk)))
    }

    /// Makes the page of the output, which shows it to people, as HTML. It is an error if a table
    /// of the output is missing or has another size than `run.json` records. The contents of the
    /// tables are not verified.
    pub fn page(self) -> Result<String, OutputNotRead> {
        self.read(|run, run_sha256, tables| page(run, run_sha256, tables))
    }

    /// Calls `read` with the output's `run.json`, the SHA-256 of that file, and the tables. It is
    /// an error if a table of the output is missing or has another size than `run.json` records.
    fn read<T>(
        self,
        read: impl FnOnce(Run, &str, &OutputTables) -> Result<T, AnswerError>,
    ) -> Result<T, OutputNotRead> {
        let CompleteOutput { directory, run_sha256, run, tables } = self.complete()?;
        read(run, &run_sha256, &tables)
            .map_err(|error| OutputNotRead::Incomplete { path: directory, found: error.to_string() })
    }

    /// Returns the output with its tables. It is an error if a table of the output is missing or
    /// has another size than `run.json` records. The contents of the tables are not verified, and
    /// the copies of tables that are divided by host are not looked at.
    pub fn complete(self) -> Result<CompleteOutput, OutputNotRead> {
        let RecordedOutput { directory, run_sha256, run } = self;
        let incomplete = |found: String| OutputNotRead::Incomplete { path: directory.clone(), found };
        let run = run.map_err(|reason| incomplete(format!("a {RUN_FILE} that cannot be read: {reason}")))?;
        for record in &run.outputs {
            difference(&directory, record).map_or(Ok(()), |found| Err(incomplete(found)))?;
        }
        let tables = OutputTables::new(&directory);
        Ok(CompleteOutput { directory, run_sha256, run, tables })
    }
}

/// The output of a sweep. Each of its tables exists with the size that `run.json` records.
#[derive(Debug)]
pub struct CompleteOutput {
    /// The path of the output directory, with symbolic links resolved.
    pub directory: PathBuf,
    /// The SHA-256 of `run.json`, in hexadecimal digits.
    pub run_sha256: String,
    /// What `run.json` records of the sweep.
    pub run: Run,
    /// The tables of the output.
    pub tables: OutputTables,
}

/// Compares a file of an output with `record`, the file's entry in `run.json`. Returns what is
/// wrong, in words; `None` if the file exists with the recorded size.
fn difference(directory: &Path, record: &OutputRecord) -> Option<String> {
    match fs::symlink_metadata(directory.join(&record.file)) {
        Err(error) => Some(format!("no {}: {error}", record.file)),
        Ok(metadata) if !metadata.is_file() => Some(format!("a {} that is no file", record.file)),
        Ok(metadata) if metadata.len() != record.bytes => {
            Some(format!("a {} of {} bytes instead of {}", record.file, metadata.len(), record.bytes))
        }
        Ok(_) => None,
    }
}

/// Reads the bytes of the `run.json` in the output `out`. If it cannot be read, the error says that
/// `out` is not an output of dnsweep.
fn run_json(out: &Path) -> Result<Vec<u8>, OutputNotRead> {
    // A link could lead anywhere, and a pipe may have no end.
    read_at_most(&out.join(RUN_FILE), Link::Refused, MOST_LIST_BYTES).map_err(|error| {
        let partial = partial_directory(out);
        let found = format!("no {RUN_FILE} that can be read: {error}");
        if partial.is_dir() {
            let partial = path_text(&partial);
            let unfinished = "what an unfinished sweep has read, which sweep --resume completes";
            not_an_output(out, &format!("{found}; '{partial}' contains {unfinished}"))
        } else {
            not_an_output(out, &found)
        }
    })
}

fn not_an_output(out: &Path, found: &str) -> OutputNotRead {
    OutputNotRead::NotAnOutput { path: out.to_path_buf(), found: found.to_owned() }
}
