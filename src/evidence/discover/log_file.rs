//! Files to read, as discovery finds them: in which folder or container each lies, and how it is
//! opened.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::evidence::EvidenceId;
use super::form::FileForm;
use super::outer_file::OuterFiles;
use super::recorded::RecordedInner;
use crate::base::path_text::{escaped_name, path_text};
use crate::base::platform::files::Link;
use crate::evidence::layer::SharedSource;
use crate::evidence::source::{FileBytes, FileIdentity, FileState, ListedFile, LogBytes, OpenError};
use crate::ledger::container::Origin;
use crate::ledger::damage::Problem;

/// A file to read: an event log, event XML, or a file that is searched for chunks of event logs. It
/// lies in a folder or in a container (an archive or a disk image).
#[derive(Clone)]
pub struct LogFile {
    /// The form in which the file is read: as an event log, as event XML, or as bytes that are
    /// searched for chunks of event logs.
    pub form: FileForm,
    /// The piece of evidence (usually what was collected from one machine) to which the file
    /// belongs.
    pub evidence: EvidenceId,
    /// The size that the file had when discovery listed it, in bytes.
    pub size: u64,
    /// The time at which the file was last changed: seconds and nanoseconds since 1970, as the file
    /// system has it. For a file in a container, the newest time of the container's files.
    pub modified: (i64, i64),
    /// The reason why the file cannot be read, if discovery has found one. `None` if nothing is
    /// known to prevent reading.
    pub obstacle: Option<Cow<'static, str>>,
    pub(super) place: Place,
}

/// Where a file to read lies: in a folder, or in a container.
#[derive(Clone)]
pub(super) enum Place {
    /// The file lies in a folder on a disk.
    Folder {
        /// The device number, inode number and change time (`ctime`) of the file, by which a
        /// replaced file is noticed on opening. `None` if the file could not be listed.
        identity: Option<FileIdentity>,
        /// Whether opening follows a symbolic link that has taken the file's place since it was
        /// listed. With `--follow`, opening follows the link, and the file's identity shows if the
        /// link leads to the listed file. Without `--follow`, opening fails.
        link: Link,
        root: Arc<Path>,
        relative: PathBuf,
    },
    /// The file lies in an archive or a disk image, or is a sparse file with a Velociraptor index.
    Container(Arc<InnerFile>),
    /// The file lies in an archive or a disk image that is not open, so that the file cannot be
    /// read. What is known of the file is from a plan, which divides a sweep into shards, or from
    /// the part of a whole sweep. (A part is the file with what a sweep found; it contains the plan
    /// of the sweep.)
    Recorded(Box<RecordedInner>),
}

/// A file to read that lies in a container (an archive or a disk image), or a sparse file that is
/// read with its Velociraptor index, which states the ranges of the file that were collected.
pub struct InnerFile {
    /// The form in which the file is read: as an event log, as event XML, or as bytes that are
    /// searched for chunks of event logs.
    pub form: FileForm,
    /// The path of the file from the root of the evidence (the folder or file that the user names).
    /// The path of a container is followed by `!` and the path in the container, for each container
    /// that the file lies in: `a.zip!b/c.evtx`.
    pub source_path: String,
    /// The size of the file in bytes, as its container states it.
    pub size: u64,
    /// The source of the file's bytes, or the reason why they cannot be read.
    pub content: Result<SharedSource, String>,
    /// What the container states about where the file comes from: its original path, the shadow
    /// copy, and whether it was deleted.
    pub origin: Origin,
    /// What is wrong with the file, judged by what its container states about it.
    pub problems: Vec<Problem>,
    /// For an unchanged log of a shadow copy: the path, from the root of the evidence, of the log
    /// that has the same bytes in the next newer state of the volume. `None` for a file that must
    /// be read.
    pub same_as: Option<String>,
    /// The files of the evidence that contain this file: the file of the container that lies in no
    /// other, and, if that is a split image, the files after its first. For a sparse file: the file
    /// itself and its Velociraptor index.
    pub outer: Arc<OuterFiles>,
}

impl PartialEq for InnerFile {
    fn eq(&self, other: &Self) -> bool {
        let plain = |file: &Self| (file.form, file.size, file.content.as_ref().err().cloned());
        let place = |file: &Self| (file.source_path.clone(), file.same_as.clone());
        place(self) == place(other) && plain(self) == plain(other) && self.origin == other.origin
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
    /// Returns the file `file` of a container as a file to read. `evidence` is the piece of
    /// evidence that it belongs to.
    pub(super) fn in_container(file: InnerFile, evidence: EvidenceId) -> Self {
        LogFile {
            form: file.form,
            evidence,
            size: file.size,
            modified: file.outer.modified(),
            obstacle: file.content.as_ref().err().cloned().map(Cow::Owned),
            place: Place::Container(Arc::new(file)),
        }
    }

    /// Returns the path of the file from the root of the evidence (the folder or file that the user
    /// names) as text, with `/` between its parts. A byte that is not valid text becomes `\xNN` and
    /// a backslash becomes `\\`, so that different paths have different texts. For a file in a
    /// container, a `!` and the path in the container follow the container's path.
    #[must_use]
    pub fn source_path(&self) -> String {
        match &self.place {
            Place::Container(file) => file.source_path.clone(),
            Place::Recorded(file) => file.source_path.clone(),
            Place::Folder { root, relative, .. } => relative_path(root, relative),
        }
    }

    /// Returns what the file's container states about where the file comes from: its original path,
    /// the shadow copy, and whether it was deleted. For a file in a folder, returns
    /// `Origin::UNKNOWN`, which states none of these.
    #[must_use]
    pub fn origin(&self) -> &Origin {
        match &self.place {
            Place::Container(file) => &file.origin,
            Place::Recorded(file) => &file.origin,
            Place::Folder { .. } => &Origin::UNKNOWN,
        }
    }

    /// Returns the absolute path of a file in a folder. Returns `None` for a file in a container,
    /// and for a sparse file that is read with its Velociraptor index.
    pub(super) fn path_in_folder(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Container(_) | Place::Recorded(_) => None,
            Place::Folder { root, relative, .. } => Some(root.join(relative)),
        }
    }

    /// Returns true if the file lies in an archive or a disk image, and not in a folder. Also
    /// returns true for a sparse file that is read with its Velociraptor index.
    #[must_use]
    pub fn is_in_container(&self) -> bool {
        matches!(self.place, Place::Container(_) | Place::Recorded(_))
    }

    /// Returns what is wrong with the file, judged by what its container states about it. Empty if
    /// nothing is wrong, for a file in a folder, and for a file that is known only from a plan
    /// (which divides a sweep into shards) or a part (the file with what a sweep or a shard found).
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        match &self.place {
            Place::Container(file) => &file.problems,
            Place::Folder { .. } | Place::Recorded(_) => &[],
        }
    }

    /// If this file is an unchanged log of a shadow copy, returns the path, from the root of the
    /// evidence, of the log that has the same bytes in the next newer state of the volume. This
    /// file is then not read. Otherwise returns `None`.
    #[must_use]
    pub fn same_as(&self) -> Option<&str> {
        match &self.place {
            Place::Container(file) => file.same_as.as_deref(),
            Place::Recorded(file) => file.same_as.as_deref(),
            Place::Folder { .. } => None,
        }
    }

    /// Opens the file for reading. Fails if discovery has found a reason why it cannot be read, or
    /// if another file, a link or a device has taken its place since it was listed.
    pub fn open(&self) -> Result<OpenLog, OpenError> {
        if let Some(obstacle) = &self.obstacle {
            return Err(OpenError::System(io::Error::other(obstacle.clone().into_owned())));
        }
        let state = FileState { size: self.size, modified: self.modified };
        let bytes = match &self.place {
            Place::Container(file) => Bytes::Container(Arc::clone(file)),
            Place::Recorded(_) => return Err(OpenError::System(io::ErrorKind::NotFound.into())),
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

    /// Returns the source of the file's bytes; `None` if the file lies in a folder or cannot be
    /// read.
    fn inner_source(&self) -> Option<&SharedSource> {
        match &self.place {
            Place::Container(file) => file.content.as_ref().ok(),
            Place::Folder { .. } | Place::Recorded(_) => None,
        }
    }

    /// Unpacks the file if it lies packed in an archive. If another thread is unpacking it already,
    /// calls `meanwhile` again and again, until that thread is done or `meanwhile` returns false.
    pub fn make_ready(&self, meanwhile: &mut dyn FnMut() -> bool) {
        if let Some(source) = self.inner_source() {
            source.make_ready(meanwhile);
        }
    }

    /// Unpacks the file for a later read if it lies packed in an archive, is not unpacked yet, and
    /// there is enough memory or disk space for the unpacked copy. Returns true if this call
    /// unpacked the file.
    #[must_use]
    pub fn make_ready_ahead(&self) -> bool {
        self.inner_source().is_some_and(|source| source.make_ready_ahead())
    }
}

/// Returns the path of a file from its root (a folder or file of evidence that the user names), as
/// text. `relative` is this path as a path of the operating system. If the root is the file itself,
/// returns the file's name.
pub(super) fn relative_path(root: &Path, relative: &Path) -> String {
    if relative.as_os_str().is_empty() {
        return root.file_name().map(escaped_name).unwrap_or_default();
    }
    path_text(relative)
}

/// A log, or another file to read, that is open for reading.
pub struct OpenLog {
    bytes: Bytes,
    /// The size and the modification time that the file had when discovery listed it.
    listed: FileState,
}

enum Bytes {
    File(FileBytes),
    Container(Arc<InnerFile>),
}

impl OpenLog {
    /// Returns true if the file was written to since discovery listed it. For a file in a
    /// container, returns true if one of the container's files was.
    #[must_use]
    pub fn has_changed(&self) -> bool {
        match &self.bytes {
            Bytes::File(file) => file.state().is_some_and(|state| state != self.listed),
            Bytes::Container(file) => file.outer.have_changed(),
        }
    }

    /// Returns what is wrong with the bytes of the file as a whole, such as that they do not have
    /// the checksum that the archive states. Returns `None` if nothing is known to be wrong. Bytes
    /// that were not read yet are not checked.
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

    fn offset_in_page(&self) -> usize {
        match &self.bytes {
            Bytes::File(file) => file.offset_in_page(),
            Bytes::Container(file) => file.content.as_ref().map_or(0, |source| source.offset_in_page()),
        }
    }
}
