//! What follows the head of a search: the commands `stats`, `rename`, `fillnull`, `table` and `fields`, and the macros
//! that Splunk's detections end in. Commands that decide about events by anything but the head's
//! predicate are refused: a rule is never half obeyed.

use super::field::Field;
use super::head::expected_field;
use super::stats::{Content, Source, Stats, StatsColumn, StatsKind, TimeForm};
use super::token::{Cursor, MacroCall, SearchError, Spanned};

const COMMANDS: &[&str] = &["stats", "rename", "fillnull", "table", "fields"];
const EXPECTED_COMMAND: &str = "one of the commands stats, rename, fillnull, table and fields, \
                                or a macro `security_content_ctime(column)` or `…_filter`";

/// More columns are no rule: each takes memory for every row, and some hundred KiB while the table is written.
const MOST_COLUMNS: usize = 256;

/// What `fillnull` puts where it is not told.
const DEFAULT_FILL: &str = "0";

/// The names that the commands so far have given to the event's fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scope {
    /// Later entries win. A name without a source was taken away by `rename`.
    names: Vec<(String, Option<Source>)>,
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
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Pipeline {
    pub scope: Scope,
    pub stats: Option<Stats>,
}

impl Scope {
    /// What a name stands for; `None` for no field's name, or one that was renamed away.
    pub fn lookup(&self, name: &str) -> Option<Source> {
        let named =
            self.names.iter().rev().find(|(known, _)| known == name).map(|(_, source)| source.clone());
        if self.kept.as_ref().is_some_and(|kept| kept.iter().all(|known| known != name)) {
            return None;
        }
        let plain = || Field::from_name(name).map(|field| Source { field, fill: None });
        let source = named.unwrap_or_else(plain)?;
        Some(Source { fill: source.fill.or_else(|| self.fill.clone()), ..source })
    }

    /// Gives a field another name.
    fn rename(&mut self, old: String, new: String, source: Source) {
        if let Some(kept) = &mut self.kept {
            kept.push(new.clone());
        }
        self.names.push((old, None));
        self.names.push((new, Some(source)));
    }

    /// Keeps or takes away what was listed.
    fn select(&mut self, names: Vec<String>, listed: Listed) {
        match listed {
            Listed::Table => self.kept = Some(names),
            Listed::Kept => self.kept = Some(names.into_iter().chain(["_time".to_owned()]).collect()),
            Listed::Removed => self.names.extend(names.into_iter().map(|name| (name, None))),
        }
    }

    fn require(&self, cursor: &Cursor<'_>, name: &Spanned) -> Result<Source, SearchError> {
        self.lookup(&name.text).ok_or_else(|| cursor.error_at(name, expected_field(&name.text)))
    }
}

/// Refuses a command that is not supported, whatever else the search holds.
pub(super) fn check_command(mut cursor: Cursor<'_>) -> Result<(), SearchError> {
    cursor.skip_space();
    if cursor.peek() == Some('`') {
        return Ok(());
    }
    let command = cursor.word();
    if COMMANDS.contains(&command.text.as_str()) {
        Ok(())
    } else {
        Err(cursor.error_at(&command, EXPECTED_COMMAND))
    }
}

impl Pipeline {
    /// Reads one command or macro.
    pub fn read(&mut self, mut cursor: Cursor<'_>) -> Result<(), SearchError> {
        cursor.skip_space();
        if cursor.peek() == Some('`') {
            let call = cursor.macro_call()?;
            self.apply_macro(&cursor, &call)?;
        } else {
            let command = cursor.word();
            match command.text.as_str() {
                "stats" => self.read_stats(&mut cursor, &command)?,
                "rename" => self.read_rename(&mut cursor)?,
                "fillnull" => self.read_fillnull(&mut cursor, &command)?,
                "table" => self.read_selection(&mut cursor, Listed::Table)?,
                "fields" => {
                    let listed = fields_sign(&mut cursor);
                    self.read_selection(&mut cursor, listed)?;
                }
                _ => return Err(cursor.error_at(&command, EXPECTED_COMMAND)),
            }
        }
        if cursor.at_end() { Ok(()) } else { Err(cursor.unexpected("`|` or the end of the search")) }
    }

    /// `` `security_content_ctime(x)` `` prints a time. `` `…_filter` `` is where a site puts its
    /// exclusions; as shipped it lets everything through.
    fn apply_macro(&mut self, cursor: &Cursor<'_>, call: &MacroCall) -> Result<(), SearchError> {
        match (call.name.as_str(), &call.argument) {
            ("security_content_ctime", Some(argument)) => {
                let name = Spanned { text: argument.text.trim().to_owned(), range: argument.range.clone() };
                let column = self.column(cursor, &name)?;
                if column.kind() != StatsKind::Time {
                    return Err(cursor.error_at(&name, "a column that holds a time"));
                }
                column.time_form = TimeForm::WholeSeconds;
                Ok(())
            }
            (name, None) if name.ends_with("_filter") => Ok(()),
            _ => Err(cursor.error(call.range.clone(), EXPECTED_COMMAND)),
        }
    }

    /// A column that `stats` has made.
    fn column(&mut self, cursor: &Cursor<'_>, name: &Spanned) -> Result<&mut StatsColumn, SearchError> {
        let Some(stats) = &mut self.stats else {
            return Err(cursor.error_at(name, "a stats command before this"));
        };
        let place = column_place(cursor, stats, name)?;
        stats.columns.get_mut(place).ok_or_else(|| cursor.error_at(name, "a column"))
    }

    /// `table a b`, `fields a b`, `fields - a b`: of columns after `stats`, of fields before it. Without `stats` it changes nothing,
    /// as the table of matches has all fields.
    fn read_selection(&mut self, cursor: &mut Cursor<'_>, listed: Listed) -> Result<(), SearchError> {
        let mut names: Vec<Spanned> = Vec::new();
        let mut places = Vec::new();
        loop {
            let name = cursor.name()?;
            if names.iter().any(|known| known.text == name.text) {
                return Err(cursor.error_at(&name, format!("no second column named {}", name.text)));
            }
            match &self.stats {
                Some(stats) => places.push(column_place(cursor, stats, &name)?),
                None => _ = self.scope.require(cursor, &name)?,
            }
            names.push(name);
            if !comma(cursor) && cursor.at_end() {
                break;
            }
        }
        let Some(stats) = &mut self.stats else {
            self.scope.select(names.into_iter().map(|name| name.text).collect(), listed);
            return Ok(());
        };
        if listed == Listed::Removed {
            stats.shown.retain(|place| !places.contains(place));
        } else {
            stats.shown = places;
        }
        match (stats.shown.is_empty(), names.last()) {
            (true, Some(last)) => Err(cursor.error_at(last, "at least one column that is left")),
            _ => Ok(()),
        }
    }

    /// `rename a as b, c as d`: of columns after `stats`, of fields before it or without it.
    fn read_rename(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        loop {
            let old = cursor.name()?;
            let Some(new) = alias(cursor)? else { return Err(cursor.unexpected("`as` and the new name")) };
            if let Some(stats) = &self.stats {
                if old.text != new.text {
                    require_new_name(cursor, stats.columns(), &new)?;
                }
                self.column(cursor, &old)?.name = new.text;
            } else {
                let source = self.scope.require(cursor, &old)?;
                self.scope.rename(old.text, new.text, source);
            }
            if !comma(cursor) && cursor.at_end() {
                return Ok(());
            }
        }
    }

    /// `fillnull value=v a b`: what stands for fields that an event lacks; all fields if none is named.
    fn read_fillnull(&mut self, cursor: &mut Cursor<'_>, command: &Spanned) -> Result<(), SearchError> {
        if self.stats.is_some() {
            return Err(cursor.error_at(command, "fillnull only before stats"));
        }
        let mut fill = DEFAULT_FILL.to_owned();
        let mut ahead = cursor.clone();
        if ahead.eat_keyword(|word| word == "value") && ahead.eat("=") {
            fill = if ahead.peek() == Some('"') { ahead.quoted()? } else { ahead.bare(|_| false)? }.text;
            *cursor = ahead;
        }
        if cursor.at_end() {
            self.scope.fill = Some(fill);
            return Ok(());
        }
        while !cursor.at_end() {
            let name = cursor.name()?;
            let source = Source { fill: Some(fill.clone()), ..self.scope.require(cursor, &name)? };
            self.scope.names.push((name.text, Some(source)));
            comma(cursor);
        }
        Ok(())
    }

    /// `stats count min(f) as name … by a b`.
    fn read_stats(&mut self, cursor: &mut Cursor<'_>, command: &Spanned) -> Result<(), SearchError> {
        if self.stats.is_some() {
            return Err(cursor.error_at(command, "only one stats"));
        }
        let mut aggregates = Vec::new();
        let mut columns = Vec::new();
        loop {
            let column = self.aggregate(cursor)?;
            require_new_name(cursor, &aggregates, &column.0)?;
            require_room(cursor, &aggregates, &column.0)?;
            aggregates.push(column.1);
            if cursor.at_end() {
                break;
            }
            if cursor.eat_keyword(|word| word.eq_ignore_ascii_case("by")) {
                columns = self.by_columns(cursor)?;
                break;
            }
            comma(cursor);
        }
        for column in aggregates {
            let name = Spanned { text: column.name.clone(), range: command.range.clone() };
            require_new_name(cursor, &columns, &name)?;
            require_room(cursor, &columns, &name)?;
            columns.push(column);
        }
        self.stats = Some(Stats::new(columns));
        Ok(())
    }

    /// One aggregate, and its name and place.
    fn aggregate(&self, cursor: &mut Cursor<'_>) -> Result<(Spanned, StatsColumn), SearchError> {
        const EXPECTED: &str =
            "an aggregate: count, or count, dc, min, max, values, earliest or latest of a (field)";
        cursor.skip_space();
        let function = cursor.word();
        let content = if cursor.eat("(") {
            let name = cursor.name()?;
            let source = self.scope.require(cursor, &name)?;
            cursor.skip_space();
            if !cursor.eat(")") {
                return Err(cursor.unexpected("`)` after the field"));
            }
            match function.text.as_str() {
                "count" => Content::CountOf(source),
                "dc" | "distinct_count" => Content::DistinctCount(source),
                "values" => Content::Values(source),
                "min" => Content::Min(source),
                "max" => Content::Max(source),
                "earliest" => Content::Earliest(source),
                "latest" => Content::Latest(source),
                _ => return Err(cursor.error_at(&function, EXPECTED)),
            }
        } else if function.text == "count" {
            Content::Count
        } else {
            return Err(cursor.error_at(&function, EXPECTED));
        };
        let range = function.range.start..cursor.at();
        let written = cursor.written(range.clone()).to_owned();
        let name = alias(cursor)?.unwrap_or(Spanned { text: written, range });
        let column = StatsColumn { name: name.text.clone(), content, time_form: TimeForm::Instant };
        Ok((name, column))
    }

    /// The columns after `by`.
    fn by_columns(&self, cursor: &mut Cursor<'_>) -> Result<Vec<StatsColumn>, SearchError> {
        let mut columns = Vec::new();
        loop {
            let name = cursor.name()?;
            require_new_name(cursor, &columns, &name)?;
            require_room(cursor, &columns, &name)?;
            let content = Content::By(self.scope.require(cursor, &name)?);
            columns.push(StatsColumn { name: name.text, content, time_form: TimeForm::Instant });
            if !comma(cursor) && cursor.at_end() {
                return Ok(columns);
            }
        }
    }
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

/// The place of a column that the table has.
fn column_place(cursor: &Cursor<'_>, stats: &Stats, name: &Spanned) -> Result<usize, SearchError> {
    let is_named = |place: &usize| stats.columns.get(*place).is_some_and(|column| column.name == name.text);
    stats.shown.iter().copied().find(is_named).ok_or_else(|| {
        let names: Vec<&str> = stats.columns().map(StatsColumn::name).collect();
        cursor.error_at(name, format!("one of the columns {}", names.join(", ")))
    })
}

/// `as name`, if it is next.
fn alias(cursor: &mut Cursor<'_>) -> Result<Option<Spanned>, SearchError> {
    if cursor.eat_keyword(|word| word.eq_ignore_ascii_case("as")) {
        cursor.name().map(Some)
    } else {
        Ok(None)
    }
}

/// Goes past a comma, if it is next.
fn comma(cursor: &mut Cursor<'_>) -> bool {
    cursor.skip_space();
    cursor.eat(",")
}

/// A table cannot have two columns of one name.
fn require_new_name<'a>(
    cursor: &Cursor<'_>,
    columns: impl IntoIterator<Item = &'a StatsColumn>,
    name: &Spanned,
) -> Result<(), SearchError> {
    if columns.into_iter().all(|column| column.name != name.text) {
        return Ok(());
    }
    Err(cursor.error_at(name, format!("no second column named {}", name.text)))
}

/// One column more than there are may be too many.
fn require_room(cursor: &Cursor<'_>, columns: &[StatsColumn], name: &Spanned) -> Result<(), SearchError> {
    if columns.len() < MOST_COLUMNS {
        return Ok(());
    }
    Err(cursor.error_at(name, format!("at most {MOST_COLUMNS} columns")))
}
