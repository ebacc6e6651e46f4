//! What is known of one container: an archive, a disk image, a volume or a shadow copy. It is plain
//! data, of which [`crate::report`] makes table rows.

use serde::{Deserialize, Serialize};

use crate::event::EventTime;

/// The maximum number of problems that are listed for one container. Further problems are dropped,
/// because a crafted container can have any number of them.
const MOST_PROBLEMS: usize = 1000;

/// The word for a shadow copy in the column `kind` of `containers.parquet`, which names the format
/// of each container.
pub const SHADOW_COPY: &str = "shadow copy";

/// How far a container (an archive, a disk image, a volume or a shadow copy) was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ContainerStatus {
    /// The container was listed to its end, and no problem with it was found.
    Read,
    /// A part of the container is missing or damaged. The rest of the container was read.
    Partly,
    /// The container cannot be read: it is damaged, or not what its name or first bytes say.
    Unreadable,
    /// The container's content is encrypted and could not be decrypted.
    Encrypted,
    /// The container has a format, or uses a feature of a format, that dnsweep does not read.
    Unsupported,
    /// The container was left out on purpose: a shadow copy without `--vss`, or a partition in
    /// which Windows keeps no logs.
    NotLookedAt,
    /// The sweep was interrupted before the container was listed to its end.
    NotRead,
}

impl ContainerStatus {
    /// All statuses, in the order in which the summary of a sweep states how many containers have
    /// each.
    pub const ALL: [ContainerStatus; 7] = [
        ContainerStatus::Read,
        ContainerStatus::Partly,
        ContainerStatus::Unreadable,
        ContainerStatus::Encrypted,
        ContainerStatus::Unsupported,
        ContainerStatus::NotLookedAt,
        ContainerStatus::NotRead,
    ];

    /// Returns the word for this status in the column `status` of `containers.parquet`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ContainerStatus::Read => "read",
            ContainerStatus::Partly => "partly",
            ContainerStatus::Unreadable => "unreadable",
            ContainerStatus::Encrypted => "encrypted",
            ContainerStatus::Unsupported => "unsupported",
            ContainerStatus::NotLookedAt => "not looked at",
            ContainerStatus::NotRead => "not read",
        }
    }

    /// Returns true if this status means that nothing in the container was read: for every status
    /// but `Read` and `Partly`.
    #[must_use]
    pub fn is_unread(self) -> bool {
        !matches!(self, ContainerStatus::Read | ContainerStatus::Partly)
    }
}

/// A further file of a container that consists of several files: not the one that gives the
/// container its name. An example is a segment of a disk image after the first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerPart {
    /// The name of this further file of the container, without its folder.
    pub name: String,
    /// The SHA-256 of this further file of the container, in hexadecimal; `None` if evidence is not
    /// hashed, or the file could not be read.
    pub sha256: Option<String>,
}

/// What is wrong with a range of bytes of a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerProblem {
    /// The offset at which the range with the problem starts, in bytes. It counts from the start of
    /// the disk or volume for a container that is a disk image, a volume or a shadow copy, and
    /// otherwise from the start of the container's file.
    pub offset: u64,
    /// The length of the range with the problem, in bytes; 0 if the problem has no known place.
    pub length: u64,
    /// The problem in words: what was expected, and what was found.
    pub what: String,
}

impl ContainerProblem {
    /// Returns a problem with the container as a whole, or with a place in the container that is
    /// not known. `what` is the problem in words.
    #[must_use]
    pub fn whole(what: impl Into<String>) -> Self {
        ContainerProblem { offset: 0, length: 0, what: what.into() }
    }
}

/// What a container, or the collector that wrote the container, says of its own origin. dnsweep
/// does not verify any of these statements.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// The name of the host that the container's content comes from, as the container or its
    /// collector states it; `None` if nothing states it.
    pub host: Option<String>,
    /// The MD5 of the disk in an image, in hexadecimal; `None` if the image does not state it.
    pub md5: Option<String>,
    /// The SHA-1 of the disk in an image, in hexadecimal; `None` if the image does not state it.
    pub sha1: Option<String>,
    /// All other statements of the container about its origin as (name, value), such as the case
    /// number, the examiner, and notes.
    pub notes: Vec<(String, String)>,
}

/// Where a file of the evidence comes from, as the container around the file states it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The file's path on the host that it was collected from, as the collector or the volume
    /// states it; `None` if nothing states it.
    pub original_path: Option<String>,
    /// When the shadow copy was made from which the file was read. The file can also lie in a
    /// container, for example an archive, of that shadow copy. `None` if it was not read from a
    /// shadow copy.
    pub snapshot_time: Option<EventTime>,
    /// True if the file, or a container that it lies in, was deleted in its volume, and is read
    /// from where its bytes still lie.
    pub deleted: bool,
}

impl Origin {
    /// The origin of a file that lies in a plain folder: nothing is known about where the file was
    /// collected.
    pub const UNKNOWN: Origin = Origin { original_path: None, snapshot_time: None, deleted: false };
}

impl Default for &Origin {
    fn default() -> Self {
        &Origin::UNKNOWN
    }
}

/// The account of one container: where the container lies, how far it was read, and what is wrong
/// with it. It becomes a row of `containers.parquet`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContainerReport {
    /// The path of the container from its root, which is the folder or file of evidence that the
    /// user named. For a container in another one, the path of that one, `!`, and the path there.
    pub source_path: String,
    /// The container's format in a word, such as `zip`, `ewf` or `ntfs`.
    pub kind: String,
    /// The size of the container in bytes. The size of a disk image is that of the disk in it.
    pub size: u64,
    /// How far the container was read.
    pub status: ContainerStatus,
    /// What is wrong with the container: the first thousand problems that were found.
    pub problems: Vec<ContainerProblem>,
    /// What the container states of its own origin, such as the name of the host. dnsweep does not
    /// verify this.
    pub stated: Statement,
    /// When the container was made, as the container itself states it; `None` if it does not.
    /// Shadow copies and some disk images state it.
    pub created: Option<EventTime>,
    /// The number of files in an archive, a volume or a shadow copy, including those deleted files
    /// that are read. It is 0 for a disk image, whose files are counted for its volumes.
    pub files: u64,
    /// The number of files in the container that are read as logs.
    pub logs: u64,
    /// The number of files in the container that are read as logs, but are encrypted, so that they
    /// cannot be read.
    pub encrypted_logs: u64,
    /// The further files that the container consists of, such as the segments of a disk image after
    /// the first.
    pub parts: Vec<ContainerPart>,
    /// The SHA-256 of the container's file. `None` if evidence is not hashed, and for a container
    /// that is not a file of its own, such as a volume.
    pub sha256: Option<String>,
    /// True if the container was an ordinary file of the examined computer, for example an archive
    /// in the volume of a disk image. Nobody handed it in as evidence. If it cannot be read, no
    /// logs are therefore reported as missing.
    pub is_in_volume: bool,
}

impl ContainerReport {
    /// Returns the account of a container that was just found. It has the container's path, format
    /// and size, and all counts are 0. Its status is `Read` until a problem is added.
    #[must_use]
    pub fn new(source_path: String, kind: impl Into<String>, size: u64) -> Self {
        ContainerReport {
            source_path,
            kind: kind.into(),
            size,
            status: ContainerStatus::Read,
            problems: Vec::new(),
            stated: Statement::default(),
            created: None,
            files: 0,
            logs: 0,
            encrypted_logs: 0,
            parts: Vec::new(),
            sha256: None,
            is_in_volume: false,
        }
    }

    /// Adds a problem of the container. The status `Read` becomes `Partly`; any other status stays.
    /// At most a thousand problems are listed, and further ones are dropped.
    pub fn add(&mut self, problem: ContainerProblem) {
        if self.status == ContainerStatus::Read {
            self.status = ContainerStatus::Partly;
        }
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// Changes the status `Partly` to `Encrypted` if the container has logs and all of them are
    /// encrypted, so that nothing in it could be read. Must be called after all of its logs were
    /// counted.
    pub fn conclude_encryption(&mut self) {
        if self.status == ContainerStatus::Partly && self.logs > 0 && self.encrypted_logs == self.logs {
            self.status = ContainerStatus::Encrypted;
        }
    }

    /// Records that the sweep was interrupted while the container was listed. The status `Partly`
    /// or `Unreadable` becomes `NotRead`, because the interruption may be the reason. Any other
    /// status stays.
    pub fn interrupt(&mut self) {
        if matches!(self.status, ContainerStatus::Partly | ContainerStatus::Unreadable) {
            let what = "the sweep was interrupted while this was listed";
            self.problems.insert(0, ContainerProblem::whole(what));
            self.status = ContainerStatus::NotRead;
        }
    }

    /// Returns true if this container could not be read, or not completely, so that logs that
    /// somebody handed in may be missing from the results. Returns false for a container that was
    /// left out on purpose, and for one that was itself an ordinary file of a volume.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        !self.is_in_volume && !matches!(self.status, ContainerStatus::Read | ContainerStatus::NotLookedAt)
    }

    /// Gives the container the status `status`, and adds the reason as a problem without a known
    /// place.
    pub fn fail(&mut self, status: ContainerStatus, reason: impl Into<String>) {
        self.add(ContainerProblem::whole(reason));
        self.status = status;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_container_is_encrypted_if_all_its_logs_are() {
        for (logs, encrypted, expected) in [
            (0, 0, ContainerStatus::Partly),
            (2, 0, ContainerStatus::Partly),
            (2, 1, ContainerStatus::Partly),
            (2, 2, ContainerStatus::Encrypted),
        ] {
            let mut report = ContainerReport::new(String::new(), "zip", 0);
            (report.logs, report.encrypted_logs) = (logs, encrypted);
            report.conclude_encryption();
            assert_eq!(report.status, ContainerStatus::Read);
            report.add(ContainerProblem::whole("a problem"));
            report.conclude_encryption();
            assert_eq!(report.status, expected, "{encrypted} of {logs}");
        }
    }
}
