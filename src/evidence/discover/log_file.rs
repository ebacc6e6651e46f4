//! A file to read: where it lies, and how it is opened.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::evidence::EvidenceId;
use super::form::FileForm;
use super::outer_file::OuterFiles;
use crate::base::path_text::{escaped_name, path_text};
use crate::base::platform::files::Link;
use crate::evidence::layer::SharedSource;
use crate::evidence::source::{FileBytes, FileIdentity, FileState, ListedFile, LogBytes, OpenError};
use crate::ledger::container::Origin;
use crate::ledger::damage::Problem;

/// A file to read.
#[derive(Clone)]
pub struct LogFile {
    /// How the file is read.
    pub form: FileForm,
    /// The piece of evidence to which the file belongs.
    pub evidence: EvidenceId,
    /// The file's size in bytes when it was listed.
    pub size: u64,
    /// When the file was last changed: seconds and nanoseconds since 1970. For a file in a
    /// container, when the container was.
    pub modified: (i64, i64),
    /// Why the file cannot be read, if that is known already.
    pub obstacle: Option<String>,
    pub(super) place: Place,
}

/// Where a file lies.
#[derive(Clone)]
pub(super) enum Place {
    /// In a folder.
    Folder {
        /// Identifies the file when it is opened; `None` if it cannot be listed.
        identity: Option<FileIdentity>,
        /// Whether a symbolic link is followed if one has taken the file's place when it is opened.
        /// With `--follow` it is, and the file's identity shows whether it is still the same file.
        link: Link,
        root: Arc<Path>,
        relative: PathBuf,
    },
    /// In a container.
    Container(Arc<InnerFile>),
}

/// A file in a container.
pub struct InnerFile {
    /// How the file is read.
    pub form: FileForm,
    /// The path from the root: the container's, then `!` and the path in the container, for each
    /// container that the file lies in.
    pub source_path: String,
    /// The file's size in bytes, as the container states it.
    pub size: u64,
    /// The file's bytes, or why they cannot be read.
    pub content: Result<SharedSource, String>,
    /// Where the file comes from, as the container says.
    pub origin: Origin,
    /// What is wrong with the file, by what the container says of it.
    pub problems: Vec<Problem>,
    /// The files of the evidence that the container lies in.
    pub outer: Arc<OuterFiles>,
}

impl PartialEq for InnerFile {
    fn eq(&self, other: &Self) -> bool {
        let plain = |file: &Self| (file.form, file.size, file.content.as_ref().err().cloned());
        self.source_path == other.source_path && plain(self) == plain(other) && self.origin == other.origin
    }
}

impl Eq for InnerFile {}

impl std::fmt::Debug for InnerFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("InnerFile").field("source_path", &self.source_path).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for LogFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LogFile").field("source_path", &self.source_path()).finish_non_exhaustive()
    }
}

impl LogFile {
    /// A file in a container, which belongs to a piece of evidence.
    pub(super) fn in_container(file: InnerFile, evidence: EvidenceId) -> Self {
        LogFile {
            form: file.form,
            evidence,
            size: file.size,
            modified: file.outer.modified(),
            obstacle: file.content.as_ref().err().cloned(),
            place: Place::Container(Arc::new(file)),
        }
    }

    /// The path from the file's root, with `/` between its parts. A byte that is not valid text
    /// becomes `\xNN` and a backslash becomes `\\`, so that the text determines the path exactly.
    /// The path of a file in a container goes on after a `!` with the path there.
    #[must_use]
    pub fn source_path(&self) -> String {
        match &self.place {
            Place::Container(file) => file.source_path.clone(),
            Place::Folder { root, relative, .. } => relative_path(root, relative),
        }
    }

    /// Returns what the file's container says of its origin; nothing for a file in a folder.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match &self.place {
            Place::Container(file) => &file.origin,
            Place::Folder { .. } => &Origin::UNKNOWN,
        }
    }

    /// What is wrong with the file, by what its container says of it.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match &self.place {
            Place::Container(file) => &file.problems,
            Place::Folder { .. } => &[],
        }
    }

    /// Opens the file for reading. Fails if something else has taken its place since it was listed.
    pub fn open(&self) -> Result<OpenLog, OpenError> {
        if let Some(obstacle) = &self.obstacle {
            return Err(OpenError::System(io::Error::other(obstacle.clone())));
        }
        let state = FileState { size: self.size, modified: self.modified };
        let bytes = match &self.place {
            Place::Container(file) => Bytes::Container(Arc::clone(file)),
            Place::Folder { identity, link, root, relative } => {
                let path =
                    if relative.as_os_str().is_empty() { root.to_path_buf() } else { root.join(relative) };
                let listed = |identity| ListedFile { identity, state };
                Bytes::File(match identity.map(listed) {
                    Some(listed) => FileBytes::open_listed(&path, &listed, *link)?,
                    None => FileBytes::open(&path, *link)?,
                })
            }
        };
        Ok(OpenLog { bytes, listed: state })
    }
}

/// The path of a file from its root, as text.
pub(super) fn relative_path(root: &Path, relative: &Path) -> String {
    if relative.as_os_str().is_empty() {
        return root.file_name().map(escaped_name).unwrap_or_default();
    }
    path_text(relative)
}

/// A log that is open for reading.
pub struct OpenLog {
    bytes: Bytes,
    /// The state of the file when it was listed.
    listed: FileState,
}

enum Bytes {
    File(FileBytes),
    Container(Arc<InnerFile>),
}

impl OpenLog {
    /// Whether the file, or a file of its container, was written to since it was listed.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        match &self.bytes {
            Bytes::File(file) => file.state().is_some_and(|state| state != self.listed),
            Bytes::Container(file) => file.outer.have_changed(),
        }
    }

    /// What is known to be wrong with the bytes as a whole, such as a checksum of the archive that
    /// does not match.
    #[must_use]
    pub fn flaw(&self) -> Option<String> {
        match &self.bytes {
            Bytes::File(_) => None,
            Bytes::Container(file) => file.content.as_ref().ok().and_then(|source| source.flaw()),
        }
    }
}

impl LogBytes for OpenLog {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.bytes {
            Bytes::File(file) => file.read_at(offset, buffer),
            Bytes::Container(file) => match &file.content {
                Ok(source) => source.read_at(offset, buffer),
                Err(obstacle) => Err(io::Error::other(obstacle.clone())),
            },
        }
    }
}
