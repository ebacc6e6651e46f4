//! Reads YAML, the format of rule files. Documents become trees of [`Node`]s with their places in
//! the file, and nodes become values of Rust types. The only user of `granit_parser`.
//!
//! An error is a [`YamlProblem`]: a message of one line that says the place, what was expected and
//! what was found.

mod deserialize;
mod document_text;
pub(in crate::detect) mod file_place;
pub(in crate::detect) mod keys;
mod node;
mod read;
mod syntax_error;

use std::fmt;

use serde::de::DeserializeOwned;

pub(in crate::detect) use self::deserialize::from_node;
pub(in crate::detect) use self::node::{Key, Node, NodeKind, Scalar};
pub(in crate::detect) use self::read::documents;

/// A place in a text: a line and a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// The line, counted from 1.
    pub line: usize,
    /// The column in characters, counted from 1.
    pub column: usize,
}

impl fmt::Display for LineColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// An error in a YAML document, with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlProblem {
    /// The place of the problem; `None` while it is unknown.
    place: Option<LineColumn>,
    /// A line of text that says what was expected and what was found.
    text: String,
}

impl YamlProblem {
    /// A problem at `place`.
    pub(in crate::detect) fn at(place: LineColumn, text: impl Into<String>) -> Self {
        YamlProblem { place: Some(place), text: text.into() }
    }

    /// A problem whose place is not known yet. [`YamlProblem::or_at`] sets the place later.
    pub(in crate::detect) fn without_place(text: impl Into<String>) -> Self {
        YamlProblem { place: None, text: text.into() }
    }

    /// The problem with its text replaced by the result of `change`.
    pub(in crate::detect) fn map_text(self, change: impl FnOnce(String) -> String) -> Self {
        YamlProblem { text: change(self.text), ..self }
    }

    /// The problem's line; 1 if its place is unknown.
    pub(in crate::detect) fn line(&self) -> usize {
        self.place.map_or(1, |place| place.line)
    }

    /// The problem, with `place` as its place if it has none.
    pub(in crate::detect) fn or_at(self, place: LineColumn) -> Self {
        YamlProblem { place: self.place.or(Some(place)), ..self }
    }
}

impl fmt::Display for YamlProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A message stays a line, whatever it quotes.
        let text = self.text.replace(['\n', '\r'], " ");
        match self.place {
            Some(place) => write!(f, "{place}: {text}"),
            None => f.write_str(&text),
        }
    }
}

impl std::error::Error for YamlProblem {}

/// Reads a text that must have exactly one document.
pub(in crate::detect) fn only_document(text: &str) -> Result<Node, YamlProblem> {
    let mut documents = documents(text).into_iter();
    match (documents.next(), documents.next()) {
        (None, _) => Err(YamlProblem::without_place("expected a document, found an empty file")),
        (Some(Ok(_)), Some(Ok(second))) => {
            Err(YamlProblem::at(second.place, "expected one document in the file, found a second one"))
        }
        (Some(_), Some(Err(problem))) => Err(problem),
        (Some(only), _) => only,
    }
}

/// Reads a text that must have exactly one document, as a value of type `T`.
pub(in crate::detect) fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    only_document(text).and_then(|node| from_node(&node)).map_err(|problem| problem.to_string())
}
