//! The partial directory: it lies next to the output directory and contains an unfinished sweep's
//! tables and journal. The journal has what the sweep has read so far, and `--resume` continues
//! from it.
//!
//! The partial directory of an output `NAME` is called `.NAME.partial`. Only the sweep that has its
//! lock writes to it. If a sweep is killed, the directory stays. If it is interrupted, or the disk
//! is full, the directory stays only if its journal has an entry after the first, which states the
//! sweep's options.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::frame;
use super::names::{PARTIAL_JOURNAL, PARTIAL_LOCK, PARTIAL_REPLACED, PARTIAL_TABLES, partial_directory};
use super::removal::{VaryingFiles, absent, foreign, remove};
use crate::base::platform::files::{self, FileOpenError, Link};
use crate::base::platform::{Access, metadata, open_own, user};

/// What a sweep does if an earlier sweep to the same output was not finished and left its journal,
/// which says what that sweep has read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UnfinishedPolicy {
    /// The sweep refuses to begin, because somebody may want to resume the unfinished sweep.
    #[default]
    Refuse,
    /// The sweep discards the journal of the unfinished sweep, and reads all evidence anew
    /// (`--force`).
    Discard,
    /// The sweep takes from the journal what the unfinished sweep has read, and reads only the rest
    /// (`--resume`).
    Resume,
}

/// Why a sweep cannot use the partial directory, in which unfinished tables are kept. All variants
/// but `System` contain the directory's path.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// Another sweep has locked the partial directory, because it is writing to it.
    Busy(PathBuf),
    /// The partial directory has the journal of an unfinished sweep, from which it could be
    /// resumed, and neither `--resume` nor `--force` was given.
    Unfinished(PathBuf),
    /// Something that no sweep made lies at the path of the partial directory.
    Foreign(PathBuf),
    /// The partial directory belongs to another user, or others can write to it. The text names the
    /// directory's owner and permissions.
    Shared(PathBuf, String),
    /// The operating system returned an error for the partial directory.
    System(io::Error),
}

impl From<io::Error> for Obstacle {
    fn from(error: io::Error) -> Self {
        Obstacle::System(error)
    }
}

/// A partial directory that this process has locked. It contains the tables of a sweep that is not
/// finished, and the journal from which that sweep can be resumed.
#[derive(Debug)]
pub(super) struct PartialDirectory {
    path: PathBuf,
    _lock: File,
}

impl PartialDirectory {
    /// Creates the partial directory of the output `target`, or takes over an existing one. Locks
    /// the directory, and creates an empty folder for tables in it. `unfinished` says what to do
    /// with the journal of an earlier sweep that was not finished, and `access` who may read the
    /// tables.
    pub(super) fn take(
        target: &Path,
        unfinished: UnfinishedPolicy,
        access: Access,
    ) -> Result<Self, Obstacle> {
        let path = partial_directory(target);
        match Access::Owner.make_folder(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => check(&path)?,
            made => made?,
        }
        let lock = open_own(&path.join(PARTIAL_LOCK))?;
        match lock.try_lock() {
            Err(TryLockError::WouldBlock) => return Err(Obstacle::Busy(path)),
            Err(TryLockError::Error(error)) => return Err(error.into()),
            Ok(()) => {}
        }
        let directory = PartialDirectory { path, _lock: lock };
        directory.restore(target)?;
        if unfinished == UnfinishedPolicy::Refuse && directory.is_worth_keeping() {
            return Err(Obstacle::Unfinished(directory.path.clone()));
        }
        if unfinished != UnfinishedPolicy::Resume {
            absent(fs::remove_file(directory.journal()))?;
        }
        remove(&directory.tables(), &VaryingFiles::OfAny)?;
        access.make_folder(&directory.tables())?;
        Ok(directory)
    }

    /// Repairs an output after a sweep was killed while it replaced an earlier output: moves the
    /// earlier output back to `target` or, if the new output is already there, removes the earlier
    /// one.
    fn restore(&self, target: &Path) -> io::Result<()> {
        let replaced = self.replaced();
        match fs::rename(&replaced, target) {
            Err(_) if target.exists() => remove(&replaced, &VaryingFiles::OfAny),
            restored => absent(restored),
        }
    }

    /// Returns the path to which an earlier output is moved while a new one takes its place.
    pub(super) fn replaced(&self) -> PathBuf {
        self.path.join(PARTIAL_REPLACED)
    }

    /// Returns the path of the folder into which the sweep writes its tables.
    pub(super) fn tables(&self) -> PathBuf {
        self.path.join(PARTIAL_TABLES)
    }

    /// Returns the path of the journal, in which the sweep notes what it has read, so that it can
    /// be resumed.
    pub(super) fn journal(&self) -> PathBuf {
        self.path.join(PARTIAL_JOURNAL)
    }

    /// Removes the sweep's journal. The caller does this once the sweep is complete, because then
    /// there is nothing to resume.
    pub(super) fn finish(&self) -> io::Result<()> {
        absent(fs::remove_file(self.journal()))
    }

    /// Returns true if the sweep's journal has more than its first entry, which states only the
    /// sweep's options. The sweep can then be resumed. Also true if something other than a regular
    /// file lies at the journal's path.
    fn is_worth_keeping(&self) -> bool {
        match files::open(&self.journal(), Link::Refused) {
            Err(FileOpenError::Kind(_)) => true,
            Err(FileOpenError::System(_)) => false,
            Ok(journal) => frame::goes_on(&journal).unwrap_or(false),
        }
    }
}

impl Drop for PartialDirectory {
    fn drop(&mut self) {
        // The next sweep to the same output removes what cannot be removed now.
        let _ = remove(&self.tables(), &VaryingFiles::OfAny);
        if !self.is_worth_keeping() {
            let _ = remove(&self.replaced(), &VaryingFiles::OfAny);
            let _ = fs::remove_file(self.journal());
            let _ = fs::remove_file(self.path.join(PARTIAL_LOCK));
            // The directory stays if anything else lies in it.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Checks that `path` is a partial directory that sweeps of this user made, and to which nobody
/// else can write.
fn check(path: &Path) -> Result<(), Obstacle> {
    let found = path.symlink_metadata()?;
    // A symbolic link to a directory does not count as a directory.
    if !found.is_dir() {
        return Err(Obstacle::Foreign(path.to_path_buf()));
    }
    if !is_own(path, &found)? {
        let found = format!(
            "one of user {} with the permissions {:04o}",
            metadata::owner(&found),
            metadata::mode(&found) & 0o7777
        );
        return Err(Obstacle::Shared(path.to_path_buf(), found));
    }
    if is_of_a_sweep(path, &found)? { Ok(()) } else { Err(Obstacle::Foreign(path.to_path_buf())) }
}

/// Returns true if the directory `path` belongs to this user, and nobody else can write to it.
/// `found` is the directory's metadata.
///
/// Some file systems (FAT, some network mounts) report the same owner and permissions for
/// everything. On such a file system, the directory must have the owner and permissions of a newly
/// made one.
fn is_own(path: &Path, found: &Metadata) -> io::Result<bool> {
    const OTHERS_MAY_WRITE: u32 = 0o022;
    if metadata::owner(found) == user() && metadata::mode(found) & OTHERS_MAY_WRITE == 0 {
        return Ok(true);
    }
    let new = tempfile::Builder::new().prefix(".dnsweep-").tempdir_in(path.parent().unwrap_or(path))?;
    let new = new.path().symlink_metadata()?;
    Ok((metadata::owner(&new), metadata::mode(&new)) == (metadata::owner(found), metadata::mode(found)))
}

/// Returns true if the partial directory `path` contains only what sweeps of the directory's owner
/// put there. `found` is the directory's metadata.
fn is_of_a_sweep(path: &Path, found: &Metadata) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let path = entry.path();
        let is_ours = match entry.file_name().to_str() {
            Some(PARTIAL_LOCK) => entry.file_type()?.is_file(),
            Some(PARTIAL_JOURNAL) => is_journal(&path)?,
            Some(PARTIAL_TABLES | PARTIAL_REPLACED) => {
                entry.file_type()?.is_dir() && foreign(&path, &VaryingFiles::OfAny)?.is_none()
            }
            _ => false,
        };
        if !is_ours || metadata::owner(&entry.metadata()?) != metadata::owner(found) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns true if a file can be the journal of a sweep, from which the sweep is resumed: the file
/// is still empty, or its first entry is complete.
fn is_journal(path: &Path) -> io::Result<bool> {
    match files::open(path, Link::Refused) {
        Err(FileOpenError::Kind(_)) => Ok(false),
        Err(FileOpenError::System(error)) => Err(error),
        Ok(journal) => frame::begins(&journal),
    }
}
