//! Tests whether a cell of a lookup's column can match the value of a field. A sweep does this with
//! the value in a record's bytes, and decodes only records whose value passes.

use crate::base::text_set::TextSet;
use crate::detect::lookup::index::MatchType;
use crate::detect::predicate::network::{Network, NetworkSet};
use crate::detect::predicate::pattern::fold;
use crate::detect::predicate::text_index::{Described, TextIndex};

/// The set of values that the cells of one column of a lookup table can match, for a fast test of a
/// whole field in a record. The set contains each value that a cell matches, and can contain a few
/// other values.
#[derive(Debug, Default)]
pub(in crate::detect) struct ColumnTexts {
    texts: TextIndex,
    networks: NetworkSet,
    count: usize,
}

impl ColumnTexts {
    /// Makes the set from the cells of a column. `match_type` is how the column's cells are
    /// compared with values. Empty cells match nothing, so they are left out.
    pub(in crate::detect) fn new<'a>(match_type: MatchType, cells: impl Iterator<Item = &'a str>) -> Self {
        let mut column = ColumnTexts::default();
        for (number, cell) in (0..).zip(cells.filter(|cell| !cell.is_empty())) {
            column.add(match_type, cell, number);
            column.count += 1;
        }
        column.texts.seal();
        column.networks.seal();
        column
    }

    fn add(&mut self, match_type: MatchType, cell: &str, number: u32) {
        let texts = &mut self.texts;
        if match_type == MatchType::Network {
            if let Ok(network) = Network::parse(cell) {
                self.networks.add(network, number);
            }
            return;
        }
        let folded = fold(cell);
        match folded.split_once('*').filter(|_| match_type == MatchType::Wildcard) {
            None => _ = texts.add(Described::Itself(&folded), number),
            Some(("", tail)) if tail.starts_with('.') && !tail.contains('*') => {
                texts.add(Described::Below(tail.get(1..).unwrap_or_default()), number);
            }
            Some(_) => texts.add_pattern(folded.split('*'), number),
        }
    }
}

impl TextSet for ColumnTexts {
    fn contains(&self, text: &str) -> bool {
        // A search can make the value's letters those of the other case before it is looked up, and
        // outside ASCII that can make it another text.
        !text.is_ascii() || self.texts.any(text, |_| true) || self.networks.has_any_of(text)
    }

    fn count(&self) -> usize {
        self.count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4000))]
        /// Compares a column with its cells, one after the other.
        #[test]
        fn a_column_contains_what_a_cell_matches(
            cells in prop::collection::vec(
                prop_oneof!["[abA*.é]{0,5}", "\\*\\.[ab.]{0,3}", "10\\.[01]\\.0\\.0/(8|16|30)", "10\\.0\\.0\\.[012]"], 0..8),
            value in prop_oneof!["[abAB.é]{0,8}", "(::ffff:)?10\\.[012]\\.0\\.[0123]( |;|;x)?", "\\.[ab]\\.[ab]"],
            kind in 0..3_usize,
            case_sensitive in any::<bool>(),
        ) {
            let match_type = [MatchType::Exact, MatchType::Wildcard, MatchType::Network][kind];
            let column = ColumnTexts::new(match_type, cells.iter().map(String::as_str));
            let is_matched = |value: &str| cells.iter().any(|cell| match_type.holds(cell, value, case_sensitive));
            let is_any = [value.clone(), value.to_lowercase(), value.to_uppercase()].iter().any(|value| is_matched(value));
            let contains = column.contains(&value.to_ascii_lowercase());
            prop_assert!(contains || !is_any);
            if kind != 1 && value.is_ascii() {
                prop_assert!(!contains || is_matched(&value) || cells.iter().any(|cell| match_type.holds(cell, &value, false)));
            }
        }
    }
}
