//! Predicates: conditions on an event, as a tree, and their evaluation. The tree is the same for
//! all rule languages: the parser of each language has already resolved precedence, quotes and
//! field names.

pub(in crate::detect) mod expression;
pub(in crate::detect) mod field;
pub(in crate::detect) mod field_cache;
mod gram_choice;
mod gram_index;
mod gram_table;
mod hits;
mod inequality;
pub(in crate::detect) mod listed;
pub(in crate::detect) mod network;
pub(in crate::detect) mod on_label;
pub(in crate::detect) mod pairs;
pub(in crate::detect) mod pattern;
pub(in crate::detect) mod pattern_set;
mod required;
pub(in crate::detect) mod size;
pub(in crate::detect) mod test;
pub(in crate::detect) mod text_index;
mod text_list;
mod text_table;
pub(in crate::detect) mod tree;

use std::sync::Arc;

pub use self::hits::Hits;
pub use self::inequality::Inequality;
pub(in crate::detect) use self::inequality::{number, ordering};
pub use self::required::RequiredText;
pub(in crate::detect) use self::required::required;
use crate::detect::predicate::expression::Expression;
use crate::detect::predicate::field::Field;
use crate::detect::predicate::field_cache::FieldCache;
use crate::detect::predicate::listed::{AddressList, NameList};
use crate::detect::predicate::network::Network;
use crate::detect::predicate::pattern::Pattern;
use crate::detect::predicate::pattern_set::PatternSet;
use crate::detect::predicate::test::FieldTest;
use crate::detect::term::computed::Computed;
use crate::event::Event;

/// A condition on one event, which a rule is compiled to. A tree of ANDs, ORs and NOTs; its leaves
/// are conditions on single fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Predicate {
    /// The predicate is true of every event.
    All,
    /// True if all of these predicates are true. Without predicates, it is always true.
    And(Vec<Predicate>),
    /// True if at least one of these predicates is true. Without predicates, it is always false.
    Or(Vec<Predicate>),
    /// True if the predicate inside is false.
    Not(Box<Predicate>),
    /// True if Sysmon wrote the event, as [`crate::event::System::is_sysmon`] decides.
    Sysmon,
    /// True if the event has this field, with a value that is not empty.
    Exists(Field),
    /// True if the event has this field, but with an empty value.
    Empty(Field),
    /// True if the field's value matches the pattern. A field that is absent or empty matches no
    /// pattern, not even `*`.
    Matches {
        /// The field of the event whose value is compared.
        field: Field,
        /// The pattern, which must match the field's whole value.
        pattern: Pattern,
    },
    /// True if the field's value matches one of many patterns. A field that is absent or empty
    /// matches no pattern.
    OneOf {
        /// The field of the event whose value is compared.
        field: Field,
        /// The patterns, one of which must match the field's whole value.
        patterns: Arc<PatternSet>,
    },
    /// True if a list of indicators has an entry that describes the name that the DNS query asks
    /// for.
    ListedName(Arc<NameList>),
    /// True if a list of indicators has an address that is in the answer to the DNS query, or a
    /// network that contains an address in the answer.
    ListedAddress(Arc<AddressList>),
    /// True if the field's value matches the regular expression. A field that is absent or empty
    /// matches no expression.
    Fits {
        /// The field of the event whose value is compared.
        field: Field,
        /// The regular expression, which must match somewhere in the field's value.
        expression: Expression,
    },
    /// True if the field contains an IP address that lies in the network.
    InNetwork {
        /// The field of the event whose value is compared.
        field: Field,
        /// The network that must contain an address in the field's value.
        network: Network,
    },
    /// True if the field's value passes a test, such as being a number above zero. A field that is
    /// absent or empty passes no test.
    Passes {
        /// The field of the event whose value is compared.
        field: Field,
        /// The test that the field's value must pass, such as to be a number above zero.
        test: FieldTest,
    },
    /// True if a condition of a Splunk search on computed values is true of the event. The values
    /// are results of functions or lookups (a site's tables), or values in the rows that the
    /// search's command `stats` makes of the event.
    Computed(Arc<Computed>),
    /// True if the field's value is less or greater than another value, as the operator says: by
    /// number if both are numbers, otherwise by text in lower case. False for a field that is
    /// absent or empty.
    Compare {
        /// The field whose value is on the left of the operator.
        field: Field,
        /// The operator between the field's value and the rule's value.
        operator: Inequality,
        /// The value in the rule, with which the field's value is compared. It is on the right of
        /// the operator.
        value: String,
    },
}

impl Predicate {
    /// Returns true if the predicate is true of an event.
    #[must_use]
    pub fn evaluate(&self, event: &Event) -> bool {
        self.holds_for(&mut FieldCache::new(event))
    }

    fn holds_for(&self, event: &mut FieldCache<'_>) -> bool {
        match self {
            Predicate::All => true,
            Predicate::And(children) => children.iter().all(|child| child.holds_for(event)),
            Predicate::Or(children) => children.iter().any(|child| child.holds_for(event)),
            Predicate::Not(child) => !child.holds_for(event),
            Predicate::Sysmon => event.event.system.is_sysmon(),
            Predicate::Exists(field) => event.any(*field, |_| true),
            Predicate::Empty(field) => field.is_empty(event.event),
            Predicate::Matches { field, pattern } => event.matches(*field, pattern),
            Predicate::OneOf { field, patterns } => event.any(*field, |value| patterns.matches(value)),
            Predicate::ListedName(names) => event.any(Field::QUERY_NAME, |name| names.describes(name)),
            Predicate::ListedAddress(addresses) => {
                event.any(Field::QUERY_RESULTS, |results| addresses.has_any_in(results))
            }
            Predicate::Fits { field, expression } => event.any(*field, |value| expression.matches(value)),
            Predicate::InNetwork { field, network } => {
                event.any(*field, |value| network.contains_any_in(*field, value))
            }
            Predicate::Computed(computed) => computed.holds(event.event),
            Predicate::Passes { field, test } => {
                let whole = event.event;
                event.any(*field, |value| test.passes(value, whole))
            }
            Predicate::Compare { field, operator, value } => {
                event.any(*field, |left| operator.holds(ordering(left, value)))
            }
        }
    }

    /// Returns the patterns of the predicate that made an event match; none if the event does not
    /// match. A pattern that is negated, or in a branch of the predicate that is false as a whole,
    /// did not make the event match.
    #[must_use]
    pub fn hits(&self, event: &Event) -> Hits<'_> {
        self.hits_of_match(event).unwrap_or_default()
    }

    /// Returns the patterns of the predicate that made an event match, like [`Predicate::hits`];
    /// `None` if the event does not match. An event can match without any pattern; the lists of
    /// patterns are empty then.
    #[must_use]
    pub fn hits_of_match(&self, event: &Event) -> Option<Hits<'_>> {
        let mut hits = Hits::default();
        self.collect_hits(&mut FieldCache::new(event), true, &mut hits).then_some(hits)
    }

    /// Returns true if the truth value of this predicate for an event is `wanted`: true, or false
    /// inside an odd number of negations. If so, adds to `hits` the patterns in the predicate that
    /// made the event match the rule.
    fn collect_hits<'p>(&'p self, event: &mut FieldCache<'_>, wanted: bool, hits: &mut Hits<'p>) -> bool {
        match self {
            Predicate::And(children) | Predicate::Or(children) => {
                // All children of a true AND are true, and all children of a false OR are false.
                if matches!(self, Predicate::And(_)) == wanted {
                    let known = hits.count();
                    let alike = children.iter().all(|child| child.collect_hits(event, wanted, hits));
                    if !alike {
                        hits.truncate(known);
                    }
                    alike
                } else {
                    let mut any = false;
                    for child in children {
                        any |= child.collect_hits(event, wanted, hits);
                    }
                    any
                }
            }
            Predicate::Not(child) => child.collect_hits(event, !wanted, hits),
            leaf => {
                let is_wanted = leaf.holds_for(event) == wanted;
                if is_wanted && wanted {
                    leaf.add_hits(event, hits);
                }
                is_wanted
            }
        }
    }

    /// Adds to `hits` the patterns of this predicate that made the event match. The predicate must
    /// be true of the event, and must be a leaf of the tree (no AND, OR or NOT).
    fn add_hits<'p>(&'p self, event: &mut FieldCache<'_>, hits: &mut Hits<'p>) {
        match self {
            Predicate::Matches { field, pattern } => {
                hits.add(event.event, *field, pattern.text(), |name| pattern.is_on_label(name));
            }
            Predicate::Fits { field, expression } => {
                hits.add(event.event, *field, expression.text(), |name| expression.is_on_label(name));
            }
            Predicate::InNetwork { field, network } => hits.add_answer(*field, network.text().into()),
            Predicate::OneOf { field, patterns } => event.each(*field, |value| {
                for pattern in patterns.matching(value) {
                    hits.add(event.event, *field, pattern.text(), |name| pattern.is_on_label(name));
                }
            }),
            Predicate::ListedName(names) => event.each(Field::QUERY_NAME, |name| {
                for entry in names.entries_for(name) {
                    hits.add(event.event, Field::QUERY_NAME, entry, |name| {
                        NameList::is_on_label(entry, name)
                    });
                }
            }),
            Predicate::ListedAddress(addresses) => event.each(Field::QUERY_RESULTS, |results| {
                for entry in addresses.entries_for(results) {
                    hits.add(event.event, Field::QUERY_RESULTS, entry, |_| false);
                }
            }),
            Predicate::Computed(computed) => computed.add_hits(event.event, hits),
            Predicate::All
            | Predicate::And(_)
            | Predicate::Or(_)
            | Predicate::Not(_)
            | Predicate::Sysmon
            | Predicate::Exists(_)
            | Predicate::Empty(_)
            | Predicate::Passes { .. }
            | Predicate::Compare { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::detect::splunk::search::Search;
    use crate::detect::testing::{event, nothing};

    fn predicate(head: &str) -> Predicate {
        Search::parse(head).unwrap_or_else(|error| panic!("{head}: {error}")).predicate
    }

    #[test]
    fn required_texts_by_form() {
        let none: &[&[&str]] = &[];
        for (head, expected) in [
            ("QueryName=*Pastebin*", &[&["pastebin"][..]][..]),
            ("QueryName=*ab*longer*abc", &[&["longer"]]),
            ("QueryName=*ab*", none),
            ("QueryName=*", none),
            ("QueryName=*café*", none),
            ("QueryName=*café*plain*", &[&["plain"]]),
            ("QueryName IN (*discord*, t.me, *DISCORD)", &[&["discord", "t.me"]]),
            ("QueryName IN (*discord*, *)", none),
            ("QueryName=discord OR Image=*temp*", &[&["discord", "temp"]]),
            ("QueryName=discord OR EventCode=22", none),
            ("QueryName IN (one, two) Image=three", &[&["one", "two"], &["three"]]),
            ("(QueryName IN (one, two) Image=three) OR User=four", &[&["three", "four"]]),
            ("NOT QueryName=discord", none),
            ("NOT NOT QueryName=discord", none),
            ("QueryName!=discord", none),
            ("QueryName!=discord Image=x.exe", &[&["x.exe"]]),
            ("QueryName>discord", none),
            // Not text in the record.
            ("ProcessId=12345", none),
            ("ProcessId=22222", none),
            ("Computer=workstation", none),
            ("ProcessGuid=f20b227d*", none),
            ("`sysmon`", none),
        ] {
            let found = predicate(head).required_texts();
            let found: Vec<Vec<&str>> = found
                .iter()
                .map(|set| set.iter().map(|required| required.text.literal().unwrap()).collect())
                .collect();
            assert_eq!(found, expected, "{head}");
        }
        assert_eq!(Predicate::Or(Vec::new()).required_texts(), [[]], "nothing can match");
    }

    #[test]
    fn hits_are_the_patterns_that_made_the_event_match() {
        let event = event(r"C:\Users\Public\cmd.exe", "cdn.discordapp.com");
        for (head, query, process) in [
            ("QueryName IN (*Discord*, *app*, *pastebin*, *Discord*)", &["*Discord*", "*app*"][..], &[][..]),
            (
                r"query=*discord* Image=*\\users\\public\\* process_name=CMD.exe",
                &["*discord*"],
                &[r"*\users\public\*", "CMD.exe"],
            ),
            ("QueryName=*discord* NOT Image=*powershell*", &["*discord*"], &[]),
            ("NOT (NOT QueryName=*discord*)", &["*discord*"], &[]),
            ("NOT (QueryName=x OR NOT QueryName=*discord*)", &["*discord*"], &[]),
            ("QueryName!=x Image=*", &[], &["*"]),
            // A branch that is false as a whole did not make the event match.
            ("(QueryName=*discord* ProcessId=7) OR Image=*cmd*", &[], &["*cmd*"]),
            ("QueryName=*pastebin*", &[], &[]),
            ("User=*alice", &[], &[]),
        ] {
            let predicate = predicate(head);
            let hits = predicate.hits(&event);
            assert_eq!(
                (hits.matched_query, hits.matched_process),
                (query.to_vec(), process.to_vec()),
                "{head}"
            );
        }
    }

    /// Adds to `hits` the patterns that made an event match, in two passes: which parts of the
    /// predicate have the truth value `wanted`, and then which of their patterns.
    fn slow_hits<'p>(predicate: &'p Predicate, event: &Event, wanted: bool, hits: &mut Hits<'p>) {
        match predicate {
            _ if predicate.evaluate(event) != wanted => {}
            Predicate::And(children) | Predicate::Or(children) => {
                for child in children {
                    slow_hits(child, event, wanted, hits);
                }
            }
            Predicate::Not(child) => slow_hits(child, event, !wanted, hits),
            leaf if wanted => leaf.add_hits(&mut FieldCache::new(event), hits),
            _ => {}
        }
    }

    fn tree() -> impl Strategy<Value = Predicate> {
        let field = prop_oneof![Just(Field::QUERY_NAME), Just(Field::IMAGE), Just(Field::Answer)];
        let leaf = (field, "[*](a|b|ab|cmd|192)[*]|[*](a|b|ab)|zz")
            .prop_map(|(field, text)| Predicate::Matches { field, pattern: Pattern::new(&text) });
        leaf.prop_recursive(4, 24, 4, |inner| {
            let several = || prop::collection::vec(inner.clone(), 0..4);
            prop_oneof![
                several().prop_map(Predicate::And),
                several().prop_map(Predicate::Or),
                inner.clone().prop_map(|child| Predicate::Not(Box::new(child))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn hits_are_collected_as_in_two_passes(predicate in tree(), name in "[ab.]{1,3}") {
            let event = event(r"C:\a\cmd.exe", &name);
            let hits = predicate.hits_of_match(&event);
            prop_assert_eq!(hits.is_some(), predicate.evaluate(&event));
            let mut expected = Hits::default();
            slow_hits(&predicate, &event, true, &mut expected);
            prop_assert_eq!(hits.unwrap_or_default(), expected);
        }
    }

    #[test]
    fn an_and_of_nothing_holds_and_an_or_of_nothing_does_not() {
        let event = nothing();
        assert!(Predicate::And(Vec::new()).evaluate(&event));
        assert!(!Predicate::Or(Vec::new()).evaluate(&event));
        assert!(Predicate::Not(Box::new(Predicate::Exists(Field::IMAGE))).evaluate(&event));
    }

    #[test]
    fn names_are_no_numbers() {
        for (text, expected) in [
            ("7", Some(7.0)),
            ("-7.5", Some(-7.5)),
            ("-0", Some(0.0)),
            ("inf", None),
            ("nan", None),
            ("1e3", None),
            ("", None),
            ("0x1", None),
        ] {
            assert_eq!(number(text), expected, "{text}");
        }
    }

    fn matches(field: Field, pattern: &str) -> Predicate {
        Predicate::Matches { field, pattern: Pattern::new(pattern) }
    }

    fn any_predicate() -> impl Strategy<Value = Predicate> {
        let field = prop::sample::select(
            &[Field::QUERY_NAME, Field::IMAGE, Field::ProcessName, Field::Data("ProcessId")][..],
        );
        let leaf = prop_oneof![
            6 => (field, "[abAB*k\u{212a}é]{0,8}").prop_map(|(field, text)| matches(field, &text)),
            1 => Just(Predicate::All),
        ];
        leaf.prop_recursive(4, 16, 3, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::And),
                prop::collection::vec(inner.clone(), 0..3).prop_map(Predicate::Or),
                inner.prop_map(|child| Predicate::Not(Box::new(child))),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4096))]
        /// Tests that an event that matches a predicate contains a literal of each set of
        /// [`Predicate::required_texts`]. A sweep skips records that do not, without decoding
        /// them.
        #[test]
        fn a_match_holds_a_required_literal(
            predicate in any_predicate(),
            query in "[abABkK\u{212a}éÉ]{0,8}",
            image in r"[abABkK\\]{0,8}",
        ) {
            let event = nothing()
                .with("QueryName", query.as_str())
                .with("Image", image.as_str())
                .with("ProcessId", "abba");
            if predicate.evaluate(&event) {
                for set in predicate.required_texts() {
                    let holds = |name: &str, text: &str| {
                        let text = text.to_ascii_lowercase();
                        set.iter().any(|required| required.data_name == name && required.text.is_in(&text))
                    };
                    prop_assert!(holds("QueryName", &query) || holds("Image", &image), "{:?}", set);
                }
            }
        }
    }
}
