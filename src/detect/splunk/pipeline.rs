//! What follows the head of a search: commands that name, filter, sum up and sort. Of each, all is
//! understood, or the search is refused: a rule is never half obeyed. What an answer cannot say in
//! full is a note.

use crate::detect::nearest::suggestion;
use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::detect::splunk::column_commands::{FieldSelection, fields_sign};
use crate::detect::splunk::library::Library;
use crate::detect::splunk::names::{NameResolver, no_field};
use crate::detect::splunk::token::{Cursor, MacroCall, SearchError, Token};
use crate::detect::stats::{Stats, StatsColumn, StatsKind};
use crate::detect::term::{DEEPEST_TERM, MOST_STEPS, Term, TermKind};

/// The commands, as they are written.
const COMMANDS: &[&str] = &[
    "stats", "search", "where", "eval", "regex", "lookup", "rename", "fillnull", "table", "fields", "sort",
    "dedup", "head", "convert",
];
/// The commands that generate events, with which a search can begin.
pub(in crate::detect) const GENERATING_COMMANDS: &[&str] = &["tstats", "from", "datamodel"];
/// What to say where a macro stands of which nothing is known.
pub(in crate::detect) const EXPECTED_MACRO: &str =
    "a macro that is built in, or one with a file of its name in a folder `macros` above the rule";
/// How `security_content_ctime` prints times.
const WHOLE_SECONDS: &str = "%Y-%m-%dT%H:%M:%S";

/// More names are no rule: each takes time for every later one.
const MOST_NAMES: usize = 4096;

/// What to say where a command or macro stands that is none of these.
pub(in crate::detect) fn expected_command() -> String {
    format!(
        "one of the commands {}, or a macro `security_content_ctime(column)` or `…_filter`",
        COMMANDS.join(", ")
    )
}

/// The names that the commands so far have given to the event's fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::detect) struct Scope {
    /// Later entries win. A name without a term was taken away.
    pub(super) names: Vec<(String, Option<Term>)>,
    /// What absent fields were filled with, all of them.
    pub(super) fill: Option<String>,
    /// The only names that are left, if `table` or `fields` said so.
    kept: Option<Vec<String>>,
}

/// The pipeline as far as it has been read.
#[derive(Debug)]
pub(in crate::detect) struct Pipeline<'a> {
    pub library: &'a dyn Library,
    pub scope: Scope,
    pub stats: Option<Stats>,
    /// The conditions that events must meet.
    pub predicates: Vec<Predicate>,
    pub notes: Vec<String>,
    /// The command before `stats`, if there was one, that takes events away by which others there
    /// are.
    pub limiting_command: Option<&'static str>,
    /// The steps of the name that takes most, and how deep the deepest goes.
    costliest: (u32, u32),
}

impl Scope {
    /// What a name stands for; `None` for no field's name, or one that was taken away.
    pub fn lookup(&self, name: &str) -> Option<Term> {
        let named = self.names.iter().rev().find(|(known, _)| known == name).map(|(_, term)| term.clone());
        if self.kept.as_ref().is_some_and(|kept| kept.iter().all(|known| known != name)) {
            return None;
        }
        let term = named.unwrap_or_else(|| Field::from_name(name).map(Term::from))?;
        Some(match &self.fill {
            Some(fill) => Term::from(TermKind::FillNull(term, fill.clone())),
            None => term,
        })
    }

    /// Gives a term a name.
    pub fn set(&mut self, name: String, term: Term) {
        if let Some(kept) = &mut self.kept {
            kept.push(name.clone());
        }
        self.names.push((name, Some(term)));
    }

    /// Keeps or takes away what was listed.
    pub(super) fn select(&mut self, names: Vec<String>, selection: FieldSelection) {
        match selection {
            FieldSelection::Table => self.kept = Some(names),
            FieldSelection::Keep => self.kept = Some(names.into_iter().chain(["_time".to_owned()]).collect()),
            FieldSelection::Remove => self.names.extend(names.into_iter().map(|name| (name, None))),
        }
    }

    /// The names that stand for something, and those of all fields.
    pub fn known_names(&self) -> impl Iterator<Item = &str> {
        let given = self.names.iter().filter(|(_, term)| term.is_some()).map(|(name, _)| name.as_str());
        Field::names().map(|name| -> &str { name }).chain(given)
    }

    /// Whether a name is that of a field which an earlier command has taken away.
    pub fn was_taken_away(&self, name: &str) -> bool {
        Field::from_name(name).is_some() && self.lookup(name).is_none()
    }
}

impl NameResolver for Pipeline<'_> {
    fn term(&self, cursor: &Cursor<'_>, name: &Token) -> Result<Term, SearchError> {
        if let Some(stats) = &self.stats {
            return column_place(cursor, stats, name).map(|place| Term::from(TermKind::Column(place)));
        }
        let term = self.scope.lookup(&name.text);
        term.ok_or_else(|| no_field(cursor, name, self.scope.known_names()))
    }
}

/// What is wrong with a word in the place of a command.
fn no_command(cursor: &Cursor<'_>, command: &Token) -> SearchError {
    let known = COMMANDS.iter().chain(GENERATING_COMMANDS).copied();
    cursor.error_at(command, expected_command()).near(&command.text, known)
}

/// Refuses a command that is not supported, whatever else the search holds.
pub(in crate::detect) fn check_command(mut cursor: Cursor<'_>) -> Result<(), SearchError> {
    cursor.skip_space();
    if cursor.peek() == Some('`') {
        return Ok(());
    }
    let command = cursor.word();
    if COMMANDS.contains(&command.text.as_str()) { Ok(()) } else { Err(no_command(&cursor, &command)) }
}

impl<'a> Pipeline<'a> {
    /// A pipeline before its first command.
    pub fn new(library: &'a dyn Library) -> Self {
        Pipeline {
            library,
            scope: Scope::default(),
            stats: None,
            predicates: Vec::new(),
            notes: Vec::new(),
            limiting_command: None,
            costliest: (0, 0),
        }
    }

    /// Reads one command or macro.
    pub fn read(&mut self, mut cursor: Cursor<'_>) -> Result<(), SearchError> {
        let cursor = &mut cursor;
        cursor.skip_space();
        if cursor.peek() == Some('`') {
            let call = cursor.macro_call()?;
            self.apply_macro(cursor, &call)?;
        } else {
            let command = cursor.word();
            match command.text.as_str() {
                "stats" => self.read_stats(cursor, &command)?,
                "search" => self.read_search(cursor)?,
                "where" => self.read_where(cursor)?,
                "eval" => self.read_eval(cursor)?,
                "regex" => self.read_regex(cursor)?,
                "lookup" => self.read_lookup(cursor)?,
                "sort" => self.read_sort(cursor)?,
                "dedup" => self.read_dedup(cursor)?,
                "head" => self.read_head(cursor)?,
                "convert" => self.read_convert(cursor)?,
                "rename" => self.read_rename(cursor)?,
                "fillnull" => self.read_fillnull(cursor)?,
                "table" => self.read_selection(cursor, FieldSelection::Table)?,
                "fields" => {
                    let selection = fields_sign(cursor);
                    self.read_selection(cursor, selection)?;
                }
                _ => return Err(no_command(cursor, &command)),
            }
        }
        if self.scope.names.len() > MOST_NAMES {
            return Err(cursor.unexpected(format!("at most {MOST_NAMES} names")));
        }
        if self.costliest.0 > MOST_STEPS || self.costliest.1 > DEEPEST_TERM {
            let expected = format!(
                "names that stand for at most {MOST_STEPS} steps, {DEEPEST_TERM} deep, with those that they build on"
            );
            return Err(cursor.unexpected(expected));
        }
        if cursor.at_end() { Ok(()) } else { Err(cursor.unexpected("`|` or the end of the search")) }
    }

    /// Notes what the user should know.
    pub fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// `` `security_content_ctime(x)` `` prints a time. `` `…_filter` `` is where a site puts its
    /// exclusions; as shipped it lets everything through.
    fn apply_macro(&mut self, cursor: &Cursor<'_>, call: &MacroCall) -> Result<(), SearchError> {
        match (call.name.as_str(), &call.argument) {
            ("security_content_ctime", Some(argument)) => {
                let text = argument.text.trim().trim_matches('"').to_owned();
                let name = Token { text, range: argument.range.clone() };
                self.print_time(cursor, &name, name.text.clone(), WHOLE_SECONDS)
            }
            ("drop_dm_object_name", Some(argument)) => {
                let prefix = argument.text.trim().trim_matches('"');
                self.rename_all(&format!("{prefix}.*"), "*");
                Ok(())
            }
            (name, None) if name.ends_with("_filter") => Ok(()),
            _ => Err(cursor.error(call.range.clone(), EXPECTED_MACRO)),
        }
    }

    /// What a misspelt name of a column or field may mean, as the end of a note.
    pub fn suggestion(&self, name: &str) -> String {
        match &self.stats {
            Some(stats) => suggestion(name, stats.columns().map(StatsColumn::name)),
            None => suggestion(name, self.scope.known_names()),
        }
    }

    /// Prints a time in a form, under a new name or its own. As in Splunk, a column that is not
    /// there is passed over.
    pub fn print_time(
        &mut self,
        cursor: &Cursor<'_>,
        name: &Token,
        new: String,
        form: &str,
    ) -> Result<(), SearchError> {
        let Ok(term) = self.term(cursor, name) else {
            let meant = self.suggestion(&name.text);
            self.note(format!("'{}' is no column, so no time of it is printed{meant}", name.text));
            return Ok(());
        };
        let kind = match (&self.stats, term.kind()) {
            (Some(stats), TermKind::Column(place)) => stats.columns.get(*place).map(StatsColumn::kind),
            _ => None,
        };
        if matches!(kind, Some(StatsKind::Integer | StatsKind::TextList)) {
            return Err(cursor.error_at(name, "a column that holds a time"));
        }
        self.define(new, Term::from(TermKind::FormatTime(term, form.to_owned())));
        Ok(())
    }

    /// Gives a name to a term: that of a column, which another of the name gives way to, or of a
    /// field.
    pub fn define(&mut self, name: String, term: Term) {
        let Some(stats) = &mut self.stats else {
            self.costliest = costlier(self.costliest, term.cost());
            return self.scope.set(name, term);
        };
        let known = |place: &usize| stats.columns.get(*place).is_some_and(|column| column.name == name);
        let shown = stats.shown.iter().position(known);
        let place = stats.add_computed(name, term);
        let cost = stats.columns.last().map_or((0, 0), |column| column.cost);
        self.costliest = costlier(self.costliest, cost);
        match shown.and_then(|shown| stats.shown.get_mut(shown)) {
            Some(known) => *known = place,
            None => stats.shown.push(place),
        }
    }
}

fn costlier(one: (u32, u32), other: (u32, u32)) -> (u32, u32) {
    (one.0.max(other.0), one.1.max(other.1))
}

/// What a pattern's `*` stands for in a name that is like it; nothing where it has none and is the
/// name.
pub(in crate::detect) fn wildcard<'n>(pattern: &str, name: &'n str) -> Option<&'n str> {
    match pattern.split_once('*') {
        None => (pattern == name).then_some(""),
        Some((start, end)) => name.strip_prefix(start)?.strip_suffix(end),
    }
}

/// The place of a column that the table has.
pub(in crate::detect) fn column_place(
    cursor: &Cursor<'_>,
    stats: &Stats,
    name: &Token,
) -> Result<usize, SearchError> {
    let is_named = |place: &usize| stats.columns.get(*place).is_some_and(|column| column.name == name.text);
    stats.shown.iter().copied().find(is_named).ok_or_else(|| {
        let names: Vec<&str> = stats.columns().map(StatsColumn::name).collect();
        cursor.error_at(name, format!("one of the columns {}", names.join(", "))).near(&name.text, names)
    })
}

/// `as name`, if it is next.
pub(in crate::detect) fn alias(cursor: &mut Cursor<'_>) -> Result<Option<Token>, SearchError> {
    if cursor.eat_keyword(|word| word.eq_ignore_ascii_case("as")) {
        cursor.name().map(Some)
    } else {
        Ok(None)
    }
}

/// Goes past a comma, if it is next.
pub(in crate::detect) fn comma(cursor: &mut Cursor<'_>) -> bool {
    cursor.skip_space();
    cursor.eat(",")
}

/// A table cannot have two columns of one name.
pub(in crate::detect) fn require_new_name<'a>(
    cursor: &Cursor<'_>,
    columns: impl IntoIterator<Item = &'a StatsColumn>,
    name: &Token,
) -> Result<(), SearchError> {
    if columns.into_iter().all(|column| column.name != name.text) {
        return Ok(());
    }
    Err(cursor.error_at(name, format!("no second column named {}", name.text)))
}
