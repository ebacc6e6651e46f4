//! Syncing of files to the disk, on separate threads. A sweep can write the next file meanwhile.
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

/// A written file or directory that is being synced to the disk, so that it survives a crash of the
/// machine. Whether syncing succeeds is known only after [`wait`](PendingSync::wait).
#[derive(Debug)]
#[must_use = "what went wrong is only known when it was waited for"]
pub struct PendingSync {
    path: PathBuf,
    state: SyncState,
}

#[derive(Debug)]
enum SyncState {
    OnThread(JoinHandle<io::Result<()>>),
    Done(io::Result<()>),
}

impl PendingSync {
    /// Starts to sync a file to the disk, through the handle that it was written with. Some file
    /// systems report earlier write errors only to that handle.
    pub(super) fn new(path: PathBuf, file: File) -> Self {
        let file = Arc::new(file);
        let shared = Arc::clone(&file);
        let thread = Builder::new().spawn(move || shared.sync_all());
        // If the system cannot start another thread, the file is synced at once.
        let state = thread.map_or_else(|_| SyncState::Done(file.sync_all()), SyncState::OnThread);
        PendingSync { path, state }
    }

    /// Waits until the file or directory is on the disk. It is an error if it could not be synced.
    pub fn wait(self) -> Result<(), OutputError> {
        let result = match self.state {
            SyncState::OnThread(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            SyncState::Done(result) => result,
        };
        result.map_err(|error| OutputError::Write { path: self.path, reason: error.to_string() })
    }
}
