//! The columns of a `stats` table: their names, what their values come from, and of which types the
//! values are.

use crate::detect::term::Term;
use crate::event::EventTime;

/// A column of a [`StatsTable`](super::StatsTable): its name, its type, and where its values come
/// from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsColumn {
    /// The name of the `stats` column, after all `rename` commands.
    pub(in crate::detect) name: String,
    /// What the values of the `stats` column come from: a `by` field, an aggregate of events, or a
    /// computation on other columns.
    pub(in crate::detect) source: ColumnSource,
    /// The type of the values of the `stats` column, each of which can also be null.
    pub(in crate::detect) kind: StatsKind,
    /// The cost of computing a value of the `stats` column: the number of steps (one for each
    /// field, constant, function and condition), and the nesting depth. Both include the other
    /// columns that the value is computed from, and both are limited.
    pub(in crate::detect) cost: (u32, u32),
}

/// The type of the values of a column of a `stats` table. A value can also be null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StatsKind {
    /// Each value of the `stats` column is a text, [`StatsValue::Text`].
    Text,
    /// Each value of the `stats` column is a count of events or of their values,
    /// [`StatsValue::Integer`].
    Integer,
    /// Each value of the `stats` column is an instant, [`StatsValue::Time`].
    Time,
    /// Each value of the `stats` column is a list of distinct texts, [`StatsValue::List`].
    TextList,
}

/// The value in one row and column of a [`StatsTable`](super::StatsTable). Values compare in the
/// order in which the table's rows are sorted: texts by their bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StatsValue {
    /// The row has no value in the column of the `stats` table, for example because no event of the
    /// row has the column's field.
    Null,
    /// The value in the `stats` table is a single text, as logged or as the search computes it.
    Text(String),
    /// The value in the `stats` table is a count of events, or of the values that events have for a
    /// field or computed value.
    Integer(i64),
    /// The value in the `stats` table is an instant in UTC, such as the time of the earliest event.
    Time(EventTime),
    /// The value in the `stats` table is a list of distinct texts, sorted by their bytes.
    List(Vec<String>),
}

/// What the values of a column of a `stats` table are computed from: a `by` field, an aggregate of
/// events, or other columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) enum ColumnSource {
    /// A field or computed value after the keyword `by`. Events with different values of it are in
    /// different rows of the `stats` table.
    By(Term),
    /// `count`: for each row of the `stats` table, the number of events that belong to it.
    Count,
    /// `count(term)`: the number of all values, equal ones included, that the row's events have for
    /// the term, which is a field or a computed value.
    CountOf(Term),
    /// `dc(term)`: the number of distinct values that the row's events have for the term, which is
    /// a field or a computed value.
    DistinctCount(Term),
    /// `values(term)`: the distinct values that the row's events have for the term, which is a
    /// field or a computed value.
    Values(Term),
    /// `min(term)`: the least value that the row's events have for the term, which is a field or a
    /// computed value. Values are compared as numbers if all are numbers, otherwise by their bytes.
    Min(Term),
    /// `max(term)`: the greatest value that the row's events have for the term, which is a field or
    /// a computed value. Values are compared as numbers if all are numbers, otherwise by their
    /// bytes.
    Max(Term),
    /// `earliest(term)`: the value of the term, which is a field or a computed value, in the row's
    /// first event by `_time` that has a value for it.
    Earliest(Term),
    /// `latest(term)`: the value of the term, which is a field or a computed value, in the row's
    /// last event by `_time` that has a value for it.
    Latest(Term),
    /// A value that a command after `stats`, such as `eval`, computes from other columns of the
    /// `stats` table.
    Computed(Term),
}

impl ColumnSource {
    /// Returns the field or computed value that the column shows if a row is made of a single
    /// event. `None` for counts, which depend on all events of the row. The message of a rule about
    /// a single match quotes this value.
    pub fn event_term(&self) -> Option<&Term> {
        match self {
            ColumnSource::CountOf(_) | ColumnSource::DistinctCount(_) => None,
            other => other.input(),
        }
    }

    /// Returns the [`Term`] (a field or computed value) that the column is made from: the one after
    /// `by`, the argument of the aggregate, or the one computed from other columns. `None` for
    /// `count` without an argument.
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

    /// Returns true if the column of the `stats` table is not an aggregate of events: if it is a
    /// `by` column, or is computed from other columns.
    pub fn is_of_event(&self) -> bool {
        matches!(self, ColumnSource::By(_) | ColumnSource::Computed(_))
    }
}

impl StatsColumn {
    /// Creates a column of a `stats` table. `source` implies the type of its values; a column that
    /// is computed from other columns contains texts.
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

    /// Returns the name of the `stats` column, after all `rename` commands.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the type of the values of the `stats` column, each of which can also be null.
    #[must_use]
    pub fn kind(&self) -> StatsKind {
        self.kind
    }
}
