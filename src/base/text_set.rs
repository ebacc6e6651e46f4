//! What is sought in a text: a literal, or one of the texts of a set, such as a list of a hundred
//! thousand names. A set is looked up as a whole, and is shared instead of copied.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// A set of texts, or of descriptions of texts, such as patterns.
pub trait TextSet: fmt::Debug + Send + Sync {
    /// Returns true if the set contains `text`, or a description (such as a pattern) that `text`
    /// matches. The ASCII letters of `text` must be in lower case.
    fn contains(&self, text: &str) -> bool;

    /// Returns the number of texts or descriptions in the set.
    fn count(&self) -> usize;
}

/// What is sought in a text, such as in the value of a field.
#[derive(Debug, Clone)]
pub enum SoughtText {
    /// The text must contain this literal, regardless of the case of ASCII letters. The literal is
    /// ASCII, in lower case, and without NUL.
    Literal(String),
    /// The whole text must be in this set, or match one of its descriptions (such as patterns).
    OneOf(Arc<dyn TextSet>),
}

impl SoughtText {
    /// Returns true if `text` contains the sought literal or, for a set, if it is in the set or
    /// matches a description in it. The ASCII letters of `text` must be in lower case.
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

/// Two literals are equal if their texts are. Two sets are equal only if they are the same object
/// in memory; sets with equal texts can be unequal.
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
