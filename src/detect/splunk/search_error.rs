//! The reason why an SPL search was refused, with its place. The functions that read the text of a
//! search make the errors.

use crate::detect::nearest::nearest;
use crate::detect::yaml::LineColumn;

/// The reason why an SPL search was refused: the place, what was expected there, and what was
/// found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: expected {expected}, found {found}{}", self.place(), self.hint())]
pub struct SearchError {
    /// The place of the error in the search, in bytes from the start of its text.
    pub offset: usize,
    /// The line of the error, from 1. It is counted in the rule file if `in_file`, otherwise in the
    /// search alone.
    pub line: u32,
    /// The column of the error in its line, in characters, from 1. It is counted in the rule file
    /// if `in_file`, otherwise in the search alone.
    pub column: u32,
    /// What was expected at the place of the error in the search, as a phrase for the error
    /// message.
    pub expected: String,
    /// What was found at the place of the error in the search: a quotation of its text, or that the
    /// search ends.
    pub found: String,
    /// The suggestion for a misspelt name: the known name that is closest to it. `None` if none is
    /// close, or if the error is not about a name.
    pub nearest: Option<Box<str>>,
    /// True if `line` and `column` are counted in the rule file, false if they are counted in the
    /// search alone.
    pub in_file: bool,
    /// The kind of problem: the search was not understood, or is about other data than Sysmon's DNS
    /// queries.
    pub reason: SearchReason,
}

/// The kind of problem for which an SPL search was refused: not understood, or about other data.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SearchReason {
    /// A part of the search is wrong, or is SPL that dnsweep does not support.
    #[default]
    NotUnderstood,
    /// The search is about other data than Sysmon's DNS queries: another event code, data model,
    /// source type or source.
    OtherData,
}

impl SearchError {
    /// Returns the error, marked as saying that the search is about other data than Sysmon's DNS
    /// queries.
    #[must_use]
    pub(in crate::detect) fn about_other_data(self) -> Self {
        SearchError { reason: SearchReason::OtherData, ..self }
    }

    /// Returns the error with a suggestion: the name in `known` that is closest to the misspelt
    /// `name`. Without a close name, there is no suggestion.
    #[must_use]
    pub(in crate::detect) fn near<'k>(self, name: &str, known: impl IntoIterator<Item = &'k str>) -> Self {
        SearchError { nearest: nearest(name, known).map(Box::from), ..self }
    }

    /// Returns the error with its place in the rule file, instead of its place in the search alone.
    #[must_use]
    pub(in crate::detect) fn in_file(self, place: LineColumn) -> Self {
        SearchError { line: short(place.line), column: short(place.column), in_file: true, ..self }
    }

    /// Returns the place of the error in words, for the error message.
    fn place(&self) -> String {
        let SearchError { line, column, offset, .. } = self;
        if self.in_file {
            format!("line {line}, column {column}")
        } else {
            format!("line {line}, column {column} (byte {offset}) of the search")
        }
    }

    /// Returns the suggestion at the end of the error message, such as `; did you mean 'stats'?`;
    /// an empty text if there is no suggestion.
    fn hint(&self) -> String {
        self.nearest.as_ref().map(|known| format!("; did you mean '{known}'?")).unwrap_or_default()
    }
}

/// Converts the number of a line or column to the type that errors have; a number that is too large
/// becomes `u32::MAX`.
pub(super) fn short(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
