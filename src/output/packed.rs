//! Files of documents that are packed with zstd: plans, by which several machines share one sweep,
//! and parts, from which `dnsweep merge` makes an output.
//!
//! A file is one zstd stream of framed documents (see [`super::frame`]). The first document states
//! the kind of the file. This module does not know what the other documents contain.

use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::directory::NewFile;
use super::error::OutputError;
use super::frame::{document, framed, read_framed};
use super::syncing::PendingSync;
use crate::base::digest::{HashingWriter, sha256_of_all};
use crate::base::platform::files::{self, Link};
use crate::base::zstandard::{Packer, Unpacker, packer, unpacker};

/// The kind of a packed file (documents in one zstd stream), such as a plan, and the version of its
/// layout. The first document of the file states both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PackedKind {
    /// The name of this kind of packed file in messages, such as `plan`.
    pub name: &'static str,
    /// The version of the layout of the documents in packed files of this kind. It is raised
    /// whenever anything in the layout changes.
    pub layout: u32,
}

impl PackedKind {
    /// Returns the text of the first document of a packed file of this kind, which names the kind
    /// and the version of its layout.
    fn signature(self) -> String {
        format!("{}{}", self.beginning(), self.layout)
    }

    /// Returns the text of the first document of a packed file of this kind, without the version of
    /// the layout at its end.
    fn beginning(self) -> String {
        format!("{} of dnsweep, layout ", self.name)
    }
}

/// Why a plan or a part cannot be used. A plan divides one sweep among several machines. A part has
/// what one of these machines, or a whole sweep, found, so that it can be merged with others.
#[derive(Debug, thiserror::Error)]
#[error("'{}': {reason}", path.display())]
pub struct PartsError {
    /// The path of the plan or the part.
    pub path: PathBuf,
    /// What is wrong with the packed file, in words: what was expected, what was found, and what
    /// the user can do.
    pub reason: String,
}

/// The size and the SHA-256 of a file, such as a plan that was written completely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrittenFile {
    /// The size of the file in bytes.
    pub bytes: u64,
    /// The SHA-256 of the file.
    pub sha256: String,
}

/// A packed file (documents in one zstd stream) that is being written.
pub(crate) struct PackedWriter {
    path: PathBuf,
    packer: Packer<HashingWriter<BufWriter<File>>>,
}

impl PackedWriter {
    /// Begins a packed file (documents in one zstd stream) of this kind in `file`, which must be
    /// empty. Error messages name the file by `path`.
    pub(crate) fn begin(path: &Path, file: File, kind: PackedKind) -> Result<Self, OutputError> {
        let packer =
            packer(HashingWriter::new(BufWriter::new(file))).map_err(|error| failed(path, &error))?;
        let mut writer = PackedWriter { path: path.to_path_buf(), packer };
        writer.push(&[kind.signature().as_bytes()])?;
        Ok(writer)
    }

    /// Creates the file `new` of an output directory, and begins a packed file of this kind in it.
    pub(crate) fn create(new: &NewFile, kind: PackedKind) -> Result<Self, OutputError> {
        let file = new.create().map_err(|error| failed(&new.path, &error))?;
        Self::begin(&new.path, file, kind)
    }

    /// Adds a document (an encoded item) to the packed file. The document consists of `pieces`, one
    /// after the other.
    pub(crate) fn push(&mut self, pieces: &[&[u8]]) -> Result<(), OutputError> {
        let size = pieces.iter().map(|piece| piece.len()).sum();
        let entry = framed(size, |mut entry| {
            for piece in pieces {
                entry.extend_from_slice(piece);
            }
            entry
        });
        self.packer.write_all(&entry).map_err(|error| failed(&self.path, &error))
    }

    /// Ends the packed file. Returns its size and SHA-256, and the open file.
    fn finish(self) -> Result<(WrittenFile, File), OutputError> {
        let PackedWriter { path, packer } = self;
        let end = || -> io::Result<(WrittenFile, File)> {
            let (buffered, sha256, bytes) = packer.finish()?.finish();
            let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
            Ok((WrittenFile { bytes, sha256 }, file))
        };
        end().map_err(|error| failed(&path, &error))
    }

    /// Ends the packed file, and starts to sync it to the disk. Returns its size and SHA-256, and
    /// the pending sync, on which the caller must wait.
    pub(crate) fn finish_synced(self) -> Result<(WrittenFile, PendingSync), OutputError> {
        let path = self.path.clone();
        let (written, file) = self.finish()?;
        Ok((written, PendingSync::new(path, file)))
    }
}

/// A packed file (documents in one zstd stream) that is written outside of an output directory. It
/// gets its name only when it is complete. Several processes can write the same file: the last one
/// that completes it replaces what the others wrote.
pub(crate) struct PackedFile {
    target: PathBuf,
    temporary: NamedTempFile,
}

impl PackedFile {
    /// Prepares the file `path`. It is an error if the file would lie under one of `roots`, the
    /// paths of the evidence. Returns the file, and a writer for its content. Only the user can
    /// read the file, because evidence is confidential.
    pub(crate) fn create(
        path: &Path,
        roots: &[PathBuf],
        kind: PackedKind,
    ) -> Result<(Self, PackedWriter), OutputError> {
        let place = |source| OutputError::File { path: path.to_path_buf(), source };
        let target = std::path::absolute(path).map_err(place)?;
        if target.is_dir() {
            return Err(place(io::ErrorKind::IsADirectory.into()));
        }
        let folder = target.parent().unwrap_or(Path::new("/")).canonicalize().map_err(place)?;
        if let Some(root) = roots.iter().find(|root| folder.starts_with(root)) {
            let reason = format!("it lies in evidence '{}', where nothing is written", root.display());
            return Err(place(io::Error::other(reason)));
        }
        let temporary = tempfile::Builder::new().prefix(".dnsweep-").tempfile_in(folder).map_err(place)?;
        let file = temporary.reopen().map_err(place)?;
        let writer = PackedWriter::begin(path, file, kind)?;
        Ok((PackedFile { target, temporary }, writer))
    }

    /// Returns the folder that the packed file will lie in.
    pub(crate) fn folder(&self) -> &Path {
        self.target.parent().unwrap_or(Path::new("/"))
    }

    /// Ends the packed file, syncs it to the disk, and then gives it its name. `writer` must be the
    /// writer that [`create`](Self::create) returned with this file. Returns the file's size and
    /// SHA-256.
    pub(crate) fn complete(self, writer: PackedWriter) -> Result<WrittenFile, OutputError> {
        let (written, file) = writer.finish()?;
        let named = file
            .sync_all()
            .and_then(|()| self.temporary.persist(&self.target).map_err(|failed| failed.error));
        named.map_err(|error| failed(&self.target, &error))?;
        Ok(written)
    }
}

/// A packed file (documents in one zstd stream) that is read, document after document.
pub(crate) struct PackedReader {
    path: PathBuf,
    unpacker: BufReader<Unpacker<BufReader<File>>>,
    bytes: Vec<u8>,
    /// The number of documents (encoded items) that were read after the first document, which names
    /// the kind of file.
    read: u64,
}

impl PackedReader {
    /// Opens a packed file. It is an error if the file is of another kind, or has another layout.
    pub(crate) fn open(path: &Path, kind: PackedKind) -> Result<Self, PartsError> {
        let wrong = |reason: String| PartsError { path: path.to_path_buf(), reason };
        let file = files::open(path, Link::Followed).map_err(|error| wrong(error.to_string()))?;
        let unpacker = unpacker(BufReader::new(file)).map_err(|error| wrong(error.to_string()))?;
        let unpacker = BufReader::new(unpacker);
        let mut reader = PackedReader { path: path.to_path_buf(), unpacker, bytes: Vec::new(), read: 0 };
        let PackedKind { name, layout } = kind;
        let foreign = || wrong(format!("expected a {name} of dnsweep, found another file"));
        let signature = match reader.next_document() {
            Ok(Some(document)) => String::from_utf8_lossy(document).into_owned(),
            Ok(None) | Err(_) => return Err(foreign()),
        };
        let found = signature.strip_prefix(&kind.beginning()).ok_or_else(foreign)?;
        if found != layout.to_string() {
            let found = found.parse::<u32>().map_err(|_| foreign())?;
            return Err(wrong(format!(
                "expected a {name} of layout {layout}, found layout {found}: another version of dnsweep wrote it; use that version"
            )));
        }
        reader.read = 0;
        Ok(reader)
    }

    /// Returns the number of documents (encoded items) that were read after the first document,
    /// which names the kind of file.
    pub(crate) fn documents_read(&self) -> u64 {
        self.read
    }

    /// Returns the next document (an encoded item) of the packed file; `None` at the end of the
    /// file. It is an error if the file is cut off or damaged in this document.
    pub(crate) fn next_document(&mut self) -> Result<Option<&[u8]>, PartsError> {
        let torn = |path: &Path, reason: &str| PartsError {
            path: path.to_path_buf(),
            reason: format!("it is incomplete or damaged ({reason}): make it anew"),
        };
        read_framed(&mut self.unpacker, &mut self.bytes, u64::MAX)
            .map_err(|error| torn(&self.path, &error.to_string()))?;
        if self.bytes.is_empty() {
            return Ok(None);
        }
        self.read += 1;
        document(&self.bytes)
            .map(Some)
            .ok_or_else(|| torn(&self.path, "a document has another SHA-256 than it states"))
    }

    /// Returns the error that the packed file cannot be used. `reason` says why, in words.
    pub(crate) fn wrong(&self, reason: impl Into<String>) -> PartsError {
        PartsError { path: self.path.clone(), reason: reason.into() }
    }
}

/// Returns the size and the SHA-256 of a file.
pub(crate) fn size_and_sha256(path: &Path) -> Result<WrittenFile, PartsError> {
    let read = files::open(path, Link::Followed).map_err(io::Error::from).and_then(sha256_of_all);
    let (sha256, bytes) =
        read.map_err(|error| PartsError { path: path.to_path_buf(), reason: error.to_string() })?;
    Ok(WrittenFile { bytes, sha256 })
}

fn failed(path: &Path, error: &io::Error) -> OutputError {
    OutputError::Write { path: path.to_path_buf(), reason: error.to_string() }
}
