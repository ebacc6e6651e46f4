//! What verifying an output found, as text: a line for each finding, and a short summary.

use std::fmt::{self, Display, Write};
use std::path::PathBuf;

use super::escape::escaped;
use super::stated::Stated;
use super::wording::{counted, grouped};
use crate::config::Hashing;

/// Something that is not as stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// What it is about.
    pub place: Place,
    /// What is wrong with it.
    pub difference: Difference,
}

/// What a finding is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A file of the output, from its directory.
    Output(String),
    /// A file of the evidence.
    Evidence {
        /// The piece of evidence it belongs to.
        evidence: String,
        /// The file, from its root.
        source_path: String,
    },
}

/// What is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// It is stated but not there.
    Missing,
    /// It is there but not stated.
    Unlisted,
    /// What has its name is not a regular file.
    NotAFile,
    /// Its stated name leads out of the output.
    Outside,
    /// It has more or fewer bytes.
    Size {
        /// As many as stated.
        stated: u64,
        /// As many as there are.
        found: u64,
    },
    /// It has other bytes.
    Content {
        /// The SHA-256 that is stated.
        stated: String,
        /// That of the bytes that are there.
        found: String,
    },
    /// It has more or fewer rows.
    Rows {
        /// As many as stated.
        stated: u64,
        /// As many as there are.
        found: u64,
    },
    /// It cannot be read or understood, so that it cannot be compared.
    Unreadable(String),
    /// As it is not as stated, the evidence was not compared with it.
    NoLedger,
}

impl Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Place::Output(file) => write!(f, "output {}: ", escaped(file))?,
            Place::Evidence { evidence, source_path } => {
                write!(f, "evidence {}: {}: ", escaped(evidence), escaped(source_path))?;
            }
        }
        let list = if matches!(self.place, Place::Output(_)) { "run.json" } else { "the ledger" };
        match &self.difference {
            Difference::Missing => write!(f, "missing: expected a regular file, found none"),
            Difference::Unlisted => write!(f, "not listed in {list}"),
            Difference::NotAFile => write!(f, "expected a regular file, found something else"),
            Difference::Outside => {
                write!(f, "expected a file of the output, found a name that leads out of it")
            }
            Difference::Size { stated, found } => write!(f, "expected {stated} bytes, found {found}"),
            Difference::Content { stated, found } => {
                write!(f, "expected SHA-256 {}, found {found}", escaped(stated))
            }
            Difference::Rows { stated, found } => write!(f, "expected {stated} rows, found {found}"),
            Difference::Unreadable(reason) => write!(f, "cannot be read: {}", escaped(reason)),
            Difference::NoLedger => write!(f, "not as stated, so that the evidence was not compared with it"),
        }
    }
}

/// How many of some files are as stated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Compared {
    /// Files that are stated.
    pub files: u64,
    /// Of these, those in which no difference was found.
    pub same: u64,
}

/// How much of the evidence was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct EvidenceCompared {
    /// All files of the ledger.
    pub all: Compared,
    /// The bytes of those that are the same.
    pub bytes: u64,
    /// Of the `same`, those whose content could not be compared, as the ledger has no hash of it.
    pub by_size_only: u64,
}

/// What is printed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Shown {
    /// Findings and the summary.
    #[default]
    All,
    /// Findings, and what could not be compared.
    Findings,
}

/// What verifying an output found.
#[derive(Debug)]
pub struct Verification {
    /// The output.
    pub directory: PathBuf,
    /// The SHA-256 of its `run.json`.
    pub run_sha256: String,
    /// What that states, if it can be read.
    pub stated: Option<Stated>,
    /// Its tables.
    pub outputs: Compared,
    /// The evidence, if it was compared.
    pub evidence: Option<EvidenceCompared>,
    /// What is not as stated.
    pub findings: Vec<Discrepancy>,
}

impl Verification {
    /// All of it, or the findings, as lines.
    #[must_use]
    pub fn text(&self, shown: Shown) -> String {
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = self.write(&mut text, shown);
        text
    }

    fn write(&self, text: &mut String, shown: Shown) -> fmt::Result {
        if shown == Shown::All {
            match self.findings.len() as u64 {
                0 => writeln!(text, "What was compared is as stated")?,
                count => writeln!(text, "NOT as stated: {}", counted(count, "finding", "findings"))?,
            }
        }
        self.findings.iter().try_for_each(|finding| writeln!(text, "{finding}"))?;
        if shown == Shown::All {
            self.write_output(text)?;
            match &self.evidence {
                Some(evidence) => {
                    let by = if self.has_hashes() { ", by SHA-256" } else { "" };
                    let Compared { files, same } = evidence.all;
                    let (same, files) = (grouped(same), counted(files, "file", "files"));
                    writeln!(
                        text,
                        "Evidence    {same} of {files} as stated, {} bytes{by}",
                        grouped(evidence.bytes)
                    )?;
                }
                None => writeln!(text, "Evidence    not compared")?,
            }
        }
        self.evidence.iter().try_for_each(|evidence| self.write_lack(text, *evidence))
    }

    fn write_output(&self, text: &mut String) -> fmt::Result {
        writeln!(text, "Output      {}", escaped(&self.directory.display().to_string()))?;
        let Compared { files, same } = self.outputs;
        writeln!(text, "            {} of {} as stated", grouped(same), counted(files, "table", "tables"))?;
        writeln!(text, "run.json    SHA-256 {}", self.run_sha256)?;
        let Some(stated) = &self.stated else { return Ok(()) };
        let interrupted = if stated.interrupted { ", INTERRUPTED" } else { "" };
        let (version, finished) = (escaped(&stated.dnsweep), escaped(&stated.finished));
        writeln!(text, "            of dnsweep {version}, finished {finished}{interrupted}")
    }

    /// Whether the evidence was hashed.
    fn has_hashes(&self) -> bool {
        self.stated.as_ref().is_some_and(|stated| stated.options.hashing == Hashing::Sha256)
    }

    /// Says so where content could not be compared: also to those who want to see findings only, as
    /// silence would mean that it is the same.
    fn write_lack(&self, text: &mut String, evidence: EvidenceCompared) -> fmt::Result {
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
    fn a_finding_is_a_line_whatever_it_is_about() {
        let place = Place::Evidence { evidence: "a\x1b[2J".to_owned(), source_path: "b\n.evtx".to_owned() };
        for difference in [
            Difference::Missing,
            Difference::Content { stated: "\x1b\n".to_owned(), found: String::new() },
            Difference::Unreadable("\x1b\n".to_owned()),
        ] {
            let line = Discrepancy { place: place.clone(), difference }.to_string();
            assert!(line.starts_with("evidence a\\u{1b}[2J: b\\u{a}.evtx: "), "{line}");
            assert!(!line.contains(['\x1b', '\n']), "{line}");
        }
        let line =
            Discrepancy { place: Place::Output("\x1b\n".to_owned()), difference: Difference::Unlisted };
        assert_eq!(line.to_string(), "output \\u{1b}\\u{a}: not listed in run.json");
    }
}
