//! Files on their way to the disk.
//!
//! To wait for the disk takes as long as to write a small table, and a file system takes hardly
//! longer over several files that are waited for together than over one.

use std::fs::File;
use std::io;
use std::panic::resume_unwind;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};

use super::error::OutputError;

/// A file that was written and is to be on the disk, whatever happens to the machine.
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
    /// Begins, by the handle that the file was written through: some file systems tell of what went
    /// wrong only there.
    pub(super) fn new(path: PathBuf, file: File) -> Self {
        let file = Arc::new(file);
        let theirs = Arc::clone(&file);
        let thread = Builder::new().spawn(move || theirs.sync_all());
        // Where the system gives no more threads, the caller waits.
        let waiting = thread.map_or_else(|_| Waiting::Over(file.sync_all()), Waiting::Elsewhere);
        Syncing { path, waiting }
    }

    /// Waits until it is on the disk.
    pub fn wait(self) -> Result<(), OutputError> {
        let result = match self.waiting {
            Waiting::Elsewhere(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Waiting::Over(result) => result,
        };
        result.map_err(|error| OutputError::Write { path: self.path, reason: error.to_string() })
    }
}
