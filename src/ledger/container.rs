//! The account of one container: an archive, a disk image, a volume or a shadow copy. Plain data;
//! [`crate::report`] makes table rows of it.

use crate::event::EventTime;

/// The most problems of one container that are listed.
const MOST_PROBLEMS: usize = 1000;

/// The kind of a shadow copy in the table of containers.
pub const SHADOW_COPY: &str = "shadow copy";

/// How far a container was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ContainerStatus {
    /// The container was listed to its end, and can be read.
    Read,
    /// A part of the container is missing or damaged; the rest was read.
    Partly,
    /// The container cannot be read: it is damaged, or not what its name or first bytes say.
    Unreadable,
    /// The container's content is encrypted.
    Encrypted,
    /// dnsweep does not read this format.
    Unsupported,
    /// The container was not searched, because that was not asked for or it lies too deep.
    NotLookedAt,
}

impl ContainerStatus {
    /// The word for this status in the table of containers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            ContainerStatus::Read => "read",
            ContainerStatus::Partly => "partly",
            ContainerStatus::Unreadable => "unreadable",
            ContainerStatus::Encrypted => "encrypted",
            ContainerStatus::Unsupported => "unsupported",
            ContainerStatus::NotLookedAt => "not looked at",
        }
    }

    /// Returns whether nothing in the container was read.
    #[must_use]
    pub fn is_unread(self) -> bool {
        !matches!(self, ContainerStatus::Read | ContainerStatus::Partly)
    }
}

/// A further file of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerPart {
    /// The file's name, without its folder.
    pub name: String,
    /// The SHA-256 of the file, if evidence is hashed.
    pub sha256: Option<String>,
}

/// What is wrong with a part of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerProblem {
    /// The offset of the part, in bytes: in the container's file, or in the disk or volume.
    pub offset: u64,
    /// The part's length in bytes; 0 if the problem has no known place.
    pub length: u64,
    /// What was expected, and what was found.
    pub what: String,
}

impl ContainerProblem {
    /// A problem without a known place.
    #[must_use]
    pub fn whole(what: impl Into<String>) -> Self {
        ContainerProblem { offset: 0, length: 0, what: what.into() }
    }
}

/// What a container, or the collector that wrote it, says of its origin. None of it is verified.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Statement {
    /// The name of the host.
    pub host: Option<String>,
    /// The MD5 of the disk, in hexadecimal.
    pub md5: Option<String>,
    /// The SHA-1 of the disk, in hexadecimal.
    pub sha1: Option<String>,
    /// Other statements: case number, examiner, notes, each with its name.
    pub notes: Vec<(String, String)>,
}

/// Where a file in a container comes from, as the container says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file's path on its host, as the collector or the volume states it.
    pub original_path: Option<String>,
    /// When the shadow copy was made that the file comes from.
    pub snapshot_time: Option<EventTime>,
    /// Whether the file was deleted in its volume.
    pub deleted: bool,
}

impl Origin {
    /// The origin of a file in a folder, which says nothing.
    pub const UNKNOWN: Origin = Origin { original_path: None, snapshot_time: None, deleted: false };
}

impl Default for &Origin {
    fn default() -> Self {
        &Origin::UNKNOWN
    }
}

/// The account of one container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerReport {
    /// The path of the container, with the containers that it lies in.
    pub source_path: String,
    /// The format: `zip`, `ewf`, `ntfs` and the like.
    pub kind: String,
    /// The size in bytes; of an image in several files, that of all of them.
    pub size: u64,
    /// How far the container was read.
    pub status: ContainerStatus,
    /// What is wrong with the container: the first thousand problems.
    pub problems: Vec<ContainerProblem>,
    /// What the container states of its origin.
    pub stated: Statement,
    /// When the container was made; known of shadow copies and some images.
    pub created: Option<EventTime>,
    /// The number of files in the container; for an image in several files, 0.
    pub files: u64,
    /// The number of these files that are read as logs.
    pub logs: u64,
    /// The further files that the container consists of: segments of an image.
    pub parts: Vec<ContainerPart>,
    /// The SHA-256 of the container's file, if evidence is hashed and the container is a file.
    pub sha256: Option<String>,
    /// Whether the container lies in a volume, as one file of a computer among others. Such a
    /// container is no evidence that somebody handed in.
    pub is_in_volume: bool,
}

impl ContainerReport {
    /// The account of a container of which nothing is known yet but where it lies and what it is.
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
            parts: Vec::new(),
            sha256: None,
            is_in_volume: false,
        }
    }

    /// Adds a problem. What was `read` becomes `partly` read.
    pub fn add(&mut self, problem: ContainerProblem) {
        if self.status == ContainerStatus::Read {
            self.status = ContainerStatus::Partly;
        }
        if self.problems.len() < MOST_PROBLEMS {
            self.problems.push(problem);
        }
    }

    /// Returns whether logs were missed that somebody handed in: the container, or a part of it,
    /// should have been read and could not be.
    #[must_use]
    pub fn is_missed(&self) -> bool {
        !self.is_in_volume && !matches!(self.status, ContainerStatus::Read | ContainerStatus::NotLookedAt)
    }

    /// Says that the container could not be read, and why.
    pub fn fail(&mut self, status: ContainerStatus, reason: impl Into<String>) {
        self.add(ContainerProblem::whole(reason));
        self.status = status;
    }
}
