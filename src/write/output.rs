//! The output directory: complete or absent.
//!
//! Everything is written into a directory beside it, with a name of its own, and only when all is
//! written and synced does that take the output's name. Whoever finds the output finds all of it.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::error::SweepError;

/// The file that makes a directory an output of dnsweep.
const RUN_FILE: &str = "run.json";
/// What an output holds, by name.
const OUTPUT_NAMES: [&str; 5] = ["matches.parquet", "hosts.parquet", "files.parquet", "stats", RUN_FILE];

/// An output directory that is being written.
#[derive(Debug)]
pub struct OutputDirectory {
    target: PathBuf,
    staging: TempDir,
}

/// Checks that `out` may become an output, and makes the directory beside it that is written to.
///
/// `roots` are the evidence's absolute paths: nothing is written under them. An earlier output is
/// replaced only with `force`, and never a directory that holds anything else.
pub fn prepare(out: &Path, roots: &[PathBuf], force: bool) -> Result<OutputDirectory, SweepError> {
    let place = |source| SweepError::OutputPlace { path: out.to_path_buf(), source };
    let target = absolute(out).map_err(place)?;
    if let Some(root) = roots.iter().find(|root| target.starts_with(root)) {
        return Err(SweepError::OutputInEvidence { out: target, root: root.clone() });
    }
    check_existing(&target, force)?;
    let parent = target.parent().unwrap_or(Path::new("/"));
    if let Some(root) = roots.iter().find(|root| parent.starts_with(root)) {
        return Err(SweepError::OutputInEvidence { out: target, root: root.clone() });
    }
    let mut prefix = OsString::from(".");
    prefix.push(target.file_name().unwrap_or_default());
    prefix.push(".partial-");
    let staging = tempfile::Builder::new().prefix(&prefix).tempdir_in(parent).map_err(place)?;
    fs::create_dir(staging.path().join("stats")).map_err(place)?;
    Ok(OutputDirectory { target, staging })
}

/// The path without links, of a directory that need not exist but whose parent must.
fn absolute(out: &Path) -> io::Result<PathBuf> {
    if let Ok(path) = fs::canonicalize(out) {
        return Ok(path);
    }
    let out = std::path::absolute(out)?;
    let (Some(parent), Some(name)) = (out.parent(), out.file_name()) else { return Ok(out) };
    Ok(fs::canonicalize(parent)?.join(name))
}

fn check_existing(target: &Path, force: bool) -> Result<(), SweepError> {
    let place = |source| SweepError::OutputPlace { path: target.to_path_buf(), source };
    match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(place(error)),
        Ok(metadata) if !metadata.is_dir() => return Err(place(io::ErrorKind::NotADirectory.into())),
        Ok(_) => {}
    }
    let names: Vec<OsString> = fs::read_dir(target)
        .and_then(|entries| entries.map(|entry| Ok(entry?.file_name())).collect())
        .map_err(place)?;
    if names.is_empty() {
        return Ok(());
    }
    if !force {
        return Err(SweepError::OutputExists(target.to_path_buf()));
    }
    let foreign = names.iter().find(|name| !OUTPUT_NAMES.iter().any(|own| name == own));
    match foreign {
        Some(name) => Err(SweepError::OutputForeign {
            path: target.to_path_buf(),
            found: name.to_string_lossy().into_owned(),
        }),
        None if !names.iter().any(|name| name == RUN_FILE) => Err(SweepError::OutputForeign {
            path: target.to_path_buf(),
            found: "tables without a run.json".to_owned(),
        }),
        None => Ok(()),
    }
}

impl OutputDirectory {
    /// Where a file is written to for now.
    #[must_use]
    pub fn staged(&self, name: &str) -> PathBuf {
        self.staging.path().join(name)
    }

    /// Where the output will be.
    #[must_use]
    pub fn target(&self) -> &Path {
        &self.target
    }

    /// Writes `run.json`, the last file.
    pub fn write_run(&self, json: &[u8]) -> Result<(), SweepError> {
        let path = self.staged(RUN_FILE);
        let write = || -> io::Result<()> {
            let mut file = File::options().write(true).create_new(true).open(&path)?;
            file.write_all(json)?;
            file.sync_all()
        };
        write().map_err(|error| failed(&path, &error))
    }

    /// Gives the finished directory the output's name; an earlier output is removed then.
    pub fn publish(self) -> Result<PathBuf, SweepError> {
        let OutputDirectory { target, staging } = self;
        let publish = || -> io::Result<()> {
            open_to_all_that_may_enter(staging.path(), &target)?;
            sync_directory(&staging.path().join("stats"))?;
            sync_directory(staging.path())?;
            replace(staging.path(), &target)?;
            sync_directory(target.parent().unwrap_or(Path::new("/")))
        };
        publish().map_err(|error| failed(&target, &error))?;
        // The directory has another name by now; there is nothing left to remove.
        let _ = staging.keep();
        Ok(target)
    }
}

/// A temporary directory is its owner's alone; an output is what `mkdir` would have made.
fn open_to_all_that_may_enter(staging: &Path, target: &Path) -> io::Result<()> {
    let like = if target.is_dir() { target.to_path_buf() } else { staging.join("stats") };
    fs::set_permissions(staging, fs::metadata(like)?.permissions())
}

/// Renames `staging` to `target`. What lies there (an empty directory or an earlier output) is
/// moved out of the way first and removed last, so that it is whole until the new one is.
fn replace(staging: &Path, target: &Path) -> io::Result<()> {
    let mut earlier = OsString::from(staging);
    earlier.push(".earlier");
    match fs::rename(target, &earlier) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => fs::rename(staging, target),
        Err(error) => Err(error),
        Ok(()) => {
            if let Err(error) = fs::rename(staging, target) {
                fs::rename(&earlier, target)?;
                return Err(error);
            }
            fs::remove_dir_all(&earlier)
        }
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn failed(path: &Path, error: &io::Error) -> SweepError {
    SweepError::Output { path: path.to_path_buf(), reason: error.to_string() }
}
