//! Splunk's commands that filter events or rows of a search's `stats` table (`search`, `where` and
//! `regex`), and those that compute columns or event values (`eval` and `lookup`).

use std::ops::Range;
use std::sync::Arc;

use crate::detect::lookup::{Lookup, LookupOutput};
use crate::detect::predicate::Predicate;
use crate::detect::predicate::expression::{Expression, Flags};
use crate::detect::splunk::condition_context::ConditionContext;
use crate::detect::splunk::eval;
use crate::detect::splunk::event_code::{EXPECTED_DNS_QUERY, part_about_others};
use crate::detect::splunk::head;
use crate::detect::splunk::names::{NameResolver, no_field};
use crate::detect::splunk::pipeline::{Pipeline, Scope, alias, comma};
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, Token};
use crate::detect::stats::rows::RowStep;
use crate::detect::stats::{ColumnSource, Stats};
use crate::detect::term::computed::Computed;
use crate::detect::term::condition::Condition;
use crate::detect::term::function::Function;
use crate::detect::term::{Assumption, Term, TermKind};

impl Pipeline<'_> {
    /// Adds `condition` to the conditions that an event must meet to match the search. `place` is
    /// the condition's range of bytes in the search, and `context` is the context in which it was
    /// read, with the notes for the user about it. Fails if no DNS query meets the whole condition.
    pub fn require(
        &mut self,
        cursor: &Cursor<'_>,
        place: Range<usize>,
        condition: Condition,
        context: ConditionContext<'_>,
    ) -> Result<(), SearchError> {
        self.check_subject(cursor, place, &condition, context.unmet())?;
        context.notes().into_iter().for_each(|note| self.note(note));
        self.predicates.push(condition.into_predicate());
        Ok(())
    }

    /// Fails if none of Sysmon's DNS queries meets a condition, because the search is then about
    /// other events. If only a part of the condition cannot be met, a note for the user says so.
    /// `place` is the range of bytes of the condition in the search. `unmet` is the range of the
    /// part that cannot be met, with what was expected there; `None` if no such part is known.
    fn check_subject(
        &mut self,
        cursor: &Cursor<'_>,
        place: Range<usize>,
        condition: &Condition,
        unmet: Option<(Range<usize>, &'static str)>,
    ) -> Result<(), SearchError> {
        let is_known = unmet.is_some() || condition.known(Assumption::Nothing).is_none();
        if is_known && condition.known(Assumption::DnsQuery) == Some(false) {
            let (place, expected) = unmet.unwrap_or((place, EXPECTED_DNS_QUERY));
            return Err(cursor.error(place, expected).about_other_data());
        }
        let part = match unmet {
            Some((place, expected)) => Some(cursor.error(place, expected).found),
            None => part_about_others(condition).map(|part| format!("'{part}'")),
        };
        if let Some(part) = part {
            self.note(format!(
                "{part} is about other data than Sysmon's DNS queries, so this part of the condition is never true"
            ));
        }
        Ok(())
    }

    /// Reads the condition after Splunk's command `search`, and applies it: to the rows of the
    /// `stats` table if the search has an earlier command `stats`, otherwise to events.
    pub fn read_search(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        cursor.skip_space();
        let start = cursor.at();
        if self.stats.is_some() {
            let condition = head::parse(&ConditionContext::of_fields(&*self), cursor)?;
            return self.filter(cursor, start, condition);
        }
        let names = ScopeNames(self.scope.clone());
        let context = ConditionContext::of_events(&names);
        let condition = head::parse(&context, cursor)?;
        self.require(cursor, start..cursor.at(), condition, context)
    }

    /// Reads the condition after Splunk's command `where`, and applies it: to the rows of the
    /// `stats` table if the search has an earlier command `stats`, otherwise to events.
    pub fn read_where(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        cursor.skip_space();
        let start = cursor.at();
        let condition = eval::condition(cursor, &*self)?;
        self.filter(cursor, start, condition)
    }

    /// Reads `field="…"` or `field!="…"` after the command `regex`. Keeps only those events, or
    /// rows of the `stats` table, in which the field's value matches the regular expression (`=`)
    /// or does not match it (`!=`).
    pub fn read_regex(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        cursor.skip_space();
        let start = cursor.at();
        if cursor.peek() == Some('"') {
            return Err(cursor
                .unexpected("a field, for example regex QueryName=\"…\" (the raw event is not searched)"));
        }
        let name = cursor.name()?;
        let term = self.term(cursor, &name)?;
        cursor.skip_space();
        let negated = cursor.eat("!=");
        if !negated && !cursor.eat("=") {
            return Err(cursor.unexpected("`=` or `!=` after the field"));
        }
        cursor.skip_space();
        let text = if cursor.peek() == Some('"') { cursor.quoted()? } else { cursor.bare(|_| false)? };
        let expression = Expression::new(&text.text, Flags::default())
            .map_err(|problem| cursor.error_at(&text, format!("a regular expression ({problem})")))?;
        let fits = Condition::Fits(term, expression);
        self.filter(cursor, start, if negated { Condition::Not(Box::new(fits)) } else { fits })
    }

    /// Applies a condition whose text begins at byte `start` of the search and ends at the cursor.
    /// If the search has no earlier command `stats`, the condition filters events. Otherwise it
    /// filters the rows of the `stats` table. Those parts of the condition that read no aggregate
    /// (a value of many events, such as a count) filter the events, too.
    fn filter(&mut self, cursor: &Cursor<'_>, start: usize, condition: Condition) -> Result<(), SearchError> {
        let on_events = match &self.stats {
            Some(stats) => condition.with_columns(&|place| stats.event_term(place, true)),
            None => Some(condition.clone()),
        };
        if let Some(on_events) = on_events {
            self.check_subject(cursor, start..cursor.at(), &on_events, None)?;
        }
        let Some(stats) = &mut self.stats else {
            self.predicates.push(condition.into_predicate());
            return Ok(());
        };
        stats.steps.push(RowStep::Filter(condition.clone()));
        let text = cursor.text_of(start..cursor.at()).split_whitespace().collect::<Vec<_>>().join(" ");
        let mut of_rows = false;
        for one in condition.conjuncts() {
            match event_predicate(stats, &one, &text) {
                Some(predicate) => self.predicates.push(predicate),
                None => of_rows = true,
            }
        }
        if of_rows {
            self.note(format!(
                "the table of `stats` has only the rows where {text}; the matches are those of all rows"
            ));
        }
        Ok(())
    }

    /// Reads `a = …, b = …` after the command `eval`, and defines the names `a` and `b` as the
    /// values of these expressions.
    pub fn read_eval(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        loop {
            cursor.skip_space();
            let name = match cursor.peek() {
                Some('"' | '\'') => cursor.name()?,
                _ => cursor.take_while(|next| !next.is_whitespace() && !"=,|()\"".contains(next)),
            };
            cursor.skip_space();
            if name.text.is_empty() || !cursor.eat("=") {
                return Err(cursor.error_at(&name, "a name, `=` and an expression"));
            }
            let lenient = LenientNames { pipeline: self, missing: std::cell::RefCell::default() };
            let term = eval::term(cursor, &lenient)?;
            let missing = lenient.missing.into_inner();
            for missing in missing {
                let meant = self.suggestion(&missing);
                self.note(format!(
                    "'{missing}' in `eval` is not a field or column, so it has no value{meant}"
                ));
            }
            self.define_checked(cursor, &name, term)?;
            if !comma(cursor) {
                return Ok(());
            }
        }
    }

    /// Defines `name` as a name for the value of `term`, for the commands `eval` and `lookup`.
    /// Returns an error if the search's `stats` table already has the largest number of columns.
    fn define_checked(&mut self, cursor: &Cursor<'_>, name: &Token, term: Term) -> Result<(), SearchError> {
        let columns = self.stats.as_ref().map_or(0, |stats| stats.columns.len());
        if columns >= crate::detect::splunk::stats_commands::MOST_COLUMNS {
            return Err(cursor.error_at(
                name,
                format!("at most {} columns", crate::detect::splunk::stats_commands::MOST_COLUMNS),
            ));
        }
        self.define(name.text.clone(), term);
        Ok(())
    }

    /// Reads `name column as field … OUTPUT column as name …` after the command `lookup`, and
    /// defines the output names. A lookup is a table that the user's site provides. An output name
    /// gets its values from those rows of the lookup whose key columns match the values of the
    /// fields.
    pub fn read_lookup(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        eat_lookup_options(cursor);
        let name = cursor.name()?;
        let found = self.library.lookup_named(&name.text);
        let unreadable = |problem| cursor.error_at(&name, format!("a lookup that can be read ({problem})"));
        let lookup = found.map_err(unreadable)?.ok_or_else(|| {
            let expected = "a lookup whose file NAME.yml is in a folder `lookups` above the rule";
            let known = self.library.lookup_names();
            cursor.error_at(&name, expected).near(&name.text, known.iter().map(String::as_str))
        })?;
        for note in lookup.notes() {
            self.note(format!("lookup {}: {note}", name.text));
        }
        let mut keys = Vec::new();
        let output = loop {
            if let Some(output) = output_keyword(cursor) {
                break Some(output);
            }
            if cursor.at_end() {
                break None;
            }
            let (column, place) = lookup_column(cursor, &lookup)?;
            let field = alias(cursor)?.unwrap_or(column);
            keys.push((place, self.term(cursor, &field)?));
            comma(cursor);
        };
        if keys.is_empty() {
            return Err(cursor.unexpected("a column of the lookup, `as` and a field"));
        }
        let mut outputs: Vec<(Token, usize)> = Vec::new();
        while output.is_some() && !cursor.at_end() {
            let (column, place) = lookup_column(cursor, &lookup)?;
            outputs.push((alias(cursor)?.unwrap_or(column), place));
            comma(cursor);
        }
        if outputs.is_empty() {
            let all = lookup.columns().iter().enumerate();
            let others = all.filter(|(place, _)| keys.iter().all(|(key, _)| key != place));
            outputs = others
                .map(|(place, column)| (Token { text: column.clone(), range: name.range.clone() }, place))
                .collect();
        }
        for (output_name, place) in outputs {
            let mut term =
                Term::from(TermKind::Lookup(LookupOutput::new(Arc::clone(&lookup), keys.clone(), place)));
            if output == Some(OutputMode::New)
                && let Ok(known) = self.term(cursor, &output_name)
            {
                term = Term::from(TermKind::Call(Function::Coalesce, vec![known, term]));
            }
            self.define_checked(cursor, &output_name, term)?;
        }
        Ok(())
    }
}

/// Converts a condition on the rows of the `stats` table to a predicate on events: an event meets
/// it if at least one of the rows to which the event belongs meets the condition. `None` if the
/// condition reads aggregates, such as counts, which depend on several events. `text` is the
/// condition as written.
fn event_predicate(stats: &Stats, condition: &Condition, text: &str) -> Option<Predicate> {
    let on_by = condition.with_columns(&|place| stats.by_term(place))?;
    let mut by: Vec<(usize, Term)> = Vec::new();
    on_by.visit(&mut |term| {
        if let TermKind::Column(place) = term.kind()
            && by.iter().all(|(known, _)| known != place)
            && let Some(ColumnSource::By(term)) = stats.columns.get(*place).map(|column| &column.source)
        {
            by.push((*place, term.clone()));
        }
    });
    // A field with several values makes a row for each, and each row has only one of them.
    if by.iter().any(|(_, term)| term.is_multivalued()) {
        return Some(Predicate::Computed(Computed::of_rows(on_by, by, text.to_owned()).into()));
    }
    let on_event = condition.with_columns(&|place| stats.event_term(place, true))?;
    Some(on_event.into_predicate())
}

/// What Splunk's command `lookup` does with an output that has the name of an existing field or
/// column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OutputMode {
    /// `OUTPUT`: the values in the lookup's table replace those of the existing field or column.
    Always,
    /// `OUTPUTNEW`: the values in the lookup's table are used only where the existing field or
    /// column has no value.
    New,
}

/// Reads the keyword `OUTPUT` or `OUTPUTNEW` of Splunk's command `lookup`; `None` if neither is
/// next.
fn output_keyword(cursor: &mut Cursor<'_>) -> Option<OutputMode> {
    if cursor.eat_keyword(|word| word.eq_ignore_ascii_case("OUTPUTNEW")) {
        Some(OutputMode::New)
    } else if cursor.eat_keyword(|word| word.eq_ignore_ascii_case("OUTPUT")) {
        Some(OutputMode::Always)
    } else {
        None
    }
}

/// Skips the options of the command `lookup`, such as `update=true` and `local=true`, which have no
/// effect in a sweep.
fn eat_lookup_options(cursor: &mut Cursor<'_>) {
    loop {
        let mut ahead = cursor.clone();
        if !ahead.eat_keyword(|word| matches!(word, "update" | "local" | "event_time_field"))
            || !ahead.eat("=")
        {
            return;
        }
        ahead.word();
        *cursor = ahead;
    }
}

/// Reads the name of a column of a lookup's table, and returns it with the column's 0-based index.
/// If there is no such column, the error lists all columns.
fn lookup_column(cursor: &mut Cursor<'_>, lookup: &Lookup) -> Result<(Token, usize), SearchError> {
    let column = cursor.name()?;
    if let Some(place) = lookup.column(&column.text) {
        return Ok((column, place));
    }
    let expected = format!("one of the lookup's columns {}", lookup.columns().join(", "));
    Err(cursor.error_at(&column, expected).near(&column.text, lookup.columns().iter().map(String::as_str)))
}

/// A [`NameResolver`] for a condition before the first `stats` of a search. It knows the names of
/// event fields, and those of the values that commands have defined before the condition.
struct ScopeNames(Scope);

impl NameResolver for ScopeNames {
    fn term(&self, cursor: &Cursor<'_>, name: &Token) -> Result<Term, SearchError> {
        self.0.lookup(&name.text).ok_or_else(|| no_field(cursor, name, self.0.known_names()))
    }
}

/// A [`NameResolver`] for the expressions of the command `eval`. An unknown name means no value, as
/// in Splunk, and is not an error.
struct LenientNames<'l, 'p> {
    /// The commands of the search before this `eval`. Its expressions can use the fields or columns
    /// that these commands leave.
    pipeline: &'l Pipeline<'p>,
    /// The unknown names in the expressions of the command `eval`, in order, for a note to the
    /// user.
    missing: std::cell::RefCell<Vec<String>>,
}

impl NameResolver for LenientNames<'_, '_> {
    fn term(&self, cursor: &Cursor<'_>, name: &Token) -> Result<Term, SearchError> {
        Ok(self.pipeline.term(cursor, name).unwrap_or_else(|_| {
            self.missing.borrow_mut().push(name.text.clone());
            Term::from(TermKind::Absent)
        }))
    }
}
