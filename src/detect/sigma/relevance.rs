//! Decides from a rule's predicate whether the rule is about events that a sweep reads.

use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::event::Event;

/// The fields whose value is the same in all events with one EventID of a log source.
pub(super) const CONSTANT: [Field; 3] = [Field::EventId, Field::Channel, Field::Provider];

/// A predicate in place of a line or a part that is not understood. It is true of some events and
/// false of others, so that it does not decide whether a rule is about other data.
pub(super) fn unknown() -> Predicate {
    Predicate::Exists(Field::IMAGE)
}

/// Returns true if a predicate is surely false of all events that have the same values as one of
/// the prototypes in the fields that the prototype has.
pub(super) fn never_holds(predicate: &Predicate, prototypes: &[Event]) -> bool {
    match predicate {
        Predicate::And(children) => children.iter().any(|child| never_holds(child, prototypes)),
        Predicate::Or(children) => children.iter().all(|child| never_holds(child, prototypes)),
        Predicate::Not(child) => always_holds(child, prototypes),
        leaf => is_constant(leaf) && prototypes.iter().all(|event| !leaf.evaluate(event)),
    }
}

/// Returns true if a predicate is surely true of all events that have the same values as one of the
/// prototypes in the fields that the prototype has.
fn always_holds(predicate: &Predicate, prototypes: &[Event]) -> bool {
    match predicate {
        Predicate::All => true,
        Predicate::And(children) => children.iter().all(|child| always_holds(child, prototypes)),
        Predicate::Or(children) => children.iter().any(|child| always_holds(child, prototypes)),
        Predicate::Not(child) => never_holds(child, prototypes),
        leaf => is_constant(leaf) && prototypes.iter().all(|event| leaf.evaluate(event)),
    }
}

/// Returns true if every way in which a predicate can be true includes a condition on the EventID
/// or on a field that only DNS queries have. Otherwise the rule is about all events of its log
/// source.
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

/// The field that a predicate without children compares; `None` if it compares no field.
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
