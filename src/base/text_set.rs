//! What is sought in a text: a literal, or one of the texts of a set, such as a list of a hundred
//! thousand names. One lookup answers for a whole set, which its users share.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A set of texts, or of descriptions of texts, such as patterns.
pub trait TextSet: fmt::Debug + Send + Sync {
    /// Returns true if the set contains a text, or describes it. `text` has its ASCII letters in
    /// lower case.
    fn contains(&self, text: &str) -> bool;

    /// The number of texts or descriptions in the set.
    fn count(&self) -> usize;
}

/// What is sought in a text, such as in the value of a field.
#[derive(Debug, Clone)]
pub enum SoughtText {
    /// The text must contain this literal, in any case of its letters. The literal is ASCII, in
    /// lower case, and without NUL.
    Literal(String),
    /// The whole text must be in this set, or be described by it.
    OneOf(Arc<dyn TextSet>),
}

impl SoughtText {
    /// Returns true if a text has what is sought. `text` has its ASCII letters in lower case.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        match self {
            SoughtText::Literal(literal) => text.contains(literal),
            SoughtText::OneOf(set) => set.contains(text),
        }
    }

    /// The literal that is sought; `None` if a set of texts is sought.
    #[must_use]
    pub fn literal(&self) -> Option<&str> {
        match self {
            SoughtText::Literal(literal) => Some(literal),
            SoughtText::OneOf(_) => None,
        }
    }
}

impl From<&str> for SoughtText {
    fn from(literal: &str) -> Self {
        SoughtText::Literal(literal.to_owned())
    }
}

/// Two sets are equal if they are the same set. Sets with equal texts can be different sets.
impl PartialEq for SoughtText {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (SoughtText::Literal(one), SoughtText::Literal(other)) => one == other,
            (SoughtText::OneOf(one), SoughtText::OneOf(other)) => Arc::ptr_eq(one, other),
            _ => false,
        }
    }
}

impl Eq for SoughtText {}

impl Hash for SoughtText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            SoughtText::Literal(literal) => literal.hash(state),
            SoughtText::OneOf(set) => Arc::as_ptr(set).cast::<()>().hash(state),
        }
    }
}
