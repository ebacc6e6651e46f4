//! Sets of patterns: the many values that a rule lists for one field. A value of the field is
//! looked up in an index, so the number of patterns does not matter.

use crate::base::text_set::TextSet;
use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::pattern::{Pattern, fold};
use crate::detect::predicate::text_index::{Described, TextIndex};

/// The least number of patterns of which a set is made. Fewer patterns are compared one after the
/// other, and their literals are searched for together, which is faster.
pub(in crate::detect) const LEAST_PATTERNS: usize = 65;

/// Patterns of which one must match the value of a field.
#[derive(Debug, Clone)]
pub struct PatternSet {
    /// The patterns, in the order of the rule.
    patterns: Vec<Pattern>,
    /// The index that finds the patterns that match a text. The number of a pattern in it is the
    /// pattern's index in `patterns`. The patterns in `repeated` are not in it.
    index: TextIndex,
    /// The patterns that are not in the field `index`, because an equal pattern comes before them:
    /// for each, in ascending order, its index in `patterns`, and that of the first equal pattern.
    repeated: Vec<(u32, u32)>,
}

impl PatternSet {
    /// Makes a set of patterns.
    #[must_use]
    pub fn new(patterns: Vec<Pattern>) -> Self {
        let mut index = TextIndex::default();
        let mut repeated = Vec::new();
        for (number, pattern) in (0..).zip(&patterns) {
            let entry = match pattern.pieces() {
                [whole] => Some(Described::Itself(whole)),
                [first, tail] if first.is_empty() => tail.strip_prefix('.').map(Described::Below),
                _ => None,
            };
            if let Some(entry) = entry {
                repeated.extend(index.add(entry, number).map(|first| (number, first)));
            } else {
                let literals: Vec<&str> = pattern.literals().collect();
                index.add_pattern(literals.into_iter(), number);
            }
        }
        index.seal();
        PatternSet { patterns, index, repeated }
    }

    /// The patterns of the set, in the order of the rule.
    #[must_use]
    pub fn patterns(&self) -> &[Pattern] {
        &self.patterns
    }

    /// Returns true if a pattern of the set matches the whole of `value`.
    #[must_use]
    pub fn matches(&self, value: &str) -> bool {
        let folded = fold(value);
        self.index.any(&folded, |number| self.is_match(number, value))
    }

    /// Returns the patterns of the set that match the whole of `value`, in the order of the rule.
    pub fn matching(&self, value: &str) -> impl Iterator<Item = &Pattern> {
        let folded = fold(value);
        let mut found = self.index.all(&folded, |number| self.is_match(number, value));
        let again = self.repeated.iter().filter(|(_, first)| found.binary_search(first).is_ok());
        let again: Vec<u32> = again.map(|(number, _)| *number).collect();
        found.extend(again);
        found.sort_unstable();
        found.into_iter().filter_map(|number| self.patterns.get(number as usize))
    }

    fn is_match(&self, number: u32, value: &str) -> bool {
        self.patterns.get(number as usize).is_some_and(|pattern| pattern.matches(value))
    }
}

/// Two sets are equal if their patterns are.
impl PartialEq for PatternSet {
    fn eq(&self, other: &Self) -> bool {
        self.patterns == other.patterns
    }
}

impl Eq for PatternSet {}

impl TextSet for PatternSet {
    fn contains(&self, text: &str) -> bool {
        // An empty value matches no pattern.
        !text.is_empty() && self.matches(text)
    }

    fn count(&self) -> usize {
        self.patterns.len()
    }
}

impl Predicate {
    /// Returns an equivalent predicate in which the patterns that an OR has for one field, one
    /// after the other, are a set ([`Predicate::OneOf`]), if there are many.
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

/// Returns the OR of `children`. In it, many neighbouring patterns for one field are joined to a
/// set ([`Predicate::OneOf`]).
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

/// Returns the predicates for patterns for one field that follow each other in an OR: a single set
/// of patterns ([`Predicate::OneOf`]) for at least [`LEAST_PATTERNS`], otherwise one predicate for
/// each.
fn ended((field, patterns): (Field, Vec<Pattern>)) -> Vec<Predicate> {
    if patterns.len() >= LEAST_PATTERNS {
        return vec![Predicate::OneOf { field, patterns: PatternSet::new(patterns).into() }];
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
            let set = PatternSet::new(patterns.clone());
            prop_assert_eq!(set.matches(&value), !plain.is_empty());
            prop_assert_eq!(set.matching(&value).collect::<Vec<_>>(), plain);
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
