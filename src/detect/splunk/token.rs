//! Reads the text of a search from left to right: words, quoted and bare values, and macro calls.
//! It also makes the errors ([`SearchError`]), with their places.
//! [`crate::detect::splunk::head`] and [`crate::detect::splunk::pipeline`] give meaning to the
//! words.

use std::ops::Range;

use crate::detect::splunk::search_error::{SearchError, SearchReason, short};

/// The largest number of characters of a search that an error message quotes.
const LONGEST_QUOTE: usize = 60;
/// The largest number of characters of a search that an error message quotes to show where a
/// parenthesis opens that is not closed.
const SHORT_QUOTE: usize = 20;

/// A word, a name or a value of a search, with its place in the text of the search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) struct Token {
    /// The text of the token. Quotes around a value are left out, and escapes are resolved.
    pub text: String,
    /// The range of bytes of the search that the token was read from, including quotes and escapes.
    pub range: Range<usize>,
}

/// A call of a macro in a Splunk search: `` `name` `` or `` `name(argument)` ``.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::detect) struct MacroCall {
    /// The name of the macro that is called.
    pub name: String,
    /// The text between the parentheses of the macro call; `None` if it has no parentheses.
    pub argument: Option<Token>,
    /// The range of bytes of the search that the macro call covers, including the backticks.
    pub range: Range<usize>,
}

/// A reading position in one part of a Splunk search. The parts of a search are separated by `|`.
#[derive(Debug, Clone)]
pub(in crate::detect) struct Cursor<'a> {
    text: &'a str,
    /// The reading position, in bytes from the start of the text of the whole search.
    at: usize,
    /// The end of the part of the search that the cursor reads (parts are separated by `|`), in
    /// bytes from the start of the text of the whole search.
    end: usize,
}

impl<'a> Cursor<'a> {
    /// Creates a cursor at the start of one part of the search `text` (parts are separated by `|`).
    /// `part` is the range of bytes of this part.
    pub fn new(text: &'a str, part: Range<usize>) -> Self {
        Cursor { text, at: part.start, end: part.end }
    }

    /// Returns the reading position, in bytes from the start of the text of the whole search.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Returns the text from the reading position to the end of the part of the search.
    fn rest(&self) -> &'a str {
        self.text.get(self.at..self.end).unwrap_or_default()
    }

    /// Returns the next character, and does not move the reading position; `None` at the end of the
    /// part of the search.
    pub fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    /// Skips blanks, and returns true if the cursor is then at the end of its part of the search.
    pub fn at_end(&mut self) -> bool {
        self.skip_space();
        self.peek().is_none()
    }

    /// Moves the reading position past blanks.
    pub fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    /// Moves the reading position past `text` if the search has this text next, and returns true.
    /// Otherwise returns false, and the position stays.
    pub fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    /// Skips blanks, and then the next word if `is_keyword` accepts it. Returns true if the word
    /// was skipped; otherwise only the blanks were skipped.
    pub fn eat_keyword(&mut self, is_keyword: impl Fn(&str) -> bool) -> bool {
        self.skip_space();
        let mut ahead = self.clone();
        let found = is_keyword(&ahead.word().text);
        if found {
            *self = ahead;
        }
        found
    }

    /// Reads a word: the characters up to the next blank, parenthesis, double quote, backtick,
    /// comma, `|`, `=`, `!`, `<` or `>`. The token is empty if one of these is next.
    pub fn word(&mut self) -> Token {
        self.take_while(|character| !character.is_whitespace() && !"()\"`,|=!<>".contains(character))
    }

    /// Reads the next characters, up to the first for which `wanted` is false. The token is empty
    /// if `wanted` is false for the next character.
    pub fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> Token {
        let rest = self.rest();
        let length = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        let range = self.at..self.at + length;
        self.at = range.end;
        Token { text: self.text.get(range.clone()).unwrap_or_default().to_owned(), range }
    }

    /// Reads the letters, digits and underscores that are next in the search. The token is empty if
    /// none is next.
    pub fn identifier(&mut self) -> Token {
        self.take_while(|character| character.is_alphanumeric() || character == '_')
    }

    /// Moves the reading position past one character.
    pub fn skip_character(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    /// Reads a name in single quotes. The cursor must be at the opening quote. The error is that
    /// the closing quote or the name is missing.
    pub fn single_quoted(&mut self) -> Result<Token, SearchError> {
        let start = self.at;
        self.eat("'");
        let inside = self.take_while(|character| character != '\'');
        if !self.eat("'") || inside.text.is_empty() {
            return Err(self.error(start..self.end, "a name and a closing quote for the one that opens here"));
        }
        Ok(Token { text: inside.text, range: start..self.at })
    }

    /// Reads a text in double quotes, and resolves its escapes. The cursor must be at the opening
    /// quote. The error is that the closing quote is missing.
    pub fn quoted(&mut self) -> Result<Token, SearchError> {
        let start = self.at;
        let length = quoted_length(self.rest())
            .ok_or_else(|| self.error(start..self.end, "a closing quote for the one that opens here"))?;
        self.at += length;
        let inside = self.text.get(start + 1..self.at - 1).unwrap_or_default();
        Ok(Token { text: unescape(inside), range: start..self.at })
    }

    /// Reads a value of a search that has no quotes, up to a blank, a parenthesis or a character
    /// for which `stops` is true. The token is empty if one of these is next. A backtick in the
    /// value, or a double quote without a backslash before it, is an error.
    pub fn bare(&mut self, stops: impl Fn(char) -> bool) -> Result<Token, SearchError> {
        let value = self.take_while(|character| {
            !character.is_whitespace() && !"()".contains(character) && !stops(character)
        });
        if has_unescaped_quote(&value.text) || value.text.contains('`') {
            return Err(self.error(value.range, "quotes around the whole value"));
        }
        Ok(Token { text: unescape(&value.text), range: value.range })
    }

    /// Reads the name of a field or column, quoted or bare. A missing name, or one with the
    /// wildcard `*`, is an error.
    pub fn name(&mut self) -> Result<Token, SearchError> {
        let name = self.name_or_pattern()?;
        if name.text.is_empty() || name.text.contains('*') {
            return Err(self.error_here(name.range.start, "a field name (without wildcards)"));
        }
        Ok(name)
    }

    /// Reads the name of a field or column, quoted or bare, which can contain the wildcard `*`. A
    /// missing name is an error.
    pub fn name_or_pattern(&mut self) -> Result<Token, SearchError> {
        self.skip_space();
        let name = match self.peek() {
            Some('"') => self.quoted()?,
            Some('\'') => self.single_quoted()?,
            _ => self.word(),
        };
        if name.text.is_empty() {
            return Err(self.error_here(name.range.start, "a field name"));
        }
        Ok(name)
    }

    /// Reads a macro call, such as `` `name(argument)` ``. The cursor must be at the opening
    /// backtick.
    pub fn macro_call(&mut self) -> Result<MacroCall, SearchError> {
        let start = self.at;
        self.eat("`");
        let inside = self.take_while(|character| character != '`');
        if !self.eat("`") {
            return Err(self.error(start..self.end, "a closing backtick for the one that opens here"));
        }
        let range = start..self.at;
        let Some((name, rest)) = inside.text.split_once('(') else {
            return Ok(MacroCall { name: inside.text, argument: None, range });
        };
        let Some(argument) = rest.strip_suffix(')') else {
            return Err(self.error(range, "a macro call `name` or `name(argument)`"));
        };
        let argument_start = inside.range.start + name.len() + 1;
        let argument =
            Token { text: argument.to_owned(), range: argument_start..argument_start + argument.len() };
        Ok(MacroCall { name: name.to_owned(), argument: Some(argument), range })
    }

    /// Returns the text in a range of bytes of the search.
    pub fn text_of(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or_default()
    }

    /// Returns the first characters of the text at the byte `at` of the search, in quotes, for an
    /// error message.
    pub fn excerpt(&self, at: usize) -> String {
        let rest = self.text.get(at..self.end).unwrap_or_default();
        let cut = rest.char_indices().nth(SHORT_QUOTE).map(|(length, _)| length);
        let shown = rest.get(..cut.unwrap_or(rest.len())).unwrap_or_default();
        format!("'{}{}'", shown.trim_end(), if cut.is_some() { "…" } else { "" })
    }

    /// Returns an error at the reading position. `expected` says in words what should be there. The
    /// error quotes the text that is there.
    pub fn unexpected(&self, expected: impl Into<String>) -> SearchError {
        self.error_here(self.at, expected)
    }

    /// Returns an error at the place of the token `word`. `expected` says in words what should be
    /// there. The error quotes the word; if it is empty, the text that follows in the search.
    pub fn error_at(&self, word: &Token, expected: impl Into<String>) -> SearchError {
        if word.range.is_empty() {
            self.error_here(word.range.start, expected)
        } else {
            self.error(word.range.clone(), expected)
        }
    }

    /// Returns an error at the byte `at` of the search's text. `expected` says in words what should
    /// be there. The error quotes the word or the quoted text that begins there.
    fn error_here(&self, at: usize, expected: impl Into<String>) -> SearchError {
        let rest = self.text.get(at..).unwrap_or_default();
        let quoted = rest.starts_with('"').then(|| quoted_length(rest)).flatten();
        let word = rest.find(|character: char| character.is_whitespace() || "()\"`,|".contains(character));
        let first = rest.chars().next().map_or(0, char::len_utf8);
        let length = quoted.or(word).unwrap_or(rest.len()).max(first);
        self.error(at..at + length, expected)
    }

    /// Returns an error at the start of `found`, a range of bytes of the search. `expected` says in
    /// words what should be there. The error quotes the text of the range; if the range is empty,
    /// it says that the search ends there.
    pub fn error(&self, found: Range<usize>, expected: impl Into<String>) -> SearchError {
        let before = self.text.get(..found.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let quote = self.text.get(found.clone()).unwrap_or_default();
        let shown: String = quote.chars().take(LONGEST_QUOTE).collect();
        let cut = if shown.len() < quote.len() { "…" } else { "" };
        SearchError {
            offset: found.start,
            line: short(before.matches('\n').count() + 1),
            column: short(before.get(line_start..).unwrap_or_default().chars().count() + 1),
            expected: expected.into(),
            found: if shown.is_empty() {
                "the end of the search".to_owned()
            } else {
                format!("'{shown}{cut}'")
            },
            nearest: None,
            in_file: false,
            reason: SearchReason::NotUnderstood,
        }
    }
}

/// Splits a search at each `|`, and returns the ranges of bytes between them. A `|` in quotes, in a
/// macro call or after a backslash does not count. A quote or a macro call that is not closed is an
/// error.
pub(in crate::detect) fn split_at_pipes(text: &str) -> Result<Vec<Range<usize>>, SearchError> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
        let mut cursor = Cursor::new(text, at..text.len());
        match character {
            '"' => at = cursor.quoted()?.range.end,
            '`' => at = cursor.macro_call()?.range.end,
            '\\' => at += 1 + cursor.rest().chars().nth(1).map_or(0, char::len_utf8),
            '|' => {
                parts.push(start..at);
                at += 1;
                start = at;
            }
            _ => at += character.len_utf8(),
        }
    }
    parts.push(start..text.len());
    Ok(parts)
}

/// Returns the length in bytes of the quoted text at the start of `text`, including both quotes;
/// `None` if the closing quote is missing.
fn quoted_length(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, character) in text.char_indices().skip(1) {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// Returns true if a value without quotes around it contains a `"` that has no backslash before it.
fn has_unescaped_quote(text: &str) -> bool {
    let mut escaped = false;
    for character in text.chars() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return true,
            _ => {}
        }
    }
    false
}

/// Resolves the escapes `\\`, `\"` and `\|` of a value. As in Splunk, any other backslash stays,
/// also one before a `*`, because wildcards cannot be escaped.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let escaped = characters.next_if(|next| character == '\\' && "\\\"|".contains(*next));
        plain.push(escaped.unwrap_or(character));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::yaml::LineColumn;

    #[test]
    fn backslashes() {
        for (text, plain) in [
            (r"*\\temp\\*", r"*\temp\*"),
            (r"*\temp\*", r"*\temp\*"),
            (r#"say \"hi\""#, r#"say "hi""#),
            (r"a\|b", "a|b"),
            (r"\\\\srv", r"\\srv"),
            (r"end\\", r"end\"),
        ] {
            assert_eq!(unescape(text), plain, "{text}");
        }
    }

    #[test]
    fn pipes_in_quotes_and_macros_separate_nothing() {
        let parts = |text: &str| {
            split_at_pipes(text)
                .map(|parts| parts.into_iter().map(|part| text[part].to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(parts("a|b").unwrap(), ["a", "b"]);
        assert_eq!(parts(r#"a="x|y" | `m(p|q)` | c\|d"#).unwrap(), [r#"a="x|y" "#, " `m(p|q)` ", r" c\|d"]);
        assert_eq!(parts(r#"a="\"|" | b"#).unwrap(), [r#"a="\"|" "#, " b"]);
        assert_eq!(parts("a|").unwrap(), ["a", ""]);
        assert_eq!(parts("a=\"b | c").unwrap_err().offset, 2);
        assert_eq!(parts("a | `b").unwrap_err().offset, 4);
    }

    #[test]
    fn places_are_bytes_lines_and_columns() {
        let text = "é\n é=x";
        let error = Cursor::new(text, 0..text.len()).error(4..6, "nothing");
        assert_eq!((error.offset, error.line, error.column), (4, 2, 2));
        assert_eq!(error.to_string(), "line 2, column 2 (byte 4) of the search: expected nothing, found 'é'");
        let error = error.near("Usr", ["Image", "User"]).in_file(LineColumn { line: 7, column: 9 });
        assert_eq!(error.to_string(), "line 7, column 9: expected nothing, found 'é'; did you mean 'User'?");
    }
}
