//! Files of the evidence that are containers, or parts of containers: how they are opened, hashed
//! and checked for changes.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::base::digest::Hasher;
use crate::base::path_text::escaped_name;
use crate::base::platform::files::Link;
use crate::evidence::kept::{Kept, OnDemand};
use crate::evidence::layer::{SharedSource, Source};
use crate::evidence::source::{FileBytes, FileState, ListedFile, LogBytes};

/// A file of the evidence that is a container, or one of several files of a container.
#[derive(Debug, Clone)]
pub struct OuterFile {
    path: PathBuf,
    listed: ListedFile,
    link: Link,
}

impl OuterFile {
    fn source(&self, kept: &Arc<Kept>) -> SharedSource {
        let OuterFile { path, listed, link } = self.clone();
        let size = listed.state.size;
        let open = move || {
            let file = FileBytes::open_listed(&path, &listed, link).map_err(io::Error::from)?;
            Ok(Arc::new(FileOfSize { file, size }) as SharedSource)
        };
        Arc::new(OnDemand::new(kept, size, open))
    }

    /// Returns the name of the file, without its folder.
    #[must_use]
    pub fn name(&self) -> String {
        self.path.file_name().map(escaped_name).unwrap_or_default()
    }

    /// Returns the size in bytes that the file had when it was listed.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.listed.state.size
    }

    /// Reads the file and returns its SHA-256 in hexadecimal digits. Fails if the file cannot be
    /// read to its end, or has changed since it was listed. Stops early, and fails, once
    /// `is_cancelled` returns true.
    pub fn sha256(&self, is_cancelled: impl Fn() -> bool) -> io::Result<String> {
        let file = FileBytes::open_listed(&self.path, &self.listed, self.link).map_err(io::Error::from)?;
        let (mut hasher, mut buffer, mut at) = (Hasher::default(), vec![0; HASHED_AT_ONCE], 0);
        while !is_cancelled() {
            let read = file.read_at(at, &mut buffer)?;
            if read == 0 {
                let is_same = at == self.listed.state.size && file.state() == Some(self.listed.state);
                let changed = || io::Error::other("the file changed while it was read");
                return is_same.then(|| hasher.finish()).ok_or_else(changed);
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            at += read as u64;
        }
        Err(io::ErrorKind::Interrupted.into())
    }
}

/// The number of bytes of a file that are read at a time to compute its SHA-256.
const HASHED_AT_ONCE: usize = 1 << 20;

/// An open file with the size that it had when it was listed.
struct FileOfSize {
    file: FileBytes,
    size: u64,
}

impl LogBytes for FileOfSize {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(offset, buffer)
    }
}

impl Source for FileOfSize {
    fn size(&self) -> u64 {
        self.size
    }
}

/// All files of the evidence that make up an outermost container (one that lies in no other): the
/// container's own file, and, if it is a split image, the files after the first, such as
/// `disk.E02`. Also a sparse file with its Velociraptor index.
#[derive(Debug)]
pub struct OuterFiles {
    first: OuterFile,
    /// The files of the container other than its own (first) file, in the order in which they were
    /// opened.
    further: Mutex<Vec<OuterFile>>,
}

impl OuterFiles {
    /// Returns the files of a container that consists only of the file at `path`. `listed` is that
    /// file's identity, size and modification time when its folder was listed. `link` says whether
    /// a symbolic link is followed on opening.
    pub(super) fn new(path: &Path, listed: ListedFile, link: Link) -> Self {
        let first = OuterFile { path: path.to_path_buf(), listed, link };
        OuterFiles { first, further: Mutex::default() }
    }

    /// Returns a source with the bytes of the container's own (first) file. The file is opened when
    /// the source is read, and `kept` limits how many files are open.
    pub(super) fn source(&self, kept: &Arc<Kept>) -> SharedSource {
        self.first.source(kept)
    }

    /// Returns the folder of the container's own (first) file, in which the other files of a split
    /// image lie.
    pub(super) fn folder(&self) -> &Path {
        self.first.path.parent().unwrap_or(&self.first.path)
    }

    /// Adds the regular file at `path` to the container's files, and returns its bytes as a source.
    /// A file that was added before is not added twice. Returns `None` if there is no regular file
    /// at `path`. Fails if it cannot be found out what is at `path`.
    pub(super) fn add(&self, path: &Path, kept: &Arc<Kept>) -> io::Result<Option<SharedSource>> {
        let link = self.first.link;
        let found = if link == Link::Followed { fs::metadata(path) } else { fs::symlink_metadata(path) };
        let metadata = match found {
            Ok(metadata) if metadata.is_file() => metadata,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let file = OuterFile { path: path.to_path_buf(), listed: ListedFile::of(&metadata), link };
        let source = file.source(kept);
        let mut further = self.further.lock().unwrap_or_else(PoisonError::into_inner);
        if !further.iter().any(|known| known.path == file.path) {
            further.push(file);
        }
        Ok(Some(source))
    }

    /// Returns all files that the container consists of: its own (first) file, and then the others
    /// in the order in which they were opened.
    #[must_use]
    pub fn all(&self) -> Vec<OuterFile> {
        let further = self.further.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.first).chain(&*further).cloned().collect()
    }

    /// Returns the total size of the container's files, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.all().iter().map(OuterFile::size).sum()
    }

    /// Returns the name and the SHA-256 of each of the container's files, its own file first. The
    /// SHA-256 is `None` if the file cannot be read to its end, or has changed since it was listed.
    /// Stops early, with `None` for the rest, once `is_cancelled` returns true.
    pub fn hashes(&self, is_cancelled: impl Fn() -> bool) -> Vec<(String, Option<String>)> {
        self.all().iter().map(|file| (file.name(), file.sha256(&is_cancelled).ok())).collect()
    }

    /// Returns the time at which the newest of the container's files was last changed: seconds and
    /// nanoseconds since 1970.
    pub(super) fn modified(&self) -> (i64, i64) {
        self.all().iter().map(|file| file.listed.state.modified).max().unwrap_or_default()
    }

    /// Returns true if one of the container's files has another size or modification time than when
    /// it was listed, or is no longer there.
    pub(super) fn have_changed(&self) -> bool {
        self.all().iter().any(|file| {
            let state = fs::metadata(&file.path).map(|metadata| FileState::of(&metadata));
            !state.is_ok_and(|state| state == file.listed.state)
        })
    }
}
