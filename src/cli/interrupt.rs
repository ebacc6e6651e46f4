//! Handles signals such as that of Ctrl-C during a sweep. The first signal ends the sweep when the
//! work in progress is finished, the second one ends it at once. Each prints a message.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::base::platform::signals::{self, unlocked_stderr};
use crate::cli::arguments::LogFormat;
use crate::cli::console::{Level, MessageWriter};
use crate::cli::exit::Exit;
use crate::cli::progress::Verbosity;
use crate::output::partial_directory;

const FINISHING: &str =
    "interrupted: work in progress is finished and written; a second signal stops at once";
const STOPPING: &str = "interrupted: nothing will be written; a second signal stops at once";

/// Writes the messages for the user when a signal ends a sweep.
#[derive(Debug, Clone)]
struct InterruptMessages {
    /// The output directory, which the messages name. `None` for a command that leaves no output if
    /// it is interrupted.
    out: Option<PathBuf>,
    format: LogFormat,
    verbosity: Verbosity,
}

/// Installs handlers for signals such as that of Ctrl-C during a sweep. The first signal sets the
/// returned flag, which ends the sweep when the work in progress is finished. The second one ends
/// the process at once, even if other threads are busy or blocked. Each signal prints a message
/// (the first one only if `verbosity` is normal). `out` is the output directory, which the second
/// message names; `None` for a command that leaves no output if it is interrupted.
#[must_use]
pub fn watch(out: Option<&Path>, format: LogFormat, verbosity: Verbosity) -> Arc<AtomicBool> {
    let messages = Arc::new(InterruptMessages { out: out.map(Path::to_path_buf), format, verbosity });
    let (first, last) = (Arc::clone(&messages), messages);
    let status = i32::from(Exit::Interrupted.number());
    signals::watch(status, Arc::new(move || first.finishing()), Arc::new(move || last.stopped()))
}

impl InterruptMessages {
    fn finishing(&self) {
        if self.verbosity == Verbosity::Normal {
            self.line(Level::Info, if self.out.is_some() { FINISHING } else { STOPPING });
        }
    }

    fn stopped(&self) {
        let Some(out) = &self.out else {
            return self.line(Level::Error, "stopped at once: nothing was written");
        };
        let (out, partial) = (out.display(), partial_directory(out));
        let kept = if partial.exists() {
            let partial = partial.display();
            format!(
                "what it has read is kept in '{partial}': the same command with --resume goes on from there"
            )
        } else {
            "nothing of it is kept".to_owned()
        };
        self.line(Level::Error, &format!("stopped at once: this sweep wrote nothing to '{out}'; {kept}"));
    }

    /// Writes a message to standard error without taking the lock that Rust's standard library has
    /// for it, because the thread with the lock may be waiting for a slow reader.
    fn line(&self, level: Level, message: &str) {
        let Ok(mut to) = unlocked_stderr() else { return };
        if self.format == LogFormat::Text && io::stderr().is_terminal() {
            // The progress bar may be on the current line.
            let _ = to.write_all(b"\n");
        }
        MessageWriter::new(to, self.format).line(level, message);
    }
}
