//! Lookups: a site's tables, such as a list of known domains, in which a search looks up an event's
//! values. A lookup is a CSV file with the table, and a definition file that says how its columns
//! are compared.

mod column_texts;
pub(in crate::detect) mod csv;
mod definition;
pub(in crate::detect) mod index;
mod output;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

pub use self::definition::LookupDefinition;
use self::definition::{MatchTypeSetting, is_true};
pub(in crate::detect) use self::output::LookupOutput;
use crate::detect::ContentError;
use crate::detect::lookup::column_texts::ColumnTexts;
use crate::detect::lookup::csv::csv_rows;
use crate::detect::lookup::index::{ColumnIndex, MatchType};

/// The largest number of rows that the CSV file of a Splunk lookup (a site's table of values) can
/// have. A larger file is an error, because all rows are kept in memory.
const MOST_ROWS: usize = 2_000_000;
/// The largest number of rows of a Splunk lookup (a site's table of values) that are used for one
/// event if the lookup's definition file does not state one. It is Splunk's default, too.
const DEFAULT_MATCHES: usize = 100;

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
    indexes: Vec<OnceLock<ColumnIndex>>,
    /// For each column of the lookup table, the texts that its cells can match. They are made when
    /// they are first asked for.
    texts: Vec<OnceLock<Arc<ColumnTexts>>>,
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
            indexes: columns.iter().map(|_| OnceLock::new()).collect(),
            texts: columns.iter().map(|_| OnceLock::new()).collect(),
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
    /// table has no column with this name. Case matters.
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

    /// Returns the cell of the lookup table at a 0-based row and column; an empty text if the table
    /// has no cell there.
    fn cell(&self, row: usize, column: usize) -> &str {
        self.rows.get(row).and_then(|row| row.get(column)).map_or("", |cell| cell)
    }

    /// Returns the cells of a column, given by its 0-based number, in the order of the rows.
    fn cells(&self, column: usize) -> impl Iterator<Item = &str> {
        (0..self.rows.len()).map(move |row| self.cell(row, column))
    }

    /// Returns the set of values that the cells of a column, given by its 0-based number, can
    /// match. The set is made when it is first used. `None` if the table has no column with this
    /// number.
    fn texts(&self, column: usize) -> Option<&Arc<ColumnTexts>> {
        let match_type = *self.match_types.get(column)?;
        let texts = || Arc::new(ColumnTexts::new(match_type, self.cells(column)));
        Some(self.texts.get(column)?.get_or_init(texts))
    }

    /// Returns the index that finds the lookup table's rows by their cells in a column, given by
    /// its 0-based number. The index is built when it is first used. `None` if the table has no
    /// column with this number.
    fn index(&self, column: usize) -> Option<&ColumnIndex> {
        let match_type = *self.match_types.get(column)?;
        let index = || ColumnIndex::new(match_type, self.case_sensitive, self.cells(column));
        Some(self.indexes.get(column)?.get_or_init(index))
    }

    /// Returns the 0-based numbers of the lookup table's rows that match all `keys`, in the order
    /// of the file. Only the first `max_matches` of these rows are returned. Each key is the
    /// 0-based index of a column and a list of values. A row matches a key if its cell in the
    /// column matches one of the values. Without keys, no row matches.
    fn find(&self, keys: &[(usize, Vec<Cow<'_, str>>)]) -> Vec<usize> {
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
