//! An index that finds which of many patterns may match a text, without comparing the text with
//! each. It is for patterns with wildcards, of which a list or a rule can have a hundred thousand.
//!
//! Each pattern is listed under one gram, which is a sequence of adjacent bytes of its literals. A
//! text that matches the pattern contains the gram, so the text is compared only with patterns that
//! are listed under one of its grams. [`GramChoice`] chooses the gram of each pattern. A mark
//! before and after each text counts as a part of it: a pattern that states how texts begin or end
//! can be listed under a gram that has the mark, which few texts have.

use crate::detect::predicate::gram_choice::GramChoice;
use crate::detect::predicate::gram_table::GramTable;

/// The byte that stands for the start and the end of a text in grams. Names do not contain it. For
/// a text that contains it, more patterns are reported as possible matches.
pub(super) const MARK: u8 = 0;

/// An index that finds the patterns that may match a text. Each pattern is listed under a gram
/// (adjacent bytes) of its literals, which every matching text contains. Patterns whose literals
/// are too short for a gram may match any text.
#[derive(Debug, Default, Clone)]
pub(in crate::detect) struct GramIndex {
    /// The patterns that were added but are not listed under a gram yet. [`GramIndex::seal`] lists
    /// them. Until then they are reported for every text.
    unlisted: UnlistedPatterns,
    /// The tables of the patterns that are listed under a gram. Each table has grams of one length.
    tables: Vec<GramTable>,
    /// The numbers of the patterns whose literals are too short for a gram. They are reported for
    /// every text.
    others: Vec<u32>,
}

/// Patterns that are not listed under a gram (adjacent bytes of their literals) yet, with their
/// literals.
#[derive(Debug, Default, Clone)]
pub(super) struct UnlistedPatterns {
    /// The literals of all patterns in one buffer. A [`MARK`] is before the first literal of each
    /// pattern, with which a matching text must begin, and after the last literal, with which a
    /// matching text must end.
    literals: Vec<u8>,
    /// For each literal, its end as an offset in `literals`, and the number of its pattern. The
    /// literals of a pattern are adjacent.
    ends: Vec<(u32, u32)>,
}

impl GramIndex {
    /// Adds a pattern, which must have at least one wildcard. `pieces` are the literals before,
    /// between and after the wildcards; pieces can be empty. Every text that the pattern matches
    /// contains all pieces, begins with the first and ends with the last. [`GramIndex::any`]
    /// reports the pattern by `number`, which no other pattern may have.
    pub(in crate::detect) fn add<'a>(&mut self, pieces: impl Iterator<Item = &'a str>, number: u32) {
        self.unlisted.add(pieces, number);
    }

    /// Reserves memory for this number of patterns, which have `bytes` bytes together.
    pub(in crate::detect) fn reserve(&mut self, patterns: usize, bytes: usize) {
        self.unlisted.literals.reserve(bytes + 2 * patterns);
        self.unlisted.ends.reserve(2 * patterns);
    }

    /// Lists each pattern under a gram. To be called after all patterns were added; without it,
    /// searches are slow, because every pattern is reported for every text.
    pub(in crate::detect) fn seal(&mut self) {
        let unlisted = std::mem::take(&mut self.unlisted);
        let choice = GramChoice::of(&unlisted);
        let mut listed = GramChoice::LENGTHS.map(|length| (length, Vec::new()));
        // Most patterns have a gram of the first length, and all have two literals or more.
        if let Some((_, longest)) = listed.first_mut() {
            longest.reserve(unlisted.literal_count() / 2);
        }
        for (number, literals) in unlisted.patterns() {
            let gram = choice.gram(&literals);
            let list = gram.and_then(|(place, gram)| listed.get_mut(place).map(|(_, list)| (list, gram)));
            match list {
                Some((list, gram)) => list.push((gram, number)),
                None => self.others.push(number),
            }
        }
        let tables = listed.into_iter().filter(|(_, listed)| !listed.is_empty());
        self.tables.extend(tables.map(|(length, listed)| GramTable::of(length, &listed)));
    }

    /// Calls `may_match` with the number of each pattern that may match a text, in any order. A
    /// number can come more than once. Stops once `may_match` returns true, and returns true then.
    pub(in crate::detect) fn any(&self, text: &str, mut may_match: impl FnMut(u32) -> bool) -> bool {
        self.tables.iter().any(|table| table.any_in(text, &mut may_match))
            || self.others.iter().any(|number| may_match(*number))
            || self.unlisted.ends.iter().any(|(_, number)| may_match(*number))
    }
}

impl UnlistedPatterns {
    fn add<'a>(&mut self, pieces: impl Iterator<Item = &'a str>, number: u32) {
        self.literals.push(MARK);
        for piece in pieces {
            self.literals.extend(piece.as_bytes());
            self.end(number);
        }
        // The mark belongs to the last piece.
        self.literals.push(MARK);
        self.ends.pop();
        self.end(number);
    }

    /// Ends the literal whose bytes were added to `literals` last. `number` is the number of its
    /// pattern.
    fn end(&mut self, number: u32) {
        let end = u32::try_from(self.literals.len());
        self.ends.push((end.expect("what is read of files with patterns has less than 4 GiB"), number));
    }

    /// Returns the number of literals of all patterns together, including empty ones.
    pub(super) fn literal_count(&self) -> usize {
        self.ends.len()
    }

    /// Returns the number of bytes of the literals of all patterns together, including marks.
    pub(super) fn size(&self) -> usize {
        self.literals.len()
    }

    /// Returns the number of each pattern, with the bytes of its literals.
    pub(super) fn patterns(&self) -> impl Iterator<Item = (u32, impl Iterator<Item = &[u8]> + Clone)> {
        let mut start = 0;
        self.ends.chunk_by(|(_, one), (_, other)| one == other).map(move |ends| {
            let mut from = start;
            start = ends.last().map_or(from, |(end, _)| *end as usize);
            let number = ends.first().map_or(0, |(_, number)| *number);
            let literals = ends.iter().map(move |(end, _)| {
                let range = from..*end as usize;
                from = range.end;
                self.literals.get(range).unwrap_or_default()
            });
            (number, literals)
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the numbers of the patterns that may match a text.
    fn found(index: &GramIndex, text: &str) -> Vec<u32> {
        let mut found = Vec::new();
        assert!(!index.any(text, |number| {
            found.push(number);
            false
        }));
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        /// Compares what the index finds with a search for each literal.
        #[test]
        fn a_pattern_whose_literals_are_all_in_the_text_may_match_it(
            patterns in prop::collection::vec("[ab.*é]{0,10}", 0..12),
            text in "[ab.é\0]{0,14}",
            sealed in 0..13_usize,
        ) {
            let mut index = GramIndex::default();
            for (number, pattern) in (0..).zip(&patterns) {
                index.add(pattern.split('*'), number);
                if number as usize == sealed {
                    index.seal();
                }
            }
            index.seal();
            let found = found(&index, &text);
            for (number, pattern) in (0..).zip(&patterns) {
                let pieces: Vec<&str> = pattern.split('*').collect();
                let may_match = text.starts_with(pieces[0])
                    && text.ends_with(pieces[pieces.len() - 1])
                    && pieces.iter().all(|piece| text.contains(piece))
                    && (pieces.len() > 1 || text == *pattern);
                prop_assert!(!may_match || found.contains(&number), "{}", pattern);
            }
        }
    }

    #[test]
    fn what_many_patterns_have_in_common_is_not_what_they_are_listed_under() {
        for (make, text, most) in [
            ((|number| format!("bad{number}*.example.com")) as fn(u32) -> String, "www.example.com", 0),
            (|number| format!("x{number}*.example.com"), "www.example.com", 0),
            (|number| format!("*login-microsoft{number}.*"), "login.microsoft.com", 0),
            (|number| format!("*login-microsoft{number}.*"), "login-microsoft77.com", 20),
            (|number| format!("bad{number}*.example.com"), "bad77.cdn.example.com", 20),
        ] {
            let mut index = GramIndex::default();
            for number in 0..500 {
                index.add(make(number).split('*'), number);
            }
            index.seal();
            let found = found(&index, text);
            assert!(found.len() <= most, "{}: {found:?}", make(0));
            assert_eq!(found.contains(&77), most > 0, "{}: {found:?}", make(0));
        }
    }
}
