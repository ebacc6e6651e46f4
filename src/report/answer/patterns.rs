//! Detections' patterns for the queried name with hits inside labels: hits in which the pattern's
//! text is not whole labels of the name (the parts between its dots). A hit inside a label is often
//! a name that the rule's author did not mean.

use std::borrow::Cow;
use std::cmp::Reverse;

use schemars::JsonSchema;
use serde::Serialize;

use super::host::kept;
use super::listed::Listed;
use super::{AnswerError, Question};
use crate::base::fast_map::FastMap;
use crate::report::matches::MatchRow;
use crate::table::{Cell, ColumnOf, Place, Row, TableId, Tables, Wanted};

/// The maximum number of distinct patterns whose hits are counted. Hits of further patterns are not
/// counted, because the rows of a table can be crafted.
const MOST_DISTINCT: usize = 50_000;
/// The columns of `matches.parquet` that are read if only the hits of patterns are counted. A hit
/// is a pair of a unique match and a detection that has the pattern.
const COUNTED: [&str; 6] = ["duplicate", "excluded_by", "recovered", "computer", ALL, ON_LABEL];
/// The positions in [`COUNTED`] of the columns that [`Tally::add_row`] reads.
const PLACES: TallyPlaces = TallyPlaces::among(&COUNTED);
/// The column of the table of matches with the detection's patterns for the queried name that the
/// event satisfies.
const ALL: &str = "matched_query";
/// The column of the table of matches with those of [`ALL`] whose text is one or more whole labels
/// of the queried name, the parts between its dots. Regular expressions, and patterns that state no
/// text, are always among them.
const ON_LABEL: &str = "matched_query_on_label";

/// A pattern for the queried name, and how many of its hits lie on label boundaries: in how many
/// the pattern's text is one or more whole labels of the name, the parts between its dots.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PatternCount {
    /// The pattern, as the rule's author wrote it.
    pub pattern: String,
    /// The number of the pattern's hits: pairs of a unique match and a detection that has the
    /// pattern. Matches in deleted records are left out.
    pub hits: u64,
    /// The number of hits in which the pattern's text is one or more whole labels of the queried
    /// name, the parts between its dots.
    pub on_label: u64,
}

/// Counts the hits of each pattern for the queried name, match by match. A hit is a pair of a
/// unique match and a detection that has the pattern.
#[derive(Debug, Default)]
pub(super) struct Tally(FastMap<String, Hits>);

/// The number of a pattern's hits, and of those hits in which the pattern's text is one or more
/// whole labels of the queried name.
#[derive(Debug, Clone, Copy, Default)]
struct Hits {
    all: u64,
    on_label: u64,
}

/// The positions of the columns that [`Tally::add_row`] reads, in the list of all columns that are
/// read from `matches.parquet`.
pub(super) struct TallyPlaces {
    duplicate: Place,
    excluded_by: Place,
    recovered: Place,
    computer: Place,
    all: Place,
    on_label: Place,
}

impl TallyPlaces {
    /// Finds the positions of the columns in `names`, the names of the columns that are read.
    /// `names` must contain all of them; otherwise, compilation fails.
    pub(super) const fn among(names: &[&str]) -> Self {
        TallyPlaces {
            duplicate: Place::of(names, "duplicate"),
            excluded_by: Place::of(names, "excluded_by"),
            recovered: Place::of(names, "recovered"),
            computer: Place::of(names, "computer"),
            all: Place::of(names, ALL),
            on_label: Place::of(names, ON_LABEL),
        }
    }
}

impl Tally {
    /// Counts the hits of each pattern for the queried name, in all matches that the question is
    /// about. A hit is a pair of a unique match and a detection that has the pattern. Reads nothing
    /// if `question.limits.patterns` is 0.
    pub(super) fn read(&mut self, tables: &dyn Tables, question: &Question) -> Result<(), AnswerError> {
        if question.limits.patterns == 0 {
            return Ok(());
        }
        let columns = ColumnOf::named(MatchRow::COLUMNS, &COUNTED);
        let each = &mut |row: &Row<'_>| self.add_row(row, &PLACES, question);
        tables.read(TableId::Matches, &columns, Wanted::All, each).map_err(AnswerError::of(TableId::Matches))
    }

    /// Counts one hit for each pattern in the column `matched_query` of a row of `matches.parquet`,
    /// if the question is about the row's host. Rows of copies, of deleted records and with an
    /// exclusion are left out. `places` has the positions of the columns in the row.
    pub(super) fn add_row(&mut self, row: &Row<'_>, places: &TallyPlaces, question: &Question) {
        let TallyPlaces { duplicate, excluded_by, recovered, computer, all, on_label } = *places;
        let counts = !row.is(duplicate) && row.cell(excluded_by) == Cell::Null && !row.is(recovered);
        if counts && (question.host.is_none() || question.is_named(&row.text(computer).unwrap_or_default())) {
            self.add(&row.texts(all), &row.texts(on_label));
        }
    }

    fn add(&mut self, patterns: &[Cow<'_, str>], on_label: &[Cow<'_, str>]) {
        for pattern in patterns {
            let hit = Hits { all: 1, on_label: u64::from(on_label.contains(pattern)) };
            let has_room = self.0.len() < MOST_DISTINCT;
            match self.0.get_mut(&**pattern) {
                Some(hits) => *hits = Hits { all: hits.all + 1, on_label: hits.on_label + hit.on_label },
                None if has_room => _ = self.0.insert(pattern.to_string(), hit),
                None => {}
            }
        }
    }

    /// Returns at most `most` of the patterns whose text lies inside a label of a name, or reaches
    /// into one, in at least one hit; and the number of all. Patterns with most of these hits come
    /// first.
    pub(super) fn inside_labels(self, most: usize) -> Listed<PatternCount> {
        let inside = self.0.into_iter().filter(|(_, hits)| hits.on_label < hits.all);
        let mut inside: Vec<(String, Hits)> = inside.collect();
        inside.sort_by(|(one, hits), (other, others)| {
            let key = |hits: &Hits| Reverse(hits.all - hits.on_label);
            (key(hits), one).cmp(&(key(others), other))
        });
        let count = |(pattern, hits): (String, Hits)| PatternCount {
            pattern: kept(pattern.into()),
            hits: hits.all,
            on_label: hits.on_label,
        };
        Listed::first(inside.into_iter().map(count), most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_with_hits_inside_labels_are_listed_and_others_are_not() {
        let mut tally = Tally::default();
        let mut add = |patterns: &[&'static str], on_label: &[&'static str]| {
            let texts =
                |texts: &[&'static str]| texts.iter().map(|text| Cow::Borrowed(*text)).collect::<Vec<_>>();
            tally.add(&texts(patterns), &texts(on_label));
        };
        add(&["*t.me*", "*a*"], &["*t.me*"]);
        add(&["*t.me*"], &[]);
        add(&["*pastebin*"], &["*pastebin*"]);
        add(&["*a*", "*b*"], &["*b*"]);
        let count =
            |pattern: &str, hits, on_label| PatternCount { pattern: pattern.to_owned(), hits, on_label };
        let expected = [count("*a*", 2, 0), count("*t.me*", 2, 1)];
        assert_eq!(tally.inside_labels(9).items, expected);
    }
}
