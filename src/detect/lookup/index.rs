//! An index of a column of a lookup table. It finds the rows whose cells match a value without
//! testing every row, because a list of names can have a hundred thousand rows.

use std::collections::HashMap;

use crate::base::fast_map::RandomState;
use crate::detect::predicate::expression::{Case, PatternPart};
use crate::detect::predicate::network::{Network, NetworkIndex};
use crate::detect::predicate::on_label::{Letters, is_on_label};
use crate::detect::predicate::pattern::{Pattern, fold};

/// The number of bytes of a gram, which is a sequence of adjacent bytes in a text. In the index of
/// a column of a Splunk lookup, each cell with wildcards is listed under a gram that every matching
/// value contains.
const GRAM: usize = 3;

/// Splunk's `match_type` of a column of a lookup table: how the column's cells are compared with an
/// event's values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::detect) enum MatchType {
    #[default]
    /// The match type `EXACT` of a column of a Splunk lookup: a cell matches a value that is equal
    /// to it.
    Exact,
    /// The match type `WILDCARD` of a column of a Splunk lookup: a cell is a pattern in which `*`
    /// matches any number of characters.
    Wildcard,
    /// The match type `CIDR` of a column of a Splunk lookup: a cell is an IP network, and matches
    /// values that contain an address in the network.
    Network,
}

impl MatchType {
    /// Returns true if a value of an event matches a cell of a lookup's column with this match
    /// type. An empty cell or an empty value matches nothing. `case_sensitive` says whether the
    /// case of letters counts.
    pub fn holds(self, cell: &str, value: &str, case_sensitive: bool) -> bool {
        match self {
            _ if cell.is_empty() || value.is_empty() => false,
            MatchType::Exact if case_sensitive => cell == value,
            MatchType::Exact => fold(cell) == fold(value),
            MatchType::Wildcard if case_sensitive => matches_in_case(cell, value),
            MatchType::Wildcard => Pattern::new(cell).matches(value),
            MatchType::Network => Network::parse(cell).is_ok_and(|network| network.contains_any(value)),
        }
    }

    /// Returns true if the text of a cell that is a pattern lies on label boundaries in `name`, a
    /// queried name that the cell matches, as [`is_on_label`] decides. Always true for a cell that
    /// is not a pattern: it is the whole name, or a network.
    pub fn is_on_label(self, cell: &str, name: &str, case_sensitive: bool) -> bool {
        match self {
            MatchType::Exact | MatchType::Network => true,
            MatchType::Wildcard => {
                let case = if case_sensitive { Case::Kept } else { Case::Folded };
                let literal = |text: &str| [PatternPart::Any, PatternPart::Literal(text.to_owned())];
                let parts: Vec<PatternPart> = cell.split('*').flat_map(literal).skip(1).collect();
                is_on_label(&Letters::pieces(&parts, case), name)
            }
        }
    }

    /// Returns lower-case literals that a value must contain, in any case, to match the cell of a
    /// lookup's column. `None` for the match type `CIDR`, because an address can be written in many
    /// ways.
    pub fn literals(self, cell: &str) -> Option<Vec<String>> {
        match self {
            MatchType::Exact => Some(vec![fold(cell)]),
            MatchType::Wildcard => Some(Pattern::new(cell).literals().map(str::to_owned).collect()),
            MatchType::Network => None,
        }
    }
}

/// The index of a column of a lookup table, which finds the rows whose cells match a value.
#[derive(Debug)]
pub(in crate::detect) enum ColumnIndex {
    /// The index of a lookup column with the match type `EXACT`: for each text of a cell, the
    /// 0-based numbers of the rows with that cell. The texts are in lower case unless
    /// `case_sensitive`.
    Exact { rows: HashMap<String, Vec<usize>, RandomState>, case_sensitive: bool },
    /// The index of a lookup column whose cells are patterns with the wildcard `*`.
    Wildcard(Patterns),
    /// The index of a lookup column whose cells are IP networks.
    Network(NetworkIndex),
}

/// The cells of a lookup's column that are patterns with wildcards, indexed so that few of them are
/// compared with a value. Each pattern is listed under one gram (a sequence of [`GRAM`] bytes) of
/// its literals: the one under which the fewest patterns are listed so far.
#[derive(Debug)]
pub(in crate::detect) struct Patterns {
    /// The patterns, one for each row of the lookup table, in the order of the rows.
    patterns: Vec<Pattern>,
    /// For each gram (a sequence of [`GRAM`] bytes), the 0-based numbers of the rows whose patterns
    /// are listed under it: a value that matches the pattern contains the gram.
    by_gram: HashMap<[u8; GRAM], Vec<usize>, RandomState>,
    /// The 0-based numbers of the rows whose patterns have no literal of at least [`GRAM`] bytes.
    /// These patterns are compared with every value.
    others: Vec<usize>,
    case_sensitive: bool,
}

impl ColumnIndex {
    /// Creates the index of a column of a lookup table from its cells, in the order of the rows.
    /// Empty cells match nothing.
    pub fn new<'a>(
        match_type: MatchType,
        case_sensitive: bool,
        cells: impl Iterator<Item = &'a str>,
    ) -> Self {
        match match_type {
            MatchType::Exact => {
                let mut rows: HashMap<String, Vec<usize>, RandomState> = HashMap::default();
                for (row, cell) in cells.enumerate().filter(|(_, cell)| !cell.is_empty()) {
                    let key = if case_sensitive { cell.to_owned() } else { fold(cell) };
                    rows.entry(key).or_default().push(row);
                }
                ColumnIndex::Exact { rows, case_sensitive }
            }
            MatchType::Wildcard => ColumnIndex::Wildcard(Patterns::new(case_sensitive, cells)),
            MatchType::Network => {
                let mut networks = NetworkIndex::default();
                for (row, cell) in cells.enumerate() {
                    if let Ok(network) = Network::parse(cell) {
                        networks.add(network, row);
                    }
                }
                ColumnIndex::Network(networks)
            }
        }
    }

    /// Calls `found` with the 0-based number of each row of the lookup table whose cell in this
    /// column matches the value, in any order. A row may be reported more than once.
    pub fn find(&self, value: &str, mut found: impl FnMut(usize)) {
        match self {
            ColumnIndex::Exact { rows, case_sensitive: true } => {
                rows.get(value).into_iter().flatten().for_each(|row| found(*row));
            }
            ColumnIndex::Exact { rows, .. } => {
                rows.get(&fold(value)).into_iter().flatten().for_each(|row| found(*row));
            }
            ColumnIndex::Wildcard(patterns) => patterns.find(value, found),
            ColumnIndex::Network(networks) => networks.find(value, found),
        }
    }
}

impl Patterns {
    /// Creates the index of a lookup column whose cells are patterns with wildcards. `cells` are in
    /// the order of the rows.
    fn new<'a>(case_sensitive: bool, cells: impl Iterator<Item = &'a str>) -> Self {
        let patterns: Vec<Pattern> = cells.map(Pattern::new).collect();
        let mut by_gram: HashMap<[u8; GRAM], Vec<usize>, RandomState> = HashMap::default();
        let mut others = Vec::new();
        for (row, pattern) in patterns.iter().enumerate() {
            if pattern.text().is_empty() {
                continue;
            }
            let grams = pattern.literals().flat_map(grams);
            match grams.min_by_key(|gram| by_gram.get(gram).map_or(0, Vec::len)) {
                Some(gram) => by_gram.entry(gram).or_default().push(row),
                None => others.push(row),
            }
        }
        Patterns { patterns, by_gram, others, case_sensitive }
    }

    fn find(&self, value: &str, mut found: impl FnMut(usize)) {
        let folded = fold(value);
        let by_gram = grams(&folded).filter_map(|gram| self.by_gram.get(&gram)).flatten();
        for row in by_gram.chain(&self.others) {
            let Some(pattern) = self.patterns.get(*row) else { continue };
            if pattern.matches(value) && (!self.case_sensitive || matches_in_case(pattern.text(), value)) {
                found(*row);
            }
        }
    }
}

/// Returns every sequence of [`GRAM`] adjacent bytes in a text, under which patterns are indexed.
fn grams(text: &str) -> impl Iterator<Item = [u8; GRAM]> {
    text.as_bytes().windows(GRAM).filter_map(|bytes| bytes.try_into().ok())
}

/// Returns true if a value matches a pattern in which `*` matches any number of characters. Letters
/// match only in the same case.
fn matches_in_case(pattern: &str, value: &str) -> bool {
    let Some((first, others)) = pattern.split_once('*') else { return pattern == value };
    let (middle, last) = others.rsplit_once('*').unwrap_or(("", others));
    let Some(rest) = value.strip_prefix(first) else { return false };
    let Some(mut rest) = rest.strip_suffix(last) else { return false };
    for piece in middle.split('*') {
        let Some((_, behind)) = rest.split_once(piece) else { return piece.is_empty() };
        rest = behind;
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn case_sensitive_wildcards() {
        for (pattern, value, expected) in [
            ("*.A.b*", "x.A.bc", true),
            ("*.A.b*", "x.a.bc", false),
            ("a*c", "abc", true),
            ("a*a", "a", false),
            ("*", "x", true),
            ("a**b*c", "axbyc", true),
            ("a*b*c", "ac", false),
            ("a", "a", true),
        ] {
            assert_eq!(matches_in_case(pattern, value), expected, "{pattern} {value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        /// Tests that the index of a column finds exactly the rows that are found if the value is
        /// compared with each row in turn.
        #[test]
        fn an_index_finds_the_rows_that_match_one_by_one(
            cells in prop::collection::vec(
                prop_oneof!["[abA*.é]{0,6}", "10\\.[01]\\.0\\.0/(8|16|30)", "10\\.0\\.0\\.[012]"], 0..8),
            value in prop_oneof!["[abAB.é]{0,8}", "10\\.[012]\\.0\\.[0123]"],
            kind in 0..3,
            case_sensitive in any::<bool>(),
        ) {
            let match_type = match kind {
                0 => MatchType::Exact,
                1 => MatchType::Wildcard,
                _ => MatchType::Network,
            };
            let index = ColumnIndex::new(match_type, case_sensitive, cells.iter().map(String::as_str));
            let mut found = std::collections::BTreeSet::new();
            if !value.is_empty() {
                index.find(&value, |row| _ = found.insert(row));
            }
            let twin = (0..cells.len()).filter(|row| match_type.holds(&cells[*row], &value, case_sensitive));
            prop_assert_eq!(found.into_iter().collect::<Vec<_>>(), twin.collect::<Vec<_>>());
        }
    }
}
