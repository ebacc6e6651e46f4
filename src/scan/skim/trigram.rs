//! A quick look at whether text may hold one of several literals.
//!
//! Nearly no DNS query holds any. Of each literal, three characters that follow one another are
//! marked in a table of bits, and text in which no three are marked holds none of the literals.
//! Where some are, a search has to tell, for other characters share these bits. Its twin is that
//! search.

use crate::scan::evtx::binxml::text::units;

/// Bits of a character that distinguish it from others: an ASCII letter has the same in either
/// case.
const BITS: u32 = 5;
const CHARACTER: u32 = (1 << BITS) - 1;
/// Three of them.
const TRIGRAM: u32 = (1 << (3 * BITS)) - 1;
/// The table has a bit for each three: 4 KiB, which the processor's first cache can hold.
const WORDS: usize = (TRIGRAM as usize + 1) / 64;
/// The most literals that are marked: the more are, the more text holds three characters that are,
/// and is searched as well.
const MOST_LITERALS: usize = 64;
/// Characters in the order of how frequent they may be in names and paths: those of a literal that
/// are rare are marked. Another order would let more text be searched, and nothing else.
const FREQUENT: &[u8] = b"eaoitnrscl.dm\\upghwbyfvk-xjqz0123456789";

/// The marks of some literals.
#[derive(Debug)]
pub(in crate::scan) struct Trigrams(Box<[u64; WORDS]>);

impl Trigrams {
    /// Marks literals of ASCII characters; `None` if one of them has less than three, or they are
    /// too many.
    pub(in crate::scan) fn of<'a>(literals: impl ExactSizeIterator<Item = &'a str>) -> Option<Self> {
        if literals.len() > MOST_LITERALS {
            return None;
        }
        let mut marks = Trigrams(Box::new([0; WORDS]));
        for literal in literals {
            let rarest = literal.as_bytes().windows(3).max_by_key(|three| rarity(three))?;
            let trigram = rarest.iter().fold(0, |before, byte| follow(before, u32::from(*byte)));
            let (word, mark) = place(trigram);
            *marks.0.get_mut(word)? |= mark;
        }
        Some(marks)
    }

    /// Whether UTF-16 text may hold one of the literals, in any case.
    pub(in crate::scan) fn may_be_in(&self, text: &[u8]) -> bool {
        let mut trigram = 0;
        let mut found = 0;
        // No jump for each character: most texts are short, and have none.
        for unit in units(text) {
            trigram = follow(trigram, u32::from(unit));
            let (word, mark) = place(trigram);
            found |= self.0.get(word).map_or(mark, |marks| marks & mark);
        }
        found != 0
    }
}

/// The trigram of a character and the two before it. Its higher bits still hold what lies before
/// these: [`place`] leaves them out.
#[inline]
fn follow(before: u32, character: u32) -> u32 {
    (before << BITS) | (character & CHARACTER)
}

/// Which word of the table has a trigram's bit, and the bit.
#[inline]
fn place(trigram: u32) -> (usize, u64) {
    let trigram = trigram & TRIGRAM;
    (trigram as usize / 64, 1 << (trigram % 64))
}

/// How rare characters are together.
fn rarity(characters: &[u8]) -> usize {
    let rank =
        |character: &u8| FREQUENT.iter().position(|other| other == character).unwrap_or(FREQUENT.len());
    characters.iter().map(rank).sum()
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
        /// The twin: a search for each literal.
        #[test]
        fn text_that_holds_a_literal_may_hold_it(
            text in "[a-cA-C.ÄK\u{212a}\u{141}]{0,12}",
            literals in prop::collection::vec("[a-c.k]{3,4}", 0..4),
        ) {
            let marks = Trigrams::of(literals.iter().map(String::as_str)).unwrap();
            let holds = literals.iter().any(|literal| text.to_ascii_lowercase().contains(literal.as_str()));
            prop_assert!(!holds || marks.may_be_in(&utf16(&text)));
        }
    }
}
