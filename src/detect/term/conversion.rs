//! Converts the conditions of a search to predicates. A condition that tests one field of an event
//! becomes the variant of [`Predicate`] that does so, if there is one; any other is computed.

use crate::detect::predicate::expression::{Case, Expression, PatternPart};
use crate::detect::predicate::pattern::Pattern;
use crate::detect::predicate::{Predicate, number};
use crate::detect::term::computed::Computed;
use crate::detect::term::condition::{Condition, Relation};
use crate::detect::term::function::Function;
use crate::detect::term::{Term, TermKind};

impl Condition {
    /// Converts the condition to a [`Predicate`] that is true for the same events. The conditions
    /// of the rules of all languages are evaluated in this form.
    pub fn into_predicate(self) -> Predicate {
        let all = |many: Vec<Condition>| many.into_iter().map(Condition::into_predicate).collect();
        match self {
            Condition::All => Predicate::All,
            Condition::Sysmon => Predicate::Sysmon,
            Condition::And(many) => Predicate::And(all(many)),
            Condition::Or(many) => Predicate::Or(all(many)),
            Condition::Not(one) => Predicate::Not(Box::new(one.into_predicate())),
            leaf => plain_predicate(&leaf).unwrap_or_else(|| Predicate::Computed(Computed::of(leaf).into())),
        }
    }
}

/// Returns the [`Predicate`] that tests one field of an event and is true for the same events as
/// the condition. `None` if no variant of [`Predicate`] does so; the caller then makes a
/// [`Predicate::Computed`].
fn plain_predicate(leaf: &Condition) -> Option<Predicate> {
    Some(match leaf {
        Condition::Exists(term) => Predicate::Exists(term.as_field()?),
        Condition::Matches(term, pattern) => {
            let field = term.as_field()?;
            let kept = field.kept_form(pattern.text());
            let pattern = if *kept == *pattern.text() { pattern.clone() } else { Pattern::new(&kept) };
            Predicate::Matches { field, pattern }
        }
        Condition::Inequality(term, order, value) => {
            Predicate::Compare { field: term.as_field()?, operator: *order, value: value.clone() }
        }
        Condition::Fits(term, expression) => {
            Predicate::Fits { field: term.as_field()?, expression: expression.clone() }
        }
        Condition::InNetwork(term, network) => {
            Predicate::InNetwork { field: term.as_field()?, network: *network }
        }
        Condition::Comparison(left, relation, right) => match (left.as_text(), right.as_text()) {
            (None, Some(text)) => equality(left, *relation, &text)?,
            (Some(text), None) => equality(right, *relation, &text)?,
            _ => return None,
        },
        _ => return None,
    })
}

/// Returns the [`Predicate`] that tests an event's field directly, for a comparison of the field
/// with a constant text in the command `where`. `None` if the text is empty or a number, because an
/// event may contain the same number in another notation, or if no variant of [`Predicate`] has the
/// same result.
fn equality(term: &Term, relation: Relation, text: &str) -> Option<Predicate> {
    if number(text).is_some() || text.is_empty() {
        return None;
    }
    if let (TermKind::Call(Function::Lower, terms), Relation::Equal) = (term.kind(), relation)
        && let Some(field) = terms.first().and_then(Term::as_field)
        && is_lower_ascii(text)
    {
        return Some(Predicate::Matches { field, pattern: Pattern::from_pieces(text, [text]) });
    }
    let field = term.as_field()?;
    let kept = field.kept_form(text);
    let expression =
        Expression::of_parts(text, &[PatternPart::Literal(kept.into_owned())], Case::Kept).ok()?;
    let equal = Predicate::Fits { field, expression };
    match relation {
        Relation::Equal => Some(equal),
        Relation::NotEqual if !field.is_multivalued() => {
            Some(Predicate::And(vec![Predicate::Exists(field), Predicate::Not(Box::new(equal))]))
        }
        Relation::NotEqual | Relation::Inequality(_) => None,
    }
}

/// Returns true if `text` is ASCII without upper-case letters. If so, a comparison of
/// `lower(value)` with the text has the same result as one of the value itself without regard to
/// case, so `lower` need not be computed.
pub(in crate::detect) fn is_lower_ascii(text: &str) -> bool {
    text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_uppercase())
}
