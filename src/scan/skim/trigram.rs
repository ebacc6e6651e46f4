//! A fast test whether text may contain one of several literals.
//!
//! Nearly no DNS query contains one of the literals. Three consecutive characters of each literal
//! are marked in a table of bits; text without three marked characters in a row contains none of
//! the literals. If the text has such characters, a full search must decide, because other
//! characters share these bits.
//!
//! If all literals have four characters or more, two adjacent trigrams of each are marked. In text
//! with the literal, one of the two ends at an odd place, so only these places are looked at.

use crate::base::rarity::Rarity;
use crate::scan::evtx::binxml::text::units;

/// The number of bits of a character that distinguish it in the table of trigrams, the fast test
/// for three consecutive characters. Both cases of an ASCII letter have the same low five bits, so
/// the test ignores case.
const BITS: u32 = 5;
/// A mask for the [`BITS`] low bits of a character, which distinguish it in the table of trigrams,
/// the fast test for three consecutive characters.
const CHARACTER: u32 = (1 << BITS) - 1;
/// A mask for the bits that distinguish three consecutive characters (a trigram).
const TRIGRAM: u32 = (1 << (3 * BITS)) - 1;
/// The number of 64-bit words in the table of trigrams. The table has a bit for each combination of
/// three consecutive characters (a trigram): 4 KiB, which fit into the processor's first-level
/// cache.
const WORDS: usize = (TRIGRAM as usize + 1) / 64;
/// The greatest number of literals for which a table of trigrams is made. In this fast test, three
/// consecutive characters of each literal are marked. With more literals, too much text would
/// contain marked characters, and would have to be searched in full anyway.
const MOST_LITERALS: usize = 64;

/// A fast test whether text may contain one of several literals: a table with a bit for each
/// trigram (three consecutive characters), in which trigrams of each literal are marked.
#[derive(Debug)]
pub(in crate::scan) struct Trigrams {
    marks: Box<[u64; WORDS]>,
    places: Places,
}

/// The places in a text at which the fast test looks up the trigram (three consecutive characters)
/// that ends there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Places {
    /// Trigrams (three consecutive characters) are looked up at every place in the text. One
    /// trigram of each literal is marked.
    Every,
    /// Trigrams (three consecutive characters) are looked up at every second place in the text:
    /// after the second character, after the fourth, and so on. Two adjacent trigrams of each
    /// literal are marked.
    EverySecond,
}

impl Places {
    /// Returns the length, in characters, of the part of each literal whose trigrams (three
    /// consecutive characters) are all marked: 3 for one trigram, 4 for two adjacent ones.
    fn window(self) -> usize {
        match self {
            Places::Every => 3,
            Places::EverySecond => 4,
        }
    }
}

impl Trigrams {
    /// Marks in the table the rarest trigram (three consecutive characters) of each literal or, if
    /// all literals have four characters or more, the rarest two adjacent ones. The literals must
    /// have only ASCII characters. `None` if a literal has fewer than three characters, or there
    /// are more than [`MOST_LITERALS`] literals.
    pub(in crate::scan) fn of<'a>(literals: impl ExactSizeIterator<Item = &'a str> + Clone) -> Option<Self> {
        if literals.len() > MOST_LITERALS {
            return None;
        }
        let has_four = |literal: &str| literal.len() >= Places::EverySecond.window();
        let places = if literals.clone().all(has_four) { Places::EverySecond } else { Places::Every };
        let mut marks = Box::new([0; WORDS]);
        let rarity = Rarity::default();
        let rarity = |window: &&[u8]| window.iter().map(|byte| rarity.of(*byte)).sum::<u32>();
        for literal in literals {
            let rarest = literal.as_bytes().windows(places.window()).max_by_key(rarity)?;
            for three in rarest.windows(3) {
                let trigram = three.iter().fold(0, |before, byte| follow(before, u32::from(*byte)));
                *marks.get_mut(word(trigram))? |= 1 << bit(trigram);
            }
        }
        Some(Trigrams { marks, places })
    }

    /// Returns whether UTF-16 text may contain one of the literals, in any letter case. If not, no
    /// literal is in the text; otherwise a full search must decide.
    pub(in crate::scan) fn may_be_in(&self, text: &[u8]) -> bool {
        let mut trigram = 0;
        let mut found = 0;
        // The loops have no branch for each character: most texts are short and have no marks.
        match self.places {
            Places::Every => {
                for unit in units(text) {
                    trigram = follow(trigram, u32::from(unit));
                    found |= self.shifted(trigram);
                }
            }
            Places::EverySecond => {
                // If the number of characters is odd, the last place is not one of those looked at.
                for [a, b, c, d] in text.as_chunks::<4>().0 {
                    let two = [u16::from_le_bytes([*a, *b]), u16::from_le_bytes([*c, *d])];
                    trigram = two.into_iter().fold(trigram, |before, unit| follow(before, u32::from(unit)));
                    found |= self.shifted(trigram);
                }
            }
        }
        found & 1 != 0
    }

    /// Returns a number whose lowest bit is set if a trigram (three consecutive characters) is
    /// marked. Its other bits mean nothing.
    #[inline]
    fn shifted(&self, trigram: u32) -> u64 {
        let marks =
            self.marks.get(word(trigram)).expect("a trigram has no more bits than the table's places");
        marks >> bit(trigram)
    }
}

/// Returns the trigram (three consecutive characters) that ends with `character`, given the trigram
/// that ends one character before. The higher bits still contain earlier characters; [`word`] and
/// [`bit`] ignore them.
#[inline]
fn follow(before: u32, character: u32) -> u32 {
    (before << BITS) | (character & CHARACTER)
}

/// Returns the index of the 64-bit word in the table of trigrams that has the bit of a trigram
/// (three consecutive characters).
#[inline]
fn word(trigram: u32) -> usize {
    (trigram & TRIGRAM) as usize / 64
}

/// Returns the place of the bit of a trigram (three consecutive characters) in its 64-bit word.
#[inline]
fn bit(trigram: u32) -> u32 {
    trigram % 64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn text_without_marked_characters_is_passed_over() {
        let marks = Trigrams::of(["pastebin", "t.me"].into_iter()).unwrap();
        for (text, expected) in
            [("PASTEBIN.com", true), ("a.t.Me", true), ("www.example.com", false), ("t.", false), ("", false)]
        {
            assert_eq!(marks.may_be_in(&utf16(text)), expected, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_marked_is_left_to_the_search() {
        assert!(Trigrams::of(["pastebin", "t."].into_iter()).is_none());
        assert!(Trigrams::of(vec!["abc"; MOST_LITERALS + 1].into_iter()).is_none());
    }

    #[test]
    fn what_all_names_end_with_is_not_what_is_marked() {
        let marks = Trigrams::of(["pastebin.com"].into_iter()).unwrap();
        assert!(!marks.may_be_in(&utf16("example.com")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// Checks that [`Trigrams::may_be_in`] never excludes a text in which a full search finds a
        /// literal.
        #[test]
        fn text_that_holds_a_literal_may_hold_it(
            around in prop::array::uniform2("[a-cA-C.ÄK\u{212a}\u{141}]{0,7}"),
            literals in prop::collection::vec("[a-c.k]{4,5}", 0..4),
            short in prop::option::of("[a-c.k]{3}"),
            is_inside in any::<bool>(),
        ) {
            let literals: Vec<String> = literals.into_iter().chain(short).collect();
            let marks = Trigrams::of(literals.iter().map(String::as_str)).unwrap();
            let inside = literals.first().filter(|_| is_inside).map(|first| first.to_ascii_uppercase());
            let text = around.join(inside.as_deref().unwrap_or_default());
            let holds = literals.iter().any(|literal| text.to_ascii_lowercase().contains(literal.as_str()));
            prop_assert!(!holds || marks.may_be_in(&utf16(&text)));
        }
    }
}
