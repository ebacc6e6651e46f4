//! What signals do to a sweep: the first one (Ctrl-C, SIGTERM, or SIGHUP of a lost connection) ends
//! it in order, the second one at once. The only user of `signal-hook`.

use std::fs::File;
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::low_level::{exit, pipe};

use crate::cli::arguments::LogFormat;
use crate::cli::console::{Level, Log};
use crate::cli::exit::Exit;
use crate::cli::progress::Verbosity;
use crate::output::partial_directory;

const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
/// How long the last words are waited for: a terminal or a pipe can be full, a file system hang,
/// and a machine be busy. A third signal does not wait.
const PATIENCE: Duration = Duration::from_secs(1);
const FINISHING: &str =
    "interrupted: what is under way is finished and written; a second signal stops at once";

/// Says what becomes of an interrupted sweep.
#[derive(Debug, Clone)]
struct Voice {
    out: PathBuf,
    format: LogFormat,
    verbosity: Verbosity,
}

/// A flag that the first signal sets. The second one ends the process, whatever the other threads
/// are doing.
#[must_use]
pub fn watch(out: &Path, format: LogFormat, verbosity: Verbosity) -> Arc<AtomicBool> {
    let (flag, stopping) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    let voice = Voice { out: out.to_path_buf(), format, verbosity };
    // Without a thread that says so, the second signal ends the process in silence.
    let listener = listen(voice, &stopping).ok();
    let ends_in_silence = if listener.is_some() { &stopping } else { &flag };
    let mut wakes = listener.into_iter().flatten();
    let status = i32::from(Exit::Interrupted.number());
    for signal in ENDING {
        // Registering fails only for signals that cannot be caught; these can. A signal does these
        // in their order, and the order matters: a flag must still be down when the signal that
        // raises it asks for it. The thread that listens raises one, so it is woken last.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, status, Arc::clone(ends_in_silence));
        let _ = signal_hook::flag::register(signal, Arc::clone(&flag));
        if let Some(wake) = wakes.next() {
            let _ = pipe::register(signal, wake);
        }
    }
    // A file that grows beyond what `ulimit -f` allows then is an error like that of a full disk,
    // not the end of the process.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    flag
}

/// Starts the thread that hears of each signal by a byte, and ends the process at the second one.
/// Returns an end to write the byte to for each of the signals.
fn listen(voice: Voice, stopping: &Arc<AtomicBool>) -> io::Result<Vec<UnixStream>> {
    let (mut signals, theirs) = UnixStream::pair()?;
    let wakes = ENDING.iter().map(|_| theirs.try_clone()).collect();
    let stopping = Arc::clone(stopping);
    thread::Builder::new().spawn(move || {
        let mut signal = || signals.read_exact(&mut [0]).is_ok();
        if signal() {
            let first = voice.say(Voice::finishing);
            if signal() {
                stopping.store(true, Ordering::Relaxed);
                let _ = first.recv_timeout(PATIENCE);
                let _ = voice.say(Voice::stopped).recv_timeout(PATIENCE);
                exit(i32::from(Exit::Interrupted.number()));
            }
        }
    })?;
    wakes
}

impl Voice {
    /// Says something in a thread of its own, and tells when it was said: who hears the next signal
    /// waits for nobody.
    fn say(&self, what: fn(&Voice)) -> Receiver<()> {
        let (done, said) = channel();
        let voice = self.clone();
        let _ = thread::Builder::new().spawn(move || {
            what(&voice);
            let _ = done.send(());
        });
        said
    }

    fn finishing(&self) {
        if self.verbosity == Verbosity::Normal {
            self.line(Level::Info, FINISHING);
        }
    }

    fn stopped(&self) {
        let (out, partial) = (self.out.display(), partial_directory(&self.out));
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

    /// Writes a line to standard error, past its lock: whoever holds that may be waiting for its
    /// reader.
    fn line(&self, level: Level, message: &str) {
        let stderr = io::stderr();
        let Ok(mut to) = stderr.as_fd().try_clone_to_owned().map(File::from) else { return };
        if self.format == LogFormat::Text && stderr.is_terminal() {
            // Progress may stand there.
            let _ = to.write_all(b"\n");
        }
        Log::new(to, self.format).line(level, message);
    }
}
