//! Lookups: a site's tables, such as a list of known domains, in which a search looks up an event's
//! values. A lookup is a CSV file with the table, and a definition file that says how its columns
//! are compared.

pub(in crate::detect) mod csv;
pub(in crate::detect) mod index;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;

use crate::base::text_set::SoughtText;
use crate::detect::ContentError;
use crate::detect::lookup::csv::csv_rows;
use crate::detect::lookup::index::{ColumnIndex, MatchType};
use crate::detect::predicate::field::Field;
use crate::detect::predicate::{RequiredText, required};
use crate::detect::term::function::Function;
use crate::detect::term::value::Value;
use crate::detect::term::{EvalInput, Term, TermKind};
use crate::detect::yaml::keys::KnownKeys;
use crate::detect::yaml::{YamlProblem, from_node, only_document};
use crate::event::Event;

/// The largest number of rows that the CSV file of a Splunk lookup (a site's table of values) can
/// have. A larger file is an error, because all rows are kept in memory.
const MOST_ROWS: usize = 2_000_000;
/// The largest number of rows of a Splunk lookup (a site's table of values) that are used for one
/// event if the lookup's definition file does not state one. It is Splunk's default, too.
const DEFAULT_MATCHES: usize = 100;

/// The definition file of a Splunk lookup (a site's table of values), in Splunk's keys: which CSV
/// file contains the table, and how its columns are compared with values.
#[derive(Debug, Default, Deserialize)]
pub struct LookupDefinition {
    filename: Option<String>,
    collection: Option<String>,
    lookup_type: Option<String>,
    match_type: Option<MatchTypeSetting>,
    case_sensitive_match: Option<String>,
    default_match: Option<String>,
    min_matches: Option<usize>,
    max_matches: Option<usize>,
    /// Notes for the user about how the lookup's definition file was understood, such as that a key
    /// is misspelt.
    #[serde(skip)]
    notes: Vec<String>,
}

/// The keys that are known in a lookup's definition file. An unknown key that is close to one of
/// them is probably misspelt, and is reported to the user.
const KEYS: KnownKeys = KnownKeys {
    read: &[
        "filename",
        "collection",
        "lookup_type",
        "match_type",
        "case_sensitive_match",
        "default_match",
        "min_matches",
        "max_matches",
    ],
    others: &["name", "fields_list", "fields"],
    required: &[],
};

/// The value of the key `match_type` of a lookup's definition file: one text, or a list of texts.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum MatchTypeSetting {
    /// The definition has one text, such as `WILDCARD(domain)`: the cells of the column `domain`
    /// are patterns with wildcards.
    One(String),
    /// The definition has a list of texts, each about some columns. An example is
    /// `WILDCARD(domain)`: the cells of the column `domain` are patterns with wildcards.
    Several(Vec<String>),
}

impl LookupDefinition {
    /// Parses the YAML text of a lookup's definition file. The error says what was expected and
    /// what was found.
    pub fn from_yaml(text: &str) -> Result<Self, ContentError> {
        let read = || {
            let document = only_document(text)?;
            let mut notes = Vec::new();
            KEYS.check(&document, "", &mut notes)?;
            Ok(LookupDefinition { notes, ..from_node(&document)? })
        };
        read().map_err(|problem: YamlProblem| problem.to_string().into())
    }

    /// Returns the name of the CSV file that contains the table of the lookup `name`; `name` with
    /// `.csv` if the definition states no file. The error says that the definition names something
    /// else than a CSV file, such as a collection on a Splunk server.
    pub fn file_name(&self, name: &str) -> Result<String, ContentError> {
        let kind = self.lookup_type.as_deref().unwrap_or("csv");
        if let Some(collection) = &self.collection {
            return Err(format!(
                "expected a lookup with a CSV file, found the collection '{collection}', which is on a Splunk server"
            )
            .into());
        }
        if !kind.eq_ignore_ascii_case("csv") {
            return Err(format!("expected a lookup with a CSV file, found one of the type '{kind}'").into());
        }
        let file = self.filename.clone().unwrap_or_else(|| format!("{name}.csv"));
        if file.contains(['/', '\\']) || file.starts_with('.') {
            return Err(
                format!("filename: expected the name of a file in the same folder, found '{file}'").into()
            );
        }
        Ok(file)
    }
}

/// A lookup: a site's table in which a search looks up an event's values, and how rows are found.
#[derive(Debug)]
pub struct Lookup {
    name: String,
    /// The names of the lookup table's columns, in the order of its CSV file.
    columns: Vec<String>,
    /// For each column of the lookup table, how its cells are compared with an event's values.
    match_types: Vec<MatchType>,
    /// The rows of the lookup table, each with a cell for each column. The header of the CSV file
    /// is not included.
    rows: Vec<Vec<Box<str>>>,
    /// For each column of the lookup table, the index that finds its rows by value. An index is
    /// built when it is first used.
    indexes: Vec<std::sync::OnceLock<ColumnIndex>>,
    /// True if the case of letters counts when cells are compared with an event's values.
    case_sensitive: bool,
    default_match: Option<String>,
    min_matches: usize,
    /// The largest number of rows of the lookup table that are used for one event; further matching
    /// rows are ignored.
    max_matches: usize,
    notes: Vec<String>,
}

impl Lookup {
    /// Creates a lookup from its definition and the text of its CSV file. The error says what was
    /// expected in one of the two and what was found.
    pub fn new(name: &str, definition: &LookupDefinition, csv: &str) -> Result<Self, ContentError> {
        let mut rows = csv_rows(csv);
        let columns: Vec<String> = rows
            .next()
            .transpose()?
            .map_or_else(Vec::new, |row| row.cells)
            .into_iter()
            .map(|cell| cell.trim().to_owned())
            .collect();
        if columns.is_empty() {
            return Err("expected a CSV file with a line of column names, found an empty one"
                .to_owned()
                .into());
        }
        let mut taken = Vec::new();
        for row in rows {
            if taken.len() == MOST_ROWS {
                return Err(format!("expected at most {MOST_ROWS} rows, found more").into());
            }
            let mut row = row?.cells.into_iter().map(|cell| cell.trim().into());
            let row: Vec<Box<str>> = columns.iter().map(|_| row.next().unwrap_or_default()).collect();
            if row.iter().any(|cell| !cell.is_empty()) {
                taken.push(row);
            }
        }
        let mut lookup = Lookup {
            name: name.to_owned(),
            match_types: vec![MatchType::Exact; columns.len()],
            indexes: columns.iter().map(|_| std::sync::OnceLock::new()).collect(),
            columns,
            rows: taken,
            case_sensitive: definition.case_sensitive_match.as_deref().is_none_or(is_true),
            default_match: definition.default_match.clone(),
            min_matches: definition.min_matches.unwrap_or(0),
            max_matches: definition.max_matches.unwrap_or(DEFAULT_MATCHES).max(1),
            notes: definition.notes.clone(),
        };
        lookup.read_match_types(definition)?;
        Ok(lookup)
    }

    /// Reads the key `match_type` of a lookup's definition, which says how the cells of each column
    /// are compared with values: `WILDCARD(column)`, `CIDR(column)` or `EXACT(column)`, separated
    /// by commas. Columns without an entry stay `EXACT`.
    fn read_match_types(&mut self, definition: &LookupDefinition) -> Result<(), String> {
        let types = match &definition.match_type {
            None => return Ok(()),
            Some(MatchTypeSetting::One(text)) => text.clone(),
            Some(MatchTypeSetting::Several(texts)) => texts.join(","),
        };
        for part in
            types.split(')').map(|part| part.trim_matches([',', ' ', '\n'])).filter(|part| !part.is_empty())
        {
            let problem = || {
                format!(
                    "match_type: expected WILDCARD(column), CIDR(column) or EXACT(column), found '{part}'"
                )
            };
            let (kind, columns) = part.split_once('(').ok_or_else(problem)?;
            let match_type = match kind.trim().to_ascii_uppercase().as_str() {
                "WILDCARD" => MatchType::Wildcard,
                "CIDR" => MatchType::Network,
                "EXACT" => MatchType::Exact,
                _ => return Err(problem()),
            };
            for column in columns.split(',') {
                let place = self.column(column.trim()).ok_or_else(|| {
                    format!(
                        "match_type: expected one of the columns {}, found '{column}'",
                        self.columns.join(", ")
                    )
                })?;
                if let Some(known) = self.match_types.get_mut(place) {
                    *known = match_type;
                }
            }
        }
        Ok(())
    }

    /// Returns the 0-based index of the column with this name in the lookup table; `None` if the
    /// table has no such column.
    pub(in crate::detect) fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|known| known == name)
    }

    /// Returns notes for the user about how the lookup's definition file was understood.
    pub(in crate::detect) fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Returns the names of the lookup table's columns, in the order of its CSV file.
    pub(in crate::detect) fn columns(&self) -> &[String] {
        &self.columns
    }

    /// Returns the cell of the lookup table at a 0-based row and column; an empty text if there is
    /// no such cell.
    fn cell(&self, row: usize, column: usize) -> &str {
        self.rows.get(row).and_then(|row| row.get(column)).map_or("", |cell| cell)
    }

    /// Returns the index that finds the lookup table's rows by their cells in a column, given by
    /// its 0-based number. The index is built when it is first used. `None` if there is no such
    /// column.
    fn index(&self, column: usize) -> Option<&ColumnIndex> {
        let match_type = *self.match_types.get(column)?;
        let cells = || self.rows.iter().map(|row| row.get(column).map_or("", |cell| &**cell));
        let index = || ColumnIndex::new(match_type, self.case_sensitive, cells());
        Some(self.indexes.get(column)?.get_or_init(index))
    }

    /// Returns the 0-based numbers of the lookup table's rows that match all `keys`, in the order
    /// of the file, at most `max_matches` of them. Each key is the 0-based index of a column and a
    /// list of values. A row matches a key if its cell in the column matches one of the values.
    fn find(&self, keys: &[(usize, Vec<std::borrow::Cow<'_, str>>)]) -> Vec<usize> {
        let Some(((column, values), others)) = keys.split_first() else { return Vec::new() };
        let Some(index) = self.index(*column) else { return Vec::new() };
        let mut rows = BTreeSet::new();
        for value in values.iter().filter(|value| !value.is_empty()) {
            index.find(value, |row| _ = rows.insert(row));
        }
        let fits = |row: &usize| {
            others.iter().all(|(column, values)| {
                let match_type = self.match_types.get(*column).copied().unwrap_or_default();
                let cell = self.cell(*row, *column);
                values.iter().any(|value| match_type.holds(cell, value, self.case_sensitive))
            })
        };
        rows.into_iter().filter(fits).take(self.max_matches).collect()
    }
}

/// Returns true if a value in the definition file of a Splunk lookup, such as `yes` or `1`, means
/// true in Splunk's configuration files.
fn is_true(text: &str) -> bool {
    matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "t" | "yes")
}

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
    /// The text of the cell.
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
        let mut texts: Vec<std::borrow::Cow<'a, str>> =
            cells.filter(|cell| !cell.is_empty()).map(Into::into).collect();
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

    /// Returns literals for a fast test before the lookup: an event for which the lookup finds a
    /// row contains at least one of them. They come from the first key column that is compared with
    /// an event field and has a literal in every cell that is not empty. `None` if no key column
    /// does.
    pub fn literals(&self) -> Option<Vec<RequiredText>> {
        let keyed = self.keys.iter().filter_map(|(column, term)| Some((*column, plain_field(term)?)));
        let mut sets = keyed.filter_map(|(column, field)| self.literals_of(column, field));
        sets.next()
    }

    /// Returns the literals of one key column of the lookup table, one for each row whose cell is
    /// not empty: an event whose value of `field` matches the row's cell contains the row's
    /// literal. `None` if one of these rows has no literal.
    fn literals_of(&self, column: usize, field: Field) -> Option<Vec<RequiredText>> {
        let match_type = self.lookup.match_types.get(column)?;
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
