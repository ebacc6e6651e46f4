//! Splunk's commands that select, rename and fill columns of a search's `stats` table, or event
//! fields if there is no table: `table`, `fields`, `rename` and `fillnull`.

use crate::detect::nearest::suggestion;
use crate::detect::splunk::names::NameResolver;
use crate::detect::splunk::pipeline::{Pipeline, column_place, comma, require_new_name, wildcard};
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, Token};
use crate::detect::stats::StatsKind;
use crate::detect::term::{Term, TermKind};

/// The text with which `fillnull` replaces absent values if the command has no `value=`. It is
/// Splunk's default.
const DEFAULT_FILL: &str = "0";

/// What Splunk's command `table`, `fields` or `fields -` does with the event fields or table
/// columns whose names follow it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FieldSelection {
    /// `table`: keeps the listed event fields or table columns, and removes all others.
    Table,
    /// `fields`: keeps the listed event fields or table columns and the field `_time`, and removes
    /// all others.
    Keep,
    /// `fields -`: removes the listed event fields or table columns, and keeps all others.
    Remove,
}

impl Pipeline<'_> {
    /// Reads the names after the command `table`, `fields` or `fields -`, and keeps or removes what
    /// they name: columns of the `stats` table if the search has an earlier command `stats`,
    /// otherwise event fields. Removing event fields only changes which names later commands can
    /// use; the matches that a sweep reports have all fields. A name that is listed twice is an
    /// error, and so is a `stats` table without a column left.
    pub(super) fn read_selection(
        &mut self,
        cursor: &mut Cursor<'_>,
        selection: FieldSelection,
    ) -> Result<(), SearchError> {
        let mut names: Vec<Token> = Vec::new();
        loop {
            let name = cursor.name_or_pattern()?;
            if names.iter().any(|known| known.text == name.text) {
                return Err(cursor.error_at(
                    &name,
                    format!("a column name other than {}, which the table already has", name.text),
                ));
            }
            names.push(name);
            if !comma(cursor) && cursor.at_end() {
                break;
            }
        }
        let Some(stats) = &mut self.stats else {
            let is_all = names.iter().any(|name| name.text.contains('*'));
            for name in names.iter().filter(|name| !name.text.contains('*')) {
                if self.scope.lookup(&name.text).is_none() && selection != FieldSelection::Remove {
                    let meant = suggestion(&name.text, self.scope.known_names());
                    self.note(format!("'{}' is not a field of a Sysmon DNS query{meant}", name.text));
                }
            }
            if !is_all {
                self.scope.select(names.into_iter().map(|name| name.text).collect(), selection);
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
            if found.is_empty() && selection != FieldSelection::Remove {
                missing.push(name.text.clone());
            }
            places.extend(found.into_iter().filter(|place| !places.contains(place)).collect::<Vec<_>>());
        }
        if selection == FieldSelection::Remove {
            stats.shown.retain(|place| !places.contains(place));
        } else {
            stats.shown = places;
        }
        if let (true, Some(last)) = (stats.shown.is_empty(), names.last()) {
            return Err(cursor.error_at(last, "at least one column that is left"));
        }
        for name in missing {
            let meant = suggestion(&name, known.iter().map(String::as_str));
            self.note(format!("'{name}' is not a column, so the table does not have it{meant}"));
        }
        Ok(())
    }

    /// Reads the pairs of names after the command `rename`, such as `a as b, c as d` or `a.* as *`,
    /// and renames what they name: columns of the `stats` table if the search has an earlier
    /// command `stats`, otherwise event fields.
    pub(super) fn read_rename(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
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

    /// Renames one column of the `stats` table, or one event field if there is no table, from `old`
    /// to `new`. If no column or field has the name `old`, nothing is renamed, and a note for the
    /// user says so.
    fn rename(&mut self, cursor: &Cursor<'_>, old: &Token, new: Token) -> Result<(), SearchError> {
        let Some(stats) = &mut self.stats else {
            if let Some(term) = self.scope.lookup(&old.text) {
                self.scope.names.push((old.text.clone(), None));
                self.scope.set(new.text, term);
            } else {
                let meant = self.suggestion(&old.text);
                self.note(format!(
                    "'{}' is not a field of a Sysmon DNS query, so it is not renamed{meant}",
                    old.text
                ));
            }
            return Ok(());
        };
        let Ok(place) = column_place(cursor, stats, old) else {
            let meant = self.suggestion(&old.text);
            self.note(format!("'{}' is not a column, so it is not renamed{meant}", old.text));
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

    /// Renames all columns of the `stats` table whose names match the pattern `old`; if there is no
    /// table, all event fields whose names match. In `new`, `*` stands for what the `*` of the
    /// pattern matches. Another column or field that already has one of the resulting names is
    /// replaced.
    pub(super) fn rename_all(&mut self, old: &str, new: &str) {
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

    /// Reads `value=v a b` after the command `fillnull`: the text `v` replaces absent values of the
    /// columns or event fields `a` and `b`. Without names, it replaces them in all text columns of
    /// the `stats` table or, if there is no table, in all event fields.
    pub(super) fn read_fillnull(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SearchError> {
        let mut fill = DEFAULT_FILL.to_owned();
        let mut ahead = cursor.clone();
        if ahead.eat_keyword(|word| word == "value") && ahead.eat("=") {
            fill = if ahead.peek() == Some('"') { ahead.quoted()? } else { ahead.bare(|_| false)? }.text;
            *cursor = ahead;
        }
        let filled = |term: Term| Term::from(TermKind::FillNull(term, fill.clone()));
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
                self.define(name, filled(Term::from(TermKind::Column(place))));
            }
            return Ok(());
        }
        while !cursor.at_end() {
            let name = cursor.name()?;
            // As in Splunk, an unknown field is filled, too.
            let term = self.term(cursor, &name).unwrap_or_else(|_| Term::from(TermKind::Absent));
            self.define(name.text, filled(term));
            comma(cursor);
        }
        Ok(())
    }
}

/// Reads the sign after Splunk's command `fields`. It says what happens to the fields that the
/// command lists: `-` removes them, `+` or no sign keeps them.
pub(super) fn fields_sign(cursor: &mut Cursor<'_>) -> FieldSelection {
    cursor.skip_space();
    if cursor.eat("-") {
        return FieldSelection::Remove;
    }
    cursor.eat("+");
    FieldSelection::Keep
}
