//! The output of a lookup as a search uses it: the cells of one column in the rows that the lookup
//! finds for an event. It is a value in an expression, gives literals for the fast test before
//! records are decoded, and says which cells made an event match.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::Lookup;
use super::column_texts::ColumnTexts;
use super::index::MatchType;
use crate::base::text_set::SoughtText;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::pattern_set::LEAST_PATTERNS;
use crate::detect::predicate::{RequiredText, required};
use crate::detect::term::function::Function;
use crate::detect::term::value::Value;
use crate::detect::term::{EvalInput, Term, TermKind};
use crate::event::Event;

/// The cells of one column in the rows that a lookup finds for an event, or for a row of the table
/// that Splunk's command `stats` makes. The search uses them as the value of a field.
#[derive(Debug, Clone)]
pub(in crate::detect) struct LookupOutput {
    /// The lookup in whose table rows are looked up.
    lookup: Arc<Lookup>,
    /// The columns by which rows are found: their 0-based indexes, each with the term (an
    /// expression of the search, usually a field) whose values the column's cells must match.
    keys: Vec<(usize, Term)>,
    /// The 0-based index of the column of the lookup table whose cells are returned.
    output: usize,
}

/// A cell of a lookup table that matches a field of an event.
#[derive(Debug, Clone, Copy)]
pub(in crate::detect) struct CellHit<'l> {
    /// The event field that the cell matches.
    pub field: Field,
    /// The text of the lookup table's cell that matches the field.
    pub cell: &'l str,
    match_type: MatchType,
    case_sensitive: bool,
}

impl CellHit<'_> {
    /// Returns true if the cell's text lies on label boundaries in `name`, a queried name that the
    /// cell matches, as [`MatchType::is_on_label`] decides.
    pub fn is_on_label(&self, name: &str) -> bool {
        self.match_type.is_on_label(self.cell, name, self.case_sensitive)
    }
}

impl PartialEq for LookupOutput {
    fn eq(&self, other: &Self) -> bool {
        self.finds_same_rows(other) && self.output == other.output
    }
}

impl Eq for LookupOutput {}

impl LookupOutput {
    /// Creates the output of a lookup: the cells of the column `output` in the rows that `keys`
    /// find. A key is a column, with the term (an expression of the search, usually a field) whose
    /// values the column's cells must match. Columns are given by their 0-based indexes.
    pub fn new(lookup: Arc<Lookup>, keys: Vec<(usize, Term)>, output: usize) -> Self {
        LookupOutput { lookup, keys, output }
    }

    /// Returns true if this output and `other` take their cells from the same rows: their lookups
    /// are the same, and their keys (the columns and terms by which rows are found) are equal.
    pub fn finds_same_rows(&self, other: &LookupOutput) -> bool {
        Arc::ptr_eq(&self.lookup, &other.lookup) && self.keys == other.keys
    }

    /// Returns the terms (expressions of the search, usually fields) with whose values the key
    /// columns are compared, in the order of the keys.
    pub fn keys(&self) -> impl Iterator<Item = &Term> {
        self.keys.iter().map(|(_, term)| term)
    }

    /// Returns a copy of this output of a lookup that compares the key columns with the values of
    /// `terms` instead: the first key column with the first term, and so on.
    pub fn with_keys(&self, terms: Vec<Term>) -> Self {
        let keys = self.keys.iter().map(|(column, _)| *column).zip(terms).collect();
        LookupOutput { keys, ..self.clone() }
    }

    /// Returns the 0-based numbers of the lookup's rows that are found for `input`, which is an
    /// event or a row of the table that Splunk's command `stats` makes.
    fn rows(&self, input: EvalInput<'_>) -> Vec<usize> {
        let keys: Vec<_> =
            self.keys.iter().map(|(column, term)| (*column, term.value(input).texts())).collect();
        self.lookup.find(&keys)
    }

    /// Returns the cells of the output column in the rows of the lookup table that are found for
    /// `input`, except for empty cells. If fewer rows are found than the number `min_matches` in
    /// the lookup's definition, the text `default_match` of the definition is added.
    pub fn value<'a>(&'a self, input: EvalInput<'a>) -> Value<'a> {
        let rows = self.rows(input);
        let few = rows.len() < self.lookup.min_matches;
        let cells = rows.into_iter().map(|row| self.lookup.cell(row, self.output));
        let mut texts: Vec<Cow<'a, str>> = cells.filter(|cell| !cell.is_empty()).map(Into::into).collect();
        if few && let Some(default) = &self.lookup.default_match {
            texts.push(default.into());
        }
        Value::from_texts(texts)
    }

    /// Returns the value of the output for an event for which the lookup finds no row: null, or the
    /// text `default_match` of the lookup's definition if its least number of rows (`min_matches`)
    /// is above zero.
    pub fn nothing_found(&self) -> Value<'_> {
        let default = self.lookup.default_match.as_deref().filter(|_| self.lookup.min_matches > 0);
        Value::text_or_null(default)
    }

    /// Returns texts for a fast test before the lookup: an event for which the lookup finds a row
    /// has at least one of these texts. They come from the first key column that is compared with
    /// an event field and whose cells all give a text that records can be searched for (empty cells
    /// aside). `None` if the lookup has no key column of this kind.
    pub fn literals(&self) -> Option<Vec<RequiredText>> {
        let keyed = self.keys.iter().filter_map(|(column, term)| Some((*column, plain_field(term)?)));
        let mut sets = keyed.filter_map(|(column, field)| self.literals_of(column, field));
        sets.next()
    }

    /// Returns the texts of one key column of the lookup table: an event whose value of `field`
    /// matches a cell has at least one of them. A column of many rows or of networks has a single
    /// text, a [`SoughtText::OneOf`] with all cells, if records contain the field's whole value.
    /// Any other column has a literal for each cell that is not empty. `None` if a cell has no
    /// literal by which records can be searched.
    fn literals_of(&self, column: usize, field: Field) -> Option<Vec<RequiredText>> {
        let match_type = self.lookup.match_types.get(column)?;
        let is_set = self.lookup.rows.len() >= LEAST_PATTERNS || *match_type == MatchType::Network;
        if let Some(data_name) = field.data_name().filter(|_| is_set && matches!(field, Field::Data(_))) {
            let texts = Arc::<ColumnTexts>::clone(self.lookup.texts(column)?);
            return Some(vec![RequiredText { data_name, text: SoughtText::OneOf(texts) }]);
        }
        let mut literals = BTreeSet::new();
        for row in &self.lookup.rows {
            let cell = row.get(column).map_or("", |cell| &**cell);
            // An empty cell matches nothing.
            if cell.is_empty() {
                continue;
            }
            let pieces = match_type.literals(cell)?;
            let found = required(field, pieces.iter().map(String::as_str)).into_iter().flatten().next()?;
            literals.insert(found.text.literal()?.to_owned());
        }
        let data_name = field.data_name()?;
        Some(
            literals
                .into_iter()
                .map(|literal| RequiredText { data_name, text: SoughtText::Literal(literal) })
                .collect(),
        )
    }

    /// Returns the cells of the key columns in the rows that the lookup finds for an event. Key
    /// columns that are compared with something other than a field are left out.
    pub fn hits(&self, event: &Event) -> Vec<CellHit<'_>> {
        let rows = self.rows(EvalInput::Event(event));
        let mut hits = Vec::new();
        for (column, term) in &self.keys {
            let Some(field) = plain_field(term) else { continue };
            let match_type = self.lookup.match_types.get(*column).copied().unwrap_or_default();
            let case_sensitive = self.lookup.case_sensitive;
            hits.extend(rows.iter().map(|row| {
                let cell = self.lookup.cell(*row, *column);
                CellHit { field, cell, match_type, case_sensitive }
            }));
        }
        hits
    }
}

/// Returns the event field that a term (an expression of a Splunk search) consists of, if the term
/// is a bare field, or `lower` or `upper` of a field; otherwise `None`.
fn plain_field(term: &Term) -> Option<Field> {
    match term.kind() {
        TermKind::Call(Function::Lower | Function::Upper, terms) => terms.first()?.as_field(),
        _ => term.as_field(),
    }
}

impl fmt::Display for LookupOutput {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let column = |place: usize| self.lookup.columns.get(place).map_or("", String::as_str);
        write!(formatter, "{} of the lookup {}", column(self.output), self.lookup.name)?;
        for (place, term) in &self.keys {
            write!(formatter, " by {} as {term}", column(*place))?;
        }
        Ok(())
    }
}
