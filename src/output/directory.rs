//! The output directory: complete or absent.
//!
//! Everything is written into a directory next to the output. This directory gets the output's name
//! only when everything is written and synced, so an output directory is never incomplete.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::error::OutputError;
use super::names::{PAGE_FILE, PARTITIONED, PARTITIONS_FOLDER, RUN_FILE, STATS_FOLDER};
use super::partial::{Obstacle, PartialDirectory, UnfinishedPolicy};
use super::removal::{EarlierRun, entries, foreign, remove};
use super::syncing::PendingSync;
use crate::base::platform::Access;
use crate::base::platform::files::open_directory;

/// An output directory that is being written. Its files lie in a partial directory next to the
/// output, until [`publish`](OutputDirectory::publish) moves them to the output's path.
#[derive(Debug)]
pub struct OutputDirectory {
    target: PathBuf,
    partial: PartialDirectory,
    replaceable: ReplaceableOutput,
    access: Access,
}

/// A file of an output that is to be written: its path, and who may read it.
#[derive(Debug, Clone)]
pub struct NewFile {
    /// The path at which the file is to be created.
    pub path: PathBuf,
    /// Who may read the file: only the user who runs the sweep, or others too.
    pub access: Access,
}

impl NewFile {
    /// Creates the file. It is an error if a file or folder already exists at the path.
    pub(super) fn create(&self) -> io::Result<File> {
        self.access.make_file(&self.path)
    }
}

/// Which earlier output at the same path a sweep may replace with its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReplaceableOutput {
    /// The sweep may replace nothing: an output at the path is an error.
    Nothing,
    /// The sweep continues an interrupted sweep (`--resume`), and may replace the output that the
    /// interrupted sweep left.
    Interrupted,
    /// The sweep may replace any earlier output of dnsweep (`--force`).
    AnyOutput,
}

/// Checks that `out` may become an output directory, and makes the partial directory next to `out`,
/// in which the output lies until it is complete.
///
/// `roots` are the absolute paths of the evidence; nothing is written under them. An existing
/// output is replaced only if `force` is true, or if it is the output of an interrupted sweep that
/// is being resumed. A directory with anything that dnsweep did not write is never replaced.
/// `unfinished` says what happens if an earlier sweep to `out` was not finished. `access` says who
/// may read the output.
pub fn prepare(
    out: &Path,
    roots: &[PathBuf],
    force: bool,
    unfinished: UnfinishedPolicy,
    access: Access,
) -> Result<OutputDirectory, OutputError> {
    let place = |source| OutputError::Location { path: out.to_path_buf(), source };
    let target = absolute(out).map_err(place)?;
    let parent = target.parent().unwrap_or(Path::new("/"));
    // The partial directory lies next to the output, and must not lie in evidence either.
    if let Some(root) = roots.iter().find(|root| target.starts_with(root) || parent.starts_with(root)) {
        return Err(OutputError::InEvidence { out: target, root: root.clone() });
    }
    if let Some(root) = roots.iter().find(|root| root.starts_with(&target)) {
        return Err(OutputError::HoldsEvidence { out: target, root: root.clone() });
    }
    let replaceable = match (force, unfinished) {
        (true, _) => ReplaceableOutput::AnyOutput,
        (false, UnfinishedPolicy::Resume) => ReplaceableOutput::Interrupted,
        (false, _) => ReplaceableOutput::Nothing,
    };
    check_existing(&target, replaceable)?;
    let partial = PartialDirectory::take(&target, unfinished, access).map_err(|obstacle| match obstacle {
        Obstacle::Busy(path) => OutputError::Busy(path),
        Obstacle::Unfinished(path) => OutputError::Unfinished(path),
        Obstacle::Foreign(path) => OutputError::PartialForeign(path),
        Obstacle::Shared(path, found) => OutputError::PartialShared { path, found },
        Obstacle::System(source) => place(source),
    })?;
    access.make_folder(&partial.tables().join(STATS_FOLDER)).map_err(place)?;
    Ok(OutputDirectory { target, partial, replaceable, access })
}

/// Returns the absolute path of `out`, with symbolic links resolved. The directory need not exist,
/// but its parent must.
fn absolute(out: &Path) -> io::Result<PathBuf> {
    if let Ok(path) = fs::canonicalize(out) {
        return Ok(path);
    }
    let out = std::path::absolute(out)?;
    let (Some(parent), Some(name)) = (out.parent(), out.file_name()) else { return Ok(out) };
    Ok(fs::canonicalize(parent)?.join(name))
}

fn check_existing(target: &Path, replaceable: ReplaceableOutput) -> Result<(), OutputError> {
    let place = |source| OutputError::Location { path: target.to_path_buf(), source };
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(place(error)),
        Ok(metadata) if !metadata.is_dir() => return Err(place(io::ErrorKind::NotADirectory.into())),
        Ok(_) => {}
    }
    if entries(target).map_err(place)?.is_empty() {
        return Ok(());
    }
    let run = EarlierRun::of(target);
    let is_interrupted = run.as_ref().is_some_and(|run| run.interrupted);
    if replaceable == ReplaceableOutput::Nothing
        || (replaceable == ReplaceableOutput::Interrupted && !is_interrupted)
    {
        return Err(OutputError::Exists(target.to_path_buf()));
    }
    let found = match run {
        None => Some("no run.json of dnsweep".to_owned()),
        Some(run) => foreign(target, &run.written()).map_err(place)?.map(|name| format!("'{name}'")),
    };
    found.map_or(Ok(()), |found| Err(OutputError::Foreign { path: target.to_path_buf(), found }))
}

/// What happens to the journal of a sweep once the output directory is complete. In the journal, a
/// sweep notes what it has read, so that it can be resumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FinalJournal {
    /// The sweep read everything, so there is nothing to resume: the journal is removed.
    Remove,
    /// The sweep was interrupted: the journal is kept, so that the sweep can be resumed.
    Keep,
}

impl OutputDirectory {
    /// Returns the path of the sweep's journal, in which the sweep notes what it has read, so that
    /// it can be resumed.
    #[must_use]
    pub fn journal(&self) -> PathBuf {
        self.partial.journal()
    }

    /// Returns the path of the folder for temporary files. It lies in the partial directory next to
    /// the output.
    #[must_use]
    pub fn temporary(&self) -> PathBuf {
        self.partial.tables()
    }

    /// Returns the path at which the file `name` of the output is to be written now (in the partial
    /// directory), and who may read it. Creates nothing. The file gets its final path when the
    /// output is complete.
    #[must_use]
    pub fn staged(&self, name: &str) -> NewFile {
        NewFile { path: self.partial.tables().join(name), access: self.access }
    }

    /// Makes the folder `name` in the output. The folder's parent must exist. Returns true if the
    /// folder was made, and false if anything of this name already exists.
    pub(super) fn make_folder(&self, name: &str) -> Result<bool, OutputError> {
        let path = self.partial.tables().join(name);
        match self.access.make_folder(&path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(failed(&path, &error)),
        }
    }

    /// Makes the folder `name` in the output, and those of its parent folders that do not exist
    /// yet. It is not an error if the folder exists.
    pub(super) fn make_folders(&self, name: &str) -> Result<(), OutputError> {
        let ends = name.match_indices('/').map(|(end, _)| end).chain([name.len()]);
        ends.filter_map(|end| name.get(..end)).try_for_each(|folder| self.make_folder(folder).map(|_| ()))
    }

    /// Removes the file `name` from the unfinished output. The file was begun, but must not become
    /// a part of the output.
    pub fn discard(&self, name: &str) -> Result<(), OutputError> {
        let path = self.staged(name).path;
        fs::remove_file(&path).map_err(|error| failed(&path, &error))
    }

    /// Writes `run.json`, whose presence makes the directory an output of dnsweep. Returns the
    /// file, which is still syncing to the disk; the caller must pass it to `publish`.
    pub fn write_run(&self, json: &[u8]) -> Result<PendingSync, OutputError> {
        self.write_document(RUN_FILE, json)
    }

    /// Writes `report.html`, the page that shows the output to people. Returns the file, which is
    /// still syncing to the disk; the caller must pass it to `publish`.
    pub fn write_page(&self, html: &[u8]) -> Result<PendingSync, OutputError> {
        self.write_document(PAGE_FILE, html)
    }

    fn write_document(&self, name: &str, bytes: &[u8]) -> Result<PendingSync, OutputError> {
        let new = self.staged(name);
        let write = || -> io::Result<File> {
            let mut file = new.create()?;
            file.write_all(bytes)?;
            Ok(file)
        };
        let file = write().map_err(|error| failed(&new.path, &error))?;
        Ok(PendingSync::new(new.path, file))
    }

    /// Completes the output: waits until all files are on the disk, gives the finished directory
    /// the output's name, and then removes an earlier output at that path. `files` are the written
    /// files that are still being synced; `journal` says whether the sweep's journal is kept for a
    /// resumed sweep. Returns the output's path.
    pub fn publish(
        self,
        files: impl IntoIterator<Item = PendingSync>,
        journal: FinalJournal,
    ) -> Result<PathBuf, OutputError> {
        let OutputDirectory { target, partial, replaceable, access } = self;
        let tables = partial.tables();
        // Another program may have changed what lies at the output's path while the evidence was
        // read.
        check_existing(&target, replaceable).map_err(|error| failed(&target, &io::Error::other(error)))?;
        if access == Access::Others {
            like_the_one_before(&tables, &target).map_err(|error| failed(&target, &error))?;
        }
        let divided = PARTITIONED.map(|table| tables.join(PARTITIONS_FOLDER).join(table));
        let divided =
            divided.into_iter().chain([tables.join(PARTITIONS_FOLDER)]).filter(|path| path.is_dir());
        let directories = divided.chain([tables.join(STATS_FOLDER), tables.clone()]);
        let directories: Vec<Result<PendingSync, OutputError>> = directories
            .map(|path| {
                let directory = open_directory(&path).map_err(|error| failed(&path, &error))?;
                Ok(PendingSync::new(path, directory))
            })
            .collect();
        directories.into_iter().chain(files.into_iter().map(Ok)).try_for_each(|syncing| syncing?.wait())?;
        let publish = || -> io::Result<()> {
            replace(&tables, &target, &partial.replaced(), replaceable)?;
            if journal == FinalJournal::Remove { partial.finish() } else { Ok(()) }
        };
        publish().map_err(|error| failed(&target, &error))?;
        Ok(target)
    }
}

/// Gives the finished directory `tables` the permissions of the directory `target` that it will
/// replace. Does nothing if there is no directory at `target`.
fn like_the_one_before(tables: &Path, target: &Path) -> io::Result<()> {
    if target.is_dir() { fs::set_permissions(tables, fs::metadata(target)?.permissions()) } else { Ok(()) }
}

/// Renames the finished directory `staging` to `target`.
///
/// An empty directory or an earlier output at `target` is first moved to `earlier`, and removed
/// only once the new output is in place. Before the new output takes its place, the moved directory
/// is checked once more: if it is not one that `replaceable` allows to be replaced, for example
/// because somebody put a file into it at the last moment, it is moved back, and an error is
/// returned.
fn replace(staging: &Path, target: &Path, earlier: &Path, replaceable: ReplaceableOutput) -> io::Result<()> {
    let parent = target.parent().unwrap_or(Path::new("/"));
    match fs::rename(target, earlier) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            fs::rename(staging, target)?;
            sync_directory(parent)
        }
        Err(error) => Err(error),
        Ok(()) => {
            let lies = |what: &str, error: &io::Error| {
                io::Error::other(format!("{what} lies at '{}': {error}", earlier.display()))
            };
            let is_ours = check_existing(earlier, replaceable).map_err(io::Error::other);
            if let Err(error) = is_ours.and_then(|()| fs::rename(staging, target)) {
                fs::rename(earlier, target).map_err(|error| lies("it was moved away and", &error))?;
                return Err(error);
            }
            sync_directory(parent)?;
            remove_output(earlier)
                .map_err(|error| lies("it is complete, but what was there before still", &error))
        }
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    open_directory(path)?.sync_all()
}

/// Removes an earlier output of dnsweep, or an empty directory, at `path`.
fn remove_output(path: &Path) -> io::Result<()> {
    match EarlierRun::of(path) {
        Some(run) => remove(path, &run.written()),
        None => fs::remove_dir(path),
    }
}

fn failed(path: &Path, error: &io::Error) -> OutputError {
    OutputError::Write { path: path.to_path_buf(), reason: error.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_added_to_an_earlier_output_at_the_last_moment_is_not_removed_with_it() {
        let scene = tempfile::tempdir().unwrap();
        let [staging, target, earlier] = ["new", "out", "earlier"].map(|name| scene.path().join(name));
        fs::create_dir(&staging).unwrap();
        fs::create_dir(&target).unwrap();
        fs::write(target.join("notes.txt"), "mine").unwrap();
        assert!(replace(&staging, &target, &earlier, ReplaceableOutput::AnyOutput).is_err());
        assert_eq!(fs::read_to_string(target.join("notes.txt")).unwrap(), "mine");
        assert!(staging.exists() && !earlier.exists());
        fs::remove_file(target.join("notes.txt")).unwrap();
        replace(&staging, &target, &earlier, ReplaceableOutput::AnyOutput).unwrap();
        assert!(target.exists() && !staging.exists() && !earlier.exists());
    }
}
