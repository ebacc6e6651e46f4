//! Splunk's commands that sort and limit the rows of a search's `stats` table (`sort`, `dedup` and
//! `head`), and the command `convert`, which formats times.

use crate::detect::splunk::names::NameResolver;
use crate::detect::splunk::pipeline::{Pipeline, comma, wildcard};
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, Token};
use crate::detect::stats::rows::{RowStep, SortBy, SortKey};
use crate::detect::stats::{StatsColumn, StatsKind};
use crate::detect::term::{Term, TermKind};

/// The time format of the command `convert` if the command has no `timeformat=`. It is Splunk's
/// default.
const DEFAULT_TIME_FORM: &str = "%m/%d/%Y %H:%M:%S";
/// The number of rows of the `stats` table that the command `head` keeps if it states no number.
const DEFAULT_HEAD: usize = 10;

impl Pipeline<'_> {
    /// Reads what follows the command `sort`, such as `10 - a, b`: the number of rows to keep, and
    /// the columns of the `stats` table to sort by. If the search has no earlier command `stats`,
    /// nothing is sorted or left out, because a sweep writes all matches in the order of the
    /// evidence.
    pub fn read_sort(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        cursor.skip_space();
        let mut ahead = cursor.clone();
        ahead.eat_keyword(|word| word == "limit");
        ahead.eat("=");
        let limit = ahead.take_while(|next| next.is_ascii_digit());
        let most = limit.text.parse::<usize>().ok();
        if most.is_some() {
            *cursor = ahead;
        }
        let mut keys: Vec<SortKey> = Vec::new();
        while !cursor.at_end() {
            if let Some(key) = self.sort_key(cursor)? {
                keys.push(key);
            }
            comma(cursor);
            let mut ahead = cursor.clone();
            if ahead.eat_keyword(|word| matches!(word, "d" | "desc")) && ahead.at_end() {
                *cursor = ahead;
                for key in &mut keys {
                    key.descending = !key.descending;
                }
            }
        }
        // Zero means no limit.
        let most = most.filter(|most| *most > 0);
        match &mut self.stats {
            Some(stats) => stats.steps.push(RowStep::Sort { keys, most }),
            None if most.is_some() => self.note_limiting("sort"),
            None => {}
        }
        Ok(())
    }

    /// Reads one column after the command `sort`: its sign (`-` for descending), the type of the
    /// comparison, such as `num` in `num(a)`, and its name. `None` if there is no `stats` table, or
    /// if it has no column of this name; rows are then not sorted by this key.
    fn sort_key(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<SortKey>, SearchError> {
        cursor.skip_space();
        let descending = cursor.eat("-");
        if !descending {
            cursor.eat("+");
        }
        cursor.skip_space();
        let mut name = match cursor.peek() {
            Some('"' | '\'') => cursor.name()?,
            _ => cursor.word(),
        };
        let mut by = SortBy::Automatic;
        if cursor.eat("(") {
            by = match name.text.as_str() {
                "num" => SortBy::Number,
                "str" => SortBy::Text,
                "ip" => SortBy::Address,
                "auto" => SortBy::Automatic,
                _ => {
                    return Err(
                        cursor.error_at(&name, "auto(column), ip(column), num(column) or str(column)")
                    );
                }
            };
            name = cursor.name()?;
            cursor.skip_space();
            if !cursor.eat(")") {
                return Err(cursor.unexpected("`)` after the column"));
            }
        }
        if name.text.is_empty() {
            return Err(cursor.error_at(&name, "a column to sort by"));
        }
        match self.term(cursor, &name).map(|term| term.kind().clone()) {
            Ok(TermKind::Column(column)) => Ok(Some(SortKey { column, descending, by })),
            Ok(_) => Ok(None),
            Err(_) => {
                let meant = self.suggestion(&name.text);
                self.note(format!(
                    "'{}' is not a field or column, so rows are not sorted by it{meant}",
                    name.text
                ));
                Ok(None)
            }
        }
    }

    /// Reads what follows the command `dedup`, such as `3 a b keepempty=true sortby -c`: how many
    /// rows with the same values in the columns `a` and `b` are kept, options, and columns to sort
    /// by. If the search has no earlier command `stats`, no event is left out.
    pub fn read_dedup(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        cursor.skip_space();
        let most = cursor.take_while(|next| next.is_ascii_digit()).text.parse::<usize>().unwrap_or(1);
        let (mut keep_empty, mut keep_events, mut consecutive) = (false, false, false);
        let mut columns = Vec::new();
        let mut keys = Vec::new();
        while !cursor.at_end() {
            let name = cursor.name()?;
            let option = match name.text.as_str() {
                "keepempty" => Some(&mut keep_empty),
                "keepevents" => Some(&mut keep_events),
                "consecutive" => Some(&mut consecutive),
                _ => None,
            };
            let mut ahead = cursor.clone();
            ahead.skip_space();
            if let Some(option) = option
                && ahead.eat("=")
            {
                ahead.skip_space();
                *option = matches!(ahead.word().text.to_ascii_lowercase().as_str(), "true" | "t" | "1");
                *cursor = ahead;
            } else if name.text == "sortby" {
                while !cursor.at_end() {
                    keys.extend(self.sort_key(cursor)?);
                    comma(cursor);
                }
            } else if let TermKind::Column(place) = self.term(cursor, &name)?.kind() {
                columns.push(*place);
            }
            comma(cursor);
        }
        let Some(stats) = &mut self.stats else {
            self.note_limiting("dedup");
            return Ok(());
        };
        if columns.is_empty() {
            return Err(cursor.unexpected("at least one column"));
        }
        // `sortby` comes first: it decides which of the equal rows is the first, which stays.
        if !keys.is_empty() {
            stats.steps.push(RowStep::Sort { keys, most: None });
        }
        if keep_events {
            self.note("`dedup` with keepevents=true keeps all rows, with all their values".to_owned());
        } else {
            stats.steps.push(RowStep::Dedup { columns, most: most.max(1), keep_empty, consecutive });
        }
        Ok(())
    }

    /// Reads what follows the command `head`, such as `10` or `limit=10`: the number of rows of the
    /// `stats` table to keep. If the search has no earlier command `stats`, no event is left out.
    pub fn read_head(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        let mut ahead = cursor.clone();
        if ahead.eat_keyword(|word| word == "limit") && ahead.eat("=") {
            *cursor = ahead;
        }
        cursor.skip_space();
        let digits = cursor.take_while(|next| next.is_ascii_digit());
        if !cursor.at_end() {
            return Err(cursor.unexpected("a number of rows"));
        }
        let most =
            if digits.text.is_empty() { DEFAULT_HEAD } else { digits.text.parse().unwrap_or(usize::MAX) };
        match &mut self.stats {
            Some(stats) => stats.steps.push(RowStep::Head(most)),
            None => self.note_limiting("head"),
        }
        Ok(())
    }

    /// Adds a note for the user that `command` is not applied, because there is no command `stats`
    /// before it. In Splunk, the command keeps only some events by their order; a sweep keeps all
    /// matches. Sets `limiting_command` to the first command for which this is called.
    fn note_limiting(&mut self, command: &'static str) {
        self.note(format!("`{command}` is not applied to events: all matches are kept"));
        self.limiting_command.get_or_insert(command);
    }

    /// Reads `timeformat="…" ctime(a) as b ctime(*c)` after the command `convert`, and formats the
    /// times in these columns or event fields as text.
    pub fn read_convert(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        let mut form = DEFAULT_TIME_FORM.to_owned();
        let mut printed = Vec::new();
        while printed.is_empty() || !cursor.at_end() {
            if let Some(own) = time_form(cursor)? {
                form = own;
                continue;
            }
            cursor.skip_space();
            let function = cursor.word();
            if function.text != "ctime" || !cursor.eat("(") {
                return Err(
                    cursor.error_at(&function, "ctime(column), with or without timeformat=\"…\" before it")
                );
            }
            let name = cursor.name_or_pattern()?;
            cursor.skip_space();
            if !cursor.eat(")") {
                return Err(cursor.unexpected("`)` after the column"));
            }
            let new = match alias_or_pattern(cursor)? {
                Some(new) if new.text.contains('*') && !name.text.contains('*') => {
                    return Err(cursor.error_at(&new, "a name (without wildcards)"));
                }
                new => new,
            };
            printed.push((name, new));
            comma(cursor);
        }
        for (name, new) in printed {
            if name.text.contains('*') {
                self.print_times_like(cursor, &name, new.as_ref(), &form)?;
            } else {
                let new = new.map_or_else(|| name.text.clone(), |new| new.text);
                self.print_time(cursor, &name, new, &form)?;
            }
        }
        Ok(())
    }

    /// Formats the times in all columns of the `stats` table whose names match `pattern`; if there
    /// is no table, in all event fields whose names match. `new` is the pattern of the new names;
    /// `None` keeps the names. `form` is the time format.
    fn print_times_like(
        &mut self,
        cursor: &Cursor<'_>,
        pattern: &Token,
        new: Option<&Token>,
        form: &str,
    ) -> Result<(), SearchError> {
        let holds_time = |column: &&StatsColumn| matches!(column.kind(), StatsKind::Text | StatsKind::Time);
        let mut names: Vec<String> = if let Some(stats) = &self.stats {
            stats.columns().filter(holds_time).map(|column| column.name().to_owned()).collect()
        } else {
            let is_time = |name: &&str| self.scope.lookup(name).is_some_and(|term| is_time(&term));
            self.scope.known_names().filter(is_time).map(str::to_owned).collect()
        };
        names.retain(|name| wildcard(&pattern.text, name).is_some());
        if names.is_empty() {
            self.note(format!("no column matches '{}', so none is formatted as a time", pattern.text));
        }
        for name in names {
            let middle = wildcard(&pattern.text, &name).unwrap_or_default();
            let new = new.map_or_else(|| name.clone(), |new| new.text.replacen('*', middle, 1));
            let name = Token { text: name.clone(), range: pattern.range.clone() };
            self.print_time(cursor, &name, new, form)?;
        }
        Ok(())
    }
}

/// Reads `as name` or `as *name` after a column in the command `convert`, and returns the new name;
/// `None` if `as` is not next.
fn alias_or_pattern(cursor: &mut Cursor<'_>) -> Result<Option<Token>, SearchError> {
    let is_next = cursor.eat_keyword(|word| word.eq_ignore_ascii_case("as"));
    is_next.then(|| cursor.name_or_pattern()).transpose()
}

/// Returns true if a term can have times as values. This is so for the field `_time`, and for every
/// computed term.
fn is_time(term: &Term) -> bool {
    term.is_time() || term.as_field().is_none()
}

/// Reads the option `timeformat="…"` of the command `convert`, and returns the time format; `None`
/// if the option is not next.
fn time_form(cursor: &mut Cursor<'_>) -> Result<Option<String>, SearchError> {
    let mut ahead = cursor.clone();
    if !ahead.eat_keyword(|word| word == "timeformat") {
        return Ok(None);
    }
    ahead.skip_space();
    if !ahead.eat("=") {
        return Ok(None);
    }
    ahead.skip_space();
    let text = if ahead.peek() == Some('"') { ahead.quoted()? } else { ahead.bare(|_| false)? };
    if crate::event::EventTime::from_ticks(0).formatted(&text.text).is_none() {
        return Err(ahead.error_at(&text, "a time format such as \"%Y-%m-%d %H:%M:%S\""));
    }
    *cursor = ahead;
    comma(cursor);
    Ok(Some(text.text))
}
