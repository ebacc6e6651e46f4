//! Texts of which every event that matches a rule contains at least one. They are derived from the
//! rule's predicate. A sweep searches the bytes of records for them (the skim), and skips records
//! without them instead of decoding them.

use std::collections::HashSet;
use std::sync::Arc;

use crate::base::text_set::SoughtText;
use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::listed::{AddressList, NameList};
use crate::detect::predicate::pattern_set::PatternSet;

/// The smallest length, in bytes, of a literal by which a sweep selects the records that it
/// decodes. A shorter literal occurs in nearly all records, so it would select nearly all.
const SHORTEST_REQUIRED_LITERAL: usize = 3;

/// A text, or a set of texts, that an event can be required to have in one of its fields to match a
/// rule. A sweep searches the bytes of records for it, and decodes only records that have it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequiredText {
    /// The name of the `Data` element of the event's XML in which the text is sought, such as
    /// `QueryName`.
    pub data_name: &'static str,
    /// The literal that the field must contain, which is at least three characters long, or the
    /// texts of which one must be the field's whole value.
    pub text: SoughtText,
}

impl Predicate {
    /// Returns sets of texts, by which a sweep skips records without decoding them. Every matching
    /// event has at least one text of each set: it contains the literal, in any ASCII case, or its
    /// value is one of many ([`SoughtText`]). If there are no sets, any event may match. If one of
    /// the sets is empty, no event can match.
    ///
    /// The sets are correct for these reasons:
    /// - A value that matches a pattern contains all literals of the pattern, so the longest one is
    ///   enough.
    /// - All children of an AND are true, so the sets of all children apply.
    /// - At least one child of an OR is true, but it is not known which. So the union of one set of
    ///   each child applies, and the smallest set of each is taken. If a child has no set, no set
    ///   applies.
    /// - A NOT only says what an event does not contain, which gives no set.
    ///
    /// Literals outside ASCII are left out, because their upper and lower case differ in their
    /// bytes. Literals of fields that records do not store as text are left out too.
    #[must_use]
    pub fn required_texts(&self) -> Vec<Vec<RequiredText>> {
        match self {
            Predicate::And(children) => children.iter().flat_map(Predicate::required_texts).collect(),
            Predicate::Or(children) => {
                // A rule can list a hundred thousand names.
                let mut union: Vec<RequiredText> = Vec::new();
                let mut known: HashSet<RequiredText> = HashSet::new();
                for child in children {
                    let Some(smallest) = child.required_texts().into_iter().min_by_key(Vec::len) else {
                        return Vec::new();
                    };
                    for literal in smallest {
                        if known.insert(literal.clone()) {
                            union.push(literal);
                        }
                    }
                }
                vec![union]
            }
            Predicate::Matches { field, pattern } => required(*field, pattern.literals()),
            Predicate::OneOf { field, patterns } => required_of_set(*field, patterns),
            Predicate::ListedName(names) => vec![vec![RequiredText {
                data_name: Field::QUERY_NAME.name(),
                text: SoughtText::OneOf(Arc::<NameList>::clone(names)),
            }]],
            Predicate::ListedAddress(addresses) => vec![vec![RequiredText {
                data_name: Field::QUERY_RESULTS.name(),
                text: SoughtText::OneOf(Arc::<AddressList>::clone(addresses)),
            }]],
            Predicate::Fits { field, expression } => required(*field, expression.literals()),
            Predicate::Computed(computed) => computed.required_texts(),
            Predicate::All
            | Predicate::Not(_)
            | Predicate::Sysmon
            | Predicate::Exists(_)
            | Predicate::Empty(_)
            | Predicate::InNetwork { .. }
            | Predicate::Passes { .. }
            | Predicate::Compare { .. } => Vec::new(),
        }
    }
}

/// Returns the set of texts by which a sweep selects the records that it decodes, for a condition
/// on one field, as the only element of a list. `literals` are texts that the field's value must
/// all contain; the set has only the longest of them. The list is empty if no literal can be
/// searched for in records.
pub(in crate::detect) fn required<'a>(
    field: Field,
    literals: impl Iterator<Item = &'a str>,
) -> Vec<Vec<RequiredText>> {
    let usable = |literal: &&str| {
        literal.is_ascii() && literal.len() >= SHORTEST_REQUIRED_LITERAL && !literal.contains('\0')
    };
    let longest = literals.filter(usable).max_by_key(|literal| literal.len());
    let required = field
        .data_name()
        .zip(longest)
        .map(|(data_name, literal)| vec![RequiredText { data_name, text: literal.into() }]);
    required.into_iter().collect()
}

/// Returns the sets of texts by which a sweep selects the records that it decodes
/// ([`Predicate::required_texts`]), for a condition on one field that has many patterns. If records
/// contain the field's whole value, the only set consists of the patterns themselves. Otherwise it
/// has a literal of each pattern, and there is no set if a pattern has none.
fn required_of_set(field: Field, patterns: &Arc<PatternSet>) -> Vec<Vec<RequiredText>> {
    match field.data_name() {
        Some(data_name) if matches!(field, Field::Data(_)) => {
            vec![vec![RequiredText {
                data_name,
                text: SoughtText::OneOf(Arc::<PatternSet>::clone(patterns)),
            }]]
        }
        _ => {
            let literals = patterns.patterns().map(|pattern| required(field, pattern.pieces()).pop());
            literals.collect::<Option<Vec<_>>>().map(|literals| vec![literals.concat()]).unwrap_or_default()
        }
    }
}
