//! A sorted map for data that has very many maps, most with few entries. It is a sorted list that
//! becomes a tree when it grows.
//!
//! A tree reserves memory for eleven entries at once, but a host that queried one name needs memory
//! for one entry. A list alone is not enough either: a crafted log with a new name in each record
//! would take time that grows with the square of the number of records.

use std::borrow::Borrow;
use std::collections::{BTreeMap, btree_map};
use std::slice;
use std::vec;

/// The maximum number of entries that a [`SmallMap`] keeps in a list. With more entries, it becomes
/// a tree.
const MOST_LISTED: usize = 8;

/// A map sorted by its keys that takes little memory for few entries. Whether it is a list or a
/// tree depends only on the number of entries, so that maps with equal entries compare as equal.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum SmallMap<K: Ord, V> {
    /// The map has at most eight entries, in a list that is sorted by the keys.
    List(Vec<(K, V)>),
    /// The map has more than eight entries, in a tree. The tree is boxed, so that a map in list
    /// form takes no more memory than its list.
    #[allow(clippy::box_collection, reason = "a map is one pointer larger than a list otherwise")]
    Tree(Box<BTreeMap<K, V>>),
}

impl<K: Ord, V> Default for SmallMap<K, V> {
    fn default() -> Self {
        SmallMap::List(Vec::new())
    }
}

impl<K: Ord, V> SmallMap<K, V> {
    /// The value of `key`; `None` if the map does not have the key.
    #[must_use]
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        match self {
            SmallMap::List(list) => {
                let place = list.binary_search_by(|(known, _)| known.borrow().cmp(key)).ok()?;
                list.get(place).map(|(_, value)| value)
            }
            SmallMap::Tree(tree) => tree.get(key),
        }
    }

    /// A mutable reference to the value of `key`; `None` if the map does not have the key.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        match self {
            SmallMap::List(list) => {
                let place = list.binary_search_by(|(known, _)| known.borrow().cmp(key)).ok()?;
                list.get_mut(place).map(|(_, value)| value)
            }
            SmallMap::Tree(tree) => tree.get_mut(key),
        }
    }

    /// Applies `change` to the value of `key`. If the map does not have the key, first adds an
    /// entry with the key that `make_key` returns and the default value.
    pub fn change<Q: Ord + ?Sized>(
        &mut self,
        key: &Q,
        make_key: impl FnOnce() -> K,
        change: impl FnOnce(&mut V),
    ) where
        K: Borrow<Q>,
        V: Default,
    {
        if let Some(value) = self.get_mut(key) {
            return change(value);
        }
        let mut value = V::default();
        change(&mut value);
        self.insert_new(make_key(), value);
    }

    /// Adds the entries of the map `other`. For a key that both maps have, `merge` combines the
    /// value of this map with that of `other`.
    pub fn merge(&mut self, other: Self, mut merge: impl FnMut(&mut V, V)) {
        for (key, value) in other {
            match self.get_mut(&key) {
                Some(ours) => merge(ours, value),
                None => self.insert_new(key, value),
            }
        }
    }

    /// Adds an entry with a key that the map does not have yet. Turns a full list into a tree.
    fn insert_new(&mut self, key: K, value: V) {
        if let SmallMap::List(list) = self
            && list.len() >= MOST_LISTED
        {
            *self = SmallMap::Tree(Box::new(std::mem::take(list).into_iter().collect()));
        }
        match self {
            SmallMap::List(list) => {
                let place = list.partition_point(|(known, _)| *known < key);
                // Most maps have one entry and never more.
                list.reserve_exact(1);
                list.insert(place, (key, value));
            }
            SmallMap::Tree(tree) => _ = tree.insert(key, value),
        }
    }

    /// Applies `change` to each value of the map, in the order of the keys.
    pub fn each(&mut self, change: impl FnMut(&mut V)) {
        match self {
            SmallMap::List(list) => list.iter_mut().map(|(_, value)| value).for_each(change),
            SmallMap::Tree(tree) => tree.values_mut().for_each(change),
        }
    }

    /// The number of entries in the map, which is the number of its keys.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            SmallMap::List(list) => list.len(),
            SmallMap::Tree(tree) => tree.len(),
        }
    }

    /// Returns true if the map has no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The entries of the map, in the order of the keys.
    #[must_use]
    pub fn iter(&self) -> Iter<'_, K, V> {
        match self {
            SmallMap::List(list) => Iter::List(list.iter()),
            SmallMap::Tree(tree) => Iter::Tree(tree.iter()),
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for SmallMap<K, V> {
    /// Builds a map from entries in any order. For a key that occurs more than once, its first
    /// value is kept.
    fn from_iter<T: IntoIterator<Item = (K, V)>>(entries: T) -> Self {
        entries.into_iter().fold(SmallMap::default(), |mut map, (key, value)| {
            if map.get(&key).is_none() {
                map.insert_new(key, value);
            }
            map
        })
    }
}

impl<'a, K: Ord, V> IntoIterator for &'a SmallMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<K: Ord, V> IntoIterator for SmallMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> Self::IntoIter {
        match self {
            SmallMap::List(list) => IntoIter::List(list.into_iter()),
            SmallMap::Tree(tree) => IntoIter::Tree(tree.into_iter()),
        }
    }
}

/// Iterates over the entries of a [`SmallMap`] by reference, in the order of their keys.
#[derive(Debug)]
pub enum Iter<'a, K, V> {
    /// The iterator over a [`SmallMap`] that keeps its few entries in a list.
    List(slice::Iter<'a, (K, V)>),
    /// The iterator over a [`SmallMap`] that keeps its many entries in a tree.
    Tree(btree_map::Iter<'a, K, V>),
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Iter::List(list) => list.next().map(|(key, value)| (key, value)),
            Iter::Tree(tree) => tree.next(),
        }
    }
}

/// Takes the entries out of a [`SmallMap`], in the order of their keys.
#[derive(Debug)]
pub enum IntoIter<K, V> {
    /// Takes the entries out of a [`SmallMap`] that keeps its few entries in a list.
    List(vec::IntoIter<(K, V)>),
    /// Takes the entries out of a [`SmallMap`] that keeps its many entries in a tree.
    Tree(btree_map::IntoIter<K, V>),
}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            IntoIter::List(list) => list.next(),
            IntoIter::Tree(tree) => tree.next(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(keys: &[u8]) -> SmallMap<u8, u64> {
        let mut map = SmallMap::default();
        for key in keys {
            map.change(key, || *key, |count| *count += 1);
        }
        map
    }

    proptest! {
        /// A [`SmallMap`] that is filled, and merged with another, has the same entries as its slow
        /// twin, which is a plain `BTreeMap`.
        #[test]
        fn it_has_the_entries_of_a_tree(left in prop::collection::vec(0_u8..20, 0..30), right in prop::collection::vec(0_u8..20, 0..30)) {
            let all: Vec<u8> = left.iter().chain(&right).copied().collect();
            let mut tree: BTreeMap<u8, u64> = BTreeMap::new();
            for key in &all {
                *tree.entry(*key).or_default() += 1;
            }
            let mut merged = counted(&left);
            merged.merge(counted(&right), |ours, theirs| *ours += theirs);
            prop_assert_eq!(&merged, &counted(&all));
            prop_assert_eq!(merged.iter().collect::<Vec<_>>(), tree.iter().collect::<Vec<_>>());
            prop_assert_eq!((merged.len(), merged.is_empty()), (tree.len(), tree.is_empty()));
            prop_assert_eq!(merged.into_iter().collect::<Vec<_>>(), tree.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn many_entries_make_a_tree() {
        let keys: Vec<u8> = (0..=8).rev().collect();
        assert!(matches!(counted(&keys[..8]), SmallMap::List(list) if list.len() == 8));
        assert!(matches!(counted(&keys), SmallMap::Tree(tree) if tree.len() == 9));
    }
}
