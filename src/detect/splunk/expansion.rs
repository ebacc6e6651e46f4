//! A search with its comments taken out and its macros filled in, and where each of its parts
//! stands in the search as written.

use std::borrow::Cow;
use std::ops::Range;

use crate::detect::splunk::library::Library;
use crate::detect::splunk::origin::is_macro_of_other_data;
use crate::detect::splunk::pipeline::EXPECTED_MACRO;
use crate::detect::splunk::token::{Cursor, MacroCall, SearchError};

/// A search does not become longer than this by its macros.
const MOST_BYTES: usize = 1 << 20;
/// Macros deeper inside each other are no search but an attempt at the stack.
const DEEPEST_MACRO: usize = 16;
/// The macros that are understood by their names.
const BUILT_IN: [&str; 5] = [
    "sysmon",
    "security_content_ctime",
    "security_content_summariesonly",
    "summariesonly",
    "drop_dm_object_name",
];
/// What a comment stands between.
const COMMENT: &str = "```";

/// A search without comments, in which macros are filled in. Only macros that are understood by
/// their names are left.
#[derive(Debug)]
pub(in crate::detect) struct Expansion<'a> {
    /// The search as written.
    original: &'a str,
    pub text: String,
    spans: Vec<ExpandedSpan>,
}

/// A piece of the text, up to the start of the next.
#[derive(Debug)]
struct ExpandedSpan {
    start: usize,
    /// Where the piece stands in the search as written, or the call that it came of.
    original: Range<usize>,
    /// The macro that it came of.
    of_macro: Option<String>,
}

impl<'a> Expansion<'a> {
    /// Fills in the macros of a search.
    pub fn new(original: &'a str, library: &dyn Library) -> Result<Self, SearchError> {
        let mut expansion = Expansion { original, text: String::new(), spans: Vec::new() };
        expansion.add(original, library, &mut Vec::new(), None)?;
        Ok(expansion)
    }

    /// Adds a text: the search itself, or what a macro is filled in with, which the call at
    /// `called` asked for.
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
                    at = cursor.quoted().map_err(|error| self.placed(error, called, inside))?.range.end;
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
                            return Err(self.placed(error, called, inside));
                        };
                        self.text.push(' ');
                        at += length + 2 * COMMENT.len();
                    } else {
                        let call = cursor.macro_call().map_err(|error| self.placed(error, called, inside))?;
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
                format!("at most {MOST_BYTES} bytes with its macros filled in"),
            );
            return Err(error);
        }
        Ok(())
    }

    /// Adds what a macro call stands for.
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
            // These are understood by their names, whatever a site makes of them: what they select
            // or print is known here.
            "sysmon" | "security_content_ctime" | "drop_dm_object_name" => {
                self.push_as(cursor.written(call.range.clone()), place, inside);
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
                format!("at most {DEEPEST_MACRO} macros inside each other, none in itself"),
            ));
        }
        let unreadable = |problem| wrong(self, format!("a macro that can be read ({problem})"));
        let known = library.macro_named(&call.name).map_err(unreadable)?;
        let Some(known) = known else {
            if call.name.ends_with("_filter") && call.argument.is_none() {
                self.push_as(cursor.written(call.range.clone()), place, inside);
                return Ok(());
            }
            // A condition may have one in a part that is about other data.
            if is_macro_of_other_data(&call.name) {
                self.push_as(cursor.written(call.range.clone()), place, inside);
                return Ok(());
            }
            let mut known = library.macro_names();
            known.extend(BUILT_IN.map(str::to_owned));
            let error = wrong(self, EXPECTED_MACRO.to_owned());
            return Err(error.near(&call.name, known.iter().map(String::as_str)));
        };
        let values = call.argument.as_ref().map(|argument| arguments(&argument.text)).unwrap_or_default();
        let text = known.filled_in(&values).map_err(|problem| wrong(self, problem))?;
        inside.push(call.name.clone());
        self.add(&text, library, inside, Some(place))?;
        inside.pop();
        Ok(())
    }

    fn push(&mut self, text: &str, range: Range<usize>, called: Option<&Range<usize>>, inside: &[String]) {
        let written = text.get(range.clone()).unwrap_or_default();
        if let Some(place) = called {
            self.push_as(written, place, inside);
        } else {
            self.spans.push(ExpandedSpan { start: self.text.len(), original: range, of_macro: None });
            self.text.push_str(written);
        }
    }

    fn push_as(&mut self, text: &str, place: &Range<usize>, inside: &[String]) {
        let of_macro = inside.last().cloned();
        self.spans.push(ExpandedSpan { start: self.text.len(), original: place.clone(), of_macro });
        self.text.push_str(text);
    }

    fn original_error(&self, place: Range<usize>, expected: String) -> SearchError {
        Cursor::new(self.original, 0..self.original.len()).error(place, expected)
    }

    /// An error in a text that is being added.
    fn placed(&self, error: SearchError, called: Option<&Range<usize>>, inside: &[String]) -> SearchError {
        match called {
            None => error,
            Some(place) => self.in_call(error, place, inside.last().map_or("", String::as_str)),
        }
    }

    fn in_call(&self, error: SearchError, place: &Range<usize>, name: &str) -> SearchError {
        let SearchError { offset, line, column, .. } = self.original_error(place.clone(), String::new());
        SearchError { offset, line, column, found: format!("{} in the macro `{name}`", error.found), ..error }
    }

    /// An error in the text, as one in the search as written.
    pub fn in_original(&self, error: SearchError) -> SearchError {
        let place = self.spans.partition_point(|span| span.start <= error.offset);
        let Some(span) = place.checked_sub(1).and_then(|place| self.spans.get(place)) else { return error };
        if let Some(name) = &span.of_macro {
            return self.in_call(error, &span.original, name);
        }
        let start = (span.original.start + (error.offset - span.start)).min(self.original.len());
        let SearchError { offset, line, column, .. } = self.original_error(start..start, String::new());
        SearchError { offset, line, column, ..error }
    }
}

/// The arguments of a macro call: commas in quotes or parentheses separate none, and quotes around
/// one are not part of it.
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
