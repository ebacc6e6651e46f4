//! Decides from a Sigma rule's predicate whether the rule is about events that a sweep reads. A
//! rule about other events is not run. In a directory of rules this is not an error, because most
//! published rules are about other events.

use crate::detect::predicate::Predicate;
use crate::detect::predicate::field::Field;
use crate::event::Event;

/// The fields that have the same value in all events of a log source with the same EventID. So it
/// can be decided whether a condition on one of them is false of every event that a sweep reads.
pub(super) const CONSTANT: [Field; 3] = [Field::EventId, Field::Channel, Field::Provider];

/// A predicate that takes the place of a piece of a Sigma rule that is not understood. It is true
/// of some events and false of others, so that it does not decide whether the rule is about events
/// that a sweep reads.
pub(super) fn unknown() -> Predicate {
    Predicate::Exists(Field::IMAGE)
}

/// Returns true if a predicate is surely false of every event that a sweep reads. `prototypes` are
/// sample events, one for each EventID, with only the fields that all events of that EventID share.
/// Other fields may have any value.
pub(super) fn never_holds(predicate: &Predicate, prototypes: &[Event]) -> bool {
    match predicate {
        Predicate::And(children) => children.iter().any(|child| never_holds(child, prototypes)),
        Predicate::Or(children) => children.iter().all(|child| never_holds(child, prototypes)),
        Predicate::Not(child) => always_holds(child, prototypes),
        leaf => is_constant(leaf) && prototypes.iter().all(|event| !leaf.evaluate(event)),
    }
}

/// Returns true if a predicate is surely true of every event that a sweep reads. `prototypes` are
/// sample events, one for each EventID, with only the fields that all events of that EventID share.
/// Other fields may have any value.
fn always_holds(predicate: &Predicate, prototypes: &[Event]) -> bool {
    match predicate {
        Predicate::All => true,
        Predicate::And(children) => children.iter().all(|child| always_holds(child, prototypes)),
        Predicate::Or(children) => children.iter().any(|child| always_holds(child, prototypes)),
        Predicate::Not(child) => never_holds(child, prototypes),
        leaf => is_constant(leaf) && prototypes.iter().all(|event| leaf.evaluate(event)),
    }
}

/// Returns true if a Sigma rule's predicate is true only of events that meet one of its conditions
/// on the EventID, or on a field that only DNS queries have. If it returns false, the rule is about
/// all events of its log source, and not about DNS queries. `prototypes` are sample events, one for
/// each EventID that a sweep reads.
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

/// Returns the field that a predicate on a single field compares; `None` for a predicate of another
/// kind, such as an AND.
fn field_of(leaf: &Predicate) -> Option<Field> {
    match leaf {
        Predicate::Exists(field)
        | Predicate::Empty(field)
        | Predicate::Matches { field, .. }
        | Predicate::OneOf { field, .. }
        | Predicate::Fits { field, .. }
        | Predicate::InNetwork { field, .. }
        | Predicate::Passes { field, .. } => Some(*field),
        _ => None,
    }
}
