//! A hash map and a hash set for millions of lookups. This is the only user of `ahash`.

use std::collections::{HashMap, HashSet};

/// The random keys of the hash function. They differ in each process, so that evidence cannot be
/// crafted to have texts with equal hashes. The hash function is several times as fast as that of
/// the standard library.
pub(crate) use ahash::RandomState;

/// A hash set with a fast hasher.
pub(crate) type FastSet<K> = HashSet<K, RandomState>;

/// A hash map with a fast hasher.
pub(crate) type FastMap<K, V> = HashMap<K, V, RandomState>;
