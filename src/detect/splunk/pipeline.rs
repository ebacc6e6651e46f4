//! Reads the commands after the head of a search, which is the condition before its first `|`. A
//! command is understood in full, or the search is refused: a rule is never half obeyed. If the
//! `stats` table differs from what Splunk would show, a note for the user says so.

use crate::detect::nearest::suggestion;
use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::detect::splunk::column_commands::{FieldSelection, fields_sign};
use crate::detect::splunk::library::Library;
use crate::detect::splunk::names::{NameResolver, no_field};
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, MacroCall, Token};
use crate::detect::stats::{Stats, StatsColumn, StatsKind};
use crate::detect::term::{DEEPEST_TERM, MOST_STEPS, Term, TermKind};

/// The names of the supported SPL commands that can follow a `|`.
const COMMANDS: &[&str] = &[
    "stats", "search", "where", "eval", "regex", "lookup", "rename", "fillnull", "table", "fields", "sort",
    "dedup", "head", "convert",
];
/// The names of the supported SPL commands that can begin a search, because they read events.
pub(in crate::detect) const GENERATING_COMMANDS: &[&str] = &["tstats", "from", "datamodel"];
/// The phrase after "expected" in the error message for a search that calls an unknown macro.
pub(in crate::detect) const EXPECTED_MACRO: &str =
    "a macro that is built in, or one whose file NAME.yml is in a folder `macros` above the rule";
/// The time format, in the notation of `strftime`, with which Splunk's macro
/// `security_content_ctime` writes a time.
const WHOLE_SECONDS: &str = "%Y-%m-%dT%H:%M:%S";

/// The largest number of names that the commands of a search may define. A search with more is
/// refused, because each name makes every later use of a name slower.
const MOST_NAMES: usize = 4096;

/// Returns the phrase after "expected" in the error message for a search with an unknown command or
/// macro.
pub(in crate::detect) fn expected_command() -> String {
    format!(
        "one of the commands {}, or a macro `security_content_ctime(column)` or `…_filter`",
        COMMANDS.join(", ")
    )
}

/// The names that can be used for an event's values at one place of a search, and what they mean:
/// the names of event fields, and those that earlier commands such as `eval` and `rename` have
/// defined.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::detect) struct Scope {
    /// The names that commands have defined, each with the field or computed value that it means.
    /// Later entries replace earlier ones. `None` means that a command removed the name.
    pub(super) names: Vec<(String, Option<Term>)>,
    /// The text that replaces all absent values of events, from a command `fillnull` that names no
    /// fields; `None` until a `fillnull` without names was read.
    pub(super) fill: Option<String>,
    /// The names that the command `table` or `fields` has kept, which are the only ones that later
    /// commands can use; `None` if no command has limited the names.
    kept: Option<Vec<String>>,
}

/// The result of the commands of a search that have been read so far: the condition on events, the
/// table that `stats` makes, and the meanings of names.
#[derive(Debug)]
pub(in crate::detect) struct Pipeline<'a> {
    /// The macros and lookups (tables) that the user's site has defined and that the search can
    /// use.
    pub library: &'a dyn Library,
    /// What the names for an event's values mean. Only commands before `stats` use it; later
    /// commands use the names of the table's columns.
    pub scope: Scope,
    /// The table that the search's command `stats` makes; `None` until that command has been read.
    pub stats: Option<Stats>,
    /// The conditions of the search. A matching event must meet all of them.
    pub predicates: Vec<Predicate>,
    /// Notes for the user about how the commands were understood.
    pub notes: Vec<String>,
    /// The first command before `stats` that keeps only some events by their order, such as `head`;
    /// `None` if there is none. A sweep cannot apply this command to events, so the `stats` table
    /// is left without rows: they would be wrong.
    pub limiting_command: Option<&'static str>,
    /// The costs of the costliest terms to which commands of the search (such as `eval`) have given
    /// names: the highest number of evaluation steps, and the greatest nesting depth. Both are
    /// limited, so that no search is too slow.
    costliest: (u32, u32),
}

impl Scope {
    /// Returns the [`Term`] (a field or a computed value) that a name means; `None` if the name is
    /// unknown, or a command removed it. After a `fillnull` without names, the term replaces absent
    /// values.
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

    /// Defines `name` as a name for the value of `term` (a field or a computed value), for a
    /// command such as `eval`. The definition replaces earlier ones of the same name.
    pub fn set(&mut self, name: String, term: Term) {
        if let Some(kept) = &mut self.kept {
            kept.push(name.clone());
        }
        self.names.push((name, Some(term)));
    }

    /// Keeps or removes names, for Splunk's command `table` or `fields`. Later commands of the
    /// search cannot use a removed name.
    pub(super) fn select(&mut self, names: Vec<String>, selection: FieldSelection) {
        match selection {
            FieldSelection::Table => self.kept = Some(names),
            FieldSelection::Keep => self.kept = Some(names.into_iter().chain(["_time".to_owned()]).collect()),
            FieldSelection::Remove => self.names.extend(names.into_iter().map(|name| (name, None))),
        }
    }

    /// Returns the names that commands have defined and the names of all event fields, to suggest
    /// one for a misspelt name.
    pub fn known_names(&self) -> impl Iterator<Item = &str> {
        let given = self.names.iter().filter(|(_, term)| term.is_some()).map(|(name, _)| name.as_str());
        Field::names().map(|name| -> &str { name }).chain(given)
    }

    /// Returns true if `name` is that of an event field which a command of the search has removed
    /// or renamed.
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

/// Returns the error for a word that stands where a command is expected, but is not a supported
/// command.
fn no_command(cursor: &Cursor<'_>, command: &Token) -> SearchError {
    let known = COMMANDS.iter().chain(GENERATING_COMMANDS).copied();
    cursor.error_at(command, expected_command()).near(&command.text, known)
}

/// Returns an error if a part of a search, which is the text between two `|`, begins with an
/// unsupported command. A macro call is no error.
pub(in crate::detect) fn check_command(mut cursor: Cursor<'_>) -> Result<(), SearchError> {
    cursor.skip_space();
    if cursor.peek() == Some('`') {
        return Ok(());
    }
    let command = cursor.word();
    if COMMANDS.contains(&command.text.as_str()) { Ok(()) } else { Err(no_command(&cursor, &command)) }
}

impl<'a> Pipeline<'a> {
    /// Creates the pipeline of a search of which no command has been read yet. `library` has the
    /// macros and lookups that the search can use.
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

    /// Reads one command or macro call of a search, which must extend to the next `|`, and adds its
    /// result to the pipeline, such as a condition or the `stats` table.
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
            return Err(cursor.unexpected(format!("at most {MOST_NAMES} names that commands define")));
        }
        if self.costliest.0 > MOST_STEPS || self.costliest.1 > DEEPEST_TERM {
            let expected = format!(
                "names that take at most {MOST_STEPS} evaluation steps and {DEEPEST_TERM} levels of nesting, including the names that they use"
            );
            return Err(cursor.unexpected(expected));
        }
        if cursor.at_end() { Ok(()) } else { Err(cursor.unexpected("`|` or the end of the search")) }
    }

    /// Adds a note for the user about the commands of the search, unless the same note was already
    /// added.
    pub fn note(&mut self, note: String) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Applies a macro that is called in the place of a command and that dnsweep implements itself:
    ///
    /// - `security_content_ctime(x)` formats the time `x`.
    /// - `drop_dm_object_name(x)` removes the prefix `x.` from names.
    /// - `…_filter` is the macro by which a site excludes events. If the site has no file that
    ///   defines it, the macro keeps all events.
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

    /// Returns the end of a note about the unknown name of a column or field, such as `; did you
    /// mean 'count'?`. The text is empty if no known name is close.
    pub fn suggestion(&self, name: &str) -> String {
        match &self.stats {
            Some(stats) => suggestion(name, stats.columns().map(StatsColumn::name)),
            None => suggestion(name, self.scope.known_names()),
        }
    }

    /// Defines the name `new` as the time in the column or event field `name`, formatted as text by
    /// the `strftime` format `form`. If there is no column or field `name`, nothing is defined, as
    /// in Splunk, and a note for the user says so. A column of counts or of lists is an error.
    pub fn print_time(
        &mut self,
        cursor: &Cursor<'_>,
        name: &Token,
        new: String,
        form: &str,
    ) -> Result<(), SearchError> {
        let Ok(term) = self.term(cursor, name) else {
            let meant = self.suggestion(&name.text);
            self.note(format!("'{}' is not a column, so it is not formatted as a time{meant}", name.text));
            return Ok(());
        };
        let kind = match (&self.stats, term.kind()) {
            (Some(stats), TermKind::Column(place)) => stats.columns.get(*place).map(StatsColumn::kind),
            _ => None,
        };
        if matches!(kind, Some(StatsKind::Integer | StatsKind::TextList)) {
            return Err(cursor.error_at(name, "a column that contains a time"));
        }
        self.define(new, Term::from(TermKind::FormatTime(term, form.to_owned())));
        Ok(())
    }

    /// Defines `name` as a name for the value of `term`, for commands such as `eval`. If the search
    /// has an earlier command `stats`, the name becomes a column of the `stats` table, and replaces
    /// a shown column of the same name. Otherwise it becomes a name for an event's value.
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

/// Combines the costs of two terms, each a number of evaluation steps and a nesting depth: returns
/// the larger number and the larger depth.
fn costlier(one: (u32, u32), other: (u32, u32)) -> (u32, u32) {
    (one.0.max(other.0), one.1.max(other.1))
}

/// Returns the part of a name that the `*` of a pattern matches. It is empty if the pattern has no
/// `*` and is equal to the name. `None` if the name does not match the pattern.
pub(in crate::detect) fn wildcard<'n>(pattern: &str, name: &'n str) -> Option<&'n str> {
    match pattern.split_once('*') {
        None => (pattern == name).then_some(""),
        Some((start, end)) => name.strip_prefix(start)?.strip_suffix(end),
    }
}

/// Returns the 0-based index, among all columns of the `stats` table, of the column `name`. It must
/// be one of the columns that the table shows; otherwise the error lists these.
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

/// Reads `as name` after a field, aggregate or column, and returns the name; `None` if `as` is not
/// next.
pub(in crate::detect) fn alias(cursor: &mut Cursor<'_>) -> Result<Option<Token>, SearchError> {
    if cursor.eat_keyword(|word| word.eq_ignore_ascii_case("as")) {
        cursor.name().map(Some)
    } else {
        Ok(None)
    }
}

/// Skips a comma if it is next, also after blanks. Returns true if a comma was skipped.
pub(in crate::detect) fn comma(cursor: &mut Cursor<'_>) -> bool {
    cursor.skip_space();
    cursor.eat(",")
}

/// Fails if one of the `columns` already has the name `name`, because the names of a `stats`
/// table's columns must be unique.
pub(in crate::detect) fn require_new_name<'a>(
    cursor: &Cursor<'_>,
    columns: impl IntoIterator<Item = &'a StatsColumn>,
    name: &Token,
) -> Result<(), SearchError> {
    if columns.into_iter().all(|column| column.name != name.text) {
        return Ok(());
    }
    Err(cursor.error_at(name, format!("a column name other than {}, which the table already has", name.text)))
}
