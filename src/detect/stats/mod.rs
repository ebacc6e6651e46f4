//! `stats … by`: the reduction of matching events to the detection's own table.
//!
//! The search's pipeline builds a [`Stats`], which describes the table. A [`StatsTable`] collects
//! events, and tables can be merged.

pub(in crate::detect) mod aggregate;
pub(in crate::detect) mod row_key;
pub(in crate::detect) mod rows;
mod table;

pub use self::table::{StatsPart, StatsTable};
use crate::detect::predicate::expression::Expression;
use crate::detect::stats::aggregate::Aggregate;
use crate::detect::stats::row_key::RowKey;
use crate::detect::stats::rows::RowStep;
use crate::detect::term::computed::{combinations, single_values};
use crate::detect::term::{EvalInput, Term, TermKind};
use crate::event::{Event, EventTime};

/// The description of a detection's table: its columns, and the steps that filter and sort its
/// rows. Events with the same values in the `by` columns share a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// All columns: the `by` columns and the aggregates, each in the order of the search, then the
    /// columns that later commands compute.
    pub(in crate::detect) columns: Vec<StatsColumn>,
    /// The indexes of the columns that the table shows, in the table's order. `by` columns that are
    /// not shown still separate rows.
    pub(in crate::detect) shown: Vec<usize>,
    /// The commands after `stats` that filter, sort or limit the rows, in order.
    pub(in crate::detect) steps: Vec<RowStep>,
    /// The reason why the table cannot have rows, if the search already shows it; otherwise `None`.
    pub(in crate::detect) empty_because: Option<String>,
}

/// The largest number of rows that one event may make: one for each combination of the values of
/// its `by` columns. An event that would make more was crafted to fill the memory, and is left out
/// of the table.
const MOST_ROWS_OF_EVENT: usize = 1 << 16;

/// A column of a [`StatsTable`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsColumn {
    /// The column's name, after all renaming.
    pub(in crate::detect) name: String,
    /// The `by` field, aggregate or computation that the column's values come from.
    pub(in crate::detect) source: ColumnSource,
    /// The type of the column's values.
    pub(in crate::detect) kind: StatsKind,
    /// The evaluation steps and the nesting depth of the column, including the columns that it is
    /// computed from.
    pub(in crate::detect) cost: (u32, u32),
}

/// The type of a column's values, which can also be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatsKind {
    /// The column has [`StatsValue::Text`] values.
    Text,
    /// The column has [`StatsValue::Integer`] values.
    Integer,
    /// The column has [`StatsValue::Time`] values.
    Time,
    /// The column has [`StatsValue::List`] values.
    TextList,
}

/// A value of a [`StatsTable`]. The derived order is the order of the rows: texts are compared by
/// their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatsValue {
    /// No value: no event of the row has the field.
    Null,
    /// A text, as logged or computed.
    Text(String),
    /// A count of events or of values.
    Integer(i64),
    /// An instant in UTC, such as the time of the earliest event.
    Time(EventTime),
    /// A list of distinct texts, sorted by their bytes.
    List(Vec<String>),
}

/// What a column's values are computed from: a `by` field, an aggregate, or other columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) enum ColumnSource {
    /// A term after `by`: the event's own value, which separates rows.
    By(Term),
    /// `count`: the number of events.
    Count,
    /// `count(term)`: the number of values.
    CountOf(Term),
    /// `dc(term)`: the number of distinct values.
    DistinctCount(Term),
    /// `values(term)`: the distinct values.
    Values(Term),
    /// `min(term)`: the least value, by number if all values are numbers, otherwise by bytes.
    Min(Term),
    /// `max(term)`: the greatest value, by number if all values are numbers, otherwise by bytes.
    Max(Term),
    /// `earliest(term)`: the value in the first event by `_time`.
    Earliest(Term),
    /// `latest(term)`: the value in the last event by `_time`.
    Latest(Term),
    /// A term that later commands compute from columns with lower indexes.
    Computed(Term),
}

impl ColumnSource {
    /// Returns the term whose value stands for the column when only one event is known; `None` for
    /// counts, which depend on all events of the row.
    pub fn event_term(&self) -> Option<&Term> {
        match self {
            ColumnSource::CountOf(_) | ColumnSource::DistinctCount(_) => None,
            other => other.input(),
        }
    }

    /// Returns the term that the column reads; `None` for `count`, which reads no term.
    pub fn input(&self) -> Option<&Term> {
        match self {
            ColumnSource::Count => None,
            ColumnSource::By(term)
            | ColumnSource::CountOf(term)
            | ColumnSource::DistinctCount(term)
            | ColumnSource::Values(term)
            | ColumnSource::Min(term)
            | ColumnSource::Max(term)
            | ColumnSource::Earliest(term)
            | ColumnSource::Latest(term)
            | ColumnSource::Computed(term) => Some(term),
        }
    }

    /// Returns true if each event has a value for the column by itself, so that no aggregate of a
    /// row is needed.
    pub fn is_of_event(&self) -> bool {
        matches!(self, ColumnSource::By(_) | ColumnSource::Computed(_))
    }
}

impl Stats {
    /// Returns a table that shows all of these columns.
    pub(in crate::detect) fn new(columns: Vec<StatsColumn>) -> Self {
        let shown = (0..columns.len()).collect();
        Stats { columns, shown, steps: Vec::new(), empty_because: None }
    }

    /// Returns the columns that the table shows: the `by` columns and then the aggregates, unless
    /// the search reorders them.
    pub fn columns(&self) -> impl Iterator<Item = &StatsColumn> {
        self.shown.iter().filter_map(|place| self.columns.get(*place))
    }

    /// Returns the reason why the table cannot have rows, whatever the events are; `None` if it
    /// can.
    #[must_use]
    pub fn empty_because(&self) -> Option<&str> {
        self.empty_because.as_deref()
    }

    /// Calls `see` with each regular expression in the columns and in the steps of the rows.
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

    /// Returns a description of the order of the rows, for the table's metadata.
    #[must_use]
    pub fn row_order(&self) -> &'static str {
        if self.steps.iter().any(RowStep::sorts) {
            "as the search sorts them, then the columns of 'by', in their order"
        } else {
            "the columns of 'by', in their order"
        }
    }

    /// Returns the term on events that gives the value of the column at index `place` for a single
    /// event. `None` for counts and, if `of_events_only`, for every column that needs an aggregate
    /// of the row.
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

    /// Returns the term on `by` columns that gives the value of the column at index `place`; `None`
    /// if the value depends on an aggregate.
    pub(in crate::detect) fn by_term(&self, place: usize) -> Option<Term> {
        match &self.columns.get(place)?.source {
            ColumnSource::By(_) => Some(Term::from(TermKind::Column(place))),
            ColumnSource::Computed(term) => term.with_columns(&|place| self.by_term(place)),
            _ => None,
        }
    }

    /// Returns the keys of the rows that an event belongs to; none if a `by` field is absent, or if
    /// there would be more than [`MOST_ROWS_OF_EVENT`].
    fn keys(&self, event: &Event) -> Vec<RowKey> {
        let terms = || {
            self.columns.iter().filter_map(|column| match &column.source {
                ColumnSource::By(term) => Some(term),
                _ => None,
            })
        };
        let mut values = Vec::new();
        for term in terms() {
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

    /// Returns the sources of the columns that aggregate events, in order.
    fn aggregate_sources(&self) -> impl Iterator<Item = &ColumnSource> {
        let sources = self.columns.iter().map(|column| &column.source);
        sources.filter(|source| !source.is_of_event())
    }

    /// Returns the aggregates of a new row, before its first event.
    fn aggregates(&self) -> Box<[Aggregate]> {
        self.aggregate_sources().filter_map(Aggregate::new).collect()
    }

    /// Returns true if the table has `by` columns.
    fn has_by(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.source, ColumnSource::By(_)))
    }

    /// Adds a column that is computed from other columns, and returns its index.
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

    /// Returns the values of all columns of a row, shown or not.
    fn row(&self, key: &RowKey, aggregates: Box<[Aggregate]>) -> Vec<StatsValue> {
        let mut values = key.values();
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

    /// Picks the values of the columns that the table shows from the values of all columns.
    pub(in crate::detect) fn shown(&self, mut values: Vec<StatsValue>) -> Vec<StatsValue> {
        let mut shown = |place: &usize| {
            let value = values.get_mut(*place)?;
            // Each column is shown at most once, so its value can be moved out.
            Some(std::mem::replace(value, StatsValue::Null))
        };
        self.shown.iter().filter_map(&mut shown).collect()
    }
}

impl StatsColumn {
    /// Returns a column with the type that its source implies. A column that is computed from other
    /// columns is text.
    pub(in crate::detect) fn new(name: String, source: ColumnSource) -> Self {
        let kind = match &source {
            ColumnSource::Count | ColumnSource::CountOf(_) | ColumnSource::DistinctCount(_) => {
                StatsKind::Integer
            }
            ColumnSource::Values(_) => StatsKind::TextList,
            ColumnSource::By(term)
            | ColumnSource::Min(term)
            | ColumnSource::Max(term)
            | ColumnSource::Earliest(term)
            | ColumnSource::Latest(term)
                if term.is_time() =>
            {
                StatsKind::Time
            }
            _ => StatsKind::Text,
        };
        StatsColumn { name, source, kind, cost: (1, 1) }
    }

    /// The column's name, after all renaming.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the type of the column's values, which can also be null.
    #[must_use]
    pub fn kind(&self) -> StatsKind {
        self.kind
    }
}
