//! A hash table of texts that finds a text among millions. All texts are in one buffer, so that
//! each takes only about twenty bytes more than its letters.

use std::hint::black_box;

use crate::base::fast_map::RandomState;

/// The smallest number of slots in a table of texts; a power of two.
const LEAST_SLOTS: usize = 16;

/// A hash table of texts. Each text has a number that the caller chooses, such as the index of an
/// entry in a list.
#[derive(Debug, Default, Clone)]
pub(in crate::detect) struct TextTable {
    /// All texts of the table, one after the other.
    texts: String,
    /// For each text, the offset of its end in `texts`, in bytes, and the number that the caller
    /// gave the text.
    entries: Vec<(u32, u32)>,
    /// The slots of the hash table, with open addressing: a part of a text's hash, and the index of
    /// the text in `entries` plus one. A text is at the slot of its hash, or at the first free slot
    /// after it. A free slot has zeros. The number of slots is a power of two, and at most half of
    /// them are used.
    slots: Vec<(u32, u32)>,
    /// The length of the longest text, in bytes.
    longest: usize,
    hasher: RandomState,
}

impl TextTable {
    /// Reserves memory for `texts` texts that have `bytes` bytes together. Does nothing if the
    /// table has a text already.
    pub(in crate::detect) fn reserve(&mut self, texts: usize, bytes: usize) {
        if self.is_empty() {
            self.texts.reserve(bytes);
            self.entries.reserve(texts);
            self.slots = vec![(0, 0); (texts * 2).next_power_of_two().max(LEAST_SLOTS)];
        }
    }

    /// Reads the slot at which a text will be looked up or added, so that it is in the processor's
    /// cache then. Reading memory takes long, so callers do this for many texts before they add the
    /// first of them: the reads then overlap.
    pub(in crate::detect) fn prepare(&self, text: &str) {
        black_box(self.slots.get(self.slot(self.tag(text))).copied());
    }

    /// Adds a text with its number. If the table has the text already, nothing changes, and the
    /// number that it was first added with is returned; `None` if the text is new. `number` must
    /// not have been used for another text.
    pub(in crate::detect) fn add(&mut self, text: &str, number: u32) -> Option<u32> {
        if (self.entries.len() + 1) * 2 > self.slots.len() {
            self.grow();
        }
        let tag = self.tag(text);
        let slot = match self.find(text, tag) {
            Ok(known) => return Some(known),
            Err(free) => free,
        };
        let end = u32::try_from(self.texts.len() + text.len());
        let end = end.expect("what is read of files with texts has less than 4 GiB");
        self.texts.push_str(text);
        self.longest = self.longest.max(text.len());
        self.entries.push((end, number));
        let index = u32::try_from(self.entries.len()).expect("there are fewer texts than bytes in them");
        if let Some(free) = self.slots.get_mut(slot) {
            *free = (tag, index);
        }
        None
    }

    /// Returns the number with which a text was added; `None` if the table does not have the text.
    pub(in crate::detect) fn get(&self, text: &str) -> Option<u32> {
        if text.len() > self.longest || self.entries.is_empty() {
            return None;
        }
        self.find(text, self.tag(text)).ok()
    }

    /// Returns the number with which a text was added. If the table does not have the text, the
    /// error is the free slot at which it can be added. `tag` is the part of the text's hash that
    /// [`TextTable::tag`] returns.
    fn find(&self, text: &str, tag: u32) -> Result<u32, usize> {
        let mut slot = self.slot(tag);
        loop {
            match self.slots.get(slot) {
                None | Some((_, 0)) => return Err(slot),
                Some((found, index)) if *found == tag && self.text(*index as usize - 1) == text => {
                    return self.entries.get(*index as usize - 1).map(|(_, number)| *number).ok_or(slot);
                }
                Some(_) => slot = (slot + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// The number of texts in the table.
    pub(in crate::detect) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The texts of the table, in the order in which they were added.
    pub(in crate::detect) fn texts(&self) -> impl Iterator<Item = &str> {
        (0..self.entries.len()).map(|index| self.text(index))
    }

    /// Returns true if the table has no text.
    pub(in crate::detect) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The length of the longest text of the table, in bytes.
    pub(in crate::detect) fn longest(&self) -> usize {
        self.longest
    }

    /// Returns the text with this 0-based index, in the order in which the texts were added.
    fn text(&self, index: usize) -> &str {
        let start =
            index.checked_sub(1).and_then(|before| self.entries.get(before)).map_or(0, |(end, _)| *end);
        let end = self.entries.get(index).map_or(0, |(end, _)| *end);
        self.texts.get(start as usize..end as usize).unwrap_or_default()
    }

    /// Returns the highest 32 bits of a text's hash. The slot of the text stores them, and they
    /// determine at which slot the search for the text begins.
    fn tag(&self, text: &str) -> u32 {
        (self.hasher.hash_one(text.as_bytes()) >> u32::BITS) as u32
    }

    /// Returns the slot of the hash table in which the search for a text begins. `tag` is the part
    /// of the text's hash that [`TextTable::tag`] returns.
    fn slot(&self, tag: u32) -> usize {
        // The number of slots is a power of two, and a mask is much faster than a division.
        tag as usize & self.slots.len().saturating_sub(1)
    }

    /// Doubles the number of slots, and moves all used slots to their new places.
    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(LEAST_SLOTS);
        let before = std::mem::replace(&mut self.slots, vec![(0, 0); size]);
        for (tag, index) in before.into_iter().filter(|(_, index)| *index > 0) {
            let mut slot = self.slot(tag);
            while self.slots.get(slot).is_some_and(|(_, used)| *used > 0) {
                slot = (slot + 1) & (size - 1);
            }
            if let Some(free) = self.slots.get_mut(slot) {
                *free = (tag, index);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Compares the table with a map of the standard library.
        #[test]
        fn a_table_has_what_was_added(texts in prop::collection::vec("[ab.é]{0,6}", 0..200), sought in "[ab.é]{0,7}") {
            let mut table = TextTable::default();
            let mut plain: HashMap<&str, u32> = HashMap::new();
            for (number, text) in (0..).zip(&texts) {
                prop_assert_eq!(table.add(text, number), plain.get(text.as_str()).copied());
                plain.entry(text).or_insert(number);
            }
            for text in texts.iter().chain([&sought]) {
                prop_assert_eq!(table.get(text), plain.get(text.as_str()).copied(), "{}", text);
            }
            prop_assert_eq!(table.is_empty(), texts.is_empty());
            prop_assert_eq!(table.longest(), texts.iter().map(String::len).max().unwrap_or(0));
        }
    }
}
