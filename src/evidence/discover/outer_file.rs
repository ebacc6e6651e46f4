//! The files of the evidence that containers lie in.

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

/// A file of the evidence that is a container, or a part of one.
#[derive(Debug, Clone)]
struct OuterFile {
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
}

impl OuterFile {
    fn sha256(&self, is_cancelled: impl Fn() -> bool) -> Option<String> {
        let file = FileBytes::open_listed(&self.path, &self.listed, self.link).ok()?;
        let (mut hasher, mut buffer, mut at) = (Hasher::default(), vec![0; HASHED_AT_ONCE], 0);
        while !is_cancelled() {
            let read = file.read_at(at, &mut buffer).ok()?;
            if read == 0 {
                let is_same = at == self.listed.state.size && file.state() == Some(self.listed.state);
                return is_same.then(|| hasher.finish());
            }
            hasher.update(buffer.get(..read)?);
            at += read as u64;
        }
        None
    }
}

/// The number of bytes of a file that are read at once to be hashed.
const HASHED_AT_ONCE: usize = 1 << 20;

/// A file of known size.
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

/// All files of the evidence that one container lies in: its own, and further segments.
#[derive(Debug)]
pub struct OuterFiles {
    first: OuterFile,
    /// The further files, in the order in which they were opened.
    further: Mutex<Vec<OuterFile>>,
}

impl OuterFiles {
    /// The file at `path`, as it was when its folder was listed.
    pub(super) fn new(path: &Path, listed: ListedFile, link: Link) -> Self {
        let first = OuterFile { path: path.to_path_buf(), listed, link };
        OuterFiles { first, further: Mutex::default() }
    }

    /// The bytes of the container's own file.
    pub(super) fn source(&self, kept: &Arc<Kept>) -> SharedSource {
        self.first.source(kept)
    }

    /// Returns the folder of the container's own file.
    pub(super) fn folder(&self) -> &Path {
        self.first.path.parent().unwrap_or(&self.first.path)
    }

    /// Adds the regular file at `path`, and returns its bytes; `None` if there is no such file.
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

    fn all(&self) -> Vec<OuterFile> {
        let further = self.further.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::once(&self.first).chain(&*further).cloned().collect()
    }

    /// Returns the sizes of the files together, in bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.all().iter().map(|file| file.listed.state.size).sum()
    }

    /// Returns the SHA-256 of each file with its name, the container's own file first; `None` for a
    /// file that cannot be read whole, or changed. Stops early once `is_cancelled` is true.
    pub fn hashes(&self, is_cancelled: impl Fn() -> bool) -> Vec<(String, Option<String>)> {
        let name = |file: &OuterFile| file.path.file_name().map(escaped_name).unwrap_or_default();
        self.all().iter().map(|file| (name(file), file.sha256(&is_cancelled))).collect()
    }

    /// When the newest of the files was last changed: seconds and nanoseconds since 1970.
    pub(super) fn modified(&self) -> (i64, i64) {
        self.all().iter().map(|file| file.listed.state.modified).max().unwrap_or_default()
    }

    /// Whether a file is not as it was when it was listed.
    pub(super) fn have_changed(&self) -> bool {
        self.all().iter().any(|file| {
            let state = fs::metadata(&file.path).map(|metadata| FileState::of(&metadata));
            !state.is_ok_and(|state| state == file.listed.state)
        })
    }
}
