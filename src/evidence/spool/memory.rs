//! The memory that unpacking takes besides the unpacked copies: the dictionaries. A dictionary has
//! the last unpacked bytes of a file, to which its packed bytes refer.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::{self, ThreadId};

/// The most memory that all files which are unpacked at the same time may take for their
/// dictionaries, in bytes. It is enough for one file with the largest dictionary that is accepted.
/// A thread that needs more than is free waits, unless it has memory for a dictionary already.
const MOST: u64 = 256 << 20;
/// The size, in bytes, up to which a dictionary is not counted against the memory limit. A
/// dictionary is the memory with already unpacked bytes that a decompressor needs.
const SMALL: u64 = 1 << 20;

/// The memory that the dictionaries of all files that are being unpacked take together. A
/// dictionary has the last unpacked bytes, to which packed bytes refer. All threads of a sweep
/// share the memory.
#[derive(Debug, Default)]
pub(super) struct Dictionaries {
    taken: Mutex<Vec<(ThreadId, u64)>>,
    freed: Condvar,
}

/// The memory for the dictionary (the last unpacked bytes) of a file that is being unpacked. It
/// becomes free when this value is dropped.
#[derive(Debug)]
pub struct DictionaryMemory {
    dictionaries: Arc<Dictionaries>,
    taken: (ThreadId, u64),
}

impl Dictionaries {
    /// Reserves `bytes` bytes of memory for a dictionary. Waits until that many are free. A small
    /// dictionary (at most 1 MiB) is not counted, and one of more than 256 MiB counts as 256 MiB.
    ///
    /// A thread that has memory for another dictionary already does not wait: it unpacks a file
    /// that is contained in another packed file, so it could wait for itself, for ever. Containers
    /// are contained in one another only a few levels deep, so this takes little more memory.
    pub(super) fn take(self: &Arc<Self>, bytes: u64) -> DictionaryMemory {
        let thread = thread::current().id();
        let bytes = if bytes > SMALL { bytes.min(MOST) } else { 0 };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_full = |taken: &mut Vec<(ThreadId, u64)>| {
            let has_some = taken.iter().any(|(other, taken)| *other == thread && *taken > 0);
            let in_use: u64 = taken.iter().map(|(_, taken)| *taken).sum();
            bytes > 0 && !has_some && in_use + bytes > MOST
        };
        taken = self.freed.wait_while(taken, is_full).unwrap_or_else(PoisonError::into_inner);
        taken.push((thread, bytes));
        DictionaryMemory { dictionaries: Arc::clone(self), taken: (thread, bytes) }
    }
}

impl Drop for DictionaryMemory {
    fn drop(&mut self) {
        let mut taken = self.dictionaries.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = taken.iter().position(|entry| *entry == self.taken) {
            taken.swap_remove(place);
        }
        self.dictionaries.freed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    use super::*;

    #[test]
    fn dictionaries_never_take_more_than_the_limit_together() {
        let (dictionaries, in_use) = (Arc::new(Dictionaries::default()), AtomicU64::new(0));
        thread::scope(|scope| {
            for thread in 1..=8_u64 {
                let (dictionaries, in_use) = (Arc::clone(&dictionaries), &in_use);
                scope.spawn(move || {
                    for round in 0..5 {
                        let bytes = ((thread * 37 + round * 11) % 200) << 20;
                        let _memory = dictionaries.take(bytes);
                        let total = in_use.fetch_add(bytes, Ordering::SeqCst) + bytes;
                        assert!(total <= MOST, "{total}");
                        thread::sleep(Duration::from_millis(1));
                        in_use.fetch_sub(bytes, Ordering::SeqCst);
                    }
                });
            }
        });
        assert!(dictionaries.taken.lock().unwrap().is_empty());
    }

    #[test]
    fn a_thread_does_not_wait_for_itself() {
        let dictionaries = Arc::new(Dictionaries::default());
        let _outer = dictionaries.take(MOST);
        let _inner = dictionaries.take(MOST);
    }
}
