//! How many threads may read at once.
//!
//! A spinning disk or a network mount is fastest when one reader goes through it in order; threads
//! that each read their chunk make it seek. With a limit, a block is read whole by one of the readers allowed,
//! and then decoded from memory.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Condvar, Mutex, PoisonError};

use crate::bytes::LogBytes;

/// Permits to read.
#[derive(Debug)]
pub struct Readers {
    free: Mutex<usize>,
    freed: Condvar,
}

impl Readers {
    /// So many at once.
    #[must_use]
    pub fn new(most: NonZeroUsize) -> Self {
        Readers { free: Mutex::new(most.get()), freed: Condvar::new() }
    }

    /// Reads when it is this thread's turn.
    fn read<R>(&self, read: impl FnOnce() -> R) -> R {
        // The number is right whatever happened to a thread that held it.
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

    /// Reads a part of a log ahead, whole. What cannot be read so is left to be read when it is asked for.
    pub fn ahead<'a>(&'a self, log: &'a dyn LogBytes, start: u64, length: u64) -> Ahead<'a> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let found = self.read(|| log.read_at(start, &mut bytes)).unwrap_or(0);
        bytes.truncate(found);
        Ahead { readers: self, log, start, bytes }
    }
}

/// A log of which a part was read ahead.
pub struct Ahead<'a> {
    readers: &'a Readers,
    log: &'a dyn LogBytes,
    start: u64,
    bytes: Vec<u8>,
}

impl LogBytes for Ahead<'_> {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let from = offset.checked_sub(self.start).and_then(|from| usize::try_from(from).ok());
        match from.and_then(|from| self.bytes.get(from..from.checked_add(buffer.len())?)) {
            Some(bytes) => {
                buffer.copy_from_slice(bytes);
                Ok(buffer.len())
            }
            None => self.readers.read(|| self.log.read_at(offset, buffer)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use std::time::Duration;

    /// Counts who reads at once, and fails where it is told to.
    #[derive(Default)]
    struct Disk {
        now: AtomicUsize,
        most: AtomicUsize,
        fails_beyond: usize,
    }

    impl LogBytes for Disk {
        fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
            let now = self.now.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(now, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1));
            self.now.fetch_sub(1, Ordering::SeqCst);
            if buffer.len() > self.fails_beyond {
                return Err(io::Error::other("too much at once"));
            }
            buffer.fill(u8::try_from(offset).unwrap_or(u8::MAX));
            Ok(buffer.len())
        }
    }

    #[test]
    fn no_more_read_at_once_than_may() {
        for most in [1, 2] {
            let readers = Readers::new(NonZeroUsize::new(most).unwrap());
            let disk = Disk { fails_beyond: 100, ..Disk::default() };
            thread::scope(|scope| {
                for _ in 0..6 {
                    scope.spawn(|| {
                        let ahead = readers.ahead(&disk, 7, 50);
                        let mut buffer = [0; 10];
                        assert_eq!(ahead.read_at(20, &mut buffer).unwrap(), 10);
                        assert_eq!(buffer, [7; 10], "from what was read ahead");
                        assert_eq!(ahead.read_at(60, &mut buffer).unwrap(), 10);
                        assert_eq!(buffer, [60; 10], "from the log");
                    });
                }
            });
            assert_eq!(disk.most.load(Ordering::SeqCst), most);
        }
    }

    #[test]
    fn what_cannot_be_read_whole_is_read_in_parts() {
        let readers = Readers::new(NonZeroUsize::MIN);
        let disk = Disk { fails_beyond: 10, ..Disk::default() };
        let ahead = readers.ahead(&disk, 0, 50);
        assert!(ahead.read_at(0, &mut [0; 20]).is_err());
        assert_eq!(ahead.read_at(5, &mut [0; 10]).unwrap(), 10);
    }
}
