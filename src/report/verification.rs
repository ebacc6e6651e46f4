//! The result of verifying an output, as text: a line for each difference that was found, and a
//! short summary.

use std::fmt::{self, Display, Write};
use std::path::PathBuf;

use super::escape::escaped;
use super::run::Run;
use super::wording::{counted, grouped};
use crate::config::Hashing;

/// A file of the output or of the evidence that differs from what `run.json` or the ledger
/// (`files.parquet`) records of it, with the difference. The command `verify` finds and prints such
/// differences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// The file that differs.
    pub file: ComparedFile,
    /// How the file differs from what `run.json` (for a file of the output) or the ledger
    /// `files.parquet` (for a file of the evidence) records of it.
    pub difference: Difference,
}

/// A file that the command `verify` compares with what a sweep recorded. Files of the sweep's
/// output are compared with `run.json`, and files of the evidence with the ledger
/// (`files.parquet`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComparedFile {
    /// A file of the output, by its path from the output directory.
    Output(String),
    /// A file of the evidence, by its piece of evidence and its path in it.
    Evidence {
        /// The name of the piece of evidence that contains the file.
        evidence: String,
        /// The file's path from its root (a folder or file that was swept).
        source_path: String,
    },
}

/// How a file differs from what `run.json` (for a file of the output) or the ledger `files.parquet`
/// (for a file of the evidence) records of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// `run.json` or the ledger (`files.parquet`) lists the file, but the file does not exist.
    Missing,
    /// The file exists, but neither `run.json` (for a file of the output) nor the ledger
    /// `files.parquet` (for a file of the evidence) lists it.
    Unlisted,
    /// Something other than a regular file, such as a folder, has the name that `run.json` or the
    /// ledger (`files.parquet`) lists.
    NotAFile,
    /// The file name that `run.json` lists leads out of the output directory, so the file was not
    /// opened.
    Outside,
    /// The file's size differs from the size that `run.json` or the ledger (`files.parquet`)
    /// records.
    Size {
        /// The size of the file that `run.json` or the ledger (`files.parquet`) records, in bytes.
        recorded: u64,
        /// The size of the file now, in bytes.
        found: u64,
    },
    /// The file has the size that `run.json` or the ledger (`files.parquet`) records, but another
    /// SHA-256, so its content differs.
    Content {
        /// The SHA-256 of the file that `run.json` or the ledger (`files.parquet`) records.
        recorded: String,
        /// The SHA-256 of the file's bytes now.
        found: String,
    },
    /// The table of the output has another number of rows than `run.json` records.
    Rows {
        /// The number of rows of the table that `run.json` records.
        recorded: u64,
        /// The number of rows that the table has now.
        found: u64,
    },
    /// The file has the name of the output's HTML page, `report.html`, but dnsweep did not make it.
    NoPage,
    /// The page (`report.html`) was made from another `run.json` than the one beside it.
    OtherRun {
        /// The SHA-256 of `run.json` that the page names.
        named: String,
        /// The SHA-256 of the `run.json` beside the page.
        found: String,
    },
    /// The page (`report.html`) differs from the page that dnsweep makes of the output. So somebody
    /// changed the page or a table.
    OtherPage,
    /// The file cannot be read or understood now, so it cannot be compared with what was recorded
    /// of it. Contains the reason.
    Unreadable(String),
    /// The ledger (`files.parquet`) differs from what `run.json` records, or is not listed in
    /// `run.json`. The evidence was therefore not compared with the ledger.
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
            Difference::NoPage => write!(f, "expected a page that dnsweep wrote, found something else"),
            Difference::OtherRun { named, found } => {
                write!(
                    f,
                    "expected the page of the run.json with SHA-256 {found}, found that of {}",
                    escaped(named)
                )
            }
            Difference::OtherPage => {
                write!(f, "differs from the page that dnsweep report --format html makes of this output")
            }
            Difference::Unreadable(reason) => write!(f, "cannot be read: {}", escaped(reason)),
            Difference::NoLedger => {
                write!(f, "differs from run.json, so that the evidence was not compared with it")
            }
        }
    }
}

/// How many files were compared with what `run.json` or the ledger (`files.parquet`) records of
/// them, and how many of these were found unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ComparisonCounts {
    /// The number of files that `run.json` or the ledger (`files.parquet`) records. All of them are
    /// compared.
    pub files: u64,
    /// The number of recorded files that were found unchanged.
    pub same: u64,
}

/// How much of the evidence was compared with the ledger (`files.parquet`), and how much was found
/// unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EvidenceComparison {
    /// The files that the sweep read, or should have read: the rows of `files.parquet`.
    pub files: ComparedFiles,
    /// The files that archives and disk images consist of, by `containers.parquet`. They are
    /// counted separately, because a sweep does not read most of their bytes.
    pub containers: ComparedFiles,
}

/// How many recorded files of the evidence were compared, and how many were found unchanged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ComparedFiles {
    /// The number of files of the evidence that the output records, and how many of them were found
    /// unchanged.
    pub all: ComparisonCounts,
    /// The size of all unchanged files of the evidence together, in bytes.
    pub bytes: u64,
    /// The number of unchanged files of the evidence that were compared by size only, because the
    /// ledger (`files.parquet`) has no hash for them.
    pub by_size_only: u64,
}

/// How much of its result the command `verify` prints.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ResultDetail {
    /// `verify` prints the differences between the files and what was recorded of them, and the
    /// numbers of files that were found unchanged.
    #[default]
    All,
    /// `verify` prints only the differences between the files and what was recorded of them, and
    /// which files could not be compared by content (`--quiet`).
    Discrepancies,
}

/// The result of comparing the page of an output (`report.html`) with the page that dnsweep makes
/// of the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ComparedPage {
    /// The page is the one that dnsweep makes of the output, byte by byte.
    Same,
    /// The page differs from the one that dnsweep makes of the output, or cannot be read.
    Different,
    /// The page names the `run.json` of this output, but what else it says could not be compared.
    /// Contains the reason.
    NamesRun(String),
}

/// The result of the command `verify`: of comparing the output of a sweep with its `run.json`, and
/// the evidence with the ledger (`files.parquet`).
#[derive(Debug)]
pub struct Verification {
    /// The output directory that was verified.
    pub directory: PathBuf,
    /// The SHA-256 of the output's `run.json`.
    pub run_sha256: String,
    /// What the output's `run.json` records; `None` if it cannot be read.
    pub recorded: Option<Run>,
    /// How many of the output's tables were compared with `run.json`, and how many of them are
    /// unchanged.
    pub outputs: ComparisonCounts,
    /// The result of comparing the page of the output, `report.html`; `None` if the output has no
    /// page.
    pub page: Option<ComparedPage>,
    /// How many of the evidence's files were compared with the ledger (`files.parquet`), and how
    /// many of them are unchanged. `None` if the evidence was not compared.
    pub evidence: Option<EvidenceComparison>,
    /// Every difference that was found, in the output and in the evidence.
    pub discrepancies: Vec<Discrepancy>,
}

impl Verification {
    /// Returns the result of the command `verify` as lines of text: all of it, or only the part
    /// that `shown` requests.
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
                    self.write_compared(text, "Evidence  ", "", evidence.files)?;
                    if evidence.containers.all.files > 0 {
                        self.write_compared(text, "", " of archives and disk images", evidence.containers)?;
                    }
                }
                None => writeln!(text, "Evidence    not compared")?,
            }
        }
        self.evidence.iter().try_for_each(|evidence| self.write_not_compared(text, *evidence))
    }

    /// Writes a line on how many files of the evidence are unchanged. `label` is the text at the
    /// start of the line; `what` is the kind of the files, to be written after their number.
    fn write_compared(
        &self,
        text: &mut String,
        label: &str,
        what: &str,
        compared: ComparedFiles,
    ) -> fmt::Result {
        let by = if self.has_hashes() { ", by SHA-256" } else { "" };
        let ComparisonCounts { files, same } = compared.all;
        let (same, files) = (grouped(same), counted(files, "file", "files"));
        let bytes = grouped(compared.bytes);
        writeln!(text, "{label:<11} {same} of {files}{what} unchanged, {bytes} bytes{by}")
    }

    fn write_output(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "Output      {}", escaped(&self.directory.display().to_string()))?;
        let ComparisonCounts { files, same } = self.outputs;
        writeln!(text, "            {} of {} unchanged", grouped(same), counted(files, "table", "tables"))?;
        match &self.page {
            None | Some(ComparedPage::Different) => {}
            Some(ComparedPage::Same) => {
                writeln!(text, "            report.html is the page of these tables")?;
            }
            Some(ComparedPage::NamesRun(reason)) => writeln!(
                text,
                "            report.html names this run.json; its text was NOT compared: {}",
                escaped(reason)
            )?,
        }
        writeln!(text, "run.json    SHA-256 {}", self.run_sha256)?;
        let Some(recorded) = &self.recorded else { return Ok(()) };
        let interrupted = if recorded.interrupted { ", INTERRUPTED" } else { "" };
        let (version, finished) = (escaped(&recorded.dnsweep), escaped(&recorded.finished));
        writeln!(text, "            of dnsweep {version}, finished {finished}{interrupted}")
    }

    /// Returns true if the sweep that wrote the output hashed the evidence (`--hash`). Only then
    /// can contents of evidence be compared.
    fn has_hashes(&self) -> bool {
        self.recorded.as_ref().is_some_and(|recorded| recorded.options.hashing == Hashing::Sha256)
    }

    /// Writes which files of the evidence could not be compared by content. This is shown even with
    /// `--quiet`, because without it a reader would take the contents for unchanged.
    fn write_not_compared(&self, text: &mut String, evidence: EvidenceComparison) -> fmt::Result {
        if !self.has_hashes() {
            return writeln!(
                text,
                "The content of evidence could NOT be compared, only names and sizes: it was swept without --hash"
            );
        }
        match evidence.files.by_size_only + evidence.containers.by_size_only {
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
