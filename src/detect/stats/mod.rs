//! The command `stats … by` of a search, which reduces the matching events to a table of the rule's
//! own.
//!
//! The parser of the search's commands builds a [`Stats`], which describes the table. A
//! [`StatsTable`] collects events, and tables can be merged.

pub(in crate::detect) mod aggregate;
mod column;
pub(in crate::detect) mod row_key;
pub(in crate::detect) mod rows;
mod table;

pub(in crate::detect) use self::column::ColumnSource;
pub use self::column::{StatsColumn, StatsKind, StatsValue};
pub use self::table::{StatsPart, StatsTable};
use crate::detect::predicate::expression::Expression;
use crate::detect::stats::aggregate::Aggregate;
use crate::detect::stats::row_key::RowKey;
use crate::detect::stats::rows::{RowStep, SortBy, SortKey};
use crate::detect::term::computed::{combinations, single_values};
use crate::detect::term::value::Value;
use crate::detect::term::{EvalInput, Term, TermKind};
use crate::event::Event;
use crate::table::SortedBy;

/// The description of the table that a search's `stats` command makes: its columns, and the later
/// commands that filter and sort its rows. Events with the same values in the `by` columns share a
/// row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// All columns of the `stats` table: first the `by` columns, then the aggregates, each in the
    /// order of the search, and last the columns that later commands compute.
    pub(in crate::detect) columns: Vec<StatsColumn>,
    /// The columns that the `stats` table shows, in the order in which it shows them, by their
    /// indexes in `columns`. `by` columns that are not shown still separate rows.
    pub(in crate::detect) shown: Vec<usize>,
    /// The commands after `stats` that filter, sort or limit the rows of its table, in the order of
    /// the search.
    pub(in crate::detect) steps: Vec<RowStep>,
    /// The reason why the `stats` table cannot have rows, if the text of the search already shows
    /// it; `None` if the table can have rows.
    pub(in crate::detect) empty_because: Option<String>,
}

/// The largest number of rows of a `stats` table that one event with several values in more than
/// one `by` column may make: one row for each combination of these values. An event that would make
/// more was crafted to fill the memory, and is left out of the table.
const MOST_ROWS_OF_EVENT: usize = 1 << 16;

impl Stats {
    /// Creates the description of a `stats` table that has these columns and shows all of them.
    pub(in crate::detect) fn new(columns: Vec<StatsColumn>) -> Self {
        let shown = (0..columns.len()).collect();
        Stats { columns, shown, steps: Vec::new(), empty_because: None }
    }

    /// Returns the columns that the `stats` table shows: the `by` columns and then the aggregates,
    /// unless the search selects or reorders them.
    pub fn columns(&self) -> impl Iterator<Item = &StatsColumn> {
        self.shown.iter().filter_map(|place| self.columns.get(*place))
    }

    /// Returns the reason why the `stats` table can never have rows, such as a `by` field that no
    /// DNS query has; `None` if it can have rows.
    #[must_use]
    pub fn empty_because(&self) -> Option<&str> {
        self.empty_because.as_deref()
    }

    /// Calls `see` with each regular expression in the columns of the `stats` table, and in the
    /// conditions of the commands that filter its rows.
    pub(in crate::detect) fn each_expression(&self, see: &mut dyn FnMut(&Expression)) {
        self.columns
            .iter()
            .filter_map(|column| column.source.input())
            .for_each(|term| term.each_expression(see));
        for step in &self.steps {
            if let RowStep::Filter(condition) = step {
                condition.each_expression(see);
            }
        }
    }

    /// Returns in words how the rows of the `stats` table are sorted. The text becomes metadata of
    /// the Parquet file that the table is written to.
    #[must_use]
    pub fn row_order(&self) -> &'static str {
        if self.steps.iter().any(RowStep::sorts) {
            "as the search sorts them, then the columns of 'by', in their order"
        } else {
            "the columns of 'by', in their order"
        }
    }

    /// Returns those shown columns by which the rows of the `stats` table are sorted, the first
    /// sort key first, as 0-based indexes among the shown columns. The list ends before a key that
    /// is not shown, or that is sorted in another way than by its bytes or numbers. It ends after a
    /// column of times, because the table shows times less exactly than it sorts them.
    #[must_use]
    pub fn sorted_by(&self) -> Vec<SortedBy> {
        let by = self.columns.iter().enumerate();
        let by = by.filter(|(_, column)| matches!(column.source, ColumnSource::By(_)));
        let mut order: Vec<Option<SortedBy>> =
            by.map(|(place, _)| Some(SortedBy::ascending(place))).collect();
        for step in &self.steps {
            if let RowStep::Sort { keys, .. } = step {
                order.splice(..0, keys.iter().map(|key| self.plain_order(*key)));
            }
        }
        let mut shown: Vec<SortedBy> = Vec::new();
        for key in order {
            let Some(SortedBy { column, descending }) = key else { break };
            let Some(place) = self.shown.iter().position(|place| *place == column) else { break };
            if shown.iter().all(|by| by.column != place) {
                shown.push(SortedBy { column: place, descending });
            }
            // A table shows microseconds, but rows are sorted by times with one more decimal.
            if self.columns.get(column).is_some_and(|column| column.kind == StatsKind::Time) {
                break;
            }
        }
        shown
    }

    /// Returns the order of the rows after a `sort` by this key, which states a column and how its
    /// values are compared. `None` unless texts are compared by their bytes, and counts as numbers.
    fn plain_order(&self, SortKey { column, descending, by }: SortKey) -> Option<SortedBy> {
        let is_plain = match self.columns.get(column)?.kind {
            StatsKind::Text => by == SortBy::Text,
            StatsKind::Integer => matches!(by, SortBy::Automatic | SortBy::Number),
            StatsKind::Time | StatsKind::TextList => false,
        };
        is_plain.then_some(SortedBy { column, descending })
    }

    /// Returns a term that computes the value of a column of the `stats` table from a single event,
    /// as if the event were the only one of its row. `place` is the column's 0-based index. `None`
    /// if the column is or reads a count, which depends on all events of the row. If
    /// `of_events_only`, also `None` if the column is or reads another aggregate, such as `min`.
    pub(in crate::detect) fn event_term(&self, place: usize, of_events_only: bool) -> Option<Term> {
        let source = &self.columns.get(place)?.source;
        match source {
            ColumnSource::Computed(term) => {
                term.with_columns(&|place| self.event_term(place, of_events_only))
            }
            _ if of_events_only && !source.is_of_event() => None,
            _ => source.event_term().cloned(),
        }
    }

    /// Returns a term that computes the value of a column of the `stats` table from the table's
    /// `by` columns alone; `None` if the value depends on an aggregate. `place` is the column's
    /// 0-based index.
    pub(in crate::detect) fn by_term(&self, place: usize) -> Option<Term> {
        match &self.columns.get(place)?.source {
            ColumnSource::By(_) => Some(Term::from(TermKind::Column(place))),
            ColumnSource::Computed(term) => term.with_columns(&|place| self.by_term(place)),
            _ => None,
        }
    }

    /// Returns the key (the encoded values of the `by` columns) of the only row of the `stats`
    /// table that an event belongs to. `None` unless each `by` value of the event is a single text
    /// or time, as it is for nearly all events. If it is `None`, [`Stats::keys_of_values`] finds
    /// the rows, more slowly.
    fn only_key(&self, event: &Event) -> Option<RowKey> {
        let mut key = RowKey::with_room();
        for term in self.by_terms() {
            match term.value(EvalInput::Event(event)) {
                Value::Text(text) => key.push_text(&text),
                Value::Time(time) => key.push_time(time),
                Value::Null | Value::Number(_) | Value::Many(_) => return None,
            }
        }
        Some(key)
    }

    /// Returns the fields and computed values after the keyword `by`, in the order of the columns.
    fn by_terms(&self) -> impl Iterator<Item = &Term> {
        self.columns.iter().filter_map(|column| match &column.source {
            ColumnSource::By(term) => Some(term),
            _ => None,
        })
    }

    /// Returns the rows of the `stats` table that an event belongs to, as their keys (the encoded
    /// values of the `by` columns). The event belongs to no row if one of its `by` fields is
    /// absent, or if several of them have more than one value, with more than
    /// [`MOST_ROWS_OF_EVENT`] combinations.
    fn keys_of_values(&self, event: &Event) -> Vec<RowKey> {
        let mut values = Vec::new();
        for term in self.by_terms() {
            let of_term = single_values(term.value(EvalInput::Event(event)));
            if of_term.is_empty() {
                return Vec::new();
            }
            values.push(of_term);
        }
        let several = values.iter().filter(|values| values.len() > 1).count();
        let rows = values.iter().fold(1_usize, |rows, values| rows.saturating_mul(values.len()));
        if several > 1 && rows > MOST_ROWS_OF_EVENT {
            return Vec::new();
        }
        combinations(&values).map(RowKey::of).collect()
    }

    /// Returns the sources of the aggregate columns of the `stats` table (functions such as `min`
    /// with their fields), in the order of the columns.
    fn aggregate_sources(&self) -> impl Iterator<Item = &ColumnSource> {
        let sources = self.columns.iter().map(|column| &column.source);
        sources.filter(|source| !source.is_of_event())
    }

    /// Returns the aggregates of a new row of the `stats` table, to which no event has been added.
    fn aggregates(&self) -> Box<[Aggregate]> {
        self.aggregate_sources().filter_map(Aggregate::new).collect()
    }

    /// Returns true if the `stats` table has `by` columns. A table without them has one row, even
    /// if there are no events.
    fn has_by(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.source, ColumnSource::By(_)))
    }

    /// Adds a column that `term` computes from other columns of the `stats` table, and returns the
    /// new column's 0-based index.
    pub(in crate::detect) fn add_computed(&mut self, name: String, term: Term) -> usize {
        let copied = match term.kind() {
            TermKind::Column(place) => self.columns.get(*place).map(|column| column.kind),
            _ => None,
        };
        let mut cost = term.cost();
        term.visit(&mut |part| {
            if let TermKind::Column(place) = part.kind()
                && let Some(column) = self.columns.get(*place)
            {
                cost = (
                    cost.0.saturating_add(column.cost.0),
                    cost.1.max(term.cost().1.saturating_add(column.cost.1)),
                );
            }
        });
        let mut column = StatsColumn { cost, ..StatsColumn::new(name, ColumnSource::Computed(term)) };
        column.kind = copied.unwrap_or(column.kind);
        self.columns.push(column);
        self.columns.len() - 1
    }

    /// Returns the values of a row of the `stats` table in all columns, also in those that the
    /// table does not show. `key` has the values of the `by` columns, and `aggregates` those of the
    /// aggregate columns.
    fn row(&self, key: &RowKey, aggregates: Box<[Aggregate]>) -> Vec<StatsValue> {
        let mut values = key.values(self.columns.len());
        values.extend(aggregates.into_iter().map(Aggregate::finish));
        for column in &self.columns {
            if let ColumnSource::Computed(term) = &column.source {
                let value = if let TermKind::Column(place) = term.kind() {
                    values.get(*place).cloned().unwrap_or(StatsValue::Null)
                } else {
                    let text = term.value(EvalInput::Row(&values)).text();
                    text.map_or(StatsValue::Null, |text| StatsValue::Text(text.into_owned()))
                };
                values.push(value);
            }
        }
        values
    }

    /// Returns the values of a row in the columns that the `stats` table shows. `values` are the
    /// values in all columns.
    pub(in crate::detect) fn shown(&self, mut values: Vec<StatsValue>) -> Vec<StatsValue> {
        let mut shown = |place: &usize| {
            let value = values.get_mut(*place)?;
            // Each column is shown at most once, so its value can be moved out.
            Some(std::mem::replace(value, StatsValue::Null))
        };
        let mut row = Vec::with_capacity(self.shown.len());
        row.extend(self.shown.iter().filter_map(&mut shown));
        row
    }
}
