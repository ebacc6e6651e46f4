//! What follows the head of a search: commands that name, filter, sum up and sort. Of each, all is
//! understood, or the search is refused: a rule is never half obeyed. What an answer cannot say in
//! full is a note.

use crate::detect::nearest::suggestion;
use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::detect::splunk::library::Library;
use crate::detect::splunk::names::{Names, no_field};
use crate::detect::splunk::token::{Cursor, MacroCall, SearchError, Spanned};
use crate::detect::stats::{Stats, StatsColumn, StatsKind};
use crate::detect::term::{DEEPEST_TERM, MOST_STEPS, Node, Term};

/// The commands, as they are written.
const COMMANDS: &[&str] = &[
    "stats", "search", "where", "eval", "regex", "lookup", "rename", "fillnull", "table", "fields", "sort",
    "dedup", "head", "convert",
];
/// Those that a search can begin with, besides.
pub(in crate::detect) const GENERATING_COMMANDS: &[&str] = &["tstats", "from", "datamodel"];
/// What to say where a macro stands of which nothing is known.
pub(in crate::detect) const EXPECTED_MACRO: &str =
    "a macro that is built in, or one with a file of its name in a folder `macros` above the rule";
/// How `security_content_ctime` prints times.
const WHOLE_SECONDS: &str = "%Y-%m-%dT%H:%M:%S";

/// More names are no rule: each takes time for every later one.
const MOST_NAMES: usize = 4096;

/// What `fillnull` puts where nothing is said.
const DEFAULT_FILL: &str = "0";

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
    names: Vec<(String, Option<Term>)>,
    /// What absent fields were filled with, all of them.
    fill: Option<String>,
    /// The only names that are left, if `table` or `fields` said so.
    kept: Option<Vec<String>>,
}

/// What a list of names after `table` or `fields` is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Listed {
    /// All that `table` leaves.
    Table,
    /// All that `fields` leaves, besides `_time`, which it never takes away unasked.
    Kept,
    /// What `fields -` takes away.
    Removed,
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
    pub thinned_by: Option<&'static str>,
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
            Some(fill) => Term::from(Node::Filled(term, fill.clone())),
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
    fn select(&mut self, names: Vec<String>, listed: Listed) {
        match listed {
            Listed::Table => self.kept = Some(names),
            Listed::Kept => self.kept = Some(names.into_iter().chain(["_time".to_owned()]).collect()),
            Listed::Removed => self.names.extend(names.into_iter().map(|name| (name, None))),
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

impl Names for Pipeline<'_> {
    fn term(&self, cursor: &Cursor<'_>, name: &Spanned) -> Result<Term, SearchError> {
        if let Some(stats) = &self.stats {
            return column_place(cursor, stats, name).map(|place| Term::from(Node::Column(place)));
        }
        let term = self.scope.lookup(&name.text);
        term.ok_or_else(|| no_field(cursor, name, self.scope.known_names()))
    }
}

/// What is wrong with a word in the place of a command.
fn no_command(cursor: &Cursor<'_>, command: &Spanned) -> SearchError {
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
    /// One of which nothing was read.
    pub fn new(library: &'a dyn Library) -> Self {
        Pipeline {
            library,
            scope: Scope::default(),
            stats: None,
            predicates: Vec::new(),
            notes: Vec::new(),
            thinned_by: None,
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
                "table" => self.read_selection(cursor, Listed::Table)?,
                "fields" => {
                    let listed = fields_sign(cursor);
                    self.read_selection(cursor, listed)?;
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
                let name = Spanned { text, range: argument.range.clone() };
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
        name: &Spanned,
        new: String,
        form: &str,
    ) -> Result<(), SearchError> {
        let Ok(term) = self.term(cursor, name) else {
            let meant = self.suggestion(&name.text);
            self.note(format!("'{}' is no column, so no time of it is printed{meant}", name.text));
            return Ok(());
        };
        let kind = match (&self.stats, term.node()) {
            (Some(stats), Node::Column(place)) => stats.columns.get(*place).map(StatsColumn::kind),
            _ => None,
        };
        if matches!(kind, Some(StatsKind::Integer | StatsKind::TextList)) {
            return Err(cursor.error_at(name, "a column that holds a time"));
        }
        self.define(new, Term::from(Node::Printed(term, form.to_owned())));
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

    /// `table a b`, `fields a b`, `fields - a b`: of columns after `stats`, of fields before it.
    /// Without `stats` it changes nothing, as the table of matches has all fields.
    fn read_selection(&mut self, cursor: &mut Cursor<'_>, listed: Listed) -> Result<(), SearchError> {
        let mut names: Vec<Spanned> = Vec::new();
        loop {
            let name = cursor.name_or_pattern()?;
            if names.iter().any(|known| known.text == name.text) {
                return Err(cursor.error_at(&name, format!("no second column named {}", name.text)));
            }
            names.push(name);
            if !comma(cursor) && cursor.at_end() {
                break;
            }
        }
        let Some(stats) = &mut self.stats else {
            let is_all = names.iter().any(|name| name.text.contains('*'));
            for name in names.iter().filter(|name| !name.text.contains('*')) {
                if self.scope.lookup(&name.text).is_none() && listed != Listed::Removed {
                    let meant = suggestion(&name.text, self.scope.known_names());
                    self.note(format!("'{}' is no field of a Sysmon DNS query{meant}", name.text));
                }
            }
            if !is_all {
                self.scope.select(names.into_iter().map(|name| name.text).collect(), listed);
            }
            return Ok(());
        };
        let known: Vec<String> = stats.columns().map(|column| column.name().to_owned()).collect();
        let mut places: Vec<usize> = Vec::new();
        let mut missing = Vec::new();
        for name in &names {
            let like = |place: &usize| {
                stats.columns.get(*place).is_some_and(|column| wildcard(&name.text, &column.name).is_some())
            };
            let found: Vec<usize> = stats.shown.iter().copied().filter(like).collect();
            if found.is_empty() && listed != Listed::Removed {
                missing.push(name.text.clone());
            }
            places.extend(found.into_iter().filter(|place| !places.contains(place)).collect::<Vec<_>>());
        }
        if listed == Listed::Removed {
            stats.shown.retain(|place| !places.contains(place));
        } else {
            stats.shown = places;
        }
        if let (true, Some(last)) = (stats.shown.is_empty(), names.last()) {
            return Err(cursor.error_at(last, "at least one column that is left"));
        }
        for name in missing {
            let meant = suggestion(&name, known.iter().map(String::as_str));
            self.note(format!("'{name}' is no column, so it is not in the table{meant}"));
        }
        Ok(())
    }

    /// `rename a as b, c as d`, `rename a.* as *`: of columns after `stats`, of fields before it or
    /// without it.
    fn read_rename(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        loop {
            let old = cursor.name_or_pattern()?;
            if !cursor.eat_keyword(|word| word.eq_ignore_ascii_case("as")) {
                return Err(cursor.unexpected("`as` and the new name"));
            }
            let new = cursor.name_or_pattern()?;
            if old.text.contains('*') {
                self.rename_all(&old.text, &new.text);
            } else {
                self.rename(cursor, &old, new)?;
            }
            if !comma(cursor) && cursor.at_end() {
                return Ok(());
            }
        }
    }

    fn rename(&mut self, cursor: &Cursor<'_>, old: &Spanned, new: Spanned) -> Result<(), SearchError> {
        let Some(stats) = &mut self.stats else {
            if let Some(term) = self.scope.lookup(&old.text) {
                self.scope.names.push((old.text.clone(), None));
                self.scope.set(new.text, term);
            } else {
                let meant = self.suggestion(&old.text);
                self.note(format!(
                    "'{}' is no field of a Sysmon DNS query, so it is not renamed{meant}",
                    old.text
                ));
            }
            return Ok(());
        };
        let Ok(place) = column_place(cursor, stats, old) else {
            let meant = self.suggestion(&old.text);
            self.note(format!("'{}' is no column, so it is not renamed{meant}", old.text));
            return Ok(());
        };
        if old.text != new.text {
            require_new_name(cursor, stats.columns(), &new)?;
        }
        if let Some(column) = stats.columns.get_mut(place) {
            column.name = new.text;
        }
        Ok(())
    }

    /// Renames all that is like a pattern with a wildcard; what has the new name gives way.
    fn rename_all(&mut self, old: &str, new: &str) {
        let renamed = |name: &str| wildcard(old, name).map(|middle| new.replacen('*', middle, 1));
        let Some(stats) = &mut self.stats else {
            let names: Vec<String> = self.scope.known_names().map(str::to_owned).collect();
            for name in names {
                if let (Some(new), Some(term)) = (renamed(&name), self.scope.lookup(&name)) {
                    self.scope.names.push((name, None));
                    self.scope.set(new, term);
                }
            }
            return;
        };
        for place in stats.shown.clone() {
            let Some(new) = stats.columns.get(place).and_then(|column| renamed(&column.name)) else {
                continue;
            };
            let columns = &stats.columns;
            stats.shown.retain(|other| {
                *other == place || columns.get(*other).is_some_and(|column| column.name != new)
            });
            if let Some(column) = stats.columns.get_mut(place) {
                column.name = new;
            }
        }
    }

    /// `fillnull value=v a b`: what stands for fields that an event lacks; all fields if none is
    /// named.
    fn read_fillnull(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        let mut fill = DEFAULT_FILL.to_owned();
        let mut ahead = cursor.clone();
        if ahead.eat_keyword(|word| word == "value") && ahead.eat("=") {
            fill = if ahead.peek() == Some('"') { ahead.quoted()? } else { ahead.bare(|_| false)? }.text;
            *cursor = ahead;
        }
        let filled = |term: Term| Term::from(Node::Filled(term, fill.clone()));
        if cursor.at_end() {
            let Some(stats) = &self.stats else {
                self.scope.fill = Some(fill);
                return Ok(());
            };
            let shown = stats.shown.iter().filter_map(|place| Some((*place, stats.columns.get(*place)?)));
            let text = shown.filter(|(_, column)| column.kind() == StatsKind::Text);
            let columns: Vec<(usize, String)> =
                text.map(|(place, column)| (place, column.name.clone())).collect();
            for (place, name) in columns {
                self.define(name, filled(Term::from(Node::Column(place))));
            }
            return Ok(());
        }
        while !cursor.at_end() {
            let name = cursor.name()?;
            // As in Splunk, a field that is never there is filled, too.
            let term = self.term(cursor, &name).unwrap_or_else(|_| Term::from(Node::Absent));
            self.define(name.text, filled(term));
            comma(cursor);
        }
        Ok(())
    }
}

fn costlier(one: (u32, u32), other: (u32, u32)) -> (u32, u32) {
    (one.0.max(other.0), one.1.max(other.1))
}

/// The sign after `fields`.
fn fields_sign(cursor: &mut Cursor<'_>) -> Listed {
    cursor.skip_space();
    if cursor.eat("-") {
        return Listed::Removed;
    }
    cursor.eat("+");
    Listed::Kept
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
    name: &Spanned,
) -> Result<usize, SearchError> {
    let is_named = |place: &usize| stats.columns.get(*place).is_some_and(|column| column.name == name.text);
    stats.shown.iter().copied().find(is_named).ok_or_else(|| {
        let names: Vec<&str> = stats.columns().map(StatsColumn::name).collect();
        cursor.error_at(name, format!("one of the columns {}", names.join(", "))).near(&name.text, names)
    })
}

/// `as name`, if it is next.
pub(in crate::detect) fn alias(cursor: &mut Cursor<'_>) -> Result<Option<Spanned>, SearchError> {
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
    name: &Spanned,
) -> Result<(), SearchError> {
    if columns.into_iter().all(|column| column.name != name.text) {
        return Ok(());
    }
    Err(cursor.error_at(name, format!("no second column named {}", name.text)))
}
