//! Limits how many threads read evidence at the same time.
//!
//! A spinning disk or a network mount is fastest when a single reader reads it in order; several
//! readers make it seek. A thread needs a permit only while it reads a block (a range of
//! consecutive chunks of a log) into memory, and decodes the block without one. So threads wait for
//! one another only while they read.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::evidence::source::LogBytes;

/// A limited number of permits to read evidence at the same time. Logs that are wrapped by
/// [`ReadPermits::in_turn`] share them.
#[derive(Debug)]
pub struct ReadPermits {
    free: Mutex<usize>,
    freed: Condvar,
}

impl ReadPermits {
    /// Returns permits for up to `most` reads at the same time.
    #[must_use]
    pub fn new(most: NonZeroUsize) -> Self {
        ReadPermits { free: Mutex::new(most.get()), freed: Condvar::new() }
    }

    /// Waits until a permit is free, takes it, calls `read`, and frees the permit. Returns the
    /// result of `read`.
    fn read<R>(&self, read: impl FnOnce() -> R) -> R {
        // The number of permits is correct even if a thread panicked.
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 {
            free = self.freed.wait(free).unwrap_or_else(PoisonError::into_inner);
        }
        *free -= 1;
        drop(free);
        let result = read();
        *self.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.freed.notify_one();
        result
    }

    /// Returns `log`, wrapped so that each read waits for a permit.
    pub fn in_turn<'a>(&'a self, log: &'a dyn LogBytes) -> LimitedLog<'a> {
        LimitedLog { readers: self, log }
    }
}

/// A log whose reads wait for a permit, so that only a limited number of threads read at the same
/// time.
pub struct LimitedLog<'a> {
    readers: &'a ReadPermits,
    log: &'a dyn LogBytes,
}

impl LogBytes for LimitedLog<'_> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.readers.read(|| self.log.read_at(offset, buffer))
    }

    fn offset_in_page(&self) -> usize {
        self.log.offset_in_page()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    /// A log that counts how many threads read it at the same time.
    #[derive(Default)]
    struct Disk {
        now: AtomicUsize,
        most: AtomicUsize,
    }

    impl LogBytes for Disk {
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1));
            self.now.fetch_sub(1, Ordering::SeqCst);
            buffer.fill(u8::try_from(offset).unwrap_or(u8::MAX));
            Ok(buffer.len())
        }
    }

    #[test]
    fn no_more_read_at_once_than_may() {
        for most in [1, 2] {
            let readers = ReadPermits::new(NonZeroUsize::new(most).unwrap());
            let disk = Disk::default();
            thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        let mut buffer = [0; 10];
                        assert_eq!(readers.in_turn(&disk).read_at(20, &mut buffer).unwrap(), 10);
                        assert_eq!(buffer, [20; 10]);
                    });
                }
            });
            assert_eq!(disk.most.load(Ordering::SeqCst), most);
        }
    }
}
