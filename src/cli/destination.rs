//! Where `dnsweep report` writes a report: to standard output, or to a file that is complete or
//! absent.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::arguments::LogFormat;
use super::console::{Level, MessageWriter, PIPE_WIDTH, colours, print_with, width};
use super::error::UsageError;
use super::exit::Exit;
use crate::report::Colours;

/// Where a report is written to: standard output or a file.
pub(super) enum Destination {
    /// The report is written to standard output.
    Stdout,
    /// The report is written to the file with this path. First it is written to the temporary file,
    /// which lies in the same folder and is renamed when it is complete.
    File(PathBuf, NamedTempFile),
}

impl Destination {
    /// Returns the file `path` as the place for a report, or standard output if `path` is `None` or
    /// `-`. A file that exists is replaced when the report is complete. Only the user can read the
    /// file, because evidence is confidential. Fails if `path` lies in the output `directory` or in
    /// one of the evidence's `roots`, because nothing is written there, or if something other than
    /// a regular file is at `path`.
    pub(super) fn of(path: Option<&Path>, directory: &Path, roots: &[String]) -> Result<Self, UsageError> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else { return Ok(Destination::Stdout) };
        let fails = |source| UsageError::ReportFile { path: path.to_path_buf(), source };
        let absolute = std::path::absolute(path).map_err(fails)?;
        let folder = absolute.parent().unwrap_or(Path::new("/")).canonicalize().map_err(fails)?;
        if fs::symlink_metadata(&absolute).is_ok_and(|there| !there.is_file()) {
            return Err(fails(io::Error::other("expected a file, found a directory, link, pipe or device")));
        }
        if folder.starts_with(directory) {
            return Err(fails(io::Error::other(
                "expected a place outside the output, to which nothing is added",
            )));
        }
        if roots.iter().any(|root| folder.starts_with(root)) {
            return Err(fails(io::Error::other(
                "expected a place outside the evidence, where nothing is written",
            )));
        }
        let file = tempfile::Builder::new().prefix(".dnsweep-").tempfile_in(folder).map_err(fails)?;
        Ok(Destination::File(absolute, file))
    }

    /// Returns the width of a report's text, in columns: that of the terminal, or a fixed width for
    /// a file.
    pub(super) fn width(&self) -> usize {
        if matches!(self, Destination::Stdout) { width() } else { PIPE_WIDTH }
    }

    /// Returns whether a report's text has colours. They are never written to a file.
    pub(super) fn colours(&self) -> Colours {
        if matches!(self, Destination::Stdout) { colours() } else { Colours::None }
    }

    /// Writes a report, which `write` produces. If it cannot be written, prints an error message
    /// and returns the exit status of the command; otherwise returns `None`. `format` is the format
    /// of the error message.
    pub(super) fn write(
        self,
        format: LogFormat,
        write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
    ) -> Option<Exit> {
        let (path, file) = match self {
            Destination::Stdout => return print_with(format, write),
            Destination::File(path, file) => (path, file),
        };
        let mut writer = BufWriter::new(file);
        let written = write(&mut writer).and_then(|()| writer.into_inner().map_err(Into::into));
        let synced = written.and_then(|file| file.as_file().sync_all().map(|()| file));
        let named = synced.and_then(|file| file.persist(&path).map_err(|failed| failed.error));
        let failed = named.err()?;
        let message = format!("'{}': {failed}", path.display());
        MessageWriter::new(io::stderr(), format).line(Level::Error, &message);
        Some(Exit::OutputFailed)
    }
}
