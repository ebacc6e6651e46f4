//! Computes the SHA-256 of a file whose blocks are read by several threads, in any order.
//!
//! SHA-256 needs the bytes of a file in sequence, but no thread waits for a missing block. The
//! thread that adds the next block of the file hashes it, and then all later blocks that were added
//! early. A thread that adds a block early leaves a copy. Copies are kept only while an earlier
//! block is in progress. Their number is limited, because `base::in_order`, which distributes the
//! blocks to threads, limits how many are in progress.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::digest::Hasher;

/// Computes the SHA-256 of one file from its blocks, which threads add in any order. No thread
/// waits for another to read an earlier block.
#[derive(Debug)]
pub struct OrderedHash {
    /// The size of the hashed file in bytes. The hash is complete when blocks up to this offset are
    /// hashed.
    size: u64,
    state: Mutex<HashState>,
}

/// How far a file is hashed, and the blocks that cannot be hashed yet.
#[derive(Debug)]
struct HashState {
    /// The hasher, which has hashed the bytes of the file before the offset `next`; or the reason
    /// why a thread cannot take it now.
    hasher: HasherState,
    /// The offset of the next block that must be hashed, from the start of the file.
    next: u64,
    /// Copies of the blocks that cannot be hashed yet, because a block that precedes them in the
    /// file is not hashed yet. The key is the offset of the block from the start of the file.
    early: BTreeMap<u64, Vec<u8>>,
}

/// The hasher of a file, or the reason why a thread cannot take it now.
#[derive(Debug)]
enum HasherState {
    /// No thread is using the hasher. The thread that adds the next block of the file takes it.
    Idle(Hasher),
    /// A thread has taken the hasher, and is hashing a block.
    InUse,
    /// The hasher is no longer needed. Either the whole file is hashed, or a part of it cannot be
    /// read, so that it gets no hash.
    Ended,
}

/// What a thread does with the block of a file that it adds to the file's hash.
enum BlockTask {
    /// The block is the next one of the file. The thread hashes it with this hasher.
    Hash(Hasher),
    /// An earlier block of the file is not hashed yet. The thread leaves a copy of its block for
    /// the thread that hashes the earlier one.
    Keep,
    /// The thread does nothing with its block, because the file gets no hash.
    Nothing,
}

impl OrderedHash {
    /// Starts the hash of a file of `size` bytes. The hash is complete once blocks of this total
    /// size are added.
    #[must_use]
    pub fn new(size: u64) -> Self {
        let state =
            HashState { hasher: HasherState::Idle(Hasher::default()), next: 0, early: BTreeMap::new() };
        OrderedHash { size, state: Mutex::new(state) }
    }

    /// Adds the block at offset `start` of the file. `bytes` are `None` if the block could not be
    /// read completely; the file then gets no hash. Returns the file's SHA-256 in hexadecimal
    /// digits to the one caller that completes the hash, and `None` to all others.
    pub fn add(&self, start: u64, bytes: Option<&[u8]>) -> Option<String> {
        let Some(bytes) = bytes else {
            self.lock().end();
            return None;
        };
        let mut task = self.lock().task(start);
        if matches!(task, BlockTask::Keep) {
            // The copy is made without the lock, so that no other thread waits for it. Meanwhile
            // the block may have become the next one.
            let copy = bytes.to_vec();
            let mut state = self.lock();
            task = state.task(start);
            if matches!(task, BlockTask::Keep) {
                state.early.insert(start, copy);
            }
        }
        let BlockTask::Hash(mut hasher) = task else { return None };
        hasher.update(bytes);
        self.hash_early_blocks(hasher, start + bytes.len() as u64)
    }

    /// Hashes the copies of blocks that were added early, from offset `next` of the file on, up to
    /// the first block that is missing. Returns the file's SHA-256 if no block is missing any more,
    /// and `None` otherwise.
    fn hash_early_blocks(&self, mut hasher: Hasher, mut next: u64) -> Option<String> {
        loop {
            let mut state = self.lock();
            if matches!(state.hasher, HasherState::Ended) {
                return None;
            }
            if next == self.size {
                state.end();
                drop(state);
                return Some(hasher.finish());
            }
            let Some(bytes) = state.early.remove(&next) else {
                state.next = next;
                state.hasher = HasherState::Idle(hasher);
                return None;
            };
            drop(state);
            hasher.update(&bytes);
            next += bytes.len() as u64;
        }
    }

    /// Locks the state of the hash. A poisoned lock is not a problem: the state is consistent even
    /// if a thread panicked.
    fn lock(&self) -> MutexGuard<'_, HashState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl HashState {
    /// Decides what a thread does with the block at offset `start` of the file. If the thread must
    /// hash the block, the returned task contains the hasher.
    fn task(&mut self, start: u64) -> BlockTask {
        match &mut self.hasher {
            HasherState::Ended => BlockTask::Nothing,
            HasherState::Idle(hasher) if self.next == start => {
                let hasher = mem::take(hasher);
                self.hasher = HasherState::InUse;
                BlockTask::Hash(hasher)
            }
            HasherState::Idle(_) | HasherState::InUse => BlockTask::Keep,
        }
    }

    fn end(&mut self) {
        self.hasher = HasherState::Ended;
        self.early.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::digest::sha256;
    use proptest::prelude::*;
    use std::ops::Range;
    use std::thread;

    /// Splits `0..length` into ranges of `size`, for blocks of a file, without a gap. An empty file
    /// has one empty range.
    fn blocks(length: usize, size: usize) -> Vec<Range<usize>> {
        let starts = (0..length.max(1)).step_by(size);
        starts.map(|start| start..(start + size).min(length)).collect()
    }

    proptest! {
        /// The hash of blocks that are added by one thread or several, in any order, is that of its
        /// slow twin, which hashes the whole file at once.
        #[test]
        fn the_hash_is_that_of_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..50, threads in 1_usize..5, seed in any::<u64>()) {
            let mut blocks = blocks(bytes.len(), size);
            blocks.sort_by_key(|block| (block.start as u64 + 1).wrapping_mul(seed | 1) >> 7);
            let chain = OrderedHash::new(bytes.len() as u64);
            let bring = |thread: usize| {
                let own = blocks.iter().skip(thread).step_by(threads);
                own.filter_map(|block| chain.add(block.start as u64, bytes.get(block.clone()))).collect::<Vec<_>>()
            };
            let found: Vec<String> = thread::scope(|scope| {
                let brought: Vec<_> = (0..threads).map(|thread| scope.spawn(move || bring(thread))).collect();
                brought.into_iter().flat_map(|brought| brought.join().unwrap()).collect()
            });
            prop_assert_eq!(found, [sha256(&bytes)]);
            prop_assert!(chain.lock().early.is_empty());
        }

        #[test]
        fn there_is_no_hash_of_a_part(count in 1_u64..9, lost in 0_u64..9, seed in any::<u64>()) {
            let lost = lost % count;
            let mut starts: Vec<u64> = (0..count).collect();
            starts.sort_by_key(|start| (start + 1).wrapping_mul(seed | 1) >> 7);
            let chain = OrderedHash::new(count);
            for start in starts {
                prop_assert_eq!(chain.add(start, (start != lost).then_some(b"x".as_slice())), None);
            }
            prop_assert!(chain.lock().early.is_empty());
        }
    }
}
