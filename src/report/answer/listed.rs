//! Lists of which only some items are kept, with the number of all items.

use std::collections::BinaryHeap;

use schemars::JsonSchema;
use serde::Serialize;

/// The items of a list that are shown, and the number of all items.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ListOf{T}")]
pub struct Listed<T> {
    /// The items that are shown.
    pub items: Vec<T>,
    /// The number of all items, shown or not.
    pub count: u64,
}

impl<T> Default for Listed<T> {
    fn default() -> Self {
        Listed { items: Vec::new(), count: 0 }
    }
}

impl<T> Listed<T> {
    /// Lists the first `most` of `items`, and counts all of them.
    pub fn first(items: impl IntoIterator<Item = T>, most: usize) -> Self {
        let mut listed = Listed::default();
        for item in items {
            listed.add(most, || item);
        }
        listed
    }

    /// Counts an item, and lists it if fewer than `most` items are listed. `item`, which makes the
    /// item, is called only if it is listed.
    pub fn add(&mut self, most: usize, item: impl FnOnce() -> T) {
        self.count += 1;
        if self.items.len() < most {
            self.items.push(item());
        }
    }

    /// Returns the number of items that are not listed.
    #[must_use]
    pub fn cut(&self) -> u64 {
        self.count.saturating_sub(self.items.len() as u64)
    }
}

/// Keeps the items with the least keys, at most a given number, and counts all items.
#[derive(Debug)]
pub struct Ranked<K, T> {
    most: usize,
    heap: BinaryHeap<Entry<K, T>>,
    count: u64,
}

#[derive(Debug)]
struct Entry<K, T> {
    key: K,
    item: T,
}

impl<K: Ord, T> PartialEq for Entry<K, T> {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl<K: Ord, T> Eq for Entry<K, T> {}

impl<K: Ord, T> PartialOrd for Entry<K, T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<K: Ord, T> Ord for Entry<K, T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.key.cmp(&other.key)
    }
}

impl<K: Ord, T> Ranked<K, T> {
    /// Makes a collection that keeps at most `most` items.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Ranked { most, heap: BinaryHeap::new(), count: 0 }
    }

    /// Counts an item, and keeps it if its key is among the least. `item`, which makes the item, is
    /// called only if the item is kept.
    pub fn add(&mut self, key: K, item: impl FnOnce() -> T) {
        self.count += 1;
        if self.heap.len() >= self.most {
            match self.heap.peek() {
                Some(worst) if key < worst.key => _ = self.heap.pop(),
                _ => return,
            }
        }
        self.heap.push(Entry { key, item: item() });
    }

    /// Returns the kept items, the one with the least key first.
    #[must_use]
    pub fn into_listed(self) -> Listed<T> {
        let items = self.heap.into_sorted_vec().into_iter().map(|entry| entry.item).collect();
        Listed { items, count: self.count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_are_kept_in_order_and_all_are_counted() {
        let mut ranked = Ranked::new(3);
        for key in [5, 1, 9, 7, 3, 8] {
            ranked.add(key, || key * 10);
        }
        let listed = ranked.into_listed();
        assert_eq!((listed.items.as_slice(), listed.count, listed.cut()), (&[10, 30, 50][..], 6, 3));
        let none: Listed<u8> = {
            let mut ranked = Ranked::new(0);
            ranked.add(1, || panic!("not kept"));
            ranked.into_listed()
        };
        assert_eq!((none.items.len(), none.count), (0, 1));
    }
}
