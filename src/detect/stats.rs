//! `stats … by`: the reduction of matching events to the detection's own table. What to reduce is
//! said by a [`Stats`], which the search's pipeline builds; [`StatsTable`] does it, part by part,
//! and merges.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use ahash::RandomState;

use super::aggregate::Aggregate;
use super::field::Field;
use super::row_key::RowKey;
use crate::event::{DnsQueryEvent, EventTime};

/// The columns of a detection's table, and how many events make one row: those that agree in the
/// `by` columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stats {
    /// The `by` columns in their order, then the aggregates in the order written.
    pub(super) columns: Vec<StatsColumn>,
    /// Which of them the table has, by their places, in the table's order. A row is made by all `by` columns all the same.
    pub(super) shown: Vec<usize>,
}

/// A column of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatsColumn {
    /// The name, after all renaming.
    pub(super) name: String,
    pub(super) content: Content,
    pub(super) time_form: TimeForm,
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

/// A field as the pipeline has left it for `stats`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub field: Field,
    /// What `fillnull` puts where the field is absent.
    pub fill: Option<String>,
}

/// What a column is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Content {
    By(Source),
    /// Events.
    Count,
    /// Events that have the field.
    CountOf(Source),
    /// Distinct values.
    DistinctCount(Source),
    Values(Source),
    /// The least or greatest value: by number if all are numbers, else by bytes.
    Min(Source),
    Max(Source),
    /// The value in the first or last event by `_time`.
    Earliest(Source),
    Latest(Source),
}

/// How a time is given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum TimeForm {
    #[default]
    Instant,
    /// As text: `security_content_ctime` was applied.
    WholeSeconds,
}

impl Source {
    pub fn value<'a>(&'a self, event: &'a DnsQueryEvent) -> Option<Cow<'a, str>> {
        self.field.value(event).or_else(|| self.fill.as_deref().map(Cow::Borrowed))
    }

    pub fn typed_value(&self, event: &DnsQueryEvent) -> Option<StatsValue> {
        if self.field == Field::Time {
            event.system.time_created.map(StatsValue::Time)
        } else {
            self.value(event).map(|text| StatsValue::Text(text.into_owned()))
        }
    }

    fn kind(&self) -> StatsKind {
        if self.field == Field::Time { StatsKind::Time } else { StatsKind::Text }
    }
}

impl Content {
    /// The field that the column shows for a single event; counts show none.
    pub fn source(&self) -> Option<&Source> {
        match self {
            Content::CountOf(_) | Content::DistinctCount(_) => None,
            other => other.input(),
        }
    }

    /// The field that is looked at.
    pub fn input(&self) -> Option<&Source> {
        match self {
            Content::Count => None,
            Content::By(source)
            | Content::CountOf(source)
            | Content::DistinctCount(source)
            | Content::Values(source)
            | Content::Min(source)
            | Content::Max(source)
            | Content::Earliest(source)
            | Content::Latest(source) => Some(source),
        }
    }

    fn kind(&self) -> StatsKind {
        match self {
            Content::Count | Content::CountOf(_) | Content::DistinctCount(_) => StatsKind::Integer,
            Content::Values(_) => StatsKind::TextList,
            Content::By(source)
            | Content::Min(source)
            | Content::Max(source)
            | Content::Earliest(source)
            | Content::Latest(source) => source.kind(),
        }
    }
}

impl Stats {
    /// All of these columns.
    pub(super) fn new(columns: Vec<StatsColumn>) -> Self {
        let shown = (0..columns.len()).collect();
        Stats { columns, shown }
    }

    /// The table's columns: the `by` columns in their order, then the aggregates in theirs, unless the search puts them into another.
    pub fn columns(&self) -> impl Iterator<Item = &StatsColumn> {
        self.shown.iter().filter_map(|place| self.columns.get(*place))
    }

    /// The row that an event belongs to; none if it lacks a `by` field.
    fn key(&self, event: &DnsQueryEvent) -> Option<RowKey> {
        let mut key = RowKey::with_room();
        for column in &self.columns {
            let Content::By(source) = &column.content else { continue };
            match source.field {
                Field::Time => key.push_time(event.system.time_created?),
                _ => key.push_text(&source.value(event)?),
            }
        }
        Some(key)
    }

    /// What the columns that are no `by` columns are made of.
    fn aggregated(&self) -> impl Iterator<Item = &Content> {
        let contents = self.columns.iter().map(|column| &column.content);
        contents.filter(|content| !matches!(content, Content::By(_)))
    }

    /// The aggregates of a row before its first event.
    fn aggregates(&self) -> Box<[Aggregate]> {
        self.aggregated().filter_map(Aggregate::new).collect()
    }

    fn has_by(&self) -> bool {
        self.columns.iter().any(|column| matches!(column.content, Content::By(_)))
    }
}

impl StatsColumn {
    /// The name, after all renaming.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its values are (or null).
    #[must_use]
    pub fn kind(&self) -> StatsKind {
        match (self.content.kind(), self.time_form) {
            (StatsKind::Time, TimeForm::WholeSeconds) => StatsKind::Text,
            (kind, _) => kind,
        }
    }

    fn shown(&self, value: StatsValue) -> StatsValue {
        match (value, self.time_form) {
            (StatsValue::Time(time), TimeForm::WholeSeconds) => StatsValue::Text(time.whole_seconds()),
            (value, _) => value,
        }
    }
}

/// A table in the making. Tables of the same [`Stats`] merge: in any order, in any grouping, and
/// an empty one changes nothing.
#[derive(Debug, Clone, PartialEq)]
pub struct StatsTable {
    stats: Arc<Stats>,
    /// By their `by` values. There can be as many as matches, so each is kept small, and they are sorted once, at the end. Evidence can be made
    /// to have values of the same hash: this one depends on a key that nobody knows, like the standard library's, and is faster.
    rows: HashMap<RowKey, Box<[Aggregate]>, RandomState>,
}

impl StatsTable {
    /// The table of no events.
    #[must_use]
    pub fn new(stats: &Arc<Stats>) -> Self {
        StatsTable { stats: Arc::clone(stats), rows: HashMap::default() }
    }

    /// Adds a matching event. One that lacks a `by` field belongs to no row.
    pub fn add(&mut self, event: &DnsQueryEvent) {
        let Some(key) = self.stats.key(event) else { return };
        let aggregates = match self.rows.get_mut(&key) {
            Some(aggregates) => aggregates,
            None => self.rows.entry(key.shrunk()).or_insert_with(|| self.stats.aggregates()),
        };
        for (aggregate, content) in aggregates.iter_mut().zip(self.stats.aggregated()) {
            aggregate.add(content, event);
        }
    }

    /// Takes in the events of another table of the same [`Stats`].
    pub fn merge(&mut self, other: StatsTable) {
        debug_assert_eq!(self.stats, other.stats, "only tables of the same detection merge");
        for (key, theirs) in other.rows {
            match self.rows.entry(key) {
                Entry::Vacant(row) => _ = row.insert(theirs),
                Entry::Occupied(mut row) => {
                    for (our, their) in row.get_mut().iter_mut().zip(theirs) {
                        our.merge(their);
                    }
                }
            }
        }
    }

    /// How many rows the events make so far.
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.rows.len()
    }

    /// The columns of the finished table.
    pub fn columns(&self) -> impl Iterator<Item = &StatsColumn> {
        self.stats.columns()
    }

    /// The rows of the finished table, sorted by the `by` columns; each has a value for every column. As in Splunk, a `stats`
    /// without `by` has one row even if there were no events.
    pub fn into_rows(self) -> impl Iterator<Item = Vec<StatsValue>> {
        self.into_parts(usize::MAX).flat_map(StatsPart::into_rows)
    }

    /// The same, in parts of so many rows, of which other threads may make something.
    pub fn into_parts(mut self, rows: usize) -> impl Iterator<Item = StatsPart> {
        if self.rows.is_empty() && !self.stats.has_by() {
            self.rows.insert(RowKey::default(), self.stats.aggregates());
        }
        let mut sorted: Vec<(RowKey, Box<[Aggregate]>)> = self.rows.into_iter().collect();
        sorted.sort_unstable_by(|(left, _), (right, _)| left.cmp(right));
        let mut sorted = sorted.into_iter();
        std::iter::from_fn(move || {
            let rows: Vec<_> = sorted.by_ref().take(rows).collect();
            (!rows.is_empty()).then(|| StatsPart { stats: Arc::clone(&self.stats), rows })
        })
    }
}

/// Some rows of a finished table.
#[derive(Debug)]
pub struct StatsPart {
    stats: Arc<Stats>,
    rows: Vec<(RowKey, Box<[Aggregate]>)>,
}

impl StatsPart {
    /// The rows; each has a value for every column.
    #[must_use]
    pub fn into_rows(self) -> impl ExactSizeIterator<Item = Vec<StatsValue>> {
        let stats = self.stats;
        self.rows.into_iter().map(move |(key, aggregates)| {
            let values = key.values().into_iter().chain(aggregates.into_iter().map(Aggregate::finish));
            let mut values: Vec<Option<StatsValue>> = values.map(Some).collect();
            let mut shown = |place: &usize| {
                let value = values.get_mut(*place).and_then(Option::take);
                Some(stats.columns.get(*place)?.shown(value?))
            };
            stats.shown.iter().filter_map(&mut shown).collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::search::Search;
    use super::super::testing::event;
    use super::*;

    fn table(pipeline: &str) -> StatsTable {
        let search =
            Search::parse(&format!("* | {pipeline}")).unwrap_or_else(|error| panic!("{pipeline}: {error}"));
        StatsTable::new(search.stats.as_ref().unwrap())
    }

    /// Rows as text, one value after the other.
    fn rows(pipeline: &str, events: &[DnsQueryEvent]) -> Vec<String> {
        let mut table = table(pipeline);
        for event in events {
            table.add(event);
        }
        let text = |value: StatsValue| match value {
            StatsValue::Null => "null".to_owned(),
            StatsValue::Text(text) => text,
            StatsValue::Integer(number) => number.to_string(),
            StatsValue::Time(time) => time.rfc3339(),
            StatsValue::List(list) => format!("[{}]", list.join(",")),
        };
        table.into_rows().map(|row| row.into_iter().map(text).collect::<Vec<_>>().join(" ")).collect()
    }

    fn at(second: i64, query_name: &str, process_id: &str) -> DnsQueryEvent {
        let mut event = event(r"C:\a.exe", query_name);
        event.system.time_created = Some(EventTime::from_ticks(second * 10_000_000 + 5));
        event.process_id = Some(process_id.to_owned());
        event
    }

    #[test]
    fn a_table_shows_what_the_search_says_and_has_a_row_for_each_combination() {
        let events = [event("a.exe", "x"), event("a.exe", "y"), event("b.exe", "x")];
        assert_eq!(rows("stats count by Image query", &events), ["a.exe x 1", "a.exe y 1", "b.exe x 1"]);
        assert_eq!(
            rows("stats count by Image query | table count Image", &events),
            ["1 a.exe", "1 a.exe", "1 b.exe"]
        );
        assert_eq!(rows("stats count by Image | fields - Image", &events), ["2", "1"]);
        assert_eq!(
            rows("stats count values(query) by Image | fields Image | rename Image as x", &events),
            ["a.exe", "b.exe"]
        );
    }

    #[test]
    fn aggregates() {
        let mut blank = at(9, "", "-");
        blank.system.time_created = None;
        let events = [at(3, "b", "10"), at(1, "a", "9"), at(2, "b", "100")];
        let with_blank = [&events[..], &[blank]].concat();
        for (pipeline, events, expected) in [
            ("stats count", &events[..], &["3"][..]),
            ("stats count", &[], &["0"]),
            ("stats count min(_time) values(query) max(query)", &[], &["0 null [] null"]),
            ("stats count by query", &[], &[]),
            ("stats count as n by query", &events, &["a 1", "b 2"]),
            ("stats count by query", &with_blank, &["a 1", "b 2"]),
            ("fillnull | stats count by query", &with_blank, &["0 1", "a 1", "b 2"]),
            (
                "fillnull value=\"none at all\" query | stats count by query",
                &with_blank,
                &["a 1", "b 2", "none at all 1"],
            ),
            ("stats count count(query) dc(query) values(query)", &with_blank, &["4 3 2 [a,b]"]),
            // By number while all are numbers, else by bytes.
            ("stats min(ProcessId) max(ProcessId)", &events, &["9 100"]),
            ("stats min(ProcessId) max(ProcessId)", &with_blank, &["- 9"]),
            ("stats min(query) max(query)", &events, &["a b"]),
            ("stats earliest(query) latest(query) latest(ProcessId)", &with_blank, &["a b 10"]),
            (
                "stats min(_time) as t max(_time)",
                &with_blank,
                &["1970-01-01T00:00:01.0000005Z 1970-01-01T00:00:03.0000005Z"],
            ),
            (
                "stats min(_time) as t latest(_time) as u \
                 | `security_content_ctime(t)` | `security_content_ctime(u)`",
                &with_blank,
                &["1970-01-01T00:00:01 1970-01-01T00:00:03"],
            ),
            (
                "stats count by _time | `security_content_ctime(_time)`",
                &with_blank,
                &["1970-01-01T00:00:01 1", "1970-01-01T00:00:02 1", "1970-01-01T00:00:03 1"],
            ),
        ] {
            assert_eq!(rows(pipeline, events), expected, "{pipeline}");
        }
    }

    #[test]
    fn rows_are_sorted_by_the_bytes_of_the_by_columns() {
        let events = [at(1, "b", "1"), at(1, "é", "1"), at(1, "Z", "1"), at(1, "b", "-")];
        assert_eq!(rows("stats count by query ProcessId", &events), ["Z 1 1", "b - 1", "b 1 1", "é 1 1"]);
    }

    /// Every aggregate, by a field that may be absent.
    const ALL: &str = "stats count count(User) dc(ProcessId) values(ProcessId) min(ProcessId) max(ProcessId) \
                       min(_time) max(_time) earliest(ProcessId) latest(ProcessId) earliest(_time) by query";

    fn any_events() -> impl Strategy<Value = Vec<DnsQueryEvent>> {
        let one = (
            0..4_i64,
            "[ab]?",
            prop::sample::select(&["1", "1.0", "01", "2", "10", "-", ""][..]),
            any::<bool>(),
        );
        let make = |(second, query, process_id, timed): (i64, String, &str, bool)| {
            let mut event = at(second, &query, process_id);
            event.system.time_created = event.system.time_created.filter(|_| timed);
            event
        };
        prop::collection::vec(one.prop_map(make), 0..8)
    }

    fn table_of(events: &[DnsQueryEvent]) -> StatsTable {
        let mut table = table(ALL);
        for event in events {
            table.add(event);
        }
        table
    }

    fn merged(left: &StatsTable, right: &StatsTable) -> StatsTable {
        let mut both = left.clone();
        both.merge(right.clone());
        both
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1024))]
        #[test]
        fn merging_has_its_laws(a in any_events(), b in any_events(), c in any_events()) {
            let (ta, tb, tc) = (table_of(&a), table_of(&b), table_of(&c));
            prop_assert_eq!(merged(&ta, &tb), merged(&tb, &ta), "commutative");
            prop_assert_eq!(merged(&merged(&ta, &tb), &tc), merged(&ta, &merged(&tb, &tc)), "associative");
            prop_assert_eq!(&merged(&ta, &table_of(&[])), &ta, "empty is the identity");
            let together = table_of(&[a, b].concat());
            let rows = |table: StatsTable| table.into_rows().collect::<Vec<_>>();
            prop_assert_eq!(rows(merged(&ta, &tb)), rows(together), "as if read together");
        }
    }
}
