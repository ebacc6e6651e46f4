//! The texts of an output. Equal texts are kept once, and have a number. Rows of the page refer to
//! a text by its number, so that a text that many rows have takes memory once, is compared by its
//! number, and is written once.

use std::collections::hash_map::Entry;
use std::sync::Arc;

use crate::base::fast_map::FastMap;
use crate::report::answer::LONGEST_VALUE;
use crate::report::escape::middle_cut;

/// The maximum number of bytes of all texts together. There is a limit because evidence can be
/// crafted to have any number of distinct texts.
const MOST_BYTES: usize = 64 << 20;

/// The number of a text in [`Texts`]. The empty text has the number 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct TextId(u32);

impl TextId {
    /// Returns true if the text is empty.
    pub(super) fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// Distinct texts, each with a number ([`TextId`]).
#[derive(Debug)]
pub(super) struct Texts {
    ids: FastMap<Arc<str>, TextId>,
    texts: Vec<Arc<str>>,
    bytes: usize,
}

impl Default for Texts {
    fn default() -> Self {
        let empty: Arc<str> = Arc::from("");
        Texts { ids: FastMap::from_iter([(Arc::clone(&empty), TextId(0))]), texts: vec![empty], bytes: 0 }
    }
}

impl Texts {
    /// Returns the number of a text, and adds the text if it is new. A text of more than
    /// [`LONGEST_VALUE`] characters is cut in the middle first. `None` if there is no room for
    /// another text.
    pub(super) fn id(&mut self, text: &str) -> Option<TextId> {
        let text = middle_cut(text, LONGEST_VALUE);
        if let Some(id) = self.ids.get(&*text) {
            return Some(*id);
        }
        let bytes = self.bytes + text.len();
        let id = u32::try_from(self.texts.len()).ok().filter(|_| bytes <= MOST_BYTES)?;
        self.bytes = bytes;
        let text: Arc<str> = Arc::from(&*text);
        self.texts.push(Arc::clone(&text));
        self.ids.insert(text, TextId(id));
        Some(TextId(id))
    }

    /// Returns the text that has the number `id`.
    pub(super) fn text(&self, id: TextId) -> &str {
        self.texts.get(id.0 as usize).map_or("", AsRef::as_ref)
    }
}

/// The number of a set of texts in [`Sets`]. The empty set has the number 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct SetId(u32);

/// The maximum number of texts in a set. If more are added, the set does not keep them, but records
/// that there are others.
const MOST_IN_A_SET: usize = 8;

/// Distinct sets of texts, each with a number ([`SetId`]). A set has its texts in the order in
/// which they were added, and at most [`MOST_IN_A_SET`] of them.
#[derive(Debug)]
pub(super) struct Sets {
    sets: Vec<Set>,
    /// For a set and a text that is added to it, the set with this text, if it was made before. For
    /// a set and `None`, the set that has the same texts and records that there are others.
    grown: FastMap<(SetId, Option<TextId>), SetId>,
}

/// A set of texts, given by their numbers.
#[derive(Debug, Clone, Default)]
struct Set {
    texts: Vec<TextId>,
    /// True if further texts were added when the set was full.
    more: bool,
}

impl Default for Sets {
    fn default() -> Self {
        Sets { sets: vec![Set::default()], grown: FastMap::default() }
    }
}

impl Sets {
    /// Returns the set that has the texts of `set`, and `text`. The empty text is not added. If
    /// `set` already has [`MOST_IN_A_SET`] other texts, the returned set has only these, and
    /// records that there are others.
    pub(super) fn with(&mut self, set: SetId, text: TextId) -> SetId {
        if text.is_empty() { set } else { self.grown(set, Some(text)) }
    }

    /// Returns the set that has the texts of `set` and one more text. If `text` is `None`, or `set`
    /// is full, the returned set has the texts of `set` and records that there are others.
    fn grown(&mut self, set: SetId, text: Option<TextId>) -> SetId {
        let Some(old) = self.sets.get(set.0 as usize) else { return set };
        if old.more || text.is_some_and(|text| old.texts.contains(&text)) {
            return set;
        }
        let text = text.filter(|_| old.texts.len() < MOST_IN_A_SET);
        match self.grown.entry((set, text)) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(unknown) => {
                let Ok(id) = u32::try_from(self.sets.len()) else { return set };
                let mut new = old.clone();
                match text {
                    Some(text) => new.texts.push(text),
                    None => new.more = true,
                }
                self.sets.push(new);
                *unknown.insert(SetId(id))
            }
        }
    }

    /// Returns the set that has the texts of `set` and then those of `other`, at most
    /// [`MOST_IN_A_SET`].
    pub(super) fn joined(&mut self, set: SetId, other: SetId) -> SetId {
        if set == other || other == SetId::default() {
            return set;
        }
        if set == SetId::default() {
            return other;
        }
        let Some(other) = self.sets.get(other.0 as usize) else { return set };
        let Set { texts, more } = other.clone();
        let joined = texts.into_iter().fold(set, |set, text| self.with(set, text));
        if more { self.grown(joined, None) } else { joined }
    }

    /// Returns the texts of a set as the page shows them, a line each, with `and others` at the end
    /// if the set has no room for all.
    pub(super) fn lines(&self, set: SetId, texts: &Texts) -> Vec<String> {
        let Some(set) = self.sets.get(set.0 as usize) else { return Vec::new() };
        let lines = set.texts.iter().map(|id| super::words::text(texts.text(*id)));
        lines.chain(set.more.then(|| "and others".to_owned())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_and_sets_are_kept_once() {
        let (mut texts, mut sets) = (Texts::default(), Sets::default());
        let [a, b, again] = ["a", "b", "a"].map(|text| texts.id(text).unwrap());
        assert_eq!((a, texts.text(b)), (again, "b"));
        assert_eq!(texts.id(""), Some(TextId::default()));
        let none = SetId::default();
        let only_a = sets.with(none, a);
        let both = sets.with(only_a, b);
        assert_eq!(
            (sets.with(only_a, b), sets.with(both, a), sets.with(both, TextId(0))),
            (both, both, both)
        );
        let only_b = sets.with(none, b);
        assert_eq!(
            (sets.joined(only_a, only_b), sets.joined(none, both), sets.joined(both, none)),
            (both, both, both)
        );
        assert_eq!(sets.lines(both, &texts), ["a", "b"]);
    }

    #[test]
    fn what_has_no_room_is_said() {
        let (mut texts, mut sets) = (Texts::default(), Sets::default());
        let ids: Vec<TextId> = (0..20).map(|number: u8| texts.id(&number.to_string()).unwrap()).collect();
        let all = ids.iter().fold(SetId::default(), |set, id| sets.with(set, *id));
        let lines = sets.lines(all, &texts);
        assert_eq!((lines.len(), lines.last().unwrap().as_str()), (MOST_IN_A_SET + 1, "and others"));
        // Of two sets, one of which has no room for all, the joined one has no room for all either.
        let first = sets.with(SetId::default(), ids[0]);
        assert_eq!((sets.joined(first, all), sets.joined(all, first)), (all, all));
        texts.bytes = MOST_BYTES;
        assert_eq!((texts.id("0"), texts.id("x"), texts.bytes), (Some(ids[0]), None, MOST_BYTES));
    }
}
