//! `stats … by`: the reduction of matching events to the detection's own table. The search's
//! pipeline builds a [`Stats`], which describes the table; a [`StatsTable`] collects events, and
//! tables merge.

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

/// The description of a detection's table: its columns, and the steps that its rows go through.
/// Events that agree in the `by` columns share a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// The `by` columns in their order, then the aggregates in the order written, then what later
    /// commands make of them.
    pub(in crate::detect) columns: Vec<StatsColumn>,
    /// The columns that the table shows, by index, in the table's order. Hidden `by` columns still
    /// separate rows.
    pub(in crate::detect) shown: Vec<usize>,
    /// The steps that the rows go through, in order.
    pub(in crate::detect) steps: Vec<RowStep>,
    /// Why the table can have no rows, if that is known from the search.
    pub(in crate::detect) empty_because: Option<String>,
}

/// The number of rows at which an event is left out of the table. An event makes a row for each
/// combination of the values of its `by` columns; an event that makes this many is crafted to fill
/// the memory.
const MOST_ROWS_OF_EVENT: usize = 1 << 16;

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsColumn {
    /// The name, after all renaming.
    pub(in crate::detect) name: String,
    pub(in crate::detect) source: ColumnSource,
    pub(in crate::detect) kind: StatsKind,
    /// The cost of the column and of the columns that it is computed from: evaluation steps, and
    /// depth.
    pub(in crate::detect) cost: (u32, u32),
}

/// What kind of values a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatsKind {
    /// [`StatsValue::Text`]
    Text,
    /// [`StatsValue::Integer`]
    Integer,
    /// [`StatsValue::Time`]
    Time,
    /// [`StatsValue::List`]
    TextList,
}

/// A value of the table. Its order is the table's: texts by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatsValue {
    /// No event of the row has the field.
    Null,
    /// Text, as logged.
    Text(String),
    /// A count.
    Integer(i64),
    /// An instant.
    Time(EventTime),
    /// Distinct texts, sorted by their bytes.
    List(Vec<String>),
}

/// What a column is computed from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) enum ColumnSource {
    By(Term),
    /// The number of events.
    Count,
    /// The number of values of a term.
    CountOf(Term),
    /// The number of distinct values of a term.
    DistinctCount(Term),
    Values(Term),
    /// The least or greatest value: by number if all are numbers, else by bytes.
    Min(Term),
    Max(Term),
    /// The value in the first or last event by `_time`.
    Earliest(Term),
    Latest(Term),
    /// The value of a term over the columns before this one.
    Computed(Term),
}

impl ColumnSource {
    /// The term that the column shows for a single event; counts show none.
    pub fn event_term(&self) -> Option<&Term> {
        match self {
            ColumnSource::CountOf(_) | ColumnSource::DistinctCount(_) => None,
            other => other.input(),
        }
    }

    /// The term that the column reads from events; `None` if it reads none.
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

    /// Whether each event has a value for the column, not only each row.
    pub fn is_of_event(&self) -> bool {
        matches!(self, ColumnSource::By(_) | ColumnSource::Computed(_))
    }
}

impl Stats {
    /// All of these columns.
    pub(in crate::detect) fn new(columns: Vec<StatsColumn>) -> Self {
        let shown = (0..columns.len()).collect();
        Stats { columns, shown, steps: Vec::new(), empty_because: None }
    }

    /// The table's columns: the `by` columns in their order, then the aggregates in theirs, unless
    /// the search puts them into another.
    pub fn columns(&self) -> impl Iterator<Item = &StatsColumn> {
        self.shown.iter().filter_map(|place| self.columns.get(*place))
    }

    /// Why there can be no rows whatever the events, if that is so.
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

    /// The order of the rows, in words.
    #[must_use]
    pub fn row_order(&self) -> &'static str {
        if self.steps.iter().any(RowStep::sorts) {
            "as the search sorts them, then the columns of 'by', in their order"
        } else {
            "the columns of 'by', in their order"
        }
    }

    /// The term of a single event that a column shows, by its place; where the column is none of
    /// the event, `None` or what the event adds to it.
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

    /// The term for a row of `by` columns that a column shows; `None` if it shows an aggregate.
    pub(in crate::detect) fn by_term(&self, place: usize) -> Option<Term> {
        match &self.columns.get(place)?.source {
            ColumnSource::By(_) => Some(Term::from(TermKind::Column(place))),
            ColumnSource::Computed(term) => term.with_columns(&|place| self.by_term(place)),
            _ => None,
        }
    }

    /// The rows that an event belongs to; none if a `by` field is absent.
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

    /// The contents of the columns that aggregate events, in order.
    fn aggregated(&self) -> impl Iterator<Item = &ColumnSource> {
        let sources = self.columns.iter().map(|column| &column.source);
        sources.filter(|source| !source.is_of_event())
    }

    /// The aggregates of a row before its first event.
    fn aggregates(&self) -> Box<[Aggregate]> {
        self.aggregated().filter_map(Aggregate::new).collect()
    }

    fn has_by(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.source, ColumnSource::By(_)))
    }

    /// Adds a column that is computed from others, and returns its index.
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

    /// The values of all columns of a row.
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

    /// The values of the columns that the table shows, picked from the values of all columns.
    pub(in crate::detect) fn shown(&self, mut values: Vec<StatsValue>) -> Vec<StatsValue> {
        let mut shown = |place: &usize| {
            let value = values.get_mut(*place)?;
            // A column can be shown once only, so nobody misses what is taken.
            Some(std::mem::replace(value, StatsValue::Null))
        };
        self.shown.iter().filter_map(&mut shown).collect()
    }
}

impl StatsColumn {
    /// A column of that content; what a term makes of other columns is text.
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

    /// The name, after all renaming.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind of the column's values, which may also be null.
    #[must_use]
    pub fn kind(&self) -> StatsKind {
        self.kind
    }
}
