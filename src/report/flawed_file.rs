//! What could not be read completely, as `run.json` lists it: flawed files, sorted by how much was
//! lost, and missed containers (archives, disk images, volumes and shadow copies). The summary
//! shows both lists.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{FileReport, Loss};
use crate::ledger::container::ContainerReport;

/// The maximum number of flawed files (damaged, empty, unreadable, or not event logs), and of
/// missed containers (not read, or not completely), that `run.json` lists. The tables list all of
/// them.
pub const MOST_FLAWED: usize = 100;

/// A file that could not be read and understood completely: a damaged, empty or unreadable one, or
/// one that is not an event log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FlawedFile {
    /// The name of the piece of evidence that contains the file.
    pub evidence: String,
    /// The file's path from its root (a folder or file that was swept).
    pub source_path: String,
    /// What could be done with the file as a whole, such as `damaged` or `unreadable`.
    pub status: String,
    /// The number of lost bytes: those of damaged chunks, those that could not be read, and those
    /// of chunks that the file's header counts and the file does not have.
    pub lost_bytes: u64,
    /// The number of lost records: those that could not be decoded.
    pub lost_records: u64,
    /// How many problems the file has.
    pub problems: u64,
    /// The file's first problem; `null` if none is listed, because `status` says all that is known.
    pub first_problem: Option<FirstProblem>,
}

/// The first problem of a file or container that could not be read completely.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FirstProblem {
    /// The offset, in the file or container, at which the range with the problem starts, in bytes.
    pub offset: u64,
    /// The length of the range with the problem, in bytes; 0 if the problem has no known place.
    pub length: u64,
    /// The problem in words: what was expected, and what was found.
    pub problem: String,
}

impl FlawedFile {
    /// Makes the entry for a file in the list of flawed files. `evidence` is the name of the file's
    /// piece of evidence, and `source_path` the file's path from its root (a folder or file that
    /// was swept).
    #[must_use]
    pub fn new(evidence: &str, source_path: String, file: &FileReport) -> Self {
        let Loss { bytes, records } = file.loss();
        let first = file.problems().into_iter().next();
        FlawedFile {
            evidence: evidence.to_owned(),
            source_path,
            status: file.status().name().to_owned(),
            lost_bytes: bytes,
            lost_records: records,
            problems: file.problem_count(),
            first_problem: first.map(|problem| FirstProblem {
                offset: problem.offset,
                length: problem.length,
                problem: problem.damage.to_string(),
            }),
        }
    }

    /// Sorts the files by lost bytes and then by lost records, the greatest loss first, and keeps
    /// only the first hundred. Files with an equal loss stay in their order.
    pub fn keep_worst(files: &mut Vec<FlawedFile>) {
        files.sort_by_key(|file| std::cmp::Reverse((file.lost_bytes, file.lost_records)));
        files.truncate(MOST_FLAWED);
    }
}

/// A container (an archive, a disk image, a volume or a shadow copy) that could not be read, or not
/// completely, so that logs may be missing from the results.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MissedContainer {
    /// The name of the piece of evidence (usually what was collected from one machine) that the
    /// container (an archive, disk image, volume or shadow copy) belongs to.
    pub evidence: String,
    /// The path of the container from its root (a folder or file that was swept).
    pub source_path: String,
    /// The container's format, such as `zip`, `ewf` or `ntfs`.
    pub kind: String,
    /// How far the container was read, such as `partly` or `encrypted`.
    pub status: String,
    /// How many problems of the container are listed in the table of containers.
    pub problems: u64,
    /// The container's first problem; `null` if it has none.
    pub first_problem: Option<FirstProblem>,
}

impl MissedContainer {
    /// Returns an entry for each container that could not be read, or not completely: at most the
    /// first [`MOST_FLAWED`]. `containers` has each container with the name of its piece of
    /// evidence.
    pub fn among<'a>(containers: impl Iterator<Item = (&'a str, &'a ContainerReport)>) -> Vec<Self> {
        let missed = containers.filter(|(_, container)| container.is_missed()).take(MOST_FLAWED);
        let entry = |(evidence, container): (&str, &ContainerReport)| MissedContainer {
            evidence: evidence.to_owned(),
            source_path: container.source_path.clone(),
            kind: container.kind.clone(),
            status: container.status.name().to_owned(),
            problems: container.problems.len() as u64,
            first_problem: container.problems.first().map(|problem| FirstProblem {
                offset: problem.offset,
                length: problem.length,
                problem: problem.what.clone(),
            }),
        };
        missed.map(entry).collect()
    }
}
