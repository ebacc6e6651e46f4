//! The file to which a command such as `export` or `timeline` writes its result (`-o`). The file is
//! written completely or not at all, and never lies in an output or in evidence.

use std::fs;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use tempfile::NamedTempFile;

use super::error::UsageError;
use super::exit::Exit;
use crate::base::path_text::path_text;
use crate::base::platform::signals;
use crate::sweep::CompleteOutput;

/// The file to which an export is written.
#[derive(Debug)]
pub(super) struct ExportFile {
    /// The path of the file for the export, as typed.
    pub(super) path: PathBuf,
    /// The folder that contains the file for the export, with symbolic links resolved.
    folder: PathBuf,
    /// True if a file that already exists is replaced by the export (`--force`).
    replaces: bool,
}

impl ExportFile {
    /// Returns the file `path` if an export can be written there. The file must not exist, unless
    /// `replaces` is true. It must not lie in the sweep's output or in the evidence that was swept,
    /// because nothing is added to either.
    pub(super) fn at(path: &Path, replaces: bool, output: &CompleteOutput) -> Result<Self, UsageError> {
        let refused = |reason: String| UsageError::ExportFile { path: path.to_path_buf(), reason };
        let name = path.file_name().ok_or_else(|| refused("expected the path of a file".to_owned()))?;
        let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = fs::canonicalize(parent.unwrap_or(Path::new(".")))
            .map_err(|error| refused(format!("the folder of this file cannot be used: {error}")))?;
        match fs::symlink_metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(refused(error.to_string())),
            Ok(metadata) if !metadata.is_file() => {
                return Err(refused("expected a file, found a directory, link, pipe or device".to_owned()));
            }
            Ok(_) if !replaces => {
                return Err(refused("it exists: give another file, or --force to replace it".to_owned()));
            }
            Ok(_) => {}
        }
        if folder.starts_with(&output.directory) {
            return Err(refused("it lies in the output, to which nothing may be added".to_owned()));
        }
        let target = path_text(&folder.join(name));
        match output.run.roots.iter().find(|root| lies_in(&target, root)) {
            Some(root) => Err(refused(format!("it lies in evidence '{root}': nothing is written there"))),
            None => Ok(ExportFile { path: path.to_path_buf(), folder, replaces }),
        }
    }

    /// Writes the export. `write` fills a temporary file in the same folder, which then gets the
    /// name of this file. If `write` fails, or if `is_cut_short` returns true for its result, this
    /// file is neither created nor changed.
    pub(super) fn write<T, E: From<io::Error>>(
        &self,
        write: impl FnOnce(&mut dyn Write) -> Result<T, E>,
        is_cut_short: impl FnOnce(&T) -> bool,
    ) -> Result<T, E> {
        let new = tempfile::Builder::new().prefix(".dnsweep-export-").tempfile_in(&self.folder)?;
        let mut writer = BufWriter::new(new);
        let written = write(&mut writer)?;
        let new = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        if !is_cut_short(&written) {
            new.as_file().sync_all()?;
            self.replace_by(new)?;
        }
        Ok(written)
    }

    /// Renames the temporary file `new`, which has the complete export, to the path of this file.
    /// Without `replaces`, fails if there is a file at that path by now.
    fn replace_by(&self, new: NamedTempFile) -> io::Result<()> {
        let kept = if self.replaces { new.persist(&self.path) } else { new.persist_noclobber(&self.path) };
        kept.map(|_| ()).map_err(|error| error.error)
    }
}

/// Watches for signals such as that of Ctrl-C. The first signal sets the returned flag, which ends
/// an export early; the second one ends the process.
pub(super) fn watch() -> Arc<AtomicBool> {
    let silent: Arc<dyn Fn() + Send + Sync> = Arc::new(|| ());
    signals::watch(i32::from(Exit::Interrupted.number()), Arc::clone(&silent), silent)
}

/// Returns true if the file `path` lies in the evidence root `root`, or is the root itself. Both
/// must be absolute paths as text, written as in `run.json`.
fn lies_in(path: &str, root: &str) -> bool {
    let within = |root: &str| {
        path.strip_prefix(root.trim_end_matches('/'))
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    within(root) || fs::canonicalize(root).is_ok_and(|root| within(&path_text(&root)))
}
