//! Removes the comments of a search and expands its macros: a macro's text replaces each call.
//! Errors in the expanded text are mapped back to the search as written.

use std::borrow::Cow;
use std::ops::Range;

use crate::detect::splunk::library::Library;
use crate::detect::splunk::origin::is_macro_of_other_data;
use crate::detect::splunk::pipeline::EXPECTED_MACRO;
use crate::detect::splunk::search_error::SearchError;
use crate::detect::splunk::token::{Cursor, MacroCall};

/// The largest length of a search after its macros are expanded, in bytes. A longer search is
/// refused, because macros that call macros can fill the memory.
const MOST_BYTES: usize = 1 << 20;
/// The largest nesting depth of macro calls. A search with deeper calls is refused, because it
/// could exhaust the stack.
const DEEPEST_MACRO: usize = 16;
/// The names of the macros that dnsweep implements itself, to suggest one for a misspelt name.
const BUILT_IN: [&str; 5] = [
    "sysmon",
    "security_content_ctime",
    "security_content_summariesonly",
    "summariesonly",
    "drop_dm_object_name",
];
/// The delimiter at the start and at the end of a comment in SPL, Splunk's search language.
const COMMENT: &str = "```";

/// A search without comments and with its macros expanded. The only macro calls that are left are
/// of macros that the parser implements itself, of macros `…_filter` that the site does not define,
/// or of macros that select data other than Sysmon's events.
#[derive(Debug)]
pub(in crate::detect) struct Expansion<'a> {
    /// The text of the search as the rule's author wrote it, with its comments and macro calls.
    original: &'a str,
    /// The text of the search without comments, and with its macros expanded.
    pub text: String,
    /// The spans of the expanded text of the search, in order, without gaps. They say from where in
    /// the search as written each byte comes.
    spans: Vec<ExpandedSpan>,
}

/// A span of the text of a search whose macros are expanded, with the place in the search as
/// written from which it came. It ends where the next span starts.
#[derive(Debug)]
struct ExpandedSpan {
    /// The position in the expanded text of the search at which the span starts, in bytes.
    start: usize,
    /// The range of bytes, in the search as written, that the span came from: the same text, or the
    /// macro call that the span replaces.
    original: Range<usize>,
    /// The name of the macro from whose text the span came; `None` if the span was written in the
    /// search itself.
    from_macro: Option<String>,
}

impl<'a> Expansion<'a> {
    /// Removes the comments of the search `original`, and expands its macros, whose texts come from
    /// `library`.
    pub fn new(original: &'a str, library: &dyn Library) -> Result<Self, SearchError> {
        let mut expansion = Expansion { original, text: String::new(), spans: Vec::new() };
        expansion.add(original, library, &mut Vec::new(), None)?;
        Ok(expansion)
    }

    /// Appends a text to the expanded search, without its comments and with its macros expanded.
    /// `called` is `None` if the text is the search as written. If it is the text of a macro,
    /// `called` is the range of bytes, in the search as written, of the call that led to it.
    /// `inside` are the names of the macros that are being expanded, outermost first.
    fn add(
        &mut self,
        text: &str,
        library: &dyn Library,
        inside: &mut Vec<String>,
        called: Option<&Range<usize>>,
    ) -> Result<(), SearchError> {
        let mut at = 0;
        let mut plain = 0;
        while let Some(character) = text.get(at..).and_then(|rest| rest.chars().next()) {
            let mut cursor = Cursor::new(text, at..text.len());
            match character {
                '"' => {
                    at = cursor.quoted().map_err(|error| self.locate(error, called, inside))?.range.end;
                }
                '\\' => {
                    let escaped = text.get(at + 1..).and_then(|rest| rest.chars().next());
                    at += 1 + escaped.map_or(0, char::len_utf8);
                }
                '`' => {
                    self.push(text, plain..at, called, inside);
                    if let Some(comment) = text.get(at..).and_then(|rest| rest.strip_prefix(COMMENT)) {
                        let Some(length) = comment.find(COMMENT) else {
                            let error = cursor.error(
                                at..text.len(),
                                "three closing backticks for the comment that begins here",
                            );
                            return Err(self.locate(error, called, inside));
                        };
                        self.text.push(' ');
                        at += length + 2 * COMMENT.len();
                    } else {
                        let call = cursor.macro_call().map_err(|error| self.locate(error, called, inside))?;
                        at = call.range.end;
                        let place = called.cloned().unwrap_or_else(|| call.range.clone());
                        self.call(&cursor, &call, library, inside, &place)?;
                    }
                    plain = at;
                }
                _ => at += character.len_utf8(),
            }
        }
        self.push(text, plain..text.len(), called, inside);
        if self.text.len() > MOST_BYTES {
            let error = self.original_error(
                called.cloned().unwrap_or(0..1),
                format!("a search of at most {MOST_BYTES} bytes after its macros are expanded"),
            );
            return Err(error);
        }
        Ok(())
    }

    /// Appends the text that replaces a macro call to the expanded search, with the macros in it
    /// expanded. The call of a macro that the parser implements itself stays a call. `cursor` reads
    /// the text with the call. `place` is the call's range of bytes in the search as written; if
    /// the call is in the text of a macro, it is the range of the outermost call. `inside` are the
    /// names of the macros that are being expanded.
    fn call(
        &mut self,
        cursor: &Cursor<'_>,
        call: &MacroCall,
        library: &dyn Library,
        inside: &mut Vec<String>,
        place: &Range<usize>,
    ) -> Result<(), SearchError> {
        let wrong = |expansion: &Self, expected: String| expansion.original_error(place.clone(), expected);
        match call.name.as_str() {
            // The meaning of these macros is built in, whatever a site's files say.
            "sysmon" | "security_content_ctime" | "drop_dm_object_name" => {
                self.push_as(cursor.text_of(call.range.clone()), place, inside);
                return Ok(());
            }
            "security_content_summariesonly" | "summariesonly" | "comment" | "comment_sysmon" => {
                self.push_as(" ", place, inside);
                return Ok(());
            }
            _ => {}
        }
        if inside.len() >= DEEPEST_MACRO || inside.contains(&call.name) {
            return Err(wrong(
                self,
                format!("at most {DEEPEST_MACRO} nested macro calls, and no macro that calls itself"),
            ));
        }
        let unreadable = |problem| wrong(self, format!("a macro that can be read ({problem})"));
        let known = library.macro_named(&call.name).map_err(unreadable)?;
        let Some(known) = known else {
            if call.name.ends_with("_filter") && call.argument.is_none() {
                self.push_as(cursor.text_of(call.range.clone()), place, inside);
                return Ok(());
            }
            // The call stays: the part of the condition that contains it may be about other data.
            if is_macro_of_other_data(&call.name) {
                self.push_as(cursor.text_of(call.range.clone()), place, inside);
                return Ok(());
            }
            let mut known = library.macro_names();
            known.extend(BUILT_IN.map(str::to_owned));
            let error = wrong(self, EXPECTED_MACRO.to_owned());
            return Err(error.near(&call.name, known.iter().map(String::as_str)));
        };
        let values = call.argument.as_ref().map(|argument| arguments(&argument.text)).unwrap_or_default();
        let text = known.expand(&values).map_err(|problem| wrong(self, problem))?;
        inside.push(call.name.clone());
        self.add(&text, library, inside, Some(place))?;
        inside.pop();
        Ok(())
    }

    /// Appends the bytes `range` of `text`, which contain no macro call, to the expanded search.
    /// `called` is the range in the search as written of the macro call from which `text` came;
    /// `None` if `text` is the search as written. `inside` are the names of the macros that are
    /// being expanded.
    fn push(&mut self, text: &str, range: Range<usize>, called: Option<&Range<usize>>, inside: &[String]) {
        let written = text.get(range.clone()).unwrap_or_default();
        if let Some(place) = called {
            self.push_as(written, place, inside);
        } else {
            self.spans.push(ExpandedSpan { start: self.text.len(), original: range, from_macro: None });
            self.text.push_str(written);
        }
    }

    /// Appends `text` to the expanded search. It replaces the bytes `place` of the search as
    /// written. If `inside` is not empty, its last name is that of the macro from which the text
    /// comes.
    fn push_as(&mut self, text: &str, place: &Range<usize>, inside: &[String]) {
        let from_macro = inside.last().cloned();
        self.spans.push(ExpandedSpan { start: self.text.len(), original: place.clone(), from_macro });
        self.text.push_str(text);
    }

    /// Returns an error that quotes the bytes `place` of the search as written, and says what was
    /// expected there.
    fn original_error(&self, place: Range<usize>, expected: String) -> SearchError {
        Cursor::new(self.original, 0..self.original.len()).error(place, expected)
    }

    /// Moves the place of an error in a macro's text to the macro's call in the search as written.
    /// `called` is the range of the call; `None` if the error is in the search as written, where it
    /// stays. The last name in `inside` is that of the macro.
    fn locate(&self, error: SearchError, called: Option<&Range<usize>>, inside: &[String]) -> SearchError {
        match called {
            None => error,
            Some(place) => self.in_call(error, place, inside.last().map_or("", String::as_str)),
        }
    }

    /// Moves the place of an error in the text of the macro `name` to the macro's call at `place`,
    /// in the search as written. The text that the error quotes is followed by the macro's name.
    fn in_call(&self, error: SearchError, place: &Range<usize>, name: &str) -> SearchError {
        let SearchError { offset, line, column, .. } = self.original_error(place.clone(), String::new());
        SearchError { offset, line, column, found: format!("{} in the macro `{name}`", error.found), ..error }
    }

    /// Moves the place of an error in the expanded text of the search to the part of the search as
    /// written from which that text came.
    pub fn in_original(&self, error: SearchError) -> SearchError {
        let place = self.spans.partition_point(|span| span.start <= error.offset);
        let Some(span) = place.checked_sub(1).and_then(|place| self.spans.get(place)) else { return error };
        if let Some(name) = &span.from_macro {
            return self.in_call(error, &span.original, name);
        }
        let start = (span.original.start + (error.offset - span.start)).min(self.original.len());
        let SearchError { offset, line, column, .. } = self.original_error(start..start, String::new());
        SearchError { offset, line, column, ..error }
    }
}

/// Splits the argument text of a macro call at its commas, except for those in quotes or
/// parentheses. Quotes around an argument are removed.
fn arguments(text: &str) -> Vec<String> {
    let mut arguments = vec![String::new()];
    let (mut quoted, mut depth) = (false, 0_usize);
    for character in text.chars() {
        match character {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth = depth.saturating_sub(1),
            ',' if !quoted && depth == 0 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        if let Some(last) = arguments.last_mut() {
            last.push(character);
        }
    }
    let bare = |argument: String| -> String {
        let argument = argument.trim();
        let inside = argument.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        let inside =
            inside.map_or(Cow::Borrowed(argument), |inside| Cow::Owned(inside.replace("\\\"", "\"")));
        inside.into_owned()
    };
    arguments.into_iter().map(bare).collect()
}
