//! Signals: the first one that ends a process (Ctrl-C, SIGTERM, or SIGHUP of a lost connection)
//! raises a flag, the second one ends the process at once. The only user of `signal-hook`.

use std::fs::File;
use std::io::{self, Read, stderr};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGXFSZ};
use signal_hook::low_level::{exit, pipe};

const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
/// How long the last words are waited for: a terminal or a pipe can be full, a file system hang,
/// and a machine be busy. A third signal does not wait.
const PATIENCE: Duration = Duration::from_secs(1);

/// What is said at a signal.
pub(crate) type Words = Arc<dyn Fn() + Send + Sync>;

/// A flag that the first signal raises; `first` is said then. At the second signal, `last` is said
/// and the process ends with `status`, whatever its other threads are doing.
#[must_use]
pub(crate) fn watch(status: i32, first: Words, last: Words) -> Arc<AtomicBool> {
    let (flag, stopping) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    // Without a thread that says so, the second signal ends the process in silence.
    let listener = listen(status, first, last, &stopping).ok();
    let ends_in_silence = if listener.is_some() { &stopping } else { &flag };
    let mut wakes = listener.into_iter().flatten();
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
fn listen(status: i32, first: Words, last: Words, stopping: &Arc<AtomicBool>) -> io::Result<Vec<UnixStream>> {
    let (mut signals, theirs) = UnixStream::pair()?;
    let wakes = ENDING.iter().map(|_| theirs.try_clone()).collect();
    let stopping = Arc::clone(stopping);
    thread::Builder::new().spawn(move || {
        let mut signal = || signals.read_exact(&mut [0]).is_ok();
        if signal() {
            let first = say(first);
            if signal() {
                stopping.store(true, Ordering::Relaxed);
                let _ = first.recv_timeout(PATIENCE);
                let _ = say(last).recv_timeout(PATIENCE);
                exit(status);
            }
        }
    })?;
    wakes
}

/// Says something in a thread of its own, and sends when it was said: the thread that hears the
/// next signal waits for nobody.
fn say(words: Words) -> Receiver<()> {
    let (done, said) = channel();
    let _ = thread::Builder::new().spawn(move || {
        words();
        let _ = done.send(());
    });
    said
}

/// Standard error past its lock: a thread that holds the lock may be waiting for its reader.
pub(crate) fn unlocked_stderr() -> io::Result<File> {
    stderr().as_fd().try_clone_to_owned().map(File::from)
}
