//! Rules that ask for other events than DNS queries: here these are never looked at, so such a rule
//! must not seem to run.

use std::ops::Range;

use super::field::Field;
use super::predicate::Predicate;

/// The number of the event that is looked at.
const DNS_QUERY: &str = "22";

/// What a condition asks for of the event's number that no DNS query has, as it is written; `None`
/// if it asks for nothing of the kind. What it excludes does not count.
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

/// Where a search asks for that: the first place behind the field's name at which it stands as a
/// word.
pub(super) fn place_of(search: &str, found: &str) -> Option<Range<usize>> {
    let is_part =
        |letter: Option<char>| letter.is_some_and(|letter| letter.is_alphanumeric() || letter == '*');
    let is_word = |at: &usize| {
        let (before, behind) = (search.get(..*at), search.get(at + found.len()..));
        !is_part(before.and_then(|text| text.chars().next_back()))
            && !is_part(behind.and_then(|text| text.chars().next()))
    };
    let first = ["EventCode", "EventID", "signature_id"].iter().filter_map(|name| search.find(name)).min()?;
    let mut places = search.match_indices(found).map(|(at, _)| at).filter(|at| *at > first);
    places.find(is_word).map(|at| at..at + found.len())
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

    #[test]
    fn its_place_is_told() {
        for (search, found, place) in [
            ("`sysmon` EventCode=3 QueryName=3", "3", Some(19)),
            ("2 EventCode=22 OR EventCode=2", "2", Some(28)),
            ("EventCode IN (22, \"1\")", "1", Some(19)),
            ("QueryName=3", "3", None),
        ] {
            assert_eq!(place_of(search, found).map(|range| range.start), place, "{search}");
        }
    }
}
