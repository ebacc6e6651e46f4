//! The directory beside the output in which a sweep keeps what it has so far: its tables in the
//! making, and the journal of what it has read, from which `--resume` goes on.
//!
//! It is called `.NAME.partial` for an output called `NAME`, and one sweep at a time has it. It
//! outlives a sweep that was killed or interrupted, or that ran out of disk, if there is anything
//! in its journal.

use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use super::frame;
use super::names::{PARTIAL_JOURNAL, PARTIAL_LOCK, PARTIAL_REPLACED, PARTIAL_TABLES, partial_directory};
use super::removal::{Stats, absent, foreign, remove};
use crate::base::platform::files::{self, Link, NotOpened};
use crate::base::platform::{Access, metadata, open_own, user};

/// What a sweep does with the journal of one before it to the same output.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Earlier {
    /// It is an error: somebody may want it.
    #[default]
    Refuse,
    /// It is discarded.
    Discard,
    /// The sweep goes on from it.
    Resume,
}

/// Why the directory cannot be had.
#[derive(Debug)]
pub(super) enum Obstacle {
    /// Another sweep has it.
    Busy(PathBuf),
    /// There is a journal that nothing was said of.
    Unfinished(PathBuf),
    /// Something has its name that no sweep made.
    Foreign(PathBuf),
    /// It is somebody else's, or others can write to it: whose it is, and who can.
    Shared(PathBuf, String),
    /// The system refuses.
    System(io::Error),
}

impl From<io::Error> for Obstacle {
    fn from(error: io::Error) -> Self {
        Obstacle::System(error)
    }
}

/// The directory, held by this process.
#[derive(Debug)]
pub(super) struct PartialDirectory {
    path: PathBuf,
    _lock: File,
}

impl PartialDirectory {
    /// Takes the directory for the output `target`, and makes an empty directory for tables in it.
    pub(super) fn take(target: &Path, earlier: Earlier, access: Access) -> Result<Self, Obstacle> {
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
        if earlier == Earlier::Refuse && directory.is_worth_keeping() {
            return Err(Obstacle::Unfinished(directory.path.clone()));
        }
        if earlier != Earlier::Resume {
            absent(fs::remove_file(directory.journal()))?;
        }
        remove(&directory.tables(), &Stats::OfAny)?;
        access.make_folder(&directory.tables())?;
        Ok(directory)
    }

    /// Puts back an output that a sweep was replacing when it was killed. If the new one is in its
    /// place, it is done with; an empty directory is none.
    fn restore(&self, target: &Path) -> io::Result<()> {
        let replaced = self.replaced();
        match fs::rename(&replaced, target) {
            Err(_) if target.exists() => remove(&replaced, &Stats::OfAny),
            restored => absent(restored),
        }
    }

    /// Where an output is while another one takes its place.
    pub(super) fn replaced(&self) -> PathBuf {
        self.path.join(PARTIAL_REPLACED)
    }

    /// Where the tables are written.
    pub(super) fn tables(&self) -> PathBuf {
        self.path.join(PARTIAL_TABLES)
    }

    /// Where the journal is.
    pub(super) fn journal(&self) -> PathBuf {
        self.path.join(PARTIAL_JOURNAL)
    }

    /// Removes the journal: nothing is left to go on from.
    pub(super) fn finish(&self) -> io::Result<()> {
        absent(fs::remove_file(self.journal()))
    }

    /// Whether the journal has more than its first entry, or is something that no sweep made.
    fn is_worth_keeping(&self) -> bool {
        match files::open(&self.journal(), Link::Refused) {
            Err(NotOpened::Kind(_)) => true,
            Err(NotOpened::System(_)) => false,
            Ok(journal) => frame::goes_on(&journal).unwrap_or(false),
        }
    }
}

impl Drop for PartialDirectory {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep to the same output.
        let _ = remove(&self.tables(), &Stats::OfAny);
        if !self.is_worth_keeping() {
            let _ = remove(&self.replaced(), &Stats::OfAny);
            let _ = fs::remove_file(self.journal());
            let _ = fs::remove_file(self.path.join(PARTIAL_LOCK));
            // Only if nothing else came to lie in it.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Whether a sweep can go on with what has the name of its directory.
fn check(path: &Path) -> Result<(), Obstacle> {
    let found = path.symlink_metadata()?;
    // A link to a directory is none.
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

/// Whether a directory is this user's, and nobody else can put anything into it. Some file systems
/// (FAT, some over networks) say the same of all that they hold; there, it is as a new one would
/// be.
fn is_own(path: &Path, found: &Metadata) -> io::Result<bool> {
    const OTHERS_MAY_WRITE: u32 = 0o022;
    if metadata::owner(found) == user() && metadata::mode(found) & OTHERS_MAY_WRITE == 0 {
        return Ok(true);
    }
    let new = tempfile::Builder::new().prefix(".dnsweep-").tempdir_in(path.parent().unwrap_or(path))?;
    let new = new.path().symlink_metadata()?;
    Ok((metadata::owner(&new), metadata::mode(&new)) == (metadata::owner(found), metadata::mode(found)))
}

/// Whether there is nothing in a directory but what sweeps of its owner put there.
fn is_of_a_sweep(path: &Path, found: &Metadata) -> io::Result<bool> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let path = entry.path();
        let is_ours = match entry.file_name().to_str() {
            Some(PARTIAL_LOCK) => entry.file_type()?.is_file(),
            Some(PARTIAL_JOURNAL) => is_journal(&path)?,
            Some(PARTIAL_TABLES | PARTIAL_REPLACED) => {
                entry.file_type()?.is_dir() && foreign(&path, &Stats::OfAny)?.is_none()
            }
            _ => false,
        };
        if !is_ours || metadata::owner(&entry.metadata()?) != metadata::owner(found) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the first entry of a journal is as a sweep writes it, or there is none yet.
fn is_journal(path: &Path) -> io::Result<bool> {
    match files::open(path, Link::Refused) {
        Err(NotOpened::Kind(_)) => Ok(false),
        Err(NotOpened::System(error)) => Err(error),
        Ok(journal) => frame::begins(&journal),
    }
}
