//! Reads the values in a search's conditions: the value after an operator such as `=`, or those in
//! a list after `IN`.

use crate::detect::splunk::head::is_operator;
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, Token};

/// Where in a search's condition a value stands: after an operator, or in a list. This decides
/// whether a comma ends the value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(in crate::detect) enum ValueContext {
    /// The value is after `=` or another operator, where a comma is part of the value.
    Alone,
    /// The value is in the list after `IN`, where a comma ends the value.
    InList,
}

/// Reads the list of values after the operator `IN` of a search, such as `(a, b)`.
pub(in crate::detect) fn list(cursor: &mut Cursor<'_>) -> Result<Vec<Token>, SearchError> {
    cursor.skip_space();
    if !cursor.eat("(") {
        return Err(cursor.unexpected("`(` and a list of values after IN"));
    }
    let mut items = Vec::new();
    loop {
        items.push(value(cursor, ValueContext::InList)?);
        cursor.skip_space();
        if cursor.eat(")") {
            return Ok(items);
        }
        if !cursor.eat(",") {
            return Err(cursor.unexpected("`,` or `)` in a list of values"));
        }
    }
}

/// Reads the value after an operator of a search, or in a list after `IN`, with or without quotes.
/// `place` says which of the two it is: only in a list, a comma ends a value without quotes.
pub(in crate::detect) fn value(cursor: &mut Cursor<'_>, place: ValueContext) -> Result<Token, SearchError> {
    const EXPECTED: &str = "a value";
    cursor.skip_space();
    let value = match cursor.peek() {
        Some('"') => match doubly_quoted(cursor) {
            Some(value) => value,
            None => cursor.quoted()?,
        },
        Some('=' | '!' | '<' | '>') => return Err(cursor.unexpected(EXPECTED)),
        Some('[') => return Err(cursor.unexpected("a value (subsearches are not supported)")),
        _ => {
            let bare = cursor.bare(|character| character == ',' && place == ValueContext::InList)?;
            if bare.text.starts_with(['“', '”', '„', '‘', '’']) {
                return Err(cursor.error_at(&bare, "a value in straight quotes (\")"));
            }
            if bare.text.is_empty() || is_operator(&bare.text) {
                return Err(cursor.error_at(&bare, "a value (in quotes if it is this word)"));
            }
            bare
        }
    };
    if ends_here(cursor, place) { Ok(value) } else { Err(cursor.unexpected("a blank after the value")) }
}

/// Returns true if a value can end at the cursor: before a blank, a closing parenthesis or the end
/// of the text, and also before a comma if `place` is a list.
fn ends_here(cursor: &Cursor<'_>, place: ValueContext) -> bool {
    let ends =
        |next: char| next.is_whitespace() || next == ')' || (next == ',' && place == ValueContext::InList);
    cursor.peek().is_none_or(ends)
}

/// Reads a value in doubled quotes, `""value""`, which some published rules have. `None` if no such
/// value is next; then the cursor does not move.
fn doubly_quoted(cursor: &mut Cursor<'_>) -> Option<Token> {
    let mut ahead = cursor.clone();
    let start = ahead.at();
    if !ahead.eat("\"\"") {
        return None;
    }
    let inside = ahead.take_while(|next| !next.is_whitespace() && !"\"(),`|".contains(next));
    if inside.text.is_empty() || !ahead.eat("\"\"") {
        return None;
    }
    let range = start..ahead.at();
    *cursor = ahead;
    Some(Token { text: inside.text, range })
}

/// Reads a point in time after a name such as `earliest` in a search: `-24h@h`, `@d`,
/// `"03/01/2025:00:00:00"` or `now()`.
pub(in crate::detect) fn time(cursor: &mut Cursor<'_>) -> Result<Token, SearchError> {
    cursor.skip_space();
    if cursor.peek() == Some('"') {
        return value(cursor, ValueContext::Alone);
    }
    let start = cursor.at();
    let mut bound = cursor.bare(|_| false)?;
    if !bound.text.is_empty() && cursor.eat("(") {
        cursor.take_while(|next| !"()|".contains(next));
        if !cursor.eat(")") {
            return Err(cursor.unexpected("`)` after the time"));
        }
        bound.range = start..cursor.at();
    }
    if bound.text.is_empty() || !ends_here(cursor, ValueContext::Alone) {
        return Err(cursor.error_at(&bound, "a time such as -24h@h or now()"));
    }
    Ok(bound)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_in_doubled_quotes_lose_them() {
        let text = r#"("*a*", ""*b*"",""c"" , "", "d")"#;
        let values: Vec<String> = list(&mut Cursor::new(text, 0..text.len()))
            .unwrap()
            .into_iter()
            .map(|value| value.text)
            .collect();
        assert_eq!(values, ["*a*", "*b*", "c", "", "d"]);
        for wrong in [r#"(""a")"#, r#"(""a b"")"#, r#"("a""b")"#] {
            assert!(list(&mut Cursor::new(wrong, 0..wrong.len())).is_err(), "{wrong}");
        }
    }

    #[test]
    fn bounds_of_time() {
        for (text, expected) in [
            ("-24h@h", true),
            ("@d", true),
            ("@w1", true),
            ("now", true),
            ("now() x", true),
            ("now())", true),
            ("1700000000", true),
            ("\"03/01/2025:00:00:00\"", true),
            ("relative_time(now, \"-1d\")", true),
            ("", false),
            ("now(", false),
            ("now()x", false),
        ] {
            assert_eq!(time(&mut Cursor::new(text, 0..text.len())).is_ok(), expected, "{text}");
        }
    }
}
