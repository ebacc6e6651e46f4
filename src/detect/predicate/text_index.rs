//! An index of names and patterns that finds those that match a text, without comparing the text
//! with each. Lists of indicators and rules with many values for a field use it.
//!
//! A text is looked up as a whole, and the part after each of its dots is looked up, too. So the
//! number of entries does not matter. Only patterns with other wildcards than one at the beginning
//! are found by their grams, which are sequences of adjacent bytes ([`GramIndex`]), and then
//! compared.

use crate::base::bit_filter::{BitFilter, key_of};
use crate::base::byte_search::{find, find_last};
use crate::detect::predicate::gram_index::GramIndex;
use crate::detect::predicate::text_table::TextTable;

/// The number of entries for which [`TextIndex::prepare`] is called before they are added. A
/// processor can wait for about this many reads from memory at the same time.
pub(in crate::detect) const PREPARED: usize = 16;

/// Which texts an entry of a [`TextIndex`] describes, for an entry that is not a pattern. All texts
/// are in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum Described<'a> {
    /// The entry describes only this text.
    Itself(&'a str),
    /// The entry describes all texts that end with a dot and this text, such as the names below a
    /// domain, but not this text itself.
    Below(&'a str),
    /// The entry describes this text itself, and all texts that end with a dot and this text, such
    /// as a domain and the names below it.
    ItselfAndBelow(&'a str),
}

/// An index of names and patterns (its entries) that finds those that describe a text. Each entry
/// has a number that the caller chooses, such as its index in a list.
#[derive(Debug, Default, Clone)]
pub(in crate::detect) struct TextIndex {
    themselves: TextTable,
    below: TextTable,
    themselves_and_below: TextTable,
    patterns: GramIndex,
    /// The last two labels of each entry that is not a pattern, as a Bloom filter, which rules out
    /// most texts that no entry describes. `None` before `seal` makes the filter, again after an
    /// entry is added, and if an entry describes all texts below one without a dot, such as `com`.
    ends: Option<BitFilter>,
}

impl TextIndex {
    /// Reserves memory for this number of entries of the kind of `like`, whose text is not used.
    /// The texts of the entries have `bytes` bytes together.
    pub(in crate::detect) fn reserve(&mut self, like: Described<'_>, entries: usize, bytes: usize) {
        let (table, _) = self.table(like);
        table.reserve(entries, bytes);
    }

    /// Reserves memory for this number of patterns, which have `bytes` bytes together.
    pub(in crate::detect) fn reserve_patterns(&mut self, patterns: usize, bytes: usize) {
        self.patterns.reserve(patterns, bytes);
    }

    /// Reads the memory at which an entry will be added, so that it is in the processor's cache
    /// then. Reading memory takes long, so callers do this for many entries before they add the
    /// first of them: the reads then overlap.
    pub(in crate::detect) fn prepare(&mut self, entry: Described<'_>) {
        let (table, text) = self.table(entry);
        table.prepare(text);
    }

    /// Returns the table that contains entries of this kind, and the text by which the entry is
    /// found in it.
    fn table<'a>(&mut self, entry: Described<'a>) -> (&mut TextTable, &'a str) {
        match entry {
            Described::Itself(text) => (&mut self.themselves, text),
            Described::Below(text) => (&mut self.below, text),
            Described::ItselfAndBelow(text) => (&mut self.themselves_and_below, text),
        }
    }

    /// Adds an entry with its number. If the index has an equal entry, nothing changes, and the
    /// number that it was first added with is returned; `None` if the entry is new.
    pub(in crate::detect) fn add(&mut self, entry: Described<'_>, number: u32) -> Option<u32> {
        self.ends = None;
        let (table, text) = self.table(entry);
        table.add(text, number)
    }

    /// Prepares the index for fast searches. To be called after all entries were added; without it,
    /// searches are slower.
    pub(in crate::detect) fn seal(&mut self) {
        self.patterns.seal();
        let tables = [&self.themselves, &self.below, &self.themselves_and_below];
        let count = tables.iter().map(|table| table.len()).sum();
        let keys = tables.iter().flat_map(|table| table.texts()).map(|text| key_of(last_labels(text)));
        let ends = BitFilter::of(count, keys);
        // What is below a text without a dot can have any label before it.
        let below = [&self.below, &self.themselves_and_below];
        let is_known =
            !below.iter().flat_map(|table| table.texts()).any(|text| find(b'.', text.as_bytes()).is_none());
        self.ends = is_known.then_some(ends);
    }

    /// Adds a pattern. `pieces` are the literals before, between and after its wildcards. It must
    /// have at least one wildcard; pieces can be empty. `number` is passed to the functions that
    /// decide whether the pattern matches, such as `matches` of [`TextIndex::any`].
    pub(in crate::detect) fn add_pattern<'a>(&mut self, pieces: impl Iterator<Item = &'a str>, number: u32) {
        self.patterns.add(pieces, number);
    }

    /// Returns true if an entry describes `text`, which must be in lower case. `matches` is called
    /// with the numbers of patterns that may match the text, until it returns true. It must return
    /// whether the pattern does match.
    pub(in crate::detect) fn any(&self, text: &str, mut matches: impl FnMut(u32) -> bool) -> bool {
        self.names(text, |_| true) || self.patterns.any(text, &mut matches)
    }

    /// Returns the numbers of all entries that describe `text`, which must be in lower case, in
    /// ascending order and each once. `matches` is called with the number of each pattern that may
    /// match the text, and must return whether it does match.
    pub(in crate::detect) fn all(&self, text: &str, mut matches: impl FnMut(u32) -> bool) -> Vec<u32> {
        let mut found = Vec::new();
        self.names(text, |number| {
            found.push(number);
            false
        });
        let mut candidates = Vec::new();
        self.patterns.any(text, |number| {
            candidates.push(number);
            false
        });
        candidates.sort_unstable();
        candidates.dedup();
        found.extend(candidates.into_iter().filter(|number| matches(*number)));
        found.sort_unstable();
        found.dedup();
        found
    }

    /// Calls `found` with the number of each entry that describes `text`, until `found` returns
    /// true. Returns true if `found` did so. Only entries that [`TextIndex::add`] added are
    /// considered, and not patterns.
    fn names(&self, text: &str, mut found: impl FnMut(u32) -> bool) -> bool {
        if self.ends.as_ref().is_some_and(|ends| !ends.may_have(key_of(last_labels(text)))) {
            return false;
        }
        let tables = [&self.themselves, &self.themselves_and_below];
        if tables.iter().filter_map(|table| table.get(text)).any(&mut found) {
            return true;
        }
        let tables = [&self.below, &self.themselves_and_below];
        let longest = tables.iter().map(|table| table.longest()).max().unwrap_or(0);
        if tables.iter().all(|table| table.is_empty()) {
            return false;
        }
        let tails = text.rmatch_indices('.').filter_map(|(dot, _)| text.get(dot + 1..));
        tails
            .take_while(|tail| tail.len() <= longest)
            .any(|tail| tables.iter().filter_map(|table| table.get(tail)).any(&mut found))
    }
}

/// Returns the last two labels of a text (the part after its second last dot), or the whole text if
/// it has fewer than two dots. If the text has a dot, every longer text that ends with a dot and
/// this text has the same last two labels.
fn last_labels(text: &str) -> &[u8] {
    let bytes = text.as_bytes();
    let before = find_last(b'.', bytes).and_then(|dot| find_last(b'.', bytes.get(..dot)?));
    before.and_then(|dot| bytes.get(dot + 1..)).unwrap_or(bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::predicate::pattern::Pattern;

    /// Returns whether an entry describes a text, by its definition.
    fn describes(entry: Described<'_>, text: &str) -> bool {
        match entry {
            Described::Itself(name) => text == name,
            Described::Below(name) => text.ends_with(&format!(".{name}")),
            Described::ItselfAndBelow(name) => text == name || text.ends_with(&format!(".{name}")),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(3000))]
        /// Compares the index with a look at each entry.
        #[test]
        fn an_index_finds_what_a_look_at_each_entry_finds(
            names in prop::collection::vec((0..3, "[ab.é]{0,5}"), 0..12),
            patterns in prop::collection::vec("[ab*é.]{0,9}|[ab]{6,7}\\*", 0..8),
            text in "[ab.é]{0,12}|[ab]{6,12}",
        ) {
            let mut index = TextIndex::default();
            let mut expected = Vec::new();
            for (number, (form, name)) in (0..).zip(&names) {
                if index.add(described(*form, name), number).is_none() && describes(described(*form, name), &text) {
                    expected.push(number);
                }
            }
            let compiled: Vec<Pattern> = patterns.iter().map(|pattern| Pattern::new(pattern)).collect();
            for (number, pattern) in (100..).zip(&compiled) {
                index.add_pattern(pattern.pieces().iter().map(String::as_str), number);
                if pattern.matches(&text) {
                    expected.push(number);
                }
            }
            let matches = |number: u32| compiled[number as usize - 100].matches(&text);
            prop_assert_eq!(index.all(&text, matches), expected.as_slice());
            index.seal();
            prop_assert_eq!(index.any(&text, matches), !expected.is_empty());
            prop_assert_eq!(index.all(&text, matches), expected);
        }
    }

    fn described(form: i32, name: &str) -> Described<'_> {
        match form {
            0 => Described::Itself(name),
            1 => Described::Below(name),
            _ => Described::ItselfAndBelow(name),
        }
    }
}
