//! Reads the commands of a search that aggregate events: `stats`, and `tstats`, which reads
//! Splunk's data model of DNS queries.

use crate::detect::nearest::suggestion;
use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::pattern::Pattern;
use crate::detect::splunk::condition_context::ConditionContext;
use crate::detect::splunk::eval;
use crate::detect::splunk::names::{ModelFields, NameResolver};
use crate::detect::splunk::other_data::data_model;
use crate::detect::splunk::pipeline::{Pipeline, alias, comma, require_new_name};
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, Token};
use crate::detect::stats::{ColumnSource, Stats, StatsColumn};
use crate::detect::term::condition::Condition;
use crate::detect::term::{Term, TermKind};

/// The largest number of columns of the table that the command `stats` makes. A search with more is
/// refused, because each column takes memory for every row, and some hundred KiB while the table is
/// written.
pub(in crate::detect) const MOST_COLUMNS: usize = 256;

/// The phrase after "expected" in the error message where an aggregate of `stats` is missing or
/// unknown.
const EXPECTED_AGGREGATE: &str =
    "an aggregate: count, count(field), or dc, min, max, values, earliest or latest of a (field)";
/// The names of the supported aggregates of `stats`, to suggest one for a misspelt name.
const AGGREGATES: [&str; 8] = ["count", "dc", "distinct_count", "values", "min", "max", "earliest", "latest"];
/// The names of options of `stats` and `tstats` that have no effect in a sweep.
const OPTIONS: &[&str] = &[
    "summariesonly",
    "allow_old_summaries",
    "fillnull_value",
    "chunk_size",
    "local",
    "prestats",
    "append",
    "allnum",
    "delim",
    "partitions",
];

/// The table of a `stats` or `tstats` command while the command is read: its columns so far, and
/// notes for the user.
struct StatsDraft {
    /// The columns of the `stats` table that have been read so far.
    columns: Vec<StatsColumn>,
    notes: Vec<String>,
    /// The reason why the `stats` table cannot have rows, such as an unknown field after `by`;
    /// `None` if it can have rows.
    empty_because: Option<String>,
}

/// A [`NameResolver`] for the arguments of Splunk's command `stats`. There, an unknown name is not
/// an error, and the resolver can say why a name is unknown.
trait FieldResolver: NameResolver {
    /// Returns the [`Term`] (a field or a computed value) that a name means; `None` if the name is
    /// unknown.
    fn find(&self, name: &str) -> Option<Term>;
    /// Returns the reason why `find` knows no meaning of a name, for a note to the user.
    fn why_not(&self, name: &str) -> String;
}

impl FieldResolver for Pipeline<'_> {
    fn find(&self, name: &str) -> Option<Term> {
        self.scope.lookup(name)
    }

    fn why_not(&self, name: &str) -> String {
        if self.scope.was_taken_away(name) {
            format!("an earlier command removed or renamed the field '{name}'")
        } else {
            let meant = suggestion(name, self.scope.known_names());
            format!("Sysmon's DNS queries do not have the field '{name}'{meant}")
        }
    }
}

impl FieldResolver for ModelFields {
    fn find(&self, name: &str) -> Option<Term> {
        ModelFields::find(name)
    }

    fn why_not(&self, name: &str) -> String {
        let meant = ModelFields::nearest(name)
            .filter(|known| known != name)
            .map(|known| format!("; did you mean '{known}'?"));
        format!(
            "Sysmon's DNS queries do not have the field '{name}' of the data model{}",
            meant.unwrap_or_default()
        )
    }
}

impl Pipeline<'_> {
    /// Reads what follows the command `stats`, for example `count min(f) as name by a b`, and sets
    /// the columns of the search's `stats` table. `command` is the word `stats`; errors about the
    /// whole command are reported at its place.
    pub fn read_stats(&mut self, cursor: &mut Cursor<'_>, command: &Token) -> Result<(), SearchError> {
        if self.stats.is_some() {
            return Err(cursor.error_at(command, "only one stats"));
        }
        let mut draft = StatsDraft { columns: Vec::new(), notes: Vec::new(), empty_because: None };
        let mut aggregates = Vec::new();
        let mut by = Vec::new();
        eat_options(cursor)?;
        loop {
            aggregates.push(aggregate(cursor, self, &mut draft)?);
            if cursor.at_end() {
                break;
            }
            if eat_by(cursor) {
                by = by_columns(cursor, self, &mut draft)?;
                break;
            }
            comma(cursor);
        }
        draft.columns = columns(cursor, command, by, aggregates)?;
        if let Some(command) = self.limiting_command {
            draft.empty_because.get_or_insert_with(|| {
                format!("`{command}` before `stats` selects events by their order, which is not supported")
            });
        }
        self.set_stats(draft);
        Ok(())
    }

    /// Sets the search's `stats` table to `draft`, the table that a command `stats` or `tstats`
    /// describes, and adds the draft's notes for the user to those of the search.
    fn set_stats(&mut self, draft: StatsDraft) {
        let StatsDraft { columns, notes, empty_because } = draft;
        for note in notes {
            self.note(note);
        }
        if let Some(reason) = &empty_because {
            self.note(format!("the table of `stats` has no rows: {reason}"));
        }
        self.stats = Some(Stats { empty_because, ..Stats::new(columns) });
    }

    /// Adds two conditions to those of the search: that Sysmon logged the event, and that it is a
    /// DNS query. A search of Splunk's data model of DNS queries does not state these, because the
    /// model implies them.
    fn require_dns_queries(&mut self) {
        self.predicates.push(Predicate::Sysmon);
        let code = Condition::Matches(Term::from(Field::EventId), Pattern::new("22"));
        self.predicates.push(code.into_predicate());
    }

    /// Applies the command `from datamodel:Network_Resolution` or `datamodel Network_Resolution DNS
    /// search`: selects the DNS queries, and defines the names of the data model's fields, such as
    /// `DNS.query`.
    pub fn read_model(&mut self) {
        self.require_dns_queries();
        for (name, field) in ModelFields::present() {
            self.scope.set(name, Term::from(field));
        }
    }

    /// Reads what follows the command `tstats`, such as
    /// `count from datamodel=Network_Resolution where … by …`, and sets the columns of the search's
    /// `stats` table. `command` is the word `tstats`; errors about the whole command are reported
    /// at its place.
    pub fn read_tstats(&mut self, cursor: &mut Cursor<'_>, command: &Token) -> Result<(), SearchError> {
        let fields = ModelFields;
        let mut draft = StatsDraft { columns: Vec::new(), notes: Vec::new(), empty_because: None };
        let mut aggregates = Vec::new();
        let mut by = Vec::new();
        loop {
            eat_options(cursor)?;
            if cursor.eat_keyword(|word| word.eq_ignore_ascii_case("from")) {
                break;
            }
            aggregates.push(aggregate(cursor, &fields, &mut draft)?);
            comma(cursor);
        }
        let is_model = cursor.eat_keyword(|word| word.eq_ignore_ascii_case("datamodel"));
        cursor.skip_space();
        if !is_model || !cursor.eat("=") {
            return Err(cursor.unexpected("`datamodel=Network_Resolution` after from"));
        }
        data_model(cursor)?;
        self.require_dns_queries();
        if cursor.eat_keyword(|word| word.eq_ignore_ascii_case("where")) {
            let start = cursor.at();
            let context = ConditionContext::of_events(&fields);
            let condition = context.read(cursor)?;
            self.require(cursor, start..cursor.at(), condition, context)?;
        }
        if eat_by(cursor) {
            by = by_columns(cursor, &fields, &mut draft)?;
        }
        draft.columns = columns(cursor, command, by, aggregates)?;
        self.set_stats(draft);
        if cursor.at_end() { Ok(()) } else { Err(cursor.unexpected("`|` or the end of the search")) }
    }
}

/// Returns the columns of a `stats` table in order: first the `by` columns, which are in `columns`,
/// then the `aggregates`. Fails if two columns have the same name, or if there are more than
/// [`MOST_COLUMNS`]. `command` is the word `stats` or `tstats`; the error that a `by` column and an
/// aggregate have the same name is reported at its place.
fn columns(
    cursor: &Cursor<'_>,
    command: &Token,
    mut columns: Vec<StatsColumn>,
    aggregates: Vec<(Token, StatsColumn)>,
) -> Result<Vec<StatsColumn>, SearchError> {
    let by = columns.len();
    for (name, column) in aggregates {
        // If two aggregates have the same name, the error is at the second. If a `by` column and an
        // aggregate have the same name, the error is at the command.
        let (by, others) = columns.split_at(by.min(columns.len()));
        require_new_name(cursor, others, &name)?;
        require_new_name(cursor, by, &Token { text: name.text.clone(), range: command.range.clone() })?;
        require_room(cursor, &columns, &name)?;
        columns.push(column);
    }
    Ok(columns)
}

/// Skips the keyword `by` or `groupby` if it is next, and returns true if it was skipped.
fn eat_by(cursor: &mut Cursor<'_>) -> bool {
    cursor.eat_keyword(|word| word.eq_ignore_ascii_case("by") || word.eq_ignore_ascii_case("groupby"))
}

/// Skips the options of `stats` or `tstats`, such as `summariesonly=true`, which have no effect in
/// a sweep.
fn eat_options(cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
    loop {
        let mut ahead = cursor.clone();
        if !ahead.eat_keyword(|word| OPTIONS.contains(&word)) {
            return Ok(());
        }
        ahead.skip_space();
        if !ahead.eat("=") {
            return Ok(());
        }
        ahead.skip_space();
        if ahead.peek() == Some('"') {
            ahead.quoted()?;
        } else {
            ahead.bare(|_| false)?;
        }
        *cursor = ahead;
    }
}

/// Reads one aggregate of the command `stats`, such as `count` or `min(field) as name`, and returns
/// its column with the column's name (the name after `as`, or else the aggregate as written).
/// `fields` says what names mean. A note about an unknown field is added to `draft`.
fn aggregate(
    cursor: &mut Cursor<'_>,
    fields: &dyn FieldResolver,
    draft: &mut StatsDraft,
) -> Result<(Token, StatsColumn), SearchError> {
    cursor.skip_space();
    let function = cursor.word();
    let source = if cursor.eat("(") {
        let term = aggregate_argument(cursor, fields, draft)?;
        cursor.skip_space();
        if !cursor.eat(")") {
            return Err(cursor.unexpected("`)` after the field"));
        }
        match function.text.as_str() {
            "count" | "c" => ColumnSource::CountOf(term),
            "dc" | "distinct_count" => ColumnSource::DistinctCount(term),
            "values" => ColumnSource::Values(term),
            "min" => ColumnSource::Min(term),
            "max" => ColumnSource::Max(term),
            "earliest" => ColumnSource::Earliest(term),
            "latest" => ColumnSource::Latest(term),
            _ => return Err(cursor.error_at(&function, EXPECTED_AGGREGATE).near(&function.text, AGGREGATES)),
        }
    } else if matches!(function.text.as_str(), "count" | "c") {
        ColumnSource::Count
    } else {
        return Err(cursor.error_at(&function, EXPECTED_AGGREGATE).near(&function.text, AGGREGATES));
    };
    let range = function.range.start..cursor.at();
    let written = cursor.text_of(range.clone()).to_owned();
    let name = alias(cursor)?.unwrap_or(Token { text: written, range });
    let column = StatsColumn::new(name.text.clone(), source);
    Ok((name, column))
}

/// Reads the argument of an aggregate of `stats`: a field, or `eval(condition)`, which has a value
/// if the condition is true. `fields` says what names mean. For an unknown field, a note is added
/// to `draft`, and the argument has no value.
fn aggregate_argument(
    cursor: &mut Cursor<'_>,
    fields: &dyn FieldResolver,
    draft: &mut StatsDraft,
) -> Result<Term, SearchError> {
    let mut ahead = cursor.clone();
    if ahead.eat_keyword(|word| word == "eval") && ahead.eat("(") {
        *cursor = ahead;
        let condition = eval::condition(cursor, fields_as_names(fields))?;
        cursor.skip_space();
        if !cursor.eat(")") {
            return Err(cursor.unexpected("`)` after the condition"));
        }
        return Ok(Term::from(TermKind::Case(vec![(condition, Term::from(TermKind::Text("1".to_owned())))])));
    }
    let name = cursor.name()?;
    Ok(fields.find(&name.text).filter(|term| !term.is_absent()).unwrap_or_else(|| {
        draft.notes.push(format!("the column of '{}' is empty: {}", name.text, fields.why_not(&name.text)));
        Term::from(TermKind::Absent)
    }))
}

/// Returns `fields` as the type that the parser of expressions takes, the [`NameResolver`].
fn fields_as_names(fields: &dyn FieldResolver) -> &dyn NameResolver {
    fields
}

/// Reads the columns after the keyword `by` of the command `stats`. `fields` says what names mean.
/// A search with an unknown field, or a span of `_time`, after `by` is not refused: its table has
/// no rows, and `draft.empty_because` says why.
fn by_columns(
    cursor: &mut Cursor<'_>,
    fields: &dyn FieldResolver,
    draft: &mut StatsDraft,
) -> Result<Vec<StatsColumn>, SearchError> {
    let mut columns: Vec<StatsColumn> = Vec::new();
    loop {
        let name = cursor.name()?;
        let mut ahead = cursor.clone();
        ahead.skip_space();
        if name.text == "span" && ahead.eat("=") {
            ahead.bare(|_| false)?;
            *cursor = ahead;
            draft.empty_because.get_or_insert_with(|| "spans of `_time` are not supported".to_owned());
        } else {
            require_new_name(cursor, &columns, &name)?;
            require_room(cursor, &columns, &name)?;
            let term = fields.find(&name.text).filter(|term| !term.is_absent()).unwrap_or_else(|| {
                draft.empty_because.get_or_insert_with(|| fields.why_not(&name.text));
                Term::from(TermKind::Absent)
            });
            columns.push(StatsColumn::new(name.text, ColumnSource::By(term)));
        }
        if !comma(cursor) && cursor.at_end() {
            return Ok(columns);
        }
    }
}

/// Returns an error at `name` if the `stats` table already has [`MOST_COLUMNS`] columns.
fn require_room(cursor: &Cursor<'_>, columns: &[StatsColumn], name: &Token) -> Result<(), SearchError> {
    if columns.len() < MOST_COLUMNS {
        return Ok(());
    }
    Err(cursor.error_at(name, format!("at most {MOST_COLUMNS} columns")))
}
