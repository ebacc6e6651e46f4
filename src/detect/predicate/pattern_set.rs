//! Sets of patterns: the many values that a rule lists for one field. A value of the field is
//! looked up in an index, so the number of patterns does not matter.

use std::sync::Arc;

use crate::base::text_set::TextSet;
use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::on_label::is_on_label;
use crate::detect::predicate::pattern::{Pattern, fold, matches_pieces};
use crate::detect::predicate::text_index::{Described, TextIndex};
use crate::detect::predicate::text_list::TextList;

/// The smallest number of patterns for one field that become a [`PatternSet`]. Fewer patterns are
/// compared with a value one by one, and records are searched for their literals together, which is
/// faster.
pub(in crate::detect) const LEAST_PATTERNS: usize = 65;

/// A set of patterns for one field. A value matches the set if it matches at least one pattern. The
/// set can contain equal patterns.
#[derive(Debug, Default, Clone)]
pub struct PatternSet {
    /// The texts of the patterns as the rule's author wrote them, in the order of the rule.
    texts: TextList,
    /// The literals before, between and after the wildcards of all patterns, in lower case, in the
    /// order of the rule.
    pieces: TextList,
    /// For each pattern, the number of elements in `pieces` up to and including the pattern's last
    /// piece. The pieces of a pattern begin after those of the pattern before it.
    ends: Vec<u32>,
    /// The index that finds the patterns that match a text. It returns their numbers in the set,
    /// from 0. The patterns in `repeated` are not in it.
    index: TextIndex,
    /// The patterns that are not in the field `index`, because an equal pattern comes before them:
    /// for each, in ascending order, its number, and that of the first equal pattern.
    repeated: Vec<(u32, u32)>,
}

/// A pattern of a [`PatternSet`].
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct SetPattern<'s> {
    set: &'s PatternSet,
    /// The number of the pattern in the set, from 0.
    number: u32,
}

/// The ends of a pattern that have a wildcard `*`, for a pattern that has no wildcard inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) struct Around {
    /// True if the pattern begins with `*`, so that a value can have any text before the literal.
    pub before: bool,
    /// True if the pattern ends with `*`, so that a value can have any text after the literal.
    pub after: bool,
}

impl PatternSet {
    /// Makes a set of these patterns, in their order, and prepares it for searches.
    #[must_use]
    pub fn new(patterns: &[Pattern]) -> Self {
        let mut set = PatternSet::default();
        for pattern in patterns {
            set.add(pattern);
        }
        set.seal();
        set
    }

    /// Reserves memory for this number of patterns, which have `bytes` bytes together without their
    /// wildcards. `around` states the ends at which all of them have wildcards.
    pub(in crate::detect) fn reserve(&mut self, around: Around, patterns: usize, bytes: usize) {
        match around {
            Around { before: false, after: false } => {
                self.index.reserve(Described::Itself(""), patterns, bytes);
            }
            _ => self.index.reserve_patterns(patterns, bytes),
        }
        let wildcards = usize::from(around.before) + usize::from(around.after);
        self.texts.reserve(patterns, bytes + patterns * wildcards);
        self.pieces.reserve(2 * patterns, bytes);
        self.ends.reserve(patterns);
    }

    /// Adds a pattern at the end of the set.
    pub(in crate::detect) fn add(&mut self, pattern: &Pattern) {
        self.texts.push([pattern.text()]);
        for piece in pattern.pieces() {
            self.pieces.push([piece.as_str()]);
        }
        self.list();
    }

    /// Reads the memory from which [`PatternSet::add_plain`] will look up a pattern, as
    /// [`TextIndex::prepare`] does. `text` is the pattern's literal in lower case, and `around`
    /// states the ends at which the pattern has wildcards.
    pub(in crate::detect) fn prepare(&mut self, text: &str, around: Around) {
        match around {
            Around { before: false, after: false } => self.index.prepare(Described::Itself(text)),
            Around { before: true, after: false } => {
                if let Some(below) = text.strip_prefix('.') {
                    self.index.prepare(Described::Below(below));
                }
            }
            Around { after: true, .. } => {}
        }
    }

    /// Adds a pattern at the end of the set that has no wildcards except at the ends that `around`
    /// states. `text` is the pattern's literal in lower case, and `written` is the literal as the
    /// rule's author wrote it.
    pub(in crate::detect) fn add_plain(&mut self, text: &str, written: &str, around: Around) {
        let star = |is_any: bool| if is_any { "*" } else { "" };
        self.texts.push([star(around.before), written, star(around.after)]);
        if around.before {
            self.pieces.push([]);
        }
        self.pieces.push([text]);
        if around.after {
            self.pieces.push([]);
        }
        self.list();
    }

    /// Adds to the set's index the pattern whose text and pieces were added to the set last. If the
    /// index refuses the pattern, because it has an equal entry, adds the pattern to `repeated`
    /// instead.
    fn list(&mut self) {
        let number = u32::try_from(self.ends.len()).expect("there are fewer patterns than texts");
        self.ends.push(self.pieces.next());
        let range = self.pieces_of(number);
        let piece = |place: u32| range.clone().nth(place as usize).map_or("", |piece| self.pieces.get(piece));
        let entry = match range.len() {
            1 => Some(Described::Itself(piece(0))),
            2 if piece(0).is_empty() => piece(1).strip_prefix('.').map(Described::Below),
            _ => None,
        };
        if let Some(entry) = entry {
            self.repeated.extend(self.index.add(entry, number).map(|first| (number, first)));
        } else {
            self.index.add_pattern(range.map(|piece| self.pieces.get(piece)), number);
        }
    }

    /// Prepares the set for fast searches. To be called after all patterns were added; without it,
    /// searches are slower.
    pub(in crate::detect) fn seal(&mut self) {
        self.index.seal();
    }

    /// The patterns of the set, in the order of the rule.
    pub(in crate::detect) fn patterns(&self) -> impl ExactSizeIterator<Item = SetPattern<'_>> {
        (0..self.texts.next()).map(|number| SetPattern { set: self, number })
    }

    /// The texts of the patterns as the rule's author wrote them, in the order of the rule.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.patterns().map(SetPattern::text)
    }

    /// The number of patterns in the set.
    #[must_use]
    pub fn len(&self) -> usize {
        self.texts.len()
    }

    /// Returns true if the set has no patterns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns true if a pattern of the set matches the whole of `value`.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let folded = fold(value);
        self.index.any(&folded, |number| self.is_match(number, &folded))
    }

    /// Returns the patterns of the set that match the whole of `value`, in the order of the rule.
    pub(in crate::detect) fn matching(&self, value: &str) -> impl Iterator<Item = SetPattern<'_>> {
        let folded = fold(value);
        let mut found = self.index.all(&folded, |number| self.is_match(number, &folded));
        let again = self.repeated.iter().filter(|(_, first)| found.binary_search(first).is_ok());
        let again: Vec<u32> = again.map(|(number, _)| *number).collect();
        found.extend(again);
        found.sort_unstable();
        found.into_iter().map(|number| SetPattern { set: self, number })
    }

    /// Returns true if the pattern with the number `number` matches the whole value `folded`, which
    /// must be in lower case.
    fn is_match(&self, number: u32, folded: &str) -> bool {
        let pieces: Vec<&str> = self.pieces_of(number).map(|piece| self.pieces.get(piece)).collect();
        matches_pieces(&pieces, folded.as_bytes())
    }

    /// Returns the range of 0-based indexes that a pattern's pieces have in the field `pieces`.
    /// `number` is the pattern's number in the set, from 0.
    fn pieces_of(&self, number: u32) -> std::ops::Range<u32> {
        let end = |number: u32| self.ends.get(number as usize).copied().unwrap_or(0);
        number.checked_sub(1).map_or(0, end)..end(number)
    }
}

impl<'s> SetPattern<'s> {
    /// Returns the text of the pattern as the rule's author wrote it, with quotes and escapes
    /// resolved.
    pub(in crate::detect) fn text(self) -> &'s str {
        self.set.texts.get(self.number)
    }

    /// The literals before, between and after the pattern's wildcards, in lower case; some may be
    /// empty.
    pub(in crate::detect) fn pieces(self) -> impl Iterator<Item = &'s str> {
        self.set.pieces_of(self.number).map(move |piece| self.set.pieces.get(piece))
    }

    /// Returns true if the pattern's text lies on label boundaries in `name`, a queried name that
    /// the pattern matches, as [`is_on_label`] decides.
    pub(in crate::detect) fn is_on_label(self, name: &str) -> bool {
        is_on_label(&self.pieces().collect::<Vec<_>>(), name)
    }
}

/// Two sets are equal if they have equal patterns in the same order.
impl PartialEq for PatternSet {
    fn eq(&self, other: &Self) -> bool {
        self.texts == other.texts && self.pieces == other.pieces && self.ends == other.ends
    }
}

impl Eq for PatternSet {}

impl TextSet for PatternSet {
    fn contains(&self, text: &str) -> bool {
        // An empty value matches no pattern. A text without letters outside ASCII is in lower case.
        !text.is_empty()
            && if text.is_ascii() {
                self.index.any(text, |number| self.is_match(number, text))
            } else {
                self.matches(text)
            }
    }

    fn count(&self) -> usize {
        self.len()
    }
}

impl Predicate {
    /// Returns an equivalent predicate in which adjacent patterns of an OR for one field are joined
    /// to a set ([`Predicate::OneOf`]), if there are at least [`LEAST_PATTERNS`] of them.
    #[must_use]
    pub(in crate::detect) fn with_sets(self) -> Self {
        match self {
            Predicate::And(children) => {
                Predicate::And(children.into_iter().map(Predicate::with_sets).collect())
            }
            Predicate::Not(child) => Predicate::Not(Box::new(child.with_sets())),
            Predicate::Or(children) if children.len() >= LEAST_PATTERNS => joined(children),
            Predicate::Or(children) => {
                Predicate::Or(children.into_iter().map(Predicate::with_sets).collect())
            }
            leaf => leaf,
        }
    }
}

/// Returns the OR of `children`, in which adjacent patterns for one field are joined to a set
/// ([`Predicate::OneOf`]) if there are at least [`LEAST_PATTERNS`] of them. An OR of a single
/// predicate is that predicate.
fn joined(children: Vec<Predicate>) -> Predicate {
    let mut parts: Vec<Predicate> = Vec::new();
    let mut run: Option<(Field, Vec<Pattern>)> = None;
    for child in children {
        match (child, &mut run) {
            (Predicate::Matches { field, pattern }, Some((of, patterns))) if *of == field => {
                patterns.push(pattern);
            }
            (Predicate::Matches { field, pattern }, run) => {
                parts.extend(run.take().into_iter().flat_map(ended));
                *run = Some((field, vec![pattern]));
            }
            (other, run) => {
                parts.extend(run.take().into_iter().flat_map(ended));
                parts.push(other.with_sets());
            }
        }
    }
    parts.extend(run.into_iter().flat_map(ended));
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        last => {
            parts.extend(last);
            Predicate::Or(parts)
        }
    }
}

/// Returns the predicates for adjacent patterns of an OR for one field: a single set of patterns
/// ([`Predicate::OneOf`]) for at least [`LEAST_PATTERNS`] patterns, otherwise one predicate for
/// each pattern.
fn ended((field, patterns): (Field, Vec<Pattern>)) -> Vec<Predicate> {
    if patterns.len() >= LEAST_PATTERNS {
        return vec![Predicate::OneOf { field, patterns: Arc::new(PatternSet::new(&patterns)) }];
    }
    patterns.into_iter().map(|pattern| Predicate::Matches { field, pattern }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::predicate::RequiredText;
    use crate::detect::testing::event;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        /// Compares a set with its patterns, one after the other.
        #[test]
        fn a_set_matches_what_one_of_its_patterns_matches(
            patterns in prop::collection::vec("[abB*.é]{0,8}", 0..12),
            value in "[abAB.éÉ\u{212a}]{0,10}",
        ) {
            let patterns: Vec<Pattern> = patterns.iter().map(|text| Pattern::new(text)).collect();
            let plain: Vec<&Pattern> = patterns.iter().filter(|pattern| pattern.matches(&value)).collect();
            let set = PatternSet::new(&patterns);
            prop_assert_eq!(set.matches(&value), !plain.is_empty());
            let found = set.matching(&value).map(|pattern| (pattern.text(), pattern.is_on_label(&value)));
            let expected = plain.iter().map(|pattern| (pattern.text(), pattern.is_on_label(&value)));
            prop_assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
            let lower = value.to_ascii_lowercase();
            prop_assert_eq!(set.contains(&lower), !lower.is_empty() && set.matches(&lower));
        }

        /// Compares a predicate with sets with the one that it was made of.
        #[test]
        fn sets_change_no_result(
            names in prop::collection::vec("[ab*.]{1,6}", 60..80),
            programs in prop::collection::vec("[ab*.]{1,6}", 60..80),
            name in "[ab.]{0,6}",
            program in "[ab.]{0,6}",
        ) {
            let all = |field: Field, texts: &[String]| -> Vec<Predicate> {
                texts.iter().map(|text| Predicate::Matches { field, pattern: Pattern::new(text) }).collect()
            };
            let children = [all(Field::QUERY_NAME, &names), all(Field::IMAGE, &programs)].concat();
            let plain = Predicate::And(vec![Predicate::Or(children)]);
            let sets = plain.clone().with_sets();
            let event = event(&program, &name);
            prop_assert_eq!(sets.evaluate(&event), plain.evaluate(&event));
            prop_assert_eq!(sets.hits(&event), plain.hits(&event));
            if plain.evaluate(&event) {
                let text = |required: &RequiredText| {
                    if required.data_name == "QueryName" { name.clone() } else { program.clone() }
                };
                for set in sets.required_texts() {
                    let is_any = set.iter().any(|required| required.text.is_in(&text(required)));
                    prop_assert!(is_any, "{:?}", set);
                }
            }
        }
    }
}
