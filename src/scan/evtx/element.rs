//! What a template definition states of an element that it contains: the element's value, and the
//! names and values of its attributes. [`super::token_reader`] reads them.

use crate::scan::evtx::binxml::Index;
use crate::scan::evtx::binxml::text::Text;

/// What a template definition states as the value of an element or attribute: a text, or the index
/// of the record's value that fills it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum Value<'a> {
    /// The template definition does not have the element or attribute, or has it without a value.
    #[default]
    Absent,
    /// The value of the element or attribute is a text that the template definition contains.
    Literal(Text<'a>),
    /// The element or attribute is filled by the record's value at this index.
    Substitution(Index),
}

impl Value<'_> {
    /// Returns the index of the record's value that fills the element or attribute; `None` if the
    /// element or attribute has a literal text or no value.
    pub(in crate::scan) fn index(self) -> Option<Index> {
        match self {
            Value::Substitution(index) => Some(index),
            _ => None,
        }
    }
}

/// The attributes of an element in a template definition. Only the first four are kept: real
/// elements have up to seven attributes, but those that are examined have at most three.
#[derive(Debug, Default, Clone, Copy)]
pub(in crate::scan) struct Attributes<'a> {
    /// The names and values of the first four attributes of an element. If it has fewer than four,
    /// only as many entries as it has attributes are valid.
    pub(super) first: [(Text<'a>, Value<'a>); 4],
    /// The number of the element's attributes, including those after the fourth, of which nothing
    /// else is kept.
    pub count: usize,
}

impl<'a> Attributes<'a> {
    /// Returns whether the element has no attributes.
    pub(in crate::scan) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Returns the value of the element's only attribute; `None` if the element has no attribute,
    /// or several.
    pub(in crate::scan) fn sole(&self) -> Option<Value<'a>> {
        (self.count == 1).then_some(self.first[0].1)
    }

    /// Returns whether the element has none of the attributes `Name`, `SystemTime` and `UserID`, so
    /// that none of its attributes can be mistaken for that of another element. It may have `own`,
    /// the attribute that is read from this element, once. The result is false if the element has
    /// more than four attributes.
    pub(in crate::scan) fn are_plain(&self, own: Option<&str>) -> bool {
        const READ: [&str; 3] = ["Name", "SystemTime", "UserID"];
        let Some(all) = self.first.get(..self.count) else { return false };
        READ.into_iter().all(|read| {
            let there = all.iter().filter(|(name, _)| name.is(read)).count();
            there <= usize::from(own == Some(read))
        })
    }

    /// Returns the value of the attribute `wanted`; `None` if the element has no or several
    /// attributes of that name, or more than four attributes. The decoder (the `evtx` crate) leaves
    /// out empty attributes, so it is not known which of several it would use.
    pub(in crate::scan) fn only(&self, wanted: &str) -> Option<Value<'a>> {
        let mut named = self.first.get(..self.count)?.iter().filter(|(name, _)| name.is(wanted));
        let (_, value) = named.next()?;
        named.next().is_none().then_some(*value)
    }
}
