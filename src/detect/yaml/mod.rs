//! Reads YAML, the format of rule files. Each YAML document becomes a tree of [`Node`]s with their
//! places in the file, and nodes become values of Rust types. This module is the only user of the
//! crate `granit_parser`.
//!
//! An error is a [`YamlProblem`]: a message of one line that says the place, what was expected and
//! what was found.

mod deserialize;
mod document_text;
pub(in crate::detect) mod file_place;
pub(in crate::detect) mod keys;
mod long_list;
mod node;
mod read;
mod syntax_error;

use std::fmt;

use serde::de::DeserializeOwned;

pub(in crate::detect) use self::deserialize::from_node;
pub(in crate::detect) use self::node::{Key, Node, NodeKind, Scalar};
pub(in crate::detect) use self::read::documents;

/// A place in the text of a rule file, by line and column. Messages show it to the rule's author.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LineColumn {
    /// The line of the rule file, counted from 1.
    pub line: usize,
    /// The column in the line of the rule file, in characters, counted from 1.
    pub column: usize,
}

impl fmt::Display for LineColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// An error in a YAML file: a message for the file's author, and the place if it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct YamlProblem {
    /// The place of the error in the YAML file; `None` while it is unknown.
    place: Option<LineColumn>,
    /// The message about the error in the YAML file, which says what was expected and what was
    /// found.
    text: String,
}

impl YamlProblem {
    /// Makes a problem at `place` of a YAML file. `text` says what was expected and what was found.
    pub(in crate::detect) fn at(place: LineColumn, text: impl Into<String>) -> Self {
        YamlProblem { place: Some(place), text: text.into() }
    }

    /// Makes a problem whose place in the file is not known yet. [`YamlProblem::or_at`] sets the
    /// place later.
    pub(in crate::detect) fn without_place(text: impl Into<String>) -> Self {
        YamlProblem { place: None, text: text.into() }
    }

    /// Returns the YAML problem with another message, which `change` makes of the present one.
    pub(in crate::detect) fn map_text(self, change: impl FnOnce(String) -> String) -> Self {
        YamlProblem { text: change(self.text), ..self }
    }

    /// Returns the line of the YAML file with the problem, counted from 1; 1 if the place is
    /// unknown.
    pub(in crate::detect) fn line(&self) -> usize {
        self.place.map_or(1, |place| place.line)
    }

    /// Returns the YAML problem with `place` as its place, if it has none yet. A place that is
    /// already set is more exact, and is kept.
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

/// Reads a YAML text that must have exactly one document. No document, and a second one, are
/// errors.
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

/// Reads a YAML text that must have exactly one document, and converts the document to a value of
/// type `T`. The error is the message of a [`YamlProblem`].
pub(in crate::detect) fn from_yaml<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    only_document(text).and_then(|node| from_node(&node)).map_err(|problem| problem.to_string())
}
