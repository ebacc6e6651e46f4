//! Decides from a rule's predicate whether the rule is about events that a sweep reads, or about
//! others.

use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::event::Event;

/// The fields that have one value in all events of a kind.
pub(super) const CONSTANT: [Field; 3] = [Field::EventId, Field::Channel, Field::Provider];

/// A placeholder for a line or a part that is not understood: it holds for some events and not for
/// others.
pub(super) fn unknown() -> Predicate {
    Predicate::Exists(Field::IMAGE)
}

/// Whether a predicate holds for no event that agrees with one of the prototypes in the fields that
/// the prototype has.
pub(super) fn never_holds(predicate: &Predicate, prototypes: &[Event]) -> bool {
    match predicate {
        Predicate::And(children) => children.iter().any(|child| never_holds(child, prototypes)),
        Predicate::Or(children) => children.iter().all(|child| never_holds(child, prototypes)),
        Predicate::Not(child) => always_holds(child, prototypes),
        leaf => is_constant(leaf) && prototypes.iter().all(|event| !leaf.evaluate(event)),
    }
}

/// Whether a predicate holds for every event that agrees with one of the prototypes in the fields
/// that the prototype has.
fn always_holds(predicate: &Predicate, prototypes: &[Event]) -> bool {
    match predicate {
        Predicate::All => true,
        Predicate::And(children) => children.iter().all(|child| always_holds(child, prototypes)),
        Predicate::Or(children) => children.iter().any(|child| always_holds(child, prototypes)),
        Predicate::Not(child) => never_holds(child, prototypes),
        leaf => is_constant(leaf) && prototypes.iter().all(|event| leaf.evaluate(event)),
    }
}

/// Whether all that a predicate holds for is asked for by its number or by what only DNS queries
/// have.
pub(super) fn asks_for_dns(predicate: &Predicate, prototypes: &[Event]) -> bool {
    match predicate {
        Predicate::And(children) => children.iter().any(|child| asks_for_dns(child, prototypes)),
        Predicate::Or(children) => {
            let mut possible = children.iter().filter(|child| !never_holds(child, prototypes)).peekable();
            possible.peek().is_some() && possible.all(|child| asks_for_dns(child, prototypes))
        }
        leaf => matches!(
            field_of(leaf),
            Some(Field::EventId | Field::QUERY_NAME | Field::QUERY_STATUS | Field::QUERY_RESULTS)
        ),
    }
}

fn is_constant(leaf: &Predicate) -> bool {
    field_of(leaf).is_some_and(|field| CONSTANT.contains(&field))
}

/// The field that a condition is on; `None` where it is on none.
fn field_of(leaf: &Predicate) -> Option<Field> {
    match leaf {
        Predicate::Exists(field)
        | Predicate::Empty(field)
        | Predicate::Matches { field, .. }
        | Predicate::Fits { field, .. }
        | Predicate::InNetwork { field, .. }
        | Predicate::Passes { field, .. } => Some(*field),
        _ => None,
    }
}
