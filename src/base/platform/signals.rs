//! Handles the signals that end a process (SIGINT of Ctrl-C, SIGTERM, SIGHUP of a lost connection).
//! The first signal sets a flag; the second one ends the process at once. This module is the only
//! user of the crate `signal-hook`.

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

/// The signals that end a process by default, and that this module handles instead.
const ENDING: [i32; 3] = [SIGINT, SIGTERM, SIGHUP];
/// The longest time for which the process waits until a message is written, before it ends at the
/// second signal. It waits first for the message about the first signal, and then equally long for
/// the message about the second. Writing can block if a terminal or a pipe is full, or if a file
/// system hangs. A third signal ends the process without waiting.
const MESSAGE_TIMEOUT: Duration = Duration::from_secs(1);

/// A function that prints a message when a signal arrives.
pub(crate) type PrintMessage = Arc<dyn Fn() + Send + Sync>;

/// Installs handlers for the signals that end a process (SIGINT, SIGTERM, SIGHUP). The first signal
/// sets the returned flag and calls `first`. The second one calls `last` and ends the process with
/// the exit status `status`, even if other threads are busy or blocked.
#[must_use]
pub(crate) fn watch(status: i32, first: PrintMessage, last: PrintMessage) -> Arc<AtomicBool> {
    let (flag, stopping) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    // If the listening thread cannot be started, the second signal ends the process without a
    // message.
    let listener = listen(status, first, last, &stopping).ok();
    let ends_in_silence = if listener.is_some() { &stopping } else { &flag };
    let mut wakes = listener.into_iter().flatten();
    for signal in ENDING {
        // Registering fails only for signals that cannot be caught; these can be. The actions of a
        // signal run in the order of their registration. The order matters: the first action must
        // check its flag before the same signal sets it. The listening thread sets a flag too, so
        // it is woken last.
        let _ = signal_hook::flag::register_conditional_shutdown(signal, status, Arc::clone(ends_in_silence));
        let _ = signal_hook::flag::register(signal, Arc::clone(&flag));
        if let Some(wake) = wakes.next() {
            let _ = pipe::register(signal, wake);
        }
    }
    // With this, a file that grows beyond `ulimit -f` is an ordinary write error, like a full disk,
    // and does not end the process.
    let _ = signal_hook::flag::register(SIGXFSZ, Arc::default());
    flag
}

/// Starts the thread that receives a byte for each signal, prints the message for the first signal,
/// and ends the process at the second. Returns one stream for each kind of signal, to which the
/// signal's handler must write the byte. The thread sets `stopping` at the second signal, so that
/// the handlers can end the process at a third signal while the thread still prints.
fn listen(
    status: i32,
    first: PrintMessage,
    last: PrintMessage,
    stopping: &Arc<AtomicBool>,
) -> io::Result<Vec<UnixStream>> {
    let (mut signals, theirs) = UnixStream::pair()?;
    let wakes = ENDING.iter().map(|_| theirs.try_clone()).collect();
    let stopping = Arc::clone(stopping);
    thread::Builder::new().spawn(move || {
        let mut signal = || signals.read_exact(&mut [0]).is_ok();
        if signal() {
            let first = print_in_thread(first);
            if signal() {
                stopping.store(true, Ordering::Relaxed);
                let _ = first.recv_timeout(MESSAGE_TIMEOUT);
                let _ = print_in_thread(last).recv_timeout(MESSAGE_TIMEOUT);
                exit(status);
            }
        }
    })?;
    wakes
}

/// Runs `message` on a thread of its own, so that the thread that waits for the next signal is
/// never blocked. The returned channel receives `()` once the message is printed.
fn print_in_thread(message: PrintMessage) -> Receiver<()> {
    let (done, said) = channel();
    let _ = thread::Builder::new().spawn(move || {
        message();
        let _ = done.send(());
    });
    said
}

/// Returns standard error as a file, which is written to without the lock that Rust's standard
/// library has for it: a thread with the lock may be blocked by a slow reader.
pub(crate) fn unlocked_stderr() -> io::Result<File> {
    stderr().as_fd().try_clone_to_owned().map(File::from)
}
