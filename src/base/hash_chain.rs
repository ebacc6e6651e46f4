//! The SHA-256 of a file whose blocks are brought by several threads, in any order.
//!
//! A hash needs its bytes in order. Nobody waits for a block that is missing: whoever brings the
//! one that is next hashes it, and after it all those that came early; whoever comes early leaves a
//! copy and goes on. A copy lies here only while a block before it is under way, so `in_order`
//! bounds how many there are.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::base::digest::Hasher;

/// The SHA-256 of one file.
#[derive(Debug)]
pub struct HashChain {
    size: u64,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    turn: Turn,
    /// Where the next block to hash starts.
    next: u64,
    /// The blocks that came before it was their turn, by where they start.
    early: BTreeMap<u64, Vec<u8>>,
}

/// Who may hash.
#[derive(Debug)]
enum Turn {
    /// Whoever brings the next block.
    Free(Hasher),
    /// A thread is at it.
    Taken,
    /// Nobody: all is hashed, or a part of the file cannot be read.
    Over,
}

/// What a thread that brings a block is to do.
enum Task {
    /// Hash it.
    Hash(Hasher),
    /// Leave a copy.
    Leave,
    /// Nothing.
    Nothing,
}

impl HashChain {
    /// The hash of a file of `size` bytes, none of which is here yet.
    #[must_use]
    pub fn new(size: u64) -> Self {
        let state = State { turn: Turn::Free(Hasher::default()), next: 0, early: BTreeMap::new() };
        HashChain { size, state: Mutex::new(state) }
    }

    /// Adds the block that starts `start` bytes into the file; `None` if it could not be read
    /// whole, after which there is no hash. Returns the file's SHA-256 to the one caller whose
    /// block, or one it found here, completes it.
    pub fn add(&self, start: u64, bytes: Option<&[u8]>) -> Option<String> {
        let Some(bytes) = bytes else {
            self.lock().end();
            return None;
        };
        let mut task = self.lock().task(start);
        if matches!(task, Task::Leave) {
            // Nobody is kept waiting while this is copied. It may be this block's turn by then.
            let copy = bytes.to_vec();
            let mut state = self.lock();
            task = state.task(start);
            if matches!(task, Task::Leave) {
                state.early.insert(start, copy);
            }
        }
        let Task::Hash(mut hasher) = task else { return None };
        hasher.update(bytes);
        self.go_on(hasher, start + bytes.len() as u64)
    }

    /// Hashes the blocks from `next` on that are here already.
    fn go_on(&self, mut hasher: Hasher, mut next: u64) -> Option<String> {
        loop {
            let mut state = self.lock();
            if matches!(state.turn, Turn::Over) {
                return None;
            }
            if next == self.size {
                state.end();
                drop(state);
                return Some(hasher.finish());
            }
            let Some(bytes) = state.early.remove(&next) else {
                state.next = next;
                state.turn = Turn::Free(hasher);
                return None;
            };
            drop(state);
            hasher.update(&bytes);
            next += bytes.len() as u64;
        }
    }

    /// The state: it is whole whatever happened to a thread that held it.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// What is to be done with the block that starts at `start`.
    fn task(&mut self, start: u64) -> Task {
        match &mut self.turn {
            Turn::Over => Task::Nothing,
            Turn::Free(hasher) if self.next == start => {
                let hasher = mem::take(hasher);
                self.turn = Turn::Taken;
                Task::Hash(hasher)
            }
            Turn::Free(_) | Turn::Taken => Task::Leave,
        }
    }

    fn end(&mut self) {
        self.turn = Turn::Over;
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

    /// Ranges that cover `0..length` without gap; one that is empty for an empty file.
    fn blocks(length: usize, size: usize) -> Vec<Range<usize>> {
        let starts = (0..length.max(1)).step_by(size);
        starts.map(|start| start..(start + size).min(length)).collect()
    }

    proptest! {
        /// The twin: hash all at once. On one thread and on several, in any order.
        #[test]
        fn the_hash_is_that_of_the_whole(bytes in prop::collection::vec(any::<u8>(), 0..300), size in 1_usize..50, threads in 1_usize..5, seed in any::<u64>()) {
            let mut blocks = blocks(bytes.len(), size);
            blocks.sort_by_key(|block| (block.start as u64 + 1).wrapping_mul(seed | 1) >> 7);
            let chain = HashChain::new(bytes.len() as u64);
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
            let chain = HashChain::new(count);
            for start in starts {
                prop_assert_eq!(chain.add(start, (start != lost).then_some(b"x".as_slice())), None);
            }
            prop_assert!(chain.lock().early.is_empty());
        }
    }
}
