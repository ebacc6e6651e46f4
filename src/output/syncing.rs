//! Syncing of files to the disk, on threads of their own.
//!
//! Waiting for the disk takes as long as writing a small table. A file system syncs several files
//! at once in hardly more time than one.

use std::fs::File;
use std::io;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use super::error::OutputError;

/// A written file or directory that is being synced, so that it survives a crash of the machine.
#[derive(Debug)]
#[must_use = "what went wrong is only known when it was waited for"]
pub struct Syncing {
    path: PathBuf,
    waiting: Waiting,
}

#[derive(Debug)]
enum Waiting {
    Elsewhere(JoinHandle<io::Result<()>>),
    Over(io::Result<()>),
}

impl Syncing {
    /// Starts to sync, through the handle that the file was written with: some file systems report
    /// earlier write errors only there.
    pub(super) fn new(path: PathBuf, file: File) -> Self {
        let file = Arc::new(file);
        let theirs = Arc::clone(&file);
        let thread = Builder::new().spawn(move || theirs.sync_all());
        // If the system gives no more threads, the caller syncs when it waits.
        let waiting = thread.map_or_else(|_| Waiting::Over(file.sync_all()), Waiting::Elsewhere);
        Syncing { path, waiting }
    }

    /// Waits until the file is on the disk.
    pub fn wait(self) -> Result<(), OutputError> {
        let result = match self.waiting {
            Waiting::Elsewhere(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Waiting::Over(result) => result,
        };
        result.map_err(|error| OutputError::Write { path: self.path, reason: error.to_string() })
    }
}
