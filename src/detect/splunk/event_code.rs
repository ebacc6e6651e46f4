//! The field values that all of Sysmon's DNS queries share, such as the event's number. A condition
//! that requires other values shows that a rule is about other events. Such events are not read, so
//! the rule must be refused instead of finding nothing.

use std::borrow::Cow;

use crate::detect::predicate::field::Field;
use crate::detect::term::Assumption;
use crate::detect::term::condition::Condition;
use crate::event::DNS_QUERY;

/// The phrase after "expected" in the error message for a search that requires the number of an
/// event other than 22.
pub(in crate::detect) const EXPECTED_EVENT: &str = "22, because only DNS queries are searched";
/// The phrase after "expected" in the error message for a search with a condition that no DNS query
/// meets. For a condition such as `EventCode=1`, it is [`EXPECTED_EVENT`] instead.
pub(in crate::detect) const EXPECTED_DNS_QUERY: &str =
    "a condition that Sysmon's DNS queries (event 22) can meet";

/// Returns the value of a field if it is the same in all of Sysmon's DNS queries; otherwise `None`.
pub(in crate::detect) fn common_value(field: Field) -> Option<Cow<'static, str>> {
    match field {
        Field::EventId => match DNS_QUERY.event_ids {
            [only] => Some(Cow::Owned(only.to_string())),
            _ => None,
        },
        Field::Signature => DNS_QUERY.signature.map(Cow::Borrowed),
        Field::VendorProduct => DNS_QUERY.vendor_product.map(Cow::Borrowed),
        _ => None,
    }
}

/// Returns true if a condition selects no DNS query, because it contradicts the field values that
/// all of Sysmon's DNS queries share. If `is_excluded`, the condition is inside an odd number of
/// `NOT`s, and the function returns true if the condition's negation selects no DNS query. For a
/// constant condition, such as `true()`, it returns false.
pub(in crate::detect) fn selects_no_dns_query(condition: &Condition, is_excluded: bool) -> bool {
    condition.known(Assumption::DnsQuery) == Some(is_excluded)
        && condition.known(Assumption::Nothing).is_none()
}

/// Returns the first part of a condition (without `AND`, `OR` and `NOT`) that excludes all DNS
/// queries, and so shows that the search is about other events; `None` if there is none.
pub(in crate::detect) fn part_about_others(condition: &Condition) -> Option<&Condition> {
    part(condition, false)
}

fn part(condition: &Condition, is_excluded: bool) -> Option<&Condition> {
    match condition {
        Condition::And(many) | Condition::Or(many) => many.iter().find_map(|one| part(one, is_excluded)),
        Condition::Not(one) => part(one, !is_excluded),
        leaf => selects_no_dns_query(leaf, is_excluded).then_some(leaf),
    }
}

#[cfg(test)]
mod tests {
    use crate::detect::{Search, SearchReason};

    /// Returns what a search is about (`DNS queries`, `other data` or `both`), and the text that
    /// its error quotes; for a search without an error, its notes.
    fn about(search: &str) -> (&'static str, String) {
        match Search::parse(search) {
            Err(error) if error.reason == SearchReason::OtherData => ("other data", error.found),
            Err(error) => panic!("{search}: {error}"),
            Ok(search) if search.notes.is_empty() => ("DNS queries", String::new()),
            Ok(search) => ("both", search.notes.join("; ")),
        }
    }

    #[test]
    fn required_event_numbers_decide_and_excluded_ones_do_not() {
        for (search, expected, found) in [
            ("EventCode=22 QueryName=a", "DNS queries", ""),
            ("EventCode=2* QueryName=a", "DNS queries", ""),
            ("EventCode>=22 EventCode<23 QueryName=a", "DNS queries", ""),
            ("QueryName=a", "DNS queries", ""),
            ("EventCode!=1 QueryName=a", "DNS queries", ""),
            ("NOT EventCode=1 QueryName=a", "DNS queries", ""),
            ("NOT EventCode IN (1, 3) QueryName=a", "DNS queries", ""),
            ("`sysmon` | where EventCode=22 AND QueryName=\"a\"", "DNS queries", ""),
            ("EventCode=3 QueryName=a", "other data", "'3'"),
            ("EventCode>22 QueryName=a", "other data", "'22'"),
            ("EventCode!=22 QueryName=a", "other data", "'22'"),
            ("NOT EventCode=22 QueryName=a", "other data", "'22'"),
            ("NOT `sysmon` QueryName=a", "other data", "'`sysmon`'"),
            ("NOT tag=dns QueryName=a", "other data", "'dns'"),
            ("NOT (NOT EventID=1) QueryName=a", "other data", "'1'"),
            ("EventCode IN (1, 3) QueryName=a", "other data", "'1'"),
            ("signature=\"Process Create\" QueryName=a", "other data", "'\"Process Create\"'"),
            (
                "`sysmon` | where EventCode=1 AND QueryName=\"a\"",
                "other data",
                "'EventCode=1 AND QueryName=\"a\"'",
            ),
            ("`sysmon` | where in(EventCode, 1, 3)", "other data", "'in(EventCode, 1, 3)'"),
            ("`sysmon` | search EventCode=1", "other data", "'1'"),
            ("`sysmon` | regex EventCode=\"^1$\"", "other data", "'EventCode=\"^1$\"'"),
            ("`sysmon` | eval c=tonumber(EventCode) | where c=1", "other data", "'c=1'"),
            ("* | stats count by EventCode query | where EventCode=1", "other data", "'EventCode=1'"),
            ("EventCode=22 OR (EventCode=7 Image=a)", "both", "'7'"),
            ("EventCode IN (22, 3) QueryName=a", "both", "'3'"),
            ("(EventCode=22 QueryName=a) OR (EventCode=1 process_name=b)", "both", "'1'"),
            // A field that DNS queries do not have is not an obstacle in the part about other
            // events.
            ("(EventCode=22 QueryName=a) OR (EventCode=1 ParentImage=*b (x=1 OR y=2))", "both", "'1'"),
            (
                "(`sysmon` EventCode=22) OR (`wineventlog_security` EventCode=4688 x=y)",
                "both",
                "'`wineventlog_security`'",
            ),
            ("(`stream_dns` query=a) OR (`sysmon` EventCode=22 query=a)", "both", "'`stream_dns`'"),
            ("* | where EventCode=22 OR EventCode=1", "both", "EventCode = 1"),
        ] {
            let (about, named) = about(search);
            assert_eq!(about, expected, "{search}: {named}");
            assert!(named.contains(found), "{search}: {named}");
            assert!(expected != "other data" || named == found, "{search}: {named}");
        }
    }

    #[test]
    fn an_unknown_field_is_an_error_unless_its_part_is_about_other_events() {
        for (search, found) in [
            ("EventCode=22 ParentImage=x", "'ParentImage'"),
            ("(EventCode=22 Foo=a) OR (EventCode=1 ParentImage=x)", "'Foo'"),
            ("(EventCode=1 OR ParentImage=x) EventCode=22", "'ParentImage'"),
            ("EventCode IN (1, 22) Imag=*", "'Imag'"),
            ("(EventCode=22 query=a) OR (`my_own` query=b)", "'`my_own`'"),
        ] {
            let error = Search::parse(search).expect_err(search);
            assert_eq!(
                (error.reason, error.found.as_str()),
                (SearchReason::NotUnderstood, found),
                "{search}"
            );
        }
    }
}
