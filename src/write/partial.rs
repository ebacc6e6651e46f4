//! The directory beside the output in which a sweep keeps what it has so far: its tables in the making, and the journal of what it
//! has read, from which `--resume` goes on.
//!
//! It is called `.NAME.partial` for an output called `NAME`, and one sweep at a time has it. It outlives a sweep that was killed or
//! interrupted, or that ran out of disk, if there is anything in its journal.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use super::output::{RUN_FILE, STATS_FOLDER};
use crate::digest::sha256_bytes;

const LOCK: &str = "lock";
const JOURNAL: &str = "journal";
const TABLES: &str = "tables";
const REPLACED: &str = "replaced";

/// Bytes of an entry of the journal before its document: the document's length as a little-endian u32, and its SHA-256.
pub(crate) const JOURNAL_PREFIX: usize = JOURNAL_LENGTH_SIZE + 32;
/// Those of the length.
pub(crate) const JOURNAL_LENGTH_SIZE: usize = 4;

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
    pub(super) fn take(target: &Path, earlier: Earlier) -> Result<Self, Obstacle> {
        let mut name = OsString::from(".");
        name.push(target.file_name().unwrap_or_default());
        name.push(".partial");
        let path = target.with_file_name(name);
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.into()),
            Err(_) if !is_of_a_sweep(&path)? => return Err(Obstacle::Foreign(path)),
            _ => {}
        }
        let lock = File::options().create(true).append(true).open(path.join(LOCK))?;
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
        absent(fs::remove_dir_all(directory.tables()))?;
        fs::create_dir(directory.tables())?;
        Ok(directory)
    }

    /// Puts back an output that a sweep was replacing when it was killed. If the new one is in its place, it is done with; an empty directory
    /// is none.
    fn restore(&self, target: &Path) -> io::Result<()> {
        let replaced = self.replaced();
        match fs::rename(&replaced, target) {
            Err(_) if target.exists() => absent(fs::remove_dir_all(replaced)),
            restored => absent(restored),
        }
    }

    /// Where an output is while another one takes its place.
    pub(super) fn replaced(&self) -> PathBuf {
        self.path.join(REPLACED)
    }

    /// Where the tables are written.
    pub(super) fn tables(&self) -> PathBuf {
        self.path.join(TABLES)
    }

    /// Where the journal is.
    pub(super) fn journal(&self) -> PathBuf {
        self.path.join(JOURNAL)
    }

    /// Removes the journal: nothing is left to go on from.
    pub(super) fn finish(&self) -> io::Result<()> {
        absent(fs::remove_file(self.journal()))
    }

    /// Whether the journal has more than its first entry, or is something that no sweep made.
    fn is_worth_keeping(&self) -> bool {
        let path = self.journal();
        // What is no file is none of ours; to open a pipe would wait for somebody to write into it.
        if path.symlink_metadata().is_ok_and(|found| !found.is_file()) {
            return true;
        }
        let more = || -> io::Result<bool> {
            let mut journal = File::open(path)?;
            let mut first = [0; JOURNAL_LENGTH_SIZE];
            journal.read_exact(&mut first)?;
            let first = JOURNAL_PREFIX as u64 + u64::from(u32::from_le_bytes(first));
            Ok(journal.metadata()?.len() > first)
        };
        more().unwrap_or(false)
    }
}

impl Drop for PartialDirectory {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next sweep to the same output.
        let _ = fs::remove_dir_all(self.tables());
        if !self.is_worth_keeping() {
            let _ = fs::remove_dir_all(self.replaced());
            let _ = fs::remove_file(self.journal());
            let _ = fs::remove_file(self.path.join(LOCK));
            // Only if nothing else came to lie in it.
            let _ = fs::remove_dir(&self.path);
        }
    }
}

/// Whether there is nothing in a directory but what sweeps put there. A link to one is none.
fn is_of_a_sweep(path: &Path) -> io::Result<bool> {
    if !path.symlink_metadata()?.is_dir() {
        return Ok(false);
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let is_ours = match entry.file_name().to_str() {
            Some(LOCK) => entry.file_type()?.is_file(),
            Some(JOURNAL) => is_journal(&entry.path())?,
            Some(TABLES | REPLACED) => is_of_tables(&entry.path(), Depth::Output)?,
            _ => false,
        };
        if !is_ours {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether the first entry of a journal is as a sweep writes it, or there is none yet.
fn is_journal(path: &Path) -> io::Result<bool> {
    if !path.symlink_metadata()?.is_file() {
        return Ok(false);
    }
    let mut journal = File::open(path)?;
    let mut prefix = [0; JOURNAL_PREFIX];
    let size = journal.metadata()?.len();
    if size == 0 {
        return Ok(true);
    }
    let (length, sum) = match journal.read_exact(&mut prefix) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        Err(error) => return Err(error),
        Ok(()) => prefix.split_at(JOURNAL_LENGTH_SIZE),
    };
    let length = u64::from(length.try_into().map_or(0, u32::from_le_bytes));
    let mut document = Vec::new();
    journal.take(length).read_to_end(&mut document)?;
    Ok(document.len() as u64 == length && sha256_bytes(&document) == sum)
}

/// What a folder of tables may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// Tables, what is said of the run, and a folder of more tables.
    Output,
    /// Tables.
    Stats,
}

/// Whether a folder holds nothing but what a sweep writes as its output.
fn is_of_tables(path: &Path, depth: Depth) -> io::Result<bool> {
    if !path.symlink_metadata()?.is_dir() {
        return Ok(false);
    }
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_output = depth == Depth::Output;
        let is_ours = if is_output && name == STATS_FOLDER {
            is_of_tables(&entry.path(), Depth::Stats)?
        } else {
            let is_table = Path::new(&name).extension().is_some_and(|extension| extension == "parquet");
            (is_table || is_output && name == RUN_FILE) && entry.file_type()?.is_file()
        };
        if !is_ours {
            return Ok(false);
        }
    }
    Ok(true)
}

/// That there is nothing to remove is no error.
fn absent(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}
