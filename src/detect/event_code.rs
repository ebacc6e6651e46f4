//! Rules that ask for other events than DNS queries: here these are never looked at, so such a rule must not seem to run.

use super::field::Field;
use super::predicate::Predicate;

/// The number of the event that is looked at.
const DNS_QUERY: &str = "22";

/// What a condition asks for of the event's number that no DNS query has, as it is written; `None` if it asks for nothing of the
/// kind. What it excludes does not count.
pub(super) fn other_event(predicate: &Predicate) -> Option<&str> {
    asked(predicate, true)
}

fn asked(predicate: &Predicate, is_asked: bool) -> Option<&str> {
    match predicate {
        Predicate::And(children) | Predicate::Or(children) => {
            children.iter().find_map(|child| asked(child, is_asked))
        }
        Predicate::Not(child) => asked(child, !is_asked),
        Predicate::Matches { field: Field::EventId, pattern } if is_asked && !pattern.matches(DNS_QUERY) => {
            Some(pattern.text())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::Search;
    use super::*;

    #[test]
    fn what_is_asked_for_counts_and_what_is_excluded_does_not() {
        for (search, expected) in [
            ("EventCode=22 QueryName=a", None),
            ("EventCode=2* QueryName=a", None),
            ("QueryName=a", None),
            ("EventCode=3 QueryName=a", Some("3")),
            ("EventCode=22 OR (EventCode=7 Image=a)", Some("7")),
            ("EventCode IN (1, 22)", Some("1")),
            ("EventCode!=1 QueryName=a", None),
            ("NOT EventCode=1 QueryName=a", None),
            ("NOT (NOT EventID=1) QueryName=a", Some("1")),
        ] {
            assert_eq!(other_event(&Search::parse(search).unwrap().predicate), expected, "{search}");
        }
    }
}
