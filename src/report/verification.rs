//! The result of verifying an output, as text: a line for each discrepancy, and a short summary.

use std::fmt::{self, Display, Write};
use std::path::PathBuf;

use super::escape::escaped;
use super::recorded_run::RecordedRun;
use super::wording::{counted, grouped};
use crate::config::Hashing;

/// A file that differs from what `run.json` or the ledger records of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// The file that differs.
    pub file: ComparedFile,
    /// How the file differs.
    pub difference: Difference,
}

/// A file that was compared: of the output with `run.json`, or of the evidence with the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComparedFile {
    /// A file of the output, by its path from the output directory.
    Output(String),
    /// A file of the evidence.
    Evidence {
        /// The piece of evidence that the file belongs to.
        evidence: String,
        /// The file's path from its root.
        source_path: String,
    },
}

/// How a file differs from what is recorded of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// The file is recorded, but is not there.
    Missing,
    /// The file is there, but is not recorded.
    Unlisted,
    /// The name belongs to something other than a regular file, such as a folder.
    NotAFile,
    /// The recorded name leads out of the output directory, so that the file was not opened.
    Outside,
    /// The file's size differs from the recorded one.
    Size {
        /// The recorded size in bytes.
        recorded: u64,
        /// The size found, in bytes.
        found: u64,
    },
    /// The file has the recorded size, but other content.
    Content {
        /// The recorded SHA-256.
        recorded: String,
        /// The SHA-256 of the file's bytes now.
        found: String,
    },
    /// The table has another number of rows than recorded.
    Rows {
        /// The recorded number of rows.
        recorded: u64,
        /// The number of rows found.
        found: u64,
    },
    /// The file cannot be read or understood, so that it cannot be compared. Contains the reason.
    Unreadable(String),
    /// The ledger differs from `run.json` or is not listed there, so that the evidence was not
    /// compared with it.
    NoLedger,
}

impl Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            ComparedFile::Output(file) => write!(f, "output {}: ", escaped(file))?,
            ComparedFile::Evidence { evidence, source_path } => {
                write!(f, "evidence {}: {}: ", escaped(evidence), escaped(source_path))?;
            }
        }
        let list = if matches!(self.file, ComparedFile::Output(_)) { "run.json" } else { "the ledger" };
        match &self.difference {
            Difference::Missing => write!(f, "missing: expected a regular file, found none"),
            Difference::Unlisted => write!(f, "not listed in {list}"),
            Difference::NotAFile => write!(f, "expected a regular file, found something else"),
            Difference::Outside => {
                write!(f, "expected a file of the output, found a name that leads out of it")
            }
            Difference::Size { recorded, found } => write!(f, "expected {recorded} bytes, found {found}"),
            Difference::Content { recorded, found } => {
                write!(f, "expected SHA-256 {}, found {found}", escaped(recorded))
            }
            Difference::Rows { recorded, found } => write!(f, "expected {recorded} rows, found {found}"),
            Difference::Unreadable(reason) => write!(f, "cannot be read: {}", escaped(reason)),
            Difference::NoLedger => {
                write!(f, "differs from run.json, so that the evidence was not compared with it")
            }
        }
    }
}

/// How many recorded files were compared, and how many of them were found unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ComparisonCounts {
    /// The number of recorded files.
    pub files: u64,
    /// The number of files in which no difference was found.
    pub same: u64,
}

/// How much of the evidence was compared with the ledger, and how much was found unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EvidenceComparison {
    /// The counts of the ledger's files.
    pub all: ComparisonCounts,
    /// The size of the unchanged files in bytes.
    pub bytes: u64,
    /// How many of the unchanged files were compared by size only, because the ledger has no hash
    /// for them.
    pub by_size_only: u64,
}

/// How much of a verification's result is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResultDetail {
    /// The discrepancies and the summary.
    #[default]
    All,
    /// The discrepancies, and which contents could not be compared (`--quiet`).
    Discrepancies,
}

/// The result of comparing an output with its `run.json`, and evidence with the ledger.
#[derive(Debug)]
pub struct Verification {
    /// The output directory that was verified.
    pub directory: PathBuf,
    /// The SHA-256 of the output's `run.json`.
    pub run_sha256: String,
    /// What `run.json` records; `None` if it cannot be read.
    pub recorded: Option<RecordedRun>,
    /// The counts of the output's tables.
    pub outputs: ComparisonCounts,
    /// The counts of the evidence's files; `None` if the evidence was not compared.
    pub evidence: Option<EvidenceComparison>,
    /// Every difference that was found.
    pub discrepancies: Vec<Discrepancy>,
}

impl Verification {
    /// Returns the result as lines of text: all of it, or the discrepancies alone.
    #[must_use]
    pub fn text(&self, shown: ResultDetail) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = self.write(&mut text, shown);
        text
    }

    fn write(&self, text: &mut String, shown: ResultDetail) -> fmt::Result {
        if shown == ResultDetail::All {
            match self.discrepancies.len() as u64 {
                0 => writeln!(text, "No difference found in what was compared")?,
                count => writeln!(text, "DIFFERENT: {}", counted(count, "difference", "differences"))?,
            }
        }
        self.discrepancies.iter().try_for_each(|discrepancy| writeln!(text, "{discrepancy}"))?;
        if shown == ResultDetail::All {
            self.write_output(text)?;
            match &self.evidence {
                Some(evidence) => {
                    let by = if self.has_hashes() { ", by SHA-256" } else { "" };
                    let ComparisonCounts { files, same } = evidence.all;
                    let (same, files) = (grouped(same), counted(files, "file", "files"));
                    writeln!(
                        text,
                        "Evidence    {same} of {files} unchanged, {} bytes{by}",
                        grouped(evidence.bytes)
                    )?;
                }
                None => writeln!(text, "Evidence    not compared")?,
            }
        }
        self.evidence.iter().try_for_each(|evidence| self.write_not_compared(text, *evidence))
    }

    fn write_output(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "Output      {}", escaped(&self.directory.display().to_string()))?;
        let ComparisonCounts { files, same } = self.outputs;
        writeln!(text, "            {} of {} unchanged", grouped(same), counted(files, "table", "tables"))?;
        writeln!(text, "run.json    SHA-256 {}", self.run_sha256)?;
        let Some(recorded) = &self.recorded else { return Ok(()) };
        let interrupted = if recorded.interrupted { ", INTERRUPTED" } else { "" };
        let (version, finished) = (escaped(&recorded.dnsweep), escaped(&recorded.finished));
        writeln!(text, "            of dnsweep {version}, finished {finished}{interrupted}")
    }

    /// Returns true if the sweep hashed the evidence (`--hash`), so that contents can be compared.
    fn has_hashes(&self) -> bool {
        self.recorded.as_ref().is_some_and(|recorded| recorded.options.hashing == Hashing::Sha256)
    }

    /// Writes which contents could not be compared. `--quiet` shows this too, because silence would
    /// mean that they are the same.
    fn write_not_compared(&self, text: &mut String, evidence: EvidenceComparison) -> fmt::Result {
        if !self.has_hashes() {
            return writeln!(
                text,
                "The content of evidence could NOT be compared, only names and sizes: it was swept without --hash"
            );
        }
        match evidence.by_size_only {
            0 => Ok(()),
            count => writeln!(
                text,
                "The content of {} could NOT be compared, only the size: not all could be read when it was swept",
                counted(count, "file", "files")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_discrepancy_is_one_line_whatever_the_names() {
        let file =
            ComparedFile::Evidence { evidence: "a\x1b[2J".to_owned(), source_path: "b\n.evtx".to_owned() };
        for difference in [
            Difference::Missing,
            Difference::Content { recorded: "\x1b\n".to_owned(), found: String::new() },
            Difference::Unreadable("\x1b\n".to_owned()),
        ] {
            let line = Discrepancy { file: file.clone(), difference }.to_string();
            assert!(line.starts_with("evidence a\\u{1b}[2J: b\\u{a}.evtx: "), "{line}");
            assert!(!line.contains(['\x1b', '\n']), "{line}");
        }
        let line =
            Discrepancy { file: ComparedFile::Output("\x1b\n".to_owned()), difference: Difference::Unlisted };
        assert_eq!(line.to_string(), "output \\u{1b}\\u{a}: not listed in run.json");
    }
}
